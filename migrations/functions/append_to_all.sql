-- Appends one event to the inboxes of all these users, each named once, whose heads the caller has locked. Answers the numbers, each
-- in its user's place; null where there is no inbox.
--
-- One update and one insert for all, without the window, the join and the sorts of `append_events`, which allows a user to be named more
-- than once.
CREATE OR REPLACE FUNCTION append_to_all(
  user_ids int[], type text, message_id bigint, payload jsonb, at timestamptz
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
  seqs bigint[];
BEGIN
  WITH head AS (
    UPDATE inboxes SET last_seq = last_seq + 1 WHERE user_id = ANY (user_ids) RETURNING user_id, last_seq
  ), appended AS (
    INSERT INTO inbox_events (user_id, seq, type, message_id, payload, created_at)
      SELECT h.user_id, h.last_seq, type, message_id, payload, at
      FROM head h
  )
  SELECT array_agg(h.last_seq ORDER BY u.place) INTO seqs
    FROM unnest(user_ids) WITH ORDINALITY AS u (user_id, place) LEFT JOIN head h ON h.user_id = u.user_id;
  RETURN coalesce(seqs, '{}');
END $$
