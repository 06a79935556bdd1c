# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several imported files counts: each release's own ``config dump`` judges the order that we follow.

Asked of the releases that ``make test`` boots; others by name: ``DUMP_RELEASES=2.0,2.4``, or ``all``.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.modules._node_read import read_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import SANDBOX_IMAGE
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse
from nodes import dumps

ETC = "/etc/containerd"
V2 = "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = '{}'\n"
V3 = "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = '{}'\n"

# What config.toml imports; then by name what each file sets, or, as a list, what it imports.
Layout = tuple[list[str], dict[str, str | list[str]]]
LAYOUTS: dict[str, Layout] = {
    "none": ([], {"conf.d/a.toml": "a"}),
    "a later file wins": (["ETC/conf.d/*.toml"], {"conf.d/a.toml": "a", "conf.d/b.toml": "b"}),
    "names are sorted by byte": (
        ["ETC/conf.d/*.toml"],
        {
            "conf.d/10.toml": "10",
            "conf.d/9.toml": "9",
            "conf.d/B.toml": "B",
            "conf.d/a.toml": "a",
            "conf.d/ä.toml": "ä",
        },
    ),
    "globs in their order": (["ETC/b/*.toml", "ETC/a/*.toml"], {"a/x.toml": "a", "b/x.toml": "b"}),
    "a file once": (["ETC/b.toml", "ETC/a.toml", "ETC/b.toml"], {"a.toml": "a", "b.toml": "b"}),
    "a file once, by name and glob": (["ETC/d/b.toml", "ETC/d/*.toml"], {"d/a.toml": "a", "d/b.toml": "b"}),
    "imports of imports come last": (
        ["ETC/conf.d/*.toml"],
        {"conf.d/a.toml": ["ETC/more/*.toml"], "more/z.toml": "z", "conf.d/b.toml": "b"},
    ),
    "imports of imports, breadth first": (
        ["ETC/a.toml", "ETC/b.toml"],
        {"a.toml": ["ETC/c.toml"], "b.toml": ["ETC/d.toml"], "c.toml": "c", "d.toml": "d"},
    ),
    "the file itself": (["ETC/*.toml"], {"a.toml": "a"}),
    "a circle": (["ETC/a.toml"], {"a.toml": ["ETC/config.toml"]}),
    "a relative name": (["conf.d/a.toml"], {"conf.d/a.toml": "a"}),
    "a relative glob": (["conf.d/*.toml"], {"conf.d/a.toml": "a"}),
    "relative to the importing file": (
        ["ETC/d/a.toml"],
        {"d/a.toml": ["e/*.toml"], "d/e/x.toml": "x", "e/x.toml": "y"},
    ),
    "dots": (["ETC/./d/../conf.d//a.toml"], {"conf.d/a.toml": "a"}),
    "a hidden file": (["ETC/conf.d/*.toml"], {"conf.d/.a.toml": "hidden"}),
    "a hidden directory": (["ETC/*/x.toml"], {".d/x.toml": "hidden"}),
    "another ending": (["ETC/conf.d/*"], {"conf.d/a.toml": "a", "conf.d/a.toml.20261121T115245.bak": "copy"}),
    "a set": (["ETC/conf.d/[ab]*.toml"], {"conf.d/a1.toml": "a", "conf.d/c1.toml": "c"}),
    "any one": (["ETC/conf.d/?*.toml"], {"conf.d/.toml": "none", "conf.d/c.toml": "c"}),
    "two stars are one": (["ETC/d/**/*.toml"], {"d/s/x.toml": "s", "d/y.toml": "y", "d/s/t/z.toml": "t"}),
    "no files": (["ETC/conf.d/*.toml"], {}),
}


def files(layout: Layout, template: str) -> dict[str, str]:
    imports, others = layout
    texts = {"config.toml": _importing(imports, template.format("main"))}
    for name, content in others.items():
        empty = template.partition("[")[0]
        texts[name] = template.format(content) if isinstance(content, str) else _importing(content, empty)
    return texts


def _importing(imports: list[str], text: str) -> str:
    version, rest = text.split("\n", 1)
    return f"{version}\nimports = {[name.replace('ETC', ETC) for name in imports]}\n{rest}"


def followed(path: Path, release: Release) -> t.Any:
    state = NodeState.from_wire(read_files({"files": [str(path)], "globs": [], "directories": [], "max_bytes": 65536}))
    while True:
        reading = ConfigReading(state, str(path), release)
        if not reading.unread_files and not reading.unread_globs:
            break
        wanted = {"files": sorted(reading.unread_files), "globs": sorted(reading.unread_globs)}
        state = state.and_also(NodeState.from_wire(read_files({**wanted, "directories": [], "max_bytes": 65536})))
    main = ConfigFile(str(path), parse((reading.content or b"").decode()))
    imported = [ConfigFile(source.path, parse(decode(source, release))) for source in reading.imported]
    return look_up(effective([main, *imported], release), SANDBOX_IMAGE)


def test_the_file_that_counts(release_name: str, tmp_path: Path) -> None:
    release = Release.parse(dumps.version(release_name))
    template = V2 if release.line < (2, 0) else V3
    cases = [
        dumps.Case({f"{ETC}/{path}": text.encode() for path, text in files(layout, template).items()})
        for layout in LAYOUTS.values()
    ]
    found, judged = {}, {}
    for number, (title, layout) in enumerate(LAYOUTS.items()):
        directory = tmp_path / str(number)
        for path, text in files(layout, template).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text.replace(ETC, str(directory)), encoding="utf-8")
        found[title] = followed(directory / "config.toml", release)
    for title, result in zip(LAYOUTS, dumps.dump_many(release_name, cases), strict=True):
        judged[title] = re.findall(r"^ *sandbox(?:_image)? = ['\"](.*)['\"]$", result.checked(), re.MULTILINE)[0]
    assert found == judged
