-- Locks a conversation, then the heads of the inboxes of its members and of `others`, in ascending user id. Answers the members
-- in ascending order; null when there is no such conversation. A change of membership locks `exclusively`: it waits for the
-- sends under way, and sends wait for it, so who gets a message is decided once.
CREATE OR REPLACE FUNCTION lock_conversation(conversation bigint, exclusively boolean, others int[] DEFAULT '{}')
RETURNS int[]
LANGUAGE plpgsql AS $$
DECLARE
  member_ids int[];
BEGIN
  IF exclusively THEN
    PERFORM FROM conversations c WHERE c.id = conversation FOR UPDATE;
  ELSE
    PERFORM FROM conversations c WHERE c.id = conversation FOR KEY SHARE;
  END IF;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  member_ids := ARRAY(SELECT m.user_id FROM members m WHERE m.conversation_id = conversation ORDER BY m.user_id);
  PERFORM FROM inboxes i WHERE i.user_id = ANY (member_ids || others) ORDER BY i.user_id FOR UPDATE;
  RETURN member_ids;
END $$
