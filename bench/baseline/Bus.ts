import { Redis } from "ioredis"

const RECENT_KEPT = 100
const RECENT_TTL_SECONDS = 24 * 60 * 60

const channelOf = (userId: number): string => `user:${userId}:events`
const recentOf = (userId: number): string => `user:${userId}:recent_messages`

/** Redis: a channel and a list of recent messages for each user. Every process subscribes to its own users. */
export class Bus {
  readonly #commands: Redis
  readonly #subscriber: Redis

  constructor(url: string, onFrame: (userId: number, frame: Buffer) => void) {
    this.#commands = new Redis(url, { enableAutoPipelining: true })
    this.#subscriber = new Redis(url)
    this.#subscriber.on("messageBuffer", (channel: Buffer, frame: Buffer) => {
      onFrame(Number.parseInt(channel.toString("latin1", 5), 10), frame)
    })
  }

  async ping(): Promise<void> {
    await this.#commands.ping()
  }

  async subscribe(userId: number): Promise<void> {
    await this.#subscriber.subscribe(channelOf(userId))
  }

  async unsubscribe(userId: number): Promise<void> {
    await this.#subscriber.unsubscribe(channelOf(userId))
  }

  /** Answers whether some process has a socket of this user. */
  async publish(userId: number, frame: string, recent: string): Promise<boolean> {
    const list = recentOf(userId)
    const [subscribers] = await Promise.all([
      this.#commands.publish(channelOf(userId), frame),
      this.#commands.lpush(list, recent),
      this.#commands.ltrim(list, 0, RECENT_KEPT - 1),
      this.#commands.expire(list, RECENT_TTL_SECONDS)
    ])
    return subscribers > 0
  }

  async publishToAll(userIds: ReadonlyArray<number>, frame: string): Promise<boolean> {
    const subscribers = await Promise.all(
      userIds.map((userId) => this.#commands.publish(channelOf(userId), frame))
    )
    return subscribers.some((count) => count > 0)
  }

  async recent(userId: number): Promise<ReadonlyArray<string>> {
    return this.#commands.lrange(recentOf(userId), 0, 49)
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.quit(), this.#subscriber.quit()])
  }
}
