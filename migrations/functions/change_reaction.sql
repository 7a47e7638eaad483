-- Adds a reaction to a message, or takes it back. Status and rows are those of `create_direct`. The event holds how many users
-- have reacted with the emoji now. Whom the other user of a direct conversation has blocked adds none there.
CREATE OR REPLACE FUNCTION change_reaction(reactor int, message bigint, reaction text, adds boolean, maximum_kinds int)
RETURNS TABLE (
  status text, id bigint, type text, message_id bigint, payload jsonb, at timestamptz, users int[], seqs bigint[]
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  is_deleted boolean;
  kinds text[];
BEGIN
  SELECT m.conversation_id INTO id FROM messages m WHERE m.id = message;
  IF NOT FOUND THEN
    status := 'message_not_found'; RETURN NEXT; RETURN;
  END IF;
  PERFORM lock_conversation(id, exclusively => false);
  SELECT m.deleted_at IS NOT NULL INTO is_deleted FROM messages m WHERE m.id = message FOR UPDATE;
  kinds := ARRAY(SELECT DISTINCT r.emoji FROM reactions r WHERE r.message_id = message);
  status := coalesce(CASE WHEN is_suspended(reactor) THEN 'suspended' END, may_read(reactor, id, message), CASE
    WHEN adds AND is_deleted THEN 'message_deleted'
    WHEN adds AND EXISTS (
      SELECT FROM messages m JOIN blocks b ON b.user_id = CASE reactor WHEN m.receiver_id THEN m.sender_id ELSE m.receiver_id END
      WHERE m.id = message AND m.receiver_id IS NOT NULL AND b.blocked_id = reactor
    ) AND NOT EXISTS (
      SELECT FROM reactions r WHERE r.message_id = message AND r.emoji = reaction AND r.user_id = reactor
    ) THEN 'blocked'
    WHEN adds AND reaction <> ALL (kinds) AND cardinality(kinds) >= maximum_kinds THEN 'too_many_reactions'
  END);
  IF status IS NOT NULL THEN
    RETURN NEXT; RETURN;
  END IF;
  at := clock_timestamp()::timestamptz(3);
  IF adds THEN
    INSERT INTO reactions (message_id, emoji, user_id, created_at) VALUES (message, reaction, reactor, at)
      ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM reactions r WHERE r.message_id = message AND r.emoji = reaction AND r.user_id = reactor;
  END IF;
  IF NOT FOUND THEN
    status := 'unchanged'; RETURN NEXT; RETURN;
  END IF;
  UPDATE messages m SET reacted = true WHERE m.id = message AND adds AND NOT m.reacted;
  status := 'changed';
  type := 'reaction';
  users := readers_of(id, message);
  payload := jsonb_build_object(
    'message_id', message, 'conversation_id', id, 'user_id', reactor, 'emoji', reaction, 'added', adds,
    'count', (SELECT count(*) FROM reactions r WHERE r.message_id = message AND r.emoji = reaction)
  );
  seqs := append_to_all(users, type, NULL, payload, at);
  RETURN NEXT;
END $$
