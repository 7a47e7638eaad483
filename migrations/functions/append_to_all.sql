-- Appends one event to the inboxes of all these users, whose heads the caller has locked, and answers the numbers.
CREATE OR REPLACE FUNCTION append_to_all(
  user_ids int[], type text, message_id bigint, payload jsonb, at timestamptz
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
  n CONSTANT int[] := ARRAY[cardinality(user_ids)];
BEGIN
  IF cardinality(user_ids) = 0 THEN
    RETURN '{}';
  END IF;
  RETURN append_events(
    user_ids, array_fill(type, n), array_fill(message_id, n), array_fill(payload, n), array_fill(at, n),
    heads_locked => true
  );
END $$
