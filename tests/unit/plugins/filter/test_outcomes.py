# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.filter.outcomes import HEADINGS, headings, outcomes

PULLED = {"images": [{"image": "registry.k8s.io/pause:3.10", "attempts": 1}]}
TO_PULL = {"images": [{"image": "registry.k8s.io/pause:3.10", "attempts": 0}]}
NOT_PULLED = {"images": [], "failed": False, "is_failed": True, "msg": "registry.k8s.io/pause:3.10: no"}
UNDONE = {"restored": ["/etc/containerd/config.toml"]}
LOST = {"unreachable": True, "msg": "Failed to connect to the host via ssh", "changed": False}
SKIPPED = {"skipped": True, "changed": False}

THROUGH: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "the run has not come to it": ({}, {"not_reached"}),
    "nothing to do, nothing to prove": ({"node": {"changed": False}, "undone": SKIPPED}, {"untouched"}),
    "nothing to do, proved": ({"node": {"changed": False}, "pulled": PULLED}, {"untouched", "verified"}),
    "the pull alone": ({"pulled": PULLED}, {"untouched", "verified"}),
    "a file of the tree, no restart": ({"node": {"changed": True}, "pulled": PULLED}, {"changed", "verified"}),
    "all of it": (
        {"node": {"changed": True}, "restarted": {"restarted": True}, "pulled": PULLED, "undone": SKIPPED},
        {"changed", "restarted", "verified"},
    ),
    "closed by what is in the files": (
        {"node": {"changed": False, "verdict": "closed"}, "pulled": PULLED},
        {"untouched", "verified", "closed"},
    ),
    "open by what the canary met": (
        {
            "node": {"changed": True, "verdict": "closed"},
            "pulled": PULLED,
            "canary": {"verdict": "open", "is_failed": True},
        },
        {"changed", "open"},
    ),
    "a canary that proved nothing": (
        {"node": {"changed": False, "verdict": "closed"}, "canary": {"verdict": "unknown", "is_failed": True}},
        {"untouched"},
    ),
    "a canary that met nobody else": (
        {
            "node": {"changed": False, "verdict": "closed"},
            "pulled": PULLED,
            "canary": {"verdict": "closed", "is_failed": False},
        },
        {"untouched", "verified", "closed"},
    ),
    "open by what is in the files": ({"node": {"changed": True, "verdict": "open"}}, {"changed", "open"}),
    "nobody is said to be trusted": ({"node": {"changed": True, "verdict": None}}, {"changed"}),
    "check mode": ({"node": {"changed": True}, "restarted": {"restarted": False}, "pulled": TO_PULL}, {"changed"}),
    "the restart that an earlier run owed": (
        {"node": {"changed": False}, "restarted": {"restarted": True}, "pulled": PULLED},
        {"restarted", "verified"},
    ),
}
NOT_THROUGH: dict[str, tuple[dict[str, t.Any], set[str]]] = {
    "a variable is wrong": ({}, {"failed"}),
    "refused": ({"node": {"changed": False, "failed": True}}, {"failed"}),
    "the hook before it failed": ({"node": {}}, {"failed"}),
    "the hook after it failed": ({"node": {"changed": True}, "pulled": PULLED}, {"changed", "verified", "failed"}),
    "CRI did not come back": (
        {"node": {"changed": True}, "restarted": {"failed": True, "restarted": True, "undone": UNDONE}},
        {"restarted", "restored", "failed"},
    ),
    "put back, so that the verdict is about other files": (
        {"node": {"changed": True, "verdict": "closed"}, "restarted": {"failed": True, "undone": UNDONE}},
        {"restored", "failed"},
    ),
    "CRI did not come back, and the new files stay": (
        {"node": {"changed": True}, "restarted": {"failed": True, "restarted": True, "undone": None}},
        {"restarted", "changed", "failed"},
    ),
    "CRI went away after the pull": (
        {"node": {"changed": True}, "pulled": PULLED, "closed": {"failed": True, "undone": UNDONE}},
        {"restored", "verified", "failed"},
    ),
    "the pull failed": (
        {"node": {"changed": True}, "restarted": {"restarted": True}, "pulled": NOT_PULLED, "undone": UNDONE},
        {"restarted", "restored", "failed"},
    ),
    "the pull failed, and nothing was written before it": (
        {"node": {"changed": False}, "pulled": NOT_PULLED, "undone": SKIPPED},
        {"failed"},
    ),
    "there is no connection": ({"node": LOST}, {"unreachable"}),
    "the connection was lost after the edit": (
        {"node": {"changed": True}, "restarted": LOST},
        {"changed", "failed", "unreachable"},
    ),
}


def registered(results: dict[str, t.Any]) -> dict[str, t.Any]:
    return {f"__containerd_{name}": result for name, result in results.items()}


@pytest.mark.parametrize(("results", "expected"), THROUGH.values(), ids=THROUGH)
def test_headings_of_hosts_that_are_still_in_the_run(results: dict[str, t.Any], expected: set[str]) -> None:
    assert headings(registered(results), is_active=True) == expected


@pytest.mark.parametrize(("results", "expected"), NOT_THROUGH.values(), ids=NOT_THROUGH)
def test_headings_of_hosts_that_are_not(results: dict[str, t.Any], expected: set[str]) -> None:
    assert headings(registered(results), is_active=False) == expected


def test_hosts_keep_their_order_and_every_heading_is_there() -> None:
    done = registered({"node": {"changed": True}})
    found = outcomes(["b", "a", "c"], {"a": done, "b": done, "c": {}}, ["a", "b", "c"], ["b", "a"])
    assert list(found) == [*HEADINGS, "stopping"]
    assert (found["changed"], found["not_reached"], found["restored"]) == (["b", "a"], ["c"], [])


DONE, FAILED = {"node": {"changed": True}}, {"node": {"failed": True}}
GONE = {**DONE, "pulled": LOST}
STOPPING: dict[str, tuple[dict[str, dict[str, t.Any]], list[str]]] = {
    "nothing failed": ({"a": DONE, "b": DONE, "c": {}}, []),
    "it has come to all": ({"a": DONE, "b": FAILED}, []),
    "who failed": ({"a": DONE, "b": FAILED, "c": FAILED, "d": {}}, ["b"]),
    "who failed and can be asked": ({"a": GONE, "b": DONE, "c": FAILED, "d": {}}, ["c"]),
    "somebody else, where who failed cannot be asked": ({"a": GONE, "b": DONE, "c": {}}, ["b"]),
}


@pytest.mark.parametrize(("results", "expected"), STOPPING.values(), ids=STOPPING)
def test_one_host_stops_the_run(results: dict[str, dict[str, t.Any]], expected: list[str]) -> None:
    active = [host for host, found in results.items() if found in (DONE, {})]
    batch = [host for host in active if results[host]]
    hostvars = {host: registered(found) for host, found in results.items()}
    assert outcomes(list(results), hostvars, active, batch)["stopping"] == expected
