# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task may ask of the plugins: tests/integration_nodes/test_starts.py asks containerd itself."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent, Unsupported
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

CRI = "io.containerd.grpc.v1.cri"
STARGZ: dict[str, t.Any] = {"stargz": {"type": "snapshot", "address": "/run/stargz.sock"}}
NOT_THERE = "which containerd {} does not have: it would not start"


def plan(settings: dict[str, t.Any], release: str, text: str = "", unsupported: Unsupported = "error") -> ConfigPlan:
    intent = ConfigIntent(settings=settings, unsupported=unsupported)
    return plan_config(text.encode() or b"version = 2\n", intent, Release.parse(release))


TAKEN: dict[str, tuple[dict[str, t.Any], str]] = {
    "a plugin that CRI does without": ({"disabled_plugins": ["io.containerd.snapshotter.v1.zfs"]}, "2.3.4"),
    "one that CRI needs on other releases": ({"disabled_plugins": ["io.containerd.transfer.v1.local"]}, "1.7.24"),
    "a required plugin": ({"required_plugins": [CRI]}, "1.6.20"),
    "a required proxy": (
        {"required_plugins": ["io.containerd.snapshotter.v1.stargz"], "proxy_plugins": STARGZ},
        "2.3.4",
    ),
    "a required plugin of a later release": ({"required_plugins": ["io.containerd.new.v1.plugin"]}, "2.9.0"),
    "a proxy by the whole name of its type": (
        {"proxy_plugins": {"a": {"type": "io.containerd.snapshotter.v1", "address": "/run/a.sock"}}},
        "1.7.24",
    ),
    "a sandboxer": ({"proxy_plugins": {"a": {"type": "sandbox", "address": "/run/a.sock"}}}, "2.0.7"),
    "a store in the place of containerd's own": (
        {
            "proxy_plugins": {"a": {"type": "content", "address": "/run/a.sock"}},
            "disabled_plugins": ["io.containerd.content.v1.content"],
        },
        "2.3.4",
    ),
    "a second store before 2.0": (
        {"proxy_plugins": {"a": {"type": "content", "address": "/run/a.sock"}}},
        "1.7.24",
    ),
    "a differ that is there": (
        {"plugins": {"io.containerd.service.v1.diff-service": {"default": ["erofs", "walking"]}}},
        "2.1.5",
    ),
    "two directories": ({"root": "/srv/root", "state": "/srv/state"}, "2.3.4"),
}
REFUSED: dict[str, tuple[dict[str, t.Any], str, str]] = {
    "CRI": ({"disabled_plugins": [CRI]}, "2.3.4", f"disabled_plugins: would disable {CRI}, without which"),
    "CRI's images": (
        {"disabled_plugins": ["io.containerd.cri.v1.images"]},
        "2.3.4",
        "disabled_plugins: would disable io.containerd.cri.v1.images, without which containerd 2.3.4 starts without",
    ),
    "what CRI needs": (
        {"disabled_plugins": ["io.containerd.transfer.v1.local"]},
        "2.1.5",
        "disabled_plugins: would disable io.containerd.transfer.v1.local, without which",
    ),
    "the snapshotter in use": (
        {
            "disabled_plugins": ["io.containerd.snapshotter.v1.native"],
            "plugins": {"io.containerd.cri.v1.images": {"snapshotter": "native"}},
        },
        "2.3.4",
        "disabled_plugins: would disable io.containerd.snapshotter.v1.native, without which",
    ),
    "the snapshotter of a class": (
        {
            "disabled_plugins": ["io.containerd.snapshotter.v1.native"],
            "plugins": {
                "io.containerd.cri.v1.runtime": {"containerd": {"runtimes": {"runc": {"snapshotter": "native"}}}}
            },
        },
        "2.3.4",
        "disabled_plugins: would disable io.containerd.snapshotter.v1.native, which a runtime class uses: no pod of",
    ),
    "a required plugin that nobody knows": (
        {"required_plugins": ["io.containerd.grpc.v1.cry"]},
        "1.7.24",
        f"required_plugins: names io.containerd.grpc.v1.cry, {NOT_THERE.format('1.7.24')}",
    ),
    "a required plugin of another release": (
        {"required_plugins": ["io.containerd.internal.v1.restart"]},
        "2.0.7",
        f"required_plugins: names io.containerd.internal.v1.restart, {NOT_THERE.format('2.0.7')}",
    ),
    "a plugin that is required and disabled": (
        {
            "required_plugins": ["io.containerd.snapshotter.v1.zfs"],
            "disabled_plugins": ["io.containerd.snapshotter.v1.zfs"],
        },
        "2.3.4",
        "required_plugins: names io.containerd.snapshotter.v1.zfs, which disabled_plugins names too",
    ),
    "a proxy of no known type": (
        {"proxy_plugins": {"a": {"type": "snapshotter", "address": "/run/a.sock"}}},
        "2.3.4",
        "proxy_plugins.a.type: has to be one of snapshot, content, diff, sandbox, or containerd 2.3.4 ends",
    ),
    "a proxy of a type of later releases": (
        {"proxy_plugins": {"a": {"type": "sandbox", "address": "/run/a.sock"}}},
        "1.7.24",
        "proxy_plugins.a.type: has to be one of snapshot, content, diff, or containerd 1.7.24 ends",
    ),
    "a proxy without a type": (
        {"proxy_plugins": {"a": {"address": "/run/a.sock"}}},
        "1.7.24",
        "proxy_plugins.a.type: has to be one of",
    ),
    "a proxy by the name of a plugin that is there": (
        {"proxy_plugins": {"native": {"type": "snapshot", "address": "/run/a.sock"}}},
        "2.3.4",
        "proxy_plugins.native: containerd 2.3.4 has a plugin io.containerd.snapshotter.v1.native of its own",
    ),
    "a second store": (
        {"proxy_plugins": {"a": {"type": "content", "address": "/run/a.sock"}}},
        "2.0.7",
        "proxy_plugins.a: would be a second store beside io.containerd.content.v1.content: containerd 2.0.7 starts",
    ),
    "a differ that is not there": (
        {"plugins": {"io.containerd.service.v1.diff-service": {"default": ["erofs"]}}},
        "2.0.7",
        "plugins.\"io.containerd.service.v1.diff-service\".default: names the differ 'erofs', which",
    ),
    "one directory for both": ({"state": "/var/lib/containerd"}, "2.3.4", "root: is '/var/lib/containerd' as state"),
}


@pytest.mark.parametrize(("settings", "release"), TAKEN.values(), ids=TAKEN)
def test_taken(settings: dict[str, t.Any], release: str) -> None:
    assert plan(settings, release).differences


@pytest.mark.parametrize(("settings", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(settings: dict[str, t.Any], release: str, message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        plan(settings, release)
    assert str(refusal.value).startswith(message)


def test_written_on_request() -> None:
    settings = {"required_plugins": ["com.example.scanner.v1.images"]}
    written = plan(settings, "2.3.4", unsupported="write")
    assert "com.example.scanner" in written.text
    assert "It is written all the same." in written.warnings[0]


@pytest.mark.parametrize(
    "settings",
    [{"disabled_plugins": [CRI, "io.containerd.snapshotter.v1.zfs"]}, {"oom_score": -999}],
    ids=["said again", "something else"],
)
def test_what_the_files_have_already_is_let_be(settings: dict[str, t.Any]) -> None:
    text = f'version = 2\nroot = "/srv"\nstate = "/srv"\ndisabled_plugins = ["{CRI}"]\n'
    assert plan(settings, "2.3.4", text).differences
