# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of settings that a release does not have, and of names that nobody knows."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent, Unsupported
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

V2 = "io.containerd.grpc.v1.cri"
IMAGES = "io.containerd.cri.v1.images"
RUNTIME = "io.containerd.cri.v1.runtime"
CHOICES = (
    "Ask for it only where it is known, or take it for what it is with unsupported: warn (left out with a warning) or "
    "unsupported: write (written with a warning)."
)

ONE_OF_THEM = "Name one, upgrade containerd on this node to 2.1, or take the first with unsupported: warn."


def nested(path: str, value: t.Any) -> dict[str, t.Any]:
    """Settings out of keys with blanks between them."""
    for key in reversed(path.split()):
        value = {key: value}
    return t.cast(dict[str, t.Any], value)


def plan(settings: dict[str, t.Any], release: str, unsupported: Unsupported = "error") -> t.Any:
    return plan_config(b"", ConfigIntent(settings=settings, unsupported=unsupported), Release.parse(release))


# settings, value, release, message
REFUSED: dict[str, tuple[str, t.Any, str, str]] = {
    "a typo": (
        f"plugins {RUNTIME} enable_selinx",
        True,
        "2.1.5",
        f'plugins."{RUNTIME}".enable_selinx: containerd 2.1.5 does not read it (no containerd knows it). '
        f'Did you mean plugins."{RUNTIME}".enable_selinux?',
    ),
    "a typo in the names of version 2": (
        f"plugins {V2} sandbox_imge",
        "registry.example.com/pause:3.10",
        "1.7.24",
        f'plugins."{V2}".sandbox_imge: containerd 1.7.24 does not read it (no containerd knows it). '
        f'Did you mean plugins."{V2}".sandbox_image?',
    ),
    "a typo in the names of version 1": (
        "plugins cri sandbox_imge",
        "registry.example.com/pause:3.10",
        "2.1.5",
        "plugins.cri.sandbox_imge: containerd 2.1.5 does not read it (no containerd knows it). "
        "Did you mean plugins.cri.sandbox_image?",
    ),
    "a typo in the names of version 3": (
        f"plugins {IMAGES} pined_images sandbox",
        "registry.example.com/pause:3.10",
        "1.7.24",
        f'plugins."{IMAGES}".pined_images.sandbox: containerd 1.7.24 does not read it (no containerd knows it). '
        f'Did you mean plugins."{IMAGES}".pinned_images.sandbox?',
    ),
    "an id without its quotes": (
        "plugins io containerd cri v1 runtime enable_selinux",
        True,
        "2.1.5",
        "plugins.io.containerd.cri.v1.runtime.enable_selinux: containerd 2.1.5 does not read it (no containerd knows "
        f'it). A plugin\'s id is one key, in quotes: plugins."{RUNTIME}".enable_selinux.',
    ),
    "a short name, and a key that its plugin lacks": (
        "plugins overlayfs root_pth",
        "/srv",
        "1.7.24",
        "plugins.overlayfs.root_pth: containerd 1.7.24 does not read it (no containerd knows it). "
        'Did you mean plugins."io.containerd.snapshotter.v1.overlayfs".root_path?',
    ),
    "plugins misspelt": (
        f"plugin {RUNTIME} enable_selinux",
        True,
        "2.1.5",
        f'plugin."{RUNTIME}".enable_selinux: containerd 2.1.5 does not read it (no containerd knows it). '
        f'Did you mean plugins."{RUNTIME}".enable_selinux?',
    ),
    "a plugin of somebody else's": (
        "plugins io.containerd.snapshotter.v1.stargz root_path",
        "/srv",
        "2.1.5",
        'plugins."io.containerd.snapshotter.v1.stargz".root_path: containerd 2.1.5 does not read it (no containerd '
        "knows it). Mend the name; where a plugin of somebody else's reads it, unsupported: write writes it with a "
        "warning.",
    ),
    "a setting that came later": (
        f"plugins {RUNTIME} enable_cdi",
        True,
        "1.6.20",
        f'plugins."{RUNTIME}".enable_cdi: containerd 1.6.20 does not read it '
        f"(containerd 1.7.0 is the first that does). {CHOICES}",
    ),
    "a text for a truth": (
        f"plugins {RUNTIME} enable_selinux",
        "yes",
        "2.1.5",
        f'plugins."{RUNTIME}".enable_selinux: has to be true or false, or containerd 2.1.5 does not start with it. '
        'YAML takes 3.10 for a number, "3" for a text, and yes for true.',
    ),
    "two directories for CNI's programs where there is room for one": (
        f"plugins {RUNTIME} cni bin_dirs",
        ["/opt/cni/bin", "/usr/lib/cni"],
        "1.7.24",
        f'plugins."{RUNTIME}".cni.bin_dirs: containerd 1.7.24 takes one directory, not 2. {ONE_OF_THEM}',
    ),
}


@pytest.mark.parametrize(("path", "value", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(path: str, value: t.Any, release: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        plan(nested(path, value), release)
    assert str(raised.value) == message


# release, text, whether there is a warning
DIRECTORIES: dict[str, tuple[str, str, bool]] = {
    "1.7": ("1.7.24", f'version = 2\n\n[plugins."{V2}".cni]\n  bin_dir = "/opt/cni/bin"\n', True),
    "2.0": ("2.0.7", f'version = 3\n\n[plugins."{RUNTIME}".cni]\n  bin_dir = "/opt/cni/bin"\n', True),
    "2.1": (
        "2.1.5",
        f'version = 3\n\n[plugins."{RUNTIME}".cni]\n  bin_dirs = ["/opt/cni/bin", "/usr/lib/cni"]\n',
        False,
    ),
}
TWO = ["/opt/cni/bin", "/usr/lib/cni"]
OF_DIRECTORIES: dict[str, tuple[dict[str, t.Any], str]] = {
    "option": ({"options": CriOptions.read({"cni": {"bin_dirs": TWO}})}, "cni.bin_dirs"),
    "settings": (
        {"settings": nested(f"plugins {RUNTIME} cni bin_dirs", TWO)},
        f'plugins."{RUNTIME}".cni.bin_dirs',
    ),
}


@pytest.mark.parametrize("unsupported", ["warn", "write"])
@pytest.mark.parametrize(("asked", "name"), OF_DIRECTORIES.values(), ids=OF_DIRECTORIES)
@pytest.mark.parametrize(("release", "text", "is_short"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_directories_of_cni_in_a_mixed_fleet(
    *, release: str, text: str, is_short: bool, asked: dict[str, t.Any], name: str, unsupported: Unsupported
) -> None:
    intent = ConfigIntent(**asked, unsupported=unsupported)
    planned = plan_config(b"", intent, Release.parse(release))
    assert planned.text == text
    warning = (
        f"{name}: containerd {release} takes one directory, not 2; /opt/cni/bin is written, and /usr/lib/cni left out "
        "on this node."
    )
    assert planned.warnings == ((warning,) if is_short else ())
    assert not plan_config(text.encode(), intent, Release.parse(release)).differences


def test_two_directories_of_cni_are_an_error_by_default() -> None:
    intent = ConfigIntent(options=CriOptions.read({"cni": {"bin_dirs": TWO}}))
    with pytest.raises(DomainError) as raised:
        plan_config(b"", intent, Release.parse("2.0.7"))
    assert str(raised.value) == f"cni.bin_dirs: containerd 2.0.7 takes one directory, not 2. {ONE_OF_THEM}"


def test_a_setting_that_the_release_lacks_is_left_out_with_a_warning() -> None:
    settings = {"oom_score": 5, **nested(f"plugins {RUNTIME} enable_cdi", True)}
    planned = plan(settings, "1.6.20", "warn")
    assert "oom_score = 5" in planned.text
    assert "enable_cdi" not in planned.text
    assert planned.warnings == (
        f'plugins."{RUNTIME}".enable_cdi: containerd 1.6.20 does not read it '
        "(containerd 1.7.0 is the first that does); it is left out on this node.",
    )
    assert plan(settings, "1.7.24", "warn").warnings == ()


def test_a_name_that_no_release_knows_is_an_error_where_others_are_warned_of() -> None:
    settings = nested(f"plugins {RUNTIME} enable_selinx", True)
    with pytest.raises(DomainError, match=r"Did you mean .*enable_selinux\?"):
        plan(settings, "2.1.5", "warn")
    assert "enable_selinx = true" in plan(settings, "2.1.5", "write").text


def test_all_that_is_wrong_is_told_at_once_the_typo_first() -> None:
    keys = {"enable_cdi": True, "enable_selinux": "yes", "enable_selinx": True}
    with pytest.raises(DomainError) as raised:
        plan({"plugins": {RUNTIME: keys}}, "1.6.20")
    told = re.findall(r'\(\d\) plugins\."[\w.]+"\.(\w+): ', str(raised.value))
    assert told == ["enable_selinx", "enable_selinux", "enable_cdi"]


def test_a_key_newer_than_we_know_is_written_with_a_warning() -> None:
    planned = plan(nested(f"plugins {RUNTIME} enable_tomorrow", True), "2.3.4", "write")
    assert "enable_tomorrow = true" in planned.text
    assert planned.warnings == (
        f'plugins."{RUNTIME}".enable_tomorrow: containerd 2.3.4 does not read it (no containerd knows it); '
        "it is written all the same.",
    )


# One setting in the names of each version, and where it lands.
NAMES = {
    "1": "plugins cri enable_selinux",
    "2": f"plugins {V2} enable_selinux",
    "3": f"plugins {RUNTIME} enable_selinux",
}
FILES = {
    "version 1 on 1.7": ("[plugins.cri]\n", "1.7.24", "[plugins.cri]\n  enable_selinux = true\n"),
    "version 2 on 1.7": ("version = 2\n", "1.7.24", f'version = 2\n\n[plugins."{V2}"]\n  enable_selinux = true\n'),
    "version 2 on 2.1": ("version = 2\n", "2.1.5", f'version = 2\n\n[plugins."{V2}"]\n  enable_selinux = true\n'),
    "version 3 on 2.1": ("version = 3\n", "2.1.5", f'version = 3\n\n[plugins."{RUNTIME}"]\n  enable_selinux = true\n'),
    "version 4 on 2.3": ("version = 4\n", "2.3.4", f'version = 4\n\n[plugins."{RUNTIME}"]\n  enable_selinux = true\n'),
}


@pytest.mark.parametrize(("before", "release", "after"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("name", NAMES)
def test_one_inventory_for_all(name: str, before: str, release: str, after: str) -> None:
    intent = ConfigIntent(settings=nested(NAMES[name], True))
    assert plan_config(before.encode(), intent, Release.parse(release)).text == after
