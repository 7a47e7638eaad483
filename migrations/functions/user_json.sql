-- A user as every user sees it: without its external id.
CREATE OR REPLACE FUNCTION user_json(shown users) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN jsonb_build_object(
      'id', shown.id, 'username', shown.username, 'display_name', shown.display_name, 'created_at', json_time(shown.created_at)
    )
    || CASE WHEN shown.avatar_url IS NULL THEN '{}' ELSE jsonb_build_object('avatar_url', shown.avatar_url) END
    || CASE WHEN shown.metadata IS NULL THEN '{}' ELSE jsonb_build_object('metadata', shown.metadata) END;
END $$
