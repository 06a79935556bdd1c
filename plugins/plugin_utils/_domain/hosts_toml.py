# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts.toml of one namespace, written in the one form that every release reads alike. Private to this collection.

What the form avoids, because releases differ in it or drop it without a word: files without a ``[host]`` table, inline
tables, dotted keys, escapes in keys, header tables apart from their host, and keys of the server behind a table.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace, Url

OWNER_MARK = "# Managed by Ansible (airgap.nodes.containerd_registries)"
CAPABILITIES = ("pull", "resolve", "push", "referrers")

# Before it named a namespace, the mark was followed by the colon alone.
_OWNER_LINE = re.compile(rf"{re.escape(OWNER_MARK)}(?: for (?P<namespace>\S+):| *[:\r\n]|$)")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

Headers = tuple[tuple[str, tuple[str, ...]], ...]
# One file that holds certificate and key, or the two files.
ClientFiles = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Host:
    """One endpoint with what containerd needs for it; paths are paths on the node."""

    url: Url
    capabilities: tuple[str, ...] = ()
    ca: tuple[str, ...] = ()
    client: tuple[ClientFiles, ...] = ()
    skip_verify: bool = False
    override_path: bool = False
    dial_timeout: str | None = None
    header: Headers = dataclasses.field(default=(), repr=False)


@dataclasses.dataclass(frozen=True)
class HostsFile:
    """The endpoints in the order in which they are asked. Without a server, containerd asks the upstream last."""

    hosts: tuple[Host, ...] = ()
    server: Host | None = None

    @property
    def endpoints(self) -> tuple[Host, ...]:
        return self.hosts if self.server is None else (*self.hosts, self.server)

    @property
    def is_secret(self) -> bool:
        """Whether the file must not be readable by all: a header may carry credentials."""
        return any(host.header for host in self.endpoints)


def owner_line(namespace: Namespace) -> str:
    """The first line of what the collection writes: a copy of the directory, made by others, is not taken for ours."""
    return f"{OWNER_MARK} for {namespace.name}: changes made here are overwritten."


def render(file: HostsFile, namespace: Namespace) -> str:
    """The text; equal values give equal bytes."""
    lines = [owner_line(namespace)]
    if file.server is not None:
        lines += [_assignment("server", str(file.server.url)), *_settings(file.server)]
        lines += _headers(file.server, "header")
    if not file.hosts:
        lines += ["", "[host]"]
    for host in file.hosts:
        # A URL never needs an escape, see Url: releases before 2.0 do not undo them in keys.
        table = f'host."{host.url}"'
        lines += ["", f"[{table}]", *_settings(host), *_headers(host, f"{table}.header")]
    return "\n".join(lines) + "\n"


def is_owned(content: bytes, directory: str) -> bool:
    """Whether the hosts.toml in the directory of a namespace was written by this collection, and written for it."""
    found = _OWNER_LINE.match(content.split(b"\n", 1)[0].decode(errors="replace"))
    if found is None:
        return False
    return found["namespace"] is None or Namespace(found["namespace"]).directory == directory


def _settings(host: Host) -> list[str]:
    known: dict[str, t.Any] = {
        "capabilities": list(host.capabilities),
        "ca": _one_or_list(host.ca),
        "client": _client(host.client),
        "skip_verify": host.skip_verify,
        "override_path": host.override_path,
        "dial_timeout": host.dial_timeout,
    }
    return [_assignment(key, value) for key, value in known.items() if value]


def _headers(host: Host, table: str) -> list[str]:
    if not host.header:
        return []
    return ["", f"[{table}]", *(_assignment(_key(name), _one_or_list(values)) for name, values in host.header)]


def _client(client: tuple[ClientFiles, ...]) -> t.Any:
    if all(len(files) == 1 for files in client):
        return _one_or_list(tuple(files[0] for files in client))
    # Lists that mix text and pairs are refused before 2.0; a file that holds both parts can be named for each.
    return [[files[0], files[-1]] for files in client]


def _one_or_list(values: tuple[str, ...]) -> t.Any:
    return values[0] if len(values) == 1 else list(values)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else f'"{name}"'


def _assignment(key: str, value: t.Any) -> str:
    # The JSON of text, lists and booleans is TOML too.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"
