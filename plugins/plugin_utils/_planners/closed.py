# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd would ask by all that is planned, as ``containerd_node`` tells and checks it. Private."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import planned_routes, routes, unit_command
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Registry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import Planned, Reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View


class PlannedRoutes:
    """The ways of a node as the plans leave it.

    What is to be read for that comes with what the plans read.
    """

    def __init__(
        self,
        options: Result,
        action: NodeAction,
        *,
        registries: t.Sequence[Registry],
        tree: str | None,
        path: str | None,
        points_at_tree: bool,
    ) -> None:
        """:raises DomainError: an entry of ``trusted_registries`` is none; no node was asked for anything."""
        self._action = action
        self._version = options["containerd_version"]
        self._registries = registries
        self._tree = tree
        self._path = path
        self._points_at_tree = points_at_tree
        hosts = options["trusted_registries"] or planned_routes.trusted(registries)
        self._trust = Trust.parse(hosts) if hosts else None
        tree_read = routes.reading(tree or routes.USUAL_TREE)
        self.reading: Reading = {
            "files": [path or unit_command.DEFAULT_FILE],
            "globs": [*USUAL_GLOBS, *tree_read["globs"]],
            "directories": tree_read["directories"],
        }

    def judge(self, view: View, plans: t.Iterable[Planned]) -> Result:
        """What to tell of them; nothing where it is not known who is trusted.

        :raises DomainError: an entry that must not fall back would still be open.
        """
        if self._trust is None:
            return {"verdict": None, "routes": []}
        release = next((planned.release for planned in plans if planned.release), None)
        release = release or self._action.release(view.state, self._version, newest_for_newer=True)
        try:
            config = self._config(view, release)
        except DomainError as error:
            names = sorted({*planned_routes.ALWAYS, *(registry.namespace.name for registry in self._registries)})
            return {"verdict": "open", "routes": [_untold(name, error) for name in names]}
        found = planned_routes.judged(view.state, config, self._trust, self._registries)
        if self._tree and (self._points_at_tree or config.mentions_config_path):
            planned_routes.check_closed(self._registries, found, config, self._tree)
        is_closed = all(each.verdict.is_closed for each in found)
        return {"verdict": planned_routes.word(is_closed=is_closed), "routes": [each.told for each in found]}

    def _config(self, view: View, release: Release) -> routes.Config:
        """:raises DomainError: what is in the files cannot be told."""
        path = self._path or unit_command.files_read(view.state)[0]
        if path not in view.state.files:
            # That would be a round trip more, for a task that is about another file.
            raise DomainError(f"the unit has containerd read {path}, which this task is not about")
        config = routes.Config.read(view.config(path, release).files, release)
        for root in routes.unread(config, view.state):
            view.read(**routes.reading(root))
        return config


def _untold(namespace: str, error: DomainError) -> Result:
    return {
        "namespace": namespace,
        "verdict": planned_routes.word(is_closed=False),
        "reason": f"It cannot be told whether it is closed: {error}",
        "rule": "",
        "file": error.file or "",
        "line": error.line,
    }
