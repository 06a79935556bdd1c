# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts.toml files: good ones, ones with every trap that is known, and ones that are no TOML at all."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    import random

    from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

HOSTS = (
    *("mirror-a.example.com", "mirror-b.example.com", "mirror-c.example.com") * 4,
    "192.0.2.10",
    "[2001:db8::10]",
    "127.0.0.1",
    "localhost",
    "MIRROR-A.example.com",
    "httpmirror",
)
PORTS = ("", "", "", ":5000", ":5000", ":8443", ":80", ":443", ":")
PATHS = (*("",) * 8, "/", "/v2", "/v2/", "/v2/proxy", "/k8s", "/a/../b//c/", "//k8s", "/a%20b", "/a%2Fb", "/a%25b")
MORE = (*("",) * 12, "?x=y", "#z")
CAPABILITIES = (
    *(None,) * 3,
    *('["pull", "resolve"]',) * 4,
    *('["pull"]',) * 2,
    '["resolve"]',
    '["push"]',
    '["pull", "resolve", "push"]',
    "[]",
    '["PULL", "Resolve"]',
)
BAD_CAPABILITIES = ('["resolv"]', '"pull"', "[1]", '["pull", "resolve", "referrers"]')
KEYS = (
    "skip_verify = true",
    "skip_verify = true",
    "skip_verify = false",
    "override_path = true",
    "override_path = true",
    'ca = "ca.pem"',
    'ca = "PEMS/own-ca.pem"',
    'ca = ["ca.pem", "PEMS/own-ca.pem"]',
    "ca = []",
    'client = "PEMS/both.pem"',
    'client = [["PEMS/client.pem", "PEMS/client-key.pem"]]',
    "client = []",
    'dial_timeout = "5s"',
    'dial_timeout = ""',
    "Skip_Verify = true",
    "OVERRIDE_PATH = true",
    "skip-verify = true",
    'username = "nobody"',
    'header = {Authorization = "Basic cHVsbGVyOmNvcnJlY3QtaG9yc2UtNw=="}',
    'header = {X-Meta = ["a", "b"]}',
)
BAD_KEYS = (
    'skip_verify = "true"',
    "override_path = 1",
    'ca = "missing.pem"',
    'ca = "hosts.toml"',
    "ca = 1",
    "ca = [1]",
    'client = ["PEMS/client.pem", "PEMS/client-key.pem"]',
    'client = "missing.pem"',
    'client = [["PEMS/client.pem"]]',
    'client = [["PEMS/client.pem", "missing.pem"]]',
    "client = {}",
    'dial_timeout = "5"',
    "dial_timeout = 5",
    "header = {X-Meta = 1}",
    'header = "X"',
    "header = {X-Meta = [1]}",
)


@dataclasses.dataclass(frozen=True)
class Host:
    """An entry as it is to be written: the keys of its table, and those of a table of headers of its own."""

    url: str
    lines: tuple[str, ...]
    headers: tuple[str, ...] = ()


def hosts_toml(draw: random.Random, namespace: str, release: Release, pems: str) -> bytes:
    if draw.random() < 0.04:
        return draw.choice(NO_FILES)
    hosts = [host(draw, namespace) for _number in range(draw.choice((0, 1, 1, 2, 2, 2, 3, 3)))]
    server = f"server = {quoted(draw, url(draw, namespace))}" if draw.random() < 0.5 else ""
    root = [
        *([draw.choice(KEYS)] if draw.random() < 0.15 else []),
        *([draw.choice(BAD_KEYS)] if draw.random() < 0.03 else []),
    ]
    top = [line for line in (server, *root) if line]
    draw.shuffle(top)
    style = draw.choice(STYLES) if draw.random() < 0.3 else as_tables
    if style is inline and release.line < (2, 0) and draw.random() < 0.7:
        # More of them come in an order that is by chance, of which nothing can be foreseen.
        hosts = hosts[:1]
    text = style(draw, top, hosts)
    if draw.random() < 0.2:
        text = draw.choice(TRAPS)(draw, text)
    encoded = text.replace("PEMS", pems).encode()
    return draw.choice(ENCODINGS)(encoded) if draw.random() < 0.12 else encoded


NO_FILES = (
    b"",
    b"\n",
    b"# nothing\n",
    b"host",
    b'server = "https://mirror-a.example.com\n',
    b"[host]\n",
    b"\xff\xfe[\0",
)
ENCODINGS: tuple[t.Callable[[bytes], bytes], ...] = (
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: text.replace(b"\n", b"\r\n"),
    lambda text: text + b"# caf\xe9\n",
    lambda text: text + b"# \x00\n",
    lambda text: text.replace(b"\n", b"\r"),
    lambda text: text.rstrip(b"\n"),
)


def url(draw: random.Random, namespace: str) -> str:
    if draw.random() < 0.1:
        return draw.choice(ODD_URLS)
    own = "registry-1.docker.io" if namespace == "docker.io" else namespace
    name = own if draw.random() < 0.12 else draw.choice(HOSTS) + draw.choice(PORTS)
    scheme = draw.choice((*("https://",) * 6, *("http://",) * 4, "", "HTTP://", "HTTPS://", "//"))
    return scheme + name + draw.choice(PATHS) + draw.choice(MORE)


ODD_URLS = (
    "",
    "https://",
    "https:///v2",
    "http",
    "https://nobody:secret@mirror-a.example.com",
    "https://nobody:p%5Ess@mirror-a.example.com",
    "https://nobody@org:secret@mirror-b.example.com",
    "https://nobody:p^ss@mirror-a.example.com",
    "https://nobody:p ss@mirror-b.example.com",
    "https://nobody:{}@mirror-a.example.com",
    "https://nobody:%zz@mirror-b.example.com",
    "https://nobody:p/ss@mirror-a.example.com",
    "https://nobody:p#ss@mirror-a.example.com",
    "https://mirror-a.example.com/#%zz",
    "https://mirror-%61.example.com",
    "https://mirror a.example.com",
    "https://mirror-a.example.com:port",
    "https://mirror-a.example.com/%zz",
    "ftp://mirror-a.example.com",
    "unix:///run/mirror.sock",
    "mirror-a.example.com:5000/k8s",
    "httpmirror:5000",
    "https://nobody-knows.example.org",
)


def host(draw: random.Random, namespace: str) -> Host:
    lines = []
    capabilities = draw.choice(BAD_CAPABILITIES) if draw.random() < 0.05 else draw.choice(CAPABILITIES)
    if capabilities:
        lines.append(f"capabilities = {capabilities}")
    chosen = draw.sample(KEYS, draw.choice((0, 0, 1, 1, 2)))
    if draw.random() < 0.06:
        chosen.append(draw.choice(BAD_KEYS))
    for line in chosen:
        if line.split(" ")[0] not in [each.split(" ")[0] for each in lines]:
            lines.append(line)
    has_header = any(line.startswith("header") for line in lines)
    headers = () if has_header or draw.random() < 0.85 else ('X-Meta = "a"',)
    return Host(url(draw, namespace), tuple(lines), headers)


def quoted(draw: random.Random, text: str) -> str:
    return f"'{text}'" if draw.random() < 0.1 else f'"{text}"'


# --- ways to write the same


def as_tables(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    lines = [*top]
    for each in hosts:
        header = draw.choice((*("[host.{}]",) * 5, "[ host . {} ]", "  [host.{}]"))
        key = quoted(draw, each.url)
        lines += ["", header.format(key), *each.lines]
        if each.headers:
            lines += [f"[host.{key}.header]", *each.headers]
    return "\n".join([*lines, ""])


def headers_last(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    lines = [*top]
    for each in hosts:
        lines += [f'[host."{each.url}"]', *(line for line in each.lines if not line.startswith("header"))]
    for each in draw.sample(hosts, len(hosts)):
        lines += [f'[host."{each.url}".header]', *(each.headers or ('X-Meta = "b"',))]
    return "\n".join([*lines, ""])


def headers_only(_draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    lines = [*top]
    for each in hosts:
        lines += [f'[host."{each.url}".header]', 'X-Meta = "c"']
    return "\n".join([*lines, ""])


def inline(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    entries = [f"{quoted(draw, each.url)} = {{{', '.join(each.lines)}}}" for each in hosts]
    if draw.random() < 0.5:
        return "\n".join([*top, f"host = {{{', '.join(entries)}}}", ""])
    return "\n".join([*top, "[host]", *entries, ""])


def dotted(_draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    lines = [f'host."{each.url}".{line}' for each in hosts for line in each.lines or ("skip_verify = false",)]
    return "\n".join([*top, *lines, ""])


def mixed(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    first, rest = hosts[:1], hosts[1:]
    lines = [f'"{each.url}" = {{{", ".join(each.lines)}}}' for each in first]
    return "\n".join([*top, "[host]", *lines, as_tables(draw, [], rest)])


def an_empty_table_first(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    return "\n".join([*top, "[host]", as_tables(draw, [], hosts)])


def server_last(draw: random.Random, top: list[str], hosts: list[Host]) -> str:
    return as_tables(draw, [], hosts) + "\n".join([*top, ""])


STYLES = (headers_last, headers_only, inline, dotted, mixed, an_empty_table_first, an_empty_table_first, server_last)


# --- traps


def a_value_in_host(draw: random.Random, text: str) -> str:
    values = ('capabilities = ["pull"]\n', 'capabilities = ["pull"]\nskip_verify = true\n')
    return f"{text}\n[host]\n{draw.choice(values)}" if "[host]" not in text else text


def an_array(_draw: random.Random, text: str) -> str:
    return text.replace("[host.", "[[host.", 1).replace('"]', '"]]', 1)


def an_array_of_hosts(_draw: random.Random, text: str) -> str:
    return f'{text}\n[[host]]\nurl = "https://mirror-b.example.com"\n'


def unquoted(_draw: random.Random, text: str) -> str:
    return f'{text}\n[host.mirror-b.example.com]\ncapabilities = ["pull", "resolve"]\n'


def a_typo(_draw: random.Random, text: str) -> str:
    return text.replace("[host.", "[hosts.").replace("[ host .", "[ hosts .")


def a_typo_in_server(_draw: random.Random, text: str) -> str:
    return text.replace("server =", "Server =", 1)


def twice(_draw: random.Random, text: str) -> str:
    return text + text[text.find("[host.") :] if "[host." in text else text


def an_unknown_table(_draw: random.Random, text: str) -> str:
    return f'{text}\n[auth]\nuser = "nobody"\n'


def a_deeper_table(_draw: random.Random, text: str) -> str:
    return f'{text}\n[host."https://mirror-c.example.com".tls.more]\nskip_verify = true\n'


def escaped(_draw: random.Random, text: str) -> str:
    return text.replace('mirror-a.example.com"]', 'mirror\\u002Da.example.com"]')


def a_comment(_draw: random.Random, text: str) -> str:
    return f'# [host."https://mirror-c.example.com"]\n{text}'


def a_string_of_lines(_draw: random.Random, text: str) -> str:
    return f'note = """\n[host."https://mirror-c.example.com"]\n"""\n{text}'


def a_date(_draw: random.Random, text: str) -> str:
    return f"made = 2026-01-02T03:04:05Z\nratio = inf\nnumber = 0x1F\n{text}"


def a_large_number(draw: random.Random, text: str) -> str:
    values = ("9223372036854775808", "[{y = -9223372036854775809}]", "0xFFFFFFFFFFFFFFFFFF", "1e999")
    return f"number = {draw.choice(values)}\n{text}"


TRAPS = (
    a_value_in_host,
    an_array,
    an_array_of_hosts,
    unquoted,
    a_typo,
    a_typo_in_server,
    twice,
    an_unknown_table,
    a_deeper_table,
    escaped,
    a_comment,
    a_string_of_lines,
    a_date,
    a_large_number,
)
