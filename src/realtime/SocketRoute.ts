import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { DateTime, Effect, Fiber, Result } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Socket } from "effect/socket"
import { AppConfig } from "../AppConfig.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { ServiceUnavailable } from "../api/Problems.ts"
import type { LiveInbox } from "../chat/LiveInbox.ts"
import { LiveInboxes } from "../chat/LiveInboxes.ts"
import { Metrics } from "../observability/Metrics.ts"
import { deliverySpan } from "../observability/Spans.ts"
import { withoutServices } from "../RequestContext.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { Connection } from "./Connection.ts"
import { ConnectionRegistry } from "./ConnectionRegistry.ts"
import * as Handshake from "./Handshake.ts"
import * as Receiver from "./Receiver.ts"
import { type ServerWebSocket, webSocketOf } from "./ServerWebSocket.ts"

const ROUTE = "/ws/:user_id"

/** What a socket that ended answers its request with, for whoever counts: nothing is sent any more. */
const upgraded = HttpServerResponse.empty({ status: 101 })

/** `WS /ws/{user_id}?since=`: a user's inbox, live, and a way to send. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { slowReaderTimeout } = yield* AppConfig
    const inboxes = yield* LiveInboxes
    const repo = yield* InboxRepo
    const registry = yield* ConnectionRegistry
    const metrics = yield* Metrics
    const beginSpan = yield* deliverySpan
    const shakeHands = yield* Handshake.make
    const receive = yield* Receiver.make

    const serve = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      { userId, since, caller, expiresAt }: Handshake.Handshake
    ) {
      const opened = yield* Effect.result(inboxes.open(userId, since))
      if (Result.isFailure(opened) && opened.failure._tag === "Unavailable") {
        return yield* new ServiceUnavailable({ detail: `${opened.failure.message}, connect again` })
      }
      const tcp = NodeHttpServerRequest.toIncomingMessage(request).socket
      const socket = yield* request.upgrade
      const { pull } = yield* socket.reader
      const webSocket = webSocketOf(tcp)
      metrics.upgrade(ROUTE)
      webSocket.once("close", () => metrics.socketClose(webSocket.closeCode))
      if (Result.isFailure(opened)) return yield* refuse(webSocket, pull, CloseCode.userNotFound)

      const inbox = opened.success
      const { head, pruned } = inbox
      const recovered = since === undefined || (since <= head && since >= pruned)
      const cursor = recovered ? (since ?? head) : head
      const context = yield* Effect.context<never>()
      const scope = yield* Effect.scope
      const connection = new Connection({
        inbox,
        webSocket,
        tcp,
        sent: cursor,
        repo,
        slowReaderTimeout,
        hasLimits: caller._tag !== "Service",
        expiresAt,
        metrics,
        beginSpan,
        fork: (writer) => Fiber.runIn(Effect.runForkWith(context)(writer), scope)
      })
      const registered = yield* Effect.result(registry.register(connection))
      if (Result.isFailure(registered)) return yield* refuse(webSocket, pull, CloseCode.tooManySockets)

      webSocket.sendText(yield* greeting(inbox, cursor, recovered))
      yield* Effect.acquireRelease(
        Effect.sync(() => inbox.follow(connection.wake)),
        (unfollow) => Effect.sync(unfollow)
      )
      connection.start(since === undefined || !recovered ? undefined : head)
      yield* receive(connection, pull)
      return upgraded
    })

    const route = router.add("GET", ROUTE, (request) =>
      shakeHands(request).pipe(
        Effect.flatMap((handshake) => serve(request, handshake)),
        Effect.catchIf(HttpServerRespondable.isRespondable, HttpServerRespondable.toResponse),
        // The client left, or its handshake was none and is answered already: there is nobody to tell.
        Effect.catchIf(Socket.isSocketError, () => Effect.succeed(HttpServerResponse.empty()))
      )
    )
    yield* withoutServices(route)
  })
)

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

/** Completes the handshake only to close with a code that says why. */
const refuse = (webSocket: ServerWebSocket, pull: Receiver.Pull, why: CloseCode) =>
  Effect.suspend(() => {
    webSocket.close(why.code, why.reason)
    return pull
  }).pipe(Effect.forever, Effect.ignore, Effect.as(upgraded))
