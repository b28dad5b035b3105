"""What the security audit sees at the running site, and the questions that only a person can answer before go-live."""

from __future__ import annotations

from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, unknown
from postern.ops.install.fetch import fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ELSEWHERE = {**FORM, "Origin": "https://elsewhere.invalid", "Sec-Fetch-Site": "cross-site"}


def _cross_site(scene: Scene) -> Check:
    """A form of another site must not get in (CSRF)."""
    answer = fetch(f"{scene.url}/sign-in", "POST", ELSEWHERE, b"address=doctor%40postern.invalid")
    if answer.status in (400, 403):
        return ok(f"a form of another site is refused ({answer.status})")
    return fail(f"a form of another site gets status {answer.status}")


def _signed_out(scene: Scene) -> Check:
    """Without a session no page of a user, an admin or the APIs shows anything."""
    shown = [
        path
        for path in ("/aliases", "/settings", "/admin", "/api/aliases", "/api/v1/aliases")
        if fetch(f"{scene.url}{path}").status == 200
    ]
    return judged(
        f"shown to strangers: {', '.join(shown)}" if shown else "", "nothing is shown without a sign-in"
    )


def _errors(scene: Scene) -> Check:
    """What goes wrong says nothing about the program."""
    bodies = [fetch(f"{scene.url}{path}").body for path in ("/no-such-page", "/%ff", "/aliases?page=%27")]
    leaks = any(b"Traceback" in body or b"/lib/postern/" in body for body in bodies)
    return judged("an error page shows the inside of the program" if leaks else "", "error pages say little")


def _told(scene: Scene) -> Check:
    names = [
        name
        for name in ("server", "x-powered-by")
        if "/" in fetch(f"{scene.url}/health").headers.get(name, "")
    ]
    return unknown(f"{', '.join(names)} tells a version") if names else ok("no header tells a version")


def _ask(name: str, ticket: str, severity: str, what: str, question: str, remedy: str, guide: str) -> Item:
    return Item(f"security.{name}", ticket, severity, what, remedy, guide, question=question, audit=True)


CHECKS = (
    Item(
        "security.cross-site",
        "SH-29",
        CRITICAL,
        "Forms of other sites are refused",
        "Something in front of the site takes Origin away: a proxy, or the host's cache.",
        "docs/SECURITY.md",
        _cross_site,
        needs=("web.answers",),
        audit=True,
    ),
    Item(
        "security.signed-out",
        "SH-29",
        CRITICAL,
        "Strangers see no page of a user",
        "A cache in front of the site keeps pages: switch it off for this name.",
        "docs/SECURITY.md",
        _signed_out,
        needs=("web.answers",),
        audit=True,
    ),
    Item(
        "security.errors",
        "SH-29",
        IMPORTANT,
        "Error pages show nothing of the program",
        "Let the host switch debug output off.",
        "docs/SECURITY.md",
        _errors,
        needs=("web.answers",),
        audit=True,
    ),
    Item(
        "security.versions",
        "SH-29",
        ADVICE,
        "No header tells the version of a server",
        "Ask the host for ServerTokens Prod; nothing depends on it.",
        "docs/SECURITY.md",
        _told,
        needs=("web.answers",),
        audit=True,
    ),
    _ask(
        "two-factor",
        "SH-29",
        CRITICAL,
        "The accounts that everything hangs on are well kept",
        "Do the accounts at the host, the registrar, Cloudflare and the relay have a long password and a second factor?",
        "Switch the second factor on. Who has one of these accounts has the mail.",
        "docs/SECURITY.md",
    ),
    _ask(
        "least-rights",
        "SH-29",
        IMPORTANT,
        "Tokens may do only what they are for",
        "Is the Cloudflare token limited to this zone, and the relay's login to sending?",
        "Make new ones with fewer rights; docs/cloudflare.md lists what is needed.",
        "docs/cloudflare.md",
    ),
    _ask(
        "host",
        "SH-29",
        IMPORTANT,
        "Neighbours on the host cannot look in",
        "Does the host keep accounts apart (CloudLinux with CageFS, or the like), and did you ask?",
        "Ask. On a host without it, anybody there may see your processes and try your files.",
        "docs/SECURITY.md",
    ),
    _ask(
        "reviewed",
        "SH-29",
        CRITICAL,
        "The threat model was read",
        "Did you read docs/SECURITY.md, and do you accept what it says is not protected?",
        "Read it.",
        "docs/SECURITY.md",
    ),
    _ask(
        "contact",
        "SH-30",
        IMPORTANT,
        "Users know whom to ask",
        "Is there an address where users and finders of faults reach you that does not depend on this host?",
        "Publish one: on the invitation, and as /.well-known/security.txt.",
        "docs/SECURITY.md",
    ),
    _ask(
        "runbook",
        "SH-30",
        IMPORTANT,
        "Somebody else could help",
        "Does a second person know where the recovery sheet, the backups and docs/TROUBLESHOOTING.md are?",
        "Tell one.",
        "docs/TROUBLESHOOTING.md",
    ),
    _ask(
        "law",
        "SH-30",
        ADVICE,
        "What the law asks of you is done",
        "If you take in others' mail: did you say what is stored, for how long, and who sees it?",
        "docs/your-data.md says what is stored; put it in your own words.",
        "docs/your-data.md",
    ),
)
