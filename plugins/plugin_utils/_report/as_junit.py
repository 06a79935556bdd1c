# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for pipelines that show tests: JUnit's XML. Private to this collection.

A node is a suite. Each of its namespaces is a test, which fails if it is open; so is each finding of severity error.
"""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import (
    CLOSED,
    SEVERITIES,
    UNKNOWN,
    Fleet,
    Node,
    Raw,
    severity_of,
)


def lines(fleet: Fleet) -> t.Iterator[str]:
    """The document in pieces, a node in each."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="airgap.nodes.audit">\n'
    for node in fleet.nodes:
        yield ElementTree.tostring(_suite(node, fleet.generated), encoding="unicode") + "\n"
    yield "</testsuites>\n"


def _suite(node: Node, generated: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_printable(node.name), timestamp=generated.removesuffix("Z"))
    if node.verdict == UNKNOWN:
        _add(_test(suite, node, "node", {}), "error", node.message)
    for route in node.routes:
        test = _test(suite, node, str(route.get("namespace") or ""), route)
        if route.get("verdict") != CLOSED:
            _add(test, "failure", str(route.get("reason") or ""))
    for finding in node.findings:
        if severity_of(finding) == SEVERITIES[0]:
            text = f"{finding.get('message') or ''} {finding.get('fix') or ''}".strip()
            _add(_test(suite, node, str(finding.get("id") or ""), finding), "failure", text)
    counts = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    for name, path in counts.items():
        suite.set(name, str(len(suite.findall(path))))
    return suite


def _test(suite: ElementTree.Element, node: Node, name: str, place: Raw) -> ElementTree.Element:
    told = {"classname": node.name, "name": name, "file": str(place.get("file") or "")}
    known = {key: _printable(text) for key, text in told.items() if text}
    return ElementTree.SubElement(suite, "testcase", known)


def _add(test: ElementTree.Element, kind: str, text: str) -> None:
    ElementTree.SubElement(test, kind, message=_printable(text)).text = _printable(text)


def _printable(text: str) -> str:
    """XML has no way at all to say most control characters."""
    return "".join(char if char.isprintable() or char in "\t\n" else "?" for char in text)
