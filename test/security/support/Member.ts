import { Effect } from "effect"
import { freshDataDir } from "../../support/Services.ts"
import { bearer, post } from "./Server.ts"
import { serverProcess } from "./ServerProcess.ts"
import { AUDIENCE, ISSUER, makeKeys } from "./Tokens.ts"

/** A server with `AUTH=required` in a process of its own, with two users and their tokens. */
export const requiringServer = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>) {
  const keys = yield* makeKeys()
  const { dataDir } = yield* freshDataDir
  const server = yield* serverProcess({
    AUTH: "required",
    DATA_DIR: dataDir,
    JWT_PUBLIC_KEY: keys.pem,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    ...environment
  })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob"]) yield* post(`${server.url}/users/`, { username }, service)
  const member = bearer(yield* keys.mint({ sub: "1" }))
  const other = bearer(yield* keys.mint({ sub: "2" }))

  /** Commits messages from the first user to the second. */
  const messages = (count: number, content: string) =>
    Effect.forEach(
      Array.from({ length: count }),
      () => post(`${server.url}/messages/`, { sender_id: 1, receiver_id: 2, content }, service),
      { concurrency: 64, discard: true }
    )

  return { ...server, keys, service, member, other, messages }
})
