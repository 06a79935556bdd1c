# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read on the node, plan on the controller, apply on the node: the frame of every action. Private."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import re
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import OPEN, ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.module_utils._journal import KEEP, ROOT
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Journaled, NodeState, Program
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    NEWEST,
    NEWEST_LINE,
    Release,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.spelling import (
    OWN_VARIABLES,
    check_meant,
    misspelt_variables,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View

try:
    import tomlkit
except ImportError:
    tomlkit = None  # type: ignore[assignment]

Result = dict[str, t.Any]

ROLE = "airgap.nodes.containerd"

# What a shell ends with that finds no program, or may not start it.
_NO_PROGRAM = (126, 127)
_BECOME = re.compile(r"\b(sudo|su|doas): ")


class NodeFailure(Exception):
    """A module that failed on the node; ``result`` is what the task reports."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.get("msg", ""))
        self.result = result


@dataclasses.dataclass(frozen=True)
class Applied:
    """What became of a change-set: the copies that were left, by path, and its name in the journal of the node."""

    copies: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    change: str | None = None
    is_open: bool = False


class NodeAction(ActionBase):
    """The base of an action: gives ``execute`` plain, validated options and turns what goes wrong into one failure."""

    ARGUMENT_SPEC: t.ClassVar[t.Mapping[str, t.Any]] = {}
    _supports_check_mode = True
    _supports_async = False
    unit = pending_restart.UNIT

    def execute(self, options: Result) -> Result:
        """Does the work: reads, plans, applies; returns the task's result."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._passed_on: Result = {}
        self._told_by_modules: dict[str, list[t.Any]] = {"warnings": [], "deprecations": []}
        try:
            if tomlkit is None:
                raise NodeFailure({"msg": missing_required_lib("tomlkit", reason="on the controller, to edit TOML")})
            self._check_variables()
            outcome = self.execute(self._options())
        except DomainError as error:
            outcome = {"failed": True, "msg": str(error)}
        except NodeFailure as failure:
            outcome = {"failed": True, **failure.result}
        for key, told in self._told_by_modules.items():
            if told:
                outcome[key] = [*told, *outcome.get(key, ())]
        return {**result, **self._passed_on, **outcome}

    def _check_variables(self) -> None:
        """Ansible takes a misspelt variable of the role for somebody else's."""
        role = getattr(self._task, "_role", None)
        if role is None or role.get_name() != ROLE:
            return
        found = misspelt_variables(self._variables, role.get_default_vars())
        if found:
            check_meant(found, self._templar.template(self._variables.get(OWN_VARIABLES, [])))

    def _options(self) -> Result:
        options = validated(self.ARGUMENT_SPEC, plain(self._task.args))
        if "unit" in options:
            self.unit = pending_restart.unit_name(options["unit"])
        return options

    # the node

    def read(self, **arguments: t.Any) -> NodeState:
        """One round trip: what the private module ``_node_read`` finds."""
        if "containerd" in arguments.get("programs", ()):
            # A node can have two of them; the one that counts is the one that the unit starts.
            arguments["unit"] = self.unit
        return NodeState.from_wire(self.run_module("airgap.nodes._node_read", arguments))

    def read_whole(self, **arguments: t.Any) -> NodeState:
        """What a change is planned on: a reading in which no run is half-way, with the journal of the node.

        What a run that was interrupted left half-done is undone first; in check mode it is only told.
        """
        arguments |= {
            "files": [*arguments.get("files", ()), pending_restart.MARK],
            "programs": ["containerd"],
            "journal_root": ROOT,
        }
        state = self.read(**arguments)
        if state.journal_error is not None:
            raise NodeFailure({"msg": state.journal_error})
        interrupted = [change for change in state.journal if change.is_interrupted]
        if not interrupted:
            return state
        if self._task.check_mode:
            self.warn(f"{_named(interrupted)}. What is told here is about half-changed files.")
            return state
        self._recover()
        return self.read(**arguments)

    def _recover(self) -> None:
        """Undoes more than what was seen, or nothing, if another run was not interrupted but slow."""
        answer = self.run_module("airgap.nodes._node_journal", {"operation": "recover", "journal_root": ROOT})
        left = [f" {path} was left: {why}." for each in answer["changes"] for path, why in each["left"].items()]
        if answer["changes"]:
            undone = [Journaled.from_wire(change) for change in answer["changes"]]
            self.warn(f"{_named(undone)}. That was undone now.{''.join(left)}")

    def warn(self, text: str) -> None:
        warnings = self._told_by_modules["warnings"]
        if text not in warnings:
            warnings.append(text)

    def read_config(
        self, state: NodeState, path: str, release: Release, drop_in: str | None = None
    ) -> tuple[NodeState, ConfigReading]:
        """config.toml with its imports, and all that was read by then."""
        view = View(self.read, state)
        config = view.config(path, release, drop_in)
        return view.state, config

    def dumps(self, contents: t.Mapping[str, str]) -> t.Mapping[str, t.Mapping[str, t.Any]]:
        """One round trip: what the node's containerd makes of contents of a config.toml, given in base64."""
        dumps: t.Mapping[str, t.Mapping[str, t.Any]] = self.run_module(
            "airgap.nodes._node_read", {"dumps": contents, "unit": self.unit}
        )["dumps"]
        return dumps

    def apply(
        self,
        changes: ChangeSet,
        *,
        restart: bool = False,
        proof: bool = False,
        keep: int = KEEP,
        checks: t.Iterable[Check] = (),
    ) -> Applied:
        """One round trip: the change-set, all or nothing. Nothing in check mode.

        ``restart`` says whether it takes effect with a restart only. With ``proof`` the node holds it open, so that it
        can be taken back, until somebody proves it.
        """
        if not changes or self._task.check_mode:
            return Applied()
        journal = {
            "root": ROOT,
            "by": self._task.action,
            "unit": self.unit,
            "restart": restart,
            "proof": proof,
            "keep": keep,
        }
        done = self.run_module(
            "airgap.nodes._node_apply",
            {"changes": changes.to_wire(), "checks": [check.to_wire() for check in checks], "journal": journal},
        )
        if not done["journaled"]:
            self.warn("No way back is kept on this node: only root has a journal there.")
        # Without one, nothing had an effect.
        change = done["change"] or {"id": None, "state": None}
        copies = {step["path"]: step["backup_file"] for step in done["applied"] if step.get("backup_file")}
        return Applied(copies, change["id"], is_open=change["state"] == OPEN)

    def run_module(self, name: str, arguments: Result) -> Result:
        try:
            with self._censored():
                result: Result = self._execute_module(
                    module_name=name, module_args=arguments, task_vars=self._variables
                )
        except AnsibleConnectionFailure:
            # What was censored holds the reason, and it is no secret: fail once more in the open.
            self._low_level_execute_command("exit 0", sudoable=False)
            raise
        result.pop("invocation", None)
        if result.get("ansible_facts"):
            # The discovered interpreter is among them: without it, every task would look for Python again.
            self._passed_on["ansible_facts"] = result["ansible_facts"]
        for key, told in self._told_by_modules.items():
            told.extend(result.pop(key, None) or ())
        if result.get("failed") or result.get("unreachable"):
            raise NodeFailure(_not_begun(result) or _without_output(result))
        return result

    @contextlib.contextmanager
    def _censored(self) -> t.Iterator[None]:
        """Keeps file contents out of the -vvv output of the connection and out of the node's syslog."""
        context = self._connection._play_context
        before = context.no_log, self._task.no_log
        context.no_log, self._task.no_log = True, True
        try:
            yield
        finally:
            context.no_log, self._task.no_log = before

    # the controller

    def file_beside_play(self, source: str, option: str) -> bytes:
        """A file of the controller, decrypted if it is in a vault.

        :raises DomainError: it is not there, or cannot be read.
        """
        try:
            found = self._loader.get_real_file(self._find(source))
            try:
                return pathlib.Path(found).read_bytes()
            finally:
                self._loader.cleanup_tmp_file(found)
        except AnsibleFileNotFound:
            raise DomainError(
                f"{source} is not there",
                option=option,
                fix="Put it beside the play or the inventory, or in files/ there; "
                "a file on the node needs its absolute path.",
            ) from None
        except (AnsibleError, OSError) as error:
            raise DomainError(
                f"{source} cannot be read on the controller: {error}",
                option=option,
                fix="See to the file, or to the password of its vault.",
            ) from error

    def _find(self, source: str) -> str:
        """Where Ansible looks for files of a task, then beside the inventory.

        A playbook that comes with a collection lies where its user keeps nothing.
        """
        try:
            return str(self._find_needle("files", source))
        except AnsibleFileNotFound:
            beside = pathlib.Path(self._variables.get("inventory_dir") or ".")
            found = next((path for path in (beside / "files" / source, beside / source) if path.is_file()), None)
            if found is None:
                raise
            return str(found.resolve())

    # the release

    def release(self, state: NodeState, wanted: str | None, *, newest_for_newer: bool = False) -> Release:
        """The containerd that the result is for: the one on the node, else the one in ``containerd_version``.

        One that is newer than the collection knows is treated as the known release that ``containerd_version`` names,
        or, if ``newest_for_newer``, as the newest known one; either is a warning.

        :raises DomainError: neither is known, or they differ: what one knows can make the other ignore a whole file; or
            there is nothing that starts the one on the node.
        """
        if wanted is None:
            pending_restart.check_unit(state, self.unit)
        named = None if wanted is None else Release.parse(wanted, option="containerd_version")
        program = state.programs.get("containerd")
        if program is None or program.version is None:
            running = named or self._unknown(program)
        else:
            running = Release.parse(program.version)
        if running.line > NEWEST_LINE:
            return self._stand_in(running, named, newest_for_newer=newest_for_newer)
        if named is not None and named.line != running.line:
            raise DomainError(
                f"names {named}, and this node has containerd {running}",
                option="containerd_version",
                fix="Leave it out; it is for nodes where containerd is not installed yet.",
            )
        return running

    def _stand_in(self, running: Release, named: Release | None, *, newest_for_newer: bool) -> Release:
        stand_in = named if named is not None and named.is_known else NEWEST if newest_for_newer else None
        newest = ".".join(map(str, NEWEST_LINE))
        if stand_in is None:
            raise DomainError(
                f"containerd {running} is newer than this collection knows ({newest})",
                fix=f"Upgrade the collection, or name the release to treat it as: containerd_version: '{newest}'.",
            )
        self.warn(f"containerd {running} is newer than this collection knows ({newest}); it is treated as {stand_in}.")
        return stand_in

    def _unknown(self, program: Program | None) -> t.NoReturn:
        if program is None:
            raise DomainError(
                "containerd is not installed on this node, so it is unknown what to write for",
                fix="Install containerd first, or name the release that will run here in containerd_version.",
            )
        raise DomainError(
            f"{program.path} does not tell its version; it said {program.output[:200]!r}",
            fix="Mend the binary, or name the release in containerd_version.",
        )


def validated(spec: t.Mapping[str, t.Any], raw: Result) -> Result:
    """Options of the right types, all of them there.

    :raises DomainError: one is unknown, missing or of another type.
    """
    outcome = ArgumentSpecValidator(dict(spec)).validate(raw)
    if outcome.error_messages:
        raise DomainError("; ".join(map(_message, outcome.errors.errors)))
    options: Result = outcome.validated_parameters
    return options


def _not_begun(result: Result) -> Result | None:
    """The result of a module that the node never began, and that says so: nothing of a file can be in that.

    sudo warns of lesser things too, and goes on; so all that was said has to be its own.
    """
    said = (result.get("module_stderr") or "").splitlines()
    has_begun = result.get("rc") not in _NO_PROGRAM and not all(map(_BECOME.match, said))
    if not said or result.get("module_stdout") != "" or has_begun:
        return None
    about = "become and its password" if _BECOME.search(said[-1]) else "ansible_python_interpreter"
    why = " ".join(said).rstrip(".")
    # Ansible's own reason, that there was no answer, is what it would show in place of the message.
    rest = {key: value for key, value in result.items() if key != "exception"}
    return {**rest, "msg": f"The node did not begin the module: {why}. See to {about}."}


def _without_output(result: Result) -> Result:
    hidden = dict.fromkeys(("module_stdout", "module_stderr"), "(not shown: it may hold what is in files)")
    return {key: hidden.get(key, value) if value else value for key, value in result.items()}


def _named(interrupted: t.Sequence[Journaled]) -> str:
    each = "; ".join(f"{change.id} by {change.by}: {', '.join(change.paths)}" for change in interrupted)
    return f"An earlier run was interrupted in the middle of a change ({each})"


def _message(error: Exception) -> str:
    """What a validator says; of unsupported options it gives the names alone."""
    text = str(error)
    return f"unsupported options: {text}" if isinstance(error, UnsupportedError) else text


def plain(value: t.Any) -> t.Any:
    """Ansible's tagged and templated values as plain ones, so that the domain sees str, int, list and dict only."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, datetime.date, datetime.time)):
        return value
    if isinstance(value, int):
        return int.__add__(value, 0)
    if isinstance(value, float):
        return float.__add__(value, 0.0)
    return str.__str__(value) if isinstance(value, str) else str(value)
