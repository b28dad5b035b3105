"""Static files: the fingerprinted copies that install.sh makes, and the addresses that pages give."""

from __future__ import annotations

import os
import re
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from postern.base import clock, stamp
from postern.base.errors import ConfigError
from postern.ops.install import static
from postern.web import assets

MONTH = 30 * 86400


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A program folder with a few static files."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "app.css").write_text("body{}")
    (folder / "postern.svg").write_text("<svg/>")
    (folder / "icon-32.png").write_bytes(b"\x89PNG")
    (folder / "robots.txt").write_text("Disallow: /")
    return tmp_path


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    assets.url.cache_clear()


def url(top: Path, name: str = "app.css") -> str:
    return assets.url(name, str(top / "static"))


def names(top: Path) -> set[str]:
    return set(os.listdir(top / "static"))


def age(path: Path, seconds: float) -> None:
    then = clock.now() - seconds
    os.utime(path, (then, then))


def test_the_mark_is_the_beginning_of_the_sha_256(top: Path):
    digest = sha256(b"body{}").hexdigest()
    static.publish(str(top))
    assert url(top) == f"/static/app.{digest[:8]}.css"


def test_without_a_copy_the_plain_file_is_linked(top: Path):
    assert url(top) == "/static/app.css"


def test_a_copy_of_other_bytes_is_not_linked(top: Path):
    static.publish(str(top))
    (top / "static" / "app.css").write_text("body{color:red}")
    assert url(top) == "/static/app.css"


def test_a_missing_file_does_not_break_the_page(top: Path):
    assert url(top, "gone.css") == "/static/gone.css"


def test_the_address_changes_with_the_bytes(top: Path):
    static.publish(str(top))
    before = url(top)
    (top / "static" / "app.css").write_text("body{color:red}")
    static.publish(str(top))
    assets.url.cache_clear()
    assert url(top) != before
    assert re.fullmatch(r"/static/app\.[0-9a-f]{8}\.css", url(top))


def test_a_process_looks_once(top: Path):
    static.publish(str(top))
    first = url(top)
    (top / "static" / "app.css").unlink()
    assert url(top) == first


def test_every_file_that_pages_load_gets_a_copy_which_the_web_server_may_read(top: Path):
    old = os.umask(0o077)
    try:
        made = static.publish(str(top))
    finally:
        os.umask(old)
    assert {stamp.original(name) for name in made} == {"app.css", "postern.svg", "icon-32.png"}
    for name in made:
        path = top / "static" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert path.read_bytes() == (top / "static" / stamp.original(name)).read_bytes()


def test_publishing_again_changes_nothing(top: Path):
    static.publish(str(top))
    before = names(top)
    assert static.publish(str(top)) == []
    assert names(top) == before


def test_a_copy_that_was_cut_off_is_made_again(top: Path):
    (name,) = (name for name in static.publish(str(top)) if name.endswith(".css"))
    (top / "static" / name).write_text("bo")
    assert static.publish(str(top)) == [name]
    assert (top / "static" / name).read_text() == "body{}"


AGES = [(MONTH - 60, True), (MONTH + 60, False)]


@pytest.mark.parametrize(("seconds", "stays"), AGES)
def test_a_copy_goes_a_month_after_it_was_last_current(top: Path, seconds: float, stays: bool):
    (copy,) = (name for name in static.publish(str(top)) if name.endswith(".css"))
    (top / "static" / "app.css").write_text("body{color:red}")
    age(top / "static" / copy, seconds)
    static.publish(str(top))
    assert (copy in names(top)) is stays


def test_a_current_copy_stays_however_old_it_looks(top: Path):
    copies = static.publish(str(top))
    for name in copies:
        age(top / "static" / name, 5 * MONTH)
    static._drop_old(str(top / "static"), set(copies))  # as where another account owns them
    assert set(copies) <= names(top)
    static._drop_old(str(top / "static"), set())
    assert not set(copies) & names(top)


def test_publishing_again_says_that_a_copy_is_still_current(top: Path):
    (copy,) = (name for name in static.publish(str(top)) if name.endswith(".css"))
    age(top / "static" / copy, 5 * MONTH)
    static.publish(str(top))
    (top / "static" / "app.css").write_text("body{color:red}")
    static.publish(str(top))
    assert copy in names(top)


FOREIGN = ["logo.png", "app.12345.css", "app.zzzzzzzz.css", "note.txt", "favicon.ico"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_somebody_else_put_there_stays(top: Path, name: str):
    (top / "static" / name).write_text("mine")
    age(top / "static" / name, 5 * MONTH)
    static.publish(str(top))
    assert (top / "static" / name).read_text() == "mine"


def test_what_a_killed_run_left_is_never_copied_and_goes_in_the_end(top: Path):
    left = top / "static" / ".new-abc"
    left.write_text("half")
    static.publish(str(top))
    assert not [name for name in names(top) if name.startswith(".new-abc.")]
    age(left, MONTH + 60)
    static.publish(str(top))
    assert not left.exists()


def test_where_there_is_no_folder_it_says_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigError, match="static cannot be made") as caught:
        static.publish(str(tmp_path))
    assert caught.value.remedy


COPIES = [
    ("app.3f2a9c1b.css", "app.css"),
    ("icon-32.00000000.png", "icon-32.png"),
    ("app.css", ""),
    ("app.3F2A9C1B.css", ""),
    ("app.3f2a9c1.css", ""),
    (".3f2a9c1b.css", ""),
    ("app.min.3f2a9c1b.css", ""),
    ("app.3f2a9c1b.css.new", ""),
]


@pytest.mark.parametrize(("name", "original"), COPIES)
def test_a_copy_is_known_by_its_name(name: str, original: str):
    assert stamp.original(name) == original
