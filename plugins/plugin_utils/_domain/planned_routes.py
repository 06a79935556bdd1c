# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd would ask by what is planned, and what of it would still be open. Private to this collection."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import sandbox_image
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Registry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import (
    Config,
    configured_namespaces,
    image_of,
    namespace_route,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import Verdict, judge

# Whatever a node has something about, these are asked for on every node of Kubernetes.
ALWAYS = ("docker.io", "k8s.gcr.io", "registry.k8s.io")
_MOST = 3


@dataclasses.dataclass(frozen=True)
class Judged:
    """A namespace with its verdict."""

    namespace: str
    verdict: Verdict

    @property
    def told(self) -> dict[str, t.Any]:
        """For results."""
        return {
            "namespace": self.namespace,
            "verdict": word(is_closed=self.verdict.is_closed),
            "reason": self.verdict.reason,
            "rule": self.verdict.rule,
            "file": self.verdict.place.file,
            "line": self.verdict.place.line,
        }


def word(*, is_closed: bool) -> str:
    return "closed" if is_closed else "open"


def trusted(registries: t.Iterable[Registry]) -> list[str]:
    """The hosts that entries name, but for those that are the registry itself: to ask it is a wish, and not closed."""
    return [
        intent.host.url.authority
        for registry in registries
        for intent in registry.endpoints
        if not registry.namespace.is_upstream(intent.host.url)
    ]


def judged(state: NodeState, config: Config, trust: Trust, listed: t.Iterable[Registry]) -> tuple[Judged, ...]:
    """Every namespace that a task lists, that a node has something about, or that is sure to be asked for."""
    own = (registry.namespace.name for registry in listed)
    names = {*ALWAYS, *own, *configured_namespaces(state, config), *_of_sandbox(config)}
    return tuple(Judged(name, judge(namespace_route(name, state, config), trust)) for name in sorted(names))


def _of_sandbox(config: Config) -> t.Iterator[str]:
    try:
        yield image_of(sandbox_image(config.data, config.release)[0]).registry
    except DomainError:
        return


def check_closed(registries: t.Iterable[Registry], found: t.Sequence[Judged], config: Config, tree: str) -> None:
    """``tree`` is the directory that is written.

    :raises DomainError: an entry that must not fall back would still be open.
    """
    closing = {registry.namespace.name: registry for registry in registries if not registry.fallback}
    still_open = [each for each in found if each.namespace in closing and not each.verdict.is_closed]
    errors = []
    # What one place opens is one thing to mend, however many entries there are.
    for _cause, group in itertools.groupby(sorted(still_open, key=_cause_of), key=_cause_of):
        each = list(group)
        errors.append(_error(each, closing[each[0].namespace], config, tree))
    if errors:
        raise DomainError.together(errors)


def _cause_of(each: Judged) -> tuple[str, str, int]:
    place = each.verdict.place
    return each.verdict.rule, place.file, place.line or 0


def _error(each: t.Sequence[Judged], registry: Registry, config: Config, tree: str) -> DomainError:
    verdict = each[0].verdict
    rest = f" (and {len(each) - _MOST} more)" if len(each) > _MOST else ""
    names = ", ".join(one.namespace for one in each[:_MOST]) + rest
    return DomainError(
        f"{names} would still be open on containerd {config.release}: {verdict.reason}",
        file=verdict.place.file or None,
        line=verdict.place.line,
        option=registry.option,
        fix=f"Nothing was changed. {_fix(verdict, config, tree)}",
    )


def _fix(verdict: Verdict, config: Config, tree: str) -> str:
    """What is to be done about it that the run does not do by itself."""
    place = verdict.place
    if verdict.rule in ("host-outside", "server-outside", "mirror-outside") and place.file.startswith(f"{tree}/"):
        return "Add the host to trusted_registries, or take it out of the entry."
    if verdict.rule == "hosts-toml-unreadable":
        return f"Run the task as a user who may read {place.file}."
    if verdict.rule == "drop-in-replaces-cri":
        return f"Have {place.file} name {tree} as config_path too, or write the settings to a later drop-in."
    if tree not in config.roots:
        return f"Take the other config_path out, or write the tree where it leads ({config.config_path or 'nowhere'})."
    if config.roots[0] != tree and place.file and not place.file.startswith(f"{tree}/"):
        return f"{place.file} is found before {tree}: remove it, or name {tree} alone in config_path."
    if place.file:
        return f"See to {place.file}: the run does not mend it."
    return "Set fallback: true if that is meant."
