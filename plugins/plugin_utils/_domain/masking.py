# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message may quote of somebody's file: no user, no password, and nothing of a query. Private."""

from __future__ import annotations

import re

# What stands before an @ may be a password, but before a digest it is the name of an image.
_USER_INFO = re.compile(r"""[^\s"'`]+@(?!sha\d+:)""")
_QUERY = re.compile(r"""(://[^\s"'`?#]*[?#])[^\s"'`]+""")
_REST = re.compile(r"([?#]).+", re.DOTALL)


def plain(text: str) -> str:
    """A text of somebody's file for a message: on one line, and without user, password and query of a URL."""
    return printable(_QUERY.sub(r"\1***", _USER_INFO.sub("***@", text)))


def printable(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def masked(text: str) -> str:
    """A URL, or what quotes one, without its user and password, whatever they are made of, and without its query."""
    less_user = f"***@{text.rpartition('@')[2]}" if "@" in text else text
    return _REST.sub(r"\1***", less_user)
