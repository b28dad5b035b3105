-- Programs before this know neither replies nor notices: what waits of them would be lost, so it goes out first. ERRCODE: ours
-- (base/database.py). An uninstallation gives up everything, and says so (store/migrations.py).
LOCK TABLE messages, deliveries IN ACCESS EXCLUSIVE MODE;
DO $check$
DECLARE
    waiting bigint;
BEGIN
    SELECT count(*) INTO waiting FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE m.kind <> 'forward' AND d.state = 'queued';
    IF waiting > 0 AND coalesce(current_setting('postern.give_up', true), '') <> 'on' THEN
        RAISE EXCEPTION 'Replies or notices wait in the queue (%), and programs before this do not know them.', waiting
            USING ERRCODE = 'PD001',
                  HINT = 'Let them go out (postern queue run), or give them up (postern queue drop ID), then try again.';
    END IF;
END
$check$;

DROP TRIGGER message_chunks_guard ON message_chunks;
DROP FUNCTION guard_message_chunks();

DELETE FROM events WHERE kind NOT IN ('received', 'sent', 'failed', 'retried', 'dropped', 'bounced', 'oversize');
DROP INDEX events_of_alias;
ALTER TABLE events
    DROP COLUMN contact_id,
    DROP CONSTRAINT event_kind_is_known,
    ADD CONSTRAINT event_kind_is_known CHECK (kind IN (
        'received', 'sent', 'failed', 'retried', 'dropped', 'bounced', 'oversize'));
COMMENT ON COLUMN events.kind IS 'received, sent, failed, retried, dropped, bounced or oversize: the move that it records (docs/queue.md).';

DROP TABLE user_days;
DROP TABLE alias_days;
DROP TABLE thread_ids;

-- Programs before this forward to mailboxes only: what is held goes out rather than getting lost; replies and notices that are
-- done with, or failed, go.
UPDATE deliveries SET state = 'queued' WHERE state = 'held';
DELETE FROM messages WHERE kind <> 'forward';
DROP INDEX deliveries_of_contact;
DROP INDEX deliveries_bounced;
DROP INDEX deliveries_failed_of_user;
DROP INDEX deliveries_held;
DROP INDEX deliveries_urgent;
DROP INDEX deliveries_due_of_user;
ALTER TABLE deliveries
    DROP CONSTRAINT delivery_state_is_known,
    ADD CONSTRAINT delivery_state_is_known CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
    DROP CONSTRAINT delivery_has_one_recipient,
    DROP CONSTRAINT delivery_once_per_contact,
    DROP CONSTRAINT delivery_contact_is_of_same_user,
    DROP COLUMN bounced_sealed,
    DROP COLUMN bounced_status,
    DROP COLUMN urgent,
    DROP COLUMN contact_id,
    ALTER COLUMN mailbox_id SET NOT NULL;
COMMENT ON COLUMN deliveries.state IS 'queued, sent, failed or dropped (docs/queue.md).';
ALTER TABLE messages
    DROP CONSTRAINT message_names_its_alias,
    DROP COLUMN summary_sealed,
    DROP COLUMN verdict,
    DROP COLUMN held_why,
    DROP COLUMN kind,
    ALTER COLUMN alias_id SET NOT NULL;
