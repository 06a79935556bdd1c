# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are read, and in which order."""

from __future__ import annotations

import dataclasses
import fnmatch
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import Library, follow, reaching
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

HERE = "/etc/containerd"
CONFIG = f"{HERE}/config.toml"


@dataclasses.dataclass(frozen=True)
class Node:
    """Files by their path, each with what it imports; ``unread`` was not looked at yet."""

    files: t.Mapping[str, list[t.Any]]
    unread: frozenset[str] = frozenset()

    def data(self, path: str, _importer: str) -> dict[str, t.Any] | None:
        if path in self.unread:
            return None
        if path not in self.files:
            raise DomainError("is not there")
        return {"imports": self.files[path]} if self.files[path] else {}

    def matches(self, pattern: str) -> list[str] | None:
        return None if pattern in self.unread else [*filter(lambda path: fnmatch.fnmatch(path, pattern), self.files)]


def order(imports: list[str], files: dict[str, list[t.Any]], release: str) -> tuple[str, ...]:
    followed = follow(CONFIG, {"imports": imports}, Node(files), Release.parse(release))
    assert not followed.unread_files | followed.unread_globs
    return tuple(followed.paths)


# what config.toml imports, the other files with what they import, what is read
ORDERS: dict[str, tuple[list[str], dict[str, list[t.Any]], list[str]]] = {
    "B: nothing": ([], {"/a.toml": []}, []),
    "B: as they are named": (["/b.toml", "/a.toml"], {"/a.toml": [], "/b.toml": []}, ["/b.toml", "/a.toml"]),
    "B: glob matches sorted by name": (
        ["/d/*.toml"],
        {"/d/b.toml": [], "/d/a.toml": [], "/d/10.toml": []},
        ["/d/10.toml", "/d/a.toml", "/d/b.toml"],
    ),
    "B: a glob in its place among names": (
        ["/d/*.toml", "/a.toml"],
        {"/a.toml": [], "/d/x.toml": []},
        ["/d/x.toml", "/a.toml"],
    ),
    "B: breadth first": (
        ["/a.toml", "/b.toml"],
        {"/a.toml": ["/c.toml"], "/b.toml": [], "/c.toml": []},
        ["/a.toml", "/b.toml", "/c.toml"],
    ),
    "B: each file once": (
        ["/a.toml", "/b.toml"],
        {"/a.toml": ["/b.toml"], "/b.toml": ["/a.toml", CONFIG]},
        ["/a.toml", "/b.toml"],
    ),
    "B: the file itself": ([CONFIG, "config.toml"], {}, []),
    "B: a glob that also finds the file itself": (
        [f"{HERE}/*.toml"],
        {CONFIG: [], f"{HERE}/a.toml": []},
        [f"{HERE}/a.toml"],
    ),
    "B: a glob without matches": (["/d/*.toml"], {}, []),
    "B: a name is relative to its file": (
        ["conf.d/a.toml"],
        {f"{HERE}/conf.d/a.toml": ["b.toml"], f"{HERE}/conf.d/b.toml": []},
        [f"{HERE}/conf.d/a.toml", f"{HERE}/conf.d/b.toml"],
    ),
    "B: a name with dots": (["../x//./a.toml"], {"/etc/x/a.toml": []}, ["/etc/x/a.toml"]),
    "B: only * makes a glob": (
        ["/d/[ab].toml", "/d/?.toml"],
        {"/d/[ab].toml": [], "/d/?.toml": [], "/d/a.toml": []},
        ["/d/[ab].toml", "/d/?.toml"],
    ),
}


@pytest.mark.parametrize(("imports", "files", "expected"), ORDERS.values(), ids=ORDERS)
def test_order(imports: list[str], files: dict[str, list[t.Any]], expected: list[str]) -> None:
    for release in ("1.6.20", "1.7.24", "2.0.7", "2.3.4"):
        assert list(order(imports, files, release)) == expected


def test_relative_globs() -> None:
    """B: they start at the daemon's working directory up to 1.6.28 and 1.7.15, and at their file since."""
    files: dict[str, list[t.Any]] = {f"{HERE}/conf.d/a.toml": [], "/conf.d/b.toml": []}
    for release in ("1.6.20", "1.7.0"):
        assert order(["conf.d/*.toml"], files, release) == ("/conf.d/b.toml",)
    for release in ("1.6.39", "1.7.24", "2.0.7", "2.4.0-beta.0"):
        assert order(["conf.d/*.toml"], files, release) == (f"{HERE}/conf.d/a.toml",)


def test_what_is_not_read_yet() -> None:
    node = Node({"/a.toml": ["/b.toml", "/d/*.toml", "/c.toml"], "/c.toml": []}, frozenset({"/b.toml", "/d/*.toml"}))
    followed = follow(CONFIG, {"imports": ["/a.toml"]}, node, Release.parse("2.3.4"))
    assert followed.paths == ("/a.toml", "/c.toml")
    assert (followed.unread_files, followed.unread_globs) == ({"/b.toml"}, {"/d/*.toml"})


REFUSED: dict[str, tuple[t.Any, str]] = {
    "B: a missing file": (["/a.toml"], "/a.toml: is not there."),
    "no list": ("/a.toml", f'{CONFIG}: imports: is not a list of file names. Write it as imports = ["/a/*.toml"].'),
    "no names": ([1], f'{CONFIG}: imports: is not a list of file names. Write it as imports = ["/a/*.toml"].'),
}


@pytest.mark.parametrize(("imports", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused(imports: t.Any, expected: str) -> None:
    with pytest.raises(DomainError) as raised:
        follow(CONFIG, {"imports": imports}, Node({}), Release.parse("2.3.4"))
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("release", "consequence"),
    [("1.4.13", "passes over all names after it"), ("1.5.18", "does not start without it")],
)
def test_what_a_missing_file_does(release: str, consequence: str) -> None:
    text = b'version = 2\nimports = [\n  "/a.toml",\n]\n'
    library = Library(NodeState(files={"/a.toml": ABSENT, CONFIG: Entry("file", text)}), Release.parse(release))
    with pytest.raises(DomainError) as raised:
        follow(CONFIG, {"imports": ["/a.toml"]}, library, Release.parse(release))
    assert str(raised.value) == (
        f"{CONFIG}:3: imports: names /a.toml, which is not there; containerd {release} {consequence}. "
        "Put the file there, or take its name out of imports."
    )


# what config.toml imports, what it has to import so that conf.d/50-a.toml is read
REACHING: dict[str, tuple[list[str], list[str] | None]] = {
    "no imports": ([], [f"{HERE}/conf.d/*.toml"]),
    "others": (["/a.toml"], ["/a.toml", f"{HERE}/conf.d/*.toml"]),
    "its glob": ([f"{HERE}/conf.d/*.toml"], None),
    "its glob, relative": (["conf.d/*.toml"], None),
    "its name": (["conf.d/50-a.toml"], None),
    "a glob of another directory": ([f"{HERE}/*.toml"], [f"{HERE}/*.toml", f"{HERE}/conf.d/*.toml"]),
    "a glob of other names": (["conf.d/9*.toml"], ["conf.d/9*.toml", f"{HERE}/conf.d/*.toml"]),
}


@pytest.mark.parametrize(("imports", "expected"), REACHING.values(), ids=REACHING)
def test_reaching(imports: list[str], expected: list[str] | None) -> None:
    data = {"imports": imports} if imports else {}
    assert reaching(CONFIG, data, f"{HERE}/conf.d/50-a.toml", Release.parse("2.3.4")) == expected
