# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits as texts: before, what is asked, after. Each row is a layout that files on nodes have."""

from __future__ import annotations

import textwrap
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import toml_edit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Difference,
    Edited,
    Remove,
    Set,
    applied,
    edit,
    look_up,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_page import Page

CRI = ("plugins", "io.containerd.grpc.v1.cri")
IMAGES = ("plugins", "io.containerd.cri.v1.images")
SANDBOX = "registry.example.com/k8s/pause:3.10"
TREE = "/etc/containerd/certs.d"

Operation = Set | Remove


def lines(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


def crlf(text: str) -> str:
    return lines(text).replace("\n", "\r\n")


EDITS: dict[str, tuple[str, list[Operation], str]] = {
    "a value": (
        'a = "b"\n',
        [Set(("a",), "c")],
        'a = "c"\n',
    ),
    "a value with a comment behind it": (
        lines("""
            [a]
              sandbox_image = "old"   # the pause image
              # next = 1
            """),
        [Set(("a", "sandbox_image"), "new")],
        lines("""
            [a]
              sandbox_image = "new"   # the pause image
              # next = 1
            """),
    ),
    "a value in single quotes": (
        "[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = 'old'\n",
        [Set((*IMAGES, "pinned_images", "sandbox"), SANDBOX)],
        f"[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = '{SANDBOX}'\n",
    ),
    "a value with odd spaces": ("yy   =   2   # c\n", [Set(("yy",), 3)], "yy   =   3   # c\n"),
    "a value that looks like TOML": (
        '[a]\nx = "# [b] = \\" 1" # real\n[b]\nx = 1\n',
        [Set(("a", "x"), '[b] # "x" = 2'), Set(("b", "x"), 2)],
        '[a]\nx = "[b] # \\"x\\" = 2" # real\n[b]\nx = 2\n',
    ),
    "headers and keys inside a long string": (
        lines('''
            [a]
            note = """
            [b]
            x = 1
            """
            [b]
            x = 2
            '''),
        [Set(("b", "x"), 3), Set(("a", "y"), 4), Remove(("a", "note"))],
        lines("""
            [a]
            y = 4
            [b]
            x = 3
            """),
    ),
    "the last line has no newline": ("[a]\nx = 1", [Set(("a", "x"), 2)], "[a]\nx = 2"),
    "behind a last line without newline": ("[a]\nx = 1 # c", [Set(("a", "y"), 2)], "[a]\nx = 1 # c\ny = 2\n"),
    "a table behind a last comment without newline": (
        "[a]\nx = 1\n# c",
        [Set(("b", "y"), 2)],
        "[a]\nx = 1\n# c\n\n[b]\ny = 2\n",
    ),
    "line ends of two characters": (
        crlf("""
            [a]
            x = 1 # c

            [b]
            y = 1
            """),
        [Set(("a", "x"), 2), Set(("a", "z"), 3), Set(("c", "z"), "q"), Remove(("b",))],
        crlf("""
            [a]
            x = 2 # c
            z = 3

            [c]
            z = "q"
            """),
    ),
    "both line ends, mostly the long one": (
        "a = 1\r\nb = 2\r\nc = 3\n",
        [Set(("d",), 4)],
        "a = 1\r\nb = 2\r\nc = 3\nd = 4\r\n",
    ),
    "a byte order mark": ("\ufeffversion = 2\n", [Set(("a",), 1)], "\ufeffversion = 2\na = 1\n"),
    "Chinese": (
        '# 注释\n[a]\nx = "é" # 中文\n',
        [Set(("a", "x"), "漢字"), Set(("a", "键"), 1)],
        '# 注释\n[a]\nx = "漢字" # 中文\n"键" = 1\n',
    ),
    #
    # new keys
    #
    "a key behind its neighbours": (
        lines("""
            [a]
              # about x
              x = 1

            # about b
            [b]
              y = 1
            """),
        [Set(("a", "z"), 2)],
        lines("""
            [a]
              # about x
              x = 1
              z = 2

            # about b
            [b]
              y = 1
            """),
    ),
    "a key in a table that has only tables": (
        lines("""
            [plugins]
              [plugins."io.containerd.grpc.v1.cri"]
                [plugins."io.containerd.grpc.v1.cri".cni]
                  bin_dir = "/opt/cni/bin"
            """),
        [Set((*CRI, "sandbox_image"), SANDBOX)],
        lines(f"""
            [plugins]
              [plugins."io.containerd.grpc.v1.cri"]
                sandbox_image = "{SANDBOX}"
                [plugins."io.containerd.grpc.v1.cri".cni]
                  bin_dir = "/opt/cni/bin"
            """),
    ),
    "a key in single quotes behind a number": (
        "[a]\n  x = 'y'\n  n = 1\n",
        [Set(("a", "b.c"), "z")],
        "[a]\n  x = 'y'\n  n = 1\n  'b.c' = 'z'\n",
    ),
    "a key in double quotes behind one in single quotes": (
        "[a]\nx = 'y'\nz = \"y\"\n",
        [Set(("a", "w"), "v")],
        '[a]\nx = \'y\'\nz = "y"\nw = "v"\n',
    ),
    "a key without spaces": ('[a]\nx="y"\n', [Set(("a", "z"), "w")], '[a]\nx="y"\nz="w"\n'),
    "a key below the comment that holds it": (
        lines("""
            [debug]
            #  address = "/run/debug.sock"
            #  level = "info"
            #  format = "json"
            """),
        [Set(("debug", "level"), "debug")],
        lines("""
            [debug]
            #  address = "/run/debug.sock"
            #  level = "info"
              level = "debug"
            #  format = "json"
            """),
    ),
    "a key below the last of several alternatives": (
        lines("""
            [a]
              x = 1
              # image = "one"
              # image = "two"  # better

              y = 2
            """),
        [Set(("a", "image"), "three")],
        lines("""
            [a]
              x = 1
              # image = "one"
              # image = "two"  # better
              image = "three"

              y = 2
            """),
    ),
    "a root key whose name stands in a commented-out table": (
        lines("""
            root = "/data"
            #oom_score = 0

            #[grpc]
            #  uid = 0
            """),
        [Set(("uid",), 7), Set(("oom_score",), -999)],
        lines("""
            root = "/data"
            uid = 7
            #oom_score = 0
            oom_score = -999

            #[grpc]
            #  uid = 0
            """),
    ),
    "a key of tabs": ("[a]\n\tx = 1\n", [Set(("a", "y"), 2)], "[a]\n\tx = 1\n\ty = 2\n"),
    "a key behind an array of several lines": (
        "[a]\n  x = [\n    1,\n  ] # c\n",
        [Set(("a", "y"), 2)],
        "[a]\n  x = [\n    1,\n  ] # c\n  y = 2\n",
    ),
    "the version first": (
        lines("""
            # Docker's package

            # CRI is off
            disabled_plugins = []
            """),
        [Set(("version",), 2)],
        lines("""
            # Docker's package

            version = 2
            # CRI is off
            disabled_plugins = []
            """),
    ),
    "the version before tables": (
        "# title\n\n# sockets\n[grpc]\n  uid = 0\n",
        [Set(("version",), 2)],
        "# title\n\nversion = 2\n\n# sockets\n[grpc]\n  uid = 0\n",
    ),
    "a root key before dense tables": ("[a]\nx = 1\n[b]\nx = 2\n", [Set(("c",), 3)], "c = 3\n[a]\nx = 1\n[b]\nx = 2\n"),
    "a root key behind others": (
        'root = "/a" # b\n\n[grpc]\nuid = 0\n',
        [Set(("imports",), ["/x"])],
        'root = "/a" # b\nimports = ["/x"]\n\n[grpc]\nuid = 0\n',
    ),
    "an empty file": ("", [Set(("version",), 2), Set(("a", "b"), 1)], "version = 2\n\n[a]\n  b = 1\n"),
    "nothing but comments": (
        "# a = 1\n\n# [b]",
        [Set(("version",), 2), Set(("b", "c"), 1)],
        "# a = 1\n\n# [b]\n\nversion = 2\n\n[b]\n  c = 1\n",
    ),
    "all at once": (
        "",
        [Set((), {"version": 2, "a": {"x": {"y": [1], "z": {}}}})],
        "version = 2\n\n[a.x]\n  y = [1]\n\n[a.x.z]\n",
    ),
    #
    # new tables
    #
    "a table behind its siblings, as deep as they are": (
        lines("""
            version = 2

            [plugins]

              [plugins."io.containerd.gc.v1.scheduler"]
                pause_threshold = 0.02

              [plugins."io.containerd.grpc.v1.cri"]
                enable_selinux = false

                [plugins."io.containerd.grpc.v1.cri".cni]
                  bin_dir = "/opt/cni/bin"

              [plugins."io.containerd.internal.v1.opt"]
                path = "/opt/containerd"
            """),
        [Set((*CRI, "registry", "config_path"), TREE)],
        lines(f"""
            version = 2

            [plugins]

              [plugins."io.containerd.gc.v1.scheduler"]
                pause_threshold = 0.02

              [plugins."io.containerd.grpc.v1.cri"]
                enable_selinux = false

                [plugins."io.containerd.grpc.v1.cri".cni]
                  bin_dir = "/opt/cni/bin"

                [plugins."io.containerd.grpc.v1.cri".registry]
                  config_path = "{TREE}"

              [plugins."io.containerd.internal.v1.opt"]
                path = "/opt/containerd"
            """),
    ),
    "a table in a file without blank lines": (
        lines("""
            version = 2
            [plugins]
             [plugins."io.containerd.grpc.v1.cri".cni]
              bin_dir = "/opt/cni/bin"
             [plugins."io.containerd.grpc.v1.cri"]
              enable_selinux = false
             [plugins."io.containerd.internal.v1.opt"]
              path = "/opt/containerd"
            """),
        [Set((*CRI, "registry", "config_path"), TREE), Set((*CRI, "sandbox_image"), SANDBOX)],
        lines(f"""
            version = 2
            [plugins]
             [plugins."io.containerd.grpc.v1.cri".cni]
              bin_dir = "/opt/cni/bin"
             [plugins."io.containerd.grpc.v1.cri"]
              enable_selinux = false
              sandbox_image = "{SANDBOX}"
             [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "{TREE}"
             [plugins."io.containerd.internal.v1.opt"]
              path = "/opt/containerd"
            """),
    ),
    "a top table where only those have blank lines": (
        lines("""
            [grpc]
              uid = 0

            # filters
            [stream_processors]
              [stream_processors.a]
                path = "/a"
              [stream_processors.b]
                path = "/b"
            """),
        [Set(("plugins", "cri", "x"), 1)],
        lines("""
            [grpc]
              uid = 0

            # filters
            [stream_processors]
              [stream_processors.a]
                path = "/a"
              [stream_processors.b]
                path = "/b"

            [plugins.cri]
              x = 1
            """),
    ),
    "a table with keys at the margin": (
        "[a]\nx = 1\n\n[a.b]\ny = 1\n",
        [Set(("a", "c", "z"), 1)],
        "[a]\nx = 1\n\n[a.b]\ny = 1\n\n[a.c]\nz = 1\n",
    ),
    "a table of tabs": (
        "[a]\n\tx = 1\n\n\t[a.b]\n\t\ty = 1\n",
        [Set(("a", "c", "z"), 1)],
        "[a]\n\tx = 1\n\n\t[a.b]\n\t\ty = 1\n\n\t[a.c]\n\t\tz = 1\n",
    ),
    "a parent behind its child": (
        lines("""
            [a.b]
            x = 1

            [a]
            y = 1
            """),
        [Set(("a", "z"), 2), Set(("a", "c", "w"), 3)],
        lines("""
            [a.b]
            x = 1

            [a]
            y = 1
            z = 2

            [a.c]
            w = 3
            """),
    ),
    "a parent that was never written": (
        lines("""
            # title

            # about b
            [a.b]
              x = 1
            """),
        [Set(("a", "z"), 2)],
        lines("""
            # title

            [a]
              z = 2

            # about b
            [a.b]
              x = 1
            """),
    ),
    "a parent of two tables": (
        "[a.b]\nx = 1\n\n[a.c]\nx = 1\n",
        [Set(("a", "z"), 2)],
        "[a]\nz = 2\n\n[a.b]\nx = 1\n\n[a.c]\nx = 1\n",
    ),
    "behind a table that is nothing but comments": (
        "[a]\n# one\n# two\n\n# about b\n[b]\nx = 1\n",
        [Set(("a", "c", "y"), 2)],
        "[a]\n# one\n# two\n\n[a.c]\ny = 2\n\n# about b\n[b]\nx = 1\n",
    ),
    "a parent of indented tables": (
        "[a]\n  [a.b.c]\n    x = 1\n  [a.d]\n    y = 1\n",
        [Set(("a", "b", "z"), 2)],
        "[a]\n  [a.b]\n    z = 2\n  [a.b.c]\n    x = 1\n  [a.d]\n    y = 1\n",
    ),
    "a runtime class, its parents written in part": (
        lines("""
            [plugins]
              [plugins."io.containerd.grpc.v1.cri"]
                enable_selinux = false
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                  runtime_type = "io.containerd.runc.v2"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                    SystemdCgroup = true
            """),
        [
            Set((*CRI, "containerd", "default_runtime_name"), "crun"),
            Set((*CRI, "containerd", "runtimes", "crun", "runtime_type"), "io.containerd.runc.v2"),
            Set((*CRI, "containerd", "runtimes", "crun", "options", "BinaryName"), "/usr/bin/crun"),
        ],
        lines("""
            [plugins]
              [plugins."io.containerd.grpc.v1.cri"]
                enable_selinux = false
                [plugins."io.containerd.grpc.v1.cri".containerd]
                  default_runtime_name = "crun"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                  runtime_type = "io.containerd.runc.v2"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                    SystemdCgroup = true
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
                  runtime_type = "io.containerd.runc.v2"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
                    BinaryName = "/usr/bin/crun"
            """),
    ),
    "options of a class, indented as those of another": (
        lines("""
            [a.runtimes.runc]
                type = "x"
              [a.runtimes.runc.options]
              root = "/"

            [b]
            """),
        [Set(("a", "runtimes", "crun"), {"type": "x", "options": {"root": "/"}})],
        lines("""
            [a.runtimes.runc]
                type = "x"
              [a.runtimes.runc.options]
              root = "/"

            [a.runtimes.crun]
                type = "x"
              [a.runtimes.crun.options]
              root = "/"

            [b]
            """),
    ),
    "a table whose parents are not written, among deeper ones": (
        lines("""
            [a]
              x = 1

              [a.registry]
                y = 1

                [a.registry.mirrors]
                  z = 1
            """),
        [Set(("a", "containerd", "runtimes", "type"), "x")],
        lines("""
            [a]
              x = 1

              [a.registry]
                y = 1

                [a.registry.mirrors]
                  z = 1

              [a.containerd.runtimes]
                type = "x"
            """),
    ),
    "a table between two that touch": (
        "[a]\nx = 1\n\n[b]\nx = 1\n[b.c]\nx = 1\n[d]\nx = 1\n\n[e]\nx = 1\n\n[f]\nx = 1\n",
        [Set(("b", "g", "x"), 1), Set(("e", "g", "x"), 1)],
        "[a]\nx = 1\n\n[b]\nx = 1\n[b.c]\nx = 1\n[b.g]\nx = 1\n[d]\nx = 1\n\n"
        "[e]\nx = 1\n\n[e.g]\nx = 1\n\n[f]\nx = 1\n",
    ),
    "before commented-out tables of another parent": (
        lines("""
            [a]
              x = 1

            # gone
            # [b.old]
            #   y = 1

            [c]
              x = 1
            """),
        [Set(("a", "new", "y"), 2)],
        lines("""
            [a]
              x = 1

            [a.new]
              y = 2

            # gone
            # [b.old]
            #   y = 1

            [c]
              x = 1
            """),
    ),
    "a table two levels below its nearest parent": (
        "[a]\n\n  [a.b]\n    x = 1\n\n[c]\n",
        [Set(("a", "b", "c", "d", "x"), 1)],
        "[a]\n\n  [a.b]\n    x = 1\n\n    [a.b.c.d]\n      x = 1\n\n[c]\n",
    ),
    "a split parent": (
        lines("""
            [plugins.a]
            x = 1

            [debug]
            level = "info"

            [plugins.b]
            x = 1
            """),
        [Set(("plugins", "c", "x"), 1)],
        lines("""
            [plugins.a]
            x = 1

            [debug]
            level = "info"

            [plugins.b]
            x = 1

            [plugins.c]
            x = 1
            """),
    ),
    "behind commented-out tables of its parent": (
        lines("""
            [a]
              x = 1

              # [a.old]
              #   y = 1

            # section two

            [b]
              x = 1
            """),
        [Set(("a", "new", "y"), 2)],
        lines("""
            [a]
              x = 1

              # [a.old]
              #   y = 1

            [a.new]
              y = 2

            # section two

            [b]
              x = 1
            """),
    ),
    "between a table's own comments and those of the next": (
        lines("""
            [a]
            x = 1
            # the end of a

            # about b
            [b]
            x = 1
            """),
        [Set(("a", "c", "y"), 2)],
        lines("""
            [a]
            x = 1
            # the end of a

            [a.c]
            y = 2

            # about b
            [b]
            x = 1
            """),
    ),
    "a header with spaces": ("[ a . b ]\nx=1\n", [Set(("a", "c", "y"), 1)], "[ a . b ]\nx=1\n\n[a.c]\ny = 1\n"),
    "a header in single quotes": (
        "[plugins.'io.containerd.cri.v1.images']\n  n = 1\n",
        [Set((*IMAGES, "registry", "config_path"), TREE)],
        "[plugins.'io.containerd.cri.v1.images']\n  n = 1\n\n"
        f"[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '{TREE}'\n",
    ),
    "the first header of a file in single quotes": (
        "version = 3\nroot = '/data'\n",
        [Set((*IMAGES, "registry", "config_path"), TREE)],
        f"version = 3\nroot = '/data'\n\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '{TREE}'\n",
    ),
    "an empty table": ("[a]\nx = 1\n", [Set(("a", "b"), {})], "[a]\nx = 1\n\n[a.b]\n"),
    "an empty table that is there": ("[a.b]\nx = 1\n", [Set(("a", "b"), {}), Set(("a",), {})], "[a.b]\nx = 1\n"),
    "three blank lines at the end": ("[a]\nx = 1\n\n\n", [Set(("a", "y"), 1)], "[a]\nx = 1\ny = 1\n\n\n"),
    "another array of tables": (
        "[[a.b]]\n  x = 1\n\n[[a.b]]\n  x = 2\n\n[c]\n",
        [Set(("a", "b"), [{"x": 3}])],
        "[[a.b]]\n  x = 3\n\n[c]\n",
    ),
    "one less of an array of tables": (
        "[a]\ny = 1\n\n[[a.b]]\nx = 1 # one\n\n# two\n[[a.b]]\nx = 2\n\n# three\n[[a.b]]\n# stays\nx = 3\n",
        [Set(("a", "b"), [{"x": 1}, {"x": 3}])],
        "[a]\ny = 1\n\n[[a.b]]\nx = 1 # one\n\n# three\n[[a.b]]\n# stays\nx = 3\n",
    ),
    "one less and one more of an array of tables": (
        "[[a.b]]\nx = 1\n[[a.b]]\nx = 2 # stays\n",
        [Set(("a", "b"), [{"x": 2}, {"x": 3}])],
        "[[a.b]]\nx = 2 # stays\n[[a.b]]\nx = 3\n",
    ),
    "an empty array for an array of tables": (
        "[a]\ny = 1\n[[a.b]]\nx = 1\n",
        [Set(("a", "b"), [])],
        "[a]\ny = 1\nb = []\n",
    ),
    "one more of an array of tables": (
        lines("""
            [x]
              [[x.y]]  # the first
                  k = 'v'

            # Of z.
            [z]
            k = 1
            """),
        [Set(("x", "y"), [{"k": "v"}, {"k": "w", "l": [1]}])],
        lines("""
            [x]
              [[x.y]]  # the first
                  k = 'v'

              [[x.y]]
                  k = 'w'
                  l = [1]

            # Of z.
            [z]
            k = 1
            """),
    ),
    "beside an array of tables": (
        lines("""
            [a]
            x = 1

            [[racks]]
            name = "one"

            [racks.power]
            feeds = 2

            [[racks]]
            name = "two"

            [b]
            x = 1
            """),
        [Set(("a", "y"), 2), Set(("b", "y"), 3), Set(("c",), 4)],
        lines("""
            c = 4

            [a]
            x = 1
            y = 2

            [[racks]]
            name = "one"

            [racks.power]
            feeds = 2

            [[racks]]
            name = "two"

            [b]
            x = 1
            y = 3
            """),
    ),
    #
    # dotted keys, inline tables and arrays
    #
    "dotted keys": (
        lines("""
            plugins."io.containerd.grpc.v1.cri".registry.config_path = ""
            plugins."io.containerd.grpc.v1.cri".enable_cdi = true

            [debug]
            level = "info"
            """),
        [
            Set((*CRI, "registry", "config_path"), TREE),
            Set((*CRI, "sandbox_image"), SANDBOX),
            Set((*CRI, "registry", "headers", "X-Fleet"), ["a"]),
        ],
        lines(f"""
            plugins."io.containerd.grpc.v1.cri".registry.config_path = "{TREE}"
            plugins."io.containerd.grpc.v1.cri".registry.headers.X-Fleet = ["a"]
            plugins."io.containerd.grpc.v1.cri".enable_cdi = true
            plugins."io.containerd.grpc.v1.cri".sandbox_image = "{SANDBOX}"

            [debug]
            level = "info"
            """),
    ),
    "dotted keys below a header": (
        "[plugins]\n  'io.x'.registry.a = 'b'\n",
        [Set(("plugins", "io.x", "registry", "c"), "d"), Set(("plugins", "io.y", "e"), 1)],
        "[plugins]\n  'io.x'.registry.a = 'b'\n  'io.x'.registry.c = 'd'\n\n[plugins.'io.y']\n  e = 1\n",
    ),
    "a header below dotted keys": (
        "[a]\nb.c = 1\n\n[a.b.d]\nx = 1\n",
        [Set(("a", "b", "d", "y"), 2), Set(("a", "b", "e"), {})],
        "[a]\nb.c = 1\n\n[a.b.d]\nx = 1\ny = 2\n\n[a.b.e]\n",
    ),
    "inline tables": (
        'runc = { runtime_type = "v2", options = { SystemdCgroup = false } } # c\n',
        [
            Set(("runc", "options", "SystemdCgroup"), True),
            Set(("runc", "options", "BinaryName"), "/usr/bin/runc"),
            Set(("runc", "pod_annotations"), ["*"]),
            Set(("runc", "cni"), {}),
        ],
        'runc = { runtime_type = "v2", options = { SystemdCgroup = true, BinaryName = "/usr/bin/runc" }, '
        'pod_annotations = ["*"], cni = {} } # c\n',
    ),
    "inline tables lose": (
        "a = { b = 1, c = { d = 2 } }\n",
        [Remove(("a", "b")), Remove(("a", "c", "d"))],
        "a = { c = {} }\n",
    ),
    "a parent inside an inline table that was never written": (
        "a = { b.c = 1 }\n",
        [Remove(("a", "b", "c"))],
        "a = {b = {}}\n",
    ),
    "tables in a list on one line": ("x = [{a = 1}] # c\n", [Set(("x",), [{"a": 2}])], "x = [{a = 2}] # c\n"),
    "an array of several lines": (
        lines("""
            imports = [
              "/etc/a.toml", # one
              # "/etc/b.toml",
              "/etc/c.toml",
            ] # all
            """),
        [Set(("imports",), ["/etc/a.toml", "/etc/d.toml", "/etc/c.toml"])],
        lines("""
            imports = [
              "/etc/a.toml", # one
              "/etc/d.toml",
              # "/etc/b.toml",
              "/etc/c.toml",
            ] # all
            """),
    ),
    #
    # removals
    #
    "a key": ("[a]\nx = 1 # gone\n# stays\ny = 2\n", [Remove(("a", "x"))], "[a]\n# stays\ny = 2\n"),
    "the only key": ("[a]\nx = 1\n\n[b]\ny = 1\n", [Remove(("a", "x"))], "[a]\n\n[b]\ny = 1\n"),
    "a key of several lines": (
        'a = [\n  1, # one\n]\nb = """\nc\n"""\nd = 1\n',
        [Remove(("a",)), Remove(("b",))],
        "d = 1\n",
    ),
    "a table in the middle": (
        lines("""
            [a]
            x = 1

            [b]
            # inside
            x = 1

            [b.c]
            y = 1

            # about d
            [d]
            x = 1
            """),
        [Remove(("b",))],
        lines("""
            [a]
            x = 1

            # about d
            [d]
            x = 1
            """),
    ),
    "a table with what is said of it": (
        "[a]\nx = 1\n\n# about b,\n# and more\n[b]\nx = 1\n\n[c]\nx = 1\n",
        [Remove(("b",))],
        "[a]\nx = 1\n\n[c]\nx = 1\n",
    ),
    "a table of a dense file with what is said of it": (
        lines("""
            [configs]
              [configs.a.tls]
                ca_file = "a"
              # who
              [configs.a.auth]
                username = "u"
              # whom
              [configs.b.tls]
                ca_file = "b"
            """),
        [Remove(("configs", "a", "auth"))],
        lines("""
            [configs]
              [configs.a.tls]
                ca_file = "a"
              # whom
              [configs.b.tls]
                ca_file = "b"
            """),
    ),
    "a table whose comments stand apart or are settings": (
        "[a]\nx = 1\n\n# of all below\n\n# c\n# y = 2\n[b]\nx = 1\n\n[c]\n",
        [Remove(("b",))],
        "[a]\nx = 1\n\n# of all below\n\n# c\n# y = 2\n\n[c]\n",
    ),
    "a table below the title of the file": (
        "# title\n[a]\nx = 1\n\n[b]\n",
        [Remove(("a",))],
        "# title\n\n[b]\n",
    ),
    "a key with what is said of it": (
        "[a]\n# about x\nx = 1\n# about y\ny = 1\n# about z\nz = 1\n[b]\n",
        [Remove(("a", "x")), Remove(("a", "z"))],
        "[a]\n# about y\ny = 1\n[b]\n",
    ),
    "a key below what may be said of more": (
        "[a]\n# both\nx = 1\ny = 1\n# z = 2\nz = 1\n",
        [Remove(("a", "x")), Remove(("a", "z"))],
        "[a]\n# both\ny = 1\n# z = 2\n",
    ),
    "all keys below what is said of them": (
        "[a]\nw = 1\n\n# both\nx = 1\ny = 1\n\n[b]\n",
        [Remove(("a", "x")), Remove(("a", "y"))],
        "[a]\nw = 1\n\n[b]\n",
    ),
    "a table whose commented-out keys stand apart": (
        "[a]\nx = 1\n# inside\n\n# y = 2\n\n[b]\nz = 1\n",
        [Remove(("a",))],
        "# y = 2\n\n[b]\nz = 1\n",
    ),
    "the first table": ("[a]\nx = 1\n\n[b]\ny = 1\n", [Remove(("a",))], "[b]\ny = 1\n"),
    "the last table": ("[a]\nx = 1   \n\n\n[b]\ny = 1\n\n", [Remove(("b",))], "[a]\nx = 1   \n"),
    "the only table": ("[a]\nx = 1\n", [Remove(("a",))], ""),
    "a table of a dense file": ("[a]\nx = 1\n[b]\ny = 1\n[c]\nz = 1\n", [Remove(("b",))], "[a]\nx = 1\n[c]\nz = 1\n"),
    "mirrors and their parts": (
        lines("""
            [plugins."io.containerd.grpc.v1.cri".registry]

              [plugins."io.containerd.grpc.v1.cri".registry.mirrors]
                [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
                  endpoint = ["https://hub.example.com"]

              # passwords
              [plugins."io.containerd.grpc.v1.cri".registry.configs]
            """),
        [Set((*CRI, "registry", "config_path"), TREE), Remove((*CRI, "registry", "mirrors"))],
        lines(f"""
            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "{TREE}"

              # passwords
              [plugins."io.containerd.grpc.v1.cri".registry.configs]
            """),
    ),
    "the last child of a parent that was never written": (
        lines("""
            [a.b.mirrors."docker.io"]
              endpoint = ["x"]

            [c]
              x = 1
            """),
        [Remove(("a", "b", "mirrors"))],
        lines("""
            [a.b]

            [c]
              x = 1
            """),
    ),
    "an array of tables": (
        "[a]\nx = 1\n\n[[b]]\nx = 1\n\n[b.c]\ny = 1\n\n[[b]]\nx = 2\n\n[d]\nx = 1\n",
        [Remove(("b",))],
        "[a]\nx = 1\n\n[d]\nx = 1\n",
    ),
    "all dotted keys below a path": (
        "a.b.c = 1\na.d = 2\na.b.e = 3\n",
        [Remove(("a", "b"))],
        "a.d = 2\n",
    ),
    "the last child's place is its parent's": (
        lines("""
            [a.b]
            x = 1

            # about mirrors
            [a.c.mirrors."docker.io"] # beside
            y = 1
            # inside

            [a.c.mirrors."registry.k8s.io"]
            y = 1

            [d]
            """),
        [Remove(("a", "c", "mirrors"))],
        lines("""
            [a.b]
            x = 1

            # about mirrors
            [a.c] # beside

            [d]
            """),
    ),
    "the last child below a parent that is indented": (
        "[a]\n  [a.b]\n    x = 1\n    [a.b.c.d]\n      x = 1\n  [a.e]\n",
        [Remove(("a", "b", "c", "d"))],
        "[a]\n  [a.b]\n    x = 1\n    [a.b.c]\n  [a.e]\n",
    ),
    "a table and the comments between its parts": (
        lines("""
            [a]
            x = 1

            # about b
            [b]
            y = 1

            # about c
            [b.c]
            y = 1

            # about d
            [d]
            """),
        [Remove(("b",))],
        lines("""
            [a]
            x = 1

            # about d
            [d]
            """),
    ),
    "a key between blank lines": ("# title\n\nx = 1\n\n[a]\n", [Remove(("x",))], "# title\n\n[a]\n"),
    "the first key": ("x = 1\n\n[a]\n", [Remove(("x",))], "[a]\n"),
    "the last key": ("[a]\nx = 1\n\ny = 1\n", [Remove(("a", "y"))], "[a]\nx = 1\n"),
    "a table that moves from one form to the other": (
        "[a]\nx = 1\n\n[a.y]\nq = 1\n",
        [Remove(("a", "y")), Set(("a", "y"), 5)],
        "[a]\nx = 1\ny = 5\n",
    ),
}

NOTHING: dict[str, tuple[str, list[Operation]]] = {
    "no operation": ("a = 1", []),
    "the same value": ('a = "b"\n', [Set(("a",), "b")]),
    "the same value in other words": (
        "a = 'b'\nc = 0x10\nd = 1e2\n",
        [Set(("a",), "b"), Set(("c",), 16), Set(("d",), 100.0)],
    ),
    "the same list over several lines": ("a = [\n  1, # one\n  2,\n]\n", [Set(("a",), [1, 2])]),
    "a table that is there": ("[a]\n", [Set(("a",), {})]),
    "an implicit table that is there": ("[a.b]\n", [Set(("a",), {})]),
    "an inline table that is there": ("a = {b = 1}\n", [Set(("a",), {"b": 1})]),
    "removing nothing": ("[a]\n", [Remove(("b",)), Remove(("a", "c", "d"))]),
    "removing below a value": ("a = 1\n", [Remove(("a", "b"))]),
    "removing inside an array of tables": ("[[a]]\nb = 1\n", [Remove(("a", "b"))]),
    "there and back": ("a = 1\n", [Set(("a",), 2), Set(("a",), 1)]),
    "in and out": ("a = 1\n", [Set(("b",), 2), Remove(("b",))]),
}

INVALID = {
    "an open header": (
        "version = 2\n[plugins\n",
        "2:9: not valid TOML: Expected ']' at the end of a table declaration. "
        "Nothing was changed; mend the file first.",
    ),
    "a table twice": (
        "[a]\n[b]\n[a]\n",
        "3:3: not valid TOML: Cannot declare ('a',) twice. Nothing was changed; mend the file first.",
    ),
    "a key twice": (
        "a = 1\na = 2\n",
        "2:6: not valid TOML: Cannot overwrite a value. Nothing was changed; mend the file first.",
    ),
    "no value": ("a =\n", "1:4: not valid TOML: Invalid value. Nothing was changed; mend the file first."),
    "an open string": (
        'a = 1\nb = "c',
        "2: not valid TOML: Unterminated string. Nothing was changed; mend the file first.",
    ),
    "an open array": ("a = [1,\n", "2: not valid TOML: Invalid value. Nothing was changed; mend the file first."),
    "a template": (
        "{{ if .X }}\na = 1\n",
        "1:1: not valid TOML: Invalid statement. Nothing was changed; "
        "this line is of a template: render it first, or name the file that containerd reads.",
    ),
    "a lone carriage return": (
        "a = 1\rb = 2\n",
        "1:6: not valid TOML: Expected newline or end of document after a statement. "
        "Nothing was changed; mend the file first.",
    ),
}

REFUSED: dict[str, tuple[str, list[Operation], str]] = {
    "null": ("", [Set(("a",), None)], "a: null has no TOML form. To remove a key, name it in absent."),
    "null in a list": (
        "",
        [Set(("a",), {"b": [1, None]})],
        "a.b: null has no TOML form. To remove a key, name it in absent.",
    ),
    "null in a table in a list": (
        "",
        [Set(("a",), [{"b": None}])],
        "a.b: null has no TOML form. To remove a key, name it in absent.",
    ),
    "bytes": (
        "",
        [Set(("a",), b"x")],
        "a: a value of type bytes has no TOML form. To remove a key, name it in absent.",
    ),
    "more than 64 bits": (
        "",
        [Set(("a",), 2**63)],
        "a: the number does not fit into 64 bits. Use a smaller one.",
    ),
    "less than 64 bits": (
        "",
        [Set(("a",), [-(2**63) - 1])],
        "a: the number does not fit into 64 bits. Use a smaller one.",
    ),
    "half a character": ("", [Set(("a",), "\ud83d")], "a: U+D83D is half a character. Write whole ones."),
    "half a character in a key": ("", [Set(("a",), {"\ude00": 1})], "a: U+DE00 is half a character. Write whole ones."),
    "a key that is no text": (
        "",
        [Set(("a",), t.cast("t.Any", {5000: 1}))],
        "a: the key 5000 is not a text. Put it in quotes.",
    ),
    "a key that is no text in a list": (
        "",
        [Set(("a",), [{True: 1}])],
        "a: the key True is not a text. Put it in quotes.",
    ),
    "a root key that is no text": (
        "",
        [Set((), t.cast("t.Any", {1: 1}))],
        "the key 1 is not a text. Put it in quotes.",
    ),
    "a table over a value": (
        "a = 1\n",
        [Set(("a", "b"), 1)],
        "a: is a plain value, not a table. Set it as a whole, or remove it first.",
    ),
    "an empty table over a value": (
        "a = 1\n",
        [Set(("a",), {})],
        "a: is a plain value in the file and a table in the task. Name the table's keys.",
    ),
    "a value over a table": (
        "[a.b]\n",
        [Set(("a",), 1)],
        "a: is a table in the file and a plain value in the task. Name the table's keys.",
    ),
    "into an array of tables": (
        "[[a.b]]\nx = 1\n",
        [Set(("a", "b", "x"), 2)],
        "a.b: is an array of tables, not a table. Set it as a whole, or remove it first.",
    ),
    "one more of an array of tables that have tables": (
        "[[a.b]]\nx = 1\n[a.b.c]\ny = 1\n",
        [Set(("a", "b"), [{"x": 1, "c": {"y": 1}}, {"x": 2}])],
        "a.b: is an array of tables, which is not edited in place. Remove it first.",
    ),
    "a plain value behind an array of tables": (
        "[[a.b]]\nx = 1\n",
        [Set(("a", "b"), [{"x": 1}, 2])],
        "a.b: is an array of tables, which is not edited in place. Remove it first.",
    ),
}


@pytest.mark.parametrize(("before", "operations", "after"), EDITS.values(), ids=EDITS)
def test_edit(before: str, operations: list[Operation], after: str) -> None:
    edited = edit(before, operations)
    assert edited.text == after
    assert edit(after, operations[-1:]) == Edited(after, ())


@pytest.mark.parametrize(("text", "operations"), NOTHING.values(), ids=NOTHING)
def test_nothing_to_do(text: str, operations: list[Operation]) -> None:
    assert edit(text, operations) == Edited(text, ())


@pytest.mark.parametrize(("text", "message"), INVALID.values(), ids=INVALID)
def test_invalid(text: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        edit(text, [Set(("a",), 1)])
    assert str(raised.value) == message


@pytest.mark.parametrize(("text", "operations", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, operations: list[Operation], message: str) -> None:
    with pytest.raises(DomainError) as raised:
        edit(text, operations)
    assert str(raised.value) == message


def test_differences() -> None:
    edited = edit(
        "[a]\nx = 1\ny = 2\n[b]\nz = 3\n",
        [Set(("a",), {"x": 5, "y": 2, "w": [1]}), Remove(("b",)), Remove(("c",)), Set(("d",), {})],
    )
    assert edited.differences == (
        Difference(("a", "x"), 1, 5),
        Difference(("a", "w"), None, [1]),
        Difference(("b",), {"z": 3}, None),
        Difference(("d",), None, {}),
    )


@pytest.mark.parametrize("broken", ["a = 1\n", "[a\n"], ids=["other data", "not TOML"])
def test_an_edit_that_went_wrong_is_not_handed_out(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(toml_edit, "_set", lambda *_arguments: Page(broken))
    with pytest.raises(DomainError) as raised:
        edit("", [Set(("a",), 2)])
    assert str(raised.value) == (
        "a: this layout of tables cannot be edited without touching more than was asked. "
        "Nothing was changed; please report the file's layout, and edit this key by hand."
    )


def test_applied_leaves_the_data_alone() -> None:
    data = {"a": {"b": [1]}}
    assert applied(data, [Set(("a", "b"), [2]), Set(("c",), {"d": 1}), Remove(("a",))]) == {"c": {"d": 1}}
    assert data == {"a": {"b": [1]}}


def test_values_are_copies() -> None:
    value = [1]
    wanted = applied({}, [Set(("a",), value)])
    value.append(2)
    assert wanted == {"a": [1]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), {"a": {"b": 0}, "c": [{"d": 1}]}),
        (("a", "b"), 0),
        (("a", "x"), None),
        (("a", "b", "x"), None),
        (("c", "d"), None),
    ],
    ids=["root", "value", "absent", "below a value", "below a list"],
)
def test_look_up(path: tuple[str, ...], expected: t.Any) -> None:
    assert look_up({"a": {"b": 0}, "c": [{"d": 1}]}, path) == expected


def test_parse_passes_over_a_byte_order_mark() -> None:
    assert parse("\ufeffa = 1\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f"a = 1\nx = {'9' * 5000}\n", 2, "a number has more digits than 64 bits hold"),
        (f"b = 1\n[{'.'.join('a' * 1000)}]\n", 1, "beyond all measure"),
    ],
)
def test_what_nobody_can_read_is_one_clear_error(text: str, line: int, what: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse(text)
    assert (caught.value.line, what in str(caught.value)) == (line, True)


def test_an_error_quotes_no_password() -> None:
    with pytest.raises(DomainError) as caught:
        parse('["https://u:hun ter2@a.example"]\n["https://u:hun ter2@a.example"]\n')
    assert "ter2" not in str(caught.value)
