import { type Server, type ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"

/** The status that Node answers to an error of its parser, by the error's code; any other is a 400. */
const STATUSES = new Map([
  ["HPE_HEADER_OVERFLOW", 431],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", 413],
  ["ERR_HTTP_REQUEST_TIMEOUT", 408]
])

const TOO_LARGE = JSON.stringify({
  type: "about:blank",
  status: 431,
  title: STATUS_CODES[431],
  detail: "The headers of the request have more than 16 KiB: the token, or a cookie, is too long"
})

/** Answers a request that Node cannot parse, as Node does, but with a problem for headers that are too large. Calls `onTooLarge` for those. */
export const answerClientErrors = (server: Server, onTooLarge: () => void): void => {
  server.on("clientError", (error: Error & { readonly code?: string }, duplex) => {
    const socket = duplex as Socket & { readonly _httpMessage?: ServerResponse | null }
    const status = STATUSES.get(error.code ?? "") ?? 400
    // Writing into an answer that has begun would corrupt it.
    if (socket.writable && socket._httpMessage?.headersSent !== true) {
      const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n`
      if (status === 431) {
        onTooLarge()
        socket.write(
          `${head}Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(TOO_LARGE)}\r\n\r\n${TOO_LARGE}`
        )
      } else socket.write(`${head}\r\n`)
    }
    socket.destroySoon()
  })
}
