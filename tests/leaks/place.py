# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node with the sink on it: what it asks, what is planted on it, and the way back."""

from __future__ import annotations

import io
import json
import tarfile
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from nodes.pki import Pki
from nodes.registry import HOST, HUB

from leaks.traps import AUTHORITY, CONFIG, TREE, Trap

if t.TYPE_CHECKING:
    from nodes.node import Node, Output

HERE = Path(__file__).parent / "on_node"
PLACE, UNIT, LOG = "/opt/leaks", "leaks.service", "/var/log/leaks"
POD, END = f"{PLACE}/pod.json", "end of what was asked for"
OURS = frozenset({HOST, HUB})
#: The node's own addresses: who connects there has not left it.
LOOPBACK = ("127.",)


@dataclass(frozen=True)
class Seen:
    """What the sink wrote down: names that are the private registry's, and what else was asked for or connected to."""

    ours: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()

    @classmethod
    def read(cls, log: str) -> Seen:
        entries = [json.loads(line) for line in log.splitlines()]
        asked = [(entry["question"], entry["by"]) for entry in entries if "question" in entry]
        went = [entry for entry in entries if "connection" in entry]
        return cls(
            ours=tuple(name for name, _by in asked if name in OURS),
            # The node's own system is told apart from containerd; who is gone before it can be looked at is neither.
            questions=tuple(
                dict.fromkeys(
                    name if by in ("containerd", "?") else f"{name} by {by}" for name, by in asked if name not in OURS
                )
            ),
            connections=tuple(
                dict.fromkeys(_target(entry) for entry in went if not entry["connection"].startswith(LOOPBACK))
            ),
        )

    @property
    def leaks(self) -> bool:
        return bool(self.questions or self.connections)

    def __str__(self) -> str:
        both = [name for name in self.questions if name in self.connections]
        parts = [f"question and connection: {', '.join(both)}"] if both else []
        for what, found in (("question", self.questions), ("connection", self.connections)):
            parts += [f"{what}: {', '.join(only)}"] if (only := [name for name in found if name not in both]) else []
        return "; ".join(parts) or "nothing"


def _target(entry: t.Mapping[str, str]) -> str:
    return entry["name"] or entry["connection"]


@dataclass
class Guarded:
    """A node whose only name server is the sink."""

    node: Node
    #: config.toml as the role left it.
    closed: str = ""
    _read: int = 0

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def release(self) -> str:
        return self.node.release.name

    def shell(self, script: str, what: str) -> str:
        return self.node.shell(script).checked(f"{self.name}: {what}")

    def _told(self, script: str, what: str) -> str:
        """All that a script prints. A busy engine can lose what a short command says, and nothing proves nothing."""
        for _attempt in range(5):
            told = self.node.shell(f"{script}; echo; echo {END}").stdout
            if told.endswith(f"\n{END}\n"):
                return told.removesuffix(f"\n{END}\n")
        raise RuntimeError(f"{self.name}: {what} could not be read")

    # The sink

    def install(self) -> None:
        environment = f"ADDRESS={self.node.place.gateway}\nNAMES={' '.join(sorted(OURS))}\n"
        files = {name: (HERE / name).read_bytes() for name in ("sink.py", "wires")}
        put = {f"{PLACE}/{name}": content for name, content in files.items()}
        unit = (HERE / UNIT).read_bytes()
        self._put({**put, f"{PLACE}/environment": environment.encode(), f"/etc/systemd/system/{UNIT}": unit})
        self.shell(f"chmod +x {PLACE}/wires && systemctl enable --now {UNIT} 2>&1", "the sink")

    def reboot(self) -> None:
        container = self.node.container
        if container is None:
            raise RuntimeError(f"{self.name} is gone")
        self.shell(f": >{LOG}", "the log of the sink")
        self._read = 0
        container.restart(timeout=20)
        self.node.wait()

    def remove(self) -> None:
        """The node as it was found."""
        self.node.shell(
            f"systemctl disable --now {UNIT}; rm -rf {PLACE} {LOG} /etc/systemd/system/{UNIT}; systemctl daemon-reload"
        )
        self.node.reset()

    def seen(self) -> Seen:
        """What the sink has written down since it was looked at last."""
        # A handshake that is refused is written down a moment after the client knows.
        time.sleep(0.2)
        log = self._told(f"tail -c +{self._read + 1} {LOG} 2>/dev/null", "the log of the sink")
        self._read += len(log.encode())
        return Seen.read(log)

    # What makes it ask

    def pull(self, image: str) -> Output:
        return self.node.run(["crictl", "--timeout", "30s", "pull", image])

    def pull_pod_image(self) -> Output:
        """As the kubelet would: by starting a pod."""
        config = {"metadata": {"name": "leak", "namespace": "default", "uid": "leak", "attempt": 0}, "linux": {}}
        self._put({POD: json.dumps(config).encode()})
        # What an earlier pod has left would do for this one.
        self.shell("crictl images -q | sort -u | xargs -r crictl rmi >/dev/null", "the images")
        return self.node.run(["crictl", "--timeout", "30s", "runp", POD])

    def ask(self, trap: Trap) -> Output:
        return self.pull_pod_image() if trap.by_pod else self.pull(trap.asks(self.release))

    # Traps

    def remember(self) -> None:
        """What every trap is planted on."""
        self.shell(f"tar -C /etc -cpf {PLACE}/closed.tar containerd", "a copy of /etc/containerd")
        self.closed = self._told(f"cat {CONFIG}", CONFIG)

    def plant(self, trap: Trap) -> None:
        files = {f"{TREE}/{path}" if not path.startswith("/") else path: text for path, text in trap.files.items()}
        config = {} if trap.config is None else {CONFIG: trap.config(self.closed)}
        gone = " ".join(f"'{path}'" for path, text in files.items() if text is None)
        self.shell(f"rm -rf {gone or '/nonexistent'}", trap.name)
        self._put({path: _content(text) for path, text in {**files, **config}.items() if text is not None})
        if trap.config is not None:
            self._restart(waits=trap.loads_cri)
        if trap.unread:
            self._put({CONFIG: self.closed.encode()})

    def mend(self, trap: Trap) -> None:
        """As the role left it."""
        self.shell(
            f"rm -rf /etc/containerd && tar -C /etc -xpf {PLACE}/closed.tar",
            f"the way back from {trap.name}",
        )
        # Its config.toml is another file now, be it with the same bytes, and has to be read.
        self._restart()
        # A containerd that has crashed comes back by itself.
        self.shell("node-ready && crictl pods -q | xargs -r crictl rmp -f >/dev/null", "containerd")

    def _restart(self, *, waits: bool = True) -> None:
        ready = " && node-ready" if waits else ""
        self.shell(f"systemctl reset-failed containerd; systemctl restart containerd{ready}", "containerd")

    def _put(self, files: t.Mapping[str, bytes]) -> None:
        """Paths that end with a slash are directories."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(path.strip("/"))
                entry.mtime = int(time.time())
                if path.endswith("/"):
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                else:
                    entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        container = self.node.container
        if container is None or not container.put_archive("/", buffer.getvalue()):
            raise RuntimeError(f"{self.name}: {', '.join(files)} could not be written")


def _content(text: str) -> bytes:
    return Pki.of_testbed().ca.read_bytes() if text == AUTHORITY else text.encode()
