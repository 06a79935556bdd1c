# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _apply, _journal, _transaction
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away or mount")
THEIRS = "somebody else changed it since, so it was left as it is"


@pytest.fixture(autouse=True)
def never_wait_for_long() -> t.Iterator[None]:
    signal.alarm(60)
    yield
    signal.alarm(0)


class Node:
    """Files, and the journal of what is done to them."""

    def __init__(self, top: pathlib.Path) -> None:
        self.top = top / "etc"
        self.root = top / "var/lib/airgap.nodes"
        self.top.mkdir(exist_ok=True)
        self.config = self.top / "config.toml"
        self.config.write_bytes(b"0")
        self.journal = Journal(str(self.root), keep=3)

    def apply(self, *changes: Change, **options: t.Any) -> _apply.Applying:
        options = {"by": "a test", "unit": "containerd.service", "proof": True, **options}
        return _apply.apply_changes(ChangeSet(changes), journal=self.journal, **options)

    def write(self, content: str, **options: t.Any) -> Record:
        """config.toml gets another content."""
        change = self.apply(self.replacing(content), **options).change
        assert change
        return change

    def replacing(self, content: str) -> Change:
        return Change("replace", str(self.config), content=content.encode(), expect=sha256(self.config.read_bytes()))

    def create(self, name: str, content: bytes = b"new", mode: str = "0600") -> Change:
        return Change("create", f"{self.top}/{name}", content=content, mode=mode)

    def delete(self, name: str) -> Change:
        return Change("delete", f"{self.top}/{name}", expect=sha256((self.top / name).read_bytes()))

    def mkdir(self, name: str) -> Change:
        return Change("mkdir", f"{self.top}/{name}", mode="0755")

    def rmdir(self, name: str) -> Change:
        return Change("rmdir", f"{self.top}/{name}")

    def states(self) -> list[tuple[int, str, str]]:
        return [(int(record.id[:6]), record.state, record.outcome) for record in self.journal.changes()]

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.top)) for path in self.top.rglob("*"))

    def directory_of(self, record: Record) -> pathlib.Path:
        return pathlib.Path(self.journal.place_of(record))


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    return Node(tmp_path)


# What is kept


def test_a_change_is_kept_with_all_that_undoing_needs(node: Node) -> None:
    node.config.chmod(0o640)
    record = node.write("1", restart=True)
    directory = node.directory_of(record)
    content = json.loads((directory / "journal.json").read_text())
    (step,) = content.pop("steps")
    assert {key: content[key] for key in ("format", "id", "by", "unit", "restart", "state")} == {
        "format": 1,
        "id": record.id,
        "by": "a test",
        "unit": "containerd.service",
        "restart": True,
        "state": "prepared",
    }
    assert (step["path"], step["before"]["mode"], step["before"]["sha256"]) == (str(node.config), "0640", sha256(b"0"))
    assert (directory / step["saved"]).read_bytes() == b"0"
    assert (record.state, record.paths, node.states()) == ("open", [str(node.config)], [(1, "open", "")])


def test_nothing_of_it_is_open_to_others(node: Node) -> None:
    before = os.umask(0)
    try:
        node.config.chmod(0o644)
        record = node.write("1")
    finally:
        os.umask(before)
    for place in (node.root, node.root / "changes", node.directory_of(record)):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((node.directory_of(record) / "journal.json").stat().st_mode) == 0o600


def test_ids_sort_by_age_when_the_clock_jumps_back(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    later, earlier = (2026, 11, 21, 14, 30, 0, 5, 325, 0), (1970, 1, 1, 0, 0, 7, 3, 1, 0)
    monkeypatch.setattr(time, "gmtime", lambda: later)
    node.write("1")
    monkeypatch.setattr(time, "gmtime", lambda: earlier)
    node.write("2")
    first, second = node.journal.changes()
    assert (first.id, first.created) == ("000001-20261121T143000Z", "2026-11-21T14:30:00Z")
    assert (second.id, second.created) == ("000002-19700101T000007Z", "1970-01-01T00:00:07Z")
    node.journal.undo_open("no reason")
    assert node.config.read_bytes() == b"0"


def test_more_than_a_million_changes(node: Node) -> None:
    record = node.write("1", proof=False)
    directory = node.directory_of(record)
    content = (directory / "journal.json").read_text().replace("000001-", "999999-")
    (directory / "journal.json").write_text(content)
    directory.rename(directory.parent / record.id.replace("000001-", "999999-"))
    node.write("2", proof=False)
    assert [number for number, *_rest in ((record.id.split("-")[0],) for record in node.journal.changes())] == [
        "999999",
        "1000000",
    ]
    node.journal.go_back("last", "no reason")
    assert node.config.read_bytes() == b"1"


def test_nothing_to_do_leaves_no_trace(node: Node) -> None:
    (node.top / "full").mkdir()
    (node.top / "full/note").touch()
    assert node.apply(node.mkdir("full")).change is None
    assert node.apply(node.rmdir("full")) == _apply.Applying()
    assert node.states() == []


def test_what_is_refused_or_fails_leaves_no_trace(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_apply, "run_checks", lambda *_arguments: "containerd: no. Nothing was changed.")
    with pytest.raises(FileError, match=r"^containerd: no. Nothing was changed.$"):
        node.write("1", checks=[Check(str(node.config))])
    assert (node.states(), node.names(), node.config.read_bytes()) == ([], ["config.toml"], b"0")
    assert list((node.root / "changes").iterdir()) == []


def test_checks_are_asked_once_all_is_staged(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def look(checks: list[Check], staged: dict[str, str], unit: str, tell: t.Callable[[str], None]) -> None:
        seen.update({path: pathlib.Path(place).read_bytes() for path, place in staged.items()})
        assert (checks[0].path, unit, node.config.read_bytes()) == (str(node.config), "containerd.service", b"0")
        assert {os.path.dirname(place) for place in staged.values()} == {str(node.top)}
        tell("containerd is not there")

    monkeypatch.setattr(_apply, "run_checks", look)
    done = node.apply(
        node.mkdir("d"), node.create("d/x.toml", b"x"), node.replacing("1"), checks=[Check(str(node.config))]
    )
    assert seen == {str(node.config): b"1", f"{node.top}/d/x.toml": b"x"}
    assert done.warnings == ["containerd is not there"]


# Open until it is proved or undone


def test_nobody_asks_for_proof(node: Node) -> None:
    assert node.write("1", proof=False).state == "closed"
    assert node.states() == [(1, "closed", "unproved")]


def test_on_top_of_an_open_change_all_stay_open(node: Node) -> None:
    """The lower one could not be undone if the upper one were not."""
    node.write("1")
    assert node.write("2", proof=False).state == "open"
    undone = node.journal.undo_open("CRI does not answer")
    assert [record.id[:6] for record in undone.changes] == ["000002", "000001"]
    assert (undone.restored, undone.left, undone.failed) == ([str(node.config)], {}, {})
    assert (node.config.read_bytes(), node.states()) == (b"0", [(1, "closed", "undone"), (2, "closed", "undone")])
    assert {record.reason for record in node.journal.changes()} == {"CRI does not answer"}


@pytest.mark.parametrize("restarts", list(itertools.product([False, True], repeat=2)))
def test_undoing_needs_a_restart_if_one_of_them_did(node: Node, restarts: tuple[bool, bool]) -> None:
    for number, restart in enumerate(restarts):
        node.write(f"{number + 1}", restart=restart)
    assert node.journal.undo_open("no reason").restart is any(restarts)


def test_closing(node: Node) -> None:
    node.write("1")
    node.write("2")
    assert [record.outcome for record in node.journal.close("proved", "pulled")] == ["proved", "proved"]
    assert node.journal.open_changes() == []
    assert node.journal.undo_open("no reason").changes == []
    assert node.config.read_bytes() == b"2"
    assert [record.reason for record in node.journal.changes()] == ["pulled", "pulled"]


def test_what_is_closed_is_not_even_read(node: Node) -> None:
    directory = node.directory_of(node.write("1", proof=False))
    (directory / "journal.json").write_text("no more")
    assert node.journal.unfinished() == []
    assert node.write("2", proof=False).state == "closed"
    assert [number for number, _state, _outcome in node.states()] == [2]
    assert node.journal.unreadable[directory.name].startswith(f"{directory}/journal.json: not a journal")


@pytest.mark.parametrize("broken", ["no more", '{"format": 2}'], ids=["unreadable", "newer"])
def test_a_closed_one_that_cannot_be_read_is_in_the_way_only_of_who_goes_further_back(node: Node, broken: str) -> None:
    node.journal.keep = 9
    closed(node, "1", "2", "3")
    first, second, _third = node.journal.changes()
    (node.directory_of(second) / "journal.json").write_text(broken)
    for to in (first.id, second.id):
        for check_only in (True, False):
            with pytest.raises(FileError, match=f"^{node.directory_of(second)}/journal.json: "):
                node.journal.go_back(to, "asked for", check_only=check_only)
    assert node.config.read_bytes() == b"3"
    node.journal.go_back("last", "asked for")
    assert node.config.read_bytes() == b"2"
    node.journal.close("proved")
    with pytest.raises(FileError, match=f"^{node.directory_of(second)}/journal.json: "):
        node.journal.go_back("last", "asked for")


def test_what_was_done_for_another_unit_is_left_alone(node: Node) -> None:
    theirs, ours = Journal(str(node.root), unit="k3s"), Journal(str(node.root), unit="containerd")
    other = node.apply(node.create("theirs"), unit="k3s.service").change
    mine = node.write("1")
    assert other
    assert mine
    assert [[change.id for change in journal.open_changes()] for journal in (theirs, ours)] == [[other.id], [mine.id]]
    assert [change.id for change in theirs.close("proved")] == [other.id]
    assert theirs.undo_open("no reason").changes == []
    assert [change.id for change in ours.undo_open("no reason").changes] == [mine.id]
    assert node.names() == ["config.toml", "theirs"]
    assert ours.go_back("last", "asked for") == _journal.Undone()
    with pytest.raises(FileError, match=f"^{other.id}: that is a change for k3s.service: name that as unit"):
        ours.go_back(other.id, "asked for")
    assert theirs.go_back("last", "asked for").restored == [f"{node.top}/theirs"]


def test_what_is_interrupted_is_undone_for_every_unit_and_nothing_else(node: Node) -> None:
    other = node.apply(node.create("theirs"), unit="k3s.service").change
    mine = node.write("1")
    node.apply(node.create("open"), unit="k3s.service")
    (node.directory_of(mine) / "applied").unlink()
    assert other
    assert [change.id for change in Journal(str(node.root), unit="k3s").recover()] == [mine.id]
    assert (node.names(), node.config.read_bytes()) == (["config.toml", "open", "theirs"], b"0")


def test_the_very_same_file_comes_back(node: Node) -> None:
    os.link(node.config, node.top / "second-name")
    number = node.config.stat().st_ino
    node.write("1")
    node.journal.undo_open("no reason")
    assert (node.config.stat().st_ino, node.config.stat().st_nlink) == (number, 2)


# What somebody else changed since is left


def test_a_file_that_somebody_changed_since_is_left(node: Node) -> None:
    record = node.apply(node.create("a"), node.replacing("1"), node.create("b")).change
    assert record
    node.config.write_bytes(b"theirs")
    undone = node.journal.undo_open("no reason")
    saved = node.directory_of(record) / "1"
    assert undone == _journal.Undone(left={str(node.config): f"{THEIRS}; what it held before is in {saved}"})
    assert (node.names(), node.config.read_bytes()) == (["a", "b", "config.toml"], b"theirs")
    assert (saved.read_bytes(), node.states()) == (b"0", [(1, "open", "")])
    assert node.journal.go_back("last", "asked for", force=True).left == {}
    assert (node.names(), node.config.read_bytes()) == (["config.toml"], b"0")


def test_what_an_interrupted_change_still_points_to_does_not_go(node: Node) -> None:
    """Whoever finds it cannot ask, and must come to an end: what comes before what somebody else changed stays too."""
    changes = node.mkdir("certs.d"), node.create("certs.d/hosts.toml"), node.replacing("1"), node.create("later")
    change = node.apply(*changes).change
    assert change
    (node.directory_of(change) / "applied").unlink()
    node.config.write_bytes(b"theirs")
    (undone,) = node.journal.recover()
    assert (node.names(), node.config.read_bytes()) == (["certs.d", "certs.d/hosts.toml", "config.toml"], b"theirs")
    assert list(undone.left) == [str(node.config), f"{node.top}/certs.d/hosts.toml", f"{node.top}/certs.d"]
    assert undone.left[f"{node.top}/certs.d"] == f"left with {node.config}, which may rely on it"
    assert (node.journal.recover(), node.states()) == ([], [(1, "closed", "undone")])


def test_a_copy_for_people_is_in_nobodys_way(node: Node) -> None:
    node.apply(replace(node.replacing("1"), backup=True))
    (copy,) = node.top.glob("*.bak")
    copy.write_bytes(b"theirs")
    node.journal.undo_open("no reason")
    assert (node.config.read_bytes(), copy.read_bytes()) == (b"0", b"theirs")


# The mark that tells of a restart that is due


def marking(node: Node, mark: pathlib.Path, content: str) -> Record:
    mark.parent.parent.mkdir(exist_ok=True)
    marks = Change("mkdir", str(mark.parent), mode="0755"), Change("create", str(mark), content=b"m", mode="0644")
    change = node.apply(*marks, node.replacing(content), restart=True).change
    assert change
    return change


def test_the_mark_stays_when_a_change_is_undone(node: Node, restart_mark: pathlib.Path) -> None:
    change = marking(node, restart_mark, "1")
    assert change.paths == [str(node.config)]
    os.utime(restart_mark, (1, 1))
    undone = node.journal.undo_open("no reason")
    assert (undone.restored, undone.left) == ([str(node.config)], {})
    assert restart_mark.stat().st_mtime > 1
    restart_mark.unlink()
    restart_mark.parent.rmdir()
    node.write("2", restart=False)
    node.journal.undo_open("no reason")
    assert not restart_mark.parent.exists()


@pytest.mark.parametrize("restart", [False, True])
def test_going_back_leaves_the_mark(node: Node, restart_mark: pathlib.Path, *, restart: bool) -> None:
    """The journal tells the time of a change in seconds; containerd may have started in the same one."""
    node.write("1", restart=restart, proof=False)
    node.journal.go_back("last", "asked for")
    assert (restart_mark.exists(), node.config.read_bytes()) == (restart, b"0")


@pytest.mark.parametrize("act", ["undo", "recover"])
def test_the_mark_is_there_before_the_first_file_comes_back(node: Node, restart_mark: pathlib.Path, act: str) -> None:
    change = marking(node, restart_mark, "1")
    restart_mark.unlink()
    if act == "recover":
        (node.directory_of(change) / "applied").unlink()
    killed_before_rename_to(
        "config.toml", node.journal.recover if act == "recover" else lambda: node.journal.undo_open("no reason")
    )
    assert (restart_mark.exists(), node.config.read_bytes()) == (True, b"1")


def test_going_back_does_not_mind_a_mark_that_went_with_a_reboot(node: Node, restart_mark: pathlib.Path) -> None:
    marking(node, restart_mark, "1")
    node.journal.close("proved")
    restart_mark.unlink()
    restart_mark.parent.rmdir()
    assert node.journal.go_back("last", "asked for").restored == [str(node.config)]


def somebody(node: Node, what: str) -> None:
    place = node.top / "d" / "file"
    if what == "removed the file":
        place.unlink()
    elif what == "removed the directory":
        place.unlink()
        place.parent.rmdir()
    elif what == "made it a directory":
        place.unlink()
        place.mkdir()
    elif what == "made it a FIFO":
        place.unlink()
        os.mkfifo(place)
    elif what == "made it a symlink":
        place.rename(node.top / "moved")
        place.symlink_to("../moved")
    elif what == "made the directory a file":
        place.unlink()
        place.parent.rmdir()
        place.parent.touch()


@pytest.mark.parametrize(
    "what",
    [
        "removed the file",
        "removed the directory",
        "made it a directory",
        "made it a FIFO",
        "made it a symlink",
        "made the directory a file",
    ],
)
def test_what_somebody_did_to_a_replaced_file_stays(node: Node, what: str) -> None:
    (node.top / "d").mkdir()
    (node.top / "d/file").write_bytes(b"old")
    node.apply(Change("replace", f"{node.top}/d/file", content=b"new", expect=sha256(b"old")), node.replacing("1"))
    somebody(node, what)
    names = node.names()
    undone = node.journal.undo_open("no reason")
    assert (list(undone.left), undone.changes, undone.failed) == ([f"{node.top}/d/file"], [], {})
    assert (node.names(), node.config.read_bytes()) == (names, b"1")
    assert node.journal.recover() == []


def test_a_directory_into_which_somebody_put_something_stays(node: Node) -> None:
    node.apply(node.mkdir("d"), node.create("d/ours"))
    (node.top / "d/theirs").touch()
    undone = node.journal.undo_open("no reason")
    assert undone.left == {f"{node.top}/d": "somebody else put something into it since, so it was left as it is"}
    assert node.names() == ["config.toml", "d", "d/theirs"]


def test_a_deleted_file_whose_directory_is_gone_stays_deleted(node: Node) -> None:
    (node.top / "d").mkdir()
    (node.top / "d/file").write_bytes(b"old")
    node.apply(node.delete("d/file"))
    (node.top / "d").rmdir()
    assert list(node.journal.undo_open("no reason").left) == [f"{node.top}/d/file"]


def killed_before_rename_to(name: str, act: t.Callable[[], t.Any]) -> None:
    really_rename = os.rename

    def rename(source: str, target: str) -> None:
        if target.endswith(name):
            os.kill(os.getpid(), signal.SIGKILL)
        really_rename(source, target)

    child = os.fork()
    if child == 0:
        os.rename = rename  # type: ignore[assignment]
        act()
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_file_whose_turn_never_came_is_nobody_elses_to_be_told_of(node: Node) -> None:
    killed_before_rename_to("config.toml", lambda: node.apply(node.create("a"), node.replacing("1")))
    assert "a" in node.names()
    node.config.write_bytes(b"theirs")
    (undone,) = node.journal.recover()
    assert (undone.left, node.config.read_bytes(), node.names()) == ({}, b"theirs", ["config.toml"])


def test_what_was_saved_is_not_trusted_blindly(node: Node) -> None:
    saved = node.directory_of(node.write("1")) / "0"
    saved.write_bytes(b"tampered")
    undone = node.journal.undo_open("no reason")
    assert undone.left == {str(node.config): f"what was saved of it in {saved} is not what it held"}
    assert node.config.read_bytes() == b"1"


def test_who_undid_it_by_hand_is_not_bothered(node: Node) -> None:
    node.write("1")
    node.config.write_bytes(b"0")
    undone = node.journal.undo_open("no reason")
    assert (undone.restored, undone.left) == ([], {})


def test_what_cannot_be_put_back_is_tried_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    record = node.write("1")
    saved = node.directory_of(record) / "0"
    with monkeypatch.context() as patch:

        def refuse(_source: str, target: str) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), target)

        patch.setattr(os, "rename", refuse)
        undone = node.journal.undo_open("no reason")
        why = f"Read-only file system, what it held is in {saved}"
        assert (undone.failed, undone.restored) == ({str(node.config): why}, [])
        with pytest.raises(FileError) as caught:
            node.journal.recover()
        assert str(caught.value) == (
            "an earlier run was interrupted, and what it had changed could not all be undone: "
            f"{node.config}: {why}. See to that and run again."
        )
    assert node.states() == [(1, "prepared", "")]
    with pytest.raises(FileError, match=rf"^{node.config}: a run that changed it was interrupted .*; run again$"):
        node.write("2")
    assert [change.id for change in node.journal.recover()] == [record.id]
    assert node.config.read_bytes() == b"0"


# Going back to what is closed


def closed(node: Node, *contents: str) -> None:
    for content in contents:
        node.write(content, proof=False)


def test_going_back_goes_further_back_each_time(node: Node) -> None:
    closed(node, "1", "2", "3")
    for expected in (b"2", b"1", b"0"):
        undone = node.journal.go_back("last", "asked for")
        assert (undone.restored, node.config.read_bytes()) == ([str(node.config)], expected)
        assert undone.change
        assert (undone.change.state, undone.change.reason) == ("open", "asked for")
        node.journal.keep = 100
        node.journal.close("proved")
    assert node.journal.go_back("last", "asked for") == _journal.Undone()


def test_going_back_to_a_named_change_and_forth_again(node: Node) -> None:
    closed(node, "1", "2", "3")
    second = node.journal.changes()[1]
    undone = node.journal.go_back(second.id, "asked for")
    assert ([record.id[:6] for record in undone.changes], node.config.read_bytes()) == (["000003", "000002"], b"1")
    node.journal.close("proved")
    assert undone.change
    node.journal.go_back(undone.change.id, "no, not that")
    assert node.config.read_bytes() == b"3"
    node.journal.close("proved")
    node.journal.go_back("last", "once more")
    assert node.config.read_bytes() == b"2"


def test_going_back_is_undone_alone(node: Node) -> None:
    closed(node, "1", "2")
    node.journal.go_back("last", "asked for")
    undone = node.journal.undo_open("CRI does not answer")
    assert (len(undone.changes), node.config.read_bytes()) == (1, b"2")
    assert node.journal.go_back("last", "again").restored == [str(node.config)]
    assert node.config.read_bytes() == b"1"


def test_going_back_from_what_is_open(node: Node) -> None:
    closed(node, "1")
    node.write("2")
    node.write("3")
    node.journal.go_back("last", "asked for")
    assert node.config.read_bytes() == b"1"
    assert [state for _number, state, _outcome in node.states()] == ["closed", "closed", "closed", "open"]
    node.journal.undo_open("CRI does not answer")
    assert node.config.read_bytes() == b"3"
    assert [state for _number, state, _outcome in node.states()] == ["closed", "open", "open", "closed"]
    node.journal.go_back("last", "again")
    node.journal.close("proved")
    assert node.journal.open_changes() == []
    assert [outcome for _number, _state, outcome in node.states()][-1] == "proved"


def test_what_was_saved_outlives_what_is_done_to_the_file(node: Node) -> None:
    closed(node, "1")
    node.journal.go_back("last", "asked for")
    node.journal.close("proved")
    with node.config.open("r+b") as stream:
        stream.write(b"X")  # in place, as some editors do
    saved = node.directory_of(node.journal.changes()[0]) / "0"
    assert (saved.read_bytes(), node.config.read_bytes()) == (b"0", b"X")


def test_going_back_over_directories(node: Node) -> None:
    keep = {"proof": False}
    node.apply(node.mkdir("d"), node.create("d/f", b"1"), **keep)
    node.apply(node.delete("d/f"), node.rmdir("d"), **keep)
    node.apply(node.mkdir("d"), node.create("d/g", b"2"), node.mkdir("e"), node.create("e/h"), **keep)
    first, second, third = node.journal.changes()
    for to, expected in (
        (third, ["config.toml"]),
        (second, ["config.toml", "d", "d/f"]),
        (first, ["config.toml"]),
    ):
        node.journal.go_back(to.id, "asked for")
        assert node.names() == expected
        node.journal.undo_open("and forth again")
        assert node.names() == ["config.toml", "d", "d/g", "e", "e/h"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_somebody_changed_since_is_left_unless_forced(node: Node, force: bool) -> None:
    closed(node, "1")
    node.apply(node.create("other"), proof=False)
    node.config.write_bytes(b"theirs")
    first = node.journal.changes()[0]
    for check_only in (True, False):
        if force:
            undone = node.journal.go_back(first.id, "asked for", force=True, check_only=check_only)
            assert (undone.left, undone.restored) == ({}, [f"{node.top}/other", str(node.config)])
            continue
        with pytest.raises(FileError) as caught:
            node.journal.go_back(first.id, "asked for", check_only=check_only)
        assert str(caught.value) == (
            f"{node.config}: somebody else changed it since. Nothing was changed: the rest alone would be half a "
            "state. Put back what is in there too with force: true, which keeps what it holds now."
        )
    assert (node.config.read_bytes(), (node.top / "other").exists()) == ((b"0", False) if force else (b"theirs", True))
    node.journal.undo_open("no reason")
    assert (node.config.read_bytes(), (node.top / "other").exists()) == (b"theirs", True)


def test_a_change_that_nobody_knows(node: Node) -> None:
    with pytest.raises(FileError, match=r"^x: there is no such change to go back to on this node; there are: none$"):
        node.journal.go_back("x", "asked for")
    closed(node, "1")
    (record,) = node.journal.changes()
    with pytest.raises(FileError, match=f"there are: {record.id}$"):
        node.journal.go_back("x", "asked for")


@pytest.mark.parametrize("to", ["000002", "2", "0002"])
def test_a_number_names_a_change_on_every_node(node: Node, to: str) -> None:
    closed(node, "1", "2", "3")
    undone = node.journal.go_back(to, "asked for")
    assert ([record.id[:6] for record in undone.changes], node.config.read_bytes()) == (["000003", "000002"], b"1")


@pytest.mark.parametrize("to", ["4", "0", "-1", "20261121", "2-", "²", "1" * 5000, ""])
def test_a_number_that_no_change_has(node: Node, to: str) -> None:
    closed(node, "1", "2")
    first, second = node.journal.changes()
    with pytest.raises(FileError, match=rf"^{to}: there is no such change .* there are: {first.id}, {second.id}$"):
        node.journal.go_back(to, "asked for")
    assert node.config.read_bytes() == b"2"


def test_a_number_that_two_changes_have(node: Node) -> None:
    """As with a directory that somebody copied back from elsewhere."""
    closed(node, "1", "2")
    first, second = node.journal.changes()
    twin = node.directory_of(second).rename(node.directory_of(second).with_name("000001-20991231T000000Z"))
    (twin / "journal.json").write_text((twin / "journal.json").read_text().replace(second.id, twin.name))
    with pytest.raises(FileError) as caught:
        node.journal.go_back("1", "asked for")
    assert str(caught.value) == (
        f"1: more than one change on this node has that number; name one of them whole: {first.id}, {twin.name}"
    )
    assert node.config.read_bytes() == b"2"


def test_the_number_of_a_change_for_another_unit_or_that_cannot_be_read(node: Node) -> None:
    theirs, ours = Journal(str(node.root), unit="k3s"), Journal(str(node.root), unit="containerd")
    closed(node, "1")
    other = node.apply(node.create("theirs"), unit="k3s.service").change
    assert other
    theirs.close("proved")
    with pytest.raises(FileError, match=f"^{other.id}: that is a change for k3s.service: name that as unit"):
        ours.go_back("2", "asked for")
    (node.directory_of(other) / "journal.json").write_text("no more")
    with pytest.raises(FileError, match=f"^{node.directory_of(other)}/journal.json: "):
        ours.go_back("2", "asked for")


def test_check_mode_tells_and_changes_nothing(node: Node) -> None:
    assert node.journal.go_back("last", "asked for", check_only=True) == _journal.Undone()
    assert not node.root.exists()
    closed(node, "1")
    assert node.journal.go_back("last", "asked for", check_only=True).restored == [str(node.config)]
    assert (node.config.read_bytes(), len(node.states())) == (b"1", 1)


# How many are kept


def test_the_oldest_go_first(node: Node) -> None:
    closed(node, "1", "2", "3", "4", "5")
    assert [number for number, _state, _outcome in node.states()] == [3, 4, 5]
    node.journal.go_back(node.journal.changes()[0].id, "asked for")
    assert node.config.read_bytes() == b"2"


def test_what_is_open_does_not_go(node: Node) -> None:
    for number in range(1, 6):
        node.write(f"{number}")
    assert len(node.journal.open_changes()) == 5
    node.journal.undo_open("no reason")
    assert (node.config.read_bytes(), len(node.states())) == (b"0", 3)


def test_none_is_kept(node: Node) -> None:
    node.journal.keep = 0
    assert node.write("1", proof=False).state == "closed"
    assert (node.states(), list((node.root / "changes").iterdir())) == ([], [])


# Who may be there, and who not


def test_another_run_is_kept_out_and_told(node: Node) -> None:
    other = Journal(str(node.root))
    with node.journal.locked():
        with node.journal.locked():  # who has it may go on
            pass
        with pytest.raises(FileError) as caught, other.locked(seconds=0.1):
            pass
    assert str(caught.value) == (
        f"{node.root}/lock: another run has been changing this node for 0 seconds. Nothing was changed; run again when "
        "it is done (fuser names the process that holds the file)."
    )
    with other.locked(seconds=0):
        pass


def test_a_crashed_run_does_not_hold_the_lock(node: Node) -> None:
    child = os.fork()
    if child == 0:
        with node.journal.locked():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with node.journal.locked(seconds=0):
        pass


def test_a_program_that_is_started_meanwhile_does_not_hold_the_lock(node: Node) -> None:
    with node.journal.locked():
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], close_fds=False)
    try:
        with node.journal.locked(seconds=5):
            pass
    finally:
        started.kill()
        started.wait()


def test_two_runs_at_once_end_as_one_after_the_other(node: Node) -> None:
    """Both planned on what is there now: one comes first, the other is told."""
    changes = node.replacing("one"), node.replacing("two")
    children = []
    for change in changes:
        child = os.fork()
        if child == 0:
            try:
                node.apply(change, proof=False)
                os._exit(0)
            except FileError as error:
                os._exit(2 if str(error) == f"{node.config}: changed since it was read; run again" else 3)
            finally:
                os._exit(4)
        children.append(child)
    assert sorted(os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children) == [0, 2]
    assert (node.config.read_bytes() in (b"one", b"two"), node.names()) == (True, ["config.toml"])


def test_the_directory_is_made_with_all_above_it(node: Node) -> None:
    assert not node.root.parent.parent.exists()
    node.write("1")
    assert stat.S_IMODE(node.root.parent.stat().st_mode) == 0o755


def test_a_directory_that_is_open_to_others_is_closed(node: Node) -> None:
    node.root.mkdir(parents=True)
    node.root.chmod(0o777)
    node.write("1")
    assert stat.S_IMODE(node.root.stat().st_mode) == 0o700


REFUSED: dict[str, t.Callable[[pathlib.Path], t.Any]] = {
    "is a symlink": lambda root: root.symlink_to(root.parent),
    "is not a directory of this user alone": lambda root: root.touch(),
}


@pytest.mark.parametrize(("why", "prepare"), REFUSED.items(), ids=REFUSED.keys())
def test_a_directory_that_could_be_changed_by_others_is_refused(
    node: Node, why: str, prepare: t.Callable[[pathlib.Path], t.Any]
) -> None:
    node.root.parent.mkdir(parents=True)
    prepare(node.root)
    with pytest.raises(FileError) as caught:
        node.write("1")
    assert str(caught.value) == (
        f"{node.root}: {why}, so that what is kept there could be changed by others. Nothing was changed; "
        "move it away, and it is made anew."
    )
    assert node.config.read_bytes() == b"0"


@needs_root
def test_a_directory_of_somebody_else_is_refused(node: Node) -> None:
    node.root.mkdir(parents=True)
    os.chown(node.root, 1234, 1234)
    with pytest.raises(FileError, match=r"is not a directory of this user alone"):
        node.write("1")


def test_a_path_that_is_not_absolute(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(node.top)
    node.journal = Journal("state")
    with pytest.raises(FileError, match=r"^state: the journal needs an absolute path$"):
        node.write("1")


# Journals that cannot be read

BROKEN: dict[str, tuple[t.Callable[[dict[str, t.Any]], t.Any], str]] = {
    "empty": (lambda _content: "", "Expecting value: line 1 column 1"),
    "half": (lambda content: json.dumps(content)[:200], "JSONDecodeError"),
    "a list": (lambda _content: [], "TypeError"),
    "no steps": (lambda content: {**content, "steps": None}, "TypeError"),
    "another change's": (lambda content: {**content, "id": "000009-20260101T000000Z"}, "id is '000009"),
    "a state that nobody knows": (lambda content: {**content, "state": "half"}, "state is 'half'"),
    "no format": (lambda content: {**content, "format": "1"}, "format is '1'"),
    "a mode that is none": (
        lambda content: {**content, "steps": [{**content["steps"][0], "before": {"mode": "rw"}}]},
        "KeyError",
    ),
    "a path that is not absolute": (
        lambda content: {**content, "steps": [{**content["steps"][0], "target": "etc/passwd"}]},
        "target is 'etc/passwd'",
    ),
    "a hidden file that is none of ours": (
        lambda content: {**content, "steps": [{**content["steps"][0], "temporary": "/etc/passwd"}]},
        "temporary is '/etc/passwd'",
    ),
}


@pytest.mark.parametrize(("breaks", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_journal_is_told_and_nothing_is_touched(
    node: Node, breaks: t.Callable[[dict[str, t.Any]], t.Any], why: str
) -> None:
    directory = node.directory_of(node.write("1"))
    path = directory / "journal.json"
    broken = breaks(json.loads(path.read_text()))
    path.write_text(broken if isinstance(broken, str) else json.dumps(broken))
    for act in (
        lambda: node.write("2"),
        node.journal.recover,
        node.journal.changes,
        lambda: node.journal.undo_open(""),
        lambda: node.journal.close("proved"),
        lambda: node.journal.go_back("last", ""),
    ):
        with pytest.raises(FileError) as caught:
            act()
        assert str(caught.value).startswith(f"{path}: not a journal that can be read (")
        assert why in str(caught.value)
        assert str(caught.value).endswith(
            f"Nothing was changed. The files in {directory} are what was there before that change: put back by hand "
            "what you need of them, then move the directory away, and run again."
        )
    assert (node.config.read_bytes(), node.names()) == (b"1", ["config.toml"])
    directory.rename(node.root / "moved")
    assert node.write("2").state == "open"


def test_a_journal_of_a_newer_version_is_told(node: Node) -> None:
    path = node.directory_of(node.write("1")) / "journal.json"
    path.write_text('{"format": 2, "what": "ever"}')
    with pytest.raises(FileError) as caught:
        node.journal.recover()
    assert str(caught.value) == (
        f"{path}: written by a newer version of airgap.nodes (format 2, known is 1). Nothing was changed; run that "
        "version, or a newer one."
    )


def test_what_is_not_ours_is_nobodys_trouble(node: Node) -> None:
    node.write("1", proof=False)
    (node.root / "changes/notes.txt").touch()
    (node.root / "changes/lost+found").mkdir()
    (node.root / "README").touch()
    assert node.write("2", proof=False).state == "closed"
    assert (node.root / "changes/lost+found").exists()


# A disk that is full, or gone

SPACE = ("mkdir", "link", "symlink", "fsync", "open")


def needs_space(call: str, arguments: t.Sequence[t.Any]) -> bool:
    if call == "fsync":  # where what was written gets its place
        return stat.S_ISREG(os.fstat(arguments[0]).st_mode)
    is_there = os.path.lexists(arguments[1 if call in ("link", "symlink") else 0])
    return not is_there and (call != "open" or bool(arguments[1] & os.O_CREAT))


def fill(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """From that call on, nothing that needs space works any more; the list tells how many such calls there were."""
    count: list[int] = []

    def limited(call: str, really: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def limit(*arguments: t.Any, **options: t.Any) -> t.Any:
            if needs_space(call, arguments):
                count.append(1)
                if len(count) >= number:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return really(*arguments, **options)

        return limit

    for call in SPACE:
        monkeypatch.setattr(os, call, limited(call, getattr(os, call)))
    return count


@pytest.mark.parametrize("what", ["apply", "undo", "close", "go back"])
def test_a_disk_that_runs_full_at_any_point(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """All is old or all is new, even while it is full; and it is all right once there is space again."""
    for number in itertools.count(1):
        (tmp_path / str(number)).mkdir()
        node = Node(tmp_path / str(number))
        (node.top / "old").write_bytes(b"old")
        first = [node.mkdir("d"), node.create("d/f"), node.delete("old"), node.replacing("1")]
        if what != "apply":
            node.apply(*first, proof=what != "go back")
        with monkeypatch.context() as patch:
            count = fill(patch, number)
            failed = ""
            try:
                if what == "apply":
                    node.apply(*first)
                elif what == "undo":
                    assert node.journal.undo_open("no reason").failed == {}
                elif what == "close":
                    node.journal.close("proved")
                else:
                    node.journal.go_back("last", "asked for")
            except FileError as error:
                failed = str(error)
        assert "\n" not in failed
        assert "No space left on device" in failed or not failed
        is_new = "old" not in node.names()
        assert node.names() == (["config.toml", "d", "d/f"] if is_new else ["config.toml", "old"])
        assert node.config.read_bytes() == (b"1" if is_new else b"0")
        if failed:
            assert is_new is (what in ("close", "go back"))
        assert node.journal.recover() == []
        assert not list(node.root.rglob("*.new"))
        if len(count) < number:
            return


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    disk = tmp_path / request.param
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@contextlib.contextmanager
def filled(disk: pathlib.Path) -> t.Iterator[None]:
    with (disk / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 512):
            pass
    yield
    (disk / "filler").unlink()


@needs_root
@pytest.mark.parametrize("small_disk", ["etc", "var"], indirect=True)
def test_a_file_system_that_is_really_full(tmp_path: pathlib.Path, small_disk: pathlib.Path) -> None:
    node = Node(tmp_path)
    old, new = b"0" * 9000, "1" * 9000
    node.config.write_bytes(old)
    with filled(small_disk), pytest.raises(FileError, match=r": No space left on device; nothing was changed$"):
        node.write(new)
    assert (node.config.read_bytes(), node.names()) == (old, ["config.toml"])
    node.write(new)
    with filled(small_disk):
        undone = node.journal.undo_open("no reason")
        if small_disk.name == "etc":  # where the old file has to be brought to, from another file system
            saved = node.directory_of(undone.changes[0]) / "0"
            why = f"No space left on device, what it held is in {saved}; nothing was put back"
            assert (undone.failed, node.config.read_bytes()) == ({str(node.config): why}, new.encode())
    node.journal.recover()
    assert (node.config.read_bytes(), node.names()) == (old, ["config.toml"])
    assert node.journal.unfinished() == []


@needs_root
@pytest.mark.parametrize("small_disk", ["etc"], indirect=True)
def test_where_not_all_can_come_back_nothing_does(tmp_path: pathlib.Path, small_disk: pathlib.Path) -> None:
    """What comes first would fit, and would be named by nothing any more."""
    node = Node(tmp_path)
    node.config.write_bytes(b"0" * 9000)
    node.apply(node.create("new.pem"), node.delete("config.toml"), node.create("hosts.toml", b"new" * 3000))
    new = node.names()
    with filled(small_disk):
        undone = node.journal.undo_open("no reason")
        assert (undone.restored, list(undone.failed), node.names()) == (
            [],
            [str(node.config)],
            sorted([*new, "filler"]),
        )
    node.journal.recover()
    assert (node.config.read_bytes(), node.names()) == (b"0" * 9000, ["config.toml"])


def test_attributes_come_back_across_file_systems(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    really_rename, really_link = os.rename, os.link

    def apart(source: str, target: str) -> None:
        if source.startswith(str(node.root)) != target.startswith(str(node.root)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def rename(source: str, target: str) -> None:
        apart(source, target)
        really_rename(source, target)

    def link(source: str, target: str, **options: t.Any) -> None:
        apart(source, target)
        really_link(source, target, **options)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "link", link)
    node.config.chmod(0o604)
    try:
        os.setxattr(node.config, "user.comment", b"mine")
    except OSError:
        pytest.skip("a file system without extended attributes")
    (node.top / "link").symlink_to("config.toml")
    before = _transaction.held_at(str(node.config)), os.readlink(node.top / "link")
    node.apply(Change("delete", f"{node.top}/link", expect=sha256(b"0")))
    node.write("1")
    node.journal.undo_open("no reason")
    assert (_transaction.held_at(str(node.config)), os.readlink(node.top / "link")) == before
    assert os.getxattr(node.config, "user.comment") == b"mine"


def test_a_name_that_is_not_utf8(node: Node) -> None:
    path = os.fsdecode(os.fsencode(node.top) + b"/caf\xe9")
    node.apply(Change("create", path, content=b"au lait", mode="0644"))
    assert node.journal.changes()[0].paths == [path]
    node.journal.undo_open("no reason")
    assert node.names() == ["config.toml"]
