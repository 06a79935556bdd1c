# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire format between the controller, which plans, and the node, which applies.

Private to the collection. Runs on node Pythons (3.8 and later), so standard library only, and without ansible imports,
because the controller's pure domain code builds these values too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import typing as t
from dataclasses import dataclass, field

OPS = ("create", "replace", "delete", "mkdir", "rmdir")
_OPS_WITH_CONTENT = ("create", "replace")
_OPS_WITH_EXPECT = ("replace", "delete")
_OPS_NEEDING_MODE = ("create", "mkdir")
# What a change that the node knows of can be.
PREPARED, OPEN, CLOSED = "prepared", "open", "closed"
# Tells later runs that containerd has to be restarted, until it was. Lost at a reboot, after which it has read
# everything anyway.
RESTART_MARK = "/run/airgap.nodes/containerd-restart-required"
_MODE = re.compile(r"[0-7]{3,4}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PEM_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t\r]*\n(.*?)^-----END \1-----", re.DOTALL | re.MULTILINE
)
_WIRE_KEYS = ("op", "path", "content", "expect", "mode", "owner", "group", "backup", "backup_mode", "aside")
_CHECK_KEYS = ("path", "content", "files", "keys")


def sha256(content: bytes) -> str:
    """The hash under which both sides speak of a file's content."""
    return hashlib.sha256(content).hexdigest()


def pem_labels(content: bytes) -> t.List[str]:
    """What the blocks of a PEM are called, such as ``CERTIFICATE``; nothing of what is in them."""
    return sorted({label.decode("ascii") for label, _text in _PEM_BLOCK.findall(content)})


def printable(value: t.Any) -> t.Any:
    """The same with every text fit for a controller, which refuses a whole result for one file name in it that is not
    UTF-8. What is not becomes an escape, such as \\udce9 for the byte E9; such a name is for people, not for asking.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {printable(key): printable(held) for key, held in value.items()}
    if isinstance(value, list):
        return [printable(held) for held in value]
    return value


@dataclass(frozen=True)
class Change:
    """One step: what to do to one path, and what the file must still hold for it to be done.

    A copy that is left has the mode of the file, or ``backup_mode``. With ``aside`` its new content is never in its
    directory under another name, since everything in there is read.
    """

    op: str
    path: str
    content: t.Optional[bytes] = field(default=None, repr=False)
    expect: t.Optional[str] = None
    mode: t.Optional[str] = None
    owner: t.Optional[str] = None
    group: t.Optional[str] = None
    backup: bool = False
    backup_mode: t.Optional[str] = None
    aside: bool = False

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ValueError(f"{self.op} {self.path}: {problem}")

    def to_wire(self) -> t.Dict[str, t.Any]:
        wire: t.Dict[str, t.Any] = {key: getattr(self, key) for key in _WIRE_KEYS}
        if self.content is not None:
            wire["content"] = base64.b64encode(self.content).decode("ascii")
        return wire

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> Change:
        values = {key: wire[key] for key in _WIRE_KEYS if wire.get(key) is not None}
        if "content" in values:
            values["content"] = _decoded(values)
        return cls(**values)


@dataclass(frozen=True)
class ChangeSet:
    """Changes in the order in which a node applies them, all or none."""

    changes: t.Tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def to_wire(self) -> t.List[t.Dict[str, t.Any]]:
        return [change.to_wire() for change in self.changes]

    @classmethod
    def from_wire(cls, wire: t.Iterable[t.Mapping[str, t.Any]]) -> ChangeSet:
        return cls(tuple(Change.from_wire(change) for change in wire))


@dataclass(frozen=True)
class Check:
    """A config.toml that the node's containerd has to accept before anything is changed.

    It is the one that is about to take the name ``path``, or ``content`` in its stead, in which each key of ``files``
    stands for where the new content of a file is by then. ``keys`` are those that containerd must not pass over, as it
    names them itself, and as the user knows them.
    """

    path: str
    content: t.Optional[bytes] = field(default=None, repr=False)
    files: t.Mapping[str, str] = field(default_factory=dict)
    keys: t.Mapping[str, str] = field(default_factory=dict)

    def to_wire(self) -> t.Dict[str, t.Any]:
        wire: t.Dict[str, t.Any] = {"path": self.path, "files": dict(self.files), "keys": dict(self.keys)}
        if self.content is not None:
            wire["content"] = base64.b64encode(self.content).decode("ascii")
        return wire

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> Check:
        values = {key: wire[key] for key in _CHECK_KEYS if wire.get(key) is not None}
        if "content" in values:
            values["content"] = _decoded({"op": "check", **values})
        return cls(**values)


def _decoded(wire: t.Mapping[str, t.Any]) -> bytes:
    try:
        return base64.b64decode(wire["content"], validate=True)
    except (binascii.Error, ValueError):
        # Raised without its cause: a message about content must never quote any of it.
        raise ValueError(f"{wire.get('op')} {wire.get('path')}: content is not base64") from None


def _problem(change: Change) -> t.Optional[str]:
    """What makes a change one that must not reach a node, or None."""
    if change.op not in OPS:
        return f"unknown op, known are {', '.join(OPS)}"
    if not change.path.startswith("/") or "\0" in change.path:
        return "path must be absolute"
    if (change.content is not None) != (change.op in _OPS_WITH_CONTENT):
        return "content goes with create and replace, and with nothing else"
    return _expect_problem(change) or _mode_problem(change)


def _expect_problem(change: Change) -> t.Optional[str]:
    if (change.expect is not None) != (change.op in _OPS_WITH_EXPECT):
        return "expect goes with replace and delete, and with nothing else"
    if change.expect is not None and not _SHA256.fullmatch(change.expect):
        return "expect must be a sha256 in lower-case hexadecimal"
    return None


def _mode_problem(change: Change) -> t.Optional[str]:
    if change.mode is None:
        if change.op in _OPS_NEEDING_MODE:
            return "mode is required"
    elif not _MODE.fullmatch(change.mode):
        return "mode must be an octal text such as 0644"
    if change.backup_mode is None:
        return None
    if not change.backup:
        return "backup_mode goes with backup"
    return None if _MODE.fullmatch(change.backup_mode) else "backup_mode must be an octal text such as 0600"
