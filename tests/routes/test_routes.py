# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the collection says a release asks for an image is whom its containerd asks, request by request."""

from __future__ import annotations

import dataclasses
import os
import time

import pytest
from nodes.authorities import certificates

from routes import cases, containerds, rules, world
from routes.judge import RELEASES, count, difference, endpoints, foresee, release, seed
from routes.world import Manner, Registry


@pytest.fixture(scope="module")
def pems() -> dict[str, bytes]:
    return certificates("public", "own", hosts=world.ADDRESSES, addresses=world.LITERALS)


@pytest.mark.parametrize("name", RELEASES)
def test_whom_containerd_asks(name: str, pems: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    began, known = time.monotonic(), release(name)
    certain = {case.name: case for case in rules.made(known, pems)}
    seeds = {case: case for case in certain}
    seeds |= {f"case-{number}": f"{seed()} {name} {number}" for number in range(count() - len(certain))}
    made = [
        certain.get(case) or cases.case(case, its_seed, known, pems)
        for case, its_seed in seeds.items()
        if is_wanted(its_seed)
    ]
    foreseen = {case.name: foresee(case, known, pems) for case in made}
    told = [case for case in made if foreseen[case.name].is_told]
    wrong, agreeing = [], 0
    for case, outcome in containerds.pull_all(name, told, pems):
        fault = difference(foreseen[case.name], outcome)
        agreeing += not fault
        if fault:
            wrong.append(f"seed {seeds[case.name]!r}\n{fault}\n{endpoints(foreseen[case.name].route)}\n{case.shown()}")
    with capsys.disabled():
        untold = f"{len(made) - len(told)} untold, " if len(told) < len(made) else ""
        others = f"{untold}seed {seed()!r}, {time.monotonic() - began:.0f} s"
        print(f"\n{name}: {agreeing} of {len(told)} pulls as foreseen, {others}")
    assert not wrong, f"{len(wrong)} of {len(told)}:\n" + "\n\n".join(wrong[:5])
    assert len(told) >= 0.95 * len(made)


def is_wanted(its_seed: str) -> bool:
    """One case alone, to look into it: its seed in AIRGAP_NODES_CASE."""
    only = os.environ.get("AIRGAP_NODES_CASE")
    return only in (None, its_seed)


def test_this_judge_can_say_no(pems: dict[str, bytes]) -> None:
    """A pull by one tree is not what another tree leads to, and the answers of the registries count too."""
    known, name = release("2.3"), "2.3"
    made = [by_mirror(number, host, pems) for number, host in enumerate(("mirror-a", "mirror-b"))]
    foreseen = [foresee(case, known, pems) for case in made]
    outcomes = [outcome for _case, outcome in containerds.pull_all(name, made, pems)]
    assert [difference(*each) for each in zip(foreseen, outcomes, strict=True)] == ["", ""]
    assert "asked" in difference(foreseen[0], outcomes[1])
    lost = dataclasses.replace(outcomes[0], succeeded=False)
    assert "failed, which was not foreseen" in difference(foreseen[0], lost)


def by_mirror(number: int, host: str, pems: dict[str, bytes]) -> cases.Case:
    address = world.ADDRESSES[f"{host}.example.com"]
    config = cases.with_path(cases.TREE, release("2.3"))
    return cases.Case(
        name=f"case-no-{number}",
        image=f"docker.io/case-no-{number}/app:1",
        config=tuple(cases.File(path, text.encode()) for path, text in config.items()),
        files=(
            cases.File(f"{cases.TREE}/docker.io/hosts.toml", f'server = "https://{host}.example.com"\n'.encode()),
            cases.File(f"{cases.PEMS}/own-ca.pem", pems["own-ca.pem"]),
        ),
        people={(address, 443): Registry(Manner.HAS)},
    )
