-- Erases the next part of what a user wrote, and answers rows as those of `create_direct`. The first row is no event; its status is
-- 'done' when nothing is left, else 'changed'. The row of the erasure is locked, so two nodes do not erase the same, and says
-- which phase comes next. Each phase is a function that moves on to the next phase when it finds nothing.
CREATE OR REPLACE FUNCTION erase_step(erased int, max_rows int, max_events int, lease_seconds int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  last_phase CONSTANT int := 8;
  e erasures;
BEGIN
  UPDATE erasures o SET leased_until = clock_timestamp() + make_interval(secs => lease_seconds)
    WHERE o.user_id = erased AND o.finished_at IS NULL RETURNING * INTO e;
  at := clock_timestamp()::timestamptz(3);
  status := CASE WHEN e.phase <= last_phase THEN 'changed' ELSE 'done' END;
  RETURN NEXT;
  CASE e.phase
    WHEN 1 THEN RETURN QUERY SELECT * FROM erase_group_membership(erased, e.after_id);
    WHEN 2 THEN RETURN QUERY SELECT * FROM erase_direct_memberships(erased, max_rows);
    WHEN 3 THEN RETURN QUERY SELECT * FROM erase_reactions(erased, max_rows, max_events);
    WHEN 4 THEN RETURN QUERY SELECT * FROM erase_messages(erased, e.after_id, max_rows, max_events);
    WHEN 5 THEN PERFORM erase_names(erased, e.after_id, e.after_seq, max_rows);
    WHEN 6 THEN PERFORM erase_inbox_events(erased, max_rows);
    WHEN 7 THEN PERFORM erase_group_texts(erased, e.after_id, max_rows);
    WHEN 8 THEN RETURN QUERY SELECT * FROM erase_blocks(erased, max_rows);
    ELSE NULL;
  END CASE;
END $$
