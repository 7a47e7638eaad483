import { DateTime, Effect, Result } from "effect"
import { Gate } from "../access/Gate.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { type Answer, Sends } from "../chat/Sends.ts"
import type { Draft } from "../domain/Message.ts"
import { span } from "../observability/Spans.ts"
import { type BadFrame, decodeClientFrame } from "./ClientFrames.ts"
import type { Connection } from "./Connection.ts"
import { errorFrame, type FrameError, renewalError, sendError } from "./ErrorFrames.ts"
import { serverFrame } from "./ServerFrames.ts"
import type { FrameData } from "./ServerWebSocket.ts"

/** How many sends of one socket are submitted together, at most. They keep their order. */
const SEND_GROUP = 128

/** How many bad frames in a row a socket may send before it is closed. */
const BAD_FRAMES = 20

/** What is remembered of a socket between two frames. */
interface State {
  readonly connection: Connection
  /** How many bad frames came since the last good one. */
  badFrames: number
  /** Sends that are not submitted yet. */
  drafts: Array<Draft>
}

/** A trace begins with each group of sends: a trace of the whole socket would have no end. */
const receiving = span("socket send", { kind: "server" })

/** Makes the effect that answers a client's frames. Its functions are made once for all sockets; each socket has a `State`. */
export const make = Effect.gen(function* () {
  const sends = yield* Sends
  const gate = yield* Gate

  const submit = Effect.fnUntraced(function* (state: State) {
    if (state.drafts.length === 0) return
    const { connection, drafts } = state
    state.drafts = []
    const answers = yield* receiving(sends.sendAll(drafts))
    for (const [i, answer] of answers.entries()) {
      yield* connection.sendWhenWritable(answerFrame(answer, drafts[i]!.client_id))
    }
  })

  // The sends before it are answered first: answers keep the order of the frames that they answer.
  const refuseSend = Effect.fnUntraced(function* (
    state: State,
    clientId: string | null | undefined,
    error: FrameError
  ) {
    yield* submit(state)
    yield* state.connection.sendWhenWritable(errorFrame(error, clientId))
  })

  const takeSend = Effect.fnUntraced(function* (state: State, { client_id, ...draft }: Draft) {
    const permitted = yield* Effect.result(
      gate.permitSend(state.connection.credential.caller, draft.sender_id)
    )
    if (Result.isFailure(permitted)) return yield* refuseSend(state, client_id, sendError(permitted.failure))
    state.drafts.push({ ...draft, ...(client_id == null ? {} : { client_id }) })
    if (state.drafts.length === SEND_GROUP) yield* submit(state)
  })

  const renew = Effect.fnUntraced(function* ({ connection }: State, token: string) {
    const renewed = yield* Effect.result(gate.renewSocket(token, connection.inbox.userId))
    if (Result.isSuccess(renewed)) connection.renew(renewed.success)
    else connection.sendIfWritable(errorFrame(renewalError(renewed.failure)))
  })

  const takeBad = Effect.fnUntraced(function* (state: State, { code, message, clientId }: BadFrame) {
    const error = errorFrame({ code, message }, clientId)
    // The answer to a send is not dropped: its sender waits for it.
    if (clientId === undefined) state.connection.sendIfWritable(error)
    else yield* state.connection.sendWhenWritable(error)
    if (++state.badFrames >= BAD_FRAMES) state.connection.close(CloseCode.protocolAbuse)
  })

  const take = Effect.fnUntraced(function* (state: State, data: FrameData) {
    const frame = decodeClientFrame(data, state.connection.inbox.userId)
    if (frame.type !== "bad") state.badFrames = 0
    if (frame.type === "send") {
      const { type: _, ...draft } = frame
      return yield* takeSend(state, { ...draft, sender_id: state.connection.inbox.userId })
    }
    yield* submit(state)
    switch (frame.type) {
      case "ping": {
        const timestamp = DateTime.formatIso(yield* DateTime.now)
        return state.connection.sendIfWritable(serverFrame({ type: "pong", timestamp }))
      }
      case "auth":
        return yield* renew(state, frame.token)
      case "bad":
        return yield* takeBad(state, frame)
    }
  })

  /** Takes the frames of one socket, in order, until the socket ends. No frame is read while an answer waits for the peer to read. */
  return Effect.fnUntraced(function* (connection: Connection) {
    const state: State = { connection, badFrames: 0, drafts: [] }
    while (true) {
      const frames = yield* connection.webSocket.nextFrames()
      if (frames.length === 0) return
      for (const data of frames) {
        if (connection.webSocket.isRefused) return
        yield* take(state, data)
      }
      yield* submit(state)
    }
  })
})

const answerFrame = (answer: Answer, clientId: string | null | undefined): string => {
  if (Result.isFailure(answer)) return errorFrame(sendError(answer.failure), clientId)
  const { message } = answer.success
  return serverFrame({ type: "ack", ...(clientId == null ? {} : { client_id: clientId }), message })
}
