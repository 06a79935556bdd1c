# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file says of itself that another tool writes it. Private to this collection.

Such a tool may undo what is changed here, so the user is warned; nobody is kept from changing the file.
"""

from __future__ import annotations

import re
import typing as t

_OURSELVES = "airgap.nodes"
_DONE = "generated|managed|maintained|controlled|provisioned|rendered|deployed|written|created|installed"
# What containerd printed or a person wrote belongs to whoever reads it.
_NOBODY = r"""(?!\W*(?:the\s+)?(?:containerd|ctr|hand|me|us)\b)"""
_CLAIMS = re.compile(
    r"\b(?:do\s+not|don['\u2019]t|never)\s+(?:\w+\s+)?(?:edit|modify|change|touch|alter)\b"
    rf"|\b(?:{_DONE})\s+(?:automatically\s+)?(?:by|with|via|from|using|through)\s+{_NOBODY}\S"
    r"|\bauto(?:matically|-)?\s*(?:generated|managed|created|written)\b"
    r"|\b(?:ansible|puppet|chef|salt|terraform|cfengine|juju)[\s-]+managed\b"
    r"|\b(?:changes|edits|modifications)\b.*\b(?:overwritten|lost|reverted|undone|replaced)\b",
    re.IGNORECASE,
)


def foreign_owner(text: str) -> str | None:
    """The comment line with which a file says that another tool writes it; None where it does not.

    Only the comments above the first table count: further down they speak of single settings.
    """
    comments = (comment for comment in _comments_at_the_top(text) if _OURSELVES not in comment)
    return next(filter(_CLAIMS.search, comments), None)


def _comments_at_the_top(text: str) -> t.Iterator[str]:
    for line in text.removeprefix("\ufeff").splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            return
        if stripped.startswith("#"):
            yield stripped
