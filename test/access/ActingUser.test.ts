import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { type Answer, bearer, post, request } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"

/** A server that asks for tokens, with three users, a message between two and a group of these. */
class Authenticated extends Context.Service<
  Authenticated,
  {
    readonly service: Record<string, string>
    readonly alice: Record<string, string>
    call(
      headers: Record<string, string>,
      method: string,
      path: string,
      body?: Record<string, unknown>
    ): Effect.Effect<Answer>
    readonly ids: { readonly message: number; readonly direct: number; readonly group: number }
  }
>()("test/access/Authenticated") {
  static readonly layer = Layer.effect(
    Authenticated,
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const { url } = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
      const service = bearer(yield* keys.mint({ scope: "service" }))
      const alice = bearer(yield* keys.mint({ sub: "1" }))
      for (const username of ["alice", "bob", "carol"]) yield* post(`${url}/users/`, { username }, service)
      const sent = yield* post(`${url}/messages/`, { sender_id: 1, receiver_id: 2, content: "hi" }, service)
      const made = yield* post(
        `${url}/conversations/`,
        { user_id: 1, kind: "group", title: "group", member_ids: [2] },
        service
      )
      const message: { readonly id: number; readonly conversation_id: number } = JSON.parse(sent.body)
      const ids = { message: message.id, direct: message.conversation_id, group: JSON.parse(made.body).id }
      return Authenticated.of({
        service,
        alice,
        ids,
        call: (headers, method, path, body) =>
          request(url + path, {
            method,
            headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
            ...(body === undefined ? {} : { body: JSON.stringify(body) })
          })
      })
    })
  )
}

/** Every call that acts for a user: the field that says for whom, where it stands, and the call without it. */
const CALLS: ReadonlyArray<
  readonly [
    what: string,
    place: "query" | "payload",
    field: string,
    call: (ids: Authenticated["Service"]["ids"]) => readonly [string, string, Record<string, unknown>?]
  ]
> = [
  ["send", "payload", "sender_id", () => ["POST", "/messages/", { receiver_id: 3, content: "hi" }]],
  [
    "send to a group",
    "payload",
    "sender_id",
    ({ group }) => ["POST", "/messages/", { conversation_id: group, content: "hi" }]
  ],
  ["read a history", "query", "user_id", () => ["GET", "/messages/"]],
  ["read a conversation", "query", "user_id", ({ group }) => ["GET", `/messages/?conversation_id=${group}`]],
  ["read a message", "query", "user_id", ({ message }) => ["GET", `/messages/${message}`]],
  [
    "edit a message",
    "payload",
    "user_id",
    ({ message }) => ["PATCH", `/messages/${message}`, { content: "edited" }]
  ],
  ["react", "query", "user_id", ({ message }) => ["PUT", `/messages/${message}/reactions/%F0%9F%91%8D`]],
  [
    "take a reaction back",
    "query",
    "user_id",
    ({ message }) => ["DELETE", `/messages/${message}/reactions/%F0%9F%91%8D`]
  ],
  ["delete a message", "query", "user_id", ({ message }) => ["DELETE", `/messages/${message}`]],
  [
    "make a group",
    "payload",
    "user_id",
    () => ["POST", "/conversations/", { kind: "group", title: "x", member_ids: [2] }]
  ],
  [
    "get a direct conversation",
    "payload",
    "user_id",
    () => ["POST", "/conversations/", { kind: "direct", with: 2 }]
  ],
  ["list conversations", "query", "user_id", () => ["GET", "/conversations/"]],
  ["get a conversation", "query", "user_id", ({ group }) => ["GET", `/conversations/${group}`]],
  [
    "change a group",
    "payload",
    "user_id",
    ({ group }) => ["PATCH", `/conversations/${group}`, { title: "y" }]
  ],
  ["list members", "query", "user_id", ({ group }) => ["GET", `/conversations/${group}/members`]],
  ["add a member", "payload", "user_id", ({ group }) => ["PUT", `/conversations/${group}/members/2`, {}]],
  [
    "mark as read",
    "payload",
    "user_id",
    ({ direct, message }) => ["POST", `/conversations/${direct}/read`, { message_id: message }]
  ],
  ["remove a member", "query", "user_id", ({ group }) => ["DELETE", `/conversations/${group}/members/2`]]
]

const withUser = (
  place: "query" | "payload",
  field: string,
  userId: number,
  [method, path, body]: readonly [string, string, Record<string, unknown>?]
): readonly [string, string, Record<string, unknown>?] =>
  place === "query"
    ? [method, `${path}${path.includes("?") ? "&" : "?"}${field}=${userId}`]
    : [method, path, { ...body, [field]: userId }]

layer(Authenticated.layer, { excludeTestServices: true })((it) => {
  describe("for whom a call acts", () => {
    it.effect.each(CALLS)("%s: with a user's token for its subject only", ([, place, field, call]) =>
      Effect.gen(function* () {
        const { alice, ids, call: ask } = yield* Authenticated
        const asBob = yield* ask(alice, ...withUser(place, field, 2, call(ids)))
        assert.strictEqual(asBob.status, 403, asBob.body)
        assert.strictEqual(JSON.parse(asBob.body).type, "urn:minichat:problem:forbidden")
        const asItself = yield* ask(alice, ...withUser(place, field, 1, call(ids)))
        assert.include([200, 204], asItself.status, asItself.body)
        const unsaid = yield* ask(alice, ...call(ids))
        assert.include([200, 204], unsaid.status, unsaid.body)
      })
    )

    it.effect.each(CALLS.filter(([what]) => what !== "delete a message"))(
      "%s: with a service's token for any user, who must be named",
      ([, place, field, call]) =>
        Effect.gen(function* () {
          const { service, ids, call: ask } = yield* Authenticated
          const unsaid = yield* ask(service, ...call(ids))
          assert.strictEqual(unsaid.status, 422, unsaid.body)
          assert.deepEqual(
            JSON.parse(unsaid.body).errors.map(({ path }: { readonly path: ReadonlyArray<string> }) => path),
            [[place, field]]
          )
          const said = yield* ask(service, ...withUser(place, field, 1, call(ids)))
          assert.notInclude([401, 422, 429], said.status, said.body)
          assert.notStrictEqual(JSON.parse(said.body || "{}").type, "urn:minichat:problem:forbidden")
        })
    )

    it.effect.each(CALLS)("%s: not without a token", ([, place, field, call]) =>
      Effect.gen(function* () {
        const { ids, call: ask } = yield* Authenticated
        assert.strictEqual((yield* ask({}, ...withUser(place, field, 1, call(ids)))).status, 401)
      })
    )

    it.effect("a send to the token's own user is refused, as one that names the sender", () =>
      Effect.gen(function* () {
        const { alice, call } = yield* Authenticated
        const { status, body } = yield* call(alice, "POST", "/messages/", { receiver_id: 1, content: "hi" })
        assert.strictEqual(status, 422)
        assert.deepEqual(JSON.parse(body).errors[0].path, ["payload", "receiver_id"])
      })
    )

    it.effect("every bad field of a send is named, the sender only where nobody else says who sends", () =>
      Effect.gen(function* () {
        const { alice, service, call } = yield* Authenticated
        const named = (headers: Record<string, string>) =>
          Effect.map(call(headers, "POST", "/messages/", {}), ({ body }) =>
            JSON.parse(body).errors.map(({ path }: { readonly path: ReadonlyArray<string> }) => path[1])
          )
        assert.sameMembers(yield* named(alice), ["receiver_id", "content"])
        assert.sameMembers(yield* named(service), ["sender_id", "receiver_id", "content"])
      })
    )
  })
})
