#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crictl_pull
short_description: Pull images through CRI, and say why a pull failed
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Pulls images on a node the way the kubelet does, through containerd's CRI, so that C(config_path), C(hosts.toml),
    mirrors and certificates take the part that they take in production. C(ctr) and C(nerdctl) go other ways.
  - A failed pull is read and named. The message says which endpoint failed, why, and what to do, and RV(reason) is a
    stable word to act on.
  - After a pull that failed, the endpoints that containerd has for the image are read from C(config.toml), its imports
    and C(hosts.toml), and each of them is asked from the node, with its own CA, client certificate and headers and by
    the proxy of containerd's unit. The message then has them in containerd's order with what each of them answered,
    and ends with the likely cause and the option to change.
  - Asking them takes 10 seconds at most, however many there are, for all endpoints are asked at once. It happens for
    the first 8 images that failed, and never after a pull that succeeded, in check mode, or with C(async).
  - Without images it only waits until CRI answers, which is more than the unit being active. containerd is active, and
    its restart succeeds, when its CRI plugin did not load.
  - Each image is tried, whatever became of the others. The task fails afterwards if one of them failed.
  - A pull that succeeds although containerd passed C(hosts.toml) over is a failure too, as long as the journal can be
    read.
  - A pull asks the registry for what the tag means now, even if the image is on the node.
requirements:
  - crictl of cri-tools on the node. To wait only, C(ctr) of containerd will do.
  - Access to containerd's socket, which is root's by default.
options:
  images:
    description:
      - References of the images to pull.
      - With an empty list the module waits for CRI and pulls nothing.
    type: list
    elements: str
    default: []
  runtime_endpoint:
    description:
      - The socket that containerd serves CRI on.
    type: str
    default: unix:///run/containerd/containerd.sock
  wait:
    description:
      - Seconds to wait for CRI before the first pull. Both services of CRI have to answer, the runtime's and the
        images'.
      - Ends early when waiting is of no use, for example when containerd runs and its CRI plugin failed to load.
      - With V(0), CRI is asked once.
    type: int
    default: 0
  timeout:
    description:
      - Seconds that one pull may take.
      - containerd itself gives up on an endpoint that drops packets after half a minute or a minute.
    type: int
    default: 300
  retries:
    description:
      - How often a pull is tried again after it failed for a reason that may pass, such as a refused connection, a name
        that cannot be resolved, no answer in time, an error 5xx of the registry or a containerd that restarts.
      - Other failures are final at once, and so is a pull that used up O(timeout).
    type: int
    default: 2
  retry_delay:
    description:
      - Seconds between two tries of one image.
    type: int
    default: 3
  username:
    description:
      - User to give to the registry with O(password).
      - containerd offers credentials of a pull to every endpoint of that image that asks for some, and they replace
        those in its own configuration.
    type: str
  password:
    description:
      - Password of O(username).
    type: str
  auth:
    description:
      - User and password in one, C(user:password) in base64, as C(auth) in a Docker configuration file.
    type: str
  credentials_file:
    description:
      - A file on the node with one line C(user:password).
      - Only its owner may have access to it, mode V(0600) or less.
    type: path
  crictl:
    description:
      - Path of crictl. Without it, crictl is looked for on E(PATH), then in C(/usr/local/bin), C(/usr/local/sbin),
        C(/usr/bin), C(/usr/sbin) and C(/opt/bin).
    type: path
  unit:
    description:
      - The systemd unit of containerd. Its journal is asked for what crictl does not tell, which is every endpoint
        that was tried, and a C(hosts.toml) that was passed over.
    type: str
    default: containerd
notes:
  - Credentials reach crictl through its environment, never through its command line, and are masked in all that the
    module returns.
  - What is asked after a failure changes nothing on the node and shows no header, password or token. Those of an
    endpoint go to nobody whose certificate was not verified, unless the endpoint itself says V(http) or
    C(skip_verify).
  - C(/etc/crictl.yaml) is not read, since it can switch on a debug output that prints credentials.
attributes:
  check_mode:
    description: Pulls nothing and says which images are not on the node. Whether a tag has moved is not asked.
    support: full
  diff_mode:
    description: Has no diff.
    support: none
"""

EXAMPLES = r"""
- name: Prove that the private registry answers for registry.k8s.io
  airgap.nodes.crictl_pull:
    images:
      - registry.k8s.io/pause:3.10

- name: Wait until CRI answers after a restart
  airgap.nodes.crictl_pull:
    wait: 60

- name: Pull an application's images with an account of its own
  airgap.nodes.crictl_pull:
    images:
      - registry.example.com/team/web:1.4
      - registry.example.com/team/worker:1.4
    username: puller
    password: "{{ registry_password }}"
    timeout: 900

- name: Pull with credentials that lie on the node
  airgap.nodes.crictl_pull:
    images:
      - registry.example.com/team/web:1.4
    credentials_file: /root/.registry-credentials

- name: Pull through a line that is often down, with user and password in one
  airgap.nodes.crictl_pull:
    images:
      - registry.example.com/team/web:1.4
    auth: "{{ ('puller:' ~ registry_password) | b64encode }}"
    retries: 5
    retry_delay: 30

- name: Pull by a second containerd, with a crictl of its own
  airgap.nodes.crictl_pull:
    images:
      - registry.example.com/team/web:1.4
    unit: containerd-build
    runtime_endpoint: unix:///run/containerd-build/containerd.sock
    crictl: /opt/containerd-build/bin/crictl

- name: Pull, and go on if the registry is down for maintenance
  airgap.nodes.crictl_pull:
    images:
      - registry.example.com/team/web:1.4
    retries: 0
  register: pulled
  failed_when:
    - pulled is failed
    - pulled.reason not in ['connection_refused', 'server_error']
"""

RETURN = r"""
is_failed:
  description: Whether the task failed, for who says with C(failed_when) that it did not.
  returned: always, without C(async)
  type: bool
  sample: false
images:
  description: The images that were pulled, in the order in which they were asked for.
  returned: always, on failure those that succeeded
  type: list
  elements: dict
  contains:
    image:
      description: The reference as it was asked for.
      type: str
      returned: always
      sample: registry.k8s.io/pause:3.10
    reference:
      description: The reference by digest under which the registry delivered the image.
      type: str
      returned: always, V(none) where containerd knows no digest, and in check mode for an image that is not there
      sample: registry.k8s.io/pause@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a
    id:
      description: The ID of the image.
      type: str
      returned: always, V(none) in check mode for an image that is not there
      sample: sha256:873ed75102791e5b0b8a7fcd41606c92fcec98d56d05ead4ac5131650004c136
    changed:
      description: Whether the image arrived, which is to say that the node had none or another under that name.
      type: bool
      returned: always
      sample: true
    duration:
      description: Seconds it took, with all tries.
      type: float
      returned: always
      sample: 0.31
    attempts:
      description: How many tries it took. V(0) in check mode.
      type: int
      returned: always
      sample: 1
waited:
  description: Seconds until CRI answered.
  returned: when CRI answered
  type: float
  sample: 0.03
text:
  description: Why there is no CRI, in containerd's or crictl's own words.
  returned: when CRI did not answer
  type: str
  sample: "invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
reason:
  description:
    - One word for why the task failed, with several images for why the first of them failed.
    - No CRI is V(permission_denied), V(containerd_down), V(containerd_restarted), V(cri_not_loaded),
      V(cri_not_ready), V(cri_timeout), V(cri_api_too_old), V(crictl_too_old) or V(crictl_absent).
    - A mistake in what was asked for is V(invalid_reference) or V(credentials_invalid).
    - A mistake in C(hosts.toml) or in a file that it names is V(hosts_config). The image may have come all the same,
      from the registry of its name, see RV(failed_images).
    - An endpoint that cannot be reached is V(name_not_found), V(network_unreachable), V(connection_refused),
      V(connection_lost), V(timeout) or V(proxy_failed).
    - Trouble with TLS is V(x509_unknown_authority), V(x509_name_mismatch), V(x509_expired), V(x509_invalid),
      V(http_on_https_port) (an C(https) URL of a port that speaks plain HTTP), V(https_on_http_port) (the reverse),
      V(tls_client_certificate) or V(tls_failed).
    - What the registry answered is V(unauthorized), V(forbidden), V(rate_limited), V(image_not_found),
      V(server_error) or V(not_a_registry).
    - What the node makes of the answer is V(wrong_platform) or V(no_space).
    - Anything else is V(unknown).
  returned: on failure
  type: str
  sample: x509_unknown_authority
failed_images:
  description:
    - The images that could not be pulled.
    - With them those that came although containerd could not read their C(hosts.toml). It passes such a file over,
      writes one line into its journal and asks the image's own registry, so that the pull proves nothing.
  returned: on failure
  type: list
  elements: dict
  contains:
    image:
      description: The reference as it was asked for.
      type: str
      returned: always
      sample: registry.k8s.io/pause:3.10
    reason:
      description: One word for why it failed, see RV(reason).
      type: str
      returned: always
      sample: x509_unknown_authority
    arrived:
      description: Whether the image is on the node all the same, from another endpoint than C(hosts.toml) has.
      type: bool
      returned: always
      sample: false
    endpoint:
      description: Host and port of the endpoint that failed.
      type: str
      returned: always, V(none) where containerd does not tell
      sample: registry.example.com:5000
    endpoints:
      description: The endpoints that the journal shows containerd asking, in order, and why each did not deliver.
      type: list
      elements: dict
      returned: always
      sample:
        - host: registry.example.com:5000
          reason: x509_unknown_authority
    msg:
      description: What happened and what to do.
      type: str
      returned: always
      sample: >-
        registry.k8s.io/pause:3.10: registry.example.com:5000 shows a certificate of a CA that containerd does not know.
        Name that CA as ca of this host in hosts.toml of registry.k8s.io, or add it to the node's trust store and
        restart containerd.
    source:
      description: The file that names the endpoints, a C(hosts.toml) or C(config.toml); empty if none does.
      type: str
      returned: if the endpoints were asked
      sample: /etc/containerd/certs.d/registry.k8s.io/hosts.toml
    probes:
      description: The endpoints in containerd's order, each as it answered right after the failure.
      type: list
      elements: dict
      returned: if the endpoints were asked
      contains:
        url:
          description: Where containerd asks.
          type: str
          returned: always
          sample: https://registry.example.com:5000/v2
        reason:
          description: One word for what is the matter with it, V(delivers) if nothing is.
          type: str
          returned: always
          sample: ca_unset
        text:
          description: What was found on the way to it, and what is the matter.
          type: str
          returned: always
          sample: >-
            192.0.2.10; certificate of registry.example.com from Example CA, valid until 2030-01-01, which no CA of this
            node's store has signed; the endpoint has no ca
    cause:
      description:
        - One word for the likely cause, that of an endpoint or one in the files, such as V(dropped) for a C(hosts.toml)
          that containerd passes over.
      type: str
      returned: if the endpoints were asked
      sample: ca_unset
    advice:
      description: The likely cause in a sentence, with the option to change.
      type: str
      returned: if the endpoints were asked
      sample: >-
        Set ca of https://registry.example.com:5000/v2 in the entry registry.k8s.io of containerd_registries to the
        certificate of Example CA.
    text:
      description: What containerd said, shortened and without secrets.
      type: str
      returned: always
      sample: "failed to do request: tls: failed to verify certificate: x509: certificate signed by unknown authority"
    attempts:
      description: How many tries were made.
      type: int
      returned: always
      sample: 1
    duration:
      description: Seconds it took, with all tries.
      type: float
      returned: always
      sample: 0.05
"""

import base64
import binascii
import os
import stat
import time
import typing as t
from dataclasses import asdict, dataclass, field, replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri
from ansible_collections.airgap.nodes.plugins.module_utils._cri_node import (
    BadOption,
    Credentials,
    NoCri,
    Node,
    ask_cri,
    socket_path,
    wait_for_cri,
)
from ansible_collections.airgap.nodes.plugins.module_utils._programs import find_program

# Of the journal, for all pulls of a task. Reading stops where the first pull began, which is far sooner as a rule.
MAX_LINES = 10000

Result = t.Dict[str, t.Any]


# ---- pulling ----


@dataclass(frozen=True)
class Pull:
    """One image that was asked for, and what came of it: an ID or a failure."""

    image: str
    reference: t.Optional[cri.Reference]
    outcome: t.Union[str, cri.Failure]
    attempts: int
    duration: float
    story: cri.Story = field(default_factory=cri.Story)
    began: float = 0.0

    @property
    def failure(self) -> t.Optional[cri.Failure]:
        return self.outcome if isinstance(self.outcome, cri.Failure) else None


def pull_image(node: Node, image: str, *, timeout: float, retries: int, delay: float) -> Pull:
    """Pull one image, again as long as the reason may pass, and learn from the journal why it failed."""
    reference = cri.parse_reference(image)
    if reference is None:
        return Pull(image, None, cri.Failure("invalid_reference", "empty, or with a character it cannot have"), 0, 0.0)
    began, started = time.time(), time.monotonic()
    for attempt in range(1, retries + 2):
        began, began_monotonic = time.time(), time.monotonic()
        outcome = node.pull(image, timeout=timeout)
        out_of_time = time.monotonic() - began_monotonic >= timeout
        if isinstance(outcome, str) or not outcome.transient or out_of_time or attempt > retries:
            break
        time.sleep(delay)
    pull = Pull(image, reference, outcome, attempt, round(time.monotonic() - started, 2), began=began)
    return with_story(node, pull, reference, since=began) if pull.failure else pull


def with_story(node: Node, pull: Pull, reference: cri.Reference, *, since: float) -> Pull:
    story = cri.read_story(node.journal(lines=200, since=since), reference, node.secrets)
    failure = t.cast(cri.Failure, pull.failure)
    if not failure.endpoint:
        failure = replace(failure, endpoint=cri.endpoint_by(story))
    return replace(pull, outcome=failure, story=story)


def why_unproved(node: Node, pulls: t.Sequence[Pull]) -> t.Dict[str, cri.Failure]:
    """The images that came although containerd passed their hosts.toml over: for crictl that is a success."""
    done = [pull for pull in pulls if not pull.failure]
    if not done:
        return {}
    journal = node.journal(lines=MAX_LINES, since=min(pull.began for pull in done))
    ignored = cri.read_ignored(journal, node.secrets)
    return {
        pull.image: cri.Failure("hosts_config", cri.shorten(ignored[pull.image]), arrived=True)
        for pull in done
        if pull.image in ignored
    }


def pulled_result(pull: Pull, before: t.Sequence[cri.Image], after: t.Sequence[cri.Image]) -> Result:
    reference = t.cast(cri.Reference, pull.reference)
    was, now = cri.find_image(before, reference), cri.find_image(after, reference)
    return {
        "image": pull.image,
        "reference": now.repo_digest(reference) if now else None,
        "id": now.id if now else pull.outcome,
        "changed": not was or was.id != (now.id if now else pull.outcome),
        "duration": pull.duration,
        "attempts": pull.attempts,
    }


def failed_result(pull: Pull) -> Result:
    failure = t.cast(cri.Failure, pull.failure)
    return {
        "image": pull.image,
        "reason": failure.reason,
        "arrived": failure.arrived,
        "endpoint": failure.endpoint,
        "endpoints": [asdict(attempt) for attempt in pull.story.attempts],
        "msg": f"{pull.image}: {cri.explain(failure, reference=pull.reference, story=pull.story)}",
        "text": failure.text,
        "attempts": pull.attempts,
        "duration": pull.duration,
    }


def would_pull(image: str, before: t.Sequence[cri.Image]) -> Result:
    reference = cri.parse_reference(image)
    found = cri.find_image(before, reference) if reference else None
    return {
        "image": image,
        "reference": found.repo_digest(reference) if found and reference else None,
        "id": found.id if found else None,
        "changed": found is None,
        "duration": 0.0,
        "attempts": 0,
    }


def images_after(node: Node, pulls: t.Sequence[Pull], before: t.Sequence[cri.Image]) -> t.Sequence[cri.Image]:
    """The list of images is asked for again only if a pull brought something that the first list does not have."""
    known = {(image.id, name) for image in before for name in (*image.tags, *image.digests)}
    done = [pull for pull in pulls if not pull.failure and pull.reference]
    if all((pull.outcome, t.cast(cri.Reference, pull.reference).canonical) in known for pull in done):
        return before
    return node.images()


# ---- options ----


def check_numbers(params: t.Mapping[str, t.Any]) -> None:
    for option, least in (("timeout", 1), ("wait", 0), ("retries", 0), ("retry_delay", 0)):
        if params[option] < least:
            raise BadOption(f"{option} has to be {least} or more, it is {params[option]}")


def credentials_of(params: t.Mapping[str, t.Any]) -> t.Optional[Credentials]:
    if params["auth"] is not None:
        auth = "".join(params["auth"].split())
        return Credentials(auth, (params["auth"], auth, *_decoded(auth)))
    if params["credentials_file"] is not None:
        return _credentials(*read_credentials(params["credentials_file"]))
    if params["username"] is not None:
        return _credentials(params["username"], params["password"])
    return None


def _credentials(username: str, password: str) -> Credentials:
    if not username or ":" in username:
        raise BadOption("a user name may neither be empty nor have a colon in it")
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Credentials(auth, (password, auth))


def _decoded(auth: str) -> t.Tuple[str, ...]:
    try:
        _user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon, password = "", ""
    if not colon:
        raise BadOption("auth has to be the base64 of user:password")
    return (password,)


def read_credentials(path: str) -> t.Tuple[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(65536)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadOption(f"credentials_file {path} cannot be read: {why}") from None
    if mode & 0o077:
        raise BadOption(f"credentials_file {path} is open to others (mode {mode:04o}): chmod 0600 {path}")
    username, colon, password = content.strip().partition(":")
    if not colon or "\n" in content.strip():
        raise BadOption(f"credentials_file {path} has to hold one line user:password")
    return username, password


def crictl_of(params: t.Mapping[str, t.Any]) -> t.Optional[str]:
    path: t.Optional[str] = params["crictl"]
    if path and not os.access(path, os.X_OK):
        raise BadOption(f"crictl {path} is not there, or cannot be executed")
    return path or find_program("crictl", None)


def node_of(params: t.Mapping[str, t.Any]) -> Node:
    return Node(
        socket=socket_path(params["runtime_endpoint"]),
        unit=params["unit"],
        crictl=crictl_of(params),
        ctr=find_program("ctr", None),
        journalctl=find_program("journalctl", None),
        credentials=credentials_of(params),
    )


# ---- the module ----

ARGUMENT_SPEC: t.Dict[str, t.Dict[str, t.Any]] = {
    "images": {"type": "list", "elements": "str", "default": []},
    "runtime_endpoint": {"type": "str", "default": "unix:///run/containerd/containerd.sock"},
    "wait": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 300},
    "retries": {"type": "int", "default": 2},
    "retry_delay": {"type": "int", "default": 3},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth": {"type": "str", "no_log": True},
    "credentials_file": {"type": "path"},
    "crictl": {"type": "path"},
    "unit": {"type": "str", "default": "containerd"},
}


def images_before(module: AnsibleModule, node: Node) -> t.Tuple[cri.Image, ...]:
    pulling = bool(module.params["images"])
    if not module.check_mode:
        return wait_for_cri(node, pulling=pulling, seconds=module.params["wait"])
    try:
        return ask_cri(node, pulling=pulling)
    except NoCri as no_cri:
        # A node that is to get its containerd in this very play has no CRI yet.
        module.warn(f"which images are there cannot be told: {cri.explain(no_cri.failure)}")
        return ()


def pull_all(module: AnsibleModule, node: Node, before: t.Sequence[cri.Image]) -> Result:
    params = module.params
    wanted = list(dict.fromkeys(params["images"]))
    if module.check_mode:
        images = [would_pull(image, before) for image in wanted]
        return {"images": images, "failed_images": [], "changed": any(image["changed"] for image in images)}
    options = {"timeout": params["timeout"], "retries": params["retries"], "delay": params["retry_delay"]}
    pulls = [pull_image(node, image, **options) for image in wanted]
    after = images_after(node, pulls, before)
    arrived = [pulled_result(pull, before, after) for pull in pulls if not pull.failure]
    unproved = why_unproved(node, pulls)
    pulls = [replace(pull, outcome=unproved.get(pull.image, pull.outcome)) for pull in pulls]
    return {
        "images": [image for image in arrived if image["image"] not in unproved],
        "failed_images": [failed_result(pull) for pull in pulls if pull.failure],
        "changed": any(image["changed"] for image in arrived),
    }


def finish(module: AnsibleModule, result: Result) -> None:
    failed = result["failed_images"]
    if not failed:
        del result["failed_images"]
        module.exit_json(**result)
    total = len(failed) + len(result["images"])
    head = [] if total == 1 else [f"{len(failed)} of {total} images could not be pulled as they should."]
    module.fail_json(msg="\n".join(head + [image["msg"] for image in failed]), reason=failed[0]["reason"], **result)


def work(module: AnsibleModule) -> None:
    check_numbers(module.params)
    node = node_of(module.params)
    module.no_log_values.update(node.secrets)
    started = time.monotonic()
    before = images_before(module, node)
    waited = round(time.monotonic() - started, 2)
    finish(module, {**pull_all(module, node, before), "waited": waited})


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("username", "auth", "credentials_file")],
        required_together=[("username", "password")],
        supports_check_mode=True,
    )
    try:
        work(module)
    except BadOption as error:
        module.fail_json(msg=str(error))
    except NoCri as no_cri:
        failure, wait = no_cri.failure, module.params["wait"]
        patience = f" after {wait} s" if failure.transient and wait else ""
        message = f"CRI on {module.params['runtime_endpoint']}{patience}: {cri.explain(failure)}"
        module.fail_json(msg=message, reason=failure.reason, text=failure.text, images=[], failed_images=[])


if __name__ == "__main__":
    main()
