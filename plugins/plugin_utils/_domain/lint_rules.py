# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps that a node can be in, each a rule; docs/findings.md has a section for every one. Private.

An id never changes its meaning. A rule has one severity, whoever is in it: ERROR is what breaks pulls, or opens the way
out although the files seem to say otherwise; WARNING is what the files say openly, and what does less than it seems to;
INFO is good to know. The checks say what was found where; what comes of it is said here, once.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t


class Severity(enum.Enum):
    """How bad it is: pulls go out or fail; something does not do what it seems to; good to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclasses.dataclass(frozen=True)
class Rule:
    """One trap: what comes of it, on which releases, and what to do about it unless the check knows better."""

    id: str
    severity: Severity
    title: str
    releases: str
    explanation: str
    fix: str


_ALL = "all"
_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_CONFIG = (
    Rule(
        "config-not-toml",
        _ERROR,
        "config.toml is not valid TOML",
        _ALL,
        "containerd does not start with it; one that runs does not come up again.",
        "Mend the file; containerd config dump says whether it is sound.",
    ),
    Rule(
        "config-unreadable",
        _ERROR,
        "config.toml cannot be read",
        _ALL,
        "What containerd is told cannot be known.",
        "Read it as root, or put a plain file there.",
    ),
    Rule(
        "config-version-unsupported",
        _ERROR,
        "The version of config.toml is newer than the release reads",
        _ALL,
        "containerd does not start with it; up to 1.6.31 and 1.7.16 it starts, and passes over the tables that it does "
        "not know.",
        "Write the file for this containerd, or install the one that it was written for.",
    ),
    Rule(
        "import-missing",
        _ERROR,
        "A file that imports names is not there",
        _ALL,
        "containerd does not start without it; 1.4 passes over it and over all names after it.",
        "Put the file there, or name a glob, which may find nothing.",
    ),
    Rule(
        "import-glob-relative",
        _WARNING,
        "A relative glob in imports",
        "1.4, 1.5, 1.6 up to 1.6.28, and 1.7 up to 1.7.15",
        "These releases look for it in the working directory of the daemon, newer ones beside the file: after an "
        "upgrade other files count.",
        "Begin it with /.",
    ),
    Rule(
        "import-version-higher",
        _ERROR,
        "A drop-in states a higher version than config.toml",
        "2.3, and 2.4 before its release",
        "containerd does not start with it.",
        "Write the drop-in for the version of config.toml, or bring config.toml to the newer one.",
    ),
    Rule(
        "containerd-does-not-start",
        _ERROR,
        "A value with which containerd does not start",
        _ALL,
        "containerd config dump may accept it; the daemon ends with it.",
        "Correct the value.",
    ),
    Rule(
        "cri-does-not-load",
        _ERROR,
        "A value with which CRI does not load",
        _ALL,
        "The daemon and its unit look healthy, crictl says Unimplemented, and no pod runs.",
        "Correct the value.",
    ),
    Rule(
        "cri-disabled",
        _ERROR,
        "CRI is disabled",
        _ALL,
        "The daemon runs without CRI: no kubelet and no crictl can use it, and no setting of CRI counts.",
        "Take the name out of disabled_plugins, and give a file without one a version.",
    ),
    Rule(
        "cri-settings-lost",
        _ERROR,
        "CRI settings that the release does not read",
        _ALL,
        "containerd passes over settings that stand where this release, by the version of the file, does not look. The "
        "defaults count instead: no mirror, no directory of hosts.toml files, the public sandbox image.",
        "Move the settings into the tables that this release reads in a file of this version.",
    ),
    Rule(
        "cri-tables-by-chance",
        _ERROR,
        "Two names of CRI's table in a file without a version",
        "2.0 and newer",
        "containerd 2.x reads one of the two tables, and which one changes from start to start.",
        "Move what counts into one of them, and remove the other.",
    ),
    Rule(
        "version-missing",
        _INFO,
        "config.toml states no version",
        "1.4 to 1.7, 2.3 and newer",
        "It is read as version 1. containerd 2.0 to 2.2 drop every CRI setting of such a file: no mirror, no directory "
        "of hosts.toml files, the public sandbox image.",
        "Write the file for version 2 before an upgrade; its tables have other names there.",
    ),
    Rule(
        "setting-twice",
        _WARNING,
        "A setting that is said twice",
        _ALL,
        "One of the two counts, by the names that they have and by the order of the files, and not by what was meant.",
        "Say it once.",
    ),
    Rule(
        "drop-in-replaces-cri",
        _ERROR,
        "A drop-in takes the place of the whole CRI table",
        "1.4 to 1.7",
        "containerd 1.x takes the whole table of a plugin from the last file that has it: what files before it say of "
        "CRI is gone.",
        "Put all of CRI's settings into one file, the last one that is read.",
    ),
    Rule(
        "conf-d-not-imported",
        _WARNING,
        "Drop-ins that nothing imports",
        _ALL,
        "containerd reads only what imports of config.toml names. From 2.2 on config dump shows "
        "/etc/containerd/conf.d/*.toml as imported although it is not read.",
        'Add imports = ["/etc/containerd/conf.d/*.toml"] to config.toml, or remove the files.',
    ),
    Rule(
        "config-key-passed-over",
        _WARNING,
        "A key of CRI that the release does not know",
        _ALL,
        "containerd passes over it, 1.x without a word.",
        "Correct its name, or remove it.",
    ),
    Rule(
        "server-tables-passed-over",
        _WARNING,
        "Tables of the server in a file of version 4",
        "2.3 and newer",
        "Version 4 has these settings in tables of plugins, and passes over the old ones.",
        'Write plugins."io.containerd.server.v1.grpc" and its like, or state version = 3.',
    ),
    Rule(
        "config-path-unknown-to-release",
        _ERROR,
        "config_path on a containerd without hosts.toml",
        "1.4",
        "CRI of 1.4 does not know config_path: no hosts.toml is read, and every pull goes to the image's own registry "
        "unless mirrors name another.",
        "Upgrade to 1.5 or newer, or write mirrors.",
    ),
    Rule(
        "config-path-list",
        _ERROR,
        "config_path is a list of directories",
        "2.1 and newer",
        "The transfer service takes the whole list for the name of one directory: no hosts.toml is read, and every "
        "pull goes to the image's own registry.",
        'Name one directory: config_path = "/etc/containerd/certs.d".',
    ),
    Rule(
        "config-path-list-fragile",
        _WARNING,
        "config_path is a list of directories that is searched for now",
        "1.5 and newer",
        "From 2.1 on a list works only as long as some other setting makes CRI pull by itself; with the upgrade, or "
        "without that setting, no hosts.toml is read any more.",
        'Name one directory: config_path = "/etc/containerd/certs.d".',
    ),
    Rule(
        "config-path-unset",
        _ERROR,
        "config_path is not set",
        "1.5 and newer",
        "No hosts.toml is read, and every pull goes to the image's own registry. The default of 2.2 and newer is a "
        "list, which the transfer service takes for the name of one directory.",
        'Set config_path = "/etc/containerd/certs.d" in the registry table of CRI, and restart containerd.',
    ),
    Rule(
        "config-path-missing",
        _ERROR,
        "The directory of config_path is not there",
        "1.5 and newer",
        "No hosts.toml is read, and every pull goes to the image's own registry, without a line in the log.",
        "Create the directory with the hosts.toml files in it, or correct config_path.",
    ),
    Rule(
        "config-path-relative",
        _WARNING,
        "config_path is not an absolute path",
        "1.5 and newer",
        "It counts from the working directory of the daemon, which is / only by the way that its unit starts it.",
        "Begin it with /.",
    ),
    Rule(
        "mirrors-beside-config-path",
        _ERROR,
        "registry.mirrors beside config_path",
        "1.5 and newer",
        "CRI does not load, while the daemon and its unit look healthy; no pod runs.",
        "Move the mirrors into hosts.toml files; containerd_migrate does it.",
    ),
    Rule(
        "tls-beside-config-path",
        _ERROR,
        "registry.configs.*.tls beside config_path",
        "1.5 to 1.7",
        "CRI does not load, while the daemon and its unit look healthy; no pod runs.",
        "Move ca, client and skip_verify into hosts.toml files; containerd_migrate does it.",
    ),
    Rule(
        "tls-passed-over",
        _WARNING,
        "registry.configs.*.tls on containerd 2.x",
        "2.0 and newer",
        "containerd 2.x does not know the table: the registry is asked without this CA, client certificate or "
        "skip_verify, and where that fails, the next endpoint is.",
        "Write ca, client and skip_verify into hosts.toml, and remove the table.",
    ),
    Rule(
        "legacy-tables",
        _WARNING,
        "Registry tables that are deprecated",
        "1.5 and newer",
        "containerd has deprecated them, and they cannot stand beside config_path or do less there.",
        "Move them into hosts.toml files; containerd_migrate does it.",
    ),
    Rule(
        "local-pull-forced",
        _INFO,
        "A setting makes CRI pull images by itself",
        "2.1 and newer",
        "CRI then pulls as before 2.1 and not through the transfer service, for all registries; a list in config_path "
        "works only then.",
        "Remove the setting if the transfer service is wanted.",
    ),
    Rule(
        "transfer-config-path",
        _WARNING,
        "config_path of the transfer service",
        "2.0 and newer",
        "No containerd reads this key: CRI and ctr ask the same registries with it and without it.",
        "Set config_path in the registry table of CRI's image service, and remove this one.",
    ),
    Rule(
        "auth-never-sent",
        _WARNING,
        "Credentials for a host that is not asked",
        _ALL,
        "containerd looks credentials up by the host and port of the endpoint that it asks, and not by the registry in "
        "the image's name.",
        "Name the host as the endpoint's URL has it; for Docker Hub that is registry-1.docker.io.",
    ),
    Rule(
        "credentials-shown",
        _WARNING,
        "Credentials that containerd 1.x shows",
        "1.4 to 1.7",
        "containerd 1.x writes them to its journal at every start, in the line Start cri plugin with config, and "
        "crictl info prints them.",
        "Write registry.configs.HOST.auth, which is not in the journal, or an Authorization header in hosts.toml.",
    ),
    Rule(
        "sandbox-without-credentials",
        _WARNING,
        "The sandbox image is pulled without credentials",
        "2.0.0",
        "This release does not use registry.configs.HOST.auth for the sandbox image where config_path is set: from a "
        "registry that wants them no pod starts.",
        "Upgrade to 2.0.1 or newer.",
    ),
    Rule(
        "not-restarted",
        _WARNING,
        "config.toml is newer than the running containerd",
        _ALL,
        "containerd reads it only when it starts: what the files say may not be what counts now.",
        "Restart containerd.",
    ),
    Rule(
        "release-unknown",
        _WARNING,
        "A containerd that this collection does not know",
        _ALL,
        "Its rules are taken to be those of the nearest release that is known.",
        "Upgrade the collection, or say with containerd_version what to treat it as.",
    ),
)

_MIRRORS = (
    Rule(
        "mirrors-append-upstream",
        _WARNING,
        "registry.mirrors leave the registry itself as the last endpoint",
        _ALL,
        "containerd asks the registry itself when no mirror delivers, unless one of the endpoints has its name.",
        "Use hosts.toml with a server that is a mirror; containerd_migrate writes the tree.",
    ),
    Rule(
        "mirror-outside",
        _WARNING,
        "A mirror that is not trusted",
        _ALL,
        "Pulls ask a registry that is not among the trusted ones.",
        "Take the endpoint out, or add its host to the trusted registries.",
    ),
    Rule(
        "mirror-never-looked-up",
        _ERROR,
        "A mirror for a name that containerd never looks up",
        _ALL,
        "Images of Docker Hub belong to docker.io, and other names are looked up as they stand in the image: this "
        "entry is never used, and the pulls that it was meant for go elsewhere.",
        "Name the registry as images do.",
    ),
    Rule(
        "mirror-not-a-url",
        _ERROR,
        "An endpoint of registry.mirrors that is no URL",
        _ALL,
        "Every pull from this registry fails, whatever its other endpoints are.",
        "Write it as https://registry.example.com.",
    ),
    Rule(
        "mirror-without-v2",
        _WARNING,
        "An endpoint of registry.mirrors with a path that lacks /v2",
        _ALL,
        "A path is taken as it is written, a lone slash too: containerd asks below it, without /v2.",
        "Write the whole path, such as https://registry.example.com/v2/project, or no path and no slash.",
    ),
)

_TREE = (
    Rule(
        "hosts-toml-dropped",
        _ERROR,
        "A hosts.toml that containerd passes over",
        "1.5 and newer",
        "containerd logs one line, goes on as if the file were not there, and asks the registry itself; the pull "
        "succeeds.",
        "Mend the file; it counts from the next pull on.",
    ),
    Rule(
        "hosts-toml-crashes",
        _ERROR,
        "A hosts.toml with which containerd crashes",
        "1.5 to 1.7, 2.0 to 2.3",
        "The daemon ends in a panic at every pull from this registry, and systemd starts it again.",
        'Write each host as a table of its own: [host."https://registry.example.com"].',
    ),
    Rule(
        "hosts-toml-missing",
        _ERROR,
        "A directory without a hosts.toml",
        "1.5 and newer",
        "As long as the directory is there, _default does not count for this registry, and containerd asks the "
        "registry itself.",
        "Put a hosts.toml into the directory, or remove the directory.",
    ),
    Rule(
        "hosts-toml-unreadable",
        _ERROR,
        "A hosts.toml, or a directory of the tree, that cannot be read",
        "1.5 and newer",
        "Where containerd cannot read it either, every pull from this registry fails; where it can, nobody knows whom "
        "it asks.",
        "Put a plain file there, or read the node as root.",
    ),
    Rule(
        "host-table-missing",
        _ERROR,
        "A hosts.toml without a [host] table",
        "1.5, 1.6, and 1.7 up to 1.7.31",
        "These releases pass over the whole file, its server too, and ask the registry itself.",
        "Add a line [host] at the end.",
    ),
    Rule(
        "hosts-not-seen",
        _ERROR,
        "Hosts that containerd 2.x does not see",
        "2.0 and newer",
        "containerd 2.x finds hosts by the headers of their tables alone: one in an inline table or behind a dotted "
        "key is never asked, and nothing is logged.",
        'Write it as a table of its own: [host."https://registry.example.com"].',
    ),
    Rule(
        "host-duplicated",
        _INFO,
        "An endpoint that is asked twice",
        "1.5 and newer",
        "When it is down, or lacks the image, it is waited for twice.",
        "Leave one of the two; a server need not be repeated below [host].",
    ),
    Rule(
        "host-unquoted",
        _ERROR,
        "A host without quotes",
        "1.5 and newer",
        'A dot divides keys in TOML: [host.a.example.com] is the host "a" with a table "example" in it. The host that '
        "was meant is never asked.",
        'Put the whole URL in quotes: [host."https://a.example.com"].',
    ),
    Rule(
        "hosts-misspelt",
        _ERROR,
        "A misspelt key in a hosts.toml",
        "1.5 and newer",
        "containerd passes over keys that it does not know, without a word.",
        "Correct the name.",
    ),
    Rule(
        "key-unknown",
        _WARNING,
        "A key in a hosts.toml that no containerd knows",
        "1.5 and newer",
        "containerd passes over it without a word.",
        "Remove it.",
    ),
    Rule(
        "server-after-host",
        _ERROR,
        "server stands behind the table of a host",
        "1.5 and newer",
        "In TOML a key belongs to the table above it: this is a key of that host, which means nothing there. The file "
        "has no server, and the registry itself stays the last endpoint.",
        "Move the line to the top of the file, above every table.",
    ),
    Rule(
        "setting-in-header-table",
        _ERROR,
        "A setting that stands behind a header table",
        "1.5 and newer",
        "In TOML a key belongs to the table above it: this is sent as an HTTP header, and the host does not have the "
        "setting.",
        "Move the line above the header table.",
    ),
    Rule(
        "server-missing",
        _WARNING,
        "A hosts.toml without a server",
        "1.5 and newer",
        "containerd asks the registry itself when none of the hosts delivers.",
        'Name a trusted registry as server: server = "https://registry.example.com".',
    ),
    Rule(
        "settings-without-server",
        _WARNING,
        "Settings at the top of a hosts.toml without a server",
        "1.5 and newer",
        "What stands above the tables is for the server, and without one for the registry itself: it gets the headers, "
        "and no host has the settings. Only capabilities do not count there.",
        "Name a server, or move the lines into the table of the host.",
    ),
    Rule(
        "server-outside",
        _WARNING,
        "The server is not trusted",
        "1.5 and newer",
        "containerd asks it when none of the hosts delivers, and it is not among the trusted registries.",
        "Name a trusted registry as server, or add its host to the trusted registries.",
    ),
    Rule(
        "host-outside",
        _WARNING,
        "A host that is not trusted",
        "1.5 and newer",
        "Pulls ask a registry that is not among the trusted ones.",
        "Take the host out, or add it to the trusted registries.",
    ),
    Rule(
        "url-without-scheme",
        _ERROR,
        "A URL whose scheme containerd does not find",
        "1.5 and newer",
        "containerd puts https:// before a name, yet not before one that begins with http, and knows schemes in lower "
        "case alone. The registry that was meant is not asked; a server without a host means the registry itself.",
        "Write it as https://registry.example.com:5000.",
    ),
    Rule(
        "url-with-credentials",
        _ERROR,
        "Credentials in a URL",
        "1.5 and newer",
        "containerd takes them off and asks without them; whoever reads the file has them.",
        "Write them as an Authorization header in a file that root alone can read, and change the password.",
    ),
    Rule(
        "url-with-query",
        _WARNING,
        "A URL with a query or a fragment",
        "1.5 and newer",
        "containerd drops it, and asks with ns=REGISTRY alone.",
        "Write the URL without it.",
    ),
    Rule(
        "v2-doubled",
        _ERROR,
        "A URL to which containerd appends a second /v2",
        "1.5 and newer",
        "containerd appends /v2 to a path that does not end in it, which such a registry answers with 404; then the "
        "next endpoint is asked.",
        "Add override_path = true if the path is complete; 1.6 is the first release that knows it.",
    ),
    Rule(
        "override-path-without-path",
        _ERROR,
        "override_path without a path",
        "1.6 and newer",
        "containerd asks without /v2, where no registry answers.",
        "Write the whole path, such as https://registry.example.com/v2, or leave override_path out.",
    ),
    Rule(
        "http-with-tls-options",
        _WARNING,
        "TLS settings of an http:// endpoint",
        "1.6.25, 1.7.8 and newer",
        "containerd then speaks TLS first, and http only if the answer tells that it has to: a registry that just "
        "closes the connection is lost.",
        "Remove skip_verify, ca and client, also skip_verify = false, or write https://.",
    ),
    Rule(
        "nobody-resolves",
        _ERROR,
        "No endpoint may resolve a tag",
        "1.5 and newer",
        "Every pull by a tag fails; containerd says no resolve hosts.",
        'Give one endpoint capabilities = ["pull", "resolve"].',
    ),
    Rule(
        "resolve-goes-upstream",
        _ERROR,
        "Tags are resolved by a registry that is not trusted",
        "1.5 and newer",
        "Hosts that may only pull are not asked what a tag means: each pull by a tag asks the next endpoint, which is "
        "outside.",
        'Give the hosts capabilities = ["pull", "resolve"].',
    ),
    Rule(
        "host-without-pull",
        _WARNING,
        "A host that may not pull",
        "1.5 and newer",
        "capabilities only say who is asked what a tag means: manifests and layers are asked for at every host of the "
        "file, at this one too.",
        "Take the host out if nothing is to be pulled from it.",
    ),
    Rule(
        "capability-unknown",
        _ERROR,
        "A capability that the release does not know",
        "1.5 and newer",
        "containerd passes over the whole file for it, and asks the registry itself.",
        "Use pull, resolve and push; referrers from 2.2 on.",
    ),
    Rule(
        "key-unknown-to-release",
        _WARNING,
        "A key of hosts.toml that this release does not know",
        "1.5 and newer",
        "containerd passes over it, and over the whole file for a capability.",
        "Upgrade containerd, or leave it out on this node.",
    ),
    Rule(
        "default-unknown-to-release",
        _ERROR,
        "_default on a release that does not know it",
        "1.5, and 1.6 up to 1.6.16",
        "The directory is never looked into: what has no directory of its own goes to the image's own registry.",
        "Upgrade to 1.6.17, 1.7 or newer, or write a directory for each registry.",
    ),
    Rule(
        "directory-never-looked-up",
        _ERROR,
        "A directory that containerd never looks into",
        "1.5 and newer",
        "containerd looks for the registry's name as it stands in the image, letter by letter: what is in this "
        "directory counts for nothing.",
        "Rename the directory.",
    ),
    Rule(
        "pull-file-missing",
        _ERROR,
        "A ca or client file that is missing or of no use",
        _ALL,
        "Every pull from this registry fails, also those that an earlier endpoint would have served.",
        "Put the file there, in PEM, or correct its name.",
    ),
    Rule(
        "client-flat-pair",
        _ERROR,
        "client is a flat list of certificate and key",
        "1.5 and newer",
        "containerd takes each name for a file with both in it: every pull from this registry fails.",
        'Write a list of pairs: client = [["client.crt", "client.key"]].',
    ),
    Rule(
        "docker-files-passed-over",
        _WARNING,
        "Certificates in Docker's style beside a hosts.toml",
        "1.5 and newer",
        "containerd reads *.crt, *.cert and *.key only as long as there is no hosts.toml.",
        "Name them as ca and client in hosts.toml, or remove them.",
    ),
    Rule(
        "authorization-lower-case",
        _WARNING,
        "An Authorization header in other letters",
        "1.5 and newer",
        "containerd sends the name as it is written: beside a token the request has two such headers.",
        "Write it as Authorization.",
    ),
    Rule(
        "authorization-not-for-tokens",
        _INFO,
        "An Authorization header before 2.1",
        "1.5 to 2.0",
        "It reaches registries with basic authentication, and no token server: there containerd pulls with an "
        "anonymous token, fails, and asks the next endpoint.",
        "Where the registry hands out tokens, write registry.configs.HOST.auth into config.toml.",
    ),
    Rule(
        "header-logged",
        _WARNING,
        "A header that is logged",
        "1.5 and newer",
        "With debug.level debug or trace, containerd logs all headers but Authorization at every request, with values.",
        "Send the secret as Authorization, or set debug.level to info.",
    ),
    Rule(
        "authorization-unencrypted",
        _WARNING,
        "An Authorization header for an http:// endpoint",
        "1.5 and newer",
        "Whoever is on the way can read it.",
        "Let the registry speak TLS.",
    ),
    Rule(
        "authorization-world-readable",
        _WARNING,
        "A file with credentials that others can read",
        _ALL,
        "Every user of the node, and every pod that mounts the directory, can have them.",
        "Set its mode to 0600; containerd runs as root.",
    ),
    Rule(
        "skip-verify",
        _WARNING,
        "A certificate that is not verified",
        _ALL,
        "Whoever is on the way can give the node other images, and gets the credentials.",
        "Name the registry's CA as ca, and remove skip_verify.",
    ),
    Rule(
        "plain-http",
        _WARNING,
        "A registry that is asked without TLS",
        _ALL,
        "Whoever is on the way can give the node other images.",
        "Let the registry speak TLS, and write https://.",
    ),
)

_ROUTES = (
    Rule(
        "no-entry",
        _WARNING,
        "A registry in use without an entry",
        _ALL,
        "Nothing says whom to ask for it, so containerd asks the registry itself.",
        "Write an entry for it, or one for _default.",
    ),
    Rule(
        "other-registries-open",
        _WARNING,
        "No entry for all other registries",
        _ALL,
        "An image of any registry that has no entry is pulled from that registry.",
        "Write a directory _default whose server is a trusted registry.",
    ),
    Rule(
        "k8s-gcr-io-left",
        _WARNING,
        "An image from k8s.gcr.io",
        _ALL,
        "That registry has been frozen since April 2023; its images are at registry.k8s.io.",
        "Name the image at registry.k8s.io, or at a registry of your own.",
    ),
    Rule(
        "sandbox-image-default",
        _INFO,
        "The sandbox image is containerd's own",
        _ALL,
        "Each line of containerd has another public one: it has to be at the mirror before an upgrade, or no pod "
        "starts.",
        "Name one that your registry has: containerd_sandbox_image.",
    ),
    Rule(
        "sandbox-image-not-pinned",
        _WARNING,
        "The sandbox image is not named in full",
        "2.0 and newer",
        "containerd 2.x pins the image only if its setting is the whole name, registry and tag included: an image that "
        "is not pinned is removed by the kubelet when the disk fills up, and has to be pulled again for the next pod.",
        "Write the whole name, such as registry.example.com/pause:3.10.",
    ),
    Rule(
        "sandbox-image-differs",
        _WARNING,
        "containerd and the kubelet name two sandbox images",
        _ALL,
        "containerd uses its own; the kubelet's, or kubeadm's, is the one that gets preloaded and kept from garbage "
        "collection.",
        "Name the same image in both.",
    ),
    Rule(
        "not-judged",
        _WARNING,
        "What could not be judged",
        _ALL,
        "Findings may be missing.",
        "Look at the file by hand.",
    ),
)

RULES: t.Mapping[str, Rule] = {rule.id: rule for rule in (*_CONFIG, *_MIRRORS, *_TREE, *_ROUTES)}
