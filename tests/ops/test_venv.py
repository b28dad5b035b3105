"""install.sh and the shell functions that it shares with tests/run: which folder, whose environment, whence the packages.

Which Python is chosen: test_python.py.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

import tiers
from postern.ops.local.scratch import Scratch
from support.patience import PATIENCE

REAL = os.path.realpath(sys.executable)
Done = subprocess.CompletedProcess[str]
FUNCTIONS = tiers.TOP / "lib" / "postern" / "ops" / "venv.sh"


@functools.cache
def quick() -> str:
    """The same Python, whose pip is no zip file but a folder: it keeps its byte code, and starts four times as quick.

    As it is where it brings no pip (Debian's without python3-venv): then the script looks elsewhere.
    """
    found = importlib.util.find_spec("ensurepip")
    bundled = list(Path(str(found.origin)).parent.glob("_bundled/pip-*.whl")) if found else []
    if not bundled:
        return REAL
    (pip,) = bundled
    scratch = Scratch("postern-pip-")
    atexit.register(scratch.remove)
    with zipfile.ZipFile(pip) as archive:
        archive.extractall(scratch.path(pip.name))
    body = f"""case "$*" in
    *"import ensurepip"*) echo {shlex.quote(scratch.folder)} ;;
    *) exec {shlex.quote(REAL)} "$@" ;;
esac"""
    return str(program(Path(scratch.path("python3")), body))


def script(body: str, top: Path) -> list[str]:
    if not (top / "lib").exists():
        (top / "lib").symlink_to(tiers.TOP / "lib")
    return ["/bin/sh", "-euc", f"top={shlex.quote(str(top))}\n. {shlex.quote(str(FUNCTIONS))}\n{body}"]


def shell(body: str, top: Path, **env: str) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if not name.startswith(("POSTERN_", "XDG_"))}
    return subprocess.run(
        script(body, top),
        env={**base, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_work_goes_into_the_clone_or_else_into_the_users_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    top = tmp_path / "clone"
    top.mkdir()
    done = shell('find_work .demo; echo "$work"', top, XDG_CACHE_HOME=str(cache))
    assert done.stdout == f"{top}/.demo\n"
    # A file in the way stands for a read-only clone: it stops root, too.
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / ".demo").write_text("")
    done = shell('find_work .demo; echo "$work"', blocked, XDG_CACHE_HOME=str(cache))
    assert done.stdout == f"{cache}/postern/demo\n"
    cache.chmod(0o700)
    (tmp_path / "file").write_text("")
    done = shell("find_work .demo", blocked, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.returncode == 73
    assert "XDG_CACHE_HOME" in done.stderr


MAKE = 'python=$POSTERN_PYTHON; find_work .demo; make_venv "$top/it\'s pinned.txt"; echo "$venv"'


def clone(tmp_path: Path) -> Path:
    """A place with a name that shells stumble over, and pins that need no network."""
    top = tmp_path / "a 'clone'"
    top.mkdir()
    (top / "it's pinned.txt").write_text("# nothing\n")
    return top


def test_two_first_runs_at_once_share_one_environment(tmp_path: Path) -> None:
    top = clone(tmp_path)
    env = {**os.environ, "POSTERN_PYTHON": quick()}
    running = [
        subprocess.Popen(
            script(MAKE, top), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert [path.name for path in (top / ".demo" / "venv").iterdir()] == [Path(said[0][0].strip()).name]
    again = shell(MAKE, top, POSTERN_PYTHON=quick())
    assert (again.stdout, again.stderr) == (said[0][0], "")
    version = subprocess.run(
        [Path(again.stdout.strip()) / "bin" / "python", "-c", "import sys; print(sys.prefix)"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert version.stdout == again.stdout


def test_other_pins_make_another_environment_and_a_broken_one_is_made_anew(tmp_path: Path) -> None:
    top = clone(tmp_path)
    first = shell(MAKE, top, POSTERN_PYTHON=quick()).stdout.strip()
    (Path(first) / "bin" / "python").unlink()
    (Path(first) / "bin" / "python").symlink_to("/nonexistent/python")
    assert shell(MAKE, top, POSTERN_PYTHON=quick()).stdout.strip() == first
    assert subprocess.run([Path(first) / "bin" / "python", "-c", ""], check=False).returncode == 0
    (top / "it's pinned.txt").write_text("# nothing else\n")
    assert shell(MAKE, top, POSTERN_PYTHON=quick()).stdout.strip() != first


def test_an_interrupted_first_run_leaves_no_half_environment(tmp_path: Path) -> None:
    top = clone(tmp_path)
    interrupted = program(
        tmp_path / "python3",
        f"""case "$*" in *"-m venv"*) kill -TERM $PPID ;; esac
exec {shlex.quote(REAL)} "$@" """,
    )
    done = shell(MAKE, top, POSTERN_PYTHON=str(interrupted))
    assert done.returncode == 128 + signal.SIGTERM
    assert list((top / ".demo" / "venv").iterdir()) == []


def test_a_package_that_is_not_as_pinned_is_refused(tmp_path: Path) -> None:
    """The hash is checked even for a file at hand, so nothing unpinned gets in."""
    top = clone(tmp_path)
    wrong = "0" * 64
    (top / "it's pinned.txt").write_text(
        f"stray @ file://{tmp_path}/stray-1-py3-none-any.whl --hash=sha256:{wrong}\n"
    )
    (tmp_path / "stray-1-py3-none-any.whl").write_bytes(b"not what was pinned")
    done = shell(MAKE, top, POSTERN_PYTHON=quick())
    assert done.returncode == 69
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert list((top / ".demo" / "venv").iterdir()) == []


def test_a_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    top = clone(tmp_path)
    (top / "it's pinned.txt").write_text("pg8000==1.31.5\n")
    done = shell(MAKE, top, POSTERN_PYTHON=quick())
    assert done.returncode == 69
    assert "Hashes are required" in done.stderr


# What the installer makes of them: HOME/venv.


def offline(folder: Path) -> dict[str, str]:
    """Settings of pip under which it reaches nothing; and no cache of another run's."""
    empty = folder / "pip.conf"
    empty.touch()
    return {
        "PIP_CONFIG_FILE": str(empty),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_NO_CACHE_DIR": "1",
    }


DOWNLOAD = """python=$POSTERN_PYTHON
new=$(mktemp -d)
trap 'rm -rf "$new" "$new".*' EXIT
empty_venv
"""


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The pinned wheels for this Python, fetched once."""
    pins = hashlib.sha256((tiers.TOP / "requirements.txt").read_bytes()).hexdigest()[:16]
    place = tiers.WORK / "wheels" / f"{sys.version_info[0]}.{sys.version_info[1]}-{pins}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as folder:
            body = f"""{DOWNLOAD}run_pip download --quiet --no-deps --require-hashes --only-binary :all: \\
-r "$top/requirements.txt" --dest {shlex.quote(folder)}/wheels >&2"""
            done = shell(body, tiers.TOP, POSTERN_PYTHON=REAL)
            assert done.returncode == 0, done.stderr
            with contextlib.suppress(OSError):  # another worker was quicker
                (Path(folder) / "wheels").rename(place)
    return place


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> str:
    """A wheel of this name, as small as one can be; returns its line for a pinned file."""
    info = f"{name}-1.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return f"{name}==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A program folder with small stand-ins for the two packages in wheels/."""
    top = tmp_path / "upload"
    (top / "wheels").mkdir(parents=True)
    large = {"pg8000/native.py": b"", "pg8000/large": bytes(12 << 20)}
    aead = {"cryptography/hazmat/primitives/ciphers/aead.py": b""}
    lines = wheel(top / "wheels", "pg8000", large) + wheel(top / "wheels", "cryptography", aead)
    (top / "requirements.txt").write_text(lines)
    return top


PACKAGES = 'python=$POSTERN_PYTHON; install_packages "$INTO" "$WHEELS"'


def settings(home: Path, wheels: Path | str, python: Path | str = "") -> dict[str, str]:
    """Of a host that reaches no index."""
    python = str(python or quick())
    return {**offline(home.parent), "INTO": str(home), "WHEELS": str(wheels), "POSTERN_PYTHON": python}


def packages(home: Path, wheels: Path | str, top: Path = tiers.TOP, python: str = "") -> Done:
    return shell(PACKAGES, top, **settings(home, wheels, python))


def imports(home: Path) -> bool:
    done = subprocess.run(
        [home / "venv" / "bin" / "python", "-I", "-c", "import pg8000, cryptography"], check=False
    )
    return done.returncode == 0


def environments(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "venvs").iterdir())


def test_packages_come_from_a_folder_and_the_home_leads_to_them(tmp_path: Path, wheels: Path) -> None:
    home = tmp_path / "it's .postern"
    first = packages(home, wheels, python=REAL)
    assert first.returncode == 0, first.stderr
    (key,) = environments(home)
    assert first.stdout == f"{home}/venvs/{key}\n"
    assert os.readlink(home / "venv") == f"venvs/{key}"
    assert home.stat().st_mode & 0o777 == 0o700
    assert imports(home)
    activated = '. "$INTO/venv/bin/activate"; command -v python; python -c "import pg8000"'
    done = shell(activated, tiers.TOP, INTO=str(home))
    assert (done.stdout, done.returncode) == (f"{home}/venvs/{key}/bin/python\n", 0)
    link = (home / "venv").lstat().st_ino
    again = packages(home, "")
    assert (again.stdout, again.stderr) == (first.stdout, "")
    assert (home / "venv").lstat().st_ino == link


def test_two_at_once_share_one_environment_in_the_home(tmp_path: Path, upload: Path) -> None:
    home = tmp_path / "home"
    env = {**os.environ, **settings(home, upload / "wheels")}
    running = [
        subprocess.Popen(script(PACKAGES, upload), env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=5 * PATIENCE)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1]
    assert len(environments(home)) == 1
    assert imports(home)


def test_an_upgrade_changes_the_link_and_keeps_what_ran_before(tmp_path: Path, upload: Path) -> None:
    home = tmp_path / "home"
    first = Path(packages(home, upload / "wheels", upload).stdout.strip())
    with (upload / "requirements.txt").open("a") as file:
        file.write("# a newer release\n")
    second = Path(packages(home, upload / "wheels", upload).stdout.strip())
    assert first != second
    assert (home / "venv").resolve() == second.resolve()
    assert (first / "bin" / "python").exists()
    assert imports(home)


def test_a_folder_in_the_links_place_is_moved_aside_not_deleted(tmp_path: Path, upload: Path) -> None:
    home = tmp_path / "home"
    (home / "venv" / "lib").mkdir(parents=True)
    (home / "venv" / "lib" / "in use").write_text("")
    done = packages(home, upload / "wheels", upload)
    assert done.returncode == 0, done.stderr
    assert imports(home)
    assert [path.name for path in (home / "venvs").glob("aside-*/lib/*")] == ["in use"]


DEATHS = {
    "before the environment is made": ("-m venv", "kill -9 0"),
    "before pip": ("-m venv", '$REAL "$@"; arm : "$@"'),
    "after pip": ("-m venv", '$REAL "$@"; arm \'"$0.real" "$@"\' "$@"'),
    "before the rename": ("os.rename(new", "kill -9 0"),
    "after the rename": ("os.rename(new", '$REAL "$@"; kill -9 0'),
    "before the link": ("os.symlink", "kill -9 0"),
    "after the link": ("os.symlink", '$REAL "$@"; kill -9 0'),
}
"""When -> a part of the command that Python is asked then, and what happens instead."""

DEADLY = """REAL={real}
arm() {{
    for new; do :; done
    mv "$new/bin/python" "$new/bin/python.real"
    printf '#!/bin/sh\\ncase "$*" in *"pip install"*) %s; kill -9 0; esac; exec "$0.real" "$@"\\n' "$1" >"$new/bin/python"
    chmod 755 "$new/bin/python"
}}
case "$*" in
    *"{asked}"*) {instead} ;;
    *) exec $REAL "$@" ;;
esac"""
"""A Python that kills the whole job, or arms the environment that it makes: that one's Python does."""


@pytest.mark.parametrize("moment", DEATHS)
def test_killed_at_any_moment_the_next_run_ends_well(tmp_path: Path, upload: Path, moment: str) -> None:
    """The whole job is killed, as the host's limits or a closed terminal do it."""
    home = tmp_path / "home"
    asked, instead = DEATHS[moment]
    text = DEADLY.format(real=shlex.quote(quick()), asked=asked, instead=instead)
    deadly = program(tmp_path / "python3", text)
    env = settings(home, upload / "wheels", deadly)
    killed = subprocess.run(
        script(PACKAGES, upload),
        env={**os.environ, **env},
        start_new_session=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = packages(home, upload / "wheels", upload)
    assert done.returncode == 0, done.stderr
    assert imports(home)
    for left in (home / "venvs").glob(".new-*"):
        os.utime(left, (0, 0), follow_symlinks=False)
    assert packages(home, upload / "wheels", upload).returncode == 0
    assert environments(home) == [Path(done.stdout.strip()).name]


FULL = "ulimit -f 2000\n"
"""No file over 1 MB: the write fails as on a full disk, and it needs no root."""


def test_a_file_that_cannot_grow_is_told_as_a_lack_of_room(tmp_path: Path, upload: Path) -> None:
    home = tmp_path / "home"
    done = shell(FULL + PACKAGES, upload, **settings(home, upload / "wheels"))
    assert done.returncode == 73
    assert "no room left" in done.stderr
    assert "quota -s" in done.stderr.splitlines()[-1]
    assert environments(home) == []
    assert packages(home, upload / "wheels", upload).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, upload: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    env = {**settings(disk / "home", upload / "wheels"), **offline(tmp_path)}
    mount = [
        "unshare",
        "--mount",
        "/bin/sh",
        "-euc",
        f'mount -t tmpfs -o size=8m none {disk}\nexec "$@"',
        "sh",
    ]
    body = f"""({PACKAGES}) || echo $?
df -k {disk} | sed -n '$p' >&2; ls -A {disk}/home/venvs
mount -o remount,size=100m {disk}
{PACKAGES}"""
    done = subprocess.run(
        [*mount, *script(body, upload)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no room left" in done.stderr
    assert done.stdout.splitlines()[0] == "73"
    assert len(done.stdout.splitlines()) == 2, done.stdout
    assert Path(done.stdout.splitlines()[1]).parent == disk / "home" / "venvs"


def test_without_an_index_it_says_how_to_bring_the_wheels_and_that_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = packages(home, "")
    assert done.returncode == 69
    assert "cannot be reached" in done.stderr
    assert done.stderr.splitlines()[-1] == "  Run: sh install.sh --offline wheels"
    (needed,) = home.glob("venvs/wheels-*.txt")
    shutil.copy(needed, tmp_path)
    told = done.stderr[done.stderr.index("python3 -m pip") : done.stderr.index("Then upload")]
    body = f'{DOWNLOAD}python3() {{ with_pip "$@"; }}\ncd {shlex.quote(str(tmp_path))}\n{told}'
    fetched = shell(body, tiers.TOP, POSTERN_PYTHON=quick())
    assert fetched.returncode == 0, fetched.stderr
    assert packages(home, tmp_path / "wheels").returncode == 0
    assert imports(home)


def test_a_wheel_that_is_missing_or_broken_is_told(tmp_path: Path, upload: Path) -> None:
    folder = upload / "wheels"
    (broken,) = folder.glob("pg8000-*.whl")
    broken.write_bytes(broken.read_bytes()[:-100])
    done = packages(tmp_path / "home", folder, upload)
    assert done.returncode == 69
    assert "not the one that is pinned" in done.stderr
    broken.unlink()
    done = packages(tmp_path / "home", folder, upload)
    assert done.returncode == 69
    assert f"The folder {folder} lacks a package" in done.stderr
    assert "pip download" in done.stderr


def test_packages_that_do_not_load_are_found_out(tmp_path: Path, upload: Path) -> None:
    home = tmp_path / "home"
    venv = Path(packages(home, upload / "wheels", upload).stdout.strip())
    (file,) = venv.glob("lib/python*/site-packages/pg8000/native.py")
    file.write_text("raise ImportError('failed to map segment from shared object')")
    done = packages(home, upload / "wheels", upload)
    assert done.returncode == 69
    assert "failed to map segment" in done.stderr
    assert f"Remove {venv}" in done.stderr


def test_places_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    done = packages(tmp_path / "home", tmp_path / "nothing")
    assert (done.returncode, f"no folder {tmp_path}/nothing" in done.stderr) == (66, True)
    (tmp_path / "file").touch()
    done = packages(tmp_path / "file", "")
    assert (done.returncode, "cannot be made" in done.stderr) == (73, True)


def install(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tiers.TOP / "install.sh", *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("args", [("help",), ("-h",), ("--help",)])
def test_the_installer_says_what_it_can_do(args: tuple[str, ...]) -> None:
    done = install(*args)
    assert done.returncode == 0
    assert "install.sh demo" in done.stdout


def test_a_verb_that_does_not_exist_is_a_usage_error() -> None:
    done = install("upgrade")
    assert done.returncode == 64
    assert "does not know 'upgrade'" in done.stderr
    assert "install.sh demo" in done.stderr


def test_a_wrong_folder_of_postgresql_is_said_at_once(tmp_path: Path) -> None:
    done = install("demo", "--once", POSTERN_PG_BIN=str(tmp_path), POSTERN_PYTHON=quick())
    assert done.returncode == 78
    assert "POSTERN_PG_BIN" in done.stderr
    assert "Traceback" not in done.stderr
