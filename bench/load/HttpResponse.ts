export interface HttpResponse {
  readonly status: number
  readonly body: Buffer
  readonly close: boolean
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n")

const joinChunks = (encoded: Buffer): Buffer => {
  const chunks: Array<Buffer> = []
  for (let at = 0; ; ) {
    const lineEnd = encoded.indexOf("\r\n", at)
    const size = Number.parseInt(encoded.toString("latin1", at, lineEnd), 16)
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(encoded.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}

/**
 * Reads the one response that a connection without pipelining can hold; `undefined` until it is complete.
 * Far cheaper than a general parser, so that the tool leaves the processor to the server.
 */
export const readResponse = (received: Buffer): HttpResponse | undefined => {
  const headEnd = received.indexOf("\r\n\r\n")
  if (headEnd < 0) return undefined
  const head = received.toString("latin1", 0, headEnd)
  const status = Number(head.slice(9, 12))
  const close = /\r\nconnection: *close/i.test(head)
  const start = headEnd + 4
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (length !== null) {
    const end = start + Number(length[1])
    return received.length < end ? undefined : { status, close, body: received.subarray(start, end) }
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const complete = received.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
    return complete ? { status, close, body: joinChunks(received.subarray(start)) } : undefined
  }
  return { status, close, body: Buffer.alloc(0) }
}
