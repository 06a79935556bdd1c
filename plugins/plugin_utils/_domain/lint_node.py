# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all checks look at, read once. Private to this collection."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import candidate_checks, routes, unit_command
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.candidate_checks import Problem
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import canonical
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_pages import Data, Lines, Page, pages_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Config, Route
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import NOBODY, Trust


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is looked at. ``files`` is config.toml, first, with all that it imports; none of them if it cannot be read.

    ``images`` are the references that the node uses, each with who uses it: ``("a.example.com/pause", ("kubelet",))``.
    ``config_file`` is the path of config.toml, for when it cannot be read; left out, it is the one that the unit names.
    """

    state: NodeState
    release: Release
    files: tuple[ConfigFile, ...] = ()
    trust: Trust = NOBODY
    images: tuple[tuple[str, tuple[str, ...]], ...] = ()
    config_file: str = ""


class Node:
    """A subject with all that is read out of it once, when it is first asked for."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.state, self.release, self.trust = subject.state, subject.release, subject.trust
        self.files = subject.files

    @property
    def config_file(self) -> str:
        if self.files:
            return self.files[0].path
        return self.subject.config_file or unit_command.files_read(self.state)[0]

    @functools.cached_property
    def effective(self) -> Data:
        return effective(self.files, self.release)

    @functools.cached_property
    def config(self) -> Config | None:
        """None where no config.toml could be read, or CRI does not load with its registry table."""
        try:
            return Config.read(self.files, self.release) if self.files else None
        except DomainError:
            return None

    @functools.cached_property
    def problems(self) -> list[Problem]:
        """With what the files say together, containerd does not start, or starts without CRI."""
        return list(candidate_checks.problems(self.effective, self.release))

    @functools.cached_property
    def lines(self) -> t.Mapping[str, Lines]:
        return {file.path: Lines.of(file.path, self.state.file(file.path).content) for file in self.files}

    @functools.cached_property
    def pages(self) -> list[Page]:
        """The directories of all trees that are searched, in the order of the search."""
        if self.config is None:
            return []
        known = set(routes.configured_namespaces(self.state, self.config))
        found = [page for root in self.config.roots for page in pages_of(self.state, root, self.release)]
        return [dataclasses.replace(page, is_looked_up=page.namespace in known) for page in found]

    @functools.cached_property
    def counting(self) -> list[Page]:
        """Those that containerd gets to: of each registry the first one."""
        found: dict[str, Page] = {}
        for page in self.pages:
            first = found.get(page.namespace)
            is_before = first is not None and page.root == first.root and page.name == page.first_name
            if page.is_looked_up and (first is None or is_before):
                found[page.namespace] = page
        default = found.get(ANY)
        roots = self.config.roots if self.config else ()
        behind = roots[roots.index(default.root) + 1 :] if default else ()
        return [page for page in found.values() if page.root not in behind]

    def route(self, namespace: str) -> Route | None:
        """Whom containerd asks for a registry."""
        return routes.namespace_route(namespace, self.state, self.config) if self.config else None

    def place(self, path: KeyPath) -> Place:
        """Where the last file that says something at a canonical path says it; without one, config.toml."""
        for file in reversed(self.files):
            for statement in self.lines[file.path].statements:
                if statement.path and canonical(statement.path)[: len(path)] == path:
                    key = statement.path[: _depth(statement.path, path)]
                    return Place(file.path, statement.line, masked_key_path(key))
        return Place(self.config_file)


def _depth(written: KeyPath, path: KeyPath) -> int:
    """How much of a path as it is written leads to a canonical one."""
    return next(depth for depth in range(1, len(written) + 1) if canonical(written[:depth])[: len(path)] == path)
