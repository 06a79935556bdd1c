# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML values as text: how new ones are written, and how old ones change. Private to this collection.

Arrays and inline tables are taken apart at their commas, so that elements that stay keep their line, their spacing and
the comments beside them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Statement, scan

try:
    import tomlkit
except ImportError:  # the action says so with missing_required_lib
    tomlkit = None  # type: ignore[assignment]

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
    r"|(?P<comment>\#[^\r\n]*)|(?P<newline>\r?\n)|(?P<space>[ \t]+)|(?P<comma>,)|[\[{]|[\]}]|[^\s\[\]{}\"'\#,]+",
    re.DOTALL,
)
# What containerd, as all of TOML, has room for.
INTEGERS = range(-(2**63), 2**63)


def fault_of_text(text: str) -> str | None:
    """Why a text cannot be written to a file, as the escapes of JSON can give it; None where it can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"U+{ord(text[error.start]):04X} is half a character"
    return None


def same(one: t.Any, other: t.Any) -> bool:
    """Equality as TOML has it: ``1``, ``1.0`` and ``true`` are three values, and order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


# --- new values


def value_text(value: t.Any, *, literal: bool = False) -> str:
    """A value on one line; ``literal`` prefers single quotes, as containerd 2.x prints its configuration."""
    return str(_item(value, literal=literal).as_string())


def key_text(key: str, *, literal: bool = False) -> str:
    """A key, in quotes where it needs them."""
    quoted = literal and "'" not in key and key.isprintable()
    text: str = tomlkit.key(key).as_string()
    return f"'{key}'" if quoted and text.startswith('"') else text


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


def is_literal(text: str, *, otherwise: bool) -> bool:
    """Whether the strings in a value's text stand in single quotes; ``otherwise`` where there is none."""
    return '"' not in text and ("'" in text or otherwise)


# --- old values


def replacement(old: str, value: t.Any, *, literal: bool) -> str:
    """The text of a value in the place and the manner of an old one; ``literal`` where the old one has no quotes."""
    literal = is_literal(old, otherwise=literal)
    sequence = _taken_apart(old) if old.startswith("[") and isinstance(value, list) else None
    if sequence is None:
        return value_text(value, literal=literal)
    return sequence.with_values(value, literal=literal)


def with_entry(old: str, path: KeyPath, value: t.Any, *, literal: bool) -> str:
    """The text of an inline table with one more entry, or with another value for one that it has."""
    literal = is_literal(old, otherwise=literal)
    sequence = t.cast("_Sequence", _taken_apart(old))
    for element in sequence.elements[:-1]:
        entry = _entry(element.text)
        if path[: len(entry.path)] == entry.path:
            was, rest = element.text[entry.value_start : entry.value_end], path[len(entry.path) :]
            write = functools.partial(with_entry, was, rest) if rest else functools.partial(replacement, was)
            element.text = element.text[: entry.value_start] + write(value, literal=literal)
            return str(sequence)
    sequence.append(_new_entry(sequence, path, value, literal=literal))
    return str(sequence)


def without_entry(old: str, path: KeyPath) -> str:
    """The text of an inline table less what is at or below the path."""
    sequence = t.cast("_Sequence", _taken_apart(old))
    for element in sequence.elements[:-1]:
        entry = _entry(element.text)
        if entry.path[: len(path)] == path:
            sequence.remove(element)
        elif path[: len(entry.path)] == entry.path:
            was = element.text[entry.value_start : entry.value_end]
            element.text = element.text[: entry.value_start] + without_entry(was, path[len(entry.path) :])
    return str(sequence)


def _entry(text: str) -> Statement:
    return scan(text)[0]


def _new_entry(sequence: _Sequence, path: KeyPath, value: t.Any, *, literal: bool) -> str:
    entries = [(element.text, _entry(element.text)) for element in sequence.elements[:-1]]
    equals = " = "
    for text, entry in entries[:1]:
        equals = text[len(text[: entry.value_start].rstrip("= \t")) : entry.value_start]
    depth = max((_shared(entry.path, path) for _text, entry in entries), default=0) + 1
    for key in reversed(path[depth:]):
        value = {key: value}
    names = ".".join(key_text(key, literal=literal) for key in path[:depth])
    return f"{names}{equals}{value_text(value, literal=literal)}"


def _shared(one: KeyPath, other: KeyPath) -> int:
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), 0)


# --- arrays and inline tables


@dataclasses.dataclass
class _Spot:
    """Where something stands: on a line of its own behind an indentation, or on the line before behind a space."""

    own_line: bool = False
    space: str = ""


@dataclasses.dataclass
class _Element:
    """An element, the lines of comments above it and the comment beside it."""

    above: str = ""
    text: str = ""
    comment: str = ""


@dataclasses.dataclass
class _Sequence:
    """An array or an inline table, taken apart.

    ``spots`` are those of the elements and, last, of the closing bracket; ``elements`` end with one without text that
    holds the comments above the closing bracket. ``comment`` stands beside the opening one.
    """

    brackets: str
    newline: str = "\n"
    comment: str = ""
    spots: list[_Spot] = dataclasses.field(default_factory=list)
    elements: list[_Element] = dataclasses.field(default_factory=list)
    last_comma: bool = False

    def __str__(self) -> str:
        *elements, end = self.elements
        if not elements and not self.comment and not end.above:
            return self.brackets
        parts = [self.brackets[0], self.comment]
        line_is_over = bool(self.comment)
        for index, element in enumerate(self.elements):
            spot = self.spots[-1] if element is end else self._spot(index)
            own_line = spot.own_line or line_is_over or bool(element.above)
            comma = "," if element is not end and (self.last_comma or element is not elements[-1]) else ""
            parts += [self.newline if own_line else "", element.above, spot.space, element.text, comma, element.comment]
            line_is_over = bool(element.comment)
        return "".join([*parts, self.brackets[1]])

    def _spot(self, index: int) -> _Spot:
        *spots, end = self.spots
        if index < len(spots):
            return spots[index]
        pattern = spots[-1] if spots else _Spot(end.own_line, end.space + "  " if end.own_line else end.space)
        # The first of a line stands right behind its bracket, the others do not.
        return pattern if pattern.own_line or len(spots) > 1 or index == 0 else _Spot(space=" ")

    def add(self, spot: _Spot, element: _Element) -> None:
        self.spots.append(spot)
        self.elements.append(element)

    def with_values(self, values: list[t.Any], *, literal: bool) -> str:
        """Elements that stay take along the comments beside and above them."""
        *unused, end = self.elements
        kept: list[_Element] = []
        for value in values:
            at = next((at for at, one in enumerate(unused) if same(_decoded(one.text), value)), None)
            kept.append(_Element(text=value_text(value, literal=literal)) if at is None else unused.pop(at))
        for element in unused:
            self.remove(element)
        self.elements = [*kept, end]
        return str(self)

    def append(self, text: str) -> None:
        self.elements.insert(len(self.elements) - 1, _Element(text=text))

    def remove(self, element: _Element) -> None:
        """Takes out an element and the comment beside it; the lines above it stay, above what follows."""
        index = next(index for index, one in enumerate(self.elements) if one is element)
        self.elements[index + 1].above = element.above + self.elements[index + 1].above
        del self.elements[index]


def _taken_apart(text: str) -> _Sequence | None:
    """The parts of a bracketed value; None where a comma stands on another line than the element before it."""
    sequence = _Sequence(text[0] + text[-1], newline="\r\n" if "\r\n" in text else "\n")
    spot, element, space, depth = _Spot(), _Element(), "", 0
    for token in _TOKEN.finditer(text, 1, len(text) - 1):
        word, kind = token[0], token.lastgroup
        if depth or kind is None:
            if not element.text:
                spot.space, space = space, ""
                sequence.last_comma = False
            element.text += space + word
            space = ""
            depth += (word in "[{") - (word in "]}")
        elif kind == "space":
            space = word
        elif kind == "comment":
            _put_comment(sequence, spot, element, space + word)
            space = ""
        elif kind == "comma" and not element.text:
            return None
        elif element.text:
            sequence.add(spot, element)
            spot, element, space = _Spot(own_line=kind == "newline"), _Element(), ""
            sequence.last_comma = kind == "comma"
        else:
            element.above += space + word if spot.own_line else ""
            spot.own_line, space = True, ""
    if element.text:
        sequence.add(spot, element)
        spot, element = _Spot(), _Element()
    spot.space = space
    sequence.add(spot, element)
    return sequence


def _put_comment(sequence: _Sequence, spot: _Spot, element: _Element, comment: str) -> None:
    if element.text:
        element.comment = comment
    elif spot.own_line:
        element.above += comment
    elif sequence.elements:
        sequence.elements[-1].comment = comment
    else:
        sequence.comment = comment


def _decoded(text: str) -> t.Any:
    return tomllib.loads(f"x = {text}")["x"]
