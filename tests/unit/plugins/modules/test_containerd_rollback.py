# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a node whose containerd does what one word in its config.toml says."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _undoing
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal
from ansible_collections.airgap.nodes.plugins.modules import containerd_rollback

RunModule = t.Callable[..., t.Any]
Node = t.Any

RESTARTED = ["reset-failed -- containerd", "restart -- containerd"]
ANSWERED = "containerd was restarted with that, and CRI answered after 0.5 s."
KILLED = "Main process exited, code=killed, status=9/KILL"
NOWHERE = "There is nothing to go back to: this node keeps no change whose files are not as before it already."
PROVED = "There is nothing to take back: no change on this node is unproved."
OTHERS = "somebody else changed it since, so it was left as it is"


@pytest.fixture(autouse=True)
def journal_of_the_node(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containerd_rollback, "Journal", lambda **options: Journal(node.journal.root, **options))


def roll_back(run_module: RunModule, to: str | None = None, *, check: bool = False, **options: t.Any) -> t.Any:
    return run_module(containerd_rollback, {"wait": 1, **({"to": to} if to else {}), **options}, check=check)


def start(node: Node) -> None:
    (node.directory / "running").write_text(node.config.read_text())


def proved(node: Node, *words: str) -> list[str]:
    """IDs of changes that were made one after the other, and proved."""
    changes = []
    for word in words:
        changes.append(node.change(word).id)
        node.journal.close("proved")
    start(node)
    return changes


# ---- going back ----


def test_to_the_state_before_the_last_change(node: Node, run_module: RunModule) -> None:
    first, second = proved(node, "good2", "good3")
    result = roll_back(run_module)
    assert result["msg"] == f"Put back as before change {second} by containerd_config: {node.config}. {ANSWERED}"
    assert {key: result[key] for key in ("changed", "restored", "left", "restarted", "ready_after", "recovered")} == {
        "changed": True,
        "restored": [str(node.config)],
        "left": {},
        "restarted": True,
        "ready_after": 0.5,
        "recovered": [],
    }
    assert (node.config.read_text(), node.running(), node.calls()) == ("good2", "good2", RESTARTED)
    listed = [(change["id"], change["by"], change["outcome"]) for change in result["changes"]]
    third = listed[-1][0]
    assert listed == [
        (first, "containerd_config", "proved"),
        (second, "containerd_config", "proved"),
        (third, "rollback", "proved"),
    ]
    assert set(result["changes"][0]) == {"id", "created", "by", "unit", "state", "outcome", "paths", "line"}


def test_each_is_told_in_a_line(node: Node, run_module: RunModule) -> None:
    proved(node, "good2")
    (change,) = roll_back(run_module, check=True)["changes"]
    assert change["line"] == (
        f"{change['id']}, {change['created'][:10]} {change['created'][11:19]} UTC by containerd_config: {node.config}"
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcdef", "a, b, c and 3 more")],
)
def test_a_line_has_some_of_many_files(names: str, told: str) -> None:
    summary = {"id": "000001-x", "created": "2026-11-21T14:30:00Z", "by": "trial", "paths": list(names)}
    assert containerd_rollback.line_of(summary) == f"000001-x, 2026-11-21 14:30:00 UTC by trial: {told}"


def test_again_and_again_goes_further_back(node: Node, run_module: RunModule) -> None:
    proved(node, "good2", "good3")
    words = []
    for _turn in range(3):
        result = roll_back(run_module)
        words.append((result["changed"], node.config.read_text()))
    assert words == [(True, "good2"), (True, "good"), (False, "good")]
    assert (result["msg"], result["restarted"], result["ready_after"]) == (NOWHERE, False, None)


def test_to_a_named_state(node: Node, run_module: RunModule) -> None:
    first, _second = proved(node, "good2", "good3")
    result = roll_back(run_module, first)
    assert (node.running(), result["restored"]) == ("good", [str(node.config)])
    assert f"Put back as before 2 changes, the oldest of them {first} by containerd_config: " in result["msg"]


def test_to_a_state_that_is_not_kept(node: Node, run_module: RunModule) -> None:
    (first,) = proved(node, "good2")
    assert roll_back(run_module, "000009-20261121T143000Z")["msg"] == (
        f"000009-20261121T143000Z: there is no such change to go back to on this node; there are: {first}"
    )


def test_what_nobody_has_proved(node: Node, run_module: RunModule) -> None:
    proved(node, "good2")
    first, second = node.change("good3"), node.change("good4")
    start(node)
    result = roll_back(run_module, "unproved")
    assert result["msg"] == (
        f"Put back as before 2 changes, the oldest of them {first.id} by containerd_config: {node.config}. {ANSWERED}"
    )
    assert (result["changed"], node.running(), second.id in str(result["changes"])) == (True, "good2", False)
    result = roll_back(run_module, "unproved")
    assert (result["changed"], result["msg"], node.calls()) == (False, PROVED, RESTARTED)


def test_what_needs_no_restart_gets_none(node: Node, run_module: RunModule) -> None:
    change = node.change("good2", restart=False)
    result = roll_back(run_module)
    assert result["msg"] == f"Put back as before change {change.id} by containerd_config: {node.config}. CRI answers."
    assert (result["restarted"], result["ready_after"], node.calls()) == (False, 0.5, [])


def test_only_so_many_are_kept(node: Node, run_module: RunModule) -> None:
    proved(node, "good2", "good3", "good4")
    assert len(roll_back(run_module, keep=2)["changes"]) == 2


# ---- what others did ----


def test_what_somebody_else_changed_since_stays(node: Node, run_module: RunModule) -> None:
    proved(node, "good2")
    node.config.write_text("good-by-hand")
    result = roll_back(run_module)
    assert result["msg"].startswith(f"{node.config}: somebody else changed it since. Nothing was changed: ")
    assert (result["failed"], node.calls(), node.config.read_text()) == (True, [], "good-by-hand")


@pytest.mark.parametrize("check", [False, True], ids=["real", "check-mode"])
def test_what_nobody_has_proved_stays_whole_too(node: Node, run_module: RunModule, check: bool) -> None:
    change = node.change("good2")
    node.config.write_text("good-by-hand")
    result = roll_back(run_module, "unproved", check=check)
    assert result["msg"] == (
        f"{node.config}: {OTHERS}; what it held before is in {node.journal.place_of(change)}/0. Nothing was put back, "
        "since the rest alone would be half a state: see to that by hand, or airgap.nodes.containerd_rollback with "
        "force: true puts back all of it."
    )
    assert (result["failed"], node.calls(), node.config.read_text()) == (True, [], "good-by-hand")
    assert roll_back(run_module, force=True)["restored"] == [str(node.config)]
    assert (node.config.read_text(), node.journal.open_changes()) == ("good", [])


def test_it_can_be_put_back_all_the_same(node: Node, run_module: RunModule) -> None:
    proved(node, "good2")
    node.config.write_text("good-by-hand")
    assert roll_back(run_module, force=True)["restored"] == [str(node.config)]
    assert node.running() == "good"


# ---- CRI does not answer with it ----


def test_a_rollback_that_does_not_come_up_is_taken_back(node: Node, run_module: RunModule) -> None:
    node.config.write_text("killed")
    (change,) = proved(node, "good2")
    result = roll_back(run_module)
    back = result["undone"]["changes"][0]
    assert result["msg"] == (
        f"Put back as before change {change} by containerd_config: {node.config}. containerd did not start (systemctl "
        f"restart containerd): {KILLED}. So the rollback was taken back. Put back as before change {back} by rollback: "
        f"{node.config}. {ANSWERED}"
    )
    assert (result["failed"], result["ready_after"], result["undone"]["ready_after"]) == (True, None, 0.5)
    assert (node.config.read_text(), node.running()) == ("good2", "good2")
    assert [listed["id"] for listed in result["changes"]] == [change]


def test_neither_state_comes_up(node: Node, run_module: RunModule) -> None:
    node.config.write_text("killed")
    (change,) = proved(node, "not-loaded")
    result = roll_back(run_module)
    back = result["undone"]["changes"][0]
    mirrors = "invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
    assert result["msg"] == (
        f"Put back as before change {change} by containerd_config: {node.config}. containerd did not start (systemctl "
        f"restart containerd): {KILLED}. So the rollback was taken back. Put back as before change {back} by rollback: "
        f"{node.config}. CRI does not answer with the old files either: containerd was restarted (systemctl restart "
        f"containerd), and its CRI plugin did not load: {mirrors}. Nor did it before the restart ({mirrors}): the old "
        "state is back, as broken as it was. The old files are in their places, and what was done to them stands in "
        f"{node.journal.root}/changes/{back}."
    )


def test_what_is_unproved_goes_whatever_comes_of_it(node: Node, run_module: RunModule) -> None:
    node.config.write_text("killed")
    change = node.change("good2")
    result = roll_back(run_module, "unproved")
    assert result["msg"] == (
        f"Put back as before change {change.id} by containerd_config: {node.config}. CRI does not answer with the old "
        f"files either: containerd did not start (systemctl restart containerd): {KILLED}. The old files are in their "
        f"places, and what was done to them stands in {node.journal.place_of(change)}."
    )
    assert (result["failed"], result["restored"], node.config.read_text()) == (True, [str(node.config)], "killed")


# ---- check mode ----


@pytest.mark.parametrize("to", ["last", "unproved"])
def test_check_mode(node: Node, run_module: RunModule, to: str) -> None:
    change = node.change("good2")
    result = roll_back(run_module, to, check=True)
    assert result["msg"] == f"Would be: Put back as before change {change.id} by containerd_config: {node.config}."
    assert (result["changed"], result["restored"], result["restarted"]) == (True, [str(node.config)], True)
    assert [listed["id"] for listed in result["changes"]] == [change.id]
    assert (node.config.read_text(), node.calls()) == ("good2", [])


@pytest.mark.parametrize(("to", "says"), [("last", NOWHERE), ("unproved", PROVED)])
@pytest.mark.parametrize("check", [False, True], ids=["real", "check-mode"])
def test_nothing_to_go_back_to(node: Node, run_module: RunModule, to: str, says: str, *, check: bool) -> None:
    result = roll_back(run_module, to, check=check)
    assert (result["msg"], result["changed"], result["changes"]) == (says, False, [])
    assert node.calls() == []


def interrupt_a_change(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_mark_open", lambda *_arguments: os._exit(9))
        pid = os.fork()
        if not pid:
            node.change("not-loaded")
        os.waitpid(pid, 0)
    assert node.config.read_text() == "not-loaded"


def test_an_interrupted_change(node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    proved(node, "good2")
    interrupt_a_change(node, monkeypatch)
    result = roll_back(run_module, check=True)
    assert (result["changed"], result["msg"]) == (
        True,
        f"Would undo what was interrupted, which is the last change: {node.config}.",
    )
    start(node)  # as a reboot does
    result = roll_back(run_module)
    (interrupted,) = result["recovered"]
    assert result["msg"] == (
        f"An interrupted run was undone. Put back as before change {interrupted} by containerd_config: {node.config}. "
        f"{ANSWERED} That was the last change: once more goes further."
    )
    assert (result["restarted"], node.config.read_text(), node.running()) == (True, "good2", "good2")
    assert (roll_back(run_module)["restored"], node.running()) == ([str(node.config)], "good")


def test_an_interrupted_change_and_nothing_unproved(
    node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_a_change(node, monkeypatch)
    start(node)
    result = roll_back(run_module, "unproved")
    assert (result["msg"].endswith(PROVED), result["restarted"], node.running()) == (True, True, "good")


# ---- what is none of its business ----


def test_a_closed_change_that_cannot_be_read_is_no_failure(node: Node, run_module: RunModule) -> None:
    (closed,) = proved(node, "good2")
    journal = os.path.join(node.journal.root, "changes", closed, "journal.json")
    with open(journal, "w", encoding="utf-8") as stream:
        stream.write("{")
    change = node.change("not-loaded")
    start(node)
    result = roll_back(run_module, "unproved")
    assert (result["restored"], result["restarted"], node.running()) == ([str(node.config)], True, "good2")
    assert f"Put back as before change {change.id}" in result["msg"]
    assert f"{journal}: not a journal that can be read" in str(result["warnings"])


@pytest.mark.parametrize("to", ["last", "unproved"])
def test_what_was_changed_for_another_unit(node: Node, run_module: RunModule, to: str) -> None:
    change = node.change("good2")
    result = roll_back(run_module, to, unit="k3s")
    assert (result["changed"], result["msg"], node.calls()) == (False, NOWHERE if to == "last" else PROVED, [])
    assert [(listed["id"], listed["unit"]) for listed in result["changes"]] == [(change.id, "containerd")]
    assert [opened.id for opened in node.journal.open_changes()] == [change.id]


# ---- options ----


def test_not_root(node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    node.change("good2")
    monkeypatch.setattr(_undoing, "_is_root", lambda: False)
    assert roll_back(run_module)["msg"] == (
        "only root can restart containerd and put files back: run the task with become"
    )
    assert node.config.read_text() == "good2"


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("option", ["keep", "wait"])
def test_bad_options(run_module: RunModule, option: str) -> None:
    assert roll_back(run_module, **{option: 0})["msg"] == f"{option} has to be 1 or more, it is 0"
