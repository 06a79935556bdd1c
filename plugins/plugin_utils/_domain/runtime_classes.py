# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtime classes of CRI: which there are, which there will be, and what that takes. Private to this collection.

Measured on 1.4.13 to 2.4.2: containerd 1.x has a class ``runc`` of its own until its file names any class (1.4
keeps it), and takes each class as the file has it, so that one without ``runtime_type`` runs nothing. From 2.0 on
``runc`` is always there, and a file's ``runc`` is laid over it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import RUNC_TYPES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Data = t.Mapping[str, t.Any]
Setting = tuple[KeyPath, t.Any]

RUNC = "runc"
RUNC_TYPE = "io.containerd.runc.v2"
# A shim of containerd 1.x that has a key of its own for the cgroup driver, the same for all classes.
LINUX_TYPE = "io.containerd.runtime.v1.linux"

DEFAULT_NAME: KeyPath = (*RUNTIME, "containerd", "default_runtime_name")
RUNTIME_PLATFORMS: KeyPath = (*IMAGES, "runtime_platforms")
# Where 1.x can have two classes beside the others; one with a type is the default, whatever else is said.
DEFAULT_RUNTIME: KeyPath = (*RUNTIME, "containerd", "default_runtime")
UNTRUSTED_RUNTIME: KeyPath = (*RUNTIME, "containerd", "untrusted_workload_runtime")


@dataclasses.dataclass(frozen=True)
class RuntimeClass:
    """A class as a user asks for it; ``keys`` are containerd's, nested, those alone that are asked for."""

    name: str
    keys: Data = dataclasses.field(default_factory=dict)
    is_absent: bool = False
    option: str = "runtimes"

    @property
    def path(self) -> KeyPath:
        return (*RUNTIMES, self.name)

    @property
    def snapshotter(self) -> str | None:
        return self.keys.get("snapshotter")


@dataclasses.dataclass(frozen=True)
class RuntimeClasses:
    """What is asked of all classes together; empty and None ask for nothing."""

    classes: tuple[RuntimeClass, ...] = ()
    default: str | None = None
    systemd_cgroup: bool | None = None

    def wishes(self, effective: Data, release: Release) -> list[Setting]:
        """Canonical paths and values on a node where ``effective`` is what the files say now.

        :raises DomainError: there would be no default class, or a class that cannot run or contradicts another.
        """
        view = _View(self, effective, release)
        if self.classes or self.default is not None:
            view.check_default()
        settings = [setting for each in self.classes if not each.is_absent for setting in view.of_class(each)]
        if view.has_to_name_runc():
            settings.insert(0, ((*RUNTIMES, RUNC, "runtime_type"), RUNC_TYPE))
        if self.default is not None:
            settings.append((DEFAULT_NAME, self.default))
        if self.systemd_cgroup is not None:
            settings += view.cgroups(self.systemd_cgroup)
        return settings

    def removals(self, effective: Data) -> list[KeyPath]:
        absent = [each.name for each in self.classes if each.is_absent]
        paths = [(*table, name) for name in absent for table in (RUNTIMES, RUNTIME_PLATFORMS)]
        return [path for path in paths if look_up(effective, path) is not None]


class _View:
    """The classes of one node, before and after."""

    def __init__(self, asked: RuntimeClasses, effective: Data, release: Release) -> None:
        self.asked = asked
        self.effective = effective
        self.release = release
        self.always_has_runc = release.line >= (2, 0)
        self.stated = list(look_up(effective, RUNTIMES) or ())
        self.wanted = {each.name: each for each in asked.classes if not each.is_absent}
        self.absent = {each.name: each for each in asked.classes if each.is_absent}
        self.names = self._names()

    def _names(self) -> list[str]:
        """Those that there will be."""
        kept = [name for name in dict.fromkeys([*self.stated, *self.wanted]) if name not in self.absent]
        # Where all that 1.x had named goes, runc has to be named: an empty table leaves no class at all.
        is_there = self.always_has_runc or not self.stated or not kept
        return kept if not is_there or RUNC in (*kept, *self.absent) else [RUNC, *kept]

    def type_of(self, name: str) -> str:
        stated = look_up(self.effective, (*RUNTIMES, name, "runtime_type"))
        wanted = self.wanted[name].keys.get("runtime_type") if name in self.wanted else None
        return str(wanted or stated or (RUNC_TYPE if name == RUNC else ""))

    def has_to_name_runc(self) -> bool:
        """Whether ``runc`` has no type that somebody has written, and needs one."""
        is_typed = look_up(self.effective, (*RUNTIMES, RUNC, "runtime_type"))
        if is_typed or RUNC not in self.names or "runtime_type" in getattr(self.wanted.get(RUNC), "keys", {}):
            return False
        if RUNC in self.wanted or self.asked.systemd_cgroup is not None:
            return True
        changes = bool(self.wanted) or any(name in self.stated for name in self.absent)
        return changes and not self.always_has_runc and RUNC not in self.stated

    # the default class

    def check_default(self) -> None:
        """:raises DomainError: it is not there, or another key of 1.x decides."""
        if not self.always_has_runc and look_up(self.effective, (*DEFAULT_RUNTIME, "runtime_type")):
            if self.asked.default is not None:
                raise DomainError(
                    f"containerd {self.release} takes {show_key_path(DEFAULT_RUNTIME[2:])} for the default class",
                    option="default_runtime_name",
                    fix="Remove that table with absent in the same task, and name the class in runtimes.",
                )
            return
        name = self.asked.default or look_up(self.effective, DEFAULT_NAME) or RUNC
        if self.always_has_runc and RUNC in self.absent:
            raise DomainError(
                f"containerd {self.release} brings the class {RUNC} along, it cannot be absent",
                option=self.absent[RUNC].option,
                fix="Leave it out; another class can be the default with default_runtime_name.",
            )
        if name in self.absent:
            raise DomainError(
                f"the class {name} is the default one",
                option=self.absent[name].option,
                fix="Choose another one with default_runtime_name first.",
            )
        if name not in self.names:
            raise DomainError(
                f"there is no runtime class {name}",
                option="default_runtime_name",
                fix=f"Add it to runtimes, or name one of {', '.join(self.names)}.",
            )

    # each class

    def of_class(self, each: RuntimeClass) -> list[Setting]:
        self._check(each)
        settings = [((*each.path, *path), value) for path, value in leaves(each.keys)]
        if each.snapshotter is not None and self._pulls_by_platform(each):
            settings.append(((*RUNTIME_PLATFORMS, each.name, "snapshotter"), each.snapshotter))
        return settings

    def _check(self, each: RuntimeClass) -> None:
        if not self.type_of(each.name):
            raise DomainError(
                "is missing",
                option=f"{each.option}.runtime_type",
                fix="A new class needs one, such as io.containerd.runc.v2, io.containerd.runsc.v1 or "
                "io.containerd.kata.v2.",
            )
        merged = {**(look_up(self.effective, each.path) or {}), **each.keys}
        without = "privileged_without_host_devices"
        if merged.get(f"{without}_all_devices_allowed") and not merged.get(without):
            raise DomainError(
                f"CRI of containerd does not load with it unless {without} is true too",
                option=f"{each.option}.{without}_all_devices_allowed",
                fix=f"Set {without}: true.",
            )
        is_old = bool(look_up(self.effective, (*UNTRUSTED_RUNTIME, "runtime_type"))) and not self.always_has_runc
        if is_old and each.name == "untrusted":
            raise DomainError(
                f"the files have it as {show_key_path(UNTRUSTED_RUNTIME[2:])}, and CRI does not load with both",
                option=each.option,
                fix="Remove that table with absent in the same task.",
            )

    def _pulls_by_platform(self, each: RuntimeClass) -> bool:
        """Whether another table decides for which snapshotter an image is pulled."""
        if self.release.line < (2, 0):
            return False
        is_there = look_up(self.effective, (*RUNTIME_PLATFORMS, each.name)) is not None
        return is_there or not self.release.knows(Feature.RUNTIME_SNAPSHOTTER)

    # the cgroup driver

    def cgroups(self, systemd: bool) -> list[Setting]:
        """:raises DomainError: a class cannot have it, or is asked for with the other one."""
        settings = []
        for name in self.names:
            if self.type_of(name) == LINUX_TYPE:
                raise DomainError(
                    f"the runtime class {name} is of type {LINUX_TYPE}, which does not take it",
                    option="systemd_cgroup",
                    fix=f"Give the class runtime_type: {RUNC_TYPE} in runtimes.",
                )
            if self.type_of(name) in RUNC_TYPES:
                self._check_cgroup(name, systemd)
                settings.append(((*RUNTIMES, name, "options", "SystemdCgroup"), systemd))
        old = () if self.always_has_runc else (DEFAULT_RUNTIME, UNTRUSTED_RUNTIME)
        settings += [
            ((*path, "options", "SystemdCgroup"), systemd)
            for path in old
            if look_up(self.effective, (*path, "runtime_type")) in RUNC_TYPES
        ]
        return settings

    def _check_cgroup(self, name: str, systemd: bool) -> None:
        each = self.wanted.get(name)
        own = look_up(each.keys, ("options", "SystemdCgroup")) if each else None
        if each and own is not None and own is not systemd:
            raise DomainError(
                "is not what systemd_cgroup says for all classes",
                option=f"{each.option}.options.SystemdCgroup",
                fix="Leave out one of the two.",
            )
