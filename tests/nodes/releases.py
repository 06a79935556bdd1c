# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of nodes: what containerd each runs and where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodes.machine import Lack


@dataclass(frozen=True)
class Release:
    name: str
    suite: str
    config: str  # the file below files/containerd/ that becomes config.toml
    tool: str | None = None  # the directory below tools/ whose binaries replace the package's

    @property
    def node(self) -> str:
        return f"node-{self.name.replace('.', '-')}"


RELEASES = {
    release.name: release
    for release in (
        Release("1.4", "bullseye", "debian.toml"),
        Release("1.6", "bookworm", "debian.toml"),
        Release("1.7", "trixie", "debian.toml"),
        Release("2.0", "trixie", "v3.toml", tool="containerd-2.0"),
        Release("2.1", "trixie", "v3.toml", tool="containerd-2.1"),
        Release("2.2", "trixie", "v3.toml", tool="containerd-2.2"),
        Release("2.3", "trixie", "v4.toml", tool="containerd-2.3"),
        Release("2.4", "trixie", "v4.toml", tool="containerd-2.4"),
    )
}
#: What the demo and `make nodes` boot: the three ways in which containerd reads its configuration.
DEFAULT = ("1.6", "1.7", "2.3")
#: What `make test` boots. 2.0 reads files as 2.1 does, what 2.4 reads otherwise than 2.3 shows in a dump (dumps.py, no
#: node is needed), and 1.4 has no config_path to set: they are there for `--nodes 2.0,2.4`.
TESTED = ("1.6", "1.7", "2.1", "2.2", "2.3")


def choose(names: list[str]) -> list[Release]:
    """Releases by name; `1.6`, `node-1-6` and the words `tested` and `all` are understood."""
    words = {"all": tuple(RELEASES), "tested": TESTED}
    return [_find(name) for word in names for name in words.get(word, (word,))]


def _find(name: str) -> Release:
    wanted = re.sub(r"^node-(\d+)-(\d+)$", r"\1.\2", name)
    if wanted not in RELEASES:
        raise Lack(f"There is no node {name}. Choose from {', '.join(RELEASES)}, tested (by `make test`) and all.")
    return RELEASES[wanted]
