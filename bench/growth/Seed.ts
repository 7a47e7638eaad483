import pg from "pg"

export const USERS = 10_000

export const RETENTION_DAYS = 30

/** For so many messages there is one more user who chats with nobody: one of those among whom names are looked up. */
export const MESSAGES_A_PERSON = 10

/** The indexes are built when the rows are there, references to users are not checked for each of them, and no trigger is called. */
const DROP = `
ALTER TABLE messages DROP CONSTRAINT messages_sender_id_fkey, DROP CONSTRAINT messages_receiver_id_fkey;
DROP INDEX messages_sent, messages_received, messages_of_conversation, messages_search;
ALTER TABLE inbox_events DROP CONSTRAINT inbox_events_pkey;
DROP INDEX inbox_events_created_at;
ALTER TABLE messages DISABLE TRIGGER USER;`

const RESTORE = `
CREATE INDEX messages_sent ON messages (sender_id, id) WHERE receiver_id IS NOT NULL;
CREATE INDEX messages_received ON messages (receiver_id, id) WHERE receiver_id IS NOT NULL;
CREATE INDEX messages_of_conversation ON messages (conversation_id, id) INCLUDE (sender_id);
CREATE INDEX messages_search ON messages
  USING gin (search_keys(id, sender_id, receiver_id, conversation_id, content)) WITH (gin_pending_list_limit = 128);
ALTER TABLE messages
  ADD CONSTRAINT messages_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES users NOT VALID,
  ADD CONSTRAINT messages_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES users NOT VALID;
ALTER TABLE inbox_events ADD PRIMARY KEY (user_id, seq);
CREATE INDEX inbox_events_created_at ON inbox_events USING brin (created_at);
ALTER TABLE messages ENABLE TRIGGER USER;`

/** Messages among all users, spread evenly over 40 days, and their events: a quarter of them is due to be pruned. */
const FILL = (messages: number) => `
SELECT create_user('user' || i, 'User') FROM generate_series(1, ${USERS}) i;
WITH person AS (
  INSERT INTO users (username, display_name)
    SELECT 'person' || i, 'Person ' || i FROM generate_series(1, ${messages / MESSAGES_A_PERSON}) i
    RETURNING id, username, display_name
)
INSERT INTO user_names (user_id, name, other)
  SELECT id, username, lower(display_name) FROM person UNION ALL SELECT id, lower(display_name), username FROM person;
CREATE TEMPORARY TABLE sends AS
  SELECT i, 1 + i % ${USERS} AS sender, 1 + (i + 1 + i / ${USERS} % ${USERS - 1}) % ${USERS} AS receiver
  FROM generate_series(1, ${messages}) i;
INSERT INTO conversations (kind, low, high, created_at)
  SELECT DISTINCT 'direct', least(sender, receiver), greatest(sender, receiver), now() - interval '40 days' FROM sends;
INSERT INTO members (conversation_id, user_id, joined_at)
  SELECT id, unnest(ARRAY[low, high]), created_at FROM conversations;
INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
  SELECT s.sender, s.receiver, c.id,
    'A message of a usual length, such as people send to one another, number n' || s.i
      || CASE WHEN s.i / ${USERS} % 100 = 0 THEN ' 明日東京都庁で' ELSE '' END,
    now() - interval '40 days' * (1 - s.i::float8 / ${messages})
  FROM sends s JOIN conversations c ON c.low = least(s.sender, s.receiver) AND c.high = greatest(s.sender, s.receiver)
  ORDER BY s.i;
INSERT INTO inbox_events (user_id, seq, type, message_id, created_at)
  SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY id), type, id, timestamp
  FROM (
    SELECT id, timestamp, receiver_id AS user_id, 'message' AS type FROM messages
    UNION ALL SELECT id, timestamp, sender_id, 'message_sent' FROM messages
  ) e ORDER BY id;
UPDATE inboxes SET last_seq = head
  FROM (SELECT user_id, count(*) AS head FROM inbox_events GROUP BY user_id) e WHERE e.user_id = inboxes.user_id;`

/** Fills a migrated, empty database. Ten million messages take some minutes, and about 6 GB. */
export const seed = async (databaseUrl: string, messages: number): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (const statements of [DROP, FILL(messages), RESTORE, "VACUUM ANALYZE", "CHECKPOINT"]) {
      await client.query(statements)
    }
  } finally {
    await client.end()
  }
}
