# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the domain. Private to this collection.

Whatever is wrong with an input is raised as a DomainError and becomes one message of one failed task:
where it is, what is wrong, what to do.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.masking import masked

KeyPath = tuple[str, ...]


class DomainError(Exception):
    """Something the user has to mend; nothing has been written when it is raised.

    The text reads ``file:line:column: key or option: what is wrong. What to do``; unknown parts are left out.
    No part may hold a secret: the text goes to the terminal, to logs and to callbacks.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        key_path: KeyPath | None = None,
        option: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.what = what
        self.file = file
        self.line = line
        self.column = column
        self.key_path = key_path
        self.option = option
        self.fix = fix
        super().__init__(what)

    def in_file(self, file: str) -> DomainError:
        """The same error with its file named, for code that edits text and does not know where it came from."""
        return DomainError(
            self.what,
            file=self.file or file,
            line=self.line,
            column=self.column,
            key_path=self.key_path,
            option=self.option,
            fix=self.fix,
        )

    def under(self, option: str) -> DomainError:
        """The same error with the option above its own, for code that reads one part of what a user wrote."""
        return DomainError(
            self.what,
            file=self.file,
            line=self.line,
            column=self.column,
            key_path=self.key_path,
            option=f"{option}.{self.option}" if self.option else option,
            fix=self.fix,
        )

    @staticmethod
    def together(errors: t.Sequence[DomainError]) -> DomainError:
        """One error for all that is wrong, the most serious first."""
        return errors[0] if len(errors) == 1 else _Several(errors)

    @property
    def each(self) -> t.Sequence[DomainError]:
        """This error, or those that it was made of."""
        return (self,)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        subject = masked_key_path(self.key_path) if self.key_path else self.option
        text = ": ".join(part for part in (place, subject, self.what.rstrip(".")) if part)
        return f"{text}. {self.fix}" if self.fix else f"{text}."


class _Several(DomainError):
    """Errors of one task that do not hang together, so that none has to wait for a run of its own."""

    def __init__(self, errors: t.Sequence[DomainError]) -> None:
        super().__init__("; ".join(error.what for error in errors), fix=errors[0].fix)
        self._errors = errors

    @property
    def each(self) -> t.Sequence[DomainError]:
        return self._errors

    def in_file(self, file: str) -> DomainError:
        return _Several([error if error.option else error.in_file(file) for error in self._errors])

    def under(self, option: str) -> DomainError:
        return _Several([error.under(option) for error in self._errors])

    def __str__(self) -> str:
        return " ".join(f"({number}) {error}" for number, error in enumerate(self._errors, 1))


def show_key_path(path: KeyPath) -> str:
    """A key path as TOML writes it: ``plugins."io.containerd.grpc.v1.cri".registry``."""
    return ".".join(key if _is_bare(key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in path)


def masked_key_path(path: KeyPath) -> str:
    """A key path for a message: a key can be a URL, and a password can be in that."""
    return show_key_path(tuple(map(masked, path)))


def _is_bare(key: str) -> bool:
    return bool(key) and key.isascii() and all(char.isalnum() or char in "-_" for char in key)
