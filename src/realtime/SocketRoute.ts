import { Cause, Context, DateTime, Effect, Exit, Fiber, FiberSet, Result, Scope } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import type { WebSocket } from "ws"
import { AppConfig } from "../AppConfig.ts"
import { Gate } from "../access/Gate.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { Paths } from "../api/Paths.ts"
import { socketUnavailable } from "../api/ProblemOf.ts"
import { EventBuilder, EventKinds } from "../inbox/EventKinds.ts"
import { InboxReader } from "../inbox/InboxReader.ts"
import type { LiveInbox } from "../inbox/LiveInbox.ts"
import { LiveInboxes } from "../inbox/LiveInboxes.ts"
import { Metrics } from "../observability/Metrics.ts"
import { deliverySpan } from "../observability/Spans.ts"
import { withoutServices } from "../RequestContext.ts"
import { Connection } from "./Connection.ts"
import { ConnectionRegistry } from "./ConnectionRegistry.ts"
import * as Handshake from "./Handshake.ts"
import { Heartbeat } from "./Heartbeat.ts"
import * as Receiver from "./Receiver.ts"
import { serverFrame } from "./ServerFrames.ts"
import type { ServerWebSocket } from "./ServerWebSocket.ts"
import { Upgrades } from "./Upgrades.ts"

/** The response that the router is given once a socket has ended, for the metrics: nothing is sent. */
const upgraded = HttpServerResponse.empty({ status: 101 })

/** `WS /ws/{user_id}?since=&epoch=`: a user's inbox, live, and a way to send. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { slowReaderTimeout } = yield* AppConfig
    const inboxes = yield* LiveInboxes
    const reader = yield* InboxReader
    const kinds = new EventBuilder(yield* EventKinds)
    const registry = yield* ConnectionRegistry
    const heartbeat = yield* Heartbeat
    const gate = yield* Gate
    const metrics = yield* Metrics
    const beginSpan = yield* deliverySpan
    const { accept } = yield* Upgrades
    // The context of sockets. It holds no request, which would live as long as the socket does.
    const context = yield* withoutServices(Effect.context<never>())
    const fork = yield* withoutServices(FiberSet.makeRuntime<never>())
    const countClose = function (this: WebSocket) {
      metrics.socketClose((this as ServerWebSocket).closeCode)
    }
    const shakeHands = yield* Handshake.make
    const receive = yield* Receiver.make

    /** Opens what a socket needs until the scope closes; none when the socket was only opened to close it with a code. */
    const open = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      { userId, since, epoch, credential }: Handshake.Handshake
    ) {
      const opened = yield* Effect.result(Effect.interruptible(inboxes.open(userId, since)))
      if (Result.isFailure(opened) && opened.failure._tag === "Unavailable") {
        return yield* socketUnavailable(opened.failure)
      }
      const webSocket = yield* accept(request)
      yield* Effect.addFinalizer((exit) => Effect.sync(() => end(webSocket, exit)))
      metrics.upgrade(Paths.webSocket)
      webSocket.once("close", countClose)
      if (Result.isFailure(opened)) return webSocket.refuse(CloseCode.userNotFound)

      const inbox = opened.success
      const { head, pruned } = inbox
      const isOfHistory = epoch === undefined || epoch === inbox.epoch
      const recovered = since === undefined || (isOfHistory && since <= head && since >= pruned)
      const cursor = recovered ? (since ?? head) : head
      const scope = yield* Effect.scope
      const connection = new Connection({
        inbox,
        webSocket,
        sent: cursor,
        reader,
        kinds,
        slowReaderTimeout,
        credential,
        metrics,
        beginSpan,
        fork: (writer) => Fiber.runIn(fork(writer), scope)
      })
      const registered = yield* Effect.result(registry.register(connection))
      if (Result.isFailure(registered)) return connection.close(CloseCode.tooManySockets)
      heartbeat.watch(connection)
      const budget = gate.framesOf(credential.caller, userId)
      if (budget !== undefined) webSocket.meter(budget)

      webSocket.sendText(yield* greeting(inbox, cursor, recovered))
      yield* Effect.acquireRelease(
        Effect.sync(() => inbox.follow(connection.wake, connection.pass)),
        (unfollow) => Effect.sync(unfollow)
      )
      connection.start(since === undefined || !recovered ? undefined : head)
      return connection
    })

    /** Receives the client's frames until the socket ends, in a fiber of its own that holds no request. */
    const converse = (connection: Connection, scope: Scope.Closeable) =>
      receive(connection).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.onExit((exit) => Scope.close(scope, exit)),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.void
            : Effect.logError(`A socket of user ${connection.inbox.userId} failed`, cause)
        )
      )

    const serve = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      handshake: Handshake.Handshake
    ) {
      const scope = yield* Scope.make()
      const opened = yield* open(request, handshake).pipe(
        // The type of `_` keeps the route's requirements: without it they are `unknown`, and any layer satisfies that.
        Effect.updateContext((_: Context.Context<never>) => Context.add(context, Scope.Scope, scope)),
        Effect.exit
      )
      if (Exit.isSuccess(opened) && opened.value !== undefined) fork(converse(opened.value, scope))
      else yield* Scope.close(scope, opened)
      yield* opened
      return upgraded
    }, Effect.uninterruptible)

    const route = router.add("GET", Paths.webSocket, (request) =>
      shakeHands(request).pipe(
        Effect.flatMap((handshake) => serve(request, handshake)),
        Effect.catchIf(HttpServerRespondable.isRespondable, HttpServerRespondable.toResponse),
        Effect.catchTag("HandshakeFailed", () => HttpServerRespondable.toResponse(Handshake.noHandshake))
      )
    )
    yield* withoutServices(route)
  })
)

const greeting = ({ userId, username, epoch }: LiveInbox, cursor: number, recovered: boolean) =>
  Effect.map(DateTime.now, (now) =>
    serverFrame({
      type: "system",
      message: `Connected to chat as ${username}`,
      timestamp: DateTime.formatIso(now),
      user_id: userId,
      cursor,
      epoch,
      ...(recovered ? {} : { recovered: false })
    })
  )

/** Closes a socket whose fiber ended, if it is still open: the server stops, or failed. */
const end = (webSocket: ServerWebSocket, exit: Exit.Exit<unknown, unknown>) => {
  const failed = Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
  webSocket.refuse(failed ? CloseCode.serverError : CloseCode.goingAway)
}
