# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for pipelines that show tests."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_junit
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples


def read(registered: t.Mapping[str, t.Any]) -> ElementTree.Element:
    return ElementTree.fromstring("".join(as_junit.lines(samples.fleet(registered))))  # noqa: S314 (our own)


def test_a_suite_for_each_node_and_a_test_for_each_namespace() -> None:
    routes = [samples.route("docker.io", "open"), samples.route("quay.io")]
    findings = [samples.finding(), samples.finding("other", "warning")]
    found = read(
        {"a": samples.judged("open", routes=routes, findings=findings), "b": samples.judged(), "c": samples.UNREACHABLE}
    )
    counts = [[suite.get(key) for key in ("name", "tests", "failures", "errors")] for suite in found]
    assert counts == [["a", "3", "2", "0"], ["b", "1", "0", "0"], ["c", "1", "0", "1"]]
    tests = [(test.get("classname"), test.get("name"), [part.tag for part in test]) for test in found.iter("testcase")]
    assert tests == [
        ("a", "docker.io", ["failure"]),
        ("a", "quay.io", []),
        ("a", "hosts-toml-dropped", ["failure"]),
        ("b", "docker.io", []),
        ("c", "node", ["error"]),
    ]
    messages = [part.get("message") for part in found.iter() if part.tag in ("failure", "error")]
    assert messages == ["It is open.", "containerd ignores the file. Mend line 3.", "Connection timed out"]
    assert found[0].get("timestamp") == "2026-11-21T18:00:00"


def test_any_name_is_only_a_name() -> None:
    name = "<&\"'\x00\x1b\ud800]]>ü"
    (suite,) = read({name: {"failed": True, "msg": name}})
    assert suite.get("name") == "<&\"'???]]>ü"


def test_no_node_is_a_document_too() -> None:
    assert list(read({})) == []
