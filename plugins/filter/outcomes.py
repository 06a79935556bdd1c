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
positional: hostvars
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
"""

EXAMPLES = r"""
- name: Say what became of the nodes
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | airgap.nodes.outcomes(hostvars) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - The names of the hosts, in their order, under each heading; a heading without hosts has an empty list.
    - V(changed), files were written and have stayed; V(restarted), containerd was restarted; V(verified), the images
      were pulled; V(restored), the change failed and the files are the old ones again; V(failed), a task of the role
      failed; V(untouched), nothing was written, nothing restarted, and nothing failed; V(not_reached), the run ended
      before them or could not reach them.
  type: dict
  sample:
    changed: [node-a]
    restarted: [node-a]
    verified: [node-a, node-b]
    restored: []
    failed: []
    untouched: [node-b]
    not_reached: [node-c]
"""

HEADINGS = ("changed", "restarted", "verified", "restored", "failed", "untouched", "not_reached")


def headings(variables: t.Mapping[str, t.Any]) -> set[str]:
    """The headings that a host with these variables belongs under."""
    if "__containerd_node" not in variables:
        return {"not_reached"}
    planned, restarted, pulled, undone = (
        variables.get(f"__containerd_{name}") or {} for name in ("node", "restarted", "pulled", "undone")
    )
    failed = any(result.get("failed") for result in (planned, restarted, pulled))
    restored = bool(undone.get("restored") or (restarted.get("undone") or {}).get("restored"))
    is_true = {
        "changed": bool(planned.get("changed")) and not restored,
        "restarted": bool(restarted.get("restarted")),
        "verified": bool(pulled.get("images")) and not failed,
        "restored": restored,
        "failed": failed,
    }
    found = {heading for heading, true in is_true.items() if true}
    return found if found - {"verified"} else {"untouched", *found}


def outcomes(hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
    for host in hosts:
        for heading in headings(hostvars[host]):
            found[heading].append(host)
    return found


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"outcomes": outcomes}
