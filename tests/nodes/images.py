# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node images: a Debian suite from mmdebstrap, plus one release's programs and settings. No image registry is asked."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import docker.errors

from nodes import paths, programs
from nodes.machine import Lack

if t.TYPE_CHECKING:
    import docker

    from nodes.releases import Release
    from nodes.steps import Steps

#: Raise it when a recipe below changes in a way that its inputs do not show.
RECIPE = "1"
PACKAGES = (
    "systemd systemd-sysv dbus containerd runc crun python3 ca-certificates iproute2 iptables procps"
    " containernetworking-plugins openssh-server strace"
).split()
#: Nodes never see these again, and without them an image is a quarter smaller.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
#: Units that wait for hardware, consoles or a network that a container does not have.
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer"
    " getty.target console-getty.service systemd-udevd.service systemd-udev-trigger.service systemd-logind.service"
    " systemd-firstboot.service systemd-modules-load.service systemd-networkd-wait-online.service"
).split()
HOOKS = (
    'mkdir -p "$1/opt/cni/bin" && cp -a "$1/usr/lib/cni/." "$1/opt/cni/bin/"',
    f'cd "$1/etc/systemd/system" && for unit in {" ".join(MASKED)}; do ln -sf /dev/null "$unit"; done',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
#: What `node-reset` brings back.
PRISTINE = ("etc/containerd/", "etc/cni/net.d/", "etc/crictl.yaml", "etc/systemd/system/containerd.service.d/")
LABEL = "airgap.nodes.image"


@dataclass(frozen=True)
class Suite:
    """The part of a node image that all releases on one suite share."""

    name: str

    @property
    def key(self) -> str:
        return paths.digest(RECIPE, self.name, *PACKAGES, *EXCLUDED, *HOOKS)

    @property
    def tar(self) -> Path:
        return paths.cache() / "images" / f"{self.name}-{self.key}.tar"

    @property
    def tag(self) -> str:
        return f"airgap-suite:{self.name}-{self.key}"


def ensure_tar(suite: Suite, steps: Steps) -> None:
    if suite.tar.exists():
        return
    suite.tar.parent.mkdir(parents=True, exist_ok=True)
    scratch = suite.tar.with_name(f"{os.getpid()}-{suite.tar.name}")
    with steps.step(f"building the {suite.name} image"):
        done = subprocess.run(_mmdebstrap(suite, scratch), capture_output=True, text=True, check=False)
        if done.returncode:
            scratch.unlink(missing_ok=True)
            errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["no message"]
            raise Lack(f"mmdebstrap could not build {suite.name}: {errors[0]}. Is a Debian mirror reachable?")
        scratch.rename(suite.tar)


def _mmdebstrap(suite: Suite, target: Path) -> list[str]:
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        # Frozen snapshots of a mirror outlive their signatures. For test images that does not matter.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        *(f"--customize-hook={hook}" for hook in HOOKS),
        suite.name,
        str(target),
    ]


@dataclass
class Layer:
    """Files put over a suite, as one tar."""

    _buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115

    def add(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), mode
        self._tar.addfile(entry, io.BytesIO(content))

    def finish(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def node_tag(release: Release) -> str:
    parts = [RECIPE, Suite(release.suite).key, programs.CRICTL.key, release.name]
    if release.tool:
        parts.append(programs.containerd_tool(release.tool).key)
    settings = _settings(release)
    key = paths.digest(
        *parts,
        *(f"{path}:{mode}" for path, (mode, _content) in settings.items()),
        *(content for _mode, content in settings.values()),
    )
    return f"airgap-node:{release.name}-{key}"


def _settings(release: Release) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every text file that the testbed puts on a node, by path without the leading slash."""
    root = paths.FILES / "rootfs"
    found = {
        str(file.relative_to(root)): (0o755 if os.access(file, os.X_OK) else 0o644, file.read_bytes())
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }
    found["etc/containerd/config.toml"] = (0o644, (paths.FILES / "containerd" / release.config).read_bytes())
    return found


def ensure_image(engine: docker.DockerClient, release: Release, steps: Steps) -> str:
    """The tag of the release's node image, which is in the engine afterwards."""
    tag = node_tag(release)
    if not has_image(engine, tag):
        with steps.step(f"making the image of {release.node}"):
            layer = _layer(release, steps)
            _import_suite(engine, Suite(release.suite), steps)
            _commit(engine, base=Suite(release.suite).tag, layer=layer, tag=tag)
    return tag


def has_image(engine: docker.DockerClient, tag: str) -> bool:
    try:
        engine.images.get(tag)
    except docker.errors.ImageNotFound:
        return False
    return True


def _layer(release: Release, steps: Steps) -> bytes:
    layer = Layer()
    for path, (mode, content) in _settings(release).items():
        layer.add(path, content, mode=mode)
        if path.startswith(PRISTINE):
            layer.add(f"usr/local/share/node/{path}", content, mode=mode)
    for program in programs.build_go(programs.CRICTL, steps).iterdir():
        layer.add(f"usr/local/bin/{program.name}", program.read_bytes(), mode=0o755)
    if release.tool:
        for program in programs.build_go(programs.containerd_tool(release.tool), steps).iterdir():
            layer.add(f"usr/bin/{program.name}", program.read_bytes(), mode=0o755)
    return layer.finish()


def _import_suite(engine: docker.DockerClient, suite: Suite, steps: Steps) -> None:
    if not has_image(engine, suite.tag):
        ensure_tar(suite, steps)
        repository, tag = suite.tag.split(":")
        engine.api.import_image(src=str(suite.tar), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=suite"])


def _commit(engine: docker.DockerClient, *, base: str, layer: bytes, tag: str) -> None:
    """Not a build: that would need a builder, and newer engines ask for a plugin."""
    container = engine.containers.create(base, command=["true"])
    try:
        container.put_archive("/", layer)
        repository, name = tag.split(":")
        container.commit(repository, name, changes=f"LABEL {LABEL}=node")
    finally:
        container.remove(force=True)
