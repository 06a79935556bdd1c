# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins that each containerd release is built with on Linux, and those without which CRI does not load. Private.

Measured on a release of each line but 1.5: what the running daemon lists, and what becomes of CRI with each of them in
``disabled_plugins``; tests/integration_nodes/test_starts.py asks again. Which release of 1.6 and 1.7 was the first to
have a plugin was read in its source.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import Span
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, table_at

Data = t.Mapping[str, t.Any]

SNAPSHOTTER = "io.containerd.snapshotter.v1"
CONTENT = "io.containerd.content.v1"
DIFFER = "io.containerd.differ.v1"
SANDBOXER = "io.containerd.sandbox.controller.v1"

# What a proxy plugin can be, by its short and by its whole name, and since when. Any other type makes containerd panic.
_PROXY_TYPES: t.Mapping[str, tuple[str, str]] = {
    "snapshot": (SNAPSHOTTER, "1.4-"),
    "content": (CONTENT, "1.4-"),
    "diff": (DIFFER, "1.7.4-"),  # v1.7.4
    "sandbox": (SANDBOXER, "2.0-"),  # v2.0.0
}

# The spans are those of known_keys; behind ``cri:`` stand the releases whose CRI needs the plugin.
_TABLE = """\
io.containerd.content.v1.content                   1.4-     cri: 1.4-
io.containerd.cri.v1.images                        2.0-     cri: 2.0-
io.containerd.cri.v1.runtime                       2.0-     cri: 2.0-
io.containerd.differ.v1.erofs                      2.1-
io.containerd.differ.v1.walking                    1.4-     cri: 1.4-
io.containerd.event.v1.exchange                    1.6-     cri: 1.6-
io.containerd.gc.v1.scheduler                      1.4-     cri: 1.4-
io.containerd.grpc.v1.containers                   1.4-
io.containerd.grpc.v1.content                      1.4-
io.containerd.grpc.v1.cri                          1.4-     cri: 1.4-
io.containerd.grpc.v1.diff                         1.4-
io.containerd.grpc.v1.events                       1.4-
io.containerd.grpc.v1.healthcheck                  1.4-
io.containerd.grpc.v1.images                       1.4-
io.containerd.grpc.v1.introspection                1.6-
io.containerd.grpc.v1.leases                       1.4-
io.containerd.grpc.v1.mounts                       2.2-
io.containerd.grpc.v1.namespaces                   1.4-
io.containerd.grpc.v1.sandbox-controllers          1.7-
io.containerd.grpc.v1.sandboxes                    1.7-
io.containerd.grpc.v1.snapshots                    1.4-
io.containerd.grpc.v1.streaming                    1.7-
io.containerd.grpc.v1.tasks                        1.4-
io.containerd.grpc.v1.transfer                     1.7-
io.containerd.grpc.v1.version                      1.4-
io.containerd.http.v1.pprof                        2.3-
io.containerd.image-verifier.v1.bindir             2.0-     cri: 2.1-2.2
io.containerd.internal.v1.opt                      1.4-
io.containerd.internal.v1.restart                  1.4-1.7
io.containerd.internal.v1.tracing                  1.6-
io.containerd.lease.v1.manager                     1.7-     cri: 1.7-
io.containerd.metadata.v1.bolt                     1.4-     cri: 1.4-
io.containerd.metrics.v1.grpc-otel                 2.3-
io.containerd.metrics.v1.grpc-prometheus           2.3-
io.containerd.monitor.container.v1.restart         2.0-
io.containerd.monitor.task.v1.cgroups              2.0-
io.containerd.monitor.v1.cgroups                   1.4-1.7
io.containerd.mount-handler.v1.erofs               2.2-
io.containerd.mount-manager.v1.bolt                2.2-     cri: 2.2-
io.containerd.nri.v1.nri                           1.7-
io.containerd.podsandbox.controller.v1.podsandbox  2.0-     cri: 2.0-
io.containerd.runtime.v1.linux                     1.4-1.7  cri: 1.4-1.7
io.containerd.runtime.v2.shim                      1.7      cri: 1.7
io.containerd.runtime.v2.task                      1.4-     cri: 1.4-
io.containerd.sandbox.controller.v1.local          1.7      cri: 1.7
io.containerd.sandbox.controller.v1.shim           2.0-     cri: 2.0-
io.containerd.sandbox.store.v1.local               1.7-     cri: 1.7-
io.containerd.server.v1.debug                      2.3-
io.containerd.server.v1.grpc                       2.3-     cri: 2.3-
io.containerd.server.v1.grpc-tcp                   2.3-
io.containerd.server.v1.metrics                    2.3-
io.containerd.server.v1.ttrpc                      2.3-
io.containerd.service.v1.containers-service        1.4-     cri: 1.4-
io.containerd.service.v1.content-service           1.4-     cri: 1.4-
io.containerd.service.v1.diff-service              1.4-     cri: 1.4-
io.containerd.service.v1.images-service            1.4-     cri: 1.4-
io.containerd.service.v1.introspection-service     1.4-     cri: 1.4-
io.containerd.service.v1.leases-service            1.4-1.6  cri: 1.4-1.6
io.containerd.service.v1.namespaces-service        1.4-     cri: 1.4-
io.containerd.service.v1.snapshots-service         1.4-     cri: 1.4-
io.containerd.service.v1.tasks-service             1.4-     cri: 1.4-
io.containerd.shim.v1.manager                      2.0-     cri: 2.0-
io.containerd.snapshotter.v1.aufs                  1.4-1.7
io.containerd.snapshotter.v1.blockfile             1.7.4-
io.containerd.snapshotter.v1.btrfs                 1.4-
io.containerd.snapshotter.v1.devmapper             1.4-
io.containerd.snapshotter.v1.erofs                 2.1-
io.containerd.snapshotter.v1.native                1.4-
io.containerd.snapshotter.v1.overlayfs             1.4-
io.containerd.snapshotter.v1.zfs                   1.4-
io.containerd.streaming.v1.manager                 1.7-
io.containerd.tracing.processor.v1.otlp            1.6-
io.containerd.transfer.v1.local                    1.7-     cri: 2.1-
io.containerd.ttrpc.v1.otelttrpc                   2.0-
io.containerd.warning.v1.deprecations              1.6.25-1.6 1.7.9-  cri: 1.6.25-1.6 1.7.9-
"""


@dataclasses.dataclass(frozen=True)
class _Plugin:
    spans: tuple[Span, ...]
    needed_by_cri: tuple[Span, ...]


@functools.cache
def _plugins() -> t.Mapping[str, _Plugin]:
    found = {}
    for line in _TABLE.splitlines():
        name, spans = line.split(maxsplit=1)
        known, _cri, needed = spans.partition("cri:")
        found[name] = _Plugin(_spans(known), _spans(needed))
    return found


def _spans(text: str) -> tuple[Span, ...]:
    return tuple(map(Span.read, text.split()))


def _holds(spans: tuple[Span, ...], release: Release) -> bool:
    return any(span.holds(release) for span in spans)


def built_in(release: Release) -> tuple[str, ...]:
    """The ids of the plugins that the release brings along; some may be left out of a build."""
    return tuple(name for name, plugin in _plugins().items() if _holds(plugin.spans, release))


def needed_by_cri(release: Release) -> frozenset[str]:
    """The ids of those without which CRI does not load, CRI's own among them; the snapshotter in use is one more."""
    return frozenset(name for name, plugin in _plugins().items() if _holds(plugin.needed_by_cri, release))


def built_in_of(kind: str, release: Release) -> tuple[str, ...]:
    """The names of the plugins of one type: ``overlayfs`` of the snapshotters."""
    return tuple(name.rpartition(".")[2] for name in built_in(release) if name.rpartition(".")[0] == kind)


def is_of_some_release(name: str) -> bool:
    """Whether some release brings along the plugin with this id."""
    return name in _plugins()


def proxy_types(release: Release) -> dict[str, str]:
    """What the type of a proxy plugin can be, and the plugin's type that comes of it."""
    known = {short: kind for short, (kind, span) in _PROXY_TYPES.items() if _holds(_spans(span), release)}
    return known | {kind: kind for kind in known.values()}


def proxies_of(kind: str, effective: Data, release: Release) -> tuple[str, ...]:
    """The names of the proxy plugins of one type in effective data."""
    tables = table_at(effective, "proxy_plugins")
    types = proxy_types(release)
    return tuple(name for name, table in tables.items() if types.get(str(look_up(table, ("type",)))) == kind)
