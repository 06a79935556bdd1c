# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request that a pull makes, by its route and by what each endpoint would answer.

The route is the collection's. What is here follows from it: how containerd resolves a name and fetches what it found,
what it repeats, when it falls back to http, and when it goes on to the next endpoint. Read in remotes/docker at
v1.6.20, v1.7.24, v2.1.5 and v2.3.4.
"""

from __future__ import annotations

import dataclasses
import enum
import posixpath
import re
import typing as t
import urllib.parse

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release

from routes import world
from routes.world import Manner, Registry, Request, Tls

if t.TYPE_CHECKING:
    from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Route, Step

People = t.Mapping[tuple[str, int], Registry]


class Failure(enum.Enum):
    """Why no answer came."""

    REFUSED = enum.auto()
    HUNG_UP = enum.auto()
    SPEAKS_HTTP = enum.auto()
    NO_TLS = enum.auto()
    NO_NAME = enum.auto()
    NO_URL = enum.auto()
    NO_TOKEN = enum.auto()
    NO_PASSWORD = enum.auto()


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What is asked, in order, and whether the image is there in the end."""

    asked: tuple[str, ...]
    succeeds: bool


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What a route is taken in. ``own_ca`` are the files that have the CA which the trust store lacks."""

    release: Release
    people: People
    own_ca: frozenset[str]
    # The endpoints are those of hosts.toml files, or of the same code without one; else those of the older tables.
    by_tree: bool


def predict(route: Route, around: Circumstances) -> Prediction:
    pull = _Pull(route, around)
    succeeds = pull.run()
    return Prediction(tuple(pull.asked), succeeds)


# --- how a request is told


def told(entry: t.Mapping[str, t.Any]) -> str:
    """A connection or a question as a registry's process tells it."""
    if "name" in entry:
        return f"the name {entry['name']}"
    place = _shown_place(entry["address"], entry["port"])
    if entry.get("refused"):
        return f"nobody at {place}"
    if not entry["method"]:
        return f"{entry['scheme'] or 'a connection'} and no request at {place}"
    return _request(
        entry["method"],
        f"{entry['scheme']}://{entry['host']}{entry['path']}",
        entry["query"],
        authorization=entry["authorization"],
        has_client=entry["has_client"],
    )


def _request(method: str, url: str, query: str, *, authorization: str, has_client: bool) -> str:
    parts = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    sent = f"?{'&'.join(map('='.join, parts))}" if parts else ""
    scheme = f" with {authorization.split(' ', maxsplit=1)[0]}" if authorization else ""
    return f"{method} {url}{sent}{scheme}{' as client' if has_client else ''}"


def _shown_place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


# --- a pull


@dataclasses.dataclass
class _Authorizer:
    """What it knows of each host: the scheme that it was challenged for, and the token, or that there is none."""

    schemes: dict[str, str] = dataclasses.field(default_factory=dict)
    realms: dict[str, str] = dataclasses.field(default_factory=dict)
    tokens: dict[str, str | None] = dataclasses.field(default_factory=dict)


class _Clients:
    """Made anew for the resolving and for the fetching; who has settings of its own has a client of its own."""

    def __init__(self) -> None:
        self.fell_back: set[tuple[int, str]] = set()
        self._authorizers: dict[int, _Authorizer] = {}

    def authorizer(self, number: int, *, is_shared: bool) -> _Authorizer:
        return self._authorizers.setdefault(-1 if is_shared else number, _Authorizer())


@dataclasses.dataclass
class _Call:
    """One request on its way, with what may change when it is repeated."""

    number: int
    step: Step
    method: str
    path: str
    query: str
    is_last: bool
    authorizer: _Authorizer
    clients: _Clients


class _Message(t.NamedTuple):
    """What goes over a connection."""

    method: str
    scheme: str
    path: str
    query: str
    authorization: str


class _Pull:
    def __init__(self, route: Route, around: Circumstances) -> None:
        self.asked: list[str] = []
        self._steps, self._image = () if route.fails else route.steps, route.image
        self._around, self._release = around, around.release

    def run(self) -> bool:
        found = self._resolve()
        return found and self._fetch()

    # --- what containerd does with a route

    def _resolve(self) -> bool:
        clients = _Clients()
        numbers = [number for number, step in enumerate(self._steps) if step.resolves(self._image)]
        kinds = ("manifests",) if self._image.by_tag else ("manifests", "blobs")
        worst = 0
        for kind in kinds:
            if worst > 2 and self._release.line >= (2, 3):
                break
            for number in numbers:
                is_last = number == numbers[-1]
                call = self._call(clients, number, "HEAD", f"{kind}/{self._image.reference}", is_last=is_last)
                answer = self._do(call)
                if isinstance(answer, Failure) or answer.status == 404:
                    worst = max(worst, 1 if isinstance(answer, Failure) else 2)
                elif answer.status > 399:
                    worst = 3
                    if answer.status == 403 and call.method == "HEAD" and self._release.line >= (2, 3):
                        self._do(self._again(call, "GET", is_last=False))
                else:
                    return self._names_digest(answer) or self._is_got(self._again(call, "GET", is_last=is_last))
        return False

    def _names_digest(self, answer: world.Response) -> bool:
        return not self._image.by_tag or "Docker-Content-Digest" in dict(answer.headers)

    def _fetch(self) -> bool:
        clients = _Clients()
        image = world.image("/".join(self._image.repository.split("/")[-2:]))
        wanted = [("manifests", image.manifest), ("blobs", image.config), ("blobs", image.layer)]
        return all(self._fetch_one(clients, kind, world.digest(content)) for kind, content in wanted)

    def _fetch_one(self, clients: _Clients, kind: str, digest: str) -> bool:
        """Every endpoint of the route is asked, whatever its capabilities, for each manifest and each blob anew."""
        last = len(self._steps) - 1
        return any(
            self._is_got(self._call(clients, number, "GET", f"{kind}/{digest}", is_last=number == last))
            for number in range(last + 1)
        )

    def _is_got(self, call: _Call) -> bool:
        answer = self._do(call)
        return not isinstance(answer, Failure) and answer.status <= 299

    def _call(self, clients: _Clients, number: int, method: str, what: str, *, is_last: bool) -> _Call:
        step = self._steps[number]
        path = posixpath.normpath(f"/{step.endpoint.path}/{self._image.repository}/{what}")
        authorizer = clients.authorizer(number, is_shared=not self._has_own_client(step))
        return _Call(number, step, method, f"/{path.lstrip('/')}", self._namespace(step), is_last, authorizer, clients)

    def _again(self, call: _Call, method: str, *, is_last: bool) -> _Call:
        return dataclasses.replace(call, method=method, is_last=is_last)

    def _namespace(self, step: Step) -> str:
        registry, host = self._image.registry, step.endpoint.host
        is_own = registry == host or (registry == "docker.io" and host == "registry-1.docker.io")
        return "" if is_own else f"ns={urllib.parse.quote_plus(registry)}"

    def _has_own_client(self, step: Step) -> bool:
        end = step.endpoint
        by_header = bool(end.header) and self._release.knows(Feature.TOKEN_HEADERS)
        return bool(not self._around.by_tree or _has_tls(step) or by_header or end.dial_timeout is not None)

    # --- what is repeated

    def _do(self, call: _Call) -> world.Response | Failure:
        statuses: list[int] = []
        while True:
            answer = self._try(call)
            while answer is Failure.HUNG_UP and call.is_last and self._repeats_what_was_cut(len(statuses)):
                statuses.append(0)
                answer = self._try(call)
            if isinstance(answer, Failure):
                return answer
            if self._lacks_password(call, answer):
                return Failure.NO_PASSWORD
            statuses.append(answer.status)
            if not self._repeats(call, answer, statuses):
                return answer

    def _repeats_what_was_cut(self, tries: int) -> bool:
        return self._release.line >= (2, 3) and tries < 4

    def _repeats(self, call: _Call, answer: world.Response, statuses: list[int]) -> bool:
        if len(statuses) > (4 if self._release.line >= (2, 3) else 5):
            return False
        if answer.status == 401:
            return self._is_challenged(call, dict(answer.headers)["WWW-Authenticate"])
        if answer.status == 405 and call.method == "HEAD" and "/manifests/" in call.path:
            call.method = "GET"
            return True
        if answer.status in (500, 503, 504) and self._release.line >= (2, 1):
            return call.is_last and statuses[-2:-1] != [answer.status]
        return answer.status in (408, 429)

    def _lacks_password(self, call: _Call, answer: world.Response) -> bool:
        challenge = dict(answer.headers).get("WWW-Authenticate", "")
        return answer.status == 401 and challenge.startswith("Basic ") and not call.step.auth

    def _is_challenged(self, call: _Call, challenge: str) -> bool:
        host = call.step.endpoint.host
        scheme = challenge.split(" ", maxsplit=1)[0]
        call.authorizer.schemes.setdefault(host, scheme)
        call.authorizer.realms.setdefault(host, challenge.split('"')[1])
        return True

    def _try(self, call: _Call) -> world.Response | Failure:
        authorization = self._authorization(call)
        if authorization is None:
            return Failure.NO_TOKEN
        scheme = call.step.endpoint.scheme
        return self._send(call, _Message(call.method, scheme, call.path, call.query, authorization))

    def _authorization(self, call: _Call) -> str | None:
        host, auth = call.step.endpoint.host, call.step.auth
        scheme = call.authorizer.schemes.get(host)
        if scheme == "Basic":
            return f"Basic {auth}"
        if scheme is None:
            return _header(call.step, "Authorization")
        if host not in call.authorizer.tokens:
            call.authorizer.tokens[host] = self._token(call)
        token = call.authorizer.tokens[host]
        return None if token is None else f"Bearer {token}"

    def _token(self, call: _Call) -> str | None:
        """By POST with a password, by GET without one; a service that takes no POST is asked again by GET."""
        scheme, _separator, rest = call.authorizer.realms[call.step.endpoint.host].partition("://")
        path = f"/{rest.partition('/')[2]}"
        scope = f"scope=repository%3A{urllib.parse.quote_plus(self._image.repository)}%3Apull&service=registry"
        own = _header(call.step, "Authorization") if self._release.knows(Feature.TOKEN_HEADERS) else ""
        has_password = bool(call.step.auth)
        method, query = ("POST", "") if has_password else ("GET", scope)
        answer = self._send(call, _Message(method, scheme, path, query, own))
        return world.TOKEN if not isinstance(answer, Failure) and answer.status == 200 else None

    # --- the wire

    def _send(self, call: _Call, message: _Message) -> world.Response | Failure:
        if not self._tries_tls_first(call.step):
            return self._over(call.step, message)
        host = call.step.endpoint.host
        key = (call.number, host)
        if key not in call.clients.fell_back:
            answer = self._over(call.step, message._replace(scheme="https"))
            if answer is not Failure.SPEAKS_HTTP and (answer is not Failure.REFUSED or _port(host) is not None):
                return answer
            call.clients.fell_back.add(key)
        return self._over(call.step, message._replace(scheme="http"))

    def _tries_tls_first(self, step: Step) -> bool:
        is_meant = step.endpoint.scheme == "http" and _port(step.endpoint.host) != 80 and _has_tls(step)
        return is_meant and self._around.by_tree and self._release.knows(Feature.TLS_FIRST)

    def _over(self, step: Step, message: _Message) -> world.Response | Failure:
        host, scheme = step.endpoint.host, message.scheme
        if scheme not in world.DEFAULT_PORTS or not host or re.search("%(?![0-9A-Fa-f]{2})", message.path):
            return Failure.NO_URL
        name = _name(host)
        address = world.ADDRESSES.get(name, name)
        if address not in world.LISTENING:
            self.asked.append(f"the name {name}")
            return Failure.NO_NAME
        place = (address, _port(host) or world.DEFAULT_PORTS[scheme])
        registry = self._around.people.get(place, Registry())
        if registry.manner is Manner.IS_NOT_THERE or place[1] not in world.PORTS:
            self.asked.append(f"nobody at {_shown_place(*place)}")
            return Failure.REFUSED
        if scheme == "https" and (failure := self._handshake(step, registry)):
            self.asked.append(f"https and no request at {_shown_place(*place)}")
            return failure
        return self._answered(step, message, registry)

    def _answered(self, step: Step, message: _Message, registry: Registry) -> world.Response | Failure:
        host = step.endpoint.host.removesuffix(":")
        path = urllib.parse.quote(message.path, safe="/$&+,:;=@!'()*[]~-._%")
        has_client = message.scheme == "https" and bool(step.endpoint.client)
        url, authorization = f"{message.scheme}://{host}{path}", message.authorization
        line = _request(message.method, url, message.query, authorization=authorization, has_client=has_client)
        self.asked.append(line)
        request = Request(message.method, message.path, authorization)
        return world.answer(registry.manner, request, scheme=message.scheme, host=host) or Failure.HUNG_UP

    def _handshake(self, step: Step, registry: Registry) -> Failure | None:
        if registry.tls is Tls.IS_HTTP:
            return Failure.SPEAKS_HTTP
        if registry.manner is Manner.HANGS_UP:
            return Failure.HUNG_UP
        is_known = (
            registry.tls is not Tls.OF_OWN_CA or step.endpoint.skip_verify or self._around.own_ca & {*step.endpoint.ca}
        )
        is_let_in = registry.tls is not Tls.WANTS_CLIENT or step.endpoint.client
        return None if is_known and is_let_in else Failure.NO_TLS


def _has_tls(step: Step) -> bool:
    end = step.endpoint
    return bool(end.ca or end.client or end.skip_verify is not None)


def _header(step: Step, name: str) -> str:
    return next((values[0] for key, values in step.endpoint.header if key == name and values), "")


def _name(host: str) -> str:
    """The host without its port and without brackets."""
    has_port = host.count(":") == 1 or "]:" in host
    return (host.rpartition(":")[0] if has_port else host).strip("[]").lower()


def _port(host: str) -> int | None:
    found = re.search(r"(?:^|[^:]):(\d+)$", host) if host.count(":") == 1 or "]:" in host else None
    return int(found[1]) if found else None
