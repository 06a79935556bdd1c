# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clone's collection and the testbed's installer importable, and starts one browser for all tests."""

from __future__ import annotations

import importlib
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

importlib.import_module("clone")


@pytest.fixture(scope="session")
def browser() -> t.Iterator[t.Any]:
    from audit.browser import Browser, Missing  # noqa: PLC0415

    try:
        found = Browser.start()
    except Missing as error:
        pytest.skip(str(error))
    yield found
    found.stop()
