-- The way back and what is held: replies to contacts, Postern's own notices, the quarantine, and what is counted.

ALTER TABLE messages
    ALTER COLUMN alias_id DROP NOT NULL,
    ADD COLUMN kind text NOT NULL DEFAULT 'forward' CONSTRAINT message_kind_is_known CHECK (kind IN (
        'forward',   -- a stranger wrote to an alias
        'reply',     -- a user wrote to a reverse address
        'notice'     -- Postern wrote to a user
    )),
    ADD COLUMN held_why text CONSTRAINT message_held_why_is_known CHECK (held_why IN (
        'dmarc',     -- DMARC says that its From is forged
        'paused'     -- no mailbox of the alias takes mail at present
    )),
    ADD COLUMN verdict text NOT NULL DEFAULT '' CONSTRAINT message_verdict_is_known CHECK (verdict IN ('', 'pass', 'fail', 'none')),
    ADD COLUMN summary_sealed bytea,
    ADD CONSTRAINT message_names_its_alias CHECK (alias_id IS NOT NULL OR kind = 'notice');
COMMENT ON COLUMN messages.kind IS 'forward, reply or notice: which way it goes.';
COMMENT ON COLUMN messages.held_why IS 'dmarc or paused: why it was held when it came; empty for most.';
COMMENT ON COLUMN messages.verdict IS 'What DMARC said at receipt: pass, fail, none; empty where nothing trustworthy was stamped.';
COMMENT ON COLUMN messages.summary_sealed IS 'JSON for the pages (from, name, subject), sealed at place messages.summary:uid; deleted with the MIME.';

ALTER TABLE deliveries
    ALTER COLUMN mailbox_id DROP NOT NULL,
    ADD COLUMN contact_id bigint,
    ADD COLUMN urgent boolean NOT NULL DEFAULT false,
    ADD COLUMN bounced_status text,
    ADD COLUMN bounced_sealed bytea,
    ADD CONSTRAINT delivery_contact_is_of_same_user FOREIGN KEY (user_id, contact_id)
        REFERENCES contacts (user_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT delivery_once_per_contact UNIQUE (message_id, contact_id),
    ADD CONSTRAINT delivery_has_one_recipient CHECK ((mailbox_id IS NULL) <> (contact_id IS NULL)),
    DROP CONSTRAINT delivery_state_is_known,
    ADD CONSTRAINT delivery_state_is_known CHECK (state IN (
        'queued',   -- due, waiting for its next try, or leased by a drain
        'held',     -- in quarantine: waits for its user
        'sent',     -- the relay took it
        'failed',   -- refused for good, or too old
        'dropped'   -- given up by hand, or held too long
    ));
CREATE INDEX deliveries_due_of_user ON deliveries (user_id, due_at) WHERE state = 'queued';
CREATE INDEX deliveries_urgent ON deliveries (due_at) WHERE state = 'queued' AND urgent;
CREATE INDEX deliveries_held ON deliveries (user_id, created_at) WHERE state = 'held';
CREATE INDEX deliveries_failed_of_user ON deliveries (user_id, finished_at) WHERE state = 'failed';
CREATE INDEX deliveries_bounced ON deliveries (mailbox_id, bounced_at) WHERE bounced_at IS NOT NULL;
CREATE INDEX deliveries_of_contact ON deliveries (contact_id) WHERE contact_id IS NOT NULL;
COMMENT ON COLUMN deliveries.state IS 'queued, held, sent, failed or dropped (docs/queue.md).';
COMMENT ON COLUMN deliveries.contact_id IS 'Of a reply: to whom it goes. Then mailbox_id is empty.';
COMMENT ON COLUMN deliveries.urgent IS 'Somebody waits for it before a page: it goes before all others.';
COMMENT ON COLUMN deliveries.bounced_status IS 'The status that the bounce gave (RFC 3463), such as 5.1.1; empty where it gave none.';
COMMENT ON COLUMN deliveries.bounced_sealed IS 'What the bounce said, sealed at place deliveries.bounced:uid.';

CREATE TABLE thread_ids (
    alias_id        bigint NOT NULL,
    original_index  bytea NOT NULL,
    user_id         bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    ours            text,
    original_sealed bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alias_id, original_index),
    CONSTRAINT thread_id_once UNIQUE (ours),
    CONSTRAINT thread_id_is_whole CHECK ((ours IS NULL) = (original_sealed IS NULL)),
    CONSTRAINT thread_alias_is_of_same_user FOREIGN KEY (user_id, alias_id) REFERENCES aliases (user_id, id) ON DELETE CASCADE
);
CREATE INDEX thread_ids_by_age ON thread_ids (created_at);
COMMENT ON TABLE thread_ids IS 'Message ids that contacts of an alias know. Those of replies name the user''s mail server, so contacts get one of ours, and answers are led back to the original.';
COMMENT ON COLUMN thread_ids.original_index IS 'Keyed hash of the original, purpose thread.';
COMMENT ON COLUMN thread_ids.ours IS 'What the contact saw, with its angle brackets; random, one for each alias, so that it ties no two together. Empty: the contact made the id itself.';
COMMENT ON COLUMN thread_ids.original_sealed IS 'The original, sealed at place thread_ids.original:ours.';

CREATE TABLE alias_days (
    alias_id  bigint NOT NULL,
    day       date NOT NULL,
    user_id   bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    forwarded integer NOT NULL DEFAULT 0,
    blocked   integer NOT NULL DEFAULT 0,
    replied   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (alias_id, day),
    CONSTRAINT alias_day_is_of_same_user FOREIGN KEY (user_id, alias_id) REFERENCES aliases (user_id, id) ON DELETE CASCADE
);
CREATE INDEX alias_days_of_user ON alias_days (user_id, day);
COMMENT ON TABLE alias_days IS 'Messages of an alias a day (UTC), for the plots.';
COMMENT ON COLUMN alias_days.forwarded IS 'As in aliases, of this day.';
COMMENT ON COLUMN alias_days.blocked IS 'The same.';
COMMENT ON COLUMN alias_days.replied IS 'The same.';

CREATE TABLE user_days (
    user_id  bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    day      date NOT NULL,
    messages integer NOT NULL DEFAULT 0,
    bytes    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, day)
);
COMMENT ON TABLE user_days IS 'What a user''s aliases took in and sent a day (UTC), for the quotas.';
COMMENT ON COLUMN user_days.messages IS 'Received and replied.';
COMMENT ON COLUMN user_days.bytes IS 'Their bytes of MIME.';

ALTER TABLE events
    DROP CONSTRAINT event_kind_is_known,
    ADD CONSTRAINT event_kind_is_known CHECK (kind IN (
        'received',   -- a message was stored: nothing -> queued
        'replied',    -- a reply was stored: nothing -> queued
        'held',       -- a message was stored in quarantine: nothing -> held
        'released',   -- let out of quarantine by hand: held -> queued
        'sent',       -- the relay took it: queued -> sent
        'failed',     -- refused for good, or too old: queued -> failed
        'retried',    -- put back by hand: failed -> queued
        'dropped',    -- given up by hand or held too long: queued, held or failed -> dropped
        'bounced',    -- a bounce came back for a sent delivery
        'oversize',   -- a message was refused for its size: the notice for its user
        'blocked',    -- a message was refused: the alias is off, or its contact is blocked
        'refused',    -- mail to a reverse address was refused: it was not proven to come from the mailbox
        'paused'      -- a mailbox was paused: too much bounced
    )),
    ADD COLUMN contact_id bigint;
CREATE INDEX events_of_alias ON events (alias_id, id) WHERE alias_id IS NOT NULL;
COMMENT ON COLUMN events.kind IS 'What happened: the move that it records (docs/queue.md), or why there was none.';
COMMENT ON COLUMN events.contact_id IS 'The contact concerned. No foreign key: history outlives what it is about.';

-- message_chunks has no row level security (0002). What a tenant may not do with them, a stray statement cannot do either;
-- a cascade comes through a trigger of its own and is let through.
CREATE FUNCTION guard_message_chunks() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'message_chunks are changed by the program only';
    END IF;
    RETURN OLD;
END
$guard$;
CREATE TRIGGER message_chunks_guard BEFORE UPDATE OR DELETE ON message_chunks FOR EACH ROW
    WHEN (coalesce(nullif(current_setting('postern.user_id', true), ''), '0') <> '0')
    EXECUTE PROCEDURE guard_message_chunks();
COMMENT ON FUNCTION guard_message_chunks() IS 'In a tenant''s name nobody deletes sealed MIME but a cascade.';

ALTER TABLE thread_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE thread_ids FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON thread_ids
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE alias_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE alias_days FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON alias_days
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE user_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_days FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON user_days
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');
