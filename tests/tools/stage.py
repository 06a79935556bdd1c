# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the clone to a real ansible_collections/airgap/nodes (ansible-test refuses links), and build from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ["AIRGAP_NODES_STATE"])
STAGED = STATE / "collections" / "ansible_collections" / "airgap" / "nodes"
INSTALLED = STATE / "installed"


def source_files() -> set[Path]:
    """What a commit of the tree as it stands would hold."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return {Path(name) for name in names if name and (ROOT / name).is_file()}


def differs(source: Path, target: Path) -> bool:
    if not target.is_file():
        return True
    ours, theirs = source.stat(), target.stat()
    return (ours.st_size, ours.st_mtime_ns, ours.st_mode) != (theirs.st_size, theirs.st_mtime_ns, theirs.st_mode)


def stage() -> Path:
    wanted = source_files()
    if not (STAGED / ".git").exists():
        # Otherwise the tools would ask the clone around it, which ignores this place.
        subprocess.run(["git", "init", "--quiet", str(STAGED)], check=True)
    for name in sorted(wanted):
        if differs(ROOT / name, STAGED / name):
            (STAGED / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, STAGED / name)
    for present in sorted(STAGED.rglob("*"), reverse=True):
        name = present.relative_to(STAGED)
        if name.parts[0] in (".git", ".ansible") or name.parts[:2] == ("tests", "output"):
            continue
        if present.is_dir():
            if not any(present.iterdir()):
                present.rmdir()
        elif name not in wanted:
            present.unlink()
    return STAGED


def galaxy(*arguments: str) -> None:
    done = subprocess.run(["ansible-galaxy", "collection", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def build() -> Path:
    """The tarball of the staged copy, as it would be published."""
    target = STATE / "build"
    shutil.rmtree(target, ignore_errors=True)
    galaxy("build", "--output-path", str(target), str(stage()))
    return next(target.glob("airgap-nodes-*.tar.gz"))


def install() -> Path:
    """The collection as a user gets it, from the tarball: what scenarios, demo and benchmark run."""
    galaxy("install", "--offline", "--no-deps", "--force", "--collections-path", str(INSTALLED), str(build()))
    return INSTALLED


if __name__ == "__main__":
    print({"stage": stage, "build": build, "install": install}[sys.argv[1]]())
