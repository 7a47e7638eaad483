-- Deletes at most `batch` events older than `older_than`, and answers how many. Events go in small batches, each a short
-- transaction. `pruned_seq` is the number up to which events may be deleted: a resume from before it is refused, not answered
-- with a gap.
CREATE OR REPLACE FUNCTION prune_inbox_events(older_than timestamptz, batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  users_pruned int[];
  seqs_pruned bigint[];
BEGIN
  SELECT array_agg(e.user_id), array_agg(e.seq) INTO users_pruned, seqs_pruned
    FROM (SELECT user_id, seq FROM inbox_events WHERE created_at < older_than LIMIT batch) e;
  IF users_pruned IS NULL THEN
    RETURN 0;
  END IF;
  PERFORM FROM inboxes WHERE user_id = ANY (users_pruned) ORDER BY user_id FOR UPDATE;
  UPDATE inboxes i SET pruned_seq = greatest(i.pruned_seq, p.seq)
    FROM (SELECT t.user_id, max(t.seq) AS seq FROM unnest(users_pruned, seqs_pruned) AS t (user_id, seq) GROUP BY 1) p
    WHERE i.user_id = p.user_id;
  DELETE FROM inbox_events e USING unnest(users_pruned, seqs_pruned) AS t (user_id, seq)
    WHERE e.user_id = t.user_id AND e.seq = t.seq;
  RETURN cardinality(users_pruned);
END $$
