import { setTimeout as sleep } from "node:timers/promises"
import { type Case, SECONDS, show } from "./Case.ts"
import { during, memberToken, opened, probe, upgradeRequest } from "./Client.ts"
import { users } from "./Seed.ts"

/** 500 strangers a second ask for `/metrics`: how long new connections wait, meanwhile and after it ended. */
export const metrics = async ({ server }: Case) => {
  const probing = () => probe(server, () => "/livez", 20, { isNew: true })
  const quiet = probing()
  await sleep(3000)
  show("GET /livez, new connections, quiet", await quiet.stop())
  const meanwhile = probing()
  const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  await during(SECONDS * 1000, 100, () => {
    for (let i = 0; i < 5; i++) opened(server, request).catch(() => {})
  })
  const after = probing()
  await sleep(3000)
  show("GET /livez, 500 /metrics a second meanwhile", await meanwhile.stop())
  show("GET /livez, after it ended", await after.stop())
}

/** 100 sockets of one member write pings as fast as they are read, 100,000 a second at most. */
export const frames = async ({ server, databaseUrl }: Case) => {
  await users(databaseUrl, 1)
  const member = await memberToken(1)
  const ping = Buffer.concat([Buffer.from([0x81, 0x8f, 0, 0, 0, 0]), Buffer.from('{"type":"ping"}')])
  const pings = Buffer.alloc(ping.length * 100, ping)
  const sockets = await Promise.all(
    Array.from({ length: 100 }, () => opened(server, upgradeRequest(1, member)))
  )
  await sleep(1000)
  const livez = probe(server, () => "/livez", 20, { isNew: true })
  await during(SECONDS * 1000, 10, () => {
    for (const socket of sockets) if (socket.writableLength < pings.length) socket.write(pings)
  })
  show("GET /livez, 100 sockets that write pings", await livez.stop())
  for (const socket of sockets) socket.destroy()
}
