# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd would not start with, would pass over, or would start with but without CRI. Private.

None of this is seen by ``containerd config dump``, and most of it leaves no line in the journal.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    CRI_IDS,
    REGISTRY,
    REGISTRY_CONFIG_PATH,
    RUNTIME,
    V1_CRI,
    V2_CRI,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import check_accepted, stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    cni_directories_twice,
    versions_read_as,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.known_keys import is_unknown_plugin, plugin_meant
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_config_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Beside, Release, Versions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference, look_up

Data = t.Mapping[str, t.Any]

_BIN_DIR: KeyPath = (*RUNTIME, "cni", "bin_dir")
_TYPE_NAMES = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def check_versions(files: t.Sequence[ConfigFile], release: Release) -> None:
    """The version of each file, and that they go together.

    :raises DomainError: a version that the release refuses, or a mix of which it would lose CRI settings.
    """
    for file in files:
        try:
            version = stated_version(file.data)
            check_accepted(version or 1, release)
        except DomainError as error:
            raise error if file is files[0] else error.in_file(file.path) from None
    if release.rules.imports.versions is Versions.EACH_ITS_OWN:
        _check_no_newer_drop_in(files, release)
    elif any((stated_version(file.data) or 1) > 1 for file in files):
        _check_nothing_is_left_behind(files, release)


def _check_no_newer_drop_in(files: t.Sequence[ConfigFile], release: Release) -> None:
    """The first file that states a version sets the highest one for those after it."""
    first: tuple[int, ConfigFile] | None = None
    for file in files:
        version = stated_version(file.data) or 0
        if version and first is None:
            first = version, file
        if first and version > first[0] and release.rules.imports.higher_version_is_fatal:
            raise DomainError(
                f"says version {version} and {first[1].path}, which is read before it, says {first[0]}: "
                f"containerd {release} does not start with a drop-in newer than the file itself",
                file=file.path,
                key_path=("version",),
                fix=f"Write the drop-in for version {first[0]}, or bring {first[1].path} to version {version}.",
            )


def _check_nothing_is_left_behind(files: t.Sequence[ConfigFile], release: Release) -> None:
    """Before 2.3 one version holds for all that was merged: the last one that is stated."""
    for file, counting in zip(files, versions_read_as(files, release), strict=True):
        own = stated_version(file.data) or 1
        consequence = _consequence(file.data, counting, release) if counting > own else None
        if consequence is not None:
            raise DomainError(
                f"says version {own}, and containerd {release} reads all files by the last version that one states, "
                f"which is {counting}: {consequence}",
                file=file.path,
                key_path=("version",),
                fix="Write config.toml and the files that it imports for one version.",
            )


def _consequence(data: Data, counting: int, release: Release) -> str | None:
    """What comes of a file of an older version that is read as one of this version."""
    if release.line < (2, 0):
        plugins = data.get("plugins")
        names = [*(plugins if isinstance(plugins, dict) else ()), *_listed(data)]
        is_fatal = any(_is_short(name, release) for name in names)
        return "it does not start with plugins that are named as in version 1" if is_fatal else None
    is_lost = counting > 2 and any(look_up(data, table) is not None for table in (V1_CRI, V2_CRI))
    return "the CRI settings of this file would be lost" if is_lost else None


def _listed(data: Data) -> list[t.Any]:
    lists = (data.get(key) for key in ("disabled_plugins", "required_plugins"))
    return [name for names in lists if isinstance(names, list) for name in names]


def check_absent(absent: t.Sequence[KeyPath], files: t.Sequence[ConfigFile]) -> None:
    """A path of a plugin that nobody has would be passed over: an id without its quotes, or a typo.

    A whole id far from any known one passes: it is that of somebody else's plugin, gone after the first run.

    :raises DomainError: names what was meant.
    """
    wrong = []
    for index, path in enumerate(absent):
        is_there = any(look_up(file.data, path[:2]) is not None for file in files)
        if path[:1] != ("plugins",) or len(path) < 2 or is_there or not is_unknown_plugin(path[1]):
            continue
        meant = plugin_meant(path)
        if meant is not None:
            fix = f"Write it as {show_key_path(meant)}."
        else:
            fix = 'Write its whole id, in quotes: plugins."io.containerd.grpc.v1.cri".registry.mirrors.'
        wrong.append(DomainError(f"no containerd has a plugin {path[1]!r}", option=f"absent[{index}]", fix=fix))
    if wrong:
        raise DomainError.together(wrong)


def check_cri_is_enabled(data: Data) -> None:
    """:raises DomainError: CRI is asked for something, and disabled."""
    disabled = data.get("disabled_plugins")
    for name in disabled if isinstance(disabled, list) else ():
        if name in CRI_IDS or name == "cri":
            raise DomainError(
                f"disables {name}, so no setting of CRI can have an effect",
                key_path=("disabled_plugins",),
                fix="Remove the name from the list, for example with settings: {disabled_plugins: []}.",
            )


def check_plugin_names(data: Data, version: int, release: Release) -> None:
    """Names of version 1 in a newer file: 1.x does not start with them, 2.x starts with those of tables, but passes
    over the tables.

    :raises DomainError: there is one.
    """
    for key in ("disabled_plugins", "required_plugins"):
        listed = data.get(key, [])
        if not isinstance(listed, list):
            raise DomainError("is not a list of names", key_path=(key,), fix=f"Write it as {key} = [].")
        for name in filter(lambda name: version > 1 and _is_short(name, release), listed):
            raise DomainError(
                f"names the plugin {name!r} as version 1 did: containerd does not start with it in version {version}",
                key_path=(key,),
                fix="Write the plugin's full id, such as io.containerd.snapshotter.v1.aufs.",
            )
    plugins = data.get("plugins")
    for name in plugins if version > 1 and isinstance(plugins, dict) else ():
        if name == V1_CRI[1] or (release.line < (2, 0) and _is_short(name, release)):
            raise DomainError(
                f"is a version 1 table in a version {version} file: containerd 1.x does not start with it, "
                "2.x ignores it",
                key_path=("plugins", name),
                fix=f"Name it {show_key_path(V2_CRI)}." if name == V1_CRI[1] else "Name it by the plugin's full id.",
            )


def _is_short(name: t.Any, release: Release) -> bool:
    """Whether containerd would say "expect io.containerd.x.vx"; 2.x asks less of a name."""
    return len(str(name).split(".")) < (4 if release.line < (2, 0) else 2)


def check_one_cri_table(data: Data, version: int, release: Release) -> None:
    """:raises DomainError: the older and the newer name of CRI's table, of which containerd 2.x picks one by chance."""
    is_by_chance = version < 2 and release.line >= (2, 0)
    if is_by_chance and look_up(data, V1_CRI) is not None and look_up(data, V2_CRI) is not None:
        raise DomainError(
            f"stands beside {show_key_path(V2_CRI)} in a file without a version: containerd {release} reads one of "
            "the two, and which one changes from start to start",
            key_path=V1_CRI,
            fix="Move what counts into one of the two tables, and remove the other.",
        )


def check_types(differences: t.Iterable[Difference]) -> None:
    """:raises DomainError: a value of another type than the one in the file, with which containerd does not start."""
    for difference in differences:
        kinds = [_TYPE_NAMES.get(type(value)) for value in (difference.before, difference.after)]
        if all(kinds) and kinds[0] != kinds[1]:
            raise DomainError(
                f"is {kinds[0]} in the file and {kinds[1]} in the task",
                key_path=difference.path,
                fix='Write it as in the file; YAML takes 3.10 for a number and "3" for a text.',
            )


def check_directories(differences: t.Iterable[Difference]) -> None:
    """What ``settings`` say of the directory is held to the same rules as ``registry_config_path``."""
    for difference in differences:
        if difference.path[-2:] == ("registry", "config_path") and difference.after:
            read_config_path(str(difference.after), option=show_key_path(difference.path))


def check_cni_directories(files: t.Sequence[ConfigFile], release: Release) -> None:
    """A release that reads only one of the keys passes over the other, and so does the migration of version 2.

    :raises DomainError: both keys for directories of CNI count, which stops CRI of 2.1 to 2.3.
    """
    rules = release.rules
    if rules.has_bin_dirs and rules.reads_bin_dir and cni_directories_twice(files, release):
        file = next(file for file in files if look_up(file.data, _BIN_DIR))
        raise DomainError(
            "stands beside bin_dirs: containerd 2.1 to 2.3 start without CRI, and no pod could run",
            file=file.path,
            key_path=_BIN_DIR,
            fix="Leave one of the two, for example by naming this one in absent.",
        )


def check_one_registry_method(effective: Data, files: t.Sequence[ConfigFile], release: Release) -> None:
    """Tables of the old method beside config_path: CRI would not load, while the daemon and its unit look healthy.

    :raises DomainError: names the table.
    """
    registry, stated = look_up(effective, REGISTRY), look_up(effective, REGISTRY_CONFIG_PATH)
    rules = release.rules.registry
    if not isinstance(registry, dict):
        return
    if stated is None and registry.get("mirrors") and rules.default_stands_beside_mirrors:
        raise _refused_legacy((*REGISTRY, "mirrors"), files, release, beside="the config_path that it has by itself")
    if not stated:
        return
    if registry.get("mirrors") and rules.mirrors_beside_config_path is Beside.STOPS_CRI:
        raise _refused_legacy((*REGISTRY, "mirrors"), files, release)
    configs = registry.get("configs")
    for host in configs if isinstance(configs, dict) else ():
        tls = (*REGISTRY, "configs", host, "tls")
        # An empty table is enough, and only the files show that.
        is_there = any(look_up(file.data, name) is not None for file in files for name in names(tls))
        if is_there and rules.tls_beside_config_path is Beside.STOPS_CRI:
            raise _refused_legacy(tls, files, release)


def _refused_legacy(
    path: KeyPath, files: t.Sequence[ConfigFile], release: Release, *, beside: str = "registry.config_path"
) -> DomainError:
    name, file = written(path, files)
    return DomainError(
        f"cannot stand beside {beside}: containerd {release} would start without CRI, and no pod could run",
        file=file.path if file is not files[0] else None,
        key_path=name,
        fix="Nothing was changed. Migrate with containerd_migrate, in the role with containerd_migrate_legacy: true.",
    )


def written(path: KeyPath, files: t.Sequence[ConfigFile]) -> tuple[KeyPath, ConfigFile]:
    """A canonical path as one of the files has it, and that file."""
    found = ((name, file) for file in files for name in names(path) if look_up(file.data, name) is not None)
    return next(found, (path, files[0]))


def doubts(effective: Data, files: t.Sequence[ConfigFile], release: Release) -> t.Iterator[str]:
    """What stands in the files and may undo what is asked, or does nothing any more."""
    directories = look_up(effective, REGISTRY_CONFIG_PATH)
    if isinstance(directories, str) and ":" in directories:
        name, _file = written(REGISTRY_CONFIG_PATH, files)
        yield (
            f"{show_key_path(name)} is a list of directories, of which containerd 2.1 and newer find none. "
            "Name one directory in registry_config_path."
        )
    if not release.rules.reads_bin_dir and not look_up(effective, CNI_BIN_DIRS):
        for file in (file for file in files if look_up(file.data, _BIN_DIR)):
            where = "" if file is files[0] else f"{file.path}: "
            yield (
                f"{where}{show_key_path(_BIN_DIR)} is not read by containerd {release}, which looks for the programs "
                "of CNI in its default directories. Name them in cni.bin_dirs."
            )
