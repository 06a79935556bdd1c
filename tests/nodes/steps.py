# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Saying what is being done, from several threads, without deciding how it looks."""

from __future__ import annotations

import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Steps:
    """Prints one line when a step is done. The demo brings a livelier one."""

    def __init__(self, out: t.TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        with self._lock:
            print(text, file=self._out, flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.say(f"{text} ({time.monotonic() - start:.1f} s)")


def in_parallel(*jobs: Callable[[], object]) -> None:
    """Runs all jobs to their end, then raises what the first failed one raised."""
    with ThreadPoolExecutor(max_workers=len(jobs) or 1) as pool:
        started = [pool.submit(job) for job in jobs]
    for job in started:
        job.result()
