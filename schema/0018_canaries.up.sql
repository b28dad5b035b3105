-- Canaries: messages of the monitor to an alias of its own, to see that the whole road is open.

CREATE TABLE canaries (
    uid        uuid PRIMARY KEY,
    sent_at    timestamptz NOT NULL DEFAULT now(),
    arrived_at timestamptz
);
COMMENT ON TABLE canaries IS 'Messages that the monitor sent to POSTERN_CANARY through the relay, and when the drain had them back.';
COMMENT ON COLUMN canaries.uid IS 'Stands in the subject; who knows it has seen the mail.';
COMMENT ON COLUMN canaries.sent_at IS 'Just before it was handed to the relay, which may have refused it.';
COMMENT ON COLUMN canaries.arrived_at IS 'When a drain took it out of the queue. Empty: it did not come back.';
