# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key paths as users write them; the other options are read on the whole way of the action's tests."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_intent import read_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath

READ: dict[str, tuple[t.Any, KeyPath]] = {
    "a list": (["plugins", "io.containerd.grpc.v1.cri", "cni"], ("plugins", "io.containerd.grpc.v1.cri", "cni")),
    "a list with dots in a key": (["a.b"], ("a.b",)),
    "TOML": ('plugins."io.containerd.grpc.v1.cri".cni', ("plugins", "io.containerd.grpc.v1.cri", "cni")),
    "one key": ("oom_score", ("oom_score",)),
}
REFUSED: dict[str, t.Any] = {"no keys": [], "a number in a list": ["a", 1], "no TOML": "a..b", "nothing": ""}


@pytest.mark.parametrize(("raw", "path"), READ.values(), ids=READ)
def test_read(raw: t.Any, path: KeyPath) -> None:
    assert read_key_path(raw, "absent[0]") == path


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_refused(raw: t.Any) -> None:
    with pytest.raises(DomainError) as raised:
        read_key_path(raw, "absent[0]")
    assert str(raised.value) == (
        f"absent[0]: {raw!r} is not a key path. "
        'Write a list of keys, or TOML: plugins."io.containerd.grpc.v1.cri".registry.mirrors.'
    )
