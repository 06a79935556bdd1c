# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that are of the right type and that containerd still cannot take. Private to this collection.

Measured on 1.7.24 and 2.3.4: with each of them containerd ends at its start, or runs without CRI. ``containerd config
dump`` takes most of them. A runtime class of which no shim can be told runs nothing, and a path that is none leads
nowhere; neither leaves a line in the journal before a pod is wanted.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import parse_duration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import ANY_NAME
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

# What is wrong with a text, and what to do about it.
Fault = tuple[str, str]
Check = t.Callable[[str], "Fault | None"]

# As containerd's own shims are called; it takes the last two parts of any such name for that of the shim's program.
_SHIM = re.compile(r"[A-Za-z0-9][\w-]*(?:\.[\w-]+)+", re.ASCII)
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]*\]|[^\[\]:/\s]*):[\w-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

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


def _socket(text: str) -> Fault | None:
    if text.startswith("/"):
        return path_fault(text)
    return _address(text) and (f"{text!r} is not a socket", "Write it as /run/containerd/debug.sock.")


def _or_none(check: Check) -> Check:
    """An empty text says as much as no text at all."""
    return lambda text: check(text) if text else None


def _plugin(name: str, *keys: str) -> t.Iterator[KeyPath]:
    yield from (("plugins", f"io.containerd.{name}", key) for key in keys)


_CHECKS: t.Mapping[KeyPath, Check] = {
    # The server itself.
    **dict.fromkeys([("root",), ("state",)], path_fault),
    ("temp",): _or_none(path_fault),
    ("debug", "level"): _or_none(_level),
    ("debug", "format"): _or_none(_one_of("text", "json")),
    ("timeouts", ANY_NAME): _duration,
    # Its plugins.
    **dict.fromkeys(_plugin("server.v1.grpc-tcp", "address"), _or_none(_address)),
    **dict.fromkeys(_plugin("server.v1.metrics", "address"), _or_none(_address)),
    **dict.fromkeys(_plugin("server.v1.debug", "address"), _or_none(_socket)),
    **dict.fromkeys(_plugin("gc.v1.scheduler", "schedule_delay", "startup_delay"), _duration),
    **dict.fromkeys(_plugin("monitor.container.v1.restart", "interval"), _duration),
    **dict.fromkeys(_plugin("nri.v1.nri", "plugin_registration_timeout", "plugin_request_timeout"), _duration),
    **dict.fromkeys(_plugin("image-verifier.v1.bindir", "per_verifier_timeout"), _duration),
    **dict.fromkeys(_plugin("metadata.v1.bolt", "content_sharing_policy"), _one_of("shared", "isolated")),
    # CRI.
    (*V2_CRI, "stream_idle_timeout"): _or_none(_duration),
    (*IMAGES, "image_pull_progress_timeout"): _or_none(_duration),
    **dict.fromkeys(
        [(*RUNTIME, key) for key in ("drain_exec_sync_io_timeout", "stats_collect_period", "stats_retention_period")],
        _or_none(_duration),
    ),
    (*RUNTIME, "cni", "conf_dir"): path_fault,
    (*RUNTIME, "cni", "conf_template"): _or_none(path_fault),
    (*RUNTIMES, ANY_NAME, "runtime_type"): shim_fault,
    **dict.fromkeys(
        [(*RUNTIMES, ANY_NAME, key) for key in ("runtime_path", "base_runtime_spec", "cni_conf_dir")],
        _or_none(path_fault),
    ),
}


def check_value(path: KeyPath, value: t.Any, written: KeyPath, release: Release) -> None:
    """``path`` is the canonical one, ``written`` as the user named it; the type has been looked at.

    :raises DomainError: containerd cannot take this text for that key.
    """
    check = next((check for pattern, check in _CHECKS.items() if _matches(pattern, path)), None)
    fault = check(value) if check is not None and isinstance(value, str) else None
    if fault is None and path[-1] == "runtime_type" and str(value).startswith("/") and release.line < (1, 6):
        fault = f"containerd {release} takes no path for it; 1.6.0 is the first that does", "Write the shim's type."
    if fault is not None:
        raise DomainError(fault[0], key_path=written, fix=fault[1])


def _matches(pattern: KeyPath, path: KeyPath) -> bool:
    return len(pattern) == len(path) and all(
        wanted in (ANY_NAME, key) for wanted, key in zip(pattern, path, strict=True)
    )
