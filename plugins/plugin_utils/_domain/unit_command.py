# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which config.toml the command of a unit makes containerd read. Private to this collection.

A unit can start something else that brings a containerd along, or start it by way of a shell or with a variable in its
command. Then the words count that a running containerd was started with; if there are none, nobody can tell, and
nothing is refused.
"""

from __future__ import annotations

import itertools
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState

DEFAULT_FILE = "/etc/containerd/config.toml"
_OPTIONS = ("-c", "--config", "-config")


def files_read(state: NodeState) -> list[str]:
    """The files that the command names, else the one that containerd reads by itself."""
    return _named(_command(state)) or [DEFAULT_FILE]


def is_read(state: NodeState, file: str) -> bool:
    """Whether there is a containerd here that reads this file when it starts."""
    return _is_loaded(state) and _real(state, file) in [_real(state, path) for path in files_read(state)]


def to_read(state: NodeState, file: str) -> list[str]:
    """What has to be read before it is known whether the command means this file by another name."""
    if not _tells(state) or file in files_read(state):
        return []
    places = [place for path in (file, *files_read(state)) for place in _places(path)]
    return list(dict.fromkeys(places))


def doubt(state: NodeState, file: str, unit: str, *, expected: bool) -> str | None:
    """A warning of a file that may never be read. ``expected`` says that the unit may be yet to come.

    :raises DomainError: the unit's containerd reads another file: nothing that is written would count.
    """
    if not _is_loaded(state) or state.programs.get("containerd") is None or is_read(state, file):
        return None
    command, read = _command(state), files_read(state)
    if not _tells(state):
        is_named = any(path.endswith(".toml") for path in _named(command))
        return f"It may be that nothing reads it: the unit {unit} runs {' '.join(command)}." if is_named else None
    what = f"the unit {unit} has containerd read {' and '.join(read)}, and not {file}"
    if expected:
        return f"Nothing reads it as things are: {what}."
    raise DomainError(
        f"{what}: nothing that is written there would have an effect",
        option="path",
        fix=f"Name {read[0]} in path, in the role with containerd_config_file; or have the unit started with "
        f"--config {file} first. Where such a unit is yet to come, name the release in containerd_version.",
    )


def untold(state: NodeState, unit: str) -> str | None:
    """Why nobody can tell which file is read; None where somebody can, or where nothing is to be read yet."""
    if not _is_loaded(state) or state.programs.get("containerd") is None or _tells(state):
        return None
    return f"which file containerd reads cannot be told: the unit {unit} runs {' '.join(_command(state))}"


def outdated(state: NodeState, unit: str) -> str | None:
    """Why the files and the program on the disk do not tell what a running containerd does; None where they do."""
    if not _is_loaded(state) or not (state.unit or {}).get("main_pid"):
        return None
    known: t.Mapping[str, t.Any] = state.unit or {}
    if known.get("main_replaced"):
        return f"containerd of the unit {unit} was replaced by another one, and still runs"
    stated, running = list(known["exec_start"]), list(known.get("main_command") or ())
    if _is_plain(stated) and _is_plain(running) and _named(stated) != _named(running):
        return f"the unit {unit} runs {' '.join(running)}, and would now start {' '.join(stated)}"
    return None


def _is_loaded(state: NodeState) -> bool:
    return state.unit is not None and state.unit["load_state"] == "loaded"


def _command(state: NodeState) -> list[str]:
    if not state.unit:
        return []
    stated, running = list(state.unit["exec_start"]), list(state.unit.get("main_command") or ())
    return running if _is_plain(running) and not _is_plain(stated) else stated


def _named(words: t.Sequence[str]) -> list[str]:
    parts = [part for word in words for part in word.split("=", 1)]
    return [after for word, after in itertools.pairwise(parts) if word in _OPTIONS]


def _tells(state: NodeState) -> bool:
    """Whether the command says for sure what is read."""
    return _is_loaded(state) and _is_plain(_command(state))


def _is_plain(command: t.Sequence[str]) -> bool:
    """Whether it is containerd itself, and has no word that somebody else expands."""
    is_own = bool(command) and posixpath.basename(command[0]) == "containerd"
    return is_own and not any("$" in word for word in command) and all(path.startswith("/") for path in _named(command))


def _places(path: str) -> list[str]:
    """A path and the directories above it, any of which can be a symlink."""
    places = []
    while posixpath.dirname(path) != path:
        places.append(path)
        path = posixpath.dirname(path)
    return places


def _real(state: NodeState, path: str) -> str:
    """Where a path leads, as far as it was read; a link that was read is resolved whole."""
    for place in _places(path):
        link = state.file(place).link
        if link is not None:
            return link + path[len(place) :]
    return path
