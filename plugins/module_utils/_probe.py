# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks registries for an image as containerd would, step by step, and tells how far each of them let it come.

Private to this collection. Runs on node Pythons (3.8 and later), standard library only. It reads and asks, and judges
nothing: certificates go to the controller as they came. No header, token or password is in what it returns.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import errno
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
import typing as t
import urllib.parse

Found = t.Dict[str, t.Any]
Headers = t.Dict[str, str]
Environment = t.Mapping[str, str]
Pair = t.Tuple[str, str]

# Packets that are dropped must not use up the time that the steps after them need.
CONNECT_SECONDS = 4.0
_MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "*/*",
    )
)
_AGENT = "airgap.nodes"
_MAX_BODY = 1 << 20
_MAX_TAGS = 200
_MAX_CERTIFICATES = 20
_MAX_TEXT = 200
# Where Go, and so containerd, looks for the CAs of the system; the first file that is there counts, all directories do.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PEM_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PEM_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
# A CA of the pool is trusted even if it is not a root, as Go has it.
_PARTIAL_CHAIN = 0x80000
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_HOPS = 4


class Trouble(Exception):
    """Where it ended, and why."""

    def __init__(self, kind: str, text: str = "", **more: t.Any) -> None:
        super().__init__(kind)
        self.found: Found = {"kind": kind, "text": shorten(text), **more}


class Settings(t.NamedTuple):
    """What containerd knows about one endpoint. ``path`` is that of its API; ``ns`` is the registry of the image."""

    scheme: str
    host: str
    path: str
    repository: str
    reference: str
    ns: str = ""
    ca: t.Tuple[str, ...] = ()
    client: t.Tuple[Pair, ...] = ()
    skip_verify: bool = False
    tls_first: bool = False
    header: t.Tuple[Pair, ...] = ()
    # What an authorization server is sent: the headers too, and user:password in base64.
    header_to_token: bool = False
    auth: str = ""


def shorten(text: str) -> str:
    text = " ".join(str(text).split())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 4].rstrip() + " ..."


def without_credentials(url: str) -> str:
    """A URL without user and password, and without its query, which may be signed."""
    return re.sub(r"//[^/@\s]*@", "//***@", url.split("?", 1)[0])


# ---- the proxy, as Go finds it ----


def proxy_for(scheme: str, host: str, environment: Environment) -> str:
    """The proxy that containerd asks for a host[:port]; empty if it goes there directly."""
    names = ("HTTPS_PROXY", "https_proxy") if scheme == "https" else ("HTTP_PROXY", "http_proxy")
    proxy = next((environment[name] for name in names if environment.get(name)), "")
    if not proxy or is_excluded(scheme, host, environment):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def is_excluded(scheme: str, host: str, environment: Environment) -> bool:
    """Whether NO_PROXY, or being on this very machine, keeps a host from the proxy."""
    name, port = split_host(host, scheme)
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = next((environment[key] for key in ("NO_PROXY", "no_proxy") if environment.get(key)), "")
    return any(_excludes(entry.strip().lower(), name.lower(), port, address) for entry in entries.split(","))


def _excludes(entry: str, name: str, port: int, address: t.Any) -> bool:
    if not entry or entry == "*":
        return entry == "*"
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    only, only_port = split_host(entry, "")
    if only_port and only_port != port:
        return False
    if _address(only) is not None:
        return bool(_address(only) == address)
    only = only[1:] if only.startswith("*.") else only
    return name.endswith(only) if only.startswith(".") else name == only or name.endswith(f".{only}")


def _address(name: str) -> t.Any:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def split_host(host: str, scheme: str) -> t.Tuple[str, int]:
    """Name and port; without a port the scheme's, without a scheme 0."""
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d*))?|([^:]*)(?::(\d*))?", host)
    if not found:
        return host, 0
    name, port = found.group(1) or found.group(3) or "", found.group(2) or found.group(4)
    return name, int(port) if port else {"https": 443, "http": 80}.get(scheme, 0)


# ---- files ----


def read_ca(path: str) -> t.List[bytes]:
    """The certificates of a file, as DER. What is no certificate in it is passed over, as containerd does."""
    found = []
    for block in _PEM_CERTIFICATE.findall(_read(path, "ca")):
        try:
            found.append(ssl.PEM_cert_to_DER_cert(block.decode("ascii")))
        except ValueError:
            continue
    if not found:
        raise Trouble("ca_not_pem", path=path)
    return found


def _read(path: str, use: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_BODY)
    except OSError as error:
        raise Trouble(f"{use}_missing", error.strerror or str(error), path=path) from None


def _load_client(context: ssl.SSLContext, certificate: str, key: str) -> None:
    if not _PEM_CERTIFICATE.search(_read(certificate, "client")):
        raise Trouble("client_not_pem", path=certificate)
    if not _PEM_KEY.search(_read(key, "client")):
        raise Trouble("client_no_key", path=key)
    try:
        # Without a password of its own, OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
        raise Trouble("client_mismatch" if mismatch else "client_not_pem", str(error), path=key) from None


# ---- TLS ----


def tls_context(settings: Settings, environment: Environment, *, verify: bool) -> ssl.SSLContext:
    """What containerd would have: the CAs of the entry beside those of the system, TLS 1.2 and newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    # A distribution may ask OpenSSL for stronger keys than Go wants.
    context.set_ciphers("DEFAULT:@SECLEVEL=1")
    if hasattr(context, "hostname_checks_common_name"):
        with contextlib.suppress(AttributeError):
            context.hostname_checks_common_name = False
    _load_system(context, environment)
    for path in settings.ca:
        for certificate in read_ca(path):
            try:
                context.load_verify_locations(cadata=certificate)
            except ssl.SSLError:
                continue
    for pair in settings.client:
        _load_client(context, *pair)
    return context


def _load_system(context: ssl.SSLContext, environment: Environment) -> None:
    files = [environment["SSL_CERT_FILE"]] if environment.get("SSL_CERT_FILE") else _SYSTEM_FILES
    file = next(filter(os.path.isfile, files), None)
    try:
        if file:
            context.load_verify_locations(cafile=file)
        elif not environment.get("SSL_CERT_FILE"):
            context.load_default_certs()
        for directory in filter(os.path.isdir, environment.get("SSL_CERT_DIR", "").split(os.pathsep)):
            context.load_verify_locations(capath=directory)
    except OSError:
        # An empty store is one that trusts nobody.
        return


_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
_CLIENT_REFUSED = re.compile(r"ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)")
_OLD_TLS = re.compile(r"ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW")


def tls_trouble(error: Exception) -> Trouble:
    """A failed handshake, or what the other side says of it later."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble("certificate", error.verify_message, verify_code=error.verify_code)
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "EOF" in reason:
        return Trouble("connection_lost", "closed during the TLS handshake")
    if reason in _NOT_TLS:
        return Trouble("not_tls", reason)
    if _CLIENT_REFUSED.search(reason):
        return Trouble("client_refused", _in_words(reason))
    if _OLD_TLS.search(reason):
        return Trouble("tls_version", _in_words(reason))
    return Trouble("tls_failed", _in_words(reason) or str(error))


def _in_words(reason: str) -> str:
    """OpenSSL's reason; the version in it is that of the alert's name, and not the one that is spoken."""
    return re.sub(r"^(?:SSL|TLS)V\d+_(?:ALERT_)?", "", reason).replace("_", " ").lower()


def net_trouble(error: OSError, doing: str) -> Trouble:
    if isinstance(error, ssl.SSLError):
        return tls_trouble(error)
    if isinstance(error, socket.timeout):
        return Trouble("no_answer" if doing != "connect" else "connect_timeout")
    if error.errno == errno.ECONNREFUSED:
        return Trouble("connection_refused")
    if error.errno in _UNREACHABLE:
        return Trouble("network_unreachable", error.strerror or "")
    if error.errno == errno.ETIMEDOUT:
        return Trouble("connect_timeout")
    return Trouble("connection_lost", error.strerror or str(error))


def chain_of(wrapped: ssl.SSLSocket) -> t.List[str]:
    """What the server sent, leaf first, in base64; only the leaf where Python tells no more."""
    ders: t.List[bytes] = []
    for owner in (wrapped, getattr(wrapped, "_sslobj", None)):
        if hasattr(owner, "get_unverified_chain"):
            sent = t.cast(t.Any, owner).get_unverified_chain() or []
            ders = [each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in sent]
            break
    leaf = wrapped.getpeercert(binary_form=True)
    ders = ders or ([leaf] if leaf else [])
    return [base64.b64encode(der).decode() for der in ders[:_MAX_CERTIFICATES]]


# ---- one connection ----


class Answer(t.NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def errors(self) -> t.List[str]:
        """The codes of the registry's own form of errors."""
        try:
            listed = json.loads(self.body.decode("utf-8"))["errors"]
            return [str(each["code"])[:60] for each in listed if isinstance(each, dict) and "code" in each][:5]
        except (ValueError, KeyError, TypeError):
            return []

    @property
    def json(self) -> t.Any:
        try:
            return json.loads(self.body.decode("utf-8"))
        except ValueError:
            return None


class Line:
    """A way to one host: by its proxy or directly, with TLS or without. It notes how far it comes in ``found``."""

    def __init__(
        self,
        scheme: str,
        host: str,
        settings: Settings,
        *,
        environment: Environment,
        deadline: float,
        found: Found,
    ) -> None:
        self.scheme, self.host = scheme, host
        self.settings, self.environment, self.deadline, self.found = settings, environment, deadline, found
        self.proxy = proxy_for(scheme, host, environment)
        found["proxy"] = without_credentials(self.proxy)

    def left(self, most: float = 3600.0) -> float:
        seconds = min(most, self.deadline - time.monotonic())
        if seconds <= 0:
            raise Trouble("out_of_time")
        return seconds

    # TCP

    def dial(self) -> socket.socket:
        if not self.proxy:
            return self._dial(*split_host(self.host, self.scheme))
        parts = urllib.parse.urlsplit(self.proxy)
        if parts.scheme != "http" or not parts.hostname:
            raise Trouble("proxy_not_asked", parts.scheme)
        try:
            opened = self._dial(parts.hostname, parts.port or 80)
        except Trouble as trouble:
            raise Trouble("proxy_unreachable", trouble.found["kind"], **self.directly()) from None
        if self.scheme == "https":
            self._tunnel(opened)
        return opened

    def _dial(self, name: str, port: int) -> socket.socket:
        self.found["step"] = "dns"
        try:
            addresses = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            again = getattr(error, "errno", None) == socket.EAI_AGAIN
            text = getattr(error, "strerror", None) or str(error)
            raise Trouble("name_no_answer" if again else "name_not_found", text, host=name) from None
        self.found["step"] = "tcp"
        trouble = Trouble("name_not_found", host=name)
        for family, kind, protocol, _name, address in addresses:
            self.found["address"] = str(address[0])
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(self.left(CONNECT_SECONDS))
                opened.connect(address)
                return opened
            except OSError as error:
                opened.close()
                trouble = net_trouble(error, "connect")
        raise trouble

    def directly(self) -> Found:
        """Whether the host could be reached without the proxy."""
        try:
            straight = Line(self.scheme, self.host, self.settings, environment={}, deadline=self.deadline, found={})
            straight.dial().close()
            return {"direct": True}
        except (Trouble, OSError):
            return {"direct": False}

    def _proxy_headers(self) -> Headers:
        parts = urllib.parse.urlsplit(self.proxy)
        if parts.username is None:
            return {}
        user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        return {"Proxy-Authorization": "Basic " + base64.b64encode(user.encode()).decode()}

    def _tunnel(self, opened: socket.socket) -> None:
        self.found["step"] = "proxy"
        name, port = split_host(self.host, self.scheme)
        target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        lines += [f"{key}: {value}" for key, value in self._proxy_headers().items()]
        try:
            opened.settimeout(self.left())
            opened.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            answer = _read_head(opened)
        except OSError as error:
            raise Trouble("proxy_unreachable", net_trouble(error, "read").found["kind"], **self.directly()) from None
        status = re.match(rb"HTTP/1\.\d (\d{3})", answer)
        code = int(status.group(1)) if status else 0
        if not 200 <= code < 300:
            raise Trouble("proxy_auth" if code == 407 else "proxy_refused", status=code, **self.directly())

    # TLS

    def open(self) -> socket.socket:
        # Files first, for containerd reads them first, and fails over them whoever is asked.
        context = None if self.scheme != "https" else self._context(verify=not self.settings.skip_verify)
        opened = self.dial()
        if context is None:
            return opened
        self.found["step"] = "tls"
        try:
            opened.settimeout(self.left())
            name = split_host(self.host, self.scheme)[0]
            wrapped = context.wrap_socket(opened, server_hostname=name)
        except (OSError, ValueError) as error:
            opened.close()
            trouble = net_trouble(error, "read") if isinstance(error, OSError) else Trouble("tls_failed", str(error))
            raise self._looked_into(trouble) from None
        self.found["tls"] = {"version": wrapped.version() or "", "chain": chain_of(wrapped)}
        return wrapped

    def _context(self, *, verify: bool) -> ssl.SSLContext:
        self.found["step"] = "files"
        return tls_context(self.settings, self.environment, verify=verify)

    def _looked_into(self, trouble: Trouble) -> Trouble:
        """With the certificate that was refused, or what the port speaks instead of TLS."""
        kind = trouble.found["kind"]
        try:
            if kind == "certificate":
                self.found["tls"] = self._shown()
            elif kind in ("not_tls", "connection_lost", "tls_failed") and self._speaks_http():
                return Trouble("http_on_https_port")
        except (Trouble, OSError, ValueError):
            pass
        return Trouble("tls_failed", trouble.found["text"]) if kind == "not_tls" else trouble

    def _shown(self) -> Found:
        # Nothing is sent over it: who cannot be verified gets neither a header nor a certificate of ours.
        bare = self.settings._replace(ca=(), client=())
        opened = self.dial()
        self.found["step"] = "tls"
        opened.settimeout(self.left())
        context = tls_context(bare, {}, verify=False)
        with context.wrap_socket(opened, server_hostname=split_host(self.host, self.scheme)[0]) as wrapped:
            return {"version": wrapped.version() or "", "chain": chain_of(wrapped)}

    def _speaks_http(self) -> bool:
        with self.dial() as opened:
            opened.settimeout(self.left(2.0))
            opened.sendall(f"GET / HTTP/1.0\r\nHost: {self.host}\r\n\r\n".encode("latin-1"))
            return _read_head(opened).startswith(b"HTTP/")

    # HTTP

    def get(self, path: str, headers: Headers, *, with_body: bool = True) -> Answer:
        """:raises Trouble: there is no answer."""
        self.found["step"] = "http"
        connection = http.client.HTTPConnection(self.host)
        via_proxy = bool(self.proxy) and self.scheme == "http"
        sent = {"User-Agent": _AGENT, "Connection": "close", **headers, **(self._proxy_headers() if via_proxy else {})}
        connection.sock = self.open()
        try:
            self.found["step"] = "http"
            connection.sock.settimeout(self.left())
            connection.request("GET", f"http://{self.host}{path}" if via_proxy else path, headers=sent)
            answer = connection.getresponse()
            body = answer.read(_MAX_BODY) if with_body else b""
        except http.client.HTTPException as error:
            lost = isinstance(error, http.client.RemoteDisconnected)
            raise Trouble("connection_lost" if lost else "not_http", type(error).__name__) from None
        except OSError as error:
            raise net_trouble(error, "read") from None
        finally:
            connection.close()
        if via_proxy and answer.status == 407:
            raise Trouble("proxy_auth", status=407, **self.directly())
        if via_proxy and answer.headers.get("Via") is None and answer.status in (502, 503, 504):
            raise Trouble("proxy_refused", status=answer.status, **self.directly())
        return Answer(answer.status, answer.headers, body)


def _read_head(opened: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        more = opened.recv(4096)
        if not more:
            break
        head += more
    return head


# ---- one endpoint ----


class Probe:
    """Asks one endpoint for one image. ``found`` is what is known at any time, also when time is up."""

    def __init__(self, settings: Settings, environment: Environment, deadline: float) -> None:
        self.settings, self.environment, self.deadline = settings, environment, deadline
        self.found: Found = {"step": "files", "trouble": None}
        self.began = time.monotonic()

    def run(self) -> None:
        try:
            self._note_ca()
            self._ask(self._reach())
        except Trouble as trouble:
            self.found["trouble"] = trouble.found
        except Exception as error:  # noqa: BLE001 (one endpoint must not take away what is known of the others)
            self.found["trouble"] = {"kind": "not_probed", "text": f"{type(error).__name__}: {shorten(str(error))}"}
        self.found["seconds"] = round(time.monotonic() - self.began, 2)
        self.found["finished"] = True

    def _note_ca(self) -> None:
        certificates = [certificate for path in self.settings.ca for certificate in read_ca(path)]
        self.found["ca"] = [base64.b64encode(each).decode() for each in certificates[:_MAX_CERTIFICATES]]

    def _line(self, scheme: str, host: str, found: Found) -> Line:
        return Line(scheme, host, self.settings, environment=self.environment, deadline=self.deadline, found=found)

    def _headers(self) -> Headers:
        return dict(self.settings.header)

    def _reach(self) -> Line:
        """The line by which the API answers; where containerd tries TLS first, by which of the two."""
        host = self.settings.host
        if self.settings.scheme == "http" and not self.settings.tls_first:
            return self._with_api(self._line("http", host, self.found))
        try:
            return self._with_api(self._line("https", host, self.found))
        except Trouble as trouble:
            if self.settings.scheme == "http" and trouble.found["kind"] == "http_on_https_port":
                return self._with_api(self._line("http", host, self.found))
            raise

    def _with_api(self, line: Line) -> Line:
        path = self.settings.path
        before, api, _after = f"{path}/".partition("/v2/")
        root = f"{before}{api}" if api else f"{path}/"
        answer = line.get(root, self._headers())
        self.found["api"] = {"path": root, **_told(answer)}
        return line

    def _ask(self, line: Line) -> None:
        path = self._path("manifests", self.settings.reference)
        headers = {**self._headers(), "Accept": _MANIFESTS}
        answer = line.get(path, headers)
        if answer.status == 401:
            self.found["manifest"] = _told(answer)
            headers = {**headers, **self._authorization(answer)}
            if headers.get("Authorization") != self._headers().get("Authorization"):
                answer = line.get(path, headers)
        answer = self._redirected(answer, "manifest")
        self.found["manifest"] = _told(answer)
        if answer.status == 404:
            self.found["tags"] = self._tags(line, headers)
        elif answer.status == 200:
            self._blob(line, headers, answer)

    def _path(self, kind: str, name: str) -> str:
        ns = f"?ns={urllib.parse.quote(self.settings.ns, safe='')}" if self.settings.ns else ""
        return f"{self.settings.path}/{self.settings.repository}/{kind}/{urllib.parse.quote(name, safe=':')}{ns}"

    def _tags(self, line: Line, headers: Headers) -> Found:
        answer = line.get(self._path("tags", "list"), headers)
        listed = answer.json.get("tags") if isinstance(answer.json, dict) else None
        tags = [str(tag)[:128] for tag in listed or () if isinstance(tag, str)]
        return {**_told(answer), "tags": tags[-_MAX_TAGS:]}

    # authorization

    def _authorization(self, answer: Answer) -> Headers:
        challenges = ", ".join(answer.headers.get_all("WWW-Authenticate") or ())
        bearer = re.search(r"\bBearer\s+(.*)", challenges, re.IGNORECASE | re.DOTALL)
        self.found["challenge"] = "bearer" if bearer else "basic" if re.search(r"\bBasic\b", challenges, re.I) else ""
        if not bearer:
            return {"Authorization": f"Basic {self.settings.auth}"} if self.settings.auth else {}
        told = dict(re.findall(r'(\w+)="([^"]*)"', bearer.group(1)))
        token = self._token(told)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _token(self, told: t.Mapping[str, str]) -> str:
        realm = urllib.parse.urlsplit(told.get("realm", ""))
        service: Found = {"realm": without_credentials(told.get("realm", "")), "trouble": None}
        self.found["token"] = service
        if realm.scheme not in ("http", "https") or not realm.netloc:
            service["trouble"] = {"kind": "no_realm", "text": ""}
            return ""
        scope = told.get("scope") or f"repository:{self.settings.repository}:pull"
        query = urllib.parse.urlencode({"service": told.get("service", ""), "scope": scope})
        own = {key: value for key, value in self._headers().items() if self.settings.header_to_token}
        headers = {**own, **({"Authorization": f"Basic {self.settings.auth}"} if self.settings.auth else {})}
        joined = "&".join(filter(None, (realm.query, query)))
        try:
            line = self._line_to_issuer(realm.scheme, realm.netloc.rpartition("@")[2], service, secret=bool(headers))
            answer = line.get(f"{realm.path}?{joined}", headers)
        except Trouble as trouble:
            service["trouble"] = trouble.found
            return ""
        service.update(_told(answer))
        given = answer.json if isinstance(answer.json, dict) else {}
        return str(given.get("token") or given.get("access_token") or "")

    def _line_to_issuer(self, scheme: str, host: str, service: Found, *, secret: bool) -> Line:
        """What is meant for an endpoint with TLS goes nowhere in clear, and to no other host that is not verified.

        containerd itself would send it: a probe that is to help must not do so once more.
        """
        line = self._line(scheme, host, service)
        if not secret or self.settings.scheme != "https":
            return line
        if scheme == "http":
            raise Trouble("realm_in_clear")
        if self.settings.skip_verify and host != self.settings.host:
            line.settings = self.settings._replace(skip_verify=False)
        return line

    # blobs

    def _redirected(self, answer: Answer, kind: str) -> Answer:
        """What stands where the registry sends us; nothing of ours goes along to another host."""
        for _hop in range(_MAX_HOPS):
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not location:
                break
            own = f"{self.settings.scheme}://{self.settings.host}"
            answer = self._at_store(urllib.parse.urljoin(own, location), kind)
        return answer

    def _at_store(self, url: str, kind: str) -> Answer:
        parts = urllib.parse.urlsplit(url)
        store: Found = {"of": kind, "url": without_credentials(url), "trouble": None}
        self.found["redirect"] = store
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        try:
            line = self._line(parts.scheme, parts.netloc.rpartition("@")[2], store)
            answer = line.get(path, {}, with_body=kind == "manifest")
        except Trouble as trouble:
            store["trouble"] = trouble.found
            raise Trouble("redirect_failed") from None
        store.update(_told(answer))
        return answer

    def _blob(self, line: Line, headers: Headers, answer: Answer) -> None:
        """One blob, for some registries serve manifests themselves and leave blobs to a store elsewhere."""
        manifest = answer.json if isinstance(answer.json, dict) else {}
        children = manifest.get("manifests")
        if isinstance(children, list) and children:
            child = line.get(self._path("manifests", str(children[0].get("digest", ""))), headers)
            manifest = child.json if isinstance(child.json, dict) else {}
        described = manifest.get("config")
        digest = described.get("digest") if isinstance(described, dict) else None
        if not isinstance(digest, str):
            return
        blob = line.get(self._path("blobs", digest), headers, with_body=False)
        self.found["blob"] = _told(self._redirected(blob, "blob"))


def _told(answer: Answer) -> Found:
    """What of an answer is of use, and no secret."""
    told: Found = {"status": answer.status, "errors": answer.errors}
    for key, name in (("type", "Content-Type"), ("retry_after", "Retry-After"), ("server", "Server")):
        if answer.headers.get(name):
            told[key] = shorten(answer.headers[name])
    if answer.headers.get("Location"):
        told["location"] = without_credentials(answer.headers["Location"])
    # Go's own words; others, nginx among them, say it their way.
    told["wants_tls"] = answer.status == 400 and bool(re.search(rb"HTTPS? (?:request|port)|HTTPS", answer.body))
    return told


def probe_all(endpoints: t.Sequence[Settings], environment: Environment, seconds: float) -> t.List[Found]:
    """All at once, and no longer than that; who is not done by then is told of as far as it came."""
    deadline = time.monotonic() + seconds
    probes = [Probe(settings, environment, deadline) for settings in endpoints]
    # Daemons: the resolver cannot be interrupted, and the module must not wait for it.
    threads = [threading.Thread(target=probe.run, daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    for thread in threads:
        # A moment more than the sockets have, so that they can say it themselves.
        thread.join(max(0.0, deadline + 0.2 - time.monotonic()))
    return [_so_far(probe, seconds) for probe in probes]


def _so_far(probe: Probe, seconds: float) -> Found:
    found = _copied(probe.found)
    if not found.get("finished"):
        found.update(trouble={"kind": "out_of_time", "text": ""}, seconds=seconds)
    found.pop("finished", None)
    return found


def _copied(found: Found) -> Found:
    while True:
        try:
            return copy.deepcopy(found)
        except RuntimeError:
            # It grew meanwhile: its thread still runs.
            continue


# ---- containerd's environment ----

_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_STORE_NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def environment_of(pid: int) -> t.Dict[str, str]:
    """What of a running containerd's environment decides how it reaches registries."""
    try:
        with open(f"/proc/{pid:d}/environ", "rb") as file:
            pairs = [pair.partition("=") for pair in file.read().decode("utf-8", "replace").split("\0")]
    except OSError:
        return {}
    return {name: value for name, _equals, value in pairs if name in (*_PROXY_NAMES, *_STORE_NAMES)}
