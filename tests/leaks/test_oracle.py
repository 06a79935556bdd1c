# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the oracle says of every trap, in a tree that is only thought of: no node is needed for that."""

from __future__ import annotations

import posixpath

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    REGISTRY_CONFIG_PATH,
    SANDBOX_IMAGE,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState, is_match
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Config, Image, reading, route, unread
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import judge
from nodes import paths
from nodes.releases import RELEASES

from leaks.place import OURS
from leaks.traps import CLOSED, CONFIG, TRAPS, TREE, Trap, changed

VERSIONS = {"1.6": "1.6.20", "1.7": "1.7.24", "2.1": "2.1.5", "2.2": "2.2.1", "2.3": "2.3.4"}
EARLIER, STARTED, LATER = 1000.0, 2000.0, 3000.0
NAMESPACES = ("registry.k8s.io", "docker.io", "_default")


def closed_files(release: str) -> dict[str, str]:
    """What the role leaves, by path."""
    shipped = (paths.FILES / "containerd" / RELEASES[release].config).read_text(encoding="utf-8")
    settings = changed(Set(REGISTRY_CONFIG_PATH, TREE), Set(SANDBOX_IMAGE, "registry.k8s.io/pause:3.10"))
    return {CONFIG: settings(shipped), **{f"{TREE}/{name}/hosts.toml": CLOSED for name in NAMESPACES}}


def planted(trap: Trap, release: str) -> dict[str, str]:
    found = closed_files(release)
    for relative, text in trap.files.items():
        path = posixpath.join(TREE, relative)
        if text is None:
            found = {
                name: content for name, content in found.items() if name != path and not name.startswith(f"{path}/")
            }
        else:
            found[path] = text
    if trap.config is not None and not trap.unread:
        found[CONFIG] = trap.config(found[CONFIG])
    return found


def state_of(files: dict[str, str], *, config_time: float) -> NodeState:
    entries = {
        path.rstrip("/"): Entry("directory") if path.endswith("/") else Entry("file", text.encode(), mtime=config_time)
        for path, text in files.items()
    }
    for path in list(entries):
        while (path := posixpath.dirname(path)) != "/":
            entries.setdefault(path, Entry("directory"))
    globs = [*USUAL_GLOBS, *reading(TREE)["globs"], *reading(TREE[1:])["globs"]]
    listed = {path.removeprefix(f"{TREE}/"): entry for path, entry in entries.items() if path.startswith(f"{TREE}/")}
    there = {TREE: entries[TREE], TREE[1:]: entries[TREE]}
    return NodeState(
        files={CONFIG: entries[CONFIG]},
        globs={glob: {path: entry for path, entry in entries.items() if is_match(path, glob)} for glob in globs},
        directories=there,
        listings=dict.fromkeys(there, listed),
        unit={"started": STARTED},
    )


def is_closed(trap: Trap, release: str) -> tuple[bool, str]:
    files = planted(trap, release)
    state = state_of(files, config_time=LATER if trap.unread else EARLIER)
    version = Release.parse(VERSIONS[release])
    config = Config.read(ConfigReading(state, CONFIG, version).files, version)
    for root in unread(config, state):
        state = state.and_also(NodeState(directories={root: Entry("absent")}, listings={root: {}}))
    repository = trap.image.partition("/")[2].partition(":")[0]
    verdict = judge(route(Image(trap.registry, repository, "1"), state, config), Trust.parse(OURS))
    return verdict.is_closed, verdict.reason


CASES = [(trap, release) for trap in TRAPS for release in trap.on if trap.loads_cri]


@pytest.mark.parametrize(("trap", "release"), CASES, ids=[f"{trap.name} on {release}" for trap, release in CASES])
def test_trap(trap: Trap, release: str) -> None:
    closed, reason = is_closed(trap, release)
    assert closed == (release not in trap.opens), reason


@pytest.mark.parametrize("release", VERSIONS)
@pytest.mark.parametrize("image", ["registry.k8s.io/a:1", "docker.io/library/a:1", "quay.io/a:1", "k8s.gcr.io/a:1"])
def test_without_a_trap(release: str, image: str) -> None:
    closed, reason = is_closed(Trap("none", "", (), image=image), release)
    assert closed, reason
