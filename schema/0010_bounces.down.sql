ALTER TABLE mailboxes DROP COLUMN resumed_at;
