# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a node whose containerd does what one word in its config.toml says."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.airgap.nodes.plugins.module_utils import _programs, _undoing
from ansible_collections.airgap.nodes.plugins.module_utils._journal import Journal, Record
from ansible_collections.airgap.nodes.plugins.modules import containerd_restart

RunModule = t.Callable[..., t.Any]
Node = t.Any

ENDPOINT = "unix:///run/containerd/containerd.sock"
RESTARTED = ["reset-failed -- containerd", "restart -- containerd"]
TOML = (
    "failed to load TOML: /etc/containerd/config.toml: (2, 2): unexpected token unclosed table key, was expecting a "
    "table key"
)
MIRRORS = "invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
DOWN = "nothing answers on /run/containerd/containerd.sock"


@pytest.fixture(autouse=True)
def journal_of_the_node(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containerd_restart, "Journal", lambda **options: Journal(node.journal.root, **options))


def restart(run_module: RunModule, *, check: bool = False, **options: t.Any) -> t.Any:
    return run_module(containerd_restart, {"wait": 1, **options}, check=check)


def states(node: Node) -> list[tuple[str, str]]:
    return [(change.state, change.outcome) for change in node.journal.changes()]


def put_back(change: Record, node: Node) -> str:
    return f"Put back as before change {change.id} by containerd_config: {node.config}."


# ---- all is well ----


def test_a_restart(node: Node, run_module: RunModule) -> None:
    node.change("good2")
    assert restart(run_module) == {
        "changed": True,
        "restarted": True,
        "ready_after": 0.5,
        "recovered": [],
        "closed": [],
        "invocation": {
            "module_args": {
                "unit": "containerd",
                "runtime_endpoint": ENDPOINT,
                "wait": 1,
                "restart": True,
                "rollback": True,
                "close": False,
                "keep": 5,
            }
        },
    }
    assert (node.running(), node.calls(), states(node)) == ("good2", RESTARTED, [("open", "")])


def test_an_answer_is_proof_enough(node: Node, run_module: RunModule) -> None:
    changes = [node.change("good2"), node.change("good3")]
    assert restart(run_module, close=True)["closed"] == [change.id for change in changes]
    assert states(node) == [("closed", "proved")] * 2


@pytest.mark.parametrize("keep", [2, 7])
def test_what_it_closes_is_kept_as_long_as_asked_for(node: Node, run_module: RunModule, keep: int) -> None:
    for number in range(8):
        node.change(f"good{number}", restart=False)
        restart(run_module, restart=False, close=True, keep=keep)
    assert len(states(node)) == keep


def test_waiting_restarts_nothing(node: Node, run_module: RunModule) -> None:
    node.change("good2", restart=False)
    result = restart(run_module, restart=False, close=True)
    assert (result["changed"], result["restarted"], result["ready_after"]) == (False, False, 0.5)
    assert (node.running(), node.calls(), states(node)) == ("good", [], [("closed", "proved")])


def test_check_mode(node: Node, run_module: RunModule) -> None:
    node.change("not-loaded")
    result = restart(run_module, check=True)
    assert (result["changed"], result["restarted"], result["ready_after"]) == (True, False, None)
    assert restart(run_module, check=True, restart=False)["changed"] is False
    assert (node.running(), node.calls(), states(node)) == ("good", [], [("open", "")])


def test_a_crictl_that_is_too_new_is_no_failure(node: Node, run_module: RunModule) -> None:
    """containerd 1.4 speaks no CRI that crictl knows, and ctr says that it is loaded."""
    node.change("cri_api_too_old")
    assert restart(run_module, close=True)["closed"]


def test_without_crictl_ctr_answers(node: Node, run_module: RunModule) -> None:
    (node.directory / "crictl").unlink()
    node.change("good2")
    assert restart(run_module)["restarted"] is True
    node.change("not-loaded")
    result = restart(run_module)
    assert (result["reason"], result["text"], node.running()) == ("cri_not_loaded", MIRRORS, "good")


# ---- it does not come up, and the old state does ----


class Broken(t.NamedTuple):
    reason: str
    says: str
    text: str


BROKEN: dict[str, Broken] = {
    "not-loaded": Broken(
        "cri_not_loaded",
        f"containerd was restarted (systemctl restart containerd), and its CRI plugin did not load: {MIRRORS}.",
        MIRRORS,
    ),
    "not-started": Broken("not_started", f"containerd did not start (systemctl restart containerd): {TOML}.", TOML),
    "killed": Broken(
        "not_started",
        "containerd did not start (systemctl restart containerd): Main process exited, code=killed, status=9/KILL.",
        "Main process exited, code=killed, status=9/KILL",
    ),
    "stuck": Broken(
        "start_timeout",
        "containerd was not up 1 s after systemctl restart containerd: its unit is activating (start), and it has "
        "logged last: loading plugins....",
        "loading plugins...",
    ),
    "ended": Broken(
        "containerd_down",
        "containerd was restarted (systemctl restart containerd), and CRI on unix:///run/containerd/containerd.sock "
        f"did not answer within 1 s: {DOWN} (Main process exited, code=exited, status=1/FAILURE).",
        "Main process exited, code=exited, status=1/FAILURE",
    ),
    "cri_timeout": Broken(
        "cri_timeout",
        "containerd was restarted (systemctl restart containerd), and CRI on unix:///run/containerd/containerd.sock "
        "did not answer within 1 s: containerd does not answer on /run/containerd/containerd.sock, and the socket is "
        "open.",
        "",
    ),
}


@pytest.mark.parametrize("word", BROKEN)
def test_what_does_not_come_up_is_taken_back(node: Node, run_module: RunModule, word: str) -> None:
    change = node.change(word)
    if word == "stuck":
        node.show(ActiveState="activating", SubState="start")
    result = restart(run_module)
    expected = BROKEN[word]
    assert result["msg"] == (
        f"{expected.says} {put_back(change, node)} containerd was restarted with that, and CRI answered after 0.5 s."
    )
    assert (result["failed"], result["changed"], result["reason"]) == (True, True, expected.reason)
    assert expected.text in result["text"]
    assert result["undone"] == {
        "changes": [change.id],
        "restored": [str(node.config)],
        "left": {},
        "restarted": True,
        "ready_after": 0.5,
    }
    assert (node.config.read_text(), node.running(), node.calls()) == ("good", "good", RESTARTED * 2)
    assert states(node) == [("closed", "undone")]
    assert node.journal.changes()[0].reason == str(result["msg"]).partition(f". {put_back(change, node)}")[0]


def test_only_this_start_is_told_of(node: Node, run_module: RunModule) -> None:
    node.change("killed")
    restart(run_module)
    told = [call for call in node.calls("journalctl") if "--output" in call]
    assert told == ["--no-pager --quiet --unit containerd --output cat --after-cursor s=1;i=2"]


def test_no_journal_can_be_read(node: Node, run_module: RunModule) -> None:
    (node.directory / "journalctl").unlink()
    change = node.change("killed")
    assert restart(run_module)["msg"] == (
        "containerd did not start (systemctl restart containerd): Job for containerd.service failed because it failed. "
        "Its journal does not tell why; containerd tells it when it is started by hand. "
        f"{put_back(change, node)} containerd was restarted with that, and CRI answered after 0.5 s."
    )


def test_several_changes_are_taken_back(node: Node, run_module: RunModule) -> None:
    first, second = node.change("good2"), node.change("not-loaded")
    result = restart(run_module)
    assert f"Put back as before 2 changes, the oldest of them {first.id} by containerd_config: " in result["msg"]
    assert (result["undone"]["changes"], node.config.read_text()) == ([second.id, first.id], "good")


def test_what_is_proved_stays(node: Node, run_module: RunModule) -> None:
    node.change("good2")
    restart(run_module, close=True)
    node.change("not-loaded")
    restart(run_module)
    assert (node.running(), states(node)) == ("good2", [("closed", "proved"), ("closed", "undone")])


def test_what_somebody_else_changed_since_stays(node: Node, run_module: RunModule) -> None:
    change = node.change("not-started")
    node.config.write_text("killed")
    result = restart(run_module)
    assert list(result["undone"]["left"]) == [str(node.config)]
    why = result["undone"]["left"][str(node.config)]
    assert result["msg"] == (
        "containerd did not start (systemctl restart containerd): Main process exited, code=killed, status=9/KILL. "
        f"{node.config}: {why}. Nothing was put back, since the rest alone would be half a state: see to that by hand, "
        "or airgap.nodes.containerd_rollback with force: true puts back all of it."
    )
    assert why.endswith(f"what it held before is in {node.journal.place_of(change)}/0")
    assert (node.config.read_text(), states(node)) == ("killed", [("open", "")])


def test_what_read_half_of_an_interrupted_change_is_restarted(node: Node, run_module: RunModule) -> None:
    change = node.change("good2")
    os.unlink(os.path.join(node.journal.place_of(change), "applied"))
    (node.directory / "running").write_text("good2")
    result = restart(run_module, restart=False)
    assert (result["recovered"], result["restarted"], result["changed"]) == ([change.id], True, True)
    assert (node.running(), node.calls()) == ("good", RESTARTED)


def test_waiting_in_vain_takes_back_and_restarts_if_need_be(node: Node, run_module: RunModule) -> None:
    """A reboot, say, has let containerd read what nobody has proved."""
    change = node.change("not-loaded")
    (node.directory / "running").write_text("not-loaded")
    result = restart(run_module, restart=False)
    assert result["msg"] == (
        f"CRI on {ENDPOINT} did not answer: containerd runs, and its CRI plugin is not loaded ({MIRRORS}). "
        f"{put_back(change, node)} containerd was restarted with that, and CRI answered after 0.5 s."
    )
    assert (result["restarted"], result["undone"]["restarted"], node.calls()) == (False, True, RESTARTED)


def test_an_interrupted_change_is_undone_first(
    node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "_mark_open", lambda *_arguments: os._exit(9))
    pid = os.fork()
    if not pid:
        node.change("not-loaded")
    os.waitpid(pid, 0)
    assert node.config.read_text() == "not-loaded"
    result = restart(run_module)
    (change,) = result["recovered"]
    warning = f"change {change} by containerd_config was interrupted, and is undone: {node.config}"
    assert warning in str(result["warnings"])
    assert (node.config.read_text(), node.running(), result.get("failed")) == ("good", "good", None)


# ---- CRI answers, and the node is worse than before ----

NO_NETWORK = "NetworkPluginNotReady: Network plugin returns error: cni plugin not initialized"
RESTARTED_AND = "containerd was restarted (systemctl restart containerd), and"
WORSE = {
    "good-no-network": (
        "condition_lost",
        f"{RESTARTED_AND} NetworkReady, which was true before, is false: {NO_NETWORK}.",
        NO_NETWORK,
    ),
    "good-no-pods": (
        "pods_lost",
        f"{RESTARTED_AND} of the pods that were ready before, 3 of 3 are gone or not ready: kube-system/coredns, "
        "kube-system/db, kube-system/web.",
        "of the pods that were ready before, 3 of 3 are gone or not ready: kube-system/coredns, kube-system/db, "
        "kube-system/web",
    ),
    "good-fewer-pods": (
        "pods_lost",
        f"{RESTARTED_AND} of the pods that were ready before, 1 of 3 are gone or not ready: kube-system/db.",
        "of the pods that were ready before, 1 of 3 are gone or not ready: kube-system/db",
    ),
}


@pytest.mark.parametrize("word", WORSE)
def test_what_the_kubelet_would_miss_is_taken_back(node: Node, run_module: RunModule, word: str) -> None:
    change = node.change(word)
    result = restart(run_module, close=True)
    reason, says, text = WORSE[word]
    assert result["msg"] == (
        f"{says} {put_back(change, node)} containerd was restarted with that, and CRI answered after 0.5 s."
    )
    assert (result["failed"], result["reason"], result["text"]) == (True, reason, text)
    assert (node.config.read_text(), node.running(), states(node)) == ("good", "good", [("closed", "undone")])


@pytest.mark.parametrize("word", ["good-slow-network", "good-fewer-pods-stopped"])
def test_what_comes_later_or_was_to_end_is_no_loss(node: Node, run_module: RunModule, word: str) -> None:
    change = node.change(word)
    assert restart(run_module, close=True)["closed"] == [change.id]


@pytest.mark.parametrize("word", ["good-no-network", "good-no-pods"])
def test_what_was_so_before_is_no_loss(node: Node, run_module: RunModule, word: str) -> None:
    (node.directory / "running").write_text(word)
    change = node.change(word)
    assert restart(run_module, close=True)["closed"] == [change.id]


@pytest.mark.parametrize("word", ["good-no-network", "good-no-pods"])
def test_where_cri_did_not_answer_nothing_is_missed(node: Node, run_module: RunModule, word: str) -> None:
    (node.directory / "running").unlink()
    change = node.change(word)
    assert restart(run_module, close=True)["closed"] == [change.id]


# ---- the old state does not come up either ----


def test_the_old_state_does_not_come_up(node: Node, run_module: RunModule) -> None:
    node.config.write_text("killed")
    change = node.change("not-started")
    result = restart(run_module)
    assert result["msg"] == (
        f"containerd did not start (systemctl restart containerd): {TOML}. {put_back(change, node)} CRI does not "
        "answer with the old files either: containerd did not start (systemctl restart containerd): Main process "
        "exited, code=killed, status=9/KILL. The old files are in their places, and what was done to them stands in "
        f"{node.journal.place_of(change)}."
    )
    assert (result["undone"]["restarted"], result["undone"]["ready_after"]) == (True, None)


def test_the_old_state_was_broken_before(node: Node, run_module: RunModule) -> None:
    node.config.write_text("not-loaded")
    (node.directory / "running").write_text("not-loaded")
    change = node.change("not-started")
    assert restart(run_module)["msg"] == (
        f"containerd did not start (systemctl restart containerd): {TOML}. {put_back(change, node)} CRI does not "
        "answer with the old files either: containerd was restarted (systemctl restart containerd), and its CRI plugin "
        f"did not load: {MIRRORS}. Nor did it before the restart ({MIRRORS}): the old state is back, as broken as it "
        f"was. The old files are in their places, and what was done to them stands in {node.journal.place_of(change)}."
    )


def test_nothing_to_put_back(node: Node, run_module: RunModule) -> None:
    node.config.write_text("not-loaded")
    says = BROKEN["not-loaded"].says
    assert restart(run_module)["msg"] == f"{says} Nothing was put back: there is no open change on this node."
    result = restart(run_module)
    assert result["msg"] == (
        f"{says} Nothing was put back: there is no open change on this node. CRI did not answer before the restart "
        f"either ({MIRRORS})."
    )
    assert result["undone"] is None


def test_nothing_is_to_be_put_back(node: Node, run_module: RunModule) -> None:
    change = node.change("not-loaded")
    says = BROKEN["not-loaded"].says
    assert restart(run_module, rollback=False)["msg"] == (
        f"{says} Nothing was put back, since rollback is false: the files are as change {change.id} by "
        "containerd_config left them. airgap.nodes.containerd_rollback puts back those of before."
    )
    assert (node.config.read_text(), states(node)) == ("not-loaded", [("open", "")])


def test_the_old_files_cannot_be_put_back(node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    change = node.change("not-loaded")

    def full(*_arguments: object) -> t.NoReturn:
        raise _undoing.FileError(f"{node.config}: Read-only file system")

    monkeypatch.setattr(Journal, "undo_open", full)
    assert restart(run_module)["msg"] == (
        f"{BROKEN['not-loaded'].says} The old files could not be put back: {node.config}: Read-only file system. What "
        f"was saved of them is in {node.journal.place_of(change)}."
    )


# ---- nothing can be tried ----

KEPT = "containerd was not restarted, and runs on with what it read when it started."
NOBODY = (
    "there is neither crictl nor ctr on this node, and nothing else can tell whether CRI answers. Copy the one static "
    "binary of a cri-tools release to /usr/local/bin/crictl"
)


@pytest.mark.parametrize(
    ("load", "why"),
    [
        ("not-found", "this node has no unit containerd: name the one that runs containerd as unit"),
        ("masked", "the unit containerd is masked: systemctl unmask containerd"),
        ("bad-setting", "systemd cannot use the unit containerd (bad-setting): see systemctl status containerd"),
        ("", "systemctl does not tell the state of the unit containerd: see systemctl status containerd"),
    ],
)
def test_a_unit_of_no_use(node: Node, run_module: RunModule, load: str, why: str) -> None:
    change = node.change("good2")
    node.show(LoadState=load)
    if not load:
        (node.directory / "show").write_text("")
    result = restart(run_module)
    assert result["msg"] == f"containerd could not be restarted: {why}. {put_back(change, node)} {KEPT}"
    assert (result["reason"], result["restarted"], result["undone"]["restarted"]) == ("unit_unusable", False, False)
    assert (node.config.read_text(), node.calls()) == ("good", [])


def test_no_systemd(node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_programs, "_SYSTEMD_MARK", "/nonexistent")
    change = node.change("good2")
    assert restart(run_module)["msg"] == (
        "containerd could not be restarted: systemd does not run on this node, and containerd can be restarted by "
        f"nothing else. {put_back(change, node)} {KEPT}"
    )
    assert restart(run_module, restart=False)["ready_after"] == 0.5


def test_nobody_to_ask(node: Node, run_module: RunModule) -> None:
    change = node.change("good2")
    for name in ("crictl", "ctr"):
        (node.directory / name).unlink()
    assert restart(run_module)["msg"] == f"containerd was not restarted: {NOBODY}. {put_back(change, node)} {KEPT}"
    assert restart(run_module, restart=False)["msg"].startswith(f"CRI was not asked: {NOBODY}. ")


def test_not_root(node: Node, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_undoing, "_is_root", lambda: False)
    assert restart(run_module)["msg"] == (
        "only root can restart containerd and put files back: run the task with become"
    )
    assert restart(run_module, check=True)["changed"] is True
    assert node.calls() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wait": 0}, "wait has to be 1 or more, it is 0"),
        (
            {"runtime_endpoint": "tcp://192.0.2.1:1"},
            "runtime_endpoint has to be unix:// and an absolute path, it is tcp://192.0.2.1:1",
        ),
    ],
)
def test_bad_options(node: Node, run_module: RunModule, options: dict[str, t.Any], message: str) -> None:
    assert restart(run_module, **options)["msg"] == message
    assert node.calls() == []


# ---- how it may end ----


def test_what_ends_again_and_again_is_told_in_its_own_words(node: Node, run_module: RunModule) -> None:
    change = node.change("fatal")
    node.show(NRestarts="2", ActiveState="failed", SubState="failed")
    result = restart(run_module, wait=600)
    said = (
        "Failed to run CRI service: stream server error: listen tcp 203.0.113.9:7000: bind: cannot assign requested "
        "address"
    )
    passed = re.search(r"within ([\d.]+) s: ", result["msg"])
    assert passed and float(passed.group(1)) < 60
    assert result["msg"] == (
        f"containerd was restarted (systemctl restart containerd), and CRI on {ENDPOINT} did not answer within "
        f"{passed.group(1)} s: {DOWN} ({said}). {put_back(change, node)} containerd was restarted with that, and CRI "
        "answered after 0.5 s."
    )
    assert (result["reason"], result["text"]) == ("containerd_down", said)


def test_it_gives_up_on_what_ends_again_and_again(node: Node, run_module: RunModule) -> None:
    node.change("ended")
    node.show(ActiveState="failed", SubState="failed")
    result = restart(run_module, wait=600)
    assert (result["reason"], node.config.read_text()) == ("containerd_down", "good")


@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], ids=lambda sent: sent.name)
def test_a_lost_connection_does_not_stop_it_half_way(
    node: Node, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    """Neither the signals that come with it, to all that it started, nor an output that nobody reads any more."""
    node.change("stuck")
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", b'{"ANSIBLE_MODULE_ARGS": {"wait": 2}}')
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.setsid()
        os.close(reading)
        sys.stdout = os.fdopen(writing, "w")
        with contextlib.suppress(BaseException):
            containerd_restart.main()
        os._exit(0)
    os.close(writing)
    os.close(reading)
    while RESTARTED[1] not in node.calls():
        time.sleep(0.01)
    os.killpg(pid, sent)
    os.waitpid(pid, 0)
    assert (node.config.read_text(), node.running(), states(node)) == ("good", "good", [("closed", "undone")])
