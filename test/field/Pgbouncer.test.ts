import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, Layer, Option, Redacted } from "effect"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { freePort } from "../faults/support/Ports.ts"
import { unprivileged } from "../faults/support/PostgresServer.ts"
import * as Process from "../faults/support/Process.ts"
import { draft, newPair, reposOn, sendAll } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"

const PGBOUNCER = "/usr/sbin/pgbouncer"

/** pgbouncer in transaction mode, with no setting that is not needed to reach the server. Answers the URL of a database. */
const pgbouncer = Effect.fnUntraced(function* (target: URL) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "minichat-field-bouncer-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  chmodSync(folder, 0o755)
  const port = yield* freePort
  const file = join(folder, "pgbouncer.ini")
  const server = `host=${target.hostname} port=${target.port || 5432} user=${target.username}`
  writeFileSync(
    file,
    `[databases]\n* = ${server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n`
  )
  yield* Process.start(PGBOUNCER, [file], { ...unprivileged(), stopSignal: "SIGINT" })
  const url = new URL(target)
  url.port = String(port)
  return url
})

describe.runIf(databaseUrl !== undefined)("pgbouncer in transaction mode", () => {
  it.live("serves several nodes that start at once, send and read", () =>
    Effect.gen(function* () {
      const fresh = yield* freshDatabase
      const url = yield* pgbouncer(new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl))))
      const settings = { databaseUrl: Option.some(Redacted.make(url.href)) }

      const nodes = yield* Effect.all([Layer.build(reposOn(settings)), Layer.build(reposOn(settings))], {
        concurrency: 2
      })

      yield* Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* Effect.forEach(
          Array.range(1, 40),
          (i) => sendAll([draft(alice, bob, `message ${i}`, `c${i}`), draft(bob, alice, `answer ${i}`)]),
          { concurrency: 8, discard: true }
        )
        for (const node of nodes) {
          const pages = yield* Effect.forEach(
            Array.range(1, 40),
            () => Context.get(node, InboxRepo).page(alice.id, 0, 100, []),
            { concurrency: 40 }
          )
          for (const page of pages) {
            assert.deepEqual(
              page.map(({ seq }) => seq),
              Array.range(1, 80)
            )
          }
        }
      }).pipe(Effect.provideContext(nodes[0]))
    })
  )
})
