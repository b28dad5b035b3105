"""The canary's start: a message to POSTERN_CANARY, straight through the relay, whenever its time has come.

From there it goes as all mail does: to the alias's mail server, the webhook, the queue, and a drain (flow/canary.py).
"""

from __future__ import annotations

import uuid

from postern.base.database import SYSTEM
from postern.flow.canary import SUBJECT
from postern.ops.monitor import tell
from postern.store import canaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context

EVERY_SECONDS = 3600 - 120
"""An hour; cron is not exact."""

_LINES = ("This message of the monitor goes the whole road and ends in the queue, so nobody should read it.",)


def send_when_due(context: Context) -> None:
    """What the relay does not take is on record as well, and missed like one that is lost. DatabaseUnavailable."""
    address = context.config.canary
    if not address:
        return
    uid = uuid.uuid4()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        due = canaries.begin(db, uid, EVERY_SECONDS)
    if due and not tell.mail(context, address, tell.Words(SUBJECT + uid.hex, _LINES, good=True)):
        context.log.warning("canary.not_sent")
