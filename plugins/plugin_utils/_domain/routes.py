# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd asks for an image, in order, by all the files that decide it. Private to this collection.

config.toml with its imports says where the tree is, or names mirrors of its own; the tree has a directory for the
image's registry, or one for all others; the hosts.toml in it names the endpoints. What stands in the way of that is
said too, since containerd says little or nothing of it.
"""

from __future__ import annotations

import base64
import dataclasses
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader, legacy_registry, tree_routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import Legacy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB, Namespace
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    Feature,
    Release,
    local_pull_reasons,
)

_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


@dataclasses.dataclass(frozen=True)
class Image:
    """An image as containerd completes its name; ``reference`` is a tag or a digest."""

    registry: str
    repository: str
    reference: str

    @property
    def by_tag(self) -> bool:
        return ":" not in self.reference


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Why the files do not say what they seem to say; ``path`` is where."""

    kind: str
    path: str = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Step:
    """One endpoint in its place. ``auth`` is what config.toml has for who asks: user:password in base64."""

    endpoint: Endpoint
    is_upstream: bool = False
    auth: str = dataclasses.field(default="", repr=False)

    def resolves(self, image: Image) -> bool:
        """Whether it is asked at all: a tag needs a host that may resolve it, later ones deliver what was found."""
        needed = {"pull", "resolve"} if image.by_tag else {"pull"}
        return self.is_upstream or not self.endpoint.capabilities or needed <= self.endpoint.capabilities


@dataclasses.dataclass(frozen=True)
class Route:
    """The way to one image. ``source`` is the file that names the endpoints, empty if none does."""

    image: Image
    steps: tuple[Step, ...]
    source: str = ""
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def entry(self) -> str:
        """The namespace whose entry the endpoints are in; empty where no directory is for this image."""
        name = posixpath.basename(posixpath.dirname(self.source))
        is_hosts_toml = posixpath.basename(self.source) == HOSTS_TOML
        return "" if not is_hosts_toml else ANY if name == ANY else self.image.registry


@dataclasses.dataclass(frozen=True)
class Config:
    """What config.toml and its imports say of registries."""

    legacy: Legacy
    data: t.Mapping[str, t.Any]
    release: Release
    paths: tuple[str, ...]

    @classmethod
    def read(cls, files: t.Sequence[ConfigFile], release: Release) -> Config:
        """:raises DomainError: a value with which containerd does not load CRI."""
        paths = tuple(file.path for file in files)
        return cls(legacy_registry.read_legacy(files, release), effective(files, release), release, paths)

    @property
    def config_path(self) -> str:
        """What counts, be it stated or the release's own default; empty on a release that knows none."""
        if not self.release.knows(Feature.HOSTS_TOML):
            return ""
        own = "" if self.legacy.mirrors else self.release.rules.registry.default_config_path
        return self.legacy.config_path or own

    @property
    def roots(self) -> tuple[str, ...]:
        """The directories that are searched. The transfer service takes a list for one name, which is nowhere."""
        pulls_locally = bool(local_pull_reasons(self.data, self.release))
        if self.release.rules.registry.searches_lists or pulls_locally:
            return tuple(filter(None, self.config_path.split(":")))
        return () if ":" in self.config_path or not self.config_path else (self.config_path,)

    def auth(self, host: str) -> str:
        found = self.legacy.auth.get(host, {})
        if found.get("auth"):
            return found["auth"]
        user, password = found.get("username", ""), found.get("password", "")
        return base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""


def image_of(text: str) -> Image:
    """The image that a reference names, completed as containerd does it.

    :raises DomainError: it is no reference to an image.
    """
    found = cri.parse_reference(text)
    if found is None:
        raise DomainError(f"{text!r} is no name of an image", fix="Write it as registry.example.com/pause:3.10.")
    return Image(found.registry, found.repository, found.digest or found.tag or "latest")


def configured_namespaces(state: NodeState, config: Config) -> list[str]:
    """The registries that the node has something about, in its tree or in its tables; ``_default`` for all others."""
    if not config.roots:
        return sorted(ANY if name == legacy_registry.EVERY else name for name in config.legacy.mirrors)
    found = {tree_routes.namespace_of(name) for root in config.roots for name in _names_in(root, state)}
    return sorted(filter(None, found))


def _names_in(root: str, state: NodeState) -> t.Iterator[str]:
    return (name for name in state.listings.get(root.rstrip("/"), {}) if "/" not in name)


def namespace_route(namespace: str, state: NodeState, config: Config) -> Route:
    """Whom containerd asks for an image of a registry, by its tag; ``_default`` is any registry without an entry."""
    return route(Image(namespace, "", "latest"), state, config)


def reading(root: str) -> dict[str, list[str]]:
    """What has to be read on the node of one tree."""
    return {"globs": [_pattern(root)], "directories": [root]}


def unread(config: Config, state: NodeState) -> list[str]:
    """The trees that count and have not been read yet."""
    return [root for root in config.roots if root.rstrip("/") not in state.directories]


def route(image: Image, state: NodeState, config: Config) -> Route:
    """Whom containerd asks, by what was read."""
    found = _by_tree(image, state, config) if config.roots else _by_tables(image, config)
    obstacles = [*found.obstacles, *_of_steps(found), *_not_restarted(state, config)]
    return dataclasses.replace(found, obstacles=tuple(obstacles))


# --- without a tree


def _by_tables(image: Image, config: Config) -> Route:
    legacy, release = config.legacy, config.release
    endpoints = legacy_registry.endpoints(image.registry, legacy, release)
    upstream = legacy_registry.default_host(image.registry)
    steps = [_step(endpoint, config, is_upstream=endpoint.host == upstream) for endpoint in endpoints]
    source = config.paths[0] if any(not step.is_upstream for step in steps) else ""
    kind = "config_path_list" if ":" in legacy.config_path else "config_path_unset"
    unused = Obstacle(kind, config.paths[0], legacy.config_path)
    return Route(image, tuple(steps), source, () if source or legacy.mirrors else (unused,))


def _step(endpoint: Endpoint, config: Config, *, is_upstream: bool = False) -> Step:
    # registry.headers are sent to everybody.
    header = tuple(dict([*config.legacy.headers, *endpoint.header]).items())
    return Step(dataclasses.replace(endpoint, header=header), is_upstream, config.auth(endpoint.host))


# --- by the tree


def _by_tree(image: Image, state: NodeState, config: Config) -> Route:
    for root in config.roots:
        name = _directory(image.registry, root, state, config.release)
        if name is not None:
            return _by_directory(image, f"{root.rstrip('/')}/{name}", state, config)
    there = [root for root in config.roots if state.directories.get(root.rstrip("/"), ABSENT).kind == "directory"]
    if not there:
        obstacle = Obstacle("config_path_missing", config.roots[0])
    else:
        alike = sorted({name for root in there for name in _alike(image.registry, root, state)})
        obstacle = Obstacle("no_entry", there[0], ", ".join(alike))
    return Route(image, (_upstream_step(image, Endpoint(), config),), "", (obstacle,))


def _directory(namespace: str, root: str, state: NodeState, release: Release) -> str | None:
    """The first of the names that containerd looks for and that is there."""
    names = [Namespace(namespace).directory, namespace, *([ANY] if release.knows(Feature.DEFAULT_NAMESPACE) else [])]
    listing = state.listings.get(root.rstrip("/"), {})
    return next((name for name in names if name in listing), None)


def _alike(namespace: str, root: str, state: NodeState) -> t.Iterator[str]:
    """Directories that were probably meant for this registry: another port, other letters, Docker Hub's host."""
    wanted = _bare(namespace)
    for name, entry in state.listings.get(root.rstrip("/"), {}).items():
        if "/" not in name and entry.kind == "directory" and _bare(name) == wanted:
            yield name


def _bare(name: str) -> str:
    host = name.lower().rstrip("_").replace("_", ":").partition(":")[0]
    return HUB if host in _HUB_NAMES else host


def _by_directory(image: Image, directory: str, state: NodeState, config: Config) -> Route:
    path = f"{directory}/{HOSTS_TOML}"
    entry = state.globs.get(_pattern(posixpath.dirname(directory)), {}).get(path, ABSENT)
    endpoints, obstacle = _endpoints(path, entry, config.release)
    if obstacle is not None:
        # containerd then takes certificates that lie there as Docker has them, and the registry itself.
        endpoints = (_with_docker_files(directory, state),)
    steps = [
        _upstream_step(image, endpoint, config) if endpoint.is_upstream else _step(endpoint, config)
        for endpoint in dict.fromkeys(endpoints)
    ]
    return Route(image, tuple(steps), path, () if obstacle is None else (obstacle,))


def _endpoints(path: str, entry: Entry, release: Release) -> tuple[tuple[Endpoint, ...], Obstacle | None]:
    if entry.kind == "absent":
        return (), Obstacle("no_hosts_toml", path)
    if entry.content is None:
        return (), Obstacle("unreadable", path, entry.error or f"it is a {entry.kind}")
    found = hosts_reader.reread(entry.content, release, directory=posixpath.dirname(path))
    if found.crashes:
        return (), Obstacle("crashes", path)
    if found.dropped is not None:
        return (), Obstacle("dropped", path, found.dropped)
    return found.endpoints, None


def _with_docker_files(directory: str, state: NodeState) -> Endpoint:
    root, _slash, name = directory.rpartition("/")
    files = sorted(file.partition("/")[2] for file in state.listings.get(root, {}) if file.startswith(f"{name}/"))
    certificates = [file for file in files if file.endswith(".cert")]
    keys = [file.removesuffix(".cert") + ".key" for file in certificates]
    pairs = [(file, key if key in files else file) for file, key in zip(certificates, keys, strict=True)]
    return Endpoint(
        ca=tuple(f"{directory}/{file}" for file in files if file.endswith(".crt")),
        client=tuple((f"{directory}/{first}", f"{directory}/{last}") for first, last in pairs),
    )


def _upstream_step(image: Image, endpoint: Endpoint, config: Config) -> Step:
    named = hosts_reader.upstream(image.registry, config.release)
    whole = dataclasses.replace(
        endpoint,
        scheme=named.scheme,
        host=named.host,
        path=named.path,
        capabilities=frozenset(),
        skip_verify=named.skip_verify or endpoint.skip_verify,
    )
    return _step(whole, config, is_upstream=True)


# --- obstacles


def _of_steps(found: Route) -> t.Iterator[Obstacle]:
    if found.steps and not any(step.resolves(found.image) for step in found.steps):
        yield Obstacle("nobody_resolves", found.source)


def _not_restarted(state: NodeState, config: Config) -> t.Iterator[Obstacle]:
    """config.toml is read at the start only; the tree is read anew at each pull."""
    started = (state.unit or {}).get("started") or 0
    newer = [path for path in config.paths if (state.file(path).mtime or 0) > started]
    if started and newer:
        yield Obstacle("not_restarted", newer[0])


def _pattern(root: str) -> str:
    return f"{root.rstrip('/')}/*/{HOSTS_TOML}"


# --- for the probe


def to_wire(step: Step, image: Image, release: Release) -> dict[str, t.Any]:
    """An endpoint as the module ``_node_probe`` takes it."""
    endpoint = step.endpoint
    own = image.registry in (endpoint.host, HUB if endpoint.host == legacy_registry.HUB_HOST else None)
    has_tls_settings = bool(endpoint.ca or endpoint.client or endpoint.skip_verify is not None)
    port_80 = endpoint.host.endswith(":80")
    return {
        "scheme": endpoint.scheme,
        "host": endpoint.host,
        "path": endpoint.path.rstrip("/"),
        "repository": image.repository,
        "reference": image.reference,
        "ns": "" if own else image.registry,
        "ca": list(endpoint.ca),
        "client": [list(pair) for pair in endpoint.client],
        "skip_verify": bool(endpoint.skip_verify),
        "tls_first": has_tls_settings and not port_80 and release.knows(Feature.TLS_FIRST),
        "header": [[name, ", ".join(values)] for name, values in endpoint.header],
        "header_to_token": release.knows(Feature.TOKEN_HEADERS),
        "auth": step.auth,
    }
