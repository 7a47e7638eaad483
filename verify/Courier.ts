import { type Duration, Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { Message } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import { Refused, Unanswered } from "./Outgoing.ts"
import { Rest } from "./Rest.ts"
import { untilAnswered } from "./Retry.ts"

export interface Options {
  readonly urls: ReadonlyArray<string>
  /** How long one attempt may take before it is made again under the same client id. */
  readonly attemptTimeout?: Duration.Input
  /** How long to go on trying. */
  readonly patience?: Duration.Input
}

/** How a message goes out: over its sender's socket, or by REST beginning with the node at `firstUrl`. */
export type Route =
  | { readonly via: "socket"; readonly client: ChatClient }
  | { readonly via: "rest"; readonly firstUrl: number }

/**
 * Sends one message until it is acknowledged, refused for good, or patience ends. What happened is written into the `Send`; the
 * answer is the stored message.
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const rest = yield* Rest
  const timeout = options.attemptTimeout ?? "5 seconds"

  const attempt = Effect.fnUntraced(function* (send: Send, route: Route, turn: number) {
    if (route.via === "socket") yield* route.client.live
    send.attempts.push(performance.now())
    if (route.via === "socket") return yield* route.client.send(send)
    return yield* rest.send(options.urls[(route.firstUrl + turn) % options.urls.length]!, send)
  })

  return (send: Send, route: Route): Effect.Effect<Message, Refused | Unanswered> => {
    let turn = 0
    return Effect.suspend(() => attempt(send, route, turn++)).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => new Unanswered({ reason: "no answer in time", retryAfterMillis: 0 })
      }),
      Effect.retry(untilAnswered(options.patience)),
      Effect.tap((message) =>
        Effect.sync(() => {
          send.acknowledged = { id: message.id, at: performance.now() }
        })
      ),
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (error instanceof Refused) send.refused = `${error.code} ${error.detail}`
        })
      )
    )
  }
})
