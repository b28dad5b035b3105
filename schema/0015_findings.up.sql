-- What the monitor found, whom it told, and figures for plots.

CREATE TABLE findings (
    name          text NOT NULL,
    home          text NOT NULL,
    ok            boolean NOT NULL,
    detail        text NOT NULL,
    seen_at       timestamptz NOT NULL,
    bad           boolean NOT NULL DEFAULT false,
    since         timestamptz NOT NULL,
    streak        integer NOT NULL,
    pending       boolean NOT NULL DEFAULT false,
    told_at       timestamptz,
    claimed_until timestamptz,
    PRIMARY KEY (name, home)
);
COMMENT ON TABLE findings IS 'What the monitor looks at: how it was at the last look, and the state that it stands for. One row a check and home.';
COMMENT ON COLUMN findings.home IS 'As in jobs; empty for what all homes share.';
COMMENT ON COLUMN findings.ok IS 'At the last look.';
COMMENT ON COLUMN findings.detail IS 'For people; no address, no secret.';
COMMENT ON COLUMN findings.bad IS 'The state. It changes when so many looks in a row say the opposite.';
COMMENT ON COLUMN findings.since IS 'When the state last changed.';
COMMENT ON COLUMN findings.streak IS 'Looks in a row that say the opposite of the state.';
COMMENT ON COLUMN findings.pending IS 'The state changed, and nobody was told yet.';
COMMENT ON COLUMN findings.told_at IS 'When somebody was last told.';
COMMENT ON COLUMN findings.claimed_until IS 'Until then a monitor is at telling it; no other one tries.';

ALTER TABLE relays ADD COLUMN stopped_until timestamptz;
COMMENT ON COLUMN relays.stopped_until IS 'The operator stopped delivery until then.';

CREATE TABLE figures (
    name  text NOT NULL,
    at    timestamptz NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (name, at)
);
COMMENT ON TABLE figures IS 'Figures of each hour, for the plots of the last 30 days.';
COMMENT ON COLUMN figures.name IS 'received, sent, failed, bounced: events of that hour. waiting, oldest, database: as it was then.';
COMMENT ON COLUMN figures.at IS 'Start of the hour.';
COMMENT ON COLUMN figures.value IS 'A count; oldest: seconds; database: bytes.';
