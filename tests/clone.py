# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clone's collection importable where no unit test has done so yet."""

from __future__ import annotations

import importlib.machinery
import runpy
import sys
from pathlib import Path

COLLECTION = "ansible_collections.airgap.nodes"

if COLLECTION not in sys.modules:
    runpy.run_path(str(Path(__file__).parent / "unit" / "conftest.py"))
    # The unit tests' own conftest asks for it when both run at once.
    sys.modules[COLLECTION].__spec__ = importlib.machinery.ModuleSpec(COLLECTION, None, is_package=True)
