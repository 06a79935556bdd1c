# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether containerd knows the keys of our table, and no others: what survives its own ``config dump``.

A key that containerd decodes comes out of a dump as it went in; one that it does not know does not come out at all,
as long as the build has the plugin.
"""

from __future__ import annotations

import functools
import tomllib
import typing as t

import pytest
import tomlkit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain._known_keys_data import TABLE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import CNI_BIN_DIRS, CRI_IDS, names
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import in_canonical_names, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import check, misfit, type_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up
from nodes import dumps

Path = tuple[str, ...]

RUNC = "io.containerd.runc.v2"
# They say how the file is read, or load something.
NOT_TRIED: set[Path] = {("version",), ("imports",), ("disabled_plugins",), ("required_plugins",), ("plugin_dir",)}
# Runtimes decode their options themselves, when a container starts; arrays of tables come out with every key.
PRINTED_OTHERWISE = ("options", "unpack_config")
# A duration, where a text is one; containerd ends in a panic when it does not know the type of a proxy plugin.
VALUES: dict[type, t.Any] = {str: "7s", bool: True, int: 77, float: 0.77, list: ["a", "b"]}
SPECIAL = {("proxy_plugins", "n", "type"): "snapshot", ("proxy_plugins", "n", "platform"): "linux/arm64"}
WRONG: dict[type, t.Any] = {str: 77, bool: "x", int: "x", float: "x", list: "x"}


@functools.cache
def release_of(name: str) -> Release:
    return Release.parse(dumps.version(name))


@functools.cache
def default_of(name: str) -> dict[str, t.Any]:
    return tomllib.loads(dumps.default_config(name))


def every_key() -> t.Iterator[Path]:
    table: Path = ()
    for line in filter(None, TABLE.splitlines()):
        name = line.split()[0]
        if name.startswith("["):
            table = ("plugins", name[1:-1]) if name != "[]" else ()
        elif not name.endswith("**"):
            yield (*table, *("n" if key == "*" else key for key in name.split(".")))


KEYS = [path for path in every_key() if path not in NOT_TRIED and not set(path) & set(PRINTED_OTHERWISE)]
# What any release takes for a value of the key.
TYPES = {
    path: next(filter(None, (type_of(path, Release.parse(text)) for text in ("2.4", "2.3.4", "2.0", "1.7.24"))), str)
    for path in KEYS
}


def written(name: str, path: Path, value: t.Any) -> tuple[Path, t.Any] | None:
    """A key as a file of the release's newest version has it; None where the build lacks the plugin."""
    release = release_of(name)
    own = names(path).in_version(release.config_version)
    if own is None or (own[0] == "plugins" and own[1] not in default_of(name)["plugins"]):
        return None
    if path == CNI_BIN_DIRS and not release.rules.has_bin_dirs:
        return (*own[:-1], "bin_dir"), value[0]
    return own, value


def case(name: str, settings: t.Iterable[tuple[Path, t.Any]]) -> dumps.Case:
    data: dict[str, t.Any] = {"version": release_of(name).config_version}
    for path, value in settings:
        functools.reduce(lambda table, key: table.setdefault(key, {}), path[:-1], data)[path[-1]] = value
    return dumps.Case({dumps.CONFIG: tomlkit.dumps(data).encode()})


def test_what_is_printed_is_known(release_name: str) -> None:
    release = release_of(release_name)
    for path, value in leaves(default_of(release_name)):
        assert check(path, release, runtime_type=RUNC) is None, path
        assert misfit(*in_canonical_names(path, value), release, runtime_type=RUNC) is None, path


def test_what_is_known_survives_and_nothing_else_does(release_name: str) -> None:
    release = release_of(release_name)
    known: dict[Path, t.Any] = {}
    unknown: dict[Path, t.Any] = {}
    for path in KEYS:
        setting = written(release_name, path, SPECIAL.get(path, VALUES[TYPES[path]]))
        if setting is not None:
            (known if check(path, release) is None else unknown)[setting[0]] = setting[1]
    # In version 2, runtime and images share a name that is known of one of them.
    unknown = {path: value for path, value in unknown.items() if path not in known}
    result = dumps.dump_many(release_name, [case(release_name, [*known.items(), *unknown.items()])])[0]
    printed = tomllib.loads(result.checked())
    assert {path: look_up(printed, path) for path in known} == known
    assert [path for path in unknown if look_up(printed, path) is not None] == []
    assert len(known) > 100
    assert len(unknown) > 20


def test_a_value_of_the_wrong_type_is_refused(release_name: str) -> None:
    release = release_of(release_name)
    tried = []
    for path in KEYS:
        setting = written(release_name, path, [WRONG[TYPES[path]]] if path == CNI_BIN_DIRS else WRONG[TYPES[path]])
        is_cri = path[0] == "plugins" and path[1] in CRI_IDS
        if is_cri and setting is not None and check(path, release) is None and path != CNI_BIN_DIRS:
            assert misfit(path, setting[1], release) is not None, path
            tried.append(setting)
    results = dumps.dump_many(release_name, [case(release_name, [setting]) for setting in tried])
    accepted = [setting[0] for setting, result in zip(tried, results, strict=True) if result.rc == 0]
    assert accepted == []
    assert len(tried) > 50


@pytest.mark.parametrize("value", [1, 1.0])
def test_a_whole_number_for_a_fraction(release_name: str, value: float) -> None:
    path = ("plugins", "io.containerd.gc.v1.scheduler", "pause_threshold")
    result = dumps.dump_many(release_name, [case(release_name, [(path, value)])])[0]
    assert (result.rc == 0) is (misfit(path, value, release_of(release_name)) is None)
