# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a containerd release reads a key of config.toml, and of which type its value is. Private to this collection.

containerd passes over a key that it does not know, 1.x without a word. A value of the wrong type keeps it from
starting, or keeps CRI from loading while the unit looks healthy.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain._known_keys_data import TABLE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CRI_IDS,
    canonical,
    long_name,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import LINES, NEWEST_LINE, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.spelling import misspelt

ANY_NAME = "*"
ANYTHING = "**"
ANYTHING_KIND = "any"
_PLUGIN_ID = re.compile(r"[\w-]+(\.[\w-]+)+\.v\d+\.[\w-]+", re.ASCII)

# Their options are known; those of other runtimes are between the user and the runtime.
RUNC_TYPES = frozenset({"io.containerd.runc.v1", "io.containerd.runc.v2"})

_TYPES: t.Mapping[str, type] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": float,
    "[str]": list,
    "[table]": list,
    "table": dict,
}
_NAMES: t.Mapping[str, str] = {
    "str": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number with a decimal point",
    "[str]": "a list of texts",
    "[table]": "a list of tables",
    "table": "a table",
}


@dataclasses.dataclass(frozen=True)
class Unknown:
    """Why a release does not read a key.

    ``to_all``: no release reads it, so that it is hardly meant; ``nearest`` is the key that may be.
    """

    reason: str
    nearest: KeyPath | None = None
    to_all: bool = False


# A fleet asks the same of every node.
@functools.lru_cache(maxsize=4096)
def check(path: KeyPath, release: Release, *, runtime_type: str = "") -> Unknown | None:
    """Why the release does not read the key or table at a path, None where it does.

    The path may have the names of any config version. ``runtime_type`` is that of the runtime whose ``options`` the
    path leads to: runc's are known by name, any other's pass.
    """
    path = canonical(path)
    if path in ((), ("plugins",)):
        return None
    found = [key for key in _keys_of(path) if key.covers(path, runtime_type)]
    if any(key.is_known_to(release) for key in found):
        return None
    if found:
        return Unknown(_reason([span for key in found for span in key.spans], release))
    return Unknown("no containerd knows it", _nearest(path, release), to_all=True)


def quoted(path: KeyPath) -> KeyPath | None:
    """The path as it was meant, where the id of a plugin was taken apart at its dots; else None."""
    if path[:3] != ("plugins", "io", "containerd"):
        return None
    ids = ((".".join(path[1:end]), path[end:]) for end in range(5, len(path) + 1))
    return next((("plugins", name, *below) for name, below in ids if _PLUGIN_ID.fullmatch(name)), None)


def is_unknown_plugin(name: str) -> bool:
    """Whether the name of a plugin is hardly meant: no containerd brings it along, and it is no other plugin's id."""
    if long_name(("plugins", name))[1] in _plugin_ids():
        return False
    return not _PLUGIN_ID.fullmatch(name) or misspelt(name, _plugin_ids()) is not None


def plugin_meant(path: KeyPath) -> KeyPath | None:
    """The path that may have been meant by one with the name of such a plugin."""
    found = _plugin_meant(path[1], _plugin_ids())
    return quoted(path) or (None if found is None else ("plugins", found, *path[2:]))


@functools.cache
def _plugin_ids() -> frozenset[str]:
    """The plugins with keys in any release, by their names in all config versions; a server table is none."""
    return frozenset(name[1] for table in _tables() for name in (table and names(table)) if name[:1] == ("plugins",))


def type_of(path: KeyPath, release: Release, *, runtime_type: str = "") -> type | None:
    """The type of a key's value (dict for a table), None where it can be any or the release does not know the key.

    The arguments are those of ``check``; the type is that of the value under the canonical name.
    """
    kind = _kind(canonical(path), release, runtime_type)
    return None if kind is None else _TYPES[kind]


def misfit(path: KeyPath, value: t.Any, release: Release, *, runtime_type: str = "") -> str | None:
    """What the value has to be where the release wants another type: ``a list of texts``; else None."""
    kind = _kind(canonical(path), release, runtime_type)
    if kind is None or _fits(value, kind, release):
        return None
    return _NAMES[kind]


@functools.lru_cache(maxsize=4096)
def _kind(path: KeyPath, release: Release, runtime_type: str) -> str | None:
    """The type as the table writes it, ``table`` for what has keys below it, None for anything."""
    found = [key for key in _keys_of(path) if key.is_known_to(release) and key.covers(path, runtime_type)]
    if any(len(key.pattern) > len(path) for key in found):
        return "table"
    # What runc's options are called, those of another runtime may be called too, and be of another type.
    kinds = {key.kind for key in found}
    return None if ANYTHING_KIND in kinds or not found else kinds.pop() or "table"


def _fits(value: t.Any, kind: str, release: Release) -> bool:
    if kind.startswith("["):
        element = _TYPES[kind[1:-1]]
        return isinstance(value, list) and all(isinstance(item, element) for item in value)
    if isinstance(value, bool):
        return kind == "bool"
    # 1.x takes no 1 for 1.0.
    return isinstance(value, _TYPES[kind]) or (kind == "float" and isinstance(value, int) and release.line >= (2, 0))


# --- the table


@dataclasses.dataclass(frozen=True)
class Span:
    """Releases in a row: from ``start`` on, up to but without ``until``."""

    start: Release
    until: Release | None

    @classmethod
    def read(cls, text: str) -> Span:
        """Reads ``1.4-``, ``1.6.22-1.6``, ``1.7``."""
        start, dash, end = text.partition("-")
        return cls(Release.first(start), _after(end if dash else start) if end or not dash else None)

    def holds(self, release: Release) -> bool:
        return self.start <= release and not self.is_before(release)

    def is_before(self, release: Release) -> bool:
        return self.until is not None and self.until <= release


def _after(text: str) -> Release:
    release = Release.parse(text)
    if text.count(".") == 1:
        return Release(*next((line for line in LINES if line > release.line), NEWEST_LINE), final=False)
    return dataclasses.replace(release, patch=release.patch + 1, final=False)


@dataclasses.dataclass(frozen=True)
class _Key:
    """One line of the table; ``kind`` is empty for a plugin's table."""

    pattern: KeyPath
    kind: str
    spans: tuple[Span, ...]

    def is_known_to(self, release: Release) -> bool:
        return any(span.holds(release) for span in self.spans)

    def covers(self, path: KeyPath, runtime_type: str = "") -> bool:
        """Whether the path leads to this key, or to a table above it."""
        if self.pattern[-1] == ANYTHING and len(path) >= len(self.pattern):
            return runtime_type not in RUNC_TYPES and _matches(self.pattern[:-1], path[: len(self.pattern) - 1])
        return len(path) <= len(self.pattern) and _matches(self.pattern[: len(path)], path)


def _matches(pattern: KeyPath, path: KeyPath) -> bool:
    return all(wanted in (ANY_NAME, key) for wanted, key in zip(pattern, path, strict=True))


def _keys_of(path: KeyPath) -> tuple[_Key, ...]:
    """The keys of the plugin that a path leads into, or those outside plugins."""
    return _tables().get(path[:2] if path[:1] == ("plugins",) else (), ())


@functools.cache
def _tables() -> t.Mapping[KeyPath, tuple[_Key, ...]]:
    tables: dict[KeyPath, tuple[_Key, ...]] = {}
    for block in TABLE.split("\n\n"):
        header, *lines = block.splitlines()
        name, *spans = header.split()
        table: KeyPath = () if name == "[]" else ("plugins", name[1:-1])
        tables[table] = (_key(table, "", spans),) if table else ()
        for line in lines:
            key, kind, *spans = line.split()
            tables[table] += (_key((*table, *key.split(".")), kind, spans),)
    return tables


def _key(pattern: KeyPath, kind: str, spans: list[str]) -> _Key:
    return _Key(pattern, kind, tuple(map(Span.read, spans)))


# --- messages


def _reason(spans: list[Span], release: Release) -> str:
    later = [span.start for span in spans if span.start > release]
    earlier = [span.until for span in spans if span.until is not None and span.until <= release]
    if later:
        return f"containerd {min(later)} is the {'next' if earlier else 'first'} that does"
    last = max(earlier)
    return f"containerd {last.major}.{last.minor}{f'.{last.patch}' if last.patch else ''} dropped it"


def _nearest(path: KeyPath, release: Release) -> KeyPath | None:
    """The known path that may have been meant: the same keys in another table of CRI, or ones that look alike."""
    depth = next(depth for depth in range(1, len(path) + 1) if not _knows(path[:depth], release))
    above, wrong, below = path[: depth - 1], path[depth - 1], path[depth:]
    cri = _cri_keys(release) if len(path) > 2 and path[1] in CRI_IDS else {}
    same = cri.get(wrong) if not below else _with_ending((wrong, *below), release) if cri else None
    if same is not None:
        return same
    alike = (_plugin_meant if above == ("plugins",) else _alike)(wrong, _names_in(above, release))
    if alike is not None:
        return (*above, alike, *below) if _knows((*above, alike, *below), release) else (*above, alike)
    found = difflib.get_close_matches(wrong, cri, 1, 0.8)
    return cri[found[0]] if found and not below else None


def _plugin_meant(name: str, ids: t.Iterable[str]) -> str | None:
    """A whole id is more often that of somebody else's plugin than far from the one that was meant."""
    return misspelt(name, ids) if _PLUGIN_ID.fullmatch(name) else _alike(name, ids)


def _alike(name: str, names: t.Iterable[str]) -> str | None:
    flat = {_flat(known): known for known in names}
    found = difflib.get_close_matches(_flat(name), flat, 1)
    return flat[found[0]] if found else None


def _knows(path: KeyPath, release: Release) -> bool:
    if path[:1] == ("plugins",) and len(path) == 1:
        return True
    return any(key.is_known_to(release) and key.covers(path, "io.containerd.runc.v2") for key in _keys_of(path))


def _names_in(table: KeyPath, release: Release) -> t.Iterator[str]:
    if table == ("plugins",):
        yield from (path[1] for path in _tables() if path and _knows(path, release))
        return
    if not table:
        yield "plugins"
    for key in _keys_of(table):
        below = key.pattern[len(table) :]
        if below and key.is_known_to(release) and key.covers(table) and below[0] not in (ANY_NAME, ANYTHING):
            yield below[0]


def _cri_keys(release: Release) -> dict[str, KeyPath]:
    """CRI's keys by their own name, and by the one that they had in version 2; those that several have are left out."""
    found: dict[str, set[KeyPath]] = {}
    for key in _known_in_cri(release):
        for path in names(key.pattern):
            if ANY_NAME not in path and ANYTHING not in path:
                found.setdefault(path[-1], set()).add(key.pattern)
    return {name: paths.pop() for name, paths in found.items() if len(paths) == 1}


def _with_ending(rest: KeyPath, release: Release) -> KeyPath | None:
    """The one path in CRI's tables that ends in these keys."""
    found = {
        (*key.pattern[: -len(rest)], *rest)
        for key in _known_in_cri(release)
        if len(key.pattern) >= len(rest) and _matches(key.pattern[-len(rest) :], rest)
    }
    found = {path for path in found if ANY_NAME not in path}
    return found.pop() if len(found) == 1 else None


def _known_in_cri(release: Release) -> t.Iterator[_Key]:
    for name in sorted(CRI_IDS):
        yield from (key for key in _keys_of(("plugins", name)) if key.kind and key.is_known_to(release))


def _flat(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
