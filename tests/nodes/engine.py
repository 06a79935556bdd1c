# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker engine: the machine's own, or one that the testbed starts and stops."""

from __future__ import annotations

import os
import shutil
import signal
import time
import typing as t
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

from nodes import machine, paths
from nodes.machine import Lack
from nodes.processes import Process

if t.TYPE_CHECKING:
    from nodes.steps import Steps

SOCKET = "unix:///var/run/docker.sock"
START_SECONDS = 60
#: The kernel's capabilities in the order of their bits, less the newest three, which older engines do not know by name.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
).split()


def own_process() -> Process:
    return Process("dockerd", marker="dockerd")


def connect() -> docker.DockerClient | None:
    """A client of the engine that answers, or nothing."""
    try:
        client = docker.from_env(timeout=300)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return None
    return client


def ensure(steps: Steps) -> docker.DockerClient:
    host = os.environ.get("DOCKER_HOST", SOCKET)
    if not host.startswith("unix://"):
        raise Lack(f"DOCKER_HOST is {host}: the nodes need an engine here. Unset it.")
    return connect() or _start(steps)


def _start(steps: Steps) -> docker.DockerClient:
    if "DOCKER_HOST" in os.environ:
        raise Lack(f"No Docker engine answers at {os.environ['DOCKER_HOST']} (DOCKER_HOST). Start it, or unset that.")
    if shutil.which("dockerd") is None:
        with steps.step("installing docker.io"):
            machine.apt_install(["docker.io"])
    with steps.step("starting a Docker engine"):
        return connect() or _start_dockerd()


def _start_dockerd() -> docker.DockerClient:
    process = own_process()
    process.start(["dockerd", "--host", SOCKET, "--pidfile", str(paths.state() / "run" / "dockerd.engine.pid")])
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.alive():
        client = connect()
        if client is not None:
            return client
        time.sleep(0.2)
    process.stop()
    raise Lack(f"dockerd does not start: {process.last_error()} (all of it in {process.log}).")


def stop_own() -> str:
    """Stops the engine if the testbed started it and nobody else uses it. Says what was done."""
    process = own_process()
    if not process.alive():
        return ""
    client = connect()
    running = client.containers.list() if client else []
    if running:
        return f"left the Docker engine running: {len(running)} other containers are in it"
    process.stop(signal.SIGTERM, seconds=30)
    return "stopped the Docker engine"


def capabilities() -> list[str]:
    """All that this machine can give: asking for one more makes the engine refuse the container."""
    bounding = _bounding_set()
    return [name for bit, name in enumerate(CAPABILITIES) if bounding >> bit & 1]


def _bounding_set() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd")), 16)
