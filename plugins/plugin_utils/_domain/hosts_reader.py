# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a containerd release sees in a hosts.toml, be it ours or anyone's. Private to this collection.

This follows containerd's rules and none of the renderer's, so that it can judge what was rendered: which endpoints, in
which order, with which settings; and whether the release drops the file, or crashes on it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import posixpath
import re
import tomllib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import go_url, masking, old_toml
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_toml import (
    CAPABILITIES,
    ClientFiles,
    Headers,
    HostsFile,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import is_on_node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind, Statement, scan

Table = dict[str, t.Any]

_HUB, _HUB_SERVER = "docker.io", "registry-1.docker.io"
_DURATION = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECOND = 10**9
_TOO_LARGE = 2**63
_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 1000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "capabilities": list,
    "ca": object,
    "client": object,
    "skip_verify": bool,
    "header": dict,
}


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One endpoint as containerd asks it. One without a host is the upstream, with these TLS settings and headers."""

    scheme: str = ""
    host: str = ""
    path: str = ""
    capabilities: frozenset[str] = frozenset()
    ca: tuple[str, ...] = ()
    client: tuple[ClientFiles, ...] = ()
    skip_verify: bool | None = None
    dial_timeout: int | None = None
    header: Headers = dataclasses.field(default=(), repr=False)

    @property
    def is_upstream(self) -> bool:
        return not self.host

    @property
    def can_be_asked(self) -> bool:
        """Whether containerd gets as far as asking; where a URL names no host or another protocol, it goes on."""
        return bool(self.host) and self.scheme in ("http", "https")


@dataclasses.dataclass(frozen=True)
class Reading:
    """The endpoints in order, the upstream included. ``dropped`` says why containerd passes over the file instead.

    ``lines`` has the line that names each endpoint, which is None for an upstream that no ``server`` takes the place
    of; ``fault_line`` is where the file is dropped for, or crashes; ``unseen`` are the hosts that are written in a form
    which this release does not look for, with their lines.
    """

    endpoints: tuple[Endpoint, ...] = ()
    dropped: str | None = None
    crashes: bool = False
    # Whether it is known that the file is dropped.
    is_certain: bool = True
    # Hosts on one line, as inline tables are, come to 1.x in an order that is another one at each pull.
    order_is_by_chance: bool = dataclasses.field(default=False, compare=False)
    lines: tuple[int | None, ...] = dataclasses.field(default=(), compare=False)
    fault_line: int | None = dataclasses.field(default=None, compare=False)
    unseen: tuple[tuple[str, int | None], ...] = dataclasses.field(default=(), compare=False)


class _Fault(Exception):
    """What is wrong with the file; ``at`` leads to the key, unless ``line`` is known already."""

    def __init__(self, reason: str = "", at: KeyPath = (), line: int | None = None, *, is_certain: bool = True) -> None:
        super().__init__(reason)
        self.at = at
        self.line = line
        self.is_certain = is_certain


class _Dropped(_Fault):
    """containerd logs one line and goes on as if the file were not there."""


class _Crash(_Fault):
    """containerd does not survive it."""


# Routes and findings are about the same files, and so are the nodes of a fleet.
@functools.lru_cache(maxsize=1024)
def reread(content: bytes, release: Release, *, directory: str) -> Reading:
    """What a release sees in the hosts.toml of a directory.

    Where the TOML library of a release is laxer than the standard, in ways that are not known to the last, ``dropped``
    says why the standard refuses the file, and ``is_certain`` is false where the release may read it all the same.
    """
    statements: t.Sequence[Statement] = []
    try:
        data, statements = _parsed(_decoded(content, release), release)
        found = _read(statements, data, release, directory)
        by_chance = release.line < (2, 0) and len(found.endpoints) > 2 and _share_a_line(content, statements)
        return dataclasses.replace(found, order_is_by_chance=by_chance)
    except _Crash as fault:
        return Reading(crashes=True, fault_line=fault.line or _line(statements, fault.at))
    except _Dropped as fault:
        line = fault.line or _line(statements, fault.at)
        return Reading(dropped=str(fault), fault_line=line, is_certain=fault.is_certain)


def intended(file: HostsFile, release: Release) -> Reading:
    """What a release has to see for a file to mean what was asked for."""
    every = _all_capabilities(release)
    endpoints = [
        Endpoint(
            scheme=host.url.scheme,
            host=host.url.authority,
            path=host.url.api_root(override_path=host.override_path),
            capabilities=frozenset(host.capabilities) or every,
            ca=tuple(_path(path, "") for path in host.ca),
            client=tuple((_path(files[0], ""), _path(files[-1], "")) for files in host.client),
            skip_verify=host.skip_verify or None,
            dial_timeout=None if host.dial_timeout is None else parse_duration(host.dial_timeout),
            header=tuple(sorted(host.header)),
        )
        for host in file.endpoints
    ]
    return Reading((*endpoints, *([] if file.server else [Endpoint(capabilities=every)])))


def parse_duration(text: str) -> int | None:
    """The nanoseconds of a Go duration such as ``1m30s``, or None if it is none."""
    if text.lstrip("+-") == "0" and len(text) <= len("+0"):
        return 0
    if not _DURATION.fullmatch(text):
        return None
    total = sum(float(number) * _NANOSECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return int(-total if text.startswith("-") else total)


# --- the registry itself


def upstream(namespace: str, release: Release) -> Endpoint:
    """The registry that a namespace names, as containerd asks it where no server is named; read in ConfigureHosts."""
    scheme, host, skip_verify = "https", namespace, None
    if namespace == _HUB:
        host = _HUB_SERVER
    elif release.line >= (1, 6) and is_on_node(namespace):
        # Since TLS_FIRST, http with skip_verify is TLS first and http next.
        port = namespace.rpartition(":")[2] if re.search(r":\d+$", namespace) else ""
        by_port = release.knows(Feature.TLS_FIRST)
        scheme = "https" if by_port and port in ("", "443") else "http"
        skip_verify = None if by_port and port == "80" else True
    return Endpoint(scheme=scheme, host=host, path="/v2", skip_verify=skip_verify)


# --- the file


def _decoded(content: bytes, release: Release) -> str:
    if not content:
        raise _Dropped("the file is empty")
    if release.line < (2, 0):
        return old_toml.in_standard_form(old_toml.decoded(content))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Dropped(f"not UTF-8 at offset {error.start}", line=line) from None
    if text.startswith("\ufeff"):
        raise _Dropped("it begins with a byte order mark", line=1)
    return text


@functools.lru_cache(maxsize=256)
def taken_apart(text: str) -> tuple[Table, t.Sequence[Statement]]:
    """The data and the statements of a file; they are shared, and nobody changes them.

    :raises ValueError: it is not TOML, or it has a number with thousands of digits.
    :raises RecursionError: it has more lists in each other than can be read.
    """
    return tomllib.loads(text, parse_float=_float), tuple(scan(text))


def _float(text: str) -> float:
    """A number that is larger than any is one that 64 bits do not hold, other than one that is written ``inf``."""
    found = float(text)
    return _TOO_LARGE if math.isinf(found) and "inf" not in text else found


def _holds_too_large(value: t.Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_too_large, value.values()))
    if isinstance(value, list):
        return any(map(_holds_too_large, value))
    return isinstance(value, int) and not -_TOO_LARGE <= value < _TOO_LARGE


def _parsed(text: str, release: Release) -> tuple[Table, t.Sequence[Statement]]:
    try:
        data, statements = taken_apart(text)
        # Measured on 1.7.24 and 2.3.4: later releases look at no number that they do not need.
        if release.line < (2, 0) and _holds_too_large(data):
            raise _Dropped("it has a number that does not fit into 64 bits")
        return data, statements
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n", 0, len(text.rstrip("\n"))) + 1
        is_certain = release.line >= (2, 0) or not old_toml.may_be_read(text, str(error))
        what, at, where = str(error).rpartition(" (at ")
        raise _Dropped(f"not valid TOML: {masking.masked(what)}{at}{where}", line=line, is_certain=is_certain) from None
    except ValueError:
        raise _Dropped("it has a number that does not fit into 64 bits", is_certain=release.line < (2, 0)) from None
    except RecursionError:
        raise _Dropped("it has lists within each other beyond all measure") from None


def _read(statements: t.Sequence[Statement], data: Table, release: Release, directory: str) -> Reading:
    fields = _known_fields(release)
    order = _order(statements, data, release)
    _check_dotted(statements, release)
    root = _checked(data, {**fields, "server": str, "host": dict}, release)
    hosts = {}
    for name, host in root.get("host", {}).items():
        with _within("host", name):
            hosts[name] = _checked(_table(host, name), fields, release)
    endpoints = []
    for name in order:
        with _within("host", name):
            endpoints.append(_endpoint(name, hosts.get(name, {}), release, directory))
    endpoints.append(_endpoint(root.get("server", ""), root, release, directory))
    return Reading(
        tuple(endpoints),
        lines=(*(_line(statements, ("host", name)) for name in order), _line_of_key(statements, "server")),
        unseen=tuple((name, _line(statements, ("host", name))) for name in hosts if name not in order),
    )


@contextlib.contextmanager
def _within(*above: str) -> t.Iterator[None]:
    try:
        yield
    except _Dropped as fault:
        fault.at = (*above, *fault.at)
        raise


def _line(statements: t.Sequence[Statement], path: KeyPath) -> int | None:
    """The first line that speaks of a key, or of what it is in."""
    for depth in range(len(path), 0, -1):
        wanted = path[:depth]
        found = (each.line for each in statements if each.path[:depth] == wanted)
        line = next(found, None)
        if line is not None:
            return line
    return None


def _line_of_key(statements: t.Sequence[Statement], key: str) -> int | None:
    """The line of a key at the top of the file, which since 2.0 can be written in any case."""
    return next((each.line for each in statements if len(each.path) == 1 and each.path[0].lower() == key), None)


def _order(statements: t.Sequence[Statement], data: Table, release: Release) -> list[str]:
    if release.line >= (2, 0):
        return _order_by_header(statements)
    return _order_by_position(statements, data, release)


def _order_by_header(statements: t.Sequence[Statement]) -> list[str]:
    """Since 2.0 the headers are read, so hosts in inline tables and dotted keys are not seen."""
    order: list[str] = []
    last = ""
    for statement in statements:
        if statement.kind is Kind.TABLE and len(statement.path) > 1 and statement.path[0] == "host":
            if statement.path[1] != last:
                order.append(statement.path[1])
            last = statement.path[1]
    return order


def _check_dotted(statements: t.Sequence[Statement], release: Release) -> None:
    """:raises _Crash: ``skip_verify`` is a dotted key of a host that another dotted key has made.

    Measured on 2.0.7, 2.1.5, 2.2.1 and 2.3.4; 2.4.2 does not see such hosts either, but lives.
    """
    if not (2, 0) <= release.line < (2, 4):
        return
    made: set[str] = set()
    for each in statements:
        if each.kind is Kind.KEY and len(each.path) > 2 and each.path[0] == "host" and len(each.table) < 2:
            if each.path[1] in made and each.path[2].lower() == "skip_verify":
                raise _Crash(line=each.line)
            made.add(each.path[1])


def _order_by_position(statements: t.Sequence[Statement], data: Table, release: Release) -> list[str]:
    """Before 2.0 the place where a host is first spoken of counts; an inline table has none and comes first."""
    for each in statements:
        if each.is_header and {"[", "]"} & set("".join(each.keys)):
            raise _Dropped("a table's key has a bracket in it", line=each.line)
    if "host" not in data and release.knows(Feature.NO_HOST_TABLE):
        return []
    if not isinstance(data.get("host"), dict):
        raise _Dropped("it has no host table", ("host",))
    plain = [name for name, host in data["host"].items() if not isinstance(host, dict)]
    if len(data["host"]) > 1 and plain:
        raise _Crash(at=("host", plain[0]))
    inline = {s.path[1] for s in statements if s.kind is Kind.KEY and len(s.path) == 2 and s.path[0] == "host"}
    return sorted(data["host"], key=lambda name: name not in inline)


def _share_a_line(content: bytes, statements: t.Sequence[Statement]) -> bool:
    """Whether hosts stand on the same line: inline tables are on none, and what ends a line is a line feed alone."""
    inline = {s.path for s in statements if s.kind is Kind.KEY and len(s.path) == 2 and s.path[0] == "host"}
    whole = any(s.kind is Kind.KEY and s.path == ("host",) for s in statements)
    return whole or len(inline) > 1 or re.search(rb"\r(?!\n)", content) is not None


def _known_fields(release: Release) -> dict[str, type | tuple[type, ...]]:
    fields = dict(_FIELDS)
    if release.knows(Feature.OVERRIDE_PATH):
        fields["override_path"] = bool
    if release.knows(Feature.DIAL_TIMEOUT):
        fields["dial_timeout"] = str
    return fields


def _table(value: t.Any, name: str) -> Table:
    if not isinstance(value, dict):
        raise _Dropped(f"host.{masking.masked(name)} is not a table")
    return value


def _checked(table: Table, fields: t.Mapping[str, type | tuple[type, ...]], release: Release) -> Table:
    """The known keys of a table; other keys are passed over without a word, as containerd does."""
    known: Table = {}
    for key, value in table.items():
        field = _field(key, table, release)
        if field not in fields:
            continue
        if not isinstance(value, fields[field]) or (field == "capabilities" and not _all_text(value)):
            raise _Dropped(f"{masking.masked(key)} has the wrong type", (key,))
        known[field] = value
    return known


def _field(key: str, table: Table, release: Release) -> str:
    """Which field a key means: since 2.0 whatever its case, before that in lower case, else in capitals."""
    if release.line >= (2, 0) or (key == key.upper() and key.lower() not in table):
        return key.lower()
    return key


def _all_text(values: t.Any) -> bool:
    return all(isinstance(value, str) for value in values)


# --- one endpoint


def _endpoint(server: str, table: Table, release: Release, directory: str) -> Endpoint:
    scheme, host, path = _location(server, override_path=table.get("override_path", False)) if server else ("", "", "")
    return Endpoint(
        scheme=scheme,
        host=host,
        path=path,
        capabilities=_capabilities(table.get("capabilities", []), release),
        ca=_ca(table.get("ca"), directory),
        client=_client(table.get("client"), directory),
        # An empty list of CAs is as much a setting of TLS as skip_verify = false.
        skip_verify=table.get("skip_verify", False if table.get("ca") == [] else None),
        dial_timeout=_dial_timeout(table.get("dial_timeout", "")),
        header=_header(table.get("header", {})),
    )


def _location(server: str, *, override_path: bool) -> tuple[str, str, str]:
    text = server if server.startswith("http") else f"https://{server}"
    try:
        scheme, host, path = go_url.parse(text)
    except go_url.NotAUrlError as error:
        raise _Dropped(str(error), is_certain=error.is_certain) from None
    if path:
        path = posixpath.normpath(path)
        if path.startswith("//"):
            path = path[1:]
        if not path.endswith("/v2") and not override_path:
            path += "/v2"
    elif not override_path:
        path = "/v2"
    return scheme, host, path


def _capabilities(values: list[str], release: Release) -> frozenset[str]:
    known = _all_capabilities(release)
    found = frozenset(value.lower() for value in values)
    if not found <= known:
        raise _Dropped(f"unknown capability {masking.masked(sorted(found - known)[0])}", ("capabilities",))
    return found or known


def _all_capabilities(release: Release) -> frozenset[str]:
    return frozenset(CAPABILITIES if release.knows(Feature.REFERRERS) else CAPABILITIES[:-1])


def _ca(value: t.Any, directory: str) -> tuple[str, ...]:
    return () if value is None else _paths([value] if isinstance(value, str) else value, directory, "ca")


def _client(value: t.Any, directory: str) -> tuple[ClientFiles, ...]:
    if value is None:
        return ()
    pairs = [value] if isinstance(value, str) else value
    if not isinstance(pairs, list):
        raise _Dropped("client has the wrong type", ("client",))
    return tuple(_pair(pair, directory) for pair in pairs)


def _pair(value: t.Any, directory: str) -> ClientFiles:
    if isinstance(value, str):
        value = [value, value]
    paths = _paths(value, directory, "client")
    if len(paths) != 2:
        raise _Dropped("client has a list that is not a pair", ("client",))
    return paths


def _paths(values: t.Any, directory: str, key: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not _all_text(values):
        raise _Dropped(f"{key} has the wrong type", (key,))
    return tuple(_path(value, directory) for value in values)


def _path(value: str, directory: str) -> str:
    """containerd cleans a path beside the file, and takes a whole one as it is."""
    return absolute(value) if value.startswith("/") else posixpath.normpath(f"{directory}/{value}")


def absolute(path: str) -> str:
    """A whole path in one form; ``..`` stays in it, since the kernel goes through symlinks before that."""
    return re.sub(r"/(?:\.?/)+", "/", path)


def _dial_timeout(text: str) -> int | None:
    if not text:
        return None
    duration = parse_duration(text)
    if duration is None:
        raise _Dropped("dial_timeout is not a duration", ("dial_timeout",))
    return duration


def _header(table: Table) -> Headers:
    found = []
    for name, value in sorted(table.items()):
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not _all_text(values):
            raise _Dropped(f"header {masking.masked(name)} has the wrong type", ("header", name))
        found.append((name, tuple(values)))
    return tuple(found)
