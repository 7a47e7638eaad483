import { spawn, spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Option, Redacted, Schedule } from "effect"

/** Whether this machine can run Redis servers of a test's own. */
export const hasRedisServer = spawnSync("redis-server", ["--version"]).status === 0

/** A node's cluster port is its own plus 10,000, and ports end at 65,535. */
const LAST_PORT = 55_535

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number }
    server.close(() => resume(Effect.succeed(port)))
  })
}).pipe(Effect.repeat({ until: (port) => port <= LAST_PORT }))

const cli = (...args: ReadonlyArray<string>) =>
  Effect.sync(() => spawnSync("redis-cli", args, { encoding: "utf8" }).stdout)

/** A Redis Cluster of three masters, until the scope closes, and a way to move the slots of one of them to another. */
export const freshCluster = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const ports = yield* Effect.replicateEffect(freePort, 3)
  for (const port of ports) {
    const directory = yield* fs.makeTempDirectoryScoped({ directory: tmpdir(), prefix: "minichat-cluster-" })
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          "redis-server",
          [
            "--port",
            String(port),
            "--bind",
            "127.0.0.1",
            "--cluster-enabled",
            "yes",
            "--save",
            "",
            "--appendonly",
            "no"
          ],
          { cwd: directory, stdio: "ignore" }
        )
      ),
      (server) =>
        Effect.callback<void>((resume) => {
          server.once("exit", () => resume(Effect.void))
          server.kill("SIGKILL")
        })
    )
  }
  const until = (expected: string, ...args: ReadonlyArray<string>) =>
    cli(...args).pipe(
      Effect.repeat({ until: (reply) => reply.includes(expected), schedule: Schedule.spaced("100 millis") }),
      Effect.timeout("30 seconds")
    )
  for (const port of ports) yield* until("PONG", "-p", String(port), "ping")
  yield* cli("--cluster", "create", ...ports.map((port) => `127.0.0.1:${port}`), "--cluster-yes")
  for (const port of ports) yield* until("cluster_state:ok", "-p", String(port), "cluster", "info")
  const idOf = (port: number) => Effect.map(cli("-p", String(port), "cluster", "myid"), (id) => id.trim())
  return {
    settings: {
      redisUrl: Option.some(Redacted.make(`redis://127.0.0.1:${ports[0]}`)),
      redisCluster: true
    },
    /** Moves so many slots, with what is in them, from the second master to the third. */
    moveSlots: Effect.fnUntraced(function* (slots: number) {
      const [from, to] = [yield* idOf(ports[1]!), yield* idOf(ports[2]!)]
      const move = ["--cluster-from", from, "--cluster-to", to, "--cluster-slots", String(slots)]
      return yield* Effect.promise((signal) => {
        const args = ["--cluster", "reshard", `127.0.0.1:${ports[0]}`, ...move, "--cluster-yes"]
        const process = spawn("redis-cli", args, { stdio: ["ignore", "ignore", "inherit"], signal })
        return new Promise<number | null>((resolve) => process.once("exit", resolve))
      })
    })
  }
}).pipe(Effect.provide(NodeFileSystem.layer), Effect.orDie)
