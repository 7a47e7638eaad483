-- Phase of `erase_step`: deletes the user's blocks, and the blocks of the user, of which those who made them get an event. The user's reports
-- stay for the moderators, without the user and its words.
CREATE OR REPLACE FUNCTION erase_blocks(erased int, max_rows int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  blockers CONSTANT int[] := ARRAY(
    SELECT b.user_id FROM blocks b WHERE b.blocked_id = erased ORDER BY b.user_id LIMIT max_rows
  );
  blocked CONSTANT int[] := ARRAY(
    SELECT b.blocked_id FROM blocks b WHERE b.user_id = erased ORDER BY b.blocked_id LIMIT max_rows
  );
  report_ids CONSTANT bigint[] := ARRAY(SELECT r.id FROM reports r WHERE r.reporter_id = erased LIMIT max_rows);
BEGIN
  IF cardinality(blockers) + cardinality(blocked) + cardinality(report_ids) = 0 THEN
    PERFORM move_erasure(erased, NULL); RETURN;
  END IF;
  UPDATE reports r SET reporter_id = NULL, reason = NULL WHERE r.id = ANY (report_ids);
  PERFORM FROM inboxes i WHERE i.user_id = ANY (blockers) ORDER BY i.user_id FOR UPDATE;
  DELETE FROM blocks b WHERE b.user_id = erased AND b.blocked_id = ANY (blocked);
  DELETE FROM blocks b WHERE b.blocked_id = erased AND b.user_id = ANY (blockers);
  IF cardinality(blockers) = 0 THEN
    RETURN;
  END IF;
  status := 'changed';
  type := 'block';
  at := clock_timestamp()::timestamptz(3);
  users := blockers;
  payload := jsonb_build_object('blocked_id', erased, 'blocked', false);
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
END $$
