-- Makes the direct conversation of two users whose heads the caller has locked, so that no two are made, and answers its id.
-- `place` is an id of the messages: where the conversation stands in the lists of both before its first message.
CREATE OR REPLACE FUNCTION direct_conversation(user_a int, user_b int, maker int, at timestamptz, place bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  made bigint;
BEGIN
  INSERT INTO conversations (kind, low, high, created_by, created_at)
    VALUES ('direct', least(user_a, user_b), greatest(user_a, user_b), maker, at)
    RETURNING id INTO made;
  INSERT INTO members (conversation_id, user_id, joined_at, joined_after)
    SELECT DISTINCT made, u, at, place FROM unnest(ARRAY[user_a, user_b]) u;
  RETURN made;
END $$
