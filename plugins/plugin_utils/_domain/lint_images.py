# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of whole ways: mirrors of config.toml, registries without an entry, images in use. Private."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import effective, legacy_registry, routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY, SANDBOX_IMAGE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import valid_namespace

Findings = t.Iterator[Finding]

_ALWAYS = (HUB, "registry.k8s.io", "k8s.gcr.io")
_OLD_K8S = "k8s.gcr.io"
_OF_THE_KUBELET = ("kubelet", "kubeadm")


# --- mirrors


def mirrors_are_trusted(node: Node) -> Findings:
    config = node.config
    if config is None or config.roots or config.stops_cri:
        return
    for name in config.legacy.mirrors:
        namespace = ANY if name == legacy_registry.EVERY else name
        place = node.place((*REGISTRY, "mirrors", name))
        if namespace != ANY and valid_namespace(namespace) is None:
            yield found("mirror-never-looked-up", f"No image is of the registry {shown(name)}", place)
        else:
            yield from _of_mirror(node, namespace, place)


def _of_mirror(node: Node, namespace: str, place: Place) -> Findings:
    route = t.cast("routes.Route", node.route(namespace))
    for obstacle in route.obstacles:
        if obstacle.kind in ("tables_broken", "tables_uncertain"):
            yield found("mirror-not-a-url", f"For {shown(namespace)}, {obstacle.detail}", place)
        elif obstacle.kind == "pull_file":
            yield found("pull-file-missing", obstacle.detail, obstacle.place)
    for step in route.steps:
        endpoint = step.endpoint
        is_trusted = node.trust.covers(endpoint.scheme, endpoint.host)
        if step.is_upstream and not is_trusted:
            who = endpoint.host or "the registry of each image"
            yield found("mirrors-append-upstream", f"For {shown(namespace)}, {who} is asked in the end", place)
        elif step.can_be_asked and not is_trusted:
            yield found("mirror-outside", f"{namespace} is asked for at {endpoint.host}", place)
        if not endpoint.path.endswith("/v2") and not step.is_upstream:
            url = f"{endpoint.scheme}://{endpoint.host}{endpoint.path.rstrip('/')}/"
            yield found("mirror-without-v2", f"containerd asks for {namespace} at {url}", place)


def credentials_are_sent(node: Node) -> Findings:
    config = node.config
    if config is None or not config.legacy.auth:
        return
    names = set(routes.configured_namespaces(node.state, config))
    steps = [step for name in names for step in t.cast("routes.Route", node.route(name)).steps]
    asked = {step.endpoint.host for step in steps}
    for host in config.legacy.auth:
        # Of what has no entry, anything can be asked.
        if host == HUB or "/" in host or (host in names and host not in asked):
            place = node.place((*REGISTRY, "configs", host, "auth"))
            fix = "Name it registry-1.docker.io." if host == HUB else ""
            yield found("auth-never-sent", f"No endpoint is called {shown(host)}", place, fix=fix)


# --- registries without an entry


def registries_have_entries(node: Node) -> Findings:
    config = node.config
    if config is None or config.stops_cri or not (config.roots or _has_tables(config)):
        # What is wrong with all of them is told elsewhere.
        return
    names = set(routes.configured_namespaces(node.state, config))
    place = Place(config.roots[0] if config.roots else node.config_file)
    if ANY not in names:
        yield found("other-registries-open", f"{place.file} has no entry for all other registries", place)
    for namespace in sorted({*_ALWAYS, *_used(node), *names}):
        if config.roots and (namespace in names or ANY in names):
            continue
        steps = t.cast("routes.Route", node.route(namespace)).steps
        outside = [each for each in steps if not node.trust.covers(each.endpoint.scheme, each.endpoint.host)]
        if outside and all(step.is_upstream for step in steps):
            whom = outside[0].endpoint.host
            yield found("no-entry", f"{place.file} has no entry for {namespace}: {whom} is asked", place)


def _has_tables(config: routes.Config) -> bool:
    """containerd 1.4 has nothing else."""
    return bool(config.legacy.mirrors) or not config.release.knows(Feature.HOSTS_TOML)


def _used(node: Node) -> t.Iterator[str]:
    images = (_image(name) for name in (*dict(node.subject.images), sandbox_image(node)))
    return (image.registry for image in images if image is not None)


# --- images


def _image(name: str) -> routes.Image | None:
    """An image by its whole name; None for what is no name of one."""
    try:
        return routes.image_of(name)
    except DomainError:
        return None


def _is_of(name: str, registry: str) -> bool:
    image = _image(name)
    return image is not None and image.registry == registry


def sandbox_image(node: Node) -> str:
    """What containerd starts pods with; empty where config.toml could not be read."""
    if not node.files:
        return ""
    return effective.sandbox_image(node.effective, node.release)[0]


def images_are_of_today(node: Node) -> Findings:
    sandbox = sandbox_image(node)
    for name, used_by in node.subject.images:
        if _is_of(name, _OLD_K8S) and _image(name) != _image(sandbox):
            yield found("k8s-gcr-io-left", f"{shown(name)} is in use: {', '.join(used_by)}")
    if _is_of(sandbox, _OLD_K8S):
        yield found("k8s-gcr-io-left", f"The sandbox image is {shown(sandbox)}", node.place(SANDBOX_IMAGE))


def sandbox_image_is_ones_own(node: Node) -> Findings:
    sandbox = sandbox_image(node)
    if not sandbox:
        return
    place = node.place(SANDBOX_IMAGE)
    if sandbox == node.release.rules.sandbox_image:
        yield found("sandbox-image-default", f"It is {shown(sandbox)}", place)
    own = _image(sandbox)
    if own is not None and node.release.line >= (2, 0) and sandbox not in _whole_names(own):
        yield found("sandbox-image-not-pinned", f"It is {shown(sandbox)}", place)
    for name, used_by in node.subject.images:
        others = [user for user in used_by if user in _OF_THE_KUBELET]
        image = _image(name)
        if others and image is not None and "pause" in image.repository and image != _image(sandbox):
            what = f"containerd has {shown(sandbox)}, and {others[0]} has {shown(name)}"
            yield found("sandbox-image-differs", what, place)


def _whole_names(image: routes.Image) -> tuple[str, ...]:
    name = f"{image.registry}/{image.repository}"
    return f"{name}:{image.reference}", f"{name}@{image.reference}"


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    mirrors_are_trusted,
    credentials_are_sent,
    registries_have_entries,
    images_are_of_today,
    sandbox_image_is_ones_own,
)
