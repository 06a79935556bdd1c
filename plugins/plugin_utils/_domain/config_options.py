# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of CRI that have a name of their own, as settings. Private to this collection.

Most of them are one key of containerd's each. Those that mean different keys on different releases, or depend on what
the files say, are in ``runtime_classes`` and ``image_pulls``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    IMAGES,
    RUNTIME,
    V2_CRI,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import parse_duration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import (
    KEY_MODEL,
    KEYS_ON_NODE,
    SNAPSHOTTER,
    TRANSFER,
    ImagePulls,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.option_values import (
    Raw,
    read_mapping,
    read_text,
    read_texts,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import RuntimeClass, RuntimeClasses
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.setting_values import Check, path_fault, shim_fault
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set, applied, look_up

Data = t.Mapping[str, t.Any]
Reader = t.Callable[[t.Any, str], t.Any]

# As containerd's own snapshotters and those of Kubernetes' runtime classes are called.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII)
_HOST = re.compile(r"[0-9A-Za-z.:_-]+", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]*/[\w.+-]+", re.ASCII)
_HIGHEST_PORT = 65535

_CNI: KeyPath = (*RUNTIME, "cni")
_CDI: KeyPath = (*RUNTIME, "enable_cdi")
_TLS: KeyPath = (*V2_CRI, "enable_tls_streaming")
_TLS_CERT: KeyPath = (*V2_CRI, "x509_key_pair_streaming", "tls_cert_file")
_TLS_KEY: KeyPath = (*V2_CRI, "x509_key_pair_streaming", "tls_key_file")


@dataclasses.dataclass(frozen=True)
class CriOptions:
    """What a user asks for by option; None and empty ask for nothing."""

    # Canonical paths; the same on every release.
    plain: t.Mapping[KeyPath, t.Any] = dataclasses.field(default_factory=dict)
    runtimes: RuntimeClasses = dataclasses.field(default_factory=RuntimeClasses)
    pulls: ImagePulls = dataclasses.field(default_factory=ImagePulls)

    @classmethod
    def read(cls, raw: Raw) -> CriOptions:
        """Reads the options of the module, whose types are right; None is what is not asked for.

        :raises DomainError: a value that containerd cannot have.
        """
        classes = tuple(_runtime(each, f"runtimes[{index}]") for index, each in enumerate(raw.get("runtimes") or ()))
        _check_once(classes)
        return cls(
            plain={**_plain(raw), **_stream_processors(raw.get("stream_processors"))},
            runtimes=RuntimeClasses(
                classes, _read(raw, "default_runtime_name", read_name), _read(raw, "systemd_cgroup", _as_it_is)
            ),
            pulls=_pulls(raw, classes),
        )

    def wishes(self, effective: Data, release: Release) -> list[tuple[KeyPath, t.Any]]:
        """Canonical paths and values. ``effective`` is what the files say, with all else that is asked for: some
        options speak of what is there.

        :raises DomainError: an option has a value that containerd, or this release, cannot have.
        """
        after = applied(effective, [Set(path, value) for path, value in self.plain.items()])
        if self.plain.keys() & {_TLS, _TLS_CERT, _TLS_KEY}:
            _check_tls(after)
        _check_stream_processors(after, self.plain)
        return [
            *self.runtimes.wishes(effective, release),
            *(wish for wish in self.plain.items() if not _is_given(*wish, release)),
            *self.pulls.wishes(effective, release),
        ]

    def removals(self, effective: Data) -> list[KeyPath]:
        """Canonical paths that have to go, such as a runtime class that is to be absent."""
        return self.runtimes.removals(effective)

    def option_of_snapshotter(self, path: KeyPath) -> str | None:
        """The option that asks for the snapshotter at a canonical path."""
        if path == SNAPSHOTTER:
            return None if self.pulls.snapshotter is None else "snapshotter"
        found = (each for each in self.runtimes.classes if each.snapshotter is not None and each.name == path[-2])
        return next((f"{each.option}.snapshotter" for each in found), None)

    def without_effect(self, release: Release) -> dict[KeyPath, str]:
        """Settings that this release reads and does nothing with, and why."""
        if self.pulls.key_model == KEYS_ON_NODE and not release.knows(Feature.IMAGE_DECRYPTION):
            return {KEY_MODEL: "its CRI decrypts no image; that of 1.x, 2.1.7, 2.2.2 and 2.3 does"}
        return {}


def _is_given(path: KeyPath, value: t.Any, release: Release) -> bool:
    """Whether the release does so in any case, and has no key for it any more."""
    return path == _CDI and value is True and release.knows(Feature.CDI_ALWAYS)


# --- values


def read_name(raw: t.Any, at: str) -> str:
    """A name of a runtime class or a snapshotter."""
    text = read_text(raw, at)
    if not _NAME.fullmatch(text):
        raise DomainError(
            f"{text!r} is not a name",
            option=at,
            fix="Use letters, digits, and hyphens, dots or underscores in between.",
        )
    return text


def read_path(raw: t.Any, at: str) -> str:
    """An absolute path on the node."""
    return _without_fault(read_text(raw, at), at, path_fault)


def _shim(raw: t.Any, at: str) -> str:
    return _without_fault(read_text(raw, at), at, shim_fault)


def _without_fault(text: str, at: str, check: Check) -> str:
    fault = check(text)
    if fault is not None:
        raise DomainError(fault[0], option=at, fix=fault[1])
    return text


def _path_or_none(raw: t.Any, at: str) -> str:
    return "" if raw == "" else read_path(raw, at)


def _paths(raw: t.Any, at: str) -> list[str]:
    paths = [read_path(path, f"{at}[{index}]") for index, path in enumerate(raw)]
    if not paths:
        raise DomainError("is empty", option=at, fix="Name a directory, or leave the option out.")
    return paths


def _duration(raw: t.Any, at: str) -> str:
    text = read_text(raw, at)
    duration = parse_duration(text)
    if duration is None or duration < 0:
        raise DomainError(f"{text!r} is not a duration", option=at, fix='Write it as "90s", "5m" or "1h30m".')
    return text


def _count(raw: t.Any, at: str) -> int:
    number = int(raw)
    if number < 0:
        raise DomainError(f"{number} is less than nothing", option=at, fix="Write 0 or more.")
    return number


def _port(raw: t.Any, at: str) -> str:
    """A text, for containerd."""
    number = int(raw)
    if not 0 <= number <= _HIGHEST_PORT:
        raise DomainError(f"{number} is not a port", option=at, fix="Write 1 to 65535, or 0 for any that is free.")
    return str(number)


def _host(raw: t.Any, at: str) -> str:
    text = read_text(raw, at)
    if not _HOST.fullmatch(text) or text.count(":") == 1:
        raise DomainError(
            f"{text!r} is not an address", option=at, fix="Write it as 127.0.0.1 or ::1; the port has its own option."
        )
    return text


def _media_type(raw: t.Any, at: str) -> str:
    text = read_text(raw, at)
    if not _MEDIA_TYPE.fullmatch(text):
        raise DomainError(
            f"{text!r} is not a media type",
            option=at,
            fix="Write it as application/vnd.oci.image.layer.v1.tar+gzip+encrypted.",
        )
    return text


def _key_model(raw: t.Any, at: str) -> str:
    text = read_text(raw, at)
    if text not in ("", KEYS_ON_NODE):
        raise DomainError(f"{text!r} is no key model", option=at, fix=f'Write {KEYS_ON_NODE}, or "" for none.')
    return text


def _as_it_is(raw: t.Any, _at: str) -> t.Any:
    return raw


def _texts(raw: t.Any, at: str) -> list[str]:
    return list(read_texts(raw, at))


# --- options that are one key each

_OPTIONS: t.Mapping[str, tuple[KeyPath, Reader]] = {
    "cni.bin_dirs": (CNI_BIN_DIRS, _paths),
    "cni.conf_dir": ((*_CNI, "conf_dir"), read_path),
    "cni.conf_template": ((*_CNI, "conf_template"), _path_or_none),
    "cni.max_conf_num": ((*_CNI, "max_conf_num"), _count),
    "cni.setup_serially": ((*_CNI, "setup_serially"), _as_it_is),
    "cni.ip_pref": ((*_CNI, "ip_pref"), _as_it_is),
    "cni.use_internal_loopback": ((*_CNI, "use_internal_loopback"), _as_it_is),
    "stream_server.address": ((*V2_CRI, "stream_server_address"), _host),
    "stream_server.port": ((*V2_CRI, "stream_server_port"), _port),
    "stream_server.idle_timeout": ((*V2_CRI, "stream_idle_timeout"), _duration),
    "stream_server.enable_tls": (_TLS, _as_it_is),
    "stream_server.tls_cert_file": (_TLS_CERT, _path_or_none),
    "stream_server.tls_key_file": (_TLS_KEY, _path_or_none),
    "disable_tcp_service": ((*V2_CRI, "disable_tcp_service"), _as_it_is),
    "enable_unprivileged_ports": ((*RUNTIME, "enable_unprivileged_ports"), _as_it_is),
    "enable_unprivileged_icmp": ((*RUNTIME, "enable_unprivileged_icmp"), _as_it_is),
    "device_ownership_from_security_context": (
        (*RUNTIME, "device_ownership_from_security_context"),
        _as_it_is,
    ),
    "enable_cdi": (_CDI, _as_it_is),
    "cdi_spec_dirs": ((*RUNTIME, "cdi_spec_dirs"), _paths),
    "enable_selinux": ((*RUNTIME, "enable_selinux"), _as_it_is),
    "max_container_log_line_size": ((*RUNTIME, "max_container_log_line_size"), _as_it_is),
    "image_pull_progress_timeout": ((*IMAGES, "image_pull_progress_timeout"), _duration),
    "transfer_service.max_concurrent_uploaded_layers": ((*TRANSFER, "max_concurrent_uploaded_layers"), _count),
    "transfer_service.max_concurrent_unpacks": ((*TRANSFER, "max_concurrent_unpacks"), _count),
    "transfer_service.check_platform_supported": ((*TRANSFER, "check_platform_supported"), _as_it_is),
}
_RUNTIME_KEYS: t.Mapping[str, Reader] = {
    "runtime_type": _shim,
    "runtime_path": _path_or_none,
    "options": lambda raw, at: dict(read_mapping(raw, at, None)),
    "snapshotter": read_name,
    "base_runtime_spec": _path_or_none,
    "pod_annotations": _texts,
    "container_annotations": _texts,
    "privileged_without_host_devices": _as_it_is,
    "privileged_without_host_devices_all_devices_allowed": _as_it_is,
    "cni_conf_dir": _path_or_none,
    "cni_max_conf_num": _count,
    "sandboxer": read_name,
}
_PROCESSOR_KEYS: t.Mapping[str, Reader] = {
    "accepts": lambda raw, at: [_media_type(each, at) for each in read_texts(raw, at)],
    "returns": _media_type,
    "path": read_text,
    "args": _texts,
    "env": _texts,
}
_NEEDED_BY_PROCESSORS = ("accepts", "returns", "path")


def _given(raw: Raw, option: str) -> t.Any:
    """The value at ``cni.conf_dir``, None where nothing is asked for."""
    return look_up(dict(raw), tuple(option.split(".")))


def _read(raw: Raw, option: str, reader: Reader) -> t.Any:
    value = _given(raw, option)
    return None if value is None else reader(value, option)


def _plain(raw: Raw) -> dict[KeyPath, t.Any]:
    found = {path: _read(raw, option, reader) for option, (path, reader) in _OPTIONS.items()}
    return {path: value for path, value in found.items() if value is not None}


def _runtime(raw: Raw, at: str) -> RuntimeClass:
    name = read_name(raw["name"], f"{at}.name")
    keys = {key: reader(raw[key], f"{at}.{key}") for key, reader in _RUNTIME_KEYS.items() if raw.get(key) is not None}
    is_absent = raw.get("state") == "absent"
    if is_absent and keys:
        raise DomainError(
            "is of no use for a class that is to be absent", option=f"{at}.{next(iter(keys))}", fix="Leave it out."
        )
    return RuntimeClass(name, keys, is_absent, at)


def _check_once(classes: t.Sequence[RuntimeClass]) -> None:
    known: dict[str, RuntimeClass] = {}
    for each in classes:
        first = known.setdefault(each.name, each)
        if first is not each:
            raise DomainError(
                f"{each.name} is {first.option} already", option=f"{each.option}.name", fix="Name each class once."
            )


def _pulls(raw: Raw, classes: t.Sequence[RuntimeClass]) -> ImagePulls:
    unpack_config = _given(raw, "transfer_service.unpack_config")
    return ImagePulls(
        snapshotter=_read(raw, "snapshotter", read_name),
        class_snapshotters=tuple(each.snapshotter for each in classes if each.snapshotter is not None),
        unpack_config=None if unpack_config is None else tuple(map(_without_none, unpack_config)),
        key_model=_read(raw, "image_decryption.key_model", _key_model),
        use_local_pull=_read(raw, "use_local_image_pull", _as_it_is),
        downloads=_read(raw, "max_concurrent_downloads", _count),
        fetch_buffer=_read(raw, "concurrent_layer_fetch_buffer", _count),
    )


def _without_none(entry: Data) -> Data:
    return {key: value for key, value in entry.items() if value is not None}


# --- stream processors


def _stream_processors(raw: t.Any) -> dict[KeyPath, t.Any]:
    found: dict[KeyPath, t.Any] = {}
    for name, processor in (raw or {}).items():
        at = f"stream_processors.{name}"
        keys = read_mapping(processor, at, _PROCESSOR_KEYS)
        found |= {
            ("stream_processors", str(name), key): _PROCESSOR_KEYS[key](value, f"{at}.{key}")
            for key, value in keys.items()
        }
    return found


def _check_stream_processors(after: Data, plain: t.Mapping[KeyPath, t.Any]) -> None:
    """:raises DomainError: a processor would lack what containerd cannot guess: a file's entry replaces its own."""
    for name in dict.fromkeys(path[1] for path in plain if path[0] == "stream_processors"):
        missing = [key for key in _NEEDED_BY_PROCESSORS if not look_up(after, ("stream_processors", name, key))]
        if missing:
            raise DomainError(
                "is missing",
                option=f"stream_processors.{name}.{missing[0]}",
                fix=f"A processor needs {', '.join(_NEEDED_BY_PROCESSORS)}, one of containerd's own that is named too.",
            )


# --- TLS of the stream server


def _check_tls(after: Data) -> None:
    """:raises DomainError: with such a combination CRI does not load."""
    is_on, cert, key = (look_up(after, path) for path in (_TLS, _TLS_CERT, _TLS_KEY))
    if (cert or key) and not is_on:
        raise DomainError(
            "CRI does not load with a certificate or key and without TLS",
            option="stream_server.enable_tls",
            fix='Set it to true, or both files to "".',
        )
    if bool(cert) != bool(key):
        missing = "tls_key_file" if cert else "tls_cert_file"
        raise DomainError(
            "is missing: CRI does not load with one file of two",
            option=f"stream_server.{missing}",
            fix="Name both files, or neither for a certificate of containerd's own making.",
        )
