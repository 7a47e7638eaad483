-- Makes the direct conversation of two users for a message that is about to be inserted, and answers its id. With a `client_id`
-- that was used before, nothing will be inserted: then no conversation is made, and the answer, 0, is not stored either.
CREATE OR REPLACE FUNCTION conversation_for_first_message(sender int, receiver int, used_client_id text) RETURNS bigint
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT FROM messages m WHERE m.sender_id = sender AND m.client_id = used_client_id) THEN
    RETURN 0;
  END IF;
  RETURN direct_conversation(sender, receiver, NULL, clock_timestamp(), 0);
END $$
