# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options registries and defaults: what they mean, and each error in full."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import Host, HostsFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Url
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    Intent,
    Registry,
    read_config_path,
    read_registries,
)

Raw = dict[str, t.Any]

A, B, C = "https://a.example", "https://b.example", "https://c.example"


def entry(*hosts: t.Any, **more: t.Any) -> Raw:
    """An open entry for quay.io; text stands for a host with that URL."""
    urls = [{"url": host} if isinstance(host, str) else host for host in hosts]
    return {"namespace": "quay.io", "fallback": True, "hosts": urls, **more}


def host(**settings: t.Any) -> Raw:
    return {"url": A, **settings}


def read(raw: Raw, defaults: Raw | None = None) -> Registry:
    return read_registries([raw], defaults)[0]


def only_host(raw: Raw, defaults: Raw | None = None) -> Host:
    return read(entry(raw), defaults).hosts[0].host


# --- endpoints and fallback

SHAPES: dict[str, tuple[Raw, list[str], str | None, bool]] = {
    "open": (entry(A, B), [A, B], None, False),
    "open without hosts": (entry(), [], None, False),
    "open with a server of its own": (entry(A, server=C), [A], C, True),
    "open with the upstream as server": (entry(A, server="https://quay.io"), [A], "https://quay.io", False),
    "closed": (entry(A, B, fallback=False), [A], B, True),
    "closed, one host": (entry(A, fallback=False), [], A, True),
    "closed with a server": (entry(A, server=C, fallback=False), [A], C, True),
    "default, closed": (entry(A, fallback=False, namespace="_default"), [], A, True),
    "default, open": (entry(A, namespace="_default"), [A], None, False),
    "fallback as text": (entry(A, fallback="no"), [], A, True),
    "fallback as a number": (entry(A, fallback=0), [], A, True),
    "hosts null": ({"namespace": "quay.io", "fallback": True, "hosts": None, "server": None}, [], None, False),
}


@pytest.mark.parametrize(("raw", "hosts", "server", "closed"), SHAPES.values(), ids=SHAPES)
def test_shape(raw: Raw, hosts: list[str], server: str | None, closed: bool) -> None:
    registry = read(raw)
    assert [str(one.url) for one in registry.file.hosts] == hosts
    assert (str(registry.file.server.url) if registry.file.server else None) == server
    assert registry.is_closed is closed


def test_the_last_host_becomes_the_server_with_all_it_has() -> None:
    last = {
        "url": f"{B}/v2/x",
        "capabilities": ["pull", "resolve"],
        "ca": ["ca.pem"],
        "client": [["c.crt", "c.key"]],
        "skip_verify": True,
        "override_path": True,
        "dial_timeout": "5s",
        "header": {"X-A": "b"},
    }
    expected = Host(
        Url.parse(f"{B}/v2/x"),
        capabilities=("pull", "resolve"),
        ca=("ca.pem",),
        client=(("c.crt", "c.key"),),
        skip_verify=True,
        override_path=True,
        dial_timeout="5s",
        header=(("X-A", ("b",)),),
    )
    assert read(entry(A, last, fallback=False)).file == HostsFile((Host(Url.parse(A)),), expected)


def test_settings_of_the_entry_are_those_of_the_server() -> None:
    registry = read(entry(A, server=C, ca="ca.pem", override_path=False))
    assert registry.file == HostsFile((Host(Url.parse(A)),), Host(Url.parse(C), ca=("ca.pem",)))


# --- settings

SETTINGS: dict[str, tuple[Raw, Raw]] = {
    "capabilities in fixed order": ({"capabilities": ["resolve", "pull"]}, {"capabilities": ("pull", "resolve")}),
    "capability twice": ({"capabilities": ["pull", "pull"]}, {"capabilities": ("pull",)}),
    "capability as text": ({"capabilities": "pull"}, {"capabilities": ("pull",)}),
    "ca as text": ({"ca": "ca.pem"}, {"ca": ("ca.pem",)}),
    "no ca": ({"ca": []}, {}),
    "client as text": ({"client": "c.pem"}, {"client": (("c.pem",),)}),
    "client as list": ({"client": ["c.pem", "d.pem"]}, {"client": (("c.pem",), ("d.pem",))}),
    "client as pairs": ({"client": [["c", "k"], ["d", "l"]]}, {"client": (("c", "k"), ("d", "l"))}),
    "client of both kinds": ({"client": ["c.pem", ["d", "l"]]}, {"client": (("c.pem",), ("d", "l"))}),
    "skip_verify false": ({"skip_verify": False}, {}),
    "skip_verify as text": ({"skip_verify": "yes"}, {"skip_verify": True}),
    "null": ({"ca": None, "header": None, "dial_timeout": None}, {}),
    "no headers": ({"header": {}}, {}),
    "header in lower case": ({"header": {"authorization": "x"}}, {"header": (("Authorization", ("x",)),)}),
    "headers in order": (
        {"header": {"X-b": ["1", "2"], "x-A": ""}},
        {"header": (("X-A", ("",)), ("X-B", ("1", "2")))},
    ),
}


@pytest.mark.parametrize(("raw", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_settings(raw: Raw, expected: Raw) -> None:
    assert only_host(host(**raw)) == Host(Url.parse(A), **expected)


DEFAULTS: dict[str, tuple[Raw, Raw, Raw]] = {
    "taken": (host(), {"ca": "ca.pem", "dial_timeout": "5s"}, {"ca": ("ca.pem",), "dial_timeout": "5s"}),
    "replaced": (host(ca="own.pem"), {"ca": "ca.pem"}, {"ca": ("own.pem",)}),
    "headers are replaced as a whole": (
        host(header={"X-A": "1"}),
        {"header": {"X-B": "2"}},
        {"header": (("X-A", ("1",)),)},
    ),
    "switched off": (
        host(ca=[], header={}, skip_verify=False),
        {"ca": "x", "header": {"X": "y"}, "skip_verify": True},
        {},
    ),
    "no TLS over HTTP": (
        host(url="http://a.example"),
        {"ca": "ca.pem", "client": "c.pem", "skip_verify": True, "header": {"X": "y"}},
        {"url": Url.parse("http://a.example"), "header": (("X", ("y",)),)},
    ),
    "no override without a path": (host(), {"override_path": True}, {}),
    "override with a path": (
        host(url=f"{A}/v2/x"),
        {"override_path": True},
        {"url": Url.parse(f"{A}/v2/x"), "override_path": True},
    ),
}


@pytest.mark.parametrize(("raw", "defaults", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_defaults(raw: Raw, defaults: Raw, expected: Raw) -> None:
    assert only_host(raw, defaults) == Host(**{"url": Url.parse(A), **expected})


def test_defaults_reach_a_server_that_is_named_but_no_upstream() -> None:
    assert read(entry(server=C), {"ca": "ca.pem"}).file.server == Host(Url.parse(C), ca=("ca.pem",))
    assert read(entry(), {"ca": "ca.pem"}).file == HostsFile()


def test_a_file_on_the_node_that_is_a_client_too_is_no_ca_to_read() -> None:
    first = host(ca=["ca.pem", "/n/ca.pem", "/n/both.pem"])
    intent = Intent("/certs.d", (read(entry(first, {"url": B, "ca": "/n/ca.pem", "client": "/n/both.pem"})),))
    assert intent.node_cas == {"/n/ca.pem": "registries[0].hosts[0].ca"}


def test_sources_are_named_by_the_first_option_that_has_them() -> None:
    raw = [
        entry(host(ca="own.pem", client=[["c", "k"]])),
        entry(host(client="/node/c.pem"), namespace="docker.io", server=C, ca="server.pem"),
    ]
    intent = Intent("/certs.d", read_registries(raw, {"ca": "ca.pem"}))
    assert intent.sources == {
        "own.pem": "registries[0].hosts[0].ca",
        "c": "registries[0].hosts[0].client",
        "k": "registries[0].hosts[0].client",
        "ca.pem": "defaults.ca",
        "/node/c.pem": "registries[1].hosts[0].client",
        "server.pem": "registries[1].ca",
    }


WARNINGS: dict[str, tuple[Raw, list[str]]] = {
    "none": (entry(A), []),
    "server in place of the upstream": (
        entry(A, server=C),
        [
            "registries[0]: fallback is true, but server takes the place of the upstream: quay.io itself "
            "is never asked",
        ],
    ),
    "nobody resolves": (
        entry(host(capabilities=["pull"]), fallback=False),
        [
            "registries[0]: no endpoint may both pull and resolve, so that images of quay.io can only be "
            "pulled by digest",
        ],
    ),
    "somebody resolves": (entry(host(capabilities=["pull"]), B, fallback=False), []),
    "only the upstream resolves": (
        entry(host(capabilities=["pull"])),
        [
            "registries[0]: no endpoint before the upstream may both pull and resolve, so that the upstream is asked "
            "for every tag of quay.io",
        ],
    ),
    "who resolves comes behind the upstream": (
        entry(host(capabilities=["pull"]), "https://quay.io", B),
        [
            "registries[0]: no endpoint before the upstream may both pull and resolve, so that the upstream is asked "
            "for every tag of quay.io",
        ],
    ),
    "a mirror resolves": (entry(host(capabilities=["pull"]), B), []),
    "a mirror before the upstream as server resolves": (entry(A, server="https://quay.io"), []),
    "no mirror": (entry(server="https://quay.io", capabilities=["pull"]), []),
    "nothing but the upstream": (entry(), []),
}


@pytest.mark.parametrize(("raw", "warnings"), WARNINGS.values(), ids=WARNINGS)
def test_warnings(raw: Raw, warnings: list[str]) -> None:
    assert list(Intent("/certs.d", (read(raw),)).warnings) == warnings


# --- errors

KNOWN = "capabilities, ca, client, skip_verify, override_path, dial_timeout, header"

ERRORS: dict[str, tuple[t.Any, Raw | None, str]] = {
    "registries as a mapping": (
        {"docker.io": {}},
        None,
        "registries: is a mapping, not a list. Write a list, such as - namespace: docker.io.",
    ),
    "registries as text": (
        "docker.io",
        None,
        "registries: is text, not a list. Write a list, such as - namespace: docker.io.",
    ),
    "entry as text": (["docker.io"], None, "registries[0]: is text, not a mapping. Write it as key: value."),
    "unknown option": (
        [entry(), entry(namespace="docker.io", mirror=A)],
        None,
        f"registries[1].mirror: is not a known option. Known are namespace, fallback, server, hosts, {KNOWN}, auth.",
    ),
    "auth for all": (
        [entry(A)],
        {"auth": {"username": "node", "password": "x"}},
        "defaults.auth: would hand one password to every endpoint. Write it at each host that it is for.",
    ),
    "auth beside a header": (
        [entry(host(auth={"auth": "bm9kZTp4"}, header={"authorization": "Basic x"}))],
        None,
        "registries[0].hosts[0].auth: there is registries[0].hosts[0].header.Authorization for this endpoint already. "
        "Leave out one of the two.",
    ),
    "auth beside a header of the defaults": (
        [entry(server=A, auth={"auth": "bm9kZTp4"})],
        {"header": {"Authorization": "Basic x"}},
        "registries[0].auth: there is defaults.header.Authorization for this endpoint already. Leave out one of the "
        "two.",
    ),
    "auth in a host": (
        [entry(host(auth={"password": "x"}))],
        None,
        "registries[0].hosts[0].auth.username: is missing. Write username and password.",
    ),
    "auth of nobody": (
        [entry(A, fallback=False, auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].auth: is a key of the server, and this entry names none. Move it to the host that it is meant "
        "for, or add server.",
    ),
    "auth of the upstream of any registry": (
        [entry(A, namespace="_default", auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].auth: is a key of the server, and this entry names none. Move it to the host that it is meant "
        "for, or add server.",
    ),
    "auth of an upstream that may not be https": (
        [entry(A, namespace="localhost:5000", auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].auth: is a key of the server, and this entry names none. Move it to the host that it is meant "
        "for, or add server.",
    ),
    "auth and ca without a server": (
        [entry(A, ca="ca.pem", auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].ca: is a key of the server, and this entry names none. Move it to the host that it is meant "
        "for, or add server.",
    ),
    "auth for Docker Hub under its short name": (
        [entry(namespace="docker.io", server="https://docker.io", auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].auth: would go to https://docker.io, which is not where Docker Hub answers. Write the URL as "
        "https://registry-1.docker.io.",
    ),
    "auth of the upstream twice": (
        [entry("https://quay.io", auth={"auth": "bm9kZTp4"})],
        None,
        "registries[0].server: https://quay.io is registries[0].hosts[0] already. Name each endpoint once: the server "
        "is asked after the hosts, and with fallback: false the last host is the server.",
    ),
    "misspelt option": (
        [entry(host(**{"skip-verify": True}))],
        None,
        "registries[0].hosts[0].skip-verify: is not a known option. Did you mean skip_verify?",
    ),
    "option in camel case": (
        [entry(host(overridePath=True))],
        None,
        "registries[0].hosts[0].overridePath: is not a known option. Did you mean override_path?",
    ),
    "option that is no text": (
        [{1: 2}],
        None,
        f"registries[0].1: is not a known option. Known are namespace, fallback, server, hosts, {KNOWN}, auth.",
    ),
    "unknown default": ([], {"url": A}, f"defaults.url: is not a known option. Known are {KNOWN}."),
    "defaults as a list": ([], [], "defaults: is a list, not a mapping. Write it as key: value."),
    "no namespace": (
        [{"fallback": True}],
        None,
        "registries[0].namespace: is missing. Name a registry such as docker.io, or _default for all others.",
    ),
    "namespace as a number": (
        [entry(namespace=5000)],
        None,
        "registries[0].namespace: is a number, not text. Write one text, in quotes.",
    ),
    "no fallback": (
        [{"namespace": "docker.io"}],
        None,
        "registries[0].fallback: is missing. Write true if containerd may ask the registry itself when no host has the "
        "image, or false if it never may.",
    ),
    "fallback as a word": (
        [entry(fallback="never")],
        None,
        "registries[0].fallback: is text, not true or false. Write true or false.",
    ),
    "fallback as a list": (
        [entry(fallback=[])],
        None,
        "registries[0].fallback: is a list, not true or false. Write true or false.",
    ),
    "nobody to ask": (
        [entry(fallback=False)],
        None,
        "registries[0]: fallback is false and no host is named, so there is nobody to ask. Name at least one host.",
    ),
    "closed, but the upstream is a host": (
        [entry(A, "https://quay.io:443", fallback=False)],
        None,
        "registries[0].hosts[1]: https://quay.io:443 is the upstream of quay.io, which fallback: false rules out. "
        "If it is to be asked, write it as server and set fallback: true.",
    ),
    "closed, but the upstream is the server": (
        [entry(namespace="docker.io", fallback=False, server="https://registry-1.docker.io")],
        None,
        "registries[0].server: https://registry-1.docker.io is the upstream of docker.io, which fallback: "
        "false rules out. "
        "If it is to be asked, write it as server and set fallback: true.",
    ),
    "duplicate namespace": (
        [entry(), entry(A, namespace="docker.io"), entry(B)],
        None,
        "registries[2].namespace: quay.io is registries[0] already. "
        "Write one entry for each namespace, with all its hosts.",
    ),
    "bad namespace": (
        [entry(namespace="Quay.io")],
        None,
        "registries[0].namespace: 'Quay.io' has capital letters, but names of images are looked up as written. "
        "Write quay.io.",
    ),
    "hosts as a mapping": (
        [{"namespace": "quay.io", "fallback": True, "hosts": {"url": A}}],
        None,
        "registries[0].hosts: is a mapping, not a list. Write a list, such as - url: https://registry.example.com.",
    ),
    "host as text": (
        [{"namespace": "quay.io", "fallback": True, "hosts": [A]}],
        None,
        "registries[0].hosts[0]: is text, not a mapping. Write it as - url: https://registry.example.com.",
    ),
    "host without URL": (
        [entry({"ca": "ca.pem"})],
        None,
        "registries[0].hosts[0].url: is missing. Write it as https://registry.example.com.",
    ),
    "bad URL": (
        [entry(A, "b.example")],
        None,
        "registries[0].hosts[1].url: 'b.example' has no scheme. Write https://b.example.",
    ),
    "bad server": (
        [entry(server="b.example")],
        None,
        "registries[0].server: 'b.example' has no scheme. Write https://b.example.",
    ),
    "path that is probably complete": (
        [entry(f"{A}/v2/k8s")],
        None,
        "registries[0].hosts[0].url: containerd would append /v2 and ask at /v2/k8s/v2. "
        "Add override_path: true if the path is complete.",
    ),
    "override without a path": (
        [entry(host(override_path=True))],
        None,
        "registries[0].hosts[0].url: override_path is set, but the URL has no path: containerd would ask without /v2. "
        "Write the whole path, such as https://a.example/v2/project, or leave override_path out.",
    ),
    "host twice": (
        [entry(A, B, f"{A}:443/")],
        None,
        "registries[0].hosts[2]: https://a.example:443 is registries[0].hosts[0] already. Name each endpoint once: the "
        "server is asked after the hosts, and with fallback: false the last host is the server.",
    ),
    "server among the hosts": (
        [entry(A, server=A)],
        None,
        "registries[0].server: https://a.example is registries[0].hosts[0] already. Name each endpoint once: the "
        "server is asked after the hosts, and with fallback: false the last host is the server.",
    ),
    "setting of no server": (
        [entry(A, ca="ca.pem")],
        None,
        "registries[0].ca: is a key of the server, and this entry names none. "
        "Move it to the host that it is meant for, or add server.",
    ),
    "TLS over HTTP": (
        [entry(host(url="http://a.example", skip_verify=True))],
        None,
        "registries[0].hosts[0].skip_verify: makes containerd speak TLS to an http:// URL. "
        "Write the URL with https://, or leave this out.",
    ),
    "TLS over HTTP, server": (
        [entry(server="http://a.example", ca="ca.pem")],
        None,
        "registries[0].ca: makes containerd speak TLS to an http:// URL. "
        "Write the URL with https://, or leave this out.",
    ),
    "no capability": (
        [entry(host(capabilities=[]))],
        None,
        "registries[0].hosts[0].capabilities: is empty, which containerd reads as all. "
        "Name some of pull, resolve, push, referrers.",
    ),
    "misspelt capability": (
        [entry(host(capabilities=["pull", "resolv"]))],
        None,
        "registries[0].hosts[0].capabilities[1]: 'resolv' is no capability. Did you mean resolve?",
    ),
    "unknown capability": (
        [entry(host(capabilities=["x"]))],
        None,
        "registries[0].hosts[0].capabilities[0]: 'x' is no capability. Known are pull, resolve, push, referrers.",
    ),
    "capabilities as one text": (
        [entry(host(capabilities="pull,resolve"))],
        None,
        "registries[0].hosts[0].capabilities: 'pull,resolve' is one text, not a list. Write a list: [pull, resolve].",
    ),
    "capabilities as one text in a list": (
        [entry(server=C, capabilities=["pull, resolve"])],
        None,
        "registries[0].capabilities: 'pull, resolve' is one text, not a list. Write a list: [pull, resolve].",
    ),
    "capability as a number": (
        [entry(host(capabilities=[1]))],
        None,
        "registries[0].hosts[0].capabilities[0]: is a number, not text. Write one text, in quotes.",
    ),
    "ca as a mapping": (
        [entry(host(ca={"file": "x"}))],
        None,
        "registries[0].hosts[0].ca: is a mapping, not text. Write one text, in quotes.",
    ),
    "ca empty": (
        [entry(host(ca=""))],
        None,
        "registries[0].hosts[0].ca: is not the name of a file. "
        "Name a file beside the play, or an absolute path on the node.",
    ),
    "client as a flat pair": (
        [entry(host(client=["c.crt", "c.key"]))],
        None,
        "registries[0].hosts[0].client: containerd takes each file of a flat list for certificate and key in one. "
        "Write a list of pairs: [[c.crt, c.key]].",
    ),
    "client as a flat pair of PEMs": (
        [entry(host(client=["/etc/client.pem", "/etc/client-key.pem"]))],
        None,
        "registries[0].hosts[0].client: containerd takes each file of a flat list for certificate and key in one. "
        "Write a list of pairs: [[/etc/client.pem, /etc/client-key.pem]].",
    ),
    "client with a triple": (
        [entry(host(client=[["a", "b", "c"]]))],
        None,
        "registries[0].hosts[0].client[0]: is not a pair. "
        "Write [certificate, key], or one file that holds both as text.",
    ),
    "client without certificate": (
        [entry(host(client=[["", "c.key"]]))],
        None,
        "registries[0].hosts[0].client[0]: the pair has no certificate. Write [certificate, key].",
    ),
    "client without key": (
        [entry(host(client=[["c.crt", None]]))],
        None,
        "registries[0].hosts[0].client[0]: the pair has no key. Write [certificate, key].",
    ),
    "client as a mapping": (
        [entry(host(client={"cert": "x"}))],
        None,
        "registries[0].hosts[0].client: is a mapping, not a list. Write a list, such as - [client.crt, client.key].",
    ),
    "timeout as a number": (
        [entry(host(dial_timeout=5))],
        None,
        'registries[0].hosts[0].dial_timeout: 5 has no unit. Write "5s" for seconds.',
    ),
    "timeout without unit": (
        [entry(host(dial_timeout="5"))],
        None,
        "registries[0].hosts[0].dial_timeout: '5' has no unit. Write \"5s\" for seconds.",
    ),
    "timeout that is none": (
        [entry(host(dial_timeout="soon"))],
        None,
        'registries[0].hosts[0].dial_timeout: \'soon\' is not a duration. Write it as "5s", "1m30s" or "500ms".',
    ),
    "timeout of nothing": (
        [entry(host(dial_timeout="0s"))],
        None,
        "registries[0].hosts[0].dial_timeout: '0s' is no time to wait. Write a positive duration, or leave it out.",
    ),
    "timeout as a boolean": (
        [entry(host(dial_timeout=True))],
        None,
        "registries[0].hosts[0].dial_timeout: is a boolean, not text. Write one text, in quotes.",
    ),
    "headers as a list": (
        [entry(host(header=["X: y"]))],
        None,
        "registries[0].hosts[0].header: is a list, not a mapping. Write it as key: value.",
    ),
    "bad header name": (
        [entry(host(header={"X Y": "z"}))],
        None,
        "registries[0].hosts[0].header.X Y: is not the name of a header. Use letters, digits, - and _.",
    ),
    "header twice": (
        [entry(host(header={"authorization": "a", "Authorization": "b"}))],
        None,
        "registries[0].hosts[0].header.Authorization: Authorization is there twice. Write its values as one list.",
    ),
    "header as a number": (
        [entry(host(header={"X-A": 1}))],
        None,
        "registries[0].hosts[0].header.X-A: is neither text nor a list of texts. Write the value in quotes.",
    ),
    "header without value": (
        [entry(host(header={"X-A": []}))],
        None,
        "registries[0].hosts[0].header.X-A: is neither text nor a list of texts. Write the value in quotes.",
    ),
    "header with a line break": (
        [entry(host(header={"Authorization": "Basic secret\n"}))],
        None,
        "registries[0].hosts[0].header.Authorization: has a line break or another control character in it. "
        "Write the value on one line.",
    ),
    "bad default": ([], {"dial_timeout": 5}, 'defaults.dial_timeout: 5 has no unit. Write "5s" for seconds.'),
    "default header for the upstream": (
        [entry(server="https://quay.io")],
        {"header": {"Authorization": "Basic secret"}},
        "defaults.header: would go to https://quay.io, the upstream of quay.io itself. "
        "If that is meant, write it at registries[0]; else write header: {} there.",
    ),
    "default client for the upstream": (
        [entry("https://quay.io")],
        {"client": "c.pem"},
        "defaults.client: would go to https://quay.io, the upstream of quay.io itself. "
        "If that is meant, write it at registries[0].hosts[0]; else write client: [] there.",
    ),
}


@pytest.mark.parametrize(("registries", "defaults", "message"), ERRORS.values(), ids=ERRORS)
def test_error(registries: t.Any, defaults: Raw | None, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        read_registries(registries, defaults)
    assert str(raised.value) == message


HALF = "a\ud800b"
HALVES: dict[str, tuple[Raw, str]] = {
    "namespace": (entry(A, namespace=HALF), "namespace"),
    "url": (entry(f"{A}/{HALF}"), "hosts[0].url"),
    "server": (entry(server=f"{A}/{HALF}"), "server"),
    "ca": (entry({"url": A, "ca": HALF}), "hosts[0].ca"),
    "ca in a list": (entry({"url": A, "ca": ["x", HALF]}), "hosts[0].ca[1]"),
    "client": (entry({"url": A, "client": HALF}), "hosts[0].client"),
    "client in a list": (entry({"url": A, "client": [HALF]}), "hosts[0].client[0]"),
    "client in a pair": (entry({"url": A, "client": [["x", HALF]]}), "hosts[0].client[0]"),
    "dial_timeout": (entry({"url": A, "dial_timeout": HALF}), "hosts[0].dial_timeout"),
    "header": (entry({"url": A, "header": {"X": HALF}}), "hosts[0].header.X"),
    "header in a list": (entry({"url": A, "header": {"X": ["x", HALF]}}), "hosts[0].header.X"),
    "name of a header": (entry({"url": A, "header": {HALF: "x"}}), "hosts[0].header"),
    "key": (entry({"url": A, HALF: "x"}), "hosts[0]"),
}


@pytest.mark.parametrize(("raw", "option"), HALVES.values(), ids=HALVES)
def test_half_a_character(raw: Raw, option: str) -> None:
    with pytest.raises(DomainError) as raised:
        read_registries([raw], None)
    assert str(raised.value) == f"registries[0].{option}: U+D800 is half a character. Write whole ones."


@pytest.mark.parametrize("option", ["config_path", "registry_config_path"])
def test_half_a_character_in_config_path(option: str) -> None:
    with pytest.raises(DomainError, match=rf"^{option}: U\+D800 is half a character"):
        read_config_path(f"/etc/{HALF}", option=option)


def test_no_error_repeats_a_secret() -> None:
    for registries, defaults, _message in ERRORS.values():
        with pytest.raises(DomainError) as raised:
            read_registries(registries, defaults)
        assert "secret" not in str(raised.value)


CONFIG_PATHS = {
    "usual": ("/etc/containerd/certs.d", "/etc/containerd/certs.d"),
    "trailing slash": ("/etc/containerd/certs.d/", "/etc/containerd/certs.d"),
    "two slashes": ("//etc//certs.d", "/etc/certs.d"),
}

BAD_CONFIG_PATHS = {
    "list": (
        "/etc/containerd/certs.d:/etc/docker/certs.d",
        "'/etc/containerd/certs.d:/etc/docker/certs.d' looks like a list of directories, of which containerd 2.1 and "
        "later find none. Name exactly one directory.",
    ),
    "relative": ("etc/certs.d", "'etc/certs.d' is not an absolute path of a directory. Write /etc/containerd/certs.d."),
    "empty": ("", "'' is not an absolute path of a directory. Write /etc/containerd/certs.d."),
    "root": ("/", "'/' is not an absolute path of a directory. Write /etc/containerd/certs.d."),
    "dots": (
        "/etc/../x",
        "'/etc/../x' has dots, wildcards, control characters or blanks around it. Write /etc/containerd/certs.d.",
    ),
    "star": (
        "/etc/*",
        "'/etc/*' has dots, wildcards, control characters or blanks around it. Write /etc/containerd/certs.d.",
    ),
    "a blank behind": (
        "/etc/x ",
        "'/etc/x ' has dots, wildcards, control characters or blanks around it. Write /etc/containerd/certs.d.",
    ),
}


@pytest.mark.parametrize(("path", "expected"), CONFIG_PATHS.values(), ids=CONFIG_PATHS)
def test_config_path(path: str, expected: str) -> None:
    assert read_config_path(path) == expected


@pytest.mark.parametrize(("path", "message"), BAD_CONFIG_PATHS.values(), ids=BAD_CONFIG_PATHS)
def test_bad_config_path(path: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        read_config_path(path)
    assert str(raised.value) == f"config_path: {message}"
