import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Every message is rewritten. Sends and reads wait for the end: nothing is answered from a half of it. Later migrations of the same
  // transaction change the other tables. All locks are taken here, in the order of the sends and the pages of events of release 1.0,
  // whose nodes serve until now. Otherwise a page, which locks `inbox_events` first, and the migrations would wait for each other.
  yield* sql`LOCK TABLE inboxes, inbox_events, messages, users IN ACCESS EXCLUSIVE MODE`
  // What it sorts and joins fits into memory up to some million messages.
  yield* sql`SET LOCAL work_mem = '128MB'`
  yield* sql`SET LOCAL maintenance_work_mem = '256MB'`
  const [{ messages }] = (yield* sql`SELECT count(*)::int AS messages FROM messages`) as unknown as [
    { readonly messages: number }
  ]
  if (messages > 0) {
    yield* Effect.logInfo(
      `Migrating ${messages} messages into conversations: sends and reads wait, about half a minute a million`
    )
  }

  yield* sql`
    CREATE TABLE conversations (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('direct', 'group')),
      title varchar(200),
      metadata jsonb,
      history text NOT NULL DEFAULT 'all' CHECK (history IN ('all', 'joined')),
      created_by int REFERENCES users,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3),
      client_id varchar(200),
      low int REFERENCES users,
      high int REFERENCES users,
      CHECK ((kind = 'direct') = (low IS NOT NULL AND high IS NOT NULL AND low <= high)),
      UNIQUE (low, high)
    )`
  yield* sql`
    CREATE UNIQUE INDEX conversations_client_id ON conversations (created_by, client_id) WHERE client_id IS NOT NULL`

  // joined_after is an id drawn from the ids of messages under the lock of the conversation: messages that were sent before
  // the user joined have smaller ids, later ones larger ids.
  yield* sql`
    CREATE TABLE members (
      conversation_id bigint NOT NULL REFERENCES conversations,
      user_id int NOT NULL REFERENCES users,
      role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member')),
      joined_at timestamptz(3) NOT NULL,
      joined_after bigint NOT NULL DEFAULT 0,
      last_read_id bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (conversation_id, user_id)
    ) WITH (fillfactor = 80)`

  yield* sql`
    CREATE TABLE reactions (
      message_id bigint NOT NULL,
      emoji text NOT NULL,
      user_id int NOT NULL,
      created_at timestamptz(3) NOT NULL,
      PRIMARY KEY (message_id, emoji, user_id)
    )`

  yield* sql`
    INSERT INTO conversations (kind, low, high, created_at)
    SELECT 'direct', least(sender_id, receiver_id), greatest(sender_id, receiver_id), min(timestamp)
    FROM messages GROUP BY 2, 3 ORDER BY min(id)`

  // No index is kept up to date while every row is rewritten. A chat of two users is a range of the conversation's index now.
  yield* sql`DROP INDEX messages_between, messages_sent, messages_received`

  // No foreign key to conversations: every send would lock the conversation's row.
  yield* sql`
    ALTER TABLE messages
      ALTER receiver_id DROP NOT NULL,
      ADD conversation_id bigint,
      ADD reply_to_id bigint,
      ADD metadata jsonb,
      ADD version int NOT NULL DEFAULT 1,
      ADD edited_at timestamptz(3),
      ADD deleted_at timestamptz(3),
      ADD reacted boolean NOT NULL DEFAULT false`
  yield* sql`
    UPDATE messages m SET conversation_id = c.id FROM conversations c
    WHERE c.low = least(m.sender_id, m.receiver_id) AND c.high = greatest(m.sender_id, m.receiver_id)`
  yield* sql`ALTER TABLE messages ALTER conversation_id SET NOT NULL`
  yield* sql`CREATE INDEX messages_of_conversation ON messages (conversation_id, id) INCLUDE (sender_id)`
  yield* sql`CREATE INDEX messages_sent ON messages (sender_id, id) WHERE receiver_id IS NOT NULL`
  yield* sql`CREATE INDEX messages_received ON messages (receiver_id, id) WHERE receiver_id IS NOT NULL`

  // What was sent before there was a mark is taken for read.
  yield* sql`
    INSERT INTO members (conversation_id, user_id, joined_at, last_read_id)
    SELECT DISTINCT c.id, u.id, c.created_at,
      coalesce((SELECT max(m.id) FROM messages m WHERE m.conversation_id = c.id), 0)
    FROM conversations c CROSS JOIN LATERAL (VALUES (c.low), (c.high)) AS u (id)`
  yield* sql`CREATE INDEX members_of_user ON members (user_id, conversation_id)`
})
