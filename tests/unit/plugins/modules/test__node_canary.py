# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pulls of the module, with a node that logs what a pull is told to come to."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import Finished, Node
from ansible_collections.airgap.nodes.plugins.modules import _node_canary

LAST = "fetch failed after status: 404 Not Found"
STATUS = "unexpected status from HEAD request to http://m.example.com/v2/x: 403 Forbidden"
Log = t.Callable[[str], t.List[str]]


def log(*lines: str, error: str, begun: bool = True) -> Log:
    """What a pull leaves in the journal, by the name of its image."""

    def logged(image: str) -> t.List[str]:
        begin = [f'level=info msg="PullImage \\"{image}\\""'] if begun else []
        prefix = f'failed to resolve reference \\"{image}\\": '
        return [*begin, *lines, f'level=error msg="PullImage \\"{image}\\" failed" error="{prefix}{error}"']

    return logged


NOT_FOUND = log(f'level=info msg="{LAST}" host=m.example.com', error="not found")
FORBIDDEN = log('level=info msg="trying next host" error="connection refused" host=m.example.com', error=STATUS)
OUT_OF_TIME = log(
    'level=info msg="trying next host" error="context deadline exceeded" host=m.example.com',
    'level=info msg="trying next host" error="context deadline exceeded" host=upstream.example.net',
    error="failed to do request: context deadline exceeded",
)
TOO_EARLY = log(error="context deadline exceeded")


class Containerd:
    """crictl and journalctl of a node; the nth pull logs what the nth entry says, all others what the last one does."""

    def __init__(self, *pulls: Log) -> None:
        self.pulls = list(pulls)
        self.journal: t.List[str] = []
        self.asked: t.List[t.Tuple[str, ...]] = []
        self.timeouts: t.List[float] = []
        self.succeeds = False
        self.node = Node("/run/c.sock", "containerd", crictl="crictl", ctr=None, journalctl="journalctl", run=self.run)

    def run(self, argv: t.Sequence[str], *, timeout: float, environment: t.Mapping[str, str]) -> Finished:
        del environment
        if argv[0] == "journalctl":
            return Finished(0, "-- cursor: s=1;i=2" if "--show-cursor" in argv else "\n".join(self.journal), "")
        arguments = tuple(argv[argv.index("pull") :])
        self.asked.append(arguments[:-1])
        self.timeouts.append(timeout)
        self.journal += (self.pulls.pop(0) if len(self.pulls) > 1 else self.pulls[0])(arguments[-1])
        return Finished(0, "Image is up to date for sha256:0", "") if self.succeeds else Finished(1, "", "not found")


def look(containerd: Containerd, *namespaces: str, seconds: float = 60) -> t.List[t.Dict[str, t.Any]]:
    return _node_canary.look(containerd.node, namespaces, seconds)


def test_each_namespace_is_asked_for_an_image_of_its_own_that_nobody_has() -> None:
    walks = look(Containerd(NOT_FOUND), "registry.k8s.io", "docker.io", "_default")
    heads = [walk["image"].partition("/")[0] for walk in walks]
    assert heads == ["registry.k8s.io", "docker.io", "airgap-nodes-canary.invalid"]
    assert all(walk["is_whole"] for walk in walks)
    assert len({walk["image"].rpartition("/")[2].partition("@")[0] for walk in walks}) == 3
    assert len({walk["image"].partition("@")[2] for walk in walks}) == 3


def test_a_pull_that_tells_of_all_is_not_repeated() -> None:
    containerd = Containerd(NOT_FOUND)
    look(containerd, "docker.io")
    assert containerd.asked == [("pull",)]


def test_one_that_does_not_is_repeated_with_no_time_to_ask() -> None:
    containerd = Containerd(FORBIDDEN, TOO_EARLY, OUT_OF_TIME)
    (walk,) = look(containerd, "docker.io")
    assert walk["is_whole"]
    assert [(each["host"], each["answer"]) for each in walk["asked"]] == [
        ("m.example.com", "connection refused"),
        ("upstream.example.net", "context deadline exceeded"),
    ]
    assert containerd.asked == [("pull",), ("pull", "--pull-timeout", "2ms"), ("pull", "--pull-timeout", "4ms")]


def test_nothing_is_repeated_past_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(_node_canary.time, "monotonic", lambda: next(clock))
    containerd = Containerd(FORBIDDEN)
    assert not look(containerd, "docker.io", seconds=30)[0]["is_whole"]
    assert len(containerd.asked) == 1


def test_one_that_never_does_stays_unknown() -> None:
    containerd = Containerd(FORBIDDEN)
    (walk,) = look(containerd, "docker.io")
    assert (walk["is_whole"], walk["begun"], walk["ended"]) == (False, True, True)
    assert len(containerd.asked) == 1 + len(_node_canary.DEADLINES)


@pytest.mark.parametrize(
    "pull", [log(error="no such file"), log(error="not found", begun=False)], ids=["nobody", "warn"]
)
def test_where_nobody_was_told_of_nothing_is_gained_by_another_pull(pull: Log) -> None:
    containerd = Containerd(pull)
    assert not look(containerd, "docker.io")[0]["is_whole"]
    assert len(containerd.asked) == 1


def test_time_is_shared_equally_among_those_that_are_left() -> None:
    containerd = Containerd(NOT_FOUND)
    look(containerd, "a.example.com", "b.example.com", "c.example.com", seconds=30)
    assert [round(timeout) for timeout in containerd.timeouts] == [10, 15, 20]


def test_without_time_nobody_is_asked_and_nothing_is_known() -> None:
    containerd = Containerd(NOT_FOUND)
    (walk,) = look(containerd, "docker.io", seconds=0)
    assert (walk["begun"], walk["is_whole"], walk["error"]) == (
        False,
        False,
        "there was no time left for it",
    )
    assert containerd.asked == []


def test_an_image_that_comes_is_an_answer() -> None:
    containerd = Containerd(NOT_FOUND)
    containerd.succeeds = True
    assert look(containerd, "docker.io")[0]["answered"]


def test_a_journal_that_tells_no_end_is_waited_for_and_then_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_node_canary, "NOTICED_AFTER", 0.2)
    (walk,) = look(Containerd(lambda image: [f'level=info msg="PullImage \\"{image}\\""']), "docker.io")
    assert (walk["begun"], walk["ended"], walk["is_whole"]) == (True, False, False)


def test_options_that_cannot_be_are_told(run_module: t.Callable[..., t.Any]) -> None:
    result = run_module(_node_canary, {"namespaces": ["docker.io"], "runtime_endpoint": "containerd.sock"})
    assert "runtime_endpoint has to be unix:// and an absolute path" in result["msg"]
