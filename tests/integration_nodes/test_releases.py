# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each release does with its configuration what the table of releases says, as far as a dump tells."""

from __future__ import annotations

import functools
import tomllib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    REGISTRY_CONFIG_PATH,
    RUNTIME,
    SANDBOX_IMAGE,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    Arrays,
    GlobBase,
    Release,
    Rules,
    Versions,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up
from nodes import dumps

SELINUX = (*RUNTIME, "enable_selinux")
THRESHOLD = ("plugins", "io.containerd.gc.v1.scheduler", "mutation_threshold")
V2_CRI = '[plugins."io.containerd.grpc.v1.cri"]\n'
DROP_IN = "/etc/containerd/conf.d/a.toml"
IMPORTS = f'imports = ["{DROP_IN}"]\n'


@functools.cache
def release_of(name: str) -> Release:
    return Release.parse(dumps.version(name))


@pytest.fixture
def rules(release_name: str) -> Rules:
    return release_of(release_name).rules


class Dump(t.NamedTuple):
    """What a release makes of files; ``data`` is None where it refuses them."""

    name: str
    data: dict[str, t.Any] | None

    def value(self, path: KeyPath) -> t.Any:
        """The value at a canonical path, which the dump has under the name of its version."""
        assert self.data is not None
        own = names(path).in_version(self.data["version"])
        return None if own is None else look_up(self.data, own)


def dump(name: str, config: str, others: t.Mapping[str, str] | None = None) -> Dump:
    """Of a config.toml, and of files at other paths."""
    files = {dumps.CONFIG: config, **(others or {})}
    case = dumps.Case({path: text.encode() for path, text in files.items()})
    result = dumps.dump_many(name, [case])[0]
    return Dump(name, None if result.rc else tomllib.loads(result.stdout))


def test_defaults(release_name: str, rules: Rules) -> None:
    default = Dump(release_name, tomllib.loads(dumps.default_config(release_name)))
    assert default.value(("version",)) == rules.newest_config_version
    assert default.value(SANDBOX_IMAGE) == rules.sandbox_image
    printed = rules.registry.default_config_path if rules.registry.default_stands_beside_mirrors else ""
    assert (default.value(REGISTRY_CONFIG_PATH) or "") == printed
    assert {path: default.value(path) for path in rules.switches} == rules.switches
    assert (default.value(CNI_BIN_DIRS) == ["/opt/cni/bin"]) is rules.has_bin_dirs


def test_the_older_key_for_directories_of_cni(release_name: str, rules: Rules) -> None:
    version = rules.newest_config_version
    table = names(CNI_BIN_DIRS).in_version(version)[:-1]
    text = f'version = {version}\n[plugins."{table[1]}".cni]\nbin_dir = "/a"\n'
    data = dump(release_name, text).data
    assert data is not None
    assert (look_up(data, (*table, "bin_dir")) == "/a") is rules.reads_bin_dir


@pytest.mark.parametrize("version", range(5))
def test_accepted_versions(release_name: str, rules: Rules, version: int) -> None:
    if version > rules.newest_config_version:
        pytest.skip(f"not known to {release_name}")
    assert dump(release_name, f"version = {version}\n").data is not None


@pytest.mark.parametrize("head", ["", "version = 0\n", "version = 1\n"], ids=["none", "0", "1"])
def test_files_without_a_version(release_name: str, rules: Rules, head: str) -> None:
    found = dump(
        release_name, f'{head}[plugins.cri]\nenable_selinux = true\n[plugins."{THRESHOLD[1]}"]\n{THRESHOLD[2]} = 7\n'
    )
    assert (found.value(SELINUX) is True) is rules.merges_cri_of_versionless_files
    assert (found.value(THRESHOLD) == 7) is rules.reads_uris_of_versionless_files


def test_byte_order_mark(release_name: str, rules: Rules) -> None:
    found = dump(release_name, "\ufeffversion = 2\n")
    assert (found.data is not None) is rules.reads_byte_order_mark


# --- imports


def test_plugins_of_a_drop_in(release_name: str, rules: Rules) -> None:
    main = f"version = 2\n{IMPORTS}{V2_CRI}enable_selinux = true\n"
    found = dump(release_name, main, {DROP_IN: f"version = 2\n{V2_CRI}max_container_log_line_size = 7\n"})
    assert found.value((*RUNTIME, "max_container_log_line_size")) == 7
    assert (found.value(SELINUX) is False) is rules.imports.replaces_plugins


def test_arrays_of_a_drop_in(release_name: str, rules: Rules) -> None:
    one, other = '"io.containerd.snapshotter.v1.btrfs"', '"io.containerd.snapshotter.v1.zfs"'
    main = f"version = 2\n{IMPORTS}disabled_plugins = [{one}]\n"
    found = dump(release_name, main, {DROP_IN: f"version = 2\ndisabled_plugins = [{one}, {other}]\n"})
    sizes = {Arrays.APPENDED: 3, Arrays.UNITED: 2}
    assert len(found.value(("disabled_plugins",))) == sizes[rules.imports.arrays]


def test_relative_globs(release_name: str, rules: Rules) -> None:
    # The working directory is /, as that of the unit.
    drop_ins = {"/etc/containerd/parts/a.toml": "oom_score = 1\n", "/parts/a.toml": "oom_score = 2\n"}
    found = dump(release_name, 'version = 2\nimports = ["parts/*.toml"]\n', drop_ins)
    scores = {GlobBase.IMPORTING_FILE: 1, GlobBase.WORKING_DIRECTORY: 2}
    assert found.value(("oom_score",)) == scores[rules.imports.glob_base]


def test_a_drop_in_that_is_not_there(release_name: str, rules: Rules) -> None:
    if release_of(release_name).line >= (2, 0):
        pytest.skip("a dump of 2.x passes over it, the daemon does not")
    assert (dump(release_name, f"version = 2\n{IMPORTS}").data is None) is rules.imports.missing_is_fatal


def test_a_drop_in_of_a_higher_version(release_name: str, rules: Rules) -> None:
    newest = rules.newest_config_version
    main = f"version = {newest - 1}\n{IMPORTS}"
    found = dump(release_name, main, {DROP_IN: f"version = {newest}\n"})
    assert (found.data is None) is rules.imports.higher_version_is_fatal


def test_versions_of_a_drop_in(release_name: str, rules: Rules) -> None:
    """The version of the last file makes that of the first one's tables, which lose their meaning by it."""
    main = f"version = 2\n{IMPORTS}{V2_CRI}enable_selinux = true\n"
    other = 3 if rules.newest_config_version == 3 else 1
    found = dump(release_name, main, {DROP_IN: f"version = {other}\n"})
    assert (found.value(SELINUX) is True) is (rules.imports.versions is Versions.EACH_ITS_OWN)
