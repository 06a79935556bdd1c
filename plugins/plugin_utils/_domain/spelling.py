# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are one of ours but for a slip of the fingers. Private to this collection.

``difflib``'s ratio would be too lax for long names, in which two different words weigh little.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError

_MOST_EDITS = 2
_SHORT = 3
PREFIX = "containerd_"
# The variable that names those of a user's own that look like a slip.
OWN_VARIABLES = "containerd_own_variables"


def misspelt(name: str, known: t.Iterable[str]) -> str | None:
    """The known name that differs in one or two letters, about a quarter of them at most; None for any other name."""
    distances = {other: _edits(name, other) for other in known}
    nearest = min(distances, key=lambda other: distances[other], default="")
    # One letter makes a word of three another one: cni, cri, cdi.
    most = min(_MOST_EDITS, (len(nearest) + 1) // 4) if len(nearest) > _SHORT else 0
    return nearest if nearest and 0 < distances[nearest] <= most else None


def misspelt_variables(named: t.Iterable[str], known: t.Collection[str]) -> dict[str, str]:
    """Variables that look like one of the role's, and which; what others name with the same prefix looks like none."""
    suffixes = [name.removeprefix(PREFIX) for name in known if name.startswith(PREFIX)]
    strange = sorted(name for name in named if name.startswith(PREFIX) and name not in known)
    found = {name: misspelt(name.removeprefix(PREFIX), suffixes) for name in strange}
    return {name: f"{PREFIX}{nearest}" for name, nearest in found.items() if nearest is not None}


def check_meant(found: t.Mapping[str, str], own: t.Any) -> None:
    """:raises DomainError: a misspelt variable is not among the user's own."""
    errors = [
        DomainError(
            "is no variable of the role",
            option=name,
            fix=f"Did you mean {meant}? If it is one of your own, name it in {OWN_VARIABLES}.",
        )
        for name, meant in found.items()
        if not isinstance(own, list) or name not in own
    ]
    if errors:
        raise DomainError.together(errors)


def _edits(name: str, other: str) -> int:
    """How many letters have to be put, changed or taken out; what is far off at a glance is not looked at."""
    if abs(len(name) - len(other)) > _MOST_EDITS or len(set(name) ^ set(other)) > 2 * _MOST_EDITS:
        return _MOST_EDITS + 1
    steps = difflib.SequenceMatcher(None, name, other, autojunk=False).get_opcodes()
    return sum(max(end - start, to - since) for tag, start, end, since, to in steps if tag != "equal")
