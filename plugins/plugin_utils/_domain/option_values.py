# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options as a user writes them, read with messages that name the option. Private to this collection.

No message repeats a value where it may be a secret.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import INTEGERS, fault_of_text

Raw = t.Mapping[str, t.Any]

_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f"})
_TYPES = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}


def read_boolean(raw: t.Any, at: str) -> bool:
    if isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if not isinstance(raw, (str, int)) or text not in _TRUE | _FALSE:
        raise DomainError(f"is {shown_type(raw)}, not true or false", option=at, fix="Write true or false.")
    return text in _TRUE


def read_text(raw: t.Any, at: str) -> str:
    if not isinstance(raw, str):
        raise DomainError(f"is {shown_type(raw)}, not text", option=at, fix="Write one text, in quotes.")
    check_characters(raw, at)
    return raw


def check_characters(text: str, at: str) -> None:
    """:raises DomainError: text that cannot be written to a file."""
    if fault := fault_of_text(text):
        raise DomainError(fault, option=at, fix="Write whole ones.")


def read_texts(raw: t.Any, at: str) -> tuple[str, ...]:
    values = raw if isinstance(raw, list) else [read_text(raw, at)]
    return tuple(read_text(value, f"{at}[{index}]") for index, value in enumerate(values))


def read_list(raw: t.Any, at: str, example: str) -> list[t.Any]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise DomainError(f"is {shown_type(raw)}, not a list", option=at, fix=f"Write a list, such as {example}.")
    return raw


def read_mapping(raw: t.Any, at: str, known: t.Iterable[str] | None) -> Raw:
    if not isinstance(raw, dict):
        raise DomainError(f"is {shown_type(raw)}, not a mapping", option=at, fix="Write it as key: value.")
    names = raw if known is None else tuple(known)
    for key in raw:
        check_characters(str(key), at)
        if key not in names:
            raise DomainError("is not a known option", option=f"{at}.{key}", fix=suggest(str(key), tuple(names)))
    return raw


def check_numbers(raw: t.Any, at: str) -> None:
    """:raises DomainError: a number at any depth that no key of config.toml has room for."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            check_numbers(value, f"{at}.{key}" if at else str(key))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            check_numbers(value, f"{at}[{index}]")
    elif isinstance(raw, int) and raw not in INTEGERS:
        raise DomainError("the number does not fit into 64 bits", option=at, fix="Use a smaller one.")


def require(raw: Raw, at: str, key: str, fix: str) -> None:
    if raw.get(key) is None:
        raise DomainError("is missing", option=f"{at}.{key}", fix=fix)


def suggest(word: str, known: t.Sequence[str]) -> str:
    near = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."


def shown_type(value: t.Any) -> str:
    return "null" if value is None else _TYPES.get(type(value), f"of type {type(value).__name__}")
