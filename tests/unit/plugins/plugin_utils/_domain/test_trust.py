# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which registries may be asked."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import NOBODY, Trust

COVERED = [
    ("registry.example.com", "https", "registry.example.com"),
    ("registry.example.com", "https", "registry.example.com:5000"),
    ("Registry.Example.COM", "https", "REGISTRY.example.com"),
    ("registry.example.com:5000", "https", "registry.example.com:5000"),
    # The port that is not written is the scheme's.
    ("registry.example.com:443", "https", "registry.example.com"),
    ("registry.example.com:80", "http", "registry.example.com"),
    ("*.example.com", "https", "a.b.example.com:5000"),
    ("*.example.com:5000", "https", "a.example.com:5000"),
    ("192.0.2.0/24", "http", "192.0.2.7:5000"),
    ("192.0.2.7", "http", "192.0.2.7:5000"),
    ("192.0.2.7:5000", "http", "192.0.2.7:5000"),
    ("fd00::/8", "https", "[fd00::1]:5000"),
    ("fd00::1", "https", "[fd00::1]"),
    ("[fd00:0::1]", "https", "[fd00::1]"),
    ("[fd00::1]:5000", "https", "[fd00::1]:5000"),
    ("[fd00:0:0::1]:5000", "https", "[fd00::1]:5000"),
    ("[fd00::1]:5000", "https", "[fd00:0::1]:5000"),
    ("192.0.2.9/24", "https", "192.0.2.7"),
    ("my_registry:5000", "https", "my_registry:5000"),
]
OUTSIDE = [
    ("registry.example.com:5000", "https", "registry.example.com"),
    ("registry.example.com:443", "http", "registry.example.com"),
    ("registry.example.com", "https", "registry.example.com.evil.example"),
    ("registry.example.com", "https", "a.registry.example.com"),
    ("*.example.com", "https", "example.com"),
    ("*.example.com", "https", "badexample.com"),
    ("*.example.com:5000", "https", "a.example.com"),
    ("192.0.2.0/24", "https", "198.51.100.1"),
    ("192.0.2.0/24", "https", "192.0.2.7.example.com"),
    ("fd00::/8", "https", "192.0.2.7"),
]


@pytest.mark.parametrize(("entry", "scheme", "host"), COVERED)
def test_covered(entry: str, scheme: str, host: str) -> None:
    assert Trust.parse([entry]).covers(scheme, host)


@pytest.mark.parametrize(("entry", "scheme", "host"), OUTSIDE)
def test_outside(entry: str, scheme: str, host: str) -> None:
    assert not Trust.parse([entry]).covers(scheme, host)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1", "127.8.9.1:80", "[::1]:5000"])
def test_the_node_itself_is_always_trusted(host: str) -> None:
    assert NOBODY.covers("http", host)


@pytest.mark.parametrize("host", ["", "registry.k8s.io", "localhost.example.com", "127.1", "[::2]"])
def test_nobody_else_is(host: str) -> None:
    assert not NOBODY.covers("https", host)


FORMS = "registry.example.com, registry.example.com:5000, *.example.com or 192.0.2.0/24"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("", f"an entry is empty. Write it as {FORMS}."),
        (" ", f"an entry is empty. Write it as {FORMS}."),
        ("https://a.example.com", "'https://a.example.com' is a URL. Write it as a.example.com."),
        (
            "https://a.example.com:5000/v2/",
            "'https://a.example.com:5000/v2/' is a URL. Write it as a.example.com:5000.",
        ),
        ("https://u:hunter2@a.example.com", "'***@a.example.com' is a URL. Write it as a.example.com."),
        ("user@a.example.com", "'***@a.example.com' names no valid host. Write it as a.example.com."),
        ("a.example.com/k8s", "'a.example.com/k8s' names no valid host. Write it as a.example.com."),
        ("192.0.2.0/33", "'192.0.2.0/33' is neither a host nor a network. Write it as 192.0.2.0/24."),
        ("*.", f"'*.' names no host. Write it as {FORMS}."),
        ("*", f"'*' names no valid host. Write it as {FORMS}."),
        ("*.example.com.", "'*.example.com.' names no valid host. Write it as *.example.com."),
        ("*.*.example.com", f"'*.*.example.com' names no valid host. Write it as {FORMS}."),
        ("fe80::1%eth0", f"'fe80::1%eth0' has no valid port. Write it as {FORMS}."),
        ("*example.com", "'*example.com' names no valid host. Write it as *.example.com."),
        (".corp.example", "'.corp.example' names no valid host. Write it as *.corp.example."),
        ("a b", f"'a b' names no valid host. Write it as {FORMS}."),
        ("http:", "'http:' has no valid port. Write it as http."),
        ("a.example.com:", "'a.example.com:' has no valid port. Write it as a.example.com."),
        ("a.example.com:70000", f"'a.example.com:70000' has no valid port. Write it as {FORMS}."),
        ("[fd00::1", f"'[fd00::1' names no valid host. Write it as {FORMS}."),
        ("[fd00::1%eth0]:5000", f"'[fd00::1%eth0]:5000' names no valid host. Write it as {FORMS}."),
        ("a..example.com", f"'a..example.com' names no valid host. Write it as {FORMS}."),
    ],
)
def test_what_is_none_of_these(entry: str, text: str) -> None:
    with pytest.raises(DomainError) as caught:
        Trust.parse(["registry.example.com", entry])
    assert str(caught.value) == f"trusted_registries[1]: {text}"


def test_no_name_with_a_dot_at_its_end_is_trusted_for_that() -> None:
    with pytest.raises(DomainError):
        Trust.parse(["*."])
    assert not Trust.parse(["*.example.com"]).covers("https", "registry.k8s.io.")
