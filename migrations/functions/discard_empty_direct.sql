-- Deletes the direct conversation of two users when a send made it that was then refused. The caller has locked both heads, so no
-- other send makes or uses it meanwhile. One that a user asked for has a maker and stays.
CREATE OR REPLACE FUNCTION discard_empty_direct(user_a int, user_b int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  empty bigint;
BEGIN
  SELECT c.id INTO empty FROM conversations c
    WHERE c.low = least(user_a, user_b) AND c.high = greatest(user_a, user_b) AND c.created_by IS NULL
      AND NOT EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id);
  IF FOUND THEN
    DELETE FROM members WHERE conversation_id = empty;
    DELETE FROM conversations WHERE id = empty;
  END IF;
END $$
