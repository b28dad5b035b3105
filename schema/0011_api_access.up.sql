-- API keys in use: what made one, how fast it may be used, and whether its user was asked for a password just now.

ALTER TABLE api_keys
    ADD COLUMN made_by bigint,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN sudo_until timestamptz,
    ADD CONSTRAINT api_key_of_its_user UNIQUE (id, user_id),
    ADD CONSTRAINT api_key_made_by_own FOREIGN KEY (made_by, user_id) REFERENCES api_keys (id, user_id) ON DELETE CASCADE;
CREATE INDEX api_keys_by_maker ON api_keys (made_by) WHERE made_by IS NOT NULL;
COMMENT ON COLUMN api_keys.kind IS 'key: a program sends it with each request; password: an app sends it once, and gets a key.';
COMMENT ON COLUMN api_keys.made_by IS 'The app password that this key was given for; it goes with it.';
COMMENT ON COLUMN api_keys.due_at IS 'Up to when its requests are paid for; far ahead of now: it must wait.';
COMMENT ON COLUMN api_keys.sudo_until IS 'Until when it may do what needs the password again.';
