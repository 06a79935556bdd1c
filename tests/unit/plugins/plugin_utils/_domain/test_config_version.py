# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions are read."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import check_accepted, stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

NEW = "Nothing was changed; upgrade the collection."
PLAIN = "Write a plain integer: version = 2."

VERSIONS: dict[str, tuple[t.Any, int | str | None]] = {
    "absent": (None, None),
    "zero": (0, 0),
    "one": (1, 1),
    "two": (2, 2),
    "four": (4, 4),
    "five": (5, f"version: config version 5 is newer than this collection knows (4). {NEW}"),
    "a text": ("2", f"version: '2' is not a config version. {PLAIN}"),
    "a fraction": (2.0, f"version: 2.0 is not a config version. {PLAIN}"),
    "a boolean": (True, f"version: True is not a config version. {PLAIN}"),
    "negative": (-1, f"version: -1 is not a config version. {PLAIN}"),
    "a list": ([2], f"version: [2] is not a config version. {PLAIN}"),
}

# version, the releases that read it, those that do not
ACCEPTED = {
    "zero": (0, ["1.4.13", "1.7.24", "2.1.5", "2.3.4"], []),
    "two": (2, ["1.4.13", "1.6.20", "1.7.24", "2.0.0", "2.3.4"], []),
    "three": (3, ["2.0.0", "2.2.7", "2.3.4"], ["1.4.13", "1.6.20", "1.7.24"]),
    "four": (4, ["2.3.0", "2.3.4", "2.4.2"], ["1.6.20", "1.7.24", "2.0.0", "2.2.7"]),
}


@pytest.mark.parametrize(("value", "expected"), VERSIONS.values(), ids=VERSIONS)
def test_stated_version(value: t.Any, expected: int | str | None) -> None:
    data = {} if value is None else {"version": value}
    if not isinstance(expected, str):
        assert stated_version(data) == expected
        return
    with pytest.raises(DomainError) as raised:
        stated_version(data)
    assert str(raised.value) == expected


@pytest.mark.parametrize(("version", "read", "refused"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(version: int, read: list[str], refused: list[str]) -> None:
    for text in read:
        check_accepted(version, Release.parse(text))
    for text in refused:
        with pytest.raises(DomainError) as raised:
            check_accepted(version, Release.parse(text))
        assert str(raised.value).startswith(f"version: containerd {text} reads config versions up to ")


def test_refused_text() -> None:
    with pytest.raises(DomainError) as raised:
        check_accepted(3, Release.parse("1.7.24"))
    assert str(raised.value) == (
        "version: containerd 1.7.24 reads config versions up to 2, this file says 3. "
        "Install the containerd that this file was written for, or write the file for this one."
    )
