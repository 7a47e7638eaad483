-- Notes up to where the phase of an erasure is done; without a place the next phase begins.
CREATE OR REPLACE FUNCTION move_erasure(erased int, done_id bigint, done_seq bigint DEFAULT 0) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE erasures e SET
      phase = CASE WHEN done_id IS NULL THEN e.phase + 1 ELSE e.phase END,
      after_id = coalesce(done_id, 0),
      after_seq = coalesce(done_seq, 0)
    WHERE e.user_id = erased;
END $$
