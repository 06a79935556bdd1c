# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in a config.toml and the files that it imports. Private to this collection."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import config_checks, config_upgrade
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source, decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import (
    check_accepted,
    check_cri_survives,
    stated_version,
    version_to_have,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import (
    OF_THE_FILE,
    ConfigIntent,
    both_set_and_absent,
    wanted,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import reading_copy_of, targets
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.ownership import foreign_owner
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.placing import Operation, Operations, place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Difference,
    Remove,
    Set,
    applied,
    edit,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

CONFIG_TOML = "/etc/containerd/config.toml"
DROP_IN = "/etc/containerd/conf.d/60-airgap-nodes.toml"


@dataclasses.dataclass(frozen=True)
class DropIn:
    """A file of ours that config.toml imports. ``imports`` is the line that makes it do so, None where it does;
    ``imported`` are the files that it then imports, this one among them."""

    path: str
    imports: list[str] | None
    imported: tuple[Source, ...]


@dataclasses.dataclass(frozen=True)
class FileEdit:
    """One file as it should be; ``text`` equals the old text exactly when nothing has to change.

    ``copy_read_by`` is the glob in ``imports`` that a copy of the old file, left beside it, would match.
    """

    path: str
    text: str
    differences: tuple[Difference, ...]
    copy_read_by: str | None = None


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """config.toml in a newer version. ``before`` and ``after`` are the old and the new text for a containerd that reads
    them from elsewhere; to it they must be the same."""

    text: str = dataclasses.field(repr=False)
    before: str = dataclasses.field(repr=False)
    after: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class ConfigPlan:
    """Every file as it should be, ``config.toml`` itself first."""

    files: tuple[FileEdit, ...]
    config_version: int
    restart_required: bool
    warnings: tuple[str, ...] = ()
    upgrade: Upgrade | None = None

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
    drop_in: DropIn | None = None,
) -> ConfigPlan:
    """Plans the edit of a config.toml; ``imported`` are the files that it imports, in the order of reading.

    With ``drop_in`` that file is edited where the release merges files key by key, and config.toml elsewhere.

    :raises DomainError: a file or the intent is not sound; nothing may be written then.
    """
    main = Source(path, content)
    texts = {source.path: decode(source, release) for source in (main, *imported)}
    before = tuple(ConfigFile(name, _parsed(name, text, main=path)) for name, text in texts.items())
    config_checks.check_versions(before, release)
    config_checks.check_absent(intent.absent, before)
    upgrade = _upgrade(texts[path], before, intent, release)
    start = before
    if upgrade is not None:
        texts[path] = upgrade.text
        start = (ConfigFile(path, parse(upgrade.text)), *before[1:])
    work = _Work(start, intent, release)
    operations, texts = _operations(work, texts, drop_in, release)
    edits = tuple(_edited(name, text, operations.get(name, ()), main=path) for name, text in texts.items())
    if upgrade is not None:
        edits = (_with_upgrade(edits[0], before[0].data), *edits[1:])
    after = tuple(ConfigFile(file.path, parse(file.text)) for file in edits)
    effect = effective(after, release)
    _check(after, effect, [difference for file in edits for difference in file.differences], intent, release)
    doubts = config_checks.doubts(effect, after, release) if intent.speaks_of_cri else ()
    return ConfigPlan(
        files=_with_copy_readers(edits, after, release),
        config_version=stated_version(after[0].data) or 1,
        restart_required=not same(work.effective, effect),
        warnings=(*work.warnings, *doubts, *_of_others(edits, texts, ours=drop_in.path if drop_in else None)),
        upgrade=upgrade,
    )


def _operations(
    work: _Work, texts: dict[str, str], drop_in: DropIn | None, release: Release
) -> tuple[Operations, dict[str, str]]:
    """What to do in each file, and the texts in the order of reading, in which a drop-in need not be the last."""
    operations = work.operations()
    if drop_in is None or not operations or release.rules.imports.replaces_plugins:
        return operations, texts
    main = next(iter(texts))
    texts = {main: texts[main]} | {source.path: decode(source, release) for source in drop_in.imported}
    imported = tuple(ConfigFile(source.path, parse(texts[source.path])) for source in drop_in.imported)
    return work.operations_with(drop_in, imported), texts


def _with_copy_readers(
    edits: t.Sequence[FileEdit], after: t.Sequence[ConfigFile], release: Release
) -> tuple[FileEdit, ...]:
    globs = [target for file in after for target in targets(file.path, file.data, release)]
    return tuple(dataclasses.replace(edit, copy_read_by=reading_copy_of(edit.path, globs)) for edit in edits)


def _of_others(edits: t.Sequence[FileEdit], texts: t.Mapping[str, str], *, ours: str | None) -> t.Iterator[str]:
    """Warnings of files that change although another tool may write them again."""
    main = edits[0]
    for file in (each for each in edits if each.differences and each.path != ours):
        owner = foreign_owner(texts[file.path])
        if file is not main:
            yield f"{file.path}, which is imported, was changed too: that is where its settings count."
        if owner:
            name = "the file" if file is main else file.path
            yield f"{name} says {owner!r}: what wrote it may write it again, without what is set here."


def _upgrade(text: str, files: t.Sequence[ConfigFile], intent: ConfigIntent, release: Release) -> Upgrade | None:
    if intent.config_version is None or not text.strip():
        return None
    after = config_upgrade.upgraded(text, intent.config_version, release)
    if after == text:
        return None
    main = ConfigFile(files[0].path, parse(after))
    config_upgrade.check_same_effect(files, (main, *files[1:]), release)
    path = files[0].path
    return Upgrade(after, *(config_upgrade.comparable(each, path, release) for each in (text, after)))


def _with_upgrade(edited: FileEdit, before: t.Mapping[str, t.Any]) -> FileEdit:
    return dataclasses.replace(edited, differences=config_upgrade.differences(before, parse(edited.text)))


def _parsed(name: str, text: str, *, main: str) -> dict[str, t.Any]:
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


class _Work:
    """The operations on each file that an intent comes to, and what the user should know of it."""

    def __init__(self, files: tuple[ConfigFile, ...], intent: ConfigIntent, release: Release) -> None:
        self._files = files
        self._intent = intent
        self._release = release
        self.effective = effective(files, release)
        self._wanted = wanted(intent, self.effective, release)
        self.warnings = list(self._wanted.warnings)
        # What says how config.toml itself is read.
        version = self._version()
        self._check_version_alone(version)
        self._first = [*version, *self._literal(), *self._enabled(version)]

    def operations(self) -> Operations:
        """Each setting in the file where it counts."""
        return self._placed(self._first, self._files[1:], first=None)

    def operations_with(self, drop_in: DropIn, imported: tuple[ConfigFile, ...]) -> Operations:
        """Each setting in the drop-in, where it counts there."""
        line = [] if drop_in.imports is None else [Set(("imports",), drop_in.imports)]
        main = self._main([*self._first, *line])
        self._check_nothing_else_comes(main, imported, drop_in)
        version = stated_version(main.data)
        own = _own(imported, drop_in)
        states = [Set(("version",), version)] if version is not None and "version" not in own.data else []
        imported = tuple(
            ConfigFile(file.path, applied(file.data, states)) if file is own else file for file in imported
        )
        operations = self._placed([*self._first, *line], imported, first=drop_in.path)
        _check_others_stay(operations, main, drop_in)
        if not own.data and drop_in.path not in operations:
            # Nothing that a file of ours could say, such as a removal.
            return self.operations()
        return {**operations, drop_in.path: [*states, *operations.get(drop_in.path, ())]}

    def _main(self, operations: t.Sequence[Operation]) -> ConfigFile:
        return ConfigFile(self._files[0].path, applied(self._files[0].data, operations))

    def _placed(
        self, on_main: t.Sequence[Operation], imported: tuple[ConfigFile, ...], *, first: str | None
    ) -> Operations:
        main = self._main(on_main)
        absent = tuple(path for path in self._intent.absent if path != ("version",))
        placement = place(
            (main, *imported),
            [Set(wish.path, wish.value) for wish in self._wanted.wishes],
            (*absent, *self._wanted.removals),
            self._release,
            first=first,
        )
        for operations in placement.operations.values():
            _check_nothing_returns(operations, absent)
        placed = {**placement.operations, main.path: [*on_main, *placement.operations.get(main.path, ())]}
        return {path: operations for path, operations in placed.items() if operations}

    def _check_version_alone(self, version: t.Sequence[Operation]) -> None:
        """:raises DomainError: the version that config.toml gets, unasked, changes how what it imports is read."""
        if not version or _wanted_version(self._intent) is not None or ("version",) in self._intent.absent:
            return
        kept = ConfigFile(self._files[0].path, self._main([Remove(path) for path in self._intent.absent]).data)
        restated = ConfigFile(kept.path, applied(kept.data, version))
        before, after = (dict(leaves(effective((main, *self._files[1:]), self._release))) for main in (kept, restated))
        for path in (*after, *before):
            if path[0] not in OF_THE_FILE and not same(before.get(path), after.get(path)):
                raise DomainError(
                    f"would change with the version that {kept.path} gets: containerd {self._release} reads the "
                    "files that it imports by it, too",
                    key_path=path,
                    fix="State a version in each of these files first, after reading what is in them.",
                )

    def _check_nothing_else_comes(self, main: ConfigFile, imported: tuple[ConfigFile, ...], drop_in: DropIn) -> None:
        """:raises DomainError: the line that makes config.toml read our file makes it read another one, too."""
        others = [tuple(file for file in files if file.path != drop_in.path) for files in (self._files[1:], imported)]
        now, then = (effective((main, *files), self._release) for files in others)
        if not same(now, then):
            known = {file.path for file in others[0]}
            raise DomainError(
                f"is not imported by {main.path} yet, and would take effect together with {drop_in.path}",
                file=next((file.path for file in others[1] if file.path not in known), drop_in.path),
                fix="Remove what must not take effect, or name another place in drop_in_path.",
            )

    def _version(self) -> list[Operation]:
        intent, data = self._intent, self._files[0].data
        kept = applied(data, [Remove(path) for path in intent.absent])
        stated = stated_version(data)
        wanted_version = _wanted_version(intent)
        if not data and intent.speaks_of_plugins:
            wanted_version = wanted_version or intent.config_version
        imported = max((stated_version(file.data) or 0 for file in self._files[1:]), default=0)
        needs_one = intent.speaks_of_plugins
        version = version_to_have(data, kept, wanted_version, self._release, needs_one=needs_one, imported=imported)
        if intent.speaks_of_cri:
            check_cri_survives(kept, version, self._release)
        if version is None:
            return [] if stated is None else [Remove(("version",))]
        check_accepted(version, self._release)
        if ("version",) in intent.absent:
            raise both_set_and_absent(("version",))
        return [] if version == stated else [Set(("version",), version)]

    def _literal(self) -> list[Operation]:
        settings = self._intent.settings
        self._check_no_new_imports(settings.get("imports", []))
        return [Set((key,), settings[key]) for key in OF_THE_FILE if key in settings and key != "version"]

    def _check_no_new_imports(self, wanted: t.Any) -> None:
        """:raises DomainError: a name that the file does not import yet: what it leads to has not been read."""
        stated = self._files[0].data.get("imports", [])
        for name in wanted if isinstance(wanted, list) else [wanted]:
            if not isinstance(stated, list) or name not in stated:
                raise DomainError(
                    f"names {name!r}, which the file does not import yet: what is there would take effect unread, and "
                    "containerd does not start without a file that is named",
                    option="settings.imports",
                    fix="Use layout: drop_in for a file of ours; have the line of others written by what brings their "
                    "files.",
                )

    def _enabled(self, version: t.Sequence[Operation]) -> list[Operation]:
        """Docker's package ships ``disabled_plugins = ["cri"]``: no setting of CRI can have an effect beside it, and
        with a version that is more than 1 no containerd starts. Who asks for nothing of CRI keeps it disabled, by its
        full id; a file that stays in version 1 keeps the short name, since containerd 1.x passes over the other."""
        data, intent = self._files[0].data, self._intent
        disabled = data.get("disabled_plugins")
        will_have_ids = intent.speaks_of_plugins or (_wanted_version(intent) or 1) > 1
        if "version" in data or "disabled_plugins" in intent.settings or not isinstance(disabled, list):
            return []
        if "cri" not in disabled or not will_have_ids:
            return []
        if not intent.speaks_of_cri:
            if not any(isinstance(operation, Set) and operation.value > 1 for operation in version):
                return []
            return [Set(("disabled_plugins",), [V2_CRI[1] if name == "cri" else name for name in disabled])]
        self.warnings.append(
            'CRI was disabled by disabled_plugins = ["cri"], as Docker\'s package ships it; it is enabled now.'
        )
        return [Set(("disabled_plugins",), [name for name in disabled if name != "cri"])]


def _own(imported: tuple[ConfigFile, ...], drop_in: DropIn) -> ConfigFile:
    for file in imported:
        if file.path == drop_in.path:
            return file
    raise DomainError(
        "is not reached by what config.toml can import",
        option="drop_in_path",
        fix=f"Name a file of its own that ends in .toml, such as {DROP_IN}.",
    )


def _check_others_stay(operations: Operations, main: ConfigFile, drop_in: DropIn) -> None:
    """:raises DomainError: a setting counts in a file that is neither config.toml nor ours."""
    for path, each in operations.items():
        settings = [one for one in each if isinstance(one, Set)]
        if settings and path not in (main.path, drop_in.path):
            raise DomainError(
                f"is overridden by {path}, which is imported too, and layout: drop_in leaves that file alone",
                key_path=settings[0].path,
                fix="Name a drop_in_path that is read after that file, or edit it with layout: in_place.",
            )


def _wanted_version(intent: ConfigIntent) -> int | None:
    try:
        return stated_version(intent.settings)
    except DomainError as error:
        raise DomainError(error.what, option="settings.version", fix=error.fix) from None


def _check_nothing_returns(operations: t.Sequence[Operation], absent: tuple[KeyPath, ...]) -> None:
    """:raises DomainError: a wish would be written into a table that is to go."""
    for operation in operations:
        for removed in absent:
            if isinstance(operation, Set) and operation.path[: len(removed)] == removed:
                raise both_set_and_absent(operation.path)


# --- what containerd would make of the result


def _check_alone(data: t.Mapping[str, t.Any], intent: ConfigIntent, release: Release) -> None:
    version = stated_version(data) or 1
    if intent.speaks_of_cri:
        config_checks.check_cri_is_enabled(data)
        config_checks.check_one_cri_table(data, version, release)
    config_checks.check_plugin_names(data, version, release)


def _check(
    files: t.Sequence[ConfigFile],
    effect: t.Mapping[str, t.Any],
    differences: list[Difference],
    intent: ConfigIntent,
    release: Release,
) -> None:
    config_checks.check_types(differences)
    config_checks.check_directories(differences)
    config_checks.check_versions(files, release)
    config_checks.check_cni_directories(files, release)
    for file in files:
        _naming(file.path, files[0].path, functools.partial(_check_alone, file.data, intent, release))
    if intent.speaks_of_plugins:
        config_checks.check_one_registry_method(effect, files, release)
