# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a config.toml imports, in the order in which containerd reads them. Private to this collection."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source, decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState, is_match
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import GlobBase, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import scan

# Where containerd's own default configuration, and NVIDIA's toolkit, look for drop-ins.
USUAL_GLOBS = ("/etc/containerd/conf.d/*.toml", "/etc/containerd/config.d/*.toml")
# The unit of containerd starts it in the root directory.
_WORKING_DIRECTORY = "/"
# What means one thing in Go's patterns and another in Python's.
_BEYOND_GLOB = re.compile(r"\\|\[[!^]")


@dataclasses.dataclass(frozen=True)
class Followed:
    """The imported files found so far, and what has to be read on the node before the rest is known."""

    paths: tuple[str, ...]
    unread_files: frozenset[str] = frozenset()
    unread_globs: frozenset[str] = frozenset()


class Library:
    """What was read on a node, in as many readings as it took; ``planned`` is a file that will be there, empty so far.

    ``None`` stands for what nobody has looked at yet.
    """

    def __init__(self, state: NodeState, release: Release, planned: str | None = None) -> None:
        self._state = state
        self._release = release
        self._planned = planned

    def source(self, path: str, importer: str | None = None) -> Source | None:
        """:raises DomainError: not there, or not readable; ``importer`` is the file that names it."""
        entry = self._state.file(path)
        if entry.kind != "absent" or path == self._planned:
            return Source.from_entry(path, entry)
        if path not in self._state.files:
            return None
        is_fatal = self._release.rules.imports.missing_is_fatal
        consequence = "does not start without it" if is_fatal else "passes over all names after it"
        raise DomainError(
            f"names {path}, which is not there; containerd {self._release} {consequence}",
            file=importer,
            line=None if importer is None else self._line(importer, path),
            key_path=("imports",),
            fix="Put the file there, or take its name out of imports.",
        )

    def _line(self, importer: str, path: str) -> int | None:
        """Where ``importer`` names a file."""
        source = Source.from_entry(importer, self._state.file(importer))
        text = decode(source, self._release).removeprefix("\ufeff")
        for statement in scan(text):
            if statement.path == ("imports",):
                names = tomllib.loads(text[statement.start : statement.end])["imports"]
                written = next((name for name in names if _absolute(name, importer, self._release) == path), "")
                return text.count("\n", 0, max(text.find(written, statement.value_start), statement.value_start)) + 1
        return None

    def matches(self, pattern: str) -> t.Sequence[str] | None:
        """The files that a glob finds."""
        found = self._state.globs.get(pattern)
        if found is None:
            return None
        planned = self._planned
        return [*found, *([planned] if planned and planned not in found and is_match(planned, pattern) else [])]

    def data(self, path: str, importer: str) -> t.Mapping[str, t.Any] | None:
        source = self.source(path, importer)
        return None if source is None else parse(decode(source, self._release))


def follow(path: str, data: t.Mapping[str, t.Any], library: Library, release: Release) -> Followed:
    """The files that config.toml at ``path`` imports, itself not among them: breadth first, each once.

    :raises DomainError: ``imports`` is no list of names, or a file that it names is not there.
    """
    found: dict[str, None] = {}
    unread_files: set[str] = set()
    unread_globs: set[str] = set()
    pending = targets(path, data, release)
    importers = dict.fromkeys(pending, path)
    while pending:
        target = pending.pop(0)
        if "*" in target:
            matches = library.matches(target)
            if matches is None:
                unread_globs.add(target)
            pending = [*sorted(matches or ()), *pending]
        elif target != path and target not in found:
            try:
                imported = library.data(target, importers.get(target, path))
            except DomainError as error:
                raise error.in_file(target) from None
            if imported is None:
                unread_files.add(target)
                continue
            found[target] = None
            named = targets(target, imported, release)
            importers = {**dict.fromkeys(named, target), **importers}
            pending += named
    return Followed(tuple(found), frozenset(unread_files), frozenset(unread_globs))


def reaching(path: str, data: t.Mapping[str, t.Any], file: str, release: Release) -> list[str] | None:
    """What ``imports`` has to say so that config.toml at ``path`` reads a file; None where it does already.

    A glob, since a literal name keeps containerd from starting once somebody removes the file.
    """
    if any(is_match(file, target) for target in targets(path, data, release)):
        return None
    return [*data.get("imports", ()), posixpath.join(posixpath.dirname(file), "*.toml")]


def reading_copy_of(file: str, imported: t.Iterable[str]) -> str | None:
    """The glob among the imported names by which containerd would read a copy that is left beside a file."""
    return next((target for target in imported if is_match(f"{file}.20060102T150405.bak", target)), None)


def targets(path: str, data: t.Mapping[str, t.Any], release: Release) -> list[str]:
    """The names and globs in ``imports``, as absolute ones."""
    imports = data.get("imports", [])
    if not isinstance(imports, list) or not all(isinstance(name, str) for name in imports):
        raise DomainError(
            "is not a list of file names", file=path, key_path=("imports",), fix='Write it as imports = ["/a/*.toml"].'
        )
    for name in imports:
        if "*" in name and _BEYOND_GLOB.search(name):
            raise DomainError(
                f"has {name!r}, which this collection cannot be sure to read as containerd does",
                file=path,
                key_path=("imports",),
                fix="Write the pattern without [^...] and without a backslash.",
            )
    return [_absolute(name, path, release) for name in imports]


def _absolute(name: str, importing: str, release: Release) -> str:
    is_glob_of_old = "*" in name and release.rules.imports.glob_base is GlobBase.WORKING_DIRECTORY
    base = _WORKING_DIRECTORY if is_glob_of_old else posixpath.dirname(importing)
    return posixpath.normpath(posixpath.join(base, name))
