import type { ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Result, Scope } from "effect"
import { Webhook } from "standardwebhooks"
import type { Settings } from "../../src/AppConfig.ts"
import { Sends } from "../../src/chat/Sends.ts"
import type { User } from "../../src/domain/User.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { hasSharedServices, sharedServices } from "../realtime/support/ChatServer.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { followersOf } from "../support/Followers.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { assertDocumented, type Received, type Receiver, startReceiver } from "./Receiver.ts"
import { OLDER_SECRET, type Options, SECRET, startNode, type WebhookNode } from "./Servers.ts"

const contentOf = ({ event }: Received) => event.data.message?.content

const suite = (name: string, fresh: Effect.Effect<Partial<Settings>, never, Scope.Scope>) =>
  describe(`webhooks on ${name}`, () => {
    const world = (options: Options = {}) =>
      Effect.gen(function* () {
        const receiver = yield* startReceiver
        const database = yield* fresh
        const node = yield* startNode([receiver.url], { ...database, ...options })
        const [alice, bob, carol] = [yield* node.newUser, yield* node.newUser, yield* node.newUser]
        yield* receiver.got(3, "user.created")
        return { receiver, database, node, alice, bob, carol }
      })

    it.live("are not written while no node has a WEBHOOK_URL", () =>
      Effect.gen(function* () {
        const node = yield* startNode([], { ...(yield* fresh), webhookSecrets: [] })
        const [alice, bob] = [yield* node.newUser, yield* node.newUser]
        yield* node.post(alice, bob, "hello")

        assert.strictEqual(yield* node.waiting, 0)
      })
    )

    it.live("are signed so that receivers verify them with either secret", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        const { delivered_via_websocket: _, ...message } = yield* node.post(alice, bob, "hello 👋")

        const [received] = yield* receiver.got(1, "message.created")
        for (const secret of [SECRET, OLDER_SECRET]) {
          assert.deepEqual(new Webhook(secret).verify(received!.body, received!.headers), received!.event)
        }
        const stranger = new Webhook(`whsec_${Buffer.from("x".repeat(32)).toString("base64")}`)
        assert.throws(() => stranger.verify(received!.body, received!.headers))
        assert.match(received!.headers["webhook-id"]!, /^msg_[0-9a-f-]{36}$/)
        const { timestamp, ...event } = received!.event
        assert.deepEqual(event, {
          type: "message.created",
          data: { message, offline_user_ids: [bob.id], presence_known: true }
        } as unknown)
        assert.isAtLeast(Date.parse(timestamp), Date.parse(message.timestamp))
        yield* until(Effect.map(node.waiting, (count) => count === 0))
      })
    )

    it.live("tell of a new user with an external id and a profile once", () =>
      Effect.gen(function* () {
        const { receiver, node } = yield* world()
        const put = (payload: {
          readonly display_name: string
          readonly metadata: { readonly team: string }
        }) => node.client.users.putExternal({ params: { external_id: "auth0|7" }, payload })
        const made = yield* put({ display_name: "Dora", metadata: { team: "red" } })
        yield* until(Effect.map(node.waiting, (count) => count === 0))

        const { external_id: _, ...user } = made
        assert.deepInclude(receiver.of("user.created").at(-1)!.event.data.user, user)
        assert.deepEqual(receiver.of("user.updated"), [])
      })
    )

    it.live("tell of every change of messages, conversations, members and users, in its order", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob, carol } = yield* world()
        const { client, sql } = node
        const { id } = yield* client.conversations.create({
          payload: { user_id: alice.id, kind: "group", title: "hike", member_ids: [bob.id] }
        })
        const message = yield* client.messages.send({
          payload: { sender_id: alice.id, conversation_id: id, content: "one" }
        })
        const of = { params: { message_id: message.id } }
        yield* client.messages.edit({ ...of, payload: { user_id: alice.id, content: "two" } })
        yield* client.messages.delete({ ...of, query: { user_id: alice.id } })
        const put = (role?: "admin") =>
          client.conversations.putMember({
            params: { conversation_id: id, member_id: carol.id },
            payload: { user_id: alice.id, ...(role && { role }) }
          })
        yield* put()
        yield* put("admin")
        yield* client.conversations.removeMember({
          params: { conversation_id: id, member_id: carol.id },
          query: { user_id: alice.id }
        })
        yield* client.conversations.update({
          params: { conversation_id: id },
          payload: { user_id: alice.id, title: "swim" }
        })
        yield* sql`UPDATE users SET display_name = 'Bob' WHERE id = ${bob.id}`
        yield* sql`UPDATE users SET display_name = 'Bob' WHERE id = ${bob.id}`

        yield* receiver.got(1, "user.updated")
        const told = yield* receiver.got(8, ...CONVERSATION_TYPES)
        assert.deepEqual(
          told.map(({ event }) => event.type),
          CONVERSATION_TYPES
        )
        const data = (type: string) => receiver.of(type).map(({ event }) => event.data)
        assert.deepInclude(data("conversation.created")[0]!.conversation, {
          id,
          kind: "group",
          created_by: alice.id,
          member_ids: [alice.id, bob.id]
        })
        assert.deepInclude(data("conversation.member_added")[0], { conversation_id: id, user_id: carol.id })
        assert.deepEqual(data("conversation.member_removed"), [{ conversation_id: id, user_id: carol.id }])
        assert.include(data("conversation.updated")[0]!.conversation, { title: "swim" })
        assert.deepInclude(data("message.deleted")[0]!.message, { id: message.id, content: "" })
        assert.deepEqual(data("user.created")[1], { user: bob })
        assert.deepEqual(data("user.updated"), [{ user: { ...bob, display_name: "Bob" } }])
        assertDocumented(receiver.received)
      })
    )

    it.live("keep the order of a conversation while one is retried, and do not hold up others", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob, carol } = yield* world()
        let failures = 3
        receiver.respond = (received, response) => {
          const fails = contentOf(received) === "one" && failures-- > 0
          response.writeHead(fails ? 500 : 200).end()
        }
        for (const content of ["one", "two", "three"]) yield* node.post(alice, bob, content)
        yield* node.post(alice, carol, "other")

        yield* receiver.got(7, "message.created")
        const [others, those] = [true, false].map((isOther) =>
          receiver.of("message.created").filter((received) => (contentOf(received) === "other") === isOther)
        )
        assert.lengthOf(others!, 1)
        assert.deepEqual(those!.map(contentOf), ["one", "one", "one", "one", "two", "three"])
        const ids = new Set(those!.slice(0, 4).map(({ headers }) => headers["webhook-id"]))
        assert.strictEqual(ids.size, 1)
      })
    )

    it.live("tell of messages that one statement commits in the order of their ids", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        const drafts = Array.from({ length: 20 }, (_, n) => ({
          sender_id: alice.id,
          receiver_id: bob.id,
          content: `${n}`
        }))
        const { sendAll } = Context.get(node.server.services, Sends)

        const answers = yield* sendAll(drafts)

        assert.isTrue(answers.every(Result.isSuccess))
        const told = yield* receiver.got(20, "message.created")
        assert.deepEqual(
          told.map(contentOf),
          drafts.map(({ content }) => content)
        )
      })
    )

    it.live("hold no content in the queue: what is deleted meanwhile is not told", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        let isDown = true
        receiver.respond = (_, response) => response.writeHead(isDown ? 503 : 204).end()
        const { id } = yield* node.post(alice, bob, "a secret word")
        yield* receiver.got(1, "conversation.created")
        const { rows } = yield* Effect.map(
          node.sql<{ readonly rows: string }>`SELECT string_agg(e::text, '') AS rows FROM webhook_events e`,
          (found) => found[0]!
        )
        assert.notInclude(rows, "secret")
        yield* node.client.messages.delete({ params: { message_id: id }, query: { user_id: alice.id } })
        isDown = false

        yield* receiver.got(1, "message.deleted")
        const [created] = receiver.of("message.created")
        assert.deepInclude(created!.event.data.message, { id, content: "" })
        assert.property(created!.event.data.message, "deleted_at")
      })
    )

    it.live("become dead letters after three days or with 410, let others go, and are sent again", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        const repo = Context.get(node.server.services, WebhookRepo)
        let isRefused = true
        receiver.respond = (received, response) => {
          const content = contentOf(received)
          const status = !isRefused ? 200 : content === "gone" ? 410 : content === "late" ? 400 : 200
          response.writeHead(status).end()
        }
        for (const content of ["gone", "late", "fine"]) yield* node.post(alice, bob, content)
        yield* until(
          Effect.sync(() => receiver.of("message.created").some((one) => contentOf(one) === "late"))
        )
        assert.isFalse(receiver.of("message.created").some((one) => contentOf(one) === "fine"))
        yield* node.sql`UPDATE webhook_events SET give_up_at = clock_timestamp()`

        yield* until(
          Effect.sync(() => receiver.of("message.created").some((one) => contentOf(one) === "fine"))
        )
        const letters = yield* repo.deadLetters(10)
        assert.deepEqual(
          letters.map(({ type, reason }) => ({ type, reason })),
          [
            { type: "message.created", reason: "410" },
            { type: "message.created", reason: "400" }
          ]
        )
        assert.isTrue(letters.every(({ location }) => !location.includes("s3cret")))

        isRefused = false
        const before = receiver.received.length
        assert.strictEqual(yield* repo.retry(letters[0]!.webhook_id), 1)
        yield* receiver.got(before + 1)
        assert.strictEqual(yield* repo.retry(undefined), 1)
        yield* receiver.got(before + 2)
        assert.deepEqual(receiver.received.slice(before).map(contentOf), ["gone", "late"])
        assert.deepEqual(yield* repo.deadLetters(10), [])
        assert.strictEqual(yield* repo.retry(undefined), 0)
      })
    )

    it.live("obey Retry-After within an hour", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        receiver.respond = (_, response) => response.writeHead(429, { "retry-after": "999999" }).end()
        yield* node.post(alice, bob, "hello")

        const delays = node.sql<{ readonly delay: number }>`
          SELECT extract(epoch FROM due_at - clock_timestamp())::float8 AS delay FROM webhook_events
          WHERE type = 'conversation.created'`
        yield* until(Effect.map(delays, (rows) => rows[0]!.delay > 60 * 59))
        assert.isAtMost((yield* delays)[0]!.delay, 60 * 60)
        const { length } = receiver.received
        yield* node.post(bob, alice, "again")
        // No attempt is under way, and none is made: the whole receiver is left alone.
        yield* until(Effect.map(node.waiting, (count) => count === 3))
        assert.lengthOf(receiver.received, length)
      })
    )

    it.live("do not follow redirects", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        const elsewhere = yield* startReceiver
        receiver.respond = (_, response) => response.writeHead(307, { location: elsewhere.url }).end()
        yield* node.post(alice, bob, "hello")
        yield* receiver.got(2, "conversation.created")
        assert.isEmpty(elsewhere.received)
      })
    )

    it.live("that a receiver never answers slow neither sends nor another receiver", () =>
      Effect.gen(function* () {
        const [stuck, fine] = [yield* startReceiver, yield* startReceiver]
        stuck.respond = () => {}
        const node = yield* startNode([stuck.url, fine.url], yield* fresh)
        const users = yield* Effect.replicateEffect(node.newUser, 21)
        const posted = yield* Effect.forEach(users.slice(1), (user) => node.post(users[0]!, user, "hello"))

        const told = yield* fine.got(20, "message.created")
        assert.sameMembers(
          told.map(({ event }) => event.data.message.id),
          posted.map(({ id }) => id)
        )
        // Each of them waits for its answer.
        yield* until(Effect.sync(() => stuck.received.length === 16))
      })
    )

    it.live(
      "whose node does not report within its lease are taken over, and its late report is ignored",
      () =>
        Effect.gen(function* () {
          const { receiver, node, alice, bob } = yield* world()
          const repo = Context.get(node.server.services, WebhookRepo)
          const held: Array<ServerResponse> = []
          receiver.respond = (_, response) => held.push(response)
          yield* node.post(alice, bob, "hello")
          yield* receiver.got(1, "conversation.created")
          receiver.respond = (_, response) => response.writeHead(204).end()
          yield* node.sql`UPDATE webhook_events SET due_at = clock_timestamp() WHERE attempts > 0`

          yield* receiver.got(1, "message.created")
          const [first, again] = receiver.of("conversation.created")
          assert.strictEqual(first!.headers["webhook-id"], again!.headers["webhook-id"])
          held[0]!.writeHead(500).end()
          yield* until(Effect.map(node.waiting, (count) => count === 0))
          assert.deepEqual(yield* repo.deadLetters(1), [])
        })
    )

    it.live("of reports and suspensions are told", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob } = yield* world()
        const { id, conversation_id } = yield* node.post(alice, bob, "rude")
        const of = { params: { message_id: id } }
        yield* node.client.messages.edit({ ...of, payload: { user_id: alice.id, content: "ruder" } })
        let isDown = true
        receiver.respond = (_, response) => response.writeHead(isDown ? 503 : 204).end()
        const report = yield* node.client.moderation.report({
          ...of,
          payload: { user_id: bob.id, reason: "rude" }
        })
        yield* node.client.messages.delete({ ...of, query: { user_id: alice.id } })
        isDown = false
        yield* node.sql`UPDATE users SET suspended_at = now() WHERE id = ${alice.id}`
        yield* node.sql`UPDATE users SET suspended_at = NULL WHERE id = ${alice.id}`

        const [reported] = yield* receiver.got(1, "message.reported")
        const { message, ...data } = receiver.of("message.reported").at(-1)!.event.data
        assert.strictEqual(reported!.event.data.report.id, report.id)
        assert.deepEqual(data, {
          conversation_id,
          report: { ...report, reported: { content: "ruder", version: 2 } }
        })
        assert.deepInclude(message, { id, sender_id: alice.id, content: "" })
        const told = yield* receiver.got(2, "user.suspended", "user.restored")
        assert.deepEqual(
          told.map(({ event }) => event.type),
          ["user.suspended", "user.restored"]
        )
        assertDocumented(receiver.received)
      })
    )

    it.live("name the recipients who have neither a socket nor a waiting poll", () =>
      Effect.gen(function* () {
        const { receiver, node, alice, bob, carol } = yield* world()
        const dave = yield* node.newUser
        yield* (yield* node.connect(bob)).expect("system")
        const { id } = yield* node.client.conversations.create({
          payload: {
            user_id: alice.id,
            kind: "group",
            title: "x",
            member_ids: [bob, carol, dave].map((user) => user.id)
          }
        })
        const poll = yield* Effect.forkChild(
          node.client.users.events({ params: { user_id: carol.id }, query: { since: 1, wait: 25 } })
        )
        yield* until(Effect.map(followersOf(node.server.services, carol.id), (polls) => polls === 1))
        // Not through Sends: the poll is to wait while the event is delivered.
        yield* node.sql`INSERT INTO messages (sender_id, conversation_id, content, timestamp)
          VALUES (${alice.id}, ${id}, 'hello', now())`

        const [created] = yield* receiver.got(1, "message.created")
        assert.include(created!.event.data, { presence_known: true })
        assert.deepEqual(created!.event.data.offline_user_ids, [dave.id])
        yield* Fiber.interrupt(poll)
      })
    )

    it.live("name nobody who polls, as long as `delivered_via_websocket` says so, too", () =>
      Effect.flatMap(world(), ({ receiver, node, alice, bob }) => pollAgain(receiver, node, node, alice, bob))
    )
  })

const ROUNDS = 10

/**
 * Bob polls on node `b` again and again. Half of the messages that Alice sends on node `a` answer a poll, and half come between two polls. Once
 * Bob polls no longer, he is offline.
 */
const pollAgain = Effect.fnUntraced(function* (
  receiver: Receiver,
  a: WebhookNode,
  b: WebhookNode,
  alice: User,
  bob: User
) {
  let since = 0
  const poll = Effect.tap(
    Effect.suspend(() => b.client.users.events({ params: { user_id: bob.id }, query: { since, wait: 25 } })),
    ({ cursor }) => Effect.sync(() => (since = cursor))
  )
  const isOpen = Effect.map(Context.get(b.server.services, LiveInboxes).size, (inboxes) => inboxes > 0)
  let sent = 0
  const send = Effect.gen(function* () {
    const { delivered_via_websocket } = yield* a.post(alice, bob, "hello")
    const created = (yield* receiver.got(++sent, "message.created")).at(-1)!
    return [delivered_via_websocket, created.event.data.offline_user_ids]
  })

  for (let round = 0; round < ROUNDS; round++) {
    const polling = yield* Effect.forkChild(poll)
    yield* until(Effect.map(followersOf(b.server.services, bob.id), (polls) => polls === 1))
    assert.deepEqual(yield* send, [true, []], `round ${round}, while a poll waits`)
    yield* Fiber.join(polling)
    assert.deepEqual(yield* send, [true, []], `round ${round}, between two polls`)
    // This poll is answered at once.
    yield* poll
    assert.deepEqual(yield* send, [true, []], `round ${round}, after a poll that did not wait`)
    yield* poll
  }
  yield* until(Effect.map(isOpen, (open) => !open))
  assert.deepEqual(yield* send, [false, [bob.id]])
})

const CONVERSATION_TYPES = [
  "conversation.created",
  "message.created",
  "message.updated",
  "message.deleted",
  "conversation.member_added",
  "conversation.member_updated",
  "conversation.member_removed",
  "conversation.updated"
]

suite("the embedded database", freshEmbedded)
if (databaseUrl !== undefined) suite("PostgreSQL", freshDatabase)

describe.runIf(hasSharedServices)("webhooks of two nodes", () => {
  it.live("name nobody who polls on the other one", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      const services = yield* sharedServices
      const a = yield* startNode([receiver.url], services)
      const b = yield* startNode([], { ...services, webhookSecrets: [] })
      yield* pollAgain(receiver, a, b, yield* a.newUser, yield* a.newUser)
    })
  )

  it.live("keep the order of each conversation, and each event is told once", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      const services = yield* sharedServices
      const a = yield* startNode([receiver.url], services)
      const b = yield* startNode([receiver.url], services)
      const users = yield* Effect.replicateEffect(a.newUser, 5)
      const [alice, ...others] = users
      yield* Effect.forEach(
        others,
        (other, i) =>
          Effect.forEach(Array.from({ length: 15 }), (_, n) =>
            (i % 2 === 0 ? a : b).post(alice!, other, `${n}`)
          ),
        { concurrency: "unbounded", discard: true }
      )

      const told = yield* receiver.got(60, "message.created")
      for (const other of others) {
        const ids = told.flatMap(({ event }) =>
          event.data.message.receiver_id === other.id ? [event.data.message.id] : []
        )
        assert.lengthOf(ids, 15)
        assert.deepEqual(
          ids,
          ids.toSorted((one, two) => one - two)
        )
      }
      yield* until(Effect.map(a.waiting, (count) => count === 0))
      assert.strictEqual(new Set(told.map(({ headers }) => headers["webhook-id"])).size, 60)
    })
  )

  it.live("are delivered by the other one when a node stops in the middle of an attempt", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      const services = yield* sharedServices
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(startNode([receiver.url], services), scope)
      receiver.respond = () => {}
      yield* a.newUser
      yield* receiver.got(1, "user.created")
      const b = yield* startNode([receiver.url], services)
      receiver.respond = (_, response) => response.writeHead(204).end()
      yield* Scope.close(scope, Exit.void)

      const [first, again] = yield* receiver.got(2, "user.created")
      assert.strictEqual(first!.headers["webhook-id"], again!.headers["webhook-id"])
      yield* until(Effect.map(b.waiting, (count) => count === 0))
    })
  )
})
