# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module the way a node does: arguments in as JSON, one JSON result out."""

from __future__ import annotations

import json
import sys
import types
import typing as t

import pytest
from ansible.module_utils import basic

RunModule = t.Callable[..., t.Any]


@pytest.fixture(autouse=True)
def on_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer releases of ansible-core do otherwise where the controller's code has been imported, as by other tests."""
    for name, attribute, value in (
        ("ansible.module_utils._internal", "is_controller", False),
        ("ansible.module_utils._internal._json._profiles", "_string_encoding_check_enabled", lambda: False),
    ):
        if name in sys.modules:
            monkeypatch.setattr(sys.modules[name], attribute, value, raising=False)


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunModule:
    def run(module: types.ModuleType, arguments: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        wire = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(wire).encode())
        # Newer releases of ansible-core ask by which profile the JSON is to be read.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        capsys.readouterr()
        with pytest.raises(SystemExit):
            module.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        # As strict as a controller, which refuses a result that holds anything but UTF-8.
        json.dumps(result, ensure_ascii=False).encode("utf-8")
        return result

    return run


@pytest.fixture(params=["syslog", "journal"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that a module writes to the node's log, by either way that a node may have."""
    messages: list[str] = []

    class Journal:
        @staticmethod
        def send(**fields: t.Any) -> None:
            messages.extend(f"{name}={value}" for name, value in fields.items())

    class Syslog:
        LOG_USER = LOG_INFO = 0
        openlog = staticmethod(lambda *_arguments: None)
        syslog = staticmethod(lambda _level, message: messages.append(message))

    monkeypatch.setattr(basic, "has_journal", request.param == "journal")
    monkeypatch.setattr(basic, "journal", Journal, raising=False)
    monkeypatch.setattr(basic, "syslog", Syslog)
    monkeypatch.setattr(basic, "HAS_SYSLOG", True)
    return messages
