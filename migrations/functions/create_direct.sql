-- The direct conversation of two users, which is made when there is none. The status is 'changed', 'unchanged', or why the call
-- was refused. A row with a type is an event that was appended: to whom, and at which numbers.
CREATE OR REPLACE FUNCTION create_direct(maker int, other int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  known int[];
  viewer int;
BEGIN
  known := ARRAY(
    SELECT i.user_id FROM inboxes i WHERE i.user_id IN (maker, other) ORDER BY i.user_id FOR UPDATE
  );
  IF maker <> ALL (known) THEN
    status := 'user_not_found'; RETURN NEXT; RETURN;
  ELSIF is_suspended(maker) THEN
    status := 'suspended'; RETURN NEXT; RETURN;
  ELSIF other <> ALL (known) THEN
    status := 'members_not_found'; users := ARRAY[other]; RETURN NEXT; RETURN;
  END IF;
  SELECT c.id INTO id FROM conversations c WHERE c.low = least(maker, other) AND c.high = greatest(maker, other);
  IF FOUND THEN
    status := 'unchanged'; RETURN NEXT; RETURN;
  END IF;
  -- The conversation would be an event of the other user.
  IF EXISTS (SELECT FROM blocks b WHERE b.user_id = other AND b.blocked_id = maker) THEN
    status := 'blocked'; RETURN NEXT; RETURN;
  END IF;
  status := 'changed';
  type := 'conversation_added';
  at := clock_timestamp()::timestamptz(3);
  id := direct_conversation(maker, other, maker, at, nextval('messages_id_seq'));
  FOREACH viewer IN ARRAY ARRAY[maker, other] LOOP
    users := ARRAY[viewer];
    payload := jsonb_build_object(
      'conversation', conversation_json(id) || jsonb_build_object('with', peer_json(id, viewer))
    );
    seqs := append_to_all(users, type, NULL, payload, at);
    RETURN NEXT;
  END LOOP;
END $$
