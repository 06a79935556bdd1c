# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the token service answers. That docker-registry and containerd agree with it: tests/integration_nodes."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import ssl
import threading
import typing as t
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from nodes import token_service
from nodes.pki import Pki, key_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator

if shutil.which("openssl") is None:
    pytest.skip("openssl is not installed", allow_module_level=True)

SCOPE = "repository:team/hello:pull"
GRANTED = [{"type": "repository", "name": "team/hello", "actions": ["pull"]}]

SCOPES = [
    pytest.param([SCOPE], GRANTED, id="pull"),
    pytest.param(["repository:team/hello:pull,push"], GRANTED, id="push is left out"),
    pytest.param(["repository:team/hello:push"], [], id="push alone"),
    pytest.param(["registry:catalog:*"], [], id="the catalogue"),
    pytest.param([f"{SCOPE} {SCOPE}"], GRANTED * 2, id="two in a line"),
    pytest.param(["nonsense"], [], id="nonsense"),
]

BASIC = [
    pytest.param("Basic cHVsbGVyOmNvcnJlY3QtaG9yc2UtNw==", ("puller", "correct-horse-7"), id="user and password"),
    pytest.param("basic YTpiOmM=", ("a", "b:c"), id="a colon in the password"),
    pytest.param("Bearer abc", ("", ""), id="another scheme"),
    pytest.param("Basic %%%", ("", ""), id="no base64"),
    pytest.param("Basic /w==", ("", ""), id="no text"),
]


@pytest.mark.parametrize(("scopes", "access"), SCOPES)
def test_pulls_are_granted_and_nothing_else(scopes: list[str], access: list[dict[str, t.Any]]) -> None:
    assert token_service.granted(scopes) == access


@pytest.mark.parametrize(("header", "pair"), BASIC)
def test_basic_header(header: str, pair: tuple[str, str]) -> None:
    assert token_service.basic(header) == pair


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(tmp_path_factory.mktemp("pki"))
    made.ensure("127.0.0.1")
    return made


@pytest.fixture(scope="module")
def server(pki: Pki) -> Iterator[token_service.Server]:
    certificate = pki.server("127.0.0.1")
    settings = token_service.Settings(
        address="127.0.0.1",
        port=0,
        certificate=str(certificate),
        key=str(key_of(certificate)),
        signing_certificate=str(pki.token_signer),
        signing_key=str(key_of(pki.token_signer)),
        issuer="issuer",
        service="registry.example.test",
        user="puller",
        password="hush",
        identity_token="identity",
    )
    server = token_service.Server(settings)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Client:
    def __init__(self, server: token_service.Server, pki: Pki) -> None:
        context = ssl.create_default_context(cafile=str(pki.ca))
        self._connection = http.client.HTTPSConnection("127.0.0.1", server.server_port, timeout=10, context=context)

    def get(self, path: str = f"/token?scope={SCOPE}", **headers: str) -> tuple[int, dict[str, t.Any]]:
        return self._ask("GET", path, headers=headers)

    def post(self, **form: str) -> tuple[int, dict[str, t.Any]]:
        return self._ask("POST", "/token", body=urlencode(form))

    def _ask(self, method: str, path: str, **more: t.Any) -> tuple[int, dict[str, t.Any]]:
        self._connection.request(method, path, **more)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.fixture
def client(server: token_service.Server, pki: Pki) -> Client:
    return Client(server, pki)


def password(text: str) -> str:
    return f"Basic {base64.b64encode(f'puller:{text}'.encode()).decode()}"


def claims(token: str) -> dict[str, t.Any]:
    """What is in the token, if its signature is that of the certificate in it."""
    head, body, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    certificate = x509.load_der_x509_certificate(base64.b64decode(json.loads(head)["x5c"][0]))
    pair = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(pair, token.rpartition(".")[0].encode(), ec.ECDSA(hashes.SHA256()))
    return dict(json.loads(body))


def test_without_credentials_the_token_allows_nothing(client: Client) -> None:
    status, answer = client.get()
    assert (status, claims(answer["token"])["access"]) == (200, [])


def test_password(client: Client) -> None:
    status, answer = client.get(Authorization=password("hush"))
    found = claims(answer["token"])
    assert status == 200
    assert (found["access"], found["sub"], found["aud"], found["iss"]) == (
        GRANTED,
        "puller",
        "registry.example.test",
        "issuer",
    )
    assert found["nbf"] <= found["iat"] < found["exp"]


def test_identity_token(client: Client) -> None:
    status, answer = client.post(grant_type="refresh_token", refresh_token="identity", scope=SCOPE)
    assert (status, claims(answer["access_token"])["access"]) == (200, GRANTED)


@pytest.mark.parametrize("header", [password("wrong"), "Bearer identity", "Basic"])
def test_wrong_password(client: Client, header: str) -> None:
    assert client.get(Authorization=header)[0] == 401


@pytest.mark.parametrize("token", ["wrong", ""])
def test_wrong_identity_token(client: Client, token: str) -> None:
    assert client.post(grant_type="refresh_token", refresh_token=token, scope=SCOPE)[0] == 401


def test_password_by_post(client: Client) -> None:
    assert client.post(grant_type="password", username="puller", password="hush", scope=SCOPE)[0] == 405


def test_another_path(client: Client) -> None:
    status, answer = client.get("/elsewhere", Authorization=password("hush"))
    assert (status, answer) == (404, {})


def test_a_client_that_stalls_keeps_nobody_waiting(server: token_service.Server, client: Client) -> None:
    stalled = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    stalled.connect()
    assert client.get()[0] == 200
    stalled.close()


def test_the_log_has_the_user_and_no_secret(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.get(Authorization=password("hush"))
    client.post(grant_type="refresh_token", refresh_token="identity", scope=SCOPE)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["puller", "puller"]
    assert not any(secret in line for line in lines for secret in ("hush", "identity", password("hush")))
