# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of each injection: one line of JSON."""

from __future__ import annotations

import json
import time
import traceback
import typing as t
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

if t.TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Injection:
    fault: str
    at: str
    number: int
    happened: bool = True
    times: int = 1
    ended: str = ""
    problem: str = ""
    seconds: float = 0
    figures: dict[str, float] = field(default_factory=dict)


class Report:
    def __init__(self) -> None:
        self._number = 0

    @contextmanager
    def injection(self, fault: str, at: str) -> Iterator[Injection]:
        """Whatever goes wrong within is the injection's problem, and the next one has its turn."""
        self._number += 1
        injection = Injection(fault, at, self._number)
        started = time.monotonic()
        try:
            yield injection
        except AssertionError as error:
            injection.problem = str(error)
        except Exception:  # noqa: BLE001 (it is told)
            injection.problem = traceback.format_exc()
        injection.seconds = round(time.monotonic() - started, 2)
        print(json.dumps(asdict(injection)), flush=True)
