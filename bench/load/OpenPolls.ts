import { setTimeout as sleep } from "node:timers/promises"
import { address } from "./Address.ts"
import { HttpConnection } from "./HttpConnection.ts"

const OPENING_AT_ONCE = 64

/** The longest wait that the server takes. */
const WAIT_SECONDS = 30

/** The polls that this process holds between two commands. */
const connections: Array<HttpConnection> = []
let answered = 0

const events = (userId: number, wait: number): string =>
  `GET /users/${userId}/events?since=0&wait=${wait} HTTP/1.1\r\nhost: ${address.host}:${address.port}\r\n\r\n`

const openPoll = async (userId: number): Promise<void> => {
  const connection = new HttpConnection()
  connections.push(connection)
  // Once this is answered the server has the connection, and not only the system.
  await connection.ask(events(userId, 0))
  connection.send(events(userId, WAIT_SECONDS), () => answered++)
}

/** Sends a poll of each user on a connection of its own, and does not wait for their answers. Nobody has sent these users anything. */
export const openPolls = async (users: ReadonlyArray<number>): Promise<void> => {
  answered = 0
  let next = 0
  const opener = async (): Promise<void> => {
    while (next < users.length) await openPoll(users[next++]!)
  }
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener))
}

/** How many polls wait still after so many seconds. */
export const countPollsAfter = async (seconds: number): Promise<number> => {
  await sleep(seconds * 1000)
  return connections.length - answered
}

export const closePolls = async (): Promise<void> => {
  for (const connection of connections.splice(0)) connection.close()
}
