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
import functools
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import pem_labels
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import (
    go_url,
    hosts_reader,
    imports,
    legacy_registry,
    pending_restart,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY, V2_CRI, names
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint, Reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import Legacy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import (
    ANY,
    HUB,
    HUB_NAMES,
    Namespace,
    name_of_directory,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    Beside,
    Feature,
    Release,
    local_pull_reasons,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Statement, scan

USUAL_TREE = "/etc/containerd/certs.d"
_OF_A_NAMESPACE = re.compile(r"[\w.:\[\]-]+", re.ASCII)
# containerd, which is root, meets these as well.
_ALIKE_FOR_ALL = frozenset(
    {"File name too long", "Input/output error", "Not a directory", "Too many levels of symbolic links"}
)


@dataclasses.dataclass(frozen=True)
class Image:
    """An image as containerd completes its name; ``reference`` is a tag or a digest."""

    registry: str
    repository: str
    reference: str

    @property
    def by_tag(self) -> bool:
        return ":" not in self.reference


# With these, every pull fails before anybody is asked.
_FAILS = frozenset({"crashes", "unreadable", "no_directory", "pull_file", "tables_broken", "cri_stopped", "no_name"})


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Why the files do not say what they seem to say; ``path`` and ``line`` are where."""

    kind: str
    path: str = ""
    detail: str = ""
    line: int | None = None

    @property
    def fails(self) -> bool:
        """Whether it makes every pull fail before anybody is asked."""
        return self.kind in _FAILS

    @property
    def is_unknown(self) -> bool:
        """Whether it is something that could not be read, but perhaps can be by containerd."""
        return self.kind in ("unknown", "uncertain", "tables_uncertain")

    @property
    def place(self) -> Place:
        return Place(self.path, self.line)


@dataclasses.dataclass(frozen=True)
class Step:
    """One endpoint in its place. ``auth`` is what config.toml has for who asks: user:password in base64.

    ``place`` is what names it; of an upstream that nothing takes the place of, the file that could have.
    """

    endpoint: Endpoint
    is_upstream: bool = False
    auth: str = dataclasses.field(default="", repr=False)
    place: Place = NOWHERE
    # It is the one that hosts.toml names as server.
    is_server: bool = False
    # Whether manifests and data are fetched here: as soon as any host may pull, all are asked for them.
    delivers: bool = True

    @property
    def can_be_asked(self) -> bool:
        """Whether containerd gets as far as asking; the upstream of ``_default`` has no name here, and can be."""
        return self.is_upstream or self.endpoint.can_be_asked

    @property
    def tags(self) -> bool:
        """Whether it is asked what a tag means."""
        return self.may("pull", "resolve")

    def may(self, *capabilities: str) -> bool:
        return self.is_upstream or not self.endpoint.capabilities or self.endpoint.capabilities >= set(capabilities)

    def resolves(self, image: Image) -> bool:
        """Whether it is asked at all: a tag needs a host that may resolve it, later ones deliver what was found."""
        return self.tags if image.by_tag else self.may("pull")


@dataclasses.dataclass(frozen=True)
class Route:
    """The way to one image, an endpoint twice if containerd asks it twice.

    ``source`` is the file that names the endpoints, empty if none does. ``steps`` is what containerd goes through; they
    are there also where every pull fails before anybody is asked, for who mends that. ``asked`` has those that are.
    """

    image: Image
    steps: tuple[Step, ...]
    source: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    release: Release | None = None

    @property
    def fails(self) -> Obstacle | None:
        """Why every pull fails before anybody is asked."""
        return next((obstacle for obstacle in self.obstacles if obstacle.fails), None)

    @property
    def unknown(self) -> Obstacle | None:
        """Why it cannot be told whom containerd asks."""
        return next((obstacle for obstacle in self.obstacles if obstacle.is_unknown), None)

    @property
    def asked(self) -> tuple[Step, ...]:
        """Whom containerd asks, in order; nobody where every pull fails, or where it cannot be told."""
        return () if self.fails or self.unknown else tuple(step for step in self.steps if step.can_be_asked)

    @property
    def distinct(self) -> tuple[Step, ...]:
        """The steps to somebody, each endpoint once."""
        found: dict[Endpoint, Step] = {}
        for step in self.steps:
            if step.can_be_asked:
                found.setdefault(step.endpoint, step)
        return tuple(found.values())

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
    files: tuple[ConfigFile, ...] = dataclasses.field(default=(), repr=False)

    @classmethod
    def read(cls, files: t.Sequence[ConfigFile], release: Release) -> Config:
        """:raises DomainError: a value with which containerd does not load CRI."""
        paths = tuple(file.path for file in files)
        legacy = legacy_registry.read_legacy(files, release)
        return cls(legacy, effective(files, release), release, paths, tuple(files))

    @property
    def config_path(self) -> str:
        """What counts, be it stated or the release's own default; empty on a release that knows none."""
        if not self.release.knows(Feature.HOSTS_TOML):
            return ""
        rules = self.release.rules.registry
        is_replaced = rules.default_stands_beside_mirrors and self.states_config_path
        own = "" if self.legacy.mirrors or is_replaced else rules.default_config_path
        return self.legacy.config_path or own

    @property
    def states_config_path(self) -> bool:
        """Whether one counts, be it an empty one."""
        return look_up(self.data, (*REGISTRY, "config_path")) is not None

    @property
    def mentions_config_path(self) -> bool:
        """Whether any file has one that is not empty, be it where it counts or not."""
        paths = [path for path in names((*REGISTRY, "config_path")) if path]
        return any(look_up(file.data, path) for file in self.files for path in paths)

    @property
    def pulls_by_transfer_service(self) -> bool:
        return self.release.rules.pulls_by_transfer_service and not local_pull_reasons(self.data, self.release)

    @property
    def roots(self) -> tuple[str, ...]:
        """The directories that are searched. The transfer service takes a list for one name, which is nowhere."""
        if ":" in self.config_path and self.pulls_by_transfer_service:
            return ()
        return tuple(map(_absolute, filter(None, self.config_path.split(":"))))

    @property
    def stops_cri(self) -> str:
        """The table that keeps CRI from being loaded, beside a ``config_path``; empty if none does."""
        rules = self.release.rules.registry
        own = rules.default_config_path if rules.default_stands_beside_mirrors and not self.states_config_path else ""
        if self.legacy.mirrors and rules.mirrors_beside_config_path is Beside.STOPS_CRI:
            return "mirrors" if self.legacy.config_path or own else ""
        if self.legacy.tls and rules.tls_beside_config_path is Beside.STOPS_CRI:
            return "tls" if self.legacy.config_path else ""
        return ""

    def place(self, state: NodeState, *keys: str) -> Place:
        """Where the files say something of registries; the last file that does, else config.toml without a line."""
        for file in reversed(self.files):
            for path in filter(None, names((*REGISTRY, *keys))):
                if look_up(file.data, path) is not None:
                    return Place(file.path, _line(state.file(file.path).content, path), masked_key_path(path))
        return Place(self.paths[0] if self.paths else "", None, ".".join(("registry", *keys)))

    def replacing(self, state: NodeState, path: str) -> Place | None:
        """Where a later file has a table of CRI, which takes the place of that in this one on 1.x."""
        if not self.release.rules.imports.replaces_plugins:
            return None
        later = self.files[[file.path for file in self.files].index(path) + 1 :]
        for file in reversed(later):
            if look_up(file.data, V2_CRI) is not None:
                return Place(file.path, _line(state.file(file.path).content, V2_CRI), masked_key_path(V2_CRI))
        return None

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
        names = (ANY if name == legacy_registry.EVERY else name for name in config.legacy.mirrors)
        return sorted(name for name in names if _is_looked_up(name))
    knows_default = config.release.knows(Feature.DEFAULT_NAMESPACE)
    named = {_namespace_of(name) for root in config.roots for name in _directories(root, state)}
    return sorted(name for name in named if name and (name != ANY or knows_default))


def _directories(root: str, state: NodeState) -> t.Iterator[str]:
    """What stands for a namespace, be it a directory or not."""
    return (name for name, entry in state.listings.get(root, {}).items() if "/" not in name and entry.kind != "absent")


def _namespace_of(directory: str) -> str | None:
    """The registry for whose images containerd looks into a directory; None if there are no such images."""
    if directory == ANY:
        return ANY
    name = name_of_directory(directory)
    return name if _is_looked_up(name) else None


def _is_looked_up(namespace: str) -> bool:
    """Whether there are images of such a registry."""
    found = cri.parse_reference(f"{namespace}/image") if _OF_A_NAMESPACE.fullmatch(namespace) else None
    return namespace == ANY or (found is not None and found.registry == namespace)


def namespace_route(namespace: str, state: NodeState, config: Config) -> Route:
    """Whom containerd asks for an image of a registry, by its tag; ``_default`` is any registry without an entry."""
    return route(Image(namespace, "", "latest"), state, config)


def reading(root: str) -> dict[str, list[str]]:
    """What has to be read on the node of one tree."""
    return {"globs": [_pattern(root)], "directories": [_absolute(root)]}


def unread(config: Config, state: NodeState) -> list[str]:
    """The trees that count and have not been read yet."""
    return [root for root in config.roots if root not in state.directories]


def route(image: Image, state: NodeState, config: Config) -> Route:
    """Whom containerd asks, by what was read."""
    found = _route(image, state, config)
    delivers = any(step.may("pull") for step in found.steps)
    obstacles = [*found.obstacles, *_of_steps(found), *_not_restarted(state, config)]
    return dataclasses.replace(
        found,
        steps=tuple(dataclasses.replace(step, delivers=delivers) for step in found.steps),
        obstacles=tuple(obstacles),
        release=config.release,
    )


def _route(image: Image, state: NodeState, config: Config) -> Route:
    table = config.stops_cri
    if table:
        place = config.place(state, "configs" if table == "tls" else table)
        return Route(image, (), "", (Obstacle("cri_stopped", place.file, table, place.line),))
    stop = _of_headers(state, config)
    if stop is not None:
        return Route(image, (), "", (stop,))
    if image.registry.startswith("[") and not config.release.knows(Feature.IPV6_NAMES):
        return Route(image, (), "", (Obstacle("no_name", "", image.registry),))
    if config.roots:
        return _by_tree(image, state, config)
    if config.pulls_by_transfer_service:
        return _by_transfer_service(image, state, config)
    return _by_tables(image, state, config)


def _of_headers(state: NodeState, config: Config) -> Obstacle | None:
    """A bracket in the header of a table, as an IPv6 address has, with which containerd 1.x does not start."""
    if config.release.line >= (2, 0):
        return None
    for path in config.paths:
        for each in _statements(state.file(path).content or b""):
            if each.is_header and {"[", "]"} & set("".join(each.keys)):
                return Obstacle("unknown", path, "a table's name has a bracket in it, so 1.x does not start", each.line)
    return None


# --- without a tree


def _by_transfer_service(image: Image, state: NodeState, config: Config) -> Route:
    """It reads a tree or nothing. A list is one name to it, which even can be there."""
    whole = _absolute(config.config_path) if config.config_path else ""
    if state.directories.get(whole, ABSENT).kind == "directory":
        return _by_tree(image, state, config, roots=(whole,))
    obstacle = _unused(state, config)
    return Route(image, (_upstream_step(image, Endpoint(), config, obstacle.place),), "", (obstacle,))


def _unused(state: NodeState, config: Config) -> Obstacle:
    """Why no tree is read."""
    place = config.place(state, "config_path")
    if ":" in config.legacy.config_path:
        return Obstacle("config_path_list", place.file, config.legacy.config_path, place.line)
    if place.line is None or config.states_config_path:
        return Obstacle("config_path_unset", place.file, "", place.line)
    behind = config.replacing(state, place.file)
    if behind is None:
        return Obstacle("config_path_lost", place.file, "", place.line)
    return Obstacle("config_path_replaced", behind.file, place.file, behind.line)


def _by_tables(image: Image, state: NodeState, config: Config) -> Route:
    found = legacy_registry.asked(image.registry, config.legacy, config.release)
    if found.name is None and not config.legacy.mirrors:
        obstacle = _unused(state, config)
        (endpoint,) = found.endpoints
        step = _step(endpoint, config, obstacle.place, is_upstream=True)
        return Route(image, (step,), "", (obstacle,))
    if found.name is None or found.name not in config.legacy.mirrors:
        place = config.place(state, "mirrors")
    else:
        place = config.place(state, "mirrors", found.name, "endpoint")
    missing = _bad_table(found.endpoints, state)
    if found.problem or missing:
        broken = "tables_broken" if found.is_certain else "tables_uncertain"
        kind, detail = (broken, found.problem) if found.problem else ("pull_file", missing)
        return Route(image, (), place.file, (Obstacle(kind, place.file, detail, place.line),))
    upstream = legacy_registry.default_host(image.registry)
    own = ("", image.registry) if image.registry == ANY else (upstream, image.registry)
    steps = [_step(each, config, place, is_upstream=each.host in own) for each in found.endpoints]
    return Route(image, tuple(steps), place.file)


def _bad_table(endpoints: t.Iterable[Endpoint], state: NodeState) -> str:
    """A certificate that is not there; whether there is one in a file is not looked at here."""
    files = [path for each in endpoints for path in (*each.ca, *(path for pair in each.client for path in pair))]
    missing = next((path for path in files if _is_missing(path, state)), "")
    return f"{missing} is not there" if missing else ""


def _step(endpoint: Endpoint, config: Config, place: Place, *, is_upstream: bool = False) -> Step:
    # registry.headers are sent to everybody.
    header = tuple(dict([*config.legacy.headers, *endpoint.header]).items())
    return Step(dataclasses.replace(endpoint, header=header), is_upstream, config.auth(endpoint.host), place)


# --- by the tree


def _by_tree(image: Image, state: NodeState, config: Config, roots: tuple[str, ...] = ()) -> Route:
    roots = roots or config.roots
    for root in roots:
        stop = _of_root(root, state)
        if stop is not None:
            return Route(image, (), "", (stop,))
        name = _directory(image.registry, root, state, config.release)
        if name is not None:
            return _by_directory(image, f"{root}/{name}", state, config)
    there = [root for root in roots if state.directories.get(root, ABSENT).kind == "directory"]
    if not there:
        place = config.place(state, "config_path")
        obstacle = Obstacle("config_path_missing", roots[0])
        return Route(image, (_upstream_step(image, Endpoint(), config, place),), "", (obstacle,))
    alike = sorted({name for root in there for name in _alike(image.registry, root, state)})
    obstacle = Obstacle("no_entry", there[0], ", ".join(alike))
    return Route(image, (_upstream_step(image, Endpoint(), config, obstacle.place),), "", (obstacle,))


def _of_root(root: str, state: NodeState) -> Obstacle | None:
    """What keeps containerd, or only us, from looking into a tree."""
    found = state.directories.get(root)
    if found is None:
        return Obstacle("unknown", root, "it was not read")
    if found.kind in ("absent", "directory"):
        return Obstacle("unknown", root, found.error) if found.error else None
    return _of_entry(found, root)


def _of_entry(entry: Entry, path: str) -> Obstacle:
    """What comes of something else than a directory in its place, or than a file."""
    if entry.error and entry.error not in _ALIKE_FOR_ALL:
        return Obstacle("unknown", path, entry.error)
    what = {"directory": "it is a directory", "file": "it is a file"}.get(entry.kind, "it is no plain file")
    return Obstacle("no_directory", path, entry.error or what)


def _directory(namespace: str, root: str, state: NodeState, release: Release) -> str | None:
    """The first of the names that containerd looks for and that is there, be it a directory or not."""
    names = [Namespace(namespace).directory, namespace, *([ANY] if release.knows(Feature.DEFAULT_NAMESPACE) else [])]
    listing = state.listings.get(root, {})
    return next((name for name in names if listing.get(name, ABSENT).kind != "absent"), None)


def _alike(namespace: str, root: str, state: NodeState) -> t.Iterator[str]:
    """Directories that were probably meant for this registry: another port, other letters, Docker Hub's host."""
    wanted = _bare(namespace)
    for name, entry in state.listings.get(root, {}).items():
        if "/" not in name and entry.kind == "directory" and _bare(name) == wanted:
            yield name


def _bare(name: str) -> str:
    host = name.lower().rstrip("_").replace("_", ":").partition(":")[0]
    return HUB if host in HUB_NAMES else host


def _by_directory(image: Image, directory: str, state: NodeState, config: Config) -> Route:
    root, name = posixpath.split(directory)
    found = state.listings[root][name]
    if found.kind != "directory":
        return Route(image, (), "", (_of_entry(found, directory),))
    path = f"{directory}/{HOSTS_TOML}"
    entry = state.globs.get(_pattern(root), {}).get(path, state.listings[root].get(f"{name}/{HOSTS_TOML}", ABSENT))
    reading, obstacle = _read(path, entry, found, config.release)
    if obstacle is not None:
        # containerd then takes certificates that lie there as Docker has them, and the registry itself.
        reading = Reading((_with_docker_files(directory, state),), lines=(obstacle.line,))
    bad = _bad_file(path, reading, state)
    *hosts, last = zip(reading.endpoints, reading.lines, strict=True)
    steps = [_step(endpoint, config, Place(path, line)) for endpoint, line in hosts]
    endpoint, line = last
    if endpoint.is_upstream:
        steps.append(_upstream_step(image, endpoint, config, Place(path, line)))
    else:
        steps.append(dataclasses.replace(_step(endpoint, config, Place(path, line)), is_server=True))
    unseen = [Obstacle("hosts_unseen", path, _host_of(name), line) for name, line in reading.unseen]
    chance = Obstacle("order_by_chance", path) if reading.order_is_by_chance else None
    return Route(image, tuple(steps), path, tuple(filter(None, (obstacle, bad, chance, *unseen))))


def _host_of(name: str) -> str:
    """What of a host's name can be shown: there can be a password in it."""
    try:
        return go_url.parse(name if name.startswith("http") else f"https://{name}").host
    except go_url.NotAUrlError:
        return ""


def _read(path: str, entry: Entry, directory: Entry, release: Release) -> tuple[Reading, Obstacle | None]:
    if entry.kind == "absent":
        if directory.error:
            return Reading(), Obstacle("unknown", path, directory.error)
        return Reading(), Obstacle("no_hosts_toml", path)
    if entry.kind == "other" and not entry.error:
        # Of a device, containerd could read nothing, which means the registry itself.
        return Reading(), Obstacle("unknown", path, "it is no plain file")
    if entry.kind != "file" or (entry.content is None and entry.error):
        found = _of_entry(entry, path)
        return Reading(), found if found.is_unknown else dataclasses.replace(found, kind="unreadable")
    if entry.content is None:
        return Reading(), Obstacle("unknown", path, "it was not read")
    found_there = hosts_reader.reread(entry.content, release, directory=posixpath.dirname(path))
    if found_there.crashes:
        return found_there, Obstacle("crashes", path, "", found_there.fault_line)
    if found_there.dropped is not None and not found_there.is_certain:
        return found_there, Obstacle("uncertain", path, found_there.dropped, found_there.fault_line)
    if found_there.dropped is not None:
        return found_there, Obstacle("dropped", path, found_there.dropped, found_there.fault_line)
    return found_there, None


def _with_docker_files(directory: str, state: NodeState) -> Endpoint:
    root, _slash, name = directory.rpartition("/")
    listing = state.listings.get(root, {})
    # A symlink to a directory is taken for a file, and then cannot be read.
    files = sorted(
        path.partition("/")[2]
        for path, entry in listing.items()
        if path.startswith(f"{name}/") and (entry.kind != "directory" or entry.link)
    )
    certificates = [file for file in files if file.endswith(".cert")]
    keys = [file.removesuffix(".cert") + ".key" for file in certificates]
    there = {file for file in files if listing[f"{name}/{file}"].kind != "absent"}
    pairs = [(file, key if key in there else file) for file, key in zip(certificates, keys, strict=True)]
    return Endpoint(
        ca=tuple(f"{directory}/{file}" for file in files if file.endswith(".crt")),
        client=tuple((f"{directory}/{first}", f"{directory}/{last}") for first, last in pairs),
    )


def _upstream_step(image: Image, endpoint: Endpoint, config: Config, place: Place) -> Step:
    named = Endpoint() if image.registry == ANY else hosts_reader.upstream(image.registry, config.release)
    whole = dataclasses.replace(
        endpoint,
        scheme=named.scheme,
        host=named.host,
        path=named.path,
        capabilities=frozenset(),
        skip_verify=named.skip_verify or endpoint.skip_verify,
    )
    return _step(whole, config, place, is_upstream=True)


# --- files that an endpoint needs


def _bad_file(path: str, reading: Reading, state: NodeState) -> Obstacle | None:
    """The first file of any endpoint that is not there or not what it should be: one is enough to fail every pull."""
    for endpoint, line in zip(reading.endpoints, reading.lines, strict=True):
        certificates = [*endpoint.ca, *(pair[0] for pair in endpoint.client)]
        wanted = [(file, "CERTIFICATE") for file in certificates]
        wanted += [(pair[1], "PRIVATE KEY") for pair in endpoint.client]
        for file, label in wanted:
            fault = _fault(file, label, state)
            if fault:
                return Obstacle("pull_file", path, f"{file} {fault}", line)
    return None


def _fault(file: str, label: str, state: NodeState) -> str:
    if _is_missing(file, state):
        return "is not there"
    entry = _known(file, state) or ABSENT
    if entry.kind == "directory":
        return "is a directory"
    labels = entry.pem if entry.content is None else pem_labels(entry.content)
    if labels is not None and not any(found.endswith(label) for found in labels):
        return "has no certificate in it" if label == "CERTIFICATE" else "has no private key in it"
    return ""


def _is_missing(path: str, state: NodeState) -> bool:
    """Whether a file is known not to be there; nothing is known of files outside what was read."""
    entry = _known(path, state)
    return entry is not None and entry.kind == "absent"


def _known(path: str, state: NodeState) -> Entry | None:
    """A path as it was found, None if nobody looked."""
    for answers in (state.files, state.directories, *state.globs.values()):
        if path in answers:
            return answers[path]
    root = next((root for root in state.listings if path.startswith(f"{root}/")), None)
    top = ABSENT if root is None else state.directories.get(root, ABSENT)
    # Where symlinks are, nobody but the kernel can tell what two dots lead to.
    is_plain = {"", ".", ".."}.isdisjoint(path.split("/")[1:])
    if root is None or top.kind != "directory" or top.error or not is_plain:
        return None
    directory, _slash, name = path.removeprefix(f"{root}/").partition("/")
    listing = state.listings[root]
    within = listing.get(directory, ABSENT)
    if not name or within.kind == "absent":
        return within
    return None if "/" in name or within.error else listing.get(f"{directory}/{name}", ABSENT)


# --- obstacles


def _of_steps(found: Route) -> t.Iterator[Obstacle]:
    if found.steps and not any(step.resolves(found.image) for step in found.steps):
        yield Obstacle("nobody_resolves", found.source)
    for step in found.steps:
        if not step.can_be_asked:
            yield Obstacle("host_lost", step.place.file, "", step.place.line)


def _not_restarted(state: NodeState, config: Config) -> t.Iterator[Obstacle]:
    newer = newer_than_start(state, config.files, config.release)
    # What was put back has its old time again; a mark tells of that.
    has_mark = state.file(pending_restart.MARK).kind == "file"
    if has_mark and config.paths and pending_restart.is_pending(state, config.paths[0]):
        newer = [*newer, config.paths[0]]
    if newer:
        yield Obstacle("not_restarted", newer[0])


def newer_than_start(state: NodeState, files: t.Sequence[ConfigFile], release: Release) -> list[str]:
    """What containerd reads at its start only, and has not read as it is now; the tree is read anew at each pull.

    A drop-in that was taken away since has left its trace in the directory that a glob of ``imports`` is about.
    """
    started = (state.unit or {}).get("started") or 0
    if not started:
        return []
    paths = [*(file.path for file in files), *(path for file in files for path in _import_directories(file, release))]
    entries = {path: state.file(path) for path in dict.fromkeys(paths)}
    return [path for path, entry in entries.items() if max(entry.mtime or 0, entry.changed or 0) > started]


def _import_directories(file: ConfigFile, release: Release) -> list[str]:
    try:
        names = imports.targets(file.path, file.data, release)
    except DomainError:
        # What is no list of names is told elsewhere.
        return []
    return [posixpath.dirname(name) for name in names if "*" in name]


def _pattern(root: str) -> str:
    return f"{_absolute(root)}/*/{HOSTS_TOML}"


def _absolute(root: str) -> str:
    """The unit starts containerd in the root directory, and Go cleans a path before it looks for it."""
    return "/" + posixpath.normpath(f"/{root}").lstrip("/")


def _line(content: bytes | None, path: KeyPath) -> int | None:
    """The line of config.toml that first speaks of a key, or of the nearest that it is in."""
    if content is None:
        return None
    statements = _statements(content)
    depths = range(len(path), 0, -1)
    lines = (each.line for depth in depths for each in statements if each.path[:depth] == path[:depth])
    return next(lines, None)


@functools.lru_cache(maxsize=64)
def _statements(content: bytes) -> tuple[Statement, ...]:
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return tuple(each for each in scan(text) if each.path)


# --- for the probe


def to_wire(step: Step, image: Image, release: Release) -> dict[str, t.Any]:
    """An endpoint as the module ``_node_probe`` takes it."""
    endpoint = step.endpoint
    own = image.registry in (endpoint.host, HUB if endpoint.host == legacy_registry.HUB_HOST else None)
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
        "tls_first": _tries_tls_first(endpoint, release),
        "header": [[name, ", ".join(values)] for name, values in endpoint.header],
        "header_to_token": release.knows(Feature.TOKEN_HEADERS),
        "auth": step.auth,
    }


def _tries_tls_first(endpoint: Endpoint, release: Release) -> bool:
    """Whether containerd speaks TLS first where the URL says http."""
    has_tls_settings = bool(endpoint.ca or endpoint.client or endpoint.skip_verify is not None)
    # Read at v2.0.7, and gone at v2.1.0.
    has_timeout = release.line == (2, 0) and endpoint.dial_timeout is not None
    is_asked = has_tls_settings or has_timeout
    return is_asked and not endpoint.host.endswith(":80") and release.knows(Feature.TLS_FIRST)
