ALTER TABLE api_keys
    DROP CONSTRAINT api_key_made_by_own,
    DROP CONSTRAINT api_key_of_its_user,
    DROP COLUMN made_by,
    DROP COLUMN due_at,
    DROP COLUMN sudo_until;
COMMENT ON COLUMN api_keys.kind IS 'key or password: where it is sent.';
