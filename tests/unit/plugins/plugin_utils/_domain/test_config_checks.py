# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that one release refuses and another one takes: ``tests/differential`` asks the releases themselves."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import (
    check_absent,
    check_cni_directories,
    check_versions,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import RUNTIME, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import parse_key_path

ANYTHING = ConfigIntent(settings={"oom_score": 1})
REFUSED_BY = {"2.1.5": False, "2.2.1": False, "2.3.0": True, "2.3.4": True, "2.4.0-beta.0": True, "2.4.0": False}
STOPPED_BY = {
    "1.7.24": False,
    "2.0.7": False,
    "2.1.5": True,
    "2.3.4": True,
    "2.4.0-beta.0": True,
    "2.4.0": False,
    "2.4.2": False,
}


def refused(*, is_refused: bool, what: str) -> t.ContextManager[t.Any]:
    return pytest.raises(DomainError, match=what) if is_refused else contextlib.nullcontext()


@pytest.mark.parametrize(("release", "is_refused"), REFUSED_BY.items(), ids=REFUSED_BY)
def test_a_drop_in_newer_than_the_file(release: str, is_refused: bool) -> None:
    files = (ConfigFile("/etc/containerd/config.toml", {"version": 2}), ConfigFile("/a.toml", {"version": 3}))
    with refused(is_refused=is_refused, what="does not start with a drop-in newer"):
        check_versions(files, Release.parse(release))


EXAMPLE = 'Write its whole id, in quotes: plugins."io.containerd.grpc.v1.cri".registry.mirrors.'
# What absent says, and what is made of it.
ABSENT: dict[str, tuple[str, str]] = {
    "an id without its quotes": (
        "plugins.io.containerd.cri.v1.images.registry",
        "absent[0]: no containerd has a plugin 'io'. Write it as plugins.\"io.containerd.cri.v1.images\".registry.",
    ),
    "a part of an id": ("plugins.io.containerd.cri", f"absent[0]: no containerd has a plugin 'io'. {EXAMPLE}"),
    "a typo": (
        'plugins."io.containerd.snapshotter.v1.overlay".root_path',
        "absent[0]: no containerd has a plugin 'io.containerd.snapshotter.v1.overlay'. "
        'Write it as plugins."io.containerd.snapshotter.v1.overlayfs".root_path.',
    ),
    "a short name of nobody": ("plugins.nope", f"absent[0]: no containerd has a plugin 'nope'. {EXAMPLE}"),
    "a short name": ("plugins.cri.registry.mirrors", ""),
    "an id of a release that has gone": ('plugins."io.containerd.runtime.v1.linux".shim', ""),
    "a name of version 2": ('plugins."io.containerd.internal.v1.restart".interval', ""),
    "somebody else's plugin": ('plugins."io.containerd.snapshotter.v1.stargz"', ""),
    "somebody else's plugin, named otherwise": ('plugins."com.example.store.v1.s3".bucket', ""),
    "what stands in the file": ("plugins.nvidia.a", ""),
    "all plugins": ("plugins", ""),
}


@pytest.mark.parametrize(("written", "message"), ABSENT.values(), ids=ABSENT)
def test_absent_names_a_plugin_that_there_is(written: str, message: str) -> None:
    with contextlib.nullcontext() if not message else pytest.raises(DomainError) as raised:
        check_absent([parse_key_path(written)], [ConfigFile("/a.toml", {"plugins": {"nvidia": {"a": 1}}})])
    assert not message or str(raised.value) == message


def test_absent_is_looked_at_before_anything_else() -> None:
    with pytest.raises(DomainError, match="no containerd has a plugin 'io'"):
        plan_config(b"version = 2\n", ConfigIntent(absent=(("plugins", "io", "a"),)), Release.parse("2.3.4"))


@pytest.mark.parametrize(("release", "is_refused"), STOPPED_BY.items(), ids=STOPPED_BY)
def test_both_keys_for_directories_of_cni(release: str, is_refused: bool) -> None:
    cni = {"bin_dir": "/a", "bin_dirs": ["/b"]}
    file = ConfigFile("/etc/containerd/config.toml", {"version": 3, "plugins": {RUNTIME[1]: {"cni": cni}}})
    with refused(is_refused=is_refused, what="start without CRI"):
        check_cni_directories((file,), Release.parse(release))
    text = f'version = 3\n[{show_key_path(RUNTIME)}.cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]\n'
    version = min(3, Release.parse(release).config_version)
    with refused(is_refused=is_refused, what="start without CRI"):
        plan_config(text.replace("3", str(version), 1).encode(), ANYTHING, Release.parse(release))


def test_both_keys_in_two_files() -> None:
    one, other = (
        ConfigFile(path, {"version": 3, "plugins": {RUNTIME[1]: {"cni": cni}}})
        for path, cni in (("/etc/containerd/config.toml", {"bin_dirs": ["/b"]}), ("/a.toml", {"bin_dir": "/a"}))
    )
    with refused(is_refused=True, what="start without CRI") as raised:
        check_cni_directories((one, other), Release.parse("2.3.4"))
    assert raised.value.file == "/a.toml"


def test_both_keys_in_the_table_of_version_2() -> None:
    """Its migration makes one of the two."""
    cni = {"bin_dir": "/a", "bin_dirs": ["/b"]}
    file = ConfigFile("/etc/containerd/config.toml", {"version": 2, "plugins": {V2_CRI[1]: {"cni": cni}}})
    check_cni_directories((file,), Release.parse("2.3.4"))


UNREAD = f"{show_key_path((*RUNTIME, 'cni', 'bin_dir'))} is not read by containerd 2.4.2, which looks for"


@pytest.mark.parametrize(
    ("release", "keys", "told"),
    [
        ("2.4.2", 'bin_dir = "/a"', True),
        ("2.4.2", 'bin_dir = ""', False),
        ("2.4.2", 'bin_dir = "/a"\nbin_dirs = ["/b"]', False),
        ("2.3.4", 'bin_dir = "/a"', False),
    ],
)
def test_a_directory_of_cni_that_is_not_read_any_more(release: str, keys: str, told: bool) -> None:
    text = f"version = 3\n[{show_key_path(RUNTIME)}.cni]\n{keys}\n"
    intent = ConfigIntent(sandbox_image="registry.example.com/pause:3.10")
    warnings = plan_config(text.encode(), intent, Release.parse(release)).warnings
    assert [warning.startswith(UNREAD) for warning in warnings] == [True] * told
