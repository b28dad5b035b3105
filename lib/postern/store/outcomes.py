"""What was sent, written down: of many deliveries in one statement, for a drain asks for it after every message.

What else becomes of a delivery is in store/deliveries.py, one statement a move.
"""

from __future__ import annotations

import uuid

from postern.store import deliveries, events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.deliveries import Claimed, Said


# What `moved` changes is not seen by the statement's other reads of deliveries: these still find it queued.
_SENT = """
WITH told AS (
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:leases AS uuid[]), CAST(:codes AS integer[]), CAST(:stages AS text[]),
        CAST(:saids AS bytea[]), CAST(:event_uids AS uuid[]), CAST(:notes AS bytea[])
    ) AS t (id, lease, code, stage, said, event_uid, note)
), moved AS (
    UPDATE deliveries q
    SET state = 'sent', lease = NULL, finished_at = now(), said_code = t.code, said_stage = t.stage, said_sealed = t.said
    FROM told t WHERE q.id = t.id AND q.lease = t.lease AND q.state = 'queued'
    RETURNING q.id, q.user_id, q.message_id, q.contact_id, t.event_uid, t.note
), noted AS (
    INSERT INTO events (uid, user_id, kind, alias_id, message_id, delivery_id, contact_id, note_sealed)
    SELECT n.event_uid, n.user_id, 'sent', m.alias_id, m.id, n.id, n.contact_id, n.note
    FROM moved n JOIN messages m ON m.id = n.message_id WHERE m.kind <> 'notice'
), cleared AS (
    UPDATE messages m SET cleared_at = now(), summary_sealed = NULL
    FROM (SELECT DISTINCT message_id FROM moved) n
    WHERE m.id = n.message_id AND m.cleared_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.message_id = m.id AND d.state IN ('queued', 'held', 'failed')
            AND d.id NOT IN (SELECT id FROM moved))
    RETURNING m.id
), emptied AS (
    DELETE FROM message_chunks c USING cleared WHERE c.message_id = cleared.id
)
SELECT id FROM moved
"""


def sent(
    db: Database, ring: KeyRing, done: Sequence[tuple[Claimed, Said]], *, is_last: bool = False
) -> set[int]:
    """queued -> sent, each with its event, and MIME that nobody needs any more deleted; ids of those that were still leased.

    `is_last`: nothing follows in this transaction, so its end travels along.
    """
    rows = [deliveries.outcome(ring, claimed, said) for claimed, said in done]
    uids = [uuid.uuid4() for _ in done]
    notes = [
        events.seal_note(ring, uid, {"code": said.code, "said": said.words})
        for uid, (_, said) in zip(uids, done)
    ]
    found = (db.run_last if is_last else db.run)(
        _SENT,
        ids=[row["id"] for row in rows],
        leases=[str(row["lease"]) for row in rows],
        codes=[row["code"] for row in rows],
        stages=[row["stage"] for row in rows],
        saids=[row["said"] for row in rows],
        event_uids=[str(uid) for uid in uids],
        notes=notes,
    )
    return {int(row[0]) for row in found}
