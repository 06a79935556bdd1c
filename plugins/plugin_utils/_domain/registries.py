# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user asks for with the options ``registries`` and ``defaults``. Private to this collection.

Checked here, option by option and before a node is touched: whatever containerd would ignore, misread, or answer by
asking the upstream.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.auth import Auth, read_auth
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import parse_duration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import (
    CAPABILITIES,
    ClientFiles,
    Headers,
    Host,
    HostsFile,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.option_values import (
    Raw,
    check_characters,
    read_boolean,
    read_list,
    read_mapping,
    read_text,
    read_texts,
    require,
    suggest,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import HUB, Namespace, Url

AUTHORIZATION = "Authorization"

_HUB_ENDPOINT = "registry-1.docker.io"
_TLS_KEYS = ("ca", "client", "skip_verify")
_HEADER_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_KEY_FILE = re.compile(r"(?:\.key|[-_.]?key\.pem)$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class HostIntent:
    """One endpoint as asked for; its ``ca`` and ``client`` are still what the user wrote."""

    option: str
    host: Host
    inherited: frozenset[str] = frozenset()
    auth: Auth | None = None

    def option_of(self, key: str) -> str:
        """The option that a key came from, for messages."""
        return f"defaults.{key}" if key in self.inherited else f"{self.option.removesuffix('.server')}.{key}"


@dataclasses.dataclass(frozen=True)
class Registry:
    """One namespace."""

    option: str
    namespace: Namespace
    fallback: bool
    hosts: tuple[HostIntent, ...] = ()
    server: HostIntent | None = None

    @property
    def endpoints(self) -> tuple[HostIntent, ...]:
        return self.hosts if self.server is None else (*self.hosts, self.server)

    @functools.cached_property
    def file(self) -> HostsFile:
        """The endpoints as hosts.toml has them: what closes a namespace is a server, so the last host becomes it."""
        hosts = tuple(intent.host for intent in self.hosts)
        if self.server is not None:
            return HostsFile(hosts, self.server.host)
        return HostsFile(hosts) if self.fallback else HostsFile(hosts[:-1], hosts[-1])

    @property
    def is_closed(self) -> bool:
        """Whether containerd never asks the upstream."""
        return self.file.server is not None and not any(
            self.namespace.is_upstream(host.url) for host in self.file.endpoints
        )


@dataclasses.dataclass(frozen=True)
class Intent:
    """The whole task."""

    config_path: str
    registries: tuple[Registry, ...] = ()
    purge: bool = False
    # Otherwise whoever made it tells of the headers himself, by the names that they had there.
    tells_of_headers: bool = True

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(warning for registry in self.registries for warning in _warnings(registry))

    @property
    def sources(self) -> dict[str, str]:
        """Every file named in ca and client, with the first option that names it."""
        found: dict[str, str] = {}
        for _key, source, option in self._named_files():
            found.setdefault(source, option)
        return found

    @property
    def node_cas(self) -> dict[str, str]:
        """The files on the node that can be read, because they are a ca and nowhere a client, which may be a key."""
        clients = {source for key, source, _option in self._named_files() if key == "client"}
        found: dict[str, str] = {}
        for _key, source, option in self._named_files():
            if is_node_path(source) and source not in clients:
                found.setdefault(source, option)
        return found

    def _named_files(self) -> t.Iterator[tuple[str, str, str]]:
        """Key, file and option."""
        for registry in self.registries:
            for intent in registry.endpoints:
                yield from (("ca", source, intent.option_of("ca")) for source in intent.host.ca)
                clients = (source for files in intent.host.client for source in files)
                yield from (("client", source, intent.option_of("client")) for source in clients)


def is_node_path(source: str) -> bool:
    """Whether a ca or client file is one on the node, and not one beside the play."""
    return source.startswith("/")


def read_registries(registries: t.Any, defaults: t.Any) -> tuple[Registry, ...]:
    """The options ``registries`` and ``defaults``, as the user wrote them.

    :raises DomainError: names the option that is wrong, as ``registries[0].hosts[1].url``.
    """
    inherited = _defaults({} if defaults is None else defaults)
    entries = tuple(
        _registry(raw, f"registries[{index}]", inherited)
        for index, raw in enumerate(read_list(registries, "registries", "- namespace: docker.io"))
    )
    _check_no_duplicates(entries)
    return entries


def read_config_path(path: str, *, option: str = "config_path") -> str:
    """:raises DomainError: not exactly one absolute directory."""
    check_characters(path, option)
    problem, fix = None, "Write /etc/containerd/certs.d."
    if ":" in path:
        problem = f"{path!r} looks like a list of directories, of which containerd 2.1 and later find none"
        fix = "Name exactly one directory."
    elif not path.startswith("/") or posixpath.normpath(path).strip("/") == "":
        problem = f"{path!r} is not an absolute path of a directory"
    elif ".." in path.split("/") or _CONTROL.search(path) or set(path) & set("*?[") or path != path.strip():
        problem = f"{path!r} has dots, wildcards, control characters or blanks around it"
    if problem:
        raise DomainError(problem, option=option, fix=fix)
    return "/" + posixpath.normpath(path).lstrip("/")


# --- one namespace


def _registry(raw: t.Any, at: str, defaults: Raw) -> Registry:
    entry = read_mapping(raw, at, ("namespace", "fallback", "server", "hosts", *_READERS, "auth"))
    require(entry, at, "namespace", "Name a registry such as docker.io, or _default for all others.")
    require(
        entry,
        at,
        "fallback",
        "Write true if containerd may ask the registry itself when no host has the image, or false if it never may.",
    )
    hosts = read_list(entry.get("hosts"), f"{at}.hosts", "- url: https://registry.example.com")
    registry = Registry(
        option=at,
        namespace=Namespace.parse(read_text(entry["namespace"], f"{at}.namespace"), option=f"{at}.namespace"),
        fallback=read_boolean(entry["fallback"], f"{at}.fallback"),
        hosts=tuple(_host(host, f"{at}.hosts[{index}]", defaults) for index, host in enumerate(hosts)),
    )
    registry = dataclasses.replace(registry, server=_server(entry, registry, defaults))
    _check_endpoints_differ(registry)
    _check_fallback(registry)
    _check_no_leak(registry)
    return registry


def _server(entry: Raw, registry: Registry, defaults: Raw) -> HostIntent | None:
    at = registry.option
    settings = _settings(entry, at)
    if entry.get("server") is not None:
        return _endpoint(entry["server"], f"{at}.server", settings, defaults, _auth(entry, at))
    auth = _auth(entry, at)
    upstream = _upstream(registry)
    if auth is not None and upstream is not None and not settings:
        # Named, the upstream is the same endpoint; but it is none of those that the defaults are for.
        return _endpoint(upstream, f"{at}.server", {}, {}, auth)
    if settings or auth:
        raise DomainError(
            "is a key of the server, and this entry names none",
            option=f"{at}.{next(iter(settings), 'auth')}",
            fix="Move it to the host that it is meant for, or add server.",
        )
    return None


def _upstream(registry: Registry) -> str | None:
    """The URL of what containerd asks last of its own accord, where that is known."""
    name = registry.namespace.name
    if not registry.fallback or registry.namespace.is_default or name.startswith(("localhost", "127.", "[::1]")):
        return None
    return f"https://{_HUB_ENDPOINT if name == HUB else name}"


def _host(raw: t.Any, at: str, defaults: Raw) -> HostIntent:
    if isinstance(raw, str):
        raise DomainError("is text, not a mapping", option=at, fix="Write it as - url: https://registry.example.com.")
    host = read_mapping(raw, at, ("url", *_READERS, "auth"))
    require(host, at, "url", "Write it as https://registry.example.com.")
    return _endpoint(host["url"], f"{at}.url", _settings(host, at), defaults, _auth(host, at))


def _auth(raw: Raw, at: str) -> Auth | None:
    return None if raw.get("auth") is None else read_auth(raw["auth"], f"{at}.auth")


def _endpoint(url_text: t.Any, url_option: str, settings: Raw, defaults: Raw, auth: Auth | None) -> HostIntent:
    url = Url.parse(read_text(url_text, url_option), option=url_option)
    intent_option = url_option.removesuffix(".url")
    if not url.is_tls:
        _check_no_tls(settings, intent_option.removesuffix(".server"))
    inherited = {key: value for key, value in defaults.items() if key not in settings and _applies(key, url)}
    host = Host(url=url, **{**inherited, **settings})
    url.check_path(override_path=host.override_path, option=url_option)
    intent = HostIntent(intent_option, host, frozenset(inherited), auth)
    _check_auth(intent)
    return intent


def _applies(key: str, url: Url) -> bool:
    """Whether a default is for this endpoint: no TLS settings where there is no TLS, no override of a missing path."""
    if key == "override_path":
        return bool(url.path)
    return url.is_tls or key not in _TLS_KEYS


def _check_no_tls(settings: Raw, at: str) -> None:
    for key in _TLS_KEYS:
        if settings.get(key):
            raise DomainError(
                "makes containerd speak TLS to an http:// URL",
                option=f"{at}.{key}",
                fix="Write the URL with https://, or leave this out.",
            )


def _check_auth(intent: HostIntent) -> None:
    if intent.auth is None:
        return
    if any(name == AUTHORIZATION for name, _values in intent.host.header):
        raise DomainError(
            f"there is {intent.option_of('header')}.{AUTHORIZATION} for this endpoint already",
            option=intent.auth.option,
            fix="Leave out one of the two.",
        )
    if intent.host.url.host.lower() == HUB:
        raise DomainError(
            f"would go to {intent.host.url}, which is not where Docker Hub answers",
            option=intent.auth.option,
            fix=f"Write the URL as https://{_HUB_ENDPOINT}.",
        )


def _check_endpoints_differ(registry: Registry) -> None:
    seen: list[HostIntent] = []
    for intent in registry.endpoints:
        twin = next((other for other in seen if other.host.url.same_as(intent.host.url)), None)
        if twin is not None:
            raise DomainError(
                f"{intent.host.url} is {twin.option} already",
                option=intent.option,
                fix="Name each endpoint once: the server is asked after the hosts, and with fallback: false the last "
                "host is the server.",
            )
        seen.append(intent)


def _check_fallback(registry: Registry) -> None:
    if registry.fallback:
        return
    if not registry.endpoints:
        raise DomainError(
            "fallback is false and no host is named, so there is nobody to ask",
            option=registry.option,
            fix="Name at least one host.",
        )
    for intent in registry.endpoints:
        if registry.namespace.is_upstream(intent.host.url):
            raise DomainError(
                f"{intent.host.url} is the upstream of {registry.namespace.name}, which fallback: false rules out",
                option=intent.option,
                fix="If it is to be asked, write it as server and set fallback: true.",
            )


def _check_no_leak(registry: Registry) -> None:
    for intent in registry.endpoints:
        for key, nothing in (("header", "{}"), ("client", "[]")):
            leaks = key in intent.inherited and getattr(intent.host, key)
            if leaks and registry.namespace.is_upstream(intent.host.url):
                raise DomainError(
                    f"would go to {intent.host.url}, the upstream of {registry.namespace.name} itself",
                    option=f"defaults.{key}",
                    fix=f"If that is meant, write it at {intent.option.removesuffix('.server')}; else write {key}: "
                    f"{nothing} there.",
                )


def _check_no_duplicates(entries: t.Iterable[Registry]) -> None:
    seen: dict[str, Registry] = {}
    for entry in entries:
        first = seen.setdefault(entry.namespace.directory, entry)
        if first is not entry:
            raise DomainError(
                f"{entry.namespace.name} is {first.option} already",
                option=f"{entry.option}.namespace",
                fix="Write one entry for each namespace, with all its hosts.",
            )


def _warnings(registry: Registry) -> t.Iterator[str]:
    for intent in registry.endpoints:
        if intent.auth is not None and not intent.host.url.is_tls:
            yield f"{intent.auth.option}: goes over the network unencrypted, because {intent.host.url} is not https"
    if registry.fallback and registry.is_closed and registry.server is not None:
        yield (
            f"{registry.option}: fallback is true, but server takes the place of the upstream: "
            f"{registry.namespace.name} itself is never asked"
        )
    if registry.is_closed and not any(_resolves(intent.host) for intent in registry.endpoints):
        yield (
            f"{registry.option}: no endpoint may both pull and resolve, so that images of {registry.namespace.name} "
            "can only be pulled by digest"
        )
    mirrors = list(
        itertools.takewhile(lambda host: not registry.namespace.is_upstream(host.url), registry.file.endpoints)
    )
    if mirrors and not registry.is_closed and not any(map(_resolves, mirrors)):
        yield (
            f"{registry.option}: no endpoint before the upstream may both pull and resolve, so that the upstream is "
            f"asked for every tag of {registry.namespace.name}"
        )


def _resolves(host: Host) -> bool:
    return not host.capabilities or {"pull", "resolve"} <= set(host.capabilities)


# --- the settings of an endpoint


def _defaults(raw: t.Any) -> dict[str, t.Any]:
    if isinstance(raw, dict) and raw.get("auth") is not None:
        raise DomainError(
            "would hand one password to every endpoint",
            option="defaults.auth",
            fix="Write it at each host that it is for.",
        )
    return _settings(read_mapping(raw, "defaults", _READERS), "defaults")


def _settings(raw: Raw, at: str) -> dict[str, t.Any]:
    """What is said of an endpoint besides its URL; null says nothing."""
    return {key: read(raw[key], f"{at}.{key}") for key, read in _READERS.items() if raw.get(key) is not None}


def _capabilities(raw: t.Any, at: str) -> tuple[str, ...]:
    values = read_texts(raw, at)
    if not values:
        raise DomainError(
            "is empty, which containerd reads as all", option=at, fix=f"Name some of {', '.join(CAPABILITIES)}."
        )
    for index, value in enumerate(values):
        if "," in value:
            words = ", ".join(word.strip() for word in value.split(","))
            raise DomainError(f"{value!r} is one text, not a list", option=at, fix=f"Write a list: [{words}].")
        if value not in CAPABILITIES:
            raise DomainError(f"{value!r} is no capability", option=f"{at}[{index}]", fix=suggest(value, CAPABILITIES))
    return tuple(known for known in CAPABILITIES if known in values)


def _files(raw: t.Any, at: str) -> tuple[str, ...]:
    files = read_texts(raw, at)
    for file in files:
        _check_file(file, at)
    return files


def _client(raw: t.Any, at: str) -> tuple[ClientFiles, ...]:
    if isinstance(raw, str):
        _check_file(raw, at)
        return ((raw,),)
    items = read_list(raw, at, "- [client.crt, client.key]")
    if len(items) == 2 and all(isinstance(item, str) for item in items) and _KEY_FILE.search(items[1]):
        raise DomainError(
            "containerd takes each file of a flat list for certificate and key in one",
            option=at,
            fix=f"Write a list of pairs: [[{items[0]}, {items[1]}]].",
        )
    return tuple(_client_files(item, f"{at}[{index}]") for index, item in enumerate(items))


def _client_files(raw: t.Any, at: str) -> ClientFiles:
    if isinstance(raw, list):
        if len(raw) != 2:
            raise DomainError(
                "is not a pair", option=at, fix="Write [certificate, key], or one file that holds both as text."
            )
        for name, item in zip(("certificate", "key"), raw, strict=True):
            if item is None or item == "":
                raise DomainError(f"the pair has no {name}", option=at, fix="Write [certificate, key].")
    files = (
        (raw,)
        if isinstance(raw, str)
        else tuple(read_text(item, at) for item in read_list(raw, at, "[certificate, key]"))
    )
    for file in files:
        _check_file(file, at)
    return files


def _check_file(file: str, at: str) -> None:
    check_characters(file, at)
    if not file.strip() or _CONTROL.search(file):
        raise DomainError(
            "is not the name of a file",
            option=at,
            fix="Name a file beside the play, or an absolute path on the node.",
        )


def _dial_timeout(raw: t.Any, at: str) -> str:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise DomainError(f"{raw} has no unit", option=at, fix=f'Write "{raw}s" for seconds.')
    text = read_text(raw, at)
    if re.fullmatch(r"\d+", text, re.ASCII):
        raise DomainError(f"{text!r} has no unit", option=at, fix=f'Write "{text}s" for seconds.')
    duration = parse_duration(text)
    if duration is None:
        raise DomainError(f"{text!r} is not a duration", option=at, fix='Write it as "5s", "1m30s" or "500ms".')
    if duration <= 0:
        raise DomainError(f"{text!r} is no time to wait", option=at, fix="Write a positive duration, or leave it out.")
    return text


def _header(raw: t.Any, at: str) -> Headers:
    """Names of headers are spelt as HTTP libraries spell them.

    HTTP does not tell ``authorization`` from ``Authorization``, but containerd sends what is written, and its own
    Authorization beside a lower-case one.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, value in read_mapping(raw, at, None).items():
        option = f"{at}.{name}"
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise DomainError("is not the name of a header", option=option, fix="Use letters, digits, - and _.")
        canonical = "-".join(part.capitalize() for part in name.split("-"))
        if canonical in found:
            raise DomainError(f"{canonical} is there twice", option=option, fix="Write its values as one list.")
        found[canonical] = _header_values(value, option)
    return tuple(sorted(found.items()))


def _header_values(raw: t.Any, at: str) -> tuple[str, ...]:
    values = raw if isinstance(raw, list) else [raw]
    if not values or not all(isinstance(value, str) for value in values):
        # The value is not repeated: it may be a secret.
        raise DomainError("is neither text nor a list of texts", option=at, fix="Write the value in quotes.")
    for value in values:
        check_characters(value, at)
    if any(_CONTROL_BUT_TAB.search(value) for value in values):
        raise DomainError(
            "has a line break or another control character in it", option=at, fix="Write the value on one line."
        )
    return tuple(values)


_READERS: dict[str, t.Callable[[t.Any, str], t.Any]] = {
    "capabilities": _capabilities,
    "ca": _files,
    "client": _client,
    "skip_verify": read_boolean,
    "override_path": read_boolean,
    "dial_timeout": _dial_timeout,
    "header": _header,
}
