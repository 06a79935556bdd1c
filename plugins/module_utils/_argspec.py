# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the public modules, once: for the module that documents them and for the action that does the work.

Private to this collection. Paths are of type str: type path would expand ``~`` and variables of the controller, not
of the node.
"""

from __future__ import annotations

import typing as t

Spec = t.Dict[str, t.Dict[str, t.Any]]

CONTAINERD_CONFIG: Spec = {
    "path": {"type": "str", "default": "/etc/containerd/config.toml"},
    "sandbox_image": {"type": "str"},
    "registry_config_path": {"type": "str"},
    "settings": {"type": "dict", "default": {}},
    "absent": {"type": "list", "elements": "raw", "default": []},
    "backup": {"type": "bool", "default": False},
    "containerd_version": {"type": "str"},
}

REGISTRY_HOST: Spec = {
    "capabilities": {"type": "list", "elements": "str", "choices": ["pull", "resolve", "push", "referrers"]},
    "ca": {"type": "list", "elements": "str"},
    "client": {"type": "raw"},
    "skip_verify": {"type": "bool"},
    "override_path": {"type": "bool"},
    "dial_timeout": {"type": "str"},
    "header": {"type": "dict", "no_log": True},
}

REGISTRY_AUTH: Spec = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth": {"type": "str", "no_log": True},
    "identity_token": {"type": "str", "no_log": True},
    "json_key": {"type": "raw", "no_log": True},
    "method": {"type": "str", "choices": ["auto", "header", "config"], "default": "auto"},
}

# What an endpoint has of its own, and no default can give.
REGISTRY_ENDPOINT: Spec = {**REGISTRY_HOST, "auth": {"type": "dict", "options": REGISTRY_AUTH}}

CONTAINERD_REGISTRIES: Spec = {
    "registries": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "namespace": {"type": "str", "required": True},
            "fallback": {"type": "bool", "required": True},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "options": {"url": {"type": "str", "required": True}, **REGISTRY_ENDPOINT},
            },
            "server": {"type": "str"},
            **REGISTRY_ENDPOINT,
        },
    },
    "defaults": {"type": "dict", "options": REGISTRY_HOST},
    "config_path": {"type": "str", "default": "/etc/containerd/certs.d"},
    "purge": {"type": "bool", "default": False},
    "containerd_version": {"type": "str"},
}
