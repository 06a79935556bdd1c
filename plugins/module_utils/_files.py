# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a node: how they are described, and the only code of the collection that writes them.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only. Knows paths, bytes, modes and
hashes, and nothing of what the files are for.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fnmatch
import functools
import grp
import math
import os
import pwd
import stat
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256

Entry = t.Dict[str, t.Any]

# A directory tree with more entries than this is not one that we were meant to look at (a link to / for example).
MAX_ENTRIES = 20000

_CHUNK = 64 * 1024
_GLOB_CHARACTERS = frozenset("*?[")
_FILE_OPS = ("create", "replace", "delete")
# O_NONBLOCK: whatever a path turned into since it was looked at, opening it must not wait for a writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# These sign or measure the old content: on new content they would make the file unreadable.
_XATTRS_OF_CONTENT = ("security.ima", "security.evm")
_NO_HARD_LINK = (errno.EPERM, errno.EMLINK, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS)
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
_HINTS = {
    errno.EPERM: " (is it immutable, see lsattr, or owned by another user?)",
    errno.EBUSY: " (is it a mount point of its own?)",
}


class FileError(Exception):
    """Something about a file that one line can tell a person."""


def reason(error: Exception) -> str:
    """What went wrong, without the path: who reports it names the path that was asked for."""
    return getattr(error, "strerror", None) or str(error)


# --- Reading ---------------------------------------------------------------------------------------------------------


def describe(path: str, *, max_bytes: int, with_content: bool) -> Entry:
    """What is at a path, its symlinks followed. Never raises, never blocks, and opens nothing but plain files."""
    place = _without_trailing_slashes(path)
    entry: Entry = {}
    try:
        if os.path.islink(place):
            entry["link"] = os.path.realpath(place)
        entry.update(_described(place, max_bytes=max_bytes, with_content=with_content))
    except FileNotFoundError:
        entry["kind"] = "absent"
    except (OSError, ValueError) as error:
        # ValueError: a name that this node's locale cannot express.
        entry.update(kind="other", error=reason(error))
    return entry


def _described(place: str, *, max_bytes: int, with_content: bool) -> Entry:
    status = os.stat(place)
    if not stat.S_ISREG(status.st_mode):
        return _attributes(status, kind="directory" if stat.S_ISDIR(status.st_mode) else "other")
    try:
        content, status = _read_opened(place, max_bytes=max_bytes)
    except FileNotFoundError:
        raise
    except (OSError, FileError) as error:
        return _attributes(status, kind="file", error=reason(error))
    entry = _attributes(status, kind="file", size=len(content), sha256=sha256(content))
    if with_content:
        entry["content"] = base64.b64encode(content).decode("ascii")
    return entry


def _attributes(status: os.stat_result, **known: t.Any) -> Entry:
    entry: Entry = {
        "size": status.st_size,
        "mtime": status.st_mtime,
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": _user_name(status.st_uid),
        "group": _group_name(status.st_gid),
    }
    entry.update(known)
    return entry


@functools.lru_cache(maxsize=None)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.lru_cache(maxsize=None)
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def read_regular(place: str) -> bytes:
    """The bytes of a plain file, whatever its size; anything else is not opened but refused."""
    status = os.stat(place)
    if not stat.S_ISREG(status.st_mode):
        raise FileError("is a directory" if stat.S_ISDIR(status.st_mode) else "is not a plain file")
    return _read_opened(place, max_bytes=math.inf)[0]


def _read_opened(place: str, *, max_bytes: float) -> t.Tuple[bytes, os.stat_result]:
    """The bytes of a file that was a plain one a moment ago, and the status that goes with them."""
    descriptor = os.open(place, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileError("is not a plain file")
        content = b"" if status.st_size > max_bytes else _read_all(descriptor, max_bytes)
    finally:
        os.close(descriptor)
    if max(status.st_size, len(content)) > max_bytes:
        raise FileError(f"larger than {max_bytes} bytes, not read")
    return content, status


def _read_all(descriptor: int, max_bytes: float) -> bytes:
    """Everything, or little more than the limit: a file can grow, and some tell no size at all."""
    chunks: t.List[bytes] = []
    length = 0
    while length <= max_bytes:
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        chunks.append(chunk)
        length += len(chunk)
    return b"".join(chunks)


def describe_matches(pattern: str, *, max_bytes: int) -> t.Dict[str, Entry]:
    """What matches a pattern, with content, and every directory that could not be looked into, with the error.

    Unlike in Python's glob, a wildcard matches a leading dot too, as it does for containerd.
    """
    closed: t.Dict[str, Entry] = {}
    paths = ["/"]
    for part in filter(None, pattern.split("/")):
        paths = [found for path in paths for found in _matches(path, part, closed)]
    entries = {path: describe(path, max_bytes=max_bytes, with_content=True) for path in sorted(paths)}
    return {**entries, **closed}


def _matches(directory: str, part: str, closed: t.Dict[str, Entry]) -> t.List[str]:
    try:
        if not _GLOB_CHARACTERS.intersection(part):
            candidate = os.path.join(directory, part)
            os.lstat(candidate)
            return [candidate]
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        closed[directory] = {"kind": "directory", "error": reason(error)}
        return []
    return [os.path.join(directory, name) for name in names if fnmatch.fnmatchcase(name, part)]


def list_tree(directory: str, *, max_bytes: int, depth: int = 2) -> t.Dict[str, t.Any]:
    """A directory and what is below it, hashed and never with content: private keys live in such trees."""
    top = describe(directory, max_bytes=max_bytes, with_content=False)
    entries: t.Dict[str, Entry] = {}
    if top["kind"] == "directory":
        try:
            _list_below(directory, "", top, entries, max_bytes=max_bytes, depth=depth)
        except FileError as error:
            top["error"] = str(error)
            entries = {}
    return {"self": top, "entries": entries}


def _list_below(
    directory: str, prefix: str, parent: Entry, entries: t.Dict[str, Entry], *, max_bytes: int, depth: int
) -> None:
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        parent["error"] = reason(error)
        return
    if len(entries) + len(names) > MAX_ENTRIES:
        raise FileError(f"more than {MAX_ENTRIES} entries, not listed")
    for name in names:
        place = os.path.join(directory, name)
        entry = entries[prefix + name] = describe(place, max_bytes=max_bytes, with_content=False)
        if entry["kind"] == "directory" and depth > 1:
            _list_below(place, f"{prefix}{name}/", entry, entries, max_bytes=max_bytes, depth=depth - 1)


def _without_trailing_slashes(path: str) -> str:
    return path.rstrip("/") or "/"


# --- Writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Applied:
    """One change that was carried out."""

    op: str
    path: str
    backup_file: t.Optional[str] = None


@dataclass(frozen=True)
class Attributes:
    """What a file or directory carries besides its content; an id of -1 is left to the system."""

    mode: int
    uid: int
    gid: int
    xattrs: t.Tuple[t.Tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Undo:
    """How to take one effect back: plain values, so that they can outlive the process that had the effect."""

    action: str  # "unlink" or "rmdir" the path, "rename" the source to it, or "mkdir" it with the attributes
    path: str
    source: str = ""
    attributes: t.Optional[Attributes] = None


@dataclass(frozen=True)
class _Seen:
    """A path as it was found: which file it leads to, and what tells that file from a later one."""

    target: str
    identity: t.Optional[t.Tuple[int, ...]]


@dataclass(frozen=True)
class _Step:
    """A change that passed every check that can be made before the first write."""

    change: Change
    seen: _Seen
    uid: t.Optional[int]
    gid: t.Optional[int]


def apply_changes(changes: ChangeSet, *, check_only: bool = False) -> t.Tuple[t.List[Applied], t.List[str]]:
    """Apply all changes or none, or raise FileError. Returns what was done, and warnings.

    Every expectation is checked before the first write. If a later step fails, the earlier ones are undone.
    """
    steps = [_checked(change) for change in changes.changes]
    _refuse_one_file_twice(steps)
    if check_only:
        return [], []
    transaction = _Transaction(steps)
    try:
        applied = [done for done in map(transaction.apply, steps) if done]
    except FileError as error:
        raise FileError(f"{error}; {transaction.undo()}") from error
    except BaseException:
        transaction.undo()
        raise
    return applied, transaction.finish()


def _checked(change: Change) -> _Step:
    uid = _resolved(change.owner, lambda name: pwd.getpwnam(name).pw_uid, change, "user")
    gid = _resolved(change.group, lambda name: grp.getgrnam(name).gr_gid, change, "group")
    try:
        seen = _look(change)
        if change.op in _FILE_OPS:
            _check_expectation(change)
    except (OSError, ValueError) as error:
        raise FileError(f"{change.path}: {reason(error)}") from error
    return _Step(change=change, seen=seen, uid=uid, gid=gid)


def _resolved(name: t.Optional[str], find: t.Callable[[str], int], change: Change, what: str) -> t.Optional[int]:
    if name is None:
        return None
    try:
        return find(name)
    except KeyError:
        if name.isdigit():
            return int(name)
    raise FileError(f"{change.path}: this node has no {what} named {name}")


def _look(change: Change) -> _Seen:
    place = _without_trailing_slashes(change.path)
    if change.op in ("create", "replace"):
        target = os.path.realpath(place)
    else:
        # What is made or removed is the last component itself: deleting a symlink leaves what it points to.
        target = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return _Seen(target, None)
    return _Seen(target, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


def _check_expectation(change: Change) -> None:
    try:
        found: t.Optional[str] = sha256(read_regular(_without_trailing_slashes(change.path)))
    except FileNotFoundError:
        found = None
    except FileError as error:
        raise FileError(f"{change.path}: {error}") from error
    if found != change.expect:
        raise _stale(change)


def _stale(change: Change) -> FileError:
    return FileError(f"{change.path}: changed since it was read; run again")


def _refuse_one_file_twice(steps: t.Iterable[_Step]) -> None:
    """Two names of one file, each with its own content: the last would win, silently and on every run."""
    path_of: t.Dict[str, str] = {}
    for step in steps:
        if step.change.op not in _FILE_OPS:
            continue
        target, path = step.seen.target, step.change.path
        if target in path_of:
            raise FileError(f"{path_of[target]} and {path} are the same file, {target}")
        path_of[target] = path


class _Transaction:
    """Carries out steps and remembers how to take each effect back.

    The file that a step replaces or deletes keeps a second, hidden name until all is done. Going back is then a
    rename, which needs no space on a disk that may just have run full, and brings back the very same file.
    """

    def __init__(self, steps: t.Iterable[_Step]) -> None:
        self._going = {step.seen.target for step in steps if step.change.op == "rmdir"}
        self._undo: t.List[Undo] = []
        self._kept: t.List[str] = []

    def apply(self, step: _Step) -> t.Optional[Applied]:
        """Do one step; None where there was nothing to do."""
        carry_out: t.Callable[[_Step], t.Optional[Applied]] = getattr(self, f"_{step.change.op}")
        try:
            return carry_out(step)
        except (OSError, ValueError) as error:
            hint = _HINTS.get(getattr(error, "errno", 0), "")
            raise FileError(f"cannot {step.change.op} {step.change.path}: {reason(error)}{hint}") from error

    def undo(self) -> str:
        """Take everything back, latest first, and say in one clause how that went."""
        problems = [problem for problem in map(self._taken_back, reversed(self._undo)) if problem]
        problems += self.finish()
        if problems:
            return f"what was done before it could not all be undone: {'; '.join(problems)}"
        return "what was done before it was undone" if self._undo else "nothing was changed"

    def finish(self) -> t.List[str]:
        """Let go of the files that were kept for undoing."""
        return [problem for problem in map(_dropped, self._kept) if problem]

    def _create(self, step: _Step) -> Applied:
        self._put(step, _with_overrides(step, _owned_like_directory_of(step.seen.target)))
        return Applied("create", step.change.path)

    def _replace(self, step: _Step) -> Applied:
        backup = self._back_up(step)
        kept = self._keep(step)
        self._put(step, _with_overrides(step, _attributes_of(step.seen.target)), kept=kept)
        return Applied("replace", step.change.path, backup)

    def _delete(self, step: _Step) -> Applied:
        backup = self._back_up(step)
        kept = self._keep(step)
        _require_unchanged(step)
        os.unlink(step.seen.target)
        self._undo.append(Undo("rename", step.seen.target, source=kept))
        _sync_directory_of(step.seen.target)
        return Applied("delete", step.change.path, backup)

    def _mkdir(self, step: _Step) -> t.Optional[Applied]:
        target = step.seen.target
        if os.path.isdir(target):
            return None
        attributes = _with_overrides(step, _owned_like_directory_of(target))
        os.mkdir(target, 0o700)
        self._undo.append(Undo("rmdir", target))
        _dress_directory(target, attributes)
        _sync_directory_of(target)
        return Applied("mkdir", step.change.path)

    def _rmdir(self, step: _Step) -> t.Optional[Applied]:
        target = step.seen.target
        if os.path.islink(target) or not os.path.isdir(target):
            return None
        attributes = _attributes_of(target)
        try:
            os.rmdir(target)
        except OSError as error:
            if error.errno in _NOT_EMPTY:
                return None
            raise
        self._undo.append(Undo("mkdir", target, attributes=attributes))
        _sync_directory_of(target)
        return Applied("rmdir", step.change.path)

    def _put(self, step: _Step, attributes: Attributes, *, kept: str = "") -> None:
        """Write beside the target, then take its name in one go: readers see the old file or the new one."""
        target = step.seen.target
        fresh = _hidden_name(os.path.dirname(target), "new")
        _write_new(fresh, step.change.content or b"", attributes)
        try:
            _require_unchanged(step)
            os.rename(fresh, target)
        except BaseException:
            _discard(fresh)
            raise
        self._undo.append(Undo("rename", target, source=kept) if kept else Undo("unlink", target))
        _sync_directory_of(target)

    def _keep(self, step: _Step) -> str:
        directory = os.path.dirname(step.seen.target)
        while directory in self._going:
            # A directory that is about to go has to be empty by then.
            directory = os.path.dirname(directory)
        kept = _hidden_name(directory, "old")
        _duplicate(step.seen.target, kept)
        self._kept.append(kept)
        return kept

    def _back_up(self, step: _Step) -> t.Optional[str]:
        if not step.change.backup:
            return None
        name, mode = _without_trailing_slashes(step.change.path), step.change.backup_mode
        backup = _duplicate_under_free_name(step.seen.target, name, mode)
        self._undo.append(Undo("unlink", backup))
        _sync_directory_of(backup)
        return backup

    def _taken_back(self, undo: Undo) -> t.Optional[str]:
        try:
            _take_back(undo)
        except OSError as error:
            if not os.path.lexists(undo.source):
                return f"{undo.path}: {reason(error)}"
            self._kept.remove(undo.source)
            return f"{undo.path}: {reason(error)}, what it held is in {undo.source}"
        return None


def _take_back(undo: Undo) -> None:
    if undo.action == "unlink":
        os.unlink(undo.path)
    elif undo.action == "rmdir":
        os.rmdir(undo.path)
    elif undo.action == "rename":
        os.rename(undo.source, undo.path)
    elif undo.attributes:
        os.mkdir(undo.path, 0o700)
        _dress_directory(undo.path, undo.attributes)
    _sync_directory_of(undo.path)


def _require_unchanged(step: _Step) -> None:
    """The last look before a name is taken: who changed the file or its symlink in between must not be overrun."""
    if _look(step.change) != step.seen:
        raise _stale(step.change)


def _owned_like_directory_of(place: str) -> Attributes:
    """New things belong to whom their directory belongs to; only root can give them away."""
    status = os.stat(os.path.dirname(place))
    if os.geteuid() == 0:
        return Attributes(mode=0, uid=status.st_uid, gid=status.st_gid)
    return Attributes(mode=0, uid=-1, gid=-1)


def _attributes_of(place: str) -> Attributes:
    status = os.lstat(place)
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, _xattrs_of(place))


def _xattrs_of(place: str) -> t.Tuple[t.Tuple[str, bytes], ...]:
    """The extended attributes that a new file can take over: SELinux context, ACL, the user's own."""
    try:
        names = [name for name in os.listxattr(place, follow_symlinks=False) if name not in _XATTRS_OF_CONTENT]
        return tuple((name, os.getxattr(place, name, follow_symlinks=False)) for name in names)
    except OSError:
        # A file system without them; keeping them is a courtesy, not worth failing for.
        return ()


def _with_overrides(step: _Step, found: Attributes) -> Attributes:
    return Attributes(
        mode=found.mode if step.change.mode is None else int(step.change.mode, 8),
        uid=found.uid if step.uid is None else step.uid,
        gid=found.gid if step.gid is None else step.gid,
        xattrs=found.xattrs,
    )


def _write_new(place: str, content: bytes, attributes: Attributes) -> None:
    """A new file that has its final owner and mode before its first byte, and is on the disk when this returns."""
    descriptor = os.open(place, _CREATE, attributes.mode & 0o700)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _dress(descriptor, attributes)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        _discard(place)
        raise


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


def _sync_directory_of(place: str) -> None:
    """Make a new, changed or lost name in a directory last."""
    descriptor = os.open(os.path.dirname(place), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync directories
            raise
    finally:
        os.close(descriptor)


def _hidden_name(directory: str, suffix: str) -> str:
    """A name that nothing else has, short enough anywhere, and that no reader of *.toml or *.crt picks up."""
    return os.path.join(directory, f".airgap-nodes-{os.urandom(8).hex()}.{suffix}")


def _duplicate(source: str, copy: str) -> None:
    """A second name for a file, which keeps it whole when the first name goes; a copy where there are no such names."""
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINK:
            raise
        _copy(source, copy)


def _copy(source: str, copy: str, mode: t.Optional[str] = None) -> None:
    if os.path.islink(source):
        os.symlink(os.readlink(source), copy)
        return
    attributes = _attributes_of(source)
    if mode is not None:
        # An access list could let in those whom the mode keeps out.
        xattrs = tuple(pair for pair in attributes.xattrs if not pair[0].startswith("system.posix_acl"))
        attributes = Attributes(int(mode, 8), attributes.uid, attributes.gid, xattrs)
    _write_new(copy, read_regular(source), attributes)


def _duplicate_under_free_name(source: str, path: str, mode: t.Optional[str] = None) -> str:
    """With a mode of its own it is a copy: a second name for the file would give it that mode as well."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    for counter in range(1000):
        backup = f"{path}.{stamp}{f'.{counter}' if counter else ''}.bak"
        try:
            if mode is None:
                _duplicate(source, backup)
            else:
                _copy(source, backup, mode)
        except FileExistsError:
            continue
        return backup
    raise FileError(f"{path}: no free name for a backup")


def _discard(fresh: str) -> None:
    """Take away a file that got no further. What stopped it is the error to tell, not what happens here."""
    with contextlib.suppress(OSError):
        os.unlink(fresh)


def _dropped(kept: str) -> t.Optional[str]:
    try:
        os.unlink(kept)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{kept} stays behind: {reason(error)}"
    return None
