# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import pathlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _cri_node, _programs
from ansible_collections.airgap.nodes.plugins.modules import _node_read

RunModule = t.Callable[..., t.Any]


@pytest.fixture
def bin_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The only directory in which programs are looked for, on a node on which systemd runs."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", ())
    monkeypatch.setattr(_programs, "_SYSTEMD_MARK", str(tmp_path))
    return directory


def program(path: pathlib.Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_the_module(tmp_path: pathlib.Path, bin_directory: pathlib.Path, run_module: RunModule, check: bool) -> None:
    (tmp_path / "certs.d" / "docker.io").mkdir(parents=True)
    (tmp_path / "certs.d" / "docker.io" / "hosts.toml").write_bytes(b"[host]\n")
    path = program(bin_directory / "containerd", "echo 'containerd github.com/containerd/containerd v1.7.24'")
    pattern = f"{tmp_path}/certs.d/*/hosts.toml"
    arguments = {
        "files": [f"{tmp_path}/none"],
        "globs": [pattern],
        "directories": [f"{tmp_path}/certs.d"],
        "programs": ["containerd", "crictl"],
    }
    result = run_module(_node_read, arguments, check=check)
    assert (result["changed"], result["unit"]) == (False, None)
    assert result["files"] == {f"{tmp_path}/none": {"kind": "absent"}}
    assert (
        base64.b64decode(result["globs"][pattern][f"{tmp_path}/certs.d/docker.io/hosts.toml"]["content"]) == b"[host]\n"
    )
    assert list(result["directories"][f"{tmp_path}/certs.d"]["entries"]) == ["docker.io", "docker.io/hosts.toml"]
    assert result["programs"]["containerd"]["path"] == path
    assert result["programs"]["crictl"] is None


def test_the_limit_is_an_option(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    result = run_module(_node_read, {"files": [f"{tmp_path}/file"], "max_bytes": 4})
    assert result["files"][f"{tmp_path}/file"]["error"] == "larger than 4 bytes, not read"


def test_nothing_is_expanded_in_a_path(
    tmp_path: pathlib.Path, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "other")
    path = tmp_path / "$NAME [1] *"
    path.write_bytes(b"here")
    assert run_module(_node_read, {"files": [str(path)]})["files"][str(path)]["kind"] == "file"


@pytest.mark.parametrize("option", ["files", "globs", "directories"])
def test_a_relative_path_is_refused(run_module: RunModule, option: str) -> None:
    result = run_module(_node_read, {option: ["/fine", "~/relative"]})
    assert result["failed"]
    assert result["msg"] == f"{option}: '~/relative' is not an absolute path"


def test_names_that_are_not_utf8_are_told_in_escapes(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    directory = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(directory)
    os.symlink(b"\xfe", directory + b"/\xff.toml")
    result = run_module(_node_read, {"directories": [str(tmp_path)], "globs": [f"{tmp_path}/*/*.toml"]})
    entries = result["directories"][str(tmp_path)]["entries"]
    assert entries["caf\\udce9/\\udcff.toml"]["link"] == f"{tmp_path.resolve()}/caf\\udce9/\\udcfe"
    assert list(result["globs"][f"{tmp_path}/*/*.toml"]) == [f"{tmp_path}/caf\\udce9/\\udcff.toml"]


def test_names_that_are_utf8_are_told_as_they_are(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    (tmp_path / "café \\ ☕").touch()
    result = run_module(_node_read, {"directories": [str(tmp_path)], "files": [f"{tmp_path}/café \\ ☕"]})
    assert list(result["directories"][str(tmp_path)]["entries"]) == ["café \\ ☕"]
    assert result["files"][f"{tmp_path}/café \\ ☕"]["kind"] == "file"


def test_what_is_read_is_not_logged(tmp_path: pathlib.Path, run_module: RunModule, logged: list[str]) -> None:
    (tmp_path / "hosts.toml").write_bytes(b"hunter2")
    run_module(_node_read, {"files": [f"{tmp_path}/hosts.toml"]})
    assert str(tmp_path) in "".join(logged)
    assert "hunter2" not in "".join(logged)
    assert base64.b64encode(b"hunter2").decode() not in "".join(logged)


def test_a_unit_that_is_not_told_is_a_warning(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    program(bin_directory / "systemctl", "exit 1")
    result = run_module(_node_read, {"unit": "containerd.service"})
    assert result["unit"] is None
    assert "systemctl does not tell the state of containerd.service" in str(result["warnings"])


# --- what containerd makes of contents

DUMP = 'read -r line; echo "$line" >"$0.given"; printf "version = 2\\n"; echo "a warning" >&2'


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_dumps(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    containerd = bin_directory / "containerd"
    program(containerd, DUMP)
    result = run_module(_node_read, {"dumps": {"candidate": encoded("version = 2  # é\n")}})
    assert result["dumps"] == {"candidate": {"rc": 0, "output": "version = 2\n", "errors": "a warning"}}
    assert containerd.with_name("containerd.given").read_text(encoding="utf-8") == "version = 2  # é\n"


def test_a_dump_that_fails(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    program(bin_directory / "containerd", 'echo "failed to load TOML" >&2; exit 1')
    result = run_module(_node_read, {"dumps": {"candidate": encoded("[")}})
    assert result["dumps"] == {"candidate": {"rc": 1, "output": "", "errors": "failed to load TOML"}}


def test_no_dumps_without_containerd(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    assert bin_directory
    assert run_module(_node_read, {"dumps": {"candidate": encoded("")}})["dumps"] == {}


# --- the images that CRI has

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "crictl"
ENDPOINT = "unix:///run/containerd/containerd.sock"


def images(run_module: RunModule, endpoint: str = ENDPOINT) -> t.Any:
    return run_module(_node_read, {"runtime_endpoint": endpoint})["images"]


def test_images_by_crictl(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    program(
        bin_directory / "crictl",
        f'echo "$@" >"$0.asked"; while read -r x; do echo "$x"; done <{FIXTURES}/1.6.20-images.txt',
    )
    program(bin_directory / "ctr", "exit 9")
    found = images(run_module)
    assert found["error"] is None
    assert "registry.k8s.io/pause:3.10" in found["names"]
    asked = bin_directory.joinpath("crictl.asked").read_text(encoding="utf-8")
    assert f"--runtime-endpoint {ENDPOINT} --image-endpoint {ENDPOINT} images --output json" in asked


def test_an_image_without_a_tag_has_the_names_of_its_digests(
    bin_directory: pathlib.Path, run_module: RunModule
) -> None:
    listed = '{"images": [{"id": "sha256:1", "repoTags": [], "repoDigests": ["a.example.com/x@sha256:2"]}]}'
    program(bin_directory / "crictl", f"echo '{listed}'")
    assert images(run_module) == {"names": ["a.example.com/x@sha256:2"], "error": None}


def test_images_by_ctr_where_there_is_no_crictl(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    names = "docker.io/library/nginx:1.27\nsha256:0123\nregistry.k8s.io/pause:3.10"
    program(bin_directory / "ctr", f'echo "$@" >"$0.asked"; echo "{names}"')
    assert images(run_module)["names"] == ["docker.io/library/nginx:1.27", "registry.k8s.io/pause:3.10"]
    asked = bin_directory.joinpath("ctr.asked").read_text(encoding="utf-8")
    assert asked.strip().endswith("--address /run/containerd/containerd.sock --namespace k8s.io images ls --quiet")


WHY = {
    "nothing to ask": ({}, ENDPOINT, "Install the package cri-tools"),
    "not allowed": ({"crictl": "1.6.20-permission_denied"}, ENDPOINT, "Run the task with become."),
    "nobody there": ({"crictl": "1.6.20-containerd_down"}, ENDPOINT, "See systemctl status containerd"),
    "ctr finds nobody": ({"ctr": "1.7.24-containerd_down-ctr"}, ENDPOINT, "See systemctl status containerd"),
    "no CRI": ({"crictl": "1.6.20-cri_not_loaded"}, ENDPOINT, "its CRI plugin is not loaded"),
    "no socket": ({"crictl": "1.6.20-containerd_down"}, "localhost:1234", "has to be unix://"),
}


@pytest.mark.parametrize(("answers", "endpoint", "expected"), WHY.values(), ids=WHY.keys())
def test_why_the_images_are_not_known(
    bin_directory: pathlib.Path, run_module: RunModule, answers: dict[str, str], endpoint: str, expected: str
) -> None:
    for name, fixture in answers.items():
        program(bin_directory / name, f'while read -r x; do echo "$x" >&2; done <{FIXTURES}/{fixture}.txt; exit 1')
    found = images(run_module, endpoint)
    assert found["names"] == []
    assert expected in found["error"]


def test_who_does_not_answer_is_not_waited_for(
    bin_directory: pathlib.Path, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cri_node, "CONNECT_TIMEOUT", -4.8)
    program(bin_directory / "crictl", "exec /bin/sleep 30")
    assert "It hangs, or the machine is very busy" in images(run_module)["error"]


def test_what_crictl_prints_is_no_list(bin_directory: pathlib.Path, run_module: RunModule) -> None:
    program(bin_directory / "crictl", "echo '[1]'")
    assert "printed no list of images" in images(run_module)["error"]


def test_images_are_not_asked_for_unless_wanted(run_module: RunModule) -> None:
    assert run_module(_node_read, {})["images"] is None


# --- a copied tree


def test_a_root(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    (tmp_path / "etc" / "certs.d" / "docker.io").mkdir(parents=True)
    (tmp_path / "etc" / "certs.d" / "docker.io" / "hosts.toml").write_bytes(b"[host]\n")
    (tmp_path / "etc" / "config.toml").symlink_to("/etc/certs.d/docker.io/hosts.toml")
    pattern = "/etc/certs.d/*/hosts.toml"
    asked = {"files": ["/etc/config.toml"], "globs": [pattern], "directories": ["/etc/certs.d"], "root": f"{tmp_path}/"}
    result = run_module(_node_read, asked)
    assert result["files"]["/etc/config.toml"]["link"] == "/etc/certs.d/docker.io/hosts.toml"
    assert list(result["globs"][pattern]) == ["/etc/certs.d/docker.io/hosts.toml"]
    assert list(result["directories"]["/etc/certs.d"]["entries"]) == ["docker.io", "docker.io/hosts.toml"]


@pytest.mark.parametrize("root", ["etc", "/nowhere/at/all", "/etc/passwd"])
def test_a_root_that_is_no_directory(run_module: RunModule, root: str) -> None:
    result = run_module(_node_read, {"root": root})
    assert result["msg"] == f"root: {root!r} is not the absolute path of a directory"
