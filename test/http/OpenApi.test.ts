import { assert, layer } from "@effect/vitest"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Effect, Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { DocumentedApi } from "../../src/api/openapi/Documentation.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import { ExportRecord } from "../../src/domain/Export.ts"
import type { UserId } from "../../src/domain/User.ts"
import { type UnreachedPayload, WebhookPayloads, type WebhookType } from "../../src/domain/Webhook.ts"
import { ChatServer, newPair, newUser, newUsername, send } from "./ChatServer.ts"
import { document, examplesOf, operations, webhooks } from "./OpenApiDocument.ts"

const OF_ANY = [500]
const OF_AUTHORIZED = [401, 403, 429, 503]
const OF_INPUT = [422]
const OF_BODIES = [413, 415, 422]

/** Every status that each operation can answer with. */
/** The parameters that are texts. */
const TEXTS = ["epoch", "emoji", "username", "q", "external_id"]

const STATUSES: Readonly<Record<string, ReadonlyArray<number>>> = {
  "users.create": [200, 400, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "users.list": [200, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.get": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.me": [200, 404, ...OF_ANY, ...OF_AUTHORIZED],
  "users.update": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "users.getExternal": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.putExternal": [200, 400, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "users.presence": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.disconnect": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "users.events": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.erase": [202, 204, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "users.export": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.send": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "messages.history": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.recent": [200, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.search": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.get": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.edit": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "messages.delete": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.react": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "messages.unreact": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "conversations.create": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "conversations.list": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "conversations.get": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "conversations.update": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "conversations.members": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "conversations.putMember": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "conversations.removeMember": [204, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "conversations.read": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "blocks.list": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "blocks.block": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "blocks.unblock": [204, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "moderation.report": [200, 404, 409, ...OF_ANY, ...OF_AUTHORIZED, ...OF_BODIES],
  "moderation.listReports": [200, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "moderation.resolveReport": [204, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "moderation.suspension": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "moderation.suspend": [200, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "moderation.restore": [204, 404, ...OF_ANY, ...OF_AUTHORIZED, ...OF_INPUT],
  "system.welcome": [200, ...OF_ANY],
  "system.health": [200, 503, ...OF_ANY],
  "system.livez": [200, ...OF_ANY],
  "system.readyz": [200, 503, ...OF_ANY],
  "live.connect": [101, 426, ...OF_AUTHORIZED, ...OF_INPUT]
}

layer(ChatServer.layer, { excludeTestServices: true })("the OpenAPI document", (it) => {
  it.effect("is valid OpenAPI 3.1", () =>
    Effect.gen(function* () {
      const spec = yield* document
      const { valid, errors } = yield* Effect.promise(() =>
        new Validator().validate(structuredClone({ ...spec }))
      )
      assert.isTrue(valid, JSON.stringify(errors))
      assert.match(spec.openapi, /^3\.1\./)
    })
  )

  it.effect("describes every path that the server has for callers, with the methods that it takes", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const spec = yield* document
      for (const [path, methods] of Object.entries(spec.paths)) {
        const { headers } = yield* ask(
          "OPTIONS",
          path.replaceAll(/\{\w+_id\}/g, "1").replace("{emoji}", "%F0%9F%91%8D")
        )
        const allowed = headers.get("allow")!.split(", ")
        assert.sameMembers(
          Object.keys(methods).map((method) => method.toUpperCase()),
          allowed.filter((method) => method !== "HEAD" && method !== "OPTIONS"),
          path
        )
      }
      const described: Array<string> = []
      HttpApi.reflect(Api, {
        onGroup: () => {},
        onEndpoint: ({ endpoint }) =>
          described.push(endpoint.path.replace(/:(\w+)/g, "{$1}").replace(/(?<=.)\/$/, ""))
      })
      assert.sameMembers(Object.keys(spec.paths), [...new Set(described), "/ws/{user_id}"])
    })
  )

  it.effect("names and summarizes every operation", () =>
    Effect.gen(function* () {
      const all = yield* operations
      assert.sameMembers(
        all.map(({ operationId }) => operationId),
        Object.keys(STATUSES)
      )
      for (const { operationId, summary, tags } of all) {
        assert.isNotEmpty(summary, operationId)
        assert.lengthOf(tags, 1)
      }
    })
  )

  it.effect("lists every status that an operation can answer with, and no other", () =>
    Effect.gen(function* () {
      for (const { operationId, responses } of yield* operations) {
        assert.sameMembers(Object.keys(responses).map(Number), [...STATUSES[operationId]!], operationId)
        for (const { description } of Object.values(responses)) assert.isNotEmpty(description, operationId)
      }
    })
  )

  it.effect("says which operations take a token, and which need none", () =>
    Effect.gen(function* () {
      const { components } = yield* document
      assert.include(components.securitySchemes.bearer, { type: "http", bearerFormat: "JWT" })
      for (const { operationId, security } of yield* operations) {
        const isPublic = operationId.startsWith("system.")
        assert.deepEqual(security, isPublic ? [] : [{ bearer: [] }], operationId)
      }
    })
  )

  it.effect("has an example of every body, and every example decodes by the contract", () =>
    Effect.gen(function* () {
      const documented = new Map((yield* operations).map((operation) => [operation.operationId, operation]))
      const examples: Array<readonly [where: string, schemas: ReadonlyArray<Schema.Top>, example: unknown]> =
        []
      HttpApi.reflect(DocumentedApi, {
        onGroup: () => {},
        onEndpoint: ({ group, endpoint, successes, errors }) => {
          const operationId = `${group.identifier}.${endpoint.identifier}`
          const { requestBody, responses } = documented.get(operationId)!
          if (requestBody !== undefined) {
            const schemas = [...endpoint.payload.values()].flatMap((payload) => payload.schemas)
            examples.push([operationId, schemas, requestBody.content["application/json"]!.example])
          }
          for (const [status, { content }] of Object.entries(responses)) {
            const schemas = successes.get(Number(status)) ?? errors.get(Number(status))
            for (const media of Object.values(content ?? {})) {
              for (const example of examplesOf(media)) {
                const line = operationId === "users.export" ? [ExportRecord] : []
                examples.push([`${operationId} ${status}`, schemas ?? line, example])
              }
            }
          }
        }
      })

      for (const [where, schemas, example] of examples) {
        assert.isDefined(example, where)
        const schema = Schema.toCodecJson(Schema.Union(schemas as ReadonlyArray<Schema.Codec<unknown>>))
        yield* Schema.decodeUnknownEffect(schema)(example)
      }
    })
  )

  it.effect("shows problems as the server answers them", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const byId = Object.fromEntries(
        (yield* operations).map((operation) => [operation.operationId, operation])
      )
      const { alice, bob } = yield* newPair
      const carol = yield* newUser
      const { id, conversation_id } = yield* send(alice, bob, "first", "c1")
      const edited = yield* send(alice, bob, "second")
      yield* ask("PATCH", `/messages/${edited.id}`, { json: { user_id: alice.id, content: "edited" } })
      const group = yield* ask("POST", "/conversations/", {
        json: { user_id: alice.id, kind: "group", title: "group", member_ids: [bob.id] }
      })
      const draft = { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
      const stranger = 2_147_483_647
      const json = { "content-type": "application/json" }
      const text = { "content-type": "text/plain" }
      const answers = {
        "users.create 400": ask("POST", "/users/", { json: { username: alice.username } }),
        "users.create 413": ask("POST", "/users/", { headers: json, body: " ".repeat(65_537) }),
        "users.create 415": ask("POST", "/users/", { headers: text, body: "alice" }),
        "users.create 422": ask("POST", "/users/", { json: { username: "x" } }),
        "users.list 422": ask("GET", "/users/?limit=0"),
        "users.get 404": ask("GET", `/users/${stranger}`),
        "users.get 422": ask("GET", "/users/0"),
        "users.presence 404": ask("GET", `/users/${stranger}/presence`),
        "users.presence 422": ask("GET", "/users/0/presence"),
        "users.disconnect 404": ask("POST", `/users/${stranger}/disconnect`, { json: {} }),
        "users.disconnect 422": ask("POST", `/users/${alice.id}/disconnect`, { json: { code: 1000 } }),
        "users.events 404": ask("GET", `/users/${stranger}/events?since=0`),
        "users.events 422": ask("GET", `/users/${alice.id}/events?since=0&wait=31`),
        "messages.send 404": ask("POST", "/messages/", { json: { ...draft, sender_id: stranger } }),
        "messages.send 404 ": ask("POST", "/messages/", { json: { ...draft, receiver_id: stranger } }),
        "messages.send 409": ask("POST", "/messages/", { json: { ...draft, client_id: "c1" } }),
        "messages.send 413": ask("POST", "/messages/", { headers: json, body: " ".repeat(65_537) }),
        "messages.send 415": ask("POST", "/messages/", { headers: text, body: "hello" }),
        "messages.send 422": ask("POST", "/messages/", { json: { ...draft, content: " " } }),
        "messages.send 403": ask("POST", "/messages/", {
          json: { sender_id: carol.id, conversation_id, content: "hello" }
        }),
        "messages.send 404  ": ask("POST", "/messages/", {
          json: { sender_id: carol.id, conversation_id: stranger, content: "hello" }
        }),
        "messages.send 404   ": ask("POST", "/messages/", { json: { ...draft, reply_to_id: stranger } }),
        "messages.get 403": ask("GET", `/messages/${id}?user_id=${carol.id}`),
        "messages.get 404": ask("GET", `/messages/${stranger}?user_id=${alice.id}`),
        "messages.edit 403": ask("PATCH", `/messages/${id}`, { json: { user_id: bob.id, content: "x" } }),
        "messages.edit 409": ask("PATCH", `/messages/${edited.id}`, {
          json: { user_id: alice.id, content: "x", version: 7 }
        }),
        "messages.delete 403": ask("DELETE", `/messages/${id}?user_id=${bob.id}`),
        "messages.react 422": ask("PUT", `/messages/${id}/reactions/x?user_id=${alice.id}`),
        "conversations.create 404": ask("POST", "/conversations/", {
          json: { user_id: stranger, kind: "direct", with: bob.id }
        }),
        "conversations.create 422": ask("POST", "/conversations/", {
          json: { user_id: alice.id, kind: "group", title: " ", member_ids: [] }
        }),
        "conversations.list 422": ask("GET", `/conversations/?user_id=${alice.id}&limit=0`),
        "conversations.list 404": ask("GET", `/conversations/?user_id=${stranger}`),
        "conversations.get 403": ask("GET", `/conversations/${conversation_id}?user_id=${carol.id}`),
        "conversations.get 404": ask("GET", `/conversations/${stranger}?user_id=${carol.id}`),
        "conversations.update 409": ask("PATCH", `/conversations/${conversation_id}`, {
          json: { user_id: alice.id, title: "x" }
        }),
        "conversations.update 403": ask("PATCH", `/conversations/${group.json.id}`, {
          json: { user_id: bob.id, title: "x" }
        }),
        "conversations.members 422": ask(
          "GET",
          `/conversations/${conversation_id}/members?user_id=${alice.id}&limit=0`
        ),
        "conversations.putMember 422": ask("PUT", `/conversations/${conversation_id}/members/0`, {
          json: { user_id: alice.id }
        }),
        "conversations.removeMember 409": ask(
          "DELETE",
          `/conversations/${conversation_id}/members/${bob.id}?user_id=${alice.id}`
        ),
        "conversations.read 404": ask("POST", `/conversations/${conversation_id}/read`, {
          json: { user_id: alice.id, message_id: stranger }
        }),
        "conversations.read 422": ask("POST", `/conversations/${conversation_id}/read`, {
          json: { user_id: alice.id, message_id: 0 }
        }),
        "messages.history 422": ask("GET", "/messages/?user_id=0"),
        "messages.recent 422": ask("GET", "/messages/recent/0"),
        "live.connect 426": ask("GET", "/ws/1")
      }
      for (const [name, asked] of Object.entries(answers)) {
        const [operationId, status] = name.trim().split(" ") as [string, string]
        const answer = yield* asked
        const media = byId[operationId]!.responses[status]!.content!["application/problem+json"]!
        assert.strictEqual(answer.status, Number(status), name)
        assert.deepInclude(examplesOf(media), answer.json, name)
      }
    })
  )

  it.effect(
    "documents every parameter as the integer that it is, with the bounds that the server keeps",
    () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        // Neither of the two is user 1, whom a parameter with its minimum names: no user blocks itself.
        yield* newUser
        const { alice, bob } = yield* newPair
        const { id, conversation_id } = yield* send(alice, bob, "hello")
        const right: Readonly<Record<string, unknown>> = {
          user_id: alice.id,
          conversation_id,
          message_id: id,
          member_id: bob.id,
          blocked_id: bob.id,
          emoji: "%F0%9F%91%8D"
        }
        /** Parameters that say nothing without others. */
        const beside: Readonly<Record<string, ReadonlyArray<string>>> = { after_id: ["conversation_id"] }
        for (const { operationId, path, method, parameters, requestBody } of yield* operations) {
          const body = requestBody?.content["application/json"]?.example as object | undefined
          for (const { name, description, schema } of parameters) {
            const about = `${operationId} ${name}`
            assert.isNotEmpty(description, about)
            if (TEXTS.includes(name)) continue
            assert.strictEqual(schema.type, "integer", about)
            assert.isTrue(schema.maximum !== undefined || schema.format !== undefined, about)
            if (operationId === "live.connect") continue
            const statusOf = (value: number) => {
              const valueOf = (other: string) => (other === name ? value : right[other])
              const query = parameters
                .filter((other) => other.in === "query")
                .filter(
                  (other) =>
                    other.required ||
                    [
                      name,
                      "user_id",
                      ...(operationId === "messages.history" ? (beside[name] ?? []) : [])
                    ].includes(other.name)
                )
                .map((other) => `${other.name}=${valueOf(other.name) ?? 0}`)
              const at = path.replaceAll(/\{(\w+)\}/g, (_, other: string) => String(valueOf(other)))
              return Effect.map(
                ask(method.toUpperCase(), `${at}?${query.join("&")}`, body && { json: body }),
                ({ status }) => status
              )
            }
            assert.strictEqual(yield* statusOf(schema.minimum - 1), 422, about)
            assert.notStrictEqual(yield* statusOf(schema.minimum), 422, about)
            if (schema.maximum === undefined || name === "wait") continue
            assert.notStrictEqual(yield* statusOf(schema.maximum), 422, about)
            assert.strictEqual(yield* statusOf(schema.maximum + 1), 422, about)
          }
        }
      })
  )

  it.effect("documents the lengths of text that the server keeps", () =>
    Effect.gen(function* () {
      const { ask } = yield* ChatServer
      const { components } = yield* document
      const { alice, bob } = yield* newPair
      const draft = { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
      const bodies = {
        NewUser: ["/users/", () => ({ username: newUsername() }), ["username", "display_name"]],
        Draft: ["/messages/", () => draft, ["content", "client_id"]]
      } as const
      for (const [schema, [path, body, fields]] of Object.entries(bodies)) {
        for (const field of fields) {
          const property = (components.schemas[schema]!.properties as Record<string, TextSchema>)[field]!
          const { minLength, maxLength } = property.anyOf?.[0] ?? property
          const statusOf = (length: number) => {
            const text = newUsername().padEnd(length, "x").slice(0, length)
            return Effect.map(
              ask("POST", path, { json: { ...body(), [field]: text } }),
              ({ status }) => status
            )
          }
          if (minLength! > 0) assert.strictEqual(yield* statusOf(minLength! - 1), 422, field)
          assert.strictEqual(yield* statusOf(maxLength!), 200, field)
          assert.strictEqual(yield* statusOf(maxLength! + 1), 422, field)
        }
      }
    })
  )

  it.effect("forbids no unknown fields, as the server ignores them", () =>
    Effect.gen(function* () {
      const { text } = yield* Effect.flatMap(ChatServer, ({ ask }) => ask("GET", "/openapi.json"))
      assert.notInclude(text, '"additionalProperties":false')
    })
  )

  it.effect("describes what is posted to webhooks, by schemas by which the examples decode", () =>
    Effect.gen(function* () {
      const { components } = yield* document
      const documented = yield* webhooks
      assert.sameMembers(Object.keys(documented), Object.keys(WebhookPayloads))
      for (const [type, { post }] of Object.entries(documented)) {
        const { schema, example } = post.requestBody!.content["application/json"]!
        const named = components.schemas[String(schema.$ref).split("/").at(-1)!] as unknown as PayloadSchema
        assert.deepEqual(named.properties.type.enum, [type])
        yield* Schema.decodeUnknownEffect(WebhookPayloads[type as WebhookType] as Schema.Codec<unknown>)(
          example,
          { onExcessProperty: "error" }
        )
        assert.deepEqual(
          post.parameters.map((parameter) => [parameter.in, parameter.name]),
          ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => ["header", name])
        )
        assert.sameMembers(Object.keys(post.responses), ["2XX", "410", "default"])
      }
      const ids = Object.values(documented).map(({ post }) => post.operationId)
      const others = (yield* operations).map(({ operationId }) => operationId)
      assert.lengthOf(new Set([...ids, ...others]), ids.length + others.length)
    })
  )

  it("a webhook payload of another shape fails to compile", () => {
    const timestamp = "2026-01-31T12:00:00.000Z"
    const inMember = { conversation_id: 4 as ConversationId, user_id: 2 as UserId }
    const payloads: ReadonlyArray<UnreachedPayload> = [
      { type: "conversation.member_removed", timestamp, data: inMember },
      // @ts-expect-error: a change of a member is no user
      { type: "user.created", timestamp, data: inMember },
      // @ts-expect-error: the user is missing
      { type: "conversation.member_removed", timestamp, data: { conversation_id: inMember.conversation_id } },
      // @ts-expect-error: there is no such type
      { type: "conversation.member_renamed", timestamp, data: inMember }
    ]
    assert.lengthOf(payloads, 4)
  })

  it.effect("describes the frames of a socket and every close code", () =>
    Effect.gen(function* () {
      const { components } = yield* document
      const connect = (yield* operations).find(({ operationId }) => operationId === "live.connect")!
      assert.containsAllKeys(components.schemas, [
        "ClientFrame",
        "ServerFrame",
        "SystemFrame",
        "MessageEvent"
      ])
      for (const code of [1001, 1008, 1009, 1011, 1012, 1013, 4001, 4002, 4003, 4004, 4008, 4009]) {
        assert.include(connect.description, `| ${code} |`)
      }
    })
  )
})

interface PayloadSchema {
  readonly properties: { readonly type: { readonly enum: ReadonlyArray<string> } }
}

interface TextSchema {
  readonly minLength?: number
  readonly maxLength?: number
  readonly anyOf?: ReadonlyArray<TextSchema>
}
