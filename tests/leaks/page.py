# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as a table for a terminal and as the tables of docs/leaks.md."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

from leaks.traps import TRAPS, Trap

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from leaks.collection import Said
    from leaks.place import Seen

PAGE = Path(__file__).resolve().parents[2] / "docs" / "leaks.md"
#: What the tables lie between.
BEGIN, END = "<!-- written by make leaks -->", "<!-- the end of what make leaks writes -->"


@dataclass(frozen=True)
class Step:
    """Something that a closed node did."""

    name: str
    release: str
    seen: Seen

    @property
    def problem(self) -> str:
        return f"{self.release}, {self.name}: {self.seen}" if self.seen.leaks else ""


@dataclass(frozen=True)
class Sprung:
    """One trap on one release."""

    trap: Trap
    release: str
    seen: Seen
    said: Said
    #: Whether the private registry was asked.
    arrived: bool
    #: What crictl said.
    told: str = ""

    @property
    def problem(self) -> str:
        """What is documented, what the sink saw and what the audit said have to agree."""
        leaks, opens = self.seen.leaks, self.release in self.trap.opens
        wrong = []
        if leaks != opens:
            wrong.append(f"it was to {'leak' if opens else 'stay closed'}, and the sink saw {self.seen} ({self.told})")
        if self.said.verdict != ("open" if leaks else "closed"):
            wrong.append(f"the sink saw {self.seen}, and the audit said {self.said} ({self.said.reason})")
        if not opens and self.arrived == (self.release in self.trap.fails):
            # Nothing is proved by a pull that never got to asking.
            wrong.append(f"the private registry was {'' if self.arrived else 'not '}asked ({self.told})")
        return f"{self.release}, {self.trap.name}: {'; '.join(wrong)}" if wrong else ""


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    rows = [header, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])


TRAP_HEADER = ("trap", "what it is", "release", "leak seen", "audit said")
STEP_HEADER = ("step", "release", "names of the private registry", "anything else")


def trap_lines(sprung: Sequence[Sprung]) -> list[tuple[str, ...]]:
    """One line for the releases on which the same was seen and said."""
    lines: list[tuple[str, ...]] = []
    for trap in dict.fromkeys(each.trap for each in sprung):
        outcomes: dict[tuple[str, str], list[str]] = {}
        for each in sprung:
            if each.trap is trap:
                outcomes.setdefault((str(each.seen), str(each.said)), []).append(each.release)
        lines += [
            (trap.name, trap.text, ", ".join(releases), seen, said) for (seen, said), releases in outcomes.items()
        ]
    return lines


def step_lines(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for name in dict.fromkeys(step.name for step in steps):
        outcomes: dict[tuple[str, str], list[str]] = {}
        for step in steps:
            if step.name == name:
                asked = ", ".join(dict.fromkeys(f"`{name}`" for name in step.seen.ours)) or "nothing"
                outcomes.setdefault((asked, str(step.seen)), []).append(step.release)
        lines += [(name, ", ".join(releases), *outcome) for outcome, releases in outcomes.items()]
    return lines


def rewritten(page: str, steps: Sequence[Step], sprung: Sequence[Sprung]) -> str:
    """The page with these tables in place of its own."""
    head, _begin, rest = page.partition(BEGIN)
    _tables, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE} lacks {BEGIN!r} or {END!r}, between which the tables belong")
    tables = [_markdown(STEP_HEADER, step_lines(steps)), _markdown(TRAP_HEADER, trap_lines(sprung))]
    return f"{head}{BEGIN}\n\n" + "\n\n".join(tables) + f"\n\n{END}{tail}"


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def rows_of(page: str) -> set[tuple[str, str]]:
    """The traps on the page, each with each of its releases."""
    tables = page.partition(BEGIN)[2].partition(END)[0]
    found = re.findall(r"^\| (.+?) \| .+? \| ([\d., ]+) \| .+? \| .+? \|$", tables, re.MULTILINE)
    return {(name, release) for name, releases in found for release in releases.split(", ")}


def rows_wanted() -> set[tuple[str, str]]:
    return {(trap.name, release) for trap in TRAPS for release in trap.on}
