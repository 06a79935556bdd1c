# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release's containerd asked those, and only those, who were predicted, in that order."""

from __future__ import annotations

import dataclasses
import functools
import os
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Beside, Release, local_pull_reasons
from nodes import dumps

from routes.prediction import Circumstances, Prediction, predict, told
from routes.reading import read

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from routes.cases import Case
    from routes.containerds import Outcome

RELEASES = ("1.6", "1.7", "2.1", "2.3")
NOBODY = Prediction((), succeeds=False)


@functools.cache
def release(name: str) -> Release:
    return Release.parse(dumps.version(name))


def count() -> int:
    """How many cases to make up for each release; of the number in AIRGAP_NODES_CASES, or enough for every day."""
    return -(-int(os.environ.get("AIRGAP_NODES_CASES") or 152) // len(RELEASES))


def seed() -> str:
    """What the cases are made up from; the text in AIRGAP_NODES_SEED, or always the same."""
    return os.environ.get("AIRGAP_NODES_SEED") or "1"


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """What is said of a case before its pull, and by which route."""

    prediction: Prediction
    route: routes.Route | None = None
    crashes: bool = False


def foresee(case: Case, its_release: Release, pems: Mapping[str, bytes]) -> Foreseen:
    state, config = read(case, its_release)
    found = cri.parse_reference(case.image)
    if found is None or not loads_cri(config):
        return Foreseen(NOBODY)
    image = routes.Image(found.registry, found.repository, found.digest or found.tag or "latest")
    route = routes.route(image, state, config)
    if asks_nobody(route):
        return Foreseen(NOBODY, route, any(obstacle.kind == "crashes" for obstacle in route.obstacles))
    own_ca = frozenset(file.path for file in case.files if pems["own-ca.pem"] in file.content)
    around = Circumstances(its_release, case.people, own_ca, by_tree(config))
    return Foreseen(predict(route, around), route)


def asks_nobody(route: routes.Route) -> bool:
    return route.fails is not None


def loads_cri(config: routes.Config) -> bool:
    rules = config.release.rules.registry
    stops = rules.mirrors_beside_config_path is Beside.STOPS_CRI and config.legacy.mirrors and config.config_path
    return not stops


def by_tree(config: routes.Config) -> bool:
    """Whether the endpoints come out of the code that reads hosts.toml, be there one or not."""
    release = config.release
    by_service = release.rules.pulls_by_transfer_service and not local_pull_reasons(config.data, release)
    return bool(config.roots) or by_service


def difference(foreseen: Foreseen, outcome: Outcome) -> str:
    """Empty where containerd did what was foreseen."""
    asked, wanted = [told(entry) for entry in outcome.asked], list(foreseen.prediction.asked)
    faults = []
    if asked != wanted:
        faults.append("asked:\n  " + "\n  ".join(asked) + "\nforeseen:\n  " + "\n  ".join(wanted))
    if outcome.succeeded is not foreseen.prediction.succeeds:
        faults.append(f"the pull {'succeeded' if outcome.succeeded else 'failed'}, which was not foreseen")
    if outcome.crashed is not foreseen.crashes:
        faults.append(f"containerd {'crashed' if outcome.crashed else 'lived'}, which was not foreseen")
    return "\n".join([*faults, f"crictl said: {outcome.said}"]) if faults else ""


def endpoints(route: routes.Route | None) -> str:
    if route is None:
        return "no route"
    steps = [f"{step.endpoint.scheme}://{step.endpoint.host}{step.endpoint.path}" for step in route.steps]
    obstacles = [f"{obstacle.kind} {obstacle.path} {obstacle.detail}" for obstacle in route.obstacles]
    return f"route by {route.source or 'no file'}: {steps}, obstacles: {obstacles}"
