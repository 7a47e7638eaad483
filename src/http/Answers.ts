import type { IncomingMessage, ServerResponse } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Duration, Effect, Layer } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import { atTicks } from "../domain/Timing.ts"
import { AnswerResponse, Unread } from "./AnswerResponse.ts"
import { AnswerRoom } from "./AnswerRoom.ts"

/** How many bytes of large answers one user, or one address, may have that are being made or not read yet. */
const OWNER_BYTES = 2 * 1024 * 1024

/** The same for all callers of this node together. */
const NODE_BYTES = 32 * 1024 * 1024

/** What a message of 1,000 characters takes in an answer, where each of them is three bytes. Fewer are not counted on. */
export const LONG_MESSAGE_BYTES = 3000

/** How often the unread answers are checked. */
const TICK = Duration.seconds(1)

/** The room of one owner. */
interface OwnRoom {
  readonly room: AnswerRoom
  /** How many requests have a part of the room, or wait for one. */
  requests: number
}

/**
 * Bounds the memory of answers that are not read: by connection, by owner (a user or an address) and in all.
 * A peer that reads nothing for `SLOW_READER_TIMEOUT` is disconnected. So is one that takes longer than that to read as many bytes
 * as its answer keeps room for, while others wait for the node's room.
 */
export class Answers extends Context.Service<
  Answers,
  {
    /** The class of the responses of the server. Their peers are watched. */
    readonly Response: typeof ServerResponse
    /** Calls a listener once when no answer is unread, at once when none is. */
    whenAllRead(listener: () => void): void
    /**
     * Waits until the earlier requests of the connection are answered, and the owner and the node have room for an answer of
     * about so many bytes. Keeps that room until the request's answer has left the process or its connection is closed. An answer
     * above the owner's bound takes all of it. Without an owner only the bound of the node counts.
     */
    reserve(
      bytes: number,
      owner: string | undefined
    ): Effect.Effect<void, never, HttpServerRequest.HttpServerRequest>
  }
>()("minichat/http/Answers") {
  static readonly layer = Layer.effect(
    Answers,
    Effect.gen(function* () {
      const { slowReaderTimeout } = yield* AppConfig
      const unread = new Unread()
      const patience = Duration.toMillis(slowReaderTimeout)
      const ofNode = new AnswerRoom(NODE_BYTES)
      const ofOwners = new Map<string, OwnRoom>()

      const disconnectSlow = Effect.sync(() => {
        const now = performance.now()
        for (const entry of unread) {
          if (entry.answer.isQueued) entry.readAt = now
          else if (now - entry.readAt >= patience) entry.answer.cut()
        }
        ofNode.cutSlow(now, patience)
      })
      yield* Effect.forkScoped(Effect.repeat(disconnectSlow, atTicks(Duration.min(TICK, slowReaderTimeout))))

      const enter = (owner: string): OwnRoom => {
        const own = ofOwners.get(owner) ?? { room: new AnswerRoom(OWNER_BYTES), requests: 0 }
        own.requests++
        ofOwners.set(owner, own)
        return own
      }
      const leave = (owner: string, own: OwnRoom) => {
        if (--own.requests === 0) ofOwners.delete(owner)
      }

      const take = (size: number, owner: string | undefined, response: AnswerResponse) => {
        if (owner === undefined) return ofNode.take(size, response)
        return Effect.suspend(() => {
          const own = enter(owner)
          response.whenClosed(() => leave(owner, own))
          return Effect.andThen(own.room.take(size, response), ofNode.take(size, response))
        })
      }

      const reserve: Answers["Service"]["reserve"] = (bytes, owner) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const response = NodeHttpServerRequest.toServerResponse(request)
          if (!(response instanceof AnswerResponse)) return Effect.void
          const taken = take(Math.min(bytes, OWNER_BYTES), owner, response)
          return response.isQueued ? Effect.andThen(whenFirst(response), taken) : taken
        })

      return Answers.of({
        Response: class<Request extends IncomingMessage> extends AnswerResponse<Request> {
          constructor(request: Request) {
            super(request, unread)
          }
        },
        whenAllRead: (listener) => unread.whenEmpty(listener),
        reserve
      })
    })
  )
}

/**
 * Waits until an answer may be written. With room, an answer that is queued behind another one of its connection could hold what that
 * one waits for.
 */
const whenFirst = (response: AnswerResponse): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const forget = response.whenFirst(() => resume(Effect.void))
    return Effect.sync(forget)
  })

/** Disconnects a client that sends too many requests on one connection without reading the answers. */
export const takeFew = <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const response = NodeHttpServerRequest.toServerResponse(request)
    if (!(response instanceof AnswerResponse) || !response.isTooFarBehind) return app
    response.cut()
    return Effect.succeed(HttpServerResponse.empty())
  })
