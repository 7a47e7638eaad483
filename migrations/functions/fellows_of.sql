-- The user, and the users who share a conversation with it, in ascending order. With more than `maximum`, those of the conversations
-- that were made last.
CREATE OR REPLACE FUNCTION fellows_of(me int, maximum int) RETURNS int[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  RETURN ARRAY(
    SELECT DISTINCT f.user_id FROM (
      SELECT me AS user_id
      UNION ALL (
        SELECT t.user_id FROM members mine JOIN members t ON t.conversation_id = mine.conversation_id
        WHERE mine.user_id = me ORDER BY mine.conversation_id DESC LIMIT maximum
      )
    ) f ORDER BY f.user_id
  );
END $$
