#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_restart
short_description: Restart containerd, and take the change back if CRI does not answer
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Restarts containerd and waits until both services of CRI answer, the runtime's and the images'. C(systemctl restart)
    alone proves little. It succeeds, and the unit is active, when the CRI plugin did not load.
  - What the kubelet sees has to be as well as before. If RuntimeReady or NetworkReady was true before the restart and
    stays false after it, or if a pod that was ready is gone or not ready, that counts as CRI not answering. Without
    crictl this is not looked at, nor where CRI did not answer before. A pod that somebody stopped meanwhile does not
    count.
  - If CRI does not answer, the changes of this collection that nobody has proved yet are taken back. The files are then
    as they were before them, containerd is restarted with them, and the task fails. Its message says what was tried,
    what containerd itself said, and what was put back.
  - Nothing is taken back if somebody else has changed one of the files since, as the rest alone would be half a state.
    The message names the file and what to do.
  - If the old state does not come back either, the message says that, and where everything is kept.
  - A run that was interrupted half-way through a change is undone first, so that containerd never starts with half of
    it.
  - Signals that would end it are held back until it is done, so that a lost connection does not leave a node half-way.
  - Running containers go on running, as with each restart of containerd by a unit with C(KillMode=process).
requirements:
  - Root, and systemd on the node.
  - crictl of cri-tools, or C(ctr) of containerd where crictl is missing or too old for this containerd.
options:
  unit:
    description:
      - The systemd unit of containerd. What was changed for another unit is none of this task's.
    type: str
    default: containerd
  runtime_endpoint:
    description:
      - The socket that containerd serves CRI on.
    type: str
    default: unix:///run/containerd/containerd.sock
  wait:
    description:
      - Seconds that containerd has from the beginning of the restart until CRI answers.
      - Ends early when waiting is of no use, which is when containerd does not start, ends again and again, or runs
        with a CRI plugin that failed to load.
      - The old state gets the same time again. So the task takes no longer than twice this and a minute, and up to two
        minutes before that if another run is changing the node.
    type: int
    default: 60
  restart:
    description:
      - Whether to restart. With V(false), it waits until CRI answers, and restarts only if it takes back a change that
        containerd reads at its start, an interrupted one as well.
    type: bool
    default: true
  rollback:
    description:
      - Whether to take back the changes that nobody has proved, if CRI does not answer.
      - With V(false), the files stay, and M(airgap.nodes.containerd_rollback) can put back the old ones.
    type: bool
    default: true
  close:
    description:
      - Whether an answer of CRI is all the proof that is wanted. The changes that nobody has proved are proved then.
      - With V(false), they stay open for something that proves more, such as the pull of
        M(airgap.nodes.crictl_pull) in the role.
    type: bool
    default: false
  keep:
    description:
      - How many changes the node keeps, once some are closed or undone, so that one can go back to the state before
        each.
    type: int
    default: 5
seealso:
  - module: airgap.nodes.containerd_rollback
  - module: airgap.nodes.crictl_pull
attributes:
  check_mode:
    description: Does nothing, and is changed if it would restart.
    support: full
  diff_mode:
    description: Has no diff.
    support: none
"""

EXAMPLES = r"""
- name: Restart containerd, wait until CRI answers, or put the old files back
  airgap.nodes.containerd_restart:

- name: Restart after an edit, with nothing that proves more afterwards
  airgap.nodes.containerd_restart:
    close: true
    wait: 120
  when: edited.restart_required

- name: Wait until CRI answers, without a restart
  airgap.nodes.containerd_restart:
    restart: false

- name: Restart a second containerd, and leave everything as it is for a look if it does not answer
  airgap.nodes.containerd_restart:
    unit: containerd-build
    runtime_endpoint: unix:///run/containerd-build/containerd.sock
    rollback: false
    keep: 20
"""

RETURN = r"""
restarted:
  description: Whether containerd was restarted.
  returned: always
  type: bool
  sample: true
ready_after:
  description: Seconds from the restart until CRI answered; without a restart, seconds that it was waited for.
  returned: always, V(none) on failure and in check mode
  type: float
  sample: 0.84
closed:
  description: The changes that are proved now.
  returned: success
  type: list
  elements: str
  sample: [000012-20261121T143000Z]
recovered:
  description: Changes of an interrupted run that were undone before anything else.
  returned: always
  type: list
  elements: str
  sample: [000011-20261121T142200Z]
reason:
  description:
    - One word for why CRI does not answer.
    - V(not_started) is a containerd that does not start, and V(start_timeout) one that came neither up nor down in
      time.
    - V(unit_unusable) and V(crictl_absent) say that nothing was tried, since there is no such unit, no systemd, or
      neither crictl nor ctr.
    - V(condition_lost) and V(pods_lost) say that CRI answers, and that something which was well before the restart is
      so no more.
    - The others are those for which M(airgap.nodes.crictl_pull) says that there is no CRI, such as V(cri_not_loaded)
      and V(containerd_down).
  returned: on failure, if CRI does not answer
  type: str
  sample: cri_not_loaded
text:
  description: What containerd said, or systemd in its place. Empty if there is nothing.
  returned: on failure, if CRI does not answer
  type: str
  sample: "invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
undone:
  description: What was taken back. V(none) if there was nothing to take back, or O(rollback=false).
  returned: on failure, if CRI does not answer
  type: dict
  contains:
    changes:
      description: The changes that are undone, newest first.
      type: list
      elements: str
      returned: always
      sample: [000012-20261121T143000Z]
    restored:
      description: The files and directories that are as before them.
      type: list
      elements: str
      returned: always
      sample: [/etc/containerd/config.toml]
    left:
      description: What is not as before, by path, and why. As a rule somebody else has changed it since.
      type: dict
      returned: always
      sample: {}
    restarted:
      description: Whether containerd was restarted with the old files.
      type: bool
      returned: always
      sample: true
    ready_after:
      description: Seconds from that restart until CRI answered. V(none) if it did not.
      type: float
      returned: always
      sample: 0.79
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import printable
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import BadOption
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import KEEP, PROVED, Journal
from ansible_collections.airgap.nodes.plugins.module_utils._restart import Containerd, NotReady
from ansible_collections.airgap.nodes.plugins.module_utils._signals import signals_held_back
from ansible_collections.airgap.nodes.plugins.module_utils._undoing import (
    containerd_of,
    ids_of,
    leave,
    recover,
    take_back,
)

ARGUMENT_SPEC: t.Dict[str, t.Dict[str, t.Any]] = {
    "unit": {"type": "str", "default": "containerd"},
    "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
    "wait": {"type": "int", "default": 60},
    "restart": {"type": "bool", "default": True},
    "rollback": {"type": "bool", "default": True},
    "close": {"type": "bool", "default": False},
    "keep": {"type": "int", "default": KEEP},
}


def prove(module: AnsibleModule, containerd: Containerd, journal: Journal) -> None:
    params = module.params
    recovered = recover(module, journal)
    restarts = params["restart"] or recovered.restart
    silent = containerd.why_silent() if restarts else None
    health = containerd.health() if restarts and not silent else None
    try:
        seconds = containerd.restart(keeping=health) if restarts else containerd.wait()
    except NotReady as failure:
        ending = take_back(journal, containerd, failure, silent=silent) if params["rollback"] else leave(journal)
        module.fail_json(
            **printable(
                {
                    "msg": f"{failure}. {ending.text}",
                    "reason": failure.reason,
                    "text": failure.said,
                    "changed": failure.restarted
                    or bool(recovered.changes or (ending.undone and ending.undone.changes)),
                    "restarted": failure.restarted,
                    "ready_after": None,
                    "recovered": ids_of(recovered),
                    "undone": ending.result,
                }
            )
        )
    closed = journal.close(PROVED, "CRI answers") if params["close"] else []
    module.exit_json(
        changed=restarts or bool(recovered.changes),
        restarted=restarts,
        ready_after=seconds,
        recovered=ids_of(recovered),
        closed=[change.id for change in closed],
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        containerd = containerd_of(module)
        journal = Journal(keep=module.params["keep"], unit=module.params["unit"])
        if module.check_mode:
            module.exit_json(
                changed=module.params["restart"], restarted=False, ready_after=None, recovered=[], closed=[]
            )
        with signals_held_back(), journal.locked():
            prove(module, containerd, journal)
    except (BadOption, FileError) as error:
        module.fail_json(msg=printable(str(error)), restarted=False, ready_after=None, recovered=[])


if __name__ == "__main__":
    main()
