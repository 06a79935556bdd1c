# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the right type that containerd cannot take, as it says in tests/integration_nodes/test_starts.py."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.setting_values import (
    NO_CRI,
    NO_START,
    check_value,
    stops,
)

KATA: KeyPath = (*RUNTIMES, "kata", "runtime_type")
CONF_DIR: KeyPath = (*RUNTIME, "cni", "conf_dir")
DEBUG_ADDRESS: KeyPath = ("plugins", "io.containerd.server.v1.debug", "address")
METRICS_ADDRESS: KeyPath = ("plugins", "io.containerd.server.v1.metrics", "address")
GC_DELAY: KeyPath = ("plugins", "io.containerd.gc.v1.scheduler", "schedule_delay")
SHARING: KeyPath = ("plugins", "io.containerd.metadata.v1.bolt", "content_sharing_policy")
PORT: KeyPath = (*V2_CRI, "stream_server_port")
PERIOD: KeyPath = (*IMAGES, "stats_collect_period")
GRPC: KeyPath = ("plugins", "io.containerd.server.v1.grpc", "address")
IDLE: KeyPath = (*V2_CRI, "stream_idle_timeout")
TIMEOUT: KeyPath = ("timeouts", "io.containerd.timeout.shim.cleanup")

TAKEN: list[tuple[KeyPath, t.Any]] = [
    (("debug", "level"), "INFO"),
    (("debug", "level"), "warning"),
    (("debug", "level"), ""),
    (("debug", "format"), "json"),
    (TIMEOUT, "-5s"),
    (TIMEOUT, "0"),
    (("root",), "/srv/containerd"),
    (("temp",), ""),
    (IDLE, "4h0m0s"),
    (IDLE, ""),
    (GC_DELAY, "1.5s"),
    (SHARING, "isolated"),
    (SHARING, ""),
    (PORT, "0"),
    (PORT, ""),
    (PERIOD, 10),
    (PERIOD, True),
    (METRICS_ADDRESS, "127.0.0.1:1338"),
    (METRICS_ADDRESS, "[::1]:1338"),
    (METRICS_ADDRESS, ":1338"),
    (METRICS_ADDRESS, ""),
    (DEBUG_ADDRESS, "/run/containerd/debug.sock"),
    (DEBUG_ADDRESS, "localhost:6060"),
    (CONF_DIR, "/etc/cni/net.d"),
    (KATA, "io.containerd.kata-qemu.v2"),
    (KATA, "/opt/kata/bin/containerd-shim-kata-v2"),
    (("oom_score",), -999),
    (("disabled_plugins",), ["loud"]),
]
REFUSED: list[tuple[KeyPath, str, str]] = [
    (("debug", "level"), "loud", "is none of trace, debug"),
    (("debug", "format"), "xml", "is none of text, json"),
    (TIMEOUT, "5 seconds", "is not a duration"),
    (TIMEOUT, "", "is not a duration"),
    (("root",), "", "is not an absolute path"),
    (("state",), "", "is not an absolute path"),
    (("state",), "run/containerd", "is not an absolute path"),
    (IDLE, "soon", "is not a duration"),
    (GC_DELAY, "", "is not a duration"),
    (SHARING, "some", "is none of shared, isolated"),
    (PORT, "http", "is not a port"),
    (PORT, "65536", "is not a port"),
    (METRICS_ADDRESS, "1338", "is not an address"),
    (DEBUG_ADDRESS, "debug.sock", "is not a socket"),
    (CONF_DIR, "", "is not an absolute path"),
    (CONF_DIR, "/etc/cni\nnet.d", "has a line break"),
    (KATA, "kata", "is not the type of a runtime"),
    (KATA, "bin/containerd-shim-kata-v2", "is not the type of a runtime"),
]


@pytest.mark.parametrize(("path", "value"), TAKEN)
def test_taken(path: KeyPath, value: t.Any) -> None:
    check_value(path, value, path, Release.parse("2.3.4"))


@pytest.mark.parametrize(("path", "value", "what"), REFUSED)
def test_refused(path: KeyPath, value: str, what: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_value(path, value, ("as", "written"), Release.parse("2.3.4"))
    assert str(refusal.value).startswith(f"as.written: {value!r} {what}")


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (PERIOD, 0, "0 is not a number of seconds"),
        (GRPC, "", "is empty"),
        ((*IMAGES, "snapshotter"), "", "is empty"),
        (DEBUG_ADDRESS, "/run/" + 100 * "x", "has 105 bytes, too many for a socket"),
    ],
)
def test_refused_without_a_word_of_it(path: KeyPath, value: t.Any, what: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_value(path, value, ("as", "written"), Release.parse("2.3.4"))
    assert str(refusal.value).startswith(f"as.written: {what}")


# What stands in a file, a release, and what becomes of containerd.
STANDING: list[tuple[KeyPath, t.Any, str, str | None]] = [
    (TIMEOUT, "5 seconds", "1.6.20", NO_START),
    (IDLE, "soon", "1.6.20", NO_CRI),
    (PORT, "65536", "2.3.4", NO_CRI),
    (PORT, "http", "2.3.4", None),
    (PERIOD, 0, "2.2.1", "would crash"),
    (PERIOD, 0, "2.3.4", None),
    (GRPC, "", "2.2.1", None),
    (GRPC, "", "2.3.4", "would start and listen nowhere"),
    (CONF_DIR, "", "2.3.4", None),
    (KATA, "kata", "2.3.4", None),
    (("root",), "", "2.3.4", None),
]


@pytest.mark.parametrize(("path", "value", "release", "consequence"), STANDING)
def test_what_may_stand_is_less_than_what_may_be_asked(
    path: KeyPath, value: t.Any, release: str, consequence: str | None
) -> None:
    found = stops(path, value, Release.parse(release))
    assert (found and found[1]) == consequence


def test_a_shim_by_its_path_on_a_release_that_takes_none() -> None:
    with pytest.raises(DomainError, match=r"containerd 1\.5\.18 takes no path for it; 1\.6\.0 is the first that does"):
        check_value(KATA, "/opt/kata/shim", KATA, Release.parse("1.5.18"))
