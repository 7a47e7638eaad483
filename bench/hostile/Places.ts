import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Case } from "./Case.ts"
import { getRequest, memberToken, opened, upgradeRequest } from "./Client.ts"
import { users } from "./Seed.ts"

const COUNT = 4000
const WARM_UP = 500
const SETTLE = 6000

/** What is open: the bytes that a client sends for it. */
const KINDS: Readonly<Record<string, (userId: number, bearer: string) => string>> = {
  socket: upgradeRequest,
  poll: (userId, bearer) => getRequest(`/users/${userId}/events?since=0&wait=30`, bearer)
}

/**
 * What an idle socket and a waiting long poll take of the server's memory, each of a user of its own with its own token, on one
 * server: first sockets, then polls. Each begins with some of its kind that are closed again, so that what the first ones of a kind
 * make once counts for none.
 */
export const places = async ({ server, databaseUrl }: Case) => {
  await users(databaseUrl, (COUNT + WARM_UP) * 2)
  let next = 1
  for (const [kind, bytes] of Object.entries(KINDS)) {
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
    await sleep(SETTLE)
  }
}
