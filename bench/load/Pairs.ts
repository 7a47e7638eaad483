export const MESSAGE_TEXT = "The quick brown fox jumps over the lazy dog, and then does it again."

export interface Pair {
  readonly sender: number
  readonly receiver: number
}

/** The n-th pair of two different users: spread evenly, and the same for every server. */
export const pairOf = (users: ReadonlyArray<number>, n: number): Pair => {
  const sender = n % users.length
  const distance = 1 + ((n * 31) % (users.length - 1))
  return { sender: users[sender]!, receiver: users[(sender + distance) % users.length]! }
}
