# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/findings.md has every rule as the code has it, and its examples are in the trap that they show."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import RULES, Subject, lint

PAGE = (Path(__file__).parents[5] / "docs" / "findings.md").read_text()
SECTIONS = dict(re.findall(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROWS = re.findall(r"^\| \[([a-z0-9-]+)\]\(#([a-z0-9-]+)\) \| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)
FILE = re.compile(r"# (?:containerd (?P<release>\S+): )?(?P<path>/\S+)")

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
WITH_TREE = f'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{TREE}"\n'
MakeSubject = t.Callable[..., Subject]


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_page_has_the_rules_in_their_order() -> None:
    assert list(SECTIONS) == list(RULES)
    assert [(rule.id, rule.id, rule.severity.value, rule.title) for rule in RULES.values()] == ROWS


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_section_says_what_the_rule_says(rule: t.Any) -> None:
    section = SECTIONS[rule.id]
    assert section.strip().splitlines()[0] == f"**{rule.severity.value}** · {rule.title} · {rule.releases}"
    assert on_one_line(rule.explanation) in on_one_line(section)
    assert on_one_line(f"**Fix:** {rule.fix}") in on_one_line(section)
    assert "```toml" in section or "For example: " in section


def examples() -> list[tuple[str, str]]:
    return [
        (name, text) for name, section in SECTIONS.items() for text in re.findall(r"```toml\n(.*?)```", section, re.S)
    ]


@pytest.mark.parametrize(("rule", "text"), examples())
def test_an_example_is_in_the_trap(subject: MakeSubject, rule: str, text: str) -> None:
    release, files = read(text)
    findings = lint(subject({CONFIG: WITH_TREE, **files}, release, trust=["registry.example.com"]))
    assert rule in [finding.id for finding in findings]


def read(example: str) -> tuple[str, dict[str, str]]:
    """The release, and the files that stand below each other."""
    release, files, path = "", dict[str, str](), ""
    for line in example.splitlines():
        match = FILE.fullmatch(line)
        if match:
            release, path = match["release"] or release, match["path"]
        files[path] = files.get(path, "") + ("" if match else f"{line}\n")
    return release, files
