"""Import: what was spooled while the database was away goes into the queue.

The same transaction as at receipt, without sealing anew: the sealed stream is bound to the message's own id, which
travels in the note. Nothing is refused any more, for its sender was told that we have it: what would be is noted as an event
and discarded, and what nobody takes is set aside for the operator.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import partial

from postern.base import clock, database
from postern.base.database import SYSTEM
from postern.base.errors import Busy, SealBroken
from postern.base.stream import open_stream, read_sealed_file
from postern.flow import bounce, intake
from postern.flow.receive import note_place
from postern.flow.recipient import Bounce, Refused, resolve
from postern.flow.seal import Head, Letter
from postern.mail import header
from postern.store import messages, webhook_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.spool import SpooledFile
    from postern.base.stop import Stop
    from postern.flow.context import Context

SWEEP_SECONDS = 86400
"""Nothing takes a day to be written: older files in spool/tmp were left by a killed receipt."""


@dataclass(frozen=True)
class Imported:
    """What became of the files in spool/new."""

    queued: int = 0
    kept: int = 0


def import_all(context: Context, stop: Stop | None = None) -> Imported:
    """Import every file in spool/new, oldest first, until it should stop. DatabaseUnavailable ends it; the files stay."""
    spool = context.spool
    spool.sweep(clock.now() - SWEEP_SECONDS)
    queued = kept = 0
    for name in spool.waiting():
        if stop and stop.why():
            break
        log = context.log.with_fields(webhook_id=name)
        try:
            file = spool.read(name)
            done = database.retrying(partial(_import_one, context, file))
        except Refused as error:
            log.error("import.kept", reason=error.reason)
            spool.set_aside(name)
            kept += 1
            continue
        except (SealBroken, Busy) as error:
            # Its key may come back, and tomorrow more aliases may make themselves: it waits, /health says so, the others go on.
            log.error("import.waits", reason=error.reason, remedy=error.remedy)
            continue
        spool.remove(name)
        log.info("import." + done)
        queued += done == "stored"
    return Imported(queued, kept)


def _import_one(context: Context, file: SpooledFile) -> str:
    with file.open() as stream:
        stream_header, chunks = read_sealed_file(stream)
        letter = _letter(context, file, stream_header)
        found = _take_in(context, letter, chunks)
        if not isinstance(found, Bounce):
            return found
        plain = open_stream(context.ring, messages.body_place(letter.uid), stream_header, chunks)
        block, rest = header.split(plain)
        bounce.note(context, found, header.parse(block), rest)
        return "bounce"


def _letter(context: Context, file: SpooledFile, stream_header: bytes) -> Letter:
    """As it was spooled. An older program wrote no `head`: then nothing is known of who wrote it."""
    note = json.loads(context.ring.open(file.note, note_place(file.name)))
    note.update(
        uid=uuid.UUID(note["uid"]),
        fingerprint=bytes.fromhex(note["fingerprint"]),
        stream_header=stream_header,
        head=Head(**note.get("head", {})),
    )
    return Letter(**note)


def _take_in(context: Context, letter: Letter, chunks: Iterable[bytes]) -> str | Bounce:
    """In one transaction, unless it is a bounce: that one is left to the caller, with its chunks unread."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        is_new = webhook_ids.remember(db, letter.webhook_id)
        if messages.exists(db, letter.uid):
            return "known"
        taker = resolve(db, context.ring, letter.rcpt_to)
        if isinstance(taker, Bounce):
            return taker
        return intake.take_in(context, db, letter, chunks, taker, spooled=True, is_new=is_new).receipt
