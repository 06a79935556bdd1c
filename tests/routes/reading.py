# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a case as the collection reads them on a node: by the node's own module, with / where the files lie."""

from __future__ import annotations

import os
import pickle
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View

if t.TYPE_CHECKING:
    from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

    from routes.cases import Case, File

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
_NOTHING: dict[str, t.Any] = {"files": [], "globs": [], "directories": [], "max_bytes": 1048576}


def route_of(case: Case, release: Release) -> tuple[routes.Route, routes.Config]:
    """:raises DomainError: config.toml, or what it imports, is not what containerd could load CRI with."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        put(root, [*case.config, *case.files])
        tree = routes.reading(TREE)
        view = View(lambda **asked: _read(root, asked), NodeState())
        view.read(files=[CONFIG], globs=[*USUAL_GLOBS, *tree["globs"]], directories=tree["directories"])
        config = routes.Config.read(view.config(CONFIG, release).files, release)
        for place in routes.unread(config, view.state):
            view.read(**routes.reading(place))
        image = routes.image_of(case.image)
        named = _files_of(routes.route(image, view.state, config))
        view.read(directories=sorted({os.path.dirname(path) for path in named if not path.startswith(TREE)}))
        return routes.route(image, view.state, config), config


def _files_of(route: routes.Route) -> set[str]:
    ends = [step.endpoint for step in route.steps]
    return {path for end in ends for path in (*end.ca, *(path for pair in end.client for path in pair))}


def put(root: Path, files: t.Iterable[File]) -> None:
    for file in files:
        path = root / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.link:
            path.symlink_to(file.link)
        elif file.is_directory:
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(file.content)


def _read(root: Path, asked: dict[str, t.Any]) -> NodeState:
    """Asks a child whose / is the root; there is no way back out of one."""
    relative = [path for paths in asked.values() for path in paths if not os.path.isabs(path)]
    if relative:
        raise ValueError(f"the node's module refuses {relative[0]}, which is not an absolute path")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chroot(root)
            os.chdir("/")
            answer: t.Any = read_files({**_NOTHING, **asked})
        except Exception as error:  # noqa: BLE001  it is raised again by the parent
            answer = error
        with os.fdopen(writer, "wb") as out:
            pickle.dump(answer, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        answer = pickle.load(told)  # noqa: S301  from this very program
    os.waitpid(child, 0)
    if isinstance(answer, Exception):
        raise answer
    return NodeState.from_wire(answer)
