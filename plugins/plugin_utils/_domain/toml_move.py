# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and tables of a TOML text go to other paths as if somebody had renamed and cut and pasted them.

A table that moves as a whole keeps its place: only its header is rewritten. A key that leaves its table takes along the
comments above and beside it. Private to this collection.
"""

from __future__ import annotations

import collections
import dataclasses
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind, Statement
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_page import Page
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import is_literal, key_text, same

Moves = t.Sequence[tuple[KeyPath, KeyPath]]
_BOM = "\ufeff"


def move(text: str, moves: Moves) -> str:
    """The text with its keys and tables at their new paths.

    Every key goes where the longest path says that leads to it, all at once; what no path leads to stays. So
    ``(a, b), (a.x, a.x)`` moves all of ``a`` but ``x``. Paths that are not there are passed over. A table that is left
    empty vanishes, its comments stay. Values stay as they are written: a value that has to change with its name is a
    matter of ``edit`` afterwards.

    :raises DomainError: not TOML, a path is taken, or a layout that cannot be moved without rewriting it.
    """
    data = parse(text)
    wanted = moved(data, moves)
    if same(data, wanted):
        return text
    old = Page(text.removeprefix(_BOM))
    cuts, page = _Layout(old, moves, data, wanted).rewritten()
    for cut in cuts:
        page = _pasted(page, cut)
    _prove(page.text, wanted, old, moves)
    return text[: len(text) - len(text.removeprefix(_BOM))] + page.text


def moved(data: t.Mapping[str, t.Any], moves: Moves) -> dict[str, t.Any]:
    """The data as ``move`` leaves it.

    :raises DomainError: two values would be at one path.
    """
    wanted: dict[str, t.Any] = {}
    for path, value in _leaves(data, ()):
        new = _new_path(path, moves)
        node: t.Any = wanted
        for key in new[:-1]:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                break
        if not isinstance(node, dict) or (new[-1] in node and not (value == {} and isinstance(node[new[-1]], dict))):
            raise DomainError(
                "is there already, and another value would move to it",
                key_path=new,
                fix="Nothing was changed; remove one of the two first.",
            )
        node.setdefault(new[-1], dict(value) if isinstance(value, dict) else value)
    return wanted


def _leaves(value: t.Any, path: KeyPath) -> t.Iterator[tuple[KeyPath, t.Any]]:
    if isinstance(value, dict) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _new_path(path: KeyPath, moves: Moves) -> KeyPath:
    known = [(source, target) for source, target in moves if path[: len(source)] == source]
    if not known:
        return path
    source, target = max(known, key=lambda pair: len(pair[0]))
    return target + path[len(source) :]


def _prove(text: str, wanted: dict[str, t.Any], old: Page, moves: Moves) -> None:
    try:
        proved = same(tomllib.loads(text), wanted)
    except tomllib.TOMLDecodeError:
        proved = False
    if not proved:
        moving = [s for s in old.statements if s.path and _new_path(s.path, moves) != s.path]
        culprit = next((s for s in moving if s.kind is Kind.KEY and len(s.keys) > 1), moving[0] if moving else None)
        raise DomainError(
            "this layout of tables cannot be moved without rewriting it",
            line=culprit.line if culprit else None,
            key_path=culprit.path if culprit else None,
            fix="Nothing was changed; give each of the tables a header of its own first.",
        )


# --- cut and paste


@dataclasses.dataclass(frozen=True)
class _Cut:
    """An assignment on its way: the comments above it, and its text behind the key."""

    path: KeyPath
    line: int
    indent: str
    comments: tuple[str, ...]
    rest: str


def _pasted(page: Page, cut: _Cut) -> Page:
    if page.inline_parent(cut.path):
        raise _in_part(cut.line, cut.path)
    dotted = None if page.header(cut.path[:-1]) else page.last_dotted(cut.path[:-1])
    if dotted:
        page = page.with_line_after(dotted, cut.path[len(dotted.table) :], value=True)
    else:
        page = page.with_key(cut.path, value=True)
    place = t.cast("Statement", page.assignment(cut.path))  # it was made a line ago
    first, *more = (line.removesuffix("\r") for line in cut.rest.split("\n"))
    if '"""' not in cut.rest and "'''" not in cut.rest:
        more = [place.indent + line.removeprefix(cut.indent) for line in more]
    keys = page.text[place.keys_start : place.keys_end]
    comments = [place.indent + comment for comment in cut.comments]
    return page.with_lines(place, [*comments, f"{place.indent}{keys}{first}", *more])


def _in_part(line: int, path: KeyPath) -> DomainError:
    return DomainError(
        "stands in an inline table, which cannot be moved in part",
        line=line,
        key_path=path,
        fix="Nothing was changed; give that table a header of its own first.",
    )


# --- the layout


@dataclasses.dataclass(frozen=True, eq=False)
class _Section:
    """A header (None: the start of the text) and the assignments below it."""

    header: Statement | None
    keys: tuple[Statement, ...]

    @property
    def path(self) -> KeyPath:
        return self.header.path if self.header else ()

    @property
    def indent(self) -> str:
        return self.header.indent if self.header else ""

    @property
    def is_array(self) -> bool:
        return self.header is not None and self.header.kind is Kind.ARRAY_OF_TABLES


class _Layout:
    """Which headers are rewritten, which vanish, and which keys leave their table."""

    def __init__(self, page: Page, moves: Moves, data: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
        self._page = page
        self._moves = moves
        self._data = data
        self._wanted = wanted
        headers = [None, *(s for s in page.statements if s.is_header)]
        self._sections = [
            _Section(header, tuple(s for s in page.body(header) if s.kind is Kind.KEY)) for header in headers
        ]
        self._gone: set[Statement] = set()
        self._new_text: dict[Statement, str] = {}

    def rewritten(self) -> tuple[list[_Cut], Page]:
        """What was cut, and the text with all else at its place."""
        cuts: list[_Cut] = []
        for section, target in self._targets().items():
            cuts += self._take(section, target)
        return cuts, Page(self._remaining_text(), self._page.newline)

    # where the tables go

    def _targets(self) -> dict[_Section, KeyPath | None]:
        """The new path of every header; None for one that vanishes, with its keys in tables that are there already."""
        targets: dict[_Section, KeyPath | None] = {section: self._target(section) for section in self._sections}
        taken = {section.path for section, target in targets.items() if section.path == target}
        for section, target in targets.items():
            if target == section.path or section.is_array:
                continue
            if target in taken:
                targets[section] = None
            elif target is not None:
                taken.add(target)
        return targets

    def _target(self, section: _Section) -> KeyPath | None:
        """Where most of a table goes; None where nothing of it is left."""
        if section.header is None:
            return ()
        if section.is_array:
            return self._new(section.path)
        places = self._places([key.path for key in section.keys], section.path)
        below = [s for s in self._sections if len(s.path) > len(section.path) and self._is_in(s.path, section.path)]
        leaves = [key.path for s in below for key in s.keys] + [s.path for s in below if self._is_empty(s)]
        if self._stands_over_another(section):
            # Its keys go nowhere else than it, unless they leave their place among the tables below it.
            own = [place for place in places if len(place) == len(section.path)]
            places = own + [p for p in self._places(leaves, section.path) if not own or p in own]
        elif section.path in places:
            return section.path
        elif not places and all(len(key.keys) == 1 for key in section.keys):
            # All that is left of the table has a new name, so its header can become that of the new place.
            places = [self._new(key.path)[:-1] for key in section.keys]
        places = places or self._places(leaves, section.path) or [self._new(section.path)]
        votes = collections.Counter(places)
        target = max(votes, key=lambda place: (votes[place], place == section.path))
        return target if isinstance(look_up(self._wanted, target), dict) else None

    def _stands_over_another(self, section: _Section) -> bool:
        """Whether the next header is that of a table below, and is indented as such."""
        after = self._sections[self._sections.index(section) + 1 :]
        return bool(after) and self._is_in(after[0].path, section.path) and len(after[0].indent) > len(section.indent)

    def _places(self, paths: list[KeyPath], above: KeyPath) -> list[KeyPath]:
        """The tables to which paths below a table go under the names that they have in it; a last name may change."""
        places = []
        for path in paths:
            new, rest = self._new(path), path[len(above) :]
            if len(rest) > 1 and rest[-1] != new[-1]:
                new, rest = new[:-1], rest[:-1]
            if new[-len(rest) :] == rest and len(new) > len(rest):
                places.append(new[: -len(rest)])
        return places

    def _new(self, path: KeyPath) -> KeyPath:
        return _new_path(path, self._moves)

    def _is_empty(self, section: _Section) -> bool:
        return bool(look_up(self._data, section.path) == {})

    @staticmethod
    def _is_in(path: KeyPath, parent: KeyPath) -> bool:
        return path[: len(parent)] == parent

    # what becomes of the lines

    def _take(self, section: _Section, target: KeyPath | None) -> list[_Cut]:
        cuts = []
        for key in section.keys:
            self._check_whole(key)
            new = self._new(key.path)
            if target is not None and self._fits(key, new, target):
                self._rename(key, new[len(target) :])
            elif section.is_array:
                raise DomainError(
                    "cannot leave its array of tables",
                    line=key.line,
                    key_path=key.path,
                    fix="Nothing was changed; move the key by hand.",
                )
            else:
                cuts.append(self._cut(key, new))
        if section.header is not None and target is not None:
            self._rename(section.header, target)
        elif section.header is not None:
            cuts = self._without_header(section.header, cuts)
        return cuts

    def _check_whole(self, key: Statement) -> None:
        """:raises DomainError: parts of an inline table would go different ways."""
        for source, _target in self._moves:
            if len(source) > len(key.path) and self._is_in(source, key.path):
                stays_inside = self._new(source) == self._new(key.path) + source[len(key.path) :]
                if not stays_inside and look_up(self._data, source) is not None:
                    raise _in_part(key.line, source)

    @staticmethod
    def _fits(key: Statement, new: KeyPath, target: KeyPath) -> bool:
        """Whether a key can stay below its header, whose new path is ``target``."""
        rest = new[len(target) :]
        return new[: len(target)] == target and (len(rest) == 1 or (len(rest) > 1 and len(key.keys) > 1))

    def _rename(self, statement: Statement, new: KeyPath) -> None:
        old = statement.path[len(statement.path) - len(statement.keys) :]
        if new == old:
            return
        literal = is_literal("".join(statement.keys), otherwise=self._page.likes_literal())
        text = self._page.text
        self._new_text[statement] = (
            text[statement.start : statement.keys_start]
            + ".".join(_written(statement.keys, old, new, literal=literal))
            + text[statement.keys_end : statement.end]
        )

    def _cut(self, key: Statement, new: KeyPath) -> _Cut:
        comments = self._comments_above(key)
        self._gone |= {key, *comments}
        texts = tuple(self._line(comment) for comment in comments)
        return _Cut(new, key.line, key.indent, texts, self._page.text[key.keys_end : key.end].rstrip("\r\n"))

    def _comments_above(self, statement: Statement) -> list[Statement]:
        """The comments right above a statement, but no commented-out settings of other names."""
        statements = self._page.statements
        first = last = statements.index(statement)
        while first and statements[first - 1].kind is Kind.COMMENT:
            setting = self._page.commented_out(statements[first - 1])
            if setting and setting.path[-1:] != statement.path[-1:]:
                break
            first -= 1
        return statements[first:last]

    def _line(self, statement: Statement) -> str:
        return self._page.text[statement.start : statement.end].strip(" \t\r\n")

    def _without_header(self, header: Statement, cuts: list[_Cut]) -> list[_Cut]:
        """A header vanishes; where all its keys go the same way, the comments above and beside it go with them."""
        self._gone.add(header)
        beside = self._page.comment_beside(header)
        if len({cut.path[:-1] for cut in cuts}) != 1:
            self._new_text[header] = f"{header.indent}{beside}{self._page.newline}" if beside else ""
            return cuts
        above = self._comments_above(header)
        self._gone |= set(above)
        texts = [self._line(comment) for comment in above] + ([beside] if beside else [])
        return [dataclasses.replace(cuts[0], comments=(*texts, *cuts[0].comments)), *cuts[1:]]

    def _remaining_text(self) -> str:
        """The text less what was cut, and less the blank lines that then stand twice."""
        lines: list[tuple[bool, str]] = []
        skips_blank = False
        for statement in self._page.statements:
            is_blank = statement.kind is Kind.BLANK
            text = self._new_text.get(statement, "")
            if statement in self._gone and not text:
                skips_blank = not lines or lines[-1][0]
                continue
            if is_blank and skips_blank:
                continue
            skips_blank = False
            lines.append((is_blank, text or self._page.text[statement.start : statement.end]))
        while skips_blank and lines and lines[-1][0]:
            lines.pop()
        return "".join(text for _is_blank, text in lines)


def _written(keys: tuple[str, ...], old: KeyPath, new: KeyPath, *, literal: bool) -> list[str]:
    """A new path, its parts written as in the old one where they are the same."""
    shortest = min(len(old), len(new))
    front = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    back = next((at for at in range(shortest - front) if old[-1 - at] != new[-1 - at]), shortest - front)
    middle = [key_text(key, literal=literal) for key in new[front : len(new) - back]]
    return [*keys[:front], *middle, *keys[len(keys) - back :]]
