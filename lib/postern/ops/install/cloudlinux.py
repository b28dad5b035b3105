"""CloudLinux's "Setup Python App", through its own program: the app of a folder made, changed and taken out.

Its answers are JSON, with `result` "success" or a complaint; `get` lists versions, their users, and the users' apps by folder.
Not here: the block that it writes into .htaccess, which is never touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

from postern.ops.install.installation import StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK = "# DO NOT REMOVE. CLOUDLINUX PASSENGER CONFIGURATION BEGIN"
PROGRAM = "cloudlinux-selector"
SECONDS = 300
"""Creating an app makes a virtual environment."""

STARTUP = {"startup_file": "passenger_wsgi.py", "entry_point": "application"}
"""As `get` names them; the options have - for _."""


def available(top: str) -> bool:
    """Whether this folder's .htaccess has CloudLinux's block, or the account may make apps."""
    return _has_block(top) or _is_enabled()


def plan(top: str, root: str, domain: str) -> str:
    """What register() would do; empty when nothing. `root` is `top` as a path below the account's folder."""
    return _plan(top, root, domain)[0]


def register(top: str, root: str, domain: str) -> bool:
    """Make the app of this folder, or change it; False when it was so."""
    said, commands = _plan(top, root, domain)
    for command, options in commands:
        _change(top, command, "--app-root", root, *options)
    return bool(said)


def unregister(top: str, root: str) -> bool:
    """Take the app out; False when there is none."""
    if not _find(root)[1]:
        return False
    _change(top, "destroy", "--app-root", root)
    return True


def _has_block(top: str) -> bool:
    try:
        with open(os.path.join(top, ".htaccess"), encoding="utf-8", errors="replace") as file:
            return any(line.startswith(BLOCK) for line in file)
    except OSError:
        return False


def _is_enabled() -> bool:
    """The program may be there, and the feature switched off by the host."""
    try:
        return bool(_call("get").get("selector_enabled"))
    except StepFailed:
        return False


def _plan(top: str, root: str, domain: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """In words, and the commands with their options."""
    if _has_block(top) and not _is_enabled():
        # Made in the panel, where this account has no such program.
        return "", []
    version, there, wanted = _find(root)
    if not wanted:
        raise StepFailed(
            "CloudLinux offers this account no version of Python.",
            "Ask the host to enable one in its Python Selector, or answer POSTERN_INSTALL_DOOR=cgi.",
        )
    options = [word for key, value in STARTUP.items() for word in ("--" + key.replace("_", "-"), value)]
    if not there:
        said = f"create {root} for {domain} with Python {wanted} in CloudLinux's Python Selector"
        return said, [("create", ["--domain", domain, "--app-uri", "/", "--version", wanted, *options])]
    is_so = {**there, "version": version, "app_uri": str(there.get("app_uri", "")).strip("/")}
    should = {"domain": domain, "app_uri": "", "version": wanted, **STARTUP}
    wrong = [key for key, value in should.items() if is_so.get(key) != value]
    commands = []
    if wrong:
        where = ["--new-domain", domain, "--new-app-uri", "/"]
        where += ["--new-version", wanted] if "version" in wrong else []
        commands.append(("set", [*where, *options]))
    if there.get("app_status") == "stopped":
        wrong.append("app_status")
        commands.append(("start", []))
    return (
        f"change {' and '.join(wrong)} of {root} in CloudLinux's Python Selector" if wrong else "",
        commands,
    )


def _find(root: str) -> tuple[str, dict[str, Any], str]:
    """Version and entry of the app in this folder, and the version that it should have; empty where there is none."""
    version, there, offered = "", {}, []
    for name, details in (_call("get").get("available_versions") or {}).items():
        if details.get("status") == "enabled":
            offered.append(name)
        for user in (details.get("users") or {}).values():
            entry = (user.get("applications") or {}).get(root)
            if entry is not None:
                version, there = name, entry
    ours = [name for name in offered if _numbers(name)[:2] == list(sys.version_info[:2])]
    # Where ours is not offered any other will do: passenger_wsgi.py hands over to ours.
    others = [version] if version else offered
    return version, there, max(ours or others, key=_numbers, default="")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _change(top: str, command: str, *options: str) -> None:
    """A call that may put a sample app where the startup file is: ours comes back."""
    path = os.path.join(top, STARTUP["startup_file"])
    with open(path, "rb") as file:
        text = file.read()
    try:
        _call(command, *options)
    finally:
        with open(path, "r+b") as file:
            if file.read() != text:
                file.seek(0)
                file.write(text)
                file.truncate()


def _call(command: str, *options: str) -> dict[str, Any]:
    """One call. Its answer may hold the settings of other apps, so nothing of it is shown but its complaint."""
    # A cron job has no sbin on its PATH.
    argv = [
        shutil.which(PROGRAM) or f"/usr/sbin/{PROGRAM}",
        command,
        "--json",
        "--interpreter",
        "python",
        *options,
    ]
    answer: dict[str, Any] = {}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
        said = str(answer.get("result"))
    except (OSError, ValueError, AttributeError, subprocess.TimeoutExpired) as error:
        said = f"no answer ({type(error).__name__})"
    if said != "success":
        raise StepFailed(
            f"`{PROGRAM} {command}` failed: {said}",
            'Do it in the panel under "Setup Python App" as docs/passenger.md says, then run install.sh again.',
        )
    return answer
