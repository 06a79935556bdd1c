# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: what the collection does to three nodes, step by step, each step proved by what the machines say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from nodes import paths
from nodes.machine import Lack
from nodes.stage import Stage, short
from nodes.testbed import Testbed

if t.TYPE_CHECKING:
    from nodes.node import Node
    from nodes.registry import Request

EXAMPLE = paths.HERE / "demo"
PLAYBOOK = "airgap.nodes.site"
IMAGE = "registry.k8s.io/pause:3.10"
TAIL_LINES = 40
TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?:[\w.]+ : )?(?P<task>.+?)\] \*+$")
CHANGED = re.compile(r"^changed: \[(?P<node>[^\]]+)\]")
RECAP = re.compile(r"^(?P<node>\S+)\s+: (?P<counts>ok=\d+ .*)$")


class DemoFailed(RuntimeError):
    """A step did not end as it should. The text says how, and where to read more."""


@dataclass
class Play:
    """What one run of ansible-playbook said, read line by line as it comes."""

    task: str = ""
    changed: dict[str, list[str]] = field(default_factory=dict)
    recap: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, line: str) -> None:
        if found := TASK.match(line):
            self.task = found["task"]
        elif found := CHANGED.match(line):
            self.changed.setdefault(found["node"], []).append(self.task)
        elif found := RECAP.match(line):
            counts = re.findall(r"(\w+)=(\d+)", found["counts"])
            self.recap[found["node"]] = {key: int(count) for key, count in counts}


@dataclass
class Tour:
    stage: Stage
    testbed: Testbed

    @property
    def directory(self) -> Path:
        return paths.state() / "demo"

    def run(self) -> None:
        if shutil.which("ansible-playbook") is None:
            raise Lack("ansible-playbook is not on PATH. Run the demo with `make demo`, which brings it.")
        start = time.monotonic()
        self.stage.heading("airgap.nodes", "three real nodes, one private registry, no way to the internet")
        self.boot()
        self.first_run()
        self.second_run()
        self.pull()
        self.pods()
        self.farewell(time.monotonic() - start)

    # The steps

    def boot(self) -> None:
        self.stage.heading("Nodes", "systemd, sshd and a real containerd on each")
        with self.stage.live():
            nodes = self.testbed.up()
            with self.stage.step("bringing them to the state they were built in"):
                self.testbed.reset()
            self.write_files()
        table = self.stage.table("node", "containerd", "config.toml", "system", "address")
        for node in nodes:
            table.add_row(node.name, _containerd(node), f"version {_config_version(node)}", _system(node), node.address)
        self.stage.show(table)

    def first_run(self) -> None:
        self.stage.heading("1  First run", "this is all that a user writes")
        self.stage.show_file(self.directory / "group_vars" / "k8s_nodes.yml", "yaml")
        play, seconds = self.play("first-run")
        table = self.stage.table("changed", *play.recap)
        for task in dict.fromkeys(task for tasks in play.changed.values() for task in tasks):
            table.add_row(task, *("●" if task in play.changed.get(name, []) else "" for name in play.recap))
        self.stage.show(table)
        self.show_tree()
        if not all(counts["changed"] for counts in play.recap.values()):
            raise DemoFailed("The first run changed nothing on a node that had nothing yet.")
        self.stage.done("every node points at the private registry", seconds)

    def show_tree(self) -> None:
        node = self.testbed.nodes()[-1]
        file = "/etc/containerd/certs.d/registry.k8s.io/hosts.toml"
        self.stage.command(f"cat {file}", prompt=f"{node.name} #")
        self.stage.quote(node.run(["cat", file]).checked(f"{node.name}: {file}").rstrip())

    def second_run(self) -> None:
        self.stage.heading("2  Second run", "the same playbook again")
        before = self.starts()
        play, seconds = self.play("second-run")
        after = self.starts()
        table = self.stage.table("node", "ok", "changed", "containerd")
        for name, counts in play.recap.items():
            same = "still the same process" if before[name] == after[name] else "restarted"
            table.add_row(name, str(counts["ok"]), f"[green]{counts['changed']}[/green]", same)
        self.stage.show(table)
        if before != after or any(counts["changed"] for counts in play.recap.values()):
            raise DemoFailed(f"The second run was not idle: {play.changed or 'containerd was restarted'}.")
        self.stage.done("nothing to change, nothing restarted", seconds)

    def starts(self) -> dict[str, str]:
        """Process and start time of containerd on every node."""
        show = ["systemctl", "show", "containerd", "--property=MainPID,ExecMainStartTimestampMonotonic"]
        return {node.name: node.run(show).checked("systemctl show") for node in self.testbed.nodes()}

    def pull(self) -> None:
        self.stage.heading("3  A pull", "whom did the node ask? The registry's own access log answers")
        for node in self.testbed.nodes():
            node.run(["crictl", "rmi", IMAGE])
            mark = self.testbed.registry.mark()
            start = time.monotonic()
            node.run(["crictl", "pull", IMAGE]).checked(f"{node.name}: crictl pull {IMAGE}")
            seconds = time.monotonic() - start
            self.stage.command(f"crictl pull {IMAGE}", prompt=f"{node.name} #")
            self.stage.quote(self.answer(node, mark).line)
            self.stage.done("answered by the private registry", seconds)

    def answer(self, node: Node, mark: dict[str, int]) -> Request:
        """The request by which this node resolved the image."""
        requests = [request for request in self.testbed.registry.log(since=mark) if request.client == node.address]
        for request in requests:
            if "/pause/manifests/3.10?ns=registry.k8s.io" in request.path and request.status == 200:
                return request
        raise DemoFailed(f"{node.name} pulled {IMAGE}, but the private registry was not asked for it.")

    def pods(self) -> None:
        self.stage.heading("4  A pod", "its sandbox image is gone again: containerd has to fetch it itself")
        table = self.stage.table("node", "pod", "address", "sandbox image")
        start = time.monotonic()
        with self.stage.live():
            for node in self.testbed.nodes():
                self.stage.hint(f"{node.name}: crictl runp")
                table.add_row(*self.pod(node))
        self.stage.show(table)
        self.stage.done("pods start, and the registry's log has each node asking", time.monotonic() - start)

    def pod(self, node: Node) -> tuple[str, str, str, str]:
        node.run(["crictl", "rmi", IMAGE])
        mark = self.testbed.registry.mark()
        pod = node.pod()
        if pod.sandbox_image != IMAGE or pod.state != "SANDBOX_READY":
            raise DemoFailed(f"{node.name} started {pod}, not a pod with {IMAGE}.")
        self.answer(node, mark)
        return node.name, f"[green]{pod.state}[/green]", pod.address, pod.sandbox_image

    def farewell(self, seconds: float) -> None:
        self.stage.heading("Yours now", f"all of it took {seconds:.0f} s, and the nodes stay up")
        here = short(self.directory)
        self.stage.offer("log in to a node", f"ssh -F {short(self.testbed.keys.config)} node-2-3")
        self.stage.offer(
            "change the variables beside the inventory, and run it again",
            f"tests/tools/env ansible-playbook -i {here}/inventory.ini {PLAYBOOK}",
        )
        self.stage.offer("read what Ansible said", f"less {here}/first-run.log")
        self.stage.offer("clean up", "make demo-clean")

    # How they are done

    def write_files(self) -> None:
        """The example as a user would keep it: variables and CA beside the inventory."""
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(EXAMPLE, self.directory)
        shutil.copy(paths.state() / "pki" / "ca.pem", self.directory / "corp-ca.pem")
        shutil.copy(self.testbed.inventory, self.directory / "inventory.ini")

    def play(self, name: str) -> tuple[Play, float]:
        self.stage.command(f"ansible-playbook -i inventory.ini {PLAYBOOK}")
        start = time.monotonic()
        with self.stage.live():
            play, status = self._ansible(self.directory / f"{name}.log")
        missing = {node.name for node in self.testbed.nodes()} - set(play.recap)
        if status or missing:
            raise DemoFailed(f"ansible-playbook ended with {status}. All it said is in {self.directory / name}.log.")
        return play, time.monotonic() - start

    def _ansible(self, log: Path) -> tuple[Play, int]:
        play = Play()
        # The log is what a person would see, and is read by line: no colours, no other callback.
        looks = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_STDOUT_CALLBACK": "default"}
        env = {**os.environ, **looks, "PYTHONUNBUFFERED": "1"}
        command = ["ansible-playbook", "--diff", "-i", "inventory.ini", PLAYBOOK]
        with (
            log.open("w") as copy,
            subprocess.Popen(
                command, cwd=self.directory, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process,
        ):
            for line in t.cast("t.IO[str]", process.stdout):
                copy.write(line)
                play.read(line.rstrip())
                self.stage.hint(play.task)
        if process.returncode:
            self.stage.quote(_tail(log))
        return play, process.returncode


def _containerd(node: Node) -> str:
    return node.run(["containerd", "--version"]).checked("containerd --version").split()[2]


def _config_version(node: Node) -> str:
    found = re.search(r"^version = (\d+)", node.run(["cat", "/etc/containerd/config.toml"]).stdout, re.MULTILINE)
    return found[1] if found else "none"


def _system(node: Node) -> str:
    return node.shell('. /etc/os-release && echo "${NAME%% *} $VERSION_ID"').stdout.strip()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-TAIL_LINES:])
