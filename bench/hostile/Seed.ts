import pg from "pg"

/** How many rows one statement of the seed inserts. */
const STEP = 25_000

/** Runs statements one after another, over a connection of its own that no time limit applies to. */
export const query = async (databaseUrl: string, ...statements: ReadonlyArray<string>): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query("SET statement_timeout = 0")
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

const range = (statement: (from: number, to: number) => string, count: number) =>
  Array.from({ length: Math.ceil(count / STEP) }, (_, i) =>
    statement(i * STEP + 1, Math.min(count, (i + 1) * STEP))
  )

/** Users `user1`, `user2` and so on. */
export const users = (databaseUrl: string, count: number): Promise<void> =>
  query(
    databaseUrl,
    ...range(
      (from, to) => `SELECT count(create_user('user' || i, 'User')) FROM generate_series(${from}, ${to}) i`,
      count
    )
  )

/** Messages of user 1 to the users from 2 on, in turn, in a conversation of each. Their text is an expression of `i`, their number. */
export const ownMessages = (
  databaseUrl: string,
  { count, receivers, text }: { readonly count: number; readonly receivers: number; readonly text: string }
): Promise<void> =>
  query(
    databaseUrl,
    `SELECT count(c.id) FROM generate_series(2, ${receivers + 1}) i CROSS JOIN LATERAL create_direct(1, i) c`,
    ...range(
      (from, to) => `
        INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
        SELECT 1, c.high, c.id, ${text}, now()
        FROM generate_series(${from}, ${to}) i JOIN conversations c ON c.low = 1 AND c.high = 2 + i % ${receivers}`,
      count
    ),
    "VACUUM ANALYZE"
  )

/** Groups of the users from 1 to `members`, which user 1 owns, with a message in each. */
export const groups = (
  databaseUrl: string,
  { count, members }: { readonly count: number; readonly members: number }
) =>
  query(
    databaseUrl,
    ...Array.from(
      { length: count },
      (_, i) => `
        SELECT count(*) FROM create_group(
          1, ARRAY(SELECT generate_series(1, ${members})), 'Group ${i}', 'all', NULL, NULL, 1000
        )`
    ),
    `INSERT INTO messages (sender_id, conversation_id, content, timestamp)
      SELECT 2, id, repeat('€', 1000), now() FROM conversations WHERE kind = 'group'`,
    "VACUUM ANALYZE"
  )
