# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Undone
from ansible_collections.airgap.nodes.plugins.module_utils._undoing import told

CHANGE: t.Any = SimpleNamespace(id="000001-20260102T030405Z", by="somebody")
CASES = {
    5: "/tree/0, /tree/1, /tree/2, /tree/3, /tree/4",
    400: "/tree/0, /tree/1, /tree/2, /tree/3, /tree/4 and 395 more",
}


@pytest.mark.parametrize(("count", "named"), CASES.items())
def test_a_sentence_names_a_few_of_many_paths(count: int, named: str) -> None:
    undone = Undone([CHANGE], [f"/tree/{number}" for number in range(count)])
    assert told(Journal("/nowhere"), undone) == (f"Put back as before change {CHANGE.id} by somebody: {named}.",)
