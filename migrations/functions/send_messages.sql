-- What nodes of release 1.0 call: `send_direct_messages` without what came later. It goes with the release after 1.1. These nodes
-- take a status that they do not know for that of a sent message: a refusal that is new has an older one's name.
CREATE OR REPLACE FUNCTION send_messages(senders int[], receivers int[], contents text[], client_ids text[])
RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, sender_seq bigint, receiver_seq bigint
)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
    SELECT CASE s.status WHEN 'suspended' THEN 'sender_not_found' WHEN 'blocked' THEN 'receiver_not_found' ELSE s.status END, s.id, s.sender_username, s."timestamp", s.sender_seq, s.receiver_seq
    FROM send_direct_messages(
      senders, receivers, contents, client_ids,
      array_fill(NULL::bigint, ARRAY[cardinality(senders)]), array_fill(NULL::text, ARRAY[cardinality(senders)])
    ) s;
END $$
