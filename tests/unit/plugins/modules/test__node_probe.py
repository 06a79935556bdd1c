# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as the action calls it; what it finds on the way is the affair of _probe's own tests."""

from __future__ import annotations

import base64
import json
import pathlib
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _probe, _programs
from ansible_collections.airgap.nodes.plugins.modules import _node_probe

RunModule = t.Callable[..., t.Any]
ENDPOINT = {"scheme": "https", "host": "h", "path": "/v2", "repository": "pause", "reference": "3.10"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> t.Dict[str, t.Any]:
    """What the probes are given."""
    given: t.Dict[str, t.Any] = {}

    def probe_all(
        endpoints: t.Sequence[_probe.Settings], environment: t.Mapping[str, str], seconds: float
    ) -> t.List[t.Dict[str, t.Any]]:
        given.update(endpoints=endpoints, environment=environment, seconds=seconds)
        return [{"step": "tcp"} for _endpoint in endpoints]

    monkeypatch.setattr(_probe, "probe_all", probe_all)
    monkeypatch.setattr(_programs, "read_unit", lambda name: ({"main_pid": 7 if name == "k3s.service" else 0}, None))
    monkeypatch.setattr(_probe, "environment_of", lambda pid: {"HTTPS_PROXY": f"http://{pid}"})
    return given


def test_endpoints_as_the_action_sends_them(run_module: RunModule, asked: t.Dict[str, t.Any]) -> None:
    more = {"header": [["A", "1"]], "client": [["c", "k"]], "ca": ["f"], "skip_verify": True, "auth": "dTpw"}
    result = run_module(
        _node_probe, {"endpoints": [{**ENDPOINT, **more}, ENDPOINT], "unit": "k3s.service", "seconds": 2}
    )
    first, second = asked["endpoints"]
    assert (first.header, first.client, first.ca, first.auth) == ((("A", "1"),), (("c", "k"),), ("f",), "dTpw")
    assert second == _probe.Settings("https", "h", "/v2", "pause", "3.10")
    assert (asked["environment"], asked["seconds"]) == ({"HTTPS_PROXY": "http://7"}, 2)
    assert result["probes"] == [{"step": "tcp"}] * 2
    assert abs(result["now"] - time.time()) < 60


def test_a_unit_that_does_not_run_has_no_environment(run_module: RunModule, asked: t.Dict[str, t.Any]) -> None:
    run_module(_node_probe, {"endpoints": [ENDPOINT]})
    assert asked["environment"] == {}


@pytest.mark.parametrize(("content", "auth"), [(b"u:p\n", b"u:p"), (b"nonsense", b""), (b"\xff:", b""), (None, b"")])
def test_a_file_with_credentials(
    run_module: RunModule,
    asked: t.Dict[str, t.Any],
    tmp_path: pathlib.Path,
    content: t.Optional[bytes],
    auth: bytes,
) -> None:
    file = tmp_path / "credentials"
    if content is not None:
        file.write_bytes(content)
    run_module(_node_probe, {"endpoints": [ENDPOINT], "auth_file": str(file)})
    assert base64.b64decode(asked["endpoints"][0].auth) == auth


def test_nothing_of_it_is_in_the_log_of_the_node(
    run_module: RunModule, asked: t.Dict[str, t.Any], logged: t.List[str]
) -> None:
    del asked
    run_module(_node_probe, {"endpoints": [ENDPOINT], "_ansible_no_log": True})
    assert ENDPOINT["repository"] not in json.dumps(logged)
