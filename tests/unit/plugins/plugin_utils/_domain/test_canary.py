# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils._canary import Asked, Walk
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.canary import (
    Judgement,
    Proof,
    Seen,
    judge_walk,
    tell,
    wanted,
    worst,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Image, Obstacle, Route, Step
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust

HOSTS_TOML = "/etc/containerd/certs.d/registry.k8s.io/hosts.toml"
IMAGE = Image("registry.k8s.io", "airgap-nodes-canary/17", "sha256:00")
MIRROR, OTHER, UPSTREAM = "registry.example.com:5000", "second.example.com", "registry.k8s.io"
TRUST = Trust.parse([MIRROR, OTHER])


def asked(host: str, **more: t.Any) -> Asked:
    return Asked(host, **{"answer": "404 Not Found", "is_endpoint": True, **more})


def walk(*hosts: Asked, **more: t.Any) -> Walk:
    return Walk(**{"begun": True, "ended": True, "is_whole": True, "error": "not found", "asked": hosts, **more})


def way(*hosts: str, **capabilities: frozenset[str]) -> Route:
    known = {f"{name}.example.com": frozenset(each) for name, each in capabilities.items()}
    endpoints = [Endpoint("https", host, "/v2", known.get(host, frozenset())) for host in hosts]
    place = Place(HOSTS_TOML, 2)
    return Route(IMAGE, tuple(Step(each, each.host == UPSTREAM, place=place) for each in endpoints), HOSTS_TOML)


def judged(seen: Walk, route: Route | None, trust: Trust = TRUST) -> Judgement:
    return judge_walk(seen, "containerd.service", route, trust)


def test_a_list_that_was_gone_through_among_the_trusted_is_closed() -> None:
    found = judged(walk(asked(MIRROR), asked(OTHER)), way(MIRROR, OTHER))
    assert (found.proof, found.outside) == (Proof.CLOSED, ())


def test_a_mirror_that_is_down_leaves_it_closed() -> None:
    assert judged(walk(asked(MIRROR, answer="connection refused")), way(MIRROR)).proof is Proof.CLOSED


def test_one_host_outside_is_open_whatever_else_is_known() -> None:
    found = judged(walk(asked(MIRROR), asked(UPSTREAM, is_sure=True), is_whole=False), way(MIRROR, UPSTREAM))
    assert (found.proof, [each.host for each in found.outside]) == (Proof.OPEN, [UPSTREAM])
    assert found.reason.startswith("containerd asked registry.k8s.io, outside the trusted registries. ")
    assert found.place.file == HOSTS_TOML
    assert found.is_sure


def test_a_host_that_no_line_ties_to_the_canary_may_be_of_another_pull() -> None:
    found = judged(walk(asked(MIRROR), asked(UPSTREAM)), way(MIRROR))
    assert (found.proof, found.is_sure) == (Proof.OPEN, False)
    assert "By the files it would not." in found.reason


def test_a_token_service_outside_is_open() -> None:
    other = asked("auth.example.net", is_endpoint=False, is_sure=True)
    found = judged(walk(asked(MIRROR), other), way(MIRROR))
    assert (found.proof, "an endpoint sent containerd there" in found.reason) == (Proof.OPEN, True)


def test_a_token_service_that_is_trusted_is_no_endpoint_that_the_files_lack() -> None:
    assert judged(walk(asked(MIRROR), asked(OTHER, is_endpoint=False)), way(MIRROR)).proof is Proof.CLOSED


@pytest.mark.parametrize(
    ("scheme", "proof"), [("http", Proof.OPEN), ("https", Proof.CLOSED), ("", Proof.CLOSED)], ids=str
)
def test_a_port_that_is_not_written_is_that_of_the_scheme(scheme: str, proof: Proof) -> None:
    trust = Trust.parse(["registry.example.com:443"])
    found = judged(walk(asked("registry.example.com", scheme=scheme)), way("registry.example.com"), trust)
    assert found.proof is proof


UNKNOWN = {
    "a level above info": (walk(asked(MIRROR), begun=False), "it logs at a level above info"),
    "no journal": (Walk(error="not found"), "the journal of containerd.service has no line of the pull (not found)"),
    "no end": (walk(asked(MIRROR), ended=False), "its journal tells no end of the pull"),
    "lines dropped": (walk(asked(MIRROR), has_gap=True), "RateLimitBurst"),
    "answered": (walk(asked(MIRROR), answered=True), "claims to have an image that nobody has"),
    "nobody asked": (walk(error="open /gone.pem: no such file"), "containerd asked nobody (open /gone.pem"),
    "not all told": (walk(asked(MIRROR), is_whole=False), "this release does not tell of all of them"),
}


@pytest.mark.parametrize(("seen", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_not_closed(seen: Walk, words: str) -> None:
    found = judged(seen, way(MIRROR))
    assert found.proof is Proof.UNKNOWN
    assert words in found.reason


def test_files_that_cannot_be_read_prove_nothing() -> None:
    found = judged(walk(asked(MIRROR)), None)
    assert (found.proof, "It cannot be told whether" in found.reason) == (Proof.UNKNOWN, True)


def test_a_file_that_could_not_be_read_proves_nothing() -> None:
    route = dataclasses.replace(way(MIRROR), obstacles=(Obstacle("unknown", HOSTS_TOML, "Permission denied"),))
    found = judged(walk(asked(MIRROR)), route)
    assert (found.proof, "Permission denied" in found.reason, found.place.file) == (Proof.UNKNOWN, True, HOSTS_TOML)


def test_an_endpoint_that_is_asked_for_parts_of_images_alone_is_open_by_the_files() -> None:
    route = way(MIRROR, "push.example.com", push=frozenset({"push"}))
    found = judged(walk(asked(MIRROR)), route)
    assert (found.proof, found.outside, found.place.file) == (Proof.OPEN, (), HOSTS_TOML)


def test_such_an_endpoint_that_is_trusted_has_not_to_be_asked() -> None:
    route = way(MIRROR, "push.example.com", push=frozenset({"push"}))
    assert judged(walk(asked(MIRROR)), route, Trust.parse(["*.example.com"])).proof is Proof.CLOSED


@pytest.mark.parametrize("route", [way(MIRROR, OTHER), way(OTHER)], ids=["fewer", "another"])
def test_files_that_say_otherwise_are_not_those_that_containerd_has_read(route: Route) -> None:
    found = judged(walk(asked(MIRROR)), route)
    assert (found.proof, found.is_sure) == (Proof.UNKNOWN, False)
    assert found.reason.startswith(f"containerd asked {MIRROR}, and by the files it would be ")


# --- what is told


def seen(namespace: str, judgement: Judgement) -> Seen:
    return Seen(namespace, f"{namespace}/x@sha256:0", walk(asked(MIRROR), asked(UPSTREAM)), judgement)


def test_the_report_says_of_each_host_whether_it_may_be_asked() -> None:
    report = seen("docker.io", judged(walk(asked(MIRROR), asked(UPSTREAM)), way(MIRROR, UPSTREAM))).report
    assert (report["namespace"], report["verdict"], report["file"]) == ("docker.io", "open", HOSTS_TOML)
    assert [(each["host"], each["trusted"]) for each in report["asked"]] == [(MIRROR, True), (UPSTREAM, False)]


CLOSED = Judgement(Proof.CLOSED, "All is well.")
DARK = Judgement(Proof.UNKNOWN, "Nobody knows.")
OPEN = Judgement(Proof.OPEN, "It leaks.", place=Place(HOSTS_TOML, 2))


@pytest.mark.parametrize(
    ("judgements", "proof"),
    [((CLOSED, CLOSED), Proof.CLOSED), ((CLOSED, DARK), Proof.UNKNOWN), ((DARK, OPEN, CLOSED), Proof.OPEN)],
    ids=["closed", "unknown", "open"],
)
def test_the_worst_counts(judgements: tuple[Judgement, ...], proof: Proof) -> None:
    assert worst([seen("docker.io", each) for each in judgements]) is proof


@pytest.mark.parametrize(
    ("reason", "place", "told"),
    [
        ("It leaks.", Place(HOSTS_TOML, 2), f"docker.io: It leaks. See {HOSTS_TOML}:2."),
        ("It leaks.", Place(HOSTS_TOML), f"docker.io: It leaks. See {HOSTS_TOML}."),
        (f"{HOSTS_TOML} leaks.", Place(HOSTS_TOML), f"docker.io: {HOSTS_TOML} leaks."),
        ("It leaks.", Place(), "docker.io: It leaks."),
    ],
    ids=["line", "file", "file said", "nowhere"],
)
def test_one_namespace_is_one_sentence_with_the_place(reason: str, place: Place, told: str) -> None:
    assert tell([seen("docker.io", Judgement(Proof.OPEN, reason, place=place))]) == told


def test_several_namespaces_are_counted() -> None:
    assert tell([seen("a.io", CLOSED), seen("b.io", DARK), seen("c.io", OPEN)]).splitlines() == [
        "2 of 3 namespaces are not proved to be closed.",
        "b.io: Nobody knows.",
        f"c.io: It leaks. See {HOSTS_TOML}:2.",
    ]


# --- what is asked for

REGISTRIES = read_registries(
    [
        {"namespace": "registry.k8s.io", "fallback": False, "hosts": [{"url": "https://registry.example.com:5000"}]},
        {
            "namespace": "docker.io",
            "fallback": True,
            "hosts": [{"url": "http://cache.example.com"}],
            "server": "https://registry-1.docker.io",
        },
        {"namespace": "_default", "fallback": False, "hosts": [{"url": "https://registry.example.com:5000"}]},
    ],
    {},
)


def test_by_default_what_is_to_be_closed_is_tried_and_the_named_hosts_are_trusted() -> None:
    found = wanted(REGISTRIES, None, [])
    assert found.namespaces == ("registry.k8s.io", "_default")
    assert found.trusted == ("registry.example.com:5000", "cache.example.com")


def test_an_upstream_that_is_meant_to_be_asked_is_trusted_for_nobody_else() -> None:
    assert not wanted(REGISTRIES, None, []).trust.covers("https", "registry-1.docker.io")


def test_what_is_named_counts_instead() -> None:
    found = wanted(REGISTRIES, ["docker.io", "docker.io"], ["192.0.2.0/24"])
    assert (found.namespaces, found.trusted) == (("docker.io",), ("192.0.2.0/24",))


def test_nothing_to_try_needs_nobody_to_trust() -> None:
    assert wanted((), None, []).namespaces == ()


@pytest.mark.parametrize(
    ("namespaces", "option"), [(None, "namespaces"), (["docker.io"], "trusted_registries")], ids=["both", "trusted"]
)
def test_what_nothing_gives_is_an_error(namespaces: list[str] | None, option: str) -> None:
    with pytest.raises(DomainError, match=f"^{option}: nothing says "):
        wanted(None, namespaces, [])
