import { NodeHttpServerRequest } from "@effect/platform-node"
import { DateTime, Effect, Fiber, Option, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import type { SocketError } from "effect/socket/Socket"
import { AppConfig } from "../AppConfig.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { SeqParam, UserIdParam } from "../api/Parameters.ts"
import { ServiceUnavailable, UpgradeRequired, ValidationFailed } from "../api/Problems.ts"
import type { ErrorFrame } from "../api/Protocol.ts"
import { type Answer, Chat } from "../chat/Chat.ts"
import type { LiveInbox } from "../chat/LiveInbox.ts"
import { LiveInboxes } from "../chat/LiveInboxes.ts"
import type { Draft } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { decodeClientFrame } from "./ClientFrames.ts"
import { Connection } from "./Connection.ts"
import { ConnectionRegistry } from "./ConnectionRegistry.ts"
import { type ServerWebSocket, webSocketOf } from "./ServerWebSocket.ts"

type Pull = Effect.Effect<ReadonlyArray<string | Uint8Array>, SocketError>

/** How many sends of one socket are submitted together, at most. They keep their order. */
const SEND_GROUP = 128

/** How many bad frames in a row a socket may send before it is closed. */
const BAD_FRAMES = 20

/** `WS /ws/{user_id}?since=`: a user's inbox, live, and a way to send. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { slowReaderTimeout } = yield* AppConfig
    const chat = yield* Chat
    const inboxes = yield* LiveInboxes
    const repo = yield* InboxRepo
    const registry = yield* ConnectionRegistry
    const lifecycle = yield* Lifecycle

    const serve = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      userId: UserId,
      since: number | undefined
    ) {
      const opened = yield* Effect.result(inboxes.open(userId))
      if (Result.isFailure(opened) && opened.failure._tag === "Unavailable") {
        return yield* unavailable("The database is not available, try again later")
      }
      const tcp = NodeHttpServerRequest.toIncomingMessage(request).socket
      const socket = yield* request.upgrade
      const { pull } = yield* socket.reader
      const webSocket = webSocketOf(tcp)
      if (Result.isFailure(opened)) return yield* refuse(webSocket, pull, CloseCode.userNotFound)

      const inbox = opened.success
      const recovered = since === undefined || (since <= inbox.head && since >= inbox.pruned)
      const cursor = recovered ? (since ?? inbox.head) : inbox.head
      const context = yield* Effect.context<never>()
      const scope = yield* Effect.scope
      const connection = new Connection({
        inbox,
        webSocket,
        tcp,
        sent: cursor,
        repo,
        slowReaderTimeout,
        fork: (writer) => Fiber.runIn(Effect.runForkWith(context)(writer), scope)
      })
      const registered = yield* Effect.result(registry.register(connection))
      if (Result.isFailure(registered)) return yield* refuse(webSocket, pull, CloseCode.tooManySockets)

      const head = inbox.head
      webSocket.sendText(yield* greeting(inbox, cursor, recovered))
      yield* Effect.acquireRelease(
        Effect.sync(() => inbox.follow(connection.wake)),
        (unfollow) => Effect.sync(unfollow)
      )
      connection.start(since === undefined ? undefined : recovered ? head : undefined)
      yield* receive(connection, pull)
      return HttpServerResponse.empty()
    })

    /** Answers what the client sends, in order, until the socket ends. */
    const receive = Effect.fnUntraced(function* (connection: Connection, pull: Pull) {
      const { userId } = connection.inbox
      let badFrames = 0
      let drafts: Array<Draft> = []

      const submit = Effect.suspend(() => {
        if (drafts.length === 0) return Effect.void
        const submitted = drafts
        drafts = []
        return Effect.flatMap(chat.sendAll(submitted), (answers) =>
          Effect.forEach(
            answers,
            (answer, i) =>
              connection.sendWhenWritable(answerFrame(answer, submitted[i]!.client_id ?? undefined)),
            { discard: true }
          )
        )
      })

      const take = Effect.fnUntraced(function* (data: string | Uint8Array) {
        const frame = decodeClientFrame(data)
        if (frame.type === "send") {
          badFrames = 0
          if (frame.receiver_id !== userId) {
            const { type: _, ...draft } = frame
            drafts.push({ ...draft, sender_id: userId })
            return drafts.length < SEND_GROUP ? undefined : yield* submit
          }
        }
        // Answers keep the order of what they answer.
        yield* submit
        switch (frame.type) {
          case "ping":
            badFrames = 0
            return connection.sendIfWritable(
              `{"type":"pong","timestamp":"${DateTime.formatIso(yield* DateTime.now)}"}`
            )
          case "auth":
            badFrames = 0
            return
          case "send":
            return yield* connection.sendWhenWritable(
              errorFrame({
                code: "invalid",
                message: "receiver_id: must not be the sender",
                ...(frame.client_id ? { client_id: frame.client_id } : {})
              })
            )
          case "bad": {
            const { code, message, clientId } = frame
            connection.sendIfWritable(
              errorFrame({ code, message, ...(clientId === undefined ? {} : { client_id: clientId }) })
            )
            if (++badFrames >= BAD_FRAMES) connection.close(CloseCode.protocolAbuse)
          }
        }
      })

      while (true) {
        const frames = yield* Effect.option(pull)
        if (Option.isNone(frames)) return
        for (const data of frames.value) {
          if (!connection.isOpen) return
          yield* take(data)
        }
        yield* submit
      }
    })

    yield* router.add(
      "GET",
      "/ws/:user_id",
      Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
        if (request.headers.upgrade?.toLowerCase() !== "websocket") return yield* upgradeRequired
        if (lifecycle.draining) return yield* unavailable("The server is restarting, connect again")
        const { user_id } = yield* HttpRouter.params
        const { since } = yield* HttpServerRequest.ParsedSearchParams
        const userId = decodeUserId(user_id)
        const from = since === undefined ? Result.succeed(undefined) : decodeSeq(since)
        if (Result.isFailure(userId))
          return yield* invalid(["params", "user_id"], "must be a whole number of at least 1")
        if (Result.isFailure(from))
          return yield* invalid(["query", "since"], "must be a whole number of at least 0")
        return yield* serve(request, userId.success, from.success)
      })
    )
  })
)

const decodeUserId = Schema.decodeUnknownResult(UserIdParam)

const decodeSeq = Schema.decodeUnknownResult(SeqParam)

const greeting = ({ userId, username }: LiveInbox, cursor: number, recovered: boolean) =>
  Effect.map(DateTime.now, (now) =>
    JSON.stringify({
      type: "system",
      message: `Connected to chat as ${username}`,
      timestamp: DateTime.formatIso(now),
      user_id: userId,
      cursor,
      ...(recovered ? {} : { recovered: false })
    })
  )

const errorFrame = (error: Omit<ErrorFrame, "type">): string => JSON.stringify({ type: "error", ...error })

const answerFrame = (answer: Answer, clientId: string | undefined): string => {
  const client_id = clientId === undefined ? {} : { client_id: clientId }
  if (Result.isSuccess(answer)) {
    return JSON.stringify({ type: "ack", ...client_id, message: answer.success.message })
  }
  switch (answer.failure._tag) {
    case "ReceiverNotFound":
    case "SenderNotFound":
      return errorFrame({ code: "receiver_not_found", message: "Receiver not found", ...client_id })
    case "ClientIdConflict":
      return errorFrame({
        code: "conflict",
        message: "This client_id was used for another message",
        ...client_id
      })
    case "Unavailable":
      return errorFrame({
        code: "unavailable",
        message: "The database is not available, send again with the same client_id",
        retry_after_ms: RETRY_AFTER_MS,
        ...client_id
      })
  }
}

const RETRY_AFTER_MS = 1000

/** Completes the handshake only to close with a code that says why. */
const refuse = (webSocket: ServerWebSocket, pull: Pull, why: CloseCode) =>
  Effect.suspend(() => {
    webSocket.close(why.code, why.reason)
    return pull
  }).pipe(Effect.forever, Effect.ignore, Effect.as(HttpServerResponse.empty()))

const { toResponse } = HttpServerRespondable

const unavailable = (detail: string) => toResponse(new ServiceUnavailable({ detail }))

const upgradeRequired = toResponse(
  new UpgradeRequired({ detail: "This is a WebSocket: connect with a WebSocket client" })
)

const invalid = (path: ReadonlyArray<string>, message: string) =>
  toResponse(new ValidationFailed({ detail: `${path.at(-1)}: ${message}`, errors: [{ path, message }] }))
