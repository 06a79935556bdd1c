# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgraded file looks like, and when it is refused; the node's own containerd judges in integration_nodes."""

from __future__ import annotations

import textwrap

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

BEFORE = """\
# The site's file, version 2.
version = 2 # keep

[plugins."io.containerd.grpc.v1.cri"]
  # The pause image of the house.
  sandbox_image = "registry.example.com/pause:3.10" # not from outside
  enable_selinux = true
  unknown_to_all = "kept"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"

  # Only ours.
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
"""

AFTER = """\
# The site's file, version 2.
version = 3 # keep

[plugins."io.containerd.cri.v1.runtime"]
  enable_selinux = true
  unknown_to_all = "kept"

  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]

  # Only ours.
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "/etc/containerd/certs.d"

  [plugins."io.containerd.cri.v1.images".pinned_images]
    # The pause image of the house.
    sandbox = "registry.example.com/pause:3.10" # not from outside
"""

SOCKETS = """\
version = 3
[grpc]
  address = "/run/site/containerd.sock"
  gid = 7
  tcp_address = "192.0.2.10:1338"
  max_recv_message_size = 100
[debug]
  level = "info"
  address = "/run/site/debug.sock"
"""

UPGRADES = {
    "2 to 3": (BEFORE, 3, "2.1.5", AFTER),
    "one directory of CNI stays one on 2.0": (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "/x"\n',
        3,
        "2.0.7",
        'version = 3\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dir = "/x"\n',
    ),
    "tables of the server stay before those of other plugins": (
        f'{SOCKETS}\n[plugins]\n\n  [plugins."io.containerd.nri.v1.nri"]\n    disable = true\n',
        4,
        "2.3.4",
        """\
version = 4
[plugins."io.containerd.server.v1.grpc"]
  address = "/run/site/containerd.sock"
  gid = 7
  max_recv_message_size = 100
[plugins."io.containerd.server.v1.grpc-tcp"]
  address = "192.0.2.10:1338"
  max_recv_message_size = 100
[plugins."io.containerd.server.v1.debug"]
  address = "/run/site/debug.sock"
[plugins."io.containerd.server.v1.ttrpc"]
  address = "/run/site/containerd.sock.ttrpc"
  gid = 7
[debug]
  level = "info"

[plugins]

  [plugins."io.containerd.nri.v1.nri"]
    disable = true
""",
    ),
    "what containerd's own default says for nothing": (
        "version = 3\n[metrics]\n  address = ''\n  grpc_histogram = false\n"
        "[plugins.'io.containerd.shim.v1.manager']\n  env = []\n",
        4,
        "2.3.4",
        "version = 4\n[plugins.'io.containerd.server.v1.metrics']\n  address = ''\n"
        "[plugins.'io.containerd.shim.v1.manager']\n  env = []\n"
        "[plugins.'io.containerd.metrics.v1.grpc-prometheus']\n  grpc_histogram = false\n",
    ),
    "no core scheduling": (
        "version = 2\n[plugins.'io.containerd.runtime.v2.task']\n  sched_core = false\n",
        3,
        "2.1.5",
        "version = 3\n[plugins.'io.containerd.runtime.v2.task']\n  sched_core = false\n",
    ),
    "one that 2.4 does not read stays unread": (
        'version = 3\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dir = "/x"\n',
        4,
        "2.4.2",
        'version = 4\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dir = "/x"\n',
    ),
    "one that 2.4 makes a list of": (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "/x"\n',
        4,
        "2.4.2",
        'version = 4\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dirs = ["/x"]\n',
    ),
    "1 to 2": (
        'disabled_plugins = ["aufs"]\n[plugins.cri]\nsandbox_image = "pause:3"\n'
        "[plugins.scheduler]\ndeletion_threshold = 1\n",
        2,
        "1.7.24",
        'version = 2\ndisabled_plugins = ["io.containerd.snapshotter.v1.aufs"]\n[plugins."io.containerd.grpc.v1.cri"]\n'
        'sandbox_image = "pause:3"\n[plugins."io.containerd.gc.v1.scheduler"]\ndeletion_threshold = 1\n',
    ),
    "what is there already": ("version = 3\n", 3, "2.1.5", "version = 3\n"),
    "no file": ("", 3, "2.3.4", ""),
}


@pytest.mark.parametrize(("before", "target", "release", "after"), UPGRADES.values(), ids=UPGRADES)
def test_upgrade(before: str, target: int, release: str, after: str) -> None:
    intent = ConfigIntent(config_version=target)
    planned = plan_config(before.encode(), intent, Release.parse(release))
    assert planned.text == after
    assert not planned.restart_required
    assert bool(planned.differences) == (before != after)
    assert plan_config(planned.text.encode(), intent, Release.parse(release)).differences == ()


def test_the_server_tables_of_version_4() -> None:
    planned = plan_config(SOCKETS.encode(), ConfigIntent(config_version=4), Release.parse("2.3.4"))
    server = 'plugins."io.containerd.server.v1'
    for header in (f'[{server}.grpc"]', f'[{server}.grpc-tcp"]', f'[{server}.ttrpc"]', f'[{server}.debug"]'):
        assert header in planned.text, planned.text
    assert planned.text.count("max_recv_message_size = 100") == 2
    assert 'address = "/run/site/containerd.sock.ttrpc"' in planned.text
    assert "[grpc]" not in planned.text


def test_a_wish_is_placed_in_the_upgraded_file() -> None:
    intent = ConfigIntent(config_version=3, sandbox_image="registry.example.com/pause:3.11")
    planned = plan_config(BEFORE.encode(), intent, Release.parse("2.1.5"))
    assert planned.text == AFTER.replace("pause:3.10", "pause:3.11")
    assert planned.restart_required


def test_a_new_file_gets_the_version_that_is_asked_for() -> None:
    intent = ConfigIntent(config_version=3, sandbox_image="registry.example.com/pause:3.11")
    assert plan_config(None, intent, Release.parse("2.3.4")).text.startswith("version = 3\n")


TRAP = textwrap.dedent("""\
    version = 2
    [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
""")

REFUSED = {
    "back": (
        "version = 3\n",
        2,
        "2.1.5",
        "config_version: the file is of version 3, and there is no way back to 2. "
        "Leave config_version at keep, or name a newer one.",
    ),
    "newer than the release": (
        "version = 2\n[debug]\n",
        3,
        "1.7.24",
        "config_version: containerd 1.7.24 reads config versions up to 2, not 3. "
        "Leave config_version at keep, or name one that this release reads.",
    ),
    "a setting that would begin to count": (
        TRAP,
        3,
        "2.1.5",
        'plugins."io.containerd.cri.v1.images".snapshotter: would begin to count: containerd 2.1.5 reads it otherwise '
        "in the version that the file has. Remove the setting from the file, or set it in the task so that it counts "
        "now; then upgrade the file.",
    ),
    **{
        f"a release that cannot prove it, {release}": (
            "version = 2\n",
            3,
            release,
            f"config_version: containerd {release} prints older tables as they are in config dump, so nothing could "
            "prove that an upgraded file means the same to it. Upgrade containerd to 2.0.6 or newer first, or leave "
            "config_version at keep.",
        )
        for release in ("2.0.0", "2.0.5")
    },
    "two tables that would become one": (
        'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "a:1"\n'
        '[plugins."io.containerd.cri.v1.images".pinned_images]\nsandbox = "b:1"\n',
        3,
        "2.1.5",
        'plugins."io.containerd.cri.v1.images".pinned_images.sandbox: is there already, and another value would move '
        "to it. Nothing was changed; remove one of the two first.",
    ),
}


@pytest.mark.parametrize(("before", "target", "release", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(before: str, target: int, release: str, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        plan_config(before.encode(), ConfigIntent(config_version=target), Release.parse(release))
    assert str(raised.value) == message
