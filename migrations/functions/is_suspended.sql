-- Whether a user is suspended. Nodes learn of a suspension within a second or two: the functions of changes ask for it themselves.
CREATE OR REPLACE FUNCTION is_suspended(user_id int) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM users u WHERE u.id = is_suspended.user_id AND u.suspended_at IS NOT NULL);
END $$
