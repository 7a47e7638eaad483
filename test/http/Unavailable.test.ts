import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { ChatServer, newPair, newUsername } from "./ChatServer.ts"
import { examplesOf, operations } from "./OpenApiDocument.ts"

const BECAUSE = "The database is not available at the moment"
const REPEATED =
  "the call may have been carried out. Repeat it with the same client_id. If it had none, look first whether it was"

/** Runs an effect while statements that call this SQL function fail. */
const without = Effect.fnUntraced(function* <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) {
  const { server } = yield* ChatServer
  const { pipeline: sql } = Context.get(server.services, Database)
  const renamed = (from: string, to: string) =>
    Effect.orDie(sql.unsafe(`ALTER FUNCTION ${from} RENAME TO ${to}`))
  yield* renamed(name, "renamed_by_test")
  return yield* Effect.ensuring(effect, renamed("renamed_by_test", name))
})

layer(ChatServer.layer, { excludeTestServices: true })("the 503 of a call whose commit is unknown", (it) => {
  describe("says how to repeat it", () => {
    const calls: ReadonlyArray<
      readonly [
        what: string,
        sqlFunction: string,
        operationId: string,
        path: string,
        body: (alice: number, bob: number) => object,
        advice: string
      ]
    > = [
      [
        "a send",
        "send_direct_messages",
        "messages.send",
        "/messages/",
        (alice, bob) => ({ sender_id: alice, receiver_id: bob, content: "hello" }),
        REPEATED
      ],
      [
        "a new group",
        "create_group",
        "conversations.create",
        "/conversations/",
        (alice, bob) => ({ user_id: alice, kind: "group", title: "Hikes", member_ids: [bob] }),
        REPEATED
      ],
      [
        "a new user",
        "create_named_user",
        "users.create",
        "/users/",
        () => ({ username: newUsername() }),
        "the user may have been created. Look for the username before you try again"
      ]
    ]
    for (const [what, sqlFunction, operationId, path, body, advice] of calls) {
      it.effect(what, () =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const { alice, bob } = yield* newPair

          const { status, json } = yield* without(
            sqlFunction,
            ask("POST", path, { json: body(alice.id, bob.id) })
          )

          assert.deepEqual([status, json.detail], [503, `${BECAUSE}; ${advice}`])
          const { responses } = (yield* operations).find((each) => each.operationId === operationId)!
          const media = responses[503]!.content!["application/problem+json"]!
          assert.deepInclude(examplesOf(media), json)
        })
      )
    }

    it.effect("a direct conversation, of which there is one", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { alice, bob } = yield* newPair

        const { status, json } = yield* without(
          "create_direct",
          ask("POST", "/conversations/", { json: { user_id: alice.id, kind: "direct", with: bob.id } })
        )

        assert.deepEqual([status, json.detail], [503, `${BECAUSE}; it is safe to try again`])
      })
    )
  })
})
