-- Changes the profile of a user, who is found by `names` then. Appends the event to the inboxes of the user and of at most `maximum`
-- of those who share a conversation with it; theirs is without the metadata, which not every USER_DIRECTORY shows to them. Status and
-- rows are those of `create_direct`; 'changing' asks to call again, as the user got a new conversation meanwhile.
CREATE OR REPLACE FUNCTION update_user(
  changed int, new_display_name text, names text[], sets_avatar_url boolean, new_avatar_url text,
  sets_metadata boolean, new_metadata jsonb, maximum int
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  fellows CONSTANT int[] := fellows_of(changed, maximum);
  updated users;
BEGIN
  -- Each new conversation of the user takes the lock of its head: none is made from here on.
  PERFORM FROM inboxes i WHERE i.user_id = ANY (fellows) ORDER BY i.user_id FOR UPDATE;
  IF fellows_of(changed, maximum) <> fellows THEN
    status := 'changing'; RETURN NEXT; RETURN;
  END IF;

  UPDATE users u SET
      display_name = coalesce(new_display_name, u.display_name),
      avatar_url = CASE WHEN sets_avatar_url THEN new_avatar_url ELSE u.avatar_url END,
      metadata = CASE WHEN sets_metadata THEN new_metadata ELSE u.metadata END
    WHERE u.id = changed AND u.deleted_at IS NULL AND (
      u.display_name <> new_display_name
      OR sets_avatar_url AND u.avatar_url IS DISTINCT FROM new_avatar_url
      OR sets_metadata AND u.metadata IS DISTINCT FROM new_metadata
    )
    RETURNING u.* INTO updated;
  IF NOT FOUND THEN
    status := CASE WHEN EXISTS (SELECT FROM users u WHERE u.id = changed AND u.deleted_at IS NULL)
      THEN 'unchanged' ELSE 'user_not_found' END;
    RETURN NEXT; RETURN;
  END IF;
  IF new_display_name IS NOT NULL THEN
    PERFORM save_user_names(changed, names);
  END IF;
  status := 'changed';
  type := 'user_updated';
  at := clock_timestamp()::timestamptz(3);
  users := ARRAY[changed];
  payload := jsonb_build_object('user', user_json(updated));
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
  users := array_remove(fellows, changed);
  IF cardinality(users) > 0 THEN
    payload := jsonb_build_object('user', user_json(updated) - 'metadata');
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END IF;
END $$
