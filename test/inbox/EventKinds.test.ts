import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int4Array } from "../../src/database/SqlParameters.ts"
import { type EventFact, Seq } from "../../src/domain/Event.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { EventBuilder, EventKinds, eventKind } from "../../src/inbox/EventKinds.ts"
import { freshServices } from "../realtime/support/ChatServer.ts"
import { frameOf } from "../support/Events.ts"
import { startServer, typedClient } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"

const Payload = Schema.Struct({ text: Schema.String })

const NoteFrame = Schema.Struct({ type: Schema.Literal("note"), seq: Seq, ...Payload.fields })

/** A kind whose events carry a payload and no message. */
const note = eventKind(NoteFrame, {
  since: "minichat.v2",
  fields: ({ payload }) => Schema.decodeUnknownOption(Payload)(payload)
})

const kinds = { ...Context.get(Context.empty(), EventKinds), note }

const fact = (rest: Partial<EventFact>): EventFact => ({
  type: "note",
  committedAt: 0,
  message: undefined,
  clientId: undefined,
  payload: undefined,
  ...rest
})

const message = {
  id: 7,
  sender_id: 1,
  sender_username: "alice",
  receiver_id: 2,
  content: "é",
  timestamp: "2026-01-31T12:00:00.000Z"
} as Message

describe("EventBuilder", () => {
  const builder = new EventBuilder(kinds)

  it("builds a frame of type, number and the fields of the kind, in that order", () => {
    const { frame, ...event } = builder.build({ ...fact({ payload: { text: "hi" } }), seq: 3 })

    assert.deepEqual(event, { seq: 3, type: "note", committedAt: 0, traceparent: undefined })
    assert.strictEqual(Buffer.from(frame).toString(), '{"type":"note","seq":3,"text":"hi"}')
  })

  it("shows a client id to the sender's devices only", () => {
    const about = { message, clientId: "c1" }
    const [sent, received] = ["message_sent", "message"].map((type) =>
      JSON.parse(frameOf(builder.build({ ...fact({ ...about, type }), seq: 1 })))
    )

    assert.deepEqual(sent, { type: "message_sent", seq: 1, ...message, client_id: "c1" })
    assert.deepEqual(received, { type: "message", seq: 1, ...message })
  })

  for (const [what, broken] of [
    ["of a kind that this release does not know", fact({ type: "constructor", payload: { text: "hi" } })],
    ["of a message whose row has none", fact({ type: "message" })],
    ["whose payload is not what its kind needs", fact({ payload: { text: 1 } })],
    ["whose payload is missing", fact({})]
  ] as const) {
    it(`keeps the number of an event ${what}, and is for version 2 only`, () => {
      const event = builder.build({ ...broken, seq: 9 })

      assert.strictEqual(event.type, "omitted")
      assert.strictEqual(frameOf(event), '{"type":"omitted","seq":9}')
      assert.isFalse(builder.isForVersion1(event.type))
    })
  }

  it("finds what the table says of a kind", () => {
    const greeting = eventKind(NoteFrame, {
      since: "minichat.v2",
      reports: "message received",
      fields: () => Option.none()
    })
    const own = new EventBuilder({ note, greeting })

    assert.deepEqual(own.newMessageTypes, ["greeting"])
    assert.deepEqual(
      ["note", "greeting", "unknown"].map((type) => own.reportOf(type)),
      [undefined, "message received", undefined]
    )
  })

  it("are for version 1 when they are messages, and no other", () => {
    const forVersion1 = [...Object.keys(kinds), "omitted", "unknown"].filter((type) =>
      builder.isForVersion1(type)
    )

    assert.deepEqual(forVersion1, ["message"])
  })
})

interface Page {
  readonly events: ReadonlyArray<Record<string, unknown>>
  readonly cursor: number
}

/** A server that knows the kind `note`, and events of any kind as another node would append them. */
class NoteServer extends Context.Service<
  NoteServer,
  {
    readonly webSocketUrl: string
    readonly client: Effect.Success<ReturnType<typeof typedClient>>
    readonly newUser: Effect.Effect<User>
    readonly append: (user: User, type: string, payload?: unknown) => Effect.Effect<void>
    readonly send: (from: User, to: User, content: string) => Effect.Effect<void>
    /** A page of REST's events, as it came. */
    readonly page: (user: User, since: number, query?: string) => Effect.Effect<Page>
  }
>()("minichat/test/NoteServer") {
  static readonly layer = Layer.effect(
    NoteServer,
    Effect.gen(function* () {
      const server = yield* startServer(yield* freshServices).pipe(Effect.provideService(EventKinds, kinds))
      const client = yield* typedClient(server)
      const { sends: sql } = Context.get(server.services, Database)
      let users = 0
      return NoteServer.of({
        webSocketUrl: server.webSocketUrl,
        client,
        newUser: Effect.orDie(
          Effect.suspend(() => client.users.create({ payload: { username: `noted${users++}` } }))
        ),
        append: (user, type, payload) =>
          sql`SELECT append_events(
            ${int4Array([user.id])}, ARRAY[${type}], ARRAY[NULL]::bigint[],
            ARRAY[${payload === undefined ? null : JSON.stringify(payload)}]::jsonb[], ARRAY[now()]
          )`.pipe(Effect.asVoid, Effect.orDie),
        send: (from, to, content) =>
          client.messages
            .send({ payload: { sender_id: from.id, receiver_id: to.id, content } })
            .pipe(Effect.asVoid, Effect.orDie),
        page: (user, since, query = "") =>
          Effect.promise(
            async () =>
              (
                await fetch(`${server.url}/users/${user.id}/events?since=${since}${query}`)
              ).json() as Promise<Page>
          )
      })
    })
  )
}

const typesOf = (events: ReadonlyArray<{ readonly [field: string]: unknown }>) =>
  events.map(({ type, seq }) => `${seq} ${type}`)

layer(NoteServer.layer, { excludeTestServices: true })("events without a message", (it) => {
  /** bob's inbox: a message, a note, one that cannot be built, one of an unknown kind, a note, a message. */
  const mixed = Effect.gen(function* () {
    const { newUser, append, send } = yield* NoteServer
    const [alice, bob] = [yield* newUser, yield* newUser]
    yield* send(alice, bob, "first")
    yield* append(bob, "note", { text: "one" })
    yield* append(bob, "message")
    yield* append(bob, "of_a_newer_release", { text: "two" })
    yield* append(bob, "note", { text: "three" })
    yield* send(alice, bob, "last")
    return { alice, bob }
  })
  const all = ["1 message", "2 note", "3 omitted", "4 omitted", "5 note", "6 message"]

  it.effect("are replayed to a socket, and a socket of version 1 gets what follows them", () =>
    Effect.gen(function* () {
      const { webSocketUrl } = yield* NoteServer
      const { bob } = yield* mixed
      const open = (protocol: string) =>
        openSocket(`${webSocketUrl}/ws/${bob.id}?since=0`, { protocols: [protocol] })

      const second = yield* open("minichat.v2")
      yield* second.next
      const replayed = yield* Effect.replicateEffect(second.next, 6)
      assert.deepEqual(typesOf(replayed), all)
      assert.include(replayed[1], { text: "one" })
      assert.include(yield* second.next, { type: "resumed", cursor: 6 })

      const first = yield* open("minichat.v1")
      yield* first.next
      assert.deepEqual(typesOf(yield* Effect.replicateEffect(first.next, 2)), ["1 message", "6 message"])
    })
  )

  it.effect("reach a live socket in their place", () =>
    Effect.gen(function* () {
      const { webSocketUrl, newUser, append, send } = yield* NoteServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* openSocket(`${webSocketUrl}/ws/${bob.id}`, { protocols: ["minichat.v2"] })
      yield* socket.next
      yield* append(bob, "note", { text: "one" })
      yield* append(bob, "message")

      yield* send(alice, bob, "wakes the socket")

      assert.deepEqual(typesOf(yield* Effect.replicateEffect(socket.next, 3)), [
        "1 note",
        "2 omitted",
        "3 message"
      ])
    })
  )

  it.effect("stand in pages of REST, each of which goes on where the last one ended", () =>
    Effect.gen(function* () {
      const { page } = yield* NoteServer
      const { bob } = yield* mixed
      const seen: Array<string> = []
      let cursor = 0
      for (let pages = 0; pages < 6; pages++) {
        const next = yield* page(bob, cursor, "&limit=1")
        seen.push(...typesOf(next.events))
        cursor = next.cursor
      }

      assert.deepEqual(seen, all)
    })
  )

  for (const payload of [{ text: "awaited" }, undefined]) {
    it.effect(
      `end a poll that waits, ${payload === undefined ? "also when they cannot be built" : "once"}`,
      () =>
        Effect.gen(function* () {
          const { newUser, append, page, send } = yield* NoteServer
          const [alice, bob] = [yield* newUser, yield* newUser]
          yield* append(bob, "note", payload)

          const first = yield* page(bob, 0, "&wait=30")
          assert.deepEqual(typesOf(first.events), [payload === undefined ? "1 omitted" : "1 note"])
          assert.strictEqual(first.cursor, 1)

          yield* send(alice, bob, "next")
          assert.deepEqual(typesOf((yield* page(bob, 1, "&wait=30")).events), ["2 message"])
        })
    )
  }

  it.effect("do not change what the contract's client reads of messages", () =>
    Effect.gen(function* () {
      const { client } = yield* NoteServer
      const { bob } = yield* mixed
      const { messages } = yield* client.messages.recent({ params: { user_id: bob.id } })

      assert.deepEqual(
        messages.map(({ content }) => content),
        ["last", "first"]
      )
    })
  )
})
