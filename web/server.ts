import type { User } from "../src/client/MiniChat.ts"

/** Where the server is: the folder of this page. */
export const SERVER = new URL(".", location.href).href

/** What the server said when it refused, for a person. */
export class ServerError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const ask = async <A>(path: string, init: RequestInit = {}): Promise<A> => {
  const response = await fetch(SERVER + path, {
    ...init,
    headers: { accept: "application/json", "content-type": "application/json" }
  }).catch(() => {
    throw new ServerError(0, "The server does not answer. Check that it runs, and try again.")
  })
  const body = await response.json().catch(() => ({}))
  if (!response.ok)
    throw new ServerError(
      response.status,
      body.detail ?? body.title ?? `The server answered ${response.status}`
    )
  return body
}

/** The users with an id above `after`, 100 at most; a server that requires a token refuses with 401. */
export const listUsers = (after = 0) =>
  ask<ReadonlyArray<User>>(`users/${after > 0 ? `?after_id=${after}` : ""}`)

export const createUser = (name: string) =>
  ask<User>("users/", {
    method: "POST",
    body: JSON.stringify({
      username: name.replaceAll(/[^\p{L}\p{N}\p{Mn}\p{Mc}]/gu, ""),
      display_name: name.trim()
    })
  })

export const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
