import pg from "pg"
import { restore, takeOff } from "./Indexes.ts"

export const USERS = 10_000

export const RETENTION_DAYS = 30

/** For so many messages there is one more user who chats with nobody: one of those among whom names are looked up. */
export const MESSAGES_A_PERSON = 10

/** A user with few messages, all to the first two users: the first of those whose names are looked up. */
export const RARE_USER = USERS + 1

/** How many messages the rare user has. */
const RARE_MESSAGES = 20

/** A user who gets one message in fifty, from 200 others: more than a search looks through before it asks the index. */
export const BUSY_USER = USERS + 2

const BUSY_EVERY = 50

/**
 * Users with many conversations, in which the first users write to them in turn. Of ten million messages each conversation has ten,
 * and all are spread over the whole: no two lie near one another.
 */
export const MANY_CONVERSATIONS = [
  { user: USERS + 3, conversations: 1_000, every: 1_000, at: 3 },
  { user: USERS + 4, conversations: 10_000, every: 100, at: 2 }
] as const

/** Users who are made as users of release 1.1 are, beside the first ones. */
const SPECIAL_USERS = 2 + MANY_CONVERSATIONS.length

/** Each message whose place among all is a multiple of this one is the rare user's. */
export const rareEvery = (messages: number) => Math.ceil(messages / RARE_MESSAGES)

const MANY = MANY_CONVERSATIONS.map(
  ({ user, conversations, every, at }) => `(${user}, ${conversations}, ${every}, ${at})`
).join()

/** Above the numbers of all usual conversations, and of those of users who have many. */
const behind = (messages: number) =>
  Math.max(messages, ...MANY_CONVERSATIONS.map(({ conversations, every }) => conversations * every))

/** How many messages one statement inserts: what it sorts fits into the memory that `connected` sets. */
const CHUNK = 200_000

/**
 * Who sends message `i`, to whom, and in which conversation: each user in turn, each time to the next but one more. Up to 49,980,000
 * messages each pair has one, so that the number of a message is that of its conversation, too. Those of the rare and of the busy user
 * come behind all.
 */
const sends = (from: number, to: number, messages: number) => `
  SELECT i,
    CASE WHEN is_rare THEN ${RARE_USER} WHEN many.user_id IS NOT NULL THEN 1 + nth ELSE 1 + i % ${USERS} END AS sender,
    CASE WHEN is_rare THEN 1 + place WHEN is_busy THEN ${BUSY_USER} WHEN many.user_id IS NOT NULL THEN many.user_id
      ELSE 1 + (i + 1 + i / ${USERS} % ${USERS - 1}) % ${USERS} END AS receiver,
    CASE WHEN is_rare THEN ${behind(messages) + 1} + place WHEN is_busy THEN ${behind(messages) + 3} + i % ${USERS}
      WHEN many.user_id IS NOT NULL THEN nth * every + at ELSE i END AS conversation
  FROM generate_series(${from}, ${to}) i
  CROSS JOIN LATERAL (
    SELECT i % ${rareEvery(messages)} = 0 AS is_rare, i / ${rareEvery(messages)} % 2 AS place, i % ${BUSY_EVERY} = 1 AS is_busy
  ) r
  LEFT JOIN LATERAL (
    SELECT user_id, every, at, i / every % conversations AS nth FROM (VALUES ${MANY}) m (user_id, conversations, every, at)
    WHERE i % every = at
  ) many ON true`

const people = (messages: number) => `
SELECT create_user('user' || i, 'User') FROM generate_series(1, ${USERS}) i;
SELECT create_user('person' || i, 'Person ' || i) FROM generate_series(1, ${SPECIAL_USERS}) i;
WITH person AS (
  INSERT INTO users (username, display_name)
    SELECT 'person' || i, 'Person ' || i FROM generate_series(${SPECIAL_USERS + 1}, ${messages / MESSAGES_A_PERSON}) i
    RETURNING id, username, display_name
)
INSERT INTO user_names (user_id, name, other)
  SELECT id, username, lower(display_name) FROM person UNION ALL SELECT id, lower(display_name), username FROM person;`

const direct = (columns: string, source: string) => `
INSERT INTO conversations (id, kind, low, high, created_at) OVERRIDING SYSTEM VALUE
  SELECT ${columns}, now() - interval '40 days' FROM ${source};`

const conversationsOf = (from: number, to: number, messages: number) =>
  direct(
    "conversation, 'direct', least(sender, receiver), greatest(sender, receiver)",
    `(${sends(from, to, messages)}) s WHERE conversation = i`
  )

const others = (messages: number) => `
${direct(`${behind(messages)} + u, 'direct', u, ${RARE_USER}`, "generate_series(1, 2) u")}
${direct(`${behind(messages) + 2} + u, 'direct', u, ${BUSY_USER}`, `generate_series(2, ${USERS}, ${BUSY_EVERY}) u`)}
${MANY_CONVERSATIONS.map(({ user, conversations, every, at }) =>
  direct(
    `nth * ${every} + ${at}, 'direct', 1 + nth, ${user}`,
    `generate_series(0, ${conversations - 1}) nth WHERE nth * ${every} + ${at} > ${messages}`
  )
).join("\n")}
SELECT setval(pg_get_serial_sequence('conversations', 'id'), ${behind(messages) + 2 + USERS});
INSERT INTO members (conversation_id, user_id, joined_at)
  SELECT id, unnest(ARRAY[low, high]), created_at FROM conversations ORDER BY id;`

/** The messages of a part, spread evenly over 40 days by their place among all, and their events, numbered on from the heads of the inboxes. */
const messagesOf = (from: number, to: number, messages: number) => `
WITH sent AS (
  INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT sender, receiver, conversation,
      'A message of a usual length, such as people send to one another, number n' || i
        || CASE WHEN i / ${USERS} % 100 = 0 THEN ' 明日東京都庁で' ELSE '' END,
      now() - interval '40 days' * (1 - i::float8 / ${messages})
    FROM (${sends(from, to, messages)}) s ORDER BY i RETURNING id, sender_id, receiver_id, timestamp
), event AS (
  SELECT id, timestamp, receiver_id AS user_id, 'message' AS type FROM sent
  UNION ALL SELECT id, timestamp, sender_id, 'message_sent' FROM sent
), appended AS (
  INSERT INTO inbox_events (user_id, seq, type, message_id, created_at)
    SELECT e.user_id, i.last_seq + row_number() OVER (PARTITION BY e.user_id ORDER BY e.id), e.type, e.id, e.timestamp
    FROM event e JOIN inboxes i USING (user_id) ORDER BY e.id RETURNING user_id
)
UPDATE inboxes i SET last_seq = i.last_seq + a.events
  FROM (SELECT user_id, count(*) AS events FROM appended GROUP BY user_id) a WHERE a.user_id = i.user_id;`

/** PostgreSQL's own 4 and 64 MB make it sort on the disk, and write the index of the search many times over. */
const MEMORY = "SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'; SET synchronous_commit = off"

const connected = async <A>(databaseUrl: string, use: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(MEMORY)
    return await use(client)
  } finally {
    await client.end()
  }
}

/** Fills a migrated, empty database, and says how far it is. Ten million messages take some minutes, and about 9 GB. */
export const seed = async (
  databaseUrl: string,
  messages: number,
  say: (what: string) => void
): Promise<void> => {
  const start = performance.now()
  const done = (what: string) => say(`${what}: ${Math.round((performance.now() - start) / 1000)} s`)
  const run = (...statements: ReadonlyArray<string>) =>
    connected(databaseUrl, async (client) => {
      for (const statement of statements) await client.query(statement)
    })

  const off = await connected(databaseUrl, takeOff)
  await run(people(messages))
  done("users")
  for (let from = 1; from <= messages; from += CHUNK) {
    const to = Math.min(from + CHUNK - 1, messages)
    await run(conversationsOf(from, to, messages), messagesOf(from, to, messages))
  }
  await run(others(messages))
  done(`${messages.toLocaleString("en")} messages, with their events and conversations`)
  const { search, rest, references } = restore(off)
  // Side by side: the index of the search takes as long as all others.
  await Promise.all([run(...search), run(...rest)])
  done("indexes")
  await run(...references, "VACUUM ANALYZE", "CHECKPOINT")
  done("vacuum")
}
