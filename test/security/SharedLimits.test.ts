import { assert, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { until } from "../faults/support/Until.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../support/Services.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type Answer, bearer, post, request } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

/** Each limit on its own: `burst` at once, and one more a second. */
const SEARCHES = 6
const GROUPS = 8
const REACTIONS = 10
const TYPING = 12

/** How often each node is asked at once: twice the largest burst, so that two nodes that count apart let more through. */
const CALLS = 2 * TYPING

interface World {
  readonly user: number
  readonly headers: Record<string, string>
  readonly message: number
  readonly conversation: number
}

/** How many of so many calls a node lets through. */
const passed = Effect.fnUntraced(function* (call: (i: number) => Effect.Effect<Answer>) {
  const answers = yield* Effect.all(
    Array.from({ length: CALLS }, (_, i) => call(i)),
    {
      concurrency: "unbounded"
    }
  )
  for (const { status } of answers) assert.include([200, 429], status)
  return answers.filter(({ status }) => status === 200).length
})

/** What each limit bounds, and its burst. */
const LIMITS: ReadonlyArray<
  readonly [name: string, burst: number, passes: (node: TestServer, world: World) => Effect.Effect<number>]
> = [
  [
    "searches",
    SEARCHES,
    ({ url }, { user, headers }) =>
      passed(() => request(`${url}/messages/search?user_id=${user}&q=hello`, { headers }))
  ],
  [
    "groups",
    GROUPS,
    ({ url }, { user, headers }) =>
      passed((i) =>
        post(
          `${url}/conversations/`,
          { user_id: user, kind: "group", title: `group ${i}`, member_ids: [] },
          headers
        )
      )
  ],
  [
    "reactions",
    REACTIONS,
    ({ url }, { user, headers, message }) =>
      passed((i) =>
        request(`${url}/messages/${message}/reactions/%F0%9F%91%8D?user_id=${user}`, {
          method: i % 2 === 0 ? "PUT" : "DELETE",
          headers
        })
      )
  ],
  [
    "typing",
    TYPING,
    ({ webSocketUrl }, { user, headers, conversation }) =>
      Effect.gen(function* () {
        const socket = yield* openSocket(`${webSocketUrl}/ws/${user}`, {
          headers,
          protocols: ["minichat.v2"]
        })
        for (let i = 0; i < CALLS; i++) {
          yield* socket.send({ type: "typing", conversation_id: conversation, typing: true })
        }
        yield* socket.send({ type: "ping" })
        let refused = 0
        while (true) {
          const { type, code } = yield* socket.next
          if (code === "rate_limited") refused++
          if (type === "pong") return CALLS - refused
        }
      }).pipe(Effect.scoped, Effect.orDie)
  ]
]

it.live.runIf(databaseUrl !== undefined && redisUrl !== undefined)(
  "two nodes bound searches, groups, reactions and typing of a user together, each by its own settings",
  () =>
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const shared = {
        ...(yield* freshDatabase),
        ...(yield* freshRedis),
        ...keys.settings,
        requestsPerSecond: 100_000,
        searchesPerSecond: 1,
        searchesBurst: SEARCHES,
        groupsPerMinute: 60,
        groupsBurst: GROUPS,
        reactionsPerSecond: 1,
        reactionsBurst: REACTIONS,
        typingPerSecond: 1,
        typingBurst: TYPING
      }
      const nodes = [yield* startServer(shared), yield* startServer(shared)] as const
      const [{ url }] = nodes
      const service = bearer(yield* keys.mint({ scope: "service" }))
      const make = Effect.fnUntraced(function* (path: string, body: unknown) {
        const answer = yield* post(`${url}${path}`, body, service)
        assert.strictEqual(answer.status, 200, answer.body)
        return JSON.parse(answer.body)
      })

      // A user of its own for each attempt, whose buckets are full.
      let users = 0
      const newWorld = Effect.gen(function* () {
        const { id: user } = yield* make("/users/", { username: `user${++users}` })
        const { id: other } = yield* make("/users/", { username: `other${users}` })
        const sent = yield* make("/messages/", { sender_id: other, receiver_id: user, content: "hello" })
        return {
          user,
          headers: bearer(yield* keys.mint({ sub: String(user) })),
          message: sent.id,
          conversation: sent.conversation_id
        } satisfies World
      })

      for (const [name, burst, passes] of LIMITS) {
        // A node that finds Redis too slow for a moment counts for itself then: asserted is that the nodes count together.
        yield* until(
          `the nodes count ${name} together`,
          Effect.gen(function* () {
            const world = yield* newWorld
            const started = yield* Clock.currentTimeMillis
            const [one, other] = yield* Effect.all([passes(nodes[0], world), passes(nodes[1], world)], {
              concurrency: "unbounded"
            })
            const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
            assert.isAtLeast(one + other, burst, name)
            return one + other <= burst + seconds + 1
          }),
          "20 seconds"
        )
      }
    }),
  90_000
)
