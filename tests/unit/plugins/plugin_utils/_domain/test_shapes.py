# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every shape of config.toml that fleets have has a fixture, and every edit of it looks like that of a careful person.

What the edits of a few layouts look like is written down in ``fixtures/config_diffs``: a diff for each edit, read by
people before it is committed. ``AIRGAP_NODES_GOLDEN=write`` writes them anew.
"""

from __future__ import annotations

import collections
import difflib
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Edited,
    Remove,
    Set,
    applied,
    edit,
    look_up,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import (
    Kind,
    Statement,
    commented_out,
    scan,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

Operation = Set | Remove
Data = dict[str, t.Any]

FOLDER = Path(__file__).parents[2] / "fixtures" / "config"
GOLDEN = FOLDER.parent / "config_diffs"
FIXTURES = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.toml"))}

# The shapes that a survey of public files found, and the fixture that has each.
SHAPES = """
docker-default-disabled-cri        none-docker-stub
docker-default-variant             none-docker-stub-linux
empty                              none-empty
fragment-configs-auth              none-uri
fragment-orphan-key                none-orphan-key
minimal-grpc-only                  none-grpc-only
noversion-proxy-nydus              none-proxy-snapshotter
typo-disable_plugins-imgcrypt      none-typo-in-stub
v1-commented-plugins               none-socket
v1-default-variant                 none-dump
v1-mirrors-only                    none-mirrors-only
v1-rke2-tmpl-plain                 none-cri
v2-aks-nvidia-headers              2-four-spaces-headers
v2-alibaba-eol-comments            2-eol-comments
v2-crun-comments                   2-crun
v2-default-1.4-vultr               2-dense-dump
v2-default-1.7                     2-containerd-1.7.24-default
v2-default-commented-alternatives  2-alternatives
v2-default-nvidia                  2-containerd-1.7.24-default
v2-default-puppet                  2-containerd-1.6.20-default
v2-default-puppet-kubeinstall      2-containerd-1.7.24-default
v2-docs-block                      2-runtime-classes
v2-imports-nospace-assign          2-dense-no-final-newline
v2-k3s-kind-style-comments         2-flat-commented
v2-kind-edgecore                   2-flat-commented
v2-kind-imgcrypt                   2-imgcrypt
v2-kind-trailing-comma             2-trailing-comma
v2-kubeadm-minimal-puppet          2-managed-by-puppet
v2-minimal-empty-config_path       2-empty-config-path
v2-mirrors-configs-tls             2-mirrors-trailing-spaces
v2-noeol                           2-dense-no-final-newline
v2-nvidia-test                     2-dense-dump
v2-nvidia-toolkit-flat             2-column-zero
v2-parent-after-child              2-parent-after-child
v2-relative-paths-comments         2-mixed-steps
v2-test-default-1.6                2-commented-tables
v2-trailing-whitespace             2-blank-lines-with-spaces
v3-default                         3-containerd-2.1.5-default
v3-default-rocky                   3-containerd-2.1.5-default
v3-docs-block                      3-runtime-classes
v3-docs-block-comments             3-chinese-flat
v3-eks-dump                        3-dump-with-origin
v3-gardener-default                3-dump-with-origin
v3-multiline-disabled              3-cri-disabled

ruin: all commented                none-comments
ruin: docker's stub                none-docker-stub
ruin: version-less, names of v2    none-uri
ruin: version-less, names of v3    none-uri-of-three
ruin: plugins.cri beside an id     none-both
ruin: v3 names in version 2        2-new-tables-only
ruin: v2 and v3 names, version 2   2-both-tables
ruin: v2 and v3 names, version 3   3-mixed
ruin: parent after its child       2-parent-after-child
ruin: split plugins                2-split-plugins
ruin: implicit parents             2-implicit-parents
ruin: tabs                         1-tabs
ruin: tabs and arrays              2-tabs
ruin: one-space indents            2-one-space
ruin: no final newline             2-dense-no-final-newline
ruin: Chinese                      2-chinese
ruin: of another owner             2-generated-by-agent
"""
FIXTURE_OF = {
    shape: name.strip() for shape, _blanks, name in (line.partition("  ") for line in SHAPES.splitlines() if line)
}

# What editors and other systems make of a file; sanity tests let no such file into the repository.
VARIANTS: dict[str, t.Callable[[str], str]] = {
    "as it is": str,
    "CRLF": lambda text: text.replace("\r", "").replace("\n", "\r\n"),
    "no final newline": lambda text: text.rstrip("\r\n"),
    "BOM": lambda text: f"\ufeff{text}",
}


TEMPLATE = "this line is of a template: render it first, or name the file that containerd reads."
# What is no TOML, and which line says so: shape -> text, line, what to do.
INVALID: dict[str, tuple[str, int, str]] = {
    "go-template": (
        'version = 2\noom_score = -999{{if .HasDisk}}\nroot = "{{.Disk}}"{{- end}}\n',
        2,
        TEMPLATE,
    ),
    "go-template, conditions between tables": (
        "version = 2\n\n[grpc]\n  uid = 0\n{{- if .Lazy}}\n[proxy_plugins.lazy]\n{{- end}}\n",
        5,
        TEMPLATE,
    ),
    "go-template, values": (
        '[plugins."io.containerd.grpc.v1.cri"]\n  enable_selinux = {{ .SELinux }}\n',
        2,
        TEMPLATE,
    ),
    "go-template, names": (
        "version = 2\n[plugins.cri.containerd.runtimes.{{.Name}}]\n",
        2,
        TEMPLATE,
    ),
    "go-template-k3s": (
        '{{ template "base" . }}\n\n[plugins.cri.containerd.runtimes."crun"]\n',
        1,
        TEMPLATE,
    ),
    "go-template-hosts": (
        "# of an agent\n{{- if .server }}\nserver = {{ .server | quote }}\n{{ end }}\n",
        2,
        TEMPLATE,
    ),
    "jinja2": (
        "{% if release is version('2.3.0', '>=') %}\nversion = 4\n{% else %}\nversion = 3\n{% endif %}\n",
        1,
        TEMPLATE,
    ),
    "placeholder-template-windows": (
        "version = 3\nroot = 'C:\\containerd'\n[a]\n  {{annotations}}\n  kind = {{isolation}}\n",
        4,
        TEMPLATE,
    ),
    "placeholder, shell": ("[grpc]\n  gid = ${CONTAINERD_GID}\n", 2, TEMPLATE),
    "placeholder, installer": ("[grpc]\n  gid = @GID@\n", 2, TEMPLATE),
    "nested-quotes-template": (
        'version = 2\n[plugins.cri]\n  sandbox_image = "{{ Metadata "pause.ref" }}"\n',
        3,
        TEMPLATE,
    ),
    "bare-value": ("[debug]\n    level = debug", 2, "put the text behind the equals sign in quotes."),
    "bare-value, a path": ("root = /var/lib/containerd\n", 1, "put the text behind the equals sign in quotes."),
    "bare-value, capitals": ("[a]\nx = True\n", 2, "put the text behind the equals sign in quotes."),
    "something else": ("[a]\nx = 1\n[a\n", 3, "mend the file first."),
    "a truth and a half": ("x = true false\n", 1, "mend the file first."),
    "an open string": ('x = "${y}\n', 1, TEMPLATE),
    "behind the end": ("x = [\n  1,\n", 3, "mend the file first."),
}


@pytest.mark.parametrize(("shape", "name"), FIXTURE_OF.items(), ids=FIXTURE_OF)
def test_every_shape_has_its_fixture(shape: str, name: str) -> None:
    assert name in FIXTURES, f"{shape} has no fixture"
    parse(FIXTURES[name])


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("text", "line", "advice"), INVALID.values(), ids=INVALID)
def test_what_is_no_toml_is_refused(text: str, line: int, advice: str, line_end: str) -> None:
    with pytest.raises(DomainError) as raised:
        edit(text.replace("\n", line_end), [Set(("version",), 2)])
    assert raised.value.line == line
    assert raised.value.what.startswith("not valid TOML: ")
    assert raised.value.fix == f"Nothing was changed; {advice}"


# --- the edits

V2 = ("plugins", "io.containerd.grpc.v1.cri")
RUNTIME = ("plugins", "io.containerd.cri.v1.runtime")
IMAGES = ("plugins", "io.containerd.cri.v1.images")
V1 = ("plugins", "cri")


def cri(data: Data) -> KeyPath:
    found = [path for path in (V2, RUNTIME, V1, IMAGES) if look_up(data, path) is not None]
    return found[0] if found else RUNTIME if data.get("version", 0) > 2 else V2


def tables(value: t.Any, path: KeyPath = ()) -> t.Iterator[KeyPath]:
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            yield from tables(item, (*path, key))


def keys(value: t.Any, path: KeyPath = ()) -> t.Iterator[tuple[KeyPath, t.Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from keys(item, (*path, key))
        else:
            yield (*path, key), item


def is_plain(value: t.Any) -> bool:
    return not (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def commented_settings(text: str) -> t.Iterator[KeyPath]:
    """Where a careful reader takes the commented-out settings of a text to belong."""
    table: KeyPath | None = ()
    for statement in scan(text):
        if statement.is_header:
            table = statement.path if statement.kind is Kind.TABLE else None
        elif statement.kind is Kind.COMMENT and table is not None:
            setting = commented_out(text[statement.start : statement.end])
            if setting is not None and setting.is_header:
                table = None  # what follows is of a table that is not there
            elif setting is not None and len(setting.keys) == 1:
                yield (*table, *setting.path)


def edits(text: str) -> t.Iterator[tuple[str, list[Operation]]]:
    """The edits of a file that the issue of careful edits names, wherever the file has a place for them."""
    data = parse(text)
    base = cri(data)
    below = [path for path in tables(data) if path]
    plain = [(path, value) for path, value in keys(data) if is_plain(value)]
    strings = [path for path, value in plain if isinstance(value, str)]
    images = [path for path in strings if path[-1] in ("sandbox_image", "sandbox")]
    lists = [(path, value) for path, value in plain if isinstance(value, list) and path[-1] != "endpoint"]
    if strings:
        yield "a value", [Set((*images, *strings)[0], "registry.example.com/k8s/pause:3.99")]
    yield "a key of CRI", [Set((*base, "max_container_log_line_size"), 32768)]
    if below:
        yield "a key of the first table", [Set((*below[0], "added"), "x")]
        yield "a key of the last table", [Set((*below[-1], "added"), "x")]
        yield "a table below the last table", [Set((*below[-1], "more", "added"), "x")]
    yield "a registry", [Set((*base, "registry", "config_path"), "/etc/containerd/registries")]
    runtime = {"runtime_type": "io.containerd.runsc.v1", "options": {"TypeUrl": "x", "ConfigPath": "/etc/runsc.toml"}}
    yield "a runtime class", [Set((*base, "containerd", "runtimes", "runsc"), runtime)]
    yield "a plugin", [Set(("plugins", "io.containerd.nri.v1.nri", "disable"), True)]
    yield "a top table", [Set(("cgroup", "path"), "/nodes")]
    yield "at the root", [Set(("temp",), "/srv/tmp")]
    yield "imports", [Set(("imports",), [*data.get("imports", []), "/etc/containerd/more.d/*.toml"])]
    disabled = [*data.get("disabled_plugins", []), "io.containerd.internal.v1.restart"]
    yield "disabled_plugins", [Set(("disabled_plugins",), disabled)]
    if plain:
        yield "without a key", [Remove(plain[len(plain) // 2][0])]
    if below:
        yield "without a table", [Remove(below[len(below) // 2])]
    for path in commented_settings(text):
        if look_up(data, path) is None:
            yield "beside a comment", [Set(path, "x")]
            break
    for path, value in lists[-1:]:
        yield "one more in a list", [Set(path, [*value, type(value[0])("x") if value else "x"])]
        yield "one less in a list", [Set(path, value[1:])]
        yield "another list", [Set(path, ["x", "y"])]
    headers = {s.path for s in scan(text.removeprefix("\ufeff")) if s.is_header}
    for path in below:
        if path not in headers and path[:-1] not in headers and len(look_up(data, path[:-1])) == 1 and len(path) > 1:
            yield "without the last child of a parent", [Remove(path)]
            break


def every_edit(text: str, limit: int = 30) -> t.Iterator[tuple[str, list[Operation]]]:
    """The same kinds of edits at every place of a file."""
    data = parse(text)
    found: list[tuple[str, list[Operation]]] = []
    for path in tables(data):
        if path:
            found.append((f"without {path}", [Remove(path)]))
        found.append((f"a key of {path}", [Set((*path, "added_key"), "x")]))
        found.append((f"a table of {path}", [Set((*path, "added_table"), {"key": "x", "options": {"more": 1}})]))
    for path, value in keys(data):
        found.append((f"no {path}", [Remove(path)]))
        if is_plain(value):
            found.append((f"another {path}", [Set(path, "changed")]))
            if isinstance(value, list):
                found += [(f"other {path}", [Set(path, new)]) for new in ([*value, "x"], value[1:], ["x", *value])]
    for path in commented_settings(text):
        if look_up(data, path) is None:
            found.append((f"beside {path}", [Set(path, "x")]))
    step = max(1, len(found) // limit)
    yield from found[::step]


# --- what a careful person leaves alone


def related(path: KeyPath, operations: t.Sequence[Operation]) -> bool:
    return any(path[: len(op.path)] == op.path[: len(path)] for op in operations)


def line_of(text: str, statement: Statement) -> str:
    return text[statement.start : statement.end].rstrip("\r\n")


class Side:
    """A text before or after an edit, with what stands above its statements."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.statements = scan(self.text)

    def named(self) -> dict[tuple[KeyPath, Kind, int], Statement]:
        """Headers and assignments by path; those of arrays of tables are counted."""
        found: dict[tuple[KeyPath, Kind, int], Statement] = {}
        seen: collections.Counter[tuple[KeyPath, Kind]] = collections.Counter()
        for statement in self.statements:
            if statement.path:
                place = statement.path, statement.kind
                found[(*place, seen[place])] = statement
                seen[place] += 1
        return found

    def line(self, statement: Statement) -> str:
        return line_of(self.text, statement)

    def comments_above(self, statement: Statement) -> list[str]:
        at = self.statements.index(statement)
        found: list[str] = []
        while at and self.statements[at - 1].kind is Kind.COMMENT:
            at -= 1
            found.insert(0, self.line(self.statements[at]))
        return found

    def siblings(self, statement: Statement) -> list[Statement]:
        """The other assignments below the same header."""
        at = self.statements.index(statement)
        start = max((i for i in range(at) if self.statements[i].is_header), default=-1) + 1
        end = next((i for i in range(at, len(self.statements)) if self.statements[i].is_header), len(self.statements))
        return [s for s in self.statements[start:end] if s.kind is Kind.KEY and s is not statement]

    def header_of(self, statement: Statement) -> Statement | None:
        above = self.statements[: self.statements.index(statement)]
        return next((s for s in reversed(above) if s.is_header), None)

    def key_steps(self) -> set[str]:
        steps = set()
        for statement in self.statements:
            header = self.header_of(statement) if statement.kind is Kind.KEY else None
            if header is not None:
                steps.add(statement.indent.removeprefix(header.indent))
        return steps

    def blank_runs(self) -> int:
        run = longest = 0
        for statement in self.statements:
            run = run + 1 if statement.kind is Kind.BLANK else 0
            longest = max(longest, run)
        return longest

    def count(self, *kinds: Kind) -> int:
        return sum(statement.kind in kinds for statement in self.statements)


def check(text: str, operations: list[Operation]) -> Edited:
    """All that is asked of an edit, whatever the layout; returns it."""
    wanted = applied(parse(text), operations)
    edited = edit(text, operations)
    assert same(parse(edited.text), wanted)
    assert edit(edited.text, operations) == Edited(edited.text, ())
    before, after = Side(text), Side(edited.text)
    check_lines(before, after, operations)
    check_comments(before, after, operations)
    check_indents(before, after)
    check_blank_lines(before, after)
    assert edited.text.startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text:
        assert "\n" not in edited.text.replace("\r\n", "")
    else:
        assert "\r" not in edited.text
    return edited


def check_lines(before: Side, after: Side, operations: list[Operation]) -> None:
    """Only statements at, above or below an asked path are others, and none of the rest changes its place."""
    kept = [(s.path, before.line(s)) for s in before.statements if s.path and not related(s.path, operations)]
    assert [(s.path, after.line(s)) for s in after.statements if s.path and not related(s.path, operations)] == kept
    old, new = before.named(), after.named()
    for place, statement in new.items():
        if place in old and before.line(old[place]) != after.line(statement):
            assert statement.kind is Kind.KEY
            assert related(statement.path, operations)


def check_comments(before: Side, after: Side, operations: list[Operation]) -> None:
    """No comment is new; what describes something that stays stays right above it."""
    old, new = before.named(), after.named()
    comments = [[side.line(s) for s in side.statements if s.kind is Kind.COMMENT] for side in (before, after)]
    removing = any(isinstance(operation, Remove) for operation in operations)
    lost = collections.Counter(comments[0]) - collections.Counter(comments[1])
    assert not collections.Counter(comments[1]) - collections.Counter(comments[0])
    assert removing or not lost
    for place in old.keys() & new.keys():
        above = before.comments_above(old[place]), after.comments_above(new[place])
        settings = {op.path[-1] for op in operations if isinstance(op, Set)}
        taken = [line for line in above[0] if (found := commented_out(line)) and found.path[-1:][0] in settings]
        if not taken:
            assert above[1][len(above[1]) - len(above[0]) :] == above[0], place
        gained = len(above[1]) > len(above[0])
        assert not gained or (removing and (old[place].kind is Kind.KEY or not is_prose(above[1]))), place


def is_prose(comments: list[str]) -> bool:
    return not any(map(commented_out, comments))


def check_indents(before: Side, after: Side) -> None:
    old = before.named()
    known = {(s.path[:-1], s.indent) for s in before.statements if s.is_header}
    for place, statement in after.named().items():
        if place in old:
            assert statement.indent == old[place].indent
        elif statement.kind is Kind.KEY:
            siblings, header = after.siblings(statement), after.header_of(statement)
            if siblings:
                assert statement.indent in {s.indent for s in siblings}
            elif header is not None:
                step = statement.indent.removeprefix(header.indent)
                assert step in (before.key_steps() or {"  "})
        else:
            siblings_of_table = {indent for parent, indent in known if parent == statement.path[:-1]}
            if siblings_of_table:
                assert statement.indent in siblings_of_table


def check_blank_lines(before: Side, after: Side) -> None:
    """One for each table that comes or goes, and never two where there was one."""
    tables_ = [side.count(Kind.TABLE, Kind.ARRAY_OF_TABLES) for side in (before, after)]
    blanks = [side.count(Kind.BLANK) for side in (before, after)]
    roots = [any(s.kind is Kind.KEY and not s.table for s in side.statements) for side in (before, after)]
    assert blanks[1] - blanks[0] <= max(0, tables_[1] - tables_[0]) + (roots[1] > roots[0])
    assert after.blank_runs() <= max(1, before.blank_runs())


NAMED = [
    pytest.param(VARIANTS[variant](text), id=f"{name}, {variant}")
    for name, text in FIXTURES.items()
    for variant in VARIANTS
    if not name.endswith("-default") or variant == "as it is"
]


def check_all(text: str, asked: t.Iterable[tuple[str, list[Operation]]]) -> None:
    for title, operations in asked:
        try:
            check(text, operations)
        except AssertionError as error:
            raise AssertionError(f"{title}: {operations}: {error}") from error


@pytest.mark.parametrize("text", NAMED)
def test_edits(text: str) -> None:
    check_all(text, edits(text))


@pytest.mark.parametrize("name", FIXTURES)
def test_edits_at_every_place(name: str) -> None:
    check_all(FIXTURES[name], every_edit(FIXTURES[name]))


# --- what it looks like

SHOWN = """
1-tabs 2-alternatives 2-column-zero 2-commented-tables 2-crun 2-dense-no-final-newline 2-dotted-and-inline
2-eol-comments 2-four-spaces-headers 2-imgcrypt 2-mixed-steps 2-one-space 2-split-plugins 2-strings-and-arrays 2-tabs
2-trailing-comma 3-chinese-flat 3-cri-disabled 4-node none-docker-stub none-socket
""".split()


def shown(text: str) -> str:
    """The diff of each edit under its name, without the file names and offsets, which say nothing here."""
    parts = []
    for title, operations in edits(text):
        after = edit(text, operations).text
        diff = list(difflib.unified_diff(text.splitlines(), after.splitlines(), n=2, lineterm=""))[2:]
        lines = ["..." if line.startswith("@@") else line for line in diff]
        parts.append("\n".join([f"=== {title}", *lines]))
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("name", SHOWN)
def test_diffs_are_those_that_were_read(name: str) -> None:
    golden, now = GOLDEN / f"{name}.diff", shown(FIXTURES[name])
    if os.environ.get("AIRGAP_NODES_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(now, encoding="utf-8")
    assert now == golden.read_text(encoding="utf-8")


def test_no_diff_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*")} == set(SHOWN)
