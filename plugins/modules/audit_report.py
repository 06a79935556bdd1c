#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
short_description: Make the report of an audit, for people, for machines and for code scanning
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Takes what M(airgap.nodes.containerd_registry_info) returned for each node of a fleet and makes one report of it.
    That is a page of HTML, JSON, SARIF, JUnit's XML, or any of them, and it is written on the controller. No node is
    asked for anything.
  - Fails if something of the fleet is at the threshold O(fail_on) or beyond.
  - A node of which nothing is known, since it was not reached or the task failed there, is in the report as such. It
    never counts as closed.
  - The playbook C(airgap.nodes.audit) is this module after that one.
options:
  hosts:
    description:
      - The names of the nodes, as in C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  registered:
    description:
      - The name under which the result of M(airgap.nodes.containerd_registry_info) was registered for each of
        O(hosts).
    type: str
    required: true
  fail_on:
    description:
      - What makes the task fail, after the report has been written.
      - V(error), V(warning) and V(info) mean a finding of that severity or a worse one.
      - With each of them, and with V(open), a node that is open fails it too. So does one of which nothing is known, or
        a fleet without any node.
      - V(never) only reports.
    type: str
    choices: [error, warning, info, open, never]
    default: error
  json:
    description:
      - Where to write the report for machines. Without it, none is written.
      - A path that is not absolute is below the directory in which Ansible was started.
      - The directory has to be there. A file that is there is replaced, unless it is a symbolic link.
      - C(docs/audit.md) of this collection describes what is in it.
    type: path
  sarif:
    description:
      - Where to write the report for code scanning, in SARIF 2.1.0. For the rest see O(json).
    type: path
  junit:
    description:
      - Where to write the report for pipelines that show tests, in the XML of JUnit. A node is a suite, and each of its
        namespaces is a test. For the rest see O(json).
    type: path
  html:
    description:
      - Where to write the report for people, a page that needs no other file and no network. For the rest see O(json).
    type: path
  findings_url:
    description:
      - Where your readers find C(docs/findings.md) of this collection. The rules in O(sarif) point to it, each with its
        id as the anchor.
    type: str
    default: https://git.example.com/airgap/nodes/docs/findings.md
seealso:
  - module: airgap.nodes.containerd_registry_info
attributes:
  check_mode:
    description: Writes nothing, and fails as it would.
    support: full
  diff_mode:
    description: Has no diff.
    support: none
"""

EXAMPLES = r"""
- name: Judge the nodes
  hosts: k8s_nodes
  become: true
  gather_facts: false
  tasks:
    - name: Judge this node
      airgap.nodes.containerd_registry_info:
        trusted_registries: [registry.example.com]
      register: judged
      ignore_errors: true
      ignore_unreachable: true

    - name: Make the report of all of them
      airgap.nodes.audit_report:
        hosts: "{{ ansible_play_hosts_all }}"
        registered: judged
        fail_on: warning
        html: reports/nodes.html
        json: reports/nodes.json
        sarif: reports/nodes.sarif
        junit: reports/nodes.xml
        findings_url: https://docs.example.com/airgap-nodes/findings.html
      run_once: true
      delegate_to: localhost
"""

RETURN = r"""
verdict:
  description:
    - V(open) if any node is. Otherwise V(unknown) if nothing is known of any node, or there is none. Otherwise
      V(closed).
  returned: always, unless the report cannot be made
  type: str
  sample: open
nodes:
  description: How many nodes there are, of each verdict and in all.
  returned: always, unless the report cannot be made
  type: dict
  sample: {total: 12, open: 1, unknown: 1, closed: 10}
findings:
  description: How many findings there are of each severity.
  returned: always, unless the report cannot be made
  type: dict
  sample: {error: 2, warning: 4, info: 12}
summary:
  description: Lines for the terminal.
  returned: always, unless the report cannot be made
  type: list
  elements: str
  sample:
    - "closed: 2 (node-a, node-b)"
    - "open: 1 (node-c)"
    - "findings: 1 error, 0 warnings, 3 info"
    - "error hosts-toml-dropped on 1 node: containerd passes over the file."
files:
  description: The files that were written.
  returned: always, unless the report cannot be made
  type: list
  elements: str
  sample: [/home/ops/airgap-audit.html]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import AUDIT_REPORT


def main() -> None:
    module = AnsibleModule(argument_spec=AUDIT_REPORT, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
