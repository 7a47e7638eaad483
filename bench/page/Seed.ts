import pg from "pg"

/** The user whose page is measured. */
export const READER = 1

export const CONVERSATIONS = 10_000
export const MESSAGES = 100_000

/** One conversation of 100,000 messages, on top of 9,999 others of one message each, in a migrated, empty database. */
const FILL = `
SELECT create_user('user' || i, 'Person ' || i) FROM generate_series(1, ${CONVERSATIONS} + 1) i;
INSERT INTO conversations (kind, low, high, created_at)
  SELECT 'direct', ${READER}, 1 + i, now() - interval '40 days' FROM generate_series(1, ${CONVERSATIONS}) i;
INSERT INTO members (conversation_id, user_id, joined_at)
  SELECT id, unnest(ARRAY[low, high]), created_at FROM conversations;
INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
  SELECT high, low, id, 'A message of a usual length, such as people send.', created_at
  FROM conversations WHERE high > 2 ORDER BY high DESC;
INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
  SELECT 1 + i % 2, 2 - i % 2, c.id, 'Message ' || i || repeat(' with some more words', i % 7),
    c.created_at + interval '39 days' * i / ${MESSAGES}
  FROM conversations c, generate_series(1, ${MESSAGES}) i WHERE c.high = 2 ORDER BY i;
UPDATE members SET last_read_id = (SELECT max(id) FROM messages)`

export const seed = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (const statement of [FILL, "VACUUM ANALYZE"]) await client.query(statement)
  } finally {
    await client.end()
  }
}
