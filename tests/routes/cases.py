# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations, trees and registries as nodes have them, and as they should not have them, made up from a seed."""

from __future__ import annotations

import dataclasses
import random
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

from routes import hosts_files, world
from routes.world import Manner, Registry, Tls

CONFIG = "/etc/containerd/config.toml"
TREE, OTHER_TREE = "/etc/containerd/certs.d", "/srv/certs.d"
PEMS = "/etc/containerd/pki"
V1 = "plugins.cri"
V2 = 'plugins."io.containerd.grpc.v1.cri"'
IM = 'plugins."io.containerd.cri.v1.images"'

NAMESPACES = (
    *("docker.io",) * 4,
    *("registry.k8s.io",) * 3,
    *("reg.example.com:5000",) * 3,
    *("reg.example.com",) * 2,
    "k8s.gcr.io",
    "other.example.net:8443",
    "reg.example.com:443",
    "reg.example.com:80",
    "Reg.Example.com:5000",
    "192.0.2.10:5000",
    "192.0.2.10",
    "[2001:db8::10]:5000",
    "[::1]:5000",
    "localhost:5000",
    "localhost",
    "localhost:80",
    "localhost:443",
    "127.0.0.1:5000",
    "httpmirror:5000",
)
MANNERS = (
    *(Manner.LACKS,) * 34,
    *(Manner.HAS,) * 24,
    *(Manner.HAS_NO_BLOBS,) * 8,
    *(Manner.IS_NOT_THERE,) * 6,
    *(Manner.FORBIDS,) * 6,
    *(Manner.FAILS,) * 6,
    *(Manner.HANGS_UP,) * 4,
    *(Manner.WANTS_A_PASSWORD,) * 4,
    *(Manner.HANDS_OUT_TOKENS,) * 4,
    *(Manner.HAS_AND_NAMES_NO_DIGEST,) * 3,
    *(Manner.HAS_AND_TAKES_NO_HEAD,) * 3,
    *(Manner.HANDS_OUT_NO_TOKENS,) * 2,
    Manner.HANDS_OUT_TOKENS_IN_VAIN,
    Manner.IS_BUSY,
)
TLS = (*(Tls.TRUSTED,) * 15, *(Tls.OF_OWN_CA,) * 2, *(Tls.IS_HTTP,) * 2, Tls.WANTS_CLIENT)


@dataclasses.dataclass(frozen=True)
class File:
    """A file, a directory, or a symlink to ``link``."""

    path: str
    content: bytes = b""
    link: str = ""
    is_directory: bool = False


@dataclasses.dataclass(frozen=True)
class Case:
    """An image that is pulled once; ``config`` is read when containerd starts, ``files`` at the pull."""

    name: str
    image: str
    config: tuple[File, ...]
    files: tuple[File, ...]
    people: t.Mapping[tuple[str, int], Registry]

    def shown(self) -> str:
        files = [f"## {file.path}{_shown(file)}" for file in (*self.config, *self.files)]
        return "\n".join([f"# {self.name}: {self.image}", *files])


def _shown(file: File) -> str:
    if file.link or file.is_directory:
        return f" -> {file.link}" if file.link else "/"
    is_long = file.content.startswith(b"-----BEGIN")
    return " (PEM)" if is_long else f"\n{file.content.decode(errors='backslashreplace')}"


def case(name: str, seed: str, release: Release, pems: t.Mapping[str, bytes]) -> Case:
    draw = random.Random(seed)  # noqa: S311
    namespace = draw.choice(NAMESPACES)
    config, roots = configuration(draw, release, namespace)
    files = [File(f"{PEMS}/{pem}", pems[pem]) for pem in ("own-ca.pem", "client.pem", "client-key.pem")]
    files.append(File(f"{PEMS}/both.pem", pems["client.pem"] + pems["client-key.pem"]))
    for root in roots:
        files += tree(draw, root, namespace, release, pems)
    return Case(name, image(draw, namespace, name), tuple(config), tuple(files), people(draw))


def image(draw: random.Random, namespace: str, name: str) -> str:
    repository = f"{draw.choice(('', '', 'team/'))}{name}/app"
    digest = world.digest(world.image(f"{name}/app").manifest)
    reference = draw.choice((":1", ":1", ":1", "", f"@{digest}", f":1@{digest}"))
    registry = draw.choice(("", "docker.io/", "index.docker.io/")) if namespace == "docker.io" else f"{namespace}/"
    return f"{registry}{repository}{reference}"


def people(draw: random.Random) -> dict[tuple[str, int], Registry]:
    return {
        (address, port): Registry(draw.choice(MANNERS), draw.choice(TLS))
        for address in world.LISTENING
        for port in world.PORTS
    }


# --- config.toml


def configuration(draw: random.Random, release: Release, namespace: str) -> tuple[list[File], list[str]]:
    """The files, and where trees lie, whether or not they count."""
    shape = draw.choice([*(plain,) * 24, *SHAPES])
    # A daemon of 1.x does not start with a bracket in the name of a table.
    named = "docker.io" if namespace.startswith("[") and release.line < (2, 0) else namespace
    files, roots = shape(draw, release, named)
    return [File(path, text.encode()) for path, text in files.items()], roots


Files = dict[str, str]
Configured = tuple[Files, list[str]]


def own_version(release: Release) -> tuple[int, str]:
    version = release.config_version
    return version, IM if version > 2 else V2


def with_path(path: str, release: Release, more: str = "") -> Files:
    version, table = own_version(release)
    return {CONFIG: f'version = {version}\n[{table}.registry]\nconfig_path = "{path}"\n{more}'}


def plain(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    return with_path(TREE, release), [TREE]


def in_version_2(_draw: random.Random, _release: Release, _namespace: str) -> Configured:
    return {CONFIG: f'version = 2\n[{V2}.registry]\nconfig_path = "{TREE}"\n'}, [TREE]


def written_otherwise(draw: random.Random, release: Release, _namespace: str) -> Configured:
    written = (
        "/etc/containerd/certs.d/",
        "etc/containerd/certs.d",
        "/etc//containerd/./certs.d",
        "../etc/containerd/certs.d",
    )
    return with_path(draw.choice(written), release), [TREE]


def missing(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    return with_path("/srv/nowhere", release), [TREE]


def elsewhere(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    return with_path(OTHER_TREE, release), [OTHER_TREE, TREE]


LISTS = (f"{OTHER_TREE}:{TREE}", f"{TREE}:/etc/docker/certs.d", f":{TREE}", f"/srv/nowhere:{TREE}:")


def a_list(draw: random.Random, release: Release, _namespace: str) -> Configured:
    return with_path(draw.choice(LISTS), release), [OTHER_TREE, TREE]


def a_list_and_local_pulls(draw: random.Random, release: Release, _namespace: str) -> Configured:
    _version, table = own_version(release)
    return with_path(draw.choice(LISTS), release, f"[{table}]\nmax_concurrent_downloads = 5\n"), [OTHER_TREE, TREE]


def unset(draw: random.Random, release: Release, _namespace: str) -> Configured:
    version, table = own_version(release)
    local = f"[{table}]\nmax_concurrent_downloads = 5\n"
    empty = f'[{table}.registry]\nconfig_path = ""\n'
    return {CONFIG: f"version = {version}\n{draw.choice(('', local, empty))}"}, [TREE, "/etc/docker/certs.d"]


def no_file(_draw: random.Random, _release: Release, _namespace: str) -> Configured:
    return {}, [TREE]


def with_credentials(draw: random.Random, release: Release, namespace: str) -> Configured:
    _version, table = own_version(release)
    host = draw.choice((namespace, "registry-1.docker.io", "mirror-a.example.com", "mirror-a.example.com:5000"))
    forms = (
        f'username = "{world.USER}"\npassword = "{world.PASSWORD}"',
        'auth = "cHVsbGVyOmNvcnJlY3QtaG9yc2UtNw=="',
    )
    configs = f'[{table}.registry.configs."{host}".auth]\n{draw.choice(forms)}\n'
    return with_path(TREE, release, configs), [TREE]


def with_headers(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    _version, table = own_version(release)
    return with_path(TREE, release, f'[{table}.registry.headers]\nX-Fleet = ["a"]\n'), [TREE]


MIRRORS = (
    "https://mirror-a.example.com",
    "http://mirror-a.example.com:5000",
    "https://mirror-b.example.com:8443/v2/proxy",
    "https://mirror-b.example.com/",
    "https://mirror-c.example.com/v2/",
    "mirror-c.example.com:5000",
    "mirror-c.example.com",
    "localhost:5000",
    "http://192.0.2.10:5000",
    "https://[2001:db8::10]:5000",
    "HTTPS://mirror-a.example.com",
    "https://mirror-a.example.com?x=y",
)


def mirrors(draw: random.Random, release: Release, namespace: str) -> Configured:
    version, table = own_version(release)
    upstreams = (f"https://{namespace}", f"http://{namespace}", "https://registry-1.docker.io")
    text = f"version = {version}\n"
    for name in draw.choice(((namespace,), ("*",), (namespace, "*"), ("docker.io", "*"), ("*.example.com",))):
        endpoints = draw.sample([*MIRRORS, *upstreams], draw.choice((0, 1, 1, 2, 3)))
        text += f'[{table}.registry.mirrors."{name}"]\nendpoint = {toml(endpoints)}\n'
    if draw.random() < 0.3:
        host = draw.choice(("mirror-a.example.com", "mirror-a.example.com:5000", namespace))
        text += f'[{table}.registry.configs."{host}".auth]\nusername = "{world.USER}"\npassword = "{world.PASSWORD}"\n'
    if draw.random() < 0.3:
        host = draw.choice(("mirror-a.example.com", "mirror-b.example.com:8443", namespace))
        tls = draw.choice(("insecure_skip_verify = true", f'ca_file = "{PEMS}/own-ca.pem"'))
        text += f'[{table}.registry.configs."{host}".tls]\n{tls}\n'
    return {CONFIG: text}, [TREE]


def mirrors_beside(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    _version, table = own_version(release)
    more = f'[{table}.registry.mirrors."docker.io"]\nendpoint = ["https://mirror-a.example.com"]\n'
    return with_path(TREE, release, more), [TREE]


def imported(draw: random.Random, release: Release, _namespace: str) -> Configured:
    version, table = own_version(release)
    main = f'version = {version}\nimports = ["/etc/containerd/conf.d/*.toml"]\n'
    stated = f'[{table}.registry]\nconfig_path = "{OTHER_TREE}"\n'
    other = f"version = {version}\n[{table}]\n{'snapshotter' if version > 2 else 'stats_collect_period'} = "
    other += '"overlayfs"\n' if version > 2 else "10\n"
    files = {
        CONFIG: main + draw.choice(("", stated)),
        "/etc/containerd/conf.d/10-a.toml": draw.choice(
            (f'version = {version}\n[{table}.registry]\nconfig_path = "{TREE}"\n', other)
        ),
    }
    if draw.random() < 0.3:
        files["/etc/containerd/conf.d/20-b.toml"] = f'version = {version}\n[{table}.registry]\nconfig_path = ""\n'
    return files, [TREE, OTHER_TREE]


def versionless(draw: random.Random, _release: Release, _namespace: str) -> Configured:
    table = draw.choice((V1, V2))
    return {CONFIG: f'[{table}.registry]\nconfig_path = "{TREE}"\n'}, [TREE]


def both_tables(_draw: random.Random, release: Release, _namespace: str) -> Configured:
    version = 2
    text = (
        f'version = {version}\n[{V2}.registry]\nconfig_path = "{TREE}"\n[{IM}.registry]\nconfig_path = "{OTHER_TREE}"\n'
    )
    return {CONFIG: text if release.line >= (2, 0) else text.replace("\n", "\r\n")}, [TREE, OTHER_TREE]


def new_table_in_version_2(_draw: random.Random, _release: Release, _namespace: str) -> Configured:
    return {CONFIG: f'version = 2\n[{IM}.registry]\nconfig_path = "{TREE}"\n'}, [TREE]


Shape = t.Callable[[random.Random, Release, str], Configured]
SHAPES: tuple[Shape, ...] = (
    in_version_2,
    written_otherwise,
    missing,
    elsewhere,
    a_list,
    a_list,
    a_list_and_local_pulls,
    unset,
    no_file,
    with_credentials,
    with_headers,
    mirrors,
    mirrors,
    mirrors,
    mirrors_beside,
    imported,
    imported,
    versionless,
    both_tables,
    new_table_in_version_2,
)


def toml(values: t.Iterable[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


# --- the tree


def tree(draw: random.Random, root: str, namespace: str, release: Release, pems: t.Mapping[str, bytes]) -> list[File]:
    """Directories for the namespace by the names that containerd looks for, and by others that it does not."""
    host, colon, port = namespace.rpartition(":")
    with_port = f"{host}_{port}_" if colon else namespace
    near = ("registry-1.docker.io", "index.docker.io", namespace.upper(), f"{namespace.partition(':')[0]}_443_", host)
    names = [with_port] if draw.random() < 0.85 else []
    names += [namespace] if draw.random() < 0.25 else []
    names += ["_default"] if draw.random() < 0.4 else []
    names += [draw.choice(near)] if draw.random() < 0.2 else []
    files: list[File] = []
    for name in dict.fromkeys(filter(None, names)):
        files += directory(draw, f"{root}/{name}", namespace, release, pems)
    return files


def directory(
    draw: random.Random, path: str, namespace: str, release: Release, pems: t.Mapping[str, bytes]
) -> list[File]:
    odd = draw.choice(ODDITIES) if draw.random() < 0.2 else with_hosts_toml
    return odd(draw, path, hosts_files.hosts_toml(draw, namespace, release, PEMS), pems)


Odd = t.Callable[[random.Random, str, bytes, t.Mapping[str, bytes]], list[File]]


def with_hosts_toml(draw: random.Random, path: str, text: bytes, pems: t.Mapping[str, bytes]) -> list[File]:
    beside = [File(f"{path}/ca.pem", pems["own-ca.pem"])]
    beside += docker_files(draw, path, b"", pems) if draw.random() < 0.1 else []
    return [File(f"{path}/hosts.toml", text), *beside]


def nothing_in_it(_draw: random.Random, path: str, _text: bytes, _pems: t.Mapping[str, bytes]) -> list[File]:
    return [File(path, is_directory=True)]


def docker_files(draw: random.Random, path: str, _text: bytes, pems: t.Mapping[str, bytes]) -> list[File]:
    files = [File(f"{path}/own.crt", draw.choice((pems["own-ca.pem"], pems["own-ca.pem"], b"nonsense")))]
    if draw.random() < 0.5:
        files += [File(f"{path}/me.cert", pems["client.pem"]), File(f"{path}/me.key", pems["client-key.pem"])]
    return files


def a_directory_of_that_name(_draw: random.Random, path: str, _text: bytes, _pems: t.Mapping[str, bytes]) -> list[File]:
    return [File(f"{path}/hosts.toml", is_directory=True)]


def a_file_of_that_name(_draw: random.Random, path: str, text: bytes, _pems: t.Mapping[str, bytes]) -> list[File]:
    return [File(path, text)]


def a_link(_draw: random.Random, path: str, text: bytes, pems: t.Mapping[str, bytes]) -> list[File]:
    return [
        File("/srv/real/hosts.toml", text),
        File("/srv/real/ca.pem", pems["own-ca.pem"]),
        File(path, link="/srv/real"),
    ]


def a_linked_file(_draw: random.Random, path: str, text: bytes, pems: t.Mapping[str, bytes]) -> list[File]:
    files = [File("/srv/real.toml", text), File(f"{path}/ca.pem", pems["own-ca.pem"])]
    return [*files, File(f"{path}/hosts.toml", link="/srv/real.toml")]


def a_link_to_nowhere(_draw: random.Random, path: str, _text: bytes, _pems: t.Mapping[str, bytes]) -> list[File]:
    return [File(path, link="/srv/nowhere")]


def a_file_linked_to_nowhere(_draw: random.Random, path: str, _text: bytes, _pems: t.Mapping[str, bytes]) -> list[File]:
    return [File(f"{path}/hosts.toml", link="/srv/nowhere.toml")]


ODDITIES: tuple[Odd, ...] = (
    nothing_in_it,
    nothing_in_it,
    docker_files,
    docker_files,
    a_directory_of_that_name,
    a_file_of_that_name,
    a_link,
    a_linked_file,
    a_link_to_nowhere,
    a_file_linked_to_nowhere,
)
