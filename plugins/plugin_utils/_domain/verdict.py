# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the way to an image is closed: nobody on it but registries that are trusted. Private to this collection."""

from __future__ import annotations

import dataclasses

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Route
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust

__all__ = ("Place", "Verdict", "judge")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """``reason`` is one sentence; ``place`` is what causes it; ``rule`` is the id of the finding that explains it."""

    is_closed: bool
    reason: str
    place: Place = NOWHERE
    rule: str = ""


def judge(route: Route, trust: Trust) -> Verdict:
    """Open means that any endpoint of the route is outside the trusted registries."""
    outside = [step for step in route.steps if not trust.covers(step.endpoint.scheme, step.endpoint.host)]
    if not outside:
        return Verdict(True, "Every endpoint is a trusted registry.", Place(route.source))
    return Verdict(False, f"{outside[0].endpoint.host} is asked, and is not trusted.", Place(route.source))
