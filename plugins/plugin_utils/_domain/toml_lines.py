# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the statements of a TOML text begin and end. Private to this collection.

Edits are made by cutting the text at these seams, so that every byte outside an edit stays what it was: comments,
order, indentation, line ends. The text must be valid TOML (``toml_edit.parse`` says so); on other text the result
means nothing.
"""

from __future__ import annotations

import bisect
import enum
import functools
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_ONE_KEY = re.compile(_KEY)
_HEADER = re.compile(rf"([ \t]*)(\[\[?)[ \t]*({KEYS})[ \t]*\]\]?[^\n]*(?:\n|\Z)")
_ASSIGNMENT = re.compile(rf"([ \t]*)({KEYS})[ \t]*=[ \t]*")
_OTHER_LINE = re.compile(r"([ \t]*)(#?)[^\n]*(?:\n|\Z)")
_VALUE_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[\[{]|[\]}]|\#[^\n]*|\n|[^\[\]{}\"'\#\n]+",
    re.DOTALL,
)


class Kind(enum.Enum):
    """What a statement is."""

    TABLE = enum.auto()
    ARRAY_OF_TABLES = enum.auto()
    KEY = enum.auto()
    COMMENT = enum.auto()
    BLANK = enum.auto()


_HEADERS = (Kind.TABLE, Kind.ARRAY_OF_TABLES)


class Statement(t.NamedTuple):
    """One header, assignment, comment line or blank line.

    ``path`` is the full path from the root (empty for comments and blank lines), ``table`` the path of the header
    above, ``keys`` the keys as written here, quotes included. ``start`` and ``end`` are offsets that include
    indentation and line end; ``keys_start`` and ``keys_end`` enclose the keys, ``value_start`` and ``value_end`` the
    value of an assignment. ``line`` counts from 1.
    """

    kind: Kind
    start: int
    end: int
    line: int
    indent: str
    table: KeyPath = ()
    path: KeyPath = ()
    keys: tuple[str, ...] = ()
    keys_start: int = 0
    keys_end: int = 0
    value_start: int = 0
    value_end: int = 0

    @property
    def is_header(self) -> bool:
        return self.kind in _HEADERS


def scan(text: str) -> list[Statement]:
    """All statements of a valid TOML text, in order; together they are the whole text."""
    return list(_scan_from(text, 0, 1, ()))


def rescan(statements: list[Statement], text: str, start: int, end: int) -> list[Statement]:
    """The statements of a text that differs from the one with these ``statements`` only in what stood from ``start`` to
    ``end``: those around it are the old ones, the ones behind it in other places."""
    if not statements:
        return scan(text)
    size = statements[-1].end
    shift = len(text) - size
    first = bisect.bisect_left(statements, start, key=lambda s: s.end)
    behind = {s.start + shift: index for index, s in enumerate(statements) if s.start >= end}
    found = statements[:first]
    table = found[-1].table if found else ()
    for new in _scan_from(text, statements[first].start, statements[first].line, table):
        index = behind.get(new.start)
        if index is not None and statements[index].table == new.table:
            lines = new.line - statements[index].line
            return [*found, *(_moved(old, shift, lines) for old in statements[index:])]
        found.append(new)
    return found


def _moved(old: Statement, shift: int, lines: int) -> Statement:
    # In full, because each edit does this with half of all statements.
    kind, start, end, line, indent, table, path, keys, keys_start, keys_end, value_start, value_end = old
    return Statement(
        kind,
        start + shift,
        end + shift,
        line + lines,
        indent,
        table,
        path,
        keys,
        keys_start + shift,
        keys_end + shift,
        value_start + shift,
        value_end + shift,
    )


def _scan_from(text: str, offset: int, line: int, table: KeyPath) -> t.Iterator[Statement]:
    while offset < len(text):
        statement = _statement(text, offset, line, table)
        table = statement.table
        yield statement
        line += text.count("\n", offset, statement.end)
        offset = statement.end


def commented_out(line: str) -> Statement | None:
    """The header or assignment that a comment line holds as a whole; None for prose and parts of longer values."""
    text = line.strip().lstrip("#").strip()
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    statement = scan(text)[0] if text else None
    return statement if statement and statement.path else None


def _statement(text: str, offset: int, line: int, table: KeyPath) -> Statement:
    if match := _HEADER.match(text, offset):
        kind = Kind.TABLE if match[2] == "[" else Kind.ARRAY_OF_TABLES
        path, keys = decode_keys(match[3]), tuple(_ONE_KEY.findall(match[3]))
        return Statement(kind, offset, match.end(), line, match[1], path, path, keys, *match.span(3))
    if match := _ASSIGNMENT.match(text, offset):
        value_end = _end_of_value(text, match.end())
        newline = text.find("\n", value_end)
        return Statement(
            Kind.KEY,
            offset,
            len(text) if newline < 0 else newline + 1,
            line,
            match[1],
            table,
            table + decode_keys(match[2]),
            tuple(_ONE_KEY.findall(match[2])),
            *match.span(2),
            match.end(),
            value_end,
        )
    other = t.cast("re.Match[str]", _OTHER_LINE.match(text, offset))  # the pattern matches any line
    return Statement(Kind.COMMENT if other[2] else Kind.BLANK, offset, other.end(), line, other[1], table)


def _end_of_value(text: str, start: int) -> int:
    depth, end = 0, start
    for token in _VALUE_TOKEN.finditer(text, start):
        first = token[0][0]
        if depth == 0 and first in "\n#":
            break
        depth += (first in "[{") - (first in "]}")
        if first not in "\n#" and token[0].strip():
            end = token.start() + len(token[0].rstrip())
    return end


@functools.lru_cache(maxsize=1024)
def decode_keys(written: str) -> KeyPath:
    """``plugins."a.b".c`` as ``("plugins", "a.b", "c")``; the escapes of quoted keys are left to the TOML library."""
    path: list[str] = []
    node = tomllib.loads(f"{written} = 0")
    while isinstance(node, dict):
        ((key, node),) = node.items()
        path.append(key)
    return tuple(path)


def parse_key_path(written: str) -> KeyPath:
    """A key path as a user writes it in an option.

    :raises ValueError: not a TOML key; a dot inside a key needs quotes.
    """
    text = written.strip()
    if not re.fullmatch(KEYS, text):
        raise ValueError(written)
    return decode_keys(text)
