# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of edits, over real layouts and invented ones: exactly the asked data, and every other line as it was."""

from __future__ import annotations

import collections
import copy
import datetime
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Edited,
    Remove,
    Set,
    applied,
    edit,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    Kind,
    Statement,
    commented_out,
    scan,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import key_text, same, value_text
from hypothesis import given, settings
from hypothesis import strategies as st

Path_ = tuple[str, ...]
Operation = Set | Remove

FIXTURES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "config").glob("*.toml"))
}

KEYS = st.sampled_from(
    ["a", "b", "version", "config_path", "io.containerd.cri.v1.images", "docker.io", "x y", "键", ""]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["/etc/containerd/certs.d", 'say "#1" = [x]', "it's", "'''", '"""', "\\", "a\nb\r\n", "\x7f\x00", "very long " * 50]
)
SCALARS = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True)
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC), min_value=datetime.datetime(1, 1, 2))
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3).map(lambda table: [table]),
    max_leaves=6,
)


def paths(data: dict[str, t.Any], above: Path_ = ()) -> t.Iterator[Path_]:
    for key, value in data.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


def at(data: t.Any, path: Path_) -> t.Any:
    for key in path:
        data = data[key]
    return data


def is_array_of_tables(value: t.Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def related(one: Path_, other: Path_) -> bool:
    """Whether one path is at, above or below the other."""
    return one[: len(other)] == other[: len(one)]


@st.composite
def operations(draw: st.DrawFn, data: dict[str, t.Any]) -> list[Operation]:
    """Edits that do not meddle with each other, at places that are there and at new ones."""
    found = list(paths(data))
    tables = [(), *(path for path in found if isinstance(at(data, path), dict))]
    values = [path for path in found if not isinstance(at(data, path), dict) and not is_array_of_tables(at(data, path))]
    asked: list[Operation] = []
    for kind in draw(st.lists(st.sampled_from(["change", "add", "add table", "remove"]), min_size=1, max_size=4)):
        if kind == "change" and values:
            operation: Operation = Set(
                draw(st.sampled_from(values)), draw(VALUES.filter(lambda v: not isinstance(v, dict)))
            )
        elif kind == "remove" and found:
            operation = Remove(draw(st.sampled_from(found)))
        else:
            below = tuple(draw(st.lists(KEYS, min_size=1, max_size=3)))
            value = {} if kind == "add table" else draw(VALUES)
            operation = Set((*draw(st.sampled_from(tables)), *below), value)
            if any(related(operation.path, path) and len(path) > len(operation.path) - len(below) for path in found):
                continue
        if not any(related(operation.path, other.path) for other in asked):
            asked.append(operation)
    return asked


def model(data: dict[str, t.Any], asked: list[Operation]) -> dict[str, t.Any]:
    """What the operations mean, said in another way than in the code."""
    wanted = copy.deepcopy(data)
    for operation in asked:
        node = wanted
        for key in operation.path[:-1]:
            node = node.setdefault(key, {})
        if isinstance(operation, Set):
            node[operation.path[-1]] = operation.value
        else:
            del node[operation.path[-1]]
    return wanted


def line(text: str, statement: Statement) -> str:
    return text[statement.start : statement.end].rstrip("\r\n")


def kept_lines(text: str, asked: list[Operation]) -> list[str]:
    """Everything but blank lines and what belongs to an asked path, or to a value that holds it; prose right above what
    goes may go along."""
    removed = [operation.path for operation in asked if isinstance(operation, Remove)]
    kept: list[str] = []
    prose = 0
    for statement in scan(text):
        at_removed = any(statement.table[: len(path)] == path for path in removed)
        if statement.kind is Kind.KEY:
            at_removed = any(related(statement.path, operation.path) for operation in asked)
        elif statement.is_header:
            at_removed = any(statement.path[: len(path)] == path for path in removed)
        goes = statement.path and any(statement.path[: len(path)] == path for path in removed)
        if goes and prose:
            del kept[-prose:]
        is_kept = statement.kind is not Kind.BLANK and not at_removed
        if is_kept:
            kept.append(line(text, statement))
        is_prose = is_kept and statement.kind is Kind.COMMENT and commented_out(line(text, statement)) is None
        prose = prose + 1 if is_prose else 0
    return kept


def check_lines(before: str, after: str, asked: list[Operation]) -> None:
    lines = iter([line(after, statement) for statement in scan(after)])
    for kept in kept_lines(before, asked):
        assert kept in lines, f"{kept!r} is gone, or not in its place"
    old = collections.Counter((statement.path, line(before, statement)) for statement in scan(before))
    for statement in scan(after):
        written = statement.path, line(after, statement)
        old[written] -= 1
        if old[written] < 0 and statement.kind is not Kind.BLANK:
            assert statement.kind is not Kind.COMMENT
            assert any(related(statement.path, operation.path) for operation in asked), f"{written} is not asked for"


def check_line_ends(before: str, after: str) -> None:
    lone, pairs = before.replace("\r\n", "").count("\n"), before.count("\r\n")
    if not pairs:
        assert "\r\n" not in after
    elif not lone:
        assert "\n" not in after.replace("\r\n", "")


def check(text: str, asked: list[Operation]) -> None:
    data = parse(text)
    edited = edit(text, asked)
    assert same(parse(edited.text), model(data, asked))
    assert same(applied(data, asked), model(data, asked))
    again = edit(edited.text, list(asked))
    assert again == Edited(edited.text, ())
    assert bool(edited.differences) == (edited.text != text) == (not same(data, model(data, asked)))
    check_lines(text, edited.text, asked)
    check_line_ends(text, edited.text)


def with_crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


@pytest.mark.parametrize("name", FIXTURES)
@settings(max_examples=25, deadline=None)
@given(drawn=st.data())
def test_fixtures(name: str, drawn: st.DataObject) -> None:
    text = drawn.draw(st.sampled_from([FIXTURES[name], with_crlf(FIXTURES[name])]))
    check(text, drawn.draw(operations(parse(text))))


# --- invented layouts


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A text with tables in any order, written by headers, dotted keys and inline tables, with and without comments."""
    names = st.sampled_from(["a", "b", "c", "x.y", "z z"])
    data = draw(
        st.recursive(
            st.dictionaries(names, SCALARS | st.lists(TEXTS, max_size=3), max_size=3),
            lambda inner: st.dictionaries(names, inner, max_size=3),
            max_leaves=8,
        )
    )
    blocks = draw(st.permutations(list(_blocks(draw, data, ()))))
    root = [block for block in blocks if not block[0]]
    rest = [block for block in blocks if block[0]]
    separator = draw(st.sampled_from(["", "\n", "\n", " \n", "\n\n"]))
    texts = ["".join(lines) for _path, lines in [*root, *rest]]
    text = separator.join(text for text in texts if text)
    return draw(
        st.sampled_from([text, text.rstrip("\n"), with_crlf(text), f"{text}\n# the end\n", f"{text}\n\n# the end"])
    )


def _blocks(draw: st.DrawFn, data: dict[str, t.Any], path: Path_) -> t.Iterator[tuple[Path_, list[str]]]:
    indent = " " * draw(st.sampled_from([0, 0, 2])) * len(path)
    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    forms = {key: draw(st.sampled_from(["header", "header", "dotted", "inline"])) for key in tables}
    lines = []
    for key, value in data.items():
        if forms.get(key, "inline") == "inline":
            lines += _assignment(draw, indent, key_text(key), value)
        elif forms[key] == "dotted" and value:
            for names, item in _dotted(value):
                lines += _assignment(draw, indent, ".".join(map(key_text, (key, *names))), item)
        else:
            yield from _blocks(draw, value, (*path, key))
    only_above = bool(tables) and "header" in forms.values()
    if path and (lines or not only_above or draw(st.booleans())):
        comment = draw(st.sampled_from(["", "", f"{indent}# about {path[-1]}\n", "# [old]\n"]))
        lines = [
            f"{comment}{indent}[{'.'.join(map(key_text, path))}]{draw(st.sampled_from(['', '  # [x] = 1']))}\n",
            *lines,
        ]
    yield path, lines


def _dotted(data: dict[str, t.Any]) -> t.Iterator[tuple[Path_, t.Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from (((key, *path), item) for path, item in _dotted(value))
        else:
            yield (key,), value


def _assignment(draw: st.DrawFn, indent: str, key: str, value: t.Any) -> list[str]:
    text = value_text(value, literal=draw(st.booleans()))
    if isinstance(value, list) and value and draw(st.booleans()):
        comment = draw(st.sampled_from(["", " # one", "\n  # own line"]))
        text = (
            "["
            + ",".join(f"{comment if index else ''}\n  {value_text(item)}" for index, item in enumerate(value))
            + ",\n]"
        )
    comment = draw(st.sampled_from(["", "", f"{indent}# about it\n", f"{indent}#{key} = 1\n"]))
    equals = draw(st.sampled_from([" = ", "="]))
    return [f"{comment}{indent}{key}{equals}{text}{draw(st.sampled_from(['', ' # beside', '   ']))}\n"]


@settings(max_examples=300, deadline=None)
@given(drawn=st.data())
def test_invented_layouts(drawn: st.DataObject) -> None:
    text = drawn.draw(documents())
    check(text, drawn.draw(operations(parse(text))))
