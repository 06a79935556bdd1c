# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's defaults and its argument specification tell the same story."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

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
