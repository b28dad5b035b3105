"""The web server step: .htaccess for this site, and the proof that the server heeds it.

`AllowOverride None` makes a server ignore .htaccess without a word. So a canary is laid beside it, a file with random
content that the rules forbid, and asked for: while it is served, nothing else of the installation is done.
"""

from __future__ import annotations

import os

from postern.ops.install import answers, htaccess, passenger
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
        site.door = asked or ("passenger" if passenger.kind(site.top, site.home) else "cgi")
    return site.door


def _rules(site: Installation) -> Site:
    return Site(site.answers.get("POSTERN_URL"), mode(site), site.answers.get("POSTERN_HSTS") or "day")


def _plan(site: Installation) -> str:
    if not site.answers.get("POSTERN_URL"):
        return "write .htaccess"
    try:
        with open(site.path(".htaccess"), encoding="utf-8") as file:
            text = file.read()
    except OSError:
        text = ""
    return "" if htaccess.body(_rules(site)).strip() in text else f"write .htaccess for {mode(site)}"


def _do(site: Installation) -> str:
    changed = htaccess.write(site.top, _rules(site))
    said = f"{'written' if changed else 'as it must be'} ({mode(site)})"
    try:
        _look_for_canary(site)
    except NoAnswer as error:
        return f"{said}; not proved yet: {error.reason}"
    return f"{said}; the server heeds it"


def _look_for_canary(site: Installation) -> None:
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
            "until then anybody could read the program's files.",
        )


def _undo(site: Installation) -> str:
    htaccess.write(site.top, Site("", "closed", "off"))
    return ".htaccess now forbids everything"


WEB_SERVER = Step("Web server rules", _plan, _do, _undo)
