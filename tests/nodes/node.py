# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node: a container that boots systemd, sshd and a real containerd."""

from __future__ import annotations

import json
import shlex
import typing as t
import uuid
from dataclasses import dataclass

import docker.errors

from nodes import engine, images
from nodes.machine import Lack
from nodes.registry import HOST, HUB

if t.TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

    from nodes.releases import Release
    from nodes.ssh import Keys

LABEL = "airgap.nodes.testbed"


@dataclass(frozen=True)
class Output:
    """What a command on a node left."""

    status: int
    stdout: str
    stderr: str

    def checked(self, what: str) -> str:
        if self.status:
            raise RuntimeError(f"{what}: status {self.status}: {(self.stderr or self.stdout).strip()}")
        return self.stdout


@dataclass(frozen=True)
class Pod:
    """A pod that ran."""

    name: str
    state: str
    sandbox_image: str
    address: str


@dataclass(frozen=True)
class Place:
    """Where nodes are created: the engine, the network, and what they all know."""

    client: docker.DockerClient
    testbed: str
    network: str
    gateway: str


@dataclass(frozen=True)
class Node:
    place: Place
    release: Release

    @property
    def name(self) -> str:
        return self.release.node

    @property
    def container_name(self) -> str:
        return f"airgap-{self.place.testbed}-{self.name}"

    @property
    def container(self) -> Container | None:
        try:
            return self.place.client.containers.get(self.container_name)
        except docker.errors.NotFound:
            return None

    @property
    def running(self) -> bool:
        container = self.container
        return container is not None and container.status == "running"

    def runs(self, tag: str) -> bool:
        container = self.container
        return container is not None and container.status == "running" and self._fits(container, tag)

    @property
    def identity(self) -> str:
        """Changes when the node is made anew."""
        container = self.container
        return str(container.short_id) if container else ""

    @property
    def address(self) -> str:
        container = self.container
        if container is None:
            return ""
        return str(container.attrs["NetworkSettings"]["Networks"][self.place.network]["IPAddress"])

    def ensure(self, tag: str, keys: Keys) -> None:
        """Starts the node, anew when its image or its network is not what it should be."""
        container = self.container
        if container is not None and not self._fits(container, tag):
            container.remove(force=True, v=True)
            container = None
        if container is None:
            container = self._create(tag, keys)
        if container.status != "running":
            container.start()

    def _fits(self, container: Container, tag: str) -> bool:
        wanted = {"airgap.nodes.image": tag, "airgap.nodes.gateway": self.place.gateway}
        return all(container.labels.get(key) == value for key, value in wanted.items())

    def _create(self, tag: str, keys: Keys) -> Container:
        client = self.place.client
        container = client.containers.create(
            tag,
            name=self.container_name,
            hostname=self.name,
            command=["/usr/local/sbin/node-init"],
            # what systemd says before its journal runs is kept as the container's log
            tty=True,
            environment={"container": "docker"},
            stop_signal="SIGRTMIN+3",
            cgroupns="private",
            cap_drop=["ALL"],
            cap_add=engine.capabilities(),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            device_cgroup_rules=["a *:* rwm"],
            tmpfs={"/run": "", "/tmp": ""},  # noqa: S108
            # containerd's overlay cannot lie on the engine's overlay
            volumes=["/var/lib/containerd"],
            network=self.place.network,
            extra_hosts={HOST: self.place.gateway, HUB: self.place.gateway},
            labels={
                LABEL: self.place.testbed,
                "airgap.nodes.image": tag,
                "airgap.nodes.gateway": self.place.gateway,
            },
        )
        try:
            container.put_archive("/", _login_files(self.name, keys))
        except Exception:
            # Without its keys nobody could log in, and the next run would take it for a good one.
            container.remove(force=True, v=True)
            raise
        return container

    def wait(self) -> None:
        """Until containerd answers and sshd listens."""
        try:
            self.run(["node-ready"]).checked("node-ready")
        except (Lack, RuntimeError, docker.errors.APIError) as error:
            raise Lack(f"{self.name} does not come up: {self._last_words() or error}") from error

    def _last_words(self) -> str:
        """Of containerd while the node runs, else of the node."""
        container = self.container
        if container is None or container.status == "running":
            journal = ["journalctl", "-u", "containerd", "-p", "warning", "-n", "3", "--no-pager", "-o", "cat"]
            return self.run(journal).stdout.strip()
        return str(container.logs(tail=3).decode(errors="replace")).strip()

    def run(self, argv: list[str]) -> Output:
        container = self.container
        if container is None or container.status != "running":
            raise Lack(f"{self.name} is not running. Start it with `python -m nodes up --nodes {self.release.name}`.")
        status, (stdout, stderr) = container.exec_run(argv, demux=True)
        return Output(status, (stdout or b"").decode(errors="replace"), (stderr or b"").decode(errors="replace"))

    def shell(self, script: str) -> Output:
        return self.run(["/bin/sh", "-c", script])

    def reset(self) -> None:
        self.run(["node-reset"]).checked(f"{self.name} could not be reset")

    def remove(self) -> None:
        container = self.container
        if container is not None:
            container.remove(force=True, v=True)

    def pod(self, image: str | None = None) -> Pod:
        """Starts a pod with the sandbox image that containerd is configured with, looks at it and removes it."""
        name = f"probe-{uuid.uuid4().hex[:8]}"
        sandbox = self._start_pod(name)
        try:
            if image:
                self._start_container(sandbox, name, image)
            status = json.loads(self.run(["crictl", "inspectp", sandbox]).checked("crictl inspectp"))["status"]
            record = json.loads(self.run(["ctr", "-n", "k8s.io", "containers", "info", sandbox]).checked("ctr"))
            return Pod(name, status["state"], record["Image"], status["network"]["ip"])
        finally:
            self.run(["crictl", "rmp", "-f", sandbox])

    def _start_pod(self, name: str) -> str:
        config = {"metadata": {"name": name, "namespace": "default", "uid": name, "attempt": 0}, "linux": {}}
        file = self._write(f"{name}.json", config)
        return self.run(["crictl", "runp", file]).checked(f"{self.name}: crictl runp").strip()

    def _start_container(self, sandbox: str, name: str, image: str) -> None:
        pod_file = self._write(f"{name}.json", {"metadata": {"name": name, "namespace": "default", "uid": name}})
        container = {"metadata": {"name": name}, "image": {"image": image}, "linux": {}}
        file = self._write(f"{name}-container.json", container)
        self.run(["crictl", "pull", image]).checked(f"{self.name}: crictl pull")
        created = self.run(["crictl", "create", sandbox, file, pod_file]).checked(f"{self.name}: crictl create")
        self.run(["crictl", "start", created.strip()]).checked(f"{self.name}: crictl start")

    def _write(self, name: str, content: dict[str, t.Any]) -> str:
        path = f"/run/{name}"
        self.shell(f"printf %s {shlex.quote(json.dumps(content))} > {path}").checked(f"{self.name}: {path}")
        return path


def _login_files(name: str, keys: Keys) -> bytes:
    layer = images.Layer()
    layer.add("root/.ssh/authorized_keys", keys.public.read_bytes(), mode=0o600)
    host_key = keys.host(name)
    layer.add("etc/ssh/ssh_host_ed25519_key", host_key.read_bytes(), mode=0o600)
    layer.add("etc/ssh/ssh_host_ed25519_key.pub", host_key.with_suffix(".pub").read_bytes())
    return layer.finish()
