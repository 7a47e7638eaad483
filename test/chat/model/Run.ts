import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import { makeRandom, type Random } from "../../fuzz/support/Random.ts"
import { Client, freshLoad } from "./Client.ts"
import { Model, type Verdict } from "./Model.ts"
import type { Operation, Outcome } from "./Operation.ts"
import { makeOperations } from "./Operations.ts"
import type { Server } from "./Server.ts"
import { viewOfClient, viewOfModel } from "./Views.ts"

const MORE = 500

/** The seed of this run: MODEL_SEED, else a new one. */
export const seedOf = (): number => Number(process.env.MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31))

interface World {
  readonly random: Random
  readonly users: ReadonlyArray<UserId>
  /** Servers of one database: each operation and each read goes to one of them. */
  readonly servers: ReadonlyArray<Server>
  readonly model: Model
  /** Clients that follow their inboxes as they please, one or two a user. */
  readonly clients: ReadonlyArray<Client>
}

const makeWorld = (seed: number, users: ReadonlyArray<UserId>, servers: ReadonlyArray<Server>): World => ({
  random: makeRandom(seed),
  users,
  servers,
  model: new Model(),
  clients: users.flatMap((user) => [new Client(user), new Client(user)])
})

const mayHaveChanged = (outcome: Outcome): outcome is Outcome & { readonly id?: number } =>
  outcome.verdict === "changed" || outcome.verdict === "accepted"

/** Asserts that an operation has the outcome that the model says. */
const assertOutcome = (outcome: Outcome, expected: Verdict, operation: string): void => {
  if (outcome.verdict === "accepted") assert.isString(expected, operation)
  else
    assert.deepEqual(
      outcome.verdict === "refused" ? { why: outcome.why } : outcome.verdict,
      expected,
      operation
    )
}

const learn = Effect.fnUntraced(function* (
  { model }: World,
  server: Server,
  operation: Operation,
  outcome: Outcome
) {
  if (operation.type === "send" && "user" in operation.to && mayHaveChanged(outcome)) {
    const id = outcome.id as MessageId
    const conversation =
      (yield* server.conversationOf(operation.by, id)) ??
      (yield* server.conversationOf(operation.to.user, id))
    // Both were erased: nobody is left who could be asked about it.
    if (conversation === undefined) return "changed"
    model.directIdOf.set(id, conversation)
  }
  return model.apply(operation, outcome)
})

const learnNames = ({ model, users, servers }: World) =>
  Effect.forEach(users, (user) =>
    Effect.map(servers[0]!.displayNameOf(user), (name) => model.displayNames.set(user, name))
  )

/** The users who are not erased. */
const remaining = ({ model, users }: World) => users.filter((user) => !model.erased.has(user))

const someClient = (world: World) =>
  world.random.pick(world.clients.filter(({ user }) => !world.model.erased.has(user)))

type Types = ReadonlyArray<Operation["type"]>

const operationsOf = ({ random, users, model }: World, without: Types) => {
  const make = makeOperations(random, users, model)
  return () => {
    let operation = make()
    while (without.includes(operation.type)) operation = make()
    return operation
  }
}

/** Operations one after the other: each has the outcome that the model says. */
export const inTurn = Effect.fnUntraced(function* (
  seed: number,
  users: ReadonlyArray<UserId>,
  servers: ReadonlyArray<Server>,
  count: number,
  without: Types = []
) {
  const world = makeWorld(seed, users, servers)
  const { random, model } = world
  yield* learnNames(world)
  const next = operationsOf(world, without)
  for (let i = 0; i < count; i++) {
    const operation = next()
    const server = random.pick(servers)
    const outcome = yield* server.perform(operation)
    const expected = yield* learn(world, server, operation, outcome)
    assertOutcome(outcome, expected, `operation ${i}: ${JSON.stringify(operation)}`)
    if (random.chance(0.2)) yield* someClient(world).follow(random.pick(servers), 1 + random.below(20))
    if (random.chance(0.02)) yield* agree(world, random.pick(remaining(world)), `after operation ${i}`)
  }
  for (const user of remaining(world)) yield* agree(world, user, "at the end")
  assert.deepEqual(yield* random.pick(servers).reports, model.reports, "the reports at the end")
  return world
})

/** Rounds of operations at the same time. What comes of each is up to the servers; in the end all who look see the same. */
export const atOnce = Effect.fnUntraced(function* (
  seed: number,
  users: ReadonlyArray<UserId>,
  servers: ReadonlyArray<Server>,
  rounds: number,
  each: number,
  without: Types = []
) {
  const world = makeWorld(seed, users, servers)
  const { random } = world
  yield* learnNames(world)
  const next = operationsOf(world, without)
  for (let i = 0; i < rounds; i++) {
    const operations = Array.from({ length: i < 3 ? 1 : each }, next)
    // Some are made twice, on two servers.
    const made = operations.flatMap((operation) =>
      random.chance(0.15) ? [operation, operation] : [operation]
    )
    const reading = someClient(world).follow(random.pick(servers), 1 + random.below(50))
    const performing = Effect.forEach(
      made.map((operation) => [operation, random.pick(servers)] as const),
      ([operation, server]) =>
        Effect.map(server.perform(operation), (outcome) => [operation, server, outcome] as const),
      { concurrency: "unbounded" }
    )
    const [outcomes] = yield* Effect.all([performing, reading], { concurrency: "unbounded" })
    for (const [operation, server, outcome] of outcomes) {
      // The model serves to find operations that make sense: it need not be right about the order.
      if (mayHaveChanged(outcome)) yield* learn(world, server, operation, outcome)
    }
  }
  for (const user of remaining(world)) yield* converge(world, user, "at the end")
  return world
})

/** A client that is up to date, one that comes now and goes by events alone, and a fresh load have the same. */
const converge = Effect.fnUntraced(function* (
  { random, clients, servers }: World,
  user: UserId,
  when: string
) {
  const { client: fresh, entries } = yield* freshLoad(random.pick(servers), user)
  const expected = viewOfClient(fresh)
  const displayName = yield* random.pick(servers).displayNameOf(user)
  const late = new Client(user)
  for (const client of [...clients.filter((client) => client.user === user), late]) {
    while ((yield* client.follow(random.pick(servers), MORE)).length === MORE);
    assert.deepEqual(viewOfClient(client), expected, `a client of user ${user} ${when}`)
    if (client.displayName !== undefined)
      assert.strictEqual(client.displayName, displayName, `the name of user ${user} ${when}`)
  }
  yield* searchesAgree(random.pick(servers), random, fresh, when)
  for (const { id, unread, last_message, member_count } of entries) {
    const known = fresh.conversations.get(id)!
    const shown = expected[id] as { readonly unread: number }
    assert.deepEqual(
      [unread, last_message?.id, member_count],
      [
        Math.min(shown.unread, 100),
        [...known.messages.keys()].toSorted((a, b) => a - b).at(-1),
        known.members.size
      ],
      `conversation ${id} of user ${user} ${when}`
    )
    const owners = [...known.members.values()].filter((role) => role === "owner")
    assert.strictEqual(owners.length, known.info.kind === "group" ? 1 : 0, `owners of ${id} ${when}`)
  }
  return { fresh, entries, expected }
})

/** A search finds what a fresh load shows: for the word that all messages have, and for the beginning of a word that few have. */
const searchesAgree = Effect.fnUntraced(function* (
  server: Server,
  random: Random,
  { user, conversations }: Client,
  when: string
) {
  const messages = [...conversations.values()].flatMap((known) => [...known.messages.values()])
  const some = messages.length === 0 ? "text" : random.pick(messages).content
  for (const text of ["text", some === "" ? "text 1" : some]) {
    const expected = messages.filter(({ content }) => content.startsWith(text)).map(({ id }) => id)
    assert.deepEqual(
      yield* server.search(user, text),
      expected.toSorted((a, b) => b - a),
      `a search for ${text} by user ${user} ${when}`
    )
  }
})

/** `converge`, and what the model says; no event shows what the user could never read. */
const agree = Effect.fnUntraced(function* (world: World, user: UserId, when: string) {
  const { model, random, servers } = world
  const { fresh, entries, expected } = yield* converge(world, user, when)
  const { view, order } = viewOfModel(
    model,
    user,
    (id) => fresh.conversations.get(id as never)?.lastRead ?? -1
  )
  assert.deepEqual(expected, view, `the model of user ${user} ${when}`)
  assert.strictEqual(
    yield* random.pick(servers).displayNameOf(user),
    model.displayNames.get(user),
    `the name of user ${user} ${when}`
  )
  assert.deepEqual(
    entries.map(({ id }) => id),
    order,
    `the list of user ${user} ${when}`
  )
  const shown = model.shownTo(user)
  for (let after = 0; ; after += MORE) {
    const events = yield* random.pick(servers).events(user, after, MORE)
    for (const event of events) {
      const quote = event.reply_to as { readonly content: string } | undefined
      for (const content of [event.content, quote?.content]) {
        assert.isTrue(
          content === undefined || shown.has(content as string),
          `user ${user} is shown ${content} by ${JSON.stringify(event)} ${when}`
        )
      }
    }
    if (events.length < MORE) break
  }
})
