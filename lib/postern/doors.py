"""Floor 4: where requests and cron come in. Each door finds the home and turns errors into its own kind of answer."""

from __future__ import annotations

import contextlib
import os
import sys

from postern.base import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.web.app import App

CGI_SECONDS = 300
"""Apache cannot kill a CGI under suexec (another user): the door ends itself. Long enough for 25 MB over a slow line."""


def cgi() -> None:
    """Answer the one request of this process."""
    import signal
    from wsgiref.handlers import CGIHandler

    signal.alarm(CGI_SECONDS)
    home.use_packages(home.find())
    from postern.web.app import application

    with contextlib.closing(application("cgi")) as app:
        CGIHandler().run(app)


def passenger() -> App:
    """The application for Passenger, or any other WSGI server."""
    home.use_packages(home.find())
    from postern.web.app import application

    return application("web")


def deliver() -> int:
    """One drain, from cron or woken; returns the exit code. Prints only what the operator must know: cron mails it."""
    if "--woken" in sys.argv and hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):
            os.setsid()
    home.use_packages(home.find())
    from postern.base.errors import PosternError
    from postern.flow.context import open_context
    from postern.flow.run_drain import run_drain

    try:
        context = open_context(os.environ, "drain")
    except PosternError as error:
        sys.stderr.write(f"postern: {error}\n")
        return error.exit_code
    try:
        with contextlib.closing(context.pool):
            run_drain(context)
    except PosternError as error:
        context.log.error("drain.stopped", reason=error.reason, remedy=error.remedy)
        return error.exit_code
    except Exception as error:
        context.log.exception("drain.fault", error)
        return 70
    return 0
