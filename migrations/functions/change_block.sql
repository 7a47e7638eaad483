-- Blocks a user, or takes the block back. Status and rows are those of `create_direct`; `at` is also that of an earlier block.
--
-- It locks the heads that a send between the two locks, in the same order: of a block and a send at once, the later one sees
-- what the earlier one committed.
--
-- What the blocked user read meanwhile becomes an event when the block is taken back: until then the other was shown none of it.
CREATE OR REPLACE FUNCTION change_block(blocker int, other int, adds boolean)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  known int[];
  has_read bigint;
  shown_read bigint;
BEGIN
  known := ARRAY(
    SELECT i.user_id FROM inboxes i WHERE i.user_id IN (blocker, other) ORDER BY i.user_id FOR UPDATE
  );
  IF blocker <> ALL (known) OR other <> ALL (known) THEN
    status := 'user_not_found'; RETURN NEXT; RETURN;
  END IF;
  SELECT c.id, m.last_read_id INTO id, has_read
    FROM conversations c JOIN members m ON m.conversation_id = c.id AND m.user_id = other
    WHERE c.low = least(blocker, other) AND c.high = greatest(blocker, other);
  at := clock_timestamp()::timestamptz(3);
  IF adds THEN
    INSERT INTO blocks (user_id, blocked_id, created_at, last_read_id)
      VALUES (blocker, other, at, coalesce(has_read, 0)) ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM blocks b WHERE b.user_id = blocker AND b.blocked_id = other RETURNING b.last_read_id INTO shown_read;
  END IF;
  IF NOT FOUND THEN
    SELECT b.created_at INTO at FROM blocks b WHERE b.user_id = blocker AND b.blocked_id = other;
    status := 'unchanged'; RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'block';
  users := ARRAY[blocker];
  payload := jsonb_build_object('blocked_id', other, 'blocked', adds);
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
  IF has_read > shown_read THEN
    type := 'read';
    payload := jsonb_build_object('conversation_id', id, 'user_id', other, 'message_id', has_read);
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END IF;
END $$
