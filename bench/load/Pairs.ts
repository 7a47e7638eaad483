export const MESSAGE_TEXT = "The quick brown fox jumps over the lazy dog, and then does it again."

export interface Pair {
  readonly sender: number
  readonly receiver: number
}

/** With how many others each user chats. */
export const PEERS = 10

/**
 * The n-th pair of two different users: spread evenly, and the same for every server. Each user chats with a few others, so that
 * nearly every message belongs to a conversation that there is; in the first `PEERS` rounds of all users each pair comes once.
 */
export const pairOf = (users: ReadonlyArray<number>, n: number): Pair => {
  const sender = n % users.length
  const peer = Math.floor(n / users.length) % PEERS
  const distance = 1 + ((peer * 31) % (users.length - 1))
  return { sender: users[sender]!, receiver: users[(sender + distance) % users.length]! }
}
