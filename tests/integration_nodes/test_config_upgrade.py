# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgraded config.toml is the same to each release's own containerd, comments and unknown keys included."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigIntent, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_upgrade import check_dumps
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes.dumps import CONFIG, Case, DumpResult, dump_many, version

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "config").glob("*.toml"))
}
RELEASES = {"1.7": (2,), "2.0": (2, 3), "2.1": (3,), "2.2": (3,), "2.3": (2, 3, 4), "2.4": (4,)}
# Why a fixture is not upgraded, as the beginning of the message. What is in none of them would be a surprise.
REASONS = ("config version", "containerd", "stands beside", "the file", "would", "is there already", "names the plugin")
# containerd 2.2.1 takes its default for an empty config_path of version 2, and the empty one of version 3 as it is.
REFUSED_BY_CONTAINERD = {"2.2": {"2-empty-config-path to 3"}}


def comments(text: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if line.lstrip().startswith("#"))


@pytest.mark.parametrize("line", RELEASES)
def test_the_same_to_containerd(line: str) -> None:
    release = Release.parse(version(line))
    upgrades, refused = [], []
    for name, content in FIXTURES.items():
        for target in RELEASES[line]:
            try:
                planned = plan_config(content, ConfigIntent(config_version=target), release)
            except DomainError as refusal:
                assert refusal.what.startswith(REASONS), (name, str(refusal))
                refused.append(name)
                continue
            if planned.upgrade is not None:
                upgrades.append((f"{name} to {target}", planned))
                assert comments(planned.text) == comments(content.decode())
                assert not planned.restart_required
                assert planned.config_version == target
    assert len(upgrades) >= 2 * len(RELEASES[line])
    texts = [text for _name, planned in upgrades for text in (planned.upgrade.before, planned.upgrade.after)]
    results = dump_many(line, [Case({CONFIG: text.encode()}) for text in texts])
    for (name, _planned), before, after in zip(upgrades, results[::2], results[1::2], strict=True):
        try:
            check_dumps({"before": as_wire(before), "after": as_wire(after)})
        except DomainError as difference:
            if name in REFUSED_BY_CONTAINERD.get(line, ()):
                continue
            pytest.fail(f"{name} on {release}: {difference}")
        assert name not in REFUSED_BY_CONTAINERD.get(line, ())
    print(f"{line}: {len(upgrades)} upgraded, {len(refused)} refused")


def as_wire(result: DumpResult) -> dict[str, t.Any]:
    return {"rc": result.rc, "output": result.stdout, "errors": result.stderr}


def test_a_difference_is_seen() -> None:
    same = {"rc": 0, "output": "a = 1\n", "errors": ""}
    check_dumps({"before": same, "after": same})
    with pytest.raises(DomainError, match=r"^a: would not be the same"):
        check_dumps({"before": same, "after": {**same, "output": "a = 2\n"}})
    with pytest.raises(DomainError, match="does not accept the upgraded file: boom"):
        check_dumps({"before": same, "after": {"rc": 1, "output": "", "errors": "x\nboom"}})
