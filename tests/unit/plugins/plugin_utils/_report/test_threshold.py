# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes an audit fail."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import threshold
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples


def with_finding(severity: str) -> dict[str, t.Any]:
    return {"a": samples.judged(findings=[samples.finding(severity=severity)])}


FLEETS: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "closed": ({"a": samples.judged()}, set()),
    "open": ({"a": samples.judged("open")}, {"error", "warning", "info", "open"}),
    "unreachable": ({"a": samples.UNREACHABLE}, {"error", "warning", "info", "open"}),
    "failed": ({"a": samples.FAILED}, {"error", "warning", "info", "open"}),
    "no node": ({}, {"error", "warning", "info", "open"}),
    "an error": (with_finding("error"), {"error", "warning", "info"}),
    "a warning": (with_finding("warning"), {"warning", "info"}),
    "a piece of information": (with_finding("info"), {"info"}),
}


@pytest.mark.parametrize("fail_on", ["error", "warning", "info", "open", "never"])
@pytest.mark.parametrize(("registered", "failing"), FLEETS.values(), ids=FLEETS)
def test_threshold(registered: dict[str, t.Any], failing: set[str], fail_on: str) -> None:
    assert bool(threshold.reached(samples.fleet(registered), fail_on)) == (fail_on in failing)


def test_what_is_said_of_it() -> None:
    findings = [samples.finding(severity="error"), samples.finding("other", "warning")]
    registered = {"a": samples.judged("open", findings=findings), "b": samples.judged(), "c": samples.FAILED}
    fleet = samples.fleet(registered)
    assert threshold.reached(fleet, "error") == ["1 of 3 nodes open", "1 of 3 nodes not judged", "1 error"]
    assert threshold.reached(fleet, "open") == ["1 of 3 nodes open", "1 of 3 nodes not judged"]
    assert threshold.reached(fleet, "warning")[-2:] == ["1 error", "1 warning"]


def test_summary() -> None:
    registered = {
        "a": samples.judged(),
        "b": samples.judged("open", findings=[samples.finding()]),
        "c": samples.UNREACHABLE,
        "d": samples.FAILED,
        "e": None,
    }
    assert threshold.summary(samples.fleet(registered)) == [
        "closed: 1 (a)",
        "open: 1 (b)",
        "unreachable: 1 (c)",
        "failed: 1 (d)",
        "not asked: 1 (e)",
        "findings: 1 error, 0 warnings, 0 info",
        "error hosts-toml-dropped on 1 node: containerd ignores the file.",
    ]


def test_a_summary_of_a_thousand_nodes_is_as_short() -> None:
    findings = [samples.finding(f"rule-{number}") for number in range(8)]
    lines = threshold.summary(
        samples.fleet({f"n{number}": samples.judged(findings=findings) for number in range(1000)})
    )
    assert lines[0] == "closed: 1000 (n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 990 more)"
    assert len(lines) == 8
    assert lines[-1] == "and 3 more rules"
