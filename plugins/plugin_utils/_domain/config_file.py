# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A config.toml, or a file that it imports, as it lies on the node. Private to this collection."""

from __future__ import annotations

import dataclasses

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

# What _node_read reads of a file by default; no configuration of containerd's comes near.
MAX_BYTES = 1048576


@dataclasses.dataclass(frozen=True)
class Source:
    """A file as it was read; ``content`` is None where there is none."""

    path: str
    content: bytes | None

    @classmethod
    def from_entry(cls, path: str, entry: Entry) -> Source:
        """:raises DomainError: what is there is no file, or cannot be read."""
        if entry.error is not None:
            is_large = (entry.size or 0) > MAX_BYTES
            advice = "only files of up to 1 MiB are edited: make it smaller, or edit it by hand"
            fix = f"Nothing was changed; {advice if is_large else entry.advice('see to the file on the node')}."
            raise DomainError(f"cannot be read: {entry.error}", file=path, fix=fix)
        if entry.kind not in ("file", "absent"):
            raise DomainError(
                f"is not a file ({entry.kind})", file=path, fix="Nothing was changed; move it away on the node."
            )
        return cls(path, entry.content)


def decode(source: Source, release: Release) -> str:
    """The text of a file.

    :raises DomainError: not UTF-8, or with a byte order mark that this release refuses.
    """
    content = source.content or b""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DomainError(
            f"not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}",
            line=line,
            fix="Nothing was changed; save the file as UTF-8.",
        ) from None
    if text.startswith("\ufeff") and not release.rules.reads_byte_order_mark:
        raise DomainError(
            f"the file begins with a byte order mark, which containerd {release} refuses",
            line=1,
            fix="Nothing was changed; save the file without it.",
        )
    return text
