# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each containerd release does with its configuration. Private to this collection.

Everything here was measured on that release or read in its source at that tag; the comment beside it says which, and
``measured`` alone means on every line from 1.4 to 2.4. The keys that each release knows are in ``known_keys``.
"""

from __future__ import annotations

import bisect
import dataclasses
import enum
import functools
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

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

    @classmethod
    def first(cls, name: str) -> Release:
        """The release of that name, and of a line such as ``1.7`` its first pre-release."""
        release = cls.parse(name)
        return dataclasses.replace(release, final=False) if name.count(".") == 1 else release

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def line(self) -> tuple[int, int]:
        """The minor line that point releases belong to: ``(1, 7)``."""
        return self.major, self.minor

    @property
    def is_known(self) -> bool:
        """Whether the collection knows this release's line; of others ``rules`` are those of the line before."""
        return self.line in LINES

    @property
    def rules(self) -> Rules:
        """What this release does with its configuration."""
        return _rules(self)

    def knows(self, feature: Feature) -> bool:
        """Whether this release has the feature: from the point release on its own line, or on every later line."""
        return self.line > feature.since[-1].line or any(
            self.line == since.line and self >= since for since in feature.since
        )

    @property
    def config_version(self) -> int:
        """The newest config.toml ``version`` that this release understands; its ``config default`` prints the same."""
        return self.rules.newest_config_version


class Feature(enum.Enum):
    """What containerd can do, with the releases that learnt it (one for each line it was backported to)."""

    HOSTS_TOML = "hosts.toml", "1.5.0"
    OVERRIDE_PATH = "override_path", "1.6.0"
    DEFAULT_NAMESPACE = "the _default namespace", "1.6.17", "1.7.0-beta.1"
    NO_HOST_TABLE = "a hosts.toml without a [host] table", "1.7.32", "2.0.0"
    DIAL_TIMEOUT = "dial_timeout", "2.0.7", "2.1.0"
    REFERRERS = "the capability referrers", "2.2.0"
    # Read at every tag of 1.6 and at v1.7.0-beta.1, measured on 1.6.20 and 1.7.24.
    IPV6_NAMES = "registries with an IPv6 address in the names of images", "1.7.0-beta.1"
    TOKEN_HEADERS = "headers at the token endpoint", "2.1.0"
    # It then speaks TLS first to an http:// host that has skip_verify, ca or client.
    TLS_FIRST = "TLS first for http:// hosts with TLS settings", "1.6.25", "1.7.8", "2.0.0"
    # In between, another table says what a class's images are unpacked for. Read at v1.7.24, v2.0.7, v2.2.1, v2.3.4.
    RUNTIME_SNAPSHOTTER = "pulls for the snapshotter of a runtime class", "1.7.0", "2.3.0"
    # The call was taken out in between; read at every tag of 2.x.
    IMAGE_DECRYPTION = "the decryption of images by CRI", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "2.1.7", "2.2.2"

    # There is no switch any more. Read at v2.4.0 and v2.4.2.
    CDI_ALWAYS = "devices by CDI, whatever the configuration says", "2.4.0"

    def __init__(self, text: str, *since: str) -> None:
        self.text = text
        self.since = tuple(Release.parse(version) for version in since)

    @property
    def since_text(self) -> str:
        """For messages: ``1.6.17 or 1.7.0-beta.1``."""
        return " or ".join(str(release) for release in self.since)


# --- rules of config.toml


class Versions(enum.Enum):
    """Which version counts where config.toml and its imports state several."""

    # The last one that is stated holds for all that was merged.
    LAST_FOR_ALL = enum.auto()
    # Each file is migrated by its own before it is merged.
    EACH_ITS_OWN = enum.auto()


class GlobBase(enum.Enum):
    """Where a relative glob in ``imports`` starts; a relative name without ``*`` always starts at its file."""

    WORKING_DIRECTORY = enum.auto()
    IMPORTING_FILE = enum.auto()


class Arrays(enum.Enum):
    """How the array of a later file joins that of an earlier one."""

    APPENDED = enum.auto()
    UNITED = enum.auto()


class Beside(enum.Enum):
    """What becomes of a legacy registry table that stands beside ``config_path``."""

    IS_IGNORED = enum.auto()
    HIDES_CONFIG_PATH = enum.auto()
    # The daemon and its unit look healthy, while nothing of CRI is loaded.
    STOPS_CRI = enum.auto()


@dataclasses.dataclass(frozen=True)
class Imports:
    """How files that ``imports`` names join config.toml. Later files win; globs are sorted by name."""

    # A plugin's table of a later file takes the place of an earlier one; else tables are merged key by key.
    replaces_plugins: bool
    arrays: Arrays
    glob_base: GlobBase
    # A name without * that is not there; else it and all names after it are passed over.
    missing_is_fatal: bool
    versions: Versions
    # A drop-in whose version is higher than that of config.toml keeps containerd from starting.
    higher_version_is_fatal: bool


@dataclasses.dataclass(frozen=True)
class RegistryRules:
    """What the CRI registry table means."""

    mirrors_beside_config_path: Beside
    tls_beside_config_path: Beside
    # Each directory of a:b is searched; else the whole is taken for one name, except when images are pulled locally.
    searches_lists: bool
    # What an unset config_path means. A default list is of use to local pulls alone.
    default_config_path: str
    # It is part of the printed defaults, and stops CRI beside mirrors; else it is only taken where there are none.
    default_stands_beside_mirrors: bool


@dataclasses.dataclass(frozen=True)
class Rules:
    """What one release does with its configuration."""

    newest_config_version: int
    # CRI tables of a file without a version, or of version 1, count. Else they are renamed and their migration is
    # skipped: every CRI setting but the streaming server's is lost.
    merges_cri_of_versionless_files: bool
    # Tables that are named by URI count in such a file.
    reads_uris_of_versionless_files: bool
    imports: Imports
    registry: RegistryRules
    sandbox_image: str
    # Canonical paths of CRI switches whose default is not the same in all releases that know them.
    switches: t.Mapping[KeyPath, bool]
    # CRI asks the transfer service for images, unless one of local_pull_reasons() is given.
    pulls_by_transfer_service: bool
    # cni.bin_dirs, and bin_dir is deprecated.
    has_bin_dirs: bool
    # cni.bin_dir in the table of the runtime; where it is not read, migration of version 2 makes bin_dirs of it.
    reads_bin_dir: bool
    # `config dump` shows what containerd makes of older tables.
    dump_migrates: bool
    # A UTF-8 byte order mark at the beginning of the file; else containerd does not start.
    reads_byte_order_mark: bool


_UNPRIVILEGED_PORTS: KeyPath = (*RUNTIME, "enable_unprivileged_ports")
_UNPRIVILEGED_ICMP: KeyPath = (*RUNTIME, "enable_unprivileged_icmp")
_CDI: KeyPath = (*RUNTIME, "enable_cdi")

_1_4 = Rules(
    newest_config_version=2,  # measured on 1.4.13
    merges_cri_of_versionless_files=True,  # measured
    reads_uris_of_versionless_files=False,  # measured
    imports=Imports(
        replaces_plugins=True,  # measured
        arrays=Arrays.APPENDED,  # measured
        glob_base=GlobBase.WORKING_DIRECTORY,  # measured on 1.4.13, 1.5.18, 1.6.20
        missing_is_fatal=False,  # measured on 1.4.13
        versions=Versions.LAST_FOR_ALL,  # measured
        higher_version_is_fatal=False,  # measured
    ),
    registry=RegistryRules(
        # measured on 1.4.13: CRI does not know config_path
        mirrors_beside_config_path=Beside.HIDES_CONFIG_PATH,
        tls_beside_config_path=Beside.HIDES_CONFIG_PATH,
        searches_lists=False,
        default_config_path="",
        default_stands_beside_mirrors=False,
    ),
    sandbox_image="k8s.gcr.io/pause:3.2",  # v1.4.0 to v1.4.13
    switches={},
    pulls_by_transfer_service=False,
    has_bin_dirs=False,
    reads_bin_dir=True,
    dump_migrates=True,
    reads_byte_order_mark=False,  # measured on 1.4.13
)

_1_5 = dataclasses.replace(
    _1_4,
    imports=dataclasses.replace(_1_4.imports, missing_is_fatal=True),  # measured on 1.5.18
    registry=RegistryRules(
        # measured on 1.5.18, 1.6.20, 1.7.24, 1.7.34
        mirrors_beside_config_path=Beside.STOPS_CRI,
        tls_beside_config_path=Beside.STOPS_CRI,
        searches_lists=True,
        default_config_path="",
        default_stands_beside_mirrors=False,
    ),
    sandbox_image="k8s.gcr.io/pause:3.5",  # v1.5.0
    reads_byte_order_mark=True,  # measured on 1.5.18, 1.6.20, 1.7.24
)
_1_5_14 = dataclasses.replace(_1_5, sandbox_image="registry.k8s.io/pause:3.5")  # v1.5.14

_1_6 = dataclasses.replace(
    _1_5,
    sandbox_image="k8s.gcr.io/pause:3.6",  # v1.6.0
    switches={_UNPRIVILEGED_PORTS: False, _UNPRIVILEGED_ICMP: False},  # measured on 1.6.20
)
_1_6_9 = dataclasses.replace(_1_6, sandbox_image="registry.k8s.io/pause:3.6")  # v1.6.9
_from_file = dataclasses.replace(_1_6.imports, glob_base=GlobBase.IMPORTING_FILE)
_1_6_29 = dataclasses.replace(_1_6_9, imports=_from_file)  # v1.6.29

_1_7 = dataclasses.replace(
    _1_6,
    sandbox_image="registry.k8s.io/pause:3.8",  # v1.7.0
    switches={**_1_6.switches, _CDI: False},  # measured on 1.7.24
)
_1_7_16 = dataclasses.replace(_1_7, imports=_from_file)  # v1.7.16, measured on 1.7.24

_2_0 = dataclasses.replace(
    _1_7_16,
    newest_config_version=3,  # measured on 2.0.11, as the rest
    merges_cri_of_versionless_files=False,
    reads_uris_of_versionless_files=True,
    imports=dataclasses.replace(_from_file, replaces_plugins=False, arrays=Arrays.UNITED),
    registry=dataclasses.replace(_1_7_16.registry, tls_beside_config_path=Beside.IS_IGNORED),
    sandbox_image="registry.k8s.io/pause:3.10",
    switches={_UNPRIVILEGED_PORTS: True, _UNPRIVILEGED_ICMP: True, _CDI: True},
    dump_migrates=False,  # v2.0.0 to v2.0.5
    reads_byte_order_mark=False,
)
_2_0_6 = dataclasses.replace(_2_0, dump_migrates=True)  # v2.0.6

_2_1 = dataclasses.replace(
    _2_0_6,
    registry=dataclasses.replace(_2_0_6.registry, searches_lists=False),  # measured on 2.1.9
    pulls_by_transfer_service=True,  # v2.1.0, measured on 2.1.9
    has_bin_dirs=True,  # v2.1.0
)

_default_list = dataclasses.replace(
    _2_1.registry,
    default_config_path="/etc/containerd/certs.d:/etc/docker/certs.d",
    default_stands_beside_mirrors=True,
)
_2_2 = dataclasses.replace(
    _2_1,
    registry=_default_list,  # v2.2.0 and v2.2.1
    sandbox_image="registry.k8s.io/pause:3.10.1",  # v2.2.0
)
_beside_no_mirrors = dataclasses.replace(_default_list, default_stands_beside_mirrors=False)
_2_2_2 = dataclasses.replace(_2_2, registry=_beside_no_mirrors)  # v2.2.2, measured on 2.2.7

_2_3 = dataclasses.replace(
    _2_2_2,
    newest_config_version=4,  # measured on 2.3.4
    merges_cri_of_versionless_files=True,  # measured on 2.3.4
    imports=dataclasses.replace(
        _2_2_2.imports,
        versions=Versions.EACH_ITS_OWN,  # v2.3.0, measured on 2.3.4
        higher_version_is_fatal=True,  # v2.3.0, measured on 2.3.4 and 2.4.0-beta.0
    ),
    sandbox_image="registry.k8s.io/pause:3.10.2",  # v2.3.0
)
_2_4 = _2_3  # measured on 2.4.0-beta.0
_2_4_0 = dataclasses.replace(
    _2_4,
    imports=dataclasses.replace(_2_4.imports, higher_version_is_fatal=False),  # v2.4.0, measured on 2.4.2
    switches={_UNPRIVILEGED_PORTS: True, _UNPRIVILEGED_ICMP: True},  # v2.4.0, measured on 2.4.2
    reads_bin_dir=False,  # v2.4.0, measured on 2.4.2
)

# Each row holds from its release on, up to the next one; that of a line's name holds from its first pre-release on.
_TABLE: tuple[tuple[str, Rules], ...] = (
    ("1.4", _1_4),
    ("1.5", _1_5),
    ("1.5.14", _1_5_14),
    ("1.6", _1_6),
    ("1.6.9", _1_6_9),
    ("1.6.29", _1_6_29),
    ("1.7", _1_7),
    ("1.7.16", _1_7_16),
    ("2.0", _2_0),
    ("2.0.6", _2_0_6),
    ("2.1", _2_1),
    ("2.2", _2_2),
    ("2.2.2", _2_2_2),
    ("2.3", _2_3),
    ("2.4", _2_4),
    ("2.4.0", _2_4_0),
)


_SINCE = [Release.first(row) for row, _rules_of_row in _TABLE]
LINES = tuple(dict.fromkeys(release.line for release in _SINCE))
NEWEST_LINE = LINES[-1]
NEWEST = Release(*NEWEST_LINE)


@functools.cache
def _rules(release: Release) -> Rules:
    row = bisect.bisect_right(_SINCE, release) - 1
    return _TABLE[max(row, 0)][1]


# --- local pulls

# Values in IM with which the transfer service can do nothing; with any other, CRI pulls images itself (v2.1.0 to
# v2.4.2, measured on 2.1.9). Tables count when they have an entry.
_TRANSFER_SERVICE_NEEDS: t.Mapping[KeyPath, t.Any] = {
    ("use_local_image_pull",): False,
    ("disable_snapshot_annotations",): True,
    ("discard_unpacked_layers",): False,
    ("registry", "mirrors"): {},
    ("registry", "configs"): {},
    ("registry", "auths"): {},
    ("max_concurrent_downloads",): 3,
    ("image_pull_with_sync_fs",): False,
}


def local_pull_reasons(effective: t.Mapping[str, t.Any], release: Release) -> tuple[KeyPath, ...]:
    """The canonical paths in effective data for which CRI pulls images itself, and not through the transfer service.

    A release that has no such choice gives none.
    """
    if not release.rules.pulls_by_transfer_service:
        return ()
    return tuple(
        (*IMAGES, *path)
        for path, needed in _TRANSFER_SERVICE_NEEDS.items()
        if look_up(effective, (*IMAGES, *path)) not in (None, needed)
    )
