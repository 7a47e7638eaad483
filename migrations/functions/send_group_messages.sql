-- Sends messages to groups: each is a row of `messages` and an event for every member. One `append_events` appends those of several
-- messages. The heads of a message alone are not locked first and moved later: one update does both, and is taken back when the
-- message is refused. For 100 members the lock took a tenth of the backend's processor time.
-- Else the order of the steps is that of `send_direct_messages`, behind a shared lock of the conversations: a change of who
-- their members are waits for this call, and it for them.
--
-- The messages are inserted by one statement, and their events are made by one: with some for each message, a call of 20 to a group
-- of ten takes a third more of the backend's processor time.
--
-- Status as in `send_direct_messages`. `users` are the members who have the event, the sender too, and `seqs` its numbers. A
-- repeat has them for half a minute, by when each node has looked for what was not published, and only of those members whose latest
-- 100 events have the message.
CREATE OR REPLACE FUNCTION send_group_messages(
  senders int[], to_conversations bigint[], contents text[], client_ids text[], reply_to_ids bigint[], metadatas text[]
) RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, users int[], seqs bigint[], quote jsonb
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off SET enable_bitmapscan = off
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  id_sequence CONSTANT regclass := 'messages_id_seq';
  -- Among how many of the latest events of each member that of a repeat is looked for: the locks are held meanwhile.
  looked_through CONSTANT int := 100;
  is_alone CONSTANT boolean := cardinality(senders) = 1;
  -- The members whose heads were moved for a message alone.
  locked int[];
  refusals text[];
  begins_after bigint[];
  usernames text[];
  quotes jsonb[];
  new_ids bigint[];
  sent_at timestamptz(3);
  sent_ids bigint[];
  event_users int[];
  event_types text[];
  event_messages bigint[];
  member_counts int[];
  all_seqs bigint[];
  sent int := 0;
  events int := 0;
BEGIN
  PERFORM FROM conversations c WHERE c.id = ANY (to_conversations) ORDER BY c.id FOR KEY SHARE;
  IF is_alone THEN
    -- A scan of the primary key, the only one that the settings of this function leave, goes by ascending user id, as all locks do.
    WITH head AS (
      UPDATE inboxes SET last_seq = last_seq + 1
      WHERE user_id = ANY (ARRAY(
        SELECT m.user_id FROM members m
        WHERE m.conversation_id = to_conversations[1]
          -- Whoever may not send moves no heads.
          AND EXISTS (
            SELECT FROM members s JOIN users u ON u.id = s.user_id
            WHERE s.conversation_id = to_conversations[1] AND s.user_id = senders[1] AND u.suspended_at IS NULL
          )
      ))
      RETURNING user_id, last_seq
    )
    SELECT array_agg(h.user_id), array_agg(h.last_seq) INTO locked, all_seqs
      FROM (SELECT * FROM head ORDER BY user_id) h;
  ELSE
    PERFORM FROM inboxes i
      WHERE i.user_id = ANY (ARRAY(SELECT m.user_id FROM members m WHERE m.conversation_id = ANY (to_conversations)))
      ORDER BY i.user_id FOR UPDATE;
  END IF;

  -- After the locks, which `change_suspension` takes too: what it committed before is seen. The look-ups go by the primary keys
  -- (OFFSET 0). A user who is erased has no inbox any more, though it may still be a member.
  SELECT array_agg(d.refusal ORDER BY d.place), array_agg(d.begins_after ORDER BY d.place),
      array_agg(d.username ORDER BY d.place)
    INTO refusals, begins_after, usernames
    FROM (
      SELECT x.place, u.username, CASE c.history WHEN 'joined' THEN m.joined_after ELSE 0 END AS begins_after,
        CASE
          WHEN c.id IS NULL THEN 'conversation_not_found'
          WHEN m.joined_after IS NULL THEN 'not_member'
          WHEN u.suspended_at IS NOT NULL THEN 'suspended'
        END AS refusal
      FROM unnest(senders, to_conversations) WITH ORDINALITY AS x (sender, conversation, place)
      LEFT JOIN LATERAL (SELECT * FROM users WHERE id = x.sender OFFSET 0) u ON true
      LEFT JOIN LATERAL (SELECT * FROM conversations WHERE id = x.conversation OFFSET 0) c ON true
      LEFT JOIN LATERAL (
        SELECT joined_after FROM members JOIN inboxes USING (user_id)
        WHERE conversation_id = x.conversation AND user_id = x.sender OFFSET 0
      ) m ON true
    ) d;
  IF is_alone AND locked IS NULL THEN
    -- No head was moved, though nothing forbids the send now: its sender was suspended when the heads were to be moved.
    refusals[1] := coalesce(refusals[1], 'suspended');
  END IF;

  FOR i IN 1 .. cardinality(senders) LOOP
    quote := NULL;
    IF refusals[i] IS NULL AND reply_to_ids[i] IS NOT NULL THEN
      SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, 200)) INTO quote
        FROM messages q
        WHERE q.id = reply_to_ids[i] AND q.deleted_at IS NULL AND q.conversation_id = to_conversations[i]
          AND q.id > begins_after[i]
          -- All who get the reply may read what it quotes, so they get the event of its changes.
          AND (begins_after[i] = 0 OR NOT EXISTS (
            SELECT FROM members x WHERE x.conversation_id = to_conversations[i] AND x.joined_after >= q.id
          ));
      IF NOT FOUND THEN
        refusals[i] := 'quote_not_found';
      END IF;
    END IF;
    quotes[i] := quote;
    new_ids[i] := nextval(id_sequence);
  END LOOP;

  sent_at := clock_timestamp();
  WITH inserted AS (
    INSERT INTO messages AS m (id, sender_id, conversation_id, content, client_id, timestamp, reply_to_id, metadata)
      OVERRIDING SYSTEM VALUE
      SELECT d.id, d.sender, d.conversation, d.content, d.client_id, sent_at, d.reply_to, d.metadata::jsonb
      FROM unnest(
        new_ids, refusals, senders, to_conversations, contents, client_ids, reply_to_ids, metadatas
      ) AS d (id, refusal, sender, conversation, content, client_id, reply_to, metadata)
      WHERE d.refusal IS NULL
      ON CONFLICT (sender_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
      RETURNING m.id
  )
  SELECT array_agg(n.id) INTO sent_ids FROM inserted n;

  -- `sent_ids` are in the order of the call, as they were inserted, and so are the events, by ascending user id each.
  IF is_alone THEN
    IF sent_ids IS NULL THEN
      UPDATE inboxes SET last_seq = last_seq - 1 WHERE user_id = ANY (locked);
    ELSE
      INSERT INTO inbox_events (user_id, seq, type, message_id, created_at)
        SELECT e.user_id, e.seq, CASE e.user_id WHEN senders[1] THEN 'group_message_sent' ELSE 'group_message' END, sent_ids[1], sent_at
        FROM unnest(locked, all_seqs) AS e (user_id, seq);
      event_users := locked;
      member_counts := ARRAY[cardinality(locked)];
    END IF;
  ELSIF sent_ids IS NOT NULL THEN
    WITH event AS MATERIALIZED (
      SELECT d.id, m.user_id, CASE m.user_id WHEN d.sender THEN 'group_message_sent' ELSE 'group_message' END AS type
      FROM unnest(new_ids, senders, to_conversations) AS d (id, sender, conversation)
      JOIN members m ON m.conversation_id = d.conversation
      WHERE d.id = ANY (sent_ids) ORDER BY d.id, m.user_id
    )
    SELECT array_agg(e.user_id), array_agg(e.type), array_agg(e.id),
        (SELECT array_agg(n.members ORDER BY n.id) FROM (SELECT id, count(*)::int AS members FROM event GROUP BY id) n)
      INTO event_users, event_types, event_messages, member_counts FROM event e;
    all_seqs := append_events(
      event_users, event_types, event_messages, NULL, array_fill(sent_at::timestamptz, ARRAY[cardinality(event_users)]),
      heads_locked => true
    );
  END IF;

  FOR i IN 1 .. cardinality(senders) LOOP
    id := NULL; timestamp := NULL; status := NULL; users := '{}'; seqs := '{}';
    sender_username := usernames[i]; quote := quotes[i];
    IF new_ids[i] = sent_ids[sent + 1] THEN
      sent := sent + 1;
      status := 'sent'; id := new_ids[i]; timestamp := sent_at;
      users := event_users[events + 1 : events + member_counts[sent]];
      seqs := all_seqs[events + 1 : events + member_counts[sent]];
      events := events + member_counts[sent];
    ELSIF client_ids[i] IS NOT NULL THEN
      -- An earlier message, maybe of this call. Planned each time: a kept plan could be one for a small table.
      EXECUTE 'SELECT id, timestamp,
          CASE WHEN conversation_id = $3 AND (content = $4 OR version > 1) THEN ''repeat'' ELSE ''conflict'' END
        FROM messages WHERE sender_id = $1 AND client_id = $2 AND id < $5'
        INTO id, timestamp, status
        USING senders[i], client_ids[i], to_conversations[i], contents[i], new_ids[i];
      IF status = 'repeat' AND timestamp > clock_timestamp() - interval '30 seconds' THEN
        SELECT coalesce(array_agg(e.user_id), '{}'), coalesce(array_agg(e.seq), '{}') INTO users, seqs
          FROM members m JOIN inboxes b ON b.user_id = m.user_id CROSS JOIN LATERAL (
            SELECT l.user_id, l.seq FROM inbox_events l
            WHERE l.user_id = b.user_id AND l.seq > b.last_seq - looked_through AND l.message_id = id
              AND l.type IN ('group_message', 'group_message_sent')
            ORDER BY l.seq DESC LIMIT 1
          ) e WHERE m.conversation_id = to_conversations[i];
      END IF;
    END IF;
    status := coalesce(status, refusals[i]);
    RETURN NEXT;
  END LOOP;
END $$
