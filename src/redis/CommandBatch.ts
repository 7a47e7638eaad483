import { Duration } from "effect"
import { Cluster, type Redis as IORedis } from "ioredis"

// ioredis' own auto-pipelining holds a pipeline back until the one before it is answered, and makes objects for each
// command that took the garbage collector 750 ms of 6 s, against 90 ms here (bench/README.md). Its own timeout starts
// when a command is written, not when it is enqueued.

/** How long Redis may take to answer a command, from the flush of its batch. */
const COMMAND_TIMEOUT = Duration.millis(100)

/** How many items `batched` puts in one command at most: Redis runs nothing else until a command has ended. */
const MAX_ITEMS = 500

/** The commands of one turn of the event loop. They leave in one write and share one time limit. */
class CommandBatch {
  readonly #streams: ReadonlyArray<IORedis["stream"]>
  readonly #beforeFlush: Array<() => void> = []
  readonly #rejections: Array<(cause: Error) => void> = []
  #unsettled = 0
  #timer: NodeJS.Timeout | undefined

  /** Holds back what is written to these streams until `flush`. */
  constructor(streams: ReadonlyArray<IORedis["stream"]>) {
    this.#streams = streams
    for (const stream of streams) stream?.cork()
  }

  /** Sends a command with the batch. The promise settles with the reply, or fails when the time limit ends first. */
  enqueue<A>(send: () => Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#rejections.push(reject)
      this.#unsettled++
      const settling =
        <B>(settle: (value: B) => void) =>
        (value: B) => {
          this.#settled()
          settle(value)
        }
      send().then(settling(resolve), settling(reject))
    })
  }

  /** Calls `enqueueLast` at the flush; what it enqueues belongs to this batch. */
  beforeFlush(enqueueLast: () => void) {
    this.#beforeFlush.push(enqueueLast)
  }

  /** Writes all commands, and starts the time limit. */
  flush() {
    for (const enqueueLast of this.#beforeFlush) enqueueLast()
    for (const stream of this.#streams) stream?.uncork()
    if (this.#unsettled === 0) return
    this.#timer = setTimeout(() => {
      // A busy process may run this timer before it reads replies that have arrived: read them first.
      setImmediate(() => this.#expire())
    }, Duration.toMillis(COMMAND_TIMEOUT)).unref()
  }

  /** Fails the commands without a reply; rejecting the others changes nothing. */
  #expire() {
    for (const reject of this.#rejections) reject(new Error("no answer in time"))
  }

  #settled() {
    this.#unsettled--
    // A pending timer keeps its replies alive until V8 promotes them to the old generation: clear it at the last reply.
    if (this.#unsettled === 0) clearTimeout(this.#timer)
  }
}

/**
 * Sends commands over a connection in one batch a turn of the event loop. Commands do not wait for the replies to
 * earlier batches, and fail 100 ms after the flush of their own.
 */
export const commandBatches = (connection: IORedis | Cluster) => {
  let current: CommandBatch | undefined
  const openBatch = () => {
    const servers = connection instanceof Cluster ? connection.nodes("master") : [connection]
    const batch = new CommandBatch(servers.map(({ stream }) => stream))
    setImmediate(() => {
      batch.flush()
      current = undefined
    })
    return batch
  }
  const currentBatch = () => (current ??= openBatch())

  const run = <A>(command: (connection: IORedis) => Promise<A>): Promise<A> =>
    currentBatch().enqueue(() => command(connection as IORedis))

  /** See `Redis.batched`. */
  const batched = <Item, A>(
    command: (connection: IORedis, items: ReadonlyArray<Item>) => Promise<ReadonlyArray<A>>
  ) => {
    const limit = connection instanceof Cluster ? 1 : MAX_ITEMS
    let open: { readonly items: Array<Item>; readonly replies: Promise<ReadonlyArray<A>> } | undefined
    const openItems = () => {
      const items: Array<Item> = []
      const replies = new Promise<ReadonlyArray<A>>((resolve) =>
        currentBatch().beforeFlush(() => {
          if (open?.items === items) open = undefined
          resolve(run((connection) => command(connection, items)))
        })
      )
      return { items, replies }
    }
    return (item: Item): Promise<A> => {
      open ??= openItems()
      const { items, replies } = open
      const index = items.push(item) - 1
      if (items.length === limit) open = undefined
      return replies.then((answers) => answers[index]!)
    }
  }

  return { run, batched }
}
