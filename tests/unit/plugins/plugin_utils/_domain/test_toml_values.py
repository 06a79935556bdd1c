# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are written, and how they change in place."""

from __future__ import annotations

import datetime
import tomllib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import (
    is_literal,
    key_text,
    replacement,
    same,
    value_text,
    with_entry,
    without_entry,
)

NAN = float("nan")
UTC = datetime.UTC

SAME: dict[str, tuple[t.Any, t.Any, bool]] = {
    "text": ("a", "a", True),
    "text and number": ("1", 1, False),
    "true and one": (True, 1, False),
    "one and one point nought": (1, 1.0, False),
    "not a number": (NAN, float("nan"), True),
    "not a number and a number": (NAN, 1.0, False),
    "infinity": (float("inf"), float("inf"), True),
    "lists": ([1, "a"], [1, "a"], True),
    "order of lists": ([1, 2], [2, 1], False),
    "lengths of lists": ([1], [1, 1], False),
    "types within lists": ([1], [True], False),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    "a key more": ({"a": 1}, {"a": 1, "b": 2}, False),
    "types within tables": ({"a": {"b": 1}}, {"a": {"b": 1.0}}, False),
    "a table and a list": ({}, [], False),
    "date and datetime": (datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, tzinfo=UTC), False),
}

# value, as it is written, and as it is written where single quotes are usual
WRITTEN: dict[str, tuple[t.Any, str, str]] = {
    "text": ("/etc/containerd", '"/etc/containerd"', "'/etc/containerd'"),
    "nothing": ("", '""', "''"),
    "a double quote": ('say "yes"', '"say \\"yes\\""', "'say \"yes\"'"),
    "a single quote": ("it's", '"it\'s"', '"it\'s"'),
    "a backslash": ("C:\\x", '"C:\\\\x"', "'C:\\x'"),
    "a line break": ("a\nb\r\n", '"a\\nb\\r\\n"', '"a\\nb\\r\\n"'),
    "a tab": ("a\tb", '"a\\tb"', '"a\\tb"'),
    "control characters": ("\x00\x7f", '"\\u0000\\u007f"', '"\\u0000\\u007f"'),
    "unicode": ("漢字 é 🙂", '"漢字 é 🙂"', "'漢字 é 🙂'"),
    "TOML": ("# [a] = 1", '"# [a] = 1"', "'# [a] = 1'"),
    "whole numbers": (-(2**63), "-9223372036854775808", "-9223372036854775808"),
    "fractions": (0.02, "0.02", "0.02"),
    "a whole fraction": (1.0, "1.0", "1.0"),
    "a large fraction": (1e20, "1e+20", "1e+20"),
    "infinity": (float("-inf"), "-inf", "-inf"),
    "not a number": (NAN, "nan", "nan"),
    "yes": (True, "true", "true"),
    "no": (False, "false", "false"),
    "moment": (datetime.datetime(2026, 11, 21, 7, 15, tzinfo=UTC), "2026-11-21T07:15:00Z", "2026-11-21T07:15:00Z"),
    "day": (datetime.date(2026, 11, 21), "2026-11-21", "2026-11-21"),
    "time": (datetime.time(7, 15), "07:15:00", "07:15:00"),
    "empty list": ([], "[]", "[]"),
    "list": (["a", "b"], '["a", "b"]', "['a', 'b']"),
    "nested lists": ([[1, 2], ["x"], []], '[[1, 2], ["x"], []]', "[[1, 2], ['x'], []]"),
    "tables in a list": (
        [{"a": "b", "c.d": [1]}, {}],
        '[{a = "b", "c.d" = [1]}, {}]',
        "[{a = 'b', \"c.d\" = [1]}, {}]",
    ),
}

KEYS = {
    "bare": ("config_path", "config_path", "config_path"),
    "digits": ("1-2_3", "1-2_3", "1-2_3"),
    "a dot": ("io.containerd", '"io.containerd"', "'io.containerd'"),
    "a space": ("a b", '"a b"', "'a b'"),
    "nothing": ("", '""', "''"),
    "a single quote": ("it's", '"it\'s"', '"it\'s"'),
    "a double quote": ('a"b', '"a\\"b"', "'a\"b'"),
    "not ASCII": ("键", '"键"', "'键'"),
    "a line break": ("a\nb", '"a\\nb"', '"a\\nb"'),
}

LITERAL = {
    "double": ('["a"]', False, False),
    "single": ("['a']", True, True),
    "both": ("[\"a\", 'b']", False, False),
    "neither": ("[1]", True, False),
}

# before, value, after
REPLACED: dict[str, tuple[str, t.Any, str]] = {
    "text": ('"a"', "b", '"b"'),
    "literal text": ("'a'", "b", "'b'"),
    "long text": ('"""\na"""', "b", '"b"'),
    "another type": ('"a"', 1, "1"),
    "from a number": ("1", "a", '"a"'),
    "an array on one line": ('["a", "b"]', ["a", "c"], '["a", "c"]'),
    "an array in single quotes": ("['a']", ["a", "b"], "['a', 'b']"),
    "an array with spaces": ('[ "a", "b" ]', ["b", "c"], '[ "b", "c" ]'),
    "a tight array": ('["a","b"]', ["a", "b", "c"], '["a","b","c"]'),
    "one element": ('["a"]', ["a", "b"], '["a", "b"]'),
    "an empty array": ("[]", ["a", "b"], '["a", "b"]'),
    "an array that empties": ('["a"]', [], "[]"),
    "an array that becomes text": ('["a"]', "a", '"a"'),
    "text that becomes an array": ("'a'", ["a"], "['a']"),
    "added at the end": (
        "[\n  'a', # one\n  # two\n  'b',\n]",
        ["a", "b", "c"],
        "[\n  'a', # one\n  # two\n  'b',\n  'c',\n]",
    ),
    "added without a last comma": (
        '[\n\t"a", # one\n\t"b" # two\n]',
        ["a", "b", "c"],
        '[\n\t"a", # one\n\t"b", # two\n\t"c"\n]',
    ),
    "added in the middle": (
        '[\n  "a", # one\n  # of c\n  "c",\n]',
        ["a", "b", "c"],
        '[\n  "a", # one\n  "b",\n  # of c\n  "c",\n]',
    ),
    "added at the start": ('[ # all\n  "a",\n]', ["b", "a"], '[ # all\n  "b",\n  "a",\n]'),
    "taken away": ('[\n  "a", # one\n  "b", # two\n]', ["b"], '[\n  "b", # two\n]'),
    "taken away with lines above": (
        '[\n  # group one\n  "a",\n\n  # group two\n  "b",\n  # the end\n]',
        ["b"],
        '[\n  # group one\n\n  # group two\n  "b",\n  # the end\n]',
    ),
    "all taken away": ('[\n  "a", # one\n]', [], "[]"),
    "all taken away but comments": ('[\n  # none\n  "a", # one\n]', [], "[\n  # none\n]"),
    "first of a commented list": ('[\n  # "a",\n]', ["b"], '[\n  "b"\n  # "a",\n]'),
    "in another order": ('[\n  "a", # one\n  "b", # two\n]', ["b", "a"], '[\n  "b", # two\n  "a", # one\n]'),
    "twice the same": ("[\n  1, # one\n]", [1, 1], "[\n  1, # one\n  1,\n]"),
    "one of two the same": ("[\n  1, # one\n  1, # two\n]", [1], "[\n  1, # one\n]"),
    "several on a line": ('["a", "b",\n     "c"]', ["a", "c", "d"], '["a", "c",\n     "d"]'),
    "a bracket behind the last": ('["a",\n "b"]', ["a", "b", "c"], '["a",\n "b",\n "c"]'),
    "one on the bracket's line": ('["a", # one\n]', ["a", "b"], '["a", # one\n "b",\n]'),
    "one before it": ('["a", # one\n]', ["b", "a"], '["b", "a", # one\n]'),
    "line ends of two characters": ('[\r\n  "a", # one\r\n]', ["a", "b"], '[\r\n  "a", # one\r\n  "b",\r\n]'),
    "commas and brackets in strings": (
        '[\n  "a, [b]", # [c], d\n  \'# "e"\',\n]',
        ["a, [b]", '# "e"', "f"],
        '[\n  "a, [b]", # [c], d\n  \'# "e"\',\n  "f",\n]',
    ),
    "nested arrays": (
        '[\n  ["a", "b"], # one\n  [\n    "c" # two\n  ],\n]',
        [["c"], ["d"]],
        '[\n  [\n    "c" # two\n  ],\n  ["d"],\n]',
    ),
    "tables in a list": ('[ {a = 1}, {a = 2, b = ["x, y"]} ]', [{"a": 2, "b": ["x, y"]}], '[ {a = 2, b = ["x, y"]} ]'),
    "a comma before its element": ('["a"\n, "b"\n]', ["b"], '["b"]'),
}

# before, path, value, after
ENTRIES: dict[str, tuple[str, KeyPath, t.Any, str]] = {
    "the first": ("{}", ("a",), 1, "{a = 1}"),
    "one more": ("{ a = 1 }", ("b",), "x", '{ a = 1, b = "x" }'),
    "one more, tight": ("{a='1'}", ("b",), "x", "{a='1', b='x'}"),
    "another value": ('{ a = "1", b = 2 } ', ("a",), "x", '{ a = "x", b = 2 }'),
    "a literal": ("{a = 'x'}", ("a",), "y", "{a = 'y'}"),
    "a key with a dot": ("{a = 1}", ("b.c",), 1, '{a = 1, "b.c" = 1}'),
    "an inner table": ("{a = {b = 1}}", ("a", "c"), 2, "{a = {b = 1, c = 2}}"),
    "a new inner table": ("{a = 1}", ("b", "c", "d"), 2, "{a = 1, b = {c = {d = 2}}}"),
    "an empty inner table": ("{a = 1}", ("b",), {}, "{a = 1, b = {}}"),
    "dotted": ("{a.b = 1}", ("a", "c"), 2, "{a.b = 1, a.c = 2}"),
    "a value that is dotted": ("{ a.b = 1 }", ("a", "b"), 2, "{ a.b = 2 }"),
    "an array": ('{a = ["x"]}', ("a",), ["x", "y"], '{a = ["x", "y"]}'),
}

WITHOUT: dict[str, tuple[str, KeyPath, str]] = {
    "the first": ("{ a = 1, b = 2 }", ("a",), "{ b = 2 }"),
    "the last": ("{ a = 1, b = 2 }", ("b",), "{ a = 1 }"),
    "the only one": ("{ a = 1 }", ("a",), "{}"),
    "all that is dotted": ("{a.b = 1, c = 2, a.d = 3}", ("a",), "{c = 2}"),
    "one that is dotted": ("{a.b = 1, a.c = 2}", ("a", "b"), "{a.c = 2}"),
    "an inner one": ("{a = {b = 1, c = 2}, d = 3}", ("a", "b"), "{a = {c = 2}, d = 3}"),
}


@pytest.mark.parametrize(("one", "other", "expected"), SAME.values(), ids=SAME)
def test_same(one: t.Any, other: t.Any, expected: bool) -> None:
    assert [same(*pair) for pair in ((one, other), (other, one))] == [expected, expected]


@pytest.mark.parametrize(("value", "plain", "literal"), WRITTEN.values(), ids=WRITTEN)
def test_value(value: t.Any, plain: str, literal: str) -> None:
    assert (value_text(value), value_text(value, literal=True)) == (plain, literal)
    for text in (plain, literal):
        assert same(tomllib.loads(f"x = {text}")["x"], value)


@pytest.mark.parametrize(("key", "plain", "literal"), KEYS.values(), ids=KEYS)
def test_key(key: str, plain: str, literal: str) -> None:
    assert (key_text(key), key_text(key, literal=True)) == (plain, literal)
    assert tomllib.loads(f"{plain} = 1") == tomllib.loads(f"{literal} = 1") == {key: 1}


@pytest.mark.parametrize(("text", "preferred", "not_preferred"), LITERAL.values(), ids=LITERAL)
def test_is_literal(text: str, preferred: bool, not_preferred: bool) -> None:
    assert (is_literal(text, otherwise=True), is_literal(text, otherwise=False)) == (preferred, not_preferred)


@pytest.mark.parametrize(("before", "value", "after"), REPLACED.values(), ids=REPLACED)
def test_replacement(before: str, value: t.Any, after: str) -> None:
    tomllib.loads(f"x = {before}")
    assert replacement(before, value, literal=False) == after
    assert same(tomllib.loads(f"x = {after}")["x"], value)


@pytest.mark.parametrize(("before", "path", "value", "after"), ENTRIES.values(), ids=ENTRIES)
def test_with_entry(before: str, path: KeyPath, value: t.Any, after: str) -> None:
    tomllib.loads(f"x = {before}")
    assert with_entry(before.strip(), path, value, literal=False) == after
    assert tomllib.loads(f"x = {after}")


@pytest.mark.parametrize(("before", "path", "after"), WITHOUT.values(), ids=WITHOUT)
def test_without_entry(before: str, path: KeyPath, after: str) -> None:
    tomllib.loads(f"x = {before}")
    assert without_entry(before, path) == after
