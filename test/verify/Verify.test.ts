import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { vi } from "vitest"
import type { EventFact } from "../../src/domain/Event.ts"
import { type EventKind, EventKinds } from "../../src/inbox/EventKinds.ts"
import { Refused, Unanswered } from "../../verify/Outgoing.ts"
import { isSound, toText } from "../../verify/Report.ts"
import { Rest } from "../../verify/Rest.ts"
import { type Options, verify } from "../../verify/Verify.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"

/** The fact from which the server builds an event, in place of the true one. */
type Alter = (fact: EventFact) => EventFact | undefined

const truthfully: Alter = (fact) => fact

/** A server that can be made to send wrong events, live and in every replay alike. */
class FaultyServer extends Context.Service<FaultyServer, { readonly url: string; alter: Alter }>()(
  "test/verify/FaultyServer"
) {
  static readonly layer = Layer.effect(
    FaultyServer,
    Effect.gen(function* () {
      const faulty = { url: "", alter: truthfully }
      const sound = Context.get(Context.empty(), EventKinds)
      const kinds = Object.entries(sound).map(([type, kind]): [string, EventKind] => [
        type,
        {
          ...kind,
          fields: (fact) => Option.flatMap(Option.fromUndefinedOr(faulty.alter(fact)), kind.fields)
        }
      ])
      const { url } = yield* startServer(yield* freshEmbedded).pipe(
        Effect.provideService(EventKinds, Object.fromEntries(kinds))
      )
      faulty.url = url
      return faulty
    })
  )
}

/** Alters the first fact of a type by `alter`, each time, and all others as they are. */
const firstOf = (type: string, alter: Alter): Alter => {
  let first: string | undefined
  return (fact) => {
    if (fact.type !== type) return fact
    const key = JSON.stringify([fact.committedAt, fact.message?.id, fact.payload])
    first ??= key
    return key === first ? alter(fact) : fact
  }
}

const nothing: Alter = () => undefined

type Failure = Refused | Unanswered

type RestCalls = Rest["Service"]

/** The calls of a deployment that answers some of them in its own way. */
const restWith = (change: (rest: RestCalls) => Partial<RestCalls>) =>
  Layer.effect(
    Rest,
    Effect.map(Rest, (rest) => Rest.of({ ...rest, ...change(rest) }))
  ).pipe(Layer.provide(Rest.layer(Option.none())), Layer.provide(NodeHttpClient.layerUndici))

const run = Effect.fnUntraced(function* (
  change: (rest: RestCalls) => Partial<RestCalls> = () => ({}),
  options: Partial<Options> = {}
) {
  const { url } = yield* FaultyServer
  return yield* verify({ urls: [url], users: 3, messages: 60, seed: 8, ...options }).pipe(
    Effect.provide(restWith(change))
  )
})

/** The report on a server that sends such events. */
const reportOf = Effect.fnUntraced(function* (alter: Alter) {
  const server = yield* FaultyServer
  server.alter = alter
  return yield* Effect.ensuring(
    run(() => ({}), { settleWithin: "300 millis" }),
    Effect.sync(() => {
      server.alter = truthfully
    })
  )
})

/** What a run finds wrong with a server that sends such events. */
const findingsOf = (alter: Alter) => Effect.map(reportOf(alter), ({ tally }) => tally.findings)

const refuses = new Refused({ code: "404", detail: "Not found" })

// Runs wait for one another's answers: on a busy machine they take their time.
vi.setConfig({ testTimeout: 90_000 })

layer(FaultyServer.layer, { excludeTestServices: true, timeout: "60 seconds" })("verify", (it) => {
  it.effect("finds nothing wrong with a sound server, and erases its users", () =>
    Effect.gen(function* () {
      const report = yield* run(() => ({}), { users: 4, messages: 100, seed: 1 })
      assert.deepStrictEqual([report.tally.findings, report.disagreements], [[], []])
      assert.isTrue(isSound(report))
      assert.isAbove(report.tally.changes, 40)
      assert.strictEqual(report.memberships, 20)
      assert.deepStrictEqual(report.erased, { finished: 4, underWay: 0 })
    })
  )

  it.effect.each([
    ["group_message", "message \\d+"],
    ["group_message_sent", "message_sent \\d+"],
    ["message_updated", "edit of message \\d+ to version \\d"],
    ["message_deleted", "deletion of message \\d+"],
    ["reaction", "reaction .+ of user \\d+ to message \\d+"],
    ["read", "read of user \\d+ in conversation \\d+ up to message \\d+"],
    ["conversation_added", "membership in conversation \\d+"]
  ] as const)("finds one lost %s by its name", ([type, name]) =>
    Effect.gen(function* () {
      const { disagreements, tally } = yield* reportOf(firstOf(type, nothing))
      const findings = [...tally.findings, ...disagreements]
      const lost = new RegExp(`^lost: user \\d+ did not get ${name}$`)
      // The first one may be of the group whose members change, of which each event is known.
      const lostThere = /^user \d+: of the group that changes its inbox has "/
      assert.isTrue(
        findings.some((finding) => lost.test(finding) || lostThere.test(finding)),
        findings.join("\n")
      )
    })
  )

  it.effect.each(["member_added", "member_removed", "conversation_removed"] as const)(
    "finds one lost %s of the group whose members change",
    (type) =>
      Effect.gen(function* () {
        const { disagreements } = yield* reportOf(firstOf(type, nothing))
        assert.match(
          disagreements.join("\n"),
          /^user \d+: of the group that changes its inbox has ".+" and not ".+", as number \d+ of \d+$/m
        )
      })
  )

  it.effect("finds polls that are ended by messages alone", () =>
    Effect.gen(function* () {
      const { disagreements } = yield* run((rest) => ({
        events: (url, userId, page) =>
          Effect.map(
            rest.events(url, userId, { ...page, ...(page.wait && { wait: 1 }) }),
            ({ events, ...place }) => ({
              ...place,
              events:
                page.wait === undefined ? events : events.filter(({ type }) => type.startsWith("message"))
            })
          )
      }))
      assert.include(disagreements, "a long poll: does not show a reaction that was acknowledged before it")
    })
  )

  it.effect("finds an edit whose event has another content", () =>
    Effect.gen(function* () {
      const findings = yield* findingsOf(
        firstOf("message_updated", (fact) => ({ ...fact, message: { ...fact.message!, content: "another" } }))
      )
      assert.isTrue(findings.some((finding) => /^altered: .* other content in message \d+$/.test(finding)))
    })
  )

  it.effect("finds an edit whose event has the version before it", () =>
    Effect.gen(function* () {
      const findings = yield* findingsOf(
        firstOf("message_updated", (fact) => ({ ...fact, message: { ...fact.message!, version: 1 } }))
      )
      assert.isTrue(findings.some((finding) => /^repeated: .* version 1 of message/.test(finding)))
    })
  )

  it.effect("finds a reaction whose event has another count", () =>
    Effect.gen(function* () {
      const findings = yield* findingsOf(
        firstOf("reaction", (fact) => ({ ...fact, payload: { ...(fact.payload as object), count: 7 } }))
      )
      assert.isTrue(findings.some((finding) => /^altered: .* got 7 instead of \d reactions/.test(finding)))
    })
  )

  it.effect("finds a count of unread messages that the events do not add up to", () =>
    Effect.gen(function* () {
      const { disagreements } = yield* run((rest) => ({
        conversations: (url, page) =>
          Effect.map(rest.conversations(url, page), ({ conversations, next }) => ({
            next,
            conversations: conversations.map((entry) => ({ ...entry, unread: entry.unread + 1 }))
          }))
      }))
      assert.match(disagreements[0]!, /^user \d+: conversation \d+ is listed with \d+ unread, and the events/)
    })
  )

  it.effect("finds a history that lost an edit, a deletion or a reaction", () =>
    Effect.gen(function* () {
      const { disagreements } = yield* run((rest) => ({
        history: (url, page) =>
          Effect.map(rest.history(url, page), (messages) =>
            messages.map(({ reactions: _, ...message }) => ({ ...message, version: 1 }))
          )
      }))
      assert.match(
        disagreements[0]!,
        /^user \d+: message \d+, as the events have it, is another in the history$/
      )
    })
  )

  it.effect("finds an event page that has another reaction than the socket", () =>
    Effect.gen(function* () {
      const { disagreements } = yield* run((rest) => ({
        events: (url, userId, page) =>
          Effect.map(rest.events(url, userId, page), ({ events, ...place }) => ({
            ...place,
            events: events.map((event) => (event.type === "reaction" ? { ...event, added: false } : event))
          }))
      }))
      assert.match(disagreements[0]!, /^user \d+: event \d+ of \d+ by socket and \d+ by REST differs$/)
    })
  )

  it.effect("finds a change that the server refuses", () =>
    Effect.gen(function* () {
      const { disagreements } = yield* run(() => ({ remove: () => refuses }))
      assert.match(disagreements[0]!, /^the deletion of message \d+ is not acknowledged: 404 Not found$/)
    })
  )

  it.effect("finds nothing wrong where changes are made, and their answers cut", () =>
    Effect.gen(function* () {
      const cut = new Unanswered({ reason: "read ECONNRESET", retryAfterMillis: 1 })
      const answered = new Set<string>()
      /** Has each call done and its answer lost, and answers the call that repeats it. */
      const cutsFirst =
        <Args extends ReadonlyArray<unknown>, A>(call: (...args: Args) => Effect.Effect<A, Failure>) =>
        (...args: Args) =>
          Effect.flatMap(call(...args), (answer): Effect.Effect<A, Failure> => {
            const key = JSON.stringify(args)
            if (answered.has(key)) return Effect.succeed(answer)
            answered.add(key)
            return cut
          })
      const report = yield* run(
        ({ createGroup, edit, erase, markRead, putMember, react, remove, removeMember }) => ({
          createGroup: cutsFirst(createGroup),
          edit: cutsFirst(edit),
          erase: cutsFirst(erase),
          markRead: cutsFirst(markRead),
          putMember: cutsFirst(putMember),
          react: cutsFirst(react),
          remove: cutsFirst(remove),
          removeMember: cutsFirst(removeMember)
        })
      )
      assert.deepStrictEqual([report.tally.findings, report.disagreements], [[], []])
      assert.isAbove(report.tally.changes, 20)
      assert.strictEqual(report.erased?.finished, 3)
    })
  )

  it.effect("checks direct messages alone where there are no conversations, and says so", () =>
    Effect.gen(function* () {
      const report = yield* run(() => ({
        conversations: () => refuses,
        createGroup: () => refuses,
        erase: () => refuses
      }))
      assert.isTrue(isSound(report))
      assert.strictEqual(report.tally.changes, 0)
      const text = toText(report)
      assert.match(text, /^not checked +groups, edits, reactions and read marks: .* is of an older release/m)
      assert.match(text, /^left behind +3 users \(verify\w+u\*\) and what they wrote: 404 Not found$/m)
    })
  )
})
