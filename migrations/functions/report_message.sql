-- Keeps a user's report of a message that it may read. The status is 'reported', or why it was refused. A second report of the
-- same user is answered with the first one.
CREATE OR REPLACE FUNCTION report_message(reporter int, message bigint, new_reason text)
RETURNS TABLE (status text, id bigint, reason text, created_at timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  m messages;
BEGIN
  SELECT * INTO m FROM messages e WHERE e.id = message;
  IF NOT FOUND THEN
    status := 'message_not_found'; RETURN NEXT; RETURN;
  END IF;
  SELECT r.id, r.reason, r.created_at INTO id, reason, created_at
    FROM reports r WHERE r.message_id = message AND r.reporter_id = reporter;
  status := coalesce(may_read(reporter, m.conversation_id, message), CASE
    WHEN id IS NOT NULL THEN 'reported'
    WHEN m.deleted_at IS NOT NULL THEN 'message_deleted'
  END);
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  -- The update changes nothing: it answers with the report that a call of the same moment made.
  INSERT INTO reports AS r (message_id, reporter_id, reason, created_at)
    VALUES (message, reporter, new_reason, clock_timestamp())
    ON CONFLICT (message_id, reporter_id) DO UPDATE SET reporter_id = excluded.reporter_id
    RETURNING r.id, r.reason, r.created_at INTO id, reason, created_at;
  status := 'reported';
  RETURN NEXT;
END $$
