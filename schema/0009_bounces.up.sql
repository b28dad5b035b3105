-- What comes back, counted fairly: a mailbox that was resumed starts anew, and only who knows its address can count against it.

ALTER TABLE mailboxes ADD COLUMN resumed_at timestamptz;
COMMENT ON COLUMN mailboxes.resumed_at IS 'When its user last had it forwarded to again after a pause: what was sent before and comes back no longer counts against it.';

ALTER TABLE deliveries ADD COLUMN bounce_named boolean;
COMMENT ON COLUMN deliveries.bounce_named IS 'Whether the bounce named the mailbox that the mail went to, which strangers do not know: only such bounces pause it. Empty: nothing came back, or before this was asked.';
