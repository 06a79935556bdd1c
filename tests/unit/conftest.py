# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clone importable as ansible_collections.airgap.nodes, so that plain pytest works in it wherever it lies."""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import sys
import types

import pytest

COLLECTION = pathlib.Path(__file__).resolve().parents[2]


def importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def add_package(name: str, *path: str) -> None:
    package = types.ModuleType(name)
    package.__path__ = list(path)
    sys.modules[name] = package


# Under ansible-test the package is there already.
if not importable("ansible_collections.airgap.nodes"):
    add_package("ansible_collections")
    add_package("ansible_collections.airgap")
    add_package("ansible_collections.airgap.nodes", str(COLLECTION))


@pytest.fixture(autouse=True)
def restart_mark(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where the node's journal leaves the mark: not on the machine that runs the tests."""
    mark = tmp_path / "run" / "airgap.nodes" / "containerd-restart-required"
    journal = importlib.import_module("ansible_collections.airgap.nodes.plugins.module_utils._journal")
    monkeypatch.setattr(journal, "RESTART_MARK", str(mark))
    return mark
