# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the way to an image is closed: nobody on it but registries that are trusted. Private to this collection."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.reference import ANY
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import HOSTS_TOML
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Obstacle, Route, Step
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust

__all__ = ("Place", "Verdict", "judge")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """``reason`` is one sentence; ``place`` is what causes it; ``rule`` is the id of the finding that explains it."""

    is_closed: bool
    reason: str
    place: Place = NOWHERE
    rule: str = ""


class _Cause(t.NamedTuple):
    """What an obstacle comes to: the finding that explains it, and how the sentence goes on after ``since``."""

    rule: str
    since: str


# {path}, {detail}, {registry} and {release} are known; {directory} is where {path} lies.
_CAUSES = {
    # Nobody is asked.
    "cri_stopped": _Cause(
        "{detail}-beside-config-path",
        "containerd does not load CRI with registry {detail} beside config_path in {path}",
    ),
    "crashes": _Cause("hosts-toml-crashes", "containerd {release} crashes on {path}"),
    "unreadable": _Cause("hosts-toml-unreadable", "{path} cannot be read: {detail}"),
    "no_directory": _Cause("hosts-toml-unreadable", "{path} is in the place of a directory: {detail}"),
    "pull_file": _Cause("pull-file-missing", "{path} names a file that is of no use: {detail}"),
    "tables_broken": _Cause("mirror-not-a-url", "the registry tables in {path} are not sound: {detail}"),
    "no_name": _Cause("", "containerd {release} takes no image whose registry is an IPv6 address"),
    # Nobody knows.
    "unknown": _Cause("hosts-toml-unreadable", "{path} could not be read: {detail}"),
    "uncertain": _Cause("hosts-toml-dropped", "containerd {release} may read {path} or pass over it: {detail}"),
    "tables_uncertain": _Cause(
        "mirror-not-a-url", "containerd {release} may take the tables in {path} or not: {detail}"
    ),
    # The registry itself is asked, and nobody else.
    "config_path_list": _Cause(
        "config-path-list",
        "containerd {release} takes the list in config_path, {detail}, for the name of one directory",
    ),
    "config_path_unset": _Cause("config-path-unset", "config_path is not set in {path}"),
    "config_path_lost": _Cause(
        "cri-settings-lost", "config_path stands in {path} where containerd {release} does not read it"
    ),
    "config_path_replaced": _Cause(
        "drop-in-replaces-cri", "{path} replaces all settings of CRI in {detail}, and with them config_path"
    ),
    "config_path_missing": _Cause("config-path-missing", "{path}, which config_path names, is not there"),
    "no_entry": _Cause("no-entry", "{path} has no directory for {registry}"),
    "no_hosts_toml": _Cause("hosts-toml-missing", "{directory} has no hosts.toml"),
    "dropped": _Cause("hosts-toml-dropped", "containerd {release} passes over {path}: {detail}"),
}
_TO_UPSTREAM = tuple(
    kind for kind in _CAUSES if kind in ("dropped", "no_hosts_toml") or kind.startswith(("config", "no_e"))
)


def judge(route: Route, trust: Trust) -> Verdict:
    """Open means that any endpoint of the route is outside the trusted registries, or that it cannot be told.

    A route on which every pull fails before anybody is asked is closed.
    """
    if route.unknown is not None:
        cause = _told(route.unknown, route)
        return _verdict(cause, route.unknown.place, f"It cannot be told whether it is closed, since {cause.since}.")
    if route.fails is not None:
        cause = _told(route.fails, route)
        return _verdict(cause, route.fails.place, f"Nobody is asked, since {cause.since}.", is_closed=True)
    outside = next((step for step in route.asked if not trust.covers(step.endpoint.scheme, step.endpoint.host)), None)
    if outside is None:
        return _closed(route)
    return _of_upstream(route, outside) if outside.is_upstream else _of_named(route, outside)


def _verdict(cause: _Cause, place: Place, reason: str, *, is_closed: bool = False) -> Verdict:
    return Verdict(is_closed, reason, place, cause.rule)


def _told(obstacle: Obstacle, route: Route) -> _Cause:
    rule, since = _CAUSES[obstacle.kind]
    known = {
        "path": obstacle.path,
        "directory": posixpath.dirname(obstacle.path),
        "detail": obstacle.detail,
        "registry": route.image.registry,
        "release": route.release,
    }
    return _Cause(rule.format(**known), since.format(**known))


def _closed(route: Route) -> Verdict:
    if any(obstacle.kind == "nobody_resolves" for obstacle in route.obstacles):
        return Verdict(
            True, f"No host in {route.source} may tell what a tag means.", Place(route.source), "nobody-resolves"
        )
    hosts = list(dict.fromkeys(step.endpoint.host for step in route.asked))
    if not hosts:
        return Verdict(True, f"{route.source} names nobody who can be asked.", Place(route.source), "nobody-resolves")
    return Verdict(True, f"Nobody but {_listed(hosts)} is asked.", route.asked[0].place)


# --- open


def _of_named(route: Route, step: Step) -> Verdict:
    """A host that somebody wrote down."""
    host, path = step.endpoint.host, step.place.file
    if not _is_hosts_toml(route):
        return Verdict(
            False,
            f"{host} is asked, an endpoint of mirrors in {path} that is not trusted.",
            step.place,
            "mirror-outside",
        )
    what, rule = ("the server", "server-outside") if step.is_server else ("a host", "host-outside")
    return Verdict(False, f"{host} is asked, {what} in {path} that is not trusted.", step.place, rule)


def _of_upstream(route: Route, step: Step) -> Verdict:
    """The registry itself, which is asked where nothing takes its place."""
    whom = _upstream(step, route)
    obstacle = next((each for each in route.obstacles if each.kind in _TO_UPSTREAM), None)
    if obstacle is not None:
        cause = _told(obstacle, route)
        place = step.place if obstacle.kind == "config_path_missing" else obstacle.place
        more = _more(obstacle, route)
        return _verdict(cause, place, f"{whom} is asked, since {cause.since}{more}.")
    if not _is_hosts_toml(route):
        return _of_tables(route, step, whom)
    return _of_hosts_toml(route, step, whom)


def _more(obstacle: Obstacle, route: Route) -> str:
    if obstacle.kind == "no_entry" and obstacle.detail:
        return f", but {obstacle.detail}, which is another name"
    if obstacle.kind == "config_path_unset" and route.release and route.release.rules.registry.default_config_path:
        return f", and containerd {route.release} makes nothing of its own default, which is a list"
    return ""


def _of_tables(route: Route, step: Step, whom: str) -> Verdict:
    path = step.place.file
    if all(each.is_upstream for each in route.steps):
        reason = f"{whom} is asked, since mirrors in {path} name no other endpoint for {route.image.registry}."
        return Verdict(False, reason, step.place, "no-entry")
    reason = (
        f"{whom} is asked when the endpoints before it do not answer, since containerd adds it to mirrors in {path}."
    )
    return Verdict(False, reason, step.place, "mirrors-append-upstream")


def _of_hosts_toml(route: Route, step: Step, whom: str) -> Verdict:
    path = step.place.file
    unseen = next((each for each in route.obstacles if each.kind == "hosts_unseen"), None)
    mirrors = [each for each in route.asked if not each.is_upstream]
    when = " when the hosts before it do not answer" if mirrors else ""
    if unseen is not None and not mirrors:
        reason = (
            f"{whom} is asked, since containerd {route.release} does not see the host {unseen.detail} in {path}, "
            "which has no table of its own."
        )
        return Verdict(False, reason, unseen.place, "hosts-not-seen")
    if step.place.line is not None:
        return Verdict(
            False,
            f"{whom} is asked{when}, since the server in {path} is no URL with a host.",
            step.place,
            "server-missing",
        )
    if mirrors and not any(each.tags for each in mirrors):
        reason = f"{whom} is asked what a tag means, since no host in {path} may tell, and it names no server."
    else:
        reason = f"{whom} is asked{when}, since {path} names no server."
    return Verdict(False, reason, step.place, "server-missing")


def _upstream(step: Step, route: Route) -> str:
    return step.endpoint.host or ("The registry itself" if route.image.registry == ANY else route.image.registry)


def _is_hosts_toml(route: Route) -> bool:
    return posixpath.basename(route.source) == HOSTS_TOML


def _listed(names: t.Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
