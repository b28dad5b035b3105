"""The site, as a stranger meets it: asked for over HTTP, at POSTERN_URL."""

from __future__ import annotations

import json
import os
import stat

from postern.base import gate, home
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, judged, ok, warn
from postern.ops.install import self_check
from postern.ops.install.fetch import fetch
from postern.store import findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene
    from postern.ops.install.fetch import Answer

HEADERS = {
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "",
}
"""Header in lower case -> what it must hold."""


def front(scene: Scene) -> Answer:
    """The front page. NoAnswer."""
    return scene.once("front", lambda: fetch(f"{scene.url}/", headers={"Accept": "text/html"}))


def _health(scene: Scene) -> Answer:
    return scene.once("health", lambda: fetch(f"{scene.url}/health"))


def _answers(scene: Scene) -> Check:
    answer = front(scene)
    if answer.status == 200 and b"Postern" in answer.body:
        return ok("the front page comes")
    return fail(self_check.unexpected(answer), "See the web server's error log and home/logs.")


def _json(answer: Answer) -> dict[str, object]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _release(scene: Scene) -> Check:
    served = _json(_health(scene)).get("release")
    if served is None:
        return fail("/health does not say which program runs")
    if served != gate.running():
        return fail(
            "the site runs another program than this command line", "Restart it: touch tmp/restart.txt"
        )
    return ok("the site runs this program")


def _healthy(scene: Scene) -> Check:
    checks = _json(_health(scene)).get("checks")
    if not isinstance(checks, list):
        return fail(self_check.unexpected(_health(scene)))
    wrong = [f"{one['name']} {one['detail']}" for one in checks if one["status"] != "ok"]
    return judged("; ".join(wrong), f"{len(checks)} things, all well")


def _headers(scene: Scene) -> Check:
    have = front(scene).headers
    missing = [name for name, part in HEADERS.items() if part not in have.get(name, "\0")]
    return judged(f"without {', '.join(missing)}" if missing else "", "all of them")


def _closed(scene: Scene) -> Check:
    """Nothing of the program, and no settings, can be fetched."""
    shown = []
    for name in self_check.FORBIDDEN:
        answer = fetch(f"{scene.url}/{name}")
        if answer.status == 200 or self_check.first_line(os.path.join(home.program(), name)) in answer.body:
            shown.append(name)
    return judged(
        f"anybody can read {', '.join(shown)}" if shown else "", "none of the program's files is shown"
    )


def _modes(_: Scene) -> Check:
    """Who may write a file of the program runs his own code as us; suexec refuses to run such a CGI at all."""
    wrong = []
    for folder in ("", "cgi-bin", "lib", "lib/postern", "cron"):
        path = os.path.join(home.program(), folder)
        for entry in [path, *(os.path.join(path, name) for name in os.listdir(path))]:
            found = os.lstat(entry)
            if not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o002:
                wrong.append(os.path.relpath(entry, home.program()))
    return judged(
        f"anybody may write {', '.join(wrong[:5])}" if wrong else "", "nobody else may write the program"
    )


def _interrupted(scene: Scene) -> Check:
    found = gate.Gate(scene.home)
    if found.interrupted():
        return fail("an upgrade was broken off; the gate is shut")
    return warn("an upgrade is at work") if found.closed() else ok("the gate is open")


def _heartbeat(scene: Scene) -> Check:
    told = scene.config.heartbeat_url
    return ok("a heartbeat is sent") if told else warn("POSTERN_HEARTBEAT_URL is empty")


def _told(scene: Scene) -> Check:
    """Whether an alert has somewhere to go."""
    from postern.ops.monitor import tell

    many = len(tell.recipients(scene.context))
    ways = [f"{many} mailboxes"] if many else []
    ways += ["a webhook"] if scene.config.alert_url else []
    if len(ways) < 2 and not many:
        return fail("alerts reach nobody") if not ways else ok(ways[0])
    return (
        ok(" and ".join(ways))
        if len(ways) > 1
        else warn("by mail only: that the relay is down reaches nobody")
    )


def _found(scene: Scene) -> Check:
    with scene.database() as db:
        bad = [f"{one.name}: {one.detail}" for one in findings.all_findings(db) if one.bad]
    return judged("; ".join(bad), "it finds nothing that is bad")


CHECKS = (
    Item(
        "web.gate",
        "SH-28",
        CRITICAL,
        "No upgrade was broken off",
        "Run: postern rollback --mend",
        "docs/upgrade.md",
        _interrupted,
        needs=("env.settings",),
    ),
    Item(
        "web.answers",
        "SH-03",
        CRITICAL,
        "The front page comes over POSTERN_URL",
        "Is the name in the DNS, and does it lead to this account's document root? Then run: sh install.sh",
        "docs/web-server.md",
        _answers,
        needs=("env.settings",),
        symptom="The site does not answer, or shows an error of the web server",
    ),
    Item(
        "web.release",
        "SH-03",
        IMPORTANT,
        "The site runs the program that lies here",
        "Restart the site: touch tmp/restart.txt, or the panel's button.",
        "docs/passenger.md",
        _release,
        needs=("web.answers",),
    ),
    Item(
        "web.health",
        "SH-21",
        IMPORTANT,
        "/health says that all is well",
        "Mend what it names; the groups below look closer.",
        "docs/queue.md",
        _healthy,
        needs=("web.answers",),
        symptom="/health says 503",
    ),
    Item(
        "web.closed",
        "SH-12",
        CRITICAL,
        "No file of the program and no settings can be fetched",
        "The web server does not heed .htaccess: ask the host for AllowOverride All, or see docs/web-server.md.",
        "docs/web-server.md",
        _closed,
        needs=("web.answers",),
        audit=True,
    ),
    Item(
        "web.modes",
        "SH-12",
        CRITICAL,
        "Nobody else may write the program's files",
        "Run: chmod -R o-w in the program's folder",
        "docs/web-server.md",
        _modes,
        audit=True,
        symptom="The site says 500, and the error log speaks of permissions",
    ),
    Item(
        "web.headers",
        "SH-12",
        IMPORTANT,
        "Pages carry the headers that browsers protect them by",
        "Run sh install.sh; where a CDN or a panel takes headers away, switch that off.",
        "docs/web-server.md",
        _headers,
        needs=("web.answers",),
        audit=True,
    ),
    Item(
        "web.alerts",
        "SH-15",
        IMPORTANT,
        "Alerts reach somebody, by two ways",
        "Set POSTERN_ALERT_MAIL and POSTERN_ALERT_URL; then: postern alerts test",
        "docs/operations/monitoring.md",
        _told,
        needs=("keys.strong", "database.migrated"),
    ),
    Item(
        "web.findings",
        "SH-15",
        IMPORTANT,
        "The monitor finds nothing that is bad",
        "See: postern alerts list",
        "docs/operations/monitoring.md",
        _found,
        needs=("database.migrated",),
    ),
    Item(
        "web.heartbeat",
        "SH-15",
        IMPORTANT,
        "Something outside this host misses Postern when it is silent",
        "Make a check at healthchecks.io or the like, and set POSTERN_HEARTBEAT_URL to its address.",
        "docs/operations/monitoring.md",
        _heartbeat,
        needs=("env.settings",),
    ),
    Item(
        "web.watched",
        "SH-15",
        CRITICAL,
        "Somebody is told when the site or the mail stands still",
        "Let UptimeRobot, Pingdom or your own machine ask for /health every five minutes, and mail or call you.",
        "docs/operations/monitoring.md",
        question="Does a monitor outside this host ask for /health at least every five minutes, and did you see its alarm?",
    ),
)
