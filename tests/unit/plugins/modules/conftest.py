# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module the way a node does: arguments in as JSON, one JSON result out."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import sys
import types
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.airgap.nodes.plugins.module_utils import _cri_node, _programs, _restart, _undoing
from ansible_collections.airgap.nodes.plugins.module_utils._apply import apply_changes
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record

RunModule = t.Callable[..., t.Any]


@pytest.fixture(autouse=True)
def on_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer releases of ansible-core do otherwise where the controller's code has been imported, as by other tests."""
    for name, attribute, value in (
        ("ansible.module_utils._internal", "is_controller", False),
        ("ansible.module_utils._internal._json._profiles", "_string_encoding_check_enabled", lambda: False),
    ):
        if name in sys.modules:
            monkeypatch.setattr(sys.modules[name], attribute, value, raising=False)


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunModule:
    def run(module: types.ModuleType, arguments: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        wire = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(wire).encode())
        # Newer releases of ansible-core ask by which profile the JSON is to be read.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        # They are those of a process, which runs one module on a node.
        warnings._global_warnings.clear()
        capsys.readouterr()
        with pytest.raises(SystemExit):
            module.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        # As strict as a controller, which refuses a result that holds anything but UTF-8.
        json.dumps(result, ensure_ascii=False).encode("utf-8")
        return result

    return run


@pytest.fixture(params=["syslog", "journal"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that a module writes to the node's log, by either way that a node may have."""
    messages: list[str] = []

    class Journal:
        @staticmethod
        def send(**fields: t.Any) -> None:
            messages.extend(f"{name}={value}" for name, value in fields.items())

    class Syslog:
        LOG_USER = LOG_INFO = 0
        openlog = staticmethod(lambda *_arguments: None)
        syslog = staticmethod(lambda _level, message: messages.append(message))

    monkeypatch.setattr(basic, "has_journal", request.param == "journal")
    monkeypatch.setattr(basic, "journal", Journal, raising=False)
    monkeypatch.setattr(basic, "syslog", Syslog)
    monkeypatch.setattr(basic, "HAS_SYSLOG", True)
    return messages


# A containerd that does what its config.toml says, in one word, and systemd, crictl, ctr and journalctl around it. What
# they print was printed by the real ones. Without a running one, nothing answers.
FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "crictl"
SYSTEMCTL = """\
#!/bin/sh
cd "{directory}" || exit 99
echo "$*" >> systemctl-calls
kind=$(cat config.toml)
case "$*" in
*" show "*) cat show; exit 0;;
*" reset-failed "*) echo active running > state; exit 0;;
esac
rm -f running
: > journal
for release in 1.6.20 2.1.5; do cp "{fixtures}/$release-journal-$kind.txt" journal 2>/dev/null; done
case $kind in
not-started|killed) echo "Job for containerd.service failed because it failed." >&2; exit 1;;
stuck)
    echo 'time="x" level=info msg="starting containerd"' > journal
    echo 'time="x" level=info msg="loading plugins..."' >> journal
    exec sleep 30;;
esac
echo "$kind" > running
"""
CRICTL = """\
#!/bin/sh
cd "{directory}" || exit 99
kind=$(cat running 2>/dev/null || echo containerd_down)
case $kind in good*) ;; not-loaded|cri_api_too_old) kind=cri_not_loaded;; ended|fatal) kind=containerd_down;; esac
case "$*:$kind" in
*" info:good-slow-network")
    if [ -e asked ]; then cat "{fixtures}/2.1.5-info.txt"; else cat "{fixtures}/2.1.5-info-no-network.txt"; fi
    : > asked;;
*" info:good-no-network") cat "{fixtures}/2.1.5-info-no-network.txt";;
*" info:good"*) cat "{fixtures}/2.1.5-info.txt";;
*" pods --state ready "*:good-no-pods) echo '{{"items": []}}';;
*" pods --state ready "*:good-fewer-pods*) cat "{fixtures}/2.1.5-pods-fewer.txt";;
*" pods --state ready "*:good*) cat "{fixtures}/2.1.5-pods.txt";;
*:good*) case "$*" in *images*) echo '{{"images": []}}';; esac;;
*) cat "{fixtures}/1.6.20-$kind.txt" >&2; exit 1;;
esac
"""
CTR = """\
#!/bin/sh
cd "{directory}" || exit 99
case $(cat running 2>/dev/null) in
good*) cat "{fixtures}/1.6.20-plugins.txt";;
not-loaded) cat "{fixtures}/1.6.20-plugins-mirrors.txt";;
cri_api_too_old) cat "{fixtures}/1.4.13-plugins.txt";;
*) cat "{fixtures}/1.7.24-containerd_down-ctr.txt" >&2; exit 1;;
esac
"""
JOURNALCTL = """\
#!/bin/sh
cd "{directory}" || exit 99
echo "$*" >> journalctl-calls
case "$*" in
*--show-cursor*) echo "-- cursor: s=1;i=2";;
*--sync*) ;;
*) cat journal;;
esac
"""
SHOW = """\
LoadState=loaded
ActiveState=active
SubState=running
Result=success
MainPID=0
NRestarts=0
"""


class FakeNode:
    """A node with a containerd of one word, and a real journal of changes to it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.config = directory / "config.toml"
        self.config.write_text("good")
        (directory / "running").write_text("good")
        (directory / "show").write_text(SHOW)
        programs = {"systemctl": SYSTEMCTL, "crictl": CRICTL, "ctr": CTR, "journalctl": JOURNALCTL}
        for name, text in programs.items():
            (directory / name).write_text(text.format(directory=directory, fixtures=FIXTURES))
            (directory / name).chmod(0o755)
        self.journal = Journal(str(directory / "state"))

    def change(self, word: str, *, proof: bool = True, restart: bool = True) -> Record:
        """A change that makes containerd something else the next time it starts."""
        content = self.config.read_bytes()
        step = Change("replace", str(self.config), content=word.encode(), expect=sha256(content))
        options = {"by": "containerd_config", "unit": "containerd", "restart": restart, "proof": proof}
        applying = apply_changes(ChangeSet((step,)), journal=self.journal, **options)
        assert applying.change
        return applying.change

    def running(self) -> str | None:
        with contextlib.suppress(FileNotFoundError):
            return (self.directory / "running").read_text().strip()
        return None

    def show(self, **properties: str) -> None:
        shown = dict(line.split("=") for line in SHOW.splitlines())
        text = "".join(f"{key}={value}\n" for key, value in {**shown, **properties}.items())
        (self.directory / "show").write_text(text)

    def calls(self, program: str = "systemctl") -> list[str]:
        """What changed something; options that all calls have are left out."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.directory / f"{program}-calls").read_text().splitlines()
            return [line.replace("--no-ask-password --no-pager ", "") for line in lines if " show " not in line]
        return []


@pytest.fixture
def node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "cp", "rm", "sh", "sleep"):
        (tools / name).symlink_to(t.cast(str, shutil.which(name)))
    directory = tmp_path / "node"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{tools}")
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", ())
    monkeypatch.setattr(_programs, "_SYSTEMD_MARK", str(directory))
    monkeypatch.setattr(_cri_node, "POLL_INTERVAL", 0.01)
    monkeypatch.setattr(_restart, "_since", lambda _started: 0.5)
    monkeypatch.setattr(_undoing, "_is_root", lambda: True)
    return FakeNode(directory)
