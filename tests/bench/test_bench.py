# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that is missed is a failure, and not only a word in a table."""

from __future__ import annotations

import typing as t

import bench
import pytest


@pytest.mark.parametrize(("ratio", "code"), [(2.4, 0), (2.5, 0), (2.6, 1)])
def test_a_missed_target_is_a_failure(
    ratio: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: t.Any
) -> None:
    def measure_beside(case: bench.Case, _ping: bench.Case, _repeat: int) -> None:
        case.seconds, case.ratios = [ratio], [ratio if case.limit == 2.5 else 1.0]

    monkeypatch.setattr(bench.Case, "measure_beside", measure_beside)
    monkeypatch.setattr(bench, "testbed", lambda *_arguments: "node-1.7\n")
    monkeypatch.setattr(bench, "WORK", tmp_path)
    monkeypatch.setattr("sys.argv", ["bench"])
    assert bench.main() == code
    assert ("MISSED" in capsys.readouterr().out) == bool(code)
