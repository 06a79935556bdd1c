# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where there is no browser."""

from __future__ import annotations

import os
import shutil

import pytest
from nodes import machine

from audit.browser import Missing, program


@pytest.mark.parametrize(
    ("user", "has_apt", "text"),
    [
        (1000, True, "there is no chromium here, and to install it takes root on Debian"),
        (0, False, "there is no chromium here, and to install it takes root on Debian"),
        (0, True, "there is no chromium here: apt could not"),
    ],
)
def test_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, user: int, has_apt: bool, text: str) -> None:
    def refuse(packages: list[str]) -> None:
        raise machine.Lack(f"apt could not install {packages}")

    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if has_apt and name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(machine, "apt_install", refuse)
    with pytest.raises(Missing, match=text):
        program()
