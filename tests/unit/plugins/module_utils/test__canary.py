# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of pulls that real containerds were asked for; see the README beside the recorded lines."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _canary as canary

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "canary"
RECORDED = sorted(FIXTURES.glob("*.txt"))
HOST = "registry.example.test"
TOKEN = "0123456789abcdef" * 2
IMAGE = f"docker.io/airgap-nodes-canary/{TOKEN}@sha256:{'0' * 64}"

# Whether everybody is told of, and the endpoints; a port is one of the testbed's. Where releases differ, 1.x first.
WHOLE, PART = True, False
SEEN: t.Dict[str, t.Any] = {
    "not-found": (WHOLE, "5000"),
    "two": (WHOLE, "5443 5000"),
    "missing-server": ((PART, WHOLE), "5000 missing-server.example.test"),
    "dropped": ((PART, WHOLE), "dropped.example.test"),
    "refused": ((PART, WHOLE), "5469"),
    # The one that forbids has no line on 1.x, wherever it stands.
    "refused-forbidden": ((PART, WHOLE), ("5469", "5469 5456")),
    "forbidden-not-found": ((PART, WHOLE), ("5000", "5456 5000")),
    "token": ((PART, WHOLE), "5446"),
    "lost-issuer": ((PART, WHOLE), "5460"),
    "portal": (PART, ""),
    "scattered-behind": (PART, "5000"),
    "no-ca": (PART, ""),
    "push-only": (WHOLE, "5000"),
    "slow-two": (WHOLE, "5454 5000"),
    "quick": (WHOLE, "5469 5456"),
    "warn-two": (PART, ""),
    "warn-refused-forbidden": (PART, ""),
    "debug-forbidden-not-found": (WHOLE, "5456 5000"),
    "debug-portal": (PART, "5458"),
    "json-two": (WHOLE, "5443 5000"),
    "json-refused-forbidden": ((PART, WHOLE), ("5469", "5469 5456")),
}


def recorded(path: pathlib.Path) -> t.Tuple[str, str]:
    """The journal, and the image of which it tells."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"PullImage \\\"([^\"\\]+)\\\"", text)
    assert found
    return text, found.group(1)


def walk_of(name: str) -> canary.Walk:
    return canary.read_walk(*recorded(FIXTURES / f"{name}.txt"))


def hosts(walk: canary.Walk, *, endpoints: bool = True) -> str:
    names = [asked.host for asked in walk.asked if asked.is_endpoint is endpoints]
    return " ".join(name.replace(f"{HOST}:", "") for name in names)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_endpoints_that_were_asked(path: pathlib.Path) -> None:
    version, _dash, what = path.stem.partition("-")
    is_whole, names = (
        each if not isinstance(each, tuple) else each[0 if version.startswith("1.") else 1] for each in SEEN[what]
    )
    walk = canary.read_walk(*recorded(path))
    assert (walk.is_whole, hosts(walk)) == (is_whole, names)


def test_nothing_recorded_is_left_out() -> None:
    assert {path.stem.partition("-")[2] for path in RECORDED} == set(SEEN)


@pytest.mark.parametrize("version", ["1.6.20", "1.7.24", "2.2.1", "2.3.4"])
class TestEachRelease:
    def test_begins_and_ends(self, version: str) -> None:
        walk = walk_of(f"{version}-not-found")
        assert (walk.begun, walk.ended, walk.has_gap, walk.answered) == (True, True, False, False)
        assert [asked.answer for asked in walk.asked] == ["404 Not Found"]

    @pytest.mark.parametrize("what", ["portal", "scattered-behind"])
    def test_an_endpoint_that_has_everything_has_answered(self, version: str, what: str) -> None:
        assert walk_of(f"{version}-{what}").answered

    def test_whom_an_endpoint_sends_it_to_is_asked_and_no_endpoint(self, version: str) -> None:
        assert hosts(walk_of(f"{version}-lost-issuer"), endpoints=False) == "5469"

    def test_an_upstream_that_cannot_be_resolved_is_surely_ours(self, version: str) -> None:
        assert walk_of(f"{version}-missing-server").asked[-1].is_sure

    def test_why_nobody_was_asked_is_told(self, version: str) -> None:
        walk = walk_of(f"{version}-no-ca")
        assert (walk.asked, "/gone.pem" in walk.error) == ((), True)

    def test_a_first_line_that_is_lost_leaves_nothing_known(self, version: str) -> None:
        journal, image = recorded(FIXTURES / f"{version}-two.txt")
        walk = canary.read_walk(journal.partition("\n")[2], image)
        assert (walk.begun, walk.ended, walk.is_whole) == (False, True, False)

    def test_a_last_line_that_is_lost_leaves_nothing_known(self, version: str) -> None:
        journal, image = recorded(FIXTURES / f"{version}-two.txt")
        kept = [line for line in journal.splitlines() if 'failed" error' not in line]
        walk = canary.read_walk("\n".join(kept), image)
        assert (walk.begun, walk.ended, walk.is_whole) == (True, False, False)

    def test_lines_that_journald_dropped_leave_nothing_known(self, version: str) -> None:
        journal, image = recorded(FIXTURES / f"{version}-two.txt")
        lines = journal.splitlines()
        # As journald says it.
        walk = canary.read_walk(
            "\n".join([*lines[:2], "Suppressed 46 messages from containerd.service", *lines[2:]]), image
        )
        assert (walk.has_gap, walk.is_whole) == (True, False)

    def test_what_was_dropped_before_does_not_matter(self, version: str) -> None:
        journal, image = recorded(FIXTURES / f"{version}-two.txt")
        assert canary.read_walk(f"Suppressed 46 messages from containerd.service\n{journal}", image).is_whole

    def test_of_another_image_it_tells_nothing(self, version: str) -> None:
        journal, _image = recorded(FIXTURES / f"{version}-two.txt")
        walk = canary.read_walk(journal, IMAGE)
        assert (walk.begun, walk.ended, walk.is_whole) == (False, False, False)

    def test_a_pull_at_the_same_time_adds_hosts_and_takes_none_away(self, version: str) -> None:
        journal, image = recorded(FIXTURES / f"{version}-two.txt")
        other = (FIXTURES / f"{version}-missing-server.txt").read_text(encoding="utf-8").splitlines()
        lines = journal.splitlines()
        walk = canary.read_walk("\n".join([*lines[:2], *other, *lines[2:]]), image)
        assert set(hosts(walk).split()) == {"5443", "5000", "missing-server.example.test"}
        assert not next(asked for asked in walk.asked if asked.host == "missing-server.example.test").is_sure

    def test_the_list_comes_from_a_pull_that_had_no_time(self, version: str) -> None:
        walk = canary.joined(walk_of(f"{version}-refused-forbidden"), walk_of(f"{version}-quick"))
        assert (walk.is_whole, hosts(walk)) == (True, "5469 5456")
        assert walk.asked[0].answer == "connect: connection refused"


@pytest.mark.parametrize("version", ["1.6.20", "2.3.4"])
def test_above_info_the_end_alone_is_there(version: str) -> None:
    walk = walk_of(f"{version}-warn-two")
    assert (walk.begun, walk.ended) == (False, True)


def pull(*lines: str, error: str) -> str:
    begin = f'level=info msg="PullImage \\"{IMAGE}\\""'
    end = f'level=error msg="PullImage \\"{IMAGE}\\" failed" error="failed to resolve reference \\"{IMAGE}\\": {error}"'
    return "\n".join([begin, *lines, end])


LAST = 'level=info msg="fetch failed after status: 404 Not Found" host=m.example.com'
NEXT = 'level=info msg="trying next host - response was http.StatusNotFound" host=m.example.com'
RESOLVING = "level=debug msg=resolving host=m.example.com"
EARLY = "unexpected status from HEAD request to http://m.example.com/v2/x: 304 Not Modified"
GET = 'failed to do request: Get \\"http://m.example.com/v2/x\\": EOF'


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        pytest.param([LAST], EARLY, id="a status that ends the list, beside another pull's last line"),
        pytest.param([RESOLVING], EARLY, id="a status that ends the list, at level debug"),
        pytest.param([LAST], GET, id="an answer that could not be fetched, beside another pull's last line"),
        pytest.param([LAST], f"rejecting 5000000 byte manifest for {IMAGE}: not found", id="one that is too large"),
        pytest.param([NEXT], f"rejecting 5000000 byte manifest for {IMAGE}: not found", id="an image too large"),
        pytest.param([NEXT], '\\"x\\" in header not a valid digest: unsupported', id="a digest that is none"),
        pytest.param([], f"{IMAGE}: not found", id="no line at all"),
        pytest.param(
            [f'{NEXT} error="EOF"'.replace(" - response was http.StatusNotFound", "")],
            f"{IMAGE}: not found",
            id="a line that cannot be of a pull in which all answered 404",
        ),
        pytest.param(['level=debug msg="fetch failed" error=EOF host=m.example.com'], "EOF", id="a line about a blob"),
    ],
)
def test_a_list_that_may_go_on_is_not_whole(lines: t.List[str], error: str) -> None:
    assert not canary.read_walk(pull(*lines, error=error), IMAGE).is_whole


def test_an_image_that_comes_is_an_answer() -> None:
    begin = f'level=info msg="PullImage \\"{IMAGE}\\""'
    walk = canary.read_walk(f'{begin}\nlevel=info msg="PullImage \\"{IMAGE}\\" returns image reference \\"x\\""', IMAGE)
    assert (walk.ended, walk.answered, walk.is_whole) == (True, True, False)


def test_the_last_of_several_pulls_counts() -> None:
    first = f'level=info msg="PullImage \\"{IMAGE}\\""\n{NEXT.replace("m.", "old.")}\n'
    walk = canary.read_walk(first + pull(NEXT, error=f"{IMAGE}: not found"), IMAGE)
    assert [asked.host for asked in walk.asked] == ["m.example.com"]


def test_a_url_that_a_registry_gives_people_to_read_was_not_asked() -> None:
    error = "unexpected status from HEAD request to http://m.example.com/v2/x: 403 Forbidden: see https://docs.example.net/x"
    walk = canary.read_walk(pull(error=error), IMAGE)
    assert [asked.host for asked in walk.asked] == ["m.example.com"]


def test_passwords_are_in_no_result() -> None:
    line = 'level=info msg="trying next host" error="Head \\"https://me:hush@m.example.com/v2/x\\": EOF"'
    walk = canary.read_walk(pull(f"{line} host=m.example.com", error="https://me:hush@m.example.com: EOF"), IMAGE)
    assert "hush" not in repr(walk)
    assert walk.asked[0].host == "m.example.com"


@pytest.mark.parametrize(
    "line", ['{"msg": "trying', "[1]", "{}", "", "\x1b[31m"], ids=["cut", "list", "empty", "nothing", "colour"]
)
def test_a_line_of_something_else_says_nothing(line: str) -> None:
    assert canary.read_line(line) == {}
    assert canary.read_walk(f"{line}\n{pull(LAST, error='x: not found')}", IMAGE).is_whole


@pytest.mark.parametrize(
    ("namespace", "begin"),
    [
        ("registry.k8s.io", "registry.k8s.io/"),
        ("_default", "airgap-nodes-canary.invalid/"),
        ("a.example:5000", "a.example:5000/"),
    ],
)
def test_an_image_is_of_its_namespace_and_tells_who_asks(namespace: str, begin: str) -> None:
    assert canary.image_of(namespace, TOKEN, "0" * 64) == f"{begin}airgap-nodes-canary/{TOKEN}@sha256:{'0' * 64}"
