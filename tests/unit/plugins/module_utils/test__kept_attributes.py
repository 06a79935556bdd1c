# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, mode, access lists, attributes and symlinks: a change keeps them, and a way back brings them back.

A node has its configuration and the journal in one file system or in two, and config.toml or certs.d may be symlinks.
"""

from __future__ import annotations

import os
import pathlib
import stat
import struct
import tempfile
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

OLD, NEW = b"version = 2\n", b"version = 2\nroot = '/a'\n"
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def access_list(user: int, *, others: int) -> bytes:
    """As the kernel keeps it: the owner may all, a user may read, so may the group."""
    rows = (
        (0x01, 7, _NOBODY_IN_PARTICULAR),
        (0x02, 4, user),
        (0x04, 4, _NOBODY_IN_PARTICULAR),
        (0x10, 4, _NOBODY_IN_PARTICULAR),
        (0x20, others, _NOBODY_IN_PARTICULAR),
    )
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)


class Node:
    """A tree of configuration as somebody has set it up with care."""

    def __init__(self, place: pathlib.Path, journal: pathlib.Path) -> None:
        self.place = place
        self.journal = Journal(str(journal / "state"))
        self.config, self.hosts = place / "etc/config.toml", place / "etc/certs.d/docker.io/hosts.toml"
        for directory in ("etc", "srv/certs.d/docker.io", "srv/certs.d/old.example"):
            (place / directory).mkdir(parents=True)
        self.config.symlink_to("../srv/config.toml")
        (place / "etc/certs.d").symlink_to(place / "srv/certs.d")
        self._file("srv/config.toml", mode=0o640)
        self._file("srv/certs.d/docker.io/hosts.toml", mode=0o604)
        self._file("srv/certs.d/old.example/hosts.toml", mode=0o600)
        self._dress("srv/certs.d/old.example", access_list(1001, others=0), _DEFAULT)
        os.chown(place / "srv/certs.d/old.example", 12, 34)

    def _file(self, name: str, *, mode: int) -> None:
        path = self.place / name
        path.write_bytes(OLD)
        os.chown(path, 1234, 2345)
        path.chmod(mode)
        self._dress(name, access_list(1000, others=mode & 7), _ACCESS)

    def _dress(self, name: str, acl: bytes, kind: str) -> None:
        try:
            os.setxattr(self.place / name, "user.comment", b"mine")
            os.setxattr(self.place / name, kind, acl)
        except OSError:
            pytest.skip("a file system without extended attributes or access lists")

    def picture(self) -> dict[str, t.Any]:
        return {str(path.relative_to(self.place)): self.shown(path) for path in sorted(self.place.rglob("*"))}

    def shown(self, path: pathlib.Path) -> tuple[t.Any, ...]:
        status = path.lstat()
        held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        xattrs = {name: os.getxattr(path, name) for name in os.listxattr(path, follow_symlinks=False)}
        return stat.filemode(status.st_mode), status.st_uid, status.st_gid, xattrs, held

    def change(self, *, mode: str | None = None) -> None:
        expect, old = sha256(OLD), str(self.place / "etc/certs.d/old.example")
        changes = (
            Change("create", str(self.hosts.with_name("ca.pem")), content=b"PEM\n", mode="0644"),
            Change("replace", str(self.hosts), content=NEW, expect=expect, mode=mode),
            Change("delete", f"{old}/hosts.toml", expect=expect),
            Change("rmdir", old),
            Change("replace", str(self.config), content=NEW, expect=expect, mode=mode, backup=True),
        )
        apply_changes(ChangeSet(changes), journal=self.journal, by="test", proof=True)


@pytest.fixture(params=["one file system", "two"])
def node(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[Node]:
    """One whose journal is in the file system of its configuration, and one where it is not."""
    if request.param == "one file system":
        yield Node(tmp_path / "node", tmp_path)
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
        if os.stat(shared).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("one file system here")
        yield Node(tmp_path / "node", pathlib.Path(shared))


def test_a_change_keeps_them(node: Node) -> None:
    before = node.picture()
    node.change()
    after = node.picture()
    for name in ("srv/config.toml", "srv/certs.d/docker.io/hosts.toml"):
        assert after[name] == (*before[name][:-1], NEW)
    for link in ("etc/config.toml", "etc/certs.d"):
        assert after[link] == before[link]
    assert not any("old.example" in name or ".airgap-nodes" in name for name in after)


def test_the_copy_that_is_left_has_them_too(node: Node) -> None:
    before = node.shown(node.place / "srv/config.toml")
    node.change()
    (copy,) = (node.place / "etc").glob("config.toml.*.bak")
    assert node.shown(copy) == before


def test_undone_everything_is_as_it_was(node: Node) -> None:
    before = node.picture()
    node.change()
    with node.journal.locked():
        undone = node.journal.undo_open("a test")
    assert undone.left == {}
    assert node.picture() == before


def test_gone_back_to_everything_is_as_it_was(node: Node) -> None:
    before = node.picture()
    node.change()
    with node.journal.locked():
        node.journal.close("proved")
        undone = node.journal.go_back("last", "a test")
    assert undone.left == {}
    after = node.picture()
    assert {name: shown for name, shown in after.items() if not name.endswith(".bak")} == before


def test_a_secret_is_closed_to_those_on_an_access_list(node: Node) -> None:
    node.change(mode="0600")
    mode, _uid, _gid, xattrs, _held = node.shown(node.place / "srv/config.toml")
    assert mode == "-rw-------"
    # The mask of the list is the mode's middle, and it lets nobody in.
    acl = xattrs.get(_ACCESS)
    assert acl is None or struct.unpack_from("<HHI", acl, 4 + 3 * 8)[:2] == (0x10, 0)
