"""Postern's own mails to its users: queued like any other, sealed like any other, sent by the next drain."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from postern.base import clock
from postern.base.errors import ConfigError
from postern.base.stream import StreamSealer
from postern.mail import notice as notices
from postern.store import deliveries, domains, mailboxes, messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.mail.notice import Notice


class NoSender(ConfigError):
    """There is no address that notices could come from."""

    def __init__(self) -> None:
        super().__init__(
            "Postern cannot write to its users: it has no domain to write from.",
            "Add a shared domain (postern domain add NAME), or set POSTERN_NOTICES_FROM.",
        )


def post(
    context: Context, db: Database, user_id: int, mailbox_id: int, notice: Notice, urgent: bool = False
) -> None:
    """Queue it to this mailbox in the transaction that is open; wake the drain after the commit. NoSender."""
    mailbox = mailboxes.by_id(db, mailbox_id)
    if mailbox is None:
        return  # deleted a moment ago: there is nobody to tell
    uid = uuid.uuid4()
    now = clock.now()
    from_address = sender(context, db)
    content = notices.compose(
        notice,
        from_address,
        mailbox.address(context.ring),
        f"<{uid.hex}@{from_address.rpartition('@')[2]}>".encode(),
        datetime.fromtimestamp(now, timezone.utc),
    )
    sealer = StreamSealer(context.ring, messages.body_place(uid))
    chunks = [*sealer.update(content), sealer.finish()]
    message_id = messages.add(
        db,
        context.ring,
        uid=uid,
        user_id=user_id,
        alias_id=None,
        kind="notice",
        received_at=now,
        source="postern",
        size=len(content),
        mail_from=from_address,
        stream_header=sealer.header,
        chunk_count=len(chunks),
    )
    messages.add_chunks(db, message_id, chunks)
    deliveries.add(db, user_id, message_id, [mailbox_id], urgent=urgent)


def tell(context: Context, db: Database, user_id: int, mailbox_id: int, notice: Notice) -> bool:
    """The same for news beside what is really recorded: without a sender that goes on, and the log says what is missing."""
    try:
        post(context, db, user_id, mailbox_id, notice)
    except NoSender as error:
        context.log.error("notice.no_sender", reason=str(error))
        return False
    return True


def sender(context: Context, db: Database) -> str:
    """Whom notices come from: POSTERN_NOTICES_FROM, or postern@ the first shared domain. NoSender when there is neither."""
    if context.config.notices_from:
        return context.config.notices_from
    shared = domains.first_shared(db)
    if shared is None:
        raise NoSender
    return f"postern@{shared}"
