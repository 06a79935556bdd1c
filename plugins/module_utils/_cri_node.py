# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the CRI of a node, and those that know why it does not answer: ctr and containerd's journal.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._programs import find_program

# crictl reads these, and the task's own options must not be overruled by them.
CRICTL_VARIABLES = (
    "CONTAINER_RUNTIME_ENDPOINT",
    "CRICTL_AUTH",
    "CRICTL_CREDS",
    "CRICTL_PULL_TIMEOUT",
    "CRI_CONFIG_FILE",
    "IMAGE_SERVICE_ENDPOINT",
)
T = t.TypeVar("T")
CONNECT_TIMEOUT = 10
DIAL_TIMEOUT = 3
POLL_INTERVAL = 0.25


class Finished(t.NamedTuple):
    """What came of a process. ``rc`` is None when it was killed because its time was up."""

    rc: t.Optional[int]
    stdout: str
    stderr: str


def run(argv: t.Sequence[str], *, timeout: float, environment: t.Mapping[str, str]) -> Finished:
    """Start a program and wait for it. run_command of AnsibleModule knows no time-out."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return Finished(None, "", "")
    except OSError as error:
        return Finished(127, "", f"{argv[0]}: {error.strerror}")
    return Finished(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


class NoCri(Exception):
    """CRI does not answer, or not as it should."""

    def __init__(self, failure: cri.Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class BadOption(Exception):
    """An option has a value of no use."""


@dataclass(frozen=True)
class Credentials:
    """``auth`` is what crictl gets, ``secrets`` is what must not be seen anywhere."""

    auth: str = field(repr=False)
    secrets: t.Tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Node:
    """The programs of a node that are asked, and how."""

    socket: str
    unit: str
    crictl: t.Optional[str]
    ctr: t.Optional[str]
    journalctl: t.Optional[str]
    credentials: t.Optional[Credentials] = None
    # A place in the journal: what stands before it is not told.
    cursor: t.Optional[str] = None
    run: t.Callable[..., Finished] = run

    @property
    def secrets(self) -> t.Tuple[str, ...]:
        return self.credentials.secrets if self.credentials else ()

    # CRI itself

    def images(self) -> t.Tuple[cri.Image, ...]:
        """The images on the node, and with them the proof that the image service answers."""
        try:
            return cri.read_images(self._ask_crictl("images", "--output", "json"))
        except (ValueError, KeyError, TypeError) as error:
            raise NoCri(cri.Failure("unknown", f"crictl images printed no list of images: {error}")) from error

    def image_names(self) -> t.List[str]:
        """Each image by its tags, and one without tags by its digests. Where there is no crictl, ctr knows them too."""
        if self.crictl:
            return [name for image in self.images() for name in image.tags or image.digests]
        if not self.ctr:
            raise NoCri(cri.Failure("crictl_absent", "neither crictl nor ctr is on this node"))
        done = self._ctr("--namespace", "k8s.io", "images", "ls", "--quiet")
        if done.rc is None:
            raise NoCri(cri.Failure("cri_timeout", "ctr images did not end", self.socket))
        if done.rc != 0:
            raise NoCri(cri.read_failure(done.stderr))
        # CRI keeps each image under its ID as well.
        return [name for name in done.stdout.split() if not name.startswith("sha256:")]

    def ask_runtime(self) -> None:
        self._ask_crictl("version")

    def conditions(self) -> t.Dict[str, cri.Condition]:
        """By which the kubelet calls its node ready."""
        return self._read_crictl(cri.read_conditions, "info")

    def ready_pods(self) -> t.Dict[str, str]:
        """By the id of their sandbox."""
        return self._read_crictl(cri.read_pods, "pods", "--state", "ready", "--output", "json")

    def ask_plugins(self) -> None:
        """Without crictl: containerd's own word that CRI is loaded."""
        done = self._ctr_plugins()
        if done.rc is None:
            raise NoCri(cri.Failure("cri_timeout", "ctr plugins did not end", self.socket))
        if done.rc != 0:
            raise NoCri(self._explained(cri.read_failure(done.stderr)))
        why = cri.why_not_loaded(cri.read_plugins(done.stdout))
        if why:
            raise NoCri(cri.Failure("cri_not_loaded", why))

    def pull(self, image: str, *, timeout: float, deadline: t.Optional[float] = None) -> t.Union[str, cri.Failure]:
        """The ID of the image that is on the node now, or why it is not.

        ``deadline`` are the seconds that containerd itself is given, ``timeout`` those that are waited for crictl.
        """
        variables = {"CRICTL_AUTH": self.credentials.auth} if self.credentials else {}
        options = ("--pull-timeout", f"{deadline * 1000:.0f}ms") if deadline else ()
        done = self._crictl("pull", *options, image, timeout=timeout, variables=variables)
        if done.rc is None:
            return cri.Failure("timeout", f"not done after {timeout:g} s")
        if done.rc != 0:
            return self._explained(cri.read_failure(done.stderr, self.secrets))
        found = re.search(r"Image is up to date for (\S+)", done.stdout)
        return found.group(1) if found else ""

    def _read_crictl(self, read: t.Callable[[str], T], *arguments: str) -> T:
        try:
            return read(self._ask_crictl(*arguments))
        except ValueError as error:
            raise NoCri(cri.Failure("unknown", f"what crictl {arguments[0]} printed is of no use: {error}")) from error

    def _ask_crictl(self, *arguments: str) -> str:
        done = self._crictl(*arguments, timeout=CONNECT_TIMEOUT + 5)
        if done.rc is None:
            raise NoCri(cri.Failure("cri_timeout", f"crictl {arguments[0]} did not end", self.socket))
        if done.rc != 0:
            raise NoCri(self._explained(cri.read_failure(done.stderr)))
        return done.stdout

    def _crictl(self, *arguments: str, timeout: float, variables: t.Optional[t.Mapping[str, str]] = None) -> Finished:
        endpoint = f"unix://{self.socket}"
        options = (
            *("--config", os.devnull, "--timeout", f"{CONNECT_TIMEOUT}s"),
            *("--runtime-endpoint", endpoint, "--image-endpoint", endpoint),
        )
        environment = {key: value for key, value in os.environ.items() if key not in CRICTL_VARIABLES}
        environment.update(variables or {})
        return self.run((self.crictl, *options, *arguments), timeout=timeout, environment=environment)

    # What else knows why

    def _explained(self, failure: cri.Failure) -> cri.Failure:
        if failure.reason == "cri_not_loaded":
            return self._why_not_loaded(failure)
        if failure.reason == "containerd_down":
            return replace(failure, text=cri.why_not_started(self.journal(lines=100)) or failure.text)
        if failure.reason == "cri_timeout":
            return replace(failure, endpoint=self.socket)
        return failure

    def _why_not_loaded(self, failure: cri.Failure) -> cri.Failure:
        plugins = cri.read_plugins(self._ctr_plugins().stdout)
        if not plugins:
            why = cri.why_not_loaded_by_journal(self.journal(lines=1000))
            return replace(failure, text=why or failure.text)
        why = cri.why_not_loaded(plugins)
        if why:
            return replace(failure, text=why)
        return replace(failure, reason="crictl_too_old" if "v1alpha2" in failure.text else "cri_api_too_old")

    def _ctr_plugins(self) -> Finished:
        return self._ctr("plugins", "ls", "--detailed")

    def _ctr(self, *arguments: str) -> Finished:
        if not self.ctr:
            return Finished(127, "", "ctr is not on this node")
        # Of its own accord ctr 1.x dials for 10 s, until it is killed and has not said why.
        options = ("--connect-timeout", f"{DIAL_TIMEOUT}s", "--address", self.socket)
        return self.run((self.ctr, *options, *arguments), timeout=CONNECT_TIMEOUT, environment=os.environ)

    def journal(self, *, lines: int, since: t.Optional[float] = None) -> str:
        """The last lines of containerd's unit, or nothing where there is no journal."""
        options = ["--unit", self.unit, "--output", "cat"]
        if self.cursor:
            self._journalctl("--sync")
            # With a cursor, journalctl of before systemd 253 counts lines from there, and not from the end.
            told = self._journalctl(*options, "--after-cursor", self.cursor)
            return "\n".join(told.splitlines()[-lines:])
        return self._journalctl(*options, "--lines", str(lines), *([f"--since=@{since:.3f}"] if since else []))

    def from_now_on(self) -> Node:
        """The same, for which the journal begins now. Unlike a time, a place in it is sure when the clock is set.

        The place is a line of this unit: past any other, journalctl of before systemd 253 leaves out the next of its.
        """
        self._journalctl("--sync")
        for options in (("--unit", self.unit), ()):
            told = self._journalctl(*options, "--lines", "0", "--show-cursor")
            found = re.search(r"^-- cursor: (\S+)", told, re.MULTILINE)
            if found:
                return replace(self, cursor=found.group(1))
        return replace(self, cursor=None)

    def _journalctl(self, *options: str) -> str:
        if not self.journalctl:
            return ""
        argv = (self.journalctl, "--no-pager", "--quiet", *options)
        return self.run(argv, timeout=CONNECT_TIMEOUT, environment=os.environ).stdout


# ---- waiting ----


def ask_cri(node: Node, *, pulling: bool) -> t.Tuple[cri.Image, ...]:
    """Ask both services once. The images are those that were there before the first pull."""
    if not node.crictl:
        if pulling:
            raise NoCri(cri.Failure("crictl_absent", "crictl is not on this node"))
        node.ask_plugins()
        return ()
    images = node.images()
    node.ask_runtime()
    return images


def wait_for_cri(
    node: Node, *, pulling: bool, seconds: float, hopeless: t.Callable[[], bool] = lambda: False
) -> t.Tuple[cri.Image, ...]:
    """Ask until both services answer, as long as there is time and what is in the way may pass."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask_cri(node, pulling=pulling)
        except NoCri as no_cri:
            out_of_time = time.monotonic() + POLL_INTERVAL > deadline
            if not no_cri.failure.transient or out_of_time or hopeless():
                raise
        time.sleep(POLL_INTERVAL)


# ---- options ----


def node_at(endpoint: str, unit: str) -> Node:
    """The node's programs, where they usually lie."""
    crictl, ctr, journalctl = (find_program(name, None) for name in ("crictl", "ctr", "journalctl"))
    return Node(socket=socket_path(endpoint), unit=unit, crictl=crictl, ctr=ctr, journalctl=journalctl)


def socket_path(endpoint: str) -> str:
    path = endpoint[len("unix://") :] if endpoint.startswith("unix://") else endpoint
    if not path.startswith("/"):
        raise BadOption(f"runtime_endpoint has to be unix:// and an absolute path, it is {endpoint}")
    return path
