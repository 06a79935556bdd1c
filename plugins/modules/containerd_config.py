# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_config
short_description: Edit containerd's config.toml in place
version_added: "0.1.0"
author:
  - the airgap.nodes authors (@airgap-nodes)
description:
  - Sets and removes keys of C(config.toml) and leaves every other line as it is, comments, order, indentation and
    line ends included.
  - Knows where the sandbox image and the registry directory live in config versions 1 to 4, by what the file says and
    by what the node's containerd reads.
  - The file is edited on the controller, so that nothing has to be installed on the node.
  - Never restarts containerd; RV(restart_required) says whether it has to be.
requirements:
  - tomlkit >= 0.15.0 (on the controller)
options:
  path:
    description:
      - The file on the node. A symlink is followed and the file it leads to is replaced.
      - One that the containerd of O(unit) does not read, as far as its command tells, is refused; with
        O(containerd_version) that is a warning.
    type: str
    default: /etc/containerd/config.toml
  sandbox_image:
    description:
      - The image that holds a pod's namespaces, often called the pause image.
      - containerd pulls it by itself at the first pod, from C(registry.k8s.io) unless this names another place.
    type: str
  registry_config_path:
    description:
      - The directory of the C(hosts.toml) tree, one absolute path.
      - Refused while the file has C(registry.mirrors), or before containerd 2.0 C(registry.configs.*.tls), because
        containerd would start without its CRI plugin. M(airgap.nodes.containerd_migrate) carries what those tables say
        over to the tree.
    type: str
  systemd_cgroup:
    description:
      - Whether runc and its like leave cgroups to systemd. It has to be what the kubelet's C(cgroupDriver) says.
      - Set alike in the options of every runtime class whose type is C(io.containerd.runc.v2) or
        C(io.containerd.runc.v1), those in O(runtimes) and those that the files have already, NVIDIA's included. Where
        the files have none, C(runc) is written, with its type.
    type: bool
  snapshotter:
    description:
      - What holds the layers of images and containers, such as V(overlayfs), V(native), V(devmapper) or V(stargz).
      - On containerd 2.1 and newer the transfer service unpacks for V(overlayfs) alone, and every pull for another one
        fails. So the snapshotters that this and O(runtimes[].snapshotter) name are added to its C(unpack_config),
        unless images are pulled locally (see O(use_local_image_pull)) or O(transfer_service.unpack_config) says it.
        Such an entry goes again when nothing uses its snapshotter any more; entries in any other form stay.
      - One that the release does not have, and that no C(proxy_plugins) of type C(snapshot) names either, is refused,
        because CRI would not load. So are C(devmapper) and C(blockfile) without the keys that they need.
    type: str
  default_runtime_name:
    description:
      - The runtime class of pods that ask for none. There has to be one of that name.
    type: str
  runtimes:
    description:
      - Runtime classes, the C(handler) of a Kubernetes RuntimeClass each. Classes that are not listed stay as they are,
        and so do the keys of a listed one that are not named.
      - containerd 1.x has a C(runc) of its own only as long as its file has no runtime class at all, so C(runc) is
        written beside the first one that is added.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the class.
        type: str
        required: true
      runtime_type:
        description:
          - The shim, such as V(io.containerd.runc.v2), V(io.containerd.runsc.v1) or V(io.containerd.kata.v2), or from
            containerd 1.6 on the absolute path of its program. Needed for a class that the files do not have yet,
            unless it is C(runc).
        type: str
      runtime_path:
        description:
          - The shim's program, an absolute path, where it cannot be found by its type.
        type: str
      options:
        description:
          - What the shim is told, in its own names. For runc and its like these are C(BinaryName), C(SystemdCgroup),
            C(Root), C(NoNewKeyring), C(ShimCgroup), C(IoUid), C(IoGid), C(CriuImagePath) and C(CriuWorkPath); for
            C(runsc) and Kata, C(ConfigPath) and C(TypeUrl).
        type: dict
      snapshotter:
        description:
          - The snapshotter of this class alone, from containerd 1.7 on.
          - Releases 2.0 to 2.2 ask another table when they pull, C(runtime_platforms), which is then written too.
        type: str
      base_runtime_spec:
        description:
          - An absolute path on the node of an OCI specification in JSON that every container of the class begins with,
            such as one with other limits. C(ctr oci spec) prints the one to start from.
        type: str
      pod_annotations:
        description:
          - The annotations of a pod that reach the runtime; V(*) stands for any characters.
        type: list
        elements: str
      container_annotations:
        description:
          - The annotations of a container that reach the runtime.
        type: list
        elements: str
      privileged_without_host_devices:
        description:
          - A privileged container gets no devices of the node, as runtimes with a virtual machine need it.
        type: bool
      privileged_without_host_devices_all_devices_allowed:
        description:
          - A privileged container may use all devices, though it gets none. From containerd 1.7 on, and only with
            O(runtimes[].privileged_without_host_devices).
        type: bool
      cni_conf_dir:
        description:
          - A directory with the CNI configuration of this class, an absolute path. From containerd 1.6 on.
        type: str
      cni_max_conf_num:
        description:
          - How many of its files count; V(0) means all. From containerd 1.6 on.
        type: int
      sandboxer:
        description:
          - Who runs the pod's sandbox, V(podsandbox) or V(shim), or a sandboxer that is plugged in. From containerd 1.7
            on, where the key is C(sandbox_mode).
        type: str
      state:
        description:
          - V(absent) removes the class, with its table of C(runtime_platforms). The default class cannot be removed,
            nor C(runc) from containerd 2.x, which brings it along.
        type: str
        choices: [present, absent]
        default: present
  cni:
    description:
      - Where the network of pods comes from.
    type: dict
    suboptions:
      bin_dirs:
        description:
          - The directories of the CNI plugins, absolute paths. Releases before 2.1 take one.
        type: list
        elements: str
      conf_dir:
        description:
          - The directory of the CNI configuration, an absolute path.
        type: str
      conf_template:
        description:
          - A template on the node, an absolute path, from which containerd writes the configuration when the kubelet
            tells it the range of the node's pods. An empty text ends that.
        type: str
      max_conf_num:
        description:
          - How many files of the directory count, in the order of their names; V(0) means all.
        type: int
      setup_serially:
        description:
          - Set the networks up one after the other. From containerd 1.7 on.
        type: bool
      ip_pref:
        description:
          - Which address of a pod comes first; V(cni) keeps the order of the CNI plugins. From containerd 1.6 on.
        type: str
        choices: [ipv4, ipv6, cni]
      use_internal_loopback:
        description:
          - Bring the loopback device up without the CNI plugin C(loopback). From containerd 2.0 on.
        type: bool
  stream_server:
    description:
      - The server to which the kubelet sends C(exec), C(attach) and C(port-forward).
    type: dict
    suboptions:
      address:
        description:
          - The address that it listens on.
        type: str
      port:
        description:
          - The port; V(0) takes any that is free.
        type: int
      idle_timeout:
        description:
          - How long a stream may be idle, such as V(30m) or V(4h0m0s).
        type: str
      enable_tls:
        description:
          - Speak TLS, with a certificate of containerd's own making if no files are named.
        type: bool
      tls_cert_file:
        description:
          - The certificate on the node, an absolute path. Both files or none, and only with TLS.
        type: str
      tls_key_file:
        description:
          - The certificate's key on the node, an absolute path.
        type: str
  disable_tcp_service:
    description:
      - Whether CRI is kept off the TCP address of containerd, if it has one. containerd's default is V(true).
    type: bool
  enable_unprivileged_ports:
    description:
      - Let containers without privileges, if they have a network of their own, listen on ports below 1024. From
        containerd 1.6 on.
      - The default is V(false) up to 1.7 and V(true) from 2.0 on, so that an upgrade changes it unless it is set.
    type: bool
  enable_unprivileged_icmp:
    description:
      - Let them ping. From containerd 1.6 on; the default is V(false) up to 1.7 and V(true) from 2.0 on.
    type: bool
  device_ownership_from_security_context:
    description:
      - Give the devices of a container to the user and group that its security context names. From containerd 1.6 on.
    type: bool
  enable_cdi:
    description:
      - Let device plugins name devices by CDI. From containerd 1.7 on; the default is V(false) there and V(true) from
        2.0 on. From 2.4 on there is no switch, so that V(true) is met and V(false) counts as unsupported.
    type: bool
  cdi_spec_dirs:
    description:
      - The directories of CDI specifications, absolute paths. From containerd 1.7 on.
    type: list
    elements: str
  enable_selinux:
    description:
      - Run containers with SELinux labels.
    type: bool
  max_container_log_line_size:
    description:
      - The bytes after which a line of a container's log is cut in two; V(-1) never cuts.
    type: int
  image_decryption:
    description:
      - How encrypted images are decrypted; see O(stream_processors) for what does it.
    type: dict
    suboptions:
      key_model:
        description:
          - V(node) means that the keys are on the node. An empty text ends decryption.
          - CRI of containerd 2.0, 2.1.0 to 2.1.6, 2.2.0 and 2.2.1 decrypts no image, so that V(node) counts as
            unsupported there. From 2.1 on it is only done when images are pulled locally, so O(use_local_image_pull) is
            set along with it, unless it is given.
        type: str
  stream_processors:
    description:
      - Programs that turn layers of one media type into another, by name. Processors that are not named stay as they
        are.
      - Each is a mapping with C(accepts) (a list of media types), C(returns) (a media type), C(path) (the program),
        C(args) and C(env) (lists). C(accepts), C(returns) and C(path) are needed for a new one.
    type: dict
  max_concurrent_downloads:
    description:
      - How many layers of an image are fetched at once.
      - containerd 2.1 and newer stop using the transfer service when the key that older releases have for this is not
        3. There the transfer service's own key is set, and the older one, if it is not 3, is put back to 3; unless
        images are pulled locally anyway, where the older one is set.
    type: int
  concurrent_layer_fetch_buffer:
    description:
      - The bytes of a chunk when one layer is fetched in parts at once; V(0) fetches it whole. From containerd 2.1 on.
      - Set for the transfer service or for local pulls, as O(max_concurrent_downloads) is.
    type: int
  image_pull_progress_timeout:
    description:
      - How long a pull may stand still before it is given up, such as V(10m); V(0) never does. From containerd 1.7 on.
    type: str
  use_local_image_pull:
    description:
      - Whether CRI of containerd 2.1 and newer pulls images by itself, as all older releases do, and not through the
        transfer service. Older releases have nothing to set, so V(true) is met there, and V(false) means nothing.
    type: bool
  transfer_service:
    description:
      - What only the transfer service has, from containerd 2.1 on.
    type: dict
    suboptions:
      max_concurrent_uploaded_layers:
        description:
          - How many layers are pushed at once.
        type: int
      max_concurrent_unpacks:
        description:
          - How many layers are unpacked at once. From containerd 2.2 on.
        type: int
      check_platform_supported:
        description:
          - Whether the architecture in C(unpack_config) counts too, and not the operating system alone.
        type: bool
      unpack_config:
        description:
          - For what images are unpacked, as a whole, in the place of what is there. It has to cover every snapshotter
            that is in use; one that does not exist keeps CRI from loading, unless it is C(optional), and is refused.
        type: list
        elements: dict
        suboptions:
          snapshotter:
            description:
              - The snapshotter.
            type: str
            required: true
          platform:
            description:
              - The platform, such as V(linux/amd64). V(linux) is that of the node.
            type: str
            default: linux
          differ:
            description:
              - What unpacks, such as V(walking) or V(erofs).
            type: str
          config_type:
            description:
              - The media type of image configurations that it is for. From containerd 2.1 on.
            type: str
          layer_types:
            description:
              - The media types of layers that it is for. From containerd 2.1 on.
            type: list
            elements: str
          optional:
            description:
              - Pass over it where the snapshotter does not exist. From containerd 2.3 on.
            type: bool
  registries:
    description:
      - The entries of O(airgap.nodes.containerd_registries#module:registries) as they are, so that credentials which
        cannot stand in C(hosts.toml) come to stand in C(config.toml). Nothing else in them counts here.
      - The role passes them; in a play of your own, pass both modules the same list.
    type: list
    elements: dict
    default: []
  registries_defaults:
    description:
      - The same as O(airgap.nodes.containerd_registries#module:defaults).
    type: dict
    default: {}
  settings:
    description:
      - Any other keys, nested as in the file, in the names of any config version, such as the newest. Each comes to
        stand where this node's file and release read it, under the name that it has there, so that one inventory
        serves nodes of different releases.
      - A key that is named here is set; keys that are not named stay. An empty mapping makes sure that the table
        exists.
      - V(version) is only changed in files that have no tables of another version; see O(config_version).
      - What would keep containerd from starting, or its CRI from loading, is refused, such as a C(debug.level) or a
        duration that it cannot read, a plugin in C(disabled_plugins) that CRI needs, or one in C(required_plugins)
        that the release does not have. What the file has already stands in the way only where containerd does not come
        up with it.
    type: dict
    default: {}
  absent:
    description:
      - Key paths to remove, a key or a whole table each. Paths that do not exist are passed over, but for those of a
        plugin that no containerd has.
      - A path is a list of keys, or a text as TOML writes it, in which a key with a dot stands in quotes. A setting may
        be named as in any config version; a whole table of a plugin is the one that is named.
    type: list
    elements: raw
    default: []
  unsupported:
    description:
      - What becomes of a setting that the node's containerd does not have, whether from O(settings) or an option of its
        own. containerd itself passes over such a key, 1.x without a word.
      - V(error) refuses it and names the nearest key that exists. V(warn) leaves it out on that node, with a warning,
        which a fleet of different releases may want; a name that no release knows is an error even so. V(write) writes
        whatever it is all the same, with a warning.
      - The same goes for a snapshotter that the node's containerd does not have. Plugins that it does not have, in
        C(required_plugins) for example, are only written with V(write), and so are programs and files of a runtime
        class that are not on the node, such as its C(BinaryName). No file is written with which containerd would not
        come up.
      - Of several O(cni.bin_dirs) both write the first one before containerd 2.1, which has room for one.
    type: str
    choices: [error, warn, write]
    default: error
  layout:
    description:
      - V(in_place) edits the file in which each setting is effective, config.toml or one that it imports.
      - V(drop_in) writes to O(drop_in_path) and lets config.toml import it, on containerd 2.x, which merges files key
        by key. On 1.x a drop-in would replace the whole of a plugin's table, so files are edited in place.
    type: str
    choices: [in_place, drop_in]
    default: in_place
  drop_in_path:
    description:
      - The file that is written with O(layout=drop_in); not O(path) itself.
    type: str
    default: /etc/containerd/conf.d/60-airgap-nodes.toml
  config_version:
    description:
      - V(keep) leaves the file in its version. A number moves its tables to that version, with their comments and with
        keys that nobody knows; what containerd makes of the file stays the same.
      - The node's release has to read that version. V(newest) is the newest one that it reads, so that nodes of
        different releases can share it.
    type: str
    choices: [keep, newest, "2", "3", "4"]
    default: keep
  unit:
    description:
      - The systemd unit that runs containerd, of whose program the version is asked, and which has to be restarted.
    type: str
    default: containerd
  backup:
    description:
      - Keep a copy of the old file beside it, with its owner and mode. The copy of a file with a password or a header
        value in it has mode C(0600), as the file itself has once a task changed it.
    type: bool
    default: false
  containerd_version:
    description:
      - The containerd release to write for, such as V(1.7.24). V(1.7) means the first release of that line.
      - For where containerd is not installed yet, as in image builds. Otherwise the node's own binary is asked, and a
        release of another line here is an error.
      - A node whose containerd is newer than the collection knows (2.4) is refused, unless this names the release to
        treat it as, such as V("2.4"); a warning tells of it.
    type: str
notes:
  - A file without C(version) is read as version 1. An absent or empty file gets the newest version that the release
    reads; a file without any plugin table, such as the one that Docker's package ships, gets C(version = 2) on
    containerd 1.x and C(version = 3) on 2.x, and CRI is taken off its C(disabled_plugins).
  - A file that holds a password or a header value that this module wrote gets mode C(0600).
  - An error leaves the node untouched.
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
    details:
      - Passwords, tokens and header values are masked one by one.
seealso:
  - module: airgap.nodes.containerd_migrate
  - module: airgap.nodes.containerd_registries
"""

EXAMPLES = r"""
- name: Take the pause image and every other image from the private registry
  airgap.nodes.containerd_config:
    sandbox_image: registry.example.com/k8s/pause:3.10
    registry_config_path: /etc/containerd/certs.d
  register: config

- name: Restart containerd when an effective value has changed
  ansible.builtin.systemd_service:
    name: containerd
    state: restarted
  when: config.restart_required

# Old registry tables hold routes that the tree has to have first: another module carries them over, and sets the
# directory in the same write.
- name: Replace the old registry tables by the tree
  airgap.nodes.containerd_migrate:
    backup: true

- name: What a cluster of kubeadm needs, whatever release and file each node has
  airgap.nodes.containerd_config:
    sandbox_image: registry.example.com/k8s/pause:3.10
    registry_config_path: /etc/containerd/certs.d
    systemd_cgroup: true
    cni:
      bin_dirs: [/opt/cni/bin]
      conf_dir: /etc/cni/net.d
    enable_unprivileged_ports: true
    enable_unprivileged_icmp: true

- name: The crun runtime class, as the default one
  airgap.nodes.containerd_config:
    systemd_cgroup: true
    default_runtime_name: crun
    runtimes:
      - name: crun
        runtime_type: io.containerd.runc.v2
        options:
          BinaryName: /usr/bin/crun

- name: The gVisor runtime class
  airgap.nodes.containerd_config:
    runtimes:
      - name: runsc
        runtime_type: io.containerd.runsc.v1
        options:
          TypeUrl: io.containerd.runsc.v1.options
          ConfigPath: /etc/containerd/runsc.toml

- name: The Kata Containers runtime class, with virtual disks of its own (containerd 1.7 and newer)
  airgap.nodes.containerd_config:
    runtimes:
      - name: kata
        runtime_type: io.containerd.kata.v2
        privileged_without_host_devices: true
        pod_annotations: [io.katacontainers.*]
        container_annotations: [io.katacontainers.*]
        snapshotter: devmapper
        options:
          ConfigPath: /opt/kata/share/defaults/kata-containers/configuration.toml
    settings:
      plugins:
        io.containerd.snapshotter.v1.devmapper:
          pool_name: containerd-pool
          base_image_size: 10GB

- name: A runtime class with a shim, a sandbox and networks of its own (containerd 1.7 and newer)
  airgap.nodes.containerd_config:
    runtimes:
      - name: kata-dev
        runtime_type: io.containerd.kata.v2
        runtime_path: /opt/kata-dev/bin/containerd-shim-kata-v2
        sandboxer: podsandbox
        privileged_without_host_devices: true
        privileged_without_host_devices_all_devices_allowed: true
        cni_conf_dir: /etc/cni/kata.d
        cni_max_conf_num: 1

- name: The NVIDIA runtime class, with devices by CDI (containerd 1.7 and newer)
  airgap.nodes.containerd_config:
    systemd_cgroup: true
    enable_cdi: true
    cdi_spec_dirs: [/etc/cdi, /var/run/cdi]
    runtimes:
      - name: nvidia
        runtime_type: io.containerd.runc.v2
        options:
          BinaryName: /usr/bin/nvidia-container-runtime

- name: Other limits for every container, a specification for runc to begin with
  airgap.nodes.containerd_config:
    runtimes:
      - name: runc
        base_runtime_spec: /etc/containerd/base-spec.json

- name: A runtime class that nobody uses any more
  airgap.nodes.containerd_config:
    runtimes:
      - name: runsc
        state: absent

- name: Another snapshotter, with what the transfer service of 2.1 and newer needs to unpack for it
  airgap.nodes.containerd_config:
    snapshotter: native

- name: A network that containerd makes from the range that the kubelet tells it
  airgap.nodes.containerd_config:
    cni:
      conf_template: /etc/containerd/cni.conflist.tmpl
      max_conf_num: 1

- name: Pods with several networks, whose IPv6 address comes first (containerd 2.0 and newer)
  airgap.nodes.containerd_config:
    cni:
      max_conf_num: 2
      setup_serially: true
      ip_pref: ipv6
      use_internal_loopback: true

- name: Faster pulls, each setting where this node's release looks for it
  airgap.nodes.containerd_config:
    max_concurrent_downloads: 8
    image_pull_progress_timeout: 10m
    concurrent_layer_fetch_buffer: 8388608
    transfer_service:
      max_concurrent_unpacks: 4
    unsupported: warn

- name: Pulls without the transfer service, as before containerd 2.1
  airgap.nodes.containerd_config:
    use_local_image_pull: true

- name: A stream server at a fixed place that speaks TLS
  airgap.nodes.containerd_config:
    disable_tcp_service: true
    stream_server:
      address: 127.0.0.1
      port: 10010
      idle_timeout: 30m
      enable_tls: true
      tls_cert_file: /etc/containerd/stream.pem
      tls_key_file: /etc/containerd/stream-key.pem

- name: Encrypted images, decrypted by imgcrypt with keys of the node
  airgap.nodes.containerd_config:
    image_decryption:
      key_model: node
    stream_processors:
      io.containerd.ocicrypt.decoder.v1.tar.gzip:
        accepts: [application/vnd.oci.image.layer.v1.tar+gzip+encrypted]
        returns: application/vnd.oci.image.layer.v1.tar+gzip
        path: /usr/local/bin/ctd-decoder
        args: [--decryption-keys-path, /etc/containerd/ocicrypt/keys]
        env: [OCICRYPT_KEYPROVIDER_CONFIG=/etc/containerd/ocicrypt/ocicrypt_keyprovider.conf]
      io.containerd.ocicrypt.decoder.v1.tar:
        accepts: [application/vnd.oci.image.layer.v1.tar+encrypted]
        returns: application/vnd.oci.image.layer.v1.tar
        path: /usr/local/bin/ctd-decoder
        args: [--decryption-keys-path, /etc/containerd/ocicrypt/keys]
        env: [OCICRYPT_KEYPROVIDER_CONFIG=/etc/containerd/ocicrypt/ocicrypt_keyprovider.conf]

- name: Nodes with SELinux, device plugins of KubeVirt, and long lines in logs
  airgap.nodes.containerd_config:
    enable_selinux: true
    device_ownership_from_security_context: true
    max_container_log_line_size: 262144

- name: Any other key, in the names of the newest version, in a file of its own
  airgap.nodes.containerd_config:
    settings:
      plugins:
        io.containerd.cri.v1.runtime:
          tolerate_missing_hugetlb_controller: true
    layout: drop_in
    # Read after the file of NVIDIA's toolkit.
    drop_in_path: /etc/containerd/conf.d/99-zz-site.toml

- name: A key that this collection does not know, for a containerd that was built with more plugins
  airgap.nodes.containerd_config:
    settings:
      plugins:
        com.example.scanner.v1.images:
          endpoint: /run/scanner.sock
    unsupported: write

- name: What images are unpacked for, as a whole (containerd 2.3 and newer)
  airgap.nodes.containerd_config:
    transfer_service:
      unpack_config:
        - platform: linux
          snapshotter: overlayfs
        - platform: linux
          snapshotter: stargz
          optional: true

- name: Artifacts with media types of their own, and pushes of more layers at once (containerd 2.1 and newer)
  airgap.nodes.containerd_config:
    transfer_service:
      max_concurrent_uploaded_layers: 6
      check_platform_supported: true
      unpack_config:
        - platform: linux/amd64
          snapshotter: overlayfs
          differ: walking
          config_type: application/vnd.example.model.config.v1+json
          layer_types: [application/vnd.example.model.layer.v1.tar+gzip]
        - platform: linux
          snapshotter: overlayfs

- name: A key that nobody should set any more
  airgap.nodes.containerd_config:
    absent:
      - plugins."io.containerd.grpc.v1.cri".max_concurrent_downloads

- name: The file in the newest version that containerd 2.0 to 2.2 read, with its comments
  airgap.nodes.containerd_config:
    config_version: "3"
    backup: true

- name: Passwords that cannot be headers, with the registries that containerd_registries is given
  airgap.nodes.containerd_config:
    registries: "{{ site_registries }}"
    registries_defaults: "{{ site_registries_defaults }}"

- name: A containerd that another unit runs, from a file of its own
  airgap.nodes.containerd_config:
    path: /etc/containerd-build/config.toml
    unit: containerd-build
    sandbox_image: registry.example.com/k8s/pause:3.10

- name: Write the file while an image is built, before containerd is installed
  airgap.nodes.containerd_config:
    containerd_version: 2.1.5
    sandbox_image: registry.example.com/k8s/pause:3.10
    registry_config_path: /etc/containerd/certs.d
"""

RETURN = r"""
restart_required:
  description:
    - Whether containerd has to be restarted to read the file. True if an effective value changed (comments, order and
      empty tables do not count), if such a change of an earlier run still waits for a restart, or if containerd does
      not get up.
  returned: success
  type: bool
  sample: true
config_version:
  description: The config version by which containerd reads the file now; V(1) where the file states none.
  returned: success
  type: int
  sample: 2
containerd_version:
  description: The containerd release that the file was planned for.
  returned: success
  type: str
  sample: 1.7.24
backup_file:
  description: The copy of the old O(path), V(null) where none was made.
  returned: success
  type: str
  sample: /etc/containerd/config.toml.20261121T071500.bak
backup_files:
  description: The copies of all files that were changed, those that O(path) imports among them.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/config.toml.20261121T071500.bak]
changes:
  description: What changed, key by key. Secrets are masked.
  returned: success
  type: list
  elements: dict
  contains:
    file:
      description: The file in which it changed, O(path) or one that it imports.
      returned: always
      type: str
      sample: /etc/containerd/config.toml
    key_path:
      description: The key as TOML writes it.
      returned: always
      type: str
      sample: plugins."io.containerd.grpc.v1.cri".sandbox_image
    before:
      description: The old value, V(null) where there was none.
      returned: always
      type: raw
      sample: registry.k8s.io/pause:3.8
    after:
      description: The new value, V(null) where it was removed.
      returned: always
      type: raw
      sample: registry.example.com/k8s/pause:3.10
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG


def main() -> None:
    module = AnsibleModule(argument_spec=CONTAINERD_CONFIG, supports_check_mode=True)
    module.fail_json(msg="The work is done by the action plugin of the same name, which runs on the controller.")


if __name__ == "__main__":
    main()
