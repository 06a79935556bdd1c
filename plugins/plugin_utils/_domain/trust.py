# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which registries may be asked for images: those their owner controls. Private to this collection."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import reference
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclasses.dataclass(frozen=True)
class Trust:
    """Hosts, each for one port or for all, suffixes of hosts (``*.example.com``), and networks for addresses.

    The node itself, a loopback address or ``localhost``, is always trusted: what asks it does not leave the node.
    """

    hosts: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: t.Iterable[str], *, option: str = "trusted_registries") -> Trust:
        """Reads ``registry.example.com``, ``registry.example.com:5000``, ``*.example.com`` and ``192.0.2.0/24``.

        :raises DomainError: an entry is none of these.
        """
        hosts, suffixes, networks = set(), [], []
        for number, entry in enumerate(entries):
            text, at = entry.strip().lower(), f"{option}[{number}]"
            if _is_network(text):
                networks.append(_network(text, at))
            elif text.startswith("*.") and not text.startswith("*.["):
                suffixes.append(f".{_authority(text[2:], entry, at)}")
            else:
                hosts.add(_authority(text, entry, at))
        return cls(frozenset(hosts), tuple(suffixes), tuple(networks))

    def covers(self, scheme: str, host: str) -> bool:
        """Whether the endpoint at ``host[:port]`` may be asked."""
        name, port = _parted(host.lower(), scheme)
        name = _in_one_form(name)
        written = (name, f"{name}:{port}")
        if self.hosts.intersection(written) or any(each.endswith(self.suffixes) for each in written):
            return True
        address = _address(name)
        if address is None:
            return name == "localhost"
        return address.is_loopback or any(address in network for network in self.networks)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return None


def _in_one_form(name: str) -> str:
    """An IPv6 address can be written in many ways, and in brackets stands here in its shortest."""
    address = _address(name)
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else name


def _is_network(text: str) -> bool:
    address, slash, size = text.partition("/")
    return (
        "%" not in text
        and _address(address) is not None
        and (not slash or size.isdecimal() or _address(size) is not None)
    )


def _network(text: str, option: str) -> Network:
    try:
        return ipaddress.ip_network(re.sub(r"[\[\]]", "", text), strict=False)
    except ValueError:
        raise DomainError(
            f"{text!r} is neither a host nor a network", option=option, fix="Write it as 192.0.2.0/24."
        ) from None


def _authority(text: str, entry: str, option: str) -> str:
    """``host`` or ``host:port`` as endpoints are compared with it.

    :raises DomainError: it is neither.
    """
    problem = reference.authority_problem(text)
    if problem is not None:
        # What stands before an @ may be a password.
        what = (
            "an entry is empty"
            if not entry.strip()
            else f"{masked(entry)!r} {'is a URL' if '://' in text else problem}"
        )
        raise DomainError(what, option=option, fix=f"Write it as {_meant(entry.strip().lower())}.")
    bracket = text.partition("]")
    return f"{_in_one_form(f'{bracket[0]}]')}{bracket[2]}" if text.startswith("[") else text


def _meant(text: str) -> str:
    """The part of an entry that names a registry, or an example of one."""
    part = re.split(r"[/?#]", text.rpartition("://")[2], maxsplit=1)[0].rpartition("@")[2].strip(".:")
    part = part.removeprefix("*").removeprefix(".")
    if reference.authority_problem(part) is not None:
        return "registry.example.com, registry.example.com:5000, *.example.com or 192.0.2.0/24"
    return f"*.{part}" if text.startswith(("*", ".")) else part


def _parted(host: str, scheme: str) -> tuple[str, str]:
    bracket = host.rfind("]")
    colon = host.rfind(":")
    if colon > bracket and (bracket >= 0 or host.count(":") == 1):
        return host[:colon], host[colon + 1 :]
    return host, _DEFAULT_PORTS.get(scheme, "")


# Nobody but the node itself.
NOBODY = Trust()
