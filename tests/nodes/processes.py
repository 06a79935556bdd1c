# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that outlive the command that started them, found again by pid file and stopped by that pid only."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes import paths


@dataclass(frozen=True)
class Process:
    name: str
    #: Text in its command line, so that a pid which now belongs to somebody else is not taken for it.
    marker: str

    @property
    def pid_file(self) -> Path:
        return paths.state() / "run" / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        return paths.state() / "logs" / f"{self.name}.log"

    def start(self, command: list[str], *, stdout: Path | None = None, env: t.Mapping[str, str] | None = None) -> None:
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as errors, (stdout or self.log).open("ab") as output:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                cwd="/",
                env={**os.environ, **(env or {})},
            )
        self.pid_file.write_text(f"{started.pid}\n")
        # For a moment after exec the kernel shows an empty command line.
        while started.poll() is None and not self.alive():
            time.sleep(0.01)

    def pid(self) -> int | None:
        try:
            pid = int(self.pid_file.read_text())
            stat = Path(f"/proc/{pid}/stat").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError):
            return None
        is_zombie = stat.rpartition(")")[2].split()[0] == "Z"
        return pid if self.marker in command and not is_zombie else None

    def alive(self) -> bool:
        return self.pid() is not None

    def stop(self, how: signal.Signals = signal.SIGTERM, *, seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        pid = self.pid()
        if pid is not None:
            os.kill(pid, how)
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)

    def last_error(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "no message"
