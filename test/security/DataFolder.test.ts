import { chmodSync, mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { emptyDataDir } from "../support/Services.ts"
import { serverProcess } from "./support/ServerProcess.ts"

const modeOf = (path: string) => statSync(path).mode & 0o777

it.live(
  "the data folder is closed to other users of the machine, also one that was open before",
  () =>
    Effect.gen(function* () {
      const { dataDir } = yield* emptyDataDir
      mkdirSync(dataDir)
      chmodSync(dataDir, 0o755)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* serverProcess({ DATA_DIR: dataDir })
          assert.strictEqual(modeOf(dataDir), 0o700)
          // The files of the embedded database have modes of their own. This folder is the only way to them.
          assert.strictEqual(modeOf(join(dataDir, "lock")) & 0o077, 0)
        })
      )
    }),
  60_000
)
