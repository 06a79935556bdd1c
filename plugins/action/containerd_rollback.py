# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of the module ``containerd_rollback``."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.plugin_utils._node_module import NodeModule


class ActionModule(NodeModule):
    """Nothing is done where a variable of the role is misspelt."""
