# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd 2.x makes of older tables; ``tests/differential`` asks the releases themselves."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.table_migration import migrate, with_long_names

V2, IM, RT = V2_CRI[1], IMAGES[1], RUNTIME[1]
TASK, SHIM = "io.containerd.runtime.v2.task", "io.containerd.shim.v1.manager"
RUNTIMES = {"kata": {"sandbox_mode": "shim"}}

# the plugins of a version 2 file, release, what its tables come to
MIGRATED: dict[str, tuple[dict[str, t.Any], str, dict[str, t.Any]]] = {
    "the sandbox image is pinned": (
        {V2: {"sandbox_image": "a:1"}}, "2.1.5", {RT: {}, IM: {"pinned_images": {"sandbox": "a:1"}}, V2: {}},
    ),
    "an older key of the images wins": (
        {V2: {"registry": {"config_path": "/a"}}, IM: {"registry": {"config_path": "/b"}}},
        "2.1.5",
        {RT: {}, IM: {"registry": {"config_path": "/a"}}, V2: {}},
    ),
    "a newer key of the runtime wins": (
        {V2: {"enable_selinux": True}, RT: {"enable_selinux": False}},
        "2.1.5",
        {RT: {"enable_selinux": False}, IM: {}, V2: {}},
    ),
    "the snapshotter without runtimes is lost": (
        {V2: {"containerd": {"snapshotter": "native"}}}, "2.1.5", {RT: {"containerd": {}}, IM: {}, V2: {}},
    ),
    "the snapshotter beside runtimes": (
        {V2: {"containerd": {"snapshotter": "native", "runtimes": {}}}},
        "2.1.5",
        {RT: {"containerd": {"runtimes": {}}}, IM: {"snapshotter": "native"}, V2: {}},
    ),
    "a class gets its sandboxer": (
        {V2: {"containerd": {"runtimes": RUNTIMES}}},
        "2.1.5",
        {RT: {"containerd": {"runtimes": {"kata": {"sandboxer": "shim"}}}}, IM: {}, V2: {}},
    ),
    "one directory of CNI stays one on 2.0": (
        {V2: {"cni": {"bin_dir": "/a"}}}, "2.0.7", {RT: {"cni": {"bin_dir": "/a"}}, IM: {}, V2: {}},
    ),
    "one directory of CNI becomes a list on 2.1": (
        {V2: {"cni": {"bin_dir": "/a"}}}, "2.1.5", {RT: {"cni": {"bin_dirs": ["/a"]}}, IM: {}, V2: {}},
    ),
    "keys of the stream server stay": (
        {V2: {"stream_server_port": "1"}}, "2.1.5", {RT: {}, IM: {}, V2: {"stream_server_port": "1"}},
    ),
    "core scheduling becomes an environment in one step": (
        {TASK: {"sched_core": True}}, "2.1.5", {TASK: {}, SHIM: {"env": ["SCHED_CORE=1"]}},
    ),
    "and is lost in two": ({TASK: {"sched_core": True}}, "2.3.4", {TASK: {}, SHIM: {}}),
}  # fmt: skip


@pytest.mark.parametrize(("plugins", "release", "expected"), MIGRATED.values(), ids=MIGRATED)
def test_migrate(plugins: dict[str, t.Any], release: str, expected: dict[str, t.Any]) -> None:
    data = {"plugins": plugins}
    migrate(data, 2, Release.parse(release))
    assert data == {"plugins": expected}


def test_nothing_becomes_of_the_newest_version() -> None:
    data = {"plugins": {RT: {"enable_selinux": True}, IM: {"snapshotter": "native"}}}
    migrate(data, 3, Release.parse("2.1.5"))
    assert data == {"plugins": {RT: {"enable_selinux": True}, IM: {"snapshotter": "native"}}}


def test_long_names() -> None:
    data: dict[str, t.Any] = {"disabled_plugins": ["cri", "io.containerd.x.v1.a"], "plugins": {"cri": {"cni": {}}}}
    with_long_names(data)
    assert data == {"disabled_plugins": [V2, "io.containerd.x.v1.a"], "plugins": {V2: {"cni": {}}}}
