# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each release makes of files, row by row. ``tests/differential/test_rows.py`` asks the releases themselves.

A1, A3, A4 and B stand for what was measured: versions, moved keys, mixed tables, imports.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    effective,
    leaves,
    meaningful,
    versions_read_as,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse

CONFIG = "/etc/containerd/config.toml"
DROP_IN = "/etc/containerd/conf.d/10-a.toml"
LATER = "/etc/containerd/conf.d/20-b.toml"
IMPORTS = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
V1, V2, IM, RT = (
    f"plugins.{name}"
    for name in (
        "cri",
        '"io.containerd.grpc.v1.cri"',
        '"io.containerd.cri.v1.images"',
        '"io.containerd.cri.v1.runtime"',
    )
)

_1, _20, _21, _23 = ("1.6.20", "1.7.24"), ("2.0.7",), ("2.1.5", "2.2.1"), ("2.3.4", "2.4.0-beta.0")
_24 = ("2.4.2",)
RELEASES = {
    "all": (*_1, *_20, *_21, *_23, *_24),
    "1.x": _1,
    "2.x": (*_20, *_21, *_23, *_24),
    "2.0": _20,
    "2.0-2.2": (*_20, *_21),
    "2.0-2.3": (*_20, *_21, *_23),
    "2.1+": (*_21, *_23, *_24),
    "2.3+": (*_23, *_24),
    "2.4+": _24,
}
SHORT = {"IM": IMAGES, "RT": RUNTIME, "CRI": V2_CRI}

Files = str | dict[str, str]
# Settings by their canonical paths; IM, RT and CRI are plugins, the rest of a path has no dots in its keys.
Expected = dict[str, t.Any]

SANDBOX, SNAPSHOTTER, DEFAULT = "IM.pinned_images.sandbox", "IM.snapshotter", "RT.containerd.default_runtime_name"
RUNC = "RT.containerd.runtimes.runc"
LOST: Expected = {}


def v2(*lines: str) -> str:
    return "\n".join(("version = 2", *lines, ""))


def v3(*lines: str) -> str:
    return "\n".join(("version = 3", *lines, ""))


def v4(*lines: str) -> str:
    return "\n".join(("version = 4", *lines, ""))


# what is in the files, and what counts of it on which releases
ROWS: dict[str, tuple[Files, dict[str, Expected]]] = {
    # --- A1: versions
    "A1: a file without a version, table of version 1": (
        f'[{V1}]\nsandbox_image = "a/b:1"\nstream_server_port = "1"\n',
        {
            "1.x": {SANDBOX: "a/b:1", "CRI.stream_server_port": "1"},
            "2.0-2.2": {"CRI.stream_server_port": "1"},
            "2.3+": {SANDBOX: "a/b:1", "CRI.stream_server_port": "1"},
        },
    ),
    "A1: a file of version 0, table of version 1": (
        f'version = 0\n[{V1}]\nsandbox_image = "a/b:1"\n',
        {"1.x": {SANDBOX: "a/b:1"}, "2.0-2.2": LOST, "2.3+": {SANDBOX: "a/b:1"}},
    ),
    "A1: a file of version 1, table of version 1": (
        f'version = 1\n[{V1}]\nsandbox_image = "a/b:1"\n',
        {"1.x": {SANDBOX: "a/b:1"}, "2.0-2.2": LOST, "2.3+": {SANDBOX: "a/b:1"}},
    ),
    "A1: a file without a version, table of version 2": (
        f'[{V2}]\nsandbox_image = "a/b:1"\n',
        {"1.x": LOST, "2.0-2.2": LOST, "2.3+": {SANDBOX: "a/b:1"}},
    ),
    "A1: a file without a version, tables of version 3": (
        f'[{IM}]\nsnapshotter = "native"\n[{RT}]\nenable_selinux = true\n',
        {"1.x": LOST, "2.x": {SNAPSHOTTER: "native", "RT.enable_selinux": True}},
    ),
    "A1: a plugin's short name in version 1": (
        '[plugins.opt]\npath = "/a"\n[plugins.scheduler]\nschedule_delay = "1s"\n',
        {"all": {"plugins/io.containerd.internal.v1.opt/path": "/a",
                 "plugins/io.containerd.gc.v1.scheduler/schedule_delay": "1s"}},
    ),
    "A1: a plugin's short name that 2.x does not know": (
        "[plugins.nri]\ndisable = false\n",
        {"1.x": {"plugins/io.containerd.nri.v1.nri/disable": False},
         "2.x": {"plugins/io.containerd.grpc.v1.nri/disable": False}},
    ),
    "A1: a plugin's short name in version 2": (v2('[plugins.opt]\npath = "/a"'), {"2.x": LOST}),
    "A1: short names of disabled plugins in version 1": (
        'disabled_plugins = ["zfs"]\n', {"all": {"disabled_plugins": ["io.containerd.snapshotter.v1.zfs"]}},
    ),
    "A1: ids of disabled plugins in version 1": (
        'disabled_plugins = ["io.containerd.snapshotter.v1.zfs"]\n',
        {"1.x": LOST, "2.x": {"disabled_plugins": ["io.containerd.snapshotter.v1.zfs"]}},
    ),
    # --- A3: what becomes of a file of version 2
    "A3: snapshotter beside runtimes": (
        v2(f'[{V2}.containerd]\nsnapshotter = "native"\n[{V2}.containerd.runtimes.runc]\nruntime_type = "a"'),
        {"all": {SNAPSHOTTER: "native", f"{RUNC}.runtime_type": "a"}},
    ),
    "A3: snapshotter without runtimes": (
        v2(f'[{V2}.containerd]\nsnapshotter = "native"'), {"1.x": {SNAPSHOTTER: "native"}, "2.x": LOST},
    ),
    "A3: the other keys that need runtimes": (
        v2(f"[{V2}.containerd]\ndisable_snapshot_annotations = false\ndiscard_unpacked_layers = true"),
        {"1.x": {"IM.disable_snapshot_annotations": False, "IM.discard_unpacked_layers": True}, "2.x": LOST},
    ),
    "A3: snapshotter beside an empty table of runtimes": (
        v2(f'[{V2}.containerd]\nsnapshotter = "native"\n[{V2}.containerd.runtimes]'),
        {"all": {SNAPSHOTTER: "native", "RT.containerd.runtimes": {}}},
    ),
    "A3: bin_dir": (
        v2(f'[{V2}.cni]\nbin_dir = "/a"\nconf_dir = "/b"'),
        {"all": {"RT.cni.bin_dirs": ["/a"], "RT.cni.conf_dir": "/b"}},
    ),
    "A3: bin_dir in version 3": (
        v3(f'[{RT}.cni]\nbin_dir = "/a"'), {"2.0-2.3": {"RT.cni.bin_dirs": ["/a"]}, "2.4+": LOST},
    ),
    "A3: bin_dir beside bin_dirs in version 3": (
        v3(f'[{RT}.cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]'), {"2.4+": {"RT.cni.bin_dirs": ["/b"]}},
    ),
    "A3: an empty bin_dir beside bin_dirs, as dumps have it": (
        v3(f'[{RT}.cni]\nbin_dir = ""\nbin_dirs = ["/a", "/b"]'),
        {"2.0": {"RT.cni.bin_dirs": [""]}, "2.1+": {"RT.cni.bin_dirs": ["/a", "/b"]}},
    ),
    "A3: bin_dirs where there is no such key": (v3(f'[{RT}.cni]\nbin_dirs = ["/a"]'), {"2.0": LOST}),
    "A3: bin_dir and bin_dirs in two tables": (
        v2(f'[{V2}.cni]\nbin_dir = "/a"\nmax_conf_num = 3\n[{RT}.cni]\nbin_dirs = ["/b"]\nconf_dir = "/c"'),
        {
            "1.x": {"RT.cni.bin_dirs": ["/a"], "RT.cni.max_conf_num": 3},
            # The whole table of the newer name wins.
            "2.0": {"RT.cni.conf_dir": "/c"},
            "2.1+": {"RT.cni.bin_dirs": ["/a"], "RT.cni.max_conf_num": 3, "RT.cni.conf_dir": "/c"},
        },
    ),
    "A3: sandbox_mode": (
        v2(f'[{V2}.containerd.runtimes.runc]\nsandbox_mode = "shim"'), {"all": {f"{RUNC}.sandboxer": "shim"}},
    ),
    "A3: per-runtime snapshotter": (
        v2(f'[{V2}.containerd.runtimes.runc]\nsnapshotter = "native"'), {"all": {f"{RUNC}.snapshotter": "native"}},
    ),
    "A3: plugins that 2.0 renamed": (
        v2('[plugins."io.containerd.internal.v1.restart"]\ninterval = "9s"',
           '[plugins."io.containerd.monitor.v1.cgroups"]\nno_prometheus = true'),
        {"all": {"plugins/io.containerd.monitor.container.v1.restart/interval": "9s",
                 "plugins/io.containerd.monitor.task.v1.cgroups/no_prometheus": True}},
    ),
    "A3: plugins that 2.0 renamed, in version 3": (
        v3('[plugins."io.containerd.internal.v1.restart"]\ninterval = "9s"'),
        {"2.0-2.2": LOST, "2.3+": {"plugins/io.containerd.monitor.container.v1.restart/interval": "9s"}},
    ),
    "A3: sched_core": (
        v2('[plugins."io.containerd.runtime.v2.task"]\nsched_core = true'),
        {
            "1.x": {"plugins/io.containerd.runtime.v2.task/sched_core": True},
            "2.0-2.2": {"plugins/io.containerd.shim.v1.manager/env": ["SCHED_CORE=1"]},
            # Two steps of migration, of which the second one forgets.
            "2.3+": LOST,
        },
    ),
    "A3: registry with an explicitly empty config_path": (
        v2(f'[{V2}.registry]\nconfig_path = ""'),
        # 2.2.0 and 2.2.1 put their default list in its place.
        {"1.x": {"IM.registry.config_path": ""}, "2.0": {"IM.registry.config_path": ""},
         "2.3+": {"IM.registry.config_path": ""}},
    ),
    "A3: server tables": (
        v3('[grpc]\naddress = "/a"\nuid = 1\ntcp_address = "b"\ntcp_tls_ca = "c"',
           '[debug]\naddress = "/d"\nlevel = "info"',
           '[metrics]\naddress = "e"\ngrpc_histogram = true\n[ttrpc]\naddress = "/f"'),
        {"2.x": {
            "plugins/io.containerd.server.v1.grpc/address": "/a",
            "plugins/io.containerd.server.v1.grpc/uid": 1,
            "plugins/io.containerd.server.v1.grpc-tcp/address": "b",
            "plugins/io.containerd.server.v1.grpc-tcp/tls_ca": "c",
            "plugins/io.containerd.server.v1.debug/address": "/d",
            "debug.level": "info",
            "plugins/io.containerd.server.v1.metrics/address": "e",
            "plugins/io.containerd.metrics.v1.grpc-prometheus/grpc_histogram": True,
            "plugins/io.containerd.server.v1.ttrpc/address": "/f",
        }},
    ),
    "A3: server tables beside those of version 4": (
        v3('[metrics]\naddress = "a"\n[plugins."io.containerd.server.v1.metrics"]\naddress = "b"'),
        {"2.0-2.2": {"plugins/io.containerd.server.v1.metrics/address": "a"},
         "2.3+": {"plugins/io.containerd.server.v1.metrics/address": "b"}},
    ),
    "A3: server tables in version 4": (
        v4('[grpc]\naddress = "/a"\n[metrics]\naddress = "b"\n[debug]\naddress = "/c"\nlevel = "info"'),
        {"2.3+": {"debug.level": "info"}},
    ),
    "A3: debug without an address": (
        v3("[debug]\nuid = 1"), {"2.0-2.2": {"plugins/io.containerd.server.v1.debug/uid": 1}, "2.3+": LOST},
    ),
    "A3: tls of grpc-tcp without an address": (
        v3('[grpc]\ntcp_tls_ca = "a"'),
        {"2.0-2.2": {"plugins/io.containerd.server.v1.grpc-tcp/tls_ca": "a"}, "2.3+": LOST},
    ),
    "A3: ttrpc without an address": (
        v3("[ttrpc]\nuid = 1"),
        {"2.0-2.2": {"plugins/io.containerd.server.v1.ttrpc/uid": 1},
         "2.3+": {"plugins/io.containerd.server.v1.ttrpc/uid": 1, "plugins/io.containerd.server.v1.ttrpc/address": ""}},
    ),
    "A3: what ttrpc takes from grpc is no setting": (
        v3('[grpc]\naddress = "/a"\ngid = 2'),
        {"2.x": {"plugins/io.containerd.server.v1.grpc/address": "/a", "plugins/io.containerd.server.v1.grpc/gid": 2}},
    ),
    # --- A4: mixed tables
    "A4: v2 with V2 tables": (
        v2(f'[{V2}]\nsandbox_image = "a/b:1"\nenable_selinux = true'),
        {"all": {SANDBOX: "a/b:1", "RT.enable_selinux": True}},
    ),
    "A4: v2 with only IM/RT tables": (
        v2(f'[{IM}]\nsnapshotter = "native"\n[{RT}]\nenable_selinux = true'),
        {"1.x": LOST, "2.x": {SNAPSHOTTER: "native", "RT.enable_selinux": True}},
    ),
    "A4: v3 with V2 tables": (
        v3(f'[{V2}]\nsandbox_image = "a/b:1"\nenable_selinux = true\nstream_server_port = "1"'),
        {"2.0-2.2": {"CRI.stream_server_port": "1"},
         "2.3+": {SANDBOX: "a/b:1", "RT.enable_selinux": True, "CRI.stream_server_port": "1"}},
    ),
    "A4: v2 with both: registry, sandbox, snapshotter": (
        v2(f'[{V2}]\nsandbox_image = "old/b:1"\n[{V2}.registry]\nconfig_path = "/old"',
           f'[{V2}.containerd]\nsnapshotter = "old"\n[{V2}.containerd.runtimes.runc]\nruntime_type = "a"',
           f'[{IM}]\nsnapshotter = "new"\n[{IM}.pinned_images]\nsandbox = "new/b:1"\nother = "c"',
           f'[{IM}.registry]\nconfig_path = "/new"\n[{IM}.registry.headers]\nA = ["b"]'),
        {"1.x": {SANDBOX: "old/b:1", "IM.registry.config_path": "/old", SNAPSHOTTER: "old",
                 f"{RUNC}.runtime_type": "a"},
         "2.x": {SANDBOX: "old/b:1", "IM.pinned_images.other": "c", "IM.registry.config_path": "/old",
                 SNAPSHOTTER: "old", f"{RUNC}.runtime_type": "a"}},
    ),
    "A4: v2 with both: runtime and cni": (
        v2(f'[{V2}]\nenable_selinux = false\nenable_cdi = true\n[{V2}.containerd]\ndefault_runtime_name = "old"',
           f'[{V2}.containerd.runtimes.old]\nruntime_type = "a"\n[{V2}.cni]\nconf_dir = "/old"\nmax_conf_num = 3',
           f'[{RT}]\nenable_selinux = true\n[{RT}.containerd]\ndefault_runtime_name = "new"',
           f'[{RT}.containerd.runtimes.new]\nruntime_type = "b"\n[{RT}.cni]\nconf_dir = "/new"'),
        {
            "1.x": {"RT.enable_selinux": False, "RT.enable_cdi": True, DEFAULT: "old", "RT.cni.conf_dir": "/old",
                    "RT.cni.max_conf_num": 3, "RT.containerd.runtimes.old.runtime_type": "a"},
            "2.0": {"RT.enable_selinux": True, "RT.enable_cdi": True, DEFAULT: "new", "RT.cni.conf_dir": "/new",
                    "RT.containerd.runtimes.new.runtime_type": "b"},
            "2.1+": {"RT.enable_selinux": True, "RT.enable_cdi": True, DEFAULT: "new", "RT.cni.conf_dir": "/new",
                     "RT.cni.max_conf_num": 3, "RT.containerd.runtimes.new.runtime_type": "b"},
        },
    ),
    "A4: v3 with both": (
        v3(f'[{V2}]\nsandbox_image = "old/b:1"\nenable_selinux = false\n[{V2}.registry]\nconfig_path = "/old"',
           f'[{IM}.pinned_images]\nsandbox = "new/b:1"\n[{IM}.registry]\nconfig_path = "/new"',
           f"[{RT}]\nenable_selinux = true"),
        {"2.0-2.2": {SANDBOX: "new/b:1", "IM.registry.config_path": "/new", "RT.enable_selinux": True},
         "2.3+": {SANDBOX: "old/b:1", "IM.registry.config_path": "/old", "RT.enable_selinux": True}},
    ),
    "A4: v4 with V2 tables": (
        v4(f'[{V2}]\nsandbox_image = "a/b:1"\nstream_server_port = "1"'), {"2.3+": {"CRI.stream_server_port": "1"}},
    ),
    # --- B: imports
    "B: a later file replaces a plugin's table on 1.x, 2.x merges it": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\nsandbox_image = "a/b:1"\n[{V2}.registry]\nconfig_path = "/a"'),
         DROP_IN: v2(f'[{V2}.registry.headers]\nA = ["b"]')},
        {"1.x": {"IM.registry.headers.A": ["b"]},
         "2.x": {SANDBOX: "a/b:1", "IM.registry.config_path": "/a", "IM.registry.headers.A": ["b"]}},
    ),
    "B: later files win": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\nsandbox_image = "main/b:1"'),
         LATER: v2(f'[{V2}]\nsandbox_image = "later/b:1"'), DROP_IN: v2(f'[{V2}]\nsandbox_image = "first/b:1"')},
        {"all": {SANDBOX: "later/b:1"}},
    ),
    "B: false, empty and zero of a later file win in a plugin": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\nenable_selinux = true\nsandbox_image = "a/b:1"\nmax_concurrent_downloads = 7'),
         DROP_IN: v2(f'[{V2}]\nenable_selinux = false\nsandbox_image = ""\nmax_concurrent_downloads = 0')},
        {"all": {"RT.enable_selinux": False, SANDBOX: "", "IM.max_concurrent_downloads": 0}},
    ),
    "B: false, empty and zero of a later file do not win outside plugins": (
        {CONFIG: IMPORTS + v2('oom_score = -999\nroot = "/a"\n[metrics]\naddress = "b"'),
         DROP_IN: v2('oom_score = 0\nroot = ""\n[metrics]\naddress = ""')},
        {"all": {"oom_score": -999, "root": "/a", "plugins/io.containerd.server.v1.metrics/address": "b"}},
    ),
    "B: empty values outside plugins are none": (
        v2('oom_score = 0\nroot = ""\ndisabled_plugins = []\n[debug]\nlevel = ""',
           '[timeouts]\n"io.containerd.timeout.shim.load" = ""'),
        {"all": LOST},
    ),
    "B: arrays outside plugins": (
        {CONFIG: IMPORTS + v2('disabled_plugins = ["io.containerd.snapshotter.v1.zfs"]'),
         DROP_IN: v2('disabled_plugins = ["io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs"]')},
        {"1.x": {"disabled_plugins": ["io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.zfs",
                                      "io.containerd.snapshotter.v1.btrfs"]},
         "2.x": {"disabled_plugins": ["io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs"]}},
    ),
    "B: an array in a plugin is replaced": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\ncdi_spec_dirs = ["/a", "/b"]'), DROP_IN: v2(f'[{V2}]\ncdi_spec_dirs = ["/c"]')},
        {"all": {"RT.cdi_spec_dirs": ["/c"]}},
    ),
    "B: an empty array in a plugin replaces": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\ncdi_spec_dirs = ["/a"]'), DROP_IN: v2(f"[{V2}]\ncdi_spec_dirs = []")},
        {"all": {"RT.cdi_spec_dirs": []}},
    ),
    "B: entries outside plugins are replaced as wholes": (
        {CONFIG: IMPORTS + v2('[stream_processors.a]\npath = "b"\nreturns = "c"\n[stream_processors.d]\npath = "e"'),
         DROP_IN: v2('[stream_processors.a]\npath = "f"')},
        {"all": {"stream_processors.a.path": "f", "stream_processors.d.path": "e"}},
    ),
    "B: runtime classes of another file": (
        {CONFIG: IMPORTS + v2(f'[{V2}.containerd.runtimes.runc]\nruntime_type = "a"'),
         "/etc/containerd/conf.d/99-nvidia.toml": v2(f'[{V2}.containerd]\ndefault_runtime_name = "nvidia"',
                                                     f'[{V2}.containerd.runtimes.nvidia]\nruntime_type = "b"')},
        {"1.x": {DEFAULT: "nvidia", "RT.containerd.runtimes.nvidia.runtime_type": "b"},
         "2.x": {DEFAULT: "nvidia", "RT.containerd.runtimes.nvidia.runtime_type": "b", f"{RUNC}.runtime_type": "a"}},
    ),
    "B: v2 main, drop-in of v3": (
        {CONFIG: IMPORTS + v2(f'[{V2}]\nsandbox_image = "a/b:1"'), DROP_IN: v3(f"[{RT}]\nenable_selinux = true")},
        {"2.0-2.2": {"RT.enable_selinux": True}, "2.4+": {SANDBOX: "a/b:1", "RT.enable_selinux": True}},
    ),
    "B: v3 main, drop-in of v2": (
        {CONFIG: IMPORTS + v3(f"[{RT}]\nenable_selinux = true"), DROP_IN: v2(f'[{V2}]\nsandbox_image = "a/b:1"')},
        {"2.x": {SANDBOX: "a/b:1", "RT.enable_selinux": True}},
    ),
    "B: v2 main, drop-in without a version": (
        {CONFIG: IMPORTS + v2(f"[{V2}]\nenable_selinux = true"), DROP_IN: f'[{V2}]\nsandbox_image = "a/b:1"\n'},
        {"1.x": {SANDBOX: "a/b:1"}, "2.x": {SANDBOX: "a/b:1", "RT.enable_selinux": True}},
    ),
    "B: v3 main, drop-in without a version": (
        {CONFIG: IMPORTS + v3(f"[{RT}]\nenable_selinux = true"), DROP_IN: f'[{V2}]\nsandbox_image = "a/b:1"\n'},
        {"2.0-2.2": {"RT.enable_selinux": True}, "2.3+": {SANDBOX: "a/b:1", "RT.enable_selinux": True}},
    ),
    "B: main without a version, drop-in of v2": (
        {CONFIG: IMPORTS + f'[{V2}]\nsandbox_image = "a/b:1"\n', DROP_IN: v2("oom_score = 1")},
        {"all": {SANDBOX: "a/b:1", "oom_score": 1}},
    ),
    "B: derived values override, too": (
        {CONFIG: IMPORTS + v3('[ttrpc]\naddress = "/a"'), DROP_IN: v3('[grpc]\naddress = "/b"')},
        {"2.3+": {"plugins/io.containerd.server.v1.grpc/address": "/b"}},
    ),
    "B: conf.d without a line that imports it": (
        {CONFIG: v2("oom_score = 1"), DROP_IN: v2("oom_score = 2")}, {"all": {"oom_score": 1}},
    ),
}  # fmt: skip

# Of the files of a row, those that the release reads.
UNREAD = {"B: conf.d without a line that imports it": {DROP_IN}}


def by_path(expected: Expected) -> dict[tuple[str, ...], t.Any]:
    """The paths in full; those with a slash are separated by slashes."""
    found = {}
    for name, value in expected.items():
        keys = tuple(name.split("/" if "/" in name else "."))
        found[(*SHORT.get(keys[0], keys[:1]), *keys[1:])] = value
    return found


def in_order(name: str, files: Files) -> tuple[ConfigFile, ...]:
    texts = {CONFIG: files} if isinstance(files, str) else files
    paths = sorted(texts.keys() - {CONFIG} - UNREAD.get(name, set()))
    return tuple(ConfigFile(path, parse(texts[path])) for path in (CONFIG, *paths))


CASES = [
    pytest.param(name, files, release, expected, id=f"{name}, {release}")
    for name, (files, outcomes) in ROWS.items()
    for group, expected in outcomes.items()
    for release in RELEASES[group]
]


@pytest.mark.parametrize(("name", "files", "release", "expected"), CASES)
def test_rows(name: str, files: Files, release: str, expected: Expected) -> None:
    assert dict(leaves(effective(in_order(name, files), Release.parse(release)))) == by_path(expected)


def test_the_files_stay_as_they_are() -> None:
    for name, (files, outcomes) in ROWS.items():
        parsed, again = in_order(name, files), in_order(name, files)
        for group in outcomes:
            for release in RELEASES[group]:
                effective(parsed, Release.parse(release))
        assert parsed == again, name


# --- the version by which files are read

VERSIONS: dict[str, tuple[tuple[int | None, ...], dict[str, tuple[int, ...]]]] = {
    "none": ((None,), {"1.x": (1,), "2.0-2.2": (3,), "2.3+": (1,)}),
    "0": ((0,), {"1.x": (1,), "2.0-2.2": (3,), "2.3+": (1,)}),
    "2": ((2,), {"all": (2,)}),
    "2, then 3": ((2, 3), {"2.0-2.2": (3, 3), "2.3+": (2, 3)}),
    "3, then 2": ((3, 2), {"2.0-2.2": (2, 2), "2.3+": (3, 2)}),
    "2, then none": ((2, None), {"1.x": (2, 2), "2.0-2.2": (2, 2), "2.3+": (2, 1)}),
    "none, then 2": ((None, 2), {"1.x": (2, 2), "2.0-2.2": (2, 2), "2.3+": (1, 2)}),
    "2, then 1": ((2, 1), {"1.x": (1, 1), "2.0-2.2": (2, 2), "2.3+": (2, 1)}),
    "no number": (("2",), {"1.x": (1,), "2.3+": (1,)}),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("versions", "outcomes"), VERSIONS.values(), ids=VERSIONS)
def test_versions_read_as(versions: tuple[int | None, ...], outcomes: dict[str, tuple[int, ...]]) -> None:
    files = [ConfigFile(str(number), {"version": version}) for number, version in enumerate(versions)]
    for group, expected in outcomes.items():
        for release in RELEASES[group]:
            assert versions_read_as(files, Release.parse(release)) == expected


# --- what means nothing

RUNTIMES: dict[str, t.Any] = {"containerd": {"runtimes": {"kata": {"options": {}}}}}
MEANINGS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "an empty table": ({"plugins": {RUNTIME[1]: {"cni": {}}}}, {}),
    "an empty value in a plugin": ({"plugins": {RUNTIME[1]: {"a": ""}}}, {"plugins": {RUNTIME[1]: {"a": ""}}}),
    "an empty value elsewhere": ({"oom_score": 0, "root": "", "debug": {"level": ""}}, {}),
    "an entry of the user's naming": (
        {"proxy_plugins": {"a": {"type": ""}}, "stream_processors": {"b": {}}},
        {"proxy_plugins": {"a": {}}, "stream_processors": {"b": {}}},
    ),
    "an empty table in a runtime class": (
        {"plugins": {RUNTIME[1]: RUNTIMES}}, {"plugins": {RUNTIME[1]: {"containerd": {"runtimes": {"kata": {}}}}}},
    ),
    "an empty table of runtime classes": (
        {"plugins": {RUNTIME[1]: {"containerd": {"runtimes": {}}}}},
        {"plugins": {RUNTIME[1]: {"containerd": {"runtimes": {}}}}},
    ),
    "a socket of root's": (
        {"plugins": {"io.containerd.server.v1.grpc": {"uid": 0, "address": ""}}},
        {"plugins": {"io.containerd.server.v1.grpc": {"address": ""}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), MEANINGS.values(), ids=MEANINGS)
def test_meaningful(data: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    assert meaningful(data) == expected
