# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option auth: every kind of credentials, every error in full, and where a release takes them."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.auth import Auth, Method, read_auth
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

Raw = dict[str, t.Any]

AT = "registries[0].hosts[0].auth"
PASSWORD = "hush-7:ü"
JSON_KEY = {"type": "service_account", "private_key": "-----BEGIN\nhush-7\n", "client_email": "a@b.example"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# what is written, the table in config.toml, user:password of the header
KINDS: dict[str, tuple[Raw, Raw, str]] = {
    "username and password": (
        {"username": "node", "password": PASSWORD},
        {"username": "node", "password": PASSWORD},
        f"node:{PASSWORD}",
    ),
    "base64": ({"auth": encoded("node:x")}, {"auth": encoded("node:x")}, "node:x"),
    "base64 of a password with colons": ({"auth": encoded("n:x:y")}, {"auth": encoded("n:x:y")}, "n:x:y"),
    "others null": (
        {"username": "node", "password": "x", "auth": None, "json_key": None, "identity_token": None, "method": None},
        {"username": "node", "password": "x"},
        "node:x",
    ),
    "JSON key": (
        {"json_key": json.dumps(JSON_KEY, indent=2)},
        {"username": "_json_key", "password": json.dumps(JSON_KEY, separators=(",", ":"))},
        f"_json_key:{json.dumps(JSON_KEY, separators=(',', ':'))}",
    ),
    "JSON key that templating made a mapping of": (
        {"json_key": JSON_KEY},
        {"username": "_json_key", "password": json.dumps(JSON_KEY, separators=(",", ":"))},
        f"_json_key:{json.dumps(JSON_KEY, separators=(',', ':'))}",
    ),
}


@pytest.mark.parametrize(("raw", "table", "pair"), KINDS.values(), ids=KINDS)
def test_kind(raw: Raw, table: Raw, pair: str) -> None:
    auth = read_auth(raw, AT)
    assert auth.table == table
    assert auth.header == f"Basic {encoded(pair)}"
    assert auth.option == AT


def test_an_identity_token_is_a_table_alone() -> None:
    assert read_auth({"identity_token": "hush"}, AT).table == {"identitytoken": "hush"}


ONE_OF = "Write exactly one of username and password, auth, identity_token, json_key."
SEE_TO = "See to the variable or the vault that it comes from."
ONE_LINE = (
    "has a line break or another control character in it. Write it on one line; of the contents of a file, the end of "
    "the line has to go."
)
KEY_TEXT = "Give the key file's text, as lookup('ansible.builtin.file', 'key.json') does."
NO_BASE64 = (
    "is not user:password in base64. Write it as in the auths of a Docker config.json, or write username and password."
)
SECRET = "hush-7"
ERRORS: dict[str, tuple[t.Any, str]] = {
    "text": (SECRET, f"{AT}: is text, not a mapping. Write it as key: value."),
    "empty": ({}, f"{AT}: has no credentials in it. {ONE_OF}"),
    "method alone": ({"method": "header"}, f"{AT}: has no credentials in it. {ONE_OF}"),
    "two kinds": (
        {"username": "node", "identity_token": SECRET},
        f"{AT}: has username and password and identity_token. {ONE_OF}",
    ),
    "unknown key": ({"user": "node"}, f"{AT}.user: is not a known option. Did you mean username?"),
    "name of containerd's": (
        {"identitytoken": SECRET},
        f"{AT}.identitytoken: is not a known option. Did you mean identity_token?",
    ),
    "no password": ({"username": "node"}, f"{AT}.password: is missing. Write username and password."),
    "no user": ({"password": SECRET}, f"{AT}.username: is missing. Write username and password."),
    "password as a number": (
        {"username": "node", "password": 1234567},
        f"{AT}.password: is a number, not text. Write one text, in quotes.",
    ),
    "password empty": ({"username": "node", "password": ""}, f"{AT}.password: is empty. {SEE_TO}"),
    "password with the end of its file": (
        {"username": "node", "password": f"{SECRET}\n"},
        f"{AT}.password: {ONE_LINE}",
    ),
    "half a character": (
        {"username": "node", "password": f"{SECRET}\ud800"},
        f"{AT}.password: U+D800 is half a character. Write whole ones.",
    ),
    "user with a colon": (
        {"username": f"node:{SECRET}", "password": "x"},
        f"{AT}.username: has a colon in it, behind which a registry would read the password. Write user and password "
        "apart.",
    ),
    "base64 of anything": ({"auth": encoded(SECRET)}, f"{AT}.auth: {NO_BASE64}"),
    "base64 without a user": ({"auth": encoded(f":{SECRET}")}, f"{AT}.auth: {NO_BASE64}"),
    "base64 without a password": ({"auth": encoded(f"{SECRET}:")}, f"{AT}.auth: {NO_BASE64}"),
    "not base64": ({"auth": f"node:{SECRET}"}, f"{AT}.auth: {NO_BASE64}"),
    "base64 cut short": ({"auth": encoded(f"node:{SECRET}")[:-1]}, f"{AT}.auth: {NO_BASE64}"),
    "header value": ({"auth": f"Basic {encoded(f'n:{SECRET}')}"}, f"{AT}.auth: {NO_BASE64}"),
    "token empty": ({"identity_token": ""}, f"{AT}.identity_token: is empty. {SEE_TO}"),
    "token as a header": (
        {"identity_token": SECRET, "method": "header"},
        f"{AT}.method: an identity token cannot be a header, containerd has to exchange it. Leave method out.",
    ),
    "unknown method": (
        {"identity_token": SECRET, "method": "configs"},
        f"{AT}.method: 'configs' is no method. Write one of auto, header, config.",
    ),
    "key that is no JSON": (
        {"json_key": f'{{"private_key": "x",\n{SECRET}}}'},
        f"{AT}.json_key: is not JSON, see its line 2. {KEY_TEXT}",
    ),
    "key's file name": ({"json_key": "hush-7.json"}, f"{AT}.json_key: is not JSON, see its line 1. {KEY_TEXT}"),
    "key that is a list": ({"json_key": f'["{SECRET}"]'}, f"{AT}.json_key: is a list, not a JSON object. {KEY_TEXT}"),
    "key that is empty": ({"json_key": {}}, f"{AT}.json_key: is a mapping, not a JSON object. {KEY_TEXT}"),
    "key with a number too long": (
        {"json_key": f'{{"{SECRET}": {"1" * 5000}}}'},
        f"{AT}.json_key: is not JSON, see its line 1. {KEY_TEXT}",
    ),
}


@pytest.mark.parametrize(("raw", "message"), ERRORS.values(), ids=ERRORS)
def test_error(raw: t.Any, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        read_auth(raw, AT)
    assert str(raised.value) == message
    assert SECRET not in message
    assert (raised.value.__cause__, raised.value.__suppress_context__ or raised.value.__context__) in (
        (None, None),
        (None, True),
    )


PAIR: Raw = {"username": "node", "password": "x"}
# credentials, the releases that take them in a header, those that take them in config.toml
PLACES: dict[str, tuple[Raw, list[str], list[str]]] = {
    "auto": (PAIR, ["2.1.0", "2.3.4", "2.4.2"], ["1.5.18", "1.6.20", "1.7.34", "2.0.11"]),
    "auto, said": ({**PAIR, "method": "auto"}, ["2.1.5"], ["1.7.24"]),
    "auto, base64": ({"auth": encoded("n:x")}, ["2.1.5"], ["1.7.24"]),
    "auto, JSON key": ({"json_key": JSON_KEY}, ["2.1.5"], ["1.7.24"]),
    "auto, identity token": ({"identity_token": "x"}, [], ["1.7.24", "2.1.5", "2.3.4"]),
    "header": ({**PAIR, "method": "header"}, ["1.6.20", "1.7.24", "2.3.4"], []),
    "config": ({**PAIR, "method": "config"}, [], ["1.6.20", "1.7.24", "2.1.5", "2.3.4"]),
    "config, identity token": ({"identity_token": "x", "method": "config"}, [], ["1.7.24", "2.3.4"]),
}


@pytest.mark.parametrize(("raw", "header", "config"), PLACES.values(), ids=PLACES)
def test_place(raw: Raw, header: list[str], config: list[str]) -> None:
    auth = read_auth(raw, AT)
    assert [text for text in [*header, *config] if auth.is_header(Release.parse(text))] == header


SAME: dict[str, tuple[Raw, Raw, bool]] = {
    "written twice": (PAIR, PAIR, True),
    "once in base64": (PAIR, {"auth": encoded("node:x")}, True),
    "another password": (PAIR, {**PAIR, "password": "y"}, False),
    "another token": ({"identity_token": "x"}, {"identity_token": "y"}, False),
    "token and password": ({"identity_token": "x"}, PAIR, False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_same(one: Raw, other: Raw, same: bool) -> None:
    assert read_auth(one, "a").is_same(read_auth(other, "b")) is same
    assert read_auth(other, "b").is_same(read_auth(one, "a")) is same


def test_no_secret_in_the_representation() -> None:
    auth = Auth(AT, Method.AUTO, "user-s", "password-s", "encoded-s", "token-s")
    assert "-s" not in repr(auth)
