# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run as `python tests/leaks`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

# Started by directory, this directory itself is on the path; the packages lie one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])
importlib.import_module("clone")

from leaks.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
