import { Option } from "effect"
import type { InboxEvent } from "../domain/Event.ts"

/** Stands for the number in the payload of a frame that has none. Nodes of release 1.0 ignore such a payload. */
export const PASSING = 0

const LINE_FEED = 10
const SPACE = 32

/** How many digits the largest number of an event has. */
const MAX_DIGITS = 19

/** Stands in the head of a payload for a field without a value. */
const NONE = "-"

/** The head of a payload after the number, up to the signature. */
export const headOf = (
  { type, traceparent, committedAt }: Pick<InboxEvent, "type" | "traceparent" | "committedAt">,
  epoch: string
) => ` ${type} ${traceparent ?? NONE} ${committedAt ?? NONE} ${epoch}`

/**
 * An event on the bus: `seq SP type SP traceparent|- SP committedAt|- SP epoch SP signature LF frame`. A node reads the
 * fields of the head without parsing the frame. Nodes of release 1.0 read and send the first three fields, those of 1.1 all six.
 */
export const encode = (event: InboxEvent, epoch: string, signature: string): string =>
  `${event.seq}${headOf(event, epoch)} ${signature}\n${textOf(event.frame)}`

/** UTF-8 as text. */
export const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("utf8")

export interface Decoded {
  readonly event: InboxEvent
  readonly epoch: string | undefined
  /** The part of the head that is signed. */
  readonly head: string
  /** `undefined` from a node of release 1.0, which does not sign. */
  readonly signature: string | undefined
}

/** The number that a payload begins with, without reading the rest; `NaN` for bytes that are no event. */
export const seqOf = (payload: Buffer): number => {
  const end = payload.indexOf(SPACE)
  return end > 0 && end <= MAX_DIGITS ? Number(payload.toString("latin1", 0, end)) : Number.NaN
}

/** None for bytes that are no event. */
export const decode = (payload: Buffer): Option.Option<Decoded> => {
  const end = payload.indexOf(LINE_FEED)
  const line = payload.toString("latin1", 0, Math.max(end, 0))
  const [seq, type, traceparent, committedAt, epoch, signature] = line.split(" ")
  return type === undefined || traceparent === undefined || !/^(0|[1-9][0-9]*)$/.test(seq!)
    ? Option.none()
    : Option.some({
        epoch,
        head: signature === undefined ? line : line.slice(0, -signature.length - 1),
        signature,
        event: {
          seq: Number(seq),
          type,
          traceparent: traceparent === NONE ? undefined : traceparent,
          committedAt: committedAt === undefined || committedAt === NONE ? undefined : Number(committedAt),
          frame: ownCopy(payload, end + 1)
        }
      })
}

/** A payload is a view of a buffer that may be far larger: a frame that is kept must not keep that buffer. */
const ownCopy = (payload: Buffer, start: number): Buffer => {
  const own = Buffer.allocUnsafeSlow(payload.length - start)
  payload.copy(own, 0, start)
  return own
}
