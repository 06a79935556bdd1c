# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs that stay useful and show no secret. Private to this collection."""

from __future__ import annotations

import collections
import json
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML, PemFile, Plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    KEYS,
    Kind,
    Statement,
    decode_keys,
    scan,
)

# A key path, and which one of those with this path.
_Place = tuple[KeyPath, int]

MASK = "********"
_CHANGED_MASK = f"{MASK} (changed)"
_SECRET_KEY = re.compile(
    r"(?i)(proxy-)?auth(orization)?|cookie|.*(passw|passphrase|secret|token|credential|(api|json)_?key).*"
)
# Too many other keys end so; in words for a program they are hardly anything else.
_SHORT_SECRET = re.compile(r"(?i)(.*[_-])?(key|pass|pwd)")
_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|"(?:\\.|[^"\\\n])*"'
    r"|'''.*?'''(?:'{0,2})|'[^'\n]*'|#[^\n]*",
    re.DOTALL,
)
_SECRET_TABLES = frozenset({"auth", "header", "headers"})
_URL_CREDENTIALS = re.compile(r"://\S*@")
_QUERY = re.compile(r"([?#]).+", re.DOTALL)
# What somebody took for a URL, and wrote no scheme of: u:p@a.example. In a comment, a tag before a digest is none.
_ENDPOINTS = ("endpoint", "endpoints")
_BARE_CREDENTIALS = re.compile(r"(?!\w+://)[^/@:]+:.*@", re.DOTALL)
_QUOTED_CREDENTIALS = re.compile(r"""(["'])(?!\w+://)[^\s"'/@]+:[^\s"']*@""")
_COMMENTED_CREDENTIALS = re.compile(r"""(["'])[^\s"'/@]+:[^\s"'/]*@(?!sha256:)""")

_COMMENTED_HEADER = re.compile(rf"[#\s]*\[\[?\s*({KEYS})\s*\]")
_COMMENTED_KEY = re.compile(rf"([#\s]*({KEYS})\s*[=:]\s*)(.*)", re.DOTALL)
_PROSE = re.compile(
    r"(?i)([\w-]*(?:auth(?:orization)?|password|passwd|secret|token|cookie|x-[\w-]+)[\"']?\s*[=:]\s*)[^\r\n]*"
    r"|((?-i:\b(?:Basic|Bearer)\s+))[\w.~+/=-]{8,}"
)


def is_secret(path: KeyPath) -> bool:
    """Whether the value at a key path of config.toml or hosts.toml must not be shown."""
    in_secret_table = any(key.lower() in _SECRET_TABLES for key in path[:-1])
    return in_secret_table or bool(path and _SECRET_KEY.fullmatch(path[-1]))


def holds_secret(path: KeyPath, value: t.Any) -> bool:
    """Whether a value is a secret, or a table or list with one in it."""
    if isinstance(value, dict):
        return any(holds_secret((*path, key), item) for key, item in value.items())
    if isinstance(value, list) and not is_secret(path):
        return any(holds_secret(path, item) for item in value if isinstance(item, dict)) or _with_masks(value) != value
    return value is not None and not isinstance(value, bool) and is_secret(path)


def _with_masks(items: list[t.Any]) -> list[t.Any]:
    """A list less its secrets: ``PASSWORD=…``, ``--token=…`` and what follows a ``--token``, as programs get them."""
    found: list[t.Any] = []
    flag = ""
    for item in items:
        name, sign, value = item.partition("=") if isinstance(item, str) else ("", "", "")
        if sign and _gives_secret(name, value):
            found.append(f"{name}={MASK}")
        elif flag and _gives_secret(flag, name) and not name.startswith("-"):
            found.append(MASK)
        else:
            found.append(item)
        flag = name if name.startswith("-") and not sign else ""
    return found


def _gives_secret(name: str, value: str) -> bool:
    """Whether a word of a command line or an environment names a secret; a path only names where one is."""
    word = name.lstrip("-")
    is_short = _SHORT_SECRET.fullmatch(word) is not None and not value.startswith("/")
    return bool(value) and (is_secret((word,)) or is_short)


def mask_value(path: KeyPath, value: t.Any) -> t.Any:
    """A value for results: secrets at or below the path are masked, and so are credentials in URLs."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {_mask_key(key): mask_value((*path, key), item) for key, item in value.items()}
    if is_secret(path):
        return MASK
    if isinstance(value, list):
        return [mask_value(path, item) for item in _with_masks(value)]
    if isinstance(value, str) and path[-1:] and path[-1].lower() in _ENDPOINTS and _BARE_CREDENTIALS.match(value):
        return _mask_query(f"{MASK}@{value.rpartition('@')[2]}")
    return _mask_url(value) if isinstance(value, str) else value


def _mask_key(key: str) -> str:
    """A host that is a key, and was written with user and password."""
    bare = _BARE_CREDENTIALS.match(key)
    return _mask_query(f"{MASK}@{key[bare.end() :]}" if bare else _mask_url(key))


def _mask_url(text: str) -> str:
    """One value or key, which is a URL or holds one: a password in it may have any characters, and a query a token."""
    before, separator, rest = text.partition("://")
    if not separator:
        return text
    if "@" in rest:
        rest = f"{MASK}@{rest.rpartition('@')[2]}"
    return _mask_query(f"{before}{separator}{rest}")


def _mask_query(text: str) -> str:
    return _QUERY.sub(rf"\1{MASK}", text)


def masked_difference(file: str, difference: Difference) -> dict[str, t.Any]:
    """One changed key for results."""
    path = difference.path
    return {
        "file": file,
        "key_path": show_key_path(tuple(map(_mask_key, path))),
        "before": mask_value(path, difference.before),
        "after": mask_value(path, difference.after),
    }


def toml_diff(path: str, before: bytes | None, after: bytes | None) -> dict[str, str]:
    """One entry of a result's ``diff`` for a TOML file; None stands for an absent file."""
    shown_before, secrets = _masked(before, {})
    shown_after, _unused = _masked(after, secrets)
    return text_diff(path, shown_before, shown_after)


def config_diff(state: NodeState, plan: ConfigPlan) -> list[dict[str, str]]:
    """The entries of config.toml and of the files that it imports, in the order in which they are written."""
    return [toml_diff(edit.path, state.file(edit.path).content, edit.text.encode()) for edit in plan.edits]


def tree_diff(plan: Plan, pems: t.Mapping[str, PemFile]) -> list[dict[str, str]]:
    """The entries of the tree of hosts.toml files; of a PEM only what it is."""
    summaries = {pem.content: pem.summary for pem in pems.values()}
    files = [change for change in plan.changes.changes if change.op not in ("mkdir", "rmdir")]
    return [_file_diff(change, plan.before.get(change.path), summaries) for change in files]


def _file_diff(change: Change, before: bytes | None, summaries: t.Mapping[bytes, str]) -> dict[str, str]:
    if not change.path.endswith(f"/{HOSTS_TOML}"):
        after = summaries.get(change.content or b"", "")
        return text_diff(change.path, "PEM (not shown)\n" if change.expect else "", after)
    if before == change.content:
        return text_diff(change.path, "", f"mode {change.mode}\n")
    return toml_diff(change.path, before, change.content)


def text_diff(path: str, before: str, after: str) -> dict[str, str]:
    """One entry of a result's ``diff`` from texts that are known to hold no secret."""
    return {"before": before, "after": after, "before_header": path, "after_header": path}


def _masked(content: bytes | None, known: t.Mapping[_Place, str]) -> tuple[str, dict[_Place, str]]:
    """The text with masked secrets, and the secrets by place; one that differs from ``known`` is marked as changed."""
    if content is None:
        return "", {}
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
        tomllib.loads(text)
    except ValueError:  # UnicodeDecodeError and TOMLDecodeError alike
        return f"({len(content)} bytes that are not valid TOML; not shown)\n", {}
    mask = _Mask(text, known)
    shown = "".join(map(mask.statement, scan(text)))
    return mask_urls(shown), mask.secrets


class _Mask:
    """Masks one text, statement by statement."""

    def __init__(self, text: str, known: t.Mapping[_Place, str]) -> None:
        self.text = text
        self.known = known
        self.secrets: dict[_Place, str] = {}
        self.seen: collections.Counter[KeyPath] = collections.Counter()
        # Of commented-out TOML: the table that the next commented-out key is in, and whether a secret goes on.
        self.commented: KeyPath | None = None
        self.in_secret = False

    def statement(self, statement: Statement) -> str:
        if statement.kind is Kind.COMMENT:
            return self._comment(self._text(statement.start, statement.end), statement.table)
        if statement.kind is not Kind.BLANK:
            self.commented = None
        self.in_secret = False
        if statement.kind is Kind.KEY:
            return self._assignment(statement)
        return _beside(self._text(statement.start, statement.end))

    def _text(self, start: int, end: int) -> str:
        return self.text[start:end]

    def _assignment(self, statement: Statement) -> str:
        value = self._text(statement.value_start, statement.value_end)
        words = _words(statement.path, value)
        if words:
            value = self._with_masked_words(statement.path, value, words)
        elif _is_masked(statement.path, value):
            value = f'"{self._mask(statement.path, value)}"'
        elif statement.path[-1].lower() in _ENDPOINTS:
            value = _QUOTED_CREDENTIALS.sub(rf"\1{MASK}@", value)
        if "\n" in value:
            value = "\n".join(map(_beside, value.split("\n")))
        before = self._text(statement.start, statement.value_start)
        return before + value + _beside(self._text(statement.value_end, statement.end))

    def _mask(self, path: KeyPath, secret: str) -> str:
        # In an array of tables, a path comes more than once.
        place = path, self.seen[path]
        self.seen[path] += 1
        self.secrets[place] = secret
        return MASK if self.known.get(place, secret) == secret else _CHANGED_MASK

    def _with_masked_words(self, path: KeyPath, value: str, words: list[str]) -> str:
        """An array of words for a program, with the secrets among them masked one by one."""
        pairs = zip(words, _with_masks(words), strict=True)

        def shown(match: re.Match[str]) -> str:
            if match[0].startswith("#"):
                return match[0]
            word, masked = next(pairs)
            if word == masked:
                return match[0]
            name = masked.removesuffix(MASK)
            return json.dumps(name + self._mask((*path, name), word), ensure_ascii=False)

        return _STRING_OR_COMMENT.sub(shown, value)

    def _comment(self, line: str, table: KeyPath) -> str:
        """Commented-out keys are masked as they would be without the ``#``, and so are all lines of their values."""
        if header := _COMMENTED_HEADER.match(line):
            self.commented, self.in_secret = _keys(header[1]), False
        elif key := _COMMENTED_KEY.match(line):
            path = (table if self.commented is None else self.commented) + _keys(key[2])
            value = key[3].rstrip()
            is_masked = _is_masked(path, value)
            self.in_secret = is_masked and not _is_whole(value)
            if is_masked:
                return f"{key[1]}{MASK}{_end_of_line(line)}"
        elif self.in_secret:
            return f"{line[: len(line) - len(line.lstrip())]}# {MASK}{_end_of_line(line)}"
        return _COMMENTED_CREDENTIALS.sub(rf"\1{MASK}@", _PROSE.sub(_mask_prose, line))


def _beside(text: str) -> str:
    """A piece of a line with what its comment holds masked."""
    code, mark, comment = text.partition("#")
    return code + mark + _COMMENTED_CREDENTIALS.sub(rf"\1{MASK}@", _PROSE.sub(_mask_prose, comment))


def _mask_prose(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}{MASK}"


def _end_of_line(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _words(path: KeyPath, value: str) -> list[str]:
    """The items of an array of texts that is no secret as a whole; none where it is anything else."""
    if is_secret(path) or not value.startswith("["):
        return []
    items = tomllib.loads(f"x = {value}")["x"]
    return items if all(isinstance(item, str) for item in items) and _with_masks(items) != items else []


def _is_masked(path: KeyPath, value: str) -> bool:
    if is_secret(path):
        return True
    if not value.startswith(("{", "[")):
        return False
    if not _is_whole(value):  # the first line of a commented-out value
        return bool(_PROSE.search(value))
    return holds_secret(path, tomllib.loads(f"x = {value}")["x"])


def _is_whole(value: str) -> bool:
    try:
        tomllib.loads(f"x = {value}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _keys(written: str) -> KeyPath:
    try:
        return decode_keys(written)
    except tomllib.TOMLDecodeError:  # prose that looks like keys
        return (written,)


def mask_urls(text: str) -> str:
    """A text with the credentials in its URLs masked."""
    return _URL_CREDENTIALS.sub(f"://{MASK}@", text)
