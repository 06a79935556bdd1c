# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit found on each node, and the sums over all of them. Private to this collection.

Whatever did not come back as a judgement is unknown, and nothing that is unknown counts as closed.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

Raw = t.Mapping[str, t.Any]

CLOSED, OPEN, UNKNOWN = "closed", "open", "unknown"
VERDICTS = (OPEN, UNKNOWN, CLOSED)
JUDGED, FAILED, UNREACHABLE, NOT_ASKED = "judged", "failed", "unreachable", "not_asked"
SEVERITIES = ("error", "warning", "info")

# What a judgement has to say of a node; the rest of a result is Ansible's.
_KEPT = (
    "reason",
    "containerd",
    "config",
    "routes",
    "images",
    "images_known",
    "images_unknown_reason",
    "findings",
    "trusted_registries",
)
_LONG = 2000


@dataclasses.dataclass(frozen=True)
class Node:
    """One node. ``message`` is why there is no judgement of it; ``result`` is empty then."""

    name: str
    state: str
    message: str = ""
    result: Raw = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, name: str, registered: Raw | None) -> Node:
        """What was registered for a host, if anything was."""
        if registered is None or registered.get("skipped"):
            return cls(name, NOT_ASKED, "It was not asked: an earlier task failed, or the run ended before.")
        if registered.get("unreachable"):
            return cls(name, UNREACHABLE, _message(registered, "It cannot be reached."))
        if registered.get("failed"):
            return cls(name, FAILED, _message(registered, "The task failed without a message."))
        if registered.get("verdict") not in (CLOSED, OPEN):
            return cls(name, FAILED, "The result has no verdict: it is not one of containerd_registry_info.")
        kept = {key: registered[key] for key in _KEPT if key in registered}
        # The whole of config.toml, which nobody reads a thousand times over.
        config = {key: value for key, value in (kept.get("config") or {}).items() if key != "effective"}
        return cls(name, JUDGED, "", {"verdict": registered["verdict"], **kept, "config": config})

    @property
    def verdict(self) -> str:
        """The worst of what is said: a node whose verdict is closed has no open route, or it is open."""
        if self.state != JUDGED:
            return UNKNOWN
        is_closed = self.result["verdict"] == CLOSED and not self.open_routes
        return CLOSED if is_closed else OPEN

    @property
    def reason(self) -> str:
        return str(self.result.get("reason") or "") or self.message

    @property
    def routes(self) -> t.Sequence[Raw]:
        return t.cast(t.Sequence[Raw], self.result.get("routes") or ())

    @property
    def open_routes(self) -> list[Raw]:
        return [route for route in self.routes if route.get("verdict") != CLOSED]

    @property
    def findings(self) -> t.Sequence[Raw]:
        return t.cast(t.Sequence[Raw], self.result.get("findings") or ())

    @property
    def release(self) -> str:
        return str((self.result.get("containerd") or {}).get("version") or "")

    @property
    def sandbox_image(self) -> str:
        return str((self.result.get("config") or {}).get("sandbox_image") or "")


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one rule found in the fleet."""

    id: str
    severity: str
    findings: int
    nodes: tuple[str, ...]
    message: str
    fix: str


@dataclasses.dataclass(frozen=True)
class Fleet:
    """All nodes of one audit. ``generated`` is when, in UTC, as ISO 8601 writes it."""

    nodes: tuple[Node, ...]
    generated: str

    def of(self, verdict: str) -> list[Node]:
        return [node for node in self.nodes if node.verdict == verdict]

    def in_state(self, state: str) -> list[Node]:
        return [node for node in self.nodes if node.state == state]

    @property
    def verdict(self) -> str:
        """The worst of the nodes'; nothing is known of no nodes."""
        found = {node.verdict for node in self.nodes}
        return next((verdict for verdict in VERDICTS if verdict in found), UNKNOWN)

    @functools.cached_property
    def severities(self) -> t.Mapping[str, int]:
        """How many findings there are of each severity."""
        counted = collections.Counter(severity_of(finding) for node in self.nodes for finding in node.findings)
        return {severity: counted[severity] for severity in SEVERITIES}

    @functools.cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that found something, the worst first, then the most frequent."""
        found: dict[str, list[tuple[str, Raw]]] = {}
        for node in self.nodes:
            for finding in node.findings:
                found.setdefault(str(finding.get("id", "")), []).append((node.name, finding))
        rules = [_rule(name, places) for name, places in found.items()]
        return tuple(sorted(rules, key=lambda rule: (rank(rule.severity), -len(rule.nodes), rule.id)))


def severity_of(finding: Raw) -> str:
    """One that is not known is taken for the worst."""
    severity = finding.get("severity")
    return severity if severity in SEVERITIES else SEVERITIES[0]


def rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _rule(name: str, places: t.Sequence[tuple[str, Raw]]) -> Rule:
    worst = min((finding for _node, finding in places), key=lambda finding: rank(severity_of(finding)))
    return Rule(
        id=name,
        severity=severity_of(worst),
        findings=len(places),
        nodes=tuple(dict.fromkeys(node for node, _finding in places)),
        message=str(worst.get("message") or ""),
        fix=str(worst.get("fix") or ""),
    )


def _message(registered: Raw, otherwise: str) -> str:
    text = str(registered.get("msg") or "").strip() or otherwise
    return text if len(text) <= _LONG else f"{text[:_LONG]} …"
