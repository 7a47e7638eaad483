-- Deletes the content, the metadata and the reactions of a message; its row stays as a tombstone. Status and rows are those of
-- `create_direct`. `roles` may delete the messages of others in a group. Without a deleter it is the application that deletes.
CREATE OR REPLACE FUNCTION delete_message(deleter int, message bigint, roles text[])
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
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
  status := CASE
    WHEN deleter IS NULL THEN NULL
    WHEN is_suspended(deleter) THEN 'suspended'
    -- Its author may delete it, also one who has left the group, or came back to where older messages are not shown.
    WHEN m.sender_id = deleter AND EXISTS (SELECT FROM users u WHERE u.id = deleter AND u.deleted_at IS NULL) THEN NULL
    ELSE may_read(deleter, id, message)
  END;
  IF status IS NULL AND deleter IS NOT NULL AND m.sender_id <> deleter AND NOT EXISTS (
    SELECT FROM members r JOIN conversations c ON c.id = r.conversation_id
    WHERE c.id = m.conversation_id AND c.kind = 'group' AND r.user_id = deleter AND r.role = ANY (roles)
  ) THEN
    status := 'role_forbids';
  END IF;
  IF status IS NULL AND m.deleted_at IS NOT NULL THEN
    status := 'unchanged';
  END IF;
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'message_deleted';
  message_id := message;
  users := readers_of(id, message);
  at := clock_timestamp()::timestamptz(3);
  UPDATE messages e SET content = '', metadata = NULL, reacted = false, version = e.version + 1, deleted_at = at
    WHERE e.id = message;
  DELETE FROM reactions r WHERE r.message_id = message;
  seqs := append_to_all(users, type, message, NULL, at);
  RETURN NEXT;
END $$
