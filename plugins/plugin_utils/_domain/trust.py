# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which registries may be asked for images: those their owner controls. Private to this collection."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError

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
            text = entry.strip().lower()
            if "/" in text:
                networks.append(_network(text, f"{option}[{number}]"))
            elif text.startswith("*."):
                suffixes.append(text[1:])
            elif _address(text) is not None:
                networks.append(_network(text.strip("[]"), f"{option}[{number}]"))
            elif not text:
                raise DomainError(
                    "an entry is empty", option=f"{option}[{number}]", fix="Write it as registry.example.com."
                )
            else:
                hosts.add(text)
        return cls(frozenset(hosts), tuple(suffixes), tuple(networks))

    def covers(self, scheme: str, host: str) -> bool:
        """Whether the endpoint at ``host[:port]`` may be asked."""
        name, port = _parted(host.lower(), scheme)
        written = (name, f"{name}:{port}")
        if self.hosts.intersection(written) or any(each.endswith(self.suffixes) for each in written):
            return True
        address = _address(name)
        if address is None:
            return name == "localhost"
        return address.is_loopback or any(address in network for network in self.networks)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _network(text: str, option: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise DomainError(
            f"{text!r} is neither a host nor a network", option=option, fix="Write it as 192.0.2.0/24."
        ) from None


def _parted(host: str, scheme: str) -> tuple[str, str]:
    bracket = host.rfind("]")
    colon = host.rfind(":")
    if colon > bracket and (bracket >= 0 or host.count(":") == 1):
        return host[:colon], host[colon + 1 :]
    return host, _DEFAULT_PORTS.get(scheme, "")


# Nobody but the node itself.
NOBODY = Trust()
