-- Suspends a user, or ends its suspension; no row when there is no such user. Nodes learn of it by an order in `disconnects`, which
-- closes the sockets that the user has.
--
-- It locks the head that the user's sends lock: of a suspension and a send at once, the later one sees what the earlier one committed.
CREATE OR REPLACE FUNCTION change_suspension(target int, suspends boolean)
RETURNS TABLE (suspended_at timestamptz)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  not_your_socket CONSTANT int := 4003;
BEGIN
  PERFORM FROM inboxes i WHERE i.user_id = target FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE users u SET suspended_at = CASE WHEN suspends THEN clock_timestamp() END
    WHERE u.id = target AND (u.suspended_at IS NULL) = suspends;
  IF FOUND THEN
    INSERT INTO disconnects (user_id, close_code) VALUES (target, not_your_socket)
      ON CONFLICT (user_id) DO UPDATE
        SET ordered_at = greatest(clock_timestamp(), disconnects.ordered_at + interval '1 microsecond'), close_code = excluded.close_code;
  END IF;
  RETURN QUERY SELECT u.suspended_at FROM users u WHERE u.id = target;
END $$
