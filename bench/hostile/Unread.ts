import { setTimeout as sleep } from "node:timers/promises"
import { type Case, SECONDS } from "./Case.ts"
import { getRequest, memberToken, opened, unread, upgradeRequest } from "./Client.ts"
import { groups, ownMessages, users } from "./Seed.ts"

const CONNECTIONS = 100
const MEMBERS = 1000
const MEGABYTE = 1024 * 1024

/** What is asked for on each connection, and not read. */
const ANSWERS: Readonly<Record<string, string>> = {
  "history, 1,000 long messages": "/messages/?user_id=1&limit=1000",
  "recent messages": "/messages/recent/1",
  "search, 100 long messages": "/messages/search?q=a&limit=100",
  "100 conversations of 1,000 members": "/conversations?limit=100",
  "members of a group of 1,000": "/conversations/GROUP/members?limit=1000",
  "users, 1,000": "/users/?limit=1000",
  "events, 1,000": "/users/1/events?since=0&limit=1000",
  "long polls": "/users/1/events?since=0&wait=30&limit=1000",
  export: "/users/1/export",
  "/docs": "/docs",
  "/redoc": "/redoc/redoc.standalone.js",
  "/openapi.json": "/openapi.json",
  "/metrics": "/metrics",
  "/client.js": "/client.js",
  "the page's script": "/page/app.js"
}

/**
 * 100 connections of one member that ask for much and read nothing, eight times each: by how much the server's memory grows above what
 * it takes for the same answers where they are read. Last, 100 sockets that read nothing of what a group of 1,000 is sent.
 */
export const unreadAnswers = async ({ server, databaseUrl, service }: Case) => {
  await users(databaseUrl, MEMBERS)
  await ownMessages(databaseUrl, { count: 20_000, receivers: 100, text: "'a ' || repeat('€', 980)" })
  await groups(databaseUrl, { count: 100, members: MEMBERS })
  const member = await memberToken(1)
  const base = `http://${server.host}:${server.port}`
  const headers = { authorization: `Bearer ${member}` }
  const list = await fetch(`${base}/conversations?limit=1`, { headers })
  const { conversations } = (await list.json()) as {
    readonly conversations: ReadonlyArray<{ readonly id: number }>
  }
  const group = conversations[0]!.id
  const send = async (n: number) => {
    const response = await fetch(`${base}/messages/`, {
      method: "POST",
      headers: { authorization: `Bearer ${service}`, "content-type": "application/json" },
      body: JSON.stringify({
        sender_id: 2 + (n % 900),
        conversation_id: group,
        content: `${n} ${"€".repeat(980)}`
      })
    })
    await response.arrayBuffer()
  }
  for (let n = 0; n < 30; n++) await send(n)

  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, server.residentBytes() ?? 0)
  }, 50)
  const peakDuring = async (load: () => Promise<unknown>) => {
    most = 0
    await load()
    await sleep(300)
    return most
  }

  /** What the process takes when these answers are read, eight at a time. */
  const whenRead = (path: string) =>
    peakDuring(async () => {
      const wait = path.replace(/&wait=\d+/, "")
      for (let i = 0; i < 8; i++) {
        await Promise.all(
          Array.from({ length: 8 }, async () => {
            const response = await fetch(base + wait, { headers })
            if (response.body !== null) for await (const _ of response.body);
          })
        )
      }
    })

  for (const [what, template] of Object.entries(ANSWERS)) {
    const path = template.replace("GROUP", String(group))
    const before = await whenRead(path)
    const sockets: Array<Awaited<ReturnType<typeof unread>>> = []
    const after = await peakDuring(async () => {
      for (let i = 0; i < CONNECTIONS; i++) {
        sockets.push(
          await unread(server, getRequest(path, member, "Accept-Encoding: identity\r\n").repeat(8))
        )
      }
      await sleep(SECONDS * 1000)
    })
    console.log(
      `${what.padEnd(36)} ${((after - before) / MEGABYTE).toFixed(1)} MB above ${(before / MEGABYTE).toFixed(0)}`
    )
    for (const socket of sockets) socket.destroy()
    await sleep(500)
  }

  const sending = async () => {
    for (let n = 0; n < 200; n++) await send(n)
  }
  const readers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => opened(server, upgradeRequest(3, service)))
  )
  const before = await peakDuring(sending)
  for (const socket of readers) socket.destroy()
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => unread(server, upgradeRequest(1, member)))
  )
  await sleep(1000)
  const after = await peakDuring(sending)
  console.log(
    `${"sockets of a member of a group".padEnd(36)} ${((after - before) / MEGABYTE).toFixed(1)} MB above ${(before / MEGABYTE).toFixed(0)}`
  )
  for (const socket of sockets) socket.destroy()
  clearInterval(watching)
}
