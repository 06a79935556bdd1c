# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``outcomes``: what became of each node of a rolling run."""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: outcomes
short_description: What became of each node in a run of the role
version_added: 0.1.0
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Sorts hosts by what the role C(airgap.nodes.containerd) did to them in this run, for a summary at its end.
  - A host can be under more than one heading, such as V(changed), V(restarted) and V(verified).
positional: hostvars, active, batch
options:
  _input:
    description:
      - The names of the hosts, such as C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts, C(hostvars).
    type: dict
    required: true
  active:
    description:
      - The names of the hosts that have neither failed nor been lost, C(ansible_play_hosts).
    type: list
    elements: str
    required: true
  batch:
    description:
      - The names of the hosts that are being worked on and have not failed, C(ansible_play_batch).
    type: list
    elements: str
    required: true
seealso:
  - plugin: airgap.nodes.outcome_lines
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say what became of the nodes
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | airgap.nodes.outcomes(hostvars, ansible_play_hosts, ansible_play_batch) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - The names of the hosts, in their order, under each heading; a heading without hosts has an empty list.
    - V(changed), files were written and have stayed; V(restarted), containerd was restarted; V(verified), the images
      were pulled; V(closed), nobody but trusted registries is asked for images by what is in the files; V(open),
      somebody else is, or it cannot be told; V(restored), the change did not hold and the files are the old ones
      again; V(untouched), nothing was written, nothing restarted, and nothing failed; V(failed), something of the role
      failed, or the connection was lost after files were written; V(unreachable), the connection was lost, or there was
      none; V(not_reached), the run has not come to them.
    - And under V(stopping) the one host that has to fail for the run to end here, before it comes to the others; none
      if nothing failed, or none is left. It is one that failed by itself, unless each of those is unreachable.
  type: dict
  sample:
    changed: [node-a]
    restarted: [node-a]
    verified: [node-a, node-b]
    closed: [node-a]
    open: [node-b]
    untouched: [node-b]
    restored: []
    failed: []
    unreachable: []
    not_reached: [node-c]
    stopping: []
"""

HEADINGS = (
    *("changed", "restarted", "verified", "closed", "open"),
    *("untouched", "restored", "failed", "unreachable", "not_reached"),
)
_REGISTERED = ("node", "restarted", "pulled", "canary", "closed", "undone")

Variables = t.Mapping[str, t.Any]


def headings(variables: Variables, *, is_active: bool) -> set[str]:
    """The headings that a host with these variables belongs under."""
    results = {name: variables[f"__containerd_{name}"] for name in _REGISTERED if f"__containerd_{name}" in variables}
    if is_active and not results:
        return {"not_reached"}
    planned, restarted, pulled, canary, closed, undone = (results.get(name) or {} for name in _REGISTERED)
    is_lost = any(result.get("unreachable") for result in results.values())
    is_restored = any(
        result.get("restored") for result in (undone, restarted.get("undone") or {}, closed.get("undone") or {})
    )
    is_changed = bool(planned.get("changed")) and not is_restored
    is_true = {
        "changed": is_changed,
        "restarted": bool(restarted.get("restarted")),
        "verified": _is_verified(pulled, canary),
        "restored": is_restored,
        # What was put back is not what the verdict is about.
        **{verdict: _verdict(planned, canary) == verdict and not is_restored for verdict in ("closed", "open")},
        "failed": is_changed if is_lost else not is_active,
        "unreachable": is_lost,
    }
    found = {heading for heading, true in is_true.items() if true}
    return found if found - {"verified", "closed", "open"} else {"untouched", *found}


def _is_verified(pulled: Variables, canary: Variables) -> bool:
    # In check mode nothing is pulled.
    has_pulled = any(image["attempts"] for image in pulled.get("images") or ())
    return has_pulled and not pulled.get("is_failed") and not canary.get("is_failed")


def _verdict(planned: Variables, canary: Variables) -> str | None:
    """What the canary met counts for more than what the files say; of a canary that proved nothing, neither is told."""
    return canary.get("verdict") if canary.get("is_failed") else planned.get("verdict")


def outcomes(
    hosts: t.Iterable[str], hostvars: t.Mapping[str, Variables], active: t.Container[str], batch: t.Iterable[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
    for host in hosts:
        for heading in headings(hostvars[host], is_active=host in active):
            found[heading].append(host)
    return {**found, "stopping": _stopping(found, batch)}


def _stopping(found: t.Mapping[str, t.Sequence[str]], batch: t.Iterable[str]) -> list[str]:
    if not (found["failed"] and found["not_reached"]):
        return []
    # Who is unreachable is asked for nothing any more, and cannot fail.
    reachable = [host for host in found["failed"] if host not in found["unreachable"]]
    return [*reachable, *batch][:1]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"outcomes": outcomes}
