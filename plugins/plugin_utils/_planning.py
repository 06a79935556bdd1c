# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that change a node have in common: each is a plan. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import Applied, NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import unit_command
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate import judge
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.composition import composed
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import about
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View

Reading = dict[str, list[str]]


@dataclasses.dataclass(frozen=True)
class Planned:
    """What is to change, and what to tell of it.

    ``restart`` says whether a value changes that containerd reads at its start only. ``file`` is the config.toml that
    the plan is about, written for ``release``, and ``keys`` are those set in it that must count.
    """

    result: Result
    changes: ChangeSet = dataclasses.field(default_factory=ChangeSet)
    warnings: tuple[str, ...] = ()
    diff: tuple[dict[str, str], ...] = ()
    restart: bool = False
    file: str | None = None
    release: Release | None = None
    keys: tuple[KeyPath, ...] = ()

    def report(self, copies: t.Mapping[str, str]) -> Result:
        """The result, once the copies of the old files have their names."""
        own = [copies[change.path] for change in self.changes.changes if change.path in copies]
        of_file = {} if self.file is None else {"backup_file": copies.get(self.file)}
        return {**self.result, **of_file, "backup_files": own}


class Planner:
    """The work of one module, short of applying it; ``reading`` is what has to be read first."""

    SPEC: t.ClassVar[t.Mapping[str, t.Any]] = {}

    def __init__(self, options: Result, action: NodeAction) -> None:
        """:raises DomainError: an option is not sound; no node was asked for anything."""
        self.options = options
        self.action = action
        self.reading: Reading = {}

    def plan(self, view: View) -> Planned:
        """:raises DomainError: nothing may be written."""
        raise NotImplementedError

    def unread(self, view: View, path: str) -> t.Iterator[str]:
        """A warning, if nothing may read this config.toml.

        :raises DomainError: the unit's containerd reads another one.
        """
        unknown = unit_command.to_read(view.state, path)
        if unknown:
            view.read(files=unknown)
        expected = self.options["containerd_version"] is not None
        doubt = unit_command.doubt(view.state, path, self.action.unit, expected=expected)
        if doubt is not None:
            yield doubt


class PlanAction(NodeAction):
    """A module that is one plan."""

    PLANNER: t.ClassVar[type[Planner]]

    def execute(self, options: Result) -> Result:
        planner = self.PLANNER(options, self)
        view = View(self.read, self.read_whole(**planner.reading))
        planned = planner.plan(view)
        view.follow(planned.changes)
        applied = self.carry_out(view, [planned])
        return self.told(planned.report(applied.copies), [planned])

    def carry_out(self, view: View, plans: t.Sequence[Planned], **journal: t.Any) -> Applied:
        """All plans as one change; ``view`` is the node as they leave it.

        :raises DomainError: containerd would not start with what they leave, or start without CRI.
        """
        files = {planned.file: planned.release for planned in plans if planned.file and planned.release}
        changes = composed([planned.changes for planned in plans], last=next(reversed(files), None))
        keys = [key for planned in plans for key in planned.keys]
        checks: list[Check] = []
        for path, release in files.items() if changes else ():
            config = view.config(path, release)
            is_link = view.state.file(path).link is not None
            with about(path):
                checks += judge(config.content, config.files, changes, release, is_link=is_link, keys=keys)
        return self.apply(changes, restart=any(planned.restart for planned in plans), checks=checks, **journal)

    def told(self, result: Result, plans: t.Sequence[Planned]) -> Result:
        """A result with the warnings and the diff of its plans."""
        warnings = list(dict.fromkeys(warning for planned in plans for warning in planned.warnings))
        diff = [part for planned in plans for part in planned.diff]
        shown = {"diff": diff} if diff and self._task.diff else {}
        return {**result, **({"warnings": warnings} if warnings else {}), **shown}
