# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs show what changed, and never a secret."""

from __future__ import annotations

import textwrap
import tomllib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import (
    holds_secret,
    is_secret,
    mask_urls,
    mask_value,
    masked_difference,
    text_diff,
    toml_diff,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import value_text
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = "/etc/containerd/config.toml"
MASK = "********"
REGISTRY = ("plugins", "io.containerd.grpc.v1.cri", "registry")

FIXTURES = {
    path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[1] / "fixtures" / "config").glob("*.toml"))
}

SECRET_PATHS: dict[str, tuple[KeyPath, bool]] = {
    "password": ((*REGISTRY, "configs", "a.io", "auth", "password"), True),
    "user's name beside it": ((*REGISTRY, "configs", "a.io", "auth", "username"), True),
    "old password": ((*REGISTRY, "auths", "a.io", "password"), True),
    "base64": ((*REGISTRY, "configs", "a.io", "auth", "auth"), True),
    "auth alone": (("auth",), True),
    "token": ((*REGISTRY, "auths", "a.io", "identitytoken"), True),
    "token in the newer table": (
        ("plugins", "io.containerd.cri.v1.images", "registry", "configs", "a.io:5000", "auth", "identitytoken"),
        True,
    ),
    "key of a service account": (("site", "json_key"), True),
    "header of hosts.toml": (("host", "https://a.io", "header", "X-Anything"), True),
    "header of all": (("header", "Cookie"), True),
    "header of config.toml": ((*REGISTRY, "headers", "X-Meta"), True),
    "capitals": (("Authorization",), True),
    "a secret by its name": (("site", "client_secret"), True),
    "nothing": ((), False),
    "the table of headers itself": (("header",), False),
    "image": ((*REGISTRY[:2], "sandbox_image"), False),
    "a host called auth": (("host", "https://auth.example.com", "ca"), False),
    "a path of a key": (("site", "private_key_path"), False),
    "certificate": ((*REGISTRY, "configs", "a.io", "tls", "ca_file"), False),
    "author": (("author",), False),
}

HOLDING: dict[str, tuple[KeyPath, t.Any, bool]] = {
    "text": (("password",), "x", True),
    "list": (("header", "X"), ["x"], True),
    "absent": (("password",), None, False),
    "a switch": (("use_token",), True, False),
    "table": (("configs",), {"a.io": {"auth": {"password": "x"}}}, True),
    "table without": (("configs",), {"a.io": {"tls": {"ca_file": "x"}}}, False),
    "tables in a list": (("racks",), [{"name": "a"}, {"password": "x"}], True),
    "tables in a list without": (("racks",), [{"name": "a"}], False),
    "plain list": (("racks",), ["password"], False),
    "words of a program": (("args",), ["--user", "u", "--password", "x"], True),
    "words of a program without": (("args",), ["--password", "--key", "/etc/key.pem", "--key=/etc/key.pem"], False),
}

MASKED: dict[str, tuple[KeyPath, t.Any, t.Any]] = {
    "image": (("sandbox_image",), "pause:3.10", "pause:3.10"),
    "password": (("password",), "x", MASK),
    "absent password": (("password",), None, None),
    "headers": (("header",), {"A": ["x"], "B": "y"}, {"A": MASK, "B": MASK}),
    "table": (
        ("configs",),
        {"a.io": {"auth": {"password": "x"}, "tls": {"ca_file": "/ca"}}},
        {"a.io": {"auth": {"password": MASK}, "tls": {"ca_file": "/ca"}}},
    ),
    "tables in a list": (("a",), [{"password": "x", "b": 1}], [{"password": MASK, "b": 1}]),
    "credentials": (
        ("endpoint",),
        ["https://u:p@a.io/v2", "https://b.io"],
        [f"https://{MASK}@a.io/v2", "https://b.io"],
    ),
    "credentials without a scheme": (
        ("mirrors", "a.io", "endpoint"),
        ["u:hush@hush@a.io", "b.io:5000/c@d", "https://c.io"],
        [f"{MASK}@a.io", f"{MASK}@d", "https://c.io"],
    ),
    "an endpoint that is no list": (("endpoint",), "u:p@a.io", f"{MASK}@a.io"),
    "no endpoint": (("image",), "pause:3@sha256:00", "pause:3@sha256:00"),
    "an at sign in a password": (("proxy",), "http://u:p@ss@a.io", f"http://{MASK}@a.io"),
    "a quote in a password": (("proxy",), "http://u:p\"s's@a.io", f"http://{MASK}@a.io"),
    "a digest": (("image",), "a.io/b@sha256:00", "a.io/b@sha256:00"),
    "number": (("oom_score",), -999, -999),
    "words of a program": (
        ("stream_processors", "a", "args"),
        ["--password=hush=1", "--token", "hush", "--pass=hush", "--key", "/etc/key.pem", "-v", "token"],
        [f"--password={MASK}", "--token", MASK, f"--pass={MASK}", "--key", "/etc/key.pem", "-v", "token"],
    ),
    "the environment of a program": (
        ("stream_processors", "a", "env"),
        ["API_TOKEN=hush", "KEY=hush", "KEYS=/etc/keys", "PATH=/bin", "TOKEN="],
        [f"API_TOKEN={MASK}", f"KEY={MASK}", "KEYS=/etc/keys", "PATH=/bin", "TOKEN="],
    ),
}

# text, as it is shown
SHOWN: dict[str, tuple[str, str]] = {
    "nothing secret": ('a = "b" # c\n\n[d]\n', 'a = "b" # c\n\n[d]\n'),
    "words of a program": (
        '[stream_processors.a]\nargs = [ "--password=a\\"b", # "x"\n  "--token", \'c\', "d" ]\n',
        f'[stream_processors.a]\nargs = [ "--password={MASK}", # "x"\n  "--token", "{MASK}", "d" ]\n',
    ),
    "a table of auth": (
        '[configs."a.io".auth] # for the build\n  username = "u"\n  password = "p" # of 2024\n',
        f'[configs."a.io".auth] # for the build\n  username = "{MASK}"\n  password = "{MASK}" # of 2024\n',
    ),
    "a list of headers": (
        "[header]\n  Authorization = [\n    \"Basic abc\", # old\n    'Bearer def',\n  ] # all\n",
        f'[header]\n  Authorization = "{MASK}" # all\n',
    ),
    "a long string": ('password = """\np\nq"""\na = 1\n', f'password = "{MASK}"\na = 1\n'),
    "a number": ("[auth]\npin = 1234\n", f'[auth]\npin = "{MASK}"\n'),
    "dotted keys": ('configs."a.io".auth.password = "p"\n', f'configs."a.io".auth.password = "{MASK}"\n'),
    "an inline table": ("auth = 1\nx = { auth = { password = 'p' } } # c\n", f'auth = "{MASK}"\nx = "{MASK}" # c\n'),
    "an inline table without": ("x = { a = 'p' }\n", "x = { a = 'p' }\n"),
    "inline tables in a list": ("x = [{ a = 1 }, { password = 'p' }]\n", f'x = "{MASK}"\n'),
    "credentials in a URL": (
        'endpoint = ["https://u:p@a.io", "https://b.io"]\n',
        f'endpoint = ["https://{MASK}@a.io", "https://b.io"]\n',
    ),
    "credentials without a scheme": (
        'endpoint = ["u:hush@hush@a.io", \'v:p/q@b.io/v2\', "https://c.io"]\n',
        f'endpoint = ["{MASK}@a.io", \'{MASK}@b.io/v2\', "https://c.io"]\n',
    ),
    "credentials without a scheme in lines of their own": (
        'endpoint = [\n  "u:hush@a.io", # b\n  "https://c.io",\n]\n',
        f'endpoint = [\n  "{MASK}@a.io", # b\n  "https://c.io",\n]\n',
    ),
    "commented-out credentials without a scheme": (
        '# endpoint = ["u:hush@a.io"]\n# image = "pause:3@sha256:00"\na = [ # "v:hush@b.io",\n]\n',
        f'# endpoint = ["{MASK}@a.io"]\n# image = "pause:3@sha256:00"\na = [ # "{MASK}@b.io",\n]\n',
    ),
    "credentials in a header": ('[host."https://u:p@a.io"]\n', f'[host."https://{MASK}@a.io"]\n'),
    "credentials in a comment": ("# see http://u:p@a.io/x\n", f"# see http://{MASK}@a.io/x\n"),
    "a commented-out key": ('#  password = "p"\n# a = 1\n', f"#  password = {MASK}\n# a = 1\n"),
    "a commented-out key in a table of headers": (
        '[header]\n  # Cookie = "p"\n  # sweet\n',
        f"[header]\n  # Cookie = {MASK}\n  # sweet\n",
    ),
    "a commented-out table": (
        '# [configs."a.io".auth]\n#   username = "u"\n\n#   password = "p"\n# [grpc]\n#   uid = 0\n',
        f'# [configs."a.io".auth]\n#   username = {MASK}\n\n#   password = {MASK}\n# [grpc]\n#   uid = 0\n',
    ),
    "a commented-out list": (
        '# [header]\n#   A = [\n#     "p",\n#   ]\n# [grpc]\n#   uid = 0\n',
        f"# [header]\n#   A = {MASK}\n# {MASK}\n# {MASK}\n# [grpc]\n#   uid = 0\n",
    ),
    "a commented-out inline table": (
        '# x = { password = "p" }\n# y = { a = 1 }\n# z = [{ password = "p",\n',
        f"# x = {MASK}\n# y = {{ a = 1 }}\n# z = {MASK}\n",
    ),
    "a comment behind a key": ('a = 1 # password = "p"\n', f"a = 1 # password = {MASK}\n"),
    "comments in a list": (
        "a = [\n  1, # token: p\n  2,\n]\n",
        f"a = [\n  1, # token: {MASK}\n  2,\n]\n",
    ),
    "a header in prose": ("# use Authorization: Basic cDpx here\n", f"# use Authorization: {MASK}\n"),
    "a token in prose": ("# sent Bearer abcdefgh.12345 to it\n", f"# sent Bearer {MASK} to it\n"),
    "prose that looks like keys": ('# "\\q" = 1\n# ["\\q"]\n', '# "\\q" = 1\n# ["\\q"]\n'),
    "line ends of two characters": (
        'password = "p"\r\n# token = "q"\r\n# a\r\n',
        f'password = "{MASK}"\r\n# token = {MASK}\r\n# a\r\n',
    ),
    "no final newline": ('a = 1\n# token = "q"', f"a = 1\n# token = {MASK}"),
    "a byte order mark": ("\ufeffa = 1\n", "a = 1\n"),
}


@pytest.mark.parametrize(("path", "expected"), SECRET_PATHS.values(), ids=SECRET_PATHS)
def test_is_secret(path: KeyPath, expected: bool) -> None:
    assert is_secret(path) is expected


@pytest.mark.parametrize(("path", "value", "expected"), HOLDING.values(), ids=HOLDING)
def test_holds_secret(path: KeyPath, value: t.Any, expected: bool) -> None:
    assert holds_secret(path, value) is expected


@pytest.mark.parametrize(("path", "value", "expected"), MASKED.values(), ids=MASKED)
def test_mask_value(path: KeyPath, value: t.Any, expected: t.Any) -> None:
    assert mask_value(path, value) == expected


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_shown(text: str, shown: str) -> None:
    tomllib.loads(text.removeprefix("\ufeff"))
    diff = toml_diff(FILE, text.encode(), text.encode())
    assert (diff["before"], diff["after"]) == (shown, shown)


def test_a_changed_secret() -> None:
    before = '[auth]\npassword = "p"\nusername = "u"\n'
    diff = toml_diff(FILE, before.encode(), before.replace('"p"', '"q"').encode())
    assert diff == {
        "before": f'[auth]\npassword = "{MASK}"\nusername = "{MASK}"\n',
        "after": f'[auth]\npassword = "{MASK} (changed)"\nusername = "{MASK}"\n',
        "before_header": FILE,
        "after_header": FILE,
    }


def test_a_changed_secret_among_tables_of_one_name() -> None:
    before = '[[a]]\npassword = "p"\n[[a]]\npassword = "q"\n'
    after = '[[a]]\npassword = "p"\n[[a]]\npassword = "r"\n[[a]]\npassword = "s"\n'
    diff = toml_diff(FILE, before.encode(), after.encode())
    assert diff["before"] == f'[[a]]\npassword = "{MASK}"\n' * 2
    assert diff["after"] == (
        f'[[a]]\npassword = "{MASK}"\n[[a]]\npassword = "{MASK} (changed)"\n[[a]]\npassword = "{MASK}"\n'
    )


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, ""),
        (b"", ""),
        (b'password = "p', "(13 bytes that are not valid TOML; not shown)\n"),
        (b"password = '\xff'", "(14 bytes that are not valid TOML; not shown)\n"),
    ],
    ids=["no file", "empty", "not TOML", "not UTF-8"],
)
def test_other_contents(content: bytes | None, shown: str) -> None:
    diff = toml_diff(FILE, content, b"a = 1\n")
    assert (diff["before"], diff["after"]) == (shown, "a = 1\n")


def test_text_diff() -> None:
    assert text_diff(FILE, "a", "b") == {"before": "a", "after": "b", "before_header": FILE, "after_header": FILE}


def test_masked_difference() -> None:
    path = (*REGISTRY, "mirrors", "https://u:hush@a.io", "endpoint")
    assert masked_difference(FILE, Difference(path, ["u:hush@a.io"], ["https://u:hush@a.io"])) == {
        "file": FILE,
        "key_path": f'plugins."{REGISTRY[1]}".registry.mirrors."https://{MASK}@a.io".endpoint',
        "before": [f"{MASK}@a.io"],
        "after": [f"https://{MASK}@a.io"],
    }
    assert masked_difference(FILE, Difference(("password",), "x", None))["before"] == MASK


@pytest.mark.parametrize("secret", ["hunter2", "hun ter2", "hun/ter2", "hun?ter2", "hun#ter2", "hun@ter2", "hun\nter2"])
def test_a_password_may_have_any_characters(secret: str) -> None:
    hosts = (f"https://u:{secret}@a.io/x", f"u:{secret}@a.io/x")
    shown = mask_value((*REGISTRY, "mirrors"), {host: {"endpoint": list(hosts)} for host in hosts})
    assert "ter2" not in repr(shown)
    assert list(shown) == [f"https://{MASK}@a.io/x", f"{MASK}@a.io/x"]


def test_a_query_may_have_a_token() -> None:
    shown = mask_value((), {"https://a.io/x?q=hunter2": ["https://a.io#hunter2", "a?b"]})
    assert shown == {f"https://a.io/x?{MASK}": [f"https://a.io#{MASK}", "a?b"]}


def test_mask_urls() -> None:
    shown = mask_urls("https://u:p@a.io and http://b.io and v:w@c.io")
    assert shown == f"https://{MASK}@a.io and http://b.io and v:w@c.io"


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures(name: str) -> None:
    shown = toml_diff(FILE, FIXTURES[name], FIXTURES[name])["after"]
    text = FIXTURES[name].decode()
    assert "fixture-" not in shown.replace("fixture-header", "") or "fixture-" not in text
    assert "cHVsbGVy" not in shown
    assert tomllib.loads(shown).keys() == tomllib.loads(text).keys()
    if not any(word in text for word in ("auth", "headers", "token", "fixture-")):
        assert shown == text


# --- properties

CORE = "Zq7"
# Recognisable, and with all that could end a pattern too early.
SECRETS = st.text(st.sampled_from("ab1=+/ #'\"\\,[]{}é\t@:"), max_size=6).map(lambda tail: f"{CORE}{tail}{CORE}")
URL_SECRETS = st.text(st.sampled_from("ab1=+/#'\",[]{}é@:"), max_size=6).map(lambda tail: f"{CORE}{tail}{CORE}")

# Each a piece of a file; {n} makes names unique, {s} is a secret as TOML has it, {u} one inside a URL.
PIECES = [
    '[configs."{n}.io".auth]\n  username = {s}\n  password = {s} # {n}\n',
    '[configs."{n}.io".auth]\nauth = {s}\nidentitytoken={s}\n',
    '[host."https://{n}.io".header]\n  Authorization = [{s},\n  {s}]\n',
    '[host."https://{n}.io".header]\n  # Cookie = {s}\n  # X-Other = [{s}, {s}]\n',
    '[t{n}]\nheader = {{ "X-{n}" = [{s}] }}\nlist = [{{ password = {s} }}, {{ auth = {{ a = {s} }} }}]\n',
    "[t{n}]\n  a = 1 # password = {s}\n  b = [\n    1, # token = {s}\n  ]\n",
    '# [configs."{n}.io".auth]\n#   username = {s}\n#   password = {s}\n',
    '# [host."https://{n}.io".header]\n#   Authorization = [\n#     {s},\n#     {s},\n#   ]\n',
    '[t{n}]\n  proxy = "http://user:{u}@proxy.example.com:3128" # like http://{u}@x\n',
    '# curl https://user:{u}@{n}.io/v2/\n[host."https://x:y@{n}.io"]\n',
    '[t{n}]\n  kept = "value-{n}"\n  client_secret = """\n{m}\n"""\n',
]  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5))
    text = ""
    for number, piece in enumerate(pieces):
        parts = (
            piece.replace("{s}", "\0s").replace("{u}", "\0u").replace("{m}", "\0m").format(n=f"n{number}").split("\0")
        )
        text += parts[0] + "".join(_secret(draw, part[0]) + part[1:] for part in parts[1:])
    return draw(st.sampled_from([text, text.replace("\n", "\r\n")]))


def _secret(draw: st.DrawFn, kind: str) -> str:
    if kind == "s":
        return value_text(draw(SECRETS), literal=draw(st.booleans()))
    secret = draw(URL_SECRETS)
    return value_text(secret)[1:-1] if kind == "u" else value_text(f"{secret}\n{secret}")[1:-1]


@settings(max_examples=500, deadline=None)
@given(before=files(), after=files())
def test_no_secret_is_shown(before: str, after: str) -> None:
    for text in (before, after):
        tomllib.loads(text)
    diff = toml_diff(FILE, before.encode(), after.encode())
    assert CORE not in diff["before"] + diff["after"]
    for shown, text in ((diff["before"], before), (diff["after"], after)):
        assert len(shown.splitlines()) <= len(text.splitlines())
        assert shown.count("value-n") == text.count("value-n")
        assert tomllib.loads(shown).keys() == tomllib.loads(text).keys()


@settings(max_examples=200, deadline=None)
@given(secret=SECRETS, other=SECRETS)
def test_a_change_is_seen(secret: str, other: str) -> None:
    def file(value: str) -> bytes:
        return textwrap.dedent(f"""
            [configs."a.io".auth]
              password = {value_text(value)}
            """).encode()

    diff = toml_diff(FILE, file(secret), file(other))
    assert (diff["before"] == diff["after"]) == (secret == other)


def test_secrets_in_lists_of_assignments() -> None:
    values = ["REGISTRY_PASSWORD=hunter2", "HOME=/root", "--token=hunter3"]
    shown = str(toml_diff("config.toml", None, f"[proxy_plugins.x]\nenv = {values}\n".encode()))
    assert "hunter" not in shown
    assert mask_value(("env",), values) == [f"REGISTRY_PASSWORD={MASK}", "HOME=/root", f"--token={MASK}"]
    assert holds_secret(("env",), values)
    assert not holds_secret(("env",), values[1:2])


def test_the_one_word_of_a_program_that_changed() -> None:
    before, after = (f"args = ['--user=u', '--token=a', '--password={word}']\n".encode() for word in ("hush", "hist"))
    shown = toml_diff(FILE, before, after)
    assert shown["before"] == f'args = [\'--user=u\', "--token={MASK}", "--password={MASK}"]\n'
    assert shown["after"] == f'args = [\'--user=u\', "--token={MASK}", "--password={MASK} (changed)"]\n'
