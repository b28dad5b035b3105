-- Digests: a mail now and then that says what became of a user's mail.

ALTER TABLE preferences
    ADD COLUMN digest text NOT NULL DEFAULT 'off' CONSTRAINT preference_digest_is_known CHECK (digest IN (
        'off',      -- none
        'daily',    -- of each day
        'weekly'    -- of each seven days
    )),
    ADD COLUMN digest_from date NOT NULL DEFAULT CAST(now() AT TIME ZONE 'UTC' AS date);
COMMENT ON COLUMN preferences.digest IS 'off, daily or weekly: how often a mail says what became of the mail.';
COMMENT ON COLUMN preferences.digest_from IS 'The first day (UTC) that no digest told of; moved on in the transaction that queues one.';
