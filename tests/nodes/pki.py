# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of the private registry: an authority of the testbed's own, and one that nobody should trust."""

from __future__ import annotations

import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes import paths
from nodes.machine import Lack

if t.TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = ("registry.example.test", "hub.example.test", "localhost")
DAYS = "3650"


@dataclass(frozen=True)
class Pki:
    """PEM files below one directory, each made once."""

    directory: Path

    @classmethod
    def of_testbed(cls) -> Pki:
        return cls(paths.state() / "pki")

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def wrong_ca(self) -> Path:
        return self.directory / "wrong-ca.pem"

    @property
    def client(self) -> Path:
        return self.directory / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.directory / "client-key.pem"

    @property
    def token_signer(self) -> Path:
        return self.directory / "token-signer.pem"

    def server(self, address: str) -> Path:
        return self.directory / f"server-{address}.pem"

    def ensure(self, address: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, subject in ((self.ca, "Testbed CA"), (self.wrong_ca, "Another CA")):
            if not path.exists():
                self._self_signed(path, subject)
        if not self.client.exists():
            self._signed(self.client, "client", usage="clientAuth", names=["client.example.test"])
        if not self.token_signer.exists():
            self._signed(self.token_signer, "token service", usage="serverAuth", names=[NAMES[0]])
        if not self.server(address).exists():
            server = self.server(address)
            self._signed(server, NAMES[0], usage="serverAuth", names=NAMES, addresses=[address, "127.0.0.1"])

    def _self_signed(self, path: Path, subject: str) -> None:
        self._request(path, subject, ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])

    def _signed(
        self, path: Path, subject: str, *, usage: str, names: Iterable[str], addresses: Iterable[str] = ()
    ) -> None:
        alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
        extensions = [
            f"subjectAltName={alternatives}",
            f"extendedKeyUsage={usage}",
            "basicConstraints=critical,CA:FALSE",
            "authorityKeyIdentifier=keyid",
        ]
        self._request(path, subject, extensions, signer=["-CA", str(self.ca), "-CAkey", str(key_of(self.ca))])

    def _request(self, path: Path, subject: str, extensions: list[str], signer: t.Sequence[str] = ()) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", str(key_of(path))]
        more = [part for extension in ["subjectKeyIdentifier=hash", *extensions] for part in ("-addext", extension)]
        command = ["openssl", "req", "-config", str(paths.FILES / "openssl.cnf"), "-x509", "-days", DAYS, *key, *signer]
        command += ["-out", str(path), "-subj", f"/CN={subject}", *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Lack(f"openssl (3.0 or newer is needed) could not make {path.name}: {done.stderr.strip()}")


def key_of(certificate: Path) -> Path:
    return certificate.with_name(f"{certificate.stem}-key.pem")
