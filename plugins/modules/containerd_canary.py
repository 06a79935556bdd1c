#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_canary
short_description: Prove that no pull leaves the trusted registries
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Has containerd pull an image that nobody has, one of each namespace that is to be closed, through CRI as the kubelet
    does. That pull must fail, and nobody but trusted registries may have been asked on the way.
  - An image that the first mirror lacks takes containerd to the end of its list. There the internet is, if a
    C(hosts.toml) is not used, a directory is empty, or nothing says otherwise.
  - containerd logs whom it asks. The list is taken from its journal, and counts only if it is known to be complete;
    otherwise the verdict is V(unknown), and never V(closed). It has to agree with what C(config.toml), its imports and
    the tree say by the rules of the node's release.
  - The image's name is made up at random, C(airgap-nodes-canary/) and 32 digits, with a digest made up at random. By
    that name the logs of the registries show who asked.
  - The registry is asked for a name that it does not have. If it is a cache, it asks its own upstream.
  - The task fails if a namespace is not proved to be closed. The message names the namespace, the host that was asked,
    and the file to mend.
  - It takes two round trips to the node.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
  - crictl of cri-tools on the node
  - Access to containerd's socket and to its journal, which are root's by default.
options:
  registries:
    description:
      - The entries that M(airgap.nodes.containerd_registries) takes. Those with C(fallback=false) are the
        namespaces that are tried, if O(namespaces) does not name them; the hosts in all of them are trusted, if
        O(trusted_registries) does not name any.
    type: list
    elements: dict
  registries_defaults:
    description:
      - What O(airgap.nodes.containerd_registries#module:defaults) is there.
    type: dict
    default: {}
  namespaces:
    description:
      - The namespaces to try, such as V(registry.k8s.io). V(_default) is tried by C(airgap-nodes-canary.invalid), a
        name that cannot be resolved, so that what leaks goes nowhere.
      - Without it, those of O(registries) with C(fallback=false). If V(_default) is one of them, every registry is
        tried as well that has a directory on the node and is not listed, since that directory hides V(_default).
    type: list
    elements: str
  trusted_registries:
    description:
      - Who may be asked, as V(registry.example.com), V(registry.example.com:5000), V(*.example.com) or V(192.0.2.0/24).
        The node itself is always trusted.
    type: list
    elements: str
    default: []
  runtime_endpoint:
    description:
      - The socket that containerd serves CRI on.
    type: str
    default: unix:///run/containerd/containerd.sock
  unit:
    description:
      - The systemd unit of containerd, whose journal tells who was asked.
    type: str
    default: containerd
  timeout:
    description:
      - Seconds that all pulls together may take. Each of them gets an equal share of what is left, 20 at most.
      - A pull that is broken off proves as much as one that ends by itself, since containerd logs who would have been
        next.
      - Where a line of the journal may be of another pull, it is looked at up to three times, each of which may take as
        long.
    type: int
    default: 60
notes:
  - Redirects and the token services that an endpoint sends containerd to are seen only where they fail.
seealso:
  - module: airgap.nodes.crictl_pull
  - module: airgap.nodes.containerd_registries
attributes:
  check_mode:
    description: Asks nobody, and proves nothing.
    support: full
  diff_mode:
    description: Has no diff.
    support: none
"""

EXAMPLES = r"""
- name: Prove that the entries with fallback false are closed
  airgap.nodes.containerd_canary:
    registries: "{{ containerd_registries }}"

- name: Prove it of namespaces that somebody else has configured
  airgap.nodes.containerd_canary:
    namespaces: [docker.io, registry.k8s.io, _default]
    trusted_registries: [registry.example.com, 192.0.2.0/24]

- name: Prove it of a second containerd, with what its entries have in common
  airgap.nodes.containerd_canary:
    registries:
      - namespace: registry.k8s.io
        fallback: false
        hosts:
          - url: https://registry.example.com/v2/k8s
    registries_defaults:
      override_path: true
    unit: containerd-build
    runtime_endpoint: unix:///run/containerd-build/containerd.sock

- name: Report the nodes that are open, and go on
  airgap.nodes.containerd_canary:
    namespaces: [registry.k8s.io]
    trusted_registries: ["*.example.com"]
    timeout: 20
  register: canary
  failed_when: canary.verdict is not defined
"""

RETURN = r"""
is_failed:
  description: Whether the task failed, for who says with C(failed_when) that it did not.
  returned: always
  type: bool
  sample: false
verdict:
  description:
    - The worst of all namespaces. V(closed) is proved; V(open) says that somebody else was asked, or would be by the
      files; V(unknown) says that neither is proved.
  returned: when a namespace was tried
  type: str
  sample: closed
trusted_registries:
  description: Who may be asked.
  returned: success or failure of a namespace
  type: list
  elements: str
  sample: ["registry.example.com:5000"]
namespaces:
  description: What came of each namespace. Empty in check mode.
  returned: success or failure of a namespace
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace.
      type: str
      returned: always
      sample: registry.k8s.io
    verdict:
      description: As RV(verdict), of this namespace.
      type: str
      returned: always
      sample: open
    reason:
      description: Why, in a sentence or two.
      type: str
      returned: always
      sample: containerd asked registry.k8s.io, outside the trusted registries.
    file:
      description: The file that says so, empty if none does.
      type: str
      returned: always
      sample: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
    line:
      description: The line in it.
      type: int
      returned: always, V(none) where no line does
      sample: 1
    image:
      description: The image that was asked for.
      type: str
      returned: always
      sample: >-
        registry.k8s.io/airgap-nodes-canary/7c0f4b0d6c9e1f2a35d8b7164e90ac53@sha256:90ab4f6cd1f7d7c1f1ec8fbb0fd1c79f6b95ea
    asked:
      description: Who was asked, in containerd's order, each once.
      type: list
      elements: dict
      returned: always
      contains:
        host:
          description: Host, with its port if one is written.
          type: str
          returned: always
          sample: registry.example.com:5000
        trusted:
          description: Whether it may be asked.
          type: bool
          returned: always
          sample: true
        answer:
          description: What came of it, in containerd's words; empty where it does not say.
          type: str
          returned: always
          sample: 404 Not Found
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CANARY


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_CANARY, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
