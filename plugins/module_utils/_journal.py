# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that were made on a node, and the way back from each, kept on the node itself.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.

A change is a directory with its journal and the old files. It is there, and on the disk, before the first hidden file
is; it is made and it goes by a rename, so that one without a journal is nobody's. While a file named ``applied`` is
beside the journal, the files are all new; undoing begins with taking that name away, which needs no space on a disk
that may be full. Whatever else is found was interrupted, and is undone by whoever finds it. Beside a journal that says
how it ended, ``closed`` saves reading it.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import itertools
import json
import os
import re
import stat
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import CLOSED, OPEN, PREPARED, RESTART_MARK
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError, read_regular, reason
from ansible_collections.airgap.nodes.plugins.module_utils._transaction import (
    Attributes,
    Held,
    Step,
    TakenBack,
    Transaction,
    content_of,
    held_at,
    hidden_name,
    identity_of,
    is_hidden_name,
    needs_taking_back,
    remove,
    sweep,
    sync,
    take_back,
    what_stays,
    write_new,
)

ROOT = "/var/lib/airgap.nodes"
KEEP = 5
FORMAT = 1

PROVED, UNPROVED, UNDONE = "proved", "unproved", "undone"

_ID = re.compile(r"(\d{6,})-\d{8}T\d{6}Z")
_NUMBER = re.compile(r"[0-9]{1,18}")
_JOURNAL, _JOURNAL_NEW, _APPLIED, _CLOSED = "journal.json", "journal.json.new", "applied", "closed"
_COMING, _GOING = ".coming-", ".going-"
_LOCK_PAUSE = 0.05
_MARK_TEXT = b"A change was undone by airgap.nodes after containerd had started.\n"
_SECRET_FILE = Attributes(0o600, -1, -1)


@dataclass(frozen=True)
class Record:
    """One change. ``back_to`` is what it went back to, if going back is what it did."""

    id: str
    created: str
    by: str
    unit: str
    restart: bool
    state: str = PREPARED
    outcome: str = ""
    reason: str = ""
    back_to: str = ""
    left: t.Mapping[str, str] = field(default_factory=dict)
    steps: t.Tuple[Step, ...] = field(default=(), repr=False)
    is_target: bool = False

    @property
    def paths(self) -> t.List[str]:
        return _paths(self.steps)

    @property
    def is_in_effect(self) -> bool:
        return self.outcome != UNDONE

    def summary(self) -> t.Dict[str, t.Any]:
        """What people and the controller are told of it."""
        keys = ("id", "created", "by", "unit", "restart", "state", "outcome", "reason", "paths", "is_target")
        return {**{key: getattr(self, key) for key in keys}, "left": dict(self.left)}


@dataclass(frozen=True)
class Undone:
    """What going back did. ``left`` was changed by somebody else since, ``failed`` could not be put back.

    With something in ``left`` and no ``changes``, nothing at all was done.
    """

    changes: t.List[Record] = field(default_factory=list)
    restored: t.List[str] = field(default_factory=list)
    left: t.Dict[str, str] = field(default_factory=dict)
    failed: t.Dict[str, str] = field(default_factory=dict)
    restart: bool = False
    change: t.Optional[Record] = None  # going back to a closed change is a change of its own


class Journal:
    """The journal of a node. What changes anything takes the lock; who holds it already may go on.

    With a ``unit``, only what was done for that one is closed, undone or gone back from. ``unreadable`` has, by ID, the
    closed changes that the last look at all of them had to pass over, and why.
    """

    def __init__(self, root: str = ROOT, *, keep: int = KEEP, unit: str = "") -> None:
        self.root = root
        self.keep = keep
        self.unit = _full_name(unit)
        self.unreadable: t.Dict[str, str] = {}
        self._changes = os.path.join(root, "changes")
        self._depth = 0

    # Looking

    def changes(self) -> t.List[Record]:
        """All, oldest first. Closed ones that cannot be read are passed over, see ``unreadable``.

        :raises FileError: one that is not closed cannot be read.
        """
        self.unreadable = {}
        return _as_seen(self._load_all(self._names()))

    def unfinished(self) -> t.List[Record]:
        """Those that are not closed, oldest first; the others are not even read."""
        return [record for record in _as_seen(self._load_unclosed()) if record.state != CLOSED]

    def open_changes(self) -> t.List[Record]:
        """Those of the unit, oldest first."""
        return [record for record in self.unfinished() if record.state == OPEN and self.is_mine(record)]

    def is_mine(self, record: Record) -> bool:
        return not self.unit or _full_name(record.unit) == self.unit

    def place_of(self, record: Record) -> str:
        """The directory with the old files of a change."""
        return os.path.join(self._changes, record.id)

    # Keeping others out

    @contextlib.contextmanager
    def locked(self, seconds: float = 120) -> t.Iterator[None]:
        """Keeps every other run out; the lock goes with the process that has it, however it ends.

        :raises FileError: somebody else has it for longer, or the directory is not what it has to be.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with _told(self.root):
            self._make_root()
            descriptor = os.open(
                os.path.join(self.root, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        try:
            self._wait_for(descriptor, seconds)
            self._depth = 1
            with _told(self.root):
                self._tidy()
            yield
        finally:
            self._depth = 0
            os.close(descriptor)

    def _wait_for(self, descriptor: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    raise FileError(f"{self.root}/lock: {reason(error)}") from error
            if time.monotonic() >= end:
                raise FileError(
                    f"{self.root}/lock: another run has been changing this node for {seconds:.0f} seconds. "
                    "Nothing was changed; run again when it is done (fuser names the process that holds the file)."
                )
            time.sleep(_LOCK_PAUSE)

    def _make_root(self) -> None:
        if not os.path.isabs(self.root):
            raise FileError(f"{self.root}: the journal needs an absolute path")
        parent = os.path.dirname(self.root)
        if not os.path.isdir(parent):
            os.makedirs(parent, 0o755, exist_ok=True)
        for place in (self.root, self._changes):
            with contextlib.suppress(FileExistsError):
                os.mkdir(place, 0o700)
                sync(os.path.dirname(place))
            status = os.lstat(place)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                what = "is a symlink" if stat.S_ISLNK(status.st_mode) else "is not a directory of this user alone"
                raise FileError(
                    f"{place}: {what}, so that what is kept there could be changed by others. Nothing was changed; "
                    "move it away, and it is made anew."
                )
            if stat.S_IMODE(status.st_mode) & 0o077:
                os.chmod(place, 0o700)

    def _tidy(self) -> None:
        """What a run that was killed left half-made or half-removed, and nobody needs."""
        for name in os.listdir(self._changes):
            if name.startswith((_COMING, _GOING)):
                _remove_directory(os.path.join(self._changes, name))
            elif _ID.fullmatch(name):
                remove(os.path.join(self._changes, name, _JOURNAL_NEW))

    # One change from its beginning to its end

    def begin(self, *, by: str, unit: str, restart: bool, back_to: str = "") -> Record:
        """A change with a name, and nothing on the disk yet; see ``prepare``."""
        newest = max((int(name.split("-")[0]) for name in os.listdir(self._changes) if _ID.fullmatch(name)), default=0)
        now = time.gmtime()
        return Record(
            id=f"{newest + 1:06d}-{time.strftime('%Y%m%dT%H%M%SZ', now)}",
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", now),
            by=by,
            unit=unit,
            restart=restart,
            back_to=back_to,
        )

    def carry_out(
        self,
        record: Record,
        is_unchanged: t.Callable[[Step], bool],
        check: t.Callable[[], t.Optional[str]] = lambda: None,
    ) -> t.Tuple[t.Optional[Record], t.List[Step]]:
        """The open change, if there is one, and those of its steps that had an effect; or nothing at all.

        ``check`` is asked once all is staged; what it says is why nothing may be changed.
        """
        transaction = Transaction(record.steps, is_unchanged)
        try:
            with _told(self.place_of(record)):
                self._prepare(record)
            transaction.stage()
            with _told(self.place_of(record)):
                sync(self.place_of(record))
            problem = check()
            if problem:
                raise Refused(problem)
            effective = transaction.swap()
            if not effective:
                self._discard(record)
                return None, []
            with _told(self.place_of(record)):
                return self._mark_open(record), effective
        except BaseException as error:
            with contextlib.suppress(OSError):
                self._unmark(record)
            outcome, clause = transaction.undo()
            self._end_undone(record, outcome, "it failed" if not isinstance(error, FileError) else str(error))
            if isinstance(error, FileError) and not isinstance(error, Refused):
                raise FileError(f"{error}; {clause}") from error
            raise

    def _prepare(self, record: Record) -> None:
        coming = os.path.join(self._changes, f"{_COMING}{record.id}")
        os.mkdir(coming, 0o700)
        try:
            _write_through(os.path.join(coming, _JOURNAL), _to_json(record))
            os.rename(coming, self.place_of(record))
        except BaseException:
            _remove_directory(coming)
            raise
        sync(self._changes)

    def _mark_open(self, record: Record) -> Record:
        write_new(os.path.join(self.place_of(record), _APPLIED), b"", _SECRET_FILE)
        sync(self.place_of(record))
        return replace(record, state=OPEN)

    def _unmark(self, record: Record) -> None:
        """From here on nobody takes the files for whole."""
        if os.path.isdir(self.place_of(record)):
            remove(os.path.join(self.place_of(record), _APPLIED))
            sync(self.place_of(record))

    def _end_undone(self, record: Record, outcome: TakenBack, why: str) -> Record:
        """The end of a change that is taken back; it stays if something could not be put back."""
        ended = replace(record, state=PREPARED if outcome.failed else CLOSED, left=outcome.left)
        if outcome.failed or not os.path.isdir(self.place_of(record)):
            return ended
        ended = replace(ended, outcome=UNDONE, reason=why)
        if not outcome.left and not outcome.restored:
            self._discard(record)
            return ended
        try:
            self._write(ended)
            for step in record.steps:
                if step.saved and step.path not in outcome.left:
                    remove(step.saved)
        except OSError:
            if not outcome.left:
                self._discard(record)  # no space to say so, and nothing in it that is needed
        return ended

    def _write(self, record: Record) -> None:
        directory = self.place_of(record)
        fresh = os.path.join(directory, _JOURNAL_NEW)
        remove(fresh)
        _write_through(fresh, _to_json(record))
        os.rename(fresh, os.path.join(directory, _JOURNAL))
        if not os.path.exists(os.path.join(directory, _CLOSED)):
            write_new(os.path.join(directory, _CLOSED), b"", _SECRET_FILE)
        sync(directory)

    def _discard(self, record: Record) -> None:
        going = os.path.join(self._changes, f"{_GOING}{record.id}")
        with contextlib.suppress(OSError):  # then it is found again, and means the same
            os.rename(self.place_of(record), going)
            sync(self._changes)
            _remove_directory(going)

    # Ending what is open or was interrupted

    def close(self, outcome: str, reason: str = "") -> t.List[Record]:
        """All open changes are done: proved, or nobody asks for proof."""
        with self.locked(), _told(self.root):
            found = self._load_unclosed()
            seen = _as_seen(found)
            closed = [
                replace(record, state=CLOSED, outcome=outcome, reason=reason)
                for record in seen
                if record.state == OPEN and self.is_mine(record)
            ]
            ended = {record.id: record for record in (*seen, *closed)}
            for record in found:
                if record.state == OPEN and self.is_mine(record):
                    self._write(ended[record.id])
            self._prune()
        return closed

    def _prune(self) -> None:
        """The oldest go first, so that from each that stays there is a whole way back; never one that is not closed."""
        try:
            records = self.changes()
        except FileError:
            return  # what is closed and cannot be read is in nobody's way
        undone = [record for record in records if not record.is_in_effect]
        in_effect = [record for record in records if record.is_in_effect]
        oldest = list(itertools.takewhile(lambda record: record.state == CLOSED, in_effect))
        for gone in (*_surplus(undone, self.keep), *oldest[: len(_surplus(in_effect, self.keep))]):
            self._discard(gone)

    def recover(self) -> t.List[Record]:
        """Undoes what an interrupted run left half-done or half-undone, and what was done on top of that.

        :raises FileError: some of it could not be put back; it is tried again by the next run.
        """
        with self.locked():
            undone = self._undo(_interrupted(self.unfinished()), "the run was interrupted")
        if undone.failed:
            problems = "; ".join(f"{path}: {why}" for path, why in undone.failed.items())
            raise FileError(
                f"an earlier run was interrupted, and what it had changed could not all be undone: {problems}. "
                "See to that and run again."
            )
        return undone.changes

    def undo_open(self, reason: str, *, check_only: bool = False) -> Undone:
        """Puts back what was there before the oldest open change.

        Nothing of it if somebody else has changed a part since: that part may rely on the others.
        """
        if check_only:
            records = self.open_changes()
            left = what_stays([step for record in records for step in _own_steps(record)])
            paths = list(dict.fromkeys(path for record in records for path in record.paths))
            return Undone(left=left) if left else Undone(records, paths, restart=any(map(_restarts, records)))
        with self.locked():
            records = list(filter(self.is_mine, self.unfinished()))
            if all(record.state == OPEN for record in records):
                left = self.undo_open(reason, check_only=True).left
                if left:
                    return Undone(left=left)
            return self._undo(records, reason)

    def _undo(self, records: t.Iterable[Record], why: str) -> Undone:
        oldest_first = [record for record in records if record.state != CLOSED]
        undone = Undone(restart=any(record.restart for record in oldest_first))
        if any(record.restart and any(map(needs_taking_back, _own_steps(record))) for record in oldest_first):
            _leave_mark()
        for record in oldest_first[:1]:
            with _told(self.root):
                self._unmark(record)  # and with it all that is on top of it
        for record in reversed(oldest_first):
            outcome = take_back(_own_steps(record))
            sweep(record.steps, outcome)
            undone.changes.append(self._end_undone(record, outcome, why))
            undone.restored.extend(path for path in _paths(outcome.restored) if path not in undone.restored)
            undone.left.update(outcome.left)
            undone.failed.update(outcome.failed)
            if outcome.failed:
                break  # what is below it would not find what it left
        self._prune()
        return undone

    # Going back to what is closed

    def go_back(
        self, to: str, reason: str, *, by: str = "rollback", force: bool = False, check_only: bool = False
    ) -> Undone:
        """The state before a change, or before the last one: a change of its own, open until it is closed or undone.

        With ``force``, also of files that somebody else changed since; without, they are a reason to change nothing.

        :raises FileError: there is no such change, or it could not be done; then nothing was changed.
        """
        if check_only:
            return self._plan_back(to, by=by, force=force)[0]
        with self.locked():
            undone, record = self._plan_back(to, by=by, force=force)
            if record is None:
                return undone
            if record.restart:
                _leave_mark()
            opened, effective = self.carry_out(replace(record, reason=reason), _is_same_file)
            for path in undone.restored:
                if path not in _paths(effective):
                    undone.left[path] = "something else is in it, so it was left as it is"
            return replace(undone, restored=_paths(effective), change=opened)

    def _plan_back(self, to: str, *, by: str, force: bool) -> t.Tuple[Undone, t.Optional[Record]]:
        records = self.changes() if os.path.isdir(self._changes) else []
        _refuse_interrupted(records)
        taken = self._taken_back_by(to, records)
        if not taken:
            return Undone(), None
        for name, why in self.unreadable.items():
            if _age(name) > _age(taken[0].id):
                raise FileError(why)  # what it did is not known, and would have to be taken back
        undone = Undone(changes=taken[::-1], restart=any(record.restart for record in taken))
        record = self.begin(by=by, unit=taken[-1].unit, restart=undone.restart, back_to=taken[0].id)
        steps = []
        stay: t.Dict[str, _Stays] = {}
        for number, way in enumerate(_ways_back(taken)):
            try:
                step = _step_back(way, os.path.join(self.place_of(record), str(number)), force=force)
            except _Stays as stays:
                stay[way.first.path] = stays
            else:
                steps += [step] if step else []
        _refuse_half(stay)
        undone.restored.extend(_paths(steps))
        return undone, replace(record, steps=tuple(sorted(steps, key=_directories_first_and_last))) if steps else None

    def _taken_back_by(self, to: str, records: t.Sequence[Record]) -> t.List[Record]:
        targets = [record for record in records if record.is_target and self.is_mine(record)]
        if to == "last":
            taken_back = _taken_back(records)
            # Going back twice goes further back, not forth again.
            last = [record.id for record in targets if not record.back_to and record.id not in taken_back][-1:]
            oldest = next((record.id for record in targets if record.state == OPEN), "".join(last))
            return [record for record in targets if oldest and _age(record.id) >= _age(oldest)]
        to = self._whole_id(to, records)
        if to not in [record.id for record in targets]:
            if to in self.unreadable:
                raise FileError(self.unreadable[to])
            for other in records:
                if other.id == to and not self.is_mine(other):
                    raise FileError(f"{to}: that is a change for {other.unit}: name that as unit to go back from it")
            known = ", ".join(record.id for record in targets) or "none"
            raise FileError(f"{to}: there is no such change to go back to on this node; there are: {known}")
        return [record for record in targets if _age(record.id) >= _age(to)]

    def _whole_id(self, to: str, records: t.Sequence[Record]) -> str:
        """The ID that a number stands for: each node has its own second in it, and one name has to fit them all.

        :raises FileError: it stands for more than one.
        """
        names = {*(record.id for record in records), *self.unreadable}
        named = sorted(name for name in names if _NUMBER.fullmatch(to) and _age(name)[0] == int(to))
        if len(named) > 1:
            which = ", ".join(named)
            raise FileError(f"{to}: more than one change on this node has that number; name one of them whole: {which}")
        return named[0] if named else to

    # On the disk

    def _names(self) -> t.List[str]:
        try:
            names = os.listdir(self._changes)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(f"{self._changes}: {reason(error)}") from error
        return sorted(filter(_ID.fullmatch, names), key=_age)

    def _load_unclosed(self) -> t.List[Record]:
        names = self._names()
        return self._load_all(name for name in names if not self._is_closed(name))

    def _is_closed(self, name: str) -> bool:
        return os.path.exists(os.path.join(self._changes, name, _CLOSED))

    def _load_all(self, names: t.Iterable[str]) -> t.List[Record]:
        records = []
        for name in names:
            try:
                records.append(self._load(name))
            except FileError as error:
                if not os.path.lexists(os.path.join(self._changes, name)):
                    continue  # it has gone since we saw it, as it may for who reads without the lock
                if not self._is_closed(name):
                    raise
                self.unreadable[name] = str(error)
        return records

    def _load(self, name: str) -> Record:
        directory = os.path.join(self._changes, name)
        path = os.path.join(directory, _JOURNAL)
        try:
            content = json.loads(read_regular(path).decode("utf-8"))
            if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
                raise FileError(
                    f"{path}: written by a newer version of airgap.nodes (format {content['format']}, known is "
                    f"{FORMAT}). Nothing was changed; run that version, or a newer one."
                )
            record = _from_json(content, directory)
            if record.id != name:
                raise ValueError(f"id is {record.id!r}")
        except (OSError, FileError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, FileError) and str(error).startswith(path):
                raise
            raise FileError(
                f"{path}: not a journal that can be read ({_said(error)}). Nothing was changed. The files in "
                f"{directory} are what was there before that change: put back by hand what you need of them, then "
                "move the directory away, and run again."
            ) from error
        if record.state == PREPARED and os.path.exists(os.path.join(directory, _APPLIED)):
            return replace(record, state=OPEN)
        return record


class Refused(FileError):
    """What was to be written is refused; what it says is the whole message."""


def refuse_interrupted(journal: Journal) -> None:
    """What is half-done now was not when the plan was made."""
    _refuse_interrupted(journal.unfinished())


def _refuse_interrupted(records: t.Iterable[Record]) -> None:
    for record in records:
        if record.state == PREPARED:
            raise FileError(
                f"{record.steps[-1].path}: a run that changed it was interrupted (change {record.id}); run again"
            )


def _surplus(records: t.Sequence[Record], keep: int) -> t.Sequence[Record]:
    return records[: max(0, len(records) - keep)]


def _age(name: str) -> t.Tuple[int, str]:
    return int(name.split("-", maxsplit=1)[0]), name


def _as_seen(records: t.Sequence[Record]) -> t.List[Record]:
    """With what follows from the others: what was gone back from is not open any more, unless that is taken back."""
    taken_back = _taken_back(records)
    seen = []
    for record in records:
        by = taken_back.get(record.id) if record.state == OPEN else None
        ended: t.Dict[str, t.Any] = {}
        if by:
            ended = {"state": CLOSED, "outcome": UNPROVED, "reason": f"taken back by {by}"}
        seen.append(replace(record, is_target=record.state != PREPARED and record.is_in_effect, **ended))
    return seen


def _taken_back(records: t.Sequence[Record]) -> t.Dict[str, str]:
    """The changes that one has gone back from, each with the one that did."""
    taken_back: t.Dict[str, str] = {}
    for record in reversed(records):
        if record.back_to and record.state != PREPARED and record.is_in_effect and record.id not in taken_back:
            for other in records:
                is_same_unit = _full_name(other.unit) == _full_name(record.unit)
                if is_same_unit and _age(record.back_to) <= _age(other.id) < _age(record.id):
                    taken_back.setdefault(other.id, record.id)
    return taken_back


def _full_name(unit: str) -> str:
    """systemd takes the name of a service without its suffix, too."""
    return unit if not unit or "." in unit else f"{unit}.service"


def _interrupted(records: t.Iterable[Record]) -> t.Iterator[Record]:
    """With what was done for the same unit on top of that."""
    units = set()
    for record in records:
        if record.state == PREPARED:
            units.add(_full_name(record.unit))
        if _full_name(record.unit) in units:
            yield record


class _Stays(Exception):
    """Why something is left as it is, and whether it goes where it is forced to."""

    def __init__(self, why: str, *, yields: bool = False) -> None:
        super().__init__(why)
        self.yields = yields


def _refuse_half(stay: t.Mapping[str, _Stays]) -> None:
    """What stays may rely on what would go, as a config.toml does on the tree that it points to."""
    if not stay:
        return
    what = "; ".join(f"{path}: {why}" for path, why in stay.items())
    fix = (
        "Put back what is in there too with force: true, which keeps what it holds now"
        if all(why.yields for why in stay.values())
        else "See to that by hand, or go back to the state before a later change"
    )
    raise FileError(f"{what}. Nothing was changed: the rest alone would be half a state. {fix}.")


@dataclass(frozen=True)
class _WayBack:
    """From what the newest change left at a place to what the oldest found there."""

    first: Step
    last: Step


def _ways_back(taken: t.Sequence[Record]) -> t.List[_WayBack]:
    """In the order in which they can be gone: the other way round than the changes."""
    first: t.Dict[str, Step] = {}
    last: t.Dict[str, Step] = {}
    for record in taken:
        for step in _own_steps(record):
            if step.op != "backup":
                first.setdefault(step.target, step)
                last.pop(step.target, None)
                last[step.target] = step
    return [_WayBack(first[target], last[target]) for target in reversed(list(last))]


def _step_back(way: _WayBack, saved: str, *, force: bool) -> t.Optional[Step]:
    """None where there is nothing to do.

    :raises _Stays: it is not touched.
    """
    target, wanted = way.first.target, way.first.before
    now, expected = held_at(target), way.last.after
    if (now is None and wanted is None) or (now and now.is_the_same(wanted)):
        return None
    if now and wanted and now.kind == wanted.kind == "directory":
        return None
    is_ours = now is None if expected is None else expected.holds_the_same(now)
    if now and now.kind == "other":
        raise _Stays("somebody else made it something that is neither a file nor a directory")
    if not (is_ours or force):
        raise _Stays("somebody else changed it since", yields=True)
    content = None
    if wanted and wanted.kind != "directory":
        kept = held_at(way.first.saved)
        if not wanted.holds_the_same(kept):
            raise _Stays(f"what was saved of it in {way.first.saved} is {'not what it held' if kept else 'gone'}")
        content = content_of(way.first.saved)
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return Step(
        op=_op(now, wanted),
        path=way.first.path,
        target=target,
        before=now,
        after=wanted,
        temporary=hidden_name(directory, "new"),
        saved=saved if now else "",
        content=content,
        identity=identity_of(target),
    )


def _directories_first_and_last(step: Step) -> t.Tuple[int, int]:
    """They are made before and removed after what is in them; all else keeps its order."""
    depth = step.target.count("/")
    return {"mkdir": (0, depth), "rmdir": (2, -depth)}.get(step.op, (1, 0))


def _op(now: t.Optional[Held], wanted: t.Optional[Held]) -> str:
    if wanted is None:
        return "rmdir" if now and now.kind == "directory" else "delete"
    if wanted.kind == "directory":
        return "mkdir"
    return "replace" if now else "create"


def _is_same_file(step: Step) -> bool:
    return identity_of(step.target) == step.identity


def _paths(steps: t.Iterable[Step]) -> t.List[str]:
    """What people are told of: a copy that was made for them is none of what was there."""
    return list(dict.fromkeys(step.path for step in steps if step.op != "backup" and not _is_of_mark(step)))


def _own_steps(record: Record) -> t.List[Step]:
    """Those that going back takes back. The mark is none of them: that containerd has to be restarted stays true."""
    return [step for step in record.steps if not _is_of_mark(step)]


def _is_of_mark(step: Step) -> bool:
    return step.path in (RESTART_MARK, os.path.dirname(RESTART_MARK))


def _restarts(record: Record) -> bool:
    return record.restart


def _leave_mark() -> None:
    """Whatever ends this run from here on, later ones know that containerd has to read its files again."""
    with contextlib.suppress(OSError):  # without it, a run that is not interrupted is as good
        os.makedirs(os.path.dirname(RESTART_MARK), 0o755, exist_ok=True)
        descriptor = os.open(RESTART_MARK, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(_MARK_TEXT)
            os.utime(descriptor)


@contextlib.contextmanager
def _told(place: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"{getattr(error, 'filename', None) or place}: {reason(error)}") from error


def _write_through(place: str, content: bytes) -> None:
    write_new(place, content, _SECRET_FILE)
    sync(place)


def _remove_directory(directory: str) -> None:
    with contextlib.suppress(OSError):  # what stays is tried again by the next run
        for name in os.listdir(directory):
            remove(os.path.join(directory, name))
        os.rmdir(directory)


def _said(error: Exception) -> str:
    return reason(error) if isinstance(error, (OSError, FileError)) else f"{type(error).__name__}: {error}"


# --- The journal as text ---------------------------------------------------------------------------------------------


def _to_json(record: Record) -> bytes:
    keys = ("id", "created", "by", "unit", "restart", "state", "outcome", "reason", "back_to")
    content: t.Dict[str, t.Any] = {"format": FORMAT, **{key: getattr(record, key) for key in keys}}
    content["left"] = dict(record.left)
    content["steps"] = [_step_to_json(step) for step in record.steps]
    return json.dumps(content, indent=1).encode("ascii")


def _step_to_json(step: Step) -> t.Dict[str, t.Any]:
    return {
        "op": step.op,
        "path": step.path,
        "target": step.target,
        "before": _held_to_json(step.before),
        "after": _held_to_json(step.after),
        "temporary": step.temporary,
        "saved": os.path.basename(step.saved),
    }


def _held_to_json(held: t.Optional[Held]) -> t.Optional[t.Dict[str, t.Any]]:
    if held is None:
        return None
    found = held.attributes
    return {
        "kind": held.kind,
        "sha256": held.sha256,
        "mode": f"{found.mode:04o}",
        "uid": found.uid,
        "gid": found.gid,
        "xattrs": {name: base64.b64encode(value).decode("ascii") for name, value in found.xattrs},
    }


def _from_json(content: t.Mapping[str, t.Any], directory: str) -> Record:
    if content["format"] != FORMAT:
        raise ValueError(f"format is {content['format']!r}")
    if content["state"] not in (PREPARED, CLOSED):
        raise ValueError(f"state is {content['state']!r}")
    texts: t.Dict[str, t.Any] = {
        key: _text(content[key]) for key in ("id", "created", "by", "unit", "state", "outcome", "reason", "back_to")
    }
    return Record(
        **texts,
        restart=bool(content["restart"]),
        left=dict(content["left"]),
        steps=tuple(_step_from_json(step, directory) for step in content["steps"]),
    )


def _step_from_json(step: t.Mapping[str, t.Any], directory: str) -> Step:
    for key in ("path", "target", "temporary"):
        if not os.path.isabs(step[key]):
            raise ValueError(f"{key} is {step[key]!r}")
    if not is_hidden_name(step["temporary"]):
        raise ValueError(f"temporary is {step['temporary']!r}")
    saved = _text(step["saved"])
    return Step(
        op=_text(step["op"]),
        path=step["path"],
        target=step["target"],
        before=_held_from_json(step["before"]),
        after=_held_from_json(step["after"]),
        temporary=step["temporary"],
        saved=os.path.join(directory, os.path.basename(saved)) if saved else "",
    )


def _held_from_json(held: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[Held]:
    if held is None:
        return None
    xattrs = tuple((name, base64.b64decode(value)) for name, value in held["xattrs"].items())
    attributes = Attributes(int(held["mode"], 8), int(held["uid"]), int(held["gid"]), xattrs)
    return Held(_text(held["kind"]), attributes, _text(held["sha256"]))


def _text(value: t.Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
