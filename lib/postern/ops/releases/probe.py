"""Whether the right program answers, and well: /health asked over HTTP, and of the CGI door run as a process of ours.

Its JSON names the release (base/gate.py), so an old process that still answers is told from the new program. Some hosts do not
reach their own address; then the door alone is asked. What was wrong before an upgrade is no reason to undo it.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WEATHER = frozenset({"queue", "drain", "relay", "disk", "spool"})
"""Checks that tell of the moment, not of the program. Whether their questions can be asked at all shows in `database`."""

TRIES = 20
PAUSE_SECONDS = 1
"""Passenger looks for tmp/restart.txt every ten seconds."""

DOOR_SECONDS = 60


@dataclass(frozen=True)
class Look:
    """What was seen. `release` empty: no answer of Postern's /health; `said`: what came instead."""

    release: str
    failing: frozenset[str]
    said: str


def by_http(url: str) -> Look:
    """As the world sees it."""
    from postern.ops.install.fetch import NoAnswer, fetch

    try:
        answer = fetch(f"{url.rstrip('/')}/health")
    except NoAnswer as error:
        return Look("", frozenset(), error.reason)
    return _read(answer.body, f"{url} answers with status {answer.status}")


def by_door(top: str, home: str, environ: Mapping[str, str], files: tuple[int, ...] = ()) -> Look:
    """As Apache runs the CGI. `files`: of a gate that is shut (base/gate.py)."""
    door = os.path.join(top, "cgi-bin", "postern.cgi")
    asked = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "PATH": environ.get("PATH", os.defpath),
        "PATH_INFO": "/health",
        "POSTERN_HOME": home,
        "QUERY_STRING": "",
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/health",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    try:
        done = subprocess.run(
            [door],
            env=asked,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DOOR_SECONDS,
            pass_fds=files,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Look("", frozenset(), f"cgi-bin/postern.cgi does not run ({error})")
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    body = done.stdout.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    return _read(body, f"cgi-bin/postern.cgi ended with {done.returncode} {said}".rstrip())


def _read(body: bytes, otherwise: str) -> Look:
    try:
        told = json.loads(body)
        failing = {
            str(check["name"]): str(check["detail"]) for check in told["checks"] if check["status"] != "ok"
        }
        said = "; ".join(f"{name}: {detail}" for name, detail in failing.items())
        return Look(str(told["release"]), frozenset(failing), said)
    except (ValueError, KeyError, TypeError):
        return Look("", frozenset(), otherwise)


def wrong(before: Look, now: Look, release: str, *, answers_only: bool = False) -> str:
    """Why this is not well; empty when it is, or when nothing could be seen before either."""
    if not before.release:
        return ""
    if now.release != release:
        return now.said if not now.release else "another program than the new one answers"
    fresh = now.failing - before.failing - WEATHER
    return now.said if fresh and not answers_only else ""


def patiently(look: Callable[[], Look], before: Look, release: str, *, answers_only: bool = False) -> str:
    """wrong(), once a process that lives on had the time to be started anew."""
    if not before.release:
        return ""
    now = look()
    for _ in range(TRIES):
        if now.release == release:
            break
        time.sleep(PAUSE_SECONDS)
        now = look()
    return wrong(before, now, release, answers_only=answers_only)
