# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's face that wants tokens, asked by each node's own containerd."""

from __future__ import annotations

import base64
import shlex
import typing as t
from collections.abc import Iterator

import docker.errors
import pytest
from nodes import Testbed
from nodes.node import Node, Output
from nodes.pki import Pki
from nodes.registry import IDENTITY_TOKEN, PASSWORD, USER, Request

HOST = "registry.example.test:5446"
IMAGE = f"{HOST}/team/hello:1.0"
TREE = "/etc/containerd/certs.d"
CREDENTIALS = f"{USER}:{PASSWORD}"


@pytest.fixture(scope="module")
def testbed() -> Testbed:
    return Testbed()


@pytest.fixture(scope="module")
def node(release_name: str, testbed: Testbed) -> Iterator[Node]:
    """A node that trusts the registry and has no credentials for it."""
    try:
        found = [node for node in testbed.nodes() if node.release.name == release_name]
    except docker.errors.DockerException as error:
        pytest.skip(f"the engine does not answer: {error}")
    if not found:
        pytest.skip(f"node {release_name} is not up")
    (node,) = found
    put(node, f"{TREE}/{HOST}/ca.pem", Pki.of_testbed().ca.read_text())
    write_hosts(node)
    # Not this test's subject, so a plain file will do instead of an edit of the node's own.
    put(node, "/etc/containerd/config.toml", config(node))
    restart(node)
    yield node
    node.reset()


def put(node: Node, path: str, text: str) -> None:
    node.shell(f"mkdir -p $(dirname {path}) && printf %s {shlex.quote(text)} > {path}").checked(path)


def write_hosts(node: Node, *more: str) -> None:
    lines = (f'server = "https://{HOST}"', f'[host."https://{HOST}"]', f'ca = "{TREE}/{HOST}/ca.pem"', *more)
    put(node, f"{TREE}/{HOST}/hosts.toml", "\n".join(lines))


def config(node: Node, *more: str) -> str:
    plugin = "grpc.v1.cri" if node.release.name.startswith("1.") else "cri.v1.images"
    version = 2 if node.release.name.startswith("1.") else 3
    registry = f'plugins."io.containerd.{plugin}".registry'
    lines = (f"version = {version}", f"[{registry}]", f'config_path = "{TREE}"', *more)
    return "\n".join(lines).replace("REGISTRY", registry)


def restart(node: Node) -> None:
    node.shell("systemctl restart containerd && node-ready").checked("restart")


def pull(testbed: Testbed, node: Node, *options: str) -> tuple[Output, list[Request]]:
    """Its outcome, and what the issuer was asked for by this node."""
    node.run(["crictl", "rmi", IMAGE])
    mark = testbed.registry.mark()
    output = node.run(["crictl", "pull", *options, IMAGE])
    asked = [request for request in testbed.registry.log("issuer", since=mark) if request.client == node.address]
    return output, asked


def answers(requests: list[Request]) -> set[tuple[t.Any, ...]]:
    return {(request.method, request.user, request.status) for request in requests}


def test_anonymous_pulls_fail(testbed: Testbed, node: Node) -> None:
    output, asked = pull(testbed, node)
    assert "insufficient_scope: authorization failed" in output.stderr
    assert answers(asked) == {("GET", "-", 200)}


def test_a_wrong_password_fails(testbed: Testbed, node: Node) -> None:
    output, asked = pull(testbed, node, "--creds", f"{USER}:wrong")
    assert "401 Unauthorized" in output.stderr
    assert answers(asked) == {("POST", "-", 405), ("GET", "-", 401)}


def test_user_and_password_of_the_request(testbed: Testbed, node: Node) -> None:
    output, asked = pull(testbed, node, "--creds", CREDENTIALS)
    assert output.status == 0, output.stderr
    assert answers(asked) == {("POST", "-", 405), ("GET", USER, 200)}


def test_a_header_reaches_the_issuer_from_2_1_on(testbed: Testbed, node: Node) -> None:
    basic = base64.b64encode(CREDENTIALS.encode()).decode()
    write_hosts(node, f'[host."https://{HOST}".header]', f'Authorization = "Basic {basic}"')
    output, asked = pull(testbed, node)
    write_hosts(node)
    if node.release.name in ("1.6", "1.7", "2.0"):
        assert "insufficient_scope: authorization failed" in output.stderr
        assert answers(asked) == {("GET", "-", 200)}
    else:
        assert output.status == 0, output.stderr
        assert answers(asked) == {("GET", USER, 200)}


def test_the_identity_token_of_a_node(testbed: Testbed, node: Node) -> None:
    auth = (f'[REGISTRY.configs."{HOST}".auth]', f'identitytoken = "{IDENTITY_TOKEN}"')
    put(node, "/etc/containerd/config.toml", config(node, *auth))
    restart(node)
    output, asked = pull(testbed, node)
    assert output.status == 0, output.stderr
    assert answers(asked) == {("POST", USER, 200)}
