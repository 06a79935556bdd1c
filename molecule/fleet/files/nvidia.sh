#!/usr/bin/env bash
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Leaves on a node what NVIDIA's container toolkit does: a drop-in with the whole table that containerd has for runtimes,
# CRI's own on 1.x, as `config dump` prints it, and the class `nvidia` added to it; and a line that imports it.
set -euo pipefail
cd /etc/containerd
toolkit=/usr/local/nvidia/toolkit

dump=$(containerd config dump)
version=$(grep '^version' <<<"$dump")
id=io.containerd.cri.v1.runtime
[ "$version" != 'version = 2' ] || id=io.containerd.grpc.v1.cri
binary=$(sed -n "s/^ *BinaryName = [\"']\(.*\)[\"']$/\1/p" <<<"$dump" | head -1)

mkdir -p conf.d "$toolkit"
printf '#!/bin/sh\nexec %s "$@"\n' "${binary:-runc}" >"$toolkit/nvidia-container-runtime"
chmod +x "$toolkit/nvidia-container-runtime"
{
    printf '%s\n\n[plugins]\n\n' "$version"
    awk -v id="$id" '/^ *\[/ { ours = index($0, "[plugins.\"" id "\"") || index($0, "[plugins.\x27" id "\x27") } ours' <<<"$dump"
    cat <<TABLES
        [plugins."$id".containerd.runtimes.nvidia]
          runtime_type = "io.containerd.runc.v2"

          [plugins."$id".containerd.runtimes.nvidia.options]
            BinaryName = "$toolkit/nvidia-container-runtime"
TABLES
} >conf.d/99-nvidia.toml
grep -q '^imports' config.toml || sed -i '1i imports = ["/etc/containerd/conf.d/*.toml"]' config.toml

systemctl restart containerd
for _ in {1..50}; do
    ! crictl version >/dev/null 2>&1 || break
    sleep 0.2
done
crictl info | grep -q nvidia-container-runtime
mkdir -p /run/molecule-fleet
cp config.toml conf.d/99-nvidia.toml /run/molecule-fleet
