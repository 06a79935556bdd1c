# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import (
    Entry,
    Journaled,
    NodeState,
    Program,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.pending_restart import MARK

FILE = "/etc/containerd/config.toml"
OTHER = "/srv/containerd/config.toml"
SHA = "0" * 64


def node(
    *,
    marked: float | None = None,
    text: str = "Changed.\n",
    exec_start: tuple[str, ...] = ("/usr/bin/containerd",),
    **unit: t.Any,
) -> NodeState:
    known = {"load_state": "loaded", "active_state": "active", "main_pid": 7, "started": 100.0, **unit}
    files = {} if marked is None else {MARK: Entry("file", content=text.encode(), sha256=SHA, mtime=marked)}
    return NodeState(files=files, unit={**known, "exec_start": list(exec_start)})


def journaled(created: str, *, state: str = "open", restart: bool = True, **unit: t.Any) -> NodeState:
    change = Journaled("000001", created, "airgap.nodes.containerd_node", state, restart, (FILE,))
    return dataclasses.replace(node(**unit), journal=(change,))


LATER, EARLIER = "1970-01-01T00:01:41Z", "1970-01-01T00:01:39Z"


HERE = {"containerd": Program("/usr/bin/containerd", "2.3.4", "")}
MISSING = node(load_state="not-found")
WITHOUT_UNIT = {
    "no such unit": (dataclasses.replace(MISSING, programs=HERE), True),
    "no containerd either": (dataclasses.replace(MISSING, programs={"containerd": None}), False),
    "there": (dataclasses.replace(node(), programs=HERE), False),
    "masked on purpose": (dataclasses.replace(node(load_state="masked"), programs=HERE), False),
    "no systemd": (NodeState(programs=HERE), False),
}


@pytest.mark.parametrize(("state", "is_refused"), WITHOUT_UNIT.values(), ids=WITHOUT_UNIT)
def test_a_unit_that_is_not_there(*, state: NodeState, is_refused: bool) -> None:
    with contextlib.nullcontext() if not is_refused else pytest.raises(DomainError) as raised:
        pending_restart.check_unit(state, "containred.service")
    assert not is_refused or str(raised.value) == (
        "unit: this node has containerd and no unit containred.service. Name the unit that starts containerd, in the "
        "role with containerd_service; where that unit is yet to come, name the release in containerd_version."
    )


PENDING = {
    "nothing was ever changed": (node(), False),
    "changed after the start": (node(marked=100.5), True),
    "started after the change": (node(marked=99.5), False),
    "changed, and not running on purpose": (node(marked=100.5, active_state="inactive", main_pid=0), False),
    "starts again and again": (node(active_state="activating", main_pid=0), True),
    "failed": (node(active_state="failed", main_pid=0), True),
    "changed since this start, by a clock that was set": (
        node(marked=99.5, text="Changed.\ninvocation=b\n", invocation="b"),
        True,
    ),
    "another start since, by a clock that was set": (
        node(marked=100.5, text="Changed.\ninvocation=a\n", invocation="b"),
        False,
    ),
    "a mark that names no start": (node(marked=100.5, invocation="b"), True),
    "a start without a name": (node(marked=99.5, text="Changed.\ninvocation=a\n", invocation=""), False),
    "an open change after the start": (journaled(LATER), True),
    "an open change before it": (journaled(EARLIER), False),
    "an open change that containerd reads at once": (journaled(LATER, restart=False), False),
    "a closed change": (journaled(LATER, state="closed"), False),
    "an open change, and not running on purpose": (journaled(LATER, active_state="inactive", main_pid=0), False),
    "no such unit": (node(marked=100.5, load_state="not-found"), False),
    "no systemd": (NodeState(), False),
    "reads another file": (node(marked=100.5, exec_start=("/usr/bin/containerd", "--config", OTHER)), False),
    "is told its usual file": (node(marked=100.5, exec_start=("/usr/bin/containerd", f"--config={FILE}")), True),
}


@pytest.mark.parametrize(("state", "pending"), PENDING.values(), ids=PENDING)
def test_pending(state: NodeState, pending: bool) -> None:
    assert pending_restart.is_pending(state, FILE) is pending


def test_the_file_that_the_unit_names() -> None:
    state = node(marked=100.5, exec_start=("/usr/bin/containerd", "-c", OTHER))
    assert pending_restart.is_pending(state, OTHER)


MARKS = {
    "the first time": (node(), ["mkdir", "create"]),
    "again": (node(marked=1.0), ["replace"]),
    "in an image build": (NodeState(), []),
    "for a file that containerd does not read": (node(exec_start=("/usr/bin/containerd", "-c", OTHER)), []),
}


@pytest.mark.parametrize(("state", "ops"), MARKS.values(), ids=MARKS)
def test_the_mark(state: NodeState, ops: list[str]) -> None:
    assert [change.op for change in pending_restart.mark(state, FILE)] == ops


@pytest.mark.parametrize(("invocation", "line"), [("b", "invocation=b\n"), ("", "")])
def test_the_mark_names_the_start_that_it_was_made_after(invocation: str, line: str) -> None:
    *_directory, file = pending_restart.mark(node(invocation=invocation), FILE)
    text = "config.toml was changed by airgap.nodes after containerd had started.\n"
    assert (file.content or b"").decode() == text + line
