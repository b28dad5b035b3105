"""The web server step: .htaccess for this site, and the proof that the server heeds it.

`AllowOverride None` makes a server ignore .htaccess without a word. So a canary is laid beside it, a file with random
content that the rules forbid, and asked for: while it is served, nothing else of the installation is done.
"""

from __future__ import annotations

import os
import re

from postern.ops.install import answers, htaccess, marked, passenger
from postern.ops.install.fetch import NoAnswer, fetch
from postern.ops.install.htaccess import Site
from postern.ops.install.installation import Installation, Step, StepFailed, write_file


class Exposed(StepFailed):
    """The web server serves what .htaccess forbids. EX_CONFIG."""

    exit_code = 78


def mode(site: Installation) -> str:
    """cgi or passenger: as asked for, else as found."""
    if not site.door:
        asked = site.answers.get(answers.DOOR)
        if asked not in ("", "cgi", "passenger"):
            raise StepFailed(
                f"{answers.DOOR}={asked} is neither cgi nor passenger.", "Correct it, or leave it out."
            )
        site.door = asked or ("passenger" if panel(site) else "cgi")
    return site.door


def panel(site: Installation) -> str:
    """passenger.kind, asked once: a question to cPanel takes a second."""
    if site.panel is None:
        site.panel = passenger.kind(site.top, site.home)
    return site.panel


def _rules(site: Installation) -> Site:
    return Site(site.answers.get("POSTERN_URL"), mode(site), site.answers.get("POSTERN_HSTS") or "day")


def _plan(site: Installation) -> str:
    if not site.answers.get("POSTERN_URL"):
        return "write .htaccess"
    is_there = htaccess.body(_rules(site)).strip() in _text(site)
    return "" if is_there else f"write .htaccess for {mode(site)}"


def _text(site: Installation) -> str:
    try:
        with open(site.path(htaccess.NAME), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def others_lines(site: Installation) -> str:
    """What to try where lines that are not ours may be to blame; empty when there are none."""
    if not marked.take_out(_text(site)).strip():
        return ""
    return f"Lines outside our marks in {site.path(htaccess.NAME)} count as well: try without them."


def _do(site: Installation) -> str:
    changed = htaccess.write(site.top, _rules(site))
    said = f"{'written' if changed else 'as it must be'} ({mode(site)})"
    try:
        heeded = _look_for_canary(site)
    except NoAnswer as error:
        return f"{said}; not proved yet: {error.reason}"
    return f"{said}; {heeded}"


def _look_for_canary(site: Installation) -> str:
    for name in os.listdir(site.top):
        if re.fullmatch(r"canary-[0-9a-f]{8}\.txt", name):  # left by a run that was killed
            os.unlink(site.path(name))
    word = os.urandom(16).hex()
    name = f"canary-{word[:8]}.txt"
    write_file(site.path(name), word, 0o644)
    try:
        answer = fetch(f"{site.answers.get('POSTERN_URL').rstrip('/')}/{name}")
    finally:
        os.unlink(site.path(name))
    if word.encode() in answer.body:
        raise Exposed(
            "The web server ignores .htaccess: it served a file that is forbidden there.",
            "Ask the host to set `AllowOverride All` for this folder (docs/web-server.md names the least that is needed); "
            f"until then anybody could read the program's files. {others_lines(site)}".rstrip(),
        )
    # Before the packages are there, the door answers 500: in the words of our rules.
    if answer.status in (403, 404) or b"on our side" in answer.body:
        return "the server heeds it"
    return f"what is forbidden gets status {answer.status}"


def _undo(site: Installation) -> str:
    htaccess.write(site.top, Site("", "closed", "off"))
    return ".htaccess now forbids everything"


WEB_SERVER = Step("Web server rules", _plan, _do, _undo)
