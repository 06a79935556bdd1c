# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are one of ours but for a slip of the fingers, and those that are not."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.spelling import (
    OWN_VARIABLES,
    check_meant,
    misspelt,
    misspelt_variables,
)

DEFAULTS = Path(__file__).resolve().parents[5] / "roles" / "containerd" / "defaults" / "main.yml"
OURS = frozenset(yaml.safe_load(DEFAULTS.read_text(encoding="utf-8")))

SLIPS = {
    "containerd_sandbox_imge": "containerd_sandbox_image",
    "containerd_snaphotter": "containerd_snapshotter",
    "containerd_registires": "containerd_registries",
    "containerd_registries_prge": "containerd_registries_purge",
    "containerd_restrat": "containerd_restart",
    "containerd_layot": "containerd_layout",
    "containerd_runtime": "containerd_runtimes",
    "containerd_verify_image": "containerd_verify_images",
    "containerd_migrate_legcy": "containerd_migrate_legacy",
}
# What other roles call theirs.
FOREIGN = """
additional_runtimes archive_checksum base_runtime_specs bin_dir cdi cfg_dir cri config config_cgroup_driver_systemd
config_default_write config_path debug_address debug_format debug_gid debug_level debug_uid default_runtime
default_base_runtime_spec_patch disable_apparmor discard_unpacked_layers download_url extra_args extra_runtime_args
grpc_max_recv_message_size grpc_max_send_message_size hosts insecure_registries limit_core limit_mem_lock
limit_open_file_num limit_proc_num metrics_address metrics_grpc_histogram no_proxy oom_score override_binary package
package_state proxy_env registries_mirrors registry registry_auth registry_mirrors releases repo runc_runtime
runtime_root serial service_enabled service_state socket state_dir storage_dir systemd_dir
tolerate_missing_hugetlb_controller use_config_path use_systemd_cgroup user versions_dir wait_for
""".split()


@pytest.mark.parametrize(("name", "meant"), SLIPS.items(), ids=SLIPS)
def test_a_slip(name: str, meant: str) -> None:
    assert misspelt_variables([name, "inventory_dir"], OURS) == {name: meant}


@pytest.mark.parametrize("own", [[], ["containerd_layot"], None], ids=["nothing", "another", "no list"])
def test_a_slip_that_is_not_meant(own: t.Any) -> None:
    with pytest.raises(DomainError) as raised:
        check_meant({"containerd_runtime": "containerd_runtimes"}, own)
    assert str(raised.value) == (
        "containerd_runtime: is no variable of the role. Did you mean containerd_runtimes? "
        "If it is one of your own, name it in containerd_own_variables."
    )


def test_a_slip_that_is_meant() -> None:
    check_meant({"containerd_runtime": "containerd_runtimes"}, ["containerd_runtime"])


def test_other_roles_have_names_of_their_own() -> None:
    assert misspelt_variables([f"containerd_{name}" for name in FOREIGN], OURS) == {}


def test_our_own_names_are_right() -> None:
    assert OWN_VARIABLES in OURS
    assert misspelt_variables(OURS, OURS) == {}


@pytest.mark.parametrize("name", ["", "x", "images", "imagesets", "an_entirely_different_name", "mages_of"])
def test_no_slip(name: str) -> None:
    assert misspelt(name, ["images"]) is None


def test_two_letters_are_half_of_a_short_word() -> None:
    assert misspelt("waste", ["wait"]) is None
    assert misspelt("waitt", ["wait"]) == "wait"


def test_no_names() -> None:
    assert misspelt("images", []) is None
