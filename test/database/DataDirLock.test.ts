import { spawnSync } from "node:child_process"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { lockDataDir } from "../../src/database/DataDirLock.ts"

/** A data folder that is not there yet, its lock, and a way to leave a lock there that another process made. */
const newDataDir = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const dataDir = path.join(yield* fs.makeTempDirectoryScoped({ prefix: "minichat-test-" }), "some", "data")
  const file = path.join(dataDir, "lock")
  const leave = (lock: string) =>
    Effect.andThen(fs.makeDirectory(dataDir, { recursive: true }), fs.writeFileString(file, lock))
  return { dataDir, file, leave, isLocked: fs.exists(file), read: fs.readFileString(file) }
})

layer(NodeServices.layer)("DataDirLock", (it) => {
  it.effect("a folder is made, locked, and let go of when its user ends", () =>
    Effect.gen(function* () {
      const { dataDir, isLocked } = yield* newDataDir

      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lockDataDir(dataDir)
          assert.isTrue(yield* isLocked)
        })
      )

      assert.isFalse(yield* isLocked)
      yield* Effect.scoped(lockDataDir(dataDir))
    })
  )

  it.effect("a folder in use is refused in a line that says by whom, and stays locked", () =>
    Effect.gen(function* () {
      const { dataDir, read } = yield* newDataDir

      yield* lockDataDir(dataDir)
      const error = yield* Effect.flip(lockDataDir(dataDir))

      assert.strictEqual(error._tag, "DataDirLocked")
      assert.include(error.message, dataDir)
      assert.include(error.message, String(process.pid))
      assert.include(error.message, "DATA_DIR")
      assert.notInclude(error.message, "\n")
      assert.strictEqual(JSON.parse(yield* read).pid, process.pid)
    })
  )

  it.effect("the lock of a process that died is taken over", () =>
    Effect.gen(function* () {
      const { dataDir, leave, read } = yield* newDataDir
      const { pid } = spawnSync(process.execPath, ["--version"])
      yield* leave(JSON.stringify({ pid, startedAt: "1" }))

      yield* lockDataDir(dataDir)

      assert.strictEqual(JSON.parse(yield* read).pid, process.pid)
    })
  )

  it.effect("the lock of a process whose id another one has now is taken over", () =>
    Effect.gen(function* () {
      const { dataDir, leave } = yield* newDataDir
      yield* leave(JSON.stringify({ pid: process.pid, startedAt: "1" }))

      yield* lockDataDir(dataDir)

      assert.strictEqual((yield* Effect.flip(lockDataDir(dataDir)))._tag, "DataDirLocked")
    })
  )

  for (const lock of ["", "{", "null", '{"pid":"x"}']) {
    it.effect(`a lock that says ${JSON.stringify(lock)}, as its writer died, is taken over`, () =>
      Effect.gen(function* () {
        const { dataDir, leave, read } = yield* newDataDir
        yield* leave(lock)

        yield* lockDataDir(dataDir)

        assert.strictEqual(JSON.parse(yield* read).pid, process.pid)
      })
    )
  }

  it.effect("a folder that cannot be made is refused in a line that says so", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()

      const error = yield* Effect.flip(lockDataDir(`${file}/data`))

      assert.strictEqual(error._tag, "DataDirLocked")
      assert.include(error.message, "cannot be used (DATA_DIR)")
      assert.notInclude(error.message, "\n")
    })
  )
})
