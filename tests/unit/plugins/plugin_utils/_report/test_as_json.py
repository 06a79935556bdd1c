# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for machines, whose shape others rely on."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_json
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

REGISTERED = {
    "a": samples.judged("open", findings=[samples.finding()]),
    "b": samples.judged(),
    "c": samples.UNREACHABLE,
}


def read(registered: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads("".join(as_json.lines(samples.fleet(registered), "0.1.0")))
    return found


def test_the_head() -> None:
    found = read(REGISTERED)
    nodes = found.pop("nodes")
    assert [node["name"] for node in nodes] == ["a", "b", "c"]
    assert found == {
        "schema": 1,
        "generated": "2026-11-21T18:00:00Z",
        "collection": {"name": "airgap.nodes", "version": "0.1.0"},
        "verdict": "open",
        "summary": {
            "nodes": {"total": 3, "open": 1, "unknown": 1, "closed": 1},
            "findings": {"error": 1, "warning": 0, "info": 0},
            "rules": [{"id": "hosts-toml-dropped", "severity": "error", "findings": 1, "nodes": 1}],
            "releases": {"2.3.4": 2},
            "sandbox_images": {"registry.example.com/pause:3.10": 2},
        },
    }


def test_a_node() -> None:
    node = read(REGISTERED)["nodes"][0]
    assert (node["state"], node["verdict"], node["reason"]) == ("judged", "open", "The node is open.")
    assert node["routes"] == REGISTERED["a"]["routes"]
    assert node["findings"] == REGISTERED["a"]["findings"]


def test_a_node_of_which_nothing_is_known_has_only_that() -> None:
    assert read(REGISTERED)["nodes"][2] == {
        "name": "c",
        "state": "unreachable",
        "message": "Connection timed out",
        "verdict": "unknown",
        "reason": "Connection timed out",
    }


def test_the_verdict_is_that_of_the_routes_too() -> None:
    (node,) = read({"a": samples.judged(routes=[samples.route(verdict="open")])})["nodes"]
    assert node["verdict"] == "open"


def test_each_node_has_a_line_and_an_empty_fleet_is_a_document_too() -> None:
    text = "".join(as_json.lines(samples.fleet(REGISTERED), ""))
    assert [
        json.loads(line.rstrip(","))["name"] for line in text.splitlines() if '"name":"' in line and "state" in line
    ]
    assert read({})["nodes"] == []


def test_any_name_is_only_a_name() -> None:
    name = '"},{"\n\ud800\u2028'
    assert read({name: samples.FAILED})["nodes"][0]["name"] == name
