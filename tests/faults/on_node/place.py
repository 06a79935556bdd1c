# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node that faults are injected into: how it was, how it is to be, and how it is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import typing as t
from dataclasses import replace
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import (
    OPEN,
    RESTART_MARK,
    Change,
    ChangeSet,
    Check,
    sha256,
)
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record

from faults.on_node.calls import Call

TREE = Path("/etc/containerd")
STATE = Path("/var/lib/airgap.nodes")
BUILT = Path("/usr/local/share/node/etc/containerd/config.toml")
WITNESS = Path("/run/faults-witness")
ANSWER_SECONDS = "20s"

Picture = dict[str, tuple[t.Any, ...]]


def picture() -> Picture:
    """Names, types, modes, owners, attributes, bytes."""
    shown = {}
    for path in [TREE, *sorted(TREE.rglob("*"))]:
        status = path.lstat()
        held = os.readlink(path) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        xattrs = [(name, os.getxattr(path, name).hex()) for name in os.listxattr(path)]
        shown[str(path)] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, sorted(xattrs), held)
    return shown


def difference(found: Picture, wanted: Picture) -> str:
    """The places where two pictures differ, without what they hold."""
    places = [place for place in {**found, **wanted} if found.get(place) != wanted.get(place)]
    return ", ".join(
        f"{place}: {_short(found.get(place))} instead of {_short(wanted.get(place))}" for place in sorted(places)
    )


def _short(entry: tuple[t.Any, ...] | None) -> str:
    if entry is None:
        return "nothing"
    *attributes, held = entry
    return f"{' '.join(map(str, attributes))} {sha256(held.encode())[:8]}"


def strays() -> list[str]:
    """What nobody needs any more, once a run has come to its end."""
    return [str(path) for path in (*TREE.rglob(".*"), *STATE.rglob(".*"), *STATE.rglob("*.new"))]


def open_changes() -> list[Record]:
    return Journal(str(STATE)).open_changes() if STATE.is_dir() else []


def unfinished() -> list[Record]:
    return Journal(str(STATE)).unfinished() if STATE.is_dir() else []


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


class Place:
    """Start and end of one change that has all in it that a change can have."""

    def __init__(self) -> None:
        self.config = BUILT.read_text()
        self.old: Picture = {}
        self.new: Picture = {}
        self.old = self.reset()
        self.change().succeed()
        self.new = picture()
        if difference(self.old, self.new) == "":
            raise AssertionError("the change changes nothing")
        self.reset()

    @property
    def is_v2(self) -> bool:
        """Whether this is containerd 1.x, by its configuration."""
        return "version = 2" in self.config

    def reset(self) -> Picture:
        """As before any change."""
        if STATE.is_dir():
            _empty(STATE)
        Path(RESTART_MARK).unlink(missing_ok=True)
        TREE.mkdir(exist_ok=True)
        _empty(TREE)
        TREE.chmod(0o755)
        for name, content, mode in (
            ("config.toml", self.config, 0o640),
            ("certs.d/kept.example/hosts.toml", "[host.'https://old.example']\n", 0o644),
            ("certs.d/old.example/hosts.toml", "[host.'https://gone.example']\n", 0o600),
            ("certs.d/old.example/ca.pem", "a certificate\n", 0o644),
        ):
            path = TREE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(mode)
        os.chown(TREE / "config.toml", 0, 2345)
        (TREE / "certs.d/old.example").chmod(0o750)
        for name in ("config.toml", "certs.d/old.example"):
            with contextlib.suppress(OSError):  # a file system without them
                os.setxattr(TREE / name, "user.note", b"mine")
        found = picture()
        if self.old and found != self.old and not os.path.ismount(TREE):
            raise AssertionError(f"the start is another: {difference(found, self.old)}")
        return found

    def edited(self, after_version: str = "", appended: str = "") -> str:
        """The configuration with a value that counts, and what else is asked for."""
        text = re.sub(r"^( *)max_concurrent_downloads = 3$", r"\1max_concurrent_downloads = 5", self.config, flags=re.M)
        if text == self.config:
            line = "    disable_apparmor = true\n"
            text = text.replace(line, f"{line}    max_concurrent_downloads = 5\n", 1)
        return re.sub(r"^(version = \d\n)", rf"\g<1>{after_version}", text, flags=re.M) + appended

    def change(
        self, config: str | None = None, *, proof: bool = True, restart: bool = False, checked: bool = True
    ) -> Call:
        """Leaves first, config.toml last."""
        version = re.findall(r"^version = \d$", self.config, re.MULTILINE)[0]
        changes = (
            *(_mark() if restart else ()),
            self._change("mkdir", "certs.d/new.example", mode="0755"),
            self._change("create", "certs.d/new.example/client-key.pem", "a key\n", mode="0600"),
            self._change("create", "certs.d/new.example/hosts.toml", "[host.'https://new.example']\n", mode="0644"),
            self._change("replace", "certs.d/kept.example/hosts.toml", "[host.'https://kept.example']\n"),
            self._change("delete", "certs.d/old.example/hosts.toml"),
            self._change("delete", "certs.d/old.example/ca.pem"),
            self._change("rmdir", "certs.d/old.example"),
            self._change("mkdir", "conf.d", mode="0750"),
            self._change("create", "conf.d/50-faults.toml", f"{version}\n", mode="0644"),
            self._change("replace", "config.toml", self.edited() if config is None else config),
        )
        return Call(
            "_node_apply",
            {
                "changes": ChangeSet(changes).to_wire(),
                "checks": [Check(str(TREE / "config.toml")).to_wire()] if checked else [],
                "journal": {"by": "faults", "proof": proof, "restart": restart},
            },
        )

    def _change(self, op: str, name: str, content: str | None = None, *, mode: str | None = None) -> Change:
        path = TREE / name
        change = Change(
            "create" if op in ("replace", "delete") else op,
            str(path),
            content=content.encode() if content is not None else b"" if op == "delete" else None,
            mode=mode or "0644",
        )
        if op not in ("replace", "delete"):
            return change
        return replace(
            change,
            op=op,
            content=None if op == "delete" else change.content,
            # Of what is not there any more the change is stale, which some of the faults are about.
            expect=sha256(path.read_bytes() if path.is_file() else b""),
            mode=None,
        )

    def expect(self, wanted: Picture, what: str) -> None:
        found = picture()
        if found != wanted:
            raise AssertionError(f"{what}: {difference(found, wanted)}")

    def ended(self) -> str:
        """Exactly old or exactly new, and nothing else."""
        found = picture()
        if found == self.old:
            return "old"
        if found == self.new:
            return "new"
        raise AssertionError(
            f"half: from the old, {difference(found, self.old)}; from the new, {difference(found, self.new)}"
        )

    def expect_tidy(self) -> None:
        left = strays()
        if left:
            raise AssertionError(f"left behind: {', '.join(left)}")


def _mark() -> tuple[Change, ...]:
    """That a restart is due, in front of the edit as the controller has it."""
    mark, content = Path(RESTART_MARK), b"a restart is due\n"
    if mark.is_file():
        return (Change("replace", RESTART_MARK, content=content, expect=sha256(mark.read_bytes())),)
    directory = Change("mkdir", str(mark.parent), mode="0755")
    return directory, Change("create", RESTART_MARK, content=content, mode="0644")


def expect_service() -> None:
    """CRI answers, and the container that ran before all faults is still the same process."""
    asked = subprocess.run(
        ["crictl", "--timeout", ANSWER_SECONDS, "version"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise AssertionError(f"CRI does not answer: {asked.stderr.strip()[-300:]}")
    expect_witness()


def expect_witness() -> None:
    pid, started = WITNESS.read_text().split()
    try:
        now = Path(f"/proc/{pid}/stat").read_text().split()[21]
    except FileNotFoundError:
        now = "not there"
    if now != started:
        raise AssertionError(f"the container's process {pid} was started at {started}, it is now {now}")


def remember_witness() -> None:
    def crictl(*arguments: str) -> str:
        return subprocess.run(["crictl", *arguments], capture_output=True, text=True, check=True).stdout

    running = crictl("ps", "--quiet", "--name", "witness", "--state", "running").strip()
    pid = str(json.loads(crictl("inspect", running))["info"]["pid"])
    WITNESS.write_text(f"{pid} {Path(f'/proc/{pid}/stat').read_text().split()[21]}")


def is_open() -> bool:
    return any(record.state == OPEN for record in open_changes())
