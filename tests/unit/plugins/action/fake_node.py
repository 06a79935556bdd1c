# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a directory of this machine in place of a node; an action does its whole work on them."""

from __future__ import annotations

import pathlib
import stat
import types
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _files
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction

Raw = dict[str, t.Any]


class Node:
    """A directory of containerd's, a containerd that tells its version, and the unit that runs it."""

    def __init__(self, directory: pathlib.Path, action: type[NodeAction]) -> None:
        self.directory = directory / "etc" / "containerd"
        self.file = self.directory / "config.toml"
        self.version: str | None = "1.7.24"
        self.unit: Raw | None = {
            "load_state": "loaded",
            "active_state": "active",
            "main_pid": 7,
            "started": 0.0,
            "exec_start": ["/usr/bin/containerd"],
        }
        # What containerd prints of the contents that it is asked about.
        self.dumps = {"before": "version = 3\n", "after": "version = 3\n"}
        # Of the last run: the modules, what was read last, and the paths that were written.
        self.calls: list[str] = []
        self.asked_for: Raw = {}
        self.written: list[str] = []
        self.variables: Raw = {}
        self.loader: t.Any = None
        self.beside: pathlib.Path | None = None
        self._action = action
        context = types.SimpleNamespace(no_log=False)
        self._connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))

    def write(self, text: str, name: str = "config.toml", *, mode: int = 0o640) -> pathlib.Path:
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        file.chmod(mode)
        return file

    def text(self, name: str = "config.toml") -> str:
        return (self.directory / name).read_bytes().decode()

    def mode(self, name: str = "config.toml") -> str:
        return f"{stat.S_IMODE((self.directory / name).stat().st_mode):04o}"

    def run(self, *, check: bool = False, **options: t.Any) -> Raw:
        """What the task of that action with these options tells; an option that is None is left out."""
        task = types.SimpleNamespace(
            args={name: value for name, value in options.items() if value is not None},
            action=f"airgap.nodes.{self._action.__module__.rpartition('.')[2]}",
            async_val=0,
            check_mode=check,
            diff=True,
            no_log=False,
            get_search_path=lambda: [str(self.beside)],
        )
        action = self._action(task, self._connection, None, self.loader, None, None)
        action._execute_module = self._execute  # type: ignore[method-assign]
        action._remove_tmp_path = lambda _path: None  # type: ignore[method-assign]
        self.calls, self.written = [], []
        return action.run(None, self.variables)

    def _execute(self, *, module_name: str, module_args: Raw, task_vars: Raw) -> Raw:
        assert task_vars == self.variables
        assert self._connection._play_context.no_log
        self.calls.append(module_name.removeprefix("airgap.nodes."))
        if module_name.endswith("_node_read"):
            self.asked_for = module_args
            return self._dumped() if "dumps" in module_args else self._read(module_args)
        self.written = [change["path"] for change in module_args["changes"]]
        applied, _warnings = _files.apply_changes(ChangeSet.from_wire(module_args["changes"]))
        return {"changed": True, "applied": [vars(step) for step in applied]}

    def _dumped(self) -> Raw:
        return {"dumps": {name: {"rc": 0, "output": text, "errors": ""} for name, text in self.dumps.items()}}

    def _read(self, arguments: Raw) -> Raw:
        program = {"path": "/usr/bin/containerd", "version": self.version, "output": ""} if self.version else None
        lists: Raw = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}
        return {**read_files({**lists, **arguments}), "programs": {"containerd": program}, "unit": self.unit}
