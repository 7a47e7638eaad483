-- Looks through the messages of a user with ids from `lower` to below `upper`, or those of one conversation, newest first, and
-- at most `look_through` of them. `matched` are those that match and that the user may read. Everything from `reached` on was seen.
CREATE OR REPLACE FUNCTION search_newest(
  reader int, in_conversation bigint, groups bigint[], lower bigint, upper bigint, look_through int,
  words tsquery, longest text, runs text[], OUT seen int, OUT reached bigint, OUT matched bigint[]
)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  -- Rows are compared as pairs, so that each source is a range of the index that begins with the user or the conversation, read from
  -- its end. By its id alone a plan could read them in the primary key, past the messages of all others.
  SELECT count(*), min(r.id), coalesce(array_agg(r.id ORDER BY r.id DESC) FILTER (WHERE r.matches), '{}')
    INTO seen, reached, matched
    FROM (
      SELECT m.id, CASE
          WHEN octet_length(m.content) = char_length(m.content)
            AND strpos(lower(m.content COLLATE "C"), longest) = 0 THEN false
          ELSE search_keys(0, m.sender_id, m.receiver_id, 0, m.content) @@ words
            AND (runs IS NULL OR search_words(m.content) LIKE ALL (runs))
            AND may_read(reader, m.conversation_id, m.id) IS NULL
        END AS matches
      FROM (
        SELECT y.id FROM (
          (
            SELECT s.id FROM messages s
            WHERE in_conversation IS NULL AND s.receiver_id IS NOT NULL
              AND (s.sender_id, s.id) >= (reader, search_newest.lower) AND (s.sender_id, s.id) < (reader, search_newest.upper)
            ORDER BY s.sender_id DESC, s.id DESC LIMIT look_through
          ) UNION (
            SELECT s.id FROM messages s
            WHERE in_conversation IS NULL AND s.receiver_id IS NOT NULL
              AND (s.receiver_id, s.id) >= (reader, search_newest.lower) AND (s.receiver_id, s.id) < (reader, search_newest.upper)
            ORDER BY s.receiver_id DESC, s.id DESC LIMIT look_through
          ) UNION ALL
          SELECT s.id FROM unnest(groups || in_conversation) g (id) CROSS JOIN LATERAL (
            SELECT x.id FROM messages x
            WHERE (x.conversation_id, x.id) >= (g.id, search_newest.lower) AND (x.conversation_id, x.id) < (g.id, search_newest.upper)
            ORDER BY x.conversation_id DESC, x.id DESC LIMIT look_through
          ) s
        ) y ORDER BY y.id DESC LIMIT look_through
      ) n JOIN messages m ON m.id = n.id
    ) r;
  IF seen < look_through THEN
    reached := search_newest.lower;
  END IF;
END $$
