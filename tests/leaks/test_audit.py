# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit says of every trap, on a tree of files: no node is needed for that."""

from __future__ import annotations

import datetime
import functools
import shutil
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.action.containerd_registry_info import ActionModule
from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    REGISTRY_CONFIG_PATH,
    SANDBOX_IMAGE,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from nodes import paths
from nodes.releases import RELEASES

from leaks.collection import POD_IMAGE, Said, said_of
from leaks.place import OURS
from leaks.traps import AUTHORITY, CLOSED, CONFIG, TRAPS, TREE, Trap, changed

VERSIONS = {"1.6": "1.6.20", "1.7": "1.7.24", "2.1": "2.1.5", "2.2": "2.2.1", "2.3": "2.3.4"}
EARLIER, LATER = 1.0, 4102444800.0
NAMESPACES = ("registry.k8s.io", "docker.io", "_default")
NO_TRAP = Trap("none", "", ())


def close(root: Path, release: str) -> None:
    """Leaves what the role leaves."""
    shipped = (paths.FILES / "containerd" / RELEASES[release].config).read_text(encoding="utf-8")
    settings = changed(Set(REGISTRY_CONFIG_PATH, TREE), Set(SANDBOX_IMAGE, POD_IMAGE))
    write(root / CONFIG[1:], settings(shipped))
    for namespace in NAMESPACES:
        write(root / TREE[1:] / namespace / "hosts.toml", CLOSED)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@functools.cache
def certificate() -> str:
    now, key = datetime.datetime.now(tz=datetime.UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return dated.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def plant(root: Path, trap: Trap) -> None:
    for name, text in trap.files.items():
        path = root / name[1:] if name.startswith("/") else root / TREE[1:] / name
        if text is None:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif name.endswith("/"):
            path.mkdir(parents=True)
        else:
            write(path, certificate() if text == AUTHORITY else text)
    if trap.config is not None and not trap.unread:
        config = root / CONFIG[1:]
        config.write_text(trap.config(config.read_text(encoding="utf-8")), encoding="utf-8")


def audited(root: Path, release: str, registry: str, *, started: float = LATER) -> Said:
    """The module's own code, with the files below ``root`` for a node's."""

    def execute(*, module_args: dict[str, t.Any], **_more: t.Any) -> dict[str, t.Any]:
        lists: dict[str, t.Any] = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}
        answer = read_files({**lists, **module_args, "root": str(root)})
        program = {"path": "/usr/bin/containerd", "version": VERSIONS[release], "output": ""}
        unit = {
            "load_state": "loaded",
            "active_state": "active",
            "main_pid": 7,
            "started": started,
            "exec_start": ["/usr/bin/containerd"],
        }
        on_node = {"programs": {"containerd": program}, "unit": unit, "images": {"names": [], "error": None}}
        return {**answer, **(on_node if "programs" in module_args else {"images": None})}

    task = types.SimpleNamespace(
        args={"trusted_registries": sorted(OURS)},
        action="airgap.nodes.containerd_registry_info",
        async_val=0,
        check_mode=False,
        diff=False,
        no_log=False,
    )
    context = types.SimpleNamespace(no_log=False)
    connection = types.SimpleNamespace(_play_context=context, _shell=types.SimpleNamespace(tmpdir="/nowhere"))
    action = ActionModule(task, connection, None, None, None, None)
    action._execute_module = execute
    action._remove_tmp_path = lambda _path: None
    return said_of(action.run(None, {}), registry)


CASES = [(trap, release) for trap in TRAPS for release in trap.on]


@pytest.mark.parametrize(("trap", "release"), CASES, ids=[f"{trap.name} on {release}" for trap, release in CASES])
def test_trap(trap: Trap, release: str, tmp_path: Path) -> None:
    close(tmp_path, release)
    plant(tmp_path, trap)
    said = audited(tmp_path, release, trap.registry, started=EARLIER if trap.unread else LATER)
    assert said.verdict == ("open" if release in trap.opens else "closed"), said.reason
    assert said.reason
    if release in trap.opens:
        assert said.rule
        assert said.place


@pytest.mark.parametrize("release", VERSIONS)
@pytest.mark.parametrize("registry", ["registry.k8s.io", "docker.io", "k8s.gcr.io"])
def test_without_a_trap(release: str, registry: str, tmp_path: Path) -> None:
    close(tmp_path, release)
    assert audited(tmp_path, release, registry).verdict == "closed"
