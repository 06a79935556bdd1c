# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task as a user sees it: files, result, failure."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.action import audit_report
from ansible_collections.airgap.nodes.tests.unit.plugins.action.fake_node import Machine
from ansible_collections.airgap.nodes.tests.unit.plugins.plugin_utils._report import samples

REGISTERED = {
    "a": samples.judged("open", findings=[samples.finding()]),
    "b": samples.judged(),
    "c": samples.UNREACHABLE,
}


class HostVars(dict[str, t.Any]):
    """Ansible's, of which only the untemplated part may be asked for."""

    def raw_get(self, host: str) -> t.Any:
        return super().__getitem__(host)

    def __getitem__(self, host: str) -> t.NoReturn:
        raise AssertionError(f"templates all variables of {host}")


@pytest.fixture
def run(machine: Machine) -> t.Callable[..., t.Any]:
    def run_(registered: dict[str, t.Any] | None = None, *, check: bool = False, **options: t.Any) -> t.Any:
        found = REGISTERED if registered is None else registered
        machine.variables = {"hostvars": HostVars({name: {"judged": result} for name, result in found.items()})}
        given = {"hosts": list(found), "registered": "judged", **options}
        return machine.run(audit_report.ActionModule, given, check=check)

    return run_


def test_all_reports(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    paths = {kind: str(tmp_path / f"x.{kind}") for kind in ("json", "sarif", "junit", "html")}
    result = run(fail_on="never", **paths)
    assert "failed" not in result
    assert result["changed"]
    assert result["files"] == list(paths.values())
    assert result["verdict"] == "open"
    assert result["nodes"] == {"total": 3, "open": 1, "unknown": 1, "closed": 1}
    assert result["findings"] == {"error": 1, "warning": 0, "info": 0}
    assert json.loads((tmp_path / "x.json").read_text("utf-8"))["schema"] == 1
    assert json.loads((tmp_path / "x.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert (tmp_path / "x.junit").read_text("utf-8").startswith("<?xml")
    assert (tmp_path / "x.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_it_fails_at_the_threshold_with_the_reports_written(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    result = run(html=str(page))
    assert result["failed"]
    assert result["msg"] == (
        "The audit fails (fail_on: error): 1 of 3 nodes open, 1 of 3 nodes not judged, 1 error."
        f" All of it is in {page}."
    )
    assert page.is_file()
    assert result["summary"][0] == "closed: 1 (b)"


def test_a_closed_fleet_passes(run: t.Callable[..., t.Any]) -> None:
    assert "failed" not in run({"b": samples.judged()}, fail_on="info")


def test_a_host_without_a_result_or_that_is_not_there_is_not_closed(run: t.Callable[..., t.Any]) -> None:
    result = run({"b": samples.judged(), "c": None}, hosts=["b", "c", "nobody"])
    assert result["nodes"] == {"total": 3, "open": 0, "unknown": 2, "closed": 1}
    assert "not asked: 2 (c, nobody)" in result["summary"]


def test_check_mode_writes_nothing_and_fails_alike(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    result = run(check=True, json=str(tmp_path / "x.json"))
    assert result["failed"]
    assert not (tmp_path / "x.json").exists()


def test_a_place_that_will_not_do_is_an_error_before_anything_is_written(
    run: t.Callable[..., t.Any], tmp_path: Path
) -> None:
    result = run(json=str(tmp_path / "x.json"), html="/no/where/x.html")
    assert result["failed"]
    assert result["msg"].startswith("/no/where/x.html: html: cannot be written: /no/where is not a directory.")
    assert not (tmp_path / "x.json").exists()


def test_two_reports_in_one_file(run: t.Callable[..., t.Any], tmp_path: Path) -> None:
    result = run(json=str(tmp_path / "x"), html=str(tmp_path / "." / "x"))
    assert result["msg"] == "json and html: name one file twice. Give each report a file of its own."


@pytest.mark.parametrize(("text", "version"), [(None, ""), ('{"collection_info": {"version": "1.2.3"}}', "1.2.3")])
def test_the_version_is_that_of_the_installed_collection(
    run: t.Callable[..., t.Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, version: str
) -> None:
    manifest = tmp_path / "MANIFEST.json"
    if text:
        manifest.write_text(text, encoding="utf-8")
    monkeypatch.setattr(audit_report, "MANIFEST", manifest)
    run(json=str(tmp_path / "x.json"), fail_on="never")
    assert json.loads((tmp_path / "x.json").read_text("utf-8"))["collection"]["version"] == version
