# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading would be after changes, and several sets of them as one, beside what a node's own code leaves."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import re
import tempfile
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _apply
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.composition import composed
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.overlay import COPY, after
from hypothesis import given, settings
from hypothesis import strategies as st

OLD, NEW = b"old\n", b"new and longer\n"


def create(path: str, content: bytes = NEW, mode: str = "0644", **more: t.Any) -> Change:
    return Change("create", path, content=content, mode=mode, **more)


def replace(path: str, content: bytes = NEW, former: bytes = OLD, **more: t.Any) -> Change:
    return Change("replace", path, content=content, expect=sha256(former), **more)


def delete(path: str, former: bytes = OLD, **more: t.Any) -> Change:
    return Change("delete", path, expect=sha256(former), **more)


def mkdir(path: str, mode: str = "0755") -> Change:
    return Change("mkdir", path, mode=mode)


def rmdir(path: str) -> Change:
    return Change("rmdir", path)


# --- beside what the node's own code leaves


class Disk:
    """A tree as a plan finds it, with symlinks to files, to directories and to nowhere."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        for directory in ("tree/a", "tree/empty", "conf.d", "elsewhere/c"):
            (root / directory).mkdir(parents=True)
        for name in ("config.toml", "tree/a/hosts.toml", "tree/a/ca-1.pem", "conf.d/x.toml", "elsewhere/c/hosts.toml"):
            self.write(name)
        self.write("elsewhere/linked.toml")
        (root / "linked.toml").symlink_to(root / "elsewhere" / "linked.toml")
        (root / "conf.d" / "again.toml").symlink_to("../linked.toml")
        (root / "tree" / "c").symlink_to(root / "elsewhere" / "c")
        (root / "tree" / "dangling").symlink_to(root / "gone")

    def write(self, name: str) -> None:
        (self.root / name).write_bytes(OLD)
        (self.root / name).chmod(0o640)

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def read(self) -> NodeState:
        files = ("config.toml", "linked.toml", "elsewhere/linked.toml", "mark", "tree", "new/mark", "new")
        wanted = {
            "files": [self.path(name) for name in files],
            "globs": [self.path(name) for name in ("conf.d/*.toml", "tree/*/hosts.toml", "tree/*/hosts.toml*.bak")],
            "directories": [self.path(name) for name in ("tree", "elsewhere", "absent", "tree/a/ca-1.pem")],
        }
        return NodeState.from_wire(read_files({**wanted, "max_bytes": 65536}))


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Disk:
    return Disk(tmp_path)


def comparable(state: NodeState) -> dict[str, t.Any]:
    """A reading without what only a node can know: times, the owner of what is new, the size of a directory."""
    return t.cast("dict[str, t.Any]", _plain(dataclasses.asdict(state)))


def _plain(value: t.Any) -> t.Any:
    if not isinstance(value, dict):
        return value
    if "kind" in value:
        ignored = [
            "mtime",
            "changed",
            "uid",
            "gid",
            "owner",
            "group",
            *(["size"] if value["kind"] == "directory" else []),
        ]
        return {key: item for key, item in value.items() if key not in ignored}
    return {re.sub(r"\d{8}T\d{6}(\.\d+)?\.bak$", COPY, key): _plain(item) for key, item in value.items()}


def each(path: t.Callable[[str], str]) -> dict[str, list[Change]]:
    """Changes of every kind, alone and after each other."""
    return {
        "a new file": [create(path("mark"))],
        "a new file that a glob finds": [create(path("conf.d/new.toml"))],
        "a new file that no glob finds": [create(path("conf.d/new.txt"))],
        "another content": [replace(path("config.toml"))],
        "another mode": [replace(path("config.toml"), OLD, mode="0600")],
        "with a copy": [replace(path("tree/a/hosts.toml"), backup=True)],
        "with a closed copy": [replace(path("tree/a/hosts.toml"), backup=True, backup_mode="0600")],
        "deleted": [delete(path("conf.d/x.toml"))],
        "deleted with a copy": [delete(path("tree/a/hosts.toml"), backup=True)],
        "through a symlink": [replace(path("linked.toml"))],
        "through another name of it": [replace(path("conf.d/again.toml"))],
        "what a symlink leads to": [replace(path("elsewhere/linked.toml"))],
        "a symlink goes": [delete(path("conf.d/again.toml"))],
        "what symlinks lead to goes": [delete(path("elsewhere/linked.toml"))],
        "in a directory behind a symlink": [replace(path("tree/c/hosts.toml")), create(path("tree/c/ca.pem"))],
        "a new file under the name of that directory": [create(path("elsewhere/c/ca.pem"))],
        "under the name of that directory": [
            replace(path("elsewhere/c/hosts.toml")),
            delete(path("elsewhere/c/hosts.toml"), NEW),
        ],
        "where a symlink leads nowhere": [create(path("tree/dangling"))],
        "a new namespace": [mkdir(path("tree/b")), create(path("tree/b/hosts.toml")), create(path("tree/b/ca-2.pem"))],
        "a new tree": [mkdir(path("absent")), mkdir(path("absent/b")), create(path("absent/b/hosts.toml"))],
        "deeper than is listed": [mkdir(path("tree/a/d")), create(path("tree/a/d/file"))],
        "a directory that is there": [mkdir(path("tree"), "0700"), mkdir(path("tree/c"), "0700")],
        "an empty directory goes": [rmdir(path("tree/empty"))],
        "a directory with something in it stays": [rmdir(path("tree/a")), rmdir(path("tree"))],
        "a symlink is no directory to remove": [rmdir(path("tree/c"))],
        "a purge": [delete(path("tree/a/ca-1.pem")), delete(path("tree/a/hosts.toml")), rmdir(path("tree/a"))],
        "there and back": [create(path("mark")), delete(path("mark"), NEW)],
        "with a directory of its own": [mkdir(path("new")), create(path("new/mark"))],
    }


NAMES = sorted(each("/{}".format))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_plan_is_told_is_what_the_node_would_tell(disk: Disk, name: str) -> None:
    expected = disk.read()
    for change in each(disk.path)[name]:
        # One by one: a node takes no two changes of a path in one set.
        expected = after(expected, ChangeSet((change,)))
        _apply.apply_changes(ChangeSet((change,)))
    assert comparable(expected) == comparable(disk.read())


def test_nothing_to_do_changes_nothing(disk: Disk) -> None:
    state = disk.read()
    assert after(state, ChangeSet()) is state


def test_what_is_not_touched_stays_as_it_was_read(disk: Disk) -> None:
    state = disk.read()
    seen = after(state, ChangeSet((replace(disk.path("config.toml")),)))
    assert seen.file(disk.path("linked.toml")) is state.file(disk.path("linked.toml"))


def test_what_is_written_is_newer_than_all_that_is_there(disk: Disk) -> None:
    seen = after(disk.read(), ChangeSet((create(disk.path("mark")),)))
    assert seen.file(disk.path("mark")).mtime == math.inf


def test_an_old_file_keeps_its_owner(disk: Disk) -> None:
    state = disk.read()
    seen = after(state, ChangeSet((replace(disk.path("config.toml")),))).file(disk.path("config.toml"))
    assert (seen.owner, seen.uid) == (
        state.file(disk.path("config.toml")).owner,
        state.file(disk.path("config.toml")).uid,
    )


def test_no_key_gets_into_a_listing() -> None:
    state = NodeState(directories={"/t": Entry("directory")}, listings={"/t": {}})
    assert after(state, ChangeSet((create("/t/key.pem"),))).listings["/t"]["key.pem"].content is None


# --- several sets as one


SETS: dict[str, tuple[list[Change], list[Change], list[Change]]] = {
    "of different files": ([create("/a")], [create("/b")], [create("/a"), create("/b")]),
    "made, then changed": ([create("/a", OLD)], [replace("/a", backup=True)], [create("/a")]),
    "made, then closed": ([create("/a", OLD)], [replace("/a", OLD, mode="0600")], [create("/a", OLD, "0600")]),
    "made, then removed": ([create("/a", OLD)], [delete("/a")], []),
    "changed twice": ([replace("/a", b"1")], [replace("/a", b"2", b"1")], [replace("/a", b"2")]),
    "the first copy counts": (
        [replace("/a", b"1", backup=True)],
        [replace("/a", b"2", b"1", backup=True, backup_mode="0600")],
        [replace("/a", b"2", backup=True)],
    ),
    "a copy that only the second asks for": (
        [replace("/a", b"1")],
        [replace("/a", b"2", b"1", backup=True)],
        [replace("/a", b"2", backup=True, backup_mode="0600")],
    ),
    "changed, then removed": (
        [replace("/a", b"1", backup=True)],
        [delete("/a", b"1")],
        [delete("/a", backup=True)],
    ),
    "removed, then made": (
        [delete("/a", backup=True)],
        [create("/a", mode="0600")],
        [replace("/a", mode="0600", backup=True)],
    ),
    "a directory is made once, and first": (
        [mkdir("/d"), create("/d/a")],
        [mkdir("/d"), create("/d/b")],
        [mkdir("/d"), create("/d/a"), create("/d/b")],
    ),
    "a directory that went comes back": ([rmdir("/d")], [mkdir("/d"), create("/d/a")], [mkdir("/d"), create("/d/a")]),
    "a directory that came goes": ([mkdir("/d")], [rmdir("/d")], [rmdir("/d")]),
    "it stands where it was changed last": (
        [replace("/a", b"1"), create("/b")],
        [replace("/a", b"2", b"1")],
        [create("/b"), replace("/a", b"2")],
    ),
    "config.toml comes last": (
        [replace("/etc/config.toml"), create("/b")],
        [create("/c")],
        [create("/b"), create("/c"), replace("/etc/config.toml")],
    ),
}


@pytest.mark.parametrize(("first", "second", "both"), SETS.values(), ids=SETS)
def test_composed(first: list[Change], second: list[Change], both: list[Change]) -> None:
    sets = ChangeSet(tuple(first)), ChangeSet(tuple(second))
    assert composed(sets, last="/etc/config.toml") == ChangeSet(tuple(both))


NOT_PLANNED_AFTER: dict[str, tuple[Change, Change]] = {
    "on another content": (replace("/a", b"1"), replace("/a", b"2", b"0")),
    "on what went": (delete("/a"), replace("/a")),
    "made twice": (create("/a"), create("/a")),
    "a file where a directory is made": (mkdir("/a"), create("/a")),
}


@pytest.mark.parametrize(("first", "second"), NOT_PLANNED_AFTER.values(), ids=NOT_PLANNED_AFTER)
def test_a_set_that_was_planned_on_something_else(first: Change, second: Change) -> None:
    with pytest.raises(ValueError, match=r"^\w+ /a does not go with \w+ before it$"):
        composed([ChangeSet((first,)), ChangeSet((second,))])


@st.composite
def next_change(draw: st.DrawFn, state: NodeState, path: t.Callable[[str], str]) -> Change | None:
    """A change that can follow in this state, as a plan would make it."""
    name = draw(st.sampled_from(["config.toml", "mark", "tree/a/hosts.toml", "tree/b/hosts.toml", "tree/a", "tree/b"]))
    if name in ("tree/a", "tree/b"):
        # What a plan removes is empty by then.
        is_empty = not any(below.startswith(name.removeprefix("tree/") + "/") for below in state.listings[path("tree")])
        return draw(st.sampled_from([mkdir(path(name)), *([rmdir(path(name))] if is_empty else [])]))
    known = {**state.files, **{f"{r}/{n}": e for r, found in state.listings.items() for n, e in found.items()}}
    found = known.get(path(name), Entry("absent"))
    content, mode = draw(st.sampled_from([OLD, NEW, b"third"])), draw(st.sampled_from(["0600", "0644"]))
    if found.kind == "file":
        other = Change("replace", path(name), content=content, expect=found.sha256, mode=mode)
        same_mode = dataclasses.replace(other, mode=None)
        return draw(st.sampled_from([other, same_mode, Change("delete", path(name), expect=found.sha256)]))
    if name == "tree/b/hosts.toml" and "b" not in state.listings[path("tree")]:
        return None
    if name == "tree/a/hosts.toml" and "a" not in state.listings[path("tree")]:
        return None
    return create(path(name), content, mode)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_one_set_leaves_what_all_of_them_would(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        one, other = (Disk(pathlib.Path(directory, name)) for name in ("one", "other"))
        state, sets = one.read(), []
        for _turn in range(data.draw(st.integers(1, 8))):
            change = data.draw(next_change(state, one.path))
            if change is not None:
                sets.append(ChangeSet((change,)))
                state = after(state, sets[-1])
                _apply.apply_changes(sets[-1])
        assert comparable(state) == comparable(one.read())
        moved = [
            dataclasses.replace(change, path=change.path.replace(str(one.root), str(other.root)))
            for change in composed(sets).changes
        ]
        _apply.apply_changes(ChangeSet(tuple(moved)))
        assert tree(one.root) == tree(other.root)


def tree(root: pathlib.Path) -> dict[str, tuple[t.Any, ...]]:
    found = sorted(path for path in root.rglob("*") if not path.is_symlink())
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode) if path.is_file() else ("directory",)
        for path in found
    }
