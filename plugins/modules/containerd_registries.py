# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_registries
short_description: Point containerd at registries by a tree of hosts.toml files
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Writes one C(hosts.toml) for each registry host namespace, and brings the CA and client certificates it needs.
  - Every file is written in the one form that all releases of containerd read alike, and is read again by the rules of
    the node's release before it is written. containerd drops a file that it cannot read and asks the public registry
    instead, so whatever it would drop, ignore or misread is an error of the task.
  - What the node's release does not know is refused, with the release that knows it.
  - A C(hosts.toml) that this module did not write is replaced when its namespace is listed, and a copy is kept beside
    it. Of the module's own files no copies are kept, because they would keep old passwords on the node.
  - Certificates and keys that this module brought are removed when nothing refers to them any more.
  - Namespaces that share one C(hosts.toml) through a symlink are refused.
  - The whole tree is one task. It takes one round trip to a node when nothing changes and two when something does.
  - containerd reads C(hosts.toml) at every pull, so nothing has to be restarted. It only looks there if
    C(config_path) is set in its configuration, see M(airgap.nodes.containerd_config).
  - In check mode it is planned and shown what would change.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
  - cryptography (on the controller), to check the certificates that are copied
options:
  registries:
    description:
      - The namespaces, one entry each. Namespaces that are not listed are left alone, see O(purge).
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description:
          - What the names of images begin with, such as V(registry.k8s.io), V(registry.example.com:5000) or
            V([fd00::1]:5000). Images without a registry in their name belong to V(docker.io).
          - V(_default) is for every registry that has no directory of its own. It needs containerd 1.6.17 or 1.7.
        type: str
        required: true
      fallback:
        description:
          - Whether containerd may ask the registry that the namespace names, the upstream, when no host has an image.
          - V(false) closes the namespace. The last of O(registries[].hosts), or O(registries[].server), is the last
            that is asked. An endpoint that is the upstream itself is an error then.
          - V(true) lets containerd ask the upstream last. With O(registries[].server), that is asked in its place.
          - There is no default, because containerd's own is to ask the upstream.
        type: bool
        required: true
      hosts:
        description:
          - The endpoints, in the order in which they are asked.
        type: list
        elements: dict
        suboptions:
          url:
            description:
              - Where the endpoint is, beginning with C(http://) or C(https://).
              - containerd asks below C(/v2) of it. With a path, see O(registries[].hosts[].override_path).
              - Before containerd 2.0, only the last endpoint of a closed namespace, or the server, can be an IPv6
                address in brackets.
            type: str
            required: true
          capabilities:
            description:
              - What the endpoint is asked for. All that the release knows if left out.
              - Tags are only looked up where both V(pull) and V(resolve) are given. containerd fetches manifests and
                blobs from every endpoint, whatever stands here.
              - V(referrers) needs containerd 2.2.
            type: list
            elements: str
            choices: [pull, resolve, push, referrers]
          ca:
            description:
              - PEM files with the certificates of CAs, in addition to those of the system.
              - An absolute path is a file on the node, which must exist there and have a certificate in it. Anything
                else is a file beside the play or the inventory, or in C(files/) there, which may be in a vault. It is
                checked and copied next to the C(hosts.toml), under a name that changes with its content.
            type: list
            elements: str
          client:
            description:
              - The client's certificates. A file that holds certificate and key, a list of such files, or a list of
                pairs C([certificate, key]).
              - Files are found as for O(registries[].hosts[].ca). Keys are copied with mode V(0600). Those on the node
                must exist, but are not read.
            type: raw
          skip_verify:
            description:
              - Do not check the endpoint's certificate.
            type: bool
          override_path:
            description:
              - The path of the URL is complete, so that C(/v2) is not appended, as for a project of a registry under
                C(https://registry.example.com/v2/project).
              - Needs containerd 1.6.
            type: bool
          dial_timeout:
            description:
              - How long to wait for a connection, such as V(5s) or V(1m30s).
              - Needs containerd 2.0.7.
            type: str
          header:
            description:
              - Headers to send along, each a text or a list of texts. Their names are written in canonical case.
              - For credentials, use O(registries[].hosts[].auth). An C(Authorization) header written here works with
                registries that take basic authentication. Before containerd 2.1 it does not reach registries that hand
                out tokens, which is a warning.
              - A C(hosts.toml) with a header has mode V(0600), others V(0644).
            type: dict
          auth:
            description:
              - The credentials for this endpoint, of exactly one kind, O(registries[].hosts[].auth.username) with
                O(registries[].hosts[].auth.password), O(registries[].hosts[].auth.auth),
                O(registries[].hosts[].auth.identity_token) or O(registries[].hosts[].auth.json_key).
              - Where they go depends on the node's containerd, see O(registries[].hosts[].auth.method). This module
                writes C(hosts.toml) only. RV(config_auth) has the hosts whose credentials have their place in
                C(config.toml), where M(airgap.nodes.containerd_config) writes them when it is given the same
                O(registries); the role does so.
              - Not together with an C(Authorization) header, and not in O(defaults), which would hand one password to
                every endpoint.
            type: dict
            suboptions:
              username:
                description:
                  - The user.
                type: str
              password:
                description:
                  - The user's password.
                type: str
              auth:
                description:
                  - C(user:password) in base64, as in the C(auths) of a Docker C(config.json).
                type: str
              identity_token:
                description:
                  - A token that the registry's token server takes in place of a password. containerd takes it from
                    C(config.toml) alone, on every release.
                type: str
              json_key:
                description:
                  - The key of a service account, for Google's registries. The text of the file, or the mapping that
                    templating makes of it. The user is V(_json_key).
                type: raw
              method:
                description:
                  - V(header) puts user and password into an C(Authorization) header in C(hosts.toml). That needs no
                    restart, but before containerd 2.1 it does not reach registries that hand out tokens. containerd
                    then goes on to the next endpoint, which is a warning.
                  - V(config) puts them into C(registry.configs) of C(config.toml), by the C(host[:port]) of the
                    endpoint. That serves both kinds of registries, and every namespace that the host is an endpoint
                    of. It needs a restart, and from containerd 2.1 on it makes the daemon pull all images by its older
                    local way, which is a warning of M(airgap.nodes.containerd_config).
                  - V(auto) is V(header) from containerd 2.1 on and V(config) before, and V(config) for an identity
                    token.
                type: str
                choices: [auto, header, config]
                default: auto
      server:
        description:
          - The URL of the endpoint that is asked last, in place of the upstream.
          - The options below are about this server, and only allowed with it; see O(registries[].auth) for the one
            exception.
        type: str
      capabilities:
        description:
          - As O(registries[].hosts[].capabilities), for the server.
        type: list
        elements: str
        choices: [pull, resolve, push, referrers]
      ca:
        description:
          - As O(registries[].hosts[].ca), for the server.
        type: list
        elements: str
      client:
        description:
          - As O(registries[].hosts[].client), for the server.
        type: raw
      skip_verify:
        description:
          - As O(registries[].hosts[].skip_verify), for the server.
        type: bool
      override_path:
        description:
          - As O(registries[].hosts[].override_path), for the server.
        type: bool
      dial_timeout:
        description:
          - As O(registries[].hosts[].dial_timeout), for the server.
        type: str
      header:
        description:
          - As O(registries[].hosts[].header), for the server.
        type: dict
      auth:
        description:
          - As O(registries[].hosts[].auth), for the server.
          - Without O(registries[].server), and with O(registries[].fallback=true), for the upstream itself, which is
            then written as the server. The one of V(docker.io) is C(https://registry-1.docker.io).
        type: dict
        suboptions:
          username:
            description:
              - As O(registries[].hosts[].auth.username).
            type: str
          password:
            description:
              - As O(registries[].hosts[].auth.password).
            type: str
          auth:
            description:
              - As O(registries[].hosts[].auth.auth).
            type: str
          identity_token:
            description:
              - As O(registries[].hosts[].auth.identity_token).
            type: str
          json_key:
            description:
              - As O(registries[].hosts[].auth.json_key).
            type: raw
          method:
            description:
              - As O(registries[].hosts[].auth.method).
            type: str
            choices: [auto, header, config]
            default: auto
  defaults:
    description:
      - Settings for every host, and every server that is named, that does not have them itself.
      - A setting of a host replaces the default as a whole. Empty, as in C(ca=[]) or C(header={}), it switches the
        default off.
      - V(ca), V(client) and V(skip_verify) are not applied to C(http://) endpoints, and V(override_path) not to a URL
        without a path.
      - Headers and client certificates of the defaults are never sent to an endpoint that is the upstream itself. Such
        an entry is an error until it says what it wants.
    type: dict
    suboptions:
      capabilities:
        description:
          - As O(registries[].hosts[].capabilities).
        type: list
        elements: str
        choices: [pull, resolve, push, referrers]
      ca:
        description:
          - As O(registries[].hosts[].ca).
        type: list
        elements: str
      client:
        description:
          - As O(registries[].hosts[].client).
        type: raw
      skip_verify:
        description:
          - As O(registries[].hosts[].skip_verify).
        type: bool
      override_path:
        description:
          - As O(registries[].hosts[].override_path).
        type: bool
      dial_timeout:
        description:
          - As O(registries[].hosts[].dial_timeout).
        type: str
      header:
        description:
          - As O(registries[].hosts[].header).
        type: dict
  config_path:
    description:
      - The directory of the tree on the node, made with its parents if it does not exist. It is the value that
        C(config_path) has in containerd's configuration.
      - Exactly one absolute path, because containerd 2.1 and later take a list for one directory that does not exist.
    type: str
    default: /etc/containerd/certs.d
  unit:
    description:
      - The systemd unit that runs containerd, of whose program the version is asked.
    type: str
    default: containerd
  purge:
    description:
      - Remove what this module wrote for namespaces that are not listed any more, recognised by the first line of
        C(hosts.toml), which names the namespace, with the certificates that it brought.
      - Whatever else is there stays, and is listed in RV(kept). So is a directory or C(hosts.toml) that is a symlink,
        or that a symlink in another directory leads to.
      - Removing V(_default) is a warning, because containerd then asks the upstream of every registry that has no
        directory of its own.
      - If something of others, such as the copy of an adopted C(hosts.toml), would keep the directory of a removed
        namespace where there is a V(_default), nothing is written and the task fails. containerd would ask the
        upstream of that namespace for as long as the directory exists.
    type: bool
    default: false
  containerd_version:
    description:
      - The release to write for, such as V(1.7.24). Needed only where containerd is not installed yet, as in image
        builds. By default it is found on the node.
      - A node whose containerd is newer than the collection knows (2.4) is treated as 2.4, or as the release named
        here; a warning tells of it.
    type: str
seealso:
  - module: airgap.nodes.containerd_config
  - module: airgap.nodes.crictl_pull
attributes:
  check_mode:
    description: Can run in check mode and tell what would change.
    support: full
  diff_mode:
    description: Shows each file, with the values of headers and credentials masked, and of a PEM only what it is.
    support: full
"""

EXAMPLES = r"""
- name: Images of Kubernetes come from the private registry and from nowhere else
  airgap.nodes.containerd_registries:
    registries:
      - namespace: registry.k8s.io
        fallback: false
        hosts:
          - url: https://registry.example.com/v2/k8s
            override_path: true
            ca: corp-ca.pem

- name: Two mirrors with client certificates for every registry, removing what is not listed
  airgap.nodes.containerd_registries:
    purge: true
    defaults:
      ca: corp-ca.pem
      client:
        - [node.crt, node.key]
    registries:
      - namespace: _default
        fallback: false
        hosts:
          - url: https://mirror-a.example.com
            capabilities: [pull, resolve]
          - url: https://mirror-b.example.com

- name: A cache that needs a password in front of Docker Hub
  airgap.nodes.containerd_registries:
    registries:
      - namespace: docker.io
        fallback: true
        hosts:
          - url: https://hub-cache.example.com
            auth:
              username: puller
              password: "{{ hub_cache_password }}"

- name: Docker Hub itself, with an account
  airgap.nodes.containerd_registries:
    registries:
      - namespace: docker.io
        fallback: true
        auth:
          username: "{{ hub_user }}"
          password: "{{ hub_access_token }}"

- name: A registry of Google's, with the key file of a service account beside the play
  airgap.nodes.containerd_registries:
    registries:
      - namespace: europe-docker.pkg.dev
        fallback: true
        auth:
          json_key: "{{ lookup('ansible.builtin.file', 'puller.json') }}"

- name: The private registry itself, with a CA that the node has already
  airgap.nodes.containerd_registries:
    registries:
      - namespace: registry.example.com:5000
        fallback: true
        server: https://registry.example.com:5000
        ca: /etc/ssl/certs/ca-certificates.crt

- name: A registry that takes an identity token, and one that wants a header and whose certificate nobody can verify
  airgap.nodes.containerd_registries:
    registries:
      - namespace: registry.example.com
        fallback: true
        auth:
          identity_token: "{{ registry_identity_token }}"
      - namespace: lab.example.com
        fallback: false
        hosts:
          - url: https://10.0.0.5:5443
            skip_verify: true
            header:
              X-Team: "{{ lab_team_key }}"

- name: A password that stays in config.toml on every release, for a second containerd with a tree of its own
  airgap.nodes.containerd_registries:
    unit: containerd-build
    config_path: /etc/containerd-build/certs.d
    registries:
      - namespace: registry.example.com
        fallback: true
        auth:
          username: builder
          password: "{{ builder_password }}"
          method: config

- name: Write for a containerd that is not installed yet
  airgap.nodes.containerd_registries:
    containerd_version: 2.1.5
    registries:
      - namespace: quay.io
        fallback: false
        hosts:
          - url: https://registry.example.com
            dial_timeout: 5s
"""

RETURN = r"""
registries:
  description: What each entry came to, in the order of O(registries).
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace.
      returned: always
      type: str
      sample: registry.k8s.io
    directory:
      description: Its directory on the node. A port stands between underscores, which every release looks for first.
      returned: always
      type: str
      sample: /etc/containerd/certs.d/registry.k8s.io
    endpoints:
      description: The endpoints that are named, in the order in which containerd asks them.
      returned: always
      type: list
      elements: str
      sample: [https://registry.example.com/v2/k8s]
    closed:
      description:
        - Whether containerd never asks the upstream. If V(false), it is asked last, or is one of the endpoints.
      returned: always
      type: bool
      sample: true
adopted:
  description: The C(hosts.toml) files that this module had not written and that were replaced. A copy is kept of each.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/docker.io/hosts.toml]
purged:
  description: The directories of namespaces that were removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/quay.io]
kept:
  description: What O(purge) left below O(config_path) because it is not this module's.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/registry.example.net]
config_auth:
  description:
    - The hosts with O(registries[].hosts[].auth) or O(registries[].auth) whose credentials have their place in
      C(registry.configs) of C(config.toml) on this release. This module did not write those.
  returned: success
  type: list
  elements: str
  sample: [hub-cache.example.com]
backup_files:
  description: The copies that were made of adopted files. Empty in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/docker.io/hosts.toml.20261121T071500.bak]
containerd_version:
  description: The containerd release that the files were written for.
  returned: success
  type: str
  sample: 1.7.24
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_REGISTRIES


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_REGISTRIES, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
