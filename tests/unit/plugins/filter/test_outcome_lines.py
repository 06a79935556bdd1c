# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.filter.outcome_lines import outcome_lines


def test_each_heading_that_has_hosts_is_a_line() -> None:
    found = {"changed": ["b", "a"], "restored": [], "not_reached": ["c"], "stopping": ["a"]}
    assert outcome_lines(found) == ["changed: 2 (b, a)", "not reached: 1 (c)"]


def test_a_thousand_hosts_fit_on_a_line() -> None:
    hosts = [f"node-{number:04}" for number in range(1000)]
    assert outcome_lines({"changed": hosts[:10]}) == [f"changed: 10 ({', '.join(hosts[:10])})"]
    assert outcome_lines({"changed": hosts}, names=2) == ["changed: 1000 (node-0000, node-0001 and 998 more)"]
