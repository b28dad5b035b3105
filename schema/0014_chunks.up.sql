-- In a tenant's name chunks are written to the tenant's own messages only. Which those are, row level security of messages says;
-- message_chunks has none of its own (0002). The program's own work, user 0, is not asked.

CREATE OR REPLACE FUNCTION guard_message_chunks() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM messages WHERE id = NEW.message_id) THEN
            RAISE EXCEPTION 'message_chunks are written to messages of one''s own only';
        END IF;
        RETURN NEW;
    END IF;
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'message_chunks are changed by the program only';
    END IF;
    RETURN OLD;
END
$guard$;
DROP TRIGGER message_chunks_guard ON message_chunks;
CREATE TRIGGER message_chunks_guard BEFORE INSERT OR UPDATE OR DELETE ON message_chunks FOR EACH ROW
    WHEN (coalesce(nullif(current_setting('postern.user_id', true), ''), '0') <> '0')
    EXECUTE PROCEDURE guard_message_chunks();
COMMENT ON FUNCTION guard_message_chunks() IS 'In a tenant''s name sealed MIME is written to own messages only, and deleted by a cascade only.';
