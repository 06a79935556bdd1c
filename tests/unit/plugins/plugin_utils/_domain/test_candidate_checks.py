# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of each value; which release cannot bear which is measured in tests/integration_nodes."""

from __future__ import annotations

import tomllib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate import check_starts
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

PATH = "/etc/containerd/config.toml"
DROP_IN = "/etc/containerd/conf.d/a.toml"
V2 = 'plugins."io.containerd.grpc.v1.cri"'
IMAGES = 'plugins."io.containerd.cri.v1.images"'
RUNTIME = 'plugins."io.containerd.cri.v1.runtime"'
RUNC = "containerd.runtimes.runc]\nruntime_type = 'io.containerd.runc.v2'"
NO_CRI = "would start without CRI, and no pod could run. Nothing was changed."
NO_START = "would not start. Nothing was changed."
DURATION = 'Write it as "90s", "5m" or "1h30m".'


def refusal(release: str, *texts: str) -> str:
    files = [ConfigFile(path, tomllib.loads(text)) for path, text in zip((PATH, DROP_IN), texts, strict=False)]
    with pytest.raises(DomainError) as error:
        check_starts(files, Release.parse(release))
    return str(error.value)


MESSAGES = {
    "streaming, duration": (
        "1.7.24",
        f"version = 2\n[{V2}]\nstream_idle_timeout = '4 hours'",
        f"{V2}.stream_idle_timeout: '4 hours' is not a duration: containerd 1.7.24 {NO_CRI} {DURATION}",
    ),
    "images, duration, with the name that the file has": (
        "2.1.5",
        f"version = 2\n[{V2}]\nimage_pull_progress_timeout = '5 min'",
        f"{V2}.image_pull_progress_timeout: '5 min' is not a duration: containerd 2.1.5 {NO_CRI} {DURATION}",
    ),
    "timeouts, duration": (
        "2.3.4",
        "version = 4\n[timeouts]\n'io.containerd.timeout.shim.load' = '5 s'",
        f"timeouts.\"io.containerd.timeout.shim.load\": '5 s' is not a duration: containerd 2.3.4 {NO_START} "
        f"{DURATION}",
    ),
    "period": (
        "1.6.20",
        f"version = 2\n[{V2}]\nstats_collect_period = 0",
        f"{V2}.stats_collect_period: 0 is not a number of seconds: containerd 1.6.20 would crash. Nothing was changed. "
        "Write 10, the default.",
    ),
    "snapshotter": (
        "2.3.4",
        f"version = 4\n[{IMAGES}]\nsnapshotter = ''",
        f'{IMAGES}.snapshotter: is empty: containerd 2.3.4 {NO_CRI} Write "overlayfs", the default.',
    ),
    "default class": (
        "2.3.4",
        f"version = 4\n[{RUNTIME}.containerd]\ndefault_runtime_name = 'nope'",
        f"{RUNTIME}.containerd.default_runtime_name: there is no runtime class nope: containerd 2.3.4 {NO_CRI} Name "
        "one that there is (runc), or write its table.",
    ),
    "default class, empty": (
        "1.7.24",
        f"version = 2\n[{V2}.containerd]\ndefault_runtime_name = ''",
        f"{V2}.containerd.default_runtime_name: is empty: containerd 1.7.24 {NO_CRI} Name one that there is (runc), or "
        "write its table.",
    ),
    "default class, gone with the first that is named": (
        "1.6.20",
        f"version = 2\n[{V2}.containerd.runtimes.kata]\nruntime_type = 'io.containerd.kata.v2'",
        f"{V2}.containerd.default_runtime_name: there is no runtime class runc: containerd 1.6.20 {NO_CRI} Name one "
        "that there is (kata), or write its table.",
    ),
    "a number for a text, by its name": (
        "1.7.24",
        f"version = 2\n[{V2}.registry]\nconfig_path = 1",
        f'{V2}.registry.config_path: has to be a text: containerd 1.7.24 {NO_START} TOML writes a text as "3.10", a '
        "number as 3.10.",
    ),
    "class, devices": (
        "2.1.5",
        f"version = 3\n[{RUNTIME}.{RUNC}\nprivileged_without_host_devices_all_devices_allowed = true",
        f"{RUNTIME}.containerd.runtimes.runc.privileged_without_host_devices_all_devices_allowed: needs "
        f"privileged_without_host_devices: containerd 2.1.5 {NO_CRI} Set privileged_without_host_devices = true too.",
    ),
    "class, io_type": (
        "2.1.5",
        f"version = 3\n[{RUNTIME}.{RUNC}\nio_type = 'pipe'",
        f"{RUNTIME}.containerd.runtimes.runc.io_type: 'pipe' is none of fifo, streaming: containerd 2.1.5 {NO_CRI} "
        "Write one of these.",
    ),
    "class, keys of the old shim": (
        "1.7.24",
        f"version = 2\n[{V2}.{RUNC}\nruntime_root = '/run/runc'",
        f"{V2}.containerd.runtimes.runc.runtime_root: goes with runtime classes of type io.containerd.runtime.v1.linux "
        f"alone: containerd 1.7.24 {NO_CRI} Remove it; the runtime's own options say the same.",
    ),
    "systemd_cgroup": (
        "1.7.24",
        f"version = 2\n[{V2}]\nsystemd_cgroup = true",
        f"{V2}.systemd_cgroup: goes with runtime classes of type io.containerd.runtime.v1.linux alone: containerd "
        f"1.7.24 {NO_CRI} Remove it; options.SystemdCgroup of the class is what counts.",
    ),
    "streaming, port": (
        "2.3.4",
        f"version = 4\n[{V2}]\nstream_server_port = '99999'",
        f"{V2}.stream_server_port: '99999' is not a port: containerd 2.3.4 {NO_CRI} Write a number up to 65535; \"0\" "
        "is any free one.",
    ),
    "streaming, half a pair": (
        "2.3.4",
        f"version = 4\n[{V2}.x509_key_pair_streaming]\ntls_cert_file = '/a'",
        f"{V2}.x509_key_pair_streaming: has one file of the two: containerd 2.3.4 {NO_CRI} Name both tls_cert_file and "
        "tls_key_file, or neither.",
    ),
    "streaming, a pair for nothing": (
        "2.3.4",
        f"version = 4\n[{V2}.x509_key_pair_streaming]\ntls_cert_file = '/a'\ntls_key_file = '/b'",
        f"{V2}.x509_key_pair_streaming: is set, and enable_tls_streaming is not: containerd 2.3.4 {NO_CRI} Set "
        "enable_tls_streaming = true, or remove the files.",
    ),
    "a plugin that CRI needs": (
        "2.3.4",
        "version = 4\ndisabled_plugins = ['io.containerd.gc.v1.scheduler']",
        f"disabled_plugins: names io.containerd.gc.v1.scheduler, which CRI needs: containerd 2.3.4 {NO_CRI} Remove it "
        "from the list.",
    ),
    "the snapshotter in use": (
        "1.6.20",
        f"version = 2\ndisabled_plugins = ['io.containerd.snapshotter.v1.native']\n[{V2}.containerd]\n"
        "snapshotter = 'native'",
        f"disabled_plugins: names io.containerd.snapshotter.v1.native, which CRI needs: containerd 1.6.20 {NO_CRI} "
        "Remove it from the list.",
    ),
    "directories": (
        "1.7.24",
        "version = 2\nroot = '/run/containerd'",
        f"root: is the same directory as state: containerd 1.7.24 {NO_START} Name two directories.",
    ),
    "level": (
        "1.7.24",
        "version = 2\n[debug]\nlevel = 'loud'",
        "debug.level: 'loud' is none of trace, debug, info, warn, warning, error, fatal, panic: containerd 1.7.24 "
        f"{NO_START} Write one of these.",
    ),
    "socket, long": (
        "1.7.24",
        f"version = 2\n[grpc]\naddress = '/run/{'x' * 100}'",
        f"grpc.address: has 105 bytes, too many for a socket: containerd 1.7.24 {NO_START} Name a path of at most 104 "
        "bytes.",
    ),
    "socket, relative": (
        "2.3.4",
        "version = 3\n[debug]\naddress = 'debug.sock'",
        f"debug.address: 'debug.sock' is not a socket: containerd 2.3.4 {NO_START} Write it as "
        "/run/containerd/debug.sock.",
    ),
    "socket, none": (
        "2.3.4",
        "version = 4\n[plugins.'io.containerd.server.v1.grpc']\naddress = ''",
        'plugins."io.containerd.server.v1.grpc".address: is empty: containerd 2.3.4 would start and listen nowhere. '
        "Nothing was changed. Write /run/containerd/containerd.sock.",
    ),
    "metrics": (
        "2.1.5",
        "version = 3\n[metrics]\naddress = 'localhost'",
        f"metrics.address: 'localhost' is not an address: containerd 2.1.5 {NO_START} Write it as 127.0.0.1:1338.",
    ),
    "policy": (
        "2.1.5",
        "version = 3\n[plugins.'io.containerd.metadata.v1.bolt']\ncontent_sharing_policy = 'some'",
        "plugins.\"io.containerd.metadata.v1.bolt\".content_sharing_policy: 'some' is none of shared, isolated: "
        f"containerd 2.1.5 {NO_CRI} Write one of these.",
    ),
    "mirrors": (
        "2.3.4",
        f"version = 4\n[{IMAGES}.registry]\nconfig_path = '/a'\n[{IMAGES}.registry.mirrors.'a.example']\nendpoint = []",
        f"{IMAGES}.registry.mirrors: cannot stand beside registry.config_path: containerd 2.3.4 {NO_CRI} Migrate with "
        "containerd_migrate, in the role with containerd_migrate_legacy: true.",
    ),
    "mirrors, and the config_path that nobody has written": (
        "2.2.1",
        f"version = 3\n[{IMAGES}.registry.mirrors.'a.example']\nendpoint = []",
        f"{IMAGES}.registry.mirrors: cannot stand beside the config_path that it has by itself: containerd 2.2.1 "
        f"{NO_CRI} Migrate with containerd_migrate, in the role with containerd_migrate_legacy: true.",
    ),
}


@pytest.mark.parametrize(("release", "head"), [("2.2.1", "config_path = ''\n"), ("2.2.2", "")])
def test_mirrors_alone_are_taken(release: str, head: str) -> None:
    mirrors = f"version = 3\n[{IMAGES}.registry]\n{head}[{IMAGES}.registry.mirrors.'a.example']\nendpoint = []"
    check_starts([ConfigFile(PATH, tomllib.loads(mirrors))], Release.parse(release))


@pytest.mark.parametrize(("release", "text", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_what_is_said(release: str, text: str, message: str) -> None:
    assert refusal(release, text) == message


def test_the_drop_in_that_says_it_is_named() -> None:
    drop_in = f"version = 4\n[{V2}]\nstream_idle_timeout = 'x'"
    assert refusal("2.3.4", "version = 4\nimports = ['/etc/containerd/conf.d/*.toml']", drop_in) == (
        f"{DROP_IN}: {V2}.stream_idle_timeout: 'x' is not a duration: containerd 2.3.4 {NO_CRI} {DURATION}"
    )


SOUND = {
    "a key that the release passes over": ("1.6.20", f"version = 2\n[{V2}]\nimage_pull_progress_timeout = 'x'"),
    "a table of another version": ("1.7.24", f"version = 2\n[{RUNTIME}.containerd]\ndefault_runtime_name = 'nope'"),
    "the class of old for all": (
        "1.7.24",
        f"version = 2\n[{V2}.containerd.default_runtime]\nruntime_type = 'io.containerd.runc.v2'\n"
        f"[{V2}.containerd.runtimes.kata]\nruntime_type = 'io.containerd.kata.v2'",
    ),
    "a level in capitals": ("2.3.4", "version = 4\n[debug]\nlevel = 'DEBUG'"),
    "a snapshotter that is not used": ("2.3.4", "version = 4\ndisabled_plugins = ['io.containerd.snapshotter.v1.zfs']"),
    "no CRI, as somebody wants it": (
        "2.3.4",
        f"version = 4\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n[{V2}]\nstream_idle_timeout = 'x'",
    ),
    "a class whose snapshotter is disabled": (
        "2.3.4",
        f"version = 4\ndisabled_plugins = ['io.containerd.snapshotter.v1.native']\n[{RUNTIME}.{RUNC}\n"
        "snapshotter = 'native'",
    ),
    "a store in the place of containerd's own": (
        "2.3.4",
        "version = 4\ndisabled_plugins = ['io.containerd.content.v1.content']\n[proxy_plugins.a]\ntype = 'content'\n"
        "address = '/a'",
    ),
    "no path of its own": ("2.3.4", "version = 4\nroot = 'here'"),
    "a socket of TCP": ("2.3.4", "version = 4\n[debug]\naddress = ':6060'"),
    "the longest socket": ("1.7.24", f"version = 2\n[grpc]\naddress = '/run/{'x' * 99}'"),
    "a port by its name": ("1.7.24", f"version = 2\n[{V2}]\nstream_server_port = 'http'"),
    "an address that is not read": (
        "2.3.4",
        "version = 4\n[plugins.'io.containerd.server.v1.grpc-tcp']\naddress = 'nonsense'",
    ),
    "an address of version 6": ("1.7.24", "version = 2\n[metrics]\naddress = '[::1]:1338'"),
}


@pytest.mark.parametrize(("release", "text"), SOUND.values(), ids=SOUND.keys())
def test_what_containerd_starts_with_is_left_alone(release: str, text: str) -> None:
    check_starts([ConfigFile(PATH, tomllib.loads(text))], Release.parse(release))


KEYS = (
    "proxy_plugins|proxy_plugins.a|debug|debug.level|timeouts|timeouts.a|root|state|disabled_plugins|grpc|grpc.address|metrics.address|plugins|"
    "plugins.'io.containerd.metadata.v1.bolt'.content_sharing_policy|@|@.containerd|@.containerd.runtimes|"
    "@.containerd.runtimes.runc|@.containerd.runtimes.runc.io_type|@.containerd.default_runtime_name|"
    "@.containerd.default_runtime|@.containerd.snapshotter|@.cni|@.cni.bin_dir|@.registry|@.registry.mirrors|"
    "@.registry.configs|@.registry.config_path|@.stream_idle_timeout|@.stream_server_port|@.x509_key_pair_streaming|"
    "@.x509_key_pair_streaming.tls_key_file|@.stats_collect_period|@.systemd_cgroup"
).split("|")


@pytest.mark.parametrize("release", ["1.7.24", "2.1.5", "2.3.4"])
def test_a_value_of_any_type_is_left_to_containerd_or_refused(release: str) -> None:
    values: t.Final = ("1", "true", "''", "'x'", "1.5", "[]", "[1]", "['x']", "[[]]", "{}", "{a = 1}", "{a = {b = 1}}")
    for key in KEYS:
        for value in values:
            text = f"version = 2\n{key.replace('@', V2)} = {value}\n"
            try:
                check_starts([ConfigFile(PATH, tomllib.loads(text))], Release.parse(release))
            except DomainError as error:
                assert "containerd" in str(error)
