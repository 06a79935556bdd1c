# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way on the controller; what the node saw of each pull is made up."""

from __future__ import annotations

import base64
import types
import typing as t

from ansible_collections.airgap.nodes.plugins.action.containerd_canary import ActionModule

Raw = dict[str, t.Any]

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
MIRROR = "m.example.com"
CLOSED = f'server = "https://{MIRROR}"\n[host]\n'
REGISTRIES = [
    {"namespace": "registry.k8s.io", "fallback": False, "hosts": [{"url": f"https://{MIRROR}"}]},
    {"namespace": "docker.io", "fallback": True},
]


def host(name: str, **more: t.Any) -> Raw:
    return {"host": name, "scheme": "", "answer": "404 Not Found", "is_endpoint": True, "is_sure": False, **more}


def walk(*hosts: Raw, namespace: str = "registry.k8s.io", **more: t.Any) -> Raw:
    known = {"begun": True, "ended": True, "has_gap": False, "is_whole": True, "answered": False, "error": "not found"}
    image = f"{namespace}/airgap-nodes-canary/17@sha256:{'0' * 64}"
    return {"namespace": namespace, "image": image, **known, "asked": list(hosts), **more}


def text(content: str) -> Raw:
    return {"kind": "file", "content": base64.b64encode(content.encode()).decode(), "mtime": 1.0}


class Node:
    """What the modules answer, look by look, and what they were asked."""

    def __init__(self, *looks: list[Raw], config: str = f'config_path = "{TREE}"', hosts: str = CLOSED) -> None:
        self.looks = list(looks)
        self.config = f'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n{config}\n'
        self.hosts = hosts
        self.calls: list[tuple[str, Raw]] = []

    def run(self, *, check: bool = False, **options: t.Any) -> Raw:
        task = types.SimpleNamespace(
            args=options, action="containerd_canary", async_val=0, check_mode=check, diff=False, no_log=False
        )
        context = types.SimpleNamespace(no_log=False)
        connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
        action = ActionModule(task, connection, None, None, None, None)
        action._execute_module = self._execute  # type: ignore[method-assign]
        action._remove_tmp_path = lambda _path: None  # type: ignore[method-assign]
        return t.cast("Raw", action.run(None, {}))

    def _execute(self, *, module_name: str, module_args: Raw, task_vars: Raw) -> Raw:
        del task_vars
        self.calls.append((module_name.removeprefix("airgap.nodes."), module_args))
        return self._read(module_args) if module_name.endswith("_node_read") else {"walks": self.looks.pop(0)}

    def _read(self, asked: Raw) -> Raw:
        absent, directory = {"kind": "absent"}, {"kind": "directory"}
        hosts = {f"{TREE}/registry.k8s.io/hosts.toml": text(self.hosts)}
        entries = {"registry.k8s.io": directory}
        return {
            "files": {path: text(self.config) if path == CONFIG else absent for path in asked.get("files", ())},
            "globs": {pattern: hosts if TREE in pattern else {} for pattern in asked.get("globs", ())},
            "directories": {path: {"self": directory, "entries": entries} for path in asked.get("directories", ())},
            "programs": {"containerd": {"path": "/usr/bin/containerd", "version": "1.7.24", "output": ""}},
            "unit": {"exec_start": ["/usr/bin/containerd"], "started": 2.0, "main_pid": 7, "load_state": "loaded"},
        }

    @property
    def names(self) -> list[str]:
        return [name for name, _arguments in self.calls]


def test_what_is_closed_takes_two_round_trips() -> None:
    node = Node([walk(host(MIRROR))])
    result = node.run(registries=REGISTRIES)
    assert (result["verdict"], result["is_failed"], result["changed"]) == ("closed", False, False)
    assert result["trusted_registries"] == [MIRROR]
    assert node.names == ["_node_read", "_node_canary"]
    assert node.calls[1][1] == {
        "namespaces": ["registry.k8s.io"],
        "runtime_endpoint": "unix:///run/containerd/containerd.sock",
        "unit": "containerd.service",
        "seconds": 60,
    }


def test_a_directory_that_hides_default_is_tried_too() -> None:
    """It is anybody's; whoever closes all other registries means this one too."""
    for_all = {**REGISTRIES[0], "namespace": "_default"}
    image = f"airgap-nodes-canary.invalid/17@sha256:{'0' * 64}"
    others = walk(host(MIRROR), namespace="_default", image=image)
    leaks = walk(host("registry.k8s.io"))
    node = Node([others, leaks], [others, leaks], [others, leaks])
    assert node.run(registries=[for_all])["verdict"] == "open"
    assert node.calls[1][1]["namespaces"] == ["_default", "registry.k8s.io"]
    listed = Node([others], [others], [others])
    listed.run(registries=[for_all, {"namespace": "registry.k8s.io", "fallback": True}])
    assert listed.calls[1][1]["namespaces"] == ["_default"]


def test_what_leaks_is_told_with_host_and_file() -> None:
    hosts = f'server = "https://registry.k8s.io"\n[host."https://{MIRROR}"]\n'
    node = Node([walk(host(MIRROR), host("registry.k8s.io", is_sure=True))], hosts=hosts)
    result = node.run(registries=REGISTRIES)
    assert (result["failed"], result["is_failed"], result["verdict"]) == (True, True, "open")
    assert result["msg"].startswith(
        "registry.k8s.io: containerd asked registry.k8s.io, outside the trusted registries."
    )
    assert f"See {TREE}/registry.k8s.io/hosts.toml" in result["msg"]
    assert result["namespaces"][0]["asked"][1] == {
        "host": "registry.k8s.io",
        "trusted": False,
        "answer": "404 Not Found",
    }
    assert node.names == ["_node_read", "_node_canary"]


def test_a_line_of_another_pull_is_not_there_the_next_time() -> None:
    node = Node([walk(host(MIRROR), host("quay.io"))], [walk(host(MIRROR))])
    assert node.run(registries=REGISTRIES)["verdict"] == "closed"
    assert node.names == ["_node_read", "_node_canary", "_node_canary"]


def test_a_line_that_is_there_each_time_is_ours() -> None:
    node = Node(*[[walk(host(MIRROR), host("quay.io"))]] * 3)
    assert node.run(registries=REGISTRIES)["verdict"] == "open"
    assert node.names == ["_node_read", *["_node_canary"] * 3]


def test_a_look_that_tells_less_does_not_count() -> None:
    node = Node([walk(host(MIRROR), host("quay.io"))], *[[walk(host(MIRROR), is_whole=False)]] * 2)
    assert node.run(registries=REGISTRIES)["verdict"] == "open"


def test_files_that_cannot_be_read_are_told_and_prove_nothing() -> None:
    node = Node([walk(host(MIRROR))], config="config_path = [")
    result = node.run(registries=REGISTRIES)
    assert result["verdict"] == "unknown"
    assert result["warnings"][0].startswith("What the files say cannot be told: /etc/containerd/config.toml:")


def test_in_check_mode_nobody_is_asked() -> None:
    node = Node()
    assert node.run(registries=REGISTRIES, check=True)["namespaces"] == []
    assert node.calls == []


def test_without_a_namespace_to_be_closed_nobody_is_asked() -> None:
    node = Node()
    result = node.run(registries=REGISTRIES[1:])
    assert (result["namespaces"], result["is_failed"], "verdict" in result) == ([], False, False)
    assert node.calls == []


def test_a_timeout_that_is_none_is_an_error() -> None:
    result = Node().run(registries=REGISTRIES, timeout=0)
    assert result["msg"] == "timeout: has to be 1 or more, it is 0."
