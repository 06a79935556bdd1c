# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of figures."""

from __future__ import annotations

import statistics
import typing as t
from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Row:
    by_release: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    exceptions: int = 0


@dataclass
class Figures:
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    problems: list[str] = field(default_factory=list)
    measured: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, release: str, injection: t.Mapping[str, t.Any]) -> None:
        """What did not happen, such as a kill of a process that had ended by then, is missed and no injection."""
        row = self.rows[injection["fault"]]
        if injection["problem"]:
            row.exceptions += 1
            self.problems.append(f"{release}  {injection['fault']}, {injection['at']}: {injection['problem']}")
        elif injection["happened"]:
            row.by_release[release] += injection["times"]
            row.ended[injection["ended"]] += 1
        else:
            row.missed[release] += 1
        for name, seconds in injection["figures"].items():
            self.measured[f"{name}, {release}"].append(seconds)

    def fail(self, release: str, problem: str) -> None:
        self.rows["the driver"].exceptions += 1
        self.problems.append(f"{release}  {problem}")

    def expect_hits(self) -> None:
        """What was tried and never happened has shown nothing."""
        for name, row in self.rows.items():
            for release, missed in row.missed.items():
                if not row.by_release[release] and not row.exceptions:
                    row.exceptions += 1
                    self.problems.append(f"{release}  {name}: none of {missed} happened")

    @property
    def total(self) -> int:
        return sum(sum(row.by_release.values()) for row in self.rows.values())

    def table(self, releases: t.Sequence[str]) -> str:
        header = ["injected", *releases, "all", "ended old", "ended new", "missed", "exceptions"]
        lines = [header]
        for name, row in self.rows.items():
            counts = [row.by_release[release] for release in releases]
            figures = [*counts, sum(counts), row.ended["old"], row.ended["new"], row.missed.total(), row.exceptions]
            lines.append([name, *map(str, figures)])
        sums = [sum(int(line[column]) for line in lines[1:]) for column in range(1, len(header))]
        lines.append(["all", *map(str, sums)])
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        text = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "-" * len(text[0])
        return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])

    def seconds(self) -> str:
        return "\n".join(
            f"{name}: median {statistics.median(found):.2f} s of {len(found)}, at most {max(found):.2f} s"
            for name, found in sorted(self.measured.items())
        )
