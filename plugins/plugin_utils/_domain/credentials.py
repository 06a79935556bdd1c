# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which credentials a release takes from hosts.toml, and which from config.toml. Private to this collection.

Measured: a header works with registries of basic authentication on every release, but reaches those that hand out
tokens from 2.1 on only; before, containerd goes on with an anonymous token, and then without a word to the next
endpoint. ``registry.configs.HOST.auth`` beside ``config_path`` works with both kinds from 1.5 on, but since 2.1 a
single one of them takes all pulls of the daemon from the transfer service. Identity tokens work only there.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.auth import Auth, Method
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    AUTHORIZATION,
    HostIntent,
    Registry,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release

# The keys of an auth table; containerd prefers username to identitytoken to auth.
AUTH_KEYS = ("username", "password", "identitytoken", "auth")

_CONFIGS: KeyPath = (*IMAGES, "registry", "configs")
_NO_TOKENS = (
    "an Authorization header does not reach registries that hand out tokens before containerd 2.1: they are asked "
    "without it, and then the next endpoint"
)


@dataclasses.dataclass(frozen=True)
class NodeCredentials:
    """What config.toml must have, and what it must not have any more.

    ``wishes`` has the whole auth table by host: of AUTH_KEYS, what is not in a table must not be beside it in the file.
    The host is the ``host[:port]`` of the endpoint as its URL has it, which is how containerd looks it up; it is one
    key, whatever dots are in it.

    ``released`` are hosts whose credentials are headers in hosts.toml. A table that was left over for one of them would
    have no use but the harm it does from 2.1 on. ``released_warnings`` say, by host, what removing it means for images
    of which no entry speaks: to be shown only where there was something to remove.
    """

    wishes: t.Mapping[str, t.Mapping[str, str]] = dataclasses.field(default_factory=dict, repr=False)
    released: frozenset[str] = frozenset()
    released_warnings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def paths(self) -> dict[KeyPath, t.Mapping[str, str]]:
        """The wishes by canonical path."""
        return {auth_path(host): table for host, table in self.wishes.items()}

    @property
    def released_paths(self) -> tuple[KeyPath, ...]:
        """The canonical paths of the tables that must not be left over."""
        return tuple(map(auth_path, sorted(self.released)))


def auth_path(host: str) -> KeyPath:
    """The canonical path of the credentials for a host."""
    return (*_CONFIGS, host, "auth")


def node_credentials(registries: t.Iterable[Registry], release: Release) -> NodeCredentials:
    """What config.toml has to do with the credentials of registries, on one release.

    :raises DomainError: one host with two different credentials, where containerd has room for one.
    """
    entries = tuple(registries)
    found = [(intent.host.url.authority, intent.auth) for intent in _endpoints(entries) if intent.auth]
    in_config: dict[str, Auth] = {}
    for host, auth in found:
        if not auth.is_header(release):
            _check_same(host, in_config.setdefault(host, auth), auth)
    released = {host for host, auth in found if auth.is_header(release)} - in_config.keys()
    listed = {entry.namespace.name for entry in entries}
    return NodeCredentials(
        wishes={host: auth.table for host, auth in in_config.items()},
        released=frozenset(released),
        released_warnings={host: _released_text(host) for host in sorted(released - listed)},
        warnings=tuple(_local_pulls(in_config.values(), release)),
    )


def with_headers(registry: Registry, release: Release) -> Registry:
    """The registry with those credentials in headers that the release takes from hosts.toml."""
    return dataclasses.replace(
        registry,
        hosts=tuple(_with_header(intent, release) for intent in registry.hosts),
        server=registry.server and _with_header(registry.server, release),
    )


def header_warnings(registries: t.Iterable[Registry], release: Release) -> t.Iterator[str]:
    """What is doubtful about the credentials in hosts.toml."""
    entries = tuple(registries)
    if not release.knows(Feature.TOKEN_HEADERS):
        yield from filter(None, (_out_of_reach(intent, release) for intent in _endpoints(entries)))
    yield from _forgotten(entries)


def _endpoints(registries: t.Iterable[Registry]) -> t.Iterator[HostIntent]:
    for registry in registries:
        yield from registry.endpoints


def _with_header(intent: HostIntent, release: Release) -> HostIntent:
    if intent.auth is None or not intent.auth.is_header(release):
        return intent
    header = tuple(sorted((*intent.host.header, (AUTHORIZATION, (intent.auth.header,)))))
    return dataclasses.replace(intent, host=dataclasses.replace(intent.host, header=header))


def _check_same(host: str, first: Auth, auth: Auth) -> None:
    if not first.is_same(auth):
        raise DomainError(
            f"differs from {first.option}, and config.toml has one place for the credentials of {host}",
            option=auth.option,
            fix="Write the same for both, or a method: header for one of them.",
        )


def _local_pulls(auths: t.Iterable[Auth], release: Release) -> t.Iterator[str]:
    if not release.rules.pulls_by_transfer_service:
        return
    for auth in auths:
        reason = "identity tokens work nowhere else" if auth.identity_token else "method is config"
        yield (
            f"{auth.option}: goes into registry.configs of config.toml ({reason}). As long as one entry is there, "
            f"containerd {release} pulls all images by its older local way and not by the transfer service"
        )


def _released_text(host: str) -> str:
    return (
        f"registry.configs had credentials for {host}, which are a header in hosts.toml now: only pulls through the "
        f"listed namespaces send it. If images of {host} itself are pulled, list it as a namespace with auth"
    )


def _out_of_reach(intent: HostIntent, release: Release) -> str | None:
    if intent.auth is not None:
        return f"{intent.auth.option}: {_NO_TOKENS}" if intent.auth.is_header(release) else None
    if any(name == AUTHORIZATION for name, _values in intent.host.header):
        return f"{intent.option_of('header')}.{AUTHORIZATION}: {_NO_TOKENS}. With auth, every release can be served"
    return None


def _forgotten(registries: t.Iterable[Registry]) -> t.Iterator[str]:
    """Endpoints of which releases would differ in what they send: config.toml goes by host, a header by endpoint."""
    endpoints = tuple(_endpoints(registries))
    known = {intent.host.url.authority: intent.auth for intent in reversed(endpoints) if _may_be_header(intent.auth)}
    for intent in endpoints:
        auth = known.get(intent.host.url.authority)
        own = intent.auth or any(name == AUTHORIZATION for name, _values in intent.host.header)
        if auth is not None and not own:
            yield (
                f"{intent.option}: has no auth, while {auth.option} is for the same host. It is asked without "
                "credentials wherever those are sent as a header, as from containerd 2.1 on; write auth here too"
            )


def _may_be_header(auth: Auth | None) -> bool:
    return auth is not None and not auth.identity_token and auth.method is not Method.CONFIG
