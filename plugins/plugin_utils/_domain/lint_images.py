# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of whole ways: mirrors of config.toml, registries without an entry, images in use. Private."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader, legacy_registry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY, SANDBOX_IMAGE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import valid_namespace

Findings = t.Iterator[Finding]

_ALWAYS = (HUB, "registry.k8s.io", "k8s.gcr.io")
_OLD_K8S = "k8s.gcr.io"
_HUB_NAMES = ("index.docker.io", "registry-1.docker.io")


# --- mirrors


def mirrors_are_trusted(node: Node) -> Findings:
    config = node.config
    if config is None or config.roots:
        return
    for name in config.legacy.mirrors:
        namespace = ANY if name == legacy_registry.EVERY else name
        place = node.place((*REGISTRY, "mirrors", name))
        if namespace != ANY and valid_namespace(namespace) is None:
            yield found("mirror-never-looked-up", f"No image is of the registry {shown(name)}", place)
            continue
        yield from _of_mirror(node, namespace, place)


def _of_mirror(node: Node, namespace: str, place: Place) -> Findings:
    legacy = t.cast("legacy_registry.Legacy", node.config and node.config.legacy)
    try:
        targets = legacy_registry.targets(namespace, legacy, node.release)
        appends = legacy_registry.asks_upstream(namespace, legacy, node.release)
    except DomainError as error:
        yield found("not-judged", f"An endpoint for {shown(namespace)} cannot be read: {error.what}", place)
        return
    for target in targets:
        if not node.trust.covers(target.url.scheme, target.url.authority):
            yield found("mirror-outside", f"{namespace} is asked for at {target.url.authority}", place)
        if target.override_path:
            yield found("mirror-without-v2", f"containerd asks for {namespace} at {target.url}/", place)
    own = None if namespace == ANY else legacy_registry.upstream(namespace, node.release)
    if appends and (own is None or not node.trust.covers(own.scheme, own.authority)):
        who = "the registry of each image" if own is None else own.authority
        yield found("mirrors-append-upstream", f"For {shown(namespace)}, {who} is asked in the end", place)


def credentials_are_sent(node: Node) -> Findings:
    config = node.config
    for host in config.legacy.auth if config else ():
        if host == HUB or "/" in host:
            place = node.place((*REGISTRY, "configs", host, "auth"))
            fix = "Name it registry-1.docker.io." if host == HUB else "Name the host, with its port, and nothing else."
            yield found("auth-never-sent", f"No endpoint is called {shown(host)}", place, fix=fix)


# --- registries without an entry


def registries_have_entries(node: Node) -> Findings:
    config = node.config
    if config is None:
        return
    names = {page.namespace for page in node.pages if page.is_looked_up} if config.roots else set(config.legacy.mirrors)
    has_default = (ANY if config.roots else legacy_registry.EVERY) in names
    if has_default:
        return
    place = Place(config.roots[0] if config.roots else node.config_file)
    yield found("other-registries-open", f"{place.file} has no entry for all other registries", place)
    for namespace in sorted({*_ALWAYS, *_used(node)} - names):
        upstream = hosts_reader.upstream(namespace, node.release)
        if not node.trust.covers(upstream.scheme, upstream.host):
            yield found("no-entry", f"{place.file} has no entry for {namespace}: {upstream.host} is asked", place)


def _used(node: Node) -> t.Iterator[str]:
    yield from (registry_of(image) for image in (*dict(node.subject.images), sandbox_image(node)) if image)


# --- images


def registry_of(image: str) -> str:
    """The registry that an image belongs to, as containerd completes its name."""
    first, slash, _rest = image.partition("/")
    is_host = bool(slash) and (re.search(r"[.:]", first) is not None or first == "localhost" or first != first.lower())
    return HUB if not is_host or first in _HUB_NAMES else first


def sandbox_image(node: Node) -> str:
    """What containerd starts pods with; empty where config.toml could not be read."""
    if not node.files:
        return ""
    stated = look_up(node.effective, SANDBOX_IMAGE)
    return stated if isinstance(stated, str) and stated else node.release.rules.sandbox_image


def images_are_of_today(node: Node) -> Findings:
    sandbox = sandbox_image(node)
    users = {**dict(node.subject.images)}
    for image, used_by in users.items():
        if registry_of(image) == _OLD_K8S and image != sandbox:
            yield found("k8s-gcr-io-left", f"{shown(image)} is in use: {', '.join(used_by)}")
    if sandbox and registry_of(sandbox) == _OLD_K8S:
        yield found("k8s-gcr-io-left", f"The sandbox image is {shown(sandbox)}", node.place(SANDBOX_IMAGE))


def sandbox_image_is_ones_own(node: Node) -> Findings:
    sandbox = sandbox_image(node)
    if not sandbox:
        return
    place = node.place(SANDBOX_IMAGE)
    if sandbox == node.release.rules.sandbox_image:
        yield found("sandbox-image-default", f"It is {shown(sandbox)}", place)
    for image, used_by in node.subject.images:
        others = [user for user in used_by if user in ("kubelet", "kubeadm")]
        if others and _is_pause(image) and _whole(image) != _whole(sandbox):
            what = f"containerd has {shown(sandbox)}, and {others[0]} has {shown(image)}"
            yield found("sandbox-image-differs", what, place)


def _is_pause(image: str) -> bool:
    return "pause" in image.partition("@")[0].rpartition("/")[2]


def _whole(image: str) -> str:
    """The name with its registry and its tag."""
    name, _at, digest = image.partition("@")
    registry = registry_of(name)
    path = name.partition("/")[2] if registry != HUB or name.startswith(f"{HUB}/") else name
    path = f"library/{path}" if registry == HUB and "/" not in path else path
    tag = "" if ":" in path.rpartition("/")[2] or digest else ":latest"
    return f"{registry}/{path}{tag}{'@' + digest if digest else ''}"


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    mirrors_are_trusted,
    credentials_are_sent,
    registries_have_entries,
    images_are_of_today,
    sandbox_image_is_ones_own,
)
