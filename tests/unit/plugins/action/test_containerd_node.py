# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries, migration and configuration as one change, with files of this machine in place of a node."""

from __future__ import annotations

import base64
import pathlib
import time
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.action import containerd_config, containerd_migrate, containerd_registries
from ansible_collections.airgap.nodes.plugins.action.containerd_node import ActionModule
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart

Raw = dict[str, t.Any]

CRI = "io.containerd.grpc.v1.cri"
IMAGE = "registry.example.com/k8s/pause:3.10"
FILE = f'version = 2\n\n[plugins."{CRI}"]\n  sandbox_image = "pause:3.8"  # ours\n'
TABLES = f'\n[plugins."{CRI}".registry.mirrors."docker.io"]\n  endpoint = ["https://a.example"]\n'
LISTED = ["registry.k8s.io", "quay.io"]
HOST = {"url": "https://r.example"}


class Node:
    """A machine with a config.toml and a tree below a directory."""

    def __init__(self, directory: pathlib.Path, machine: t.Any) -> None:
        self.machine = machine
        self.directory = directory / "etc"
        self.directory.mkdir()
        self.file = self.directory / "config.toml"
        self.tree = self.directory / "certs.d"
        # Where the journal leaves it, too.
        (directory / "run").mkdir()
        self.mark = directory / "run" / "airgap.nodes" / "containerd-restart-required"

    def restart(self) -> None:
        """What somebody does to containerd, after all that was done so far."""
        self.machine.unit |= {"started": time.time(), "invocation": self.machine.unit["invocation"] + "+"}
        # The time of a file is that of the last tick.
        time.sleep(0.02)

    def files(self) -> dict[str, tuple[str, int]]:
        found = (path for path in self.directory.rglob("*") if path.is_file())
        return {str(path.relative_to(self.directory)): (path.read_text(), path.stat().st_mode) for path in found}

    def run(self, *, check: bool = False, **options: t.Any) -> Raw:
        parts = {name: self.completed(name, options.pop(name)) for name in PLACES if name in options}
        result: Raw = self.machine.run(ActionModule, {**parts, **options}, check=check)
        return result

    def one_by_one(self, **parts: Raw) -> None:
        """What the three modules do."""
        actions = {"registries": containerd_registries, "migrate": containerd_migrate, "config": containerd_config}
        for name, action in actions.items():
            if name in parts:
                result = self.machine.run(action.ActionModule, self.completed(name, parts[name]))
                assert "failed" not in result, result["msg"]

    def completed(self, name: str, options: Raw) -> Raw:
        return {**{key: str(getattr(self, place)) for key, place in PLACES[name].items()}, **options}


PLACES = {
    "registries": {"config_path": "tree"},
    "migrate": {"path": "file", "config_path": "tree"},
    "config": {"path": "file"},
}


@pytest.fixture
def node(tmp_path: pathlib.Path, machine: t.Any, monkeypatch: pytest.MonkeyPatch) -> Node:
    made = Node(tmp_path, machine)
    machine.unit["exec_start"] = ["/usr/bin/containerd", "--config", str(made.file)]
    machine.unit["started"] = time.time() - 10
    monkeypatch.setattr(pending_restart, "MARK", str(made.mark))
    return made


def registries(*namespaces: str, **more: t.Any) -> Raw:
    return {"registries": [{"namespace": name, "fallback": False, "hosts": [HOST]} for name in namespaces], **more}


def whole(node: Node) -> Raw:
    """Every part, each with something to do for a file with tables."""
    return {
        "registries": registries(*LISTED),
        "migrate": {},
        "config": {"sandbox_image": IMAGE, "registry_config_path": str(node.tree)},
    }


def test_all_parts_are_one_change(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    result = node.run(**whole(node))
    assert node.machine.calls == ["_node_read", "_node_apply"]
    assert "mirrors" not in node.file.read_text()
    assert f'sandbox_image = "{IMAGE}"  # ours' in node.file.read_text()
    assert f'config_path = "{node.tree}"' in node.file.read_text()
    assert sorted(path.name for path in node.tree.iterdir()) == ["docker.io", "quay.io", "registry.k8s.io"]
    assert (result["changed"], result["restart_required"]) == (True, True)
    assert [result[part]["changed"] for part in ("registries", "migrate", "config")] == [True, True, True]
    assert [each["namespace"] for each in result["migrate"]["namespaces"]] == ["docker.io"]
    assert [each["after"] for each in result["config"]["changes"]] == [IMAGE]


def test_nothing_to_do_is_one_round_trip(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    node.run(**whole(node))
    node.restart()
    result = node.run(**whole(node))
    assert node.machine.calls == ["_node_read"]
    assert {key: result[key] for key in ("changed", "restart_required", "unproved", "change")} == {
        "changed": False,
        "restart_required": False,
        "unproved": False,
        "change": None,
    }
    assert not {"diff", "warnings"} & result.keys()


def test_config_toml_is_last_and_each_path_comes_once(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    node.run(**whole(node))
    written = node.machine.written
    assert written[-1] == str(node.file)
    assert len(written) == len(set(written))


@pytest.mark.parametrize("text", ["", FILE, FILE + TABLES], ids=["no file", "a plain file", "tables"])
@pytest.mark.parametrize("layout", ["in_place", "drop_in"])
def test_it_leaves_what_the_three_modules_leave(node: Node, text: str, layout: str) -> None:
    parts = whole(node)
    parts["config"] |= {"layout": layout, "drop_in_path": f"{node.directory}/conf.d/60.toml"}
    outcomes = []
    for work in (node.one_by_one, node.run):
        for name in node.files():
            (node.directory / name).unlink()
        if text:
            node.file.write_text(text)
        # What the parts of one task know of each other.
        migrate = {"backup": False, **({"leave": LISTED} if work == node.one_by_one else {})}
        work(**{name: dict(part) for name, part in {**parts, "migrate": migrate}.items()})
        outcomes.append(node.files())
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) > 2


def test_check_mode_shows_the_whole_and_writes_nothing(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    before = node.files()
    shown = node.run(check=True, **whole(node))
    assert node.files() == before
    assert node.machine.calls == ["_node_read"]
    done = node.run(**whole(node))
    for part in ("registries", "migrate", "config"):
        files = ("backup_file", "backup_files")
        assert {key: value for key, value in shown[part].items() if key not in files} == {
            key: value for key, value in done[part].items() if key not in files
        }
    assert shown["diff"] == done["diff"]
    assert (shown["restart_required"], shown["unproved"], shown["change"]) == (True, False, None)


def test_one_part_alone(node: Node) -> None:
    result = node.run(registries=registries("quay.io"))
    assert (result["changed"], result["restart_required"]) == (True, False)
    assert (result["migrate"], result["config"]) == (None, None)
    assert not node.file.exists()


def test_the_copies_of_each_part(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    result = node.run(**whole(node))
    copy = result["migrate"]["backup_file"]
    assert pathlib.Path(copy).read_text() == FILE + TABLES
    assert result["config"]["backup_file"] == copy
    assert result["registries"]["backup_files"] == []


# --- what is refused


def refused(node: Node, before: dict[str, tuple[str, int]], **parts: t.Any) -> str:
    result = node.run(**parts)
    assert result["failed"] is True
    assert "_node_apply" not in node.machine.calls
    assert node.files() == before
    return str(result["msg"])


def test_what_one_part_refuses_nothing_is_written_for(node: Node) -> None:
    node.file.write_text("version = 2\n[plugins\n")
    message = refused(node, node.files(), **whole(node))
    assert message.startswith(f"{node.file}:2:")


def test_a_part_after_one_with_changes_refuses(node: Node) -> None:
    node.file.write_text(FILE)
    parts = {**whole(node), "config": {"settings": {"no_such_key": 1}}}
    assert "no_such_key" in refused(node, node.files(), **parts)


def test_each_of_several_errors_names_its_part(node: Node) -> None:
    wrong = ["plugins.io.containerd.grpc.v1.cri.registry", "plugins.crj.registry"]
    message = refused(node, node.files(), config={"absent": wrong})
    assert "(1) config.absent[0]: " in message
    assert "(2) config.absent[1]: " in message


UNSOUND: dict[str, tuple[Raw, str]] = {
    "a typo": (
        {"config": {"sandbox_imag": "x"}},
        "config: unsupported options: sandbox_imag. Supported parameters include: ",
    ),
    "another type": (
        {"config": {"systemd_cgroup": "perhaps"}},
        "config: argument 'systemd_cgroup' is of type str and ",
    ),
    "of an option in a part": (
        {"registries": {"registries": [{"namespace": "quay.io"}]}},
        "registries.registries[0].fallback: ",
    ),
    "an option that all have in common": (
        {"config": {"unit": "k3s"}},
        "unit: is 'k3s', and 'containerd' for the whole task. All parts are about one containerd: leave it out here.",
    ),
    "a purge by nothing": (
        {"registries": {"registries": [], "purge": True}},
        "registries.purge: is on, and registries is empty: every namespace of the collection would go. Nothing was "
        "changed. List what is to stay, or remove the tree with airgap.nodes.containerd_registries in a task of your "
        "own.",
    ),
}


@pytest.mark.parametrize(("parts", "message"), UNSOUND.values(), ids=UNSOUND)
def test_unsound_options_ask_no_node_for_anything(node: Node, parts: Raw, message: str) -> None:
    assert refused(node, {}, **parts).startswith(message)
    assert node.machine.calls == []


def test_an_empty_list_leaves_the_tree(node: Node) -> None:
    node.run(registries=registries("quay.io"))
    before = node.files()
    result = node.run(registries=registries())
    assert (result["changed"], result["registries"]) == (False, None)
    assert node.files() == before


def test_a_purge_of_what_is_migrated(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    parts = {**whole(node), "registries": registries("quay.io", purge=True)}
    assert refused(node, node.files(), **parts) == (
        "registries.purge: would remove again what is migrated: docker.io. Nothing was changed. List these namespaces "
        "in registries first, or switch it off."
    )


def test_a_purge_with_all_that_is_migrated_listed(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    result = node.run(**{**whole(node), "registries": registries("docker.io", purge=True)})
    assert result["migrate"]["namespaces"] == []
    assert "r.example" in (node.tree / "docker.io" / "hosts.toml").read_text()


def test_the_release_is_one_for_all_parts(node: Node) -> None:
    node.machine.version = None
    assert node.run(**whole(node), containerd_version="2.1.5")["config"]["containerd_version"] == "2.1.5"
    assert node.run(**whole(node))["msg"].startswith("containerd is not installed on this node")


# --- whom containerd would ask


def routes_of(result: Raw) -> dict[str, str]:
    assert "failed" not in result, result["msg"]
    return {each["namespace"]: each["verdict"] for each in result["routes"]}


def test_the_verdict_is_that_of_what_is_planned(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    done = node.run(**whole(node))
    ways = {"docker.io": "open", "k8s.gcr.io": "open", "quay.io": "closed", "registry.example.com": "open"}
    assert routes_of(done) == {**ways, "registry.k8s.io": "closed"}
    assert done["verdict"] == "open"
    quay = next(each for each in done["routes"] if each["namespace"] == "quay.io")
    assert (quay["reason"], quay["rule"], quay["line"]) == ("Nobody but r.example is asked.", "", 2)
    assert quay["file"] == str(node.tree / "quay.io" / "hosts.toml")
    docker = next(each for each in done["routes"] if each["namespace"] == "docker.io")
    assert (docker["rule"], docker["reason"].partition(",")[0]) == ("host-outside", "a.example is asked")
    assert node.machine.calls == ["_node_read", "_node_apply"]


def closing(node: Node, *entries: Raw, **more: t.Any) -> Raw:
    part = {"registries": [{"fallback": False, "hosts": [HOST], **entry} for entry in entries]}
    config = {"registry_config_path": str(node.tree), "sandbox_image": "r.example/p:1"}
    return {"registries": part, "config": config, **more}


def test_a_node_on_which_nobody_else_is_asked_is_closed(node: Node) -> None:
    node.file.write_text(FILE)
    assert node.run(**closing(node, {"namespace": "_default"}))["verdict"] == "closed"
    node.restart()
    again = node.run(**closing(node, {"namespace": "_default"}))
    assert (again["changed"], again["verdict"], node.machine.calls) == (False, "closed", ["_node_read"])


def test_what_may_fall_back_is_open_by_wish(node: Node) -> None:
    node.file.write_text(FILE)
    named = {"namespace": "docker.io", "fallback": True, "server": "https://registry-1.docker.io"}
    result = node.run(**closing(node, {"namespace": "quay.io", "fallback": True}, named, {"namespace": "_default"}))
    assert routes_of(result) == {
        "_default": "closed",
        "docker.io": "open",
        "k8s.gcr.io": "closed",
        "quay.io": "open",
        "r.example": "closed",
        "registry.k8s.io": "closed",
    }


def test_a_drop_in_that_replaces_config_path_is_refused_where_nothing_else_mends_it(node: Node) -> None:
    drop_in = node.directory / "99-nvidia.toml"
    drop_in.write_text(f'version = 2\n[plugins."{CRI}"]\n  sandbox_image = "pause:3.8"\n')
    table = f'[plugins."{CRI}".registry]\n  config_path = "{node.tree}"\n'
    node.file.write_text(f'version = 2\nimports = ["{drop_in}"]\n{table}')
    parts = closing(node, {"namespace": "quay.io"})
    del parts["config"]["registry_config_path"]
    assert refused(node, node.files(), **parts) == (
        f"{drop_in}:2: registries.registries[0]: quay.io would still be open on containerd 1.7.24: quay.io is asked, "
        f"since {drop_in} replaces all settings of CRI in {node.file}, and with them config_path. Nothing was changed. "
        f"Have {drop_in} name {node.tree} as config_path too, or write the settings to a later drop-in."
    )
    parts["config"]["registry_config_path"] = str(node.tree)
    assert routes_of(node.run(**parts))["quay.io"] == "closed"


def test_another_tree_that_counts_is_refused(node: Node) -> None:
    other = node.directory / "other"
    node.file.write_text(f'version = 2\n[plugins."{CRI}".registry]\nconfig_path = "{other}"\n')
    parts = closing(node, {"namespace": "quay.io"}, {"namespace": "docker.io"})
    message = refused(node, node.files(), registries=parts["registries"], config={})
    assert message == (
        f"{node.file}:3: registries.registries[1]: docker.io, quay.io would still be open on containerd 1.7.24: "
        f"registry-1.docker.io is asked, since {other}, which config_path names, is not there. Nothing was "
        "changed. Take "
        f"the other config_path out, or write the tree where it leads ({other})."
    )


def test_another_tree_that_is_looked_into_first_is_refused(node: Node) -> None:
    first = node.directory / "first" / "_default" / "hosts.toml"
    first.parent.mkdir(parents=True)
    first.write_text('[host."https://r.example"]\n')
    registry = f'[plugins."{CRI}".registry]\nconfig_path = "{first.parent.parent}:{node.tree}"\n'
    node.file.write_text(f"version = 2\n{registry}")
    parts = closing(node, {"namespace": "quay.io"})
    assert refused(node, node.files(), registries=parts["registries"], config={}) == (
        f"{first}: registries.registries[0]: quay.io would still be open on containerd 1.7.24: quay.io is asked when "
        f"the hosts before it do not answer, since {first} names no server. Nothing was changed. {first} is found "
        f"before {node.tree}: remove it, or name {node.tree} alone in config_path."
    )


def test_a_certificate_that_nobody_can_read_is_no_open_door(node: Node) -> None:
    node.file.write_text(FILE)
    (node.tree / "quay.io").mkdir(parents=True)
    (node.tree / "quay.io" / "hosts.toml").write_text('ca = "gone.pem"\n[host."https://elsewhere.example"]\n')
    result = node.run(**closing(node, {"namespace": "docker.io"}))
    quay = next(each for each in result["routes"] if each["namespace"] == "quay.io")
    assert (quay["verdict"], quay["rule"]) == ("closed", "pull-file-missing")


def test_a_host_that_is_not_trusted_is_refused(node: Node) -> None:
    node.file.write_text(FILE)
    parts = closing(node, {"namespace": "quay.io"}, trusted_registries=["m.example"])
    path = node.tree / "quay.io" / "hosts.toml"
    assert refused(node, node.files(), **parts) == (
        f"{path}:2: registries.registries[0]: quay.io would still be open on containerd 1.7.24: r.example is "
        "asked, the "
        f"server in {path} that is not trusted. Nothing was changed. Add the host to trusted_registries, or "
        "take it out "
        "of the entry."
    )


def test_a_tree_that_nothing_points_at_yet_is_told_and_not_refused(node: Node) -> None:
    node.file.write_text(FILE)
    result = node.run(registries=registries("quay.io"), config={})
    assert (result["changed"], routes_of(result)["quay.io"]) == (True, "open")


def test_what_cannot_be_told_is_open(node: Node) -> None:
    result = node.run(registries=registries("quay.io"))
    assert (result["changed"], result["verdict"]) == (True, "open")
    assert result["routes"][0]["reason"] == (
        f"It cannot be told whether it is closed: the unit has containerd read {node.file}, which this task "
        "is not about."
    )


def test_where_nobody_is_trusted_there_is_no_verdict(node: Node) -> None:
    node.file.write_text(FILE)
    result = node.run(config={"sandbox_image": IMAGE})
    assert (result["verdict"], result["routes"]) == (None, [])
    assert node.run(config={}, trusted_registries=["r.example"])["verdict"] == "open"


def test_an_entry_of_trusted_registries_that_is_none(node: Node) -> None:
    message = refused(node, {}, config={}, trusted_registries=["https://r.example"])
    assert message == "trusted_registries[0]: 'https://r.example' is a URL. Write it as r.example."
    assert node.machine.calls == []


# --- the node's journal


def test_a_change_that_is_to_be_proved_stays_open(node: Node) -> None:
    node.file.write_text(FILE)
    first = node.run(**whole(node), proof=True)
    (change,) = node.machine.journal.changes()
    assert (first["change"], first["unproved"]) == (change.id, True)
    assert (change.by, change.unit, change.restart, change.state) == (
        "airgap.nodes.containerd_node",
        "containerd.service",
        True,
        "open",
    )
    again = node.run(**whole(node), proof=True)
    assert (again["changed"], again["change"], again["unproved"]) == (False, None, True)
    node.machine.journal.close("proved")
    assert node.run(**whole(node), proof=True)["unproved"] is False


def test_a_change_that_nobody_proves_is_closed(node: Node) -> None:
    result = node.run(registries=registries("quay.io"), keep_changes=3)
    (change,) = node.machine.journal.changes()
    assert (change.state, change.outcome, change.restart) == ("closed", "unproved", False)
    assert (result["change"], result["unproved"]) == (change.id, False)
    assert node.machine.given["journal"]["keep"] == 3


@pytest.mark.parametrize("clock", [-3600, 3600], ids=["set back", "set forward"])
def test_a_clock_that_is_set_restarts_nothing_and_hides_no_restart(node: Node, clock: int) -> None:
    node.file.write_text(FILE)
    node.run(config={"sandbox_image": IMAGE})
    # The same start, by another clock.
    node.machine.unit["started"] += clock
    assert node.run(config={"sandbox_image": IMAGE})["restart_required"] is True
    node.restart()
    node.machine.unit["started"] += clock
    assert node.run(config={"sandbox_image": IMAGE})["restart_required"] is False


def test_an_open_change_waits_for_its_restart_though_the_mark_is_gone(node: Node) -> None:
    node.file.write_text(FILE)
    node.run(**whole(node), proof=True)
    node.mark.unlink()
    assert node.run(**whole(node))["restart_required"] is True
    node.restart()
    assert node.run(**whole(node))["restart_required"] is False


def interrupted(node: Node, *, restart: bool = False) -> str:
    """A run that was killed behind its last rename, and before it could say that it was through."""
    node.run(registries=registries("quay.io"), **({"config": {"sandbox_image": IMAGE}} if restart else {}), proof=True)
    (change,) = node.machine.journal.changes()
    (pathlib.Path(node.machine.journal.place_of(change)) / "applied").unlink()
    return str(change.id)


def test_what_an_interrupted_run_left_is_undone_first(node: Node) -> None:
    node.file.write_text(FILE)
    name = interrupted(node)
    result = node.run(config={"sandbox_image": IMAGE})
    assert node.machine.calls == ["_node_read", "_node_journal", "_node_read", "_node_apply"]
    assert not node.tree.exists()
    assert result["warnings"] == [
        f"An earlier run was interrupted in the middle of a change ({name} by airgap.nodes.containerd_node: "
        f"{node.tree}, {node.tree}/quay.io, {node.tree}/quay.io/hosts.toml). That was undone now."
    ]


def test_containerd_reads_what_is_whole_again_in_place_of_half_a_change(node: Node) -> None:
    node.file.write_text(FILE)
    interrupted(node, restart=True)
    node.restart()
    result = node.run(registries=registries("quay.io"), config={})
    assert node.file.read_text() == FILE
    assert (result["restart_required"], node.mark.exists()) == (True, True)


def unmark(node: Node, number: int) -> None:
    change = node.machine.journal.changes()[number]
    (pathlib.Path(node.machine.journal.place_of(change)) / "applied").unlink()


def test_the_restart_is_due_for_all_that_is_undone_and_not_only_for_what_was_interrupted(node: Node) -> None:
    node.file.write_text(FILE)
    node.run(registries=registries("quay.io"), proof=True)
    node.run(config={"sandbox_image": IMAGE}, proof=True)
    node.restart()
    unmark(node, 0)
    result = node.run(config={})
    assert node.file.read_text() == FILE
    assert (result["restart_required"], node.mark.exists()) == (True, True)
    assert all(str(path) in result["warnings"][0] for path in (node.tree, node.file))


def test_of_two_changes_that_are_undone_containerd_has_read_the_older(node: Node) -> None:
    node.file.write_text(FILE)
    node.run(config={"sandbox_image": IMAGE}, proof=True)
    node.restart()
    node.run(config={"sandbox_image": f"{IMAGE}.1"}, proof=True)
    unmark(node, 0)
    assert node.run(config={})["restart_required"] is True


def test_a_run_that_was_only_slow_is_not_told_of(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.file.write_text(FILE)
    interrupted(node, restart=True)
    (change,) = node.machine.journal.changes()
    recover = node.machine._node_journal

    def once_the_other_is_through(asked: Raw) -> Raw:
        (pathlib.Path(node.machine.journal.place_of(change)) / "applied").touch()
        node.restart()
        answer: Raw = recover(asked)
        return answer

    monkeypatch.setattr(node.machine, "_node_journal", once_the_other_is_through)
    result = node.run(registries=registries("quay.io"), config={"sandbox_image": IMAGE})
    assert (result["changed"], result["restart_required"], result["unproved"]) == (False, False, True)
    assert "warnings" not in result


@pytest.mark.parametrize("check", [False, True])
def test_a_journal_that_cannot_be_read_stops_it_though_nothing_would_change(node: Node, check: bool) -> None:
    node.file.write_text(FILE)
    interrupted(node, restart=True)
    (change,) = node.machine.journal.changes()
    file = pathlib.Path(node.machine.journal.place_of(change)) / "journal.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 99'))
    before = node.files()
    message = refused(node, before, registries=registries("quay.io"), config={"sandbox_image": IMAGE}, check=check)
    assert message.startswith(f"{file}: written by a newer version of airgap.nodes (format 99")
    assert message.endswith("Nothing was changed; run that version, or a newer one.")


def test_check_mode_only_tells_of_an_interrupted_run(node: Node) -> None:
    node.file.write_text(FILE)
    interrupted(node)
    result = node.run(registries=registries("quay.io"), check=True)
    assert node.machine.calls == ["_node_read"]
    assert node.tree.exists()
    # There is something to do, so that the node is prepared for it.
    assert (result["changed"], result["unproved"]) == (False, True)
    assert result["warnings"][0].endswith("What is told here is about half-changed files.")


def test_without_a_journal_there_is_no_way_back(node: Node) -> None:
    node.machine.has_journal = False
    result = node.run(registries=registries("quay.io"))
    assert (result["changed"], result["change"], result["unproved"]) == (True, None, False)
    assert result["warnings"] == ["No way back is kept on this node: only root has a journal there."]


# --- what the node's containerd is asked


def test_containerd_judges_config_toml_as_all_parts_leave_it(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    node.run(**whole(node))
    assert [check["path"] for check in node.machine.given["checks"]] == [str(node.file)]
    assert "content" not in node.machine.given["checks"][0]


def test_containerd_judges_what_a_migration_leaves(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    node.run(migrate={})
    assert [check["path"] for check in node.machine.given["checks"]] == [str(node.file)]


def test_a_newer_config_version_may_carry_along_what_never_counted(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.file.write_text(FILE)
    result = node.run(config={"config_version": "3"})
    assert result["config"]["config_version"] == 3
    assert node.machine.given["checks"][0]["keys"] == {}


def test_containerd_judges_a_drop_in_where_it_will_be(node: Node) -> None:
    node.machine.version = "2.1.5"
    node.file.write_text('version = 3\nimports = ["conf.d/*.toml"]\n')
    drop_in = f"{node.directory}/conf.d/60.toml"
    node.run(config={"layout": "drop_in", "drop_in_path": drop_in, "sandbox_image": IMAGE})
    (check,) = node.machine.given["checks"]
    assert list(check["files"].values()) == [drop_in]
    assert next(iter(check["files"])) in base64.b64decode(check["content"]).decode()


def test_containerd_is_asked_nothing_of_a_tree(node: Node) -> None:
    node.run(registries=registries("quay.io"))
    assert node.machine.given["checks"] == []


def test_a_key_that_is_written_must_count_unless_it_is_to_be_written_anyway(node: Node) -> None:
    node.file.write_text(FILE)
    node.run(config={"sandbox_image": IMAGE})
    assert any("sandbox" in key for key in node.machine.given["checks"][0]["keys"])
    node.run(config={"sandbox_image": f"{IMAGE}.1", "unsupported": "write"})
    assert node.machine.given["checks"][0]["keys"] == {}


# --- a plan is done once it is applied


def changes_of(node: Node) -> ChangeSet:
    return ChangeSet(tuple(map(Change.from_wire, node.machine.given["changes"])))


def test_the_changes_are_those_of_the_diff(node: Node) -> None:
    node.file.write_text(FILE + TABLES)
    shown = {part["after_header"] for part in node.run(**whole(node))["diff"]}
    written = {change.path for change in changes_of(node).changes if change.op != "mkdir"}
    assert written - {str(node.mark)} == shown
