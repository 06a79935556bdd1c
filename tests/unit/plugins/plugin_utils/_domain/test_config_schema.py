# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions are read, and where a release looks for a setting in a file that mixes tables."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_schema import (
    V1_CRI,
    V2_CRI,
    V3_IMAGES,
    V3_RUNTIME,
    Setting,
    check_accepted,
    place,
    stated_version,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

NEW = "Nothing was changed; upgrade the collection."
PLAIN = "Write a plain integer: version = 2."

VERSIONS: dict[str, tuple[t.Any, int | str | None]] = {
    "absent": (None, None),
    "zero": (0, 0),
    "one": (1, 1),
    "two": (2, 2),
    "four": (4, 4),
    "five": (5, f"version: config version 5 is newer than this collection knows (4). {NEW}"),
    "a text": ("2", f"version: '2' is not a config version. {PLAIN}"),
    "a fraction": (2.0, f"version: 2.0 is not a config version. {PLAIN}"),
    "a boolean": (True, f"version: True is not a config version. {PLAIN}"),
    "negative": (-1, f"version: -1 is not a config version. {PLAIN}"),
    "a list": ([2], f"version: [2] is not a config version. {PLAIN}"),
}

# version, the releases that read it, those that do not
ACCEPTED = {
    "zero": (0, ["1.4.13", "1.7.24", "2.1.5", "2.3.4"], []),
    "two": (2, ["1.4.13", "1.6.20", "1.7.24", "2.0.0", "2.3.4"], []),
    "three": (3, ["2.0.0", "2.2.7", "2.3.4"], ["1.4.13", "1.6.20", "1.7.24"]),
    "four": (4, ["2.3.0", "2.3.4", "2.4.0-beta.0"], ["1.6.20", "1.7.24", "2.0.0", "2.2.7"]),
}


def table(*paths: KeyPath) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {}
    for path in paths:
        node = data
        for key in path:
            node = node.setdefault(key, {})
    return data


V1, V2, V3 = "v1", "v2", "v3"
ALL_1X, BEFORE_23, FROM_23 = ["1.6.20", "1.7.24"], ["2.0.0", "2.1.5", "2.2.7"], ["2.3.0", "2.3.4", "2.4.0-beta.0"]
ALL = [*ALL_1X, *BEFORE_23, *FROM_23]
REGISTRY, SANDBOX = "registry", "sandbox_image"

# what is in the file, its version, releases, the place of the sandbox image, the place of the registry directory
PLACES: dict[str, tuple[dict[str, t.Any], int | None, list[str], str, str]] = {
    "no version, nothing": ({}, None, ALL_1X + FROM_23, V1, V1),
    "no version, cri": (table(V1_CRI), None, ALL_1X + FROM_23, V1, V1),
    "no version, other tables of version 1": (table(("plugins", "linux")), None, ALL_1X + FROM_23, V1, V1),
    "no version, version 2 table": (table(V2_CRI), None, FROM_23, V2, V2),
    "no version, both, read by 1.x": (table(V1_CRI, V2_CRI), None, ALL_1X, V1, V1),
    "no version, both, read by 2.3": (table(V1_CRI, V2_CRI), None, FROM_23, V2, V2),
    "no version, version 3 tables": (table(V3_RUNTIME), None, FROM_23, V3, V3),
    "no version, version 2 and 3": (table(V2_CRI, (*V3_IMAGES, REGISTRY)), None, FROM_23, V2, V3),
    "no version, cri and version 3": (table(V1_CRI, (*V3_IMAGES, REGISTRY)), None, FROM_23, V1, V3),
    "version 0": (table(V1_CRI), 0, ALL_1X + FROM_23, V1, V1),
    "version 1": (table(V1_CRI), 1, ALL_1X + FROM_23, V1, V1),
    "version 2, nothing": ({}, 2, ALL, V2, V2),
    "version 2, its table": (table(V2_CRI), 2, ALL, V2, V2),
    "version 2, new tables, read by 1.x": (table(V3_IMAGES), 2, ALL_1X, V2, V2),
    "version 2, new tables, read by 2.x": (table(V3_IMAGES), 2, BEFORE_23 + FROM_23, V3, V3),
    "version 2, new runtime table alone": (table(V3_RUNTIME), 2, BEFORE_23 + FROM_23, V3, V3),
    "version 2, old registry beside new": (
        table((*V2_CRI, REGISTRY), (*V3_IMAGES, REGISTRY, "config_path")), 2, BEFORE_23 + FROM_23, V2, V2,
    ),
    "version 2, new registry beside old table": (
        table(V2_CRI, (*V3_IMAGES, REGISTRY)), 2, BEFORE_23 + FROM_23, V2, V3,
    ),
    "version 2, new image beside old table": (
        table(V2_CRI, (*V3_IMAGES, "pinned_images", "sandbox")), 2, BEFORE_23 + FROM_23, V3, V2,
    ),
    "version 2, other pinned images beside old table": (
        table(V2_CRI, (*V3_IMAGES, "pinned_images", "other")), 2, BEFORE_23 + FROM_23, V2, V2,
    ),
    "version 3, nothing": ({}, 3, BEFORE_23 + FROM_23, V3, V3),
    "version 3, old tables, read by 2.0": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 3, BEFORE_23, V3, V3),
    "version 3, old tables, read by 2.3": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 3, FROM_23, V2, V2),
    "version 3, old registry, read by 2.3": (table((*V2_CRI, REGISTRY, "headers")), 3, FROM_23, V3, V2),
    "version 3, streaming keys alone": (table((*V2_CRI, "stream_server_port")), 3, FROM_23, V3, V3),
    "version 4, old tables": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 4, FROM_23, V3, V3),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), VERSIONS.values(), ids=VERSIONS)
def test_stated_version(value: t.Any, expected: int | str | None) -> None:
    data = {} if value is None else {"version": value}
    if not isinstance(expected, str):
        assert stated_version(data) == expected
        return
    with pytest.raises(DomainError) as raised:
        stated_version(data)
    assert str(raised.value) == expected


@pytest.mark.parametrize(("version", "read", "refused"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(version: int, read: list[str], refused: list[str]) -> None:
    for text in read:
        check_accepted(version, Release.parse(text))
    for text in refused:
        with pytest.raises(DomainError) as raised:
            check_accepted(version, Release.parse(text))
        assert str(raised.value).startswith(f"version: containerd {text} reads config versions up to ")


def test_refused_text() -> None:
    with pytest.raises(DomainError) as raised:
        check_accepted(3, Release.parse("1.7.24"))
    assert str(raised.value) == (
        "version: containerd 1.7.24 reads config versions up to 2, this file says 3. "
        "Install the containerd that this file was written for, or write the file for this one."
    )


@pytest.mark.parametrize(("data", "version", "releases", "sandbox", "registry"), PLACES.values(), ids=PLACES)
def test_place(data: dict[str, t.Any], version: int | None, releases: list[str], sandbox: str, registry: str) -> None:
    for text in releases:
        release = Release.parse(text)
        found = [place(setting, data, version, release) for setting in Setting]
        expected = [getattr(Setting.SANDBOX_IMAGE, sandbox), getattr(Setting.REGISTRY_CONFIG_PATH, registry)]
        assert found == expected, text
