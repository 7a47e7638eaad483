import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Case } from "./Case.ts"
import { getRequest, memberToken, opened, upgradeRequest } from "./Client.ts"
import { users } from "./Seed.ts"

const COUNT = 4000
const WARM_UP = 500
const SETTLE = 6000

/**
 * What an idle socket, or a waiting long poll, takes of the server's memory, each of a user of its own with its own token. Some that
 * are closed again come before those that count, so that what the first ones make once counts for none.
 */
const placesOf =
  (kind: string, bytes: (userId: number, bearer: string) => string) =>
  async ({ server, databaseUrl }: Case) => {
    await users(databaseUrl, COUNT + WARM_UP)
    let next = 1
    const open = async (count: number) => {
      const sockets: Array<Socket> = []
      for (let i = 0; i < count; i++) {
        const userId = next++
        sockets.push(await opened(server, bytes(userId, await memberToken(userId))))
      }
      await sleep(SETTLE)
      return sockets
    }
    for (const socket of await open(WARM_UP)) socket.destroy()
    await sleep(SETTLE)
    const before = server.residentBytes()!
    const sockets = await open(COUNT)
    const each = (server.residentBytes()! - before) / COUNT / 1024
    const closed = sockets.filter(({ destroyed }) => destroyed).length
    console.log(`${COUNT} of type ${kind}: ${each.toFixed(1)} KiB each, ${closed} closed`)
    for (const socket of sockets) socket.destroy()
  }

export const sockets = placesOf("socket", upgradeRequest)

export const polls = placesOf("poll", (userId, bearer) =>
  getRequest(`/users/${userId}/events?since=0&wait=30`, bearer)
)
