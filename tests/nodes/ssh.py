# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys, known hosts and the SSH inventory of the nodes."""

from __future__ import annotations

import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes import paths

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from nodes.node import Node


@dataclass(frozen=True)
class Keys:
    """One key that opens all nodes, and a host key for each, made before it boots: even its first answer is checked."""

    directory: Path

    @classmethod
    def of_testbed(cls) -> Keys:
        return cls(paths.state() / "ssh")

    @property
    def private(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def public(self) -> Path:
        return self.private.with_suffix(".pub")

    @property
    def config(self) -> Path:
        return self.directory / "config"

    def host(self, node: str) -> Path:
        return self.directory / f"host-{node}"

    def ensure(self, nodes: Iterable[str]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in (self.private, *map(self.host, nodes)):
            if not file.exists():
                command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Inventory:
    """Files that name the nodes: for Ansible, and for a person with `ssh -F`."""

    keys: Keys

    @property
    def path(self) -> Path:
        return paths.state() / "inventory.ini"

    def write(self, nodes: list[Node]) -> None:
        known = self.keys.directory / "known_hosts"
        public = {node.name: self.keys.host(node.name).with_suffix(".pub").read_text().split()[:2] for node in nodes}
        known.write_text("".join(f"{name} {' '.join(key)}\n" for name, key in public.items()))
        self.keys.config.write_text("".join(_host(node, self.keys, known) for node in nodes))
        self.path.write_text(_inventory(nodes, self.keys, known))


def _host(node: Node, keys: Keys, known: Path) -> str:
    return (
        f"Host {node.name}\n  HostName {node.address}\n  HostKeyAlias {node.name}\n  User root\n"
        f"  IdentityFile {keys.private}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
        "  StrictHostKeyChecking yes\n  LogLevel ERROR\n"
    )


def _line(node: Node) -> str:
    # A node made anew must not meet the connection that an earlier run holds open to its predecessor.
    connection = f"%(directory)s/airgap-{node.identity}"
    address = f"ansible_host={node.address} ansible_control_path={connection}"
    return f"{node.name} {address} testbed_release={node.release.name}"


def _inventory(nodes: list[Node], keys: Keys, known: Path) -> str:
    hosts = [_line(node) for node in nodes]
    arguments = (
        f"-F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
        " -o HostKeyAlias={{ inventory_hostname }}"
    )
    lines = [
        "# Written by the testbed whenever nodes come up.",
        "[k8s_nodes]",
        *hosts,
        "",
        "[k8s_nodes:vars]",
        "ansible_user=root",
        "ansible_port=22",
        f"ansible_ssh_private_key_file={keys.private}",
        f"ansible_ssh_common_args='{arguments}'",
        "ansible_ssh_pipelining=true",
        "ansible_python_interpreter=/usr/bin/python3",
        f"testbed_state={paths.state()}",
    ]
    return "\n".join(lines) + "\n"
