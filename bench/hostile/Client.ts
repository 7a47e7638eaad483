import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { SignJWT } from "jose"
import { Latencies } from "../load/Latencies.ts"
import type { ServerProcess } from "../system/ServerProcess.ts"

/** What the servers of these measurements verify tokens with. */
export const SECRET = randomBytes(32).toString("hex")

const token = (claims: Record<string, string>): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1 hour")
    .sign(new TextEncoder().encode(SECRET))

export const serviceToken = (): Promise<string> => token({ scope: "service" })

export const memberToken = (userId: number): Promise<string> => token({ sub: String(userId) })

/** A connection to a server that has sent these bytes, and of which nothing is read. */
export const unread = (server: ServerProcess, bytes: string | Uint8Array): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(server.port, server.host, () => {
      socket.write(bytes)
      socket.off("error", reject)
      socket.on("error", () => {})
      resolve(socket)
    })
    socket.pause()
    socket.once("error", reject)
  })

/** A connection to a server that has sent these bytes. What comes is read and dropped. */
export const opened = async (server: ServerProcess, bytes: string | Uint8Array): Promise<Socket> =>
  (await unread(server, bytes)).resume()

export const getRequest = (path: string, bearer: string, headers = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bearer}\r\n${headers}\r\n`

export const upgradeRequest = (userId: number, bearer: string): string =>
  getRequest(
    `/ws/${userId}`,
    bearer,
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n`
  )

export interface Probe {
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Answers that were not 200, and calls without an answer in 20 s. */
  readonly failed: number
}

/** Asks for a path so often a second until it is stopped, each time over a new connection when `isNew`. In milliseconds. */
export const probe = (
  server: ServerProcess,
  path: (n: number) => string,
  rate: number,
  { isNew = false, bearer = "" } = {}
): { stop(): Promise<Probe> } => {
  const latencies = new Latencies()
  const pending = new Set<Promise<void>>()
  let failed = 0
  let max = 0
  let n = 0
  const ask = async () => {
    const startedAt = performance.now()
    try {
      const response = await fetch(`http://${server.host}:${server.port}${path(n++)}`, {
        signal: AbortSignal.timeout(20_000),
        headers: {
          ...(bearer === "" ? {} : { authorization: `Bearer ${bearer}` }),
          ...(isNew ? { connection: "close" } : {})
        }
      })
      await response.arrayBuffer()
      if (response.status !== 200) failed++
    } catch {
      failed++
    }
    const time = performance.now() - startedAt
    latencies.add(time)
    max = Math.max(max, time)
  }
  const timer = setInterval(() => {
    const call = ask()
    pending.add(call)
    call.finally(() => pending.delete(call))
  }, 1000 / rate)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(pending)
      const { p50, p99 } = latencies.summary()
      return { p50, p99, max, failed }
    }
  }
}

export const during = async (milliseconds: number, rate: number, call: () => void): Promise<void> => {
  const timer = setInterval(call, 1000 / rate)
  await sleep(milliseconds)
  clearInterval(timer)
}
