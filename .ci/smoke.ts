// Starts the server as the README says, with nothing but this checkout, uses it, stops it, and starts it again on the
// same data: what was sent is there, and SIGTERM ends it with code 0.
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

const START_LIMIT = 60_000
const STOP_LIMIT = 30_000

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  assert(typeof address === "object" && address !== null)
  server.close()
  await once(server, "close")
  return address.port
}

const dataDir = await mkdtemp(join(tmpdir(), "minichat-smoke-"))
const port = await freePort()
const base = `http://127.0.0.1:${port}`
const env = {
  ...process.env,
  HOST: "127.0.0.1",
  PORT: String(port),
  DATA_DIR: dataDir,
  AUTH: "open",
  DATABASE_URL: "",
  REDIS_URL: ""
}

const ask = async (path: string, body?: object) => {
  const response = await fetch(base + path, {
    signal: AbortSignal.timeout(10_000),
    ...(body && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
  })
  const text = await response.text()
  assert.equal(response.status, 200, `${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

const isRefused = (error: unknown) =>
  error instanceof TypeError &&
  error.cause instanceof Error &&
  "code" in error.cause &&
  error.cause.code === "ECONNREFUSED"

/** Asks from the first moment on: a connection may be refused during the start, a request may not go unanswered. */
const healthy = async (server: ChildProcess) => {
  const started = performance.now()
  while (performance.now() - started < START_LIMIT) {
    assert.equal(server.exitCode, null, "the server ended during its start")
    try {
      const health = await ask("/health")
      assert.equal(health.status, "OK")
      console.log(`serving after ${Math.round(performance.now() - started)} ms`)
      return
    } catch (error) {
      if (!isRefused(error)) throw error
      await sleep(20)
    }
  }
  assert.fail(`no answer on /health within ${START_LIMIT} ms`)
}

const groups = new Set<number>()

/** A process group of its own, because npm does not hand every signal on to what it runs. */
const start = (command: string, ...args: ReadonlyArray<string>) => {
  const server = spawn(command, args, { env, stdio: ["ignore", "inherit", "inherit"], detached: true })
  groups.add(server.pid!)
  return server
}

const signal = (group: number, name: NodeJS.Signals | 0) => {
  try {
    return process.kill(-group, name)
  } catch {
    return false
  }
}

const stopGroup = async (group: number) => {
  signal(group, "SIGTERM")
  const deadline = performance.now() + STOP_LIMIT
  while (signal(group, 0)) {
    if (performance.now() > deadline) {
      signal(group, "SIGKILL")
      assert.fail(`still running ${STOP_LIMIT} ms after SIGTERM`)
    }
    await sleep(50)
  }
  groups.delete(group)
}

try {
  console.log("npm start, on the embedded database")
  const first = start("npm", "start")
  await healthy(first)
  const alice = await ask("/users/", { username: "alice" })
  const bob = await ask("/users/", { username: "bob" })
  const sent = await ask("/messages/", { sender_id: alice.id, receiver_id: bob.id, content: "hello" })
  const history = () => ask(`/messages/?user_id=${bob.id}&chat_with=${alice.id}`)
  const isSent = (message: { id: number; content: string }) =>
    message.id === sent.id && message.content === "hello"
  assert((await history()).some(isSent), "the message is not in the history")
  await stopGroup(first.pid!)

  console.log("node src/main.ts, on the same data")
  const second = start(process.execPath, "src/main.ts")
  await healthy(second)
  assert((await history()).some(isSent), "the message did not survive the restart")
  const stopped = performance.now()
  const exit = once(second, "exit", { signal: AbortSignal.timeout(STOP_LIMIT) })
  second.kill("SIGTERM")
  assert.deepEqual(await exit, [0, null])
  groups.delete(second.pid!)
  console.log(`SIGTERM: ended with code 0 after ${Math.round(performance.now() - stopped)} ms`)
} finally {
  for (const group of groups) signal(group, "SIGKILL")
  await rm(dataDir, { recursive: true, force: true })
}
