# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts containerd, and says what keeps its CRI from answering.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import NoCri, Node, node_at, wait_for_cri
from ansible_collections.airgap.nodes.plugins.module_utils._systemd import Unit, unit_named

# CRI is loaded, ctr says so; it is crictl that cannot speak to it.
_ANSWERS_OTHERS = ("cri_api_too_old", "crictl_too_old")
_JOURNAL_LINES = 2000
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

    def wait(self) -> float:
        """Seconds until CRI answered."""
        started = time.monotonic()
        if not self._can_be_asked:
            raise NotReady("crictl_absent", f"CRI was not asked: {_NOBODY_TO_ASK}", said=_NOBODY_TO_ASK, tried=False)
        try:
            self._wait(self.node, self.seconds)
        except NoCri as no_cri:
            failure = no_cri.failure
            sentence = f"CRI on unix://{self.node.socket} did not answer{self._patience(failure)}: {_told(failure)}"
            raise NotReady(failure.reason, sentence, said=failure.text) from no_cri
        return _since(started)

    def restart(self) -> float:
        """Seconds from the restart until CRI answered."""
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
        except NoCri as no_cri:
            raise self._not_served(no_cri.failure) from no_cri
        return _since(started)

    @property
    def _can_be_asked(self) -> bool:
        return bool(self.node.crictl or self.node.ctr)

    @property
    def _command(self) -> str:
        return f"systemctl restart {self.unit.name}"

    def _patience(self, failure: cri.Failure) -> str:
        return f" within {self.seconds:g} s" if failure.transient and self.seconds else ""

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

    def _not_served(self, failure: cri.Failure) -> NotReady:
        sentence = f"containerd was restarted ({self._command}), and "
        if failure.reason == "cri_not_loaded":
            sentence += f"its CRI plugin did not load: {failure.text}"
        else:
            sentence += f"CRI on unix://{self.node.socket} did not answer{self._patience(failure)}: {_told(failure)}"
        return NotReady(failure.reason, sentence, said=failure.text, restarted=True)


def containerd_at(*, endpoint: str, unit: str, seconds: float) -> Containerd:
    return Containerd(node_at(endpoint, unit), unit_named(unit), seconds)


def _told(failure: cri.Failure) -> str:
    return cri.detail(failure.text) if failure.reason == cri.UNKNOWN.name else cri.what_happened(failure)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)
