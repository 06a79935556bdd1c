# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of containerd, and what each knows."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release

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
    "referrers": (Feature.REFERRERS, ["2.2.0", "2.3.4", "2.4.0-beta.0"], ["2.1.9", "2.0.11", "2.2.0-rc.0"]),
    "token headers": (Feature.TOKEN_HEADERS, ["2.1.0", "2.2.1"], ["2.0.11", "1.7.34"]),
}

CONFIG_VERSIONS = {
    "1.4.13": 2, "1.6.20": 2, "1.6.39": 2, "1.7.24": 2, "2.0.0": 3, "2.1.5": 3, "2.2.7": 3, "2.3.0": 4, "2.3.4": 4,
    "2.4.0-beta.0": 4,
}  # fmt: skip

VERSIONLESS = {
    "1.4.13": True,
    "1.7.24": True,
    "2.0.0": False,
    "2.1.5": False,
    "2.2.7": False,
    "2.3.0": True,
    "2.4": True,
}


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


@pytest.mark.parametrize(("text", "expected"), VERSIONLESS.items())
def test_files_without_version(text: str, expected: bool) -> None:
    assert Release.parse(text).merges_cri_of_versionless_files is expected
