# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of traps, the judgement of what was seen, and the page."""

from __future__ import annotations

import json

import pytest

from leaks import page
from leaks.collection import Said, said_of
from leaks.page import PAGE, Sprung, Step
from leaks.place import Seen
from leaks.traps import ALL, SHORT, TRAPS, Trap

OPEN, CLOSED = Said("open", "because", "a-rule", "/a/hosts.toml:3"), Said("closed", "")
LEAK = Seen((), ("registry.k8s.io",), ("registry.k8s.io",))
QUIET = Seen(("registry.example.test",))
TRAP = Trap("a trap", "what | it is", ("1.7",))


def test_each_trap_has_a_name_of_its_own_and_known_releases() -> None:
    assert len({trap.name for trap in TRAPS}) == len(TRAPS)
    for trap in TRAPS:
        assert set(trap.opens) <= set(trap.on) <= set(ALL), trap.name
        assert not set(trap.opens) & set(trap.fails), trap.name
        assert trap.files or trap.config, trap.name


def test_a_short_run_has_traps_that_open_and_some_that_do_not() -> None:
    short = [trap for trap in TRAPS if trap.name in SHORT]
    assert len(short) == len(SHORT)
    assert any("1.7" in trap.opens and "2.3" not in trap.opens for trap in short)
    assert any("2.3" in trap.opens and "1.7" not in trap.opens for trap in short)


# What was seen


def test_what_the_sink_wrote_down() -> None:
    log = [
        {"question": "registry.example.test", "type": "A", "by": "containerd"},
        {"question": "registry.k8s.io", "type": "A", "by": "containerd"},
        {"question": "registry.k8s.io", "type": "AAAA", "by": "?"},
        {"question": "time.example.net", "type": "A", "by": "systemd-timesyn"},
        {"connection": "203.0.113.1:443", "name": "registry.k8s.io", "scheme": "https"},
        {"connection": "198.51.100.7:5000", "name": "198.51.100.7:5000", "scheme": "http"},
        {"connection": "127.0.0.1:80", "name": "localhost", "scheme": "http"},
    ]
    seen = Seen.read("\n".join(map(json.dumps, log)))
    assert seen == Seen(
        ("registry.example.test",),
        ("registry.k8s.io", "time.example.net by systemd-timesyn"),
        ("registry.k8s.io", "198.51.100.7:5000"),
    )
    assert seen.leaks
    assert str(seen) == (
        "question and connection: registry.k8s.io; question: time.example.net by systemd-timesyn;"
        " connection: 198.51.100.7:5000"
    )


def test_questions_for_the_private_registry_are_no_leak() -> None:
    seen = Seen.read('{"question": "hub.example.test", "type": "A", "by": "containerd"}')
    assert (seen.leaks, str(seen)) == (False, "nothing")


# What has to agree


@pytest.mark.parametrize(
    ("release", "seen", "said", "arrived", "problem"),
    [
        ("1.7", LEAK, OPEN, False, ""),
        ("2.3", QUIET, CLOSED, True, ""),
        ("1.7", LEAK, CLOSED, True, "and the audit said closed"),
        ("2.3", QUIET, OPEN, True, "and the audit said open"),
        ("1.7", LEAK, Said("failed", "no such module"), True, "no such module"),
        ("2.3", LEAK, OPEN, True, "was to stay closed, and the sink saw question"),
        ("1.7", QUIET, CLOSED, True, "was to leak, and the sink saw nothing"),
        ("2.3", QUIET, CLOSED, False, "the private registry was not asked"),
    ],
)
def test_disagreements(release: str, seen: Seen, said: Said, arrived: bool, problem: str) -> None:
    found = Sprung(TRAP, release, seen, said, arrived).problem
    assert bool(found) == bool(problem)
    assert problem in found


def test_a_pull_that_is_to_fail_before_asks_nobody() -> None:
    trap = Trap("a trap", "", (), fails=("1.7",))
    assert Sprung(trap, "1.7", Seen(), CLOSED, arrived=False).problem == ""
    assert "was asked" in Sprung(trap, "1.7", Seen(), CLOSED, arrived=True).problem


def test_what_the_audit_says_of_a_registry() -> None:
    route = {
        "namespace": "quay.io",
        "verdict": "open",
        "reason": "b",
        "rule": "r",
        "file": "/etc/containerd/a",
        "line": 3,
    }
    result = {"verdict": "open", "reason": "a", "routes": [route]}
    assert said_of(result, "quay.io") == Said("open", "b", "r", "a:3")
    assert said_of(result, "registry.k8s.io") == Said("open", "a")
    assert said_of({"failed": True, "msg": "c"}, "quay.io") == Said("failed", "c")
    unknown = {**route, "rule": "", "file": "", "line": None, "verdict": "closed"}
    assert said_of({**result, "routes": [unknown]}, "quay.io") == Said("closed", "b")


# The page

EMPTY = f"# Title\n\n{page.BEGIN}\nold\n{page.END}\n\nMore.\n"


def test_releases_with_the_same_end_share_a_row() -> None:
    sprung = [
        Sprung(TRAP, "1.6", QUIET, CLOSED, True),
        Sprung(TRAP, "1.7", LEAK, OPEN, True),
        Sprung(TRAP, "2.3", QUIET, CLOSED, True),
    ]
    written = page.rewritten(EMPTY, [Step("boot", "1.7", QUIET), Step("boot", "2.3", QUIET)], sprung)
    assert "| boot | 1.7, 2.3 | `registry.example.test` | nothing |" in written
    assert "| a trap | what &#124; it is | 1.6, 2.3 | nothing | closed |" in written
    assert "| question and connection: registry.k8s.io | open: `a-rule`, `/a/hosts.toml:3` |" in written
    assert written.startswith(f"# Title\n\n{page.BEGIN}\n")
    assert written.endswith(f"{page.END}\n\nMore.\n")
    assert "old" not in written
    assert page.rows_of(written) == {("a trap", release) for release in ("1.6", "1.7", "2.3")}
    assert page.rewritten(written, [Step("boot", "1.7", QUIET), Step("boot", "2.3", QUIET)], sprung) == written


def test_a_page_without_its_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="lacks"):
        page.rewritten("# Title\n", [], [])


def test_the_page_has_the_rows_of_the_list() -> None:
    assert page.rows_of(PAGE.read_text(encoding="utf-8")) == page.rows_wanted()
