# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.filter.outcomes import HEADINGS, headings, outcomes

PULLED = {"images": [{"image": "registry.k8s.io/pause:3.10"}]}
CASES: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "the run did not come to it": ({}, {"not_reached"}),
    "nothing to do, nothing to prove": ({"node": {"changed": False}}, {"untouched"}),
    "nothing to do, proved": ({"node": {"changed": False}, "pulled": PULLED}, {"untouched", "verified"}),
    "a file of the tree, no restart": (
        {"node": {"changed": True}, "restarted": {"skipped": True}, "pulled": PULLED},
        {"changed", "verified"},
    ),
    "all of it": (
        {"node": {"changed": True}, "restarted": {"restarted": True}, "pulled": PULLED},
        {"changed", "restarted", "verified"},
    ),
    "refused": ({"node": {"changed": False, "failed": True}}, {"failed"}),
    "CRI did not come back": (
        {
            "node": {"changed": True},
            "restarted": {"failed": True, "restarted": True, "undone": {"restored": ["/etc/containerd/config.toml"]}},
        },
        {"restarted", "restored", "failed"},
    ),
    "the pull failed": (
        {
            "node": {"changed": True},
            "restarted": {"restarted": True},
            "pulled": {"failed": True, **PULLED},
            "undone": {"restored": ["/etc/containerd/config.toml"]},
        },
        {"restarted", "restored", "failed"},
    ),
    "the pull failed, and nothing was written before it": (
        {"node": {"changed": False}, "pulled": {"failed": True, "images": []}, "undone": {"skipped": True}},
        {"failed"},
    ),
}


def registered(results: dict[str, t.Any]) -> dict[str, t.Any]:
    return {f"__containerd_{name}": result for name, result in results.items()}


@pytest.mark.parametrize(("results", "expected"), CASES.values(), ids=CASES)
def test_headings(results: dict[str, t.Any], expected: set[str]) -> None:
    assert headings(registered(results)) == expected


def test_hosts_keep_their_order_and_every_heading_is_there() -> None:
    done = registered({"node": {"changed": True}})
    found = outcomes(["b", "a", "c"], {"a": done, "b": done, "c": {}})
    assert list(found) == list(HEADINGS)
    assert (found["changed"], found["not_reached"], found["restored"]) == (["b", "a"], ["c"], [])
