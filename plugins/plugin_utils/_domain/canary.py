# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it proves whom containerd asked for an image that nobody has. Private to this collection.

Closed is what is proved twice: containerd went through its whole list for that image, told of everybody on it, and they
are trusted; and they are those whom the files name, among whom nobody else is, not even for parts of an image.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._canary import Asked, Walk
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import planned_routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Registry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Route
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import Verdict, judge


class Proof(enum.Enum):
    """Whether a namespace is closed; what is not proved is unknown."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Judgement:
    """``outside`` are the hosts that were asked and are not trusted; ``place`` is what to mend.

    ``is_sure`` is false where it may be the doing of another pull of that time: then it is not so the next time.
    """

    proof: Proof
    reason: str
    outside: tuple[Asked, ...] = ()
    place: Place = NOWHERE
    is_sure: bool = True


@dataclasses.dataclass(frozen=True)
class Seen:
    """What came of one namespace."""

    namespace: str
    image: str
    walk: Walk
    judgement: Judgement

    @property
    def report(self) -> dict[str, t.Any]:
        outside = {asked.host for asked in self.judgement.outside}
        return {
            "namespace": self.namespace,
            "verdict": self.judgement.proof.value,
            "reason": self.judgement.reason,
            "file": self.judgement.place.file,
            "line": self.judgement.place.line,
            "image": self.image,
            "asked": [
                {"host": asked.host, "trusted": asked.host not in outside, "answer": asked.answer}
                for asked in self.walk.asked
            ],
        }

    @property
    def message(self) -> str:
        place, reason = self.judgement.place, self.judgement.reason
        where = f"{place.file}:{place.line}" if place.line else "" if place.file in reason else place.file
        return f"{self.namespace}: {reason}{f' See {where}.' if where else ''}"


def better(one: Seen | None, other: Seen) -> Seen:
    """Of two looks at a namespace, the one that tells more: nobody is on one whole list who is not on the other."""
    order = (Proof.UNKNOWN, Proof.OPEN, Proof.CLOSED)
    return other if one is None else max(one, other, key=lambda seen: order.index(seen.judgement.proof))


def worst(seen: t.Iterable[Seen]) -> Proof:
    proofs = {each.judgement.proof for each in seen}
    return next((proof for proof in (Proof.OPEN, Proof.UNKNOWN) if proof in proofs), Proof.CLOSED)


def tell(seen: t.Sequence[Seen]) -> str:
    """All that is not proved, for people."""
    messages = [each.message for each in seen if each.judgement.proof is not Proof.CLOSED]
    head = f"{len(messages)} of {len(seen)} namespaces are not proved to be closed."
    return "\n".join(messages if len(seen) == 1 else [head, *messages])


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be tried, and who may be asked for it."""

    namespaces: tuple[str, ...]
    trusted: tuple[str, ...]
    # Those of the registries, closed or not; of namespaces that are named one by one, nothing else is meant.
    listed: frozenset[str] = frozenset()

    def with_hidden(self, configured: t.Iterable[str]) -> tuple[str, ...]:
        """And those whose directory, be it anybody's, hides ``_default``, where that is to be closed."""
        is_meant = bool(self.listed) and ANY in self.namespaces
        hidden = (name for name in configured if is_meant and name not in self.listed)
        return tuple(dict.fromkeys((*self.namespaces, *hidden)))

    @property
    def trust(self) -> Trust:
        return Trust.parse(self.trusted)


def wanted(
    registries: t.Sequence[Registry] | None, namespaces: t.Sequence[str] | None, trusted: t.Sequence[str]
) -> Wanted:
    """By default the namespaces that are to be closed, and the hosts that are named.

    :raises DomainError: an option that nothing else gives is left out.
    """
    if namespaces is None and registries is None:
        raise DomainError(
            "nothing says which namespaces are to be closed",
            option="namespaces",
            fix="Name them, or give registries as containerd_registries has them.",
        )
    closed = [entry.namespace.name for entry in registries or () if not entry.fallback]
    names = tuple(dict.fromkeys(closed if namespaces is None else namespaces))
    hosts = tuple(trusted) or tuple(dict.fromkeys(planned_routes.trusted(registries or ())))
    if names and not hosts:
        raise DomainError(
            "nothing says who may be asked",
            option="trusted_registries",
            fix="Name the hosts, or give registries as containerd_registries has them.",
        )
    listed = () if namespaces is not None else (entry.namespace.name for entry in registries or ())
    return Wanted(names, hosts, frozenset(listed))


def judge_walk(walk: Walk, unit: str, route: Route | None, trust: Trust) -> Judgement:
    """``route`` is the way that the files say; None where they cannot be read."""
    by_files = None if route is None else judge(route, trust)
    outside = tuple(asked for asked in walk.asked if not trust.covers(_scheme(asked, route), asked.host))
    if outside:
        is_sure = any(asked.is_sure for asked in outside)
        return Judgement(Proof.OPEN, _asked_outside(outside, by_files), outside, _place(by_files), is_sure)
    why_unknown = _why_unknown(walk, unit)
    if why_unknown:
        return Judgement(Proof.UNKNOWN, why_unknown)
    if route is None or by_files is None:
        return Judgement(Proof.UNKNOWN, "It cannot be told whether the files say the same, since they cannot be read.")
    if route.unknown is not None:
        return Judgement(Proof.UNKNOWN, by_files.reason, place=by_files.place)
    if not by_files.is_closed:
        return Judgement(Proof.OPEN, f"By the files, others would be asked too: {by_files.reason}", (), by_files.place)
    return _compared(walk, route, by_files)


def _scheme(asked: Asked, route: Route | None) -> str:
    steps = route.steps if route else ()
    known = (step.endpoint.scheme for step in steps if step.endpoint.host == asked.host)
    return asked.scheme or next(known, "https")


def _asked_outside(outside: t.Sequence[Asked], by_files: Verdict | None) -> str:
    hosts = ", ".join(asked.host for asked in outside)
    said = f"containerd asked {hosts}, outside the trusted registries."
    if by_files is None:
        return said
    if not by_files.is_closed:
        return f"{said} {by_files.reason}"
    if not any(asked.is_endpoint for asked in outside):
        return (
            f"{said} No file names it: an endpoint sent containerd there, for a token or by a redirect. If it is "
            "yours, add it to trusted_registries."
        )
    return f"{said} By the files it would not. It has not read them yet, or it reads others: restart it."


def _place(by_files: Verdict | None) -> Place:
    return NOWHERE if by_files is None or by_files.is_closed else by_files.place


def _why_unknown(walk: Walk, unit: str) -> str:
    """Why this walk proves nothing; empty if it does."""
    said = f" ({walk.error})" if walk.error else ""
    if not (walk.begun and walk.ended) or walk.has_gap:
        return f"It cannot be known whom containerd asked: {_why_untold(walk, unit, said)}"
    if walk.answered:
        return (
            f"An endpoint claims to have an image that nobody has{said}, so it answers everything. Whom containerd "
            "would ask next cannot be known. Correct its URL, or what stands before that registry."
        )
    if not any(asked.is_endpoint for asked in walk.asked):
        return f"containerd asked nobody{said}. Whom it would ask cannot be known until that is mended."
    if not walk.is_whole:
        return (
            f"It cannot be known whom else containerd would ask: after such an error{said} this release does not tell "
            "of all of them. Mend what answers so, or set debug.level to debug for a while."
        )
    return ""


def _why_untold(walk: Walk, unit: str, said: str) -> str:
    if walk.has_gap:
        return "journald dropped lines of it, since there were too many. See RateLimitBurst in journald.conf."
    if walk.begun:
        return f"its journal tells no end of the pull{said}."
    if walk.ended:
        return (
            "it logs at a level above info. Set debug.level to info in config.toml, or leave it out, and take "
            "--log-level from its unit."
        )
    return (
        f"the journal of {unit} has no line of the pull{said}. It has to be readable (become), {unit} has to be what "
        "runs containerd, and its log has to go there at level info."
    )


def _compared(walk: Walk, route: Route, by_files: Verdict) -> Judgement:
    asked = {each.host for each in walk.asked if each.is_endpoint}
    named = {step.endpoint.host for step in route.asked if step.resolves(route.image)}
    if asked == named:
        return Judgement(Proof.CLOSED, by_files.reason, place=by_files.place)
    reason = (
        f"containerd asked {_listed(asked)}, and by the files it would be {_listed(named)}. It has not read them yet, "
        "or it reads others: restart it, and look at --config of its unit."
    )
    return Judgement(Proof.UNKNOWN, reason, place=Place(route.source), is_sure=False)


def _listed(hosts: t.Iterable[str]) -> str:
    return ", ".join(sorted(hosts)) or "nobody"
