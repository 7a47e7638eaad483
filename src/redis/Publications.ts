import type { InboxEvent, SharedBytes } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { encode, headOf, textOf } from "./BusPayload.ts"
import { CHANNEL_END, channelOf } from "./Channels.ts"
import { digestOf, sign } from "./Signatures.ts"

// The events of a message to a group of 1,000 differ in a number. This node sends Redis what they share once, and a script puts the
// payloads together: for a message of 150 characters 49 KB instead of 439 KB, which halves the CPU of this node and costs Redis none
// (bench/README.md, "What comments quote").

/** An event to publish to the channel of one user. */
export interface Publication {
  /** The start of the channel, up to the user's id. */
  readonly channelStart: string
  readonly userId: UserId
  readonly event: InboxEvent
  readonly epoch: string
  /** The key of the signature. */
  readonly key: Uint8Array
}

/** A frame that shares nothing is signed as it is, without the digest of a body. */
const NO_BODY = new Uint8Array()

const signatureOf = ({ userId, event, epoch, key }: Publication): string => {
  const { frame, shared } = event
  const body = shared?.afterSeq ?? NO_BODY
  const head = `${event.seq}${headOf(event, epoch)}`
  return sign(key, { userId, head, frame, bodyLength: body.length }, digestOf(body))
}

export const payloadOf = (publication: Publication): string =>
  encode(publication.event, publication.epoch, signatureOf(publication))

/** How many events one script publishes at most: Redis runs nothing else until a script has ended. */
const SCRIPT_EVENTS = 500

/**
 * The arguments of the scripts that publish these events, in their order. They are texts: a Buffer that is kept until Redis has replied
 * keeps 64 KB of memory that Node shares out, and V8 collects all objects when that becomes much (bench/README.md, "What
 * comments quote").
 */
export const scriptArguments = (
  publications: ReadonlyArray<Publication>
): ReadonlyArray<ReadonlyArray<string>> => {
  const scripts: Array<Array<string>> = []
  for (let from = 0; from < publications.length; from += SCRIPT_EVENTS) {
    scripts.push(argumentsOf(publications.slice(from, from + SCRIPT_EVENTS)))
  }
  return scripts
}

const argumentsOf = (publications: ReadonlyArray<Publication>): Array<string> => {
  const args: Array<string> = []
  for (let i = 0; i < publications.length; ) {
    const first = publications[i]!
    let next = i + 1
    while (next < publications.length && areAlike(first, publications[next]!)) next++
    const { shared } = first.event
    if (shared === undefined || next === i + 1) args.push("0", channelOf(first), payloadOf(first))
    else args.push(...sharedArguments(publications.slice(i, next), shared))
    i = next
  }
  return args
}

/** Whether two events differ only in user and number. */
const areAlike = (one: Publication, other: Publication): boolean =>
  one.event.shared !== undefined &&
  one.event.shared === other.event.shared &&
  one.channelStart === other.channelStart &&
  one.epoch === other.epoch

const sharedArguments = (
  publications: ReadonlyArray<Publication>,
  { beforeSeq, afterSeq }: SharedBytes
): Array<string> => {
  const { channelStart, event, epoch } = publications[0]!
  return [
    String(publications.length),
    channelStart,
    headOf(event, epoch),
    textOf(beforeSeq),
    textOf(afterSeq),
    ...publications.flatMap((publication) => [
      String(publication.userId),
      String(publication.event.seq),
      signatureOf(publication)
    ])
  ]
}

/**
 * Publishes events, and answers how many nodes subscribe to each. An event alone has three arguments: `0`, its channel and its
 * payload. Events that differ in user and number have their count, the start of their channels, the head of their payloads after
 * the number, the frame before and after the number, and then the user, the number and the signature of each.
 */
export const PUBLISH = `
local nodes, i = {}, 1
while i <= #ARGV do
  local count = tonumber(ARGV[i])
  if count == 0 then
    nodes[#nodes + 1] = redis.call('PUBLISH', ARGV[i + 1], ARGV[i + 2])
    i = i + 3
  else
    local channel, head, start, body = ARGV[i + 1], ARGV[i + 2] .. ' ', '\\n' .. ARGV[i + 3], ARGV[i + 4]
    for j = i + 5, i + 2 + 3 * count, 3 do
      local seq = ARGV[j + 1]
      local payload = seq .. head .. ARGV[j + 2] .. start .. seq .. body
      nodes[#nodes + 1] = redis.call('PUBLISH', channel .. ARGV[j] .. '${CHANNEL_END}', payload)
    end
    i = i + 5 + 3 * count
  end
end
return nodes`

/** To how many channels one script passes a frame at most. */
export const PASS_BATCH = SCRIPT_EVENTS

/** Publishes a frame to many channels. Arguments: the payload before and after its signature, then each channel and its signature. */
export const PASS = `for i = 3, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[1] .. ARGV[i + 1] .. ARGV[2]) end`
