# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sockets and real TLS on this machine; the registries at the other end are made up."""

from __future__ import annotations

import http.server
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _probe
from ansible_collections.airgap.nodes.plugins.module_utils._probe import Settings

Found = t.Dict[str, t.Any]
Answers = t.Callable[[str, t.Mapping[str, str]], t.Tuple[int, t.Dict[str, str], bytes]]

MANIFEST = json.dumps({"config": {"digest": "sha256:aa"}}).encode()
SECRET = "Basic aHVzaDpodXNo"


class Registry:
    """A server on a free port, with what it was asked."""

    def __init__(self, answers: Answers, context: t.Optional[ssl.SSLContext] = None) -> None:
        self.asked: t.List[t.Tuple[str, t.Dict[str, str]]] = []
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = dict(self.headers.items())
                registry.asked.append((self.path, headers))
                status, sent, body = answers(self.path, headers)
                self.send_response(status)
                for name, value in {**sent, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_CONNECT = do_GET  # noqa: N815 (a name that http.server looks for)

            def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002 (http.server's own name)
                """Nobody reads it."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: t.Any, client_address: t.Any) -> None:
                """Handshakes that fail are what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        if context:
            wrapped = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.server.socket = wrapped
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


Serve = t.Callable[..., Registry]


@pytest.fixture
def serve() -> t.Iterator[Serve]:
    started: t.List[Registry] = []

    def start(answers: Answers, context: t.Optional[ssl.SSLContext] = None) -> Registry:
        started.append(Registry(answers, context))
        return started[-1]

    yield start
    for registry in started:
        registry.close()


def everything(path: str, headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
    del headers
    return 200, {}, MANIFEST if "/manifests/" in path else b"{}"


def always(status: int, body: bytes = b"", **headers: str) -> Answers:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _path, _headers: (status, sent, body)


def settings(port: int, **more: t.Any) -> Settings:
    known = {"scheme": "http", "host": f"localhost:{port}", "path": "/v2", "repository": "pause", "reference": "3.10"}
    return Settings(**{**known, **more})


def probe(*endpoints: Settings, seconds: float = 5, **environment: str) -> t.List[Found]:
    return _probe.probe_all(endpoints, environment, seconds)


def kind(found: Found) -> t.Optional[str]:
    return found["trouble"]["kind"] if found["trouble"] else None


# --- answers


def test_all_the_way(serve: Serve) -> None:
    registry = serve(everything)
    (found,) = probe(settings(registry.port, ns="registry.k8s.io"))
    assert [path for path, _headers in registry.asked] == [
        "/v2/",
        "/v2/pause/manifests/3.10?ns=registry.k8s.io",
        "/v2/pause/blobs/sha256:aa?ns=registry.k8s.io",
    ]
    assert found["trouble"] is None
    assert (found["api"]["status"], found["manifest"]["status"], found["blob"]["status"]) == (200, 200, 200)
    assert found["address"] in ("127.0.0.1", "::1")


def test_the_api_of_a_path_within_v2_is_at_v2(serve: Serve) -> None:
    registry = serve(everything)
    probe(settings(registry.port, path="/v2/k8s"))
    assert [path for path, _headers in registry.asked][:2] == ["/v2/", "/v2/k8s/pause/manifests/3.10"]


def test_a_list_of_platforms_leads_to_one_of_them(serve: Serve) -> None:
    def answers(path: str, _headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
        listed = json.dumps({"manifests": [{"digest": "sha256:bb"}]}).encode()
        return 200, {}, listed if path.endswith("/3.10") else MANIFEST

    registry = serve(answers)
    probe(settings(registry.port))
    assert [path for path, _headers in registry.asked][-2:] == [
        "/v2/pause/manifests/sha256:bb",
        "/v2/pause/blobs/sha256:aa",
    ]


def test_what_is_missing_is_looked_for_among_the_tags(serve: Serve) -> None:
    def answers(path: str, _headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
        if path == "/v2/pause/tags/list":
            return 200, {}, b'{"tags": ["3.8", "3.9"]}'
        return 404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "..."}]}'

    (found,) = probe(settings(serve(answers).port))
    assert (found["manifest"]["errors"], found["tags"]["tags"]) == (["MANIFEST_UNKNOWN"], ["3.8", "3.9"])


def test_a_tls_port_that_is_asked_by_plain_http(serve: Serve) -> None:
    answers = always(400, b"Client sent an HTTP request to an HTTPS server.\n")
    (found,) = probe(settings(serve(answers).port))
    assert found["manifest"]["wants_tls"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"errors": 1}', b'{"errors": ["x", {}]}', b"\xff", b"<html>"])
def test_bodies_of_any_form(serve: Serve, body: bytes) -> None:
    for status in (200, 404, 500):
        (found,) = probe(settings(serve(always(status, body)).port))
        assert found["trouble"] is None
        assert found["manifest"]["errors"] == []


# --- authorization


def test_headers_and_password_go_to_the_registry_and_are_in_no_result(serve: Serve) -> None:
    def answers(_path: str, headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
        return (
            (200, {}, MANIFEST) if headers.get("Authorization") == SECRET else (401, {"WWW-Authenticate": "Basic"}, b"")
        )

    registry = serve(answers)
    (by_header,) = probe(settings(registry.port, header=(("Authorization", SECRET),)))
    (by_password,) = probe(settings(registry.port, auth="aHVzaDpodXNo"))
    (by_nothing,) = probe(settings(registry.port))
    assert by_header["manifest"]["status"] == by_password["manifest"]["status"] == 200
    assert by_nothing["manifest"]["status"] == 401
    assert "aHVzaDpodXNo" not in json.dumps([by_header, by_password, by_nothing])


def test_a_token_is_fetched_and_kept(serve: Serve) -> None:
    issuer = serve(always(200, b'{"token": "hush-hush-token"}'))

    def answers(_path: str, headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
        realm = f'Bearer realm="http://u:p@localhost:{issuer.port}/token",service="s",scope="repository:pause:pull"'
        known = headers.get("Authorization") == "Bearer hush-hush-token"
        return (200, {}, MANIFEST) if known else (401, {"WWW-Authenticate": realm}, b"")

    registry = serve(answers)
    endpoint = settings(registry.port, header=(("X-Key", "hush-key"),), auth="aHVzaDpodXNo")
    (found,) = probe(endpoint)
    assert (found["manifest"]["status"], found["token"]["status"]) == (200, 200)
    path, headers = issuer.asked[0]
    assert path == "/token?service=s&scope=repository%3Apause%3Apull"
    assert (headers["Authorization"], headers.get("X-Key")) == (SECRET, None)
    assert "hush" not in json.dumps(found)
    assert found["token"]["realm"] == f"http://***@localhost:{issuer.port}/token"
    probe(endpoint._replace(header_to_token=True))
    assert issuer.asked[-1][1]["X-Key"] == "hush-key"


def test_a_token_server_that_is_not_there(serve: Serve) -> None:
    realm = f'Bearer realm="http://localhost:{free_port()}/token"'
    (found,) = probe(settings(serve(always(401, WWW_Authenticate=realm)).port))
    assert kind(found["token"]) == "connection_refused"


@pytest.mark.parametrize(
    "realm", ["", 'Bearer realm="file:///etc/passwd"', "Bearer", 'Bearer realm="http://"', "Digest"]
)
def test_challenges_of_any_form(serve: Serve, realm: str) -> None:
    (found,) = probe(settings(serve(always(401, WWW_Authenticate=realm)).port))
    assert found["trouble"] is None


# --- data elsewhere


def sending_to(store: str) -> Answers:
    def answers(path: str, _headers: t.Mapping[str, str]) -> t.Tuple[int, t.Dict[str, str], bytes]:
        return (307, {"Location": store}, b"") if "/blobs/" in path else everything(path, {})

    return answers


def test_a_store_is_followed_without_what_is_not_for_it(serve: Serve) -> None:
    store = serve(always(200, b"{}"))
    registry = serve(sending_to(f"http://localhost:{store.port}/k?signature=hush"))
    (found,) = probe(settings(registry.port, header=(("Authorization", SECRET),)))
    assert found["blob"]["status"] == 200
    (path, headers) = store.asked[0]
    assert path == "/k?signature=hush"
    assert "Authorization" not in headers
    assert found["redirect"]["url"] == f"http://localhost:{store.port}/k"
    assert "hush" not in json.dumps(found)


def test_a_store_that_is_not_there(serve: Serve) -> None:
    registry = serve(sending_to(f"http://localhost:{free_port()}/k?signature=hush"))
    (found,) = probe(settings(registry.port))
    assert (kind(found), kind(found["redirect"])) == ("redirect_failed", "connection_refused")


def test_a_registry_that_sends_round_in_circles(serve: Serve) -> None:
    registry = serve(always(302, Location="/v2/again"))
    (found,) = probe(settings(registry.port))
    assert (found["trouble"], found["manifest"]["status"]) == (None, 302)


# --- the network


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_nobody_listens() -> None:
    assert kind(probe(settings(free_port()))[0]) == "connection_refused"


def test_a_name_that_is_none() -> None:
    (found,) = probe(settings(1, host="no-such-host.invalid:1"))
    assert kind(found) in ("name_not_found", "name_no_answer")
    assert found["trouble"]["host"] == "no-such-host.invalid"


def test_who_does_not_answer_holds_nobody_up(serve: Serve) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        began = time.monotonic()
        slow, quick = probe(settings(silent.getsockname()[1]), settings(serve(everything).port), seconds=0.5)
    assert kind(slow) in ("no_answer", "out_of_time")
    assert kind(quick) is None
    assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_told_of_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(_probe.socket, "getaddrinfo", lambda *_args, **_more: held.wait(5))
    (found,) = probe(settings(1), seconds=0.2)
    held.set()
    assert (kind(found), found["step"], found["seconds"]) == ("out_of_time", "dns", 0.2)


def test_one_that_surprises_does_not_take_the_others_away(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probe.Probe, "_tags", lambda *_args: 1 / 0)
    bad, good = probe(settings(serve(always(404)).port), settings(serve(everything).port))
    assert bad["trouble"] == {"kind": "not_probed", "text": "ZeroDivisionError: division by zero"}
    assert good["trouble"] is None


@pytest.mark.parametrize(("said", "expected"), [(b"SSH-2.0-x\r\n\r\n", "not_http"), (b"", "connection_lost")])
def test_something_else_listens(said: bytes, expected: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(5)

        def answer() -> None:
            client, _address = other.accept()
            client.recv(4096)
            client.sendall(said)
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        assert kind(probe(settings(other.getsockname()[1]))[0]) == expected


# --- TLS


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Self-signed certificates, each a CA of its own; a.pem and b.pem with their keys."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on this machine")
    directory = tmp_path_factory.mktemp("pki")
    for name in ("a", "b"):
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost"]
        out = ["-keyout", f"{directory}/{name}-key.pem", "-out", f"{directory}/{name}.pem"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        subprocess.run(["openssl", "req", "-x509", "-days", "9", *key, *subject, *out], check=True, capture_output=True)
    return directory


def tls(pki: pathlib.Path, *, clients: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "a.pem", pki / "a-key.pem")
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki / "b.pem")
    return context


def test_a_ca_of_its_own(serve: Serve, pki: pathlib.Path) -> None:
    registry = serve(everything, tls(pki))
    (found,) = probe(settings(registry.port, scheme="https", ca=(str(pki / "a.pem"),)))
    assert found["trouble"] is None
    assert found["tls"]["chain"] == found["ca"]


@pytest.mark.parametrize("ca", [(), ("b.pem",)], ids=["none", "another"])
def test_who_is_not_trusted_gets_nothing(serve: Serve, pki: pathlib.Path, ca: t.Tuple[str, ...]) -> None:
    registry = serve(everything, tls(pki))
    files = tuple(str(pki / name) for name in ca)
    (found,) = probe(settings(registry.port, scheme="https", ca=files, header=(("Authorization", SECRET),)))
    assert (kind(found), registry.asked) == ("certificate", [])
    assert found["trouble"]["verify_code"] in (18, 19, 20, 21)
    assert len(found["tls"]["chain"]) == 1


def test_who_is_not_trusted_is_shown_no_client_certificate(pki: pathlib.Path) -> None:
    context = tls(pki, clients=True)
    context.verify_mode = ssl.CERT_OPTIONAL
    shown: t.List[t.Any] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)

        def accept() -> None:
            # The handshake that fails, and the one that fetches the certificate.
            for _time in range(2):
                client, _address = server.accept()
                try:
                    with context.wrap_socket(client, server_side=True) as wrapped:
                        shown.append(wrapped.getpeercert())
                except OSError:
                    continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        pair = ((str(pki / "b.pem"), str(pki / "b-key.pem")),)
        (found,) = probe(settings(server.getsockname()[1], scheme="https", client=pair))
        thread.join(5)
    assert kind(found) == "certificate"
    assert [bool(certificate) for certificate in shown] == [False]


def test_skip_verify(serve: Serve, pki: pathlib.Path) -> None:
    registry = serve(everything, tls(pki))
    assert kind(probe(settings(registry.port, scheme="https", skip_verify=True))[0]) is None


def test_the_system_store_is_that_of_containerd(serve: Serve, pki: pathlib.Path) -> None:
    registry = serve(everything, tls(pki))
    assert kind(probe(settings(registry.port, scheme="https"), SSL_CERT_FILE=str(pki / "a.pem"))[0]) is None


@pytest.mark.parametrize("skip_verify", [False, True])
@pytest.mark.parametrize(
    "secret", [{"auth": "aHVzaDpodXNo"}, {"header": (("X-Key", "hush-key"),), "header_to_token": True}]
)
def test_nothing_secret_goes_from_https_to_a_realm_in_clear(
    serve: Serve, pki: pathlib.Path, secret: t.Dict[str, t.Any], *, skip_verify: bool
) -> None:
    issuer = serve(always(200, b'{"token": "t"}'))
    realm = f'Bearer realm="http://localhost:{issuer.port}/token"'
    registry = serve(always(401, WWW_Authenticate=realm), tls(pki))
    known = {"scheme": "https", "ca": (str(pki / "a.pem"),), "skip_verify": skip_verify}
    (found,) = probe(settings(registry.port, **known, **secret))
    assert (kind(found["token"]), issuer.asked) == ("realm_in_clear", [])
    # Who has nothing to hide asks as containerd does.
    probe(settings(registry.port, **known))
    assert len(issuer.asked) == 1


def test_a_token_server_elsewhere_is_verified_before_it_gets_a_password(serve: Serve, pki: pathlib.Path) -> None:
    issuer = serve(always(200, b'{"token": "t"}'), tls(pki))
    realm = f'Bearer realm="https://localhost:{issuer.port}/token"'
    registry = serve(always(401, WWW_Authenticate=realm), tls(pki))
    endpoint = settings(registry.port, scheme="https", skip_verify=True, auth="aHVzaDpodXNo")
    (found,) = probe(endpoint)
    assert (kind(found["token"]), issuer.asked) == ("certificate", [])
    (found,) = probe(endpoint._replace(ca=(str(pki / "a.pem"),)))
    assert (kind(found["token"]), len(issuer.asked)) == (None, 1)


def test_another_name(serve: Serve, pki: pathlib.Path) -> None:
    registry = serve(everything, tls(pki))
    host = f"127.0.0.1:{registry.port}"
    (found,) = probe(settings(1, host=host, scheme="https", ca=(str(pki / "a.pem"),)))
    assert found["trouble"]["verify_code"] in (62, 64)


def test_a_client_certificate(serve: Serve, pki: pathlib.Path) -> None:
    registry = serve(everything, tls(pki, clients=True))
    bare = settings(registry.port, scheme="https", ca=(str(pki / "a.pem"),))
    right = bare._replace(client=((str(pki / "b.pem"), str(pki / "b-key.pem")),))
    wrong = bare._replace(client=((str(pki / "a.pem"), str(pki / "a-key.pem")),))
    # Which alert it is, and whether it arrives before the connection goes, is OpenSSL's affair.
    refused = ("client_refused", "tls_failed", "connection_lost")
    none, good, other = probe(bare, right, wrong)
    assert kind(none) in refused
    assert kind(good) is None
    assert kind(other) in refused


def test_plain_http_behind_https(serve: Serve) -> None:
    registry = serve(everything)
    assert kind(probe(settings(registry.port, scheme="https"))[0]) == "http_on_https_port"


def test_tls_first_falls_back_to_what_is_spoken(serve: Serve, pki: pathlib.Path) -> None:
    first, second = serve(everything), serve(everything, tls(pki))
    for registry in (first, second):
        (found,) = probe(settings(registry.port, tls_first=True, skip_verify=True))
        assert (kind(found), found["manifest"]["status"]) == (None, 200)


def test_files(pki: pathlib.Path) -> None:
    text = pki / "text.pem"
    text.write_text("hush-hush")
    a, key, other = (str(pki / name) for name in ("a.pem", "a-key.pem", "b-key.pem"))
    cases: t.Dict[str, t.Dict[str, t.Any]] = {
        "ca_missing": {"ca": (str(pki / "gone.pem"),)},
        "ca_not_pem": {"ca": (str(text),)},
        "client_missing": {"client": ((a, str(pki / "gone.pem")),)},
        "client_not_pem": {"client": ((str(text), key),)},
        "client_no_key": {"client": ((a, a),)},
        "client_mismatch": {"client": ((a, other),)},
    }
    found = probe(*(settings(1, scheme="https", **more) for more in cases.values()))
    assert [kind(each) for each in found] == list(cases)
    assert "hush" not in json.dumps(found)


# --- proxies


def test_a_proxy_is_asked_with_its_own_password(serve: Serve) -> None:
    proxy = serve(everything)
    environment = {"HTTP_PROXY": f"http://u:hush@localhost:{proxy.port}"}
    (found,) = probe(settings(1, host="registry.invalid:5000"), **environment)
    assert found["manifest"]["status"] == 200
    path, headers = proxy.asked[0]
    assert (path, headers["Host"]) == ("http://registry.invalid:5000/v2/", "registry.invalid:5000")
    assert headers["Proxy-Authorization"] == "Basic dTpodXNo"
    assert found["proxy"] == f"http://***@localhost:{proxy.port}"
    assert "hush" not in json.dumps(found)


@pytest.mark.parametrize(("status", "expected"), [(407, "proxy_auth"), (403, "proxy_refused"), (503, "proxy_refused")])
def test_a_proxy_that_refuses(serve: Serve, status: int, expected: str) -> None:
    proxy = serve(always(status))
    environment = {"HTTPS_PROXY": f"localhost:{proxy.port}"}
    (found,) = probe(settings(1, host="registry.invalid", scheme="https"), **environment)
    assert found["trouble"] == {"kind": expected, "text": "", "status": status, "direct": False}


def test_a_proxy_in_the_way(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, registry = serve(always(503)), serve(everything)
    # What is on this machine needs no proxy, so the registry goes by another name for it.
    known = socket.getaddrinfo
    monkeypatch.setattr(
        _probe.socket,
        "getaddrinfo",
        lambda name, *more, **rest: known("localhost" if name == "registry.test" else name, *more, **rest),
    )
    environment = {"https_proxy": f"http://localhost:{proxy.port}"}
    (found,) = probe(settings(1, host=f"registry.test:{registry.port}", scheme="https"), **environment)
    assert found["trouble"]["direct"] is True


def test_a_proxy_that_is_not_there() -> None:
    environment = {"HTTPS_PROXY": f"http://localhost:{free_port()}"}
    (found,) = probe(settings(1, host="registry.invalid", scheme="https"), **environment)
    assert (kind(found), found["trouble"]["text"]) == ("proxy_unreachable", "connection_refused")


def test_a_proxy_of_another_kind() -> None:
    (found,) = probe(settings(1, host="registry.invalid"), HTTP_PROXY="socks5://localhost:1")
    assert (kind(found), found["trouble"]["text"]) == ("proxy_not_asked", "socks5")


@pytest.mark.parametrize(
    ("no_proxy", "host", "excluded"),
    [
        ("", "registry.example.com", False),
        ("*", "registry.example.com", True),
        ("example.com", "registry.example.com", True),
        ("example.com", "example.com", True),
        ("example.com", "notexample.com", False),
        (".example.com", "registry.example.com:5000", True),
        (".example.com", "example.com", False),
        ("*.example.com", "registry.example.com", True),
        ("a, registry.example.com:5000", "registry.example.com:5000", True),
        ("registry.example.com:5001", "registry.example.com:5000", False),
        ("registry.example.com:443", "registry.example.com", True),
        ("192.0.2.0/24", "192.0.2.9:5000", True),
        ("192.0.2.0/24", "registry.example.com", False),
        ("192.0.2.9", "192.0.2.9", True),
        ("192.0.2.9", "192.0.2.90", False),
        ("fd00::/8", "[fd00::1]:5000", True),
        ("nonsense/99", "192.0.2.9", False),
        ("REGISTRY.example.com", "registry.EXAMPLE.com", True),
        ("", "localhost:5000", True),
        ("", "127.0.0.2", True),
        ("", "[::1]:5000", True),
    ],
)
def test_no_proxy_as_go_reads_it(no_proxy: str, host: str, excluded: bool) -> None:
    assert _probe.is_excluded("https", host, {"NO_PROXY": no_proxy}) is excluded


def test_the_environment_of_a_process() -> None:
    with subprocess.Popen(
        ["sleep", "9"], env={"HTTPS_PROXY": "http://p", "no_proxy": "x", "SECRET": "hush", "PATH": "/usr/bin:/bin"}
    ) as process:
        deadline = time.monotonic() + 2
        # For a moment after the fork it is still that of this process.
        while _probe.environment_of(process.pid) != {"HTTPS_PROXY": "http://p", "no_proxy": "x"}:
            assert time.monotonic() < deadline
        process.kill()
    assert _probe.environment_of(2**22 + 1) == {}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:hush@h/p?sig=hush", "https://***@h/p"),
        ("https://h/p@1", "https://h/p@1"),
        ("http://u@h", "http://***@h"),
    ],
)
def test_urls_without_what_is_secret(url: str, shown: str) -> None:
    assert _probe.without_credentials(url) == shown
