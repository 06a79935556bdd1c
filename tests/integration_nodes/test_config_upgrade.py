# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgraded config.toml is the same to each release's own containerd, comments and unknown keys included."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import Upgrade, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_upgrade import check_dumps
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes.dumps import CONFIG, Case, DumpResult, dump_many, version

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "config").glob("*.toml"))
}
COLUMNS = (
    ("1.7", 2), ("2.0", 2), ("2.0", 3), ("2.1", 3), ("2.2", 3), ("2.3", 2), ("2.3", 3), ("2.3", 4), ("2.4", 4),
)  # fmt: skip
LINES = tuple(dict.fromkeys(line for line, _target in COLUMNS))
REASONS = {
    "begins": "would begin to count: containerd {release} reads it otherwise in the version that the file has",
    "taken": "is there already, and another value would move to it",
    "back": "the file is of version {stated}, and there is no way back to {target}",
    "newer": "containerd {release} reads config versions up to {known}, this file says {stated}",
}
# What becomes of each fixture, by release and version that is asked for: it is brought there ("up") or is there already
# ("same"), or why not. containerd 2.0 to 2.2 lose the CRI settings of a version 1 file, 2.2.1 takes its default for an
# empty config_path of version 2 and the empty one of version 3 as it is.
OUTCOMES_TABLE = """
1-tabs                       up     begins begins begins begins up     up     up     up
2-alternatives               same   same   up     up     up     same   up     up     up
2-blank-lines-with-spaces    same   same   up     up     up     same   up     up     up
2-both-tables                same   same   up     up     up     same   up     up     up
2-chinese                    same   same   up     up     up     same   up     up     up
2-column-zero                same   same   up     up     up     same   up     up     up
2-commented-tables           same   same   up     up     up     same   up     up     up
2-containerd-1.6.20-default  same   same   up     up     begins same   up     up     up
2-containerd-1.7.24-default  same   same   up     up     begins same   up     up     up
2-crun                       same   same   up     up     up     same   up     up     up
2-dense-dump                 same   same   up     up     up     same   up     up     up
2-dense-no-final-newline     same   same   up     up     up     same   up     up     up
2-dotted-and-inline          same   same   up     up     up     same   up     up     up
2-empty-config-path          same   same   up     up     begins same   up     up     up
2-eol-comments               same   same   up     up     up     same   up     up     up
2-flat-commented             same   same   up     up     up     same   up     up     up
2-four-spaces-headers        same   same   up     up     up     same   up     up     up
2-generated-by-agent         same   same   up     up     up     same   up     up     up
2-imgcrypt                   same   same   up     up     up     same   up     up     up
2-implicit-parents           same   same   up     up     up     same   up     up     up
2-managed-by-puppet          same   same   up     up     up     same   up     up     up
2-mirrors-trailing-spaces    same   same   up     up     up     same   up     up     up
2-mixed-steps                same   same   up     up     up     same   up     up     up
2-new-tables-only            same   same   up     up     up     same   up     up     up
2-one-space                  same   same   up     up     up     same   up     up     up
2-parent-after-child         same   same   up     up     up     same   up     up     up
2-runtime-classes            same   same   up     up     up     same   up     up     up
2-split-plugins              same   same   up     up     up     same   up     up     up
2-strings-and-arrays         same   same   up     up     up     same   up     up     up
2-tabs                       same   same   up     up     up     same   up     up     up
2-tls-only                   same   same   up     up     up     same   up     up     up
2-trailing-comma             same   same   up     up     up     same   up     up     up
3-chinese-flat               newer  back   same   same   same   back   same   up     up
3-containerd-2.1.5-default   newer  back   same   same   same   back   same   up     up
3-cri-disabled               newer  back   same   same   same   back   same   up     up
3-dump-with-origin           newer  back   same   same   same   back   same   up     up
3-mixed                      newer  back   same   same   same   back   same   taken  taken
3-nested-literal             newer  back   same   same   same   back   same   up     up
3-runtime-classes            newer  back   same   same   same   back   same   up     up
4-containerd-2.3.4-default   newer  newer  newer  newer  newer  back   back   same   same
4-node                       newer  newer  newer  newer  newer  back   back   same   same
4-server-tables              newer  newer  newer  newer  newer  back   back   same   same
none-both                    taken  taken  taken  taken  taken  taken  taken  taken  taken
none-comments                up     up     up     up     up     up     up     up     up
none-cri                     up     begins begins begins begins up     up     up     up
none-docker-stub-linux       up     up     up     up     up     up     up     up     up
none-docker-stub             up     up     up     up     up     up     up     up     up
none-dump                    up     begins begins begins begins up     begins begins begins
none-empty                   same   same   same   same   same   same   same   same   same
none-grpc-only               up     up     up     up     up     up     up     up     up
none-mirrors-only            up     begins begins begins begins up     up     up     up
none-orphan-key              up     begins begins begins begins up     up     up     up
none-proxy-snapshotter       up     up     up     up     up     up     up     up     up
none-socket                  up     up     up     up     up     up     up     up     up
none-typo-in-stub            up     up     up     up     up     up     up     up     up
none-uri-of-three            up     up     up     up     up     up     up     up     up
none-uri                     begins begins begins begins begins up     up     up     up
"""
OUTCOMES = {name: outcomes for name, *outcomes in map(str.split, OUTCOMES_TABLE.strip().splitlines())}


def comments(text: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if line.lstrip().startswith("#"))


def test_every_fixture_has_its_outcomes() -> None:
    assert set(FIXTURES) == set(OUTCOMES)
    assert {len(outcomes) for outcomes in OUTCOMES.values()} == {len(COLUMNS)}


def upgraded(name: str, target: int, release: Release, outcome: str) -> Upgrade | None:
    """What is asked of containerd, once the plan is what the table says."""
    content = FIXTURES[name]
    intent = ConfigIntent(config_version=target)
    if outcome in REASONS:
        with pytest.raises(DomainError) as refusal:
            plan_config(content, intent, release)
        reason = REASONS[outcome].format(release=release, known=release.config_version, stated=name[0], target=target)
        assert refusal.value.what == reason
        return None
    planned = plan_config(content, intent, release)
    assert not planned.restart_required
    assert comments(planned.text) == comments(content.decode())
    if outcome == "same":
        assert (planned.text, planned.upgrade) == (content.decode(), None)
        return None
    assert outcome == "up"
    assert planned.config_version == target
    assert planned.upgrade is not None
    return planned.upgrade


@pytest.mark.parametrize("line", LINES)
def test_the_same_to_containerd(line: str) -> None:
    release = Release.parse(version(line))
    upgrades: dict[str, Upgrade] = {}
    problems = []
    for name, outcomes in OUTCOMES.items():
        for (column, target), outcome in zip(COLUMNS, outcomes, strict=True):
            try:
                upgrade = upgraded(name, target, release, outcome) if column == line else None
            except (AssertionError, DomainError) as problem:
                problems.append(f"{name} to {target}: {problem}")
            else:
                upgrades |= {f"{name} to {target}": upgrade} if upgrade is not None else {}
    assert not problems
    texts = [text for upgrade in upgrades.values() for text in (upgrade.before, upgrade.after)]
    results = dump_many(line, [Case({CONFIG: text.encode()}) for text in texts])
    for name, before, after in zip(upgrades, results[::2], results[1::2], strict=True):
        try:
            check_dumps({"before": as_wire(before), "after": as_wire(after)})
        except DomainError as difference:
            problems.append(f"{name}: {difference}")
    assert not problems
    print(f"{line}: {len(upgrades)} upgraded")


def as_wire(result: DumpResult) -> dict[str, t.Any]:
    return {"rc": result.rc, "output": result.stdout, "errors": result.stderr}


def test_a_difference_is_seen() -> None:
    same = {"rc": 0, "output": "a = 1\n", "errors": ""}
    check_dumps({"before": same, "after": same})
    with pytest.raises(DomainError, match=r"^a: would not be the same"):
        check_dumps({"before": same, "after": {**same, "output": "a = 2\n"}})
    with pytest.raises(DomainError, match="does not accept the upgraded file: boom"):
        check_dumps({"before": same, "after": {"rc": 1, "output": "", "errors": "x\nboom"}})
