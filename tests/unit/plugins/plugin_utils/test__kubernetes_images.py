# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of kubelet and kubeadm as they lie on nodes, and as nobody should write them."""

from __future__ import annotations

import itertools
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils import _kubernetes_images as kubernetes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState

PODS, FLAGS, KUBEADM = "/etc/kubernetes/manifests/a.yaml", kubernetes.KUBELET_FLAGS[0], "/etc/kubernetes/kubeadm.yaml"
CONFIG = kubernetes.KUBELET_CONFIG
CLUSTER = "kind: ClusterConfiguration\n"


def state(files: dict[str, bytes | Entry]) -> NodeState:
    entries = {path: each if isinstance(each, Entry) else Entry("file", each) for path, each in files.items()}
    globs: dict[str, dict[str, Entry]] = {pattern: {} for pattern in kubernetes.reading()["globs"]}
    globs["/srv/pods/*"] = {}
    for path, entry in entries.items():
        for pattern, found in globs.items():
            if path.startswith(pattern.removesuffix("*")):
                found[path] = entry
    return NodeState(files={path: entries.get(path, Entry("absent")) for path in (CONFIG, FLAGS)}, globs=globs)


def named(files: dict[str, bytes | Entry]) -> kubernetes.Named:
    return kubernetes.named(state(files))


def pod(*images: str, key: str = "containers") -> bytes:
    listed = "".join(f"  - name: c{number}\n    image: {image}\n" for number, image in enumerate(images))
    return f"apiVersion: v1\nkind: Pod\nspec:\n  {key}:\n{listed}".encode()


STATIC = f"static pod {PODS}"
FILES: dict[str, tuple[str, bytes, list[tuple[str, str]]]] = {
    "a static pod": (
        PODS,
        pod("a.example.com/x:1", "b.example.com/y:1"),
        [("a.example.com/x:1", STATIC), ("b.example.com/y:1", STATIC)],
    ),
    "its init containers": (PODS, pod("a.example.com/x:1", key="initContainers"), [("a.example.com/x:1", STATIC)]),
    "JSON": (PODS, b'{"spec": {"containers": [{"image": "a.example.com/x:1"}]}}', [("a.example.com/x:1", STATIC)]),
    "a list of pods": (PODS, b"kind: PodList\nitems: [{spec: {containers: [{image: a}]}}]\n", [("a", STATIC)]),
    "several documents": (PODS, pod("a") + b"---\n" + pod("b"), [("a", STATIC), ("b", STATIC)]),
    "CRLF and a byte order mark": (
        PODS,
        b"\xef\xbb\xbf" + pod("a.example.com/x:1.10").replace(b"\n", b"\r\n"),
        [("a.example.com/x:1.10", STATIC)],
    ),
    "a tag that looks like a number": (PODS, pod("1.10"), [("1.10", STATIC)]),
    "an image of no name": (PODS, b"spec: {containers: [{image: }, {image: [a]}, {image: {b: c}}, a, {}]}", []),
    "no pod": (PODS, b"spec: 1\nitems: {}\n", []),
    "an empty file": (PODS, b"", []),
    "only a comment": (PODS, b"# nothing\n", []),
    "a hidden file": ("/etc/kubernetes/manifests/.a.yaml", pod("a"), []),
    "kubeadm's flags": (
        FLAGS,
        b'KUBELET_KUBEADM_ARGS="--a=b --pod-infra-container-image=a/pause:1 --c=d"\n',
        [("a/pause:1", "kubelet")],
    ),
    "a flag of two words": (FLAGS, b"X='--pod-infra-container-image a/pause:1'\n", [("a/pause:1", "kubelet")]),
    "a flag in quotes": (FLAGS, b"X=--pod-infra-container-image='a/pause:1'", [("a/pause:1", "kubelet")]),
    "a flag in a comment": (FLAGS, b"#X=--pod-infra-container-image=a/pause:1\n", []),
    "other flags": (FLAGS, b"X=--v=2\n", []),
    "a cluster of kubeadm": (
        KUBEADM,
        f"{CLUSTER}kubernetesVersion: v1.30.4\nimageRepository: a.example.com/k8s\n".encode(),
        [
            *(
                (f"a.example.com/k8s/kube-{name}:v1.30.4", "kubeadm")
                for name in ("apiserver", "controller-manager", "scheduler", "proxy")
            ),
            ("a.example.com/k8s/pause:3.9", "kubeadm"),
        ],
    ),
    "its etcd and its DNS": (
        KUBEADM,
        f"{CLUSTER}etcd: {{local: {{imageTag: 3.5.21-0}}}}\n"
        "dns: {imageRepository: a.example.com, imageTag: v1}\n".encode(),
        [("a.example.com/coredns:v1", "kubeadm"), ("registry.k8s.io/etcd:3.5.21-0", "kubeadm")],
    ),
    "its DNS at the usual place": (
        KUBEADM,
        f"{CLUSTER}dns: {{imageTag: v1}}\n".encode(),
        [("registry.k8s.io/coredns/coredns:v1", "kubeadm")],
    ),
    "a repository without tags": (
        KUBEADM,
        f"{CLUSTER}etcd: {{local: {{imageRepository: a}}}}\n".encode(),
        [("a/etcd", "kubeadm")],
    ),
    "a version that is a label": (KUBEADM, f"{CLUSTER}kubernetesVersion: stable-1.30\n".encode(), []),
    "an external etcd": (KUBEADM, f"{CLUSTER}etcd: {{external: {{endpoints: []}}}}\n".encode(), []),
    "options of the kubelet": (
        KUBEADM,
        b"kind: InitConfiguration\nnodeRegistration: {kubeletExtraArgs: {pod-infra-container-image: a/pause:1}}\n",
        [("a/pause:1", "kubelet")],
    ),
    "the same as a list": (
        KUBEADM,
        b"nodeRegistration: {kubeletExtraArgs: [1, {name: v}, {name: pod-infra-container-image, value: a/pause:1}]}\n",
        [("a/pause:1", "kubelet")],
    ),
}


@pytest.mark.parametrize(("path", "content", "expected"), FILES.values(), ids=FILES.keys())
def test_files(path: str, content: bytes, expected: list[tuple[str, str]]) -> None:
    found = named({path: content})
    assert (found.images, found.unread) == (expected, {})


PAUSES = {
    "v1.20.0": None,
    "v1.21.5": "3.4.1",
    "1.24.0": "3.7",
    "v1.30.14": "3.9",
    "v1.31.0": "3.10",
    "v1.34.1": "3.10.1",
    "v1.36.0": "3.10.2",
    "v1.99.0": None,
}


@pytest.mark.parametrize(("version", "pause"), PAUSES.items())
def test_the_pause_image_of_a_kubeadm(version: str, pause: str | None) -> None:
    images = [image for image, _use in named({KUBEADM: f"{CLUSTER}kubernetesVersion: {version}\n".encode()}).images]
    assert [image for image in images if "pause" in image] == ([f"registry.k8s.io/pause:{pause}"] if pause else [])


UNREAD = {
    "no YAML": (b"spec: {\n  a: [\n", "it is not YAML (line 3)"),
    "a tab": (b"spec:\n\tcontainers: []\n", "it is not YAML (line 2)"),
    "not UTF-8": (b"spec: caf\xe9\n", "it is not UTF-8"),
    "a zero": (b"spec: a\0b\n", "it is not YAML"),
    "nested without end": (b"[" * 200000, "it is nested deeper than 50 levels"),
    "mappings without end": (b"{a: " * 200000, "it is nested deeper than 50 levels"),
    "lists without end": (b"- " * 200000, "it is nested deeper than 50 levels"),
    "an alias of itself": (b"a: &a [*a]\n", "it is not YAML (line 1)"),
    "a key that is a mapping": (b"? {a: b}\n: c\n", "it is not YAML (line 1)"),
}


@pytest.mark.parametrize(("content", "why"), UNREAD.values(), ids=UNREAD.keys())
@pytest.mark.parametrize("path", [PODS, KUBEADM, CONFIG])
def test_what_cannot_be_read_is_told(path: str, content: bytes, why: str) -> None:
    found = named({path: content})
    assert found.images == []
    assert list(found.unread) == [path]
    assert found.unread[path].startswith(why)


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    names = "abcdefghij"
    lines = [
        "a: &a {x: y}",
        *(f"{b}: &{b} {{<<: [{', '.join(9 * [f'*{a}'])}]}}" for a, b in itertools.pairwise(names)),
    ]
    begun = time.process_time()
    assert named({PODS: "\n".join(lines).encode()}).unread == {}
    assert time.process_time() - begun < 1


def test_a_tag_of_python_makes_nothing() -> None:
    found = named({PODS: b"spec: !!python/object/apply:os.system [echo]\n"})
    assert (found.images, found.unread) == ([], {})


def test_a_file_that_was_not_readable() -> None:
    assert named({PODS: Entry("file", error="Permission denied")}).unread == {PODS: "Permission denied"}


def test_directories_are_passed_over() -> None:
    assert named({PODS: Entry("directory")}).unread == {}


def test_the_kubelet_can_have_its_static_pods_elsewhere() -> None:
    moved: dict[str, t.Any] = {CONFIG: b"kind: KubeletConfiguration\nstaticPodPath: /srv/pods/\n"}
    files = {**moved, PODS: pod("left"), "/srv/pods/a.yaml": pod("used")}
    assert named(files).images == [("used", "static pod /srv/pods/a.yaml")]
    assert kubernetes.unread(state(files)) == []
    unread = NodeState(files=state(files).files)
    assert kubernetes.unread(unread) == ["/srv/pods/*"]


@pytest.mark.parametrize("path", ["", "relative", "[1]"])
def test_a_path_of_static_pods_that_says_nothing(path: str) -> None:
    assert kubernetes.unread(state({CONFIG: f"staticPodPath: {path}\n".encode()})) == []


def test_a_path_of_static_pods_has_no_wildcards() -> None:
    assert kubernetes.unread(state({CONFIG: b"staticPodPath: '/srv/[x]*'\n"})) == ["/srv/[[]x][*]/*"]
