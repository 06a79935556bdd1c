# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd asked for an image that nobody has, by what it logged of that pull.

Private to this collection. Text in, values out: no process is started and no file is touched here. Runs on node Pythons
(3.8 and later), standard library only.

containerd goes through the whole list of its endpoints for an image that none of them has, and logs at level info:

- from 2.0 on, one line for each endpoint, whatever came of it; that of the last one begins with "fetch failed", the
  others with "trying next host". So the list is told to its end where that last line is.
- up to 1.7, one line for each endpoint that answered 404 or could not be asked at all. One that answered 401, 403 or
  500 has none, and the error of the pull is the first one that was no 404. So all endpoints are told in two cases: the
  pull ended with "not found", as all of them answered 404; or its first error is that its time was up, after which
  nobody could answer any more. At level debug, each endpoint has a line of its own, "resolving".

The image is asked for by a digest: an endpoint that may not resolve tags is asked for digests all the same.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri

REPOSITORY = "airgap-nodes-canary"
# For namespaces that are no registry's own name. Nobody can ever register it (RFC 2606).
NOBODY = f"{REPOSITORY}.invalid"
DEFAULT_NAMESPACE = "_default"


class Asked(t.NamedTuple):
    """One host that was asked, or would have been next.

    ``scheme`` is empty where no line tells it. ``is_endpoint``: it is on containerd's list; others are those that an
    endpoint has sent it to. ``is_sure``: a line names the canary with it, so that it is of no other pull of that time.
    """

    host: str
    scheme: str = ""
    answer: str = ""
    is_endpoint: bool = False
    is_sure: bool = False


class Walk(t.NamedTuple):
    """What containerd logged of one pull. ``error`` is the cause in its last words; empty if it succeeded.

    ``begun`` and ``ended``: whether its first and its last line are there. ``has_gap``: lines between them were
    dropped. ``is_whole``: the list was gone through to its end, and everybody on it is in ``asked``. ``answered``:
    somebody claimed to have the image.
    """

    begun: bool = False
    ended: bool = False
    has_gap: bool = False
    is_whole: bool = False
    answered: bool = False
    error: str = ""
    asked: t.Tuple[Asked, ...] = ()


def image_of(namespace: str, token: str, digest: str) -> str:
    """An image of this registry that nobody has, by a name that tells who asks for it."""
    registry = NOBODY if namespace == DEFAULT_NAMESPACE else namespace
    return f"{registry}/{REPOSITORY}/{token}@sha256:{digest}"


def joined(walk: Walk, quick: Walk) -> Walk:
    """A walk, and a second one that had no time to ask anybody: who would have been asked is on its list."""
    found = {asked.host: asked for asked in walk.asked}
    for asked in quick.asked:
        found[asked.host] = _both(found[asked.host], asked) if asked.host in found else asked
    return walk._replace(is_whole=quick.is_whole, asked=tuple(found.values()))


# ---- lines ----

Line = t.Dict[str, str]

_DROPPED = re.compile(r"Suppressed \d+ messages")
_NEXT_HOST, _LAST_HOST, _RESOLVING = "trying next host", "fetch failed", "resolving"
# Where an error names whom it is about; any other URL in it is what a registry gives people to read.
_URL_ASKED = re.compile(r"(?:\b(?:Head|Get|Post) \"|request to )(https?)://(?:[^/@\s\"]*@)?([^/\s\"?#\\]+)")
_URL = re.compile(r"(https?)://(?:[^/@\s]*@)?([^/\s?#]+)")
_HOST_IN_ERROR = re.compile(r"pulling from host (\S+) failed")


def read_line(line: str) -> Line:
    """The fields of a line that containerd logged, in either of its formats."""
    if line.startswith("{"):
        try:
            data = json.loads(line)
        except ValueError:
            data = {}
        return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}
    return cri.fields(line)


def read_walk(journal: str, image: str) -> Walk:
    """The walk of one pull. Lines of other pulls of that time can add hosts to it, and take none away."""
    begun, has_gap = False, False
    walk_lines: t.List[Line] = []
    for raw in journal.splitlines():
        line = read_line(cri.mask(raw))
        message = line.get("msg", "")
        if message == f'PullImage "{image}"':
            # Tried again: the last time counts.
            begun, walk_lines, has_gap = True, [], False
        elif message == f'PullImage "{image}" failed':
            return _ended(begun, has_gap, walk_lines, line.get("error", ""), image)
        elif message.startswith(f'PullImage "{image}" returns'):
            return Walk(begun, True, has_gap, answered=True, asked=_asked(walk_lines, image))
        elif not line and _DROPPED.search(raw):
            has_gap = True
        else:
            walk_lines.append(line)
    return Walk(begun, has_gap=has_gap, asked=_asked(walk_lines, image))


def _ended(begun: bool, has_gap: bool, lines: t.Sequence[Line], error: str, image: str) -> Walk:
    lines = [*lines, {"msg": "", "error": error}]
    answered = bool(_ANSWERED.search(error))
    whole = begun and not has_gap and not answered and _is_whole(lines, error, image)
    return Walk(begun, True, has_gap, whole, answered, cri.detail(error), _asked(lines, image))


# What is said once a registry has claimed to have it.
_ANSWERED = re.compile(
    r"rejecting \d+ byte manifest|header not a valid digest|httpReadSeeker|failed to copy|unexpected commit"
    r"|unexpected media type|no match for platform|schema 1|image verifier"
)
_OUT_OF_TIME = re.compile(r"(?:context canceled|context deadline exceeded)$")


def _is_whole(lines: t.Sequence[Line], error: str, image: str) -> bool:
    told = [line for line in lines if _is_of_host(line)]
    if not told or "failed to resolve " not in error or _returned_early(error, told):
        return False
    if any(line["msg"].startswith(_LAST_HOST) or line["msg"] == _RESOLVING for line in told):
        return True
    if error.endswith(f'"{image}": {image}: not found'):
        return all(line["msg"] == f"{_NEXT_HOST} - response was http.StatusNotFound" for line in told)
    return bool(_OUT_OF_TIME.search(error))


def _returned_early(error: str, told: t.Sequence[Line]) -> bool:
    """Whether an answer was so odd that containerd did not go on to the next endpoint: its error is in no line."""
    if re.search(r": 3\d\d [A-Z]", error):
        return True
    return 'Get "' in error and not any('Get "' in line.get("error", "") for line in told)


def _is_of_host(line: Line) -> bool:
    if "host" not in line:
        return False
    message = line.get("msg", "")
    return message == _RESOLVING if line.get("level") == "debug" else message.startswith((_NEXT_HOST, _LAST_HOST))


# ---- hosts ----


def _asked(lines: t.Iterable[Line], image: str) -> t.Tuple[Asked, ...]:
    """Each host once, in containerd's order, with the first that it answered."""
    found: t.Dict[str, Asked] = {}
    for line in lines:
        for asked in _hosts(line, image):
            known = found.get(asked.host)
            found[asked.host] = _both(known, asked) if known else asked
    return tuple(found.values())


def _both(first: Asked, second: Asked) -> Asked:
    return Asked(
        first.host,
        first.scheme or second.scheme,
        first.answer or second.answer,
        is_endpoint=first.is_endpoint or second.is_endpoint,
        is_sure=first.is_sure or second.is_sure,
    )


def _hosts(line: Line, image: str) -> t.Iterator[Asked]:
    """Who was asked, by one line: the endpoint, and whomever it has sent containerd to."""
    is_last_word = not line.get("msg") and "error" in line
    if not is_last_word and not _is_of_host(line):
        return
    error, url = line.get("error", ""), line.get("url", "")
    is_sure = is_last_word or _token(image) in error + url
    named = [(host, scheme) for scheme, host in (*_URL.findall(url), *_URL_ASKED.findall(error))]
    if "host" in line:
        scheme = dict(named).get(line["host"], "")
        yield Asked(line["host"], scheme, _answer(line), is_endpoint=True, is_sure=is_sure)
    yield from (Asked(host, scheme, is_sure=is_sure) for host, scheme in named)
    yield from (Asked(host, is_sure=is_sure) for host in _HOST_IN_ERROR.findall(error))


def _token(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2]


def _answer(line: Line) -> str:
    """What came of asking, in a few words."""
    message = line["msg"]
    if message == _RESOLVING:
        return ""
    if line.get("error"):
        return cri.detail(line["error"])
    return "404 Not Found" if "StatusNotFound" in message else message.partition("status: ")[2]
