-- Phase of `erase_step`: ends memberships of direct conversations. Each other user gets the event that says who its conversation is with now.
CREATE OR REPLACE FUNCTION erase_direct_memberships(erased int, max_rows int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  ids CONSTANT bigint[] := ARRAY(
    SELECT b.conversation_id FROM members b WHERE b.user_id = erased ORDER BY b.conversation_id LIMIT max_rows
  );
  peers int[];
BEGIN
  IF cardinality(ids) = 0 THEN
    PERFORM move_erasure(erased, NULL); RETURN;
  END IF;
  PERFORM FROM conversations c WHERE c.id = ANY (ids) ORDER BY c.id FOR UPDATE;
  peers := ARRAY(
    SELECT b.user_id FROM members b WHERE b.conversation_id = ANY (ids) AND b.user_id <> erased
  );
  PERFORM FROM inboxes i WHERE i.user_id = ANY (peers) ORDER BY i.user_id FOR UPDATE;
  DELETE FROM members b WHERE b.user_id = erased AND b.conversation_id = ANY (ids);

  status := 'changed';
  type := 'conversation_updated';
  at := clock_timestamp()::timestamptz(3);
  FOREACH id IN ARRAY ids LOOP
    users := ARRAY(SELECT b.user_id FROM members b WHERE b.conversation_id = id);
    CONTINUE WHEN cardinality(users) = 0;
    payload := jsonb_build_object(
      'conversation', conversation_json(id) || jsonb_build_object('with', peer_json(id, users[1]))
    );
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END LOOP;
END $$
