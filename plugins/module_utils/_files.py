# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a node: how they are read and described.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only. Knows paths, bytes, modes and
hashes, and nothing of what the files are for.
"""

from __future__ import annotations

import base64
import errno
import fnmatch
import functools
import grp
import math
import os
import pwd
import stat
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import pem_labels, sha256

Entry = t.Dict[str, t.Any]

# A directory tree with more entries than this is not one that we were meant to look at (a link to / for example).
MAX_ENTRIES = 20000

_CHUNK = 64 * 1024
_GLOB_CHARACTERS = frozenset("*?[")
# As many as Linux follows.
_MAX_LINKS = 40
# O_NONBLOCK: whatever a path turned into since it was looked at, opening it must not wait for a writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class FileError(Exception):
    """Something about a file that one line can tell a person."""


def reason(error: Exception) -> str:
    """What went wrong, without the path: who reports it names the path that was asked for."""
    return getattr(error, "strerror", None) or str(error)


def describe(path: str, *, max_bytes: int, with_content: bool, root: str = "") -> Entry:
    """What is at a path, its symlinks followed. Never raises, never blocks, and opens nothing but plain files."""
    path = without_trailing_slashes(path)
    entry: Entry = {}
    try:
        link = _link(path, root)
        if link is not None:
            entry["link"] = link
        entry.update(_described(_place(path, root), max_bytes=max_bytes, with_content=with_content))
        if link is not None and not root:
            # A symlink that is led elsewhere changes what is read, and nothing of the file that it leads to now.
            entry["changed"] = max(entry["changed"], os.lstat(path).st_ctime)
    except FileNotFoundError:
        entry["kind"] = "absent"
    except (OSError, ValueError, FileError) as error:
        # ValueError: a name that this node's locale cannot express.
        entry.update(kind="other", error=reason(error))
    return entry


def _link(path: str, root: str) -> t.Optional[str]:
    """Where the symlink at a path leads, all symlinks resolved; None if there is none."""
    if not root:
        return os.path.realpath(path) if os.path.islink(path) else None
    above, name = os.path.split(path)
    is_link = os.path.islink(os.path.join(inside(root, above), name))
    return inside(root, path)[len(root) :] or "/" if is_link else None


def _place(path: str, root: str) -> str:
    """Where a path lies on this machine."""
    return inside(root, path) if root else path


def inside(root: str, path: str) -> str:
    """Where a path of a copied tree lies; symlinks are followed as if the tree were all there is.

    :raises FileError: a symlink leads out of the tree.
    :raises OSError: symlinks lead in circles.
    """
    found: t.List[str] = []
    pending = path.split("/")[::-1]
    links = 0
    while pending:
        part = pending.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not found:
                raise FileError("a symlink leads out of the tree")
            found.pop()
            continue
        target = _target(os.path.join(root, *found, part))
        if target is None:
            found.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        found = [] if target.startswith("/") else found
        pending.extend(target.split("/")[::-1])
    return os.path.join(root, *found)


def _target(place: str) -> t.Optional[str]:
    try:
        return os.readlink(place)
    except OSError:
        # No symlink, or none that can be seen: whoever opens it is told why.
        return None


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
    else:
        entry["pem"] = pem_labels(content)
    return entry


def _attributes(status: os.stat_result, **known: t.Any) -> Entry:
    entry: Entry = {
        "size": status.st_size,
        "mtime": status.st_mtime,
        "changed": status.st_ctime,
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


def describe_matches(pattern: str, *, max_bytes: int, root: str = "") -> t.Dict[str, Entry]:
    """What matches a pattern, with content, and every directory that could not be looked into, with the error.

    Unlike in Python's glob, a wildcard matches a leading dot too, as it does for containerd.
    """
    closed: t.Dict[str, Entry] = {}
    paths = ["/"]
    for part in filter(None, pattern.split("/")):
        paths = [found for path in paths for found in _matches(path, part, closed, root)]
    entries = {path: describe(path, max_bytes=max_bytes, with_content=True, root=root) for path in sorted(paths)}
    return {**entries, **closed}


def _matches(directory: str, part: str, closed: t.Dict[str, Entry], root: str) -> t.List[str]:
    try:
        place = _place(directory, root)
        if not _GLOB_CHARACTERS.intersection(part):
            os.lstat(os.path.join(place, part))
            return [os.path.join(directory, part)]
        names = os.listdir(place)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, FileError) as error:
        closed[directory] = {"kind": "directory", "error": reason(error)}
        return []
    return [os.path.join(directory, name) for name in names if fnmatch.fnmatchcase(name, part)]


def list_tree(directory: str, *, max_bytes: int, depth: int = 2, root: str = "") -> t.Dict[str, t.Any]:
    """A directory and what is below it, hashed and never with content: private keys live in such trees."""
    top = describe(directory, max_bytes=max_bytes, with_content=False, root=root)
    entries: t.Dict[str, Entry] = {}
    if top["kind"] == "directory":
        try:
            _list_below(directory, "", top, entries, max_bytes=max_bytes, depth=depth, root=root)
        except FileError as error:
            top["error"] = str(error)
            entries = {}
    return {"self": top, "entries": entries}


def _list_below(
    directory: str, prefix: str, parent: Entry, entries: t.Dict[str, Entry], *, max_bytes: int, depth: int, root: str
) -> None:
    try:
        names = sorted(os.listdir(_place(directory, root)))
    except (OSError, FileError) as error:
        parent["error"] = reason(error)
        return
    if len(entries) + len(names) > MAX_ENTRIES:
        raise FileError(f"more than {MAX_ENTRIES} entries, not listed")
    for name in names:
        place = os.path.join(directory, name)
        entry = entries[prefix + name] = describe(place, max_bytes=max_bytes, with_content=False, root=root)
        if entry["kind"] == "directory" and depth > 1:
            _list_below(place, f"{prefix}{name}/", entry, entries, max_bytes=max_bytes, depth=depth - 1, root=root)


def without_trailing_slashes(path: str) -> str:
    return path.rstrip("/") or "/"
