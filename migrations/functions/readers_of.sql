-- The members of a conversation who may read a message of it, in ascending order. Only they get the events of its changes: an event
-- would show a member that joined later what it may not read.
CREATE OR REPLACE FUNCTION readers_of(conversation bigint, message bigint) RETURNS int[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(
    SELECT m.user_id FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = conversation AND (c.history = 'all' OR m.joined_after < message)
    ORDER BY m.user_id
  );
END $$
