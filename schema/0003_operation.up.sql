-- What the program knows about its own running: the relay and its budget, and when each job last ran.

CREATE TABLE relays (
    name         text PRIMARY KEY,
    paused_until timestamptz,
    ok_at        timestamptz,
    trouble_at   timestamptz,
    trouble      text
);
COMMENT ON TABLE relays IS 'The relay as last seen.';
COMMENT ON COLUMN relays.name IS 'host:port of the relay.';
COMMENT ON COLUMN relays.paused_until IS 'No delivery is claimed for it before: it said that our account is limited or refused.';
COMMENT ON COLUMN relays.ok_at IS 'When it last took a message.';
COMMENT ON COLUMN relays.trouble_at IS 'When it last could not be used; newer than ok_at means: still in trouble.';
COMMENT ON COLUMN relays.trouble IS 'What was wrong and what to do, without addresses or secrets.';

CREATE TABLE relay_usage (
    relay text NOT NULL REFERENCES relays ON DELETE CASCADE,
    slot  timestamptz NOT NULL,
    sent  integer NOT NULL,
    PRIMARY KEY (relay, slot)
);
COMMENT ON TABLE relay_usage IS 'How many deliveries were booked on the relay, in slots of ten minutes: the budget per hour and day.';
COMMENT ON COLUMN relay_usage.sent IS 'Deliveries booked in it, less those given back; a slot may be negative.';
COMMENT ON COLUMN relay_usage.slot IS 'Start of the ten minutes.';

CREATE TABLE jobs (
    job        text NOT NULL,
    home       text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    ok         boolean,
    items      integer NOT NULL DEFAULT 0,
    error      text,
    PRIMARY KEY (job, home)
);
COMMENT ON TABLE jobs IS 'The last run of each job on each home.';
COMMENT ON COLUMN jobs.job IS 'drain or prune.';
COMMENT ON COLUMN jobs.home IS 'Short hash of host name and home folder: one row a host.';
COMMENT ON COLUMN jobs.ok IS 'Empty while it runs, or when it died.';
COMMENT ON COLUMN jobs.items IS 'Drain: deliveries sent. Prune: rows deleted.';
