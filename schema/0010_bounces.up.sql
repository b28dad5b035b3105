-- What comes back, counted fairly: a mailbox that was resumed starts anew.

ALTER TABLE mailboxes ADD COLUMN resumed_at timestamptz;
COMMENT ON COLUMN mailboxes.resumed_at IS 'When its user last had it forwarded to again after a pause: what was sent before and comes back no longer counts against it.';
