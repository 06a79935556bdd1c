# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_canary``."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CANARY
from ansible_collections.airgap.nodes.plugins.module_utils._canary import Asked, Walk
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.canary import (
    Proof,
    Seen,
    Wanted,
    better,
    judge_walk,
    tell,
    wanted,
    worst,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._route_reading import read_routes

# What a line of the journal may say of another pull, it says of this one too only if it says it each time.
LOOKS = 3
Files = tuple[NodeState, routes.Config]


class ActionModule(NodeAction):
    """Has images pulled that nobody has, reads the files, and judges what each says of the other."""

    ARGUMENT_SPEC = CONTAINERD_CANARY

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        # What the task says of itself can be lost: failed_when has the last word.
        return {**result, "is_failed": bool(result.get("failed"))}

    def execute(self, options: Result) -> Result:
        asked_for = _wanted(options)
        result: Result = {"changed": False, "trusted_registries": list(asked_for.trusted), "namespaces": []}
        if self._task.check_mode or not asked_for.namespaces:
            return result
        files = self._files()
        namespaces = asked_for.with_hidden(() if files is None else routes.configured_namespaces(*files))
        found: dict[str, Seen] = {}
        for _look in range(LOOKS):
            doubtful = [name for name in namespaces if name not in found or not found[name].judgement.is_sure]
            for seen in self._look(doubtful, asked_for.trust, options, files) if doubtful else ():
                found[seen.namespace] = better(found.get(seen.namespace), seen)
        return {**result, **_told(list(found.values()))}

    def _files(self) -> Files | None:
        try:
            return read_routes(self)
        except DomainError as error:
            self.warn(f"What the files say cannot be told: {error}")
            return None

    def _look(self, namespaces: list[str], trust: Trust, options: Result, files: Files | None) -> t.Iterator[Seen]:
        arguments = {
            "namespaces": namespaces,
            "runtime_endpoint": options["runtime_endpoint"],
            "unit": self.unit,
            "seconds": options["timeout"],
        }
        for wire in self.run_module("airgap.nodes._node_canary", arguments)["walks"]:
            walk = Walk(**{name: wire[name] for name in Walk._fields})
            walk = walk._replace(asked=tuple(Asked(**asked) for asked in wire["asked"]))
            way = None if files is None else routes.route(routes.image_of(wire["image"]), *files)
            yield Seen(wire["namespace"], wire["image"], walk, judge_walk(walk, self.unit, way, trust))


def _wanted(options: Result) -> Wanted:
    if options["timeout"] < 1:
        raise DomainError(f"has to be 1 or more, it is {options['timeout']}", option="timeout")
    given = options["registries"]
    registries = None if given is None else read_registries(given, options["registries_defaults"])
    return wanted(registries, options["namespaces"], options["trusted_registries"])


def _told(seen: list[Seen]) -> Result:
    proof = worst(seen)
    result: Result = {"verdict": proof.value, "namespaces": [each.report for each in seen]}
    return result if proof is Proof.CLOSED else {**result, "failed": True, "msg": tell(seen)}
