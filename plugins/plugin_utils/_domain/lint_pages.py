# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that checks look at: where their keys stand, and what a release makes of a hosts.toml. Private."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader, old_toml
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace, name_of_directory
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Statement, scan

Data = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Lines:
    """Where the keys of one file stand; without ``statements``, where that is not known."""

    path: str
    statements: t.Sequence[Statement] = ()

    @classmethod
    def of(cls, path: str, content: bytes | None) -> Lines:
        """Those of a file that is known to be TOML."""
        return cls(path, tuple(scan((content or b"").decode("utf-8").removeprefix("\ufeff"))))

    def place(self, key: KeyPath = ()) -> Place:
        """Where a key is first spoken of, or the inline table that holds it."""
        return Place(self.path, self._line(key) if key else None, masked_key_path(key))

    def _line(self, key: KeyPath) -> int | None:
        spoken_of = [s for s in self.statements if s.path and s.path[: len(key)] == key]
        exact = [s.line for s in spoken_of if s.path == key]
        if exact or spoken_of:
            return exact[0] if exact else spoken_of[0].line
        above = [s for s in self.statements if s.path and s.path == key[: len(s.path)]]
        return max(above, key=lambda s: len(s.path)).line if above else None


@dataclasses.dataclass(frozen=True)
class Page:
    """What a tree has for one registry: a directory with its hosts.toml, or whatever is in its place."""

    root: str
    name: str
    entry: Entry
    release: Release
    kind: str
    files: tuple[str, ...]
    # Why it could not be looked into.
    error: str | None = None
    # Whether there are images for which containerd looks for this name.
    is_looked_up: bool = True

    @property
    def directory(self) -> str:
        return f"{self.root}/{self.name}"

    @property
    def path(self) -> str:
        return f"{self.directory}/{HOSTS_TOML}"

    @property
    def has_hosts_toml(self) -> bool:
        return self.entry.kind != "absent"

    @property
    def namespace(self) -> str:
        """The registry as an image names it."""
        return name_of_directory(self.name)

    @property
    def first_name(self) -> str:
        """What containerd looks for before it looks for the registry's name as it is."""
        return Namespace(self.namespace).directory

    @functools.cached_property
    def _parts(self) -> tuple[Data, t.Sequence[Statement]] | None:
        try:
            return hosts_reader.taken_apart(self._text())
        except (ValueError, RecursionError):  # Not UTF-8, not TOML, or a number with thousands of digits.
            return None

    def _text(self) -> str:
        """As the release reads it, less what it refuses to begin with."""
        content = self.entry.content or b""
        if self.release.line < (2, 0):
            return old_toml.in_standard_form(old_toml.decoded(content))
        return content.decode("utf-8").removeprefix("\ufeff")

    @property
    def data(self) -> Data | None:
        """None of a file that is no TOML."""
        return None if self._parts is None else self._parts[0]

    @functools.cached_property
    def reading(self) -> Reading:
        """What the release makes of the file; an absent one is not read."""
        return hosts_reader.reread(self.entry.content or b"", self.release, directory=self.directory)

    @functools.cached_property
    def lines(self) -> Lines:
        return Lines(self.path, () if self._parts is None else self._parts[1])

    def place(self, *key: str) -> Place:
        return self.lines.place(key)

    @functools.cached_property
    def hosts(self) -> t.Mapping[str, Data]:
        """The tables of the hosts, by their names as they are written."""
        table = field_of(self.data or {}, "host", self.release)
        return {name: host for name, host in table.items() if isinstance(host, dict)} if isinstance(table, dict) else {}

    @functools.cached_property
    def server(self) -> str:
        value = field_of(self.data or {}, "server", self.release)
        return value if isinstance(value, str) else ""

    @functools.cached_property
    def tables(self) -> t.Sequence[tuple[KeyPath, Data]]:
        """The top level, which is the server's, and each host's table."""
        return [((), self.data or {}), *((("host", name), host) for name, host in self.hosts.items())]

    @functools.cached_property
    def is_read(self) -> bool:
        """Whether the file counts, in whole."""
        readable = self.entry.content is not None and self.data is not None
        return readable and self.reading.dropped is None and not self.reading.crashes


def field_of(table: Data, field: str, release: Release) -> t.Any:
    """The value of a field; since 2.0 whatever the case of its key."""
    if field in table or release.line < (2, 0):
        return table.get(field)
    return next((value for key, value in table.items() if key.lower() == field), None)


def pages_of(state: NodeState, root: str, release: Release) -> list[Page]:
    """All that lies in one tree."""
    listing = state.listings.get(root, {})
    hosts = state.globs.get(f"{root}/*/{HOSTS_TOML}", {})
    inside: dict[str, list[str]] = {}
    for path in listing:
        name, slash, file = path.partition("/")
        if slash:
            inside.setdefault(name, []).append(file)
    return [
        Page(
            root,
            name,
            hosts.get(f"{root}/{name}/{HOSTS_TOML}", listing.get(f"{name}/{HOSTS_TOML}", ABSENT)),
            release,
            entry.kind,
            tuple(sorted(inside.get(name, ()))),
            entry.error,
        )
        for name, entry in sorted(listing.items())
        if "/" not in name and entry.kind != "absent"
    ]
