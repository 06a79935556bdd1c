# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a report in its place on the controller, whole or not at all. Private to this collection."""

from __future__ import annotations

import os
import tempfile
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError


def target(path: str, option: str) -> str:
    """Where the report goes, looked at before anything is done.

    :raises DomainError: it cannot be put there.
    """
    whole = os.path.abspath(os.path.expanduser(path))
    fault = _fault(whole)
    if fault:
        raise DomainError(fault[0], file=whole, option=option, fix=fault[1])
    return whole


def _fault(path: str) -> tuple[str, str] | None:
    """What is wrong with a place, and what to do."""
    folder = os.path.dirname(path)
    if os.path.islink(path):
        return "is a symbolic link, which no report replaces", "Name the file that it points to."
    if os.path.exists(path) and not os.path.isfile(path):
        return "is there and is not a file", "Name a file, such as airgap-audit.html."
    if not os.path.isdir(folder):
        return f"cannot be written: {folder} is not a directory", "Make it, or name another."
    for place in (folder, path):
        if os.path.exists(place) and not os.access(place, os.W_OK):
            return f"cannot be written: {place} is read-only for this user", "Name another place."
    return None


def write(path: str, option: str, pieces: t.Iterable[str], *, mode: int = 0o644) -> None:
    """What was there stays until the new one is whole.

    :raises DomainError: it could not be written.
    """
    try:
        _replace(path, pieces, mode)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise DomainError(what, file=path, option=option, fix="See to the disk, or name another place.") from error


def _replace(path: str, pieces: t.Iterable[str], mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
