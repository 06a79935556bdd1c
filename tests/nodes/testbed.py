# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The testbed as tests, molecule and the demo use it."""

from __future__ import annotations

import fcntl
import os
import shutil
import typing as t
from contextlib import contextmanager
from functools import partial

from nodes import content, engine, images, machine, paths, programs
from nodes.machine import Lack
from nodes.node import LABEL, Node, Output, Place
from nodes.registry import FACES, Registry
from nodes.releases import DEFAULT, RELEASES, Release, choose
from nodes.ssh import Inventory, Keys
from nodes.steps import Steps, in_parallel

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import docker
    from docker.models.networks import Network


class Testbed:
    """Nodes, network and registry of one clone. Every method can be called again and again."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(self, *, steps: Steps | None = None) -> None:
        self.steps = steps or Steps()
        self.name = os.environ.get("AIRGAP_NODES_NAME") or paths.digest(str(paths.state()))[:6]
        self.keys = Keys.of_testbed()
        self._client: docker.DockerClient | None = None

    # What is there

    @property
    def inventory(self) -> Path:
        return Inventory(self.keys).path

    @property
    def network_name(self) -> str:
        return f"airgap-{self.name}"

    @property
    def registry(self) -> Registry:
        network = self._network()
        if network is None:
            raise Lack("The testbed is not up. Start it with `python -m nodes up`.")
        return Registry(_gateway(network))

    def nodes(self) -> list[Node]:
        """The nodes that run now."""
        network = self._network()
        if network is None:
            return []
        place = self._place(network)
        return [node for release in RELEASES.values() if (node := Node(place, release)).running]

    def node(self, name: str) -> Node:
        release = choose([name])[0]
        found = [node for node in self.nodes() if node.release == release]
        if not found:
            raise Lack(f"{release.node} is not running. Start it with `python -m nodes up --nodes {release.name}`.")
        return found[0]

    def run(self, node: str, argv: list[str]) -> Output:
        return self.node(node).run(argv)

    # What changes it

    def up(self, names: t.Sequence[str] = DEFAULT) -> list[Node]:
        """Brings the named nodes and the registry up; nodes that run already stay as they are."""
        releases = choose(list(names))
        machine.check_machine()
        with self._lock():
            machine.raise_limits(self.steps)
            machine.install_programs(self.steps)
            self._client = engine.ensure(self.steps)
            self._build(releases)
            self.keys.ensure(release.node for release in releases)
            place = self._place(self._ensure_network())
            in_parallel(partial(_start_registry, place.gateway), *(partial(self._boot, place, r) for r in releases))
            Inventory(self.keys).write(self.nodes())
        return self.nodes()

    def reset(self, names: t.Sequence[str] = ()) -> None:
        """Brings nodes (all that run, if none is named) back to the state they were built in."""
        nodes = [self.node(name) for name in names] or self.nodes()
        in_parallel(*(node.reset for node in nodes))

    def down(self, *, stop_engine: bool = False, remove_images: bool = False) -> list[str]:
        """Removes nodes, network and registry, and says what it did. Built files stay in the cache."""
        with self._lock():
            done = self._remove_objects(remove_images=remove_images)
            if stop_engine and (stopped := engine.stop_own()):
                done.append(stopped)
        return done

    def clean(self) -> list[str]:
        """As if there never was a testbed here, but for the cache."""
        done = self.down(stop_engine=True)
        if not engine.own_process().alive():
            shutil.rmtree(paths.state(), ignore_errors=True)
            done.append(f"removed {paths.state()}")
        return [*done, f"kept what was built, in {paths.cache()}"]

    # How

    @contextmanager
    def _lock(self) -> Iterator[None]:
        paths.state().mkdir(parents=True, exist_ok=True)
        with (paths.state() / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _connected(self) -> docker.DockerClient | None:
        if self._client is None:
            self._client = engine.connect()
        return self._client

    def _network(self) -> Network | None:
        client = self._connected()
        found = client.networks.list(names=[self.network_name]) if client else []
        return next((network for network in found if network.name == self.network_name), None)

    def _ensure_network(self) -> Network:
        network = self._network()
        if network is None:
            client = t.cast("docker.DockerClient", self._connected())
            client.networks.create(self.network_name, driver="bridge", internal=True, labels={LABEL: self.name})
            network = t.cast("Network", self._network())
        return network

    def _place(self, network: Network) -> Place:
        client = t.cast("docker.DockerClient", self._connected())
        return Place(client, self.name, self.network_name, _gateway(network))

    def _build(self, releases: list[Release]) -> None:
        client = t.cast("docker.DockerClient", self._connected())
        missing = [release for release in releases if not images.has_image(client, images.node_tag(release))]
        if not missing:
            return
        machine.check_disk(paths.cache())
        suites = sorted({release.suite for release in missing})
        tools = [programs.CRICTL, *(programs.containerd_tool(release.tool) for release in missing if release.tool)]
        in_parallel(partial(self._build_tools, tools), partial(self._build_suites, suites))
        for release in missing:
            images.ensure_image(client, release, self.steps)

    def _build_tools(self, tools: list[programs.Tool]) -> None:
        for tool in tools:
            programs.build_go(tool, self.steps)

    def _build_suites(self, suites: list[str]) -> None:
        for suite in suites:
            images.ensure_tar(images.Suite(suite), self.steps)

    def _boot(self, place: Place, release: Release) -> None:
        node, tag = Node(place, release), images.node_tag(release)
        if node.runs(tag):
            return
        with self.steps.step(f"booting {node.name}"):
            node.ensure(tag, self.keys)
            node.wait()

    def _remove_objects(self, *, remove_images: bool) -> list[str]:
        Registry("").stop()
        done = ["stopped the registry"]
        client = self._connected()
        if client is None:
            return done
        network = self._network()
        place = Place(client, self.name, self.network_name, "")
        in_parallel(*(Node(place, release).remove for release in RELEASES.values()))
        if network is not None:
            network.remove()
            done.append(f"removed the nodes and their network {self.network_name}")
        if remove_images:
            done.append(f"removed {_remove_images(client)} node images")
        return done


def _start_registry(gateway: str) -> None:
    Registry(gateway).start()
    content.fill(gateway, FACES["plain"])


def _gateway(network: Network) -> str:
    network.reload()
    return str(network.attrs["IPAM"]["Config"][0]["Gateway"])


def _remove_images(client: docker.DockerClient) -> int:
    found = client.images.list(filters={"label": images.LABEL})
    for image in found:
        client.images.remove(image.id, force=True)
    return len(found)
