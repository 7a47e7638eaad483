import { Effect } from "effect"
import type { Settings } from "../../../src/AppConfig.ts"
import { freshEmbedded } from "../../support/EmbeddedPool.ts"
import { startServer } from "../../support/TestServer.ts"
import { bearer, post } from "./Server.ts"
import { makeKeys } from "./Tokens.ts"

/** A server with `AUTH=required` in this process, with users whose ids begin at 1, and the headers of its callers. */
export const authenticatedServer = Effect.fnUntraced(function* (
  overrides: Partial<Settings> = {},
  usernames: ReadonlyArray<string> = ["alice", "bob"]
) {
  const keys = yield* makeKeys()
  const server = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings, ...overrides })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of usernames) yield* post(`${server.url}/users/`, { username }, service)

  /** The headers of a user's calls. */
  const headersOf = (userId: number) => Effect.map(keys.mint({ sub: String(userId) }), bearer)

  return { ...server, service, headersOf }
})
