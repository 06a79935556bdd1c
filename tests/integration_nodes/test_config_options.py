# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd makes of the options of CRI: each option, on each release, from each file that it could meet.

Asked of the releases that ``make test`` boots; others by name: ``DUMP_RELEASES=2.0,2.4``, or ``all``.
"""

from __future__ import annotations

import functools
import tomllib
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG, CRI_OPTIONS
from ansible_collections.airgap.nodes.plugins.modules import containerd_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import Source, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import in_canonical_names, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import TRANSFER
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes import dumps

Line = tuple[int, int]
Settings = dict[tuple[str, ...], t.Any]

FILES = Path(__file__).parents[1] / "nodes" / "files" / "containerd"
RUNC: t.Final = "io.containerd.runc.v2"
# Each start file, and the first release that reads it.
STARTS: dict[str, tuple[bytes | None, Line]] = {
    "none": (None, (1, 5)),
    "debian": ((FILES / "debian.toml").read_bytes(), (1, 5)),
    "v3": ((FILES / "v3.toml").read_bytes(), (2, 0)),
    "v4": ((FILES / "v4.toml").read_bytes(), (2, 3)),
    "the release's own": (b"default", (1, 5)),
    # A node that has been upgraded, with the file that its old containerd had printed.
    "that of 1.7": (b"1.7", (2, 0)),
}


@dataclass(frozen=True)
class Option:
    """What a user asks for, and what ``config dump`` shows then, by the first release of which it is true."""

    name: str
    asked: dict[str, t.Any]
    shown: dict[Line, Settings]
    # The first release that has it, and what an older one says.
    since: Line = (1, 5)
    refusal: str = "does not read it"
    # Later ones that say the same; of the lines with a gap, the tests have releases before its end.
    gap: tuple[Line, ...] = ()
    not_from: tuple[str, ...] = ()
    # What else may change, with all below: what containerd fills up.
    filled: tuple[tuple[str, ...], ...] = ()

    def shown_by(self, line: Line) -> Settings:
        return self.shown[max(first for first in self.shown if first <= line)]


def runtime(*keys: str) -> tuple[str, ...]:
    return (*RUNTIME, *keys)


def plain(name: str, value: t.Any, path: tuple[str, ...], *, since: Line = (1, 5), shown: t.Any = None) -> Option:
    asked: t.Any = value
    for key in reversed(name.split(".")):
        asked = {key: asked}
    return Option(name, asked, {(1, 5): {path: value if shown is None else shown}}, since)


def class_of(name: str, *keys: str) -> tuple[str, ...]:
    return (*RUNTIMES, name, *keys)


def runtime_class(name: str, since: Line = (1, 5), **keys: t.Any) -> Option:
    """A new class with one key; ``runc`` is still there beside it."""
    own = {class_of("new", *path): value for path, value in leaves(keys)}
    asked = {"runtimes": [{"name": "new", "runtime_type": RUNC, **keys}]}
    shown = {**own, class_of("new", "runtime_type"): RUNC, class_of("runc", "runtime_type"): RUNC}
    return Option(f"runtimes.{name}", asked, {(1, 5): shown}, since, filled=(class_of("new"), class_of("runc")))


@dataclass(frozen=True)
class UnpackedFor:
    """An unpack_config that ends with these snapshotters, whatever else containerd fills into its entries."""

    snapshotters: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list):
            return False
        return tuple(entry["snapshotter"] for entry in other)[-len(self.snapshotters) :] == self.snapshotters

    __hash__ = None  # type: ignore[assignment]


_STREAM_TLS: Settings = {
    (*V2_CRI, "enable_tls_streaming"): True,
    (*V2_CRI, "x509_key_pair_streaming", "tls_cert_file"): "/etc/containerd/stream.pem",
    (*V2_CRI, "x509_key_pair_streaming", "tls_key_file"): "/etc/containerd/stream-key.pem",
}
_PROCESSOR = {
    "accepts": ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted"],
    "returns": "application/vnd.oci.image.layer.v1.tar+gzip",
    "path": "/usr/local/bin/ctd-decoder",
    "args": ["--decryption-keys-path", "/etc/containerd/keys"],
    "env": ["OCICRYPT_KEYPROVIDER_CONFIG=/etc/containerd/ocicrypt.conf"],
}

OPTIONS = [
    Option(
        "systemd_cgroup",
        {"systemd_cgroup": True},
        {(1, 5): {class_of("runc", "options", "SystemdCgroup"): True, class_of("runc", "runtime_type"): RUNC}},
        filled=(class_of("runc"),),
    ),
    Option(
        "systemd_cgroup.every class",
        {"systemd_cgroup": True, "runtimes": [{"name": "crun", "runtime_type": RUNC}]},
        {
            (1, 5): {
                class_of(name, *path): value
                for name in ("runc", "crun")
                for path, value in ((("options", "SystemdCgroup"), True), (("runtime_type",), RUNC))
            }
        },
        filled=(class_of("runc"), class_of("crun")),
    ),
    Option(
        "snapshotter",
        {"snapshotter": "native"},
        {
            (1, 5): {(*IMAGES, "snapshotter"): "native"},
            (2, 1): {(*IMAGES, "snapshotter"): "native", (*TRANSFER, "unpack_config"): UnpackedFor(("native",))},
        },
    ),
    Option(
        "default_runtime_name",
        {"default_runtime_name": "crun", "runtimes": [{"name": "crun", "runtime_type": RUNC}]},
        {(1, 5): {runtime("containerd", "default_runtime_name"): "crun", class_of("crun", "runtime_type"): RUNC}},
        filled=(class_of("runc"), class_of("crun")),
    ),
    runtime_class("options", options={"BinaryName": "/usr/bin/crun"}),
    runtime_class("runtime_path", (1, 6), runtime_path="/opt/kata/bin/containerd-shim-kata-v2"),
    runtime_class("base_runtime_spec", base_runtime_spec="/etc/containerd/limits.json"),
    runtime_class("pod_annotations", pod_annotations=["io.katacontainers.*"]),
    runtime_class("container_annotations", container_annotations=["cdi.k8s.io/*"]),
    runtime_class("privileged_without_host_devices", privileged_without_host_devices=True),
    runtime_class(
        "privileged_without_host_devices_all_devices_allowed",
        (1, 7),
        privileged_without_host_devices=True,
        privileged_without_host_devices_all_devices_allowed=True,
    ),
    runtime_class("cni_conf_dir", (1, 6), cni_conf_dir="/etc/cni/kata.d"),
    runtime_class("cni_max_conf_num", (1, 6), cni_max_conf_num=2),
    runtime_class("sandboxer", (1, 7), sandboxer="shim"),
    Option("runtimes.absent", {"runtimes": [{"name": "never-there", "state": "absent"}]}, {(1, 5): {}}),
    Option(
        "runtimes.snapshotter",
        {"runtimes": [{"name": "new", "runtime_type": RUNC, "snapshotter": "native"}]},
        {
            (1, 7): {class_of("new", "snapshotter"): "native"},
            (2, 0): {
                class_of("new", "snapshotter"): "native",
                (*IMAGES, "runtime_platforms", "new", "snapshotter"): "native",
            },
            (2, 1): {
                class_of("new", "snapshotter"): "native",
                (*IMAGES, "runtime_platforms", "new", "snapshotter"): "native",
                (*TRANSFER, "unpack_config"): UnpackedFor(("overlayfs", "native")),
            },
            (2, 3): {
                class_of("new", "snapshotter"): "native",
                (*TRANSFER, "unpack_config"): UnpackedFor(("overlayfs", "native")),
            },
        },
        since=(1, 7),
        filled=(class_of("new"), class_of("runc"), (*IMAGES, "runtime_platforms", "new")),
    ),
    plain("cni.bin_dirs", ["/usr/libexec/cni"], runtime("cni", "bin_dirs")),
    Option(
        "cni.bin_dirs.two",
        {"cni": {"bin_dirs": ["/usr/libexec/cni", "/opt/cni/bin"]}},
        {(2, 1): {runtime("cni", "bin_dirs"): ["/usr/libexec/cni", "/opt/cni/bin"]}},
        since=(2, 1),
        refusal="takes one directory",
    ),
    plain("cni.conf_dir", "/etc/cni/other.d", runtime("cni", "conf_dir")),
    plain("cni.conf_template", "/etc/containerd/cni.tmpl", runtime("cni", "conf_template")),
    plain("cni.max_conf_num", 3, runtime("cni", "max_conf_num")),
    plain("cni.setup_serially", True, runtime("cni", "setup_serially"), since=(1, 7)),
    plain("cni.ip_pref", "ipv6", runtime("cni", "ip_pref"), since=(1, 6)),
    plain("cni.use_internal_loopback", True, runtime("cni", "use_internal_loopback"), since=(2, 0)),
    plain("stream_server.address", "127.0.0.2", (*V2_CRI, "stream_server_address")),
    plain("stream_server.port", 10010, (*V2_CRI, "stream_server_port"), shown="10010"),
    plain("stream_server.idle_timeout", "30m", (*V2_CRI, "stream_idle_timeout")),
    Option(
        "stream_server.enable_tls",
        {
            "stream_server": {
                "enable_tls": True,
                "tls_cert_file": "/etc/containerd/stream.pem",
                "tls_key_file": "/etc/containerd/stream-key.pem",
            }
        },
        {(1, 5): _STREAM_TLS},
    ),
    plain("disable_tcp_service", False, (*V2_CRI, "disable_tcp_service")),
    plain("enable_unprivileged_ports", True, runtime("enable_unprivileged_ports"), since=(1, 6)),
    plain("enable_unprivileged_icmp", False, runtime("enable_unprivileged_icmp"), since=(1, 6)),
    plain(
        "device_ownership_from_security_context", True, runtime("device_ownership_from_security_context"), since=(1, 6)
    ),
    Option(
        "enable_cdi",
        {"enable_cdi": True},
        {(1, 7): {runtime("enable_cdi"): True}, (2, 4): {}},
        since=(1, 7),
    ),
    plain("cdi_spec_dirs", ["/etc/cdi"], runtime("cdi_spec_dirs"), since=(1, 7)),
    plain("enable_selinux", True, runtime("enable_selinux")),
    plain("max_container_log_line_size", -1, runtime("max_container_log_line_size")),
    plain("image_decryption.key_model", "", (*IMAGES, "image_decryption", "key_model")),
    Option(
        "image_decryption.on the node",
        {"image_decryption": {"key_model": "node"}},
        {
            (1, 5): {(*IMAGES, "image_decryption", "key_model"): "node"},
            (2, 3): {(*IMAGES, "image_decryption", "key_model"): "node", (*IMAGES, "use_local_image_pull"): True},
        },
        gap=((2, 0), (2, 1), (2, 2)),
        refusal="decrypts no image",
    ),
    Option(
        "stream_processors",
        {"stream_processors": {"example": _PROCESSOR}},
        {(1, 5): {("stream_processors", "example", key): value for key, value in _PROCESSOR.items()}},
    ),
    Option(
        "max_concurrent_downloads",
        {"max_concurrent_downloads": 8},
        {
            (1, 5): {(*IMAGES, "max_concurrent_downloads"): 8},
            (2, 1): {(*TRANSFER, "max_concurrent_downloads"): 8, (*IMAGES, "max_concurrent_downloads"): 3},
        },
    ),
    Option(
        "max_concurrent_downloads.local",
        {"max_concurrent_downloads": 8, "use_local_image_pull": True},
        {
            (1, 5): {(*IMAGES, "max_concurrent_downloads"): 8},
            (2, 1): {(*IMAGES, "max_concurrent_downloads"): 8, (*IMAGES, "use_local_image_pull"): True},
        },
    ),
    Option(
        "concurrent_layer_fetch_buffer",
        {"concurrent_layer_fetch_buffer": 8388608},
        {(2, 1): {(*TRANSFER, "concurrent_layer_fetch_buffer"): 8388608}},
        since=(2, 1),
    ),
    plain("image_pull_progress_timeout", "10m", (*IMAGES, "image_pull_progress_timeout"), since=(1, 7)),
    Option(
        "use_local_image_pull",
        {"use_local_image_pull": True},
        {(1, 5): {}, (2, 1): {(*IMAGES, "use_local_image_pull"): True}},
    ),
    plain(
        "transfer_service.max_concurrent_uploaded_layers",
        5,
        (*TRANSFER, "max_concurrent_uploaded_layers"),
        since=(1, 7),
    ),
    plain("transfer_service.max_concurrent_unpacks", 2, (*TRANSFER, "max_concurrent_unpacks"), since=(2, 2)),
    Option(
        "transfer_service.unpack_config",
        {"transfer_service": {"unpack_config": [{"snapshotter": "native", "differ": "walking"}]}},
        {(1, 7): {(*TRANSFER, "unpack_config"): UnpackedFor(("native",))}},
        since=(1, 7),
        # 1.7 prints an array of tables, which is not replaced.
        not_from=("the release's own", "that of 1.7"),
    ),
    plain("transfer_service.check_platform_supported", True, (*TRANSFER, "check_platform_supported"), since=(2, 1)),
]


# --- the judge


@dataclass(frozen=True)
class Outcome:
    """What containerd showed before and after, and what a second run would change."""

    before: Settings
    after: Settings
    again: int


def read(asked: dict[str, t.Any]) -> ConfigIntent:
    """As the action does it."""
    checked = ArgumentSpecValidator(dict(CONTAINERD_CONFIG)).validate(asked)
    assert not checked.error_messages
    options = checked.validated_parameters
    return ConfigIntent(
        sandbox_image=options["sandbox_image"],
        settings=options["settings"],
        options=CriOptions.read(options),
        unsupported=options["unsupported"],
    )


def shown(result: dumps.DumpResult) -> Settings:
    return dict(in_canonical_names(path, value) for path, value in leaves(tomllib.loads(result.checked())))


def start_files(release_name: str, line: Line) -> dict[str, bytes | None]:
    printed = {b"default": dumps.default_config(release_name), b"1.7": dumps.default_config("1.7")}
    files = {name: content for name, (content, first) in STARTS.items() if first <= line}
    return {name: printed[content].encode() if content in printed else content for name, content in files.items()}


@functools.cache
def outcomes(release_name: str) -> dict[tuple[str, str], Outcome | DomainError]:
    """All at once: containerd is quick, but not quick to come and go."""
    release = Release.parse(dumps.version(release_name))
    found: dict[tuple[str, str], Outcome | DomainError] = {}
    texts: dict[tuple[str, str], tuple[str, int]] = {}
    starts = start_files(release_name, release.line)
    for option in OPTIONS:
        for name, content in starts.items():
            if name in option.not_from:
                continue
            try:
                intent = read(option.asked)
                text = plan_config(content, intent, release).text
                again = plan_config(text.encode(), intent, release)
                texts[option.name, name] = text, len(again.differences)
            except DomainError as refusal:
                found[option.name, name] = refusal
    before = dump_texts(release_name, [content or b"" for content in starts.values()])
    at_first = dict(zip(starts, before, strict=True))
    after = dump_texts(release_name, [text.encode() for text, _again in texts.values()])
    for (key, (_text, again)), dump in zip(texts.items(), after, strict=True):
        found[key] = Outcome(at_first[key[1]], dump, again)
    return found


def dump_texts(release_name: str, texts: list[bytes]) -> list[Settings]:
    return [shown(result) for result in dumps.dump_many(release_name, [dumps.Case({dumps.CONFIG: t}) for t in texts])]


def of_option(option: Option, release_name: str) -> dict[str, Outcome | DomainError]:
    return {start: found for (name, start), found in outcomes(release_name).items() if name == option.name}


def line_of(release_name: str) -> Line:
    """A release that is refused anyway is not asked."""
    line = Release.parse(dumps.version(release_name)).line
    if line < (1, 5):
        pytest.skip("this collection does not write for it")
    return line


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_shown_by_containerd(option: Option, release_name: str) -> None:
    """The option's settings are in effect, nothing else has changed, and a second run changes nothing."""
    line = line_of(release_name)
    found = of_option(option, release_name)
    assert found
    if line < option.since or line in option.gap:
        assert {type(outcome) for outcome in found.values()} == {DomainError}
        assert all(option.refusal in str(outcome) for outcome in found.values()), found
        return
    wanted = option.shown_by(line)
    for start, outcome in found.items():
        assert isinstance(outcome, Outcome), f"{start}: {outcome}"
        assert {path: outcome.after.get(path) for path in wanted} == wanted, start
        changed = {path for path in {*outcome.before, *outcome.after} if differs(outcome, path)}
        beside = {path for path in changed if path not in wanted and not is_below(path, option.filled)}
        assert beside == set(), start
        assert outcome.again == 0, start


def differs(outcome: Outcome, path: tuple[str, ...]) -> bool:
    # The version of a file that had none, and what containerd cannot have filled into a table that was empty.
    is_marker = path[0] in ("version", "imports") or outcome.before.get(path, outcome.after.get(path)) == {}
    return not is_marker and outcome.before.get(path) != outcome.after.get(path)


def is_below(path: tuple[str, ...], tables: tuple[tuple[str, ...], ...]) -> bool:
    return any(path[: len(table)] == table for table in tables)


def test_every_option_is_here() -> None:
    """With every key of those that have some."""
    names = {name for name, spec in CRI_OPTIONS.items() if "options" not in spec}
    nested = {f"{name}.{key}" for name, spec in CRI_OPTIONS.items() for key in spec.get("options", {})}
    asked = {name for option in OPTIONS for name in asked_for(option.asked)}
    assert names | nested == asked


def asked_for(asked: dict[str, t.Any]) -> t.Iterator[str]:
    for name, value in asked.items():
        entries = value if isinstance(value, list) else [value]
        if "options" in CRI_OPTIONS[name]:
            yield from (f"{name}.{key}" for entry in entries for key in entry)
        else:
            yield name


# --- beside what NVIDIA's toolkit writes

DROP_IN: t.Final = "/etc/containerd/conf.d/99-nvidia.toml"
NVIDIA: t.Final = """
[plugins."TABLE".containerd]
  default_runtime_name = "nvidia"
[plugins."TABLE".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."TABLE".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
  [plugins."TABLE".containerd.runtimes.nvidia.options]
    BinaryName = "/usr/bin/nvidia-container-runtime"
"""
BESIDE: dict[str, tuple[dict[str, t.Any], Settings]] = {
    "the same cgroup driver for its class": (
        {"systemd_cgroup": True},
        {class_of("runc", "options", "SystemdCgroup"): True, class_of("nvidia", "options", "SystemdCgroup"): True},
    ),
    "another class beside it": (
        {"runtimes": [{"name": "crun", "runtime_type": RUNC}]},
        {class_of(name, "runtime_type"): RUNC for name in ("runc", "nvidia", "crun")},
    ),
    "its class removed": (
        {"runtimes": [{"name": "nvidia", "state": "absent"}], "default_runtime_name": "runc"},
        {class_of("nvidia", "runtime_type"): None, runtime("containerd", "default_runtime_name"): "runc"},
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_beside_nvidia(case: str, release_name: str) -> None:
    """Its file replaces the whole table of config.toml on 1.x, and is merged into it on 2.x."""
    table, version = (RUNTIME[1], 3) if line_of(release_name) >= (2, 0) else (V2_CRI[1], 2)
    release = Release.parse(dumps.version(release_name))
    own = f'version = {version}\nimports = ["/etc/containerd/conf.d/*.toml"]\n'
    theirs = f"version = {version}\n{NVIDIA}".replace("TABLE", table)
    asked, wanted = BESIDE[case]
    plan = plan_config(own.encode(), read(asked), release, imported=[Source(DROP_IN, theirs.encode())])
    files = {file.path: file.text.encode() for file in plan.files}
    dump = shown(dumps.dump_many(release_name, [dumps.Case(files)])[0])
    assert {path: dump.get(path) for path in wanted} == wanted


# --- the documentation's examples


def examples() -> dict[str, dict[str, t.Any]]:
    tasks = yaml.safe_load(containerd_config.EXAMPLES)
    return {task["name"]: task[module] for task in tasks if (module := "airgap.nodes.containerd_config") in task}


@functools.cache
def example_results(release_name: str) -> dict[str, list[dumps.DumpResult] | DomainError]:
    """The start files as they are, under an empty name, and as each example leaves them."""
    release = Release.parse(dumps.version(release_name))
    starts = list(start_files(release_name, release.line).values())
    texts = {"": [content or b"" for content in starts]}
    refused: dict[str, list[dumps.DumpResult] | DomainError] = {}
    for name, asked in examples().items():
        # The others may hold variables, which nobody has filled in here.
        if not asked.keys() & CRI_OPTIONS.keys():
            continue
        try:
            texts[name] = [plan_config(content, read(asked), release).text.encode() for content in starts]
        except DomainError as refusal:
            refused[name] = refusal
    cases = [dumps.Case({dumps.CONFIG: text}) for each in texts.values() for text in each]
    results = iter(dumps.dump_many(release_name, cases))
    return refused | {name: [next(results) for _text in each] for name, each in texts.items()}


@pytest.mark.parametrize("name", examples())
def test_example(name: str, release_name: str) -> None:
    """Each example is taken by each release, or refused for a setting that the release does not have."""
    if not examples()[name].keys() & CRI_OPTIONS.keys():
        pytest.skip("has no option of CRI")
    assert line_of(release_name)
    found = example_results(release_name)
    results, starts = found[name], found[""]
    if isinstance(results, DomainError):
        assert "does not read" in str(results)
        return
    assert isinstance(starts, list)
    assert [result.rc for result in results] == [0] * len(results)
    assert list(map(unknown_keys, results)) == list(map(unknown_keys, starts))


def unknown_keys(result: dumps.DumpResult) -> int:
    return result.stderr.count("unknown key")


def test_every_option_has_an_example() -> None:
    assert set(CRI_OPTIONS) - {option for asked in examples().values() for option in asked} == set()
