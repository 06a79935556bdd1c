# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the testbed and the clone's collection importable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import clone  # noqa: F401


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
