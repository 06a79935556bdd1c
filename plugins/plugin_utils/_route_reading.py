# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads on the node what decides whom containerd asks for an image. Private to this collection."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.unit_command import DEFAULT_FILE, files_read


def read_routes(action: NodeAction) -> tuple[NodeState, routes.Config]:
    """Mostly one round trip; files in unusual places take another."""
    tree = routes.reading(routes.USUAL_TREE)
    state = action.read(
        files=[DEFAULT_FILE],
        globs=[*USUAL_GLOBS, *tree["globs"]],
        directories=tree["directories"],
        programs=["containerd"],
    )
    path = files_read(state)[0]
    if path not in state.files:
        state = state.and_also(action.read(files=[path]))
    release = action.release(state, None, newest_for_newer=True)
    state, files = action.read_config(state, path, release)
    config = routes.Config.read(files.files, release)
    for root in routes.unread(config, state):
        state = state.and_also(action.read(**routes.reading(root)))
    return state, config
