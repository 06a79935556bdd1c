#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_node
short_description: Change registries and configuration of containerd on a node as one change
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Does what M(airgap.nodes.containerd_registries), M(airgap.nodes.containerd_migrate) and
    M(airgap.nodes.containerd_config) do, in this order and as one change. All of it happens, or nothing.
  - The node is read once. Each part is planned on what the parts before it leave, so that check mode shows what a run
    would do, a migration and the edit after it included. What any of them refuses is refused before anything is
    written.
  - Whom containerd would ask for images by all that is planned is judged by the rules of the node's release. An entry
    with C(fallback=false) that would still be open is refused, with the file and the line that open it; see
    O(trusted_registries) and RV(verdict).
  - The node's own containerd judges the new C(config.toml), with the files that it imports, before it takes the place
    of the old one. Then all files change their names at once, C(config.toml) last. A run that is killed at any point is
    undone by the next one.
  - The former files are kept on the node in C(/var/lib/airgap.nodes), open to root alone, so that
    M(airgap.nodes.containerd_restart) and M(airgap.nodes.containerd_rollback) can put them back. This takes root; for
    another user a warning tells that there is no way back.
  - A second run finds nothing to do, and takes one round trip to the node.
  - containerd has to be restarted after some changes, see RV(restart_required).
requirements:
  - tomlkit >= 0.15.0 (on the controller)
  - cryptography (on the controller, where registries have PEM files beside the play)
options:
  registries:
    description:
      - The tree of C(hosts.toml) files. Takes the options of M(airgap.nodes.containerd_registries).
      - With an empty list of O(airgap.nodes.containerd_registries#module:registries), the tree is left as it is. To
        purge by an empty list is an error.
    type: dict
  migrate:
    description:
      - The migration of legacy registry tables. Takes the options of M(airgap.nodes.containerd_migrate).
      - The namespaces of O(registries) are left out, as if they were named in
        O(airgap.nodes.containerd_migrate#module:leave).
      - If O(registries) purges, a namespace that it does not list and that would be migrated is an error, since the
        next run would remove it.
    type: dict
  config:
    description:
      - The edit of C(config.toml). Takes the options of M(airgap.nodes.containerd_config).
    type: dict
  unit:
    description:
      - The systemd unit that runs containerd, for all parts.
    type: str
    default: containerd
  containerd_version:
    description:
      - The release to write for, for all parts, such as V(1.7.24). Needed only where containerd is not installed yet.
    type: str
  trusted_registries:
    description:
      - The registries that may be asked for images. Each is a host such as V(registry.example.com), a host with its
        port such as V(registry.example.com:5000), a suffix such as V(*.example.com), or a network such as
        V(192.0.2.0/24). The node itself always may.
      - Without any, they are the hosts that O(registries) names, but for those which are the very registry that an
        entry is for. Without either, nothing is judged.
      - Refused is what the entries of O(registries) would leave open where C(config.toml) names a tree, or is to name
        one. A tree that nothing points at yet is not.
    type: list
    elements: str
    default: []
  proof:
    description:
      - Whether something that comes later proves the change and closes it, such as M(airgap.nodes.containerd_restart)
        with O(airgap.nodes.containerd_restart#module:close). Until then the change is open, and both
        M(airgap.nodes.containerd_restart) and M(airgap.nodes.containerd_rollback) can take it back.
      - With V(false) it is closed at once, and only M(airgap.nodes.containerd_rollback) takes it back, when asked to.
    type: bool
    default: false
  keep_changes:
    description:
      - How many closed changes are kept on the node, so that it can go back to the state before each of them.
    type: int
    default: 5
seealso:
  - module: airgap.nodes.containerd_registries
  - module: airgap.nodes.containerd_migrate
  - module: airgap.nodes.containerd_config
  - module: airgap.nodes.containerd_restart
  - module: airgap.nodes.containerd_rollback
attributes:
  check_mode:
    description: Can run in check mode and tell what would change.
    support: full
  diff_mode:
    description: Shows the files of each part as the part before leaves them, with secrets masked.
    support: full
"""

EXAMPLES = r"""
- name: Registries and configuration as one change
  airgap.nodes.containerd_node:
    registries:
      registries:
        - namespace: registry.k8s.io
          fallback: false
          hosts:
            - url: https://registry.example.com/v2/k8s
              override_path: true
    config:
      sandbox_image: registry.example.com/k8s/pause:3.10
      registry_config_path: /etc/containerd/certs.d
  register: node

- name: Restart containerd if it has to read that, or take it back
  airgap.nodes.containerd_restart:
  when: node.restart_required

- name: Close a node, which may ask a mirror beside those of the entry
  airgap.nodes.containerd_node:
    trusted_registries:
      - "*.corp.example"
      - 192.0.2.0/24
    registries:
      registries:
        - namespace: _default
          fallback: false
          hosts:
            - url: https://registry.corp.example
    config:
      sandbox_image: registry.corp.example/k8s/pause:3.10
      registry_config_path: /etc/containerd/certs.d
  register: node
  failed_when: node.verdict != "closed"

- name: Take over old tables, then edit what is left
  airgap.nodes.containerd_node:
    migrate:
      auth: header
    config:
      registry_config_path: /etc/containerd/certs.d
      max_concurrent_downloads: 8
    proof: true

- name: Prepare a second containerd for the release to come, with a longer way back
  airgap.nodes.containerd_node:
    unit: containerd-build
    containerd_version: 2.1.5
    keep_changes: 20
    config:
      path: /etc/containerd-build/config.toml
      sandbox_image: registry.example.com/k8s/pause:3.10
"""

RETURN = r"""
registries:
  description:
    - What M(airgap.nodes.containerd_registries) would return. Null without O(registries), or with no entry in it.
  returned: success
  type: dict
  sample: {changed: false, registries: [], adopted: [], purged: [], kept: [], config_auth: [], backup_files: []}
migrate:
  description: What M(airgap.nodes.containerd_migrate) would return. Null without O(migrate).
  returned: success
  type: dict
  sample: {changed: false, namespaces: [], proof: [], losses: [], kept: [], restart_required: false}
config:
  description: What M(airgap.nodes.containerd_config) would return. Null without O(config).
  returned: success
  type: dict
  sample: {changed: false, changes: [], config_version: 2, restart_required: false}
verdict:
  description:
    - V(closed) if containerd asks nobody but trusted registries for any image of RV(routes), by the files as the task
      leaves them and by the rules of the node's release. V(open) if it asks somebody else, or if that cannot be told.
    - Null where nobody is said to be trusted.
  returned: success
  type: str
  sample: closed
routes:
  description:
    - What the verdict is made of; one entry for each namespace that is listed, that the node has something about, or
      that is sure to be asked for, such as that of the sandbox image.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: registry.k8s.io
      verdict: open
      reason: >-
        registry.k8s.io is asked when the hosts before it do not answer, since
        /etc/containerd/certs.d/registry.k8s.io/hosts.toml names no server.
      rule: server-missing
      file: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
      line: null
  contains:
    namespace:
      description: The registry that images are named after, V(_default) for all that have no entry.
      returned: always
      type: str
      sample: registry.k8s.io
    verdict:
      description: V(closed) or V(open).
      returned: always
      type: str
      sample: closed
    reason:
      description: One sentence.
      returned: always
      type: str
      sample: Nobody but registry.example.com is asked.
    rule:
      description: The trap that opens it, by its name in the documentation; empty if there is none.
      returned: always
      type: str
      sample: server-missing
    file:
      description: The file or directory that decides it; empty if there is none.
      returned: always
      type: str
      sample: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
    line:
      description: The line of it, null where there is none.
      returned: always
      type: int
      sample: 2
restart_required:
  description:
    - Whether containerd runs without something that is in its files. A value changed that it reads at its start only,
      or an earlier change still waits for the restart. V(false) on a node without containerd, as in image builds.
  returned: success
  type: bool
  sample: true
unproved:
  description:
    - Whether the node has an open change, of this run or of an earlier one. It has yet to be proved or taken back.
  returned: success
  type: bool
  sample: false
change:
  description:
    - The name of the change, for O(airgap.nodes.containerd_rollback#module:to). Null if nothing changed, in check mode,
      and for another user than root.
  returned: success
  type: str
  sample: 000012-20261121T143000Z
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_NODE


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_NODE, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
