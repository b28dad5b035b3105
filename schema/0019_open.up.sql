-- What is still to be done is found without looking at what is done: rows leave these indexes when they are finished.

CREATE INDEX messages_kept ON messages (id) WHERE cleared_at IS NULL;
COMMENT ON INDEX messages_kept IS 'Messages whose MIME is kept.';
CREATE INDEX deliveries_not_sent ON deliveries (id) WHERE state <> 'sent';
COMMENT ON INDEX deliveries_not_sent IS 'What the operator looks at: queued, held, failed, dropped.';
