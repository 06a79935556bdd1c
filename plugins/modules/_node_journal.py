#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _node_journal
short_description: End the changes that a node's journal holds open
version_added: 0.1.0
description:
  - Internal to this collection. Its action plugins call it to undo what an interrupted run left, and to say that a
    change is proved. Do not use it in playbooks; its options and return values may change without notice.
  - Undoing puts back each file with its former bytes, owner, mode and extended attributes, in the reverse order. A file
    that somebody else changed since is left as it is, and told.
options:
  operation:
    description:
      - V(recover) undoes what a run that was interrupted left half-done.
      - V(close) ends all open changes with O(outcome).
      - V(list) only tells what there is.
    type: str
    choices: [recover, close, list]
    required: true
  outcome:
    description:
      - How V(close) ends them.
    type: str
    choices: [proved, unproved]
    default: proved
  reason:
    description:
      - A remark that is kept with what V(close) ends.
    type: str
    default: ''
  journal_root:
    description:
      - The directory that holds the journal.
    type: str
    default: /var/lib/airgap.nodes
  keep:
    description:
      - How many closed changes are kept, so that one can go back to the state before each.
    type: int
    default: 5
attributes:
  check_mode:
    description: Can run in check mode, where it only tells what there is.
    support: full
author:
  - the airgap.nodes authors (@airgap-nodes)
"""

EXAMPLES = r"""
- name: Undo what an interrupted run left
  airgap.nodes._node_journal:
    operation: recover

- name: All open changes are proved
  airgap.nodes._node_journal:
    operation: close
    outcome: proved
"""

RETURN = r"""
changes:
  description:
    - The changes that were undone or closed, or with V(list) all that there are, the oldest first. In check mode, those
      that would be.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 000012-20260102T030405Z
      created: '2026-01-02T03:04:05Z'
      by: airgap.nodes.containerd_config
      unit: containerd.service
      restart: true
      state: closed
      outcome: proved
      reason: ''
      paths: [/etc/containerd/config.toml]
      left: {}
      is_target: true
  contains:
    id:
      description: The change's name, which sorts by age.
      returned: always
      type: str
      sample: 000012-20260102T030405Z
    created:
      description: When it was made, in UTC.
      returned: always
      type: str
      sample: '2026-01-02T03:04:05Z'
    by:
      description: Who made it.
      returned: always
      type: str
      sample: airgap.nodes.containerd_config
    unit:
      description: The unit that the files are for.
      returned: always
      type: str
      sample: containerd.service
    restart:
      description: Whether it takes effect with a restart of the unit only.
      returned: always
      type: bool
      sample: true
    state:
      description: V(prepared) if it was interrupted, V(open) if nobody proved it yet, else V(closed).
      returned: always
      type: str
      sample: closed
    outcome:
      description: V(proved), V(unproved) or V(undone), once it is closed; else empty.
      returned: always
      type: str
      sample: proved
    reason:
      description: Why it was closed so, if there is something to say about it.
      returned: always
      type: str
      sample: ''
    paths:
      description: The files and directories that it changed.
      returned: always
      type: list
      elements: str
      sample: [/etc/containerd/config.toml]
    left:
      description: Of an undone one, what was left as somebody else had made it meanwhile, and why, by path.
      returned: always
      type: dict
      sample: {}
    is_target:
      description: Whether one can go back to the state before it.
      returned: always
      type: bool
      sample: true
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import OPEN, PREPARED, printable
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import (
    KEEP,
    PROVED,
    ROOT,
    UNPROVED,
    Journal,
    Record,
)
from ansible_collections.airgap.nodes.plugins.module_utils._signals import signals_held_back

_STATE = {"recover": PREPARED, "close": OPEN}


def run(module: AnsibleModule) -> t.List[Record]:
    journal = Journal(module.params["journal_root"], keep=module.params["keep"])
    operation = module.params["operation"]
    if operation == "list" or module.check_mode or not os.path.isdir(journal.root):
        changes = journal.changes()
        return [change for change in changes if _STATE.get(operation) in (None, change.state)]
    if operation == "close":
        return journal.close(module.params["outcome"], module.params["reason"])
    return journal.recover()[::-1]


def argument_spec() -> t.Dict[str, t.Dict[str, t.Any]]:
    return {
        "operation": {"type": "str", "choices": ["recover", "close", "list"], "required": True},
        "outcome": {"type": "str", "choices": [PROVED, UNPROVED], "default": PROVED},
        "reason": {"type": "str", "default": ""},
        "journal_root": {"type": "str", "default": ROOT},
        "keep": {"type": "int", "default": KEEP},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    with signals_held_back():
        try:
            changes = run(module)
        except FileError as error:
            module.fail_json(msg=printable(str(error)))
        changed = bool(changes) and module.params["operation"] != "list"
        module.exit_json(changed=changed, changes=printable([change.summary() for change in changes]))


if __name__ == "__main__":
    main()
