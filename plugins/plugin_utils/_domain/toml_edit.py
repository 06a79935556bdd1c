# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a TOML text that a careful person would make. Private to this collection.

tomllib judges the text, tomlkit writes keys and values, and the text is cut at the seams of ``toml_lines``: tomlkit's
own way of adding to a document can put a key behind the next table's comment, mix line ends, or drop a parent table.
Each edit ends with a proof: the new text, parsed, must be the old data with exactly the asked changes.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import itertools
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    Kind,
    Statement,
    commented_out,
    scan,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import (
    is_literal,
    key_text,
    replacement,
    same,
    value_text,
    with_entry,
    without_entry,
)

_POSITION = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
_BOM = "\ufeff"
_INDENT = "  "
_INTEGERS = range(-(2**63), 2**63)


@dataclasses.dataclass(frozen=True)
class Set:
    """Gives a key a value. An empty mapping makes sure that the table exists; other mappings are set key by key."""

    path: KeyPath
    value: t.Any


@dataclasses.dataclass(frozen=True)
class Remove:
    """Removes a key or a whole table; nothing happens where it does not exist."""

    path: KeyPath


@dataclasses.dataclass(frozen=True)
class Difference:
    """One key that an edit changed; ``None`` stands for an absent key."""

    path: KeyPath
    before: t.Any
    after: t.Any


@dataclasses.dataclass(frozen=True)
class Edited:
    """The new text and what it changed; ``differences`` is empty exactly when the text is the old one."""

    text: str
    differences: tuple[Difference, ...]


def parse(text: str) -> dict[str, t.Any]:
    """The data of a TOML text; a byte order mark is passed over, as containerd 1.x does.

    :raises DomainError: not TOML; with line and column.
    """
    try:
        return tomllib.loads(text.removeprefix(_BOM))
    except tomllib.TOMLDecodeError as error:
        match = _POSITION.match(str(error))
        line, column = (match["line"], match["column"]) if match else (None, None)
        raise DomainError(
            f"not valid TOML: {match['what'] if match else error}",
            line=int(line) if line else text.count("\n") + 1,
            column=int(column) if column else None,
            fix="Nothing was changed; mend the file first.",
        ) from error


def edit(text: str, operations: t.Iterable[Set | Remove]) -> Edited:
    """Applies the operations in order; every line that no operation is about stays as it is.

    :raises DomainError: the text is not TOML, a value has no TOML form, or a path runs through something that is no
    table.
    """
    wanted = parse(text)
    differences: list[Difference] = []
    page = _Page(text.removeprefix(_BOM))
    for difference in _changes(wanted, operations):
        if difference.after is None:
            page = _removed(page, difference.path, wanted)
        else:
            page = _set(page, difference.path, difference.after)
        differences.append(difference)
    _prove(page.text, wanted, differences)
    new = text[: len(text) - len(text.removeprefix(_BOM))] + page.text
    return Edited(new, tuple(differences) if new != text else ())


def _prove(text: str, wanted: dict[str, t.Any], differences: list[Difference]) -> None:
    try:
        proved = same(tomllib.loads(text), wanted)
    except tomllib.TOMLDecodeError:
        proved = False
    if not proved:
        raise DomainError(
            "this layout of tables cannot be edited without touching more than was asked",
            key_path=differences[-1].path if differences else None,
            fix="Nothing was changed; please report the file's layout, and edit this key by hand.",
        )


def look_up(data: t.Any, path: KeyPath) -> t.Any:
    """The value at a path, or None where there is none."""
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return None
        data = data[key]
    return data


# --- the data


def applied(data: t.Mapping[str, t.Any], operations: t.Iterable[Set | Remove]) -> dict[str, t.Any]:
    """The data as the operations would leave it.

    :raises DomainError: as in ``edit``.
    """
    wanted = copy.deepcopy(dict(data))
    collections.deque(_changes(wanted, operations), maxlen=0)
    return wanted


def _changes(data: dict[str, t.Any], operations: t.Iterable[Set | Remove]) -> t.Iterator[Difference]:
    """Applies the operations to the data, and says after each what it changed."""
    for operation in _flatten(operations):
        before = look_up(data, operation.path)
        if isinstance(operation, Set):
            if before is None or not (same(before, operation.value) or _is_table_wish(before, operation.value)):
                _set_data(data, operation.path, operation.value)
                yield Difference(operation.path, before, operation.value)
        elif before is not None:
            _remove_data(data, operation.path)
            yield Difference(operation.path, before, None)


def _flatten(operations: t.Iterable[Set | Remove]) -> t.Iterator[Set | Remove]:
    for operation in operations:
        if isinstance(operation, Set) and isinstance(operation.value, dict) and operation.value:
            yield from _flatten(Set((*operation.path, key), value) for key, value in operation.value.items())
        else:
            if isinstance(operation, Set):
                _check_keys(operation.path)
                _check_value(operation.value, operation.path)
            yield operation


def _check_value(value: t.Any, path: KeyPath) -> None:
    if isinstance(value, list):
        for item in value:
            _check_value(item, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_keys((*path, key))
            _check_value(item, (*path, key))
    elif isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int) and not isinstance(value, bool) and value not in _INTEGERS:
        raise DomainError(f"{value} does not fit into 64 bits", key_path=path, fix="Use a smaller number.")
    elif not isinstance(value, (bool, int, float, datetime.date, datetime.time)):
        what = "null" if value is None else f"a value of type {type(value).__name__}"
        raise DomainError(f"{what} has no TOML form", key_path=path, fix="To remove a key, name it in absent.")


def _check_keys(path: tuple[t.Any, ...]) -> None:
    for depth, key in enumerate(path):
        if not isinstance(key, str):
            raise DomainError(f"the key {key!r} is not a text", key_path=path[:depth], fix="Put it in quotes.")
        _check_text(key, path[:depth])


def _check_text(text: str, path: KeyPath) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        what = f"U+{ord(text[error.start]):04X} is half a character"
        raise DomainError(what, key_path=path, fix="Write whole ones.") from None


def _is_table_wish(before: t.Any, value: t.Any) -> bool:
    return isinstance(before, dict) and value == {}


def _set_data(data: dict[str, t.Any], path: KeyPath, value: t.Any) -> None:
    for depth, key in enumerate(path[:-1], start=1):
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            kind = "an array of tables" if isinstance(data, list) else "a plain value"
            raise DomainError(
                f"is {kind}, not a table", key_path=path[:depth], fix="Set it as a whole, or remove it first."
            )
    before = data.get(path[-1])
    if before is not None and isinstance(before, dict) != isinstance(value, dict):
        kinds = ("a table", "a plain value") if isinstance(before, dict) else ("a plain value", "a table")
        raise DomainError(
            "is {} in the file and {} in the task".format(*kinds), key_path=path, fix="Name the table's keys."
        )
    data[path[-1]] = copy.deepcopy(value)


def _remove_data(data: dict[str, t.Any], path: KeyPath) -> None:
    del look_up(data, path[:-1])[path[-1]]


# --- the text: one operation


def _set(page: _Page, path: KeyPath, value: t.Any) -> _Page:
    if statement := page.assignment(path):
        literal = page.likes_literal()
        return page.with_value(statement, replacement(page.value_of(statement), value, literal=literal))
    if statement := page.inline_parent(path):
        rest, literal = path[len(statement.path) :], page.likes_literal()
        return page.with_value(statement, with_entry(page.value_of(statement), rest, value, literal=literal))
    if any(s.kind is Kind.ARRAY_OF_TABLES and s.path == path for s in page.statements):
        raise DomainError("is an array of tables, which is not edited in place", key_path=path, fix="Remove it first.")
    if value == {}:
        return page.with_table(path)
    if not page.header(path[:-1]) and (statement := page.last_dotted(path[:-1])):
        return page.with_line_after(statement, path[len(statement.table) :], value)
    return page.with_key(path, value)


def _removed(page: _Page, path: KeyPath, wanted: dict[str, t.Any]) -> _Page:
    """``wanted`` is the data without the path. A parent that was never written stays: it may have a meaning of its own,
    as a runtime class has."""
    parent = path[:-1]
    without = _without(page, path)
    if look_up(parse(without.text), parent) is not None or look_up(wanted, parent) is None:
        return without
    if page.inline_parent(path):
        return _set(without, parent, {})
    return _without(page.with_table(parent), path)


def _without(page: _Page, path: KeyPath) -> _Page:
    if statement := page.inline_parent(path):
        return page.with_value(statement, without_entry(page.value_of(statement), path[len(statement.path) :]))
    return page.without(path)


# --- the text: places


class _Page:
    """A text with its statements: finds places and returns new pages; never changed itself."""

    def __init__(self, text: str, newline: str | None = None) -> None:
        self.text = text
        self.statements = scan(text)
        self.newline = newline or ("\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n")

    # finding

    def assignment(self, path: KeyPath) -> Statement | None:
        return next((s for s in self.statements if s.kind is Kind.KEY and s.path == path), None)

    def inline_parent(self, path: KeyPath) -> Statement | None:
        """The assignment of an inline table that holds the path."""
        return next((s for s in self.statements if s.kind is Kind.KEY and s.path == path[: len(s.path)] != path), None)

    def last_dotted(self, table: KeyPath) -> Statement | None:
        """The last line like ``registry.config_path = …`` that makes the table, or a parent of it, without a header.

        TOML forbids a header for such a table; more of it can only be said by dotted keys.
        """
        for depth in range(len(table), 0, -1):
            prefix = table[:depth]
            dotted = [
                s for s in self.statements if s.kind is Kind.KEY and _within(s.path, prefix) and len(s.table) < depth
            ]
            if dotted:
                return dotted[-1]
        return None

    def header(self, path: KeyPath) -> Statement | None:
        return next((s for s in self.statements if s.kind is Kind.TABLE and s.path == path), None)

    def headers_below(self, path: KeyPath) -> list[Statement]:
        return [s for s in self.statements if s.is_header and _within(s.path, path)]

    def body(self, header: Statement | None) -> list[Statement]:
        """The statements between a header (None: the start of the text) and the next header."""
        start = 0 if header is None else self.statements.index(header) + 1
        end = start
        while end < len(self.statements) and not self.statements[end].is_header:
            end += 1
        return self.statements[start:end]

    def end_of_body(self, header: Statement, *, with_detached: bool = False) -> int:
        """The offset behind the last line of a table; a comment block above the next header belongs to that one.

        ``with_detached`` counts the blocks of commented-out TOML behind a blank line in, since they were written for
        this table; other comments there speak of what follows.
        """
        end = header.end
        for block in self._blocks(self.body(header)):
            attached = block[0].start == end
            is_last_before_header = block[-1].end != len(self.text) and self._next(block[-1]).kind is not Kind.BLANK
            if any(s.kind is Kind.KEY for s in block):
                keys = [s for s in block if s.kind is Kind.KEY]
                end = keys[-1].end if is_last_before_header else block[-1].end
            elif not is_last_before_header and (attached or (with_detached and any(map(self.commented_out, block)))):
                end = block[-1].end
        return end

    @staticmethod
    def _blocks(statements: list[Statement]) -> list[list[Statement]]:
        """Runs of statements between blank lines."""
        groups = itertools.groupby(statements, key=_is_blank)
        return [list(group) for is_blank, group in groups if not is_blank]

    def _next(self, statement: Statement) -> Statement:
        return self.statements[self.statements.index(statement) + 1]

    def commented_out(self, statement: Statement) -> Statement | None:
        """The header or assignment that a comment line holds."""
        return commented_out(self._text_of(statement)) if statement.kind is Kind.COMMENT else None

    def _text_of(self, statement: Statement) -> str:
        return self.text[statement.start : statement.end]

    def value_of(self, statement: Statement) -> str:
        return self.text[statement.value_start : statement.value_end]

    # changing

    def with_value(self, statement: Statement, value: str) -> _Page:
        return self._splice(statement.value_start, statement.value_end, value)

    def with_line_after(self, statement: Statement, keys: KeyPath, value: t.Any) -> _Page:
        """One more assignment behind an existing one, with its indentation and quotes."""
        known = len(_common(statement.path[len(statement.table) :], keys))
        literal = is_literal(self.value_of(statement), otherwise=self.likes_literal())
        names = [*statement.keys[:known], *(key_text(key, literal=literal) for key in keys[known:])]
        is_tight = re.search(r"\S=\Z", self.text[statement.start : statement.value_start])
        equals = "=" if is_tight else " = "
        line = f"{statement.indent}{'.'.join(names)}{equals}{value_text(value, literal=literal)}"
        return self._insert_lines(statement.end, [line])

    def with_key(self, path: KeyPath, value: t.Any) -> _Page:
        """The first mention of a key, in a table that may not be there yet."""
        header = self.header(path[:-1]) if len(path) > 1 else None
        if header is None and len(path) > 1:
            return self.with_table(path[:-1]).with_key(path, value)
        body = self.body(header)
        keys = [s for s in body if s.kind is Kind.KEY]
        if alternative := self._commented_out_key(body, path[-1]):
            indent = keys[-1].indent if keys else alternative.indent or self._indent_of_keys(header)
            return self._insert_lines(alternative.end, [self._line(indent, path[-1], value)])
        if header is None:
            return self._with_root_key(path, value, keys)
        if keys:
            return self.with_line_after(keys[-1], path[-1:], value)
        return self._insert_lines(header.end, [self._line(self._indent_of_keys(header), path[-1], value)])

    def _with_root_key(self, path: KeyPath, value: t.Any, keys: list[Statement]) -> _Page:
        line = self._line("", path[0], value)
        if path == ("version",) and keys:  # the first line that a reader looks for
            return self._insert_lines(self._start_with_comments(keys[0]), [line])
        if keys:
            return self.with_line_after(keys[-1], path, value)
        headers = [s for s in self.statements if s.is_header]
        return self._insert_block(self._start_with_comments(headers[0]) if headers else len(self.text), [line])

    def _line(self, indent: str, key: str, value: t.Any) -> str:
        literal = self.likes_literal()
        return f"{indent}{key_text(key, literal=literal)} = {value_text(value, literal=literal)}"

    def _commented_out_key(self, body: list[Statement], key: str) -> Statement | None:
        """The last comment that holds this key; those below a commented-out header are keys of that table."""
        found = None
        for statement in body:
            comment = self.commented_out(statement)
            if comment and comment.is_header:
                break
            if comment and comment.path == (key,):
                found = statement
        return found

    def with_table(self, path: KeyPath) -> _Page:
        """A header for a table that has none: above its children, else behind its nearest relatives, else last."""
        if children := self.headers_below(path):
            first = children[0]
            line = f"{self._indent_above(first, path)}[{self._header_text(path, first)}]"
            return self._insert_block(self._start_with_comments(first), [line])
        for depth in range(len(path) - 1, 0, -1):
            relatives = [s for s in self.statements if s.is_header and _within(s.path, path[:depth], proper=False)]
            if relatives:
                line = f"{self._indent_below(relatives, path, depth)}[{self._header_text(path, relatives[0])}]"
                return self._insert_block(self.end_of_body(relatives[-1], with_detached=True), [line])
        return self._insert_block(len(self.text), [f"[{self._header_text(path, None)}]"])

    def without(self, path: KeyPath) -> _Page:
        """The text less every statement at or below the path."""
        page = self
        while True:
            statement = next((s for s in page.statements if s.path and _within(s.path, path, proper=False)), None)
            if statement is None:
                return page
            end = page.end_of_body(statement) if statement.is_header else statement.end
            page = page._cut(statement, end)

    def _cut(self, statement: Statement, end: int) -> _Page:
        """The text less a statement, or a table up to ``end``, and less the blank lines that then stand twice."""
        index = self.statements.index(statement)
        above, below = self.statements[:index], [s for s in self.statements[index:] if s.start >= end]
        blank_above = list(itertools.takewhile(_is_blank, reversed(above)))
        blank_below = list(itertools.takewhile(_is_blank, below))
        start = statement.start
        if statement.is_header and (blank_above or not above):
            end = blank_below[-1].end if blank_below else end
            if len(blank_below) == len(below) and blank_above:
                start = blank_above[-1].start
        return self._splice(start, end, "")

    # layout

    def _splice(self, start: int, end: int, new: str) -> _Page:
        return _Page(self.text[:start] + new + self.text[end:], self.newline)

    def _insert_lines(self, offset: int, lines: list[str]) -> _Page:
        before = self.text[:offset]
        if before and not before.endswith("\n"):
            before += self.newline
        new = "".join(line + self.newline for line in lines)
        return _Page(before + new + self.text[offset:], self.newline)

    def _insert_block(self, offset: int, lines: list[str]) -> _Page:
        """Lines set apart by blank ones, where this text sets its tables apart."""
        before, after = self.text[:offset], self.text[offset:]
        indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        if self._separates_tables(indent):
            if before.strip() and not re.search(r"\n[ \t\r]*\n\Z", before if before.endswith("\n") else before + "\n"):
                lines = ["", *lines]
            if after.strip() and not re.match(r"[ \t\r]*\n", after):
                lines = [*lines, ""]
        return self._insert_lines(offset, lines)

    def _separates_tables(self, indent: str) -> bool:
        """Whether a blank line stands above most headers; those that are indented alike tell best."""
        above = [(s, self._above(s)) for s in self.statements if s.is_header]
        # A header right behind that of its parent says nothing.
        told = [(header, kind is Kind.BLANK) for header, kind in above if kind in (Kind.BLANK, Kind.KEY)]
        votes = [blank for header, blank in told if header.indent == indent] or [blank for _header, blank in told]
        return 2 * sum(votes) >= len(votes)

    def _above(self, header: Statement) -> Kind | None:
        """What stands above a header and the comments that belong to it."""
        index = self.statements.index(header)
        above = (s.kind for s in reversed(self.statements[:index]) if s.kind is not Kind.COMMENT)
        return next(above, None)

    def _start_with_comments(self, header: Statement) -> int:
        """The offset of a header, or of the comment lines right above it."""
        index = self.statements.index(header)
        while index and self.statements[index - 1].kind is Kind.COMMENT:
            index -= 1
        return self.statements[index].start

    def _header_text(self, path: KeyPath, relative: Statement | None) -> str:
        """The path as a relative writes it, quotes and all, and the rest in the same manner."""
        written = relative.keys[: len(_common(relative.path, path))] if relative else ()
        literal = is_literal("".join(written), otherwise=self.likes_literal())
        return ".".join([*written, *(key_text(key, literal=literal) for key in path[len(written) :])])

    def _indent_of_keys(self, header: Statement | None) -> str:
        return header.indent + self._key_indent() if header else ""

    def _key_indent(self) -> str:
        """How far keys stand behind their header; as most tables of this text have it."""
        steps: collections.Counter[str] = collections.Counter()
        for header in (s for s in self.statements if s.is_header):
            key = next((s for s in self.body(header) if s.kind is Kind.KEY), None)
            if key is not None and key.indent.startswith(header.indent):
                steps[key.indent[len(header.indent) :]] += 1
        return steps.most_common(1)[0][0] if steps else _INDENT

    def _nesting(self) -> str:
        """How far a table stands behind its parent table in this text; mostly nothing or two spaces."""
        steps: collections.Counter[str] = collections.Counter()
        by_path = {s.path: s for s in self.statements if s.kind is Kind.TABLE}
        for path, header in by_path.items():
            parent = by_path.get(path[:-1])
            if parent is not None and header.indent.startswith(parent.indent):
                steps[header.indent[len(parent.indent) :]] += 1
        return steps.most_common(1)[0][0] if steps else ""

    def _indent_below(self, relatives: list[Statement], path: KeyPath, depth: int) -> str:
        sibling = next((s for s in relatives if len(s.path) == len(path)), None)
        if sibling is not None:
            return sibling.indent
        parent = next((s for s in relatives if len(s.path) == depth), None)
        if parent is None:
            return relatives[0].indent
        return parent.indent + self._nesting() * (len(path) - depth)

    def _indent_above(self, child: Statement, path: KeyPath) -> str:
        sibling = next((s for s in self.headers_below(path[:-1]) if len(s.path) == len(path)), None)
        if sibling is not None:
            return min(sibling.indent, child.indent, key=len)
        return child.indent.removesuffix(self._nesting() * (len(child.path) - len(path)))

    def likes_literal(self) -> bool:
        """Whether this text writes its strings in single quotes, as containerd 2.x prints them."""
        values = [self.text[s.value_start] for s in self.statements if s.kind is Kind.KEY]
        keys = [key[0] for s in self.statements if s.is_header for key in s.keys]
        quotes = values if values.count("'") != values.count('"') else keys
        return quotes.count("'") > quotes.count('"')


def _is_blank(statement: Statement) -> bool:
    return statement.kind is Kind.BLANK


def _within(path: KeyPath, parent: KeyPath, *, proper: bool = True) -> bool:
    return path[: len(parent)] == parent and (len(path) > len(parent) or not proper)


def _common(one: KeyPath, other: KeyPath) -> KeyPath:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
