-- Phase of `erase_step`: deletes messages of the user by ascending id, at most `max_rows`, until `max_events` are appended; one at least. The
-- order of the locks is that of `delete_message`. A message that was deleted before gets another event: its sender has another
-- name now.
CREATE OR REPLACE FUNCTION erase_messages(erased int, done_id bigint, max_rows int, max_events int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  m record;
  ids bigint[] := '{}';
  conversation_ids bigint[] := '{}';
  events int := 0;
  readers int[];
  counts int[];
  event_users int[] := '{}';
  event_messages bigint[] := '{}';
  all_seqs bigint[];
  told int := 0;
BEGIN
  FOR m IN
    SELECT x.id, x.conversation_id FROM (
      (
        SELECT s.id, s.conversation_id FROM messages s
        WHERE s.sender_id = erased AND s.receiver_id IS NOT NULL AND s.id > done_id ORDER BY s.id LIMIT max_rows
      ) UNION ALL (
        SELECT s.id, s.conversation_id FROM messages s
        WHERE s.sender_id = erased AND s.receiver_id IS NULL AND s.id > done_id ORDER BY s.id LIMIT max_rows
      )
    ) x ORDER BY x.id LIMIT max_rows
  LOOP
    events := events + (SELECT count(*) FROM members b WHERE b.conversation_id = m.conversation_id);
    EXIT WHEN events > max_events AND cardinality(ids) > 0;
    ids := ids || m.id;
    conversation_ids := conversation_ids || m.conversation_id;
  END LOOP;
  PERFORM move_erasure(erased, ids[cardinality(ids)]);
  IF cardinality(ids) = 0 THEN
    RETURN;
  END IF;

  PERFORM lock_readers(conversation_ids);
  PERFORM FROM messages s WHERE s.id = ANY (ids) ORDER BY s.id FOR UPDATE;
  at := clock_timestamp()::timestamptz(3);
  UPDATE messages s SET content = '', metadata = NULL, client_id = NULL, reacted = false,
      version = s.version + (s.deleted_at IS NULL)::int,
      deleted_at = coalesce(s.deleted_at, at)
    WHERE s.id = ANY (ids);
  DELETE FROM reactions r WHERE r.message_id = ANY (ids);
  UPDATE reports r SET content = '', metadata = NULL WHERE r.message_id = ANY (ids);

  FOR i IN 1 .. cardinality(ids) LOOP
    readers := readers_of(conversation_ids[i], ids[i]);
    counts[i] := cardinality(readers);
    event_users := event_users || readers;
    event_messages := event_messages || array_fill(ids[i], ARRAY[counts[i]]);
  END LOOP;
  status := 'changed';
  type := 'message_deleted';
  IF cardinality(event_users) > 0 THEN
    all_seqs := append_events(
      event_users, array_fill(type, ARRAY[cardinality(event_users)]), event_messages, NULL,
      array_fill(at, ARRAY[cardinality(event_users)]), heads_locked => true
    );
  END IF;
  FOR i IN 1 .. cardinality(ids) LOOP
    id := conversation_ids[i];
    message_id := ids[i];
    users := event_users[told + 1 : told + counts[i]];
    seqs := all_seqs[told + 1 : told + counts[i]];
    told := told + counts[i];
    RETURN NEXT;
  END LOOP;
END $$
