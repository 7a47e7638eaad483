-- Sends messages to groups: each is a row of `messages` and an event for every member, all appended by one `append_events`.
-- The order of the steps is that of `send_direct_messages`, behind a shared lock of the conversations: a change of who
-- their members are waits for this call, and it for them.
--
-- Status as in `send_direct_messages`. `users` are the members who have the event, the sender too, and `seqs` its numbers. A
-- repeat has them for half a minute, by when each node has looked for what was not published, and only of those members whose latest
-- 100 events have the message.
CREATE OR REPLACE FUNCTION send_group_messages(
  senders int[], to_conversations bigint[], contents text[], client_ids text[], reply_to_ids bigint[], metadatas text[]
) RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, users int[], seqs bigint[], quote jsonb
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  id_sequence CONSTANT regclass := 'messages_id_seq';
  -- Among how many of the latest events of each member that of a repeat is looked for: the locks are held meanwhile.
  looked_through CONSTANT int := 100;
  statuses text[];
  ids bigint[];
  times timestamptz[];
  quotes jsonb[];
  suspended int[];
  member_ids int[];
  members_of bigint;
  member_counts int[];
  begins_after bigint;
  new_id bigint;
  refusal text;
  is_same boolean;
  event_users int[] := '{}';
  event_types text[] := '{}';
  event_messages bigint[] := '{}';
  event_times timestamptz[] := '{}';
  all_seqs bigint[];
  events int := 0;
BEGIN
  PERFORM FROM conversations c WHERE c.id = ANY (to_conversations) ORDER BY c.id FOR KEY SHARE;
  PERFORM FROM inboxes i
    WHERE i.user_id = ANY (ARRAY(SELECT m.user_id FROM members m WHERE m.conversation_id = ANY (to_conversations)))
    ORDER BY i.user_id FOR UPDATE;

  -- After the locks, which `change_suspension` takes too: what it committed before is seen.
  suspended := ARRAY(SELECT u.id FROM users u WHERE u.id = ANY (senders) AND u.suspended_at IS NOT NULL);

  FOR i IN 1 .. cardinality(senders) LOOP
    id := NULL; timestamp := NULL; quote := NULL; refusal := NULL; member_counts[i] := 0;
    SELECT CASE c.history WHEN 'joined' THEN m.joined_after ELSE 0 END INTO begins_after
      FROM members m JOIN conversations c ON c.id = m.conversation_id
      -- A user who is erased has no inbox any more, though it may still be a member.
      JOIN inboxes b ON b.user_id = m.user_id
      WHERE m.conversation_id = to_conversations[i] AND m.user_id = senders[i];
    IF NOT FOUND THEN
      refusal := CASE
        WHEN EXISTS (SELECT FROM conversations c WHERE c.id = to_conversations[i]) THEN 'not_member'
        ELSE 'conversation_not_found'
      END;
    ELSIF senders[i] = ANY (suspended) THEN
      refusal := 'suspended';
    ELSIF reply_to_ids[i] IS NOT NULL THEN
      SELECT jsonb_build_object('id', q.id, 'sender_id', q.sender_id, 'content', left(q.content, 200)) INTO quote
        FROM messages q
        WHERE q.id = reply_to_ids[i] AND q.deleted_at IS NULL AND q.conversation_id = to_conversations[i]
          AND q.id > begins_after
          -- All who get the reply may read what it quotes, so they get the event of its changes.
          AND (begins_after = 0 OR NOT EXISTS (
            SELECT FROM members x WHERE x.conversation_id = to_conversations[i] AND x.joined_after >= q.id
          ));
      IF NOT FOUND THEN
        refusal := 'quote_not_found';
      END IF;
    END IF;

    IF refusal IS NOT NULL THEN
      status := refusal;
      IF client_ids[i] IS NOT NULL THEN
        -- A statement of its own each time: a kept plan could be one for a small table.
        EXECUTE 'SELECT id, timestamp, 
            CASE WHEN conversation_id = $3 AND (content = $4 OR version > 1) THEN ''repeat'' ELSE ''conflict'' END
          FROM messages WHERE sender_id = $1 AND client_id = $2'
          INTO id, timestamp, status USING senders[i], client_ids[i], to_conversations[i], contents[i];
        status := coalesce(status, refusal);
      END IF;
    ELSE
      new_id := nextval(id_sequence);
      INSERT INTO messages AS m (id, sender_id, conversation_id, content, client_id, timestamp, reply_to_id, metadata)
        OVERRIDING SYSTEM VALUE
        VALUES (
          new_id, senders[i], to_conversations[i], contents[i], client_ids[i], clock_timestamp(), reply_to_ids[i],
          metadatas[i]::jsonb
        )
        ON CONFLICT (sender_id, client_id) WHERE client_id IS NOT NULL DO UPDATE SET client_id = excluded.client_id
        RETURNING m.id, m.timestamp,
          (m.content = contents[i] OR m.version > 1) AND m.conversation_id = to_conversations[i]
        INTO id, timestamp, is_same;
      IF id = new_id THEN
        status := 'sent';
        IF members_of IS DISTINCT FROM to_conversations[i] THEN
          members_of := to_conversations[i];
          member_ids := ARRAY(SELECT m.user_id FROM members m WHERE m.conversation_id = members_of ORDER BY m.user_id);
        END IF;
        member_counts[i] := cardinality(member_ids);
        event_users := event_users || member_ids;
        event_types := event_types || ARRAY(
          SELECT CASE u WHEN senders[i] THEN 'group_message_sent' ELSE 'group_message' END
          FROM unnest(member_ids) WITH ORDINALITY AS x (u, place) ORDER BY place
        );
        event_messages := event_messages || array_fill(id, ARRAY[member_counts[i]]);
        event_times := event_times || array_fill(timestamp, ARRAY[member_counts[i]]);
      ELSE
        status := CASE WHEN is_same THEN 'repeat' ELSE 'conflict' END;
      END IF;
    END IF;
    statuses[i] := status; ids[i] := id; times[i] := timestamp; quotes[i] := quote;
  END LOOP;

  IF cardinality(event_users) > 0 THEN
    all_seqs := append_events(event_users, event_types, event_messages, NULL, event_times, heads_locked => true);
  END IF;

  FOR i IN 1 .. cardinality(senders) LOOP
    status := statuses[i]; id := ids[i]; timestamp := times[i]; quote := quotes[i];
    users := '{}'; seqs := '{}';
    SELECT u.username INTO sender_username FROM users u WHERE u.id = senders[i];
    IF status = 'sent' THEN
      users := event_users[events + 1 : events + member_counts[i]];
      seqs := all_seqs[events + 1 : events + member_counts[i]];
      events := events + member_counts[i];
    ELSIF status = 'repeat' AND times[i] > clock_timestamp() - interval '30 seconds' THEN
      SELECT coalesce(array_agg(e.user_id), '{}'), coalesce(array_agg(e.seq), '{}') INTO users, seqs
        FROM members m JOIN inboxes b ON b.user_id = m.user_id CROSS JOIN LATERAL (
          SELECT l.user_id, l.seq FROM inbox_events l
          WHERE l.user_id = b.user_id AND l.seq > b.last_seq - looked_through AND l.message_id = ids[i]
            AND l.type IN ('group_message', 'group_message_sent')
          ORDER BY l.seq DESC LIMIT 1
        ) e WHERE m.conversation_id = to_conversations[i];
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
