import pg from "pg"

export const USERS = 10_000

export const RETENTION_DAYS = 30

/** The indexes are built when the rows are there, and references to users are not checked for each of them. */
const DROP = `
ALTER TABLE messages DROP CONSTRAINT messages_sender_id_fkey, DROP CONSTRAINT messages_receiver_id_fkey;
DROP INDEX messages_sent, messages_received, messages_between;
ALTER TABLE inbox_events DROP CONSTRAINT inbox_events_pkey;
DROP INDEX inbox_events_created_at;`

const RESTORE = `
CREATE INDEX messages_sent ON messages (sender_id, id);
CREATE INDEX messages_received ON messages (receiver_id, id);
CREATE INDEX messages_between ON messages (sender_id, receiver_id, id);
ALTER TABLE messages
  ADD CONSTRAINT messages_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES users NOT VALID,
  ADD CONSTRAINT messages_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES users NOT VALID;
ALTER TABLE inbox_events ADD PRIMARY KEY (user_id, seq);
CREATE INDEX inbox_events_created_at ON inbox_events USING brin (created_at);`

/** Messages among all users, spread evenly over 40 days, and their events: a quarter of them is due to be pruned. */
const FILL = (messages: number) => `
SELECT create_user('user' || i, 'User') FROM generate_series(1, ${USERS}) i;
INSERT INTO messages (sender_id, receiver_id, content, timestamp)
  SELECT 1 + i % ${USERS}, 1 + (i + 1 + i / ${USERS} % ${USERS - 1}) % ${USERS},
    'A message of a usual length, such as people send to one another.',
    now() - interval '40 days' * (1 - i::float8 / ${messages})
  FROM generate_series(1, ${messages}) i;
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
