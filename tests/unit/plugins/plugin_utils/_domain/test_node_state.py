# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read on a node, from the wire."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import (
    ABSENT,
    Entry,
    Journaled,
    NodeState,
    Program,
)

FILE = {
    "kind": "file",
    "content": base64.b64encode(b"version = 2\n").decode(),
    "sha256": "0" * 64,
    "size": 12,
    "mtime": 1795240800.25,
    "mode": "0644",
    "uid": 0,
    "gid": 0,
    "owner": "root",
    "group": "root",
}

ENTRIES: dict[str, tuple[dict[str, t.Any], Entry]] = {
    "a file": (FILE, Entry("file", b"version = 2\n", "0" * 64, 12, 1795240800.25, "0644", 0, 0, "root", "root")),
    "an empty file": ({"kind": "file", "content": "", "size": 0}, Entry("file", b"", size=0)),
    "absent": ({"kind": "absent"}, ABSENT),
    "a dangling link": ({"kind": "absent", "link": "/etc/x"}, Entry("absent", link="/etc/x")),
    "unreadable": (
        {"kind": "file", "error": "Permission denied", "content": None},
        Entry("file", error="Permission denied"),
    ),
    "with more than is known": ({"kind": "directory", "inode": 1}, Entry("directory")),
}


@pytest.mark.parametrize(("wire", "entry"), ENTRIES.values(), ids=ENTRIES)
def test_entry(wire: dict[str, t.Any], entry: Entry) -> None:
    assert Entry.from_wire(wire) == entry


def test_content_is_not_shown() -> None:
    assert "version" not in repr(NodeState.from_wire({"files": {"/a": FILE}}))


def test_everything() -> None:
    state = NodeState.from_wire(
        {
            "files": {"/a": FILE},
            "globs": {"/b/*": {"/b/c": {"kind": "file"}}},
            "directories": {"/d": {"self": {"kind": "directory"}, "entries": {"e": {"kind": "file"}}}},
            "programs": {"containerd": {"path": "/usr/bin/containerd", "version": None, "output": "?"}, "crictl": None},
            "unit": {"name": "containerd.service"},
        }
    )
    assert state.file("/a").content == b"version = 2\n"
    assert state.globs == {"/b/*": {"/b/c": Entry("file")}}
    assert (state.directories, state.listings) == ({"/d": Entry("directory")}, {"/d": {"e": Entry("file")}})
    assert state.programs == {"containerd": Program("/usr/bin/containerd", None, "?"), "crictl": None}
    assert state.unit == {"name": "containerd.service"}


def test_nothing() -> None:
    state = NodeState.from_wire({})
    assert state == NodeState()
    assert state.file("/never/asked/for") == ABSENT


def test_a_later_reading_adds_answers_of_every_kind() -> None:
    def reading(name: str) -> NodeState:
        directory = {"self": {"kind": "directory"}, "entries": {name: {"kind": "file"}}}
        return NodeState.from_wire(
            {
                "files": {f"/{name}": {"kind": "file"}},
                "globs": {f"/{name}*": {}},
                "directories": {f"/{name}.d": directory},
                "unit": {"name": name},
            }
        )

    state = reading("a").and_also(reading("b"))
    assert state.unit == {"name": "a"}
    assert [sorted(found) for found in (state.files, state.globs, state.directories, state.listings)] == [
        ["/a", "/b"],
        ["/a*", "/b*"],
        ["/a.d", "/b.d"],
        ["/a.d", "/b.d"],
    ]
    assert state.listings["/b.d"] == {"b": Entry("file")}


CHANGE = {
    "id": "000001-20261121T143000Z",
    "created": "2026-11-21T14:30:00Z",
    "by": "airgap.nodes.containerd_node",
    "state": "open",
    "restart": True,
    "paths": ["/a"],
}


def test_the_changes_that_are_not_closed() -> None:
    interrupted = {**CHANGE, "id": "000002-20261121T143100Z", "state": "prepared"}
    state = NodeState.from_wire({"journal": {"changes": [CHANGE, interrupted], "error": None}})
    assert state.journal[0] == Journaled(**{**CHANGE, "paths": ("/a",)})
    assert [(change.is_open, change.is_interrupted) for change in state.journal] == [(True, False), (False, True)]
    assert NodeState.from_wire({"journal": None}).journal == ()
