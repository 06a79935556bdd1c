# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import itertools
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _apply, _transaction
from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError

LIMIT = 1048576
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away or mount")


@pytest.fixture(autouse=True)
def never_wait_for_long() -> t.Iterator[None]:
    """A read that waits for a writer would wait for ever."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def nobody() -> t.Iterator[pathlib.Path]:
    """A directory of the user nobody, with that user's rights in force."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    place = pathlib.Path(tempfile.mkdtemp())
    os.chown(place, NOBODY, NOBODY)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    yield place
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)
    shutil.rmtree(place)


def apply(*changes: Change, check_only: bool = False) -> list[_apply.Applied]:
    done = apply_changes(ChangeSet(changes), check_only=check_only)
    assert done.warnings == []
    return done.applied


def create(path: t.Any, content: bytes = b"new\n", *, mode: str = "0644", **options: t.Any) -> Change:
    return Change("create", str(path), content=content, mode=mode, **options)


def replace(path: t.Any, content: bytes = b"new\n", *, old: bytes = b"old\n", **options: t.Any) -> Change:
    return Change("replace", str(path), content=content, expect=sha256(old), **options)


def delete(path: t.Any, *, old: bytes = b"old\n", **options: t.Any) -> Change:
    return Change("delete", str(path), expect=sha256(old), **options)


def mkdir(path: t.Any, *, mode: str = "0755", **options: t.Any) -> Change:
    return Change("mkdir", str(path), mode=mode, **options)


def rmdir(path: t.Any) -> Change:
    return Change("rmdir", str(path))


def old_file(path: pathlib.Path, content: bytes = b"old\n", *, mode: int = 0o644) -> pathlib.Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def mode_of(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def picture(top: pathlib.Path) -> dict[str, t.Any]:
    """Everything that undoing must bring back: names, types, bytes, modes, owners, attributes, where links point."""
    shown: dict[str, t.Any] = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        shown[str(path.relative_to(top))] = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            held,
            _transaction._xattrs_of(str(path)),
        )
    return shown


def names(top: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def without_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture(params=["hard links", "no hard links"])
def place(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory on a file system with hard links, and one on a file system without."""
    if request.param == "no hard links":
        without_hard_links(monkeypatch)
    return tmp_path


def test_create(place: pathlib.Path) -> None:
    path = place / "hosts.toml"
    assert apply(create(path, b"[host]\n", mode="0640")) == [_apply.Applied("create", str(path))]
    assert (path.read_bytes(), mode_of(path)) == (b"[host]\n", 0o640)
    assert names(place) == ["hosts.toml"]


@pytest.mark.parametrize("umask", [0, 0o027, 0o777], ids=["umask 000", "umask 027", "umask 777"])
def test_the_umask_has_no_say(tmp_path: pathlib.Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        apply(mkdir(tmp_path / "d", mode="2755"), create(tmp_path / "d" / "f", mode="0644"))
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "d"), mode_of(tmp_path / "d" / "f")) == (0o2755, 0o644)


def test_replace_keeps_the_mode(place: pathlib.Path) -> None:
    path = old_file(place / "config.toml", mode=0o604)
    assert apply(replace(path)) == [_apply.Applied("replace", str(path))]
    assert (path.read_bytes(), mode_of(path)) == (b"new\n", 0o604)
    assert names(place) == ["config.toml"]


def test_replace_with_a_mode(place: pathlib.Path) -> None:
    path = old_file(place / "hosts.toml", mode=0o644)
    apply(replace(path, b"old\n", mode="0600"))
    assert (path.read_bytes(), mode_of(path)) == (b"old\n", 0o600)


def test_replace_makes_a_new_file_and_leaves_the_open_one_alone(place: pathlib.Path) -> None:
    path = old_file(place / "config.toml")
    with open(path, "rb") as reader:
        apply(replace(path))
        assert reader.read() == b"old\n"


@needs_root
def test_replace_keeps_the_owner(place: pathlib.Path) -> None:
    path = old_file(place / "config.toml")
    os.chown(path, 1234, 2345)
    apply(replace(path))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


@needs_root
@pytest.mark.parametrize(
    ("owner", "group", "expected"),
    [("nobody", None, (NOBODY, 77)), (None, "0", (66, 0)), ("1001", "1002", (1001, 1002)), (None, None, (66, 77))],
    ids=["owner by name", "group by number", "both by number", "as the directory"],
)
def test_the_owner_of_what_is_new(
    tmp_path: pathlib.Path, owner: str | None, group: str | None, expected: tuple[int, int]
) -> None:
    os.chown(tmp_path, 66, 77)
    apply(
        create(tmp_path / "file", owner=owner, group=group),
        mkdir(tmp_path / "directory", owner=owner, group=group),
    )
    for name in ("file", "directory"):
        status = (tmp_path / name).stat()
        assert (status.st_uid, status.st_gid) == expected


def test_an_owner_that_the_node_does_not_know(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileError, match=r"file: this node has no user named nobody-knows-me$"):
        apply(create(tmp_path / "file", owner="nobody-knows-me"))
    with pytest.raises(FileError, match=r"file: this node has no group named nobody-knows-me$"):
        apply(create(tmp_path / "file", group="nobody-knows-me"))
    assert names(tmp_path) == []


def test_replace_keeps_extended_attributes(place: pathlib.Path) -> None:
    path = old_file(place / "config.toml")
    try:
        os.setxattr(path, "user.comment", b"mine")
    except OSError:
        pytest.skip("a file system without extended attributes")
    apply(replace(path, backup=True))
    (backup,) = place.glob("*.bak")
    assert os.getxattr(path, "user.comment") == b"mine"
    assert os.getxattr(backup, "user.comment") == b"mine"


def test_attributes_that_measure_the_old_content_are_not_kept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listxattr", lambda *_arguments, **_options: ["security.ima", "security.selinux"])
    monkeypatch.setattr(os, "getxattr", lambda _path, name, **_options: name.encode())
    assert _transaction._xattrs_of(str(tmp_path)) == (("security.selinux", b"security.selinux"),)


@pytest.mark.parametrize("failing", ["listxattr", "setxattr"])
def test_extended_attributes_are_a_courtesy(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def refuse(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    path = old_file(tmp_path / "config.toml")
    monkeypatch.setattr(os, "listxattr", lambda *_arguments, **_options: ["user.comment"])
    monkeypatch.setattr(os, "getxattr", lambda *_arguments, **_options: b"mine")
    monkeypatch.setattr(os, failing, refuse)
    apply(replace(path))
    assert path.read_bytes() == b"new\n"


def test_replace_follows_symlinks(place: pathlib.Path) -> None:
    (place / "etc").mkdir()
    (place / "srv").mkdir()
    real = old_file(place / "srv" / "config.toml", mode=0o600)
    (place / "srv" / "alias").symlink_to("config.toml")
    link = place / "etc" / "config.toml"
    link.symlink_to("../srv/alias")
    apply(replace(link))
    assert (link.is_symlink(), real.read_bytes(), mode_of(real)) == (True, b"new\n", 0o600)
    assert names(place) == ["etc", "etc/config.toml", "srv", "srv/alias", "srv/config.toml"]


def test_create_follows_a_dangling_symlink(place: pathlib.Path) -> None:
    (place / "link").symlink_to("real")
    apply(create(place / "link"))
    assert ((place / "link").is_symlink(), (place / "real").read_bytes()) == (True, b"new\n")


@pytest.mark.parametrize("aside", [False, True])
def test_new_content_waits_above_a_directory_in_which_everything_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, aside: bool
) -> None:
    directory = tmp_path / "conf.d"
    directory.mkdir()
    old_file(directory / "a")
    waiting: set[pathlib.Path] = set()

    def look(_checks: t.Any, staged: t.Mapping[str, str], *_more: t.Any) -> None:
        assert all(os.path.exists(place) for place in staged.values())
        waiting.update(pathlib.Path(place).parent for place in staged.values())

    monkeypatch.setattr(_apply, "run_checks", look)
    apply(replace(directory / "a", aside=aside), create(directory / "b", aside=aside))
    assert ((directory / "a").read_bytes(), (directory / "b").read_bytes()) == (b"new\n", b"new\n")
    assert waiting == {tmp_path if aside else directory}
    assert [name for name in names(tmp_path) if "airgap" in name] == []


def test_delete(place: pathlib.Path) -> None:
    path = old_file(place / "hosts.toml")
    assert apply(delete(path)) == [_apply.Applied("delete", str(path))]
    assert names(place) == []


def test_delete_takes_the_symlink_and_not_what_it_leads_to(place: pathlib.Path) -> None:
    old_file(place / "real")
    (place / "link").symlink_to("real")
    apply(delete(place / "link"))
    assert names(place) == ["real"]


def test_directories(place: pathlib.Path) -> None:
    applied = apply(mkdir(f"{place}/a/", mode="0700"), mkdir(place / "a" / "b"), rmdir(place / "a" / "b"))
    assert [(done.op, done.path) for done in applied] == [
        ("mkdir", f"{place}/a/"),
        ("mkdir", f"{place}/a/b"),
        ("rmdir", f"{place}/a/b"),
    ]
    assert mode_of(place / "a") == 0o700
    assert names(place) == ["a"]


def test_mkdir_leaves_an_existing_directory_as_it_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("d")
    assert apply(mkdir(tmp_path / "d"), mkdir(tmp_path / "link")) == []
    assert mode_of(tmp_path / "d") == 0o700


def test_rmdir_leaves_what_is_not_an_empty_directory(tmp_path: pathlib.Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    before = picture(tmp_path)
    assert apply(*(rmdir(tmp_path / name) for name in ("full", "link", "full/note", "none"))) == []
    assert picture(tmp_path) == before


def test_a_directory_is_emptied_and_removed(place: pathlib.Path) -> None:
    directory = place / "certs.d" / "docker.io"
    directory.mkdir(parents=True)
    old_file(directory / "hosts.toml")
    old_file(directory / "ca.pem")
    apply(
        delete(directory / "hosts.toml"),
        delete(directory / "ca.pem"),
        rmdir(directory),
        rmdir(place / "certs.d"),
    )
    assert names(place) == []


BACKED_UP = {"replace": replace, "delete": delete}


@pytest.mark.parametrize("op", BACKED_UP)
def test_backup(place: pathlib.Path, op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_apply.time, "gmtime", lambda: (2026, 1, 2, 3, 4, 5, 4, 2, 0))
    path = old_file(place / "config.toml", mode=0o640)
    (applied,) = apply(BACKED_UP[op](path, backup=True))
    assert applied.backup_file == f"{path}.20260102T030405.bak"
    backup = pathlib.Path(applied.backup_file)
    assert (backup.read_bytes(), mode_of(backup)) == (b"old\n", 0o640)


@pytest.mark.parametrize("op", BACKED_UP)
def test_a_backup_with_a_mode_of_its_own_leaves_the_file_its_mode(place: pathlib.Path, op: str) -> None:
    path = old_file(place / "config.toml", mode=0o644)
    with path.open("rb") as old:
        (applied,) = apply(BACKED_UP[op](path, backup=True, backup_mode="0600"))
        assert stat.S_IMODE(os.fstat(old.fileno()).st_mode) == 0o644
    backup = pathlib.Path(t.cast(str, applied.backup_file))
    assert (backup.read_bytes(), mode_of(backup)) == (b"old\n", 0o600)
    if op == "replace":
        assert mode_of(path) == 0o644


def test_no_backup_is_ever_overwritten(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_apply.time, "gmtime", lambda: (2026, 1, 2, 3, 4, 5, 4, 2, 0))
    path = old_file(place / "config.toml", b"0")
    backups = [
        apply(replace(path, b"%d" % (step + 1), old=b"%d" % step, backup=True))[0].backup_file for step in range(3)
    ]
    assert [pathlib.Path(t.cast(str, backup)).read_bytes() for backup in backups] == [b"0", b"1", b"2"]
    assert backups[1] == f"{path}.20260102T030405.1.bak"


def test_a_backup_of_a_symlinked_file_lies_beside_the_symlink(place: pathlib.Path) -> None:
    (place / "srv").mkdir()
    old_file(place / "srv" / "real")
    (place / "config.toml").symlink_to("srv/real")
    (applied,) = apply(replace(place / "config.toml", backup=True))
    backup = pathlib.Path(t.cast(str, applied.backup_file))
    assert (backup.parent, backup.is_symlink(), backup.read_bytes()) == (place, False, b"old\n")


@needs_root
def test_a_backup_keeps_the_owner(place: pathlib.Path) -> None:
    path = old_file(place / "config.toml", mode=0o600)
    os.chown(path, 1234, 2345)
    (applied,) = apply(replace(path, backup=True))
    status = os.stat(t.cast(str, applied.backup_file))
    assert (status.st_uid, status.st_gid) == (1234, 2345)


# Nothing but what was read is changed

STALE: dict[str, tuple[t.Callable[[pathlib.Path], t.Any], t.Callable[[pathlib.Path], Change], str]] = {
    "replace, changed": (lambda path: path.write_bytes(b"edited\n"), replace, "changed since it was read; run again"),
    "replace, gone": (lambda _path: None, replace, "changed since it was read; run again"),
    "delete, changed": (lambda path: path.write_bytes(b"edited\n"), delete, "changed since it was read; run again"),
    "delete, gone": (lambda _path: None, delete, "changed since it was read; run again"),
    "create, there": (lambda path: path.write_bytes(b""), create, "changed since it was read; run again"),
    "create, a directory": (lambda path: path.mkdir(), create, "is a directory"),
    "replace, a directory": (lambda path: path.mkdir(), replace, "is a directory"),
    "replace, a FIFO": (os.mkfifo, replace, "is not a plain file"),
    "replace, dangling": (lambda path: path.symlink_to("gone"), replace, "changed since it was read; run again"),
    "create, a loop": (lambda path: path.symlink_to(path), create, "Too many levels of symbolic links"),
}


@pytest.mark.parametrize("check_only", [False, True], ids=["apply", "check"])
@pytest.mark.parametrize(("prepare", "change", "message"), STALE.values(), ids=STALE.keys())
def test_a_stale_plan_changes_nothing(
    tmp_path: pathlib.Path,
    prepare: t.Callable[[pathlib.Path], t.Any],
    change: t.Callable[[pathlib.Path], Change],
    message: str,
    check_only: bool,
) -> None:
    path = tmp_path / "stale"
    prepare(path)
    before = picture(tmp_path)
    with pytest.raises(FileError) as caught:
        apply(create(tmp_path / "fine"), mkdir(tmp_path / "d"), change(path), check_only=check_only)
    assert str(caught.value) == f"{path}: {message}"
    assert picture(tmp_path) == before


def test_check_mode_changes_nothing(tmp_path: pathlib.Path) -> None:
    old_file(tmp_path / "a")
    old_file(tmp_path / "b")
    before = picture(tmp_path)
    changes = (replace(tmp_path / "a"), delete(tmp_path / "b"), mkdir(tmp_path / "d"), create(tmp_path / "d" / "f"))
    assert apply(*changes, check_only=True) == []
    assert picture(tmp_path) == before


def test_two_names_of_one_file_are_refused(tmp_path: pathlib.Path) -> None:
    old_file(tmp_path / "a")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileError) as caught:
        apply(replace(tmp_path / "a", b"1"), replace(tmp_path / "b", b"2"))
    assert str(caught.value) == f"{tmp_path}/a and {tmp_path}/b are the same file, {tmp_path.resolve()}/a"
    assert (tmp_path / "a").read_bytes() == b"old\n"


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: t.Callable[[], t.Any]) -> None:
    """Let someone act after the expectations were checked, while the new file is being written."""
    really_write = _transaction.write_new

    def write_and_act(*arguments: t.Any) -> None:
        really_write(*arguments)
        act()

    monkeypatch.setattr(_transaction, "write_new", write_and_act)


def test_a_file_that_someone_replaces_meanwhile_is_not_overrun(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "config.toml")
    theirs = old_file(tmp_path / "theirs", b"theirs\n")
    meanwhile(monkeypatch, lambda: theirs.rename(path))
    with pytest.raises(FileError, match=r"config.toml: changed since it was read; run again; nothing was changed$"):
        apply(replace(path))
    assert picture(tmp_path).keys() == {"config.toml"}
    assert path.read_bytes() == b"theirs\n"


def test_a_file_that_someone_edits_meanwhile_is_not_overrun(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "config.toml")
    meanwhile(monkeypatch, lambda: path.write_bytes(b"edited\n"))
    with pytest.raises(FileError, match=r"changed since it was read"):
        apply(replace(path))
    assert path.read_bytes() == b"edited\n"


def test_a_file_that_someone_creates_meanwhile_is_not_overrun(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    meanwhile(monkeypatch, lambda: path.write_bytes(b"theirs\n"))
    with pytest.raises(FileError, match=r"changed since it was read"):
        apply(create(path))
    assert picture(tmp_path).keys() == {"config.toml"}
    assert path.read_bytes() == b"theirs\n"


def test_a_symlink_that_someone_turns_meanwhile_is_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_file(tmp_path / "one")
    old_file(tmp_path / "two")
    link = tmp_path / "link"
    link.symlink_to("one")

    def turn() -> None:
        link.unlink()
        link.symlink_to("two")

    meanwhile(monkeypatch, turn)
    with pytest.raises(FileError, match=r"link: changed since it was read; run again; nothing was changed$"):
        apply(replace(link))
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "two").read_bytes()) == (b"old\n", b"old\n")


# Nothing is ever visible with more rights than it ends up with, and nothing but the final name is what readers pick up


class Watch:
    """Looks at every hidden file around every system call that could show one to others."""

    CALLS = ("open", "fchown", "fchmod", "fsync", "rename", "link", "close")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: pathlib.Path) -> None:
        self.directory = directory
        self.seen: list[tuple[str, int, int, int]] = []
        for call in self.CALLS:
            monkeypatch.setattr(os, call, self.watched(call, getattr(os, call)))

    def watched(self, call: str, really: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def look_and_call(*arguments: t.Any, **options: t.Any) -> t.Any:
            self.look(call)
            result = really(*arguments, **options)
            self.look(call)
            return result

        return look_and_call

    def look(self, call: str) -> None:
        for path in self.directory.glob(".*"):
            status = path.lstat()
            self.seen.append((call, status.st_mode & 0o7777, status.st_size, status.st_uid))


@pytest.mark.parametrize("mode", ["0600", "0400", "0640"])
def test_a_secret_is_never_visible_with_a_wider_mode(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    before = os.umask(0)
    try:
        watch = Watch(monkeypatch, tmp_path)
        apply(create(tmp_path / "hosts.toml", b"secret", mode=mode))
    finally:
        os.umask(before)
    assert watch.seen
    assert [seen for seen in watch.seen if seen[1] & ~int(mode, 8)] == []
    assert {seen[1] for seen in watch.seen if seen[2]} == {int(mode, 8)}


@needs_root
def test_a_secret_has_its_owner_before_its_first_byte(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch, tmp_path)
    apply(create(tmp_path / "hosts.toml", b"secret", mode="0600", owner="1234"))
    assert {seen[3] for seen in watch.seen if seen[2]} == {1234}


def test_hidden_names_are_not_what_containerd_reads(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    really_hide = _transaction.hidden_name

    def hide(*arguments: str) -> str:
        used.append(os.path.basename(really_hide(*arguments)))
        return os.path.join(arguments[0], used[-1])

    monkeypatch.setattr(_apply, "hidden_name", hide)
    apply(replace(old_file(tmp_path / ("x" * 250 + ".toml"))))
    assert len(used) == 2
    for name in used:
        assert name.startswith(".")
        assert not name.endswith((".toml", ".crt", ".cert", ".key", ".conflist"))


def test_all_content_is_on_the_disk_before_the_first_name_changes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    really_sync, really_rename = os.fsync, os.rename

    def sync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        calls.append("directory" if stat.S_ISDIR(status.st_mode) else f"file of {status.st_size} bytes")
        really_sync(descriptor)

    def rename(source: str, target: str) -> None:
        calls.append(f"rename to {os.path.basename(target)}")
        really_rename(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    apply(create(tmp_path / "a", b"12345"), mkdir(tmp_path / "d"))
    assert calls == ["file of 5 bytes", "rename to a", "rename to d", "directory"]


# All or nothing

FULL = "No space left on device"
UNDONE = "what was done before it was undone"
FAULTS = (
    "open",
    "link",
    "rename",
    "unlink",
    "mkdir",
    "rmdir",
    "fsync",
    "chmod",
    "fchmod",
    "fchown",
    "symlink",
    "listdir",
)


def rich_tree(top: pathlib.Path) -> tuple[Change, ...]:
    """A set of changes in which everything that can be undone is done."""
    for name in ("certs.d/old.example", "certs.d/kept.example", "srv"):
        (top / name).mkdir(parents=True)
    old_file(top / "config.toml", mode=0o640)
    old_file(top / "certs.d/old.example/hosts.toml", mode=0o600)
    old_file(top / "certs.d/old.example/ca.pem")
    old_file(top / "certs.d/kept.example/hosts.toml")
    old_file(top / "srv/real")
    (top / "linked").symlink_to("srv/real")
    (top / "certs.d/old.example/link").symlink_to("ca.pem")
    (top / "empty").mkdir(mode=0o750)
    if os.geteuid() == 0:
        os.chown(top / "config.toml", 1234, 2345)
        os.chown(top / "empty", 1234, 2345)
    return (
        mkdir(top / "certs.d/new.example"),
        create(top / "certs.d/new.example/hosts.toml", b"secret", mode="0600"),
        replace(top / "config.toml", backup=True),
        replace(top / "linked", mode="0600"),
        delete(top / "certs.d/old.example/hosts.toml"),
        delete(top / "certs.d/old.example/link"),
        delete(top / "certs.d/old.example/ca.pem", backup=True),
        rmdir(top / "certs.d/old.example"),
        rmdir(top / "empty"),
        replace(top / "certs.d/kept.example/hosts.toml"),
    )


def fail_at(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> list[int]:
    """Make one call of one function fail, the way a full disk would; the list tells how many calls there were."""
    really = getattr(os, call)
    counter = itertools.count(1)
    count: list[int] = []

    def counted(*arguments: t.Any, **options: t.Any) -> t.Any:
        count.append(next(counter))
        if count[-1] == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(*arguments, **options)

    monkeypatch.setattr(os, call, counted)
    return count


@pytest.mark.parametrize("hard_links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("call", FAULTS)
def test_whatever_fails_all_comes_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, call: str, hard_links: bool
) -> None:
    """Every single call of every function fails once. The tree is as before, or the work is done."""
    for number in itertools.count(1):
        top = tmp_path / str(number)
        top.mkdir()
        changes = rich_tree(top)
        before = picture(top)
        with monkeypatch.context() as patch:
            if not hard_links:
                without_hard_links(patch)
            count = fail_at(patch, call, number)
            failed, warnings = outcome(changes)
        if len(count) < number:
            assert (failed, warnings) == ("", [])
            assert not list(top.rglob(".*"))
            return
        if failed:
            assert picture(top) == before, f"{call} number {number}"
            assert re.search(f"^{top}/.*: {FULL}$|: {FULL}; (nothing was changed|{UNDONE})$", failed)
        else:
            # Only letting go of a kept file may fail without failing the whole; what stays behind is told.
            assert [str(path) for path in top.rglob(".*")] == [warning.split(" ")[0] for warning in warnings]


def outcome(changes: tuple[Change, ...]) -> tuple[str, list[str]]:
    try:
        return "", apply_changes(ChangeSet(changes)).warnings
    except FileError as error:
        return str(error), []


def test_an_interrupt_undoes_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = rich_tree(tmp_path)
    before = picture(tmp_path)
    really_rename = os.rename

    def interrupt(source: str, target: str) -> None:
        if source.endswith("empty"):
            raise KeyboardInterrupt
        really_rename(source, target)

    monkeypatch.setattr(os, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply_changes(ChangeSet(changes))
    assert picture(tmp_path) == before


def refuse_renames(monkeypatch: pytest.MonkeyPatch, *refused: t.Callable[[str, str], bool]) -> None:
    really_rename = os.rename

    def rename(source: str, target: str) -> None:
        if any(is_refused(source, target) for is_refused in refused):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        really_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)


def test_a_directory_into_which_somebody_puts_something_at_the_last_moment_stays(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    really_rename = os.rename

    def rename(source: str, target: str) -> None:
        if source.endswith("/d"):
            (tmp_path / "d" / "theirs").touch()
        really_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)
    assert apply(rmdir(tmp_path / "d")) == []
    assert names(tmp_path) == ["d", "d/theirs"]


def test_what_cannot_be_undone_is_told_and_not_lost(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_file(tmp_path / "a")
    old_file(tmp_path / "b")
    refuse_renames(
        monkeypatch,
        lambda _source, target: target.endswith("/c"),
        lambda source, target: source.endswith(".old") and target.endswith("/a"),
    )
    with pytest.raises(FileError) as caught:
        apply(replace(tmp_path / "a"), replace(tmp_path / "b"), create(tmp_path / "c"))
    (kept,) = tmp_path.glob(".*")
    assert str(caught.value) == (
        f"cannot create {tmp_path}/c: Read-only file system; what was done before it could not all be undone: "
        f"{tmp_path}/a: Read-only file system, what it held is in {kept}"
    )
    assert kept.read_bytes() == b"old\n"
    assert (tmp_path / "b").read_bytes() == b"old\n"


def test_a_new_file_that_cannot_be_taken_back_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_unlink = os.unlink

    def refuse(path: str) -> None:
        if path.endswith("/a"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        really_unlink(path)

    monkeypatch.setattr(os, "unlink", refuse)
    refuse_renames(monkeypatch, lambda _source, target: target.endswith("/c"))
    with pytest.raises(FileError) as caught:
        apply(create(tmp_path / "a"), create(tmp_path / "c"))
    assert str(caught.value) == (
        f"cannot create {tmp_path}/c: Read-only file system; what was done before it could not all be undone: "
        f"{tmp_path}/a: Read-only file system"
    )


# Real obstacles

FAILING: dict[str, tuple[t.Callable[[pathlib.Path], Change], str]] = {
    "no such directory": (
        lambda top: create(top / "none" / "file"),
        "cannot create {top}/none/file: No such file or directory; nothing was changed",
    ),
    "a file where a directory should be": (
        lambda top: mkdir(top / "file"),
        "cannot mkdir {top}/file: File exists; nothing was changed",
    ),
    "a name too long": (
        lambda top: mkdir(top / ("x" * 300)),
        "{top}/" + "x" * 300 + ": File name too long",
    ),
    "a name that no file can have": (
        lambda top: mkdir(f"{top}/\ud800"),
        "{top}/\ud800: 'utf-8' codec can't encode character",
    ),
}


@pytest.mark.parametrize(("change", "message"), FAILING.values(), ids=FAILING.keys())
def test_obstacles_are_told_in_one_line(
    tmp_path: pathlib.Path, change: t.Callable[[pathlib.Path], Change], message: str
) -> None:
    old_file(tmp_path / "file")
    with pytest.raises(FileError) as caught:
        apply(change(tmp_path))
    assert str(caught.value).startswith(message.format(top=tmp_path))
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file"]


def test_a_directory_that_is_closed_to_us(nobody: pathlib.Path) -> None:
    (nobody / "closed").mkdir(mode=0o555)
    with pytest.raises(FileError) as caught:
        apply(create(nobody / "fine"), create(nobody / "closed" / "file"))
    assert str(caught.value) == (f"cannot create {nobody}/closed/file: Permission denied; nothing was changed")
    assert names(nobody) == ["closed"]


def test_a_file_that_cannot_be_read_is_not_replaced(nobody: pathlib.Path) -> None:
    path = old_file(nobody / "file", mode=0)
    with pytest.raises(FileError) as caught:
        apply(replace(path))
    assert str(caught.value) == f"{path}: Permission denied"


def test_a_file_whose_owner_cannot_be_kept_is_not_replaced(nobody: pathlib.Path) -> None:
    path = old_file(nobody / "file")
    os.seteuid(0)
    os.chown(path, 0, 0)
    os.seteuid(NOBODY)
    before = picture(nobody)
    with pytest.raises(FileError) as caught:
        apply(replace(path))
    assert str(caught.value) == (
        f"cannot replace {path}: Operation not permitted (is it immutable, see lsattr, or owned by another user?); "
        "nothing was changed"
    )
    assert picture(nobody) == before


def test_another_user_works_in_a_directory_of_its_own(nobody: pathlib.Path) -> None:
    path = old_file(nobody / "file", mode=0o600)
    apply(replace(path, backup=True), mkdir(nobody / "d"), create(nobody / "d" / "f"), delete(path_in(nobody, "g")))
    assert path.read_bytes() == b"new\n"
    assert (nobody / "d" / "f").stat().st_uid == NOBODY


def test_another_user_works_in_a_directory_of_root(nobody: pathlib.Path) -> None:
    os.seteuid(0)
    os.chown(nobody, 0, 0)
    nobody.chmod(0o1777)
    os.seteuid(NOBODY)
    apply(mkdir(nobody / "d"), create(nobody / "d" / "f"), create(nobody / "f"))
    assert ((nobody / "d").stat().st_uid, (nobody / "f").stat().st_uid) == (NOBODY, NOBODY)


def path_in(top: pathlib.Path, name: str) -> pathlib.Path:
    return old_file(top / name)


def succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@needs_root
def test_an_immutable_file(tmp_path: pathlib.Path) -> None:
    old_file(tmp_path / "first")
    path = old_file(tmp_path / "config.toml")
    before = picture(tmp_path)
    if not succeeds("chattr", "+i", str(path)):
        pytest.skip("a file system without immutable files, or no right to make one")
    try:
        with pytest.raises(FileError) as caught:
            apply(replace(tmp_path / "first"), replace(path))
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)
    assert str(caught.value) == (
        f"cannot replace {path}: Operation not permitted (is it immutable, see lsattr, or owned by another user?); "
        f"{UNDONE}"
    )
    assert picture(tmp_path) == before


@pytest.fixture
def mounted() -> t.Iterator[t.Callable[..., pathlib.Path]]:
    """Mounts what a test asks for, and takes it away again."""
    places: list[pathlib.Path] = []

    def mount(*arguments: str, at: pathlib.Path) -> pathlib.Path:
        if not at.exists():
            at.mkdir()
        if not succeeds("mount", *arguments, str(at)):
            pytest.skip("no right to mount here")
        places.append(at)
        return at

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", str(place)], check=True)


@needs_root
def test_a_full_disk(tmp_path: pathlib.Path, mounted: t.Callable[..., pathlib.Path]) -> None:
    disk = mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", at=tmp_path / "disk")
    old_file(disk / "a", b"a" * 8000)
    old_file(disk / "b", b"b" * 8000)
    before = picture(disk)
    with pytest.raises(FileError) as caught:
        apply(
            replace(disk / "a", b"A" * 8000, old=b"a" * 8000),
            delete(disk / "b", old=b"b" * 8000),
            create(disk / "big", b"x" * 64000),
        )
    assert str(caught.value) == f"cannot create {disk}/big: {FULL}; nothing was changed"
    assert picture(disk) == before


@needs_root
def test_a_read_only_file_system(tmp_path: pathlib.Path, mounted: t.Callable[..., pathlib.Path]) -> None:
    disk = mounted("-t", "tmpfs", "tmpfs", at=tmp_path / "disk")
    path = old_file(disk / "config.toml")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(FileError) as caught:
        apply(replace(path))
    assert str(caught.value) == f"cannot replace {path}: Read-only file system; nothing was changed"


@needs_root
def test_a_file_that_is_a_mount_point(tmp_path: pathlib.Path, mounted: t.Callable[..., pathlib.Path]) -> None:
    source = old_file(tmp_path / "elsewhere")
    path = mounted("--bind", str(source), at=old_file(tmp_path / "config.toml", b"below\n"))
    with pytest.raises(FileError) as caught:
        apply(replace(path))
    assert str(caught.value) == (
        f"cannot replace {path}: Device or resource busy (is it a mount point of its own?); nothing was changed"
    )
    assert names(tmp_path) == ["config.toml", "elsewhere"]


def test_a_file_system_that_cannot_sync_directories(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_sync = os.fsync

    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    apply(create(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"new\n"
