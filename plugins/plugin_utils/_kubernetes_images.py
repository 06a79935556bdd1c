# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that the files of kubelet and kubeadm on a node name. Private to this collection.

The files come from nodes, and whoever wrote them may mean no good. So YAML is read as plain text values, without merge
keys, which can grow without end, and without deep nesting, with which the parser in C breaks down.
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import posixpath
import re
import typing as t

import yaml
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState

KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
# What gives the kubelet its options; the first is kubeadm's.
KUBELET_FLAGS = ("/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet")
KUBEADM_GLOB = "/etc/kubernetes/kubeadm*"
STATIC_PODS = "/etc/kubernetes/manifests"

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MAX_DEPTH = 50
_INFRA_IMAGE = re.compile(r"--pod-infra-container-image[=\s]+[\"']?([^\s\"']+)")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_DEFAULT_REPOSITORY = "registry.k8s.io"
_EXACT_VERSION = re.compile(r"v?1\.(\d+)\.\d+(?:[-+].*)?", re.ASCII)
_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
# The pause image of each kubeadm, from the given minor release on.
_PAUSE = (
    (21, "3.4.1"),
    (22, "3.5"),
    (23, "3.6"),
    (24, "3.7"),
    (25, "3.8"),
    (26, "3.9"),
    (31, "3.10"),
    (34, "3.10.1"),
    (36, "3.10.2"),
)
_LAST_KNOWN = 36


class _Unreadable(Exception):
    """A file that is not what it should be."""


@dataclasses.dataclass
class Named:
    """The images by who uses them, and which files could not be read, and why."""

    images: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    unread: dict[str, str] = dataclasses.field(default_factory=dict)


def reading() -> dict[str, list[str]]:
    """What has to be read on the node."""
    return {"files": [KUBELET_CONFIG, *KUBELET_FLAGS], "globs": [KUBEADM_GLOB, _pattern(STATIC_PODS)]}


def unread(state: NodeState) -> list[str]:
    """The patterns of static pods that the kubelet reads elsewhere than usual."""
    pattern = _pattern(_static_pods(state))
    return [] if pattern in state.globs else [pattern]


def named(state: NodeState) -> Named:
    """All images that the files name."""
    found = Named()
    for path in KUBELET_FLAGS:
        _take(found, path, state.file(path), _of_flags)
    _take(found, KUBELET_CONFIG, state.file(KUBELET_CONFIG), _of_kubelet)
    for path, entry in state.globs.get(KUBEADM_GLOB, {}).items():
        _take(found, path, entry, _of_kubeadm)
    for path, entry in state.globs.get(_pattern(_static_pods(state)), {}).items():
        # The kubelet passes over hidden files, and over directories.
        if not posixpath.basename(path).startswith(".") and (entry.kind != "directory" or entry.error):
            _take(found, path, entry, functools.partial(_of_pods, path))
    return found


def _take(found: Named, path: str, entry: Entry, images: t.Callable[[str], t.Iterable[tuple[str, str]]]) -> None:
    if entry.error is not None:
        found.unread[path] = entry.error
    elif entry.content is not None:
        try:
            found.images += images(entry.content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            found.unread[path] = "it is not UTF-8"
        except _Unreadable as error:
            found.unread[path] = str(error)


def _static_pods(state: NodeState) -> str:
    content = state.file(KUBELET_CONFIG).content
    if content is None:
        return STATIC_PODS
    try:
        stated = [_text(each, "staticPodPath") for each in _documents(content.decode("utf-8-sig"))]
    except (UnicodeDecodeError, _Unreadable):
        return STATIC_PODS
    return next((posixpath.normpath(path) for path in stated if path.startswith("/")), STATIC_PODS)


def _pattern(directory: str) -> str:
    return f"{glob.escape(directory.rstrip('/'))}/*"


# --- the kinds of files


def _of_flags(text: str) -> t.Iterator[tuple[str, str]]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for image in _INFRA_IMAGE.findall("\n".join(lines)):
        yield image, "kubelet"


def _of_kubelet(text: str) -> t.Iterator[tuple[str, str]]:
    """It names no image, only where others are named."""
    _documents(text)
    yield from ()


def _of_pods(path: str, text: str) -> t.Iterator[tuple[str, str]]:
    for document in _documents(text):
        for pod in (document, *_tables(document, "items")):
            for key in _CONTAINERS:
                for container in _tables(_table(pod, "spec"), key):
                    if _text(container, "image"):
                        yield _text(container, "image"), f"static pod {path}"


def _of_kubeadm(text: str) -> t.Iterator[tuple[str, str]]:
    for document in _documents(text):
        if document.get("kind") == "ClusterConfiguration":
            yield from ((image, "kubeadm") for image in _of_cluster(document))
        options = _table(document, "nodeRegistration").get("kubeletExtraArgs")
        image = _argument(options, "pod-infra-container-image")
        if image:
            yield image, "kubelet"


def _of_cluster(cluster: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    repository = _text(cluster, "imageRepository") or _DEFAULT_REPOSITORY
    version = _text(cluster, "kubernetesVersion")
    exact = _EXACT_VERSION.fullmatch(version)
    if exact:
        # A build of one's own has a + in its version, and none in its tag.
        tag = f"v{version.removeprefix('v')}".replace("+", "_")
        yield from (f"{repository}/{name}:{tag}" for name in _COMPONENTS)
        pause = [pause for since, pause in _PAUSE if since <= int(exact[1]) <= _LAST_KNOWN]
        yield from (f"{repository}/pause:{tag}" for tag in pause[-1:])
    dns, etcd = _table(cluster, "dns"), _table(_table(cluster, "etcd"), "local")
    for name, own, usual in (("coredns", dns, _dns_repository(repository)), ("etcd", etcd, repository)):
        tag = _text(own, "imageTag")
        if tag:
            yield f"{_text(own, 'imageRepository') or usual}/{name}:{tag}"
        elif _text(own, "imageRepository"):
            yield f"{_text(own, 'imageRepository')}/{name}"


def _dns_repository(repository: str) -> str:
    """Only in the registry of Kubernetes itself, CoreDNS has a place of its own."""
    return f"{repository}/coredns" if repository == _DEFAULT_REPOSITORY else repository


def _argument(options: t.Any, name: str) -> str:
    """kubeadm has them as a table, since v1beta4 as a list of names and values."""
    if isinstance(options, dict):
        return _text(options, name)
    entries = [each for each in options if isinstance(each, dict)] if isinstance(options, list) else []
    return next((_text(each, "value") for each in entries if each.get("name") == name), "")


# --- YAML


def _documents(text: str) -> list[dict[t.Any, t.Any]]:
    """The mappings in a file; anything else is none of Kubernetes'.

    :raises _Unreadable: not YAML, or nested deeper than any of these files.
    """
    try:
        _check_depth(text)
        documents = yaml.load_all(text, Loader=_LOADER)
        return [each for each in documents if isinstance(each, dict)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"
        raise _Unreadable(f"it is not YAML{where}") from None
    except (TypeError, ValueError, RecursionError):
        # A key that is no text.
        raise _Unreadable("it is not YAML that Kubernetes reads") from None


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise _Unreadable(f"it is nested deeper than {_MAX_DEPTH} levels")


def _text(table: t.Mapping[t.Any, t.Any], key: str) -> str:
    value = table.get(key)
    return value.strip() if isinstance(value, str) else ""


def _table(table: t.Mapping[t.Any, t.Any], key: str) -> dict[t.Any, t.Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _tables(table: t.Mapping[t.Any, t.Any], key: str) -> list[dict[t.Any, t.Any]]:
    value = table.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
