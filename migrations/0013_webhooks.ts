import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The URLs of `WEBHOOK_URL`. Nodes say every half a minute which ones they serve. Without a row, no event is written.
  // A URL may hold a secret: its hash tells it apart, and `location` is what a person is shown.
  yield* sql`
    CREATE TABLE webhook_endpoints (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      url_hash text NOT NULL UNIQUE,
      location text NOT NULL,
      seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      retired boolean NOT NULL DEFAULT false
    )`
  // The functions of sends allow no plan that reads a table: the triggers need an index, however few rows there are.
  yield* sql`CREATE INDEX webhook_endpoints_served ON webhook_endpoints (id) WHERE NOT retired`

  // What waits for its delivery to an endpoint: which fact, and no content of it. `lane` is the conversation, or the user with
  // a minus: the events of a lane are delivered in ascending id, which is the order in which they were committed.
  yield* sql`CREATE SEQUENCE webhook_event_ids`
  yield* sql`
    CREATE TABLE webhook_events (
      endpoint_id int NOT NULL,
      id bigint NOT NULL,
      webhook_id uuid NOT NULL,
      lane bigint NOT NULL,
      type text NOT NULL,
      message_id bigint,
      user_id int,
      report_id bigint,
      happened_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      -- When it is tried next, or, of one under way, when it is taken over; infinity behind another event of its lane.
      due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      give_up_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '3 days',
      attempts int NOT NULL DEFAULT 0,
      offline_user_ids int[],
      presence_known boolean,
      PRIMARY KEY (endpoint_id, id)
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)`
  yield* sql`CREATE INDEX webhook_events_due ON webhook_events (endpoint_id, due_at)`
  yield* sql`CREATE INDEX webhook_events_lane ON webhook_events (endpoint_id, lane, id)`

  // Events that were given up.
  yield* sql`
    CREATE TABLE webhook_dead_letters (
      endpoint_id int NOT NULL,
      id bigint NOT NULL,
      webhook_id uuid NOT NULL,
      lane bigint NOT NULL,
      type text NOT NULL,
      message_id bigint,
      user_id int,
      report_id bigint,
      happened_at timestamptz(3) NOT NULL,
      attempts int NOT NULL,
      offline_user_ids int[],
      presence_known boolean,
      died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      reason text NOT NULL,
      PRIMARY KEY (id, endpoint_id)
    )`
  yield* sql`CREATE INDEX webhook_dead_letters_died_at ON webhook_dead_letters (died_at)`

  // Their texts are those of `migrations/functions`, applied in this transaction.
  const facts = ["new_messages", "message", "conversation", "member", "user", "report"]
  for (const fact of facts) {
    yield* sql.unsafe(
      `CREATE FUNCTION webhook_of_${fact}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`
    )
  }
  // New messages call once for each statement, which inserts many. The rest is of each row: a condition is evaluated without a call,
  // so that what concerns no webhook costs nothing.
  yield* sql`
    CREATE TRIGGER webhook_of_new_messages AFTER INSERT ON messages REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION webhook_of_new_messages()`
  yield* sql`
    CREATE TRIGGER webhook_of_changed_message AFTER UPDATE ON messages
    FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION webhook_of_message()`
  yield* sql`
    CREATE TRIGGER webhook_of_new_conversation AFTER INSERT ON conversations
    FOR EACH ROW EXECUTE FUNCTION webhook_of_conversation()`
  yield* sql`
    CREATE TRIGGER webhook_of_changed_conversation AFTER UPDATE ON conversations
    FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title OR OLD.metadata IS DISTINCT FROM NEW.metadata)
    EXECUTE FUNCTION webhook_of_conversation()`
  yield* sql`
    CREATE TRIGGER webhook_of_new_or_former_member AFTER INSERT OR DELETE ON members
    FOR EACH ROW EXECUTE FUNCTION webhook_of_member()`
  yield* sql`
    CREATE TRIGGER webhook_of_changed_member AFTER UPDATE ON members
    FOR EACH ROW WHEN (OLD.role <> NEW.role) EXECUTE FUNCTION webhook_of_member()`
  yield* sql`
    CREATE TRIGGER webhook_of_user AFTER INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION webhook_of_user()`
  yield* sql`
    CREATE TRIGGER webhook_of_report AFTER INSERT ON reports
    FOR EACH ROW EXECUTE FUNCTION webhook_of_report()`
})
