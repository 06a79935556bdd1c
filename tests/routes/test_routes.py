# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the collection says a release asks for an image is whom its containerd asks, request by request."""

from __future__ import annotations

import os
import time

import pytest

from routes import cases, containerds
from routes.judge import RELEASES, count, difference, endpoints, foresee, release, seed


@pytest.fixture(scope="module")
def pems() -> dict[str, bytes]:
    return containerds.certificates()


@pytest.mark.parametrize("name", RELEASES)
def test_whom_containerd_asks(name: str, pems: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    began, known = time.monotonic(), release(name)
    seeds = {f"case-{number}": f"{seed()} {name} {number}" for number in range(count())}
    made = [cases.case(case, its_seed, known, pems) for case, its_seed in seeds.items() if is_wanted(its_seed)]
    foreseen = {case.name: foresee(case, known, pems) for case in made}
    wrong, agreeing = [], 0
    for case, outcome in containerds.pull_all(name, made, pems):
        fault = difference(foreseen[case.name], outcome)
        agreeing += not fault
        if fault:
            wrong.append(f"seed {seeds[case.name]!r}\n{fault}\n{endpoints(foreseen[case.name].route)}\n{case.shown()}")
    with capsys.disabled():
        seeds_of = f"seeds '{seed()} {name} 0' to {count() - 1}"
        print(f"\n{name}: {agreeing} of {len(made)} pulls as foreseen, {seeds_of}, {time.monotonic() - began:.0f} s")
    assert not wrong, f"{len(wrong)} of {len(made)}:\n" + "\n\n".join(wrong[:5])


def is_wanted(its_seed: str) -> bool:
    """One case alone, to look into it: its seed in AIRGAP_NODES_CASE."""
    only = os.environ.get("AIRGAP_NODES_CASE")
    return only in (None, its_seed)
