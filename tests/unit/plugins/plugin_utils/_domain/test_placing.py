# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wish is written in a file that mixes tables, and in which of several files."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import placing
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    IMAGES,
    REGISTRY_CONFIG_PATH,
    RUNTIME,
    SANDBOX_IMAGE,
    V1_CRI,
    V2_CRI,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import SNAPSHOTTER
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.placing import place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, look_up

# What stands at the end of a path in the table below; a plugin's own table is left empty.
FILLING: dict[str, t.Any] = {
    "registry": {"headers": {"X-Fleet": ["a"]}},
    "headers": {"X-Fleet": ["a"]},
    "config_path": "/old",
    "sandbox_image": "old:1",
    "sandbox": "old:1",
    "other": "old:1",
    "stream_server_port": "1",
}


def table(*paths: KeyPath) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {}
    for path in paths:
        node = data
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node.setdefault(path[-1], FILLING.get(path[-1], {}))
    return data


V1, V2, V3 = "v1", "v2", "v3"
ALL_1X, BEFORE_23, FROM_23 = ["1.6.20", "1.7.24"], ["2.0.0", "2.1.5", "2.2.7"], ["2.3.0", "2.3.4", "2.4.2"]
ALL = [*ALL_1X, *BEFORE_23, *FROM_23]
REGISTRY, SANDBOX = "registry", "sandbox_image"

# what is in the file, its version, releases, the place of the sandbox image, the place of the registry directory
PLACES: dict[str, tuple[dict[str, t.Any], int | None, list[str], str, str]] = {
    "no version, nothing": ({}, None, ALL_1X, V1, V1),
    "no version, cri": (table(V1_CRI), None, ALL_1X + FROM_23, V1, V1),
    "no version, other tables of version 1": (table(("plugins", "linux")), None, ALL_1X + FROM_23, V1, V1),
    "no version, version 2 table": (table(V2_CRI), None, FROM_23, V2, V2),
    "no version, both, read by 1.x": (table(V1_CRI, V2_CRI), None, ALL_1X, V1, V1),
    "no version, version 3 tables": (table(RUNTIME), None, FROM_23, V3, V3),
    "no version, version 2 and 3": (table(V2_CRI, (*IMAGES, REGISTRY)), None, FROM_23, V2, V3),
    "no version, cri and version 3": (table(V1_CRI, (*IMAGES, REGISTRY)), None, FROM_23, V1, V3),
    "version 0": (table(V1_CRI), 0, ALL_1X + FROM_23, V1, V1),
    "version 1": (table(V1_CRI), 1, ALL_1X + FROM_23, V1, V1),
    "version 2, nothing": ({}, 2, ALL, V2, V2),
    "version 2, its table": (table(V2_CRI), 2, ALL, V2, V2),
    "version 2, new tables, read by 1.x": (table(IMAGES), 2, ALL_1X, V2, V2),
    "version 2, new tables, read by 2.x": (table(IMAGES), 2, BEFORE_23 + FROM_23, V3, V3),
    "version 2, new runtime table alone": (table(RUNTIME), 2, BEFORE_23 + FROM_23, V3, V3),
    "version 2, old registry beside new": (
        table((*V2_CRI, REGISTRY), (*IMAGES, REGISTRY, "config_path")), 2, BEFORE_23 + FROM_23, V2, V2,
    ),
    "version 2, new registry beside old table": (
        table(V2_CRI, (*IMAGES, REGISTRY)), 2, BEFORE_23 + FROM_23, V2, V3,
    ),
    "version 2, new image beside old table": (
        table(V2_CRI, (*IMAGES, "pinned_images", "sandbox")), 2, BEFORE_23 + FROM_23, V3, V2,
    ),
    "version 2, other pinned images beside old table": (
        table(V2_CRI, (*IMAGES, "pinned_images", "other")), 2, BEFORE_23 + FROM_23, V2, V2,
    ),
    "version 3, nothing": ({}, 3, BEFORE_23 + FROM_23, V3, V3),
    "version 3, old tables, read by 2.0": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 3, BEFORE_23, V3, V3),
    "version 3, old tables, read by 2.3": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 3, FROM_23, V2, V2),
    "version 3, old registry, read by 2.3": (table((*V2_CRI, REGISTRY, "headers")), 3, FROM_23, V3, V2),
    "version 3, streaming keys alone": (table((*V2_CRI, "stream_server_port")), 3, FROM_23, V3, V3),
    "version 4, old tables": (table((*V2_CRI, SANDBOX), (*V2_CRI, REGISTRY)), 4, FROM_23, V3, V3),
}  # fmt: skip


@pytest.mark.parametrize(("data", "version", "releases", "sandbox", "registry"), PLACES.values(), ids=PLACES)
def test_place(data: dict[str, t.Any], version: int | None, releases: list[str], sandbox: str, registry: str) -> None:
    stated = {} if version is None else {"version": version}
    file = ConfigFile("/etc/containerd/config.toml", {**stated, **data})
    for text in releases:
        for wish, expected in ((SANDBOX_IMAGE, sandbox), (REGISTRY_CONFIG_PATH, registry)):
            placement = place((file,), [Set(wish, "x")], [], Release.parse(text))
            assert placement.operations == {file.path: [Set(getattr(names(wish), expected), "x")]}, text


# the directory of CNI's programs in a file, and how the release gets another one
DIRECTORIES: dict[str, tuple[KeyPath, int, str, list[Remove | Set]]] = {
    "version 2": ((*V2_CRI, "cni"), 2, "2.4.2", [Set((*V2_CRI, "cni", "bin_dir"), "/b")]),
    "where both keys are read": ((*RUNTIME, "cni"), 3, "2.3.4", [Set((*RUNTIME, "cni", "bin_dir"), "/b")]),
    "where the older key is not read": (
        (*RUNTIME, "cni"),
        3,
        "2.4.2",
        [Set(CNI_BIN_DIRS, ["/b"]), Remove((*RUNTIME, "cni", "bin_dir"))],
    ),
}


@pytest.mark.parametrize(("cni", "version", "release", "operations"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_directories_of_cni(cni: KeyPath, version: int, release: str, operations: list[Remove | Set]) -> None:
    data = {"version": version, "plugins": {cni[1]: {"cni": {"bin_dir": "/a"}}}}
    file = ConfigFile("/etc/containerd/config.toml", data)
    placement = place((file,), [Set(CNI_BIN_DIRS, ["/b"])], [], Release.parse(release))
    assert placement.operations == {file.path: operations}


def test_what_stood_behind_something_removed_is_wished_for_again() -> None:
    # containerd 2.x takes the snapshotter of version 2 over to the images only where there are runtimes.
    containerd = {"snapshotter": "native", "runtimes": {"crun": {"runtime_type": "io.containerd.runc.v2"}}}
    file = ConfigFile("/etc/containerd/config.toml", {"version": 2, "plugins": {V2_CRI[1]: {"containerd": containerd}}})
    release = Release.parse("2.3.4")
    runtimes = (*V2_CRI, "containerd", "runtimes")
    placement = place((file,), [], [runtimes], release)
    assert look_up(effective(placement.files, release), SNAPSHOTTER) == "native"
    assert placement.operations == {file.path: [Set(SNAPSHOTTER, "native"), Remove(runtimes)]}


def test_a_removal_that_does_not_take_effect_is_refused() -> None:
    # An older key says what is in the table that goes, and would stay.
    pinned = (*IMAGES, "pinned_images")
    data = table((*V2_CRI, SANDBOX), pinned)
    file = ConfigFile("/etc/containerd/config.toml", {"version": 3, **data})
    with pytest.raises(DomainError) as raised:
        place((file,), [], [pinned], Release.parse("2.3.4"))
    assert str(raised.value) == (
        'plugins."io.containerd.cri.v1.images".pinned_images.sandbox: would change too, as containerd 2.3.4 reads '
        "these files. Nothing was changed; bring the CRI tables of the files into one form first."
    )


def test_each_wish_costs_about_one_look_at_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(*arguments: t.Any) -> t.Any:
        nonlocal looks
        looks += 1
        return effective(*arguments)

    monkeypatch.setattr(placing, "effective", counted)
    wishes = [Set((*RUNTIME, "containerd", "runtimes", f"class{number}", "runtime_type"), "x") for number in range(30)]
    file = ConfigFile("/etc/containerd/config.toml", {"version": 2, **table(V2_CRI)})
    place((file,), wishes, [], Release.parse("2.3.4"))
    assert looks <= len(wishes) + 2
