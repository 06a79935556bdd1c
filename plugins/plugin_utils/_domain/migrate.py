# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of hosts.toml files that asks whom the tables ``mirrors`` and ``configs`` ask. Private to this collection.

Naming the tree in ``config_path`` is a change for every namespace at once: for those that the tables name, for those
that have the name of an endpoint of ``*``, and for those that only have a directory on the node. So all of these are
compared, by two readings that know nothing of each other: ``legacy_registry`` and ``tree_routes``.
"""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.auth import Auth
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import Headers, Host
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import (
    EVERY,
    HUB_HOST,
    Legacy,
    Target,
    asks_upstream,
    default_host,
    endpoints,
    targets,
    tls_of,
    upstream,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, HUB, Namespace, Url
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    HostIntent,
    Intent,
    Registry,
    read_config_path,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML, Plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import (
    Route,
    TreeOnNode,
    show_route,
    show_url,
    valid_namespace,
)

DEFAULT_TREE = "/etc/containerd/certs.d"

_DOCKER_SUFFIXES = (".crt", ".cert", ".key")


@dataclasses.dataclass(frozen=True)
class Wish:
    """The options of the task."""

    config_path: str | None = None
    auth: str = "keep"
    headers: str = "keep"
    accept_losses: bool = False
    overwrite: bool = False
    leave: frozenset[str] = frozenset()

    @classmethod
    def read(cls, options: t.Mapping[str, t.Any]) -> Wish:
        """:raises DomainError: ``config_path`` is not one directory."""
        known = {field.name: options[field.name] for field in dataclasses.fields(cls)}
        named = known["config_path"]
        return cls(
            **{
                **known,
                "config_path": None if named is None else read_config_path(named),
                "leave": frozenset(known["leave"]),
            }
        )


@dataclasses.dataclass(frozen=True)
class Proof:
    """Whom containerd asks for one namespace, by the tables and by the tree; only the latter has headers."""

    namespace: str
    before: Route
    after: Route


@dataclasses.dataclass(frozen=True)
class Migration:
    """What the tree and config.toml have to say; ``expected`` has the endpoints of every namespace that is compared.

    To those of the tables it adds the headers that they get in the tree.
    """

    intent: Intent
    expected: t.Mapping[str, Route]
    absent: tuple[KeyPath, ...]
    losses: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def config_intent(self) -> ConfigIntent:
        """What config.toml has to say then."""
        return ConfigIntent(registry_config_path=self.intent.config_path, absent=self.absent)


def tree_of(legacy: Legacy, wish: Wish) -> str:
    """The directory of the tree: the one that is asked for, the one in the file, else the usual one."""
    if wish.config_path is not None:
        return read_config_path(wish.config_path)
    return read_config_path(legacy.config_path or DEFAULT_TREE, option="registry.config_path")


def is_needed(legacy: Legacy, wish: Wish) -> bool:
    """Whether there is anything to migrate; credentials alone can stay where they are unless they are to move."""
    moves = wish.auth == "header" and not legacy.config_path and any(map(_as_header, legacy.auth.values()))
    return legacy.is_left or moves


def left_behind(state: NodeState, legacy: Legacy, wish: Wish, release: Release) -> tuple[str, ...]:
    """Credentials that were to become headers, and that an earlier migration has left where they were.

    The files that they belong to are there by now, and may be anybody's.
    """
    tree = TreeOnNode(state, wish.config_path or DEFAULT_TREE, release)
    moving = _Work(tree, legacy, wish, release).moving
    return tuple(
        f"{_show_auth(host)}: stays, because auth: header takes credentials along with the tables, and these have gone "
        "already. Give the host its auth in containerd_registries, which puts it where this release reads it; or say "
        "auth: keep."
        for host in moving
    )


def kept_without_need(legacy: Legacy) -> tuple[str, ...]:
    """What stands in the file and may stay there, with nothing to migrate."""
    paths: list[KeyPath] = [("registry", "configs", host, "auth") for host in legacy.auth]
    paths += [("registry", "auths", url) for url in legacy.auths]
    return tuple(map(show_key_path, [*paths, *([("registry", "headers")] if legacy.headers else [])]))


def plan_migration(state: NodeState, legacy: Legacy, wish: Wish, release: Release) -> Migration:
    """Plans the tree and what has to change in config.toml; ``state`` has the directory of the tree.

    :raises DomainError: nothing may be written then.
    """
    if not release.knows(Feature.HOSTS_TOML):
        raise DomainError(
            f"containerd {release} reads no hosts.toml, so the tables have to stay",
            key_path=("registry",),
            fix=f"It came with {Feature.HOSTS_TOML.since_text}: upgrade containerd on this node first.",
        )
    return _Work(TreeOnNode(state, tree_of(legacy, wish), release), legacy, wish, release).migration()


def check_certificates(state: NodeState, legacy: Legacy, migration: Migration) -> None:
    """Passes over files that are there; ``state`` has them all.

    :raises DomainError: one is missing, for which 1.x fails every pull from a namespace that has the host, by the
        tables and by hosts.toml alike.
    """
    named = migration.intent.sources
    for host, tls in legacy.tls.items():
        files = [("ca_file", path) for path in tls.ca]
        files += [(key, path) for pair in tls.client for key, path in zip(("cert_file", "key_file"), pair, strict=True)]
        for key, path in files:
            kind = state.directories.get(path, state.file(path)).kind
            if path in named and kind != "file":
                what = "is not" if kind == "absent" else "is no file"
                raise DomainError(
                    f"{path} {what} on the node: every pull that could ask {host} would fail",
                    key_path=("registry", "configs", host, "tls", key),
                    fix="Nothing was changed. Put the file there, or take the table out.",
                )


def prove(migration: Migration, state: NodeState, plan: Plan, release: Release) -> tuple[Proof, ...]:
    """Reads the tree as the plan leaves it, by containerd's rules, and compares it with the tables.

    :raises DomainError: containerd would ask somebody else than before.
    """
    disk = TreeOnNode(state, migration.intent.config_path, release)
    planned = {change.path: change.content for change in plan.changes.changes if change.content is not None}
    proofs = []
    for namespace, expected in migration.expected.items():
        path = disk.hosts_toml(Namespace(namespace).directory)
        after = disk.read(namespace, planned.get(path, disk.content(path)))
        if after != expected:
            raise DomainError(
                f"containerd {release} would ask {show_route(after)} instead of {show_route(expected)} for {namespace}",
                key_path=("registry", "mirrors", namespace),
                fix="Nothing was changed. This is a fault of the collection: please report the tables.",
            )
        before = tuple(dataclasses.replace(endpoint, header=()) for endpoint in expected)
        proofs.append(Proof(namespace, before, after))
    return tuple(proofs)


# --- from the tables to the tree


class _Work:
    """One migration in the making."""

    def __init__(self, disk: TreeOnNode, legacy: Legacy, wish: Wish, release: Release) -> None:
        self.disk, self.legacy, self.wish, self.release = disk, legacy, wish, release
        # Tables that do not count go with those that do.
        self.losses = [f"{table}: containerd {release} reads nothing of it" for table in legacy.passed_over]
        self.kept: list[str] = []
        self.warnings: list[str] = []
        # Beside config_path the tables of TLS never counted, and the tree is what it is.
        self.tree_counts = bool(legacy.config_path) and not legacy.mirrors
        self.moving = self._moving()

    def migration(self) -> Migration:
        names = {} if self.tree_counts else self._named()
        if not self.tree_counts:
            names |= self._found_on_disk(names)
        expected = {name: self._expected(name) for name in names}
        written = {name: at for name, at in names.items() if not self._is_said_already(name, expected[name])}
        registries = tuple(self._registry(name, at) for name, at in written.items())
        self._tell(expected)
        absent = self._absent(expected)
        self._refuse_losses()
        return Migration(
            intent=Intent(self.disk.root, registries, tells_of_headers=False),
            expected=expected,
            absent=absent,
            losses=tuple(self.losses),
            kept=tuple(self.kept),
            warnings=tuple(self.warnings),
        )

    # which namespaces

    def _named(self) -> dict[str, KeyPath]:
        """Every namespace that the tables have something to say about, with where they do."""
        names: dict[str, KeyPath] = {}
        for mirror in self.legacy.mirrors:
            at = ("registry", "mirrors", mirror)
            namespace = ANY if mirror == EVERY else valid_namespace(mirror)
            if namespace is None or mirror == ANY:
                self.losses.append(f"{show_key_path(at)}: containerd never looks this name up, so it has had no effect")
            elif namespace not in self.wish.leave:
                names[namespace] = at
        if ANY in names:
            self._check_default()
            names |= self._shadows(names)
        for host in self._configured_hosts():
            namespace = HUB if host == HUB_HOST else valid_namespace(host)
            if namespace is None or namespace == ANY or namespace in names or namespace in self.wish.leave:
                continue
            if self._upstream_is(namespace, host):
                names[namespace] = ("registry", "configs", host)
        return names

    def _check_default(self) -> None:
        feature = Feature.DEFAULT_NAMESPACE
        if not self.release.knows(feature):
            raise DomainError(
                f"containerd {self.release} does not know {feature.text}, which is what * becomes",
                key_path=("registry", "mirrors", EVERY),
                fix=f"Nothing was changed. It came with {feature.since_text}: upgrade, or name each registry.",
            )

    def _shadows(self, names: t.Container[str]) -> dict[str, KeyPath]:
        """Registries that are an endpoint of ``*`` themselves: they are asked once, while _default asks them again."""
        found: dict[str, KeyPath] = {}
        for target in targets(ANY, self.legacy, self.release):
            namespace = valid_namespace(target.url.authority)
            if namespace and namespace not in names and namespace not in self.wish.leave:
                found[namespace] = ("registry", "mirrors", EVERY)
        return found

    def _configured_hosts(self) -> list[str]:
        """Hosts whose endpoints differ from plain ones."""
        with_tls = [host for host, tls in self.legacy.tls.items() if tls]
        return [*with_tls, *(host for host in self.moving if host not in with_tls)]

    def _upstream_is(self, namespace: str, host: str) -> bool:
        """Whether the registry of a namespace is asked at this host, with what is said of it."""
        if default_host(namespace) != host or not asks_upstream(namespace, self.legacy, self.release):
            return False
        return upstream(namespace, self.release).is_tls or host in self.moving

    def _found_on_disk(self, names: t.Mapping[str, KeyPath]) -> dict[str, KeyPath]:
        """Namespaces that only a directory on the node speaks of, which nobody has read so far."""
        if not self.legacy.mirrors and self.disk.root == self.release.rules.registry.default_config_path.split(":")[0]:
            # Where neither is set, newer releases read the usual directory.
            return {}
        found: dict[str, KeyPath] = {}
        for namespace, files in self.disk.namespaces.items():
            if namespace in names or namespace in self.wish.leave:
                continue
            has_certificates = any(posixpath.splitext(name)[1] in _DOCKER_SUFFIXES for name in files)
            if HOSTS_TOML in files or has_certificates or ANY in names:
                found[namespace] = ("registry", "mirrors", namespace)
                if HOSTS_TOML not in files and has_certificates and not self.wish.overwrite:
                    raise self._conflict(namespace, "would be read by containerd for the certificates in it")
        return found

    def _is_said_already(self, namespace: str, expected: Route) -> bool:
        """Whether the hosts.toml that is there says the same; otherwise it must give way.

        :raises DomainError: it says something else, and may not be replaced.
        """
        path = self.disk.hosts_toml(Namespace(namespace).directory)
        if self.disk.content(path) is None:
            return False
        says = self.disk.says(namespace)
        if says == expected:
            self.kept.append(path)
            return True
        if not self.wish.overwrite:
            raise self._conflict(namespace, f"asks {show_route(says)}, the tables ask {show_route(expected)}")
        return False

    def _conflict(self, namespace: str, what: str) -> DomainError:
        directory = Namespace(namespace).directory
        return DomainError(
            what,
            file=f"{self.disk.root}/{directory}" + ("" if what.startswith("would") else f"/{HOSTS_TOML}"),
            fix=f"Nothing was changed. Move it away; or replace it with overwrite: true, which keeps a copy; or name "
            f"{namespace} in leave, if it is to count from now on.",
        )

    # what each is asked with

    def _moving(self) -> dict[str, str]:
        """The credentials that become a header, by host."""
        headers = {host: _as_header(auth) for host, auth in self.legacy.auth.items() if self.wish.auth == "header"}
        found = {host: header for host, header in headers.items() if header}
        needed = self._needed_by_left() if found else {}
        for host in found.keys() & needed.keys():
            self.warnings.append(
                f"{_show_auth(host)}: stays, because {needed[host]}, which is left out, asks this host without a "
                "header of its own"
            )
        return {host: header for host, header in found.items() if host not in needed}

    def _needed_by_left(self) -> dict[str, str]:
        """Hosts that somebody else's namespaces ask with what config.toml has for them, with one of these each."""
        found: dict[str, str] = {}
        for namespace in sorted(self.wish.leave):
            is_there = self.disk.content(self.disk.hosts_toml(Namespace(namespace).directory)) is not None
            route = self.disk.says(namespace) if is_there else None
            for endpoint in endpoints(namespace, self.legacy, self.release) if route is None else route:
                if all(name.lower() != "authorization" for name, _values in endpoint.header):
                    found.setdefault(endpoint.host, namespace)
        return found

    def _header(self, host: str) -> Headers:
        moving = self.moving.get(host)
        own: dict[str, tuple[str, ...]] = {"Authorization": (moving,)} if moving else {}
        return tuple(sorted((own | dict(self.legacy.headers if self.wish.headers == "carry" else ())).items()))

    def _expected(self, namespace: str) -> Route:
        return tuple(
            dataclasses.replace(endpoint, header=self._header(endpoint.host)) if endpoint.host else endpoint
            for endpoint in endpoints(namespace, self.legacy, self.release)
        )

    def _registry(self, namespace: str, at: KeyPath) -> Registry:
        found = targets(namespace, self.legacy, self.release)
        option = show_key_path(at)
        hosts = tuple(
            HostIntent(f"{option}.endpoint", self._host(target.url, override_path=target.override_path))
            for target in found
        )
        self._check_paths(found)
        asks = asks_upstream(namespace, self.legacy, self.release)
        server = self._server(namespace, option) if asks and namespace != ANY else None
        return Registry(option, Namespace(namespace), fallback=asks, hosts=hosts, server=server)

    def _check_paths(self, found: t.Iterable[Target]) -> None:
        """:raises DomainError: an endpoint that hosts.toml has no form for on this release, or none beside another."""
        seen: set[str] = set()
        for target in found:
            if target.override_path and not self.release.knows(Feature.OVERRIDE_PATH):
                raise DomainError(
                    f"the path of {target.url} needs {Feature.OVERRIDE_PATH.text} in hosts.toml, which containerd "
                    f"{self.release} does not know",
                    key_path=target.at,
                    fix=f"Nothing was changed. It came with {Feature.OVERRIDE_PATH.since_text}: upgrade first.",
                )
            if str(target.url) in seen:
                raise DomainError(
                    f"has {target.url} with and without a slash at its end, which hosts.toml cannot tell apart",
                    key_path=target.at,
                    fix="Nothing was changed; remove one of the two. The one with the slash is asked without /v2.",
                )
            seen.add(str(target.url))

    def _server(self, namespace: str, option: str) -> HostIntent | None:
        """The upstream, where containerd's own idea of it is not what the tables make of it."""
        url = upstream(namespace, self.release)
        host = self._host(url, override_path=False)
        is_plain = url.is_tls and host == Host(url)
        return None if is_plain else HostIntent(f"{option}.server", host)

    def _host(self, url: Url, *, override_path: bool) -> Host:
        tls = tls_of(url, self.legacy)
        return Host(
            url=url,
            ca=tls.ca,
            client=tls.client,
            skip_verify=tls.skip_verify,
            override_path=override_path,
            header=self._header(url.authority),
        )

    # what goes, what stays, what is lost

    def _absent(self, expected: t.Mapping[str, Route]) -> tuple[KeyPath, ...]:
        asked = {endpoint.host for route in expected.values() for endpoint in route}
        moved = [host for host in self.moving if host in asked]
        if not self.release.knows(Feature.TOKEN_HEADERS):
            self.losses += map(self._out_of_reach, moved)
        gone = {host: ["tls"] for host in self.legacy.tls}
        for host in moved:
            gone.setdefault(host, []).append("auth")
        paths: list[KeyPath] = [(*REGISTRY, "mirrors")] if self.legacy.mirrors else []
        rest = {host: self._rest(host, keys) for host, keys in gone.items()}
        if gone and not any(rest.values()) and gone.keys() >= self.legacy.configured:
            # An empty table would be all that is left of it.
            paths.append((*REGISTRY, "configs"))
        else:
            for host, keys in gone.items():
                entry: KeyPath = (*REGISTRY, "configs", host)
                paths += [(*entry, key) for key in keys] if rest[host] else [entry]
        if self.wish.headers == "carry" and self.legacy.headers:
            paths.append((*REGISTRY, "headers"))
            self.losses.append(
                "registry.headers: they go on to the endpoints of these namespaces, and no longer to those of any other"
            )
        self._keep(moved)
        return tuple(paths)

    def _out_of_reach(self, host: str) -> str:
        return (
            f"{_show_auth(host)}: containerd {self.release} does not send a header to services that hand out tokens; "
            "auth: keep leaves the credentials in config.toml, where they serve such registries, too"
        )

    def _rest(self, host: str, keys: t.Container[str]) -> bool:
        """Whether something of ``configs.HOST`` stays."""
        unknown = any(path[:3] == ("registry", "configs", host) for path in self.legacy.unknown)
        return unknown or any(key not in keys for key in self._config_keys(host))

    def _config_keys(self, host: str) -> list[str]:
        return [key for key, table in (("auth", self.legacy.auth), ("tls", self.legacy.tls)) if host in table]

    def _keep(self, moved: t.Container[str]) -> None:
        stays: list[KeyPath] = [("registry", "configs", host, "auth") for host in self.legacy.auth if host not in moved]
        stays += [("registry", "auths", url) for url in self.legacy.auths]
        self.kept += [show_key_path(path) for path in stays]
        if stays and self.release.rules.pulls_by_transfer_service:
            self.warnings.append(
                f"{show_key_path(stays[0][:2])}: as long as it stands, containerd {self.release} pulls every image "
                "without its transfer service"
            )
        if self.legacy.headers and self.wish.headers == "keep":
            self.kept.append("registry.headers")
            if self.release.line < (2, 0):
                self.warnings.append(
                    f"registry.headers: containerd {self.release} writes their values into the journal whenever it "
                    "starts; those of a hosts.toml it does not, unless it logs at level debug"
                )

    def _tell(self, expected: t.Mapping[str, Route]) -> None:
        every = [endpoint for route in expected.values() for endpoint in route]
        for host, tls in self.legacy.tls.items():
            if tls:
                self._tell_of_tls(host, [endpoint for endpoint in every if endpoint.host == host])
        for path in self.legacy.unknown:
            self.warnings.append(f"{show_key_path(path)}: no containerd reads this key")
        if self.legacy.mirrors and self.legacy.config_path:
            self.warnings.append("registry.mirrors stood beside config_path: containerd has not loaded CRI with both")
        if self.release.line < (1, 6) and not self.tree_counts:
            self.warnings.append(
                f"containerd {self.release} asks registries on the node itself, such as localhost:5000, by https alone "
                "from now on, and by http so far. One with an entry in registry.mirrors, be it an empty one, is asked "
                "as before"
            )
        for endpoint in every:
            if endpoint.host and not endpoint.path:
                self.warnings.append(
                    f"{show_url(endpoint)}: the slash at the end of this endpoint makes containerd leave out /v2; that "
                    "is kept, and is hardly meant"
                )

    def _tell_of_tls(self, host: str, asked: list[t.Any]) -> None:
        at = show_key_path(("registry", "configs", host, "tls"))
        if self.tree_counts and self.release.line >= (2, 0):
            self.warnings.append(f"{at}: containerd {self.release} reads no such table; it goes")
        elif self.tree_counts:
            self.losses.append(f"{at}: config_path is set, and what the tree says of {host} stays as it is")
        elif any(endpoint.scheme == "https" for endpoint in asked):
            if self.release.line >= (2, 0):
                self.warnings.append(
                    f"{at}: containerd {self.release} has passed over it; in hosts.toml it counts from now on"
                )
        elif asked:
            self.warnings.append(f"{at}: it has had no effect on an http:// endpoint, and goes")
        elif host not in self._left_hosts():
            self.losses.append(f"{at}: no endpoint and no registry has this name, so it has had no effect")

    def _left_hosts(self) -> set[str]:
        """Those that only namespaces ask which are somebody else's business now."""
        return {end.host for name in self.wish.leave for end in endpoints(name, self.legacy, self.release)}

    def _refuse_losses(self) -> None:
        if self.losses and not self.wish.accept_losses:
            raise DomainError(
                "; ".join(self.losses),
                option="accept_losses",
                fix="Nothing was changed. Mend the tables, or go on without with accept_losses: true.",
            )


def _show_auth(host: str) -> str:
    return show_key_path(("registry", "configs", host, "auth"))


def _as_header(auth: t.Mapping[str, str]) -> str | None:
    """Credentials as containerd chooses among them; an identity token has to be exchanged, and is none for a header."""
    if auth.get("username"):
        return Auth("auth", username=auth["username"], password=auth.get("password", "")).header
    if auth.get("identitytoken") or not auth.get("auth"):
        return None
    return Auth("auth", encoded=auth["auth"]).header
