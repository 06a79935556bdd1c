# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/findings.md shows and quotes, done to containerd itself.

Its examples are started: where a finding says that containerd does not start, or that CRI does not load, it is so, and
nowhere else. Its quotations are what containerd of that release says.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import Subject, lint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from nodes import dumps, starts
from nodes.dumps import CONFIG
from nodes.pki import Pki

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
SECTIONS = dict(re.findall(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
FILE = re.compile(r"# (?:containerd \S+: )?(?P<path>/\S+)")
TREE = "/etc/containerd/certs.d"
DROP_IN = "/etc/containerd/conf.d/99.toml"
V2 = 'plugins."io.containerd.grpc.v1.cri"'
IMPORTS = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
WITH_TREE = f'version = 2\n[{V2}.registry]\nconfig_path = "{TREE}"\n'

Files = dict[str, str]

NO_START = {
    "config-not-toml",
    "config-version-unsupported",
    "import-missing",
    "import-version-higher",
    "containerd-does-not-start",
}
NO_CRI = {"cri-does-not-load", "cri-disabled", "mirrors-beside-config-path", "tls-beside-config-path"}

# Beside the examples of the page, what it quotes of others.
MORE: dict[str, list[Files]] = {
    "config-not-toml": [{CONFIG: "\ufeffversion = 2\n"}],
    "import-missing": [{CONFIG: 'version = 2\nimports = ["/etc/containerd/conf.d/mirrors.toml"]\n'}],
    "import-version-higher": [{CONFIG: f"version = 2\n{IMPORTS}", DROP_IN: "version = 2\n"}],
    "containerd-does-not-start": [
        {CONFIG: 'version = "2"\n'},
        {CONFIG: 'version = 2\n[plugins.cri]\nsandbox_image = "x"\n'},
        {CONFIG: f'version = 2\n[{V2}.registry.mirrors."a.io"]\nendpoint = "x"\n'},
        {CONFIG: '[debug]\nlevel = "loud"\n'},
    ],
    "cri-does-not-load": [
        {CONFIG: f'version = 2\n[{V2}.containerd]\ndefault_runtime_name = "crun"\n'},
        {CONFIG: 'version = 3\n[plugins."io.containerd.cri.v1.runtime".cni]\nbin_dir = "/a"\nbin_dirs = ["/b"]\n'},
    ],
    "cri-disabled": [{CONFIG: 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'}],
    "cri-settings-lost": [{CONFIG: f'[plugins.cri.registry]\nconfig_path = "{TREE}"\n'}],
    "legacy-tables": [
        {CONFIG: f'version = 2\n[{V2}.registry.auths."https://a.io"]\nusername = "x"\n'},
        {CONFIG: f'version = 2\n[{V2}.registry.configs."a.io".tls]\nca_file = "/x"\n'},
    ],
    "local-pull-forced": [{CONFIG: f'version = 2\n[{V2}.registry.configs."a.io".auth]\nusername = "x"\n'}],
}
SERVER = 'server = "https://registry.example.com"\n'
HOST = f'{SERVER}[host."https://registry.example.com"]\n'
MORE_OF_THE_TREE = {
    "hosts-toml-dropped": [
        f"\ufeff{SERVER}[host]\n",
        f"{SERVER}ca = false\n[host]\n",
        f'{HOST}[host."https://registry.example.com"]\n',
        f'{HOST}dial_timeout = "200"\n',
    ],
    "key-unknown-to-release": [f'{HOST}capabilities = ["pull", "resolve", "referrers"]\n'],
    "pull-file-missing": [f'{HOST}ca = "hosts.toml"\n', f'{HOST}client = "client.pem"\n'],
}
# Each quotation is of one of them at least: they say it differently.
RELEASES = ("1.7", "2.1", "2.3")
# What it takes a network to hear, or the kubelet's side.
NOT_HEARD_HERE = re.compile(r"Unimplemented|x509: certificate|kubeadm|REDACTED")


def examples(rule: str) -> list[Files]:
    return [read(text) for text in re.findall(r"```toml\n(.*?)```", SECTIONS[rule], re.DOTALL)]


def read(example: str) -> Files:
    files: Files = {}
    path = ""
    for line in example.splitlines():
        match = FILE.fullmatch(line)
        path = match["path"] if match else path
        files[path] = files.get(path, "") + ("" if match else f"{line}\n")
    return files


def findings(files: Files, release: Release) -> set[str]:
    entries = {path: Entry("file", text.encode()) for path, text in files.items()}
    absent = "/etc/containerd/conf.d/mirrors.toml"
    state = NodeState(
        files={absent: Entry("absent"), **entries},
        globs={"/etc/containerd/conf.d/*.toml": {path: entries[path] for path in entries if "conf.d" in path}},
    )
    try:
        read_files = ConfigReading(state, CONFIG, release).files
    except DomainError:
        read_files = ()
    return {finding.id for finding in lint(Subject(state, release, read_files))}


def cases() -> list[Files]:
    shown = [files for rule in SECTIONS for files in examples(rule) if CONFIG in files]
    return [*shown, *(files for more in MORE.values() for files in more)]


def as_case(files: Files) -> dumps.Case:
    return dumps.Case({path: text.encode() for path, text in files.items()})


def test_containerd_and_cri_load_unless_a_finding_says_otherwise(started_release: str) -> None:
    release = Release.parse(dumps.version(started_release))
    for files, start in zip(cases(), starts.start_many(started_release, list(map(as_case, cases()))), strict=True):
        found = findings(files, release)
        if release < Release(1, 6, 32) or Release(1, 7) <= release < Release(1, 7, 17):
            # It takes any version, and passes over the tables that it does not know.
            found.discard("config-version-unsupported")
        assert start.is_up is not bool(found & NO_START), (files, found, start.log)
        assert start.has_cri is not bool(found & (NO_START | NO_CRI)), (files, found, start.log)


def quoted(rule: str) -> list[str]:
    lines = [line for text in re.findall(r"```text\n(.*?)```", SECTIONS[rule], re.DOTALL) for line in text.splitlines()]
    return [line for line in lines if not NOT_HEARD_HERE.search(line)]


def test_what_is_quoted_of_config_toml_is_what_containerd_says() -> None:
    asked = {rule: [files for files in (*examples(rule), *MORE.get(rule, ())) if CONFIG in files] for rule in SECTIONS}
    rules = [rule for rule in SECTIONS if quoted(rule) and asked[rule]]
    logs = [
        start.log
        for name in RELEASES
        for start in starts.start_many(name, [as_case(f) for r in rules for f in asked[r]])
    ]
    unheard = [line for rule in rules for line in quoted(rule) if not any(line in log for log in logs)]
    assert not unheard


def trees() -> dict[str, str]:
    """By a registry of its own each example of a hosts.toml, the one that containerd does not survive last."""
    shown = [(rule, files[path]) for rule in SECTIONS for files in examples(rule) for path in files if TREE in path]
    shown += [(rule, text) for rule, more in MORE_OF_THE_TREE.items() for text in more]
    shown.sort(key=lambda each: each[0] == "hosts-toml-crashes")
    return {f"r{number}.example.org": text for number, (_rule, text) in enumerate(shown)}


def test_what_is_quoted_of_hosts_toml_is_what_containerd_says(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    pki.ensure("127.0.0.1")
    files = {
        CONFIG: WITH_TREE.encode(),
        **{f"{TREE}/{name}/hosts.toml": text.encode() for name, text in trees().items()},
        f"{TREE}/directory.example.org/hosts.toml/x": b"",
        f"{TREE}/no-pem.example.org/hosts.toml": b'ca = "ca.pem"\n[host]\n',
        f"{TREE}/no-pem.example.org/ca.pem": b"none",
        "/etc/ssl/client.crt": pki.client.read_bytes(),
        "/etc/ssl/client.key": pki.client_key.read_bytes(),
    }
    pulls = [f"{name}.example.org/library/nginx:latest" for name in ("directory", "no-pem")]
    pulls += [f"{name}/library/nginx:latest" for name in trees()]
    heard = ""
    for name in RELEASES:
        (start,) = starts.start_many(name, [dumps.Case(files)], pulls)
        said = start.log + start.answers.replace('\\"', '"').replace("%5BREDACTED%5D", "docker.io")
        heard += re.sub(r"(?:r\d+|directory|no-pem)\.example\.org", "docker.io", said)
    rules = {rule for rule in SECTIONS if any(TREE in path for files in examples(rule) for path in files)}
    unheard = [line for rule in {*rules, "hosts-toml-unreadable"} for line in quoted(rule) if line not in heard]
    assert not unheard


def test_no_quotation_is_left_out() -> None:
    asked: t.Iterable[str] = [
        *MORE,
        *MORE_OF_THE_TREE,
        "hosts-toml-unreadable",
        *(rule for rule in SECTIONS if examples(rule)),
    ]
    assert {rule for rule in SECTIONS if quoted(rule)} <= set(asked)
