# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the testbed and the clone's collection importable."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

importlib.import_module("clone")

USUAL_RELEASES = {"release_name": "tested", "started_release": "1.7 2.3"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs what asks for ``release_name`` on every release that ``make test`` boots, or on those in DUMP_RELEASES.

    What asks for ``started_release`` starts hundreds of daemons: without DUMP_RELEASES, of one 1.x and one 2.x.
    """
    from nodes.releases import choose  # noqa: PLC0415

    for name, usual in USUAL_RELEASES.items():
        if name in metafunc.fixturenames:
            names = os.environ.get("DUMP_RELEASES", usual).replace(",", " ").split()
            metafunc.parametrize(name, [release.name for release in choose(names)], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if not USUAL_RELEASES.keys().isdisjoint(getattr(item, "fixturenames", ())):
                item.add_marker(pytest.mark.skip("containerd in a root directory of its own needs root"))
