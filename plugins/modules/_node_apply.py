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
  - All new files are there, and the old ones saved, before the first name changes. If a change fails, those before it
    are undone, and the error says so.
  - With O(journal), the way back outlives this call, whatever ends it, a loss of power included. What was interrupted
    is undone by M(airgap.nodes._node_journal), what is done stays open until it is proved or undone. Without, only this
    call is undone, and not if it is killed.
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
      aside:
        description:
          - Whether the new content waits above the file's directory until it takes its place, since everything in that
            directory is read. Where that is another file system, it waits beside the file all the same.
        type: bool
        default: false
  journal:
    description:
      - How the change is journaled on the node. Has no effect for another user than root, who has no journal.
    type: dict
    suboptions:
      root:
        description:
          - The directory that holds the journal.
        type: str
        default: /var/lib/airgap.nodes
      by:
        description:
          - Who makes the change, for people.
        type: str
        required: true
      unit:
        description:
          - Name of the systemd unit that the files are for, and that starts the containerd that O(checks) ask.
        type: str
        default: containerd.service
      restart:
        description:
          - Whether the change, and so undoing it, takes effect with a restart of O(journal.unit) only.
        type: bool
        default: false
      proof:
        description:
          - Whether somebody is going to prove the change and close it. Else it is closed at once, unless it is made on
            top of one that is open.
        type: bool
        default: false
      keep:
        description:
          - How many closed changes are kept, so that one can go back to the state before each.
        type: int
        default: 5
  checks:
    description:
      - Configurations that the node's containerd has to accept before anything is changed.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - The C(config.toml) that is about to be changed.
        type: str
        required: true
      content:
        description:
          - What to check in its stead, in base64.
        type: str
      files:
        description:
          - By a text in O(checks[].content), the path of a file of O(changes) whose new content it stands for.
        type: dict
        default: {}
      keys:
        description:
          - Keys that containerd must not pass over, as it names them, and each as the user knows it.
        type: dict
        default: {}
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
journaled:
  description: Whether there is a journal, which only root has.
  returned: success
  type: bool
  sample: true
change:
  description:
    - How the journal knows the change. Null if there is no journal, or if nothing had an effect.
  returned: success
  type: dict
  sample:
    id: 000012-20260102T030405Z
    state: open
  contains:
    id:
      description: The change's name, which sorts by age.
      returned: always
      type: str
      sample: 000012-20260102T030405Z
    state:
      description: V(open) if the change is to be proved or undone, else V(closed).
      returned: always
      type: str
      sample: open
"""

import dataclasses
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import OPS, ChangeSet, Check, printable
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import KEEP, ROOT, Journal
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
        "aside": {"type": "bool", "default": False},
    }
    # no_log for the whole list too. With content alone, the log line is built from all changes and then searched for
    # each content; of a content that starts like another, shorter one, the rest stays in it.
    changes = {"type": "list", "elements": "dict", "required": True, "no_log": True, "options": options}
    journal: t.Dict[str, t.Any] = {
        "root": {"type": "str", "default": ROOT},
        "by": {"type": "str", "required": True},
        "unit": {"type": "str", "default": "containerd.service"},
        "restart": {"type": "bool", "default": False},
        "proof": {"type": "bool", "default": False},
        "keep": {"type": "int", "default": KEEP},
    }
    check: t.Dict[str, t.Any] = {
        "path": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "files": {"type": "dict", "default": {}},
        # Names of options, and no secrets.
        "keys": {"type": "dict", "default": {}, "no_log": False},
    }
    return {
        "changes": changes,
        "journal": {"type": "dict", "options": journal},
        "checks": {"type": "list", "elements": "dict", "default": [], "no_log": True, "options": check},
    }


def take_contents(module: AnsibleModule) -> t.Tuple[t.List[t.Dict[str, t.Any]], t.List[t.Dict[str, t.Any]]]:
    """Take changes and checks out of the module, so that it cannot return them.

    Then it has nothing to hide either. What it would hide is every text in them, wherever it stands in a result: paths,
    and parts of paths, would come back as asterisks.
    """
    changes, checks = module.params.pop("changes"), module.params.pop("checks")
    module.no_log_values.clear()
    return changes, checks


def journaled(options: t.Optional[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    """How the change is to be journaled; only root has a place for that."""
    if options is None:
        return {}
    named = {key: options[key] for key in ("by", "unit", "restart", "proof")}
    journal = Journal(options["root"], keep=options["keep"], unit=options["unit"])
    return {**named, "journal": journal if os.geteuid() == 0 else None}


def run(module: AnsibleModule) -> None:
    try:
        changes_wire, checks_wire = take_contents(module)
        changes = ChangeSet.from_wire(changes_wire)
        checks = [Check.from_wire(check) for check in checks_wire]
        options = journaled(module.params["journal"])
        done = apply_changes(changes, checks=checks, check_only=module.check_mode, **options)
    except (FileError, ValueError) as error:
        module.fail_json(msg=printable(str(error)))
    for warning in done.warnings:
        module.warn(printable(warning))
    module.exit_json(
        changed=bool(changes if module.check_mode else done.applied),
        applied=printable([dataclasses.asdict(step) for step in done.applied]),
        journaled=options.get("journal") is not None,
        change={"id": done.change.id, "state": done.change.state} if done.change else None,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    with signals_held_back():
        run(module)


if __name__ == "__main__":
    main()
