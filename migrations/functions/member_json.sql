-- A member of a conversation as the other members see it; null when the user is none.
CREATE OR REPLACE FUNCTION member_json(conversation bigint, member int) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
        'user_id', u.id, 'username', u.username, 'display_name', u.display_name, 'role', m.role,
        'joined_at', json_time(m.joined_at), 'last_read_id', m.last_read_id
      )
      || CASE WHEN u.avatar_url IS NULL THEN '{}' ELSE jsonb_build_object('avatar_url', u.avatar_url) END
    FROM members m JOIN users u ON u.id = m.user_id
    WHERE m.conversation_id = conversation AND m.user_id = member
  );
END $$
