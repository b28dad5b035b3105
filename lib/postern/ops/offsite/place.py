"""Where copies of backups go: POSTERN_OFFSITE_URL, and what such a place can do.

    https://host/folder/          WebDAV (RFC 4918), with POSTERN_OFFSITE_USER and _PASSWORD (Basic, RFC 7617)
    s3://host/bucket/prefix       S3 and what speaks like it: user is the access key, password the secret, and _REGION
    sftp://user@host:port/folder  OpenSSH's sftp, with the account's own key and known_hosts
    rsync://user@host:port/folder rsync over ssh, the same

In clear (http, s3+http) only to this machine: the file is sealed, but the password is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.base.config import is_local
from postern.base.errors import ConfigError, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from postern.base.settings import Config

    class Remote(Protocol):
        """A folder off this host that holds backups by their names."""

        def names(self) -> list[str]:
            """The backups that are there, oldest first."""

        def put(self, path: str, name: str) -> None:
            """Copy a file there, so that it has its name only when it is whole."""

        def get(self, name: str, path: str) -> None:
            """Copy one here."""

        def delete(self, name: str) -> None:
            """Delete one."""


SECONDS = 60
"""A place that says nothing for so long is given up."""

_URL = re.compile(
    r"(https?|s3|s3\+http|sftp|rsync)://(?:([A-Za-z0-9][A-Za-z0-9._-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?"
    r"(/[A-Za-z0-9._~/+@-]*)"
)


class Unreachable(PosternError):
    """The place off this host does not do what it should (EX_UNAVAILABLE)."""

    exit_code = 69


@dataclass(frozen=True)
class Place:
    """The address, taken apart. `path` begins and ends with a slash; `port` 0: the usual one."""

    kind: str
    user: str
    host: str
    port: int
    path: str


def parse(url: str) -> Place:
    """ConfigError when it is no address of a place."""
    match = _URL.fullmatch(url)
    if not match or "/../" in match[5] + "/":
        raise ConfigError(
            "POSTERN_OFFSITE_URL is no address that backups can be copied to.",
            "Write https://host/folder/, s3://host/bucket/prefix, sftp://user@host/folder or rsync://user@host/folder.",
        )
    if match[1] in ("http", "s3+http") and not is_local(match[3]):
        raise ConfigError("POSTERN_OFFSITE_URL would send its password in clear.", "Use https, or s3.")
    return Place(match[1], match[2] or "", match[3], int(match[4] or 0), match[5].rstrip("/") + "/")


def remote(config: Config) -> Remote | None:
    """What the settings name; None: nothing."""
    if not config.offsite_url:
        return None
    place = parse(config.offsite_url)
    if place.kind in ("sftp", "rsync"):
        from postern.ops.offsite.ssh import Ssh

        return Ssh(place, config.home)
    if place.kind in ("s3", "s3+http"):
        from postern.ops.offsite.s3 import S3

        return S3(place, config.offsite_user, config.offsite_password, config.offsite_region)
    from postern.ops.offsite.webdav import WebDav

    return WebDav(place, config.offsite_user, config.offsite_password)
