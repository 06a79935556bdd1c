# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts containerd, and says what keeps its CRI from answering.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils import _cri_node
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import NoCri, Node, node_at, wait_for_cri
from ansible_collections.airgap.nodes.plugins.module_utils._systemd import Unit, unit_named

# CRI is loaded, ctr says so; it is crictl that cannot speak to it.
_ANSWERS_OTHERS = ("cri_api_too_old", "crictl_too_old")
_JOURNAL_LINES = 2000
# containerd reads the configuration of CNI beside its other work, and says that the network is ready when it has.
_SETTLING_TIME = 10
_NAMED_PODS = 5
_NOBODY_TO_ASK = (
    "there is neither crictl nor ctr on this node, and nothing else can tell whether CRI answers. Copy the one static "
    "binary of a cri-tools release to /usr/local/bin/crictl"
)


class NotReady(Exception):
    """containerd does not serve CRI; the text is a sentence without its full stop.

    ``said`` is what containerd has to say about it, or systemd in its place. ``tried``: whether anything came of it but
    words. ``restarted``: whether what ran before runs no more.
    """

    def __init__(self, reason: str, sentence: str, *, said: str, tried: bool = True, restarted: bool = False) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.said = said
        self.tried = tried
        self.restarted = restarted


@dataclass(frozen=True)
class Health:
    """What the kubelet saw: conditions that were true, and pods that were ready, by the id of their sandbox."""

    conditions: t.FrozenSet[str] = frozenset()
    pods: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Containerd:
    """The containerd of a unit and a socket. An attempt ends after ``seconds``, and one last question."""

    node: Node
    unit: Unit
    seconds: float

    def why_silent(self) -> t.Optional[str]:
        """Ask once: why CRI does not answer, or None."""
        try:
            replace(self, seconds=0).wait()
        except NotReady as not_ready:
            return cri.detail(not_ready.said)
        return None

    def health(self) -> Health:
        """What is well now. What nobody tells is not there."""
        if not self.node.crictl:
            return Health()
        try:
            conditions = self.node.conditions()
            pods = self.node.ready_pods()
        except NoCri:
            return Health()
        return Health(frozenset(name for name, condition in conditions.items() if condition.true), pods)

    def wait(self) -> float:
        """Seconds until CRI answered."""
        started = time.monotonic()
        if not self._can_be_asked:
            raise NotReady("crictl_absent", f"CRI was not asked: {_NOBODY_TO_ASK}", said=_NOBODY_TO_ASK, tried=False)
        try:
            self._wait(self.node, self.seconds)
        except NoCri as no_cri:
            failure = no_cri.failure
            sentence = (
                f"CRI on unix://{self.node.socket} did not answer{self._patience(failure, started)}: {_told(failure)}"
            )
            raise NotReady(failure.reason, sentence, said=failure.text) from no_cri
        return _since(started)

    def restart(self, *, keeping: t.Optional[Health] = None) -> float:
        """Seconds from the restart until CRI answered. What was well before has to be so after it."""
        unusable = self.unit.why_unusable()
        if unusable:
            why = f"containerd could not be restarted: {unusable}"
            raise NotReady("unit_unusable", why, said=unusable, tried=False)
        if not self._can_be_asked:
            why = f"containerd was not restarted: {_NOBODY_TO_ASK}"
            raise NotReady("crictl_absent", why, said=_NOBODY_TO_ASK, tried=False)
        node = self.node.from_now_on()
        started = time.monotonic()
        done = self.unit.restart(seconds=self.seconds)
        if done.rc is None:
            raise self._stuck(node)
        if done.rc != 0:
            raise self._not_started(node, done.stderr)
        before = self.unit.state()
        try:
            left = max(0.0, self.seconds - (time.monotonic() - started))
            self._wait(node, left, hopeless=lambda: self.unit.ended(since=before))
            ready_after = _since(started)
            self._demand(node, keeping or Health(), deadline=started + self.seconds)
        except NoCri as no_cri:
            raise self._not_served(node, no_cri.failure, started) from no_cri
        return ready_after

    def _demand(self, node: Node, before: Health, *, deadline: float) -> None:
        try:
            self._compare(node, before, deadline=deadline)
        except NoCri as no_cri:
            if no_cri.failure.reason not in _ANSWERS_OTHERS:
                raise

    def _compare(self, node: Node, before: Health, *, deadline: float) -> None:
        # All pods are taken up again before CRI answers. Later the kubelet stops those that are not ready, to begin
        # anew, and it would look as if somebody had wanted them to end.
        ready = node.ready_pods() if before.pods else {}
        lost = {key: name for key, name in before.pods.items() if key not in ready}
        if lost:
            ended = cri.pods_to_end(node.journal(lines=_JOURNAL_LINES))
            names = [name for key, name in lost.items() if key not in ended]
            if names:
                raise self._pods_lost(names, of=len(before.pods))
        deadline = min(deadline, time.monotonic() + _SETTLING_TIME)
        while before.conditions:
            conditions = node.conditions()
            false = [name for name in sorted(before.conditions) if name in conditions and not conditions[name].true]
            if not false:
                return
            if time.monotonic() + _cri_node.POLL_INTERVAL > deadline:
                raise self._condition_lost(false[0], conditions[false[0]])
            time.sleep(_cri_node.POLL_INTERVAL)

    def _pods_lost(self, lost: t.Sequence[str], *, of: int) -> NotReady:
        rest = len(lost) - _NAMED_PODS
        names = ", ".join(sorted(lost)[:_NAMED_PODS]) + (f" and {rest} more" if rest > 0 else "")
        why = f"of the pods that were ready before, {len(lost)} of {of} are gone or not ready: {names}"
        return NotReady("pods_lost", f"{self._restarted}, and {why}", said=why, restarted=True)

    def _condition_lost(self, name: str, condition: cri.Condition) -> NotReady:
        sentence = f"{self._restarted}, and {name}, which was true before, is false"
        told = f": {condition.why}" if condition.why else ""
        return NotReady("condition_lost", sentence + told, said=condition.why, restarted=True)

    @property
    def _restarted(self) -> str:
        return f"containerd was restarted ({self._command})"

    @property
    def _can_be_asked(self) -> bool:
        return bool(self.node.crictl or self.node.ctr)

    @property
    def _command(self) -> str:
        return f"systemctl restart {self.unit.name}"

    def _patience(self, failure: cri.Failure, started: float) -> str:
        if not (failure.transient and self.seconds):
            return ""
        passed = time.monotonic() - started
        # What ends again and again is not waited for to the end.
        early = passed < self.seconds - 2 * _cri_node.POLL_INTERVAL
        return f" within {round(passed, 1) if early else self.seconds:g} s"

    @staticmethod
    def _wait(node: Node, seconds: float, **options: t.Any) -> None:
        try:
            wait_for_cri(node, pulling=False, seconds=seconds, **options)
        except NoCri as no_cri:
            if no_cri.failure.reason not in _ANSWERS_OTHERS:
                raise

    def _stuck(self, node: Node) -> NotReady:
        state = self.unit.state()
        said = cri.last_message(node.journal(lines=_JOURNAL_LINES))
        sentence = (
            f"containerd was not up {self.seconds:g} s after {self._command}: its unit is "
            f"{state.text if state else 'in a state that systemctl does not tell'}, and it has logged "
            f"{f'last: {said}' if said else 'nothing'}"
        )
        return NotReady("start_timeout", sentence, said=said or "", restarted=True)

    def _not_started(self, node: Node, stderr: str) -> NotReady:
        said = cri.why_not_started(node.journal(lines=_JOURNAL_LINES))
        failed = f"containerd did not start ({self._command})"
        if said:
            return NotReady("not_started", f"{failed}: {said}", said=said, restarted=True)
        said = cri.shorten(cri.mask(stderr.strip().partition("\n")[0])).rstrip(".")
        sentence = f"{failed}: {said}. Its journal does not tell why; containerd tells it when it is started by hand"
        return NotReady("not_started", sentence, said=said, restarted=True)

    def _not_served(self, node: Node, failure: cri.Failure, started: float) -> NotReady:
        if failure.reason == "containerd_down" and node.cursor:
            why = cri.why_ended(node.journal(lines=_JOURNAL_LINES))
            failure = replace(failure, text=why or failure.text)
        sentence = f"{self._restarted}, and "
        if failure.reason == "cri_not_loaded":
            sentence += f"its CRI plugin did not load: {failure.text}"
        else:
            patience = self._patience(failure, started)
            sentence += f"CRI on unix://{self.node.socket} did not answer{patience}: {_told(failure)}"
        return NotReady(failure.reason, sentence, said=failure.text, restarted=True)


def containerd_at(*, endpoint: str, unit: str, seconds: float) -> Containerd:
    return Containerd(node_at(endpoint, unit), unit_named(unit), seconds)


def _told(failure: cri.Failure) -> str:
    return cri.detail(failure.text) if failure.reason == cri.UNKNOWN.name else cri.what_happened(failure)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)
