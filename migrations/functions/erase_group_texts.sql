-- Phase of `erase_step`: deletes the `client_id`s of groups that the user made, and the texts of those that have no member.
CREATE OR REPLACE FUNCTION erase_group_texts(erased int, done_id bigint, max_rows int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  ids CONSTANT bigint[] := ARRAY(
    SELECT c.id FROM conversations c
    WHERE c.created_by = erased AND c.kind = 'group' AND c.id > done_id ORDER BY c.id LIMIT max_rows
  );
BEGIN
  UPDATE conversations c SET client_id = NULL WHERE c.id = ANY (ids) AND c.client_id IS NOT NULL;
  UPDATE conversations c SET title = NULL, metadata = NULL
    WHERE c.id = ANY (ids) AND NOT EXISTS (SELECT FROM members b WHERE b.conversation_id = c.id);
  PERFORM move_erasure(erased, ids[cardinality(ids)]);
END $$
