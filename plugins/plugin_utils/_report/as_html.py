# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for people: one HTML page with everything in it. Private to this collection.

The page is template.html with page.css, page.js and the data put in. Nodes that are alike share what is said of them,
so that the page grows with how different the nodes are, and hardly with how many there are.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import pathlib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import RULES
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_json
from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import (
    CLOSED,
    OPEN,
    UNKNOWN,
    Fleet,
    Node,
    Raw,
    severity_of,
)

_HERE = pathlib.Path(__file__).resolve().parent
_ABOUT_CONTAINERD = ("version", "treated_as", "unit", "running", "config_file", "config_files")
_ABOUT_CONFIG = ("config_path", "directories", "sandbox_image", "sandbox_image_is_default", "local_pull_reasons")
_ABOUT = ("trusted_registries", "images_known", "images_unknown_reason")
_HEADLINES = {
    CLOSED: "No node asks a registry that is not trusted, on any of the routes that are listed.",
    OPEN: "{open} of {total} can ask a registry that is not trusted.",
    UNKNOWN: "Nothing is known of {unknown} of {total}.",
}


class Table:
    """Things that are said more than once, each in one place."""

    def __init__(self) -> None:
        self.items: list[t.Any] = []
        self._places: dict[str, int] = {}

    def place(self, thing: t.Any) -> int:
        key = json.dumps(thing, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.items)
            self.items.append(thing)
        return self._places[key]


class PageData:
    """What page.js reads. Its tables are named as they are there."""

    def __init__(self) -> None:
        names = ("texts", "abouts", "namespaces", "endpoints", "routes", "rows", "findings", "finding_sets", "images")
        self.tables = {name: Table() for name in (*names, "uses")}

    def of(self, fleet: Fleet) -> dict[str, t.Any]:
        nodes = [self._node(node) for node in fleet.nodes]
        tables = {name: table.items for name, table in self.tables.items()}
        rules = {rule.id: _rule(rule.id) for rule in fleet.rules if rule.id in RULES}
        return {"schema": as_json.SCHEMA, "generated": fleet.generated, "rules": rules, **tables, "nodes": nodes}

    def _place(self, table: str, thing: t.Any) -> int:
        return self.tables[table].place(thing)

    def _node(self, node: Node) -> list[t.Any]:
        images = [part for image in node.result.get("images") or () for part in self._image(image)]
        return [
            node.name,
            node.state,
            node.verdict,
            self._place("texts", node.reason),
            self._place("abouts", _about(node)),
            self._place("rows", [self._route(route) for route in node.routes]),
            self._place("finding_sets", [self._finding(finding) for finding in node.findings]),
            (node.result.get("containerd") or {}).get("started"),
            images,
        ]

    def _image(self, image: Raw) -> tuple[int, int, int]:
        namespace = self._place("namespaces", str(image.get("namespace") or ""))
        return self._place("images", image.get("image")), namespace, self._place("uses", image.get("used_by") or [])

    def _route(self, route: Raw) -> int:
        """Without the images, which differ from node to node, and are known by their namespace."""
        return self._place(
            "routes",
            {
                "namespace": self._place("namespaces", str(route.get("namespace") or "")),
                "verdict": CLOSED if route.get("verdict") == CLOSED else OPEN,
                **{key: route.get(key) for key in ("reason", "rule", "file", "line")},
                "why_listed": route.get("why_listed") or [],
                "endpoints": [self._place("endpoints", dict(each)) for each in route.get("endpoints") or ()],
            },
        )

    def _finding(self, finding: Raw) -> int:
        return self._place("findings", {**finding, "severity": severity_of(finding)})


def _rule(name: str) -> dict[str, str]:
    return {"title": RULES[name].title, "explanation": RULES[name].explanation}


def _about(node: Node) -> dict[str, t.Any]:
    containerd, config = node.result.get("containerd") or {}, node.result.get("config") or {}
    return {
        **{key: containerd[key] for key in _ABOUT_CONTAINERD if key in containerd},
        **{key: config[key] for key in _ABOUT_CONFIG if key in config},
        **{key: node.result[key] for key in _ABOUT if key in node.result},
    }


def page(fleet: Fleet) -> str:
    style, script = _part("page.css"), _part("page.js")
    parts = {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "data": _inert(PageData().of(fleet)),
        "verdict": fleet.verdict,
        "headline": html.escape(headline(fleet)),
        "generated": html.escape(fleet.generated),
        "when": html.escape(fleet.generated.replace("T", " ").replace("Z", " UTC")),
    }
    first, *rest = _part("template.html").split("{{")
    pieces = [piece.partition("}}") for piece in rest]
    return first + "".join(parts[name.strip()] + after for name, _end, after in pieces)


def headline(fleet: Fleet) -> str:
    total = len(fleet.nodes)
    if not total:
        return "No node was audited."
    numbers = {verdict: len(fleet.of(verdict)) for verdict in (CLOSED, OPEN, UNKNOWN)}
    nodes = f"{total:,} node{'' if total == 1 else 's'}"
    text = _HEADLINES[fleet.verdict].format(total=nodes, **{key: f"{count:,}" for key, count in numbers.items()})
    if fleet.verdict == OPEN and numbers[UNKNOWN]:
        text += f" Nothing is known of {numbers[UNKNOWN]:,}."
    return text


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _inert(data: t.Any) -> str:
    """JSON that no HTML parser takes for anything else."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, nothing is sent, and no style or script runs but these two."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:;"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
