-- Phase of `erase_step`: takes reactions of the user back, at most `max_rows`, until `max_events` are appended; one at least. The order of
-- the locks is that of `change_reaction`.
CREATE OR REPLACE FUNCTION erase_reactions(erased int, max_rows int, max_events int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  r record;
  reacted_to bigint[] := '{}';
  emojis text[] := '{}';
  conversation_ids bigint[] := '{}';
  events int := 0;
BEGIN
  FOR r IN
    SELECT x.message_id, x.emoji, m.conversation_id
    FROM (
      SELECT y.message_id, y.emoji FROM reactions y WHERE y.user_id = erased
      ORDER BY y.message_id, y.emoji COLLATE "C" LIMIT max_rows
    ) x JOIN messages m ON m.id = x.message_id ORDER BY x.message_id, x.emoji COLLATE "C"
  LOOP
    events := events + (SELECT count(*) FROM members b WHERE b.conversation_id = r.conversation_id);
    EXIT WHEN events > max_events AND cardinality(reacted_to) > 0;
    reacted_to := reacted_to || r.message_id;
    emojis := emojis || r.emoji;
    conversation_ids := conversation_ids || r.conversation_id;
  END LOOP;
  IF cardinality(reacted_to) = 0 THEN
    PERFORM move_erasure(erased, NULL); RETURN;
  END IF;

  PERFORM lock_readers(conversation_ids);
  PERFORM FROM messages m WHERE m.id = ANY (reacted_to) ORDER BY m.id FOR UPDATE;
  status := 'changed';
  type := 'reaction';
  at := clock_timestamp()::timestamptz(3);
  FOR i IN 1 .. cardinality(reacted_to) LOOP
    DELETE FROM reactions x WHERE x.message_id = reacted_to[i] AND x.emoji = emojis[i] AND x.user_id = erased;
    -- Its message was deleted meanwhile.
    CONTINUE WHEN NOT FOUND;
    id := conversation_ids[i];
    users := readers_of(id, reacted_to[i]);
    payload := jsonb_build_object(
      'message_id', reacted_to[i], 'conversation_id', id, 'user_id', erased, 'emoji', emojis[i], 'added', false,
      'count', (SELECT count(*) FROM reactions x WHERE x.message_id = reacted_to[i] AND x.emoji = emojis[i])
    );
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END LOOP;
END $$
