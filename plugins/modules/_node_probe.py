#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _node_probe
short_description: Ask registries for an image as containerd would
version_added: 0.1.0
description:
  - Internal to this collection. The action plugin of M(airgap.nodes.crictl_pull) calls it after a pull that failed.
    Do not use it in playbooks; its options and return values may change without notice.
  - Takes every endpoint the way that containerd takes it, with its CA, client certificate and headers and through the
    proxy of containerd's unit. That is name resolution, TCP, the proxy, TLS, C(/v2/), the manifest, the authorization
    server, and one blob.
  - Nothing is written on the node, and no image is stored. A header or a password goes only to a server whose
    certificate was verified, unless the endpoint says C(skip_verify) or V(http).
  - All endpoints are asked at once. What is not done when O(seconds) are over is told of as far as it came.
options:
  endpoints:
    description:
      - The endpoints, as the controller reads them from the node's files.
    type: list
    elements: dict
    required: true
    suboptions:
      scheme:
        description: The scheme of the URL.
        type: str
        choices: [http, https]
        required: true
      host:
        description: Host, with the port if one is written.
        type: str
        required: true
      path:
        description: Path of the API, without a slash at its end.
        type: str
        default: ""
      repository:
        description: The image's repository.
        type: str
        required: true
      reference:
        description: The image's tag or digest.
        type: str
        required: true
      ns:
        description: The image's registry, where the endpoint is another.
        type: str
        default: ""
      ca:
        description: Files with CAs.
        type: list
        elements: str
        default: []
      client:
        description: Pairs of files, certificate and key.
        type: list
        elements: list
        default: []
      skip_verify:
        description: Whether any certificate will do.
        type: bool
        default: false
      tls_first:
        description: Whether TLS is tried first at an V(http) URL.
        type: bool
        default: false
      header:
        description: Pairs of a header's name and value.
        type: list
        elements: list
        default: []
      header_to_token:
        description: Whether the headers go to the authorization server too.
        type: bool
        default: false
      auth:
        description: User and password for who asks for them, C(user:password) in base64.
        type: str
        default: ""
  auth_file:
    description:
      - A file with one line C(user:password), for endpoints without an C(auth) of their own.
    type: str
  unit:
    description: The unit of containerd, whose environment names the proxy.
    type: str
    default: containerd.service
  seconds:
    description: How long all of it may take.
    type: float
    default: 10
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
author:
  - the airgap.nodes authors (@airgap-nodes)
"""

EXAMPLES = r"""
- name: Ask a mirror for an image
  airgap.nodes._node_probe:
    endpoints:
      - scheme: https
        host: registry.example.com:5000
        path: /v2
        repository: pause
        reference: "3.10"
        ns: registry.k8s.io
        ca: [/etc/containerd/certs.d/registry.k8s.io/ca.crt]
"""

RETURN = r"""
probes:
  description:
    - What came of each endpoint, in the order of O(endpoints).
    - C(step) is how far it came, C(trouble) why not farther; certificates are base64 of DER.
  returned: success
  type: list
  elements: dict
  sample:
    - step: tls
      address: 192.0.2.10
      proxy: ""
      trouble: {kind: certificate, text: self-signed certificate in certificate chain, verify_code: 19}
      tls: {version: TLSv1.3, chain: [MIIB...]}
      ca: [MIIB...]
      seconds: 0.02
now:
  description: The node's clock, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795240800.25
"""

import base64
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils import _probe, _programs
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import printable

ENDPOINT: t.Dict[str, t.Dict[str, t.Any]] = {
    "scheme": {"type": "str", "choices": ["http", "https"], "required": True},
    "host": {"type": "str", "required": True},
    "path": {"type": "str", "default": ""},
    "repository": {"type": "str", "required": True},
    "reference": {"type": "str", "required": True},
    "ns": {"type": "str", "default": ""},
    "ca": {"type": "list", "elements": "str", "default": []},
    "client": {"type": "list", "elements": "list", "default": []},
    "skip_verify": {"type": "bool", "default": False},
    "tls_first": {"type": "bool", "default": False},
    "header": {"type": "list", "elements": "list", "default": []},
    "header_to_token": {"type": "bool", "default": False},
    # Not no_log: a short password would be blanked wherever its letters turn up. Nothing that is returned has it.
    "auth": {"type": "str", "default": "", "no_log": False},
}


def settings_of(endpoint: t.Mapping[str, t.Any], auth: str) -> _probe.Settings:
    known = {name: endpoint[name] for name in _probe.Settings._fields}
    return _probe.Settings(
        **{
            **known,
            "ca": tuple(endpoint["ca"]),
            "client": tuple((str(first), str(last)) for first, last in endpoint["client"]),
            "header": tuple((str(name), str(value)) for name, value in endpoint["header"]),
            "auth": endpoint["auth"] or auth,
        }
    )


def read_auth(path: t.Optional[str]) -> str:
    """The user and password of a file in base64; nothing of one that cannot be used: the pull has said so."""
    try:
        with open(path or "", encoding="utf-8") as file:
            line = file.read(65536).strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return base64.b64encode(line.encode()).decode() if ":" in line else ""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "endpoints": {"type": "list", "elements": "dict", "required": True, "options": ENDPOINT},
            "auth_file": {"type": "str"},
            "unit": {"type": "str", "default": "containerd.service"},
            "seconds": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    unit, _warning = _programs.read_unit(module.params["unit"])
    environment = _probe.environment_of(unit["main_pid"]) if unit and unit["main_pid"] else {}
    auth = read_auth(module.params["auth_file"])
    endpoints = [settings_of(endpoint, auth) for endpoint in module.params["endpoints"]]
    probes = _probe.probe_all(endpoints, environment, module.params["seconds"])
    module.exit_json(changed=False, probes=printable(probes), now=time.time())


if __name__ == "__main__":
    main()
