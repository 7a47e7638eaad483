import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Ended } from "../support/ServerProcess.ts"

/** Processes that start take as long as the machine is busy; nothing here is about how long. */
export const TIMEOUT = { timeout: 120_000 }

/** Calls a server, and gives the JSON of its answer, which must be a 200. */
export const call = (url: string, path: string, json?: unknown) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url + path, {
      signal,
      ...(json === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(json) })
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  })

/** It ended with 1 and said why in one line, which an operator can act on and which holds no secret. */
export const assertRefusal = ({ code, stderr }: Ended, why: RegExp) => {
  assert.strictEqual(code, 1)
  assert.match(stderr, /^Mini Chat cannot start\. .*\n$/)
  assert.match(stderr, why)
  assert.notMatch(stderr, /\bat .*:\d+:\d+|node_modules|s3cret/)
}

export const twoUsers = Effect.fnUntraced(function* (url: string) {
  const alice = yield* call(url, "/users/", { username: "alice" })
  const bob = yield* call(url, "/users/", { username: "bob" })
  return { alice, bob }
})

export const send = (url: string, from: { id: number }, to: { id: number }, content: string) =>
  call(url, "/messages/", { sender_id: from.id, receiver_id: to.id, content })
