"""The job `digest`: a mail to each user who wants one that says what became of their mail since the last.

A digest and the mark how far it told are one transaction, so it is told once, however many homes there are and whenever one
dies. Days without mail make no digest. It names no sender and no subject: those are sealed, and stay so.
"""

from __future__ import annotations

from datetime import timedelta

from postern.base.database import SYSTEM
from postern.flow import notify, wake
from postern.flow.job_run import Done
from postern.mail.notice import Notice
from postern.store import digests, mailboxes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.store.digests import Busy, Due, Tally

BUSIEST = 5


def work(context: Context, stop: Stop) -> Done:
    """One user after another. NoSender: the days stay untold until there is one."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        due = digests.due(db)
    told = 0
    for one in due:
        if stop.why():
            break
        told += _tell(context, one)
    if told:
        wake.drain(context)
    return Done(told, f"{told} digests are on their way.")


def _tell(context: Context, one: Due) -> bool:
    """True: a digest was queued."""
    with context.pool.connection() as db, db.transaction(one.user_id):
        if not digests.claim(db, one):
            return False
        tally, mailbox = digests.tally(db, one), mailboxes.default(db, one.user_id)
        if mailbox is None or mailbox.paused_at is not None or not any(vars(tally).values()):
            return False
        busiest = digests.busiest(db, one, BUSIEST)
        notify.post(
            context, db, one.user_id, mailbox.id, notice(context.config.url.rstrip("/"), one, tally, busiest)
        )
    return True


def notice(site: str, one: Due, tally: Tally, busiest: list[Busy]) -> Notice:
    """What its user reads. `site`: its URL."""
    names = ", ".join(f"{alias.address} ({alias.forwarded:,})" for alias in busiest)
    lines = (
        (tally.replied, "sent as replies from your aliases."),
        (tally.blocked, "refused, because the alias is off or the sender blocked."),
        (tally.held, "held in quarantine."),
        (tally.failed, "not delivered, or came back."),
    )
    others = [f"{many:,} {'was' if many == 1 else 'were'} {words}" for many, words in lines if many]
    often = "every day" if one.digest == "daily" else "every week"
    return Notice(
        f"Your mail {_days(one)}",
        (
            f"{_messages(tally.forwarded)} forwarded to you.",
            *([f"Most came to {names}."] if names else []),
            *others,
        ),
        button=_button(site, tally),
        small_print=f"You chose to get this {often}. Days are those of UTC. To change it: {site}/settings",
    )


def _messages(many: int) -> str:
    return "One message was" if many == 1 else f"{many:,} messages were" if many else "No message was"


def _button(site: str, tally: Tally) -> tuple[str, str]:
    """Where there is something to do, else where everything stands."""
    if tally.held:
        return ("Look at your quarantine", f"{site}/quarantine")
    if tally.failed:
        return ("See what failed", f"{site}/failed")
    return ("See your activity", f"{site}/activity")


def _days(one: Due) -> str:
    last = one.until - timedelta(days=1)
    return f"on {_words(last)}" if one.since >= last else f"from {_words(one.since)} to {_words(last)}"


def _words(day: date) -> str:
    return f"{day.day} {day:%B}"
