# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a task, with files in a directory of this machine in place of a node and nothing else replaced."""

from __future__ import annotations

import base64
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action.containerd_config import ActionModule
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.tests.unit.plugins.action.fake_node import Machine, Node, Raw

CRI = "io.containerd.grpc.v1.cri"
IMAGE = "registry.example.com/k8s/pause:3.10"
FILE = f'version = 2\n\n[plugins."{CRI}"]\n  sandbox_image = "pause:3.8"  # ours\n'


class ConfigNode(Node):
    """The task is about config.toml."""

    def run(self, **options: t.Any) -> Raw:
        return super().run(**{"path": str(self.file), **options})


@pytest.fixture
def node(tmp_path: pathlib.Path, machine: Machine) -> Node:
    return ConfigNode(tmp_path, machine, ActionModule)


def test_from_nothing(node: Node) -> None:
    result = node.run(sandbox_image=IMAGE)
    assert node.machine.calls == ["_node_read", "_node_apply"]
    assert node.text() == f'version = 2\n\n[plugins."{CRI}"]\n  sandbox_image = "{IMAGE}"\n'
    assert node.mode() == "0644"
    assert result["diff"] == [
        {"before": "", "after": node.text(), "before_header": str(node.file), "after_header": str(node.file)}
    ]
    assert {key: result[key] for key in ("changed", "restart_required", "config_version", "containerd_version")} == {
        "changed": True,
        "restart_required": True,
        "config_version": 2,
        "containerd_version": "1.7.24",
    }
    assert result["changes"] == [
        {"file": str(node.file), "key_path": "version", "before": None, "after": 2},
        {"file": str(node.file), "key_path": f'plugins."{CRI}".sandbox_image', "before": None, "after": IMAGE},
    ]


def test_an_edit_keeps_the_mode_and_leaves_a_copy(node: Node) -> None:
    node.write(FILE)
    result = node.run(sandbox_image=IMAGE, backup=True)
    assert node.text() == FILE.replace("pause:3.8", IMAGE)
    assert node.mode() == "0640"
    assert pathlib.Path(result["backup_file"]).read_text(encoding="utf-8") == FILE
    assert result["changes"] == [
        {"file": str(node.file), "key_path": f'plugins."{CRI}".sandbox_image', "before": "pause:3.8", "after": IMAGE}
    ]  # fmt: skip


def test_nothing_to_do_is_one_round_trip(node: Node) -> None:
    node.write(FILE)
    result = node.run(sandbox_image="pause:3.8", backup=True)
    assert node.machine.calls == ["_node_read"]
    assert (result["changed"], result["restart_required"], result["changes"]) == (False, False, [])
    assert (result["backup_file"], "diff" in result, "warnings" in result) == (None, False, False)


def test_a_file_of_another_tool(node: Node) -> None:
    node.write(f"# Managed by Puppet - DO NOT EDIT\n{FILE}")
    result = node.run(sandbox_image=IMAGE)
    assert result["warnings"] == [
        f"{node.file}: the file says '# Managed by Puppet - DO NOT EDIT': what wrote it may write it again, "
        "without what is set here."
    ]
    assert "warnings" not in node.run(sandbox_image=IMAGE)


def test_another_unit(node: Node) -> None:
    node.write(FILE)
    node.run(sandbox_image=IMAGE, unit="k3s-containerd")
    assert node.machine.asked_for["unit"] == "k3s-containerd.service"
    node.run(sandbox_image=IMAGE)
    assert node.machine.asked_for["unit"] == "containerd.service"


def test_a_unit_that_is_not_there_is_found_before_anything_is_written(node: Node) -> None:
    node.write(FILE)
    node.machine.unit = {**(node.machine.unit or {}), "load_state": "not-found", "exec_start": []}
    result = node.run(sandbox_image=IMAGE, unit="containred")
    assert result["msg"].startswith("unit: this node has containerd and no unit containred.service. ")
    assert (node.text(), node.machine.calls) == (FILE, ["_node_read"])
    # As in an image build, where the unit comes later.
    assert node.run(sandbox_image=IMAGE, containerd_version="1.7")["changed"]


# --- the file that containerd reads

CONTAINERD = "/usr/bin/containerd"
OTHER = "/etc/containerd/other.toml"


@pytest.mark.parametrize(("more", "read"), [(("--config", OTHER), OTHER), ((), "/etc/containerd/config.toml")])
def test_a_file_that_the_unit_does_not_read_is_not_edited(node: Node, more: tuple[str, ...], read: str) -> None:
    node.write(FILE)
    node.machine.unit = {**(node.machine.unit or {}), "exec_start": [CONTAINERD, *more]}
    result = node.run(sandbox_image=IMAGE)
    assert result["msg"] == (
        f"path: the unit containerd.service has containerd read {read}, and not {node.file}: nothing that is written "
        f"there would have an effect. Name {read} in path, in the role with containerd_config_file; or have the unit "
        f"started with --config {node.file} first. Where such a unit is yet to come, name the release in "
        "containerd_version."
    )
    assert (node.text(), node.machine.calls) == (FILE, ["_node_read", "_node_read"])
    result = node.run(sandbox_image=IMAGE, containerd_version="1.7")
    assert (result["changed"], result["warnings"]) == (
        True,
        [
            f"{node.file}: Nothing reads it as things are: the unit containerd.service has containerd read {read}, and "
            f"not {node.file}."
        ],
    )


@pytest.mark.parametrize("directory", [True, False], ids=["its directory is a link", "it is a link"])
def test_a_file_that_the_unit_reads_by_another_name(
    node: Node, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, directory: bool
) -> None:
    monkeypatch.setattr(pending_restart, "MARK", str(tmp_path / "mark" / "is_due"))
    node.write(FILE)
    link = tmp_path / "link"
    link.symlink_to(node.file.parent if directory else node.file)
    read = str(link / node.file.name) if directory else str(link)
    node.machine.unit = {**(node.machine.unit or {}), "exec_start": [CONTAINERD, f"--config={read}"]}
    assert node.run(sandbox_image=IMAGE)["changed"]
    assert (tmp_path / "mark" / "is_due").exists()


# --- what a runtime class is made of


def crun(place: pathlib.Path) -> list[Raw]:
    return [{"name": "crun", "runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": str(place)}}]


def test_a_runtime_that_is_not_on_the_node_is_refused(node: Node, tmp_path: pathlib.Path) -> None:
    node.write(FILE)
    program = tmp_path / "crun"
    result = node.run(runtimes=crun(program), default_runtime_name="crun")
    assert result["msg"] == (
        f'{node.file}: plugins."{CRI}".containerd.runtimes.crun.options.BinaryName: {program} is not on this node: no '
        "pod of the runtime class crun could run. Install it first, or mend the path in runtimes; unsupported: write "
        "writes it without looking."
    )
    assert (node.text(), node.machine.calls) == (FILE, ["_node_read", "_node_read"])
    program.write_bytes(b"larger than one byte")
    assert node.run(runtimes=crun(program), default_runtime_name="crun")["changed"]
    # What is in the file already is not looked at again.
    program.unlink()
    assert "failed" not in node.run(runtimes=crun(program))
    assert node.machine.calls == ["_node_read"]


@pytest.mark.parametrize("build", [True, False], ids=["no containerd yet", "unsupported: write"])
def test_a_runtime_that_may_come_later(node: Node, tmp_path: pathlib.Path, build: bool) -> None:
    node.machine.version = None if build else "1.7.24"
    more = {"containerd_version": "1.7"} if build else {"unsupported": "write"}
    assert node.run(runtimes=crun(tmp_path / "crun"), **more)["changed"]


# --- files that config.toml imports

IMAGES = "io.containerd.cri.v1.images"
IMPORTING = 'imports = ["conf.d/*.toml"]\n'


def test_a_setting_is_edited_in_the_file_where_it_counts(node: Node) -> None:
    node.write(f"version = 2\n{IMPORTING}[plugins.'{CRI}']\nsandbox_image = 'unread'\n")
    other = node.write(f"version = 2\n[plugins.'{CRI}']\nenable_selinux = true\n", "conf.d/99-nvidia.toml")
    before = node.text()
    result = node.run(sandbox_image=IMAGE)
    assert "msg" not in result
    assert node.text() == before
    assert other.read_text(encoding="utf-8").endswith(f"enable_selinux = true\nsandbox_image = '{IMAGE}'\n")
    assert [change["file"] for change in result["changes"]] == [str(other)]
    assert result["warnings"] == [
        f"{node.file}: {other}, which is imported, was changed too: that is where its settings count."
    ]
    assert [diff["after_header"] for diff in result["diff"]] == [str(other)]
    assert result["restart_required"]


@pytest.mark.parametrize("pattern", ["conf.d/*", "conf.d/*.toml*"])
def test_no_copy_where_containerd_would_read_it(node: Node, pattern: str) -> None:
    node.machine.version = "2.1.5"
    node.write(f"version = 3\nimports = ['{pattern}']\n")
    other = node.write(f"version = 3\n[plugins.'{IMAGES}'.pinned_images]\nsandbox = 'old:1'\n", "conf.d/99-nvidia.toml")
    result = node.run(sandbox_image=IMAGE, backup=True)
    assert [file.name for file in other.parent.iterdir()] == [other.name]
    assert result["backup_files"] == []
    assert result["warnings"][-1] == (
        f"{node.file}: no copy of {other} was left: {node.file.parent}/{pattern} in imports would make containerd read "
        "it."
    )
    assert not node.run(sandbox_image=IMAGE, backup=True)["changed"]


def test_an_error_about_an_imported_file_names_it(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write(f"version = 3\n{IMPORTING}")
    other = node.write(f"version = 3\ndisabled_plugins = ['{CRI}']\n", "conf.d/a.toml")
    assert node.run(sandbox_image=IMAGE)["msg"].startswith(f"{other}: disabled_plugins: disables {CRI}, ")


@pytest.mark.parametrize(
    ("main", "imported", "version"),
    [("", 4, 4), ("", 3, 3), ("[grpc]\naddress = '/a'\n", 3, 3)],
    ids=["as new as what it imports", "not needlessly", "not so new that its own tables are lost"],
)
def test_the_version_of_a_file_that_only_imports(node: Node, main: str, imported: int, version: int) -> None:
    node.machine.version = "2.3.4"
    node.write(f"{IMPORTING}{main}")
    node.write(f"version = {imported}\n[plugins.'{IMAGES}'.pinned_images]\nsandbox = 'old:1'\n", "conf.d/a.toml")
    assert node.run(sandbox_image=IMAGE)["config_version"] == version
    assert node.text().startswith(f"version = {version}\n")


@pytest.mark.parametrize("imports", [["gone.toml"], ["a.toml", "conf.d/*.toml"], "a.toml"])
def test_a_task_imports_nothing_unread(node: Node, imports: t.Any) -> None:
    node.write("", "a.toml")
    node.write('version = 2\nimports = ["a.toml"]\n')
    before = node.text()
    result = node.run(settings={"imports": imports})
    if imports == "a.toml":
        assert result["failed"]
    else:
        assert result["msg"].startswith(f"settings.imports: names {imports[-1]!r}, which the file does not import yet")
    assert node.text() == before
    assert node.run(settings={"imports": []})["changed"]


def test_imports_from_an_unusual_place_take_a_second_reading(node: Node) -> None:
    node.write(f"version = 2\n{IMPORTING}[plugins.'{CRI}']\nsandbox_image = '{IMAGE}'\n")
    node.write("version = 2\nimports = ['../site.toml']\n", "conf.d/a.toml")
    node.write("oom_score = 1\n", "site.toml")
    result = node.run(sandbox_image=IMAGE, settings={"oom_score": 1})
    assert node.machine.calls == ["_node_read", "_node_read", "_node_read"]
    assert not result["changed"]


def test_a_drop_in_of_ours(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write("# the node's own\nversion = 3\n")
    path = str(node.file.parent / "conf.d" / "60-airgap-nodes.toml")
    result = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=path)
    pattern = str(node.file.parent / "conf.d" / "*.toml")
    assert node.text() == f'# the node\'s own\nversion = 3\nimports = ["{pattern}"]\n'
    drop_in = f'version = 3\n\n[plugins."{IMAGES}".pinned_images]\n  sandbox = "{IMAGE}"\n'
    assert pathlib.Path(path).read_text(encoding="utf-8") == drop_in
    assert [diff["after_header"] for diff in result["diff"]] == [path, str(node.file)]
    again = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=path)
    assert (again["changed"], "_node_apply" in node.machine.calls) == (False, False)


def test_no_drop_in_for_what_is_there_already(node: Node) -> None:
    node.machine.version = "2.1.5"
    text = f'version = 3\n[plugins."{IMAGES}".pinned_images]\nsandbox = "{IMAGE}"\n'
    node.write(text)
    path = str(node.file.parent / "conf.d" / "60-airgap-nodes.toml")
    assert not node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=path)["changed"]
    assert not pathlib.Path(path).exists()


def test_no_drop_in_where_it_would_replace_the_table(node: Node) -> None:
    node.write(FILE)
    path = str(node.file.parent / "conf.d" / "60-airgap-nodes.toml")
    node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=path)
    assert node.text() == FILE.replace("pause:3.8", IMAGE)
    assert not pathlib.Path(path).exists()


def test_a_drop_in_brings_no_other_file_along(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write("version = 3\n")
    other = node.write("version = 3\noom_score = 5\n", "conf.d/old.toml")
    path = str(other.with_name("60-airgap-nodes.toml"))
    result = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=path)
    assert result["failed"]
    assert result["msg"].startswith(f"{other}: is not imported by {node.file} yet, and would take effect together with")


def test_a_drop_in_leaves_the_files_of_others_alone(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write(f"version = 3\n{IMPORTING}")
    text = f"version = 3\n[plugins.'{IMAGES}']\nsnapshotter = 'native'\n"
    other = node.write(text, "conf.d/99-nvidia.toml")
    path = other.with_name("60-airgap-nodes.toml")
    settings = {"plugins": {IMAGES: {"snapshotter": "overlayfs"}}}
    result = node.run(settings=settings, layout="drop_in", drop_in_path=str(path))
    assert result["msg"] == (
        f'{node.file}: plugins."{IMAGES}".snapshotter: is overridden by {other}, which is imported too, and layout: '
        "drop_in leaves that file alone. Name a drop_in_path that is read after that file, or edit it with layout: "
        "in_place."
    )
    assert (path.exists(), other.read_text(encoding="utf-8")) == (False, text)
    last = other.with_name("99-z.toml")
    result = node.run(settings=settings, layout="drop_in", drop_in_path=str(last))
    assert (result["changed"], last.exists(), other.read_text(encoding="utf-8")) == (True, True, text)


@pytest.mark.parametrize(
    ("version", "is_refused"), [("2.0.7", False), ("2.1.5", False), ("2.2.1", False), ("2.3.4", True), ("2.4.2", True)]
)
@pytest.mark.parametrize("own", [2, 3])
def test_a_drop_in_before_one_of_version_2(node: Node, version: str, is_refused: bool, own: int) -> None:
    """containerd 2.0 to 2.2 merge before they migrate, so that the newer table wins wherever it stands."""
    node.machine.version = version
    node.write(f"version = {own}\nimports = ['conf.d/*.toml']\n")
    node.write(f"version = 2\n[plugins.'{CRI}'.containerd]\ndefault_runtime_name = 'nvidia'\n", "conf.d/99-nvidia.toml")
    path = node.file.parent / "conf.d" / "60-airgap-nodes.toml"
    result = node.run(default_runtime_name="runc", layout="drop_in", drop_in_path=str(path))
    if is_refused:
        assert "default_runtime_name: is overridden by" in result["msg"]
        assert not path.exists()
    else:
        assert path.read_text(encoding="utf-8") == (
            f'version = {own}\n\n[plugins."io.containerd.cri.v1.runtime".containerd]\n  default_runtime_name = "runc"\n'
        )


def test_no_drop_in_for_what_only_goes(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write("version = 3\noom_score = 1\n")
    path = node.file.parent / "conf.d" / "60-airgap-nodes.toml"
    node.run(absent=["oom_score"], layout="drop_in", drop_in_path=str(path))
    assert (node.text(), path.exists()) == ("version = 3\n", False)


@pytest.mark.parametrize("image", [IMAGE, "registry.example.com/k8s/pause:3.8"], ids=["the same", "another"])
def test_a_drop_in_of_ours_that_is_imported_no_more(node: Node, image: str) -> None:
    """As after a package has put its own config.toml back."""
    node.machine.version = "2.1.5"
    node.write("version = 3\n")
    text = 'version = 3\n[plugins."{}".pinned_images]\nsandbox = "{}"\n'
    path = node.write(text.format(IMAGES, image), "conf.d/60-airgap-nodes.toml")
    result = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=str(path))
    assert result["restart_required"]
    assert node.text() == f'version = 3\nimports = ["{path.parent}/*.toml"]\n'
    assert path.read_text(encoding="utf-8") == text.format(IMAGES, IMAGE)


def test_no_place_for_a_drop_in(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write("version = 3\n")
    path = node.file.parent / "conf.d" / "60-airgap-nodes"
    result = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=str(path))
    assert result["msg"].startswith("drop_in_path: is not reached by what config.toml can import. ")
    assert node.text() == "version = 3\n"


@pytest.mark.parametrize("version", ["1.7.24", "2.1.5"])
def test_config_toml_is_no_drop_in(node: Node, version: str) -> None:
    node.machine.version = version
    node.write("version = 2\n")
    result = node.run(sandbox_image=IMAGE, layout="drop_in", drop_in_path=f"{node.file.parent}/conf.d/../config.toml")
    assert result["msg"].startswith(f"drop_in_path: {node.file} is config.toml itself")
    assert node.text() == "version = 2\n"
    assert node.machine.calls == []


@pytest.mark.parametrize(
    ("option", "example"),
    [("path", "/etc/containerd/config.toml"), ("drop_in_path", "/etc/containerd/conf.d/60-airgap-nodes.toml")],
)
def test_a_relative_path(node: Node, option: str, example: str) -> None:
    result = node.run(**{"layout": "drop_in", option: "a.toml"})
    assert result["msg"] == f"{option}: 'a.toml' is not an absolute path. Write it as {example}."


# --- a newer version of the schema

UPGRADED = f'version = 3\n\n[plugins."{IMAGES}".pinned_images]\n  sandbox = "pause:3.8"  # ours\n'


def test_an_upgrade_that_containerd_reads_alike(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write(FILE)
    result = node.run(config_version="3")
    assert node.machine.calls == ["_node_read", "_node_read", "_node_apply"]
    assert node.text() == UPGRADED
    assert {name: base64.b64decode(text).decode() for name, text in node.machine.asked_for["dumps"].items()} == {
        "before": FILE,
        "after": UPGRADED,
    }
    assert (result["changed"], result["restart_required"], result["config_version"]) == (True, False, 3)


@pytest.mark.parametrize(("version", "newest"), [("1.7.24", 2), ("2.1.5", 3), ("2.3.4", 4)])
def test_the_newest_version_that_the_release_reads(node: Node, version: str, newest: int) -> None:
    node.machine.version = version
    node.write("version = 2\noom_score = 1\n")
    result = node.run(config_version="newest")
    assert node.text() == f"version = {newest}\noom_score = 1\n"
    assert result["config_version"] == newest
    # It is proved like a number.
    assert node.machine.calls == (["_node_read"] if newest == 2 else ["_node_read", "_node_read", "_node_apply"])
    assert not node.run(config_version="newest")["changed"]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_an_upgrade_that_containerd_reads_otherwise(node: Node, check: bool) -> None:
    node.machine.version = "2.1.5"
    node.write(FILE)
    node.machine.dumps["after"] = "version = 3\noom_score = 1\n"
    result = node.run(config_version="3", check=check)
    assert result["msg"] == (
        f"{node.file}: oom_score: would not be the same in the upgraded file, says the node's containerd. "
        "Nothing was changed; please report the file's layout, and upgrade it by hand."
    )
    assert (node.text(), node.machine.calls) == (FILE, ["_node_read", "_node_read"])


# --- credentials

REGISTRIES = [
    {
        "namespace": "registry.example.com",
        "fallback": False,
        "hosts": [
            {"url": "https://mirror.example.com:5000", "auth": {"username": "puller", "password": "hush-hush-1"}}
        ],
    }
]
AUTH = f'[plugins."{CRI}".registry.configs."mirror.example.com:5000".auth]\n'


def test_credentials_that_have_to_stand_in_config_toml(node: Node) -> None:
    node.write(f"version = 2\n\n{AUTH}  auth = 'b2xkOm9sZC1zZWNyZXQtNw=='\n", mode=0o644)
    result = node.run(registries=REGISTRIES)
    assert node.text() == f"version = 2\n\n{AUTH}  username = 'puller'\n  password = 'hush-hush-1'\n"
    assert (node.mode(), result["restart_required"]) == ("0600", True)
    assert not any(secret in str(result) for secret in ("hush-hush", "b2xkOm9"))
    assert not node.run(registries=REGISTRIES)["changed"]


def test_credentials_that_others_could_read(node: Node) -> None:
    node.write(f"version = 2\n\n{AUTH}  username = 'puller'\n  password = 'hush-hush-1'\n", mode=0o644)
    before = node.text()
    result = node.run(registries=REGISTRIES, backup=True)
    assert (node.text(), node.mode(), result["changed"], result["restart_required"]) == (before, "0600", True, False)
    assert result["backup_files"] == []
    assert not node.run(registries=REGISTRIES)["changed"]


def test_credentials_that_moved_to_a_header(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.write(f"version = 2\noom_score = 1\n\n{AUTH}  username = 'puller'\n  password = 'hush-hush-1'\n")
    result = node.run(registries=REGISTRIES)
    # The table around it was said to be there, and stays.
    assert node.text() == f'version = 2\noom_score = 1\n\n[plugins."{CRI}".registry]\n'
    assert "hush-hush" not in str(result)
    assert not node.run(registries=REGISTRIES)["changed"]


def test_a_password_that_others_can_read(node: Node) -> None:
    """It is told where nothing changes, and mended where something does."""
    node.write(f"{FILE}\n{AUTH}password = 'hush-hush-1'\n", mode=0o644)
    (warning,) = node.run(sandbox_image="pause:3.8")["warnings"]
    assert warning.startswith(f"{node.file}: the file has mode 0644, and a password, ")
    assert "warnings" not in node.run(sandbox_image=IMAGE)
    assert node.mode() == "0600"


def test_a_file_that_is_too_large(node: Node) -> None:
    node.write("#" * (1 << 20) + "\n")
    result = node.run(sandbox_image=IMAGE)
    assert result["msg"] == (
        f"{node.file}: cannot be read: larger than 1048576 bytes, not read. Nothing was changed; only files of up to "
        "1 MiB are edited: make it smaller, or edit it by hand."
    )


NUMBERS = {
    "an option": ({"max_concurrent_downloads": 1 << 63}, "max_concurrent_downloads: "),
    "one of several": ({"cni": {"max_conf_num": -(1 << 63) - 1}}, "cni.max_conf_num: "),
    "in a list": (
        {"runtimes": [{"name": "a", "runtime_type": "io.containerd.runc.v2", "cni_max_conf_num": 1 << 70}]},
        "runtimes[0].cni_max_conf_num: ",
    ),
    "a setting": ({"settings": {"oom_score": 1 << 63}}, "settings.oom_score: "),
}


@pytest.mark.parametrize(("options", "name"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_that_is_too_large(node: Node, options: Raw, name: str) -> None:
    result = node.run(**options)
    assert result["msg"] == f"{name}the number does not fit into 64 bits. Use a smaller one."


BAD_IMPORTS = {
    "a file that is not there": (
        "imports = [\n  'conf.d/*',\n  'gone.toml',\n]\n",
        "DIR/config.toml:3: imports: names DIR/gone.toml, which is not there; ",
    ),
    "a file that an imported one names": (
        "imports = ['conf.d/*']\n",
        "DIR/conf.d/x.toml:2: imports: names DIR/conf.d/gone.toml, which is not there; ",
    ),
    "a directory": ("imports = ['conf.d']\n", "DIR/conf.d: is not a file (directory)"),
    "not TOML": ("imports = ['bad.toml']\n", "DIR/bad.toml:1:3: not valid TOML"),
    "a pattern of Go's": (
        "imports = ['/a/[^b]*.toml']\n",
        "DIR/config.toml: imports: has '/a/[^b]*.toml', which this ",
    ),
    "a number": ("imports = 1\n", "DIR/config.toml: imports: is not a list of file names"),
}


@pytest.mark.parametrize(("text", "message"), BAD_IMPORTS.values(), ids=BAD_IMPORTS)
def test_unsound_imports(node: Node, text: str, message: str) -> None:
    node.write(text)
    node.write("a b\n", "bad.toml")
    node.write("# next\nimports = ['gone.toml']\n" if "is not there" in message else "", "conf.d/x.toml")
    result = node.run(sandbox_image=IMAGE)
    assert result["failed"]
    assert result["msg"].startswith(message.replace("DIR", str(node.file.parent)))
    assert node.text() == text


def test_check_mode_tells_and_writes_nothing(node: Node) -> None:
    node.write(FILE)
    result = node.run(sandbox_image=IMAGE, check=True)
    assert node.machine.calls == ["_node_read"]
    assert (result["changed"], result["restart_required"], node.text()) == (True, True, FILE)
    assert IMAGE in result["diff"][0]["after"]


def test_without_containerd(node: Node) -> None:
    node.machine.version = None
    assert node.run(sandbox_image=IMAGE)["msg"].startswith("containerd is not installed on this node")
    assert node.run(sandbox_image=IMAGE, containerd_version="2.3")["config_version"] == 4


def test_a_containerd_newer_than_known(node: Node) -> None:
    node.machine.version = "2.5.0"
    assert node.run(sandbox_image=IMAGE)["msg"] == (
        "containerd 2.5.0 is newer than this collection knows (2.4). "
        "Upgrade the collection, or name the release to treat it as: containerd_version: '2.4'."
    )
    result = node.run(sandbox_image=IMAGE, containerd_version="2.4")
    assert (result["config_version"], result["containerd_version"]) == (4, "2.4.0")
    assert result["warnings"] == ["containerd 2.5.0 is newer than this collection knows (2.4); it is treated as 2.4.0."]


@pytest.mark.parametrize(
    ("version", "settings", "is_warned"),
    [
        ("2.1.5", {}, True),
        ("2.1.5", {"io.containerd.transfer.v1.local": {"unpack_config": [{"snapshotter": "native"}]}}, False),
        ("2.1.5", {IMAGES: {"use_local_image_pull": True}}, False),
        ("2.0.7", {}, False),
    ],
    ids=["not unpacked for", "unpacked for", "pulled locally", "before the transfer service"],
)
def test_a_snapshotter_for_which_nobody_unpacks(node: Node, version: str, settings: Raw, is_warned: bool) -> None:
    """As measured: no unpack platforms defined, on every pull."""
    node.machine.version = version
    settings = {**settings, IMAGES: {**settings.get(IMAGES, {}), "snapshotter": "native"}}
    result = node.run(settings={"plugins": settings})
    assert result["changed"]
    assert result.get("warnings", []) == is_warned * [
        f'{node.file}: plugins."{IMAGES}".snapshotter: the transfer service, by which containerd {version} pulls, does '
        "not unpack for native: every pull would fail. The option snapshotter sets what it needs as well."
    ]
    assert "warnings" not in node.run(snapshotter="native")


def test_warnings_name_the_file(node: Node) -> None:
    node.write('disabled_plugins = ["cri"]\n')
    result = node.run(sandbox_image=IMAGE)
    assert result["warnings"] == [
        f'{node.file}: CRI was disabled by disabled_plugins = ["cri"], as Docker\'s package ships it; '
        "it is enabled now."
    ]


@pytest.mark.parametrize("existing", [None, FILE], ids=["a new file", "an old file"])
def test_secrets(node: Node, existing: str | None) -> None:
    if existing:
        node.write(existing, mode=0o644)
    login = {"username": "puller", "password": "correct horse"}
    url = "https://u:battery@hub.example.com"
    registry = {"configs": {"hub.example.com": {"auth": login}}, "mirrors": {url: {"endpoint": [url]}}}
    result = node.run(settings={"version": 2, "plugins": {CRI: {"registry": registry}}})
    assert result["changed"] is True
    assert node.mode() == "0600"
    assert "correct horse" in node.text()
    assert "battery" in node.text()
    assert "correct horse" not in str(result)
    assert "battery" not in str(result)
    assert "puller" not in str(result)


def test_a_secret_that_goes(node: Node) -> None:
    node.write(f'version = 2\n[plugins."{CRI}".registry.auths."a.io"]\npassword = "correct horse"\n', mode=0o644)
    result = node.run(absent=[["plugins", CRI, "registry"]])
    assert "correct horse" not in str(result)
    assert (node.text(), node.mode()) == (f'version = 2\n[plugins."{CRI}"]\n', "0644")


@pytest.mark.parametrize(
    ("text", "mode", "copy"),
    [
        pytest.param(f"{FILE}\n{AUTH}password = 'hush-hush-1'\n", 0o644, "0600", id="a secret that others can read"),
        pytest.param(f"{FILE}\n{AUTH}password = 'hush-hush-1'\n", 0o640, "0600", id="a secret that a group can read"),
        pytest.param(f"{FILE}\n{AUTH}password = 'hush-hush-1'\n", 0o400, "0400", id="a secret that is safe"),
        pytest.param(f"\ufeff{FILE}\n{AUTH}password = 'hush-hush-1'\n", 0o644, "0600", id="behind a byte order mark"),
        pytest.param(FILE, 0o644, "0644", id="no secret"),
    ],
)
def test_the_mode_of_a_copy(node: Node, text: str, mode: int, copy: str) -> None:
    node.write(text, mode=mode)
    result = node.run(sandbox_image=IMAGE, backup=True)
    backup = pathlib.Path(result["backup_file"])
    assert backup.read_bytes().decode() == text
    assert (f"{stat.S_IMODE(backup.stat().st_mode):04o}", node.mode()) == (copy, copy)


def test_key_paths_in_both_forms(node: Node) -> None:
    node.write('version = 2\n[a."b.c"]\nx = 1\ny = 2\n')
    result = node.run(absent=['a."b.c".x', ["a", "b.c", "y"], "not.there"])
    assert node.text() == 'version = 2\n[a."b.c"]\n'
    assert [change["key_path"] for change in result["changes"]] == ['a."b.c".x', 'a."b.c".y']


FIX = 'Write a list of keys, or TOML: plugins."io.containerd.grpc.v1.cri".registry.mirrors.'
UNSOUND: dict[str, tuple[Raw, str]] = {
    "a relative path": ({"path": "config.toml"}, "path: 'config.toml' is not an absolute path. "),
    "words": ({"absent": ["a b"]}, f"absent[0]: 'a b' is not a key path. {FIX}"),
    "an empty list": ({"absent": ["a", []]}, f"absent[1]: [] is not a key path. {FIX}"),
    "a list of numbers": ({"absent": [["a", 1]]}, f"absent[0]: ['a', 1] is not a key path. {FIX}"),
    "a number": ({"absent": [{"a": 1}]}, f"absent[0]: {{'a': 1}} is not a key path. {FIX}"),
    "an option's error has no file": (
        {"registry_config_path": "a:b"},
        "registry_config_path: 'a:b' looks like a list of directories, ",
    ),
    "a number as a key": (
        {"settings": {"plugins": {CRI: {"registry": {"configs": {5000: {}}}}}}},
        'FILE: plugins."io.containerd.grpc.v1.cri".registry.configs: the key 5000 is not a text. Put it in quotes.',
    ),
    "an error in the file": (
        {"settings": {"plugins": 1}},
        "FILE: plugins: is a plain value, not a table. Name the table's keys.",
    ),
}


@pytest.mark.parametrize(("options", "message"), UNSOUND.values(), ids=UNSOUND)
def test_unsound_options(node: Node, options: Raw, message: str) -> None:
    node.write(FILE)
    result = node.run(**options)
    assert result["failed"] is True
    assert result["msg"].startswith(message.replace("FILE", str(node.file)))
    assert node.text() == FILE


def test_a_directory_in_place_of_the_file(node: Node) -> None:
    node.file.mkdir(parents=True)
    result = node.run(sandbox_image=IMAGE)
    assert result["msg"] == (
        f"{node.file}: is not a file (directory). Nothing was changed; move it away on the node."
    )  # fmt: skip


def test_a_path_is_normalised(node: Node) -> None:
    node.write(FILE)
    result = node.run(path=f"{node.file.parent}/../containerd/./config.toml", sandbox_image=IMAGE)
    assert result["diff"][0]["before_header"] == str(node.file)


def test_an_image_build_has_nothing_to_restart(node: Node) -> None:
    node.machine.version, node.machine.unit = None, None
    result = node.run(sandbox_image=IMAGE, containerd_version="2.1.5")
    assert (result["changed"], result["restart_required"], result["config_version"]) == (True, False, 3)
