# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a release's containerd that is started with configuration files, without booting a node.

`start_many("1.7", [Case({"/etc/containerd/config.toml": b"version = 2"})])` starts that release's containerd once a
case, in a root directory and a mount namespace of its own, asks it for its plugins, and ends it.
A dump cannot tell this: most of what takes CRI down, or keeps containerd from starting, passes there.
With `pulls`, CRI is asked for images too, without any network: whom it would ask, and what it says of files, shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nodes import dumps, programs
from nodes.dumps import Case
from nodes.machine import Lack
from nodes.releases import choose
from nodes.steps import Steps

CRI = "io.containerd.grpc.v1.cri"
SECONDS = 60
#: Whose ctr asks: the service that lists plugins is the same on all releases.
ASKED_BY = "2.3"
#: The layers lie on tmpfs, as no overlayfs lies on another. All mounts end with the namespace, and that with the shell.
SCRIPT = """
set -eu
root=$1
for directory in var run tmp; do mkdir -p "$root/$directory"; mount -t tmpfs tmpfs "$root/$directory"; done
for directory in proc sys dev; do mkdir -p "$root/$directory"; mount --rbind "/$directory" "$root/$directory"; done
chroot "$root" /usr/bin/containerd >"$root/log" 2>&1 &
daemon=$!
for _turn in $(seq 100); do
    kill -0 $daemon 2>/dev/null || exit 0
    chroot "$root" /usr/bin/ctr plugins ls >"$root/plugins" 2>/dev/null && break
    sleep 0.1
done
for image in $PULLS; do
    chroot "$root" /usr/bin/crictl -r unix:///run/containerd/containerd.sock pull "$image" >>"$root/pulls" 2>&1 || true
done
# Some of what CRI does not bear takes the daemon down only when CRI begins to serve.
sleep 0.3
kill $daemon 2>/dev/null || rm -f "$root/plugins"
wait $daemon || true
"""


@dataclass(frozen=True)
class Start:
    """`plugins` has the state of each, `ok`, `skip` or `error`, by its id; none of a containerd that did not stay.

    `answers` is what crictl printed of all pulls."""

    plugins: t.Mapping[str, str]
    log: str
    answers: str = ""

    @property
    def is_up(self) -> bool:
        return bool(self.plugins)

    @property
    def has_cri(self) -> bool:
        return self.plugins.get(CRI) == "ok"


def start_many(release_name: str, cases: Sequence[Case], pulls: Sequence[str] = ()) -> list[Start]:
    """What becomes of that release's containerd with each case, in the order of the cases."""
    if os.geteuid() != 0:
        raise Lack("To give containerd a root directory of its own needs root. Run this again as root.")
    programs_root = dumps.ensure_root(choose([release_name])[0])
    tool = choose([ASKED_BY])[0].tool or ASKED_BY
    tools = [programs.build_go(programs.containerd_tool(tool), Steps(sys.stderr)) / "ctr"]
    if pulls:
        tools.append(programs.build_go(programs.CRICTL, Steps(sys.stderr)) / "crictl")
    with dumps.scratch() as scratch, ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        run = partial(_start, programs_root, tools, pulls)
        return list(pool.map(run, (scratch / str(number) for number in range(len(cases))), cases))


def _start(programs_root: Path, tools: Sequence[Path], pulls: Sequence[str], root: Path, case: Case) -> Start:
    shutil.copytree(programs_root, root, copy_function=os.link, symlinks=True)
    for tool in tools:
        shutil.copy(tool, root / "usr" / "bin" / tool.name)
    dumps.write_files(root, case)
    apart = ["--mount", "--propagation", "private", *(["--net"] if pulls else [])]
    command = ["unshare", *apart, "sh", "-c", SCRIPT, "sh", str(root)]
    environment = {"PATH": dumps.ENVIRONMENT["PATH"], "PULLS": " ".join(pulls)}
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=SECONDS,
            check=True,
        )
        plugins = root / "plugins"
        lines = plugins.read_text().splitlines()[1:] if plugins.exists() else []
        answers = root / "pulls"
        return Start(
            dict(map(_plugin, lines)),
            (root / "log").read_text(errors="replace"),
            answers.read_text(errors="replace") if answers.exists() else "",
        )
    finally:
        shutil.rmtree(root)


def _plugin(line: str) -> tuple[str, str]:
    kind, name, *_platforms, status = line.split()
    return f"{kind}.{name}", status
