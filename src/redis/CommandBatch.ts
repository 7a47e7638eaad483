import { Duration } from "effect"
import { Cluster, type Redis as IORedis } from "ioredis"

/** How long a command may take, sending and answering; what takes longer counts as not confirmed. */
const COMMAND_TIMEOUT = Duration.millis(100)

/** How many items are gathered for one command, at most: one is not to hold up Redis for long. */
const GATHERED = 500

/** The commands that were given in one turn of the event loop, and share a time limit. */
class Turn {
  /** What gives the last commands of this turn. */
  readonly atEnd: Array<() => void> = []
  readonly #giveUp: Array<(cause: Error) => void> = []
  #unanswered = 0
  #timer: NodeJS.Timeout | undefined

  given(giveUp: (cause: Error) => void) {
    this.#giveUp.push(giveUp)
    this.#unanswered++
  }

  /** No command is given in this turn any more: the time begins. */
  over() {
    if (this.#unanswered === 0) return
    this.#timer = setTimeout(() => {
      // A busy process may find the time over before it reads the replies that are there.
      setImmediate(() => {
        for (const giveUp of this.#giveUp) giveUp(new Error("no answer in time"))
      })
    }, Duration.toMillis(COMMAND_TIMEOUT)).unref()
  }

  answered() {
    this.#unanswered--
    // What waits for a time limit keeps what it limits: V8 would take all of it for objects that live long.
    if (this.#unanswered === 0) clearTimeout(this.#timer)
  }
}

/**
 * Gives commands to a connection, and fails those that have no answer 100 ms after the turn of the event loop in
 * which they were given: the client's own timeout would begin when a command is written, which may be after those
 * before it were answered. All that are given in one turn are written at once, at its end; the client's own
 * pipelining would wait with that for the answers to those before, and makes objects of its own for each command.
 */
export const inTurns = (connection: IORedis | Cluster) => {
  let current: Turn | undefined
  const begin = () => {
    const turn = new Turn()
    const servers = connection instanceof Cluster ? connection.nodes("master") : [connection]
    const streams = servers.map(({ stream }) => stream)
    for (const stream of streams) stream?.cork()
    setImmediate(() => {
      for (const giveLast of turn.atEnd) giveLast()
      current = undefined
      for (const stream of streams) stream?.uncork()
      turn.over()
    })
    return turn
  }
  const thisTurn = () => (current ??= begin())

  const give = <A>(command: (connection: IORedis) => Promise<A>) =>
    new Promise<A>((resolve, reject) => {
      const turn = thisTurn()
      turn.given(reject)
      const ending =
        <B>(settle: (value: B) => void) =>
        (value: B) => {
          turn.answered()
          settle(value)
        }
      command(connection as IORedis).then(ending(resolve), ending(reject))
    })

  /** See `Redis.gather`. */
  const gather = <Item, A>(
    command: (connection: IORedis, items: ReadonlyArray<Item>) => Promise<ReadonlyArray<A>>
  ) => {
    const limit = connection instanceof Cluster ? 1 : GATHERED
    let gathered: { readonly items: Array<Item>; readonly reply: Promise<ReadonlyArray<A>> } | undefined
    const begin = () => {
      const items: Array<Item> = []
      const reply = new Promise<ReadonlyArray<A>>((resolve) =>
        thisTurn().atEnd.push(() => {
          if (gathered?.items === items) gathered = undefined
          resolve(give((connection) => command(connection, items)))
        })
      )
      return { items, reply }
    }
    return (item: Item): Promise<A> => {
      gathered ??= begin()
      const { items, reply } = gathered
      const place = items.push(item) - 1
      if (items.length === limit) gathered = undefined
      return reply.then((answers) => answers[place]!)
    }
  }

  return { give, gather }
}
