ALTER TABLE deliveries DROP COLUMN bounce_named;
ALTER TABLE mailboxes DROP COLUMN resumed_at;
