-- Removes a member from a group, or lets it leave. Status and rows are those of `create_direct`. When the owner leaves, the
-- oldest admin, else the oldest member, becomes the owner.
CREATE OR REPLACE FUNCTION remove_member(
  changer int, conversation bigint, member int, remove_roles text[], remove_admin_roles text[]
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  member_ids CONSTANT int[] := lock_conversation(conversation, exclusively => true);
  others CONSTANT int[] := array_remove(member_ids, member);
  is_group boolean;
  changer_role text;
  old_role text;
  successor int;
  about jsonb;
BEGIN
  id := conversation;
  SELECT c.kind = 'group' INTO is_group FROM conversations c WHERE c.id = conversation;
  SELECT m.role INTO changer_role FROM members m WHERE m.conversation_id = conversation AND m.user_id = changer;
  SELECT m.role INTO old_role FROM members m WHERE m.conversation_id = conversation AND m.user_id = member;
  status := CASE
    WHEN is_suspended(changer) THEN 'suspended'
    WHEN member_ids IS NULL THEN 'conversation_not_found'
    WHEN changer_role IS NULL AND (changer <> member OR NOT is_group) THEN 'not_member'
    WHEN NOT is_group THEN 'not_a_group'
    WHEN old_role IS NULL THEN 'unchanged'
    WHEN changer = member THEN NULL
    WHEN old_role = 'member' AND changer_role = ANY (remove_roles) THEN NULL
    WHEN old_role = 'admin' AND changer_role = ANY (remove_admin_roles) THEN NULL
    ELSE 'role_forbids'
  END;
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;

  status := 'changed';
  at := clock_timestamp()::timestamptz(3);
  DELETE FROM members m WHERE m.conversation_id = conversation AND m.user_id = member;
  IF old_role = 'owner' THEN
    SELECT m.user_id INTO successor FROM members m WHERE m.conversation_id = conversation
      ORDER BY m.role = 'admin' DESC, m.joined_after, m.user_id LIMIT 1;
    UPDATE members m SET role = 'owner' WHERE m.conversation_id = conversation AND m.user_id = successor;
  END IF;

  about := jsonb_build_object('conversation_id', conversation, 'by', changer);
  type := 'conversation_removed';
  users := ARRAY[member];
  payload := about;
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
  IF cardinality(others) = 0 THEN
    RETURN;
  END IF;
  about := about || jsonb_build_object('member_count', cardinality(others));
  type := 'member_removed';
  users := others;
  payload := about || jsonb_build_object('user_id', member);
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
  IF successor IS NOT NULL THEN
    type := 'member_updated';
    payload := about || jsonb_build_object('member', member_json(conversation, successor));
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END IF;
END $$
