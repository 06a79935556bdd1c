# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit of a thousand nodes costs the controller, and what its page costs the reader.

Nodes of a few dozen kinds, each a tree of files with fifty namespaces, are judged as containerd_registry_info does it.
Then the playbook airgap.nodes.audit runs over a thousand hosts, each of which is answered for by one of these
judgements, so that everything is real but the connection to a node. Its page is opened in Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
import types
import typing as t
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ["AIRGAP_NODES_STATE"]).resolve()
WORK = STATE / "bench" / "audit"
COLLECTION = Path("ansible_collections/airgap/nodes")
TREE = "/etc/containerd/certs.d"
CLOSED = 'server = "https://registry.example.com"\n[host."https://registry.example.com/v2/{}"]\noverride_path = true\n'
# Ways to be open, by what stands in the namespace's hosts.toml; without any, the file is not there.
TRAPS = {
    "decode": CLOSED + 'capabilities = ["resolv"]\n',
    "no server": '[host."https://registry.example.com"]\n',
    "outside": 'server = "https://mirror.example.net"\n[host]\n',
    "empty": None,
}
RELEASES = ("1.6.20", "1.7.24", "2.1.5", "2.3.4")

Result = dict[str, t.Any]

# Takes the place of the module's action in a copy of the collection.
REPLAY = """
from __future__ import annotations
import json, pathlib, random
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        folder = pathlib.Path({folder!r})
        result = json.loads((folder / task_vars["bench_kind"]).read_text(encoding="utf-8"))
        # The pods of each node are others.
        chance = random.Random(task_vars["inventory_hostname"])
        names = chance.sample([route["namespace"] for route in result["routes"]], 25)
        result["images"] += [
            {{"image": f"{{name}}/app/service-{{chance.randint(1, 400)}}:1.0", "namespace": name, "used_by": ["cri"]}}
            for name in names
        ]
        return result
"""


@dataclass(frozen=True)
class Figure:
    title: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def is_missed(self) -> bool:
        return self.limit is not None and self.value > self.limit

    def __str__(self) -> str:
        target = f"  at most {self.limit:g} {'MISSED' if self.is_missed else 'ok'}" if self.limit else ""
        return f"{self.title:58}{self.value:9.2f} {self.unit:3}{target}"


# --- nodes


def namespaces(count: int) -> list[str]:
    public = ["docker.io", "registry.k8s.io", "k8s.gcr.io", "quay.io", "ghcr.io"]
    return [*public, *(f"team-{number:02}.example.org" for number in range(1, count))][:count]


def make_tree(folder: Path, chance: random.Random, width: int) -> None:
    """The files of one kind of node. Two in three are closed."""
    listed = namespaces(width)
    is_open = chance.random() < 1 / 3
    traps = {name: chance.choice(sorted(TRAPS)) for name in chance.sample(listed, 5)} if is_open else {}
    config = folder / "etc/containerd/config.toml"
    config.parent.mkdir(parents=True)
    table = 'plugins."io.containerd.grpc.v1.cri"'
    image = 'sandbox_image = "registry.example.com/k8s/pause:3.10"'
    config.write_text(f'version = 2\n[{table}]\n{image}\n[{table}.registry]\nconfig_path = "{TREE}"\n', "utf-8")
    for name in listed:
        text = TRAPS[traps[name]] if name in traps else CLOSED
        place = folder / TREE.lstrip("/") / name
        place.mkdir(parents=True)
        if text is not None:
            (place / "hosts.toml").write_text(text.replace("{}", name), "utf-8")


def judge(folder: Path, release: str) -> Result:
    """As the module does it for a tree that was copied from elsewhere, without a connection."""
    from ansible_collections.airgap.nodes.plugins.action import containerd_registry_info  # noqa: PLC0415
    from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files  # noqa: PLC0415

    options = {"trusted_registries": ["registry.example.com"], "root": str(folder), "containerd_version": release}
    task = types.SimpleNamespace(
        args=options, action="containerd_registry_info", async_val=0, check_mode=False, diff=False, no_log=False
    )
    context = types.SimpleNamespace(no_log=False)
    connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
    action: t.Any = containerd_registry_info.ActionModule(task, connection, None, None, None, None)

    def read(*, module_args: Result, **_rest: t.Any) -> Result:
        lists: Result = {"files": [], "globs": [], "directories": [], "max_bytes": 1 << 20}
        return {**read_files({**lists, **module_args}), "programs": {}, "unit": None, "images": None}

    action._execute_module = read
    result: Result = action.run(None, {})
    if result.get("failed"):
        sys.exit(f"the judgement of {folder} failed: {result['msg']}")
    return result


def make_kinds(kinds: int, width: int) -> tuple[list[str], list[float]]:
    """The judgements, as files for the replay, and how long each took."""
    chance = random.Random(1)  # noqa: S311 (the same nodes each time)
    names, seconds = [], []
    for number in range(kinds):
        tree = WORK / "trees" / str(number)
        make_tree(tree, chance, width)
        start = time.perf_counter()
        result = judge(tree, chance.choice(RELEASES))
        seconds.append(time.perf_counter() - start)
        names.append(f"{number}.json")
        (WORK / names[-1]).write_text(json.dumps(result), "utf-8")
    return names, seconds


# --- the controller


def make_collection() -> None:
    """The installed collection, but for who answers for a node."""
    shutil.copytree(STATE / "installed", WORK / "collections", symlinks=True)
    action = WORK / "collections" / COLLECTION / "plugins/action/containerd_registry_info.py"
    action.write_text(REPLAY.format(folder=str(WORK)), "utf-8")


def make_inventory(nodes: int, kinds: list[str]) -> Path:
    chance = random.Random(2)  # noqa: S311
    lines = [f"node-{number:04} bench_kind={chance.choice(kinds)}" for number in range(1, nodes + 1)]
    # Names and not roots: some nodes are not there.
    lines[7] = "node-0008 bench_kind=missing"
    path = WORK / "inventory.ini"
    path.write_text("[k8s_nodes]\n" + "\n".join(lines) + "\n", "utf-8")
    return path


def run_playbook(inventory: Path) -> tuple[float, float, float]:
    """Seconds in all and of the report alone, and the megabytes of the largest process."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(WORK / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_LOG_PATH": str(WORK / "ansible.log"),
    }
    command = ["ansible-playbook", "-i", str(inventory), "airgap.nodes.audit", "-e", "containerd_audit_fail_on=never"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=WORK, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"the playbook failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return seconds, _between(WORK / "ansible.log", "TASK [Make the report]", "TASK [Say it]"), megabytes


def _between(log: Path, first: str, second: str) -> float:
    """Ansible's own log says to the millisecond when each task began."""
    moments = {}
    for line in log.read_text("utf-8").splitlines():
        for mark in (first, second):
            if mark in line:
                day, clock = line.split()[:2]
                whole, _comma, part = clock.partition(",")
                moments[mark] = time.mktime(time.strptime(f"{day} {whole}", "%Y-%m-%d %H:%M:%S")) + int(part) / 1000
    return moments[second] - moments[first]


# --- the page


def look_at(page: Path) -> list[Figure]:
    from audit.browser import Browser  # noqa: PLC0415

    browser = Browser.start()
    try:
        paints, drawn = [], []
        for _turn in range(5):
            opened = browser.open(page)
            opened.settle()
            script = "performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)[0]"
            opened.wait(script)
            paints.append(opened.run(script) / 1000)
            drawn.append(opened.run("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
            opened.close()
    finally:
        browser.stop()
    return [
        Figure("page, first paint in Chromium", statistics.median(paints), "s", 1),
        Figure("page, matrix is there", statistics.median(drawn), "s"),
    ]


def figures(nodes: int, width: int, kinds: int) -> list[Figure]:
    names, judged = make_kinds(kinds, width)
    make_collection()
    whole, report, memory = run_playbook(make_inventory(nodes, names))
    sizes = {kind: (WORK / f"airgap-audit.{kind}").stat().st_size / 1e6 for kind in ("html", "json", "sarif")}
    return [
        Figure("judging one node", statistics.median(judged) * 1000, "ms"),
        Figure("the whole playbook, nodes that answer at once", whole, "s"),
        Figure("of that the report", report, "s", 10),
        Figure("memory of the controller's largest process", memory, "MB", 500),
        Figure("page", sizes["html"], "MB", 5),
        Figure("JSON", sizes["json"], "MB"),
        Figure("SARIF", sizes["sarif"], "MB"),
        *look_at(WORK / "airgap-audit.html"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=1000, help="how many nodes (default: 1000)")
    parser.add_argument("--namespaces", type=int, default=50, help="how many namespaces each has (default: 50)")
    parser.add_argument("--kinds", type=int, default=24, help="of how many kinds the nodes are (default: 24)")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    import clone  # noqa: F401, PLC0415

    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    found = figures(arguments.nodes, arguments.namespaces, arguments.kinds)
    summary = json.loads((WORK / "airgap-audit.json").read_text("utf-8"))["summary"]
    print(
        f"{arguments.nodes} nodes of {arguments.kinds} kinds, {arguments.namespaces} namespaces: {summary['nodes']}\n"
    )
    print("\n".join(map(str, found)))
    return 1 if any(figure.is_missed for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
