# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule has a node that is in the trap, and one beside it that is not."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import Host, HostsFile, render
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import (
    RULES,
    Finding,
    Severity,
    Subject,
    lint,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace, Url

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
HUB = f"{TREE}/docker.io/hosts.toml"
V2 = 'plugins."io.containerd.grpc.v1.cri"'
IM = 'plugins."io.containerd.cri.v1.images"'
RT = 'plugins."io.containerd.cri.v1.runtime"'
TRANSFER = 'plugins."io.containerd.transfer.v1.local"'
MakeSubject = t.Callable[..., Subject]

WITH_TREE = f'version = 2\n[{V2}.registry]\nconfig_path = "{TREE}"\n'
WITH_TREE_3 = f'version = 3\n[{IM}.registry]\nconfig_path = "{TREE}"\n'
CLOSED = 'server = "https://m.example.com"\n[host]\n'
MIRRORS = f'version = 2\n[{V2}.registry.mirrors."docker.io"]\nendpoint = ["https://m.example.com"]\n'
SECRET = "correct-horse-7"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


@dataclasses.dataclass(frozen=True)
class On:
    """A node: its release, config.toml, the hosts.toml of docker.io, and whatever else lies on it."""

    release: str
    config: str | bytes | Entry | None = WITH_TREE
    hub: str | bytes | Entry | None = CLOSED
    more: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    images: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def files(self) -> dict[str, t.Any]:
        own = {CONFIG: self.config, HUB: self.hub}
        return {**{path: found for path, found in own.items() if found is not None}, **self.more}


def at(name: str, found: t.Any = CLOSED) -> dict[str, t.Any]:
    """Something in the tree."""
    return {f"{TREE}/{name}": found}


def host(settings: str, url: str = "https://m.example.com") -> str:
    return f'server = "https://m.example.com"\n[host."{url}"]\n{settings}\n'


def drop_in(text: str) -> dict[str, t.Any]:
    return {"/etc/containerd/conf.d/99.toml": text}


IMPORTS = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
NEVER = Entry("file", error="Permission denied")
SECRET_FILE = f'server = "https://m.example.com"\n[host]\n[header]\nAuthorization = "Basic {SECRET}"\n'

# The rule, a node that is in the trap with the file and the line of the finding, and one that is not.
CASES: list[tuple[str, On, str, int | None, On]] = [
    # config.toml and its imports
    ("config-not-toml", On("1.7.24", "version = 2\nx = [\n"), CONFIG, 3, On("1.7.24")),
    ("config-not-toml", On("1.7.24", b"version = 2\n# \xff\n"), CONFIG, 2, On("1.7.24", "# é\n" + WITH_TREE)),
    ("config-not-toml", On("2.3.4", b"\xef\xbb\xbf" + WITH_TREE.encode()), CONFIG, 1, On("1.7.24", b"\xef\xbb\xbf")),
    ("config-unreadable", On("1.7.24", NEVER), CONFIG, None, On("1.7.24", None)),
    ("config-unreadable", On("1.7.24", Entry("directory")), CONFIG, None, On("1.7.24", "")),
    ("config-version-unsupported", On("1.7.24", "version = 3\n"), CONFIG, 1, On("2.0.5", "version = 3\n")),
    ("config-version-unsupported", On("2.2.1", "#\nversion = 4\n"), CONFIG, 2, On("2.3.4", "version = 4\n")),
    (
        "import-missing",
        On("1.7.24", '#\nimports = ["/x.toml"]\n', more={"/x.toml": Entry("absent")}),
        CONFIG,
        2,
        On("1.7.24", 'imports = ["/x/*.toml"]\n'),
    ),
    (
        "import-version-higher",
        On("2.3.4", f"version = 2\n{IMPORTS}", more=drop_in("version = 3\n")),
        "/etc/containerd/conf.d/99.toml",
        1,
        On("2.4.2", f"version = 2\n{IMPORTS}", more=drop_in("version = 3\n")),
    ),
    ("containerd-does-not-start", On("1.7.24", 'version = "2"\n'), CONFIG, 1, On("1.7.24", "version = 2\n")),
    (
        "containerd-does-not-start",
        On("1.7.24", 'version = 2\ndisabled_plugins = ["cri"]\n'),
        CONFIG,
        2,
        On("2.1.9", 'disabled_plugins = ["cri"]\n'),
    ),
    ("containerd-does-not-start", On("2.3.4", '[debug]\nlevel = "loud"\n'), CONFIG, 2, On("2.3.4", "[debug]\n")),
    (
        "cri-does-not-load",
        On("1.7.24", f'version = 2\n[{V2}]\nstream_idle_timeout = "4 hours"\n'),
        CONFIG,
        3,
        On("1.7.24", f'version = 2\n[{V2}]\nstream_idle_timeout = "4h"\n'),
    ),
    (
        "containerd-does-not-start",
        On("1.7.24", f'version = 2\n[{V2}.registry.mirrors."a.io"]\nendpoint = "x"\n'),
        CONFIG,
        3,
        On("1.7.24", MIRRORS),
    ),
    (
        "pull-file-missing",
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\ncert_file = "/x"\n'),
        CONFIG,
        4,
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\nca_file = "/x"\n'),
    ),
    (
        "cri-does-not-load",
        On("2.3.4", f'version = 3\n[{RT}.cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]\n'),
        CONFIG,
        3,
        On("2.4.2", f'version = 3\n[{RT}.cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]\n'),
    ),
    (
        "cri-does-not-load",
        On("1.7.24", 'version = 2\ndisabled_plugins = ["io.containerd.metadata.v1.bolt"]\n'),
        CONFIG,
        2,
        On("1.7.24", 'version = 2\ndisabled_plugins = ["io.containerd.snapshotter.v1.zfs"]\n'),
    ),
    ("cri-disabled", On("2.3.4", 'disabled_plugins = ["cri"]\n'), CONFIG, 1, On("2.3.4", "disabled_plugins = []\n")),
    (
        "cri-settings-lost",
        On("2.1.9", f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n'),
        CONFIG,
        2,
        On("2.3.4", f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n'),
    ),
    (
        "cri-settings-lost",
        On("2.1.9", WITH_TREE.replace("version = 2", "version = 3")),
        CONFIG,
        3,
        On("2.3.4", WITH_TREE.replace("version = 2", "version = 3")),
    ),
    ("cri-settings-lost", On("1.6.20", WITH_TREE_3), CONFIG, 3, On("1.6.20")),
    ("cri-settings-lost", On("1.7.24", WITH_TREE.partition("\n")[2]), CONFIG, 2, On("1.7.24")),
    ("cri-settings-lost", On("2.3.4", WITH_TREE.replace("version = 2", "version = 4")), CONFIG, 3, On("2.3.4")),
    (
        "cri-settings-lost",
        On("2.1.9", f'version = 2\n[{V2}.containerd]\nsnapshotter = "native"\n'),
        CONFIG,
        3,
        On("2.1.9", f'version = 2\n[{V2}.containerd]\nsnapshotter = "native"\n[{V2}.containerd.runtimes.runc]\n'),
    ),
    (
        "cri-settings-lost",
        On("2.1.9", f'version = 2\n[{V2}.containerd]\nsnapshotter = "native"\n'),
        CONFIG,
        3,
        On("2.1.9", f'version = 2\n[{V2}.containerd]\nsnapshotter = "overlayfs"\n'),
    ),
    (
        "drop-in-replaces-cri",
        On("1.7.24", f"{IMPORTS}{WITH_TREE}", more=drop_in(f'version = 2\n[{V2}]\nsandbox_image = "x"\n')),
        "/etc/containerd/conf.d/99.toml",
        2,
        On("2.1.9", f"{IMPORTS}{WITH_TREE}", more=drop_in(f'version = 2\n[{V2}]\nsandbox_image = "x"\n')),
    ),
    (
        "conf-d-not-imported",
        On("2.3.4", more=drop_in("version = 2\n")),
        "/etc/containerd/conf.d/99.toml",
        None,
        On("2.3.4", f"{IMPORTS}{WITH_TREE}", more=drop_in("version = 2\n")),
    ),
    (
        "config-key-passed-over",
        On("1.7.24", f"version = 2\n[{V2}]\nenable_selinucs = true\n"),
        CONFIG,
        3,
        On("1.7.24", f"version = 2\n[{V2}]\nenable_selinux = true\n"),
    ),
    (
        "server-tables-passed-over",
        On("2.3.4", "version = 4\n[grpc]\ngid = 7\n"),
        CONFIG,
        2,
        On("2.3.4", "version = 3\n[grpc]\ngid = 7\n"),
    ),
    (
        "import-glob-relative",
        On("1.7.15", '#\nimports = ["conf.d/*.toml"]\n'),
        CONFIG,
        2,
        On("1.7.24", '#\nimports = ["conf.d/*.toml"]\n'),
    ),
    (
        "cri-tables-by-chance",
        On("2.3.4", f"[{V2}]\nenable_selinux = true\n[plugins.cri]\nenable_selinux = true\n"),
        CONFIG,
        3,
        On("1.7.24", f"[{V2}]\nenable_selinux = true\n[plugins.cri]\nenable_selinux = true\n"),
    ),
    (
        "version-missing",
        On("1.7.24", f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n'),
        CONFIG,
        1,
        On("2.1.9", f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n'),
    ),
    (
        "setting-twice",
        On("1.7.24", f"{IMPORTS}{WITH_TREE}", more=drop_in(WITH_TREE.replace(TREE, "/x"))),
        CONFIG,
        4,
        On("1.7.24", f"{IMPORTS}{WITH_TREE}", more=drop_in(WITH_TREE)),
    ),
    (
        "setting-twice",
        On("2.1.9", f'{WITH_TREE}[{IM}.registry]\nconfig_path = "/x"\n'),
        CONFIG,
        5,
        On("2.1.9"),
    ),
    (
        "credentials-shown",
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.auths."https://a.io"]\npassword = "{SECRET}"\n'),
        CONFIG,
        4,
        On("2.1.9", f'{WITH_TREE}[{V2}.registry.auths."https://a.io"]\npassword = "{SECRET}"\n'),
    ),
    (
        "sandbox-without-credentials",
        On("2.0.0", f'{WITH_TREE}[{V2}.registry.configs."a.io".auth]\npassword = "{SECRET}"\n'),
        CONFIG,
        4,
        On("2.0.1", f'{WITH_TREE}[{V2}.registry.configs."a.io".auth]\npassword = "{SECRET}"\n'),
    ),
    # the registry table
    ("config-path-unknown-to-release", On("1.4.13"), CONFIG, 3, On("1.5.18")),
    ("config-path-list", On("2.3.4", WITH_TREE.replace(TREE, f"{TREE}:/x")), CONFIG, 3, On("2.3.4")),
    (
        "config-path-list-fragile",
        On("1.7.24", WITH_TREE.replace(TREE, f"{TREE}:/x")),
        CONFIG,
        3,
        On("2.3.4", WITH_TREE.replace(TREE, f"{TREE}:/x")),
    ),
    (
        "config-path-list-fragile",
        On("2.3.4", f'version = 3\n[{IM}]\nuse_local_image_pull = true\n[{IM}.registry]\nconfig_path = "{TREE}:/x"\n'),
        CONFIG,
        5,
        On("2.3.4"),
    ),
    ("config-path-unset", On("1.7.24", None), CONFIG, None, On("1.7.24", MIRRORS)),
    ("config-path-unset", On("2.3.4", "version = 4\n"), CONFIG, None, On("2.3.4")),
    (
        "config-path-unset",
        On("2.1.9", f"version = 3\n[{IM}]\nuse_local_image_pull = true\n"),
        CONFIG,
        None,
        On("2.3.4", f"version = 3\n[{IM}]\nuse_local_image_pull = true\n"),
    ),
    ("config-path-missing", On("1.7.24", hub=None), CONFIG, 3, On("1.7.24")),
    ("config-path-relative", On("1.7.24", WITH_TREE.replace(TREE, TREE[1:])), CONFIG, 3, On("1.7.24")),
    (
        "mirrors-beside-config-path",
        On("2.3.4", f'{WITH_TREE}[{V2}.registry.mirrors."a.io"]\nendpoint = []\n'),
        CONFIG,
        4,
        On("2.3.4", MIRRORS),
    ),
    ("mirrors-beside-config-path", On("2.2.1", MIRRORS), CONFIG, 2, On("2.2.7", MIRRORS)),
    (
        "tls-beside-config-path",
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."a.io".tls]\n'),
        CONFIG,
        4,
        On("2.1.9", f'{WITH_TREE}[{V2}.registry.configs."a.io".tls]\n'),
    ),
    (
        "tls-passed-over",
        On("2.1.9", f'{WITH_TREE}[{V2}.registry.configs."a.io".tls]\nca_file = "/x"\n'),
        CONFIG,
        4,
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."a.io".tls]\nca_file = "/x"\n'),
    ),
    ("legacy-tables", On("1.7.24", MIRRORS), CONFIG, 2, On("1.7.24")),
    (
        "local-pull-forced",
        On("2.1.9", f'{WITH_TREE}[{V2}.registry.configs."a.io".auth]\nusername = "x"\n'),
        CONFIG,
        4,
        On("2.0.5", f'{WITH_TREE}[{V2}.registry.configs."a.io".auth]\nusername = "x"\n'),
    ),
    ("transfer-config-path", On("2.3.4", f'{WITH_TREE}[{TRANSFER}]\nconfig_path = "/x"\n'), CONFIG, 5, On("2.3.4")),
    (
        "auth-never-sent",
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."docker.io".auth]\nusername = "x"\n'),
        CONFIG,
        4,
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."registry-1.docker.io".auth]\nusername = "x"\n'),
    ),
    (
        "auth-never-sent",
        On(
            "1.7.24",
            f'{WITH_TREE}[{V2}.registry.configs."quay.io".auth]\nusername = "x"\n',
            more=at("quay.io/hosts.toml"),
        ),
        CONFIG,
        4,
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."quay.io".auth]\nusername = "x"\n'),
    ),
    # mirrors
    (
        "mirrors-append-upstream",
        On("1.7.24", MIRRORS),
        CONFIG,
        2,
        On("1.7.24", MIRRORS.replace("docker.io", "m.example.com")),
    ),
    ("mirror-outside", On("1.7.24", MIRRORS.replace("//m.", "//o.")), CONFIG, 2, On("1.7.24", MIRRORS)),
    (
        "mirror-never-looked-up",
        On("1.7.24", MIRRORS.replace("docker.io", "registry-1.docker.io")),
        CONFIG,
        2,
        On("1.7.24", MIRRORS),
    ),
    ("mirror-not-a-url", On("1.7.24", MIRRORS.replace("//m.example.com", "//[::1")), CONFIG, 2, On("1.7.24", MIRRORS)),
    ("mirror-without-v2", On("1.7.24", MIRRORS.replace(".com", ".com/hub")), CONFIG, 2, On("1.7.24", MIRRORS)),
    # the daemon
    (
        "not-restarted",
        On("1.7.24", Entry("file", WITH_TREE.encode(), mtime=2000.0)),
        CONFIG,
        None,
        On("1.7.24", Entry("file", WITH_TREE.encode(), mtime=999.0)),
    ),
    ("release-unknown", On("2.9.0"), "", None, On("2.4.2")),
    # the tree
    ("hosts-toml-dropped", On("1.7.24", hub='server = "x"\n[host]\nx = [\n'), HUB, 3, On("1.7.24")),
    ("hosts-toml-dropped", On("2.3.4", hub=b"\xef\xbb\xbf" + CLOSED.encode()), HUB, 1, On("2.3.4")),
    ("hosts-toml-dropped", On("2.3.4", hub=b""), HUB, None, On("2.3.4")),
    # A comment of 1.x may have anything in it.
    ("hosts-toml-dropped", On("2.3.4", hub=f"# \x07\n{CLOSED}"), HUB, 1, On("1.7.24", hub=f"# \x07\n{CLOSED}")),
    ("server-outside", On("1.7.24", hub="# \x07\n" + CLOSED.replace("//m.", "//o.")), HUB, 2, On("1.7.24")),
    (
        "hosts-toml-crashes",
        On("2.3.4", hub='host."https://m.example.com".ca = []\nhost."https://m.example.com".skip_verify = true\n'),
        HUB,
        2,
        On("2.4.2", hub='host."https://m.example.com".ca = []\nhost."https://m.example.com".skip_verify = true\n'),
    ),
    ("hosts-toml-crashes", On("1.7.24", hub="[host]\na = 1\nb = 2\n"), HUB, 2, On("1.7.24")),
    ("hosts-toml-missing", On("1.7.24", more=at("quay.io/")), f"{TREE}/quay.io", None, On("1.7.24")),
    (
        "hosts-toml-missing",
        On("1.7.24", more={**at("m.example.com/ca.crt", "x"), **at("_default/hosts.toml")}),
        f"{TREE}/m.example.com",
        None,
        # The directory of a trusted registry, with certificates in Docker's style.
        On("1.7.24", more=at("m.example.com/ca.crt", "x")),
    ),
    (
        "hosts-toml-unreadable",
        On("1.7.24", hub=None, more={TREE: Entry("directory", error="Permission denied")}),
        TREE,
        None,
        On("1.7.24"),
    ),
    ("hosts-toml-unreadable", On("1.7.24", hub=NEVER), HUB, None, On("1.7.24")),
    ("hosts-toml-unreadable", On("1.7.24", more=at("quay.io", "")), f"{TREE}/quay.io", None, On("1.7.24")),
    (
        "host-table-missing",
        On("1.7.24", hub='server = "https://m.example.com"\n'),
        HUB,
        None,
        On("1.7.34", hub='server = "https://m.example.com"\n'),
    ),
    (
        "hosts-not-seen",
        On("2.1.9", hub='[host]\n"https://m.example.com" = {skip_verify = false}\n'),
        HUB,
        2,
        On("1.7.24", hub='[host]\n"https://m.example.com" = {skip_verify = false}\n'),
    ),
    (
        "hosts-not-seen",
        On("2.1.9", hub='host."https://m.example.com".skip_verify = false\n'),
        HUB,
        1,
        On("2.1.9", hub=host("")),
    ),
    (
        "host-duplicated",
        On("2.1.9", hub='[host."https://m.example.com"]\n[host."https://m.example.com/v2/"]\n'),
        HUB,
        2,
        On("2.1.9", hub='[host."https://m.example.com"]\n[host."https://m.example.com/v2/x/v2"]\n'),
    ),
    (
        "host-unquoted",
        On("2.1.9", hub="[host.m.example.com]\nskip_verify = false\n"),
        HUB,
        1,
        On("2.1.9", hub=host('[host."https://m.example.com".header]\nX = "y"\n')),
    ),
    (
        "hosts-misspelt",
        On("2.1.9", hub='server = "https://m.example.com"\n[hosts."https://m.example.com"]\n'),
        HUB,
        2,
        On("2.1.9"),
    ),
    (
        "hosts-misspelt",
        On("2.1.9", hub=host("skip-verify = true")),
        HUB,
        3,
        On("2.1.9", hub=host("skip_verify = true")),
    ),
    ("hosts-misspelt", On("2.1.9", hub=f"sever = 1\n{CLOSED}"), HUB, 1, On("2.1.9", hub=f"comment = 1\n{CLOSED}")),
    ("key-unknown", On("2.1.9", hub=f"comment = 1\n{CLOSED}"), HUB, 1, On("2.1.9", hub=f"sever = 1\n{CLOSED}")),
    (
        "server-after-host",
        On("2.1.9", hub='[host."https://m.example.com"]\nserver = "https://m.example.com"\n'),
        HUB,
        2,
        On("2.1.9"),
    ),
    (
        "server-after-host",
        On("2.1.9", hub='[host."https://m.example.com".header]\nX = "y"\nserver = "https://m.example.com"\n'),
        HUB,
        3,
        On("2.1.9", hub='[host."https://m.example.com".header]\nX = "y"\n'),
    ),
    (
        "setting-in-header-table",
        On("2.1.9", hub=host('[host."https://m.example.com".header]\nX = "y"\nca = "/ca.pem"\n')),
        HUB,
        5,
        On("2.1.9", hub=host('ca = "/ca.pem"\n[host."https://m.example.com".header]\nX = "y"\n')),
    ),
    ("server-missing", On("1.7.24", hub='[host."https://m.example.com"]\n'), HUB, None, On("1.7.24")),
    (
        "server-missing",
        On("1.7.24", more=at("a.example.com/hosts.toml", "[host]\n")),
        f"{TREE}/a.example.com/hosts.toml",
        None,
        # The upstream is trusted.
        On("1.7.24", more=at("m.example.com/hosts.toml", "[host]\n")),
    ),
    ("server-outside", On("1.7.24", hub=CLOSED.replace("//m.", "//o.")), HUB, 1, On("1.7.24")),
    ("host-outside", On("1.7.24", hub=host("", "https://o.example.com")), HUB, 2, On("1.7.24", hub=host(""))),
    (
        "host-outside",
        On("1.7.24", hub=host("", "o.example.com/v2/x")),
        HUB,
        2,
        On("1.7.24", hub=host("", "http://a.trusted.example.com:5000")),
    ),
    ("url-without-scheme", On("1.7.24", hub=host("", "httpmirror:5000")), HUB, 2, On("1.7.24", hub=host("", "m.com"))),
    ("url-without-scheme", On("1.7.24", hub=CLOSED.replace("https:", "HTTPS:")), HUB, 1, On("1.7.24")),
    ("url-with-credentials", On("1.7.24", hub=host("", f"https://u:{SECRET}@m.example.com")), HUB, 2, On("1.7.24")),
    ("url-with-query", On("1.7.24", hub=host("", "https://m.example.com?ns=x")), HUB, 2, On("1.7.24")),
    (
        "v2-doubled",
        On("1.7.24", hub=host("", "https://m.example.com/v2/hub")),
        HUB,
        2,
        On("1.7.24", hub=host("override_path = true", "https://m.example.com/v2/hub")),
    ),
    (
        "v2-doubled",
        On("1.5.18", hub=host("override_path = true", "https://m.example.com/v2/hub")),
        HUB,
        2,
        On("1.5.18", hub=host("", "https://m.example.com/hub/v2")),
    ),
    (
        "override-path-without-path",
        On("1.7.24", hub=host("override_path = true")),
        HUB,
        3,
        On("1.7.24", hub=host("override_path = true", "https://m.example.com/hub")),
    ),
    (
        "http-with-tls-options",
        On("1.7.24", hub=host("skip_verify = false", "http://m.example.com:5000")),
        HUB,
        3,
        On("1.6.20", hub=host("skip_verify = false", "http://m.example.com:5000")),
    ),
    (
        "http-with-tls-options",
        On("2.0.7", hub=host('dial_timeout = "1s"', "http://m.example.com:5000")),
        HUB,
        3,
        On("2.1.9", hub=host('dial_timeout = "1s"', "http://m.example.com:5000")),
    ),
    (
        "nobody-resolves",
        On(
            "1.7.24",
            hub=f'server = "https://m.example.com"\ncapabilities = ["pull"]\n{host("").partition(chr(10))[2]}'
            'capabilities = ["pull"]\n',
        ),
        HUB,
        None,
        On("1.7.24", hub=host('capabilities = ["pull"]')),
    ),
    (
        "resolve-goes-upstream",
        On("1.7.24", hub='[host."https://m.example.com"]\ncapabilities = ["pull"]\n'),
        HUB,
        1,
        On("1.7.24", hub='[host."https://m.example.com"]\ncapabilities = ["pull", "resolve"]\n'),
    ),
    (
        "host-without-pull",
        On("1.7.24", hub=host('capabilities = ["push"]')),
        HUB,
        2,
        On("1.7.24", hub=host('capabilities = ["pull"]')),
    ),
    (
        "settings-without-server",
        On("1.7.24", hub='skip_verify = true\n[host."https://m.example.com"]\n'),
        HUB,
        1,
        On("1.7.24", hub=f"skip_verify = true\n{CLOSED}"),
    ),
    (
        "header-logged",
        On("1.7.24", f'{WITH_TREE}[debug]\nlevel = "debug"\n', f'{CLOSED}[header]\nX-Api-Key = "{SECRET}"\n'),
        HUB,
        4,
        On("1.7.24", f'{WITH_TREE}[debug]\nlevel = "debug"\n', SECRET_FILE),
    ),
    (
        "capability-unknown",
        On("1.7.24", hub=host('capabilities = ["pull", "resolv"]')),
        HUB,
        3,
        On("1.7.24", hub=host('capabilities = ["PULL", "resolve"]')),
    ),
    (
        "key-unknown-to-release",
        On("1.7.24", hub=host('dial_timeout = "1s"')),
        HUB,
        3,
        On("2.1.9", hub=host('dial_timeout = "1s"')),
    ),
    (
        "key-unknown-to-release",
        On("2.1.9", hub=host('capabilities = ["pull", "referrers"]')),
        HUB,
        3,
        On("2.2.1", hub=host('capabilities = ["pull", "referrers"]')),
    ),
    (
        "default-unknown-to-release",
        On("1.6.16", more=at("_default/hosts.toml")),
        f"{TREE}/_default/hosts.toml",
        None,
        On("1.6.20", more=at("_default/hosts.toml")),
    ),
    (
        "directory-never-looked-up",
        On("1.7.24", more=at("registry-1.docker.io/hosts.toml")),
        f"{TREE}/registry-1.docker.io",
        None,
        On("1.7.24"),
    ),
    ("directory-never-looked-up", On("1.7.24", more=at("Quay.io/hosts.toml")), f"{TREE}/Quay.io", None, On("1.7.24")),
    (
        "directory-never-looked-up",
        On("1.7.24", more={**at("a.io_5000_/hosts.toml"), **at("a.io:5000/hosts.toml")}),
        f"{TREE}/a.io:5000",
        None,
        On("1.7.24", more=at("a.io:5000/hosts.toml")),
    ),
    (
        "directory-never-looked-up",
        On("1.7.24", more=at("a.io_443_/hosts.toml")),
        f"{TREE}/a.io_443_",
        None,
        On("1.7.24", more=at("a.io_443_/hosts.toml"), images={"a.io:443/x": ("cri",)}),
    ),
    # Not a namespace, and nothing of a namespace in it.
    (
        "directory-never-looked-up",
        On("1.7.24", more=at("x/hosts.toml")),
        f"{TREE}/x",
        None,
        On("1.7.24", more=at("x/")),
    ),
    (
        "pull-file-missing",
        On("1.7.24", hub=host('ca = "ca.pem"')),
        HUB,
        2,
        On("1.7.24", hub=host('ca = "ca.pem"'), more=at("docker.io/ca.pem", CERTIFICATE)),
    ),
    (
        "pull-file-missing",
        On("1.7.24", hub=host('client = [["/a.pem", "/b.pem"]]'), more={"/a.pem": "", "/b.pem": Entry("absent")}),
        HUB,
        2,
        # Nobody has looked for these.
        On("1.7.24", hub=host('client = [["/a.pem", "/b.pem"]]')),
    ),
    (
        "pull-file-missing",
        On(
            "1.7.24",
            f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\nca_file = "/ca.pem"\n',
            more={"/ca.pem": Entry("absent")},
        ),
        CONFIG,
        3,
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\nca_file = "/ca.pem"\n'),
    ),
    (
        "client-flat-pair",
        On("1.7.24", hub=host('client = ["/a/client.crt", "/a/client.key"]')),
        HUB,
        3,
        On("1.7.24", hub=host('client = [["/a/client.crt", "/a/client.key"]]')),
    ),
    (
        "docker-files-passed-over",
        On("1.7.24", more=at("docker.io/ca.crt", "x")),
        f"{TREE}/docker.io",
        None,
        On("1.7.24", hub=host('ca = "ca.crt"'), more=at("docker.io/ca.crt", "x")),
    ),
    # secrets and what protects them
    ("authorization-lower-case", On("2.1.9", hub=SECRET_FILE.lower()), HUB, 4, On("2.1.9", hub=SECRET_FILE)),
    ("authorization-not-for-tokens", On("2.0.11", hub=SECRET_FILE), HUB, 4, On("2.1.9", hub=SECRET_FILE)),
    (
        "authorization-unencrypted",
        On("2.1.9", hub=SECRET_FILE.replace("https", "http")),
        HUB,
        3,
        On("2.1.9", hub=SECRET_FILE),
    ),
    (
        "authorization-world-readable",
        On("2.1.9", hub=SECRET_FILE),
        HUB,
        None,
        On("2.1.9", hub=Entry("file", SECRET_FILE.encode(), mode="0600")),
    ),
    (
        "authorization-world-readable",
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."a.io".auth]\npassword = "{SECRET}"\n'),
        CONFIG,
        None,
        On("1.7.24", f'{WITH_TREE}[{V2}.registry.configs."a.io"]\n'),
    ),
    ("skip-verify", On("2.1.9", hub=host("skip_verify = true")), HUB, 3, On("2.1.9", hub=host("skip_verify = false"))),
    (
        "skip-verify",
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\ninsecure_skip_verify = true\n'),
        CONFIG,
        5,
        On("1.7.24", f'{MIRRORS}[{V2}.registry.configs."m.example.com".tls]\ninsecure_skip_verify = false\n'),
    ),
    (
        "plain-http",
        On("2.1.9", hub=host("", "http://m.example.com")),
        HUB,
        2,
        On("2.1.9", hub=host("", "http://[::1]:5")),
    ),
    # images and registries in use
    (
        "no-entry",
        On(
            "1.7.24",
            more={**at("registry.k8s.io/hosts.toml"), **at("k8s.gcr.io/hosts.toml")},
            images={"quay.io/x/y:1": ("cri",)},
        ),
        TREE,
        None,
        On("1.7.24", more=at("_default/hosts.toml"), images={"quay.io/x/y:1": ("cri",)}),
    ),
    ("other-registries-open", On("1.7.24"), TREE, None, On("1.7.24", more=at("_default/hosts.toml"))),
    (
        "other-registries-open",
        On("1.7.24", MIRRORS),
        CONFIG,
        None,
        On("1.7.24", MIRRORS.replace("docker.io", "*")),
    ),
    (
        "k8s-gcr-io-left",
        On("1.7.24", images={"k8s.gcr.io/pause:3.1": ("cri",)}),
        "",
        None,
        On("1.7.24", images={"registry.k8s.io/pause:3.1": ("cri",)}),
    ),
    (
        "k8s-gcr-io-left",
        On("1.7.24", f'{WITH_TREE}[{V2}]\nsandbox_image = "k8s.gcr.io/pause:3.1"\n'),
        CONFIG,
        5,
        On("1.7.24"),
    ),
    (
        "sandbox-image-default",
        On("1.7.24"),
        CONFIG,
        None,
        On("1.7.24", f'{WITH_TREE}[{V2}]\nsandbox_image = "m.example.com/pause:3.8"\n'),
    ),
    (
        "sandbox-image-not-pinned",
        On("2.1.9", f'{WITH_TREE}[{V2}]\nsandbox_image = "m.example.com/pause"\n'),
        CONFIG,
        5,
        On("2.1.9", f'{WITH_TREE}[{V2}]\nsandbox_image = "m.example.com/pause:3.10"\n'),
    ),
    (
        "sandbox-image-differs",
        On("1.7.24", images={"registry.k8s.io/pause:3.9": ("kubelet",)}),
        CONFIG,
        None,
        On("1.7.24", images={"registry.k8s.io/pause:3.8": ("kubelet",), "registry.k8s.io/etcd:3.5": ("kubeadm",)}),
    ),
    # 2.x does not read this table, and so minds nothing in it.
    (
        "not-judged",
        On("2.3.4", f'{WITH_TREE}[{V2}.registry.configs."a.io".tls]\nca_file = 1\n'),
        CONFIG,
        5,
        On("2.3.4"),
    ),
    ("config-not-toml", On("1.7.24", "a" + ".a" * 3000 + " = 1\n"), CONFIG, 1, On("1.7.24", MIRRORS)),
    ("config-not-toml", On("1.7.24", f"\nx = {'9' * 5000}\n"), CONFIG, 2, On("1.7.24", MIRRORS)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_trap(subject: MakeSubject, case: tuple[str, On, str, int | None, On]) -> None:
    rule, trapped, file, line, clear = case
    findings = [finding for finding in of(subject, trapped) if finding.id == rule]
    assert [(finding.place.file, finding.place.line) for finding in findings] == [(file, line)]
    assert rule not in [finding.id for finding in of(subject, clear)]


def of(subject: MakeSubject, on: On) -> tuple[Finding, ...]:
    findings = lint(subject(on.files, on.release, images=on.images))
    for finding in findings:
        assert SECRET not in repr(finding)
        known = RULES[finding.id]
        assert (finding.severity, finding.releases) == (known.severity, known.releases)
        assert finding.message.endswith(known.explanation)
        assert finding.fix.endswith((".", "?"))
    return findings


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(RULES)


def test_a_node_that_is_closed_has_no_findings_but_what_is_good_to_know(subject: MakeSubject) -> None:
    for release in ("1.6.20", "1.7.24", "2.0.11", "2.1.9", "2.2.1", "2.3.4", "2.4.2"):
        findings = of(subject, On(release, more=at("_default/hosts.toml")))
        assert [finding.id for finding in findings] == ["sandbox-image-default"], release


def test_the_worst_comes_first(subject: MakeSubject) -> None:
    severities = [finding.severity for finding in of(subject, On("1.7.24", hub=host("sever = 1", "httpx:1")))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {Severity.ERROR, Severity.WARNING, Severity.INFO} <= set(severities)


@pytest.mark.parametrize("release", ["1.6.20", "1.7.24", "2.0.11", "2.1.9", "2.2.1", "2.3.4", "2.4.2"])
def test_what_the_collection_writes_is_in_no_trap(subject: MakeSubject, release: str) -> None:
    mirror = Host(
        Url.parse("https://m.example.com:5000/v2/hub"),
        capabilities=("pull", "resolve"),
        ca=("/etc/ssl/corp.pem",),
        client=(("/etc/ssl/a.pem", "/etc/ssl/a-key.pem"),),
        override_path=True,
    )
    last = Host(Url.parse("https://m.example.com"), header=(("Authorization", (f"Basic {SECRET}",)),))
    tree = {
        name: Entry("file", render(HostsFile((mirror,), last), Namespace(name)).encode(), mode="0600")
        for name in ("docker.io", "registry.k8s.io", "_default")
    }
    found = of(subject, On(release, hub=None, more={f"{TREE}/{name}/hosts.toml": file for name, file in tree.items()}))
    assert {finding.severity for finding in found} == {Severity.INFO}
