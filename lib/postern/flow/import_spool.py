"""Import: what was spooled while the database was away goes into the queue.

The same transaction as at receipt, without sealing anew: the sealed stream is bound to the message's own id, which
travels in the note.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import SealBroken
from postern.base.stream import read_sealed_file
from postern.flow.receive import Letter, note_place, store
from postern.flow.recipient import Bounce, Refused, resolve
from postern.store import messages, webhook_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.spool import SpooledFile
    from postern.flow.context import Context

SWEEP_SECONDS = 86400
"""Nothing takes a day to be written: older files in spool/tmp were left by a killed receipt."""


@dataclass(frozen=True)
class Imported:
    """What became of the files in spool/new."""

    queued: int = 0
    kept: int = 0


def import_all(context: Context) -> Imported:
    """Import every file in spool/new, oldest first. DatabaseUnavailable ends it; the files stay."""
    spool = context.spool
    spool.sweep(clock.now() - SWEEP_SECONDS)
    queued = kept = 0
    for name in spool.waiting():
        log = context.log.with_fields(webhook_id=name)
        try:
            done = _import_one(context, spool.read(name))
        except Refused as error:
            log.error("import.kept", reason=error.reason)
            spool.set_aside(name)
            kept += 1
            continue
        except SealBroken as error:
            # Its key may come back: it waits, /health says so, and the others go on.
            log.error("import.waits", reason=error.reason, remedy=error.remedy)
            continue
        spool.remove(name)
        log.info("import." + done)
        queued += done == "queued"
    return Imported(queued, kept)


def _import_one(context: Context, file: SpooledFile) -> str:
    note = json.loads(context.ring.open(file.note, note_place(file.name)))
    with file.open() as stream, context.pool.connection() as db, db.transaction(SYSTEM):
        stream_header, chunks = read_sealed_file(stream)
        note.update(
            uid=uuid.UUID(note["uid"]),
            fingerprint=bytes.fromhex(note["fingerprint"]),
            stream_header=stream_header,
        )
        letter = Letter(**note)
        webhook_ids.remember(db, letter.webhook_id)
        if messages.exists(db, letter.uid):
            return "known"
        target = resolve(db, context.ring, letter.rcpt_to)
        if isinstance(target, Bounce):
            return "bounce"
        return "queued" if store(db, context.ring, letter, chunks, target) else "duplicate"
