# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes changes back, lets containerd read the old files again, and tells how that went.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import printable
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import BadOption
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record, Undone
from ansible_collections.airgap.nodes.plugins.module_utils._restart import Containerd, NotReady, containerd_at

_NAMED_PATHS = 5
_NOT_RESTARTED = "containerd was not restarted, and runs on with what it read when it started."


@dataclass(frozen=True)
class Ending:
    """What became of the old state: for people, and for who registers it."""

    sentences: t.Tuple[str, ...]
    undone: t.Optional[Undone] = None
    answers: bool = False
    restarted: bool = False
    ready_after: t.Optional[float] = None

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    @property
    def result(self) -> t.Optional[t.Dict[str, t.Any]]:
        if not self.undone:
            return None
        return {
            "changes": [change.id for change in self.undone.changes],
            "restored": self.undone.restored,
            "left": {**self.undone.left, **self.undone.failed},
            "restarted": self.restarted,
            "ready_after": self.ready_after,
        }


def take_back(journal: Journal, containerd: Containerd, failure: NotReady, *, silent: t.Optional[str]) -> Ending:
    """Undo what is open, since CRI does not answer with it. ``silent``: why it did not before the restart either."""
    if not journal.open_changes():
        older = f" CRI did not answer before the restart either ({silent})." if silent else ""
        return Ending((f"Nothing was put back: there is no open change on this node.{older}",))
    try:
        undone = journal.undo_open(str(failure))
    except FileError as error:
        places = ", ".join(map(journal.place_of, journal.open_changes()))
        return Ending((f"The old files could not be put back: {error}. What was saved of them is in {places}.",))
    if not undone.changes:
        return Ending(told(journal, undone), undone)
    if not failure.tried:
        return Ending((*told(journal, undone), _NOT_RESTARTED), undone)
    containerd.unit.end_if_stuck()
    return come_back(journal, containerd, undone, restart=failure.restarted or undone.restart, silent=silent)


def leave(journal: Journal) -> Ending:
    """Take nothing back, as asked for."""
    opened = journal.open_changes()
    if not opened:
        return Ending(("Nothing was put back, since rollback is false; there is no open change on this node either.",))
    files = f"the files are as {_named(opened)} left them"
    way_back = "airgap.nodes.containerd_rollback puts back those of before."
    return Ending((f"Nothing was put back, since rollback is false: {files}. {way_back}",))


def come_back(
    journal: Journal, containerd: Containerd, undone: Undone, *, restart: bool, silent: t.Optional[str] = None
) -> Ending:
    """Let containerd read what was put back, and see whether CRI answers."""
    before = told(journal, undone)
    try:
        seconds = containerd.restart() if restart else containerd.wait()
    except NotReady as failure:
        older = (
            f" Nor did it before the restart ({silent}): the old state is back, as broken as it was." if silent else ""
        )
        sentence = f"CRI does not answer with the old files either: {failure}.{older}"
        return Ending((*before, sentence, _kept_in(journal, undone)), undone, restarted=restart)
    return answered(journal, undone, restarted=restart, seconds=seconds)


def answered(journal: Journal, undone: Undone, *, restarted: bool, seconds: float) -> Ending:
    answer = (
        f"containerd was restarted with that, and CRI answered after {seconds:g} s." if restarted else "CRI answers."
    )
    sentences = (*told(journal, undone), answer)
    return Ending(sentences, undone, answers=True, restarted=restarted, ready_after=seconds)


def told(journal: Journal, undone: Undone) -> t.Tuple[str, ...]:
    """What was put back and what was not, a sentence each."""
    if undone.left and not undone.changes:
        rest = "Nothing was put back, since the rest alone would be half a state"
        way_on = "airgap.nodes.containerd_rollback with force: true puts back all of it"
        return (f"{_listed(undone.left)}. {rest}: see to that by hand, or {way_on}.",)
    sentences = []
    if undone.restored:
        which = _named(undone.changes)
        sentences.append(f"Put back as before {which}: {_some_of(undone.restored)}.")
    if undone.left:
        sentences.append(f"Not put back: {_listed(undone.left)}.")
    if undone.failed:
        sentences.append(f"Could not be put back: {_listed(undone.failed)}. {_kept_in(journal, undone)}")
    return tuple(sentences)


def _named(changes: t.Sequence[Record]) -> str:
    oldest = min(changes, key=lambda change: change.id)
    which = f"{oldest.id} by {oldest.by}"
    return f"change {which}" if len(changes) == 1 else f"{len(changes)} changes, the oldest of them {which}"


def _some_of(paths: t.Sequence[str]) -> str:
    """A tree of hundreds of registries is not for one sentence; the result has them all."""
    rest = len(paths) - _NAMED_PATHS
    return ", ".join(paths[:_NAMED_PATHS]) + (f" and {rest} more" if rest > 0 else "")


def _listed(paths: t.Mapping[str, str]) -> str:
    return "; ".join(f"{path}: {why}" for path, why in paths.items())


def _kept_in(journal: Journal, undone: Undone) -> str:
    places = ", ".join(filter(os.path.isdir, map(journal.place_of, undone.changes)))
    if undone.left or undone.failed:
        return f"What was saved of the old files is in {places}."
    return f"The old files are in their places, and what was done to them stands in {places}."


# ---- what the modules have in common ----


def containerd_of(module: AnsibleModule) -> Containerd:
    """The containerd that the module's options mean.

    :raises BadOption: they mean none, or nothing can be done about it.
    """
    params = module.params
    for option in ("wait", "keep"):
        if params[option] < 1:
            raise BadOption(f"{option} has to be 1 or more, it is {params[option]}")
    if not (_is_root() or module.check_mode):
        raise BadOption("only root can restart containerd and put files back: run the task with become")
    return containerd_at(endpoint=params["runtime_endpoint"], unit=params["unit"], seconds=params["wait"])


def _is_root() -> bool:
    return os.geteuid() == 0


def recover(module: AnsibleModule, journal: Journal) -> Undone:
    """Undo what an interrupted run left half-done, before anything reads it: containerd may have read half of it."""
    changes = journal.recover()
    for change in changes:
        paths = ", ".join(change.paths)
        but = f"; not put back: {_listed(change.left)}" if change.left else ""
        module.warn(printable(f"change {change.id} by {change.by} was interrupted, and is undone: {paths}{but}"))
    left = {path: why for change in changes for path, why in change.left.items()}
    restored = dict.fromkeys(path for change in changes for path in change.paths if path not in left)
    restart = any(change.restart and journal.is_mine(change) for change in changes)
    return Undone(changes, list(restored), left, restart=restart)


def ids_of(undone: Undone) -> t.List[str]:
    return [change.id for change in undone.changes]
