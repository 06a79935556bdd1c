# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshotters that are not there, and what the ones of earlier tasks leave behind."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import TRANSFER
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse

OF_IMAGES, OF_TRANSFER, OF_RUNTIME = (f'[plugins."{table[1]}"' for table in (IMAGES, TRANSFER, RUNTIME))
OURS = '{{platform = "linux", snapshotter = "{}", differ = "walking"}}'
PROXY = '[proxy_plugins.stargz]\ntype = "snapshot"\naddress = "/run/stargz.sock"\n'
STARGZ: dict[str, t.Any] = {"proxy_plugins": {"stargz": {"type": "snapshot", "address": "/run/stargz.sock"}}}
BUILT_IN = "blockfile, btrfs, devmapper, erofs, native, overlayfs, zfs"


def said(snapshotter: str, *entries: str, more: str = "") -> str:
    """A file as an earlier task left it."""
    of_images = f'{OF_IMAGES}]\nsnapshotter = "{snapshotter}"\n' if snapshotter else ""
    return f"version = 3\n{of_images}{OF_TRANSFER}]\nunpack_config = [{', '.join(entries)}]\n{more}"


def ours(snapshotter: str) -> str:
    return OURS.format(snapshotter)


def entry(snapshotter: str) -> dict[str, str]:
    return {"platform": "linux", "snapshotter": snapshotter, "differ": "walking"}


def plan(options: dict[str, t.Any], text: str, release: str = "2.3.4", **asked: t.Any) -> ConfigPlan:
    return plan_config(text.encode(), ConfigIntent(options=CriOptions.read(options), **asked), Release.parse(release))


KATA_OF_ZFS = f'{OF_RUNTIME}.containerd.runtimes.kata]\nruntime_type = "io.containerd.kata.v2"\nsnapshotter = "zfs"\n'
MINE = '{platform = "linux/amd64", snapshotter = "zfs"}'
ABSENT: dict[str, t.Any] = {"absent": ((*IMAGES, "snapshotter"),)}

# options, what else is asked for, the file, what becomes of unpack_config
SETTLED: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str, t.Any]] = {
    "another one": ({"snapshotter": "native"}, {}, said("foo", ours("foo")), [entry("native")]),
    "the default one": ({"snapshotter": "overlayfs"}, {}, said("foo", ours("foo")), None),
    "none any more": ({}, ABSENT, said("native", ours("native")), None),
    "by a setting": (
        {},
        {"settings": {"plugins": {IMAGES[1]: {"snapshotter": "overlayfs"}}}},
        said("native", ours("native")),
        None,
    ),
    "a left-over of long ago": ({"snapshotter": "overlayfs"}, {}, said("overlayfs", ours("foo")), None),
    "beside an entry of a user": (
        {"snapshotter": "overlayfs"},
        {},
        said("native", ours("native"), MINE),
        [{"platform": "linux/amd64", "snapshotter": "zfs"}, entry("overlayfs")],
    ),
    "none any more, beside an entry of a user": (
        {},
        ABSENT,
        said("native", ours("native"), MINE),
        [{"platform": "linux/amd64", "snapshotter": "zfs"}, entry("overlayfs")],
    ),
    "an entry in another form": (
        {"snapshotter": "zfs"},
        {},
        said("native", '{platform = "linux/amd64", snapshotter = "native"}', ours("zfs")),
        [{"platform": "linux/amd64", "snapshotter": "native"}, entry("zfs")],
    ),
    "one that a class still uses": (
        {"snapshotter": "overlayfs"},
        {},
        said("zfs", ours("zfs"), more=KATA_OF_ZFS),
        [entry("zfs"), entry("overlayfs")],
    ),
    "that of a class that goes": (
        {"runtimes": [{"name": "kata", "state": "absent"}]},
        {},
        said("", ours("overlayfs"), ours("zfs"), more=KATA_OF_ZFS),
        None,
    ),
    "something else": ({"enable_selinux": True}, {}, said("foo", ours("foo")), [entry("foo")]),
    "by name": (
        {"snapshotter": "overlayfs", "transfer_service": {"unpack_config": [entry("zfs"), entry("overlayfs")]}},
        {},
        said("native", ours("native")),
        [entry("zfs"), entry("overlayfs")],
    ),
}


@pytest.mark.parametrize(("options", "asked", "text", "wanted"), SETTLED.values(), ids=SETTLED)
def test_what_is_left_of_unpack_config(
    options: dict[str, t.Any], asked: dict[str, t.Any], text: str, wanted: t.Any
) -> None:
    planned = plan(options, text, **asked)
    assert look_up(parse(planned.text), (*TRANSFER, "unpack_config")) == wanted
    again = plan(options, planned.text, **asked)
    assert not again.differences
    assert not planned.warnings


def test_an_array_of_tables_is_replaced() -> None:
    text = f'version = 3\n[{OF_TRANSFER}.unpack_config]]\nplatform = "linux"\nsnapshotter = "native"\n'
    planned = plan({"transfer_service": {"unpack_config": [{"snapshotter": "zfs"}]}}, text)
    assert look_up(parse(planned.text), (*TRANSFER, "unpack_config")) == [{"snapshotter": "zfs"}]


# options, what else is asked for, the file, the release, the beginning of the message
REFUSED: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str, str, str]] = {
    "one that is not there": (
        {"snapshotter": "foo"},
        {},
        "version = 2\n",
        "2.3.4",
        f"snapshotter: containerd 2.3.4 has no snapshotter 'foo': built in are {BUILT_IN}, and its files name none in "
        "proxy_plugins; CRI would not load. Name one of these, or add proxy_plugins.foo ",
    ),
    "one that is not there yet": (
        {"snapshotter": "erofs"},
        {},
        "version = 2\n",
        "2.0.7",
        "snapshotter: containerd 2.0.7",
    ),
    "one that is not there any more": (
        {"snapshotter": "aufs"},
        {},
        "version = 2\n",
        "2.0.7",
        "snapshotter: containerd",
    ),
    "beside a proxy of another name": (
        {"snapshotter": "nydus"},
        {},
        f"version = 2\n{PROXY}",
        "1.7.24",
        "snapshotter: containerd 1.7.24 has no snapshotter 'nydus': built in are aufs, blockfile, btrfs, devmapper, "
        "native, overlayfs, zfs, and its proxy_plugins are stargz; CRI would not load. ",
    ),
    "beside a proxy of another type": (
        {"snapshotter": "stargz"},
        {},
        f"version = 2\n{PROXY.replace('snapshot', 'content')}",
        "2.3.4",
        "snapshotter: containerd 2.3.4 has no snapshotter 'stargz'",
    ),
    "of a class": (
        {"runtimes": [{"name": "runc", "snapshotter": "foo"}]},
        {},
        "version = 2\n",
        "2.3.4",
        "runtimes[0].snapshotter: containerd 2.3.4 has no snapshotter 'foo': built in are",
    ),
    "among the settings": (
        {},
        {"settings": {"plugins": {IMAGES[1]: {"snapshotter": "foo"}}}},
        "version = 2\n",
        "2.3.4",
        f'plugins."{IMAGES[1]}".snapshotter: containerd 2.3.4 has no snapshotter',
    ),
    "whose proxy goes": (
        {},
        {"absent": (("proxy_plugins", "stargz"),)},
        said("stargz", ours("stargz"), more=PROXY),
        "2.3.4",
        f"plugins.\"{IMAGES[1]}\".snapshotter: containerd 2.3.4 has no snapshotter 'stargz'",
    ),
    "that is not configured": (
        {"snapshotter": "devmapper"},
        {},
        "version = 2\n",
        "1.7.24",
        "snapshotter: containerd 1.7.24 passes over its snapshotter devmapper without pool_name and base_image_size"
        "; CRI would not load. ",
    ),
    "in unpack_config": (
        {"transfer_service": {"unpack_config": [{"snapshotter": "foo"}]}},
        {},
        "version = 2\n",
        "2.3.4",
        "transfer_service.unpack_config: containerd 2.3.4 has no snapshotter 'foo'",
    ),
    "an empty unpack_config": (
        {"transfer_service": {"unpack_config": []}},
        {},
        "version = 2\n",
        "1.7.24",
        "transfer_service.unpack_config: is empty: no image would be unpacked",
    ),
    "with keys of later releases": (
        {"transfer_service": {"unpack_config": [{"snapshotter": "native", "optional": True, "config_type": "a/b"}]}},
        {},
        "version = 2\n",
        "1.7.24",
        "transfer_service.unpack_config: containerd 1.7.24 does not read optional and config_type there. ",
    ),
    "with a differ that is not there": (
        {"transfer_service": {"unpack_config": [{"snapshotter": "native", "differ": "foo"}]}},
        {},
        "version = 2\n",
        "2.3.4",
        "transfer_service.unpack_config: containerd 2.3.4 has no differ 'foo': there are erofs, walking; CRI would not",
    ),
}


@pytest.mark.parametrize(("options", "asked", "text", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(options: dict[str, t.Any], asked: dict[str, t.Any], text: str, release: str, message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        plan(options, text, release, **asked)
    assert str(refusal.value).startswith(message)


# options, what else is asked for, the file, the release
TAKEN: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str, str]] = {
    "a proxy of the file": ({"snapshotter": "stargz"}, {}, f"version = 2\n{PROXY}", "2.3.4"),
    "a proxy of the task": ({"snapshotter": "stargz"}, {"settings": STARGZ}, "version = 2\n", "1.7.24"),
    "a newer containerd": ({"snapshotter": "foo"}, {}, "version = 2\n", "2.9.0"),
    "devmapper with its pool": (
        {"snapshotter": "devmapper"},
        {
            "settings": {
                "plugins": {"io.containerd.snapshotter.v1.devmapper": {"pool_name": "pool", "base_image_size": "10GB"}}
            }
        },
        "version = 2\n",
        "2.3.4",
    ),
    "an optional entry": (
        {"transfer_service": {"unpack_config": [{"snapshotter": "foo", "optional": True}]}},
        {},
        "version = 2\n",
        "2.3.4",
    ),
    "another edit of a file with a wrong one": ({"enable_selinux": True}, {}, said("foo", ours("foo")), "2.3.4"),
}


@pytest.mark.parametrize(("options", "asked", "text", "release"), TAKEN.values(), ids=TAKEN)
def test_taken(options: dict[str, t.Any], asked: dict[str, t.Any], text: str, release: str) -> None:
    assert plan(options, text, release, **asked).differences


def test_keys_of_later_releases_left_out_with_a_warning() -> None:
    options = {"transfer_service": {"unpack_config": [{"snapshotter": "native", "optional": True}]}}
    planned = plan(options, "version = 2\n", "2.2.1", unsupported="warn")
    assert look_up(parse(planned.text), (*TRANSFER, "unpack_config")) == [{"snapshotter": "native"}]
    assert "does not read optional there; it is left out" in planned.warnings[0]


def test_left_out_with_a_warning() -> None:
    planned = plan({"snapshotter": "erofs", "enable_selinux": True}, "version = 2\n", "1.7.24", unsupported="warn")
    assert "erofs" not in planned.text
    assert "it is left out on this node" in planned.warnings[0]


@pytest.mark.parametrize("unsupported", ["error", "warn"])
def test_one_of_no_release_and_no_proxy_is_an_error_in_any_case(unsupported: str) -> None:
    with pytest.raises(DomainError) as caught:
        plan({"snapshotter": "overlay"}, "version = 2\n", "1.7.24", unsupported=unsupported)
    assert str(caught.value) == (
        "snapshotter: containerd 1.7.24 has no snapshotter 'overlay': built in are aufs, blockfile, btrfs, devmapper, "
        "native, overlayfs, zfs, and its files name none in proxy_plugins; CRI would not load. Name one of these, or "
        "add proxy_plugins.overlay with type: snapshot and its address in the same task."
    )


def test_one_in_use_whose_proxy_goes_is_an_error_in_any_case() -> None:
    text = said("stargz", ours("stargz"), more=PROXY)
    with pytest.raises(DomainError, match="has no snapshotter 'stargz'"):
        plan({}, text, absent=(("proxy_plugins", "stargz"),), unsupported="warn")


def test_written_with_a_warning() -> None:
    planned = plan({"snapshotter": "foo"}, "version = 2\n", unsupported="write")
    assert 'snapshotter = "foo"' in planned.text
    assert "it is written all the same" in planned.warnings[0]
