#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _node_apply
short_description: Apply one set of changes to files, all or none
version_added: 0.1.0
description:
  - Internal to this collection. Its action plugins call it with a set of changes that they planned.
    Do not use it in playbooks; its options and return values may change without notice.
  - Every file is compared with what it held when it was read. If any differs, nothing is changed at all.
  - A file is written under a hidden name beside its target, with its final owner and mode before its first byte,
    brought to the disk, and then renamed. What reads the target sees the old file or the new one, never a part.
  - If a change fails, those before it are undone, and the error says so. Only this call is undone, and not if
    the node loses power meanwhile.
  - On replacing a file its owner, mode, and as far as possible its extended attributes are kept. A symlink is followed
    and the file that it leads to is replaced.
  - What is written is never logged, neither on the node nor in the result.
options:
  changes:
    description:
      - The changes, applied in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      op:
        description:
          - V(create) makes a file where there is none.
          - V(replace) gives a file new content.
          - V(delete) removes a file, or a symlink and not what it leads to.
          - V(mkdir) makes a directory whose parent exists. An existing directory is left as it is.
          - V(rmdir) removes a directory if it is empty, and otherwise leaves it.
        type: str
        choices: [create, replace, delete, mkdir, rmdir]
        required: true
      path:
        description:
          - The absolute path.
        type: str
        required: true
      content:
        description:
          - The bytes to write, in base64. For V(create) and V(replace), and required there.
        type: str
      expect:
        description:
          - The SHA-256 of what the file held when it was read. For V(replace) and V(delete), and required there.
        type: str
      mode:
        description:
          - The permissions in octal, such as V(0644). Required for V(create) and V(mkdir). Without it, V(replace) keeps
            those of the file.
        type: str
      owner:
        description:
          - Name or number of the owner. Without it, V(replace) keeps the file's owner, and what is new belongs to
            whom its directory belongs to.
        type: str
      group:
        description:
          - Name or number of the group. Without it, V(replace) keeps the file's group, and what is new belongs to
            the group of its directory.
        type: str
      backup:
        description:
          - Whether to keep what V(replace) and V(delete) remove, under a name that ends in C(.bak).
        type: bool
        default: false
      backup_mode:
        description:
          - The permissions of what O(changes[].backup) keeps. Without it, they are those of the file.
        type: str
attributes:
  check_mode:
    description: Can run in check mode, where it only compares the files with what was read.
    support: full
author:
  - the airgap.nodes authors (@airgap-nodes)
"""

EXAMPLES = r"""
- name: Replace a file that still holds what was read, and make another
  airgap.nodes._node_apply:
    changes:
      - op: replace
        path: /etc/containerd/config.toml
        content: "{{ 'version = 2\n' | b64encode }}"
        expect: 01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b
        backup: true
      - op: mkdir
        path: /etc/containerd/certs.d/registry.example.com
        mode: "0755"
      - op: create
        path: /etc/containerd/certs.d/registry.example.com/hosts.toml
        content: "{{ '[host]\n' | b64encode }}"
        mode: "0644"
"""

RETURN = r"""
applied:
  description:
    - What was done, in order. A directory that was there already, or that could not be removed because it was not
      empty, is not in it. Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample:
    - op: replace
      path: /etc/containerd/config.toml
      backup_file: /etc/containerd/config.toml.20260102T030405.bak
  contains:
    op:
      description: What was done.
      returned: always
      type: str
      sample: replace
    path:
      description: The path as it was given.
      returned: always
      type: str
      sample: /etc/containerd/config.toml
    backup_file:
      description: Where the former content is, in UTC. Null if no backup was asked for.
      returned: always
      type: str
      sample: /etc/containerd/config.toml.20260102T030405.bak
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import OPS, ChangeSet, printable
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError, apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._signals import signals_held_back


def argument_spec() -> t.Dict[str, t.Dict[str, t.Any]]:
    options: t.Dict[str, t.Any] = {
        "op": {"type": "str", "choices": list(OPS), "required": True},
        "path": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "expect": {"type": "str"},
        "mode": {"type": "str"},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "backup": {"type": "bool", "default": False},
        "backup_mode": {"type": "str"},
    }
    # no_log for the whole list too. With content alone, the log line is built from all changes and then searched for
    # each content; of a content that starts like another, shorter one, the rest stays in it.
    changes = {"type": "list", "elements": "dict", "required": True, "no_log": True, "options": options}
    return {"changes": changes}


def take_changes(module: AnsibleModule) -> t.List[t.Dict[str, t.Any]]:
    """Take the changes out of the module, so that it cannot return them.

    Then it has nothing to hide either. What it would hide is every text in them, wherever it stands in a result: paths,
    and parts of paths, would come back as asterisks.
    """
    changes: t.List[t.Dict[str, t.Any]] = module.params.pop("changes")
    module.no_log_values.clear()
    return changes


def run(module: AnsibleModule) -> None:
    try:
        changes = ChangeSet.from_wire(take_changes(module))
        applied, warnings = apply_changes(changes, check_only=module.check_mode)
    except (FileError, ValueError) as error:
        module.fail_json(msg=printable(str(error)))
    for warning in warnings:
        module.warn(printable(warning))
    changed = bool(changes if module.check_mode else applied)
    module.exit_json(changed=changed, applied=printable([dataclasses.asdict(done) for done in applied]))


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    with signals_held_back():
        run(module)


if __name__ == "__main__":
    main()
