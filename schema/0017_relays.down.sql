ALTER TABLE relays DROP COLUMN day_learnt_at;
ALTER TABLE relays DROP COLUMN day_learnt;
ALTER TABLE relays DROP COLUMN hour_learnt_at;
ALTER TABLE relays DROP COLUMN hour_learnt;
ALTER TABLE relays DROP COLUMN rest_until;
ALTER TABLE relays DROP COLUMN slowed_at;
ALTER TABLE relays DROP COLUMN slow_level;
