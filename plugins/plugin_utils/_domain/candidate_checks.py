# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all files together say, with which containerd does not start, or starts without CRI. Private.

``containerd config dump`` accepts every bit of it: what a plugin makes of its table shows when it is loaded. Nothing
is refused that the release works with, however odd. setting_values knows the values, plugin_set the plugins, and here
is what takes more than one key to tell. Each was measured by starts of 1.6.20, 1.7.24, 2.1.5, 2.2.1 and 2.3.4. What
depends on the node (a port in use, a file that is not there, a snapshotter without its module) is not here: it is found
after the restart, and undone.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import known_keys
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import written
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CRI_IDS,
    RUNTIME,
    RUNTIMES,
    V2_CRI,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import (
    DEFAULT_NAME,
    DEFAULT_RUNTIME,
    LINUX_TYPE,
    RUNC,
    RUNC_TYPE,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.setting_values import NO_CRI, NO_START, stops
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.start_checks import ids, needed, one_directory
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Data = t.Mapping[str, t.Any]


class Problem(t.NamedTuple):
    """What is wrong with a value, what comes of it, and what to write instead."""

    path: KeyPath
    what: str
    consequence: str
    fix: str


def check_values(effective: Data, files: t.Sequence[ConfigFile], release: Release) -> None:
    """:raises DomainError: containerd would not start with what the files say together, or start without CRI."""
    for problem in problems(effective, release):
        name, file = written(problem.path, files)
        if look_up(file.data, name) is None:
            # No file has it: as the first one would.
            name = names(problem.path).in_version(stated_version(file.data) or 1) or problem.path
        raise DomainError(
            f"{problem.what}: containerd {release} {problem.consequence}",
            file=None if file is files[0] else file.path,
            key_path=name,
            fix=f"Nothing was changed. {problem.fix}",
        )


def problems(effective: Data, release: Release) -> t.Iterator[Problem]:
    """All that is wrong with what the files say together."""
    if one_directory(effective) is not None:
        yield Problem(("root",), "is the same directory as state", NO_START, "Name two directories.")
    disabled = ids(effective.get("disabled_plugins"))
    # That there is no CRI is what somebody wants, or asks to be told of elsewhere.
    has_cri = not CRI_IDS & disabled
    for path, value in leaves(effective):
        fault = stops(path, value, release) if has_cri or not _is_of_cri(path) else None
        if fault is not None and _is_read(path, effective, release):
            (what, fix), consequence = fault
            yield Problem(path, what, consequence, fix)
    if not has_cri:
        return
    for name in sorted(disabled & needed(effective, release)):
        yield Problem(("disabled_plugins",), f"names {name}, which CRI needs", NO_CRI, "Remove it from the list.")
    yield from _of_wrong_types(effective, release)
    for problem in (*_of_streaming(effective), *_of_classes(effective, release)):
        if _is_read(problem.path, effective, release):
            yield problem


def _is_of_cri(path: KeyPath) -> bool:
    return path[0] == "plugins" and path[1:2] != () and path[1] in CRI_IDS


def _is_read(path: KeyPath, effective: Data, release: Release) -> bool:
    """Whether the release knows the key at all; what it passes over can do no harm."""
    return look_up(effective, path) is None or known_keys.check(path, release) is None


# --- CRI


def _of_wrong_types(effective: Data, release: Release) -> t.Iterator[Problem]:
    """containerd sees them itself, but 1.x does not say which key it is about, and 2.x names a field of its own.

    Options of a runtime are read when a pod is started, and not before.
    """
    for path, value in leaves(effective):
        if _is_of_cri(path) and len(path) > 2 and "options" not in path:
            wanted = known_keys.misfit(path, value, release)
            if wanted is not None:
                yield Problem(path, f"has to be {wanted}", NO_START, 'TOML writes a text as "3.10", a number as 3.10.')


def _of_streaming(effective: Data) -> t.Iterator[Problem]:
    pair = [look_up(effective, (*V2_CRI, "x509_key_pair_streaming", key)) for key in ("tls_cert_file", "tls_key_file")]
    if any(pair) and not all(pair):
        yield Problem(
            (*V2_CRI, "x509_key_pair_streaming"),
            "has one file of the two",
            NO_CRI,
            "Name both tls_cert_file and tls_key_file, or neither.",
        )
    elif any(pair) and not look_up(effective, (*V2_CRI, "enable_tls_streaming")):
        yield Problem(
            (*V2_CRI, "x509_key_pair_streaming"),
            "is set, and enable_tls_streaming is not",
            NO_CRI,
            "Set enable_tls_streaming = true, or remove the files.",
        )


# --- runtime classes


def _of_classes(effective: Data, release: Release) -> t.Iterator[Problem]:
    if not isinstance(look_up(effective, RUNTIMES) or {}, dict):
        # What containerd says of it itself is nearer to the point.
        return
    is_1 = release.line < (2, 0)
    classes = _classes(effective, is_1=is_1)
    has_old_default = is_1 and look_up(effective, (*DEFAULT_RUNTIME, "runtime_type"))
    stated = look_up(effective, DEFAULT_NAME)
    default = RUNC if stated is None else str(stated)
    if not has_old_default and default not in classes:
        what = f"there is no runtime class {default}" if default else "is empty"
        known = ", ".join(sorted(classes)) or RUNC
        yield Problem(DEFAULT_NAME, what, NO_CRI, f"Name one that there is ({known}), or write its table.")
    for name, table in classes.items():
        yield from _of_class((*RUNTIMES, name), table, is_1=is_1)
    if is_1:
        kind = has_old_default or classes.get(default, {}).get("runtime_type")
        yield from _of_old_keys(effective, kind)


def _of_old_keys(effective: Data, kind: t.Any) -> t.Iterator[Problem]:
    """Keys for all classes that go with one kind of default class; ``kind`` is what it is of."""
    for key, fix in (
        (("systemd_cgroup",), "Remove it; options.SystemdCgroup of the class is what counts."),
        (("containerd", "no_pivot"), "Remove it."),
    ):
        if look_up(effective, (*RUNTIME, *key)) is True and kind != LINUX_TYPE:
            yield _of_old_shim((*RUNTIME, *key), fix)


def _of_old_shim(path: KeyPath, fix: str) -> Problem:
    return Problem(path, f"goes with runtime classes of type {LINUX_TYPE} alone", NO_CRI, fix)


def _classes(effective: Data, *, is_1: bool) -> dict[str, Data]:
    stated = look_up(effective, RUNTIMES)
    classes: dict[str, Data] = {name: table for name, table in (stated or {}).items() if isinstance(table, dict)}
    brings_runc = not is_1 or stated is None
    return {RUNC: {"runtime_type": RUNC_TYPE}, **classes} if brings_runc else classes


def _of_class(path: KeyPath, table: Data, *, is_1: bool) -> t.Iterator[Problem]:
    without = "privileged_without_host_devices"
    if table.get(f"{without}_all_devices_allowed") and not table.get(without):
        key = (*path, f"{without}_all_devices_allowed")
        yield Problem(key, f"needs {without}", NO_CRI, f"Set {without} = true too.")
    for name in ("runtime_engine", "runtime_root"):
        if is_1 and table.get(name) and table.get("runtime_type") != LINUX_TYPE:
            yield _of_old_shim((*path, name), "Remove it; the runtime's own options say the same.")
