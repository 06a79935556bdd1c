# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in a tree of hosts.toml files. Private to this collection.

The order of the changes is such that a node which stops in the middle never has a hosts.toml that refers to a missing
file, except while purging, where a pull fails closed; and never loses the mark by which the rest can be recognised as
ours.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.credentials import (
    header_warnings,
    node_credentials,
    with_headers,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Reading, intended, reread
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import (
    Host,
    HostsFile,
    is_owned,
    render,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY, Namespace
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
_DOCKER_SUFFIXES = (".crt", ".cert", ".key")
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
    """The changes, and what to tell about them; ``before`` has the old content of each hosts.toml that changes.

    ``config_auth`` are the hosts whose credentials have no place in hosts.toml on this release.
    """

    changes: ChangeSet
    registries: tuple[dict[str, t.Any], ...] = ()
    adopted: tuple[str, ...] = ()
    purged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    config_auth: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    before: t.Mapping[str, bytes] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def report(self) -> dict[str, t.Any]:
        """What a task tells of it; warnings have a way of their own."""
        told = ("registries", "adopted", "purged", "kept", "config_auth")
        return {"changed": bool(self.changes), **{name: list(getattr(self, name)) for name in told}}


def reading(intent: Intent) -> dict[str, list[str]]:
    """What has to be read on the node. Of files named in client, only that they are there: they may be keys."""
    cas = intent.node_cas
    unread = sorted(path for path in intent.sources if is_node_path(path) and path not in cas)
    return {
        "globs": [_pattern(intent.config_path), _copies(intent.config_path)],
        "directories": [intent.config_path, *unread],
        "files": [*_parents(intent.config_path), *sorted(cas)],
    }


def plan_registries(state: NodeState, intent: Intent, pems: t.Mapping[str, PemFile], release: Release) -> Plan:
    """Plans the whole tree; ``pems`` has the files beside the play by the name that the user wrote.

    :raises DomainError: nothing may be written then.
    """
    for registry in intent.registries:
        _check_known(registry, release)
    config_auth = tuple(sorted(node_credentials(intent.registries, release).wishes))
    doubts = (*intent.warnings, *(header_warnings(intent.registries, release) if intent.tells_of_headers else ()))
    intent = dataclasses.replace(intent, registries=tuple(with_headers(one, release) for one in intent.registries))
    tree = _Tree.of(state, intent.config_path)
    _check_own_files(tree, intent.registries)
    _check_node_files(state, intent)
    places = [_Place(tree, registry, pems, release) for registry in intent.registries]
    wanted = {registry.namespace.directory for registry in intent.registries}
    unlisted = [name for name in tree.directories if name not in wanted and intent.purge]
    rewritten = {*wanted, *filter(tree.owns_alone, unlisted)}
    references = _References.of(tree, [place.file for place in places], _on_node(state, intent), rewritten)
    parts = [place.plan(references) for place in places]
    purges = [_purge(tree, name, references) for name in unlisted]
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
        config_auth=config_auth,
        warnings=(
            *doubts,
            *_not_read(tree, intent),
            *(warning for part in parts for warning in part.warnings),
            *(_shadows(tree, wanted) if has_default else ()),
            *_default_goes(tree, purges),
        ),
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
    real_root: str
    exists: bool
    listing: t.Mapping[str, Entry]
    texts: t.Mapping[str, Entry]
    copies: t.Mapping[str, Entry]
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
        return cls(
            root=root,
            real_root=_real(state, root),
            exists=top.kind == "directory",
            listing=listing,
            texts=state.globs.get(_pattern(root), {}),
            copies=state.globs.get(_copies(root), {}),
            names=dict(names),
        )

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
        return content is not None and is_owned(content, directory)

    @functools.cached_property
    def owned_files(self) -> frozenset[str]:
        """Where the files that are ours really are; a symlink can lead to them from other directories as well."""
        return frozenset(self.hosts_file(directory) for directory in self.directories if self.owns(directory))

    def content(self, path: str) -> bytes:
        return self.texts.get(path, ABSENT).content or b""

    def hosts_file(self, directory: str) -> str:
        """Where the hosts.toml of a directory really is, its symlinks followed."""
        place = self.entry(directory).link or f"{self.real_root}/{directory}"
        return self.hosts_toml(directory).link or f"{place}/{HOSTS_TOML}"

    def owns_alone(self, directory: str) -> bool:
        """Whether the hosts.toml is ours and no symlink makes it another namespace's as well, or another's only."""
        if not self.owns(directory) or self.entry(directory).link or self.hosts_toml(directory).link:
            return False
        return self._shared[self.hosts_file(directory)] == 1

    @functools.cached_property
    def _shared(self) -> t.Mapping[str, int]:
        return collections.Counter(map(self.hosts_file, self.directories))

    def orphans(self, directory: str, references: _References) -> list[str]:
        """PEMs that are named by their content, as only ours are, still have it, and that nothing refers to."""
        names = self.names.get(directory, ())
        return [
            name
            for name in names
            if self._is_our_pem(directory, name) and not references.have(self.path(directory, name))
        ]

    def _is_our_pem(self, directory: str, name: str) -> bool:
        entry, match = self.entry(directory, name), _OUR_PEM.fullmatch(name)
        return bool(match and not entry.link and (entry.sha256 or "").startswith(match[1]))


@dataclasses.dataclass(frozen=True)
class _References:
    """The files that something will refer to when all is done; copies of adopted files are counted in.

    ``paths`` are those of our own PEMs. Of others only names are compared, which carry a hash: their paths may be
    relative, or lead through symlinks. A text that could not be read is None, and may refer to anything.
    """

    paths: frozenset[str]
    names: frozenset[str]
    texts: tuple[bytes | None, ...]

    @classmethod
    def of(
        cls, tree: _Tree, files: t.Iterable[HostsFile], on_node: t.Iterable[str], rewritten: t.Iterable[str]
    ) -> _References:
        """``rewritten`` are the directories whose hosts.toml, if it is ours, is written anew or goes."""
        gone = set(map(tree.hosts_file, rewritten))
        texts = [_others(tree, path, entry, gone) for path, entry in tree.texts.items() if entry.kind == "file"]
        return cls(
            paths=frozenset(itertools.chain.from_iterable(map(_named_in, files))),
            names=frozenset(map(posixpath.basename, on_node)),
            texts=(*texts, *(entry.content for entry in tree.copies.values() if entry.kind == "file")),
        )

    def have(self, path: str) -> bool:
        name = posixpath.basename(path)
        return (
            path in self.paths
            or name in self.names
            or any(text is None or name.encode() in text for text in self.texts)
        )


def _others(tree: _Tree, path: str, entry: Entry, gone: t.Collection[str]) -> bytes | None:
    """What a hosts.toml says of files in the directories of others."""
    place = posixpath.dirname(path)
    file = tree.hosts_file(posixpath.basename(place))
    if entry.content is None or file not in tree.owned_files:
        return entry.content
    if file in gone:
        return b""
    return re.sub(rb'"%s/[A-Za-z0-9._-]+"' % re.escape(place.encode()), b"", entry.content)


def _named_in(file: HostsFile) -> t.Iterator[str]:
    for host in file.endpoints:
        yield from (*host.ca, *(path for files in host.client for path in files))


def _on_node(state: NodeState, intent: Intent) -> t.Iterator[str]:
    """The files on the node that were named, and where they lead."""
    for path in filter(is_node_path, intent.sources):
        yield path
        yield state.file(path).link or state.directories.get(path, ABSENT).link or path


def _real(state: NodeState, root: str) -> str:
    """A directory with the symlinks on the way to it followed."""
    for path in (root, *reversed(_parents(root))):
        link = state.directories.get(path, state.file(path)).link
        if link:
            return link + root.removeprefix(path)
    return root


def _parents(path: str) -> list[str]:
    """The directories above a path, without the root directory."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def _pattern(root: str) -> str:
    return f"{root}/*/{HOSTS_TOML}"


def _copies(root: str) -> str:
    return f"{root}/*/{HOSTS_TOML}*.bak"


def _check_directory(entry: Entry, path: str) -> None:
    """:raises DomainError: neither a directory nor a free name."""
    _check_kind(entry, path, "directory", "see to it on the node")


def _check_file(entry: Entry, path: str) -> None:
    """:raises DomainError: neither a file that could be read nor a free name."""
    _check_kind(entry, path, "file", "move it away on the node")


def _check_kind(entry: Entry, path: str, kind: str, advice: str) -> None:
    problem = None
    if entry.error is not None:
        problem = f"cannot be read: {entry.error}"
    elif entry.kind == "absent" and entry.link:
        problem = f"is a symlink that leads nowhere, to {entry.link}"
    elif entry.kind not in (kind, "absent"):
        problem = f"is a directory, not a {kind}" if entry.kind == "directory" else f"is not a {kind}"
    if problem:
        raise DomainError(problem, file=path, fix=f"Nothing was changed; {entry.advice(advice)}.")


def _check_own_files(tree: _Tree, registries: t.Iterable[Registry]) -> None:
    """:raises DomainError: two namespaces would overwrite each other's file, because a symlink makes them one."""
    by_directory = {registry.namespace.directory: registry for registry in registries}
    by_file: dict[str, Registry] = {}
    for directory, registry in by_directory.items():
        file = tree.hosts_file(directory)
        owner = _other_owner(tree, registry.namespace, file)
        first = by_directory.get(owner or "") or by_file.setdefault(file, registry)
        if owner is None and first is registry:
            continue
        whose = first.option if first is not registry else owner
        raise DomainError(
            f"{tree.path(directory, HOSTS_TOML)} leads through a symlink to {file}, which is in use for {whose}",
            option=f"{registry.option}.namespace",
            fix="Nothing was changed. Each namespace needs a file of its own: remove the symlink on the node.",
        )


def _other_owner(tree: _Tree, namespace: Namespace, file: str) -> str | None:
    """The directory of another namespace that a hosts.toml really lies in."""
    relative = file.removeprefix(f"{tree.real_root}/")
    top = relative.partition("/")[0]
    is_other = relative != file and top not in (namespace.directory, namespace.name) and _may_be_a_namespace(top)
    return top if is_other else None


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
    adopted: str | None = None
    warnings: tuple[str, ...] = ()


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

    def plan(self, references: _References) -> _Part:
        directory = self.tree.entry(self.name)
        _check_directory(directory, self.tree.path(self.name))
        changes = []
        if directory.kind == "absent":
            changes.append(Change(op="mkdir", path=self.tree.path(self.name), mode="0755"))
        changes += filter(None, map(self._pem_change, self._copied()))
        stale = map(self._removal, self.tree.orphans(self.name, references))
        change = self._hosts_change(self.file, render(self.file, self.registry.namespace).encode())
        if change is None:
            return _Part([*changes, *stale])
        adopted = change.path if self._is_foreign else None
        return _Part([*changes, change, *stale], adopted, (*self._no_longer_read(change), *self._open_copy(change)))

    def _no_longer_read(self, change: Change) -> t.Iterator[str]:
        """Files that containerd reads as Docker does, as long as there is no hosts.toml."""
        if change.op != "create":
            return
        used = set(_named_in(self.file))
        names = [name for name in self.tree.names.get(self.name, ()) if posixpath.splitext(name)[1] in _DOCKER_SUFFIXES]
        lost = [name for name in names if self.tree.path(self.name, name) not in used]
        if lost:
            yield f"{', '.join(lost)} in {self.tree.path(self.name)} are no longer read; name them as ca or client"

    def _open_copy(self, change: Change) -> t.Iterator[str]:
        """The copy of an adopted file is the file itself under another name, so it keeps its mode."""
        found = self.tree.hosts_toml(self.name)
        is_open = not (found.mode or "").endswith("00")
        if change.backup and is_open and any(end.header for end in self._seen(found.content or b"").endpoints):
            yield (
                f"{change.path} of others has headers in it and mode {found.mode}, and so has its copy: see to the "
                "copy, it may hold a password that others on the node can read"
            )

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

    @functools.cached_property
    def file(self) -> HostsFile:
        """What is to be written, with paths on the node."""
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
        if self._seen(content) != intended(file, self.release):
            raise DomainError(
                f"containerd {self.release} would not read this entry as it is meant",
                option=self.registry.option,
                fix="Nothing was changed. This is a fault of the collection: please report the entry.",
            )

    def _seen(self, content: bytes) -> Reading:
        return reread(content, self.release, directory=self.tree.path(self.name))

    def _removal(self, name: str) -> Change:
        path = self.tree.path(self.name, name)
        return Change(op="delete", path=path, expect=self.tree.entry(self.name, name).sha256)


# --- purging


class _Purge(t.NamedTuple):
    directory: str
    changes: list[Change]
    kept: list[str]
    directory_goes: bool


def _purge(tree: _Tree, directory: str, references: _References) -> _Purge:
    """Removes what is ours. The hosts.toml, which shows that the rest is ours, goes last.

    Symlinks are somebody else's doing, and what they lead to may be in use for another namespace.
    """
    if not tree.owns_alone(directory):
        return _Purge(directory, [], [tree.path(directory)], directory_goes=False)
    ours = tree.orphans(directory, references)
    foreign = [name for name in tree.names.get(directory, ()) if name not in (HOSTS_TOML, *ours)]
    files = [*((name, tree.entry(directory, name)) for name in ours), (HOSTS_TOML, tree.hosts_toml(directory))]
    changes = [Change(op="delete", path=tree.path(directory, name), expect=entry.sha256) for name, entry in files]
    if not foreign:
        changes.append(Change(op="rmdir", path=tree.path(directory)))
    return _Purge(directory, changes, [tree.path(directory, name) for name in foreign], directory_goes=not foreign)


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
    return f"{tree.path(purge.directory)} with {', '.join(map(posixpath.basename, purge.kept))} in it"


# --- the whole


def _rank(change: Change) -> int:
    """Directories come first, and what goes comes last; in between, a file follows the PEMs that it refers to."""
    return {"mkdir": 0, "delete": 2, "rmdir": 2}.get(change.op, 1)


def _not_read(tree: _Tree, intent: Intent) -> t.Iterator[str]:
    for registry in intent.registries:
        name = registry.namespace.name
        if name != registry.namespace.directory and tree.entry(name).kind != "absent":
            yield f"{tree.path(name)} is not read: containerd prefers {registry.namespace.directory}"


def _default_goes(tree: _Tree, purges: list[_Purge]) -> t.Iterator[str]:
    if any(purge.directory == ANY and purge.changes for purge in purges):
        yield (
            f"purge removes {tree.path(ANY)}: of every registry without a directory of its own, containerd asks the "
            "upstream from then on"
        )


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
