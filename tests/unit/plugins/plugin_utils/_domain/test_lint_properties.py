# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of whatever lies on a node: they always come, quickly, and never with a secret in them."""

from __future__ import annotations

import dataclasses
import random
import time
import timeit
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import mask_value
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import hosts_reader, registry_report
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import Finding, Subject, lint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import (
    Config,
    configured_namespaces,
    namespace_route,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import judge
from hypothesis import example, given, settings
from hypothesis import strategies as st

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
DROP_IN = "/etc/containerd/conf.d/99.toml"
FIXTURES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "fixtures").glob("*/*.toml"))]
SECRET = "correct-horse-7"

RELEASES = st.sampled_from(
    "1.3.0 1.4.13 1.5.18 1.6.15 1.6.39 1.7.24 1.7.34 2.0.5 2.0.11 2.1.9 2.2.1 2.3.4 2.4.2 2.9.0".split()
).map(Release.parse)
WITH_TREE = f"""version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{TREE}"
""".encode()
HOSTS_TOML = f"""
server = "https://m.example.com/v2/x"
capabilities = ["pull", "resolve"]
[header]
Authorization = "Basic {SECRET}"
[host."https://u:{SECRET}@m.example.com:5000/v2/proxy"]
client = ["a.crt", "a.key"]
skip_verify = true
[host."https://u:{SECRET}@m.example.com:5000/v2/proxy".header]
authorization = ["{SECRET}"]
X-Api-Key = "{SECRET}"
server = "https://x:{SECRET}@y"
[host.m.example.com]
[host]
"http://n.example.com".ca = "x.pem"
[hosts."https://m.example.com"]
""".encode()
LEGACY = f"""version = 2
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
endpoint = ["https://u:{SECRET}@m.example.com", "http://m.example.com/x/", "ftp://{SECRET}@n"]
[plugins."io.containerd.grpc.v1.cri".registry.configs."u:{SECRET}@m.example.com".auth]
password = "{SECRET}"
username = "{SECRET}"
auth = 7
identitytoken = "{SECRET}"
[plugins."io.containerd.grpc.v1.cri".registry.configs."m.example.com".tls]
insecure_skip_verify = true
cert_file = "x"
[plugins."io.containerd.grpc.v1.cri".registry.auths."https://u:{SECRET}@x"]
password = "{SECRET}"
[plugins."io.containerd.grpc.v1.cri".registry.headers]
X-Meta = ["{SECRET}"]
""".encode()
LIST = WITH_TREE.replace(TREE.encode(), f"{TREE}:/x".encode())
NO_URL = (
    b'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\nendpoint = ["https://[::1"]\n'
)
CONFIGS = [
    NO_URL,
    NO_URL.replace(b"[::1", b"m.example.com/x"),
    NO_URL.replace(b'"https://[::1"', b""),
    WITH_TREE,
    LEGACY,
    LIST,
    WITH_TREE.replace(b"= 2", b"= 3"),
    WITH_TREE + LEGACY.partition(b"\n")[2],
    b"",
]
SEEDS = [WITH_TREE, HOSTS_TOML, LEGACY, *FIXTURES]


def mutated(seed: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for start, size, put in cuts:
        at = start % (len(seed) + 1)
        seed = seed[:at] + put + seed[at + size :]
    return seed


PIECES = st.sampled_from(
    [
        *(b"", b"\n", b"[", b"]", b'"', b".", b"= 1\n", b"\xff", b"\xef\xbb\xbf", b"true", b"'''", b"{a = 1}", b"@"),
        *(b"http", b"://", b":443", b"[host]\n", b"version = 3\n", b"[[x]]\n", b"imports = ['conf.d/*.toml']\n"),
    ]
) | st.binary(max_size=6)
BYTES = (
    st.builds(
        mutated,
        st.sampled_from(SEEDS),
        st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 40), PIECES), max_size=4),
    )
    | st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode(errors="surrogatepass"))
)
NAMES = st.sampled_from(
    [
        *("docker.io", "_default", "registry-1.docker.io", "Quay.io", "r.example.com:443", "r.example.com_5000_"),
        *("r.example.com:5000", "x y", "[fd00::1]_5000_", "_backup", "\\udce9", "localhost:5000", "u:p@h"),
    ]
) | st.text(st.characters(exclude_characters="/\x00"), min_size=1, max_size=12)
TREES = st.dictionaries(NAMES.map(lambda name: f"{name}/hosts.toml"), BYTES, max_size=4)
IMAGES = st.lists(
    st.tuples(
        st.sampled_from(["k8s.gcr.io/pause:3.1", "nginx", "a.example.com:443/x@sha256:00", "", "/", ":", "localhost/x"])
        | st.text(max_size=12),
        st.just(("kubelet",)),
    ),
    max_size=3,
).map(tuple)


MakeSubject = t.Callable[..., Subject]


def findings_of(
    subject: MakeSubject, config: bytes, hosts: t.Mapping[str, bytes], release: Release, images: t.Any = ()
) -> tuple[Finding, ...]:
    tree = {f"{TREE}/{name}": content for name, content in hosts.items()}
    return lint(subject({CONFIG: config, DROP_IN: LEGACY, **tree}, release, images=dict(images)))


@settings(deadline=None)
@given(config=st.just(WITH_TREE) | BYTES, hosts=TREES, release=RELEASES, images=IMAGES)
@example(config=b"a" + b".a" * 3000 + b" = 1", hosts={}, release=Release(2, 3), images=())
@example(config=b"a = " + b"[" * 9000, hosts={}, release=Release(2, 3), images=())
@example(config=WITH_TREE, hosts={"a.io/hosts.toml": b"a = " + b"[" * 9000}, release=Release(2, 3), images=())
def test_whatever_lies_on_a_node_has_findings(
    subject: MakeSubject,
    config: bytes,
    hosts: dict[str, bytes],
    release: Release,
    images: tuple[tuple[str, tuple[str, ...]], ...],
) -> None:
    for finding in findings_of(subject, config, hosts, release, images):
        assert finding.message.isprintable(), finding
        assert finding.fix.isprintable(), finding
        assert finding.place.key.isprintable(), finding


@settings(deadline=None)
@given(config=st.sampled_from([WITH_TREE, *CONFIGS]) | BYTES, hosts=TREES, release=RELEASES, images=IMAGES)
def test_what_a_verdict_names_is_found(
    subject: MakeSubject, config: bytes, hosts: dict[str, bytes], release: Release, images: t.Any
) -> None:
    tree = {f"{TREE}/{name}": content for name, content in hosts.items()}
    node = subject({CONFIG: config, DROP_IN: LEGACY, **tree}, release, images=dict(images))
    try:
        read = Config.read(node.files, release) if node.files else None
    except DomainError:
        read = None
    found = {finding.id for finding in lint(node)}
    for name in {"docker.io", *configured_namespaces(node.state, read)} if read else ():
        verdict = judge(namespace_route(name, node.state, read), node.trust)
        assert verdict.is_closed or verdict.rule, (name, verdict)
        assert not verdict.rule or verdict.rule in found, (name, verdict, found)


# What a password may be made of, wherever it stands.
SECRETS = st.text(st.characters(codec="ascii", exclude_characters='"\\\n\r'), min_size=8, max_size=20).filter(
    lambda text: text.isprintable() and text == text.strip()
)
SLOTS = (
    'server = "https://u:SLOT@m.example.com"\n[host]\n',
    'server = "u:SLOT@m.example.com/v2/x"\n[host]\n',
    '[host."https://u:SLOT@m.example.com:5000/v2/x?a=b"]\nserver = "https://u:SLOT@h"\nskip-verify = true\n',
    '[host]\n"https://u:SLOT@m.example.com" = {skip_verify = true}\n',
    '[host]\n"https://u:SLOT@m.example.com" = 1\n',
    '[host]\n"https://u:SLOT@m.example.com" = 1\n"https://u:SLOT@n.example.com" = 1\n',
    '["host"."http://u:SLOT@m.example.com"]\nskip_verify = true\nclient = ["a.crt", "a.key"]\nca = 7\n',
    '[host."http://u:SLOT@m.example.com".header]\nAuthorization = "SLOT"\nX-Token = ["SLOT"]\nserver = "SLOT"\n',
    '[host."https://m.example.com".header]\nauthorization = "SLOT"\nca = "SLOT"\nX = [1, "SLOT"]\n',
    '[host."https://m.example.com"]\nheader = "SLOT"\n',
    '[header]\nAuthorization = "Basic SLOT\n',
    '[hosts."https://u:SLOT@m.example.com"]\n',
)


@settings(deadline=None)
@given(secret=SECRETS, slot=st.sampled_from(SLOTS), release=RELEASES)
def test_no_secret_of_a_hosts_toml_is_quoted(subject: MakeSubject, secret: str, slot: str, release: Release) -> None:
    text = slot.replace("SLOT", f"§{secret}§").encode()
    for finding in findings_of(subject, WITH_TREE, {"docker.io/hosts.toml": text}, release):
        assert f"§{secret}" not in repr(finding)


@settings(deadline=None)
@given(secret=SECRETS, release=RELEASES)
def test_no_secret_of_a_config_toml_is_quoted(subject: MakeSubject, secret: str, release: Release) -> None:
    text = LEGACY.replace(SECRET.encode(), f"§{secret}§".encode())
    for finding in findings_of(subject, text, {}, release):
        assert f"§{secret}" not in repr(finding)


# Where a URL can stand, in a hosts.toml and in the tables of config.toml.
POSITIONS = (
    *SLOTS,
    'server = "URL"\n[host]\n',
    '[host."URL"]\nskip_verify = true\noverride_path = true\nca = "ca.pem"\n',
    '[host."URL"]\n[host."URL"]\n',
    '[host]\n"URL" = {}\n"URL" = 1\n',
    '[host]\n"URL" = {skip_verify = true}\n',
    'host."URL".skip_verify = true\n',
    '[host."URL"]\ncapabilities = ["URL"]\n',
    '[host."URL"]\n"URL" = 1\nclient = ["a.crt", "a.key"]\n',
    '[host."URL".header]\nAuthorization = "x"\n"URL" = 1\n',
)
TABLES = (
    'endpoint = ["URL"]\n',
    'endpoint = ["http://m.example.com", "URL"]\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."URL"]\n',
    '[plugins."io.containerd.grpc.v1.cri".registry.configs."URL".tls]\ninsecure_skip_verify = true\nca_file = "x"\n',
    '[plugins."io.containerd.grpc.v1.cri".registry.configs."URL".auth]\nauth = "§hunter2"\n',
    '[plugins."io.containerd.grpc.v1.cri".registry.configs."URL".tls]\nca_file = 1\n',
    '[plugins."io.containerd.grpc.v1.cri".registry.configs."URL"]\n' * 2,
)
MIRROR = b'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n'
URLS = (
    "https://user:SECRET@m.example.com",
    "http://user:SECRET@m.example.com:5000/v2/x",
    "user:SECRET@m.example.com",
    "https://user:SECRET@m.example.com/v2/x?a=b",
    "https://m.example.com/x?token=§hunter2",
    "http://m.example.com?token=§hunter2",
    "m.example.com?token=§hunter2",
    "https://m.example.com/v2/x?q=§hunter2",
    "https://m.example.com#§hunter2",
)
PASSWORDS = (
    *("§hunter2", "a/§hunter2", "§hunter2/v2/x", "a#§hunter2", "§hunter2#x", "a?§hunter2", "§hunter2?x", "a@§hunter2"),
    *(
        "a §hunter2",
        "§hunter2 b",
        "a'§hunter2",
        "§hunter2\\\\",
        "^§hunter2",
        "%zz§hunter2",
        "§hunter2:5000",
        "[§hunter2",
    ),
)


def whole_report(node: Subject, *, data: t.Any, config: Config | None, trouble: DomainError | None) -> str:
    """All that is told of a node, as the module tells it."""
    subject = registry_report.Subject(
        version=str(node.release),
        release=node.release,
        unit="containerd.service",
        config_file=CONFIG,
        files=node.files,
        state=dataclasses.replace(node.state, unit={**(node.state.unit or {}), "main_pid": 0}),
        data=data,
        config=config,
        trouble=trouble,
        trust=node.trust,
        trusted=(),
        images=(),
        images_unknown="",
        unread={},
    )
    told = registry_report.report(subject)
    told["config"]["effective"] = mask_value((), told["config"]["effective"])
    return repr(told)


def reported(node: Subject, release: Release) -> str:
    try:
        files = ConfigReading(node.state, CONFIG, release).files
        config = Config.read(files, release)
    except DomainError as error:
        return whole_report(node, data=None, config=None, trouble=error.in_file(CONFIG))
    return whole_report(node, data=effective(files, release), config=config, trouble=None)


@pytest.mark.parametrize("version", ["1.6.39", "1.7.34", "2.0.5", "2.3.4"])
def test_no_report_quotes_a_secret_of_a_url(subject: MakeSubject, version: str) -> None:
    release, draw = Release.parse(version), random.Random(version)  # noqa: S311
    urls = [url.replace("SECRET", password) for url in URLS for password in PASSWORDS]
    cases = [(position, url) for position in (*POSITIONS, *TABLES) for url in dict.fromkeys(urls)]
    for position, url in draw.sample(cases, 400):
        text = position.replace("URL", url).replace("SLOT", "§hunter2").encode()
        is_table = position in TABLES
        files = {CONFIG: MIRROR + text} if is_table else {CONFIG: WITH_TREE, f"{TREE}/docker.io/hosts.toml": text}
        told = reported(subject(files, release), release)
        at = told.find("hunter2")
        assert at < 0, (position, url, told[max(0, at - 200) : at + 50])


def test_fifty_registries_take_no_time(subject: MakeSubject) -> None:
    hosts = {
        f"r{number}.example.com/hosts.toml": b'server = "https://m.example.com"\n\n'
        b'[host."https://m.example.com:5000/v2/proxy"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n'
        b'ca = "/etc/containerd/certs.d/ca.pem"\n'
        for number in range(50)
    }
    node = subject({CONFIG: WITH_TREE, **{f"{TREE}/{name}": text for name, text in hosts.items()}}, "2.3.4")

    def forget() -> None:
        hosts_reader.reread.cache_clear()
        hosts_reader.taken_apart.cache_clear()

    seconds = min(timeit.repeat(lambda: lint(node), forget, time.process_time, 25, 1))
    print(f"lint of 50 registries: {seconds * 1000:.1f} ms")
    # Less than 20 ms on a machine with nothing else to do; coverage and busy neighbours make it several times as long.
    assert seconds < 0.1
