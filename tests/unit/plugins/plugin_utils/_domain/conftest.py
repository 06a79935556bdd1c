# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node made of the files that lie on it, for tests that look at all of them."""

from __future__ import annotations

import fnmatch
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import Subject
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
DROP_INS = "/etc/containerd/conf.d/*.toml"
STARTED = 1000.0
Files = t.Mapping[str, bytes | str | Entry]
MakeSubject = t.Callable[..., Subject]


def make_subject(
    files: Files,
    release: Release | str,
    *,
    trust: t.Sequence[str] = ("m.example.com", "*.trusted.example.com"),
    images: t.Mapping[str, tuple[str, ...]] | None = None,
) -> Subject:
    """By its path each file's content, or what was found there; a path that ends in a slash is an empty directory."""
    known = release if isinstance(release, Release) else Release.parse(release)
    entries = {path: _entry(found) for path, found in files.items()}
    listing = {
        path.removeprefix(f"{TREE}/").rstrip("/"): entry
        for path, entry in entries.items()
        if path.startswith(f"{TREE}/")
    }
    listing |= {path.partition("/")[0]: Entry("directory") for path in listing if "/" in path}
    listing |= {path.removeprefix(f"{TREE}/").rstrip("/"): Entry("directory") for path in entries if path.endswith("/")}
    has_tree = any(path.startswith(TREE) for path in entries)
    state = NodeState(
        files={CONFIG: Entry("absent"), **entries},
        globs={pattern: _matching(pattern, entries) for pattern in (f"{TREE}/*/hosts.toml", DROP_INS)},
        directories={TREE: entries.get(TREE, Entry("directory" if has_tree else "absent"))},
        listings={TREE: listing},
        unit={"started": STARTED, "load_state": "loaded", "exec_start": ["/usr/bin/containerd"]},
    )
    try:
        read = ConfigReading(state, CONFIG, known).files
    except DomainError:
        read = ()
    return Subject(state, known, read, Trust.parse(trust), tuple((images or {}).items()))


def _entry(found: bytes | str | Entry) -> Entry:
    content = found.encode() if isinstance(found, str) else found
    return content if isinstance(content, Entry) else Entry("file", content, mode="0644", mtime=STARTED - 1)


def _matching(pattern: str, entries: t.Mapping[str, Entry]) -> dict[str, Entry]:
    return {path: entry for path, entry in entries.items() if fnmatch.fnmatchcase(path, pattern)}


@pytest.fixture(scope="session")
def subject() -> MakeSubject:
    return make_subject
