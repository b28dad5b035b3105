"""Our block in .htaccess, as text. What it does to a server: tests/host/test_htaccess.py."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

import tiers
from postern.base.errors import ConfigError
from postern.base.hsts import STAGES, hsts_value
from postern.ops.install import htaccess, marked
from postern.ops.install.htaccess import Site, body
from postern.web.response import SECURITY_HEADERS

REMEDY = """make it anew: PYTHONPATH=lib python3 -c '
from postern.ops.install import htaccess
htaccess.write(".", htaccess.Site("", "cgi", "off"))'"""
UNKNOWN = Site("", "cgi", "off")
KNOWN = Site("https://alias.example", "cgi", "year")
FOREIGN = (
    b"# php -- BEGIN cPanel-generated handler, do not edit\r\nAddHandler application/x-httpd-ea-php81 .php\r\n"
    b"# CLOUDLINUX PASSENGER CONFIGURATION\nPassengerPython /x\xff\n# no line end"
)


def test_the_committed_file_is_what_an_upload_needs_before_anything_is_known() -> None:
    text = (tiers.TOP / ".htaccess").read_text()
    assert text == marked.put("", body(UNKNOWN)), REMEDY


def test_the_servers_own_answers_carry_the_programs_security_headers() -> None:
    found = re.findall(r'Header always setifempty (\S+) "([^"]*)"', body(UNKNOWN))
    assert tuple(found) == SECURITY_HEADERS


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8025", "http://alias.example"])
def test_without_an_https_address_nothing_is_redirected_and_no_browser_is_told_to_insist(url: str) -> None:
    assert body(Site(url, "cgi", "year")) == body(UNKNOWN)
    assert "308" not in body(UNKNOWN)
    assert "Strict-Transport-Security" not in body(UNKNOWN)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://alias.example", "alias.example"),
        ("https://alias.example/", "alias.example"),
        ("https://alias.example:8443", "alias.example:8443"),
    ],
)
def test_plain_http_leads_to_the_one_address_that_was_set(url: str, host: str) -> None:
    assert f"RewriteRule ^ https://{host}%1 [R=308,NE,END]" in body(Site(url, "cgi", "off"))
    assert "HTTP_HOST" not in body(KNOWN)


@pytest.mark.parametrize(
    "url",
    [
        "https://alias.example\nRewriteRule ^ https://evil.example",
        "https://alias.example [R]",
        "https://alias.example%1",
        "https://user@alias.example",
        "https://alias$1.example",
        'https://alias".example',
        "https://",
        "https://alias.example/path",
        "alias.example",
        "ftp://alias.example",
    ],
)
def test_an_address_that_would_be_more_than_an_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        body(Site(url, "cgi", "off"))


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_of_hsts_is_sent_over_https_only(stage: str) -> None:
    lines = [line for line in body(Site(KNOWN.url, "cgi", stage)).split("\n") if "Strict-Transport" in line]
    assert len(lines) == (stage != "off")
    for line in lines:
        assert f'Strict-Transport-Security "{hsts_value(stage)}" "expr=%{{HTTPS}} == \'on\' ||' in line


def test_the_stages_of_hsts_only_grow() -> None:
    ages = [int((re.findall(r"max-age=(\d+)", hsts_value(stage)) or ["0"])[0]) for stage in STAGES]
    assert ages == sorted(set(ages))
    assert [stage for stage in STAGES if "preload" in hsts_value(stage)] == ["preload"]


@pytest.mark.parametrize(
    "site", [UNKNOWN, KNOWN, Site("", "closed", "off"), Site(KNOWN.url, "passenger", "month")]
)
def test_no_name_of_a_template_is_left_over(site: Site) -> None:
    text = body(site)
    assert not re.search(r"\$[a-z{$]", text)
    assert text == text.strip("\n")
    assert not any(line.endswith((" ", "\t")) for line in text.split("\n"))


def test_what_is_not_ours_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / ".htaccess"
    path.write_bytes(FOREIGN)
    assert htaccess.write(str(tmp_path), UNKNOWN)
    assert path.read_bytes().endswith(b"# END Postern\n" + FOREIGN)
    assert htaccess.write(str(tmp_path), KNOWN)
    assert path.read_bytes().count(b"# BEGIN Postern") == 1
    assert path.read_bytes().endswith(b"# END Postern\n" + FOREIGN)
    assert htaccess.take_out(str(tmp_path))
    assert path.read_bytes() == FOREIGN
    assert not htaccess.take_out(str(tmp_path))


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    assert htaccess.write(str(tmp_path), KNOWN)
    path = tmp_path / ".htaccess"
    before = path.stat()
    assert not htaccess.write(str(tmp_path), KNOWN)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert marked.body_of(path.read_text()) == body(KNOWN)


def test_the_web_server_can_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        htaccess.write(str(tmp_path), UNKNOWN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / ".htaccess").stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == [".htaccess"]


def test_a_file_that_others_may_not_read_is_mended(tmp_path: Path) -> None:
    """The server answers 403 to everything while it cannot read it."""
    htaccess.write(str(tmp_path), UNKNOWN)
    (tmp_path / ".htaccess").chmod(0o600)
    assert htaccess.write(str(tmp_path), UNKNOWN)
    assert stat.S_IMODE((tmp_path / ".htaccess").stat().st_mode) == 0o644


def test_a_file_that_was_ours_alone_goes_with_our_block(tmp_path: Path) -> None:
    htaccess.write(str(tmp_path), UNKNOWN)
    assert htaccess.take_out(str(tmp_path))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.htaccess cannot be written"):
        htaccess.write(str(tmp_path / "missing"), UNKNOWN)
