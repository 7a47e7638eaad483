-- Keeps a user's report of a message that it may read, with the message as it is now. The status is 'reported', or why it was refused.
-- A second report of the same user is answered with the first one. The locks are held until the report is committed, so that an
-- erasure of the author takes the text out of it, and one of the reporter takes the reporter out of it; that of the conversation, so
-- that the report's webhook event is behind those that the conversation has already.
CREATE OR REPLACE FUNCTION report_message(reporter int, message bigint, new_reason text)
RETURNS TABLE (status text, id bigint, reason text, created_at timestamptz)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  conversation bigint;
  m messages;
BEGIN
  SELECT e.conversation_id INTO conversation FROM messages e WHERE e.id = message;
  IF NOT FOUND THEN
    status := 'message_not_found'; RETURN NEXT; RETURN;
  END IF;
  PERFORM lock_conversation(conversation, exclusively => false);
  SELECT * INTO m FROM messages e WHERE e.id = message FOR SHARE;
  SELECT r.id, r.reason, r.created_at INTO id, reason, created_at
    FROM reports r WHERE r.message_id = message AND r.reporter_id = reporter;
  PERFORM FROM users u WHERE u.id = reporter AND u.deleted_at IS NULL FOR KEY SHARE;
  status := coalesce(
    CASE WHEN NOT FOUND THEN 'not_member' WHEN is_suspended(reporter) THEN 'suspended' END,
    may_read(reporter, conversation, message),
    CASE WHEN id IS NOT NULL THEN 'reported' WHEN m.deleted_at IS NOT NULL THEN 'message_deleted' END
  );
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  -- The update changes nothing: it answers with the report that a call of the same moment made.
  INSERT INTO reports AS r (message_id, reporter_id, reason, created_at, content, metadata, version)
    VALUES (message, reporter, new_reason, clock_timestamp(), m.content, m.metadata, m.version)
    ON CONFLICT (message_id, reporter_id) DO UPDATE SET reporter_id = excluded.reporter_id
    RETURNING r.id, r.reason, r.created_at INTO id, reason, created_at;
  status := 'reported';
  RETURN NEXT;
END $$
