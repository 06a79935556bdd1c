# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation on the journal is killed before each call that changes something on the disk, and so is what is run
to mend that. What is found in the end is all old or all new, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import itertools
import json
import os
import pathlib
import signal
import stat
import time
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.airgap.nodes.plugins.module_utils import _apply, _transaction
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal
from ansible_collections.airgap.nodes.plugins.modules import _node_apply

# All that this code, or what it calls in the standard library, changes the disk with. What is written to a file gets
# there by the time it is synced.
CALLS = (
    "open",
    "mkdir",
    "link",
    "symlink",
    "rename",
    "unlink",
    "rmdir",
    "chmod",
    "fchmod",
    "chown",
    "fchown",
    "setxattr",
    "fsync",
)
NEEDING_SPACE = ("mkdir", "link", "symlink", "fsync", "setxattr")
ONE, TWO = "one file system", "two file systems"
WITH_COPIES = ("a change", "undoing", "undoing one that is open and one that was interrupted")
Act = t.Callable[[], t.Any]


class Place:
    """A tree with everything in it that can be changed, its journal, and the changes."""

    def __init__(self, top: pathlib.Path) -> None:
        self.tree = top / "tree"
        self.root = top / "state"
        for name in ("certs.d/old.example", "certs.d/kept.example", "srv"):
            (self.tree / name).mkdir(parents=True)
        for name, mode in (
            ("config.toml", 0o640),
            ("certs.d/old.example/hosts.toml", 0o600),
            ("certs.d/old.example/ca.pem", 0o644),
            ("certs.d/kept.example/hosts.toml", 0o644),
            ("srv/real", 0o644),
        ):
            (self.tree / name).write_text(f"old {name}\n")
            (self.tree / name).chmod(mode)
        os.link(self.tree / "srv/real", self.tree / "srv/second-name")
        (self.tree / "linked").symlink_to("srv/real")
        (self.tree / "certs.d/old.example/link").symlink_to("ca.pem")
        (self.tree / "empty").mkdir(mode=0o750)
        try:
            os.setxattr(self.tree / "config.toml", "user.comment", b"mine")
            os.setxattr(self.tree / "empty", "user.comment", b"mine too")
        except OSError:
            pass  # a file system without them
        if os.geteuid() == 0:
            os.chown(self.tree / "config.toml", 1234, 2345)
            os.chown(self.tree / "empty", 1234, 2345)

    @property
    def journal(self) -> Journal:
        return Journal(str(self.root), keep=2)

    def apply(self, *changes: Change, proof: bool = True) -> _apply.Applying:
        return _apply.apply_changes(ChangeSet(changes), journal=self.journal, by="a test", restart=True, proof=proof)

    def change(self, op: str, name: str, content: bytes | None = None, *, mode: str | None = None) -> Change:
        path = self.tree / name
        expect = sha256(path.read_bytes()) if op in ("replace", "delete") else None
        return Change(op, str(path), content=content, expect=expect, mode=mode, backup=op == "replace")

    def first_changes(self) -> tuple[Change, ...]:
        change = self.change
        return (
            change("mkdir", "certs.d/new.example", mode="0750"),
            change("create", "certs.d/new.example/hosts.toml", b"secret", mode="0600"),
            change("replace", "linked", b"new\n", mode="0600"),
            change("delete", "certs.d/old.example/hosts.toml"),
            change("delete", "certs.d/old.example/link"),
            change("delete", "certs.d/old.example/ca.pem"),
            change("rmdir", "certs.d/old.example"),
            change("rmdir", "empty"),
            change("rmdir", "certs.d"),
            change("replace", "certs.d/kept.example/hosts.toml", b"old certs.d/kept.example/hosts.toml\n", mode="0600"),
            change("replace", "config.toml", b"first\n"),
        )

    def second_changes(self) -> tuple[Change, ...]:
        change = self.change
        return (
            change("delete", "certs.d/new.example/hosts.toml"),
            change("rmdir", "certs.d/new.example"),
            change("mkdir", "empty", mode="0700"),
            change("create", "empty/file", b"second\n", mode="0644"),
            change("replace", "config.toml", b"second\n"),
        )

    def picture(self) -> dict[str, t.Any]:
        """Names, types, bytes, modes, owners, attributes."""
        shown = {}
        for path in sorted(self.tree.rglob("*")):
            status = path.lstat()
            held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            xattrs = _transaction._xattrs_of(str(path))
            name = str(path.relative_to(self.tree))
            shown[name] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, held, xattrs)
        return shown

    def strays(self) -> list[str]:
        """What nobody needs any more."""
        places = [*self.tree.rglob(".*"), *self.root.rglob(".*"), *self.root.rglob("*.new")]
        return [str(place) for place in places]


def elsewhere(root: pathlib.Path) -> t.Iterator[None]:
    """The journal lies on a file system of its own."""
    really = {call: getattr(os, call) for call in ("link", "rename")}

    def crossing(call: str) -> t.Callable[..., None]:
        def cross(source: str, target: str, **options: t.Any) -> None:
            if str(source).startswith(str(root)) != str(target).startswith(str(root)):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            really[call](source, target, **options)

        return cross

    for call in really:
        setattr(os, call, crossing(call))
    yield
    for call, function in really.items():
        setattr(os, call, function)


@pytest.fixture
def new_place(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[], Place]]:
    numbers = itertools.count()

    def make() -> Place:
        top = tmp_path / "all" / str(next(numbers))
        top.mkdir(parents=True)
        if request.param == TWO:
            apart = elsewhere(top / "state")
            next(apart)
            undo.append(apart)
        return Place(top)

    undo: list[t.Iterator[None]] = []
    yield make
    for apart in reversed(undo):
        next(apart, None)


@pytest.fixture(autouse=True)
def fast_and_bounded(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """What is synced is there for every process; only a loss of power could tell the difference."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(time, "gmtime", lambda: (2026, 1, 2, 3, 4, 5, 4, 2, 0))
    signal.alarm(300)
    yield
    signal.alarm(0)


def before_each_call(act: t.Callable[[int, str, str], None]) -> None:
    """Has something done before each call that changes the disk; it is told the number, the call and its place."""
    numbers = itertools.count(1)

    def hooked(call: str, really: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def hook(*arguments: t.Any, **options: t.Any) -> t.Any:
            if call != "open" or arguments[1] & os.O_CREAT:
                act(next(numbers), call, str(arguments[1 if call in ("link", "rename", "symlink") else 0]))
            return really(*arguments, **options)

        return hook

    for call in CALLS:
        setattr(os, call, hooked(call, getattr(os, call)))


def killed(act: Act, when: t.Callable[[int, str, str], bool]) -> bool:
    """Runs something in a process of its own, which is killed before a call; False if that call did not come."""
    child = os.fork()
    if child == 0:
        try:
            before_each_call(lambda *call: os.kill(os.getpid(), signal.SIGKILL) if when(*call) else None)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "failed before it could be killed"
    return False


def killed_before(act: Act, number: int) -> bool:
    return killed(act, lambda now, _call, _place: now == number)


def first(place: Place) -> None:
    place.apply(*place.first_changes())


def second(place: Place) -> None:
    place.apply(*place.second_changes())


def half_of_the_second(place: Place) -> None:
    assert killed(lambda: second(place), lambda _number, call, at: call == "rename" and at.endswith("/config.toml"))


def difference(one: dict[str, t.Any], other: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: (one.get(name), other.get(name)) for name in {**one, **other} if one.get(name) != other.get(name)}


def module(place: Place) -> None:
    """The first changes, by the module as a node runs it."""
    wire = {
        "changes": ChangeSet(place.first_changes()).to_wire(),
        "journal": {"root": str(place.root), "by": "a test", "proof": True},
    }
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": wire}).encode()
    # Newer releases of ansible-core ask by which profile the JSON is to be read.
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _node_apply.main()
    except SystemExit as ended:
        assert not ended.code


class Case(t.NamedTuple):
    prepare: tuple[t.Callable[[Place], t.Any], ...]
    act: t.Callable[[Place], t.Any]


CASES = {
    "a change": Case((), module if os.geteuid() == 0 else first),  # only root has a journal in the module
    "a change on top of an open one": Case((first,), second),
    "a change on top of a closed one": Case((first, lambda place: place.journal.close("proved")), second),
    "a change that nobody proves": Case((), lambda place: place.apply(*place.first_changes(), proof=False)),
    "undoing": Case((first,), lambda place: place.journal.undo_open("no reason")),
    "undoing two": Case((first, second), lambda place: place.journal.undo_open("no reason")),
    "recovering": Case((first, half_of_the_second), lambda place: place.journal.recover()),
    "undoing one that is open and one that was interrupted": Case(
        (first, half_of_the_second), lambda place: place.journal.undo_open("no reason")
    ),
    "closing two": Case((first, second), lambda place: place.journal.close("proved")),
    "closing, and an older one goes": Case(
        (
            lambda place: place.apply(*place.first_changes(), proof=False),
            lambda place: place.apply(*place.second_changes(), proof=False),
            lambda place: place.apply(place.change("delete", "empty/file")),
        ),
        lambda place: place.journal.close("proved"),
    ),
    "going back": Case(
        (first, second, lambda place: place.journal.close("proved")),
        lambda place: place.journal.go_back(place.journal.changes()[0].id, "no reason"),
    ),
    "going back from what is open": Case((first, second), lambda place: place.journal.go_back("last", "no reason")),
    "undoing a way back": Case(
        (
            first,
            second,
            lambda place: place.journal.close("proved"),
            lambda place: place.journal.go_back("last", "no reason"),
        ),
        lambda place: place.journal.undo_open("no reason"),
    ),
}


def prepared(place: Place, case: Case) -> Place:
    for prepare in case.prepare:
        prepare(place)
    return place


def mended(place: Place, number: int) -> Place:
    """Recovering is killed as well, somewhere else each time, before it may come to its end."""
    killed_before(place.journal.recover, 1 + number % 11)
    place.journal.recover()
    assert place.strays() == [], f"after {number}"
    return place


@pytest.mark.parametrize(
    ("case", "new_place"),
    [
        *(pytest.param(case, ONE, id=name) for name, case in CASES.items()),
        *(pytest.param(CASES[name], TWO, id=f"{name}, {TWO}") for name in WITH_COPIES),
    ],
    indirect=["new_place"],
)
def test_whenever_it_is_killed_all_is_old_or_all_is_new(new_place: t.Callable[[], Place], case: Case) -> None:
    outcomes = []
    for act in (lambda _place: None, case.act):
        place = prepared(new_place(), case)
        act(place)
        place.journal.recover()
        outcomes.append((place.picture(), len(place.journal.open_changes())))
    for number in itertools.count(1):
        place = prepared(new_place(), case)
        reached = killed_before(functools.partial(case.act, place), number)
        found = mended(place, number).picture()
        opened = len(place.journal.open_changes())
        possible = [picture for picture, is_open in outcomes if is_open == opened] or [outcomes[1][0]]
        assert found in possible, f"killed before {number}: {[difference(found, other) for other in possible]}"
        place.journal.undo_open("what is open can be undone")
        assert place.strays() == []
        if not reached:
            assert number > len(case.prepare)
            return
