"""The demo, as whoever tries Postern first sees it: its link signs in, each page has something on it, and it goes."""

from __future__ import annotations

import http.client
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

import tiers
from postern.ops import demo
from support.patience import PATIENCE

PAGES = {
    "/aliases": ("bakery@alias.example", "plumber@jane.example", "The bakery on the corner", "last used"),
    "/activity": ("Busiest aliases", "orders@bakery.example", "5.2.2 The mailbox is full"),
    "/quarantine": ("Your account is locked", "claims to be from"),
    "/failed": ("Your invoice for November", "The mailbox is full.", "Try again"),
    "/mailboxes": ("jane.doe@real-mailbox.example", "jane@office.example"),
    "/domains": ("jane.example", "doe.example", "not verified yet"),
    "/settings": ("What a random one looks like",),
    "/settings/sign-in": ("this browser",),
    "/settings/data": ("Download everything",),
    "/admin": ("tom", "zoe"),
    "/admin/invitations": ("Ada, from the choir",),
    "/admin/operation": ("Health", "Jobs"),
    "/admin/figures": ("Messages taken in", "Size of the database"),
    "/admin/log": ("Make sign-in link",),
    "/admin/help": ("Choose a host", "Troubleshooting"),
}
"""What stands where."""


@pytest.fixture(scope="module")
def shown() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo while it stays up, and what it printed until then."""
    environ = {**os.environ, "PYTHONPATH": str(tiers.TOP / "lib")}
    process = subprocess.Popen(
        [sys.executable, "-m", "postern", "demo"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C ends it"):
                break
        yield process, "".join(lines)
    finally:
        process.kill()
        process.communicate()


def ask(site: str, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(site).netloc, timeout=PATIENCE)
    connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    return connection.getresponse()


def test_it_opens_on_the_pages_of_a_lively_account_and_ends_without_a_trace(
    shown: tuple[subprocess.Popen[str], str],
):
    process, told = shown
    link = re.search(r"^  (http://127\.0\.0\.1:\d+)(/sign-in/link/\S+)$", told, re.MULTILINE)
    home = re.search(r"POSTERN_HOME=(\S+)", told)
    assert link and home, told
    site, path = link.groups()
    assert os.path.isdir(home[1])
    with ask(site, "POST", path, Origin=site, Content_Length="0") as answer:
        assert answer.status == 303
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    for page, words in PAGES.items():
        with ask(site, "GET", page, Cookie=cookie) as answer:
            text = answer.read().decode().replace("<wbr>", "")
        assert answer.status == 200, page
        for word in words:
            assert word in text, f"{page} does not show {word!r}"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert not os.path.exists(home[1])


DESKTOPS = {
    "a desktop": ({"DISPLAY": ":0"}, True, True),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
    "a terminal without a desktop": ({}, True, False),
    "a script on a desktop": ({"DISPLAY": ":0"}, False, False),
}


@pytest.mark.parametrize("case", DESKTOPS)
def test_a_browser_is_opened_where_somebody_sits_before_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, case: str
):
    environ, is_terminal, opens = DESKTOPS[case]
    program, opened = tmp_path / "xdg-open", tmp_path / "opened"
    program.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    program.chmod(0o755)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PATH": str(tmp_path), **environ}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert demo._open("http://127.0.0.1:1/x") is opens
    assert opened.exists() is opens
