-- Changes title or metadata of a group. Status and rows are those of `create_direct`.
CREATE OR REPLACE FUNCTION update_conversation(
  changer int, conversation bigint, new_title text, sets_title boolean, new_metadata jsonb, sets_metadata boolean, roles text[]
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  member_ids CONSTANT int[] := lock_conversation(conversation, exclusively => true);
  changer_role text;
  is_group boolean;
BEGIN
  id := conversation;
  SELECT m.role INTO changer_role FROM members m WHERE m.conversation_id = conversation AND m.user_id = changer;
  SELECT c.kind = 'group' INTO is_group FROM conversations c WHERE c.id = conversation;
  status := CASE
    WHEN is_suspended(changer) THEN 'suspended'
    WHEN member_ids IS NULL THEN 'conversation_not_found'
    WHEN changer_role IS NULL THEN 'not_member'
    WHEN NOT is_group THEN 'not_a_group'
    WHEN changer_role <> ALL (roles) THEN 'role_forbids'
  END;
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;

  at := clock_timestamp()::timestamptz(3);
  UPDATE conversations c SET
      title = CASE WHEN sets_title THEN new_title ELSE c.title END,
      metadata = CASE WHEN sets_metadata THEN new_metadata ELSE c.metadata END,
      updated_at = at
    WHERE c.id = conversation
      AND (sets_title AND c.title IS DISTINCT FROM new_title OR sets_metadata AND c.metadata IS DISTINCT FROM new_metadata);
  IF NOT FOUND THEN
    status := 'unchanged'; RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'conversation_updated';
  users := member_ids;
  payload := jsonb_build_object('conversation', conversation_json(conversation));
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
END $$
