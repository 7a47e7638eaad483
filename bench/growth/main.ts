import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Array, Console, DateTime, Effect, Layer, Option, Redacted } from "effect"
import { AppConfig } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import { MessageId } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { SearchBounds } from "../../src/repo/SearchBounds.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { Latencies } from "../load/Latencies.ts"
import { Postgres } from "../system/Postgres.ts"
import { showPlan, showPlansInside } from "./Plans.ts"
import {
  BUSY_USER,
  MANY_CONVERSATIONS,
  MESSAGES_A_PERSON,
  RARE_USER,
  RETENTION_DAYS,
  rareEvery,
  seed,
  USERS
} from "./Seed.ts"

const { values: options } = parseArgs({
  options: { messages: { type: "string", default: "10000000" } }
})

/** The last one is `--messages`, a multiple of 1,000. */
const SIZES = [1_000, 100_000, Number(options.messages)]

const CALLS = 200
const WARM_UP = 50

const NEW_MESSAGE_TYPES = ["message", "message_sent"]

const user = (n: number) => UserId.make(1 + (n % USERS))

/** Names of what is measured may be as long. */
const NAME = 50

const draft = (n: number) => ({
  sender_id: user(n * 7),
  receiver_id: user(n * 7 + 1 + (n % 5000)),
  content: "A message of a usual length, such as people send to one another."
})

/** The median time of a call, in milliseconds; `n` tells the calls apart. */
const timed = Effect.fnUntraced(function* <E>(
  call: (n: number) => Effect.Effect<unknown, E>,
  calls = CALLS,
  warmUp = WARM_UP
) {
  const latencies = new Latencies()
  for (let n = -warmUp; n < calls; n++) {
    const start = performance.now()
    yield* call(Math.abs(n * 13))
    if (n >= 0) latencies.add(performance.now() - start)
  }
  return latencies.summary().p50
})

/** What each operation costs in a database of this many messages. */
const measure = Effect.fnUntraced(function* (databaseUrl: string, messages: number) {
  const repo = yield* MessageRepo
  const searches = yield* SearchRepo
  const inboxes = yield* InboxRepo
  const conversations = yield* ConversationRepo
  const users = yield* UserRepo
  const people = messages / MESSAGES_A_PERSON
  yield* Effect.promise(() => seed(databaseUrl, messages, (what) => process.stderr.write(`${what}\n`)))
  const everyone = Array.makeBy(USERS, user)
  const heads = new Map((yield* inboxes.heads(everyone)).map(({ userId, head }) => [userId, head]))
  const headOf = (n: number) => heads.get(user(n)) ?? 0
  const history = { skip: 0, limit: 50 }

  /** Reads what a user missed, as a socket does. */
  const resume = (missed: number) => (n: number) =>
    Effect.gen(function* () {
      let after = Math.max(0, headOf(n) - missed)
      while (after < headOf(n))
        after = (yield* inboxes.page(user(n), after, 64, NEW_MESSAGE_TYPES)).at(-1)!.seq
    })

  const searchBy = (userId: UserId, text: string) => searches.search({ userId, text, limit: 20 })
  const search = (text: string) => (n: number) => searchBy(user(n), text)
  const rare = UserId.make(RARE_USER)
  const busy = UserId.make(BUSY_USER)
  /** Words that only the first message of each has. The last word would be the beginning of others, too. */
  const [rareWords, busyWords] = [`n${rareEvery(messages)} number`, "n1 number"]

  const listOf = (userId: UserId) => conversations.list(userId, 50, undefined)
  const [thousand, tenThousand] = MANY_CONVERSATIONS.map((many) => UserId.make(many.user)) as [UserId, UserId]

  const old = DateTime.subtract(yield* DateTime.now, { days: RETENTION_DAYS })
  const cost = {
    send: yield* timed((n) => repo.send([draft(n)])),
    "send, 64 in a batch": yield* timed((n) => repo.send(Array.makeBy(64, (i) => draft(n * 64 + i)))),
    "history, first page of 50": yield* timed((n) => repo.history({ userId: user(n), ...history })),
    "history, page in the middle": yield* timed((n) =>
      repo.history({ userId: user(n), beforeId: MessageId.make(Math.ceil(messages / 2)), ...history })
    ),
    "history of two users": yield* timed((n) =>
      repo.history({ userId: user(n), chatWith: user(n + 1), ...history })
    ),
    "recent list, from the database": yield* timed((n) => repo.received(user(n), 50)),
    "search, a word of all messages": yield* timed(search("usual message")),
    "search, a word of one message": yield* timed((n) => search(`n${1 + (n % messages)}`)(n), 50, 5),
    "search, a word of no message": yield* timed(search("nothing"), 50, 5),
    "search, the beginning of a word": yield* timed(search("usual mess")),
    "search, a script without spaces": yield* timed(search("東京都庁"), 50, 5),
    "search by a user with 20 messages, a word of all": yield* timed(
      () => searchBy(rare, "usual message"),
      50,
      5
    ),
    "search by a user with 20 messages, its first one": yield* timed(() => searchBy(rare, rareWords), 50, 5),
    "search by a user with 20 messages, no message": yield* timed(() => searchBy(rare, "nothing"), 50, 5),
    "search by who gets 1 in 50, a word of all": yield* timed(() => searchBy(busy, "usual message"), 50, 5),
    "search by who gets 1 in 50, its first one": yield* timed(() => searchBy(busy, busyWords), 50, 5),
    "search by who gets 1 in 50, no message": yield* timed(() => searchBy(busy, "nothing"), 50, 5),
    "conversations, first 50 of up to 2,000": yield* timed((n) => listOf(user(n))),
    "conversations, first 50 of 1,000": yield* timed(() => listOf(thousand)),
    "conversations, first 50 of 10,000": yield* timed(() => listOf(tenThousand), 50, 5),
    "a user by name": yield* timed((n) => users.named(`person${1 + (n % people)}`)),
    "20 users by the beginning of a name": yield* timed((n) =>
      users.search({ prefix: `Person ${n % 100}`, skip: 0, limit: 20 })
    ),
    "resume, 64 events missed": yield* timed(resume(64)),
    "resume, 640 events missed": yield* timed(resume(640), 50, 5),
    "sweep of 1,000 users": yield* timed(() => inboxes.heads(everyone.slice(0, 1000)), 50, 10),
    "sweep of 10,000 users": yield* timed(() => inboxes.heads(everyone), 50, 10),
    "prune of 500 events": yield* timed(() => inboxes.prune(old, 500), messages > 10_000 ? 20 : 1, 0)
  }
  if (messages === SIZES.at(-1)) {
    const plan = <E>(name: string, call: Effect.Effect<unknown, E>) => showPlan(databaseUrl, name, call)
    yield* plan("history, first page of 50", repo.history({ userId: user(1), ...history }))
    yield* plan("recent list, from the database", repo.received(user(1), 50))
    yield* plan("resume: a page of an inbox", inboxes.page(user(1), headOf(1) - 64, 64, NEW_MESSAGE_TYPES))
    yield* plan("conversations, first 50 of 10,000", listOf(tenThousand))
    yield* plan("a user by name", users.named(`person${people}`))
    yield* plan(
      "20 users by the beginning of a name",
      users.search({ prefix: "Person 7", skip: 0, limit: 20 })
    )
    const inside = <E>(name: string, call: Effect.Effect<unknown, E>) =>
      showPlansInside(databaseUrl, name, call)
    yield* inside("search by a user with 20 messages, its first one", searchBy(rare, rareWords))
    yield* inside("search by who gets 1 in 50, a word of all", searchBy(busy, "usual message"))
    yield* inside("search by who gets 1 in 50, its first one", searchBy(busy, busyWords))
  }
  return cost
})

/** A search takes its time here: that of the server ends after 200 ms, and goes on with the next page. */
const toTheEnd = Layer.succeed(SearchBounds, { lookThrough: 1000, patience: 60_000 })

const measureIn = (databaseUrl: string, messages: number) =>
  measure(databaseUrl, messages).pipe(
    Effect.provide(
      Layer.mergeAll(
        UserRepo.layer,
        MessageRepo.layer,
        ConversationRepo.layer,
        SearchRepo.layer.pipe(Layer.provide(toTheEnd)),
        InboxRepo.layer
      ).pipe(
        Layer.provideMerge(Database.layer),
        Layer.provide([
          NodeServices.layer,
          AppConfig.layerWith({
            databaseUrl: Option.some(Redacted.make(databaseUrl)),
            redisUrl: Option.none(),
            logLevel: "Warn"
          })
        ])
      )
    )
  )

const program = Effect.gen(function* () {
  const postgres = yield* Effect.acquireDisposable(Effect.promise(() => Postgres.connect()))
  yield* Console.log(
    `PostgreSQL ${yield* Effect.promise(() => postgres.version())}; medians, in milliseconds`
  )
  const costs = yield* Effect.forEach(SIZES, (messages) =>
    Effect.flatMap(
      Effect.promise(() => postgres.createDatabase()),
      (url) => measureIn(url, messages)
    )
  )
  const header = ["messages", ...SIZES.map((size) => size.toLocaleString("en"))]
  const rows = Object.keys(costs[0]!).map((name) => [
    name,
    ...costs.map((cost) => cost[name as keyof typeof cost].toFixed(2))
  ])
  for (const [name, ...values] of [header, ...rows]) {
    yield* Console.log(name!.padEnd(NAME) + values.map((value) => value.padStart(12)).join(""))
  }
})

NodeRuntime.runMain(Effect.scoped(program))
