# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import (
    ConfigReading,
    about,
    absolute,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

FILE = "/etc/containerd/config.toml"
GLOB = "/etc/containerd/conf.d/*.toml"
A, OURS = "/etc/containerd/conf.d/a.toml", "/etc/containerd/conf.d/60-airgap.toml"


def reading(text: str, *, globs: dict[str, dict[str, str]] | None = None, drop_in: str | None = None) -> ConfigReading:
    files = {FILE: text, **{path: text for found in (globs or {}).values() for path, text in found.items()}}
    state = NodeState(
        files={path: Entry("file", text.encode(), "0" * 64) for path, text in files.items()},
        globs={
            glob: {path: Entry("file", text.encode(), "0" * 64) for path, text in found.items()}
            for glob, found in (globs or {}).items()
        },
    )
    return ConfigReading(state, FILE, Release.parse("2.1.5"), drop_in)


def test_what_is_not_read_yet() -> None:
    first = reading(f'imports = ["{GLOB}", "/site.toml"]\n')
    assert (first.unread_files, first.unread_globs) == ({"/site.toml"}, {GLOB})
    assert [file.path for file in first.files] == [FILE]


def test_config_toml_comes_first() -> None:
    found = reading(f'imports = ["{GLOB}"]\nroot = "/a"\n', globs={GLOB: {A: 'root = "/b"\n'}})
    assert (found.unread_files, found.unread_globs) == (frozenset(), frozenset())
    assert [(file.path, file.data["root"]) for file in found.files] == [(FILE, "/a"), (A, "/b")]
    assert [source.path for source in found.imported] == [A]


@pytest.mark.parametrize(
    ("imports", "line", "unread"),
    [(f'imports = ["{GLOB}"]\n', None, False), ("", [GLOB], True)],
    ids=["imported already", "with a line of its own"],
)
def test_a_drop_in(imports: str, line: list[str] | None, unread: bool) -> None:
    found = reading(imports, globs=None if unread else {GLOB: {A: ""}}, drop_in=OURS)
    assert found.drop_in is not None
    assert found.drop_in.imports == line
    # What the line would make containerd read besides has to be known, too.
    assert found.unread_globs == ({GLOB} if unread else frozenset())
    if not unread:
        assert [source.path for source in found.drop_in.imported] == [OURS, A]
        assert [source.content for source in found.drop_in.imported] == [None, b""]
        assert [source.path for source in found.imported] == [A]


@pytest.mark.parametrize(
    ("error", "fix"),
    [("Permission denied", "run the task with become: true"), ("Input/output error", "see to the file on the node")],
)
def test_a_file_that_cannot_be_read(error: str, fix: str) -> None:
    state = NodeState(files={FILE: Entry("file", error=error)}, globs={})
    with pytest.raises(DomainError, match=rf"^{FILE}: cannot be read: {error}\. Nothing was changed; {fix}\.$"):
        _files = ConfigReading(state, FILE, Release.parse("2.1.5")).files


def test_an_error_names_the_file_unless_it_is_about_an_option() -> None:
    with pytest.raises(DomainError, match=rf"^{FILE}: a: is wrong\.$"), about(FILE):
        raise DomainError("is wrong", key_path=("a",))
    with pytest.raises(DomainError, match=r"^unit: is wrong\.$"), about(FILE):
        raise DomainError("is wrong", option="unit")


@pytest.mark.parametrize(
    ("path", "shortest"),
    [("/a/../etc/./x.toml", "/etc/x.toml"), ("/etc/x.toml", "/etc/x.toml")],
    ids=["detours", "as it is"],
)
def test_the_shortest_form_of_a_path(path: str, shortest: str) -> None:
    assert absolute(path, "path") == shortest


def test_a_path_that_is_not_absolute() -> None:
    with pytest.raises(DomainError, match=r"^path: 'etc/x\.toml' is not an absolute path"):
        absolute("etc/x.toml", "path")
