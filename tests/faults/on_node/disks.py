# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places that cannot be written, or not as far as it takes, and somebody else who writes them too."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import subprocess
import typing as t
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from faults.on_node import tracing
from faults.on_node.kills import BACK_FROM_OPEN, RECOVER
from faults.on_node.place import STATE, TREE, Picture, Place, difference, expect_service, picture, unfinished

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from faults.on_node.report import Injection, Report

PAGE = os.sysconf("SC_PAGE_SIZE")
FILLER = ".filler"
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10
CONFIG, KEPT, GONE = "config.toml", "certs.d/kept.example/hosts.toml", "certs.d/old.example/hosts.toml"


class Disks:
    def __init__(self, place: Place, report: Report, *, short: bool) -> None:
        self.place = place
        self.report = report
        self.short = short

    def run(self) -> None:
        every = 5 if self.short else 1
        for where in (TREE, STATE):
            for free in range(0, 14, every):
                self._full(where, free, "pages", _fill)
            for free in range(0, 18, every):
                self._full(where, free, "inodes", _fill_inodes)
            for free in range(0, 3, every):
                self._full_when_undone(where, free)
            self._read_only(where)
        for name in (CONFIG, GONE, "certs.d", ".", KEPT, "certs.d/old.example")[:: 2 if self.short else 1]:
            self._immutable(name)
        for name in (CONFIG, KEPT, GONE)[::every]:
            self._busy(name)
            self._stale(name)
            self._stale_at_the_last_moment(name)
        for _turn in range(0, 6, every):
            self._two_at_once()

    @contextmanager
    def _on_small_disk(self, where: Path) -> Iterator[None]:
        with ExitStack() as stack:
            self.place.reset()
            STATE.mkdir(mode=0o700, exist_ok=True)
            _call("mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "faults", where)
            stack.callback(_call, "umount", where)
            where.chmod(0o755 if where == TREE else 0o700)
            self.place.reset()
            yield

    def _full(self, where: Path, free: int, what: str, fill: t.Callable[[Path, int], None]) -> None:
        told = self.report.injection(f"no space for a change on {where}", f"{free} {what} free")
        with told as injection, self._on_small_disk(where):
            old, call = picture(), self.place.change()
            fill(where, free)
            said = call.run()
            _unfill(where)
            self._judge(injection, said, old, "No space left on device")
            self._converge(injection)

    def _full_when_undone(self, where: Path, free: int) -> None:
        """What finds no space then is undone once there is some."""
        told = self.report.injection(f"no space to undo on {where}", f"{free} pages free")
        with told as injection, self._on_small_disk(where):
            old = picture()
            self.place.change().succeed()
            _fill(where, free)
            said = BACK_FROM_OPEN.run()
            _unfill(where)
            if said.get("failed"):
                _expect_said(said, "No space left on device")
                RECOVER.succeed()
            _expect(old, "undone")
            injection.ended = "old"
            self._tidy()

    def _read_only(self, where: Path) -> None:
        told = self.report.injection(f"{where} is read-only", "a change, undoing")
        with told as injection, self._on_small_disk(where):
            old, call = picture(), self.place.change()
            _remount(where, "ro")
            said = call.run()
            _remount(where, "rw")
            self._judge(injection, said, old, "Read-only file system")
            call.succeed()
            _remount(where, "ro")
            said = BACK_FROM_OPEN.run()
            _remount(where, "rw")
            _expect_said(said, "Read-only file system")
            BACK_FROM_OPEN.run()
            _expect(old, "undone")
            self._tidy()

    def _immutable(self, name: str) -> None:
        with self.report.injection("immutable", name) as injection, ExitStack() as stack:
            self.place.reset()
            old, call = picture(), self.place.change()
            try:
                _set_immutable(TREE / name, immutable=True)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM):
                    raise
                injection.happened = False  # a file system without it
                return
            stack.callback(_set_immutable, TREE / name, immutable=False)
            self._judge(injection, call.run(), old, "Operation not permitted")
            _set_immutable(TREE / name, immutable=False)
            self._converge(injection)

    def _busy(self, name: str) -> None:
        with self.report.injection("a mount point of its own", name) as injection, ExitStack() as stack:
            self.place.reset()
            old, call = picture(), self.place.change()
            _call("mount", "--bind", TREE / name, TREE / name)
            stack.callback(_call, "umount", TREE / name)
            said = call.run()
            stack.close()
            self._judge(injection, said, old, "Device or resource busy")
            self._converge(injection)

    def _stale(self, name: str) -> None:
        with self.report.injection("a file changed since it was read", name) as injection:
            self.place.reset()
            call = self.place.change()
            _append(name)
            theirs = picture()
            self._judge(injection, call.run(), theirs, "changed since it was read")
            self._tidy()

    def _stale_at_the_last_moment(self, name: str) -> None:
        """Once all is staged, and before the first name changes: that is after the candidate was judged."""
        with self.report.injection("a file changed once all is staged", name) as injection:
            self.place.reset()
            found = tracing.points(self.place.change())
            self.place.reset()
            swap = next(n for n, point in enumerate(found) if point.name == "rename" and '.new", ' in point.about)
            theirs: list[t.Any] = []

            def change() -> None:
                _append(name)
                theirs.append({place: held for place, held in picture().items() if ".airgap-nodes-" not in place})

            said = tracing.stopped(self.place.change(), found[swap - 1], change)
            self._judge(injection, {"failed": '"failed": true' in said, "msg": said}, theirs[0], "changed since it was")
            self._tidy()

    def _two_at_once(self) -> None:
        """Both planned the same moment: one is applied, the other one told."""
        with self.report.injection("two changes at once", "the same files") as injection:
            self.place.reset()
            other = self.place.config + "# another\n"
            runs = [call.start() for call in (self.place.change(other), self.place.change())]
            results = [run.result() for run in runs]
            won = [not result.get("failed") for result in results]
            if sorted(won) != [False, True]:
                raise AssertionError(f"both, or none: {[result.get('msg') for result in results]}")
            _expect_said(results[won.index(False)], "changed since it was read")
            config = (TREE / CONFIG).read_text()
            if config != (other if won[0] else self.place.edited()):
                raise AssertionError("config.toml is neither's")
            BACK_FROM_OPEN.succeed()
            injection.ended = self.place.ended()
            self._tidy()

    # What has to be afterwards

    def _judge(self, injection: Injection, said: dict[str, t.Any], old: Picture, why: str) -> None:
        """Refused with the reason, and all is as it was; or done."""
        if not said.get("failed"):
            self._expect_new()
            injection.ended = "new"
            return
        _expect_said(said, why)
        _expect(old, f"refused ({said['msg']})")
        injection.ended = "old"
        self.place.expect_tidy()
        if unfinished():
            raise AssertionError(f"refused, and unfinished: {said['msg']}")

    def _converge(self, injection: Injection) -> None:
        RECOVER.succeed()
        if injection.ended == "old":
            self.place.change().succeed()
        self._expect_new()
        self._tidy()

    def _expect_new(self) -> None:
        _expect(self.place.new, "done")

    def _tidy(self) -> None:
        self.place.expect_tidy()
        expect_service()


def _expect(wanted: Picture, what: str) -> None:
    found = picture()
    if os.path.ismount(TREE):
        # Not every kernel has extended attributes there.
        found, wanted = ({place: (*shown[:3], shown[4]) for place, shown in one.items()} for one in (found, wanted))
    if found != wanted:
        raise AssertionError(f"{what}: {difference(found, wanted)}")


def _expect_said(said: dict[str, t.Any], why: str) -> None:
    if not said.get("failed") or why not in said["msg"]:
        raise AssertionError(f"it is not said that {why}: {said.get('msg')}")


def _append(name: str) -> None:
    with (TREE / name).open("a") as stream:
        stream.write("# somebody else's\n")


def _fill(where: Path, pages: int) -> None:
    """Leaves so many pages free."""
    with (where / FILLER).open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(PAGE)):
            pass
    os.truncate(where / FILLER, max(0, (where / FILLER).stat().st_size - pages * PAGE))


def _fill_inodes(where: Path, inodes: int) -> None:
    found = os.statvfs(where)
    _remount(where, f"nr_inodes={found.f_files - found.f_ffree + inodes}")


def _unfill(where: Path) -> None:
    (where / FILLER).unlink(missing_ok=True)
    _remount(where, "nr_inodes=1000")


def _remount(where: Path, option: str) -> None:
    _call("mount", "-o", f"remount,{option}", where)


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _set_immutable(path: Path, *, immutable: bool) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # a change that came later has removed it
    try:
        flags = bytearray(8)
        fcntl.ioctl(descriptor, _GET_FLAGS, flags)
        value = struct.unpack("i", flags[:4])[0]
        value = value | _IMMUTABLE if immutable else value & ~_IMMUTABLE
        fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("ii", value, 0))
    finally:
        os.close(descriptor)
