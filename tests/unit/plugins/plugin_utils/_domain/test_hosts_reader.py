# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases see in a hosts.toml. The cases are behaviour of containerd that was measured or read in its source."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import (
    Endpoint,
    Reading,
    parse_duration,
    reread,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

OLD, NEW = "1.7.24", "2.3.4"
BOTH = (OLD, NEW)


def read(text: str | bytes, version: str) -> Reading:
    content = text.encode() if isinstance(text, str) else text
    return reread(content, Release.parse(version), directory="/certs.d/a.example")


def hosts(reading: Reading) -> list[str]:
    return [f"{e.scheme}://{e.host}{e.path}" if e.host else "upstream" for e in reading.endpoints]


# text, releases, endpoints in order
ORDERS: dict[str, tuple[str, tuple[str, ...], list[str]]] = {
    "server after hosts": (
        'server = "https://c"\n[host."https://a"]\n[host."https://b"]\n',
        BOTH,
        ["https://a/v2", "https://b/v2", "https://c/v2"],
    ),
    "no server": ('[host."https://a"]\n', BOTH, ["https://a/v2", "upstream"]),
    "empty server": ('server = ""\n[host."https://a"]\n', BOTH, ["https://a/v2", "upstream"]),
    "empty host table": ('server = "https://c"\n[host]\n', BOTH, ["https://c/v2"]),
    "server behind a table": ('[host."https://a"]\nserver = "https://c"\n', BOTH, ["https://a/v2", "upstream"]),
    "single quotes and spaces": ("[ host . 'https://a' ] # a\n", BOTH, ["https://a/v2", "upstream"]),
    "header table alone": ('[host."https://a".header]\nX = "y"\n', BOTH, ["https://a/v2", "upstream"]),
    "header apart, old": (
        '[host."https://a"]\n[host."https://b"]\n[host."https://a".header]\n',
        (OLD,),
        ["https://a/v2", "https://b/v2", "upstream"],
    ),
    "header apart, new": (
        '[host."https://a"]\n[host."https://b"]\n[host."https://a".header]\n',
        (NEW,),
        ["https://a/v2", "https://b/v2", "https://a/v2", "upstream"],
    ),
    "inline table, old": ('[host]\n"https://a" = {}\n', (OLD,), ["https://a/v2", "upstream"]),
    "inline table comes first, old": (
        '[host."https://b"]\n[host]\n"https://a" = {}\n',
        (OLD,),
        ["https://a/v2", "https://b/v2", "upstream"],
    ),
    "inline table, new": ('[host]\n"https://a" = {}\n', (NEW,), ["upstream"]),
    "dotted keys, old": ('host."https://a".skip_verify = true\n', (OLD,), ["https://a/v2", "upstream"]),
    "dotted keys, new": ('host."https://a".skip_verify = true\n', (NEW,), ["upstream"]),
    "file without hosts": ('server = "https://c"\n', ("1.7.32", "2.0.0", NEW), ["https://c/v2"]),
    "other tables": ('[hosts."https://a"]\n[host]\n', BOTH, ["upstream"]),
    "unquoted dots": ("[host.a.b]\n", BOTH, ["https://a/v2", "upstream"]),
    "IPv6, new": ('[host."https://[fd00::1]:5000"]\n', (NEW,), ["https://[fd00::1]:5000/v2", "upstream"]),
    "IPv6 server": ('server = "https://[fd00::1]:5000"\n[host]\n', BOTH, ["https://[fd00::1]:5000/v2"]),
    "byte order mark, old": ('\ufeff[host."https://a"]\n', (OLD,), ["https://a/v2", "upstream"]),
    "carriage returns": ('server = "https://c"\r\n[host."https://a"]\r\n', BOTH, ["https://a/v2", "https://c/v2"]),
    "capitals in a key, new": ('Server = "https://c"\n[host]\n', (NEW,), ["https://c/v2"]),
    "capitals in a key, old": ('Server = "https://c"\n[host]\n', (OLD,), ["upstream"]),
    "all capitals, old": ('SERVER = "https://c"\n[host]\n', (OLD,), ["https://c/v2"]),
}

# URL, override_path, what is asked
LOCATIONS = {
    "host": ("https://a", False, "https://a/v2"),
    "no scheme": ("a:5000", False, "https://a:5000/v2"),
    "no scheme, looks like http": ("httpmirror:5000", False, "upstream"),
    "no scheme, looks like http, path": ("http-mirror/x", False, "upstream"),
    "capital scheme": ("HTTP://a", False, "https://HTTP:/a/v2"),
    "path": ("https://a/x", False, "https://a/x/v2"),
    "path with v2": ("https://a/x/v2/", False, "https://a/x/v2"),
    "path with v2 in the middle": ("https://a/v2/x", False, "https://a/v2/x/v2"),
    "overridden": ("https://a/v2/x", True, "https://a/v2/x"),
    "overridden without path": ("https://a", True, "https://a"),
    "unclean path": ("https://a//x/../y/", False, "https://a/y/v2"),
    # containerd joins the parts of the path when it asks, so that the second slash does no harm.
    "only a slash": ("https://a/", False, "https://a//v2"),
    "credentials and query": ("https://user:pw@a/x?y=z#f", False, "https://a/x/v2"),
    "escape": ("https://a/%41", False, "https://a/A/v2"),
    "user and fragment with escapes": ("https://user:p%5Ess@a#%41", False, "https://a/v2"),
    "user with an at sign": ("https://u@v:w@a", False, "https://a/v2"),
    "host with escapes": ("https://%C3%A9vil.example.net", False, "https://évil.example.net/v2"),
    "address with a zone": ("https://[fe80::1%25eth0]", False, "https://[fe80::1%eth0]/v2"),
}

# text, releases, a part of the reason
DROPPED: dict[str, tuple[str | bytes, tuple[str, ...], str]] = {
    "empty": ("", BOTH, "empty"),
    "not TOML": ("server = \n", BOTH, "not valid TOML"),
    "not UTF-8": (b'# caf\xe9\nserver = "https://c"\n', (NEW,), "not UTF-8"),
    "duplicate table": ('[host."a"]\n[host."a"]\n', BOTH, "not valid TOML"),
    "byte order mark, new": ("\ufeff[host]\n", (NEW,), "byte order mark"),
    "server of wrong type": ("server = 1\n[host]\n", BOTH, "server has the wrong type"),
    "capabilities as text": ('[host."a"]\ncapabilities = "pull"\n', BOTH, "capabilities has the wrong type"),
    "capabilities as numbers": ('[host."a"]\ncapabilities = [1]\n', BOTH, "capabilities has the wrong type"),
    "unknown capability": ('[host."a"]\ncapabilities = ["resolv"]\n', BOTH, "unknown capability resolv"),
    "referrers, too early": ('[host."a"]\ncapabilities = ["referrers"]\n', (OLD, "2.1.5"), "unknown capability"),
    "skip_verify as text": ('[host."a"]\nskip_verify = "true"\n', BOTH, "skip_verify has the wrong type"),
    "header as text": ('header = "x"\n[host]\n', BOTH, "header has the wrong type"),
    "header with a number": ("[header]\nX = 1\n[host]\n", BOTH, "header X has the wrong type"),
    "ca as a number": ('[host."a"]\nca = 1\n', BOTH, "ca has the wrong type"),
    "client as a number": ('[host."a"]\nclient = 1\n', BOTH, "client has the wrong type"),
    "client with a triple": ('[host."a"]\nclient = [["a", "b", "c"]]\n', BOTH, "not a pair"),
    "bad duration, new": ('[host."a"]\ndial_timeout = "soon"\n', ("2.0.7", NEW), "not a duration"),
    "array of tables": ('[[host."a"]]\n', BOTH, "host.a is not a table"),
    "array of hosts": ("[[host]]\n", (NEW,), "host has the wrong type"),
    "array of hosts, old": ("[[host]]\n", (OLD,), "no host table"),
    "plain value in host": ("[host]\nskip_verify = true\n", BOTH, "host.skip_verify is not a table"),
    "no hosts, old": ('server = "https://c"\n', ("1.5.18", "1.6.20", OLD, "1.7.31"), "no host table"),
    "IPv6 host, old": ('[host."https://[fd00::1]:5000"]\n', ("1.6.20", OLD), "bracket"),
    "port that is none": ('[host."https://a:port"]\n', BOTH, "valid host"),
    "broken escape": ('[host."https://a/%zz"]\n', BOTH, "broken escape"),
    "broken escape behind the path": ('[host."https://a/#%zz"]\n', BOTH, "broken escape"),
    "broken escape in a password": ('[host."https://u:%zz@a"]\n', BOTH, "broken escape"),
    "escaped letter in a host": ('[host."https://m%41.example.com"]\n', BOTH, "escape in its host"),
    **{
        f"password {password}": (f"server = 'https://{password}@a'\n[host]\n", BOTH, "have to be escaped")
        for password in ("user:p^ss", "u:p ss", "u:{}", "u:p|w", 'u:"p"', "evil.example\\", "u:<p>", "u:pä", "u:p[x")
    },
    **{
        f"password {password}": (f"server = 'https://{password}@a'\n[host]\n", BOTH, "no valid host")
        for password in ("u:p/x", "u:p?x", "u:p#x")
    },
    "large number, old": ("x = 9223372036854775808\n[host]\n", ("1.6.20", OLD), "64 bits"),
    "small number, old": ("x = {y = [-9223372036854775809]}\n[host]\n", (OLD,), "64 bits"),
    "large float, old": ("x = 1e999\n[host]\n", (OLD,), "64 bits"),
    "endless number": (f"x = {'9' * 5000}\n[host]\n", BOTH, "64 bits"),
    "colon in the first segment": ('server = "http_x:5000"\n[host]\n', BOTH, "a URL is not one"),
    "control character": ('server = "https://a/\\u0001"\n[host]\n', BOTH, "control characters"),
}

IGNORED = {
    "bad duration before it was known": ('[host."a"]\ndial_timeout = "soon"\n', ("1.7.24", "2.0.6")),
    "wrong type of override_path before it was known": ('[host."a"]\noverride_path = 1\n', ("1.5.18",)),
    "unknown key": ('[host."a"]\nskip-verify = true\n', BOTH),
    "large numbers, new": ("x = [9223372036854775808, 1e999]\n[host]\n", (NEW,)),
    "numbers that fit": ("x = [9223372036854775807, -9223372036854775808, inf, -inf]\n[host]\n", BOTH),
}


@pytest.mark.parametrize(("text", "versions", "expected"), ORDERS.values(), ids=ORDERS)
def test_order(text: str, versions: tuple[str, ...], expected: list[str]) -> None:
    for version in versions:
        assert hosts(read(text, version)) == expected, version


@pytest.mark.parametrize(("url", "override_path", "expected"), LOCATIONS.values(), ids=LOCATIONS)
@pytest.mark.parametrize("version", BOTH)
def test_location(url: str, override_path: bool, expected: str, version: str) -> None:
    text = f'server = "{url}"\noverride_path = {str(override_path).lower()}\n[host]\n'
    assert hosts(read(text, version)) == [expected]


@pytest.mark.parametrize(("text", "versions", "reason"), DROPPED.values(), ids=DROPPED)
def test_dropped(text: str | bytes, versions: tuple[str, ...], reason: str) -> None:
    for version in versions:
        reading = read(text, version)
        assert reading.endpoints == ()
        assert reason in (reading.dropped or ""), version


@pytest.mark.parametrize(("text", "versions"), IGNORED.values(), ids=IGNORED)
def test_ignored(text: str, versions: tuple[str, ...]) -> None:
    for version in versions:
        assert read(text, version).dropped is None


def test_two_plain_values_in_host_crash_releases_before_2() -> None:
    text = '[host]\ncapabilities = ["pull"]\nskip_verify = true\n'
    assert read(text, OLD).crashes
    assert not read(text, NEW).crashes


def test_settings() -> None:
    text = """
server = "https://c"
capabilities = ["PULL", "resolve"]
ca = ["ca.pem", "/etc/ca.pem"]
client = [["../c.crt", "c.key"]]
skip_verify = true
dial_timeout = "1m30s"
[header]
X-A = "a"
X-B = ["b", "c"]
[host."https://a"]
ca = "a.pem"
client = "both.pem"
"""
    first, last = read(text, NEW).endpoints
    assert last == Endpoint(
        scheme="https",
        host="c",
        path="/v2",
        capabilities=frozenset({"pull", "resolve"}),
        ca=("/certs.d/a.example/ca.pem", "/etc/ca.pem"),
        client=(("/certs.d/c.crt", "/certs.d/a.example/c.key"),),
        skip_verify=True,
        dial_timeout=90 * 10**9,
        header=(("X-A", ("a",)), ("X-B", ("b", "c"))),
    )
    assert first.ca == ("/certs.d/a.example/a.pem",)
    assert first.client == (("/certs.d/a.example/both.pem",) * 2,)
    assert first.capabilities == {"pull", "resolve", "push", "referrers"}


def test_settings_of_the_root_go_to_the_upstream() -> None:
    endpoint = read('ca = "/ca.pem"\n[header]\nX = "y"\n[host]\n', NEW).endpoints[0]
    assert endpoint.is_upstream
    assert (endpoint.ca, endpoint.header) == (("/ca.pem",), (("X", ("y",)),))


DURATIONS: dict[str, tuple[str, t.Any]] = {
    "seconds": ("5s", 5 * 10**9),
    "mixed": ("1h2m3s", 3723 * 10**9),
    "fraction": (".5s", 5 * 10**8),
    "point at the end": ("1.s", 10**9),
    "milliseconds": ("500ms", 5 * 10**8),
    "microseconds": ("1µs", 1000),
    "zero": ("0", 0),
    "negative": ("-3s", -3 * 10**9),
    "no unit": ("5", None),
    "unknown unit": ("5d", None),
    "space": ("5 s", None),
    "sign alone": ("-", None),
    "point alone": (".s", None),
}


@pytest.mark.parametrize(("text", "nanoseconds"), DURATIONS.values(), ids=DURATIONS)
def test_duration(text: str, nanoseconds: int | None) -> None:
    assert parse_duration(text) == nanoseconds


def test_headers_are_not_in_the_representation() -> None:
    assert "secret" not in repr(read('[header]\nAuthorization = "secret"\n[host]\n', NEW))


LAX = b'server = "https://c.example"\n[host]\n'


@pytest.mark.parametrize(
    "content",
    [
        LAX + b"# caf\xe9\n",
        LAX + b"# \x00 and \r more\n",
        LAX.replace(b"\n", b"\r"),
        LAX.replace(b"\n", b"\r\n") + b"# \x07\r\n",
        b"\xef\xbb\xbf" + LAX,
        b"\xff\xfe" + LAX,
    ],
)
def test_what_only_1_reads(content: bytes) -> None:
    old, new = read(content, OLD), read(content, NEW)
    assert [endpoint.host for endpoint in old.endpoints] == ["c.example"]
    assert new.dropped is not None
    assert new.is_certain


def test_a_comment_of_1_goes_on_to_the_line_feed() -> None:
    found = read(b'# a\rserver = "https://c.example"\n[host]\n', OLD)
    assert [endpoint.is_upstream for endpoint in found.endpoints] == [True]


def test_what_looks_like_a_comment_in_a_string_is_none() -> None:
    found = read(b'server = "https://c.example/#x" # \x01 "\n[host]\n', OLD)
    assert [endpoint.host for endpoint in found.endpoints] == ["c.example"]


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        ("[host.\"https://a\"]\n[host.'https://a']\n", False),
        ('host."https://a".skip_verify = true\n[host."https://a"]\n', False),
        ('host = {"https://a" = {}}\n[host."https://b"]\n', False),
        ('[host."https://a"]\n[host."https://a"]\n', True),
        ("server = \n", True),
    ],
)
def test_whether_1_drops_a_file_is_not_always_known(text: str, is_certain: bool) -> None:
    assert (read(text, OLD).is_certain, read(text, NEW).is_certain) == (is_certain, True)


@pytest.mark.parametrize("host", ["a:1:2", "[nope]", "[::ffff:192.0.2.1]", "a]", "[fe80::1%25%20]"])
def test_of_a_host_that_not_every_go_takes_nothing_is_told(host: str) -> None:
    found = read(f'server = "https://{host}"\n', NEW)
    assert (found.is_certain, found.dropped and "not every version" in found.dropped) == (False, True)


def test_what_2_makes_of_an_endless_number_is_not_told() -> None:
    text = f"x = {'9' * 5000}\n[host]\n"
    assert (read(text, OLD).is_certain, read(text, NEW).is_certain) == (True, False)


@pytest.mark.parametrize("secret", ["hunter2", "hun ter2", "hun'ter2", "hun/ter2"])
@pytest.mark.parametrize("release", BOTH)
def test_a_reason_quotes_no_password(secret: str, release: str) -> None:
    text = f'[host."user:{secret}@m.example.com"]\n[host."user:{secret}@m.example.com"]\n'
    found = read(text, release)
    assert found.dropped and "ter2" not in found.dropped


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/etc/containerd/certs.d//a/ca.crt", "/etc/containerd/certs.d/a/ca.crt"),
        ("/.//etc/././ca.crt", "/etc/ca.crt"),
        ("/etc/a/../ca.crt", "/etc/a/../ca.crt"),
        ("/etc/ca.crt/", "/etc/ca.crt/"),
        ("b/../ca.crt", "/certs.d/a.example/ca.crt"),
    ],
)
def test_where_a_file_is(written: str, path: str) -> None:
    (first, _last) = read(f'[host."https://a"]\nca = "{written}"\n', NEW).endpoints
    assert first.ca == (path,)


def test_an_empty_list_of_cas_is_a_setting_of_tls() -> None:
    first, _last = read('[host."http://a"]\nca = []\n', NEW).endpoints
    assert (first.ca, first.skip_verify) == ((), False)


DOTTED = 'host."https://a".capabilities = ["pull"]\nhost."https://a".Skip_Verify = true\n'


@pytest.mark.parametrize(
    ("text", "version", "crashes"),
    [
        (DOTTED, "2.0.7", True),
        (DOTTED, "2.3.4", True),
        (DOTTED, "2.4.2", False),
        (DOTTED, OLD, False),
        (f"[host]\n{DOTTED.replace('host.', '')}", "2.3.4", True),
        ('host."https://a".skip_verify = true\nhost."https://a".capabilities = ["pull"]\n', "2.3.4", False),
        ('host."https://a".capabilities = ["pull"]\nhost."https://b".skip_verify = true\n', "2.3.4", False),
        ('[host."https://a"]\ncapabilities = ["pull"]\nskip_verify = true\n', "2.3.4", False),
    ],
)
def test_2_crashes_on_a_dotted_skip_verify(text: str, version: str, crashes: bool) -> None:
    found = read(text, version)
    assert (found.crashes, found.fault_line is not None) == (crashes, crashes)


def test_a_backslash_in_a_header_is_one_to_1() -> None:
    text = '[host."https://a\\u002Db.example"]\n'
    assert [endpoint.host for endpoint in read(text, NEW).endpoints] == ["a-b.example", ""]
    assert "no valid host" in (read(text, OLD).dropped or "")
    assert read('[host]\n"https://a\\u002Db.example" = {}\n', OLD).endpoints[0].host == "a-b.example"
