# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that a containerd under test lives in: who is there, and what each of them answers.

Whoever makes up a case, whoever answers in it and whoever predicts it use the same description of this side of the
wire. Nothing here knows what containerd does.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import io
import json
import platform
import re
import tarfile
import typing as t

NAMES = (
    "registry-1.docker.io",
    "docker.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "reg.example.com",
    "other.example.net",
    "mirror-a.example.com",
    "mirror-b.example.com",
    "mirror-c.example.com",
    "httpmirror",
)
LITERALS = ("192.0.2.10", "2001:db8::10", "127.0.0.1", "::1")
PORTS = (80, 443, 5000, 8443)
# Every name has an address of its own, so that a connection tells whom it is for before a word is said.
ADDRESSES = {name: f"127.0.1.{number}" for number, name in enumerate(NAMES, start=1)} | {"localhost": "127.0.0.1"}
LISTENING = (*(ADDRESSES[name] for name in NAMES), *LITERALS)
DEFAULT_PORTS = {"http": 80, "https": 443}

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
USER, PASSWORD = "puller", "correct-horse-7"
TOKEN = "a-token"
# Whose keys they are and where the path of an API begins is up to the configuration.
_REQUEST = re.compile(r"(?P<root>.*?)/(?P<image>case-[0-9a-z-]+/app)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")


class Manner(enum.Enum):
    """How a registry answers those who have come through to it."""

    HAS = "has"
    HAS_AND_NAMES_NO_DIGEST = "has-and-names-no-digest"
    HAS_AND_TAKES_NO_HEAD = "has-and-takes-no-head"
    HAS_NO_BLOBS = "has-no-blobs"
    LACKS = "lacks"
    FORBIDS = "forbids"
    FAILS = "fails"
    IS_BUSY = "is-busy"
    WANTS_A_PASSWORD = "wants-a-password"
    HANDS_OUT_TOKENS = "hands-out-tokens"
    HANDS_OUT_NO_TOKENS = "hands-out-no-tokens"
    HANDS_OUT_TOKENS_IN_VAIN = "hands-out-tokens-in-vain"
    HANGS_UP = "hangs-up"
    IS_NOT_THERE = "is-not-there"


class Tls(enum.Enum):
    """What a registry makes of those who begin with TLS."""

    TRUSTED = "trusted"
    OF_OWN_CA = "of-own-ca"
    WANTS_CLIENT = "wants-client"
    IS_HTTP = "is-http"


@dataclasses.dataclass(frozen=True)
class Registry:
    """Somebody at an address and a port."""

    manner: Manner = Manner.LACKS
    tls: Tls = Tls.TRUSTED


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked of a registry; ``authorization`` is the header as it came."""

    method: str
    path: str
    authorization: str = ""


@dataclasses.dataclass(frozen=True)
class Image:
    """A real image of one layer; no two of different names have anything in common."""

    manifest: bytes
    config: bytes
    layer: bytes

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest(content): content for content in (self.config, self.layer)}


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@functools.cache
def image(name: str) -> Image:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(f"{name.replace('/', '-')}.txt"))
    layer = packed.getvalue()
    config = _json(
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        os="linux",
        config={"Labels": {"image": name}},
        rootfs={"type": "layers", "diff_ids": [digest(layer)]},
    )
    manifest = _json(
        schemaVersion=2,
        mediaType=MANIFEST,
        config=_descriptor("application/vnd.oci.image.config.v1+json", config),
        layers=[_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    )
    return Image(manifest, config, layer)


def _json(**data: t.Any) -> bytes:
    return json.dumps(data, sort_keys=True).encode()


def _descriptor(media_type: str, content: bytes) -> dict[str, t.Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


# --- what is answered


def answer(manner: Manner, request: Request, *, scheme: str, host: str) -> Response | None:
    """None is a registry that hangs up."""
    if manner is Manner.HANGS_UP:
        return None
    if request.path == "/token":
        refuses = manner is Manner.HANDS_OUT_NO_TOKENS
        return Response(403) if refuses else Response(200, (), _json(token=TOKEN, access_token=TOKEN))
    challenge = _challenge(manner, request.authorization, f"{scheme}://{host}")
    if challenge:
        return Response(401, (("WWW-Authenticate", challenge),))
    if manner in _REFUSALS:
        return Response(_REFUSALS[manner])
    found = _REQUEST.fullmatch(request.path)
    if found is None or manner is Manner.LACKS:
        return Response(404)
    if request.method == "HEAD" and manner is Manner.HAS_AND_TAKES_NO_HEAD:
        return Response(405)
    if found["kind"] == "blobs":
        content = None if manner is Manner.HAS_NO_BLOBS else image(found["image"]).blobs.get(found["reference"])
        return Response(404) if content is None else Response(200, _BLOB, content)
    return _manifest(found["image"], found["reference"], names_digest=manner is not Manner.HAS_AND_NAMES_NO_DIGEST)


_REFUSALS = {Manner.FORBIDS: 403, Manner.FAILS: 500, Manner.IS_BUSY: 429}
_BLOB = (("Content-Type", "application/octet-stream"),)


def _challenge(manner: Manner, authorization: str, url: str) -> str:
    if manner is Manner.WANTS_A_PASSWORD and not authorization.startswith("Basic "):
        return 'Basic realm="registry"'
    by_token = (Manner.HANDS_OUT_TOKENS, Manner.HANDS_OUT_NO_TOKENS, Manner.HANDS_OUT_TOKENS_IN_VAIN)
    is_in = authorization == f"Bearer {TOKEN}" and manner is not Manner.HANDS_OUT_TOKENS_IN_VAIN
    return f'Bearer realm="{url}/token",service="registry"' if manner in by_token and not is_in else ""


def _manifest(name: str, reference: str, *, names_digest: bool) -> Response:
    content = image(name).manifest
    if ":" in reference and reference != digest(content):
        return Response(404)
    headers = [("Content-Type", MANIFEST)]
    if names_digest:
        headers.append(("Docker-Content-Digest", digest(content)))
    return Response(200, tuple(headers), content)
