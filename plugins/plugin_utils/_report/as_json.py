# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for machines: one JSON document, each node on a line of its own. Private to this collection.

docs/audit.md describes it. What is there keeps its name and meaning for as long as ``schema`` is 1.
"""

from __future__ import annotations

import collections
import json
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import UNKNOWN, VERDICTS, Fleet, Node

SCHEMA = 1


def lines(fleet: Fleet, version: str) -> t.Iterator[str]:
    """The document in pieces: whole, a thousand nodes would be in memory twice."""
    head = {
        "schema": SCHEMA,
        "generated": fleet.generated,
        "collection": {"name": "airgap.nodes", "version": version},
        "verdict": fleet.verdict,
        "summary": summary(fleet),
    }
    parts = (f"{json.dumps(key)}: {_dump(value)}" for key, value in head.items())
    yield "{\n" + ",\n".join(parts) + ',\n"nodes": ['
    for number, node in enumerate(fleet.nodes):
        yield f"{',' if number else ''}\n{_dump(of_node(node))}"
    yield "\n]}\n"


def summary(fleet: Fleet) -> dict[str, t.Any]:
    verdicts = {verdict: len(fleet.of(verdict)) for verdict in VERDICTS}
    return {
        "nodes": {"total": len(fleet.nodes), **verdicts},
        "findings": dict(fleet.severities),
        "rules": [
            {"id": rule.id, "severity": rule.severity, "findings": rule.findings, "nodes": len(rule.nodes)}
            for rule in fleet.rules
        ],
        "releases": _counted(node.release for node in fleet.nodes if node.verdict != UNKNOWN),
        "sandbox_images": _counted(node.sandbox_image for node in fleet.nodes if node.verdict != UNKNOWN),
    }


def of_node(node: Node) -> dict[str, t.Any]:
    return {
        "name": node.name,
        "state": node.state,
        "message": node.message,
        **node.result,
        "verdict": node.verdict,
        "reason": node.reason,
    }


def _counted(values: t.Iterable[str]) -> dict[str, int]:
    return dict(sorted(collections.Counter(values).items()))


def _dump(value: t.Any) -> str:
    return json.dumps(value, separators=(",", ":"))
