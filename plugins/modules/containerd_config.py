# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_config
short_description: Edit containerd's config.toml in place
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Sets and removes keys of C(config.toml) and leaves every other line as it is, comments, order, indentation and
    line ends included.
  - Knows where the sandbox image and the registry directory live in config versions 1 to 4, by what the file says and
    by what the node's containerd reads.
  - The file is edited on the controller, so that nothing has to be installed on the node.
  - Never restarts containerd; RV(restart_required) says whether it has to be.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
options:
  path:
    description:
      - The file on the node. A symlink is followed and the file it leads to is replaced.
    type: str
    default: /etc/containerd/config.toml
  sandbox_image:
    description:
      - The image that holds a pod's namespaces, often called the pause image.
      - containerd pulls it by itself at the first pod, from C(registry.k8s.io) unless this names another place.
    type: str
  registry_config_path:
    description:
      - The directory of the C(hosts.toml) tree, one absolute path.
      - Refused while the file has C(registry.mirrors), or before containerd 2.0 C(registry.configs.*.tls), because
        containerd would start without its CRI plugin. Remove those tables with O(absent) in the same task.
    type: str
  settings:
    description:
      - Any other keys, nested as in the file, in containerd's own names for the config version of this file.
      - A key that is named here is set; keys that are not named stay. An empty mapping makes sure that the table
        exists.
      - V(version) is only changed in files that have no tables of another version.
    type: dict
    default: {}
  absent:
    description:
      - Key paths to remove, a key or a whole table each. Paths that do not exist are passed over.
      - A path is a list of keys, or a text as TOML writes it, in which a key with a dot stands in quotes.
    type: list
    elements: raw
    default: []
  backup:
    description:
      - Keep a copy of the old file beside it, with its owner and mode.
    type: bool
    default: false
  containerd_version:
    description:
      - The containerd release to write for, such as V(1.7.24). V(1.7) means the first release of that line.
      - For where containerd is not installed yet, as in image builds. Otherwise the node's own binary is asked, and a
        release of another line here is an error.
      - A node whose containerd is newer than the collection knows (2.4) is refused, unless this names the release to
        treat it as, such as V("2.4"); a warning tells of it.
    type: str
notes:
  - A file without C(version) is read as version 1. An absent or empty file gets the newest version that the release
    reads; a file without any plugin table, such as the one that Docker's package ships, gets C(version = 2) on
    containerd 1.x and C(version = 3) on 2.x, and CRI is taken off its C(disabled_plugins).
  - A file that holds a password or a header value that this module wrote gets mode C(0600).
  - An error leaves the node untouched.
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
    details:
      - Passwords, tokens and header values are masked one by one.
seealso:
  - module: airgap.nodes.containerd_registries
"""

EXAMPLES = r"""
- name: Take the pause image and every other image from the private registry
  airgap.nodes.containerd_config:
    sandbox_image: registry.example.com/k8s/pause:3.10
    registry_config_path: /etc/containerd/certs.d
  register: config

- name: Restart containerd when an effective value has changed
  ansible.builtin.systemd_service:
    name: containerd
    state: restarted
  when: config.restart_required

- name: Replace the old mirrors table by the tree, in one write
  airgap.nodes.containerd_config:
    registry_config_path: /etc/containerd/certs.d
    absent:
      - plugins."io.containerd.grpc.v1.cri".registry.mirrors
    backup: true

- name: Add the crun runtime class on a node with a version 2 file
  airgap.nodes.containerd_config:
    settings:
      plugins:
        io.containerd.grpc.v1.cri:
          containerd:
            runtimes:
              crun:
                runtime_type: io.containerd.runc.v2
                options:
                  BinaryName: /usr/bin/crun

- name: Write the file while an image is built, before containerd is installed
  airgap.nodes.containerd_config:
    containerd_version: 2.1.5
    sandbox_image: registry.example.com/k8s/pause:3.10
    registry_config_path: /etc/containerd/certs.d
"""

RETURN = r"""
restart_required:
  description:
    - Whether containerd has to be restarted to read the file. True if an effective value changed (comments, order and
      empty tables do not count), if such a change of an earlier run still waits for a restart, or if containerd does
      not get up.
  returned: success
  type: bool
  sample: true
config_version:
  description: The config version by which containerd reads the file now; V(1) where the file states none.
  returned: success
  type: int
  sample: 2
containerd_version:
  description: The containerd release that the file was planned for.
  returned: success
  type: str
  sample: 1.7.24
backup_file:
  description: The copy of the old file, V(null) where none was made.
  returned: success
  type: str
  sample: /etc/containerd/config.toml.20261121T071500.bak
changes:
  description: What changed, key by key. Secrets are masked.
  returned: success
  type: list
  elements: dict
  contains:
    key_path:
      description: The key as TOML writes it.
      returned: always
      type: str
      sample: plugins."io.containerd.grpc.v1.cri".sandbox_image
    before:
      description: The old value, V(null) where there was none.
      returned: always
      type: raw
      sample: registry.k8s.io/pause:3.8
    after:
      description: The new value, V(null) where it was removed.
      returned: always
      type: raw
      sample: registry.example.com/k8s/pause:3.10
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_CONFIG, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
