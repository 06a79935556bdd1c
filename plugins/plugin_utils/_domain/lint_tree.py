# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of the tree of hosts.toml files: its directories, and what whole files come to. Private to this collection."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_pages import Page, field_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB, HUB_NAMES, Namespace
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Findings = t.Iterator[Finding]

_DOCKER_FILES = (".crt", ".cert", ".key")
_BOTH = frozenset({"pull", "resolve"})
_OTHERS_READ = 0o004
# What has an effect on the registry itself; see settings-without-server.
_OF_A_SERVER = ("header", "client", "ca", "skip_verify", "capabilities")


def read_by(node: Node) -> t.Iterator[Page]:
    """Those whose hosts.toml counts."""
    return (page for page in node.counting if page.is_read)


def is_open_to_others(entry: Entry) -> bool:
    try:
        return bool(int(entry.mode or "0", 8) & _OTHERS_READ)
    except ValueError:
        return False


# --- directories


def directories_are_looked_up(node: Node) -> Findings:
    counting = {page.directory for page in node.counting}
    for page in node.pages:
        is_meant = page.has_hosts_toml or any(name.endswith(_DOCKER_FILES) for name in page.files)
        if page.kind != "directory" or not is_meant:
            continue
        if page.name == ANY and not page.is_looked_up:
            what = f"containerd {node.release} does not know _default; {Feature.DEFAULT_NAMESPACE.since_text} does"
            yield found("default-unknown-to-release", what, Place(page.path))
            continue
        advice = _other_name(page, node, is_first=page.directory in counting)
        if advice is not None:
            what, fix = advice
            yield found("directory-never-looked-up", what, Place(page.directory), fix=fix)


def _other_name(page: Page, node: Node, *, is_first: bool) -> tuple[str, str] | None:
    """Why the directory is not looked into, and what to call it."""
    namespace = page.namespace
    if namespace != HUB and namespace.lower() in HUB_NAMES:
        return f"Images of Docker Hub belong to {HUB}, and not to {namespace}", f"Rename it to {HUB}."
    if namespace != namespace.lower():
        return f"{shown(page.name)} has capital letters", f"Rename it to {Namespace(namespace.lower()).directory}."
    if not page.is_looked_up:
        return (
            f"{shown(page.name)} is not the name of a registry",
            "Name it as images do, such as registry.example.com.",
        )
    if not is_first:
        what = f"Another directory for {namespace} is found before {shown(page.directory)}"
        return what, "Move what counts into one of the two, and remove the other."
    if namespace.endswith(":443") and not _names_port(namespace, node):
        bare = namespace.removesuffix(":443")
        return f"Images name {bare}, and not {namespace}", f"Rename it to {bare}."
    return None


def _names_port(namespace: str, node: Node) -> bool:
    return any(image.startswith(f"{namespace}/") for image, _users in node.subject.images)


def directories_have_a_file(node: Node) -> Findings:
    has_default = any(page.name == ANY and page.has_hosts_toml for page in node.counting)
    for page in node.counting:
        if page.name == ANY or page.has_hosts_toml:
            continue
        if page.kind != "directory" or page.error:
            what = f"{page.directory}: {page.error or f'it is no directory ({page.kind})'}"
            yield found("hosts-toml-unreadable", what, Place(page.directory))
        elif has_default or not _is_trusted(hosts_reader.upstream(page.namespace, node.release), node):
            what = f"{page.directory} has no {HOSTS_TOML}"
            shadow = " and hides _default" if has_default else ""
            yield found("hosts-toml-missing", f"{what}{shadow}", Place(page.directory))


def _is_trusted(endpoint: Endpoint, node: Node) -> bool:
    return node.trust.covers(endpoint.scheme, endpoint.host)


# --- whole files


def trees_can_be_read(node: Node) -> Findings:
    for root in node.config.roots if node.config else ():
        entry = node.state.directories.get(root)
        if entry is None or entry.error or entry.kind not in ("absent", "directory"):
            why = "it was not read" if entry is None else entry.error or f"it is no directory ({entry.kind})"
            yield found("hosts-toml-unreadable", f"{root}: {why}", Place(root))


def files_count(node: Node) -> Findings:
    for page in node.counting:
        if not page.has_hosts_toml:
            continue
        if page.entry.content is None:
            why = page.entry.error or f"it is no file ({page.entry.kind})"
            yield found("hosts-toml-unreadable", f"{page.path}: {why}", Place(page.path))
        elif page.reading.crashes:
            place = Place(page.path, page.reading.fault_line, "host")
            is_1 = page.release.line < (2, 0)
            what = "The table host has plain values in it" if is_1 else "skip_verify is a dotted key of a host"
            yield found("hosts-toml-crashes", what, place)
        elif page.reading.dropped is not None:
            yield from _dropped(page, page.reading.dropped)


def _dropped(page: Page, reason: str) -> Findings:
    no_table = page.data is not None and "host" not in page.data and not page.release.knows(Feature.NO_HOST_TABLE)
    if no_table:
        what = f"The file has no table [host], which containerd {page.release} wants"
        yield found("host-table-missing", what, page.place())
    place = Place(page.path, page.reading.fault_line)
    passes = "passes" if page.reading.is_certain else "may pass"
    yield found("hosts-toml-dropped", f"containerd {page.release} {passes} over the file: {masked(reason)}", place)


# --- where the endpoints are


def endpoints_are_trusted(node: Node) -> Findings:
    for page in read_by(node):
        *hosts, last = page.reading.endpoints
        for endpoint, line in zip(hosts, page.reading.lines, strict=False):
            if endpoint.can_be_asked and not _is_trusted(endpoint, node):
                yield found("host-outside", f"{page.namespace} is asked for at {endpoint.host}", Place(page.path, line))
        if last.is_upstream and _asks_outside(page, node):
            what = f"No server is named for {page.namespace}: {_upstream(page)} is asked in the end"
            yield found("server-missing", what, page.place())
        elif last.can_be_asked and not _is_trusted(last, node):
            what = f"{page.namespace} is asked for at {last.host} in the end"
            yield found("server-outside", what, page.place("server"))


def _upstream(page: Page) -> str:
    """The registry itself, for messages."""
    return (
        "the registry of each image" if page.name == ANY else hosts_reader.upstream(page.namespace, page.release).host
    )


def _asks_outside(page: Page, node: Node) -> bool:
    return page.name == ANY or not _is_trusted(hosts_reader.upstream(page.namespace, node.release), node)


def tags_are_resolved(node: Node) -> Findings:
    for page in read_by(node):
        *hosts, last = page.reading.endpoints
        resolvers = [host for host in hosts if host.can_be_asked and host.capabilities >= _BOTH]
        if resolvers and _is_trusted(resolvers[0], node):
            continue
        if not resolvers and not last.is_upstream and not last.capabilities >= _BOTH:
            yield found("nobody-resolves", f"No endpoint for {page.namespace} may both pull and resolve", page.place())
        elif hosts and not resolvers and _is_outside(last, page, node):
            what = f"The hosts for {page.namespace} may not resolve, and {last.host or _upstream(page)} does"
            yield found("resolve-goes-upstream", what, page.place("host"))


def _is_outside(last: Endpoint, page: Page, node: Node) -> bool:
    return _asks_outside(page, node) if last.is_upstream else not _is_trusted(last, node)


def capabilities_filter(node: Node) -> Findings:
    for page in read_by(node):
        *hosts, _last = page.reading.endpoints
        for endpoint, line in zip(hosts, page.reading.lines, strict=False):
            if endpoint.can_be_asked and "pull" not in endpoint.capabilities:
                what = f"{endpoint.host} may only {' and '.join(sorted(endpoint.capabilities))}"
                yield found("host-without-pull", what, Place(page.path, line))


def settings_have_a_server(node: Node) -> Findings:
    for page in read_by(node):
        keys = [key for key in _OF_A_SERVER if page.data and field_of(page.data, key, page.release)]
        if not page.server and keys:
            yield found("settings-without-server", f"{keys[0]} is for {_upstream(page)}", page.place(keys[0]))


def endpoints_differ(node: Node) -> Findings:
    for page in read_by(node):
        seen: set[tuple[str, str, str]] = set()
        for endpoint, line in zip(page.reading.endpoints, page.reading.lines, strict=True):
            where = (endpoint.scheme, endpoint.host.lower(), endpoint.path)
            if endpoint.can_be_asked and where in seen:
                what = f"{endpoint.scheme}://{endpoint.host}{endpoint.path} is asked twice"
                yield found("host-duplicated", what, Place(page.path, line))
            seen.add(where)


# --- files that endpoints name


def named_files_are_there(node: Node) -> Findings:
    """The first one that is of no use fails the pull; so it is with certificates in Docker's style."""
    for page in node.counting:
        if page.kind == "directory" and (page.is_read or not page.has_hosts_toml) and _names_files(page):
            route = node.route(page.namespace)
            for obstacle in route.obstacles if route else ():
                if obstacle.kind == "pull_file":
                    yield found("pull-file-missing", masked(obstacle.detail), obstacle.place)


def _names_files(page: Page) -> bool:
    if not page.has_hosts_toml:
        return any(name.endswith(_DOCKER_FILES) for name in page.files)
    return any(endpoint.ca or endpoint.client for endpoint in page.reading.endpoints)


def _files_of(endpoint: Endpoint) -> t.Iterator[str]:
    yield from endpoint.ca
    yield from (path for pair in endpoint.client for path in pair)


def docker_files_count(node: Node) -> Findings:
    for page in read_by(node):
        named = {path for endpoint in page.reading.endpoints for path in _files_of(endpoint)}
        left = [name for name in page.files if name.endswith(_DOCKER_FILES) and f"{page.directory}/{name}" not in named]
        if left:
            what = f"{', '.join(left[:3])} in {page.directory} {'are' if len(left) > 1 else 'is'} not read"
            yield found("docker-files-passed-over", what, Place(page.directory))


def others_cannot_read(node: Node) -> Findings:
    for page in node.pages:
        if is_open_to_others(page.entry) and (name := _secret(page)):
            what = f"The mode is {page.entry.mode}, and {name} is in it"
            yield found("authorization-world-readable", what, Place(page.path))


def headers_are_not_logged(node: Node) -> Findings:
    level = look_up(node.effective, ("debug", "level")) if node.files else None
    if str(level).lower() not in ("debug", "trace"):
        return
    for page in read_by(node):
        for at, table in page.tables:
            header = field_of(table, "header", page.release)
            for name in header if isinstance(header, dict) else ():
                if name.lower() != "authorization" and _is_secret(name):
                    yield found(
                        "header-logged", f"debug.level is {level}, and {name} is sent", page.place(*at, "header", name)
                    )


_SECRET_NAMES = ("*auth*", "*token*", "*key*", "*secret*", "*cookie*", "*password*")


def _secret(page: Page) -> str | None:
    """What of the file nobody else should see."""
    if any("@" in url for url in (page.server, *page.hosts)):
        return "a URL with credentials"
    for _at, table in page.tables:
        header = field_of(table, "header", page.release)
        for name in header if isinstance(header, dict) else ():
            if _is_secret(name):
                return f"a header {name}"
    return None


def _is_secret(header: str) -> bool:
    return any(fnmatch.fnmatchcase(header.lower(), pattern) for pattern in _SECRET_NAMES)


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    trees_can_be_read,
    directories_are_looked_up,
    directories_have_a_file,
    files_count,
    endpoints_are_trusted,
    tags_are_resolved,
    capabilities_filter,
    settings_have_a_server,
    endpoints_differ,
    named_files_are_there,
    docker_files_count,
    others_cannot_read,
    headers_are_not_logged,
)
