-- The user, and the users who share a conversation with it, in ascending order. With more than `maximum` others, those of the
-- conversations that were made last. It looks through a bounded number of memberships, those of the latest conversations first: the same
-- users may share many.
CREATE OR REPLACE FUNCTION fellows_of(me int, maximum int) RETURNS int[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  looked_through CONSTANT int := greatest(maximum, least(20 * maximum, 50000));
BEGIN
  RETURN ARRAY(
    SELECT f.user_id FROM (
      SELECT me AS user_id
      UNION ALL (
        SELECT s.user_id FROM (
          SELECT t.user_id, mine.conversation_id FROM members mine JOIN members t ON t.conversation_id = mine.conversation_id
          WHERE mine.user_id = me AND t.user_id <> me ORDER BY mine.conversation_id DESC LIMIT looked_through
        ) s GROUP BY s.user_id ORDER BY max(s.conversation_id) DESC, s.user_id LIMIT maximum
      )
    ) f ORDER BY f.user_id
  );
END $$
