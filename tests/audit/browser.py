# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven over a pipe by its own DevTools protocol: no driver program, no port, no library."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from nodes import machine

Message = dict[str, t.Any]

SECONDS = 60
KEYS = {
    "Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), " ": (32, " "), "Home": (36, ""), "End": (35, ""),
    "PageUp": (33, ""), "PageDown": (34, ""), "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""),
    "ArrowDown": (40, ""), "/": (191, "/"),
}  # fmt: skip
MODIFIERS = {"shift": 8, "control": 2}


class Missing(Exception):
    """This machine has no Chromium, and cannot be given one."""


class Failed(Exception):
    """The browser does not do what was asked of it."""


def program() -> str:
    """Debian's Chromium, installed if need be."""
    found = shutil.which("chromium")
    if found:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing("there is no chromium here, and to install it takes root on Debian")
    try:
        machine.apt_install(["chromium"])
    except machine.Lack as error:
        raise Missing(f"there is no chromium here: {error}") from error
    return shutil.which("chromium") or "/usr/bin/chromium"


class Browser:
    """One Chromium process; what it sends and is sent are JSON texts that end with a zero byte."""

    def __init__(self, process: subprocess.Popen[bytes], to_it: int, from_it: int, profile: str) -> None:
        self._process = process
        self._to_it = to_it
        self._from_it = from_it
        self._profile = profile
        self._numbers = itertools.count(1)
        self._unread = b""
        self._waiting: list[Message] = []

    @classmethod
    def start(cls) -> Browser:
        command = program()
        profile = tempfile.mkdtemp(prefix="airgap-nodes-chromium-")
        for_it, to_it = os.pipe()
        from_it, by_it = os.pipe()
        options = (
            "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --remote-debugging-pipe"
            " --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
        ).split()
        # It reads from the descriptor 3 and writes to 4; a shell puts them there.
        shell = f'exec "$@" 3<&{for_it} 4>&{by_it}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", command, *options, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(for_it, by_it),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        os.close(for_it)
        os.close(by_it)
        return cls(process, to_it, from_it, profile)

    def stop(self) -> None:
        with contextlib.suppress(Failed, OSError):
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to_it)
        os.close(self._from_it)
        shutil.rmtree(self._profile, ignore_errors=True)

    @property
    def pids(self) -> list[int]:
        """The processes of the browser, for those who measure them."""
        listed = subprocess.run(["pgrep", "-s", str(self._process.pid)], capture_output=True, text=True, check=False)
        return [int(word) for word in listed.stdout.split()]

    def call(self, method: str, session: str | None = None, /, **parameters: t.Any) -> Message:
        number = next(self._numbers)
        message: Message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to_it, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._read(deadline, method)
            if answer.get("id") != number:
                self._waiting.append(answer)
            elif "error" in answer:
                raise Failed(f"{method}: {answer['error']['message']}")
            else:
                result: Message = answer["result"]
                return result

    def events(self, session: str) -> list[Message]:
        """What the page has told since it was last asked."""
        mine = [event for event in self._waiting if event.get("sessionId") == session]
        self._waiting = [event for event in self._waiting if event.get("sessionId") != session]
        return mine

    def open(self, page: Path, **looks: t.Any) -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        opened = Page(self, session, target)
        opened.load(page, **looks)
        return opened

    def _read(self, deadline: float, waiting_for: str) -> Message:
        while b"\0" not in self._unread:
            if not select.select([self._from_it], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise Failed(f"Chromium does not answer to {waiting_for}")
            read = os.read(self._from_it, 1 << 20)
            if not read:
                raise Failed("Chromium has ended")
            self._unread += read
        text, _end, self._unread = self._unread.partition(b"\0")
        message: Message = json.loads(text)
        return message


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def call(self, method: str, **parameters: t.Any) -> Message:
        return self._browser.call(method, self._session, **parameters)

    def load(self, page: Path, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.look(width=width, height=height, dark=dark)
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete' && !!document.querySelector('#count').textContent")

    def look(self, *, width: int, height: int, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="", features=scheme)

    def run(self, script: str) -> t.Any:
        """The value of an expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failed(f"{script}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not self.run(script):
            if time.monotonic() > deadline:
                raise Failed(f"this does not come true: {script}")
            time.sleep(0.02)

    def settle(self) -> None:
        """Until what was done has been drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def press(self, key: str, *, modifier: str = "") -> None:
        code, text = KEYS[key]
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": MODIFIERS.get(modifier, 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)
        self.settle()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.settle()

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of the first that is found: something that covers it gets the click."""
        spot = self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)}); if (!found) return null;"
            " found.scrollIntoView({block: 'nearest', inline: 'nearest'}); const box = found.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        if spot is None:
            raise Failed(f"nothing is {selector}")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)
        self.settle()

    def text(self, selector: str) -> str:
        return str(self.run(f"(document.querySelector({json.dumps(selector)}) || {{}}).innerText || ''"))

    def texts(self, selector: str) -> list[str]:
        return list(self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((each) => each.innerText)"))

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def paper(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def told(self) -> tuple[list[str], list[str]]:
        """All requests so far, and all that the browser complained of: errors, refused resources, exceptions."""
        self.call("Runtime.evaluate", expression="1")
        for event in self._browser.events(self._session):
            about = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                self.requests.append(about["request"]["url"])
            elif event["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(about["exceptionDetails"].get("exception", {}).get("description")))
            elif event["method"] == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(about["args"]))
            elif event["method"] == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                self.complaints.append(about["entry"]["text"])
        return self.requests, self.complaints

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)
