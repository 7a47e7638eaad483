import { spawn } from "node:child_process"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"

/** Processes that start take as long as the machine is busy; nothing here is about how long. */
export const TIMEOUT = { timeout: 120_000 }

const ROOT = join(import.meta.dirname, "../..")

/** How a process ended, and what it wrote until then. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Starts the server as an operator does, with these settings and no other, on a free port unless one is given.
 * It is killed when the scope closes.
 */
export const startProcess = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["src/main.ts"], {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: process.env.PATH,
          TMPDIR: process.env.TMPDIR,
          PORT: "0",
          ...settings
        }
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text
  })
  const closed = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

  /** What it logged, once it did. */
  const logged = (pattern: RegExp) =>
    Effect.callback<RegExpExecArray>((resume) => {
      const check = () => {
        const found = pattern.exec(stdout)
        if (found !== null) resume(Effect.succeed(found))
      }
      child.stdout.on("data", check)
      child.once("close", () =>
        resume(Effect.die(new Error(`It ended before it logged ${pattern}: ${stderr}`)))
      )
      check()
      return Effect.sync(() => child.stdout.off("data", check))
    })

  return {
    logged,
    /** Where it listens, once it does. */
    listening: Effect.map(logged(/listens on (http:\/\/[^\s"]+)/), (found) => found[1]!),
    ended: Effect.promise(() => closed),
    signal: (name: NodeJS.Signals) => Effect.sync(() => child.kill(name))
  }
})

/** Calls a server, and gives the JSON of its answer, which must be a 200. */
export const call = (url: string, path: string, json?: unknown) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url + path, {
      signal,
      ...(json === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(json) })
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  })

/** It ended with 1 and said why in one line, which an operator can act on and which tells no secret. */
export const assertRefusal = ({ code, stderr }: Ended, why: RegExp) => {
  assert.strictEqual(code, 1)
  assert.match(stderr, /^Mini Chat cannot start\. .*\n$/)
  assert.match(stderr, why)
  assert.notMatch(stderr, /\bat .*:\d+:\d+|node_modules|s3cret/)
}

export const twoUsers = Effect.fnUntraced(function* (url: string) {
  const alice = yield* call(url, "/users/", { username: "alice" })
  const bob = yield* call(url, "/users/", { username: "bob" })
  return { alice, bob }
})

export const send = (url: string, from: { id: number }, to: { id: number }, content: string) =>
  call(url, "/messages/", { sender_id: from.id, receiver_id: to.id, content })
