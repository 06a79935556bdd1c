# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a node: its routes, each closed or open, what they lead to, and what was found. Private.

A node is closed only if every way is known, and leads nowhere but to registries that are trusted.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import lint as linting
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, Data, sandbox_image
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, masked_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint import Finding, Severity
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.lint_finding import found
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.planned_routes import ALWAYS, word
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release, local_pull_reasons
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import (
    Config,
    Route,
    Step,
    configured_namespaces,
    namespace_route,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.verdict import Verdict, judge

Wire = dict[str, t.Any]

# The findings that explain why config.toml does not tell whom containerd asks.
_NOTHING_IS_KNOWN = (
    "config-not-toml",
    "config-unreadable",
    "import-missing",
    "config-version-unsupported",
    "containerd-does-not-start",
    "cri-does-not-load",
    "not-judged",
)


@dataclasses.dataclass(frozen=True)
class UsedImage:
    """An image that the node uses, by the name that containerd completes, and who uses it."""

    name: str
    registry: str
    used_by: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A node as it was read. ``config`` is None where config.toml does not tell whom containerd asks, for the reason in
    ``trouble``; ``data`` is what counts of its settings, None where that is not known either."""

    version: str
    release: Release
    unit: str
    config_file: str
    files: tuple[ConfigFile, ...]
    state: NodeState
    data: Data | None
    config: Config | None
    trouble: DomainError | None
    trust: Trust
    trusted: tuple[str, ...]
    images: tuple[UsedImage, ...]
    images_unknown: str
    # Files of Kubernetes that could not be read, and why.
    unread: t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Judged:
    """One namespace with its verdict, the way to it if that is known, and why it is listed."""

    namespace: str
    verdict: Verdict
    route: Route | None
    images: tuple[str, ...]
    why_listed: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, str]:
        """What hurts most comes first: containerd itself pulls the sandbox image, before anything else can run."""
        order = ("sandbox", "in_use", "asked", "configured", "always")
        return min(map(order.index, self.why_listed)), self.namespace


def report(subject: Subject) -> Wire:
    """The result of a node; the values of ``config.effective`` are not masked yet."""
    findings = findings_of(subject)
    unknown = _unknown(subject, findings)
    used = _by_registry(subject.images)
    judged = [_judged(name, why, used.get(name, ()), unknown, subject) for name, why in _listed(subject)]
    judged += _unlisted({each.namespace for each in judged}, subject)
    opened = sorted((each for each in judged if not each.verdict.is_closed), key=lambda each: each.rank)
    return {
        "verdict": word(is_closed=not opened),
        "reason": _told(opened[0]) if opened else _closed(judged),
        "containerd": _containerd(subject),
        "config": _config(subject),
        "routes": [_route(each, subject) for each in judged],
        "images": [
            {"image": each.name, "namespace": each.registry, "used_by": list(each.used_by)} for each in subject.images
        ],
        "images_known": not subject.images_unknown,
        "images_unknown_reason": subject.images_unknown,
        "findings": [_finding(each) for each in findings],
        "trusted_registries": list(subject.trusted),
    }


def _told(judged: _Judged) -> str:
    return f"{judged.namespace}: {judged.verdict.reason}"


def findings_of(subject: Subject) -> tuple[Finding, ...]:
    """The traps that the node is in, and what of it could not be judged; the worst first, then by file and line."""
    release = Release.parse(subject.version)
    images = tuple((each.name, each.used_by) for each in subject.images)
    looked_at = linting.Subject(
        subject.state, release, subject.files, subject.trust, images, config_file=subject.config_file
    )
    findings = [*linting.lint(looked_at), *(_unread(path, why) for path, why in subject.unread.items())]
    if subject.trouble is not None and not any(each.severity is Severity.ERROR for each in findings):
        place, what = _place(subject)
        findings.append(found("not-judged", what, place))
    return tuple(sorted(findings, key=_rank))


def _rank(finding: Finding) -> tuple[int, str, int, str]:
    return tuple(Severity).index(finding.severity), finding.place.file, finding.place.line or 0, finding.id


def _unread(path: str, why: str) -> Finding:
    what = f"{path} cannot be read ({why}): the images that it names are not known"
    return found("not-judged", what, Place(path), fix="See to the file, or read it as root.")


def _closed(judged: t.Sequence[_Judged]) -> str:
    failing = sum(1 for each in judged if each.route is not None and each.route.fails)
    but = f"; every pull fails on {failing} of them" if failing else ""
    return f"Nobody but trusted registries is asked, on the {len(judged)} routes that are listed{but}."


# --- the namespaces


def _listed(subject: Subject) -> list[tuple[str, tuple[str, ...]]]:
    why: dict[str, list[str]] = {name: ["always"] for name in ALWAYS}
    config = subject.config
    for name in [] if config is None else configured_namespaces(subject.state, config):
        why.setdefault(name, []).append("configured")
    for used in subject.images:
        # An image that is only asked about is not in use.
        reasons = {"sandbox": "sandbox", "asked": "asked"}
        for reason in [reasons.get(each, "in_use") for each in used.used_by]:
            if reason not in why.setdefault(used.registry, []):
                why[used.registry].append(reason)
    return [(name, tuple(why[name])) for name in sorted(why)]


# --- one namespace


def _by_registry(images: t.Iterable[UsedImage]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for each in images:
        names.setdefault(each.registry, []).append(each.name)
    return names


def _unlisted(listed: t.Container[str], subject: Subject) -> t.Iterator[_Judged]:
    """All other registries, where any of them may be in use; of a copied tree, nothing is in use."""
    is_copy = subject.state.images is None
    why = subject.images_unknown or "; ".join(f"{path}: {reason}" for path, reason in subject.unread.items())
    if is_copy or not why or ANY in listed or subject.config is None:
        return
    route = namespace_route(ANY, subject.state, subject.config)
    verdict = judge(route, subject.trust)
    if not verdict.is_closed:
        since = f"the images in use are not known ({why.rstrip('.')}), and registries without an entry are open"
        reason = f"It cannot be told whether it is closed, since {since}."
        yield _Judged(ANY, Verdict(False, reason, verdict.place, "other-registries-open"), route, (), ("in_use",))


def _judged(
    namespace: str, why: tuple[str, ...], images: t.Iterable[str], unknown: Verdict, subject: Subject
) -> _Judged:
    used = tuple(images)
    if subject.config is None:
        return _Judged(namespace, unknown, None, used, why)
    # All images of a namespace go one way.
    route = namespace_route(namespace, subject.state, subject.config)
    verdict = judge(route, subject.trust)
    verdict = (_stale(route, subject.state) if verdict.is_closed else None) or verdict
    return _Judged(namespace, verdict, route, used, why)


def _stale(route: Route, state: NodeState) -> Verdict | None:
    """What a running containerd read when it started is not known once the file is another one."""
    place = next((each.place for each in route.obstacles if each.kind == "not_restarted"), None)
    if place is None or not (state.unit or {}).get("main_pid"):
        return None
    since = f"containerd was started before {place.file} was last changed"
    reason = f"It cannot be told whether it is closed, since {since}."
    return Verdict(False, reason, place, "not-restarted")


def _unknown(subject: Subject, findings: t.Sequence[Finding]) -> Verdict:
    """What is said of every route where config.toml tells nothing."""
    place, what = _place(subject)
    where = f"{place.file}:{place.line}" if place.line else place.file
    found_there = {each.id for each in findings if each.place.file == place.file}
    rule = next((rule for rule in _NOTHING_IS_KNOWN if rule in found_there), "")
    return Verdict(False, f"It cannot be told whether it is closed ({where}: {what}).", place, rule)


def _place(subject: Subject) -> tuple[Place, str]:
    """Where config.toml or what it imports cannot be told, and why."""
    error = subject.trouble or DomainError("it was not read")
    key = masked_key_path(error.key_path or ())
    what = f"{key} {error.what}" if key else error.what
    return Place(error.file or subject.config_file, error.line, key), what.rstrip(".")


# --- for results


def _containerd(subject: Subject) -> Wire:
    unit = subject.state.unit
    started = (unit or {}).get("started") or 0
    moment = datetime.datetime.fromtimestamp(int(started), tz=datetime.UTC) if started else None
    return {
        "version": subject.version,
        "treated_as": str(subject.release),
        "config_file": subject.config_file,
        "config_files": [file.path for file in subject.files],
        "unit": subject.unit,
        "running": None if unit is None else bool(unit["main_pid"]),
        "started": None if moment is None else moment.isoformat().replace("+00:00", "Z"),
    }


def _config(subject: Subject) -> Wire:
    data, config = subject.data, subject.config
    sandbox, is_default = ("", False) if data is None else sandbox_image(data, subject.release)
    return {
        "config_path": "" if config is None else config.config_path,
        "directories": [] if config is None else list(config.roots),
        "sandbox_image": sandbox,
        "sandbox_image_is_default": is_default,
        "local_pull_reasons": [masked_key_path(path) for path in local_pull_reasons(data or {}, subject.release)],
        "effective": data or {},
    }


def _route(judged: _Judged, subject: Subject) -> Wire:
    place = judged.verdict.place
    route = judged.route
    return {
        "namespace": judged.namespace,
        "verdict": word(is_closed=judged.verdict.is_closed),
        "reason": judged.verdict.reason,
        "rule": judged.verdict.rule,
        "file": place.file,
        "line": place.line,
        "images": list(judged.images),
        "why_listed": list(judged.why_listed),
        "endpoints": [] if route is None else [_endpoint(step, subject.trust) for step in route.asked],
    }


def _endpoint(step: Step, trust: Trust) -> Wire:
    endpoint = step.endpoint
    # An upstream without a host is the registry that an image names, whichever that is.
    named = endpoint if endpoint.host else dataclasses.replace(endpoint, scheme="https", host="*", path="/v2")
    return {
        "url": f"{named.scheme}://{named.host}{named.path}",
        "scheme": named.scheme,
        "host": named.host,
        "path": named.path,
        "capabilities": sorted(endpoint.capabilities),
        "tags": step.tags,
        "manifests": step.delivers,
        "blobs": step.delivers,
        "trusted": trust.covers(endpoint.scheme, endpoint.host),
        "upstream": step.is_upstream,
        "ca": list(endpoint.ca),
        "client": [list(pair) for pair in endpoint.client],
        "skip_verify": bool(endpoint.skip_verify),
        "headers": [name for name, _values in endpoint.header],
    }


def _finding(finding: Finding) -> Wire:
    place = finding.place
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "message": finding.message,
        "file": place.file,
        "line": place.line,
        "key": place.key,
        "fix": finding.fix,
        "releases": finding.releases,
    }
