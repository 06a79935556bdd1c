# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd asks by a tree of hosts.toml files that is on a node, or is to be. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint, reread, upstream
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, Namespace, name_of_directory
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

Route = tuple[Endpoint, ...]

_BOTH = frozenset({"pull", "resolve"})


@dataclasses.dataclass(frozen=True)
class TreeOnNode:
    """What was read of the tree below ``root``."""

    state: NodeState
    root: str
    release: Release

    def hosts_toml(self, directory: str) -> str:
        return f"{self.root}/{directory}/{HOSTS_TOML}"

    def content(self, path: str) -> bytes | None:
        """None where there is no file; one that cannot be read is an error of the tree's own plan."""
        entry = self.state.globs.get(f"{self.root}/*/{HOSTS_TOML}", {}).get(path)
        return entry.content if entry is not None else None

    @property
    def namespaces(self) -> dict[str, list[str]]:
        """Those that have a directory, with the names of the files in it."""
        listing = self.state.listings.get(self.root, {})
        found: dict[str, list[str]] = {}
        for name, entry in sorted(listing.items()):
            namespace = None if "/" in name or entry.kind != "directory" else _of_directory(name)
            if namespace is not None:
                files = [file.partition("/")[2] for file in listing if file.startswith(f"{name}/")]
                # Of two directories for one port, containerd reads the one without a colon in its name.
                if namespace not in found or name == Namespace(namespace).directory:
                    found[namespace] = files
        return found

    def says(self, namespace: str) -> Route | None:
        return self.read(namespace, self.content(self.hosts_toml(Namespace(namespace).directory)))

    def read(self, namespace: str, content: bytes | None) -> Route | None:
        """The endpoints, each once, upstream included; None where containerd drops the file or crashes on it."""
        directory = f"{self.root}/{Namespace(namespace).directory}"
        reading = reread(content or b"[host]\n", self.release, directory=directory)
        if reading.dropped or reading.crashes:
            return None
        return tuple(dict.fromkeys(self._comparable(namespace, endpoint) for endpoint in reading.endpoints))

    def _comparable(self, namespace: str, endpoint: Endpoint) -> Endpoint:
        if endpoint.is_upstream:
            named = Endpoint() if namespace == ANY else upstream(namespace, self.release)
            endpoint = dataclasses.replace(
                endpoint,
                scheme=named.scheme,
                host=named.host,
                path=named.path,
                # containerd has all of them here, whatever the file says.
                capabilities=frozenset(),
                skip_verify=named.skip_verify or endpoint.skip_verify,
            )
        return dataclasses.replace(
            endpoint,
            path="" if endpoint.path == "/" else endpoint.path,
            capabilities=frozenset() if endpoint.capabilities >= _BOTH else endpoint.capabilities,
            skip_verify=endpoint.skip_verify or None,
            dial_timeout=None,
        )


def _of_directory(directory: str) -> str | None:
    """The namespace that containerd looks up in a directory, None if there is no such."""
    return valid_namespace(name_of_directory(directory))


def valid_namespace(name: str) -> str | None:
    """The name, if containerd ever looks it up."""
    try:
        return Namespace.parse(name).name
    except DomainError:
        return None


def show_url(endpoint: Endpoint) -> str:
    """The address of an endpoint, for people."""
    return f"{endpoint.scheme}://{endpoint.host}{endpoint.path}" if endpoint.host else "the registry itself"


def describe(endpoint: Endpoint) -> dict[str, t.Any]:
    """An endpoint for results: of headers only the names."""
    return {
        "url": show_url(endpoint),
        "ca": list(endpoint.ca),
        "client": [list(files) for files in endpoint.client],
        "skip_verify": bool(endpoint.skip_verify),
        "headers": [name for name, _values in endpoint.header],
    }


def show_route(route: Route | None) -> str:
    """A route in one line, without a secret."""
    if route is None:
        return "whom an unreadable hosts.toml leaves"
    return ", then ".join(map(_show, route)) or "nobody"


def _show(endpoint: Endpoint) -> str:
    more = [
        *(f"ca {path}" for path in endpoint.ca),
        *(f"client {files[0]}" for files in endpoint.client),
        *(["skip_verify"] if endpoint.skip_verify else []),
        *(f"header {name}" for name, _values in endpoint.header),
        *(["not for every pull"] if endpoint.capabilities else []),
    ]
    return show_url(endpoint) + (f" ({', '.join(more)})" if more else "")
