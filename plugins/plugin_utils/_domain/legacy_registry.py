# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that ``registry`` of config.toml had before ``hosts.toml``, and whom containerd asks by them. Private.

``mirrors`` and ``configs.*.tls`` count only where ``config_path`` is not set. Read in containerd 1.4.13 to 2.3.4, and
measured with a registry that logs on 1.6, 1.7, 2.1 and 2.3: the endpoints and their order are the same on all of them.
"""

from __future__ import annotations

import copy
import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import go_url, hosts_reader
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY as CANONICAL
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import names
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import ClientFiles, Headers
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import (
    ANY,
    HUB,
    Url,
    is_on_node,
    without_port,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Table = t.Mapping[str, t.Any]

EVERY = "*"
HUB_HOST = "registry-1.docker.io"
# Where messages say something is, whatever the version of the file calls the table above it.
REGISTRY: KeyPath = ("registry",)
_MIRROR_KEYS = frozenset({"endpoint"})
_CONFIG_KEYS = frozenset({"auth", "tls"})
_TLS_TEXTS = ("ca_file", "cert_file", "key_file")
_AUTH_TEXTS = ("username", "password", "auth", "identitytoken")
# What containerd 1.4 has for Docker Hub beside what a file says.
_DEFAULTS_OF_1_4 = {HUB: (f"https://{HUB_HOST}",)}


@dataclasses.dataclass(frozen=True)
class Tls:
    """``configs.HOST.tls``; the files lie on the node."""

    ca: tuple[str, ...] = ()
    client: tuple[ClientFiles, ...] = ()
    skip_verify: bool = False

    def __bool__(self) -> bool:
        return bool(self.ca or self.client or self.skip_verify)


@dataclasses.dataclass(frozen=True)
class Target:
    """An endpoint as the tables name it: where it is, and whether its path is one that was written."""

    url: Url
    override_path: bool = False
    at: KeyPath = ()

    @property
    def path(self) -> str:
        return self.url.api_root(override_path=self.override_path)


@dataclasses.dataclass(frozen=True)
class Legacy:
    """The tables; ``unknown`` are keys in them that no containerd reads."""

    mirrors: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    tls: t.Mapping[str, Tls] = dataclasses.field(default_factory=dict)
    auth: t.Mapping[str, t.Mapping[str, str]] = dataclasses.field(default_factory=dict, repr=False)
    auths: tuple[str, ...] = ()
    headers: Headers = dataclasses.field(default=(), repr=False)
    config_path: str = ""
    # The hosts that ``configs`` has an entry for, be it an empty one.
    configured: frozenset[str] = frozenset()
    unknown: tuple[KeyPath, ...] = ()
    # Tables that the release reads nothing of: under a name of another version, or replaced by a later file.
    passed_over: tuple[str, ...] = ()

    @property
    def is_left(self) -> bool:
        """Whether there is something that does not go together with ``config_path``, be it there yet or not."""
        return bool(self.mirrors) or any(self.tls.values()) or bool(self.tls and self.config_path)


def read_legacy(files: t.Sequence[ConfigFile], release: Release) -> Legacy:
    """The ``registry`` table that counts of config.toml and what it imports.

    :raises DomainError: a value of a type with which containerd does not load CRI.
    """
    counting = copy.deepcopy(look_up(effective(files, release), CANONICAL) or {})
    for host in _tls_hosts(files):
        # Even an empty table keeps 1.x from loading CRI beside config_path.
        counting.setdefault("configs", {}).setdefault(host, {}).setdefault("tls", {})
    legacy = _read(counting)
    return dataclasses.replace(legacy, passed_over=_passed_over(files, legacy))


def _passed_over(files: t.Sequence[ConfigFile], legacy: Legacy) -> tuple[str, ...]:
    return tuple(
        f"{file.path}: {masked_key_path((*path, 'mirrors', name))}"
        for file, path, table in _tables(files)
        for name, mirror in _as_table(table.get("mirrors")).items()
        if name not in legacy.mirrors or _as_table(mirror).get("endpoint", []) != list(legacy.mirrors[name])
    )


def _tables(files: t.Sequence[ConfigFile]) -> t.Iterator[tuple[ConfigFile, KeyPath, Table]]:
    """Every registry table, whether it counts or not."""
    for file in files:
        for path in names(CANONICAL):
            table = look_up(file.data, path)
            if isinstance(table, dict):
                yield file, path, table


def _tls_hosts(files: t.Sequence[ConfigFile]) -> t.Iterator[str]:
    for _file, _path, table in _tables(files):
        yield from (host for host, config in _as_table(table.get("configs")).items() if "tls" in _as_table(config))


def _as_table(value: t.Any) -> Table:
    return value if isinstance(value, dict) else {}


def _read(registry: Table) -> Legacy:
    mirrors = _entries(registry, "mirrors")
    configs = _entries(registry, "configs")
    auths = _entries(registry, "auths")
    tls = {host: _table(config, "tls", ("configs", host)) for host, config in configs.items() if "tls" in config}
    auth = {host: _table(config, "auth", ("configs", host)) for host, config in configs.items() if "auth" in config}
    return Legacy(
        mirrors={name: _texts(mirror, "endpoint", ("mirrors", name)) for name, mirror in mirrors.items()},
        tls={host: _tls(table, host) for host, table in tls.items()},
        auth={host: _credentials(table, host) for host, table in auth.items()},
        auths=tuple(auths),
        headers=_headers(registry),
        config_path=_text(registry, "config_path", ()),
        configured=frozenset(configs),
        unknown=tuple(_unknown(mirrors, configs)),
    )


def default_host(namespace: str) -> str:
    """The host of the registry that a namespace names."""
    return HUB_HOST if namespace == HUB else namespace


def targets(namespace: str, legacy: Legacy, release: Release) -> tuple[Target, ...]:
    """The endpoints that the tables name for a namespace, in order, each once; ``_default`` stands for any other.

    An exact entry counts alone, also one without an endpoint; else the one for ``*``.

    :raises DomainError: an endpoint that no containerd could ask, or that hosts.toml has no form for.
    """
    name = EVERY if namespace == ANY or namespace not in _mirrors(legacy, release) else namespace
    written = _mirrors(legacy, release).get(name, ())
    found: dict[tuple[str, str, str], Target] = {}
    for text in written:
        target = _target(text, (*REGISTRY, "mirrors", name, "endpoint"), release)
        found.setdefault((target.url.scheme, target.url.authority, target.path), target)
    return tuple(found.values())


def asks_upstream(namespace: str, legacy: Legacy, release: Release) -> bool:
    """Whether the registry itself is asked last: unless one of the endpoints has its name, letter by letter."""
    return all(target.url.authority != namespace for target in targets(namespace, legacy, release))


def upstream(namespace: str, release: Release) -> Url:
    """The registry itself, as containerd asks it where no endpoint has its name."""
    host = default_host(namespace)
    return Url(_default_scheme(host, release), host)


def endpoints(namespace: str, legacy: Legacy, release: Release) -> tuple[Endpoint, ...]:
    """Whom containerd asks, in order, with what; the upstream of ``_default`` has no name."""
    found = [_endpoint(target.url, target.path, legacy) for target in targets(namespace, legacy, release)]
    if asks_upstream(namespace, legacy, release):
        url = upstream(namespace, release)
        last = Endpoint() if namespace == ANY else _endpoint(url, "/v2", legacy)
        found += [] if last in found else [last]
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class Asked:
    """Whom containerd asks by the tables, whatever is written there; ``problem`` is why each pull fails instead.

    ``name`` is the entry of ``mirrors`` that counts, None where there is none. Some releases may see no problem where
    ``is_certain`` is false.
    """

    endpoints: tuple[Endpoint, ...] = ()
    name: str | None = None
    problem: str = ""
    is_certain: bool = True


def asked(namespace: str, legacy: Legacy, release: Release) -> Asked:
    """Whom containerd asks, in its order, twice if it is named twice. ``_default`` stands for any other registry."""
    mirrors = _mirrors(legacy, release)
    name = next((each for each in (namespace, EVERY) if each in mirrors), None)
    written = [_with_scheme(text, release) for text in (mirrors[name] if name is not None else ())]
    try:
        urls = [go_url.parse(text) for text in written]
    except go_url.NotAUrlError as error:
        return Asked(name=name, problem=f"an endpoint is no URL: {error}", is_certain=error.is_certain)
    if all(url.host != namespace for url in urls):
        last = default_host(namespace)
        urls.append(go_url.Location(_default_scheme(last, release), "" if namespace == ANY else last, ""))
    return Asked(tuple(_as_asked(url, legacy, release) for url in urls), name)


def _with_scheme(text: str, release: Release) -> str:
    if "://" in text:
        return text
    try:
        return f"{_default_scheme(go_url.parse(f'dummy://{text}').host, release)}://{text}"
    except go_url.NotAUrlError:
        return f"https://{text}"


def _as_asked(url: go_url.Location, legacy: Legacy, release: Release) -> Endpoint:
    scheme, host, path = url
    # Read at v1.7.34 and v2.3.4: the table is gone from 2.0 on.
    tls = legacy.tls.get(host, Tls()) if release.line < (2, 0) else Tls()
    return Endpoint(
        scheme=scheme,
        host=host,
        path=path or "/v2",
        capabilities=frozenset({"pull", "resolve"}),
        ca=tls.ca,
        client=tls.client,
        skip_verify=tls.skip_verify or None,
    )


def is_loopback(host: str, release: Release) -> bool:
    """Whether a host, with its port or without, is asked by http where nothing says otherwise."""
    if release.line < (1, 6):
        return without_port(host) in ("localhost", "127.0.0.1", "::1")
    return is_on_node(host)


def tls_of(url: Url, legacy: Legacy) -> Tls:
    """The TLS settings for an endpoint; they are keyed by its host, with the port if it is written."""
    return legacy.tls.get(url.authority, Tls()) if url.is_tls else Tls()


# --- endpoints


def _mirrors(legacy: Legacy, release: Release) -> t.Mapping[str, tuple[str, ...]]:
    return {**_DEFAULTS_OF_1_4, **legacy.mirrors} if release.line < (1, 5) else legacy.mirrors


def _endpoint(url: Url, path: str, legacy: Legacy) -> Endpoint:
    tls = tls_of(url, legacy)
    return Endpoint(
        scheme=url.scheme,
        host=url.authority,
        path=path,
        ca=tls.ca,
        client=tls.client,
        skip_verify=tls.skip_verify or None,
    )


def _target(text: str, at: KeyPath, release: Release) -> Target:
    """A path is taken as it is written; only where there is none, ``/v2`` is."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    clean = posixpath.normpath(f"/{path.lstrip('/')}") if slash else ""
    scheme = scheme.lower() or _default_scheme(host, release)
    try:
        url = Url.parse(f"{scheme}://{host}{clean}")
    except DomainError as error:
        raise DomainError(error.what, key_path=at, fix=f"{error.fix} Nothing was changed.") from None
    return Target(url, override_path=bool(slash) and not clean.endswith("/v2"), at=at)


def _default_scheme(host: str, release: Release) -> str:
    return "http" if is_loopback(host, release) else "https"


# --- the tables


def _wrong(at: KeyPath, wanted: str) -> DomainError:
    return DomainError(
        f"is not {wanted}, so containerd does not load CRI",
        key_path=(*REGISTRY, *at),
        fix="Nothing was changed; mend the file first.",
    )


def _table(data: Table, key: str, above: KeyPath) -> Table:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise _wrong((*above, key), "a table")
    return value


def _entries(registry: Table, key: str) -> dict[str, Table]:
    table = _table(registry, key, ())
    return {name: _table(table, name, (key,)) for name in table}


def _text(table: Table, key: str, above: KeyPath) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise _wrong((*above, key), "a text")
    return value


def _texts(table: Table, key: str, above: KeyPath) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _wrong((*above, key), "a list of texts")
    return tuple(values)


def _tls(table: Table, host: str) -> Tls:
    above = ("configs", host, "tls")
    ca, certificate, key = (_text(table, name, above) for name in _TLS_TEXTS)
    skip_verify = table.get("insecure_skip_verify", False)
    if not isinstance(skip_verify, bool):
        raise _wrong((*above, "insecure_skip_verify"), "true or false")
    if bool(certificate) != bool(key):
        missing = "key_file" if certificate else "cert_file"
        raise DomainError(
            f"has no {missing}, so that every pull from {masked(host)} fails",
            key_path=(*REGISTRY, *above),
            fix=f"Nothing was changed; add {missing}, or remove the other.",
        )
    return Tls(
        ca=(_on_node(ca),) if ca else (),
        client=((_on_node(certificate), _on_node(key)),) if certificate else (),
        skip_verify=skip_verify,
    )


def _on_node(path: str) -> str:
    """containerd's working directory is the root, while a path in a hosts.toml is one beside that file."""
    return hosts_reader.absolute(f"/{path}")


def _credentials(table: Table, host: str) -> dict[str, str]:
    found = {key: _text(table, key, ("configs", host, "auth")) for key in _AUTH_TEXTS}
    return {key: value for key, value in found.items() if value}


def _headers(registry: Table) -> Headers:
    table = _table(registry, "headers", ())
    return tuple(sorted((name, _texts(table, name, ("headers",))) for name in table))


def _unknown(mirrors: t.Mapping[str, Table], configs: t.Mapping[str, Table]) -> t.Iterator[KeyPath]:
    for key, entries, known in (("mirrors", mirrors, _MIRROR_KEYS), ("configs", configs, _CONFIG_KEYS)):
        for name, entry in entries.items():
            yield from ((*REGISTRY, key, name, other) for other in entry if other not in known)
