# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine needs, and one clear line for each thing it lacks."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from nodes import paths
from nodes.steps import Steps

GIGABYTE = 1024**3
DISK_GIGABYTES = 6
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED = 1024


class Lack(Exception):
    """Something this machine does not have. The text says what, and how to get it."""


#: Debian package by the program it brings.
PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "ssh-keygen": "openssh-client",
    "openssl": "openssl",
    "gcc": "gcc",
}
#: Without these the programs above do not work: keyrings of the suites, the static C library.
COMPANIONS = {
    "debian-archive-keyring": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "libc6-dev": Path("/usr/include/stdio.h"),
}


def check_machine() -> None:
    if os.geteuid() != 0:
        raise Lack("The nodes need root. Run this again as root, for example with `sudo -E`.")
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Lack(f"No node images are built for {platform.machine()}. Use an x86_64 or aarch64 machine.")
    if shutil.which("apt-get") is None:
        raise Lack("Node images are built with apt and mmdebstrap. Use Debian or Ubuntu; a virtual machine will do.")


def check_disk(directory: Path) -> None:
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free / GIGABYTE
    if free < DISK_GIGABYTES:
        raise Lack(
            f"{directory} has {free:.1f} GB free and node images need {DISK_GIGABYTES} GB. Make room there,"
            " or set AIRGAP_NODES_CACHE to a directory with more."
        )


def raise_limits(steps: Steps) -> None:
    """Every systemd watches files, and the kernel's default runs out at the seventh node or so."""
    if int(INOTIFY.read_text()) < INOTIFY_WANTED:
        with contextlib.suppress(OSError):
            INOTIFY.write_text(f"{INOTIFY_WANTED}\n")
            steps.say(f"raised fs.inotify.max_user_instances to {INOTIFY_WANTED}, until the next boot")


def install_programs(steps: Steps) -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    missing += [package for package, file in COMPANIONS.items() if not file.exists()]
    if missing:
        with steps.step(f"installing {', '.join(missing)}"):
            apt_install(missing)
        if "docker-registry" in missing:
            _stop_packaged_registry()


def apt_install(packages: list[str]) -> None:
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    log = paths.state() / "logs" / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        subprocess.run([*apt, "update"], check=False, env=env, stdout=out, stderr=out)
        install = [*apt, "install", "-y", "--no-install-recommends", *packages]
        done = subprocess.run(install, check=False, env=env, stdout=out, stderr=out)
    if done.returncode:
        raise Lack(f"apt could not install {' '.join(packages)} (see {log}). Install them by hand and run this again.")


def _stop_packaged_registry() -> None:
    """Debian starts the packaged registry on port 5000 of every address. The testbed runs registries of its own."""
    if Path("/run/systemd/system").exists():
        subprocess.run(["systemctl", "disable", "--now", "docker-registry"], check=False, capture_output=True)
