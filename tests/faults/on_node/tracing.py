# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every system call of a process that changes a file, and an end of that process right before one of them."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import typing as t
from collections import Counter
from pathlib import Path

if t.TYPE_CHECKING:
    from faults.on_node.calls import Call

CHANGING = (
    "open openat creat write pwrite64 writev rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat"
    " mkdir mkdirat rmdir chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat fsync fdatasync"
    " setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr truncate ftruncate fallocate"
).split()
#: What starts a program, and what waits for one that runs.
SPAWNING = "fork vfork clone clone3 poll ppoll".split()
OPENING, WRITING = ("open", "openat", "creat"), ("write", "pwrite64", "writev")
LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
SCRATCH = Path("/run/faults")


class Point(t.NamedTuple):
    """The ordinal of a system call among those of its name in one process, and what it was about."""

    name: str
    ordinal: int
    about: str

    def __str__(self) -> str:
        return f"{self.name}#{self.ordinal}({self.about[:120]})"


def points(call: Call, names: t.Sequence[str] = CHANGING) -> list[Point]:
    """Has the call made, and lists what could be injected at."""
    _strace(call, [*names, "close"])
    return [*_changing(SCRATCH / "trace"), Point("exit_group", 1, "the end")]


def killed(call: Call, point: Point) -> bool:
    """Whether the process got to the call. It ends before the kernel makes that call."""
    return _strace(call, [point.name], inject=f"signal=KILL:when={point.ordinal}") == -signal.SIGKILL


def stopped(call: Call, point: Point, act: t.Callable[[], None]) -> str:
    """Does something while the process waits right after a call; what the process said then."""
    trace = SCRATCH / "trace"
    process = subprocess.Popen(
        _command(call, [point.name], inject=f"signal=STOP:when={point.ordinal}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    end = time.monotonic() + 60
    while "stopped by SIGSTOP" not in (trace.read_text() if trace.exists() else ""):
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"it did not come to {point}: {process.communicate()[0]}")
        time.sleep(0.005)
    act()
    subprocess.run(["pkill", "-CONT", "-P", str(process.pid)], check=True)
    return process.communicate()[0]


def _strace(call: Call, names: t.Sequence[str], *, inject: str = "") -> int:
    command = _command(call, names, inject=inject)
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


def _command(call: Call, names: t.Sequence[str], *, inject: str) -> list[str]:
    SCRATCH.mkdir(exist_ok=True)
    (SCRATCH / "trace").unlink(missing_ok=True)
    known = ",".join(f"?{name}" for name in names)  # not every kernel has all of them
    injection = ["-e", f"inject={known}:{inject}"] if inject else []
    program = call.command(SCRATCH / "call.json")
    return ["strace", "-qq", "-s", "200", "-e", f"trace={known}", *injection, "-o", str(SCRATCH / "trace"), *program]


def _changing(trace: Path) -> t.Iterator[Point]:
    seen: Counter[str] = Counter()
    written: set[str] = set()
    for line in trace.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if not found:
            continue
        name, arguments, result = found.groups()
        seen[name] += 1
        if result == "-1":
            continue  # nothing was changed
        if name == "close":
            written.discard(arguments)
        elif name in OPENING:
            if re.search(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC", arguments) and '"/dev/' not in arguments:
                written.add(result)
                yield Point(name, seen[name], arguments)
        elif name not in WRITING or arguments.split(",")[0] in written:
            yield Point(name, seen[name], arguments)


def check_that_a_killed_call_is_not_made() -> None:
    """All figures rest on it."""
    probe = SCRATCH / "probe"
    SCRATCH.mkdir(exist_ok=True)
    options = ["-qq", "-e", "trace=mkdir", "-e", "inject=mkdir:signal=KILL", "-o", "/dev/null"]
    command = ["strace", *options, "mkdir", str(probe)]
    status = subprocess.run(command, check=False).returncode
    if status != -signal.SIGKILL or probe.exists():
        raise AssertionError(f"strace ended with {status}, and {probe} is {'' if probe.exists() else 'not '}there")
