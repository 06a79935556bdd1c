# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a candidate. The words are those of real releases; integration tests ask the releases themselves."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _checks, _programs
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Check

PATH = "/etc/containerd/config.toml"
DROP_IN = "/etc/containerd/conf.d/60-airgap-nodes.toml"
REFUSED = "/etc/containerd/config.toml: the node's containerd refuses what was to be written: "
ADVICE = " Nothing was changed. Ask for what it takes; if it is about what the files had already, mend that first."
KEYS = {"io.containerd.cri.v1.runtime cni bar baz": 'plugins."io.containerd.cri.v1.runtime".cni.bar.baz'}


@pytest.fixture
def containerd(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., pathlib.Path]:
    """Puts a program in containerd's place; it leaves its arguments and its input beside it."""

    def put(says: str = "", code: int = 0, first: str = "") -> pathlib.Path:
        program = tmp_path / "containerd"
        (tmp_path / "says").write_text(says, encoding="utf-8")
        program.write_text(
            f'#!/bin/sh\n{first}\necho "$@" >"$0.arguments"\npwd >"$0.directory"\n'
            f'[ "$2" != /dev/stdin ] || cat /dev/stdin >"$0.input"\ncat "${{0%/*}}/says" >&2\nexit {code}\n',
            encoding="utf-8",
        )
        program.chmod(0o755)
        unit = {"exec_start": [str(program)]}
        monkeypatch.setattr(_checks, "read_unit", lambda name: (unit if name == "containerd.service" else None, None))
        return program

    return put


@pytest.fixture
def staged(tmp_path: pathlib.Path) -> dict[str, str]:
    hidden = {PATH: tmp_path / ".airgap-nodes-1.new", DROP_IN: tmp_path / ".airgap-nodes-2.new"}
    for place in hidden.values():
        place.write_text("version = 2\n", encoding="utf-8")
    return {path: str(place) for path, place in hidden.items()}


def run(check: Check, staged: t.Mapping[str, str]) -> str | None:
    return _checks.run_checks([check], staged, "containerd.service")


def test_the_new_file_is_judged_where_it_lies(containerd: t.Any, staged: dict[str, str]) -> None:
    program = containerd()
    assert run(Check(PATH), staged) is None
    assert program.with_name("containerd.arguments").read_text() == f"--config {staged[PATH]} config dump\n"
    # That of the service, from which older releases resolve relative globs.
    assert program.with_name("containerd.directory").read_text() == "/\n"


def test_a_text_in_its_stead_names_the_new_files(containerd: t.Any, staged: dict[str, str]) -> None:
    program = containerd()
    assert run(Check(PATH, b'imports = ["@0@", "/b.toml"]\n', {"@0@": DROP_IN}), staged) is None
    assert program.with_name("containerd.arguments").read_text() == "--config /dev/stdin config dump\n"
    given = program.with_name("containerd.input").read_text()
    assert given == f'imports = ["{staged[DROP_IN]}", "/b.toml"]\n'


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_name_cannot_end_its_quotes(containerd: t.Any, quote: str) -> None:
    program = containerd()
    run(Check(PATH, f"imports = [{quote}@0@{quote}]\n".encode(), {"@0@": DROP_IN}), {DROP_IN: '/a"b\\é'})
    assert program.with_name("containerd.input").read_text(encoding="utf-8") == 'imports = ["/a\\"b\\\\é"]\n'


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        pytest.param(
            "containerd: failed to load TOML: {hidden}: (3, 1): expecting a value\n",
            "failed to load TOML: /etc/containerd/config.toml: (3, 1): expecting a value.",
            id="1.6 syntax",
        ),
        pytest.param(
            "containerd: (3, 1): Can't convert 12345(int64) to string\n",
            "(3, 1): Can't convert ********(int64) to string.",
            id="1.7 type: the value may be a password",
        ),
        pytest.param(
            'time="2026-11-21T14:35:50Z" level=error msg="containerd config version `9` is not supported"\n'
            "containerd: failed to load TOML from {hidden}: unsupported config version `9`\n",
            "failed to load TOML from /etc/containerd/config.toml: unsupported config version `9`.",
            id="1.7 version",
        ),
        pytest.param(
            "containerd: failed to load TOML: /nope.toml: open /nope.toml: no such file or directory\n",
            "failed to load TOML: /nope.toml: open /nope.toml: no such file or directory.",
            id="1.7 import",
        ),
        pytest.param(
            'time="2026-11-21T14:35:51Z" level=error msg="Failure unmarshaling TOML" column=5 '
            'error="toml: incomplete number" file={drop_in} row=1\n'
            "containerd: failed to unmarshal TOML at row 1 column 5: toml: incomplete number\n",
            "/etc/containerd/conf.d/60-airgap-nodes.toml: failed to unmarshal TOML at row 1 column 5: toml: "
            "incomplete number.",
            id="2.1 syntax of a drop-in, which only the log names",
        ),
        pytest.param(
            'time="2026-11-21T14:35:51Z" level=warning msg="Configuration migrated from version 2" t="14.131µs"\n'
            "containerd: toml: cannot decode TOML integer into struct field config.Registry.ConfigPath of type string",
            "toml: cannot decode TOML integer into struct field config.Registry.ConfigPath of type string.",
            id="2.3 type",
        ),
        pytest.param(
            "panic: interface conversion: interface {{}} is string, not map[string]interface {{}}\n\n"
            "goroutine 1 [running]:\ngithub.com/containerd/containerd/v2/plugins/cri/images.migrateConfig(0x2eeb)\n",
            "interface conversion: interface {} is string, not map[string]interface {}.",
            id="2.1 panic",
        ),
        pytest.param("", "it gives no reason.", id="nothing"),
    ],
)
def test_its_own_reason_with_the_names_that_the_user_knows(
    containerd: t.Any, staged: dict[str, str], says: str, reason: str
) -> None:
    containerd(says.format(hidden=staged[PATH], drop_in=staged[DROP_IN]), code=1)
    assert run(Check(PATH), staged) == f"{REFUSED}{reason}{ADVICE}"


def test_a_text_in_its_stead_is_known_by_the_file(containerd: t.Any, staged: dict[str, str]) -> None:
    containerd("containerd: failed to load TOML from /dev/stdin: unsupported config version `9`\n", code=1)
    reason = "failed to load TOML from /etc/containerd/config.toml: unsupported config version `9`."
    assert run(Check(PATH, b"version = 9\n"), staged) == f"{REFUSED}{reason}{ADVICE}"


PASSED_OVER = (
    'time="2026-11-21T14:35:51Z" level=warning msg="Ignoring unknown key in TOML for plugin" error="strict mode: '
    'fields in the document are missing in the target struct" key="{key}" plugin=io.containerd.cri.v1.runtime\n'
)


@pytest.mark.parametrize("key", ["cni bar baz", "cni bar"])
def test_a_key_that_is_written_must_count(containerd: t.Any, staged: dict[str, str], key: str) -> None:
    containerd(PASSED_OVER.format(key="nope") + PASSED_OVER.format(key=key))
    assert run(Check(PATH, keys=KEYS), staged) == (
        '/etc/containerd/config.toml: plugins."io.containerd.cri.v1.runtime".cni.bar.baz: the node\'s containerd says '
        "that it does not know this key and would pass over it. Nothing was changed. Leave it out on this node, or "
        "write it all the same with unsupported: write."
    )


@pytest.mark.parametrize("key", ["nope", "cni ba", "cni bar baz qux"])
def test_keys_of_others_are_passed_over_as_ever(containerd: t.Any, staged: dict[str, str], key: str) -> None:
    containerd(PASSED_OVER.format(key=key))
    assert run(Check(PATH, keys=KEYS), staged) is None


def test_a_node_without_containerd_tells_so(monkeypatch: pytest.MonkeyPatch, staged: dict[str, str]) -> None:
    notes: list[str] = []
    monkeypatch.setattr(_checks, "find_program", lambda *_asked: None)
    assert _checks.run_checks([Check(PATH)], staged, "containerd.service", notes.append) is None
    assert notes == [f"{PATH}: containerd is not installed on this node, so that nobody could judge the change."]


def test_nothing_is_asked_of_a_change_of_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_checks, "read_unit", lambda _name: pytest.fail("asks systemd"))
    assert _checks.run_checks([], {}, "containerd.service") is None


def test_no_answer(containerd: t.Any, staged: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    program = containerd(first="sleep 30")
    monkeypatch.setattr(_programs, "TIME_LIMIT", 0.2)
    assert run(Check(PATH), staged) == (
        f"/etc/containerd/config.toml: {program} could not be asked whether it accepts what was to be written: no "
        "answer within 0.2 seconds. Nothing was changed; see to the program on the node."
    )


def test_a_file_that_is_gone_is_not_taken_for_a_good_one(containerd: t.Any, staged: dict[str, str]) -> None:
    containerd()
    pathlib.Path(staged[PATH]).unlink()
    assert run(Check(PATH), staged) == (
        f"/etc/containerd/config.toml: what was to be written is gone from {staged[PATH]}. Nothing was changed; run "
        "again."
    )


def test_checks_survive_the_wire() -> None:
    for check in (Check(PATH), Check(PATH, b"a = 1\n", {"@0@": DROP_IN}, KEYS)):
        assert Check.from_wire(check.to_wire()) == check
    with pytest.raises(ValueError, match=r"^check /a: content is not base64$"):
        Check.from_wire({"path": "/a", "content": "?"})
