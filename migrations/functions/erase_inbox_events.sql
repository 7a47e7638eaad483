-- Phase of `erase_step`: deletes events of the user's inbox.
CREATE OR REPLACE FUNCTION erase_inbox_events(erased int, max_rows int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM inbox_events e WHERE e.user_id = erased AND e.seq = ANY (ARRAY(
    SELECT x.seq FROM inbox_events x WHERE x.user_id = erased ORDER BY x.seq LIMIT max_rows
  ));
  IF NOT FOUND THEN
    PERFORM move_erasure(erased, NULL);
  END IF;
END $$
