-- A conversation as all its members see it: without the role and the peer of one of them.
CREATE OR REPLACE FUNCTION conversation_json(conversation bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  c conversations;
BEGIN
  SELECT * INTO c FROM conversations WHERE id = conversation;
  RETURN jsonb_build_object(
      'id', c.id, 'kind', c.kind, 'history', c.history, 'created_at', json_time(c.created_at),
      'member_count', (SELECT count(*) FROM members m WHERE m.conversation_id = c.id)
    )
    || CASE WHEN c.title IS NULL THEN '{}' ELSE jsonb_build_object('title', c.title) END
    || CASE WHEN c.metadata IS NULL THEN '{}' ELSE jsonb_build_object('metadata', c.metadata) END
    || CASE WHEN c.created_by IS NULL THEN '{}' ELSE jsonb_build_object('created_by', c.created_by) END;
END $$
