# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd itself makes of edited files: each release's own ``config dump``.

Asked of the releases that ``make test`` boots; others by name: ``DUMP_RELEASES=2.0,2.4``, or ``all``.
"""

from __future__ import annotations

import re
import tomllib
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigIntent, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes import dumps

IMAGE = "registry.example.com/k8s/pause:3.10"
TREE = "/etc/containerd/certs.d"
INTENT = ConfigIntent(sandbox_image=IMAGE, registry_config_path=TREE)

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "config").glob("*.toml"))
}

Place = tuple[str, ...]
V2 = ("plugins", "io.containerd.grpc.v1.cri")
V3 = ("plugins", "io.containerd.cri.v1.images")
PLACES: dict[bool, tuple[Place, Place]] = {
    False: ((*V2, "sandbox_image"), (*V2, "registry", "config_path")),
    True: ((*V3, "pinned_images", "sandbox"), (*V3, "registry", "config_path")),
}


@dataclass(frozen=True)
class Dump:
    """Effective values by key path, and what containerd warned of."""

    values: dict[Place, t.Any]
    warnings: set[str]

    @classmethod
    def of(cls, result: dumps.DumpResult) -> Dump:
        # Where an unknown key stands may change, and so may the time.
        warnings = (
            re.sub(r"\b(?:time|row|column)=(?:\"[^\"]*\"|\S+)", "", line) for line in result.stderr.splitlines()
        )
        return cls(dict(leaves(tomllib.loads(result.checked()))), {line for line in warnings if "unknown key" in line})

    def differing(self, other: Dump) -> set[Place]:
        keys = self.values.keys() | other.values.keys()
        return {key for key in keys if self.values.get(key) != other.values.get(key)}


def leaves(data: dict[str, t.Any], above: Place = ()) -> t.Iterator[tuple[Place, t.Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


@dataclass(frozen=True)
class Judge:
    """One release's containerd."""

    name: str
    release: Release
    _edits: dict[str, tuple[dumps.DumpResult, dumps.DumpResult] | DomainError] = field(default_factory=dict)

    @property
    def places(self) -> tuple[Place, Place]:
        return PLACES[self.release.line >= (2, 0)]

    def dump(self, *contents: bytes) -> list[Dump]:
        return [Dump.of(result) for result in self.results(contents)]

    def results(self, contents: t.Iterable[bytes]) -> list[dumps.DumpResult]:
        return dumps.dump_many(self.name, [dumps.Case({dumps.CONFIG: content}) for content in contents])

    def edit(self, fixture: str) -> tuple[Dump, Dump]:
        """Before and after. All fixtures are asked for at once: containerd is quick, but not quick to come and go."""
        if not self._edits:
            self._edits.update(self._edit_all())
        edit = self._edits[fixture]
        if isinstance(edit, DomainError):
            pytest.skip(f"refused on {self.release}: {edit}")
        before, after = edit
        return Dump.of(before), Dump.of(after)

    def _edit_all(self) -> dict[str, tuple[dumps.DumpResult, dumps.DumpResult] | DomainError]:
        planned = {name: self._plan(content) for name, content in FIXTURES.items()}
        texts = {name: plan for name, plan in planned.items() if isinstance(plan, bytes)}
        # With CRI disabled a dump has no CRI settings to compare with.
        before = self.results(FIXTURES[name].replace(b'disabled_plugins = ["cri"]', b"") for name in texts)
        dumped = dict(zip(texts, zip(before, self.results(texts.values()), strict=True), strict=True))
        return {name: plan if isinstance(plan, DomainError) else dumped[name] for name, plan in planned.items()}

    def _plan(self, content: bytes) -> bytes | DomainError:
        try:
            return plan_config(content, INTENT, self.release).text.encode()
        except DomainError as refusal:
            return refusal


@pytest.fixture(scope="module")
def judge(release_name: str) -> Judge:
    release = Release.parse(dumps.version(release_name))
    if release.line < (1, 5):
        pytest.skip(f"{release} is refused: see test_a_release_without_the_directory_is_refused")
    return Judge(release_name, release)


def test_a_release_without_the_directory_is_refused(release_name: str) -> None:
    release = Release.parse(dumps.version(release_name))
    if release.line >= (1, 5):
        pytest.skip(f"{release} knows registry.config_path")
    with pytest.raises(DomainError, match=rf"containerd {release} reads no such directory.* Upgrade containerd"):
        plan_config(None, INTENT, release)


@pytest.mark.parametrize("name", FIXTURES)
def test_only_what_was_asked_takes_effect(judge: Judge, name: str) -> None:
    if name == "none-both" and judge.release.line >= (2, 3):
        pytest.skip("decided by chance: see test_two_names_for_one_plugin")
    before, after = judge.edit(name)
    sandbox, registry = judge.places
    assert (after.values[sandbox], after.values[registry]) == (IMAGE, TREE)
    assert before.differing(after) <= {sandbox, registry}
    assert after.warnings <= before.warnings


@pytest.mark.parametrize("version", ["", "version = 0\n", "version = 1\n"], ids=["none", "0", "1"])
def test_two_names_for_one_plugin(judge: Judge, version: str) -> None:
    """From 2.3 on containerd renames ``cri`` while it walks over a map, which Go does in an order made up each time."""
    sandbox, _registry = judge.places
    written = {"registry.k8s.io/pause:3.6", "registry.k8s.io/pause:3.8"}
    by_chance = judge.release.line >= (2, 3)
    # Two entries change places one time in eight, so that all of these agree by chance once in 10^11 runs.
    content = [version.encode() + FIXTURES["none-both"]] * (200 if by_chance else 5)
    outcomes = {dump.values[sandbox] for dump in judge.dump(*content)}
    if by_chance:
        assert outcomes == written
    elif judge.release.line >= (2, 0):
        assert not outcomes & written
        assert len(outcomes) == 1
    else:
        assert outcomes == {"registry.k8s.io/pause:3.6"}


def test_mirrors_make_way_for_the_directory(judge: Judge) -> None:
    content = FIXTURES["2-mirrors-trailing-spaces"]
    configs = (*V2, "registry", "configs", "one.example.com:5000")
    intent = ConfigIntent(registry_config_path=TREE, absent=((*V2, "registry", "mirrors"), (*configs, "tls")))
    before, after = judge.dump(content, plan_config(content, intent, judge.release).text.encode())
    _sandbox, registry = judge.places
    assert after.values[registry] == TREE
    assert after.values[(*registry[:-1], "configs", "one.example.com:5000", "auth", "password")] == "fixture-password-4"
    gone = before.differing(after) - {registry}
    assert gone
    assert {key[3] for key in gone if "tls" not in key} == {"mirrors"}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_file_from_nothing(judge: Judge, line_end: bytes) -> None:
    planned = plan_config(None, INTENT, judge.release)
    before, after = judge.dump(b"", planned.text.encode().replace(b"\n", line_end))
    assert before.differing(after) == set(judge.places)


def test_the_nodes_own_default(judge: Judge) -> None:
    default = dumps.default_config(judge.name).encode()
    planned = plan_config(default, INTENT, judge.release)
    assert len(planned.differences) == 2
    before, after = judge.dump(default, planned.text.encode())
    assert before.differing(after) == set(judge.places)
