# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of config.toml that each containerd release knows. Private to this collection.

Made by ``tests/tools/known_keys.py`` from containerd's source at 153 tags, v1.4.0 to v2.4.2: do not edit.

A name in brackets is a plugin's id; the first table has the keys outside plugins. A line has the key's canonical path
in its table, its type, and the releases that know it: ``1.4-`` from 1.4 on, ``1.4-1.7`` to the end of 1.7, ``1.7`` that
line alone, ``1.6.22-1.6 1.7.3-`` from 1.6.22 to the end of 1.6 and from 1.7.3 on. ``*`` stands for a name of the user's
choice, ``**`` for anything.
"""

from __future__ import annotations

TABLE = """\
[]  1.4-
cgroup.path                   str      1.4-
debug.format                  str      1.5-
debug.level                   str      1.4-
debug.log_trace_id            bool     2.3-
disabled_plugins              [str]    1.4-
imports                       [str]    1.4-
oom_score                     int      1.4-
plugin_dir                    str      1.4-2.0
proxy_plugins.*.address       str      1.4-
proxy_plugins.*.capabilities  [str]    1.7.23-
proxy_plugins.*.exports.*     str      1.6.32-1.6 1.7.16-
proxy_plugins.*.platform      str      1.6.32-1.6 1.7.16-
proxy_plugins.*.type          str      1.4-
required_plugins              [str]    1.4-
root                          str      1.4-
state                         str      1.4-
stream_processors.*.accepts   [str]    1.4-
stream_processors.*.args      [str]    1.4-
stream_processors.*.env       [str]    1.5-
stream_processors.*.path      str      1.4-
stream_processors.*.returns   str      1.4-
temp                          str      1.6-
timeouts.*                    str      1.4-
version                       int      1.4-

[io.containerd.cri.v1.images]  1.4-
concurrent_layer_fetch_buffer                int      2.1-
disable_snapshot_annotations                 bool     1.4-
discard_unpacked_layers                      bool     1.4-
image_decryption.key_model                   str      1.4-
image_pull_progress_timeout                  str      1.7-
image_pull_with_sync_fs                      bool     1.7.14-
max_concurrent_downloads                     int      1.4-
pinned_images.*                              str      2.0-
pinned_images.sandbox                        str      1.4-
registry.auths.*.auth                        str      1.4-
registry.auths.*.identitytoken               str      1.4-
registry.auths.*.password                    str      1.4-
registry.auths.*.username                    str      1.4-
registry.config_path                         str      1.5-
registry.configs.*.auth.auth                 str      1.4-
registry.configs.*.auth.identitytoken        str      1.4-
registry.configs.*.auth.password             str      1.4-
registry.configs.*.auth.username             str      1.4-
registry.configs.*.tls.ca_file               str      1.4-1.7
registry.configs.*.tls.cert_file             str      1.4-1.7
registry.configs.*.tls.insecure_skip_verify  bool     1.4-1.7
registry.configs.*.tls.key_file              str      1.4-1.7
registry.headers.*                           [str]    1.4-
registry.mirrors.*.endpoint                  [str]    1.4-
runtime_platforms.*.platform                 str      2.0-
runtime_platforms.*.snapshotter              str      2.0-
snapshotter                                  str      1.4-
stats_collect_period                         int      1.4-
use_local_image_pull                         bool     2.1-

[io.containerd.cri.v1.runtime]  1.4-
cdi_spec_dirs                                                                              [str]    1.7-
cni.bin_dirs                                                                               [str]    1.4-
cni.conf_dir                                                                               str      1.4-
cni.conf_template                                                                          str      1.4-
cni.ip_pref                                                                                str      1.6-
cni.max_conf_num                                                                           int      1.4-
cni.setup_serially                                                                         bool     1.7-
cni.use_internal_loopback                                                                  bool     2.0-
containerd.default_runtime.base_runtime_spec                                               str      1.4-1.7
containerd.default_runtime.cni_conf_dir                                                    str      1.6-1.7
containerd.default_runtime.cni_max_conf_num                                                int      1.6-1.7
containerd.default_runtime.container_annotations                                           [str]    1.4-1.7
containerd.default_runtime.options.**                                                      any      1.4-1.7
containerd.default_runtime.options.BinaryName                                              str      1.4-1.7
containerd.default_runtime.options.CriuImagePath                                           str      1.4-1.7
containerd.default_runtime.options.CriuPath                                                str      1.4-1.7.24
containerd.default_runtime.options.CriuWorkPath                                            str      1.4-1.7
containerd.default_runtime.options.IoGid                                                   int      1.4-1.7
containerd.default_runtime.options.IoUid                                                   int      1.4-1.7
containerd.default_runtime.options.NoNewKeyring                                            bool     1.4-1.7
containerd.default_runtime.options.NoPivotRoot                                             bool     1.4-1.7
containerd.default_runtime.options.Root                                                    str      1.4-1.7
containerd.default_runtime.options.ShimCgroup                                              str      1.4-1.7
containerd.default_runtime.options.SystemdCgroup                                           bool     1.4-1.7
containerd.default_runtime.options.TaskApiAddress                                          str      1.7.25-1.7
containerd.default_runtime.options.TaskApiVersion                                          int      1.7.25-1.7
containerd.default_runtime.pod_annotations                                                 [str]    1.4-1.7
containerd.default_runtime.privileged_without_host_devices                                 bool     1.4-1.7
containerd.default_runtime.privileged_without_host_devices_all_devices_allowed             bool     1.7
containerd.default_runtime.runtime_engine                                                  str      1.4-1.7
containerd.default_runtime.runtime_path                                                    str      1.6-1.7
containerd.default_runtime.runtime_root                                                    str      1.4-1.7
containerd.default_runtime.runtime_type                                                    str      1.4-1.7
containerd.default_runtime.sandbox_mode                                                    str      1.7
containerd.default_runtime.snapshotter                                                     str      1.7
containerd.default_runtime_name                                                            str      1.4-
containerd.ignore_blockio_not_enabled_errors                                               bool     1.7-
containerd.ignore_rdt_not_enabled_errors                                                   bool     1.6-
containerd.no_pivot                                                                        bool     1.4-1.7
containerd.runtimes.*.base_runtime_spec                                                    str      1.4-
containerd.runtimes.*.cgroup_writable                                                      bool     2.1-
containerd.runtimes.*.cni_conf_dir                                                         str      1.6-
containerd.runtimes.*.cni_max_conf_num                                                     int      1.6-
containerd.runtimes.*.container_annotations                                                [str]    1.4-
containerd.runtimes.*.disable_pause_image_pull                                             bool     2.4-
containerd.runtimes.*.io_type                                                              str      2.0-
containerd.runtimes.*.options.**                                                           any      1.4-
containerd.runtimes.*.options.BinaryName                                                   str      1.4-
containerd.runtimes.*.options.CriuImagePath                                                str      1.4-
containerd.runtimes.*.options.CriuPath                                                     str      1.4-1.7.24
containerd.runtimes.*.options.CriuWorkPath                                                 str      1.4-
containerd.runtimes.*.options.IoGid                                                        int      1.4-
containerd.runtimes.*.options.IoUid                                                        int      1.4-
containerd.runtimes.*.options.NoNewKeyring                                                 bool     1.4-
containerd.runtimes.*.options.NoPivotRoot                                                  bool     1.4-
containerd.runtimes.*.options.Root                                                         str      1.4-
containerd.runtimes.*.options.ShimCgroup                                                   str      1.4-
containerd.runtimes.*.options.SystemdCgroup                                                bool     1.4-
containerd.runtimes.*.options.TaskApiAddress                                               str      1.7.25-
containerd.runtimes.*.options.TaskApiVersion                                               int      1.7.25-
containerd.runtimes.*.pod_annotations                                                      [str]    1.4-
containerd.runtimes.*.privileged_without_host_devices                                      bool     1.4-
containerd.runtimes.*.privileged_without_host_devices_all_devices_allowed                  bool     1.7-
containerd.runtimes.*.runtime_engine                                                       str      1.4-1.7
containerd.runtimes.*.runtime_path                                                         str      1.6-
containerd.runtimes.*.runtime_root                                                         str      1.4-1.7
containerd.runtimes.*.runtime_type                                                         str      1.4-
containerd.runtimes.*.sandboxer                                                            str      1.7-
containerd.runtimes.*.snapshotter                                                          str      1.7-
containerd.untrusted_workload_runtime.base_runtime_spec                                    str      1.4-1.7
containerd.untrusted_workload_runtime.cni_conf_dir                                         str      1.6-1.7
containerd.untrusted_workload_runtime.cni_max_conf_num                                     int      1.6-1.7
containerd.untrusted_workload_runtime.container_annotations                                [str]    1.4-1.7
containerd.untrusted_workload_runtime.options.**                                           any      1.4-1.7
containerd.untrusted_workload_runtime.options.BinaryName                                   str      1.4-1.7
containerd.untrusted_workload_runtime.options.CriuImagePath                                str      1.4-1.7
containerd.untrusted_workload_runtime.options.CriuPath                                     str      1.4-1.7.24
containerd.untrusted_workload_runtime.options.CriuWorkPath                                 str      1.4-1.7
containerd.untrusted_workload_runtime.options.IoGid                                        int      1.4-1.7
containerd.untrusted_workload_runtime.options.IoUid                                        int      1.4-1.7
containerd.untrusted_workload_runtime.options.NoNewKeyring                                 bool     1.4-1.7
containerd.untrusted_workload_runtime.options.NoPivotRoot                                  bool     1.4-1.7
containerd.untrusted_workload_runtime.options.Root                                         str      1.4-1.7
containerd.untrusted_workload_runtime.options.ShimCgroup                                   str      1.4-1.7
containerd.untrusted_workload_runtime.options.SystemdCgroup                                bool     1.4-1.7
containerd.untrusted_workload_runtime.options.TaskApiAddress                               str      1.7.25-1.7
containerd.untrusted_workload_runtime.options.TaskApiVersion                               int      1.7.25-1.7
containerd.untrusted_workload_runtime.pod_annotations                                      [str]    1.4-1.7
containerd.untrusted_workload_runtime.privileged_without_host_devices                      bool     1.4-1.7
containerd.untrusted_workload_runtime.privileged_without_host_devices_all_devices_allowed  bool     1.7
containerd.untrusted_workload_runtime.runtime_engine                                       str      1.4-1.7
containerd.untrusted_workload_runtime.runtime_path                                         str      1.6-1.7
containerd.untrusted_workload_runtime.runtime_root                                         str      1.4-1.7
containerd.untrusted_workload_runtime.runtime_type                                         str      1.4-1.7
containerd.untrusted_workload_runtime.sandbox_mode                                         str      1.7
containerd.untrusted_workload_runtime.snapshotter                                          str      1.7
device_ownership_from_security_context                                                     bool     1.6-
disable_apparmor                                                                           bool     1.4-
disable_cgroup                                                                             bool     1.4-1.7
disable_hugetlb_controller                                                                 bool     1.4-
disable_proc_mount                                                                         bool     1.4-
drain_exec_sync_io_timeout                                                                 str      1.6.29-
enable_cdi                                                                                 bool     1.7-2.3
enable_criu                                                                                bool     2.2.7-2.2 2.3.4-
enable_experimental_restore_via_create                                                     bool     2.2.7-2.2 2.3.4-2.3
enable_selinux                                                                             bool     1.4-
enable_unprivileged_icmp                                                                   bool     1.6-
enable_unprivileged_ports                                                                  bool     1.6-
ignore_deprecation_warnings                                                                [str]    1.6.29-1.6 1.7.14-
ignore_image_defined_volumes                                                               bool     1.4-
max_container_log_line_size                                                                int      1.4-
netns_mounts_under_state_dir                                                               bool     1.5-
restrict_oom_score_adj                                                                     bool     1.4-
selinux_category_range                                                                     int      1.4-
stats_collect_period                                                                       str      2.3-
stats_retention_period                                                                     str      2.3-
systemd_cgroup                                                                             bool     1.4-1.7
tolerate_missing_hugetlb_controller                                                        bool     1.4-
unset_seccomp_profile                                                                      str      1.4-

[io.containerd.differ.v1.erofs]  2.1-
enable_dmverity   bool     2.3-
enable_tar_index  bool     2.2-
mkfs_options      [str]    2.1-

[io.containerd.gc.v1.scheduler]  1.4-
deletion_threshold  int      1.4-
mutation_threshold  int      1.4-
pause_threshold     float    1.4-
schedule_delay      str      1.4-
startup_delay       str      1.4-

[io.containerd.grpc.v1.cri]  1.4-
disable_tcp_service                    bool     1.4-
enable_tls_streaming                   bool     1.4-
stream_idle_timeout                    str      1.4-
stream_server_address                  str      1.4-
stream_server_port                     str      1.4-
x509_key_pair_streaming.tls_cert_file  str      1.4-
x509_key_pair_streaming.tls_key_file   str      1.4-

[io.containerd.image-verifier.v1.bindir]  2.0-
bin_dir               str      2.0-
max_verifiers         int      2.0-
per_verifier_timeout  str      2.0-

[io.containerd.internal.v1.opt]  1.4-
path  str      1.4-

[io.containerd.internal.v1.tracing]  1.6-2.3
sampling_ratio  float    1.6-2.3
service_name    str      1.6-2.3

[io.containerd.metadata.v1.bolt]  1.4-
content_sharing_policy  str      1.4-
no_sync                 bool     2.1-

[io.containerd.metrics.v1.grpc-prometheus]  1.4-
grpc_histogram  bool     1.4-

[io.containerd.monitor.container.v1.restart]  1.4-
interval  str      1.4-

[io.containerd.monitor.task.v1.cgroups]  1.4-
no_prometheus  bool     1.4-

[io.containerd.mount-handler.v1.erofs]  2.2-

[io.containerd.nri.v1.nri]  1.7-
default_validator.enable                                     bool     2.2-
default_validator.reject_custom_seccomp_adjustment           bool     2.2-
default_validator.reject_namespace_adjustment                bool     2.2-
default_validator.reject_oci_hook_adjustment                 bool     2.2-
default_validator.reject_runtime_default_seccomp_adjustment  bool     2.2-
default_validator.reject_sysctl_adjustment                   bool     2.2.1-
default_validator.reject_unconfined_seccomp_adjustment       bool     2.2-
default_validator.required_plugins                           [str]    2.2-
default_validator.tolerate_missing_plugins_annotation        str      2.2-
disable                                                      bool     1.7-
disable_connections                                          bool     1.7-
plugin_config_path                                           str      1.7-
plugin_path                                                  str      1.7-
plugin_registration_timeout                                  str      1.7-
plugin_request_timeout                                       str      1.7-
socket_path                                                  str      1.7-

[io.containerd.runtime.v1.linux]  1.4-1.7
no_shim       bool     1.4-1.7
runtime       str      1.4-1.7
runtime_root  str      1.4-1.7
shim          str      1.4-1.7
shim_debug    bool     1.4-1.7

[io.containerd.runtime.v2.task]  1.4-
platforms   [str]    1.4-
sched_core  bool     1.6-1.7

[io.containerd.server.v1.debug]  1.4-
address  str      1.4-
gid      int      1.4-
uid      int      1.4-

[io.containerd.server.v1.grpc]  1.4-
address                str      1.4-
gid                    int      1.4-
max_recv_message_size  int      1.4-
max_send_message_size  int      1.4-
uid                    int      1.4-

[io.containerd.server.v1.grpc-tcp]  1.4-
address                str      1.4-
max_recv_message_size  int      2.3-
max_send_message_size  int      2.3-
tls_ca                 str      1.6-
tls_cert               str      1.4-
tls_common_name        str      2.2-
tls_key                str      1.4-

[io.containerd.server.v1.metrics]  1.4-
address  str      1.4-

[io.containerd.server.v1.ttrpc]  1.4-
address  str      1.4-
gid      int      1.4-
uid      int      1.4-

[io.containerd.service.v1.diff-service]  1.4-
default  [str]    1.4-
sync_fs  bool     1.7.26-

[io.containerd.service.v1.tasks-service]  1.6-
blockio_config_file  str      1.7-
rdt_config_file      str      1.6-

[io.containerd.shim.v1.manager]  2.0-
env         [str]    2.0-
socket_dir  str      2.3-

[io.containerd.snapshotter.v1.aufs]  1.5-1.7
root_path  str      1.5-1.7

[io.containerd.snapshotter.v1.blockfile]  1.7.4-
fs_type           str      1.7.4-
mount_options     [str]    1.7.4-
recreate_scratch  bool     2.0-
root_path         str      1.7.4-
scratch_file      str      1.7.4-

[io.containerd.snapshotter.v1.btrfs]  1.5-
root_path  str      1.5-

[io.containerd.snapshotter.v1.devmapper]  1.4-
async_remove     bool     1.4-
base_image_size  str      1.4-
discard_blocks   bool     1.6-
fs_options       str      1.6-
fs_type          str      1.6-
pool_name        str      1.4-
root_path        str      1.4-

[io.containerd.snapshotter.v1.erofs]  2.1-
default_size          str      2.2-
dmverity_mode         str      2.3-
enable_fsverity       bool     2.1-
layer_content_caches  [str]    2.4-
ovl_mount_options     [str]    2.1-
root_path             str      2.1-
set_immutable         bool     2.1.4-

[io.containerd.snapshotter.v1.native]  1.5-
root_path  str      1.5-

[io.containerd.snapshotter.v1.overlayfs]  1.5-
mount_options   [str]    1.6.24-1.6 1.7.4-
root_path       str      1.5-
slow_chown      bool     2.0-
sync_remove     bool     1.6.24-1.6 1.7.4-
upperdir_label  bool     1.6-

[io.containerd.snapshotter.v1.zfs]  1.5-
root_path  str      1.5-

[io.containerd.tracing.processor.v1.otlp]  1.6-2.3
endpoint  str      1.6-2.3
insecure  bool     1.6-2.3
protocol  str      1.6-2.3

[io.containerd.transfer.v1.local]  1.7-
check_platform_supported        bool     2.1-
concurrent_layer_fetch_buffer   int      2.1-
config_path                     str      1.7-
max_concurrent_downloads        int      1.7-
max_concurrent_unpacks          int      2.2-
max_concurrent_uploaded_layers  int      1.7-
unpack_config                   [table]  1.7-
"""
