# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What registries are called: the namespace in an image's name, the URL of an endpoint. Private to this collection."""

from __future__ import annotations

import dataclasses
import ipaddress
import re

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError

ANY = "_default"
HUB = "docker.io"

_NEVER_LOOKED_UP = ("index.docker.io", "registry-1.docker.io")
# What people call Docker Hub.
HUB_NAMES = frozenset({HUB, *_NEVER_LOOKED_UP, "registry.hub.docker.com"})
_WITH_PORT = re.compile(r"(.+)_(\d+)_", re.ASCII)
_SCHEMES = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAMESPACE_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_URL_HOST = re.compile(r"[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
_URL = re.compile(r"(?:(?P<scheme>[^:/?#]+)://)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)
_PATH = re.compile(r"[A-Za-z0-9._~/+:=,-]*", re.ASCII)


def without_port(host: str) -> str:
    """A name or an address alone, without brackets; an IPv6 address without them has no port."""
    name = re.sub(r":\d*$", "", host) if host.count(":") == 1 or "]:" in host else host
    return name.removeprefix("[").removesuffix("]")


def is_on_node(host: str) -> bool:
    """Whether a host, with its port or without, is the node itself: what asks it does not leave the node."""
    name = without_port(host)
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def name_of_directory(directory: str) -> str:
    """The registry that a directory of the tree stands for, as an image names it."""
    match = _WITH_PORT.fullmatch(directory)
    return f"{match[1]}:{match[2]}" if match else directory


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The registry that an image's name begins with, or ``_default`` for all that have no directory of their own."""

    name: str

    @classmethod
    def parse(cls, text: str, *, option: str | None = None) -> Namespace:
        """:raises DomainError: containerd would never look this name up."""
        problem = _namespace_problem(text)
        if problem:
            what, fix = problem
            raise DomainError(what, option=option, fix=fix)
        return cls(text)

    @property
    def directory(self) -> str:
        """The directory that every release looks for first: a colon is not in its name.

        As containerd does it, the last colon is the one that is replaced, also in an IPv6 address without a port.
        """
        host, colon, port = self.name.rpartition(":")
        return f"{host}_{port}_" if colon else self.name

    @property
    def is_default(self) -> bool:
        return self.name == ANY

    def is_upstream(self, url: Url) -> bool:
        """Whether an endpoint is the registry that the namespace itself names."""
        if self.name == HUB:
            return url.host.lower() in HUB_NAMES
        match = _AUTHORITY.fullmatch(self.name)
        if match and match["port"]:
            return self.name in (url.authority.lower(), url.authority_with_port)
        # The port 443 also without TLS: rather one refusal too many than a namespace that is not closed.
        own = {self.name, f"{self.name}:{_SCHEMES['https']}", f"{self.name}:{_SCHEMES[url.scheme]}"}
        return bool(own & {url.authority.lower(), url.authority_with_port})


@dataclasses.dataclass(frozen=True)
class Url:
    """Where an endpoint is; ``path`` has no slash at its end."""

    scheme: str
    authority: str
    path: str = ""

    @classmethod
    def parse(cls, text: str, *, option: str | None = None) -> Url:
        """:raises DomainError: not a URL that every release of containerd reads alike."""
        problem = _url_problem(text)
        if problem:
            what, fix = problem
            raise DomainError(what, option=option, fix=fix)
        scheme, rest = text.split("://", 1)
        authority, slash, path = rest.partition("/")
        return cls(scheme, authority, f"{slash}{path}".rstrip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def host(self) -> str:
        match = _AUTHORITY.fullmatch(self.authority)
        return match["host"] if match else self.authority

    @property
    def authority_with_port(self) -> str:
        """The authority in lower case with its port, written or not."""
        written = self.authority.lower()
        return written if written != self.host.lower() else f"{written}:{_SCHEMES[self.scheme]}"

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    def same_as(self, other: Url) -> bool:
        """Whether both lead to the same endpoint, however they are written."""
        return (self.scheme, self.authority_with_port, self.path) == (
            other.scheme,
            other.authority_with_port,
            other.path,
        )

    def api_root(self, *, override_path: bool) -> str:
        """The path below which containerd finds the registry's API."""
        return self.path if override_path or self.path.endswith("/v2") else f"{self.path}/v2"

    def check_path(self, *, override_path: bool, option: str | None = None) -> None:
        """:raises DomainError: containerd would ask at a path that is almost surely not meant."""
        if override_path and not self.path:
            raise DomainError(
                "override_path is set, but the URL has no path: containerd would ask without /v2",
                option=option,
                fix=f"Write the whole path, such as {self}/v2/project, or leave override_path out.",
            )
        if not override_path and "v2" in self.path.split("/")[:-1]:
            raise DomainError(
                f"containerd would append /v2 and ask at {self.path}/v2",
                option=option,
                fix="Add override_path: true if the path is complete.",
            )


Problem = tuple[str, str]


def _namespace_problem(text: str) -> Problem | None:
    if text == ANY:
        return None
    if not text.strip():
        return "the namespace is empty", "Name a registry such as docker.io, or _default for all others."
    if "://" in text:
        host = text.split("://", 1)[1].partition("/")[0]
        return f"{text!r} is a URL, not a namespace", f"Write the host alone: {host}."
    if text == "*":
        return "containerd has no wildcards", "For every registry without a directory of its own, write _default."
    if "/" in text or ".." in text:
        host = text.partition("/")[0].strip(".")
        return f"{text!r} has a path, a namespace has none", f"Write the host alone{f': {host}' if host else ''}."
    if re.search(r"\s", text):
        return f"{text!r} contains white space", f"Write {''.join(text.split())}."
    if text != text.lower():
        return f"{text!r} has capital letters, but names of images are looked up as written", f"Write {text.lower()}."
    return _host_problem(text)


def _host_problem(text: str) -> Problem | None:
    match = _AUTHORITY.fullmatch(text)
    host, port = (match["host"], match["port"]) if match else (text, None)
    if host in _NEVER_LOOKED_UP:
        return f"containerd never looks up {text}: images of Docker Hub belong to docker.io", "Write docker.io."
    if port is not None and not _is_port(port):
        return f"{text!r} has no valid port", "Write a number from 1 to 65535 behind the colon."
    if host.startswith("["):
        return None if _is_ipv6(host) else (f"{text!r} is not an IPv6 address", "Write it as [fd00::1]:5000.")
    if not _NAMESPACE_HOST.fullmatch(host):
        return f"{text!r} is not a host name", "Write host or host:port, such as registry.example.com:5000."
    if "." not in host and port is None and host != "localhost":
        return (
            f"containerd never looks up {text!r}: without a dot or a port it is part of an image's path on docker.io",
            "Write the registry's full name, or _default for all registries.",
        )
    return None


def _url_problem(text: str) -> Problem | None:
    if "@" in text:
        # Not repeated in the message: what stands before the @ may be a password.
        return (
            "the URL has credentials in it, which containerd ignores",
            "Leave them out and write them as auth.",
        )
    if not text.strip():
        return "the URL is empty", "Write it as https://registry.example.com."
    parts = _URL.fullmatch(text)
    scheme, rest = (parts["scheme"], parts["rest"]) if parts else (None, "")
    if scheme is None or not parts:
        return f"{text!r} has no scheme", f"Write https://{text.removeprefix('//')}."
    if scheme not in _SCHEMES:
        known = scheme.lower() in _SCHEMES
        what = "must be in lower case" if known else "is neither http nor https"
        return f"the scheme of {text!r} {what}", f"Write {scheme.lower() if known else 'https'}://{parts['authority']}."
    if rest:
        return f"{text!r} has a query or fragment, which containerd drops", f"Write {text.removesuffix(rest)}."
    return _authority_problem(text, parts["authority"]) or _path_problem(text, parts["path"])


_FIXES = {
    "names no host": "Write it as https://registry.example.com.",
    "has no valid port": "Write a number from 1 to 65535 behind the colon.",
    "names no valid host": "Write a host name, an IPv4 address, or an IPv6 address in brackets.",
}


def _authority_problem(text: str, authority: str) -> Problem | None:
    problem = authority_problem(authority)
    return None if problem is None else (f"{text!r} {problem}", _FIXES[problem])


def authority_problem(authority: str) -> str | None:
    """Why a text is no ``host`` or ``host:port``, as the second half of a sentence."""
    match = _AUTHORITY.fullmatch(authority)
    host, port = (match["host"], match["port"]) if match else (authority, None)
    if not host:
        return "names no host"
    if port is not None and not _is_port(port):
        return "has no valid port"
    if not (_is_ipv6(host) if host.startswith("[") else _URL_HOST.fullmatch(host) and ".." not in host):
        return "names no valid host"
    return None


def _path_problem(text: str, path: str) -> Problem | None:
    segments = path.rstrip("/").split("/")[1:]
    if any(segment in ("", ".", "..") for segment in segments):
        return f"the path of {text!r} has an empty segment or dots in it", "Write it without // and without .. or ."
    if not _PATH.fullmatch(path):
        return (
            f"the path of {text!r} has characters that not every containerd reads alike",
            "Use letters, digits and . _ ~ + : = , - only.",
        )
    return None


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,4}", text, re.ASCII) is not None and int(text) < 65536


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        return False
    return text.endswith("]") and "%" not in text
