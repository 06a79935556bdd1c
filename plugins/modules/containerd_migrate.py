#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_migrate
short_description: Turn legacy registry tables of config.toml into a tree of hosts.toml files
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Takes C(registry.mirrors) and C(registry.configs.*.tls) out of containerd's configuration, writes one C(hosts.toml)
    for each namespace that they are about, and sets C(config_path). All of it is one set of changes, because the tables
    and C(config_path) together keep CRI from loading.
  - containerd asks the same endpoints in the same order afterwards, with the same TLS settings. The files are read
    again by the rules of the node's release and compared with what the tables say. Any difference is an error, and
    nothing is written.
  - What has no counterpart in the tree is listed in RV(losses), and is an error unless O(accept_losses).
  - The entry C(*) becomes the namespace V(_default), which needs containerd 1.6.17 or 1.7. Registries that are an
    endpoint of it themselves get a directory of their own, because containerd would ask them twice.
  - Tables in a file that C(config.toml) imports are migrated in that file.
  - The files of the tree are those of M(airgap.nodes.containerd_registries) from then on, which can replace them, and
    which removes them when it purges and they are not listed.
  - A second run finds nothing to migrate, and takes one round trip to the node.
  - containerd has to be restarted after a change, see RV(restart_required).
  - In check mode the whole is planned and shown.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
options:
  path:
    description:
      - containerd's configuration file on the node.
    type: str
    default: /etc/containerd/config.toml
  config_path:
    description:
      - The directory of the tree on the node, one absolute path.
      - By default the one that the configuration names already, else C(/etc/containerd/certs.d).
    type: str
  auth:
    description:
      - What becomes of user names and passwords in C(registry.configs.*.auth).
      - V(keep) leaves them where they are, which works beside C(config_path). From containerd 2.1 on, all images are
        pulled without the transfer service as long as they are there.
      - V(header) writes them to the C(hosts.toml) files as an C(Authorization) header. Before containerd 2.1 such a
        header does not reach services that hand out tokens. That is one of RV(losses).
      - Identity tokens and C(registry.auths) always stay, and so do credentials that a namespace in O(leave) still
        needs, because it asks their host without a header of its own. Those are in RV(kept), with a warning.
    type: str
    choices: [keep, header]
    default: keep
  headers:
    description:
      - What becomes of C(registry.headers), which containerd sends to every endpoint of every registry.
      - V(keep) leaves them where they are, which works beside C(config_path) on every release.
      - V(carry) writes them to each endpoint of the migrated namespaces. Registries without a directory, and the
        upstream behind V(_default), do not get them any more. That is one of RV(losses).
    type: str
    choices: [keep, carry]
    default: keep
  accept_losses:
    description:
      - Migrate although something cannot be carried, see RV(losses).
    type: bool
    default: false
  overwrite:
    description:
      - Replace what the node has in the tree already and what says something else than the tables. A copy is kept of a
        C(hosts.toml) of others.
      - Without it such a file is an error, also for a namespace without a table. Nobody reads it so far, and
        containerd would ask whom it names from then on.
    type: bool
    default: false
  leave:
    description:
      - Namespaces that are left out. Their tables go, and their C(hosts.toml) is neither written nor compared.
      - Name here what M(airgap.nodes.containerd_registries) writes. V(_default) stands for the entry C(*).
    type: list
    elements: str
    default: []
  unit:
    description:
      - The systemd unit that runs containerd, of whose program the version is asked, and which has to be restarted.
    type: str
    default: containerd
  backup:
    description:
      - Keep a copy of each changed configuration file beside it. It has the passwords in it that the file had.
    type: bool
    default: true
  containerd_version:
    description:
      - The release to write for, such as V(1.7.24). Needed only where containerd is not installed yet, as in image
        builds. By default it is found on the node.
    type: str
seealso:
  - module: airgap.nodes.containerd_registries
  - module: airgap.nodes.containerd_config
attributes:
  check_mode:
    description: Can run in check mode and tell what would change.
    support: full
  diff_mode:
    description: Shows each file, with the values of headers, passwords and tokens masked.
    support: full
"""

EXAMPLES = r"""
- name: Show what a migration would come to
  airgap.nodes.containerd_migrate:
  check_mode: true
  diff: true
  register: migration

- name: Migrate, with passwords as headers of the endpoints that they are for
  airgap.nodes.containerd_migrate:
    auth: header
  notify: Restart containerd

- name: Migrate, less tables for hosts that nobody asks
  airgap.nodes.containerd_migrate:
    accept_losses: true
    leave: [docker.io]

- name: Migrate to a tree elsewhere, in place of the files that somebody left there
  airgap.nodes.containerd_migrate:
    config_path: /etc/containerd/registries
    overwrite: true

- name: Send registry.headers to the endpoints of the migrated namespaces only
  airgap.nodes.containerd_migrate:
    headers: carry
    # All other registries do not get them any more.
    accept_losses: true

- name: Migrate the file of a second containerd, which is kept in git and needs no copy, for the release to come
  airgap.nodes.containerd_migrate:
    path: /etc/containerd-build/config.toml
    unit: containerd-build
    backup: false
    containerd_version: 2.1.5
"""

RETURN = r"""
restart_required:
  description:
    - Whether containerd has to be restarted to read its configuration, because of this run or of an earlier one.
  returned: success
  type: bool
  sample: true
config_path:
  description: The directory of the tree. Null if nothing was to migrate and the configuration names none.
  returned: success
  type: str
  sample: /etc/containerd/certs.d
namespaces:
  description: The namespaces that were written. Empty if there was nothing to migrate.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace.
      returned: always
      type: str
      sample: docker.io
    directory:
      description: Its directory on the node.
      returned: always
      type: str
      sample: /etc/containerd/certs.d/docker.io
    endpoints:
      description: The endpoints that its C(hosts.toml) names, in the order in which containerd asks them.
      returned: always
      type: list
      elements: str
      sample: [https://mirror.example.com]
    closed:
      description: Whether containerd never asks the registry that the namespace names.
      returned: always
      type: bool
      sample: false
proof:
  description:
    - Whom containerd asks for each namespace by the tables, and by the tree. Both are the same, or the task would have
      failed. Only the headers of O(auth=header) and O(headers=carry) are new.
    - An endpoint that the tables name twice is in it once.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace. V(_default) stands for every registry without a directory.
      returned: always
      type: str
      sample: docker.io
    before:
      description: The endpoints by the tables, in the order in which containerd asks them.
      returned: always
      type: list
      elements: dict
      sample: &route
        - url: https://mirror.example.com/v2
          ca: [/etc/ssl/mirror-ca.pem]
          client: []
          skip_verify: false
          headers: []
        - url: https://registry-1.docker.io/v2
          ca: []
          client: []
          skip_verify: false
          headers: []
      contains: &endpoint
        url:
          description: Scheme, host and path. The upstream behind V(_default) has no address of its own.
          returned: always
          type: str
          sample: https://mirror.example.com/v2
        ca:
          description: Files with the certificates of CAs.
          returned: always
          type: list
          elements: str
          sample: [/etc/ssl/mirror-ca.pem]
        client:
          description: Pairs of certificate and key.
          returned: always
          type: list
          elements: list
          sample: [[/etc/ssl/client.pem, /etc/ssl/client-key.pem]]
        skip_verify:
          description: Whether the endpoint's certificate is not checked.
          returned: always
          type: bool
          sample: false
        headers:
          description: The names of headers that this endpoint gets of its own.
          returned: always
          type: list
          elements: str
          sample: [Authorization]
    after:
      description: The endpoints by the tree, as RV(proof[].before).
      returned: always
      type: list
      elements: dict
      sample: *route
      contains: *endpoint
losses:
  description:
    - What has no counterpart in the tree, such as settings for a host that nobody asks, or credentials as headers
      before containerd 2.1. Empty unless O(accept_losses).
  returned: success
  type: list
  elements: str
  sample:
    - 'registry.configs."docker.io".tls: no endpoint and no registry has this name, so it has had no effect'
kept:
  description:
    - What stays in the configuration, and the C(hosts.toml) files that said the same as the tables already.
  returned: success
  type: list
  elements: str
  sample: ['registry.configs."mirror.example.com".auth']
adopted:
  description: The C(hosts.toml) files of others that were replaced. A copy is kept of each.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/docker.io/hosts.toml]
backup_file:
  description: The copy of C(config.toml). Null in check mode, and if it was not changed or no copy was asked for.
  returned: success
  type: str
  sample: /etc/containerd/config.toml.20261121T071500.bak
backup_files:
  description: All copies, RV(backup_file) among them.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/containerd/certs.d/docker.io/hosts.toml.20261121T071500.bak
    - /etc/containerd/config.toml.20261121T071500.bak
containerd_version:
  description: The containerd release that the files were written for.
  returned: success
  type: str
  sample: 1.7.24
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_MIGRATE


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_MIGRATE, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
