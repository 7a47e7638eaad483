import { Effect } from "effect"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { OutboxEntry } from "./Command.ts"
import type { Connection } from "./Connection.ts"
import { Calls } from "./Endpoints.ts"
import type { Input, Page } from "./Input.ts"
import type { Loader } from "./Loader.ts"
import type { Rest, RestError } from "./Rest.ts"

/** Has the server carry out a command, once. Answers what that changes in the state. */
export type Execute = (entry: OutboxEntry) => Effect.Effect<ReadonlyArray<Input>, RestError>

/** Messages go over the socket, which keeps their order; everything else over REST. */
export const make =
  (user_id: UserId, connection: Connection, rest: Rest, loader: Loader): Execute =>
  ({ command, client_id }) => {
    const settled: Input = { type: "settled", clientId: client_id }
    if (command.type === "send") {
      const { type, ...fields } = command
      return Effect.map(connection.send({ type, ...fields, client_id }), (message) => [
        { type: "acknowledged", clientId: client_id, message }
      ])
    }
    const { conversation_id, message_id } = command
    const params = { message_id }
    const changed = (call: Effect.Effect<Message, RestError>) =>
      Effect.as(
        loader.asked(call, (message): Page => ({ type: "message", message })),
        [settled]
      )
    switch (command.type) {
      case "edit": {
        const { type: _, conversation_id: __, message_id: ___, ...change } = command
        return changed(rest(Calls.editMessage, { params, payload: { user_id, ...change } }))
      }
      case "delete":
        return changed(rest(Calls.deleteMessage, { params, query: { user_id } }))
      case "react": {
        const request = { params: { message_id, emoji: command.emoji }, query: { user_id } }
        return changed(command.added ? rest(Calls.react, request) : rest(Calls.unreact, request))
      }
      case "read":
        return Effect.map(
          rest(Calls.markRead, { params: { conversation_id }, payload: { user_id, message_id } }),
          () => [
            // Shown until the event of the same change comes.
            { type: "passing", frame: { type: "read", conversation_id, user_id, message_id }, now: 0 },
            settled
          ]
        )
    }
  }
