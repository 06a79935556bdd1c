# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where statements begin and end, and where the values of assignments do."""

from __future__ import annotations

import tomllib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    Kind,
    Statement,
    commented_out,
    decode_keys,
    parse_key_path,
    rescan,
    scan,
)
from hypothesis import given
from hypothesis import strategies as st

CRI = "io.containerd.grpc.v1.cri"
FIXTURES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "config").glob("*.toml"))
}

# text, then for each statement: kind, line, path, and the value or the indentation
SCANS: dict[str, tuple[str, list[tuple[Kind, int, KeyPath, str]]]] = {
    "nothing": ("", []),
    "a blank line": ("\n", [(Kind.BLANK, 1, (), "")]),
    "white space alone": ("  \t", [(Kind.BLANK, 1, (), "  \t")]),
    "a root key": ("version = 2\n", [(Kind.KEY, 1, ("version",), "2")]),
    "no final newline": ("a = 1\nb = 2", [(Kind.KEY, 1, ("a",), "1"), (Kind.KEY, 2, ("b",), "2")]),
    "keys of a table": (
        "[a]\n  x = 1\n\n  y = 2\n[b]\nx = 3\n",
        [
            (Kind.TABLE, 1, ("a",), ""),
            (Kind.KEY, 2, ("a", "x"), "1"),
            (Kind.BLANK, 3, (), ""),
            (Kind.KEY, 4, ("a", "y"), "2"),
            (Kind.TABLE, 5, ("b",), ""),
            (Kind.KEY, 6, ("b", "x"), "3"),
        ],
    ),
    "quoted keys": (
        f"  [plugins.\"{CRI}\".'registry.x']  # [c]\n",
        [(Kind.TABLE, 1, ("plugins", CRI, "registry.x"), "  ")],
    ),
    "spaces in a header": ('[ a . "b" ]\n', [(Kind.TABLE, 1, ("a", "b"), "")]),
    "an array of tables": (
        "[[a.b]]\nx = 1\n[[a.b]]\n",
        [
            (Kind.ARRAY_OF_TABLES, 1, ("a", "b"), ""),
            (Kind.KEY, 2, ("a", "b", "x"), "1"),
            (Kind.ARRAY_OF_TABLES, 3, ("a", "b"), ""),
        ],
    ),
    "dotted keys": (f'plugins."{CRI}".a=1\n', [(Kind.KEY, 1, ("plugins", CRI, "a"), "1")]),
    "a comment beside": ("a = 1 # b = 2\n", [(Kind.KEY, 1, ("a",), "1")]),
    "comments": (
        "# a\n\t# b = 1\n#[c]\n",
        [(Kind.COMMENT, 1, (), ""), (Kind.COMMENT, 2, (), "\t"), (Kind.COMMENT, 3, (), "")],
    ),
    "CRLF": (
        "a = 1\r\n\r\n[b]\r\n",
        [(Kind.KEY, 1, ("a",), "1"), (Kind.BLANK, 2, (), ""), (Kind.TABLE, 3, ("b",), "")],
    ),
    "a hash, an equals sign and brackets in strings": (
        'a = "# [b] = \\" 1" # c\nd = \'# [e] = "\'\n',
        [(Kind.KEY, 1, ("a",), '"# [b] = \\" 1"'), (Kind.KEY, 2, ("d",), "'# [e] = \"'")],
    ),
    "a backslash in a literal": ("a = 'C:\\' # b\n", [(Kind.KEY, 1, ("a",), "'C:\\'")]),
    "a string of several lines": (
        'a = """\n[b]\nc = 1 # d\n\\"""" # e\nf = 1\n',
        [(Kind.KEY, 1, ("a",), '"""\n[b]\nc = 1 # d\n\\""""'), (Kind.KEY, 5, ("f",), "1")],
    ),
    "quotes at the end of long strings": (
        "a = \"\"\"b\"\"\"\"\"\nc = '''d'''''\n",
        [(Kind.KEY, 1, ("a",), '"""b"""""'), (Kind.KEY, 2, ("c",), "'''d'''''")],
    ),
    "empty strings": ("a = \"\"\nb = ''\n", [(Kind.KEY, 1, ("a",), '""'), (Kind.KEY, 2, ("b",), "''")]),
    "an array of several lines": (
        "a = [ # one\n  '[', # ]\n  # ]\n]  # two\nb = 1\n",
        [(Kind.KEY, 1, ("a",), "[ # one\n  '[', # ]\n  # ]\n]"), (Kind.KEY, 5, ("b",), "1")],
    ),
    "nested brackets": (
        "a = [[1, 2], [{b = [3]}]]\nc = {d = {e = '}'}}  \n",
        [(Kind.KEY, 1, ("a",), "[[1, 2], [{b = [3]}]]"), (Kind.KEY, 2, ("c",), "{d = {e = '}'}}")],
    ),
    "dates and numbers": (
        "a = 2026-11-21 07:15:00Z # b\nc = -1_000.5e-7\nd = 07:15:00  \n",
        [
            (Kind.KEY, 1, ("a",), "2026-11-21 07:15:00Z"),
            (Kind.KEY, 2, ("c",), "-1_000.5e-7"),
            (Kind.KEY, 3, ("d",), "07:15:00"),
        ],
    ),
    "characters of more than a byte": (
        '# 注释\n"键" = "漢字" # é\n',
        [(Kind.COMMENT, 1, (), ""), (Kind.KEY, 2, ("键",), '"漢字"')],
    ),
    "escapes in keys": ('"\\u00e9\\t" = 1\n', [(Kind.KEY, 1, ("é\t",), "1")]),
    "keys that look like values": (
        "1.2 = 3\ntrue = false\n",
        [(Kind.KEY, 1, ("1", "2"), "3"), (Kind.KEY, 2, ("true",), "false")],
    ),
}

COMMENTS: dict[str, tuple[str, tuple[Kind, KeyPath] | None]] = {
    "a key": ('  #sandbox_image = "x" # y\r\n', (Kind.KEY, ("sandbox_image",))),
    "a header": ("# [plugins.cri]\n", (Kind.TABLE, ("plugins", "cri"))),
    "two hashes": ("## oom_score = 0\n", (Kind.KEY, ("oom_score",))),
    "prose": ("# see the manual\n", None),
    "prose with an equals sign": ("# note = see the manual\n", None),
    "an empty comment": ("#\n", None),
    "a comment in a comment": ("# # # see\n", None),
    "the first line of an array": ("# imports = [\n", None),
    "an element of an array": ('#   "x",\n', None),
}

KEY_PATHS: dict[str, tuple[str, KeyPath | None]] = {
    "bare": ("plugins.cri", ("plugins", "cri")),
    "quoted": (f'plugins."{CRI}".registry', ("plugins", CRI, "registry")),
    "literal": (f"plugins.'{CRI}'", ("plugins", CRI)),
    "spaces": (" a . b ", ("a", "b")),
    "escapes": ('"a\\"b"', ('a"b',)),
    "one": ("version", ("version",)),
    "nothing": ("", None),
    "a dot too many": ("a..b", None),
    "a dot at the end": ("a.", None),
    "words": ("a b", None),
    "an assignment": ("a = 1", None),
    "an open quote": ('a."b', None),
    "a second line": ("a\nb", None),
    "an unknown escape": ('"\\q"', None),
}


@pytest.mark.parametrize(("text", "expected"), SCANS.values(), ids=SCANS)
def test_scan(text: str, expected: list[tuple[Kind, int, KeyPath, str]]) -> None:
    tomllib.loads(text)
    found = [
        (s.kind, s.line, s.path, text[s.value_start : s.value_end] if s.kind is Kind.KEY else s.indent)
        for s in scan(text)
    ]
    assert found == expected


def values(text: str) -> t.Iterator[tuple[KeyPath, t.Any]]:
    for statement in scan(text):
        if statement.kind is Kind.KEY:
            yield statement.path, tomllib.loads(f"x = {text[statement.value_start : statement.value_end]}")["x"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", FIXTURES)
def test_statements_are_the_whole_text(name: str, line_end: str) -> None:
    text = FIXTURES[name].replace("\n", line_end)
    statements = scan(text)
    assert "".join(text[s.start : s.end] for s in statements) == text
    assert [s.line for s in statements] == [text.count("\n", 0, s.start) + 1 for s in statements]


@pytest.mark.parametrize("name", FIXTURES)
def test_values_are_those_of_the_parser(name: str) -> None:
    data = tomllib.loads(FIXTURES[name])
    for path, value in values(FIXTURES[name]):
        found: t.Any = data
        for key in path:
            found = found[key] if isinstance(found, dict) else [item[key] for item in found if key in item]
        assert value == found or value in found


def test_the_fixtures_are_there() -> None:
    assert len(FIXTURES) >= 20


INSERTED = ["", "\n", "# a comment\n", "a = 1\n", "a.b = [\n  1,\n]\n", "[x]\n", "  [[y.z]]\nk = 1\n", "\n[x]\nk = 1\n"]


def shown(text: str, statements: list[Statement]) -> list[tuple[t.Any, ...]]:
    """Each statement with what its offsets enclose."""
    return [
        (*s[:8], text[s.start : s.end])
        + (() if not s.path else (text[s.keys_start : s.keys_end],))
        + (() if s.kind is not Kind.KEY else (text[s.value_start : s.value_end],))
        for s in statements
    ]


@given(
    text=st.sampled_from(sorted(FIXTURES.values())) | st.sampled_from(["", "a = 1", "[a]\nb = 2\n[c]\nd = 3"]),
    new=st.sampled_from(INSERTED),
    data=st.data(),
)
def test_rescanning_is_scanning(text: str, new: str, data: st.DataObject) -> None:
    old = scan(text)
    place = data.draw(st.integers(0, len(old)))
    start, end = (old[place].start, old[place].start) if place < len(old) else (len(text), len(text))
    if place < len(old) and data.draw(st.booleans()):
        gone = old[place : place + data.draw(st.integers(1, 4))]
        end = gone[-1].end
        if gone[0].kind is Kind.KEY and data.draw(st.booleans()):
            start, end, new = gone[0].value_start, gone[0].value_end, "[\n  'other', # [\n]"
    if start and text[start - 1] != "\n" and start == len(text):
        new = f"\n{new}"
    after = text[:start] + new + text[end:]
    assert shown(after, rescan(old, after, start, end)) == shown(after, scan(after))


@pytest.mark.parametrize(("line", "expected"), COMMENTS.values(), ids=COMMENTS)
def test_commented_out(line: str, expected: tuple[Kind, KeyPath] | None) -> None:
    statement = commented_out(line)
    assert (statement and (statement.kind, statement.path)) == expected


@pytest.mark.parametrize(("written", "expected"), KEY_PATHS.values(), ids=KEY_PATHS)
def test_key_path(written: str, expected: KeyPath | None) -> None:
    if expected is not None:
        assert parse_key_path(written) == expected
        return
    with pytest.raises(ValueError):
        parse_key_path(written)


def test_decode_keys() -> None:
    assert decode_keys(f"plugins.\"{CRI}\".'a.b'.c") == ("plugins", CRI, "a.b", "c")
