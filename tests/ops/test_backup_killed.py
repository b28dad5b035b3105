"""Backups and restores that are killed at many points, and backups on a disk that is full: nothing half is taken for whole.

The process kills itself with SIGKILL at the Nth of the steps that STEPS names: no clean-up of its own runs.
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from postern.base.errors import Busy
from postern.flow.context import Context
from postern.ops.backups import backup, restore
from support.filled import filled
from support.instance import Instance
from support.patience import PATIENCE
from support.postgres import Database

KILLED = """
import os, signal, sys
from postern.flow.context import open_context
from postern.ops.backups import backup, restore
from postern.store import migrations, tables

what, where, left = sys.argv[1], sys.argv[2], [int(sys.argv[3])]

def counted(function):
    def step(*args, **options):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return step

STEPS = {
    "backup": [(tables, "read"), (os, "fsync"), (os, "rename"), (backup, "sync_folder")],
    "restore": [(tables, "empty"), (tables, "fill"), (tables, "set_counter"), (tables, "read"), (migrations, "lock")],
}
for module, name in STEPS[what]:
    setattr(module, name, counted(getattr(module, name)))
context = open_context({}, "test")
if what == "backup":
    backup.write(context, where)
else:
    restore.restore(context, where)
"""


@pytest.fixture
def instance(tmp_path: pathlib.Path, ready_database: Database) -> Iterator[Instance]:
    """Migrated, with rows in every table."""
    settings = {**ready_database.env, "POSTERN_RELAY_HOST": "127.0.0.1"}
    with filled(Instance(tmp_path / "home", settings)) as made:
        yield made


@pytest.fixture
def context(instance: Instance) -> Context:
    return instance.context()


def killed(instance: Instance, what: str, where: str, point: int) -> bool:
    """Whether it came to that point and died there; False: it was done before."""
    process = subprocess.run(
        [sys.executable, "-c", KILLED, what, where, str(point)], env=instance.environ, timeout=PATIENCE
    )
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


def points() -> Iterator[int]:
    """The first steps, then ever wider apart."""
    point = 0
    while True:
        yield point
        point += 1 + point // 3


def test_a_backup_that_is_killed_is_none_and_the_next_one_is_whole(
    context: Context, instance: Instance, tmp_path: pathlib.Path
):
    folder = tmp_path / "b"
    whole = backup.write(context, str(folder))
    deaths = 0
    for point in points():
        if not killed(instance, "backup", str(folder), point):
            break
        deaths += 1
        for path in folder.glob("*.backup"):
            backup.verify(context.ring, str(path))
    assert deaths > 8
    left = {path.name for path in folder.iterdir()}
    assert os.path.basename(whole) in left
    assert not any(name.startswith(".new-") for name in left), (
        "the run that came through swept the others away"
    )


def test_a_restore_that_is_killed_changed_nothing(
    context: Context, instance: Instance, tmp_path: pathlib.Path
):
    path = backup.write(context, str(tmp_path / "b"))
    instance.query("UPDATE users SET handle = 'later' WHERE handle = (SELECT min(handle) FROM users)")
    later = digests(context, tmp_path / "later")
    deaths = 0
    for point in points():
        if not killed(instance, "restore", path, point):
            break
        deaths += 1
        assert digests(context, tmp_path / f"after-{point}") == later, point
    assert deaths > 8
    assert digests(context, tmp_path / "restored") == [
        (entry.name, entry.sha256) for entry in restore.examine(context.ring, path).tables
    ]


def digests(context: Context, folder: pathlib.Path) -> list[tuple[str, str]]:
    """What the database holds, table by table."""
    manifest = backup.verify(context.ring, backup.write(context, str(folder)))
    return [(entry.name, entry.sha256) for entry in manifest.tables]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small tmpfs")
def test_a_backup_on_a_full_disk_says_so_and_leaves_it_as_it_was(
    context: Context, instance: Instance, tmp_path: pathlib.Path
):
    noise = "(SELECT string_agg(md5(concat(n, message_id, seq)), '') FROM generate_series(1, 4096) n)"
    instance.query(f"UPDATE message_chunks SET data = decode({noise}, 'hex')")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "small", str(folder)], check=True)
    try:
        (folder / "kept").write_bytes(b"x" * 4096)
        with pytest.raises(Busy, match="No space left"):
            backup.write(context, str(folder))
        assert [path.name for path in folder.iterdir() if path.name != ".lock"] == ["kept"]
        subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)
        assert backup.verify(context.ring, backup.write(context, str(folder))).rows > 20
    finally:
        subprocess.run(["umount", str(folder)], check=True)
