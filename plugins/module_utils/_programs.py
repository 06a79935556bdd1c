# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a node and their versions, and the state of a systemd unit.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only. Starts programs to ask them
something, and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import typing as t

PROGRAMS = ("containerd", "runc", "crictl")
TIME_LIMIT = 10

# Present exactly where systemd is the running init, which is not where only its tools are installed.
_SYSTEMD_MARK = "/run/systemd/system"
_PROGRAM_DIRECTORIES = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/opt/bin")
_PROPERTIES = {
    "load_state": "LoadState",
    "active_state": "ActiveState",
    "sub_state": "SubState",
    "exec_start": "ExecStart",
    "main_pid": "MainPID",
    "started": "ExecMainStartTimestampMonotonic",
    "invocation": "InvocationID",
}
_EXEC_START = re.compile(r"\{ path=(?P<path>.*?) ; argv\[\]=(?P<argv>.*?) ; (?:ignore_errors|flags)=")
OUTPUT_LIMIT = 2000
# Releases, and what comes before them; Debian writes ~rc.1 for -rc.1. Any other suffix is a distribution's.
_VERSION = r".*?(?<![\w.-])v?(?P<release>\d+\.\d+\.\d+)(?:[-~](?P<before>(?:alpha|beta|rc)[.\d]*))?"


def run(command: t.Sequence[str]) -> t.Tuple[t.Optional[int], str]:
    """Exit code, and what was printed; None for a command that could not be run or took too long."""
    code, output, errors = _communicate(command)
    return code, (output if code == 0 else output + errors).decode("utf-8", "replace").strip()[:OUTPUT_LIMIT]


class Dump(t.NamedTuple):
    """What containerd makes of a configuration: what it prints of it whole, and what it says about it.

    ``rc`` is None where it could not be asked, for the reason in ``errors``.
    """

    rc: t.Optional[int]
    output: str
    errors: str


def dump(containerd: str, config: str, content: t.Optional[bytes] = None) -> Dump:
    """Asks containerd about the file ``config``, or about content that it reads as its standard input."""
    command = [containerd, "--config", config, "config", "dump"]
    if content is None:
        code, output, errors = _communicate(command)
    else:
        # Not a pipe: containerd 2.x reads a file twice if there are keys in it that it does not know.
        with _nameless_file(content) as stream:
            code, output, errors = _communicate(command, stream)
    return Dump(code, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace").strip())


@contextlib.contextmanager
def _nameless_file(content: bytes) -> t.Iterator[t.IO[bytes]]:
    """In memory, where that can be: it may hold a password."""
    has_memory = hasattr(os, "memfd_create")
    with open(os.memfd_create("config.toml"), "w+b") if has_memory else tempfile.TemporaryFile() as stream:
        stream.write(content)
        stream.seek(0)
        yield stream


def _communicate(
    command: t.Sequence[str], stdin: t.Union[int, t.IO[bytes]] = subprocess.DEVNULL
) -> t.Tuple[t.Optional[int], bytes, bytes]:
    """Exit code, output and errors; without a code, the reason is among the errors."""
    try:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The working directory of services: before 1.6.29, containerd looks for relative globs there.
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        return None, b"", (error.strerror or str(error)).encode()
    try:
        output, errors = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        # With whatever it started: a child that holds the pipe would keep us waiting.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, b"", f"no answer within {TIME_LIMIT} seconds".encode()
    return process.returncode, output, errors


def find_systemctl() -> t.Optional[str]:
    """The program, where systemd is what started this node."""
    return shutil.which("systemctl") if os.path.isdir(_SYSTEMD_MARK) else None


def read_unit(name: str) -> t.Tuple[t.Optional[t.Dict[str, t.Any]], t.Optional[str]]:
    """The state of a unit, or None; and a warning for where systemd runs but does not tell."""
    systemctl = find_systemctl()
    if not systemctl:
        return None, None
    code, output = run([systemctl, "show", "--no-pager", f"--property={','.join(_PROPERTIES.values())}", "--", name])
    if code != 0 or "LoadState=" not in output:
        return None, f"systemctl does not tell the state of {name}: {output}"
    unit = parse_unit(name, output)
    pid = unit["main_pid"]
    return {**unit, "main_command": _command_of(pid), "main_replaced": _is_replaced(pid)}, None


def _command_of(pid: int) -> t.List[str]:
    """The words that a process was started with; none of one that does not run, or is somebody else's to see."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            words = stream.read().rstrip(b"\0").split(b"\0")
    except OSError:
        return []
    return [os.fsdecode(word) for word in words] if pid else []


def _is_replaced(pid: int) -> bool:
    """Whether the program of a process is not the one that lies on the disk any more."""
    try:
        return bool(pid) and os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)")
    except OSError:
        return False


def parse_unit(name: str, output: str) -> t.Dict[str, t.Any]:
    """What `systemctl show` printed. Of several commands to start, the first one counts."""
    shown: t.Dict[str, str] = {}
    for line in output.splitlines():
        key, _separator, value = line.partition("=")
        shown.setdefault(key, value)
    unit: t.Dict[str, t.Any] = {field: shown.get(key, "") for field, key in _PROPERTIES.items()}
    unit["exec_start"] = _command_line(unit["exec_start"])
    for field in ("main_pid", "started"):
        unit[field] = int(unit[field]) if unit[field].isdigit() else 0
    return {"name": name, **unit, "started": _wall_clock(unit["started"])}


def _wall_clock(since_boot_usec: int) -> float:
    """A time since the boot as one that can be compared with those of files; 0 stays 0.

    systemd's own wall clock time would be off where the clock was set after the start, as on a node without a battery.
    """
    if not since_boot_usec:
        return 0.0
    return time.time() - time.clock_gettime(time.CLOCK_MONOTONIC) + since_boot_usec / 1e6


def _command_line(value: str) -> t.List[str]:
    match = _EXEC_START.search(value)
    if not match:
        return []
    # The words are printed bare, without the unit file's quotes: one that holds a space cannot be told from two.
    return [match["path"], *match["argv"].split()[1:]]


def read_programs(
    names: t.Iterable[str], unit: t.Optional[t.Mapping[str, t.Any]]
) -> t.Dict[str, t.Optional[t.Dict[str, t.Any]]]:
    return {name: read_program(name, unit) for name in names}


def read_program(name: str, unit: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[t.Dict[str, t.Any]]:
    """Where a program is and what version it says it has; None if the node does not have it."""
    path = find_program(name, unit)
    if not path:
        return None
    code, output = run([path, "--version"])
    return {"path": path, "version": parse_version(name, output) if code == 0 else None, "output": output}


def find_program(name: str, unit: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[str]:
    started: t.List[str] = unit["exec_start"] if unit and name == "containerd" else []
    for word in started:
        if os.path.isabs(word) and os.path.basename(word).startswith(name) and shutil.which(word):
            return word
    directories = os.environ.get("PATH", "").split(os.pathsep) + list(_PROGRAM_DIRECTORIES)
    return shutil.which(name, path=os.pathsep.join(filter(os.path.isabs, directories)))


def parse_version(name: str, output: str) -> t.Optional[str]:
    """The version that a program names on the line that starts with its own name."""
    match = re.search(rf"^{re.escape(name)}\s{_VERSION}", output, re.MULTILINE)
    if not match:
        return None
    return f"{match['release']}-{match['before']}" if match["before"] else match["release"]
