# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a task, with files in a directory of this machine in place of a node and nothing else replaced."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action.containerd_migrate import ActionModule
from ansible_collections.airgap.nodes.tests.unit.plugins.action.fake_node import Machine, Node, Raw

CRI = "io.containerd.grpc.v1.cri"
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HUB = "https://registry-1.docker.io/v2"


class MigrateNode(Node):
    """A config.toml, and the tree beside it."""

    def __init__(self, directory: pathlib.Path, machine: Machine) -> None:
        super().__init__(directory, machine, ActionModule)
        self.tree = self.directory / "certs.d"

    def write_tables(self, registry: str, name: str = "config.toml", head: str = "version = 2\n") -> None:
        """@ stands for the registry table, DIRECTORY for the directory."""
        text = (head + registry).replace("@", f'plugins."{CRI}".registry').replace("DIRECTORY", str(self.directory))
        self.write(text, name)

    def run(self, **options: t.Any) -> Raw:
        return super().run(**{"path": str(self.file), "config_path": str(self.tree), **options})


@pytest.fixture
def node(tmp_path: pathlib.Path, machine: Machine) -> MigrateNode:
    return MigrateNode(tmp_path, machine)


MIRROR = '[@.mirrors."docker.io"]\n  endpoint = ["https://a.example"]\n'
AUTH = '[@.configs."a.example".auth]\n  username = "puller"\n  password = "hush-hush"\n'
TLS = '[@.configs."a.example".tls]\n  ca_file = "DIRECTORY/ca.pem"\n'


def test_from_tables_to_nothing_to_do(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    before = node.text()
    result = node.run()
    assert node.machine.calls == ["_node_read", "_node_apply"]
    assert node.text() == f'version = 2\n[plugins."{CRI}".registry]\n  config_path = "{node.tree}"\n'
    assert '[host."https://a.example"]' in node.text("certs.d/docker.io/hosts.toml")
    route = [
        {"url": url, "ca": [], "client": [], "skip_verify": False, "headers": []}
        for url in ("https://a.example/v2", HUB)
    ]
    assert result["proof"] == [{"namespace": "docker.io", "before": route, "after": route}]
    assert result["namespaces"] == [
        {
            "namespace": "docker.io",
            "directory": f"{node.tree}/docker.io",
            "endpoints": ["https://a.example"],
            "closed": False,
        }
    ]
    assert pathlib.Path(result["backup_file"]).read_text(encoding="utf-8") == before
    told = ("changed", "losses", "kept", "adopted", "backup_files", "config_path", "containerd_version")
    assert {key: result[key] for key in told} == {
        "changed": True,
        "losses": [],
        "kept": [],
        "adopted": [],
        "backup_files": [result["backup_file"]],
        "config_path": str(node.tree),
        "containerd_version": "1.7.24",
    }
    again = node.run()
    assert node.machine.calls == ["_node_read"]
    assert (again["changed"], again["proof"], again["config_path"]) == (False, [], str(node.tree))


LISTED = '[host."https://a.example"]\n'
# Who asks the host is somebody else's business: options, the hosts.toml of quay.io, whether it is told.
BEHIND: dict[str, tuple[Raw, str | None, bool]] = {
    "as it was": ({"auth": "keep"}, None, False),
    "to a header now": ({"auth": "header"}, None, True),
    "needed by a namespace that is left out": ({"auth": "header", "leave": ["quay.io"]}, LISTED, False),
    "not needed by it": ({"auth": "header", "leave": ["quay.io"]}, '[host."https://b.example"]\n', True),
}


@pytest.mark.parametrize(("options", "listed", "is_told"), BEHIND.values(), ids=BEHIND)
def test_credentials_that_an_earlier_migration_left(
    *, node: MigrateNode, options: Raw, listed: str | None, is_told: bool
) -> None:
    node.write_tables(MIRROR + AUTH)
    assert node.run()["changed"]
    if listed is not None:
        node.write(listed, "certs.d/quay.io/hosts.toml")
    again = node.run(**options)
    assert (again["changed"], node.machine.calls) == (False, ["_node_read"])
    assert [warning.partition(" stays, because ")[0] for warning in again.get("warnings", [])] == (
        [f'{node.file}: registry.configs."a.example".auth:'] if is_told else []
    )
    assert "hush-hush" not in str(again)


def test_the_result_of_both_runs_has_the_same_keys(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    assert node.run().keys() - {"diff"} == node.run().keys()


def test_the_tree_leaves_first_and_config_toml_last(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    node.run()
    assert node.machine.written[-1] == str(node.file)
    assert f"{node.tree}/docker.io/hosts.toml" in node.machine.written


def test_check_mode_shows_the_whole_plan_and_writes_nothing(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    before = node.text()
    result = node.run(check=True)
    assert node.machine.calls == ["_node_read"]
    assert (node.text(), node.tree.exists()) == (before, False)
    assert result["changed"] is True
    assert result["proof"][0]["before"] == result["proof"][0]["after"] != []
    assert [part["after_header"] for part in result["diff"]] == [f"{node.tree}/docker.io/hosts.toml", str(node.file)]
    assert result["backup_file"] is None


def test_certificates_are_read_before_the_tree_refers_to_them(node: MigrateNode) -> None:
    node.write_tables(MIRROR + TLS)
    message = node.run()["msg"]
    assert message.startswith(
        f'{node.file}: registry.configs."a.example".tls.ca_file: {node.directory}/ca.pem is not on'
    )
    (node.directory / "ca.pem").mkdir()
    assert "is no file on the node" in node.run()["msg"]
    (node.directory / "ca.pem").rmdir()
    (node.directory / "ca.pem").write_bytes(b"")
    assert "is empty" in node.run()["msg"]
    (node.directory / "ca.pem").write_bytes(PEM)
    result = node.run()
    assert node.machine.calls == ["_node_read", "_node_read", "_node_apply"]
    assert result["proof"][0]["after"][0]["ca"] == [f"{node.directory}/ca.pem"]
    assert f'ca = "{node.directory}/ca.pem"' in node.text("certs.d/docker.io/hosts.toml")
    node.run()
    assert node.machine.calls == ["_node_read"]


@pytest.mark.parametrize("auth", ["keep", "header"])
def test_no_secret_is_told(node: MigrateNode, auth: str) -> None:
    node.machine.version = "2.1.5"
    node.write_tables(MIRROR + AUTH)
    node.file.chmod(0o644)
    result = node.run(auth=auth)
    assert node.mode(result["backup_file"]) == "0600"
    assert not {"hush-hush", "cHVsbGVyOmh1c2gtaHVzaA=="} & set(json.dumps(result).replace('"', " ").split())
    assert "hush" not in json.dumps(result)
    assert "cHVsbGVy" not in json.dumps(result)
    has_header = "cHVsbGVyOmh1c2gtaHVzaA==" in node.text("certs.d/docker.io/hosts.toml")
    assert (has_header, "hush-hush" in node.text()) == ((auth == "header"), (auth == "keep"))
    assert node.mode("certs.d/docker.io/hosts.toml") == ("0600" if auth == "header" else "0644")
    assert result["kept"] == (['registry.configs."a.example".auth'] if auth == "keep" else [])


def test_the_proof_tells_headers_only_of_the_tree(node: MigrateNode) -> None:
    node.machine.version = "2.1.5"
    node.write_tables(MIRROR + AUTH)
    before, after = (node.run(auth="header", check=True)["proof"][0][key][0]["headers"] for key in ("before", "after"))
    assert (before, after) == ([], ["Authorization"])


def test_the_unit_is_the_one_that_is_named(node: MigrateNode) -> None:
    node.run(unit="k3s-containerd")
    assert node.machine.asked_for["unit"] == "k3s-containerd.service"


def test_tables_in_an_imported_file_are_migrated_there(node: MigrateNode) -> None:
    node.write_tables("", head='version = 2\nimports = ["conf.d/*.toml"]\n')
    node.write_tables(MIRROR, "conf.d/10-mirrors.toml")
    main = node.text()
    result = node.run()
    assert "failed" not in result, result["msg"]
    assert node.text() == main
    assert node.text("conf.d/10-mirrors.toml") == (
        f'version = 2\n[plugins."{CRI}".registry]\n  config_path = "{node.tree}"\n'
    )
    assert result["backup_file"] is None
    assert [pathlib.Path(file).name.split(".toml.")[0] for file in result["backup_files"]] == ["10-mirrors"]
    assert node.run()["changed"] is False


def test_no_copy_is_left_where_containerd_would_read_it(node: MigrateNode) -> None:
    node.write_tables("", head='version = 2\nimports = ["conf.d/*"]\n')
    node.write_tables(MIRROR, "conf.d/10-mirrors.toml")
    result = node.run()
    assert result["backup_files"] == []
    assert [warning for warning in result["warnings"] if "no copy of" in warning]
    assert not any("no copy of" in warning for warning in node.run().get("warnings", ()))


def test_tables_of_two_files_that_2_x_merges_are_migrated_in_both(node: MigrateNode) -> None:
    node.machine.version = "2.1.5"
    node.write_tables(MIRROR, head='version = 2\nimports = ["conf.d/*.toml"]\n')
    node.write_tables('[@.mirrors."quay.io"]\n  endpoint = ["https://b.example"]\n', "conf.d/10-mirrors.toml")
    result = node.run()
    assert "failed" not in result, result["msg"]
    assert {proof["namespace"] for proof in result["proof"]} == {"docker.io", "quay.io"}
    assert "mirrors" not in node.text().replace("10-mirrors", "")
    assert "mirrors" not in node.text("conf.d/10-mirrors.toml")
    assert (node.text() + node.text("conf.d/10-mirrors.toml")).count("config_path = ") == 1
    assert node.run()["changed"] is False


def test_a_file_of_others_is_replaced_only_when_asked_to(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    other = node.tree / "docker.io" / "hosts.toml"
    other.parent.mkdir(parents=True)
    other.write_text('[host."https://other.example"]\n', encoding="utf-8")
    result = node.run()
    assert result["msg"].startswith(f"{other}: asks https://other.example/v2, then {HUB}, the tables ask ")
    assert node.machine.calls == ["_node_read"]
    result = node.run(overwrite=True)
    assert result["adopted"] == [str(other)]
    assert len(result["backup_files"]) == 2
    assert result["backup_file"] in result["backup_files"]
    assert "other.example" not in other.read_text(encoding="utf-8")


def test_what_is_left_alone_is_neither_written_nor_compared(node: MigrateNode) -> None:
    node.write_tables(MIRROR)
    result = node.run(leave=["docker.io"])
    assert (result["changed"], result["proof"], node.tree.exists()) == (True, [], False)
    assert "mirrors" not in node.text()


def test_losses_are_refused_and_nothing_is_written(node: MigrateNode) -> None:
    node.write_tables(MIRROR + TLS.replace("a.example", "docker.io"))
    before = node.text()
    result = node.run()
    assert result["msg"].startswith('accept_losses: registry.configs."docker.io".tls: ')
    assert (node.machine.calls, node.text()) == (["_node_read"], before)
    assert node.run(accept_losses=True)["losses"] == [
        'registry.configs."docker.io".tls: no endpoint and no registry has this name, so it has had no effect'
    ]


def test_the_directory_that_the_file_names_is_taken_by_default(node: MigrateNode) -> None:
    node.write_tables(MIRROR + f'[@]\nconfig_path = "{node.directory}/tree"\n')
    result = node.run(config_path=None)
    assert result["config_path"] == f"{node.directory}/tree"
    assert (node.directory / "tree" / "docker.io" / "hosts.toml").exists()
    assert "has not loaded CRI with both" in result["warnings"][0]


def test_what_the_release_does_not_read_is_told(node: MigrateNode) -> None:
    node.write_tables('[plugins.cri.registry.mirrors."docker.io"]\nendpoint = ["https://a.example"]\n', head="")
    node.machine.version = "2.1.5"
    result = node.run()
    assert result["changed"] is False
    path = 'plugins.cri.registry.mirrors."docker.io"'
    assert result["warnings"] == [f"{node.file}: {path}: containerd 2.1.5 reads nothing of it"]


def test_credentials_that_stay_are_told_when_there_is_nothing_to_do(node: MigrateNode) -> None:
    node.write_tables(AUTH + '[@.headers]\nX-Meta = ["a"]\n[@.auths."https://b.example"]\nauth = "eDp5"\n')
    result = node.run()
    assert result["changed"] is False
    assert result["kept"] == [
        'registry.configs."a.example".auth',
        'registry.auths."https://b.example"',
        "registry.headers",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("version = 2\n[[", "config.toml:2:"),
        ("version = 9\n", "config version 9 is newer than this collection knows"),
        ('version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nmirrors = 3\n', "mirrors: is not a table"),
    ],
)
def test_a_file_that_is_not_sound_is_refused(node: MigrateNode, content: str, reason: str) -> None:
    node.write(content)
    result = node.run()
    assert result["failed"] is True
    assert reason in result["msg"]
    assert str(node.file) in result["msg"]


def test_no_file_is_nothing_to_migrate(node: MigrateNode) -> None:
    assert node.run()["changed"] is False


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"path": "config.toml"}, "path: 'config.toml' is not an absolute path"),
        ({"config_path": "/a:/b"}, "looks like a list of directories"),
        ({"auth": "drop"}, "value of auth must be one of: keep, header"),
    ],
)
def test_wrong_options(node: MigrateNode, options: Raw, reason: str) -> None:
    assert reason in node.run(**options)["msg"]
    assert node.machine.calls == []
