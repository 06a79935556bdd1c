# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "crictl"
SOCKET = "/run/containerd/containerd.sock"


def captured(name: str) -> str:
    return (FIXTURES / f"{name}.txt").read_text(encoding="utf-8")


def what(path: pathlib.Path) -> str:
    """The file's name without containerd's version."""
    return path.stem.partition("-")[2]


def of(reason: str) -> str:
    return reason.partition("-")[0]


FAILURES = [path for path in sorted(FIXTURES.glob("*.txt")) if of(what(path)) in cri.BY_NAME]

# Who failed, by the text alone; None where no release says it. A pair is what 1.6 says and what later releases say.
ENDPOINTS: dict[str, t.Any] = {
    "connection_lost": "127.0.0.1:5450",
    "connection_lost-blob": "127.0.0.1:5450",
    "connection_refused": "registry.test:1",
    "connection_refused-token": "127.0.0.1:1",
    "containerd_down": SOCKET,
    "containerd_down-ctr": SOCKET,
    "containerd_down-stale": SOCKET,
    "cri_timeout": SOCKET,
    "cri_timeout-ctr": SOCKET,
    "credentials_invalid": (None, "registry.test:5444"),
    "forbidden": "127.0.0.1:5450",
    "forbidden-blob": "127.0.0.1:5450",
    "forbidden-token": (None, "127.0.0.1:5450"),
    "http_on_https_port": "registry.test:5000",
    "https_on_http_port": "registry.test:5443",
    "name_not_found": "absent.test",
    "name_not_found-servfail": "servfail.test",
    "network_unreachable": "198.51.100.1:5000",
    "network_unreachable-host": "203.0.113.9:5000",
    "permission_denied": SOCKET,
    "permission_denied-ctr": SOCKET,
    "proxy_failed": "registry.test:5443",
    "proxy_failed-forbidden": "192.0.2.9:5000",
    "rate_limited": "127.0.0.1:5450",
    "server_error-500": "127.0.0.1:5450",
    "server_error-502": "127.0.0.1:5450",
    "server_error-503": "127.0.0.1:5450",
    "server_error-blob": "127.0.0.1:5450",
    "timeout": "192.0.2.9:5000",
    "tls_client_certificate": "registry.test:5448",
    "tls_failed": "registry.test:5452",
    "unauthorized": "registry.test:5444",
    "unauthorized-no-credentials": ("registry.test:5444", None),
    "unauthorized-token": (None, "127.0.0.1:5450"),
    "x509_expired": "registry.test:5445",
    "x509_expired-future": "registry.test:5449",
    "x509_invalid": "registry.test:5451",
    "x509_name_mismatch": "registry.test:5446",
    "x509_name_mismatch-common-name": "registry.test:5447",
    "x509_unknown_authority": "registry.test:5443",
}


@pytest.mark.parametrize("path", FAILURES, ids=lambda path: path.stem)
def test_a_failure_is_named(path: pathlib.Path) -> None:
    failure = cri.read_failure(path.read_text(encoding="utf-8"))
    # Whether containerd has no CRI or an older one, crictl says the same; the module asks ctr.
    expected = of(what(path)).replace("cri_api_too_old", "cri_not_loaded")
    endpoint = ENDPOINTS.get(what(path))
    if isinstance(endpoint, tuple):
        endpoint = endpoint[0 if path.stem.startswith("1.6") else 1]
    assert (failure.reason, failure.endpoint) == (expected, endpoint)


@pytest.mark.parametrize("path", FAILURES, ids=lambda path: path.stem)
def test_a_failure_is_explained(path: pathlib.Path) -> None:
    failure = cri.read_failure(path.read_text(encoding="utf-8"))
    message = cri.explain(failure, reference=cri.parse_reference("registry.k8s.io/pause:3.10"))
    assert message.endswith(".") and len(message) < 600
    # Neither what is left to fill in, nor the layers that each caller wraps around the cause, nor crictl's chatter.
    for noise in ("{", "rpc error", "failed to pull and unpack", "failed to resolve", "level=", "remote_image.go"):
        assert noise not in message


def test_each_reason_is_read_from_a_real_text() -> None:
    seen = {cri.read_failure(path.read_text(encoding="utf-8")).reason for path in FAILURES}
    # Shows for an instant between the start of containerd 1.x and that of its CRI plugin.
    assert {reason.name for reason in cri.REASONS} - seen == {"cri_not_ready"}


NOT_CAPTURED = {
    "schema-1": ("rpc error: code = Unimplemented desc = media type is no longer supported", "unknown"),
    "not-initialized": ("rpc error: code = Unknown desc = server is not initialized yet", "cri_not_ready"),
    "ctr-no-handshake": (
        'ctr: failed to dial "/s.sock": context deadline exceeded: timed out waiting for server handshake',
        "cri_timeout",
    ),
    "ctr-no-access": ("ctr: cannot access socket /s.sock: stat /s.sock: permission denied", "permission_denied"),
    "alpha": ("rpc error: code = Unimplemented desc = unknown service runtime.v1alpha2.ImageService", "cri_not_loaded"),
    "ip-without-san": (
        'Head "https://192.0.2.1/v2/": x509: cannot validate certificate for 192.0.2.1 because it doesn\'t contain any '
        "IP SANs",
        "x509_name_mismatch",
    ),
    "old-tls-text": (
        'Head "https://a.test/v2/": tls: first record does not look like a TLS handshake',
        "http_on_https_port",
    ),
    "400-over-https": (
        "unexpected status from HEAD request to https://a.test/v2/x/manifests/1: 400 Bad Request",
        "unknown",
    ),
    "hub-rate-limit": ("429 Too Many Requests - Server message: toomanyrequests: slow down", "rate_limited"),
    "dns-timeout": (
        "dial tcp: lookup a.test on 192.0.2.53:53: read udp 192.0.2.1:1->192.0.2.53:53: i/o timeout",
        "name_not_found",
    ),
    "proxy-name": (
        'Head "https://a.test/v2/": proxyconnect tcp: dial tcp: lookup proxy.test: no such host',
        "proxy_failed",
    ),
    "eof-is-no-proxy": ('Head "https://a.test/v2/": EOF', "connection_lost"),
    "registry-says-unavailable": (
        "rpc error: code = Unavailable desc = unexpected status from HEAD request to https://a.test/v2/: "
        "503 Service Unavailable",
        "server_error",
    ),
    "nothing-known": ("something else", "unknown"),
    "nothing-said": ("", "unknown"),
}


@pytest.mark.parametrize(("text", "reason"), NOT_CAPTURED.values(), ids=NOT_CAPTURED)
def test_texts_that_were_not_captured(text: str, reason: str) -> None:
    assert cri.read_failure(text).reason == reason


SENTENCES = {
    "2.3.4-x509_unknown_authority": (
        "registry.test:5443 shows a certificate of a CA that containerd does not know. Name that CA as ca of this host "
        "in hosts.toml of registry.k8s.io, or add it to the node's trust store and restart containerd."
    ),
    "1.6.20-hosts_config-ca": (
        'containerd cannot use what hosts.toml of registry.k8s.io says (unable to read CA cert "/nonexistent/ca.pem": '
        "open /nonexistent/ca.pem: no such file or directory). Correct that file or the file it names; containerd "
        "reads it anew at each pull."
    ),
    "2.3.4-hosts_config-capability": (
        "containerd cannot use what hosts.toml of registry.k8s.io says (no host in it has the capability resolve). "
        "Correct that file or the file it names; containerd reads it anew at each pull."
    ),
    "1.6.20-proxy_failed": (
        "the proxy that containerd uses does not let it reach registry.test:5443 (proxyconnect tcp: dial tcp "
        "127.0.0.1:3: connect: connection refused). Put the registry into NO_PROXY of containerd's unit and restart "
        "containerd, or correct HTTPS_PROXY."
    ),
    "2.3.4-connection_refused-token": (
        "nothing listens at 127.0.0.1:1 (connection refused). Check the port in the url, and that the registry runs. "
        "127.0.0.1:1 is the token service that the registry names."
    ),
    "1.6.20-containerd_down": (
        "nothing answers on /run/containerd/containerd.sock (no such file or directory). See systemctl status "
        "containerd, or correct runtime_endpoint."
    ),
    "1.7.24-containerd_down-ctr": (
        "nothing answers on /run/containerd/containerd.sock (timeout). See systemctl status containerd, or correct "
        "runtime_endpoint."
    ),
    "2.3.4-containerd_down-ctr": (
        "nothing answers on /run/containerd/containerd.sock (no such file or directory). See systemctl status "
        "containerd, or correct runtime_endpoint."
    ),
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_sentences(name: str, sentence: str) -> None:
    failure = cri.read_failure(captured(name))
    assert cri.explain(failure, reference=cri.parse_reference("registry.k8s.io/pause:3.10")) == sentence


@pytest.mark.parametrize(
    ("image", "endpoint"),
    [("registry.k8s.io/pause:3.10", "registry.k8s.io"), ("busybox", "registry-1.docker.io")],
    ids=["named", "docker-hub"],
)
def test_the_upstream_is_called_by_name(image: str, endpoint: str) -> None:
    reference = cri.parse_reference(image)
    failure = cri.Failure("name_not_found", "dial tcp: lookup x: no such host", endpoint)
    message = cri.explain(failure, reference=reference)
    assert f"{endpoint} is the image's own registry: if a mirror should serve it" in message
    # Where the reason is known, it is not guessed at.
    passed_over = cri.Story(ignored=("hosts.toml: invalid `host` tree",))
    message = cri.explain(failure, reference=reference, story=passed_over)
    assert "passed it over (hosts.toml: invalid `host` tree)" in message
    assert "own registry" not in message


# ---- text ----

MASKED = {
    "given": ("the word s3cret!", "the word ***"),
    "longest-first": ("s3cret!-and-more", "***"),
    "userinfo": ("GET https://me:pw@a.test/v2/", "GET https://***@a.test/v2/"),
    "signed-query": (
        'Get "https://s3.test/b?X-Amz-Signature=abc&X-Amz-Date=1": EOF',
        'Get "https://s3.test/b?X-Amz-Signature=***&X-Amz-Date=***": EOF',
    ),
    "harmless-query": (
        "https://a.test/t?scope=x&service=y&ns=docker.io",
        "https://a.test/t?scope=x&service=y&ns=docker.io",
    ),
    "basic": ("Authorization: Basic dXNlcjpwdw==", "Authorization: Basic ***"),
    "bearer": ("Bearer eyJhbGciOi.J9-_x", "Bearer ***"),
    "no-credentials": ("no basic auth credentials", "no basic auth credentials"),
    "path": ("open /etc/containerd/certs.d/a.test/hosts.toml", "open /etc/containerd/certs.d/a.test/hosts.toml"),
}


@pytest.mark.parametrize(("text", "masked"), MASKED.values(), ids=MASKED)
def test_mask(text: str, masked: str) -> None:
    assert cri.mask(text, ("", "s3cret!", "s3cret!-and-more")) == masked


def test_a_failure_holds_no_secret() -> None:
    stderr = 'time="x" level=fatal msg="pulling image: Get \\"https://me:pw@a.test/?sig=abc\\": s3cret!"'
    failure = cri.read_failure(stderr, ("s3cret!",))
    assert failure == cri.Failure("unknown", 'pulling image: Get "https://***@a.test/?sig=***": ***', "a.test")


def test_text_is_shortened() -> None:
    assert cri.shorten("a  b\n\tc") == "a b c"
    assert cri.shorten("x" * 501) == "x" * 496 + " ..."
    assert len(cri.read_failure("y" * 10000).text) == cri.MAX_TEXT


LAST_WORDS = {
    "fatal-line": ('E1121 07:05:49.1 1 x.go:1] "chatter"\ntime="t" level=fatal msg="the \\"end\\""\n', 'the "end"'),
    "no-fatal-line": (
        'time="t" level=warning msg="w"\nW1121 07:05 x\nIncorrect Usage: no such flag\n',
        "Incorrect Usage: no such flag",
    ),
    "go-escape": ('time="t" level=fatal msg="a \\"b\\" \\x1b"', 'a "b" \\x1b'),
}


@pytest.mark.parametrize(("stderr", "words"), LAST_WORDS.values(), ids=LAST_WORDS)
def test_last_words(stderr: str, words: str) -> None:
    assert cri.last_words(stderr) == words


# ---- references and images ----

REFERENCES = {
    "name": ("pause", "docker.io/library/pause:latest", "docker.io"),
    "tag": ("pause:3.10", "docker.io/library/pause:3.10", "docker.io"),
    "user": ("team/web", "docker.io/team/web:latest", "docker.io"),
    "hub": ("docker.io/busybox:1", "docker.io/library/busybox:1", "docker.io"),
    "index": ("index.docker.io/busybox:1", "docker.io/library/busybox:1", "docker.io"),
    "domain": ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10", "registry.k8s.io"),
    "port": ("a.test:5000/x/y", "a.test:5000/x/y:latest", "a.test:5000"),
    "localhost": ("localhost/x:1", "localhost/x:1", "localhost"),
    "ipv6": ("[fd00::1]:5000/x:1", "[fd00::1]:5000/x:1", "[fd00::1]:5000"),
    "digest": ("a.test/x@sha256:0a", "a.test/x@sha256:0a", "a.test"),
    "both": ("a.test/x:1@sha256:0a", "a.test/x@sha256:0a", "a.test"),
}


@pytest.mark.parametrize(("image", "canonical", "registry"), REFERENCES.values(), ids=REFERENCES)
def test_references(image: str, canonical: str, registry: str) -> None:
    reference = cri.parse_reference(image)
    assert reference and (reference.canonical, reference.registry) == (canonical, registry)


@pytest.mark.parametrize("image", ["", "-x", "--config=/etc/shadow", "a b", "a\n"])
def test_what_could_be_no_argument_is_no_reference(image: str) -> None:
    assert cri.parse_reference(image) is None


@pytest.mark.parametrize("version", ["1.6.20", "1.7.24"])
def test_images(version: str) -> None:
    images = cri.read_images(captured(f"{version}-images"))
    reference = cri.parse_reference("registry.k8s.io/pause:3.10")
    assert reference
    found = cri.find_image(images, reference)
    assert found and found.id.startswith("sha256:c15ed493")
    digest = found.repo_digest(reference)
    assert digest and digest.startswith("registry.k8s.io/pause@sha256:dd6de8c4")
    by_digest = cri.parse_reference(digest)
    assert by_digest and cri.find_image(images, by_digest) == found and found.repo_digest(by_digest) == digest


def test_images_that_are_not_there() -> None:
    images = (cri.Image("sha256:1", ("a.test/x:1",), ("b.test/x@sha256:2",)),)
    other_tag, other_name = cri.parse_reference("a.test/x:2"), cri.parse_reference("a.test/x:1")
    assert other_tag and cri.find_image(images, other_tag) is None
    assert other_name and images[0].repo_digest(other_name) is None
    assert cri.read_images('{"images": []}') == () == cri.read_images('{"images": null}')


@pytest.mark.parametrize("output", ["", "no JSON", "[]", '{"images": [{}]}'])
def test_what_is_no_list_of_images(output: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        cri.read_images(output)


# ---- plugins ----

MIRRORS = "`mirrors` cannot be set when `config_path` is provided"
DISABLED = 'no CRI plugin: config.toml disables it, see disabled_plugins (Docker\'s package ships it with ["cri"])'
PLUGINS = {
    "1.4.13-plugins": None,
    "1.6.20-plugins": None,
    "1.7.24-plugins": None,
    "2.3.4-plugins": None,
    "1.6.20-plugins-mirrors": f"invalid plugin config: {MIRRORS}",
    "1.7.24-plugins-mirrors": f"invalid plugin config: {MIRRORS}",
    "2.3.4-plugins-mirrors": f"invalid cri image config: {MIRRORS}",
    "1.6.20-plugins-disabled": DISABLED,
    "1.7.24-plugins-disabled": DISABLED,
    "2.3.4-plugins-disabled": DISABLED,
}


@pytest.mark.parametrize(("name", "why"), PLUGINS.items(), ids=PLUGINS)
def test_why_cri_is_not_loaded(name: str, why: str | None) -> None:
    assert cri.why_not_loaded(cri.read_plugins(captured(name))) == why


def test_plugins_are_read_whole() -> None:
    plugins = cri.read_plugins(captured("1.6.20-plugins"))
    assert len(plugins) == captured("1.6.20-plugins").count("Type:")
    skipped = next(plugin for plugin in plugins if plugin.id == "aufs")
    assert skipped.type == "io.containerd.snapshotter.v1" and "skip plugin" in (skipped.error or "")
    assert cri.read_plugins("") == () == cri.read_plugins("ctr: no such socket")


# ---- the journal ----

X509, REFUSED, NOT_FOUND = "x509_unknown_authority", "connection_refused", "image_not_found"
THREE = [
    ("registry.example.test:5443", X509),
    ("registry.example.test:1", REFUSED),
    ("registry.example.test:2", REFUSED),
]


@pytest.mark.parametrize("version", ["1.6.20", "1.7.24", "2.3.4"])
class TestJournal:
    def story(self, version: str, name: str, image: str) -> cri.Story:
        reference = cri.parse_reference(image)
        assert reference
        return cri.read_story(captured(f"{version}-journal-{name}"), reference)

    def test_each_endpoint_is_told(self, version: str) -> None:
        story = self.story(version, "three", "three.example.test/team/hello:1.0")
        assert [(attempt.host, attempt.reason) for attempt in story.attempts] == THREE
        assert story.last_failure and story.last_failure.endpoint == "registry.example.test:5443"
        failure = cri.Failure(X509, "x509: certificate signed by unknown authority", "registry.example.test:5443")
        assert cri.explain(failure, story=story).endswith(
            "Endpoints asked, in order: registry.example.test:5443 (x509_unknown_authority), "
            "registry.example.test:1 (connection_refused), registry.example.test:2 (connection_refused)."
        )

    def test_other_pulls_are_left_out(self, version: str) -> None:
        story = self.story(version, "three", "three.example.test/team/other:1.0")
        assert (story.attempts, story.last_failure) == ((), None)

    def test_the_one_who_has_no_such_image(self, version: str) -> None:
        story = self.story(version, "not-found", "plain.example.test/team/hello:nope")
        assert [(attempt.host, attempt.reason) for attempt in story.attempts] == [
            ("registry.example.test:5000", NOT_FOUND)
        ]
        # crictl's own text does not say who that was.
        assert cri.endpoint_by(story) == "registry.example.test:5000"

    def test_a_hosts_toml_that_is_passed_over(self, version: str) -> None:
        story = self.story(version, "broken", "broken.example.test/team/hello:1.0")
        (ignored,) = story.ignored
        assert "hosts.toml: " in ignored and "failed to decode" not in ignored
        assert [attempt.host for attempt in story.attempts] == ["broken.example.test"]

    def test_whose_hosts_toml_was_passed_over(self, version: str) -> None:
        ignored = cri.read_ignored(captured(f"{version}-journal-broken"))
        assert list(ignored) == ["broken.example.test/team/hello:1.0"]
        assert "hosts.toml: " in ignored["broken.example.test/team/hello:1.0"]
        for name in ("three", "not-found"):
            assert cri.read_ignored(captured(f"{version}-journal-{name}")) == {}

    def test_why_containerd_does_not_start(self, version: str) -> None:
        why = cri.why_not_started(captured(f"{version}-journal-not-started"))
        assert why and "TOML" in why and not why.startswith("containerd")

    def test_why_cri_is_not_loaded(self, version: str) -> None:
        why = cri.why_not_loaded_by_journal(captured(f"{version}-journal-not-loaded"))
        assert why and why.endswith(MIRRORS) and "dependency" not in why


def test_a_journal_that_says_nothing() -> None:
    reference = cri.parse_reference("a.test/x:1")
    assert reference and cri.read_story("", reference) == cri.Story()
    assert cri.endpoint_by(cri.Story()) is None
    assert cri.why_not_started("") is None
    assert cri.why_not_loaded_by_journal("") is None


PULL = 'level=info msg="PullImage \\"{}\\""'
OLD_ERROR = 'level=error msg="failed to decode hosts.toml" error="bad"'
NEW_ERROR = 'level=error msg="failed to decode /etc/containerd/certs.d/{}/hosts.toml" error="bad"'
MINE, THEIRS = PULL.format("a.test:5000/x:1"), PULL.format("b.test/y:1")
IGNORED: dict[str, tuple[list[str], list[str]]] = {
    "old": ([MINE, OLD_ERROR], ["a.test:5000/x:1"]),
    "old-debug": ([MINE, 'level=debug msg="normalized"', OLD_ERROR], ["a.test:5000/x:1"]),
    "old-other": ([MINE, THEIRS, OLD_ERROR], ["b.test/y:1"]),
    "old-unclear": ([MINE, 'level=info msg="something"', OLD_ERROR], []),
    "no-beginning": ([OLD_ERROR, NEW_ERROR.format("a.test:5000")], []),
    "new-colon": ([MINE, THEIRS, NEW_ERROR.format("a.test:5000")], ["a.test:5000/x:1"]),
    "new-underscores": ([MINE, THEIRS, NEW_ERROR.format("a.test_5000_")], ["a.test:5000/x:1"]),
    "new-other": ([THEIRS, MINE, NEW_ERROR.format("b.test")], ["b.test/y:1"]),
    "new-default": ([THEIRS, MINE, NEW_ERROR.format("_default")], ["a.test:5000/x:1"]),
    "both": ([MINE, OLD_ERROR, OLD_ERROR, THEIRS, OLD_ERROR], ["a.test:5000/x:1", "b.test/y:1"]),
}


@pytest.mark.parametrize(("lines", "images"), IGNORED.values(), ids=IGNORED)
def test_an_ignored_file_is_laid_to_the_right_pull(lines: list[str], images: list[str]) -> None:
    assert list(cri.read_ignored("\n".join(lines))) == images


def test_an_ignored_file_shows_no_secret() -> None:
    line = 'level=error msg="failed to decode hosts.toml" error="near Basic dXNlcjpwdw== s3cret!"'
    assert cri.read_ignored(f"{MINE}\n{line}", ("s3cret!",)) == {"a.test:5000/x:1": "hosts.toml: near Basic *** ***"}


def test_an_old_failure_to_start_is_not_told() -> None:
    failed = "Starting containerd.service...\ncontainerd: failed to load TOML\n"
    assert cri.why_not_started(f"{failed}Starting containerd.service...\nStarted containerd.service.\n") is None


def test_a_failure_to_start_is_told_while_systemd_tries_again() -> None:
    failed = "Starting containerd.service...\ncontainerd: failed to load TOML\n"
    assert cri.why_not_started(f"{failed}Starting containerd.service...\n") == "failed to load TOML"


LAST_WORDS_OF_A_START = {
    "1.6.20-journal-not-started": "failed to load TOML: /etc/containerd/config.toml: (2, 2): unexpected token unclosed "
    "table key, was expecting a table key",
    "1.6.20-journal-not-started-type": "failed to unmarshal TOML: (15, 2): Can't convert 1(int64) to string",
    # The file is named by another line.
    "2.3.4-journal-not-started": "failed to unmarshal TOML at row 2 column 9: toml: expected character ] "
    "(/etc/containerd/config.toml)",
    "2.3.4-journal-not-started-type": "failed to unmarshal TOML at row 45 column 6: toml: cannot decode TOML integer "
    "into struct field config.Config.Timeouts of type map[string]string (/etc/containerd/config.toml)",
    "1.6.20-journal-killed": "Main process exited, code=killed, status=9/KILL",
    "2.3.4-journal-killed": "Main process exited, code=killed, status=9/KILL",
    "1.6.20-journal-no-program": "Failed at step EXEC spawning /usr/bin/nope: No such file or directory",
    "2.3.4-journal-no-program": "Failed at step EXEC spawning /usr/bin/nope: No such file or directory",
    "1.6.20-journal-start-timeout": "start operation timed out. Terminating.",
    "2.1.5-journal-fatal": "Failed to run CRI service: stream server error: listen tcp 203.0.113.9:7000: bind: cannot "
    "assign requested address",
    "1.6.20-journal-ended": "Main process exited, code=exited, status=1/FAILURE",
}


@pytest.mark.parametrize(("journal", "words"), LAST_WORDS_OF_A_START.items(), ids=LAST_WORDS_OF_A_START)
def test_last_words_of_a_start(journal: str, words: str) -> None:
    assert cri.why_not_started(captured(journal)) == words


PANIC = """\
Starting containerd.service...
Started containerd.service.
time="2026-11-21T07:49:53Z" level=info msg="starting containerd" revision=abc version=2.3.4
time="2026-11-21T07:49:53Z" level=info msg="containerd successfully booted in 0.02s"
panic: runtime error: invalid memory address or nil pointer dereference
goroutine 1 [running]:
containerd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT
"""


def test_a_panic_after_the_start() -> None:
    assert cri.why_not_started(PANIC) == "panic: runtime error: invalid memory address or nil pointer dereference"


def test_what_ended_is_told_when_another_one_runs_already() -> None:
    again = f"{PANIC}Starting containerd.service...\nStarted containerd.service.\n"
    assert cri.why_not_started(again) is None
    assert cri.why_ended(again) == "panic: runtime error: invalid memory address or nil pointer dereference"
    assert cri.why_ended("containerd: what the one before it said\nStarting containerd.service...\n") is None


@pytest.mark.parametrize("output", ["", "[]", "{}", '{"status": {}}', '{"status": {"conditions": [{}]}}'])
def test_conditions_that_are_none(output: str) -> None:
    with pytest.raises(ValueError):
        cri.read_conditions(output)


@pytest.mark.parametrize("output", ["", "[]", '{"items": [{"id": "1"}]}', '{"items": 1}'])
def test_pods_that_are_none(output: str) -> None:
    with pytest.raises(ValueError):
        cri.read_pods(output)


def test_a_deprecation_is_no_condition_of_the_node() -> None:
    told = '{"status": {"conditions": [{"type": "ContainerdHasNoDeprecationWarnings", "status": false}]}}'
    assert cri.read_conditions(told) == {}


def test_last_words_hold_no_secret() -> None:
    journal = "Starting containerd.service...\ncontainerd: bad key in https://puller:hidden@registry.example.com\n"
    assert cri.why_not_started(journal) == "bad key in https://***@registry.example.com"


def test_the_last_message() -> None:
    assert cri.last_message(PANIC) == "containerd successfully booted in 0.02s"
    assert cri.last_message('level=info msg="Stop CRI service"\nStarting containerd.service...\n') is None
    # The lines of two processes and of systemd do not always come in the order of what they tell.
    assert cri.last_message('Starting containerd.service...\nlevel=info msg="Stream server stopped"\n') is None


def test_an_old_failure_to_load_is_not_told() -> None:
    start, failed = 'msg="starting containerd"', 'msg="failed to load plugin io.containerd.grpc.v1.cri" error="old"'
    assert cri.why_not_loaded_by_journal(f"{start}\n{failed}\n") == "old"
    assert cri.why_not_loaded_by_journal(f"{start}\n{failed}\n{start}\n") is None


def test_a_journal_holds_no_secret() -> None:
    reference = cri.parse_reference("a.test/x:1")
    assert reference
    line = 'msg="failed to decode hosts.toml" error="near Authorization = \\"Basic dXNlcjpwdw==\\" s3cret!"'
    assert cri.read_story(line, reference, ("s3cret!",)).ignored == (
        'hosts.toml: near Authorization = "Basic ***" ***',
    )
