# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256

HASH = sha256(b"what was read\n")

CHANGES = {
    "create": Change("create", "/a", content=b"text\n", mode="0600"),
    "create, empty": Change("create", "/a", content=b"", mode="0644"),
    "create, not text": Change("create", "/a", content=bytes(range(256)), mode="0644"),
    "replace": Change("replace", "/a", content=b"new", expect=HASH),
    "replace, everything": Change("replace", "/a", b"new", HASH, "0640", "root", "adm", True),
    "delete": Change("delete", "/a", expect=HASH, backup=True),
    "a copy with a mode of its own": Change("delete", "/a", expect=HASH, backup=True, backup_mode="0600"),
    "mkdir": Change("mkdir", "/a/b", mode="0755"),
    "rmdir": Change("rmdir", "/a/b/"),
    "a name that is not UTF-8": Change("rmdir", "/caf\udce9"),
    "a mode of four digits": Change("mkdir", "/a", mode="2775"),
    "a mode of three digits": Change("mkdir", "/a", mode="755"),
}

REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "unknown op": (
        {"op": "chmod", "path": "/a"},
        "chmod /a: unknown op, known are create, replace, delete, mkdir, rmdir",
    ),
    "relative path": ({"op": "rmdir", "path": "a"}, "rmdir a: path must be absolute"),
    "no path": ({"op": "rmdir", "path": ""}, "rmdir : path must be absolute"),
    "NUL in the path": ({"op": "rmdir", "path": "/a\0b"}, "rmdir /a\0b: path must be absolute"),
    "create without content": (
        {"op": "create", "path": "/a", "mode": "0644"},
        "create /a: content goes with create and replace, and with nothing else",
    ),
    "delete with content": (
        {"op": "delete", "path": "/a", "expect": HASH, "content": "eA=="},
        "delete /a: content goes with create and replace, and with nothing else",
    ),
    "a mode for a copy that is not made": (
        {"op": "delete", "path": "/a", "expect": HASH, "backup_mode": "0600"},
        "delete /a: backup_mode goes with backup",
    ),
    "a mode of a copy that is none": (
        {"op": "delete", "path": "/a", "expect": HASH, "backup": True, "backup_mode": "u=rw"},
        "delete /a: backup_mode must be an octal text such as 0600",
    ),
    "replace without expect": (
        {"op": "replace", "path": "/a", "content": "eA=="},
        "replace /a: expect goes with replace and delete, and with nothing else",
    ),
    "delete without expect": (
        {"op": "delete", "path": "/a"},
        "delete /a: expect goes with replace and delete, and with nothing else",
    ),
    "create with expect": (
        {"op": "create", "path": "/a", "content": "eA==", "mode": "0644", "expect": HASH},
        "create /a: expect goes with replace and delete, and with nothing else",
    ),
    "a hash that is none": (
        {"op": "delete", "path": "/a", "expect": HASH.upper()},
        "delete /a: expect must be a sha256 in lower-case hexadecimal",
    ),
    "create without mode": ({"op": "create", "path": "/a", "content": "eA=="}, "create /a: mode is required"),
    "mkdir without mode": ({"op": "mkdir", "path": "/a"}, "mkdir /a: mode is required"),
    "a mode that is none": (
        {"op": "mkdir", "path": "/a", "mode": "u=rwx"},
        "mkdir /a: mode must be an octal text such as 0644",
    ),
    "a mode that is not octal": (
        {"op": "mkdir", "path": "/a", "mode": "0788"},
        "mkdir /a: mode must be an octal text such as 0644",
    ),
    "content that is not base64": (
        {"op": "create", "path": "/a", "content": "hunter2!", "mode": "0644"},
        "create /a: content is not base64",
    ),
    "content that is not ASCII": (
        {"op": "create", "path": "/a", "content": "hünter", "mode": "0644"},
        "create /a: content is not base64",
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_wire_brings_back_what_was_sent(change: Change) -> None:
    sent = json.loads(json.dumps(ChangeSet((change,)).to_wire()))
    assert ChangeSet.from_wire(sent) == ChangeSet((change,))


@pytest.mark.parametrize(("wire", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_must_not_reach_a_node_is_refused(wire: dict[str, t.Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        ChangeSet.from_wire([wire])
    assert str(caught.value) == message


def test_the_wire_format() -> None:
    assert ChangeSet((Change("create", "/a", content=b"[host]\n", mode="0600"),)).to_wire() == [
        {
            "op": "create",
            "path": "/a",
            "content": "W2hvc3RdCg==",
            "expect": None,
            "mode": "0600",
            "owner": None,
            "group": None,
            "backup": False,
            "backup_mode": None,
            "aside": False,
        }
    ]


def test_a_wire_without_the_optional_keys_is_understood() -> None:
    assert ChangeSet.from_wire([{"op": "rmdir", "path": "/a"}]) == ChangeSet((Change("rmdir", "/a"),))


def test_order_is_kept() -> None:
    changes = ChangeSet(tuple(CHANGES.values()))
    assert ChangeSet.from_wire(changes.to_wire()).changes == tuple(CHANGES.values())


def test_only_a_set_with_changes_is_true() -> None:
    assert not ChangeSet()
    assert ChangeSet((CHANGES["mkdir"],))


def test_no_content_in_the_representation() -> None:
    changes = ChangeSet((Change("create", "/a", content=b"hunter2", mode="0600"),))
    assert "hunter2" not in repr(changes)
    assert "aHVudGVyMg" not in repr(changes)
    assert "/a" in repr(changes)


def test_a_content_that_cannot_be_decoded_is_not_quoted_in_the_traceback() -> None:
    with pytest.raises(ValueError) as caught:
        Change.from_wire({"op": "create", "path": "/a", "content": "hunter2!", "mode": "0644"})
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_changes_are_values() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CHANGES["mkdir"].path = "/b"  # type: ignore[misc]
