"""Our block in .htaccess: the rules of a site, made from the templates beside this file.

htaccess-cgi.conf, htaccess-passenger.conf and htaccess-closed.conf are the three modes. They are string.Templates (`$$` is
a dollar sign) and may ask for two parts: $redirect, the lines that lead to HTTPS, and $headers, all that concerns answers.
What stands outside our marks (CloudLinux's Passenger block, the panel's PHP handler) stays as it is.
Not here: whether the server heeds the file (the installer fetches a canary).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from string import Template

from postern.base.errors import ConfigError
from postern.base.hsts import hsts_value
from postern.ops.install import marked

NAME = ".htaccess"
MODE = 0o644
"""The web server reads it as another user."""

_ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?)/?")


@dataclass(frozen=True)
class Site:
    """What the rules depend on. `url`: empty while it is not known, then nothing is redirected; `mode`: cgi, passenger
    or closed; `hsts`: a stage of base/hsts.py, heeded where the url is https."""

    url: str
    mode: str
    hsts: str


def body(site: Site) -> str:
    """The rules, without our marks. ConfigError when the url is no plain address of a site."""
    host = _https_host(site.url)
    value = hsts_value(site.hsts) if host else ""
    return _render(
        f"htaccess-{site.mode}.conf",
        redirect=_render("htaccess-redirect.conf", host=host) if host else "",
        headers=_render(
            "htaccess-headers.conf", hsts=_render("htaccess-hsts.conf", value=value) if value else ""
        ),
    )


def write(top: str, site: Site) -> bool:
    """Bring the block in `top`/.htaccess up to date; False when it was."""
    return _change(top, marked.put(_read(top), body(site)))


def take_out(top: str) -> bool:
    """Take our block out of `top`/.htaccess; a file that held nothing else goes. False when there was none."""
    return _change(top, marked.take_out(_read(top)))


def _https_host(url: str) -> str:
    """What plain HTTP is led to; empty: nothing is. The url comes to stand in a rule, so it is held to the letter."""
    if not url:
        return ""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ConfigError(
            "The address of the site cannot stand in .htaccess.",
            "Set POSTERN_URL to scheme and host, as in https://alias.example.org.",
        )
    return found["host"] if found["scheme"] == "https" else ""


def _render(name: str, **values: str) -> str:
    """The template filled in, without the empty lines that an empty part leaves."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
        template = Template(file.read())
    filled = template.substitute(values)
    return re.sub(r"\n\n\n+", "\n\n", filled).strip("\n")


def _read(top: str) -> str:
    """Other people's bytes come back as they were, whatever they are."""
    try:
        with open(os.path.join(top, NAME), encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _change(top: str, text: str) -> bool:
    """Whether anything had to be done."""
    path = os.path.join(top, NAME)
    try:
        if text == _read(top) and (not text or os.stat(path).st_mode & 0o777 == MODE):
            return False
        if text:
            _replace(path, text)
        else:
            os.unlink(path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}).",
            "See that the disk has room and that the folder belongs to this account and can be written to.",
        ) from None
    return True


def _replace(path: str, text: str) -> None:
    """Written beside and renamed: the server reads the file with every request. A dot in front keeps the new one hidden too."""
    beside = f"{path}.new-{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
