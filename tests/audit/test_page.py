# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page does what it seems to do: filters, clicks, keys, themes, paper, and names that are out for trouble."""

from __future__ import annotations

import copy
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import as_html
from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import Fleet, Node

from audit import fleet
from audit.browser import Browser, Page

GENERATED = "2026-11-21T18:00:00Z"
LISTED = fleet.namespaces(12)
HOSTILE = "<script>window.hit = 1</script>\"'<img src=x onerror='window.hit = 2'>&lt;</script>{{ data }}"


def rows(page: Page) -> list[str]:
    return page.texts("#grid .body .first")


def marks(page: Page, node: str) -> dict[str, str]:
    """What is said of each namespace in the row of a node."""
    script = (
        "Object.fromEntries([...document.querySelectorAll('#grid .body .row')].filter((row) =>"
        f" row.querySelector('.first').innerText.startsWith({json.dumps(node)})).flatMap((row) =>"
        " [...row.querySelectorAll('.mark')].map((mark) => mark.getAttribute('aria-label').split(': '))))"
    )
    return t.cast(dict[str, str], page.run(script))


def write(folder: Path, registered: t.Mapping[str, fleet.Result]) -> Path:
    nodes = tuple(Node.read(name, result) for name, result in registered.items())
    file = folder / "page.html"
    file.write_text(as_html.page(Fleet(nodes, GENERATED)), encoding="utf-8")
    return file


def usual() -> dict[str, fleet.Result]:
    """Forty nodes: 36 closed, two open in two ways, one that is down, one that fails."""
    closed = {f"node-{number:02}": fleet.judged("2.3.4", LISTED, {}) for number in range(1, 37)}
    return {
        **closed,
        "node-37": fleet.judged("1.7.24", LISTED, {"docker.io": "hosts-toml-dropped"}),
        "node-38": fleet.judged("2.1.5", LISTED, {"quay.io": "server-missing", "ghcr.io": "hosts-toml-missing"}),
        "node-39": {"unreachable": True, "msg": "Connection timed out"},
        "node-40": {"failed": True, "msg": "config.toml:7: Expected '='"},
    }


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> t.Iterator[t.Callable[..., Page]]:
    """Opens a page; at the end it has asked for nothing but itself, and the browser has not complained."""
    opened: list[Page] = []

    def show_(registered: t.Mapping[str, fleet.Result], **looks: t.Any) -> Page:
        opened.append(browser.open(write(tmp_path, registered), **looks))
        return opened[-1]

    yield show_
    for page in opened:
        requests, complaints = page.told()
        page.close()
        assert [address for address in requests if not address.startswith("data:")] == [
            (tmp_path / "page.html").as_uri()
        ]
        assert complaints == []


def test_every_node_has_its_row_and_every_mark_its_word(show: t.Callable[..., Page]) -> None:
    page = show(usual(), height=1600)
    assert rows(page)[:4] == ["node-38", "node-37", "node-39", "node-40"]
    assert len(rows(page)) == 40
    assert {name for name, said in marks(page, "node-38").items() if said == "open"} == {"quay.io", "ghcr.io"}
    assert set(marks(page, "node-01").values()) == {"closed"}
    # Nothing is known, and so nothing is green.
    assert set(marks(page, "node-39").values()) == set(marks(page, "node-40").values()) == {"unknown"}
    assert "2 of 40 nodes can ask" in page.text("#headline")
    assert "Nothing is known of 2." in page.text("#headline")
    assert [text[0] for text in page.texts("#grid .mark.open")] == ["✕"] * 3
    assert {text[0] for text in page.texts("#grid .mark.closed")} == {"✓"}


@pytest.mark.parametrize(
    ("facet", "value", "expected"),
    [
        ("verdict", "open", ["node-38", "node-37"]),
        ("verdict", "unknown", ["node-39", "node-40"]),
        ("release", "1.7.24", ["node-37"]),
        ("rule", "hosts-toml-missing", ["node-38"]),
        ("severity", "error", ["node-38", "node-37"]),
        ("severity", "info", ["node-37"]),
        ("pause", "registry.k8s.io/pause:3.8", ["node-37"]),
    ],
)
def test_filters(show: t.Callable[..., Page], facet: str, value: str, expected: list[str]) -> None:
    page = show(usual())
    button = f'#facets [data-key="{facet} {value}"]'
    page.click(button)
    assert rows(page) == expected
    assert page.text("#count").startswith(f"{len(expected)} of 40 nodes")
    # The focus stays where it was, on a button that was drawn anew.
    assert page.run("document.activeElement.dataset.key") == f"{facet} {value}"
    assert page.run(f"document.querySelector('{button}').getAttribute('aria-pressed')") == "true"
    page.click(button)
    assert page.text("#count").startswith("40 nodes")


def test_two_filters_are_both_true_and_two_values_either(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    for key in ("verdict open", "verdict unknown"):
        page.click(f'#facets [data-key="{key}"]')
    assert len(rows(page)) == 4
    page.click('#facets [data-key="release 2.1.5"]')
    assert rows(page) == ["node-38"]
    page.click("#facets .clear")
    assert page.text("#count").startswith("40 nodes")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("node-3 server-missing", ["node-38"]),
        ("TIMED out", ["node-39"]),
        ("https://ghcr.io/v2", ["node-38"]),
        ("pause:3.8", ["node-37"]),
        ("nobody", []),
    ],
)
def test_search(show: t.Callable[..., Page], words: str, expected: list[str]) -> None:
    page = show(usual())
    page.press("/")
    page.type(words)
    assert rows(page) == expected
    if not expected:
        assert "No node is like that." in page.text("#grid")


def test_search_for_a_namespace_shows_its_column(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.press("/")
    page.type("quay")
    assert page.texts("#grid .head .namespace") == ["quay.io"]
    page.run("document.querySelector('#search').value = ''")
    page.click("#only-open")
    page.type("node-3")
    assert sorted(page.texts("#grid .head .namespace")) == ["docker.io", "ghcr.io", "quay.io"]


def test_a_click_says_why(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.click(".row .mark.open[aria-label^='ghcr.io']")
    said = page.text("#details")
    assert "ghcr.io" in said
    assert "on node-38" in said
    assert "The directory has no hosts.toml" in said
    assert "/etc/containerd/certs.d/ghcr.io/hosts.toml:3" in said
    assert "Put a hosts.toml into the directory" in said
    assert page.texts("#details .endpoints code") == ["https://ghcr.io/v2"]
    page.click(".row .mark.open[aria-label^='quay.io']")
    assert page.texts("#details .endpoints code") == ["https://registry.example.com/v2", "https://quay.io/v2"]
    assert page.texts("#details .endpoints .tags span:first-child") == ["✓ trusted", "✕ not trusted"]
    page.click("#details .close")
    assert page.run("document.querySelector('#details').hidden")


def test_of_two_findings_of_a_rule_the_one_of_the_place_is_told(show: t.Callable[..., Page]) -> None:
    traps = {"quay.io": "server-missing", "ghcr.io": "server-missing"}
    page = show({"node-01": fleet.judged("2.1.5", LISTED, traps)})
    page.click(".row .mark.open[aria-label^='quay.io']")
    assert page.texts("#details .finding code") == ["/etc/containerd/certs.d/quay.io/hosts.toml:3"]


def test_a_node_and_those_alike(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.click("#group")
    assert rows(page) == ["node-38", "node-37", "node-39", "node-40", "node-01 +35"]
    page.click("[data-row='4'] .first")
    said = page.text("#details")
    assert "JUST THE SAME ON 35 OTHER NODES" in said
    assert "registry.example.com/k8s/pause:3.10.2" in said
    page.click("[data-row='2'] .verdict")
    assert "Connection timed out" in page.text("#details .reason")


def test_a_namespace_is_summed_up_over_the_nodes(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.click("#grid .namespace[title^='docker.io']")
    said = page.text("#details")
    assert "open on 1 of 40 nodes" in said
    assert "closed on 37 nodes" in said


def test_keys(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.run("document.querySelector('#grid').focus()")

    def active() -> str:
        return str(page.run("document.querySelector('#grid').getAttribute('aria-activedescendant')"))

    assert active() == "cell-0-0"
    page.press("ArrowDown")
    page.press("ArrowRight")
    assert active() == "cell-1-1"
    page.press("Enter")
    assert page.text("#details h2") == "node-37"
    # What is open goes along.
    page.press("ArrowUp")
    assert page.text("#details h2") == "node-38"
    page.press("End", modifier="control")
    assert active().startswith("cell-39-")
    assert page.run("!!document.querySelector('#grid .active')")
    page.press("Escape")
    assert page.run("document.querySelector('#details').hidden")
    assert page.run("document.activeElement.id") == "grid"
    page.press("Home", modifier="control")
    page.press("ArrowLeft")
    assert active() == "cell-0-0"
    page.press("PageDown")
    assert int(active().split("-")[1]) > 10
    page.press("PageUp")
    assert active() == "cell-0-0"


def test_keys_reach_the_heads_of_the_columns(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.run("document.querySelector('#grid').focus()")
    for key in ("ArrowUp", "ArrowUp", "End"):
        page.press(key)
    assert page.run("!!document.querySelector('#grid .head .active.namespace')")
    page.press("Enter")
    assert page.text("#details h2") == page.run("document.querySelector('#grid .head .active').innerText")
    page.press("ArrowDown")
    assert page.text("#details header p").startswith("on node-38")


def test_tab_reaches_everything(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    reached = []
    for _turn in range(60):
        page.press("Tab")
        reached.append(page.run("document.activeElement.id || document.activeElement.dataset.key || ''"))
    for wanted in ("print", "theme", "verdict open", "tab-nodes", "search", "sort", "group", "only-open", "grid"):
        assert wanted in reached
    order = [reached.index(wanted) for wanted in ("theme", "verdict open", "search", "grid")]
    assert order == sorted(order)


def test_findings(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    page.click("#tab-findings")
    heads = [" ".join(text.split()) for text in page.texts(".rule > header")]
    assert heads[0] == "✕ error hosts-toml-dropped A hosts.toml that containerd passes over 1 node Show these nodes"
    assert [head.split()[2] for head in heads[1:]] == [
        "hosts-toml-missing", "other-registries-open", "server-missing", "sandbox-image-default",
    ]  # fmt: skip
    # What the rule says stands there once, and what was found where below it.
    assert page.texts(".rule:first-child .explanation")[0].startswith("containerd logs one line")
    assert page.texts(".rule:first-child .places p")[0].endswith("unknown capability resolv.")
    assert page.texts(".rule:first-child code") == ["/etc/containerd/certs.d/docker.io/hosts.toml:3"]
    page.click(".rule:first-child .show")
    assert rows(page) == ["node-37"]


def test_dark_and_light(show: t.Callable[..., Page]) -> None:
    def ground(page: Page) -> str:
        return str(page.run("getComputedStyle(document.body).backgroundColor"))

    light = ground(show(usual()))
    page = show(usual(), dark=True)
    dark = ground(page)
    assert light != dark
    assert page.text("#theme") == "Light"
    page.click("#theme")
    assert ground(page) == light
    assert page.text("#theme") == "Dark"
    page.click("#theme")
    assert ground(page) == dark


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(show: t.Callable[..., Page], dark: bool) -> None:
    """Text can be read: 4.5 to 1, as WCAG 2 asks for."""
    page = show(usual(), dark=dark)
    page.click(".row .mark.open")
    script = """(() => {
      const parts = (color) => color.match(/[\\d.]+/g).map(Number);
      const light = (color) => { const [r, g, b] = parts(color).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (element) => { for (let at = element; at; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor; const [,,, alpha = 1] = parts(color);
        if (alpha === 1) return color; } return 'rgb(255, 255, 255)'; };
      return ['.mark.open', '.mark.closed', '.mark.unknown', '.verdict.open', '.verdict.closed', '.row .soft',
        '.head > *', '#headline', '.reason', '.where', '.facet h2', '.facet .number', '.legend', '.when',
        '.tags .open', '.tally .info', '.tally .warning'].map((selector) => {
          const found = document.querySelector(selector);
          if (!found) return [selector, 0];
          const pair = [light(getComputedStyle(found).color), light(ground(found))].sort((a, b) => b - a);
          return [selector, (pair[0] + 0.05) / (pair[1] + 0.05)]; }); })()"""
    assert {selector: ratio for selector, ratio in page.run(script) if ratio < 4.5} == {}


@pytest.mark.parametrize("width", [1440, 800, 400])
def test_nothing_is_wider_than_the_window(show: t.Callable[..., Page], width: int) -> None:
    page = show(usual(), width=width)
    assert page.run("document.documentElement.scrollWidth") <= width
    if width == 800:
        page.click("#filters-toggle")
        page.click('#facets [data-key="verdict open"]')
        page.press("Escape")
        assert rows(page) == ["node-38", "node-37"]
        assert page.run("document.activeElement.id") == "filters-toggle"


def test_paper_has_the_summary_and_what_is_open(show: t.Callable[..., Page]) -> None:
    page = show(usual())
    assert page.paper().startswith(b"%PDF")
    page.call("Emulation.setEmulatedMedia", media="print")
    page.settle()
    said = page.text("#paper")
    for wanted in ("node-37", "node-38", "node-39", "docker.io", "hosts.toml:3", "Connection timed out", "1.7.24"):
        assert wanted in said
    assert "node-01" not in said
    assert page.run("getComputedStyle(document.querySelector('.app')).display") == "none"
    assert page.run("getComputedStyle(document.querySelector('.headline')).display") != "none"


def hostile() -> dict[str, fleet.Result]:
    node = fleet.judged("2.3.4", ["docker.io", HOSTILE], {HOSTILE: "hosts-toml-dropped"})
    for finding in node["findings"]:
        finding.update(dict.fromkeys(("id", "message", "file", "key", "fix", "releases"), HOSTILE))
    for route in node["routes"]:
        route.update({"reason": HOSTILE, "file": HOSTILE, "rule": HOSTILE})
        route["endpoints"] = [{**each, "url": HOSTILE, "headers": [HOSTILE]} for each in route["endpoints"]]
    node["config"]["sandbox_image"] = node["containerd"]["version"] = HOSTILE
    node["images"] = [{"image": HOSTILE, "namespace": HOSTILE, "used_by": [HOSTILE]}]
    return {
        HOSTILE: node,
        f"failed {HOSTILE}": {"failed": True, "msg": HOSTILE},
        "__proto__": copy.deepcopy(node),
        "constructor": fleet.judged("2.3.4", ["__proto__", "constructor", "toString"], {}),
    }


def test_hostile_names_are_only_names(show: t.Callable[..., Page]) -> None:
    page = show(hostile(), height=1200)
    assert HOSTILE in rows(page)
    for selector in ("[data-row='0'] .first", "[data-row='0'] .mark.open", "#grid .namespace", "#tab-findings"):
        page.click(selector)
    assert HOSTILE in page.text("#view-findings")
    assert HOSTILE in page.text("#details")
    page.paper()
    page.click("#tab-nodes")
    assert marks(page, "constructor")["__proto__"] == "closed"
    assert page.run("window.hit") is None
    assert page.run("document.images.length") == 0
    assert page.run("document.scripts.length") == 2


def test_no_script_can_be_brought_in(browser: Browser, tmp_path: Path) -> None:
    """Should any text ever get in as HTML, the policy of the page is what stands behind."""
    page = browser.open(write(tmp_path, usual()))
    with pytest.raises(Exception, match="TrustedHTML"):
        page.run("document.body.innerHTML = '<b>x</b>'")
    page.run("document.body.append(Object.assign(document.createElement('img'), {src: 'http://192.0.2.1/x.png'}))")
    page.settle()
    _requests, complaints = page.told()
    page.close()
    assert any("Content Security Policy" in text for text in complaints)


def test_a_thousand_nodes_are_quick(show: t.Callable[..., Page]) -> None:
    page = show(fleet.fleet(1000, 50))
    assert page.text("#count").startswith("1,000 nodes, 50 namespaces")
    assert page.run("document.querySelectorAll('#grid .body .row').length") < 80
    took = page.run(
        "(() => { const start = performance.now(); const search = document.querySelector('#search');"
        " search.value = 'node-09 docker'; search.dispatchEvent(new Event('input'));"
        " return performance.now() - start; })()"
    )
    assert took < 1500
    page.run("document.querySelector('#search').value = ''; document.querySelector('#grid').scrollTop = 1e6")
    page.settle()
    page.wait("[...document.querySelectorAll('#grid .body .first')].some((each) => /node-099/.test(each.innerText))")


def test_no_nodes_is_not_well(show: t.Callable[..., Page]) -> None:
    page = show({})
    assert page.text("#headline") == "No node was audited."
    assert page.run("document.querySelector('#headline').className") == "headline unknown"
