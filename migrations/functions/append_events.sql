-- Appends an event to each of the inboxes named, and answers the number of each, in its place; null where there is no inbox.
-- An inbox may be named more than once: its events keep the order in which they are given.
--
-- The heads are locked in ascending user id, so two calls cannot deadlock. A caller that looks something up before it
-- appends locks the same heads first, in the same order, and says so by `heads_locked`.
--
-- Up to four events are appended one by one. For the two events of one message, the set-based statement takes 60 µs more of
-- the backend's processor time (of about 300); for those of 32 messages, 10 µs a message less (of about 78).
CREATE OR REPLACE FUNCTION append_events(
  user_ids int[], types text[], message_ids bigint[], payloads jsonb[], times timestamptz[],
  heads_locked boolean DEFAULT false
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  one_by_one CONSTANT int := 4;
  seqs bigint[] := '{}';
  next_seq bigint;
BEGIN
  IF NOT heads_locked THEN
    PERFORM FROM inboxes WHERE user_id = ANY (user_ids) ORDER BY user_id FOR UPDATE;
  END IF;

  IF cardinality(user_ids) <= one_by_one THEN
    FOR i IN 1 .. cardinality(user_ids) LOOP
      UPDATE inboxes SET last_seq = last_seq + 1 WHERE user_id = user_ids[i] RETURNING last_seq INTO next_seq;
      seqs[i] := next_seq;
    END LOOP;
    INSERT INTO inbox_events (user_id, seq, type, message_id, payload, created_at)
      SELECT e.user_id, e.seq, e.type, e.message_id, e.payload, e.created_at
      FROM unnest(user_ids, seqs, types, message_ids, payloads, times)
        AS e (user_id, seq, type, message_id, payload, created_at)
      WHERE e.seq IS NOT NULL;
    RETURN seqs;
  END IF;

  WITH event AS MATERIALIZED (
    SELECT e.*, row_number() OVER (PARTITION BY e.user_id ORDER BY e.place) AS nth
    FROM unnest(user_ids, types, message_ids, payloads, times) WITH ORDINALITY
      AS e (user_id, type, message_id, payload, created_at, place)
  ), head AS (
    UPDATE inboxes i SET last_seq = i.last_seq + n.events
    FROM (SELECT user_id, max(nth) AS events FROM event GROUP BY user_id) n
    WHERE i.user_id = n.user_id
    RETURNING i.user_id, i.last_seq - n.events AS before
  ), numbered AS MATERIALIZED (
    SELECT e.*, h.before + e.nth AS seq FROM event e LEFT JOIN head h ON h.user_id = e.user_id
  ), appended AS (
    INSERT INTO inbox_events (user_id, seq, type, message_id, payload, created_at)
    SELECT user_id, seq, type, message_id, payload, created_at FROM numbered WHERE seq IS NOT NULL ORDER BY place
  )
  SELECT array_agg(seq ORDER BY place) INTO seqs FROM numbered;
  RETURN seqs;
END $$
