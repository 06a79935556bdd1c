#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_rollback
short_description: Put containerd's files back as they were before a change
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Puts back what the changes of this collection replaced on a node, byte for byte, with owner, mode and extended
    attributes. The node itself keeps it, below C(/var/lib/airgap.nodes).
  - Restarts containerd where one of these changes needed that, and waits until CRI answers. If it does not, the
    rollback itself is undone, and the task fails with what containerd said.
  - If somebody else has changed one of the files since, nothing is put back, as the rest alone would be half a state.
    The task fails and names the file, unless O(force=true).
  - If a run was interrupted, undoing that is what going back to V(last) does.
  - Going back is a change too, and is listed like the others. Going back to V(last) again goes one further back.
  - Signals that would end it are held back until it is done, so that a lost connection does not leave a node half-way.
requirements:
  - Root on the node. A restart needs systemd.
  - crictl of cri-tools, or C(ctr) of containerd where crictl is missing or too old for this containerd.
options:
  to:
    description:
      - The state to go back to.
      - V(last) is the state before the last change that is not taken back yet. Changes that nobody has proved count as
        one.
      - V(unproved) is the state before the oldest change that nobody has proved. It puts nothing back if there is none.
      - Anything else is the ID of a change, and means the state before it. RV(changes) lists them.
      - The number that an ID begins with will do, with or without its zeros, such as V(000012) or V(12). The rest is
        the second of the change, which differs from node to node. In YAML, quote a number that begins with a zero.
    type: str
    default: last
  unit:
    description:
      - The systemd unit of containerd. Only what was changed for it is put back; RV(changes) has the others', too.
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
      - Undoing a rollback gets the same time again. So the task takes no longer than twice this and a minute, and up to
        two minutes before that if another run is changing the node.
    type: int
    default: 60
  force:
    description:
      - Whether to put back what somebody else has changed since, too. What they made of it is kept like any other
        state, and can be gone back to.
      - Has no effect on V(unproved). V(last) with it goes back from what nobody has proved, too.
    type: bool
    default: false
  keep:
    description:
      - How many changes the node keeps, this one with them.
    type: int
    default: 5
seealso:
  - module: airgap.nodes.containerd_restart
attributes:
  check_mode:
    description: Says what it would put back.
    support: full
  diff_mode:
    description: Has no diff. What was saved may hold secrets.
    support: none
"""

EXAMPLES = r"""
- name: Go back to the files of before the last change
  airgap.nodes.containerd_rollback:

- name: See what a node can go back to
  airgap.nodes.containerd_rollback:
  check_mode: true
  register: possible

- name: Go back to the state before a certain change, whoever has changed the files since
  airgap.nodes.containerd_rollback:
    to: 000012-20261121T143000Z
    force: true

- name: Go back to the state before the twelfth change of each node
  airgap.nodes.containerd_rollback:
    to: 12

- name: Take back what a failed proof left
  airgap.nodes.containerd_rollback:
    to: unproved

- name: Go back on a slow machine, of whose second containerd more changes are kept
  airgap.nodes.containerd_rollback:
    unit: containerd-build
    runtime_endpoint: unix:///run/containerd-build/containerd.sock
    wait: 180
    keep: 20
"""

RETURN = r"""
msg:
  description: What was done, in a sentence or two.
  returned: always
  type: str
  sample: >-
    Put back as before change 000012-20261121T143000Z by containerd_config: /etc/containerd/config.toml. containerd was
    restarted with that, and CRI answered after 0.79 s.
changes:
  description: The changes that the node can go back to the state before, oldest first, once the task is done.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the change, for O(to).
      type: str
      returned: always
      sample: 000012-20261121T143000Z
    created:
      description: When it was made, in UTC.
      type: str
      returned: always
      sample: "2026-11-21T14:30:00Z"
    by:
      description: What made it.
      type: str
      returned: always
      sample: containerd_config
    unit:
      description: The systemd unit that it was made for.
      type: str
      returned: always
      sample: containerd.service
    state:
      description: V(open) if nobody has proved it, or V(closed).
      type: str
      returned: always
      sample: closed
    outcome:
      description: V(proved), V(unproved), or empty while it is open.
      type: str
      returned: always
      sample: proved
    paths:
      description: What it changed.
      type: list
      elements: str
      returned: always
      sample: [/etc/containerd/config.toml]
    line:
      description: All that in a line for people, with the first three of the paths.
      type: str
      returned: always
      sample: "000012-20261121T143000Z, 2026-11-21 14:30:00 UTC by containerd_config: /etc/containerd/config.toml"
restored:
  description: The files and directories that are as before now, in check mode those that would be.
  returned: always
  type: list
  elements: str
  sample: [/etc/containerd/config.toml]
left:
  description: What is not as before, by path, and why.
  returned: always
  type: dict
  sample:
    /etc/containerd/certs.d/docker.io/hosts.toml: somebody else changed it since, so it was left as it is
restarted:
  description: Whether containerd was restarted with what was put back, in check mode whether it would be.
  returned: always
  type: bool
  sample: true
ready_after:
  description: Seconds from the restart until CRI answered; without a restart, seconds that it was waited for.
  returned: always, V(none) if CRI was not asked or did not answer
  type: float
  sample: 0.79
recovered:
  description: Changes of an interrupted run that were undone before anything else.
  returned: always
  type: list
  elements: str
  sample: []
undone:
  description: How the rollback itself was undone. The fields are those of M(airgap.nodes.containerd_restart).
  returned: on failure, if CRI did not answer with what was put back
  type: dict
  sample:
    changes: [000013-20261121T150000Z]
    restored: [/etc/containerd/config.toml]
    left: {}
    restarted: true
    ready_after: 0.8
"""

import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import PREPARED, printable
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import BadOption
from ansible_collections.airgap.nodes.plugins.module_utils._files import FileError
from ansible_collections.airgap.nodes.plugins.module_utils._journal import KEEP, PROVED, Journal, Undone
from ansible_collections.airgap.nodes.plugins.module_utils._restart import Containerd, NotReady
from ansible_collections.airgap.nodes.plugins.module_utils._signals import signals_held_back
from ansible_collections.airgap.nodes.plugins.module_utils._undoing import (
    Ending,
    answered,
    come_back,
    containerd_of,
    ids_of,
    recover,
    take_back,
    told,
)

ARGUMENT_SPEC: t.Dict[str, t.Dict[str, t.Any]] = {
    "to": {"type": "str", "default": "last"},
    "unit": {"type": "str", "default": "containerd"},
    "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
    "wait": {"type": "int", "default": 60},
    "force": {"type": "bool", "default": False},
    "keep": {"type": "int", "default": KEEP},
}
_LISTED = ("id", "created", "by", "unit", "state", "outcome", "paths")
_SHOWN = 3

Result = t.Dict[str, t.Any]


def targets(module: AnsibleModule, journal: Journal) -> t.List[Result]:
    listed = [change.summary() for change in journal.changes() if change.is_target]
    for why in journal.unreadable.values():
        module.warn(printable(why))
    return [{**{key: summary[key] for key in _LISTED}, "line": line_of(summary)} for summary in listed]


def line_of(summary: t.Mapping[str, t.Any]) -> str:
    when = summary["created"].replace("T", " ").replace("Z", " UTC")
    more = len(summary["paths"]) - _SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"{summary['id']}, {when} by {summary['by']}: {', '.join(summary['paths'][:_SHOWN])}{rest}"


def foreseen(journal: Journal, params: t.Mapping[str, t.Any]) -> t.Tuple[Undone, str]:
    """What would be done, and a sentence about it."""
    interrupted = [change for change in journal.changes() if change.state == PREPARED]
    if interrupted:
        paths = [path for change in interrupted for path in change.paths]
        undone = Undone(interrupted, paths, restart=any(change.restart for change in interrupted))
        if params["to"] == "last":
            return undone, f"Would undo what was interrupted, which is the last change: {', '.join(paths)}."
        return undone, f"Would first undo what was interrupted, and could go on from there: {', '.join(paths)}."
    if params["to"] == "unproved":
        undone = journal.undo_open("", check_only=True)
        if undone.left:
            raise FileError(" ".join(told(journal, undone)))
    else:
        undone = journal.go_back(params["to"], "", force=params["force"], check_only=True)
    if not (undone.restored or undone.left):
        return undone, nothing_to(params["to"])
    return undone, " ".join(["Would be:", *told(journal, undone)])


def nothing_to(to: str) -> str:
    if to == "unproved":
        return "There is nothing to take back: no change on this node is unproved."
    return "There is nothing to go back to: this node keeps no change whose files are not as before it already."


def go_back(
    journal: Journal, containerd: Containerd, params: t.Mapping[str, t.Any], recovered: Undone
) -> t.Tuple[Undone, Ending, bool]:
    """What was put back, how that went, and whether it stayed."""
    why = "asked for by containerd_rollback"
    if params["to"] == "last" and recovered.changes:
        that = "That was the last change: once more goes further."
        return back_from_interrupted(journal, containerd, recovered, that)
    if params["to"] == "unproved":
        undone = journal.undo_open(why)
        if undone.left and not undone.changes:
            return undone, Ending(told(journal, undone)), False
        if not undone.changes:
            return nothing_more(journal, containerd, params["to"], undone, recovered)
        ending = come_back(journal, containerd, undone, restart=undone.restart or recovered.restart)
        return undone, ending, ending.answers and not undone.failed
    silent = containerd.why_silent()
    undone = journal.go_back(params["to"], why, force=params["force"])
    if not undone.change:
        return nothing_more(journal, containerd, params["to"], undone, recovered)
    restarts = undone.restart or recovered.restart
    try:
        seconds = containerd.restart() if restarts else containerd.wait()
    except NotReady as failure:
        ending = take_back(journal, containerd, failure, silent=silent)
        sentences = (*told(journal, undone), f"{failure}.", "So the rollback was taken back.", *ending.sentences)
        return undone, replace(ending, sentences=sentences), False
    journal.close(PROVED, "CRI answers")
    return undone, answered(journal, undone, restarted=restarts, seconds=seconds), True


def nothing_more(
    journal: Journal, containerd: Containerd, to: str, undone: Undone, recovered: Undone
) -> t.Tuple[Undone, Ending, bool]:
    if recovered.changes:
        return back_from_interrupted(journal, containerd, recovered, nothing_to(to))
    return undone, Ending((nothing_to(to),)), True


def back_from_interrupted(
    journal: Journal, containerd: Containerd, recovered: Undone, sentence: str
) -> t.Tuple[Undone, Ending, bool]:
    """containerd may have read half of what was interrupted."""
    ending = come_back(journal, containerd, recovered, restart=recovered.restart)
    sentences = ("An interrupted run was undone.", *ending.sentences, *([sentence] if ending.answers else []))
    return recovered, replace(ending, sentences=sentences), ending.answers


def roll_back(module: AnsibleModule, containerd: Containerd, journal: Journal) -> None:
    recovered = recover(module, journal)
    undone, ending, stayed = go_back(journal, containerd, module.params, recovered)
    if undone.changes:
        for path, why in undone.left.items():
            module.warn(printable(f"{path} is not as before: {why}"))
    result = {
        "msg": ending.text,
        "changed": bool(undone.restored or recovered.changes),
        "restored": undone.restored,
        "left": {**undone.left, **undone.failed},
        "restarted": ending.restarted,
        "ready_after": ending.ready_after if stayed else None,
        "changes": targets(module, journal),
        "recovered": ids_of(recovered),
    }
    if not stayed:
        module.fail_json(**printable({**result, "undone": ending.result if undone.change else None}))
    module.exit_json(**printable(result))


def foresee(module: AnsibleModule, journal: Journal) -> None:
    undone, sentence = foreseen(journal, module.params)
    result = {
        "msg": sentence,
        "changed": bool(undone.restored),
        "restored": undone.restored,
        "left": undone.left,
        "restarted": undone.restart,
        "ready_after": None,
        "changes": targets(module, journal),
        "recovered": [],
    }
    module.exit_json(**printable(result))


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        containerd = containerd_of(module)
        journal = Journal(keep=module.params["keep"], unit=module.params["unit"])
        if module.check_mode:
            foresee(module, journal)
        with signals_held_back(), journal.locked():
            roll_back(module, containerd, journal)
    except (BadOption, FileError) as error:
        module.fail_json(msg=printable(str(error)))


if __name__ == "__main__":
    main()
