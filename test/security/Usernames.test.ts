import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { post, request } from "./support/Server.ts"

it.live(
  "a username that imitates another one in another script, or is one with it, is refused as taken",
  () =>
    Effect.gen(function* () {
      const { url } = yield* startServer(yield* freshEmbedded)
      for (const username of ["alice", "Alice", "a1ice"]) {
        assert.strictEqual((yield* post(`${url}/users/`, { username })).status, 200, username)
      }

      const looksLike = "This username looks like a registered one"
      const isTaken = "Username already registered"
      for (const [username, detail] of [
        ["\u0430lice", looksLike],
        ["\u0391lice", looksLike],
        ["alice\u3164", looksLike],
        ["\uff41lice", isTaken],
        ["\u{1d44e}lice", isTaken]
      ] as const) {
        const { status, body } = yield* post(`${url}/users/`, { username })
        assert.strictEqual(status, 400, username)
        assert.deepEqual(JSON.parse(body), {
          type: "urn:minichat:problem:username-taken",
          title: "Bad Request",
          status: 400,
          detail
        })
      }
      assert.lengthOf(JSON.parse((yield* request(`${url}/users/`)).body), 3)
    })
)
