# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, RUNTIMES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import RuntimeClass, RuntimeClasses
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, applied

R17, R20, R23 = (Release.parse(text) for text in ("1.7.24", "2.0.7", "2.3.4"))
RUNC, RUNSC, LINUX = "io.containerd.runc.v2", "io.containerd.runsc.v1", "io.containerd.runtime.v1.linux"
DEFAULT = (*RUNTIME, "containerd", "default_runtime_name")
DEFAULT_RUNTIME = (*RUNTIME, "containerd", "default_runtime")
UNTRUSTED = (*RUNTIME, "containerd", "untrusted_workload_runtime")
PLATFORMS = (*IMAGES, "runtime_platforms")

Paths = dict[tuple[str, ...], t.Any]


def typed(name: str, kind: str = RUNC) -> Paths:
    return {(*RUNTIMES, name, "runtime_type"): kind}


def cgroup(name: str, *, systemd: bool = True) -> Paths:
    return {(*RUNTIMES, name, "options", "SystemdCgroup"): systemd}


def crun(**keys: t.Any) -> RuntimeClass:
    return RuntimeClass("crun", {"runtime_type": RUNC, **keys})


def gone(name: str) -> RuntimeClass:
    return RuntimeClass(name, is_absent=True)


# What is asked for, what the files say, the release, what is to be set.
CASES: dict[str, tuple[RuntimeClasses, Paths, Release, Paths]] = {
    "the first class of 1.7": (RuntimeClasses((crun(),)), {}, R17, typed("runc") | typed("crun")),
    "the first class of 2.3": (RuntimeClasses((crun(),)), {}, R23, typed("crun")),
    "one more class of 1.7": (RuntimeClasses((crun(),)), typed("runc"), R17, typed("crun")),
    "one class and a default that is there": (
        RuntimeClasses((crun(),)),
        typed("runsc", RUNSC) | {DEFAULT: "runsc"},
        R17,
        typed("crun"),
    ),
    "the new class as the default": (
        RuntimeClasses((crun(),), default="crun"),
        {},
        R17,
        typed("runc") | typed("crun") | {DEFAULT: "crun"},
    ),
    "runc itself, which nobody had named": (
        RuntimeClasses((RuntimeClass("runc", {"base_runtime_spec": "/a"}),)),
        {},
        R17,
        typed("runc") | {(*RUNTIMES, "runc", "base_runtime_spec"): "/a"},
    ),
    "a key of a class that is there": (
        RuntimeClasses((RuntimeClass("runsc", {"options": {"ConfigPath": "/a"}}),)),
        typed("runc") | typed("runsc", RUNSC),
        R17,
        {(*RUNTIMES, "runsc", "options", "ConfigPath"): "/a"},
    ),
    "a class that never was is to be absent": (RuntimeClasses((gone("nvidia"),)), {}, R17, {}),
    "the last class of 1.7 goes": (RuntimeClasses((gone("crun"),)), typed("crun"), R17, typed("runc")),
    "the last class of 2.3 goes": (RuntimeClasses((gone("crun"),)), typed("crun"), R23, {}),
    "the default class goes, and another comes": (
        RuntimeClasses((gone("runsc"), crun()), default="crun"),
        typed("runsc", RUNSC) | {DEFAULT: "runsc"},
        R17,
        typed("crun") | {DEFAULT: "crun"},
    ),
    "a default alone": (RuntimeClasses(default="runc"), {}, R17, {DEFAULT: "runc"}),
    "a snapshotter on 1.7": (
        RuntimeClasses((crun(snapshotter="native"),)),
        typed("runc"),
        R17,
        typed("crun") | {(*RUNTIMES, "crun", "snapshotter"): "native"},
    ),
    "a snapshotter on 2.0": (
        RuntimeClasses((crun(snapshotter="native"),)),
        {},
        R20,
        typed("crun") | {(*RUNTIMES, "crun", "snapshotter"): "native", (*PLATFORMS, "crun", "snapshotter"): "native"},
    ),
    "a snapshotter on 2.3": (
        RuntimeClasses((crun(snapshotter="native"),)),
        {},
        R23,
        typed("crun") | {(*RUNTIMES, "crun", "snapshotter"): "native"},
    ),
    "a snapshotter on 2.3, where an older release has left its table": (
        RuntimeClasses((crun(snapshotter="native"),)),
        {(*PLATFORMS, "crun", "snapshotter"): "zfs"},
        R23,
        typed("crun") | {(*RUNTIMES, "crun", "snapshotter"): "native", (*PLATFORMS, "crun", "snapshotter"): "native"},
    ),
    "cgroups of runc, which nobody had named": (
        RuntimeClasses(systemd_cgroup=True),
        {},
        R17,
        typed("runc") | cgroup("runc"),
    ),
    "cgroups of runc on 2.3": (RuntimeClasses(systemd_cgroup=True), {}, R23, typed("runc") | cgroup("runc")),
    "cgroups of every class like runc": (
        RuntimeClasses((crun(),), systemd_cgroup=True),
        typed("runc") | typed("nvidia") | typed("runsc", RUNSC) | typed("old", "io.containerd.runc.v1"),
        R17,
        typed("crun") | cgroup("crun") | cgroup("runc") | cgroup("nvidia") | cgroup("old"),
    ),
    "cgroups of the runc that 2.x has beside others": (
        RuntimeClasses(systemd_cgroup=True),
        typed("nvidia"),
        R23,
        typed("runc") | cgroup("runc") | cgroup("nvidia"),
    ),
    "cgroups where 1.7 has no runc": (
        RuntimeClasses(systemd_cgroup=False),
        typed("nvidia") | {DEFAULT: "nvidia"},
        R17,
        cgroup("nvidia", systemd=False),
    ),
    "cgroups of a runc without a type": (
        RuntimeClasses(systemd_cgroup=True),
        {(*RUNTIMES, "runc", "options", "BinaryName"): "/a"},
        R17,
        typed("runc") | cgroup("runc"),
    ),
    "cgroups of a class that goes": (
        RuntimeClasses((gone("crun"),), systemd_cgroup=True),
        typed("runc") | typed("crun"),
        R17,
        cgroup("runc"),
    ),
    "cgroups of the classes with a place of their own": (
        RuntimeClasses(systemd_cgroup=True),
        typed("runc") | {(*DEFAULT_RUNTIME, "runtime_type"): RUNC, (*UNTRUSTED, "runtime_type"): RUNSC},
        R17,
        cgroup("runc") | {(*DEFAULT_RUNTIME, "options", "SystemdCgroup"): True},
    ),
    "which 2.x does not read": (
        RuntimeClasses(systemd_cgroup=True),
        typed("runc") | {(*DEFAULT_RUNTIME, "runtime_type"): RUNC},
        R23,
        cgroup("runc"),
    ),
}


def said(paths: Paths) -> dict[str, t.Any]:
    return applied({}, [Set(path, value) for path, value in paths.items()])


@pytest.mark.parametrize(("asked", "files", "release", "wanted"), CASES.values(), ids=CASES)
def test_wishes(asked: RuntimeClasses, files: Paths, release: Release, wanted: Paths) -> None:
    before = said(files)
    wishes = asked.wishes(before, release)
    assert dict(wishes) == wanted
    removals = [Remove(path) for path in asked.removals(before)]
    after = applied(before, [*removals, *(Set(path, value) for path, value in wishes)])
    assert asked.removals(after) == []
    again = applied(after, [Set(path, value) for path, value in asked.wishes(after, release)])
    assert again == after


def test_removals() -> None:
    """With the table that older releases had beside it."""
    before = said(typed("runsc", RUNSC) | {(*PLATFORMS, "runsc", "snapshotter"): "native"})
    removals = RuntimeClasses((gone("runsc"), gone("never"))).removals(before)
    assert removals == [(*RUNTIMES, "runsc"), (*PLATFORMS, "runsc")]


REFUSED: dict[str, tuple[RuntimeClasses, Paths, Release, str]] = {
    "a new class without a type": (
        RuntimeClasses((RuntimeClass("kata", {"snapshotter": "native"}, option="runtimes[0]"),)),
        {},
        R23,
        "runtimes[0].runtime_type: is missing. ",
    ),
    "a default that is not there": (
        RuntimeClasses(default="crun"),
        typed("runc") | typed("nvidia"),
        R17,
        "default_runtime_name: there is no runtime class crun. Add it to runtimes, or name one of runc, nvidia.",
    ),
    "a default in the file that is not there": (
        RuntimeClasses((crun(),)),
        typed("runc") | {DEFAULT: "nvidia"},
        R17,
        "default_runtime_name: there is no runtime class nvidia. ",
    ),
    "the default is to be absent": (
        RuntimeClasses((gone("nvidia"),)),
        typed("runc") | typed("nvidia") | {DEFAULT: "nvidia"},
        R23,
        "runtimes: the class nvidia is the default one. ",
    ),
    "runc of 1.7 is to be absent": (
        RuntimeClasses((crun(), gone("runc"))),
        {},
        R17,
        "runtimes: the class runc is the default one. ",
    ),
    "runc of 2.x is to be absent": (
        RuntimeClasses((crun(), gone("runc")), default="crun"),
        {},
        R23,
        "runtimes: containerd 2.3.4 brings the class runc along, it cannot be absent. ",
    ),
    "another table decides the default": (
        RuntimeClasses(default="runc"),
        {(*DEFAULT_RUNTIME, "runtime_type"): RUNC},
        R17,
        "default_runtime_name: containerd 1.7.24 takes containerd.default_runtime for the default class. ",
    ),
    "a class that has a place of its own already": (
        RuntimeClasses((RuntimeClass("untrusted", {"runtime_type": RUNSC}),)),
        typed("runc") | {(*UNTRUSTED, "runtime_type"): RUNSC},
        R17,
        "runtimes: the files have it as containerd.untrusted_workload_runtime, and CRI does not load with both. ",
    ),
    "all devices without none": (
        RuntimeClasses((crun(privileged_without_host_devices_all_devices_allowed=True),)),
        {},
        R23,
        "runtimes.privileged_without_host_devices_all_devices_allowed: CRI of containerd does not load with it unless ",
    ),
    "a class that takes its cgroups from elsewhere": (
        RuntimeClasses(systemd_cgroup=True),
        typed("runc", LINUX),
        R17,
        "systemd_cgroup: the runtime class runc is of type io.containerd.runtime.v1.linux, which does not take it. ",
    ),
    "a class that contradicts": (
        RuntimeClasses((crun(options={"SystemdCgroup": False}),), systemd_cgroup=True),
        {},
        R17,
        "runtimes.options.SystemdCgroup: is not what systemd_cgroup says for all classes. ",
    ),
}


@pytest.mark.parametrize(("asked", "files", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(asked: RuntimeClasses, files: Paths, release: Release, message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        asked.wishes(said(files), release)
    assert str(refusal.value).startswith(message)
