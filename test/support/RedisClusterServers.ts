import { execFile, spawn, spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Option, Redacted, Schedule, type Scope } from "effect"
import { tcpProxy } from "./TcpProxy.ts"

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

// Not `spawnSync`: a proxy of this process may have to carry what it sends.
const cli = (...args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    execFile("redis-cli", args, (_, stdout) => resume(Effect.succeed(stdout)))
  })

/**
 * A Redis Cluster of three masters, until the scope closes, and a way to move the slots of one of them to another.
 * Clients are told the ports that `announce` gives.
 */
const makeCluster = Effect.fnUntraced(
  function* (announce: (port: number) => Effect.Effect<number, never, Scope.Scope>) {
    const fs = yield* FileSystem.FileSystem
    const ports = yield* Effect.replicateEffect(freePort, 3)
    const announced: Array<number> = []
    for (const port of ports) {
      const announcedPort = yield* announce(port)
      announced.push(announcedPort)
      const directory = yield* fs.makeTempDirectoryScoped({
        directory: tmpdir(),
        prefix: "minichat-cluster-"
      })
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
              "--cluster-announce-port",
              String(announcedPort),
              "--cluster-announce-bus-port",
              String(port + 10_000),
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
        Effect.repeat({
          until: (reply) => reply.includes(expected),
          schedule: Schedule.spaced("100 millis")
        }),
        Effect.timeout("30 seconds")
      )
    for (const port of ports) yield* until("PONG", "-p", String(port), "ping")
    yield* cli("--cluster", "create", ...ports.map((port) => `127.0.0.1:${port}`), "--cluster-yes")
    for (const port of ports) yield* until("cluster_state:ok", "-p", String(port), "cluster", "info")
    const idOf = (port: number) => Effect.map(cli("-p", String(port), "cluster", "myid"), (id) => id.trim())
    return {
      settings: {
        redisUrl: Option.some(Redacted.make(`redis://127.0.0.1:${announced[0]}`)),
        redisCluster: true
      },
      ports,
      /** Runs a command on each server. */
      command: (...args: ReadonlyArray<string>) =>
        Effect.forEach(ports, (port) => cli("-p", String(port), ...args), { discard: true }),
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
  },
  Effect.provide(NodeFileSystem.layer),
  Effect.orDie
)

export const freshCluster = makeCluster(Effect.succeed)

/** A cluster whose clients reach each server through a proxy, and the proxies. */
export const proxiedCluster = Effect.gen(function* () {
  const proxies: Array<Effect.Success<ReturnType<typeof tcpProxy>>> = []
  const cluster = yield* makeCluster((port) =>
    Effect.map(tcpProxy(new URL(`redis://127.0.0.1:${port}`)), (proxy) => {
      proxies.push(proxy)
      return Number(proxy.url.port)
    })
  )
  return { ...cluster, proxies }
})
