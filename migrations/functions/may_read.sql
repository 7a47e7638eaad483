-- Why a user may not read a message of a conversation: 'not_member' or 'message_not_found'; null when it may.
CREATE OR REPLACE FUNCTION may_read(reader int, conversation bigint, message bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  begins_after bigint;
BEGIN
  SELECT CASE c.history WHEN 'joined' THEN m.joined_after ELSE 0 END INTO begins_after
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = conversation AND m.user_id = reader;
  RETURN CASE
    WHEN NOT FOUND THEN 'not_member'
    WHEN message <= begins_after THEN 'message_not_found'
  END;
END $$
