# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that change files on a node, and the way back from each: the only code of the collection that writes them.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.

First everything new is staged under hidden names and everything old is saved; that takes all the space there is to
take, and changes nothing. Then the names are swapped. A step is a plain value that says what its place held before and
holds after, so that the way back needs nothing but the steps, and can be gone again by whoever finds them after a
process that died: each place is judged by what it holds now.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import typing as t
from dataclasses import dataclass, field

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import sha256
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError, read_regular, reason

Xattrs = t.Tuple[t.Tuple[str, bytes], ...]
Identity = t.Optional[t.Tuple[int, ...]]

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# These sign or measure the old content: on new content they would make the file unreadable.
_XATTRS_OF_CONTENT = ("security.ima", "security.evm")
_NO_HARD_LINK = (errno.EPERM, errno.EMLINK, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS)
_HIDDEN = ".airgap-nodes-"
_SYNCS_AT_ONCE = 8
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
_HINTS = {
    errno.EPERM: " (is it immutable, see lsattr, or owned by another user?)",
    errno.EBUSY: " (is it a mount point of its own?)",
}


class StaleError(FileError):
    """A file is no longer what was read."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: changed since it was read; run again")


class _Theirs(Exception):
    """Somebody else's work that undoing would destroy."""


class _InNobodysWay(_Theirs):
    """Something may stay that nothing relies on: a directory that somebody else uses, or a copy for people."""


@dataclass(frozen=True)
class Attributes:
    """What a file or directory carries besides its content; an id of -1 is left to the system."""

    mode: int
    uid: int
    gid: int
    xattrs: Xattrs = ()


@dataclass(frozen=True)
class Held:
    """What is at a place, the last symlink not followed."""

    kind: str  # "file", "link", "directory" or "other"
    attributes: Attributes
    sha256: str = ""  # of a file's bytes, or of where a symlink leads

    def holds_the_same(self, other: t.Optional[Held]) -> bool:
        return other is not None and (self.kind, self.sha256) == (other.kind, other.sha256)

    def is_the_same(self, other: t.Optional[Held]) -> bool:
        if other is None or not self.holds_the_same(other):
            return False
        mine, theirs = self.attributes, other.attributes
        return (mine.mode, mine.uid, mine.gid) == (theirs.mode, theirs.uid, theirs.gid)


@dataclass(frozen=True)
class Step:
    """One change of one name, or of none: a directory that is not empty by then is not removed."""

    op: str  # "create", "replace", "delete", "mkdir", "rmdir", or "backup", which creates a copy for people
    path: str  # as people know it
    target: str  # as it is once symlinks are followed
    before: t.Optional[Held]
    after: t.Optional[Held]
    temporary: str  # where what is new waits; what is old comes back by way of a name like it
    saved: str = ""  # where what is old stays
    content: t.Optional[bytes] = field(default=None, repr=False)
    identity: Identity = None  # tells what was at the target from a later one

    @property
    def kept(self) -> str:
        """Where what people may look for is; a directory that was moved away was empty."""
        return self.saved if self.before and self.before.kind != "directory" else ""

    @property
    def way_back(self) -> str:
        return self.temporary + ".old"


@dataclass
class TakenBack:
    """How undoing went, by path: what came back, what somebody else had changed, and what could not be put back."""

    restored: t.List[Step] = field(default_factory=list)
    left: t.Dict[str, str] = field(default_factory=dict)
    failed: t.Dict[str, str] = field(default_factory=dict)

    def problems(self) -> t.List[str]:
        return [f"{path}: {why}" for path, why in {**self.left, **self.failed}.items()]


class Transaction:
    """Carries out steps, in their order."""

    def __init__(self, steps: t.Sequence[Step], is_unchanged: t.Callable[[Step], bool]) -> None:
        self._steps = steps
        self._is_unchanged = is_unchanged
        self._begun: t.List[Step] = []

    def stage(self) -> None:
        """Everything that needs space, or that can be refused, as far as that is possible without a change."""
        for step in self._steps:
            with _told(step):
                if step.after:
                    _make(step.temporary, step.after, step.content)
                if step.kept:
                    _duplicate(step.target, step.kept)
        staged = [step.temporary for step in self._steps if step.content is not None]
        _sync_all([*staged, *(step.kept for step in self._steps if step.kept)])

    def swap(self) -> t.List[Step]:
        """The steps that had an effect."""
        effective = []
        for step in self._steps:
            with _told(step):
                if not self._is_unchanged(step):
                    raise StaleError(step.path)
                self._begun.append(step)
                if _take_place(step):
                    effective.append(step)
        _sync_all({os.path.dirname(step.target) for step in effective})
        return effective

    def undo(self) -> t.Tuple[TakenBack, str]:
        """Takes everything back; with one clause that says how that went."""
        outcome = take_back(self._begun)
        sweep(self._steps, outcome)
        if outcome.problems():
            return outcome, f"what was done before it could not all be undone: {'; '.join(outcome.problems())}"
        return outcome, "what was done before it was undone" if outcome.restored else "nothing was changed"


def take_back(steps: t.Sequence[Step]) -> TakenBack:
    """Puts back what the places of the steps held before, latest first, whatever part of it was done or undone.

    What comes later in a change relies on what comes before it, as config.toml does on the tree. So where somebody else
    has changed the later, the earlier stays too. And where there is no space for all of it, none comes back.
    """
    outcome = _stage_back(steps)
    if outcome.failed:
        return outcome
    theirs = ""
    for step in reversed(steps):
        try:
            if theirs and not _is_back(step, held_at(step.target)):
                outcome.left[step.path] = f"left with {theirs}, which may rely on it{_saved_in(step)}"
            elif not theirs and _put_back(step):
                outcome.restored.append(step)
        except _InNobodysWay as stays:
            outcome.left[step.path] = str(stays)
        except _Theirs as changed:
            outcome.left[step.path] = str(changed)
            theirs = step.path
        except (OSError, FileError) as error:
            kept = f", what it held is in {step.kept}" if step.kept and os.path.lexists(step.kept) else ""
            outcome.failed[step.path] = reason(error) + kept
    try:
        _sync_all({os.path.dirname(step.target) for step in outcome.restored})
    except FileError as error:
        place, _separator, why = str(error).partition(": ")
        outcome.failed[place] = why
    return outcome


def _stage_back(steps: t.Sequence[Step]) -> TakenBack:
    """Copies what cannot come back by a rename beside its place, before the first name changes."""
    outcome = TakenBack()
    staged: t.List[str] = []
    for step in reversed(steps):
        try:
            if _comes_as_a_copy(step):
                remove(step.way_back)
                staged.append(step.way_back)
                _make(step.way_back, t.cast(Held, step.before), _saved_content(step))
        except (OSError, FileError) as error:
            outcome.failed[step.path] = f"{reason(error)}, what it held is in {step.saved}; nothing was put back"
            break
    if outcome.failed:
        for place in staged:
            with contextlib.suppress(OSError):
                remove(place)
    return outcome


def _comes_as_a_copy(step: Step) -> bool:
    beside = os.path.dirname(step.way_back)
    if step.before is None or not (os.path.lexists(step.saved) and os.path.isdir(beside)):
        return False  # a directory that is not back yet
    return os.lstat(step.saved).st_dev != os.stat(beside).st_dev and not _is_back(step, held_at(step.target))


def _saved_content(step: Step) -> t.Optional[bytes]:
    return None if t.cast(Held, step.before).kind == "directory" else content_of(step.saved)


def needs_taking_back(step: Step) -> bool:
    try:
        return not _is_back(step, held_at(step.target))
    except (OSError, FileError):
        return True


def what_stays(steps: t.Sequence[Step]) -> t.Dict[str, str]:
    """By path, what ``take_back`` could not put back, since somebody else has changed it."""
    stays: t.Dict[str, str] = {}
    now: t.Dict[str, t.Optional[Held]] = {}  # what it is once the steps so far are taken back
    for step in reversed(steps):
        try:
            found = now[step.target] if step.target in now else held_at(step.target)
            if not _is_back(step, found):
                _check_ours(step, found, has_directory=_is_directory_in(now, os.path.dirname(step.target)))
            now[step.target] = step.before
        except _InNobodysWay:
            pass
        except (OSError, FileError, _Theirs) as theirs:
            stays[step.path] = reason(theirs) if isinstance(theirs, OSError) else str(theirs)
    return stays


def _is_directory_in(now: t.Mapping[str, t.Optional[Held]], place: str) -> bool:
    if place in now:
        held = now[place]
        return held is not None and held.kind == "directory"
    return os.path.isdir(place)


def sweep(steps: t.Iterable[Step], outcome: TakenBack) -> None:
    """Takes away what was staged for steps whose turn does not come."""
    for step in steps:
        for place in (step.temporary, step.way_back):
            try:
                remove(place)
            except OSError as error:
                outcome.failed[place] = f"stays behind: {reason(error)}"


@contextlib.contextmanager
def _told(step: Step) -> t.Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        op = "back up to" if step.op == "backup" else step.op
        hint = _HINTS.get(getattr(error, "errno", 0), "")
        raise FileError(f"cannot {op} {step.path}: {reason(error)}{hint}") from error


def _take_place(step: Step) -> bool:
    if step.after:
        os.rename(step.temporary, step.target)
        return True
    if step.op == "rmdir":
        return _move_away(step)
    os.unlink(step.target)
    return True


def _move_away(step: Step) -> bool:
    """A directory that is moved comes back without any space, and as it was; if it is not empty, it stays."""
    if os.listdir(step.target):
        return False
    try:
        os.rename(step.target, step.saved)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        os.rmdir(step.target)
        return True
    if os.listdir(step.saved):  # somebody was faster
        os.rename(step.saved, step.target)
        return False
    return True


def _is_back(step: Step, now: t.Optional[Held]) -> bool:
    """Its turn never came, or its place holds again what it held before."""
    return os.path.lexists(step.temporary) or _are_the_same(now, step.before) or _holds_only_what_was(step, now)


def _holds_only_what_was(step: Step, now: t.Optional[Held]) -> bool:
    """Somebody has put it back by hand. What was only given another mode or owner holds that after the step, too."""
    return _hold_the_same(now, step.before) and not _hold_the_same(now, step.after)


def _check_ours(step: Step, now: t.Optional[Held], *, has_directory: bool) -> None:
    """
    :raises _Theirs: what is there is not what came after, or what was there before cannot come back.
    """
    if not _hold_the_same(now, step.after):
        kind = _InNobodysWay if step.op == "backup" else _Theirs
        raise kind("somebody else changed it since, so it was left as it is" + _saved_in(step))
    if step.before is None:
        return
    if not has_directory:
        raise _Theirs("somebody else removed its directory since" + _saved_in(step))
    if step.before.kind != "directory":
        saved = held_at(step.saved)
        if not step.before.holds_the_same(saved):
            raise _Theirs(f"what was saved of it in {step.saved} is {'not what it held' if saved else 'gone'}")


def _put_back(step: Step) -> bool:
    """Whether there was anything to do.

    :raises _Theirs: what is there is neither what was there before nor what came after.
    """
    now = held_at(step.target)
    if _is_back(step, now):
        return False
    _check_ours(step, now, has_directory=os.path.isdir(os.path.dirname(step.target)))
    if step.before is None:
        _remove_ours(step)
    elif step.before.kind == "directory" and not os.path.isdir(step.saved):
        remove(step.way_back)
        _make(step.way_back, step.before, None)
        os.rename(step.way_back, step.target)
    else:
        _bring_back(step, step.before)
    return True


def _saved_in(step: Step) -> str:
    return f"; what it held before is in {step.kept}" if step.kept else ""


def _remove_ours(step: Step) -> None:
    try:
        remove(step.target)
    except OSError as error:
        if error.errno in _NOT_EMPTY:
            raise _InNobodysWay("somebody else put something into it since, so it was left as it is") from None
        raise


def _bring_back(step: Step, before: Held) -> None:
    try:
        os.rename(step.saved, step.target)  # needs no space on a disk that may just have run full
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if not before.holds_the_same(held_at(step.way_back)):  # which is staged, unless the saved one came later
            remove(step.way_back)
            _make(step.way_back, before, _saved_content(step))
        _sync_all([step.way_back])
        os.rename(step.way_back, step.target)


def _are_the_same(one: t.Optional[Held], other: t.Optional[Held]) -> bool:
    return one is other if one is None else one.is_the_same(other)


def _hold_the_same(one: t.Optional[Held], other: t.Optional[Held]) -> bool:
    return one is other if one is None else one.holds_the_same(other)


# --- Looking at one place --------------------------------------------------------------------------------------------


def held_at(place: str) -> t.Optional[Held]:
    try:
        status = os.lstat(place)
        if stat.S_ISDIR(status.st_mode):
            return Held("directory", attributes_of(place))
        if stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode):
            kind = "link" if stat.S_ISLNK(status.st_mode) else "file"
            return Held(kind, attributes_of(place), sha256(content_of(place)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Held("other", attributes_of(place))


def content_of(place: str) -> bytes:
    """The bytes of a file, or where a symlink leads."""
    return os.fsencode(os.readlink(place)) if os.path.islink(place) else read_regular(place)


def identity_of(target: str) -> Identity:
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return (status.st_dev, status.st_ino)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def attributes_of(place: str) -> Attributes:
    status = os.lstat(place)
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, _xattrs_of(place))


def _xattrs_of(place: str) -> Xattrs:
    """The extended attributes that a new file can take over: SELinux context, ACL, the user's own."""
    try:
        names = [name for name in os.listxattr(place, follow_symlinks=False) if name not in _XATTRS_OF_CONTENT]
        return tuple((name, os.getxattr(place, name, follow_symlinks=False)) for name in names)
    except OSError:
        # A file system without them; keeping them is a courtesy, not worth failing for.
        return ()


# --- Writing at one place --------------------------------------------------------------------------------------------


def hidden_name(directory: str, suffix: str) -> str:
    """A name that nothing else has, short enough anywhere, and that no reader of *.toml or *.crt picks up."""
    return os.path.join(directory, f"{_HIDDEN}{os.urandom(8).hex()}.{suffix}")


def is_hidden_name(place: str) -> bool:
    return os.path.basename(place).startswith(_HIDDEN)


def remove(place: str) -> None:
    """Takes away a file, a symlink or an empty directory, if there is one."""
    if not os.path.lexists(place):
        return  # a read-only file system would complain even so
    try:
        os.unlink(place)
    except OSError as error:
        # Linux says EISDIR, POSIX EPERM, which a file that must not go gets too.
        if error.errno not in (errno.EISDIR, errno.EPERM) or os.path.islink(place) or not os.path.isdir(place):
            raise
        os.rmdir(place)


def _make(place: str, held: Held, content: t.Optional[bytes]) -> None:
    if held.kind == "directory":
        os.mkdir(place, 0o700)
        _dress_directory(place, held.attributes)
    elif held.kind == "link":
        os.symlink(os.fsdecode(content or b""), place)
        os.chown(place, held.attributes.uid, held.attributes.gid, follow_symlinks=False)
    else:
        write_new(place, content or b"", held.attributes)


def write_new(place: str, content: bytes, attributes: Attributes) -> None:
    """A new file that has its final owner and mode before its first byte."""
    descriptor = os.open(place, _CREATE, attributes.mode & 0o700)
    with os.fdopen(descriptor, "wb") as stream:
        _dress(descriptor, attributes)
        stream.write(content)


def _dress(descriptor: int, attributes: Attributes) -> None:
    """Owner, then extended attributes, then mode: each step may clear what the next one sets."""
    status = os.fstat(descriptor)
    uid = attributes.uid if attributes.uid != status.st_uid else -1
    gid = attributes.gid if attributes.gid != status.st_gid else -1
    if (uid, gid) != (-1, -1):
        os.fchown(descriptor, uid, gid)
    for name, value in attributes.xattrs:
        with contextlib.suppress(OSError):  # best effort, as when reading them
            os.setxattr(descriptor, name, value)
    os.fchmod(descriptor, attributes.mode)


def _dress_directory(place: str, attributes: Attributes) -> None:
    """Give a directory that was just made what it is to have."""
    os.chmod(place, 0o700)  # the umask may have taken what opening it needs
    descriptor = os.open(place, _DIRECTORY)
    try:
        _dress(descriptor, attributes)
    finally:
        os.close(descriptor)


def _duplicate(source: str, copy: str) -> None:
    """A second name for a file, which keeps it whole when the first name goes; a copy where there are no such names."""
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINK:
            raise
        held = held_at(source)
        if held:
            _make(copy, held, content_of(source))


def sync(place: str) -> None:
    """Make what is in a file, or new, changed or lost names in a directory, last."""
    descriptor = os.open(place, _READ)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync directories
            raise
    finally:
        os.close(descriptor)


def _sync_all(places: t.Iterable[str]) -> None:
    """Several at a time, so that what a disk has to do for each, it can do for all."""
    waiting = [place for place in sorted(places, reverse=True) if os.path.exists(place) and not os.path.islink(place)]
    problems: t.List[str] = []

    def work() -> None:
        while waiting:
            try:
                place = waiting.pop()
            except IndexError:  # another one took the last
                return
            try:
                sync(place)
            except OSError as error:
                problems.append(f"{place}: {reason(error)}")

    others = [threading.Thread(target=work) for _number in range(min(len(waiting), _SYNCS_AT_ONCE) - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if problems:
        raise FileError(problems[0])
