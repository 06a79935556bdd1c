# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure pieces of dumps; what real programs do in it is in tests/integration_nodes."""

from __future__ import annotations

import os

import pytest

from nodes import dumps
from nodes.machine import Lack

MEMBERS = [
    pytest.param("./usr/bin/containerd", True, id="the program"),
    pytest.param("./usr/bin/containerd-shim", False, id="no other program"),
    pytest.param("./usr/lib/x86_64-linux-gnu/libc.so.6", True, id="C library"),
    pytest.param("./lib/x86_64-linux-gnu/libc-2.31.so", True, id="C library without a merged usr"),
    pytest.param("./usr/lib64/ld-linux-x86-64.so.2", True, id="loader"),
    pytest.param("./usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", True, id="loader of another machine"),
    pytest.param("./lib64", True, id="link"),
    pytest.param("./usr/lib/x86_64-linux-gnu/libcrypto.so.3", False, id="another library"),
    pytest.param("./usr/lib/systemd/systemd", False, id="something else"),
]


@pytest.mark.parametrize(("name", "wanted"), MEMBERS)
def test_little_is_taken_out_of_a_suite(name: str, *, wanted: bool) -> None:
    assert bool(dumps.WANTED.fullmatch(name)) is wanted


@pytest.mark.parametrize("path", ["etc/containerd/config.toml", "/etc/../../config.toml"])
def test_paths_are_those_on_a_node(path: str) -> None:
    with pytest.raises(ValueError, match=r"^not an absolute path: "):
        dumps.Case({path: b""})


def test_root_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Lack, match=r"needs root\. Run this again as root\.$"):
        dumps.dump_many("2.3", [])
