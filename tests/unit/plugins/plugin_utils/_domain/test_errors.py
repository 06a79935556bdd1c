# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error says, and how it shows a key path."""

from __future__ import annotations

import tomllib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import parse_key_path

FILE = "/etc/containerd/config.toml"

ERRORS: dict[str, tuple[dict[str, t.Any], str]] = {
    "nothing but what": ({}, "is wrong."),
    "a file": ({"file": FILE}, f"{FILE}: is wrong."),
    "a line": ({"file": FILE, "line": 3}, f"{FILE}:3: is wrong."),
    "a column": ({"file": FILE, "line": 3, "column": 7}, f"{FILE}:3:7: is wrong."),
    "a line of a text": ({"line": 3}, "3: is wrong."),
    "a key path": ({"file": FILE, "key_path": ("a", "b.c")}, f'{FILE}: a."b.c": is wrong.'),
    "an option": ({"option": "sandbox_image"}, "sandbox_image: is wrong."),
    "a key path rather than an option": ({"key_path": ("a",), "option": "settings"}, "a: is wrong."),
    "an empty key path": ({"key_path": (), "option": "settings"}, "settings: is wrong."),
    "what to do": ({"fix": "Mend it."}, "is wrong. Mend it."),
    "all of it": (
        {"file": FILE, "line": 1, "column": 2, "key_path": ("a",), "fix": "Mend it."},
        f"{FILE}:1:2: a: is wrong. Mend it.",
    ),
}

KEY_PATHS: dict[str, tuple[KeyPath, str]] = {
    "bare": (("plugins", "cri", "sandbox_image"), "plugins.cri.sandbox_image"),
    "a dot": (("plugins", "io.containerd.grpc.v1.cri"), 'plugins."io.containerd.grpc.v1.cri"'),
    "digits and hyphens": (("1234", "test-handler"), "1234.test-handler"),
    "a port": (("configs", "registry.example.com:5000"), 'configs."registry.example.com:5000"'),
    "quotes and backslashes": (('a"b', "c\\d"), '"a\\"b"."c\\\\d"'),
    "empty": (("",), '""'),
    "not ASCII": (("键", "é"), '"键"."é"'),
    "a space": (("a b",), '"a b"'),
}


@pytest.mark.parametrize(("parts", "text"), ERRORS.values(), ids=ERRORS)
def test_text(parts: dict[str, t.Any], text: str) -> None:
    assert str(DomainError("is wrong", **parts)) == text


def test_one_full_stop() -> None:
    assert str(DomainError("is wrong.", fix="Mend it.")) == "is wrong. Mend it."


@pytest.mark.parametrize(
    ("file", "expected"),
    [(None, f"{FILE}:3: a: is wrong. Mend it."), ("/other", "/other:3: a: is wrong. Mend it.")],
    ids=["no file yet", "a file of its own"],
)
def test_in_file(file: str | None, expected: str) -> None:
    error = DomainError("is wrong", file=file, line=3, key_path=("a",), fix="Mend it.")
    assert str(error.in_file(FILE)) == expected


def test_in_file_keeps_everything() -> None:
    error = DomainError("is wrong", line=3, column=4, key_path=("a",), option="settings", fix="Mend it.")
    assert vars(error.in_file(FILE)) == {**vars(error), "file": FILE}


@pytest.mark.parametrize(("option", "expected"), [(None, "config"), ("settings", "config.settings")])
def test_under(option: str | None, expected: str) -> None:
    error = DomainError("is wrong", file=FILE, line=3, column=4, key_path=("a",), option=option, fix="Mend it.")
    assert vars(error.under("config")) == {**vars(error), "option": expected}


def test_several_of_one_task() -> None:
    errors = [DomainError("is wrong", key_path=("a",), fix="Mend it."), DomainError("is off", option="absent[0]")]
    assert DomainError.together(errors[:1]) is errors[0]
    together = DomainError.together(errors)
    assert str(together) == "(1) a: is wrong. Mend it. (2) absent[0]: is off."
    assert str(together.in_file(FILE)) == f"(1) {FILE}: a: is wrong. Mend it. (2) absent[0]: is off."
    # A key says where it is more closely than the option above it.
    assert str(together.under("config")) == "(1) a: is wrong. Mend it. (2) config.absent[0]: is off."


@pytest.mark.parametrize(("path", "text"), KEY_PATHS.values(), ids=KEY_PATHS)
def test_key_path(path: KeyPath, text: str) -> None:
    assert show_key_path(path) == text
    assert parse_key_path(text) == path
    assert tomllib.loads(f"{text} = 1")
