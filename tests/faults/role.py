# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that the role meets as a whole: registries, connections, reboots, and a run beside another one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import typing as t
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nodes import paths
from nodes.faulty_registry import FAULTS
from nodes.registry import FACES, HOST
from nodes.steps import in_parallel

from faults import nodes_side

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nodes.node import Node
    from nodes.testbed import Testbed

HERE = Path(__file__).parent
IMAGE = "registry.k8s.io/pause:3.10"
CUT_OFF = "TASK [Wait to be cut off]"
SECONDS = 600

Add = t.Callable[[str, dict[str, t.Any]], None]


class Bad(AssertionError):
    """A node is not as it has to be."""


@dataclass(frozen=True)
class Broken:
    """A registry that delivers nothing, and words of what has to be said about it."""

    name: str
    url: str
    says: str
    ca: str = "ca.pem"
    image: str = IMAGE


def _url(port: int, scheme: str = "https", path: str = "/v2/k8s") -> str:
    return f"{scheme}://{HOST}:{port}{path}"


BROKEN = (
    Broken("that is down", _url(FAULTS["dead"], "http"), "connection refused"),
    Broken("that answers 404", _url(FACES["tls"]), "manifest 404", image="registry.k8s.io/pause:99"),
    Broken("that does not answer", _url(FAULTS["slow"], "http"), "no answer within"),
    Broken("of another CA", _url(FACES["tls"]), "nor the node's store has signed", ca="wrong-ca.pem"),
    Broken("that answers 401", _url(FACES["auth"]), "401"),
    Broken("that answers 500", _url(FAULTS["broken"], "http"), "manifest 500"),
)
GOOD = Broken("", _url(FACES["tls"]), "")


@dataclass
class Role:
    """Runs the role as a user would, on all nodes at once."""

    testbed: Testbed
    nodes: list[Node]
    add: Add
    _old: dict[str, t.Any] = field(default_factory=dict)
    _new: dict[str, t.Any] = field(default_factory=dict)

    def run(self, *, short: bool) -> None:
        self._old = self._pictures()
        if not short:
            self._there_and_back()
        for broken in BROKEN[:1] if short else BROKEN:
            self._case(f"a registry {broken.name}", partial(self._not_proved, broken))
        if short:
            return
        self._case("two runs at once", self._two_at_once)
        self._case("a connection lost after the swap, then a good run", self._lost)
        self._case("a connection lost after the swap, then a bad registry", self._lost_and_broken)
        self._case("a reboot between swap and restart", self._reboot)

    def _case(self, name: str, act: Callable[[], str]) -> None:
        started, ended, problem = time.monotonic(), "", ""
        try:
            ended = act()
        except (Bad, RuntimeError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        for node in self.nodes:
            told = problem or self._problem(node, ended)
            self.add(
                node.release.name,
                {
                    "fault": f"role: {name}",
                    "at": "verification",
                    "happened": True,
                    "times": 1,
                    "ended": ended,
                    "problem": told,
                    "seconds": round(time.monotonic() - started, 1),
                    "figures": {},
                },
            )
        self._go_back()

    # The faults

    def _there_and_back(self) -> None:
        """What is old and what is new, without a fault."""
        self._converge()
        self._new = self._pictures()
        if any(self._new[name] == self._old[name] for name in self._new):
            raise Bad("the role changed nothing")
        self._go_back()
        if self._pictures() != self._old:
            raise Bad("the role did not find the way back")

    def _not_proved(self, broken: Broken) -> str:
        run = Play(self, broken)
        run.fail(broken.says, "Put back as before change")
        return "old"

    def _two_at_once(self) -> str:
        runs = [Play(self, GOOD), Play(self, GOOD)]
        for run in runs:
            run.end_or_be_told("run again")
        self._converge()
        return "new"

    def _lost(self) -> str:
        Play(self, GOOD, part="configure", cut_off=True).end()
        self._expect_unproved()
        self._converge()
        return "new"

    def _lost_and_broken(self) -> str:
        Play(self, GOOD, part="configure", cut_off=True).end()
        self._expect_unproved()
        # What the next run finds is changed already; it is the proof that fails.
        Play(self, Broken("", GOOD.url, "", image="registry.k8s.io/pause:99")).fail(
            "manifest 404", "Put back as before"
        )
        return "old"

    def _reboot(self) -> str:
        Play(self, GOOD, part="configure").succeed()
        self._expect_unproved()
        in_parallel(*(partial(_reboot, node) for node in self.nodes))
        self.testbed.up([node.release.name for node in self.nodes])  # the addresses may be others now
        self._converge()
        return "new"

    # What follows

    def _converge(self) -> None:
        Play(self, GOOD).succeed()
        again = Play(self, GOOD).succeed()
        if "changed=0" not in again or "changed=1" in again:
            raise Bad(f"the next run changes something again: {again[-2000:]}")

    def _go_back(self) -> None:
        """Whatever there is to go back to; a node that is not as it was then is told as the next case's problem."""
        if self._pictures() != self._old:
            Play(self, GOOD, part="rollback").end()

    def _pictures(self) -> dict[str, t.Any]:
        return {node.name: _look(node)["picture"] for node in self.nodes}

    def _expect_unproved(self) -> None:
        for node in self.nodes:
            if not _look(node)["unfinished"]:
                raise Bad(f"{node.name}: no change is open after the swap")

    def _problem(self, node: Node, ended: str) -> str:
        seen = _look(node)
        wanted = {"old": self._old, "new": self._new}[ended].get(node.name)
        if seen["picture"] != wanted:
            places = {**seen["picture"], **(wanted or {})}
            other = [place for place in places if seen["picture"].get(place) != (wanted or {}).get(place)]
            return f"not {ended}: {', '.join(sorted(other))}"
        if seen["strays"]:
            return f"left behind: {', '.join(seen['strays'])}"
        if seen["unfinished"]:
            return f"not closed: {', '.join(seen['unfinished'])}"
        return str(seen["problem"])


class Play:
    """One run of ansible-playbook."""

    def __init__(self, role: Role, registry: Broken, *, part: str = "main", cut_off: bool = False) -> None:
        pki = os.path.relpath(paths.state() / "pki", HERE)
        host: dict[str, t.Any] = {"url": registry.url, "override_path": True}
        if registry.url.startswith("https"):
            host["ca"] = f"{pki}/{registry.ca}"
        given = {
            "part": part,
            "cut_off": cut_off,
            "containerd_backup": False,
            "containerd_sandbox_image": IMAGE,
            "containerd_registries": [{"namespace": "registry.k8s.io", "fallback": False, "hosts": [host]}],
            "containerd_verify_images": [registry.image],
            "containerd_verify_retries": 0,
            "containerd_verify_timeout": 20,
        }
        names = ",".join(node.name for node in role.nodes)
        command = ["ansible-playbook", "--inventory", str(role.testbed.inventory), "--limit", names]
        self._cut_off = cut_off
        self._process = subprocess.Popen(
            [*command, "--extra-vars", json.dumps(given), str(HERE / "play.yml")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_COLOR": "1", "ANSIBLE_HOST_KEY_CHECKING": "true"},
            start_new_session=True,
        )

    def end(self) -> str:
        if not self._cut_off:
            return self._process.communicate(timeout=SECONDS)[0]
        lines = []
        for line in t.cast("Iterable[str]", self._process.stdout):
            lines.append(line)
            if CUT_OFF in line:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        return "".join(lines)

    def succeed(self) -> str:
        output = self.end()
        if self._process.returncode:
            raise Bad(f"ansible-playbook failed: {_end_of(output)}")
        return output

    def end_or_be_told(self, words: str) -> None:
        output = self.end()
        if self._process.returncode and words not in output:
            raise Bad(f"it failed and does not say {words!r}: {_end_of(output)}")

    def fail(self, *said: str) -> None:
        output = self.end()
        missing = [words for words in said if words not in output]
        if not self._process.returncode or missing:
            raise Bad(f"it {'does not say ' + repr(missing) if missing else 'did not fail'}: {_end_of(output)}")


def _end_of(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-40:])[-6000:]


def _look(node: Node) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(nodes_side.driver(node, "look")))


def _reboot(node: Node) -> None:
    """No container outlives that: a new one is looked at from then on."""
    container = node.container
    if container is None:
        raise RuntimeError(f"{node.name} is gone")
    container.restart(timeout=20)
    node.wait()
    nodes_side.start_witness(node)
