CREATE OR REPLACE FUNCTION guard_message_chunks() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'message_chunks are changed by the program only';
    END IF;
    RETURN OLD;
END
$guard$;
DROP TRIGGER message_chunks_guard ON message_chunks;
CREATE TRIGGER message_chunks_guard BEFORE UPDATE OR DELETE ON message_chunks FOR EACH ROW
    WHEN (coalesce(nullif(current_setting('postern.user_id', true), ''), '0') <> '0')
    EXECUTE PROCEDURE guard_message_chunks();
COMMENT ON FUNCTION guard_message_chunks() IS 'In a tenant''s name nobody deletes sealed MIME but a cascade.';
