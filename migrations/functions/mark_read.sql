-- Marks a conversation as read up to a message; never goes back. Status and rows are those of `create_direct`. The event goes to
-- the reader's own inbox, and in a direct conversation to the other user's, unless that one has blocked the reader.
CREATE OR REPLACE FUNCTION mark_read(reader int, conversation bigint, message bigint)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  peers int[];
BEGIN
  id := conversation;
  SELECT CASE c.kind WHEN 'direct' THEN ARRAY[c.low, c.high] ELSE ARRAY[reader] END INTO peers
    FROM conversations c WHERE c.id = conversation FOR KEY SHARE;
  IF NOT FOUND THEN
    status := CASE WHEN is_suspended(reader) THEN 'suspended' ELSE 'conversation_not_found' END; RETURN NEXT; RETURN;
  END IF;
  PERFORM FROM inboxes i WHERE i.user_id = ANY (peers) ORDER BY i.user_id FOR UPDATE;
  status := coalesce(CASE WHEN is_suspended(reader) THEN 'suspended' END, may_read(reader, conversation, message));
  IF status IS NULL AND NOT EXISTS (SELECT FROM messages m WHERE m.id = message AND m.conversation_id = conversation) THEN
    status := 'message_not_found';
  END IF;
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  UPDATE members m SET last_read_id = message
    WHERE m.conversation_id = conversation AND m.user_id = reader AND m.last_read_id < message;
  IF NOT FOUND THEN
    status := 'unchanged'; RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'read';
  at := clock_timestamp()::timestamptz(3);
  users := ARRAY(
    SELECT p FROM unnest(peers) p
    WHERE NOT EXISTS (SELECT FROM blocks b WHERE b.user_id = p AND b.blocked_id = reader OFFSET 0) ORDER BY p
  );
  payload := jsonb_build_object('conversation_id', conversation, 'user_id', reader, 'message_id', message);
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
END $$
