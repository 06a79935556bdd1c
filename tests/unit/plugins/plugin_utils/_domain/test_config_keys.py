# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of one setting in the four versions of config.toml."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    canonical,
    canonical_paths,
    names,
    plugin_id,
)

# The name in version 4, then those in 3, 2 and 1: = is the same as before it, ~ the same in the table of version 1, and
# - is none. Keys have no dots.
TABLE = """
IM.pinned_images.sandbox                        =  V2.sandbox_image  ~
IM.pinned_images.other                          =  -  -
IM.registry                                     =  V2.registry  ~
IM.registry.config_path                         =  V2.registry.config_path  ~
IM.registry.mirrors.a.endpoint                  =  V2.registry.mirrors.a.endpoint  ~
IM.image_decryption.key_model                   =  V2.image_decryption.key_model  ~
IM.max_concurrent_downloads                     =  V2.max_concurrent_downloads  ~
IM.image_pull_progress_timeout                  =  V2.image_pull_progress_timeout  ~
IM.image_pull_with_sync_fs                      =  V2.image_pull_with_sync_fs  ~
IM.stats_collect_period                         =  V2.stats_collect_period  ~
RT.stats_collect_period                         =  -  -
IM.snapshotter                                  =  V2.containerd.snapshotter  ~
IM.disable_snapshot_annotations                 =  V2.containerd.disable_snapshot_annotations  ~
IM.discard_unpacked_layers                      =  V2.containerd.discard_unpacked_layers  ~
IM.use_local_image_pull                         =  -  -
IM.runtime_platforms.runc.snapshotter           =  -  -
RT.enable_selinux                               =  V2.enable_selinux  ~
RT.containerd.default_runtime_name              =  V2.containerd.default_runtime_name  ~
RT.containerd.runtimes                          =  V2.containerd.runtimes  ~
RT.containerd.runtimes.runc.options.BinaryName  =  V2.containerd.runtimes.runc.options.BinaryName  ~
RT.containerd.runtimes.runc.sandboxer           =  V2.containerd.runtimes.runc.sandbox_mode  ~
RT.containerd.runtimes.runc.snapshotter         =  V2.containerd.runtimes.runc.snapshotter  ~
RT.cni.bin_dirs                                 =  V2.cni.bin_dir  ~
RT.cni.conf_dir                                 =  V2.cni.conf_dir  ~
V2.stream_server_port                           =  =  ~
V2.x509_key_pair_streaming.tls_cert_file        =  =  ~
V2.disable_tcp_service                          =  =  ~
S/grpc.address                                  grpc.address  =  =
S/grpc.max_recv_message_size                    grpc.max_recv_message_size  =  =
S/grpc-tcp.address                              grpc.tcp_address  =  =
S/grpc-tcp.tls_ca                               grpc.tcp_tls_ca  =  =
S/grpc-tcp.tls_common_name                      grpc.tcp_tls_common_name  =  =
S/grpc-tcp.other                                -  -  -
S/ttrpc.uid                                     ttrpc.uid  =  =
S/debug.gid                                     debug.gid  =  =
debug.level                                     =  =  =
S/metrics.address                               metrics.address  =  =
P/metrics/grpc-prometheus.grpc_histogram        metrics.grpc_histogram  =  =
oom_score                                       =  =  =
stream_processors.a.path                        =  =  =
P/internal/opt.path                             =  =  1/opt.path
P/service/diff-service.default                  =  =  1/diff-service.default
P/snapshotter/overlayfs.root_path               =  =  1/overlayfs.root_path
P/snapshotter/blockfile.root_path               =  =  -
P/monitor.container/restart.interval            =  P/internal/restart.interval  1/restart.interval
P/monitor.task/cgroups.no_prometheus            =  P/monitor/cgroups.no_prometheus  1/cgroups.no_prometheus
"""
SHORT = {"V1": "cri", "V2": "io.containerd.grpc.v1.cri"}
SHORT |= {"IM": "io.containerd.cri.v1.images", "RT": "io.containerd.cri.v1.runtime"}


def path(text: str) -> tuple[str, ...]:
    table, *keys = text.rsplit("/", 1)[-1].split(".")
    kind = text.rsplit("/", 1)[0] if "/" in text else ""
    if kind == "1":
        return ("plugins", table, *keys)
    if kind:
        group = "server" if kind == "S" else kind.removeprefix("P/")
        return ("plugins", f"io.containerd.{group}.v1.{table}", *keys)
    return ("plugins", SHORT[table], *keys) if table in SHORT else (table, *keys)


def row(line: str) -> tuple[tuple[str, ...] | None, ...]:
    found: list[tuple[str, ...] | None] = []
    for word in line.split():
        before = found[-1] if found else ()
        same = {"-": None, "=": before, "~": ("plugins", "cri", *(before or ())[2:])}
        found.append(same[word] if word in same else path(word))
    return tuple(found)


ROWS = {line.split()[0]: row(line) for line in TABLE.strip().splitlines()}


@pytest.mark.parametrize("versions", ROWS.values(), ids=ROWS)
def test_names(versions: tuple[tuple[str, ...] | None, ...]) -> None:
    newest = versions[0]
    assert newest is not None
    found = names(newest)
    assert (found.v4, found.v3, found.v2, found.v1) == versions
    assert [found.in_version(version) for version in range(5)] == [*versions[:0:-1][:1], *versions[::-1]]
    assert list(found) == list(dict.fromkeys(name for name in versions if name is not None))


@pytest.mark.parametrize("versions", ROWS.values(), ids=ROWS)
def test_every_name_leads_back(versions: tuple[tuple[str, ...] | None, ...]) -> None:
    assert {canonical(name) for name in versions if name is not None} == {versions[0]}


OTHERS = {
    "an unknown plugin's short name": (("plugins", "stargz", "a"), ("plugins", "io.containerd.grpc.v1.stargz", "a")),
    "a plugin that nobody knows": (("plugins", "com.example.v1.a", "b"), ("plugins", "com.example.v1.a", "b")),
    "bin_dir of a newer file": (path("RT.cni.bin_dir"), path("RT.cni.bin_dirs")),
    "a list of directories in an older file": (path("V2.cni.bin_dirs"), path("RT.cni.bin_dirs")),
    "the whole table of version 2": (path("V2"), path("V2")),
    "plugins": (("plugins",), ("plugins",)),
    "nothing": ((), ()),
}


@pytest.mark.parametrize(("written", "expected"), OTHERS.values(), ids=OTHERS)
def test_canonical(written: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert canonical(written) == expected


def test_the_table_whose_keys_went_different_ways() -> None:
    snapshots = ("IM.disable_snapshot_annotations", "IM.discard_unpacked_layers", "IM.snapshotter")
    everywhere = tuple(map(path, ("RT.containerd", *snapshots)))
    assert canonical_paths(path("V2.containerd")) == canonical_paths(path("V1.containerd")) == everywhere
    assert canonical_paths(path("RT.containerd")) == (path("RT.containerd"),)
    assert canonical_paths(path("V2.containerd.snapshotter")) == (path("IM.snapshotter"),)


def test_plugin_id() -> None:
    assert plugin_id("cri") == "io.containerd.grpc.v1.cri"
    assert plugin_id("tasks-service") == "io.containerd.service.v1.tasks-service"
    assert plugin_id("io.containerd.grpc.v1.cri") == "io.containerd.grpc.v1.cri"
