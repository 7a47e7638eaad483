import type { Server } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import type { Bus } from "./Bus.ts"
import type { Chat } from "./Chat.ts"
import type { Store } from "./Store.ts"

interface Member {
  readonly sockets: Set<WebSocket>
  readonly subscribed: Promise<void>
}

/** The sockets of this process, by user: the first one of a user subscribes to its channel, the last one leaves. */
export class Sockets {
  readonly #members = new Map<number, Member>()

  deliver(userId: number, frame: Buffer): void {
    for (const socket of this.#members.get(userId)?.sockets ?? []) socket.send(frame, { binary: false })
  }

  attach(server: Server, store: Store, bus: Bus, chat: Chat): void {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    server.on("upgrade", (request, stream, head) => {
      const match = /^\/ws\/(\d+)\/?(?:\?|$)/.exec(request.url ?? "")
      if (match === null) {
        stream.destroy()
        return
      }
      sockets.handleUpgrade(request, stream, head, (socket) => {
        this.#open(socket, Number(match[1]), store, bus, chat).catch((error: unknown) => {
          console.error(error)
          socket.close(1011)
        })
      })
    })
  }

  async #open(socket: WebSocket, userId: number, store: Store, bus: Bus, chat: Chat): Promise<void> {
    const user = await store.findUser(userId)
    if (user === undefined) return socket.close(4004, "User not found")
    if (socket.readyState !== socket.OPEN) return
    socket.on("close", () => this.#leave(socket, userId, bus))
    socket.on("error", () => socket.terminate())
    socket.on("message", (data) => {
      this.#onFrame(socket, userId, chat, String(data)).catch((error: unknown) => {
        const { message } = error as Error
        socket.send(JSON.stringify({ type: "error", code: "invalid", message }))
      })
    })
    await this.#join(socket, userId, bus)
    const timestamp = new Date()
    const message = `Connected to chat as ${user.username}`
    socket.send(JSON.stringify({ type: "system", message, timestamp, user_id: userId }))
  }

  #join(socket: WebSocket, userId: number, bus: Bus): Promise<void> {
    let member = this.#members.get(userId)
    if (member === undefined) {
      member = { sockets: new Set(), subscribed: bus.subscribe(userId) }
      this.#members.set(userId, member)
    }
    member.sockets.add(socket)
    return member.subscribed
  }

  #leave(socket: WebSocket, userId: number, bus: Bus): void {
    const member = this.#members.get(userId)
    if (member?.sockets.delete(socket) && member.sockets.size === 0) {
      this.#members.delete(userId)
      bus.unsubscribe(userId).catch(console.error)
    }
  }

  async #onFrame(socket: WebSocket, userId: number, chat: Chat, data: string): Promise<void> {
    const frame = JSON.parse(data)
    if (frame.type === "ping") {
      socket.send(JSON.stringify({ type: "pong", timestamp: new Date() }))
    } else if (frame.type === "send") {
      const message = await chat.send(userId, frame.receiver_id, frame.content)
      socket.send(JSON.stringify({ type: "ack", client_id: frame.client_id, message }))
    } else {
      socket.send(JSON.stringify({ type: "error", code: "unknown_type", message: "Unknown type" }))
    }
  }
}
