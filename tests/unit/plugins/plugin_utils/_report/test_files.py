# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report is in its place whole, or not at all."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._report import files


def test_written(tmp_path: Path) -> None:
    path = files.target(str(tmp_path / "a.json"), "json")
    before = os.umask(0o077)
    try:
        files.write(path, "json", ["one\n", "ü\ud800\n"])
    finally:
        os.umask(before)
    assert Path(path).read_text(encoding="utf-8") == "one\nü\\ud800\n"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["a.json"]


def test_below_where_ansible_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.target("a.json", "json") == str(tmp_path / "a.json")


def broken() -> t.Iterator[str]:
    yield "half"
    raise OSError(28, "No space left on device")


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(DomainError, match=r"a.json: json: cannot be written: No space left on device. See to the disk"):
        files.write(str(path), "json", broken())
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def make_link(folder: Path) -> Path:
    (folder / "real").write_text("", encoding="utf-8")
    (folder / "link").symlink_to("real")
    return folder / "link"


def make_file_for_folder(folder: Path) -> Path:
    (folder / "file").write_text("", encoding="utf-8")
    return folder / "file" / "a.json"


REFUSED: dict[str, tuple[t.Callable[[Path], Path], str]] = {
    "symlink": (make_link, "link: html: is a symbolic link, which no report replaces"),
    "dangling symlink": (lambda folder: make_link(folder).replace(folder / "real"), "is a symbolic link"),
    "directory": (lambda folder: folder, "html: is there and is not a file"),
    "missing directory": (
        lambda folder: folder / "no" / "a.html",
        r"cannot be written: \S+/no is not a directory. Make it",
    ),
    "a file for a directory": (make_file_for_folder, r"\S+/file is not a directory"),
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(make: t.Callable[[Path], Path], text: str, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=text):
        files.target(str(make(tmp_path)), "html")


@pytest.mark.parametrize("name", ["", "a.html"])
def test_read_only(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's answer is made up."""
    (tmp_path / "a.html").write_text("", encoding="utf-8")
    locked = str(tmp_path / name) if name else str(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, _mode: path != locked)
    with pytest.raises(DomainError, match=f"{locked} is read-only for this user"):
        files.target(str(tmp_path / "a.html"), "html")
