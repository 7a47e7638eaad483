import { DateTime, Effect, Result, Scope } from "effect"
import { Directory } from "../access/Directory.ts"
import { Gate } from "../access/Gate.ts"
import { CloseCode } from "../api/CloseCode.ts"
import type { ClientFrame } from "../api/Protocol.ts"
import { Drafts } from "../chat/Drafts.ts"
import { Reads } from "../chat/Reads.ts"
import { type Answer, Sends } from "../chat/Sends.ts"
import { Typing } from "../chat/Typing.ts"
import type { Draft, GroupDraft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { span } from "../observability/Spans.ts"
import { type BadFrame, decodeClientFrame } from "./ClientFrames.ts"
import type { Connection } from "./Connection.ts"
import { actionError, errorFrame, type FrameError, renewalError, sendError } from "./ErrorFrames.ts"
import * as PresenceWatch from "./PresenceWatch.ts"
import { serverFrame } from "./ServerFrames.ts"
import type { FrameData } from "./ServerWebSocket.ts"

/** How many sends of one socket are submitted together, at most. They keep their order. */
const SEND_GROUP = 128

/** How many bad frames in a row a socket may send before it is closed. */
const BAD_FRAMES = 20

/** The state of a socket between two frames. */
interface State {
  readonly connection: Connection
  /** How many bad frames came since the last good one. */
  badFrames: number
  /** Sends that are not submitted yet. */
  drafts: Array<Draft | GroupDraft>
  /** The socket's scope: a watch that a frame opens ends with it. */
  readonly scope: Scope.Scope
  /** Sets the users that the socket watches; none before its first `watch` frame. */
  watch: ((userIds: ReadonlyArray<UserId>) => Effect.Effect<void, Unavailable>) | undefined
  /** Whether a `typing` frame came. Then a send, and the end of the socket, end the typing. */
  endsTyping: boolean
}

type FrameOf<Type extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: Type }>

/** A trace begins with each group of sends: a trace of the whole socket would have no end. */
const receiving = span("socket send", { kind: "server" })

/** Makes the effect that answers a client's frames. Its functions are made once for all sockets; each socket has a `State`. */
export const make = Effect.gen(function* () {
  const sends = yield* Sends
  const gate = yield* Gate
  const directory = yield* Directory
  const drafting = yield* Drafts
  const reads = yield* Reads
  const typing = yield* Typing
  const openWatch = yield* PresenceWatch.make

  const submit = Effect.fnUntraced(function* (state: State) {
    if (state.drafts.length === 0) return
    const { connection, drafts } = state
    state.drafts = []
    const answers = yield* receiving(sends.sendAll(drafts))
    const inboxes = answers.map((answer) => (Result.isSuccess(answer) ? answer.success.inboxes : 0))
    const { credential, inbox } = connection
    yield* gate.chargeActs(credential.caller, { _tag: "Send", as: inbox.userId }, inboxes)
    for (const [i, answer] of answers.entries()) {
      yield* connection.sendWhenWritable(answerFrame(answer, drafts[i]!.client_id))
      const sentTo = Result.isSuccess(answer) ? answer.success.message.conversation_id : undefined
      if (state.endsTyping && sentTo !== undefined) yield* typing.sent(connection.inbox.userId, sentTo)
    }
  })

  // The sends before it are answered first: the answers keep the order of the frames.
  const refuseSend = Effect.fnUntraced(function* (
    state: State,
    clientId: string | null | undefined,
    error: FrameError
  ) {
    yield* submit(state)
    yield* state.connection.sendWhenWritable(errorFrame(error, clientId))
  })

  const takeSend = Effect.fnUntraced(function* (state: State, { type: _, ...message }: FrameOf<"send">) {
    const { credential, inbox } = state.connection
    const sender_id = inbox.userId
    const { client_id } = message
    const addressed = yield* gate
      .permitSend(credential.caller, sender_id)
      .pipe(Effect.andThen(drafting.of(sender_id, message)), Effect.result)
    if (Result.isFailure(addressed)) return yield* refuseSend(state, client_id, sendError(addressed.failure))
    state.drafts.push(addressed.success)
    if (state.drafts.length === SEND_GROUP) yield* submit(state)
  })

  // The client does not wait for an answer to these frames: an error is dropped when the peer does not read.
  const orRefuse = <R>(
    { connection }: State,
    action: Effect.Effect<unknown, Parameters<typeof actionError>[0], R>
  ) =>
    Effect.matchEffect(action, {
      onFailure: (error) => Effect.sync(() => connection.sendIfWritable(errorFrame(actionError(error)))),
      onSuccess: () => Effect.void
    })

  const takeRead = (state: State, { conversation_id, message_id }: FrameOf<"read">) => {
    const { credential, inbox } = state.connection
    return gate
      .permitAction(credential.caller, inbox.userId)
      .pipe(Effect.andThen(reads.mark(inbox.userId, conversation_id, message_id)))
  }

  const takeTyping = Effect.fnUntraced(function* (
    state: State,
    { conversation_id, typing: isTyping }: FrameOf<"typing">
  ) {
    const { connection, scope } = state
    const { userId } = connection.inbox
    yield* gate.permitAct(connection.credential.caller, { _tag: "Type", as: userId })
    if (!state.endsTyping) {
      state.endsTyping = true
      yield* Scope.addFinalizer(scope, typing.leave(connection, userId))
    }
    yield* typing.update(connection, userId, conversation_id, isTyping)
  })

  const takeWatch = Effect.fnUntraced(function* (state: State, { user_ids }: FrameOf<"watch">) {
    const { connection, scope } = state
    const { caller } = connection.credential
    yield* gate.permitAction(caller, connection.inbox.userId)
    yield* gate.permit(caller, { _tag: "ReadPresence" })
    yield* directory.permitSight(caller, user_ids)
    state.watch ??= yield* Scope.provide(openWatch(connection), scope)
    yield* state.watch(user_ids)
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
    const { connection } = state
    const frame = decodeClientFrame(data, connection.inbox.userId, connection.isVersion2)
    if (frame.type !== "bad") state.badFrames = 0
    if (frame.type === "send") return yield* takeSend(state, frame)
    yield* submit(state)
    switch (frame.type) {
      case "ping": {
        const timestamp = DateTime.formatIso(yield* DateTime.now)
        return connection.sendIfWritable(serverFrame({ type: "pong", timestamp }))
      }
      case "auth":
        return yield* renew(state, frame.token)
      case "read":
        return yield* orRefuse(state, takeRead(state, frame))
      case "typing":
        return yield* orRefuse(state, takeTyping(state, frame))
      case "watch":
        return yield* orRefuse(state, takeWatch(state, frame))
      case "bad":
        return yield* takeBad(state, frame)
    }
  })

  /** Takes the frames of one socket, in order, until the socket ends. No frame is read while an answer waits for the peer to read. */
  return Effect.fnUntraced(function* (connection: Connection) {
    const scope = yield* Effect.scope
    const state: State = { connection, badFrames: 0, drafts: [], scope, watch: undefined, endsTyping: false }
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
