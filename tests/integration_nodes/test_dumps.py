# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump without a node says what a node says, and resolves imports as a node does."""

from __future__ import annotations

import tomllib
import typing as t

import docker.errors
import pytest
from nodes import Testbed, dumps

DROP_IN = "/etc/containerd/conf.d/50-level.toml"


def level(result: dumps.DumpResult) -> t.Any:
    return tomllib.loads(result.checked())["debug"]["level"]


def test_a_node_says_the_same(release_name: str) -> None:
    try:
        nodes = [node for node in Testbed().nodes() if node.release.name == release_name]
    except docker.errors.DockerException as error:
        pytest.skip(f"the engine does not answer: {error}")
    if not nodes:
        pytest.skip(f"node {release_name} is not up")
    content = nodes[0].run(["cat", dumps.CONFIG]).checked("config.toml").encode()
    output = nodes[0].run(["containerd", "config", "dump"])
    (result,) = dumps.dump_many(release_name, [dumps.Case({dumps.CONFIG: content})])
    assert result.checked() == output.checked("config dump")
    assert nodes[0].run(["containerd", "config", "default"]).stdout == dumps.default_config(release_name)


@pytest.mark.parametrize("pattern", ["/etc/containerd/conf.d/*.toml", DROP_IN, "conf.d/50-level.toml"])
def test_imports_resolve_as_on_a_node(release_name: str, pattern: str) -> None:
    files = {dumps.CONFIG: f'version = 2\nimports = ["{pattern}"]\n'.encode(), DROP_IN: b'[debug]\nlevel = "trace"\n'}
    with_it, without = dumps.dump_many(release_name, [dumps.Case(files), dumps.Case({dumps.CONFIG: b"version = 2\n"})])
    assert level(with_it) == "trace"
    assert level(without) != "trace"


def test_results_come_in_the_order_of_the_cases(release_name: str) -> None:
    levels = [f"level-{number}" for number in range(8)]
    cases = [dumps.Case({dumps.CONFIG: f'version = 2\n[debug]\nlevel = "{text}"\n'.encode()}) for text in levels]
    assert [level(result) for result in dumps.dump_many(release_name, cases)] == levels


def test_a_file_that_containerd_refuses(release_name: str) -> None:
    refused, taken = dumps.dump_many(
        release_name, [dumps.Case({dumps.CONFIG: b"version = [\n"}), dumps.Case({dumps.CONFIG: b"version = 2\n"})]
    )
    assert refused.rc == 1
    with pytest.raises(RuntimeError, match=r"^containerd ended with 1: "):
        refused.checked()
    assert taken.rc == 0


def test_any_other_command(release_name: str) -> None:
    assert dumps.version(release_name).startswith(f"{release_name}.")
