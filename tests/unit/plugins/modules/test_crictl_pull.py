# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against programs that say again what the real ones were heard to say."""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import stat
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _cri_node, _programs
from ansible_collections.airgap.nodes.plugins.modules import crictl_pull

RunModule = t.Callable[..., t.Any]
FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "crictl"
PAUSE = "registry.k8s.io/pause:3.10"
PAUSE_ID = "sha256:c15ed4936330e686e6178a890851a9ca4c4056585187ae239413e283e903d24c"
PAUSE_DIGEST = "registry.k8s.io/pause@sha256:dd6de8c44533821edac3f6cea7898ea67f39003abc66d65a97bd7cc923579d8c"
SECRETS = ("correct-horse-7", base64.b64encode(b"puller:correct-horse-7").decode())

# Answers with what lies in its directory: the file for the nth call of a command, or else the one for all its calls.
ANSWERING = """\
#!/bin/sh
cd "{directory}" || exit 99
for word in "$@"; do case $word in images|version|pull|plugins) command=$word; break;; esac; done
echo "$*" >> calls
env | grep ^CRI >> "environment-$command"
echo >> "count-$command"
answer=$command-$(wc -l < "count-$command" | tr -d ' ')
test -e "$answer" || test -e "$answer.err" || answer=$command
test ! -e "$answer.slow" || exec sleep 30
cat "$answer" 2>/dev/null
cat "$answer.err" >&2 2>/dev/null && exit 1
exit 0
"""


class Programs:
    """crictl, ctr and journalctl of a node, and what each is to say."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.program("crictl")
        self.answer("crictl", "images", '{"images": []}')
        self.answer("crictl", "version", "RuntimeName:  containerd\n")
        self.answer("crictl", "pull", (FIXTURES / "1.6.20-pulled.txt").read_text())

    def program(self, name: str) -> None:
        folder = self.directory / f"{name}.d"
        folder.mkdir()
        program = self.directory / name
        program.write_text(ANSWERING.format(directory=folder))
        program.chmod(0o755)

    def answer(self, program: str, command: str, output: str) -> None:
        (self.directory / f"{program}.d" / command).write_text(output)

    def fail(self, command: str, fixture: str) -> None:
        """What crictl prints to standard error when it fails."""
        shutil.copy(FIXTURES / f"{fixture}.txt", self.directory / "crictl.d" / f"{command}.err")

    def replay(self, program: str, command: str, fixture: str) -> None:
        if not (self.directory / program).exists():
            self.program(program)
        self.answer(program, command, (FIXTURES / f"{fixture}.txt").read_text())

    def journal(self, fixture: str) -> None:
        text = self.directory / "journal"
        shutil.copy(FIXTURES / f"{fixture}.txt", text)
        program = self.directory / "journalctl"
        program.write_text(f'#!/bin/sh\necho "$*" >> "{self.directory}/journal-calls"\ncat "{text}"\n')
        program.chmod(0o755)

    def calls(self, program: str = "crictl") -> list[str]:
        """Command lines, less the options that all have."""
        lines = (self.directory / f"{program}.d" / "calls").read_text().splitlines()
        return [line.rpartition("containerd.sock ")[2] for line in lines]

    def environment(self, command: str) -> str:
        return (self.directory / "crictl.d" / f"environment-{command}").read_text()


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """The node's programs. The host's own must not be asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "env", "grep", "sh", "sleep", "tr", "wc"):
        (tools / name).symlink_to(t.cast(str, shutil.which(name)))
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{tools}")
    monkeypatch.setattr(_programs, "_PROGRAM_DIRECTORIES", ())
    monkeypatch.setattr(_cri_node, "POLL_INTERVAL", 0.01)
    return Programs(directory)


def pull(run_module: RunModule, *images: str, check: bool = False, **options: t.Any) -> t.Any:
    return run_module(crictl_pull, {"images": list(images), "retry_delay": 0, **options}, check=check)


# ---- pulling ----


def test_an_image_that_is_there_costs_three_calls(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images", "1.6.20-images")
    result = pull(run_module, PAUSE)
    (image,) = result["images"]
    assert image.pop("duration") < 5
    assert image == {
        "image": PAUSE,
        "reference": PAUSE_DIGEST,
        "id": PAUSE_ID,
        "changed": False,
        "attempts": 1,
    }
    assert (result["changed"], "failed_images" in result) == (False, False)
    assert programs.calls() == ["images --output json", "version", f"pull {PAUSE}"]


def test_an_image_that_arrives(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images-2", "1.6.20-images")
    result = pull(run_module, PAUSE)
    assert result["changed"] is True
    assert (result["images"][0]["reference"], result["images"][0]["id"]) == (PAUSE_DIGEST, PAUSE_ID)
    assert programs.calls()[2:] == [f"pull {PAUSE}", "images --output json"]


def test_a_tag_that_moved_is_an_arrival(programs: Programs, run_module: RunModule) -> None:
    images = (FIXTURES / "1.6.20-images.txt").read_text()
    programs.answer("crictl", "images-1", images.replace(PAUSE_ID, "sha256:" + "0" * 64))
    programs.answer("crictl", "images-2", images)
    assert pull(run_module, PAUSE)["images"][0]["changed"] is True


def test_each_image_is_pulled_once(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images", "1.6.20-images")
    result = pull(run_module, PAUSE, PAUSE, "registry.k8s.io/pause:3.10")
    assert [image["image"] for image in result["images"]] == [PAUSE]


def test_all_images_are_tried(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images-2", "1.6.20-images")
    programs.fail("pull-1", "2.3.4-x509_unknown_authority")
    programs.fail("pull-3", "2.3.4-forbidden")
    result = pull(run_module, "a.test/x:1", PAUSE, "b.test/y:1")
    assert (result["failed"], result["changed"], result["reason"]) == (True, True, "x509_unknown_authority")
    assert [image["image"] for image in result["images"]] == [PAUSE]
    assert [(image["image"], image["reason"], image["endpoint"]) for image in result["failed_images"]] == [
        ("a.test/x:1", "x509_unknown_authority", "registry.test:5443"),
        ("b.test/y:1", "forbidden", "127.0.0.1:5450"),
    ]
    lines = result["msg"].splitlines()
    assert lines[0] == "2 of 3 images could not be pulled as they should."
    assert [line.split(": ")[0] for line in lines[1:]] == ["a.test/x:1", "b.test/y:1"]


def test_one_failure_needs_no_head(programs: Programs, run_module: RunModule) -> None:
    programs.fail("pull", "1.6.20-image_not_found")
    assert pull(run_module, PAUSE)["msg"].startswith(f"{PAUSE}: the registry does not have this image. ")


def test_what_is_no_reference_is_not_handed_to_crictl(programs: Programs, run_module: RunModule) -> None:
    result = pull(run_module, "--config=/etc/shadow", "")
    assert [image["reason"] for image in result["failed_images"]] == ["invalid_reference"] * 2
    assert programs.calls() == ["images --output json", "version"]


# ---- trying again ----


@pytest.mark.parametrize(
    ("fixture", "attempts"),
    [
        ("1.6.20-connection_refused", 3),
        ("1.6.20-name_not_found", 3),
        ("1.6.20-timeout", 3),
        ("1.6.20-server_error-503", 3),
        ("1.6.20-containerd_restarted", 3),
        ("1.6.20-unauthorized", 1),
        ("1.6.20-forbidden", 1),
        ("1.6.20-image_not_found", 1),
        ("1.6.20-x509_unknown_authority", 1),
        ("1.6.20-rate_limited", 1),
    ],
)
def test_only_what_may_pass_is_tried_again(
    programs: Programs, run_module: RunModule, fixture: str, attempts: int
) -> None:
    programs.fail("pull", fixture)
    (failed,) = pull(run_module, PAUSE, retries=2)["failed_images"]
    assert failed["attempts"] == attempts == programs.calls().count(f"pull {PAUSE}")


def test_a_pull_that_a_restart_broke_off_is_made_good(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images", "1.6.20-images")
    programs.fail("pull-1", "2.3.4-connection_lost")
    programs.fail("pull-2", "1.6.20-containerd_down")
    result = pull(run_module, PAUSE)
    assert (result["images"][0]["attempts"], result["changed"]) == (3, False)


def test_a_pull_that_used_up_its_time_is_final(programs: Programs, run_module: RunModule) -> None:
    (programs.directory / "crictl.d" / "pull.slow").touch()
    programs.journal("2.3.4-journal-not-found")
    (failed,) = pull(run_module, "plain.example.test/team/hello:nope", timeout=1, retries=5)["failed_images"]
    assert (failed["reason"], failed["attempts"]) == ("timeout", 1)
    # crictl was ended before it could say whom containerd waited for; the journal tells.
    assert failed["endpoint"] == "registry.example.test:5000"
    assert "no answer from registry.example.test:5000 in time (not done after 1 s)" in failed["msg"]


# ---- the journal ----


def test_the_journal_tells_who_was_asked(programs: Programs, run_module: RunModule) -> None:
    programs.fail("pull", "2.3.4-x509_unknown_authority")
    programs.journal("2.3.4-journal-three")
    (failed,) = pull(run_module, "three.example.test/team/hello:1.0", unit="k3s")["failed_images"]
    assert [endpoint["reason"] for endpoint in failed["endpoints"]] == [
        "x509_unknown_authority",
        "connection_refused",
        "connection_refused",
    ]
    (call,) = (programs.directory / "journal-calls").read_text().splitlines()
    assert call.startswith("--no-pager --quiet --unit k3s --output cat --lines 200 --since=@")


def test_no_journal_is_no_harm(programs: Programs, run_module: RunModule) -> None:
    programs.fail("pull", "2.3.4-x509_unknown_authority")
    (failed,) = pull(run_module, PAUSE)["failed_images"]
    assert (failed["endpoints"], failed["endpoint"]) == ([], "registry.test:5443")


HELLO = "registry.example.test:5443/team/hello:1.0"


def test_an_image_that_came_past_its_hosts_toml_proves_nothing(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images-2", "1.6.20-images")
    programs.journal("1.7.24-journal-unproved")
    result = pull(run_module, PAUSE, HELLO)
    assert (result["failed"], result["changed"], result["reason"]) == (True, True, "hosts_config")
    assert [image["image"] for image in result["images"]] == [PAUSE]
    (failed,) = result["failed_images"]
    assert (failed["image"], failed["reason"], failed["endpoint"]) == (HELLO, "hosts_config", None)
    assert failed["msg"] == (
        f"{HELLO}: the image came, but not by way of hosts.toml: containerd passed that file over and asked "
        "registry.example.test:5443 itself (hosts.toml: failed to parse TOML: (1, 11): unescaped control character "
        "U+000A). Correct hosts.toml of registry.example.test:5443; containerd reads it anew at each pull."
    )


def test_the_change_is_told_though_it_proves_nothing(programs: Programs, run_module: RunModule) -> None:
    programs.journal("1.7.24-journal-unproved")
    assert pull(run_module, HELLO)["changed"] is True


def test_the_journal_is_asked_once_for_all_that_came(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images", "1.6.20-images")
    programs.journal("2.3.4-journal-three")
    assert pull(run_module, PAUSE, "registry.k8s.io/pause:3.9").get("failed") is None
    (call,) = (programs.directory / "journal-calls").read_text().splitlines()
    assert "--lines 10000 --since=@" in call


@pytest.mark.parametrize("check", [False, True], ids=["waiting", "check-mode"])
def test_without_a_pull_the_journal_is_not_asked(programs: Programs, run_module: RunModule, check: bool) -> None:
    programs.journal("1.7.24-journal-unproved")
    pull(run_module, *([HELLO] if check else []), check=check)
    assert not (programs.directory / "journal-calls").exists()


# ---- CRI itself ----


def test_it_waits_for_both_services(programs: Programs, run_module: RunModule) -> None:
    programs.fail("images-1", "1.6.20-containerd_down")
    programs.fail("images-2", "1.6.20-containerd_down-stale")
    programs.fail("version-1", "1.6.20-containerd_restarted")
    result = pull(run_module, wait=5)
    assert (result["changed"], result["images"], result.get("failed")) == (False, [], None)
    assert programs.calls() == [
        *("images --output json", "images --output json", "images --output json", "version"),
        *("images --output json", "version"),
    ]


def test_it_does_not_wait_for_ever(programs: Programs, run_module: RunModule) -> None:
    programs.fail("images", "1.6.20-containerd_down")
    result = pull(run_module, wait=1)
    assert (result["failed"], result["reason"]) == (True, "containerd_down")
    assert result["msg"].startswith(
        "CRI on unix:///run/containerd/containerd.sock after 1 s: nothing answers on /run/containerd/containerd.sock"
    )


def test_why_containerd_is_down(programs: Programs, run_module: RunModule) -> None:
    programs.fail("images", "1.6.20-containerd_down")
    programs.journal("1.6.20-journal-not-started")
    result = pull(run_module, PAUSE)
    assert "(failed to load TOML: /etc/containerd/config.toml: (2, 2): unexpected token" in result["msg"]
    assert (result["images"], result["failed_images"]) == ([], [])


class NotLoaded(t.NamedTuple):
    reason: str
    words: str
    plugins: str | None = None
    journal: str | None = None


WHY_NOT_LOADED = {
    "ctr-tells": NotLoaded("cri_not_loaded", "`mirrors` cannot be set", plugins="1.6.20-plugins-mirrors"),
    "disabled": NotLoaded("cri_not_loaded", "config.toml disables it", plugins="1.6.20-plugins-disabled"),
    "journal": NotLoaded("cri_not_loaded", "`mirrors` cannot be set", journal="2.3.4-journal-not-loaded"),
    "nobody-tells": NotLoaded("cri_not_loaded", "unknown service runtime.v1.ImageService"),
    "too-old": NotLoaded("cri_api_too_old", "speaks an older CRI than crictl does", plugins="1.4.13-plugins"),
}


@pytest.mark.parametrize("case", WHY_NOT_LOADED.values(), ids=WHY_NOT_LOADED)
def test_why_cri_is_not_loaded(programs: Programs, run_module: RunModule, case: NotLoaded) -> None:
    programs.fail("images", "1.6.20-cri_not_loaded")
    if case.plugins:
        programs.replay("ctr", "plugins", case.plugins)
    if case.journal:
        programs.journal(case.journal)
    result = pull(run_module, PAUSE, wait=30)
    assert result["reason"] == case.reason
    assert case.words in result["msg"]
    # Of no use, so not waited for.
    assert programs.calls() == ["images --output json"]


def test_a_crictl_of_old(programs: Programs, run_module: RunModule) -> None:
    text = (FIXTURES / "1.6.20-cri_not_loaded.txt").read_text().replace("runtime.v1.", "runtime.v1alpha2.")
    (programs.directory / "crictl.d" / "images.err").write_text(text)
    programs.replay("ctr", "plugins", "2.3.4-plugins")
    assert pull(run_module, PAUSE)["reason"] == "crictl_too_old"


def test_a_containerd_that_hangs(programs: Programs, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cri_node, "CONNECT_TIMEOUT", -4)
    (programs.directory / "crictl.d" / "images.slow").touch()
    result = pull(run_module, PAUSE)
    assert result["reason"] == "cri_timeout"
    assert "containerd does not answer on /run/containerd/containerd.sock" in result["msg"]


def test_a_list_that_is_none(programs: Programs, run_module: RunModule) -> None:
    programs.answer("crictl", "images", "surprise")
    assert "crictl images printed no list of images" in pull(run_module, PAUSE)["msg"]


# ---- without crictl ----


def test_crictl_is_missed(programs: Programs, run_module: RunModule) -> None:
    (programs.directory / "crictl").unlink()
    result = pull(run_module, PAUSE, wait=30)
    assert result["reason"] == "crictl_absent"
    assert "Install the package cri-tools" in result["msg"]


def test_to_wait_ctr_will_do(programs: Programs, run_module: RunModule) -> None:
    (programs.directory / "crictl").unlink()
    programs.replay("ctr", "plugins", "2.3.4-plugins")
    assert pull(run_module, wait=5)["changed"] is False
    assert programs.calls("ctr") == ["plugins ls --detailed"]
    programs.replay("ctr", "plugins", "2.3.4-plugins-mirrors")
    assert pull(run_module, wait=5)["reason"] == "cri_not_loaded"


def fail_ctr(programs: Programs, command: str, fixture: str) -> None:
    shutil.copy(FIXTURES / f"{fixture}.txt", programs.directory / "ctr.d" / f"{command}.err")


@pytest.mark.parametrize("version", ["1.6.20", "1.7.24", "2.3.4"])
def test_ctr_is_asked_again_while_containerd_starts(programs: Programs, run_module: RunModule, version: str) -> None:
    (programs.directory / "crictl").unlink()
    programs.replay("ctr", "plugins", "1.7.24-plugins")
    fail_ctr(programs, "plugins-1", f"{version}-containerd_down-ctr")
    fail_ctr(programs, "plugins-2", "1.7.24-cri_timeout-ctr")
    assert pull(run_module, wait=5).get("failed") is None
    assert programs.calls("ctr") == ["plugins ls --detailed"] * 3
    assert "--connect-timeout 3s" in (programs.directory / "ctr.d" / "calls").read_text()


def test_a_ctr_that_hangs(programs: Programs, run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cri_node, "CONNECT_TIMEOUT", 1)
    (programs.directory / "crictl").unlink()
    programs.replay("ctr", "plugins", "1.7.24-plugins")
    (programs.directory / "ctr.d" / "plugins-1.slow").touch()
    (programs.directory / "ctr.d" / "plugins-1").touch()
    assert pull(run_module, wait=0)["reason"] == "cri_timeout"
    (programs.directory / "ctr.d" / "count-plugins").unlink()
    assert pull(run_module, wait=10).get("failed") is None


REAL_CTR = shutil.which("ctr")


@pytest.mark.skipif(not REAL_CTR, reason="needs ctr of containerd")
def test_ctr_itself_where_there_is_no_containerd(
    programs: Programs, run_module: RunModule, tmp_path: pathlib.Path
) -> None:
    (programs.directory / "crictl").unlink()
    (programs.directory / "ctr").symlink_to(t.cast(str, REAL_CTR))
    result = pull(run_module, runtime_endpoint=str(tmp_path / "none.sock"))
    assert result["reason"] == "containerd_down"
    assert f"nothing answers on {tmp_path}/none.sock" in result["msg"]


def test_neither_crictl_nor_ctr(programs: Programs, run_module: RunModule) -> None:
    (programs.directory / "crictl").unlink()
    assert "ctr is not on this node" in pull(run_module)["msg"]


# ---- check mode ----


def test_check_mode_pulls_nothing(programs: Programs, run_module: RunModule) -> None:
    programs.replay("crictl", "images", "1.6.20-images")
    result = pull(run_module, PAUSE, "a.test/x:1", "--no-reference", check=True)
    assert result["changed"] is True
    assert [(image["changed"], image["id"]) for image in result["images"]] == [
        (False, PAUSE_ID),
        (True, None),
        (True, None),
    ]
    assert programs.calls() == ["images --output json", "version"]


@pytest.mark.parametrize("lacks", ["cri", "crictl"])
def test_check_mode_on_a_node_that_has_nothing_yet(programs: Programs, run_module: RunModule, lacks: str) -> None:
    programs.fail("images", "1.6.20-containerd_down")
    if lacks == "crictl":
        (programs.directory / "crictl").unlink()
    result = pull(run_module, PAUSE, check=True, wait=30)
    assert (result["changed"], result.get("failed")) == (True, None)
    assert "which images are there cannot be told: " in str(result["warnings"])


# ---- credentials ----


@pytest.fixture
def credentials_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "credentials"
    path.write_text("puller:correct-horse-7\n")
    path.chmod(0o600)
    return path


CREDENTIALS: dict[str, dict[str, str]] = {
    "password": {"username": "puller", "password": SECRETS[0]},
    "auth": {"auth": SECRETS[1]},
    "wrapped-auth": {"auth": f" {SECRETS[1][:8]}\n{SECRETS[1][8:]}\n"},
    "file": {"credentials_file": "FILE"},
}


@pytest.fixture(params=CREDENTIALS.values(), ids=list(CREDENTIALS))
def credentials(request: pytest.FixtureRequest, credentials_file: pathlib.Path) -> dict[str, str]:
    options: dict[str, str] = request.param
    return {key: value.replace("FILE", str(credentials_file)) for key, value in options.items()}


def seen_secrets(programs: Programs, result: object, logged: list[str]) -> list[str]:
    places = [str(result), *programs.calls(), *logged]
    return [place for place in places for secret in SECRETS if secret in place]


def test_credentials_reach_crictl_and_nobody_else(
    programs: Programs, run_module: RunModule, credentials: dict[str, str], logged: list[str]
) -> None:
    result = pull(run_module, PAUSE, **credentials)
    assert programs.environment("pull") == f"CRICTL_AUTH={SECRETS[1]}\n"
    assert programs.environment("images") == ""
    assert seen_secrets(programs, result, logged) == []


def test_a_failure_does_not_show_credentials(
    programs: Programs, run_module: RunModule, credentials: dict[str, str], logged: list[str]
) -> None:
    programs.fail("pull", "1.6.20-unauthorized")
    error = programs.directory / "crictl.d" / "pull.err"
    error.write_text(error.read_text().replace("401 Unauthorized", f"401 Unauthorized: {' '.join(SECRETS)}"))
    result = pull(run_module, PAUSE, **credentials)
    assert result["reason"] == "unauthorized"
    assert seen_secrets(programs, result, logged) == []


def test_what_the_shell_has_set_does_not_count(
    programs: Programs, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the first, crictl would refuse to start; the second would send it elsewhere.
    monkeypatch.setenv("CRICTL_CREDS", "other:one")
    monkeypatch.setenv("CRI_CONFIG_FILE", "/etc/other.yaml")
    pull(run_module, PAUSE, auth=SECRETS[1])
    assert programs.environment("pull") == f"CRICTL_AUTH={SECRETS[1]}\n"


def test_what_holds_credentials_does_not_show_them() -> None:
    credentials = crictl_pull.Credentials(SECRETS[1], SECRETS)
    node = crictl_pull.Node("/s", "u", None, None, None, credentials)
    assert not [secret for secret in SECRETS if secret in repr(node)]


def test_without_credentials_there_are_none(programs: Programs, run_module: RunModule) -> None:
    pull(run_module, PAUSE)
    assert programs.environment("pull") == ""


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604], ids=oct)
def test_a_credentials_file_is_the_owners_alone(
    programs: Programs, run_module: RunModule, credentials_file: pathlib.Path, mode: int
) -> None:
    credentials_file.chmod(mode)
    result = pull(run_module, PAUSE, credentials_file=str(credentials_file))
    assert result["msg"] == (
        f"credentials_file {credentials_file} is open to others (mode {mode:04o}): chmod 0600 {credentials_file}"
    )
    assert not (programs.directory / "crictl.d" / "calls").exists()
    assert stat.S_IMODE(credentials_file.stat().st_mode) == mode


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("content", ["", "puller\n", "a:b\nc:d\n"], ids=["empty", "no-colon", "two-lines"])
def test_a_credentials_file_of_another_kind(
    run_module: RunModule, credentials_file: pathlib.Path, content: str
) -> None:
    credentials_file.write_text(content)
    result = pull(run_module, PAUSE, credentials_file=str(credentials_file))
    assert result["msg"] == f"credentials_file {credentials_file} has to hold one line user:password"


BAD_OPTIONS: dict[str, tuple[dict[str, t.Any], str]] = {
    "no-file": ({"credentials_file": "/none"}, "credentials_file /none cannot be read: No such file or directory"),
    "no-base64": ({"auth": "not base64"}, "auth has to be the base64 of user:password"),
    "no-colon": ({"auth": base64.b64encode(b"puller").decode()}, "auth has to be the base64 of user:password"),
    "colon-in-user": (
        {"username": "a:b", "password": "secret"},
        "a user name may neither be empty nor have a colon in it",
    ),
    "two-ways": (
        {"username": "a", "password": "secret", "auth": "c2VjcmV0"},
        "parameters are mutually exclusive: username|auth|credentials_file",
    ),
    "no-password": ({"username": "a"}, "parameters are required together: username, password"),
    "tcp": (
        {"runtime_endpoint": "tcp://192.0.2.1:1"},
        "runtime_endpoint has to be unix:// and an absolute path, it is tcp://192.0.2.1:1",
    ),
    "no-time": ({"timeout": 0}, "timeout has to be 1 or more, it is 0"),
    "negative": ({"retries": -1}, "retries has to be 0 or more, it is -1"),
    "no-crictl": ({"crictl": "/none"}, "crictl /none is not there, or cannot be executed"),
}


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_options(programs: Programs, run_module: RunModule, options: dict[str, t.Any], message: str) -> None:
    result = pull(run_module, PAUSE, **options)
    assert (result["failed"], result["msg"]) == (True, message)
    assert not (programs.directory / "crictl.d" / "calls").exists()


def test_options_that_point_elsewhere(programs: Programs, run_module: RunModule, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    shutil.move(str(programs.directory / "crictl"), str(other))
    pull(run_module, crictl=str(other), runtime_endpoint="/run/k3s/containerd/containerd.sock")
    call = (programs.directory / "crictl.d" / "calls").read_text().splitlines()[0]
    socket = "unix:///run/k3s/containerd/containerd.sock"
    assert call == (
        f"--config /dev/null --timeout 10s --runtime-endpoint {socket} --image-endpoint {socket} images --output json"
    )


def test_each_reason_is_documented() -> None:
    documented = crictl_pull.RETURN.partition("\nreason:")[2].partition("\nfailed_images:")[0]
    missing = [name for name in crictl_pull.cri.BY_NAME if f"V({name})" not in documented]
    assert missing == []
