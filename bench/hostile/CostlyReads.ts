import { setTimeout as sleep } from "node:timers/promises"
import { type Case, SECONDS, show } from "./Case.ts"
import { during, memberToken, probe } from "./Client.ts"
import { groups, ownMessages, query, users } from "./Seed.ts"

const USERS = 20_000
const OWN_MESSAGES = 300_000
const RECEIVERS = 999

/** Every 1,000th message has this word, and each the common one. */
const TEXT = `CASE WHEN i % 1000 = 0 THEN 'A rare message, 你好世界.' ELSE 'A message of a usual length number ' || i || '.' END`

const word = (i: number) => `w${i}`

const search = (text: string, more = "") => `/messages/search?limit=100&q=${encodeURIComponent(text)}${more}`

interface Call {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
}

/** What a member asks for, by what it is. The number of the call makes calls different that a cache would otherwise answer. */
const READS: Readonly<Record<string, (n: number) => Call>> = {
  "skip=10000 of the history": () => ({ path: "/messages/?user_id=1&skip=10000&limit=1000" }),
  "skip=10000 of one conversation": () => ({
    path: "/messages/?user_id=1&chat_with=2&skip=10000&limit=1000"
  }),
  "search for a common word": () => ({ path: search("message") }),
  "search for a word that nobody wrote": () => ({ path: search("nowhere") }),
  "search for common words and one that nobody wrote": () => ({
    path: search("a message of usual length nowhere")
  }),
  "search for one letter": () => ({ path: search("a") }),
  "search for one letter behind the oldest": () => ({ path: search("n", "&before_id=200000") }),
  "search for many words": () => ({ path: search(Array.from({ length: 60 }, (_, i) => word(i)).join(" ")) }),
  "search for a run of Chinese": () => ({ path: search("世界你好世界你好") }),
  "list of 1,000 conversations, a page": () => ({ path: "/conversations?limit=100" }),
  "list of conversations, from the middle": () => ({ path: "/conversations?limit=100&before=150000" }),
  "members of a group of 1,000": () => ({ path: "/conversations/GROUP/members?limit=1000" }),
  export: () => ({ path: "/users/1/export" }),
  "users, skip=10000": () => ({ path: "/users/?skip=10000&limit=1000" }),
  "users by prefix": (n) => ({ path: `/users/?q=${"user".slice(0, 1 + (n % 4))}&skip=10000&limit=1000` }),
  "events, from the first": () => ({ path: "/users/1/events?since=0&limit=1000" }),
  report: () => ({ method: "POST", path: "/messages/MESSAGE/report", body: { reason: "spam", user_id: 1 } })
}

/** Four times a second a costly read of one member: other users' reads and `/readyz` meanwhile, and before. */
export const reads = async ({ server, databaseUrl, service, only }: Case) => {
  await users(databaseUrl, USERS)
  await ownMessages(databaseUrl, { count: OWN_MESSAGES, receivers: RECEIVERS, text: TEXT })
  await groups(databaseUrl, { count: 100, members: 1000 })
  await query(databaseUrl, "CHECKPOINT")
  const member = await memberToken(1)
  const base = `http://${server.host}:${server.port}`
  const headers = { authorization: `Bearer ${member}`, "content-type": "application/json" }
  const list = await fetch(`${base}/conversations?limit=1`, { headers })
  const { conversations } = (await list.json()) as {
    readonly conversations: ReadonlyArray<{
      readonly id: number
      readonly last_message: { readonly id: number }
    }>
  }
  const { id, last_message } = conversations[0]!
  const ask = async ({ method = "GET", path, body }: Call) => {
    const response = await fetch(
      base + path.replace("GROUP", String(id)).replace("MESSAGE", String(last_message.id)),
      { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    )
    await response.arrayBuffer()
    return response.status
  }

  const measure = async (load: () => void) => {
    const others = probe(server, (n) => `/users/${2 + (n % 900)}`, 200, { bearer: service })
    const ready = probe(server, () => "/readyz", 10)
    await during(SECONDS * 1000, 4, load)
    return { others: await others.stop(), ready: await ready.stop() }
  }
  await measure(() => {})
  for (const [what, call] of Object.entries(READS).filter(([what]) => what.startsWith(only))) {
    const quiet = await measure(() => {})
    const statuses = new Map<number, number>()
    const took: Array<number> = []
    let n = 0
    const loaded = await measure(() => {
      const startedAt = performance.now()
      ask(call(n++)).then(
        (status) => {
          took.push(performance.now() - startedAt)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        },
        () => statuses.set(0, (statuses.get(0) ?? 0) + 1)
      )
    })
    console.log(
      `\n${what}: others' p99 ${(loaded.others.p99 / quiet.others.p99).toFixed(1)} times that of quiet;`,
      `${loaded.ready.failed} failed /readyz; its own ${Math.max(0, ...took).toFixed(0)} ms at most, by status`,
      Object.fromEntries(statuses)
    )
    show("  GET /users/{id}, quiet", quiet.others)
    show("  GET /users/{id}, meanwhile", loaded.others)
    show("  GET /readyz, quiet", quiet.ready)
    show("  GET /readyz, meanwhile", loaded.ready)
    await sleep(1000)
  }
}
