# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a node decides whom containerd asks for images, and which images those are. Private to this collection."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import RESTART_MARK
from ansible_collections.airgap.nodes.plugins.plugin_utils import _kubernetes_images as kubernetes
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import MASK
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import planned_routes, routes, unit_command
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import absolute
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    Data,
    effective,
    sandbox_image,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registry_report import Subject, UsedImage
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View

_REGISTRY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?", re.ASCII)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z0-9+._-]+:[0-9A-Fa-f]+", re.ASCII)
# What is taken out of them shows in their own times.
_DROP_INS = tuple(glob.rpartition("/")[0] for glob in USUAL_GLOBS)
_OF_A_COPY = "A copied tree tells nothing of the images that CRI has."


@dataclasses.dataclass(frozen=True)
class _Config:
    """config.toml with its imports as far as it can be told what they say; ``trouble`` is why it cannot be told."""

    files: tuple[ConfigFile, ...] = ()
    data: Data | None = None
    config: routes.Config | None = None
    trouble: DomainError | None = None


class Survey:
    """Mostly one round trip; files in unusual places take another.

    :raises DomainError: an option is not sound; no node was asked for anything.
    """

    def __init__(self, action: NodeAction, options: Result) -> None:
        self._action = action
        self._options = options
        self._trusted = _trusted(options)
        self._trust = Trust.parse(self._trusted)
        self._asked = [(_reference(image, f"images[{n}]"), "asked") for n, image in enumerate(options["images"])]
        self._path = None if options["path"] is None else absolute(options["path"], "path")
        _check_socket(options["runtime_endpoint"])
        if options["containerd_version"] is not None:
            Release.parse(options["containerd_version"], option="containerd_version")
        root = options["root"]
        if root is not None and not os.path.isabs(root):
            raise DomainError(f"{root!r} is not an absolute path", option="root", fix="Write it as /srv/tree.")
        if root is not None and options["containerd_version"] is None:
            raise DomainError(
                "is needed with root: nothing in a copied tree is executed to ask for it",
                option="containerd_version",
                fix="Name the release that the tree is for, such as 1.7.24.",
            )

    def subject(self) -> Subject:
        """Everything that is to be judged.

        :raises DomainError: it is unknown which containerd it is for.
        """
        state = self._first()
        path = self._path or unit_command.files_read(state)[0]
        if path not in state.files:
            state = state.and_also(self._action.read(files=[path]))
        state, doubt = self._doubt(state, path)
        release = self._action.release(state, self._options["containerd_version"], newest_for_newer=True)
        state, found = self._config(state, path, release)
        if doubt is not None:
            found = _Config(found.files, found.data, trouble=doubt.in_file(path))
        state = self._rest(state, found.config)
        named = kubernetes.named(state)
        return Subject(
            version=self._version(state),
            release=release,
            unit=self._action.unit,
            config_file=path,
            files=found.files,
            state=state,
            data=found.data,
            config=found.config,
            trouble=found.trouble,
            trust=self._trust,
            trusted=self._trusted,
            images=self._used(state, found, release, named.images),
            images_unknown=_why_unknown(state),
            unread=named.unread,
        )

    # the node

    def _first(self) -> NodeState:
        tree, own = routes.reading(routes.USUAL_TREE), kubernetes.reading()
        on_node: Result = {
            "programs": ["containerd"],
            "runtime_endpoint": self._options["runtime_endpoint"],
        }
        return self._action.read(
            files=[self._path or unit_command.DEFAULT_FILE, RESTART_MARK, *_DROP_INS, *own["files"]],
            globs=[*USUAL_GLOBS, *tree["globs"], *own["globs"]],
            directories=tree["directories"],
            **({} if self._options["root"] else on_node),
        )

    def _doubt(self, state: NodeState, path: str) -> tuple[NodeState, DomainError | None]:
        """Why nothing is known by the file that is judged: the containerd that runs may read another one."""
        unknown = unit_command.to_read(state, path)
        state = state.and_also(self._action.read(files=unknown)) if unknown else state
        outdated = unit_command.outdated(state, self._action.unit)
        if outdated is not None:
            return state, DomainError(outdated, fix="Restart it.")
        untold = None if self._path else unit_command.untold(state, self._action.unit)
        if untold is not None:
            return state, DomainError(untold, fix="Name the file in path.")
        try:
            doubt = unit_command.doubt(state, path, self._action.unit, expected=False)
        except DomainError as error:
            return state, DomainError(error.what)
        if doubt is not None:
            self._action.warn(doubt)
        return state, None

    def _rest(self, state: NodeState, config: routes.Config | None) -> NodeState:
        for root in [] if config is None else routes.unread(config, state):
            state = state.and_also(self._action.read(**routes.reading(root)))
        # Listed and not read: there are private keys among them.
        pems = [] if config is None else _pems_elsewhere(state, config)
        state = state.and_also(self._action.read(directories=pems)) if pems else state
        patterns = kubernetes.unread(state)
        return state.and_also(self._action.read(globs=patterns)) if patterns else state

    def _version(self, state: NodeState) -> str:
        program = state.programs.get("containerd")
        found = program.version if program is not None else None
        return found or str(Release.parse(self._options["containerd_version"]))

    def _config(self, state: NodeState, path: str, release: Release) -> tuple[NodeState, _Config]:
        """An audit goes on without: what cannot be told is one of its results."""
        view = View(self._action.read, state)
        files: tuple[ConfigFile, ...] = ()
        data = None
        try:
            files = view.config(path, release).files
            for file in files:
                _check_version(file)
            data = effective(files, release)
            return view.state, _Config(files, data, routes.Config.read(files, release))
        except DomainError as error:
            return view.state, _Config(files, data, trouble=error.in_file(path))

    def _used(
        self, state: NodeState, found: _Config, release: Release, named: t.Iterable[tuple[str, str]]
    ) -> tuple[UsedImage, ...]:
        """Each image once, with all who use it."""
        uses = [(name, "cri") for name in (state.images.names if state.images else ())]
        if found.data is not None:
            uses.append((sandbox_image(found.data, release)[0], "sandbox"))
        read = [(_parsed(name), use) for name, use in (*uses, *named)]
        # As sets that keep their order.
        users: dict[str, dict[str, None]] = {}
        for reference, use in (*read, *self._asked):
            if reference is not None:
                users.setdefault(reference.canonical, {})[use] = None
        return tuple(UsedImage(name, routes.image_of(name).registry, tuple(users[name])) for name in sorted(users))


def _pems_elsewhere(state: NodeState, config: routes.Config) -> list[str]:
    """The certificates and keys that endpoints need and that are in none of the trees that were listed."""
    ways = (routes.namespace_route(name, state, config) for name in routes.configured_namespaces(state, config))
    endpoints = {step.endpoint for way in ways for step in way.steps}
    named = {path for each in endpoints for path in (*each.ca, *(path for pair in each.client for path in pair))}
    return sorted(path for path in named if path not in state.directories and not _is_listed(path, state))


def _is_listed(path: str, state: NodeState) -> bool:
    """Trees are listed two levels deep."""
    return any(path.startswith(f"{root}/") and path[len(root) + 1 :].count("/") < 2 for root in state.listings)


def _trusted(options: Result) -> tuple[str, ...]:
    """:raises DomainError: nobody says which registries may be asked."""
    named = [entry.strip() for entry in options["trusted_registries"]]
    if not named:
        registries = read_registries(options["registries"] or [], None)
        named = planned_routes.trusted(registries)
    if not named:
        raise DomainError(
            "trusted_registries and registries are both empty, so it is unknown which registries may be asked",
            fix="Name the hosts that you control: trusted_registries: [registry.example.com].",
        )
    return tuple(dict.fromkeys(named))


def _parsed(image: str) -> cri.Reference | None:
    """None for what is no name of an image: nothing is ever pulled by it."""
    reference = cri.parse_reference(image)
    if reference is None or not _REGISTRY.fullmatch(reference.registry):
        return None
    is_sound = _REPOSITORY.fullmatch(reference.repository) and _DIGEST.fullmatch(reference.digest or "a:0")
    return reference if is_sound else None


def _reference(image: str, option: str) -> cri.Reference:
    reference = _parsed(image)
    if reference is None:
        # What stands before an @ may be a password.
        shown = f"{MASK}@{image.rpartition('@')[2]}" if "@" in image else image
        fix = "Write it as docker.io/library/nginx:1.27."
        raise DomainError(f"{shown!r} is no name of an image", option=option, fix=fix)
    return reference


def _check_socket(endpoint: str) -> None:
    if not endpoint.removeprefix("unix://").startswith("/"):
        fix = "Write it as unix:///run/containerd/containerd.sock."
        raise DomainError(f"{endpoint!r} is no socket of this node", option="runtime_endpoint", fix=fix)


def _check_version(file: ConfigFile) -> None:
    try:
        stated_version(file.data)
    except DomainError as error:
        raise error.in_file(file.path) from None


def _why_unknown(state: NodeState) -> str:
    return _OF_A_COPY if state.images is None else state.images.error or ""
