# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of old, alone and beside ``config_path``: does CRI load, does it pull by itself, do we say the same."""

from __future__ import annotations

import functools
import tomllib

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate import check_starts
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release, local_pull_reasons
from nodes import dumps, starts

LOADS, PULLS_LOCALLY, FAILS = "CRI loads", "CRI loads, and pulls by itself", "CRI fails"
FALLS_BACK = "Falling back to local image pull mode"

TREE = "config_path = '/etc/containerd/certs.d'\n"
NO_TREE = "config_path = ''\n"
MIRRORS = "[{}.registry.mirrors.'docker.io']\nendpoint = ['https://a.example']\n"
TLS = "[{}.registry.configs.'a.example'.tls]\nca_file = '/a.pem'\n"
AUTH = "[{}.registry.configs.'a.example'.auth]\nusername = 'a'\npassword = 'b'\n"
AUTHS = "[{}.registry.auths.'https://a.example']\nusername = 'a'\npassword = 'b'\n"

# Title: the tables below [registry], and what becomes of it on 1.x, and from 2.1 on.
ROWS = {
    "config_path alone": (TREE, LOADS, LOADS),
    "mirrors beside config_path: no CRI": (TREE + MIRRORS, FAILS, FAILS),
    "configs.tls beside config_path: no CRI on 1.x, passed over on 2.x": (TREE + TLS, FAILS, PULLS_LOCALLY),
    "configs.auth beside config_path: works, with local pulls": (TREE + AUTH, LOADS, PULLS_LOCALLY),
    "auths beside config_path: works, with local pulls": (TREE + AUTHS, LOADS, PULLS_LOCALLY),
    "mirrors alone: work, with local pulls": (MIRRORS, LOADS, PULLS_LOCALLY),
    "configs.tls alone: works on 1.x": (TLS, LOADS, PULLS_LOCALLY),
    "mirrors beside an empty config_path: work, with local pulls": (NO_TREE + MIRRORS, LOADS, PULLS_LOCALLY),
}
# containerd 2.2.0 and 2.2.1 have a config_path of their own, unless the file has one.
BESIDE_A_DEFAULT = {"mirrors alone: work, with local pulls": FAILS}
# What else keeps CRI from leaving pulls to the transfer service.
REASONS = {
    "max_concurrent_downloads other than 3": "max_concurrent_downloads = 4\n",
    "discard_unpacked_layers": "discard_unpacked_layers = true\n",
    "disable_snapshot_annotations = false": "disable_snapshot_annotations = false\n",
    "image_pull_with_sync_fs": "image_pull_with_sync_fs = true\n",
}


def release_of(name: str) -> Release:
    return Release.parse(dumps.version(name))


def text_of(title: str, release: Release) -> str:
    images = 'plugins."io.containerd.grpc.v1.cri"' if release.line < (2, 0) else 'plugins."io.containerd.cri.v1.images"'
    head = f"version = {release.config_version}\n[{images}"
    if title in REASONS:
        return f"{head}]\n{REASONS[title]}"
    return f"{head}.registry]\n{ROWS[title][0].format(images)}"


@functools.cache
def started(name: str) -> dict[str, starts.Start]:
    titles = [*ROWS, *(REASONS if release_of(name).line >= (2, 1) else ())]
    cases = [dumps.Case({dumps.CONFIG: text_of(title, release_of(name)).encode()}) for title in titles]
    return dict(zip(titles, starts.start_many(name, cases), strict=True))


def seen(start: starts.Start) -> str:
    return FAILS if not start.has_cri else PULLS_LOCALLY if FALLS_BACK in start.log else LOADS


def ours(text: str, release: Release) -> str:
    files = (ConfigFile(dumps.CONFIG, tomllib.loads(text)),)
    try:
        check_starts(files, release)
    except DomainError:
        return FAILS
    return PULLS_LOCALLY if local_pull_reasons(effective(files, release), release) else LOADS


@pytest.mark.parametrize("title", ROWS)
def test_tables_of_old(title: str, release_name: str) -> None:
    release = release_of(release_name)
    _tables, on_1, on_2 = ROWS[title]
    expected = on_1 if release.line < (2, 1) else on_2
    if release.rules.registry.default_stands_beside_mirrors:
        expected = BESIDE_A_DEFAULT.get(title, expected)
    start = started(release_name)[title]
    # Of what takes CRI down, the daemon itself knows nothing.
    assert start.is_up
    assert (seen(start), ours(text_of(title, release), release)) == (expected, expected)


@pytest.mark.parametrize("title", REASONS)
def test_other_reasons_for_local_pulls(title: str, release_name: str) -> None:
    release = release_of(release_name)
    if release.line < (2, 1):
        pytest.skip("CRI always pulls by itself")
    assert seen(started(release_name)[title]) == ours(text_of(title, release), release) == PULLS_LOCALLY


def test_the_reason_that_containerd_gives(release_name: str) -> None:
    """Mirrors beside config_path: the plugin that fails, and its words, of which the diagnosis makes a sentence."""
    start = started(release_name)["mirrors beside config_path: no CRI"]
    plugin = "grpc.v1.cri" if release_of(release_name).line < (2, 0) else "cri.v1.images"
    assert start.plugins[f"io.containerd.{plugin}"] == "error"
    assert "`mirrors` cannot be set when `config_path` is provided" in start.log
