# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis says: of each kind of trouble, what it is and what to do about it. Private to this collection."""

from __future__ import annotations

import typing as t


class Text(t.NamedTuple):
    """``says`` is for the table of endpoints, ``advice`` for the end; the braces are filled in by the diagnosis."""

    kind: str
    says: str
    advice: str


# {endpoint} is the URL, {where} the entry that has it.
_ENDPOINTS = (
    # name and network
    Text(
        "name_not_found",
        "the name {name} does not resolve ({detail})",
        "This node cannot resolve {name}: correct url in {where}, or the name in the node's DNS.",
    ),
    Text(
        "name_no_answer",
        "no name server answers for {name} ({detail})",
        "None of the name servers of this node answers: correct /etc/resolv.conf, or write into url in {where} a name "
        "that /etc/hosts of the node has.",
    ),
    Text(
        "connection_refused",
        "connection refused",
        "Nothing listens at {host}: start the registry, or correct the port of url in {where}.",
    ),
    Text(
        "network_unreachable",
        "the network cannot be reached ({detail})",
        "This node has no route to {host}: correct its routes or firewall, or url in {where}.",
    ),
    Text(
        "connect_timeout",
        "no answer to a connection within 4 s",
        "A firewall drops what this node sends to {host}, or that machine is off: open the way, or name another host "
        "as url in {where}.",
    ),
    Text(
        "no_answer",
        "connected, and no answer within {seconds} s",
        "The registry at {host} takes connections and does not answer: see its log, its load and its storage.",
    ),
    Text(
        "out_of_time",
        "not done within {seconds} s (last step: {step})",
        "{host} is too slow to tell: see its log, its load and its storage, and the node's DNS.",
    ),
    Text(
        "connection_lost",
        "it closed the connection without an answer ({detail})",
        "What listens at {host} closes connections: see the log of the registry, or of the load balancer before it.",
    ),
    Text(
        "not_http",
        "it speaks something else than HTTP ({detail})",
        "What listens at {host} is no registry: correct the port of url in {where}.",
    ),
    # the proxy
    Text(
        "proxy_direct",
        "the proxy {proxy} does not let it through ({detail}), and without it the host can be reached",
        "A proxy stands between containerd and a host of your own: put {name} into NO_PROXY of the unit {unit}, and "
        "restart it.",
    ),
    Text(
        "proxy_auth",
        "the proxy {proxy} asks for a user and password (407)",
        "Put user and password into the proxy's URL in the environment of the unit {unit}, or {name} into its "
        "NO_PROXY; then restart it.",
    ),
    Text(
        "proxy_refused",
        "the proxy {proxy} refuses it ({detail})",
        "Let the proxy pass {host}, or put {name} into NO_PROXY of the unit {unit} and restart it.",
    ),
    Text(
        "proxy_unreachable",
        "the proxy {proxy} cannot be reached ({detail})",
        "Correct the proxy in the environment of the unit {unit}, or put {name} into its NO_PROXY; then restart it.",
    ),
    Text(
        "proxy_not_asked",
        "goes by a proxy of the kind {detail}, which is not probed",
        "See whether the proxy of the unit {unit} lets {host} pass, or put {name} into its NO_PROXY and restart it.",
    ),
    # TLS
    Text(
        "http_on_https_port",
        "it speaks plain HTTP, and is asked by HTTPS",
        "Write http://{host} as url in {where}, or name the port that speaks TLS.",
    ),
    Text(
        "https_on_http_port",
        "it speaks HTTPS, and is asked by plain HTTP",
        "Write https://{host} as url in {where}, or name the port that speaks plain HTTP.",
    ),
    Text(
        "ca_unset",
        "{certificate}, which no CA of this node's store has signed; the endpoint has no ca",
        "Set ca of {endpoint} in {where} to the certificate of {issuer}.",
    ),
    Text(
        "ca_other",
        "{certificate}, which neither ca ({ca}) nor the node's store has signed",
        "ca of {endpoint} in {where} holds {ca}, and the certificate is from {issuer}: name the certificate of "
        "{issuer} as ca, or have the registry send the certificates between the two.",
    ),
    Text(
        "expired",
        "{certificate}: it has expired",
        "Renew the certificate of {host}: it expired on {end}.",
    ),
    Text(
        "not_yet_valid",
        "{certificate}: it is not valid before {start}",
        "The certificate of {host} is not valid before {start}: have it reissued, or wait.",
    ),
    Text(
        "clock",
        "{certificate}: it is valid from {start} to {end}, and this node's clock says {now}",
        "The clock of this node is wrong, it says {now}, and here it is {own}: set it, and the certificate of {host} "
        "is valid.",
    ),
    Text(
        "wrong_name",
        "{certificate}: it is for {names}, not for {name}",
        "Write a name of the certificate ({names}) into url in {where}, or have it reissued for {name}.",
    ),
    Text(
        "no_names",
        "{certificate}: it has no subjectAltName, and containerd does not look at the common name",
        "Have the certificate of {host} reissued with {name} as subjectAltName.",
    ),
    Text(
        "certificate",
        "{certificate}, which is refused ({detail})",
        "Have the certificate of {host} reissued as a server's, or name another ca of {endpoint} in {where}.",
    ),
    Text(
        "tls_version",
        "it offers no version of TLS that containerd accepts ({detail})",
        "Have {host} offer TLS 1.2 or newer: containerd accepts nothing older, whatever skip_verify says.",
    ),
    Text(
        "tls_failed",
        "the TLS handshake fails ({detail})",
        "Compare what {host} offers with openssl s_client -connect {host}: it is TLS, and none that containerd takes.",
    ),
    Text(
        "client_wanted",
        "it wants a client certificate ({detail}), and the endpoint has none",
        "Set client of {endpoint} in {where} to a certificate and its key, as a list of pairs: [[certificate, key]].",
    ),
    Text(
        "client_refused",
        "it refuses the client certificate ({detail})",
        "Have {host} trust the CA of the certificate in client of {endpoint} in {where}, or name another pair there.",
    ),
    # files that an endpoint names; one that is bad fails every pull of the namespace
    Text(
        "ca_missing",
        "ca {path} cannot be read ({detail})",
        "Put the CA's certificate to {path}, or correct ca of {endpoint} in {where}: until then every pull of "
        "{registry} fails, by whichever endpoint.",
    ),
    Text(
        "ca_not_pem",
        "ca {path} has no certificate in PEM form",
        "Name a PEM file as ca of {endpoint} in {where}: until then every pull of {registry} fails, by whichever "
        "endpoint.",
    ),
    Text(
        "client_missing",
        "client {path} cannot be read ({detail})",
        "Put certificate and key where client of {endpoint} in {where} names them, or correct it: until then every "
        "pull of {registry} fails, by whichever endpoint.",
    ),
    Text(
        "client_not_pem",
        "client {path} is no certificate or key that can be used",
        "Name a certificate and an unencrypted key, both PEM, as client of {endpoint} in {where}.",
    ),
    Text(
        "client_no_key",
        "client {path} has no private key in it",
        "Write client of {endpoint} in {where} as a list of pairs: [[certificate, key]].",
    ),
    Text(
        "client_mismatch",
        "client: {path} is not the key of the certificate",
        "Name the key that belongs to the certificate in client of {endpoint} in {where}.",
    ),
    # what the registry answers
    Text(
        "credentials_unset",
        "it asks for a user and password, and the endpoint has none",
        "Set auth of {endpoint} in {where} to user and password.",
    ),
    Text(
        "credentials_refused",
        "it refuses the credentials",
        "Correct auth of {endpoint} in {where}: {host} does not know that user and password, or does not let that "
        "user pull {repository}.",
    ),
    Text(
        "credentials_of_pull",
        "it refuses the credentials that came with the pull",
        "Correct the credentials of this pull, or leave them out: containerd offers them to every endpoint in place of "
        "its own, and {host} does not know them, or does not let that user pull {repository}.",
    ),
    Text(
        "token_unreachable",
        "it sends to the token server {realm}, and there: {detail}",
        "This node has to reach the token server {realm} as well, with the ca of {endpoint}: see to that, or correct "
        "the realm that the registry names.",
    ),
    Text(
        "realm_in_clear",
        "it sends to the token server {realm}, which has no TLS; the credentials were not sent there to find out more",
        "Let {host} name a token server with https: containerd sends the credentials of {endpoint} to {realm} in "
        "clear, for everybody on the way to read. Take them for known, and change them.",
    ),
    Text(
        "realm_not_verified",
        "it sends to the token server {realm}, on another host, whose certificate cannot be verified ({detail}); "
        "the credentials were not sent there to find out more",
        "Leave skip_verify of {endpoint} in {where} out and set ca: with skip_verify, containerd sends the credentials "
        "to whoever answers as {realm}.",
    ),
    Text(
        "token_refused",
        "its token server {realm} refuses the credentials ({status})",
        "Correct auth of {endpoint} in {where}: the token server {realm} does not know that user and password.",
    ),
    Text(
        "token_failed",
        "its token server {realm} gives no token ({status})",
        "See the log of the token server {realm}: without its tokens {host} lets nobody pull.",
    ),
    Text(
        "token_unset",
        "its token server gives everybody a token that does not allow {repository}, and the endpoint has no "
        "credentials",
        "Set auth of {endpoint} in {where} to a user that may pull {repository}.",
    ),
    Text(
        "token_not_enough",
        "the token for these credentials does not allow {repository} ({status})",
        "Let the user in auth of {endpoint} pull {repository}, or correct the repository's path in url in {where}.",
    ),
    Text(
        "header_unsent",
        "it wants a token, and containerd {release} does not send headers to token servers",
        "Give user and password as auth of {endpoint} in {where} and leave header out: for containerd {release} they "
        "then go into config.toml.",
    ),
    Text(
        "forbidden",
        "it forbids {repository}",
        "Let the user of {endpoint} pull {repository}, or correct the repository's path in url in {where}.",
    ),
    Text(
        "path_doubled",
        "nothing at {path}: containerd added /v2 to a path that has one",
        "Set override_path: true for {endpoint} in {where}: containerd adds /v2 to its url.",
    ),
    Text(
        "path_overridden",
        "nothing at {path}: the path has no /v2, and override_path keeps containerd from adding it",
        "Write the whole path with /v2 into url in {where}, or leave override_path out.",
    ),
    Text(
        "path_wrong",
        "no registry at {path}",
        "Correct the path of url, or override_path, in {where}: there is no registry at {path} of {host}.",
    ),
    Text(
        "repository_missing",
        "it has no repository {repository}",
        "Copy the image to {host} as {repository}, or correct the path of url and override_path in {where}: there is "
        "no such repository.",
    ),
    Text(
        "tag_missing",
        "it has {repository}, and not {reference}; its tags are {tags}",
        "Copy {repository} {reference} to {host}, or pull one that it has: {tags}.",
    ),
    Text(
        "digest_missing",
        "it has {repository}, and not this digest of it",
        "Copy {repository} to {host} by this digest, or pull what it has: an image that was rebuilt or copied for one "
        "platform only has another digest.",
    ),
    Text(
        "rate_limited",
        "it limits how often one may pull (429{detail})",
        "Wait, set auth of {endpoint} in {where} for an account with a higher limit, or let a mirror of your own "
        "serve {registry}.",
    ),
    Text(
        "server_error",
        "it fails",
        "The registry at {host} is broken: its log, or that of the proxy before it, says why it answers {status}.",
    ),
    Text(
        "not_a_registry",
        "it answers, and not as a registry ({status}, {detail})",
        "What answers at {host} is a web page: correct url and override_path in {where}.",
    ),
    Text(
        "redirect_failed",
        "it sends to {store} for the {detail}",
        "The registry has its data at {store}: let this node reach that too, with the ca of {endpoint}, or have the "
        "registry deliver blobs itself.",
    ),
    Text(
        "blob_missing",
        "it has the manifest, and not the data ({status})",
        "Copy the image to {host} again: its manifest is there, and its data is not.",
    ),
    Text(
        "unexpected",
        "it answers {status}",
        "The log of {host} says why it answers {status}.",
    ),
    Text(
        "not_probed",
        "not probed ({detail})",
        "The probe itself failed at {host} ({detail}).",
    ),
    Text(
        "delivers",
        "it delivers the image",
        "{endpoint} delivers the image now: what failed has passed, or lies behind the manifest; pull again, and see "
        "journalctl -u {unit}.",
    ),
)

# What the files say; {path} is the file.
_OBSTACLES = (
    Text(
        "crashes",
        "{path} makes containerd {release} crash",
        "Write the hosts in {path} as tables: as they are, containerd {release} crashes at each pull of {registry}.",
    ),
    Text(
        "dropped",
        "{path} is passed over",
        "containerd passes {path} over ({detail}) and asks {registry} itself: correct it, or let "
        "containerd_registries write it.",
    ),
    Text(
        "unreadable",
        "{path} cannot be read",
        "{path} cannot be read ({detail}), so every pull of {registry} fails: correct that.",
    ),
    Text(
        "unknown",
        "{path} cannot be read",
        "{path} could not be read ({detail}), so it is not known whom containerd asks for {registry}: run with become.",
    ),
    Text(
        "uncertain",
        "{path} is passed over, or not",
        "{path} is no sound TOML ({detail}), and containerd {release} may pass it over and ask {registry} "
        "itself: correct it, or let containerd_registries write it.",
    ),
    Text(
        "no_directory",
        "{path} is no directory",
        "{path} is in the place of a directory ({detail}), so every pull of {registry} fails: remove it.",
    ),
    Text(
        "pull_file",
        "a file of an endpoint in {path} is missing",
        "{path} names a file that every pull of {registry} needs, and fails for: {detail}.",
    ),
    Text(
        "tables_broken",
        "registry in {path} is not sound",
        "In the registry tables of {path}, {detail}, so every pull of {registry} fails: correct that.",
    ),
    Text(
        "tables_uncertain",
        "registry in {path} is not sound",
        "In the registry tables of {path}, {detail}, so pulls of {registry} can fail: correct that.",
    ),
    Text(
        "cri_stopped",
        "{detail} in {path} keeps CRI from being loaded",
        "registry.{detail} in {path} does not go together with config_path, so containerd does not load CRI: set "
        "containerd_migrate_legacy.",
    ),
    Text(
        "no_name",
        "{registry} is no registry to containerd {release}",
        "containerd {release} takes no image whose registry is an IPv6 address, as 1.7 and newer do: give it a name.",
    ),
    Text(
        "order_by_chance",
        "the hosts in {path} have no order",
        "containerd {release} asks the hosts in {path} in an order that is another one at each pull: write each of "
        "them as a table of its own, on a line of its own.",
    ),
    Text(
        "hosts_unseen",
        "a host in {path} is not seen",
        "containerd {release} does not see the host {detail} in {path}: write it as a table of its own.",
    ),
    Text(
        "host_lost",
        "a host in {path} is no URL",
        "{path} has a host that names none, which containerd passes over: write it as https://registry.example.com.",
    ),
    Text(
        "nobody_resolves",
        "no host of {path} resolves tags",
        "Add resolve to capabilities of a host in {where}: none of them may tell what a tag means.",
    ),
    Text(
        "config_path_list",
        "config_path is a list",
        "containerd {release} takes config_path ({detail}) for the name of one directory and reads no hosts.toml: "
        "name one directory in containerd_registries_path.",
    ),
    Text(
        "config_path_unset",
        "config_path is not set",
        "config_path is not set in {path}, so containerd {release} reads no hosts.toml and asks {registry} itself: "
        "set containerd_registries_path, and restart {unit}.",
    ),
    Text(
        "config_path_lost",
        "config_path is not read",
        "containerd {release} does not read config_path where it stands in {path}, and asks {registry} itself: set "
        "containerd_registries_path, and restart {unit}.",
    ),
    Text(
        "config_path_replaced",
        "config_path is replaced",
        "On containerd {release}, {path} replaces all settings of CRI in {detail}, and with them config_path: have it "
        "say config_path too, and restart {unit}.",
    ),
    Text(
        "config_path_missing",
        "{path} is not there",
        "config_path names {path}, which is not there, so containerd asks {registry} itself: add {registry} to "
        "containerd_registries.",
    ),
    Text(
        "other_entry",
        "no directory in {path} for {registry}",
        "{path} has {detail}, which containerd does not look up for images of {registry}: name the entry {registry} "
        "in containerd_registries, letter by letter as the image has it.",
    ),
    Text(
        "no_entry",
        "no directory in {path} for {registry}",
        "No mirror is set for {registry}, so containerd asks it itself: add an entry with the namespace {registry}, "
        "or _default, to containerd_registries.",
    ),
    Text(
        "no_hosts_toml",
        "{path} is not there",
        "The directory of {path} is there without a hosts.toml, so containerd asks {registry} itself and looks at no "
        "_default: add {registry} to containerd_registries, or remove the directory.",
    ),
    Text(
        "not_restarted",
        "containerd was started before {path} was last written",
        "containerd still runs with what {path} said before it was last written: restart {unit}.",
    ),
)

ENDPOINTS = {text.kind: text for text in _ENDPOINTS}
OBSTACLES = {text.kind: text for text in _OBSTACLES}
