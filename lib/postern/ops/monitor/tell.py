"""Telling the operator: by mail through the relay, and by a POST where that does not work or no address is known.

The mail goes straight to the relay, not through the queue: what is told may be that the queue stands still. It is not booked on
the relay's budget. The POST is what Slack and Mattermost take, or ntfy, or plain JSON (POSTERN_ALERT_FORMAT).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.flow import notify, outlet
from postern.mail import notice
from postern.mail.notice import Notice
from postern.ops.monitor import post
from postern.relay.outcome import SENT
from postern.store import mailboxes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.relay.smtp import Relay


@dataclass(frozen=True)
class Words:
    """What is told. `good`: nothing of it is bad any more."""

    subject: str
    lines: tuple[str, ...]
    good: bool


def tell(context: Context, words: Words) -> bool:
    """By the first way that works. False: nobody could be told."""
    told = any(mail(context, address, words) for address in recipients(context)) or _post(context, words)
    if not told:
        context.log.error("alert.untold", subject=words.subject)
    return told


def recipients(context: Context) -> list[str]:
    """POSTERN_ALERT_MAIL, else the mailboxes of the admins; nobody while the database is away."""
    if context.config.alert_mail:
        return [context.config.alert_mail]
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            return [box.address(context.ring) for box in mailboxes.of_admins(db)]
    except PosternError:
        return []


def _sender(context: Context) -> str:
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            return notify.sender(context, db)
    except PosternError:
        host = outlet.host_name(context.config)
        return context.config.notices_from or f"postern@{host}"


def mail(context: Context, address: str, words: Words) -> bool:
    """Straight through the relay. False: it did not take it, and the log says why."""
    sender = _sender(context)
    content = notice.compose(
        Notice(words.subject, words.lines, small_print=f"From the monitor of {context.config.url}"),
        sender,
        address,
        f"<{uuid.uuid4().hex}@{sender.rpartition('@')[2]}>".encode(),
        datetime.fromtimestamp(clock.now(), timezone.utc),
    )
    return any(_send(context, one.relay, sender, address, content) for one in outlet.outlets(context))


def _send(context: Context, relay: Relay, sender: str, address: str, content: bytes) -> bool:
    """Whether this relay took it."""
    try:
        with relay:
            outcome = relay.send(sender, address, [content], len(content), eight_bit=False)
    except PosternError as error:
        context.log.warning("alert.mail_failed", reason=error.reason)
        return False
    if outcome.kind != SENT:
        context.log.warning("alert.mail_failed", stage=outcome.stage, code=outcome.code, said=outcome.said)
    return outcome.kind == SENT


def _post(context: Context, words: Words) -> bool:
    config = context.config
    if not config.alert_url:
        return False
    text = "\n".join(words.lines)
    try:
        if config.alert_format == "ntfy":
            headers = {"Title": words.subject, "Priority": "default" if words.good else "high"}
            post.send(config.alert_url, text.encode(), "text/plain; charset=utf-8", headers)
        elif config.alert_format == "json":
            post.send_json(
                config.alert_url, {"subject": words.subject, "lines": list(words.lines), "good": words.good}
            )
        else:
            post.send_json(config.alert_url, {"text": f"*{words.subject}*\n{text}"})
    except post.NotTaken as error:
        context.log.warning("alert.post_failed", reason=error.reason)
        return False
    return True


def beat(context: Context) -> None:
    """Tell the outside monitor (a dead man's switch) that all is well."""
    if not context.config.heartbeat_url:
        return
    try:
        post.get(context.config.heartbeat_url)
    except post.NotTaken as error:
        context.log.warning("heartbeat.failed", reason=error.reason)
