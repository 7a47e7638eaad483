-- Makes a user together with an empty inbox, who is found by `names`, unless its username is that of another user, or looks like it.
-- The rule for looks is `imitates` in `src/repo/Looks.ts`. The constraint that SQLSTATE 23505 names says what refused the user:
-- `users_username_key` and `users_normal_username` that the username is taken, `username_looks` that it looks like another one,
-- `users_external_id` that another user has the external id. One INSERT sets all columns, as an UPDATE would be a webhook event.
CREATE OR REPLACE FUNCTION create_named_user(
  new_username text, new_display_name text, new_skeleton text, new_scripts text[], names text[],
  new_external_id text, new_avatar_url text, new_metadata jsonb
) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
  normal CONSTANT text := normalize(new_username, NFKC);
  created users;
BEGIN
  -- Of two that look the same, or are one name, and are created at the same moment, the second one finds the first. Each call takes
  -- the locks in this order, so two cannot deadlock.
  PERFORM pg_advisory_xact_lock(lock_class('looks of usernames'), hashtext(new_skeleton));
  PERFORM pg_advisory_xact_lock(lock_class('usernames'), hashtext(normal));
  IF EXISTS (SELECT FROM users u WHERE normalize(u.username, NFKC) = normal) THEN
    RAISE unique_violation USING MESSAGE = 'the username is that of another user', CONSTRAINT = 'users_normal_username';
  END IF;
  IF EXISTS (
    SELECT FROM username_looks l WHERE l.skeleton = new_skeleton AND NOT l.scripts && new_scripts
  ) THEN
    RAISE unique_violation USING MESSAGE = 'the username looks like that of another user', CONSTRAINT = 'username_looks';
  END IF;
  INSERT INTO users (username, display_name, external_id, avatar_url, metadata)
    VALUES (new_username, new_display_name, new_external_id, new_avatar_url, new_metadata) RETURNING * INTO created;
  INSERT INTO inboxes (user_id) VALUES (created.id);
  INSERT INTO username_looks (user_id, skeleton, scripts) VALUES (created.id, new_skeleton, new_scripts);
  PERFORM save_user_names(created.id, names);
  RETURN created;
END $$
