import { HttpConnection } from "./HttpConnection.ts"
import type { HttpResponse } from "./HttpResponse.ts"
import { MESSAGE_TEXT, pairOf } from "./Pairs.ts"
import { post } from "./Requests.ts"

const CONNECTIONS = 64

const each = async (
  count: number,
  requestOf: (n: number) => string
): Promise<ReadonlyArray<HttpResponse>> => {
  const answers: Array<HttpResponse> = []
  let next = 0
  const client = async (): Promise<void> => {
    const connection = new HttpConnection()
    while (next < count) {
      const n = next++
      const response = await connection.ask(requestOf(n))
      if (response.status !== 200) throw new Error(`${response.status} ${response.body}`)
      answers[n] = response
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  return answers
}

export const createUsers = async (input: { readonly count: number; readonly prefix: string }) => {
  const answers = await each(input.count, (n) => post("/users/", { username: `${input.prefix}${n}` }))
  return answers.map(({ body }): number => JSON.parse(body.toString()).id)
}

/** Gives each user `count` received messages. */
export const seedMessages = async (input: {
  readonly users: ReadonlyArray<number>
  readonly count: number
}): Promise<void> => {
  const { users, count } = input
  await each(users.length * count, (n) => {
    const { sender, receiver } = pairOf(users, n)
    return post("/messages/", { sender_id: sender, receiver_id: receiver, content: MESSAGE_TEXT })
  })
}
