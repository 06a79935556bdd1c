# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _programs

# What the programs print, as built by containerd itself and by those who package it; revisions are made up.
OUTPUTS: dict[str, tuple[str, str, str | None]] = {
    "containerd 1.4, Debian 11": (
        "containerd",
        "containerd github.com/containerd/containerd 1.4.13~ds1 1.4.13~ds1-1~deb11u4",
        "1.4.13",
    ),
    "containerd 1.6, Debian 12": (
        "containerd",
        "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1",
        "1.6.20",
    ),
    "containerd 1.7, Docker's package": (
        "containerd",
        "containerd containerd.io 1.7.25 4444444444444444444444444444444444444444",
        "1.7.25",
    ),
    "containerd 1.7, k3s": (
        "containerd",
        "containerd github.com/k3s-io/containerd v1.7.23-k3s2 1111111111111111111111111111111111111111",
        "1.7.23",
    ),
    "containerd 1.7, Ubuntu": ("containerd", "containerd github.com/containerd/containerd 1.7.12-0ubuntu4", "1.7.12"),
    "containerd 2.1, Debian": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 2.1.9~ds1 2.1.9~ds1-1",
        "2.1.9",
    ),
    "containerd 2.3, upstream": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 v2.3.4 2222222222222222222222222222222222222222",
        "2.3.4",
    ),
    "containerd 2.3, built without a revision": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 2.3.4 ",
        "2.3.4",
    ),
    "containerd 2.3, built as a module": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 v2.3.4+unknown",
        "2.3.4",
    ),
    "containerd, beta": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 2.4.0-beta.0 0",
        "2.4.0-beta.0",
    ),
    "containerd, candidate": ("containerd", "containerd github.com/containerd/containerd v1.7.0-rc.3", "1.7.0-rc.3"),
    "containerd, a candidate's next commit": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 v2.0.0-rc.0-12-g1234567.m",
        "2.0.0-rc.0",
    ),
    "containerd, a candidate packaged by Debian": (
        "containerd",
        "containerd github.com/containerd/containerd/v2 2.0.0~rc.1~ds1 2.0.0~rc.1~ds1-1",
        "2.0.0-rc.1",
    ),
    "containerd after a warning": (
        "containerd",
        (
            'time="2026-01-02T03:04:05Z" level=warning msg="deprecated since 1.2.3"\n'
            "containerd github.com/containerd/containerd v1.7.24 3333333333333333333333333333333333333333"
        ),
        "1.7.24",
    ),
    "runc 1.1, Debian 12": ("runc", "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev", "1.1.5"),
    "runc 1.0, candidate": ("runc", "runc version 1.0.0-rc93\nspec: 1.0.2-dev", "1.0.0-rc93"),
    "crictl": ("crictl", "crictl version v1.36.0", "1.36.0"),
    "crictl, untagged": ("crictl", "crictl version unknown", None),
    "another program of that name": ("runc", "usage: runc 1.2.3", None),
    "nothing": ("containerd", "", None),
}

# Captured from `systemctl show`, systemd 252 and 257.
RUNNING = """\
MainPID=84
InvocationID=5f0c4f2f1d0b4c55a5b0d8c6f2b1a7e3
ExecMainStartTimestampMonotonic=1940516124
ExecStart={ path=/usr/bin/containerd ; argv[]=/usr/bin/containerd ; ignore_errors=no ; \
start_time=[Sat 2026-11-21 07:20:32 UTC] ; stop_time=[n/a] ; pid=84 ; code=(null) ; status=0/0 }
LoadState=loaded
ActiveState=active
SubState=running
"""
NOT_FOUND = """\
MainPID=0
ExecMainStartTimestampMonotonic=0
LoadState=not-found
ActiveState=inactive
SubState=dead
"""
EXEC_STARTS: dict[str, tuple[str, list[str]]] = {
    "words": (
        (
            "ExecStart={ path=/usr/bin/containerd ; argv[]=/usr/bin/containerd --config /etc/c.toml -l debug ; "
            "ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
        ),
        ["/usr/bin/containerd", "--config", "/etc/c.toml", "-l", "debug"],
    ),
    "two commands, words that are printed bare": (
        (
            "ExecStart={ path=/bin/echo ; argv[]=/bin/echo one two it's ${HOME} a;b --config /etc/my dir/c.toml ; "
            "ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n"
            "ExecStart={ path=/bin/true ; argv[]=/bin/true second ; ignore_errors=no ; start_time=[n/a] ; "
            "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
        ),
        ["/bin/echo", "one", "two", "it's", "${HOME}", "a;b", "--config", "/etc/my", "dir/c.toml"],
    ),
    "a program that is told another name": (
        (
            "ExecStart={ path=/bin/sleep ; argv[]=mysleep 100 ; ignore_errors=no ; start_time=[n/a] ; "
            "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
        ),
        ["/bin/sleep", "100"],
    ),
    "none": ("LoadState=loaded", []),
    "not understood": ("ExecStart=/usr/bin/containerd", []),
}


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory for programs that is the only one searched."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", ())
    return directory


def program(path: pathlib.Path, script: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("name", "output", "version"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_versions(name: str, output: str, version: str | None) -> None:
    assert _programs.parse_version(name, output) == version


def test_a_program_and_its_version(programs: pathlib.Path) -> None:
    path = program(programs / "runc", "echo 'runc version 1.1.5+ds1'; echo 'a warning' >&2")
    expected = {"path": path, "version": "1.1.5", "output": "runc version 1.1.5+ds1"}
    assert _programs.read_programs(["runc", "crictl"], None) == {"runc": expected, "crictl": None}


FAILING_PROGRAMS = {
    "fails": ("echo 'runc version 1.1.5'; echo 'broken' >&2; exit 1", "runc version 1.1.5\nbroken"),
    "prints bytes that are not UTF-8": ("printf 'runc \\351'", "runc \ufffd"),
    "prints without end": ("yes | head -c 100000", "y\n" * 1000),
    "is killed": ("kill -9 $$", ""),
}


@pytest.mark.parametrize(("script", "output"), FAILING_PROGRAMS.values(), ids=FAILING_PROGRAMS.keys())
def test_a_program_that_tells_no_version(programs: pathlib.Path, script: str, output: str) -> None:
    path = program(programs / "runc", f"PATH=/usr/bin:/bin; {script}")
    assert _programs.read_program("runc", None) == {"path": path, "version": None, "output": output}


def test_a_program_that_cannot_be_run(programs: pathlib.Path) -> None:
    path = program(programs / "runc", "")
    pathlib.Path(path).write_bytes(b"\x7fELF not for this machine")
    assert _programs.read_program("runc", None) == {"path": path, "version": None, "output": "Exec format error"}


def test_a_program_that_hangs_is_killed_with_its_children(
    programs: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(_programs, "TIME_LIMIT", 1)
    path = program(programs / "runc", f"PATH=/usr/bin:/bin; sleep 60 & echo $! > {tmp_path}/child; wait")
    begin = time.monotonic()
    answer = _programs.read_program("runc", None)
    assert time.monotonic() - begin < 30
    assert answer == {"path": path, "version": None, "output": "no answer within 1 seconds"}
    while not ended((tmp_path / "child").read_text().strip()):
        assert time.monotonic() - begin < 30


def ended(pid: str) -> bool:
    try:
        return "State:\tZ" in pathlib.Path("/proc", pid, "status").read_text()
    except OSError:
        return True


def test_programs_speak_plainly(programs: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    program(programs / "runc", 'echo "runc $LC_ALL"')
    assert t.cast(dict, _programs.read_program("runc", None))["output"] == "runc C"


def test_no_programs_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_programs.subprocess, "Popen", lambda *_arguments, **_options: pytest.fail("ran something"))
    assert _programs.read_programs([], None) == {}


def started_by_unit(path: str) -> dict[str, t.Any]:
    return {"exec_start": ["/usr/bin/nice", "-n5", path, "--config", "/etc/containerd/config.toml"]}


def test_containerd_is_what_the_unit_starts(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    on_path = program(programs / "containerd", "")
    started = program(tmp_path / "opt" / "containerd-2.3", "")
    assert _programs.find_program("containerd", started_by_unit(started)) == started
    assert _programs.find_program("containerd", started_by_unit(str(tmp_path / "gone" / "containerd"))) == on_path
    assert _programs.find_program("containerd", started_by_unit("/usr/local/bin/k3s")) == on_path
    assert _programs.find_program("containerd", None) == on_path


def test_other_programs_are_not_looked_for_in_the_unit(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    started = program(tmp_path / "opt" / "runc", "")
    on_path = program(programs / "runc", "")
    assert _programs.find_program("runc", started_by_unit(started)) == on_path


def test_programs_beside_the_path(
    programs: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = program(tmp_path / "opt" / "crictl", "")
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", (str(tmp_path / "none"), str(tmp_path / "opt")))
    assert _programs.find_program("crictl", None) == beside
    on_path = program(programs / "crictl", "")
    assert _programs.find_program("crictl", None) == on_path


def test_a_relative_path_is_not_searched(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "runc", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", ())
    assert _programs.find_program("runc", None) is None


def test_a_running_unit() -> None:
    unit = _programs.parse_unit("containerd.service", RUNNING)
    booted = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    assert unit.pop("started") == pytest.approx(booted + 1940.516124, abs=0.1)
    assert unit == {
        "name": "containerd.service",
        "load_state": "loaded",
        "active_state": "active",
        "sub_state": "running",
        "exec_start": ["/usr/bin/containerd"],
        "main_pid": 84,
        "invocation": "5f0c4f2f1d0b4c55a5b0d8c6f2b1a7e3",
    }


def test_a_unit_that_does_not_exist() -> None:
    assert _programs.parse_unit("nope", NOT_FOUND) == {
        "name": "nope",
        "load_state": "not-found",
        "active_state": "inactive",
        "sub_state": "dead",
        "exec_start": [],
        "main_pid": 0,
        "started": 0.0,
        "invocation": "",
    }


@pytest.mark.parametrize(("output", "words"), EXEC_STARTS.values(), ids=EXEC_STARTS.keys())
def test_what_a_unit_starts(output: str, words: list[str]) -> None:
    assert _programs.parse_unit("a.service", output)["exec_start"] == words


@pytest.fixture
def systemd(programs: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A node on which systemd runs; its systemctl is for the test to write."""
    monkeypatch.setattr(_programs, "_SYSTEMD_MARK", str(tmp_path))
    return programs / "systemctl"


def test_the_state_of_a_unit_takes_one_call(systemd: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "shown").write_text(RUNNING)
    program(systemd, f'echo "$@" >> {tmp_path}/calls; /bin/cat {tmp_path}/shown')
    unit, warning = _programs.read_unit("containerd.service")
    assert (unit and unit["main_pid"], warning) == (84, None)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("show ")
    assert call.endswith(" -- containerd.service")


def test_a_node_whose_init_is_not_systemd(systemd: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(systemd, "touch must-not-run")
    monkeypatch.setattr(_programs, "_SYSTEMD_MARK", "/nonexistent")
    assert _programs.read_unit("containerd.service") == (None, None)


def test_a_node_without_systemctl(systemd: pathlib.Path) -> None:
    assert not systemd.exists()
    assert _programs.read_unit("containerd.service") == (None, None)


UNWILLING = {
    "fails": ("echo 'Failed to connect to bus' >&2; exit 1", "Failed to connect to bus"),
    "in a chroot": ("echo 'Running in chroot, ignoring command' >&2", ""),
}


@pytest.mark.parametrize(("script", "told"), UNWILLING.values(), ids=UNWILLING.keys())
def test_a_systemd_that_does_not_tell(systemd: pathlib.Path, script: str, told: str) -> None:
    program(systemd, script)
    expected = f"systemctl does not tell the state of containerd.service: {told}"
    assert _programs.read_unit("containerd.service") == (None, expected)
