# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of any size: what ``containerd_registry_info`` would have returned for each of their nodes."""

from __future__ import annotations

import random
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import RULES

Result = dict[str, t.Any]

TREE = "/etc/containerd/certs.d"
RELEASES = {
    "1.6.20": "registry.k8s.io/pause:3.6",
    "1.7.24": "registry.k8s.io/pause:3.8",
    "2.1.5": "registry.example.com/k8s/pause:3.10",
    "2.3.4": "registry.example.com/k8s/pause:3.10.2",
}
PUBLIC = ("docker.io", "registry.k8s.io", "k8s.gcr.io", "quay.io", "ghcr.io", "gcr.io", "nvcr.io", "public.ecr.aws")
# What can be wrong with one namespace, by the rule that finds it.
TRAPS = {
    "hosts-toml-dropped": "containerd passes over the file: line 3: unknown capability resolv",
    "hosts-toml-missing": "The directory has no hosts.toml and hides _default",
    "server-missing": "No server is named",
}


def namespaces(count: int) -> list[str]:
    own = (f"team-{number:02}.registry.example.com" for number in range(1, count))
    return [*PUBLIC, *own][:count]


def endpoint(host: str, *, trusted: bool, upstream: bool = False) -> Result:
    return {
        "url": f"https://{host}/v2",
        "scheme": "https",
        "host": host,
        "path": "/v2",
        "capabilities": ["pull", "resolve"],
        "tags": True,
        "manifests": True,
        "blobs": True,
        "trusted": trusted,
        "upstream": upstream,
        "ca": [] if upstream else ["/etc/containerd/certs.d/corp-ca.pem"],
        "client": [],
        "skip_verify": False,
        "headers": [],
    }


def route(namespace: str, trap: str = "") -> Result:
    """Closed by a mirror, unless a trap opens it."""
    mirror = endpoint("registry.example.com", trusted=True)
    upstream = endpoint("registry-1.docker.io" if namespace == "docker.io" else namespace, trusted=False, upstream=True)
    reason = f"{upstream['host']} is asked, and is not trusted." if trap else "Every endpoint is a trusted registry."
    return {
        "namespace": namespace,
        "verdict": "open" if trap else "closed",
        "reason": f"{TRAPS[trap]}; {reason}" if trap else reason,
        "rule": trap,
        "file": f"{TREE}/{namespace}/hosts.toml",
        "line": 3 if trap else None,
        "images": [],
        "why_listed": ["configured"],
        "endpoints": {"server-missing": [mirror, upstream], "": [mirror]}.get(trap, [upstream]),
    }


def finding(rule: str, what: str, **place: t.Any) -> Result:
    known = RULES[rule]
    told = {"message": f"{what}. {known.explanation}", "fix": known.fix, "releases": known.releases}
    return {"id": rule, "severity": known.severity.value, **told, "file": "", "line": None, "key": "", **place}


def judged(release: str, listed: t.Sequence[str], traps: t.Mapping[str, str], images: t.Sequence[str] = ()) -> Result:
    """A node on which the namespaces in ``traps`` are open, each for that reason."""
    routes = [route(name, traps.get(name, "")) for name in listed]
    findings = [finding(trap, TRAPS[trap], file=f"{TREE}/{name}/hosts.toml", line=3) for name, trap in traps.items()]
    findings.append(finding("other-registries-open", "There is no entry _default", file=TREE))
    if release.startswith("1."):
        text = f"containerd pulls {RELEASES[release]}"
        findings.append(finding("sandbox-image-default", text, file="/etc/containerd/config.toml"))
    return {
        "changed": False,
        "verdict": "open" if traps else "closed",
        "reason": next((each["reason"] for each in routes if each["rule"]), "Every route ends at a trusted registry."),
        "containerd": {
            "version": release,
            "treated_as": release,
            "config_file": "/etc/containerd/config.toml",
            "config_files": ["/etc/containerd/config.toml"],
            "unit": "containerd",
            "running": True,
            "started": "2026-11-02T08:15:00Z",
        },
        "config": {
            "config_path": TREE,
            "directories": list(listed),
            "sandbox_image": RELEASES[release],
            "sandbox_image_is_default": release.startswith("1."),
            "local_pull_reasons": [],
            "effective": {"version": 3, "plugins": {"io.containerd.cri.v1.images": {"snapshotter": "overlayfs"}}},
        },
        "routes": routes,
        "images": [
            {"image": image, "namespace": image.partition("/")[0], "used_by": ["cri"]}
            for image in (RELEASES[release], *images)
        ],
        "images_known": True,
        "images_unknown_reason": "",
        "findings": findings,
        "trusted_registries": ["registry.example.com"],
    }


def fleet(count: int, width: int = 50, *, kinds: int = 24, seed: int = 1) -> dict[str, Result]:
    """Registered results by node, of so many kinds of nodes; some nodes cannot be reached, or fail."""
    chance = random.Random(seed)  # noqa: S311 (the same fleet each time)
    listed = namespaces(width)
    made = [_kind(chance, listed) for _number in range(kinds)]
    nodes = {f"node-{number:04}": dict(chance.choice(made)) for number in range(1, count + 1)}
    for name in chance.sample(sorted(nodes), count // 100):
        nodes[name] = {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection timed out"}
    for name in chance.sample(sorted(nodes), count // 200):
        nodes[name] = {"failed": True, "msg": "/etc/containerd/config.toml:7: Expected '=' after a key. Mend the line."}
    for result in nodes.values():
        if "images" in result:
            result["images"] = [*result["images"], *_images(chance, listed)]
    return nodes


def _kind(chance: random.Random, listed: t.Sequence[str]) -> Result:
    is_open = chance.random() < 0.3
    names = chance.sample(listed, chance.randint(1, 6)) if is_open else []
    traps = {name: chance.choice(sorted(TRAPS)) for name in names}
    return judged(chance.choice(sorted(RELEASES)), listed, traps)


def _images(chance: random.Random, listed: t.Sequence[str]) -> list[Result]:
    """Each node runs pods of its own."""
    names = [(chance.choice(listed), chance.randint(1, 400)) for _number in range(25)]
    return [
        {"image": f"{namespace}/app/service-{number}:1.{number % 9}.0", "namespace": namespace, "used_by": ["cri"]}
        for namespace, number in names
    ]
