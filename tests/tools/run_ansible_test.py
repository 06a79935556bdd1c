# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test in the staged copy of the collection.

ansible-test downloads a pip bootstrap script for its own environments. Where that site cannot be reached, and only
there, a stand-in takes its place, which has pip from the Python itself and all else from the package index as usual.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ansible_test._util.target.common import constants
from stage import stage

# Runs pip in subprocesses: in its own process ensurepip would switch off the pip configuration for good.
STAND_IN = """\
import subprocess
import sys

options = [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"])
subprocess.check_call([sys.executable, "-m", "pip", "install"] + options)
"""


def node_pythons() -> dict[str, str]:
    """The Pythons found that ansible-test knows, oldest first: version to the directory it lies in."""
    found = {}
    for version in (*constants.REMOTE_ONLY_PYTHON_VERSIONS, *constants.CONTROLLER_PYTHON_VERSIONS):
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin")
        for folder in [*map(Path, os.environ["PATH"].split(os.pathsep)), *pyenv]:
            if version not in found and runs(folder / f"python{version}"):
                found[version] = str(folder)
    return found


def runs(python: Path) -> bool:
    """Not every python3.8 is one: version managers leave stubs that only complain."""
    return python.exists() and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def run(arguments: list[str]) -> tuple[int, str]:
    path = os.pathsep.join([*os.environ["PATH"].split(os.pathsep), *node_pythons().values()])
    command = ["ansible-test", arguments[0], "--color", "no", "--truncate", "0", "--venv", *arguments[1:]]
    environment = {**os.environ, "PATH": path}
    pipe, errors = subprocess.PIPE, subprocess.STDOUT
    process = subprocess.Popen(command, cwd=stage(), env=environment, text=True, stdout=pipe, stderr=errors)
    lines = []
    for line in process.stdout or ():
        print(line, end="", flush=True)
        lines.append(line)
    return process.wait(), "".join(lines)


def main(arguments: list[str]) -> int:
    status, output = run(arguments)
    missing = re.search(r"can be manually downloaded and saved to: (\S+)", output)
    if not missing:
        return status
    Path(missing[1]).write_text(STAND_IN, encoding="utf-8")
    return run(arguments)[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
