# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a failed pull, with files in a directory of this machine; only crictl and the probe are made up."""

from __future__ import annotations

import base64
import datetime
import types
import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible_collections.airgap.nodes.plugins.action import crictl_pull
from ansible_collections.airgap.nodes.plugins.action.crictl_pull import ActionModule
from ansible_collections.airgap.nodes.plugins.plugin_utils._pem import read_certificate
from ansible_collections.airgap.nodes.plugins.plugin_utils._pull_diagnosis import PullDiagnosis
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

Raw = dict[str, t.Any]

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
IMAGE = "registry.k8s.io/pause:3.10"
SENTENCE = f"{IMAGE}: nothing listens at m.example.com (connection refused). Check the port."
REFUSED = {"step": "tcp", "address": "192.0.2.10", "proxy": "", "trouble": {"kind": "connection_refused", "text": ""}}
DELIVERS = {"step": "http", "trouble": None, "api": {"path": "/v2/", "status": 200}, "manifest": {"status": 200}}
MIRROR = b"""[host."https://m.example.com"]
[host."https://m.example.com".header]
Authorization = "Basic aHVzaDpodXNo"
"""


def failed(image: str = IMAGE, reason: str = "connection_refused", **more: t.Any) -> Raw:
    known = {"arrived": False, "endpoint": "m.example.com", "endpoints": [], "text": "connect: connection refused"}
    return {"image": image, "reason": reason, **known, "msg": SENTENCE.replace(IMAGE, image), **more}


def text(content: bytes) -> Raw:
    return {"kind": "file", "content": base64.b64encode(content).decode(), "mtime": 1.0}


class Node:
    """What the modules answer, and what they were asked."""

    def __init__(self, pulled: Raw, *found: Raw, hosts: bytes | None = MIRROR) -> None:
        self.pulled = {"changed": False, "images": [], "failed_images": [], **pulled}
        self.found = found
        config = f'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{TREE}"\n'
        self.files = {CONFIG: text(config.encode())}
        self.hosts = {f"{TREE}/registry.k8s.io/hosts.toml": text(hosts)} if hosts else {}
        self.exec_start: list[str] = ["/usr/bin/containerd"]
        self.calls: list[tuple[str, Raw]] = []
        self.censored: list[bool] = []

    def run(self, *, wrap: int = 0, **options: t.Any) -> Raw:
        task = types.SimpleNamespace(
            args=options, action="airgap.nodes.crictl_pull", async_val=wrap, check_mode=False, diff=False, no_log=False
        )
        self.context = types.SimpleNamespace(no_log=False)
        shell = types.SimpleNamespace(tmpdir="/nowhere")
        connection = types.SimpleNamespace(_play_context=self.context, _shell=shell)
        action = ActionModule(task, connection, None, None, None, None)
        action._execute_module = self._execute  # type: ignore[method-assign]
        action._remove_tmp_path = lambda _path: None  # type: ignore[method-assign]
        return t.cast("Raw", action.run(None, {}))

    def _execute(
        self, *, module_name: str = "", module_args: Raw | None = None, task_vars: Raw, wrap_async: int = 0
    ) -> Raw:
        del task_vars
        self.censored.append(self.context.no_log)
        self.calls.append((module_name.removeprefix("airgap.nodes.") or "crictl_pull", module_args or {}))
        if not module_name:
            return {"started": 1} if wrap_async else self.pulled
        if module_name.endswith("_node_read"):
            return self._read(module_args or {})
        return {"changed": False, "probes": list(self.found), "now": 1e9}

    def _read(self, asked: Raw) -> Raw:
        absent = {"kind": "absent"}
        directory = {"kind": "directory"}
        return {
            "files": {path: self.files.get(path, absent) for path in asked.get("files", ())},
            "globs": {pattern: self.hosts if TREE in pattern else {} for pattern in asked.get("globs", ())},
            "directories": {
                path: {"self": directory, "entries": {"registry.k8s.io": directory} if self.hosts else {}}
                for path in asked.get("directories", ())
            },
            "programs": {"containerd": {"path": "/usr/bin/containerd", "version": "1.7.24", "output": ""}},
            "unit": {"exec_start": self.exec_start, "started": 2.0, "main_pid": 7, "load_state": "loaded"},
        }

    @property
    def names(self) -> list[str]:
        return [name for name, _arguments in self.calls]


def test_a_pull_that_succeeds_is_one_round_trip() -> None:
    node = Node({"images": [{"image": IMAGE}]})
    result = node.run(images=[IMAGE])
    assert (result["images"], result["is_failed"]) == ([{"image": IMAGE}], False)
    assert node.names == ["crictl_pull"]


def test_a_pull_that_fails_is_explained() -> None:
    node = Node(
        {"failed": True, "failed_images": [failed()]}, REFUSED, {**REFUSED, "trouble": {"kind": "connect_timeout"}}
    )
    result = node.run(images=[IMAGE])
    assert node.names == ["crictl_pull", "_node_read", "_node_probe"]
    # What a file says, and what is sent because of it, is in no log of the connection.
    assert node.censored == [False, True, True]
    assert (result["failed"], result["is_failed"]) == (True, True)
    assert result["msg"] == (
        "registry.k8s.io/pause:3.10: nothing listens at m.example.com (connection refused).\n"
        "Whom containerd asks by /etc/containerd/certs.d/registry.k8s.io/hosts.toml, in this order, and what each of "
        "them answers this node:\n"
        "  1. https://m.example.com/v2: 192.0.2.10; connection refused\n"
        "  2. https://registry.k8s.io/v2: 192.0.2.10; no answer to a connection within 4 s; this is the registry "
        "itself\nLikely cause: Nothing listens at m.example.com: start the registry, or correct the port of url in the "
        "entry registry.k8s.io of containerd_registries."
    )
    (image,) = result["failed_images"]
    assert (image["cause"], image["source"]) == ("connection_refused", f"{TREE}/registry.k8s.io/hosts.toml")
    assert image["probes"][0] == {
        "url": "https://m.example.com/v2",
        "reason": "connection_refused",
        "text": "192.0.2.10; connection refused",
    }
    assert "aHVzaDpodXNo" not in repr(result)


def test_the_endpoints_are_asked_as_the_file_has_them() -> None:
    node = Node({"failed": True, "failed_images": [failed()]}, REFUSED, REFUSED)
    node.run(images=[IMAGE], unit="k3s")
    (_name, asked) = node.calls[-1]
    assert (asked["unit"], asked["seconds"], asked["auth_file"]) == ("k3s.service", 10, None)
    first, last = asked["endpoints"]
    assert first["header"] == [["Authorization", "Basic aHVzaDpodXNo"]]
    assert (last["header"], last["host"]) == ([], "registry.k8s.io")


@pytest.mark.parametrize(
    "options",
    [{"username": "u", "password": "hush"}, {"auth": base64.b64encode(b"u:hush").decode()}],
    ids=lambda o: next(iter(o)),
)
def test_credentials_of_the_pull_are_those_of_the_probe(options: Raw) -> None:
    node = Node({"failed": True, "failed_images": [failed()]}, REFUSED, REFUSED)
    node.run(images=[IMAGE], **options)
    assert [base64.b64decode(each["auth"]) for each in node.calls[-1][1]["endpoints"]] == [b"u:hush"] * 2


def test_credentials_in_a_file_take_the_place_of_those_in_config_toml() -> None:
    node = Node({"failed": True, "failed_images": [failed()]}, REFUSED, REFUSED)
    host = '[plugins."io.containerd.grpc.v1.cri".registry.configs."m.example.com".auth]\nauth = "aHVzaDpodXNo"\n'
    node.files[CONFIG] = text(base64.b64decode(node.files[CONFIG]["content"]) + host.encode())
    node.run(images=[IMAGE])
    assert [each["auth"] for each in node.calls[-1][1]["endpoints"]] == ["aHVzaDpodXNo", ""]
    node.run(images=[IMAGE], credentials_file="/root/c")
    asked = node.calls[-1][1]
    assert (asked["auth_file"], [each["auth"] for each in asked["endpoints"]]) == ("/root/c", ["", ""])


def test_what_the_probe_knows_no_better_stays_as_it_was() -> None:
    node = Node({"failed": True, "failed_images": [failed()]}, DELIVERS, REFUSED)
    result = node.run(images=[IMAGE])
    assert result["msg"].startswith(f"{SENTENCE}\nWhom containerd asks")
    assert result["failed_images"][0]["cause"] == "delivers"


def test_an_image_that_came_by_another_way_is_explained_too() -> None:
    pulled = failed(reason="hosts_config", arrived=True, msg=f"{IMAGE}: the image came, but not by way of hosts.toml.")
    node = Node({"failed": True, "failed_images": [pulled]}, DELIVERS, hosts=b"[host")
    result = node.run(images=[IMAGE])
    assert result["failed_images"][0]["cause"] == "dropped"
    assert result["msg"].startswith(f"{IMAGE}: the image came, but not by way of hosts.toml.\n")


@pytest.mark.parametrize("reason", sorted(crictl_pull.NOT_OF_REGISTRIES))
def test_nobody_is_asked_where_no_registry_is_the_matter(reason: str) -> None:
    node = Node({"failed": True, "msg": "as it was", "failed_images": [failed(reason=reason)]})
    assert node.run(images=[IMAGE])["msg"] == "as it was"
    assert node.names == ["crictl_pull"]


def test_without_cri_nobody_is_asked() -> None:
    node = Node({"failed": True, "msg": "CRI on unix:///x: ..."})
    node.run(images=[IMAGE])
    assert node.names == ["crictl_pull"]


def test_in_the_background_nobody_is_asked() -> None:
    node = Node({"failed": True, "failed_images": [failed()]})
    assert node.run(wrap=60, images=[IMAGE])["started"] == 1
    assert node.names == ["crictl_pull"]


def test_many_images_are_asked_for_up_to_a_number() -> None:
    names = [f"registry.k8s.io/x:{number}" for number in range(crictl_pull.MAX_IMAGES + 1)]
    images = [failed(name) for name in names]
    node = Node({"failed": True, "failed_images": images}, *[REFUSED] * 2 * crictl_pull.MAX_IMAGES)
    result = node.run(images=names)
    assert result["msg"].startswith("9 of 9 images could not be pulled as they should.\n")
    assert ["probes" in each for each in result["failed_images"]] == [True] * crictl_pull.MAX_IMAGES + [False]


def test_a_config_toml_in_another_place_is_read_there() -> None:
    node = Node({"failed": True, "failed_images": [failed()]}, REFUSED, REFUSED)
    node.files["/opt/config.toml"] = node.files.pop(CONFIG)
    node.exec_start = ["/usr/bin/containerd", "--config", "/opt/config.toml"]
    assert node.run(images=[IMAGE])["failed_images"][0]["cause"] == "connection_refused"
    assert node.names == ["crictl_pull", "_node_read", "_node_read", "_node_probe"]


def test_a_config_toml_that_cannot_be_read_takes_nothing_away() -> None:
    node = Node({"failed": True, "failed_images": [failed()]})
    node.files[CONFIG] = text(b"version = 2\n[")
    result = node.run(images=[IMAGE])
    assert result["failed"] is True
    assert result["msg"].startswith(f"{SENTENCE} Whom containerd asks for it could not be told: {CONFIG}:2")


@pytest.mark.parametrize(
    ("error", "told"), [(AnsibleError("the line is dead"), "the line is dead"), (KeyError("x"), "KeyError('x')")]
)
def test_a_probe_that_breaks_takes_nothing_away(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_arguments: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(PullDiagnosis, "_diagnoses", breaks)
    result = Node({"failed": True, "failed_images": [failed()]}).run(images=[IMAGE])
    assert result["failed"] is True
    assert result["msg"] == f"{SENTENCE} Whom containerd asks for it could not be told: {told}"


KEY = ed25519.Ed25519PrivateKey.generate()


def signed(*names: x509.GeneralName, subject: x509.Name) -> bytes:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    end = start.replace(year=2027)
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 1, start, end)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, None).public_bytes(Encoding.DER)


def test_what_of_a_certificate_counts() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    found = read_certificate(signed(x509.DNSName("a.example.com"), x509.RFC822Name("a@b.c"), subject=name))
    assert found
    assert (found.subject, found.issuer, found.names) == ("ca", "ca", ("a.example.com",))
    assert (found.start.year, found.end.year) == (2026, 2027)
    unnamed = read_certificate(signed(subject=x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Corp")])))
    assert unnamed
    assert (unnamed.subject, unnamed.names) == ("O=Corp", ())
    assert read_certificate(b"nonsense") is None
