COMMENT ON TABLE passkey_challenges IS 'Challenges that were given out and not answered yet; an answer uses its row up.';
COMMENT ON COLUMN passkey_challenges.user_id IS 'Who adds a passkey; empty: somebody signs in.';
