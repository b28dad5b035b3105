"""The way in for mail: the webhook, its secrets, the spool."""

from __future__ import annotations

from postern.base import clock
from postern.ops import post
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, judged, ok, unknown
from postern.ops.install import self_check
from postern.ops.install.fetch import fetch
from postern.store import server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

SENDER, NOBODY = "doctor@postern.invalid", "nobody@doctor.postern.invalid"
"""`invalid` never exists (RFC 6761 6.4): no alias can have that address, so nothing is taken in."""
REFUSES_UNSIGNED = (400, 401)
FIREWALLS = (403, 406, 413, 419)
"""What firewalls and their rules in front of a site answer, and our webhook never does to an unsigned post of one byte."""


def _webhook(scene: Scene) -> Check:
    """Unsigned mail gets as far as the check of its signature, and no further."""
    answer = fetch(f"{scene.url}/hooks/inbound", "POST", {"Content-Type": "application/octet-stream"}, b"x")
    if answer.status in REFUSES_UNSIGNED:
        return ok(f"unsigned mail is refused ({answer.status})")
    if answer.status in FIREWALLS:
        told = f"a firewall in front of the site answers {answer.status}"
        return fail(
            told, "docs/web-server.md has the exemption; else: postern cloudflare apply DOMAIN --multipart"
        )
    if answer.status == 202:
        return fail("unsigned mail is taken", "Take the site off the net, and bring back the program.")
    return fail(self_check.unexpected(answer))


def _secret(scene: Scene) -> Check:
    """Each secret of the settings opens the door of the site that runs: signed mail for nobody is refused as such."""
    from postern.mail.envelope import parse_secrets

    secrets = parse_secrets(scene.config.webhook_secrets)
    for number, secret in enumerate(secrets, 1):
        answer = post.post(scene.url, secret, SENDER, NOBODY, b"Subject: doctor\r\n\r\n")
        if answer.status in (400, 401):
            return fail(f"the site refuses what secret {number} of {len(secrets)} signs ({answer.status})")
        if not answer.reject:
            return unknown(f"the site answers {answer.status} to mail for nobody")
    return ok(f"{len(secrets)} secrets of the settings open the door")


def _lately(scene: Scene) -> Check:
    with scene.database() as db:
        seconds = server.newest_mail_seconds(db)
    if seconds is None:
        return unknown("no message is here", "Write to an alias from outside.")
    return ok(f"the newest message that is kept came {seconds // 3600} hours ago")


def _spool(scene: Scene) -> Check:
    spool = scene.context.spool
    waiting, age = len(spool.waiting()), round(clock.now() - spool.oldest())
    late = age > scene.config.health_queue_seconds
    return judged(
        f"{waiting} messages wait in the spool, the oldest for {age} s" if late else "",
        f"{waiting} wait in it",
    )


def _kept(scene: Scene) -> Check:
    many = scene.context.spool.kept_count()
    return judged(f"{many} messages for which no alias was found" if many else "", "none")


CHECKS = (
    Item(
        "inbound.webhook",
        "SH-07",
        CRITICAL,
        "The webhook refuses unsigned mail, and no firewall stands before it",
        "See the web server's error log, and home/logs.",
        "docs/webhook.md",
        _webhook,
        needs=("web.answers",),
        audit=True,
        symptom="The webhook gets no mail: the Worker's log says 403 or 406",
    ),
    Item(
        "inbound.secret",
        "SH-07",
        CRITICAL,
        "The site takes what the secrets of the settings sign",
        "Restart the site (touch tmp/restart.txt). Give the Worker the same secrets: postern cloudflare apply DOMAIN",
        "docs/cloudflare.md",
        _secret,
        needs=("inbound.webhook", "keys.webhook"),
        symptom="The Worker's log says 401",
    ),
    Item(
        "inbound.spool",
        "SH-07",
        CRITICAL,
        "No mail waits in the spool for long",
        "It is taken in when the database is back and the job `deliver` runs: see the groups database and cron.",
        "docs/queue.md",
        _spool,
        needs=("keys.strong",),
        symptom="Mail came in while the database was away, and does not appear",
    ),
    Item(
        "inbound.kept",
        "SH-07",
        IMPORTANT,
        "Nothing lies in spool/kept",
        "Make the alias again and move the file to spool/new, or delete the file.",
        "docs/queue.md",
        _kept,
        needs=("keys.strong",),
    ),
    Item(
        "inbound.lately",
        "SH-07",
        IMPORTANT,
        "Mail came in",
        "Write to an alias from outside, then look at the Worker's log at Cloudflare.",
        "docs/cloudflare.md",
        _lately,
        needs=("database.migrated",),
    ),
    Item(
        "inbound.round-trip",
        "SH-07",
        CRITICAL,
        "Mail from outside reached a mailbox, and its answer left as the alias",
        "Run `postern send-test ALIAS`; then write to the alias from another provider, and answer.",
        "docs/aliases.md",
        question="Did a message from another provider reach the mailbox, and did the answer arrive there as the alias's?",
    ),
)
