import type { Socket } from "node:net"
import { connect } from "./Connect.ts"
import { type HttpResponse, readResponse } from "./HttpResponse.ts"

const CONNECTION_LOST: HttpResponse = { status: 0, close: true, body: Buffer.alloc(0) }

/** One keep-alive connection with at most one request in flight; a lost connection answers with status 0. */
export class HttpConnection {
  #socket: Socket | undefined
  #partial: Buffer | undefined
  #answer: ((response: HttpResponse) => void) | undefined

  /** The response's body holds only until `answer` returns. */
  send(request: string, answer: (response: HttpResponse) => void): void {
    this.#answer = answer
    this.#socket ??= this.#connect()
    this.#socket.write(request, "utf8")
  }

  ask(request: string): Promise<HttpResponse> {
    return new Promise((resolve) => {
      this.send(request, (response) => resolve({ ...response, body: Buffer.from(response.body) }))
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connect(): Socket {
    const socket = connect((chunk) => this.#onData(socket, chunk))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      if (this.#socket === socket) this.#finish(CONNECTION_LOST)
    })
    return socket
  }

  #onData(socket: Socket, chunk: Buffer): void {
    const received = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk])
    const response = readResponse(received)
    if (response === undefined) {
      this.#partial = received === chunk ? Buffer.from(chunk) : received
      return
    }
    if (response.close) socket.destroy()
    this.#finish(response)
  }

  #finish(response: HttpResponse): void {
    const answer = this.#answer
    this.#answer = undefined
    this.#partial = undefined
    if (response.close) this.#socket = undefined
    answer?.(response)
  }
}
