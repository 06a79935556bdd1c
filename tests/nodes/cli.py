# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: `python -m nodes up`, with the directory above this one on PYTHONPATH."""

from __future__ import annotations

import argparse
import os
import sys
import typing as t

import docker.errors

from nodes.machine import Lack
from nodes.registry import LOGS
from nodes.releases import DEFAULT
from nodes.testbed import Testbed

Arguments = argparse.Namespace


def up(testbed: Testbed, arguments: Arguments) -> int:
    testbed.up(arguments.nodes)
    return status(testbed, arguments)


def down(testbed: Testbed, arguments: Arguments) -> int:
    for line in testbed.down(stop_engine=arguments.engine, remove_images=arguments.images):
        print(line)
    return 0


def status(testbed: Testbed, _arguments: Arguments) -> int:
    nodes = testbed.nodes()
    if not nodes:
        print("no nodes are up; start them with `python -m nodes up`")
        return 1
    for node in nodes:
        version = node.run(["containerd", "--version"]).stdout.split()
        state = node.run(["systemctl", "is-active", "containerd"]).stdout.strip()
        print(f"{node.name}  {node.address:<15}  containerd {version[2] if len(version) > 2 else '?'}  {state}")
    for name, face in testbed.registry.faces.items():
        print(f"registry {name:<6} {testbed.registry.url(name)}  {'up' if face.process.alive() else 'down'}")
    print(f"inventory  {testbed.inventory}")
    return 0


def inventory(testbed: Testbed, _arguments: Arguments) -> int:
    print(testbed.inventory)
    return 0 if testbed.inventory.exists() else 1


def ssh(testbed: Testbed, arguments: Arguments) -> int:
    name = testbed.node(arguments.node).name
    command = ["ssh", "-F", str(testbed.keys.config), name, *arguments.command]
    sys.stdout.flush()
    os.execvp("ssh", command)  # noqa: S606


def log(testbed: Testbed, arguments: Arguments) -> int:
    registry = testbed.registry
    if arguments.mark:
        print(" ".join(f"{name}:{offset}" for name, offset in registry.mark().items()))
        return 0
    for request in registry.log(arguments.face, since=arguments.since):
        print(f"{request.face:<6} {request.line}")
    return 0


def reset(testbed: Testbed, arguments: Arguments) -> int:
    testbed.reset(arguments.node)
    return 0


def pod(testbed: Testbed, arguments: Arguments) -> int:
    started = testbed.node(arguments.node).pod(arguments.image)
    print(f"{started.name}  {started.state}  {started.sandbox_image}  {started.address}")
    return 0


def demo(testbed: Testbed, _arguments: Arguments) -> int:
    """rich is asked for here only, so that the testbed itself can do without."""
    from nodes.stage import Stage  # noqa: PLC0415
    from nodes.tour import Tour  # noqa: PLC0415

    stage = Stage()
    testbed.steps = stage
    Tour(stage, testbed).run()
    return 0


def demo_clean(testbed: Testbed, _arguments: Arguments) -> int:
    for line in testbed.clean():
        print(line)
    return 0


def _names(text: str) -> list[str]:
    return [name for name in text.replace(",", " ").split() if name]


def _offsets(text: str) -> dict[str, int]:
    """What `log --mark` printed, or one number for every face."""
    if text.isdigit():
        return dict.fromkeys(LOGS, int(text))
    return {face: int(offset) for face, offset in (part.split(":") for part in _names(text))}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nodes", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: t.Callable[[Testbed, Arguments], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(run.__name__.replace("_", "-"), help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command(up, "bring nodes and registry up, building what is missing")
    sub.add_argument(
        "--nodes", type=_names, default=list(DEFAULT), metavar="1.6,1.7,2.3", help="releases, `tested` or `all`"
    )
    sub = command(down, "remove nodes, network and registry; keep what was built")
    sub.add_argument("--engine", action="store_true", help="also stop the Docker engine if the testbed started it")
    sub.add_argument("--images", action="store_true", help="also remove the node images from the engine")
    command(status, "say what runs")
    command(inventory, "print the path of the SSH inventory")
    sub = command(ssh, "log in to a node, or run a command on it")
    sub.add_argument("node")
    sub.add_argument("command", nargs=argparse.REMAINDER)
    sub = command(log, "print the registry's access log")
    sub.add_argument("--face", choices=LOGS, help="only this way into the registry, or who issues tokens")
    sub.add_argument("--since", type=_offsets, help="what `log --mark` printed earlier")
    sub.add_argument("--mark", action="store_true", help="print where the logs end now")
    sub = command(reset, "bring nodes back to the state they were built in")
    sub.add_argument("node", nargs="*", help="all that run, if none is named")
    sub = command(pod, "start a pod with the configured sandbox image, show it and remove it")
    sub.add_argument("node")
    sub.add_argument("--image", help="also start a container from this image in it")
    command(demo, "show on three nodes what the collection does")
    command(demo_clean, "remove all that the demo made, but not what was built for it")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(Testbed(), arguments))
    except (Lack, RuntimeError) as error:
        print(f"nodes: {error}", file=sys.stderr)
    except docker.errors.DockerException as error:
        print(f"nodes: the Docker engine refused: {error}", file=sys.stderr)
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("nodes: interrupted", file=sys.stderr)
    return 1
