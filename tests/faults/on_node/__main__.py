# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run as `python3 -m faults.on_node COMMAND`, with the directory above this one on PYTHONPATH."""

from __future__ import annotations

import argparse
import json
import sys

from faults.on_node import place, tracing
from faults.on_node.daemons import Daemons
from faults.on_node.disks import Disks
from faults.on_node.kills import Kills
from faults.on_node.place import Place
from faults.on_node.report import Report


def inject(arguments: argparse.Namespace) -> None:
    report = Report()
    place.remember_witness()
    tracing.check_that_a_killed_call_is_not_made()
    node = Place()
    if "kills" in arguments.groups:
        Kills(node, report, arguments.seed, arguments.kills).run()
    if "disks" in arguments.groups:
        Disks(node, report, short=arguments.short).run()
    if "daemons" in arguments.groups:
        Daemons(node, report, arguments.seed, arguments.spawns).run()
    node.reset()


def look(_arguments: argparse.Namespace) -> None:
    """How the node is, for who asks from outside."""
    seen = {"picture": place.picture(), "strays": place.strays(), "problem": ""}
    seen["unfinished"] = [record.id for record in place.unfinished()]
    try:
        place.expect_service()
    except AssertionError as error:
        seen["problem"] = str(error)
    print(json.dumps(seen))


def witness(_arguments: argparse.Namespace) -> None:
    place.remember_witness()


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults.on_node")
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("inject")
    sub.set_defaults(run=inject)
    sub.add_argument("--seed", default="")
    sub.add_argument("--kills", type=int, default=0, help="of each operation at most; 0: all")
    sub.add_argument("--spawns", type=int, default=0, help="kills of each restart at most; 0: all")
    sub.add_argument("--short", action="store_true")
    sub.add_argument("--groups", default="kills,disks,daemons")
    commands.add_parser("look").set_defaults(run=look)
    commands.add_parser("witness").set_defaults(run=witness)
    arguments = parser.parse_args()
    arguments.run(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
