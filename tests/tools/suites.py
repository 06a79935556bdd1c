# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run test suites: python suites.py lint sanity units differential molecule

The scenarios mostly wait for nodes, so they run beside everything else. Each step's output goes to a log below the
state directory, and its end is shown when the step fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from run_ansible_test import node_pythons
from stage import ROOT, STAGED, STATE, stage

LOGS = STATE / "logs"
START = time.monotonic()


@dataclass(frozen=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def count_step(_output: str, *, succeeded: bool) -> Counts:
    return Counts(passed=1) if succeeded else Counts(failed=1)


def count_pytest(output: str, *, succeeded: bool) -> Counts:
    """Pytest's closing lines; a run that broke without a failed test counts as one (coverage too low, a crash)."""
    words: Counter[str] = Counter()
    for line in re.findall(r"^=+ (.*) in [\d.]+s.*=$", output, re.MULTILINE):
        words.update({word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) (\w+)", line)})
    failed = words["failed"] + words["error"]
    return Counts(words["passed"], failed or int(not succeeded), words["skipped"])


def count_sanity(output: str, *, succeeded: bool) -> Counts:
    total = len(re.findall(r'^Running sanity test "', output, re.MULTILINE))
    verdict = re.search(r"The (\d+) sanity test\(s\) listed below", output)
    failed = int(verdict[1]) if verdict else int(not succeeded)
    return Counts(max(total - failed, 0), failed)


def count_faults(output: str, *, succeeded: bool) -> Counts:
    found = re.search(r"^(\d+) injections, (\d+) exceptions", output, re.MULTILINE)
    injections, exceptions = (int(found[1]), int(found[2])) if found else (0, 0)
    return Counts(injections, exceptions or int(not succeeded))


def count_leaks(output: str, *, succeeded: bool) -> Counts:
    found = re.search(r"^(\d+) checks, .*, (\d+) disagreements", output, re.MULTILINE)
    checks, disagreements = (int(found[1]), int(found[2])) if found else (0, 0)
    return Counts(max(checks - disagreements, 0), disagreements or int(not succeeded))


class Count(t.Protocol):
    def __call__(self, output: str, /, *, succeeded: bool) -> Counts: ...


@dataclass(frozen=True)
class Step:
    name: str
    command: tuple[str, ...]
    count: Count = count_step
    cwd: Path = ROOT
    # A step whose failure makes those after it in the suite pointless.
    needed: bool = False
    # Runs even when a needed step failed.
    always: bool = False


def tracked(*patterns: str) -> list[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def shell_scripts() -> list[str]:
    def shebang(name: str) -> bytes:
        return (ROOT / name).open("rb").readline() if (ROOT / name).is_file() else b""

    return [name for name in tracked() if re.match(rb"#!.*\b(ba)?sh\b", shebang(name))]


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "tests" / "tools" / name), *arguments)


TYPED_TESTS = ("tools", "nodes", "bench", "differential", "routes", "faults", "leaks", "audit")


def lint() -> list[Step]:
    plugins = ("--config-file", str(ROOT / "pyproject.toml"), "--package", "ansible_collections.airgap.nodes.plugins")
    return [
        Step("headers", tool("check_headers.py")),
        Step("yamllint", ("yamllint", "--strict", ".")),
        Step("shellcheck", ("shellcheck", *shell_scripts())),
        Step("ruff", ("ruff", "check", ".")),
        Step("mypy plugins", ("mypy", *plugins), cwd=STAGED.parents[2]),
        Step("mypy tests", ("mypy", *(f"tests/{name}" for name in TYPED_TESTS))),
        Step("changelog", ("antsibull-changelog", "lint")),
        Step("ansible-lint", ("env", f"ANSIBLE_COLLECTIONS_PATH={STATE / 'collections'}", "ansible-lint"), cwd=STAGED),
    ]


def sanity() -> list[Step]:
    return [Step("ansible-test sanity", tool("run_ansible_test.py", "sanity"), count_sanity)]


def units() -> list[Step]:
    version, folder = next(iter(node_pythons().items()))
    remark = "" if version == "3.8" else ", the oldest found"
    say(f"note  units: the node side runs on {folder}/python{version}" + (remark and f"{remark}; nodes may have 3.8"))
    pytest = ("pytest", "--hypothesis-profile=ci")
    coverage = ("--cov=plugins/plugin_utils/_domain", "--cov-fail-under=95")
    # Apart from each other: ansible.module_utils behaves otherwise where the controller's code has been imported.
    node_side = ("tests/unit/plugins/modules/", "tests/unit/plugins/module_utils/")
    elsewhere = (f"--ignore={folder}" for folder in node_side)
    oldest = ("units", "--requirements", "--python", version, *node_side)
    return [
        Step("controller", (*pytest, *coverage, *elsewhere), count_pytest),
        Step("node side on the controller's Python", (*pytest, *node_side), count_pytest),
        Step(f"node side on Python {version}{remark}", tool("run_ansible_test.py", *oldest), count_pytest),
        Step("the audit's page in Chromium", ("pytest", "-rs", "tests/audit"), count_pytest),
    ]


def differential() -> list[Step]:
    """Made-up files, wishes and pulls; how many of them is in AIRGAP_NODES_CASES."""
    return [
        Step("what containerd says of files and edits", ("pytest", "-rs", "tests/differential"), count_pytest),
        Step("whom containerd asks", ("pytest", "-rs", "tests/routes"), count_pytest),
    ]


def molecule() -> list[Step]:
    # What an interrupted run left says that nodes are there; the testbed knows better.
    shutil.rmtree(STATE / "molecule", ignore_errors=True)
    scenarios = [Path(name).parent.name for name in tracked("molecule/*/molecule.yml")]
    return [
        Step("install the built tarball", tool("stage.py", "install"), needed=True),
        # Molecule would do this too, but not say so plainly what the machine lacks.
        Step("boot the nodes", (sys.executable, "tests/nodes", "up", "--nodes", "tested"), needed=True),
        Step("create", ("molecule", "create"), needed=True),
        Step("faults, a sample of them", (sys.executable, "tests/faults", "--short"), count_faults),
        Step("leaks, a sample of them", (sys.executable, "tests/leaks", "--short"), count_leaks),
        Step("what containerd makes of edited files", ("pytest", "-rs", "tests/integration_nodes"), count_pytest),
        *(
            Step(f"scenario {name}", ("molecule", "test", "--scenario-name", name, "--destroy", "never"))
            for name in scenarios
            if name != "default"
        ),
        Step("remove the nodes", (sys.executable, "tests/nodes", "down"), always=True),
    ]


SUITES = {"lint": lint, "sanity": sanity, "units": units, "differential": differential, "molecule": molecule}
TRACKS = [["lint", "units", "differential", "sanity"], ["molecule"]]


def say(line: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - START), 60)
    print(f"{minutes:3d}:{seconds:02d}  {line}", flush=True)


def run_step(suite: str, step: Step) -> Counts:
    title = f"{suite}: {step.name}"
    log = LOGS / (re.sub(r"[^a-z0-9.]+", "-", title.lower()) + ".log")
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as stream:
        streams: dict[str, t.Any] = {"stdin": subprocess.DEVNULL, "stdout": stream, "stderr": stream}
        done = subprocess.run(step.command, cwd=step.cwd, env={**os.environ, "NO_COLOR": "1"}, **streams, check=False)
    output = log.read_text(encoding="utf-8", errors="replace")
    counts = step.count(output, succeeded=done.returncode == 0)
    verdict = "FAIL" if counts.failed else "ok  "
    say(f"{verdict}  {title}  ({counts}, {time.monotonic() - started:.0f} s)")
    if counts.failed:
        print(f"--- the end of {log}\n" + "\n".join(output.splitlines()[-80:]) + "\n---", flush=True)
    return counts


def run_suite(suite: str) -> Counts:
    total, stopped = Counts(), ""
    for step in SUITES[suite]():
        if stopped and not step.always:
            say(f"skip  {suite}: {step.name}: could not {stopped}")
            total += Counts(skipped=1)
            continue
        counts = run_step(suite, step)
        total += counts
        if step.needed and counts.failed:
            stopped = step.name
    return total


def main(names: list[str]) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    stage()

    def run_track(track: list[str]) -> Counts:
        return sum((run_suite(suite) for suite in track if suite in names), Counts())

    with ThreadPoolExecutor() as pool:
        total = sum(pool.map(run_track, TRACKS), Counts())
    print(f"\n{total}")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
