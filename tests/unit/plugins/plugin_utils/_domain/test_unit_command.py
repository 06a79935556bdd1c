# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the command of a unit reads a file: refused only where the command leaves no doubt."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import unit_command
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState, Program

FILE, OTHER = "/etc/containerd/config.toml", "/etc/containerd/other.toml"
UNIT = "containerd.service"
Links = t.Sequence[tuple[str, str]]


def node(*command: str, load: str = "loaded", installed: bool = True, links: Links = ()) -> NodeState:
    program = Program("/usr/bin/containerd", "1.7.24", "") if installed else None
    return NodeState(
        files={path: Entry("file", link=link) for path, link in links},
        programs={"containerd": program},
        unit={"load_state": load, "exec_start": list(command)},
    )


def doubt(state: NodeState, file: str = FILE) -> str | None:
    return unit_command.doubt(state, file, UNIT, expected=False)


REFUSED = {
    "another file": node("/usr/bin/containerd", "--config", OTHER),
    "in one word": node("/usr/local/bin/containerd", f"--config={OTHER}", "--log-level", "debug"),
    "the short form": node("/usr/bin/containerd", "-c", OTHER),
    "a link to elsewhere": node("/usr/bin/containerd", "-c", OTHER, links=[(OTHER, "/opt/config.toml")]),
}


@pytest.mark.parametrize("state", REFUSED.values(), ids=REFUSED)
def test_refused(state: NodeState) -> None:
    with pytest.raises(DomainError, match=f"has containerd read {OTHER}, and not {FILE}"):
        doubt(state)


def test_refused_beside_the_usual_file() -> None:
    with pytest.raises(DomainError, match=f"has containerd read {FILE}, and not {OTHER}"):
        doubt(node("/usr/bin/containerd"), OTHER)


READ = {
    "the usual file": node("/usr/bin/containerd"),
    "named": node("/usr/bin/containerd", "--config", FILE),
    "a link": node("/usr/bin/containerd", "--config", OTHER, links=[(OTHER, FILE)]),
    "a link at either end": node(
        "/usr/bin/containerd", "-c", OTHER, links=[(OTHER, "/opt/c.toml"), (FILE, "/opt/c.toml")]
    ),
    "below a directory that is a link": node(
        "/usr/bin/containerd", "-c", "/c/config.toml", links=[("/c", "/etc/containerd")]
    ),
    "no unit": node(load="not-found"),
    "no systemd": NodeState(programs={"containerd": Program("/usr/bin/containerd", "1.7.24", "")}),
    "no containerd": node("/usr/bin/containerd", "-c", OTHER, installed=False),
    "what brings a containerd along": node("/usr/local/bin/k3s", "server", "--config", "/etc/rancher/k3s/config.yaml"),
    "a wrapper that names none": node("/usr/local/bin/start-containerd"),
}


@pytest.mark.parametrize("state", READ.values(), ids=READ)
def test_taken_without_a_word(state: NodeState) -> None:
    assert doubt(state) is None


DOUBTFUL = {
    "a wrapper": ("/usr/bin/nice", "-n5", "/usr/bin/containerd", "--config", OTHER),
    "a variable": ("/usr/bin/containerd", "--config", "${DIRECTORY}/other.toml"),
    "a variable beside it": ("/usr/bin/containerd", "-c", OTHER, "$OPTIONS"),
    "not a whole path": ("/usr/bin/containerd", "-c", "other.toml"),
}


@pytest.mark.parametrize("command", DOUBTFUL.values(), ids=DOUBTFUL)
def test_in_doubt_a_warning(command: tuple[str, ...]) -> None:
    state = node(*command)
    assert doubt(state) == f"It may be that nothing reads it: the unit {UNIT} runs {' '.join(command)}."
    assert unit_command.to_read(state, FILE) == []


def test_names_that_can_be_links_are_read_before_it_is_known() -> None:
    assert unit_command.to_read(node("/usr/bin/containerd"), FILE) == []
    assert unit_command.to_read(node("/usr/bin/containerd", "-c", "/opt/c.toml"), FILE) == [
        FILE,
        "/etc/containerd",
        "/etc",
        "/opt/c.toml",
        "/opt",
    ]
