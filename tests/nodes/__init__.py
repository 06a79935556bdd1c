# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three real containerd nodes and a private registry on this machine, for tests and for the demo."""

from __future__ import annotations

from nodes.testbed import Testbed

__all__ = ["Testbed"]
