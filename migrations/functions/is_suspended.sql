-- Whether a user is suspended. Nodes learn of a suspension within a second or two. Until then the functions that change conversations
-- or their messages, make reports and mark what is read refuse the user themselves, behind the lock of its inbox, which
-- `change_suspension` takes too. Sends look at `users` once for a whole batch, a message to a group once more. `change_block` and `update_user` do not ask.
CREATE OR REPLACE FUNCTION is_suspended(user_id int) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM users u WHERE u.id = is_suspended.user_id AND u.suspended_at IS NOT NULL);
END $$
