# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of config.toml and of the files that it imports. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import (
    config_checks,
    known_keys,
    legacy_registry,
    routes,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source, decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CRI_IDS,
    IMAGES,
    REGISTRY,
    REGISTRY_CONFIG_PATH,
    RUNTIMES,
    SANDBOX_IMAGE,
    V1_CRI,
    V2_CRI,
    canonical,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import check_accepted, stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    leaves,
    means_something,
    versions_read_as,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS, Library, follow
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import Finding, found, shown
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_node import Node
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_pages import pages_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_tree import is_open_to_others
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    NEWEST_LINE,
    Feature,
    GlobBase,
    Release,
    Versions,
    local_pull_reasons,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.setting_values import NO_START
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.start_checks import ids
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse, table_at

Findings = t.Iterator[Finding]

_TRANSFER_CONFIG_PATH: KeyPath = ("plugins", "io.containerd.transfer.v1.local", "config_path")
_SNAPSHOT_DEFAULTS: t.Mapping[KeyPath, t.Any] = {
    (*IMAGES, "snapshotter"): "overlayfs",
    (*IMAGES, "disable_snapshot_annotations"): True,
    (*IMAGES, "discard_unpacked_layers"): False,
}
_MOST_SHOWN = 3


# --- the node


def release_is_known(node: Node) -> Findings:
    if not node.release.is_known:
        age = "newer" if node.release.line > NEWEST_LINE else "older"
        yield found("release-unknown", f"containerd {node.release} is {age} than what this collection knows")


def is_restarted(node: Node) -> Findings:
    for path in routes.newer_than_start(node.state, node.files, node.release):
        what = "The directory" if node.state.file(path).kind == "directory" else "The file"
        yield found("not-restarted", f"{what} was changed after containerd had been started", Place(path))


# --- files that cannot be read


def can_be_read(node: Node) -> Findings:
    """Why there are no files to look at."""
    if node.files:
        return
    path = node.config_file
    try:
        data = parse(decode(Source.from_entry(path, node.state.file(path)), node.release))
        follow(path, data, Library(node.state, node.release), node.release)
    except DomainError as error:
        yield _unread(error, path)


def _unread(error: DomainError, path: str) -> Finding:
    place = Place(error.file or path, error.line, masked_key_path(error.key_path or ()))
    what = f"{place.file}: {error.what}"
    if error.key_path == ("imports",):
        return found("import-missing", what, place)
    is_text = error.line is not None
    return found("config-not-toml" if is_text else "config-unreadable", what, place)


# --- versions and imports


def versions_go_together(node: Node) -> Findings:
    first = 0
    for file in node.files:
        try:
            stated = stated_version(file.data)
            check_accepted(stated or 1, node.release)
        except DomainError as error:
            is_number = isinstance(file.data.get("version"), int)
            rule = "config-version-unsupported" if is_number else "containerd-does-not-start"
            yield found(rule, error.what, node.lines[file.path].place(("version",)))
            continue
        first = first or stated or 0
        if first and (stated or 0) > first and node.release.rules.imports.higher_version_is_fatal:
            what = f"The drop-in says version {stated}, and a file that is read before it says {first}"
            yield found("import-version-higher", what, node.lines[file.path].place(("version",)))


def drop_ins_are_imported(node: Node) -> Findings:
    if not node.files:
        return
    read = {file.path for file in node.files}
    for pattern in USUAL_GLOBS:
        for path, entry in sorted(node.state.globs.get(pattern, {}).items()):
            if path not in read and entry.link not in read and entry.kind == "file":
                yield found("conf-d-not-imported", f"Nothing imports {path}", Place(path))


def globs_are_absolute(node: Node) -> Findings:
    for file in node.files:
        imports = file.data.get("imports")
        for name in imports if isinstance(imports, list) else ():
            is_relative = isinstance(name, str) and "*" in name and not name.startswith("/")
            if is_relative and node.release.rules.imports.glob_base is GlobBase.WORKING_DIRECTORY:
                yield found(
                    "import-glob-relative", f"imports names {shown(name)}", node.lines[file.path].place(("imports",))
                )


def versions_are_stated(node: Node) -> Findings:
    """Only where CRI's settings count: without them, or where they are lost, other things are told."""
    for file in node.files:
        if file.data.get("version") is not None or not node.release.rules.merges_cri_of_versionless_files:
            continue
        if look_up(file.data, V1_CRI) is not None:
            yield found(
                "version-missing",
                f"{file.path} has a table of CRI, and no version",
                node.lines[file.path].place(V1_CRI),
            )


# --- what keeps containerd from starting, or CRI from loading


def plugins_have_their_names(node: Node) -> Findings:
    is_1 = node.release.line < (2, 0)
    for file, counting in zip(node.files, versions_read_as(node.files, node.release), strict=True):
        try:
            # containerd 2.x completes the names of a file without a version before it looks at any other.
            version = counting if is_1 else stated_version(file.data) or 1
            config_checks.check_plugin_names(file.data, version, node.release)
        except DomainError as error:
            key = error.key_path or ()
            if is_1 or key[:1] != ("plugins",):
                yield found("containerd-does-not-start", _of_key(key, error), node.lines[file.path].place(key))


def _of_key(path: KeyPath, error: DomainError) -> str:
    return f"{masked_key_path(path)} {error.what}"


def cri_is_enabled(node: Node) -> Findings:
    its = CRI_IDS if node.release.line >= (2, 0) else {V2_CRI[1]}
    disabled = sorted(ids(node.effective.get("disabled_plugins")) & its)
    if disabled:
        yield found("cri-disabled", f"disabled_plugins names {disabled[0]}", node.place(("disabled_plugins",)))


def cri_loads(node: Node) -> Findings:
    if not node.files:
        return
    for problem in node.problems:
        rule = "containerd-does-not-start" if problem.consequence == NO_START else "cri-does-not-load"
        place = node.place(problem.path)
        yield found(rule, f"{place.key or masked_key_path(problem.path)}: {problem.what}", place, fix=problem.fix)
    yield from _cni_directories(node)
    yield from _registry_table(node)


def _cni_directories(node: Node) -> Findings:
    try:
        config_checks.check_cni_directories(node.files, node.release)
    except DomainError as error:
        key = error.key_path or ()
        yield found("cri-does-not-load", _of_key(key, error), node.lines[error.file or node.config_file].place(key))


def _registry_table(node: Node) -> Findings:
    try:
        legacy_registry.read_legacy(node.files, node.release)
    except DomainError as error:
        key = error.key_path or ()
        place = node.place((*REGISTRY, *key[1:]))
        if key[-1:] == ("tls",) and node.release.line < (2, 0):
            yield found("pull-file-missing", _of_key(key, error), place)
        elif not any(problem.path == (*REGISTRY, *key[1:]) for problem in node.problems):
            yield found("not-judged", f"{masked_key_path(key)} is not what it should be", place)
    try:
        config_checks.check_one_registry_method(node.effective, node.files, node.release)
    except DomainError as error:
        key = error.key_path or ()
        rule = "tls-beside-config-path" if "tls" in key else "mirrors-beside-config-path"
        file = error.file or node.config_file
        yield found(rule, f"{masked_key_path(key)} stands beside config_path", node.lines[file].place(key))


# --- settings that do not count


def settings_count(node: Node) -> Findings:
    """CRI settings that a file has, and that are gone from what is in effect."""
    replaced = node.release.rules.imports.replaces_plugins
    for index, file in enumerate(node.files):
        lost = [
            path for path, value in leaves(table_at(file.data, "plugins"), ("plugins",)) if _is_lost(path, value, node)
        ]
        if not lost:
            continue
        what = f"{_listed(lost)} of {file.path} {'do' if len(lost) > 1 else 'does'} not count"
        later = _later_table(lost[0], node.files[index + 1 :]) if replaced else None
        if later is None:
            yield found("cri-settings-lost", what, node.lines[file.path].place(lost[0]))
        else:
            yield found("drop-in-replaces-cri", what, node.lines[later.path].place(_table_of(later)))


def _is_lost(path: KeyPath, value: t.Any, node: Node) -> bool:
    name = canonical(path)
    if name[1:2] == () or name[1] not in CRI_IDS or len(name) < 3 or not means_something(name, value):
        return False
    # What is lost and was the default anyway is not missed.
    if value in ("", _SNAPSHOT_DEFAULTS.get(name)):
        return False
    return look_up(node.effective, name) is None and known_keys.check(name, node.release) is None


def _later_table(path: KeyPath, files: t.Sequence[ConfigFile]) -> ConfigFile | None:
    return next((file for file in reversed(files) if look_up(file.data, path[:2]) is not None), None)


def _table_of(file: ConfigFile) -> KeyPath:
    return next(table for table in (V2_CRI, V1_CRI, ("plugins",)) if look_up(file.data, table) is not None)


def _listed(paths: t.Sequence[KeyPath]) -> str:
    # What decides whom containerd asks comes first.
    first = sorted(paths, key=lambda path: canonical(path)[:3] not in (REGISTRY, SANDBOX_IMAGE[:3]))
    names = [masked_key_path(path) for path in first[:_MOST_SHOWN]]
    more = len(paths) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def tables_have_one_name(node: Node) -> Findings:
    for file in node.files:
        try:
            config_checks.check_one_cri_table(file.data, stated_version(file.data) or 1, node.release)
        except DomainError as error:
            if error.key_path == V1_CRI:
                what = f"{file.path} has both {masked_key_path(V1_CRI)} and {masked_key_path(V2_CRI)}"
                yield found("cri-tables-by-chance", what, node.lines[file.path].place(V1_CRI))


def settings_are_said_once(node: Node) -> Findings:
    """Of those that decide whom containerd asks; what is said as it counts anyway is no contradiction."""
    for path in (REGISTRY_CONFIG_PATH, SANDBOX_IMAGE):
        said = [(file, name, look_up(file.data, name)) for file in node.files for name in names(path)]
        values = [(file, name, value) for file, name, value in said if value not in (None, "")]
        counting = look_up(node.effective, path)
        for file, name, value in values:
            if counting not in (None, "") and value != counting:
                what = f"{masked_key_path(name)} is {shown(value)}, and {shown(counting)} counts"
                yield found("setting-twice", what, node.lines[file.path].place(name))


def keys_are_known(node: Node) -> Findings:
    for path, _value in leaves(table_at(node.effective, "plugins"), ("plugins",)):
        if len(path) < 3 or path[1] not in CRI_IDS or _is_told_elsewhere(path):
            continue
        unknown = known_keys.check(path, node.release, runtime_type=_runtime_type(path, node))
        if unknown is not None:
            place = node.place(path)
            nearest = f"Did you mean {masked_key_path(unknown.nearest)}?" if unknown.nearest else ""
            what = f"containerd {node.release} does not read {place.key or masked_key_path(path)}: {unknown.reason}"
            yield found("config-key-passed-over", what, place, fix=nearest)


def _is_told_elsewhere(path: KeyPath) -> bool:
    is_tls = path[:4] == (*REGISTRY, "configs") and path[5:6] == ("tls",)
    return is_tls or path == REGISTRY_CONFIG_PATH


def _runtime_type(path: KeyPath, node: Node) -> str:
    if path[: len(RUNTIMES)] != RUNTIMES:
        return ""
    return str(look_up(node.effective, (*path[: len(RUNTIMES) + 1], "runtime_type")) or "")


def server_tables_count(node: Node) -> Findings:
    is_each = node.release.rules.imports.versions is Versions.EACH_ITS_OWN
    for file, version in zip(node.files, versions_read_as(node.files, node.release), strict=True):
        tables = [name for name in ("grpc", "ttrpc", "metrics") if table_at(file.data, name)]
        if is_each and version >= 4 and tables:
            place = node.lines[file.path].place((tables[0],))
            yield found("server-tables-passed-over", f"[{tables[0]}] in a file of version {version}", place)


# --- the registry table


def directory_of_hosts_is_read(node: Node) -> Findings:
    config = node.config
    if config is None:
        return
    stated = config.legacy.config_path
    place = node.place(REGISTRY_CONFIG_PATH)
    if not node.release.knows(Feature.HOSTS_TOML):
        if stated:
            yield found(
                "config-path-unknown-to-release", f"containerd {node.release} has config_path {shown(stated)}", place
            )
        return
    if ":" in stated:
        rule = "config-path-list-fragile" if config.roots else "config-path-list"
        yield found(rule, f"config_path is {shown(stated)}", place)
    elif stated and not stated.startswith("/"):
        yield found("config-path-relative", f"config_path is {shown(stated)}", place)
    if not (stated or config.roots or config.legacy.mirrors or _is_stated_anywhere(node)):
        yield _unset(node)
    yield from _missing(node, config.roots, place)


def _is_stated_anywhere(node: Node) -> bool:
    """Be it where it does not count, of which there are findings of their own."""
    return any(look_up(file.data, name) for file in node.files for name in names(REGISTRY_CONFIG_PATH))


def _unset(node: Node) -> Finding:
    unread = [root for root in node.state.directories if _is_tree(node, root)]
    beside = f", and nothing reads {unread[0]}" if unread else ""
    return found("config-path-unset", f"{node.config_file} does not set config_path{beside}", Place(node.config_file))


def _is_tree(node: Node, root: str) -> bool:
    return any(page.has_hosts_toml for page in pages_of(node.state, root, node.release))


def _missing(node: Node, roots: t.Sequence[str], place: Place) -> Findings:
    known = [node.state.directories.get(root.rstrip("/")) for root in roots]
    if roots and all(entry is not None and entry.kind != "directory" for entry in known):
        kind = known[0].kind if known[0] else "absent"
        what = "is not there" if kind == "absent" else f"is no directory ({kind})"
        yield found("config-path-missing", f"{shown(roots[0])} {what}", place)


def tables_are_of_today(node: Node) -> Findings:
    legacy = node.config.legacy if node.config else None
    if legacy is None:
        return
    is_2 = node.release.line >= (2, 0)
    tables = {"mirrors": bool(legacy.mirrors), "auths": bool(legacy.auths)}
    for name, is_there in tables.items():
        if is_there and node.release.knows(Feature.HOSTS_TOML):
            yield found("legacy-tables", f"registry.{name} is in use", node.place((*REGISTRY, name)))
    for host in legacy.tls:
        place = node.place((*REGISTRY, "configs", host, "tls"))
        if is_2:
            yield found("tls-passed-over", f"registry.configs has TLS settings of {shown(host)}", place)
        elif node.release.knows(Feature.HOSTS_TOML):
            yield found("legacy-tables", f"registry.configs has TLS settings of {shown(host)}", place)


def pulls_are_local(node: Node) -> Findings:
    for path in local_pull_reasons(node.effective, node.release):
        place = node.place(path)
        yield found("local-pull-forced", f"{place.key or masked_key_path(path)} is set", place)


def transfer_service_has_no_directory(node: Node) -> Findings:
    value = look_up(node.effective, _TRANSFER_CONFIG_PATH)
    if value:
        yield found("transfer-config-path", f"It is set to {shown(value)}", node.place(_TRANSFER_CONFIG_PATH))


def secrets_are_kept(node: Node) -> Findings:
    legacy = node.config.legacy if node.config else None
    if legacy is None:
        return
    for file in node.files:
        keys = [key for key in ("configs", "auths", "headers") if _has_secrets(file, key)]
        if keys and is_open_to_others(node.state.file(file.path)):
            what = f"The mode is {node.state.file(file.path).mode}, and registry.{keys[0]} has credentials in it"
            yield found("authorization-world-readable", what, Place(file.path))


def _has_secrets(file: ConfigFile, key: str) -> bool:
    tables = [look_up(file.data, (*table, "registry", key)) for table in (IMAGES, V2_CRI, V1_CRI)]
    entries = [table for table in tables if isinstance(table, dict) and table]
    if key != "configs":
        return bool(entries)
    return any("auth" in table_at(table, host) for table in entries for host in table)


def secrets_are_not_shown(node: Node) -> Findings:
    legacy = node.config.legacy if node.config else None
    if legacy is None or node.release.line >= (2, 0):
        return
    for key, is_there in (("auths", bool(legacy.auths)), ("headers", bool(legacy.headers))):
        if is_there:
            yield found("credentials-shown", f"registry.{key} has entries", node.place((*REGISTRY, key)))


def sandbox_has_credentials(node: Node) -> Findings:
    config = node.config
    if config and config.legacy.auth and config.roots and node.release == Release(2, 0, 0):
        yield found("sandbox-without-credentials", f"containerd is {node.release}", node.place((*REGISTRY, "configs")))


def certificates_are_verified(node: Node) -> Findings:
    """By the old tables; by hosts.toml see the tree."""
    config = node.config
    if config is None or config.roots or node.release.line >= (2, 0):
        return
    for host, tls in config.legacy.tls.items():
        if tls.skip_verify:
            place = node.place((*REGISTRY, "configs", host, "tls", "insecure_skip_verify"))
            yield found("skip-verify", f"insecure_skip_verify is set for {shown(host)}", place)


CHECKS: tuple[t.Callable[[Node], Findings], ...] = (
    release_is_known,
    is_restarted,
    can_be_read,
    versions_go_together,
    drop_ins_are_imported,
    globs_are_absolute,
    versions_are_stated,
    plugins_have_their_names,
    cri_is_enabled,
    cri_loads,
    settings_count,
    tables_have_one_name,
    settings_are_said_once,
    keys_are_known,
    server_tables_count,
    directory_of_hosts_is_read,
    tables_are_of_today,
    pulls_are_local,
    transfer_service_has_no_directory,
    secrets_are_kept,
    secrets_are_not_shown,
    sandbox_has_credentials,
    certificates_are_verified,
)
