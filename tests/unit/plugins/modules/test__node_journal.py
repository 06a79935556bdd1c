# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record
from ansible_collections.airgap.nodes.plugins.modules import _node_journal, _node_read

RunModule = t.Callable[..., t.Any]


def make(top: pathlib.Path, name: str) -> Record:
    change = Change("create", f"{top}/{name}", content=b"new", mode="0644")
    journal = Journal(f"{top}/state")
    record = apply_changes(
        ChangeSet((change,)), journal=journal, by="a test", unit="u", restart=True, proof=True
    ).change
    assert record
    return record


def interrupt(top: pathlib.Path, record: Record) -> None:
    (top / "state/changes" / record.id / "applied").unlink()


def arguments(top: pathlib.Path, operation: str, **options: t.Any) -> dict[str, t.Any]:
    return {"operation": operation, "journal_root": f"{top}/state", **options}


@pytest.mark.parametrize("operation", ["recover", "close", "list"])
def test_a_node_without_a_journal_gets_none(tmp_path: pathlib.Path, run_module: RunModule, operation: str) -> None:
    result = run_module(_node_journal, arguments(tmp_path, operation))
    assert (result["changed"], result["changes"], list(tmp_path.iterdir())) == (False, [], [])


def test_recover_undoes_what_was_interrupted_and_leaves_what_is_open(
    tmp_path: pathlib.Path, run_module: RunModule
) -> None:
    make(tmp_path, "open")
    record = make(tmp_path, "interrupted")
    interrupt(tmp_path, record)
    for check in (True, False):
        result = run_module(_node_journal, arguments(tmp_path, "recover"), check=check)
        assert result["changed"]
        assert [change["id"] for change in result["changes"]] == [record.id]
        assert (tmp_path / "interrupted").exists() is check
    assert result["changes"][0] == {
        "id": record.id,
        "created": record.created,
        "by": "a test",
        "unit": "u",
        "restart": True,
        "state": "closed",
        "outcome": "undone",
        "reason": "the run was interrupted",
        "paths": [f"{tmp_path}/interrupted"],
        "left": {},
        "is_target": False,
    }
    assert (tmp_path / "open").exists()
    assert run_module(_node_journal, arguments(tmp_path, "recover"))["changed"] is False


def test_close(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    for name in "abc":
        make(tmp_path, name)
    assert run_module(_node_journal, arguments(tmp_path, "close"), check=True)["changed"]
    result = run_module(_node_journal, arguments(tmp_path, "close", outcome="proved", reason="pulled", keep=2))
    assert [(change["outcome"], change["reason"]) for change in result["changes"]] == [("proved", "pulled")] * 3
    assert run_module(_node_journal, arguments(tmp_path, "close"))["changed"] is False
    listed = run_module(_node_journal, arguments(tmp_path, "list"))
    assert (listed["changed"], [change["state"] for change in listed["changes"]]) == (False, ["closed", "closed"])


def test_a_journal_that_cannot_be_read_is_a_failure(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    path = tmp_path / "state/changes" / make(tmp_path, "a").id / "journal.json"
    path.write_text("")
    assert run_module(_node_journal, arguments(tmp_path, "list"))["msg"].startswith(f"{path}: not a journal")


# What is read of it together with everything else


def read(run_module: RunModule, top: pathlib.Path) -> t.Any:
    return run_module(_node_read, {"journal_root": f"{top}/state"})["journal"]


def test_nothing_is_told_unasked(run_module: RunModule) -> None:
    assert run_module(_node_read, {})["journal"] is None


def test_what_is_not_closed_is_read(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    assert read(run_module, tmp_path) == {"changes": [], "error": None}
    record = make(tmp_path, "a")
    entry = {
        "id": record.id,
        "created": record.created,
        "by": "a test",
        "state": "open",
        "restart": True,
        "paths": [f"{tmp_path}/a"],
    }
    assert read(run_module, tmp_path) == {"changes": [entry], "error": None}
    interrupt(tmp_path, record)
    assert read(run_module, tmp_path) == {"changes": [{**entry, "state": "prepared"}], "error": None}
    Journal(f"{tmp_path}/state").recover()
    assert read(run_module, tmp_path) == {"changes": [], "error": None}


def test_a_journal_that_cannot_be_read_is_told(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    path = tmp_path / "state/changes" / make(tmp_path, "a").id / "journal.json"
    path.write_text("")
    journal = read(run_module, tmp_path)
    assert journal["changes"] == []
    assert journal["error"].startswith(f"{path}: not a journal that can be read")
