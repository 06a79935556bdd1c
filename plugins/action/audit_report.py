# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``audit_report``, on the controller alone: no node is asked for anything."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import AUDIT_REPORT
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import (
    as_html,
    as_json,
    as_junit,
    as_sarif,
    files,
    threshold,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import Fleet, Node

KINDS = ("json", "sarif", "junit", "html")
MANIFEST = pathlib.Path(__file__).resolve().parents[2] / "MANIFEST.json"


class ActionModule(NodeAction):
    """Gathers what was registered for the hosts, writes the reports, and fails at the threshold."""

    ARGUMENT_SPEC = AUDIT_REPORT

    def execute(self, options: Result) -> Result:
        targets = _targets(options)
        nodes = tuple(Node.read(name, self._registered(name, options["registered"])) for name in options["hosts"])
        fleet = Fleet(nodes, f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}")
        if not self._task.check_mode:
            for kind, path in targets.items():
                files.write(path, kind, _pieces(kind, fleet, options))
        reached = threshold.reached(fleet, options["fail_on"])
        result = {
            "changed": bool(targets),
            "verdict": fleet.verdict,
            "nodes": as_json.summary(fleet)["nodes"],
            "findings": dict(fleet.severities),
            "summary": threshold.summary(fleet),
            "files": list(targets.values()),
        }
        return {**result, **({"failed": True, "msg": _message(reached, options, targets)} if reached else {})}

    def _registered(self, host: str, name: str) -> t.Any:
        """As the task left it: to template the variables of a thousand hosts would take minutes."""
        hostvars = self._variables["hostvars"]
        return hostvars.raw_get(host).get(name) if host in hostvars else None


def _targets(options: Result) -> dict[str, str]:
    """All of them are looked at before one is written."""
    found = {kind: files.target(options[kind], kind) for kind in KINDS if options[kind]}
    if len(set(found.values())) < len(found):
        raise DomainError("name one file twice", option=" and ".join(found), fix="Give each report a file of its own.")
    return found


def _pieces(kind: str, fleet: Fleet, options: Result) -> t.Iterable[str]:
    if kind == "json":
        return as_json.lines(fleet, _version())
    if kind == "sarif":
        return [as_sarif.document(fleet, _version(), options["findings_url"])]
    return as_junit.lines(fleet) if kind == "junit" else [as_html.page(fleet)]


def _version() -> str:
    """The collection's own; empty where it is run from its sources."""
    if not MANIFEST.is_file():
        return ""
    return str(json.loads(MANIFEST.read_text(encoding="utf-8"))["collection_info"]["version"])


def _message(reached: t.Sequence[str], options: Result, targets: t.Mapping[str, str]) -> str:
    place = targets.get("html") or next(iter(targets.values()), "")
    report = f" All of it is in {place}." if place else ""
    return f"The audit fails (fail_on: {options['fail_on']}): {', '.join(reached)}.{report}"
