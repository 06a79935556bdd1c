# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes made of a table of files, read by the node's own code below a root, and judged."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action.containerd_registry_info import ActionModule
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files

Raw = dict[str, t.Any]

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
V2 = f'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{TREE}"\n'
SANDBOX = 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "registry.example.com/pause:3.10"\n'
CLOSED = 'server = "https://registry.example.com"\n[host]\n'
NAMESPACES = ("docker.io", "registry.k8s.io", "k8s.gcr.io")


class Node:
    """Files below a directory of this machine, and what the programs of a node would say."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.version: str | None = "1.7.24"
        self.images: Raw = {"names": [], "error": None}
        self.unit: Raw | None = {
            "load_state": "loaded",
            "active_state": "active",
            "main_pid": 7,
            "started": 4102444800.0,
            "exec_start": ["/usr/bin/containerd"],
        }
        self.asked: list[Raw] = []

    def write(self, path: str, text: str) -> pathlib.Path:
        place = self.directory / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def close(self, *namespaces: str) -> None:
        self.write(CONFIG, V2)
        for namespace in namespaces or NAMESPACES:
            self.write(f"{TREE}/{namespace}/hosts.toml", CLOSED)

    def run(self, *, check: bool = False, **options: t.Any) -> Raw:
        task = types.SimpleNamespace(
            args={"trusted_registries": ["registry.example.com"], **options},
            action="airgap.nodes.containerd_registry_info",
            async_val=0,
            check_mode=check,
            diff=True,
            no_log=False,
        )
        self.context = types.SimpleNamespace(no_log=False)
        connection = types.SimpleNamespace(_play_context=self.context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
        action = ActionModule(task, connection, None, None, None, None)
        action._execute_module = self._execute  # type: ignore[method-assign]
        action._remove_tmp_path = lambda _path: None  # type: ignore[method-assign]
        self.asked = []
        return t.cast("Raw", action.run(None, {}))

    def _execute(self, *, module_name: str, module_args: Raw, task_vars: Raw) -> Raw:
        assert (module_name, task_vars) == ("airgap.nodes._node_read", {})
        assert self.context.no_log
        self.asked.append(module_args)
        lists: Raw = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}
        root = {"root": str(self.directory)}
        answer = read_files({**lists, **module_args, **root})
        if "programs" not in module_args:
            return {**answer, "images": None}
        program = {"path": "/usr/bin/containerd", "version": self.version, "output": ""} if self.version else None
        return {**answer, "programs": {"containerd": program}, "unit": self.unit, "images": self.images}


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    return Node(tmp_path)


def routes(result: Raw) -> dict[str, str]:
    return {route["namespace"]: route["verdict"] for route in result["routes"]}


def test_a_closed_node_is_one_round_trip(node: Node) -> None:
    node.close()
    result = node.run()
    assert (result["changed"], result["verdict"]) == (False, "closed")
    assert len(node.asked) == 1


def test_an_empty_node_is_open(node: Node) -> None:
    result = node.run()
    assert (result["verdict"], routes(result)) == ("open", dict.fromkeys(sorted(NAMESPACES), "open"))
