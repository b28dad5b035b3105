-- A challenge is vouched for by a tag in itself, so that a page that is only looked at writes nothing.

COMMENT ON TABLE passkey_challenges IS 'Challenges that were answered, kept until they are too old to be answered again.';
COMMENT ON COLUMN passkey_challenges.user_id IS 'Who added a passkey; empty: somebody signed in.';
