# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves as texts: before, what goes where, after; and the moves of whole schema upgrades over all fixtures."""

from __future__ import annotations

import collections
import itertools
import tomllib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import toml_move
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Set, edit, look_up, parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import Kind, scan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_move import Moves, move, moved
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_page import Page
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "config").glob("*.toml"))
}

V2 = ("plugins", "io.containerd.grpc.v1.cri")
IMAGES = ("plugins", "io.containerd.cri.v1.images")
RUNTIME = ("plugins", "io.containerd.cri.v1.runtime")
SERVER = "io.containerd.server.v1."

STAYING = (
    "disable_tcp_service enable_tls_streaming stream_idle_timeout stream_server_address stream_server_port "
    "x509_key_pair_streaming"
).split()
OF_IMAGES = (
    "image_decryption image_pull_progress_timeout image_pull_with_sync_fs max_concurrent_downloads registry "
    "stats_collect_period"
).split()
TCP = "address tls_ca tls_cert tls_key tls_common_name".split()
OF_SNAPSHOTS = "disable_snapshot_annotations discard_unpacked_layers snapshotter".split()


def to_version_3(data: dict[str, t.Any]) -> Moves:
    runtimes = look_up(data, (*V2, "containerd", "runtimes")) or {}
    return [
        (V2, RUNTIME),
        *(((*V2, key), (*V2, key)) for key in STAYING),
        *(((*V2, key), (*IMAGES, key)) for key in OF_IMAGES),
        *(((*V2, "containerd", key), (*IMAGES, key)) for key in OF_SNAPSHOTS),
        ((*V2, "sandbox_image"), (*IMAGES, "pinned_images", "sandbox")),
        ((*V2, "cni", "bin_dir"), (*RUNTIME, "cni", "bin_dirs")),
        *(
            (
                (*V2, "containerd", "runtimes", name, "sandbox_mode"),
                (*RUNTIME, "containerd", "runtimes", name, "sandboxer"),
            )
            for name in runtimes
        ),
    ]


def to_version_4(_data: dict[str, t.Any]) -> Moves:
    return [
        (("grpc",), ("plugins", f"{SERVER}grpc")),
        *((("grpc", f"tcp_{key}"), ("plugins", f"{SERVER}grpc-tcp", key)) for key in TCP),
        (("ttrpc",), ("plugins", f"{SERVER}ttrpc")),
        *((("debug", key), ("plugins", f"{SERVER}debug", key)) for key in ("address", "uid", "gid")),
        (("metrics", "address"), ("plugins", f"{SERVER}metrics", "address")),
        (("metrics", "grpc_histogram"), ("plugins", "io.containerd.metrics.v1.grpc-prometheus", "grpc_histogram")),
    ]


def lines(*text: str) -> str:
    return "".join(f"{line}\n" for line in text)


A_TO_B: Moves = [(("a",), ("b",))]

# before, moves, after
MOVES: dict[str, tuple[str, Moves, str]] = {
    "a table": (
        lines("# one", "[a] # two", "  x = 1 # three", "  # y = 2", "", "[c]"),
        A_TO_B,
        lines("# one", "[b] # two", "  x = 1 # three", "  # y = 2", "", "[c]"),
    ),
    "tables below it": (
        lines("  [a.'x.y'.z]", "    k = 1", "[ a . d ]", "[a]", "m = 1"),
        A_TO_B,
        lines("  [b.'x.y'.z]", "    k = 1", "[ b.d ]", "[b]", "m = 1"),
    ),
    "quotes are those of the header": (
        lines("[plugins.'io.containerd.grpc.v1.cri'.registry]", "x = 1"),
        [((*V2, "registry"), (*IMAGES, "registry"))],
        lines("[plugins.'io.containerd.cri.v1.images'.registry]", "x = 1"),
    ),
    "a key of another name": (
        lines("[a]", "  # about x", "  x   = 1 # beside", "  z = 1"),
        [(("a", "x"), ("a", "y"))],
        lines("[a]", "  # about x", "  y   = 1 # beside", "  z = 1"),
    ),
    "a key goes to a table that is there": (
        lines(
            "[a]", "  # about x", "  x = [", "    1, # one", "  ]", "  z = 1", "", "    [b]", "      y = 1", "", "[c]"
        ),
        [(("a", "x"), ("b", "x"))],
        lines(
            "[a]",
            "  z = 1",
            "",
            "    [b]",
            "      y = 1",
            "      # about x",
            "      x = [",
            "        1, # one",
            "      ]",
            "",
            "[c]",
        ),
    ),
    "a key goes to a table that is not there": (
        lines("[a]", "  x = 1", "  z = 1", "", "[c]", "  y = 1"),
        [(("a", "x"), ("c", "d", "x"))],
        lines("[a]", "  z = 1", "", "[c]", "  y = 1", "", "[c.d]", "  x = 1"),
    ),
    "a key below the comment that holds it": (
        lines("[a]", "x = 1", "y = 1", "[b]", "# x = 2", "z = 1"),
        [(("a", "x"), ("b", "x"))],
        lines("[a]", "y = 1", "[b]", "# x = 2", "x = 1", "z = 1"),
    ),
    "commented-out settings of other names stay": (
        lines("[a]", "# about w", "# w = 1", "# x = 2", "x = 1", "y = 1", "", "[b]"),
        [(("a", "x"), ("b", "x"))],
        lines("[a]", "# about w", "# w = 1", "y = 1", "", "[b]", "# x = 2", "x = 1"),
    ),
    "an emptied table vanishes": (
        lines("[r]", "", "# about a", "[a] # beside a", "  # about x", "  x = 1", "", "[b]", "  y = 1", "", "[c]"),
        [(("a", "x"), ("b", "x"))],
        lines("[r]", "", "[b]", "  y = 1", "  # about a", "  # beside a", "  # about x", "  x = 1", "", "[c]"),
    ),
    "an emptied table at the end": (
        lines("[b]", "  y = 1", "", "[a]", "  x = 1"),
        [(("a", "x"), ("b", "x"))],
        lines("[b]", "  y = 1", "  x = 1"),
    ),
    "an emptied table leaves its other comments": (
        lines("[b]", "  y = 1", "", "[a]", "  # about w", "  # w = 1", "", "  x = 1", "", "[c]"),
        [(("a", "x"), ("b", "x"))],
        lines("[b]", "  y = 1", "  x = 1", "", "  # about w", "  # w = 1", "", "[c]"),
    ),
    "an emptied table whose keys part": (
        lines("# about a", "[a] # beside a", "x = 1", "y = 1", "[b]", "z = 1", "[c]", "z = 1"),
        [(("a", "x"), ("b", "x")), (("a", "y"), ("c", "y"))],
        lines("# about a", "# beside a", "[b]", "z = 1", "x = 1", "[c]", "z = 1", "y = 1"),
    ),
    "the only key of a table takes the header along": (
        lines("# about a", "[a] # beside", "  sandbox_image = 1"),
        [(("a", "sandbox_image"), ("b", "pinned", "sandbox"))],
        lines("# about a", "[b.pinned] # beside", "  sandbox = 1"),
    ),
    "two keys change places": (
        lines("[a]", "x = 1", "y = 2"),
        [(("a", "x"), ("a", "y")), (("a", "y"), ("a", "x"))],
        lines("[a]", "y = 1", "x = 2"),
    ),
    "two tables change places": (
        lines("[a]", "x = 1", "[b]", "y = 2"),
        [*A_TO_B, (("b",), ("a",))],
        lines("[b]", "x = 1", "[a]", "y = 2"),
    ),
    "all but one key": (
        lines("[a]", "x = 1", "y = 2", "[a.c]", "z = 1"),
        [*A_TO_B, (("a", "x"), ("a", "x"))],
        lines("[a]", "x = 1", "[b]", "y = 2", "[b.c]", "z = 1"),
    ),
    "an empty table": (lines("[a]", "[c]"), A_TO_B, lines("[b]", "[c]")),
    "a table into one that is there": (
        lines("[a]", "x = 1", "", "[a.c]", "y = 1", "", "[b]", "z = 1"),
        A_TO_B,
        lines("[b.c]", "y = 1", "", "[b]", "z = 1", "x = 1"),
    ),
    "an array of tables": (
        lines("[[a]]", "x = 1", "[[a]]", "x = 2"),
        A_TO_B,
        lines("[[b]]", "x = 1", "[[b]]", "x = 2"),
    ),
    "dotted keys": (
        lines('a."x.y".z = 1 # c', "a.w = 2", "[c]", "d.e = 1"),
        [*A_TO_B, (("c", "d", "e"), ("c", "f", "e"))],
        lines('b."x.y".z = 1 # c', "b.w = 2", "[c]", "f.e = 1"),
    ),
    "a dotted key leaves its table": (
        lines("[a]", "d.e = 1", "x = 1", "[b]", "y = 1"),
        [(("a", "d"), ("b", "d"))],
        lines("[a]", "x = 1", "[b]", "y = 1", "[b.d]", "e = 1"),
    ),
    "to dotted keys": (
        lines("b.x = 1", "[a]", "y = 1", "z = 1"),
        [(("a", "y"), ("b", "y"))],
        lines("b.x = 1", "b.y = 1", "[a]", "z = 1"),
    ),
    "an inline table": (
        lines("[a]", "x = { y = 1, z = { w = 2 } } # c", "v = 1", "[b]"),
        [(("a", "x"), ("b", "x"))],
        lines("[a]", "v = 1", "[b]", "x = { y = 1, z = { w = 2 } } # c"),
    ),
    "from the root to a table and back": (
        lines("x = 1", "y = 1", "", "[a]", "z = 1", "v = 1"),
        [(("x",), ("a", "x")), (("a", "z"), ("z",))],
        lines("y = 1", "z = 1", "", "[a]", "v = 1", "x = 1"),
    ),
    "line ends of two characters": (
        "[a]\r\n  # about x\r\n  x = 1\r\n  y = 1\r\n\r\n[b]\r\n",
        [(("a", "x"), ("b", "x"))],
        "[a]\r\n  y = 1\r\n\r\n[b]\r\n  # about x\r\n  x = 1\r\n",
    ),
    "no newline at the end": (
        "[b]\ny = 1\n[a]\nz = 1\nx = 1 # c",
        [(("a", "x"), ("b", "x"))],
        "[b]\ny = 1\nx = 1 # c\n[a]\nz = 1\n",
    ),
    "a byte order mark": ("\ufeff[a]\nx = 1", A_TO_B, "\ufeff[b]\nx = 1"),
    "a long string keeps its indentation": (
        lines("  [a]", "    x = '''", "    y", "  '''", "    z = 1", "[b]", "v = 1"),
        [(("a", "x"), ("b", "x"))],
        lines("  [a]", "    z = 1", "[b]", "v = 1", "x = '''", "    y", "  '''"),
    ),
    "a table that is made is indented as the one next to it, above its children": (
        lines(
            "[g]",
            "  z = 1",
            "",
            "[p]",
            "  [p.a]",
            "    x = 1",
            "    w = 1",
            "    y = 1",
            "",
            "    [p.a.c]",
            "      k = 1",
        ),
        [(("g",), ("p", "g")), (("p", "a", "y"), ("p", "b", "y")), (("p", "a", "c"), ("p", "b", "c"))],
        lines(
            "[p.g]",
            "  z = 1",
            "",
            "[p]",
            "  [p.a]",
            "    x = 1",
            "    w = 1",
            "",
            "  [p.b]",
            "    y = 1",
            "",
            "    [p.b.c]",
            "      k = 1",
        ),
    ),
    "a table that is made is indented as the one next to it, at the end": (
        lines("[p]", "  [p.a]", "    x = 1", "", "[g]", "  z = 1", "  y = 1"),
        [(("g",), ("p", "g")), (("g", "y"), ("p", "b", "y"))],
        lines("[p]", "  [p.a]", "    x = 1", "", "[p.g]", "  z = 1", "", "[p.b]", "  y = 1"),
    ),
    "a table that is made below none is indented as the last of its aunts": (
        lines("[g]", "  z = 1", "", "[p]", "  [p.a]", "    x = 1", "    y = 1"),
        [(("g",), ("p", "g")), (("p", "a", "y"), ("p", "b", "c", "y"))],
        lines("[p.g]", "  z = 1", "", "[p]", "  [p.a]", "    x = 1", "", "  [p.b.c]", "    y = 1"),
    ),
    "nothing there": (lines("[c] # as it was", "x  = 1"), A_TO_B, lines("[c] # as it was", "x  = 1")),
    "nowhere": (lines("[a]", "x  = 1"), [(("a",), ("a",))], lines("[a]", "x  = 1")),
}

REFUSED: dict[str, tuple[str, Moves, str]] = {
    "not TOML": ("a =\n", A_TO_B, "1:4: not valid TOML: Invalid value. Nothing was changed; mend the file first."),
    "a place that is taken": (
        "[a]\nx = 1\n[b]\nx = 2\n",
        A_TO_B,
        "b.x: is there already, and another value would move to it. Nothing was changed; remove one of the two first.",
    ),
    "a place below a value": (
        "b = 1\n[a]\nx = 1\n",
        A_TO_B,
        "b.x: is there already, and another value would move to it. Nothing was changed; remove one of the two first.",
    ),
    "a part of an inline table": (
        "y = 1\na = { x = 1, y = 2 }\n",
        [(("a", "x"), ("b", "x"))],
        "2: a.x: stands in an inline table, which cannot be moved in part. "
        "Nothing was changed; give that table a header of its own first.",
    ),
    "into an inline table": (
        "b = { x = 1 }\n[a]\ny = 2\nz = 1\n",
        [(("a", "y"), ("b", "y"))],
        "3: b.y: stands in an inline table, which cannot be moved in part. "
        "Nothing was changed; give that table a header of its own first.",
    ),
    "dotted keys beside a header": (
        "a.x = 1\na.y = 1\n[b]\nz = 1\n",
        [(("a", "x"), ("b", "x"))],
        "1: a.x: this layout of tables cannot be moved without rewriting it. "
        "Nothing was changed; give each of the tables a header of its own first.",
    ),
}


@pytest.mark.parametrize(("before", "moves", "after"), MOVES.values(), ids=MOVES)
def test_move(before: str, moves: Moves, after: str) -> None:
    assert move(before, moves) == after


@pytest.mark.parametrize(("text", "moves", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, moves: Moves, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        move(text, moves)
    assert str(raised.value) == message


@pytest.mark.parametrize("broken", ["b = 2\n", "[a\n"], ids=["other data", "not TOML"])
def test_a_move_that_went_wrong_is_not_handed_out(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(toml_move, "_pasted", lambda *_arguments: Page(broken))
    with pytest.raises(DomainError) as raised:
        move("[a]\nx = 1\ny = 1\n", [(("a", "x"), ("b", "x"))])
    assert str(raised.value).startswith("2: a.x: this layout of tables cannot be moved without rewriting it.")


def test_moved_leaves_the_data_alone() -> None:
    data = {"a": {"x": 1, "e": {}}}
    assert moved(data, A_TO_B) == {"b": {"x": 1, "e": {}}}
    assert data == {"a": {"x": 1, "e": {}}}


def test_a_value_changes_behind_its_key() -> None:
    """The new name and the new kind of value come to one changed line."""
    text = move("[a]\n  bin_dir = '/opt/cni/bin' # ours\n", [(("a", "bin_dir"), ("a", "bin_dirs"))])
    edited = edit(text, [Set(("a", "bin_dirs"), ["/opt/cni/bin"])])
    assert edited.text == "[a]\n  bin_dirs = ['/opt/cni/bin'] # ours\n"


# --- schema upgrades


def comments(text: str) -> collections.Counter[str]:
    """Every comment of a text, beside or above something, or on its own."""
    found: collections.Counter[str] = collections.Counter()
    for statement in scan(text):
        if statement.kind is Kind.COMMENT:
            found[text[statement.start : statement.end].strip()] += 1
        elif statement.kind is not Kind.BLANK:
            start = statement.keys_end if statement.is_header else statement.value_end
            beside = text[start : statement.end].lstrip("] \t").strip()
            found.update([beside] if beside else [])
            inside = text[statement.value_start : statement.value_end].splitlines()
            found.update(line.strip() for line in inside if "#" in line)
    return found


def leaves(value: t.Any, path: KeyPath = ()) -> t.Iterator[tuple[str, str]]:
    """Last names and values: what neither a rename nor a move of tables may change."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif path:
        yield path[-1], repr(value)


RENAMED = {"sandbox_image": "sandbox", "bin_dir": "bin_dirs", "sandbox_mode": "sandboxer"}
RENAMED |= {f"tcp_{key}": key for key in TCP}
UPGRADES = [
    pytest.param(FIXTURES[name], moves, id=f"{name} to {target}")
    for versions, moves, target in (("2", to_version_3, 3), ("23", to_version_4, 4))
    for name in FIXTURES
    if name[0] in versions
]


def variants(text: str) -> t.Iterator[str]:
    yield text
    yield text.replace("\n", "\r\n")
    yield text.rstrip("\n")
    yield f"\ufeff{text}"


@pytest.mark.parametrize(("text", "moves_of"), UPGRADES)
def test_upgrades(text: str, moves_of: t.Callable[[dict[str, t.Any]], Moves]) -> None:
    for before in variants(text):
        data = parse(before)
        after = move(before, moves_of(data))
        assert same(parse(after), moved(data, moves_of(data)))
        assert comments(after) == comments(before)
        renamed = collections.Counter((RENAMED.get(key, key), value) for key, value in leaves(data))
        assert collections.Counter((RENAMED.get(key, key), value) for key, value in leaves(parse(after))) == renamed
        assert move(after, moves_of(data)) == after
        assert ("\r\n" in before) == ("\r\n" in after)
        assert "\n" not in after.replace("\r\n", "") or "\r\n" not in before
        assert after.startswith("\ufeff") == before.startswith("\ufeff")
        check_blank_lines(before, after)


def check_blank_lines(before: str, after: str) -> None:
    """No two blank lines where there was one, none at the start, none at the end."""
    both = [["" if line.isspace() else line for line in text.split("\n")] for text in (before, after)]
    runs = [max(len(list(run)) if not line else 0 for line, run in itertools.groupby(lines_)) for lines_ in both]
    assert runs[1] <= max(1, runs[0])
    assert both[1][0] or not both[0][0]
    assert after.rstrip(" \t").endswith("\n\n") <= before.rstrip(" \t").endswith("\n\n")


# --- any moves


def paths(value: t.Any, path: KeyPath = ()) -> t.Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from paths(item, (*path, key))


@st.composite
def some_moves(draw: st.DrawFn, data: dict[str, t.Any]) -> Moves:
    found = list(paths(data))
    tables = [(), *(path for path in found if isinstance(look_up(data, path), dict))]
    chosen = draw(st.lists(st.sampled_from(found), min_size=1, max_size=4, unique=True))
    names = st.sampled_from(["moved", "io.containerd.cri.v1.images", "x y"])
    moves = []
    for source in chosen:
        below = draw(st.lists(names, max_size=2))
        name = draw(st.sampled_from([source[-1], "renamed"]))
        moves.append((source, (*draw(st.sampled_from(tables)), *below, name)))
    return moves


@pytest.mark.parametrize("name", [name for name, text in FIXTURES.items() if parse(text) and "default" not in name])
@settings(max_examples=20, deadline=None)
@given(drawn=st.data())
def test_any_moves(name: str, drawn: st.DataObject) -> None:
    """What is handed out is right, whatever was asked; most of what is asked can be done."""
    before = FIXTURES[name]
    moves = drawn.draw(some_moves(parse(before)))
    try:
        after = move(before, moves)
    except DomainError as refusal:
        assert refusal.key_path or refusal.line
        return
    assert same(parse(after), moved(parse(before), moves))
    assert comments(after) == comments(before)
    check_blank_lines(before, after)


def test_a_whole_upgrade_reads_as_if_done_by_hand() -> None:
    """The nested layout that containerd itself prints: headers are renamed in place, the rest is gathered once."""
    text = lines(
        "version = 2",
        "",
        "[plugins]",
        "",
        f'  [plugins."{V2[1]}"]',
        "    # tell the network team",
        "    enable_selinux = true",
        "    # ours, since the upstream cannot be reached",
        '    sandbox_image = "registry.example.com/pause:3.9" # mirrored',
        '    stream_server_port = "0"',
        "    not_known = 1",
        "",
        f'    [plugins."{V2[1]}".cni]',
        '      bin_dir = "/opt/cni/bin"',
        "",
        f'    [plugins."{V2[1]}".containerd]',
        '      default_runtime_name = "runc"',
        '      snapshotter = "native"',
        "",
        "    # mirrors of the house",
        f'    [plugins."{V2[1]}".registry]',
        f'      # [plugins."{V2[1]}".registry.mirrors]',
        '      config_path = "/etc/containerd/certs.d"',
    )
    assert move(text, to_version_3(tomllib.loads(text))) == lines(
        "version = 2",
        "",
        "[plugins]",
        "",
        f'  [plugins."{RUNTIME[1]}"]',
        "    # tell the network team",
        "    enable_selinux = true",
        "    not_known = 1",
        "",
        f'    [plugins."{RUNTIME[1]}".cni]',
        '      bin_dirs = "/opt/cni/bin"',
        "",
        f'    [plugins."{RUNTIME[1]}".containerd]',
        '      default_runtime_name = "runc"',
        "",
        f'  [plugins."{IMAGES[1]}"]',
        '    snapshotter = "native"',
        "",
        "    # mirrors of the house",
        f'    [plugins."{IMAGES[1]}".registry]',
        f'      # [plugins."{V2[1]}".registry.mirrors]',
        '      config_path = "/etc/containerd/certs.d"',
        "",
        f'    [plugins."{IMAGES[1]}".pinned_images]',
        "      # ours, since the upstream cannot be reached",
        '      sandbox = "registry.example.com/pause:3.9" # mirrored',
        "",
        f'  [plugins."{V2[1]}"]',
        '    stream_server_port = "0"',
    )
