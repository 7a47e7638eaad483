import { assert, it, layer } from "@effect/vitest"
import { Context, Effect, Option } from "effect"
import { OpenApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { DocumentedApi } from "../../src/api/openapi/Documentation.ts"
import { ChatServer, newPair, send } from "./ChatServer.ts"

layer(ChatServer.layer, { excludeTestServices: true })("the client that the contract derives", (it) => {
  it.effect("may leave out skip, limit and wait", () =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const { alice, bob } = yield* newPair
      for (let i = 0; i < 51; i++) yield* send(alice, bob, `message ${i}`)

      const users = yield* client.users.list({ query: {} })
      assert.deepEqual(
        users.map(({ id }) => id),
        [alice.id, bob.id]
      )
      const history = yield* client.messages.history({ query: { user_id: bob.id } })
      assert.lengthOf(history, 50)
      assert.strictEqual(history[0]!.content, "message 50")
      const { events, recovered } = yield* client.users.events({
        params: { user_id: bob.id },
        query: { since: 0 }
      })
      assert.lengthOf(events, 51)
      assert.isTrue(recovered)
    })
  )

  it.effect("may give them", () =>
    Effect.gen(function* () {
      const { client } = yield* ChatServer
      const { alice, bob } = yield* newPair
      for (let i = 0; i < 3; i++) yield* send(alice, bob, `message ${i}`)

      const history = yield* client.messages.history({ query: { user_id: bob.id, skip: 1, limit: 1 } })
      assert.deepEqual(
        history.map(({ content }) => content),
        ["message 1"]
      )
      const { events } = yield* client.users.events({
        params: { user_id: bob.id },
        query: { since: 1, limit: 1, wait: 0 }
      })
      assert.deepEqual(
        events.map(({ seq }) => seq),
        [2]
      )
    })
  )
})

it("the contract alone is as it was declared: only what documents it is completed", () => {
  assert.isTrue(Option.isNone(Context.getOption(Api.annotations, OpenApi.Transform)))
  assert.isTrue(Option.isSome(Context.getOption(DocumentedApi.annotations, OpenApi.Transform)))
})
