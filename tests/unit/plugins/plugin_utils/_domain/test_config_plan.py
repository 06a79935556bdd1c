# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of real files on real releases, and everything that is refused."""

from __future__ import annotations

import copy
import textwrap
import typing as t
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_file import Source, decode
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import (
    ConfigIntent,
    ConfigPlan,
    plan_config,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference, look_up, parse
from hypothesis import given, settings
from hypothesis import strategies as st

SANDBOX = "registry.example.com/k8s/pause:3.10"
TREE = "/etc/containerd/certs.d"
BOTH = ConfigIntent(sandbox_image=SANDBOX, registry_config_path=TREE)
RELEASES = ("1.6.20", "1.7.24", "2.1.5", "2.3.4")

V1 = ("plugins", "cri")
V2 = ("plugins", "io.containerd.grpc.v1.cri")
V3 = ("plugins", "io.containerd.cri.v1.images")
SANDBOX_PLACES = {"1": (*V1, "sandbox_image"), "2": (*V2, "sandbox_image"), "3": (*V3, "pinned_images", "sandbox")}
REGISTRY_PLACES = {key: (*path, "registry", "config_path") for key, path in {"1": V1, "2": V2, "3": V3}.items()}

FIXTURES = {
    path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[2] / "fixtures" / "config").glob("*.toml"))
}

# What comes of sandbox_image and registry_config_path on RELEASES: the version whose place the one and the other get,
# or why not.
OUTCOMES_TABLE = """
1-tabs                       1/1    1/1    drops  1/1
2-alternatives               2/2    2/2    2/2    2/2
2-blank-lines-with-spaces    2/2    2/2    2/2    2/2
2-both-tables                2/2    2/2    2/3    2/3
2-chinese                    2/2    2/2    2/2    2/2
2-column-zero                2/2    2/2    2/2    2/2
2-commented-tables           2/2    2/2    2/2    2/2
2-containerd-1.6.20-default  2/2    2/2    2/2    2/2
2-containerd-1.7.24-default  2/2    2/2    2/2    2/2
2-crun                       2/2    2/2    2/2    2/2
2-dense-dump                 mirror mirror mirror mirror
2-dense-no-final-newline     2/2    2/2    2/2    2/2
2-dotted-and-inline          2/2    2/2    2/2    2/2
2-empty-config-path          2/2    2/2    2/2    2/2
2-eol-comments               mirror mirror mirror mirror
2-flat-commented             2/2    2/2    2/2    2/2
2-four-spaces-headers        2/2    2/2    2/2    2/2
2-generated-by-agent         2/2    2/2    2/2    2/2
2-imgcrypt                   2/2    2/2    2/2    2/2
2-implicit-parents           mirror mirror mirror mirror
2-managed-by-puppet          2/2    2/2    2/2    2/2
2-mirrors-trailing-spaces    mirror mirror mirror mirror
2-mixed-steps                2/2    2/2    2/2    2/2
2-new-tables-only            2/2    2/2    3/3    3/3
2-one-space                  2/2    2/2    2/2    2/2
2-parent-after-child         2/2    2/2    2/2    2/2
2-runtime-classes            2/2    2/2    2/2    2/2
2-split-plugins              2/2    2/2    2/2    2/2
2-strings-and-arrays         2/2    2/2    2/2    2/2
2-tabs                       2/2    2/2    2/2    2/2
2-tls-only                   tls    tls    2/2    2/2
2-trailing-comma             mirror mirror mirror mirror
3-chinese-flat               newer  newer  3/3    3/3
3-containerd-2.1.5-default   newer  newer  3/3    3/3
3-cri-disabled               newer  newer  off    off
3-dump-with-origin           newer  newer  3/3    3/3
3-mixed                      newer  newer  3/3    2/3
3-nested-literal             newer  newer  3/3    3/3
3-runtime-classes            newer  newer  3/3    3/3
4-containerd-2.3.4-default   newer  newer  newer  3/3
4-node                       newer  newer  newer  3/3
4-server-tables              newer  newer  newer  3/3
none-both                    1/1    1/1    drops  chance
none-comments                2/2    2/2    3/3    3/3
none-cri                     1/1    1/1    drops  1/1
none-docker-stub             2/2    2/2    3/3    3/3
none-docker-stub-linux       1/1    1/1    which  1/1
none-dump                    cri    cri    drops  cri
none-empty                   2/2    2/2    3/3    3/3
none-grpc-only               2/2    2/2    3/3    3/3
none-mirrors-only            cri    cri    drops  cri
none-orphan-key              1/1    1/1    drops  1/1
none-proxy-snapshotter       2/2    2/2    3/3    3/3
none-socket                  2/2    2/2    3/3    3/3
none-typo-in-stub            2/2    2/2    3/3    3/3
none-uri                     uri    uri    which  2/2
none-uri-of-three            uri3   uri3   which  3/3
"""
OUTCOMES = {name: outcomes for name, *outcomes in map(str.split, OUTCOMES_TABLE.strip().splitlines())}

# They say of themselves that another tool writes them.
OF_OTHERS = ("2-generated-by-agent", "2-managed-by-puppet")

LEGACY = (
    "cannot stand beside registry.config_path: containerd {release} would start without CRI, and no pod could run. "
    "Nothing was changed. Migrate with containerd_migrate, in the role with containerd_migrate_legacy: true."
)
WHICH = (
    "Say which version the file is meant to be, for example with settings: {version: 2}, after reading what is in it."
)
DROPS = "version: containerd {release} drops every CRI setting of a file without version 2 or newer. "
REASONS = {
    "mirror": f'plugins."io.containerd.grpc.v1.cri".registry.mirrors: {LEGACY}',
    "cri": f"plugins.cri.registry.mirrors: {LEGACY}",
    "tls": f'plugins."io.containerd.grpc.v1.cri".registry.configs."registry.example.com".tls: {LEGACY}',
    "newer": "version: containerd {release} reads config versions up to {known}, this file says {stated}. "
    "Install the containerd that this file was written for, or write the file for this one.",
    "drops": DROPS + 'Put version = 2 into the file and rename [plugins.cri] to [plugins."io.containerd.grpc.v1.cri"].',
    "which": DROPS + WHICH,
    "uri": "version: the file has no version line, so containerd {release} reads it as version 1 and ignores "
    '[plugins."io.containerd.grpc.v1.cri"]. ' + WHICH,
    "uri3": "version: the file has no version line, so containerd {release} reads it as version 1 and ignores "
    '[plugins."io.containerd.cri.v1.images"]. ' + WHICH,
    "chance": 'plugins.cri: stands beside plugins."io.containerd.grpc.v1.cri" in a file without a version: containerd '
    "{release} reads one of the two, and which one changes from start to start. "
    "Move what counts into one of the two tables, and remove the other.",
    "off": "disabled_plugins: disables io.containerd.cri.v1.images, so no setting of CRI can have an effect. "
    "Remove the name from the list, for example with settings: {disabled_plugins: []}.",
}


def lines(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


def plan(text: str | bytes | None, intent: ConfigIntent, release: str) -> ConfigPlan:
    content = text.encode() if isinstance(text, str) else text
    return plan_config(content, intent, Release.parse(release))


def refusal(text: str | bytes | None, intent: ConfigIntent, release: str) -> str:
    with pytest.raises(DomainError) as raised:
        plan(text, intent, release)
    return str(raised.value)


CASES = [
    pytest.param(name, release, outcome, id=f"{name} on {release}")
    for name, outcomes in OUTCOMES.items()
    for release, outcome in zip(RELEASES, outcomes, strict=True)
]


def test_every_fixture_has_its_outcome() -> None:
    assert set(FIXTURES) == set(OUTCOMES)


@pytest.mark.parametrize(("name", "release", "outcome"), CASES)
def test_fixtures(name: str, release: str, outcome: str) -> None:
    content = FIXTURES[name]
    if outcome in REASONS:
        known, stated = Release.parse(release).config_version, name[0]
        reason = REASONS[outcome].replace("{known}", str(known)).replace("{stated}", stated)
        assert refusal(content, BOTH, release) == reason.replace("{release}", release)
        return
    planned = plan(content, BOTH, release)
    sandbox, registry = outcome.split("/")
    wanted = {SANDBOX_PLACES[sandbox]: SANDBOX, REGISTRY_PLACES[registry]: TREE}
    before, after = parse(content.decode()), parse(planned.text)
    changed = {difference.path: difference.after for difference in planned.differences}
    added = {path: changed.pop(path) for path in (("version",), ("disabled_plugins",)) if path in changed}
    assert changed == {path: value for path, value in wanted.items() if look_up(before, path) != value}
    assert all(look_up(after, path) == value for path, value in wanted.items())
    assert planned.restart_required
    assert planned.config_version == after.get("version", 1)
    assert (("disabled_plugins",) in added) == ("docker-stub" in name)
    assert len(planned.warnings) == ("docker-stub" in name) + (name in OF_OTHERS)
    again = plan(planned.text, BOTH, release)
    assert (again.text, again.differences, again.restart_required) == (planned.text, (), False)


# --- whole files

PLUGIN: dict[str, t.Any] = {"plugins": {"io.containerd.gc.v1.scheduler": {"schedule_delay": "1s"}}}

TEXTS: dict[str, tuple[str | bytes | None, ConfigIntent, str, str]] = {
    "no file, 1.7": (
        None,
        BOTH,
        "1.7.24",
        lines(f"""
            version = 2

            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{SANDBOX}"

            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "{TREE}"
            """),
    ),
    "no file, 2.0": (
        None,
        BOTH,
        "2.0.7",
        lines(f"""
            version = 3

            [plugins."io.containerd.cri.v1.images".pinned_images]
              sandbox = "{SANDBOX}"

            [plugins."io.containerd.cri.v1.images".registry]
              config_path = "{TREE}"
            """),
    ),
    "an empty file, 2.3": (
        b"",
        ConfigIntent(registry_config_path=f"{TREE}/"),
        "2.3.4",
        f'version = 4\n\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "{TREE}"\n',
    ),
    "Docker's stub": (
        FIXTURES["none-docker-stub"],
        ConfigIntent(sandbox_image=SANDBOX),
        "1.7.24",
        FIXTURES["none-docker-stub"]
        .decode()
        .replace('disabled_plugins = ["cri"]', "version = 2\ndisabled_plugins = []")
        + f'\n[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "{SANDBOX}"\n',
    ),
    "Docker's stub keeps CRI off for other settings": (
        FIXTURES["none-docker-stub"],
        ConfigIntent(settings={"plugins": {"io.containerd.gc.v1.scheduler": {"schedule_delay": "1s"}}}),
        "1.7.24",
        FIXTURES["none-docker-stub"]
        .decode()
        .replace('disabled_plugins = ["cri"]', 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]')
        + '\n[plugins."io.containerd.gc.v1.scheduler"]\n  schedule_delay = "1s"\n',
    ),
    "Docker's stub keeps CRI off in a file that stays without a version": (
        'disabled_plugins = ["cri"]\n\n[plugins.linux]\n  no_shim = true\n',
        ConfigIntent(settings={"plugins": {"io.containerd.gc.v1.scheduler": {"schedule_delay": "1s"}}}),
        "1.7.24",
        'disabled_plugins = ["cri"]\n\n[plugins.linux]\n  no_shim = true\n\n'
        '[plugins.scheduler]\n  schedule_delay = "1s"\n',
    ),
    "Docker's stub keeps CRI off for a version": (
        'disabled_plugins = ["cri", "aufs"]\n',
        ConfigIntent(settings={"version": 2, "disabled_plugins": ["io.containerd.grpc.v1.cri"]}),
        "1.7.24",
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
    ),
    "Docker's stub and a version": (
        'disabled_plugins = ["cri"]\n',
        ConfigIntent(settings={"version": 2}),
        "2.3.4",
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
    ),
    "Docker's stub and version 1": (
        'disabled_plugins = ["cri"]\n',
        ConfigIntent(settings={"version": 1}),
        "1.7.24",
        'version = 1\ndisabled_plugins = ["cri"]\n',
    ),
    "Docker's stub and settings that need no version": (
        'disabled_plugins = ["cri"]\n',
        ConfigIntent(settings={"oom_score": -999}),
        "2.3.4",
        'disabled_plugins = ["cri"]\noom_score = -999\n',
    ),
    "Docker's stub and a list of the user's": (
        'disabled_plugins = ["cri"]\n',
        ConfigIntent(sandbox_image=SANDBOX, settings={"disabled_plugins": ["io.containerd.snapshotter.v1.zfs"]}),
        "1.7.24",
        'version = 2\ndisabled_plugins = ["io.containerd.snapshotter.v1.zfs"]\n\n'
        f'[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "{SANDBOX}"\n',
    ),
    "[grpc] stays in effect on 2.3": (
        "[grpc]\n  uid = 0\n",
        ConfigIntent(sandbox_image=SANDBOX),
        "2.3.4",
        "version = 3\n\n[grpc]\n  uid = 0\n\n"
        f'[plugins."io.containerd.cri.v1.images".pinned_images]\n  sandbox = "{SANDBOX}"\n',
    ),
    "a version that still reads [grpc]": (
        "[grpc]\nuid = 0\n",
        ConfigIntent(settings={"version": 3}),
        "2.3.4",
        "version = 3\n\n[grpc]\nuid = 0\n",
    ),
    "version 4 over a debug level": (
        "[debug]\nlevel = 'info'\n",
        ConfigIntent(settings={"version": 4}),
        "2.3.4",
        "version = 4\n\n[debug]\nlevel = 'info'\n",
    ),
    "a version for tables named by URI": (
        'oom_score = 0\n[plugins."io.containerd.grpc.v1.cri"]\nenable_cdi = true\n',
        ConfigIntent(sandbox_image=SANDBOX, settings={"version": 2}),
        "1.7.24",
        'version = 2\noom_score = 0\n[plugins."io.containerd.grpc.v1.cri"]\nenable_cdi = true\n'
        f'sandbox_image = "{SANDBOX}"\n',
    ),
    "mirrors make way for the directory": (
        FIXTURES["2-mirrors-trailing-spaces"],
        ConfigIntent(
            registry_config_path=TREE,
            absent=((*V2, "registry", "mirrors"), (*V2, "registry", "configs", "one.example.com:5000", "tls")),
        ),
        "1.7.24",
        FIXTURES["2-mirrors-trailing-spaces"].decode().split('      [plugins."io.containerd.grpc.v1.cri".registry.m')[0]
        + f'      config_path = "{TREE}"\n'
        '        [plugins."io.containerd.grpc.v1.cri".registry.configs."one.example.com:5000".auth]\n'
        '          username = "puller"\n          password = "fixture-password-4"\n',
    ),
    "the old place goes, the new one comes": (
        FIXTURES["3-mixed"],
        ConfigIntent(sandbox_image=SANDBOX, absent=(V2,)),
        "2.3.4",
        lines(f"""
            version = 3

            [plugins."io.containerd.cri.v1.images".pinned_images]
              sandbox = "{SANDBOX}"

            [plugins."io.containerd.cri.v1.images".registry]
              config_path = "{TREE}"
            """),
    ),
    "settings have a name in each version": (
        "version = 2\n",
        ConfigIntent(
            registry_config_path=TREE,
            settings={"plugins": {V3[1]: {"registry": {"headers": {"X-Fleet": ["a"]}}}}},
        ),
        "2.3.4",
        lines(f"""
            version = 2

            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "{TREE}"

            [plugins."io.containerd.grpc.v1.cri".registry.headers]
              X-Fleet = ["a"]
            """),
    ),
    "version 1 tables go, version 2 comes": (
        FIXTURES["1-tabs"],
        ConfigIntent(sandbox_image=SANDBOX, settings={"version": 2}, absent=(V1,)),
        "2.1.5",
        'version = 2\nroot = "/data/containerd"\n\n[plugins]\n\n'
        f'\t[plugins."io.containerd.grpc.v1.cri"]\n\t\tsandbox_image = "{SANDBOX}"\n',
    ),
    "no version any more, without plugins": (
        "version = 2\noom_score = 0\n",
        ConfigIntent(absent=(("version",),)),
        "1.7.24",
        "oom_score = 0\n",
    ),
    "a plugin by its id in a version 1 file": (
        "[plugins.cri]\nsandbox_image = 'x'\n",
        ConfigIntent(settings=PLUGIN),
        "1.7.24",
        "[plugins.cri]\nsandbox_image = 'x'\n\n[plugins.scheduler]\nschedule_delay = '1s'\n",
    ),
    "a byte order mark on 1.x": (
        "\ufeffversion = 2\r\n",
        ConfigIntent(settings={"oom_score": 0}),
        "1.7.24",
        "\ufeffversion = 2\r\noom_score = 0\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "intent", "release", "after"), TEXTS.values(), ids=TEXTS)
def test_text(before: str | bytes | None, intent: ConfigIntent, release: str, after: str) -> None:
    planned = plan(before, intent, release)
    assert planned.text == after
    again = plan(planned.text, intent, release)
    assert (again.text, again.differences, again.restart_required) == (after, (), False)


def test_enabling_cri_is_told() -> None:
    planned = plan('disabled_plugins = ["aufs", "cri"]\n[plugins.linux]\nno_shim = true\n', BOTH, "1.7.24")
    assert planned.warnings == (
        'CRI was disabled by disabled_plugins = ["cri"], as Docker\'s package ships it; it is enabled now.',
    )
    assert planned.differences[0] == Difference(("disabled_plugins",), ["aufs", "cri"], ["aufs"])


# --- refusals

CHANGE_FIX = "Leave the version as it is, or move the tables in the file yourself."
FULL_ID = "Write the plugin's full id, such as io.containerd.snapshotter.v1.aufs."

REFUSED: dict[str, tuple[str | bytes | None, ConfigIntent, str, str]] = {
    "an empty table that version 1 has no name for": (
        "[plugins.linux]\n  no_shim = true\n",
        ConfigIntent(settings={"plugins": {"io.containerd.x.v1.a": {}}}, unsupported="write"),
        "1.6.20",
        'plugins."io.containerd.x.v1.a": has no name in version 1, as which containerd 1.6.20 reads this file. '
        "Bring the file to version 2 first.",
    ),
    "not TOML": (
        "version = 2\n[plugins\n",
        BOTH,
        "1.7.24",
        "2:9: not valid TOML: Expected ']' at the end of a table declaration. "
        "Nothing was changed; mend the file first.",
    ),
    "not UTF-8": (
        "version = 2\n# café\n".encode("latin-1"),
        BOTH,
        "1.7.24",
        "2: not UTF-8: byte 0xe9 at offset 17. Nothing was changed; save the file as UTF-8.",
    ),
    "UTF-16": (
        "version = 2\n".encode("utf-16"),
        BOTH,
        "1.7.24",
        "1: not UTF-8: byte 0xff at offset 0. Nothing was changed; save the file as UTF-8.",
    ),
    "a byte order mark on 2.x": (
        "\ufeffversion = 2\n",
        BOTH,
        "2.3.4",
        "1: the file begins with a byte order mark, which containerd 2.3.4 refuses. "
        "Nothing was changed; save the file without it.",
    ),
    "a version that is a text": (
        'version = "2"\n',
        BOTH,
        "1.7.24",
        "version: '2' is not a config version. Write a plain integer: version = 2.",
    ),
    "a version that nobody knows": (
        "version = 5\n",
        BOTH,
        "2.3.4",
        "version: config version 5 is newer than this collection knows (4). "
        "Nothing was changed; upgrade the collection.",
    ),
    "a version that is too new, even for other settings": (
        "version = 3\n",
        ConfigIntent(settings={"oom_score": 0}),
        "1.7.24",
        "version: containerd 1.7.24 reads config versions up to 2, this file says 3. "
        "Install the containerd that this file was written for, or write the file for this one.",
    ),
    "a wanted version that is a text": (
        "",
        ConfigIntent(settings={"version": "2"}),
        "1.7.24",
        "settings.version: '2' is not a config version. Write a plain integer: version = 2.",
    ),
    "a wanted version that nobody knows": (
        "",
        ConfigIntent(settings={"version": 7}),
        "2.3.4",
        "settings.version: config version 7 is newer than this collection knows (4). "
        "Nothing was changed; upgrade the collection.",
    ),
    "a wanted version that is too new": (
        "",
        ConfigIntent(settings={"version": 3}),
        "1.7.24",
        "version: containerd 1.7.24 reads config versions up to 2, this file says 3. "
        "Install the containerd that this file was written for, or write the file for this one.",
    ),
    "a newer version over tables": (
        '[plugins."io.containerd.grpc.v1.cri"]\n'.join(["version = 2\n", ""]),
        ConfigIntent(settings={"version": 3}),
        "2.3.4",
        f"version: the file is of version 2; its plugin tables would be lost in version 3. {CHANGE_FIX}",
    ),
    "version 2 over tables of version 1": (
        "[plugins.cri]\nsandbox_image = 'x'\n",
        ConfigIntent(settings={"version": 2}),
        "1.7.24",
        f"version: the file is of version 1; its plugin tables would be lost in version 2. {CHANGE_FIX}",
    ),
    "version 2 over other tables of version 1": (
        "[plugins.linux]\nno_shim = true\n",
        ConfigIntent(settings={"version": 2}),
        "2.3.4",
        f"version: the file is of version 1; its plugin tables would be lost in version 2. {CHANGE_FIX}",
    ),
    "no version any more": (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n',
        ConfigIntent(absent=(("version",),)),
        "1.7.24",
        f"version: the file is of version 2; its plugin tables would be lost in version 1. {CHANGE_FIX}",
    ),
    "version 4 over [grpc]": (
        "version = 3\n[grpc]\nuid = 0\n",
        ConfigIntent(settings={"version": 4}),
        "2.3.4",
        "version: the file is of version 3; its table [grpc] would be lost in version 4. "
        "Leave the version as it is, or move the table in the file yourself.",
    ),
    "version 4 over a debug socket": (
        "[debug]\nlevel = 'info'\naddress = '/run/debug.sock'\n",
        ConfigIntent(settings={"version": 4}),
        "2.3.4",
        "version: the file is of version 1; its table [debug] would be lost in version 4. "
        "Leave the version as it is, or move the table in the file yourself.",
    ),
    "a short name in disabled_plugins": (
        'disabled_plugins = ["aufs"]\n',
        BOTH,
        "1.7.24",
        "disabled_plugins: names the plugin 'aufs' as version 1 did: containerd does not start with it in version 2. "
        + FULL_ID,
    ),
    "a short name in required_plugins": (
        'version = 2\nrequired_plugins = ["cri"]\n',
        ConfigIntent(settings={"oom_score": 0}),
        "2.3.4",
        "required_plugins: names the plugin 'cri' as version 1 did: containerd does not start with it in version 2. "
        + FULL_ID,
    ),
    "a name of three parts on 1.x": (
        'version = 2\ndisabled_plugins = ["io.containerd.cri"]\n',
        BOTH,
        "1.7.24",
        "disabled_plugins: names the plugin 'io.containerd.cri' as version 1 did: containerd does not start with it in "
        f"version 2. {FULL_ID}",
    ),
    "disabled_plugins that is no list": (
        'disabled_plugins = "cri"\n',
        BOTH,
        "1.7.24",
        "disabled_plugins: is not a list of names. Write it as disabled_plugins = [].",
    ),
    "plugins that is no table": (
        "plugins = 1\n",
        BOTH,
        "1.7.24",
        "plugins: is a plain value, not a table. Set it as a whole, or remove it first.",
    ),
    "plugins that is no table, in settings": (
        "",
        ConfigIntent(sandbox_image=SANDBOX, settings={"plugins": 3}),
        "1.7.24",
        "plugins: is a plain value, not a table. Name the table's keys.",
    ),
    "CRI is disabled": (
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
        BOTH,
        "1.7.24",
        "disabled_plugins: disables io.containerd.grpc.v1.cri, so no setting of CRI can have an effect. "
        "Remove the name from the list, for example with settings: {disabled_plugins: []}.",
    ),
    "CRI is disabled, for the directory alone": (
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
        ConfigIntent(registry_config_path=TREE),
        "1.7.24",
        "disabled_plugins: disables io.containerd.grpc.v1.cri, so no setting of CRI can have an effect. "
        "Remove the name from the list, for example with settings: {disabled_plugins: []}.",
    ),
    "CRI is disabled, for a setting of it": (
        'version = 3\ndisabled_plugins = ["io.containerd.cri.v1.runtime"]\n',
        ConfigIntent(settings={"plugins": {"io.containerd.cri.v1.runtime": {"enable_cdi": True}}}),
        "2.3.4",
        "disabled_plugins: disables io.containerd.cri.v1.runtime, so no setting of CRI can have an effect. "
        "Remove the name from the list, for example with settings: {disabled_plugins: []}.",
    ),
    "CRI is disabled in a file of version 1": (
        'version = 1\ndisabled_plugins = ["cri"]\n',
        BOTH,
        "1.7.24",
        "disabled_plugins: disables cri, so no setting of CRI can have an effect. "
        "Remove the name from the list, for example with settings: {disabled_plugins: []}.",
    ),
    "a version 1 table in a version 2 file": (
        "version = 2\n[plugins.cri]\nsandbox_image = 'x'\n",
        BOTH,
        "2.3.4",
        "plugins.cri: is a version 1 table in a version 2 file: containerd 1.x does not start with it, 2.x ignores it. "
        'Name it plugins."io.containerd.grpc.v1.cri".',
    ),
    "another version 1 table in a version 2 file": (
        "version = 2\n[plugins.linux]\nno_shim = true\n",
        BOTH,
        "1.7.24",
        "plugins.linux: is a version 1 table in a version 2 file: containerd 1.x does not start with it, "
        "2.x ignores it. Name it by the plugin's full id.",
    ),
    "mirrors of version 1": (
        "[plugins.cri.registry.mirrors.'docker.io']\nendpoint = ['https://hub.example.com']\n",
        BOTH,
        "1.7.24",
        f"plugins.cri.registry.mirrors: {LEGACY.replace('{release}', '1.7.24')}",
    ),
    "mirrors of version 3": (
        "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'docker.io']\n",
        BOTH,
        "2.1.5",
        f'plugins."io.containerd.cri.v1.images".registry.mirrors: {LEGACY.replace("{release}", "2.1.5")}',
    ),
    "an empty table of certificates": (
        "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.configs.'registry.example.com'.tls]\n",
        BOTH,
        "1.7.24",
        'plugins."io.containerd.grpc.v1.cri".registry.configs."registry.example.com".tls: '
        + LEGACY.replace("{release}", "1.7.24"),
    ),
    "mirrors in settings": (
        "version = 2\n",
        ConfigIntent(
            registry_config_path=TREE,
            settings={"plugins": {V2[1]: {"registry": {"mirrors": {"docker.io": {"endpoint": ["https://x.example"]}}}}}},
        ),
        "1.7.24",
        f'plugins."io.containerd.grpc.v1.cri".registry.mirrors: {LEGACY.replace("{release}", "1.7.24")}',
    ),
    "a list of directories": (
        "",
        ConfigIntent(registry_config_path="/etc/containerd/certs.d:/etc/docker/certs.d"),
        "1.7.24",
        "registry_config_path: '/etc/containerd/certs.d:/etc/docker/certs.d' looks like a list of directories, "
        "of which containerd 2.1 and later find none. Name exactly one directory.",
    ),
    "a relative directory": (
        "",
        ConfigIntent(registry_config_path="certs.d"),
        "1.7.24",
        "registry_config_path: 'certs.d' is not an absolute path of a directory. Write /etc/containerd/certs.d.",
    ),
    "a list of directories in settings": (
        "version = 2\n",
        ConfigIntent(settings={"plugins": {"io.containerd.grpc.v1.cri": {"registry": {"config_path": "/a:/b"}}}}),
        "1.7.24",
        'plugins."io.containerd.grpc.v1.cri".registry.config_path: '
        "'/a:/b' looks like a list of directories, of which containerd 2.1 and later find none. "
        "Name exactly one directory.",
    ),
    "an empty directory": (
        "",
        ConfigIntent(registry_config_path=""),
        "1.7.24",
        "registry_config_path: '' is not an absolute path of a directory. Write /etc/containerd/certs.d.",
    ),
    "a directory before 1.5": (
        "version = 2\n",
        ConfigIntent(registry_config_path=TREE),
        "1.4.13",
        "registry_config_path: containerd 1.4.13 reads no such directory; 1.5.0 is the first that does. "
        "Upgrade containerd on this node first.",
    ),
    "an image with a scheme": (
        "",
        ConfigIntent(sandbox_image=f"https://{SANDBOX}"),
        "1.7.24",
        f"sandbox_image: 'https://{SANDBOX}' is not an image reference. "
        "Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
    ),
    "an image with credentials": (
        "",
        ConfigIntent(sandbox_image="https://puller:s3cret@x@registry.example.com/pause:3.10"),
        "1.7.24",
        "sandbox_image: 'https://********@registry.example.com/pause:3.10' is not an image reference. "
        "Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
    ),
    "an image with capitals in its path": (
        "",
        ConfigIntent(sandbox_image="registry.example.com/K8s/pause"),
        "1.7.24",
        "sandbox_image: 'registry.example.com/K8s/pause' is not an image reference. "
        "Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
    ),
    "an empty image": (
        "",
        ConfigIntent(sandbox_image=""),
        "1.7.24",
        "sandbox_image: '' is not an image reference. "
        "Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
    ),
    "two values": (
        "version = 2\n",
        ConfigIntent(sandbox_image=SANDBOX, settings={"plugins": {V2[1]: {"sandbox_image": "pause:3.9"}}}),
        "1.7.24",
        'plugins."io.containerd.grpc.v1.cri".sandbox_image: is asked for with two different values. Name it once.',
    ),
    "set and absent": (
        "version = 2\n",
        ConfigIntent(sandbox_image=SANDBOX, absent=(V2,)),
        "1.7.24",
        'plugins."io.containerd.grpc.v1.cri".sandbox_image: is both set and named in absent. Leave out one of the two.',
    ),
    "a version that is needed and absent": (
        "",
        ConfigIntent(sandbox_image=SANDBOX, absent=(("version",),)),
        "1.7.24",
        "version: is both set and named in absent. Leave out one of the two.",
    ),
    "an image that is only a name": (
        "",
        ConfigIntent(sandbox_image="3.1"),
        "1.7.24",
        "sandbox_image: '3.1' is not an image reference. "
        "Write it as registry.example.com/k8s/pause:3.10, without a scheme.",
    ),
    "a number for a text": (
        'version = 2\n[debug]\nlevel = "info"\n',
        ConfigIntent(settings={"debug": {"level": 3.10}}),
        "1.7.24",
        "debug.level: has to be a text, or containerd 1.7.24 does not start with it. "
        'YAML takes 3.10 for a number, "3" for a text, and yes for true.',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "intent", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str | bytes | None, intent: ConfigIntent, release: str, message: str) -> None:
    assert refusal(text, intent, release) == message


IMAGES = {
    "tag": "pause:3.10",
    "port": "registry.example.com:5000/k8s/pause:3.10",
    "IPv6": "[fd00::1]:5000/pause:3.10",
    "digest": f"registry.example.com/pause@sha256:{'0' * 64}",
    "tag and digest": f"registry.example.com/pause:3.10@sha256:{'0' * 64}",
    "capitals in the tag": "registry.example.com/pause:V3_RC.1",
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_images(image: str) -> None:
    planned = plan("version = 2\n", ConfigIntent(sandbox_image=image), "1.7.24")
    assert look_up(parse(planned.text), SANDBOX_PLACES["2"]) == image


# --- what needs a restart

CONFIGS: KeyPath = (*V2, "registry", "configs")
RESTARTS: dict[str, tuple[str, dict[str, t.Any], tuple[KeyPath, ...], bool]] = {
    "a value": ("oom_score = 0\n", {"oom_score": 1}, (), True),
    "the same value": ("oom_score = 0\n", {"oom_score": 0}, (), False),
    "an empty value outside plugins": ("", {"oom_score": 0}, (), False),
    "a plugin's default in writing": ("version = 2\n", {"plugins": {V2[1]: {"enable_selinux": False}}}, (), True),
    "an empty table": ("version = 2\n", {"plugins": {V2[1]: {"cni": {}}}}, (), False),
    "empty tables that go": ("version = 2\n[plugins]\n[debug]\n", {}, (("plugins",), ("debug",)), False),
    "an empty runtime class": (
        "version = 2\n", {"plugins": {V2[1]: {"containerd": {"runtimes": {"kata": {}}}}}}, (), True,
    ),
    # 1.x takes its own runtime class away.
    "an empty table of runtimes": ("version = 2\n", {"plugins": {V2[1]: {"containerd": {"runtimes": {}}}}}, (), True),
    "an empty registry table": ("version = 2\n", {"plugins": {V2[1]: {"registry": {}}}}, (), False),
    "an empty mirror": ("version = 2\n", {"plugins": {V2[1]: {"registry": {"mirrors": {"a.io": {}}}}}}, (), True),
    "an empty table of configs": (
        "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/a'\n",
        {"plugins": {V2[1]: {"registry": {"configs": {}}}}},
        (),
        False,
    ),
    "a removal": ("a = 1\nb = 2\n", {}, (("a",),), True),
    "a removal of nothing": ("a = 1\nb = 2\n", {}, (("c",),), False),
    "a version": ("oom_score = 0\n", {"version": 2}, (), False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted", "absent", "restart"), RESTARTS.values(), ids=RESTARTS)
def test_restart(text: str, wanted: dict[str, t.Any], absent: tuple[KeyPath, ...], restart: bool) -> None:
    planned = plan(text, ConfigIntent(settings=wanted, absent=absent), "1.7.24")
    assert planned.restart_required is restart


# --- properties

NAMES = st.sampled_from(["a", "level", "io.containerd.gc.v1.scheduler", "docker.io", "x y"])
LEAVES = st.integers(-5, 5) | st.booleans() | st.sampled_from(["", "/a", "b c"]) | st.lists(st.sampled_from(["x", "y"]))
SETTINGS = st.dictionaries(
    st.sampled_from(["site", "timeouts", "plugins"]),
    st.dictionaries(NAMES.map("io.containerd.x.v1.{}".format), st.dictionaries(NAMES, LEAVES, max_size=3), max_size=2),
    max_size=2,
)
ABSENT = st.lists(
    st.sampled_from(
        [("timeouts",), ("grpc", "uid"), ("debug",), (*V2, "cni"), (*V2, "registry", "mirrors"), (*V1, "cni")]
    ),
    max_size=2,
    unique=True,
)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(FIXTURES)),
    release=st.sampled_from([*RELEASES, "1.5.18", "2.0.7", "2.2.1", "2.4.2"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    image=st.none() | st.just(SANDBOX),
    tree=st.none() | st.just(TREE),
    wanted=SETTINGS,
    absent=ABSENT,
)
def test_a_second_plan_is_empty(
    *,
    name: str,
    release: str,
    line_end: str,
    image: str | None,
    tree: str | None,
    wanted: dict[str, t.Any],
    absent: list[KeyPath],
) -> None:
    text = FIXTURES[name].decode().replace("\n", line_end)
    intent = ConfigIntent(image, tree, copy.deepcopy(wanted), tuple(absent), unsupported="write")
    try:
        planned = plan(text, intent, release)
    except DomainError as error:
        assert error.fix
        return
    assert bool(planned.differences) == (planned.text != text)
    assert planned.differences or not planned.restart_required
    again = plan(planned.text, intent, release)
    assert (again.text, again.differences, again.restart_required) == (planned.text, (), False)
    if line_end == "\r\n":
        assert "\n" not in planned.text.replace("\r\n", "") or not text


def test_decode() -> None:
    assert decode(Source("/a", "é\r\n".encode()), Release.parse("2.3.4")) == "é\r\n"


DOUBTS = {
    "a list of directories that was there": (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/a:/b"\n',
        'plugins."io.containerd.grpc.v1.cri".registry.config_path is a list of directories, ',
    ),
}


@pytest.mark.parametrize(("text", "doubt"), DOUBTS.values(), ids=DOUBTS)
def test_doubts(text: str, doubt: str) -> None:
    planned = plan(text.encode(), ConfigIntent(sandbox_image=SANDBOX), "1.7.24")
    (warning,) = planned.warnings
    assert warning.startswith(doubt)


def test_a_version_that_is_added_does_not_wake_up_what_is_imported() -> None:
    """On 1.x, tables named by URI mean nothing until any file states version 2."""
    sleeping = Source(
        "/etc/containerd/conf.d/a.toml", b'[plugins."io.containerd.grpc.v1.cri"]\nenable_selinux = true\n'
    )
    with pytest.raises(DomainError) as raised:
        plan_config(
            b'imports = ["/etc/containerd/conf.d/a.toml"]\n', BOTH, Release.parse("1.7.24"), imported=[sleeping]
        )
    assert "would change with the version that /etc/containerd/config.toml gets" in str(raised.value)
