-- Phase of `erase_step`: the user leaves its next group, as it would by itself. A group without members has no texts any more.
CREATE OR REPLACE FUNCTION erase_group_membership(erased int, done_id bigint)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  left_group bigint;
BEGIN
  SELECT b.conversation_id INTO left_group FROM members b JOIN conversations c ON c.id = b.conversation_id
    WHERE b.user_id = erased AND b.conversation_id > done_id AND c.kind = 'group'
    ORDER BY b.conversation_id LIMIT 1;
  IF left_group IS NOT NULL THEN
    RETURN QUERY SELECT * FROM remove_member(erased, left_group, erased, '{}', '{}');
    UPDATE conversations c SET title = NULL, metadata = NULL
      WHERE c.id = left_group AND NOT EXISTS (SELECT FROM members b WHERE b.conversation_id = c.id);
  END IF;
  PERFORM move_erasure(erased, left_group);
END $$
