# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text; what it does in a browser is tested in tests/audit."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_html
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

HOSTILE = "</script><script>alert(1)</script><!--{{ style }}&amp;\u2028"


class Parsed(html.parser.HTMLParser):
    """Every tag with its attributes, and what is in style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.inside:
            self.inside[tag].append("")
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data


def page(registered: t.Mapping[str, t.Any]) -> Parsed:
    return Parsed(as_html.page(samples.fleet(registered)))


def data(registered: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(page(registered).inside["script"][0])
    return found


def test_it_needs_no_other_file() -> None:
    tags = page({"a": samples.judged()}).tags
    assert {tag for tag, _more in tags} & {
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "video",
        "audio",
    } == set()
    links = {value for _tag, more in tags for name in ("src", "href", "action") if (value := more.get(name))}
    assert links == {"#grid", "data:,"}
    assert [attributes for tag, attributes in tags if tag == "link"] == [{"rel": "icon", "href": "data:,"}]


def test_its_policy_lets_in_its_own_style_and_script_and_nothing_else() -> None:
    found = page({"a": samples.judged()})
    policy = next(attributes["content"] for tag, attributes in found.tags if attributes.get("http-equiv"))
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name, text in (("style-src", found.inside["style"][0]), ("script-src", found.inside["script"][1])):
        assert rules[name] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy


def test_hostile_names_add_no_tag() -> None:
    ordinary = page({"a": samples.judged(), "b": samples.FAILED})
    hostile = page({HOSTILE: samples.judged(reason=HOSTILE), "b": {"failed": True, "msg": HOSTILE}})
    assert [tag for tag, _more in hostile.tags] == [tag for tag, _more in ordinary.tags]
    assert json.loads(hostile.inside["script"][0])["nodes"][0][0] == HOSTILE
    # However a parser reads it.
    assert not set("<>&") & set(hostile.inside["script"][0])


def test_the_script_puts_in_text_and_no_html() -> None:
    script = (Path(as_html.__file__).parent / "page.js").read_text(encoding="utf-8")
    found = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|fetch\(|XMLHttp|import\("
    assert not re.search(found, script)


def test_nodes_that_are_alike_share_what_is_said_of_them() -> None:
    one = data({"a": samples.judged("open", findings=[samples.finding()])})
    many = data({f"n{number}": samples.judged("open", findings=[samples.finding()]) for number in range(500)})
    assert {key: value for key, value in one.items() if key != "nodes"} == {
        key: value for key, value in many.items() if key != "nodes"
    }
    assert len(json.dumps(many["nodes"])) < 500 * 100


def test_the_data_holds_all_that_is_shown() -> None:
    images = [{"image": "docker.io/library/app:1", "namespace": "docker.io", "used_by": ["cri", "kubelet"]}]
    found = data({"a": samples.judged("open", findings=[samples.finding()], images=images), "b": samples.UNREACHABLE})
    name, state, verdict, reason, about, row, findings, started, images_of = found["nodes"][0]
    assert (name, state, verdict, found["texts"][reason]) == ("a", "judged", "open", "The node is open.")
    assert found["abouts"][about]["sandbox_image"] == "registry.example.com/pause:3.10"
    route = found["routes"][found["rows"][row][0]]
    assert (found["namespaces"][route["namespace"]], route["verdict"]) == ("docker.io", "open")
    assert found["endpoints"][route["endpoints"][0]]["host"] == "registry.example.com"
    assert found["findings"][found["finding_sets"][findings][0]]["id"] == "hosts-toml-dropped"
    assert started == "2026-11-02T08:15:00Z"
    image, namespace, uses = images_of
    assert found["images"][image] == "docker.io/library/app:1"
    assert found["namespaces"][namespace] == "docker.io"
    assert found["uses"][uses] == ["cri", "kubelet"]
    assert found["nodes"][1][1:3] == ["unreachable", "unknown"]


@pytest.mark.parametrize(
    ("registered", "text"),
    [
        ({}, "No node was audited."),
        ({"a": samples.judged()}, "No node asks a registry that is not trusted, on any of the routes that are listed."),
        ({"a": samples.judged("open")}, "1 of 1 node can ask a registry that is not trusted."),
        ({"a": samples.judged(), "b": samples.FAILED}, "Nothing is known of 1 of 2 nodes."),
        (
            {"a": samples.judged("open"), "b": samples.FAILED, "c": samples.judged()},
            "1 of 3 nodes can ask a registry that is not trusted. Nothing is known of 1.",
        ),
    ],
)
def test_headline(registered: dict[str, t.Any], text: str) -> None:
    assert as_html.headline(samples.fleet(registered)) == text
