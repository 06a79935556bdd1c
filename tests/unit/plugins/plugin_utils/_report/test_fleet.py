# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is registered for a host becomes a node, and what is not known never counts as closed."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import Node
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

CASES: dict[str, tuple[t.Any, str, str]] = {
    "closed": (samples.judged(), "judged", "closed"),
    "open": (samples.judged("open"), "judged", "open"),
    "nothing registered": (None, "not_asked", "unknown"),
    "skipped": ({"skipped": True, "changed": False}, "not_asked", "unknown"),
    "unreachable": (samples.UNREACHABLE, "unreachable", "unknown"),
    "failed": (samples.FAILED, "failed", "unknown"),
    "failed with a verdict": ({**samples.judged(), "failed": True}, "failed", "unknown"),
    "another module's": ({"changed": False, "ping": "pong"}, "failed", "unknown"),
    "a verdict that is not known": (samples.judged(verdict="fine"), "failed", "unknown"),
    "closed with an open route": (samples.judged(routes=[samples.route(verdict="open")]), "judged", "open"),
    "closed with a route without a verdict": (samples.judged(routes=[{"namespace": "x"}]), "judged", "open"),
    "without lists": ({"verdict": "closed", "routes": None, "findings": None, "config": None}, "judged", "closed"),
}


@pytest.mark.parametrize(("registered", "state", "verdict"), CASES.values(), ids=CASES)
def test_verdict(registered: t.Any, state: str, verdict: str) -> None:
    node = Node.read("node-a", registered)
    assert (node.state, node.verdict) == (state, verdict)
    assert bool(node.message) == (verdict == "unknown")
    assert bool(node.result) == (verdict != "unknown")


def test_the_message_of_a_failure_is_kept_and_not_the_whole_of_a_long_one() -> None:
    assert Node.read("node-a", samples.UNREACHABLE).reason == "Connection timed out"
    assert Node.read("node-a", {"failed": True, "msg": ""}).reason == "The task failed without a message."
    assert len(Node.read("node-a", {"failed": True, "msg": "x" * 10_000}).reason) < 2100


def test_only_what_was_judged_is_kept() -> None:
    registered = samples.judged(invocation={"module_args": {}}, ansible_facts={"a": 1}, warnings=["x"])
    node = Node.read("node-a", registered)
    assert {"invocation", "ansible_facts", "warnings", "changed"} & set(node.result) == set()
    assert "effective" not in node.result["config"]
    assert (node.release, node.sandbox_image) == ("2.3.4", "registry.example.com/pause:3.10")


@pytest.mark.parametrize(
    ("registered", "verdict"),
    [
        ({}, "unknown"),
        ({"a": samples.judged()}, "closed"),
        ({"a": samples.judged(), "b": samples.FAILED}, "unknown"),
        ({"a": samples.judged("open"), "b": samples.FAILED, "c": samples.judged()}, "open"),
    ],
)
def test_a_fleet_is_as_bad_as_its_worst_node(registered: dict[str, t.Any], verdict: str) -> None:
    assert samples.fleet(registered).verdict == verdict


def test_rules_come_worst_first_with_their_nodes() -> None:
    fleet = samples.fleet(
        {
            "a": samples.judged(findings=[samples.finding("one", "info"), samples.finding("two", "warning")]),
            "b": samples.judged(findings=[samples.finding("one", "info"), samples.finding("three", "warning")]),
            "c": samples.judged(findings=[samples.finding("three", "warning")] * 2),
            "d": samples.judged(findings=[samples.finding("four", "unheard of")]),
            "e": samples.UNREACHABLE,
        }
    )
    found = [(rule.id, rule.severity, rule.findings, rule.nodes) for rule in fleet.rules]
    assert found == [
        ("four", "error", 1, ("d",)),
        ("three", "warning", 3, ("b", "c")),
        ("two", "warning", 1, ("a",)),
        ("one", "info", 2, ("a", "b")),
    ]
    assert fleet.severities == {"error": 1, "warning": 4, "info": 2}
