# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on a node something is said. Private to this collection."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Place:
    """A file of the node, a line of it, a key path as TOML writes it. What is not known is empty."""

    file: str = ""
    line: int | None = None
    key: str = ""


NOWHERE = Place()
