-- Locks conversations against changes of their members, then the heads of these members, each in ascending order.
CREATE OR REPLACE FUNCTION lock_readers(conversation_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM conversations c WHERE c.id = ANY (conversation_ids) ORDER BY c.id FOR KEY SHARE;
  PERFORM FROM inboxes i
    WHERE i.user_id = ANY (ARRAY(SELECT b.user_id FROM members b WHERE b.conversation_id = ANY (conversation_ids)))
    ORDER BY i.user_id FOR UPDATE;
END $$
