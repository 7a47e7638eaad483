-- Deletes a user, and orders the erasure of what it wrote; answers the order, and whether it is a new one. No row when there is no such user. The head of the
-- inbox is locked and then deleted: a send that committed before is erased with the rest, and one that waited for the lock
-- finds no inbox. Of the external id its hash stays, as tokens go on to name it. The order to disconnect has the close code 4004.
CREATE OR REPLACE FUNCTION order_erasure(erased int)
RETURNS TABLE (user_id int, ordered_at timestamptz, finished_at timestamptz, is_new boolean)
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM inboxes i WHERE i.user_id = erased FOR UPDATE;
  PERFORM FROM users u WHERE u.id = erased AND u.deleted_at IS NULL FOR UPDATE;
  is_new := FOUND;
  IF is_new THEN
    DELETE FROM inboxes i WHERE i.user_id = erased;
    DELETE FROM username_looks l WHERE l.user_id = erased;
    DELETE FROM user_names n WHERE n.user_id = erased;
    INSERT INTO erasures (user_id, ordered_at, leased_until, external_id_hash, was_suspended)
      SELECT u.id, clock_timestamp(), '-infinity', sha256(convert_to(u.external_id, 'UTF8')), u.suspended_at IS NOT NULL
        FROM users u WHERE u.id = erased;
    UPDATE users u SET username = 'deleted-' || erased, display_name = '', external_id = NULL, avatar_url = NULL,
        metadata = NULL, suspended_at = NULL, deleted_at = clock_timestamp()
      WHERE u.id = erased;
    INSERT INTO disconnects (user_id, close_code) VALUES (erased, 4004)
      ON CONFLICT (user_id) DO UPDATE
        SET ordered_at = greatest(clock_timestamp(), disconnects.ordered_at + interval '1 microsecond'), close_code = 4004;
  END IF;
  RETURN QUERY SELECT e.user_id, e.ordered_at::timestamptz, e.finished_at::timestamptz, is_new
    FROM erasures e WHERE e.user_id = erased;
END $$
