# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes made of a table of files, read by the node's own code below a root, and judged."""

from __future__ import annotations

import os
import pathlib
import time
import types
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action.containerd_registry_info import ActionModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import RESTART_MARK
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files

Raw = dict[str, t.Any]

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
V2 = f'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{TREE}"\n'
CLOSED = 'server = "https://registry.example.com"\n[host]\n'
V3 = V2.replace("version = 2", "version = 3").replace("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images")
SANDBOX = V2 + '[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "registry.example.com/pause:3.10"\n'
PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
PAUSE = "registry.k8s.io/pause:3.8"
NAMESPACES = ("docker.io", "registry.k8s.io", "k8s.gcr.io")
# Root reads everything, but for a symlink that leads out of a copied tree.
CLOSED_DOOR = "a symlink leads out of the tree"


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
        # What the action is to say of a root; the files are below a directory in any case.
        self.root: str | None = None
        self.answers: dict[str, Raw] = {}

    def write(self, path: str, text: str) -> pathlib.Path:
        place = self.directory / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def unreadable(self, path: str) -> None:
        place = self.directory / path.lstrip("/")
        place.rename(place.with_name("elsewhere"))
        place.symlink_to("../" * 20 + "nowhere")

    def close(self, *namespaces: str) -> None:
        self.write(CONFIG, V2)
        self.close_tree(*namespaces)

    def close_tree(self, *namespaces: str) -> None:
        for namespace in namespaces or NAMESPACES:
            self.write(f"{TREE}/{namespace}/hosts.toml", CLOSED)

    def recorded(self) -> Node:
        """The same with an answer that is there already, so that only the controller takes time."""
        self.run()
        self.answers = {str(asked): self._answer(asked) for asked in self.asked}
        return self

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
        assert module_args.get("root") == self.root
        return self.answers.get(str(module_args)) or self._answer(module_args)

    def _answer(self, module_args: Raw) -> Raw:
        lists: Raw = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}
        answer = read_files({**lists, **module_args, "root": str(self.directory)})
        if "programs" not in module_args:
            return {**answer, "images": None}
        program = {"path": "/usr/bin/containerd", "version": self.version, "output": ""} if self.version else None
        return {**answer, "programs": {"containerd": program}, "unit": self.unit, "images": self.images}


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    return Node(tmp_path)


def routes(result: Raw) -> dict[str, str]:
    return {route["namespace"]: route["verdict"] for route in result["routes"]}


def found(result: Raw) -> set[str]:
    return {finding["id"] for finding in result["findings"]}


def route(result: Raw, namespace: str) -> Raw:
    (one,) = (each for each in result["routes"] if each["namespace"] == namespace)
    return t.cast("Raw", one)


def used(result: Raw) -> dict[str, list[str]]:
    return {each["image"]: each["used_by"] for each in result["images"]}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_a_closed_node_is_one_round_trip(node: Node, check: bool) -> None:
    node.close()
    result = node.run(check=check)
    assert (result["changed"], result["verdict"]) == (False, "closed")
    assert result["reason"] == "Nobody but trusted registries is asked, on the 3 routes that are listed."
    assert len(node.asked) == 1
    assert (node.asked[0]["programs"], node.asked[0]["unit"]) == (["containerd"], "containerd.service")


def test_an_empty_node_is_open(node: Node) -> None:
    result = node.run()
    assert (result["verdict"], routes(result)) == ("open", dict.fromkeys(sorted(NAMESPACES), "open"))
    # What containerd itself pulls comes before everything else.
    assert result["reason"].startswith("registry.k8s.io: ")
    assert (result["config"]["sandbox_image"], result["config"]["sandbox_image_is_default"]) == (PAUSE, True)
    assert len(node.asked) == 1


@pytest.mark.parametrize("name", NAMESPACES)
def test_one_route_that_is_open_is_enough(node: Node, name: str) -> None:
    node.close()
    (node.directory / TREE.lstrip("/") / name / "hosts.toml").unlink()
    result = node.run()
    assert (result["verdict"], list(routes(result).values()).count("open")) == ("open", 1)
    assert result["reason"].startswith(f"{name}: ")
    assert (route(result, name)["rule"], "hosts-toml-missing" in found(result)) == ("hosts-toml-missing", True)


def test_pulls_that_fail_are_closed_and_told(node: Node) -> None:
    node.close()
    node.write(f"{TREE}/docker.io/hosts.toml", f'ca = "none.pem"\n{CLOSED}')
    result = node.run()
    assert result["reason"] == (
        "Nobody but trusted registries is asked, on the 3 routes that are listed; every pull fails on 1 of them."
    )
    assert (route(result, "docker.io")["endpoints"], "pull-file-missing" in found(result)) == ([], True)


def test_what_is_told_of_containerd(node: Node) -> None:
    node.close()
    node.write("/etc/containerd/conf.d/a.toml", "version = 2\n")
    node.write(CONFIG, f'imports = ["conf.d/*.toml"]\n{V2}')
    result = node.run()
    assert result["containerd"] == {
        "version": "1.7.24",
        "treated_as": "1.7.24",
        "config_file": CONFIG,
        "config_files": [CONFIG, "/etc/containerd/conf.d/a.toml"],
        "unit": "containerd.service",
        "running": True,
        "started": "2100-01-01T00:00:00Z",
    }
    assert (result["config"]["config_path"], result["config"]["directories"]) == (TREE, [TREE])
    node.unit = {**(node.unit or {}), "main_pid": 0, "started": 0.0}
    assert [node.run()["containerd"][key] for key in ("running", "started")] == [False, None]
    node.unit = None
    assert [node.run()["containerd"][key] for key in ("running", "started")] == [None, None]


def test_what_is_told_of_a_route(node: Node) -> None:
    node.close()
    node.write(f"{TREE}/docker.io/ca.pem", PEM)
    node.write(f"{TREE}/docker.io/node.pem", PEM)
    node.write("/srv/node.key", PEM.replace("CERTIFICATE", "PRIVATE KEY"))
    node.write(
        f"{TREE}/docker.io/hosts.toml",
        """
[host."http://192.0.2.7:5000/v2/hub"]
  capabilities = ["pull"]
  override_path = true
[host."https://registry.example.com"]
  ca = "ca.pem"
  client = [["node.pem", "/srv/node.key"]]
  skip_verify = true
[host."https://registry.example.com".header]
  Authorization = "Basic aHVudGVyMg=="
""",
    )
    one = route(node.run(trusted_registries=["registry.example.com", "192.0.2.0/24"]), "docker.io")
    assert (one["verdict"], one["file"], one["why_listed"]) == (
        "open",
        f"{TREE}/docker.io/hosts.toml",
        ["always", "configured"],
    )
    cache, registry, hub = one["endpoints"]
    assert cache == {
        "url": "http://192.0.2.7:5000/v2/hub",
        "scheme": "http",
        "host": "192.0.2.7:5000",
        "path": "/v2/hub",
        "capabilities": ["pull"],
        "tags": False,
        "manifests": True,
        "blobs": True,
        "trusted": True,
        "upstream": False,
        "ca": [],
        "client": [],
        "skip_verify": False,
        "headers": [],
    }
    assert [registry[key] for key in ("ca", "client", "skip_verify", "headers")] == [
        [f"{TREE}/docker.io/ca.pem"],
        [[f"{TREE}/docker.io/node.pem", "/srv/node.key"]],
        True,
        ["Authorization"],
    ]
    assert [hub[key] for key in ("host", "upstream", "trusted", "tags")] == ["registry-1.docker.io", True, False, True]


def test_the_registries_without_an_entry_have_an_endpoint_too(node: Node) -> None:
    node.close("_default")
    node.write(f"{TREE}/_default/hosts.toml", '[host."https://registry.example.com"]\n')
    endpoints = route(node.run(), "_default")["endpoints"]
    assert [(each["url"], each["trusted"]) for each in endpoints] == [
        ("https://registry.example.com/v2", True),
        ("https://*/v2", False),
    ]


# --- which registries are trusted

REGISTRIES: list[Raw] = [
    {
        "namespace": "docker.io",
        "fallback": True,
        "hosts": [{"url": "https://hub-cache.example.com:5000/v2/hub", "override_path": True}],
    },
    {
        "namespace": "registry.k8s.io",
        "fallback": False,
        "hosts": [{"url": "https://mirror.example.com", "header": {"Authorization": "Basic aHVudGVyMg=="}}],
        "server": "https://registry.example.com",
    },
]


def test_the_hosts_that_registries_name_are_trusted(node: Node) -> None:
    node.close()
    result = node.run(trusted_registries=[], registries=REGISTRIES)
    hosts = ["hub-cache.example.com:5000", "mirror.example.com", "registry.example.com"]
    assert (result["trusted_registries"], result["verdict"]) == (hosts, "closed")
    assert "aHVudGVyMg" not in str(result)


def test_an_upstream_is_not_trusted_because_it_is_allowed(node: Node) -> None:
    node.close()
    node.write(f"{TREE}/docker.io/hosts.toml", '[host."https://hub-cache.example.com:5000"]\n')
    assert routes(node.run(trusted_registries=[], registries=REGISTRIES))["docker.io"] == "open"


def test_trusted_registries_come_before_registries(node: Node) -> None:
    node.close()
    assert node.run(registries=REGISTRIES)["trusted_registries"] == ["registry.example.com"]


BAD_OPTIONS: dict[str, tuple[Raw, str]] = {
    "nobody is trusted": (
        {"trusted_registries": []},
        "trusted_registries and registries are both empty, so it is unknown which registries may be asked. "
        "Name the hosts that you control: trusted_registries: [registry.example.com].",
    ),
    "no entry for a registry": (
        {"trusted_registries": [], "registries": [{"namespace": "docker.io"}]},
        "registries[0].fallback: is missing",
    ),
    "a bad network": ({"trusted_registries": ["192.0.2.0/99"]}, "trusted_registries[0]: '192.0.2.0/99' is neither"),
    "no image": ({"images": ["docker.io/a", "-rf"]}, "images[1]: '-rf' is no name of an image."),
    "a relative path": ({"path": "config.toml"}, "path: 'config.toml' is not an absolute path."),
    "a relative root": ({"root": "tree", "containerd_version": "1.7.24"}, "root: 'tree' is not an absolute path."),
    "a root for no release": ({"root": "/srv"}, "containerd_version: is needed with root: nothing in a copied tree"),
    "no release": ({"root": "/srv", "containerd_version": "new"}, "containerd_version: 'new' is not a containerd"),
    "a socket of TCP": ({"runtime_endpoint": "tcp://h:1"}, "runtime_endpoint: 'tcp://h:1' is no socket of this node."),
    "an unknown option": ({"trust": []}, "unsupported options: trust"),
}


@pytest.mark.parametrize(("options", "expected"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_bad_options(node: Node, options: Raw, expected: str) -> None:
    result = node.run(**options)
    assert result["failed"]
    assert result["msg"].startswith(expected)


# --- the release

UNKNOWN = {
    "not installed": (None, None, "containerd is not installed here, so it is unknown by whose rules to judge."),
    "another one": ("1.7.24", "2.1.5", "containerd_version: names 2.1.5, and this node has containerd 1.7.24."),
}


@pytest.mark.parametrize(("version", "named", "expected"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_it_is_unknown_by_whose_rules(node: Node, version: str | None, named: str | None, expected: str) -> None:
    node.version = version
    result = node.run(**({"containerd_version": named} if named else {}))
    assert result["failed"]
    assert result["msg"].startswith(expected)


def test_a_containerd_that_is_yet_to_come(node: Node) -> None:
    node.close()
    node.version = node.unit = None
    assert node.run(containerd_version="1.6.20")["containerd"]["version"] == "1.6.20"


def test_a_containerd_that_is_newer_than_known_is_judged_and_told(node: Node) -> None:
    node.write(CONFIG, V3)
    node.close_tree()
    node.version = "3.0.0"
    result = node.run()
    assert (result["verdict"], result["containerd"]["version"]) == ("closed", "3.0.0")
    assert result["containerd"]["treated_as"].startswith("2.")
    assert "release-unknown" in found(result)


def test_the_same_tree_is_read_otherwise_by_another_release(node: Node) -> None:
    node.close()
    node.write(f"{TREE}/docker.io/hosts.toml", 'server = "https://registry.example.com"\n')
    for version, verdict in {"1.7.31": "open", "1.7.32": "closed", "2.1.5": "closed"}.items():
        node.version = version
        assert node.run()["verdict"] == verdict, version


# --- what cannot be told is open

CONFIGS: dict[str, tuple[bytes, str, int | None, str]] = {
    "no TOML": (b"version = 2\n[a\n", "not valid TOML", 2, "config-not-toml"),
    "not UTF-8": (b"# caf\xe9\n", "not UTF-8", 1, "config-not-toml"),
    "too large": (b"#" * 1048577, "cannot be read: larger than 1048576 bytes, not read", None, "config-unreadable"),
    "a newer version": (b"version = 5\n", "config version 5 is newer", None, "config-version-unsupported"),
    "no version": (b'version = "2"\n', "'2' is not a config version", None, "containerd-does-not-start"),
    "a missing import": (
        b'imports = ["/srv/none.toml"]\n',
        "names /srv/none.toml, which is not there",
        1,
        "import-missing",
    ),
    "imports of no names": (b"imports = 1\n", "is not a list of file names", None, "import-missing"),
    "a mirror of no endpoints": (
        b'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."a"]\nendpoint = 1\n',
        "endpoint",
        None,
        "containerd-does-not-start",
    ),
}


@pytest.mark.parametrize(("content", "why", "line", "rule"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_config_toml_that_tells_nothing(node: Node, content: bytes, why: str, line: int | None, rule: str) -> None:
    node.close()
    node.write(CONFIG, "").write_bytes(content)
    result = node.run()
    assert "failed" not in result
    assert (result["verdict"], set(routes(result).values())) == ("open", {"open"})
    where = f"{CONFIG}:{line}" if line else CONFIG
    one = route(result, "docker.io")
    assert one["reason"].startswith(f"It cannot be told whether it is closed ({where}: ")
    assert why in one["reason"]
    assert (one["file"], one["line"], one["rule"], one["endpoints"]) == (CONFIG, line, rule, [])
    assert rule in found(result)


def test_a_directory_in_the_place_of_config_toml(node: Node) -> None:
    (node.directory / "etc" / "containerd" / "config.toml").mkdir(parents=True)
    result = node.run()
    assert "is not a file (directory)" in result["reason"]
    assert (result["config"]["sandbox_image"], found(result)) == ("", {"config-unreadable"})


@pytest.fixture
def outsider(node: Node) -> Node:
    """A node of which parts cannot be read, as for a user who is not root: symlinks that lead out of it."""
    node.close(*NAMESPACES, "registry.example.com")
    return node


def test_an_unreadable_config_toml(outsider: Node) -> None:
    outsider.unreadable(CONFIG)
    result = outsider.run()
    assert result["verdict"] == "open"
    assert result["reason"] == (
        f"docker.io: It cannot be told whether it is closed ({CONFIG}: cannot be read: {CLOSED_DOOR})."
    )
    assert found(result) == {"config-unreadable"}


@pytest.mark.parametrize("path", [TREE, f"{TREE}/docker.io", f"{TREE}/docker.io/hosts.toml"])
def test_a_tree_that_is_not_readable_is_not_closed(outsider: Node, path: str) -> None:
    outsider.unreadable(path)
    result = outsider.run()
    assert (result["verdict"], route(result, "docker.io")["verdict"]) == ("open", "open")
    assert "It cannot be told" in route(result, "docker.io")["reason"]
    others = {name: verdict for name, verdict in routes(result).items() if name != "docker.io"}
    assert set(others.values()) == ({"open"} if path == TREE else {"closed"})


def test_a_registry_that_is_trusted_may_be_sent_elsewhere_by_what_is_not_readable(outsider: Node) -> None:
    outsider.unreadable(f"{TREE}/registry.example.com")
    assert routes(outsider.run())["registry.example.com"] == "open"


def test_a_file_that_the_running_containerd_has_not_read(node: Node) -> None:
    node.close()
    node.unit = {**(node.unit or {}), "started": 1.0}
    result = node.run()
    assert (result["verdict"], result["reason"]) == (
        "open",
        "registry.k8s.io: It cannot be told whether it is closed, since containerd was started before "
        f"{CONFIG} was last changed.",
    )
    assert ({each["rule"] for each in result["routes"]}, "not-restarted" in found(result)) == ({"not-restarted"}, True)
    # What is known stays as it is.
    (node.directory / TREE.lstrip("/") / "docker.io" / "hosts.toml").unlink()
    assert route(node.run(), "docker.io")["rule"] == "hosts-toml-missing"


def test_a_containerd_that_does_not_run_reads_the_file_when_it_starts(node: Node) -> None:
    node.close()
    node.unit = {**(node.unit or {}), "started": 1.0, "main_pid": 0}
    assert node.run()["verdict"] == "closed"


# --- the images


def test_everybody_who_uses_images_is_asked(node: Node) -> None:
    node.close(*NAMESPACES, "quay.io")
    node.write(CONFIG, SANDBOX)
    node.images["names"] = ["docker.io/library/nginx:1.27", "quay.io/x/y@sha256:1", "bad name"]
    node.write("/etc/kubernetes/manifests/a.yaml", "spec: {containers: [{image: nginx:1.27}]}\n")
    node.write("/var/lib/kubelet/kubeadm-flags.env", "X=--pod-infra-container-image=registry.k8s.io/pause:3.9\n")
    node.write("/etc/kubernetes/kubeadm.yaml", "kind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n")
    result = node.run(images=["ghcr.io/a/b"])
    assert used(result) == {
        "docker.io/library/nginx:1.27": ["cri", "static pod /etc/kubernetes/manifests/a.yaml"],
        "ghcr.io/a/b:latest": ["asked"],
        "quay.io/x/y@sha256:1": ["cri"],
        "registry.example.com/pause:3.10": ["sandbox"],
        "registry.k8s.io/kube-apiserver:v1.30.1": ["kubeadm"],
        "registry.k8s.io/kube-controller-manager:v1.30.1": ["kubeadm"],
        "registry.k8s.io/kube-proxy:v1.30.1": ["kubeadm"],
        "registry.k8s.io/kube-scheduler:v1.30.1": ["kubeadm"],
        "registry.k8s.io/pause:3.9": ["kubelet", "kubeadm"],
    }
    assert {each["namespace"]: each["why_listed"] for each in result["routes"]} == {
        "docker.io": ["always", "configured", "in_use"],
        "ghcr.io": ["asked"],
        "k8s.gcr.io": ["always", "configured"],
        "quay.io": ["configured", "in_use"],
        "registry.example.com": ["sandbox"],
        "registry.k8s.io": ["always", "configured", "in_use"],
    }
    assert route(result, "quay.io")["images"] == ["quay.io/x/y@sha256:1"]
    assert (result["images_known"], result["images_unknown_reason"]) == (True, "")
    assert len(node.asked) == 1


NO_IMAGES = [
    "user:hunter2@registry.example.com/x:1",
    "https://registry.example.com/x",
    "X",
    "{{ image }}",
    "a@sha256:z",
]


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_name_of_an_image_is_pulled_from_nowhere(node: Node, name: str) -> None:
    node.close()
    node.images["names"] = [name]
    node.write("/etc/kubernetes/manifests/a.yaml", f"spec: {{containers: [{{image: '{name}'}}]}}\n")
    result = node.run()
    assert (list(used(result)), set(routes(result))) == ([PAUSE], set(NAMESPACES))
    message = node.run(images=[name])["msg"]
    assert message.startswith("images[0]: ")
    assert "is no name of an image. Write it as" in message
    assert "hunter2" not in message


def test_images_of_cri_that_are_not_known(node: Node) -> None:
    node.close()
    node.images = {"names": [], "error": "this user may not open it. Run the task with become."}
    result = node.run()
    assert (result["images_known"], result["images_unknown_reason"]) == (False, node.images["error"])
    # One of them may be of a registry that has no entry.
    assert (result["verdict"], routes(result)["_default"]) == ("open", "open")
    assert "the images in use are not known (this user may not open it. Run the task with become)" in result["reason"]
    node.close_tree("_default")
    assert node.run()["verdict"] == "closed"


def test_a_static_pod_that_nobody_can_read_is_told(node: Node) -> None:
    node.close()
    node.write("/etc/kubernetes/manifests/a.yaml", "spec: {")
    (one,) = (each for each in node.run()["findings"] if each["id"] == "not-judged")
    assert (one["severity"], one["file"]) == ("warning", "/etc/kubernetes/manifests/a.yaml")
    assert "it is not YAML" in one["message"]


# --- files in unusual places


def test_the_file_that_the_unit_names(node: Node) -> None:
    node.unit = {**(node.unit or {}), "exec_start": ["/usr/bin/containerd", "--config", "/srv/containerd.toml"]}
    node.write("/srv/containerd.toml", V2.replace(TREE, "/srv/certs.d/"))
    node.write("/srv/certs.d/_default/hosts.toml", CLOSED)
    result = node.run()
    assert (result["containerd"]["config_file"], result["verdict"]) == ("/srv/containerd.toml", "closed")
    assert len(node.asked) == 3


def test_a_file_that_was_put_back_with_its_old_time(node: Node) -> None:
    node.close()
    now = time.time()
    place = node.directory / CONFIG.lstrip("/")
    os.utime(place, (0, 0))
    node.unit["started"] = now - 60
    assert "containerd was started before" in node.run()["reason"]
    node.unit["started"] = now + 60
    assert node.run()["verdict"] == "closed"


def test_a_drop_in_that_was_taken_away(node: Node) -> None:
    node.close()
    node.write(CONFIG, f'imports = ["/etc/containerd/conf.d/*.toml"]\n{V2}')
    drop_in = node.write("/etc/containerd/conf.d/99.toml", "")
    node.unit["started"] = drop_in.parent.stat().st_ctime + 0.02
    time.sleep(0.05)
    assert node.run()["verdict"] == "closed"
    drop_in.unlink()
    assert "before /etc/containerd/conf.d was last changed" in node.run()["reason"]


def test_a_containerd_that_is_not_the_one_on_the_disk(node: Node) -> None:
    node.close()
    node.unit["main_replaced"] = True
    assert "was replaced by another one, and still runs" in node.run()["reason"]
    node.unit |= {"main_replaced": False, "main_command": ["/usr/bin/containerd", "-c", "/etc/other.toml"]}
    assert (
        "runs /usr/bin/containerd -c /etc/other.toml, and would now start /usr/bin/containerd" in node.run()["reason"]
    )
    node.unit["main_pid"] = 0
    assert node.run()["verdict"] == "closed"


def test_a_restart_that_somebody_left_out(node: Node) -> None:
    """The file can have an old time, and a restart be due: it was put back, and the run ended there."""
    node.close()
    node.write(RESTART_MARK, "invocation=a\n")
    node.unit["invocation"] = "b"
    assert node.run()["verdict"] == "closed"
    node.unit["invocation"] = "a"
    assert "containerd was started before" in node.run()["reason"]


def test_the_file_that_the_task_names_and_nobody_reads(node: Node) -> None:
    node.write(CONFIG, "broken")
    node.write("/srv/containerd.toml", V2)
    node.close_tree()
    result = node.run(path="/srv/containerd.toml")
    # A second time for symlinks by which the unit could mean the same.
    assert (result["verdict"], len(node.asked)) == ("open", 2)
    assert "has containerd read /etc/containerd/config.toml, and not /srv/containerd.toml" in result["reason"]


def test_a_unit_of_which_nobody_can_tell_what_it_reads(node: Node) -> None:
    node.close()
    assert node.run()["verdict"] == "closed"
    node.unit["exec_start"] = ["/usr/bin/containerd", "$CONTAINERD_OPTS"]
    result = node.run()
    assert (result["verdict"], "runs /usr/bin/containerd $CONTAINERD_OPTS" in result["reason"]) == ("open", True)
    # What runs tells it, or the task does.
    node.unit["main_command"] = ["/usr/bin/containerd", "--log-level=info"]
    assert node.run()["verdict"] == "closed"
    node.unit["main_command"] = []
    assert node.run(path=CONFIG)["verdict"] == "closed"


def test_a_tree_that_is_not_named_from_the_root(node: Node) -> None:
    node.write(CONFIG, V2.replace(TREE, "srv/certs.d"))
    node.write("/srv/certs.d/_default/hosts.toml", CLOSED)
    result = node.run()
    assert (result["verdict"], result["config"]["directories"]) == ("closed", ["/srv/certs.d"])


def test_a_certificate_elsewhere_is_looked_at_and_not_read(node: Node) -> None:
    node.close()
    hosts_toml = '[host."https://registry.example.com"]\nca = "/srv/ca.pem"\nclient = [["/srv/a.pem", "/srv/a.key"]]\n'
    node.write(f"{TREE}/docker.io/hosts.toml", f"{hosts_toml}")
    result = node.run()
    assert [asked.get("directories") for asked in node.asked[1:]] == [["/srv/a.key", "/srv/a.pem", "/srv/ca.pem"]]
    assert "pull-file-missing" in found(result)
    # Every pull fails before anybody is asked.
    assert routes(result)["docker.io"] == "closed"


def test_static_pods_elsewhere(node: Node) -> None:
    node.close()
    node.write("/var/lib/kubelet/config.yaml", "staticPodPath: /srv/pods\n")
    node.write("/srv/pods/a.yaml", "spec: {containers: [{image: quay.io/a}]}\n")
    assert "quay.io/a:latest" in used(node.run())
    assert len(node.asked) == 2


# --- a copied tree


def test_a_copied_tree(node: Node) -> None:
    node.close()
    node.version = None
    node.root = str(node.directory)
    result = node.run(root=node.root, containerd_version="1.7.24")
    assert (result["verdict"], result["containerd"]["version"], result["containerd"]["running"]) == (
        "closed",
        "1.7.24",
        None,
    )
    assert (result["images_known"], "copied tree" in result["images_unknown_reason"]) == (False, True)
    assert len(node.asked) == 1
    assert not node.asked[0].keys() & {"programs", "unit", "runtime_endpoint", "dumps", "journal_root"}
    assert {each["file"] for each in result["routes"]} == {f"{TREE}/{name}/hosts.toml" for name in NAMESPACES}


def test_every_reading_of_a_copied_tree_is_of_the_tree(node: Node) -> None:
    node.write("/srv/containerd.toml", V2.replace(TREE, "/srv/certs.d"))
    node.write("/srv/certs.d/_default/hosts.toml", CLOSED)
    node.root = str(node.directory)
    node.run(root=node.root, containerd_version="1.7.24", path="/srv/containerd.toml")
    assert [asked["root"] for asked in node.asked] == 2 * [node.root]


# --- secrets

SECRETS = ("hunter2", "aHVudGVyMg", "c2VjcmV0")


@pytest.mark.parametrize("version", ["1.6.20", "1.7.24", "2.1.5", "2.3.4"])
@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_no_secret_is_told(node: Node, version: str, broken: bool) -> None:
    node.version = version
    cri = 'plugins."io.containerd.grpc.v1.cri".registry'
    node.write(
        CONFIG,
        f"""version = 2
[{cri}]
[{cri}.mirrors."docker.io"]
  endpoint = ["https://user:hunter2@registry.example.com", "user:hunter2@registry.example.net"]
[{cri}.configs."registry.example.com".auth]
  username = "hunter2"
  password = "hunter2"
[{cri}.configs."https://user:hunter2@registry.example.org".auth]
  auth = "aHVudGVyMg=="
[{cri}.headers]
  Authorization = ["Basic aHVudGVyMg=="]
[stream_processors.x]
  args = ["--password=hunter2", "--token", "hunter2"]
  env = ["PASSWORD=hunter2"]
{'[broken = "hunter2"' if broken else ""}
""",
    )
    header = (
        '[host."https://registry.example.com".header]\nAuthorization = "Basic aHVudGVyMg=="\nX-Token = "c2VjcmV0"\n'
    )
    node.write(f"{TREE}/docker.io/hosts.toml", f'server = "https://u:hunter2@registry.example.com"\n{header}')
    node.write(f"{TREE}/quay.io/hosts.toml", f'[host."https://u:hunter2@registry.example.com/v2"]\n{header}')
    for config in (None, V2):
        if config:
            node.write(CONFIG, config)
        told = str(node.run())
        assert not [secret for secret in SECRETS if secret in told]


# --- sizes


def test_large_nodes_are_judged_in_no_time(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.close()
    for number in range(500):
        node.write(f"{TREE}/r{number}.example.com/hosts.toml", CLOSED)
    node.images["names"] = [f"r{number % 500}.example.com/app/{number}:1" for number in range(5000)]
    state = node.recorded()
    begun = time.process_time()
    result = state.run()
    taken = time.process_time() - begun
    with capsys.disabled():
        print(f"\n500 namespaces, 5,000 images: {taken:.2f} s of the controller")
    assert (result["verdict"], len(result["routes"]), len(result["images"])) == ("closed", 503, 5001)
    # A second is what it may take; coverage and a busy machine take their share.
    assert taken < 5
