# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in a config.toml and the files that it imports. Private to this collection."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import config_checks
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CRI_IDS,
    REGISTRY_CONFIG_PATH,
    SANDBOX_IMAGE,
    V1_CRI,
    V2_CRI,
    canonical,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import check_accepted, stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    effective,
    in_canonical_names,
    leaves,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.placing import Operation, place
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

Data = t.Mapping[str, t.Any]

CONFIG_TOML = "/etc/containerd/config.toml"
# The newest version whose [grpc], [ttrpc], [debug] and [metrics] containerd reads.
SERVER_TABLES_UP_TO = 3

# A name alone is refused: 3.1 is what YAML makes of an unquoted 3.10.
_IMAGE = re.compile(
    r"(?=.*[/:@])[a-zA-Z0-9.\-_:\[\]]+(?:/[a-z0-9._\-]+)*(?::[\w.\-]+)?(?:@sha256:[0-9a-f]{64})?", re.ASCII
)
_URL_CREDENTIALS = re.compile(r"://\S*@")
_ADD_VERSION = (
    "Say which version the file is meant to be, for example with settings: {version: 2}, after reading what is in it."
)
# They say how the file is read, and are no settings that other names or places exist for.
_LITERAL = ("imports", "disabled_plugins", "required_plugins")


@dataclasses.dataclass(frozen=True)
class ConfigIntent:
    """What a user asks for; None and empty ask for nothing."""

    sandbox_image: str | None = None
    registry_config_path: str | None = None
    settings: Data = dataclasses.field(default_factory=dict)
    absent: tuple[KeyPath, ...] = ()
    options: CriOptions = CriOptions()


@dataclasses.dataclass(frozen=True)
class Source:
    """A file as it was read; ``content`` is None where there is none."""

    path: str
    content: bytes | None


@dataclasses.dataclass(frozen=True)
class FileEdit:
    """One file as it should be; ``text`` equals the old text exactly when nothing has to change."""

    path: str
    text: str
    differences: tuple[Difference, ...]


@dataclasses.dataclass(frozen=True)
class ConfigPlan:
    """Every file as it should be, ``config.toml`` itself first."""

    files: tuple[FileEdit, ...]
    config_version: int
    restart_required: bool
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """config.toml itself."""
        return self.files[0].text

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """The files that have to change, what is imported first: config.toml must not name what is not there yet."""
        return tuple(file for file in reversed(self.files) if file.differences)

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(difference for file in self.files for difference in file.differences)


def plan_config(
    content: bytes | None,
    intent: ConfigIntent,
    release: Release,
    *,
    path: str = CONFIG_TOML,
    imported: t.Sequence[Source] = (),
) -> ConfigPlan:
    """Plans the edit of a config.toml; ``imported`` are the files that it imports, in the order of reading.

    :raises DomainError: a file or the intent is not sound; nothing may be written then.
    """
    texts = {source.path: decode(source, release) for source in (Source(path, content), *imported)}
    before = tuple(ConfigFile(name, _parsed(name, text, path)) for name, text in texts.items())
    operations, warnings = _operations(before, intent, release)
    edits = tuple(_edited(name, text, operations.get(name, ()), main=path) for name, text in texts.items())
    after = tuple(ConfigFile(file.path, parse(file.text)) for file in edits)
    _check(after, [difference for file in edits for difference in file.differences], intent, release)
    effect = effective(after, release)
    return ConfigPlan(
        files=edits,
        config_version=stated_version(after[0].data) or 1,
        restart_required=not same(effective(before, release), effect),
        warnings=(*warnings, *(config_checks.doubts(effect, after) if _speaks_of_cri(intent) else ())),
    )


def decode(source: Source, release: Release) -> str:
    """The text of a file.

    :raises DomainError: not UTF-8, or with a byte order mark that this release refuses.
    """
    content = source.content or b""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DomainError(
            f"not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}",
            line=line,
            fix="Nothing was changed; save the file as UTF-8.",
        ) from None
    if text.startswith("\ufeff") and not release.rules.reads_byte_order_mark:
        raise DomainError(
            f"the file begins with a byte order mark, which containerd {release} refuses",
            line=1,
            fix="Nothing was changed; save the file without it.",
        )
    return text


def _parsed(name: str, text: str, main: str) -> dict[str, t.Any]:
    return _naming(name, main, lambda: parse(text))


def _edited(name: str, text: str, operations: t.Sequence[Operation], *, main: str) -> FileEdit:
    edited = _naming(name, main, lambda: edit(text, operations))
    return FileEdit(name, edited.text, edited.differences)


_Result = t.TypeVar("_Result")


def _naming(name: str, main: str, work: t.Callable[[], _Result]) -> _Result:
    """An error about an imported file names it; whoever asked for config.toml knows its name."""
    try:
        return work()
    except DomainError as error:
        raise error if name == main else error.in_file(name) from None


# --- from intent to operations

_Files = tuple[ConfigFile, ...]


@dataclasses.dataclass(frozen=True)
class _Wish:
    """A setting under its canonical name, and as the user wrote it."""

    path: KeyPath
    value: t.Any
    written: KeyPath


def _operations(
    files: _Files, intent: ConfigIntent, release: Release
) -> tuple[dict[str, list[Operation]], tuple[str, ...]]:
    warnings: list[str] = []
    first = _of_the_file(files, intent, release, warnings)
    main = ConfigFile(files[0].path, applied(files[0].data, first))
    data = effective(files, release)
    wishes = _wishes(data, intent, release)
    absent = (*(path for path in intent.absent if path != ("version",)), *intent.options.removals(data))
    _check_agreement(wishes, absent)
    placement = place((main, *files[1:]), [Set(wish.path, wish.value) for wish in wishes], absent, release)
    for operations in placement.operations.values():
        _check_nothing_returns(operations, absent)
    return {**placement.operations, main.path: [*first, *placement.operations.get(main.path, ())]}, tuple(warnings)


def _of_the_file(files: _Files, intent: ConfigIntent, release: Release, warnings: list[str]) -> list[Operation]:
    """What says how config.toml itself is read: its version, its imports, the plugins that run at all."""
    data = files[0].data
    kept = applied(data, [Remove(path) for path in intent.absent])
    stated = stated_version(data)
    version = _version(data, kept, intent, release)
    operations: list[Operation] = [] if version == stated else [_version_operation(version)]
    operations += [Set((key,), intent.settings[key]) for key in _LITERAL if key in intent.settings]
    if _speaks_of_cri(intent):
        _check_cri_survives(kept, version, release)
    if version is not None:
        check_accepted(version, release)
        if ("version",) in intent.absent:
            raise _both_set_and_absent(("version",))
    if _speaks_of_cri(intent) or (version or 1) > 1:
        operations += _without_short_name_of_cri(data, intent, warnings)
    return operations


def _version_operation(version: int | None) -> Operation:
    return Remove(("version",)) if version is None else Set(("version",), version)


def _wishes(data: Data, intent: ConfigIntent, release: Release) -> list[_Wish]:
    if not isinstance(intent.settings.get("plugins", {}), dict):
        raise DomainError("is a plain value, not a table", key_path=("plugins",), fix="Name the table's keys.")
    settings = {key: value for key, value in intent.settings.items() if key not in (*_LITERAL, "version")}
    wishes = [_Wish(*in_canonical_names(path, value), path) for path, value in leaves(settings)]
    options = {
        SANDBOX_IMAGE: _checked_image(intent.sandbox_image),
        REGISTRY_CONFIG_PATH: _checked_config_path(intent.registry_config_path, release),
    }
    wishes += [_Wish(path, value, path) for path, value in options.items() if value is not None]
    return [*wishes, *(_Wish(path, value, path) for path, value in intent.options.wishes(data, release))]


def _speaks_of_plugins(intent: ConfigIntent) -> bool:
    return _speaks_of_cri(intent) or bool(intent.settings.get("plugins"))


def _speaks_of_cri(intent: ConfigIntent) -> bool:
    plugins = CRI_IDS | {V1_CRI[1]}
    return bool(
        intent.sandbox_image
        or intent.registry_config_path
        or plugins & _table(intent.settings, "plugins").keys()
        or intent.options != CriOptions()
    )


def _table(data: Data, key: str) -> Data:
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
    return _version_to_add(kept, release) if stated is None and _speaks_of_plugins(intent) else stated


def _wanted_version(intent: ConfigIntent) -> int | None:
    try:
        return stated_version(intent.settings)
    except DomainError as error:
        raise DomainError(error.what, option="settings.version", fix=error.fix) from None


def _version_to_add(data: Data, release: Release) -> int | None:
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
    ignored = [] if look_up(data, V1_CRI) is not None else [*filter(_is_uri, _table(data, "plugins"))]
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


def _check_agreement(wishes: list[_Wish], absent: tuple[KeyPath, ...]) -> None:
    """:raises DomainError: two options ask for different things of one setting."""
    known: dict[KeyPath, _Wish] = {}
    for wish in wishes:
        other = known.setdefault(wish.path, wish)
        if not same(other.value, wish.value):
            raise DomainError("is asked for with two different values", key_path=other.written, fix="Name it once.")
        for removed in map(canonical, absent):
            if len(removed) > 2 and wish.path[: len(removed)] == removed:
                raise _both_set_and_absent(wish.written)


def _check_nothing_returns(operations: list[Operation], absent: tuple[KeyPath, ...]) -> None:
    """:raises DomainError: a wish would be written into a table that is to go."""
    for operation in operations:
        for removed in absent:
            if isinstance(operation, Set) and operation.path[: len(removed)] == removed:
                raise _both_set_and_absent(operation.path)


def _both_set_and_absent(path: KeyPath) -> DomainError:
    return DomainError("is both set and named in absent", key_path=path, fix="Leave out one of the two.")


# --- what containerd would make of the result


def _check(files: _Files, differences: list[Difference], intent: ConfigIntent, release: Release) -> None:
    config_checks.check_types(differences)
    config_checks.check_directories(differences)
    config_checks.check_versions(files, release)
    config_checks.check_cni_directories(files)
    for file in files:
        version = stated_version(file.data) or 1
        if _speaks_of_cri(intent):
            config_checks.check_cri_is_enabled(file.data)
            config_checks.check_one_cri_table(file.data, version, release)
        config_checks.check_plugin_names(file.data, version, release)
    if _speaks_of_plugins(intent):
        config_checks.check_one_registry_method(effective(files, release), files, release)
