# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a task, with files in a directory of this machine in place of a node and nothing else replaced."""

from __future__ import annotations

import datetime
import pathlib
import re
import stat
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.airgap.nodes.plugins.action.containerd_registries import ActionModule
from ansible_collections.airgap.nodes.tests.unit.plugins.action.fake_node import Machine, Node, Raw
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if t.TYPE_CHECKING:
    from collections.abc import Callable

A, B = "https://a.example", "https://b.example"
PASSWORD = "correct horse"


class Play(Node):
    """A play with a files directory, and a node below another directory."""

    def __init__(self, directory: pathlib.Path, machine: Machine) -> None:
        super().__init__(directory / "node", machine, ActionModule)
        self.beside = directory / "play"
        (self.beside / "files").mkdir(parents=True)
        self.config_path = self.directory / "certs.d"
        self.directory.mkdir(parents=True)
        self.loader = machine.loader = DataLoader()
        machine.beside = [str(self.beside)]
        self.loader.set_vault_secrets([("default", VaultSecret(PASSWORD.encode()))])

    def run(self, *registries: Raw, **options: t.Any) -> Raw:
        return super().run(**{"registries": list(registries), "config_path": str(self.config_path), **options})

    def tree(self) -> dict[str, str]:
        """Paths below config_path with modes."""
        found = {path: stat.S_IMODE(path.stat().st_mode) for path in self.config_path.rglob("*") if path.is_file()}
        return {str(path.relative_to(self.config_path)): f"{mode:04o}" for path, mode in found.items()}

    def text(self, name: str) -> str:
        return (self.config_path / name).read_text(encoding="utf-8")


@pytest.fixture
def play(tmp_path: pathlib.Path, machine: Machine) -> Play:
    return Play(tmp_path, machine)


def entry(*hosts: t.Any, **more: t.Any) -> Raw:
    urls = [{"url": host} if isinstance(host, str) else host for host in hosts]
    return {"namespace": "quay.io", "fallback": False, "hosts": urls, **more}


KEY = ed25519.Ed25519PrivateKey.generate()
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate(name: str, until: int = 2099) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2000, until))
    signed = x509.CertificateBuilder(subject, subject, KEY.public_key(), 1, start, end).sign(KEY, None)
    return signed.public_bytes(Encoding.PEM)


def put(play: Play, **files: bytes) -> None:
    for name, content in files.items():
        (play.beside / "files" / f"{name}.pem").write_bytes(content)


def test_from_nothing_to_nothing_to_do(play: Play) -> None:
    put(play, ca=certificate("ca"), cert=certificate("client"), key=KEY_PEM)
    one = {"url": A, "ca": "ca.pem", "client": [["cert.pem", "key.pem"]], "header": {"authorization": "Basic hush"}}
    result = play.run(entry(one), entry(B, namespace="docker.io", fallback=True))
    assert result["changed"] is True
    assert result["registries"] == [
        {"namespace": "quay.io", "directory": f"{play.config_path}/quay.io", "endpoints": [A], "closed": True},
        {"namespace": "docker.io", "directory": f"{play.config_path}/docker.io", "endpoints": [B], "closed": False},
    ]
    assert result["containerd_version"] == "1.7.24"
    assert play.machine.calls == ["_node_read", "_node_apply"]
    assert sorted((name.rpartition("-")[0] or name, mode) for name, mode in play.tree().items()) == [
        ("docker.io/hosts.toml", "0644"),
        ("quay.io/ca", "0644"),
        ("quay.io/cert", "0644"),
        ("quay.io/hosts.toml", "0600"),
        ("quay.io/key", "0600"),
    ]
    assert play.run(entry(one), entry(B, namespace="docker.io", fallback=True))["changed"] is False
    assert play.machine.calls == ["_node_read"]


def test_check_mode_tells_what_would_be_and_writes_nothing(play: Play) -> None:
    result = play.run(entry(A), check=True)
    assert result["changed"] is True
    assert [part["after_header"] for part in result["diff"]] == [f"{play.config_path}/quay.io/hosts.toml"]
    assert play.machine.calls == ["_node_read"]
    assert not play.config_path.exists()


CREDENTIALS: dict[str, tuple[str, Raw]] = {
    "password": ("2.3.4", {"username": "hush-user", "password": "hush"}),
    "base64": ("2.3.4", {"auth": "aHVzaDpodXNo"}),
    "JSON key": ("2.3.4", {"json_key": '{"private_key": "hush"}'}),
    "JSON key that templating made a mapping of": ("2.3.4", {"json_key": {"private_key": "hush"}}),
    "in a header before 2.1": ("1.7.24", {"username": "hush-user", "password": "hush", "method": "header"}),
}


@pytest.mark.parametrize(("version", "auth"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_are_written_and_not_shown(play: Play, version: str, auth: Raw) -> None:
    play.machine.version = version
    result = play.run(entry({"url": A, "auth": auth}))
    assert not result.get("failed"), result
    assert (result["changed"], result["config_auth"]) == (True, [])
    assert 'Authorization = "Basic ' in play.text("quay.io/hosts.toml")
    assert play.tree() == {"quay.io/hosts.toml": "0600"}
    (shown,) = result["diff"]
    assert 'Authorization = "********"' in shown["after"]
    secrets = ("hush", "aHVz", play.text("quay.io/hosts.toml").partition('"Basic ')[2].partition('"')[0])
    assert not [secret for secret in secrets if secret in repr(result)]
    assert not play.run(entry({"url": A, "auth": auth}))["changed"]


def test_credentials_for_config_toml_are_named_by_their_host(play: Play) -> None:
    result = play.run(entry({"url": f"{A}:5000", "auth": {"username": "node", "password": "hush"}}))
    assert result["config_auth"] == ["a.example:5000"]
    assert play.tree() == {"quay.io/hosts.toml": "0644"}


def test_credentials_that_are_wrong_are_not_repeated(play: Play) -> None:
    for auth in ("hush", {"password": ["hush"]}, {"auth": "hush"}, {"json_key": "hush"}, {"username": "a:hush"}):
        result = play.run(entry({"url": A, "auth": auth}))
        assert result["failed"]
        assert "hush" not in repr(result)


def test_a_diff_shows_all_but_secrets(play: Play) -> None:
    put(play, ca=certificate("ca"), key=certificate("client") + KEY_PEM)
    secret = {"url": A, "ca": "ca.pem", "client": "key.pem", "header": {"X-Token": "hush"}}
    first = play.run(entry(secret))
    after = "".join(part["after"] for part in first["diff"])
    assert 'X-Token = "********"' in after
    assert "certificate CN=ca until 2099-01-01" in after
    assert "private key (not shown)" in after
    second = play.run(entry({**secret, "header": {"X-Token": "hush, too"}}))
    assert [part["after"].count('X-Token = "******** (changed)"') for part in second["diff"]] == [1]
    gone = play.run(entry(A))
    assert [(part["before"], part["after"]) for part in gone["diff"]][1:] == [("PEM (not shown)\n", "")] * 2
    for shown in (first, second, gone):
        assert "hush" not in repr(shown)
        assert KEY_PEM.split(b"\n")[1].decode() not in repr(shown)


def test_a_mode_that_is_mended_is_shown(play: Play) -> None:
    play.run(entry(A))
    (play.config_path / "quay.io" / "hosts.toml").chmod(0o666)
    assert [part["after"] for part in play.run(entry(A))["diff"]] == ["mode 0644\n"]


def test_a_foreign_file_is_adopted(play: Play) -> None:
    directory = play.config_path / "quay.io"
    directory.mkdir(parents=True)
    (directory / "hosts.toml").write_text('server = "https://old.example"\n', encoding="utf-8")
    result = play.run(entry(A))
    assert result["adopted"] == [f"{directory}/hosts.toml"]
    (backup,) = result["backup_files"]
    assert pathlib.Path(backup).read_text(encoding="utf-8") == 'server = "https://old.example"\n'


def test_purge(play: Play) -> None:
    put(play, ca=certificate("ca"))
    play.run(entry({"url": A, "ca": "ca.pem"}), entry(B, namespace="docker.io"))
    result = play.run(entry(B, namespace="docker.io"), purge=True)
    assert result["purged"] == [f"{play.config_path}/quay.io"]
    assert list(play.tree()) == ["docker.io/hosts.toml"]
    assert not (play.config_path / "quay.io").exists()


def test_a_symlinked_config_path_is_followed(play: Play) -> None:
    real = play.config_path.parent / "elsewhere"
    real.mkdir()
    play.config_path.symlink_to(real)
    play.run(entry(A))
    assert (real / "quay.io" / "hosts.toml").is_file()
    assert play.run(entry(A))["changed"] is False


def test_a_file_on_the_node_is_referred_to(play: Play) -> None:
    ca = play.config_path.parent / "ca.pem"
    ca.write_bytes(certificate("ca"))
    play.run(entry({"url": A, "ca": str(ca)}))
    assert f'ca = "{ca}"' in play.text("quay.io/hosts.toml")


def test_a_ca_on_the_node_is_judged_before_anything_is_written(play: Play) -> None:
    ca = play.config_path.parent / "ca.pem"
    ca.write_bytes(KEY_PEM)
    result = play.run(entry({"url": A, "ca": str(ca)}))
    assert result["msg"].startswith(f"registries[0].hosts[0].ca: {ca} on the node has no -----BEGIN CERTIFICATE-----")
    assert play.machine.calls == ["_node_read"]
    ca.write_bytes(certificate("ca"))
    assert play.run(entry({"url": A, "ca": str(ca)}))["changed"] is True


def test_a_containerd_newer_than_known_gets_the_form_that_all_read(play: Play) -> None:
    play.machine.version = "2.5.0"
    result = play.run(entry(A))
    assert (result["changed"], result["containerd_version"]) == (True, "2.4.0")
    assert result["warnings"] == ["containerd 2.5.0 is newer than this collection knows (2.4); it is treated as 2.4.0."]
    assert play.run(entry(A), containerd_version="2.3.4")["containerd_version"] == "2.3.4"


def test_purging_an_adopted_namespace_needs_its_copy_moved_away(play: Play) -> None:
    directory = play.config_path / "quay.io"
    directory.mkdir(parents=True)
    (directory / "hosts.toml").write_text('server = "https://old.example"\n', encoding="utf-8")
    default = entry(B, namespace="_default")
    (backup,) = map(pathlib.Path, play.run(entry(A), default)["backup_files"])
    message = play.run(default, purge=True)["msg"]
    assert message.startswith(f"purge: would leave {directory} with {backup.name} in it: ")
    assert play.machine.calls == ["_node_read"]
    backup.rename(play.config_path.parent / backup.name)
    assert play.run(default, purge=True)["purged"] == [str(directory)]
    assert not directory.exists()


def test_there_is_no_option_for_copies(play: Play) -> None:
    assert "backup" in play.run(entry(A), backup=True)["msg"]


def test_a_file_in_a_vault_is_decrypted_and_leaves_no_trace(play: Play) -> None:
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    put(play, client=vault.encrypt(certificate("client") + KEY_PEM))
    play.run(entry({"url": A, "client": "client.pem"}))
    (pem,) = (play.config_path / "quay.io").glob("client-*.pem")
    assert pem.read_bytes() == certificate("client") + KEY_PEM
    assert play.loader._tempfiles == set()


def test_an_expired_certificate_is_a_warning(play: Play) -> None:
    put(play, ca=certificate("ca", until=2001))
    (warning,) = play.run(entry({"url": A, "ca": "ca.pem"}))["warnings"]
    assert warning.startswith("ca.pem: certificate CN=ca until 2001-01-01 sha256 ")
    assert warning.endswith(" has expired")


def test_a_release_that_is_named_counts_where_none_is_installed(play: Play) -> None:
    timed = entry({"url": A, "dial_timeout": "5s"})
    assert "containerd 1.7.24 does not know dial_timeout" in play.run(timed)["msg"]
    assert "this node has containerd 1.7.24" in play.run(timed, containerd_version="2.1.5")["msg"]
    play.machine.version = None
    assert play.run(timed, containerd_version="2.1.5")["containerd_version"] == "2.1.5"


FAILURES: dict[str, tuple[Callable[[Play], Raw], str]] = {
    "misspelt option": (
        lambda play: play.run(entry({"url": A, "skip-verify": True})),
        "registries[0].hosts[0].skip-verify: is not a known option. Did you mean skip_verify?",
    ),
    "config_path as a list": (
        lambda play: play.run(entry(A), config_path="/a:/b"),
        "config_path: '/a:/b' looks like a list of directories, of which containerd 2.1 and later find none. "
        "Name exactly one directory.",
    ),
    "CA that is nowhere": (
        lambda play: play.run(entry({"url": A, "ca": "ca.pem"})),
        "registries[0].hosts[0].ca: ca.pem is not there. "
        "Put it beside the play or the inventory, or in files/ there; a file on the node needs its absolute path.",
    ),
    "CA that is a key": (
        lambda play: (put(play, ca=KEY_PEM), play.run(entry({"url": A, "ca": "ca.pem"})))[1],
        "registries[0].hosts[0].ca: ca.pem has no certificate in it. Name the CA's certificate.",
    ),
    "client without key": (
        lambda play: (put(play, c=certificate("c")), play.run(entry({"url": A, "client": "c.pem"})))[1],
        "registries[0].hosts[0].client: c.pem has no private key in it. Write a list of pairs: [[c.pem, key]].",
    ),
    "default that is no PEM": (
        lambda play: (put(play, ca=b"x"), play.run(entry(A), defaults={"ca": "ca.pem"}))[1],
        "defaults.ca: ca.pem is not PEM. It must have a -----BEGIN ...----- line.",
    ),
}


@pytest.mark.parametrize(("run", "message"), FAILURES.values(), ids=FAILURES)
def test_failure(play: Play, run: Callable[[Play], Raw], message: str) -> None:
    result = run(play)
    assert (result["failed"], result["msg"]) == (True, message)
    assert play.machine.calls == []


def test_a_file_in_a_vault_without_its_password(play: Play) -> None:
    put(play, client=VaultLib([("x", VaultSecret(b"other"))]).encrypt(KEY_PEM))
    message = play.run(entry({"url": A, "client": "client.pem"}))["msg"]
    assert message.startswith("registries[0].hosts[0].client: client.pem cannot be read on the controller: ")


def test_containerd_that_is_not_there(play: Play) -> None:
    play.machine.version = None
    assert "containerd is not installed on this node" in play.run(entry(A))["msg"]
    assert play.run(entry(A), containerd_version="1.6.20")["changed"] is True


@pytest.mark.parametrize("directory", ["files", "."])
def test_a_file_beside_the_inventory(play: Play, tmp_path: pathlib.Path, directory: str) -> None:
    inventory = tmp_path / "inventory"
    (inventory / directory).mkdir(parents=True)
    (inventory / directory / "ca.pem").write_bytes(certificate("Inventory CA"))
    play.machine.variables = {"inventory_dir": str(inventory)}
    assert play.run(entry({"url": A, "ca": "ca.pem"}))["changed"] is True
    assert any(re.fullmatch(r"quay.io/ca-[0-9a-f]{8}\.pem", path) for path in play.tree())
