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
}
