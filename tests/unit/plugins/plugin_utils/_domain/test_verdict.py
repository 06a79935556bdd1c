# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a way is closed, with the sentence, the place and the finding that explain it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import (
    Config,
    configured_namespaces,
    image_of,
    namespace_route,
    reading,
    route,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import Place, Verdict, judge

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
NAMESPACE = "registry.k8s.io"
HERE = f"{TREE}/{NAMESPACE}"
FILE = f"{HERE}/hosts.toml"
TRUST = Trust.parse(["m.example.com", "*.corp.example"])
V2 = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n'
WITH_TREE = f'{V2}config_path = "{TREE}"\n'
DIRECTORY = Entry("directory")


@dataclasses.dataclass(frozen=True)
class Node:
    """What lies on a node: config.toml, and the tree by path below it; None is a directory."""

    tree: t.Mapping[str, bytes | Entry | None] = dataclasses.field(default_factory=dict)
    config: str = WITH_TREE
    version: str = "1.7.24"
    drop_ins: tuple[str, ...] = ()
    root: Entry = DIRECTORY
    namespace: str = NAMESPACE

    def state(self) -> NodeState:
        entries: dict[str, Entry] = {}
        for path, found in self.tree.items():
            parent = path.rpartition("/")[0]
            if parent:
                entries.setdefault(parent, Entry("directory"))
            entries[path] = (
                found if isinstance(found, Entry) else Entry("directory" if found is None else "file", found)
            )
        hosts = {f"{TREE}/{path}": entry for path, entry in entries.items() if path.endswith("/hosts.toml")}
        (pattern,) = reading(TREE)["globs"]
        return NodeState(
            files={file.path: Entry("file", text.encode()) for file, text in self._files()},
            directories={TREE: self.root},
            listings={TREE: {path: dataclasses.replace(entry, content=None) for path, entry in entries.items()}},
            globs={pattern: hosts},
        )

    def _files(self) -> t.Iterator[tuple[ConfigFile, str]]:
        for number, text in enumerate((self.config, *self.drop_ins)):
            path = f"/etc/containerd/conf.d/{number}.toml" if number else CONFIG
            yield ConfigFile(path, parse(text)), text

    def read(self) -> Config:
        return Config.read([file for file, _text in self._files()], Release.parse(self.version))

    def verdict(self) -> Verdict:
        return judge(namespace_route(self.namespace, self.state(), self.read()), TRUST)


def hosts(text: str, **more: t.Any) -> Node:
    return Node({f"{more.get('namespace', NAMESPACE)}/hosts.toml": text.encode()}, **more)


CLOSED = 'server = "https://m.example.com"\n[host]\n'
MIRROR = '[host."https://m.example.com"]\n'
SERVER_AND_MIRROR = 'server = "https://last.corp.example"\n\n[host."https://m.example.com"]\n'

CASES: dict[str, tuple[Node, bool, str, Place, str]] = {
    # --- closed
    "a server that is trusted": (
        hosts(CLOSED),
        True,
        "Nobody but m.example.com is asked.",
        Place(FILE, 1),
        "",
    ),
    "hosts and a server, all trusted": (
        hosts(SERVER_AND_MIRROR),
        True,
        "Nobody but m.example.com and last.corp.example is asked.",
        Place(FILE, 3),
        "",
    ),
    "nobody who may tell what a tag means": (
        hosts('server = "https://m.example.com"\ncapabilities = ["pull"]\n[host]\n'),
        True,
        f"No host in {FILE} may tell what a tag means.",
        Place(FILE),
        "nobody-resolves",
    ),
    "a registry of its owner that no directory is for": (
        Node(namespace="r.corp.example"),
        True,
        "Nobody but r.corp.example is asked.",
        Place(TREE),
        "",
    ),
    "a server in another protocol": (
        hosts('server = "httpx://m.example.com"\n[host]\n'),
        True,
        f"{FILE} names nobody who can be asked.",
        Place(FILE),
        "nobody-resolves",
    ),
    # --- every pull fails
    "a crash": (
        hosts('server = "https://m.example.com"\n[host]\na = 1\nb = 2\n'),
        True,
        f"Nobody is asked, since containerd 1.7.24 crashes on {FILE}.",
        Place(FILE, 3),
        "hosts-toml-crashes",
    ),
    "a directory in the place of the file": (
        Node({f"{NAMESPACE}/hosts.toml": None}),
        True,
        f"Nobody is asked, since {FILE} cannot be read: it is a directory.",
        Place(FILE),
        "hosts-toml-unreadable",
    ),
    "a file in the place of the directory": (
        Node({NAMESPACE: b""}),
        True,
        f"Nobody is asked, since {HERE} is in the place of a directory: it is a file.",
        Place(HERE),
        "hosts-toml-unreadable",
    ),
    "a loop of symlinks in the place of the directory": (
        Node({NAMESPACE: Entry("other", link=HERE, error="Too many levels of symbolic links")}),
        True,
        f"Nobody is asked, since {HERE} is in the place of a directory: Too many levels of symbolic links.",
        Place(HERE),
        "hosts-toml-unreadable",
    ),
    "a file in the place of the tree": (
        Node(root=Entry("file")),
        True,
        f"Nobody is asked, since {TREE} is in the place of a directory: it is a file.",
        Place(TREE),
        "hosts-toml-unreadable",
    ),
    "a ca that is not there": (
        hosts('[host."https://m.example.com"]\nca = "ca.pem"\n'),
        True,
        f"Nobody is asked, since {FILE} names a file that is of no use: {HERE}/ca.pem is not there.",
        Place(FILE, 1),
        "pull-file-missing",
    ),
    "a ca without a certificate in it, at the root": (
        Node(
            {
                f"{NAMESPACE}/hosts.toml": f'ca = "ca.pem"\n{MIRROR}'.encode(),
                f"{NAMESPACE}/ca.pem": Entry("file", pem=()),
            }
        ),
        True,
        f"Nobody is asked, since {FILE} names a file that is of no use: {HERE}/ca.pem has no certificate in it.",
        Place(FILE),
        "pull-file-missing",
    ),
    "a certificate without its key": (
        Node(
            {
                f"{NAMESPACE}/hosts.toml": f'{MIRROR}client = "both.pem"\n'.encode(),
                f"{NAMESPACE}/both.pem": Entry("file", pem=("CERTIFICATE",)),
            }
        ),
        True,
        f"Nobody is asked, since {FILE} names a file that is of no use: {HERE}/both.pem has no private key in it.",
        Place(FILE, 1),
        "pull-file-missing",
    ),
    "a bad certificate in Docker's style beside no file": (
        Node({f"{NAMESPACE}/a.crt": Entry("absent", link="/gone")}),
        True,
        f"Nobody is asked, since {FILE} names a file that is of no use: {HERE}/a.crt is not there.",
        Place(FILE),
        "pull-file-missing",
    ),
    "mirrors beside config_path": (
        Node(config=f'{WITH_TREE}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."x"]\nendpoint = []\n'),
        True,
        f"Nobody is asked, since containerd does not load CRI with registry mirrors beside config_path in {CONFIG}.",
        Place(CONFIG, 4),
        "mirrors-beside-config-path",
    ),
    # --- it cannot be told
    "a file that only others can read": (
        Node({f"{NAMESPACE}/hosts.toml": Entry("file", error="Permission denied")}),
        False,
        f"It cannot be told whether it is closed, since {FILE} could not be read: Permission denied.",
        Place(FILE),
        "hosts-toml-unreadable",
    ),
    "a directory that only others can look into": (
        Node({NAMESPACE: Entry("directory", error="Permission denied")}),
        False,
        f"It cannot be told whether it is closed, since {FILE} could not be read: Permission denied.",
        Place(FILE),
        "hosts-toml-unreadable",
    ),
    "a tree that only others can look into": (
        Node(root=Entry("directory", error="Permission denied")),
        False,
        f"It cannot be told whether it is closed, since {TREE} could not be read: Permission denied.",
        Place(TREE),
        "hosts-toml-unreadable",
    ),
    "a device": (
        Node({f"{NAMESPACE}/hosts.toml": Entry("other", link="/dev/null")}),
        False,
        f"It cannot be told whether it is closed, since {FILE} could not be read: it is no plain file.",
        Place(FILE),
        "hosts-toml-unreadable",
    ),
    "a table in two forms, of which 1.x makes one, and others nothing": (
        hosts(f"{CLOSED}[host.x]\na.b = 1\n[host.x.a]\n"),
        False,
        f"It cannot be told whether it is closed, since containerd 1.7.24 may read {FILE} or pass over it: not "
        "valid TOML: "
        "Cannot declare ('host', 'x', 'a') twice (at line 5, column 10).",
        Place(FILE, 5),
        "hosts-toml-dropped",
    ),
    "a registry that 1.6 takes no images of": (
        Node(namespace="[fd00::1]:5000", version="1.6.20"),
        True,
        "Nobody is asked, since containerd 1.6.20 takes no image whose registry is an IPv6 address.",
        Place(),
        "",
    ),
    # --- open: hosts.toml
    "no server": (
        hosts(MIRROR),
        False,
        f"registry.k8s.io is asked when the hosts before it do not answer, since {FILE} names no server.",
        Place(FILE),
        "server-missing",
    ),
    "no server for Docker Hub": (
        hosts(MIRROR, namespace="docker.io"),
        False,
        "registry-1.docker.io is asked when the hosts before it do not answer, since "
        f"{TREE}/docker.io/hosts.toml names no server.",
        Place(f"{TREE}/docker.io/hosts.toml"),
        "server-missing",
    ),
    "no server for all others": (
        hosts(MIRROR, namespace="_default"),
        False,
        "The registry itself is asked when the hosts before it do not answer, since "
        f"{TREE}/_default/hosts.toml names no server.",
        Place(f"{TREE}/_default/hosts.toml"),
        "server-missing",
    ),
    "no server, and no host that may tell what a tag means": (
        hosts(f'{MIRROR}capabilities = ["pull"]\n'),
        False,
        f"registry.k8s.io is asked what a tag means, since no host in {FILE} may tell, and it names no server.",
        Place(FILE),
        "server-missing",
    ),
    "nothing but a table": (
        hosts("[host]\n"),
        False,
        f"registry.k8s.io is asked, since {FILE} names no server.",
        Place(FILE),
        "server-missing",
    ),
    "an empty server": (
        hosts(f'server = ""\n{MIRROR}'),
        False,
        "registry.k8s.io is asked when the hosts before it do not answer, since the server in "
        f"{FILE} is no URL with a host.",
        Place(FILE, 1),
        "server-missing",
    ),
    "a server whose name begins as a scheme does": (
        hosts(f"{MIRROR}\n", version="2.3.4").__class__(
            {f"{NAMESPACE}/hosts.toml": f'\nserver = "httpmirror:5000"\n{MIRROR}'.encode()}, version="2.3.4"
        ),
        False,
        "registry.k8s.io is asked when the hosts before it do not answer, since the server in "
        f"{FILE} is no URL with a host.",
        Place(FILE, 2),
        "server-missing",
    ),
    "a server that is not trusted": (
        hosts(f'server = "https://elsewhere.example"\n{MIRROR}'),
        False,
        f"elsewhere.example is asked, the server in {FILE} that is not trusted.",
        Place(FILE, 1),
        "server-outside",
    ),
    "a host that is not trusted": (
        hosts(f'server = "https://m.example.com"\n{MIRROR}[host."https://elsewhere.example:5000"]\n'),
        False,
        f"elsewhere.example:5000 is asked, a host in {FILE} that is not trusted.",
        Place(FILE, 3),
        "host-outside",
    ),
    "a server below a host, which makes it a key of that host": (
        hosts(f'{MIRROR}server = "https://m.example.com"\n'),
        False,
        f"registry.k8s.io is asked when the hosts before it do not answer, since {FILE} names no server.",
        Place(FILE),
        "server-missing",
    ),
    "a scheme in capitals": (
        hosts('server = "HTTPS://m.example.com"\n[host]\n'),
        False,
        f"HTTPS: is asked, the server in {FILE} that is not trusted.",
        Place(FILE, 1),
        "server-outside",
    ),
    "a host in an inline table, which 2.x does not see": (
        hosts('[host]\n"https://m.example.com" = {capabilities = ["pull", "resolve"]}\n', version="2.3.4"),
        False,
        f"registry.k8s.io is asked, since containerd 2.3.4 does not see the host m.example.com in {FILE}, which has no "
        "table of its own.",
        Place(FILE, 2),
        "hosts-not-seen",
    ),
    "a host in dotted keys, which 2.x does not see": (
        hosts('host."https://u:secret@m.example.com".capabilities = ["pull", "resolve"]\n', version="2.1.9"),
        False,
        f"registry.k8s.io is asked, since containerd 2.1.9 does not see the host m.example.com in {FILE}, which has no "
        "table of its own.",
        Place(FILE, 1),
        "hosts-not-seen",
    ),
    "an inline table on 1.x": (
        hosts('server = "https://m.example.com"\n[host]\n"https://a.corp.example" = {capabilities = ["pull"]}\n'),
        True,
        "Nobody but a.corp.example and m.example.com is asked.",
        Place(FILE, 3),
        "",
    ),
    "a file with an error": (
        hosts(f'{CLOSED}\n[host."x"\n'),
        False,
        f"registry.k8s.io is asked, since containerd 1.7.24 passes over {FILE}: not valid TOML: Expected ']' at "
        "the end "
        "of a table declaration (at line 4, column 10).",
        Place(FILE, 4),
        "hosts-toml-dropped",
    ),
    "a file without a [host] table, before that was read": (
        hosts('server = "https://m.example.com"\n', version="1.7.24"),
        False,
        f"registry.k8s.io is asked, since containerd 1.7.24 passes over {FILE}: it has no host table.",
        Place(FILE),
        "hosts-toml-dropped",
    ),
    "the same file, since then": (
        hosts('server = "https://m.example.com"\n', version="1.7.32"),
        True,
        "Nobody but m.example.com is asked.",
        Place(FILE, 1),
        "",
    ),
    "a capability of a newer release": (
        hosts(
            'server = "https://m.example.com"\n[host]\n[host."https://m.example.com"]\ncapabilities = ["referrers"]\n',
            version="2.1.9",
        ),
        False,
        f"registry.k8s.io is asked, since containerd 2.1.9 passes over {FILE}: unknown capability referrers.",
        Place(FILE, 4),
        "hosts-toml-dropped",
    ),
    "a byte order mark on 2.x": (
        hosts(f"\ufeff{CLOSED}", version="2.3.4"),
        False,
        f"registry.k8s.io is asked, since containerd 2.3.4 passes over {FILE}: it begins with a byte order mark.",
        Place(FILE, 1),
        "hosts-toml-dropped",
    ),
    "an empty file": (
        hosts(""),
        False,
        f"registry.k8s.io is asked, since containerd 1.7.24 passes over {FILE}: the file is empty.",
        Place(FILE),
        "hosts-toml-dropped",
    ),
    # --- open: the tree
    "an empty directory, which hides _default": (
        Node({NAMESPACE: None, "_default/hosts.toml": CLOSED.encode()}),
        False,
        f"registry.k8s.io is asked, since {HERE} has no hosts.toml.",
        Place(FILE),
        "hosts-toml-missing",
    ),
    "a symlink that leads nowhere, in the place of the file": (
        Node({f"{NAMESPACE}/hosts.toml": Entry("absent", link="/gone")}),
        False,
        f"registry.k8s.io is asked, since {HERE} has no hosts.toml.",
        Place(FILE),
        "hosts-toml-missing",
    ),
    "a symlink that leads nowhere, in the place of the directory, hides nothing": (
        Node({NAMESPACE: Entry("absent", link="/gone"), "_default/hosts.toml": CLOSED.encode()}),
        True,
        "Nobody but m.example.com is asked.",
        Place(f"{TREE}/_default/hosts.toml", 1),
        "",
    ),
    "no directory": (
        Node({"docker.io/hosts.toml": CLOSED.encode()}),
        False,
        f"registry.k8s.io is asked, since {TREE} has no directory for registry.k8s.io.",
        Place(TREE),
        "no-entry",
    ),
    "a directory under another name": (
        Node({"registry-1.docker.io/hosts.toml": CLOSED.encode()}, namespace="docker.io"),
        False,
        f"registry-1.docker.io is asked, since {TREE} has no directory for docker.io, but registry-1.docker.io, "
        "which is "
        "another name.",
        Place(TREE),
        "no-entry",
    ),
    "a _default before it was read": (
        Node({"_default/hosts.toml": CLOSED.encode()}, version="1.6.16"),
        False,
        f"registry.k8s.io is asked, since {TREE} has no directory for registry.k8s.io.",
        Place(TREE),
        "no-entry",
    ),
    "no tree": (
        Node(root=Entry("absent")),
        False,
        f"registry.k8s.io is asked, since {TREE}, which config_path names, is not there.",
        Place(CONFIG, 3, 'plugins."io.containerd.grpc.v1.cri".registry.config_path'),
        "config-path-missing",
    ),
    # --- open: config.toml
    "no config_path": (
        Node(config="version = 2\n"),
        False,
        f"registry.k8s.io is asked, since config_path is not set in {CONFIG}.",
        Place(CONFIG),
        "config-path-unset",
    ),
    "no config_path, and a default of its own": (
        Node(config="version = 3\n", version="2.3.4"),
        False,
        f"registry.k8s.io is asked, since config_path is not set in {CONFIG}, and containerd 2.3.4 makes "
        "nothing of its "
        "own default, which is a list.",
        Place(CONFIG),
        "config-path-unset",
    ),
    "a list that is one name": (
        Node(config=f'{V2}config_path = "{TREE}:/etc/docker/certs.d"\n', version="2.1.9"),
        False,
        f"registry.k8s.io is asked, since containerd 2.1.9 takes the list in config_path, "
        f"{TREE}:/etc/docker/certs.d, for "
        "the name of one directory.",
        Place(CONFIG, 3),
        "config-path-list",
    ),
    "a drop-in that says otherwise": (
        Node(
            {f"{NAMESPACE}/hosts.toml": CLOSED.encode()},
            drop_ins=('version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "x"\n',),
        ),
        False,
        f"registry.k8s.io is asked, since /etc/containerd/conf.d/1.toml replaces all settings of CRI in "
        f"{CONFIG}, and with "
        "them config_path.",
        Place("/etc/containerd/conf.d/1.toml", 2),
        "drop-in-replaces-cri",
    ),
    "the same drop-in on 2.x": (
        Node(
            {f"{NAMESPACE}/hosts.toml": CLOSED.encode()},
            drop_ins=('version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "x"\n',),
            version="2.1.9",
        ),
        True,
        "Nobody but m.example.com is asked.",
        Place(FILE, 1),
        "",
    ),
    "a file without a version on 2.1": (
        Node(config=f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n', version="2.1.9"),
        False,
        f"registry.k8s.io is asked, since config_path stands in {CONFIG} where containerd 2.1.9 does not read it.",
        Place(CONFIG, 2),
        "cri-settings-lost",
    ),
    "a config_path that is empty": (
        Node(config=f'{V2}config_path = ""\n'),
        False,
        f"registry.k8s.io is asked, since config_path is not set in {CONFIG}.",
        Place(CONFIG, 3),
        "config-path-unset",
    ),
    "a config_path that is relative, and ends in a slash": (
        dataclasses.replace(hosts(CLOSED), config=f'{V2}config_path = "etc/containerd/certs.d/"\n'),
        True,
        "Nobody but m.example.com is asked.",
        Place(FILE, 1),
        "",
    ),
    "a list, where there is a reason for local pulls": (
        dataclasses.replace(
            hosts(CLOSED, version="2.1.9"),
            config=f'{V2}config_path = "{TREE}:/etc/docker/certs.d"\n'
            '[plugins."io.containerd.grpc.v1.cri"]\nmax_concurrent_downloads = 5\n',
        ),
        True,
        "Nobody but m.example.com is asked.",
        Place(FILE, 1),
        "",
    ),
    # --- open: tables of old
    "mirrors, and the registry itself after them": (
        Node(
            config=f'{V2}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]\nendpoint = ["https://m.example.com"]\n'
        ),
        False,
        "registry.k8s.io is asked when the endpoints before it do not answer, since containerd adds it to mirrors in "
        f"{CONFIG}.",
        Place(CONFIG, 4, 'plugins."io.containerd.grpc.v1.cri".registry.mirrors."*".endpoint'),
        "mirrors-append-upstream",
    ),
    "a mirror that is not trusted": (
        Node(
            config=f'{V2}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."registry.k8s.io"]\nendpoint = ["https://elsewhere.example"]\n'
        ),
        False,
        f"elsewhere.example is asked, an endpoint of mirrors in {CONFIG} that is not trusted.",
        Place(CONFIG, 4, 'plugins."io.containerd.grpc.v1.cri".registry.mirrors."registry.k8s.io".endpoint'),
        "mirror-outside",
    ),
    "mirrors of other registries": (
        Node(
            config=f'{V2}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\nendpoint = ["https://m.example.com"]\n'
        ),
        False,
        f"registry.k8s.io is asked, since mirrors in {CONFIG} name no other endpoint for registry.k8s.io.",
        Place(CONFIG, 3),
        "no-entry",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str) -> None:
    node, is_closed, reason, place, rule = CASES[name]
    found = node.verdict()
    assert (found.is_closed, found.reason, found.rule) == (is_closed, reason, rule)
    assert (found.place.file, found.place.line) == (place.file, place.line)
    if place.key:
        assert found.place.key == place.key
    assert "secret" not in repr(found)


def test_who_is_trusted_is_what_the_verdict_is_about() -> None:
    found = namespace_route(NAMESPACE, hosts(MIRROR).state(), hosts(MIRROR).read())
    assert not judge(found, TRUST).is_closed
    assert judge(found, Trust.parse(["m.example.com", "registry.k8s.io"])).is_closed


def test_an_image_by_its_name() -> None:
    node = hosts(MIRROR, namespace="docker.io")
    found = route(image_of("busybox@sha256:" + "0" * 64), node.state(), node.read())
    assert found.image.repository == "library/busybox"
    assert not judge(found, TRUST).is_closed


def test_the_namespaces_that_a_node_has_something_about() -> None:
    there = [
        "docker.io",
        "_default",
        "r.example.com_5000_",
        "q.example.com:5000",
        "localhost",
        "backup",
        "index.docker.io",
    ]
    node = Node({**dict.fromkeys(there), "gone.example.com": Entry("absent", link="/gone"), "file.example.com": b""})
    expected = ["_default", "docker.io", "file.example.com", "localhost", "q.example.com:5000", "r.example.com:5000"]
    assert configured_namespaces(node.state(), node.read()) == expected
    before_default = dataclasses.replace(node, version="1.6.16")
    assert configured_namespaces(before_default.state(), before_default.read()) == expected[1:]


def test_the_namespaces_of_tables() -> None:
    table = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."{}"]\n'
    node = Node({"docker.io": None}, config=V2 + table.format("*") + table.format("quay.io"))
    assert configured_namespaces(node.state(), node.read()) == ["_default", "quay.io"]
