-- The other user of a direct conversation, as this user sees it: not what it read since this user blocked it.
CREATE OR REPLACE FUNCTION peer_json(conversation bigint, viewer int) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'user_id', u.id, 'username', u.username, 'display_name', u.display_name, 'last_read_id', least(
        m.last_read_id, (SELECT b.last_read_id FROM blocks b WHERE b.user_id = viewer AND b.blocked_id = u.id)
      )
    )
    || CASE WHEN u.avatar_url IS NULL THEN '{}' ELSE jsonb_build_object('avatar_url', u.avatar_url) END
    FROM conversations c
    JOIN users u ON u.id = CASE viewer WHEN c.low THEN c.high ELSE c.low END
    JOIN members m ON m.conversation_id = c.id AND m.user_id = u.id
    WHERE c.id = conversation
  );
END $$
