# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules whose work is on the node: as Ansible runs any module, unless a variable of the role is misspelt."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action import containerd_restart, containerd_rollback

Result = dict[str, t.Any]
ACTIONS = {
    "containerd_restart": containerd_restart.ActionModule,
    "containerd_rollback": containerd_rollback.ActionModule,
}
DEFAULTS = {"containerd_rollback_to": "last", "containerd_own_variables": []}


def run(action: type[t.Any], variables: Result) -> tuple[Result, list[Result]]:
    """The result of a task of the role, and with what the module was run."""
    role = types.SimpleNamespace(get_name=lambda: "airgap.nodes.containerd", get_default_vars=lambda: DEFAULTS)
    task = types.SimpleNamespace(args={"wait": 5}, async_val=30, check_mode=True, diff=True, no_log=False, _role=role)
    context = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    templar = types.SimpleNamespace(template=lambda value: value)
    module = action(task, context, None, None, templar, None)
    runs: list[Result] = []

    def execute(**given: t.Any) -> Result:
        runs.append(given)
        return {"changed": True, "msg": "done"}

    module._execute_module = execute
    return module.run(None, variables), runs


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_the_module_is_run_as_it_is(action: type[t.Any]) -> None:
    result, runs = run(action, DEFAULTS)
    assert (result["changed"], result["msg"]) == (True, "done")
    assert runs == [{"task_vars": DEFAULTS, "wrap_async": 30}]


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_nothing_is_done_with_a_misspelt_variable(action: type[t.Any]) -> None:
    result, runs = run(action, {**DEFAULTS, "containerd_rolback_to": "000012-20261121T143000Z"})
    assert (result["failed"], result["msg"]) == (
        True,
        "containerd_rolback_to: is no variable of the role. Did you mean containerd_rollback_to? If it is one of your "
        "own, name it in containerd_own_variables.",
    )
    assert runs == []
