import { Option } from "effect"
import type { InboxEvent } from "../domain/Event.ts"

/** Stands for the number of a frame that has none. Nodes of releases before 1.1 take no payload that begins so. */
export const PASSING = 0

const LINE_FEED = 10

/** Stands in the head of a payload for what is not known. */
const NONE = "-"

/**
 * The bytes of an event on the bus: `seq SP type SP traceparent|- SP committedAt|- SP epoch LF frame`: a head to read without parsing the frame. Nodes of release 1.0 read
 * the first three fields and send three.
 */
export const encode = ({ seq, type, traceparent, committedAt, frame }: InboxEvent, epoch: string) =>
  Buffer.concat([
    Buffer.from(`${seq} ${type} ${traceparent ?? NONE} ${committedAt ?? NONE} ${epoch}\n`, "latin1"),
    frame
  ])

/** None for bytes that are no event. */
export const decode = (
  payload: Buffer
): Option.Option<{ readonly event: InboxEvent; readonly epoch: string | undefined }> => {
  const end = payload.indexOf(LINE_FEED)
  const [seq, type, traceparent, committedAt, epoch] = payload
    .toString("latin1", 0, Math.max(end, 0))
    .split(" ")
  return type === undefined || traceparent === undefined || !/^(0|[1-9][0-9]*)$/.test(seq!)
    ? Option.none()
    : Option.some({
        epoch,
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
