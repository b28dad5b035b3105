"""The canary's end: a drain takes it out of the queue, notes how long it took, and does not bother the mailbox with it.

Only a message that is on record as sent by the monitor (ops/monitor/canary.py) ends so. Whatever else comes to that alias is
mail like any other, so a setting that names the wrong alias loses nothing.
"""

from __future__ import annotations

import re
import uuid

from postern.base.database import SYSTEM
from postern.mail.address import normalise
from postern.relay.outcome import SENT, Outcome
from postern.store import canaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.deliveries import Claimed

SUBJECT = "Canary "
"""Then its uid in hex. A subject passes where relays write a Message-ID of their own."""

ENDED = Outcome(SENT, "body", 250, "", "The canary is back; it was not handed to the relay again.")

_SUBJECT = re.compile(rb"^Subject:[ \t]*Canary ([0-9a-f]{32})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def may_end(context: Context, claimed: Claimed) -> bool:
    """Whether this delivery comes from the canary's alias."""
    own = context.config.canary
    return bool(own) and claimed.kind == "forward" and claimed.alias == normalise(own)


def ends(context: Context, block: bytes) -> bool:
    """Whether what came to its alias is a canary that came back, which is then on record. `block`: the header."""
    found = _SUBJECT.search(block)
    if found is None:
        return False
    with context.pool.connection() as db, db.transaction(SYSTEM):
        return canaries.arrived(db, uuid.UUID(found[1].decode()))
