# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private registry: one store, reached through several faces, each with an access log of its own."""

from __future__ import annotations

import datetime
import json
import re
import socket
import subprocess
import sys
import time
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from nodes import faulty_registry, paths
from nodes.faulty_registry import FAULTS
from nodes.machine import Lack
from nodes.pki import Pki, key_of
from nodes.processes import Process
from nodes.token_service import PATH, Settings

HOST = "registry.example.test"
HUB = "hub.example.test"
USER, PASSWORD = "puller", "correct-horse-7"
#: What the token service takes instead of user and password.
IDENTITY_TOKEN = "identity-of-puller-7"
#: Port of each face.
FACES = {"plain": 5000, "tls": 5443, "auth": 5444, "mtls": 5445, "token": 5446}
#: Where the face `token` sends who has no token yet; its log is called the same.
ISSUER, ISSUER_PORT = "issuer", 5447
LOGS = (*FACES, ISSUER)
START_SECONDS = 15

LINE = re.compile(
    r'(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<when>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+) [^"]*" (?P<status>\d+) \S+'
    r' "[^"]*" "(?P<agent>[^"]*)"'
)


@dataclass(frozen=True)
class Request:
    """One line of an access log."""

    face: str
    client: str
    #: Whom the registry or the issuer took the client for; "-" if for nobody.
    user: str
    when: datetime.datetime
    method: str
    path: str
    status: int
    agent: str
    line: str

    @classmethod
    def parse(cls, face: str, line: str) -> Request | None:
        found = LINE.match(line)
        if found is None:
            return None
        when = datetime.datetime.strptime(found["when"], "%d/%b/%Y:%H:%M:%S %z")
        return cls(
            face=face,
            client=found["client"],
            user=found["user"],
            when=when,
            method=found["method"],
            path=found["path"],
            status=int(found["status"]),
            agent=found["agent"],
            line=line,
        )


@dataclass(frozen=True)
class Face:
    """One way to reach the store."""

    name: str
    address: str

    @property
    def port(self) -> int:
        return FACES[self.name]

    @property
    def directory(self) -> Path:
        return paths.state() / "registry"

    @property
    def access_log(self) -> Path:
        return self.directory / f"{self.name}.access.log"

    @property
    def config(self) -> Path:
        return self.directory / f"{self.name}.json"

    @property
    def process(self) -> Process:
        return Process(f"registry-{self.name}", marker=str(self.config))

    def start(self, pki: Pki) -> None:
        """JSON is YAML: the registry reads it, and nothing needs quoting."""
        wanted = json.dumps(self._settings(pki), indent=2)
        up_to_date = self.config.exists() and self.config.read_text() == wanted
        if self.process.alive() and up_to_date:
            return
        self.process.stop()
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(wanted)
        command = ["docker-registry", "serve", str(self.config)]
        self.process.start(command, stdout=self.access_log)

    def _settings(self, pki: Pki) -> dict[str, t.Any]:
        http: dict[str, t.Any] = {"addr": f"{self.address}:{self.port}", "secret": "testbed"}
        if self.name != "plain":
            certificate = pki.server(self.address)
            http["tls"] = {"certificate": str(certificate), "key": str(key_of(certificate))}
        if self.name == "mtls":
            http["tls"]["clientcas"] = [str(pki.ca)]
        settings = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "store")}, "delete": {"enabled": True}},
            "http": http,
        }
        if self.name == "auth":
            settings["auth"] = {"htpasswd": {"realm": "testbed", "path": str(self.directory / "htpasswd")}}
        if self.name == "token":
            realm = f"https://{HOST}:{ISSUER_PORT}{PATH}"
            trust = {"issuer": ISSUER, "rootcertbundle": str(pki.ca)}
            settings["auth"] = {"token": {"realm": realm, "service": HOST, **trust}}
        return settings


@dataclass(frozen=True)
class TokenService:
    """Who gives out tokens for the face `token`: see token_service.py."""

    address: str
    name: str = ISSUER
    port: int = ISSUER_PORT

    @property
    def access_log(self) -> Path:
        return paths.state() / "registry" / f"{self.name}.access.log"

    @property
    def config(self) -> Path:
        return paths.state() / "registry" / f"{self.name}.json"

    @property
    def process(self) -> Process:
        return Process(f"registry-{self.name}", marker=str(self.config))

    def start(self, pki: Pki) -> None:
        wanted = json.dumps(asdict(self._settings(pki)), indent=2)
        if self.process.alive() and self.config.exists() and self.config.read_text() == wanted:
            return
        self.process.stop()
        self.config.touch(mode=0o600)
        self.config.write_text(wanted)
        program = paths.HERE / "token_service.py"
        self.process.start([sys.executable, str(program), str(self.config)], stdout=self.access_log)

    def _settings(self, pki: Pki) -> Settings:
        server, signer = pki.server(self.address), pki.token_signer
        return Settings(
            address=self.address,
            port=self.port,
            certificate=str(server),
            key=str(key_of(server)),
            signing_certificate=str(signer),
            signing_key=str(key_of(signer)),
            issuer=ISSUER,
            service=HOST,
            user=USER,
            password=PASSWORD,
            identity_token=IDENTITY_TOKEN,
        )


@dataclass(frozen=True)
class Faulty:
    """What listens on the ports of FAULTS, each broken in its way: see faulty_registry.py."""

    address: str
    name: str = "faulty"

    @property
    def port(self) -> int:
        """The last one that it opens."""
        return [port for fault, port in FAULTS.items() if fault != "dead"][-1]

    @property
    def config(self) -> Path:
        return paths.state() / "registry" / f"{self.name}.json"

    @property
    def process(self) -> Process:
        return Process(f"registry-{self.name}", marker=str(self.config))

    def start(self, pki: Pki) -> None:
        settings = faulty_registry.Settings(self.address, HOST, str(pki.ca), str(key_of(pki.ca)))
        wanted = json.dumps(asdict(settings), indent=2)
        if self.process.alive() and self.config.exists() and self.config.read_text() == wanted:
            return
        self.process.stop()
        self.config.write_text(wanted)
        program = paths.HERE / "faulty_registry.py"
        self.process.start([sys.executable, str(program), str(self.config)])


@dataclass(frozen=True)
class Registry:
    address: str

    @property
    def faces(self) -> dict[str, Face]:
        return {name: Face(name, self.address) for name in FACES}

    @property
    def servers(self) -> dict[str, Face | TokenService]:
        """All that listens and logs, by the name of its log."""
        return {**self.faces, ISSUER: TokenService(self.address)}

    @property
    def processes(self) -> tuple[Face | TokenService | Faulty, ...]:
        """All that listens."""
        return (*self.servers.values(), Faulty(self.address))

    def url(self, face: str, host: str = HOST) -> str:
        return f"{'http' if face == 'plain' else 'https'}://{host}:{FACES[face]}"

    def start(self) -> None:
        pki = Pki.of_testbed()
        pki.ensure(self.address)
        self._ensure_password()
        for server in self.processes:
            server.start(pki)
        for server in self.processes:
            self._wait(server)

    def _ensure_password(self) -> None:
        file = paths.state() / "registry" / "htpasswd"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            command = ["htpasswd", "-Bbn", USER, PASSWORD]
            file.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def _wait(self, server: Face | TokenService | Faulty) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(server.address, server.port):
            if not server.process.alive() or time.monotonic() > deadline:
                reason = f"{server.process.last_error()} (all of it in {server.process.log})"
                raise Lack(f"The registry does not start on {server.address}:{server.port}: {reason}.")
            time.sleep(0.05)

    def stop(self) -> None:
        for server in self.processes:
            server.process.stop()

    def mark(self) -> dict[str, int]:
        """Where each access log ends now: give it to `log` to read only what came later."""
        return {name: _size(server.access_log) for name, server in self.servers.items()}

    def log(self, face: str | None = None, *, since: t.Mapping[str, int] | None = None) -> list[Request]:
        """Requests to one face or to the issuer, or to all of them in the order of time."""
        names = [face] if face else list(LOGS)
        found = [request for name in names for request in self._read(name, (since or {}).get(name, 0))]
        return sorted(found, key=lambda request: request.when)

    def _read(self, face: str, offset: int) -> list[Request]:
        log = self.servers[face].access_log
        if not log.exists():
            return []
        with log.open("rb") as stream:
            stream.seek(offset)
            lines = stream.read().decode(errors="replace").splitlines()
        return [request for line in lines if (request := Request.parse(face, line)) is not None]


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
