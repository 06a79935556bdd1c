# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of hosts.toml, and that every release reads in it what was meant."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import intended, reread
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import (
    CAPABILITIES,
    Host,
    HostsFile,
    is_owned,
    owner_line,
    render,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace, Url
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from hypothesis import given, settings
from hypothesis import strategies as st

RELEASES = tuple(map(Release.parse, ("1.5.18", "1.6.20", "1.7.24", "2.0.0", "2.0.7", "2.1.5", "2.2.1", "2.3.4")))


QUAY = Namespace("quay.io")


def host(url: str, **settings: object) -> Host:
    return Host(Url.parse(url), **settings)  # type: ignore[arg-type]


FULL = host(
    "https://a.example/v2/x",
    capabilities=("pull", "resolve"),
    ca=("/ca.pem",),
    client=(("/c.crt", "/c.key"),),
    skip_verify=True,
    override_path=True,
    dial_timeout="5s",
    header=(("Authorization", ("Basic x",)), ("X-Two", ("a", 'b "c" \\d'))),
)

FILES = {
    "open, no hosts": (HostsFile(), "\n[host]\n"),
    "open, one host": (HostsFile((host("https://a.example"),)), '\n[host."https://a.example"]\n'),
    "closed, one host": (HostsFile((), host("https://a.example")), 'server = "https://a.example"\n\n[host]\n'),
    "closed, all settings": (
        HostsFile((), FULL),
        """server = "https://a.example/v2/x"
capabilities = ["pull", "resolve"]
ca = "/ca.pem"
client = [["/c.crt", "/c.key"]]
skip_verify = true
override_path = true
dial_timeout = "5s"

[header]
Authorization = "Basic x"
X-Two = ["a", "b \\"c\\" \\\\d"]

[host]
""",
    ),
    "two hosts, all settings, and a server": (
        HostsFile((FULL, host("http://b.example:5000")), host("https://c.example")),
        """server = "https://c.example"

[host."https://a.example/v2/x"]
capabilities = ["pull", "resolve"]
ca = "/ca.pem"
client = [["/c.crt", "/c.key"]]
skip_verify = true
override_path = true
dial_timeout = "5s"

[host."https://a.example/v2/x".header]
Authorization = "Basic x"
X-Two = ["a", "b \\"c\\" \\\\d"]

[host."http://b.example:5000"]
""",
    ),
    "lists of files": (
        HostsFile((host("https://a.example", ca=("/a.pem", "/b.pem"), client=(("/c.pem",), ("/d.pem",))),)),
        '\n[host."https://a.example"]\nca = ["/a.pem", "/b.pem"]\nclient = ["/c.pem", "/d.pem"]\n',
    ),
    "one combined file": (
        HostsFile((host("https://a.example", client=(("/c.pem",),)),)),
        '\n[host."https://a.example"]\nclient = "/c.pem"\n',
    ),
    "combined file beside a pair": (
        HostsFile((host("https://a.example", client=(("/c.pem",), ("/d.crt", "/d.key"))),)),
        '\n[host."https://a.example"]\nclient = [["/c.pem", "/c.pem"], ["/d.crt", "/d.key"]]\n',
    ),
}


@pytest.mark.parametrize(("file", "expected"), FILES.values(), ids=FILES)
def test_form(file: HostsFile, expected: str) -> None:
    assert render(file, QUAY) == f"{owner_line(QUAY)}\n{expected}"


OURS = "# Managed by Ansible (airgap.nodes.containerd_registries)"
OWNED = {
    "ours": (f"{OURS} for quay.io: changes made here are overwritten.\n[host]\n", "quay.io", True),
    "ours with carriage returns": (f"{OURS} for quay.io: changes.\r\n[host]\r\n", "quay.io", True),
    "ours with a port": (f"{OURS} for a.example:5000: changes.\n", "a.example_5000_", True),
    "ours with an IPv6 address": (f"{OURS} for [fd00::1]:5000: changes.\n", "[fd00::1]_5000_", True),
    "ours for any": (f"{OURS} for _default: changes.\n", "_default", True),
    "ours in a copy of the directory": (f"{OURS} for quay.io: changes.\n", "docker.io", False),
    "ours in a directory with the port apart": (f"{OURS} for a.example:5000: changes.\n", "a.example:5000", False),
    "ours from before it named a namespace": (f"{OURS}: changes made here are overwritten.\n", "quay.io", True),
    "ours with nothing behind the mark": (f"{OURS}\n", "quay.io", True),
    "another sentence that begins like it": (f"{OURS} until 2025\n", "quay.io", False),
    "other": ("# Managed by Ansible\n[host]\n", "quay.io", False),
    "not in the first line": (f"\n{OURS}: changes\n", "quay.io", False),
    "not UTF-8": ("# Managed by \udcff\n", "quay.io", False),
    "empty": ("", "quay.io", False),
}


@pytest.mark.parametrize(("text", "directory", "expected"), OWNED.values(), ids=OWNED)
def test_owned(text: str, directory: str, expected: bool) -> None:
    assert is_owned(text.encode(errors="surrogateescape"), directory) is expected


@pytest.mark.parametrize("name", ["quay.io", "a.example:5000", "[fd00::1]:5000", "[fd00::1]", "_default", "localhost"])
def test_what_is_written_is_owned(name: str) -> None:
    namespace = Namespace.parse(name)
    assert is_owned(render(HostsFile(), namespace).encode(), namespace.directory)


def test_headers_make_a_file_secret() -> None:
    assert HostsFile((FULL,)).is_secret
    assert HostsFile((), FULL).is_secret
    assert not HostsFile((host("https://a.example", client=(("/c.key",),)),)).is_secret


def test_headers_are_not_in_the_representation() -> None:
    assert "Basic" not in repr(HostsFile((FULL,)))


# --- what every release reads


def hosts(release: Release) -> st.SearchStrategy[Host]:
    """Hosts as registries.py lets them through for this release."""
    text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
    path = text.map(lambda name: f"/{name}")
    authority = st.from_regex(r"\A[a-z][a-z0-9-]{0,5}[a-z0-9](\.[a-z0-9]{2,4}){0,2}(:[1-9][0-9]{1,3})?\Z")
    name = st.from_regex(r"\A[A-Z][a-z0-9_]{0,6}(-[A-Z][a-z]{0,5})?\Z")
    known = CAPABILITIES if release.knows(Feature.REFERRERS) else CAPABILITIES[:-1]
    durations = st.sampled_from([None, "5s", "1m30s", "500ms"] if release.knows(Feature.DIAL_TIMEOUT) else [None])
    paths = st.sampled_from(["", "/x", "/x/v2"])
    return st.builds(
        lambda url, override_path, **rest: Host(url=url, override_path=bool(override_path and url.path), **rest),
        url=st.builds(Url, st.sampled_from(["http", "https"]), authority, paths),
        override_path=st.booleans() if release.knows(Feature.OVERRIDE_PATH) else st.just(False),
        capabilities=st.sets(st.sampled_from(known)).map(lambda chosen: tuple(c for c in known if c in chosen)),
        ca=st.lists(path, max_size=2).map(tuple),
        client=st.lists(st.lists(path, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
        skip_verify=st.booleans(),
        dial_timeout=durations,
        header=st.dictionaries(name, st.lists(text, min_size=1, max_size=2).map(tuple), max_size=2).map(
            lambda headers: tuple(sorted(headers.items()))
        ),
    )


def files(release: Release) -> st.SearchStrategy[HostsFile]:
    one = hosts(release)
    return st.builds(
        HostsFile,
        hosts=st.lists(one, max_size=3, unique_by=lambda host: str(host.url)).map(tuple),
        server=st.none() | one,
    )


@pytest.mark.parametrize("release", RELEASES, ids=str)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_reread_is_what_was_meant(release: Release, data: st.DataObject) -> None:
    file = data.draw(files(release))
    content = render(file, QUAY).encode()
    assert reread(content, release, directory="/certs.d/a.example") == intended(file, release)
    assert is_owned(content, "quay.io")


def test_reread_tells_a_difference() -> None:
    file = HostsFile((host("https://a.example"), host("https://b.example")), FULL)
    other = HostsFile((host("https://b.example"), host("https://a.example")), FULL)
    release = Release.parse("2.3.4")
    assert reread(render(file, QUAY).encode(), release, directory="/d") != intended(other, release)
    assert reread(render(file, QUAY).encode(), release, directory="/d") != intended(HostsFile(file.hosts), release)
