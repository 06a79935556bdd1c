# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import glob
import os
import pathlib
import shutil
import signal
import stat
import tempfile
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _files
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import sha256

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


def read(path: t.Any, *, max_bytes: int = LIMIT) -> _files.Entry:
    return _files.describe(str(path), max_bytes=max_bytes, with_content=True)


def content_of(entry: _files.Entry) -> bytes:
    return base64.b64decode(entry["content"])


# --- Reading ---------------------------------------------------------------------------------------------------------


def test_a_file_is_described_in_full(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_bytes(b"[host]\n")
    path.chmod(0o640)
    status = path.stat()
    entry = read(path)
    assert entry == {
        "kind": "file",
        "content": "W2hvc3RdCg==",
        "sha256": "97391b01b8145a0a7ff537c5f22e717ff685e6f18574534dde91999a6d45794b",
        "size": 7,
        "mtime": status.st_mtime,
        "changed": status.st_ctime,
        "mode": "0640",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": path.owner(),
        "group": path.group(),
    }


def test_without_content_there_is_still_the_hash(tmp_path: pathlib.Path) -> None:
    (tmp_path / "client.key").write_bytes(b"private")
    entry = _files.describe(str(tmp_path / "client.key"), max_bytes=LIMIT, with_content=False)
    assert entry["sha256"] == sha256(b"private")
    assert "content" not in entry


@pytest.mark.parametrize("content", [b"", b"\0\xff\n", b"x" * 200_000], ids=["empty", "not text", "several chunks"])
def test_bytes_come_back_as_they_are(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert content_of(read(tmp_path / "file")) == content


def test_a_directory_with_a_trailing_slash(tmp_path: pathlib.Path) -> None:
    assert read(f"{tmp_path}//")["kind"] == "directory"


def test_the_root_directory() -> None:
    assert read("/")["kind"] == "directory"


def test_absent(tmp_path: pathlib.Path) -> None:
    assert read(tmp_path / "none" / "deeper") == {"kind": "absent"}


def test_below_a_file_nothing_can_be_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    assert read(tmp_path / "file" / "below") == {"kind": "other", "error": "Not a directory"}


@pytest.mark.parametrize("path", ["/with\0nul", "/with\ud800surrogate"], ids=["NUL", "lone surrogate"])
def test_names_that_no_file_can_have(path: str) -> None:
    entry = read(path)
    assert entry["kind"] == "other"
    assert entry["error"]


def test_a_name_that_is_not_utf8(tmp_path: pathlib.Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9"
    with open(path, "wb") as stream:
        stream.write(b"au lait")
    assert content_of(read(os.fsdecode(path))) == b"au lait"


def test_a_chain_of_symlinks_is_followed_to_its_end(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").write_bytes(b"end")
    (tmp_path / "second").symlink_to("real")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    entry = read(tmp_path / "first")
    assert (entry["kind"], content_of(entry), entry["link"]) == ("file", b"end", str((tmp_path / "real").resolve()))


def test_a_symlink_with_a_trailing_slash(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    entry = read(f"{tmp_path}/link/")
    assert (entry["kind"], entry["link"]) == ("directory", str((tmp_path / "real").resolve()))


def test_a_symlink_further_up_is_not_reported(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")
    assert "link" not in read(tmp_path / "link" / "file")


def test_a_dangling_symlink_is_absent_and_tells_where_it_points(tmp_path: pathlib.Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    assert read(tmp_path / "link") == {"kind": "absent", "link": str(tmp_path.resolve() / "gone")}


def test_a_loop_of_symlinks_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    entry = read(tmp_path / "a")
    assert (entry["kind"], entry["error"]) == ("other", "Too many levels of symbolic links")


def test_an_unreadable_file_keeps_its_attributes(nobody: pathlib.Path) -> None:
    path = nobody / "file"
    path.write_bytes(b"secret")
    path.chmod(0)
    entry = read(path)
    assert (entry["kind"], entry["mode"], entry["error"]) == ("file", "0000", "Permission denied")
    assert "content" not in entry
    assert "sha256" not in entry


def test_below_a_closed_directory_nothing_can_be_told(nobody: pathlib.Path) -> None:
    (nobody / "closed").mkdir(mode=0)
    assert read(nobody / "closed" / "file") == {"kind": "other", "error": "Permission denied"}


@pytest.mark.parametrize("name", ["fifo", "socket"])
def test_what_is_not_a_file_is_never_opened(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / name
    os.mknod(path, stat.S_IFIFO if name == "fifo" else stat.S_IFSOCK)
    monkeypatch.setattr(os, "open", lambda *_arguments, **_options: pytest.fail("was opened"))
    assert read(path)["kind"] == "other"


def test_a_device_is_never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", lambda *_arguments, **_options: pytest.fail("was opened"))
    assert read("/dev/zero")["kind"] == "other"


def before_opening(monkeypatch: pytest.MonkeyPatch, path: pathlib.Path, act: t.Callable[[], None]) -> None:
    """Let something happen to a path between the look at it and its opening."""
    really_open = os.open

    def open_after(name: t.Any, *arguments: t.Any, **options: t.Any) -> int:
        if str(name) == str(path):
            act()
        return really_open(name, *arguments, **options)

    monkeypatch.setattr(os, "open", open_after)


def test_a_file_that_vanishes_meanwhile_is_absent(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()
    before_opening(monkeypatch, path, path.unlink)
    assert read(path) == {"kind": "absent"}


def test_a_file_that_becomes_a_fifo_meanwhile_blocks_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch()

    def become_fifo() -> None:
        path.unlink()
        os.mkfifo(path)

    before_opening(monkeypatch, path, become_fifo)
    assert read(path)["error"] == "is not a plain file"


def test_a_file_that_is_replaced_meanwhile_is_described_as_one_of_the_two(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def replace() -> None:
        (tmp_path / "other").write_bytes(b"newer")
        (tmp_path / "other").chmod(0o600)
        (tmp_path / "other").rename(path)

    before_opening(monkeypatch, path, replace)
    entry = read(path)
    assert (content_of(entry), entry["mode"], entry["size"]) == (b"newer", "0600", 5)


def test_a_huge_file_is_not_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 1 << 40)
    monkeypatch.setattr(os, "read", lambda *_arguments: pytest.fail("was read"))
    entry = read(path)
    assert (entry["kind"], entry["size"], entry["error"]) == ("file", 1 << 40, "larger than 1048576 bytes, not read")
    assert "sha256" not in entry


@pytest.mark.parametrize(("size", "told"), [(10, False), (11, True)], ids=["at the limit", "above it"])
def test_the_limit(tmp_path: pathlib.Path, size: int, told: bool) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    assert ("error" in read(tmp_path / "file", max_bytes=10)) is told


def test_a_file_that_tells_no_size_is_limited_too() -> None:
    assert content_of(read("/proc/version")).startswith(b"Linux")
    assert read("/proc/version", max_bytes=5)["error"] == "larger than 5 bytes, not read"


def test_a_file_without_end_is_given_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    chunks = iter([b"x" * 1000] * 20)
    monkeypatch.setattr(os, "read", lambda *_arguments: next(chunks))
    assert read(tmp_path / "file", max_bytes=10_000)["error"] == "larger than 10000 bytes, not read"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> t.NoReturn:
        raise KeyError(number)

    monkeypatch.setattr(_files.pwd, "getpwuid", unknown)
    monkeypatch.setattr(_files.grp, "getgrgid", unknown)
    assert (_files._user_name(987654), _files._group_name(987655)) == ("987654", "987655")


# Patterns, listings

TREE = (
    "conf.d/10-a.toml",
    "conf.d/20-b.toml",
    "conf.d/.hidden.toml",
    "conf.d/c.toml.bak",
    "certs.d/docker.io/hosts.toml",
    "certs.d/docker.io/client.key",
    "certs.d/docker.io/deep/deeper/deepest",
    "certs.d/[fd00::1]_5000_/hosts.toml",
    "certs.d/empty/",
    "certs.d/plain-file",
)

PATTERNS: dict[str, tuple[str, list[str]]] = {
    "one level, a leading dot included": (
        "conf.d/*.toml",
        ["conf.d/.hidden.toml", "conf.d/10-a.toml", "conf.d/20-b.toml"],
    ),
    "in the middle": ("certs.d/*/hosts.toml", ["certs.d/[fd00::1]_5000_/hosts.toml", "certs.d/docker.io/hosts.toml"]),
    "in two places": ("c*.d/d*", ["certs.d/docker.io"]),
    "question mark and class": ("conf.d/[12]0-?.toml", ["conf.d/10-a.toml", "conf.d/20-b.toml"]),
    "two stars are one": ("**/hosts.toml", []),
    "brackets, not escaped": ("certs.d/[fd00::1]_5000_/*", []),
    "brackets, escaped": (
        glob.escape("certs.d/[fd00::1]_5000_") + "/*.toml",
        ["certs.d/[fd00::1]_5000_/hosts.toml"],
    ),
    "no wildcard": ("conf.d/10-a.toml", ["conf.d/10-a.toml"]),
    "no wildcard, absent": ("conf.d/30.toml", []),
    "in no directory": ("none/*.toml", []),
    "below a file": ("certs.d/plain-file/*", []),
    "slashes too many": ("conf.d//10*/", ["conf.d/10-a.toml"]),
}


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in TREE:
        place = tmp_path / name
        if name.endswith("/"):
            place.mkdir(parents=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    return tmp_path


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.values(), ids=PATTERNS.keys())
def test_patterns(tree: pathlib.Path, pattern: str, expected: list[str]) -> None:
    found = _files.describe_matches(f"{glob.escape(str(tree))}/{pattern}", max_bytes=LIMIT)
    assert list(found) == [f"{tree}/{name}" for name in expected]
    for path, entry in found.items():
        if entry["kind"] == "file":
            assert content_of(entry) == path[len(str(tree)) + 1 :].encode()


def test_a_dangling_symlink_matches_a_pattern(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.toml").symlink_to("gone")
    (entry,) = _files.describe_matches(f"{tmp_path}/*.toml", max_bytes=LIMIT).values()
    assert entry["kind"] == "absent"


def test_a_closed_directory_does_not_pass_for_an_empty_one(nobody: pathlib.Path) -> None:
    closed = nobody / "certs.d"
    closed.mkdir(mode=0)
    expected = {str(closed): {"kind": "directory", "error": "Permission denied"}}
    assert _files.describe_matches(f"{closed}/*/hosts.toml", max_bytes=LIMIT) == expected
    assert _files.describe_matches(f"{closed}/docker.io/hosts.toml", max_bytes=LIMIT) == expected


def test_a_pattern_that_no_file_can_match() -> None:
    assert _files.describe_matches("/no\0where/*", max_bytes=LIMIT)["/"]["error"]


def test_a_listing_goes_two_levels_deep_and_has_no_content(tree: pathlib.Path) -> None:
    listing = _files.list_tree(f"{tree}/certs.d/", max_bytes=LIMIT)
    assert listing["self"]["kind"] == "directory"
    assert {name: entry["kind"] for name, entry in listing["entries"].items()} == {
        "docker.io": "directory",
        "docker.io/hosts.toml": "file",
        "docker.io/client.key": "file",
        "docker.io/deep": "directory",
        "[fd00::1]_5000_": "directory",
        "[fd00::1]_5000_/hosts.toml": "file",
        "empty": "directory",
        "plain-file": "file",
    }
    assert not [entry for entry in listing["entries"].values() if "content" in entry]
    assert listing["entries"]["docker.io/client.key"]["sha256"] == sha256(b"certs.d/docker.io/client.key")


def test_a_listing_follows_symlinks_and_survives_a_loop(tree: pathlib.Path) -> None:
    (tree / "certs.d" / "quay.io").symlink_to("docker.io")
    (tree / "certs.d" / "docker.io" / "up").symlink_to("..")
    entries = _files.list_tree(str(tree / "certs.d"), max_bytes=LIMIT)["entries"]
    assert entries["quay.io"]["link"] == str((tree / "certs.d" / "docker.io").resolve())
    assert entries["quay.io/hosts.toml"]["kind"] == "file"
    assert entries["docker.io/up"]["kind"] == "directory"


def test_a_listing_of_what_is_no_directory(tree: pathlib.Path) -> None:
    assert _files.list_tree(str(tree / "none"), max_bytes=LIMIT) == {"self": {"kind": "absent"}, "entries": {}}
    assert _files.list_tree(str(tree / "certs.d" / "plain-file"), max_bytes=LIMIT)["entries"] == {}


def test_a_closed_directory_in_a_listing(nobody: pathlib.Path) -> None:
    (nobody / "certs.d" / "docker.io").mkdir(parents=True)
    (nobody / "certs.d" / "docker.io").chmod(0)
    listing = _files.list_tree(str(nobody / "certs.d"), max_bytes=LIMIT)
    assert listing["entries"]["docker.io"]["error"] == "Permission denied"
    (nobody / "certs.d").chmod(0)
    assert _files.list_tree(str(nobody / "certs.d"), max_bytes=LIMIT)["self"]["error"] == "Permission denied"


def test_a_listing_without_end_is_given_up(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "MAX_ENTRIES", 5)
    listing = _files.list_tree(str(tree / "certs.d"), max_bytes=LIMIT)
    assert listing["self"]["error"] == "more than 5 entries, not listed"
    assert listing["entries"] == {}


def test_a_listing_tells_what_kind_of_pem_a_file_holds(tmp_path: pathlib.Path) -> None:
    pems = (
        "-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\r\n-----BEGIN EC PRIVATE KEY-----\r\nsecret\n"
        "-----END EC PRIVATE KEY-----\n"
        "-----BEGIN RSA PRIVATE KEY-----\nsecret, and cut off\n"
    )
    (tmp_path / "both.pem").write_bytes(pems.encode())
    (tmp_path / "none").write_bytes(b"no -----BEGIN CERTIFICATE-----")
    entries = _files.list_tree(str(tmp_path), max_bytes=LIMIT)["entries"]
    assert entries["both.pem"]["pem"] == ["CERTIFICATE", "EC PRIVATE KEY"]
    assert entries["none"]["pem"] == []
    assert "secret" not in str(entries)


# --- a tree that was copied from elsewhere


class Copy:
    """A tree with a symlink of each kind, and a file beside it that is none of its business."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.root = directory / "tree"
        (self.root / "etc" / "containerd" / "certs.d" / "docker.io").mkdir(parents=True)
        (self.root / "srv").mkdir()
        (self.root / "etc" / "containerd" / "certs.d" / "docker.io" / "hosts.toml").write_text("[host]\n")
        (self.root / "srv" / "config.toml").write_text("version = 2\n")
        (directory / "outside").write_text("hunter2")

    def link(self, path: str, target: str) -> None:
        (self.root / path.lstrip("/")).symlink_to(target)

    def read(self, path: str) -> _files.Entry:
        return _files.describe(path, max_bytes=LIMIT, with_content=True, root=str(self.root))


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> Copy:
    return Copy(tmp_path)


LINKS = {
    "absolute": ("/etc/containerd/config.toml", "/srv/config.toml"),
    "relative": ("/etc/containerd/config.toml", "../../srv/config.toml"),
    "by way of the root": ("/etc/containerd/config.toml", "/etc/../srv/./config.toml"),
}


@pytest.mark.parametrize(("path", "target"), LINKS.values(), ids=LINKS.keys())
def test_a_symlink_leads_where_it_would_on_the_node(copy: Copy, path: str, target: str) -> None:
    copy.link(path, target)
    entry = copy.read(path)
    assert content_of(entry) == b"version = 2\n"
    # By its name on the node.
    assert entry["link"] == "/srv/config.toml"


def test_symlinked_directories_on_the_way(copy: Copy) -> None:
    copy.link("/usr", "/etc")
    copy.link("/srv/certs.d", "../usr/containerd/certs.d")
    hosts_toml = "/srv/certs.d/docker.io/hosts.toml"
    root = str(copy.root)
    assert content_of(copy.read(hosts_toml)) == b"[host]\n"
    assert list(_files.describe_matches("/srv/certs.d/*/hosts.toml", max_bytes=LIMIT, root=root)) == [hosts_toml]
    listed = _files.list_tree("/srv/certs.d", max_bytes=LIMIT, root=root)
    assert (list(listed["entries"]), listed["self"]["link"]) == (
        ["docker.io", "docker.io/hosts.toml"],
        "/etc/containerd/certs.d",
    )


WAYS_OUT = ["../outside", "../../../../outside", "etc/../../outside", "/../outside"]


@pytest.mark.parametrize("target", WAYS_OUT)
def test_a_symlink_never_leads_out(copy: Copy, target: str) -> None:
    copy.link("/way", target)
    copy.link("/etc/containerd/certs.d/quay.io", "../../../" + target.lstrip("/"))
    expected = {"kind": "other", "error": "a symlink leads out of the tree"}
    assert copy.read("/way") == expected
    assert copy.read("/way/below") == expected
    found = _files.list_tree("/etc/containerd/certs.d", max_bytes=LIMIT, root=str(copy.root))["entries"]
    assert found["quay.io"] == expected
    matches = _files.describe_matches("/etc/containerd/certs.d/*/hosts.toml", max_bytes=LIMIT, root=str(copy.root))
    assert matches["/etc/containerd/certs.d/quay.io"]["error"] == "a symlink leads out of the tree"


def test_a_symlink_to_a_place_of_this_machine_is_one_in_the_tree(copy: Copy, tmp_path: pathlib.Path) -> None:
    copy.link("/way", f"{tmp_path}/outside")
    assert copy.read("/way") == {"kind": "absent", "link": f"{tmp_path}/outside"}


def test_symlinks_in_circles_are_told_as_on_a_node(copy: Copy) -> None:
    copy.link("/one", "two")
    copy.link("/two", "/one")
    assert copy.read("/one") == {"kind": "other", "error": "Too many levels of symbolic links"}


def test_what_is_not_in_the_tree_is_absent(copy: Copy, tmp_path: pathlib.Path) -> None:
    assert copy.read(f"{tmp_path}/outside") == {"kind": "absent"}
    assert copy.read("/srv/config.toml/below")["kind"] == "other"
    assert _files.describe_matches("/etc/*/none", max_bytes=LIMIT, root=str(copy.root)) == {}


def test_a_symlink_that_was_led_elsewhere_is_a_change(tmp_path: pathlib.Path) -> None:
    """What it leads to now can be old."""
    target, link = tmp_path / "old.toml", tmp_path / "config.toml"
    target.write_bytes(b"")
    time.sleep(0.05)
    link.symlink_to(target)
    assert read(link)["changed"] == link.lstat().st_ctime > read(target)["changed"]
