# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect the keys of config.toml that each containerd release knows, out of its source at that tag.

    tests/tools/env python tests/tools/known_keys.py CLONE [RELEASE ...]

CLONE is a git repository of containerd with its tags, bare or not. A RELEASE, such as v2.4.2, is one whose tag the
clone lacks: it is read from containerd's Go module, vendored as upstream's tags are. What `containerd config default`
prints is not enough: it leaves out empty tables, pointers and keys with omitempty, and there is one release a line to
ask. So the Go structs that containerd decodes its configuration into are read at every tag. Whether the real programs
agree is what tests/integration_nodes/test_known_keys.py finds out.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import posixpath
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import typing as t
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The collection is importable from then on.
runpy.run_path(str(ROOT / "tests" / "unit" / "conftest.py"))

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (  # noqa: E402
    CNI_BIN_DIRS,
    SANDBOX_IMAGE,
    canonical,
)

TARGET = ROOT / "plugins" / "plugin_utils" / "_domain" / "_known_keys_data.py"

if t.TYPE_CHECKING:
    KeyPath = tuple[str, ...]
    Version = tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """A table of config.toml, and the struct it is decoded into, in the first of the directories that has it."""

    table: KeyPath
    struct: str
    directories: tuple[str, ...]


def plugin(name: str, struct: str, *directories: str) -> Origin:
    return Origin(("plugins", f"io.containerd.{name}"), struct, directories)


SERVER_CONFIG = ("services/server/config", "cmd/containerd/server/config")
# Plugins that Linux builds have.
ORIGINS = (
    Origin((), "Config", SERVER_CONFIG),
    plugin("grpc.v1.cri", "PluginConfig", "vendor/github.com/containerd/cri/pkg/config", "pkg/cri/config"),
    plugin("grpc.v1.cri", "ServerConfig", "internal/cri/config"),
    plugin("cri.v1.images", "ImageConfig", "internal/cri/config"),
    plugin("cri.v1.runtime", "RuntimeConfig", "internal/cri/config"),
    plugin("differ.v1.erofs", "Config", "plugins/diff/erofs/plugin"),
    plugin("gc.v1.scheduler", "config", "gc/scheduler", "plugins/gc"),
    plugin("image-verifier.v1.bindir", "Config", "pkg/imageverifier/bindir"),
    plugin("internal.v1.opt", "Config", "services/opt", "plugins/services/opt"),
    plugin("internal.v1.restart", "Config", "runtime/restart/monitor"),
    plugin("internal.v1.tracing", "TraceConfig", "tracing/plugin", "pkg/tracing/plugin"),
    plugin("metadata.v1.bolt", "BoltConfig", "metadata/plugin", "plugins/metadata", "services/server/config"),
    plugin("metrics.v1.grpc-prometheus", "metricsConfig", "plugins/server/grpc"),
    plugin("monitor.container.v1.restart", "Config", "plugins/restart"),
    plugin("monitor.task.v1.cgroups", "Config", "core/metrics/cgroups"),
    plugin("monitor.v1.cgroups", "Config", "metrics/cgroups"),
    plugin("mount-handler.v1.erofs", "Config", "plugins/mount/erofs"),
    plugin("nri.v1.nri", "Config", "pkg/nri", "internal/nri"),
    plugin("runtime.v1.linux", "Config", "runtime/v1/linux"),
    plugin("runtime.v2.task", "Config", "runtime/v2"),
    plugin("runtime.v2.task", "TaskConfig", "core/runtime/v2"),
    plugin("server.v1.debug", "config", "plugins/server/debug"),
    plugin("server.v1.grpc", "config", "plugins/server/grpc"),
    plugin("server.v1.grpc-tcp", "tcpConfig", "plugins/server/grpc"),
    plugin("server.v1.metrics", "config", "plugins/server/metrics"),
    plugin("server.v1.ttrpc", "config", "plugins/server/ttrpc"),
    plugin("service.v1.diff-service", "config", "services/diff", "plugins/services/diff"),
    plugin("service.v1.tasks-service", "Config", "services/tasks", "plugins/services/tasks"),
    plugin("shim.v1.manager", "ShimConfig", "core/runtime/v2"),
    plugin("snapshotter.v1.aufs", "Config", "vendor/github.com/containerd/aufs/plugin"),
    plugin("snapshotter.v1.blockfile", "Config", "snapshots/blockfile/plugin", "plugins/snapshots/blockfile/plugin"),
    plugin("snapshotter.v1.btrfs", "Config", "snapshots/btrfs/plugin", "plugins/snapshots/btrfs/plugin"),
    plugin("snapshotter.v1.devmapper", "Config", "snapshots/devmapper", "plugins/snapshots/devmapper"),
    plugin("snapshotter.v1.erofs", "Config", "plugins/snapshots/erofs/plugin"),
    plugin("snapshotter.v1.native", "Config", "snapshots/native/plugin", "plugins/snapshots/native/plugin"),
    plugin("snapshotter.v1.overlayfs", "Config", "snapshots/overlay/plugin", "plugins/snapshots/overlay/plugin"),
    plugin(
        "snapshotter.v1.zfs",
        "Config",
        "vendor/github.com/containerd/zfs/plugin",
        "vendor/github.com/containerd/zfs/v2/plugin",
    ),
    plugin("tracing.processor.v1.otlp", "OTLPConfig", "tracing/plugin", "pkg/tracing/plugin"),
    plugin("transfer.v1.local", "transferConfig", "plugins/transfer"),
)
RUNC_OPTIONS = ("runtime/v2/runc/options", "vendor/github.com/containerd/containerd/api/types/runc/options")
VALIDATOR = "vendor/github.com/containerd/nri/plugins/default-validator"
FOREIGN = {"validator.DefaultValidatorConfig": (VALIDATOR, "DefaultValidatorConfig")}
DIRECTORIES = sorted({*itertools.chain(*(origin.directories for origin in ORIGINS)), *RUNC_OPTIONS, VALIDATOR})

SCALARS = {
    "string": "str",
    "bool": "bool",
    "tomlext.Duration": "str",
    "duration": "str",
    "time.Duration": "str",
    **dict.fromkeys(("int", "int32", "int64", "uint32", "uint64"), "int"),
    **dict.fromkeys(("float32", "float64"), "float"),
}
# Decoded by whom it concerns, such as the options of a runtime.
FREE = frozenset({"any", "interface{}", "toml.Primitive", "toml.Tree", "map[string]any", "map[string]interface{}"})

STRUCT = re.compile(r"^type (\w+) struct ?\{(.*?)^\}", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^type (\w+) ([\w.]+)$", re.MULTILINE)
FIELD = re.compile(r"^\t(?:(\w+)[ \t]+)?(\S+)[ \t]+`([^`]*)`", re.MULTILINE)
UNTAGGED = re.compile(r"^\t[A-Z]\w*(?:[ \t]+[^`\s]+)?$", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*//.*\n|[ \t]+//[^`\n]*$", re.MULTILINE)
PROTO_FIELD = re.compile(r"^\s+(\w+) (\w+) = \d+", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A git repository of containerd."""

    clone: Path

    def git(self, *arguments: str) -> str:
        return run("git", "-C", str(self.clone), *arguments)

    def tags(self) -> dict[Version, str]:
        """Final releases from 1.4 on; of a line without one, its last pre-release."""
        final: dict[Version, str] = {}
        early: dict[Version, str] = {}
        for tag in self.git("tag", "--list", "v[0-9]*", "--sort=version:refname").split():
            match = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)(-.*)?", tag)
            if match and (version := tuple(map(int, match.groups()[:3]))) >= (1, 4):
                (early if match[4] else final)[version] = tag
        lines = {version[:2] for version in final}
        return dict(sorted({**final, **{v: tag for v, tag in early.items() if v[:2] not in lines}}.items()))

    def files(self, tag: str) -> dict[str, list[str]]:
        """The blobs of each directory of interest."""
        found = defaultdict(list)
        for line in self.git("ls-tree", "-r", tag, "--", *DIRECTORIES).splitlines():
            (_mode, _kind, blob), name = line.split("\t")[0].split(), line.split("\t")[1]
            is_code = name.endswith(".go") and not name.endswith(("_test.go", ".pb.go"))
            if is_code or name.endswith("oci.proto"):
                found[posixpath.dirname(name)].append(blob)
        return found

    def text(self, blob: str) -> str:
        return text_of(self, blob)


def with_modules(clone: Path, releases: t.Sequence[str], scratch: Path) -> Path:
    """The clone, or a throwaway one that has a tag for each of the releases, made of containerd's Go module."""
    if not releases:
        return clone
    copy = scratch / "clone"
    run("git", "clone", "--quiet", "--bare", "--shared", str(clone), str(copy))
    for release in releases:
        tree = scratch / release
        module = "github.com/containerd/containerd" + ("/v2" if release.startswith("v2.") else "")
        found = json.loads(run("go", "mod", "download", "-json", f"{module}@{release}"))["Dir"]
        shutil.copytree(found, tree, copy_function=shutil.copyfile)
        # Go's cache is read-only.
        for directory, _names, _files in os.walk(tree):
            Path(directory).chmod(0o755)
        run("go", "mod", "vendor", cwd=tree)
        git = ("git", f"--git-dir={copy}", f"--work-tree={tree}")
        run(*git, "add", "--all", "--force", ".", cwd=tree)
        run(*git, "tag", release, run(*git, "write-tree", cwd=tree).strip())
        shutil.rmtree(tree)
    return copy


def run(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout


@functools.cache
def text_of(source: Source, blob: str) -> str:
    return COMMENT.sub("", source.git("cat-file", "blob", blob))


@dataclass(frozen=True)
class Package:
    """The types that the files of one directory define."""

    structs: t.Mapping[str, str]
    named: t.Mapping[str, str]

    @classmethod
    def read(cls, texts: t.Iterable[str]) -> Package:
        source = "\n".join(texts)
        return cls(dict(STRUCT.findall(source)), dict(NAMED.findall(source)))


@dataclass(frozen=True)
class Tag:
    """What the structs of one release say."""

    source: Source
    files: t.Mapping[str, list[str]]

    def known_keys(self) -> t.Iterator[tuple[KeyPath, str]]:
        """Each key's path in the release's own names, with its type; `*` stands for a name of the user's choice."""
        for origin in ORIGINS:
            package = self.package_with(origin)
            if package is not None:
                yield origin.table, "table"
                yield from self.fields(package, origin.struct, origin.table)

    def package_with(self, origin: Origin) -> Package | None:
        packages = map(self.package, origin.directories)
        return next((package for package in packages if origin.struct in package.structs), None)

    def package(self, directory: str) -> Package:
        return Package.read(self.source.text(blob) for blob in self.files.get(directory, ()))

    def fields(self, package: Package, struct: str, table: KeyPath) -> t.Iterator[tuple[KeyPath, str]]:
        body = package.structs[struct]
        untagged = UNTAGGED.findall(body)
        if untagged:
            raise SystemExit(f"{struct} of {table} has fields without a name in TOML: {untagged}")
        for _name, go_type, tags in FIELD.findall(body):
            tag = re.search(r'\btoml:"([^",]*)', tags)
            if tag is None:
                raise SystemExit(f"{struct} of {table} has a field without a name in TOML: {tags}")
            if tag[1] != "-":
                yield from self.typed(package, go_type.lstrip("*"), (*table, tag[1]))

    def typed(self, package: Package, go_type: str, path: KeyPath) -> t.Iterator[tuple[KeyPath, str]]:
        if go_type not in SCALARS:
            go_type = package.named.get(go_type, go_type)
        if path == ("plugins",):
            return
        if go_type in FREE:
            yield (*path, "**"), "any"
            yield from self.runc_options(path)
        elif go_type in SCALARS:
            yield path, SCALARS[go_type]
        elif go_type.startswith("[]"):
            yield path, f"[{SCALARS.get(go_type[2:], 'table')}]"
        elif go_type.startswith("map[string]"):
            yield from self.typed(package, go_type.removeprefix("map[string]").lstrip("*"), (*path, "*"))
        elif go_type in FOREIGN:
            directory, struct = FOREIGN[go_type]
            yield from self.fields(self.package(directory), struct, path)
        else:
            yield from self.fields(package, go_type, path)

    def runc_options(self, path: KeyPath) -> t.Iterator[tuple[KeyPath, str]]:
        """The options of runc's shim, which Go names in its own way."""
        if path[-1] != "options":
            return
        texts = [self.source.text(blob) for folder in RUNC_OPTIONS for blob in self.files.get(folder, ())]
        (proto,) = (text for text in texts if "message Options {" in text)
        options = proto.partition("message Options {")[2].partition("\n}")[0]
        for proto_type, name in PROTO_FIELD.findall(options):
            yield (*path, "".join(part.capitalize() for part in name.split("_"))), SCALARS[proto_type]


def canonical_keys(path: KeyPath, kind: str) -> t.Iterator[tuple[KeyPath, str]]:
    """A key under the name that the collection has for it."""
    name: KeyPath = canonical(path)
    # The older key holds one of the list.
    yield name, "[str]" if name == CNI_BIN_DIRS else kind
    # 1.x knows it alone, 2.x any of them.
    if name[:-1] == SANDBOX_IMAGE[:-1]:
        yield SANDBOX_IMAGE, kind


def collect(source: Source) -> dict[tuple[KeyPath, str], list[bool]]:
    """For each key and type, which of the releases know it."""
    tags = [*source.tags().values()]
    known: dict[tuple[KeyPath, str], list[bool]] = defaultdict(lambda: [False] * len(tags))
    for number, tag in enumerate(tags):
        for path, kind in Tag(source, source.files(tag)).known_keys():
            for key in canonical_keys(path, kind):
                known[key][number] = True
    return known


def spans(known: t.Sequence[bool], versions: t.Sequence[Version]) -> str:
    """``1.6.22-1.6 1.7.3-``: from 1.6.22 to the end of its line, and from 1.7.3 on."""
    found = []
    for knows, group in itertools.groupby(range(len(versions)), known.__getitem__):
        run = list(group)
        if knows:
            first, last = run[0], run[-1]
            starts_line = first == 0 or versions[first - 1][:2] != versions[first][:2]
            is_last = last == len(versions) - 1
            ends_line = is_last or versions[last + 1][:2] != versions[last][:2]
            start = shown(versions[first], whole_line=starts_line)
            end = "" if is_last else shown(versions[last], whole_line=ends_line)
            found.append(start if start == end else f"{start}-{end}")
    return " ".join(found)


def shown(version: Version, *, whole_line: bool) -> str:
    return ".".join(map(str, version[:2] if whole_line else version))


def rows(known: t.Mapping[tuple[KeyPath, str], t.Sequence[bool]], versions: t.Sequence[Version]) -> t.Iterator[str]:
    """The table as text: a header for each plugin, then its keys."""
    tables: dict[KeyPath, dict[tuple[KeyPath, str], t.Sequence[bool]]] = defaultdict(dict)
    for (path, kind), releases in known.items():
        size = 2 if path[:1] == ("plugins",) else 0
        tables[path[:size]][path[size:], kind] = releases
    for table, keys in sorted(tables.items()):
        width = max(len(".".join(path)) for path, _kind in keys)
        of_any = [any(column) for column in zip(*keys.values(), strict=True)]
        yield f"[{table[1] if table else ''}]  {spans(of_any, versions)}"
        for (path, kind), releases in sorted(keys.items()):
            if kind != "table":
                yield f"{'.'.join(path):{width}}  {kind:7}  {spans(releases, versions)}"
        yield ""


HEADER = '''\
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of config.toml that each containerd release knows. Private to this collection.

Made by ``tests/tools/known_keys.py`` from containerd's source at {count} tags, {first} to {last}: do not edit.

A name in brackets is a plugin's id; the first table has the keys outside plugins. A line has the key's canonical path
in its table, its type, and the releases that know it: ``1.4-`` from 1.4 on, ``1.4-1.7`` to the end of 1.7, ``1.7`` that
line alone, ``1.6.22-1.6 1.7.3-`` from 1.6.22 to the end of 1.6 and from 1.7.3 on. ``*`` stands for a name of the user's
choice, ``**`` for anything.
"""

from __future__ import annotations

TABLE = """\\
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", type=Path, help="a git repository of containerd")
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help="a release that it has no tag for")
    parser.add_argument("--print", action="store_true", help="print the table, and leave the file alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clone = with_modules(arguments.clone, arguments.releases, Path(scratch))
        write_table(Source(clone), only_print=arguments.print)


def write_table(source: Source, *, only_print: bool) -> None:
    tags = source.tags()
    table = "\n".join(rows(collect(source), [*tags])).rstrip() + "\n"
    if only_print:
        sys.stdout.write(table)
        return
    newest = [*tags.values()]
    header = HEADER.format(count=len(tags), first=newest[0], last=newest[-1])
    TARGET.write_text(f'{header}{table}"""\n')


if __name__ == "__main__":
    main()
