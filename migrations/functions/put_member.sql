-- Adds a member to a group, or changes its role. Status and rows are those of `create_direct`. Whom the owner makes the owner
-- takes its place, and the owner becomes an admin; it cannot give up its role in another way.
CREATE OR REPLACE FUNCTION put_member(
  changer int, conversation bigint, member int, wanted_role text, add_roles text[], change_roles text[], maximum int
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  member_ids CONSTANT int[] := lock_conversation(conversation, exclusively => true, others => ARRAY[member]);
  new_role CONSTANT text := coalesce(wanted_role, 'member');
  is_group boolean;
  changer_role text;
  old_role text;
  place bigint;
  changed int;
  about jsonb;
BEGIN
  id := conversation;
  SELECT c.kind = 'group' INTO is_group FROM conversations c WHERE c.id = conversation;
  SELECT m.role INTO changer_role FROM members m WHERE m.conversation_id = conversation AND m.user_id = changer;
  SELECT m.role INTO old_role FROM members m WHERE m.conversation_id = conversation AND m.user_id = member;
  status := CASE
    WHEN is_suspended(changer) THEN 'suspended'
    WHEN member_ids IS NULL THEN 'conversation_not_found'
    WHEN changer_role IS NULL THEN 'not_member'
    WHEN NOT is_group THEN 'not_a_group'
    WHEN old_role IS NOT NULL AND (wanted_role IS NULL OR wanted_role = old_role) THEN 'unchanged'
    WHEN old_role IS NULL AND changer_role <> ALL (add_roles) THEN 'role_forbids'
    WHEN (old_role IS NOT NULL OR new_role <> 'member') AND changer_role <> ALL (change_roles) THEN 'role_forbids'
    WHEN old_role = 'owner' THEN 'role_forbids'
    WHEN NOT EXISTS (SELECT FROM inboxes i WHERE i.user_id = member) THEN 'members_not_found'
    WHEN old_role IS NULL AND cardinality(member_ids) >= maximum THEN 'group_full'
  END;
  IF status IS NOT NULL THEN
    IF status = 'members_not_found' THEN
      users := ARRAY[member];
    END IF;
    RETURN NEXT; RETURN;
  END IF;

  status := 'changed';
  at := clock_timestamp()::timestamptz(3);
  IF old_role IS NULL THEN
    place := nextval('messages_id_seq');
    INSERT INTO members (conversation_id, user_id, role, joined_at, joined_after, last_read_id)
      VALUES (conversation, member, new_role, at, place, place);
  ELSE
    UPDATE members m SET role = new_role WHERE m.conversation_id = conversation AND m.user_id = member;
  END IF;
  IF new_role = 'owner' THEN
    UPDATE members m SET role = 'admin' WHERE m.conversation_id = conversation AND m.user_id = changer;
  END IF;

  about := jsonb_build_object(
    'conversation_id', conversation, 'by', changer,
    'member_count', (SELECT count(*) FROM members m WHERE m.conversation_id = conversation)
  );
  IF old_role IS NULL THEN
    type := 'conversation_added';
    users := ARRAY[member];
    payload := jsonb_build_object('conversation', conversation_json(conversation) || jsonb_build_object('role', new_role));
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END IF;
  users := member_ids;
  FOREACH changed IN ARRAY CASE new_role WHEN 'owner' THEN ARRAY[member, changer] ELSE ARRAY[member] END LOOP
    type := CASE WHEN changed = member AND old_role IS NULL THEN 'member_added' ELSE 'member_updated' END;
    payload := about || jsonb_build_object('member', member_json(conversation, changed));
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
    users := member_ids || CASE WHEN old_role IS NULL THEN ARRAY[member] ELSE '{}' END;
  END LOOP;
END $$
