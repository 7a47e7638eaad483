import { Effect, Schedule } from "effect"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import * as ChatClient from "../../../verify/ChatClient.ts"
import type { Operation, Outcome } from "../../chat/model/Operation.ts"
import type { Event, Reported, Server } from "../../chat/model/Server.ts"
import { typedClient } from "../../support/TestServer.ts"
import type { Deployment } from "./Deployment.ts"
import { until } from "./Until.ts"

/** What these servers do not take: a node learns within a second whom another one suspended, and only a token deletes any message. */
export const NOT_TAKEN: ReadonlyArray<Operation["type"]> = ["suspend", "restore", "removeAny"]

const ANSWERED_WITHIN = "15 seconds"
const PATIENCE = "60 seconds"
const FOLLOWED_WITHIN = "30 seconds"

/** No answer, or one that asks to try again. */
const UNANSWERED = ["HttpClientError", "ServiceUnavailable", "TimeoutError", "TooManyRequests"]

/** What no call of the model should be answered with. */
const UNEXPECTED = [...UNANSWERED, "SchemaError", "ValidationFailed"]

interface Failure {
  readonly _tag: string
}

type Client = Effect.Success<ReturnType<typeof typedClient>>
type Send = Extract<Operation, { type: "send" }>

export interface Options {
  readonly deployment: Pick<Deployment, "urls" | "sql">
  readonly users: ReadonlyArray<UserId>
  /** Is awaited before a call that got no answer is repeated. */
  readonly beforeRepeat: Effect.Effect<void>
}

/**
 * The nodes of a deployment, each as the model asks a server: operations and loads by REST, plain sends over sockets, and events from
 * sockets alone. What gets no answer is asked again, of the next node: every call may be repeated, a send under its client id.
 */
export const make = Effect.fn("ModelNodes.make")(function* ({ beforeRepeat, deployment, users }: Options) {
  const { sql, urls } = deployment
  const clients = yield* Effect.forEach(urls, (url) => typedClient({ url }))

  const headOf = (user: UserId) =>
    sql<{ readonly last_seq: number }>`SELECT last_seq::int FROM inboxes WHERE user_id = ${user}`.pipe(
      Effect.map(([inbox]) => inbox?.last_seq ?? 0),
      Effect.orDie
    )

  /** A socket that comes back from where it was, and the events that it got, from the first one on. */
  const connect = Effect.fnUntraced(function* (userId: UserId, firstUrl: number) {
    const events: Array<Event> = []
    const socket = yield* ChatClient.make({
      userId,
      urls,
      firstUrl,
      since: 0,
      onInboxEvent: (text) => events.push(JSON.parse(text))
    })
    yield* Effect.orDie(socket.live)
    return { socket, events }
  })

  const serverAt = Effect.fnUntraced(function* (first: number) {
    const sockets = new Map(
      yield* Effect.forEach(users, (user) => Effect.map(connect(user, first), (one) => [user, one] as const))
    )

    const ask = <A, E extends Failure>(call: (client: Client) => Effect.Effect<A, E>) => {
      let node = first
      const isUnanswered = ({ _tag }: Failure) => UNANSWERED.includes(_tag)
      return Effect.suspend(() => call(clients[node++ % clients.length]!)).pipe(
        Effect.timeout(ANSWERED_WITHIN),
        Effect.tapError((error) => (isUnanswered(error) ? beforeRepeat : Effect.void)),
        Effect.retry({
          while: isUnanswered,
          schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: PATIENCE }))
        })
      )
    }

    /** Asks for what is there, whoever asks. */
    const load = <A, E extends Failure>(call: (client: Client) => Effect.Effect<A, E>) =>
      Effect.orDie(ask(call))

    /** The same as a member asks for; `none` for who is none. */
    const loadOf = <A, E extends Failure>(call: (client: Client) => Effect.Effect<A, E>, none: A) =>
      ask(call).pipe(
        Effect.catch((error) => (error._tag === "NotMember" ? Effect.succeed(none) : Effect.die(error)))
      )

    /** The pages of a list, joined. */
    const pages = <Page, Place, A>(
      read: (place: Place | undefined) => Effect.Effect<Page>,
      next: (page: Page) => Place | null,
      items: (page: Page) => ReadonlyArray<A>
    ) =>
      Effect.gen(function* () {
        const all: Array<A> = []
        let place: Place | undefined
        for (;;) {
          const page = yield* read(place)
          all.push(...items(page))
          const following = next(page)
          if (following === null) return all
          place = following
        }
      })

    const sendByRest = (operation: Send, clientId: string) => {
      const { by: sender_id, content, metadata, replyTo: reply_to_id, to } = operation
      const address = "group" in to ? { conversation_id: to.group } : { receiver_id: to.user }
      const payload = {
        sender_id,
        ...address,
        content,
        client_id: clientId,
        ...given({ metadata, reply_to_id })
      }
      return ask((client) => client.messages.send({ payload }))
    }

    /** A refusal by a socket has a code only: then the answer by REST says why. */
    const send = (operation: Send) => {
      const { by, content, metadata, replyTo, to } = operation
      const clientId = operation.clientId ?? crypto.randomUUID()
      const byRest = sendByRest(operation, clientId)
      if (replyTo !== undefined || metadata !== undefined) return byRest
      const address =
        "group" in to ? { group: { conversationId: to.group, memberIds: [] } } : { receiverId: to.user }
      return sockets
        .get(by)!
        .socket.send({ clientId, senderId: by, content, ...address })
        .pipe(
          Effect.timeout(ANSWERED_WITHIN),
          Effect.catch(() => Effect.andThen(beforeRepeat, byRest))
        )
    }

    const erase = (user_id: UserId) =>
      ask((client) => client.users.erase({ params: { user_id } })).pipe(
        Effect.repeat({ until: (erasure) => erasure === undefined, schedule: Schedule.spaced("100 millis") })
      )

    const run = (operation: Operation): Effect.Effect<unknown, Failure> => {
      const { by: user_id } = operation
      switch (operation.type) {
        case "send":
          return send(operation)
        case "createGroup": {
          const { clientId = crypto.randomUUID(), history, members: member_ids, title } = operation
          const payload = { user_id, kind: "group", title, member_ids, history, client_id: clientId } as const
          return ask((client) => client.conversations.create({ payload }))
        }
        case "createDirect": {
          const payload = { user_id, kind: "direct", with: operation.other } as const
          return ask((client) => client.conversations.create({ payload }))
        }
        case "update": {
          const { conversation: conversation_id, metadata, title } = operation
          const payload = { user_id, ...given({ metadata, title }) }
          return ask((client) => client.conversations.update({ params: { conversation_id }, payload }))
        }
        case "putMember": {
          const { conversation: conversation_id, member: member_id, role } = operation
          const payload = { user_id, ...given({ role }) }
          const params = { conversation_id, member_id }
          return ask((client) => client.conversations.putMember({ params, payload }))
        }
        case "removeMember": {
          const params = { conversation_id: operation.conversation, member_id: operation.member }
          return ask((client) => client.conversations.removeMember({ params, query: { user_id } }))
        }
        case "markRead": {
          const { conversation: conversation_id, message: message_id } = operation
          const payload = { user_id, message_id }
          return ask((client) => client.conversations.read({ params: { conversation_id }, payload }))
        }
        case "edit": {
          const { content, message: message_id, metadata, version } = operation
          const payload = { user_id, content, ...given({ metadata, version }) }
          return ask((client) => client.messages.edit({ params: { message_id }, payload }))
        }
        case "remove": {
          const params = { message_id: operation.message }
          return ask((client) => client.messages.delete({ params, query: { user_id } }))
        }
        case "react":
        case "unreact": {
          const { emoji, message: message_id, type } = operation
          const reaction = { params: { message_id, emoji }, query: { user_id } }
          return ask(({ messages }) => messages[type](reaction))
        }
        case "report": {
          const params = { message_id: operation.message }
          return ask((client) => client.moderation.report({ params, payload: { user_id } }))
        }
        case "block":
        case "unblock": {
          const params = { user_id, blocked_id: operation.other }
          return ask(({ blocks }): Effect.Effect<unknown, Failure> => blocks[operation.type]({ params }))
        }
        case "rename": {
          const payload = { display_name: operation.name }
          return ask((client) => client.users.update({ params: { user_id }, payload }))
        }
        case "erase":
          return erase(user_id)
        default:
          return Effect.die(new Error(`${operation.type} is not taken`))
      }
    }

    const server: Server = {
      perform: (operation) =>
        run(operation).pipe(
          Effect.map((answer): Outcome => ({ verdict: "accepted", ...idOf(answer) })),
          Effect.catch((error) =>
            UNEXPECTED.includes(error._tag)
              ? Effect.die(error)
              : Effect.succeed<Outcome>({ verdict: "refused", why: error._tag })
          )
        ),
      conversationOf: (user_id, message_id) =>
        loadOf<ConversationId | undefined, Failure>(
          (client) =>
            Effect.map(
              client.messages.get({ params: { message_id }, query: { user_id } }),
              ({ conversation_id }) => conversation_id
            ),
          undefined
        ),
      list: (user_id, limit, before) =>
        load((client) => client.conversations.list({ query: { user_id, limit, ...given({ before }) } })),
      find: (user_id, conversation_id) =>
        loadOf(
          (client) => client.conversations.get({ params: { conversation_id }, query: { user_id } }),
          undefined
        ),
      messages: (user_id, conversation_id, before_id, limit) =>
        loadOf(
          (client) =>
            client.messages.history({ query: { user_id, conversation_id, limit, ...given({ before_id }) } }),
          []
        ),
      members: (user_id, conversation_id) =>
        loadOf(
          (client) =>
            Effect.map(
              client.conversations.members({ params: { conversation_id }, query: { user_id, limit: 100 } }),
              ({ members }) => members
            ),
          []
        ),
      search: (user_id, q) =>
        pages(
          (before_id: MessageId | undefined) =>
            load((client) =>
              client.messages.search({ query: { user_id, q, limit: 100, ...given({ before_id }) } })
            ),
          ({ next }) => next,
          ({ messages }) => messages.map(({ id }) => id)
        ),
      blocked: (user_id) =>
        load((client) =>
          Effect.map(client.blocks.list({ params: { user_id }, query: { limit: 100 } }), ({ blocks }) =>
            blocks.map(({ blocked_id }) => blocked_id)
          )
        ),
      reports: pages(
        (after: number | undefined) =>
          load((client) => client.moderation.listReports({ query: given({ after }) })),
        ({ next }) => next,
        ({ reports }) =>
          reports.map(
            ({ message_id, reported: { content, metadata }, reporter_id }): Reported => ({
              message: message_id,
              by: reporter_id,
              content,
              metadata
            })
          )
      ),
      displayNameOf: (user_id) =>
        load((client) =>
          Effect.map(client.users.get({ params: { user_id } }), ({ display_name }) => display_name)
        ),
      events: Effect.fnUntraced(function* (user, after, limit) {
        const { events } = sockets.get(user)!
        const head = yield* headOf(user)
        yield* until(
          `a socket of user ${user} has event ${head}`,
          Effect.sync(() => events.length >= head),
          FOLLOWED_WITHIN
        )
        return events.slice(after, after + limit)
      })
    }
    return server
  })

  return yield* Effect.forEach(urls, (_, first) => serverAt(first))
})

/** The fields that have a value. */
const given = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }

const idOf = (answer: unknown) =>
  typeof answer === "object" && answer !== null && "id" in answer ? { id: answer.id as number } : {}
