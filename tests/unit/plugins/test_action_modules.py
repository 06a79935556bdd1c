# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action does the work, the module of the same name carries documentation and specification."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.nodes.plugins.module_utils import _argspec

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
# Modules whose work is on the node alone.
ON_THE_NODE = {"containerd_restart", "containerd_rollback", "crictl_pull"}
# And one that has nothing to do with any node.
ON_THE_CONTROLLER = {"audit_report"}


def names(kind: str) -> set[str]:
    return {path.stem for path in (PLUGINS / kind).glob("*.py")}


def test_every_action_has_its_module() -> None:
    assert names("action") - names("modules") == set()


def test_every_public_module_has_its_action() -> None:
    public = {name for name in names("modules") if not name.startswith("_")}
    assert public - names("action") - ON_THE_NODE == set()


@pytest.mark.parametrize("name", sorted(names("action") - ON_THE_NODE - ON_THE_CONTROLLER))
def test_every_action_can_be_told_which_unit_runs_containerd(name: str) -> None:
    """Where a node has two of them, the release and the restart are those of one and the same."""
    assert getattr(_argspec, name.upper())["unit"] == {"type": "str", "default": "containerd"}


def documented(options: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name, option in options.items():
        yield name
        yield from documented(option.get("suboptions") or {})


def used(value: t.Any) -> t.Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from used(inner)
    for inner in value if isinstance(value, list) else ():
        yield from used(inner)


@pytest.mark.parametrize("name", sorted(name for name in names("modules") if not name.startswith("_")))
def test_every_option_has_an_example(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.airgap.nodes.plugins.modules.{name}")
    options = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert set(documented(options)) - set(used(yaml.safe_load(module.EXAMPLES))) == set()
