-- What nodes of release 1.0 call: `send_direct_messages` without what came later. It goes with the release after 1.1.
CREATE OR REPLACE FUNCTION send_messages(senders int[], receivers int[], contents text[], client_ids text[])
RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, sender_seq bigint, receiver_seq bigint
)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
    SELECT s.status, s.id, s.sender_username, s."timestamp", s.sender_seq, s.receiver_seq
    FROM send_direct_messages(
      senders, receivers, contents, client_ids,
      array_fill(NULL::bigint, ARRAY[cardinality(senders)]), array_fill(NULL::text, ARRAY[cardinality(senders)])
    ) s;
END $$
