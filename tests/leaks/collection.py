# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection on nodes, as from a user's terminal: the role that closes them, the audit that judges them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes import paths
from nodes.registry import FACES, HOST, HUB

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
POD_IMAGE = "registry.k8s.io/pause:3.10"
SECONDS = 600


@dataclass(frozen=True)
class Said:
    """What the audit says of one registry on one node."""

    verdict: str
    reason: str
    rule: str = ""
    place: str = ""

    def __str__(self) -> str:
        place = ", ".join(f"`{part}`" for part in (self.rule, self.place) if part)
        return f"{self.verdict}: {place}" if place and self.verdict != "closed" else self.verdict


def variables() -> dict[str, t.Any]:
    """A closed node: no registry but the private one, for any image."""
    ca = os.path.relpath(paths.state() / "pki" / "ca.pem", HERE)
    first = {"url": f"https://{HOST}:{FACES['tls']}/v2/k8s", "override_path": True, "capabilities": ["pull", "resolve"]}
    return {
        "containerd_sandbox_image": POD_IMAGE,
        "containerd_registries": [
            {"namespace": "registry.k8s.io", "fallback": False, "hosts": [{**first, "ca": ca}]},
            {
                "namespace": "docker.io",
                "fallback": False,
                "hosts": [{"url": f"https://{HUB}:{FACES['tls']}", "ca": ca}],
            },
            {"namespace": "_default", "fallback": False, "hosts": [{"url": f"http://{HOST}:{FACES['plain']}"}]},
        ],
        # Not that of pods: containerd itself is to get it from the private registry.
        "containerd_verify_images": ["docker.io/library/hello-world:latest"],
        "containerd_verify_closed": True,
    }


def close(inventory: Path, nodes: Sequence[str]) -> None:
    command = ["ansible-playbook", "--inventory", str(inventory), "--limit", ",".join(nodes)]
    done = _run([*command, "--extra-vars", json.dumps(variables()), str(HERE / "play.yml")])
    if done.returncode:
        raise RuntimeError(f"the role did not close the nodes: {done.stdout[-4000:]}{done.stderr[-2000:]}")


def audit(inventory: Path, nodes: Sequence[str], registry: str) -> dict[str, Said]:
    """What the module says of a registry, by node; of no image, since nobody has asked for any yet."""
    results = _module(inventory, nodes, "containerd_registry_info", {"trusted_registries": [HOST, HUB]})
    return {node: said_of(result, registry) for node, result in results.items()}


def _module(
    inventory: Path, nodes: Sequence[str], name: str, arguments: Mapping[str, t.Any]
) -> dict[str, dict[str, t.Any]]:
    with tempfile.TemporaryDirectory() as directory:
        command = ["ansible", "k8s_nodes", "--inventory", str(inventory), "--limit", ",".join(nodes)]
        module = ["--module-name", f"airgap.nodes.{name}", "--args", json.dumps(arguments)]
        done = _run([*command, *module, "--tree", directory])
        return {node: _result(Path(directory) / node, done) for node in nodes}


def _result(file: Path, done: subprocess.CompletedProcess[str]) -> dict[str, t.Any]:
    if not file.exists():
        raise RuntimeError(f"the audit did not end: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return t.cast("dict[str, t.Any]", json.loads(file.read_text()))


def said_of(result: Mapping[str, t.Any], registry: str) -> Said:
    """Of the registry; of the node as a whole where it says nothing of that."""
    if result.get("failed"):
        return Said("failed", str(result.get("msg", "")))
    found = next((route for route in result["routes"] if route["namespace"] == registry), None)
    if found is None:
        return Said(result["verdict"], result["reason"])
    line = f":{found['line']}" if found.get("line") else ""
    # Nearly all of it lies there.
    file = (found["file"] or "").removeprefix("/etc/containerd/")
    return Said(found["verdict"], found["reason"], found["rule"] or "", f"{file}{line}" if file else "")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_HOST_KEY_CHECKING": "true"},
        check=False,
    )
