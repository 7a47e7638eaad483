import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { assertDocumented, startReceiver } from "./Receiver.ts"
import { startNode } from "./Servers.ts"

it.live("of a user that is erased tell no more than its id and times, also those that waited", () =>
  Effect.gen(function* () {
    const receiver = yield* startReceiver
    const node = yield* startNode([receiver.url], yield* freshEmbedded)
    const alice = yield* node.newUser
    yield* receiver.got(1, "user.created")
    let isDown = true
    receiver.respond = (_, response) => response.writeHead(isDown ? 503 : 204).end()
    const of = { params: { user_id: alice.id } }
    yield* node.client.users.update({
      ...of,
      payload: { display_name: "a secret name", metadata: { phone: "a secret number" } }
    })
    yield* receiver.got(1, "user.updated")
    yield* node.client.users.erase(of)
    const { length } = receiver.received
    // An attempt that was under way at the erasure may have read the user before. Those after it have not.
    yield* receiver.got(length + 2)
    isDown = false

    const [deleted] = yield* receiver.got(1, "user.deleted")
    const { user } = deleted!.event.data
    assert.deepEqual(deleted!.event.data, {
      user: { id: alice.id, created_at: user.created_at, deleted_at: user.deleted_at }
    })
    assert.isAtLeast(Date.parse(user.deleted_at), Date.parse(user.created_at))
    assertDocumented(receiver.received)
    const told = receiver.received.slice(length + 1)
    for (const { body } of told) assert.notMatch(body, new RegExp(`secret|${alice.username}`))
  })
)
