import { Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../../src/api/Api.ts"
import { HOSTILE, mutate, mutateText } from "./Mutations.ts"
import type { Random } from "./Random.ts"

export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** What is wrong with a request: nothing, one thing, or everything. */
type Kind = "valid" | "near" | "arbitrary"

const KINDS: ReadonlyArray<Kind> = ["valid", "near", "near", "arbitrary"]

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]

const CONTENT_TYPES = [
  "application/json",
  "application/json; charset=utf-16",
  "application/problem+json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "application/json, text/plain",
  ";",
  ""
]

const HEADERS: ReadonlyArray<readonly [name: string, values: ReadonlyArray<string>]> = [
  ["x-request-id", ["a", "a".repeat(1000), "\t", "{}"]],
  ["accept-encoding", ["gzip", "gzip;q=0", "*;q=0.5,,", "br, gzip;q=1.0, identity; q=0.5, *;q=0"]],
  ["accept", ["text/html", "*/*;q=0", "application/json", ","]],
  ["origin", ["null", "http://localhost:3000", "https://evil.example", "::"]],
  ["if-none-match", ["*", 'W/"x"', ","]],
  ["authorization", ["Bearer", "Bearer x", "Basic Og==", "bearer a b c"]],
  ["x-forwarded-for", ["1.2.3.4", "::1, x", ",,,"]],
  ["traceparent", ["00-0-0-00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x"]],
  ["content-encoding", ["gzip", "identity", "x"]],
  ["cookie", ["a=b", "=;=;=", "__proto__=1"]],
  ["range", ["bytes=0-0", "bytes=9-1"]]
]

interface Endpoint {
  readonly method: string
  readonly path: string
  readonly params: (() => unknown) | undefined
  readonly query: (() => unknown) | undefined
  readonly payload: (() => unknown) | undefined
}

/** What ends a user or takes its rights. */
const isHarmful = (method: string, path: string) =>
  method === "DELETE" ? /^\/users\/[^/?]*\/?(\?|$)/.test(path) : /^\/users\/[^/?]*\/suspension/.test(path)

/**
 * Requests for every endpoint of the contract, made from its schemas. Those that would erase or suspend a user name one of
 * `spareIds`: the others are to chat on.
 */
export const makeRequests = (
  random: Random,
  userIds: ReadonlyArray<number>,
  spareIds: ReadonlyArray<number>
): (() => FuzzRequest) => {
  const endpoints: Array<Endpoint> = []
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint: { method, path, params, query, payload } }) => {
      const schema = ["POST", "PUT", "PATCH"].includes(method)
        ? payload.get("application/json")?.schemas[0]
        : undefined
      endpoints.push({
        method,
        path,
        params: params && random.valuesOf(Schema.toEncoded(params)),
        query: query && random.valuesOf(Schema.toEncoded(query)),
        payload: schema && random.valuesOf(schema)
      })
    }
  })
  const junk = random.valuesOf(Schema.Json)
  const text = random.valuesOf(Schema.String)

  /** Ids that exist, most often: else nothing would be found, sent, read or changed. */
  const grounded = (value: unknown) => {
    const fields = { ...(value as Record<string, unknown>) }
    const inQuery = Object.values(fields).every((given) => typeof given === "string")
    const asIs = (id: number) => (inQuery ? String(id) : id)
    // Most calls say for whom they act, as nothing else does where no token is needed.
    for (const name of ["sender_id", "user_id"])
      if (name in fields || !random.chance(0.1)) fields[name] = asIs(random.pick(userIds))
    for (const name of Object.keys(fields)) {
      if (random.chance(0.1)) continue
      if (/^(receiver_id|chat_with|with|member_id)$/.test(name)) fields[name] = asIs(random.pick(userIds))
      // The first conversations and messages are those that the first requests make.
      if (/^(conversation_id|message_id|reply_to_id)$/.test(name)) fields[name] = asIs(1 + random.below(20))
      if (name === "member_ids") fields[name] = [random.pick(userIds), random.pick(userIds)]
      if (name === "emoji") fields[name] = random.pick(["👍", "👨‍👩‍👧‍👦", "#️⃣", "❤"])
    }
    // A message goes to a user or to a conversation.
    if ("receiver_id" in fields && "conversation_id" in fields)
      delete fields[random.pick(["receiver_id", "conversation_id"])]
    // A poll that waits would keep the others waiting.
    if ("wait" in fields) fields.wait = random.pick(["0", "1"])
    return fields
  }

  const value = (kind: Kind, make: () => unknown): unknown => {
    switch (kind) {
      case "valid":
        return grounded(make())
      case "near":
        return mutate(random, grounded(make()), junk)
      case "arbitrary":
        return junk()
    }
  }

  const inUrl = (given: unknown) => {
    const asText = typeof given === "string" ? given : (JSON.stringify(given) ?? "")
    // A longer URL never reaches the server's own code.
    const short = asText.slice(0, 2000)
    return random.chance(0.9) ? encodeURIComponent(short.toWellFormed()) : short.replace(/[^!-~]/g, "%zz")
  }

  const pathOf = ({ path, params, query }: Endpoint, kind: Kind) => {
    if (kind === "arbitrary" && random.chance(0.5)) return `/${inUrl(text())}/${inUrl(random.pick(HOSTILE))}`
    const filled = path.replace(/:(\w+)/g, (_, name: string) => {
      const given = params === undefined ? {} : (value(kind, params) as Record<string, unknown> | null)
      return inUrl(given?.[name] ?? random.pick(HOSTILE))
    })
    if (query === undefined) return filled
    const given = value(kind, query)
    const entries = Object.entries(typeof given === "object" && given !== null ? given : { q: given })
    return `${filled}?${entries.map(([name, each]) => `${inUrl(name)}=${inUrl(each)}`).join("&")}`
  }

  const bodyOf = (endpoint: Endpoint, kind: Kind) => {
    if (endpoint.payload === undefined) return kind === "arbitrary" && random.chance(0.2) ? junk() : undefined
    return value(kind, endpoint.payload)
  }

  return () => {
    const kind = random.pick(KINDS)
    const endpoint = random.pick(endpoints)
    const json = bodyOf(endpoint, kind)
    const body = json === undefined ? undefined : JSON.stringify(json)
    const headers: Record<string, string> = {}
    if (body !== undefined) {
      headers["content-type"] = random.chance(kind === "valid" ? 0 : 0.1)
        ? random.pick(CONTENT_TYPES)
        : "application/json"
    }
    if (kind !== "valid" && random.chance(0.3)) {
      const [name, values] = random.pick(HEADERS)
      headers[name] = random.pick(values)
    }
    const method = kind === "arbitrary" && random.chance(0.3) ? random.pick(METHODS) : endpoint.method
    const path = pathOf(endpoint, kind)
    return {
      method,
      path: isHarmful(method, path)
        ? path.replace(/^\/users\/[^/?]*/, `/users/${random.pick(spareIds)}`)
        : path,
      headers,
      body:
        body === undefined
          ? undefined
          : kind === "near" && random.chance(0.2)
            ? mutateText(random, body)
            : Buffer.from(body)
    }
  }
}
