# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries, migration and configuration, each planned on what the one before it leaves. Private."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result, validated
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.closed import PlannedRoutes
from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.config import ConfigPlanner
from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.migrate import MigratePlanner
from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.registries import RegistriesPlanner
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import Planned, Planner, Reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View

PARTS = ("registries", "migrate", "config")
COMMON = ("unit", "containerd_version")

_Planner = t.TypeVar("_Planner", bound=Planner)


class Parts:
    """The parts that are asked for, in the order in which they are planned.

    The tree comes first: config.toml must not point at files that are not there. The tables go before any other edit of
    config.toml, since they do not go together with config_path.
    """

    def __init__(self, options: Result, action: NodeAction) -> None:
        """:raises DomainError: an option is not sound; no node was asked for anything."""
        self._registries = _planner(RegistriesPlanner, "registries", options, action)
        migrate = _planner(MigratePlanner, "migrate", options, action)
        config = _planner(ConfigPlanner, "config", options, action)
        if self._registries and not self._registries.intent.registries:
            _check_no_purge_of_all(self._registries)
            self._registries = None
        if self._registries and migrate:
            migrate.leave_out(each.namespace.name for each in self._registries.intent.registries)
        self._routes = _routes(self._registries, migrate, config, options, action)
        planners: t.Sequence[Planner | None] = (self._registries, migrate, config)
        self._planners = {name: planner for name, planner in zip(PARTS, planners, strict=True) if planner}

    @property
    def reading(self) -> Reading:
        """What has to be read first, for all of them at once."""
        wanted: dict[str, dict[str, None]] = {}
        for reading in (*(planner.reading for planner in self._planners.values()), self._routes.reading):
            for kind, paths in reading.items():
                wanted.setdefault(kind, {}).update(dict.fromkeys(paths))
        return {kind: list(paths) for kind, paths in wanted.items()}

    def plan(self, view: View) -> dict[str, Planned]:
        """The plan of each part; then ``view`` is the node as they leave it.

        :raises DomainError: nothing may be written.
        """
        plans: dict[str, Planned] = {}
        for name, planner in self._planners.items():
            with _within(name):
                plans[name] = planner.plan(view)
            view.follow(plans[name].changes)
        if self._registries and "migrate" in plans:
            _check_no_purge_of_migrated(self._registries, plans["migrate"])
        return plans

    def judge(self, view: View, plans: t.Mapping[str, Planned]) -> Result:
        """Whom containerd would ask on the node as the plans leave it, and whether that is closed.

        :raises DomainError: an entry that must not fall back would still be open.
        """
        with _within("registries"):
            return self._routes.judge(view, plans.values())


def _routes(
    registries: RegistriesPlanner | None,
    migrate: MigratePlanner | None,
    config: ConfigPlanner | None,
    options: Result,
    action: NodeAction,
) -> PlannedRoutes:
    return PlannedRoutes(
        options,
        action,
        registries=registries.intent.registries if registries else (),
        tree=registries.intent.config_path if registries else None,
        path=config.path if config else migrate.path if migrate else None,
        points_at_tree=config is not None and config.options["registry_config_path"] is not None,
    )


def _planner(kind: type[_Planner], part: str, options: Result, action: NodeAction) -> _Planner | None:
    """A part that is asked for, with its options checked before any node is asked for anything."""
    if options[part] is None:
        return None
    with _within(part, always=True):
        return kind(validated(kind.SPEC, _with_common(options[part], options)), action)


def _with_common(raw: Result, options: Result) -> Result:
    """The options of a part with those that all parts have in common.

    :raises DomainError: the part says something else.
    """
    for name in COMMON:
        if raw.get(name) not in (None, options[name]):
            raise DomainError(
                f"is {raw[name]!r}, and {options[name]!r} for the whole task",
                option=name,
                fix="All parts are about one containerd: leave it out here.",
            )
    return {**raw, **{name: options[name] for name in COMMON if options[name] is not None}}


@contextlib.contextmanager
def _within(part: str, *, always: bool = False) -> t.Iterator[None]:
    """An option in an error is one of this part, unless all parts have it in common; ``always`` without one, too."""
    try:
        yield
    except DomainError as found:
        raise DomainError.together(
            [
                error.under(part) if (always if error.option is None else error.option not in COMMON) else error
                for error in found.each
            ]
        ) from None


def _check_no_purge_of_all(registries: RegistriesPlanner) -> None:
    """An empty list is more often a variable that was lost than the wish to have no registries any more.

    :raises DomainError: it is to be purged by.
    """
    if registries.intent.purge:
        raise DomainError(
            "is on, and registries is empty: every namespace of the collection would go",
            option="registries.purge",
            fix="Nothing was changed. List what is to stay, or remove the tree with airgap.nodes.containerd_registries "
            "in a task of your own.",
        )


def _check_no_purge_of_migrated(registries: RegistriesPlanner, migrated: Planned) -> None:
    """:raises DomainError: the next run would remove what is migrated, which is the collection's and not listed."""
    names = [each["namespace"] for each in migrated.result["namespaces"]]
    if names and registries.intent.purge:
        raise DomainError(
            f"would remove again what is migrated: {', '.join(names)}",
            option="registries.purge",
            fix="Nothing was changed. List these namespaces in registries first, or switch it off.",
        )
