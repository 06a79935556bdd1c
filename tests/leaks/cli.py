# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes nodes that can ask nobody but a sink, sees what they ask, and then plants traps; ends with 1 on any
disagreement between what is documented, what the sink saw, and what the audit had said before."""

from __future__ import annotations

import argparse
import sys
import time
import typing as t
from functools import partial

from nodes.machine import Lack
from nodes.releases import TESTED
from nodes.steps import in_parallel
from nodes.testbed import Testbed

from leaks import collection, page
from leaks.page import PAGE, Sprung, Step
from leaks.place import Guarded
from leaks.traps import SHORT, TRAPS, Trap

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHORT_RELEASES = ("1.7", "2.3")
#: Of each way in the tree of a closed node: to its own entry, to Docker Hub's, and to the one for all others.
ABSENT = ("registry.k8s.io/absent:1", "docker.io/library/absent:1", "quay.io/absent:1")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="leaks", description=__doc__)
    parser.add_argument(
        "--nodes", default="", help="releases, separated by commas; all of `make test` if none is named"
    )
    parser.add_argument("--traps", default="", help="names of traps, separated by commas; all of them if none is named")
    parser.add_argument("--short", action="store_true", help="a sample, in less than a minute; no node is booted again")
    parser.add_argument("--write", action="store_true", help="also write the tables into docs/leaks.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.short or arguments.nodes or arguments.traps):
        parser.error("--write needs all releases and all traps")
    return arguments


class Run:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.short = arguments.short
        self.testbed = Testbed()
        names = [name for name in arguments.nodes.split(",") if name]
        self.releases = names or list(SHORT_RELEASES if self.short else TESTED)
        wanted = [name for name in arguments.traps.split(",") if name] or list(SHORT if self.short else [])
        self.traps = [trap for trap in TRAPS if trap.name in wanted or not wanted]
        unknown = set(wanted) - {trap.name for trap in TRAPS}
        if unknown:
            raise Lack(
                f"There is no trap {', '.join(sorted(unknown))}. Choose from {', '.join(t.name for t in TRAPS)}."
            )
        self.nodes: list[Guarded] = []
        self.steps: list[Step] = []
        self.sprung: list[Sprung] = []
        self.problems: list[str] = []

    def all(self) -> None:
        self.nodes = [Guarded(self.testbed.node(name)) for name in self.releases]
        try:
            self._on_all(lambda node: node.node.reset())
            self._on_all(Guarded.install)
            self.close()
            self._on_all(Guarded.remember)
            for number, trap in enumerate(self.traps, start=1):
                self._say(f"{number} of {len(self.traps)} traps: {trap.name}")
                self.spring(trap)
        finally:
            self._on_all(Guarded.remove)

    # A node that is closed

    def close(self) -> None:
        if not self.short:
            self._on_all(Guarded.reboot)
            # The addresses may be others now.
            self.testbed.up(self.releases)
            self._note("boot")
        collection.close(self.testbed.inventory, [node.name for node in self.nodes])
        self._note("role, with its canary")
        self._on_all(self._first_pod)
        self._note("first pod")
        for image in ABSENT:
            self._on_all(partial(self._not_there, image=image))
            self._note(f"pull of {image}")
        self._expect_the_sink_to_be_asked()

    def _say(self, what: str) -> None:
        print(what, file=sys.stderr, flush=True)

    def _note(self, name: str) -> None:
        seen = self._on_all(Guarded.seen)
        self.steps += [Step(name, node.release, each) for node, each in zip(self.nodes, seen, strict=True)]

    def _first_pod(self, node: Guarded) -> None:
        mark = self.testbed.registry.mark()
        pod = node.node.pod()
        if pod.sandbox_image != collection.POD_IMAGE:
            self.problems.append(f"{node.release}, first pod: its image is {pod.sandbox_image}")
        if not any("/k8s/pause/blobs/" in path for path in self._paths(node, mark)):
            self.problems.append(f"{node.release}, first pod: its image was not pulled from the private registry")

    def _paths(self, node: Guarded, since: dict[str, int]) -> list[str]:
        """What this node has asked the private registry for."""
        asked = self.testbed.registry.log(since=since)
        return [request.path for request in asked if request.client.partition(":")[0] == node.node.address]

    def _not_there(self, node: Guarded, image: str) -> None:
        if node.pull(image).status == 0:
            self.problems.append(f"{node.release}: a pull of {image} succeeded")

    def _expect_the_sink_to_be_asked(self) -> None:
        """A sink that nobody can ask sees no leak either."""
        for release in self.releases:
            if not any(step.seen.ours for step in self.steps if step.release == release):
                self.problems.append(f"{release}: the sink was not asked even for the private registry")

    # Traps

    def spring(self, trap: Trap) -> None:
        nodes = [node for node in self.nodes if node.release in trap.on]
        if not nodes:
            return
        self._on(nodes, partial(Guarded.plant, trap=trap))
        said = collection.audit(self.testbed.inventory, [node.name for node in nodes], trap.registry)
        for node, before in zip(nodes, self._on(nodes, Guarded.seen), strict=True):
            if before.leaks:
                self.problems.append(f"{node.release}, {trap.name}: before anybody has pulled, the sink saw {before}")
        mark = self.testbed.registry.mark()
        told = self._on(nodes, partial(Guarded.ask, trap=trap))
        seen = self._on(nodes, Guarded.seen)
        for node, output, each in zip(nodes, told, seen, strict=True):
            if output.status == 0:
                self.problems.append(f"{node.release}, {trap.name}: what nobody has was pulled")
            words = (output.stderr or output.stdout).strip().splitlines() or [""]
            arrived = bool(self._paths(node, mark))
            self.sprung.append(Sprung(trap, node.release, each, said[node.name], arrived, words[-1]))
        self._on(nodes, partial(Guarded.mend, trap=trap))
        # Whoever tries once more after a failure is through by now.
        self._on(nodes, Guarded.seen)

    # All nodes at once

    def _on_all(self, act: Callable[[Guarded], t.Any]) -> list[t.Any]:
        return self._on(self.nodes, act)

    def _on(self, nodes: Sequence[Guarded], act: Callable[[Guarded], t.Any]) -> list[t.Any]:
        found: dict[str, t.Any] = {}

        def one(node: Guarded) -> None:
            found[node.name] = act(node)

        in_parallel(*(partial(one, node) for node in nodes))
        return [found[node.name] for node in nodes]

    @property
    def disagreements(self) -> list[str]:
        each = [*(step.problem for step in self.steps), *(one.problem for one in self.sprung)]
        return [*self.problems, *filter(None, each)]


def main() -> int:
    arguments = parse()
    started = time.monotonic()
    try:
        run = Run(arguments)
        run.all()
    except (Lack, RuntimeError) as error:
        print(f"leaks: {error}", file=sys.stderr)
        return 1
    print(page.table(page.STEP_HEADER, page.step_lines(run.steps)), end="\n\n")
    print(page.table(page.TRAP_HEADER, page.trap_lines(run.sprung)), end="\n\n")
    for problem in run.disagreements:
        print(f"DISAGREEMENT  {problem}\n")
    count, seconds = len(run.steps) + len(run.sprung), time.monotonic() - started
    leaks = sum(each.seen.leaks for each in run.sprung)
    found = f"{leaks} of {len(run.sprung)} traps leaked, {len(run.disagreements)} disagreements"
    print(f"{count} checks, {found}, {seconds:.0f} s")
    if arguments.write and not run.disagreements:
        PAGE.write_text(page.rewritten(PAGE.read_text(encoding="utf-8"), run.steps, run.sprung), encoding="utf-8")
        print(f"wrote {PAGE}")
    return 1 if run.disagreements or not run.sprung else 0
