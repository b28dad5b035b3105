"""The doors' files: the first line of the CGI, the commands in the home, byte code, and static files with fingerprints."""

from __future__ import annotations

import os
import shlex
import sys

from postern.ops import byte_code
from postern.ops.install import static
from postern.ops.install.installation import Installation, Step, StepFailed, write_file

LONGEST_LINE = 127
"""Bytes of an interpreter line: Linux before 5.1 cuts it there (execve(2))."""

SHIPPED_LINE = "#!/usr/bin/env python3"


def python() -> str:
    """The interpreter that runs the doors: no virtual environment's link, for the doors add their two paths themselves."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def _line() -> str:
    """-I: nothing of the visitor's or the account's environment; -S: no search through site-packages (12 ms)."""
    line = f"#!{python()} -IS"
    if len(os.fsencode(line)) > LONGEST_LINE or " " in python():
        raise StepFailed(
            f"{python()} cannot stand in a script's first line (it is too long, or has a blank).",
            "Make a short link to it, and name that: POSTERN_PYTHON=/short/path sh install.sh",
        )
    return line


def _plan(site: Installation) -> str:
    wrong = [] if _door_text(site) == _with_line(_door_text(site), _line()) else ["cgi-bin/postern.cgi"]
    wrong += [path for path in _commands(site) if not os.path.exists(path)]
    return f"write {' and '.join(wrong)}, byte code and static copies" if wrong else ""


def _do(site: Installation) -> str:
    door = site.path("cgi-bin", "postern.cgi")
    write_file(door, _with_line(_door_text(site), _line()), 0o755)
    for path, text in _commands(site).items():
        write_file(path, text, 0o700)
    for folder in ("lib", "cron"):
        # A file that does not compile would show at its first request, so it stops here.
        if not byte_code.compile_folder(site.path(folder)):
            raise StepFailed(
                f"Not every file in {site.path(folder)} can be compiled by {python()}.",
                "Upload the program anew: a file was cut off, or the disk is full.",
            )
    static.publish(site.top)
    return f"run by {python()}"


def _undo(site: Installation) -> str:
    door = site.path("cgi-bin", "postern.cgi")
    write_file(door, _with_line(_door_text(site), SHIPPED_LINE), 0o755)
    for path in filter(os.path.exists, _commands(site)):
        os.unlink(path)
    return "the CGI has its first line back, the commands are gone"


def _door_text(site: Installation) -> str:
    try:
        with open(site.path("cgi-bin", "postern.cgi"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        raise StepFailed("cgi-bin/postern.cgi cannot be read.", "Upload the program anew.") from None


def _with_line(text: str, line: str) -> str:
    return line + "\n" + text.partition("\n")[2]


def _commands(site: Installation) -> dict[str, str]:
    """Path -> text: what people type, and what the host's mail server starts (docs/pipe.md)."""
    quoted = {name: shlex.quote(value) for name, value in (("home", site.home), ("lib", site.path("lib")))}
    made = "#!/bin/sh\n# Made by install.sh.\n"
    pipe = f"{shlex.quote(python())} -IS {shlex.quote(site.path('cron', 'pipe.py'))}"
    return {
        os.path.join(site.home, "bin", "postern"): (
            f"{made}exec env POSTERN_HOME={quoted['home']} PYTHONPATH={quoted['lib']} "
            f'{shlex.quote(python())} -m postern "$@"\n'
        ),
        # A program that cannot be started, or was killed, has refused nothing: the mail server tries again (75).
        os.path.join(site.home, "bin", "pipe"): (
            f"{made}exec >/dev/null 2>&1\nPOSTERN_HOME={quoted['home']} {pipe}\n"
            "code=$?\ncase $code in 0|65|67|69|77) exit $code ;; esac\nexit 75\n"
        ),
    }


DOORS = Step("Doors, byte code, static files", _plan, _do, _undo)
