-- Makes a group, whose owner is its maker. Status and rows are those of `create_direct`; `users` of 'members_not_found' names
-- the unknown ones. A `client_id` of the maker's is answered with the group that it made, whatever became of the other members, as
-- long as the maker is a member. It conflicts when something else is asked for: the history, or the title and the metadata while
-- nobody changed them. The first members are not stored: others do not conflict.
CREATE OR REPLACE FUNCTION create_group(
  maker int, member_ids int[], group_title text, group_history text, group_metadata jsonb, group_client_id text, maximum int
) RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  all_ids CONSTANT int[] := ARRAY(SELECT DISTINCT i FROM unnest(member_ids || maker) i ORDER BY i);
  known int[];
  place bigint;
  is_same boolean;
  member_role text;
BEGIN
  known := ARRAY(SELECT i.user_id FROM inboxes i WHERE i.user_id = ANY (all_ids) ORDER BY i.user_id FOR UPDATE);
  IF maker <> ALL (known) THEN
    status := 'user_not_found'; RETURN NEXT; RETURN;
  ELSIF is_suspended(maker) THEN
    status := 'suspended'; RETURN NEXT; RETURN;
  END IF;
  -- The lock of the maker's inbox is held: no other call makes a group with this `client_id` meanwhile.
  SELECT c.id, c.history = group_history
      AND (c.updated_at IS NOT NULL OR c.title = group_title AND c.metadata IS NOT DISTINCT FROM group_metadata)
    INTO id, is_same FROM conversations c WHERE c.created_by = maker AND c.client_id = group_client_id;
  IF FOUND THEN
    status := CASE
      WHEN NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = id AND m.user_id = maker) THEN 'not_member'
      WHEN is_same THEN 'unchanged'
      ELSE 'conflict'
    END;
    RETURN NEXT; RETURN;
  END IF;
  IF cardinality(known) < cardinality(all_ids) THEN
    status := 'members_not_found';
    users := ARRAY(SELECT i FROM unnest(all_ids) i WHERE i <> ALL (known) ORDER BY i);
    RETURN NEXT; RETURN;
  ELSIF cardinality(all_ids) > maximum THEN
    status := 'group_full'; RETURN NEXT; RETURN;
  END IF;

  at := clock_timestamp()::timestamptz(3);
  INSERT INTO conversations AS c (kind, title, metadata, history, created_by, created_at, client_id)
    VALUES ('group', group_title, group_metadata, group_history, maker, at, group_client_id) RETURNING c.id INTO id;
  place := nextval('messages_id_seq');
  INSERT INTO members (conversation_id, user_id, role, joined_at, joined_after, last_read_id)
    SELECT id, i, CASE i WHEN maker THEN 'owner' ELSE 'member' END, at, place, place FROM unnest(all_ids) i;

  status := 'changed';
  type := 'conversation_added';
  FOREACH member_role IN ARRAY ARRAY['owner', 'member'] LOOP
    users := ARRAY(SELECT m.user_id FROM members m WHERE m.conversation_id = id AND m.role = member_role ORDER BY 1);
    CONTINUE WHEN cardinality(users) = 0;
    payload := jsonb_build_object('conversation', conversation_json(id) || jsonb_build_object('role', member_role));
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END LOOP;
END $$
