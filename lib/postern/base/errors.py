"""Every error that Postern raises on purpose.

An error has two fields: the reason (what is wrong, and where) and the remedy (what to do about it).
A kind fixes the exit code of the command line (sysexits.h) and the HTTP status of the web; the doors
read these, nobody else turns an error into an answer.

Neither field may hold a secret, or an address of a person: both end up in logs.
"""

from __future__ import annotations


class PosternError(Exception):
    """The root. Catch it at a door; catch a kind where you can do something about it."""

    exit_code = 1
    http_status = 500

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}"


class ConfigError(PosternError):
    """A setting is missing or wrong (EX_CONFIG)."""

    exit_code = 78
    http_status = 503


class WeakKey(ConfigError):
    """A key or secret is too short, or is not random."""


class SealBroken(PosternError):
    """A sealed value does not open: altered, cut, moved to another place, or its key is gone (EX_DATAERR)."""

    exit_code = 65


class DatabaseUnavailable(PosternError):
    """The database cannot be used now (EX_TEMPFAIL)."""

    exit_code = 75
    http_status = 503


class BadInput(PosternError):
    """What was given makes no sense (EX_USAGE)."""

    exit_code = 64
    http_status = 400


class NotFound(PosternError):
    """What was asked for does not exist (EX_NOINPUT)."""

    exit_code = 66
    http_status = 404


class Conflict(PosternError):
    """What was asked for is taken, or clashes with what is there (EX_CANTCREAT)."""

    exit_code = 73
    http_status = 409


class Busy(PosternError):
    """Not now: somebody else is at it, or a limit was reached (EX_TEMPFAIL)."""

    exit_code = 75
    http_status = 503


class TooFast(PosternError):
    """A limit of how often was reached; in so many seconds it may go on (EX_TEMPFAIL).

    `limit`: requests that are allowed in a while; `reset`: seconds until all of them are. 0: not known.
    """

    exit_code = 75
    http_status = 429

    def __init__(self, seconds: int, limit: int = 0, reset: int = 0) -> None:
        super().__init__("That was too much at once.", f"Try again in {seconds} seconds.")
        self.seconds = seconds
        self.limit = limit
        self.reset = reset
