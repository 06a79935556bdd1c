# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the TOML of containerd 1.x is laxer than the standard. Private to this collection.

Read in go-toml 1.9.5, which 1.5 to 1.7 have, and measured on 1.6.20 and 1.7.24: bytes that are not UTF-8 stand for a
replacement character, a comment may have anything in it and goes on to the next line feed, a carriage return alone ends
a line, and a backslash in the header of a table is one. Tables that are written twice in different forms are one table.
"""

from __future__ import annotations

import re

_MARKS = (b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00", b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
# Strings are found so that what looks like a comment in them is none.
_PIECE = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<end>\r(?!\n))",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HEADER = re.compile(r"^[ \t]*\[([^\[\]\n]+)\]", re.MULTILINE)
_ESCAPED = re.compile(r"^[ \t]*\[[^\]\n\\]*\\[^\]\n]*\]", re.MULTILINE)
_MAY_BE_READ = re.compile(r"declare|mutate|redefine|Duplicate inline|Illegal character|Found invalid character")


def decoded(content: bytes) -> str:
    """The text without what stands before it to tell how it is encoded, which makes no difference."""
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    return content.removeprefix(mark).decode("utf-8", "replace")


def in_standard_form(text: str) -> str:
    """The same in TOML as everybody reads it; other text stays as it is."""
    return _ESCAPED.sub(lambda header: header[0].replace("\\", "\\\\"), _PIECE.sub(_in_standard_form, text))


def _in_standard_form(piece: re.Match[str]) -> str:
    if piece["string"] is not None:
        return piece[0]
    if piece["end"] is not None:
        return "\n"
    end = "\r" if piece[0].endswith("\r") else ""
    return _CONTROL.sub(" ", piece[0].removesuffix("\r")) + end


def may_be_read(text: str, fault: str) -> bool:
    """Whether 1.x, unlike the standard, may find no fault with it; the same table twice, letter by letter, is one."""
    headers = _HEADER.findall(text)
    return _MAY_BE_READ.search(fault) is not None and len(set(headers)) == len(headers)
