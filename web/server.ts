import { Unreachable, type User } from "../src/client/MiniChat.ts"
import { sentenceOf } from "./sentences.ts"

/** Where the server is: the folder of this page. */
export const SERVER = new URL(".", location.href).href

const NO_ANSWER = "The server does not answer. Check your connection, and try again."

/** What the server said when it refused, for a person. */
export class ServerError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const ask = async <A>(path: string, init: RequestInit = {}, token?: string): Promise<A> => {
  const response = await fetch(SERVER + path, {
    ...init,
    headers: {
      accept: "application/json",
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` })
    }
  }).catch(() => {
    throw new ServerError(0, NO_ANSWER)
  })
  const body = await response.json().catch(() => ({}))
  if (!response.ok)
    throw new ServerError(
      response.status,
      body.detail ?? body.title ?? `The server answered ${response.status}`
    )
  return body
}

/** Users whose name begins so, the first ones for no name; 100 at most. Where lists are refused: the one with this username. */
export const listUsers = async (name: string): Promise<ReadonlyArray<User>> => {
  const users = (query: Record<string, string>) =>
    ask<ReadonlyArray<User>>(`users/?${new URLSearchParams(query)}`)
  try {
    return await users(name === "" ? {} : { q: name })
  } catch (cause) {
    if (!(cause instanceof ServerError && cause.status === 403)) throw cause
    return name === "" || [...name].length > 50 ? [] : users({ username: name })
  }
}

/** What a header can carry of a token. A JWT has other characters neither. */
const TOKEN = /^[\x21-\x7e]+$/

const REFUSALS = new Map([
  [401, "The server does not accept this token"],
  [403, "The server knows no user with this token"],
  [404, "The server knows no user with this token"]
])

/** The user whose token it is: the server alone knows by which claim. Rejects with the reason when it refuses the token. */
export const userOf = async (token: string): Promise<User> => {
  if (!TOKEN.test(token)) throw new Error("This is no token: paste the whole text of it, and nothing else.")
  return ask<User>("users/me", {}, token).catch((cause) => {
    const refusal = cause instanceof ServerError ? REFUSALS.get(cause.status) : undefined
    throw refusal === undefined ? cause : new Error(`${refusal}: ${cause.message}.`)
  })
}

export const createUser = (name: string) =>
  ask<User>("users/", {
    method: "POST",
    body: JSON.stringify({
      username: name.replaceAll(/[^\p{L}\p{N}\p{Mn}\p{Mc}]/gu, ""),
      display_name: name.trim()
    })
  })

/** Why something failed, for a person. */
export const reasonOf = (error: unknown) =>
  error instanceof Unreachable
    ? NO_ANSWER
    : sentenceOf(error instanceof Error ? error.message : String(error))
