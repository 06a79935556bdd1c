# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read on a node, as values; the wire format is that of the module ``_node_read``. Private."""

from __future__ import annotations

import base64
import dataclasses
import fnmatch
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import OPEN, PREPARED


@dataclasses.dataclass(frozen=True)
class Entry:
    """One path as it was found; ``link`` is where a symlink led, ``error`` why it could not be read.

    ``pem`` names the blocks of a PEM that is not read otherwise, None where nobody looked.
    """

    kind: str
    content: bytes | None = dataclasses.field(default=None, repr=False)
    sha256: str | None = None
    size: int | None = None
    mtime: float | None = None
    mode: str | None = None
    uid: int | None = None
    gid: int | None = None
    owner: str | None = None
    group: str | None = None
    link: str | None = None
    error: str | None = None
    pem: tuple[str, ...] | None = None
    # As mtime; putting a file back with its old time does not deceive it.
    changed: float | None = None

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> Entry:
        known = {field.name: wire[field.name] for field in dataclasses.fields(cls) if wire.get(field.name) is not None}
        if "pem" in known:
            known["pem"] = tuple(known["pem"])
        if "content" in known:
            known["content"] = base64.b64decode(known["content"])
        return cls(**known)

    def advice(self, otherwise: str) -> str:
        """What to do about what could not be read: it is sound if only root may read it, and must stay where it is."""
        return "run the task with become: true" if self.error == "Permission denied" else otherwise


ABSENT = Entry("absent")


@dataclasses.dataclass(frozen=True)
class Program:
    """A program on the node; ``version`` is None where it did not tell one."""

    path: str
    version: str | None
    output: str


@dataclasses.dataclass(frozen=True)
class Journaled:
    """A change that the node's journal holds; ``restart`` says whether it takes effect with a restart only."""

    id: str
    created: str
    by: str
    state: str
    restart: bool
    paths: tuple[str, ...]

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> Journaled:
        known = {field.name: wire[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**known, "paths": tuple(known["paths"])})

    @property
    def is_interrupted(self) -> bool:
        """Whether the run that made it did not get to its end."""
        return self.state == PREPARED

    @property
    def is_open(self) -> bool:
        """Whether nobody has proved it yet."""
        return self.state == OPEN


@dataclasses.dataclass(frozen=True)
class Images:
    """The names of the images that CRI has; ``error`` is why they are not known."""

    names: tuple[str, ...] = ()
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class NodeState:
    """The answer to one reading. Paths that were not asked for count as absent.

    ``journal`` has the changes that are not closed yet, the oldest first; ``journal_error`` is why it is not known.
    """

    files: t.Mapping[str, Entry] = dataclasses.field(default_factory=dict)
    globs: t.Mapping[str, t.Mapping[str, Entry]] = dataclasses.field(default_factory=dict)
    directories: t.Mapping[str, Entry] = dataclasses.field(default_factory=dict)
    listings: t.Mapping[str, t.Mapping[str, Entry]] = dataclasses.field(default_factory=dict)
    programs: t.Mapping[str, Program | None] = dataclasses.field(default_factory=dict)
    unit: t.Mapping[str, t.Any] | None = None
    journal: tuple[Journaled, ...] = ()
    journal_error: str | None = None
    images: Images | None = None

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> NodeState:
        directories = wire.get("directories", {})
        journal = wire.get("journal") or {}
        images = wire.get("images")
        return cls(
            files=_entries(wire.get("files", {})),
            globs={pattern: _entries(found) for pattern, found in wire.get("globs", {}).items()},
            directories={path: Entry.from_wire(found["self"]) for path, found in directories.items()},
            listings={path: _entries(found["entries"]) for path, found in directories.items()},
            programs={name: Program(**found) if found else None for name, found in wire.get("programs", {}).items()},
            unit=wire.get("unit"),
            journal=tuple(map(Journaled.from_wire, journal.get("changes", ()))),
            journal_error=journal.get("error"),
            images=None if images is None else Images(tuple(images["names"]), images["error"]),
        )

    def and_also(self, other: NodeState) -> NodeState:
        """This reading and a later one of more."""
        return dataclasses.replace(
            self,
            files={**self.files, **other.files},
            globs={**self.globs, **other.globs},
            directories={**self.directories, **other.directories},
            listings={**self.listings, **other.listings},
        )

    def file(self, path: str) -> Entry:
        """A path as it was found, by its name or by a glob."""
        matched = (found[path] for found in self.globs.values() if path in found)
        return self.files.get(path) or next(matched, ABSENT)


def is_match(path: str, pattern: str) -> bool:
    """Whether a glob finds a path, as on the node: a wildcard does not reach across a slash."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _entries(wire: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, Entry]:
    return {path: Entry.from_wire(entry) for path, entry in wire.items()}
