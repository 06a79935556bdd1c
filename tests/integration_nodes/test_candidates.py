# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sees what containerd cannot start with: its own ``config dump``, our rules, or nobody before a restart.

Each row was measured once by a restart of 1.6.20, 1.7.24, 2.1.5, 2.2.1 and 2.3.4, in that order:

- ``.`` CRI answers, so that nobody may refuse it
- ``d`` ``config dump`` refuses it
- ``o`` dump accepts it, the daemon or CRI does not come up, and our rules refuse it before anything is written
- ``r`` found after the restart, and undone: it depends on the node, or is too far from what anyone would write

The measured rows are in the test; what dump and the rules say is asked anew, and what the rules refuse is started.
"""

from __future__ import annotations

import tomllib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _checks
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate import check_starts, judge
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import check_plugin_names
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import ABSENT, Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes import dumps, starts
from nodes.releases import choose

MEASURED = ("1.6", "1.7", "2.1", "2.2", "2.3")
V2 = "plugins.'io.containerd.grpc.v1.cri'"
IMAGES = "plugins.'io.containerd.cri.v1.images'"
RUNTIME = "plugins.'io.containerd.cri.v1.runtime'"
SERVER = "io.containerd.server.v1."

# {IM}, {RT} and the like are where the release's newest version has a table.
ROWS = {
    "nothing": (".....", ""),
    "mirrors beside config_path": ("ooooo", "{TREE}\n[{IM}.registry.mirrors.'a.b']\nendpoint = ['http://x']"),
    "configs.tls beside config_path": ("oo...", "{TREE}\n[{IM}.registry.configs.'a.b'.tls]\nca_file = '/x'"),
    "configs.auth beside config_path": (".....", "{TREE}\n[{IM}.registry.configs.'a.b'.auth]\nusername = 'x'"),
    "auths, no URL": ("ddrrr", "[{IM}.registry.auths.'http://[::1']\nusername = 'x'"),
    "auths beside config_path": (".....", "{TREE}\n[{IM}.registry.auths.'http://x']\nusername = 'x'"),
    "stream_idle_timeout": ("ooooo", "[{V2}]\nstream_idle_timeout = '4 hours'"),
    "image_pull_progress_timeout": (".oooo", "[{IM}]\nimage_pull_progress_timeout = '5 min'"),
    "drain_exec_sync_io_timeout": (".oooo", "[{RT}]\ndrain_exec_sync_io_timeout = 'x'"),
    "timeouts bad": ("ooooo", "[timeouts]\n'io.containerd.timeout.shim.cleanup' = '5 s'"),
    "timeouts unknown": (".....", "[timeouts]\n'foo' = '5s'"),
    "gc bad delay": ("ddddd", "[plugins.'io.containerd.gc.v1.scheduler']\nschedule_delay = 'x'"),
    "gc bad threshold": (".....", "[plugins.'io.containerd.gc.v1.scheduler']\npause_threshold = 2.5"),
    "restart interval bad": ("dd...", "[plugins.'io.containerd.internal.v1.restart']\ninterval = 'x'"),
    "monitor restart interval bad": ("..ddd", "[plugins.'io.containerd.monitor.container.v1.restart']\ninterval = 'x'"),
    "bin_dir beside bin_dirs": ("..ooo", "[{RT}.cni]\nbin_dir = '/a'\nbin_dirs = ['/b']"),
    "default_runtime missing": ("ooooo", "[{RT}.containerd]\ndefault_runtime_name = 'nope'"),
    "default_runtime empty": ("ooooo", "[{RT}.containerd]\ndefault_runtime_name = ''"),
    "a class in place of runc, on 1.x": ("oo...", "[{RT}.containerd.runtimes.foo]\nruntime_type = ''"),
    "another default class, without runc": (
        ".....",
        "[{RT}.containerd]\ndefault_runtime_name = 'foo'\n[{RT}.containerd.runtimes.foo]\n"
        "runtime_type = 'io.containerd.runc.v2'",
    ),
    "privileged all devices": (".oooo", "{RUNC}\nprivileged_without_host_devices_all_devices_allowed = true"),
    "io_type bad": ("..ooo", "{RUNC}\nio_type = 'x'"),
    "sandboxer bad": (".....", "{RUNC}\nsandboxer = 'x'"),
    "cgroup_writable": (".....", "{RUNC}\ncgroup_writable = true"),
    "runtime_root": ("oo...", "{RUNC}\nruntime_root = '/x'"),
    "runtime_engine": ("oo...", "{RUNC}\nruntime_engine = '/x'"),
    "systemd_cgroup": ("oo...", "[{RT}]\nsystemd_cgroup = true"),
    "no_pivot": ("oo...", "[{RT}.containerd]\nno_pivot = true"),
    "runtime options bad type": (".....", "{RUNC}\n[{RT}.containerd.runtimes.runc.options]\nSystemdCgroup = 'yes'"),
    "runtime options unknown": (".....", "{RUNC}\n[{RT}.containerd.runtimes.runc.options]\nFoo = 1"),
    "runtime snapshotter nope": (".....", "{RUNC}\nsnapshotter = 'nope'"),
    "base_runtime_spec missing": ("rrrrr", "{RUNC}\nbase_runtime_spec = '/nope.json'"),
    "cni_conf_dir of runtime missing": (".....", "{RUNC}\ncni_conf_dir = '/nope'"),
    "snapshotter nope": ("rrrrr", "[{SNAP}]\nsnapshotter = 'nope'"),
    "snapshotter empty": ("..ooo", "[{SNAP}]\nsnapshotter = ''"),
    "snapshotter zfs": ("rrrrr", "[{SNAP}]\nsnapshotter = 'zfs'"),
    "snapshotter btrfs": ("rrrrr", "[{SNAP}]\nsnapshotter = 'btrfs'"),
    "snapshotter devmapper": ("rrrrr", "[{SNAP}]\nsnapshotter = 'devmapper'"),
    "snapshotter native": (".....", "[{SNAP}]\nsnapshotter = 'native'"),
    "cni conf_dir missing": (".....", "[{RT}.cni]\nconf_dir = '/nope'"),
    "cni conf_dir empty": (".....", "[{RT}.cni]\nconf_dir = ''"),
    "cni conf_dir is a file": ("rrrrr", "[{RT}.cni]\nconf_dir = '/etc/passwd'"),
    "cni max_conf_num negative": (".....", "[{RT}.cni]\nmax_conf_num = -1"),
    "cni ip_pref": (".....", "[{RT}.cni]\nip_pref = 'x'"),
    "cni conf_template missing": (".....", "[{RT}.cni]\nconf_template = '/nope'"),
    "stream port": ("ooooo", "[{V2}]\nstream_server_port = '99999999'"),
    "stream port text": ("rrrrr", "[{V2}]\nstream_server_port = 'abc'"),
    "stream port by name": (".....", "[{V2}]\nstream_server_port = 'http'"),
    "stats_collect_period": ("oooo.", "[{IM}]\nstats_collect_period = 0"),
    "stream address": ("rrrrr", "[{V2}]\nstream_server_address = '203.0.113.9'"),
    "stream address name": ("rrrrr", "[{V2}]\nstream_server_address = 'no.such.host.test'"),
    "tls streaming no pair": (".....", "[{V2}]\nenable_tls_streaming = true"),
    "tls streaming missing files": (
        "rrrrr",
        "[{V2}]\nenable_tls_streaming = true\n[{V2}.x509_key_pair_streaming]\n"
        "tls_cert_file = '/n'\ntls_key_file = '/n'",
    ),
    "half a key pair": (
        "ooooo",
        "[{V2}]\nenable_tls_streaming = true\n[{V2}.x509_key_pair_streaming]\ntls_cert_file = '/n'",
    ),
    "a key pair without TLS": ("ooooo", "[{V2}.x509_key_pair_streaming]\ntls_cert_file = '/n'\ntls_key_file = '/n'"),
    "selinux": (".....", "[{RT}]\nenable_selinux = true"),
    "selinux range bad": (".....", "[{RT}]\nenable_selinux = true\nselinux_category_range = -5"),
    "unset_seccomp_profile": (".....", "[{RT}]\nunset_seccomp_profile = 'nope'"),
    "max_container_log_line_size neg": (".....", "[{RT}]\nmax_container_log_line_size = -7"),
    "max_concurrent_downloads neg": (".....", "[{IM}]\nmax_concurrent_downloads = -7"),
    "max_concurrent_downloads 0": (".....", "[{IM}]\nmax_concurrent_downloads = 0"),
    "unprivileged ports": (".....", "[{RT}]\nenable_unprivileged_ports = true\nenable_unprivileged_icmp = true"),
    "CDI": (".....", "[{RT}]\nenable_cdi = true\ncdi_spec_dirs = ['/etc/passwd']"),
    "netns_mounts_under_state_dir": (".....", "[{RT}]\nnetns_mounts_under_state_dir = true"),
    "decryption model": (".....", "[{IM}.image_decryption]\nkey_model = 'x'"),
    "config_path not absolute": (".....", "[{IM}.registry]\nconfig_path = 'x'"),
    "config_path a file": (".....", "[{IM}.registry]\nconfig_path = '/etc/passwd'"),
    "disabled overlayfs": ("ooooo", "disabled_plugins = ['io.containerd.snapshotter.v1.overlayfs']"),
    "disabled transfer": ("..ooo", "disabled_plugins = ['io.containerd.transfer.v1.local']"),
    "disabled snapshotter of a class": (
        ".....",
        "disabled_plugins = ['io.containerd.snapshotter.v1.native']\n{RUNC}\nsnapshotter = 'native'",
    ),
    "disabled bolt": ("ooooo", "disabled_plugins = ['io.containerd.metadata.v1.bolt']"),
    "disabled content": ("ooooo", "disabled_plugins = ['io.containerd.content.v1.content']"),
    "disabled events": ("ooooo", "disabled_plugins = ['io.containerd.event.v1.exchange']"),
    "disabled task": ("ooooo", "disabled_plugins = ['io.containerd.runtime.v2.task']"),
    "disabled tasks-service": ("ooooo", "disabled_plugins = ['io.containerd.service.v1.tasks-service']"),
    "disabled images-service": ("ooooo", "disabled_plugins = ['io.containerd.service.v1.images-service']"),
    "disabled diff walking": ("ooooo", "disabled_plugins = ['io.containerd.differ.v1.walking']"),
    "disabled leases-service": ("o....", "disabled_plugins = ['io.containerd.service.v1.leases-service']"),
    "disabled introspection": ("ooooo", "disabled_plugins = ['io.containerd.service.v1.introspection-service']"),
    "disabled nri": (".....", "disabled_plugins = ['io.containerd.nri.v1.nri']"),
    "disabled sandbox store": (".oooo", "disabled_plugins = ['io.containerd.sandbox.store.v1.local']"),
    "disabled sandbox controller": ("..ooo", "disabled_plugins = ['io.containerd.sandbox.controller.v1.shim']"),
    "disabled podsandbox controller": (
        "..ooo",
        "disabled_plugins = ['io.containerd.podsandbox.controller.v1.podsandbox']",
    ),
    "disabled warning": (".oooo", "disabled_plugins = ['io.containerd.warning.v1.deprecations']"),
    "disabled opt": (".....", "disabled_plugins = ['io.containerd.internal.v1.opt']"),
    "disabled gc": ("ooooo", "disabled_plugins = ['io.containerd.gc.v1.scheduler']"),
    "disabled streaming": (".....", "disabled_plugins = ['io.containerd.streaming.v1.manager']"),
    "disabled server grpc": ("....o", "disabled_plugins = ['io.containerd.server.v1.grpc']"),
    "disabled shim manager": ("..ooo", "disabled_plugins = ['io.containerd.shim.v1.manager']"),
    "disabled mount manager": ("...oo", "disabled_plugins = ['io.containerd.mount-manager.v1.bolt']"),
    "disabled healthcheck": (".....", "disabled_plugins = ['io.containerd.grpc.v1.healthcheck']"),
    "disabled version": (".....", "disabled_plugins = ['io.containerd.grpc.v1.version']"),
    "required unknown": ("rrrrr", "required_plugins = ['io.containerd.foo.v1.bar']"),
    "required zfs": ("rrrrr", "required_plugins = ['io.containerd.snapshotter.v1.zfs']"),
    "required cri": (".....", "required_plugins = ['io.containerd.grpc.v1.cri']"),
    "CRI required, and mirrors": (
        "ooooo",
        "required_plugins = ['io.containerd.grpc.v1.cri']\n{TREE}\n[{IM}.registry.mirrors.'a.b']\nendpoint = ['http://x']",
    ),
    "root empty": (".....", "root = ''"),
    "root relative": (".....", "root = 'x'"),
    "root is state": ("ooooo", "root = '/run/containerd'\nstate = '/run/containerd'"),
    "root a file": ("rrrrr", "root = '/etc/passwd'"),
    "temp a file": ("rrrrr", "temp = '/etc/passwd'"),
    "oom_score ok": (".....", "oom_score = -999"),
    "plugin_dir nope": (".....", "plugin_dir = '/nope'"),
    "debug level": ("ooooo", "[debug]\nlevel = 'loud'"),
    "debug format": ("ooooo", "[debug]\nformat = 'xml'"),
    "debug address relative": ("ooooo", "[{DEBUG}]\naddress = 'x'"),
    "debug address of TCP": (".....", "[{DEBUG}]\naddress = ':6060'"),
    "debug address dir missing": (".....", "[{DEBUG}]\naddress = '/nope/a/b.sock'"),
    "debug address on file": ("rrrrr", "[{DEBUG}]\naddress = '/etc/passwd/x'"),
    "metrics bad": ("ooooo", "[{METRICS}]\naddress = 'nonsense'"),
    "metrics port in use": ("rrrrr", "[{METRICS}]\naddress = '127.0.0.1:22'"),
    "metrics other host": ("rrrrr", "[{METRICS}]\naddress = '203.0.113.9:1338'"),
    "grpc empty": ("....o", "[{GRPC}]\naddress = ''"),
    "grpc long": ("ooooo", "[{GRPC}]\naddress = '/run/{LONG}'"),
    "grpc tcp bad": ("oooo.", "[{TCP}='nonsense'"),
    "grpc tcp in use": ("rrrr.", "[{TCP}='127.0.0.1:22'"),
    "grpc max_recv negative": (".....", "[{GRPC}]\nmax_recv_message_size = -1"),
    "grpc max_recv tiny": ("rrrrr", "[{GRPC}]\nmax_recv_message_size = 1"),
    "ttrpc bad": (".....", "[{TTRPC}]\naddress = '/nope/a/b.sock'"),
    "cgroup path": ("rrrrr", "[cgroup]\npath = 'x'"),
    "cgroup path slash": ("rrrrr", "[cgroup]\npath = '/airgap'"),
    "proxy plugin bad type": ("ddddd", "[proxy_plugins.foo]\ntype = 'nope'\naddress = '/x'"),
    "proxy plugin bad platform": (".....", "[proxy_plugins.foo]\ntype = 'snapshot'\naddress = '/x'\nplatform = '%%%'"),
    "proxy plugin dead + used": (
        ".....",
        "[proxy_plugins.foo]\ntype = 'snapshot'\naddress = '/x.sock'\n[{SNAP}]\nsnapshotter = 'foo'",
    ),
    "proxy plugin named overlayfs": ("ddddd", "[proxy_plugins.overlayfs]\ntype = 'snapshot'\naddress = '/x.sock'"),
    "proxy content in place of the own": (
        ".....",
        "disabled_plugins = ['io.containerd.content.v1.content']\n[proxy_plugins.foo]\ntype = 'content'\n"
        "address = '/x.sock'",
    ),
    "proxy content": ("..rrr", "[proxy_plugins.foo]\ntype = 'content'\naddress = '/x.sock'"),
    "stream_processors no path": (".....", "[stream_processors.foo]\naccepts = ['a']\nreturns = 'b'"),
    "overlayfs root_path file": ("rrrrr", "[{OVERLAYFS}]\nroot_path = '/etc/passwd'"),
    "overlayfs sync_remove type": (".dddd", "[{OVERLAYFS}]\nsync_remove = 'x'"),
    "overlayfs mount_options": (".....", "[{OVERLAYFS}]\nmount_options = ['nope']"),
    "bolt content_sharing_policy": (
        "ooooo",
        "[plugins.'io.containerd.metadata.v1.bolt']\ncontent_sharing_policy = 'nope'",
    ),
    "bolt content_sharing_policy empty": (
        ".....",
        "[plugins.'io.containerd.metadata.v1.bolt']\ncontent_sharing_policy = ''",
    ),
    "task platforms": ("rrrrr", "[plugins.'io.containerd.runtime.v2.task']\nplatforms = ['%%%']"),
    "shim sched_core": (".....", "[plugins.'io.containerd.shim.v1.manager']\nsched_core = true"),
    "diff default": ("rrrrr", "[plugins.'io.containerd.service.v1.diff-service']\ndefault = ['nope']"),
    "NRI socket": (".rrrr", "[plugins.'io.containerd.nri.v1.nri']\ndisable = false\nsocket_path = '/etc/passwd/x'"),
    "NRI plugins": (".rrrr", "[plugins.'io.containerd.nri.v1.nri']\ndisable = false\nplugin_path = '/etc/passwd'"),
    "NRI timeouts": (".dddd", "[plugins.'io.containerd.nri.v1.nri']\nplugin_request_timeout = 'x'"),
    "opt path file": (".....", "[plugins.'io.containerd.internal.v1.opt']\npath = '/etc/passwd'"),
    "tracing": (".....", "[plugins.'io.containerd.tracing.processor.v1.otlp']\nendpoint = 'x'\nprotocol = 'x'"),
    "tracing ratio": (".....", "[plugins.'io.containerd.internal.v1.tracing']\nsampling_ratio = 7.0"),
    "transfer unpack nope": (
        "..rrr",
        "[{TRANSFER}]\n[[{TRANSFER}.unpack_config]]\nplatform = 'linux/amd64'\nsnapshotter = 'nope'\ndiffer = 'nope'",
    ),
    "transfer unpack platform": ("..rrr", "[[{TRANSFER}.unpack_config]]\nplatform = '%%%'"),
    "runtime_platforms": ("..rrr", "[{IM}.runtime_platforms.foo]\nplatform = '%%%'\nsnapshotter = 'nope'"),
    "image verifier": (
        "..ddd",
        "[plugins.'io.containerd.image-verifier.v1.bindir']\nbin_dir = '/nope'\nper_verifier_timeout = 'x'",
    ),
    "imports missing literal": ("ddrrr", "imports = ['/nope.toml']"),
    "imports a directory": ("ddddd", "imports = ['/etc']"),
    "imports itself": (".....", "imports = ['/etc/containerd/config.toml']"),
    "unknown top key": (".....", "foo = 'x'"),
    "unknown key cri": (".....", "[{RT}]\nnope = true"),
    "plugin table nope": (".....", "[plugins.'io.containerd.nope.v1.nope']\nx = 1"),
    "plugins short cri": ("dd...", "[plugins.cri]\nx = 1"),
    "ignore_deprecation_warnings": (".....", "[{V2}]\nignore_deprecation_warnings = ['X']"),
    "restart disabled apparmor": (".....", "[{RT}]\ndisable_apparmor = true\nrestrict_oom_score_adj = true"),
    "local pulls": (".....", "[{IM}]\nuse_local_image_pull = true\nimage_pull_with_sync_fs = true"),
}


def filled(text: str, version: int) -> str:
    """The row's text as a file of a version."""
    images, runtime = (V2, V2) if version < 3 else (IMAGES, RUNTIME)
    tables = {
        "RUNC": f"[{runtime}.containerd.runtimes.runc]\nruntime_type = 'io.containerd.runc.v2'",
        "TREE": f"[{images}.registry]\nconfig_path = '/c'",
        "TCP": f"plugins.'{SERVER}grpc-tcp']\naddress" if version > 3 else "grpc]\ntcp_address",
        "SNAP": f"{V2}.containerd" if version < 3 else images,
        "TRANSFER": "plugins.'io.containerd.transfer.v1.local'",
        "OVERLAYFS": "plugins.'io.containerd.snapshotter.v1.overlayfs'",
        # With /run/ one byte more than it takes.
        "LONG": "x" * 100,
        "V2": V2,
        "IM": images,
        "RT": runtime,
    }
    for name in ("grpc", "ttrpc", "debug", "metrics"):
        tables[name.upper()] = f"plugins.'{SERVER}{name}'" if version > 3 else name
    for name, table in tables.items():
        text = text.replace(f"{{{name}}}", table)
    return f"version = {version}\n{text}\n"


def release_of(name: str) -> Release:
    return Release.parse(dumps.version(name))


def refused(files: t.Mapping[str, str], release: Release) -> str | None:
    try:
        check_starts([ConfigFile(path, tomllib.loads(text)) for path, text in files.items()], release)
    except DomainError as error:
        return str(error)
    return None


def test_each_row_is_seen_by_whom_it_was_measured_to_be_seen(release_name: str) -> None:
    if release_name not in MEASURED:
        pytest.skip("no restart was measured on it")
    release = release_of(release_name)
    texts = {name: filled(text, release.config_version) for name, (_verdicts, text) in ROWS.items()}
    results = dumps.dump_many(release_name, [dumps.Case({dumps.CONFIG: text.encode()}) for text in texts.values()])
    seen = {}
    for (name, text), result in zip(texts.items(), results, strict=True):
        measured = ROWS[name][0][MEASURED.index(release_name)]
        ours = refused({dumps.CONFIG: text}, release)
        undetected = measured if measured in ".r" else "?"
        seen[name] = "d" if result.rc else "o" if ours else undetected
    assert seen == {name: verdicts[MEASURED.index(release_name)] for name, (verdicts, _text) in ROWS.items()}


def test_what_the_rules_refuse_does_not_work(started_release: str) -> None:
    release = release_of(started_release)
    texts = {name: filled(text, release.config_version) for name, (_verdicts, text) in ROWS.items()}
    texts = {name: text for name, text in texts.items() if refused({dumps.CONFIG: text}, release)}
    found = starts.start_many(started_release, [dumps.Case({dumps.CONFIG: text.encode()}) for text in texts.values()])
    assert texts
    assert [name for name, start in zip(texts, found, strict=True) if start.has_cri] == []


# What is wrong with the file itself: what dump says of it, and what we say on reading it, before a plan is made.
READINGS: dict[str, tuple[str, str, bytes]] = {
    "an empty file": (".....", ".....", b""),
    "not TOML": ("ddddd", "ooooo", b"version = 2\nx =\n"),
    "a key twice": ("ddddd", "ooooo", b"version = 2\nversion = 2\n"),
    "a table twice": ("ddddd", "ooooo", b"version = 2\n[debug]\n[debug]\n"),
    "a text for the version": ("ddddd", "ooooo", b"version = '2'\n"),
    "a version of the future": (".dddd", "ooooo", b"version = 9\n"),
    "a byte order mark": ("..ddd", "..ooo", b"\xef\xbb\xbfversion = 2\n"),
    "line ends of Windows": (".....", ".....", b"version = 2\r\nroot = '/a'\r\n"),
    "dotted keys at the top": (".....", ".....", f"version = 2\n{V2}.registry.config_path = '/a'\n".encode()),
    "a number for a text": ("ddddd", "ooooo", f"version = 2\n[{V2}.registry]\nconfig_path = 1\n".encode()),
    "a text for a table, of which 2.x dies": (
        "ddddd",
        "ooooo",
        f"version = 2\n[{V2}.containerd]\nruntimes = 'x'\n".encode(),
    ),
    "an unknown key": (".....", ".....", f"version = 2\n[{V2}]\nnope = 1\n".encode()),
    "an unknown plugin": (".....", ".....", b"version = 2\n[plugins.'io.containerd.nope.v1.nope']\na = 1\n"),
    "a short name that is disabled": ("ddddd", "ooooo", b"version = 2\ndisabled_plugins = ['cri']\n"),
    "an import that is not there": ("dd...", "ooooo", b"version = 2\nimports = ['/nope.toml']\n"),
}


def is_refused_on_reading(content: bytes, release: Release) -> bool:
    entry = Entry("file", content=content)
    state = NodeState(files={dumps.CONFIG: entry, "/nope.toml": ABSENT})
    try:
        files = ConfigReading(state, dumps.CONFIG, release).files
        check_starts(files, release)
        check_plugin_names(files[0].data, 2, release)
    except DomainError:
        return True
    return False


def test_each_reading_is_seen_by_whom_it_was_measured_to_be_seen(release_name: str) -> None:
    if release_name not in MEASURED:
        pytest.skip("no restart was measured on it")
    number, release = MEASURED.index(release_name), release_of(release_name)
    cases = [dumps.Case({dumps.CONFIG: content}) for _dump, _ours, content in READINGS.values()]
    by_dump = ["d" if result.rc else "." for result in dumps.dump_many(release_name, cases)]
    by_us = ["o" if is_refused_on_reading(content, release) else "." for _dump, _ours, content in READINGS.values()]
    seen = dict(zip(READINGS, zip(by_dump, by_us, strict=True), strict=True))
    assert seen == {name: (dump[number], ours[number]) for name, (dump, ours, _content) in READINGS.items()}


# --- the node's own containerd, asked as on a node


@pytest.fixture(scope="module")
def containerd(release_name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's program with the libraries of its own system."""
    root = dumps.ensure_root(choose([release_name])[0])
    loaders = sorted(root.glob("lib64/ld-linux*")) + sorted(root.glob("usr/lib/*/ld-linux*"))
    libraries = {str(library.parent) for library in root.glob("**/lib*.so*")}
    own = f"{loaders[0]} --library-path {':'.join(sorted(libraries))} " if loaders else ""
    program = tmp_path_factory.mktemp("bin") / "containerd"
    program.write_text(f'#!/bin/sh\nexec {own}{root}/usr/bin/containerd "$@"\n')
    program.chmod(0o755)
    return program


class Node:
    """A directory with a configuration, and a change that is staged in it."""

    def __init__(self, containerd: Path, directory: Path, release: Release) -> None:
        self.release = release
        self.main, self.drop_in = (str(directory / name) for name in ("config.toml", "conf.d/a.toml"))
        self.staged: dict[str, str] = {}
        self._unit = {"exec_start": [str(containerd)]}
        Path(self.drop_in).parent.mkdir()
        self.texts = {self.main: "", self.drop_in: ""}

    def has(self, path: str, text: str) -> None:
        self.texts[path] = text
        Path(path).write_text(text)

    def gets(self, path: str, text: str) -> None:
        self.texts[path] = text
        self.staged[path] = str(Path(path).with_name(f".airgap-nodes-{len(self.staged)}.new"))
        Path(self.staged[path]).write_text(text)

    def says(self, monkeypatch: pytest.MonkeyPatch, **more: t.Any) -> str | None:
        files = [ConfigFile(path, tomllib.loads(text)) for path, text in self.texts.items() if text]
        changes = ChangeSet(tuple(Change(op="create", path=path, content=b"", mode="0644") for path in self.staged))
        checks = judge(self.texts[self.main].encode(), files, changes, self.release, **more)
        monkeypatch.setattr(_checks, "read_unit", lambda _name: (self._unit, None))
        return _checks.run_checks([Check.from_wire(check.to_wire()) for check in checks], self.staged, "containerd")


@pytest.fixture
def node(containerd: Path, tmp_path: Path, release_name: str) -> Node:
    return Node(containerd, tmp_path, release_of(release_name))


OF_WRONG_FORM = "[plugins.'io.containerd.gc.v1.scheduler']\nschedule_delay = 'x'\n"


def test_a_sound_file_is_accepted_with_relative_imports(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.has(node.drop_in, "version = 2\noom_score = -7\n")
    node.gets(node.main, "version = 2\nimports = ['conf.d/a.toml']\nnope = 1\n")
    assert node.says(monkeypatch) is None
    # As a text too: containerd 2.x reads a file with unknown keys twice.
    assert node.says(monkeypatch, is_link=True) is None


@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_it_refuses(node: Node, monkeypatch: pytest.MonkeyPatch, *, is_link: bool) -> None:
    node.gets(node.main, f"version = 2\n{OF_WRONG_FORM}")
    said = node.says(monkeypatch, is_link=is_link) or ""
    assert said.startswith(f"{node.main}: the node's containerd refuses what was to be written: ")
    assert 'invalid duration "x"' in said
    assert ".airgap-nodes" not in said


def test_what_it_imports_is_judged_with_it(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.has(node.main, "version = 2\nimports = ['conf.d/*.toml']\n")
    node.has(node.drop_in, "version = 2\n")
    node.gets(node.drop_in, f"version = 2\n{OF_WRONG_FORM}")
    assert (node.says(monkeypatch) or "").startswith(f"{node.main}: the node's containerd refuses")
    node.gets(node.drop_in, "version = 2\n")
    assert node.says(monkeypatch) is None


def test_a_key_that_it_would_pass_over(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.gets(node.main, f"version = 2\n[{V2}.cni]\nnope = 1\n")
    assert node.says(monkeypatch) is None
    said = node.says(monkeypatch, keys=[("plugins", "io.containerd.grpc.v1.cri", "cni", "nope")])
    if node.release.line < (2, 0):
        # It tells nobody; the rules of the options do.
        assert said is None
    else:
        assert said == (
            f'{node.main}: plugins."io.containerd.grpc.v1.cri".cni.nope: the node\'s containerd says that it does not '
            "know this key and would pass over it. Nothing was changed. Leave it out on this node, or write it all the "
            "same with unsupported: write."
        )


def test_a_check_is_one_short_run(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    dump = _checks.dump
    monkeypatch.setattr(_checks, "dump", lambda *arguments: asked.append(arguments) or dump(*arguments))
    node.gets(node.main, "version = 2\nimports = ['conf.d/*.toml']\n")
    node.gets(node.drop_in, "version = 2\n")
    assert node.says(monkeypatch) is None
    assert len(asked) == 1
