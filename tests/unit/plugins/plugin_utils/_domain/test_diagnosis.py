# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of each failure, in full. The findings have the form in which probes on real nodes return them."""

from __future__ import annotations

import dataclasses
import datetime
import string
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.diagnosis import (
    Certificate,
    Circumstances,
    Diagnosis,
    Probed,
    diagnose,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.diagnosis_texts import ENDPOINTS, OBSTACLES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Image, Obstacle, Route, Step

NOW = datetime.datetime(2026, 11, 21, 14, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
TREE = "/etc/containerd/certs.d"
SOURCE = f"{TREE}/registry.k8s.io/hosts.toml"
IMAGE = Image("registry.k8s.io", "pause", "3.10")
MIRROR = Endpoint("https", "registry.example.com:5000", "/v2")
PLAIN = dataclasses.replace(MIRROR, scheme="http")
UPSTREAM = Endpoint("https", "registry.k8s.io", "/v2")
AROUND = Circumstances(Release.parse("2.3.4"), "containerd.service", NOW, NOW)
OLDER = dataclasses.replace(AROUND, release=Release.parse("1.7.24"))
HEADER = (("Authorization", ("Basic aHVzaDpodXNo",)),)


def certificate(**more: t.Any) -> Certificate:
    known = {
        "subject": "registry.example.com",
        "issuer": "Example CA",
        "names": ("registry.example.com",),
        "start": NOW - 30 * DAY,
        "end": NOW + 30 * DAY,
    }
    return Certificate(**{**known, **more})


GOOD = certificate()
OTHER_CA = certificate(subject="Other CA", issuer="Other CA", names=())


def trouble(kind: str, text: str = "", **more: t.Any) -> dict[str, t.Any]:
    return {"kind": kind, "text": text, **more}


def found(problem: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    """A probe; with a certificate problem it got as far as TLS."""
    return {"step": "http", "address": "192.0.2.10", "proxy": "", "trouble": problem, "seconds": 0.1, **more}


def answered(status: int, *errors: str, api: int = 200, **more: t.Any) -> dict[str, t.Any]:
    manifest = {"status": status, "errors": list(errors), **more.pop("manifest", {})}
    return found(api={"path": "/v2/", "status": api, "errors": []}, manifest=manifest, **more)


def token(status: int = 200, problem: t.Any = None) -> dict[str, t.Any]:
    return {"realm": "https://auth.example.com/token", "trouble": problem, **({} if problem else {"status": status})}


@dataclasses.dataclass(frozen=True)
class Case:
    found: dict[str, t.Any]
    row: str
    advice: str
    endpoint: Endpoint = MIRROR
    chain: tuple[Certificate, ...] = ()
    ca: tuple[Certificate, ...] = ()
    has_credentials: bool = False
    around: Circumstances = AROUND
    image: Image = IMAGE


def run(case: Case) -> Diagnosis:
    step = Step(case.endpoint)
    probed = Probed(step, case.found, case.chain, case.ca, has_credentials=case.has_credentials)
    return diagnose(Route(case.image, (step,), SOURCE), [probed], case.around)


CASES: dict[str, Case] = {
    "name_not_found": Case(
        found(trouble("name_not_found", "Name or service not known", host="registry.example.com"), address=None),
        "the name registry.example.com does not resolve (name or service not known)",
        "This node cannot resolve registry.example.com: correct url in the entry registry.k8s.io of "
        "containerd_registries, or the name in the node's DNS.",
    ),
    "name_no_answer": Case(
        found(
            trouble("name_no_answer", "Temporary failure in name resolution", host="registry.example.com"), address=None
        ),
        "no name server answers for registry.example.com (temporary failure in name resolution)",
        "None of the name servers of this node answers: correct /etc/resolv.conf, or write into url in the entry "
        "registry.k8s.io of containerd_registries a name that /etc/hosts of the node has.",
    ),
    "connection_refused": Case(
        found(trouble("connection_refused")),
        "192.0.2.10; connection refused",
        "Nothing listens at registry.example.com:5000: start the registry, or correct the port of url in the entry "
        "registry.k8s.io of containerd_registries.",
    ),
    "network_unreachable": Case(
        found(trouble("network_unreachable", "No route to host")),
        "192.0.2.10; the network cannot be reached (no route to host)",
        "This node has no route to registry.example.com:5000: correct its routes or firewall, or url in the entry "
        "registry.k8s.io of containerd_registries.",
    ),
    "connect_timeout": Case(
        found(trouble("connect_timeout")),
        "192.0.2.10; no answer to a connection within 4 s",
        "A firewall drops what this node sends to registry.example.com:5000, or that machine is off: open the way, or "
        "name another host as url in the entry registry.k8s.io of containerd_registries.",
    ),
    "no_answer": Case(
        found(trouble("no_answer"), seconds=10.0),
        "192.0.2.10; connected, and no answer within 10 s",
        "The registry at registry.example.com:5000 takes connections and does not answer: see its log, its load and "
        "its storage.",
    ),
    "out_of_time": Case(
        found(trouble("out_of_time"), step="dns", seconds=10, address=None),
        "not done within 10 s (last step: name resolution)",
        "registry.example.com:5000 is too slow to tell: see its log, its load and its storage, and the node's DNS.",
    ),
    "connection_lost": Case(
        found(trouble("connection_lost", "closed during the TLS handshake")),
        "192.0.2.10; it closed the connection without an answer (closed during the TLS handshake)",
        "What listens at registry.example.com:5000 closes connections: see the log of the registry, or of the load "
        "balancer before it.",
    ),
    "not_http": Case(
        found(trouble("not_http", "BadStatusLine")),
        "192.0.2.10; it speaks something else than HTTP (BadStatusLine)",
        "What listens at registry.example.com:5000 is no registry: correct the port of url in the entry "
        "registry.k8s.io of containerd_registries.",
    ),
    "proxy_direct": Case(
        found(trouble("proxy_refused", status=503, direct=True), proxy="http://***@proxy.example.com:3128"),
        "the proxy http://***@proxy.example.com:3128 does not let it through (503), and without it the host can be "
        "reached",
        "A proxy stands between containerd and a host of your own: put registry.example.com into NO_PROXY of the unit "
        "containerd.service, and restart it.",
    ),
    "proxy_auth": Case(
        found(trouble("proxy_auth", status=407, direct=False), proxy="http://proxy.example.com:3128"),
        "the proxy http://proxy.example.com:3128 asks for a user and password (407)",
        "Put user and password into the proxy's URL in the environment of the unit containerd.service, or "
        "registry.example.com into its NO_PROXY; then restart it.",
    ),
    "proxy_refused": Case(
        found(trouble("proxy_refused", status=403, direct=False), proxy="http://proxy.example.com:3128"),
        "the proxy http://proxy.example.com:3128 refuses it (403)",
        "Let the proxy pass registry.example.com:5000, or put registry.example.com into NO_PROXY of the unit "
        "containerd.service and restart it.",
    ),
    "proxy_unreachable": Case(
        found(trouble("proxy_unreachable", "connection_refused", direct=False), proxy="http://proxy.example.com:3128"),
        "the proxy http://proxy.example.com:3128 cannot be reached (connection refused)",
        "Correct the proxy in the environment of the unit containerd.service, or put registry.example.com into its "
        "NO_PROXY; then restart it.",
    ),
    "proxy_not_asked": Case(
        found(trouble("proxy_not_asked", "socks5"), proxy="socks5://proxy.example.com:1080"),
        "goes by a proxy of the kind socks5, which is not probed",
        "See whether the proxy of the unit containerd.service lets registry.example.com:5000 pass, or put "
        "registry.example.com into its NO_PROXY and restart it.",
    ),
    "http_on_https_port": Case(
        found(trouble("http_on_https_port")),
        "192.0.2.10; it speaks plain HTTP, and is asked by HTTPS",
        "Write http://registry.example.com:5000 as url in the entry registry.k8s.io of containerd_registries, or name "
        "the port that speaks TLS.",
    ),
    "https_on_http_port": Case(
        answered(400, api=400, manifest={"wants_tls": True}),
        "192.0.2.10; /v2/ 400; manifest 400; it speaks HTTPS, and is asked by plain HTTP",
        "Write https://registry.example.com:5000 as url in the entry registry.k8s.io of containerd_registries, or "
        "name the port that speaks plain HTTP.",
        endpoint=PLAIN,
    ),
    "ca_unset": Case(
        found(trouble("certificate", "unable to get local issuer certificate", verify_code=20), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21, which no CA of this "
        "node's store has signed; the endpoint has no ca",
        "Set ca of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to the "
        "certificate of Example CA.",
        chain=(GOOD,),
    ),
    "ca_unset, self-signed": Case(
        found(trouble("certificate", "self-signed certificate", verify_code=18), tls={}),
        "192.0.2.10; self-signed certificate of registry.example.com, valid until 2026-12-21, which no CA of this "
        "node's store has signed; the endpoint has no ca",
        "Set ca of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to the "
        "certificate of registry.example.com.",
        chain=(certificate(issuer="registry.example.com"),),
    ),
    "ca_other": Case(
        found(trouble("certificate", "unable to get local issuer certificate", verify_code=20), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21, which neither ca "
        "(Other CA) nor the node's store has signed",
        "ca of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries holds Other "
        "CA, and the certificate is from Example CA: name the certificate of Example CA as ca, or have the registry "
        "send the certificates between the two.",
        endpoint=dataclasses.replace(MIRROR, ca=("/etc/ca.pem",)),
        chain=(GOOD,),
        ca=(OTHER_CA,),
    ),
    "expired": Case(
        found(trouble("certificate", "certificate has expired", verify_code=10), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-11-20: it has expired",
        "Renew the certificate of registry.example.com:5000: it expired on 2026-11-20.",
        chain=(certificate(end=NOW - DAY),),
    ),
    "not_yet_valid": Case(
        found(trouble("certificate", "certificate is not yet valid", verify_code=9), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21: it is not valid "
        "before 2026-11-22",
        "The certificate of registry.example.com:5000 is not valid before 2026-11-22: have it reissued, or wait.",
        chain=(certificate(start=NOW + DAY),),
    ),
    "clock": Case(
        found(trouble("certificate", "certificate is not yet valid", verify_code=9), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21: it is valid from "
        "2026-10-22 to 2026-12-21, and this node's clock says 1999-07-07 14:30 UTC",
        "The clock of this node is wrong, it says 1999-07-07 14:30 UTC, and here it is 2026-11-21 14:30 UTC: set it, "
        "and the certificate of registry.example.com:5000 is valid.",
        chain=(GOOD,),
        around=dataclasses.replace(AROUND, node_time=NOW - 9999 * DAY),
    ),
    "clock, ahead": Case(
        found(trouble("certificate", "certificate has expired", verify_code=10), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21: it is valid from "
        "2026-10-22 to 2026-12-21, and this node's clock says 2027-03-01 14:30 UTC",
        "The clock of this node is wrong, it says 2027-03-01 14:30 UTC, and here it is 2026-11-21 14:30 UTC: set it, "
        "and the certificate of registry.example.com:5000 is valid.",
        chain=(GOOD,),
        around=dataclasses.replace(AROUND, node_time=NOW + 100 * DAY),
    ),
    "wrong_name": Case(
        found(trouble("certificate", "Hostname mismatch", verify_code=62), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21: it is for "
        "a.example.com, 192.0.2.7, not for registry.example.com",
        "Write a name of the certificate (a.example.com, 192.0.2.7) into url in the entry registry.k8s.io of "
        "containerd_registries, or have it reissued for registry.example.com.",
        chain=(certificate(names=("a.example.com", "192.0.2.7")),),
    ),
    "no_names": Case(
        found(trouble("certificate", "Hostname mismatch", verify_code=62), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21: it has no "
        "subjectAltName, and containerd does not look at the common name",
        "Have the certificate of registry.example.com:5000 reissued with registry.example.com as subjectAltName.",
        chain=(certificate(names=()),),
    ),
    "certificate": Case(
        found(trouble("certificate", "unsuitable certificate purpose", verify_code=26), tls={}),
        "192.0.2.10; certificate of registry.example.com from Example CA, valid until 2026-12-21, which is refused "
        "(unsuitable certificate purpose)",
        "Have the certificate of registry.example.com:5000 reissued as a server's, or name another ca of "
        "https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries.",
        chain=(GOOD,),
    ),
    "tls_version": Case(
        found(trouble("tls_version", "protocol version")),
        "192.0.2.10; it offers no version of TLS that containerd accepts (protocol version)",
        "Have registry.example.com:5000 offer TLS 1.2 or newer: containerd accepts nothing older, whatever "
        "skip_verify says.",
    ),
    "tls_failed": Case(
        found(trouble("tls_failed", "handshake failure")),
        "192.0.2.10; the TLS handshake fails (handshake failure)",
        "Compare what registry.example.com:5000 offers with openssl s_client -connect registry.example.com:5000: it "
        "is TLS, and none that containerd takes.",
    ),
    "client_wanted": Case(
        found(trouble("client_refused", "certificate required"), tls={"version": "TLSv1.3"}),
        "192.0.2.10; TLSv1.3, certificate of registry.example.com from Example CA, valid until 2026-12-21; it wants a "
        "client certificate (certificate required), and the endpoint has none",
        "Set client of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to "
        "a certificate and its key, as a list of pairs: [[certificate, key]].",
        chain=(GOOD,),
    ),
    "client_refused": Case(
        found(trouble("client_refused", "unknown ca"), tls={"version": "TLSv1.2"}),
        "192.0.2.10; TLSv1.2, certificate of registry.example.com from Example CA, valid until 2026-12-21; it refuses "
        "the client certificate (unknown ca)",
        "Have registry.example.com:5000 trust the CA of the certificate in client of "
        "https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries, or name another "
        "pair there.",
        chain=(GOOD,),
        endpoint=dataclasses.replace(MIRROR, client=(("/etc/c.pem", "/etc/k.pem"),)),
    ),
    "ca_missing": Case(
        found(trouble("ca_missing", "No such file or directory", path="/etc/ca.pem"), address=None),
        "ca /etc/ca.pem cannot be read (no such file or directory)",
        "Put the CA's certificate to /etc/ca.pem, or correct ca of https://registry.example.com:5000/v2 in the entry "
        "registry.k8s.io of containerd_registries: until then every pull of registry.k8s.io fails, by whichever "
        "endpoint.",
    ),
    "ca_not_pem": Case(
        found(trouble("ca_not_pem", path="/etc/ca.pem"), address=None),
        "ca /etc/ca.pem has no certificate in PEM form",
        "Name a PEM file as ca of https://registry.example.com:5000/v2 in the entry registry.k8s.io of "
        "containerd_registries: until then every pull of registry.k8s.io fails, by whichever endpoint.",
    ),
    "client_missing": Case(
        found(trouble("client_missing", "Permission denied", path="/etc/k.pem"), address=None),
        "client /etc/k.pem cannot be read (permission denied)",
        "Put certificate and key where client of https://registry.example.com:5000/v2 in the entry registry.k8s.io of "
        "containerd_registries names them, or correct it: until then every pull of registry.k8s.io fails, by "
        "whichever endpoint.",
    ),
    "client_not_pem": Case(
        found(trouble("client_not_pem", path="/etc/k.pem"), address=None),
        "client /etc/k.pem is no certificate or key that can be used",
        "Name a certificate and an unencrypted key, both PEM, as client of https://registry.example.com:5000/v2 in "
        "the entry registry.k8s.io of containerd_registries.",
    ),
    "client_no_key": Case(
        found(trouble("client_no_key", path="/etc/k.pem"), address=None),
        "client /etc/k.pem has no private key in it",
        "Write client of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries "
        "as a list of pairs: [[certificate, key]].",
    ),
    "client_mismatch": Case(
        found(trouble("client_mismatch", path="/etc/k.pem"), address=None),
        "client: /etc/k.pem is not the key of the certificate",
        "Name the key that belongs to the certificate in client of https://registry.example.com:5000/v2 in the entry "
        "registry.k8s.io of containerd_registries.",
    ),
    "credentials_unset": Case(
        answered(401, "UNAUTHORIZED", api=401),
        "192.0.2.10; /v2/ 401; manifest 401 UNAUTHORIZED; it asks for a user and password, and the endpoint has none",
        "Set auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to "
        "user and password.",
    ),
    "credentials_refused": Case(
        answered(401, "UNAUTHORIZED", api=401),
        "192.0.2.10; /v2/ 401; manifest 401 UNAUTHORIZED; it refuses the credentials",
        "Correct auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries: "
        "registry.example.com:5000 does not know that user and password, or does not let that user pull pause.",
        has_credentials=True,
    ),
    "credentials_refused, header": Case(
        answered(401, "UNAUTHORIZED", api=401),
        "192.0.2.10; /v2/ 401; manifest 401 UNAUTHORIZED; it refuses the credentials",
        "Correct auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries: "
        "registry.example.com:5000 does not know that user and password, or does not let that user pull pause.",
        endpoint=dataclasses.replace(MIRROR, header=HEADER),
    ),
    "credentials_of_pull": Case(
        answered(401, "UNAUTHORIZED", api=401),
        "192.0.2.10; /v2/ 401; manifest 401 UNAUTHORIZED; it refuses the credentials that came with the pull",
        "Correct the credentials of this pull, or leave them out: containerd offers them to every endpoint in place of "
        "its own, and registry.example.com:5000 does not know them, or does not let that user pull pause.",
        has_credentials=True,
        around=dataclasses.replace(AROUND, has_credentials=True),
    ),
    "token_unreachable": Case(
        answered(401, api=401, token=token(problem=trouble("certificate", "unable to get local issuer certificate"))),
        "192.0.2.10; /v2/ 401; manifest 401; it sends to the token server https://auth.example.com/token, and there: "
        "certificate (unable to get local issuer certificate)",
        "This node has to reach the token server https://auth.example.com/token as well, with the ca of "
        "https://registry.example.com:5000/v2: see to that, or correct the realm that the registry names.",
    ),
    "realm_in_clear": Case(
        answered(
            401, api=401, token={**token(problem=trouble("realm_in_clear")), "realm": "http://auth.example.com/t"}
        ),
        "192.0.2.10; /v2/ 401; manifest 401; it sends to the token server http://auth.example.com/t, which has no TLS; "
        "the credentials were not sent there to find out more",
        "Let registry.example.com:5000 name a token server with https: containerd sends the credentials of "
        "https://registry.example.com:5000/v2 to http://auth.example.com/t in clear, for everybody on the way to read. "
        "Take them for known, and change them.",
        has_credentials=True,
    ),
    "realm_not_verified": Case(
        answered(401, api=401, token=token(problem=trouble("certificate", "self-signed certificate"))),
        "192.0.2.10; /v2/ 401; manifest 401; it sends to the token server https://auth.example.com/token, on another "
        "host, whose certificate cannot be verified (self-signed certificate); the credentials were not "
        "sent there to find out more",
        "Leave skip_verify of https://registry.example.com:5000/v2 in the entry registry.k8s.io of "
        "containerd_registries out and set ca: with skip_verify, containerd sends the credentials to whoever answers "
        "as https://auth.example.com/token.",
        endpoint=dataclasses.replace(MIRROR, skip_verify=True),
        has_credentials=True,
    ),
    "token_refused": Case(
        answered(401, api=401, token=token(401)),
        "192.0.2.10; /v2/ 401; token 401; manifest 401; its token server https://auth.example.com/token refuses the "
        "credentials (401)",
        "Correct auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries: "
        "the token server https://auth.example.com/token does not know that user and password.",
        has_credentials=True,
    ),
    "token_failed": Case(
        answered(401, api=401, token=token(500)),
        "192.0.2.10; /v2/ 401; token 500; manifest 401; its token server https://auth.example.com/token gives no "
        "token (500)",
        "See the log of the token server https://auth.example.com/token: without its tokens registry.example.com:5000 "
        "lets nobody pull.",
    ),
    "token_unset": Case(
        answered(401, "UNAUTHORIZED", api=401, token=token()),
        "192.0.2.10; /v2/ 401; token 200; manifest 401 UNAUTHORIZED; its token server gives everybody a token that "
        "does not allow pause, and the endpoint has no credentials",
        "Set auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to a "
        "user that may pull pause.",
    ),
    "token_not_enough": Case(
        answered(401, "UNAUTHORIZED", api=401, token=token()),
        "192.0.2.10; /v2/ 401; token 200; manifest 401 UNAUTHORIZED; the token for these credentials does not allow "
        "pause (401)",
        "Let the user in auth of https://registry.example.com:5000/v2 pull pause, or correct the repository's path in "
        "url in the entry registry.k8s.io of containerd_registries.",
        has_credentials=True,
    ),
    "header_unsent": Case(
        answered(401, "UNAUTHORIZED", api=401, token=token()),
        "192.0.2.10; /v2/ 401; token 200; manifest 401 UNAUTHORIZED; it wants a token, and containerd 1.7.24 does not "
        "send headers to token servers",
        "Give user and password as auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of "
        "containerd_registries and leave header out: for containerd 1.7.24 they then go into config.toml.",
        endpoint=dataclasses.replace(MIRROR, header=HEADER),
        around=OLDER,
    ),
    "forbidden": Case(
        answered(403, "DENIED"),
        "192.0.2.10; /v2/ 200; manifest 403 DENIED; it forbids pause",
        "Let the user of https://registry.example.com:5000/v2 pull pause, or correct the repository's path in url in "
        "the entry registry.k8s.io of containerd_registries.",
    ),
    "path_doubled": Case(
        answered(404, api=404),
        "192.0.2.10; /v2/ 404; manifest 404; nothing at /v2/k8s/v2: containerd added /v2 to a path that has one",
        "Set override_path: true for https://registry.example.com:5000/v2/k8s/v2 in the entry registry.k8s.io of "
        "containerd_registries: containerd adds /v2 to its url.",
        endpoint=dataclasses.replace(MIRROR, path="/v2/k8s/v2"),
    ),
    "path_overridden": Case(
        answered(404, api=404),
        "192.0.2.10; /v2/ 404; manifest 404; nothing at /k8s: the path has no /v2, and override_path keeps containerd "
        "from adding it",
        "Write the whole path with /v2 into url in the entry registry.k8s.io of containerd_registries, or leave "
        "override_path out.",
        endpoint=dataclasses.replace(MIRROR, path="/k8s"),
    ),
    "path_wrong": Case(
        answered(404, api=404),
        "192.0.2.10; /v2/ 404; manifest 404; no registry at /k8s/v2",
        "Correct the path of url, or override_path, in the entry registry.k8s.io of containerd_registries: there is "
        "no registry at /k8s/v2 of registry.example.com:5000.",
        endpoint=dataclasses.replace(MIRROR, path="/k8s/v2"),
    ),
    "repository_missing": Case(
        answered(404, "NAME_UNKNOWN", tags={"status": 404}),
        "192.0.2.10; /v2/ 200; manifest 404 NAME_UNKNOWN; it has no repository pause",
        "Copy the image to registry.example.com:5000 as pause, or correct the path of url and override_path in the "
        "entry registry.k8s.io of containerd_registries: there is no such repository.",
    ),
    "tag_missing": Case(
        answered(
            404,
            "MANIFEST_UNKNOWN",
            tags={"status": 200, "tags": ["3.10.2", "3.9", "latest", "3.8", "v1", "3.6", "3.7", "3.11"]},
        ),
        "192.0.2.10; /v2/ 200; manifest 404 MANIFEST_UNKNOWN; it has pause, and not 3.10; its tags are 3.8, "
        "3.9, 3.10.2, 3.11, "
        "latest, v1 and 2 others",
        "Copy pause 3.10 to registry.example.com:5000, or pull one that it has: 3.8, 3.9, 3.10.2, 3.11, "
        "latest, v1 and 2 others.",
    ),
    "digest_missing": Case(
        answered(404, "MANIFEST_UNKNOWN", tags={"status": 200, "tags": ["3.10"]}),
        "192.0.2.10; /v2/ 200; manifest 404 MANIFEST_UNKNOWN; it has pause, and not this digest of it",
        "Copy pause to registry.example.com:5000 by this digest, or pull what it has: an image that was rebuilt or "
        "copied for one platform only has another digest.",
        image=dataclasses.replace(IMAGE, reference="sha256:00"),
    ),
    "rate_limited": Case(
        answered(429, "TOOMANYREQUESTS", api=429, manifest={"retry_after": "60"}),
        "192.0.2.10; /v2/ 429; manifest 429 TOOMANYREQUESTS; it limits how often one may pull (429, again in 60 s)",
        "Wait, set auth of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries "
        "for an account with a higher limit, or let a mirror of your own serve registry.k8s.io.",
    ),
    "server_error": Case(
        answered(503, api=503),
        "192.0.2.10; /v2/ 503; manifest 503; it fails",
        "The registry at registry.example.com:5000 is broken: its log, or that of the proxy before it, says why it "
        "answers 503.",
    ),
    "not_a_registry": Case(
        answered(200, manifest={"type": "text/html; charset=utf-8"}),
        "192.0.2.10; /v2/ 200; manifest 200; it answers, and not as a registry (200, text/html)",
        "What answers at registry.example.com:5000 is a web page: correct url and override_path in the entry "
        "registry.k8s.io of containerd_registries.",
    ),
    "redirect_failed": Case(
        answered(
            200,
            redirect={"of": "blob", "url": "https://store.example.com/k", "trouble": trouble("connect_timeout")},
            trouble=trouble("redirect_failed"),
        ),
        "192.0.2.10; /v2/ 200; manifest 200; it sends to https://store.example.com/k for the data, and there: connect "
        "timeout",
        "The registry has its data at https://store.example.com/k: let this node reach that too, with the ca of "
        "https://registry.example.com:5000/v2, or have the registry deliver blobs itself.",
    ),
    "redirect_failed, status": Case(
        answered(
            200, redirect={"of": "blob", "url": "https://store.example.com/k", "status": 403}, blob={"status": 403}
        ),
        "192.0.2.10; /v2/ 200; manifest 200; it sends to https://store.example.com/k for the data, and there: 403",
        "The registry has its data at https://store.example.com/k: let this node reach that too, with the ca of "
        "https://registry.example.com:5000/v2, or have the registry deliver blobs itself.",
    ),
    "blob_missing": Case(
        answered(200, blob={"status": 404}),
        "192.0.2.10; /v2/ 200; manifest 200; blob 404; it has the manifest, and not the data (404)",
        "Copy the image to registry.example.com:5000 again: its manifest is there, and its data is not.",
    ),
    "unexpected": Case(
        answered(418),
        "192.0.2.10; /v2/ 200; manifest 418; it answers 418",
        "The log of registry.example.com:5000 says why it answers 418.",
    ),
    "not_probed": Case(
        found(trouble("not_probed", "ValueError: what")),
        "192.0.2.10; not probed (valueError: what)",
        "The probe itself failed at registry.example.com:5000 (valueError: what).",
    ),
    "delivers": Case(
        answered(200, blob={"status": 200}, tls={"version": "TLSv1.3"}),
        "192.0.2.10; TLSv1.3, certificate of registry.example.com from Example CA, valid until 2026-12-21; /v2/ 200; "
        "manifest 200; blob 200; it delivers the image",
        "https://registry.example.com:5000/v2 delivers the image now: what failed has passed, or lies behind the "
        "manifest; pull again, and see journalctl -u containerd.service.",
        chain=(GOOD,),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_one_endpoint(name: str) -> None:
    found = run(CASES[name])
    assert (found.cause, found.rows[0].kind) == (name.partition(",")[0],) * 2
    assert found.rows[0].text == CASES[name].row
    assert found.advice == CASES[name].advice


def test_every_text_has_its_case() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(ENDPOINTS)
    assert set(OBSTACLE_CASES) == set(OBSTACLES)


def test_no_header_and_no_password_is_in_what_is_said() -> None:
    case = CASES["credentials_refused, header"]
    assert "aHVzaDpodXNo" not in run(case).text
    step = Step(MIRROR, auth="aHVzaDpodXNo")
    assert "aHVzaDpodXNo" not in repr(step) + repr(dataclasses.replace(MIRROR, header=HEADER))


# --- files

ONLY_UPSTREAM = (Step(UPSTREAM, is_upstream=True),)
OBSTACLE_CASES: dict[str, tuple[Obstacle, str]] = {
    "crashes": (
        Obstacle("crashes", SOURCE),
        "Write the hosts in /etc/containerd/certs.d/registry.k8s.io/hosts.toml as tables: as they are, containerd "
        "2.3.4 crashes at each pull of registry.k8s.io.",
    ),
    "dropped": (
        Obstacle("dropped", SOURCE, "capabilities has the wrong type"),
        "containerd passes /etc/containerd/certs.d/registry.k8s.io/hosts.toml over (capabilities has the wrong type) "
        "and asks registry.k8s.io itself: correct it, or let containerd_registries write it.",
    ),
    "unreadable": (
        Obstacle("unreadable", SOURCE, "Permission denied"),
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml cannot be read (Permission denied), so every pull of "
        "registry.k8s.io fails: correct that.",
    ),
    "unknown": (
        Obstacle("unknown", SOURCE, "Permission denied"),
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml could not be read (Permission denied), so it is not known "
        "whom containerd asks for registry.k8s.io: run with become.",
    ),
    "uncertain": (
        Obstacle("uncertain", SOURCE, "a key is there twice"),
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml is no sound TOML (a key is there twice), and "
        "containerd 2.3.4 "
        "may pass it over and ask registry.k8s.io itself: correct it, or let containerd_registries write it.",
    ),
    "no_directory": (
        Obstacle("no_directory", f"{TREE}/registry.k8s.io", "it is a file"),
        "/etc/containerd/certs.d/registry.k8s.io is in the place of a directory (it is a file), so every pull of "
        "registry.k8s.io fails: remove it.",
    ),
    "pull_file": (
        Obstacle("pull_file", SOURCE, "/etc/ca.pem is not there"),
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml names a file that every pull of registry.k8s.io needs, and "
        "fails for: /etc/ca.pem is not there.",
    ),
    "tables_broken": (
        Obstacle("tables_broken", "/etc/containerd/config.toml", "an endpoint is no URL"),
        "In the registry tables of /etc/containerd/config.toml, an endpoint is no URL, so every pull of "
        "registry.k8s.io fails: correct that.",
    ),
    "tables_uncertain": (
        Obstacle("tables_uncertain", "/etc/containerd/config.toml", "an endpoint is no URL"),
        "In the registry tables of /etc/containerd/config.toml, an endpoint is no URL, so pulls of registry.k8s.io can "
        "fail: correct that.",
    ),
    "no_name": (
        Obstacle("no_name", "", "[fd00::1]"),
        "containerd 2.3.4 takes no image whose registry is an IPv6 address, as 1.7 and newer do: give it a name.",
    ),
    "cri_stopped": (
        Obstacle("cri_stopped", "/etc/containerd/config.toml", "mirrors"),
        "registry.mirrors in /etc/containerd/config.toml does not go together with config_path, so containerd does not "
        "load CRI: set containerd_migrate_legacy.",
    ),
    "order_by_chance": (
        Obstacle("order_by_chance", SOURCE),
        "containerd 2.3.4 asks the hosts in /etc/containerd/certs.d/registry.k8s.io/hosts.toml in an order that is "
        "another one at each pull: write each of them as a table of its own, on a line of its own.",
    ),
    "hosts_unseen": (
        Obstacle("hosts_unseen", SOURCE, "https://m.example.com"),
        "containerd 2.3.4 does not see the host https://m.example.com in "
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml: write it as a table of its own.",
    ),
    "host_lost": (
        Obstacle("host_lost", SOURCE),
        "/etc/containerd/certs.d/registry.k8s.io/hosts.toml has a host that names none, which containerd passes over: "
        "write it as https://registry.example.com.",
    ),
    "nobody_resolves": (
        Obstacle("nobody_resolves", SOURCE),
        "Add resolve to capabilities of a host in the entry registry.k8s.io of containerd_registries: none of them may "
        "tell what a tag means.",
    ),
    "config_path_list": (
        Obstacle("config_path_list", "/etc/containerd/config.toml", "/a:/b"),
        "containerd 2.3.4 takes config_path (/a:/b) for the name of one directory and reads no hosts.toml: name one "
        "directory in containerd_registries_path.",
    ),
    "config_path_unset": (
        Obstacle("config_path_unset", "/etc/containerd/config.toml"),
        "config_path is not set in /etc/containerd/config.toml, so containerd 2.3.4 reads no hosts.toml and asks "
        "registry.k8s.io itself: set containerd_registries_path, and restart containerd.service.",
    ),
    "config_path_lost": (
        Obstacle("config_path_lost", "/etc/containerd/config.toml"),
        "containerd 2.3.4 does not read config_path where it stands in /etc/containerd/config.toml, and asks "
        "registry.k8s.io itself: set containerd_registries_path, and restart containerd.service.",
    ),
    "config_path_replaced": (
        Obstacle("config_path_replaced", "/etc/containerd/conf.d/nvidia.toml", "/etc/containerd/config.toml"),
        "On containerd 2.3.4, /etc/containerd/conf.d/nvidia.toml replaces all settings of CRI in "
        "/etc/containerd/config.toml, and with them config_path: have it say config_path too, and restart "
        "containerd.service.",
    ),
    "config_path_missing": (
        Obstacle("config_path_missing", TREE),
        "config_path names /etc/containerd/certs.d, which is not there, so containerd asks registry.k8s.io itself: add "
        "registry.k8s.io to containerd_registries.",
    ),
    "other_entry": (
        Obstacle("no_entry", TREE, "registry.k8s.io_443_"),
        "/etc/containerd/certs.d has registry.k8s.io_443_, which containerd does not look up for images of "
        "registry.k8s.io: name the entry registry.k8s.io in containerd_registries, letter by letter as the image has "
        "it.",
    ),
    "no_entry": (
        Obstacle("no_entry", TREE),
        "No mirror is set for registry.k8s.io, so containerd asks it itself: add an entry with the namespace "
        "registry.k8s.io, or _default, to containerd_registries.",
    ),
    "no_hosts_toml": (
        Obstacle("no_hosts_toml", SOURCE),
        "The directory of /etc/containerd/certs.d/registry.k8s.io/hosts.toml is there without a hosts.toml, so "
        "containerd asks registry.k8s.io itself and looks at no _default: add registry.k8s.io to "
        "containerd_registries, or remove the directory.",
    ),
    "not_restarted": (
        Obstacle("not_restarted", "/etc/containerd/config.toml"),
        "containerd still runs with what /etc/containerd/config.toml said before it was last written: restart "
        "containerd.service.",
    ),
}


@pytest.mark.parametrize("kind", OBSTACLE_CASES)
def test_what_is_said_of_the_files(kind: str) -> None:
    obstacle, advice = OBSTACLE_CASES[kind]
    probed = [Probed(ONLY_UPSTREAM[0], CASES["name_not_found"].found)]
    found = diagnose(Route(IMAGE, ONLY_UPSTREAM, SOURCE, (obstacle,)), probed, AROUND)
    assert (found.cause, found.advice) == (kind, advice)


# --- which of several is the cause

FIRST, SECOND = Step(MIRROR), Step(dataclasses.replace(MIRROR, host="b.example.com"))
LAST = Step(UPSTREAM, is_upstream=True)
PULL_ONLY = Step(dataclasses.replace(MIRROR, capabilities=frozenset({"pull"})))


def cause(*asked: tuple[Step, str], obstacles: tuple[str, ...] = ()) -> str | None:
    steps = tuple(step for step, _name in asked)
    probed = [Probed(step, CASES[name].found, CASES[name].chain) for step, name in asked]
    route = Route(IMAGE, steps, SOURCE, tuple(OBSTACLE_CASES[kind][0] for kind in obstacles))
    return diagnose(route, probed, AROUND).cause


def test_a_mirror_counts_before_the_registry_itself() -> None:
    assert cause((FIRST, "tag_missing"), (LAST, "name_not_found")) == "tag_missing"


def test_a_mirror_that_fails_counts_before_one_without_the_image() -> None:
    assert cause((FIRST, "tag_missing"), (SECOND, "expired"), (LAST, "name_not_found")) == "expired"


def test_a_bad_file_counts_before_all_others_since_it_fails_every_pull() -> None:
    assert cause((FIRST, "connection_refused"), (SECOND, "ca_missing")) == "ca_missing"


def test_a_file_that_is_passed_over_counts_before_the_registry_itself() -> None:
    assert cause((LAST, "name_not_found"), obstacles=("dropped",)) == "dropped"


def test_a_mirror_that_delivers_leaves_the_restart_as_the_cause() -> None:
    assert cause((FIRST, "delivers"), obstacles=("not_restarted",)) == "not_restarted"
    assert cause((FIRST, "connection_refused"), (SECOND, "delivers")) == "delivers"


def test_a_registry_that_is_not_asked_for_tags_does_not_deliver() -> None:
    assert cause((PULL_ONLY, "delivers"), (SECOND, "expired")) == "expired"


def test_the_registry_itself_is_the_cause_where_nothing_else_is() -> None:
    assert cause((LAST, "server_error")) == "server_error"


# --- the whole message


def test_the_table_and_the_cause() -> None:
    steps = (FIRST, LAST)
    probed = [Probed(FIRST, CASES["tag_missing"].found), Probed(LAST, CASES["name_not_found"].found)]
    assert diagnose(Route(IMAGE, steps, SOURCE), probed, AROUND).text == (
        "Whom containerd asks by /etc/containerd/certs.d/registry.k8s.io/hosts.toml, in this order, and what each of "
        "them answers this node:\n"
        "  1. https://registry.example.com:5000/v2: 192.0.2.10; /v2/ 200; manifest 404 MANIFEST_UNKNOWN; it has pause, "
        "and not 3.10; its tags are 3.8, 3.9, 3.10.2, 3.11, latest, v1 and 2 others\n"
        "  2. https://registry.k8s.io/v2: the name registry.example.com does not resolve (name or service not known); "
        "this is the registry itself\n"
        "Likely cause: Copy pause 3.10 to registry.example.com:5000, or pull one that it has: 3.8, 3.9, 3.10.2, 3.11, "
        "latest, v1 and 2 others."
    )


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (f"{TREE}/_default/hosts.toml", "the entry _default of containerd_registries"),
        ("/etc/containerd/config.toml", "registry of /etc/containerd/config.toml"),
        ("", "an entry registry.k8s.io of containerd_registries"),
    ],
)
def test_where_the_option_is(source: str, where: str) -> None:
    probed = [Probed(FIRST, CASES["credentials_unset"].found)]
    advice = diagnose(Route(IMAGE, (FIRST,), source), probed, AROUND).advice
    assert advice == f"Set auth of https://registry.example.com:5000/v2 in {where} to user and password."


def test_a_proxy_that_lets_through_is_named() -> None:
    case = dataclasses.replace(
        CASES["server_error"], found={**CASES["server_error"].found, "proxy": "http://proxy:3128"}
    )
    assert run(case).rows[0].text == "by the proxy http://proxy:3128; /v2/ 503; manifest 503; it fails"


def test_skip_verify_is_named_where_it_let_a_certificate_pass() -> None:
    case = dataclasses.replace(CASES["delivers"], endpoint=dataclasses.replace(MIRROR, skip_verify=True))
    assert "valid until 2026-12-21 (not verified: skip_verify); /v2/ 200" in run(case).rows[0].text


def test_every_brace_is_filled_in() -> None:
    fields = {
        field for text in ENDPOINTS.values() for _a, field, _b, _c in string.Formatter().parse(text.advice) if field
    }
    assert fields
    assert not any("{" in run(case).text for case in CASES.values())
