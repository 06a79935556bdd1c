# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for trees of hosts.toml, carried out on a tree in memory that keeps the rules of the wire format."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import registries_plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import OWNER_MARK, owner_line
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    Intent,
    is_node_path,
    read_registries,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import (
    PemFile,
    Plan,
    plan_registries,
    reading,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from hypothesis import given, settings
from hypothesis import strategies as st

Raw = dict[str, t.Any]

ROOT = "/etc/containerd/certs.d"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n"
A, B, C = "https://a.example", "https://b.example", "https://c.example"
FOREIGN = 'server = "https://old.example"\n'


class Node:
    """Files and directories by path; ``replaced`` stands for what a real node shows in place of an entry."""

    def __init__(self, files: t.Mapping[str, str] | None = None, directories: t.Iterable[str] = ("/etc",)) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.directories = set(directories)
        self.replaced: dict[str, Entry] = {}
        self.links: dict[str, str] = {}
        for path, text in (files or {}).items():
            self.put(path, text)

    def put(self, path: str, text: str, mode: str = "0644") -> None:
        self.files[path] = (text.encode(), mode)
        while (path := posixpath.dirname(path)) != "/":
            self.directories.add(path)

    def real(self, path: str) -> str:
        for link, target in self.links.items():
            if path == link or path.startswith(f"{link}/"):
                return self.real(target + path.removeprefix(link))
        return path

    def paths(self) -> set[str]:
        """Every path, those through symlinks included."""
        found = {*self.files, *self.directories, *self.replaced, *self.links}
        for _depth in self.links:
            for link, target in self.links.items():
                found |= {link + path.removeprefix(target) for path in found if path.startswith(f"{target}/")}
        return found

    # reading

    def entry(self, path: str, *, with_content: bool) -> Entry:
        if path in self.replaced:
            return self.replaced[path]
        real = self.real(path)
        is_link = posixpath.join(self.real(posixpath.dirname(path)), posixpath.basename(path)) in self.links
        link = real if is_link else None
        if real in self.directories:
            return Entry("directory", mode="0755", link=link)
        if real not in self.files:
            return ABSENT if link is None else Entry("absent", link=link)
        content, mode = self.files[real]
        return Entry("file", content if with_content else None, sha256(content), len(content), mode=mode, link=link)

    def below(self, directory: str) -> dict[str, Entry]:
        names = {path.removeprefix(f"{directory}/") for path in self.paths() if path.startswith(f"{directory}/")}
        return {name: self.entry(f"{directory}/{name}", with_content=False) for name in names if name.count("/") < 2}

    def read(self, intent: Intent) -> NodeState:
        wanted = reading(intent)
        below = {path for path in self.paths() if path.count("/") == intent.config_path.count("/") + 2}
        return NodeState(
            files={path: self.entry(path, with_content=True) for path in wanted["files"]},
            globs={
                pattern: {path: self.entry(path, with_content=True) for path in fnmatch.filter(below, pattern)}
                for pattern in wanted["globs"]
            },
            directories={path: self.entry(path, with_content=False) for path in wanted["directories"]},
            listings={path: self.below(path) for path in wanted["directories"]},
        )

    # applying

    def apply(self, changes: ChangeSet) -> None:
        for change in ChangeSet.from_wire(changes.to_wire()).changes:
            assert self.real(posixpath.dirname(change.path)) in self.directories, change
            getattr(self, f"_{change.op}")(change)

    def _create(self, change: Change) -> None:
        assert change.path not in self.files
        self.files[change.path] = (change.content or b"", change.mode or "")

    def _replace(self, change: Change) -> None:
        content, mode = self.files[self.real(change.path)]
        assert sha256(content) == change.expect
        if change.backup:
            self.files[f"{change.path}.bak"] = (content, mode)
        self.files[self.real(change.path)] = (change.content or b"", change.mode or mode)

    def _delete(self, change: Change) -> None:
        content, mode = self.files.pop(change.path)
        assert sha256(content) == change.expect
        if change.backup:
            self.files[f"{change.path}.bak"] = (content, mode)

    def _mkdir(self, change: Change) -> None:
        self.directories.add(change.path)

    def _rmdir(self, change: Change) -> None:
        if not any(path.startswith(f"{change.path}/") for path in (*self.files, *self.directories)):
            self.directories.remove(change.path)


def entry(*hosts: t.Any, **more: t.Any) -> Raw:
    urls = [{"url": host} if isinstance(host, str) else host for host in hosts]
    return {"namespace": "quay.io", "fallback": False, "hosts": urls, **more}


def intend(*registries: Raw, **more: t.Any) -> Intent:
    return Intent(ROOT, read_registries(list(registries), None), **more)


def pems(intent: Intent, contents: t.Mapping[str, str] | None = None) -> dict[str, PemFile]:
    """The files beside the play; their names stand for their content, and those with "key" in it are secret."""
    return {
        source: PemFile(source, (contents or {}).get(source, source).encode(), is_secret="key" in source)
        for source in intent.sources
        if not is_node_path(source)
    }


def plan(node: Node, intent: Intent, release: str = "1.7.24", contents: t.Mapping[str, str] | None = None) -> Plan:
    return plan_registries(node.read(intent), intent, pems(intent, contents), Release.parse(release))


def run(node: Node, intent: Intent, **more: t.Any) -> Plan:
    """Plans and applies, and finds that nothing is left to do."""
    done = plan(node, intent, **more)
    node.apply(done.changes)
    assert plan(node, intent, **more).changes == ChangeSet()
    return done


def steps(done: Plan) -> list[tuple[str, str]]:
    return [(change.op, change.path.removeprefix(f"{ROOT}/")) for change in done.changes.changes]


def named(stem: str, content: str) -> str:
    return f"{stem}-{sha256(content.encode())[:8]}.pem"


def ours(text: str = "\n[host]\n", *, namespace: str = "docker.io") -> str:
    return f"{owner_line(Namespace(namespace))}\n{text}"


# --- what is written


def test_from_nothing() -> None:
    node = Node()
    secret = {"url": A, "header": {"Authorization": "x"}, "ca": "pki/ca.crt", "client": [["c.crt", "key.pem"]]}
    done = run(node, intend(entry(secret), entry(B, namespace="docker.io:443")))
    assert steps(done) == [
        ("mkdir", "/etc/containerd"),
        ("mkdir", ROOT),
        ("mkdir", "quay.io"),
        ("mkdir", "docker.io_443_"),
        ("create", f"quay.io/{named('c', 'c.crt')}"),
        ("create", f"quay.io/{named('key', 'key.pem')}"),
        ("create", f"quay.io/{named('ca', 'pki/ca.crt')}"),
        ("create", "quay.io/hosts.toml"),
        ("create", "docker.io_443_/hosts.toml"),
    ]
    modes = {posixpath.basename(path): mode for path, (_content, mode) in node.files.items() if "quay.io" in path}
    assert modes == {
        "hosts.toml": "0600",
        named("ca", "pki/ca.crt"): "0644",
        named("c", "c.crt"): "0644",
        named("key", "key.pem"): "0600",
    }
    assert node.files[f"{ROOT}/docker.io_443_/hosts.toml"] == (
        ours(f'server = "{B}"\n\n[host]\n', namespace="docker.io:443").encode(),
        "0644",
    )


def test_pems_are_referred_to_by_absolute_paths() -> None:
    node = Node()
    run(node, intend(entry({"url": A, "ca": ["ca.pem", "ca.pem"], "client": "both-key.pem"})))
    text = node.files[f"{ROOT}/quay.io/hosts.toml"][0].decode()
    ca, client = named("ca", "ca.pem"), named("both-key", "both-key.pem")
    assert f'ca = ["{ROOT}/quay.io/{ca}", "{ROOT}/quay.io/{ca}"]\n' in text
    assert f'client = "{ROOT}/quay.io/{client}"\n' in text


def test_files_on_the_node_stay_where_they_are() -> None:
    node = Node({"/etc/pki/ca.pem": f"# Corp CA\n{CERTIFICATE}"})
    done = run(node, intend(entry({"url": A, "ca": "/etc/pki/ca.pem"})))
    assert [op for op, _path in steps(done)] == ["mkdir", "mkdir", "mkdir", "create"]
    assert b'ca = "/etc/pki/ca.pem"' in node.files[f"{ROOT}/quay.io/hosts.toml"][0]


STEMS = {
    "plain": ("ca.pem", "ca"),
    "path": ("../pki/My CA (2026).crt", "My-CA-2026"),
    "no suffix": ("ca", "ca"),
    "hidden": (".ca", "ca"),
    "nothing left": ("§§.pem", "file"),
}


@pytest.mark.parametrize(("source", "stem"), STEMS.values(), ids=STEMS)
def test_name_of_a_pem(source: str, stem: str) -> None:
    assert PemFile(source, b"x").name == named(stem, "x")


def test_a_new_content_gets_a_new_name_and_the_old_file_goes_last() -> None:
    node = Node()
    intent = intend(entry({"url": A, "client": [["c.crt", "c.key"]]}))
    run(node, intent)
    done = run(node, intent, contents={"c.crt": "new", "c.key": "new key"})
    assert steps(done) == [
        ("create", f"quay.io/{named('c', 'new')}"),
        ("create", f"quay.io/{named('c', 'new key')}"),
        ("replace", "quay.io/hosts.toml"),
        ("delete", f"quay.io/{min(named('c', 'c.crt'), named('c', 'c.key'))}"),
        ("delete", f"quay.io/{max(named('c', 'c.crt'), named('c', 'c.key'))}"),
    ]


KEPT_PEMS = {
    "another hash": ("other-2d711643.pem", "x"),
    "changed by hand": (named("ca", "ca.pem"), "changed"),
    "another name": ("notes.txt", "x"),
}


@pytest.mark.parametrize(("name", "content"), KEPT_PEMS.values(), ids=KEPT_PEMS)
def test_pems_that_are_not_ours_stay(name: str, content: str) -> None:
    node = Node()
    run(node, intend(entry({"url": A, "ca": "ca.pem"})))
    node.put(f"{ROOT}/quay.io/{name}", content)
    run(node, intend(entry(A)))
    assert f"{ROOT}/quay.io/{name}" in node.files


def test_a_pem_that_another_file_refers_to_stays() -> None:
    node = Node()
    run(node, intend(entry({"url": A, "ca": "ca.pem"})))
    path = f"{ROOT}/quay.io/{named('ca', 'ca.pem')}"
    node.put(f"{ROOT}/docker.io/hosts.toml", f'[host."{B}"]\nca = "{path}"\n')
    run(node, intend(entry(A)))
    assert path in node.files


def test_a_pem_that_was_changed_is_written_anew() -> None:
    node = Node()
    intent = intend(entry({"url": A, "ca": "ca.pem"}))
    run(node, intent)
    node.put(f"{ROOT}/quay.io/{named('ca', 'ca.pem')}", "changed")
    assert steps(run(node, intent)) == [("replace", f"quay.io/{named('ca', 'ca.pem')}")]


@pytest.mark.parametrize("name", ["hosts.toml", named("key", "key.pem")])
def test_a_mode_that_was_changed_is_mended(name: str) -> None:
    node = Node()
    intent = intend(entry({"url": A, "header": {"X": "y"}, "client": [["c.crt", "key.pem"]]}))
    run(node, intent)
    content, _mode = node.files[f"{ROOT}/quay.io/{name}"]
    node.files[f"{ROOT}/quay.io/{name}"] = (content, "0644")
    assert steps(run(node, intent)) == [("replace", f"quay.io/{name}")]
    assert node.files[f"{ROOT}/quay.io/{name}"] == (content, "0600")


PEM = f"{ROOT}/quay.io/{named('ca', CERTIFICATE)}"
CONTENTS = {"ca.pem": CERTIFICATE, "new.pem": "new"}
WITH_CA = entry({"url": A, "ca": "ca.pem"})
# What else there is, by path, and what else is asked for.
USERS: dict[str, tuple[dict[str, str], dict[str, str], list[Raw]]] = {
    "new entry": ({}, {}, [entry({"url": B, "ca": PEM}, namespace="docker.io")]),
    "new entry, as client": ({}, {}, [entry({"url": B, "client": PEM}, namespace="docker.io")]),
    "new entry, by a symlink": (
        {},
        {"/etc/c.pem": PEM},
        [entry({"url": B, "ca": "/etc/c.pem"}, namespace="docker.io")],
    ),
    "relative": ({"docker.io/hosts.toml": f'ca = "../quay.io/{posixpath.basename(PEM)}"\n'}, {}, []),
    "relative, ours but not listed": (
        {"docker.io/hosts.toml": ours(f'ca = "../quay.io/{posixpath.basename(PEM)}"\n')},
        {},
        [],
    ),
    "copy of an adopted file": ({"quay.io/hosts.toml.x.bak": f'ca = "{PEM}"\n'}, {}, []),
}


@pytest.mark.parametrize("purge", [False, True], ids=["rotated", "purged"])
@pytest.mark.parametrize(("files", "links", "more"), USERS.values(), ids=USERS)
def test_a_pem_that_is_in_use_stays(files: dict[str, str], links: dict[str, str], more: list[Raw], purge: bool) -> None:
    node = Node()
    run(node, intend(WITH_CA), contents=CONTENTS)
    node.links.update(links)
    for path, text in files.items():
        node.put(f"{ROOT}/{path}", text)
    # Purging what is not listed any more would take a hosts.toml of ours, and with it the reference.
    kept = not (purge and "docker.io/hosts.toml" in files and OWNER_MARK in files["docker.io/hosts.toml"])
    run(node, intend(*([] if purge else [entry({"url": A, "ca": "new.pem"})]), *more, purge=purge), contents=CONTENTS)
    assert (PEM in node.files) is kept


def test_the_same_pem_of_another_namespace_is_another_file() -> None:
    node, other = Node(), entry({"url": B, "ca": "ca.pem"}, namespace="docker.io")
    run(node, intend(WITH_CA, other, DEFAULT), contents=CONTENTS)
    run(node, intend(entry(A)), contents=CONTENTS)
    assert PEM not in node.files
    run(node, intend(WITH_CA, other, DEFAULT), contents=CONTENTS)
    run(node, intend(other, DEFAULT, purge=True), contents=CONTENTS)
    assert f"{ROOT}/quay.io" not in node.directories
    assert PEM.replace("quay.io", "docker.io") in node.files


ORPHANS: dict[str, tuple[list[Raw], bool]] = {
    "unchanged": ([WITH_CA], False),
    "changed": ([entry({"url": A, "ca": "new.pem"})], False),
    "purged": ([], True),
}


@pytest.mark.parametrize(("registries", "purge"), ORPHANS.values(), ids=ORPHANS)
def test_an_orphaned_pem_goes(registries: list[Raw], purge: bool) -> None:
    node, orphan = Node(), f"{ROOT}/quay.io/{named('node', 'old key')}"
    run(node, intend(WITH_CA), contents=CONTENTS)
    node.put(orphan, "old key", mode="0600")
    run(node, intend(*registries, purge=purge), contents=CONTENTS)
    assert orphan not in node.files


def test_a_symlink_is_no_orphan() -> None:
    node, link = Node({"/etc/old.pem": "x"}), f"{ROOT}/quay.io/{named('old', 'x')}"
    run(node, intend(WITH_CA))
    node.links[link] = "/etc/old.pem"
    assert not run(node, intend(WITH_CA)).changes


# --- symlinks

HUB = entry(A, namespace="docker.io")
ALIASES = {
    "directory": ("index.docker.io", "docker.io"),
    "file": ("index.docker.io/hosts.toml", "docker.io/hosts.toml"),
}


@pytest.mark.parametrize("listed", [[HUB], []], ids=["listed", "not listed"])
@pytest.mark.parametrize(("link", "target"), ALIASES.values(), ids=ALIASES)
def test_purge_follows_no_symlink(link: str, target: str, listed: list[Raw]) -> None:
    node = Node()
    run(node, intend(HUB))
    node.directories |= {f"{ROOT}/index.docker.io"} if "/" in link else set()
    node.links[f"{ROOT}/{link}"] = f"{ROOT}/{target}"
    done = run(node, intend(*listed, purge=True))
    assert not done.changes
    assert f"{ROOT}/index.docker.io" in done.kept


def test_purge_leaves_what_a_listed_namespace_leads_to() -> None:
    node = Node({f"{ROOT}/a.example:5000/hosts.toml": ours(namespace="a.example:5000")})
    node.links[f"{ROOT}/a.example_5000_"] = f"{ROOT}/a.example:5000"
    run(node, intend(entry(B, namespace="a.example:5000"), purge=True))
    assert B.encode() in node.files[f"{ROOT}/a.example:5000/hosts.toml"][0]


def test_the_text_of_an_alias_keeps_no_pem() -> None:
    node = Node()
    run(node, intend(WITH_CA), contents=CONTENTS)
    node.links[f"{ROOT}/index.quay.io"] = f"{ROOT}/quay.io"
    run(node, intend(entry({"url": A, "ca": "new.pem"})), contents=CONTENTS)
    assert PEM not in node.files


# symlinks, the listed namespaces, and: the one at fault, where its file is, whose that is
SHARED: dict[str, tuple[dict[str, str], list[str], tuple[int, str, str]]] = {
    "directory": ({"quay.io": "docker.io"}, ["docker.io", "quay.io"], (1, "docker.io/hosts.toml", "registries[0]")),
    "other order": ({"quay.io": "docker.io"}, ["quay.io", "docker.io"], (0, "docker.io/hosts.toml", "registries[1]")),
    "file": (
        {"quay.io/hosts.toml": "docker.io/hosts.toml"},
        ["docker.io", "quay.io"],
        (1, "docker.io/hosts.toml", "registries[0]"),
    ),
    "not listed": ({"quay.io": "docker.io"}, ["quay.io"], (0, "docker.io/hosts.toml", "docker.io")),
    "other file": ({"quay.io/hosts.toml": "_default/x"}, ["quay.io"], (0, "_default/x", "_default")),
    "elsewhere": (
        {"quay.io": "/srv/x", "docker.io": "/srv/x"},
        ["quay.io", "docker.io"],
        (1, "/srv/x/hosts.toml", "registries[0]"),
    ),
}


@pytest.mark.parametrize("root", [ROOT, "/opt/c/certs.d"], ids=["plain root", "root behind a symlink"])
@pytest.mark.parametrize(("links", "listed", "fault"), SHARED.values(), ids=SHARED)
def test_one_file_for_two(links: dict[str, str], listed: list[str], fault: tuple[int, str, str], root: str) -> None:
    index, file, owner = fault
    files = ("docker.io/hosts.toml", "_default/x")
    node = Node({"/srv/x/hosts.toml": "", **{f"{root}/{path}": FOREIGN for path in files}})
    node.links |= {"/etc/containerd": "/opt/c"} if root != ROOT else {}
    for link, target in links.items():
        node.links[f"{root}/{link}"] = posixpath.join(root, target)
        node.directories |= {f"{root}/{posixpath.dirname(link)}"} if "/" in link else set()
    with pytest.raises(DomainError) as raised:
        plan(node, intend(*(entry(A, namespace=name) for name in listed)))
    assert str(raised.value) == (
        f"registries[{index}].namespace: {ROOT}/{listed[index]}/hosts.toml leads through a symlink to "
        f"{posixpath.join(root, file)}, which is in use for {owner}. Nothing was changed. Each namespace needs a file "
        "of its own: remove the symlink on the node."
    )


OWN_LINKS: dict[str, tuple[str, str]] = {
    "directory elsewhere": ("quay.io", "/srv/quay"),
    "in its own directory": ("quay.io/hosts.toml", f"{ROOT}/quay.io/..data/hosts.toml"),
    "beside the namespaces": ("quay.io", f"{ROOT}/.data"),
}


@pytest.mark.parametrize(("link", "target"), OWN_LINKS.values(), ids=OWN_LINKS)
def test_a_symlink_of_its_own_is_followed(link: str, target: str) -> None:
    file = target if target.endswith(".toml") else f"{target}/hosts.toml"
    node = Node({file: ours(), f"{ROOT}/docker.io/hosts.toml": FOREIGN})
    node.links[f"{ROOT}/{link}"] = target
    run(node, intend(entry(B)))
    assert B.encode() in node.files[file][0]


# --- what was there before

# files that were there, what is asked of the host, the files that are warned of
DOCKER_STYLE: dict[str, tuple[list[str], Raw, str]] = {
    "all kinds": (["b.cert", "b.key", "a.crt"], {}, "a.crt, b.cert, b.key"),
    "named as ca": (["a.crt", "c.crt"], {"ca": f"{ROOT}/quay.io/a.crt"}, "c.crt"),
    "all named": (["a.crt"], {"ca": f"{ROOT}/quay.io/a.crt"}, ""),
    "others": (["a.pem", "notes.txt"], {}, ""),
    "beside a hosts.toml": (["a.crt", "hosts.toml"], {}, ""),
}


@pytest.mark.parametrize(("names", "more", "lost"), DOCKER_STYLE.values(), ids=DOCKER_STYLE)
def test_files_that_docker_would_read(names: list[str], more: Raw, lost: str) -> None:
    node = Node({f"{ROOT}/quay.io/{name}": CERTIFICATE for name in names})
    intent = intend(entry({"url": A, **more}))
    told = (f"{lost} in {ROOT}/quay.io are no longer read; name them as ca or client",) if lost else ()
    assert run(node, intent).warnings == told
    assert plan(node, intent).warnings == ()


def test_a_foreign_file_is_adopted_with_a_backup() -> None:
    node = Node({f"{ROOT}/quay.io/hosts.toml": FOREIGN})
    done = run(node, intend(entry(A)))
    assert done.adopted == (f"{ROOT}/quay.io/hosts.toml",)
    assert node.files[f"{ROOT}/quay.io/hosts.toml.bak"] == (FOREIGN.encode(), "0644")
    assert done.before == {f"{ROOT}/quay.io/hosts.toml": FOREIGN.encode()}


def test_of_our_own_files_no_copy_stays() -> None:
    node = Node()
    run(node, intend(entry({"url": A, "header": {"Authorization": "old password"}})))
    assert run(node, intend(entry({"url": A, "header": {"Authorization": "new password"}}))).adopted == ()
    assert list(node.files) == [f"{ROOT}/quay.io/hosts.toml"]
    run(node, intend(purge=True))
    assert node.files == {}


def test_pems_of_a_foreign_file_stay() -> None:
    name = named("ca", "x")
    node = Node({f"{ROOT}/quay.io/hosts.toml": f'ca = "{ROOT}/quay.io/{name}"\n', f"{ROOT}/quay.io/{name}": "x"})
    run(node, intend(entry(A)))
    assert f"{ROOT}/quay.io/{name}" in node.files


def test_a_directory_with_a_colon_is_named() -> None:
    node = Node({f"{ROOT}/a.example:5000/hosts.toml": FOREIGN})
    done = run(node, intend(entry(B, namespace="a.example:5000")))
    assert done.warnings == (f"{ROOT}/a.example:5000 is not read: containerd prefers a.example_5000_",)


IN_THE_WAY: dict[str, tuple[str, Entry, str]] = {
    "config_path is a file": (ROOT, Entry("file"), "is not a directory. Nothing was changed; see to it on the node."),
    "config_path leads nowhere": (
        ROOT,
        Entry("absent", link="/srv/certs.d"),
        "is a symlink that leads nowhere, to /srv/certs.d. Nothing was changed; see to it on the node.",
    ),
    "config_path is closed": (
        ROOT,
        Entry("directory", error="Permission denied"),
        "cannot be read: Permission denied. Nothing was changed; run the task with become: true.",
    ),
    "parent is a file": (
        "/etc/containerd",
        Entry("file"),
        "is not a directory. Nothing was changed; see to it on the node.",
    ),
    "namespace is a file": (
        f"{ROOT}/quay.io",
        Entry("file"),
        "is not a directory. Nothing was changed; see to it on the node.",
    ),
    "hosts.toml is a directory": (
        f"{ROOT}/quay.io/hosts.toml",
        Entry("directory"),
        "is a directory, not a file. Nothing was changed; move it away on the node.",
    ),
    "hosts.toml is a pipe": (
        f"{ROOT}/quay.io/hosts.toml",
        Entry("other"),
        "is not a file. Nothing was changed; move it away on the node.",
    ),
    "hosts.toml is too large": (
        f"{ROOT}/quay.io/hosts.toml",
        Entry("file", error="larger than 1048576 bytes, not read"),
        "cannot be read: larger than 1048576 bytes, not read. Nothing was changed; move it away on the node.",
    ),
    "hosts.toml is closed": (
        f"{ROOT}/quay.io/hosts.toml",
        Entry("file", error="Permission denied"),
        "cannot be read: Permission denied. Nothing was changed; run the task with become: true.",
    ),
    "hosts.toml leads nowhere": (
        f"{ROOT}/quay.io/hosts.toml",
        Entry("absent", link="/srv/hosts.toml"),
        "is a symlink that leads nowhere, to /srv/hosts.toml. Nothing was changed; move it away on the node.",
    ),
    "PEM is a directory": (
        f"{ROOT}/quay.io/{named('ca', 'ca.pem')}",
        Entry("directory"),
        "is a directory, not a file. Nothing was changed; move it away on the node.",
    ),
}


@pytest.mark.parametrize(("path", "found", "message"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_in_the_way(path: str, found: Entry, message: str) -> None:
    node = Node(directories=["/etc"])
    node.replaced[path] = found
    with pytest.raises(DomainError) as raised:
        plan(node, intend(entry({"url": A, "ca": "ca.pem"})))
    assert str(raised.value) == f"{path}: {message}"


MISSING: dict[str, tuple[Entry, str]] = {
    "absent": (ABSENT, "does not exist"),
    "directory": (Entry("directory"), "is not a file"),
    "empty": (Entry("file", size=0), "is empty"),
}


@pytest.mark.parametrize("key", ["ca", "client"])
@pytest.mark.parametrize(("found", "what"), MISSING.values(), ids=MISSING)
def test_files_on_the_node_must_be_there(found: Entry, what: str, key: str) -> None:
    node = Node()
    node.replaced["/etc/x.pem"] = found
    with pytest.raises(DomainError) as raised:
        plan(node, intend(entry({"url": A, key: "/etc/x.pem"})))
    assert str(raised.value) == (
        f"registries[0].hosts[0].{key}: /etc/x.pem {what} on the node. Every pull of this namespace would fail. "
        "Put it there first, or name a file beside the play."
    )


NO_CERTIFICATES = {
    "text": "CA of the company\n",
    "key": CERTIFICATE.replace("CERTIFICATE", "PRIVATE KEY"),
    "cut short": CERTIFICATE.partition("-----END")[0],
    "other kind": CERTIFICATE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
    "indented": CERTIFICATE.replace("-----BEGIN", "  -----BEGIN"),
}


@pytest.mark.parametrize("text", NO_CERTIFICATES.values(), ids=NO_CERTIFICATES)
def test_a_ca_on_the_node_must_have_a_certificate(text: str) -> None:
    node = Node({"/etc/ca.pem": text})
    with pytest.raises(DomainError) as raised:
        plan(node, intend(entry({"url": A, "ca": "/etc/ca.pem"})))
    assert str(raised.value) == (
        "registries[0].hosts[0].ca: /etc/ca.pem on the node has no -----BEGIN CERTIFICATE----- block in it. Every pull "
        "of this namespace would fail. Put the CA's certificate there as PEM, or name a file beside the play."
    )


CERTIFICATES = {
    "bundle behind text": f"text\n\n{CERTIFICATE}{CERTIFICATE}",
    "DOS lines": CERTIFICATE.replace("\n", "\r\n"),
    "behind a key": f"{CERTIFICATE.replace('CERTIFICATE', 'PRIVATE KEY')}{CERTIFICATE}",
}


@pytest.mark.parametrize("text", CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_ca_on_the_node_with_a_certificate(text: str) -> None:
    assert run(Node({"/etc/ca.pem": text}), intend(entry({"url": A, "ca": "/etc/ca.pem"}))).changes


def test_what_may_be_a_key_stays_on_the_node() -> None:
    first = {"url": A, "ca": ["/n/ca.pem", "/n/both.pem"], "client": [["/n/c.crt", "/n/c.key"]]}
    wanted = reading(intend(entry(first, {"url": B, "client": "/n/both.pem"})))
    assert wanted["files"] == ["/etc", "/etc/containerd", "/n/ca.pem"]
    assert wanted["directories"] == [ROOT, "/n/both.pem", "/n/c.crt", "/n/c.key"]


# --- releases

TIMED = {"url": A, "dial_timeout": "5s"}
UNKNOWN: dict[str, tuple[Raw, Raw | None, str, str]] = {
    "hosts.toml": (
        entry(A),
        None,
        "1.4.13",
        "registries[0]: containerd 1.4.13 does not know hosts.toml. "
        "It came with 1.5.0: upgrade, or leave it out on this node.",
    ),
    "override_path": (
        entry({"url": f"{A}/v2/x", "override_path": True}),
        None,
        "1.5.18",
        "registries[0].hosts[0].override_path: containerd 1.5.18 does not know override_path. "
        "It came with 1.6.0: upgrade, or leave it out on this node.",
    ),
    "_default": (
        entry(A, namespace="_default"),
        None,
        "1.6.16",
        "registries[0].namespace: containerd 1.6.16 does not know the _default namespace. "
        "It came with 1.6.17 or 1.7.0-beta.1: upgrade, or leave it out on this node.",
    ),
    "dial_timeout": (
        entry(TIMED),
        None,
        "2.0.6",
        "registries[0].hosts[0].dial_timeout: containerd 2.0.6 does not know dial_timeout. "
        "It came with 2.0.7 or 2.1.0: upgrade, or leave it out on this node.",
    ),
    "dial_timeout of the server": (
        entry(server=A, dial_timeout="5s"),
        None,
        "1.7.24",
        "registries[0].dial_timeout: containerd 1.7.24 does not know dial_timeout. "
        "It came with 2.0.7 or 2.1.0: upgrade, or leave it out on this node.",
    ),
    "dial_timeout from the defaults": (
        entry(A),
        {"dial_timeout": "5s"},
        "1.7.24",
        "defaults.dial_timeout: containerd 1.7.24 does not know dial_timeout. "
        "It came with 2.0.7 or 2.1.0: upgrade, or leave it out on this node.",
    ),
    "referrers": (
        entry({"url": A, "capabilities": ["pull", "referrers"]}),
        None,
        "2.1.5",
        "registries[0].hosts[0].capabilities: containerd 2.1.5 does not know the capability referrers. "
        "It came with 2.2.0: upgrade, or leave it out on this node.",
    ),
    "dial_timeout over HTTP": (
        entry({"url": "http://a.example:5000", "dial_timeout": "5s"}),
        None,
        "2.0.11",
        "registries[0].hosts[0].dial_timeout: containerd 2.0.11 speaks TLS to an http:// URL that has a dial_timeout. "
        "Leave it out here, upgrade to 2.1, or use https://.",
    ),
    "IPv6 host": (
        entry("https://[fd00::1]:5000", A),
        None,
        "1.7.24",
        "registries[0].hosts[0]: containerd 1.7.24 cannot read a host with an IPv6 address in brackets, and drops the "
        "whole file. Give the address a name, or make it the last endpoint, which is written another way.",
    ),
}


@pytest.mark.parametrize(("raw", "defaults", "release", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_to_the_release(raw: Raw, defaults: Raw | None, release: str, message: str) -> None:
    intent = Intent(ROOT, read_registries([raw], defaults))
    with pytest.raises(DomainError) as raised:
        plan_registries(Node().read(intent), intent, {}, Release.parse(release))
    assert str(raised.value) == message


KNOWN: dict[str, tuple[Raw, str]] = {
    "hosts.toml": (entry(A), "1.5.0"),
    "override_path": (entry({"url": f"{A}/v2/x", "override_path": True}), "1.6.0"),
    "override_path: false": (entry({"url": f"{A}/x", "override_path": False}), "1.5.18"),
    "_default": (entry(A, namespace="_default"), "1.6.17"),
    "dial_timeout": (entry(TIMED), "2.0.7"),
    "dial_timeout over HTTP": (entry({"url": "http://a.example:5000", "dial_timeout": "5s"}), "2.1.0"),
    "dial_timeout over HTTP on its port": (entry({"url": "http://a.example:80", "dial_timeout": "5s"}), "2.0.11"),
    "referrers": (entry({"url": A, "capabilities": ["pull", "resolve", "referrers"]}), "2.2.0"),
    "IPv6 host": (entry("https://[fd00::1]:5000", A), "2.0.0"),
    "IPv6 server": (entry(A, "https://[fd00::1]:5000"), "1.7.24"),
}


@pytest.mark.parametrize(("raw", "release"), KNOWN.values(), ids=KNOWN)
def test_known_to_the_release(raw: Raw, release: str) -> None:
    run(Node(), intend(raw), release=release)


# --- credentials

PAIR: Raw = {"username": "node", "password": "hush-7"}
ROTATED: Raw = {"username": "node", "password": "hush-8"}


def test_a_password_is_a_header_where_that_reaches_all_registries() -> None:
    node = Node()
    intent = intend(entry({"url": A, "auth": PAIR}), entry(B, namespace="docker.io"))
    assert run(node, intent, release="2.1.5").config_auth == ()
    text, mode = node.files[f"{ROOT}/quay.io/hosts.toml"]
    assert (text.count(b'Authorization = "Basic bm9kZTpodXNoLTc="'), mode) == (1, "0600")
    assert node.files[f"{ROOT}/docker.io/hosts.toml"][1] == "0644"


def test_a_password_has_no_place_in_hosts_toml_where_it_would_not_reach_all() -> None:
    node = Node()
    done = run(node, intend(entry({"url": f"{A}:5000", "auth": PAIR})), release="1.7.24")
    assert done.config_auth == ("a.example:5000",)
    text, mode = node.files[f"{ROOT}/quay.io/hosts.toml"]
    assert (b"uthoriz" in text, mode) == (False, "0644")


def test_a_rotation_changes_one_file() -> None:
    node = Node()
    other = entry(B, namespace="docker.io")
    run(node, intend(entry({"url": A, "auth": PAIR}), other), release="2.3.4")
    done = run(node, intend(entry({"url": A, "auth": ROTATED}), other), release="2.3.4")
    assert steps(done) == [("replace", "quay.io/hosts.toml")]
    assert not done.changes.changes[0].backup


def test_a_rotation_in_config_toml_changes_nothing_here() -> None:
    node = Node()
    run(node, intend(entry({"url": A, "auth": PAIR})), release="1.7.24")
    assert not run(node, intend(entry({"url": A, "auth": ROTATED})), release="1.7.24").changes


def test_the_upgrade_to_2_1_moves_a_password_into_its_header() -> None:
    node = Node()
    intent = intend(entry({"url": A, "auth": PAIR}))
    run(node, intent, release="1.7.24")
    assert steps(run(node, intent, release="2.1.5")) == [("replace", "quay.io/hosts.toml")]
    assert node.files[f"{ROOT}/quay.io/hosts.toml"][1] == "0600"


def test_the_upstream_with_a_password_is_a_server_like_others() -> None:
    node = Node()
    done = run(node, intend(entry(A, namespace="docker.io", fallback=True, auth=PAIR)), release="2.3.4")
    assert node.files[f"{ROOT}/docker.io/hosts.toml"][0].decode() == ours(
        'server = "https://registry-1.docker.io"\n\n[header]\nAuthorization = "Basic bm9kZTpodXNoLTc="\n\n'
        f'[host."{A}"]\n'
    )
    assert not done.registries[0]["closed"]


def test_what_is_doubtful_about_credentials_is_told() -> None:
    done = run(Node(), intend(entry({"url": A, "auth": {**PAIR, "method": "header"}})), release="1.7.24")
    assert [text.partition(":")[0] for text in done.warnings] == ["registries[0].hosts[0].auth"]


def test_two_passwords_of_one_host_are_told_here_too() -> None:
    first, second = entry({"url": A, "auth": PAIR}), entry({"url": A, "auth": ROTATED}, namespace="docker.io")
    with pytest.raises(DomainError, match=r"registries\[1\].hosts\[0\].auth: differs from"):
        plan(Node(), intend(first, second), "1.7.24")


# what a hosts.toml of others has in it, its mode, whether the copy is warned of
COPIES: dict[str, tuple[str, str, bool]] = {
    "header": (f'[host."{B}".header]\nAuthorization = "Basic x"\n', "0644", True),
    "header of the server": (f'server = "{B}"\n[header]\nAuthorization = "Basic x"\n[host]\n', "0640", True),
    "header, closed": (f'[host."{B}".header]\nAuthorization = "Basic x"\n', "0600", False),
    "no header": (FOREIGN, "0644", False),
}


@pytest.mark.parametrize(("text", "mode", "told"), COPIES.values(), ids=COPIES)
def test_the_copy_of_an_open_file_with_a_password(text: str, mode: str, told: bool) -> None:
    node = Node()
    node.put(f"{ROOT}/quay.io/hosts.toml", text, mode)
    done = run(node, intend(entry({"url": A, "auth": PAIR})), release="2.3.4")
    assert done.warnings == (
        (
            f"{ROOT}/quay.io/hosts.toml of others has headers in it and mode {mode}, and so has its copy: see to the "
            "copy, it may hold a password that others on the node can read",
        )
        if told
        else ()
    )
    assert node.files[f"{ROOT}/quay.io/hosts.toml"][1] == "0600"


# --- purging


def test_purge_removes_what_is_ours_in_an_order_that_may_be_cut_short() -> None:
    node = Node({f"{ROOT}/foreign.example/hosts.toml": FOREIGN})
    run(node, intend(entry({"url": A, "ca": "ca.pem"}), entry(B, namespace="docker.io")))
    done = run(node, intend(entry(B, namespace="docker.io"), purge=True))
    assert steps(done) == [
        ("delete", f"quay.io/{named('ca', 'ca.pem')}"),
        ("delete", "quay.io/hosts.toml"),
        ("rmdir", "quay.io"),
    ]
    assert done.purged == (f"{ROOT}/quay.io",)
    assert done.kept == (f"{ROOT}/foreign.example",)
    assert f"{ROOT}/quay.io" not in node.directories


def test_without_purge_everything_stays() -> None:
    node = Node()
    run(node, intend(entry(A)))
    done = run(node, intend(entry(B, namespace="docker.io")))
    assert (done.purged, done.kept) == ((), ())
    assert f"{ROOT}/quay.io/hosts.toml" in node.files


@pytest.mark.parametrize("copy", ["docker.io", "backup.example", "quay.io.old"])
def test_purge_takes_no_copy_for_ours(copy: str) -> None:
    """As ``cp -a`` makes it."""
    node = Node()
    run(node, intend(WITH_CA), contents=CONTENTS)
    copies = {path.replace("/quay.io/", f"/{copy}/"): file[0].decode() for path, file in node.files.items()}
    for path, text in copies.items():
        node.put(path, text)
    done = run(node, intend(purge=True))
    # The copy refers to the certificate in the directory that it was made from.
    assert (done.purged, set(done.kept)) == ((f"{ROOT}/quay.io",), {f"{ROOT}/{copy}", PEM})
    assert set(node.files) == {PEM, *copies}


def test_a_copy_is_adopted_when_its_namespace_is_listed() -> None:
    node = Node({f"{ROOT}/docker.io/hosts.toml": ours(namespace="quay.io")})
    done = run(node, intend(entry(A, namespace="docker.io")))
    assert done.adopted == (f"{ROOT}/docker.io/hosts.toml",)


def test_what_was_written_before_the_mark_named_a_namespace_is_ours() -> None:
    node = Node({f"{ROOT}/{name}/hosts.toml": f"{OWNER_MARK}: changes\n" for name in ("docker.io", "quay.io")})
    done = run(node, intend(entry(A), purge=True))
    assert (done.adopted, done.purged) == ((), (f"{ROOT}/docker.io",))


def test_purge_of_everything() -> None:
    node = Node()
    run(node, intend(entry(A), entry(B, namespace="docker.io")))
    assert run(node, intend(purge=True)).purged == (f"{ROOT}/docker.io", f"{ROOT}/quay.io")
    assert node.files == {}


# What stays of a purged namespace: the files beside its hosts.toml, and how the error names what is left.
LEFT: dict[str, tuple[list[str], str]] = {
    "a file": (["notes.txt"], f"{ROOT}/quay.io with notes.txt in it"),
    "the copy of an adopted file": (["hosts.toml.x.bak"], f"{ROOT}/quay.io with hosts.toml.x.bak in it"),
    "two files": (["a.crt", "b.crt"], f"{ROOT}/quay.io with a.crt, b.crt in it"),
}
DEFAULT = entry(B, namespace="_default")


@pytest.mark.parametrize(("names", "left"), LEFT.values(), ids=LEFT)
def test_purge_never_opens_what_the_default_would_have_closed(names: list[str], left: str) -> None:
    node = Node()
    run(node, intend(entry(A), DEFAULT))
    for name in names:
        node.put(f"{ROOT}/quay.io/{name}", "x")
    with pytest.raises(DomainError) as raised:
        plan(node, intend(DEFAULT, purge=True))
    assert str(raised.value) == (
        f"purge: would leave {left}: containerd would pass over _default for as long as the directory exists, and ask "
        "the upstream. Nothing was changed. Move what stays away on the node, or list the namespace in registries."
    )
    for name in names:
        del node.files[f"{ROOT}/quay.io/{name}"]
    assert run(node, intend(DEFAULT, purge=True)).purged == (f"{ROOT}/quay.io",)
    assert f"{ROOT}/quay.io" not in node.directories


def test_all_that_a_purge_would_leave_is_named_at_once() -> None:
    node = Node()
    run(node, intend(entry(A), entry(A, namespace="docker.io"), DEFAULT))
    node.put(f"{ROOT}/docker.io/notes.txt", "x")
    node.put(f"{ROOT}/quay.io/a.crt", "x")
    left = f"would leave {ROOT}/docker.io with notes.txt in it and {ROOT}/quay.io with a.crt in it: "
    with pytest.raises(DomainError, match=re.escape(left)):
        plan(node, intend(DEFAULT, purge=True))


def test_purge_minds_a_default_that_is_not_ours() -> None:
    node = Node({f"{ROOT}/_default/hosts.toml": FOREIGN})
    run(node, intend(entry(A)))
    node.put(f"{ROOT}/quay.io/notes.txt", "x")
    with pytest.raises(DomainError, match="pass over _default"):
        plan(node, intend(purge=True))


DEFAULT_GOES = (
    f"purge removes {ROOT}/_default: of every registry without a directory of its own, containerd asks the upstream "
    "from then on",
)
NO_DEFAULT: dict[str, tuple[list[Raw], tuple[str, ...]]] = {
    "never": ([entry(A)], ()),
    "purged as well": ([entry(A), DEFAULT], DEFAULT_GOES),
}


@pytest.mark.parametrize(("before", "warnings"), NO_DEFAULT.values(), ids=NO_DEFAULT)
def test_purge_leaves_foreign_files_where_there_is_no_default(before: list[Raw], warnings: tuple[str, ...]) -> None:
    node = Node()
    run(node, intend(*before))
    node.put(f"{ROOT}/quay.io/notes.txt", "x")
    done = run(node, intend(purge=True))
    assert f"{ROOT}/quay.io/notes.txt" in done.kept
    assert list(node.files) == [f"{ROOT}/quay.io/notes.txt"]
    assert done.warnings == warnings


def test_a_shadow_in_full() -> None:
    node = Node(directories=["/etc", "/etc/containerd", ROOT, f"{ROOT}/quay.io"])
    assert run(node, intend(DEFAULT, purge=True)).warnings == (
        f"{ROOT}/quay.io has no hosts.toml: as long as the directory exists, containerd asks the upstream of that "
        "registry and not _default. Remove it, or name the registry in registries",
    )


SHADOWS: dict[str, tuple[list[Raw], dict[str, str], list[str], int]] = {
    "empty directory": ([entry(A, namespace="_default")], {}, ["quay.io"], 1),
    "certificates only": ([entry(A, namespace="_default")], {"quay.io/ca.crt": "x"}, [], 1),
    "foreign hosts.toml": ([entry(A, namespace="_default")], {"quay.io/hosts.toml": FOREIGN}, [], 0),
    "listed": ([entry(A, namespace="_default"), entry(A)], {}, ["quay.io"], 0),
    "no default": ([entry(A, namespace="docker.io")], {}, ["quay.io"], 0),
    "default of others": ([entry(A, namespace="docker.io")], {"_default/hosts.toml": FOREIGN}, ["quay.io"], 1),
    "no namespace": ([entry(A, namespace="_default")], {}, ["backup", ".git"], 0),
}


@pytest.mark.parametrize(("raw", "files", "directories", "count"), SHADOWS.values(), ids=SHADOWS)
def test_shadows(raw: list[Raw], files: dict[str, str], directories: list[str], count: int) -> None:
    node = Node({f"{ROOT}/{path}": text for path, text in files.items()})
    node.directories |= {"/etc/containerd", ROOT, *(f"{ROOT}/{name}" for name in directories)}
    assert len(run(node, intend(*raw)).warnings) == count


# --- results


def test_result() -> None:
    done = plan(Node(), intend(entry(A, f"{B}/x/"), entry(A, namespace="a.example:5000", fallback=True)))
    assert done.registries == (
        {"namespace": "quay.io", "directory": f"{ROOT}/quay.io", "endpoints": [A, f"{B}/x"], "closed": True},
        {
            "namespace": "a.example:5000",
            "directory": f"{ROOT}/a.example_5000_",
            "endpoints": [A],
            "closed": False,
        },
    )


def test_representations_hold_no_secret() -> None:
    done = plan(Node(), intend(entry({"url": A, "header": {"X": "hush"}, "client": [["c.crt", "hush-key.pem"]]})))
    assert b"hush" in (done.changes.changes[-1].content or b"")
    assert "hush" not in repr(done).replace(named("hush-key", "hush-key.pem"), "")
    assert "hush" not in repr(PemFile("x", b"hush"))


# --- properties

NAMESPACES = st.sampled_from(["docker.io", "quay.io", "a.example:5000", "[fd00::1]:5000", "_default"])
URLS = st.sampled_from([A, B, C, "http://d.example:5000", "https://e.example/v2"])
FILES = st.sampled_from(["ca.pem", "other.pem", "key.pem", "/etc/node.pem"])


@st.composite
def registries(draw: st.DrawFn) -> list[Raw]:
    def one_host(url: str) -> Raw:
        tls = url.startswith("https")
        return {
            "url": url,
            "ca": draw(st.lists(FILES, max_size=2)) if tls else None,
            "client": [[draw(FILES), "key.pem"]] if tls and draw(st.booleans()) else None,
            "header": draw(st.sampled_from([None, {"X-A": "b"}])),
        }

    return [
        {
            "namespace": namespace,
            "fallback": draw(st.booleans()),
            "hosts": [one_host(url) for url in draw(st.lists(URLS, min_size=1, max_size=3, unique=True))],
        }
        for namespace in draw(st.lists(NAMESPACES, max_size=3, unique=True))
    ]


@settings(max_examples=150, deadline=None)
@given(runs=st.lists(st.tuples(registries(), st.booleans(), st.sampled_from("xyz")), max_size=4))
def test_a_second_run_changes_nothing_and_foreign_files_live(runs: list[tuple[list[Raw], bool, str]]) -> None:
    foreign = {
        f"{ROOT}/foreign.example/hosts.toml": FOREIGN,
        f"{ROOT}/quay.io/notes.txt": "x",
        "/etc/node.pem": CERTIFICATE,
    }
    node = Node(foreign)
    for raw, purge, content in runs:
        intent = intend(*raw, purge=purge)
        contents = dict.fromkeys(["ca.pem", "other.pem", "key.pem"], content)
        try:
            run(node, intent, contents=contents)
        except DomainError as error:
            assert error.option == "purge"
            continue
        assert all(node.files[path][0] == text.encode() for path, text in foreign.items())
        assert_nothing_dangles(node)


def assert_nothing_dangles(node: Node) -> None:
    """Every file that a hosts.toml names exists, and every PEM of ours is named by one."""
    texts = [content.decode() for path, (content, _mode) in node.files.items() if path.endswith("/hosts.toml")]
    named_files = {word for text in texts for word in text.split('"') if word.endswith(".pem")}
    assert named_files <= set(node.files)
    assert {path for path in node.files if path.startswith(ROOT) and path.endswith(".pem")} <= named_files


def test_cut_short_at_any_step_nothing_dangles() -> None:
    before = intend(entry({"url": A, "ca": "ca.pem"}), entry({"url": B, "ca": "ca.pem"}, namespace="docker.io"))
    after = intend(entry({"url": A, "ca": "other.pem"}), purge=True)
    for count in range(len(steps(changed_plan(before, after)[1])) + 1):
        node, done = changed_plan(before, after)
        node.apply(ChangeSet(done.changes.changes[:count]))
        texts = [content.decode() for path, (content, _mode) in node.files.items() if "quay.io/hosts.toml" in path]
        assert all(word in node.files for text in texts for word in text.split('"') if word.endswith(".pem"))
        run(node, after)
        assert not any("docker.io" in path for path in node.files)


def changed_plan(before: Intent, after: Intent) -> tuple[Node, Plan]:
    node = Node()
    run(node, before)
    return node, plan(node, after)


def test_files_that_stay_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    node, intent = Node(), intend(entry({"url": A, "ca": "ca.pem"}, B))
    run(node, intent)
    monkeypatch.delattr(registries_plan, "reread")
    assert not plan(node, intent).changes
    with pytest.raises(NameError):
        plan(node, intend(entry(B)))


# What a fault in the renderer could come to, and the releases that would fall open by it.
FAULTS = {
    "an unknown capability": (('"pull"', '"pul"'), ("1.6.20", "1.7.24", "2.3.4")),
    "a table by another name": (('[host."', '[hosts."'), ("1.6.20", "1.7.24", "2.3.4")),
    "an inline table": ((f'[host."{A}"]\n', f'[host]\n"{A}" = {{}}\n'), ("1.7.24", "2.3.4")),
    "the wrong type": (('["pull", "resolve"]', '"pull"'), ("1.6.20", "1.7.24", "2.3.4")),
    "the upstream comes last": (('server = "https://', '# server = "https://'), ("1.6.20", "1.7.24", "2.3.4")),
}
HELD = {"new": None, "ours": ours(namespace="quay.io"), "others'": FOREIGN}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD.keys())
@pytest.mark.parametrize("name", FAULTS)
def test_every_file_is_read_again_before_it_is_written(
    name: str, held: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old, new), releases = FAULTS[name]
    sound = registries_plan.render
    monkeypatch.setattr(registries_plan, "render", lambda *arguments: sound(*arguments).replace(old, new))
    for release in releases:
        node = Node({} if held is None else {f"{ROOT}/quay.io/hosts.toml": held})
        with pytest.raises(DomainError) as error:
            plan(node, intend(entry({"url": A, "capabilities": ["pull", "resolve"]}, B, fallback=False)), release)
        assert str(error.value) == (
            f"registries[0]: containerd {release} would not read this entry as it is meant. Nothing was changed. This "
            "is a fault of the collection: please report the entry."
        )
