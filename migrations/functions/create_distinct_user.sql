-- Makes a user together with an empty inbox, unless its username looks like that of another user. The rule is `imitates` in
-- `src/repo/Looks.ts`. SQLSTATE 23505 of the constraint `username_looks` tells that it does.
CREATE OR REPLACE FUNCTION create_distinct_user(
  new_username text, new_display_name text, new_skeleton text, new_scripts text[]
) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
  created users;
BEGIN
  -- Of two that look the same and are created at the same moment, the second one finds the first. The number is any constant.
  PERFORM pg_advisory_xact_lock(7105117, hashtext(new_skeleton));
  IF EXISTS (
    SELECT FROM username_looks l JOIN users u ON u.id = l.user_id
    WHERE l.skeleton = new_skeleton AND NOT l.scripts && new_scripts AND u.username <> new_username
  ) THEN
    RAISE unique_violation USING MESSAGE = 'the username looks like that of another user', CONSTRAINT = 'username_looks';
  END IF;
  created := create_user(new_username, new_display_name);
  INSERT INTO username_looks (user_id, skeleton, scripts) VALUES (created.id, new_skeleton, new_scripts);
  RETURN created;
END $$
