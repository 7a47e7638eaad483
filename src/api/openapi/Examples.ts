import { Schema } from "effect"
import type { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Unavailable } from "../../domain/Unavailable.ts"
import { VERSION } from "../../domain/Version.ts"
import type { Messages } from "../Messages.ts"
import { serviceUnavailable } from "../ProblemOf.ts"
import * as Problems from "../Problems.ts"
import { endpoints, type System } from "../System.ts"
import type { Users } from "../Users.ts"
import type { LiveEvents } from "./LiveEvents.ts"

/** Examples of every request, answer and problem. Tests decode them by the contract. */

const alice = {
  id: 1,
  username: "alice",
  display_name: "Alice Liddell",
  created_at: "2026-01-31T12:00:00.000Z"
}
const bob = { id: 2, username: "bob", display_name: "bob", created_at: "2026-01-31T12:00:05.000Z" }

const hello = {
  id: 7,
  sender_id: 1,
  sender_username: "alice",
  receiver_id: 2,
  content: "Hello!",
  timestamp: "2026-01-31T12:01:00.000Z"
}
const reply = {
  id: 8,
  sender_id: 2,
  sender_username: "bob",
  receiver_id: 1,
  content: "Hi Alice",
  timestamp: "2026-01-31T12:01:09.500Z"
}

const wholeNumber = "must be a whole number of at least 1, in digits"

interface InvalidField {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

export interface OperationExamples {
  readonly request?: unknown
  /** By status. */
  readonly answers: Readonly<Record<number, unknown>>
  /** A field that does not decode, and what the 422 says of it. */
  readonly invalidField?: InvalidField
}

/** What one endpoint needs: bodies in the encoded shape of the contract, and a bad field where it takes any field. */
type ExamplesOf<Endpoint> = Endpoint extends HttpApiEndpoint.ConstraintRequest
  ? OperationExamples & {
      readonly answers: Readonly<Record<number, Wire<Endpoint["~Success"]>>>
    } & Given<Endpoint["~Payload"], { readonly request: Wire<Endpoint["~Payload"]> }> &
      Given<Endpoint["~Payload" | "~Query" | "~Params"], { readonly invalidField: InvalidField }>
  : never

/** A body as JSON carries it. An endpoint wraps its schemas into codecs, which know their encoded side as any JSON. */
type Wire<Body> = Body extends Schema.toCodecJson<infer Inner> ? Inner["Encoded"] : never

type Given<Input extends Schema.Constraint, Needed> = [Input["Type"]] extends [never] ? unknown : Needed

type Operation<Group> = Group extends HttpApiGroup.Constraint
  ? OperationIn<Group["identifier"], HttpApiGroup.Endpoints<Group>>
  : never

type OperationIn<Group extends string, Endpoint> = Endpoint extends HttpApiEndpoint.Constraint
  ? { readonly id: `${Group}.${Endpoint["identifier"]}`; readonly endpoint: Endpoint }
  : never

/** Examples of each endpoint of the groups, by its operation id. One that is left out fails to compile. */
export type Examples<Groups> = {
  readonly [Each in Operation<Groups> as Each["id"]]: ExamplesOf<Each["endpoint"]>
}

export const operations: Examples<typeof Users | typeof Messages | typeof System | typeof LiveEvents> = {
  "users.create": {
    request: { username: "alice", display_name: "Alice Liddell" },
    answers: { 200: alice },
    invalidField: { path: ["payload", "username"], message: "must have 3 to 50 characters" }
  },
  "users.list": {
    answers: { 200: [alice, bob] },
    invalidField: { path: ["query", "limit"], message: "must be a whole number from 1 to 1000" }
  },
  "users.get": {
    answers: { 200: alice },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "users.presence": {
    answers: { 200: { user_id: 1, online: true, connections: 2, last_seen: "2026-01-31T12:02:00.000Z" } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "users.disconnect": {
    request: { revoke_tokens: true },
    answers: { 200: { user_id: 1, code: 4001, tokens_not_before: "2026-01-31T12:02:00.000Z" } },
    invalidField: { path: ["payload", "code"], message: "must be 1012, 4001, 4002 or 4003" }
  },
  "users.events": {
    answers: {
      200: {
        events: [
          { type: "message_sent", seq: 11, ...hello, client_id: "c2f1a6e0-1" },
          { type: "message", seq: 12, ...reply }
        ],
        cursor: 12,
        epoch: "0e45f8afddac",
        recovered: true
      }
    },
    invalidField: { path: ["query", "wait"], message: "must be a whole number from 0 to 30" }
  },
  "messages.send": {
    request: { sender_id: 1, receiver_id: 2, content: "Hello!", client_id: "c2f1a6e0-1" },
    answers: { 200: { ...hello, delivered_via_websocket: true } },
    invalidField: {
      path: ["payload", "content"],
      message: "must have 1 to 1000 characters, white space around it aside"
    }
  },
  "messages.history": {
    answers: { 200: [reply, hello] },
    invalidField: { path: ["query", "user_id"], message: wholeNumber }
  },
  "messages.recent": {
    answers: { 200: { messages: [reply] } },
    invalidField: { path: ["params", "user_id"], message: wholeNumber }
  },
  "live.connect": {
    answers: {},
    invalidField: { path: ["query", "since"], message: "must be a whole number of at least 0" }
  },
  "system.welcome": {
    answers: {
      200: {
        message: "Mini Chat",
        version: VERSION,
        endpoints
      }
    }
  },
  "system.health": {
    answers: {
      200: { status: "OK", database: "OK", redis: "OK", timestamp: "2026-01-31T12:00:00.000Z" },
      503: { status: "ERROR", database: "ERROR", redis: "OK", timestamp: "2026-01-31T12:00:00.000Z" }
    }
  },
  "system.livez": { answers: { 200: { status: "OK" } } },
  "system.readyz": { answers: { 200: { status: "OK" }, 503: { status: "DRAINING" } } }
}

const encode = (problem: { readonly _tag: string; readonly constructor: unknown }) =>
  [problem._tag, Schema.encodeUnknownSync(problem.constructor as Schema.Encoder<unknown>)(problem)] as const

/** The 422 for one bad field. */
export const invalid = (field: InvalidField | undefined): unknown =>
  field === undefined ? undefined : encode(Problems.ValidationFailed.of([field]))[1]

/** By the name of the problem. */
export const problems: Readonly<Record<string, unknown>> = Object.fromEntries(
  [
    new Problems.UsernameTaken(),
    new Problems.Unauthorized(),
    new Problems.Forbidden(),
    new Problems.UserNotFound(),
    new Problems.SenderNotFound(),
    new Problems.ReceiverNotFound(),
    new Problems.ClientIdConflict(),
    Problems.ContentTooLarge.beyond(65_536),
    new Problems.UnsupportedMediaType(),
    new Problems.UpgradeRequired(),
    new Problems.TooManyRequests({ retry_after_ms: 850 }),
    new Problems.InternalServerError({ request_id: "1k2m9x-4f" }),
    serviceUnavailable(new Unavailable({ dependency: "database", cause: undefined }))
  ].map(encode)
)
