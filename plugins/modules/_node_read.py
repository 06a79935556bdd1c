#!/usr/bin/python
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: _node_read
short_description: Read files, program versions and a unit's state in one call
version_added: 0.1.0
description:
  - Internal to this collection. Its action plugins call it to learn everything about a node in one round trip.
    Do not use it in playbooks; its options and return values may change without notice.
  - It only reads. It opens nothing but plain files, so that a FIFO or a device in an unexpected place neither blocks
    it nor is touched.
  - A path that cannot be read does not fail the module. Its entry has a field C(error), and it is for the caller to
    decide what that means.
  - A file name that is not UTF-8 is returned with escapes in it, such as V(\\udce9), since a controller takes no other
    text. It cannot be asked for by that name.
  - Needs nothing on the node but Python. Without the rights to see a file, its entry says so.
options:
  files:
    description:
      - Absolute paths of files whose content is wanted. Wildcards have no meaning here.
    type: list
    elements: str
    default: []
  globs:
    description:
      - Absolute patterns of files whose content is wanted.
      - The wildcards V(*), V(?) and V([...]) match within one level of directories, a leading dot included, as they
        do for containerd.
      - A directory name that holds such a character itself, such as V([fd00::1]_5000_), has to be escaped first,
        for example by Python's C(glob.escape).
    type: list
    elements: str
    default: []
  directories:
    description:
      - Absolute paths of directories to list, two levels deep, symlinks followed.
      - Files are listed with their hash and without content, since private keys live in such directories.
    type: list
    elements: str
    default: []
  programs:
    description:
      - Programs whose path and version are wanted.
      - V(containerd) is looked for in what the unit of O(unit) starts, then all of them on E(PATH), then in the usual
        directories.
    type: list
    elements: str
    choices: [containerd, runc, crictl]
    default: []
  unit:
    description:
      - Name of the systemd unit whose state is wanted.
    type: str
  dumps:
    description:
      - Contents of a C(config.toml), in base64, by any name; what the node's containerd makes of each is wanted.
      - It reads them from elsewhere, so that names in their C(imports) have to be absolute.
    type: dict
    default: {}
  journal_root:
    description:
      - The directory that holds the node's journal, of which the changes that are not closed are wanted.
    type: str
  runtime_endpoint:
    description:
      - The socket of containerd's CRI, of which the images that it has are wanted. Who does not answer is no failure.
    type: str
  root:
    description:
      - The absolute path of a directory that is to be taken for the root of the node's file system, such as that of an
        image that is built. O(files), O(globs) and O(directories) are read below it and told by their names in it.
      - Symlinks lead where they would if the tree were all there is. One that would lead out of it is an entry with an
        error.
      - Programs, the unit and the images are those of the machine itself. Ask for none of them.
    type: str
  max_bytes:
    description:
      - Files larger than this are neither read nor hashed. Their entry says so in C(error).
    type: int
    default: 1048576
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
author:
  - the airgap.nodes authors (@airgap-nodes)
"""

EXAMPLES = r"""
- name: Read what the configuration of a node depends on
  airgap.nodes._node_read:
    files:
      - /etc/containerd/config.toml
    globs:
      - /etc/containerd/certs.d/*/hosts.toml
    directories:
      - /etc/containerd/certs.d
    programs:
      - containerd
    unit: containerd.service
"""

RETURN = r"""
files:
  description: What is at each path of O(files), by path.
  returned: success
  type: dict
  sample:
    /etc/containerd/config.toml:
      kind: file
      content: dmVyc2lvbiA9IDIK
      sha256: 436f6de28726501973ddd9fb91fa92c6ec6225e5c28d8fbdb698dc1720e43714
      size: 12
      mtime: 1795240800.25
      changed: 1795240800.25
      mode: "0644"
      uid: 0
      gid: 0
      owner: root
      group: root
  contains:
    path:
      description: One entry. The key is the path as it was given.
      returned: for every path
      type: dict
      contains:
        kind:
          description:
            - What the path leads to once symlinks are followed. V(absent) is a path that leads nowhere, V(other) is
              anything but a file or a directory, or a path about which nothing can be told.
          returned: always
          type: str
          sample: file
        content:
          description: The file's bytes in base64.
          returned: for files of O(files) and O(globs) that could be read
          type: str
          sample: dmVyc2lvbiA9IDIK
        sha256:
          description: The hash of the file's bytes.
          returned: for files that could be read
          type: str
          sample: 436f6de28726501973ddd9fb91fa92c6ec6225e5c28d8fbdb698dc1720e43714
        size:
          description: The size in bytes.
          returned: if something is there and its status could be read
          type: int
          sample: 12
        mtime:
          description: When the content last changed, in seconds since the epoch.
          returned: if something is there and its status could be read
          type: float
          sample: 1795240800.25
        changed:
          description:
            - When the file, or the symlink to it, was last put there, renamed or changed in any way, in seconds since
              the epoch. Unlike the other time, nobody can set it.
          returned: if something is there and its status could be read
          type: float
          sample: 1795240800.25
        mode:
          description: The permissions in octal.
          returned: if something is there and its status could be read
          type: str
          sample: "0644"
        uid:
          description: The owner's number.
          returned: if something is there and its status could be read
          type: int
          sample: 0
        gid:
          description: The group's number.
          returned: if something is there and its status could be read
          type: int
          sample: 0
        owner:
          description: The owner's name, or the number as text where the node has no name for it.
          returned: if something is there and its status could be read
          type: str
          sample: root
        group:
          description: The group's name, or the number as text where the node has no name for it.
          returned: if something is there and its status could be read
          type: str
          sample: root
        pem:
          description: The kinds of PEM blocks in it.
          returned: for files of O(directories) that could be read
          type: list
          elements: str
          sample: [CERTIFICATE, PRIVATE KEY]
        link:
          description: The path to which the symlink leads, all symlinks resolved.
          returned: if the path is a symlink, a dangling one included
          type: str
          sample: /srv/containerd/config.toml
        error:
          description: Why the entry tells less than it should.
          returned: if something stood in the way
          type: str
          sample: Permission denied
globs:
  description:
    - What matches each pattern of O(globs), by pattern and then by path. The fields are those of RV(files).
    - A directory that could not be looked into is there too, as an entry with an C(error).
  returned: success
  type: dict
  sample:
    /etc/containerd/certs.d/*/hosts.toml:
      /etc/containerd/certs.d/registry.example.com/hosts.toml:
        kind: file
        content: W2hvc3RdCg==
        sha256: 97391b01b8145a0a7ff537c5f22e717ff685e6f18574534dde91999a6d45794b
        size: 7
        mode: "0644"
        uid: 0
        gid: 0
        owner: root
        group: root
directories:
  description:
    - What is in each directory of O(directories), by the directory's path.
    - C(self) is the entry of the directory, C(entries) those below it, by path relative to it.
      The fields are those of RV(files), without C(content).
  returned: success
  type: dict
  sample:
    /etc/containerd/certs.d:
      self: {kind: directory, size: 4096, mode: "0755", uid: 0, gid: 0, owner: root, group: root}
      entries:
        registry.example.com: {kind: directory, size: 4096, mode: "0755", uid: 0, gid: 0, owner: root, group: root}
programs:
  description: The programs of O(programs), by name. The value is null for a program that the node does not have.
  returned: success
  type: dict
  sample:
    containerd:
      path: /usr/bin/containerd
      version: 1.6.20
      output: containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1
    runc: null
  contains:
    name:
      description: One program.
      returned: for every program that was found
      type: dict
      contains:
        path:
          description: Where it was found.
          returned: always
          type: str
          sample: /usr/bin/containerd
        version:
          description:
            - The version without what a distribution adds to it. Null if the program failed, or named no version.
          returned: always
          type: str
          sample: 1.6.20
        output:
          description: What the program printed, or why it could not be run.
          returned: always
          type: str
          sample: containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1
dumps:
  description:
    - What C(containerd config dump) makes of each of O(dumps), by name; passwords included.
    - Empty on a node without containerd.
  returned: success
  type: dict
  sample:
    candidate: {rc: 0, output: "version = 3", errors: ""}
  contains:
    name:
      description: One dump.
      returned: for every content
      type: dict
      contains:
        rc:
          description: The exit code. Null if the program could not be run, or took too long.
          returned: always
          type: int
          sample: 0
        output:
          description: What it printed.
          returned: always
          type: str
          sample: version = 3
        errors:
          description: Warnings, and why it failed.
          returned: always
          type: str
          sample: ""
unit:
  description: The state of O(unit). Null if no unit was asked for or systemd does not run here, as in image builds.
  returned: success
  type: dict
  sample:
    name: containerd.service
    load_state: loaded
    active_state: active
    sub_state: running
    exec_start: [/usr/bin/containerd]
    main_pid: 412
    main_command: [/usr/bin/containerd]
    main_replaced: false
    started: 1795240800.25
    invocation: 5f0c4f2f1d0b4c55a5b0d8c6f2b1a7e3
  contains:
    name:
      description: The name as it was given.
      returned: always
      type: str
      sample: containerd.service
    load_state:
      description: What systemd says of the unit's file, such as V(loaded), V(not-found) or V(masked).
      returned: always
      type: str
      sample: loaded
    active_state:
      description: What systemd says of the unit's state.
      returned: always
      type: str
      sample: active
    sub_state:
      description: The finer state.
      returned: always
      type: str
      sample: running
    exec_start:
      description:
        - The first command that the unit starts, program first. Empty if there is none.
        - systemd tells the words without their quotes, so a word with spaces appears as several.
      returned: always
      type: list
      elements: str
      sample: [/usr/bin/containerd]
    main_pid:
      description: The main process, V(0) if it does not run.
      returned: always
      type: int
      sample: 412
    main_command:
      description: The words that the main process was started with. Empty if none runs, or nobody may see it.
      returned: always
      type: list
      elements: str
      sample: [/usr/bin/containerd]
    main_replaced:
      description: Whether the program of the main process is not the one that lies on the disk any more.
      returned: always
      type: bool
      sample: false
    started:
      description:
        - When the main process last started, in seconds since the epoch by the node's clock as it is now, so that it
          can be compared with the times of files. V(0) if it never did.
      returned: always
      type: float
      sample: 1795240800.25
    invocation:
      description: What systemd calls this one start of the unit. Empty before systemd 232.
      returned: always
      type: str
      sample: 5f0c4f2f1d0b4c55a5b0d8c6f2b1a7e3
images:
  description: The images that CRI has. Null without O(runtime_endpoint).
  returned: success
  type: dict
  sample: {names: ["registry.k8s.io/pause:3.10"], error: null}
  contains:
    names:
      description: Each by its tags, and one without tags by its digests.
      returned: always
      type: list
      elements: str
      sample: ["registry.k8s.io/pause:3.10"]
    error:
      description: Why they are not known, for a person.
      returned: always
      type: str
      sample: null
journal:
  description:
    - The changes of O(journal_root) that are not closed, the oldest first. Null without O(journal_root).
    - Who is not allowed to look into it, has no changes in it.
  returned: success
  type: dict
  sample:
    changes:
      - id: 000012-20260102T030405Z
        created: '2026-01-02T03:04:05Z'
        by: airgap.nodes.containerd_config
        state: open
        restart: true
        paths: [/etc/containerd/config.toml]
    error: null
  contains:
    changes:
      description: One entry for each.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: The change's name, which sorts by age.
          returned: always
          type: str
          sample: 000012-20260102T030405Z
        created:
          description: When it was made, in UTC.
          returned: always
          type: str
          sample: '2026-01-02T03:04:05Z'
        by:
          description: Who made it.
          returned: always
          type: str
          sample: airgap.nodes.containerd_config
        state:
          description: V(prepared) if it was interrupted and has to be undone, V(open) if nobody proved it yet.
          returned: always
          type: str
          sample: open
        restart:
          description: Whether it takes effect with a restart only.
          returned: always
          type: bool
          sample: true
        paths:
          description: The files and directories that it changed.
          returned: always
          type: list
          elements: str
          sample: [/etc/containerd/config.toml]
    error:
      description: Why the journal cannot be read, for a person. Nothing can be changed until that is mended.
      returned: always
      type: str
      sample: null
"""

import base64
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils import _files, _journal, _programs
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import printable


def read_files(params: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    where: t.Dict[str, t.Any] = {"max_bytes": params["max_bytes"], "root": (params.get("root") or "").rstrip("/")}
    return {
        "files": {path: _files.describe(path, with_content=True, **where) for path in params["files"]},
        "globs": {pattern: _files.describe_matches(pattern, **where) for pattern in params["globs"]},
        "directories": {path: _files.list_tree(path, **where) for path in params["directories"]},
    }


def read_images(endpoint: t.Optional[str]) -> t.Optional[t.Dict[str, t.Any]]:
    """The names of the images that CRI has, or why they are not known."""
    if endpoint is None:
        return None
    # Compiled anew on each run, which takes a fiftieth of a second, and most runs have no use for them.
    from ansible_collections.airgap.nodes.plugins.module_utils import _cri as cri  # noqa: PLC0415
    from ansible_collections.airgap.nodes.plugins.module_utils import _cri_node  # noqa: PLC0415

    try:
        return {"names": _cri_node.node_at(endpoint, "").image_names(), "error": None}
    except _cri_node.BadOption as error:
        return {"names": [], "error": str(error)}
    except _cri_node.NoCri as no_cri:
        return {"names": [], "error": cri.explain(no_cri.failure)}


def read_dumps(
    contents: t.Mapping[str, str], unit: t.Optional[t.Mapping[str, t.Any]]
) -> t.Dict[str, t.Dict[str, t.Any]]:
    containerd = _programs.find_program("containerd", unit) if contents else None
    if not containerd:
        return {}
    return {name: _dump_of(base64.b64decode(text), containerd) for name, text in contents.items()}


def _dump_of(content: bytes, containerd: str) -> t.Dict[str, t.Any]:
    dump = _programs.dump(containerd, "/dev/stdin", content)
    return dump._replace(errors=dump.errors[-_programs.OUTPUT_LIMIT :])._asdict()


def read_journal(root: t.Optional[str]) -> t.Optional[t.Dict[str, t.Any]]:
    if root is None:
        return None
    if not os.access(root, os.R_OK | os.X_OK):
        return {"changes": [], "error": None}
    try:
        changes = _journal.Journal(root).unfinished()
    except _files.FileError as error:
        return {"changes": [], "error": str(error)}
    keys = ("id", "created", "by", "state", "restart", "paths")
    return {"changes": [{key: getattr(change, key) for key in keys} for change in changes], "error": None}


def argument_spec() -> t.Dict[str, t.Dict[str, t.Any]]:
    # Paths are of type str: type path would expand ~ and $, which are plain characters here.
    paths: t.Dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
    return {
        "files": paths,
        "globs": paths,
        "directories": paths,
        "programs": {"type": "list", "elements": "str", "choices": list(_programs.PROGRAMS), "default": []},
        "unit": {"type": "str"},
        "dumps": {"type": "dict", "default": {}},
        "journal_root": {"type": "str"},
        "runtime_endpoint": {"type": "str"},
        "root": {"type": "str"},
        "max_bytes": {"type": "int", "default": 1048576},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    for option in ("files", "globs", "directories"):
        for path in module.params[option]:
            if not os.path.isabs(path):
                module.fail_json(msg=f"{option}: {path!r} is not an absolute path")
    root = module.params["root"]
    if root is not None and not (os.path.isabs(root) and os.path.isdir(root)):
        module.fail_json(msg=f"root: {root!r} is not the absolute path of a directory")
    unit, warning = _programs.read_unit(module.params["unit"]) if module.params["unit"] else (None, None)
    if warning:
        module.warn(printable(warning))
    programs = _programs.read_programs(module.params["programs"], unit)
    found = {
        "unit": unit,
        "programs": programs,
        "dumps": read_dumps(module.params["dumps"], unit),
        "journal": read_journal(module.params["journal_root"]),
        "images": read_images(module.params["runtime_endpoint"]),
    }
    module.exit_json(changed=False, **printable({**found, **read_files(module.params)}))


if __name__ == "__main__":
    main()
