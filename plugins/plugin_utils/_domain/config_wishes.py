# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user asks of config.toml, as settings under their canonical names. Private to this collection."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import (
    known_keys,
    snapshotters,
    start_checks,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    CRI_IDS,
    REGISTRY_CONFIG_PATH,
    RUNTIMES,
    SANDBOX_IMAGE,
    V1_CRI,
    V2_CRI,
    canonical,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.credentials import AUTH_KEYS, NodeCredentials
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import in_canonical_names, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import (
    SNAPSHOTTER,
    UNPACK_CONFIG,
    fails_to_unpack,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_config_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Feature, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import RUNC, RUNC_TYPE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.setting_values import check_value
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, applied, look_up
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

Data = t.Mapping[str, t.Any]

# They say how the file is read, and are no settings that other names or places exist for.
OF_THE_FILE = ("version", "imports", "disabled_plugins", "required_plugins")

# A name alone is refused: 3.1 is what YAML makes of an unquoted 3.10.
_IMAGE = re.compile(
    r"(?=.*[/:@])[a-zA-Z0-9.\-_:\[\]]+(?:/[a-z0-9._\-]+)*(?::[\w.\-]+)?(?:@sha256:[0-9a-f]{64})?", re.ASCII
)
_URL_CREDENTIALS = re.compile(r"://\S*@")

Unsupported = t.Literal["error", "warn", "write"]


@dataclasses.dataclass(frozen=True)
class ConfigIntent:
    """What a user asks for; None and empty ask for nothing.

    ``unsupported`` says what becomes of a setting that the release does not have: an ``error``, a warning in its place
    (``warn``), or a warning beside it (``write``). ``config_version`` is the version that the file is to be brought to.
    """

    sandbox_image: str | None = None
    registry_config_path: str | None = None
    settings: Data = dataclasses.field(default_factory=dict)
    absent: tuple[KeyPath, ...] = ()
    options: CriOptions = dataclasses.field(default_factory=CriOptions)
    credentials: NodeCredentials = dataclasses.field(default_factory=NodeCredentials)
    unsupported: Unsupported = "error"
    config_version: int | None = None

    @property
    def speaks_of_cri(self) -> bool:
        plugins = self.settings.get("plugins")
        return bool(
            self.sandbox_image
            or self.registry_config_path
            or (isinstance(plugins, dict) and plugins.keys() & (CRI_IDS | {V1_CRI[1]}))
            or self.options != CriOptions()
            or self.credentials.wishes
        )

    @property
    def speaks_of_plugins(self) -> bool:
        return self.speaks_of_cri or bool(self.settings.get("plugins"))


@dataclasses.dataclass(frozen=True)
class Wish:
    """A setting under its canonical name, and as the user wrote it."""

    path: KeyPath
    value: t.Any
    written: KeyPath


@dataclasses.dataclass(frozen=True)
class Wanted:
    """All wishes of an intent, the canonical paths that have to go, and what the user should know of it."""

    wishes: tuple[Wish, ...]
    removals: tuple[KeyPath, ...]
    warnings: tuple[str, ...] = ()


def wanted(intent: ConfigIntent, effective: Data, release: Release) -> Wanted:
    """What the intent comes to on a node where ``effective`` is what the files say now.

    :raises DomainError: an option has a value that containerd cannot have, two of them ask for different things of one
        setting, or the release does not have a setting.
    """
    wishes = [
        *_of_settings(intent.settings),
        *(Wish(path, value, path) for path, value in _of_options(intent, release)),
    ]
    kept = _with_wishes(effective, (), intent.absent)
    wishes += _own_class(wishes, kept, release)
    has_unpacking = intent.options.pulls.unpack_config is not None or any(w.path == UNPACK_CONFIG for w in wishes)
    # The options of CRI look at what there is, so they come last and see what else is asked for.
    others = _with_wishes(effective, wishes, intent.absent)
    wishes += [Wish(path, value, path) for path, value in intent.options.wishes(others, release)]
    _check_agreement(wishes, (*intent.absent, *intent.options.removals(others)))
    wishes, warnings = _supported(wishes, effective, intent, release)
    for wish in wishes:
        check_value(wish.path, wish.value, wish.written, release)
    wishes, unread = _with_known_entries(wishes, intent, release)
    warnings += unread
    wishes, unknown = _with_known_snapshotters(wishes, effective, intent, release)
    warnings += unknown
    wishes, unused = (wishes, []) if has_unpacking else _with_settled_unpacking(wishes, effective, intent)
    warnings += _stopping(wishes, effective, intent, release)
    warnings += _not_unpacked(wishes, _after(effective, wishes, intent, unused), release)
    credential_removals, credential_warnings = _credential_removals(intent.credentials, effective)
    return Wanted(
        tuple(wishes),
        (*intent.options.removals(effective), *unused, *credential_removals),
        (*warnings, *intent.credentials.warnings, *credential_warnings),
    )


def _of_settings(settings: Data) -> list[Wish]:
    if not isinstance(settings.get("plugins", {}), dict):
        raise DomainError("is a plain value, not a table", key_path=("plugins",), fix="Name the table's keys.")
    named = {key: value for key, value in settings.items() if key not in OF_THE_FILE}
    # What has no TOML form is told by the name that the user gave it.
    applied({}, [Set((key,), value) for key, value in named.items()])
    return [Wish(*in_canonical_names(path, value), path) for path, value in leaves(named)]


def _own_class(wishes: t.Sequence[Wish], effective: Data, release: Release) -> list[Wish]:
    """containerd 1.x has its own class ``runc`` only until its files name a class, and takes no type for granted."""
    path = (*RUNTIMES, RUNC, "runtime_type")
    asked = [wish.path for wish in wishes if wish.path[: len(RUNTIMES)] == RUNTIMES]
    is_about_runc = not look_up(effective, RUNTIMES) or any(path[:-1] == one[: len(path) - 1] for one in asked)
    if release.line >= (2, 0) or not asked or not is_about_runc:
        return []
    return [] if path in asked or look_up(effective, path) else [Wish(path, RUNC_TYPE, path)]


def _with_wishes(effective: Data, wishes: t.Sequence[Wish], absent: tuple[KeyPath, ...]) -> Data:
    removals = [Remove(path) for path in map(canonical, absent) if len(path) > 2]
    return applied(effective, [*removals, *(Set(wish.path, wish.value) for wish in wishes)])


def _of_options(intent: ConfigIntent, release: Release) -> t.Iterator[tuple[KeyPath, t.Any]]:
    if intent.sandbox_image is not None:
        yield SANDBOX_IMAGE, _checked_image(intent.sandbox_image)
    if intent.registry_config_path is not None:
        yield REGISTRY_CONFIG_PATH, _checked_config_path(intent.registry_config_path, release)
    for path, table in intent.credentials.paths.items():
        yield from (((*path, key), value) for key, value in table.items())


def _checked_image(image: str) -> str:
    if not _IMAGE.fullmatch(image):
        shown = _URL_CREDENTIALS.sub("://********@", image)
        raise DomainError(
            f"{shown!r} is not an image reference",
            option="sandbox_image",
            fix="Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
        )
    return image


def _checked_config_path(path: str, release: Release) -> str:
    if not release.knows(Feature.HOSTS_TOML):
        raise DomainError(
            f"containerd {release} reads no such directory; {Feature.HOSTS_TOML.since_text} is the first that does",
            option="registry_config_path",
            fix="Upgrade containerd on this node first.",
        )
    return read_config_path(path, option="registry_config_path")


def _check_agreement(wishes: t.Sequence[Wish], absent: tuple[KeyPath, ...]) -> None:
    known: dict[KeyPath, Wish] = {}
    for wish in wishes:
        other = known.setdefault(wish.path, wish)
        if not same(other.value, wish.value):
            raise DomainError("is asked for with two different values", key_path=other.written, fix="Name it once.")
        for removed in map(canonical, absent):
            if len(removed) > 2 and wish.path[: len(removed)] == removed:
                raise both_set_and_absent(wish.written)


def both_set_and_absent(path: KeyPath) -> DomainError:
    return DomainError("is both set and named in absent", key_path=path, fix="Leave out one of the two.")


# --- what would keep containerd from starting, or CRI from loading


def _after(effective: Data, wishes: t.Sequence[Wish], intent: ConfigIntent, gone: t.Sequence[KeyPath] = ()) -> Data:
    """Effective data as they are to be."""
    absent = [*map(canonical, intent.absent), *intent.options.removals(effective), *gone]
    removals = [Remove(path) for path in absent if path[:1] != ("plugins",) or len(path) > 2]
    return applied(effective, [*removals, *(Set(wish.path, wish.value) for wish in wishes)])


def _with_known_snapshotters(
    wishes: list[Wish], effective: Data, intent: ConfigIntent, release: Release
) -> tuple[list[Wish], list[str]]:
    """
    :raises DomainError: a snapshotter is asked for that containerd does not have, or one in use is taken away.
    """
    warnings = []
    after = _after(effective, wishes, intent)
    asked = {wish.path: wish for wish in wishes}
    for path, name in snapshotters.used(after).items():
        fault = snapshotters.fault(name, after, release)
        wish = asked.get(path)
        if fault is None or (wish is None and snapshotters.fault(name, effective, release) is not None):
            continue
        is_refused = intent.unsupported == "error" or (
            intent.unsupported == "warn" and not snapshotters.is_of_some_node(name)
        )
        if wish is None or is_refused:
            raise _missing_snapshotter(path, wish, fault, intent)
        if intent.unsupported == "warn":
            wishes = [other for other in wishes if other is not wish]
        fate = "it is written all the same" if intent.unsupported == "write" else "it is left out on this node"
        warnings.append(f"{show_key_path(wish.written)}: {fault[0]}; {fate}.")
    return wishes, warnings


def _with_known_entries(wishes: list[Wish], intent: ConfigIntent, release: Release) -> tuple[list[Wish], list[str]]:
    """
    :raises DomainError: unpack_config has keys in its tables that the release does not read.
    """
    asked = next((wish for wish in wishes if wish.path == UNPACK_CONFIG), None)
    unread = snapshotters.later_keys(asked.value, release) if asked else []
    if asked is None or not unread:
        return wishes, []
    what = f"containerd {release} does not read {' and '.join(unread)} there"
    if intent.unsupported == "error":
        option = _option_of_unpacking(intent)
        fix = "Ask for it only where it is known, or have it left out with unsupported: warn."
        raise DomainError(what, option=option, key_path=None if option else asked.written, fix=fix)
    fate = "it is written all the same" if intent.unsupported == "write" else "it is left out on this node"
    if intent.unsupported == "warn":
        known = dataclasses.replace(asked, value=snapshotters.without_later_keys(asked.value, release))
        wishes = [known if wish is asked else wish for wish in wishes]
    return wishes, [f"{show_key_path(asked.written)}: {what}; {fate}."]


def _option_of_unpacking(intent: ConfigIntent) -> str | None:
    return "transfer_service.unpack_config" if intent.options.pulls.unpack_config is not None else None


def _missing_snapshotter(
    path: KeyPath, wish: Wish | None, fault: snapshotters.Fault, intent: ConfigIntent
) -> DomainError:
    what, fix = fault
    effect = "CRI would not load" if path == SNAPSHOTTER else "no pod of the class could run"
    option = intent.options.option_of_snapshotter(path) if wish is not None else None
    return DomainError(
        f"{what}; {effect}", option=option, key_path=None if option else (wish.written if wish else path), fix=fix
    )


def _with_settled_unpacking(
    wishes: list[Wish], effective: Data, intent: ConfigIntent
) -> tuple[list[Wish], list[KeyPath]]:
    """Without what an earlier task left in ``unpack_config`` for a snapshotter that this one puts out of use."""
    after = _after(effective, wishes, intent)
    in_use = snapshotters.used(after)
    is_about_it = {*in_use, UNPACK_CONFIG} & {wish.path for wish in wishes}
    if not is_about_it and in_use == snapshotters.used(effective):
        return wishes, []
    change = snapshotters.settled_unpacking(after)
    if change is None:
        return wishes, []
    others = [wish for wish in wishes if wish.path != UNPACK_CONFIG]
    if isinstance(change, Remove):
        return others, [UNPACK_CONFIG] if look_up(effective, UNPACK_CONFIG) is not None else []
    return [*others, Wish(UNPACK_CONFIG, change.value, UNPACK_CONFIG)], []


def _stopping(wishes: list[Wish], effective: Data, intent: ConfigIntent, release: Release) -> t.Iterator[str]:
    """
    :raises DomainError: containerd would not start, or start without CRI, with what is asked for.
    """
    after = _after(effective, wishes, intent)
    found = list(start_checks.faults([wish.path for wish in wishes], intent.settings, effective, after, release))
    unpacking = next((wish for wish in wishes if wish.path == UNPACK_CONFIG), None)
    fault = snapshotters.unpack_fault(unpacking.value, after, release) if unpacking else None
    if fault is not None:
        what, fix = fault
        option = _option_of_unpacking(intent)
        path = None if option else UNPACK_CONFIG
        found.append(DomainError(f"{what}; CRI would not load", option=option, key_path=path, fix=fix))
    if found and intent.unsupported != "write":
        raise found[0]
    yield from (f"{error} It is written all the same." for error in found)


# --- settings that the release does not have


def _supported(
    wishes: list[Wish], effective: Data, intent: ConfigIntent, release: Release
) -> tuple[list[Wish], list[str]]:
    """What can be written, and warnings of the rest.

    :raises DomainError: all that is refused, what no release has before what this one does not.
    """
    kept = []
    refused: list[tuple[int, DomainError]] = []
    unsupported, without_effect = intent.unsupported, intent.options.without_effect(release)
    wishes, warnings = _with_one_directory(wishes, intent, release)
    for wish in wishes:
        runtime_type = _runtime_type(wish, wishes, effective)
        problem = known_keys.check(wish.path, release, runtime_type=runtime_type)
        if problem is None and wish.path in without_effect:
            problem = known_keys.Unknown(without_effect[wish.path])
        if problem is None:
            refused += [(1, error) for error in _misfit(wish, release, runtime_type)]
        elif unsupported == "error" or (problem.to_all and unsupported == "warn"):
            refused.append((0 if problem.to_all else 2, _not_supported(wish, problem, release)))
        else:
            fate = "it is written all the same" if unsupported == "write" else "it is left out on this node"
            hint = f" {_hint(wish, problem.nearest)}" if problem.nearest is not None else ""
            warnings.append(f"{show_key_path(wish.written)}: {_what(problem, release)}; {fate}.{hint}")
        if problem is None or unsupported == "write":
            kept.append(wish)
    if refused:
        raise DomainError.together([error for _rank, error in sorted(refused, key=lambda found: found[0])])
    return kept, warnings


def _with_one_directory(wishes: list[Wish], intent: ConfigIntent, release: Release) -> tuple[list[Wish], list[str]]:
    """Of several directories of CNI's programs the first one, and a warning, where containerd has room for one.

    :raises DomainError: what is not supported is an error.
    """
    found, warnings = [], []
    for wish in wishes:
        is_list = wish.path == CNI_BIN_DIRS and isinstance(wish.value, list)
        if is_list and len(wish.value) > 1 and not release.rules.has_bin_dirs:
            option = "cni.bin_dirs" if CNI_BIN_DIRS in intent.options.plain else None
            what = f"containerd {release} takes one directory, not {len(wish.value)}"
            if intent.unsupported == "error":
                fix = "Name one, upgrade containerd on this node to 2.1, or take the first with unsupported: warn."
                raise DomainError(what, option=option, key_path=None if option else wish.written, fix=fix)
            first, *others = wish.value
            left_out = f"{first} is written, and {', '.join(map(str, others))} left out on this node"
            warnings.append(f"{option or show_key_path(wish.written)}: {what}; {left_out}.")
            found.append(dataclasses.replace(wish, value=[first]))
        else:
            found.append(wish)
    return found, warnings


def _not_unpacked(wishes: list[Wish], after: Data, release: Release) -> t.Iterator[str]:
    """A warning of a snapshotter among the settings; the option of that name sees to what it needs."""
    snapshotter = fails_to_unpack(after, release)
    for wish in wishes:
        if wish.path == SNAPSHOTTER and snapshotter is not None:
            yield (
                f"{show_key_path(wish.written)}: the transfer service, by which containerd {release} pulls, does not "
                f"unpack for {snapshotter}: every pull would fail. The option snapshotter sets what it needs as well."
            )


def _runtime_type(wish: Wish, wishes: list[Wish], effective: Data) -> str:
    """The type of the runtime class that a wish is about, as asked for or as the files have it."""
    path = (*wish.path[: len(RUNTIMES) + 1], "runtime_type")
    asked = next((other.value for other in wishes if other.path == path), None)
    return str(asked or look_up(effective, path) or "")


def _what(problem: known_keys.Unknown, release: Release) -> str:
    return f"containerd {release} does not read it ({problem.reason})"


def _hint(wish: Wish, nearest: KeyPath) -> str:
    """The key that may have been meant, in the names of the version in which the user wrote."""
    every = names(nearest)
    written_in = {V1_CRI: every.v1, V2_CRI: every.in_version(2)}.get(wish.written[:2])
    return f"Did you mean {show_key_path(written_in or nearest)}?"


def _not_supported(wish: Wish, problem: known_keys.Unknown, release: Release) -> DomainError:
    quoted = known_keys.quoted(wish.written)
    if quoted is not None:
        fix = f"A plugin's id is one key, in quotes: {show_key_path(quoted)}."
    elif problem.nearest is not None:
        fix = _hint(wish, problem.nearest)
    elif problem.to_all:
        fix = "Mend the name; where a plugin of somebody else's reads it, unsupported: write writes it with a warning."
    else:
        fix = (
            "Ask for it only where it is known, or take it for what it is with unsupported: warn (left out with a "
            "warning) or unsupported: write (written with a warning)."
        )
    return DomainError(_what(problem, release), key_path=wish.written, fix=fix)


def _misfit(wish: Wish, release: Release, runtime_type: str) -> t.Iterator[DomainError]:
    wanted_type = known_keys.misfit(wish.path, wish.value, release, runtime_type=runtime_type)
    if wanted_type is not None:
        yield DomainError(
            f"has to be {wanted_type}, or containerd {release} does not start with it",
            key_path=wish.written,
            fix='YAML takes 3.10 for a number, "3" for a text, and yes for true.',
        )


# --- credentials


def _credential_removals(credentials: NodeCredentials, effective: Data) -> tuple[list[KeyPath], list[str]]:
    """Keys of an older form, which containerd would prefer, and what now stands in a header of hosts.toml."""
    stale = [
        (*path, key)
        for path, table in credentials.paths.items()
        for key in AUTH_KEYS
        if key not in table and look_up(effective, (*path, key)) is not None
    ]
    released = [path for path in credentials.released_paths if look_up(effective, path) is not None]
    told = credentials.released_warnings
    warnings = [told[path[-2]] for path in released if path[-2] in told]
    gone: list[KeyPath] = []
    for path in released:
        gone.append(_last_of_its_table(path, effective, gone))
    return [*stale, *gone], warnings


def _last_of_its_table(path: KeyPath, effective: Data, gone: list[KeyPath]) -> KeyPath:
    """The path, or the table above it that would be empty without it: ``configs.HOST``, or ``configs`` itself."""
    for _step in range(2):
        siblings = {(*path[:-1], key) for key in look_up(effective, path[:-1])} - {path, *gone}
        if siblings:
            break
        path = path[:-1]
    return path
