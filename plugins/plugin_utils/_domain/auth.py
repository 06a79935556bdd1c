# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``auth`` of an endpoint, and where a release needs it. Private to this collection.

No message of an error has anything of a value in it.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.option_values import (
    Raw,
    check_characters,
    read_mapping,
    read_text,
    shown_type,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release

# The user that Google's registries want beside a key in JSON.
JSON_KEY_USER = "_json_key"

_KINDS = {
    "username and password": ("username", "password"),
    "auth": ("auth",),
    "identity_token": ("identity_token",),
    "json_key": ("json_key",),
}
_KEYS = ("username", "password", "auth", "identity_token", "json_key", "method")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Method(enum.Enum):
    """Where the credentials of an endpoint are to be written."""

    AUTO = "auto"
    HEADER = "header"
    CONFIG = "config"


@dataclasses.dataclass(frozen=True)
class Auth:
    """Credentials for one endpoint: user and password, both of them in base64, or an identity token."""

    option: str
    method: Method = Method.AUTO
    username: str = dataclasses.field(default="", repr=False)
    password: str = dataclasses.field(default="", repr=False)
    encoded: str = dataclasses.field(default="", repr=False)
    identity_token: str = dataclasses.field(default="", repr=False)

    @property
    def table(self) -> dict[str, str]:
        """As ``registry.configs.HOST.auth`` of config.toml has it."""
        known = {
            "username": self.username,
            "password": self.password,
            "auth": self.encoded,
            "identitytoken": self.identity_token,
        }
        return {key: value for key, value in known.items() if value}

    @property
    def header(self) -> str:
        """The value of an Authorization header, which no identity token can be."""
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return f"Basic {self.encoded or pair}"

    def is_same(self, other: Auth) -> bool:
        """Whether both say the same, be it in base64 or not."""
        return (self.identity_token, self.header) == (other.identity_token, other.header)

    def is_header(self, release: Release) -> bool:
        """Whether a release gets them as a header in hosts.toml, and not in config.toml.

        Before 2.1 a header does not reach registries that hand out tokens, and config.toml serves both kinds; from 2.1
        on it is the other way about: the header serves both, and credentials in config.toml change every pull.
        """
        if self.identity_token or self.method is Method.CONFIG:
            return False
        return self.method is Method.HEADER or release.knows(Feature.TOKEN_HEADERS)


def read_auth(raw: t.Any, at: str) -> Auth:
    """:raises DomainError: not exactly one kind of credentials, or such that no registry would take them."""
    given = {key: value for key, value in read_mapping(raw, at, _KEYS).items() if value is not None}
    method = _method(given.pop("method", Method.AUTO.value), f"{at}.method")
    kinds = [kind for kind, keys in _KINDS.items() if any(key in given for key in keys)]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "has no credentials in it"
        raise DomainError(what, option=at, fix=f"Write exactly one of {', '.join(_KINDS)}.")
    if "identity_token" in given and method is Method.HEADER:
        raise DomainError(
            "an identity token cannot be a header, containerd has to exchange it",
            option=f"{at}.method",
            fix="Leave method out.",
        )
    return Auth(at, method, **_credentials(given, at))


def _method(raw: t.Any, at: str) -> Method:
    known = [method.value for method in Method]
    text = read_text(raw, at)
    if text not in known:
        raise DomainError(f"{text!r} is no method", option=at, fix=f"Write one of {', '.join(known)}.")
    return Method(text)


def _credentials(given: Raw, at: str) -> dict[str, str]:
    if "auth" in given:
        return {"encoded": _encoded(_secret(given, "auth", at), f"{at}.auth")}
    if "identity_token" in given:
        return {"identity_token": _secret(given, "identity_token", at)}
    if "json_key" in given:
        return {"username": JSON_KEY_USER, "password": _json_key(given["json_key"], f"{at}.json_key")}
    return {"username": _username(given, at), "password": _secret(given, "password", at)}


def _secret(given: Raw, key: str, at: str) -> str:
    option = f"{at}.{key}"
    if key not in given:
        raise DomainError("is missing", option=option, fix="Write username and password.")
    text = read_text(given[key], option)
    if not text:
        raise DomainError("is empty", option=option, fix="See to the variable or the vault that it comes from.")
    if _CONTROL.search(text):
        raise DomainError(
            "has a line break or another control character in it",
            option=option,
            fix="Write it on one line; of the contents of a file, the end of the line has to go.",
        )
    return text


def _username(given: Raw, at: str) -> str:
    name = _secret(given, "username", at)
    if ":" in name:
        raise DomainError(
            "has a colon in it, behind which a registry would read the password",
            option=f"{at}.username",
            fix="Write user and password apart.",
        )
    return name


def _encoded(text: str, at: str) -> str:
    try:
        user, colon, password = base64.b64decode(text, validate=True).partition(b":")
    except ValueError:
        user = colon = password = b""
    if not (user and colon and password):
        raise DomainError(
            "is not user:password in base64",
            option=at,
            fix="Write it as in the auths of a Docker config.json, or write username and password.",
        )
    return text


def _json_key(raw: t.Any, at: str) -> str:
    """The key on one line, the same for text and for the mapping that templating can make of it."""
    key = raw
    if isinstance(raw, str):
        check_characters(raw, at)
        key = _parsed(raw, at)
    if not isinstance(key, dict) or not key:
        raise DomainError(f"is {shown_type(key)}, not a JSON object", option=at, fix=_JSON_KEY_FIX)
    return json.dumps(key, separators=(",", ":"))


def _parsed(text: str, at: str) -> t.Any:
    try:
        return json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
    # Raised without its cause, which has the whole key in it.
    raise DomainError(f"is not JSON, see its line {line}", option=at, fix=_JSON_KEY_FIX)


_JSON_KEY_FIX = "Give the key file's text, as lookup('ansible.builtin.file', 'key.json') does."
