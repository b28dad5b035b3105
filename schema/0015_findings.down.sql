DROP TABLE figures;
ALTER TABLE relays DROP COLUMN stopped_until;
DROP TABLE findings;
