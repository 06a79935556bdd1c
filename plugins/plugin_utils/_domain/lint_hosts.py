# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps in the lines of a hosts.toml: keys, URLs, headers. Private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import CAPABILITIES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_pages import Data, Page
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import is_on_node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.spelling import misspelt
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind

Findings = t.Iterator[Finding]

_SETTINGS = ("capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout")
_OF_THE_FILE = ("server", "host", *_SETTINGS)
_SINCE = {"override_path": Feature.OVERRIDE_PATH, "dial_timeout": Feature.DIAL_TIMEOUT}
_SCHEME = re.compile(r"https?://")
_TLS_SETTINGS = ("skip_verify", "ca", "client")
# dial_timeout alone has TLS spoken first.
_TLS_BY_DIAL_TIMEOUT = (Release(2, 0, 7), Release(2, 0, 11))
_AUTHORIZATION = "authorization"


def _read(node: Node) -> t.Iterator[Page]:
    """Every file that is TOML, be it one that containerd passes over for another reason."""
    return (page for page in node.counting if page.entry.content and page.data is not None)


# --- keys


def keys_are_known(node: Node) -> Findings:
    for page in _read(node):
        for at, table in page.tables:
            for key, value in table.items():
                yield from _of_key(page, at, key, value)


def _of_key(page: Page, at: KeyPath, key: str, value: t.Any) -> Findings:
    known = _SETTINGS if at else _OF_THE_FILE
    field = _as_read(key, known, page.release)
    if at and key.lower() == "server":
        yield found("server-after-host", f"server stands below [{_shown(at)}]", page.place(*at, key))
    elif field in _SINCE and not page.release.knows(_SINCE[field]):
        feature = _SINCE[field]
        what = f"containerd {page.release} does not know {field}, {feature.since_text} does"
        yield found("key-unknown-to-release", what, page.place(*at, key))
    elif field in known:
        yield from _of_header(page, (*at, key), value) if field == "header" else ()
    elif not (at and _is_unquoted(page, at)):
        yield _unknown(page, (*at, key), known)


def _as_read(key: str, known: t.Sequence[str], release: Release) -> str:
    """The field that the release takes a key for: since 2.0 its case does not count, before it all capitals do."""
    is_same = key.lower() in known and (release.line >= (2, 0) or key == key.upper())
    return key.lower() if is_same else key


def _unknown(page: Page, path: KeyPath, known: t.Sequence[str]) -> Finding:
    key = path[-1]
    flat = {name.replace("_", ""): name for name in known}
    plain = re.sub(r"[-_. ]", "", key.lower())
    # A plural is no slip of one finger, and the one that is seen most.
    meant = (
        flat.get(plain) or flat.get(plain.removesuffix("s")) or flat.get(f"{plain}s") or misspelt(key.lower(), known)
    )
    what = f"containerd knows no {shown(key)}"
    if meant is None:
        return found("key-unknown", what, page.place(*path))
    return found("hosts-misspelt", what, page.place(*path), fix=f"Write it as {meant}.")


def _of_header(page: Page, path: KeyPath, header: t.Any) -> Findings:
    for name in header if isinstance(header, dict) else ():
        place = page.place(*path, name)
        if name == "server":
            yield found("server-after-host", f"server stands below [{_shown(path)}]", place)
        elif name in (*_SETTINGS, "host"):
            yield found("setting-in-header-table", f"{name} stands below [{_shown(path)}]", place)
        elif name.lower() == _AUTHORIZATION:
            if name != _AUTHORIZATION.capitalize():
                yield found("authorization-lower-case", f"The header is called {shown(name)}", place)
            if not page.release.knows(Feature.TOKEN_HEADERS):
                yield found(
                    "authorization-not-for-tokens", f"containerd {page.release} sends it to registries alone", place
                )


def _shown(path: KeyPath) -> str:
    return masked_key_path(path)


def capabilities_are_known(node: Node) -> Findings:
    for page in _read(node):
        for at, table in page.tables:
            values = table.get("capabilities")
            for value in values if isinstance(values, list) else ():
                yield from _of_capability(page, (*at, "capabilities"), value)


def _of_capability(page: Page, path: KeyPath, value: t.Any) -> Findings:
    name = str(value).lower()
    if name == CAPABILITIES[-1] and not page.release.knows(Feature.REFERRERS):
        what = f"containerd {page.release} does not know {name}, {Feature.REFERRERS.since_text} does"
        yield found("key-unknown-to-release", what, page.place(*path))
    elif isinstance(value, str) and name not in CAPABILITIES:
        meant = misspelt(name, CAPABILITIES)
        fix = f"Write it as {meant}." if meant else ""
        yield found("capability-unknown", f"{shown(value)} is no capability", page.place(*path), fix=fix)


# --- tables of hosts


def hosts_are_seen(node: Node) -> Findings:
    for page in _read(node):
        headers = [s for s in page.lines.statements if s.kind is Kind.TABLE and s.path[0] == "host" and len(s.path) > 1]
        for name in page.hosts:
            if page.release.line >= (2, 0) and all(statement.path[1] != name for statement in headers):
                yield found("hosts-not-seen", f"{shown(name)} has no header of its own", page.place("host", name))
        for statement in headers:
            if _is_taken_apart(statement.keys, statement.path):
                whole = ".".join(statement.path[1:])
                place = page.place(*statement.path)
                yield found(
                    "host-unquoted", f"[host.{whole}] has no quotes", place, fix=f'Write [host."https://{whole}"].'
                )


def _is_taken_apart(keys: t.Sequence[str], path: KeyPath) -> bool:
    is_bare = len(keys) > 1 and keys[1][0] not in "\"'"
    return is_bare and len(path) > 2 and path[2] not in _SETTINGS


def _is_unquoted(page: Page, at: KeyPath) -> bool:
    return any(s.is_header and s.path[:2] == at and _is_taken_apart(s.keys, s.path) for s in page.lines.statements)


# --- URLs


def urls_mean_what_they_say(node: Node) -> Findings:
    for page in _read(node):
        if page.server:
            yield from _of_url(page, page.server, ("server",), page.data or {})
        for name, table in page.hosts.items():
            yield from _of_url(page, name, ("host", name), table)


def _of_url(page: Page, text: str, at: KeyPath, table: Data) -> Findings:
    place = page.place(*at)
    has_scheme = _SCHEME.match(text) is not None
    if not has_scheme and (text.lower().startswith("http") or "://" in text):
        yield found("url-without-scheme", f"containerd does not find the host in {shown(text)}", place)
        return
    rest = text.partition("://")[2] if has_scheme else text
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # With a slash in a password, what seems to be host and path is made of it.
    is_split = "@" in rest[len(authority) :]
    named = masked(rest if is_split else authority)
    if "@" in authority:
        yield found("url-with-credentials", f"The URL of {shown(named)} has a user in it", place)
    if "?" in rest or "#" in rest:
        yield found("url-with-query", f"containerd drops what follows the path of {shown(text)}", place)
    path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")[2].rstrip("/")
    yield from _of_path(page, path, at, table, quoted="…" if is_split else path)
    if text.startswith("http://"):
        yield from _of_http(page, authority.rpartition("@")[2], named, at, table)
    elif table.get("skip_verify") is True:
        yield found("skip-verify", f"skip_verify is set for {shown(named)}", page.place(*_above(at), "skip_verify"))


def _above(at: KeyPath) -> KeyPath:
    """The table of an endpoint: that of the server is the top level."""
    return () if at == ("server",) else at


def _of_path(page: Page, path: str, at: KeyPath, table: Data, *, quoted: str) -> Findings:
    overrides = table.get("override_path") is True and page.release.knows(Feature.OVERRIDE_PATH)
    if overrides and not path:
        what = "override_path is set, and the URL has no path"
        yield found("override-path-without-path", what, page.place(*_above(at), "override_path"))
    elif not overrides and "v2" in path.split("/")[:-1]:
        yield found("v2-doubled", f"containerd asks below /{quoted}/v2", page.place(*at))


def _of_http(page: Page, authority: str, named: str, at: KeyPath, table: Data) -> Findings:
    settings = [key for key in _TLS_SETTINGS if key in table]
    first, last = _TLS_BY_DIAL_TIMEOUT
    if "dial_timeout" in table and first <= page.release <= last:
        settings.append("dial_timeout")
    if settings and page.release.knows(Feature.TLS_FIRST) and not authority.endswith(":80"):
        what = f"http://{named} has {settings[0]}"
        yield found("http-with-tls-options", what, page.place(*_above(at), settings[0]))
    if not is_on_node(authority):
        yield found("plain-http", f"{shown(named)} is asked without TLS", page.place(*at))
        header = table.get("header")
        if isinstance(header, dict) and any(name.lower() == _AUTHORIZATION for name in header):
            place = page.place(*_above(at), "header")
            yield found("authorization-unencrypted", f"It goes to http://{named}", place)


# --- certificates


def clients_are_pairs(node: Node) -> Findings:
    for page in _read(node):
        for at, table in page.tables:
            client = table.get("client")
            if isinstance(client, list) and _is_flat_pair(client):
                what = f"client is [{shown(client[0])}, {shown(client[1])}]"
                yield found("client-flat-pair", what, page.place(*at, "client"))


def _is_flat_pair(client: list[t.Any]) -> bool:
    """Two files, one of which is by its name a key alone."""
    if len(client) != 2 or not all(isinstance(name, str) for name in client):
        return False
    return sum("key" in name.rpartition("/")[2].lower() for name in client) == 1


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    keys_are_known,
    capabilities_are_known,
    hosts_are_seen,
    urls_mean_what_they_say,
    clients_are_pairs,
)
