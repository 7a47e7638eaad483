-- Edits a message. Status and rows are those of `create_direct`; `version` is that of the message now. An edit that changes
-- nothing is 'unchanged', so a repeated one is answered as the first. Whom the receiver has blocked shows it nothing new.
CREATE OR REPLACE FUNCTION edit_message(
  editor int, message bigint, new_content text, known_version int, new_metadata jsonb, sets_metadata boolean
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[], version int
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  m messages;
BEGIN
  SELECT e.conversation_id INTO id FROM messages e WHERE e.id = message;
  IF NOT FOUND THEN
    status := 'message_not_found'; RETURN NEXT; RETURN;
  END IF;
  PERFORM lock_conversation(id, exclusively => false);
  SELECT * INTO m FROM messages e WHERE e.id = message FOR UPDATE;
  version := m.version;
  status := coalesce(CASE WHEN is_suspended(editor) THEN 'suspended' END, may_read(editor, id, message), CASE
    WHEN m.sender_id <> editor THEN 'not_author'
    WHEN m.deleted_at IS NOT NULL THEN 'message_deleted'
    WHEN m.content = new_content AND NOT (sets_metadata AND m.metadata IS DISTINCT FROM new_metadata) THEN 'unchanged'
    WHEN EXISTS (SELECT FROM blocks b WHERE b.user_id = m.receiver_id AND b.blocked_id = editor) THEN 'blocked'
    WHEN known_version <> m.version THEN 'version_conflict'
  END);
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'message_updated';
  message_id := message;
  users := readers_of(id, message);
  at := clock_timestamp()::timestamptz(3);
  UPDATE messages e SET
      content = new_content,
      metadata = CASE WHEN sets_metadata THEN new_metadata ELSE e.metadata END,
      version = e.version + 1,
      edited_at = at
    WHERE e.id = message RETURNING e.version INTO version;
  seqs := append_to_all(users, type, message, NULL, at);
  RETURN NEXT;
END $$
