# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9, before each system call that changes a file, of everything that changes any."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass

from faults.on_node import tracing
from faults.on_node.calls import Call
from faults.on_node.place import Place, expect_service, is_open, unfinished

if t.TYPE_CHECKING:
    from faults.on_node.report import Report

RECOVER = Call("_node_journal", {"operation": "recover"})
CLOSE = Call("_node_journal", {"operation": "close", "outcome": "proved"})
BACK_FROM_OPEN = Call("containerd_rollback", {"to": "unproved"})
BACK = Call("containerd_rollback", {"to": "last"})


@dataclass(frozen=True)
class Operation:
    """Something that is killed; how that can end, and how the next run comes to the end that was wanted."""

    prepare: t.Callable[[], object]
    call: t.Callable[[], Call]
    #: Whether a change is open in the end, by how the files are.
    ends: dict[str, bool]
    finish: t.Callable[[str], object]


class Kills:
    def __init__(self, place: Place, report: Report, seed: str, limit: int) -> None:
        self.place = place
        self.report = report
        self.random = random.Random(seed)  # noqa: S311
        self.limit = limit
        place.reset()
        self._applying = tracing.points(place.change())
        self._swap = [
            point for point in self._applying if point.name.startswith("rename") and "/etc/containerd/" in point.about
        ]
        self._half()
        self._recovering = tracing.points(RECOVER)

    def run(self) -> None:
        operations = {
            "a change": Operation(self.place.reset, self.place.change, {"old": False, "new": True}, self._apply),
            "recovering": Operation(self._half, lambda: RECOVER, {"old": False}, self._stay),
            "closing": Operation(self._applied, lambda: CLOSE, {"new": True}, self._close),
            "undoing": Operation(self._applied, lambda: BACK_FROM_OPEN, {"old": False, "new": True}, self._undo),
            "going back": Operation(self._closed, lambda: BACK, {"old": True, "new": False}, self._go_back),
        }
        for name, operation in operations.items():
            self._run(f"kill -9 of {name}", operation)

    def _run(self, fault: str, operation: Operation) -> None:
        operation.prepare()
        found = tracing.points(operation.call())
        if self.limit and len(found) > self.limit:
            found = sorted(self.random.sample(found, self.limit), key=found.index)
        for point in found:
            with self.report.injection(fault, str(point)) as injection:
                operation.prepare()
                injection.happened = tracing.killed(operation.call(), point)
                # Every third time, what mends that is killed as well.
                if injection.number % 3 == 0 and tracing.killed(RECOVER, self.random.choice(self._recovering)):
                    injection.times += 1
                injection.ended = self._settle(operation)

    def _settle(self, operation: Operation) -> str:
        RECOVER.succeed()
        ended = self.place.ended()
        self.place.expect_tidy()
        if ended not in operation.ends:
            raise AssertionError(f"ended {ended}")
        if is_open() and not operation.ends[ended]:
            raise AssertionError(f"ended {ended}, and a change is open")
        operation.finish(ended)
        self.place.expect_tidy()
        if unfinished():
            raise AssertionError(f"left unfinished: {[record.id for record in unfinished()]}")
        expect_service()
        return ended

    # How operations are prepared

    def _applied(self) -> None:
        self.place.reset()
        self.place.change().succeed()

    def _closed(self) -> None:
        self._applied()
        CLOSE.succeed()

    def _half(self) -> None:
        """Killed between two of the names."""
        self.place.reset()
        if not tracing.killed(self.place.change(), self._swap[len(self._swap) // 2]):
            raise AssertionError("a change was not killed half-way")

    # How the next run goes on

    def _apply(self, ended: str) -> None:
        if ended == "old":
            self.place.change().succeed()
        self.place.expect(self.place.new, "applied again")
        self._undo(ended)

    def _stay(self, _ended: str) -> None:
        """There is nothing to go on with."""

    def _close(self, _ended: str) -> None:
        CLOSE.succeed()

    def _undo(self, _ended: str) -> None:
        BACK_FROM_OPEN.succeed()
        self.place.expect(self.place.old, "undone")

    def _go_back(self, ended: str) -> None:
        (CLOSE if ended == "old" else BACK).succeed()
        if ended == "new":
            CLOSE.succeed()
        self.place.expect(self.place.old, "gone back")
