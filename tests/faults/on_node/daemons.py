# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations that containerd refuses before it counts, or only when it starts, and restarts that are killed."""

from __future__ import annotations

import datetime
import random
import shutil
import subprocess
import typing as t
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import RESTART_MARK

from faults.on_node import tracing
from faults.on_node.calls import Call
from faults.on_node.kills import BACK, RECOVER
from faults.on_node.place import TREE, Picture, Place, expect_service, is_open, open_changes, unfinished

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from faults.on_node.report import Report

RESTART = Call("containerd_restart", {"close": True})
LOOK = Call("_node_read", {"unit": "containerd.service"})
DROP_IN = Path("/run/systemd/system/containerd.service.d/faults.conf")
READ = Path("/run/faults-read")


class Daemons:
    def __init__(self, place: Place, report: Report, seed: str, limit: int) -> None:
        self.place = place
        self.report = report
        self.random = random.Random(seed)  # noqa: S311
        self.limit = limit

    def run(self) -> None:
        for what, config in self._rejected().items():
            self._reject(what, config)
        broken = {"does not start": self._not_starting(), "does not load its CRI plugin": self._without_cri()}
        for what, config in broken.items():
            self._take_back(what, config)
        self._prove()
        with _keeping_what_is_read():
            self._kill("a restart that proves a change", RESTART, None, ["new"])
            self._kill("a restart that takes a change back", RESTART, broken["does not load its CRI plugin"], ["old"])
            self._kill("going back with a restart", BACK, None, ["old", "new"])

    def _rejected(self) -> dict[str, str]:
        return {
            "no TOML": self.place.edited(appended="[plugins\n"),
            "a key twice": self.place.edited(after_version="root = '/a'\nroot = '/b'\n"),
            "a value of a wrong type": self.place.edited(appended='[timeouts]\n  "x" = 1\n'),
            "a text for a number": self.place.edited(after_version="oom_score = 'low'\n"),
        }

    def _not_starting(self) -> str:
        """Where a directory has to be there is a file, which no dump of a configuration tells."""
        state = "/etc/hostname/containerd"
        edited = self.place.edited().replace("state = '/run/containerd'", f"state = '{state}'")
        return edited if state in edited else self.place.edited(after_version=f"state = '{state}'\n")

    def _without_cri(self) -> str:
        plugin = "io.containerd.grpc.v1.cri" if self.place.is_v2 else "io.containerd.cri.v1.images"
        edited = self.place.edited().replace("config_path = ''", "config_path = '/etc/containerd/certs.d'")
        if "config_path" not in edited:
            edited += f"[plugins.'{plugin}'.registry]\n  config_path = '/etc/containerd/certs.d'\n"
        return edited + f"[plugins.'{plugin}'.registry.mirrors.'docker.io']\n  endpoint = ['https://a.example']\n"

    def _reject(self, what: str, config: str) -> None:
        with self.report.injection("refused by containerd before it counts", what) as injection:
            self.place.reset()
            said = self.place.change(config).run()
            if "the node's containerd refuses what was to be written" not in said.get("msg", ""):
                raise AssertionError(f"not refused: {said.get('msg')}")
            injection.ended = self._end("old")

    def _take_back(self, what: str, config: str) -> None:
        with self.report.injection(f"containerd {what}", "a restart") as injection:
            self.place.reset()
            self.place.change(config, restart=True).succeed()
            said = RESTART.run()
            if not said.get("failed") or "Put back as before change" not in said["msg"]:
                raise AssertionError(f"not taken back: {said.get('msg')}")
            injection.figures["CRI again"] = said["undone"]["ready_after"] or 0.0
            injection.ended = self._end("old")

    def _prove(self) -> None:
        with self.report.injection("nothing: a change is proved, and taken back", "two restarts") as injection:
            injection.times = 0
            self.place.reset()
            self.place.change(restart=True).succeed()
            injection.figures["restart to CRI"] = RESTART.succeed()["ready_after"]
            self._end("new")
            BACK.succeed()
            injection.ended = self._end("old")

    def _kill(self, what: str, call: Call, config: str | None, ends: t.Sequence[str]) -> None:
        """Whoever is killed, and wherever: what the next run of the role decides sees to all of it."""

        def prepare() -> None:
            self.place.reset()
            self.place.change(config, restart=True).succeed()
            if call == BACK:
                RESTART.succeed()

        prepare()
        found = tracing.points(call, tracing.SPAWNING)
        if self.limit and len(found) > self.limit:
            found = sorted(self.random.sample(found, self.limit), key=found.index)
        for point in found:
            with self.report.injection(f"kill -9 of {what}", str(point)) as injection:
                prepare()
                injection.happened = tracing.killed(call, point)
                said = _next_run()
                if said.get("failed") and config is None:
                    raise AssertionError(str(said["msg"]))
                if READ.read_bytes() != (TREE / "config.toml").read_bytes():
                    raise AssertionError("a restart is lost: containerd runs with another file")
                ended = self.place.ended()
                if ended not in ends:
                    raise AssertionError(f"ended {ended}")
                injection.ended = self._end(ended)

    def _end(self, wanted: str) -> str:
        pictures: dict[str, Picture] = {"old": self.place.old, "new": self.place.new}
        self.place.expect(pictures[wanted], f"not {wanted}")
        self.place.expect_tidy()
        if unfinished():
            raise AssertionError("a change is not closed")
        expect_service()
        return wanted


def _next_run() -> dict[str, t.Any]:
    """What the role does on a node where nothing is to be changed: it restarts only if that is due."""
    RECOVER.succeed()
    is_due = _is_restart_due()
    if not (is_due or is_open()):
        return {}
    return Call("containerd_restart", {"restart": is_due, "close": True}).run()


def _is_restart_due() -> bool:
    """The controller's own rule, see pending_restart."""
    unit = LOOK.succeed()["unit"]
    if unit["active_state"] in ("activating", "failed"):
        return True
    mark = Path(RESTART_MARK)
    written = [mark.stat().st_mtime] if mark.is_file() else []
    opened = [change.created.replace("Z", "+00:00") for change in open_changes() if change.restart]
    written += [datetime.datetime.fromisoformat(created).timestamp() for created in opened]
    return bool(unit["main_pid"]) and max(written, default=0) > unit["started"]


@contextmanager
def _keeping_what_is_read() -> Iterator[None]:
    """Each start of containerd leaves a copy of the file that it reads."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(f"[Service]\nExecStartPre={shutil.which('cp')} {TREE}/config.toml {READ}\n")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    try:
        yield
    finally:
        DROP_IN.unlink()
        subprocess.run(["systemctl", "daemon-reload"], check=True)
