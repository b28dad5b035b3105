"""What becomes of a message that somebody takes: forwarded, sent on as a reply, held, refused or discarded, and why.

A decision is a value; flow/intake.py acts on it. Everything is asked in the transaction that stores the message, so that
nothing changes between the question and the act. Whoever writes to a reverse address and is not its user learns nothing from
the answer: to him each refusal is NOT_YOURS.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import Busy
from postern.flow.recipient import TAKES_NONE, taking
from postern.store import aliases, blocked_senders, contacts, counts, events, mailboxes, quotas, targets
from postern.store.targets import Reverse, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.flow.recipient import Direct
    from postern.flow.seal import Letter
    from postern.store.targets import Fly

DELIVER, HELD, REFUSED, DISCARDED = "deliver", "held", "refused", "discarded"

NOT_YOURS = "5.7.1 this address takes mail from its owner only"
REFUSALS_AN_HOUR = 20
"""Events about refused replies of one alias: a flood is not told in full."""


@dataclass(frozen=True)
class Decision:
    """`why`: of HELD dmarc or paused (schema/0006), else words for the user; `smtp`: what the sender's server is told."""

    action: str
    why: str = ""
    smtp: str = ""


MAY_WRITE = Decision(DELIVER)
ALIAS_OFF = Decision(REFUSED, "the alias is off", TAKES_NONE)
CONTACT_BLOCKED = Decision(REFUSED, "the contact is blocked", "5.7.1 this address takes no mail from you")
SENDER_BLOCKED = Decision(REFUSED, "its sender is on your blocklist", CONTACT_BLOCKED.smtp)
ROBOT = Decision(DISCARDED, "a robot wrote it, and such mail is not answered")
STRANGER = Decision(REFUSED, "its From is none of your confirmed mailboxes", NOT_YOURS)
NOT_PROVEN = Decision(REFUSED, "nothing proves that it comes from your mailbox", NOT_YOURS)
REPLY_OFF = Decision(REFUSED, "the alias is off, turn it on to write from it", "5.7.1 this alias is off")
REPLY_BLOCKED = Decision(
    REFUSED, "you have blocked this contact, unblock it to write to it", "5.7.1 this contact is blocked"
)


def decide(db: Database, ring: KeyRing, letter: Letter, taker: Target | Reverse) -> Decision:
    """What becomes of it."""
    if isinstance(taker, Reverse):
        return _reply(db, ring, letter, taker)
    if not taker.enabled:
        return ALIAS_OFF
    contact = contacts.with_address(db, ring, taker.alias_id, letter.head.author)
    if contact is not None and contact.blocked_at is not None:
        return CONTACT_BLOCKED
    if taker.blocks and blocked_senders.holds(db, ring, taker.user_id, letter.head.author):
        return SENDER_BLOCKED
    if letter.head.verdict == "fail" and taker.dmarc_fail == "quarantine":
        return Decision(HELD, "dmarc")
    return Decision(DELIVER) if taker.mailboxes else Decision(HELD, "paused")


def _reply(db: Database, ring: KeyRing, letter: Letter, reverse: Reverse) -> Decision:
    decision = may_write(db, ring, letter, reverse.user_id, reverse.enabled)
    return REPLY_BLOCKED if decision == MAY_WRITE and reverse.blocked else decision


def may_write(db: Database, ring: KeyRing, letter: Letter, user_id: int, enabled: bool) -> Decision:
    """Whether it may leave as an alias of this user, which is on or not: MAY_WRITE, or why not."""
    if letter.head.automatic:
        return ROBOT
    if not is_own(db, ring, letter, user_id):
        return STRANGER
    if not letter.head.authentic:
        return NOT_PROVEN
    return MAY_WRITE if enabled else REPLY_OFF


def is_own(db: Database, ring: KeyRing, letter: Letter, user_id: int) -> bool:
    """Whether it says that it comes from a confirmed mailbox of this user."""
    mailbox = mailboxes.find(db, ring, user_id, letter.head.author)
    return mailbox is not None and mailbox.verified_at is not None


def record(
    db: Database, ring: KeyRing, sender: str, taker: Target | Reverse | Direct, decision: Decision
) -> None:
    """Count and tell what was refused or discarded. `sender`: who it claims to be from."""
    note: dict[str, object] = {"from": sender, "why": decision.why}
    alias_id = taker.alias_id
    if decision is SENDER_BLOCKED:
        blocked_senders.note(db, ring, taker.user_id, sender)
    if isinstance(taker, Target):
        counts.blocked(db, alias_id)  # locks the alias: of two at once the second sees the first one's event
        if not events.happened_lately(db, alias_id, "blocked"):
            events.add(db, ring, taker.user_id, "blocked", alias_id=alias_id, note=note)
    elif counts.events_lately(db, alias_id, "refused") < REFUSALS_AN_HOUR:
        contact_id = taker.contact_id
        events.add(db, ring, taker.user_id, "refused", alias_id=alias_id, contact_id=contact_id, note=note)


def make_on_the_fly(context: Context, db: Database, fly: Fly) -> Target:
    """The alias that makes itself with its first mail; of several at once one makes it, and the others find it.

    Busy when the day's or the user's aliases are used up. Refused when it is no longer to be had.
    """
    try:
        quotas.check(db, context.config, fly.user_id, "aliases")
    except quotas.OverQuota:
        made = False
    else:
        made = targets.make(db, fly)
    if made:
        if not targets.count_fly(db, fly.domain_id):
            raise too_many()
        _forward_to_default(db, fly)
    target = targets.resolve(db, fly.local, fly.domain)
    if target is None:
        raise too_many()
    return taking(target)


def _forward_to_default(db: Database, fly: Fly) -> None:
    alias = aliases.find(db, fly.local, fly.domain)
    assert alias is not None
    for mailbox_id in (*fly.mailboxes, *fly.paused):
        aliases.forward_to(db, alias, mailbox_id)


def too_many() -> Busy:
    """No more aliases make themselves for now."""
    return Busy("No more aliases make themselves at this domain for now.", "The sender's server tries again.")
