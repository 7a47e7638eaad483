import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The head of each inbox: it is updated by every send, in place where the page has room (no index changes).
  yield* sql`
    CREATE TABLE inboxes (
      user_id int PRIMARY KEY REFERENCES users,
      last_seq bigint NOT NULL DEFAULT 0,
      pruned_seq bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)`

  yield* sql`
    CREATE TABLE inbox_events (
      user_id int NOT NULL,
      seq bigint NOT NULL,
      type text NOT NULL,
      message_id bigint,
      payload jsonb,
      created_at timestamptz(3) NOT NULL,
      PRIMARY KEY (user_id, seq)
    )`
  // Rows are appended in time order, which is what a BRIN index is for: it costs a send next to nothing.
  yield* sql`CREATE INDEX inbox_events_created_at ON inbox_events USING brin (created_at)`

  yield* sql.unsafe(`
    CREATE FUNCTION create_user(new_username text, new_display_name text) RETURNS users
    LANGUAGE plpgsql AS $$
    DECLARE
      created users;
    BEGIN
      INSERT INTO users (username, display_name) VALUES (new_username, new_display_name) RETURNING * INTO created;
      INSERT INTO inboxes (user_id) VALUES (created.id);
      RETURN created;
    END $$`)

  // The order of steps makes the promise of the inbox:
  // - Heads are locked in ascending user id, so two calls cannot deadlock.
  // - Look-ups are statements that start after the locks are held: each sees what committed while it waited.
  // - A number is taken only for a message that is inserted, so no inbox has a gap, and ids are drawn under the
  //   locks, so id order is inbox order.
  // A result's status is 'sent', 'repeat' (of an earlier send, which it then describes), or why it was refused.
  // A repeat has the numbers of its events while they are among the latest: whoever sent it first may have died
  // before it told anyone.
  yield* sql.unsafe(`
    CREATE FUNCTION send_messages(senders int[], receivers int[], contents text[], client_ids text[])
    RETURNS TABLE (
      status text, id bigint, sender_username varchar, "timestamp" timestamptz, sender_seq bigint, receiver_seq bigint
    )
    LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
      sender int;
      receiver int;
      earlier record;
    BEGIN
      PERFORM FROM inboxes WHERE user_id = ANY (senders || receivers) ORDER BY user_id FOR UPDATE;

      FOR i IN 1 .. cardinality(senders) LOOP
        sender := senders[i];
        receiver := receivers[i];
        id := NULL; timestamp := NULL; sender_seq := NULL; receiver_seq := NULL;

        SELECT u.username INTO sender_username FROM users u WHERE u.id = sender;
        IF NOT FOUND THEN
          status := 'sender_not_found'; RETURN NEXT; CONTINUE;
        END IF;

        IF client_ids[i] IS NOT NULL THEN
          SELECT m.id, m.timestamp, m.content = contents[i] AND m.receiver_id = receiver AS same INTO earlier
            FROM messages m WHERE m.sender_id = sender AND m.client_id = client_ids[i];
          IF FOUND THEN
            id := earlier.id;
            timestamp := earlier.timestamp;
            SELECT e.seq INTO sender_seq FROM inboxes i JOIN inbox_events e USING (user_id)
              WHERE i.user_id = sender AND e.seq > i.last_seq - 1000 AND e.message_id = earlier.id;
            SELECT e.seq INTO receiver_seq FROM inboxes i JOIN inbox_events e USING (user_id)
              WHERE i.user_id = receiver AND e.seq > i.last_seq - 1000 AND e.message_id = earlier.id;
            status := CASE WHEN earlier.same THEN 'repeat' ELSE 'conflict' END; RETURN NEXT; CONTINUE;
          END IF;
        END IF;

        UPDATE inboxes SET last_seq = last_seq + 1 WHERE user_id = receiver RETURNING last_seq INTO receiver_seq;
        IF NOT FOUND THEN
          status := 'receiver_not_found'; RETURN NEXT; CONTINUE;
        END IF;
        UPDATE inboxes SET last_seq = last_seq + 1 WHERE user_id = sender RETURNING last_seq INTO sender_seq;

        INSERT INTO messages AS m (sender_id, receiver_id, content, client_id, timestamp)
          VALUES (sender, receiver, contents[i], client_ids[i], clock_timestamp())
          RETURNING m.id, m.timestamp INTO id, timestamp;
        INSERT INTO inbox_events (user_id, seq, type, message_id, created_at) VALUES
          (receiver, receiver_seq, 'message', id, timestamp),
          (sender, sender_seq, 'message_sent', id, timestamp);
        status := 'sent'; RETURN NEXT;
      END LOOP;
    END $$`)

  // Events go in small batches, each its own short transaction. pruned_seq tells which events may be gone, so
  // a resume from before it is refused rather than answered with a gap.
  yield* sql.unsafe(`
    CREATE FUNCTION prune_inbox_events(older_than timestamptz, batch int) RETURNS int
    LANGUAGE plpgsql AS $$
    DECLARE
      users_pruned int[];
      seqs_pruned bigint[];
    BEGIN
      SELECT array_agg(e.user_id), array_agg(e.seq) INTO users_pruned, seqs_pruned
        FROM (SELECT user_id, seq FROM inbox_events WHERE created_at < older_than LIMIT batch) e;
      IF users_pruned IS NULL THEN
        RETURN 0;
      END IF;
      PERFORM FROM inboxes WHERE user_id = ANY (users_pruned) ORDER BY user_id FOR UPDATE;
      UPDATE inboxes i SET pruned_seq = greatest(i.pruned_seq, p.seq)
        FROM (SELECT t.user_id, max(t.seq) AS seq FROM unnest(users_pruned, seqs_pruned) AS t (user_id, seq) GROUP BY 1) p
        WHERE i.user_id = p.user_id;
      DELETE FROM inbox_events e USING unnest(users_pruned, seqs_pruned) AS t (user_id, seq)
        WHERE e.user_id = t.user_id AND e.seq = t.seq;
      RETURN cardinality(users_pruned);
    END $$`)
})
