# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's own containerd says of a configuration that is written, and not in place yet.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only. ``containerd config dump`` needs
no daemon and changes nothing. It reads every file and decodes every plugin's table, and loads no plugin: what a plugin
makes of its table shows after a restart.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Check
from ansible_collections.airgap.nodes.plugins.module_utils._cri import fields, mask, shorten
from ansible_collections.airgap.nodes.plugins.module_utils._programs import Dump, dump, find_program, read_unit

_GIVEN = "/dev/stdin"
_SAID = re.compile(r"^(?:containerd|panic): (.+)$", re.MULTILINE)
# containerd 1.x quotes a value of the wrong type, and names no key that would tell whether it is a password.
_QUOTED_VALUE = re.compile(r"(Can't convert ).*(\([^()]*\) to )", re.DOTALL)
_PASSED_OVER = "Ignoring unknown key in TOML"


def run_checks(
    checks: t.Iterable[Check],
    staged: t.Mapping[str, str],
    unit: str,
    tell: t.Optional[t.Callable[[str], t.Any]] = None,
) -> t.Optional[str]:
    """Why nothing may be changed, for a person; None where containerd accepts all, or where there is no containerd.

    ``staged`` has where the new content of each path is. ``unit`` starts the containerd that is asked. ``tell`` is
    given a note where nobody could be asked.
    """
    checks = list(checks)
    if not checks:
        return None
    containerd = find_program("containerd", read_unit(unit)[0])
    if containerd is None:
        if tell is not None:
            tell(f"{checks[0].path}: containerd is not installed on this node, so that nobody could judge the change.")
        return None
    problems = (_problem(check, staged, containerd) for check in checks)
    return next((problem for problem in problems if problem), None)


def _problem(check: Check, staged: t.Mapping[str, str], containerd: str) -> t.Optional[str]:
    """What is wrong with one, else None."""
    place = _GIVEN if check.content is not None else staged[check.path]
    if check.content is None and not os.path.isfile(place):
        # Of a file that is not there, containerd prints its defaults and is content.
        return f"{check.path}: what was to be written is gone from {place}. Nothing was changed; run again."
    said = dump(containerd, place, None if check.content is None else _filled(check, check.content, staged))
    known_as = {**{hidden: path for path, hidden in staged.items()}, _GIVEN: check.path}
    if said.rc is None:
        return (
            f"{check.path}: {containerd} could not be asked whether it accepts what was to be written: "
            f"{_sentence(said.errors)} Nothing was changed; see to the program on the node."
        )
    if said.rc != 0:
        return (
            f"{check.path}: the node's containerd refuses what was to be written: {_reason(said, known_as)} Nothing "
            "was changed. Ask for what it takes; if it is about what the files had already, mend that first."
        )
    lost = _passed_over(said.errors, check.keys)
    return lost and (
        f"{check.path}: {lost}: the node's containerd says that it does not know this key and would pass over it. "
        "Nothing was changed. Leave it out on this node, or write it all the same with unsupported: write."
    )


def _filled(check: Check, content: bytes, staged: t.Mapping[str, str]) -> bytes:
    """The content with the names of the new files, in whichever quotes the file has its own."""
    for placeholder, path in check.files.items():
        name = os.fsencode(json.dumps(staged[path], ensure_ascii=False))
        for quote in (b'"', b"'"):
            content = content.replace(quote + placeholder.encode() + quote, name)
    return content


def _reason(said: Dump, known_as: t.Mapping[str, str]) -> str:
    """containerd's own words, with the files' own names."""
    found = _SAID.findall(said.errors)
    text = found[-1] if found else next(iter(said.errors.splitlines()), "it gives no reason")
    failures = [fields(line) for line in said.errors.splitlines() if "level=error" in line]
    file = failures[-1].get("file", "") if failures else ""
    if file and file not in text:
        # containerd 2.x logs which file, and does not repeat it.
        text = f"{file}: {text}"
    for hidden, path in known_as.items():
        text = text.replace(hidden, path)
    return _sentence(text)


def _sentence(text: str) -> str:
    text = _QUOTED_VALUE.sub(r"\1********\2", text)
    return f"{shorten(mask(text)).rstrip('.')}."


def _passed_over(errors: str, keys: t.Mapping[str, str]) -> t.Optional[str]:
    """The first of these keys that containerd does not know, be it for a table above."""
    for line in errors.splitlines() if keys else ():
        if _PASSED_OVER in line:
            warning = fields(line)
            unknown = f"{warning.get('plugin', '')} {warning.get('key', '')}".strip()
            for key, name in keys.items():
                if f"{key} ".startswith(f"{unknown} "):
                    return name
    return None
