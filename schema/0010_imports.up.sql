-- Moving in from another service: the file stays while its user looks at what it would make.

CREATE TABLE imports (
    user_id     bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    uid         uuid NOT NULL CONSTRAINT import_uid_once UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    file_sealed bytea NOT NULL
);
COMMENT ON TABLE imports IS 'Files with aliases that were sent and not yet taken in; one a user, deleted after a day.';
COMMENT ON COLUMN imports.uid IS 'Made by the program, anew with each file.';
COMMENT ON COLUMN imports.created_at IS 'When it was sent.';
COMMENT ON COLUMN imports.file_sealed IS 'The file, sealed at place imports.file:uid.';

ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON imports
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');
