# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES, RUNTIME, V2_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent, Unsupported
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

R16, R17, R20, R21, R23 = (Release.parse(text) for text in ("1.6.20", "1.7.24", "2.0.7", "2.1.5", "2.3.4"))
PROCESSOR = {"accepts": ["a/b"], "returns": "c/d", "path": "decode"}
STREAM_FILES = (*V2_CRI, "x509_key_pair_streaming")


def test_nothing_asked_is_nothing() -> None:
    """As the argument spec gives it: every option is there, as None."""
    options = CriOptions.read({"snapshotter": None, "runtimes": None, "cni": {"conf_dir": None}, "enable_cdi": None})
    assert options == CriOptions()
    assert options.wishes({}, R23) == []
    assert options.removals({}) == []


# --- values

READ: dict[str, tuple[dict[str, t.Any], tuple[str, ...], t.Any]] = {
    "a port is a text": ({"stream_server": {"port": 0}}, (*V2_CRI, "stream_server_port"), "0"),
    "false is a wish": ({"enable_cdi": False}, (*RUNTIME, "enable_cdi"), False),
    "zero is a wish": ({"cni": {"max_conf_num": 0}}, (*RUNTIME, "cni", "max_conf_num"), 0),
    "no template": ({"cni": {"conf_template": ""}}, (*RUNTIME, "cni", "conf_template"), ""),
    "a duration of none": ({"image_pull_progress_timeout": "0"}, (*IMAGES, "image_pull_progress_timeout"), "0"),
    "a processor": ({"stream_processors": {"x": PROCESSOR}}, ("stream_processors", "x", "path"), "decode"),
    "an address of IPv6": ({"stream_server": {"address": "::1"}}, (*V2_CRI, "stream_server_address"), "::1"),
}


@pytest.mark.parametrize(("raw", "path", "value"), READ.values(), ids=READ)
def test_read(raw: dict[str, t.Any], path: tuple[str, ...], value: t.Any) -> None:
    assert dict(CriOptions.read(raw).wishes({}, R23))[path] == value


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "a relative path": ({"cni": {"conf_dir": "net.d"}}, "cni.conf_dir: 'net.d' is not an absolute path. "),
    "a relative one of several": (
        {"cni": {"bin_dirs": ["/a", "b"]}},
        "cni.bin_dirs[1]: 'b' is not an absolute path. ",
    ),
    "no directory": ({"cdi_spec_dirs": []}, "cdi_spec_dirs: is empty. "),
    "no duration": ({"stream_server": {"idle_timeout": "soon"}}, "stream_server.idle_timeout: 'soon' is not a "),
    "a number for a duration": ({"image_pull_progress_timeout": "60"}, "image_pull_progress_timeout: '60' is not a "),
    "time that runs backwards": ({"image_pull_progress_timeout": "-5m"}, "image_pull_progress_timeout: '-5m' is "),
    "a port too high": ({"stream_server": {"port": 65536}}, "stream_server.port: 65536 is not a port. "),
    "an address with a port": ({"stream_server": {"address": "127.0.0.1:1"}}, "stream_server.address: '127.0.0.1:1' "),
    "fewer than no downloads": ({"max_concurrent_downloads": -1}, "max_concurrent_downloads: -1 is less than nothing"),
    "a name that is none": ({"snapshotter": "over lay"}, "snapshotter: 'over lay' is not a name. "),
    "a class with a slash": (
        {"runtimes": [{"name": "a/b"}]},
        "runtimes[0].name: 'a/b' is not a name. ",
    ),
    "a runtime type without a shim": (
        {"runtimes": [{"name": "a", "runtime_type": "runc"}]},
        "runtimes[0].runtime_type: 'runc' is not the type of a runtime: containerd would find no shim",
    ),
    "a line break in a path": (
        {"cni": {"conf_dir": "/etc/cni\nnet.d"}},
        "cni.conf_dir: '/etc/cni\\nnet.d' has a line break or another control character in it. ",
    ),
    "a class twice": (
        {"runtimes": [{"name": "a", "runtime_type": "x.v2"}, {"name": "a", "state": "absent"}]},
        "runtimes[1].name: a is runtimes[0] already. ",
    ),
    "keys of a class that is to go": (
        {"runtimes": [{"name": "a", "state": "absent", "snapshotter": "native"}]},
        "runtimes[0].snapshotter: is of no use for a class that is to be absent. ",
    ),
    "an unknown key model": (
        {"image_decryption": {"key_model": "cluster"}},
        "image_decryption.key_model: 'cluster' is no key model. ",
    ),
    "a key that processors do not have": (
        {"stream_processors": {"x": {**PROCESSOR, "return": "c/d"}}},
        "stream_processors.x.return: is not a known option. Did you mean returns?",
    ),
    "a media type that is none": (
        {"stream_processors": {"x": {**PROCESSOR, "accepts": ["tar"]}}},
        "stream_processors.x.accepts: 'tar' is not a media type. ",
    ),
}


@pytest.mark.parametrize(("raw", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(raw: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        CriOptions.read(raw)
    assert str(refusal.value).startswith(message)


# --- what depends on the files and the release

REFUSED_THERE: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], Release, str]] = {
    "a processor without a program": (
        {"stream_processors": {"x": {"accepts": ["a/b"], "returns": "c/d"}}},
        {},
        R17,
        "stream_processors.x.path: is missing. ",
    ),
    "a certificate without TLS": (
        {"stream_server": {"tls_cert_file": "/a", "tls_key_file": "/b"}},
        {},
        R17,
        "stream_server.enable_tls: CRI does not load with a certificate or key and without TLS. ",
    ),
    "a certificate without its key": (
        {"stream_server": {"enable_tls": True, "tls_cert_file": "/a"}},
        {},
        R23,
        "stream_server.tls_key_file: is missing",
    ),
    "TLS off beside a certificate in the file": (
        {"stream_server": {"enable_tls": False}},
        {"plugins": {V2_CRI[1]: {"x509_key_pair_streaming": {"tls_cert_file": "/a", "tls_key_file": "/b"}}}},
        R23,
        "stream_server.enable_tls: ",
    ),
}


@pytest.mark.parametrize(("raw", "effective", "release", "message"), REFUSED_THERE.values(), ids=REFUSED_THERE)
def test_refused_there(raw: dict[str, t.Any], effective: dict[str, t.Any], release: Release, message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        CriOptions.read(raw).wishes(effective, release)
    assert str(refusal.value).startswith(message)


def test_one_key_of_a_processor_that_is_there() -> None:
    effective = {"stream_processors": {"x": PROCESSOR}}
    options = CriOptions.read({"stream_processors": {"x": {"args": ["-v"]}}})
    assert options.wishes(effective, R23) == [(("stream_processors", "x", "args"), ["-v"])]


def test_broken_tls_of_others_is_not_looked_at() -> None:
    effective = {"plugins": {V2_CRI[1]: {"x509_key_pair_streaming": {"tls_cert_file": "/a"}}}}
    assert CriOptions.read({"enable_selinux": True}).wishes(effective, R23)


DECRYPTING = {
    "1.7.24": True,
    "2.0.11": False,
    "2.1.6": False,
    "2.1.7": True,
    "2.2.1": False,
    "2.2.2": True,
    "2.3.0": True,
    "2.4.2": True,
}


@pytest.mark.parametrize("version", DECRYPTING)
def test_releases_that_decrypt(version: str) -> None:
    """Read in containerd's source at each of these tags: the others have the call commented out."""
    options = CriOptions.read({"image_decryption": {"key_model": "node"}})
    assert bool(options.without_effect(Release.parse(version))) is not DECRYPTING[version]


UNSUPPORTED: dict[Unsupported, tuple[bool, str]] = {
    "warn": (False, "it is left out on this node"),
    "write": (True, "it is written all the same"),
}


@pytest.mark.parametrize("unsupported", UNSUPPORTED)
def test_without_effect(unsupported: Unsupported) -> None:
    intent = ConfigIntent(options=CriOptions.read({"image_decryption": {"key_model": "node"}}), unsupported=unsupported)
    is_written, fate = UNSUPPORTED[unsupported]
    plan = plan_config(b"version = 3\n", intent, R21)
    assert ("key_model" in plan.text) is is_written
    assert any("decrypts no image" in warning and fate in warning for warning in plan.warnings)
    assert "use_local_image_pull" not in plan.text


CDI: dict[str, tuple[bool, str, list[t.Any]]] = {
    "on where there is a switch": (True, "2.3.4", [((*RUNTIME, "enable_cdi"), True)]),
    "on where it is always": (True, "2.4.0", []),
    "off where it is always": (False, "2.4.0", [((*RUNTIME, "enable_cdi"), False)]),
}


@pytest.mark.parametrize(("value", "version", "wishes"), CDI.values(), ids=CDI)
def test_cdi(value: bool, version: str, wishes: list[t.Any]) -> None:
    assert CriOptions.read({"enable_cdi": value}).wishes({}, Release.parse(version)) == wishes


# --- with what else is asked for

CREDENTIALS = {"plugins": {IMAGES[1]: {"registry": {"configs": {"registry.example.com": {"auth": {"auth": "eDp5"}}}}}}}


def test_downloads_follow_credentials_of_the_same_task() -> None:
    """They make 2.1 and newer pull locally, where the other key counts; a second run must not find that out."""
    intent = ConfigIntent(options=CriOptions.read({"max_concurrent_downloads": 8}), settings=CREDENTIALS)
    plan = plan_config(b"version = 3\n", intent, R21)
    assert "transfer" not in plan.text
    assert plan_config(plan.text.encode(), intent, R21).differences == ()


def test_what_is_absent_is_no_obstacle() -> None:
    """The table that decides over the default class on 1.x goes in the same task."""
    old = b"""\
version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.default_runtime]
  runtime_type = "io.containerd.runc.v2"
"""
    options = CriOptions.read({"default_runtime_name": "runc"})
    table = (*V2_CRI, "containerd", "default_runtime")
    with pytest.raises(DomainError, match="for the default class"):
        plan_config(old, ConfigIntent(options=options), R16)
    plan = plan_config(old, ConfigIntent(options=options, absent=(table,)), R16)
    assert 'default_runtime_name = "runc"' in plan.text


def test_runc_can_be_absent_on_1x() -> None:
    """It is containerd's own until another class is named, and must not be written beside that."""
    intent = ConfigIntent(
        options=CriOptions.read(
            {
                "default_runtime_name": "crun",
                "runtimes": [
                    {"name": "crun", "runtime_type": "io.containerd.runc.v2"},
                    {"name": "runc", "state": "absent"},
                ],
            }
        )
    )
    plan = plan_config(b"version = 2\n", intent, R17)
    assert "runtimes.runc" not in plan.text
    assert plan_config(plan.text.encode(), intent, R17).differences == ()
