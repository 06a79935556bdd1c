# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of registries: what containerd looks up and what it asks."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import Namespace, Url

# namespace, its directory
NAMESPACES = {
    "domain": ("docker.io", "docker.io"),
    "port": ("registry.example.com:5000", "registry.example.com_5000_"),
    "no dot but a port": ("mirror:5000", "mirror_5000_"),
    "localhost": ("localhost", "localhost"),
    "IPv4": ("192.0.2.10:443", "192.0.2.10_443_"),
    "IPv6 with port": ("[fd00::1]:5000", "[fd00::1]_5000_"),
    "IPv6 without port": ("[fd00::1]", "[fd00:_1]_"),
    "default": ("_default", "_default"),
}

BAD_NAMESPACES = {
    "empty": ("", "the namespace is empty. Name a registry such as docker.io, or _default for all others."),
    "blank": (" ", "the namespace is empty. Name a registry such as docker.io, or _default for all others."),
    "URL": (
        "https://docker.io/v2",
        "'https://docker.io/v2' is a URL, not a namespace. Write the host alone: docker.io.",
    ),
    "star": ("*", "containerd has no wildcards. For every registry without a directory of its own, write _default."),
    "path": (
        "docker.io/library",
        "'docker.io/library' has a path, a namespace has none. Write the host alone: docker.io.",
    ),
    "dots": ("../etc", "'../etc' has a path, a namespace has none. Write the host alone."),
    "dots alone": ("..", "'..' has a path, a namespace has none. Write the host alone."),
    "space": ("docker .io", "'docker .io' contains white space. Write docker.io."),
    "line break": ("docker.io\n", "'docker.io\\n' contains white space. Write docker.io."),
    "capitals": (
        "Docker.io",
        "'Docker.io' has capital letters, but names of images are looked up as written. Write docker.io.",
    ),
    "hub's index": (
        "index.docker.io",
        "containerd never looks up index.docker.io: images of Docker Hub belong to docker.io. Write docker.io.",
    ),
    "hub's registry": (
        "registry-1.docker.io:443",
        "containerd never looks up registry-1.docker.io:443: images of Docker Hub belong to docker.io. "
        "Write docker.io.",
    ),
    "no dot": (
        "mirror",
        "containerd never looks up 'mirror': without a dot or a port it is part of an image's path on docker.io. "
        "Write the registry's full name, or _default for all registries.",
    ),
    "port zero": ("a.example:0", "'a.example:0' has no valid port. Write a number from 1 to 65535 behind the colon."),
    "large port": (
        "a.example:65536",
        "'a.example:65536' has no valid port. Write a number from 1 to 65535 behind the colon.",
    ),
    "empty port": ("a.example:", "'a.example:' has no valid port. Write a number from 1 to 65535 behind the colon."),
    "directory form": (
        "a.example_5000_",
        "'a.example_5000_' is not a host name. Write host or host:port, such as registry.example.com:5000.",
    ),
    "bare IPv6": ("fd00::1", "'fd00::1' has no valid port. Write a number from 1 to 65535 behind the colon."),
    "not IPv6": ("[fd00::g]:5000", "'[fd00::g]:5000' is not an IPv6 address. Write it as [fd00::1]:5000."),
    "IPv6 zone": ("[fe80::1%eth0]", "'[fe80::1%eth0]' is not an IPv6 address. Write it as [fd00::1]:5000."),
    "open bracket": (
        "[fd00::1",
        "'[fd00::1' is not an IPv6 address. Write it as [fd00::1]:5000.",
    ),
    "leading hyphen": (
        "-a.example",
        "'-a.example' is not a host name. Write host or host:port, such as registry.example.com:5000.",
    ),
    "quote": (
        'a".example',
        "'a\".example' is not a host name. Write host or host:port, such as registry.example.com:5000.",
    ),
}

# URL as written, as kept, the path asked without and with override_path
URLS = {
    "host": ("https://a.example", "https://a.example", "/v2", ""),
    "slash": ("https://a.example/", "https://a.example", "/v2", ""),
    "port": ("http://a.example:5000", "http://a.example:5000", "/v2", ""),
    "path": ("https://a.example/x/y/", "https://a.example/x/y", "/x/y/v2", "/x/y"),
    "path with v2": ("https://a.example/x/v2", "https://a.example/x/v2", "/x/v2", "/x/v2"),
    "v2 alone": ("https://a.example/v2/", "https://a.example/v2", "/v2", "/v2"),
    "IPv6": ("https://[fd00::1]:5000", "https://[fd00::1]:5000", "/v2", ""),
    "underscore": ("https://my_mirror", "https://my_mirror", "/v2", ""),
}

BAD_URLS = {
    "empty": ("", "the URL is empty. Write it as https://registry.example.com."),
    "no scheme": ("a.example:5000", "'a.example:5000' has no scheme. Write https://a.example:5000."),
    "no scheme but slashes": ("//a.example", "'//a.example' has no scheme. Write https://a.example."),
    "capital scheme": (
        "HTTPS://a.example",
        "the scheme of 'HTTPS://a.example' must be in lower case. Write https://a.example.",
    ),
    "other scheme": (
        "oci://a.example/x",
        "the scheme of 'oci://a.example/x' is neither http nor https. Write https://a.example.",
    ),
    "credentials": (
        "https://user:secret@a.example",
        "the URL has credentials in it, which containerd ignores. Leave them out and write them as auth.",
    ),
    "query": (
        "https://a.example/x?y=1",
        "'https://a.example/x?y=1' has a query or fragment, which containerd drops. Write https://a.example/x.",
    ),
    "fragment": (
        "https://a.example#x",
        "'https://a.example#x' has a query or fragment, which containerd drops. Write https://a.example.",
    ),
    "no host": ("https:///x", "'https:///x' names no host. Write it as https://registry.example.com."),
    "only a port": ("https://:5000", "'https://:5000' names no host. Write it as https://registry.example.com."),
    "bad port": (
        "https://a.example:port",
        "'https://a.example:port' has no valid port. Write a number from 1 to 65535 behind the colon.",
    ),
    "bare IPv6": (
        "https://fd00::1",
        "'https://fd00::1' has no valid port. Write a number from 1 to 65535 behind the colon.",
    ),
    "space in host": (
        "https://a b",
        "'https://a b' names no valid host. Write a host name, an IPv4 address, or an IPv6 address in brackets.",
    ),
    "quote in host": (
        'https://a"b',
        "'https://a\"b' names no valid host. Write a host name, an IPv4 address, or an IPv6 address in brackets.",
    ),
    "two dots in host": (
        "https://a..example",
        "'https://a..example' names no valid host. Write a host name, an IPv4 address, or an IPv6 address in brackets.",
    ),
    "not IPv6": (
        "https://[x]:1",
        "'https://[x]:1' names no valid host. Write a host name, an IPv4 address, or an IPv6 address in brackets.",
    ),
    "dots in path": (
        "https://a.example/../x",
        "the path of 'https://a.example/../x' has an empty segment or dots in it. "
        "Write it without // and without .. or .",
    ),
    "double slash": (
        "https://a.example//x",
        "the path of 'https://a.example//x' has an empty segment or dots in it. "
        "Write it without // and without .. or .",
    ),
    "backslash": (
        "https://a.example/x\\y",
        "the path of 'https://a.example/x\\\\y' has characters that not every containerd reads alike. "
        "Use letters, digits and . _ ~ + : = , - only.",
    ),
    "escape": (
        "https://a.example/x%41",
        "the path of 'https://a.example/x%41' has characters that not every containerd reads alike. "
        "Use letters, digits and . _ ~ + : = , - only.",
    ),
}

# namespace, endpoint, whether that is the registry which the namespace names
UPSTREAMS = {
    "hub": ("docker.io", "https://registry-1.docker.io", True),
    "hub with port": ("docker.io", "https://registry-1.docker.io:443", True),
    "hub by its web name": ("docker.io", "https://registry.hub.docker.com", True),
    "hub's web name as a namespace": ("registry.hub.docker.com", "https://registry.hub.docker.com:443", True),
    "hub by its name": ("docker.io", "https://docker.io", True),
    "mirror of hub": ("docker.io", "https://mirror.example.com", False),
    "same host": ("quay.io", "https://quay.io", True),
    "same host in capitals": ("quay.io", "https://QUAY.IO/v2", True),
    "same host, default port": ("quay.io", "https://quay.io:443", True),
    "same host, over HTTP": ("quay.io", "http://quay.io", True),
    "same host, over HTTP on its port": ("quay.io", "http://quay.io:80", True),
    "port of HTTP with TLS": ("quay.io", "https://quay.io:80", False),
    "IPv6 host, over HTTP on its port": ("[fd00::1]", "http://[fd00::1]:80", True),
    "default port in the namespace": ("quay.io:443", "https://quay.io", True),
    "same port": ("a.example:5000", "https://a.example:5000", True),
    "other port": ("a.example:5000", "https://a.example:5001", False),
    "longer name": ("quay.io", "https://mirror.quay.io", False),
    "default": ("_default", "https://quay.io", False),
}

# URL, override_path, error
BAD_PATHS = {
    "v2 before the end": (
        "https://a.example/v2/k8s",
        False,
        "containerd would append /v2 and ask at /v2/k8s/v2. Add override_path: true if the path is complete.",
    ),
    "nothing to override with": (
        "https://a.example",
        True,
        "override_path is set, but the URL has no path: containerd would ask without /v2. "
        "Write the whole path, such as https://a.example/v2/project, or leave override_path out.",
    ),
}


@pytest.mark.parametrize(("name", "directory"), NAMESPACES.values(), ids=NAMESPACES)
def test_namespace(name: str, directory: str) -> None:
    assert Namespace.parse(name).directory == directory


@pytest.mark.parametrize(("name", "message"), BAD_NAMESPACES.values(), ids=BAD_NAMESPACES)
def test_bad_namespace(name: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        Namespace.parse(name, option="registries[0].namespace")
    assert str(raised.value) == f"registries[0].namespace: {message}"


@pytest.mark.parametrize(("text", "kept", "api_root", "overridden"), URLS.values(), ids=URLS)
def test_url(text: str, kept: str, api_root: str, overridden: str) -> None:
    url = Url.parse(text)
    assert (str(url), url.api_root(override_path=False), url.api_root(override_path=True)) == (
        kept,
        api_root,
        overridden,
    )


@pytest.mark.parametrize(("text", "message"), BAD_URLS.values(), ids=BAD_URLS)
def test_bad_url(text: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        Url.parse(text, option="registries[0].hosts[1].url")
    assert str(raised.value) == f"registries[0].hosts[1].url: {message}"


@pytest.mark.parametrize(("namespace", "url", "expected"), UPSTREAMS.values(), ids=UPSTREAMS)
def test_upstream(namespace: str, url: str, expected: bool) -> None:
    assert Namespace.parse(namespace).is_upstream(Url.parse(url)) is expected


@pytest.mark.parametrize(("text", "override_path", "message"), BAD_PATHS.values(), ids=BAD_PATHS)
def test_bad_path(text: str, override_path: bool, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        Url.parse(text).check_path(override_path=override_path, option="url")
    assert str(raised.value) == f"url: {message}"


SAME = {
    "written alike": ("https://a.example", "https://a.example", True),
    "default port": ("https://a.example:443", "https://A.example/", True),
    "other scheme": ("https://a.example:443", "http://a.example:443", False),
    "other path": ("https://a.example/x", "https://a.example", False),
}


@pytest.mark.parametrize(("one", "other", "expected"), SAME.values(), ids=SAME)
def test_same_endpoint(one: str, other: str, expected: bool) -> None:
    assert Url.parse(one).same_as(Url.parse(other)) is expected
