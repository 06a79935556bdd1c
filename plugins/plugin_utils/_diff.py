# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs that stay useful and show no secret. Private to this collection."""

from __future__ import annotations

import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind, scan

MASK = "********"
_CHANGED_MASK = f"{MASK} (changed)"
_SECRET_KEYS = frozenset({"auth", "identitytoken", "identity_token", "password", "registrytoken"})
_SECRET_TABLES = frozenset({"auth", "header", "headers"})
_SECRET_COMMENT = re.compile(r"(?i)((?:auth\w*|password|identity_?token|registrytoken|x-[\w-]+)[\"']?\s*=\s*)[^\r\n]*")
_URL_CREDENTIALS = re.compile(r"://[^/\s\"'@]*@")


def is_secret(path: KeyPath) -> bool:
    """Whether the value at a key path of config.toml or hosts.toml must not be shown."""
    return bool(path) and (path[-1].lower() in _SECRET_KEYS or any(key.lower() in _SECRET_TABLES for key in path[:-1]))


def holds_secret(path: KeyPath, value: t.Any) -> bool:
    """Whether a value is a secret, or a table with one in it."""
    if isinstance(value, dict):
        return any(holds_secret((*path, key), item) for key, item in value.items())
    return value is not None and is_secret(path)


def mask_value(path: KeyPath, value: t.Any) -> t.Any:
    """A value for results: secrets at or below the path are masked, and so are credentials in URLs."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: mask_value((*path, key), item) for key, item in value.items()}
    if is_secret(path):
        return MASK
    if isinstance(value, list):
        return [mask_value(path, item) for item in value]
    return _URL_CREDENTIALS.sub(f"://{MASK}@", value) if isinstance(value, str) else value


def toml_diff(path: str, before: bytes | None, after: bytes | None) -> dict[str, str]:
    """One entry of a result's ``diff`` for a TOML file; None stands for an absent file."""
    shown_before, secrets = _masked(before, {})
    shown_after, _unused = _masked(after, secrets)
    return text_diff(path, shown_before, shown_after)


def text_diff(path: str, before: str, after: str) -> dict[str, str]:
    """One entry of a result's ``diff`` from texts that are known to hold no secret."""
    return {"before": before, "after": after, "before_header": path, "after_header": path}


def _masked(content: bytes | None, known: t.Mapping[KeyPath, str]) -> tuple[str, dict[KeyPath, str]]:
    """The text with masked secrets, and the secrets by path; one that differs from ``known`` is marked as changed."""
    if content is None:
        return "", {}
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
        tomllib.loads(text)
    except ValueError:  # UnicodeDecodeError and TOMLDecodeError alike
        return f"({len(content)} bytes that are not valid TOML; not shown)\n", {}
    parts: list[str] = []
    secrets: dict[KeyPath, str] = {}
    for statement in scan(text):
        line = text[statement.start : statement.end]
        if statement.kind is Kind.COMMENT:
            line = _SECRET_COMMENT.sub(rf"\g<1>{MASK}", line)
        elif statement.kind is Kind.KEY and _is_masked(
            statement.path, text[statement.value_start : statement.value_end]
        ):
            value = text[statement.value_start : statement.value_end]
            secrets[statement.path] = value
            mask = MASK if known.get(statement.path, value) == value else _CHANGED_MASK
            line = f'{text[statement.start : statement.value_start]}"{mask}"{text[statement.value_end : statement.end]}'
        parts.append(_URL_CREDENTIALS.sub(f"://{MASK}@", line))
    return "".join(parts), secrets


def _is_masked(path: KeyPath, value: str) -> bool:
    return is_secret(path) or (value.startswith("{") and holds_secret(path, tomllib.loads(f"x = {value}")["x"]))
