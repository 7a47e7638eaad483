import { userInfo } from "node:os"
import { assert, it } from "@effect/vitest"
import { Option, Result } from "effect"
import { loginOf } from "../../src/database/ConnectionOptions.ts"
import { rootCause } from "../../src/database/StatementErrors.ts"
import { readDatabaseUrl } from "../../src/settings/DatabaseUrl.ts"

const login = (url: string) => loginOf(Result.getOrThrow(readDatabaseUrl(url)), Option.none())

it("a URL without a user logs in as the user that runs the server, as psql does", () => {
  assert.strictEqual(login("postgresql://db/chat").username, userInfo().username)
  assert.strictEqual(login("postgresql://me@db/chat").username, "me")
})

it("a connection is called minichat unless the URL names it", () => {
  assert.strictEqual(login("postgresql://db/chat").applicationName, "minichat")
  assert.strictEqual(login("postgresql://db/chat?application_name=a").applicationName, "a")
  assert.strictEqual(login("postgresql://db/chat?fallback_application_name=b").applicationName, "b")
})

it("the reason of a name with several addresses is that of the last one", () => {
  const refused = new AggregateError([new Error("first"), new Error("connect ECONNREFUSED ::1:5432")])
  assert.strictEqual(
    rootCause(new Error("no connection", { cause: refused })),
    "connect ECONNREFUSED ::1:5432"
  )
})
