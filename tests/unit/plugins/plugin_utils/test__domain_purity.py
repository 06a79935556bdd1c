# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain is pure: text in, text out. Nothing it imports, directly or through its own modules, reaches outside."""

from __future__ import annotations

import ast
import sys
import typing as t
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[4]
PREFIX = "ansible_collections.airgap.nodes."
DOMAIN = f"{PREFIX}plugins.plugin_utils._domain"
# The wire format, and what crictl and containerd say: text in, values out on both sides.
SHARED_WITH_NODES = tuple(f"{PREFIX}plugins.module_utils.{name}" for name in ("_canary", "_changeset", "_cri"))

# Files, processes, network, clock, chance and the interpreter's own state.
IMPURE = set(
    "asyncio atexit builtins codecs concurrent ctypes fcntl fileinput ftplib getpass glob grp http imaplib importlib"
    " inspect io linecache logging mmap multiprocessing os pathlib pdb pickle platform poplib pty pwd random resource"
    " runpy sched secrets select selectors shelve shutil signal smtplib socket socketserver sqlite3 ssl subprocess sys"
    " syslog tarfile tempfile threading time timeit tty urllib uuid venv webbrowser zipfile zoneinfo".split()
)
# It only takes texts apart.
PURE_PARTS = {"urllib.parse"}
IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint"}
# TOML's dates are values, so datetime itself is none of the above.
CLOCK = {"now", "utcnow", "today"}


def file_of(module: str) -> Path | None:
    path = COLLECTION.joinpath(*module.removeprefix(PREFIX).split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None


def imports(tree: ast.AST) -> t.Iterator[tuple[str, str]]:
    """Module and name (empty for a plain import) of every import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def fault_of_import(module: str, name: str) -> str | None:
    top = module.partition(".")[0]
    whole = f"{module}.{name}" if name else module
    if module.startswith(PREFIX):
        inside = any(whole == name or whole.startswith(f"{name}.") for name in (DOMAIN, *SHARED_WITH_NODES))
        return None if inside else f"imports {whole} from outside the domain"
    if top in ("__future__", "tomlkit") or module in PURE_PARTS:
        return None
    if top not in sys.stdlib_module_names:
        return f"imports {whole}, which is neither standard library nor tomlkit"
    return f"imports {whole}, which reaches outside" if top in IMPURE else None


def fault_of_node(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name) and node.id in IMPURE_NAMES:
        return f"names {node.id}"
    if isinstance(node, ast.Attribute) and node.attr in CLOCK:
        return f"asks the clock: .{node.attr}"
    return None


def faults(source: str) -> list[str]:
    tree = ast.parse(source)
    found = [fault_of_import(module, name) for module, name in imports(tree)]
    found += [fault_of_node(node) for node in ast.walk(tree)]
    return [fault for fault in found if fault]


def reached() -> dict[str, Path]:
    """All modules of the domain, and those of the collection that they import."""
    folder = COLLECTION / "plugins" / "plugin_utils" / "_domain"
    waiting = [f"{DOMAIN}.{path.stem}" for path in sorted(folder.glob("*.py"))]
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if path is None or module in found:
            continue
        found[module] = path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += [name for pair in imports(tree) for name in (pair[0], ".".join(pair)) if name.startswith(PREFIX)]
    return found


MODULES = reached()


def test_the_domain_was_found() -> None:
    assert {f"{DOMAIN}.errors", f"{DOMAIN}.releases"} <= set(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES), ids=lambda name: name.rpartition(".")[2])
def test_pure(module: str) -> None:
    assert faults(MODULES[module].read_text(encoding="utf-8")) == []


IMPURE_SOURCES = {
    "file": "open('x')",
    "file module": "import os.path",
    "late import": "def f():\n    from pathlib import Path",
    "process": "import subprocess",
    "network": "from urllib import request",
    "clock": "import time",
    "clock through a value type": "from datetime import datetime\ndatetime.now()",
    "ansible": "from ansible.module_utils.basic import AnsibleModule",
    "another plugin": "from ansible_collections.airgap.nodes.plugins.plugin_utils import _diff",
    "node side": "from ansible_collections.airgap.nodes.plugins.module_utils import _files",
    "relative": "from .. import _diff",
    "third party": "import yaml",
}


@pytest.mark.parametrize("source", IMPURE_SOURCES.values(), ids=IMPURE_SOURCES)
def test_impure(source: str) -> None:
    assert faults(source)
