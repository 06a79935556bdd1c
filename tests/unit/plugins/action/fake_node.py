# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a directory of this machine in place of a node; an action does its whole work on them."""

from __future__ import annotations

import pathlib
import stat
import types
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files, read_journal
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction

Raw = dict[str, t.Any]


class Machine:
    """The modules of the node side, run here, with a journal in a directory of its own."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.version: str | None = "1.7.24"
        self.unit: Raw | None = {
            "load_state": "loaded",
            "active_state": "active",
            "main_pid": 7,
            "started": 0.0,
            "invocation": "first",
            # Which file that reads nobody can tell, so that nothing is marked on this machine.
            "exec_start": ["/usr/bin/start-containerd"],
        }
        # What containerd prints of the contents that it is asked about.
        self.dumps = {"before": "version = 3\n", "after": "version = 3\n"}
        self.journal = Journal(str(directory / "journal"))
        self.has_journal = True
        self.loader: t.Any = None
        self.beside: list[str] = []
        self.variables: Raw = {}
        self.calls: list[str] = []
        self.asked_for: Raw = {}
        self.given: Raw = {}
        context = types.SimpleNamespace(no_log=False)
        self.connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))

    def run(self, action: type[t.Any], options: Raw, *, check: bool = False) -> Raw:
        """The result of a task."""
        task = types.SimpleNamespace(
            args={name: value for name, value in options.items() if value is not None},
            action=f"airgap.nodes.{action.__module__.rpartition('.')[2]}",
            async_val=0,
            check_mode=check,
            diff=True,
            no_log=False,
            get_search_path=lambda: self.beside,
        )
        module = action(task, self.connection, None, self.loader, None, None)
        module._execute_module = self._execute
        module._remove_tmp_path = lambda _path: None
        self.calls = []
        result: Raw = module.run(None, self.variables)
        return result

    @property
    def written(self) -> list[str]:
        """The paths of the last set of changes, in its order."""
        return [change["path"] for change in self.given["changes"]]

    def _execute(self, *, module_name: str, module_args: Raw, task_vars: Raw) -> Raw:
        assert task_vars == self.variables
        assert self.connection._play_context.no_log
        name = module_name.removeprefix("airgap.nodes.")
        self.calls.append(name)
        work: t.Callable[[Raw], Raw] = getattr(self, name)
        try:
            return work(module_args)
        except FileError as error:
            return {"failed": True, "msg": str(error)}

    def _node_read(self, asked: Raw) -> Raw:
        self.asked_for = asked
        if "dumps" in asked:
            return {"dumps": {name: {"rc": 0, "output": text, "errors": ""} for name, text in self.dumps.items()}}
        program = {"path": "/usr/bin/containerd", "version": self.version, "output": ""} if self.version else None
        lists: Raw = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}
        root = self.journal.root if self.has_journal and "journal_root" in asked else None
        return {
            **read_files({**lists, **asked}),
            "programs": {"containerd": program},
            "unit": self.unit,
            "journal": read_journal(root),
        }

    def _node_journal(self, asked: Raw) -> Raw:
        assert asked["operation"] == "recover"
        return {"changes": [change.summary() for change in self.journal.recover()[::-1]]}

    def _node_apply(self, given: Raw) -> Raw:
        self.given = given
        # What containerd itself thinks of it is not asked here: this machine need not have one.
        options: Raw = {}
        if "journal" in given and self.has_journal:
            options = {key: given["journal"][key] for key in ("by", "unit", "restart", "proof")}
            options["journal"] = self.journal
        done = apply_changes(ChangeSet.from_wire(given["changes"]), **options)
        change = {"id": done.change.id, "state": done.change.state} if done.change else None
        return {
            "changed": True,
            "applied": [vars(step) for step in done.applied],
            "journaled": "journal" in options,
            "change": change,
        }


class Node:
    """The directory of containerd's files on a machine, and the tasks of one action that are run there."""

    def __init__(self, directory: pathlib.Path, machine: Machine, action: type[NodeAction]) -> None:
        self.directory = directory / "etc" / "containerd"
        self.file = self.directory / "config.toml"
        self.machine = machine
        self._action = action

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
        """What the task with these options tells; an option that is None is left out."""
        return self.machine.run(self._action, options, check=check)
