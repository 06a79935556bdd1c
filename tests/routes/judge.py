# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release's containerd asked those, and only those, who were predicted, in that order."""

from __future__ import annotations

import dataclasses
import functools
import os
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes import dumps

from routes.prediction import Circumstances, Prediction, predict, told
from routes.reading import route_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from routes.cases import Case
    from routes.containerds import Outcome

RELEASES = ("1.6", "1.7", "2.1", "2.3")


@functools.cache
def release(name: str) -> Release:
    return Release.parse(dumps.version(name))


def count() -> int:
    """How many cases to make up for each release; of the number in AIRGAP_NODES_CASES, or enough for every day."""
    return -(-int(os.environ.get("AIRGAP_NODES_CASES") or 160) // len(RELEASES))


def seed() -> str:
    """What the cases are made up from; the text in AIRGAP_NODES_SEED, or always the same."""
    return os.environ.get("AIRGAP_NODES_SEED") or "1"


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """What is said of a case before its pull, and by which route."""

    prediction: Prediction
    route: routes.Route
    crashes: bool

    @property
    def is_told(self) -> bool:
        """Of some files nobody can tell what the release makes of them this time, and then that is said."""
        return self.route.unknown is None and all(each.kind != "order_by_chance" for each in self.route.obstacles)


def foresee(case: Case, its_release: Release, pems: Mapping[str, bytes]) -> Foreseen:
    route, config = route_of(case, its_release)
    own_ca = frozenset(file.path for file in case.files if pems["own-ca.pem"] in file.content)
    by_tree = bool(config.roots) or config.pulls_by_transfer_service
    around = Circumstances(its_release, case.people, own_ca, by_tree)
    crashes = route.fails is not None and route.fails.kind == "crashes"
    return Foreseen(predict(route, around), route, crashes)


def difference(foreseen: Foreseen, outcome: Outcome) -> str:
    """Empty where containerd did what was foreseen."""
    asked, wanted = _each_name_once(map(told, outcome.asked)), _each_name_once(foreseen.prediction.asked)
    faults = []
    if asked != wanted:
        faults.append("asked:\n  " + "\n  ".join(asked) + "\nforeseen:\n  " + "\n  ".join(wanted))
    if outcome.succeeded is not foreseen.prediction.succeeds:
        faults.append(f"the pull {'succeeded' if outcome.succeeded else 'failed'}, which was not foreseen")
    if outcome.crashed is not foreseen.crashes:
        faults.append(f"containerd {'crashed' if outcome.crashed else 'lived'}, which was not foreseen")
    return "\n".join([*faults, f"crictl said: {outcome.said}"]) if faults else ""


def _each_name_once(lines: Iterable[str]) -> list[str]:
    """A name server is asked for addresses of both kinds, and perhaps again."""
    found: list[str] = []
    for line in lines:
        if not line.startswith("the name") or found[-1:] != [line]:
            found.append(line)
    return found


def endpoints(route: routes.Route) -> str:
    steps = [f"{step.endpoint.scheme}://{step.endpoint.host}{step.endpoint.path}" for step in route.steps]
    obstacles = [f"{obstacle.kind} {obstacle.path} {obstacle.detail}" for obstacle in route.obstacles]
    return f"route by {route.source or 'no file'}: {steps}, obstacles: {obstacles}"
