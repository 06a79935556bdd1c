# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each containerd release knows. Private to this collection.

Every number here was measured on that release or read in its source at that tag.
"""

from __future__ import annotations

import dataclasses
import enum
import re

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError

# Debian writes ~rc.1 for -rc.1; a build of a changed source tree ends in .m.
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-~]((?:alpha|beta|rc)[.\d]*))?(?:[~+-].*|\.m)?", re.ASCII)

NEWEST_CONFIG_VERSION = 4


@dataclasses.dataclass(frozen=True, order=True)
class Release:
    """A containerd release, ordered as releases are: ``2.4.0-beta.0`` comes before ``2.4.0``."""

    major: int
    minor: int
    patch: int = 0
    final: bool = True
    pre: str = ""

    @classmethod
    def parse(cls, text: str, *, option: str | None = None) -> Release:
        """Reads ``1.7.24``, ``v2.3.4``, ``1.6.20~ds1``, ``2.4.0-beta.0``; ``1.7`` means its first release, 1.7.0.

        :raises DomainError: the text is not a containerd version.
        """
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise DomainError(
                f"{text!r} is not a containerd version", option=option, fix="Write it as 1.7.24 or 2.3.4."
            )
        major, minor, patch, pre = match.groups()
        return cls(int(major), int(minor), int(patch or 0), pre is None, pre or "")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def line(self) -> tuple[int, int]:
        """The minor line that point releases belong to: ``(1, 7)``."""
        return self.major, self.minor

    def knows(self, feature: Feature) -> bool:
        """Whether this release has the feature: from the point release on its own line, or on every later line."""
        return self.line > feature.since[-1].line or any(
            self.line == since.line and self >= since for since in feature.since
        )

    @property
    def config_version(self) -> int:
        """The newest config.toml ``version`` that this release understands; its ``config default`` prints the same."""
        if self.line < (2, 0):
            return 2
        return 3 if self.line < (2, 3) else 4

    @property
    def merges_cri_of_versionless_files(self) -> bool:
        """Whether CRI tables of a file without ``version`` count.

        containerd 2.0 to 2.2 rename such tables and then skip their migration: every CRI setting but the streaming
        server's is lost.
        """
        return not (2, 0) <= self.line < (2, 3)


class Feature(enum.Enum):
    """What hosts.toml can say, with the releases that learnt it (one for each line it was backported to)."""

    HOSTS_TOML = "hosts.toml", "1.5.0"
    OVERRIDE_PATH = "override_path", "1.6.0"
    DEFAULT_NAMESPACE = "the _default namespace", "1.6.17", "1.7.0-beta.1"
    DIAL_TIMEOUT = "dial_timeout", "2.0.7", "2.1.0"
    REFERRERS = "the capability referrers", "2.2.0"
    TOKEN_HEADERS = "headers at the token endpoint", "2.1.0"

    def __init__(self, text: str, *since: str) -> None:
        self.text = text
        self.since = tuple(Release.parse(version) for version in since)

    @property
    def since_text(self) -> str:
        """For messages: ``1.6.17 or 1.7.0-beta.1``."""
        return " or ".join(str(release) for release in self.since)
