# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are of the right type and that containerd still cannot take. Private to this collection.

Each was measured by starts of 1.6.20, 1.7.24, 2.1.5, 2.2.1 and 2.3.4; ``containerd config dump`` takes most of them.
A rule with a consequence holds for what stands in the files, too. The others are for what is asked for: dump says so
itself, or containerd starts with it all the same, and no line in the journal tells that it leads nowhere.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import parse_duration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import DEFAULT_SNAPSHOTTER, SNAPSHOTTER
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import ANY_NAME, Span
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

# What becomes of containerd.
NO_START = "would not start"
NO_CRI = "would start without CRI, and no pod could run"

# What is wrong with a value, and what to do about it.
Fault = tuple[str, str]
Check = t.Callable[[str], "Fault | None"]

# As containerd's own shims are called; it takes the last two parts of any such name for that of the shim's program.
_SHIM = re.compile(r"[A-Za-z0-9][\w-]*(?:\.[\w-]+)+", re.ASCII)
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]*\]|[^\[\]:/\s]*):[\w-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# The longest path of a socket that containerd takes, in bytes.
_LONGEST_SOCKET = 104
_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")


def path_fault(text: str) -> Fault | None:
    """:returns: why a text is no absolute path."""
    if not text.startswith("/"):
        return f"{text!r} is not an absolute path", "Begin it with /."
    if _CONTROL.search(text):
        return f"{text!r} has a line break or another control character in it", "Write one path, on one line."
    return None


def shim_fault(text: str) -> Fault | None:
    """:returns: why no shim can be told from a runtime_type."""
    if text.startswith("/"):
        return path_fault(text)
    if _SHIM.fullmatch(text):
        return None
    return (
        f"{text!r} is not the type of a runtime: containerd would find no shim, and no pod of the class could run",
        "Write it as io.containerd.runc.v2, io.containerd.runsc.v1 or io.containerd.kata.v2.",
    )


def _duration(text: str) -> Fault | None:
    if parse_duration(text) is not None:
        return None
    return f"{text!r} is not a duration", 'Write it as "90s", "5m" or "1h30m".'


def _one_of(*words: str) -> Check:
    def check(text: str) -> Fault | None:
        return None if text in words else (f"{text!r} is none of {', '.join(words)}", "Write one of these.")

    return check


def _level(text: str) -> Fault | None:
    return _one_of(*_LEVELS)(text.lower())


def _address(text: str) -> Fault | None:
    return None if _ADDRESS.fullmatch(text) else (f"{text!r} is not an address", "Write it as 127.0.0.1:1338.")


def _port(text: str) -> Fault | None:
    if text.isdigit() and text.isascii() and int(text) <= 65535:
        return None
    return f"{text!r} is not a port", 'Write a number up to 65535; "0" is any free one.'


def _number_of_port(text: str) -> Fault | None:
    """A name may be one that the node knows."""
    return _port(text) if text.isdigit() else None


def _length(text: str) -> Fault | None:
    size = len(text.encode())
    if size <= _LONGEST_SOCKET:
        return None
    return f"has {size} bytes, too many for a socket", f"Name a path of at most {_LONGEST_SOCKET} bytes."


def _socket(text: str) -> Fault | None:
    if text.startswith("/"):
        return _length(text)
    return _address(text) and (f"{text!r} is not a socket", "Write it as /run/containerd/debug.sock.")


def _not_empty(example: str) -> Check:
    return lambda text: None if text else ("is empty", f"Write {example}.")


def _period(seconds: int) -> Fault | None:
    return None if seconds > 0 else (f"{seconds} is not a number of seconds", "Write 10, the default.")


def _or_none(check: Check) -> Check:
    """An empty text says as much as no text at all."""
    return lambda text: check(text) if text else None


@dataclasses.dataclass(frozen=True)
class _Rule:
    """``consequence`` is what becomes of containerd where ``span`` holds; without one the rule is for what is asked."""

    path: KeyPath
    check: t.Callable[[t.Any], Fault | None]
    consequence: str
    span: Span
    kind: type = str

    def fault(self, path: KeyPath, value: t.Any) -> Fault | None:
        is_kind = isinstance(value, self.kind) and isinstance(value, bool) is (self.kind is bool)
        return self.check(value) if is_kind and _matches(self.path, path) else None


def _plugin(name: str, *keys: str) -> t.Iterator[KeyPath]:
    yield from (("plugins", f"io.containerd.{name}", key) for key in keys)


def _rules(paths: t.Iterable[KeyPath], check: Check, consequence: str = "", span: str = "1.4-") -> t.Iterator[_Rule]:
    yield from (_Rule(path, check, consequence, Span.read(span)) for path in paths)


_RULES: tuple[_Rule, ...] = (
    # The server itself.
    *_rules([("root",), ("state",)], path_fault),
    *_rules([("temp",)], _or_none(path_fault)),
    *_rules([("debug", "level")], _or_none(_level), NO_START),
    *_rules([("debug", "format")], _or_none(_one_of("text", "json")), NO_START),
    *_rules([("timeouts", ANY_NAME)], _duration, NO_START),
    # Its plugins.
    *_rules(
        _plugin("server.v1.grpc", "address"),
        _not_empty("/run/containerd/containerd.sock"),
        "would start and listen nowhere",
        "2.3-",
    ),
    *_rules(_plugin("server.v1.grpc", "address"), _length, NO_START),
    *_rules(_plugin("server.v1.ttrpc", "address"), _length, NO_START),
    *_rules(_plugin("server.v1.grpc-tcp", "address"), _or_none(_address), NO_START, "1.4-2.2"),
    *_rules(_plugin("server.v1.metrics", "address"), _or_none(_address), NO_START),
    *_rules(_plugin("server.v1.debug", "address"), _or_none(_socket), NO_START),
    *_rules(_plugin("gc.v1.scheduler", "schedule_delay", "startup_delay"), _duration),
    *_rules(_plugin("monitor.container.v1.restart", "interval"), _duration),
    *_rules(_plugin("nri.v1.nri", "plugin_registration_timeout", "plugin_request_timeout"), _duration),
    *_rules(_plugin("image-verifier.v1.bindir", "per_verifier_timeout"), _duration),
    *_rules(_plugin("metadata.v1.bolt", "content_sharing_policy"), _or_none(_one_of("shared", "isolated")), NO_CRI),
    # CRI.
    *_rules([(*V2_CRI, "stream_idle_timeout")], _or_none(_duration), NO_CRI),
    *_rules([(*V2_CRI, "stream_server_port")], _or_none(_port)),
    *_rules([(*V2_CRI, "stream_server_port")], _number_of_port, NO_CRI),
    *_rules([(*IMAGES, "image_pull_progress_timeout")], _or_none(_duration), NO_CRI),
    *_rules([SNAPSHOTTER], _not_empty(f'"{DEFAULT_SNAPSHOTTER}", the default'), NO_CRI, "2.0-"),
    _Rule((*IMAGES, "stats_collect_period"), _period, "would crash", Span.read("1.4-2.2"), int),
    *_rules(
        [(*RUNTIME, key) for key in ("drain_exec_sync_io_timeout", "stats_collect_period", "stats_retention_period")],
        _or_none(_duration),
        NO_CRI,
    ),
    *_rules([(*RUNTIME, "cni", "conf_dir")], path_fault),
    *_rules([(*RUNTIME, "cni", "conf_template")], _or_none(path_fault)),
    # Its runtime classes.
    *_rules([(*RUNTIMES, ANY_NAME, "runtime_type")], shim_fault),
    *_rules([(*RUNTIMES, ANY_NAME, "io_type")], _or_none(_one_of("fifo", "streaming")), NO_CRI),
    *_rules(
        [(*RUNTIMES, ANY_NAME, key) for key in ("runtime_path", "base_runtime_spec", "cni_conf_dir")],
        _or_none(path_fault),
    ),
)


def check_value(path: KeyPath, value: t.Any, written: KeyPath, release: Release) -> None:
    """What a task asks for; releases that would bear it get no exception.

    ``path`` is the canonical one, ``written`` as the user named it; the type has been looked at.

    :raises DomainError: containerd cannot take this value for that key.
    """
    fault = next(filter(None, (rule.fault(path, value) for rule in _RULES)), None)
    if fault is None and path[-1] == "runtime_type" and str(value).startswith("/") and release.line < (1, 6):
        fault = f"containerd {release} takes no path for it; 1.6.0 is the first that does", "Write the shim's type."
    if fault is not None:
        raise DomainError(fault[0], key_path=written, fix=fault[1])


def stops(path: KeyPath, value: t.Any, release: Release) -> tuple[Fault, str] | None:
    """:returns: why this release does not work with a value at a canonical path, and what becomes of it."""
    for rule in _RULES:
        fault = rule.fault(path, value) if rule.consequence and rule.span.holds(release) else None
        if fault is not None:
            return fault, rule.consequence
    return None


def _matches(pattern: KeyPath, path: KeyPath) -> bool:
    return len(pattern) == len(path) and all(
        wanted in (ANY_NAME, key) for wanted, key in zip(pattern, path, strict=True)
    )
