-- Relays slow down when asked to, and learn their limits.

ALTER TABLE relays ADD COLUMN slow_level smallint;
ALTER TABLE relays ADD COLUMN slowed_at timestamptz;
ALTER TABLE relays ADD COLUMN rest_until timestamptz;
ALTER TABLE relays ADD COLUMN hour_learnt integer;
ALTER TABLE relays ADD COLUMN hour_learnt_at timestamptz;
ALTER TABLE relays ADD COLUMN day_learnt integer;
ALTER TABLE relays ADD COLUMN day_learnt_at timestamptz;
COMMENT ON COLUMN relays.slow_level IS 'How often it asked to go slower; it falls by one each ten minutes after slowed_at.';
COMMENT ON COLUMN relays.slowed_at IS 'When it last asked to go slower.';
COMMENT ON COLUMN relays.rest_until IS 'Nothing is claimed for it before: it goes slowly.';
COMMENT ON COLUMN relays.hour_learnt IS 'What it took in an hour before it said that this is its limit; believed for three days.';
COMMENT ON COLUMN relays.hour_learnt_at IS 'When that was.';
COMMENT ON COLUMN relays.day_learnt IS 'The same of a day.';
COMMENT ON COLUMN relays.day_learnt_at IS 'When that was.';
