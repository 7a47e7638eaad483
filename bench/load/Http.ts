import { closedLoop, type LoopResult } from "./ClosedLoop.ts"
import { HttpConnection } from "./HttpConnection.ts"
import type { HttpResponse } from "./HttpResponse.ts"
import { MESSAGE_TEXT, pairOf } from "./Pairs.ts"
import { get, post } from "./Requests.ts"

export type RequestKind = "send" | "user" | "history" | "recent" | "health"

const requestOf = (kind: RequestKind, users: ReadonlyArray<number>, n: number): string => {
  const user = users[(n * 7) % users.length]
  switch (kind) {
    case "send": {
      const { sender, receiver } = pairOf(users, n)
      return post("/messages/", { sender_id: sender, receiver_id: receiver, content: MESSAGE_TEXT })
    }
    case "user":
      return get(`/users/${user}`)
    case "history":
      return get(`/messages/?user_id=${user}&limit=50`)
    case "recent":
      return get(`/messages/recent/${user}`)
    case "health":
      return get("/health")
  }
}

const isComplete = (kind: RequestKind, { body }: HttpResponse): boolean => {
  const value = JSON.parse(body.toString())
  switch (kind) {
    case "send":
      return value.content === MESSAGE_TEXT
    case "user":
      return Number.isInteger(value.id)
    case "history":
      return value.length === 50
    case "recent":
      return value.messages.length === 50
    case "health":
      return value.status === "OK"
  }
}

/** The first answer is decoded and looked at, so that a server cannot be fast by answering less. */
const assertComplete = async (kind: RequestKind, users: ReadonlyArray<number>): Promise<void> => {
  const connection = new HttpConnection()
  const response = await connection.ask(requestOf(kind, users, 0))
  connection.close()
  if (response.status !== 200 || !isComplete(kind, response)) {
    throw new Error(`${kind}: unexpected answer ${response.status} ${response.body.toString().slice(0, 200)}`)
  }
}

export interface HttpLoad {
  readonly kind: RequestKind
  readonly users: ReadonlyArray<number>
  readonly clients: number
  readonly seconds: number
}

export const http = async ({ kind, users, clients, seconds }: HttpLoad): Promise<LoopResult> => {
  await assertComplete(kind, users)
  const connections = Array.from({ length: clients }, () => new HttpConnection())
  const result = await closedLoop(clients, seconds, (client, n, done) => {
    connections[client]!.send(requestOf(kind, users, n), ({ status }) => done(status === 200))
  })
  for (const connection of connections) connection.close()
  return result
}
