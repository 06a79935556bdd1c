# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order files change, with which modes, and of which a copy is left."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, sha256
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import holds_secret
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import (
    config_changes,
    left_open,
    without_copy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, FileEdit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference

MAIN, OTHER = "/etc/containerd/config.toml", "/etc/containerd/conf.d/60-a.toml"
PLAIN = "oom_score = 1\n"
SECRET = "[auth]\npassword = 'hush-hush-1'\n"
SET_PLAIN = (Difference(("oom_score",), None, 1),)
SET_SECRET = (Difference(("auth", "password"), None, "hush-hush-1"),)


def entry(text: str, mode: str = "0644") -> Entry:
    return Entry("file", content=text.encode(), sha256=sha256(text.encode()), mode=mode)


def changes(
    files: dict[str, Entry], *edits: FileEdit, backup: bool = True, has_credentials: bool = False
) -> tuple[Change, ...]:
    plan = ConfigPlan(edits, config_version=2, restart_required=False)
    found = config_changes(
        NodeState(files=files), plan, backup=backup, is_secret=holds_secret, has_credentials=has_credentials
    )
    return found.changes


def test_what_is_imported_comes_first() -> None:
    files = {MAIN: entry("a = 1\n")}
    found = changes(files, FileEdit(MAIN, PLAIN, SET_PLAIN), FileEdit(OTHER, PLAIN, SET_PLAIN))
    assert [(change.op, change.path) for change in found] == [
        ("mkdir", "/etc"),
        ("mkdir", "/etc/containerd"),
        ("mkdir", "/etc/containerd/conf.d"),
        ("create", OTHER),
        ("replace", MAIN),
    ]
    assert found[-1].expect == sha256(b"a = 1\n")


def test_what_does_not_change_is_left_alone() -> None:
    assert changes({MAIN: entry(PLAIN)}, FileEdit(MAIN, PLAIN, ())) == ()


# the old text and mode, the new text, its differences: the new mode, that of the copy
MODES: dict[str, tuple[str, str, str, tuple[Difference, ...], str | None, str | None]] = {
    "no secret": ("a = 1\n", "0644", PLAIN, SET_PLAIN, None, None),
    "a secret comes": ("a = 1\n", "0644", SECRET, SET_SECRET, "0600", None),
    "a secret comes to a file that its owner may only read": ("a = 1\n", "0400", SECRET, SET_SECRET, None, None),
    "a secret is there": (SECRET, "0644", SECRET + PLAIN, SET_PLAIN, "0600", "0600"),
    "a secret that a group can read": (SECRET, "0640", SECRET + PLAIN, SET_PLAIN, "0600", "0600"),
    "a secret that nobody else can read": (SECRET, "0600", SECRET + PLAIN, SET_PLAIN, None, None),
    "a secret goes": (SECRET, "0640", PLAIN, (Difference(("auth", "password"), "x", None),), None, "0600"),
}


@pytest.mark.parametrize(("old", "mode", "new", "differences", "new_mode", "copy"), MODES.values(), ids=MODES)
def test_modes(
    *, old: str, mode: str, new: str, differences: tuple[Difference, ...], new_mode: str | None, copy: str | None
) -> None:
    (change,) = changes({MAIN: entry(old, mode)}, FileEdit(MAIN, new, differences))
    assert (change.mode, change.backup, change.backup_mode) == (new_mode, True, copy)
    (change,) = changes({MAIN: entry(old, mode)}, FileEdit(MAIN, new, differences), backup=False)
    assert (change.mode, change.backup, change.backup_mode) == (new_mode, False, None)


@pytest.mark.parametrize(
    ("mode", "has_credentials", "is_changed"),
    [("0644", True, True), ("0600", True, False), ("0644", False, False)],
    ids=["open", "closed", "none of ours"],
)
def test_credentials_that_others_could_read(*, mode: str, has_credentials: bool, is_changed: bool) -> None:
    found = changes({MAIN: entry(SECRET, mode)}, FileEdit(MAIN, SECRET, ()), has_credentials=has_credentials)
    assert [(change.mode, change.backup) for change in found] == ([("0600", False)] if is_changed else [])


@pytest.mark.parametrize("glob", [None, "/etc/containerd/conf.d/*"])
@pytest.mark.parametrize("files", [{}, {OTHER: entry("a = 1\n")}], ids=["new", "there"])
def test_what_a_glob_would_read_half_done_waits_elsewhere(files: dict[str, Entry], glob: str | None) -> None:
    *_directories, change = changes(files, FileEdit(OTHER, PLAIN, SET_PLAIN, copy_read_by=glob))
    assert change.aside is (glob is not None)


@pytest.mark.parametrize(("text", "mode"), [(SECRET, "0600"), (PLAIN, "0644")], ids=["a secret", "none"])
def test_a_new_file(text: str, mode: str) -> None:
    *_directories, change = changes({}, FileEdit(MAIN, text, SET_PLAIN))
    assert (change.op, change.mode) == ("create", mode)


@pytest.mark.parametrize(
    ("text", "mode", "differences", "is_told"),
    [
        (SECRET, "0644", (), True),
        (SECRET, "0600", (), False),
        (SECRET, "0644", SET_PLAIN, False),
        (PLAIN, "0644", (), False),
    ],
    ids=["open", "closed", "about to be closed", "no secret"],
)
def test_a_secret_that_is_left_where_others_can_read_it(
    *, text: str, mode: str, differences: tuple[Difference, ...], is_told: bool
) -> None:
    plan = ConfigPlan((FileEdit(MAIN, text, differences),), 2, restart_required=False)
    told = list(left_open(NodeState(files={MAIN: entry(text, mode)}), plan, is_secret=holds_secret))
    assert told == (
        [
            "the file has mode 0644, and a password, token or header value in it that others can read. "
            "Set it to 0600; a task that changes the file does."
        ]
        if is_told
        else []
    )


def test_no_copy_where_containerd_would_read_it() -> None:
    edit = FileEdit(OTHER, PLAIN, SET_PLAIN, copy_read_by="/etc/containerd/conf.d/*")
    state: dict[str, Entry] = {OTHER: entry(SECRET)}
    (change,) = changes(state, edit)
    assert (change.backup, change.backup_mode) == (False, None)
    warnings = list(without_copy(NodeState(files=state), ConfigPlan((edit,), 2, restart_required=False)))
    assert warnings == [
        f"no copy of {OTHER} was left: /etc/containerd/conf.d/* in imports would make containerd read it."
    ]
    assert not list(without_copy(NodeState(), ConfigPlan((edit,), 2, restart_required=False)))
