# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's judgement looks like, as short as it gets."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._report.fleet import Fleet, Node

Result = dict[str, t.Any]

GENERATED = "2026-11-21T18:00:00Z"
HOSTS_TOML = "/etc/containerd/certs.d/docker.io/hosts.toml"


def finding(rule: str = "hosts-toml-dropped", severity: str = "error", **others: t.Any) -> Result:
    """A finding of the line 3 of a file."""
    told = {"message": "containerd ignores the file.", "fix": "Mend line 3.", "releases": "1.5 and newer"}
    return {"id": rule, "severity": severity, **told, "file": HOSTS_TOML, "line": 3, "key": "server", **others}


def route(namespace: str = "docker.io", verdict: str = "closed", **others: t.Any) -> Result:
    endpoint = {
        "url": "https://registry.example.com/v2",
        "host": "registry.example.com",
        "trusted": verdict == "closed",
    }
    place = {"file": HOSTS_TOML, "line": None, "rule": ""}
    told = {"namespace": namespace, "verdict": verdict, "reason": f"It is {verdict}."}
    return {**told, **place, "images": [], "why_listed": ["configured"], "endpoints": [endpoint], **others}


def judged(verdict: str = "closed", *, findings: t.Sequence[Result] = (), **others: t.Any) -> Result:
    return {
        "changed": False,
        "verdict": verdict,
        "reason": f"The node is {verdict}.",
        "containerd": {"version": "2.3.4", "unit": "containerd", "started": "2026-11-02T08:15:00Z"},
        "config": {"sandbox_image": "registry.example.com/pause:3.10", "effective": {"version": 3}},
        "routes": [route(verdict=verdict)],
        "images": [],
        "findings": list(findings),
        "trusted_registries": ["registry.example.com"],
        **others,
    }


UNREACHABLE = {"unreachable": True, "msg": "Connection timed out"}
FAILED = {"failed": True, "msg": "config.toml:7: no."}


def fleet(registered: t.Mapping[str, Result | None]) -> Fleet:
    return Fleet(tuple(Node.read(name, result) for name, result in registered.items()), GENERATED)
