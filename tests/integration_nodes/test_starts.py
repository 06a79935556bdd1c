# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd starts, with its CRI, from what the collection writes, and from nothing that it refuses.

Asked of the releases that ``make test`` boots; others by name: ``DUMP_RELEASES=2.0,2.4``, or ``all``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.plugin_set import built_in, needed_by_cri
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set, edit
from nodes import dumps, starts

Settings = dict[str, t.Any]

# Without it nobody could ask.
INTROSPECTION = "io.containerd.grpc.v1.introspection"
# The first needs a library of C, which the nodes' own builds go without; Debian's 1.6 goes without the others.
NOT_IN_EVERY_BUILD = {
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
}
EMPTY = "version = 2\n"


def release(name: str) -> Release:
    return Release.parse(dumps.version(name))


def started(name: str, texts: list[str]) -> list[starts.Start]:
    return starts.start_many(name, [dumps.Case({dumps.CONFIG: text.encode()}) for text in texts])


def test_the_plugins_of_a_release(started_release: str) -> None:
    (start,) = started(started_release, [EMPTY])
    assert start.has_cri, start.log
    assert set(start.plugins) | NOT_IN_EVERY_BUILD == set(built_in(release(started_release))) | NOT_IN_EVERY_BUILD


def test_plugins_that_cri_needs(started_release: str) -> None:
    needed = needed_by_cri(release(started_release))
    asked = [name for name in built_in(release(started_release)) if name != INTROSPECTION]
    found = started(started_release, [f'{EMPTY}disabled_plugins = ["{name}"]\n' for name in asked])
    lost = {name for name, start in zip(asked, found, strict=True) if not start.has_cri}
    # The table has no word of the snapshotter, which depends on the settings.
    assert lost == needed | {"io.containerd.snapshotter.v1.overlayfs"}


def plugin(name: str, **keys: t.Any) -> Settings:
    return {"plugins": {name: keys}}


def proxy(name: str, **keys: str) -> Settings:
    return {"proxy_plugins": {name: {"address": "/run/proxy.sock", **keys}}}


def snapshotter(name: str) -> Settings:
    containerd = {"snapshotter": name, "runtimes": {"runc": {"runtime_type": "io.containerd.runc.v2"}}}
    return plugin(V2_CRI[1], containerd=containerd)


ASKED: list[Settings] = [
    {"debug": {"level": "loud"}},
    {"debug": {"level": "INFO"}},
    {"debug": {"level": "warning"}},
    {"debug": {"address": "debug.sock"}},
    {"timeouts": {"io.containerd.timeout.shim.cleanup": "5 seconds"}},
    {"timeouts": {"io.containerd.timeout.shim.cleanup": "-5s"}},
    {"timeouts": {"io.containerd.timeout.shim.cleanup": ""}},
    {"root": "/var/lib/x", "state": "/var/lib/x"},
    {"state": "/var/lib/containerd"},
    {"metrics": {"address": "nonsense"}},
    {"metrics": {"address": "127.0.0.1:0"}},
    {"required_plugins": ["io.containerd.grpc.v1.cry"]},
    {"required_plugins": [V2_CRI[1]]},
    proxy("mine", type="snapshotter"),
    proxy("mine"),
    proxy("mine", type="content"),
    {**proxy("mine", type="content"), "disabled_plugins": ["io.containerd.content.v1.content"]},
    proxy("mine", type="diff"),
    proxy("mine", type="sandbox"),
    proxy("mine", type="io.containerd.snapshotter.v1"),
    proxy("native", type="snapshot"),
    snapshotter("foo"),
    snapshotter("native"),
    snapshotter("devmapper"),
    snapshotter("blockfile"),
    {**snapshotter("stargz"), **proxy("stargz", type="snapshot")},
    plugin(V2_CRI[1], stream_idle_timeout="soon"),
    plugin(V2_CRI[1], stream_idle_timeout="4h"),
    plugin("io.containerd.gc.v1.scheduler", schedule_delay="soon"),
    plugin("io.containerd.gc.v1.scheduler", startup_delay=""),
    plugin("io.containerd.internal.v1.restart", interval="soon"),
    plugin("io.containerd.metadata.v1.bolt", content_sharing_policy="none"),
    plugin("io.containerd.metadata.v1.bolt", content_sharing_policy="isolated"),
    plugin("io.containerd.service.v1.diff-service", default=["nope"]),
    plugin("io.containerd.service.v1.diff-service", default=["walking"]),
]
SINCE_1_7: list[Settings] = [
    {"debug": {"format": "xml"}},
    plugin(V2_CRI[1], image_pull_progress_timeout="soon"),
    plugin("io.containerd.nri.v1.nri", plugin_request_timeout="soon"),
    plugin("io.containerd.nri.v1.nri", plugin_request_timeout="2s"),
]
SINCE_2_1: list[Settings] = [
    plugin("io.containerd.transfer.v1.local", unpack_config=[{"platform": "linux", **entry}])
    for entry in (
        {"snapshotter": "foo", "differ": "walking"},
        {"snapshotter": "native", "differ": "foo"},
        {"snapshotter": "native", "differ": "walking"},
    )
]


def test_what_is_refused_would_not_work(started_release: str) -> None:
    """Each setting by itself: refused if and only if containerd would not start with it, or without CRI."""
    known = release(started_release)
    asked = [*ASKED, *(SINCE_1_7 if known.line >= (1, 7) else ()), *(SINCE_2_1 if known.line >= (2, 1) else ())]
    # Where they stand is another matter: version 2 is understood by all.
    texts = [edit(EMPTY, [Set((key,), value) for key, value in settings.items()]).text for settings in asked]
    verdicts = [refusal(settings, known) for settings in asked]
    found = started(started_release, texts)
    wrong = [
        f"{settings}: {verdict or 'taken'}, and CRI {'runs' if start.has_cri else 'does not'}"
        for settings, verdict, start in zip(asked, verdicts, found, strict=True)
        if bool(verdict) is start.has_cri
    ]
    assert not wrong, "\n".join(wrong)


def refusal(settings: Settings, known: Release) -> str:
    try:
        plan_config(EMPTY.encode(), ConfigIntent(settings=settings), known)
    except DomainError as error:
        return str(error)
    return ""
