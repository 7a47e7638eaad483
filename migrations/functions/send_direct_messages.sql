-- Sends messages from user to user: each is a row of `messages` and two events, appended by `append_events`. The order of the
-- steps makes the promise of the inbox:
-- - The heads are locked first, in ascending user id: two calls cannot deadlock, and ids are drawn under the locks, so id
--   order is inbox order.
-- - A later statement sees what was committed while it waited for the locks, so a repeat is found.
-- - A number is taken only for a message that was inserted, so no inbox has a gap.
-- - The first message of two users makes their conversation. Both heads are locked, so no two are made.
--
-- A `client_id` is looked up by the insert itself, which can use no index but the unique one. Its `DO UPDATE` changes nothing
-- but answers with the earlier message; the id tells whether that is the one just drawn. A conversation has one index of its two
-- users, and no plan that reads the table is allowed.
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
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  id_sequence CONSTANT regclass := 'messages_id_seq';
  known int[];
  refusals text[];
  statuses text[];
  ids bigint[];
  times timestamptz[];
  conversation_ids bigint[];
  usernames text[];
  quotes jsonb[];
  new_id bigint;
  refusal text;
  is_same boolean;
  event_users int[] := '{}';
  event_types text[] := '{}';
  event_messages bigint[] := '{}';
  event_times timestamptz[] := '{}';
  seqs bigint[];
  events int := 0;
BEGIN
  SELECT array_agg(l.user_id) INTO known FROM (
    SELECT i.user_id FROM inboxes i WHERE i.user_id = ANY (senders || receivers) ORDER BY i.user_id FOR UPDATE
  ) l;
  known := coalesce(known, '{}');
  -- After the locks, which `change_block` and `change_suspension` take too: what these committed before is seen. One statement for
  -- all: one for each takes about a fifth more a message. The look-ups go by the primary keys (OFFSET 0).
  SELECT array_agg(d.refusal ORDER BY d.place), array_agg(d.username ORDER BY d.place),
      array_agg(d.conversation_id ORDER BY d.place)
    INTO refusals, usernames, conversation_ids
    FROM (
      SELECT x.place, u.username,
        CASE
          WHEN u.suspended_at IS NOT NULL THEN 'suspended'
          WHEN EXISTS (SELECT FROM blocks b WHERE b.user_id = x.receiver AND b.blocked_id = x.sender OFFSET 0) THEN 'blocked'
        END AS refusal,
        (SELECT c.id FROM conversations c
          WHERE c.low = least(x.sender, x.receiver) AND c.high = greatest(x.sender, x.receiver)) AS conversation_id
      FROM unnest(senders, receivers) WITH ORDINALITY AS x (sender, receiver, place)
      LEFT JOIN LATERAL (SELECT * FROM users WHERE id = x.sender OFFSET 0) u ON true
    ) d;

  FOR i IN 1 .. cardinality(senders) LOOP
    id := NULL; timestamp := NULL; conversation_id := NULL; quote := NULL; refusal := NULL;
    IF senders[i] <> ALL (known) THEN
      refusal := 'sender_not_found';
    ELSIF receivers[i] <> ALL (known) THEN
      refusal := 'receiver_not_found';
    ELSIF refusals[i] IS NOT NULL THEN
      refusal := refusals[i];
    ELSIF reply_to_ids[i] IS NOT NULL THEN
      SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, 200)) INTO quote
        FROM messages q JOIN conversations c ON c.id = q.conversation_id
        WHERE q.id = reply_to_ids[i] AND q.deleted_at IS NULL
          AND c.low = least(senders[i], receivers[i]) AND c.high = greatest(senders[i], receivers[i]);
      IF NOT FOUND THEN
        refusal := 'quote_not_found';
      END IF;
    END IF;

    IF refusal IS NOT NULL THEN
      status := refusal;
      IF refusal <> 'sender_not_found' AND client_ids[i] IS NOT NULL THEN
        -- A statement of its own each time: a kept plan could be one for a small table.
        EXECUTE 'SELECT id, timestamp, conversation_id,
            CASE WHEN receiver_id = $3 AND (content = $4 OR version > 1) THEN ''repeat'' ELSE ''conflict'' END
          FROM messages WHERE sender_id = $1 AND client_id = $2'
          INTO id, timestamp, conversation_id, status USING senders[i], client_ids[i], receivers[i], contents[i];
        status := coalesce(status, refusal);
      END IF;
    ELSE
      conversation_id := conversation_ids[i];
      IF conversation_id IS NULL THEN
        -- An earlier message of this call may have made it.
        SELECT c.id INTO conversation_id FROM conversations c
          WHERE c.low = least(senders[i], receivers[i]) AND c.high = greatest(senders[i], receivers[i]);
        IF NOT FOUND THEN
          conversation_id := conversation_for_first_message(senders[i], receivers[i], client_ids[i]);
        END IF;
      END IF;
      new_id := nextval(id_sequence);
      INSERT INTO messages AS m (
          id, sender_id, receiver_id, conversation_id, content, client_id, timestamp, reply_to_id, metadata
        ) OVERRIDING SYSTEM VALUE
        VALUES (
          new_id, senders[i], receivers[i], conversation_id, contents[i], client_ids[i], clock_timestamp(),
          reply_to_ids[i], metadatas[i]::jsonb
        )
        ON CONFLICT (sender_id, client_id) WHERE client_id IS NOT NULL DO UPDATE SET client_id = excluded.client_id
        RETURNING m.id, m.timestamp, m.conversation_id,
          (m.content = contents[i] OR m.version > 1) AND m.receiver_id IS NOT DISTINCT FROM receivers[i]
        INTO id, timestamp, conversation_id, is_same;
      IF id = new_id THEN
        status := 'sent';
        event_users := event_users || receivers[i] || senders[i];
        event_types := event_types || ARRAY['message', 'message_sent'];
        event_messages := event_messages || id || id;
        event_times := event_times || timestamp || timestamp;
      ELSE
        status := CASE WHEN is_same THEN 'repeat' ELSE 'conflict' END;
      END IF;
    END IF;
    statuses[i] := status; ids[i] := id; times[i] := timestamp; conversation_ids[i] := conversation_id; quotes[i] := quote;
  END LOOP;

  IF cardinality(event_users) > 0 THEN
    seqs := append_events(event_users, event_types, event_messages, NULL, event_times, heads_locked => true);
  END IF;

  FOR i IN 1 .. cardinality(senders) LOOP
    status := statuses[i]; id := ids[i]; timestamp := times[i]; conversation_id := conversation_ids[i]; quote := quotes[i];
    sender_username := usernames[i]; sender_seq := NULL; receiver_seq := NULL;
    IF status = 'sent' THEN
      receiver_seq := seqs[events + 1];
      sender_seq := seqs[events + 2];
      events := events + 2;
    ELSIF status = 'repeat' THEN
      SELECT e.seq INTO sender_seq FROM inboxes b JOIN inbox_events e USING (user_id)
        WHERE b.user_id = senders[i] AND e.seq > b.last_seq - 1000 AND e.message_id = ids[i] AND e.type = 'message_sent';
      SELECT e.seq INTO receiver_seq FROM inboxes b JOIN inbox_events e USING (user_id)
        WHERE b.user_id = receivers[i] AND e.seq > b.last_seq - 1000 AND e.message_id = ids[i] AND e.type = 'message';
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
