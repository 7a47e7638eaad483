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

/**
 * The response that the router gets as soon as the socket is open, or was refused with a close code. It is not sent: `accept` has
 * written the 101. `Boundary` does not count it: `open` counts the upgrade.
 */
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
    const checkHandshake = yield* Handshake.make
    const receive = yield* Receiver.make

    /**
     * Opens a socket and what it needs, until the scope closes. Returns the connection; undefined when the socket was opened
     * only to close it with a code.
     */
    const open = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      { userId, since, epoch, credential }: Handshake.Handshake
    ) {
      const opened = yield* Effect.result(Effect.interruptible(inboxes.open(userId, since)))
      if (Result.isFailure(opened) && opened.failure._tag === "Unavailable") {
        return yield* socketUnavailable(opened.failure)
      }
      const webSocket = yield* accept(request)
      yield* Effect.addFinalizer((exit) => Effect.sync(() => closeOnExit(webSocket, exit)))
      metrics.upgrade(Paths.webSocket)
      webSocket.once("close", countClose)
      if (Result.isFailure(opened)) return webSocket.refuse(CloseCode.userNotFound)

      const inbox = opened.success
      const { head, pruned } = inbox
      const epochMatches = epoch === undefined || epoch === inbox.epoch
      const canReplay = since === undefined || (epochMatches && since <= head && since >= pruned)
      const cursor = canReplay ? (since ?? head) : head
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
      if (Result.isFailure(registered)) {
        // Another node may have room, or this one in a moment: a client of a full node is to connect again.
        const isFull = registered.failure.of === "node"
        return connection.close(isFull ? CloseCode.nodeFull : CloseCode.tooManySockets)
      }
      heartbeat.watch(connection)
      const budget = gate.framesOf(credential.caller, userId)
      if (budget !== undefined) webSocket.meter(budget)

      webSocket.sendText(yield* greeting(inbox, cursor, canReplay))
      yield* Effect.acquireRelease(
        Effect.sync(() => inbox.follow(connection.wake, connection.pass)),
        (unfollow) => Effect.sync(unfollow)
      )
      connection.start(since === undefined || !canReplay ? undefined : head)
      return connection
    })

    /**
     * Receives the client's frames until the socket ends, then closes its scope. Logs a failure. It is forked, so that the fiber of
     * the request can end.
     */
    const receiveUntilEnd = (connection: Connection, scope: Scope.Closeable) =>
      receive(connection).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.onExit((exit) => Scope.close(scope, exit)),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.void
            : Effect.logError(`A socket of user ${connection.inbox.userId} failed`, cause)
        )
      )

    // Not interruptible: the scope must be closed or passed to the socket's fiber. Otherwise the socket would stay open.
    const serve = Effect.fnUntraced(function* (
      request: HttpServerRequest.HttpServerRequest,
      handshake: Handshake.Handshake
    ) {
      const scope = yield* Scope.make()
      const opened = yield* open(request, handshake).pipe(
        // Without the annotation of `_` the route would require `unknown`, which no layer provides: the server would not compile.
        Effect.updateContext((_: Context.Context<never>) => Context.add(context, Scope.Scope, scope)),
        Effect.exit
      )
      if (Exit.isSuccess(opened) && opened.value !== undefined) fork(receiveUntilEnd(opened.value, scope))
      else yield* Scope.close(scope, opened)
      yield* opened
      return upgraded
    }, Effect.uninterruptible)

    const route = router.add("GET", Paths.webSocket, (request) =>
      checkHandshake(request).pipe(
        Effect.flatMap((handshake) => serve(request, handshake)),
        Effect.catchIf(HttpServerRespondable.isRespondable, HttpServerRespondable.toResponse),
        // The connection is closed already, or answered with 400: only the metrics see this 426.
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

/** The finalizer of a socket: closes it if it is still open, with 1011 after a failure, else with 1001. */
const closeOnExit = (webSocket: ServerWebSocket, exit: Exit.Exit<unknown, unknown>) => {
  const failed = Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
  webSocket.refuse(failed ? CloseCode.serverError : CloseCode.goingAway)
}
