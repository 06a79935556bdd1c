# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects faults into nodes that are up, and prints a table of figures; ends with 1 on any exception."""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
import typing as t
from functools import partial

from nodes import paths
from nodes.machine import Lack
from nodes.steps import in_parallel
from nodes.testbed import Testbed

from faults import nodes_side
from faults.figures import Figures
from faults.role import Bad, Role

if t.TYPE_CHECKING:
    from nodes.node import Node

RELEASES = "1.6,1.7,2.1,2.3"
GROUPS = "kills,disks,daemons,role"
#: What a short run takes of each operation that is killed, and of each restart.
SHORT_KILLS, SHORT_SPAWNS = 6, 2


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--nodes", default=RELEASES, help=f"releases, {RELEASES} if none is named")
    parser.add_argument("--short", action="store_true", help="a sample, in about 100 seconds")
    parser.add_argument("--seed", default="", help="of the samples; printed, and another one each time if not given")
    parser.add_argument("--kills", type=int, default=0, help="kills of each operation at most; 0: at every call")
    parser.add_argument("--spawns", type=int, default=12, help="kills of each kind of restart at most; 0: every one")
    parser.add_argument("--groups", default=GROUPS, help=f"which of {GROUPS}")
    parser.add_argument("--verbose", action="store_true", help="a line for each injection")
    arguments = parser.parse_args()
    arguments.seed = arguments.seed or str(random.randrange(10**6))  # noqa: S311
    if arguments.short:
        arguments.kills, arguments.spawns = SHORT_KILLS, SHORT_SPAWNS
    return arguments


class Run:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.figures = Figures()
        self.testbed = Testbed()
        self.releases = arguments.nodes.split(",")
        self.nodes = [self.testbed.node(name) for name in self.releases]
        self._guard = threading.Lock()

    def add(self, release: str, injection: dict[str, t.Any]) -> None:
        with self._guard:
            self.figures.add(release, injection)
            if self.arguments.verbose or injection["problem"]:
                at = f"{injection['fault']}, {injection['at']}"
                told = injection["problem"] or f"ended {injection['ended'] or '?'}"
                happened = "" if injection["happened"] else " (did not happen)"
                print(f"{release}  {at}: {told}{happened} ({injection['seconds']} s)", file=sys.stderr, flush=True)

    def all(self) -> None:
        groups = self.arguments.groups.split(",")
        in_parallel(*(partial(self._on_node, node) for node in self.nodes))
        if "role" in groups:
            try:
                Role(self.testbed, self.nodes, self.add).run(short=self.arguments.short)
            except (Bad, RuntimeError) as error:
                self.figures.fail("role", str(error))
        in_parallel(*(partial(_leave, node) for node in self.nodes))

    def _on_node(self, node: Node) -> None:
        given, release = self.arguments, node.release.name
        try:
            node.reset()
            nodes_side.install(node, paths.CLONE / "plugins")
            nodes_side.start_witness(node)
            options = ["--seed", given.seed, "--kills", str(given.kills), "--spawns", str(given.spawns)]
            options += ["--groups", given.groups, *(["--short"] if given.short else [])]
            for injection in nodes_side.inject(node, *options):
                self.add(release, injection)
        except RuntimeError as error:
            with self._guard:
                self.figures.fail(release, str(error))


def _leave(node: Node) -> None:
    node.reset()
    nodes_side.remove(node)


def main() -> int:
    arguments = parse()
    started = time.monotonic()
    try:
        run = Run(arguments)
        run.all()
    except Lack as lack:
        print(f"faults: {lack}", file=sys.stderr)
        return 1
    figures = run.figures
    figures.expect_hits()
    print(f"\n{figures.table(run.releases)}\n\n{figures.seconds()}\n")
    for problem in figures.problems:
        print(f"EXCEPTION  {problem}\n")
    print(
        f"{figures.total} injections, {len(figures.problems)} exceptions, seed {arguments.seed}, "
        f"{time.monotonic() - started:.0f} s"
    )
    return 1 if figures.problems or not figures.total else 0
