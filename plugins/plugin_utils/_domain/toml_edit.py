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
import functools
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import KEYS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_page import Page
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import (
    INTEGERS,
    fault_of_text,
    replacement,
    same,
    with_entry,
    without_entry,
)

_POSITION = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
# Go, Jinja, ERB; shell, and the names that installers put values in for.
_TEMPLATE = re.compile(r"\{\{|\}\}|\{%|%\}|<%|%>|\$\{?[A-Za-z_]|@@?\w+@@?|<[A-Za-z_][\w .-]*>")
_BARE_VALUE = re.compile(rf"\s*{KEYS}\s*=\s*(?!(?:true|false|inf|nan)\b)[A-Za-z_/~.][^\"'=]*")
_BOM = "\ufeff"
_ENDLESS_NUMBER = re.compile(r"[\d_]{1000}", re.ASCII)
_DEEPEST = 100


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
        data = tomllib.loads(text.removeprefix(_BOM))
        _check_depth(data)
        return data
    except tomllib.TOMLDecodeError as error:
        match = _POSITION.match(str(error))
        line, column = (match["line"], match["column"]) if match else (None, None)
        number = int(line) if line else text.count("\n") + 1
        raise DomainError(
            f"not valid TOML: {masked(match['what'] if match else str(error))}",
            line=number,
            column=int(column) if column else None,
            fix=f"Nothing was changed; {_advice(text, number)}.",
        ) from error
    except ValueError:
        number = next((n for n, line in enumerate(text.split("\n"), 1) if _ENDLESS_NUMBER.search(line)), 1)
        raise DomainError(
            "a number has more digits than 64 bits hold", line=number, fix="Nothing was changed; mend the file first."
        ) from None
    except RecursionError:
        raise DomainError(
            "not valid TOML: tables or lists within each other beyond all measure",
            line=1,
            fix="Nothing was changed; mend the file first.",
        ) from None


def _check_depth(data: t.Any) -> None:
    """:raises RecursionError: tables are deeper in each other than any setting of containerd."""
    level = [data]
    for _depth in range(_DEEPEST):
        level = [value for table in level for value in table.values() if isinstance(value, dict)]
        if not level:
            return
    raise RecursionError


def _advice(text: str, number: int) -> str:
    """What to do about a line that is no TOML."""
    line = text.split("\n")[number - 1]
    if _TEMPLATE.search(line):
        return "this line is of a template: render it first, or name the file that containerd reads"
    if _BARE_VALUE.fullmatch(line):
        return "put the text behind the equals sign in quotes"
    return "mend the file first"


def edit(text: str, operations: t.Iterable[Set | Remove]) -> Edited:
    """Applies the operations in order; every line that no operation is about stays as it is.

    :raises DomainError: the text is not TOML, a value has no TOML form, or a path runs through something that is no
    table.
    """
    wanted = parse(text)
    differences: list[Difference] = []
    page = Page(text.removeprefix(_BOM))
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


def table_at(data: t.Mapping[str, t.Any], key: str) -> dict[str, t.Any]:
    """The table of that name, or an empty one where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


# --- the data


def applied(data: t.Mapping[str, t.Any], operations: t.Iterable[Set | Remove]) -> dict[str, t.Any]:
    """The data as the operations would leave it.

    :raises DomainError: as in ``edit``.
    """
    wanted = _copied(data)
    collections.deque(_changes(wanted, operations), maxlen=0)
    return wanted


def _copied(data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The tables are copied, the values in them are shared: a change replaces them."""
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in data.items()}


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
    elif isinstance(value, int) and not isinstance(value, bool) and value not in INTEGERS:
        raise DomainError("the number does not fit into 64 bits", key_path=path, fix="Use a smaller one.")
    elif not isinstance(value, (bool, int, float, datetime.date, datetime.time)):
        what = "null" if value is None else f"a value of type {type(value).__name__}"
        raise DomainError(f"{what} has no TOML form", key_path=path, fix="To remove a key, name it in absent.")


def _check_keys(path: tuple[t.Any, ...]) -> None:
    for depth, key in enumerate(path):
        if not isinstance(key, str):
            raise DomainError(f"the key {key!r} is not a text", key_path=path[:depth], fix="Put it in quotes.")
        _check_text(key, path[:depth])


def _check_text(text: str, path: KeyPath) -> None:
    if fault := fault_of_text(text):
        raise DomainError(fault, key_path=path, fix="Write whole ones.")


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


def _set(page: Page, path: KeyPath, value: t.Any) -> Page:
    if statement := page.assignment(path):
        literal = page.likes_literal()
        return page.with_value(statement, replacement(page.value_of(statement), value, literal=literal))
    if statement := page.inline_parent(path):
        rest, literal = path[len(statement.path) :], page.likes_literal()
        return page.with_value(statement, with_entry(page.value_of(statement), rest, value, literal=literal))
    if page.elements(path):
        return _with_elements(page, path, value)
    if value == {}:
        return page.with_table(path)
    if not page.header(path[:-1]) and (statement := page.last_dotted(path[:-1])):
        return page.with_line_after(statement, path[len(statement.table) :], value)
    return page.with_key(path, value)


def _with_elements(page: Page, path: KeyPath, value: t.Any) -> Page:
    """An array of tables with other ones: those that stay, in their order, keep their lines; new ones come last."""
    before = look_up(parse(page.text), path)
    has_tables = len(page.headers_below(path)) > 0
    if has_tables or not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise DomainError("is an array of tables, which is not edited in place", key_path=path, fix="Remove it first.")
    if not value:
        return page.without(path).with_key(path, value)
    gone, staying = [], 0
    for index, element in enumerate(before):
        if staying < len(value) and same(element, value[staying]):
            staying += 1
        else:
            gone.append(index)
    page = functools.reduce(lambda longer, element: longer.with_element(path, element), value[staying:], page)
    return functools.reduce(lambda shorter, index: shorter.without_element(path, index), reversed(gone), page)


def _removed(page: Page, path: KeyPath, wanted: dict[str, t.Any]) -> Page:
    """``wanted`` is the data without the path. A parent that was never written stays: it may have a meaning of its own,
    as a runtime class has."""
    parent = path[:-1]
    without = _without(page, path)
    if look_up(parse(without.text), parent) is not None or look_up(wanted, parent) is None:
        return without
    if page.inline_parent(path):
        return _set(without, parent, {})
    return page.with_table_instead(parent, path)


def _without(page: Page, path: KeyPath) -> Page:
    if statement := page.inline_parent(path):
        return page.with_value(statement, without_entry(page.value_of(statement), path[len(statement.path) :]))
    return page.without(path)
