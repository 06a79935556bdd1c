# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TOML text and its places: where a key or a table stands, where a new one belongs. Private to this collection."""

from __future__ import annotations

import collections
import functools
import itertools
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    Kind,
    Statement,
    commented_out,
    rescan,
    scan,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import is_literal, key_text, value_text

_INDENT = "  "
_BLANK_ABOVE = re.compile(r"\n[ \t\r]*\n\Z")
_BLANK_BELOW = re.compile(r"[ \t\r]*\n")


class Page:
    """A text with its statements: finds places and returns new pages; never changed itself."""

    def __init__(self, text: str, newline: str | None = None, statements: list[Statement] | None = None) -> None:
        self.text = text
        self.statements = scan(text) if statements is None else statements
        self.newline = newline or ("\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n")

    # finding

    @functools.cached_property
    def _keys(self) -> list[Statement]:
        return [s for s in self.statements if s.kind is Kind.KEY]

    @functools.cached_property
    def _headers(self) -> list[Statement]:
        return [s for s in self.statements if s.is_header]

    def assignment(self, path: KeyPath) -> Statement | None:
        return next((s for s in self._keys if s.path == path), None)

    def inline_parent(self, path: KeyPath) -> Statement | None:
        """The assignment of an inline table that holds the path."""
        return next((s for s in self._keys if s.path == path[: len(s.path)] != path), None)

    def last_dotted(self, table: KeyPath) -> Statement | None:
        """The last line like ``registry.config_path = …`` that makes the table, or a parent of it, without a header.

        TOML forbids a header for such a table; more of it can only be said by dotted keys.
        """
        dotted = [s for s in self._keys if len(s.keys) > 1]
        for depth in range(len(table), 0, -1):
            makes_it = [s for s in dotted if _within(s.path, table[:depth]) and len(s.table) < depth]
            if makes_it:
                return makes_it[-1]
        return None

    def header(self, path: KeyPath) -> Statement | None:
        return next((s for s in self._headers if s.kind is Kind.TABLE and s.path == path), None)

    def headers_below(self, path: KeyPath) -> list[Statement]:
        return [s for s in self._headers if _within(s.path, path)]

    def body(self, header: Statement | None) -> list[Statement]:
        """The statements between a header (None: the start of the text) and the next header."""
        start = 0 if header is None else self.statements.index(header) + 1
        end = start
        while end < len(self.statements) and not self.statements[end].is_header:
            end += 1
        return self.statements[start:end]

    def end_of_body(self, header: Statement, *, detached_of: KeyPath | None = None) -> int:
        """The offset behind the last line of a table; a comment block above the next header belongs to that one.

        ``detached_of`` counts the blocks of commented-out TOML behind a blank line in, unless they have headers of
        tables elsewhere than below that path: they were written for it. Other comments there speak of what follows.
        """
        end = header.end
        for block in self._blocks(self.body(header)):
            attached = block[0].start == end
            is_last_before_header = block[-1].end != len(self.text) and self._next(block[-1]).kind is not Kind.BLANK
            if any(s.kind is Kind.KEY for s in block):
                keys = [s for s in block if s.kind is Kind.KEY]
                end = keys[-1].end if is_last_before_header else block[-1].end
            elif not is_last_before_header and (attached or self._is_commented_out_of(block, detached_of)):
                end = block[-1].end
        return end

    def _is_commented_out_of(self, block: list[Statement], path: KeyPath | None) -> bool:
        settings = list(filter(None, map(self.commented_out, block)))
        headers = [setting for setting in settings if setting.is_header]
        return path is not None and bool(settings) and all(_within(s.path, path, proper=False) for s in headers)

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

    def comment_beside(self, header: Statement) -> str:
        """The comment at the end of a header's line."""
        _bracket, hash_, comment = self.text[header.keys_end : header.end].partition("#")
        return f"{hash_}{comment}".rstrip()

    # changing

    def with_lines(self, statement: Statement, lines: list[str]) -> Page:
        """Other lines in the place of a statement."""
        new = self.newline.join(lines)
        return self._splice(statement.start, statement.end, new + self.newline)

    def with_value(self, statement: Statement, value: str) -> Page:
        return self._splice(statement.value_start, statement.value_end, value)

    def with_line_after(self, statement: Statement, keys: KeyPath, value: t.Any) -> Page:
        """One more assignment behind an existing one, with its indentation and quotes."""
        known = len(_common(statement.path[len(statement.table) :], keys))
        literal = is_literal(self.value_of(statement), otherwise=self.likes_literal())
        names = [*statement.keys[:known], *(key_text(key, literal=literal) for key in keys[known:])]
        is_tight = re.search(r"\S=\Z", self.text[statement.start : statement.value_start])
        equals = "=" if is_tight else " = "
        line = f"{statement.indent}{'.'.join(names)}{equals}{value_text(value, literal=literal)}"
        return self._insert_lines(statement.end, [line])

    def with_key(self, path: KeyPath, value: t.Any) -> Page:
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

    def _with_root_key(self, path: KeyPath, value: t.Any, keys: list[Statement]) -> Page:
        line = self._line("", path[0], value)
        if path == ("version",) and keys:  # the first line that a reader looks for
            return self._insert_lines(self._start_with_comments(keys[0]), [line])
        if keys:
            return self.with_line_after(keys[-1], path, value)
        place = self._start_with_comments(self._headers[0]) if self._headers else len(self.text)
        return self._insert_block(place, line)

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

    def with_table(self, path: KeyPath) -> Page:
        """A header for a table that has none: above its children, else behind its nearest relatives, else last."""
        if children := self.headers_below(path):
            first = children[0]
            line = f"{self._indent_above(first, path)}[{self._header_text(path, first)}]"
            return self._insert_block(self._start_with_comments(first), line)
        for depth in range(len(path) - 1, 0, -1):
            relatives = [s for s in self._headers if _within(s.path, path[:depth], proper=False)]
            if relatives:
                relatives = _of_kind(path[depth], depth, relatives) or relatives
                place = self.end_of_body(relatives[-1], detached_of=path[:depth])
                indent = self._indent_below(relatives, path, place)
                return self._insert_block(place, f"{indent}[{self._header_text(path, relatives[0])}]")
        return self._insert_block(len(self.text), f"[{self._header_text(path, None)}]")

    def elements(self, path: KeyPath) -> list[Statement]:
        """The headers of an array of tables."""
        return [s for s in self._headers if s.kind is Kind.ARRAY_OF_TABLES and s.path == path]

    def with_element(self, path: KeyPath, element: t.Mapping[str, t.Any]) -> Page:
        """One more table behind the last one of an array of tables that has no tables below it, laid out like that."""
        last = self.elements(path)[-1]
        keys = [s for s in self.body(last) if s.kind is Kind.KEY]
        indent = keys[0].indent if keys else last.indent + self._key_indent()
        header = f"{last.indent}[[{self.text[last.keys_start : last.keys_end]}]]"
        page = self._insert_block(self.end_of_body(last), header)
        lines = [self._line(indent, key, value) for key, value in element.items()]
        return page._insert_lines(page.elements(path)[-1].end, lines)

    def without_element(self, path: KeyPath, index: int) -> Page:
        """The text less one table of such an array, and what is said of it right above."""
        header = self.elements(path)[index]
        return self._cut(self._remarks_above(header)[0], self.end_of_body(header))

    def with_table_instead(self, path: KeyPath, child: KeyPath) -> Page:
        """A header for a table in the place of the first one below it that goes."""
        first = next((s for s in self.headers_below(path) if _within(s.path, child, proper=False)), None)
        if first is None or first.kind is not Kind.TABLE:
            return self.with_table(path).without(child)
        end_of_line = self.text[first.keys_end : first.end]
        line = f"{self._indent_above(first, path)}[{self._header_text(path, first)}{end_of_line}"
        return self._splice(first.start, self.end_of_body(first), line).without(child)

    def without(self, path: KeyPath) -> Page:
        """The text less every statement at or below the path, what stands between two such tables, and what is said of
        them right above."""
        page = self
        while True:
            statement = next((s for s in page.statements if s.path and _within(s.path, path, proper=False)), None)
            if statement is None:
                return page
            end = page.end_of_body(page._last_in_row(statement, path)) if statement.is_header else statement.end
            page = page._cut(page._remarks_above(statement)[0], end)

    def _remarks_above(self, statement: Statement) -> list[Statement]:
        """The statement with the prose right above it; that may speak of the whole text at its start, and of more than
        one key above several."""
        index = self.statements.index(statement)
        prose = itertools.takewhile(
            lambda s: s.kind is Kind.COMMENT and not self.commented_out(s), reversed(self.statements[:index])
        )
        remarks = list(prose)[::-1]
        is_title = len(remarks) == index
        is_of_more = Kind.KEY is statement.kind is self._kind_behind(statement)
        return [statement] if is_title or is_of_more else [*remarks, statement]

    def _kind_behind(self, statement: Statement) -> Kind | None:
        behind = self.statements[self.statements.index(statement) + 1 :]
        return behind[0].kind if behind else None

    def _last_in_row(self, header: Statement, path: KeyPath) -> Statement:
        """The last of the headers at or below the path that follow each other without another one."""
        headers = [s for s in self.statements[self.statements.index(header) :] if s.is_header]
        return list(itertools.takewhile(lambda s: _within(s.path, path, proper=False), headers))[-1]

    def _cut(self, statement: Statement, end: int) -> Page:
        """The text from a statement up to ``end`` taken out, and the blank lines that then stand twice."""
        index = self.statements.index(statement)
        above, below = self.statements[:index], [s for s in self.statements[index:] if s.start >= end]
        blank_above = list(itertools.takewhile(_is_blank, reversed(above)))
        blank_below = list(itertools.takewhile(_is_blank, below))
        start = statement.start
        if blank_above or not above:
            end = blank_below[-1].end if blank_below else end
            if len(blank_below) == len(below) and blank_above:
                start = blank_above[-1].start
        return self._splice(start, end, "")

    # layout

    def _splice(self, start: int, end: int, new: str) -> Page:
        text = self.text[:start] + new + self.text[end:]
        return Page(text, self.newline, rescan(self.statements, text, start, end))

    def _insert_lines(self, offset: int, lines: list[str]) -> Page:
        is_open = offset > 0 and self.text[offset - 1] != "\n"
        new = "".join(line + self.newline for line in lines)
        return self._splice(offset, offset, (self.newline if is_open else "") + new)

    def _insert_block(self, offset: int, line: str) -> Page:
        """A line set apart by blank ones, where this text sets its tables apart; between two lines that touch, it
        does so too."""
        before, after = self.text[:offset], self.text[offset:]
        touches_above = bool(before.strip()) and not _BLANK_ABOVE.search(
            before if before.endswith("\n") else f"{before}\n"
        )
        touches_below = bool(after.strip()) and not _BLANK_BELOW.match(after)
        lines = [line]
        is_apart = self._separates_tables(line[: len(line) - len(line.lstrip())])
        if is_apart and not (touches_above and touches_below):
            lines = [*([""] if touches_above else []), line, *([""] if touches_below else [])]
        return self._insert_lines(offset, lines)

    def _separates_tables(self, indent: str) -> bool:
        """Whether a blank line stands above most headers; those that are indented alike tell best."""
        above: Kind | None = None
        told: list[tuple[str, bool]] = []
        for statement in self.statements:
            # A header right behind that of its parent says nothing.
            if statement.is_header and above in (Kind.BLANK, Kind.KEY):
                told.append((statement.indent, above is Kind.BLANK))
            above = above if statement.kind is Kind.COMMENT else statement.kind
        votes = [blank for other, blank in told if other == indent]
        votes = votes or [blank for other, blank in told if bool(other) == bool(indent)] or [b for _other, b in told]
        return 2 * sum(votes) >= len(votes)

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
        """As far behind the header as in the tables beside it, else as in most tables."""
        if header is None:
            return ""
        for other in self._cousins(header.path):
            key = next((s for s in self.body(other) if s.kind is Kind.KEY), None)
            if key is not None and key.indent.startswith(other.indent):
                return header.indent + key.indent[len(other.indent) :]
        return header.indent + self._key_indent()

    def _cousins(self, path: KeyPath) -> list[Statement]:
        """The tables beside one, and those of its name below the tables beside its parent; as two runtime classes have
        ``options``."""
        tables = [s for s in self._headers if s.kind is Kind.TABLE and len(s.path) == len(path) and s.path != path]
        beside = [s for s in tables if s.path[:-1] == path[:-1]]
        return [*beside, *(s for s in tables if s.path[:-2] == path[:-2] and s.path[-1:] == path[-1:])]

    def _key_indent(self) -> str:
        """How far keys stand behind their header; as most tables of this text have it."""
        steps: collections.Counter[str] = collections.Counter()
        for header in self._headers:
            key = next((s for s in self.body(header) if s.kind is Kind.KEY), None)
            if key is not None and key.indent.startswith(header.indent):
                steps[key.indent[len(header.indent) :]] += 1
        return steps.most_common(1)[0][0] if steps else _INDENT

    def _nesting(self) -> str:
        """How far a table stands behind its parent table in this text; mostly nothing or two spaces."""
        steps: collections.Counter[str] = collections.Counter()
        by_path = {s.path: s for s in self._headers if s.kind is Kind.TABLE}
        for path, header in by_path.items():
            parent = by_path.get(path[:-1])
            if parent is not None and header.indent.startswith(parent.indent):
                steps[header.indent[len(parent.indent) :]] += 1
        return steps.most_common(1)[0][0] if steps else ""

    def _nearest_sibling(self, path: KeyPath, place: int) -> Statement | None:
        """The sibling before an offset, else behind it; rather not one above their parent, which may stand apart."""
        siblings = [s for s in self.headers_below(path[:-1]) if len(s.path) == len(path) and s.path != path]
        parent = self.header(path[:-1])
        if parent is not None and parent.start < place:
            siblings = [s for s in siblings if s.start > parent.start] or siblings
        above = [s for s in siblings if s.start < place]
        return next(iter(above[-1:] or siblings), None)

    def _indent_below(self, relatives: list[Statement], path: KeyPath, place: int) -> str:
        """As the nearest sibling; else as the namesake below its parent's siblings stands to its parent; else as the
        nearest tables below the parent that is written."""
        if sibling := self._nearest_sibling(path, place):
            return sibling.indent
        parent = self.header(path[:-1])
        depth = len(_common(path, relatives[0].path))
        for cousin in self._cousins(path):
            other = self.header(cousin.path[:-1])
            if parent is not None and other is not None and cousin.indent.startswith(other.indent):
                return parent.indent + cousin.indent[len(other.indent) :]
        below = [s for s in relatives if len(s.path) > depth]
        if below:
            return min(reversed(below), key=lambda s: len(s.path)).indent
        above = next((s for s in relatives if len(s.path) == depth), None)
        return relatives[0].indent if above is None else above.indent + self._nesting()

    def _indent_above(self, child: Statement, path: KeyPath) -> str:
        """As the nearest sibling; else one step behind the nearest table above it that is written; but no deeper than
        the child."""
        if sibling := self._nearest_sibling(path, child.start):
            return min(sibling.indent, child.indent, key=len)
        above = (self.header(path[:depth]) for depth in range(len(path) - 1, 0, -1))
        parent = next(filter(None, above), None)
        if parent is None:
            return child.indent.removesuffix(self._nesting() * (len(child.path) - len(path)))
        return min(parent.indent + self._nesting(), child.indent, key=len)

    def likes_literal(self) -> bool:
        """Whether this text writes its strings in single quotes, as containerd 2.x prints them."""
        values = [self.text[s.value_start] for s in self._keys]
        keys = [key[0] for s in self._headers for key in s.keys]
        quotes = values if values.count("'") != values.count('"') else keys
        return quotes.count("'") > quotes.count('"')


def _is_blank(statement: Statement) -> bool:
    return statement.kind is Kind.BLANK


def _within(path: KeyPath, parent: KeyPath, *, proper: bool = True) -> bool:
    return path[: len(parent)] == parent and (len(path) > len(parent) or not proper)


def _of_kind(name: str, depth: int, statements: list[Statement]) -> list[Statement]:
    """Those whose name at that depth differs in its last part alone, as the ids of ``io.containerd.server.v1.…`` do."""
    kind = name.rpartition(".")[0]
    return [s for s in statements if kind and "".join(s.path[depth : depth + 1]).rpartition(".")[0] == kind]


def _common(one: KeyPath, other: KeyPath) -> KeyPath:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
