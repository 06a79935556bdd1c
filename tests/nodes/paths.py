# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the testbed keeps things: built files outside the clone, one clone's run state inside it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = HERE / "files"
CLONE = HERE.parents[1]


def cache() -> Path:
    """Images and binaries, shared by all clones and keyed by what they were built from."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("AIRGAP_NODES_CACHE") or Path(home) / "airgap-nodes")


def state() -> Path:
    """Keys, inventory, logs and pids of this clone's testbed."""
    return Path(os.environ.get("AIRGAP_NODES_STATE") or CLONE / ".state").resolve() / "testbed"


def digest(*parts: str | bytes) -> str:
    """A short key for what was built from these parts."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()[:16]
