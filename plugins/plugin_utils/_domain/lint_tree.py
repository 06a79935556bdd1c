# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of the tree of hosts.toml files: its directories, and what whole files come to. Private to this collection."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, masked, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_pages import Data, Page, field_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB, Namespace
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature

Findings = t.Iterator[Finding]

_DOCKER_FILES = (".crt", ".cert", ".key")
_HUB_NAMES = ("index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
_BOTH = frozenset({"pull", "resolve"})
_OTHERS_READ = 0o004


def counting(node: Node) -> t.Iterator[Page]:
    """Those whose hosts.toml counts."""
    return (page for page in node.pages if page.is_read and page.is_looked_up and not _is_shadowed(page, node))


def is_open_to_others(entry: Entry) -> bool:
    try:
        return bool(int(entry.mode or "0", 8) & _OTHERS_READ)
    except ValueError:
        return False


# --- directories


def directories_are_looked_up(node: Node) -> Findings:
    for page in node.pages:
        is_meant = page.has_hosts_toml or any(name.endswith(_DOCKER_FILES) for name in page.files)
        if page.kind != "directory" or not is_meant:
            continue
        if page.name == ANY:
            if not page.is_looked_up:
                what = f"containerd {node.release} does not know _default; {Feature.DEFAULT_NAMESPACE.since_text} does"
                yield found("default-unknown-to-release", what, Place(page.path))
            continue
        advice = _other_name(page, node)
        if advice is not None:
            what, fix = advice
            yield found("directory-never-looked-up", what, Place(page.directory), fix=fix)


def _other_name(page: Page, node: Node) -> tuple[str, str] | None:
    """Why the directory is not looked into, and what to call it."""
    namespace = page.namespace
    if namespace.lower() in _HUB_NAMES:
        return f"Images of Docker Hub belong to {HUB}, and not to {namespace}", f"Rename it to {HUB}."
    if namespace != namespace.lower():
        return f"{shown(page.name)} has capital letters", f"Rename it to {Namespace(namespace.lower()).directory}."
    if _is_shadowed(page, node):
        what = f"{shown(Namespace(namespace).directory)} is there too, and is looked for first"
        return what, "Move what counts into one of the two, and remove the other."
    if not page.is_looked_up:
        return (
            f"{shown(page.name)} is not the name of a registry",
            "Name it as images do, such as registry.example.com.",
        )
    if namespace.endswith(":443") and not _names_port(namespace, node):
        bare = namespace.removesuffix(":443")
        return f"Images name {bare}, and not {namespace}", f"Rename it to {bare}."
    return None


def _is_shadowed(page: Page, node: Node) -> bool:
    """Of two directories for one port, the one without a colon in its name is read."""
    first = Namespace(page.namespace).directory
    return page.name != first and any(other.name == first and other.root == page.root for other in node.pages)


def _names_port(namespace: str, node: Node) -> bool:
    return any(image.startswith(f"{namespace}/") for image, _users in node.subject.images)


def directories_have_a_file(node: Node) -> Findings:
    has_default = any(page.name == ANY and page.is_looked_up and page.has_hosts_toml for page in node.pages)
    for page in node.pages:
        if page.name == ANY or not page.is_looked_up or page.has_hosts_toml:
            continue
        if page.kind != "directory":
            what = f"{page.directory} is no directory ({page.kind})"
            yield found("hosts-toml-unreadable", what, Place(page.directory), fix="Move it away.")
        elif has_default or not _is_trusted(hosts_reader.upstream(page.namespace, node.release), node):
            what = f"{page.directory} has no {HOSTS_TOML}"
            shadow = " and hides _default" if has_default else ""
            yield found("hosts-toml-missing", f"{what}{shadow}", Place(page.directory))


def _is_trusted(endpoint: Endpoint, node: Node) -> bool:
    return node.trust.covers(endpoint.scheme, endpoint.host)


# --- whole files


def files_count(node: Node) -> Findings:
    for page in node.pages:
        if not page.has_hosts_toml or not page.is_looked_up:
            continue
        if page.entry.content is None:
            why = page.entry.error or f"it is no file ({page.entry.kind})"
            yield found("hosts-toml-unreadable", f"{page.path}: {why}", Place(page.path))
        elif page.reading.crashes:
            yield found("hosts-toml-crashes", "The table host has plain values in it", page.place("host"))
        elif page.reading.dropped is not None:
            yield from _dropped(page, page.reading.dropped)


def _dropped(page: Page, reason: str) -> Findings:
    is_table_missing = (
        page.data is not None and "host" not in page.data and not page.release.knows(Feature.NO_HOST_TABLE)
    )
    if is_table_missing:
        yield found(
            "host-table-missing", f"The file has no table [host], which containerd {page.release} wants", page.place()
        )
    yield found(
        "hosts-toml-dropped", f"containerd {page.release} passes over the file: {masked(reason)}", _at(page, reason)
    )


def _at(page: Page, reason: str) -> Place:
    """Where a reason says that it is."""
    position = re.search(r"at line (\d+)|at end of document", reason)
    if position is None:
        return Place(page.path)
    return Place(page.path, int(position[1] or (page.entry.content or b"").count(b"\n") + 1))


# --- where the endpoints are


def endpoints_are_trusted(node: Node) -> Findings:
    for page in counting(node):
        *hosts, last = page.reading.endpoints
        for name, endpoint in _named(page, hosts):
            if endpoint.host and not _is_trusted(endpoint, node):
                yield found(
                    "host-outside", f"{page.namespace} is asked for at {endpoint.host}", page.place("host", name)
                )
        if not last.is_upstream and not _is_trusted(last, node):
            yield found(
                "server-outside", f"{page.namespace} is asked for at {last.host} in the end", page.place("server")
            )
        elif last.is_upstream and _asks_outside(page, node):
            own = "the registry of each image" if page.name == ANY else page.namespace
            yield found(
                "server-missing", f"No server is named for {page.namespace}: {own} is asked in the end", page.place()
            )


def _asks_outside(page: Page, node: Node) -> bool:
    return page.name == ANY or not _is_trusted(hosts_reader.upstream(page.namespace, node.release), node)


def _named(page: Page, endpoints: t.Sequence[Endpoint]) -> t.Iterator[tuple[str, Endpoint]]:
    """Each endpoint with the name that its table has; a name that cannot be told is its URL."""
    by_url: dict[str, str] = {}
    for name in page.hosts:
        text = name if name.startswith("http") else f"https://{name}"
        by_url.setdefault(text.partition("://")[2].partition("/")[0].rpartition("@")[2], name)
    for endpoint in endpoints:
        yield by_url.get(endpoint.host, f"{endpoint.scheme}://{endpoint.host}"), endpoint


def tags_are_resolved(node: Node) -> Findings:
    for page in counting(node):
        *hosts, last = page.reading.endpoints
        resolvers = [host for host in hosts if host.capabilities >= _BOTH]
        if resolvers and _is_trusted(resolvers[0], node):
            continue
        if not resolvers and not last.is_upstream and not last.capabilities >= _BOTH:
            yield found("nobody-resolves", f"No endpoint for {page.namespace} may both pull and resolve", page.place())
        elif hosts and not resolvers and _is_outside(last, page, node):
            who = last.host or ("the registry of the image" if page.name == ANY else page.namespace)
            what = f"The hosts for {page.namespace} may not resolve, and {who} does"
            yield found("resolve-goes-upstream", what, page.place("host"))


def _is_outside(last: Endpoint, page: Page, node: Node) -> bool:
    return _asks_outside(page, node) if last.is_upstream else not _is_trusted(last, node)


def endpoints_differ(node: Node) -> Findings:
    for page in counting(node):
        seen: set[tuple[str, str, str]] = set()
        for name, endpoint in _named(page, [e for e in page.reading.endpoints if e.host]):
            where = (endpoint.scheme, endpoint.host.lower(), endpoint.path)
            if where in seen:
                what = f"{endpoint.scheme}://{endpoint.host}{endpoint.path} is asked twice"
                yield found("host-duplicated", what, page.place("host", name))
            seen.add(where)


# --- files that endpoints name


def named_files_are_there(node: Node) -> Findings:
    for page in counting(node):
        for endpoint in page.reading.endpoints:
            for key, path in _files_of(endpoint):
                if _is_missing(path, page.root, node):
                    place = next(
                        (page.place(*at, key) for at, table in page.tables if _says(table, key, path)), page.place()
                    )
                    yield found("pull-file-missing", f"{key} names {path}, which is not there", place)


def _files_of(endpoint: Endpoint) -> t.Iterator[tuple[str, str]]:
    yield from (("ca", path) for path in endpoint.ca)
    yield from (("client", path) for pair in endpoint.client for path in dict.fromkeys(pair))


def _says(table: Data, key: str, path: str) -> bool:
    return key in table and posixpath.basename(path) in str(table[key])


def _is_missing(path: str, root: str, node: Node) -> bool:
    """Only of what has been looked for: the files of the tree, and others that were asked for by name."""
    if path in node.state.files:
        return node.state.files[path].kind == "absent"
    below = path.removeprefix(f"{root}/")
    if below == path or below.count("/") != 1 or node.state.directories.get(root, ABSENT).kind != "directory":
        return False
    listing = node.state.listings.get(root, {})
    # Of a directory that cannot be looked into, nothing is known.
    directory = listing.get(below.partition("/")[0], ABSENT)
    return below not in listing and directory.error is None and directory.kind in ("directory", "absent")


def docker_files_count(node: Node) -> Findings:
    for page in counting(node):
        named = {path for endpoint in page.reading.endpoints for _key, path in _files_of(endpoint)}
        left = [name for name in page.files if name.endswith(_DOCKER_FILES) and f"{page.directory}/{name}" not in named]
        if left:
            what = f"{', '.join(left[:3])} in {page.directory} {'are' if len(left) > 1 else 'is'} not read"
            yield found("docker-files-passed-over", what, Place(page.directory))


def others_cannot_read(node: Node) -> Findings:
    for page in node.pages:
        if is_open_to_others(page.entry) and (name := _secret(page)):
            what = f"The mode is {page.entry.mode}, and {name} is in it"
            yield found("authorization-world-readable", what, Place(page.path))


_SECRET_NAMES = ("*auth*", "*token*", "*key*", "*secret*", "*cookie*", "*password*")


def _secret(page: Page) -> str | None:
    """What of the file nobody else should see."""
    if any("@" in url for url in (page.server, *page.hosts)):
        return "a URL with credentials"
    for _at, table in page.tables:
        header = field_of(table, "header", page.release)
        for name in header if isinstance(header, dict) else ():
            if any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in _SECRET_NAMES):
                return f"a header {name}"
    return None


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    directories_are_looked_up,
    directories_have_a_file,
    files_count,
    endpoints_are_trusted,
    tags_are_resolved,
    endpoints_differ,
    named_files_are_there,
    docker_files_count,
    others_cannot_read,
)
