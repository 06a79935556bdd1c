# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containerd of a release asks of whom, case by case, without booting a node.

The daemon has a root directory with nothing in it but the release's own programs, and mounts and a network of its own.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from nodes import dumps, programs
from nodes.machine import Lack
from nodes.releases import choose
from nodes.steps import Steps

from routes import world

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from routes.cases import Case, File

HERE = Path(__file__).parent
SECONDS_FOR_ONE = 60
#: The trust store where Go looks for it, and the places of files that cases name.
TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
MOUNTED = """
set -eu
root=$1
for directory in var run tmp; do mkdir -p "$root/$directory"; mount -t tmpfs tmpfs "$root/$directory"; done
for directory in sys dev; do mkdir -p "$root/$directory"; mount --rbind "/$directory" "$root/$directory"; done
mkdir -p "$root/proc"; mount -t proc proc "$root/proc"
exec "$2" -m "$3" "$root" "$4"
"""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a pull. ``asked`` has every connection and every name, in the order in which they began."""

    asked: list[dict[str, t.Any]]
    succeeded: bool
    said: str
    crashed: bool


def pull_all(release_name: str, cases: Sequence[Case], pems: dict[str, bytes]) -> Iterator[tuple[Case, Outcome]]:
    """The outcome of each case; those with the same configuration, which has to be read at a start, go together."""
    if os.geteuid() != 0:
        raise Lack("To give containerd a root directory of its own needs root. Run this again as root.")
    if shutil.which("ip") is None:
        raise Lack("A network of its own is made with ip. Install iproute2 and run this again.")
    with dumps.scratch() as scratch:
        root, pki = _root(release_name, scratch / "root", pems), scratch / "pki"
        pki.mkdir()
        for name, content in pems.items():
            (pki / name).write_bytes(content)
        in_groups = sorted(enumerate(cases), key=lambda each: _configuration(each[1]))
        groups = [
            [_wire(number, case) for number, case in group]
            for _configured, group in itertools.groupby(in_groups, key=lambda each: _configuration(each[1]))
        ]
        for line in _run(root, pki, json.dumps(groups), SECONDS_FOR_ONE * (1 + len(cases))):
            told = json.loads(line)
            yield cases[told.pop("number")], Outcome(**told)


def _run(root: Path, pki: Path, job: str, seconds: float) -> Iterator[str]:
    names = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    program = [sys.executable, "routes.inside", str(pki)]
    command = ["unshare", *names, "sh", "-c", MOUNTED, "sh", str(root), *program]
    environment = {"PATH": dumps.ENVIRONMENT["PATH"], "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        command, input=job, capture_output=True, text=True, timeout=seconds, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"pulls ended with {done.returncode}: {done.stderr[-3000:]}")
    yield from done.stdout.splitlines()


def _root(release_name: str, root: Path, pems: dict[str, bytes]) -> Path:
    release = choose([release_name])[0]
    shutil.copytree(dumps.ensure_root(release), root, copy_function=os.link, symlinks=True)
    shutil.copy(programs.build_go(programs.CRICTL, Steps(sys.stderr)) / "crictl", root / "usr" / "bin" / "crictl")
    hosts = "".join(f"{address} {name}\n" for name, address in world.ADDRESSES.items())
    files = {
        "/etc/hosts": hosts.encode(),
        "/etc/resolv.conf": b"nameserver 127.0.0.1\nsearch .\n",
        "/etc/passwd": b"root:x:0:0::/:/bin/sh\n",
        TRUST_STORE: pems["public-ca.pem"],
    }
    dumps.write_files(root, dumps.Case(files))
    return root


def _configuration(case: Case) -> str:
    return json.dumps([_file(file) for file in case.config])


def _wire(number: int, case: Case) -> dict[str, t.Any]:
    return {
        "number": number,
        "image": case.image,
        "config": [_file(file) for file in case.config],
        "files": [_file(file) for file in case.files],
        "people": [
            {"address": address, "port": port, "manner": registry.manner.value, "tls": registry.tls.value}
            for (address, port), registry in case.people.items()
        ],
    }


def _file(file: File) -> dict[str, t.Any]:
    content = base64.b64encode(file.content).decode()
    return {"path": file.path, "content": content, "link": file.link, "is_directory": file.is_directory}
