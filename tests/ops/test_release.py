"""Releases: what is in one, that the same files make the same bytes, and that nothing else than a whole release is taken."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import tiers
from postern import __version__
from postern.ops.releases import pack, release
from postern.ops.releases.release import BadRelease

NAME = f"postern-{__version__}"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    pack.pack(str(tiers.TOP), str(folder))
    return folder


def names(path: Path) -> list[str]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_both_archives_hold_the_same_and_everything_that_a_host_needs(packed: Path):
    zipped, tarred = names(packed / f"{NAME}.zip"), names(packed / f"{NAME}.tar.gz")
    assert zipped == tarred == sorted(zipped)
    for name in (
        ".htaccess",
        "install.sh",
        "cgi-bin/postern.cgi",
        "lib/postern/MANIFEST",
        "requirements.txt",
        "docs/cli.md",
    ):
        assert name in zipped


def test_no_tests_no_git_and_no_litter_are_in_it(packed: Path):
    for name in names(packed / f"{NAME}.zip"):
        parts = name.split("/")
        assert parts[0] in (*release.FOLDERS, "cgi-bin") or name in release.FILES
        assert not any(part.startswith(".") and part != ".htaccess" for part in parts), name
        assert "tests" not in parts and "__pycache__" not in parts and not name.endswith(".pyc")


LITTER = (
    ".env", ".git/config", ".postern-home", "tmp/restart.txt", "tests/test_x.py", "robots.txt", "cgi-bin/other.cgi",
    "lib/postern/__pycache__/x.cpython-311.pyc", "lib/postern/doors.py~", "lib/postern/.doors.py.swp",
    "lib/postern/doors.py.orig",
    "static/app.0123abcd.css", ".upgrade/lib/postern/doors.py", "docs/.DS_Store",
)  # fmt: skip


def test_what_lies_beside_it_is_not_packed(tmp_path: Path):
    release.copy(str(tiers.TOP), str(tmp_path))
    before = release.files(str(tmp_path))
    for name in LITTER:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert release.files(str(tmp_path)) == before


def test_the_sums_are_those_of_the_archives(packed: Path):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=packed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": OK") == 2


def test_the_same_files_make_the_same_bytes(packed: Path, tmp_path: Path):
    tree = tmp_path / "tree"
    before = os.umask(0o077)
    try:
        release.copy(str(tiers.TOP), str(tree))
    finally:
        os.umask(before)
    for path in tree.rglob("*"):
        path.chmod(path.stat().st_mode | 0o020)
        os.utime(path, (1, 1))
    script = "import sys; from postern.ops.releases import pack; pack.pack(*sys.argv[1:])"
    env = {
        "PYTHONPATH": str(tree / "lib"),
        "TZ": "Pacific/Apia",
        "LC_ALL": "C",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run([sys.executable, "-c", script, tree, tmp_path / "out"], env=env, check=True)
    for path in packed.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_an_installer_changed_is_packed_as_it_was_shipped(packed: Path, tmp_path: Path):
    tree = tmp_path / "tree"
    release.copy(str(tiers.TOP), str(tree))
    door = tree / "cgi-bin" / "postern.cgi"
    door.write_text("#!/opt/python/bin/python3 -IS\n" + door.read_text().partition("\n")[2])
    (tree / ".htaccess").write_text("# php handler of the panel\n")
    pack.pack(str(tree), str(tmp_path / "out"))
    assert (tmp_path / "out" / f"{NAME}.zip").read_bytes() == (packed / f"{NAME}.zip").read_bytes()


def test_a_zip_brings_the_modes_that_suexec_asks_for(packed: Path):
    with zipfile.ZipFile(packed / f"{NAME}.zip") as archive:
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}
    assert {name for name, mode in modes.items() if mode == 0o755} == {
        "install.sh", "cgi-bin/postern.cgi", *(name for name in modes if name.startswith("cron/"))
    }  # fmt: skip
    assert set(modes.values()) == {0o755, 0o644}


def test_files_of_other_contents_have_other_times(tmp_path: Path):
    for number in (1, 2):
        tree = tmp_path / str(number)
        release.copy(str(tiers.TOP), str(tree))
        (tree / "lib" / "postern" / "new.py").write_text(f"VALUE = {number}\n")
        pack.pack(str(tree), str(tmp_path / f"out{number}"))
    times = []
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / f"out{number}" / f"{NAME}.zip") as archive:
            times.append(archive.getinfo("lib/postern/new.py").date_time)
    assert times[0] != times[1]


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_unpacks_to_a_whole_release(packed: Path, tmp_path: Path, kind: str):
    release.unpack(str(packed / f"{NAME}.{kind}"), str(tmp_path / "new"))
    found = release.check(str(tmp_path / "new"))
    assert found.version == __version__
    assert stat.S_IMODE((tmp_path / "new" / "install.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "new" / "lib" / "postern" / "doors.py").stat().st_mode) == 0o644


def spoil(folder: Path, what: str) -> None:
    doors = folder / "lib" / "postern" / "doors.py"
    {
        "changed": lambda: doors.write_text(doors.read_text() + "\n"),
        "missing": doors.unlink,
        "more": lambda: (folder / "lib" / "postern" / "more.py").write_text(""),
        "no manifest": (folder / release.MANIFEST).unlink,
        "no version": lambda: (folder / "lib" / "postern" / "__init__.py").write_text(""),
    }[what]()


@pytest.mark.parametrize("what", ["changed", "missing", "more", "no manifest", "no version"])
def test_what_is_not_whole_is_refused(packed: Path, tmp_path: Path, what: str):
    release.unpack(str(packed / f"{NAME}.zip"), str(tmp_path / "new"))
    spoil(tmp_path / "new", what)
    with pytest.raises(BadRelease) as caught:
        release.check(str(tmp_path / "new"))
    assert caught.value.exit_code == 65


def a_zip(path: Path, *entries: tuple[str, bytes], mode: int = 0o100644) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def a_tar(path: Path, kind: bytes, name: str = "lib/x", target: str = "") -> None:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry, io.BytesIO())


HOSTILE: dict[str, Callable[[Path], None]] = {
    "out of the folder": lambda path: a_zip(path, ("../x", b"")),
    "out of the folder, inside": lambda path: a_zip(path, ("lib/../../x", b"")),
    "absolute": lambda path: a_zip(path, ("/tmp/x", b"")),
    "a dot file": lambda path: a_zip(path, (".env", b"POSTERN_URL=x")),
    "a hidden folder": lambda path: a_zip(path, (".ssh/authorized_keys", b"")),
    "a backslash": lambda path: a_zip(path, ("lib\\x", b"")),
    "a line end": lambda path: a_zip(path, ("lib/x\ny", b"")),
    "twice the same": lambda path: a_zip(path, ("lib/x", b""), ("lib/x", b"")),
    "a link in a zip": lambda path: a_zip(path, ("lib/x", b"/etc/passwd"), mode=0o120777),
    "too large": lambda path: a_zip(path, ("lib/x", bytes(release.MOST_BYTES + 1))),
    "too many": lambda path: a_zip(
        path, *((f"lib/{number}", b"") for number in range(release.MOST_FILES + 1))
    ),
    "a symbolic link": lambda path: a_tar(path, tarfile.SYMTYPE, target="/etc/passwd"),
    "a hard link": lambda path: a_tar(path, tarfile.LNKTYPE, target="/etc/passwd"),
    "a device": lambda path: a_tar(path, tarfile.CHRTYPE),
    "a pipe": lambda path: a_tar(path, tarfile.FIFOTYPE),
    "out of the folder, tar": lambda path: a_tar(path, tarfile.REGTYPE, "../x"),
    "no archive": lambda path: path.write_bytes(b"<html>Not found</html>"),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_archive_is_refused_and_writes_nothing_outside(tmp_path: Path, what: str):
    HOSTILE[what](tmp_path / "archive")
    with pytest.raises(BadRelease):
        release.unpack(str(tmp_path / "archive"), str(tmp_path / "to"))
    assert {path.name for path in tmp_path.iterdir()} <= {"archive", "to"}
    assert not any(path.is_symlink() for path in (tmp_path / "to").rglob("*"))


def take(folder: Path) -> None:
    release.unpack(str(folder / "archive"), str(folder / "to"))
    release.check(str(folder / "to"))


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_one_that_was_cut_off_is_refused(packed: Path, tmp_path: Path, kind: str, share: float):
    data = (packed / f"{NAME}.{kind}").read_bytes()
    (tmp_path / "archive").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadRelease):
        take(tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_one_with_a_turned_bit_is_refused(packed: Path, tmp_path: Path, kind: str):
    data = bytearray((packed / f"{NAME}.{kind}").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "archive").write_bytes(data)
    with pytest.raises(BadRelease):
        take(tmp_path)


ORDER = ["0.9.9", "0.10.0", "1.0.0rc1", "1.0.0", "1.0.1", "1.10.0", "2.0.0"]


def test_versions_sort_as_people_count():
    assert sorted(sorted(ORDER), key=release.order) == ORDER


def test_a_manifest_names_every_other_file_with_its_sum(packed: Path, tmp_path: Path):
    release.unpack(str(packed / f"{NAME}.zip"), str(tmp_path / "new"))
    text = (tmp_path / "new" / release.MANIFEST).read_text()
    listed = dict(line.split("  ")[::-1] for line in text.splitlines())
    for name in names(packed / f"{NAME}.zip"):
        if name != release.MANIFEST:
            assert listed.pop(name) == hashlib.sha256((tmp_path / "new" / name).read_bytes()).hexdigest()
    assert listed == {}
    shutil.rmtree(tmp_path / "new")
