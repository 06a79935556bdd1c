# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's containerd is asked about a change."""

from __future__ import annotations

import tomllib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate import judge
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

PATH = "/etc/containerd/config.toml"
FIRST, SECOND = "/etc/containerd/conf.d/a.toml", "/etc/containerd/conf.d/b.toml"
MAIN = "# ours\nversion = 2\nimports = ['conf.d/*.toml']  # theirs\n"
RELEASE = Release.parse("1.7.24")
V2 = 'plugins."io.containerd.grpc.v1.cri"'


def changes(*paths: str) -> ChangeSet:
    return ChangeSet(tuple(Change(op="create", path=path, content=b"", mode="0644") for path in paths))


def asked(changed: ChangeSet, main: str = MAIN, drop_ins: t.Mapping[str, str] | None = None, **more: t.Any) -> t.Any:
    texts = {PATH: main, **({FIRST: "", SECOND: ""} if drop_ins is None else drop_ins)}
    files = [ConfigFile(path, tomllib.loads(text)) for path, text in texts.items()]
    return judge(main.encode(), files, changed, RELEASE, **more)


@pytest.mark.parametrize("paths", [(), ("/etc/containerd/certs.d/docker.io/hosts.toml",)])
def test_nothing_where_no_configuration_changes(paths: tuple[str, ...]) -> None:
    assert asked(changes(*paths), f"version = 2\n[{V2}]\nstream_idle_timeout = 'x'\n") == ()


def test_the_file_itself_with_its_imports_as_they_are() -> None:
    assert asked(changes("/a/hosts.toml", PATH)) == (Check(PATH),)


def test_a_new_drop_in_is_named_where_it_is_by_then() -> None:
    for paths in ((SECOND,), (SECOND, PATH)):
        (check,) = asked(changes(*paths))
        assert check.path == PATH
        ((mark, path),) = check.files.items()
        assert path == SECOND
        assert check.content.decode() == f"# ours\nversion = 2\nimports = ['{FIRST}', '{mark}']  # theirs\n"


def test_a_symlink_leads_away_from_what_is_relative() -> None:
    assert asked(changes(PATH), is_link=True) == (
        Check(PATH, f"# ours\nversion = 2\nimports = ['{FIRST}', '{SECOND}']  # theirs\n".encode()),
    )
    assert asked(changes(PATH), "version = 2\n", {}, is_link=True) == (Check(PATH, b"version = 2\n"),)


def test_a_file_that_is_made() -> None:
    assert judge(None, [ConfigFile(PATH, {})], changes(PATH), RELEASE) == (Check(PATH),)


def test_keys_as_containerd_would_say_that_it_does_not_know_them() -> None:
    paths = [("plugins", "io.containerd.grpc.v1.cri", "cni", "a b"), ("timeouts", "x")]
    (check,) = asked(changes(PATH), keys=paths)
    assert check.keys == {
        "io.containerd.cri.v1.runtime cni a b": f'{V2}.cni."a b"',
        "timeouts x": "timeouts.x",
    }


def test_the_files_are_judged_together() -> None:
    directory = f"version = 2\n[{V2}.registry]\nconfig_path = '/a'\n"
    mirrors = f"{directory}[{V2}.registry.mirrors.'a.example']\nendpoint = []\n"
    asked(changes(FIRST), directory, {FIRST: f"[{V2}.registry]\n"})
    with pytest.raises(DomainError) as error:
        asked(changes(FIRST), directory, {FIRST: mirrors})
    assert str(error.value) == (
        f"{FIRST}: {V2}.registry.mirrors: cannot stand beside registry.config_path: containerd 1.7.24 would start "
        "without CRI, and no pod could run. Nothing was changed. Migrate with containerd_migrate, in the role with "
        "containerd_migrate_legacy: true."
    )
