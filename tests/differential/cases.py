# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and wishes as fleets have them, and as they should not have them, made up from a seed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    IMAGES,
    REGISTRY_CONFIG_PATH,
    RUNTIME,
    SANDBOX_IMAGE,
    V2_CRI,
    names,
)
from nodes.dumps import CONFIG

if t.TYPE_CHECKING:
    import random

    from differential.judge import Files

KeyPath = tuple[str, ...]

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "config").glob("*.toml"))
}
VERSIONS = (None, 0, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4)
# How many files, by chance; most nodes have one.
DROP_INS = (0, 0, 1, 1, 2, 3)
CONF_D = "/etc/containerd/conf.d"


@dataclass(frozen=True)
class Setting:
    """A key by its canonical path, and values that are none of containerd's defaults; the last are empty ones."""

    path: KeyPath
    values: tuple[t.Any, ...]


def plugin(name: str, *path: str, values: tuple[t.Any, ...]) -> Setting:
    return Setting(("plugins", f"io.containerd.{name}", *path), values)


def images(*path: str, values: tuple[t.Any, ...]) -> Setting:
    return Setting((*IMAGES, *path), values)


def runtime(*path: str, values: tuple[t.Any, ...]) -> Setting:
    return Setting((*RUNTIME, *path), values)


def server(*path: str, values: tuple[t.Any, ...]) -> Setting:
    return Setting((*V2_CRI, *path), values)


IMAGE_SETTINGS = (
    images("pinned_images", "sandbox", values=("a.example.com/pause:1", "b.example.com/pause:2", "")),
    images("registry", "config_path", values=("/etc/containerd/certs.d", "/srv/certs.d", "")),
    images("registry", "headers", values=({"X-Fleet": ["a"]}, {"X-Fleet": ["b", "c"]}, {"X-Other": ["d"]})),
    images("registry", "configs", values=({"a.example.com": {"auth": {"username": "a"}}},)),
    images("snapshotter", values=("native", "stargz", "")),
    images("disable_snapshot_annotations", values=(False,)),
    images("discard_unpacked_layers", values=(True, False)),
    images("max_concurrent_downloads", values=(5, 7, 0)),
    images("image_pull_progress_timeout", values=("1m0s", "2m0s", "0s")),
    images("image_decryption", "key_model", values=("", "other")),
    images("stats_collect_period", values=(20, 30, 0)),
)
RUNTIME_SETTINGS = (
    runtime("containerd", "default_runtime_name", values=("nvidia", "kata", "")),
    runtime("containerd", "runtimes", "runc", "options", "SystemdCgroup", values=(True, False)),
    runtime("containerd", "runtimes", "runc", "runtime_type", values=("io.containerd.runc.v2",)),
    runtime("containerd", "runtimes", "runc", "snapshotter", values=("native",)),
    runtime("containerd", "runtimes", "runc", "container_annotations", values=(["a.*"], ["b.*", "c.*"], [])),
    runtime("containerd", "runtimes", "nvidia", "runtime_type", values=("io.containerd.runc.v2",)),
    runtime(
        "containerd", "runtimes", "nvidia", "options", "BinaryName", values=("/usr/bin/nvidia-container-runtime", "")
    ),
    runtime("containerd", "runtimes", "kata", "sandboxer", values=("shim", "podsandbox")),
    runtime("containerd", "runtimes", "kata", "runtime_type", values=("io.containerd.kata.v2",)),
    runtime("containerd", "runtimes", "gvisor", values=({},)),
    runtime("cni", "bin_dirs", values=(["/opt/a"], ["/opt/b"], ["/opt/a", "/opt/b"])),
    runtime("cni", "conf_dir", values=("/etc/a", "/etc/b", "")),
    runtime("cni", "max_conf_num", values=(0, 2)),
    runtime("enable_selinux", values=(True, False)),
    runtime("enable_cdi", values=(True, False)),
    runtime("cdi_spec_dirs", values=(["/a"], ["/b", "/c"], [])),
    runtime("enable_unprivileged_ports", values=(True, False)),
    runtime("max_container_log_line_size", values=(1000, -1, 0)),
    runtime("device_ownership_from_security_context", values=(True, False)),
)
STREAMING_SETTINGS = (
    server("stream_server_address", values=("127.0.0.2", "")),
    server("stream_server_port", values=("10010", "0")),
    server("enable_tls_streaming", values=(True, False)),
    server("x509_key_pair_streaming", "tls_cert_file", values=("/etc/a.pem", "")),
)
SERVER_SETTINGS = (
    plugin("server.v1.grpc", "address", values=("/run/a.sock", "/run/b.sock", "")),
    plugin("server.v1.grpc", "uid", values=(7, 0)),
    plugin("server.v1.grpc", "max_recv_message_size", values=(1000, 0)),
    plugin("server.v1.grpc-tcp", "address", values=("127.0.0.1:1", "")),
    plugin("server.v1.grpc-tcp", "tls_ca", values=("/etc/ca.pem",)),
    plugin("server.v1.ttrpc", "address", values=("/run/a.tt", "")),
    plugin("server.v1.ttrpc", "gid", values=(8, 0)),
    plugin("server.v1.debug", "address", values=("/run/a.debug", "")),
    plugin("server.v1.debug", "uid", values=(9, 0)),
    plugin("server.v1.metrics", "address", values=("127.0.0.1:1338", "")),
    plugin("metrics.v1.grpc-prometheus", "grpc_histogram", values=(True, False)),
    Setting(("debug", "level"), ("debug", "info", "")),
    Setting(("oom_score",), (-999, 0)),
    Setting(("root",), ("/srv/containerd", "")),
    Setting(("state",), ("/run/other",)),
    Setting(("cgroup", "path"), ("/a", "")),
    Setting(("timeouts", "io.containerd.timeout.shim.load"), ("9s", "")),
    Setting(("timeouts", "io.containerd.timeout.task.state"), ("8s",)),
    Setting(
        ("proxy_plugins", "stargz"),
        (
            {"type": "snapshot", "address": "/run/a.sock"},
            {"type": "snapshot", "address": "/run/b.sock", "platform": "linux/arm64"},
        ),
    ),
    Setting(
        ("stream_processors", "a"),
        (
            {"accepts": ["a"], "returns": "b", "path": "c", "args": ["d"]},
            {"accepts": ["e"], "returns": "f", "path": "g", "env": ["H=1"]},
        ),
    ),
    Setting(("stream_processors", "io.containerd.ocicrypt.decoder.v1.tar"), ({"path": "/usr/bin/ctd"},)),
    Setting(
        ("disabled_plugins",),
        (
            ["io.containerd.snapshotter.v1.zfs"],
            ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"],
            [],
        ),
    ),
    Setting(("required_plugins",), (["io.containerd.gc.v1.scheduler"], [])),
)
OTHER_SETTINGS = (
    plugin("gc.v1.scheduler", "schedule_delay", values=("1s", "0s")),
    plugin("gc.v1.scheduler", "pause_threshold", values=(0.03, 0.05)),
    plugin("internal.v1.opt", "path", values=("/opt/a", "")),
    plugin("monitor.container.v1.restart", "interval", values=("20s",)),
    plugin("monitor.task.v1.cgroups", "no_prometheus", values=(True, False)),
    plugin("runtime.v2.task", "platforms", values=(["linux/arm64"], [])),
    plugin("service.v1.diff-service", "default", values=(["walking", "other"],)),
    plugin("snapshotter.v1.devmapper", "pool_name", values=("a", "b")),
    plugin("nri.v1.nri", "disable", values=(True, False)),
    plugin("example.v1.unknown", "key", values=("a", "")),
)
ALL = (*IMAGE_SETTINGS, *RUNTIME_SETTINGS, *STREAMING_SETTINGS, *SERVER_SETTINGS, *OTHER_SETTINGS)
CRI = (*IMAGE_SETTINGS, *RUNTIME_SETTINGS, *STREAMING_SETTINGS)


def start_files(draw: random.Random, newest: int = 4) -> Files:
    """config.toml and what it imports; seldom of a version that is newer than the one given."""
    if newest < 4 and draw.random() < 0.1:
        return beside_nvidia(draw, newest)
    versions = [version for version in VERSIONS if (version or 1) <= newest or draw.random() < 0.03]
    version = draw.choice(versions)
    drop_ins = draw.choice(DROP_INS)
    files = {CONFIG: _file(draw, version)}
    if drop_ins == 0:
        return {path: _text(data) for path, data in files.items()}
    paths = [f"{CONF_D}/{number}-{draw.choice('abc')}.toml" for number in range(drop_ins)]
    for path in paths:
        files[path] = _file(draw, draw.choice((version, version, version, None, draw.choice(versions))))
    _link(draw, files, paths)
    return {path: _text(data) for path, data in files.items()}


def beside_nvidia(draw: random.Random, newest: int) -> Files:
    """A file as fleets have it, and beside it what NVIDIA's toolkit writes for a file of that version."""
    plain = [
        content
        for name, content in FIXTURES.items()
        if name[:1] in "23"[: newest - 1] and b"imports" not in content and b"\xef\xbb\xbf" not in content
    ]
    content = draw.choice(plain)
    is_old = b"version = 2" in content
    data: dict[str, t.Any] = {"version": 2 if is_old else 3}
    classes = (*(V2_CRI if is_old else RUNTIME), "containerd")
    _put(data, (*classes, "default_runtime_name"), draw.choice(("nvidia", "runc")))
    for name in ("nvidia", "nvidia-cdi", "nvidia-legacy"):
        table = (*classes, "runtimes", name)
        _put(data, (*table, "runtime_type"), "io.containerd.runc.v2")
        _put(data, (*table, "privileged_without_host_devices"), False)
        _put(data, (*table, "options", "BinaryName"), f"/usr/bin/nvidia-container-runtime{name[6:]}")
        _put(data, (*table, "options", "SystemdCgroup"), draw.choice((True, False)))
    line = f'imports = ["{CONF_D}/*.toml"]\n'
    return {CONFIG: line.encode() + content, f"{CONF_D}/99-nvidia.toml": _text(data)}


def _link(draw: random.Random, files: dict[str, dict[str, t.Any]], paths: list[str]) -> None:
    """The imports by which all are found, the last one perhaps by way of the first."""
    shape = draw.choice(("glob", "glob", "relative glob", "names", "relative names", "chain", "glob first"))
    if shape == "glob":
        files[CONFIG]["imports"] = [f"{CONF_D}/*.toml"]
    elif shape == "relative glob":
        files[CONFIG]["imports"] = [draw.choice(("conf.d/*.toml", "etc/containerd/conf.d/*.toml"))]
    elif shape == "glob first":
        files[CONFIG]["imports"] = ["conf.d/[0-9]*.toml", f"{CONF_D}/0-*.toml", paths[-1], f"{CONF_D}/*.toml"]
    elif shape == "names":
        files[CONFIG]["imports"] = draw.sample(paths, len(paths))
    elif shape == "relative names":
        files[CONFIG]["imports"] = [path.removeprefix("/etc/containerd/") for path in reversed(paths)]
    else:
        for importing, imported in zip([CONFIG, *paths], [*paths, CONFIG], strict=True):
            files[importing]["imports"] = [imported]


@dataclass(frozen=True)
class Wishes:
    """What a user asks for, in the names of any version."""

    settings: dict[str, t.Any]
    absent: tuple[KeyPath, ...] = ()
    sandbox_image: str | None = None
    registry_config_path: str | None = None
    # The other options of the module, as a user writes them.
    options: t.Mapping[str, t.Any] = field(default_factory=dict)
    in_drop_in: bool = False
    # Settings that the release does not have are left out with a warning.
    warned: bool = False

    def __str__(self) -> str:
        named = (f"{key}: {value}" for key, value in vars(self).items() if value)
        return "\n".join(("wishes:", *named))


OPTIONS: tuple[t.Mapping[str, t.Any], ...] = (
    {"systemd_cgroup": True},
    {"systemd_cgroup": False},
    {
        "runtimes": [
            {"name": "crun", "runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/bin/crun"}}
        ]
    },
    {
        "runtimes": [
            {"name": "gvisor", "runtime_type": "io.containerd.runsc.v1"},
            {"name": "nvidia", "state": "absent"},
        ],
        "systemd_cgroup": True,
    },
    {
        "runtimes": [
            {"name": "kata", "runtime_type": "io.containerd.kata.v2", "pod_annotations": ["io.katacontainers.*"]}
        ],
        "default_runtime_name": "kata",
    },
    {"snapshotter": "native"},
    {"cni": {"conf_dir": "/etc/new/net.d", "max_conf_num": 3}, "stream_server": {"port": "10020"}},
    {"max_concurrent_downloads": 9, "image_pull_progress_timeout": "7m"},
)
# These say how a file is read, and are no settings that have a place of their own.
_WISHED = tuple(setting for setting in ALL if setting.path not in (("disabled_plugins",), ("required_plugins",)))


def wishes(draw: random.Random, settings: t.Sequence[tuple[KeyPath, t.Any]]) -> Wishes:
    """Some settings, absent paths and options; ``settings`` are those in effect, and may have to go."""
    asked: dict[str, t.Any] = {}
    taken: set[KeyPath] = set()
    menu = draw.choice((_WISHED, CRI, CRI, IMAGE_SETTINGS, RUNTIME_SETTINGS))
    for setting in draw.sample(menu, draw.choice((0, 1, 1, 1, 2, 3, 5))):
        _put(asked, *spelt(setting.path, draw.choice(setting.values), draw.choice((1, 2, 3, 4))))
        taken.add(setting.path)
    options = {path: path not in taken and draw.random() < 0.2 for path in (SANDBOX_IMAGE, REGISTRY_CONFIG_PATH)}
    taken.update(options)
    known = [path for path, _value in settings if not any(_overlap(path, other) for other in taken) and _can_go(path)]
    absent = draw.sample(known, min(len(known), draw.choice((0, 0, 1, 2))))
    return Wishes(
        asked,
        tuple(_absent(draw, path) for path in absent),
        "new.example.com/pause:3" if options[SANDBOX_IMAGE] else None,
        "/etc/new/certs.d" if options[REGISTRY_CONFIG_PATH] else None,
        {} if absent or draw.random() < 0.6 else draw.choice(OPTIONS),
        in_drop_in=draw.random() < 0.2,
        warned=draw.random() < 0.7,
    )


def _absent(draw: random.Random, path: KeyPath) -> KeyPath:
    """A setting, or now and then the table that it is in."""
    if len(path) > 4 and draw.random() < 0.3:
        path = path[:-1]
    return names(path).in_version(draw.choice((1, 2, 3, 4))) or path


def _can_go(path: KeyPath) -> bool:
    """containerd 1.x crashes at a proxy plugin without a type."""
    return len(path) > 2 and path[0] != "proxy_plugins"


def _overlap(one: KeyPath, other: KeyPath) -> bool:
    return one[: len(other) - 1] == other[:-1] or other[: len(one)] == one


def _file(draw: random.Random, version: int | None) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {} if version is None else {"version": version}
    menu = draw.choice((ALL, CRI, CRI, IMAGE_SETTINGS, RUNTIME_SETTINGS, (*SERVER_SETTINGS, *OTHER_SETTINGS)))
    own = (version or 1,)
    dialects = draw.choice((own, own, own, own, (*own, 2), (2, 3), (3,), (2, 3, 4), (1, 2, 3, 4)))
    for setting in draw.sample(menu, draw.randint(1, min(9, len(menu)))):
        _put(data, *spelt(setting.path, draw.choice(setting.values), draw.choice(dialects)))
    return data


def spelt(path: KeyPath, value: t.Any, version: int) -> tuple[KeyPath, t.Any]:
    """A setting as a file of that version has it."""
    name = names(path).in_version(version) or path
    if path == (*RUNTIME, "cni", "bin_dirs") and name[-1] == "bin_dir":
        value = value[0]
    return name, value


def _put(data: dict[str, t.Any], path: KeyPath, value: t.Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = {**data.get(path[-1], {}), **value} if isinstance(value, dict) else value


def _text(data: dict[str, t.Any]) -> bytes:
    scalars = {key: value for key, value in data.items() if not isinstance(value, dict)}
    return tomlkit.dumps({**scalars, **data}).encode()
