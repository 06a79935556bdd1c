# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the public modules, once: for the module that documents them and for the action that does the work.

Private to this collection. Paths are of type str: type path would expand ``~`` and variables of the controller, not
of the node.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._journal import KEEP

Spec = t.Dict[str, t.Dict[str, t.Any]]

# What a runtime class can say; containerd's own keys, but for the first and the last.
RUNTIME: Spec = {
    "name": {"type": "str", "required": True},
    "runtime_type": {"type": "str"},
    "runtime_path": {"type": "str"},
    "options": {"type": "dict"},
    "snapshotter": {"type": "str"},
    "base_runtime_spec": {"type": "str"},
    "pod_annotations": {"type": "list", "elements": "str"},
    "container_annotations": {"type": "list", "elements": "str"},
    "privileged_without_host_devices": {"type": "bool"},
    "privileged_without_host_devices_all_devices_allowed": {"type": "bool"},
    "cni_conf_dir": {"type": "str"},
    "cni_max_conf_num": {"type": "int"},
    "sandboxer": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

CNI: Spec = {
    "bin_dirs": {"type": "list", "elements": "str"},
    "conf_dir": {"type": "str"},
    "conf_template": {"type": "str"},
    "max_conf_num": {"type": "int"},
    "setup_serially": {"type": "bool"},
    "ip_pref": {"type": "str", "choices": ["ipv4", "ipv6", "cni"]},
    "use_internal_loopback": {"type": "bool"},
}

STREAM_SERVER: Spec = {
    "address": {"type": "str"},
    "port": {"type": "int"},
    "idle_timeout": {"type": "str"},
    "enable_tls": {"type": "bool"},
    "tls_cert_file": {"type": "str"},
    "tls_key_file": {"type": "str"},
}

UNPACK_CONFIG: Spec = {
    "snapshotter": {"type": "str", "required": True},
    "platform": {"type": "str", "default": "linux"},
    "differ": {"type": "str"},
    "config_type": {"type": "str"},
    "layer_types": {"type": "list", "elements": "str"},
    "optional": {"type": "bool"},
}

TRANSFER_SERVICE: Spec = {
    "max_concurrent_uploaded_layers": {"type": "int"},
    "max_concurrent_unpacks": {"type": "int"},
    "check_platform_supported": {"type": "bool"},
    "unpack_config": {"type": "list", "elements": "dict", "options": UNPACK_CONFIG},
}

# The options of CRI that have a name of their own. None of them has a default: what is not named stays as it is.
CRI_OPTIONS: Spec = {
    "systemd_cgroup": {"type": "bool"},
    "snapshotter": {"type": "str"},
    "default_runtime_name": {"type": "str"},
    "runtimes": {"type": "list", "elements": "dict", "options": RUNTIME},
    "cni": {"type": "dict", "options": CNI},
    "stream_server": {"type": "dict", "options": STREAM_SERVER},
    "disable_tcp_service": {"type": "bool"},
    "enable_unprivileged_ports": {"type": "bool"},
    "enable_unprivileged_icmp": {"type": "bool"},
    "device_ownership_from_security_context": {"type": "bool"},
    "enable_cdi": {"type": "bool"},
    "cdi_spec_dirs": {"type": "list", "elements": "str"},
    "enable_selinux": {"type": "bool"},
    "max_container_log_line_size": {"type": "int"},
    "image_decryption": {"type": "dict", "options": {"key_model": {"type": "str", "no_log": False}}},
    "stream_processors": {"type": "dict"},
    "max_concurrent_downloads": {"type": "int"},
    "concurrent_layer_fetch_buffer": {"type": "int"},
    "image_pull_progress_timeout": {"type": "str"},
    "use_local_image_pull": {"type": "bool"},
    "transfer_service": {"type": "dict", "options": TRANSFER_SERVICE},
}

CONTAINERD_CONFIG: Spec = {
    "path": {"type": "str", "default": "/etc/containerd/config.toml"},
    "sandbox_image": {"type": "str"},
    "registry_config_path": {"type": "str"},
    "unit": {"type": "str", "default": "containerd"},
    **CRI_OPTIONS,
    "registries": {"type": "list", "elements": "dict", "default": []},
    "registries_defaults": {"type": "dict", "default": {}},
    "settings": {"type": "dict", "default": {}},
    "absent": {"type": "list", "elements": "raw", "default": []},
    "unsupported": {"type": "str", "choices": ["error", "warn", "write"], "default": "error"},
    "layout": {"type": "str", "choices": ["in_place", "drop_in"], "default": "in_place"},
    "drop_in_path": {"type": "str", "default": "/etc/containerd/conf.d/60-airgap-nodes.toml"},
    "config_version": {"type": "str", "choices": ["keep", "newest", "2", "3", "4"], "default": "keep"},
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
    "unit": {"type": "str", "default": "containerd"},
    "purge": {"type": "bool", "default": False},
    "containerd_version": {"type": "str"},
}

CONTAINERD_MIGRATE: Spec = {
    "path": {"type": "str", "default": "/etc/containerd/config.toml"},
    "config_path": {"type": "str"},
    "auth": {"type": "str", "choices": ["keep", "header"], "default": "keep"},
    "headers": {"type": "str", "choices": ["keep", "carry"], "default": "keep"},
    "accept_losses": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
    "leave": {"type": "list", "elements": "str", "default": []},
    "unit": {"type": "str", "default": "containerd"},
    "backup": {"type": "bool", "default": True},
    "containerd_version": {"type": "str"},
}

# The registries are what containerd_registries takes, and are read as it reads them.
CONTAINERD_REGISTRY_INFO: Spec = {
    "trusted_registries": {"type": "list", "elements": "str", "default": []},
    "registries": {"type": "list", "elements": "dict", "default": []},
    "images": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str"},
    "unit": {"type": "str", "default": "containerd"},
    "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
    "root": {"type": "str"},
    "containerd_version": {"type": "str"},
}

# Each of the three is what the module of that name takes, and is checked by its specification.
CONTAINERD_NODE: Spec = {
    "registries": {"type": "dict"},
    "migrate": {"type": "dict"},
    "config": {"type": "dict"},
    "unit": {"type": "str", "default": "containerd"},
    "containerd_version": {"type": "str"},
    "trusted_registries": {"type": "list", "elements": "str", "default": []},
    "proof": {"type": "bool", "default": False},
    "keep_changes": {"type": "int", "default": KEEP},
}

AUDIT_REPORT: Spec = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "registered": {"type": "str", "required": True},
    "fail_on": {"type": "str", "choices": ["error", "warning", "info", "open", "never"], "default": "error"},
    "json": {"type": "path"},
    "sarif": {"type": "path"},
    "junit": {"type": "path"},
    "html": {"type": "path"},
    "findings_url": {"type": "str", "default": "https://git.example.com/airgap/nodes/docs/findings.md"},
}

CONTAINERD_CANARY: Spec = {
    # As containerd_registries has them; it is the domain that tells which entry is wrong.
    "registries": {"type": "list", "elements": "dict"},
    "registries_defaults": {"type": "dict", "default": {}},
    "namespaces": {"type": "list", "elements": "str"},
    "trusted_registries": {"type": "list", "elements": "str", "default": []},
    "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
    "unit": {"type": "str", "default": "containerd"},
    "timeout": {"type": "int", "default": 60},
}
