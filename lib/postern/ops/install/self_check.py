"""The last step: the site looked at from outside, as a stranger and as the Worker see it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass

from postern.base.errors import PosternError
from postern.ops.install.fetch import Answer, NoAnswer, fetch
from postern.ops.install.installation import Installation, Step, StepFailed
from postern.ops.install.web_server import mode, others_lines

FORBIDDEN = (".env", ".postern-home", "lib/postern/doors.py", "schema/0001_accounts.up.sql", "cron/deliver.py", "install.sh",
             "env.example", "requirements.txt", ".git/config", ".htaccess", "cgi-bin/../lib/postern/doors.py")  # fmt: skip
"""Asked for from outside: none may show a byte."""

TRIES = 15
PAUSE_SECONDS = 1
"""Passenger looks for tmp/restart.txt every ten seconds."""


class SelfCheckFailed(StepFailed):
    """The site does not answer as it must."""


@dataclass(frozen=True)
class Look:
    """One thing that was looked at; `wrong` empty: it is well."""

    name: str
    wrong: str = ""


def _do(site: Installation) -> str:
    url = site.config().url.rstrip("/")
    if mode(site) == "passenger":
        _until_it_runs(url)
    looks = [
        _page(url),
        _health(url),
        _webhook(url),
        *_files(site, url),
        _static(url),
        _plain_http(url),
    ]
    wrong = [f"{look.name}: {look.wrong}" for look in looks if look.wrong]
    if wrong:
        raise SelfCheckFailed(
            "The site answers, but not as it must:\n" + "\n".join(f"    - {line}" for line in wrong),
            f"The logs are in {site.home}/logs and in the web server's error log; docs/install.md has the usual causes. "
            f"{others_lines(site)}".rstrip(),
        )
    return f"{len(looks)} things looked at, all well"


def _until_it_runs(url: str) -> None:
    """Passenger takes a few seconds to see the new program."""
    pause = threading.Event()
    for _ in range(TRIES - 1):
        if fetch(f"{url}/health").headers.get("x-request-id"):
            return
        pause.wait(PAUSE_SECONDS)


def _page(url: str) -> Look:
    answer = fetch(f"{url}/", headers={"Accept": "text/html"})
    if answer.status != 200 or b"Postern" not in answer.body:
        return Look("front page", unexpected(answer))
    missing = [
        name
        for name in ("content-security-policy", "referrer-policy", "x-content-type-options")
        if name not in answer.headers
    ]
    return Look("front page", f"without the headers {', '.join(missing)}" if missing else "")


def unexpected(answer: Answer) -> str:
    """The status of an answer that should have been another, with the usual cause."""
    hint = {
        301: "the web server leads elsewhere; is POSTERN_URL the address that it leads to?",
        302: "the web server leads elsewhere; is POSTERN_URL the address that it leads to?",
        308: "the web server leads elsewhere; is POSTERN_URL the address that it leads to?",
        403: "permissions of the folders, a web firewall, or .htaccess of a folder above",
        404: "the rewrite rules are not heeded, or the address leads to another folder",
        500: "the web server could not run the CGI, or a line of .htaccess here or above; its error log says why",
        502: "Passenger could not start the app; its log says why",
        503: "the app could not reach something; home/logs says what",
    }.get(answer.status, "see the web server's error log")
    return f"status {answer.status} ({hint})"


def _health(url: str) -> Look:
    """The drain has run just before, so every check must be well; the relay has not been used yet."""
    answer = fetch(f"{url}/health")
    try:
        checks = json.loads(answer.body)["checks"]
    except (ValueError, KeyError, TypeError):
        return Look("/health", unexpected(answer))
    return Look("/health", "; ".join(f"{c['name']} {c['detail']}" for c in checks if c["status"] != "ok"))


def _webhook(url: str) -> Look:
    """Unsigned mail must get as far as the check of its signature, and no further."""
    answer = fetch(f"{url}/hooks/inbound", "POST", {"Content-Type": "application/octet-stream"}, b"x")
    if answer.status in (400, 401):
        return Look("webhook")
    hint = (
        "a web firewall refuses mail; docs/web-server.md has the exemption"
        if answer.status in (403, 406)
        else unexpected(answer)
    )
    return Look("webhook", f"unsigned mail got status {answer.status}, not 401: {hint}")


def _files(site: Installation, url: str) -> list[Look]:
    looks = []
    for name in FORBIDDEN:
        answer = fetch(f"{url}/{name}")
        shown = answer.status == 200 or first_line(site.path(name)) in answer.body
        looks.append(Look(name, f"can be read by anybody (status {answer.status})" if shown else ""))
    return looks


def first_line(path: str) -> bytes:
    """What would give a file away; something that no answer holds where there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.readline().strip() or b"\0"
    except OSError:
        return b"\0"


def _static(url: str) -> Look:
    page = fetch(f"{url}/", headers={"Accept": "text/html"}).body.decode("utf-8", "replace")
    found = re.search(r'"(/static/[^"]+\.css)"', page)
    if not found:
        return Look("style sheet", "the front page names none")
    answer = fetch(url + found[1])
    if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/css"):
        return Look("style sheet", unexpected(answer))
    return Look(
        "style sheet",
        "it comes through the program, not from the disk" if "x-request-id" in answer.headers else "",
    )


def _plain_http(url: str) -> Look:
    """Without TLS there must be nothing but the way to it."""
    host = re.fullmatch(r"https://([^/:]+)", url)
    if host is None:
        return Look("redirect to HTTPS")
    try:
        answer = fetch(f"http://{host[1]}/health?x=1")
    except NoAnswer:
        return Look("redirect to HTTPS")
    right = answer.status in (301, 308) and answer.headers.get("location", "").startswith("https://")
    return Look("redirect to HTTPS", "" if right else f"http:// gets status {answer.status}, not a redirect")


def _plan(_: Installation) -> str:
    return "ask the site for its pages, over HTTP"


SELF_CHECK = Step("Self-check over HTTP", _plan, _do)


def is_unreachable(error: PosternError) -> bool:
    """Whether only the way to the site is missing: the name may not be in the DNS yet."""
    return isinstance(error, NoAnswer)
