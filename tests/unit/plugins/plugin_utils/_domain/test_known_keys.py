# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys each release reads, and of which type they are."""

from __future__ import annotations

import re
import tomllib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain._known_keys_data import TABLE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, V2_CRI, canonical
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import in_canonical_names, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import (
    Unknown,
    check,
    misfit,
    quoted,
    type_of,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import LINES, Release

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "config"
NO_ONE = "no containerd knows it"
RUNC = "io.containerd.runc.v2"
OPTIONS = (*RUNTIME, "containerd", "runtimes", "runc", "options")
OVERLAY = ("plugins", "io.containerd.snapshotter.v1.overlayfs")


def of_plugin(name: str, *keys: str) -> KeyPath:
    return ("plugins", f"io.containerd.{name}", *keys)


# a key, the releases that read it, and what is said where one does not
KEYS: dict[str, tuple[KeyPath, list[str], dict[str, str]]] = {
    "in all releases": (
        (*IMAGES, "snapshotter"),
        ["1.4.0", "1.4.13", "1.5.18", "1.6.20", "1.7.24", "2.0.0", "2.3.4", "2.4.0-beta.0", "2.4.2", "2.4.9"],
        {},
    ),
    "by the name of version 2": ((*V2_CRI, "containerd", "snapshotter"), ["1.7.24", "2.3.4"], {}),
    "by the name of version 1": (("plugins", "cri", "sandbox_image"), ["1.4.13", "1.7.24", "2.3.4"], {}),
    "from a line on": (
        (*IMAGES, "use_local_image_pull"),
        ["2.1.0-beta.0", "2.1.0", "2.3.4"],
        dict.fromkeys(("1.6.20", "2.0.11"), "containerd 2.1.0 is the first that does"),
    ),
    "from a beta on": (
        (*RUNTIME, "containerd", "runtimes", "kata", "disable_pause_image_pull"),
        ["2.4.0-beta.0", "2.4.2"],
        {"2.3.4": "containerd 2.4.0 is the first that does"},
    ),
    "up to a line": (
        (*RUNTIME, "systemd_cgroup"),
        ["1.4.13", "1.7.34"],
        dict.fromkeys(("2.0.0-beta.0", "2.0.0", "2.3.4"), "containerd 2.0 dropped it"),
    ),
    "of CDI": (
        (*RUNTIME, "enable_cdi"),
        ["1.7.24", "2.3.4"],
        {"1.6.39": "containerd 1.7.0 is the first that does", "2.4.2": "containerd 2.4 dropped it"},
    ),
    "of tracing": (of_plugin("internal.v1.tracing", "service_name"), ["1.6.20", "2.3.4"], {"2.4.2": "containerd 2.4"}),
    "up to a point release": (
        (*OPTIONS, "CriuPath"),
        ["1.4.13", "1.7.24"],
        {"1.7.25": "containerd 1.7.25 dropped it", "2.3.4": "containerd 1.7.25 dropped it"},
    ),
    "from point releases on": (
        of_plugin("snapshotter.v1.overlayfs", "mount_options"),
        ["1.6.24", "1.6.39", "1.7.4", "2.0.0", "2.4.2"],
        {
            "1.5.18": "containerd 1.6.24 is the first that does",
            "1.6.23": "containerd 1.6.24 is the first that does",
            "1.7.0": "containerd 1.7.4 is the next that does",
            "1.7.3": "containerd 1.7.4 is the next that does",
        },
    ),
    "in between": (
        (*RUNTIME, "enable_experimental_restore_via_create"),
        ["2.2.7", "2.3.4"],
        {
            "2.2.6": "containerd 2.2.7 is the first that does",
            "2.3.0": "containerd 2.3.4 is the next that does",
            "2.4.2": "containerd 2.4 dropped it",
        },
    ),
    "below a name of the user's choice": (
        (*IMAGES, "registry", "mirrors", "registry.example.com:5000", "endpoint"),
        ["1.4.13", "2.4.2"],
        {},
    ),
    "that became a name of the user's choice": (
        (*IMAGES, "pinned_images", "other"),
        ["2.0.0"],
        {"1.7.24": "containerd 2.0.0 is the first that does"},
    ),
    "that was one of them": ((*IMAGES, "pinned_images", "sandbox"), ["1.4.13", "1.7.24", "2.0.0", "2.3.4"], {}),
    "credentials": ((*IMAGES, "registry", "configs", "a:5000", "auth", "password"), ["1.4.13", "2.4.2"], {}),
    "certificates": (
        (*IMAGES, "registry", "configs", "a:5000", "tls", "ca_file"),
        ["1.4.13", "1.7.34"],
        {"2.1.5": "containerd 2.0 dropped it"},
    ),
    "directory of hosts.toml files": (
        (*IMAGES, "registry", "config_path"),
        ["1.5.0", "2.3.4"],
        {"1.4.13": "containerd 1.5.0 is the first that does"},
    ),
    "directories of CNI's programs": ((*RUNTIME, "cni", "bin_dirs"), ["1.4.13", "2.0.11", "2.1.0"], {}),
    "by their older name": ((*RUNTIME, "cni", "bin_dir"), ["1.4.13", "2.0.11", "2.1.0"], {}),
    "of the server": (of_plugin("server.v1.grpc", "address"), ["1.4.13", "2.2.7", "2.3.4"], {}),
    "of the server, by its older name": (("grpc", "tcp_tls_ca"), ["1.6.20", "2.3.4"], {"1.5.18": "containerd 1.6.0"}),
    "outside plugins": (("stream_processors", "a.b", "env"), ["1.5.0", "2.3.4"], {"1.4.13": "containerd 1.5.0"}),
    "any timeout": (("timeouts", "io.containerd.timeout.bolt.open"), ["1.4.13", "2.3.4"], {}),
    "a table": ((*IMAGES, "registry", "configs"), ["1.4.13", "2.3.4"], {}),
    "an entry of a table": ((*RUNTIME, "containerd", "runtimes", "kata"), ["1.4.13", "2.3.4"], {}),
    "a plugin": (of_plugin("transfer.v1.local"), ["1.7.0", "2.3.4"], {"1.6.39": "containerd 1.7.0 is the first"}),
    "a plugin without keys": (of_plugin("mount-handler.v1.erofs"), ["2.2.0"], {"2.1.9": "containerd 2.2.0"}),
    "all plugins": (("plugins",), ["1.4.13", "2.3.4"], {}),
    "the whole file": ((), ["1.4.13", "2.3.4"], {}),
    "its version": (("version",), ["1.4.13", "2.3.4"], {}),
}

# what no release reads, the release that is asked, and what may have been meant
NEVER: dict[str, tuple[KeyPath, str, KeyPath | None]] = {
    "a letter left out": ((*IMAGES, "snapshoter"), "1.7.24", (*IMAGES, "snapshotter")),
    "another word's form": ((*RUNTIME, "cni", "bin_directory"), "2.3.4", (*RUNTIME, "cni", "bin_dirs")),
    "a table misspelt": (
        (*RUNTIME, "continerd", "default_runtime_name"),
        "2.3.4",
        (*RUNTIME, "containerd", "default_runtime_name"),
    ),
    "a table misspelt, and something else": ((*RUNTIME, "continerd", "x"), "2.3.4", (*RUNTIME, "containerd")),
    "below a name of the user's choice": (
        (*IMAGES, "registry", "mirrors", "a.example", "endpoints"),
        "1.7.24",
        (*IMAGES, "registry", "mirrors", "a.example", "endpoint"),
    ),
    "in the wrong table of CRI": ((*RUNTIME, "snapshotter"), "2.3.4", (*IMAGES, "snapshotter")),
    "a table in the wrong one": (
        (*RUNTIME, "registry", "config_path"),
        "2.3.4",
        (*IMAGES, "registry", "config_path"),
    ),
    "below a name, in the wrong table": (
        (*RUNTIME, "registry", "mirrors", "a.example", "endpoint"),
        "2.3.4",
        (*IMAGES, "registry", "mirrors", "a.example", "endpoint"),
    ),
    "an older name in the newer table": ((*IMAGES, "sandbox_image"), "2.3.4", (*IMAGES, "pinned_images", "sandbox")),
    "an older name misspelt": (
        ("plugins", "cri", "sandbox_imag"),
        "1.7.24",
        (*IMAGES, "pinned_images", "sandbox"),
    ),
    "not what this release does not know": ((*IMAGES, "use_local_image_pulls"), "1.7.24", None),
    "a server's key": (("grpc", "adress"), "2.3.4", of_plugin("server.v1.grpc", "address")),
    "outside plugins": (("oom_scores",), "2.3.4", ("oom_score",)),
    "a key below a key": ((*IMAGES, "snapshotter", "name"), "2.3.4", None),
    "nothing like it": ((*IMAGES, "zzz"), "2.3.4", None),
}


@pytest.mark.parametrize(("path", "releases", "others"), KEYS.values(), ids=KEYS)
def test_known(path: KeyPath, releases: list[str], others: dict[str, str]) -> None:
    path_of_runc = {"runtime_type": RUNC}
    assert [text for text in releases if check(path, Release.parse(text), **path_of_runc) is not None] == []
    for text, reason in others.items():
        unknown = check(path, Release.parse(text), **path_of_runc)
        assert unknown is not None, text
        assert unknown.reason.startswith(reason), text
        assert (unknown.nearest, unknown.to_all) == (None, False)


@pytest.mark.parametrize(("path", "text", "nearest"), NEVER.values(), ids=NEVER)
def test_never_known(path: KeyPath, text: str, nearest: KeyPath | None) -> None:
    assert check(path, Release.parse(text)) == Unknown(NO_ONE, nearest, to_all=True)


FOREIGN: dict[str, tuple[KeyPath, KeyPath | None]] = {
    "another's": (("plugins", "com.example.store.v1.s3", "bucket"), None),
    "alone": (("plugins", "com.example.store.v1.s3"), None),
    "a known one misspelt": (of_plugin("snapshotter.v1.overlay", "root_path"), (*OVERLAY, "root_path")),
    "a known one misspelt, alone": (of_plugin("snapshotter.v1.overlay"), OVERLAY),
    "another snapshotter": (of_plugin("snapshotter.v1.stargz"), None),
    "an id that lacks its version": (("plugins", "io.containerd.cri.runtime"), RUNTIME),
}


@pytest.mark.parametrize(("path", "nearest"), FOREIGN.values(), ids=FOREIGN)
def test_a_plugin_that_no_containerd_brings_along(path: KeyPath, nearest: KeyPath | None) -> None:
    assert check(path, Release.parse("2.3.4")) == Unknown(NO_ONE, nearest, to_all=True)


QUOTED: dict[str, tuple[KeyPath, KeyPath | None]] = {
    "an id at its dots": (
        ("plugins", "io", "containerd", "cri", "v1", "images", "registry"),
        ("plugins", "io.containerd.cri.v1.images", "registry"),
    ),
    "one with a longer type": (
        ("plugins", "io", "containerd", "monitor", "task", "v1", "cgroups"),
        ("plugins", "io.containerd.monitor.task.v1.cgroups"),
    ),
    "somebody else's": (
        ("plugins", "io", "containerd", "snapshotter", "v1", "stargz", "root"),
        ("plugins", "io.containerd.snapshotter.v1.stargz", "root"),
    ),
    "a part of one": (("plugins", "io", "containerd", "cri"), None),
    "one that was quoted": (RUNTIME, None),
}


@pytest.mark.parametrize(("path", "meant"), QUOTED.values(), ids=QUOTED)
def test_an_id_without_its_quotes(path: KeyPath, meant: KeyPath | None) -> None:
    assert quoted(path) == meant


# --- options of runtimes


def test_options_of_runc_are_known_by_name() -> None:
    release = Release.parse("2.3.4")
    assert check((*OPTIONS, "SystemdCgroup"), release, runtime_type=RUNC) is None
    assert check((*OPTIONS, "systemd_cgroup"), release, runtime_type=RUNC) == Unknown(
        NO_ONE, (*OPTIONS, "SystemdCgroup"), to_all=True
    )
    assert check((*OPTIONS, "Zzz"), release, runtime_type=RUNC) == Unknown(NO_ONE, to_all=True)
    assert misfit((*OPTIONS, "SystemdCgroup"), "yes", release, runtime_type=RUNC) == "true or false"


@pytest.mark.parametrize("runtime", ["", "io.containerd.runsc.v1", "io.containerd.kata.v2"])
def test_options_of_other_runtimes_are_theirs(runtime: str) -> None:
    release = Release.parse("2.3.4")
    for path in ((*OPTIONS, "ConfigPath"), (*OPTIONS, "a", "b"), (*OPTIONS, "Root")):
        assert check(path, release, runtime_type=runtime) is None
        assert misfit(path, [1, {"a": "b"}], release, runtime_type=runtime) is None
        assert type_of(path, release, runtime_type=runtime) is None


@pytest.mark.parametrize("runtime", ["", RUNC])
def test_options_are_a_table(runtime: str) -> None:
    assert check(OPTIONS, Release.parse("1.7.24"), runtime_type=runtime) is None
    assert type_of(OPTIONS, Release.parse("1.7.24"), runtime_type=runtime) is dict


# --- types


class Typed(t.NamedTuple):
    """A key, its type, a value that fits, and values that do not, with what is wanted."""

    path: KeyPath
    release: str
    expected: type | None
    good: t.Any
    bad: list[t.Any]
    wanted: str


TYPES: dict[str, tuple[KeyPath, str, type | None, t.Any, list[t.Any], str]] = {
    "text": ((*IMAGES, "snapshotter"), "1.7.24", str, "zfs", [1, True, ["zfs"], {}], "a text"),
    "duration": ((*IMAGES, "image_pull_progress_timeout"), "2.3.4", str, "5m", [5], "a text"),
    "switch": ((*RUNTIME, "enable_cdi"), "2.3.4", bool, False, ["false", 0, 1], "true or false"),
    "number": ((*IMAGES, "max_concurrent_downloads"), "2.3.4", int, 5, ["5", 5.0, True], "a whole number"),
    "fraction": (
        of_plugin("gc.v1.scheduler", "pause_threshold"), "2.3.4", float, 1, ["1", True], "a number with a decimal point"
    ),
    "fraction on 1.x": (
        of_plugin("gc.v1.scheduler", "pause_threshold"), "1.7.24", float, 1.0, [1], "a number with a decimal point"
    ),
    "list": ((*RUNTIME, "cdi_spec_dirs"), "2.3.4", list, ["/a", "/b"], ["/a", [1], ["/a", True]], "a list of texts"),
    "empty list": ((*RUNTIME, "cdi_spec_dirs"), "2.3.4", list, [], [{}], "a list of texts"),
    "list in its newer form": ((*RUNTIME, "cni", "bin_dirs"), "1.7.24", list, ["/a"], ["/a"], "a list of texts"),
    "list of tables": (
        of_plugin("transfer.v1.local", "unpack_config"), "2.3.4", list, [{"a": 1}], [{}, ["a"]], "a list of tables"
    ),
    "table": ((*IMAGES, "registry"), "2.3.4", dict, {}, ["x", []], "a table"),
    "entry": ((*RUNTIME, "containerd", "runtimes", "a"), "2.3.4", dict, {"a": 1}, ["x"], "a table"),
    "list below a name": ((*IMAGES, "registry", "headers", "X-A"), "2.3.4", list, ["a"], ["a"], "a list of texts"),
    "two of one name, the number": ((*IMAGES, "stats_collect_period"), "2.3.4", int, 10, ["10s"], "a whole number"),
    "two of one name, the text": ((*RUNTIME, "stats_collect_period"), "2.3.4", str, "10s", [10], "a text"),
    "not known here": ((*RUNTIME, "stats_collect_period"), "2.2.1", None, [1], [], ""),
    "known nowhere": ((*RUNTIME, "zzz"), "2.3.4", None, [1], [], ""),
    "plugin without keys": (of_plugin("mount-handler.v1.erofs"), "2.3.4", dict, {}, [1], "a table"),
}  # fmt: skip


@pytest.mark.parametrize("row", TYPES.values(), ids=TYPES)
def test_types(row: tuple[t.Any, ...]) -> None:
    case = Typed._make(row)
    release = Release.parse(case.release)
    assert type_of(case.path, release) is case.expected
    assert misfit(case.path, case.good, release) is None
    assert [misfit(case.path, value, release) for value in case.bad] == [case.wanted] * len(case.bad)


# --- the table

DEFAULTS = sorted(FIXTURES.glob("*-containerd-*-default.toml"))


@pytest.mark.parametrize("file", DEFAULTS, ids=lambda file: file.stem)
def test_printed_defaults_are_known(file: Path) -> None:
    match = re.search(r"containerd-([\d.]+)-default", file.stem)
    assert match is not None
    release = Release.parse(match[1])
    for path, value in leaves(tomllib.loads(file.read_text())):
        assert check(path, release, runtime_type=RUNC) is None, path
        assert misfit(*in_canonical_names(path, value), release, runtime_type=RUNC) is None, path


def test_there_are_defaults_to_look_at() -> None:
    assert len(DEFAULTS) >= 4


def test_every_line_of_the_table_is_sound() -> None:
    span = re.compile(r"\d\.\d(\.\d+)?(-(\d\.\d(\.\d+)?)?)?")
    table: KeyPath = ()
    for line in filter(None, TABLE.splitlines()):
        name, *rest = line.split()
        spans = rest if name.startswith("[") else rest[1:]
        assert spans, line
        assert all(span.fullmatch(text) for text in spans), line
        if name.startswith("["):
            table = ("plugins", name[1:-1]) if name != "[]" else ()
        else:
            path = (*table, *name.split("."))
            assert canonical(path) == path, line


def test_the_table_has_something_new_in_every_line() -> None:
    """A forgotten line of releases would make all of its keys unknown."""
    starts = set(re.findall(r" (\d)\.(\d)-", TABLE))
    assert {(int(major), int(minor)) for major, minor in starts} == set(LINES)
