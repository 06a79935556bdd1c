# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured of versions, moved keys, mixed tables and imports, asked of each release's own containerd again."""

from __future__ import annotations

import importlib.util
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from nodes import dumps
from nodes.dumps import CONFIG, Case

from differential.judge import RELEASES, Dump, Files, Node, dump_all, in_one_file, release, without_derived

TABLES = Path(__file__).parents[1] / "unit" / "plugins" / "plugin_utils" / "_domain" / "test_effective.py"
DROP_IN = "/etc/containerd/conf.d/10-a.toml"
V1, V2, IM, RT = (
    f"plugins.{name}"
    for name in (
        "cri",
        '"io.containerd.grpc.v1.cri"',
        '"io.containerd.cri.v1.images"',
        '"io.containerd.cri.v1.runtime"',
    )
)
V2_ID, IM_ID, RT_ID = (table.split('"')[1] for table in (V2, IM, RT))
OLD, FROM_2 = RELEASES[:2], RELEASES[2:]
ONLY_23 = ("2.3",)


def rows() -> t.Any:
    """The table of the unit tests, where each row says what counts on which releases."""
    spec = importlib.util.spec_from_file_location("rows_of_unit_tests", TABLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


UNIT = rows()


def lines(group: str) -> set[str]:
    """The programs that stand for a group of releases; no pre-release is there to be asked."""
    return {".".join(name.split(".")[:2]) for name in UNIT.RELEASES[group] if "-" not in name}


def files_of(content: str | dict[str, str]) -> Files:
    texts = {CONFIG: content} if isinstance(content, str) else content
    return {path: text.encode() for path, text in texts.items()}


def table(expected: dict[str, t.Any]) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {}
    for path, value in UNIT.by_path(expected).items():
        node = data
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return data


@pytest.mark.parametrize("name", RELEASES)
def test_rows(name: str) -> None:
    """The dump of a row's files is that of a file with nothing but what counts, in the newest names."""
    cases = [
        (title, files_of(content), table(expected))
        for title, (content, outcomes) in UNIT.ROWS.items()
        for group, expected in outcomes.items()
        if name in lines(group)
    ]
    found = dump_all(name, [files for _title, files, _table in cases])
    aims = dump_all(name, [in_one_file(data, release(name)) for _title, _files, data in cases])
    wrong = {
        title: without_derived(dump, aim) or dump.result.stderr[-300:]
        for (title, _files, _table), dump, aim in zip(cases, found, aims, strict=True)
        if dump.result.rc or aim.result.rc or without_derived(dump, aim)
    }
    assert not wrong
    assert len(cases) > 20


# --- what containerd refuses, so do we

NEWER = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
# files, the releases that do not start with them, a word of our refusal
FATAL: dict[str, tuple[str | dict[str, str], tuple[str, ...], str]] = {
    "A1: version 3": ("version = 3\n", ("1.7",), "reads config versions up to 2"),
    "A1: version 4": ("version = 4\n", ("1.7", "2.0", "2.1", "2.2"), "reads config versions up to"),
    "A1: version 5": ("version = 5\n", ("1.7", *FROM_2), "newer than this collection knows"),
    "A1: version as a text": ('version = "2"\n', RELEASES, "is not a config version"),
    "A1: a plugin's short name in version 2": (
        'version = 2\n[plugins.opt]\npath = "/a"\n', OLD, "is a version 1 table in a version 2 file",
    ),
    "A1: a disabled plugin's short name in version 2": (
        'version = 2\ndisabled_plugins = ["cri"]\n', RELEASES, "names the plugin 'cri' as version 1 did",
    ),
    "A5: invalid TOML": ("version = \n", RELEASES, "not valid TOML"),
    "A5: a duplicate key": ("oom_score = 1\noom_score = 2\n", RELEASES, "not valid TOML"),
    "A5: a duplicate table": ("[grpc]\n[grpc]\n", RELEASES, "not valid TOML"),
    "A5: a byte order mark": ("\ufeffversion = 2\n", FROM_2, "byte order mark"),
    "B: v2 main, drop-in of v3": (
        {CONFIG: f"{NEWER}version = 2\n", DROP_IN: "version = 3\n"}, ONLY_23, "says version 3",
    ),
    "B: a drop-in of v2, a later one of v3": (
        {CONFIG: NEWER, DROP_IN: "version = 2\n", DROP_IN.replace("10", "20"): "version = 3\n"},
        ONLY_23, "says version 3",
    ),
    "B: v2 main, short names in a drop-in without a version": (
        {CONFIG: f"{NEWER}version = 2\n", DROP_IN: '[plugins.opt]\npath = "/a"\n'}, OLD, "as in version 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASES)
def test_what_does_not_start_is_refused(name: str) -> None:
    cases = {title: (files_of(files), word) for title, (files, releases, word) in FATAL.items() if name in releases}
    for (title, (files, word)), dump in zip(
        cases.items(), dump_all(name, [files for files, _word in cases.values()]), strict=True
    ):
        assert dump.result.rc != 0, title
        assert word in refusal(files, ConfigIntent(settings={"oom_score": 1}), name), title


def refusal(files: Files, intent: ConfigIntent, name: str) -> str:
    with pytest.raises(DomainError) as raised:
        main, *imported = (Source(path, files[path]) for path in (CONFIG, *sorted(files.keys() - {CONFIG})))
        plan_config(main.content, intent, release(name), imported=imported)
    return str(raised.value)


# --- what starts, but loses settings: refused before it is written

LOSSES: dict[str, tuple[str | dict[str, str], tuple[str, ...], str]] = {
    "A1: CRI in a file without a version": (
        f"[{V1}]\n", ("2.0", "2.1", "2.2"), "drops every CRI setting of a file without version",
    ),
    "A1: CRI by its id in a file without a version": (f"[{V2}]\n", OLD, "the file has no version line"),
    "A1: version 3 on releases that start with it and pass over its tables": (
        f"version = 3\n[{IM}]\n", ("1.6",), "reads config versions up to 2",
    ),
    "B: v2 main with V2 tables, drop-in of v3": (
        {CONFIG: f"{NEWER}version = 2\n[{V2}]\nenable_selinux = true\n", DROP_IN: "version = 3\n"},
        ("2.0", "2.1", "2.2"), "the CRI settings of this file would be lost",
    ),
    "A1: CRI disabled": (
        f'version = 2\ndisabled_plugins = ["{V2_ID}"]\n', RELEASES, "so no setting of CRI can have an effect",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASES)
def test_what_would_be_lost_is_refused(name: str) -> None:
    for title, (files, releases, word) in LOSSES.items():
        if name in releases:
            assert word in refusal(files_of(files), ConfigIntent(sandbox_image="a.example.com/b:1"), name), title


# --- A3: the traps on the way from version 2 to version 3

WISHES: dict[str, dict[str, t.Any]] = {
    "snapshotter": {V2_ID: {"containerd": {"snapshotter": "native"}}},
    "disable_snapshot_annotations": {V2_ID: {"containerd": {"disable_snapshot_annotations": False}}},
    "discard_unpacked_layers": {V2_ID: {"containerd": {"discard_unpacked_layers": True}}},
    "sandbox_image": {V2_ID: {"sandbox_image": "a.example.com/b:1"}},
    "registry": {V2_ID: {"registry": {"config_path": "/a"}}},
    "image_decryption": {V2_ID: {"image_decryption": {"key_model": ""}}},
    "max_concurrent_downloads": {V2_ID: {"max_concurrent_downloads": 7}},
    "bin_dir": {V2_ID: {"cni": {"bin_dir": "/a"}}},
    "default_runtime_name": {V2_ID: {"containerd": {"default_runtime_name": "runc2"}}},
    "runtime": {V2_ID: {"containerd": {"runtimes": {"runc": {"options": {"SystemdCgroup": True}}}}}},
    "enable_unprivileged_ports": {V2_ID: {"enable_unprivileged_ports": False}},
    "stream_server_port": {V2_ID: {"stream_server_port": "10010"}},
}
# Where each of them is found in a dump of 2.x.
IN_DUMP: dict[str, tuple[tuple[str, ...], t.Any]] = {
    "snapshotter": ((IM_ID, "snapshotter"), "native"),
    "disable_snapshot_annotations": ((IM_ID, "disable_snapshot_annotations"), False),
    "discard_unpacked_layers": ((IM_ID, "discard_unpacked_layers"), True),
    "sandbox_image": ((IM_ID, "pinned_images", "sandbox"), "a.example.com/b:1"),
    "registry": ((IM_ID, "registry", "config_path"), "/a"),
    "image_decryption": ((IM_ID, "image_decryption", "key_model"), ""),
    "max_concurrent_downloads": ((IM_ID, "max_concurrent_downloads"), 7),
    "bin_dir": ((RT_ID, "cni", "bin_dirs"), ["/a"]),
    "default_runtime_name": ((RT_ID, "containerd", "default_runtime_name"), "runc2"),
    "runtime": ((RT_ID, "containerd", "runtimes", "runc", "options", "SystemdCgroup"), True),
    "enable_unprivileged_ports": ((RT_ID, "enable_unprivileged_ports"), False),
    "stream_server_port": ((V2_ID, "stream_server_port"), "10010"),
}


@pytest.mark.parametrize("name", FROM_2)
def test_each_wish_in_names_of_version_2_counts_in_a_bare_file(name: str) -> None:
    """A3: alone in a file of version 2, the snapshotter is lost; and so on."""
    for version in (None, 2, 3):
        content = b"" if version is None else f"version = {version}\n".encode()
        plans = [
            plan_config(content, ConfigIntent(settings={"plugins": plugins}), release(name))
            for plugins in WISHES.values()
        ]
        found = dump_all(name, [{CONFIG: plan.text.encode()} for plan in plans])
        for (path, value), dump in zip(IN_DUMP.values(), found, strict=True):
            is_old_key = path[-1] == "bin_dirs" and not release(name).rules.has_bin_dirs
            at = ("plugins", *path[:-1], "bin_dir") if is_old_key else ("plugins", *path)
            assert dump.leaves[at] == (value[0] if is_old_key else value), (version, path)


def test_a_snapshotter_alone_in_version_2_is_lost() -> None:
    """A3: what a file gets that is edited by its version alone."""
    content = f'version = 2\n[{V2}.containerd]\nsnapshotter = "native"\n'.encode()
    for name in FROM_2:
        (dump,) = dump_all(name, [{CONFIG: content}])
        assert dump.leaves[("plugins", IM_ID, "snapshotter")] == "overlayfs"


def test_defaults_that_changed() -> None:
    """A3: the same empty file of version 2 opens ports and devices on 2.x."""
    for key in ("enable_unprivileged_ports", "enable_unprivileged_icmp", "enable_cdi"):
        (old,) = dump_all("1.7", [{CONFIG: b"version = 2\n"}])
        assert old.leaves[("plugins", V2_ID, key)] is False
        for name in FROM_2:
            (new,) = dump_all(name, [{CONFIG: b"version = 2\n"}])
            # In 2.4 there is no switch for devices by CDI any more.
            assert new.leaves.get(("plugins", RT_ID, key), key == "enable_cdi" and name == "2.4") is True


DROPPED: dict[str, str] = {
    "systemd_cgroup": "true",
    "disable_cgroup": "true",
    "containerd.no_pivot": "true",
    "containerd.default_runtime.runtime_type": '"a"',
    "containerd.untrusted_workload_runtime.runtime_type": '"a"',
    "containerd.runtimes.runc.runtime_engine": '"a"',
    "containerd.runtimes.runc.runtime_root": '"a"',
    'registry.configs."a.example.com".tls.ca_file': '"a"',
}


@pytest.mark.parametrize("key", DROPPED)
def test_keys_that_2x_drops_are_refused_there(key: str) -> None:
    """A3: containerd says "Ignoring unknown key" and goes on."""
    content = f"version = 2\n{V2}.{key} = {DROPPED[key]}\n".encode()
    settings = Node({CONFIG: content}).data(CONFIG)
    for name in FROM_2:
        (result,) = dumps.dump_many(name, [Case({CONFIG: content})])
        assert "Ignoring unknown key" in result.stderr, name
        word = refusal({CONFIG: b"version = 2\n"}, ConfigIntent(settings=settings), name)
        assert "does not read it" in word or "reads no such" in word, (name, word)


# --- what a dump does not tell


def test_a_dump_shows_no_conflict_of_methods() -> None:
    """A5, A6: mirrors beside config_path, and both keys for CNI's programs, stop CRI and leave no trace in a dump."""
    mirrors = f'version = 2\n[{V2}.registry]\nconfig_path = "/a"\n[{V2}.registry.mirrors."docker.io"]\nendpoint = ["http://b"]\n'
    both = f'version = 3\n[{RT}.cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]\n'
    intent = ConfigIntent(sandbox_image="a.example.com/b:1")
    for name in RELEASES:
        for content, releases in ((mirrors, RELEASES), (both, FROM_2[1:4])):
            if name in releases:
                (dump,) = dump_all(name, [{CONFIG: content.encode()}])
                assert dump.result.rc == 0
                assert "start" in refusal({CONFIG: content.encode()}, intent, name)


def test_this_judge_can_say_no() -> None:
    one, other = dump_all("2.1", [{CONFIG: b"version = 3\noom_score = 1\n"}, {CONFIG: b"version = 3\noom_score = 2\n"}])
    assert without_derived(one, other) == {("oom_score",): (1, 2)}
    assert isinstance(one, Dump)
