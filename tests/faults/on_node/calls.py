# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules, as Ansible would."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils import basic
from ansible_collections.airgap.nodes.plugins.module_utils import _transaction

MODULES = "ansible_collections.airgap.nodes.plugins.modules."
# Threads that share the work would give a call another number each time.
_transaction._SYNCS_AT_ONCE = 1


@dataclass(frozen=True)
class Call:
    """One module with its options."""

    module: str
    options: dict[str, t.Any] = field(default_factory=dict)

    def main(self) -> None:
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": self.options}).encode()
        # Newer releases of ansible-core ask by which profile the JSON is to be read.
        basic._ANSIBLE_PROFILE = "legacy"
        importlib.import_module(MODULES + self.module).main()

    def start(self) -> Running:
        """In a process of its own, which has all modules loaded already."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(reader)
                os.dup2(writer, 1)
                os.dup2(writer, 2)
                self.main()
            except SystemExit as ended:
                status = int(ended.code or 0)
            except BaseException:  # noqa: BLE001 (the process ends here)
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        os.close(writer)
        return Running(self, pid, reader)

    def run(self) -> dict[str, t.Any]:
        """The result, be it a failure."""
        return self.start().result()

    def succeed(self) -> dict[str, t.Any]:
        result = self.run()
        if result.get("failed"):
            raise AssertionError(f"{self.module} failed: {result.get('msg')}")
        return result

    def command(self, file: Path) -> list[str]:
        """The same from nothing, for a process that somebody looks at from its start."""
        file.write_text(json.dumps([self.module, self.options]))
        return [sys.executable, "-m", __name__, str(file)]


@dataclass(frozen=True)
class Running:
    call: Call
    pid: int
    reader: int

    def result(self) -> dict[str, t.Any]:
        with os.fdopen(self.reader, errors="replace") as stream:
            said = stream.read()
        os.waitpid(self.pid, 0)
        for line in said.splitlines():
            if line.startswith("{"):
                return t.cast("dict[str, t.Any]", json.loads(line))
        raise AssertionError(f"{self.call.module} gave no result: {said[-2000:]}")


def main() -> None:
    Call(*json.loads(Path(sys.argv[1]).read_text())).main()


if __name__ == "__main__":
    main()
