# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a pull failed: the endpoints in order, what a probe found at each, and the likely cause. Private.

The probe tells what it met, in the words of the module ``_node_probe``. Here it becomes a finding for each endpoint;
one of them, or an obstacle in the files, becomes the cause, and the cause names the option to change.
"""

from __future__ import annotations

import dataclasses
import datetime
import posixpath
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.diagnosis_texts import ENDPOINTS, OBSTACLES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Image, Obstacle, Route, Step
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import show_url

Found = t.Mapping[str, t.Any]

# Clocks that differ by more than this are wrong, and not only slow in being asked.
_CLOCK = datetime.timedelta(minutes=5)
_TAGS = 6
# OpenSSL's numbers for what is wrong with a certificate.
_EXPIRED, _NOT_YET, _NAMES = 10, 9, (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What of a certificate decides whether it is accepted."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    start: datetime.datetime
    end: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Probed:
    """One endpoint, what came of asking it, and the certificates of server and ``ca`` files."""

    step: Step
    found: Found
    chain: tuple[Certificate, ...] = ()
    ca: tuple[Certificate, ...] = ()
    has_credentials: bool = False


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What holds for all endpoints of a node."""

    release: Release
    unit: str
    node_time: datetime.datetime
    own_time: datetime.datetime
    # The pull came with a user and password, which take the place of all that containerd has.
    has_credentials: bool = False


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is the matter with one endpoint, or with the files: what it is, and what to do."""

    kind: str
    says: str
    advice: str


@dataclasses.dataclass(frozen=True)
class Row:
    """One endpoint of the table."""

    url: str
    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    rows: tuple[Row, ...]
    source: str
    cause: str | None
    advice: str

    @property
    def text(self) -> str:
        """The table and the cause, for people."""
        by = f" by {self.source}" if self.source else ""
        head = f"Whom containerd asks{by}, in this order, and what each of them answers this node:"
        rows = [f"  {number}. {row.url}: {row.text}" for number, row in enumerate(self.rows, start=1)]
        table = [head, *rows] if rows else []
        return "\n".join([*table, *([f"Likely cause: {self.advice}"] if self.advice else [])])


# Whatever the endpoints say, the pull cannot go another way than wrong.
_DECISIVE = (
    *("cri_stopped", "crashes", "unreadable", "no_directory", "tables_broken", "no_name", "unknown", "uncertain"),
    *("tables_uncertain", "dropped", "nobody_resolves", "config_path_list", "config_path_missing"),
)
# They count where nobody but the image's own registry is asked, and it does not deliver.
_NO_MIRROR = (
    "hosts_unseen",
    "order_by_chance",
    "host_lost",
    "config_path_unset",
    "config_path_lost",
    "config_path_replaced",
    "other_entry",
    "no_entry",
    "no_hosts_toml",
)
_FILES = ("ca_missing", "ca_not_pem", "client_missing", "client_not_pem", "client_no_key", "client_mismatch")
_REFUSED = ("credentials_refused", "token_refused", "token_not_enough")
_MISSING = ("repository_missing", "tag_missing", "digest_missing")


def diagnose(route: Route, probed: t.Sequence[Probed], around: Circumstances) -> Diagnosis:
    """One table and one cause."""
    findings = [_finding(each, route, around) for each in probed]
    rows = [
        Row(show_url(each.step.endpoint), finding.kind, _row_text(each, finding, route))
        for each, finding in zip(probed, findings, strict=True)
    ]
    cause = _cause(route, list(zip(probed, findings, strict=True)), around)
    return Diagnosis(tuple(rows), route.source, cause.kind if cause else None, cause.advice if cause else "")


# --- the cause


def _cause(route: Route, findings: t.Sequence[tuple[Probed, Finding]], around: Circumstances) -> Finding | None:
    obstacles = {found.kind: found for found in (_obstacle(each, route, around) for each in route.obstacles)}
    asked = [(each, finding) for each, finding in findings if each.step.resolves(route.image)]
    candidates = [
        *(obstacles[kind] for kind in _DECISIVE if kind in obstacles),
        *(finding for _each, finding in findings if finding.kind in _FILES),
        *(obstacles[kind] for kind in ("pull_file",) if kind in obstacles),
    ]
    if any(finding.kind == "delivers" for _each, finding in asked):
        candidates += [obstacles[kind] for kind in ("not_restarted",) if kind in obstacles]
        candidates += [finding for _each, finding in asked if finding.kind == "delivers"]
    mirrors = [finding for each, finding in asked if not each.step.is_upstream]
    candidates += [finding for finding in mirrors if finding.kind not in _MISSING]
    candidates += mirrors
    candidates += [obstacles[kind] for kind in (*_NO_MIRROR, "not_restarted") if kind in obstacles]
    candidates += [finding for _each, finding in findings]
    return candidates[0] if candidates else None


def _obstacle(obstacle: Obstacle, route: Route, around: Circumstances) -> Finding:
    kind = "other_entry" if obstacle.kind == "no_entry" and obstacle.detail else obstacle.kind
    text = OBSTACLES[kind]
    known = {
        "path": obstacle.path,
        "detail": obstacle.detail,
        "registry": route.image.registry,
        "release": around.release,
        "unit": around.unit,
        "where": _where(route),
    }
    return Finding(kind, text.says.format(**known), text.advice.format(**known))


def _where(route: Route) -> str:
    if route.entry:
        return f"the entry {route.entry} of containerd_registries"
    if route.source:
        return f"registry of {route.source}"
    return f"an entry {route.image.registry} of containerd_registries"


# --- one endpoint


def _finding(probed: Probed, route: Route, around: Circumstances) -> Finding:
    kind, more = _kind(probed, route.image, around)
    endpoint, image = probed.step.endpoint, route.image
    leaf = probed.chain[0] if probed.chain else None
    known: dict[str, t.Any] = {
        "endpoint": show_url(endpoint),
        "host": endpoint.host,
        "name": _host_name(endpoint.host),
        "where": _where(route),
        "registry": image.registry,
        "repository": image.repository,
        "reference": image.reference,
        "proxy": probed.found.get("proxy") or "",
        "seconds": f"{probed.found.get('seconds', 0):.0f}",
        "step": _STEPS.get(probed.found.get("step", ""), ""),
        "unit": around.unit,
        "release": around.release,
        "detail": "",
        "path": endpoint.path or "/",
        "certificate": _show_certificate(probed),
        "issuer": leaf.issuer if leaf else "its CA",
        "ca": ", ".join(dict.fromkeys(each.subject for each in probed.ca)) or ", ".join(endpoint.ca),
        "names": _listed(leaf.names) if leaf else "",
        "start": _day(leaf.start) if leaf else "",
        "end": _day(leaf.end) if leaf else "",
        "now": _minute(around.node_time),
        "own": _minute(around.own_time),
        **more,
    }
    text = ENDPOINTS[kind]
    return Finding(kind, text.says.format(**known), text.advice.format(**known))


_STEPS = {
    "files": "reading files",
    "dns": "name resolution",
    "tcp": "connecting",
    "proxy": "the proxy",
    "tls": "TLS",
    "http": "waiting for an answer",
}
Judgement = tuple[str, dict[str, t.Any]]


def _kind(probed: Probed, image: Image, around: Circumstances) -> Judgement:
    trouble = probed.found.get("trouble")
    kind, more = _of_trouble(probed, trouble, around) if trouble else _of_answers(probed, image, around)
    return ("credentials_of_pull" if around.has_credentials and kind in _REFUSED else kind), more


def _of_trouble(probed: Probed, trouble: Found, around: Circumstances) -> Judgement:
    kind, more = trouble["kind"], {"detail": _continued(trouble.get("text", ""))}
    if kind in ("name_not_found", "name_no_answer"):
        return kind, {"name": trouble.get("host") or _host_name(probed.step.endpoint.host), **more}
    if kind.startswith("proxy_"):
        return _of_proxy(trouble)
    if kind == "certificate":
        return _of_certificate(probed, trouble, around)
    if kind == "client_refused":
        return ("client_refused" if probed.step.endpoint.client else "client_wanted"), more
    if kind == "redirect_failed":
        return _of_store(probed.found["redirect"])
    if kind in _FILES:
        more["path"] = trouble.get("path", "")
    return (kind, more) if kind in ENDPOINTS else ("not_probed", {"detail": trouble.get("text") or kind})


def _of_proxy(trouble: Found) -> Judgement:
    status = trouble.get("status")
    detail = str(status) if status else trouble.get("text", "").replace("_", " ")
    is_in_the_way = trouble.get("direct") and trouble["kind"] != "proxy_not_asked"
    return ("proxy_direct" if is_in_the_way else trouble["kind"]), {"detail": detail}


def _of_certificate(probed: Probed, trouble: Found, around: Circumstances) -> Judgement:
    code, more = trouble.get("verify_code"), {"detail": trouble.get("text", "")}
    leaf = probed.chain[0] if probed.chain else None
    # The dates first: of a certificate with several faults, OpenSSL names one, and not always the same.
    late = next((each for each in probed.chain if each.end < around.node_time), None)
    early = next((each for each in probed.chain if each.start > around.node_time), None)
    if code in _UNKNOWN_AUTHORITY:
        return ("ca_other" if probed.step.endpoint.ca else "ca_unset"), more
    odd = late or early
    if odd and (code in (_EXPIRED, _NOT_YET)):
        dates = {"start": _day(odd.start), "end": _day(odd.end)}
        clock_is_wrong = abs(around.node_time - around.own_time) > _CLOCK and odd.start <= around.own_time <= odd.end
        return ("clock" if clock_is_wrong else "expired" if odd is late else "not_yet_valid"), {**more, **dates}
    if code in _NAMES and leaf:
        return ("wrong_name" if leaf.names else "no_names"), more
    return "certificate", more


def _of_store(redirect: Found) -> Judgement:
    trouble = redirect.get("trouble") or {}
    why = trouble.get("kind", "").replace("_", " ")
    text = f" ({trouble['text']})" if trouble.get("text") else ""
    what = "manifest" if redirect.get("of") == "manifest" else "data"
    return "redirect_failed", {"store": redirect["url"], "detail": f"{what}, and there: {why}{text}"}


# --- what the registry answers


def _of_answers(probed: Probed, image: Image, around: Circumstances) -> Judgement:
    found = probed.found
    manifest, api = found.get("manifest") or {}, found.get("api") or {}
    status = manifest.get("status", api.get("status", 0))
    more: dict[str, t.Any] = {"status": status}
    if status == 400 and (manifest.get("wants_tls") or api.get("wants_tls")):
        return "https_on_http_port", more
    if status == 401:
        return _unauthorized(probed, around)
    if status == 403 and "token" in found:
        return _not_allowed(probed, status)
    if status == 403:
        return "forbidden", more
    if status == 404:
        return _not_found(probed, image)
    if status == 429:
        wait = manifest.get("retry_after")
        return "rate_limited", {"detail": f", again in {wait} s" if wait else ""}
    if status >= 500:
        return "server_error", more
    if status == 200:
        return _delivered(found, manifest)
    return "unexpected", more


def _delivered(found: Found, manifest: Found) -> Judgement:
    if manifest.get("type", "").startswith("text/html"):
        return "not_a_registry", {"status": 200, "detail": "text/html"}
    blob = found.get("blob") or {}
    if blob.get("status", 200) >= 400:
        redirect = found.get("redirect") or {}
        if redirect.get("of") == "blob":
            return "redirect_failed", {"store": redirect["url"], "detail": f"data, and there: {blob['status']}"}
        return "blob_missing", {"status": blob["status"]}
    return "delivers", {}


def _unauthorized(probed: Probed, around: Circumstances) -> Judgement:
    token = probed.found.get("token")
    has_header = _sends_authorization(probed)
    if token is None:
        known = has_header or probed.has_credentials
        return ("credentials_refused" if known else "credentials_unset"), {}
    trouble, more = token.get("trouble"), {"realm": token.get("realm", ""), "status": token.get("status")}
    if trouble:
        kind, detail = _of_issuer(probed, trouble)
        return kind, {**more, "detail": detail}
    if has_header and not probed.has_credentials and not around.release.knows(Feature.TOKEN_HEADERS):
        return "header_unsent", more
    if token.get("status") in (401, 403):
        return ("token_refused" if has_header or probed.has_credentials else "token_unset"), more
    if token.get("status") != 200:
        return "token_failed", more
    return _not_allowed(probed, 401)


def _of_issuer(probed: Probed, trouble: Found) -> tuple[str, str]:
    kind, text = trouble["kind"], trouble.get("text", "")
    if kind == "realm_in_clear":
        return kind, ""
    # The probe verifies a token server on another host also where the endpoint says not to.
    if kind == "certificate" and probed.step.endpoint.skip_verify:
        return "realm_not_verified", text
    return "token_unreachable", kind.replace("_", " ") + (f" ({text})" if text else "")


def _not_allowed(probed: Probed, status: int) -> Judgement:
    known = probed.has_credentials or _sends_authorization(probed)
    return ("token_not_enough" if known else "token_unset"), {"status": status}


def _sends_authorization(probed: Probed) -> bool:
    return any(name.lower() == "authorization" for name, _values in probed.step.endpoint.header)


def _not_found(probed: Probed, image: Image) -> Judgement:
    path, api, tags = probed.step.endpoint.path, probed.found.get("api") or {}, probed.found.get("tags") or {}
    if tags.get("status") == 200 and not image.by_tag:
        return "digest_missing", {}
    if tags.get("status") == 200:
        return "tag_missing", {"tags": _listed(sorted(tags.get("tags") or (), key=_by_number), most=_TAGS) or "none"}
    if "/v2/" in path and posixpath.basename(path) == "v2":
        return "path_doubled", {}
    if api.get("status") in (200, 401) or probed.found["manifest"].get("errors"):
        return "repository_missing", {}
    return ("path_wrong" if "v2" in path.split("/") else "path_overridden"), {}


# --- the table


def _row_text(probed: Probed, finding: Finding, route: Route) -> str:
    parts = [*_way(probed), *_answers(probed, finding), finding.says]
    if not probed.step.resolves(route.image):
        parts.append("not asked what a tag means (capabilities)")
    if probed.step.is_upstream and route.image.registry != ANY:
        parts.append("this is the registry itself" if route.entry or route.source else "no mirror is set before it")
    return "; ".join(parts)


def _way(probed: Probed) -> t.Iterator[str]:
    found, trouble = probed.found, probed.found.get("trouble") or {}
    if found.get("address") and not found.get("proxy"):
        yield str(found["address"])
    if found.get("proxy") and not trouble.get("kind", "").startswith("proxy_"):
        yield f"by the proxy {found['proxy']}"
    if found.get("tls") and trouble.get("kind") != "certificate":
        skipped = " (not verified: skip_verify)" if probed.step.endpoint.skip_verify else ""
        yield f"{found['tls'].get('version') or 'TLS'}, {_show_certificate(probed)}{skipped}"


def _answers(probed: Probed, finding: Finding) -> t.Iterator[str]:
    found = probed.found
    if found.get("api"):
        yield f"{found['api']['path']} {found['api']['status']}"
    if found.get("token") and not found["token"].get("trouble"):
        yield f"token {found['token'].get('status')}"
    if found.get("manifest"):
        codes = ", ".join(found["manifest"].get("errors") or ())
        yield f"manifest {found['manifest']['status']}" + (f" {codes}" if codes else "")
    if found.get("blob") and finding.kind != "redirect_failed":
        yield f"blob {found['blob']['status']}"


def _show_certificate(probed: Probed) -> str:
    if not probed.chain:
        return "its certificate"
    leaf = probed.chain[0]
    if leaf.subject == leaf.issuer:
        return f"self-signed certificate of {leaf.subject}, valid until {_day(leaf.end)}"
    return f"certificate of {leaf.subject} from {leaf.issuer}, valid until {_day(leaf.end)}"


def _continued(text: str) -> str:
    """A text that a sentence goes on with: `No route to host`, but not `TLS`, loses its capital."""
    return text[:1].lower() + text[1:] if text[1:2].islower() and " " in text else text


def _host_name(host: str) -> str:
    return re.sub(r":\d*$", "", host) if host.count(":") == 1 or "]:" in host else host


def _by_number(tag: str) -> list[tuple[int, str]]:
    """3.9 comes before 3.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", tag)]


def _listed(values: t.Iterable[str], *, most: int = 8) -> str:
    listed = list(values)
    others = f" and {len(listed) - most} others" if len(listed) > most else ""
    return ", ".join(listed[-most:]) + others


def _day(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d}"


def _minute(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
