# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever closes or undoes changes drops the oldest: one that did not know how many to keep would drop too many."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "containerd"
OPTION = {
    "airgap.nodes.containerd_node": "keep_changes",
    "airgap.nodes.containerd_restart": "keep",
    "airgap.nodes.containerd_rollback": "keep",
}


def calls() -> t.Iterator[tuple[str, str, dict[str, t.Any]]]:
    for file in (*ROLE.glob("tasks/*.yml"), *ROLE.glob("handlers/*.yml")):
        for task in yaml.safe_load(file.read_text(encoding="utf-8")):
            for module in OPTION.keys() & task.keys():
                yield file.name, module, task[module]


def test_each_call_of_the_role_says_how_many_changes_are_kept() -> None:
    found = list(calls())
    assert len(found) == 5
    for file, module, options in found:
        assert options.get(OPTION[module]) == "{{ containerd_keep_backups }}", file
