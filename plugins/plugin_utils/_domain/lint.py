# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a node's configuration opens the way out, breaks pulls, or means less than it says. Private.

Each trap is a rule with an id that never changes (see ``lint_rules``); docs/findings.md explains every one of them.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import (
    lint_config,
    lint_hosts,
    lint_images,
    lint_tree,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node, Subject
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_rules import RULES, Rule, Severity

__all__ = ["RULES", "Finding", "Rule", "Severity", "Subject", "lint"]

_CHECKS = (*lint_config.CHECKS, *lint_tree.CHECKS, *lint_hosts.CHECKS, *lint_images.CHECKS)
_ORDER = tuple(Severity)


def lint(subject: Subject) -> tuple[Finding, ...]:
    """Every finding, the worst first, then by file and line."""
    node = Node(subject)
    findings = dict.fromkeys(finding for check in _CHECKS for finding in _findings(check, node))
    return tuple(sorted(findings, key=_rank))


def _findings(check: t.Callable[[Node], t.Iterator[Finding]], node: Node) -> list[Finding]:
    try:
        return list(check(node))
    except RecursionError:
        return [found("not-judged", "A file has tables within tables beyond all measure")]


def _rank(finding: Finding) -> tuple[int, str, int, str]:
    return _ORDER.index(finding.severity), finding.place.file, finding.place.line or 0, finding.id
