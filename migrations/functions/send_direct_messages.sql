-- Sends messages from user to user: each is a row of `messages` and two events, appended by `append_events`. The order of the
-- steps makes the promise of the inbox:
-- - The heads are locked first, in ascending user id: two calls cannot deadlock, and ids are drawn under the locks, so id
--   order is inbox order.
-- - A later statement sees what was committed while it waited for the locks, so a repeat is found.
-- - A number is taken only for a message that was inserted, so no inbox has a gap.
-- - The first message of two users makes their conversation. Both heads are locked, so no two are made.
--
-- The messages are inserted by one statement: one for each takes a third more of the backend's processor time in a call of 64. It
-- leaves out those whose `client_id` was used before. Plans are kept for any number of messages: by their own costs PostgreSQL would
-- plan a call of few each time. No plan that reads a table is allowed.
--
-- A row's status is 'sent', 'repeat' (of the earlier send, which it describes as it is now), or why the send was refused. A
-- repeat has the numbers of its events while they are among the latest 1,000: the node that committed it may have died before
-- it published. A message that was changed since has another content than its repeat.
--
-- The time that it waits for a lock is the function's own: behind a pooler a connection keeps no settings.
CREATE OR REPLACE FUNCTION send_direct_messages(
  senders int[], receivers int[], contents text[], client_ids text[], reply_to_ids bigint[], metadatas text[]
) RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, sender_seq bigint, receiver_seq bigint,
  conversation_id bigint, quote jsonb
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  id_sequence CONSTANT regclass := 'messages_id_seq';
  known int[];
  refusals text[];
  new_ids bigint[];
  conversation_ids bigint[];
  usernames text[];
  quotes jsonb[];
  sent_at timestamptz(3);
  sent_ids bigint[];
  event_users int[] := '{}';
  event_types text[] := '{}';
  event_messages bigint[] := '{}';
  seqs bigint[];
  sent int := 0;
BEGIN
  SELECT array_agg(l.user_id) INTO known FROM (
    SELECT i.user_id FROM inboxes i WHERE i.user_id = ANY (senders || receivers) ORDER BY i.user_id FOR UPDATE
  ) l;
  known := coalesce(known, '{}');
  -- After the locks, which `change_block` and `change_suspension` take too: what these committed before is seen. The look-ups go by
  -- the primary keys (OFFSET 0).
  SELECT array_agg(d.refusal ORDER BY d.place), array_agg(d.username ORDER BY d.place),
      array_agg(d.conversation_id ORDER BY d.place)
    INTO refusals, usernames, conversation_ids
    FROM (
      SELECT x.place, u.username,
        CASE
          WHEN x.sender <> ALL (known) THEN 'sender_not_found'
          WHEN x.receiver <> ALL (known) THEN 'receiver_not_found'
          WHEN u.suspended_at IS NOT NULL THEN 'suspended'
          WHEN EXISTS (SELECT FROM blocks b WHERE b.user_id = x.receiver AND b.blocked_id = x.sender OFFSET 0) THEN 'blocked'
        END AS refusal,
        (SELECT c.id FROM conversations c
          WHERE c.low = least(x.sender, x.receiver) AND c.high = greatest(x.sender, x.receiver)) AS conversation_id
      FROM unnest(senders, receivers) WITH ORDINALITY AS x (sender, receiver, place)
      LEFT JOIN LATERAL (SELECT * FROM users WHERE id = x.sender OFFSET 0) u ON true
    ) d;

  FOR i IN 1 .. cardinality(senders) LOOP
    quote := NULL;
    IF refusals[i] IS NULL AND reply_to_ids[i] IS NOT NULL THEN
      SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, 200)) INTO quote
        FROM messages q WHERE q.id = reply_to_ids[i] AND q.deleted_at IS NULL AND q.conversation_id = conversation_ids[i];
      IF NOT FOUND THEN
        refusals[i] := 'quote_not_found';
      END IF;
    END IF;
    quotes[i] := quote;
    IF refusals[i] IS NULL AND conversation_ids[i] IS NULL THEN
      -- An earlier message of this call may have made it, or have the `client_id`: then this one is not inserted.
      conversation_ids[i] := coalesce(
        (SELECT c.id FROM conversations c
          WHERE c.low = least(senders[i], receivers[i]) AND c.high = greatest(senders[i], receivers[i])),
        (SELECT 0 FROM unnest(new_ids, refusals, senders, client_ids) AS e (id, refusal, sender, client_id)
          WHERE e.id IS NOT NULL AND e.refusal IS NULL AND e.sender = senders[i] AND e.client_id = client_ids[i] LIMIT 1),
        conversation_for_first_message(senders[i], receivers[i], client_ids[i])
      );
    END IF;
    new_ids[i] := nextval(id_sequence);
  END LOOP;

  sent_at := clock_timestamp();
  WITH inserted AS (
    INSERT INTO messages AS m (
        id, sender_id, receiver_id, conversation_id, content, client_id, timestamp, reply_to_id, metadata
      ) OVERRIDING SYSTEM VALUE
      SELECT d.id, d.sender, d.receiver, d.conversation, d.content, d.client_id, sent_at, d.reply_to, d.metadata::jsonb
      FROM unnest(
        new_ids, refusals, senders, receivers, conversation_ids, contents, client_ids, reply_to_ids, metadatas
      ) AS d (id, refusal, sender, receiver, conversation, content, client_id, reply_to, metadata)
      WHERE d.refusal IS NULL
      ON CONFLICT (sender_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
      RETURNING m.id
  )
  SELECT array_agg(n.id) INTO sent_ids FROM inserted n;

  -- `sent_ids` are in the order of the call, as they were inserted. An element is set in its place: `||` copies the array.
  FOR i IN 1 .. cardinality(senders) LOOP
    IF new_ids[i] = sent_ids[sent + 1] THEN
      sent := sent + 1;
      event_users[2 * sent - 1] := receivers[i]; event_users[2 * sent] := senders[i];
      event_types[2 * sent - 1] := 'message'; event_types[2 * sent] := 'message_sent';
      event_messages[2 * sent - 1] := new_ids[i]; event_messages[2 * sent] := new_ids[i];
    END IF;
  END LOOP;
  IF sent > 0 THEN
    seqs := append_events(
      event_users, event_types, event_messages, NULL, array_fill(sent_at::timestamptz, ARRAY[2 * sent]), heads_locked => true
    );
  END IF;

  sent := 0;
  FOR i IN 1 .. cardinality(senders) LOOP
    id := NULL; timestamp := NULL; conversation_id := NULL; status := NULL; sender_seq := NULL; receiver_seq := NULL;
    sender_username := usernames[i]; quote := quotes[i];
    IF new_ids[i] = sent_ids[sent + 1] THEN
      status := 'sent'; id := new_ids[i]; timestamp := sent_at; conversation_id := conversation_ids[i];
      receiver_seq := seqs[2 * sent + 1]; sender_seq := seqs[2 * sent + 2];
      sent := sent + 1;
    ELSIF client_ids[i] IS NOT NULL AND refusals[i] IS DISTINCT FROM 'sender_not_found' THEN
      -- An earlier message, maybe of this call. Planned each time: a kept plan could be one for a small table.
      EXECUTE 'SELECT id, timestamp, conversation_id,
          CASE WHEN receiver_id = $3 AND (content = $4 OR version > 1) THEN ''repeat'' ELSE ''conflict'' END
        FROM messages WHERE sender_id = $1 AND client_id = $2 AND id < $5'
        INTO id, timestamp, conversation_id, status
        USING senders[i], client_ids[i], receivers[i], contents[i], new_ids[i];
      IF status = 'repeat' THEN
        SELECT e.seq INTO sender_seq FROM inboxes b JOIN inbox_events e USING (user_id)
          WHERE b.user_id = senders[i] AND e.seq > b.last_seq - 1000 AND e.message_id = id AND e.type = 'message_sent';
        SELECT e.seq INTO receiver_seq FROM inboxes b JOIN inbox_events e USING (user_id)
          WHERE b.user_id = receivers[i] AND e.seq > b.last_seq - 1000 AND e.message_id = id AND e.type = 'message';
      END IF;
    END IF;
    status := coalesce(status, refusals[i]);
    RETURN NEXT;
  END LOOP;
END $$
