# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every action, with recorded answers in place of a node."""

from __future__ import annotations

import datetime
import types
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.plugin_utils import _action
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import Applied, NodeAction, Result, plain
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState, Program

CHANGES = ChangeSet((Change("mkdir", "/a", mode="0755"),))


class Text(str):
    __slots__ = ("origin",)


class Number(int):
    pass


class Fraction(float):
    pass


class Tags(list[t.Any]):
    pass


class Trial(NodeAction):
    """An action whose work is a function, and whose node gives recorded answers."""

    ARGUMENT_SPEC: t.ClassVar[Result] = {
        "path": {"type": "str", "default": "/etc"},
        "wanted": {"type": "dict"},
        "backup": {"type": "bool", "default": False},
    }

    def __init__(self, work: t.Callable[[Trial, Result], Result], **answers: Result) -> None:
        self.calls: list[tuple[str, Result, bool]] = []
        self.work = work
        self.answers = answers
        context = types.SimpleNamespace(no_log=False)
        connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
        task = types.SimpleNamespace(args={}, action="trial", async_val=0, check_mode=False, diff=False, no_log=False)
        super().__init__(task, connection, None, None, None, None)

    def execute(self, options: Result) -> Result:
        return self.work(self, options)

    def task(self, *, check: bool = False, **options: t.Any) -> Result:
        self._task.args = options
        self._task.check_mode = check
        return self.run(None, {"ansible_user": "root"})

    def _execute_module(self, *, module_name: str, module_args: Result, task_vars: Result) -> Result:
        assert task_vars == {"ansible_user": "root"}
        secret = self._connection._play_context.no_log and self._task.no_log
        self.calls.append((module_name, module_args, secret))
        return dict(self.answers[module_name.rpartition("_")[2]])

    def _remove_tmp_path(self, tmp_path: str, force: bool = False) -> None:
        pass


def test_options_are_plain_and_complete() -> None:
    result = Trial(lambda _action, options: {"options": options}).task(path=Text("/x"), wanted={Text("a"): Number(1)})
    assert result["options"] == {"path": "/x", "wanted": {"a": 1}, "backup": False}
    assert types_of(result["options"]) == types_of({"path": "", "wanted": {"a": 1}, "backup": False})


UNSOUND: dict[str, tuple[Result, str]] = {
    "unknown": ({"pth": "/x"}, "unsupported options: pth. Supported parameters include: backup, path, wanted."),
    "wrong type": (
        {"backup": "maybe"},
        "argument 'backup' is of type str and we were unable to convert to bool: ",
    ),
}


@pytest.mark.parametrize(("options", "message"), UNSOUND.values(), ids=UNSOUND)
def test_unsound_options(options: Result, message: str) -> None:
    result = Trial(lambda _action, _options: {"changed": True}).task(**options)
    assert result["failed"] is True
    assert result["msg"].startswith(message)
    assert "changed" not in result


def test_a_domain_error_is_a_failure() -> None:
    def work(_action: Trial, _options: Result) -> Result:
        raise DomainError("is wrong", file="/etc/x", line=3)

    result = Trial(work).task()
    assert (result["failed"], result["msg"]) == (True, "/etc/x:3: is wrong.")


def test_an_action_that_says_nothing_is_not_finished() -> None:
    action = Trial(lambda _action, _options: {})
    with pytest.raises(NotImplementedError):
        NodeAction.execute(action, {})


def test_without_tomlkit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_action, "tomlkit", None)
    result = Trial(lambda _action, _options: {"changed": True}).task()
    assert result["failed"] is True
    assert result["msg"].startswith("Failed to import the required Python library (tomlkit) on ")
    assert "on the controller, to edit TOML" in result["msg"]


ROLE = "airgap.nodes.containerd"
# The role that the task is in, variables, what is said.
VARIABLES: dict[str, tuple[str | None, Result, str | None]] = {
    "a slip": (ROLE, {"containerd_snaphotter": "native"}, "containerd_snaphotter: is no variable of the role. "),
    "two": (ROLE, {"containerd_snaphotter": 1, "containerd_snapshoter": 1}, "(1) containerd_snaphotter: is no "),
    "one of the user's own": (
        ROLE,
        {"containerd_snaphotter": "native", "containerd_own_variables": ["containerd_snaphotter"]},
        None,
    ),
    "somebody else's": (ROLE, {"containerd_storage_dir": "/srv", "snaphotter": 1}, None),
    "another role": ("example.other.containerd", {"containerd_snaphotter": "native"}, None),
    "no role": (None, {"containerd_snaphotter": "native"}, None),
}


@pytest.mark.parametrize(("role", "variables", "message"), VARIABLES.values(), ids=VARIABLES)
def test_variables_of_the_role(role: str | None, variables: Result, message: str | None) -> None:
    defaults = {"containerd_snapshotter": "", "containerd_own_variables": []}
    action = Trial(lambda _action, _options: {"changed": True})
    action._templar = types.SimpleNamespace(template=lambda value: value)
    action._task._role = role and types.SimpleNamespace(get_name=lambda: role, get_default_vars=lambda: defaults)
    result = action.run(None, {**defaults, **variables})
    assert (result.get("changed", False), result.get("failed", False)) == (message is None, message is not None)
    assert result.get("msg", "").startswith(message or "")


# --- the node


def test_reading() -> None:
    action = Trial(
        lambda action, _options: {"state": action.read(files=["/a"])},
        read={"files": {"/a": {"kind": "absent"}}, "invocation": {"module_args": {}}},
    )
    assert action.task()["state"] == NodeState(files={"/a": Entry("absent")})
    assert action.calls == [("airgap.nodes._node_read", {"files": ["/a"]}, True)]
    assert (action._connection._play_context.no_log, action._task.no_log) == (False, False)


def test_the_option_names_the_unit_for_every_action() -> None:
    answers = {"read": {"programs": {"containerd": None}}}
    action = Trial(lambda action, _options: {"state": action.read(programs=["containerd"])}, **answers)
    action.ARGUMENT_SPEC = {"unit": {"type": "str", "default": "containerd"}}  # type: ignore[misc]
    action.task(unit="k3s-containerd")
    action.task()
    assert [call[1]["unit"] for call in action.calls] == ["k3s-containerd.service", "containerd.service"]


def test_reading_the_release_asks_for_the_unit() -> None:
    action = Trial(lambda action, _options: {"state": action.read(programs=["containerd"])}, read={})
    action.task()
    assert action.calls[0][1] == {"programs": ["containerd"], "unit": "containerd.service"}


CHANGE = {"id": "000001-20261121T143000Z", "state": "closed"}
DONE: Result = {
    "applied": [{"op": "replace", "path": "/a", "backup_file": "/a.bak"}],
    "journaled": True,
    "change": CHANGE,
}
JOURNAL = {
    "root": "/var/lib/airgap.nodes",
    "by": "trial",
    "unit": "containerd.service",
    "restart": False,
    "proof": False,
    "keep": 5,
}


def test_applying() -> None:
    action = Trial(lambda action, _options: {"applied": action.apply(CHANGES)}, apply=DONE)
    assert action.task()["applied"] == Applied({"/a": "/a.bak"}, "000001-20261121T143000Z")
    given = {"changes": CHANGES.to_wire(), "checks": [], "journal": JOURNAL}
    assert action.calls == [("airgap.nodes._node_apply", given, True)]


def test_applying_what_is_to_be_proved() -> None:
    check = Check("/a", b"text")
    action = Trial(
        lambda action, _options: {
            "applied": action.apply(CHANGES, restart=True, proof=True, keep=2, checks=[check]),
        },
        apply={**DONE, "applied": [], "change": {**CHANGE, "state": "open"}},
    )
    assert action.task()["applied"] == Applied({}, "000001-20261121T143000Z", is_open=True)
    given = action.calls[0][1]
    assert given["journal"] == {**JOURNAL, "restart": True, "proof": True, "keep": 2}
    assert given["checks"] == [check.to_wire()]


def test_a_node_that_keeps_no_way_back() -> None:
    answer = {**DONE, "journaled": False, "change": None}
    action = Trial(lambda action, _options: {"applied": action.apply(CHANGES)}, apply=answer)
    result = action.task()
    assert result["applied"] == Applied({"/a": "/a.bak"})
    assert result["warnings"] == ["No way back is kept on this node: only root has a journal there."]


def test_what_had_no_effect_has_no_place_in_the_journal() -> None:
    action = Trial(lambda action, _options: {"applied": action.apply(CHANGES)}, apply={**DONE, "change": None})
    result = action.task()
    assert result["applied"].change is None
    assert "warnings" not in result


@pytest.mark.parametrize(
    ("changes", "check"), [(CHANGES, True), (ChangeSet(), False)], ids=["check mode", "nothing to change"]
)
def test_not_applying(changes: ChangeSet, check: bool) -> None:
    action = Trial(lambda action, _options: {"applied": action.apply(changes)})
    assert action.task(check=check)["applied"] == Applied()
    assert action.calls == []


FAILURES: dict[str, Result] = {
    "failed": {"failed": True, "msg": "/a: changed since it was read; run again", "path": "/a"},
    "unreachable": {"unreachable": True, "msg": "no route"},
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_a_failure_on_the_node(answer: Result) -> None:
    action = Trial(lambda action, _options: {"state": action.read(files=[])}, read={**answer, "invocation": {"x": 1}})
    result = action.task()
    assert result["failed"] is True
    assert {key: result[key] for key in answer} == answer
    assert "invocation" not in result
    assert (action._connection._play_context.no_log, action._task.no_log) == (False, False)


def test_what_the_node_tells_is_passed_on() -> None:
    told: Result = {"warnings": ["odd"], "deprecations": [{"msg": "old"}], "ansible_facts": {"discovered": "/usr/bin"}}
    action = Trial(lambda action, _options: {"read": bool(action.read())}, read={**told, "files": {}})
    result = action.task()
    assert {key: result[key] for key in told} == told


# --- the release

FOUND = Program("/usr/bin/containerd", "1.7.24", "containerd 1.7.24")
SILENT = Program("/usr/bin/containerd", None, "Segmentation fault")
NEWER = Program("/usr/bin/containerd", "2.5.1", "containerd 2.5.1")
TOO_NEW = (
    "containerd 2.5.1 is newer than this collection knows (2.4). "
    "Upgrade the collection, or name the release to treat it as: containerd_version: '2.4'."
)
RELEASES: dict[str, tuple[Program | None, str | None, str]] = {
    "the node's": (FOUND, None, "1.7.24"),
    "the option's line, and the node's release": (FOUND, "1.7", "1.7.24"),
    "another line in the option": (
        FOUND,
        "2.3.4",
        "containerd_version: names 2.3.4, and this node has containerd 1.7.24. "
        "Leave it out; it is for nodes where containerd is not installed yet.",
    ),
    "the option's, where the binary fails": (SILENT, "2.3.4", "2.3.4"),
    "the option's, with nothing installed": (None, "1.6", "1.6.0"),
    "neither": (
        None,
        None,
        "containerd is not installed on this node, so it is unknown what to write for. "
        "Install containerd first, or name the release that will run here in containerd_version.",
    ),
    "a binary that fails": (
        SILENT,
        None,
        "/usr/bin/containerd does not tell its version; it said 'Segmentation fault'. "
        "Mend the binary, or name the release in containerd_version.",
    ),
    "an option that is none": (
        FOUND,
        "newest",
        "containerd_version: 'newest' is not a containerd version. Write it as 1.7.24 or 2.3.4.",
    ),
    "newer than known": (NEWER, None, TOO_NEW),
    "newer than known, and so named": (NEWER, "2.5", TOO_NEW),
    "newer than known, not installed yet": (None, "2.5.1", TOO_NEW),
    "the newest known line": (Program("/usr/bin/containerd", "2.4.7", ""), None, "2.4.7"),
    "older than hosts.toml": (Program("/usr/bin/containerd", "1.4.13", ""), None, "1.4.13"),
    "older than known": (Program("/usr/bin/containerd", "1.3.9", ""), None, "1.3.9"),
}


@pytest.mark.parametrize(("program", "wanted", "expected"), RELEASES.values(), ids=RELEASES)
def test_release(program: Program | None, wanted: str | None, expected: str) -> None:
    state = NodeState(programs={"containerd": program})
    result = Trial(lambda action, _options: {"msg": str(action.release(state, wanted))}).task()
    assert result["msg"] == expected


TREATED = "containerd 2.5.1 is newer than this collection knows (2.4); it is treated as {}."
STAND_INS: dict[str, tuple[Program | None, str | None, bool, str]] = {
    "the newest known": (NEWER, None, True, "2.4.0"),
    "the newest known, not the newer one named": (NEWER, "2.5.0", True, "2.4.0"),
    "the newest known, with nothing installed": (None, "2.5.1", True, "2.4.0"),
    "the line named": (NEWER, "2.4", False, "2.4.0"),
    "the release named": (NEWER, "2.3.4", True, "2.3.4"),
}


@pytest.mark.parametrize(("program", "wanted", "may_be", "expected"), STAND_INS.values(), ids=STAND_INS)
def test_a_newer_release_is_treated_as(
    program: Program | None, wanted: str | None, may_be: bool, expected: str
) -> None:
    state = NodeState(programs={"containerd": program})
    trial = Trial(lambda action, _: {"msg": str(action.release(state, wanted, newest_for_newer=may_be))})
    result = trial.task()
    assert result["msg"] == expected
    assert result["warnings"] == [TREATED.format(expected)]


# --- plain values

MOMENT = datetime.datetime(2026, 11, 21, 7, 15, tzinfo=datetime.UTC)
PLAIN: dict[str, tuple[t.Any, t.Any]] = {
    "text": (Text("a"), "a"),
    "number": (Number(5), 5),
    "fraction": (Fraction(0.5), 0.5),
    "switch": (True, True),
    "nothing": (None, None),
    "moment": (MOMENT, MOMENT),
    "day": (MOMENT.date(), MOMENT.date()),
    "list": (Tags([Text("a"), (Number(1),)]), ["a", [1]]),
    "table": ({Text("a"): {Text("b"): Tags([Fraction(1.5)])}}, {"a": {"b": [1.5]}}),
    "number as a key": ({Number(5000): Text("a")}, {5000: "a"}),
    "bytes": (b"a", "b'a'"),
}


def types_of(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return [(types_of(key), types_of(item)) for key, item in value.items()]
    return [type(value), *map(types_of, value)] if isinstance(value, list) else type(value)


@pytest.mark.parametrize(("value", "expected"), PLAIN.values(), ids=PLAIN)
def test_plain(value: t.Any, expected: t.Any) -> None:
    found = plain(value)
    assert found == expected
    assert types_of(found) == types_of(expected)


# Modules that never began


UNPARSED = {
    "failed": True,
    "msg": "Module result deserialization failed: No start of json char found",
    "exception": "x",
}
BECOME = "See to become and its password."
INTERPRETER = "See to ansible_python_interpreter."
NOT_BEGUN: dict[str, tuple[int, str, str]] = {
    "no password": (1, "sudo: a password is required\n", f"sudo: a password is required. {BECOME}"),
    "two lines": (1, "sudo: no tty present\r\nsudo: no.\r\n", f"sudo: no tty present sudo: no. {BECOME}"),
    "su": (1, "su: Authentication failure", f"su: Authentication failure. {BECOME}"),
    "doas": (1, "doas: Operation not permitted", f"doas: Operation not permitted. {BECOME}"),
    "no sudo": (127, "sh: 1: sudo: not found\n", f"sh: 1: sudo: not found. {BECOME}"),
    "no Python": (127, "/bin/sh: 1: /opt/py: not found\n", f"/bin/sh: 1: /opt/py: not found. {INTERPRETER}"),
    "no program": (126, "sh: 1: /opt/py: Permission denied", f"sh: 1: /opt/py: Permission denied. {INTERPRETER}"),
}


@pytest.mark.parametrize(("rc", "stderr", "why"), NOT_BEGUN.values(), ids=NOT_BEGUN)
def test_a_module_that_never_began_says_why(rc: int, stderr: str, why: str) -> None:
    answer = {**UNPARSED, "rc": rc, "module_stdout": "", "module_stderr": stderr}
    result = Trial(lambda action, _options: {"state": action.read(files=[])}, read=answer).task()
    assert result["failed"] is True
    assert result["msg"] == f"The node did not begin the module: {why}"
    assert (result["module_stderr"], "exception" in result) == (stderr, False)


TRACEBACK = "Traceback (most recent call last):\nValueError: password = 's3cret'\n"
BEGUN: dict[str, tuple[int, str, str]] = {
    "it failed": (1, "", TRACEBACK),
    "sudo had something to say before": (1, "", f"sudo: unable to resolve host node-a\n{TRACEBACK}"),
    "it wrote something": (127, "password = 's3cret'\n", "sudo: a password is required\n"),
    "another program": (1, "", "sudoku: s3cret"),
}


@pytest.mark.parametrize(("rc", "stdout", "stderr"), BEGUN.values(), ids=BEGUN)
def test_what_a_module_wrote_is_not_shown(rc: int, stdout: str, stderr: str) -> None:
    answer = {**UNPARSED, "rc": rc, "module_stdout": stdout, "module_stderr": stderr}
    result = Trial(lambda action, _options: {"state": action.read(files=[])}, read=answer).task()
    assert result["msg"] == UNPARSED["msg"]
    assert result["module_stderr"] == "(not shown: it may hold what is in files)"
    assert "s3cret" not in str(result)
