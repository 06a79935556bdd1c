# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in a tree of hosts.toml files. Private to this collection.

The order of the changes is such that a node which stops in the middle never has a hosts.toml that refers to a missing
file, and never loses the mark by which the rest can be recognised as ours.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import intended, reread
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import (
    Host,
    HostsFile,
    is_owned,
    render,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    HostIntent,
    Intent,
    Registry,
    is_node_path,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release

HOSTS_TOML = "hosts.toml"

_OUR_PEM = re.compile(r".*-([0-9a-f]{8})\.pem", re.DOTALL)
_CERTIFICATE = re.compile(
    rb"^-----BEGIN CERTIFICATE-----[ \t\r]*\n.*?^-----END CERTIFICATE-----", re.DOTALL | re.MULTILINE
)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclasses.dataclass(frozen=True)
class PemFile:
    """A PEM to be copied. Its name tells its content, so that no old hosts.toml ever meets half of a new pair."""

    source: str
    content: bytes = dataclasses.field(repr=False)
    is_secret: bool = False
    summary: str = ""

    @functools.cached_property
    def sha256(self) -> str:
        return sha256(self.content)

    @functools.cached_property
    def name(self) -> str:
        stem = posixpath.splitext(posixpath.basename(self.source))[0]
        return f"{_NOT_IN_A_NAME.sub('-', stem).strip('-.') or 'file'}-{self.sha256[:8]}.pem"

    @property
    def mode(self) -> str:
        return "0600" if self.is_secret else "0644"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The changes, and what to tell about them; ``before`` has the old content of each hosts.toml that changes."""

    changes: ChangeSet
    registries: tuple[dict[str, t.Any], ...] = ()
    adopted: tuple[str, ...] = ()
    purged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    before: t.Mapping[str, bytes] = dataclasses.field(default_factory=dict, repr=False)


def reading(intent: Intent) -> dict[str, list[str]]:
    """What has to be read on the node. Of files named in client, only that they are there: they may be keys."""
    cas = intent.node_cas
    unread = sorted(path for path in intent.sources if is_node_path(path) and path not in cas)
    return {
        "globs": [_pattern(intent.config_path)],
        "directories": [intent.config_path, *unread],
        "files": [*_parents(intent.config_path), *sorted(cas)],
    }


def plan_registries(state: NodeState, intent: Intent, pems: t.Mapping[str, PemFile], release: Release) -> Plan:
    """Plans the whole tree; ``pems`` has the files beside the play by the name that the user wrote.

    :raises DomainError: nothing may be written then.
    """
    for registry in intent.registries:
        _check_known(registry, release)
    tree = _Tree.of(state, intent.config_path)
    _check_node_files(state, intent)
    places = [_Place(tree, registry, pems, release) for registry in intent.registries]
    parts = [place.plan() for place in places]
    wanted = {registry.namespace.directory for registry in intent.registries}
    unlisted = [name for name in tree.directories if name not in wanted]
    purges = [_purge(tree, name) for name in unlisted if intent.purge]
    has_default = _has_default(tree, wanted, purges)
    if has_default:
        _check_default_stays_in_sight(tree, purges)
    steps = [change for changes in (*(p.changes for p in parts), *(p.changes for p in purges)) for change in changes]
    return Plan(
        changes=ChangeSet(tuple(sorted([*tree.missing_parents(state), *steps] if steps else [], key=_rank))),
        registries=tuple(place.described for place in places),
        adopted=tuple(part.adopted for part in parts if part.adopted),
        purged=tuple(tree.path(purge.directory) for purge in purges if purge.changes),
        kept=tuple(path for purge in purges for path in purge.kept),
        warnings=(*intent.warnings, *_not_read(tree, intent), *(_shadows(tree, wanted) if has_default else ())),
        before={change.path: tree.content(change.path) for change in steps if change.expect},
    )


# --- what the release knows


def _check_known(registry: Registry, release: Release) -> None:
    _require(release, Feature.HOSTS_TOML, registry.option)
    if registry.namespace.is_default:
        _require(release, Feature.DEFAULT_NAMESPACE, f"{registry.option}.namespace")
    for intent in registry.endpoints:
        if intent.host.override_path:
            _require(release, Feature.OVERRIDE_PATH, intent.option_of("override_path"))
        if intent.host.dial_timeout:
            _require(release, Feature.DIAL_TIMEOUT, intent.option_of("dial_timeout"))
            _check_plain_dial(intent, release)
        if "referrers" in intent.host.capabilities:
            _require(release, Feature.REFERRERS, intent.option_of("capabilities"))
    if release.line < (2, 0):
        _check_no_bracket(registry, release)


def _require(release: Release, feature: Feature, option: str) -> None:
    if not release.knows(feature):
        raise DomainError(
            f"containerd {release} does not know {feature.text}",
            option=option,
            fix=f"It came with {feature.since_text}: upgrade, or leave it out on this node.",
        )


def _check_plain_dial(intent: HostIntent, release: Release) -> None:
    url = intent.host.url
    if release.line == (2, 0) and not url.is_tls and not url.authority.endswith(":80"):
        raise DomainError(
            f"containerd {release} speaks TLS to an http:// URL that has a dial_timeout",
            option=intent.option_of("dial_timeout"),
            fix="Leave it out here, upgrade to 2.1, or use https://.",
        )


def _check_no_bracket(registry: Registry, release: Release) -> None:
    """The TOML library before 2.0 ends a table's header at the first bracket, in quotes or not, and drops the file."""
    hosts = registry.file.hosts
    for intent in registry.endpoints:
        if "[" in intent.host.url.authority and intent.host in hosts:
            raise DomainError(
                f"containerd {release} cannot read a host with an IPv6 address in brackets, and drops the whole file",
                option=intent.option,
                fix="Give the address a name, or make it the last endpoint, which is written another way.",
            )


# --- the tree as it is


@dataclasses.dataclass(frozen=True)
class _Tree:
    root: str
    exists: bool
    listing: t.Mapping[str, Entry]
    texts: t.Mapping[str, Entry]
    names: t.Mapping[str, list[str]]

    @classmethod
    def of(cls, state: NodeState, root: str) -> _Tree:
        top = state.directories.get(root, ABSENT)
        _check_directory(top, root)
        listing = state.listings.get(root, {})
        names: dict[str, list[str]] = collections.defaultdict(list)
        for relative in sorted(listing):
            directory, slash, name = relative.partition("/")
            if slash:
                names[directory].append(name)
        return cls(root, top.kind == "directory", listing, state.globs.get(_pattern(root), {}), dict(names))

    @property
    def directories(self) -> list[str]:
        return [name for name, entry in sorted(self.listing.items()) if "/" not in name and entry.kind == "directory"]

    def missing_parents(self, state: NodeState) -> list[Change]:
        missing = [] if self.exists else [self.root]
        for path in reversed(_parents(self.root)):
            entry = state.file(path)
            _check_directory(entry, path)
            if entry.kind == "absent":
                missing.insert(0, path)
        return [Change(op="mkdir", path=path, mode="0755") for path in missing]

    def path(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def entry(self, *parts: str) -> Entry:
        return self.listing.get("/".join(parts), ABSENT)

    def hosts_toml(self, directory: str) -> Entry:
        return self.texts.get(self.path(directory, HOSTS_TOML)) or self.entry(directory, HOSTS_TOML)

    def owns(self, directory: str) -> bool:
        content = self.hosts_toml(directory).content
        return content is not None and is_owned(content)

    def content(self, path: str) -> bytes:
        return self.texts.get(path, ABSENT).content or b""

    def is_referenced_elsewhere(self, path: str, directory: str) -> bool:
        own = self.path(directory, HOSTS_TOML)
        return any(path.encode() in (entry.content or b"") for other, entry in self.texts.items() if other != own)

    def our_pems(self, directory: str) -> list[str]:
        """PEMs that our hosts.toml refers to, that are named by their content and still have it."""
        if not self.owns(directory):
            return []
        return [name for name in self.names.get(directory, ()) if self._is_our_pem(directory, name)]

    def _is_our_pem(self, directory: str, name: str) -> bool:
        match = _OUR_PEM.fullmatch(name)
        if not match or not (self.entry(directory, name).sha256 or "").startswith(match[1]):
            return False
        path = self.path(directory, name)
        return path.encode() in (self.hosts_toml(directory).content or b"") and not self.is_referenced_elsewhere(
            path, directory
        )


def _parents(path: str) -> list[str]:
    """The directories above a path, without the root directory."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def _pattern(root: str) -> str:
    return f"{root}/*/{HOSTS_TOML}"


def _check_directory(entry: Entry, path: str) -> None:
    """:raises DomainError: neither a directory nor a free name."""
    problem = None
    if entry.error is not None:
        problem = f"cannot be read: {entry.error}"
    elif entry.kind == "absent" and entry.link:
        problem = f"is a symlink that leads nowhere, to {entry.link}"
    elif entry.kind not in ("directory", "absent"):
        problem = "is not a directory"
    if problem:
        raise DomainError(problem, file=path, fix="Nothing was changed; see to it on the node.")


def _check_file(entry: Entry, path: str) -> None:
    """:raises DomainError: neither a file that could be read nor a free name."""
    problem = None
    if entry.error is not None:
        problem = f"cannot be read: {entry.error}"
    elif entry.kind == "absent" and entry.link:
        problem = f"is a symlink that leads nowhere, to {entry.link}"
    elif entry.kind not in ("file", "absent"):
        problem = "is a directory, not a file" if entry.kind == "directory" else "is not a file"
    if problem:
        raise DomainError(problem, file=path, fix="Nothing was changed; move it away on the node.")


def _check_node_files(state: NodeState, intent: Intent) -> None:
    cas = intent.node_cas
    for path, option in intent.sources.items():
        if not is_node_path(path):
            continue
        entry = state.file(path) if path in cas else state.directories.get(path, ABSENT)
        if entry.kind != "file" or entry.size == 0:
            what = {"absent": "does not exist", "file": "is empty"}.get(entry.kind, "is not a file")
            raise DomainError(
                f"{path} {what} on the node",
                option=option,
                fix="Every pull of this namespace would fail. Put it there first, or name a file beside the play.",
            )
        if entry.content is not None and not _CERTIFICATE.search(entry.content):
            raise DomainError(
                f"{path} on the node has no -----BEGIN CERTIFICATE----- block in it",
                option=option,
                fix="Every pull of this namespace would fail. Put the CA's certificate there as PEM, or name a file "
                "beside the play.",
            )


# --- one namespace


class _Part(t.NamedTuple):
    changes: list[Change]
    adopted: str | None


@dataclasses.dataclass(frozen=True)
class _Place:
    """A namespace and its directory."""

    tree: _Tree
    registry: Registry
    pems: t.Mapping[str, PemFile]
    release: Release

    @property
    def name(self) -> str:
        return self.registry.namespace.directory

    @property
    def described(self) -> dict[str, t.Any]:
        return {
            "namespace": self.registry.namespace.name,
            "directory": self.tree.path(self.name),
            "endpoints": [str(host.url) for host in self.registry.file.endpoints],
            "closed": self.registry.is_closed,
        }

    def plan(self) -> _Part:
        directory = self.tree.entry(self.name)
        _check_directory(directory, self.tree.path(self.name))
        changes = []
        if directory.kind == "absent":
            changes.append(Change(op="mkdir", path=self.tree.path(self.name), mode="0755"))
        changes += filter(None, map(self._pem_change, self._copied()))
        file = self._file()
        content = render(file).encode()
        change = self._hosts_change(file, content)
        if change is None:
            return _Part(changes, None)
        stale = [
            self._removal(name)
            for name in self.tree.our_pems(self.name)
            if self.tree.path(self.name, name).encode() not in content
        ]
        return _Part([*changes, change, *stale], change.path if self._is_foreign else None)

    @property
    def _is_foreign(self) -> bool:
        return self.tree.hosts_toml(self.name).kind == "file" and not self.tree.owns(self.name)

    def _copied(self) -> list[PemFile]:
        used = {
            source
            for host in self.registry.file.endpoints
            for source in (*host.ca, *(file for files in host.client for file in files))
        }
        by_name = {self.pems[source].name: self.pems[source] for source in sorted(used) if not is_node_path(source)}
        return list(by_name.values())

    def _file(self) -> HostsFile:
        file = self.registry.file
        return HostsFile(tuple(map(self._located, file.hosts)), file.server and self._located(file.server))

    def _located(self, host: Host) -> Host:
        return dataclasses.replace(
            host,
            ca=tuple(map(self._location, host.ca)),
            client=tuple(tuple(map(self._location, files)) for files in host.client),
        )

    def _location(self, source: str) -> str:
        return source if is_node_path(source) else self.tree.path(self.name, self.pems[source].name)

    def _pem_change(self, pem: PemFile) -> Change | None:
        path = self.tree.path(self.name, pem.name)
        found = self.tree.entry(self.name, pem.name)
        _check_file(found, path)
        if found.kind == "absent":
            return Change(op="create", path=path, content=pem.content, mode=pem.mode)
        if (found.sha256, found.mode) == (pem.sha256, pem.mode):
            return None
        return Change(op="replace", path=path, content=pem.content, expect=found.sha256, mode=pem.mode)

    def _hosts_change(self, file: HostsFile, content: bytes) -> Change | None:
        path = self.tree.path(self.name, HOSTS_TOML)
        found = self.tree.hosts_toml(self.name)
        _check_file(found, path)
        mode = "0600" if file.is_secret else "0644"
        if (found.content, found.mode) == (content, mode):
            return None
        if found.content != content:
            self._prove(file, content)
        if found.kind == "absent":
            return Change(op="create", path=path, content=content, mode=mode)
        return Change(
            op="replace",
            path=path,
            content=content,
            expect=found.sha256,
            mode=mode,
            # Not of what is ours: it comes from the play, and a copy would keep old passwords.
            backup=self._is_foreign,
        )

    def _prove(self, file: HostsFile, content: bytes) -> None:
        """What containerd will see must be what was asked for: anything else could mean a pull from the upstream."""
        seen = reread(content, self.release, directory=self.tree.path(self.name))
        if seen != intended(file, self.release):
            raise DomainError(
                f"containerd {self.release} would not read this entry as it is meant",
                option=self.registry.option,
                fix="Nothing was changed. This is a fault of the collection: please report the entry.",
            )

    def _removal(self, name: str) -> Change:
        path = self.tree.path(self.name, name)
        return Change(op="delete", path=path, expect=self.tree.entry(self.name, name).sha256)


# --- purging


class _Purge(t.NamedTuple):
    directory: str
    changes: list[Change]
    kept: list[str]
    directory_goes: bool


def _purge(tree: _Tree, directory: str) -> _Purge:
    """Removes what is ours. The hosts.toml, which shows that the rest is ours, goes last."""
    if not tree.owns(directory):
        return _Purge(directory, [], [tree.path(directory)], directory_goes=False)
    ours = tree.our_pems(directory)
    foreign = [name for name in tree.names.get(directory, ()) if name not in (HOSTS_TOML, *ours)]
    files = [*((name, tree.entry(directory, name)) for name in ours), (HOSTS_TOML, tree.hosts_toml(directory))]
    changes = [Change(op="delete", path=tree.path(directory, name), expect=entry.sha256) for name, entry in files]
    goes = not foreign and not tree.entry(directory).link
    if goes:
        changes.append(Change(op="rmdir", path=tree.path(directory)))
    return _Purge(directory, changes, [tree.path(directory, name) for name in foreign], directory_goes=goes)


def _has_default(tree: _Tree, wanted: set[str], purges: list[_Purge]) -> bool:
    """Whether there will be a ``_default``, ours or not."""
    if ANY in wanted:
        return True
    return tree.hosts_toml(ANY).kind == "file" and not any(p.directory == ANY and p.changes for p in purges)


def _check_default_stays_in_sight(tree: _Tree, purges: list[_Purge]) -> None:
    """:raises DomainError: a purge would open a namespace: what it leaves of the directory would hide ``_default``."""
    left = [purge for purge in purges if purge.changes and not purge.directory_goes]
    if left:
        raise DomainError(
            f"would leave {' and '.join(_shown_rest(tree, purge) for purge in left)}: containerd would pass over {ANY} "
            "for as long as the directory exists, and ask the upstream",
            option="purge",
            fix="Nothing was changed. Move what stays away on the node, or list the namespace in registries.",
        )


def _shown_rest(tree: _Tree, purge: _Purge) -> str:
    kind = " (a symlink)" if tree.entry(purge.directory).link else ""
    names = ", ".join(map(posixpath.basename, purge.kept))
    return f"{tree.path(purge.directory)}{kind}" + (f" with {names} in it" if names else "")


# --- the whole


def _rank(change: Change) -> int:
    """Directories come first, and what goes comes last; in between, a file follows the PEMs that it refers to."""
    return {"mkdir": 0, "delete": 2, "rmdir": 2}.get(change.op, 1)


def _not_read(tree: _Tree, intent: Intent) -> t.Iterator[str]:
    for registry in intent.registries:
        name = registry.namespace.name
        if name != registry.namespace.directory and tree.entry(name).kind != "absent":
            yield f"{tree.path(name)} is not read: containerd prefers {registry.namespace.directory}"


def _shadows(tree: _Tree, wanted: set[str]) -> t.Iterator[str]:
    """Directories of others that keep a registry from ``_default`` although they have no hosts.toml."""
    for name in tree.directories:
        bare = tree.hosts_toml(name).kind == "absent"
        if bare and name not in wanted and _may_be_a_namespace(name):
            yield (
                f"{tree.path(name)} has no {HOSTS_TOML}: as long as the directory exists, containerd asks the upstream "
                f"of that registry and not {ANY}. Remove it, or name the registry in registries"
            )


def _may_be_a_namespace(directory: str) -> bool:
    return not directory.startswith(".") and (directory == "localhost" or bool({".", ":", "_"} & set(directory)))
