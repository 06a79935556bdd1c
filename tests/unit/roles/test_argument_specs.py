# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's defaults and its argument specification tell the same story."""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG, CRI_OPTIONS

COLLECTION = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def load(role: str, name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load((COLLECTION / "roles" / role / name).read_text(encoding="utf-8")))


def options(role: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"])


def undescribed(specification: dict[str, t.Any], prefix: str = "") -> list[str]:
    found = [prefix + name for name, option in specification.items() if not {"type", "description"} <= set(option)]
    for name, option in specification.items():
        found += undescribed(option.get("options", {}), f"{prefix}{name}.")
    return found


# What both specifications say of an option; a description is the role's own, and no_log the module's.
CHECKED = ("type", "elements", "choices", "required", "default")
# The variables that are not named after the option they are passed to.
NAMES = {
    "path": "config_file",
    "registry_config_path": "registries_path",
    "unit": "service",
    "unsupported": "unsupported_settings",
    "containerd_version": "version",
}


def checked(option: dict[str, t.Any], *but: str) -> dict[str, t.Any]:
    """What is checked of an option and those below it."""
    found = {key: option[key] for key in CHECKED if key in option and key not in but}
    if "options" in option:
        found["options"] = {name: checked(below) for name, below in option["options"].items()}
    return found


@pytest.mark.parametrize("name", CONTAINERD_CONFIG)
def test_options_of_the_role_are_those_of_the_module(name: str) -> None:
    """Nested ones to the last key. A variable has a default where the module's option needs none: nothing is set."""
    variable = options("containerd")[f"containerd_{NAMES.get(name, name)}"]
    assert checked(variable, "default") == checked(CONTAINERD_CONFIG[name], "default")


def test_every_mapping_of_fixed_keys_is_spelt_out() -> None:
    nested = {f"containerd_{name}" for name, option in CRI_OPTIONS.items() if "options" in option}
    assert nested == {name for name, option in options("containerd").items() if "options" in option}


@pytest.mark.parametrize("role", ROLES)
def test_same_variables(role: str) -> None:
    assert set(load(role, "defaults/main.yml")) == set(options(role))


@pytest.mark.parametrize("role", ROLES)
def test_same_defaults(role: str) -> None:
    """A default that is a template has no place in the specification."""
    plain = {name: value for name, value in load(role, "defaults/main.yml").items() if "{{" not in str(value)}
    assert plain == {name: option["default"] for name, option in options(role).items() if "default" in option}


@pytest.mark.parametrize("role", ROLES)
def test_every_option_says_what_it_is(role: str) -> None:
    assert undescribed(options(role)) == []


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_name_of_the_role(role: str) -> None:
    assert [name for name in options(role) if not re.match(rf"{role}_", name)] == []


# Kinds of outcomes, which look like names of variables.
KINDS = {"containerd_down", "containerd_restarted"}


def test_messages_name_variables_and_modules_that_exist() -> None:
    plugins = COLLECTION / "plugins"
    modules = {path.stem for path in (plugins / "modules").glob("containerd_*.py")}
    known = {name for role in ROLES for name in load(role, "defaults/main.yml")} | modules | KINDS
    named = {
        (path.name, name)
        for path in plugins.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in re.findall(r"(?<![\w.])containerd_[a-z_]+\b", node.value)
    }
    assert ("diagnosis_texts.py", "containerd_registries_path") in named
    assert {(path, name) for path, name in named if name not in known} == set()
