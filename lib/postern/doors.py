"""Floor 4: where requests and cron come in. Each door finds the home and turns errors into its own kind of answer."""

from __future__ import annotations

import sys

from postern.base import home
from postern.resident import knock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from postern.web.app import App


def cgi() -> NoReturn:
    """Answer the one request of this process, by the resident where there is one, else here; and end it."""
    place = knock.home_of_process()
    if not knock.answered(place):
        _answer_here(place)
    knock.leave()


def _answer_here(place: str) -> None:
    """The same with everything imported first; what was imported stays behind as the resident."""
    import signal
    from wsgiref.handlers import CGIHandler

    # Apache cannot kill a CGI under suexec (another user): the door ends itself.
    signal.alarm(knock.ANSWER_SECONDS)
    home.use_packages(place)
    from postern.web.app import application

    app = application("cgi")
    try:
        CGIHandler().run(app)
    finally:
        app.close()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass  # the visitor has gone away
    if app.wants_resident():
        from postern.resident.become import leave_behind

        leave_behind(place, app.context().log)


def passenger() -> App:
    """The application for Passenger, or any other WSGI server."""
    home.use_packages(home.find())
    from postern.web.app import application

    return application("web")


def run_job(name: str) -> int:
    """One run of a job, from cron or woken; returns the exit code. Prints only what comes before there is a log."""
    import contextlib
    import os

    if "--woken" in sys.argv and hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):
            os.setsid()
    home.use_packages(home.find())
    from postern.base import stop
    from postern.base.errors import PosternError
    from postern.base.gate import Interrupted
    from postern.flow import job_run, job_table
    from postern.flow.context import open_context

    try:
        context = open_context(os.environ, name, lean=True)
    except PosternError as error:
        sys.stderr.write(f"postern: {error}\n")
        return error.exit_code
    context.log.install()
    job = job_table.get(name)
    try:
        with (
            contextlib.closing(context.pool),
            stop.on_signals(job_run.limit_seconds(context, job)) as signals,
        ):
            job_run.run(context, job, signals)
    except Interrupted as error:
        context.log.error("upgrade.interrupted", reason=error.reason)
        return _mend()
    except PosternError as error:
        context.log.error("job.stopped", job=name, reason=error.reason, remedy=error.remedy)
        return error.exit_code
    except Exception as error:
        context.log.exception("job.fault", error, job=name)
        return 70
    return 0


def pipe() -> int:
    """One message from the host's mail server, on standard input; returns the exit code. Says nothing, whatever happens.

    A signal ends it with 75: a mail server takes a program that was killed for one that refused the message.
    """
    import contextlib
    import os
    import signal

    for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGXCPU"):
        signal.signal(getattr(signal, name), lambda *_: os._exit(75))
    home.use_packages(home.find())
    home.check_packages(home.find())
    from postern.flow.context import open_context
    from postern.flow.piped import take_piped

    context = open_context(os.environ, "pipe", lean=True)
    try:
        with contextlib.closing(context.pool):
            return take_piped(context, os.environ, sys.stdin.buffer)
    except Exception as error:
        context.log.exception("pipe.fault", error)
        return 75


def _mend() -> int:
    """An upgrade was killed, and the site is closed until somebody mends it: cron comes first."""
    import os
    import subprocess

    environ = {**os.environ, "POSTERN_HOME": home.find(), "PYTHONPATH": os.path.join(home.program(), "lib")}
    argv = [sys.executable, "-m", "postern", "rollback", "--mend"]
    return subprocess.run(argv, env=environ, stdout=subprocess.DEVNULL, check=False).returncode
