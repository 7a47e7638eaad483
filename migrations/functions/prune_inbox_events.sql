-- Deletes at most `batch` events older than `older_than`, the first ones of each inbox. `pruned_seq` is the number up to which events may
-- be deleted: a resume from before it is refused, not answered with a gap. Answers how many it deleted, and counts an inbox without an
-- old event as one: as long as the answer is `batch`, there may be more.
--
-- The inboxes that may have old events are found by `oldest_at`. It is the time of the first event, or when the inbox was found empty.
CREATE OR REPLACE FUNCTION prune_inbox_events(older_than timestamptz, batch int) RETURNS int
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  owners int[];
  owner int;
  first_seq bigint;
  last_old_seq bigint;
  counted int := 0;
  deleted int;
BEGIN
  owners := ARRAY(SELECT i.user_id FROM inboxes i WHERE i.oldest_at < older_than ORDER BY i.oldest_at LIMIT batch);
  -- Another node may have pruned some of them while this call waited for their locks.
  owners := ARRAY(
    SELECT i.user_id FROM inboxes i WHERE i.user_id = ANY (owners) AND i.oldest_at < older_than ORDER BY i.user_id FOR UPDATE
  );
  FOREACH owner IN ARRAY owners LOOP
    EXIT WHEN counted = batch;
    deleted := 0;
    SELECT e.seq INTO first_seq FROM inbox_events e WHERE e.user_id = owner ORDER BY e.seq LIMIT 1;
    IF FOUND THEN
      last_old_seq := first_seq + batch - counted - 1;
      last_old_seq := coalesce((
        SELECT e.seq - 1 FROM inbox_events e
        WHERE e.user_id = owner AND e.seq BETWEEN first_seq AND last_old_seq AND e.created_at >= older_than
        ORDER BY e.seq LIMIT 1
      ), last_old_seq);
      DELETE FROM inbox_events e WHERE e.user_id = owner AND e.seq BETWEEN first_seq AND last_old_seq;
      GET DIAGNOSTICS deleted = ROW_COUNT;
    END IF;
    UPDATE inboxes i SET
        pruned_seq = CASE WHEN deleted = 0 THEN i.pruned_seq ELSE greatest(i.pruned_seq, least(last_old_seq, i.last_seq)) END,
        oldest_at = coalesce(
          (SELECT e.created_at FROM inbox_events e WHERE e.user_id = owner ORDER BY e.seq LIMIT 1),
          -- Events that are appended later are younger.
          greatest(clock_timestamp(), older_than)
        )
      WHERE i.user_id = owner;
    counted := counted + greatest(deleted, 1);
  END LOOP;
  RETURN counted;
END $$
