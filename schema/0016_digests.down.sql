ALTER TABLE preferences DROP COLUMN digest_from;
ALTER TABLE preferences DROP COLUMN digest;
