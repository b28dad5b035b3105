"""Admission: what a message is answered before a byte of its body is read, by its signed envelope alone."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import Busy
from postern.flow import policy
from postern.flow.recipient import Bounce, Refused, resolve
from postern.mail import envelope
from postern.store import events, quotas, webhook_ids
from postern.store.targets import Fly, Reverse, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.errors import PosternError
    from postern.flow.context import Context
    from postern.flow.recipient import Taker
    from postern.mail.envelope import Verified


def admit(context: Context, verified: Verified) -> Taker | Bounce:
    """Is it new, who takes it, and is there room for it? Refused, Busy, or Unsigned for a replay."""
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            if webhook_ids.seen(db, verified.id):
                raise replayed()
            found = resolve(db, context.ring, verified.envelope.rcpt_to)
            if not isinstance(found, Target) or found.enabled:
                _check_room(context, db, verified, found)
                return found
        with db.transaction(SYSTEM):
            if webhook_ids.remember(db, verified.id):
                policy.record(db, context.ring, verified.envelope.mail_from, found, policy.ALIAS_OFF)
    raise Refused(policy.ALIAS_OFF.smtp)


def _check_room(context: Context, db: Database, verified: Verified, found: Taker | Bounce) -> None:
    """Busy when the user's day is full, or that of a domain whose addresses make themselves."""
    if isinstance(found, Bounce):
        return
    if not quotas.has_room(db, context.config, found.user_id, verified.envelope.size):
        raise over_quota()
    if isinstance(found, Fly) and found.left < 1:
        raise policy.too_many()


def over_quota() -> Busy:
    """The user's day is full."""
    return Busy(
        "Over quota: the messages of this user for today are used up.", "The sender's server tries again."
    )


def replayed() -> envelope.Unsigned:
    """Somebody sent a post a second time."""
    return envelope.Unsigned(
        "This webhook id was answered before.", "A new attempt must have a new webhook-id."
    )


def oversize(context: Context, verified: Verified, taker: Taker | None) -> PosternError:
    """Too large: its user finds a notice, its sender is told. Without a database the sender tries again."""
    if taker is None:
        return Busy("The database is away and the message is too large.", "The sender's server tries again.")
    sent, limit = verified.envelope, context.config.max_message_bytes
    note: dict[str, object] = {"from": sent.mail_from, "size": sent.size, "limit": limit}
    alias_id = None if isinstance(taker, Fly) else taker.alias_id
    contact_id = taker.contact_id if isinstance(taker, Reverse) else None
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if webhook_ids.remember(db, verified.id):
            user_id, kind = taker.user_id, "oversize"
            events.add(db, context.ring, user_id, kind, alias_id=alias_id, contact_id=contact_id, note=note)
    return Refused(f"5.3.4 message larger than {limit} bytes")
