# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls images with a containerd in a root directory, and tells what it asked of whom.

Runs in a network of its own, where nobody is but the registries of this process, and in mounts of its own: containerd's
data lies on tmpfs, as no overlayfs lies on another.

    python3 -m routes.inside ROOT PKI < groups of cases as JSON > what came of each, one line of JSON each
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

from routes.registry import Beginnings, Connection, Registries, know_no_names, wait_until
from routes.world import Manner, Registry, Tls

Wire = dict[str, t.Any]

ROOT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path()
START_SECONDS, PULL_SECONDS, CRASH_SECONDS = 20, 25, 3
ENDPOINT = "unix:///run/containerd/containerd.sock"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
# Where a case may put files; nothing of an earlier one stays there.
OWN = ("etc/containerd", "etc/docker", "srv")


class Containerd:
    """The daemon, with the configuration files that lie in the root directory when it starts."""

    def __init__(self) -> None:
        self._daemon: subprocess.Popen[bytes] | None = None
        self.log = ROOT / "log"

    def start(self) -> None:
        """Waits until CRI answers, or until it is clear that it will not."""
        with self.log.open("wb") as log:
            self._daemon = subprocess.Popen(
                ["chroot", str(ROOT), "/usr/bin/containerd"], stdout=log, stderr=log, env=ENVIRONMENT
            )
        wait_until(lambda: not self.is_up or self._answers(), START_SECONDS)

    def _answers(self) -> bool:
        told = crictl("info")
        return told.returncode == 0 or "unknown service" in told.stderr

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()

    @property
    def is_up(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None


def crictl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["chroot", str(ROOT), "/usr/bin/crictl", "-r", ENDPOINT, "-i", ENDPOINT, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=ENVIRONMENT, timeout=PULL_SECONDS, check=False
    )


def put(files: t.Iterable[Wire]) -> None:
    for file in files:
        path = ROOT / file["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.get("link"):
            path.symlink_to(file["link"])
        elif file.get("is_directory"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(base64.b64decode(file["content"]))


def pull(case: Wire, containerd: Containerd, registries: Registries, beginnings: Beginnings) -> Wire:
    registries.live({_place(each): Registry(Manner(each["manner"]), Tls(each["tls"])) for each in case["people"]})
    beginnings.since_last_time()
    was_up = containerd.is_up
    try:
        pulled = crictl("pull", case["image"])
        succeeded, said = pulled.returncode == 0, pulled.stderr
    except subprocess.TimeoutExpired:
        succeeded, said = False, f"no answer in {PULL_SECONDS} s"
    asked = [_told(each, registries) for each in beginnings.since_last_time()]
    is_cut_off = "code = Unavailable" in said
    crashed = was_up and is_cut_off and wait_until(lambda: not containerd.is_up, CRASH_SECONDS)
    if not containerd.is_up:
        said += containerd.log.read_text(errors="replace")[-30000:]
    return {"number": case["number"], "asked": asked, "succeeded": succeeded, "said": said[-30000:], "crashed": crashed}


def _place(each: Wire) -> tuple[str, int]:
    return each["address"], each["port"]


def _told(begun: Connection | str, registries: Registries) -> Wire:
    if isinstance(begun, str):
        return {"name": begun}
    seen = registries.came_of(begun)
    came = {"refused": True} if seen is None else dataclasses.asdict(seen)
    return {"address": begun.address, "port": begun.port, **came}


def prepare_network() -> None:
    for arguments in ("link set lo up", *(f"address add {each} dev lo" for each in ("192.0.2.10", "2001:db8::10"))):
        subprocess.run(["ip", *arguments.split()], check=True, env=ENVIRONMENT)


def clear() -> None:
    for name in OWN:
        shutil.rmtree(ROOT / name, ignore_errors=True)


def main(groups: t.Iterable[list[Wire]]) -> None:
    prepare_network()
    registries, beginnings, containerd = Registries(pathlib.Path(sys.argv[2])), Beginnings(), Containerd()
    know_no_names()
    for group in groups:
        containerd.stop()
        for case in group:
            clear()
            put([*case["config"], *case["files"]])
            # The first of a group finds none, and so does one after a crash.
            if not containerd.is_up:
                containerd.start()
            print(json.dumps(pull(case, containerd, registries, beginnings)), flush=True)
    containerd.stop()


if __name__ == "__main__":
    os.umask(0o022)
    main(json.load(sys.stdin))
