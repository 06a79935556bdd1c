# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the pull of an image failed: who is asked for it, and what each of them answers this node. Private."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import typing as t

from ansible.errors import AnsibleError
from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, NodeFailure, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.diagnosis import (
    Circumstances,
    Diagnosis,
    Probed,
    diagnose,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._pem import read_certificate
from ansible_collections.airgap.nodes.plugins.plugin_utils._route_reading import read_routes

# Together: all endpoints of all images are asked at once.
PROBE_SECONDS = 10
# Of these the probe knows no better than containerd's own words.
NO_CAUSE = (None, "delivers", "not_probed", "proxy_not_asked")


class PullDiagnosis:
    """Reads whom containerd asks, has each of them asked, and judges; ``options`` are those of the pull."""

    def __init__(self, action: NodeAction, options: Result) -> None:
        self._action = action
        self._options = options

    def explain(self, failed: t.Sequence[Result]) -> None:
        """Completes what is told of each of these images."""
        try:
            diagnoses = self._diagnoses([routes.image_of(each["image"]) for each in failed])
        except Exception as error:  # noqa: BLE001 (why the pull failed must not be lost over what cannot be told beside it)
            why = str(error) if isinstance(error, (AnsibleError, DomainError, NodeFailure)) else repr(error)
            for each in failed:
                each["msg"] += f" Whom containerd asks for it could not be told: {why}"
            return
        for each, diagnosis in zip(failed, diagnoses, strict=True):
            each["msg"] = f"{_head(each, diagnosis)}\n{diagnosis.text}"
            each["source"], each["cause"], each["advice"] = diagnosis.source, diagnosis.cause, diagnosis.advice
            each["probes"] = [{"url": row.url, "reason": row.kind, "text": row.text} for row in diagnosis.rows]

    def _diagnoses(self, images: list[routes.Image]) -> list[Diagnosis]:
        state, config = read_routes(self._action)
        ways = [routes.route(image, state, config) for image in images]
        ways = [dataclasses.replace(way, steps=way.distinct) for way in ways]
        # The credentials of a pull take the place of those that containerd has.
        own, file = _credentials(self._options), self._options.get("credentials_file")
        asked = [
            (step, {**routes.to_wire(step, way.image, config.release), **({"auth": own} if own or file else {})})
            for way in ways
            for step in way.steps
        ]
        wires = [wire for _step, wire in asked]
        arguments = {"endpoints": wires, "auth_file": file, "unit": self._action.unit, "seconds": PROBE_SECONDS}
        answer = self._action.run_module("airgap.nodes._node_probe", arguments)
        probed = iter(
            _probed(step, wire, found, has_file=bool(file))
            for (step, wire), found in zip(asked, answer["probes"], strict=True)
        )
        around = Circumstances(
            release=config.release,
            unit=self._action.unit,
            node_time=datetime.datetime.fromtimestamp(answer["now"], tz=datetime.UTC),
            own_time=datetime.datetime.now(tz=datetime.UTC),
            has_credentials=bool(own or file),
        )
        return [diagnose(way, [next(probed) for _step in way.steps], around) for way in ways]


def _credentials(options: Result) -> str:
    """User and password of the pull in base64; a file with them is for the node to read."""
    if options.get("auth"):
        return "".join(str(options["auth"]).split())
    if options.get("username"):
        return base64.b64encode(f"{options['username']}:{options.get('password') or ''}".encode()).decode()
    return ""


def _probed(step: routes.Step, wire: Result, found: Result, *, has_file: bool) -> Probed:
    chain = (found.get("tls") or {}).get("chain") or ()
    return Probed(
        step,
        found,
        tuple(filter(None, map(read_certificate, map(base64.b64decode, chain)))),
        tuple(filter(None, map(read_certificate, map(base64.b64decode, found.get("ca") or ())))),
        has_credentials=bool(wire["auth"]) or has_file,
    )


def _head(failed: Result, diagnosis: Diagnosis) -> str:
    """containerd's own words; with what they advise only where the probe knows no better."""
    if failed["arrived"] or diagnosis.cause in NO_CAUSE:
        return str(failed["msg"])
    failure = cri.Failure(failed["reason"], failed["text"], failed["endpoint"])
    said = cri.what_happened(failure, reference=cri.parse_reference(failed["image"]))
    return f"{failed['image']}: {said}."
