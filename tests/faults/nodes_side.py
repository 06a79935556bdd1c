# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the driver and the collection onto a node, and starts the driver there."""

from __future__ import annotations

import io
import json
import shlex
import tarfile
import typing as t
from pathlib import Path

import ansible.module_utils
from nodes import paths

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from nodes.node import Node

HERE = Path(__file__).parent
PLACE = "/opt/faults"
COLLECTION = f"{PLACE}/ansible_collections/airgap/nodes/plugins"
WITNESS = paths.CLONE / "molecule" / "restart" / "files" / "pod.sh"


def install(node: Node, plugins: Path) -> None:
    container = node.container
    if container is None:
        raise RuntimeError(f"{node.name} is gone")
    node.shell(f"rm -rf {PLACE}").checked(f"{node.name}: cleaning {PLACE}")
    container.put_archive("/", _archive(plugins))
    # What is compiled once is loaded fast by each of the many processes to come.
    node.run(["python3", "-m", "compileall", "-q", PLACE]).checked(f"{node.name}: compiling")


def remove(node: Node) -> None:
    node.shell(f"rm -rf {PLACE} /var/lib/airgap.nodes /run/faults*")


def start_witness(node: Node) -> None:
    """A container whose process has to outlive everything."""
    node.shell("crictl pods -q | xargs -r crictl rmp -f").checked(f"{node.name}: removing pods")
    node.run(["bash", f"{PLACE}/pod.sh"]).checked(f"{node.name}: starting a container")
    driver(node, "witness")


def driver(node: Node, *arguments: str) -> str:
    return node.shell(_command(arguments)).checked(f"{node.name}: the driver")


def inject(node: Node, *arguments: str) -> Iterator[dict[str, t.Any]]:
    """Each injection as soon as it is done."""
    client = node.place.client.api
    run = client.exec_create(node.container_name, ["/bin/sh", "-c", _command(("inject", *arguments))], stdout=True)
    rest = b""
    for part in client.exec_start(run, stream=True):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if not line.startswith(b"{"):
                raise RuntimeError(f"{node.name}: the driver said {line.decode(errors='replace')}")
            yield json.loads(line)
    status = client.exec_inspect(run)["ExitCode"]
    if status or rest:
        raise RuntimeError(f"{node.name}: the driver ended with {status}: {rest.decode(errors='replace')}")


def _command(arguments: t.Sequence[str]) -> str:
    # Without a seed of its own each process would walk through sets in another order.
    environment = f"PYTHONPATH={PLACE} PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 LC_ALL=C.UTF-8"
    return f"cd / && {environment} exec python3 -m faults.on_node {shlex.join(arguments)}"


def _archive(plugins: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for source, target in (
            (HERE / "__init__.py", f"{PLACE}/faults/__init__.py"),
            (HERE / "on_node", f"{PLACE}/faults/on_node"),
            (Path(ansible.module_utils.__file__).parent, f"{PLACE}/ansible/module_utils"),
            (plugins / "modules", f"{COLLECTION}/modules"),
            (plugins / "module_utils", f"{COLLECTION}/module_utils"),
            (WITNESS, f"{PLACE}/pod.sh"),
        ):
            archive.add(source, target, filter=lambda entry: None if "__pycache__" in entry.name else _of_root(entry))
        archive.addfile(tarfile.TarInfo(f"{PLACE}/ansible/__init__.py".lstrip("/")))
    return buffer.getvalue()


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry
