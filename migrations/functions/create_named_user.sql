-- `create_distinct_user` for a user with a profile, who is found by `names`. SQLSTATE 23505 of `users_external_id` means that another
-- user has the external id.
CREATE OR REPLACE FUNCTION create_named_user(
  new_username text, new_display_name text, new_skeleton text, new_scripts text[], names text[],
  new_external_id text, new_avatar_url text, new_metadata jsonb
) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
  created users;
BEGIN
  created := create_distinct_user(new_username, new_display_name, new_skeleton, new_scripts);
  PERFORM save_user_names(created.id, names);
  IF new_external_id IS NOT NULL OR new_avatar_url IS NOT NULL OR new_metadata IS NOT NULL THEN
    UPDATE users SET external_id = new_external_id, avatar_url = new_avatar_url, metadata = new_metadata
      WHERE id = created.id RETURNING * INTO created;
  END IF;
  RETURN created;
END $$
