import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { post, request } from "./support/Server.ts"

it.live("a username that imitates another one in another script or form is refused as taken", () =>
  Effect.gen(function* () {
    const { url } = yield* startServer(yield* freshEmbedded)
    for (const username of ["alice", "Alice", "a1ice"]) {
      assert.strictEqual((yield* post(`${url}/users/`, { username })).status, 200, username)
    }

    for (const username of ["\uff41lice", "\u0430lice", "\u0391lice", "alice\u3164", "\u{1d44e}lice"]) {
      const { status, body } = yield* post(`${url}/users/`, { username })
      assert.strictEqual(status, 400, username)
      assert.deepEqual(JSON.parse(body), {
        type: "urn:minichat:problem:username-taken",
        title: "Bad Request",
        status: 400,
        detail: "This username looks like a registered one"
      })
    }
    assert.lengthOf(JSON.parse((yield* request(`${url}/users/`)).body), 3)
  })
)
