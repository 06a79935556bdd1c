# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a second run takes when there is nothing to change, against a ping in the same run.

Every case is a playbook on the testbed's nodes over SSH with pipelining. It runs once to make the changes, then several
times with nothing to change, each time next to a ping; the table shows medians.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ["AIRGAP_NODES_STATE"]).resolve()
WORK = STATE / "bench"
TESTBED = [sys.executable, str(ROOT / "tests" / "nodes")]
IMAGE = "registry.k8s.io/pause:3.10"


@dataclass
class Case:
    title: str
    playbook: list[dict[str, t.Any]]
    registries: int = 0
    limit: float | None = None
    # The looped playbooks are too slow to run as often as the others.
    once: bool = False
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    round_trips: float = 0

    @property
    def file(self) -> Path:
        return WORK / f"{re.sub(r'[^a-z0-9]+', '-', self.title.lower())}-{self.registries}.json"

    def run(self, *options: str) -> str:
        self.file.write_text(json.dumps(self.playbook), encoding="utf-8")
        inventory = STATE / "testbed" / "inventory.ini"
        command = ["ansible-playbook", "--inventory", str(inventory), str(self.file), *options]
        done = subprocess.run(command, cwd=WORK, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.title} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def measure(self, *options: str) -> float:
        start = time.perf_counter()
        output = self.run(*options)
        self.seconds.append(time.perf_counter() - start)
        if re.search(r"changed=[1-9]", output):
            sys.exit(f"{self.title} is not idempotent:\n{output}")
        self.count_round_trips(output)
        return self.seconds[-1]

    def measure_beside(self, ping: Case, repeat: int) -> None:
        """The machine's mood changes, so every run is compared with a ping right before it."""
        self.run()
        options = ["-vvv"] if self.once else []
        for _turn in range(1 if self.once else repeat):
            before = ping.measure()
            self.ratios.append(self.measure(*options) / before)
        if not self.once:
            self.count_round_trips(self.run("-vvv"))

    def count_round_trips(self, output: str) -> None:
        """Only verbose output tells them; all nodes make the same number."""
        found = len(re.findall(r"> SSH: EXEC ", output)) / len(re.findall(r"^\S+ +: ok=", output, re.MULTILINE))
        self.round_trips = found or self.round_trips


def environment() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_PIPELINING": "1", "ANSIBLE_COLLECTIONS_PATH": str(STATE / "installed")}


def play(**keys: t.Any) -> list[dict[str, t.Any]]:
    return [{"hosts": "k8s_nodes", "gather_facts": False, **keys}]


def registries(count: int) -> list[dict[str, t.Any]]:
    """The first one is what the pause image is pulled through."""
    url = "http://registry.example.test:5000/v2/k8s"
    hosts = [{"url": url, "override_path": True, "capabilities": ["pull", "resolve"]}]
    names = ["registry.k8s.io", *(f"registry-{number}.example.com" for number in range(1, count))]
    return [{"namespace": name, "fallback": False, "hosts": hosts} for name in names]


def role(count: int, *, verify: bool = False) -> Case:
    variables = {
        "containerd_sandbox_image": IMAGE,
        "containerd_registries": registries(count),
        "containerd_verify_images": [IMAGE] if verify else [],
    }
    title = "role, one image verified" if verify else "role"
    tasks = play(roles=["airgap.nodes.containerd"], vars=variables)
    return Case(title, tasks, registries=count, limit=3.5 if verify else 2.5)


def looped(count: int) -> Case:
    """The usual way: for each registry a task that makes the directory and one that writes the file."""
    template = WORK / "hosts.toml.j2"
    template.write_text('server = "{{ item.hosts[0].url }}"\n[host."{{ item.hosts[0].url }}"]\n', encoding="utf-8")
    folder = "/run/bench/certs.d/{{ item.namespace }}"
    make = {"path": folder, "state": "directory", "mode": "0755"}
    write = {"src": str(template), "dest": f"{folder}/hosts.toml", "mode": "0644"}
    tasks = [
        {"ansible.builtin.file": make, "loop": "{{ registries }}"},
        {"ansible.builtin.template": write, "loop": "{{ registries }}"},
    ]
    variables = {"registries": registries(count)}
    return Case("file and template, looped", play(tasks=tasks, vars=variables), registries=count, once=True)


def missed(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.limit and statistics.median(case.ratios) > case.limit]


def table(cases: list[Case]) -> str:
    lines = [f"{'':28}{'registries':>10}{'seconds':>9}{'x ping':>8}{'round trips':>13}  target"]
    late = missed(cases)
    for case in cases:
        seconds, ratio = statistics.median(case.seconds), statistics.median(case.ratios)
        target = f"at most {case.limit} {'MISSED' if case in late else 'ok'}" if case.limit else ""
        name = f"{case.title:28}{case.registries or '':>10}"
        lines.append(f"{name}{seconds:9.2f}{ratio:8.2f}{case.round_trips:13g}  {target}".rstrip())
    return "\n".join(lines)


def testbed(*arguments: str) -> str:
    return subprocess.run([*TESTBED, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeat", type=int, default=5, help="measurements a case (default: 5)")
    parser.add_argument("--looped", action="store_true", help="also the usual way, which takes many minutes")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    nodes = len(re.findall(r"^node-", testbed("up"), re.MULTILINE))
    testbed("reset")

    ping = Case("ping", play(tasks=[{"ansible.builtin.ping": {}}]))
    cases = [role(1), role(20), role(60), role(200), role(20, verify=True)]
    cases += [looped(1), looped(20), looped(60)] if arguments.looped else []
    for case in [ping, *cases]:
        print(f"measuring {case.title}, {case.registries} registries", file=sys.stderr, flush=True)
        case.measure_beside(ping, arguments.repeat)
    testbed("reset")
    print(f"Second run, nothing to change, {nodes} nodes over SSH with pipelining, median of {arguments.repeat}\n")
    print(table([ping, *cases]))
    return 1 if missed(cases) else 0


if __name__ == "__main__":
    sys.exit(main())
