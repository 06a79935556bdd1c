# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do to a node that was closed, and on which releases it opens the way out.

Each of them is planted on a node as the role left it: registry.k8s.io, docker.io and all other registries lead to the
private registry and nowhere else, and so does the image of pods.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    IMAGES,
    REGISTRY,
    REGISTRY_CONFIG_PATH,
    SANDBOX_IMAGE,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, edit, parse
from nodes.registry import FACES, HOST

ALL = ("1.6", "1.7", "2.1", "2.2", "2.3")
OLD, NEW = ALL[:2], ALL[2:]
NONE: tuple[str, ...] = ()

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
CONF_D, DROP_IN = "/etc/containerd/conf.d/*.toml", "/etc/containerd/conf.d/10-other.toml"
PRIVATE = f"{HOST}:{FACES['plain']}"
#: Nobody's mirror, by name and by address.
STRANGER, ADDRESS = "mirror.example.net", "198.51.100.7"
#: No registry has it, so that whoever is last is asked too.
ABSENT = "absent-{release}:1"
#: Stands for the certificate of the testbed's authority.
AUTHORITY = "authority"

#: What becomes of a path: its text, nothing if it is to go; one that ends with a slash is a directory.
Files = t.Mapping[str, str | None]
#: A config.toml out of the one there.
Edit = t.Callable[[str], str]


@dataclass(frozen=True, eq=False)
class Trap:
    """``opens`` are the releases on which it opens the way out, ``on`` those on which containerd starts with it."""

    name: str
    text: str
    opens: tuple[str, ...]
    #: Relative paths are in the tree.
    files: Files = field(default_factory=dict)
    config: Edit | None = None
    #: What is asked for then: by a pull, or by a pod whose image it is.
    image: str = f"registry.k8s.io/{ABSENT}"
    by_pod: bool = False
    on: tuple[str, ...] = ALL
    #: containerd is started with this config.toml, and the one of before put back without another restart.
    unread: bool = False
    loads_cri: bool = True
    #: Where every pull fails before anybody at all is asked.
    fails: tuple[str, ...] = NONE

    @property
    def registry(self) -> str:
        return self.image.partition("/")[0]

    def asks(self, release: str) -> str:
        return self.image.format(release=release.replace(".", "-"))


# --- hosts.toml


def tree(text: str, namespace: str = "registry.k8s.io") -> Files:
    return {f"{namespace}/hosts.toml": text}


def host(*lines: str, url: str = f"http://{PRIVATE}") -> str:
    """A table of a host."""
    return f'[host."{url}"]\n' + "".join(f"  {line}\n" for line in lines)


def server(url: str = f"http://{PRIVATE}") -> str:
    return f'server = "{url}"\n'


CAPABILITIES = 'capabilities = ["pull", "resolve"]'
CLOSED = server() + host(CAPABILITIES)

PASSED_OVER = (
    Trap("not TOML", "a bracket is missing in `hosts.toml`", ALL, tree(CLOSED.replace('"]\n', '"\n', 1))),
    Trap("unknown capability", "`resolv` for `resolve`", ALL, tree(CLOSED.replace("resolve", "resolv"))),
    Trap(
        "capability of newer releases",
        "the capability `referrers`, which 2.2 has brought",
        ("1.6", "1.7", "2.1"),
        tree(CLOSED.replace('"]\n', '", "referrers"]\n').replace(f'{PRIVATE}", "referrers"]', f'{PRIVATE}"]')),
    ),
    Trap("wrong type", '`capabilities = "pull"`', ALL, tree(server() + host('capabilities = "pull"'))),
    Trap("one host twice", "two tables for one URL", ALL, tree(CLOSED + host(CAPABILITIES))),
    Trap("list of hosts", "`[[host]]`", ALL, tree(f'{server()}[[host]]\n  url = "http://{PRIVATE}"\n')),
    Trap("no unit", '`dial_timeout = "200"`, which 1.x does not read', NEW, tree(CLOSED + '  dial_timeout = "200"\n')),
    Trap("byte order mark", "at the beginning of `hosts.toml`", NEW, tree("\ufeff" + CLOSED)),
    Trap("no host table", "`server` and nothing else", OLD, tree(server())),
    Trap("empty file", "`hosts.toml` without a byte in it", ALL, tree("")),
)
SAYS_LESS = (
    Trap("no server", "a mirror, and no `server`", ALL, tree(host(CAPABILITIES))),
    Trap("upstream as server", "as many examples have it", ALL, tree(server("https://registry.k8s.io") + host())),
    Trap("empty server", '`server = ""`', ALL, tree(server("") + host())),
    Trap("server in a table", "after `[host.…]`, it is a key of that host", ALL, tree(host() + server())),
    Trap("pull only", "no host resolves tags, and no `server`", ALL, tree(host('capabilities = ["pull"]'))),
    Trap("hosts for host", "`[hosts.…]`, and no `server`", ALL, tree(host().replace("[host.", "[hosts."))),
    Trap("no quotes", f"`[host.{HOST}]` is the host `registry`", ALL, tree(f"{server()}[host.{HOST}]\n")),
    Trap("name like a scheme", "`server` without a scheme", ALL, tree(server("httpmirror.example.test:5000") + host())),
    Trap("scheme in capitals", "`HTTP://` is taken for a host", ALL, tree(server(f"HTTP://{PRIVATE}") + host())),
    Trap("mirror of a stranger", "before the private registry", ALL, tree(server() + host(url=f"https://{STRANGER}"))),
    Trap("address of a stranger", "no name is asked for", ALL, tree(server() + host(url=f"http://{ADDRESS}:5000"))),
    Trap(
        "inline table",
        "a stranger's mirror in a form that 2.x does not see",
        OLD,
        tree(f'{server()}[host]\n  "https://{STRANGER}" = {{{CAPABILITIES}}}\n'),
    ),
)
FAILS_BEFORE = (
    Trap("missing ca", "and no `server`: every pull fails", NONE, tree(host('ca = "absent.pem"')), fails=ALL),
    Trap(
        "directory for a file",
        "`hosts.toml` is one: every pull fails",
        NONE,
        {"registry.k8s.io/hosts.toml": None, "registry.k8s.io/hosts.toml/": ""},
        fails=ALL,
    ),
    Trap(
        "values in host",
        "two values right in `[host]`: 1.x crashes at every pull",
        NEW,
        tree("[host]\n  skip_verify = false\n  override_path = true\n"),
        fails=OLD,
    ),
)

# --- directories

DIRECTORIES = (
    Trap("empty directory", "it keeps `_default` away", ALL, {"quay.io/": ""}, image=f"quay.io/{ABSENT}"),
    Trap("certificates only", "as Docker has them", ALL, {"quay.io/ca.crt": AUTHORITY}, image=f"quay.io/{ABSENT}"),
    Trap(
        "host.toml",
        "a file that nobody reads",
        ALL,
        {"registry.k8s.io/hosts.toml": None, "registry.k8s.io/host.toml": CLOSED},
    ),
    Trap(
        "port in the name",
        "`registry.k8s.io:443`, and no `_default`",
        ALL,
        {"_default": None, "registry.k8s.io": None, **tree(CLOSED, "registry.k8s.io:443")},
    ),
    Trap(
        "capitals in the name",
        "`Registry.k8s.io`, and no `_default`",
        ALL,
        {"_default": None, "registry.k8s.io": None, **tree(CLOSED, "Registry.k8s.io")},
    ),
    Trap(
        "host of Docker Hub",
        "`registry-1.docker.io`, and no `_default`",
        ALL,
        {"_default": None, "docker.io": None, **tree(CLOSED, "registry-1.docker.io")},
        image=f"docker.io/library/{ABSENT}",
    ),
    Trap(
        "registry of old",
        "no entry for `k8s.gcr.io`, no `_default`",
        ALL,
        {"_default": None},
        image="k8s.gcr.io/pause:3.2",
    ),
)

# --- config.toml


def changed(*operations: Set | Remove) -> Edit:
    """Settings by their canonical names, written by those of the file's version."""

    def write(text: str) -> str:
        version = parse(text)["version"]
        return str(edit(text, [_named(operation, version) for operation in operations]).text)

    return write


def _named(operation: Set | Remove, version: int) -> Set | Remove:
    path = t.cast(KeyPath, names(operation.path).in_version(version))
    return Set(path, operation.value) if isinstance(operation, Set) else Remove(path)


def replaced(text: str) -> Edit:
    return lambda _before: text


def table_of(plugin: str, version: int) -> str:
    """A whole config.toml that says where the tree is."""
    return f'version = {version}\n[plugins.{plugin}.registry]\n  config_path = "{TREE}"\n'


def sandbox_elsewhere(text: str) -> str:
    """The private image by the name of another version, where no release looks in a file of this one."""
    known = names(SANDBOX_IMAGE)
    here, elsewhere = (known.v2, known.v3) if parse(text)["version"] == 2 else (known.v3, known.v2)
    image = f"{PRIVATE}/k8s/pause:3.10"
    return str(edit(text, [Remove(t.cast(KeyPath, here)), Set(t.cast(KeyPath, elsewhere), image)]).text)


CRI, RUNTIME_3 = '"io.containerd.grpc.v1.cri"', '"io.containerd.cri.v1.runtime"'
IMPORTS = Set(("imports",), [CONF_D])
MIRRORS = Set((*REGISTRY, "mirrors", "registry.k8s.io", "endpoint"), [f"http://{PRIVATE}"])
LISTED = Set(REGISTRY_CONFIG_PATH, f"{TREE}:/etc/docker/certs.d")

CONFIGURATION = (
    Trap("no config_path", "it is taken out of `config.toml`", ALL, config=changed(Remove(REGISTRY_CONFIG_PATH))),
    Trap(
        "another directory",
        "`config_path` is one that is not there",
        ALL,
        config=changed(Set(REGISTRY_CONFIG_PATH, "/etc/containerd/cert.d")),
    ),
    Trap("list of directories", "the transfer service of 2.x takes it for one name", NEW, config=changed(LISTED)),
    Trap(
        "list, pulled by CRI",
        "`max_concurrent_downloads` keeps the transfer service out",
        NONE,
        config=changed(LISTED, Set((*IMAGES, "max_concurrent_downloads"), 5)),
    ),
    Trap(
        "relative directory",
        "from the root, where the unit starts containerd",
        NONE,
        config=changed(Set(REGISTRY_CONFIG_PATH, TREE[1:])),
    ),
    Trap(
        "mirrors of old",
        "`registry.mirrors` in place of `config_path`",
        ALL,
        config=changed(Set(REGISTRY_CONFIG_PATH, ""), MIRRORS),
    ),
    Trap(
        "mirrors and config_path",
        "CRI does not load with both",
        NONE,
        config=changed(MIRRORS),
        loads_cri=False,
        fails=ALL,
    ),
    Trap(
        "drop-in",
        "on 1.x, one key of CRI in it replaces all of CRI",
        OLD,
        {DROP_IN: f"version = 2\n[plugins.{CRI}]\n  max_container_log_line_size = 16384\n"},
        config=changed(IMPORTS),
        on=OLD,
    ),
    Trap(
        "drop-in of 2.x",
        "one key of CRI in it",
        NONE,
        {DROP_IN: f"version = 3\n[plugins.{RUNTIME_3}]\n  max_container_log_line_size = 16384\n"},
        config=changed(),
        on=NEW,
    ),
    Trap(
        "newer drop-in",
        "of version 3, beside a `config.toml` of version 2",
        ("2.1", "2.2"),
        {DROP_IN: f"version = 3\n[plugins.{RUNTIME_3}]\n  max_container_log_line_size = 16384\n"},
        config=replaced(f'imports = ["{CONF_D}"]\n' + table_of(CRI, 2)),
        on=("1.6", "2.1", "2.2"),
    ),
    Trap("version 1", "tables by their short names", ("2.1", "2.2"), config=replaced(table_of("cri", 1))),
    Trap(
        "version 3 with tables of 2",
        "only the number is new",
        ("2.1", "2.2"),
        config=replaced(table_of(CRI, 3)),
        on=("1.6", "2.1", "2.2", "2.3"),
    ),
    Trap(
        "not restarted",
        "containerd has not read `config_path`",
        ALL,
        config=changed(Set(REGISTRY_CONFIG_PATH, "")),
        unread=True,
    ),
    Trap(
        "pod image of old",
        "`k8s.gcr.io/pause`, and no `_default`",
        ALL,
        {"_default": None},
        config=changed(Set(SANDBOX_IMAGE, "k8s.gcr.io/pause:3.2")),
        image="k8s.gcr.io/pause:3.2",
        by_pod=True,
    ),
    Trap(
        "pod image in another table",
        "that of another version: its own default counts",
        ALL,
        {"_default": None, "registry.k8s.io": None},
        config=sandbox_elsewhere,
        by_pod=True,
    ),
)

TRAPS = (*PASSED_OVER, *SAYS_LESS, *FAILS_BEFORE, *DIRECTORIES, *CONFIGURATION)
#: Those of a short run: at least one of each kind, one that does harm on one of two releases only, one that does none.
SHORT = ("not TOML", "no host table", "no server", "empty directory", "list of directories", "pod image of old")
