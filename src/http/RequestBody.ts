import { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { ByteSize, Effect } from "effect"
import { HttpIncomingMessage, type HttpServerRequest } from "effect/http"

/**
 * Reads the body of a request. Whoever asks the request for its text afterwards gets the same bytes, without a second read.
 *
 * The platform reads a body by a reader for streams of all kinds and an effect that is cached for later readers. Here two listeners read
 * it, which takes less of the server's processor time (bench/README.md, "What comments quote"). The platform reads a body of unknown
 * length, a longer one than allowed, and one whose client waits for `100 Continue`: it has the answers to these.
 */
export const readBody = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Uint8Array> =>
  Effect.flatMap(HttpIncomingMessage.MaxBodySize, (limit): Effect.Effect<Uint8Array> => {
    const incoming = NodeHttpServerRequest.toIncomingMessage(request)
    if (!(incoming instanceof IncomingMessage) || !isPlain(incoming, limit))
      return Effect.map(Effect.orDie(request.arrayBuffer), (bytes) => new Uint8Array(bytes))
    return Effect.map(chunksOf(incoming), (chunks) => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      keep(request, body)
      return body
    })
  })

/** Whether a body has a declared length within the limit, and is on its way. */
const isPlain = ({ headers }: IncomingMessage, limit: ByteSize.ByteSize | undefined): boolean =>
  headers.expect === undefined &&
  headers["content-length"] !== undefined &&
  (limit === undefined || Number(headers["content-length"]) <= ByteSize.toNumberUnsafe(limit))

/** The parts of a body. When the connection closes before the end, the platform interrupts the fiber of the request. */
const chunksOf = (incoming: IncomingMessage): Effect.Effect<ReadonlyArray<Buffer>> =>
  Effect.callback((resume) => {
    const chunks: Array<Buffer> = []
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
    }
    const onEnd = () => resume(Effect.succeed(chunks))
    incoming.on("data", onData).on("end", onEnd)
    return Effect.sync(() => incoming.off("data", onData).off("end", onEnd))
  })

// The text is decoded as the platform decodes it: without a byte order mark.
const decoder = new TextDecoder()

/** The fields that the platform's readers look at first. */
interface ReadRequest {
  arrayBufferEffect: Effect.Effect<ArrayBuffer>
  textEffect: Effect.Effect<string>
}

const keep = (request: HttpServerRequest.HttpServerRequest, body: Uint8Array): void => {
  const read = request as unknown as ReadRequest
  read.arrayBufferEffect = Effect.sync(() => new Uint8Array(body).buffer)
  read.textEffect = Effect.succeed(decoder.decode(body))
}
