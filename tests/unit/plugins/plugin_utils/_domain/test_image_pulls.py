# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import TRANSFER, ImagePulls
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set, applied

R17, R20, R21, R23 = (Release.parse(text) for text in ("1.7.24", "2.0.7", "2.1.5", "2.3.4"))
OF_IMAGES, OF_TRANSFER = (*IMAGES, "max_concurrent_downloads"), (*TRANSFER, "max_concurrent_downloads")
LOCAL = (*IMAGES, "use_local_image_pull")
SNAPSHOTTER, UNPACK = (*IMAGES, "snapshotter"), (*TRANSFER, "unpack_config")
KEY_MODEL = (*IMAGES, "image_decryption", "key_model")


def entry(snapshotter: str, differ: str = "walking") -> dict[str, str]:
    return {"platform": "linux", "snapshotter": snapshotter, "differ": differ}


Paths = dict[tuple[str, ...], t.Any]
# What is asked for, what the files say, the release, what is to be set.
CASES: dict[str, tuple[ImagePulls, Paths, Release, Paths]] = {
    "downloads on 1.7": (ImagePulls(downloads=8), {}, R17, {OF_IMAGES: 8}),
    "downloads on 2.0": (ImagePulls(downloads=8), {}, R20, {OF_IMAGES: 8}),
    "downloads on 2.1": (ImagePulls(downloads=8), {}, R21, {OF_TRANSFER: 8}),
    "the older key at its default": (ImagePulls(downloads=8), {OF_IMAGES: 3}, R21, {OF_TRANSFER: 8}),
    "the older key in the way": (ImagePulls(downloads=8), {OF_IMAGES: 8}, R21, {OF_TRANSFER: 8, OF_IMAGES: 3}),
    "downloads of local pulls": (ImagePulls(downloads=8), {LOCAL: True}, R21, {OF_IMAGES: 8}),
    "downloads of pulls that become local": (
        ImagePulls(downloads=8, use_local_pull=True),
        {},
        R23,
        {LOCAL: True, OF_IMAGES: 8},
    ),
    "downloads of pulls that are local no more": (
        ImagePulls(downloads=8, use_local_pull=False),
        {LOCAL: True, OF_IMAGES: 8},
        R23,
        {LOCAL: False, OF_TRANSFER: 8, OF_IMAGES: 3},
    ),
    "downloads beside mirrors": (
        ImagePulls(downloads=8),
        {(*IMAGES, "registry", "mirrors", "docker.io", "endpoint"): ["https://hub-cache.example.com"]},
        R23,
        {OF_IMAGES: 8},
    ),
    "a buffer for the transfer service": (
        ImagePulls(fetch_buffer=4096),
        {},
        R23,
        {(*TRANSFER, "concurrent_layer_fetch_buffer"): 4096},
    ),
    "a buffer for local pulls": (
        ImagePulls(fetch_buffer=4096),
        {LOCAL: True},
        R23,
        {(*IMAGES, "concurrent_layer_fetch_buffer"): 4096},
    ),
    "local pulls before 2.1": (ImagePulls(use_local_pull=True), {}, R20, {}),
    "no local pulls before 2.1": (ImagePulls(use_local_pull=False), {}, R17, {}),
    "a snapshotter on 1.7": (ImagePulls(snapshotter="native"), {}, R17, {SNAPSHOTTER: "native"}),
    "a snapshotter on 2.1": (
        ImagePulls(snapshotter="native"),
        {},
        R21,
        {SNAPSHOTTER: "native", UNPACK: [entry("native")]},
    ),
    "the default snapshotter": (ImagePulls(snapshotter="overlayfs"), {}, R23, {SNAPSHOTTER: "overlayfs"}),
    "a snapshotter with a differ of its own": (
        ImagePulls(snapshotter="erofs"),
        {},
        R23,
        {SNAPSHOTTER: "erofs", UNPACK: [entry("erofs", "erofs")]},
    ),
    "a snapshotter that is unpacked for": (
        ImagePulls(snapshotter="native"),
        {UNPACK: [{"platform": "linux/amd64", "snapshotter": "native"}]},
        R23,
        {SNAPSHOTTER: "native"},
    ),
    "a snapshotter beside others": (
        ImagePulls(snapshotter="native"),
        {UNPACK: [{"platform": "linux/amd64", "snapshotter": "zfs"}]},
        R23,
        {SNAPSHOTTER: "native", UNPACK: [{"platform": "linux/amd64", "snapshotter": "zfs"}, entry("native")]},
    ),
    "a snapshotter of local pulls": (
        ImagePulls(snapshotter="stargz"),
        {(*IMAGES, "disable_snapshot_annotations"): False},
        R23,
        {SNAPSHOTTER: "stargz"},
    ),
    "a snapshotter of a class": (
        ImagePulls(class_snapshotters=("devmapper",)),
        {},
        R23,
        {UNPACK: [entry("overlayfs"), entry("devmapper")]},
    ),
    "a snapshotter of a class beside another default": (
        ImagePulls(class_snapshotters=("devmapper",)),
        {SNAPSHOTTER: "zfs"},
        R23,
        {UNPACK: [entry("zfs"), entry("devmapper")]},
    ),
    "an unpack_config of the user's own": (
        ImagePulls(snapshotter="native", unpack_config=({"snapshotter": "native", "differ": "mine"},)),
        {},
        R23,
        {SNAPSHOTTER: "native", UNPACK: [{"snapshotter": "native", "differ": "mine"}]},
    ),
    "decryption on 1.7": (ImagePulls(key_model="node"), {}, R17, {KEY_MODEL: "node"}),
    "decryption where it takes local pulls": (
        ImagePulls(key_model="node"),
        {},
        R23,
        {KEY_MODEL: "node", LOCAL: True},
    ),
    "decryption where pulls are local": (
        ImagePulls(key_model="node"),
        {(*IMAGES, "discard_unpacked_layers"): True},
        R23,
        {KEY_MODEL: "node"},
    ),
    "decryption, and the transfer service by name": (
        ImagePulls(key_model="node", use_local_pull=False),
        {},
        R23,
        {KEY_MODEL: "node", LOCAL: False},
    ),
    "decryption where there is none": (ImagePulls(key_model="node"), {}, R21, {KEY_MODEL: "node"}),
    "the end of decryption": (ImagePulls(key_model=""), {}, R23, {KEY_MODEL: ""}),
    "decryption and downloads": (
        ImagePulls(key_model="node", downloads=8),
        {},
        R23,
        {KEY_MODEL: "node", LOCAL: True, OF_IMAGES: 8},
    ),
}


@pytest.mark.parametrize(("asked", "said", "release", "wanted"), CASES.values(), ids=CASES)
def test_wishes(asked: ImagePulls, said: Paths, release: Release, wanted: Paths) -> None:
    before = applied({}, [Set(path, value) for path, value in said.items()])
    wishes = asked.wishes(before, release)
    assert dict(wishes) == wanted
    after = applied(before, [Set(path, value) for path, value in wishes])
    again = applied(after, [Set(path, value) for path, value in asked.wishes(after, release)])
    assert again == after
