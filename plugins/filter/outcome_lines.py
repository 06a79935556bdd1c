# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``outcome_lines``: what became of the nodes, short enough for a thousand of them."""

from __future__ import annotations

import typing as t

DOCUMENTATION = r"""
name: outcome_lines
short_description: What became of the nodes, a line for each outcome
version_added: 0.1.0
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Makes lines of what P(airgap.nodes.outcomes#filter) finds, as the playbook C(airgap.nodes.site) shows them.
positional: names
options:
  _input:
    description:
      - Host names by heading.
    type: dict
    required: true
  names:
    description:
      - How many hosts are named in one line. The rest is a number.
    type: int
    default: 10
seealso:
  - plugin: airgap.nodes.outcomes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say what became of the nodes
  ansible.builtin.debug:
    msg: "{{ found | airgap.nodes.outcome_lines }}"
  vars:
    found: "{{ ansible_play_hosts_all | airgap.nodes.outcomes(hostvars, ansible_play_hosts) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - A line for each heading that has hosts.
  type: list
  elements: str
  sample:
    - "changed: 1 (node-a)"
    - "verified: 2 (node-a, node-b)"
    - "not reached: 998 (node-c, node-d, node-e and 995 more)"
"""


def outcome_lines(found: t.Mapping[str, t.Sequence[str]], names: int = 10) -> list[str]:
    return [
        f"{heading.replace('_', ' ')}: {len(hosts)} ({_listed(hosts, names)})"
        for heading, hosts in found.items()
        if hosts and heading != "stopping"
    ]


def _listed(hosts: t.Sequence[str], names: int) -> str:
    rest = len(hosts) - names
    return ", ".join(hosts[:names]) + (f" and {rest} more" if rest > 0 else "")


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"outcome_lines": outcome_lines}
