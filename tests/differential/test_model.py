# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection thinks a release makes of files is what it makes of them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import config_checks
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes.dumps import CONFIG

from differential import cases
from differential.judge import (
    RELEASES,
    Dump,
    Files,
    Node,
    count,
    draw,
    dump_all,
    in_one_file,
    is_decided_by_chance,
    release,
    shown,
    without_derived,
)


def start_files(name: str) -> list[Files]:
    """Every fixture, and files made up from the seed."""
    drawn, newest = draw(name), release(name).config_version
    fixtures: list[Files] = [{CONFIG: content} for content in cases.FIXTURES.values()]
    return fixtures + [cases.start_files(drawn, newest=newest) for _number in range(count())]


def check(files: t.Sequence[ConfigFile], release: Release) -> None:
    """:raises DomainError: the collection would leave such files alone."""
    config_checks.check_versions(files, release)
    for file in files:
        version = stated_version(file.data) or 1
        config_checks.check_plugin_names(file.data, version, release)
        config_checks.check_one_cri_table(file.data, version, release)


@pytest.mark.parametrize("name", RELEASES)
def test_effective_settings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with nothing but the effective settings, in the newest names, has the same dump as the files."""
    known, fatal = sorted_out(start_files(name), release(name))
    aims = [in_one_file(effective(Node(files).parsed(release(name)), release(name)), release(name)) for files in known]
    dumps = dump_all(name, [*known, *aims, *fatal])
    wrong = []
    for files, dump, aim in zip(known, dumps, dumps[len(known) :], strict=False):
        if fault := difference(dump, aim):
            wrong.append(f"{fault}\n{shown(files)}")
    alive = [files for files, dump in zip(fatal, dumps[2 * len(known) :], strict=True) if not dump.result.rc]
    with capsys.disabled():
        print(f"\n{name}: {len(known)} files agree but for {len(wrong)}; {len(fatal)} keep containerd from starting")
    assert not wrong, f"{len(wrong)} of {len(known)}:\n" + "\n\n".join(wrong[:3])
    assert not alive, "containerd would start with\n" + "\n\n".join(map(shown, alive[:3]))


def sorted_out(files: list[Files], release: Release) -> tuple[list[Files], list[Files]]:
    """Those that the collection would work with, and those of which it says that containerd does not start."""
    known, fatal = [], []
    for each in files:
        try:
            check(Node(each).parsed(release), release)
            if not is_decided_by_chance(each):
                known.append(each)
        except DomainError as refusal:
            # 2.x starts with tables of version 1 in a newer file, and passes over them.
            if "does not start" in refusal.what and "2.x ignores it" not in refusal.what:
                fatal.append(each)
    return known, fatal


def difference(dump: Dump, aim: Dump) -> str:
    if dump.result.rc or aim.result.rc:
        return f"containerd does not start: {dump.result.stderr[-300:]}{aim.result.stderr[-300:]}"
    differing = without_derived(dump, aim)
    return f"in the files and by the model: {differing}" if differing else ""
