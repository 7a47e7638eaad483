-- The newest messages that a user may read and that have what is searched for: a row with an `id` for each, in no order. Other
-- rows have
-- - `status` 'not_member' or 'conversation_not_found', the only row then;
-- - `next`, the id below which nothing was searched, when the call ended before all was.
--
-- First it looks through the newest messages of the user, about `look_through` of them: that finds common words at once, and
-- all words of a user with few messages. What is older is asked of the index `messages_search`, part by part: a part is 65,536
-- ids. Each key of the index has the part, and a word or who reads the message: `@` a user of a direct one, `#` a group. So the
-- index itself intersects words and rights, and the rarer of the two bounds its work. After `patience_ms` the call ends with what
-- it found; it does so too where the index is still being built.
CREATE OR REPLACE FUNCTION search_messages(
  reader int, searched text, in_conversation bigint, before_id bigint, wanted int, look_through int, patience_ms int
) RETURNS TABLE (status text, id bigint, next bigint)
LANGUAGE plpgsql STABLE
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  -- More groups than this are no keys of a query: their messages are matched by words only, and then asked for rights.
  max_groups CONSTANT int := 64;
  -- How many ids are looked through at first. Each call goes as far at least, however slow the database is.
  first_span CONSTANT bigint := 1024;
  deadline timestamptz := clock_timestamp() + patience_ms * interval '1 ms';
  words text;
  longest text;
  runs text[];
  rights text;
  groups bigint[] := '{}';
  chat conversations;
  is_member boolean;
  ids bigint[] := '{}';
  more bigint[];
  upper bigint;
  span bigint := first_span;
  seen int;
  looked int := 0;
BEGIN
  -- `?` stands for the part. No term has a character that means something to a query.
  SELECT string_agg(format('''?:%s''%s', t.term, CASE WHEN t.is_prefix THEN ':*' ELSE '' END), ' & '),
      (array_agg(t.term ORDER BY char_length(t.term) DESC))[1],
      array_agg('%' || t.run || '%') FILTER (WHERE t.run IS NOT NULL)
    INTO words, longest, runs FROM search_terms(searched) t;
  IF words IS NULL THEN
    RETURN;
  END IF;

  IF in_conversation IS NULL THEN
    groups := ARRAY(
      SELECT c.id FROM members b JOIN conversations c ON c.id = b.conversation_id
      WHERE b.user_id = reader AND c.kind = 'group'
    );
    IF cardinality(groups) <= max_groups THEN
      rights := format('''?@%s''', reader) || coalesce(
        (SELECT string_agg(format(' | ''?#%s''', g), '') FROM unnest(groups) g), ''
      );
    END IF;
  ELSE
    SELECT * INTO chat FROM conversations c WHERE c.id = in_conversation;
    is_member := EXISTS (SELECT FROM members b WHERE b.conversation_id = in_conversation AND b.user_id = reader);
    IF chat.id IS NULL OR NOT is_member THEN
      status := CASE WHEN chat.id IS NULL THEN 'conversation_not_found' ELSE 'not_member' END;
      RETURN NEXT; RETURN;
    END IF;
    rights := CASE chat.kind
      WHEN 'group' THEN format('''?#%s''', in_conversation)
      ELSE format('''?@%s'' & ''?@%s''', chat.low, chat.high)
    END;
  END IF;

  upper := least(before_id, coalesce((SELECT max(m.id) FROM messages m), 0) + 1);
  WHILE upper > 1 AND cardinality(ids) < wanted AND looked < look_through
    AND (span = first_span OR clock_timestamp() < deadline)
  LOOP
    -- Messages are in part 0 where no index is used.
    SELECT s.seen, s.reached, s.matched INTO seen, upper, more FROM search_newest(
      reader, in_conversation, groups, greatest(upper - span, 1), upper, look_through,
      replace(words, '?', '0')::tsquery, longest, runs
    ) s;
    ids := ids || more;
    looked := looked + seen;
    span := span * 4;
  END LOOP;

  IF upper > 1 AND cardinality(ids) < wanted AND NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indexrelid = to_regclass('messages_search') AND i.indisvalid
  ) THEN
    deadline := '-infinity';
  END IF;
  WHILE upper > 1 AND cardinality(ids) < wanted AND clock_timestamp() < deadline LOOP
    ids := ids || search_part(
      reader, in_conversation,
      replace(coalesce('(' || rights || ') & ', '') || words, '?', ((upper - 1) >> 16)::text)::tsquery,
      upper, runs, wanted
    );
    -- Ids may have large gaps.
    upper := coalesce((SELECT max(m.id) FROM messages m WHERE m.id < ((upper - 1) >> 16) << 16), 0) + 1;
  END LOOP;

  RETURN QUERY SELECT NULL::text, f, NULL::bigint FROM unnest(ids) f ORDER BY f DESC LIMIT wanted;
  IF upper > 1 AND cardinality(ids) < wanted THEN
    RETURN QUERY SELECT NULL::text, NULL::bigint, upper;
  END IF;
END $$
