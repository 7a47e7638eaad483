import type { IncomingMessage } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect, Layer, References, type Scope } from "effect"
import { HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { discardResult } from "../RequestContext.ts"
import { ANSWERED_LATER, AnswerResponse } from "./AnswerResponse.ts"
import type * as Boundary from "./Boundary.ts"
import { routeOf } from "./MatchedRoute.ts"

const answeredLater = HttpServerResponse.empty({ status: ANSWERED_LATER })

/** What a late answer and the boundary around it still need of a request's headers. */
const KEPT_HEADERS = [
  "host",
  "origin",
  "if-none-match",
  "traceparent",
  "tracestate",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-sampled"
]

/** An answer that a request gets later. It is kept meanwhile, so it should refer to nothing of the request. */
export interface LateAnswer {
  /** Calls `answer` once, at any time later, or at once. */
  whenDue(answer: () => void): void
  /** Is called once: when the answer was made, or when the client closed the connection before it was due. */
  release(): void
  answer(): Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    HttpServerRespondable.Respondable,
    HttpServerRequest.HttpServerRequest
  >
}

type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

interface Held extends Boundary.Begun {
  readonly late: LateAnswer
}

/**
 * Answers requests later, by a fresh fiber. The fiber of a request that waits, its contexts, closures and headers are 14 KiB of
 * heap; here they end before the wait begins, and what remains are the connection and the request of Node.
 */
export class LateAnswers extends Context.Service<
  LateAnswers,
  {
    /** Makes the late answers of a server, within its boundary, until the scope closes. */
    serve(boundary: Effect.Success<typeof Boundary.make>): Effect.Effect<void, never, Scope.Scope>
    /** Ends the request's fiber with this effect's result, and answers the request when its answer is due. */
    defer(
      late: LateAnswer
    ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
  }
>()("minichat/http/LateAnswers") {
  static readonly layer = Layer.sync(LateAnswers, () => {
    const requests = new WeakMap<IncomingMessage, Held>()
    let handle: Effect.Success<ReturnType<typeof NodeHttpServer.makeHandler>>
    let countAbandoned: Effect.Success<typeof Boundary.make>["countAbandoned"]

    const serve: LateAnswers["Service"]["serve"] = Effect.fnUntraced(function* (boundary) {
      countAbandoned = boundary.countAbandoned
      const app = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const held = requests.get(NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage)!
        const answer = held.late.answer().pipe(
          Effect.catchIf(HttpServerRespondable.isRespondable, HttpServerRespondable.toResponse),
          // The platform runs it without interruption. A client that hangs up stops it all the same.
          Effect.interruptible,
          Effect.ensuring(Effect.sync(() => held.late.release()))
        )
        return boundary.around(answer, held)
      })
      handle = yield* NodeHttpServer.makeHandler(app, {
        scope: yield* Effect.scope,
        middleware: discardResult<App>
      })
    })

    /** Waits without a fiber. */
    const wait = (incoming: IncomingMessage, response: AnswerResponse, held: Held) => {
      forgetHeaders(incoming)
      response.forgetFiber()
      held.late.whenDue(() => {
        if (!response.isAwaited) return
        response.resume()
        handle(incoming, response)
      })
    }

    const defer: LateAnswers["Service"]["defer"] = (late) =>
      Effect.withFiber((fiber) => {
        const { context } = fiber
        const request = Context.getUnsafe(context, HttpServerRequest.HttpServerRequest)
        const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
        const response = NodeHttpServerRequest.toServerResponse(request)
        if (!(response instanceof AnswerResponse)) return Effect.die("The server makes other responses")
        if (response.closed) return Effect.andThen(Effect.sync(late.release), Effect.interrupt)
        const requestId = String(Context.get(context, References.CurrentLogAnnotations).request_id)
        const held: Held = { late, requestId, route: routeOf(context), startedAt: response.startedAt }
        requests.set(incoming, held)
        response.hold(() => {
          held.late.release()
          countAbandoned(held, incoming.method!)
        })
        // Begins once the fiber has ended: a running fiber would write its own answer when this one is released.
        fiber.addObserver(() => response.isAwaited && wait(incoming, response, held))
        return Effect.succeed(answeredLater)
      })

    return LateAnswers.of({ serve, defer })
  })
}

const forgetHeaders = (incoming: IncomingMessage) => {
  const { headers } = incoming
  incoming.rawHeaders = []
  incoming.headers = {}
  for (const name of KEPT_HEADERS) if (headers[name] !== undefined) incoming.headers[name] = headers[name]
}
