# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/audit.md names every variable of the playbook and every key of its JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_json
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

ROOT = Path(__file__).resolve().parents[3]
FLEET = (ROOT / "docs" / "audit.md").read_text("utf-8").partition("\n## The fleet\n")[2]


def test_variables() -> None:
    playbook = (ROOT / "playbooks" / "audit.yml").read_text("utf-8")
    read = set(re.findall(r"\b(containerd_\w+) \| default\(", playbook))
    assert {f"containerd_audit_{name}" for name in ("fail_on", "json", "sarif", "junit", "html")} <= read
    assert {name for name in read if f"`{name}`" not in FLEET} == set()


def test_keys() -> None:
    registered = {"a": samples.judged("open", findings=[samples.finding()]), "b": samples.UNREACHABLE}
    report = json.loads("".join(as_json.lines(samples.fleet(registered), "0.1.0")))
    part = FLEET.partition("\n### JSON\n")[2].partition("\n### ")[0]
    keys = {*report, *report["summary"], *report["summary"]["nodes"], *report["summary"]["findings"]}
    keys |= {key for rule in report["summary"]["rules"] for key in rule} | {
        key for node in report["nodes"] for key in node
    }
    assert {key for key in keys if not re.search(rf"[`.]{key}[`\[.]", part)} == set()
