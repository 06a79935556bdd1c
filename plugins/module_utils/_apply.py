# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a set of changes, as the controller plans it, to the steps that carry it out.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only. Knows paths, bytes, modes and
hashes, and nothing of what the files are for.
"""

from __future__ import annotations

import grp
import os
import pwd
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._checks import run_checks
from ansible_collections.airgap.nodes.plugins.module_utils._files import (
    FileError,
    read_regular,
    reason,
    without_trailing_slashes,
)
from ansible_collections.airgap.nodes.plugins.module_utils._journal import (
    UNPROVED,
    Journal,
    Record,
    Refused,
    refuse_interrupted,
)
from ansible_collections.airgap.nodes.plugins.module_utils._transaction import (
    Attributes,
    Held,
    StaleError,
    Step,
    Transaction,
    attributes_of,
    content_of,
    held_at,
    hidden_name,
    identity_of,
    remove,
)

_FILE_OPS = ("create", "replace", "delete")


@dataclass(frozen=True)
class Applied:
    """One change that was carried out."""

    op: str
    path: str
    backup_file: t.Optional[str] = None


@dataclass(frozen=True)
class Applying:
    """What became of a set of changes: ``change`` is how the journal knows it."""

    applied: t.List[Applied] = field(default_factory=list)
    warnings: t.List[str] = field(default_factory=list)
    change: t.Optional[Record] = None


def apply_changes(
    changes: ChangeSet,
    *,
    journal: t.Optional[Journal] = None,
    by: str = "",
    unit: str = "",
    restart: bool = False,
    proof: bool = False,
    checks: t.Sequence[Check] = (),
    check_only: bool = False,
) -> Applying:
    """Apply all changes or none, or raise FileError.

    Every expectation is checked before the first write. Without a journal, the way back ends with this process. With
    ``proof`` the change stays open until somebody proves it, and so it does above another one that is open: what is
    below could not be undone without it.
    """
    if check_only:
        _Plan(changes)
        return Applying()
    warnings: t.List[str] = []

    def judged(staged: t.Mapping[str, str]) -> t.Optional[str]:
        return run_checks(checks, staged, unit, warnings.append)

    if journal is None:
        return _apply_without_journal(changes, judged, warnings)
    with journal.locked():
        refuse_interrupted(journal)
        record = journal.begin(by=by, unit=unit, restart=restart)
        place = journal.place_of(record)
        plan = _Plan(changes, lambda number, _target: os.path.join(place, str(number)))
        if not plan.steps:
            return Applying()
        opened, effective = journal.carry_out(
            replace(record, steps=tuple(plan.steps)), _is_unchanged, lambda: judged(plan.staged())
        )
        if opened and not proof and [change.id for change in journal.open_changes()] == [opened.id]:
            (opened,) = journal.close(UNPROVED)
    return Applying(plan.applied(effective), warnings, opened)


def _apply_without_journal(
    changes: ChangeSet, check: t.Callable[[t.Mapping[str, str]], t.Optional[str]], warnings: t.List[str]
) -> Applying:
    going = {_target_of(change) for change in changes.changes if change.op == "rmdir"}

    def beside(_number: int, target: str) -> str:
        directory = os.path.dirname(target)
        while directory in going:
            # A directory that is about to go has to be empty by then.
            directory = os.path.dirname(directory)
        return hidden_name(directory, "old")

    plan = _Plan(changes, beside)
    transaction = Transaction(plan.steps, _is_unchanged)
    try:
        transaction.stage()
        problem = check(plan.staged())
        if problem:
            raise Refused(problem)
        effective = transaction.swap()
    except BaseException as error:
        outcome, clause = transaction.undo()
        _let_go(step for step in plan.steps if step.path not in {**outcome.left, **outcome.failed})
        if isinstance(error, FileError) and not isinstance(error, Refused):
            raise FileError(f"{error}; {clause}") from error
        raise
    return Applying(plan.applied(effective), [*warnings, *_let_go(plan.steps)])


def _let_go(steps: t.Iterable[Step]) -> t.List[str]:
    """Of the files that were kept for undoing; what stays behind is told."""
    problems = []
    for step in steps:
        try:
            if step.saved:
                remove(step.saved)
        except OSError as error:
            problems.append(f"{step.saved} stays behind: {reason(error)}")
    return problems


class _Plan:
    """The steps of a set of changes, once every check is passed that can be made before the first write."""

    def __init__(self, changes: ChangeSet, saved: t.Callable[[int, str], str] = lambda _number, _target: "") -> None:
        self.steps: t.List[Step] = []
        self._saved = saved
        self._backups: t.Dict[str, str] = {}
        # The directories that there are once the steps so far are done, and those that there are not any more.
        self._made: t.Dict[str, Attributes] = {}
        self._gone: t.Set[str] = set()
        path_of: t.Dict[str, str] = {}
        for change in changes.changes:
            try:
                target = _target_of(change)
                if change.op in _FILE_OPS:
                    # Two names of one file, each with its own content: the last would win, silently and on every run.
                    if target in path_of:
                        raise FileError(f"{path_of[target]} and {change.path} are the same file, {target}")
                    path_of[target] = change.path
                self._add(change, target)
            except (OSError, ValueError) as error:
                raise FileError(f"{change.path}: {reason(error)}") from error

    def staged(self) -> t.Dict[str, str]:
        """Where the new content of each path is until the swap."""
        return {step.path: step.temporary for step in self.steps if step.op in ("create", "replace")}

    def applied(self, effective: t.Iterable[Step]) -> t.List[Applied]:
        return [
            Applied(step.op, step.path, self._backups.get(step.target)) for step in effective if step.op != "backup"
        ]

    def _add(self, change: Change, target: str) -> None:
        uid = _resolved(change.owner, lambda name: pwd.getpwnam(name).pw_uid, change, "user")
        gid = _resolved(change.group, lambda name: grp.getgrnam(name).gr_gid, change, "group")
        if change.op == "rmdir":
            self._add_rmdir(change, target)
            return
        if change.op == "mkdir" and self._is_directory(target):
            return
        identity = identity_of(target)
        before = None
        if change.op in _FILE_OPS:
            _check_expectation(change)
            before = held_at(target)
        elif identity is not None:
            raise FileError(f"cannot mkdir {change.path}: File exists; nothing was changed")
        if not self._is_directory(os.path.dirname(target)):
            raise FileError(f"cannot {change.op} {change.path}: No such file or directory; nothing was changed")
        if change.backup and before:
            self._add_backup(change, target, before)
        after = None
        if change.op != "delete":
            found = before.attributes if before else self._owned_like_directory_of(target)
            attributes = Attributes(
                mode=found.mode if change.mode is None else int(change.mode, 8),
                uid=found.uid if uid is None else uid,
                gid=found.gid if gid is None else gid,
                xattrs=found.xattrs,
            )
            after = Held("directory", attributes)
            if change.content is not None:
                after = Held("file", attributes, sha256(change.content))
            else:
                self._made[target] = attributes
                self._gone.discard(target)
        self._append(
            change.op,
            change.path,
            target,
            before,
            after,
            content=change.content,
            identity=identity,
            aside=change.aside,
        )

    def _add_rmdir(self, change: Change, target: str) -> None:
        if os.path.islink(target) or not self._is_directory(target):
            return
        made = self._made.pop(target, None)
        before = Held("directory", made or attributes_of(target))
        self._gone.add(target)
        self._append("rmdir", change.path, target, before, None, identity=identity_of(target))

    def _add_backup(self, change: Change, target: str, before: Held) -> None:
        """A copy beside the name that people know, which stays. Never a second name: people edit what they see."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        beside = without_trailing_slashes(change.path)
        taken = set(self._backups.values())
        for counter in range(1000):
            backup = f"{beside}.{stamp}{f'.{counter}' if counter else ''}.bak"
            if not os.path.lexists(backup) and backup not in taken:
                break
        else:
            raise FileError(f"{change.path}: no free name for a backup")
        self._backups[target] = backup
        attributes = before.attributes
        if change.backup_mode is not None and before.kind == "file":
            # An access list could let in those whom the mode keeps out.
            xattrs = tuple(pair for pair in attributes.xattrs if not pair[0].startswith("system.posix_acl"))
            attributes = Attributes(int(change.backup_mode, 8), attributes.uid, attributes.gid, xattrs)
        place = os.path.join(os.path.realpath(os.path.dirname(backup)), os.path.basename(backup))
        after = Held(before.kind, attributes, before.sha256)
        self._append("backup", backup, place, None, after, content=content_of(target))

    def _append(
        self,
        op: str,
        path: str,
        target: str,
        before: t.Optional[Held],
        after: t.Optional[Held],
        *,
        content: t.Optional[bytes] = None,
        identity: t.Optional[t.Tuple[int, ...]] = None,
        aside: bool = False,
    ) -> None:
        directory = os.path.dirname(target)
        while directory in self._gone or not os.path.isdir(directory):
            directory = os.path.dirname(directory)
        above = os.path.dirname(directory)
        if aside and directory == os.path.dirname(target) and os.stat(above).st_dev == os.stat(directory).st_dev:
            directory = above
        self.steps.append(
            Step(
                op=op,
                path=path,
                target=target,
                before=before,
                after=after,
                temporary=hidden_name(directory, "new"),
                saved=self._saved(len(self.steps), target) if before else "",
                content=content,
                identity=identity,
            )
        )

    def _is_directory(self, target: str) -> bool:
        return target in self._made or (target not in self._gone and os.path.isdir(target))

    def _owned_like_directory_of(self, target: str) -> Attributes:
        """New things belong to whom their directory belongs to; only root can give them away."""
        if os.geteuid() != 0:
            return Attributes(mode=0, uid=-1, gid=-1)
        directory = os.path.dirname(target)
        found = self._made.get(directory) or attributes_of(directory)
        return Attributes(mode=0, uid=found.uid, gid=found.gid)


def _target_of(change: Change) -> str:
    place = without_trailing_slashes(change.path)
    if change.op in ("create", "replace"):
        return os.path.realpath(place)
    # What is made or removed is the last component itself: deleting a symlink leaves what it points to.
    return os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))


def _is_unchanged(step: Step) -> bool:
    """The last look before a name is taken: who changed the file or its symlink in between must not be overrun."""
    place = without_trailing_slashes(step.path)
    target = step.target
    if step.op in ("create", "replace"):
        target = os.path.realpath(place)
    if step.op == "rmdir":
        return True  # if it is empty it goes, whoever made it
    return target == step.target and identity_of(target) == step.identity


def _check_expectation(change: Change) -> None:
    try:
        found: t.Optional[str] = sha256(read_regular(without_trailing_slashes(change.path)))
    except FileNotFoundError:
        found = None
    except FileError as error:
        raise FileError(f"{change.path}: {error}") from error
    if found != change.expect:
        raise StaleError(change.path)


def _resolved(name: t.Optional[str], find: t.Callable[[str], int], change: Change, what: str) -> t.Optional[int]:
    if name is None:
        return None
    try:
        return find(name)
    except KeyError:
        if name.isdigit():
            return int(name)
    raise FileError(f"{change.path}: this node has no {what} named {name}")
