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
import math
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind, Statement, scan

try:
    import tomlkit
    import tomlkit.items
except ImportError:  # the action says so with missing_required_lib
    tomlkit = None  # type: ignore[assignment]

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
    data = parse(text)
    wanted = copy.deepcopy(data)
    differences: list[Difference] = []
    body = text.removeprefix(_BOM)
    for operation in _flatten(operations):
        before = look_up(wanted, operation.path)
        if isinstance(operation, Set):
            if before is not None and (same(before, operation.value) or _is_table_wish(before, operation.value)):
                continue
            _set_data(wanted, operation.path, operation.value)
            body = _set_text(body, operation.path, operation.value)
            differences.append(Difference(operation.path, before, operation.value))
        elif before is not None:
            _remove_data(wanted, operation.path)
            body = _remove_text(body, operation.path, wanted)
            differences.append(Difference(operation.path, before, None))
    _prove(body, wanted, differences)
    return Edited(text[: len(text) - len(text.removeprefix(_BOM))] + body, tuple(differences))


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


def same(one: t.Any, other: t.Any) -> bool:
    """Equality as TOML has it: ``1``, ``1.0`` and ``true`` are three values, and order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


# --- the data


def _flatten(operations: t.Iterable[Set | Remove]) -> t.Iterator[Set | Remove]:
    for operation in operations:
        if isinstance(operation, Set) and isinstance(operation.value, dict) and operation.value:
            yield from _flatten(Set((*operation.path, key), value) for key, value in operation.value.items())
        else:
            if isinstance(operation, Set):
                _check_value(operation.value, operation.path)
            yield operation


def _check_value(value: t.Any, path: KeyPath) -> None:
    if isinstance(value, list):
        for item in value:
            _check_value(item, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_value(item, (*path, key))
    elif isinstance(value, int) and not isinstance(value, bool) and value not in _INTEGERS:
        raise DomainError(f"{value} does not fit into 64 bits", key_path=path, fix="Use a smaller number.")
    elif not isinstance(value, (str, bool, int, float, datetime.date, datetime.time)):
        what = "null" if value is None else f"a value of type {type(value).__name__}"
        raise DomainError(f"{what} has no TOML form", key_path=path, fix="To remove a key, name it in absent.")


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
    if isinstance(before, list) and any(isinstance(item, dict) for item in before):
        raise DomainError("is an array of tables, which is not edited in place", key_path=path, fix="Remove it first.")
    data[path[-1]] = copy.deepcopy(value)


def _remove_data(data: dict[str, t.Any], path: KeyPath) -> None:
    del look_up(data, path[:-1])[path[-1]]


# --- the text: one operation


def _set_text(text: str, path: KeyPath, value: t.Any) -> str:
    page = _Page(text)
    if value == {}:
        return page.with_table(path)
    if statement := page.assignment(path):
        return page.with_value(statement, _replacement(page.value_text(statement), value))
    if statement := page.inline_parent(path):
        return page.with_value(statement, _inline_set(page.value_text(statement), path[len(statement.path) :], value))
    if statement := page.last_dotted(path[:-1]):
        return page.with_line_after(statement, path[len(statement.table) :], value)
    return page.with_key(path, value)


def _remove_text(text: str, path: KeyPath, wanted: dict[str, t.Any]) -> str:
    page = _Page(text)
    if statement := page.inline_parent(path):
        return page.with_value(statement, _inline_remove(page.value_text(statement), path[len(statement.path) :]))
    body = page.without(path)
    if look_up(parse(body), path[:-1]) is None and look_up(wanted, path[:-1]) is not None:
        # The last child of a parent that was never written is gone: the parent itself may have a meaning (a runtime
        # class has).
        body = _Page(body).with_table(path[:-1])
    return body


# --- the text: values


def _replacement(old: str, value: t.Any) -> str:
    if isinstance(value, list) and old.startswith("[") and "\n" in old:
        return _edited_array(old, value)
    return _value_text(value, literal=old.startswith("'"))


def _edited_array(old: str, value: list[t.Any]) -> str:
    """A new value for an array of several lines: elements that stay keep their line and comment."""
    array = t.cast("tomlkit.items.Array", tomlkit.parse(f"x = {old}")["x"])
    for index in reversed(range(len(array))):
        if not any(same(array[index].unwrap(), item) for item in value):
            del array[index]
    kept = array.unwrap()
    if not all(same(one, other) for one, other in zip(kept, value, strict=False)):
        return _value_text(value, literal="'" in old)
    for item in value[len(kept) :]:
        array.append(_item(item, literal="'" in old and '"' not in old))
    return str(array.as_string()).rstrip()


def _inline_set(old: str, path: KeyPath, value: t.Any) -> str:
    table = tomlkit.parse(f"x = {old}")
    node: t.Any = table["x"]
    for key in path[:-1]:
        if key not in node:
            node[key] = tomlkit.inline_table()
        node = node[key]
    node[path[-1]] = _item(value, literal=False)
    return tomlkit.dumps(table)[len("x = ") :].rstrip()


def _inline_remove(old: str, path: KeyPath) -> str:
    table = tomlkit.parse(f"x = {old}")
    node: t.Any = table["x"]
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    return tomlkit.dumps(table)[len("x = ") :].rstrip()


def _value_text(value: t.Any, *, literal: bool = False) -> str:
    return str(_item(value, literal=literal).as_string())


def _item(value: t.Any, *, literal: bool) -> t.Any:
    if isinstance(value, str):
        return tomlkit.string(value, literal=literal and "'" not in value and value.isprintable())
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend(_item(element, literal=literal) for element in value)
        return array
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, element in value.items():
            table.append(key, _item(element, literal=literal))
        return table
    return tomlkit.item(value)


# --- the text: places


class _Page:
    """A text with its statements: finds places and returns new texts; never changed itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements = scan(text)
        self.newline = "\r\n" if "\r\n" in text else "\n"

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

    def end_of_body(self, header: Statement) -> int:
        """The offset behind the last line of a table; a comment block above the next header belongs to that one."""
        end = header.end
        comments_end = end
        body = self.body(header)
        for index, statement in enumerate(body):
            if statement.kind is Kind.KEY:
                end = comments_end = statement.end
            elif statement.kind is Kind.COMMENT and comments_end == statement.start:
                comments_end = statement.end
                followed_by_blank = index + 1 < len(body) and body[index + 1].kind is Kind.BLANK
                if followed_by_blank or statement is self.statements[-1]:
                    end = comments_end
        return end

    def value_text(self, statement: Statement) -> str:
        return self.text[statement.value_start : statement.value_end]

    # changing

    def with_value(self, statement: Statement, value: str) -> str:
        return self._splice(statement.value_start, statement.value_end, value)

    def with_line_after(self, statement: Statement, keys: KeyPath, value: t.Any) -> str:
        """One more assignment behind an existing one, with its indentation and quotes."""
        known = len(_common(statement.path[len(statement.table) :], keys))
        names = [*statement.keys[:known], *map(_key_text, keys[known:])]
        literal = self.value_text(statement).startswith("'")
        line = f"{statement.indent}{'.'.join(names)} = {_value_text(value, literal=literal)}"
        return self._insert_lines(statement.end, [line])

    def with_key(self, path: KeyPath, value: t.Any) -> str:
        table = path[:-1]
        if not table:
            return self._with_root_key(path, value)
        header = self.header(table)
        if header is None:
            return _Page(self.with_table(table)).with_key(path, value)
        keys = [s for s in self.body(header) if s.kind is Kind.KEY]
        if keys:
            return self.with_line_after(keys[-1], path[-1:], value)
        text = _value_text(value, literal=self._likes_literal())
        line = f"{header.indent}{self._key_indent()}{_key_text(path[-1])} = {text}"
        return self._insert_lines(header.end, [line])

    def _with_root_key(self, path: KeyPath, value: t.Any) -> str:
        keys = [s for s in self.body(None) if s.kind is Kind.KEY]
        line = f"{_key_text(path[0])} = {_value_text(value, literal=self._likes_literal())}"
        if path == ("version",) and keys:  # the first line that a reader looks for
            return self._insert_lines(keys[0].start, [line])
        if keys:
            return self.with_line_after(keys[-1], path, value)
        headers = [s for s in self.statements if s.is_header]
        if not headers:
            return self._insert_block(len(self.text), [line])
        return self._insert_block(self._start_with_comments(headers[0]), [line])

    def with_table(self, path: KeyPath) -> str:
        """A header for a table that has none: above its children, else behind its nearest relatives, else last."""
        if self.header(path) or look_up(parse(self.text), path) == {}:
            return self.text
        if children := self.headers_below(path):
            first = children[0]
            line = f"{self._indent_above(first, len(first.path) - len(path))}[{self._header_text(path, first)}]"
            return self._insert_block(self._start_with_comments(first), [line])
        for depth in range(len(path) - 1, 0, -1):
            relatives = [s for s in self.statements if s.is_header and _within(s.path, path[:depth], proper=False)]
            if relatives:
                line = f"{self._indent_below(relatives, path, depth)}[{self._header_text(path, relatives[0])}]"
                return self._insert_block(self.end_of_body(relatives[-1]), [line])
        end = len(self.text)
        return self._insert_block(end, [f"[{'.'.join(map(_key_text, path))}]"])

    def without(self, path: KeyPath) -> str:
        """The text less every statement at or below the path."""
        page = self
        while True:
            statement = next((s for s in page.statements if s.path and _within(s.path, path, proper=False)), None)
            if statement is None:
                return page.text
            end = page.end_of_body(statement) if statement.is_header else statement.end
            page = _Page(page._cut(statement, end))

    def _cut(self, statement: Statement, end: int) -> str:
        index = self.statements.index(statement)
        after = next((s for s in self.statements[index:] if s.start >= end), None)
        blank_before = index == 0 or self.statements[index - 1].kind is Kind.BLANK
        start = statement.start
        if statement.is_header and blank_before:
            if after is None and index:
                start = self.statements[index - 1].start
            elif after is not None and after.kind is Kind.BLANK:
                end = after.end
        return self._splice(start, end, "")

    # layout

    def _splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]

    def _insert_lines(self, offset: int, lines: list[str]) -> str:
        before = self.text[:offset]
        if before and not before.endswith("\n"):
            before += self.newline
        return before + "".join(line + self.newline for line in lines) + self.text[offset:]

    def _insert_block(self, offset: int, lines: list[str]) -> str:
        """Lines set apart by blank ones, where this text sets its tables apart."""
        before, after = self.text[:offset], self.text[offset:]
        if self._separates_tables():
            if before.strip() and not re.search(r"\n[ \t\r]*\n\Z", before if before.endswith("\n") else before + "\n"):
                lines = ["", *lines]
            if after.strip() and not re.match(r"[ \t\r]*\n", after):
                lines = [*lines, ""]
        return self._insert_lines(offset, lines)

    def _separates_tables(self) -> bool:
        pairs = list(itertools.pairwise(self.statements))
        blank = sum(second.is_header and first.kind is Kind.BLANK for first, second in pairs)
        dense = sum(second.is_header and first.kind in (Kind.KEY, Kind.TABLE) for first, second in pairs)
        return blank >= dense

    def _start_with_comments(self, header: Statement) -> int:
        """The offset of a header, or of the comment lines right above it."""
        index = self.statements.index(header)
        while index and self.statements[index - 1].kind is Kind.COMMENT:
            index -= 1
        return self.statements[index].start

    def _header_text(self, path: KeyPath, relative: Statement) -> str:
        """The path as a relative writes it, quotes and all, with the rest in double quotes where they are needed."""
        known = len(_common(relative.path, path))
        literal = any(key.startswith("'") for key in relative.keys)
        return ".".join([*relative.keys[:known], *(_key_text(key, literal=literal) for key in path[known:])])

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

    def _indent_above(self, child: Statement, levels: int) -> str:
        step = self._nesting() * levels
        return child.indent.removesuffix(step) if step else child.indent

    def _likes_literal(self) -> bool:
        """Whether this text writes its strings in single quotes, as containerd 2.x prints them."""
        values = [self.text[s.value_start] for s in self.statements if s.kind is Kind.KEY]
        return values.count("'") > values.count('"')


def _within(path: KeyPath, parent: KeyPath, *, proper: bool = True) -> bool:
    return path[: len(parent)] == parent and (len(path) > len(parent) or not proper)


def _common(one: KeyPath, other: KeyPath) -> KeyPath:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


def _key_text(key: str, *, literal: bool = False) -> str:
    quoted = literal and "'" not in key and key.isprintable()
    text: str = tomlkit.key(key).as_string()
    return f"'{key}'" if quoted and text.startswith('"') else text
