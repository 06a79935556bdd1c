# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the demo looks: lively on a terminal, plain lines anywhere else."""

from __future__ import annotations

import re
import textwrap
import threading
import typing as t
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

from nodes.steps import Steps

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status


class Stage(Steps):
    """Steps on a terminal: a spinner over what runs now, a line for what is done."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console(highlight=False)
        self._guard = threading.Lock()
        self._running: list[str] = []
        self._status: Status | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Shows the spinner, on terminals only."""
        with self.console.status("", spinner="dots") as self._status:
            yield
        self._status = None

    def say(self, text: str) -> None:
        self.console.print(f"  [green]✓[/green] {escape(text)}")

    def hint(self, text: str) -> None:
        """What the spinner says."""
        if self._status is not None:
            self._status.update(f"[dim]{escape(text)}[/dim]")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self._change(add=text)
        try:
            with super().step(text):
                yield
        finally:
            self._change(remove=text)

    def _change(self, *, add: str = "", remove: str = "") -> None:
        with self._guard:
            self._running = [text for text in [*self._running, add] if text and text != remove]
            self.hint(", ".join(self._running))

    def heading(self, title: str, text: str) -> None:
        self.console.print(f"\n[bold cyan]{title}[/bold cyan]  [dim]{text}[/dim]")

    def table(self, *columns: str) -> Table:
        table = Table(box=box.SIMPLE, header_style="dim", padding=(0, 2, 0, 0), show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        return table

    def show(self, table: Table) -> None:
        self.console.print(Padding(table, (1, 0, 1, 4), expand=False))

    def show_file(self, file: Path, lexer: str) -> None:
        """The file without its licence lines."""
        text = re.sub(r"\A---\n(#.*\n)+\n", "", file.read_text()).rstrip()
        coloured = Syntax("", lexer, theme="ansi_dark").highlight(textwrap.indent(text, "    "))
        self.console.print(f"\n  [dim]{short(file)}[/dim]\n")
        self.console.print(coloured, soft_wrap=True)

    def command(self, text: str, *, prompt: str = "$") -> None:
        self.console.print(f"\n  [dim]{prompt}[/dim] [bold]{text}[/bold]")

    def offer(self, what: str, how: str) -> None:
        """Something the reader may do next, never broken over lines: it is there to be copied."""
        self.console.print(f"\n  {what}\n    [bold]{escape(how)}[/bold]", soft_wrap=True)

    def quote(self, text: str) -> None:
        self.console.print(f"[dim]{escape(textwrap.indent(text, '    '))}[/dim]", soft_wrap=True)

    def done(self, text: str, seconds: float) -> None:
        self.say(f"{text} ({seconds:.1f} s)")


def short(path: Path) -> str:
    """A path as a person standing here would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
