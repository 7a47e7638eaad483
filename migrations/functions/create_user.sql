-- Makes a user together with an empty inbox.
CREATE OR REPLACE FUNCTION create_user(new_username text, new_display_name text) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
  created users;
BEGIN
  INSERT INTO users (username, display_name) VALUES (new_username, new_display_name) RETURNING * INTO created;
  INSERT INTO inboxes (user_id) VALUES (created.id);
  RETURN created;
END $$
