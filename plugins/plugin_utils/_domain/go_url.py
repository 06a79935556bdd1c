# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs as Go, and so containerd, reads them: who is asked, or whether the whole file fails. Private to this collection.

This follows ``url.Parse`` of net/url. Where the versions of Go that releases are built with differ, nobody can tell.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_USER_INFO = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*", re.ASCII)
_HOST = re.compile(r"[^\x00-\x20\\^`{|}\x7f/?#]*", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9._-]+\]", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# In a host, only what is not ASCII may be escaped, and the percent sign itself, which begins an address's zone.
_BAD_IN_HOST = re.compile(r"%(?!25|[89A-Fa-f][0-9A-Fa-f])")


class Location(t.NamedTuple):
    """Where a URL leads to; any part of it can be empty."""

    scheme: str
    host: str
    path: str


class NotAUrlError(Exception):
    """Go takes the text for no URL. With ``is_certain`` false, some versions of Go do, and others do not."""

    def __init__(self, reason: str, *, is_certain: bool = True) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


def parse(text: str) -> Location:
    """:raises NotAUrlError: containerd fails on it, or can."""
    whole, _hash, fragment = text.partition("#")
    if re.search(r"[\x00-\x1f\x7f]", whole):
        raise NotAUrlError("a URL has control characters in it")
    found = _location(whole.partition("?")[0])
    _unescaped(fragment)
    return found


def _location(rest: str) -> Location:
    match = _SCHEME.match(rest)
    scheme = match[1].lower() if match else ""
    rest = rest[match.end() :] if match else rest
    if match and not rest.startswith("/"):
        return Location(scheme, "", "")
    if not rest.startswith("//"):
        if ":" in rest.split("/")[0]:
            raise NotAUrlError("a URL is not one")
        return Location(scheme, "", _unescaped(rest))
    authority, slash, path = rest[2:].partition("/")
    user, _at, host = authority.rpartition("@")
    host = _host(host)
    if not _USER_INFO.fullmatch(user):
        raise NotAUrlError("a URL has a user or a password with characters in it that have to be escaped")
    _unescaped(user)
    return Location(scheme, host, _unescaped(slash + path))


def _host(text: str) -> str:
    port = text.rpartition("]")[2] if text.startswith("[") else text[text.rfind(":") :] if ":" in text else ""
    has_port = re.fullmatch(r"(?::[0-9]*)?", port, re.ASCII) is not None
    if not has_port or not _HOST.fullmatch(text) or (text.startswith("[") and "]" not in text):
        raise NotAUrlError("a URL has no valid host")
    _check_address(text.removesuffix(port))
    return urllib.parse.unquote(text)


def _check_address(host: str) -> None:
    """:raises NotAUrlError: since 2025 Go takes no more than addresses in brackets, and no colons outside of them."""
    name, percent, zone = host.partition("%25") if host.startswith("[") else (host, "", "")
    if _BAD_IN_HOST.search(name) or _BROKEN_ESCAPE.search(zone):
        raise NotAUrlError("a URL has an escape in its host that is not allowed there")
    if not (_is_address(name.strip("[]")) if host.startswith("[") else re.fullmatch(r"[^:\[\]]*", name)):
        raise NotAUrlError("a URL has a host that not every version of Go takes", is_certain=False)
    if percent and not _ZONE.fullmatch(zone):
        raise NotAUrlError("a URL has an address that not every version of Go takes", is_certain=False)


def _is_address(text: str) -> bool:
    """Whether it is one to all versions: some refuse an IPv4 address in the form of IPv6."""
    try:
        return ipaddress.IPv6Address(text).ipv4_mapped is None
    except ValueError:
        return False


def _unescaped(text: str) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise NotAUrlError("a URL has a broken escape in it")
    return urllib.parse.unquote(text)
