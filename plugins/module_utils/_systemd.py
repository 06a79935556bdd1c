# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit of systemd that is restarted.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import typing as t
from dataclasses import dataclass

from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import Finished, run
from ansible_collections.airgap.nodes.plugins.module_utils._programs import find_systemctl

_PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts")
_ANSWER_TIME = 10
# systemd starts a service again that ended. One that ended this often will end the next time too.
_ENDS_TOO_OFTEN = 2
_UNUSABLE = {
    "not-found": "this node has no unit {unit}: name the one that runs containerd as unit",
    "masked": "the unit {unit} is masked: systemctl unmask {unit}",
}


@dataclass(frozen=True)
class State:
    load: str
    active: str
    sub: str
    result: str
    main_pid: int
    restarts: int

    @property
    def text(self) -> str:
        return f"{self.active} ({self.sub})"

    @property
    def between(self) -> bool:
        """On the way up or down: it may be so for ever."""
        return self.active in ("activating", "deactivating") and self.sub != "auto-restart"


@dataclass(frozen=True)
class Unit:
    name: str
    systemctl: t.Optional[str]
    run: t.Callable[..., Finished] = run

    def why_unusable(self) -> t.Optional[str]:
        """Why this unit cannot be restarted at all, or None."""
        if not self.systemctl:
            return "systemd does not run on this node, and containerd can be restarted by nothing else"
        state = self.state()
        if not state:
            return f"systemctl does not tell the state of the unit {self.name}: see systemctl status {self.name}"
        if state.load == "loaded":
            return None
        other = f"systemd cannot use the unit {{unit}} ({state.load}): see systemctl status {{unit}}"
        return _UNUSABLE.get(state.load, other).format(unit=self.name)

    def state(self) -> t.Optional[State]:
        done = self._systemctl("show", f"--property={','.join(_PROPERTIES)}", "--", self.name)
        shown = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        if done.rc != 0 or "LoadState" not in shown:
            return None
        load, active, sub, result, main_pid, restarts = (shown.get(name, "") for name in _PROPERTIES)
        return State(load, active, sub, result, _number(main_pid), _number(restarts))

    def restart(self, *, seconds: float) -> Finished:
        """Stop and start it. Past the given time systemd goes on with it, and nobody waits any more."""
        # A unit that failed too often lately is not started again, whatever became of the reason.
        self._systemctl("reset-failed", "--", self.name)
        return self._systemctl("restart", "--", self.name, seconds=seconds)

    def ended(self, *, since: t.Optional[State]) -> bool:
        """Whether it is down for good, or ends again each time systemd starts it."""
        state = self.state()
        if not state:
            return False
        restarts = state.restarts - (since.restarts if since else 0)
        return state.active in ("failed", "inactive") or restarts >= _ENDS_TOO_OFTEN

    def end_if_stuck(self) -> None:
        """Kill a main process that came neither up nor down; a restart would first wait until it does.

        That process alone: the shims, and with them the containers, belong to the unit too.
        """
        state = self.state()
        if state and state.between and state.main_pid:
            with contextlib.suppress(OSError):
                os.kill(state.main_pid, signal.SIGKILL)

    def _systemctl(self, *arguments: str, seconds: float = _ANSWER_TIME) -> Finished:
        if not self.systemctl:
            return Finished(127, "", "")
        argv = (self.systemctl, "--no-ask-password", "--no-pager", *arguments)
        return self.run(argv, timeout=seconds, environment={**os.environ, "LC_ALL": "C"})


def unit_named(name: str) -> Unit:
    return Unit(name, find_systemctl())


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
