# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case for each rule that decides whom containerd asks, so that none depends on what is drawn."""

from __future__ import annotations

import dataclasses
import typing as t

from routes import cases, world
from routes.cases import PEMS, TREE, V2, Case, File
from routes.world import Manner, Registry, Tls

if t.TYPE_CHECKING:
    from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

A, B, C = (f"mirror-{letter}.example.com" for letter in "abc")
HAS = Registry(Manner.HAS)
OWN = "reg.example.com"


@dataclasses.dataclass(frozen=True)
class Rule:
    """Files by their path in the tree, and who is there; with ``config``, config.toml says that of registries."""

    files: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    people: t.Mapping[tuple[str, int], Registry] = dataclasses.field(default_factory=dict)
    namespace: str = OWN
    config: str = f'config_path = "{TREE}"\n'


def hosts(*names: str, keys: str = "") -> str:
    return "".join(f'[host."https://{name}"]\n{keys}' for name in names)


def tables(*mirrors: tuple[str, str]) -> str:
    return "".join(f'[{V2}.registry.mirrors."{name}"]\nendpoint = [{endpoints}]\n' for name, endpoints in mirrors)


RULES = {
    "the-registry-itself-comes-last": Rule({f"{OWN}/hosts.toml": hosts(A, B)}, {(OWN, 443): HAS}),
    "a-server-takes-its-place": Rule({f"{OWN}/hosts.toml": f'server = "https://{C}"\n{hosts(A)}'}, {(OWN, 443): HAS}),
    "a-server-without-hosts": Rule({f"{OWN}/hosts.toml": f'server = "https://{A}"\n'}, {(A, 443): HAS}),
    "default-is-for-all-others": Rule({"_default/hosts.toml": hosts(A)}, {(A, 443): HAS}),
    "an-empty-directory-hides-default": Rule({"_default/hosts.toml": hosts(A), f"{OWN}/note": ""}, {(OWN, 443): HAS}),
    "a-colon-is-written-as-two-underscores": Rule(
        {f"{OWN}_5000_/hosts.toml": hosts(A), f"{OWN}:5000/hosts.toml": hosts(B)}, {}, f"{OWN}:5000"
    ),
    "a-host-twice": Rule({f"{OWN}/hosts.toml": hosts(A, B) + f'[host."https://{A}".header]\nX-Meta = "a"\n'}),
    "a-tag-has-to-be-resolved": Rule(
        {f"{OWN}/hosts.toml": hosts(A, keys='capabilities = ["pull"]\n') + hosts(B)},
        {(A, 443): HAS, (B, 443): Registry(Manner.HAS_NO_BLOBS)},
    ),
    "a-file-that-is-dropped": Rule(
        {f"{OWN}/hosts.toml": hosts(A, keys='capabilities = ["resolv"]\n')}, {(OWN, 443): HAS}
    ),
    "a-path-and-v2": Rule(
        {f"{OWN}/hosts.toml": hosts(f"{A}/k8s", f"{B}/v2/k8s") + hosts(f"{C}/k8s", keys="override_path = true\n")}
    ),
    "tls-is-tried-first": Rule(
        {f"{OWN}/hosts.toml": f'[host."http://{A}:5000"]\nskip_verify = true\n'},
        {(A, 5000): Registry(Manner.HAS, Tls.IS_HTTP)},
    ),
    "certificates-in-dockers-style": Rule({f"{OWN}/own.crt": "CA"}, {(OWN, 443): Registry(Manner.HAS, Tls.OF_OWN_CA)}),
    "loopback-is-not-like-others": Rule({}, {("localhost", 5000): Registry(Manner.HAS, Tls.IS_HTTP)}, "localhost:5000"),
    "two-directories": Rule({f"{OWN}/hosts.toml": hosts(A)}, {}, OWN, f'config_path = "{TREE}:/srv/certs.d"\n'),
    "every-registry-by-the-tables": Rule(
        {}, {(B, 443): HAS}, OWN, tables(("*", f'"https://{A}", "https://{B}/v2"'), ("quay.io", ""))
    ),
    "an-entry-in-the-tables-alone": Rule({}, {}, OWN, tables(("*", f'"https://{A}"'), (OWN, ""))),
    "plain-values-crash-1": Rule({f"{OWN}/hosts.toml": '[host]\nskip_verify = true\ncapabilities = ["pull"]\n'}),
    "a-dotted-key-crashes-2": Rule(
        {f"{OWN}/hosts.toml": f'host."https://{A}".capabilities = ["pull"]\nhost."https://{A}".skip_verify = true\n'}
    ),
}


def made(release: Release, pems: t.Mapping[str, bytes]) -> list[Case]:
    return [_case(name, rule, release, pems) for name, rule in RULES.items()]


def _case(name: str, rule: Rule, release: Release, pems: t.Mapping[str, bytes]) -> Case:
    files = [File(f"{PEMS}/own-ca.pem", pems["own-ca.pem"])]
    for path, text in rule.files.items():
        files.append(File(f"{TREE}/{path}", pems["own-ca.pem"] if text == "CA" else text.encode()))
    version, table = cases.own_version(release)
    config = f"version = {version}\n[{table}.registry]\n{rule.config.replace(V2, table)}"
    people = {(world.ADDRESSES[host], port): who for (host, port), who in rule.people.items()}
    image = f"{rule.namespace}/case-{name}/app:1"
    return Case(f"case-{name}", image, (File(cases.CONFIG, config.encode()),), tuple(files), people)
