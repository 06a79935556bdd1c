# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what crictl, ctr and containerd's journal say, and names what went wrong.

Private to this collection. Text in, values out: no process is started and no file is touched here. Runs on node Pythons
(3.8 and later), standard library only, without ansible imports.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

MAX_TEXT = 500


class Reason(t.NamedTuple):
    """A kind of failure: the text it is known by, and what to tell the person who has to mend it.

    ``says`` and ``hint`` may name ``{where}`` (the endpoint), ``{namespace}`` and ``{detail}`` (containerd's words).
    """

    name: str
    pattern: str
    says: str
    hint: str
    transient: bool = False


# The first pattern that is found decides, so the special stand before the general: a certificate that cannot be
# verified is no dropped connection, and a name that cannot be looked up is no time-out, whatever the text ends with.
REASONS: t.Tuple[Reason, ...] = (
    # Between crictl and containerd, before any registry is asked.
    Reason(
        "permission_denied",
        r"dial unix \S+: connect: permission denied|cannot access socket .*: permission denied",
        "this user may not open {where}",
        "Run the task with become.",
    ),
    Reason(
        "containerd_down",
        # The last two are ctr's: 1.x goes on dialing a socket that is not there until its time is up.
        r"dial unix \S+: connect: |connect: no such file or directory|dial unix:\S+: timeout|cannot access socket ",
        "nothing answers on {where} ({detail})",
        "See systemctl status containerd, or correct runtime_endpoint.",
        transient=True,
    ),
    Reason(
        "cri_not_loaded",
        r"unknown service runtime\.v1(?:alpha2)?\.",
        "containerd runs, and its CRI plugin is not loaded ({detail})",
        "Correct config.toml and restart containerd; systemctl calls it active all the same.",
    ),
    Reason(
        "cri_timeout",
        r"validate service connection: .*(?:DeadlineExceeded|use of closed network connection)"
        r"|error reading server preface: |failed to dial \"",
        "containerd does not answer on {where}, and the socket is open",
        "It hangs, or the machine is very busy: see journalctl -u containerd.",
        transient=True,
    ),
    Reason(
        "cri_not_ready",
        r"server is not initialized yet",
        "containerd runs, and its CRI plugin is still starting",
        "Give it time with wait.",
        transient=True,
    ),
    Reason(
        "containerd_restarted",
        r"code = Unavailable desc = (?!.*https?://)",
        "containerd went away while it was asked ({detail})",
        "It was restarted, or it crashed: see journalctl -u containerd.",
        transient=True,
    ),
    # What was asked for.
    Reason(
        "invalid_reference",
        r"failed to parse image reference|invalid reference format",
        "this is not an image reference ({detail})",
        "Write registry/repository:tag, the repository in lower case.",
    ),
    Reason(
        "credentials_invalid",
        r"illegal base64 data|invalid auth config|invalid authorization",
        "containerd cannot read the credentials ({detail})",
        "auth is the base64 of user:password.",
    ),
    # What hosts.toml says.
    Reason(
        "hosts_config",
        r"unable to (?:read|load) (?:CA|CERT|KEY|cert)|failed to load X509 key pair|no resolve hosts"
        r"|(?:open|read|stat) \S*(?:/certs\.d/|hosts\.toml)",
        "containerd cannot use what hosts.toml of {namespace} says ({detail})",
        "Correct that file or the file it names; containerd reads it anew at each pull.",
    ),
    # Between containerd and the registry.
    Reason(
        "proxy_failed",
        r"proxyconnect|Proxy Authentication Required|(?:Head|Get) \"[^\"]*\": (?!EOF\b)[A-Z][a-z]+(?: [A-Z][a-z]+)*$",
        "the proxy that containerd uses does not let it reach {where} ({detail})",
        "Put the registry into NO_PROXY of containerd's unit and restart containerd, or correct HTTPS_PROXY.",
    ),
    Reason(
        "name_not_found",
        r"dial tcp: lookup |no such host|name resolution",
        "this node cannot resolve the name of {where} ({detail})",
        "Correct the node's DNS or the url in hosts.toml of {namespace}.",
        transient=True,
    ),
    Reason(
        "x509_unknown_authority",
        r"certificate signed by unknown authority",
        "{where} shows a certificate of a CA that containerd does not know",
        "Name that CA as ca of this host in hosts.toml of {namespace}, or add it to the node's trust store and restart "
        "containerd.",
    ),
    Reason(
        "x509_expired",
        r"certificate has expired or is not yet valid",
        "the certificate of {where} is not valid at this node's time ({detail})",
        "Renew it, or set the clock of this node if that is what is wrong.",
    ),
    Reason(
        "x509_name_mismatch",
        r"certificate is (?:not )?valid for|doesn't contain any IP SANs|legacy Common Name",
        "the certificate of {where} is not for that name ({detail})",
        "Write a name that the certificate carries into the url in hosts.toml of {namespace}, or have it reissued.",
    ),
    Reason(
        "x509_invalid",
        r"x509: ",
        "containerd refuses the certificate of {where} ({detail})",
        "Have it reissued as a server certificate, or name another ca in hosts.toml of {namespace}.",
    ),
    Reason(
        "http_on_https_port",
        r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake",
        "{where} speaks plain HTTP, and containerd asked by HTTPS",
        "Write http:// in the url in hosts.toml of {namespace}, or name the port that speaks TLS.",
    ),
    Reason(
        "tls_client_certificate",
        r"remote error: tls: (?:bad certificate|certificate required|unknown certificate|expired certificate)",
        "{where} wants a client certificate, or refuses the one it was shown ({detail})",
        "Name certificate and key as client of this host in hosts.toml of {namespace}.",
    ),
    Reason(
        "tls_failed",
        r"tls: (?!failed to verify)",
        "the TLS handshake with {where} failed ({detail})",
        "Compare the protocol versions and ciphers that the registry offers with what containerd accepts.",
    ),
    # What the registry answered.
    Reason(
        "rate_limited",
        r"429 Too Many Requests|toomanyrequests",
        "{where} limits how often one may pull (429)",
        "Wait, give credentials, or let a mirror serve {namespace}.",
    ),
    Reason(
        "unauthorized",
        r"401 Unauthorized|pull access denied|insufficient_scope|no basic auth credentials|authorization failed",
        "{where} asks for credentials, or refuses those it was given ({detail})",
        "Check user, password and the repository's path; for all pulls of a node, give the host its auth in the entry "
        "of {namespace} (containerd_registries).",
    ),
    Reason(
        "forbidden",
        r"403 Forbidden|\bdenied: ",
        "{where} forbids it ({detail})",
        "Check what the account may read, and the repository's path.",
    ),
    Reason(
        "https_on_http_port",
        r"400 Bad Request",
        "{where} answers 400 Bad Request, as a TLS port does when it is asked by plain HTTP",
        "Write https:// in the url in hosts.toml of {namespace}, or name the port that speaks plain HTTP.",
    ),
    Reason(
        "server_error",
        r"\b5\d\d [A-Z][A-Za-z]+",
        "{where} failed ({detail})",
        "The log of that registry, or of the proxy before it, says why.",
        transient=True,
    ),
    Reason(
        "network_unreachable",
        r"network is unreachable|no route to host",
        "this node has no way to {where} ({detail})",
        "Check routes and firewall, or let a mirror that can be reached serve {namespace}.",
        transient=True,
    ),
    Reason(
        "connection_refused",
        r"connection refused",
        "nothing listens at {where} (connection refused)",
        "Check the port in the url, and that the registry runs.",
        transient=True,
    ),
    Reason(
        "timeout",
        r"i/o timeout|deadline exceeded|DeadlineExceeded|[Tt]imeout exceeded|handshake timeout|timed out"
        r"|context canceled",
        "no answer from {where} in time ({detail})",
        "A firewall that drops packets looks like this; a large image on a slow line may need a longer timeout.",
        transient=True,
    ),
    Reason(
        "connection_lost",
        r"\bEOF\b|connection reset by peer|broken pipe",
        "{where} closed the connection before it had answered ({detail})",
        "The log of that registry, or of the proxy before it, says why.",
        transient=True,
    ),
    # What came of the answer.
    Reason(
        "no_space",
        r"no space left on device|disk quota exceeded",
        "the node has no room for the image ({detail})",
        "Free space where containerd keeps its root, by default /var/lib/containerd.",
    ),
    Reason(
        "wrong_platform",
        r"no match for platform",
        "the image has no variant for this node's platform",
        "Copy all platforms of it into the registry.",
    ),
    Reason(
        "not_a_registry",
        r"unexpected media type|invalid character '<'",
        "{where} answers, and not as a registry ({detail})",
        "A login page or a portal answers like this: check the path of the url in hosts.toml of {namespace}, and "
        "override_path.",
    ),
    Reason(
        "image_not_found",
        r"not found|404 Not Found|manifest unknown",
        "{where} does not have this image",
        "Copy it there, or correct the path of the url and override_path in hosts.toml of {namespace}.",
    ),
)
UNKNOWN = Reason("unknown", "", "the pull failed: {detail}", "See journalctl -u containerd.")
# Those that text alone does not tell; the module says them.
OTHERS: t.Tuple[Reason, ...] = (
    Reason(
        "cri_api_too_old",
        "",
        "containerd's CRI plugin is loaded, and speaks an older CRI than crictl does (containerd before 1.6 has no CRI "
        "v1)",
        "Update containerd to 1.6 or later, or give the node a crictl of its time (v1.23 for containerd 1.4 and 1.5).",
    ),
    Reason(
        "crictl_too_old",
        "",
        "containerd's CRI plugin is loaded, and speaks a newer CRI than crictl does (containerd 2 has no CRI v1alpha2)",
        "Update crictl to the version of the node's Kubernetes.",
    ),
    Reason(
        "crictl_absent",
        "",
        "there is no crictl on this node, and only CRI shows what the kubelet's pulls will do",
        "Install the package cri-tools of the Kubernetes repositories, or copy the one static binary of a cri-tools "
        "release to /usr/local/bin/crictl.",
    ),
)
BY_NAME: t.Dict[str, Reason] = {reason.name: reason for reason in (*REASONS, UNKNOWN, *OTHERS)}

# ---- text ----

_USERINFO = re.compile(r"(://)[^/@\s\"'\\]+@")
_QUERY_VALUE = re.compile(r"([?&](?!ns=|scope=|service=)[\w.~%-]+=)[^&\s\"'\\]+")
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9._~+/-]{6,}=*")
_LOGRUS = re.compile(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|\S+)")
_PREFIXES = re.compile(
    r"(?:ctr: |failed to dial \"[^\"]*\": (?:context deadline exceeded: )?|cannot access socket \S+: stat \S+: "
    r"|pulling image: |validate service connection: |validate CRI v\w+ \w+ API for endpoint \"[^\"]*\": "
    r"|rpc error: code = \w+ desc = |connection error: desc = \"transport: [Ee]rror while dialing: "
    r"|dial unix \S+: connect: |dial unix:\S+: |failed to pull and unpack image \"[^\"]*\": "
    r"|failed to resolve (?:reference \"[^\"]*\"|image): |failed to copy: |httpReadSeeker: failed open: "
    r"|failed to do request: |failed to parse image reference \"[^\"]*\": |failed to get credentials for \"[^\"]*\": "
    r"|(?:Head|Get) \"[^\"]*\": |unexpected status from \w+ request to \S+: |unexpected status code \S+: "
    r"|pulling from host \S+ failed with status code \[[^]]*\]: |(?<!proxyconnect tcp: )dial tcp(?: [\d.:\[\]a-f]+)?: "
    r"|tls: failed to verify certificate: |readLoopPeekFailLocked: |remote error: )+"
)


def mask(text: str, secrets: t.Iterable[str] = ()) -> str:
    """Text without the given secrets, and without what is one by its form: URL credentials, signed queries, tokens."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _USERINFO.sub(r"\1***@", text)
    text = _QUERY_VALUE.sub(r"\1***", text)
    return _AUTHORIZATION.sub(r"\1 ***", text)


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 4].rstrip() + " ..."


def fields(line: str) -> t.Dict[str, str]:
    """The key=value pairs of a line that containerd or crictl logged."""
    return {key: _unquote(value) for key, value in _LOGRUS.findall(line)}


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        # Go quotes what is not printable in ways of its own (\x1b).
        return value[1:-1].replace('\\"', '"')


def last_words(stderr: str) -> str:
    """What crictl died of: its fatal line, or all it said less the chatter of its libraries."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    for line in reversed(lines):
        if "level=fatal" in line:
            return fields(line).get("msg", line)
    return "\n".join(line for line in lines if not re.match(r"[EWI]\d{4} |time=\S+ level=(?:warning|info)", line))


def detail(text: str) -> str:
    """containerd's own words for the cause, without the layers they are wrapped in."""
    text = text.replace("no resolve hosts: not found", "no host in it has the capability resolve")
    return shorten(_PREFIXES.sub("", text), 200).rstrip('"')


# ---- failures ----


@dataclass(frozen=True)
class Failure:
    """A named failure. ``endpoint`` is host[:port] of a registry, or the path of containerd's socket, where known.

    ``arrived``: the image is on the node, and came by another way than it was to prove.
    """

    reason: str
    text: str
    endpoint: t.Optional[str] = None
    arrived: bool = False

    @property
    def transient(self) -> bool:
        return BY_NAME[self.reason].transient


def classify(text: str) -> str:
    for reason in REASONS:
        if re.search(reason.pattern, text):
            return _unless_https(reason.name, text)
    return UNKNOWN.name


def _unless_https(name: str, text: str) -> str:
    # A 400 is told from the port's protocol only when it was asked by plain HTTP, or when the text does not say how.
    return UNKNOWN.name if name == "https_on_http_port" and "https://" in text else name


_ENDPOINTS = (
    r"dial unix (?P<where>\S+?):",
    r"(?:failed to dial \"|cannot access socket |read unix @->)(?P<where>/[^\s\":]+)",
    r".*https?://(?:\*\*\*@)?(?P<where>[^/\s\"?\\]+)",
    r"pulling from host (?P<where>\S+) failed",
    r"failed to get credentials for \"(?P<where>[^\"]+)\"",
)


def endpoint_of(text: str) -> t.Optional[str]:
    """Who was asked, where the text says it. Of several URLs the last: a token service stands behind its registry."""
    for pattern in _ENDPOINTS:
        found = re.search(pattern, text, re.DOTALL)
        if found:
            return found.group("where")
    return None


def read_failure(stderr: str, secrets: t.Iterable[str] = ()) -> Failure:
    """What the standard error of a failed crictl call comes to."""
    text = mask(last_words(stderr), secrets)
    return Failure(classify(text), shorten(text), endpoint_of(text))


# ---- image references ----

_DOMAIN = re.compile(r"[.:]|^localhost$|[A-Z]")
UPSTREAM_HOSTS = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True)
class Reference:
    """An image reference as containerd completes it: the registry and the tag that are left out are filled in."""

    registry: str
    repository: str
    tag: t.Optional[str]
    digest: t.Optional[str]

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.repository}"

    @property
    def canonical(self) -> str:
        """The name under which containerd lists the image: of tag and digest, the digest counts."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    @property
    def upstream(self) -> str:
        """The host that containerd asks when no hosts.toml sends it elsewhere."""
        return UPSTREAM_HOSTS.get(self.registry, self.registry)


def parse_reference(image: str) -> t.Optional[Reference]:
    """None for what could not be handed to crictl as one argument; the grammar itself is containerd's to judge."""
    if not re.fullmatch(r"[A-Za-z0-9\[]\S*", image):
        return None
    name, _at, digest = image.partition("@")
    head, slash, tail = name.rpartition("/")
    tail, colon, tag = tail.partition(":")
    first, _slash, rest = f"{head}{slash}{tail}".partition("/")
    if not rest or not _DOMAIN.search(first):
        first, rest = "docker.io", f"{head}{slash}{tail}"
    if first in ("docker.io", "index.docker.io"):
        first, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    return Reference(first, rest, tag if colon else None if digest else "latest", digest or None)


@dataclass(frozen=True)
class Image:
    id: str
    tags: t.Tuple[str, ...]
    digests: t.Tuple[str, ...]

    def known_as(self, reference: Reference) -> bool:
        return reference.canonical in (self.digests if reference.digest else self.tags)

    def repo_digest(self, reference: Reference) -> t.Optional[str]:
        """The digest under which this repository delivered the image."""
        if reference.canonical in self.digests:
            return reference.canonical
        return next((digest for digest in self.digests if digest.startswith(f"{reference.name}@")), None)


def read_images(output: str) -> t.Tuple[Image, ...]:
    """The list that ``crictl images --output json`` prints. ValueError when it is none."""
    data = json.loads(output)
    if not isinstance(data, dict):
        raise ValueError("not a list of images")
    return tuple(
        Image(item["id"], tuple(item.get("repoTags") or ()), tuple(item.get("repoDigests") or ()))
        for item in data.get("images") or ()
    )


def find_image(images: t.Iterable[Image], reference: Reference) -> t.Optional[Image]:
    return next((image for image in images if image.known_as(reference)), None)


# ---- what the kubelet sees ----

_OF_THE_NODE = ("RuntimeReady", "NetworkReady")


class Condition(t.NamedTuple):
    true: bool
    why: str


def read_conditions(output: str) -> t.Dict[str, Condition]:
    """Those conditions in ``crictl info`` by which the kubelet calls its node ready. ValueError when it tells none.

    Others do not count: newer releases have one that is false as soon as the configuration holds what is deprecated.
    """
    try:
        told = json.loads(output)["status"]["conditions"]
        return {item["type"]: _read_condition(item) for item in told if item["type"] in _OF_THE_NODE}
    except (KeyError, TypeError) as error:
        raise ValueError("no conditions") from error


def _read_condition(item: t.Mapping[str, t.Any]) -> Condition:
    words = (item.get("reason"), item.get("message"))
    return Condition(item.get("status") is True, shorten(mask(": ".join(str(word) for word in words if word))))


def read_pods(output: str) -> t.Dict[str, str]:
    """The pods that ``crictl pods --output json`` lists, by the id of their sandbox. ValueError when it lists none."""
    try:
        told = json.loads(output).get("items") or ()
        return {pod["id"]: f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in told}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("no list of pods") from error


_POD_IS_TO_END = re.compile(r"(?:Stop|Remove)PodSandbox for \\?\"(\w+)")


def pods_to_end(journal: str) -> t.FrozenSet[str]:
    """The sandboxes that somebody had containerd stop or remove."""
    return frozenset(_POD_IS_TO_END.findall(journal))


# ---- ctr plugins ls --detailed ----


@dataclass(frozen=True)
class Plugin:
    type: str
    id: str
    error: t.Optional[str] = None


def read_plugins(output: str) -> t.Tuple[Plugin, ...]:
    """What ``ctr plugins ls --detailed`` tells: each plugin, and why it did not load."""
    return tuple(filter(None, map(_read_plugin, re.split(r"^(?=Type:)", output, flags=re.MULTILINE))))


def _read_plugin(block: str) -> t.Optional[Plugin]:
    found = re.match(r"Type:\s+(\S+)\s+ID:\s+(\S+)", block)
    if not found:
        return None
    error = re.search(r"^Error:.*?^\s+Message:\s+(.*?)\s*\Z", block, re.MULTILINE | re.DOTALL)
    return Plugin(found.group(1), found.group(2), shorten(error.group(1)) if error else None)


def cri_plugin(plugins: t.Iterable[Plugin]) -> t.Optional[Plugin]:
    """The plugin that serves CRI, on every release; None when containerd's configuration disables it."""
    return next((plugin for plugin in plugins if (plugin.type, plugin.id) == ("io.containerd.grpc.v1", "cri")), None)


def why_not_loaded(plugins: t.Sequence[Plugin]) -> t.Optional[str]:
    """containerd's reason for having no CRI; None when CRI is loaded.

    From 2.0 on CRI is three plugins. What keeps one from loading is wrapped into the errors of those that need it, so
    the plugin that is needed is asked first.
    """
    serving = cri_plugin(plugins)
    if serving is None:
        return 'no CRI plugin: config.toml disables it, see disabled_plugins (Docker\'s package ships it with ["cri"])'
    if serving.error is None:
        return None
    roots = (plugin.error for plugin in plugins if plugin.type == "io.containerd.cri.v1" and plugin.error)
    return next(roots, serving.error)


# ---- the journal ----


@dataclass(frozen=True)
class Attempt:
    """One endpoint that containerd asked and did not get the image from."""

    host: str
    reason: str


@dataclass(frozen=True)
class Story:
    """What the journal adds to a failed pull: every endpoint that was asked, and hosts.toml files passed over."""

    attempts: t.Tuple[Attempt, ...] = ()
    ignored: t.Tuple[str, ...] = ()
    last_failure: t.Optional[Failure] = None


_ASKED = re.compile(r"(?:trying next host|fetch failed)(?P<status>.*)", re.DOTALL)


def read_story(journal: str, reference: Reference, secrets: t.Iterable[str] = ()) -> Story:
    """The story of one pull, from the journal of its time. Lines of other pulls of that time are left out."""
    secrets = tuple(secrets)
    attempts: t.Dict[str, Attempt] = {}
    ignored: t.Dict[str, None] = {}
    last: t.Optional[Failure] = None
    for line in journal.splitlines():
        pairs = fields(mask(line, secrets))
        message, error = pairs.get("msg", ""), pairs.get("error", "")
        if _ASKED.match(message) and "host" in pairs and _concerns(error + pairs.get("url", ""), reference):
            attempts.setdefault(pairs["host"], Attempt(pairs["host"], _why(message, error)))
        elif _is_ignored(message):
            ignored[_ignored(message, error)] = None
        elif message.startswith("PullImage") and message.endswith("failed") and reference.repository in message:
            last = Failure(classify(error), shorten(error), endpoint_of(error))
    return Story(tuple(attempts.values()), tuple(ignored), last)


def _is_ignored(message: str) -> bool:
    return message.startswith("failed to decode") and "hosts.toml" in message


def _ignored(message: str, error: str) -> str:
    return f"{message.replace('failed to decode ', '')}: {error}"


def read_ignored(journal: str, secrets: t.Iterable[str] = ()) -> t.Dict[str, str]:
    """Images by the name they were pulled by, with the hosts.toml file that containerd passed over, and why.

    Without the line that begins a pull, at another log level than info, nothing is known and nobody is blamed.
    """
    secrets = tuple(secrets)
    found: t.Dict[str, str] = {}
    begun: t.List[str] = []
    follows = False
    for line in journal.splitlines():
        pairs = fields(mask(line, secrets))
        message = pairs.get("msg", "")
        begins = re.fullmatch(r'PullImage "([^"]+)"', message)
        if begins:
            begun.append(begins.group(1))
        elif _is_ignored(message):
            for image in _read_for(message, begun, follows=follows):
                found.setdefault(image, _ignored(message, pairs.get("error", "")))
        follows = bool(begins) or (follows and pairs.get("level") == "debug")
    return found


def _read_for(message: str, begun: t.Sequence[str], *, follows: bool) -> t.Sequence[str]:
    """The pulls that a line about a hosts.toml concerns.

    Before 2.0 it names no file. containerd reads the file first, so the line is taken for the pull whose beginning it
    follows, and for none if it follows something else, since the kubelet pulls too.
    """
    directory = re.search(r"([^/]+)/hosts\.toml", message)
    if not directory or directory.group(1) == "_default":
        return begun[-1:] if follows else ()
    return [image for image in begun if directory.group(1) in _directories(image)]


def _directories(image: str) -> t.Tuple[str, ...]:
    reference = parse_reference(image)
    if not reference:
        return ()
    return (reference.registry, re.sub(r":(\d+)$", r"_\1_", reference.registry))


def _concerns(text: str, reference: Reference) -> bool:
    return "/v2/" not in text or f"/{reference.repository}/" in text


def _why(message: str, error: str) -> str:
    # 1.x says "response was http.StatusNotFound", 2.x "after status: 404 Not Found".
    return classify(error or message.replace("http.StatusNotFound", "404 Not Found"))


def endpoint_by(story: Story) -> t.Optional[str]:
    """Who failed, for a failure whose own text does not say it."""
    if story.last_failure and story.last_failure.endpoint:
        return story.last_failure.endpoint
    return story.attempts[-1].host if story.attempts else None


_OWN_LAST_WORDS = re.compile(r"^(?:containerd: |(?=panic: |fatal error: ))(.+)$", re.MULTILINE)
# What systemd tells of an end, the most telling first; containerd has no last words when it is killed or not there.
_SYSTEMD_LAST_WORDS = tuple(
    re.compile(rf"^\S+\.service: ({words}.*)$", re.MULTILINE)
    for words in (
        "Failed at step",
        "A process of this unit has been killed by the OOM killer",
        "[Ss]tart operation timed out",
        "Control process exited, ",
        "Main process exited, ",
        "Start request repeated too quickly",
    )
)


def why_not_started(journal: str) -> t.Optional[str]:
    """What a containerd that would not start, or did not last, died with, from the last start the journal tells of.

    systemd starts it again and again: a start of this moment has said nothing yet, and the one before it counts.
    """
    for start in reversed(re.split(r"^Starting .*$", journal, flags=re.MULTILINE)[-2:]):
        _before, started, after = start.rpartition("\nStarted ")
        words = _last_words_of(after)
        if words or started:
            return words
    return None


def why_ended(journal: str) -> t.Optional[str]:
    """What the last containerd of this journal that ended died with, even if another one has been started since."""
    starts = re.split(r"^Starting .*$", journal, flags=re.MULTILINE)[1:]
    return next(filter(None, map(_last_words_of, reversed(starts))), None)


def _last_words_of(start: str) -> t.Optional[str]:
    own = _OWN_LAST_WORDS.findall(start)
    if own:
        return shorten(mask(own[-1]) + _file_named_by(start, own[-1]))
    fatal = [pairs for pairs in map(fields, start.splitlines()) if pairs.get("level") == "fatal"]
    if fatal:
        words = (fatal[-1].get("msg"), fatal[-1].get("error"))
        return shorten(mask(": ".join(filter(None, words))))
    found = filter(None, (pattern.search(start) for pattern in _SYSTEMD_LAST_WORDS))
    return next((shorten(match.group(1)) for match in found), None)


def _file_named_by(start: str, words: str) -> str:
    """From 2.0 on the last words tell row and column, and another line tells of which file."""
    for line in start.splitlines():
        pairs = fields(line)
        if pairs.get("error") and words.endswith(pairs["error"]) and pairs.get("file"):
            return f" ({pairs['file']})"
    return ""


def last_message(journal: str) -> t.Optional[str]:
    """The last thing that containerd itself logged in its last start.

    What the one before it says when it is stopped can reach the journal after systemd's word that the next one starts,
    but not after the first word of that one.
    """
    start = re.split(r"^Starting .*$", journal, flags=re.MULTILINE)[-1]
    messages = [fields(line).get("msg", "") for line in start.splitlines()]
    begun = [number for number, message in enumerate(messages) if message.startswith("starting containerd")]
    own = filter(None, messages[begun[-1] :]) if begun else ()
    return next((shorten(mask(message), 200) for message in reversed(list(own))), None)


def why_not_loaded_by_journal(journal: str) -> t.Optional[str]:
    """containerd's reason for having no CRI, from the lines of its last start."""
    reason = None
    for line in journal.splitlines():
        pairs = fields(line)
        message = pairs.get("msg", "")
        if message.startswith("starting containerd"):
            reason = None
        elif message.startswith("failed to load plugin") and re.search(r"\bcri\b", message + pairs.get("id", "")):
            reason = reason or shorten(mask(pairs.get("error", "")))
    return reason


# ---- sentences ----

ARRIVED = (
    "the image came, but not by way of hosts.toml: containerd passed that file over and asked {upstream} itself "
    "({detail}). Correct hosts.toml of {namespace}; containerd reads it anew at each pull."
)


def explain(failure: Failure, *, reference: t.Optional[Reference] = None, story: t.Optional[Story] = None) -> str:
    """What happened and what to do, for a person who is woken by it."""
    if failure.arrived and reference:
        return ARRIVED.format(
            upstream=reference.upstream, namespace=reference.registry, detail=shorten(failure.text, 200)
        )
    story = story or Story()
    sentences = [what_happened(failure, reference=reference) + ".", _hint(failure, reference)]
    sentences.extend(_circumstances(failure, reference, story))
    return " ".join(sentences)


def what_happened(failure: Failure, *, reference: t.Optional[Reference] = None) -> str:
    return BY_NAME[failure.reason].says.format(**_known(failure, reference))


def _hint(failure: Failure, reference: t.Optional[Reference]) -> str:
    return BY_NAME[failure.reason].hint.format(**_known(failure, reference))


def _known(failure: Failure, reference: t.Optional[Reference]) -> t.Dict[str, str]:
    return {
        "where": failure.endpoint or "the registry",
        "namespace": reference.registry if reference else "the registry",
        "detail": detail(failure.text),
    }


def _circumstances(failure: Failure, reference: t.Optional[Reference], story: Story) -> t.Iterator[str]:
    if failure.endpoint and re.search(r"fetch \w+ token: .*://", failure.text):
        yield f"{failure.endpoint} is the token service that the registry names."
    if len(story.attempts) > 1:
        tried = ", ".join(f"{attempt.host} ({attempt.reason})" for attempt in story.attempts)
        yield f"Endpoints asked, in order: {tried}."
    if story.ignored:
        yield f"containerd could not read hosts.toml and passed it over ({shorten('; '.join(story.ignored), 200)})."
    elif reference and failure.endpoint == reference.upstream:
        yield (
            f"{failure.endpoint} is the image's own registry: if a mirror should serve it, containerd found none in "
            f"config_path for {reference.registry}."
        )
