import type { Bus } from "./Bus.ts"
import type { Message, Store } from "./Store.ts"

/** A message is stored, then published and pushed to the receiver's recent list. */
export class Chat {
  readonly #store: Store
  readonly #bus: Bus

  constructor(store: Store, bus: Bus) {
    this.#store = store
    this.#bus = bus
  }

  async send(
    senderId: number,
    receiverId: number,
    content: string
  ): Promise<Message & { readonly delivered_via_websocket: boolean }> {
    const message = await this.#store.insertMessage(senderId, receiverId, content)
    const recent = JSON.stringify(message)
    const delivered = await this.#bus.publish(receiverId, `{"type":"message",${recent.slice(1)}`, recent)
    return { ...message, delivered_via_websocket: delivered }
  }

  async sendToGroup(
    senderId: number,
    conversationId: number,
    content: string
  ): Promise<Message & { readonly delivered_via_websocket: boolean }> {
    const { message, members } = await this.#store.insertGroupMessage(senderId, conversationId, content)
    const others = members.filter((id) => id !== senderId)
    const frame = `{"type":"message",${JSON.stringify(message).slice(1)}`
    return { ...message, delivered_via_websocket: await this.#bus.publishToAll(others, frame) }
  }
}
