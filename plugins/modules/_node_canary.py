#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _node_canary
short_description: Pull images that nobody has, and tell whom containerd asked for them
version_added: 0.1.0
description:
  - Internal to this collection. The action plugin of M(airgap.nodes.containerd_canary) calls it. Do not use it in
    playbooks; its options and return values may change without notice.
  - Pulls one image of each namespace through CRI, by a name and a digest made up at random, and reads in containerd's
    journal whom it asked. One after the other, since not every line of the journal says of which pull it is.
  - Where the release does not tell of everybody who was asked, it pulls once more and gives containerd no time. It goes
    through its whole list then, and asks nobody.
options:
  namespaces:
    description: The namespaces.
    type: list
    elements: str
    required: true
  runtime_endpoint:
    description: The socket that containerd serves CRI on.
    type: str
    default: unix:///run/containerd/containerd.sock
  unit:
    description: The unit of containerd, whose journal is read.
    type: str
    default: containerd
  seconds:
    description: How long all of it may take. Each pull gets an equal share of what is left, 20 seconds at most.
    type: float
    default: 60
attributes:
  check_mode:
    description: Is not run in check mode.
    support: none
author:
  - the airgap.nodes authors (@airgap-nodes)
"""

EXAMPLES = r"""
- name: See whom containerd asks for images of registry.k8s.io
  airgap.nodes._node_canary:
    namespaces: [registry.k8s.io]
"""

RETURN = r"""
walks:
  description:
    - What was seen of each pull, in the order of O(namespaces).
    - C(is_whole) says that containerd went through its whole list and told of everybody on it.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: registry.k8s.io
      image: registry.k8s.io/airgap-nodes-canary/5d1e...@sha256:90ab...
      begun: true
      ended: true
      has_gap: false
      is_whole: true
      answered: false
      error: "not found"
      asked:
        - {host: "registry.example.com:5000", scheme: https, answer: 404 Not Found, is_endpoint: true, is_sure: true}
"""

import secrets
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils import _canary as canary
from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import BadOption, NoCri, Node, ask_cri, node_at

MAX_LINES = 100000
# Its time over, a pull is broken off, and containerd logs who would have been next: that proves as much.
LONGEST_PULL = 20.0
# A pull that was broken off has its last line when containerd has noticed.
NOTICED_AFTER = 3.0
POLL_INTERVAL = 0.1
# Mostly too short to ask anybody, and mostly long enough for containerd to take the call up: the journal tells.
# The busier the node, the longer it takes either.
DEADLINES = (0.002, 0.004, 0.001, 0.008, 0.002, 0.016, 0.004, 0.032, 0.008, 0.064)
QUICK_TIMEOUT = 5.0


class Canary(t.NamedTuple):
    """One pull, and what crictl said of it."""

    namespace: str
    image: str
    failure: t.Optional[cri.Failure]


def new_image(namespace: str) -> str:
    return canary.image_of(namespace, secrets.token_hex(16), secrets.token_hex(32))


def pull_each(node: Node, namespaces: t.Sequence[str], end: float) -> t.List[Canary]:
    """Whoever is left when the time is over is not tried, and nothing is in the journal of it."""
    pulls = []
    for number, namespace in enumerate(namespaces):
        share = (end - time.monotonic()) / (len(namespaces) - number)
        late = cri.Failure("timeout", "there was no time left for it")
        image = new_image(namespace)
        outcome = node.pull(image, timeout=min(share, LONGEST_PULL)) if share > 0 else late
        pulls.append(Canary(namespace, image, outcome if isinstance(outcome, cri.Failure) else None))
    return pulls


def walks_of(node: Node, images: t.Sequence[str]) -> t.List[canary.Walk]:
    """What the journal tells of them, once it tells the end of each, or will tell nothing more."""
    patience = time.monotonic() + NOTICED_AFTER
    while True:
        journal = node.journal(lines=MAX_LINES)
        walks = [canary.read_walk(journal, image) for image in images]
        if all(walk.ended or not walk.begun for walk in walks) or time.monotonic() > patience:
            return walks
        time.sleep(POLL_INTERVAL)


def whole(node: Node, namespace: str, walk: canary.Walk, end: float) -> canary.Walk:
    """A walk with everybody on containerd's list, where it could be had in time."""
    if walk.is_whole or walk.answered or not (walk.begun and walk.ended and walk.asked):
        return walk
    for deadline in DEADLINES:
        if time.monotonic() > end:
            break
        image = new_image(namespace)
        node.pull(image, timeout=QUICK_TIMEOUT, deadline=deadline)
        (quick,) = walks_of(node, [image])
        if quick.is_whole:
            return canary.joined(walk, quick)
    return walk


def look(node: Node, namespaces: t.Sequence[str], seconds: float) -> t.List[t.Dict[str, t.Any]]:
    end = time.monotonic() + seconds
    node = node.from_now_on()
    pulls = pull_each(node, namespaces, end)
    walks = walks_of(node, [pull.image for pull in pulls])
    return [_told(pull, whole(node, pull.namespace, walk, end)) for pull, walk in zip(pulls, walks)]


def _told(pull: Canary, walk: canary.Walk) -> t.Dict[str, t.Any]:
    error = walk.error or (cri.detail(pull.failure.text) if pull.failure else "")
    return {
        **walk._asdict(),
        "namespace": pull.namespace,
        "image": pull.image,
        "answered": walk.answered or pull.failure is None,
        "error": error,
        "asked": [asked._asdict() for asked in walk.asked],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
            "unit": {"type": "str", "default": "containerd"},
            "seconds": {"type": "float", "default": 60.0},
        },
    )
    try:
        node = node_at(module.params["runtime_endpoint"], module.params["unit"])
        ask_cri(node, pulling=True)
        module.exit_json(changed=False, walks=look(node, module.params["namespaces"], module.params["seconds"]))
    except BadOption as error:
        module.fail_json(msg=str(error))
    except NoCri as no_cri:
        why = cri.explain(no_cri.failure)
        module.fail_json(msg=f"CRI on {module.params['runtime_endpoint']}: {why}", reason=no_cri.failure.reason)


if __name__ == "__main__":
    main()
