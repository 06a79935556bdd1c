# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a finding is made, and what it may quote. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_rules import RULES, Severity
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked, plain, printable
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place

_LONGEST = 300


@dataclasses.dataclass(frozen=True)
class Finding:
    """One trap that a node is in. No text of it quotes a secret. ``releases`` are those that have the trap."""

    id: str
    severity: Severity
    message: str
    fix: str
    place: Place = NOWHERE
    releases: str = ""


def found(rule: str, what: str, place: Place = NOWHERE, *, fix: str = "") -> Finding:
    """``what`` says what was found there, and ends without a full stop; what comes of it is the rule's to say."""
    known = RULES[rule]
    return Finding(
        known.id,
        known.severity,
        f"{plain(what)}. {known.explanation}",
        plain(fix or known.fix),
        Place(printable(place.file), place.line, plain(place.key)),
        known.releases,
    )


def shown(text: t.Any) -> str:
    """A value of somebody's file, in quotes, and not longer than a message can bear."""
    quoted = masked(str(text))
    return f'"{quoted[:_LONGEST]}…"' if len(quoted) > _LONGEST else f'"{quoted}"'
