#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_registry_info
short_description: Tell whom containerd asks for images, and whether the internet is among them
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Reads C(config.toml) with all that it imports, the tree of C(hosts.toml) files, and the images that the node uses,
    and works out by the rules of the node's own containerd release which endpoints it asks for them, in which order.
  - A route is V(closed) if none but registries that are trusted can be asked on it, and V(open) otherwise. A node is
    V(closed) if every route is. What cannot be told is V(open), with the reason; so is what a running containerd has
    not read yet, since a C(config.toml) counts from the next start on.
  - There is a route for each namespace that has a directory or a table of mirrors, for V(docker.io),
    V(registry.k8s.io) and V(k8s.gcr.io), and for each registry of which the node uses an image, that of the sandbox
    included.
  - Beside the routes it tells of traps in the files, each with its place, what it does, and how to get out of it.
    C(docs/findings.md) has a section on each.
  - It changes nothing, asks no registry, and takes one round trip to the node. Check mode does the same.
  - It needs root only for files that nobody else may read. What it was not allowed to read makes routes open.
  - A containerd that is newer than this collection knows is judged as the newest one known, and that is a finding.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
options:
  trusted_registries:
    description:
      - The registries that may be asked, which are those that you control.
      - An entry is a host such as V(registry.example.com), which stands for all of its ports, a host with a port such
        as V(registry.example.com:5000), all hosts of a domain such as V(*.example.com), or addresses such as
        V(192.0.2.0/24).
      - The node itself, V(localhost) and its addresses, is always trusted.
      - Without any, the hosts that O(registries) names are trusted. One of the two has to name something.
    type: list
    elements: str
    default: []
  registries:
    description:
      - What O(airgap.nodes.containerd_registries#module:registries) takes. The hosts of its endpoints are trusted where
        O(trusted_registries) names none.
      - Nothing else of it is looked at. In particular, an upstream is not trusted because an entry has
        C(fallback=true), or names it as a host.
    type: list
    elements: dict
    default: []
  images:
    description:
      - Images that are to be judged as if the node used them.
    type: list
    elements: str
    default: []
  path:
    description:
      - The C(config.toml) that containerd reads.
      - Without it, the one that the command of O(unit) names, else C(/etc/containerd/config.toml).
    type: str
  unit:
    description:
      - The systemd unit that starts containerd.
    type: str
    default: containerd
  runtime_endpoint:
    description:
      - The socket of containerd's CRI, which is asked for the images that the node has; by C(crictl), or by C(ctr) on a
        node without it.
      - That nobody answers there is no failure, see RV(images_known).
    type: str
    default: unix:///run/containerd/containerd.sock
  root:
    description:
      - The absolute path of a directory on the host that the task runs on, usually V(localhost). It is taken for the
        root of a node's file system, such as that of an image that is built, or of a bundle of files from a node.
      - Every path is read below it. Symlinks lead where they would on the node; one that leads out of the tree is not
        followed, and its entry counts as unreadable.
      - No program is executed and no unit is asked. What the tree is for has to be said in O(containerd_version).
    type: str
  containerd_version:
    description:
      - The containerd release by whose rules to judge, such as V(1.7.24), where there is none to ask. Needed with
        O(root), and on a node where containerd is not installed yet.
    type: str
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: airgap.nodes.containerd_registries
  - module: airgap.nodes.crictl_pull
"""

EXAMPLES = r"""
- name: Tell whether this node can reach the internet for an image
  airgap.nodes.containerd_registry_info:
    trusted_registries:
      - registry.example.com
      - "*.corp.example.com"
      - 192.0.2.0/24
  become: true
  register: audit

- name: Fail if it can, and say why
  ansible.builtin.assert:
    that: audit.verdict == 'closed'
    fail_msg: "{{ audit.reason }}"

- name: Trust the registries that the role configures, and judge images that are to come
  airgap.nodes.containerd_registry_info:
    registries: "{{ containerd_registries }}"
    images:
      - quay.io/prometheus/node-exporter:v1.9.1
  become: true

- name: Judge a containerd of one's own
  airgap.nodes.containerd_registry_info:
    trusted_registries: [registry.example.com]
    path: /etc/containerd-build/config.toml
    unit: containerd-build
    runtime_endpoint: unix:///run/containerd-build/containerd.sock
  become: true

- name: Judge the root file system of an image before it is published
  airgap.nodes.containerd_registry_info:
    trusted_registries: [registry.example.com]
    root: /srv/images/node-2026-11/rootfs
    containerd_version: 2.1.5
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description: V(closed) if every route is closed, else V(open).
  returned: success
  type: str
  sample: open
reason:
  description:
    - Why, in one sentence. Of several open routes it is about the one that matters most, which is that of the sandbox
      image, then those of images in use, then the rest.
  returned: success
  type: str
  sample: "docker.io: registry-1.docker.io is asked, since /etc/containerd/certs.d/docker.io has no hosts.toml."
containerd:
  description: The containerd of the node.
  returned: success
  type: dict
  sample:
    version: 1.7.24
    treated_as: 1.7.24
    config_file: /etc/containerd/config.toml
    config_files: [/etc/containerd/config.toml]
    unit: containerd.service
    running: true
    started: '2026-11-21T06:00:00Z'
  contains:
    version:
      description: The release, of the program on the node or as in O(containerd_version).
      returned: always
      type: str
      sample: 1.7.24
    treated_as:
      description: The release by whose rules it was judged. Another one only where it is newer than those known.
      returned: always
      type: str
      sample: 1.7.24
    config_file:
      description: The C(config.toml) that was read.
      returned: always
      type: str
      sample: /etc/containerd/config.toml
    config_files:
      description: That file and all that it imports, in the order in which they count. Empty if they cannot be read.
      returned: always
      type: list
      elements: str
      sample: [/etc/containerd/config.toml, /etc/containerd/conf.d/99-nvidia.toml]
    unit:
      description: The full name of O(unit).
      returned: always
      type: str
      sample: containerd.service
    running:
      description: Whether the unit has a main process. Null where no systemd can be asked.
      returned: always
      type: bool
      sample: true
    started:
      description: When that process started, in UTC. Null if that is not known.
      returned: always
      type: str
      sample: '2026-11-21T06:00:00Z'
config:
  description: What counts of the configuration.
  returned: success
  type: dict
  sample:
    config_path: /etc/containerd/certs.d
    directories: [/etc/containerd/certs.d]
    sandbox_image: registry.k8s.io/pause:3.8
    sandbox_image_is_default: true
    local_pull_reasons: []
    effective: {}
  contains:
    config_path:
      description: C(config_path) as it counts, be it stated or the release's own. Empty if there is none.
      returned: always
      type: str
      sample: /etc/containerd/certs.d
    directories:
      description: The directories in which this release looks for C(hosts.toml) by that.
      returned: always
      type: list
      elements: str
      sample: [/etc/containerd/certs.d]
    sandbox_image:
      description: The image that containerd pulls for the sandbox of every pod. Empty if that cannot be told.
      returned: always
      type: str
      sample: registry.k8s.io/pause:3.8
    sandbox_image_is_default:
      description: Whether it is the release's own choice.
      returned: always
      type: bool
      sample: true
    local_pull_reasons:
      description:
        - The settings for which CRI pulls images by itself, from containerd 2.1 on, and not by the transfer service.
      returned: always
      type: list
      elements: str
      sample: ['plugins."io.containerd.cri.v1.images".max_concurrent_downloads']
    effective:
      description:
        - All settings of the files that count, in the names of the newest config version, merged as this release does
          it. Secrets are masked, and so are user names beside them. What is not stated in a file is not here.
      returned: always
      type: dict
      sample: {plugins: {io.containerd.cri.v1.images: {registry: {config_path: /etc/containerd/certs.d}}}}
routes:
  description: One entry for each namespace, sorted by its name.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: registry.k8s.io
      verdict: open
      reason: "registry.k8s.io is asked, since /etc/containerd/certs.d/registry.k8s.io/hosts.toml names no server."
      rule: server-missing
      file: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
      line: null
      images: ["registry.k8s.io/pause:3.8"]
      why_listed: [always, configured, sandbox]
      endpoints:
        - url: https://registry.k8s.io/v2
          scheme: https
          host: registry.k8s.io
          path: /v2
          capabilities: []
          tags: true
          manifests: true
          blobs: true
          trusted: false
          upstream: true
          ca: []
          client: []
          skip_verify: false
          headers: []
  contains:
    namespace:
      description:
        - What the names of images begin with. V(_default) is what all registries without an entry of their own share,
          in a tree and in tables of mirrors.
      returned: always
      type: str
      sample: registry.k8s.io
    verdict:
      description: V(closed) or V(open).
      returned: always
      type: str
      sample: open
    reason:
      description: Why, in one sentence.
      returned: always
      type: str
      sample: registry.k8s.io is asked, since /etc/containerd/certs.d/registry.k8s.io/hosts.toml names no server.
    rule:
      description: The RV(findings[].id) that explains it. Empty if there is none.
      returned: always
      type: str
      sample: server-missing
    file:
      description: The file that causes it. Empty if none does.
      returned: always
      type: str
      sample: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
    line:
      description: The line in it. Null if it is about the whole file.
      returned: always
      type: int
      sample: 1
    images:
      description: The images of RV(images) that are pulled by it.
      returned: always
      type: list
      elements: str
      sample: ["registry.k8s.io/pause:3.8"]
    why_listed:
      description:
        - V(configured) for one with a directory or a table of mirrors, V(always) for the three that are listed on every
          node, V(sandbox) for that of the sandbox image, V(in_use) for those of other images that the node uses, and
          V(asked) for those of O(images).
      returned: always
      type: list
      elements: str
      sample: [always, configured, sandbox]
    endpoints:
      description:
        - Whom containerd asks, in this order. Empty if that cannot be told, or if every pull fails before anybody is
          asked.
      returned: always
      type: list
      elements: dict
      contains:
        url:
          description: Where it is. The host V(*) is that of whatever registry an image names.
          returned: always
          type: str
          sample: https://registry.example.com/v2/k8s
        scheme:
          description: V(https) or V(http).
          returned: always
          type: str
          sample: https
        host:
          description: The host, with its port if one is written.
          returned: always
          type: str
          sample: registry.example.com
        path:
          description: The path below which it is asked.
          returned: always
          type: str
          sample: /v2/k8s
        capabilities:
          description: Those that count. Empty for an upstream, which has all.
          returned: always
          type: list
          elements: str
          sample: [pull, resolve]
        tags:
          description: Whether it may be asked which image a tag stands for.
          returned: always
          type: bool
          sample: true
        manifests:
          description: Whether it may be asked for manifests.
          returned: always
          type: bool
          sample: true
        blobs:
          description: Whether it may be asked for layers and other blobs.
          returned: always
          type: bool
          sample: true
        trusted:
          description: Whether it is one of RV(trusted_registries), or the node itself.
          returned: always
          type: bool
          sample: true
        upstream:
          description: Whether it is the registry that the namespace names, asked because nothing else is left.
          returned: always
          type: bool
          sample: false
        ca:
          description: The files of certificates that it is verified with, beside those of the system.
          returned: always
          type: list
          elements: str
          sample: [/etc/containerd/certs.d/corp-ca.pem]
        client:
          description: The pairs of files, certificate and key, that the node shows it.
          returned: always
          type: list
          elements: list
          sample: [[/etc/containerd/certs.d/node.pem, /etc/containerd/certs.d/node.key]]
        skip_verify:
          description: Whether its certificate is not verified.
          returned: always
          type: bool
          sample: false
        headers:
          description: The names of the headers that it is sent. Their values are not told.
          returned: always
          type: list
          elements: str
          sample: [Authorization]
images:
  description: The images that the node uses, sorted by name.
  returned: success
  type: list
  elements: dict
  sample:
    - image: registry.k8s.io/pause:3.8
      namespace: registry.k8s.io
      used_by: [cri, sandbox]
  contains:
    image:
      description: The name as containerd completes it.
      returned: always
      type: str
      sample: registry.k8s.io/pause:3.8
    namespace:
      description: The registry that it begins with.
      returned: always
      type: str
      sample: registry.k8s.io
    used_by:
      description:
        - V(cri) for one that CRI has, V(sandbox) for that of containerd's sandboxes, V(kubelet) for one in the
          kubelet's options, V(kubeadm) for one that kubeadm's configuration leads to, V(static pod) with the path of
          its manifest, and V(asked) for those of O(images).
      returned: always
      type: list
      elements: str
      sample: [cri, sandbox]
images_known:
  description:
    - Whether CRI told which images it has. The images of containerd's, the kubelet's and kubeadm's files are known
      without it.
  returned: success
  type: bool
  sample: true
images_unknown_reason:
  description: Why they are not known. Empty if they are.
  returned: success
  type: str
  sample: ""
findings:
  description: The traps that the node is in, the worst first.
  returned: success
  type: list
  elements: dict
  sample:
    - id: config-not-toml
      severity: error
      message: "/etc/containerd/config.toml: not valid TOML: Expected '=' after a key in a key/value pair. containerd
        does not start with it; one that runs does not come up again."
      file: /etc/containerd/config.toml
      line: 3
      key: ""
      fix: Mend the file; containerd config dump says whether it is sound.
      releases: all
  contains:
    id:
      description: What it is called. It never changes.
      returned: always
      type: str
      sample: config-not-toml
    severity:
      description: V(error), V(warning) or V(info).
      returned: always
      type: str
      sample: error
    message:
      description: What is so, and what comes of it.
      returned: always
      type: str
      sample: "No server is named for docker.io: docker.io is asked in the end. containerd asks the registry itself when
        none of the hosts delivers."
    file:
      description: The file that it is in. Empty if it is in none.
      returned: always
      type: str
      sample: /etc/containerd/config.toml
    line:
      description: The line in it. Null if it is about the whole file.
      returned: always
      type: int
      sample: 3
    key:
      description: The key path in it, as TOML writes it. Empty if it is about none.
      returned: always
      type: str
      sample: plugins."io.containerd.grpc.v1.cri".registry.config_path
    fix:
      description: What to do.
      returned: always
      type: str
      sample: Name a server that is trusted, such as the last of the hosts.
    releases:
      description: The containerd releases that it concerns.
      returned: always
      type: str
      sample: all
trusted_registries:
  description: The registries by which was judged.
  returned: success
  type: list
  elements: str
  sample: [registry.example.com]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_REGISTRY_INFO


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_REGISTRY_INFO, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
