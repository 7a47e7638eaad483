-- The newest messages with an id below `upper` that match a query of one part of the index, and that the user may read.
CREATE OR REPLACE FUNCTION search_part(
  reader int, in_conversation bigint, query tsquery, upper bigint, runs text[], wanted int
) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  -- The id is compared as a sum, so that no other index than `messages_search` can be used. What is matched is sorted before the
  -- rights are asked for, one by one, until enough is found.
  RETURN ARRAY(
    SELECT h.id FROM (
      SELECT m.id, m.conversation_id, m.content FROM messages m
      WHERE search_keys(m.id, m.sender_id, m.receiver_id, m.conversation_id, m.content) @@ query
        AND m.id + 0 < upper AND m.conversation_id + 0 = coalesce(in_conversation, m.conversation_id)
      ORDER BY m.id DESC OFFSET 0
    ) h
    WHERE (runs IS NULL OR search_words(h.content) LIKE ALL (runs)) AND may_read(reader, h.conversation_id, h.id) IS NULL
    LIMIT wanted
  );
END $$
