# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that containerd reads without complaint and then does not start with, or starts without CRI. Private.

``containerd config dump`` accepts every one of them: what a plugin makes of its table shows when it is loaded. Each was
measured by restarts of 1.6.20, 1.7.24, 2.1.5, 2.2.1 and 2.3.4. What depends on the node (a port in use, a file that is
not there, a snapshotter without its module) is not here: it is found after the restart, and undone.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import known_keys
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import written
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CRI_IDS,
    IMAGES,
    RUNTIME,
    RUNTIMES,
    V2_CRI,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import parse_duration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import (
    DEFAULT_NAME,
    DEFAULT_RUNTIME,
    LINUX_TYPE,
    RUNC,
    RUNC_TYPE,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, table_at

Data = t.Mapping[str, t.Any]

_NO_CRI = "would start without CRI, and no pod could run"
_NO_START = "would not start"

_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")
# The longest path of a socket that Linux takes.
_LONGEST_SOCKET = 107
_ADDRESS = re.compile(r"(?:\[[^]]*\]|[^:]*):[A-Za-z0-9-]+")
_SERVER = "io.containerd.server.v1."

# Without these there is no CRI, from a release on.
_NEEDED: t.Mapping[str, tuple[int, int]] = {
    "io.containerd.content.v1.content": (1, 6),
    "io.containerd.differ.v1.walking": (1, 6),
    "io.containerd.event.v1.exchange": (1, 6),
    "io.containerd.gc.v1.scheduler": (1, 6),
    "io.containerd.metadata.v1.bolt": (1, 6),
    "io.containerd.runtime.v2.task": (1, 6),
    "io.containerd.service.v1.images-service": (1, 6),
    "io.containerd.service.v1.introspection-service": (1, 6),
    "io.containerd.service.v1.tasks-service": (1, 6),
    "io.containerd.sandbox.store.v1.local": (1, 7),
    "io.containerd.warning.v1.deprecations": (1, 7),
    "io.containerd.podsandbox.controller.v1.podsandbox": (2, 1),
    "io.containerd.sandbox.controller.v1.shim": (2, 1),
    "io.containerd.shim.v1.manager": (2, 1),
    "io.containerd.transfer.v1.local": (2, 1),
    "io.containerd.mount-manager.v1.bolt": (2, 2),
    "io.containerd.server.v1.grpc": (2, 3),
}
_NEVER = (99, 0)


class Problem(t.NamedTuple):
    """What is wrong with a value, what comes of it, and what to write instead."""

    path: KeyPath
    what: str
    consequence: str
    fix: str


def check_values(effective: Data, files: t.Sequence[ConfigFile], release: Release) -> None:
    """:raises DomainError: containerd would not start with what the files say together, or start without CRI."""
    for problem in _problems(effective, release):
        name, file = written(problem.path, files)
        if look_up(file.data, name) is None:
            # No file has it: as the first one would.
            name = names(problem.path).in_version(stated_version(file.data) or 1) or problem.path
        raise DomainError(
            f"{problem.what}: containerd {release} {problem.consequence}",
            file=None if file is files[0] else file.path,
            key_path=name,
            fix=f"Nothing was changed. {problem.fix}",
        )


def _problems(effective: Data, release: Release) -> t.Iterator[Problem]:
    yield from _of_the_server(effective, release)
    disabled = _disabled(effective)
    if CRI_IDS & set(disabled):
        # That there is no CRI is what somebody wants, or asks to be told of elsewhere.
        return
    snapshotter = f"io.containerd.snapshotter.v1.{look_up(effective, (*IMAGES, 'snapshotter')) or 'overlayfs'}"
    for name in disabled:
        if name == snapshotter or _NEEDED.get(name, _NEVER) <= release.line:
            yield Problem(("disabled_plugins",), f"names {name}, which CRI needs", _NO_CRI, "Remove it from the list.")
    yield from _of_wrong_types(effective, release)
    for problem in (*_of_cri(effective, release), *_of_streaming(effective), *_of_classes(effective, release)):
        if _is_read(problem.path, effective, release):
            yield problem


def _disabled(effective: Data) -> list[str]:
    listed = effective.get("disabled_plugins")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def _is_read(path: KeyPath, effective: Data, release: Release) -> bool:
    """Whether the release knows the key at all; what it passes over can do no harm."""
    return look_up(effective, path) is None or known_keys.check(path, release) is None


# --- the daemon


def _of_the_server(effective: Data, release: Release) -> t.Iterator[Problem]:
    root, state = effective.get("root", "/var/lib/containerd"), effective.get("state", "/run/containerd")
    if root == state:
        yield Problem(("root",), "is the same directory as state", _NO_START, "Name two directories.")
    for key, known in (("level", _LEVELS), ("format", ("text", "json"))):
        value = look_up(effective, ("debug", key))
        if isinstance(value, str) and value and value.lower() not in known:
            yield Problem(("debug", key), f"{value!r} is not known", _NO_START, f"Write one of {', '.join(known)}.")
    for name, value in leaves(table_at(effective, "timeouts")):
        if isinstance(value, str) and parse_duration(value) is None:
            yield _duration(("timeouts", *name), value, _NO_START)
    for table in ("grpc", "ttrpc", "debug"):
        yield from _of_socket(("plugins", f"{_SERVER}{table}", "address"), effective, release)
    yield from _of_port(("plugins", f"{_SERVER}metrics", "address"), effective)
    if release.line < (2, 3):
        yield from _of_port(("plugins", f"{_SERVER}grpc-tcp", "address"), effective)
    sharing: KeyPath = ("plugins", "io.containerd.metadata.v1.bolt", "content_sharing_policy")
    if look_up(effective, sharing) not in (None, "", "shared", "isolated"):
        yield Problem(sharing, "is not known", _NO_CRI, "Write one of shared, isolated.")


def _of_socket(path: KeyPath, effective: Data, release: Release) -> t.Iterator[Problem]:
    value = look_up(effective, path)
    if not isinstance(value, str):
        return
    if not value and path[1] == f"{_SERVER}grpc" and release.line >= (2, 3):
        yield Problem(path, "is empty", "would start and listen nowhere", "Write /run/containerd/containerd.sock.")
    elif len(value.encode()) > _LONGEST_SOCKET:
        fix = f"Name a path of at most {_LONGEST_SOCKET} bytes."
        yield Problem(path, f"has {len(value.encode())} bytes, too many for a socket", _NO_START, fix)
    elif value and path[1] == f"{_SERVER}debug" and not value.startswith("/"):
        yield Problem(path, f"{value!r} is not an absolute path", _NO_START, "Write it as /run/containerd/debug.sock.")


def _of_port(path: KeyPath, effective: Data) -> t.Iterator[Problem]:
    value = look_up(effective, path)
    if isinstance(value, str) and value and not _ADDRESS.fullmatch(value):
        yield Problem(path, f"{value!r} is not an address with a port", _NO_START, "Write it as 127.0.0.1:1338.")


# --- CRI


def _of_wrong_types(effective: Data, release: Release) -> t.Iterator[Problem]:
    """containerd sees them itself, but 1.x does not say which key it is about, and 2.x names a field of its own.

    Options of a runtime are read when a pod is started, and not before.
    """
    for path, value in leaves(effective):
        if path[0] == "plugins" and len(path) > 2 and path[1] in CRI_IDS and "options" not in path:
            wanted = known_keys.misfit(path, value, release)
            if wanted is not None:
                yield Problem(path, f"has to be {wanted}", _NO_START, 'TOML writes a text as "3.10", a number as 3.10.')


def _of_cri(effective: Data, release: Release) -> t.Iterator[Problem]:
    durations = (
        (*V2_CRI, "stream_idle_timeout"),
        (*IMAGES, "image_pull_progress_timeout"),
        (*RUNTIME, "drain_exec_sync_io_timeout"),
        (*RUNTIME, "stats_collect_period"),
        (*RUNTIME, "stats_retention_period"),
    )
    for path in durations:
        value = look_up(effective, path)
        if isinstance(value, str) and value and parse_duration(value) is None:
            yield _duration(path, value, _NO_CRI)
    period: KeyPath = (*IMAGES, "stats_collect_period")
    value = look_up(effective, period)
    if isinstance(value, int) and not isinstance(value, bool) and value <= 0 and release.line < (2, 3):
        yield Problem(period, f"{value} is not a number of seconds", "would crash", "Write 10, the default.")
    if look_up(effective, (*IMAGES, "snapshotter")) == "" and release.line >= (2, 0):
        yield Problem((*IMAGES, "snapshotter"), "is empty", _NO_CRI, 'Write "overlayfs", the default.')


def _duration(path: KeyPath, value: str, consequence: str) -> Problem:
    return Problem(path, f"{value!r} is not a duration", consequence, 'Write it as "30s", "5m" or "4h0m0s".')


def _of_streaming(effective: Data) -> t.Iterator[Problem]:
    port: KeyPath = (*V2_CRI, "stream_server_port")
    value = look_up(effective, port)
    if isinstance(value, str) and value and not (value.isdigit() and value.isascii() and int(value) <= 65535):
        yield Problem(port, f"{value!r} is not a port", _NO_CRI, 'Write a number up to 65535; "0" is any free one.')
    pair = [look_up(effective, (*V2_CRI, "x509_key_pair_streaming", key)) for key in ("tls_cert_file", "tls_key_file")]
    if any(pair) and not all(pair):
        yield Problem(
            (*V2_CRI, "x509_key_pair_streaming"),
            "has one file of the two",
            _NO_CRI,
            "Name both tls_cert_file and tls_key_file, or neither.",
        )
    elif any(pair) and not look_up(effective, (*V2_CRI, "enable_tls_streaming")):
        yield Problem(
            (*V2_CRI, "x509_key_pair_streaming"),
            "is set, and enable_tls_streaming is not",
            _NO_CRI,
            "Set enable_tls_streaming = true, or remove the files.",
        )


# --- runtime classes


def _of_classes(effective: Data, release: Release) -> t.Iterator[Problem]:
    if not isinstance(look_up(effective, RUNTIMES) or {}, dict):
        # What containerd says of it itself is nearer to the point.
        return
    is_1 = release.line < (2, 0)
    classes = _classes(effective, is_1=is_1)
    has_old_default = is_1 and look_up(effective, (*DEFAULT_RUNTIME, "runtime_type"))
    stated = look_up(effective, DEFAULT_NAME)
    default = RUNC if stated is None else str(stated)
    if not has_old_default and default not in classes:
        what = f"there is no runtime class {default}" if default else "is empty"
        known = ", ".join(sorted(classes)) or RUNC
        yield Problem(DEFAULT_NAME, what, _NO_CRI, f"Name one that there is ({known}), or write its table.")
    for name, table in classes.items():
        yield from _of_class((*RUNTIMES, name), table, is_1=is_1)
    if is_1:
        kind = has_old_default or classes.get(default, {}).get("runtime_type")
        yield from _of_old_keys(effective, kind)


def _of_old_keys(effective: Data, kind: t.Any) -> t.Iterator[Problem]:
    """Keys for all classes that go with one kind of default class; ``kind`` is what it is of."""
    for key, fix in (
        (("systemd_cgroup",), "Remove it; options.SystemdCgroup of the class is what counts."),
        (("containerd", "no_pivot"), "Remove it."),
    ):
        if look_up(effective, (*RUNTIME, *key)) is True and kind != LINUX_TYPE:
            yield _of_old_shim((*RUNTIME, *key), fix)


def _of_old_shim(path: KeyPath, fix: str) -> Problem:
    return Problem(path, f"goes with runtime classes of type {LINUX_TYPE} alone", _NO_CRI, fix)


def _classes(effective: Data, *, is_1: bool) -> dict[str, Data]:
    stated = look_up(effective, RUNTIMES)
    classes: dict[str, Data] = {name: table for name, table in (stated or {}).items() if isinstance(table, dict)}
    brings_runc = not is_1 or stated is None
    return {RUNC: {"runtime_type": RUNC_TYPE}, **classes} if brings_runc else classes


def _of_class(path: KeyPath, table: Data, *, is_1: bool) -> t.Iterator[Problem]:
    without = "privileged_without_host_devices"
    if table.get(f"{without}_all_devices_allowed") and not table.get(without):
        key = (*path, f"{without}_all_devices_allowed")
        yield Problem(key, f"needs {without}", _NO_CRI, f"Set {without} = true too.")
    if table.get("io_type") not in (None, "", "fifo", "streaming"):
        yield Problem((*path, "io_type"), "is not known", _NO_CRI, "Write one of fifo, streaming.")
    for name in ("runtime_engine", "runtime_root"):
        if is_1 and table.get(name) and table.get("runtime_type") != LINUX_TYPE:
            yield _of_old_shim((*path, name), "Remove it; the runtime's own options say the same.")
