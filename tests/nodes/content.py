# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tiny container images, written straight into the registry through its HTTP API."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import platform
import tarfile
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from nodes import programs

MEDIA = "application/vnd.docker.distribution.manifest.v2+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
#: Which program each repository:tag holds. Several paths, so that mirrors with and without a path of their own work.
CONTENT = {
    "pause": ["k8s/pause:3.6", "k8s/pause:3.8", "k8s/pause:3.10", "k8s/pause:3.10.2", "pause:3.10", "pause:3.10.2"],
    "hello": ["library/hello-world:latest", "hello-world:latest", "team/hello:1.0"],
}


@dataclass(frozen=True)
class Image:
    """An image of one program, byte for byte the same whenever it is made from the same program."""

    layer: bytes
    config: bytes

    @classmethod
    def of(cls, name: str, program: bytes, *, version: str) -> Image:
        archive = _archive(name, program)
        config = {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            # The label makes two versions of one program two images.
            "config": {"Entrypoint": [f"/{name}"], "WorkingDir": "/", "Labels": {"version": version}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(archive)]},
        }
        return cls(gzip.compress(archive, mtime=0), json.dumps(config, sort_keys=True).encode())

    def manifest(self) -> bytes:
        prefix = "application/vnd.docker"
        document = {
            "schemaVersion": 2,
            "mediaType": MEDIA,
            "config": _descriptor(f"{prefix}.container.image.v1+json", self.config),
            "layers": [_descriptor(f"{prefix}.image.rootfs.diff.tar.gzip", self.layer)],
        }
        return json.dumps(document, indent=2).encode()


def _archive(name: str, program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(program), 0o755
        archive.addfile(entry, io.BytesIO(program))
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, t.Any]:
    return {"mediaType": media_type, "size": len(data), "digest": _digest(data)}


def fill(address: str, port: int) -> None:
    """Pushes what the registry does not hold yet."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    for name, references in CONTENT.items():
        program = programs.build_c(name).read_bytes()
        for reference in references:
            _push(connection, Image.of(name, program, version=reference.split(":")[1]), reference)
    connection.close()


def _push(connection: http.client.HTTPConnection, image: Image, reference: str) -> None:
    repository, tag = reference.split(":")
    manifest = f"/v2/{repository}/manifests/{tag}"
    status, headers = _ask(connection, "HEAD", manifest, headers={"Accept": MEDIA})
    if status == http.HTTPStatus.OK and headers.get("Docker-Content-Digest") == _digest(image.manifest()):
        return
    for blob in (image.layer, image.config):
        _status, headers = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/")
        location = urlsplit(headers["Location"])
        _ask(connection, "PUT", f"{location.path}?{location.query}&digest={_digest(blob)}", body=blob)
    _ask(connection, "PUT", manifest, body=image.manifest(), headers={"Content-Type": MEDIA})


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage]:
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    response.read()
    if response.status >= http.HTTPStatus.BAD_REQUEST and method != "HEAD":
        raise RuntimeError(f"the registry answered {response.status} to {method} {path}")
    return response.status, response.headers
