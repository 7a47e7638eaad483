-- Sends messages: each is a row of `messages` and two events, appended by `append_events`. The order of the steps makes the
-- promise of the inbox:
-- - The heads are locked first, in ascending user id: two calls cannot deadlock, and ids are drawn under the locks, so id
--   order is inbox order.
-- - A later statement sees what was committed while it waited for the locks, so a repeat is found.
-- - A number is taken only for a message that was inserted, so no inbox has a gap.
--
-- A `client_id` is looked up by the insert itself, which can use no index but the unique one. Its `DO UPDATE` changes nothing
-- but answers with the earlier message; the id tells whether that is the one just drawn.
--
-- A row's status is 'sent', 'repeat' (of the earlier send that it describes), or why the send was refused. A repeat has the
-- numbers of its events while they are among the latest 1,000: the node that committed it may have died before it published.
--
-- The time that it waits for a lock is the function's own: behind a pooler a connection keeps no settings.
--
-- Nodes of release 1.0 call this function too: its signature stays until the release after 1.1.
CREATE OR REPLACE FUNCTION send_messages(senders int[], receivers int[], contents text[], client_ids text[])
RETURNS TABLE (
  status text, id bigint, sender_username varchar, "timestamp" timestamptz, sender_seq bigint, receiver_seq bigint
)
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
  id_sequence CONSTANT regclass := 'messages_id_seq';
  known int[];
  statuses text[];
  ids bigint[];
  times timestamptz[];
  new_id bigint;
  earlier_status text;
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

  FOR i IN 1 .. cardinality(senders) LOOP
    id := NULL; timestamp := NULL;
    IF senders[i] <> ALL (known) THEN
      status := 'sender_not_found';
    ELSIF receivers[i] <> ALL (known) THEN
      status := 'receiver_not_found';
      IF client_ids[i] IS NOT NULL THEN
        -- A statement of its own each time: a kept plan could be one for a small table.
        EXECUTE 'SELECT id, timestamp, ''conflict'' FROM messages WHERE sender_id = $1 AND client_id = $2'
          INTO id, timestamp, earlier_status USING senders[i], client_ids[i];
        status := coalesce(earlier_status, status);
      END IF;
    ELSE
      new_id := nextval(id_sequence);
      INSERT INTO messages AS m (id, sender_id, receiver_id, content, client_id, timestamp)
        OVERRIDING SYSTEM VALUE
        VALUES (new_id, senders[i], receivers[i], contents[i], client_ids[i], clock_timestamp())
        ON CONFLICT (sender_id, client_id) WHERE client_id IS NOT NULL DO UPDATE SET client_id = excluded.client_id
        RETURNING m.id, m.timestamp, m.content = contents[i] AND m.receiver_id = receivers[i]
        INTO id, timestamp, is_same;
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
    statuses[i] := status; ids[i] := id; times[i] := timestamp;
  END LOOP;

  IF cardinality(event_users) > 0 THEN
    seqs := append_events(event_users, event_types, event_messages, NULL, event_times, heads_locked => true);
  END IF;

  FOR i IN 1 .. cardinality(senders) LOOP
    status := statuses[i]; id := ids[i]; timestamp := times[i];
    sender_seq := NULL; receiver_seq := NULL;
    SELECT u.username INTO sender_username FROM users u WHERE u.id = senders[i];
    IF status = 'sent' THEN
      receiver_seq := seqs[events + 1];
      sender_seq := seqs[events + 2];
      events := events + 2;
    ELSIF status = 'repeat' THEN
      SELECT e.seq INTO sender_seq FROM inboxes b JOIN inbox_events e USING (user_id)
        WHERE b.user_id = senders[i] AND e.seq > b.last_seq - 1000 AND e.message_id = ids[i];
      SELECT e.seq INTO receiver_seq FROM inboxes b JOIN inbox_events e USING (user_id)
        WHERE b.user_id = receivers[i] AND e.seq > b.last_seq - 1000 AND e.message_id = ids[i];
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
