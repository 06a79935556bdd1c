# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd makes of an edited file: what was there, plus what was asked for, and nothing else."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    IMAGES,
    REGISTRY,
    RUNTIME,
    RUNTIMES,
    V2_CRI,
    canonical,
    canonical_paths,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, DropIn, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent, wanted
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import effective, leaves, meaningful
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import follow, reaching
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, applied, look_up
from nodes.dumps import CONFIG

from differential import cases
from differential.judge import (
    RELEASES,
    Dump,
    Files,
    Node,
    count,
    draw,
    dump_all,
    in_one_file,
    is_decided_by_chance,
    release,
    seed,
    shown,
    without_derived,
)

KeyPath = tuple[str, ...]
DROP_IN = "/etc/containerd/conf.d/50-airgap.toml"
# Tables whose entries containerd completes with its defaults.
NAMED = (RUNTIMES, (*REGISTRY, "configs"), ("proxy_plugins",), ("stream_processors",))


@dataclass(frozen=True)
class Case:
    """Files, wishes, and what the collection would do about them."""

    before: Files
    wishes: cases.Wishes
    intent: ConfigIntent
    plan: ConfigPlan

    @property
    def after(self) -> Files:
        return {**self.before, **{file.path: file.text.encode() for file in self.plan.edits}}

    def __str__(self) -> str:
        return f"{self.wishes}\nbefore:\n{shown(self.before)}\nafter:\n{shown(self.after)}"


def sources(files: Files, name: str) -> list[Source]:
    return [Source(path, files.get(path)) for path in Node(files).in_order(release(name))]


def planned(files: Files, wishes: cases.Wishes, intent: ConfigIntent, name: str) -> ConfigPlan:
    main, *imported = sources(files, name)
    drop_in = drop_in_of(files, name) if wishes.in_drop_in else None
    return plan_config(main.content, intent, release(name), imported=imported, drop_in=drop_in)


def drop_in_of(files: Files, name: str) -> DropIn:
    """A file of ours, with the line that makes config.toml import it, and what that line imports besides."""
    data = Node(files).data(CONFIG)
    line = reaching(CONFIG, data, DROP_IN, release(name))
    with_line = data if line is None else {**data, "imports": line}
    followed = follow(CONFIG, with_line, Node({DROP_IN: b"", **files}), release(name))
    return DropIn(DROP_IN, line, tuple(Source(path, files.get(path)) for path in followed.paths))


def intent_of(wishes: cases.Wishes) -> ConfigIntent:
    return ConfigIntent(
        wishes.sandbox_image,
        wishes.registry_config_path,
        wishes.settings,
        wishes.absent,
        CriOptions.read(wishes.options),
        unsupported="warn" if wishes.warned else "error",
    )


def cases_of(name: str) -> tuple[list[Case], Counter[str]]:
    """As many files and wishes as were asked for, less those that the collection refuses, and these by their reason."""
    drawn, newest = draw(name), release(name).config_version
    found, refused = [], Counter[str]()
    fixtures = list(cases.FIXTURES.values())
    for number in range(count()):
        is_fixture = number % 3 == 0
        files = {CONFIG: drawn.choice(fixtures)} if is_fixture else cases.start_files(drawn, newest=newest)
        try:
            parsed = Node(files).parsed(release(name))
            settings = list(leaves(effective(parsed, release(name))))
            if is_decided_by_chance(files):
                refused["(not asked, since containerd decides by chance)"] += 1
                continue
            wishes = cases.wishes(drawn, settings)
            intent = intent_of(wishes)
            found.append(Case(files, wishes, intent, planned(files, wishes, intent, name)))
        except DomainError as refusal:
            refused[reason(refusal)] += 1
    return found, refused


def reason(refusal: DomainError) -> str:
    words = refusal.what.split()
    return " ".join(word for word in words if not set(word) & set('/."[]') and not word.isdigit())[:70]


def intended(case: Case, name: str) -> dict[str, t.Any]:
    """The settings before, less what has to be absent, plus the wishes."""
    before = effective(Node(case.before).parsed(release(name)), release(name))
    asked = wanted(case.intent, before, release(name))
    gone = [Remove(name) for path in (*case.intent.absent, *asked.removals) for name in canonical_paths(path)]
    kept = meaningful(applied(before, gone))
    if look_up(before, RUNTIMES) and look_up(kept, RUNTIMES) == {}:
        # containerd's own class comes back with the last other one.
        kept = meaningful(applied(kept, [Remove(RUNTIMES)]))
    if case.intent.speaks_of_cri and b"version" not in case.before.get(CONFIG, b""):
        # Docker's package disables CRI in a file without a version; who asks for something of CRI enables it.
        kept["disabled_plugins"] = [one for one in kept.get("disabled_plugins", []) if one != V2_CRI[1]]
    settings: dict[str, t.Any] = meaningful(applied(kept, [Set(wish.path, wish.value) for wish in asked.wishes]))
    return settings


@pytest.fixture(scope="module", params=RELEASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_only_what_was_asked_for_changes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, refused = cases_of(name)
    dumps = dump_all(
        name,
        [case.before for case in found]
        + [case.after for case in found]
        + [in_one_file(intended(case, name), release(name)) for case in found],
    )
    size = len(found)
    dumped = zip(dumps, dumps[size : 2 * size], dumps[2 * size :], strict=False)
    wrong = [
        f"{fault}\n{case}" for case, each in zip(found, dumped, strict=False) for fault in faults(case, *each, name)
    ]
    needless = sum(case.plan.restart_required and one.leaves == other.leaves for case, one, other in rows(found, dumps))
    with capsys.disabled():
        print(f"\n{name}, seed {seed()}: {size} edits, {needless} of them to what is containerd's default anyway")
        print(f"  {sum(refused.values())} refused:")
        for what, times in refused.most_common():
            print(f"  {times:4}  {what}")
    assert not wrong, f"{len(wrong)} of {size}:\n" + "\n\n".join(wrong[:3])


def rows(found: list[Case], dumps: list[Dump]) -> t.Iterator[tuple[Case, Dump, Dump]]:
    return zip(found, dumps, dumps[len(found) :], strict=False)


def faults(case: Case, before: Dump, after: Dump, aim: Dump, name: str) -> t.Iterator[str]:
    if before.result.rc or after.result.rc or aim.result.rc:
        yield "\n".join(dump.result.stderr.strip()[-300:] for dump in (before, after, aim))
        return
    if differing := without_derived(after, aim):
        yield f"not what was intended: {differing}"
    changed = without_derived(after, before)
    asked = asked_for(case, name) if changed else []
    if others := [path for path in changed if not is_among(canonical(path), asked)]:
        yield f"changed, and was not asked for: {others}"
    if changed and not case.plan.restart_required:
        yield f"a restart is needed: {changed}"
    if not case.plan.differences and case.after != case.before:
        yield "a file changed without a difference"
    again = planned(case.after, case.wishes, case.intent, name)
    if again.differences or again.restart_required:
        yield f"a second plan is not empty: {again.differences}"


def asked_for(case: Case, name: str) -> list[KeyPath]:
    """Canonical paths that the wishes are about."""
    before = effective(Node(case.before).parsed(release(name)), release(name))
    asked = wanted(case.intent, before, release(name))
    wishes = [wish.path for wish in asked.wishes]
    absent = [name for path in (*case.intent.absent, *asked.removals) for name in canonical_paths(path)]
    if look_up(before, ("disabled_plugins",)) != look_up(intended(case, name), ("disabled_plugins",)):
        # A dump has no settings of a plugin that is disabled.
        absent += [("disabled_plugins",), IMAGES, RUNTIME, V2_CRI]
    if not look_up(intended(case, name), RUNTIMES):
        absent.append(RUNTIMES)
    return [*wishes, *absent]


def is_among(path: KeyPath, asked: list[KeyPath]) -> bool:
    """Whether a key is one of them, or is in the same entry of a table of the user's naming."""
    size = next((len(table) + 1 for table in NAMED if path[: len(table)] == table), len(path))
    size = min(size, len(path))
    return any(one[:size] == path[:size] or path[: len(one)] == one for one in asked)
