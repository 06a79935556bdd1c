# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A config.toml with all that it imports, out of what was read on a node so far. Private to this collection."""

from __future__ import annotations

import contextlib
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source, decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import CONFIG_TOML, DROP_IN, DropIn
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import Followed, Library, follow, reaching
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse


def absolute(path: str, option: str, *, example: str = CONFIG_TOML) -> str:
    """The path of a configuration file in its shortest form.

    :raises DomainError: it is not absolute.
    """
    if not path.startswith("/"):
        raise DomainError(f"{path!r} is not an absolute path", option=option, fix=f"Write it as {example}.")
    return posixpath.normpath(path)


def drop_in_of(options: t.Mapping[str, t.Any], path: str) -> str | None:
    """The drop-in of ``layout: drop_in``, None where files are edited in place.

    :raises DomainError: it would be config.toml itself.
    """
    if options["layout"] != "drop_in":
        return None
    drop_in = absolute(options["drop_in_path"], "drop_in_path", example=DROP_IN)
    if drop_in == path:
        raise DomainError(
            f"{drop_in} is config.toml itself, the file of option path",
            option="drop_in_path",
            fix=f"Name a file of its own, such as {DROP_IN}; to edit config.toml, say layout: in_place.",
        )
    return drop_in


@contextlib.contextmanager
def about(path: str) -> t.Iterator[None]:
    """Errors raised within are about this file, unless they are about an option."""
    try:
        yield
    except DomainError as error:
        raise error if error.option else error.in_file(path) from None


class ConfigReading:
    """``unread_files`` and ``unread_globs`` have to be read before the rest can be relied on.

    :raises DomainError: a file cannot be read, or is not sound.
    """

    def __init__(self, state: NodeState, path: str, release: Release, drop_in: str | None = None) -> None:
        main = Source.from_entry(path, state.file(path))
        data = parse(decode(main, release))
        self.content = main.content
        library = Library(state, release)
        followed = follow(path, data, library, release)
        needs = [followed]
        self.imported = _sources(library, followed)
        self._read = (main, *self.imported)
        self._release = release
        self.drop_in: DropIn | None = None
        if drop_in is not None:
            library = Library(state, release, planned=drop_in)
            line = reaching(path, data, drop_in, release)
            followed = follow(path, data if line is None else {**data, "imports": line}, library, release)
            needs.append(followed)
            self.drop_in = DropIn(drop_in, line, _sources(library, followed))
        self.unread_files = frozenset[str]().union(*(each.unread_files for each in needs))
        self.unread_globs = frozenset[str]().union(*(each.unread_globs for each in needs))

    @property
    def files(self) -> tuple[ConfigFile, ...]:
        """All that counts, config.toml first."""
        return tuple(ConfigFile(source.path, parse(decode(source, self._release))) for source in self._read)


def _sources(library: Library, followed: Followed) -> tuple[Source, ...]:
    return tuple(filter(None, map(library.source, followed.paths)))
