import { Effect, FileSystem, Option, Path, type PlatformError, Schema } from "effect"

/** A second process may not open the data folder: it would corrupt it. */
export class DataDirLocked extends Schema.TaggedError<DataDirLocked>()("DataDirLocked", {
  message: Schema.String
}) {}

/** The holder of the lock. Another process may get the same id later: the start time distinguishes the two. */
const Holder = Schema.fromJsonString(Schema.Struct({ pid: Schema.Int, startedAt: Schema.String }))

const encode = Schema.encodeSync(Holder)
const decode = Schema.decodeUnknownOption(Holder)

/** What may be read and written by the user that runs the server, and by nobody else. */
const OWNER_ONLY = 0o700

/** Locks `dataDir`, made when missing and closed to other users of the machine, until the scope closes. The lock of a dead process is taken over. */
export const lockDataDir = Effect.fnUntraced(function* (dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(dataDir, "lock")

  // Field 22 of /proc/PID/stat, counted after the name, which may hold spaces. Where there is no /proc, the
  // process id has to do.
  const startedAt = (pid: number) =>
    fs.readFileString(`/proc/${pid}/stat`).pipe(
      Effect.map((stat) => stat.slice(stat.lastIndexOf(")")).split(" ")[20] ?? ""),
      Effect.orElseSucceed(() => "")
    )
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM"
    }
  }

  const own = encode({ pid: process.pid, startedAt: yield* startedAt(process.pid) })
  const write = fs.writeFileString(file, own, { flag: "wx" })

  const takeOver = Effect.gen(function* () {
    const text = yield* fs.readFileString(file)
    const holder = Option.getOrUndefined(decode(text))
    if (holder !== undefined && isAlive(holder.pid) && (yield* startedAt(holder.pid)) === holder.startedAt) {
      return yield* new DataDirLocked({
        message: `The data folder ${dataDir} is in use by another Mini Chat (process ${holder.pid}). Stop it, or set DATA_DIR to another folder`
      })
    }
    yield* fs.remove(file)
    yield* write
  })

  yield* Effect.acquireRelease(
    fs.makeDirectory(dataDir, { recursive: true, mode: OWNER_ONLY }).pipe(
      // An earlier release, or the person who made the folder, may have left it open.
      Effect.andThen(fs.chmod(dataDir, OWNER_ONLY)),
      Effect.andThen(write),
      Effect.catchIf(isAlreadyThere, () => takeOver),
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(
          new DataDirLocked({
            message: `The data folder ${dataDir} cannot be used (DATA_DIR): ${error.message}`
          })
        )
      )
    ),
    () => Effect.ignore(fs.remove(file))
  )
})

const isAlreadyThere = (error: PlatformError.PlatformError) => error.reason._tag === "AlreadyExists"
