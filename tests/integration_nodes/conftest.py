# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the testbed and the clone's collection importable."""

from __future__ import annotations

import importlib.machinery
import os
import runpy
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
COLLECTION = "ansible_collections.airgap.nodes"

sys.path.insert(0, str(TESTS))
if COLLECTION not in sys.modules:
    runpy.run_path(str(TESTS / "unit" / "conftest.py"))
    # The unit tests' own conftest asks for it when both run at once.
    sys.modules[COLLECTION].__spec__ = importlib.machinery.ModuleSpec(COLLECTION, None, is_package=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs what asks for ``release_name`` on every release that ``make test`` boots, or on those in DUMP_RELEASES."""
    from nodes.releases import choose  # noqa: PLC0415

    if "release_name" in metafunc.fixturenames:
        names = os.environ.get("DUMP_RELEASES", "tested").replace(",", " ").split()
        metafunc.parametrize("release_name", [release.name for release in choose(names)], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if "release_name" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip("containerd in a root directory of its own needs root"))
