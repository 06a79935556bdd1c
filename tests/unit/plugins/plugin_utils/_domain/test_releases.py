# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of containerd, and what each knows."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    LINES,
    NEWEST,
    NEWEST_CONFIG_VERSION,
    NEWEST_LINE,
    Arrays,
    Beside,
    Feature,
    GlobBase,
    Release,
    Rules,
    Versions,
    local_pull_reasons,
)

VERSIONS = {
    "plain": ("1.7.24", "1.7.24"),
    "leading v": ("v2.3.4", "2.3.4"),
    "line alone": ("1.7", "1.7.0"),
    "Debian": ("1.6.20~ds1", "1.6.20"),
    "Debian revision": ("1.7.24~ds1-6+b4", "1.7.24"),
    "Ubuntu": ("1.7.12-0ubuntu4", "1.7.12"),
    "build": ("v2.3.4+unknown", "2.3.4"),
    "build of a changed tree": ("v1.7.24.m", "1.7.24"),
    "build behind a tag": ("1.7.24-5-gabcdef0.m", "1.7.24"),
    "beta": ("2.4.0-beta.0", "2.4.0-beta.0"),
    "candidate": ("2.0.0-rc.3", "2.0.0-rc.3"),
    "Debian's candidate": ("2.0.0~rc.3+ds1", "2.0.0-rc.3"),
    "candidate with a build": ("2.0.0-rc.3+git", "2.0.0-rc.3"),
    "blanks around": (" 1.7.24\n", "1.7.24"),
    "large numbers": ("10.20.300", "10.20.300"),
    "empty": ("", None),
    "word": ("latest", None),
    "major alone": ("2", None),
    "four numbers": ("1.7.24.1", None),
    "program's output": ("containerd github.com/containerd/containerd 1.7.24", None),
    "negative": ("-1.7.24", None),
    "other digits": ("\u0661.\u0667", None),
}

ASCENDING = ["1.4.13", "1.5.18", "1.6.9", "1.6.20", "1.7.0-beta.1", "1.7.0-rc.1", "1.7", "1.7.24", "2.0.0-alpha.1",
             "2.0.0-beta.0", "2.0.0-rc.1", "2.0.0", "2.0.11", "2.4.0-beta.0", "2.4.0", "10.0.0"]  # fmt: skip

# feature, the first release of every line that has it, and those just before
KNOWN = {
    "hosts.toml": (Feature.HOSTS_TOML, ["1.5.0", "1.6.20", "1.7.24", "2.3.4"], ["1.4.13", "1.5.0-beta.1"]),
    "override_path": (Feature.OVERRIDE_PATH, ["1.6.0", "1.7.0", "2.0.0"], ["1.5.18", "1.6.0-rc.1"]),
    "_default": (
        Feature.DEFAULT_NAMESPACE,
        ["1.6.17", "1.6.20", "1.7.0-beta.1", "1.7.0", "2.0.0"],
        ["1.6.16", "1.5.18", "1.7.0-alpha.1"],
    ),
    "dial_timeout": (Feature.DIAL_TIMEOUT, ["2.0.7", "2.1.0", "2.2.0"], ["2.0.6", "1.7.34", "2.1.0-beta.0"]),
    "referrers": (Feature.REFERRERS, ["2.2.0", "2.3.4", "2.4.2"], ["2.1.9", "2.0.11", "2.2.0-rc.0"]),
    "no [host] table": (
        Feature.NO_HOST_TABLE,
        ["1.7.32", "1.7.34", "2.0.0", "2.3.4"],
        ["1.6.39", "1.7.31", "1.5.18"],
    ),
    "TLS first": (Feature.TLS_FIRST, ["1.6.25", "1.7.8", "2.0.0"], ["1.6.24", "1.7.7", "1.5.18"]),
    "a runtime class's snapshotter": (
        Feature.RUNTIME_SNAPSHOTTER,
        ["1.7.0", "1.7.34", "2.3.0", "2.4.2"],
        ["1.6.39", "2.0.0", "2.1.9", "2.2.7"],
    ),
    "decryption": (
        Feature.IMAGE_DECRYPTION,
        ["1.4.0", "1.5.18", "1.6.20", "1.7.24", "2.1.7", "2.2.2", "2.3.0"],
        ["2.0.11", "2.1.6", "2.2.0", "2.2.1"],
    ),
    "CDI always": (Feature.CDI_ALWAYS, ["2.4.0", "2.4.2"], ["1.7.34", "2.3.4", "2.4.0-beta.0"]),
    "IPv6 names": (Feature.IPV6_NAMES, ["1.7.0-beta.1", "1.7.24", "2.3.4"], ["1.6.39", "1.7.0-beta.0"]),
    "token headers": (Feature.TOKEN_HEADERS, ["2.1.0", "2.2.1"], ["2.0.11", "1.7.34"]),
}

CONFIG_VERSIONS = {
    "1.4.13": 2, "1.6.20": 2, "1.6.39": 2, "1.7.24": 2, "2.0.0": 3, "2.1.5": 3, "2.2.7": 3, "2.3.0": 4, "2.3.4": 4,
    "2.4.2": 4,
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VERSIONS.values(), ids=VERSIONS)
def test_parse(text: str, expected: str | None) -> None:
    if expected is not None:
        assert str(Release.parse(text)) == expected
        return
    with pytest.raises(DomainError) as raised:
        Release.parse(text)
    assert str(raised.value) == f"{text!r} is not a containerd version. Write it as 1.7.24 or 2.3.4."


def test_parse_names_the_option() -> None:
    with pytest.raises(DomainError) as raised:
        Release.parse("newest", option="containerd_version")
    assert str(raised.value) == (
        "containerd_version: 'newest' is not a containerd version. Write it as 1.7.24 or 2.3.4."
    )


@pytest.mark.parametrize("text", [text for text in ASCENDING if text != "1.7"])
def test_text_and_back(text: str) -> None:
    assert str(Release.parse(text)) == text


@pytest.mark.parametrize(("older", "newer"), list(itertools.pairwise(ASCENDING)))
def test_order(older: str, newer: str) -> None:
    assert Release.parse(older) < Release.parse(newer)


@pytest.mark.parametrize(("feature", "known", "unknown"), KNOWN.values(), ids=KNOWN)
def test_features(feature: Feature, known: list[str], unknown: list[str]) -> None:
    assert [text for text in known if not Release.parse(text).knows(feature)] == []
    assert [text for text in unknown if Release.parse(text).knows(feature)] == []


def test_every_feature_is_tested() -> None:
    assert {feature for feature, _known, _unknown in KNOWN.values()} == set(Feature)


def test_since() -> None:
    assert Feature.DEFAULT_NAMESPACE.since_text == "1.6.17 or 1.7.0-beta.1"
    assert Feature.HOSTS_TOML.since_text == "1.5.0"


@pytest.mark.parametrize(("text", "expected"), CONFIG_VERSIONS.items())
def test_config_version(text: str, expected: int) -> None:
    assert Release.parse(text).config_version == expected


# --- rules

# what, and from which release on it is so
RULES: dict[str, dict[str, t.Any]] = {
    "newest_config_version": {"1.4.0": 2, "2.0.0": 3, "2.3.0": 4},
    "merges_cri_of_versionless_files": {"1.4.0": True, "2.0.0": False, "2.3.0": True},
    "reads_uris_of_versionless_files": {"1.4.0": False, "2.0.0": True},
    "imports.replaces_plugins": {"1.4.0": True, "2.0.0": False},
    "imports.arrays": {"1.4.0": Arrays.APPENDED, "2.0.0": Arrays.UNITED},
    "imports.glob_base": {
        "1.4.0": GlobBase.WORKING_DIRECTORY, "1.6.29": GlobBase.IMPORTING_FILE,
        "1.7.0": GlobBase.WORKING_DIRECTORY, "1.7.16": GlobBase.IMPORTING_FILE,
    },
    "imports.missing_is_fatal": {"1.4.0": False, "1.5.0": True},
    "imports.versions": {"1.4.0": Versions.LAST_FOR_ALL, "2.3.0": Versions.EACH_ITS_OWN},
    "imports.higher_version_is_fatal": {"1.4.0": False, "2.3.0": True, "2.4.0": False},
    "registry.mirrors_beside_config_path": {"1.4.0": Beside.HIDES_CONFIG_PATH, "1.5.0": Beside.STOPS_CRI},
    "registry.tls_beside_config_path": {
        "1.4.0": Beside.HIDES_CONFIG_PATH, "1.5.0": Beside.STOPS_CRI, "2.0.0": Beside.IS_IGNORED
    },
    "registry.searches_lists": {"1.4.0": False, "1.5.0": True, "2.1.0": False},
    "registry.default_config_path": {"1.4.0": "", "2.2.0": "/etc/containerd/certs.d:/etc/docker/certs.d"},
    "registry.default_stands_beside_mirrors": {"1.4.0": False, "2.2.0": True, "2.2.2": False},
    "sandbox_image": {
        "1.4.0": "k8s.gcr.io/pause:3.2", "1.5.0": "k8s.gcr.io/pause:3.5", "1.5.14": "registry.k8s.io/pause:3.5",
        "1.6.0": "k8s.gcr.io/pause:3.6", "1.6.9": "registry.k8s.io/pause:3.6", "1.7.0": "registry.k8s.io/pause:3.8",
        "2.0.0": "registry.k8s.io/pause:3.10", "2.2.0": "registry.k8s.io/pause:3.10.1",
        "2.3.0": "registry.k8s.io/pause:3.10.2",
    },
    "switches": {
        "1.4.0": {},
        "1.6.0": {"enable_unprivileged_ports": False, "enable_unprivileged_icmp": False},
        "1.7.0": {"enable_unprivileged_ports": False, "enable_unprivileged_icmp": False, "enable_cdi": False},
        "2.0.0": {"enable_unprivileged_ports": True, "enable_unprivileged_icmp": True, "enable_cdi": True},
        "2.4.0": {"enable_unprivileged_ports": True, "enable_unprivileged_icmp": True},
    },
    "pulls_by_transfer_service": {"1.4.0": False, "2.1.0": True},
    "has_bin_dirs": {"1.4.0": False, "2.1.0": True},
    "reads_bin_dir": {"1.4.0": True, "2.4.0": False},
    "dump_migrates": {"1.4.0": True, "2.0.0": False, "2.0.6": True},
    "reads_byte_order_mark": {"1.4.0": False, "1.5.0": True, "2.0.0": False},
}  # fmt: skip
# The first and the last release of every line, and those around a change.
RELEASES = ["1.4.0", "1.4.13", "1.5.0", "1.5.13", "1.5.14", "1.5.18", "1.6.0", "1.6.8", "1.6.9", "1.6.20", "1.6.28",
            "1.6.29", "1.6.31", "1.6.32", "1.6.39", "1.7.0", "1.7.15", "1.7.16", "1.7.17", "1.7.24", "1.7.34", "2.0.0",
            "2.0.5", "2.0.6", "2.0.11", "2.1.0", "2.1.5", "2.1.9", "2.2.0", "2.2.1", "2.2.2", "2.2.7", "2.3.0",
            "2.3.4", "2.4.0-beta.0", "2.4.0", "2.4.2"]  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("text", RELEASES)
def test_rules(text: str, name: str) -> None:
    release = Release.parse(text)
    expected = [value for since, value in RULES[name].items() if Release.parse(since) <= release][-1]
    found = functools.reduce(getattr, name.split("."), t.cast("t.Any", release.rules))
    if name == "switches":
        found = {path[-1]: value for path, value in found.items()}
    assert found == expected


def test_every_rule_is_tested() -> None:
    nested = {"imports", "registry"}
    names = {field.name for field in dataclasses.fields(Rules)} - nested
    for name in nested:
        names |= {f"{name}.{field.name}" for field in dataclasses.fields(getattr(NEWEST.rules, name))}
    assert names == RULES.keys()


PRE_RELEASES = {
    "2.3.0-beta.0": "2.3.0",
    "2.0.0-rc.1": "2.0.0",
    "1.7.0-beta.1": "1.7.0",
    "2.2.2-rc.1": "2.2.1",
    "2.4.0-beta.0": "2.3.4",
}


@pytest.mark.parametrize(("pre", "like"), PRE_RELEASES.items())
def test_rules_of_a_pre_release(pre: str, like: str) -> None:
    assert Release.parse(pre).rules == Release.parse(like).rules


@pytest.mark.parametrize(
    ("text", "known", "like"),
    [
        ("1.3.9", False, "1.4.0"),
        ("1.4.0", True, "1.4.0"),
        ("1.8.0", False, "1.7.34"),
        ("2.4.0-beta.0", True, "2.3.4"),
        ("2.4.99", True, "2.4.0"),
        ("2.5.0-beta.0", False, "2.4.0"),
        ("3.0.0", False, "2.4.0"),
    ],
)
def test_known_lines(text: str, known: bool, like: str) -> None:
    release = Release.parse(text)
    assert release.is_known is known
    assert release.rules == Release.parse(like).rules


def test_the_newest() -> None:
    assert (LINES[0], LINES[-1], NEWEST_LINE) == ((1, 4), (2, 4), (2, 4))
    assert NEWEST.line == NEWEST_LINE
    assert NEWEST.config_version == NEWEST_CONFIG_VERSION


IMAGES: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "nothing": ({}, []),
    "the defaults": (
        {
            "use_local_image_pull": False,
            "disable_snapshot_annotations": True,
            "discard_unpacked_layers": False,
            "max_concurrent_downloads": 3,
            "image_pull_with_sync_fs": False,
            "registry": {"mirrors": {}, "configs": {}, "auths": {}, "headers": {"X-A": ["b"]}, "config_path": "/c"},
        },
        [],
    ),
    "asked for": ({"use_local_image_pull": True}, ["use_local_image_pull"]),
    "annotations": ({"disable_snapshot_annotations": False}, ["disable_snapshot_annotations"]),
    "layers": ({"discard_unpacked_layers": True}, ["discard_unpacked_layers"]),
    "downloads": ({"max_concurrent_downloads": 5}, ["max_concurrent_downloads"]),
    "sync": ({"image_pull_with_sync_fs": True}, ["image_pull_with_sync_fs"]),
    "mirrors": ({"registry": {"mirrors": {"docker.io": {}}}}, ["mirrors"]),
    "all of the old tables": (
        {"registry": {"mirrors": {"a": {}}, "configs": {"b": {}}, "auths": {"c": {}}}},
        ["mirrors", "configs", "auths"],
    ),
    "not a table": ({"registry": 1}, []),
}


@pytest.mark.parametrize(("images", "expected"), IMAGES.values(), ids=IMAGES)
def test_local_pulls(images: dict[str, t.Any], expected: list[str]) -> None:
    effective = {"plugins": {"io.containerd.cri.v1.images": images}}
    for text in ("2.1.0", "2.4.2"):
        reasons = local_pull_reasons(effective, Release.parse(text))
        assert [path[-1] for path in reasons] == expected
        assert {path[:2] for path in reasons} <= {("plugins", "io.containerd.cri.v1.images")}
    assert local_pull_reasons(effective, Release.parse("2.0.11")) == ()
