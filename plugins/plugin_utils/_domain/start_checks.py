# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks for with which containerd would not start, or would start without CRI. Private to this collection.

What stands in the files already is not looked at: candidate_checks does that, with less zeal.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import plugin_id
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import SNAPSHOTTER as OF_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.plugin_set import (
    CONTENT,
    DIFFER,
    SNAPSHOTTER,
    built_in,
    built_in_of,
    needed_by_cri,
    proxies_of,
    proxy_types,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.snapshotters import used
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Data = t.Mapping[str, t.Any]

_DISABLED, _REQUIRED = "disabled_plugins", "required_plugins"
# containerd's own, where its files name none.
_DIRECTORIES = {"root": "/var/lib/containerd", "state": "/run/containerd"}
_CONTENT_STORE = f"{CONTENT}.content"
_DIFF_DEFAULT: KeyPath = ("plugins", "io.containerd.service.v1.diff-service", "default")


def faults(
    asked: t.Collection[KeyPath], settings: Data, before: Data, after: Data, release: Release
) -> t.Iterator[DomainError]:
    """``asked`` are the canonical paths of what is asked for, ``settings`` what the task says of the file itself;
    ``before`` and ``after`` are effective data."""
    yield from _disabled(_new_names(settings, before, _DISABLED), after, release)
    yield from _required(_new_names(settings, before, _REQUIRED), settings, after, release)
    disabled = ids(settings.get(_DISABLED, after.get(_DISABLED)))
    for name in dict.fromkeys(path[1] for path in asked if path[0] == "proxy_plugins" and len(path) > 1):
        yield from _proxy(name, after, disabled, release)
    if _DIFF_DEFAULT in asked:
        yield from _differs(after, release)
    directory = one_directory(after)
    if directory is not None and {("root",), ("state",)} & set(asked):
        yield DomainError(
            f"is {directory!r} as state is: containerd does not start with one directory for both",
            key_path=("root",),
            fix="Name two.",
        )


def _new_names(settings: Data, before: Data, key: str) -> list[str]:
    """Names that the task adds to the list, by their ids."""
    names = settings.get(key)
    known = ids(look_up(before, (key,)))
    return [name for name in names if plugin_id(str(name)) not in known] if isinstance(names, list) else []


def ids(names: t.Any) -> set[str]:
    """The ids of the plugins in a list of names; of anything else none."""
    return {plugin_id(str(name)) for name in names} if isinstance(names, list) else set()


def needed(effective: Data, release: Release) -> frozenset[str]:
    """The ids of the plugins without which CRI does not load, as things are set."""
    snapshotter = used(effective).get(OF_CRI)
    plugins = needed_by_cri(release) | {f"{SNAPSHOTTER}.{snapshotter}"}
    return plugins - {_CONTENT_STORE} if proxies_of(CONTENT, effective, release) else plugins


def one_directory(effective: Data) -> str | None:
    """The directory that root and state both are; containerd does not start with one for both."""
    root, state = (look_up(effective, (key,)) or default for key, default in _DIRECTORIES.items())
    return root if root == state else None


def _disabled(names: list[str], after: Data, release: Release) -> t.Iterator[DomainError]:
    of_classes = {f"{SNAPSHOTTER}.{name}" for name in used(after).values()}
    for name in names:
        if plugin_id(str(name)) in needed(after, release):
            yield DomainError(
                f"would disable {name}, without which containerd {release} starts without CRI, and no pod could run",
                key_path=(_DISABLED,),
                fix="Leave the name out.",
            )
        elif plugin_id(str(name)) in of_classes:
            yield DomainError(
                f"would disable {name}, which a runtime class uses: no pod of the class could run",
                key_path=(_DISABLED,),
                fix="Leave the name out.",
            )


def _required(names: list[str], settings: Data, after: Data, release: Release) -> t.Iterator[DomainError]:
    kinds = set(proxy_types(release).values())
    proxies = {f"{kind}.{name}" for kind in kinds for name in proxies_of(kind, after, release)}
    disabled = ids(settings.get(_DISABLED, after.get(_DISABLED)))
    for name in map(str, names):
        if plugin_id(name) in disabled:
            yield DomainError(
                f"names {name}, which disabled_plugins names too: containerd would not start",
                key_path=(_REQUIRED,),
                fix="Leave out one of the two.",
            )
        elif release.is_known and plugin_id(name) not in {*built_in(release), *proxies}:
            yield DomainError(
                f"names {name}, which containerd {release} does not have: it would not start",
                key_path=(_REQUIRED,),
                fix="Write a plugin's id as ctr plugins ls has it, type and id with a dot in between.",
            )


def _proxy(name: str, after: Data, disabled: t.Collection[str], release: Release) -> t.Iterator[DomainError]:
    table = look_up(after, ("proxy_plugins", name))
    if not isinstance(table, dict):
        return
    types = proxy_types(release)
    kind = types.get(str(table.get("type")))
    if kind is None:
        short = [word for word in types if "." not in word]
        yield DomainError(
            f"has to be one of {', '.join(short)}, or containerd {release} ends at its start",
            key_path=("proxy_plugins", name, "type"),
            fix="Say what the plugin is.",
        )
    elif name in built_in_of(kind, release):
        yield DomainError(
            f"containerd {release} has a plugin {kind}.{name} of its own, and ends at its start with a second one",
            key_path=("proxy_plugins", name),
            fix="Give the proxy plugin another name.",
        )
    elif kind == CONTENT and release.line >= (2, 0) and _CONTENT_STORE not in disabled:
        yield DomainError(
            f"would be a second store beside {_CONTENT_STORE}: containerd {release} starts without CRI, and no pod "
            "could run",
            key_path=("proxy_plugins", name),
            fix="Name containerd's own store in disabled_plugins in the same task.",
        )


def _differs(after: Data, release: Release) -> t.Iterator[DomainError]:
    known = (*built_in_of(DIFFER, release), *proxies_of(DIFFER, after, release))
    for name in look_up(after, _DIFF_DEFAULT) or ():
        if release.is_known and name not in known:
            yield DomainError(
                f"names the differ {name!r}, which containerd {release} does not have: CRI would not load",
                key_path=_DIFF_DEFAULT,
                fix=f"Name one of {', '.join(known)}, or add it to proxy_plugins in the same task.",
            )
