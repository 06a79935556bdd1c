# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in a config.toml, and what containerd would make of it. Private to this collection."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_schema import (
    COUNTING_TABLES,
    CRI_IDS,
    NAMED_ENTRIES,
    REGISTRY_TABLES,
    SERVER_TABLES_UP_TO,
    V1_CRI,
    V2_CRI,
    Data,
    Setting,
    check_accepted,
    place,
    stated_version,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_config_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Difference,
    Remove,
    Set,
    applied,
    edit,
    look_up,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

Operation = Set | Remove

# A name alone is refused: 3.1 is what YAML makes of an unquoted 3.10.
_IMAGE = re.compile(
    r"(?=.*[/:@])[a-zA-Z0-9.\-_:\[\]]+(?:/[a-z0-9._\-]+)*(?::[\w.\-]+)?(?:@sha256:[0-9a-f]{64})?", re.ASCII
)
_TYPE_NAMES = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
_URL_CREDENTIALS = re.compile(r"://\S*@")
_ADD_VERSION = (
    "Say which version the file is meant to be, for example with settings: {version: 2}, after reading what is in it."
)


@dataclasses.dataclass(frozen=True)
class ConfigIntent:
    """What a user asks for; None and empty ask for nothing."""

    sandbox_image: str | None = None
    registry_config_path: str | None = None
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    absent: tuple[KeyPath, ...] = ()


@dataclasses.dataclass(frozen=True)
class ConfigPlan:
    """The file as it should be; ``text`` equals the old text exactly when nothing has to change."""

    text: str
    differences: tuple[Difference, ...]
    config_version: int
    restart_required: bool
    warnings: tuple[str, ...] = ()


def plan_config(content: bytes | None, intent: ConfigIntent, release: Release) -> ConfigPlan:
    """Plans the edit of one config.toml; ``content`` is None where there is no file.

    :raises DomainError: the file or the intent is not sound; nothing may be written then.
    """
    text = decode(content or b"", release)
    before = parse(text)
    operations, warnings = _operations(before, intent, release)
    edited = edit(text, operations)
    _check_types(edited.differences)
    _check_directories(edited.differences)
    after = parse(edited.text)
    version = stated_version(after)
    if version is not None:
        check_accepted(version, release)
    _check_cri_is_enabled(after, intent)
    _check_plugin_names(after, version or 1, release)
    _check_one_registry_method(after, intent, release)
    return ConfigPlan(
        text=edited.text,
        differences=edited.differences,
        config_version=version or 1,
        restart_required=not same(_effective(before), _effective(after)),
        warnings=(*warnings, *_doubts(after, intent, edited.differences)),
    )


def decode(content: bytes, release: Release) -> str:
    """The text of a config.toml.

    :raises DomainError: not UTF-8, or with a byte order mark that this release refuses.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DomainError(
            f"not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}",
            line=line,
            fix="Nothing was changed; save the file as UTF-8.",
        ) from None
    if text.startswith("\ufeff") and release.line >= (2, 0):
        raise DomainError(
            f"the file begins with a byte order mark, which containerd {release} refuses",
            line=1,
            fix="Nothing was changed; save the file without it.",
        )
    return text


# --- from intent to operations


def _operations(data: Data, intent: ConfigIntent, release: Release) -> tuple[list[Operation], tuple[str, ...]]:
    removals = [Remove(path) for path in intent.absent]
    asked = [Set((key,), value) for key, value in intent.settings.items() if key != "version"]
    kept = applied(data, removals)
    version = _version(data, kept, intent, release)
    operations: list[Operation] = [] if version == stated_version(kept) else [Set(("version",), version)]
    operations += asked
    warnings: list[str] = []
    if _speaks_of_cri(intent):
        _check_cri_survives(kept, version, release)
    if version is not None:
        check_accepted(version, release)
    if _speaks_of_cri(intent) or (version or 1) > 1:
        operations += _without_short_name_of_cri(data, intent, warnings)
    operations += _placed(applied(kept, asked), intent, version, release)
    _check_agreement(operations, intent.absent)
    return [*operations, *removals], tuple(warnings)


def _speaks_of_plugins(intent: ConfigIntent) -> bool:
    return bool(intent.sandbox_image or intent.registry_config_path or intent.settings.get("plugins"))


def _speaks_of_cri(intent: ConfigIntent) -> bool:
    names = CRI_IDS | {V1_CRI[1]}
    return bool(
        intent.sandbox_image or intent.registry_config_path or names & _table(intent.settings, "plugins").keys()
    )


def _table(data: Data, key: str) -> t.Mapping[str, t.Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _version(data: Data, kept: Data, intent: ConfigIntent, release: Release) -> int | None:
    """The version that the file will have, None where it has none and must stay without.

    ``kept`` is the data less what is absent.
    """
    stated = stated_version(data)
    wanted = _wanted_version(intent)
    if wanted is not None and wanted != stated:
        _check_version_change(kept, stated, wanted)
        return wanted
    if stated is not None and "version" not in kept:
        _check_version_change(kept, stated, 1)
        return None
    return _version_to_add(kept, intent, release) if stated is None and _speaks_of_plugins(intent) else stated


def _wanted_version(intent: ConfigIntent) -> int | None:
    try:
        return stated_version(intent.settings)
    except DomainError as error:
        raise DomainError(error.what, option="settings.version", fix=error.fix) from None


def _placed(data: Data, intent: ConfigIntent, version: int | None, release: Release) -> list[Operation]:
    wishes = {
        Setting.SANDBOX_IMAGE: _checked_image(intent.sandbox_image),
        Setting.REGISTRY_CONFIG_PATH: _checked_config_path(intent.registry_config_path, release),
    }
    return [
        Set(place(setting, data, version, release), value) for setting, value in wishes.items() if value is not None
    ]


def _version_to_add(data: Data, intent: ConfigIntent, release: Release) -> int | None:
    """The version that a file without one gets, None where it must stay without.

    Only a file that has no plugin table can be given a version without a change of meaning: containerd reads all others
    as version 1, in which tables named by URI do not count.
    """
    if not data:
        return release.config_version
    plugins = data.get("plugins")
    if not plugins:
        # Version 4 no longer reads [grpc], [ttrpc], [debug] and [metrics] of a file that was written before it.
        return min(release.config_version, 3)
    ignored = [*filter(_is_uri, _table(intent.settings, "plugins"))]
    if look_up(data, V1_CRI) is None:
        ignored += filter(_is_uri, _table(data, "plugins"))
    if ignored and release.line < (2, 0):
        raise DomainError(
            f"the file has no version line, so containerd {release} reads it as version 1 and ignores "
            f"[{show_key_path(('plugins', ignored[0]))}]",
            key_path=("version",),
            fix=_ADD_VERSION,
        )
    return None


def _is_uri(plugin: str) -> bool:
    return plugin.startswith("io.containerd.")


def _check_version_change(data: Data, version: int | None, wanted: int) -> None:
    """:raises DomainError: tables of the old version would silently lose their meaning, or stop containerd."""
    lost = [key for key in _table(data, "plugins") if version or (wanted > 1 and not _is_uri(key))]
    if lost:
        raise DomainError(
            f"the file is of version {version or 1}; its plugin tables would be lost in version {wanted}",
            key_path=("version",),
            fix="Leave the version as it is, or move the tables in the file yourself.",
        )
    server = [name for name in ("grpc", "ttrpc", "metrics") if _table(data, name)]
    server += ["debug"] if _table(data, "debug").keys() & {"address", "uid", "gid"} else []
    if server and wanted > SERVER_TABLES_UP_TO >= (version or 1):
        raise DomainError(
            f"the file is of version {version or 1}; its table [{server[0]}] would be lost in version {wanted}",
            key_path=("version",),
            fix="Leave the version as it is, or move the table in the file yourself.",
        )


def _check_cri_survives(data: Data, version: int | None, release: Release) -> None:
    if version in (None, 0, 1) and not release.merges_cri_of_versionless_files:
        rename = 'Put version = 2 into the file and rename [plugins.cri] to [plugins."io.containerd.grpc.v1.cri"].'
        raise DomainError(
            f"containerd {release} drops every CRI setting of a file without version 2 or newer",
            key_path=("version",),
            fix=rename if look_up(data, V1_CRI) is not None else _ADD_VERSION,
        )


def _without_short_name_of_cri(data: Data, intent: ConfigIntent, warnings: list[str]) -> list[Operation]:
    """Docker's package ships ``disabled_plugins = ["cri"]``: no setting of CRI can have an effect beside it, and with a
    version that is more than 1 no containerd starts. Who asks for nothing of CRI keeps it disabled, by its full id."""
    disabled = data.get("disabled_plugins")
    if "version" in data or "disabled_plugins" in intent.settings or not isinstance(disabled, list):
        return []
    if "cri" not in disabled:
        return []
    if not _speaks_of_cri(intent):
        return [Set(("disabled_plugins",), [V2_CRI[1] if name == "cri" else name for name in disabled])]
    warnings.append('CRI was disabled by disabled_plugins = ["cri"], as Docker\'s package ships it; it is enabled now.')
    return [Set(("disabled_plugins",), [name for name in disabled if name != "cri"])]


def _checked_image(image: str | None) -> str | None:
    if image is not None and not _IMAGE.fullmatch(image):
        shown = _URL_CREDENTIALS.sub("://********@", image)
        raise DomainError(
            f"{shown!r} is not an image reference",
            option="sandbox_image",
            fix="Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
        )
    return image


def _checked_config_path(path: str | None, release: Release) -> str | None:
    if path is None:
        return None
    if not release.knows(Feature.HOSTS_TOML):
        raise DomainError(
            f"containerd {release} reads no such directory; {Feature.HOSTS_TOML.since_text} is the first that does",
            option="registry_config_path",
            fix="Upgrade containerd on this node first.",
        )
    return read_config_path(path, option="registry_config_path")


def _check_agreement(operations: list[Operation], absent: tuple[KeyPath, ...]) -> None:
    """:raises DomainError: two options ask for different things at one path."""
    leaves = [
        leaf
        for operation in operations
        if isinstance(operation, Set)
        for leaf in _leaves(operation.path, operation.value)
    ]
    wanted: dict[KeyPath, t.Any] = {}
    for path, value in leaves:
        if path in wanted and not same(wanted[path], value):
            raise DomainError("is asked for with two different values", key_path=path, fix="Name it once.")
        wanted[path] = value
        for removed in absent:
            if path[: len(removed)] == removed:
                raise DomainError("is both set and named in absent", key_path=path, fix="Leave out one of the two.")


def _leaves(path: KeyPath, value: t.Any) -> t.Iterator[tuple[KeyPath, t.Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves((*path, key), item)
    else:
        yield path, value


# --- what containerd would make of the result


def _check_cri_is_enabled(data: Data, intent: ConfigIntent) -> None:
    disabled = data.get("disabled_plugins")
    if not _speaks_of_cri(intent) or not isinstance(disabled, list):
        return
    for name in disabled:
        if name in CRI_IDS or name == "cri":
            raise DomainError(
                f"disables {name}, so no setting of CRI can have an effect",
                key_path=("disabled_plugins",),
                fix="Remove the name from the list, for example with settings: {disabled_plugins: []}.",
            )


def _check_plugin_names(data: Data, version: int, release: Release) -> None:
    """Names of version 1 in a newer file: 1.x does not start with them, 2.x starts with those of tables, but passes
    over the tables."""
    for key in ("disabled_plugins", "required_plugins"):
        names = data.get(key, [])
        if not isinstance(names, list):
            raise DomainError("is not a list of names", key_path=(key,), fix=f"Write it as {key} = [].")
        for name in filter(lambda name: version > 1 and _is_short(name, release), names):
            raise DomainError(
                f"names the plugin {name!r} as version 1 did: containerd does not start with it in version {version}",
                key_path=(key,),
                fix="Write the plugin's full id, such as io.containerd.snapshotter.v1.aufs.",
            )
    for name in _table(data, "plugins") if version > 1 else ():
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


def _check_types(differences: tuple[Difference, ...]) -> None:
    """A value of another type than the one in the file keeps containerd from starting."""
    for difference in differences:
        names = [_TYPE_NAMES.get(type(value)) for value in (difference.before, difference.after)]
        if all(names) and names[0] != names[1]:
            raise DomainError(
                f"is {names[0]} in the file and {names[1]} in the task",
                key_path=difference.path,
                fix='Write it as in the file; YAML takes 3.10 for a number and "3" for a text.',
            )


def _check_directories(differences: tuple[Difference, ...]) -> None:
    """What ``settings`` say of the directory is held to the same rules as ``registry_config_path``."""
    for difference in differences:
        if difference.path[-2:] == ("registry", "config_path") and difference.after:
            read_config_path(str(difference.after), option=show_key_path(difference.path))


def _doubts(data: Data, intent: ConfigIntent, differences: tuple[Difference, ...]) -> list[str]:
    """What stands in the file and may undo what is asked."""
    doubts = []
    if data.get("imports") and differences and _speaks_of_cri(intent):
        doubts.append(
            "the file has imports; a file that they name can override what is set here, and on containerd 1.x one key "
            "of CRI in it replaces all of them. See what counts with containerd config dump."
        )
    for table in REGISTRY_TABLES:
        directories = look_up(data, (*table, "config_path"))
        if _speaks_of_cri(intent) and isinstance(directories, str) and ":" in directories:
            doubts.append(
                f"{show_key_path((*table, 'config_path'))} is a list of directories, of which containerd 2.1 and newer "
                "find none. Name one directory in registry_config_path."
            )
    return doubts


def _check_one_registry_method(data: Data, intent: ConfigIntent, release: Release) -> None:
    """Tables of the old method beside config_path: CRI would not load, while the daemon and its unit look healthy."""
    if not _speaks_of_plugins(intent):
        return
    for table in REGISTRY_TABLES:
        registry = look_up(data, table)
        if not isinstance(registry, dict) or not registry.get("config_path"):
            continue
        if registry.get("mirrors"):
            _refuse_legacy((*table, "mirrors"), release)
        tls = [host for host, config in _tables(registry.get("configs")) if config.get("tls")]
        if tls and release.line < (2, 0):
            _refuse_legacy((*table, "configs", tls[0], "tls"), release)


def _tables(value: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [(key, item) for key, item in value.items() if isinstance(item, dict)] if isinstance(value, dict) else []


def _refuse_legacy(path: KeyPath, release: Release) -> t.NoReturn:
    raise DomainError(
        f"cannot stand beside registry.config_path: containerd {release} would start without CRI, and no pod could run",
        key_path=path,
        fix="Nothing was changed. Migrate: write these entries as registries of containerd_registries, "
        "and name this table in absent of the same task.",
    )


def _effective(data: t.Any) -> t.Any:
    """The data without the empty tables that mean nothing to containerd."""
    return _pruned(data, counts=False)


def _pruned(value: t.Any, *, counts: bool) -> t.Any:
    if not isinstance(value, dict):
        return value
    pruned = {key: _pruned(item, counts=key in NAMED_ENTRIES) for key, item in value.items()}
    return {key: item for key, item in pruned.items() if item != {} or counts or key in COUNTING_TABLES}
