import { setTimeout as sleep } from "node:timers/promises"
import { HttpConnection } from "./HttpConnection.ts"
import { Latencies, type LatencySummary } from "./Latencies.ts"
import { openSockets } from "./OpenSockets.ts"
import { post } from "./Requests.ts"

const STRAGGLER_PATIENCE_MS = 5_000

/** How many connections send what is due at a rate. */
const CONNECTIONS = 16

export interface NewGroup {
  readonly owner: number
  readonly members: ReadonlyArray<number>
}

export const createGroup = async ({ owner, members }: NewGroup): Promise<number> => {
  const connection = new HttpConnection()
  const { status, body } = await connection.ask(
    post("/conversations/", { user_id: owner, kind: "group", title: "Bench", member_ids: members })
  )
  connection.close()
  if (status !== 200) throw new Error(`The group was answered with ${status} ${body}`)
  return JSON.parse(body.toString()).id
}

export interface GroupLoad {
  readonly conversation: number
  /** The members, who are the users of the open sockets. */
  readonly members: ReadonlyArray<number>
  readonly seconds: number
  readonly run: string
  /** Either so many clients that each send when their last message is answered, or messages due at a rate. */
  readonly pace: { readonly clients: number } | { readonly rate: number }
  /** Messages to one member meanwhile, due at a rate. */
  readonly direct?: { readonly sender: number; readonly rate: number }
}

interface Sent extends LatencySummary {
  /** Messages a second that were answered within the time. */
  readonly rate: number
  readonly completed: number
  readonly failed: number
  /** Deliveries of acknowledged messages that did not come. */
  readonly lost: number
}

/** Sends messages and follows their deliveries: a latency counts from when the message was due until one socket has it. */
class Stream {
  readonly #latencies = new Latencies()
  readonly #sentAt: Array<number> = []
  readonly #sockets: number
  completed = 0
  failed = 0
  inTime = 0
  delivered = 0

  constructor(sockets: number) {
    this.#sockets = sockets
  }

  begin(at: number): number {
    return this.#sentAt.push(at) - 1
  }

  onDelivery(n: number): void {
    this.#latencies.add(performance.now() - this.#sentAt[n]!)
    this.delivered++
  }

  onAnswer(status: number, isInTime: boolean): void {
    if (status !== 200) this.failed++
    else {
      this.completed++
      if (isInTime) this.inTime++
    }
  }

  get missing(): number {
    return this.completed * this.#sockets - this.delivered
  }

  summary(seconds: number): Sent {
    const { completed, failed, inTime, missing } = this
    return { ...this.#latencies.summary(), rate: inTime / seconds, completed, failed, lost: missing }
  }
}

/** Sends to one group, whose members all have a socket, and maybe to one member alone meanwhile. */
export const groupSends = async ({ conversation, members, seconds, run, pace, direct }: GroupLoad) => {
  const group = new Stream(members.length - 1)
  const alone = new Stream(1)
  for (const socket of openSockets) {
    socket.onFrame = ({ type, content }) => {
      if (type !== "message" || !content?.startsWith(run)) return
      const [, stream, n] = content.split(" ")
      ;(stream === "g" ? group : alone).onDelivery(Number(n))
    }
  }
  const begin = performance.now()
  const end = begin + seconds * 1000
  const connections: Array<HttpConnection> = []
  const open = () => {
    const connection = new HttpConnection()
    connections.push(connection)
    return connection
  }
  const toGroup = (n: number) => ({
    sender_id: members[n % members.length],
    conversation_id: conversation,
    content: `${run} g ${n}`
  })
  const sendOne = async (
    connection: HttpConnection,
    stream: Stream,
    at: number,
    body: (n: number) => unknown
  ) => {
    const { status } = await connection.ask(post("/messages/", body(stream.begin(at))))
    stream.onAnswer(status, performance.now() <= end)
  }
  const client = async (): Promise<void> => {
    const connection = open()
    while (performance.now() < end) await sendOne(connection, group, performance.now(), toGroup)
  }
  /** Due at fixed moments; each of some connections takes the next one that is due. */
  const atRate = (rate: number, stream: Stream, body: (n: number) => unknown) => {
    let next = 0
    const total = Math.round(rate * seconds)
    return Array.from({ length: CONNECTIONS }, async () => {
      const connection = open()
      while (next < total) {
        const due = begin + (next++ / rate) * 1000
        await sleep(Math.max(0, due - performance.now()))
        await sendOne(connection, stream, due, body)
      }
    })
  }
  await Promise.all([
    ...("clients" in pace ? Array.from({ length: pace.clients }, client) : atRate(pace.rate, group, toGroup)),
    ...(direct === undefined
      ? []
      : atRate(direct.rate, alone, (n) => ({
          sender_id: direct.sender,
          receiver_id: members[0],
          content: `${run} d ${n}`
        })))
  ])
  for (const connection of connections) connection.close()

  let progress = -1
  let patience = performance.now() + STRAGGLER_PATIENCE_MS
  while (group.missing + alone.missing > 0 && performance.now() < patience) {
    if (group.delivered + alone.delivered > progress) {
      progress = group.delivered + alone.delivered
      patience = performance.now() + STRAGGLER_PATIENCE_MS
    }
    await sleep(10)
  }
  return { group: group.summary(seconds), direct: alone.summary(seconds) }
}
