# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release's own containerd makes of configuration files, in bulk and without booting a node.

`dump_many("1.7", [Case({"/etc/containerd/config.toml": b"version = 2"})])` runs that release's `containerd config dump`
once a case, in a root directory that holds nothing but the program and the case's files: absolute and relative imports
resolve as on a node. The programs are the nodes' own, built or taken out of the suite's image when they are missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from nodes import images, machine, paths, programs
from nodes.machine import Lack
from nodes.releases import Release, choose
from nodes.steps import Steps

if t.TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = "/etc/containerd/config.toml"
DUMP = ("config", "dump")
SECONDS = 60
#: The program of a Debian suite and the libraries that it may load, from suites with and without a merged /usr.
WANTED = re.compile(
    r"\./(lib|lib64|usr/lib64|usr/bin/containerd"
    r"|(usr/)?lib(64)?/([^/]+-linux-gnu/)?(ld-[^/]*|lib(c|dl|pthread|resolv|seccomp)[-.][^/]*))"
)
#: A dump is too short a run for a garbage collector or for a second thread of Go's to be of use.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GOGC": "off", "GOMAXPROCS": "1"}


@dataclass(frozen=True)
class Case:
    """Files by their absolute path on a node. One without CONFIG is a node without a config.toml."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [path for path in self.files if not path.startswith("/") or ".." in path.split("/")]
        if wrong:
            raise ValueError(f"not an absolute path: {wrong[0]}")


@dataclass(frozen=True)
class DumpResult:
    rc: int
    stdout: str
    stderr: str

    def checked(self) -> str:
        """What was printed, of a run that has to succeed."""
        if self.rc:
            raise RuntimeError(f"containerd ended with {self.rc}: {self.stderr.strip() or self.stdout.strip()}")
        return self.stdout


def dump_many(release_name: str, cases: Sequence[Case]) -> list[DumpResult]:
    """What `containerd config dump` of that release says of each case, in the order of the cases."""
    return run_many(release_name, cases, DUMP)


def default_config(release_name: str) -> str:
    """What `containerd config default` of that release prints."""
    return run_many(release_name, [Case()], ("config", "default"))[0].checked()


@cache
def version(release_name: str) -> str:
    """The point release behind the name, as the program says it: `1.6.20~ds1`, `2.3.4`."""
    return run_many(release_name, [Case()], ("--version",))[0].checked().split()[2]


def run_many(release_name: str, cases: Sequence[Case], arguments: Sequence[str]) -> list[DumpResult]:
    """Any one-shot command of that release's containerd, once a case."""
    if os.geteuid() != 0:
        raise Lack("To give containerd a root directory of its own needs root. Run this again as root.")
    programs_root = ensure_root(choose([release_name])[0])
    # One directory for all, and beside the programs, which are linked and not copied.
    with scratch() as directory, ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        run = partial(_run, programs_root, tuple(arguments))
        return list(pool.map(run, (directory / str(number) for number in range(len(cases))), cases))


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for roots, beside the programs that are linked into them."""
    parent = paths.cache() / "dumps"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as directory:
        yield Path(directory)


def _run(programs_root: Path, arguments: tuple[str, ...], root: Path, case: Case) -> DumpResult:
    shutil.copytree(programs_root, root, copy_function=os.link, symlinks=True)
    try:
        write_files(root, case)
        # chroot(8) also makes / the working directory, which is the daemon's and counts for relative globs.
        command = ["chroot", str(root), "/usr/bin/containerd", *arguments]
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, env=ENVIRONMENT, timeout=SECONDS, check=False
        )
    finally:
        shutil.rmtree(root)
    return DumpResult(done.returncode, _text(done.stdout), _text(done.stderr))


def write_files(root: Path, case: Case) -> None:
    for path, content in case.files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _text(output: bytes) -> str:
    return output.decode(errors="replace")


# Where the programs come from


def ensure_root(release: Release, steps: Steps | None = None) -> Path:
    """A directory with the release's containerd at /usr/bin and all that it loads, made now if no earlier run did."""
    steps = steps or Steps(sys.stderr)
    if release.tool:
        source = programs.build_go(programs.containerd_tool(release.tool), steps)
        return _publish(f"{release.tool}-{source.name}", partial(_link_program, source / "containerd"))
    suite = images.Suite(release.suite)
    key = paths.digest(suite.key, WANTED.pattern)
    return _publish(f"containerd-{suite.name}-{key}", partial(_extract, suite, steps))


def _publish(name: str, fill: t.Callable[[Path], None]) -> Path:
    target = paths.cache() / "dumps" / "programs" / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent))
        fill(scratch)
        programs.publish(scratch, target)
    return target


def _link_program(program: Path, root: Path) -> None:
    (root / "usr" / "bin").mkdir(parents=True)
    os.link(program, root / "usr" / "bin" / "containerd")


def _extract(suite: images.Suite, steps: Steps, root: Path) -> None:
    if not suite.tar.exists():
        machine.check_machine()
        machine.install_programs(steps)
        images.ensure_tar(suite, steps)
    with tarfile.open(suite.tar) as archive:
        members = [member for member in archive if WANTED.fullmatch(member.name)]
        archive.extractall(root, members, filter="fully_trusted")  # noqa: S202
