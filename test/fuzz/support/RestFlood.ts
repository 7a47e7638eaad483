import { Agent, request } from "node:http"
import { Effect } from "effect"
import type { FuzzRequest } from "./Requests.ts"

export interface Failure {
  readonly what: string
  readonly request: string
}

export interface RestReport {
  readonly statuses: Record<number, number>
  readonly failures: Array<Failure>
}

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** How long an answer may take before it counts as none. */
const PATIENCE = 60_000

/** How often a connection may be found closed before a new one is taken. */
const CLOSED_CONNECTIONS = 32

const send = (port: number, agent: Agent, { method, path, headers, body }: FuzzRequest) =>
  new Promise<Answer>((resolve, reject) => {
    const attempt = (left: number) => {
      const outgoing = request({ host: "127.0.0.1", port, agent, method, path, headers, timeout: PATIENCE })
      outgoing.on("response", (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk) => chunks.push(chunk))
        response.on("error", reject)
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"] ?? "",
            body: String(Buffer.concat(chunks))
          })
        )
      })
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")))
      outgoing.on("error", (error) => {
        // The server may close a connection just as it is used again.
        if (outgoing.reusedSocket && left > 0) attempt(left - 1)
        else reject(error)
      })
      outgoing.end(body)
    }
    attempt(CLOSED_CONNECTIONS)
  })

/** What is wrong with an answer, if anything is. */
const complaint = ({ status, contentType, body }: Answer): string | undefined => {
  if (status < 200 || status >= 500) return `status ${status}: ${body}`
  if (status < 400 || body === "") return undefined
  if (!contentType.startsWith("application/problem+json")) return `status ${status} as ${contentType}`
  const problem: { readonly status?: unknown; readonly detail?: unknown } = JSON.parse(body)
  return problem.status === status && typeof problem.detail === "string"
    ? undefined
    : `not a problem: ${body}`
}

/** Sends so many requests, one after the other on each connection, and keeps account of what comes back. */
export const floodRest = Effect.fnUntraced(function* (
  port: number,
  total: number,
  connections: number,
  next: () => FuzzRequest
) {
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => new Agent({ keepAlive: true })),
    (agent) => Effect.sync(() => agent.destroy())
  )
  const report: RestReport = { statuses: {}, failures: [] }
  let sent = 0
  const one = Effect.promise(async () => {
    const fuzzed = next()
    const fail = (what: string) => {
      const { body, ...rest } = fuzzed
      report.failures.push({
        what,
        request: JSON.stringify({ ...rest, body: body?.toString("latin1").slice(0, 2000) })
      })
    }
    try {
      const answer = await send(port, agent, fuzzed)
      report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1
      const wrong = complaint(answer)
      if (wrong !== undefined) fail(wrong)
    } catch (error) {
      fail(String(error))
    }
  })
  const worker = Effect.whileLoop({
    while: () => sent < total,
    body: () => {
      sent++
      return one
    },
    step: () => {}
  })
  yield* Effect.replicateEffect(worker, connections, { concurrency: "unbounded" })
  return report
})
