import { Effect, Schema } from "effect"
import { ClientFrame, ServerFrame } from "../api/Protocol.ts"
import { Seq } from "../domain/Event.ts"
import { invalid, type Refused } from "./Rest.ts"
import type { InboxEvent } from "./State.ts"

type Plain = Exclude<ServerFrame, { readonly seq: number }>

/** What came on a socket. */
export type Received = Plain | InboxEvent

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(ServerFrame))

/** As much as every frame has, also one of a kind that this client does not know. */
const decodeAny = Schema.decodeUnknownEffect(
  Schema.fromJsonString(Schema.Struct({ type: Schema.String, seq: Schema.optionalKey(Seq) }))
)

const known = new Set(ServerFrame.members.map(({ fields }) => fields.type.literal as string))

/**
 * A frame of the server; `undefined` for one that this client does not know and that is no event. An event of a known kind that
 * does not decode is `omitted`: everything is loaded anew then.
 */
export const decodeFrame = (text: string): Effect.Effect<Received | undefined> =>
  (decode(text) as Effect.Effect<Received, Schema.SchemaError>).pipe(
    Effect.catch(() =>
      Effect.map(decodeAny(text), ({ type, seq }): Received | undefined =>
        seq === undefined ? undefined : { type: known.has(type) ? "omitted" : "unknown", seq }
      )
    ),
    Effect.orElseSucceed(() => undefined)
  )

/** A frame as text. Fails when the server would refuse it: enough such frames, or a very long one, end the connection. */
export const encodeFrame = (frame: ClientFrame): Effect.Effect<string, Refused> =>
  Effect.mapError(encode(frame), ({ message }) => invalid(message))

const encode = Schema.encodeEffect(Schema.fromJsonString(ClientFrame))
