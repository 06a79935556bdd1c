# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for code scanning: SARIF 2.1.0. Private to this collection.

A finding of a node is a result. So is a node that is open, and one of which nothing is known, so that none of the three
can be missed where only results are counted.
"""

from __future__ import annotations

import collections
import hashlib
import json
import typing as t
import urllib.parse

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import RULES
from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import (
    OPEN,
    SEVERITIES,
    UNKNOWN,
    Fleet,
    Node,
    Raw,
    Rule,
    rank,
    severity_of,
)

# Title, explanation and fix.
Words = tuple[str, str, str]

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = dict(zip(SEVERITIES, ("error", "warning", "note"), strict=True))
NODE_OPEN, NODE_UNKNOWN = "node-open", "node-not-judged"
MAX_NAMED = 5

# What a node as a whole is told by: no finding, but what the findings are about.
_OWN_RULES = {
    NODE_OPEN: (
        "The node can ask a registry that is not trusted",
        "At least one namespace has an endpoint outside the trusted registries.",
        "Each open namespace and the endpoints that are asked for it are in the JSON report and in the page.",
    ),
    NODE_UNKNOWN: (
        "Nothing is known of the node",
        "It was not reached, or the task failed there. It does not count as closed.",
        "Mend what the message names and run the audit again.",
    ),
}


def document(fleet: Fleet, version: str, findings_url: str) -> str:
    results = sorted(_results(fleet), key=lambda result: (_order(result), result["ruleId"]))
    rules = _rules(fleet, findings_url)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": _driver(version, rules)},
        "automationDetails": {"id": "airgap.nodes.audit/"},
        "invocations": [{"executionSuccessful": not fleet.of(UNKNOWN), "endTimeUtc": fleet.generated}],
        "columnKind": "unicodeCodePoints",
        "results": [{**result, "ruleIndex": index[result["ruleId"]]} for result in results],
    }
    return json.dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}, separators=(",", ":")) + "\n"


def _driver(version: str, rules: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    known = {"semanticVersion": version} if version else {}
    return {"name": "airgap.nodes", "fullName": "airgap.nodes.audit", **known, "rules": rules}


def _order(result: Raw) -> int:
    """The worst first, for those who read no further than a limit."""
    return list(LEVELS.values()).index(result["level"])


# --- rules


def _rules(fleet: Fleet, findings_url: str) -> list[dict[str, t.Any]]:
    own = [_described(name, "error", words, findings_url) for name, words in _OWN_RULES.items()]
    return [*own, *(_described(rule.id, LEVELS[rule.severity], _words(rule), findings_url) for rule in fleet.rules)]


def _words(rule: Rule) -> Words:
    """Of a rule that is not known here, those of its first finding."""
    known = RULES.get(rule.id)
    if known is None:
        return rule.id.replace("-", " "), rule.message or rule.id, rule.fix or rule.message
    return known.title, known.explanation, known.fix


def _described(name: str, level: str, words: Words, findings_url: str) -> dict[str, t.Any]:
    title, text, fix = words
    address = f"{findings_url}#{urllib.parse.quote(name)}"
    markdown = f"{_plain(text)}\n\n**Fix:** {_plain(fix)}\n\n[{_plain(name)}]({address})"
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": text},
        "help": {"text": f"{text}\n{fix}\n{address}", "markdown": markdown},
        "helpUri": address,
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["containerd", "registry"], "problem.severity": level.replace("note", "recommendation")},
    }


def _plain(text: str) -> str:
    """Markdown that says what the text says."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+!|<>~&" else char for char in text)


# --- results


def _results(fleet: Fleet) -> t.Iterator[dict[str, t.Any]]:
    for node in fleet.nodes:
        if node.verdict == OPEN:
            yield _result(node, NODE_OPEN, "error", f"{node.name} is open: {_open_message(node)}", _cause(node))
        elif node.verdict == UNKNOWN:
            yield _result(node, NODE_UNKNOWN, "error", f"{node.name}: {node.message}", {})
        yield from _of_findings(node)


def _open_message(node: Node) -> str:
    names = [str(route.get("namespace")) for route in node.open_routes]
    rest = len(names) - MAX_NAMED
    listed = ", ".join(names[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    return f"{listed}. {node.reason}" if listed else node.reason


def _cause(node: Node) -> Raw:
    return node.open_routes[0] if node.open_routes else {}


def _of_findings(node: Node) -> t.Iterator[dict[str, t.Any]]:
    seen: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for finding in sorted(node.findings, key=lambda finding: rank(severity_of(finding))):
        name = str(finding.get("id") or "")
        place = (name, str(finding.get("file") or ""), str(finding.get("key") or ""))
        seen[place] += 1
        text = " ".join(str(finding.get(key) or "") for key in ("message", "fix")).strip()
        level = LEVELS[severity_of(finding)]
        yield _result(node, name, level, f"{node.name}: {text}", finding, ordinal=seen[place])


def _result(node: Node, rule: str, level: str, text: str, place: Raw, *, ordinal: int = 1) -> dict[str, t.Any]:
    file = str(place.get("file") or "")
    mark = _fingerprint(node.name, rule, file, str(place.get("key") or ""), str(ordinal))
    location: dict[str, t.Any] = {"artifactLocation": {"uri": _uri(node.name, file)}}
    if place.get("line"):
        location["region"] = {"startLine": int(place["line"])}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": location,
                "logicalLocations": [{"name": node.name, "kind": "resource"}],
            }
        ],
        # The second is the name under which code scanning looks for it.
        "partialFingerprints": {"airgapNodes/v1": mark, "primaryLocationLineHash": f"{mark[:16]}:{ordinal}"},
    }


def _uri(node: str, file: str) -> str:
    """The files of a node as if they lay below its name."""
    return urllib.parse.quote(f"{node}/{file.lstrip('/')}".rstrip("/"), safe="/")


def _fingerprint(*parts: str) -> str:
    """Lines and words change while the finding stays the same, so neither is in it."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
