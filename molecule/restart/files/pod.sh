#!/usr/bin/env bash
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Starts a pod with a container. What it needs is imported past the CRI, whose configuration is not in question here.
set -euo pipefail
image=registry.example.test:5000/k8s/pause:3.10
sandbox=$(containerd --config /etc/containerd/config.toml config dump | sed -n "s/^ *sandbox\(_image\)\? = ['\"]\(.*\)['\"]$/\2/p" | head -1)
ctr --namespace k8s.io images pull --plain-http "$image" >/dev/null
ctr --namespace k8s.io images tag --force "$image" "$sandbox" >/dev/null
until crictl inspecti --quiet "$sandbox" >/dev/null 2>&1; do sleep 0.1; done
cat >/run/witness-pod.json <<'JSON'
{"metadata": {"name": "witness", "namespace": "default", "uid": "witness", "attempt": 0}, "linux": {}}
JSON
printf '{"metadata": {"name": "witness"}, "image": {"image": "%s"}, "linux": {}}' "$image" >/run/witness.json
pod=$(crictl runp /run/witness-pod.json)
crictl start "$(crictl create "$pod" /run/witness.json /run/witness-pod.json)"
