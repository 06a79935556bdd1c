# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an audit fails, and what it says at its end. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import (
    CLOSED,
    FAILED,
    NOT_ASKED,
    OPEN,
    SEVERITIES,
    UNKNOWN,
    UNREACHABLE,
    Fleet,
    Node,
    rank,
)

NEVER = "never"
MAX_NAMED = 10
MAX_RULES = 5


def reached(fleet: Fleet, fail_on: str) -> list[str]:
    """What of the fleet is at the threshold or beyond, in words; nothing if the audit passes.

    A node that is open, or of which nothing is known, is so at every threshold but ``never``.
    """
    if fail_on == NEVER:
        return []
    total = len(fleet.nodes)
    found = [
        f"{len(nodes)} of {_number(total, 'node')} {verb}"
        for nodes, verb in ((fleet.of(OPEN), "open"), (fleet.of(UNKNOWN), "not judged"))
        if nodes
    ]
    if not total:
        found.append("no node was audited")
    if fail_on != OPEN:
        severe = SEVERITIES[: rank(fail_on) + 1]
        found += [_number(fleet.severities[name], name) for name in severe if fleet.severities[name]]
    return found


def summary(fleet: Fleet) -> list[str]:
    """Lines for the terminal, few enough for a fleet of any size."""
    groups = (
        ("closed", fleet.of(CLOSED)),
        ("open", fleet.of(OPEN)),
        ("unreachable", fleet.in_state(UNREACHABLE)),
        ("failed", fleet.in_state(FAILED)),
        ("not asked", fleet.in_state(NOT_ASKED)),
    )
    lines = [f"{heading}: {len(nodes)} ({_named(nodes)})" for heading, nodes in groups if nodes]
    found = ", ".join(_number(count, name) for name, count in fleet.severities.items())
    worst = fleet.rules[:MAX_RULES]
    lines += [f"findings: {found}"]
    lines += [f"{rule.severity} {rule.id} on {_number(len(rule.nodes), 'node')}: {rule.message}" for rule in worst]
    rest = len(fleet.rules) - len(worst)
    return [*lines, f"and {_number(rest, 'more rule')}"] if rest else lines


def _named(nodes: t.Sequence[Node]) -> str:
    rest = len(nodes) - MAX_NAMED
    return ", ".join(node.name for node in nodes[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _number(count: int, thing: str) -> str:
    plural = thing if count == 1 or thing == "info" else f"{thing}s"
    return f"{count} {plural}"
