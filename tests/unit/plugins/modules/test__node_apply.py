# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import errno
import os
import pathlib
import signal
import stat
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _apply
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, Check, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal
from ansible_collections.airgap.nodes.plugins.modules import _node_apply

RunModule = t.Callable[..., t.Any]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a journal")


def changes(*changes: Change) -> dict[str, t.Any]:
    return {"changes": ChangeSet(changes).to_wire()}


def test_the_module(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    (tmp_path / "config.toml").write_bytes(b"old\n")
    arguments = changes(
        Change("mkdir", f"{tmp_path}/certs.d", mode="0755"),
        Change("create", f"{tmp_path}/certs.d/hosts.toml", content=b"[host]\n", mode="0600"),
        Change("replace", f"{tmp_path}/config.toml", content=b"new\n", expect=sha256(b"old\n"), backup=True),
        Change("mkdir", f"{tmp_path}/certs.d", mode="0755"),
    )
    result = run_module(_node_apply, arguments)
    (backup,) = tmp_path.glob("*.bak")
    assert result["changed"] is True
    assert result["applied"] == [
        {"op": "mkdir", "path": f"{tmp_path}/certs.d", "backup_file": None},
        {"op": "create", "path": f"{tmp_path}/certs.d/hosts.toml", "backup_file": None},
        {"op": "replace", "path": f"{tmp_path}/config.toml", "backup_file": str(backup)},
    ]
    assert (tmp_path / "config.toml").read_bytes() == b"new\n"
    assert stat.S_IMODE((tmp_path / "certs.d" / "hosts.toml").stat().st_mode) == 0o600


def test_nothing_to_do_is_not_a_change(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    result = run_module(_node_apply, changes(Change("mkdir", str(tmp_path), mode="0755")))
    assert (result["changed"], result["applied"]) == (False, [])
    assert run_module(_node_apply, changes())["changed"] is False


def test_check_mode_compares_and_writes_nothing(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    create = changes(Change("create", f"{tmp_path}/new", content=b"new", mode="0644"))
    result = run_module(_node_apply, create, check=True)
    assert (result["changed"], result["applied"]) == (True, [])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new").touch()
    result = run_module(_node_apply, create, check=True)
    assert result["msg"] == f"{tmp_path}/new: changed since it was read; run again"


def test_a_failure_names_the_path_and_says_what_became_of_the_rest(
    tmp_path: pathlib.Path, run_module: RunModule
) -> None:
    result = run_module(
        _node_apply,
        changes(
            Change("create", f"{tmp_path}/a", content=b"a", mode="0644"),
            Change("create", f"{tmp_path}/none/b", content=b"b", mode="0644"),
        ),
    )
    assert result["failed"]
    assert result["msg"] == f"cannot create {tmp_path}/none/b: No such file or directory; nothing was changed"
    assert list(tmp_path.iterdir()) == []


def test_a_change_that_makes_no_sense_is_refused(run_module: RunModule) -> None:
    result = run_module(_node_apply, {"changes": [{"op": "delete", "path": "/etc/hostname"}]})
    assert result["msg"] == "delete /etc/hostname: expect goes with replace and delete, and with nothing else"


# Secrets, in forms in which a search for each secret in the finished text fails to hide all of them.
SECRETS = {
    "text": b'[host."https://registry.example.com".header]\nAuthorization = "Basic aHVudGVyMjpodW50ZXIy"\n',
    "starts like the next one": b"Authorization = ",
    "longer": b"Authorization = Basic hunter2",
    "bytes": bytes(range(256)),
}


def secret_changes(top: pathlib.Path) -> dict[str, t.Any]:
    created = (Change("create", f"{top}/{name}", content=held, mode="0600") for name, held in SECRETS.items())
    return changes(*created)


def traces(text: str) -> list[str]:
    """The parts of secrets that a text shows, encoded or not."""
    encoded = [base64.b64encode(held).decode() for held in SECRETS.values()]
    parts = [whole[start : start + 12] for whole in encoded for start in range(0, len(whole) - 11, 4)]
    return [part for part in ["hunter2", "Authorization", "aHVudGVyMj", *parts] if part in text]


def test_the_node_s_log_shows_nothing_of_what_is_written(
    tmp_path: pathlib.Path, run_module: RunModule, logged: list[str]
) -> None:
    result = run_module(_node_apply, secret_changes(tmp_path))
    assert result["changed"]
    assert "changes=NOT_LOGGING_PARAMETER" in "".join(logged)
    assert traces("".join(logged)) == []


FAILING: dict[str, t.Callable[[pathlib.Path], dict[str, t.Any]]] = {
    "stale": lambda top: changes(Change("delete", f"{top}/none", expect=sha256(b"x"))),
    "no such directory": lambda top: changes(Change("create", f"{top}/none/a", content=b"hunter2", mode="0600")),
    "bad content": lambda top: {"changes": [{"op": "create", "path": f"{top}/a", "content": "!", "mode": "0600"}]},
    "unknown op": lambda top: {"changes": [{"op": "chmod", "path": f"{top}/a"}]},
    "unknown key": lambda top: {"changes": [{"op": "rmdir", "path": f"{top}/a", "recurse": True}]},
    "no path": lambda _top: {"changes": [{"op": "rmdir"}]},
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
def test_a_failure_shows_nothing_of_what_was_to_be_written(
    tmp_path: pathlib.Path,
    run_module: RunModule,
    logged: list[str],
    failing: t.Callable[[pathlib.Path], dict[str, t.Any]],
) -> None:
    arguments = {"changes": secret_changes(tmp_path)["changes"] + failing(tmp_path)["changes"]}
    result = run_module(_node_apply, arguments)
    assert result["failed"]
    assert traces(f"{result} {logged}") == []
    assert list(tmp_path.iterdir()) == []


def test_the_result_does_not_repeat_what_was_written(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    assert traces(str(run_module(_node_apply, secret_changes(tmp_path)))) == []


def test_paths_come_back_whole_whatever_is_written(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    """Contents whose encoded form is part of the paths, of the operations, of the mode, of the names of the result."""
    words = ["path", "create", "mode", "back", "abcd", "true", "path", "0644"]
    path = tmp_path / "pathabcdback"
    arguments = changes(
        Change("create", str(path), content=base64.b64decode("abcd"), mode="0644"),
        *(
            Change("create", f"{path}{number}", content=base64.b64decode(word + "=" * (-len(word) % 4)), mode="0644")
            for number, word in enumerate(words)
        ),
    )
    result = run_module(_node_apply, arguments)
    paths = [str(path), *(f"{path}{number}" for number in range(len(words)))]
    assert result["applied"] == [{"op": "create", "path": name, "backup_file": None} for name in paths]


def test_a_name_that_is_not_utf8(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    result = run_module(_node_apply, changes(Change("create", path, content=b"au lait", mode="0644")))
    assert result["applied"][0]["path"] == f"{tmp_path}/caf\\udce9"
    with open(os.fsencode(path), "rb") as stream:
        assert stream.read() == b"au lait"
    stale = run_module(_node_apply, changes(Change("create", path, content=b"", mode="0644")))
    assert stale["msg"] == f"{tmp_path}/caf\\udce9: changed since it was read; run again"


def test_what_stays_behind_is_a_warning(
    tmp_path: pathlib.Path, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> t.NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "unlink", refuse)
    result = run_module(_node_apply, changes(Change("replace", f"{tmp_path}/a", b"new", sha256(b"old"))))
    (left,) = tmp_path.glob(".*")
    assert result["changed"]
    assert f"{left} stays behind: Read-only file system" in str(result["warnings"])


def test_a_broken_connection_does_not_end_it_between_two_changes(
    tmp_path: pathlib.Path, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[str] = []
    really_rename = os.rename

    def rename(source: str, target: str) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        assert arrived == []
        really_rename(source, target)

    before = signal.signal(signal.SIGHUP, lambda *_arguments: arrived.append("SIGHUP"))
    monkeypatch.setattr(os, "rename", rename)
    try:
        result = run_module(
            _node_apply, changes(*(Change("create", f"{tmp_path}/{name}", b"x", mode="0644") for name in "abc"))
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert len(result["applied"]) == 3
    assert arrived == ["SIGHUP"]


# The journal


def journaled(top: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
    return {"journal": {"root": f"{top}/state", "by": "a test", **options}}


def one_file(top: pathlib.Path) -> dict[str, t.Any]:
    return changes(Change("create", f"{top}/new", content=b"new", mode="0644"))


@needs_root
def test_a_change_is_journaled(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    result = run_module(_node_apply, {**one_file(tmp_path), **journaled(tmp_path, proof=True, restart=True)})
    (record,) = Journal(f"{tmp_path}/state").changes()
    assert result["change"] == {"id": record.id, "state": "open"}
    assert (record.by, record.unit, record.restart) == ("a test", "containerd.service", True)


@needs_root
def test_without_proof_it_is_closed_and_old_ones_go(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    for name in "abc":
        arguments = changes(Change("create", f"{tmp_path}/{name}", content=b"", mode="0644"))
        result = run_module(_node_apply, {**arguments, **journaled(tmp_path, keep=2)})
        assert result["change"]["state"] == "closed"
    assert len(Journal(f"{tmp_path}/state").changes()) == 2


def test_without_a_journal_there_is_none(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    result = run_module(_node_apply, one_file(tmp_path))
    assert (result["journaled"], result["change"]) == (False, None)


@needs_root
def test_what_has_no_effect_is_not_in_the_journal_that_there_is(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    nothing = changes(Change("mkdir", str(tmp_path), mode="0755"))
    result = run_module(_node_apply, {**nothing, **journaled(tmp_path)})
    assert (result["journaled"], result["change"]) == (True, None)


@pytest.mark.parametrize("check", [False, True])
def test_another_user_has_no_journal(
    tmp_path: pathlib.Path, run_module: RunModule, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run_module(_node_apply, {**one_file(tmp_path), **journaled(tmp_path)}, check=check)
    assert (result["changed"], result["journaled"], result["change"]) == (True, False, None)
    assert not (tmp_path / "state").exists()


@needs_root
def test_check_mode_makes_no_journal(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    result = run_module(_node_apply, {**one_file(tmp_path), **journaled(tmp_path)}, check=True)
    assert (result["changed"], result["change"], list(tmp_path.iterdir())) == (True, None, [])


def test_a_check_that_fails_changes_nothing_and_shows_nothing(
    tmp_path: pathlib.Path, run_module: RunModule, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(checks: list[Check], _staged: t.Any, unit: str, _tell: t.Any) -> str:
        assert (checks[0].content, unit) == (SECRETS["longer"], "")
        return f"{checks[0].path}: the node's containerd refuses it. Nothing was changed."

    monkeypatch.setattr(_apply, "run_checks", refuse)
    checks = [Check(f"{tmp_path}/text", SECRETS["longer"], {"@1@": f"{tmp_path}/text"}).to_wire()]
    result = run_module(_node_apply, {**secret_changes(tmp_path), "checks": checks})
    assert result["msg"] == f"{tmp_path}/text: the node's containerd refuses it. Nothing was changed."
    assert traces(f"{result} {logged}") == []
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_what_the_journal_says_against_it_is_told(tmp_path: pathlib.Path, run_module: RunModule) -> None:
    (tmp_path / "state").touch()
    result = run_module(_node_apply, {**one_file(tmp_path), **journaled(tmp_path)})
    assert result["msg"].startswith(f"{tmp_path}/state: is not a directory of this user alone")
    assert not (tmp_path / "new").exists()
