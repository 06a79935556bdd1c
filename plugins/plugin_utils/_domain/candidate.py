# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a configuration before it takes the place of the old one. Private to this collection.

Two judges: our rules, for all that ``containerd config dump`` is content with and containerd itself is not; and the
node's containerd, which is asked by the checks that go along with a change-set.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet, Check
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import candidate_checks, config_checks
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import canonical
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set, edit


def judge(
    content: bytes | None,
    files: t.Sequence[ConfigFile],
    changes: ChangeSet,
    release: Release,
    *,
    is_link: bool = False,
    keys: t.Iterable[KeyPath] = (),
) -> tuple[Check, ...]:
    """What the node's containerd has to accept before any of the changes is made; nothing where none is about it.

    ``files`` are config.toml, whose text is ``content``, and what it imports, as they will be. With ``is_link``
    config.toml is a symlink, so that its new text is not beside its name. ``keys`` are written, and must count.

    :raises DomainError: containerd would not start with the files, or start without CRI.
    """
    written = {change.path for change in changes.changes}
    touched = [file.path for file in files if file.path in written]
    if not touched:
        return ()
    check_starts(files, release)
    main = files[0].path
    counted = {_as_containerd_says(canonical(path)): show_key_path(path) for path in keys}
    if touched == [main] and not is_link:
        return (Check(main, keys=counted),)
    # A drop-in that imports more brings the old form of that along, which containerd reads last: as good for a verdict.
    marks = {path: f"@airgap.nodes:{number}@" for number, path in enumerate(touched) if path != main}
    imports = Set(("imports",), [marks.get(file.path, file.path) for file in files[1:]])
    text = edit((content or b"").decode(), [imports] if files[1:] else []).text
    return (Check(main, text.encode(), {mark: path for path, mark in marks.items()}, counted),)


def check_starts(files: t.Sequence[ConfigFile], release: Release) -> None:
    """All that containerd makes of the files together and does not tell before it is restarted.

    :raises DomainError: it would not start, or start without CRI.
    """
    effect = effective(files, release)
    config_checks.check_versions(files, release)
    config_checks.check_cni_directories(files, release)
    config_checks.check_one_registry_method(effect, files, release)
    candidate_checks.check_values(effect, files, release)


def _as_containerd_says(path: KeyPath) -> str:
    """A key as in the warning that containerd does not know it: the plugin, and the rest with spaces."""
    return " ".join(path[1:] if path[0] == "plugins" else path)
